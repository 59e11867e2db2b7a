//! `conntrack`: what a node's kernel remembers of connections.
//!
//! Stands for conntrack-tools 1.4.7: `-L`, `-C` and `-D`, with the filters that people use. Left out: `-E`, other output formats.

use super::flags::{self, Flag, Style, switch, value};
use super::{Io, Shell};
use crate::net::Entry;
use crate::trace::Place;

const CONNTRACK: &[Flag] = &[
    switch("dump", 'L'),
    switch("count", 'C'),
    switch("delete", 'D'),
    value("proto", 'p', "PROTO"),
    value("orig-src", 's', "IP"),
    value("orig-dst", 'd', "IP"),
    value("reply-src", 'r', "IP"),
    value("reply-dst", 'q', "IP"),
    value("sport", ' ', "PORT"),
    value("dport", ' ', "PORT"),
    value("src", ' ', "IP"),
    value("dst", ' ', "IP"),
];

/// `conntrack -L | -C | -D [-p PROTO] [-s IP] [-d IP] [-r IP] [-q IP] [--sport PORT] [--dport PORT]`
///
/// On the laptop and in pods no connection is remembered: nothing there asks for it.
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[CONNTRACK], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("conntrack: {}\n{HELP}", problem.getopt()));
            return 2;
        }
    };
    let fits = |entry: &Entry| {
        let (original, reply) = (&entry.original, &entry.reply);
        let is = |flag: &str, what: String| flags.get(flag).is_none_or(|wanted| wanted == what);
        is("proto", original.proto.name().into())
            && is("orig-src", original.src.ip.to_string())
            && is("src", original.src.ip.to_string())
            && is("orig-dst", original.dst.ip.to_string())
            && is("dst", original.dst.ip.to_string())
            && is("reply-src", reply.src.ip.to_string())
            && is("reply-dst", reply.dst.ip.to_string())
            && is("sport", original.src.port.to_string())
            && is("dport", original.dst.port.to_string())
    };
    // What has ended is told before it is listed.
    let (network, now) = (shell.cluster.network(), shell.cluster.now());
    let machine = match shell.terminal.place() {
        Place::Node(name) => network.topology.machines.iter().position(|machine| machine.name == *name),
        _ => None,
    };
    let kernel = machine.and_then(|machine| shell.cluster.flows().kernel(machine));
    let entries: Vec<Entry> =
        kernel.into_iter().flat_map(|kernel| kernel.conntrack.entries(now)).filter(|e| fits(e)).copied().collect();
    if flags.on("count") {
        io.out(format!("{}\n", entries.len()));
        return 0;
    }
    let done = match (flags.on("dump"), flags.on("delete"), machine) {
        (true, ..) => "shown",
        (_, true, machine) => {
            machine.into_iter().for_each(|machine| shell.cluster.forget_connections(machine, fits));
            "deleted"
        }
        _ => {
            io.err(format!("conntrack v1.4.7 (conntrack-tools): you must specify an action\n{HELP}"));
            return 2;
        }
    };
    for entry in &entries {
        io.out(entry.show(now) + "\n");
    }
    io.err(format!("conntrack v1.4.7 (conntrack-tools): {} flow entries have been {done}.\n", entries.len()));
    0
}

const HELP: &str = "Try `conntrack -h' or 'conntrack --help' for more information.\n";
