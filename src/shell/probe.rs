//! nc and ping: is there somebody?
//!
//! Stands for OpenBSD's nc and iputils' ping; in pods for busybox's. Left out: talking through nc, listening, ping without an end (the lab
//! sends four).

use super::flags::{self, Flag, Style, switch, value};
use super::host::seconds;
use super::{Io, Shell};
use crate::inet::Ipv4Addr;
use crate::time::Duration;
use crate::trace::{Action, Hop, OutcomeKind, Place, Request, Trace};

const NC: &[Flag] = &[
    switch("zero", 'z'),
    switch("verbose", 'v'),
    switch("numeric", 'n'),
    switch("udp", 'u'),
    switch("ipv4", '4'),
    value("wait", 'w', "SECONDS"),
];

/// The address that a trace's own request went to.
fn reached(trace: &Trace, host: &str) -> String {
    if host.parse::<Ipv4Addr>().is_ok() {
        return host.to_owned();
    }
    let last = trace.hops.last().map(|hop| hop.exchange);
    let first = trace.hops.iter().find(|hop| Some(hop.exchange) == last);
    first.map_or_else(String::new, |hop| hop.packet.dst.ip.to_string())
}

/// `nc -zv HOST PORT`
pub(super) fn nc(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[NC], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("nc: {}\n", problem.getopt()));
            let has = super::host::listed(&[NC]);
            shell.say(io, format!("the lab's nc has {has}"), format!("实验室的 nc 支持 {has}"));
            return 1;
        }
    };
    let [host, ports] = flags.words.as_slice() else {
        io.err("usage: nc [-46nuvz] [-w timeout] [destination] [port]\n");
        return 1;
    };
    let range = match ports.split_once('-') {
        Some((from, to)) => from.parse::<u16>().ok().zip(to.parse::<u16>().ok()),
        None => ports.parse::<u16>().ok().map(|port| (port, port)),
    };
    let Some((from, to)) = range.filter(|(from, to)| *from > 0 && from <= to && to - from < 1000) else {
        io.err(format!("nc: port number invalid: {ports}\n"));
        return 1;
    };
    let busybox = matches!(shell.terminal.place(), Place::Pod(..));
    let proto = if flags.on("udp") { "udp" } else { "tcp" };
    let wait = flags.get("wait").and_then(seconds).unwrap_or(Duration::MAX);
    let mut code = 0;
    for port in from..=to {
        let request = Request { protocol: proto.into(), url: format!("{host}:{port}").into(), ..Request::default() };
        let (trace, _) = shell.request(io, &request, wait);
        let ip = reached(&trace, host);
        let fault = match trace.outcome.kind {
            // A connection that a tunnel took was made, whatever became of it.
            OutcomeKind::Answered | OutcomeKind::Reset | OutcomeKind::TlsFailure => None,
            OutcomeKind::Refused => Some("Connection refused"),
            OutcomeKind::Unreachable => Some("No route to host"),
            // Nobody says that a datagram was lost.
            OutcomeKind::Timeout if proto == "udp" => None,
            OutcomeKind::Timeout => Some("Operation timed out"),
            OutcomeKind::DnsFailure => {
                io.err(match busybox {
                    true => format!("nc: bad address '{host}'\n"),
                    false => format!("nc: getaddrinfo for host \"{host}\" port {port}: Name or service not known\n"),
                });
                return 1;
            }
        };
        code = i32::from(fault.is_some());
        let named = if ip == *host { host.clone() } else { format!("{host} ({ip})") };
        match fault {
            None if !flags.on("verbose") => {}
            None if busybox => io.err(format!("{host} ({ip}:{port}) open\n")),
            None => io.err(format!("Connection to {named} {port} port [{proto}/{}] succeeded!\n", service(port))),
            Some(fault) if busybox => io.err(format!("nc: {host} ({ip}:{port}): {fault}\n")),
            Some(fault) if flags.on("verbose") => {
                io.err(format!("nc: connect to {named} port {port} ({proto}) failed: {fault}\n"));
            }
            Some(_) => {}
        }
    }
    if !flags.on("zero") && code == 0 {
        shell.say(io, "the lab's nc only knocks (nc -zv)", "实验室的 nc 只能探测端口（nc -zv）");
    }
    code
}

/// `/etc/services`, as far as tutorials meet it.
fn service(port: u16) -> &'static str {
    match port {
        22 => "ssh",
        53 => "domain",
        80 => "http",
        443 => "https",
        3306 => "mysql",
        5432 => "postgresql",
        8080 => "http-alt",
        _ => "*",
    }
}

const PING: &[Flag] = &[value("count", 'c', "COUNT"), value("timeout", 'W', "SECONDS"), switch("numeric", 'n')];

/// How many packets ping sends here if it is told no number.
const PACKETS: u32 = 4;

/// `ping [-c COUNT] HOST`
pub(super) fn ping(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[PING], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("ping: {}\n", problem.getopt()));
            return 2;
        }
    };
    let Some(host) = flags.words.first() else {
        io.err("ping: usage error: Destination address required\n");
        return 2;
    };
    let busybox = matches!(shell.terminal.place(), Place::Pod(..));
    let count = flags.get("count").and_then(|count| count.parse().ok()).unwrap_or(PACKETS).clamp(1, 100);
    let patience = Duration::from_secs(1);
    let request = Request { protocol: "icmp".into(), url: host.as_str().into(), ..Request::default() };
    let start = shell.cluster.now();
    let mut times: Vec<u128> = Vec::new();
    let mut unreachable = 0;
    for i in 0..count {
        let sent = shell.cluster.now();
        let (trace, took) = shell.request(io, &request, patience);
        let ip = reached(&trace, host);
        if trace.outcome.kind == OutcomeKind::DnsFailure {
            io.err(match busybox {
                true => format!("ping: bad address '{host}'\n"),
                false => format!("ping: {host}: Name or service not known\n"),
            });
            return if busybox { 1 } else { 2 };
        }
        if i == 0 {
            io.out(match busybox {
                true => format!("PING {host} ({ip}): 56 data bytes\n"),
                false => format!("PING {host} ({ip}) 56(84) bytes of data.\n"),
            });
        }
        let micros = took.as_micros();
        let millis = format!("{}.{:03}", micros / 1000, micros % 1000);
        match trace.outcome.kind {
            OutcomeKind::Answered => {
                // Each kernel that passes the answer on takes one.
                let passed = |hop: &&Hop| hop.reply && matches!(hop.action, Action::Forward | Action::Unnat);
                let ttl = 64_usize.saturating_sub(trace.hops.iter().filter(passed).count());
                times.push(micros);
                io.out(match busybox {
                    true => format!("64 bytes from {ip}: seq={i} ttl={ttl} time={millis} ms\n"),
                    false => format!("64 bytes from {ip}: icmp_seq={} ttl={ttl} time={millis} ms\n", i + 1),
                });
            }
            OutcomeKind::Unreachable if !busybox => {
                unreachable += 1;
                let from = shell.address().unwrap_or_default();
                io.out(format!("From {from} icmp_seq={} Destination Host Unreachable\n", i + 1));
            }
            OutcomeKind::Refused if !busybox => {
                unreachable += 1;
                io.out(format!("From {ip} icmp_seq={} Destination Port Unreachable\n", i + 1));
            }
            _ => {}
        }
        // One packet a second.
        if i + 1 < count {
            let spent = shell.cluster.now().since(sent);
            shell.pass(patience.saturating_sub(spent));
        }
    }
    let heard = times.len() as u32;
    let lost = (count - heard) * 100 / count;
    let total = shell.cluster.now().since(start).as_millis();
    io.out(format!("\n--- {host} ping statistics ---\n"));
    io.out(match busybox {
        true => format!("{count} packets transmitted, {heard} packets received, {lost}% packet loss\n"),
        false => {
            let errors = if unreachable > 0 { format!("+{unreachable} errors, ") } else { String::new() };
            format!("{count} packets transmitted, {heard} received, {errors}{lost}% packet loss, time {total}ms\n")
        }
    });
    let show = |micros: u128| format!("{}.{:03}", micros / 1000, micros % 1000);
    if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
        let mean = times.iter().sum::<u128>() / times.len() as u128;
        let [least, mean, most] = [*least, mean, *most].map(show);
        io.out(match busybox {
            true => format!("round-trip min/avg/max = {least}/{mean}/{most} ms\n"),
            false => format!("rtt min/avg/max/mdev = {least}/{mean}/{most}/0.000 ms\n"),
        });
    }
    i32::from(heard == 0)
}
