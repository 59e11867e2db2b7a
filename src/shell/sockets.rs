//! What a machine says of its network: ss, netstat, ip, hostname.
//!
//! Stands for iproute2 6.1 (as it prints into a pipe), net-tools. Sockets are those that the lab plays: kubectl's
//! and ssh's on the laptop, programs in pods, the API server on its node; a node port has none, since kube-proxy opens none. Left out:
//! established connections, IPv6 addresses, everything that changes anything.

use super::flags::{self, Flag, Style, switch};
use super::{Io, Shell};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::net::Server;
use crate::object::Host;
use crate::trace::{Place, Proto};

/// A socket that waits for connections or datagrams.
struct Listening {
    proto: Proto,
    /// `*` for every address.
    ip: String,
    port: u16,
    program: String,
    pid: u32,
}

/// Every listening socket where one stands.
fn listening(shell: &mut Shell) -> Vec<Listening> {
    let place = shell.terminal.place().clone();
    let network = shell.cluster.network();
    let of = |servers: &[Server]| {
        let mut found = Vec::new();
        for server in servers {
            let program = server.name.to_string();
            let one =
                |proto: Proto, port: u16| Listening { proto, ip: "*".into(), port, program: program.clone(), pid: 1 };
            found.extend(server.tcp.iter().map(|port| one(Proto::Tcp, *port)));
            let inside =
                server.loopback.iter().map(|port| Listening { ip: "127.0.0.1".into(), ..one(Proto::Tcp, *port) });
            found.extend(inside);
            found.extend(server.udp.iter().map(|port| one(Proto::Udp, *port)));
        }
        found
    };
    match &place {
        Place::Laptop => {
            let mut found = Vec::new();
            for listener in shell.cluster.flows().laptop().listeners() {
                let one = |ip: String| Listening {
                    proto: Proto::Tcp,
                    ip,
                    port: listener.port,
                    program: listener.program.to_owned(),
                    pid: listener.pid,
                };
                found.push(one(listener.ip.to_string()));
                if listener.ip.is_loopback() && listener.program == "kubectl" {
                    found.push(one("[::1]".into()));
                }
            }
            found
        }
        Place::Internet | Place::Cloud(_) => Vec::new(),
        Place::Node(name) => {
            let machine = network.topology.machines.iter().find(|machine| machine.name == *name);
            machine.map_or_else(Vec::new, |machine| of(&machine.servers))
        }
        Place::Pod(..) => {
            let cabin = network.topology.cabins.iter().find(|cabin| cabin.place == place);
            cabin.map_or_else(Vec::new, |cabin| of(&cabin.servers))
        }
    }
}

const SS: &[Flag] = &[
    switch("listening", 'l'),
    switch("numeric", 'n'),
    switch("tcp", 't'),
    switch("udp", 'u'),
    switch("processes", 'p'),
    switch("all", 'a'),
    switch("ipv4", '4'),
    switch("no-header", 'H'),
];

/// The sockets that the flags ask for.
fn asked(shell: &mut Shell, flags: &flags::Flags) -> Vec<Listening> {
    let both = !flags.on("tcp") && !flags.on("udp");
    let mut found = if flags.on("listening") || flags.on("all") { listening(shell) } else { Vec::new() };
    found.retain(|socket| both || flags.on(if socket.proto == Proto::Tcp { "tcp" } else { "udp" }));
    found
}

/// `ss -lnt`
pub(super) fn ss(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[SS], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("ss: {}\n", problem.getopt()));
            let has = super::host::listed(&[SS]);
            shell.say(io, format!("the lab's ss has {has}"), format!("实验室的 ss 支持 {has}"));
            return 255;
        }
    };
    let sockets = asked(shell, &flags);
    let peer = |socket: &Listening| match socket.ip.as_str() {
        "*" => "*",
        "[::1]" => "[::]",
        _ => "0.0.0.0",
    };
    let local = sockets.iter().map(|socket| socket.ip.len()).chain([13]).max().unwrap_or(13);
    let port = sockets.iter().map(|socket| socket.port.to_string().len()).chain([4]).max().unwrap_or(4);
    // With one protocol alone, its name needs no column.
    let netid = flags.on("tcp") == flags.on("udp");
    let lead = |name: &str| if netid { format!("{name:<5} ") } else { String::new() };
    if !flags.on("no-header") {
        io.out(format!(
            "{}{:<6} Recv-Q Send-Q {:>local$}:{:<port$} {:>12}:{:<4}Process\n",
            lead("Netid"),
            "State",
            "Local Address",
            "Port",
            "Peer Address",
            "Port"
        ));
    }
    for socket in &sockets {
        let (state, queue) = match socket.proto {
            Proto::Tcp => ("LISTEN", 4096),
            Proto::Udp | Proto::Icmp => ("UNCONN", 0),
        };
        let process = match flags.on("processes") {
            true => format!("users:((\"{}\",pid={},fd=3))", socket.program, socket.pid),
            false => String::new(),
        };
        let (ip, number) = (&socket.ip, socket.port);
        let text = format!(
            "{}{state:<6} {:<6} {queue:<6} {ip:>local$}:{number:<port$} {:>12}:{:<4}{process}",
            lead(socket.proto.name()),
            0,
            peer(socket),
            "*"
        );
        io.out(text.trim_end().to_owned() + "\n");
    }
    0
}

/// `netstat -lnt`
pub(super) fn netstat(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[SS], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("netstat: {}\n", problem.getopt()));
            return 1;
        }
    };
    let only = if flags.on("listening") { "only servers" } else { "w/o servers" };
    io.out(format!("Active Internet connections ({only})\n"));
    let process = if flags.on("processes") { "PID/Program name    " } else { "" };
    io.out(format!(
        "Proto Recv-Q Send-Q {:<23} {:<23} {:<11} {process}\n",
        "Local Address", "Foreign Address", "State"
    ));
    for socket in asked(shell, &flags) {
        let (six, ip, peer) = match socket.ip.as_str() {
            "*" => ("6", "::", ":::*"),
            "[::1]" => ("6", "::1", ":::*"),
            ip => ("", ip, "0.0.0.0:*"),
        };
        let state = if socket.proto == Proto::Tcp { "LISTEN" } else { "" };
        let proto = format!("{}{six}", socket.proto.name());
        let local = format!("{ip}:{}", socket.port);
        let process = match flags.on("processes") {
            true => format!("{}/{:<16}", socket.pid, socket.program),
            false => String::new(),
        };
        io.out(format!("{proto:<5} {:>6} {:>6} {local:<23} {peer:<23} {state:<11} {process}\n", 0, 0));
    }
    0
}

/// A network card, a bridge or an end of a veth pair.
struct Card {
    name: String,
    address: Option<Ipv4Net>,
    /// The bridge that it is tied to.
    master: Option<&'static str>,
}

/// The bridge of a node, to which its pods are tied.
const BRIDGE: &str = "bridge";

/// The network cards where one stands, but for `lo`.
fn cards(shell: &mut Shell) -> Vec<Card> {
    let place = shell.terminal.place().clone();
    let network = shell.cluster.network();
    let topology = &network.topology;
    let net = |ip: Ipv4Addr, prefix: u8| Ipv4Net::new(ip, prefix).ok();
    let card = |name: &str, address| Card { name: name.into(), address, master: None };
    match &place {
        Place::Laptop => match shell.cluster.profile().host {
            Host::Linux => vec![card("br-minikube", net(topology.laptop, 24))],
            // The nodes are in a virtual machine or far away: only the network at home.
            Host::DockerDesktop | Host::Remote => vec![card("wlan0", net(Ipv4Addr::new(192, 168, 1, 23), 24))],
        },
        Place::Internet | Place::Cloud(_) => Vec::new(),
        Place::Node(name) => {
            let Some(node) = topology.machines.iter().position(|machine| machine.name == *name) else {
                return Vec::new();
            };
            let machine = &topology.machines[node];
            let mut cards = vec![
                card("eth0", net(machine.address, 24)),
                card(BRIDGE, net(machine.gateway, machine.pod_cidr.prefix_len())),
            ];
            for cabin in topology.cabins.iter().filter(|cabin| cabin.node == node && !cabin.host_network) {
                let name = format!("veth{}@if2", &super::container_id(&cabin.place.to_string())[..8]);
                cards.push(Card { name, address: None, master: Some(BRIDGE) });
            }
            cards
        }
        Place::Pod(..) => {
            let Some(cabin) = topology.cabins.iter().find(|cabin| cabin.place == place) else { return Vec::new() };
            let machine = &topology.machines[cabin.node];
            let prefix = if cabin.host_network { 24 } else { machine.pod_cidr.prefix_len() };
            vec![card("eth0", net(cabin.ip, prefix))]
        }
    }
}

/// `ip addr`, `ip link`, `ip route`
pub(super) fn ip(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "-4").collect();
    match words.as_slice() {
        ["a" | "ad" | "addr" | "address"] | ["a" | "ad" | "addr" | "address", "show" | "list" | "ls", ..] => {
            let only = words.iter().skip(2).find(|word| **word != "dev").copied();
            addresses(shell, io, only);
            0
        }
        ["r" | "ro" | "route"] | ["r" | "ro" | "route", "show" | "list" | "ls"] => {
            routes(shell).iter().for_each(|line| io.out(format!("{line} \n")));
            0
        }
        ["r" | "ro" | "route", "get", to] => get_route(shell, io, to),
        _ => {
            io.err("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n");
            shell.say(
                io,
                "the lab has: ip addr, ip route, ip route get ADDRESS",
                "实验室提供：ip addr、ip route、ip route get 地址",
            );
            255
        }
    }
}

fn addresses(shell: &mut Shell, io: &mut Io, only: Option<&str>) {
    if only.is_none_or(|only| only == "lo") {
        io.out("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n");
        io.out("    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n");
    }
    for (i, card) in cards(shell).iter().enumerate() {
        let short = card.name.split('@').next().unwrap_or_default();
        if only.is_some_and(|only| only != short) {
            continue;
        }
        let master = card.master.map_or_else(String::new, |bridge| format!("master {bridge} "));
        let name = &card.name;
        io.out(format!(
            "{}: {name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue {master}state UP group default\n",
            i + 2
        ));
        let octets = match card.address {
            Some(net) => net.addr().octets(),
            None => [0, 0, i as u8, 1],
        };
        let [a, b, c, d] = octets;
        io.out(format!("    link/ether 02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x} brd ff:ff:ff:ff:ff:ff\n"));
        if let Some(net) = card.address {
            let (ip, prefix, all) = (net.addr(), net.prefix_len(), net.broadcast());
            io.out(format!(
                "    inet {ip}/{prefix} brd {all} scope global {short}\n       valid_lft forever preferred_lft forever\n"
            ));
        }
    }
}

/// The routing table, as `ip route` prints it.
fn routes(shell: &mut Shell) -> Vec<String> {
    let place = shell.terminal.place().clone();
    let network = shell.cluster.network();
    let topology = &network.topology;
    let linked =
        |net: Ipv4Net, card: &str| format!("{} dev {card} proto kernel scope link src {}", net.trunc(), net.addr());
    let mut lines = Vec::new();
    match &place {
        Place::Laptop => {
            lines.push("default via 192.168.1.1 dev wlan0 proto dhcp src 192.168.1.23 metric 600".to_owned());
            let tunnel = shell.cluster.flows().laptop().route();
            let via = tunnel.and_then(|node| topology.machines.iter().find(|machine| machine.name == *node));
            lines.extend(via.map(|m| format!("{} via {} dev br-minikube", topology.service_cidr, m.address)));
            lines.extend(cards(shell).iter().filter_map(|card| Some(linked(card.address?, &card.name))));
        }
        Place::Internet | Place::Cloud(_) => {}
        Place::Node(name) => {
            lines.push(format!("default via {} dev eth0", topology.laptop));
            let others = topology.machines.iter().filter(|machine| machine.name != *name);
            let mut all: Vec<(Ipv4Addr, String)> =
                others.map(|m| (m.pod_cidr.network(), format!("{} via {} dev eth0", m.pod_cidr, m.address))).collect();
            for card in cards(shell) {
                if let Some(net) = card.address {
                    all.push((net.network(), linked(net, &card.name)));
                }
            }
            crate::sort::by_key(&mut all, |(net, _)| *net);
            lines.extend(all.into_iter().map(|(_, line)| line));
        }
        Place::Pod(..) => {
            let Some(cabin) = topology.cabins.iter().find(|cabin| cabin.place == place) else { return lines };
            let gateway = topology.machines[cabin.node].gateway;
            lines.push(format!("default via {gateway} dev eth0"));
            lines.extend(cards(shell).iter().filter_map(|card| Some(linked(card.address?, &card.name))));
        }
    }
    lines
}

/// `ip route get ADDRESS`: by which card, and from which address, a packet would leave.
fn get_route(shell: &mut Shell, io: &mut Io, to: &str) -> i32 {
    let Ok(to) = to.parse::<Ipv4Addr>() else {
        io.err(format!("Error: any valid prefix is expected rather than \"{to}\".\n"));
        return 1;
    };
    let own = cards(shell);
    if to.is_loopback() || own.iter().any(|card| card.address.is_some_and(|net| net.addr() == to)) {
        io.out(format!("local {to} dev lo src {to} uid 0 \n    cache <local> \n"));
        return 0;
    }
    let source = |dev: &str| {
        let card = own.iter().find(|card| card.name == dev).and_then(|card| card.address);
        card.map_or_else(String::new, |net| net.addr().to_string())
    };
    let lines = routes(shell);
    let fits = |line: &&String| {
        let net = line.split(' ').next().and_then(|net| net.parse::<Ipv4Net>().ok());
        net.is_some_and(|net| net.contains(&to))
    };
    let Some(line) = lines.iter().find(fits).or_else(|| lines.iter().find(|line| line.starts_with("default"))) else {
        io.err("RTNETLINK answers: Network is unreachable\n");
        return 2;
    };
    let words: Vec<&str> = line.split(' ').collect();
    let after = |key: &str| words.iter().position(|word| *word == key).and_then(|i| words.get(i + 1)).copied();
    let dev = after("dev").unwrap_or_default();
    let via = after("via").map_or_else(String::new, |via| format!(" via {via}"));
    let src = after("src").map_or_else(|| source(dev), str::to_owned);
    io.out(format!("{to}{via} dev {dev} src {src} uid 0 \n    cache \n"));
    0
}

/// `hostname`, `hostname -i`, `hostname -I`
pub(super) fn hostname(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let own = match shell.terminal.place() {
        Place::Laptop => "127.0.1.1".to_owned(),
        _ => shell.address().unwrap_or_default(),
    };
    let text = match args.first().map(String::as_str) {
        Some("-i" | "--ip-address") => own,
        Some("-I" | "--all-ip-addresses") => {
            cards(shell).iter().filter_map(|card| card.address).map(|net| format!("{} ", net.addr())).collect()
        }
        _ => shell.host_name(),
    };
    io.out(text + "\n");
    0
}
