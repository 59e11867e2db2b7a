//! Network namespaces laid out as a cluster: one outside, one for each node, some for pods on each; made once, used again.
//!
//! Outside is a bridge that joins the nodes' `eth0`, the laptop's address and any number of clients; it forwards nothing, so
//! that what leaves the cluster is lost. A pod is tied to its node by a veth pair and a route to its address alone, as kindnet
//! ties it. Each namespace has an [`Agent`]. All go when the laboratory does, and what an earlier run left goes first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use kubehop::net::{Network, Origin, iptables_save, nft_ruleset};
use kubehop::time::Instant;

use super::agent::Agent;
use crate::Check;

const NODES: usize = 3;
/// Pods on each node.
const PODS: usize = 12;

/// Rules, line by line, by table.
type Tables = BTreeMap<String, Vec<String>>;

/// The namespaces.
pub(crate) struct Lab {
    prefix: String,
    outside: Mutex<Agent>,
    nodes: Vec<Mutex<Agent>>,
    pods: Vec<Mutex<Agent>>,
    /// Which namespace is which pod, by the pod's number in the network.
    places: BTreeMap<usize, usize>,
    has_nft: bool,
}

/// Why this machine cannot be judge, if it cannot.
pub(crate) fn unfit() -> Option<String> {
    let id = Command::new("id").arg("-u").output();
    if id.map_or(true, |out| out.stdout != b"0\n") {
        return Some("only root can make network namespaces".into());
    }
    for (program, package) in [("ip", "iproute2"), ("iptables-restore", "iptables"), ("iptables-save", "iptables")] {
        if Command::new(program).arg("-V").output().is_err() {
            return Some(format!("there is no {program} (Debian's package {package})"));
        }
    }
    let name = format!("khj{}-try", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output().is_ok_and(|out| out.status.success());
    if !made {
        return Some("no network namespace can be made here".into());
    }
    let rule = "iptables -t nat -A OUTPUT -p tcp -m statistic --mode random --probability 0.5 -m recent --set -m addrtype \
                --dst-type LOCAL -m comment --comment x -m conntrack --ctstate NEW -j MARK --set-xmark 1/1 && \
                iptables -t nat -A POSTROUTING -j MASQUERADE --random-fully && \
                ip link add one type veth peer name two && ip link add three type bridge";
    let rule = format!("ip netns exec {name} sh -c '{rule}'");
    let tried = Command::new("sh").args(["-c", &rule]).output();
    let _ = Command::new("ip").args(["netns", "del", &name]).output();
    match tried {
        Ok(out) if out.status.success() => None,
        Ok(out) => Some(format!("the kernel lacks modules: {}", String::from_utf8_lossy(&out.stderr).trim())),
        Err(error) => Some(error.to_string()),
    }
}

/// Why this machine cannot judge nftables mode, if it cannot.
pub(crate) fn unfit_for_nft() -> Option<String> {
    match Command::new("nft").arg("--version").output() {
        Ok(_) => None,
        Err(_) => Some("there is no nft (Debian's package nftables)".into()),
    }
}

/// Runs a script; its errors are ours.
fn shell(script: &str) {
    let mut child = Command::new("sh").args(["-e", "-s"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Deletes what runs left that were killed.
fn sweep() {
    let list = Command::new("ip").args(["netns", "list"]).output().map(|out| out.stdout).unwrap_or_default();
    for name in String::from_utf8_lossy(&list).lines().filter_map(|line| line.split_whitespace().next()) {
        let pid = name.strip_prefix("khj").and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid);
        if pid.is_some_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

impl Lab {
    /// Makes the namespaces, wired and empty.
    pub(crate) fn new() -> Self {
        sweep();
        let prefix = format!("khj{}", std::process::id());
        let outside = format!("{prefix}-out");
        let nodes: Vec<String> = (0..NODES).map(|i| format!("{prefix}-n{i}")).collect();
        let pods: Vec<String> = (0..NODES * PODS).map(|i| format!("{prefix}-p{i}")).collect();
        let mut sh = String::new();
        for name in [&outside].into_iter().chain(&nodes).chain(&pods) {
            let _ = writeln!(sh, "ip netns add {name}");
        }
        // Errors are told at once and as often as they occur; connections are forgotten as soon as they are over.
        let common = "net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0";
        let short = "net.netfilter.nf_conntrack_udp_timeout=1 net.netfilter.nf_conntrack_udp_timeout_stream=1 \
                     net.netfilter.nf_conntrack_tcp_timeout_time_wait=1 net.netfilter.nf_conntrack_tcp_timeout_close=1 \
                     net.netfilter.nf_conntrack_tcp_timeout_syn_sent=1";
        for name in [&outside].into_iter().chain(&pods) {
            let _ = writeln!(sh, "ip -n {name} link set lo up; ip netns exec {name} sysctl -qw {common}");
        }
        let _ = writeln!(
            sh,
            "ip netns exec {outside} sysctl -qw net.ipv4.ip_forward=0\nip -n {outside} link add wire type bridge\n\
             ip -n {outside} link set wire up"
        );
        for (i, name) in nodes.iter().enumerate() {
            let _ = writeln!(
                sh,
                "ip -n {name} link set lo up\n\
                 ip netns exec {name} iptables -t nat -A POSTROUTING -m conntrack --ctstate NEW -j RETURN\n\
                 ip netns exec {name} sysctl -qw {common} {short} net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1 \
                 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0\n\
                 ip -n {outside} link add w{i} type veth peer name eth0 netns {name}\n\
                 ip -n {outside} link set w{i} master wire up\nip -n {name} link set eth0 up"
            );
        }
        for (i, name) in pods.iter().enumerate() {
            let node = &nodes[i / PODS];
            let _ = writeln!(
                sh,
                "ip -n {node} link add v{i} type veth peer name eth0 netns {name}\n\
                 ip -n {node} link set v{i} up\nip -n {name} link set eth0 up"
            );
        }
        shell(&sh);
        let start = |name: &String| Mutex::new(Agent::start(name));
        let has_nft = unfit_for_nft().is_none();
        let (nodes, pods) = (nodes.iter().map(start).collect(), pods.iter().map(start).collect());
        Self { outside: start(&outside), nodes, pods, prefix, places: BTreeMap::new(), has_nft }
    }

    /// Lays the namespaces out as a network: addresses, routes, rules, programs.
    pub(crate) fn arrange(&mut self, network: &Network) -> Result<(), String> {
        let topology = &network.topology;
        let laptop = topology.machines.first().map(|m| Ipv4Addr::from((u32::from(m.address) & !0xff) + 1)).unwrap();
        self.places.clear();
        let mut free: Vec<usize> = (0..NODES).map(|node| node * PODS).collect();
        for (number, cabin) in topology.cabins.iter().enumerate().filter(|(_, cabin)| !cabin.host_network) {
            let place = free[cabin.node];
            free[cabin.node] += 1;
            if place + 1 >= (cabin.node + 1) * PODS {
                return Err(format!("{PODS} pods on a node are too many"));
            }
            self.places.insert(number, place);
        }
        let mut outside = "addr flush dev wire\naddr flush dev lo\n".to_owned();
        let _ = writeln!(outside, "addr add {laptop}/16 dev wire");
        let this = &*self;
        run(&this.outside, "ip -batch -", &outside)?;
        std::thread::scope(|scope| {
            let nodes = topology.machines.iter().enumerate().map(|(i, machine)| {
                scope.spawn(move || {
                    let mut batch = format!(
                        "addr flush dev eth0\naddr add {}/16 dev eth0\nroute replace default via {laptop}\n",
                        machine.address
                    );
                    for (_, other) in topology.machines.iter().enumerate().filter(|(j, _)| *j != i) {
                        let _ = writeln!(batch, "route replace {} via {}", other.pod_cidr, other.address);
                    }
                    for place in i * PODS..(i + 1) * PODS {
                        let _ = writeln!(batch, "addr flush dev v{place}");
                    }
                    // The pods' gateway is there, though there be no pod.
                    let _ = writeln!(batch, "addr add {}/32 dev v{}", machine.gateway, (i + 1) * PODS - 1);
                    for (number, place) in this.places.iter().filter(|(_, place)| **place / PODS == i) {
                        let _ = writeln!(batch, "addr add {}/32 dev v{place}", machine.gateway);
                        let _ = writeln!(batch, "route replace {}/32 dev v{place}", topology.cabins[*number].ip);
                    }
                    run(&this.nodes[i], "ip -batch -", &batch)?;
                    let servers = machine.servers.iter().map(|s| listens(&s.name, &s.tcp, &s.udp));
                    order(&this.nodes[i], &format!("serve{}", servers.rev().collect::<String>()))?;
                    this.load(network, i)
                })
            });
            let nodes: Vec<_> = nodes.collect();
            for (number, place) in &this.places {
                let cabin = &topology.cabins[*number];
                let gateway = topology.machines[cabin.node].gateway;
                let batch = format!(
                    "addr flush dev eth0\naddr add {0}/32 dev eth0\nroute replace {gateway}/32 dev eth0 scope link\n\
                     route replace default via {gateway} src {0}\n",
                    cabin.ip
                );
                run(&this.pods[*place], "ip -batch -", &batch)?;
                let servers = cabin.servers.iter().map(|s| listens(&s.name, &s.tcp, &s.udp));
                order(&this.pods[*place], &format!("serve{}", servers.rev().collect::<String>()))?;
            }
            nodes.into_iter().try_for_each(|node| node.join().unwrap())
        })
    }

    /// Loads a node's rules; the kernel must print the same back.
    fn load(&self, network: &Network, node: usize) -> Result<(), String> {
        let agent = &self.nodes[node];
        let name = &network.topology.machines[node].name;
        if self.has_nft {
            run(agent, "nft -f -", "flush ruleset")?;
        }
        let rules = iptables_save(network, name, Instant::ZERO).ok_or("no rules")?;
        run(agent, "iptables-restore", &rules)?;
        let saved = run(agent, "iptables-save", "")?;
        let (ours, theirs) = (tables(rules.lines()), tables(saved.iter().map(String::as_str)));
        if ours != theirs {
            let lost = difference(&ours, &theirs).into_iter().map(|line| format!("\n  - {line}"));
            let new = difference(&theirs, &ours).into_iter().map(|line| format!("\n  + {line}"));
            let lines: String = lost.chain(new).collect();
            return Err(format!("the kernel holds other rules than we wrote on {name}, or in another order:{lines}"));
        }
        if let Some(table) = nft_ruleset(network, name) {
            run(agent, "nft -f -", &table)?;
        }
        order(agent, "forget").map(drop)
    }

    /// Opens `count` real connections for a check, and tells how many came to what.
    pub(crate) fn ask(
        &self,
        check: &Check,
        network: &Network,
        count: usize,
        millis: u64,
    ) -> Result<BTreeMap<String, usize>, String> {
        let agent = match check.origin {
            Origin::Cabin(number) => &self.pods[self.places[&number]],
            Origin::Machine(node) => &self.nodes[node],
            Origin::Wire(_) | Origin::Laptop | Origin::Internet => &self.outside,
        };
        let mut agent = agent.lock().unwrap();
        if let Origin::Wire(node) = check.origin {
            // The client's own address, and the way by that node.
            let (client, via) = (check.source, network.topology.machines[node].address);
            let way = if check.to.ip == via { "dev wire".to_owned() } else { format!("via {via}") };
            let batch =
                format!("addr replace {client}/32 dev lo\nroute replace {}/32 {way} src {client}\n", check.to.ip);
            agent.pipe("ip -batch -", &batch)?;
        }
        let answer = agent.order(&format!("ask {} {} {count} {millis}", check.proto.name(), check.to));
        if let Origin::Wire(_) = check.origin {
            agent.pipe("ip -batch -", &format!("route del {}/32\n", check.to.ip))?;
        }
        let count = |line: String| {
            let (count, word) = line.split_once(' ')?;
            Some((word.to_owned(), count.parse().ok()?))
        };
        Ok(answer?.into_iter().filter_map(count).collect())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let agents = self.pods.drain(..).chain(self.nodes.drain(..));
        agents.for_each(drop);
        let list = Command::new("ip").args(["netns", "list"]).output().map(|out| out.stdout).unwrap_or_default();
        for name in String::from_utf8_lossy(&list).lines().filter_map(|line| line.split_whitespace().next()) {
            if name.starts_with(&format!("{}-", self.prefix)) {
                let _ = Command::new("ip").args(["netns", "del", name]).output();
            }
        }
    }
}

fn run(agent: &Mutex<Agent>, command: &str, text: &str) -> Result<Vec<String>, String> {
    agent.lock().unwrap().pipe(command, text)
}

fn order(agent: &Mutex<Agent>, text: &str) -> Result<Vec<String>, String> {
    agent.lock().unwrap().order(text)
}

/// The lines of tables that others lack.
fn difference<'a>(ours: &'a Tables, theirs: &Tables) -> Vec<&'a String> {
    let missing = |(table, lines): (&String, &'a Vec<String>)| {
        let there = theirs.get(table).cloned().unwrap_or_default();
        lines.iter().filter(move |line| !there.contains(line)).collect::<Vec<_>>()
    };
    ours.iter().flat_map(missing).collect()
}

/// What an agent is told of a program; of two on a port the one told last answers.
fn listens(name: &str, tcp: &[u16], udp: &[u16]) -> String {
    let told =
        |proto: &str, ports: &[u16]| ports.iter().map(|port| format!(" {proto}:{port}={name}")).collect::<String>();
    told("tcp", tcp) + &told("udp", udp)
}

/// The rules of `iptables-save` by table, without comments and counters.
fn tables<'a>(lines: impl Iterator<Item = &'a str>) -> Tables {
    let mut tables = Tables::new();
    let mut table = String::new();
    for line in lines.filter(|line| !line.starts_with('#') && *line != "COMMIT" && !line.is_empty()) {
        match line.strip_prefix('*') {
            Some(name) => table = name.to_owned(),
            // Counters of chains count what the machine itself sends meanwhile.
            None => {
                tables.entry(table.clone()).or_default().push(line.split(" [").next().unwrap_or_default().to_owned())
            }
        }
    }
    tables
}
