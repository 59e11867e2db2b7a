//! The Linux kernel as judge: the flow table's rows again, with real namespaces, real connections and our rules loaded.
//!
//! Each case becomes network namespaces on this machine: one for what is outside (with the wire that joins the nodes), one
//! for each node, one for each pod. Each node's rules are what `iptables_save` prints, loaded by `iptables-restore`, which
//! must print the same back. Every check opens connections from the client's namespace; who answers, which address they
//! saw, and how it failed must be what the model says may happen.
//!
//! Needs root, `ip` and `iptables`; says so and does nothing without them. Sends no packet outside the namespaces it makes.
//! With `KERNEL_SAYS=1` it prints what came of every row.

#![cfg(target_os = "linux")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use kubehop::net::{End, Network, Origin, Way, iptables_save};
use kubehop::time::Instant;
use kubehop::trace::{Place, Proto};
use serde_yaml::Value;
use world::World;
use world::truth::{CASES, INTERNET, build, destination, list, text};

/// How many real connections each check opens.
const CONNECTIONS: usize = 8;
/// How many the model opens, to know all that may happen.
const TRIES: usize = 200;
/// How long a client waits: everything is on one machine.
const PATIENCE: Duration = Duration::from_millis(600);
/// Rows of our own, of the same form; `sticky` means that each client meets one endpoint, whichever it is.
const OWN: &str = "
cases:
- name: session affinity keeps a client at its pod
  sticky: true
  nodes: [{name: n1, ip: 192.168.50.11}, {name: n2, ip: 192.168.50.12}]
  manifests: |
    {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: shop}}, spec: {nodeName: n1, containers: []}}
    ---
    {apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: shop}}, spec: {nodeName: n2, containers: []}}
    ---
    {apiVersion: v1, kind: Pod, metadata: {name: c, labels: {app: shop}}, spec: {nodeName: n2, containers: []}}
    ---
    {apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, sessionAffinity: ClientIP,
      sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, ports: [{port: 80, targetPort: 8080}]}}
  checks: [{from: pod/a, to: 'clusterIP(shop):80'}, {from: node/n1, to: 'clusterIP(shop):80'}]
- name: a UDP Service beside a TCP one on the same port
  nodes: [{name: n1, ip: 192.168.50.11}, {name: n2, ip: 192.168.50.12}]
  manifests: |
    {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: shop}}, spec: {nodeName: n1, containers: []}}
    ---
    {apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: shop}}, spec: {nodeName: n2, containers: []}}
    ---
    {apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {type: NodePort, selector: {app: shop}, ports: [
      {name: tcp, port: 80, targetPort: 8080, nodePort: 30080}, {name: udp, port: 80, targetPort: 8443, protocol: UDP, nodePort: 30080}]}}
  checks:
  - {from: pod/a, to: 'clusterIP(shop):80'}
  - {from: pod/a, to: 'clusterIP(shop):80', protocol: UDP}
  - {from: node/n2, to: 'clusterIP(shop):80', protocol: UDP}
  - {from: internet, to: 'nodeIP(n1):30080', protocol: UDP}
- name: no endpoints, by UDP and from every side
  nodes: [{name: n1, ip: 192.168.50.11}, {name: n2, ip: 192.168.50.12}]
  manifests: |
    {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeName: n1, containers: []}}
    ---
    {apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {type: NodePort, selector: {app: shop}, ports: [
      {name: tcp, port: 80, nodePort: 30080}, {name: udp, port: 80, protocol: UDP, nodePort: 30080}]}}
  checks:
  - {from: pod/a, to: 'clusterIP(shop):80', protocol: UDP}
  - {from: node/n1, to: 'clusterIP(shop):80'}
  - {from: node/n1, to: 'nodeIP(n1):30080'}
  - {from: node/n1, to: 'nodeIP(n2):30080'}
  - {from: pod/a, to: 'nodeIP(n2):30080', protocol: UDP}
  - {from: internet, to: 'nodeIP(n1):30080'}
";
/// Where servers in pods listen.
const PORTS: [u16; 2] = [8080, 8443];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("--serve") => serve(&words[2]),
        Some("--connect") => {
            println!("{}", connect(&words[2], words[3].parse().unwrap(), words[4].parse().unwrap()));
            ExitCode::SUCCESS
        }
        // What `cargo test -- --list` asks every test program.
        Some("--list") => ExitCode::SUCCESS,
        _ => judge(),
    }
}

/// In a pod's namespace: answers everything with the pod's name and the address that it saw.
fn serve(name: &str) -> ! {
    for port in PORTS {
        let name = name.to_owned();
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        let tcp = TcpListener::bind(any).unwrap();
        let udp = UdpSocket::bind(any).unwrap();
        let reply = move |peer: SocketAddr, name: &str| format!("answered {name} {}", peer.ip());
        let tcp_name = name.clone();
        std::thread::spawn(move || {
            while let Ok((mut stream, peer)) = tcp.accept() {
                let _ = stream.write_all(reply(peer, &tcp_name).as_bytes());
            }
        });
        std::thread::spawn(move || {
            let mut buffer = [0; 16];
            while let Ok((_, peer)) = udp.recv_from(&mut buffer) {
                let _ = udp.send_to(reply(peer, &name).as_bytes(), peer);
            }
        });
    }
    println!("ready");
    loop {
        std::thread::park();
    }
}

/// In a client's namespace: opens connections and tells what came of each, a line each.
fn connect(proto: &str, to: SocketAddr, from: IpAddr) -> String {
    let mut lines = Vec::new();
    for _ in 0..CONNECTIONS {
        lines.push(match if proto == "udp" { ask_udp(to, from) } else { ask_tcp(to) } {
            Ok(answer) => answer,
            Err(error) => match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "refused".to_owned(),
                std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => "timeout".to_owned(),
                kind => format!("{kind:?}"),
            },
        });
        // Whoever is not answered once is not answered again; do not wait for it.
        if lines.last().is_some_and(|line| line == "timeout") {
            break;
        }
    }
    lines.join("\n")
}

fn ask_tcp(to: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn ask_udp(to: SocketAddr, from: IpAddr) -> std::io::Result<String> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(to)?;
    socket.send(b"?")?;
    let mut buffer = [0; 256];
    let size = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..size]).into_owned())
}

/// Runs a script; its errors are ours.
fn shell(script: &str) {
    let mut child = Command::new("sh").args(["-e", "-s"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
}

/// Why this machine cannot be judge, if it cannot.
fn unfit() -> Option<String> {
    let id = Command::new("id").arg("-u").output();
    if id.map_or(true, |out| out.stdout != b"0\n") {
        return Some("not root".into());
    }
    for program in ["ip", "iptables-restore", "iptables-save"] {
        if Command::new(program).arg("-V").output().is_err() {
            return Some(format!("no {program}"));
        }
    }
    let name = format!("kh-{}-try", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output().is_ok_and(|out| out.status.success());
    if !made {
        return Some("no network namespaces".into());
    }
    let rule = format!(
        "ip netns exec {name} iptables -t nat -A OUTPUT -p tcp -m statistic --mode random --probability 0.5 -m recent --set -m addrtype --dst-type LOCAL -j MARK --set-xmark 1/1"
    );
    let works = Command::new("sh").args(["-c", &rule]).output().is_ok_and(|out| out.status.success());
    let _ = Command::new("ip").args(["netns", "del", &name]).output();
    (!works).then(|| "the kernel lacks netfilter modules".into())
}

/// A case's namespaces; they go when it does.
struct Namespaces {
    prefix: String,
    all: Vec<String>,
    servers: Vec<Child>,
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for name in &self.all {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

impl Namespaces {
    /// Builds a network's namespaces, loads every node's rules and starts a server in every pod.
    fn build(prefix: String, world: &World, network: &Network) -> Self {
        let topology = &network.topology;
        let mut this = Self { prefix, all: Vec::new(), servers: Vec::new() };
        let outside = this.name("out");
        let pods: Vec<String> = (0..topology.cabins.len()).map(|i| this.name(&format!("p{i}"))).collect();
        let nodes: Vec<String> = (0..topology.machines.len()).map(|i| this.name(&format!("n{i}"))).collect();
        this.all = [vec![outside.clone()], nodes.clone(), pods.clone()].concat();
        let mut sh = String::new();
        for name in &this.all {
            let _ = writeln!(sh, "ip netns add {name}\nip -n {name} link set lo up");
        }
        let first = u32::from(topology.machines[0].address) & !0xff;
        let gateway = Ipv4Addr::from(first + 1);
        // Outside: the wire is a bridge there; it forwards nothing, so that what leaves the cluster is lost.
        let _ = writeln!(
            sh,
            "ip netns exec {outside} sysctl -qw net.ipv4.ip_forward=0 net.ipv4.icmp_ratelimit=0\n\
             ip -n {outside} link add wire type bridge\nip -n {outside} link set wire up\n\
             ip -n {outside} addr add {gateway}/24 dev wire\n\
             ip -n {outside} addr add {INTERNET}/32 dev lo\nip -n {outside} addr add 203.0.113.2/32 dev lo"
        );
        for (i, (machine, name)) in topology.machines.iter().zip(&nodes).enumerate() {
            let address = machine.address;
            let _ = writeln!(
                sh,
                "ip -n {outside} link add w{i} type veth peer name eth0 netns {name}\n\
                 ip -n {outside} link set w{i} master wire\nip -n {outside} link set w{i} up\n\
                 ip -n {name} addr add {address}/24 dev eth0\nip -n {name} link set eth0 up\n\
                 ip -n {name} route add default via {gateway}\n\
                 ip netns exec {name} sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1 \
                 net.ipv4.icmp_ratelimit=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0"
            );
            for (_, other) in topology.machines.iter().enumerate().filter(|(j, _)| *j != i) {
                let _ = writeln!(sh, "ip -n {name} route add {} via {}", other.pod_cidr, other.address);
            }
        }
        let _ = writeln!(sh, "ip -n {outside} route add 198.51.100.0/24 via {}", topology.machines[0].address);
        for (i, (cabin, name)) in topology.cabins.iter().zip(&pods).enumerate() {
            let (node, machine, ip) = (&nodes[cabin.node], &topology.machines[cabin.node], cabin.ip);
            let gateway = machine.gateway;
            let _ = writeln!(
                sh,
                "ip -n {node} link add v{i} type veth peer name eth0 netns {name}\n\
                 ip -n {node} addr add {gateway}/32 dev v{i}\nip -n {node} link set v{i} up\n\
                 ip -n {node} route add {ip}/32 dev v{i}\n\
                 ip -n {name} addr add {ip}/32 dev eth0\nip -n {name} link set eth0 up\n\
                 ip -n {name} route add {gateway}/32 dev eth0 scope link\n\
                 ip -n {name} route add default via {gateway} src {ip}"
            );
        }
        shell(&sh);
        for (name, node) in nodes.iter().zip(&world.profile.nodes) {
            load(name, &iptables_save(network, &node.name, Instant::ZERO).unwrap());
        }
        let me = std::env::current_exe().unwrap();
        for (cabin, name) in topology.cabins.iter().zip(&pods) {
            let mut server = Command::new("ip")
                .args(["netns", "exec", name])
                .arg(&me)
                .args(["--serve", &cabin.name])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut ready = [0; 6];
            server.stdout.take().unwrap().read_exact(&mut ready).unwrap();
            this.servers.push(server);
        }
        this
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.prefix)
    }

    /// Opens real connections, and tells what came of them.
    fn connect(&self, origin: Origin, proto: Proto, to: SocketAddr, from: Ipv4Addr) -> BTreeSet<String> {
        let namespace = match origin {
            Origin::Cabin(i) => self.name(&format!("p{i}")),
            Origin::Machine(i) => self.name(&format!("n{i}")),
            Origin::Wire(_) | Origin::Laptop | Origin::Internet => self.name("out"),
        };
        if matches!(origin, Origin::Wire(_)) {
            // The client's own address, where it has several.
            let (outside, via) = (self.name("out"), to.ip());
            let route = format!("ip -n {outside} route show to match {via} | grep -v default | tail -n 1");
            let route = Command::new("sh").args(["-c", &route]).output().unwrap().stdout;
            let route = String::from_utf8(route).unwrap();
            let words: Vec<&str> = route.split_whitespace().collect();
            let tail = words
                .windows(2)
                .find(|pair| pair[0] == "via")
                .map_or("dev wire".to_owned(), |p| format!("via {}", p[1]));
            shell(&format!("ip -n {outside} route replace {via}/32 {tail} src {from}\n"));
        }
        let me = std::env::current_exe().unwrap();
        let output = Command::new("ip")
            .args(["netns", "exec", &namespace])
            .arg(me)
            .args(["--connect", proto.name(), &to.to_string(), &from.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Loads rules into a node's namespace; the kernel must print the same back.
fn load(namespace: &str, rules: &str) {
    let mut child = Command::new("ip")
        .args(["netns", "exec", namespace, "iptables-restore"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "iptables-restore: {}\n{rules}", String::from_utf8_lossy(&output.stderr));
    let saved = Command::new("ip").args(["netns", "exec", namespace, "iptables-save"]).output().unwrap();
    let plain = |text: &str| -> BTreeMap<String, Vec<String>> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut table = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && *line != "COMMIT") {
            match line.strip_prefix('*') {
                Some(name) => table = name.to_owned(),
                // Counters of chains count what the machine itself sends meanwhile.
                None => tables.entry(table.clone()).or_default().push(line.split(" [").next().unwrap().to_owned()),
            }
        }
        tables
    };
    let saved = String::from_utf8(saved.stdout).unwrap();
    assert_eq!(plain(&saved), plain(rules), "the kernel holds other rules than we wrote");
}

/// All that the model says may come of a check, in the words of [`connect`].
fn model(
    world: &mut World,
    network: &Network,
    origin: Origin,
    check: &Value,
) -> (BTreeSet<String>, Proto, SocketAddr, Ipv4Addr) {
    let proto = if text(check, "protocol") == "UDP" { Proto::Udp } else { Proto::Tcp };
    let to = destination(world, text(check, "to"));
    let mut may = BTreeSet::new();
    let mut from = Ipv4Addr::UNSPECIFIED;
    for _ in 0..TRIES {
        // Whom a client met before is the kernel's to know.
        world.flows.forget();
        let mut packet = network.packet(&mut world.flows, origin, proto, to);
        if matches!(origin, Origin::Wire(_)) {
            packet.src.ip = check["client_ip"].as_str().unwrap_or(INTERNET).parse().unwrap();
        }
        from = packet.src.ip;
        let walked = network.judge(&mut world.flows, origin, packet, Instant::ZERO, Way::Indexed);
        may.insert(match &walked.end {
            End::Rejected(..) => "refused".to_owned(),
            End::Lost(..) => "timeout".to_owned(),
            End::Unreachable(..) => "HostUnreachable".to_owned(),
            End::Cabin(cabin, arrived) if PORTS.contains(&arrived.dst.port) => {
                format!("answered {} {}", network.topology.cabins[*cabin].name, arrived.src.ip)
            }
            End::Cabin(..) | End::Machine(..) | End::Laptop(..) => "refused".to_owned(),
        });
    }
    (may, proto, SocketAddr::new(to.ip.into(), to.port), from)
}

fn judge() -> ExitCode {
    if let Some(reason) = unfit() {
        println!("\nSKIPPED tests/kernel.rs: {reason}. The kernel judged nothing.\n");
        return ExitCode::SUCCESS;
    }
    let mut cases = Vec::new();
    for text in [CASES, OWN] {
        let truth: Value = serde_yaml::from_str(text).unwrap();
        cases.extend(list(&truth["cases"]));
    }
    let (mut judged, mut connections, mut wrong) = (0, 0, Vec::new());
    for (i, case) in cases.iter().enumerate() {
        let checks = list(&case["checks"]);
        if checks.is_empty() {
            continue;
        }
        let mut world = build(case);
        let network = world.network();
        let namespaces = Namespaces::build(format!("kh{}-{i}", std::process::id()), &world, &network);
        for check in checks {
            let origin = match text(&check, "from") {
                "internet" => Origin::Wire(0),
                from => network.topology.origin(&Place::parse(from).unwrap()).unwrap(),
            };
            let (may, proto, to, from) = model(&mut world, &network, origin, &check);
            let came = namespaces.connect(origin, proto, to, from);
            if std::env::var_os("KERNEL_SAYS").is_some() {
                println!("{}: {came:?}", text(case, "name"));
            }
            judged += 1;
            connections += CONNECTIONS;
            let sticks = case.get("sticky").is_none() || came.len() == 1;
            if !came.is_subset(&may) || !sticks {
                wrong.push(format!(
                    "{}: {} to {to}\n  the model: {may:?}\n  the kernel: {came:?}",
                    text(case, "name"),
                    text(&check, "from")
                ));
            }
        }
    }
    for text in &wrong {
        println!("{text}");
    }
    println!("kernel: {judged} rows, up to {connections} connections, {} differ", wrong.len());
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
