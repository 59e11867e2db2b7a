//! minikube: the cluster's machines.
//!
//! Stands for minikube 1.39 `cmd/minikube/cmd`; left out: everything that makes or removes clusters.

mod addons;
mod machines;
mod service;
mod told;
mod tunnel;

pub(super) use service::Tunnel;
pub(super) use tunnel::Balancers;

use super::flags::{self, Flag, Style, switch, value};
use super::{Io, Shell};
use crate::trace::Place;

const COMMON: &[Flag] = &[value("node", 'n', "NODE"), value("profile", 'p', "NAME"), switch("help", 'h')];

/// `minikube`
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::PflagUntilWord, &[COMMON], args) {
        Ok(flags) => flags,
        Err(problem) => return unknown_flag(io, "", &problem),
    };
    let Some((verb, rest)) = flags.words.split_first() else {
        return serves(shell, io, 0);
    };
    match verb.as_str() {
        "service" => return service::service(shell, io, rest),
        "tunnel" => return tunnel::tunnel(shell, io, rest),
        "addons" => return addons::run(shell, io, rest).unwrap_or_else(|| serves(shell, io, 1)),
        _ => {}
    }
    let style = if verb == "ssh" { Style::PflagUntilWord } else { Style::Pflag };
    let own = match flags::read(style, &[COMMON], rest) {
        Ok(own) => own,
        Err(problem) => return unknown_flag(io, &format!("{verb} "), &problem),
    };
    let wanted = own.get("node").or(flags.get("node"));
    match verb.as_str() {
        "ssh" => match node(shell, wanted) {
            Ok(name) => ssh(shell, io, name, &own.words),
            Err(name) => told::exit(io, "GUEST_NODE_RETRIEVE", 85, &format!("Node {name} does not exist.")),
        },
        "ip" => match node(shell, wanted) {
            Ok(name) => {
                let address = shell.nodes().into_iter().find(|node| node.0 == name);
                io.out(address.map_or(String::new(), |node| format!("{}\n", node.1)));
                0
            }
            Err(name) => {
                let message = format!("retrieving node: Could not find node {name}");
                told::exit_error(io, "GUEST_NODE_RETRIEVE", 85, &message, "ip")
            }
        },
        "status" => machines::status(shell, io),
        "node" => machines::node(shell, io, &own.words).unwrap_or_else(|| serves(shell, io, 0)),
        "stop" => machines::stop(shell, io),
        "start" => machines::start(shell, io),
        "version" => {
            io.out("minikube version: v1.39.0\n");
            0
        }
        "help" => serves(shell, io, 0),
        "cache" | "config" | "cp" | "dashboard" | "delete" | "docker-env" | "image" | "kubectl" | "logs" | "mount"
        | "options" | "pause" | "podman-env" | "profile" | "ssh-host" | "ssh-key" | "unpause" | "update-check"
        | "update-context" | "completion" => serves(shell, io, 1),
        other => {
            io.err(format!("Error: unknown command \"{other}\" for \"minikube\"\nRun 'minikube --help' for usage.\n"));
            serves(shell, io, 64)
        }
    }
}

fn unknown_flag(io: &mut Io, verb: &str, problem: &flags::Problem) -> i32 {
    io.err(format!("Error: {}\nSee 'minikube {verb}--help' for usage.\n", problem.pflag()));
    64
}

fn serves(shell: &Shell, io: &mut Io, code: i32) -> i32 {
    shell.say(
        io,
        "the lab's minikube has: service NAME [--url], service list, tunnel, addons list|enable|disable, ssh [-n NODE] [-- COMMAND], ip, start, stop, status, node list|stop|start, version",
        "实验室的 minikube 支持：service 名字 [--url]、service list、tunnel、addons list|enable|disable、ssh [-n 节点] [-- 命令]、ip、start、stop、status、node list|stop|start、version",
    );
    code
}

/// The node meant: the named one, else the first; the name itself if there is no such node.
fn node(shell: &Shell, name: Option<&str>) -> Result<String, String> {
    let mut nodes = shell.nodes().into_iter().map(|node| node.0);
    let found = match name {
        None => nodes.next(),
        // minikube also takes the short name: m02.
        Some(name) => nodes.find(|node| node == name || node.strip_prefix("minikube-") == Some(name)),
    };
    found.ok_or_else(|| name.unwrap_or_default().to_owned())
}

fn ssh(shell: &mut Shell, io: &mut Io, node: String, words: &[String]) -> i32 {
    if shell.cluster.outages().is_stopped(&node) {
        io.err(format!("ssh: \"{node}\" is not running\n"));
        return 1;
    }
    let place = Place::Node(node.into());
    let input = io.input.take();
    if words.is_empty() {
        // With a pipe before it, ssh reads its lines from there.
        return match input {
            Some(lines) => shell.at(place, |shell| lines.lines().map(|line| shell.line(io, line)).last().unwrap_or(0)),
            None => {
                shell.enter(place);
                0
            }
        };
    }
    // ssh joins the words with blanks; the shell on the node reads the line anew.
    let line = words.join(" ");
    io.input = input;
    let code = shell.at(place, |shell| shell.line(io, &line));
    if code != 0 {
        io.err(format!("ssh: Process exited with status {code}\n"));
        // minikube does not pass the status on.
        return 1;
    }
    0
}
