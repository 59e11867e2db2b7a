//! The rules of nodes, as the real tools print them: golden text, and the real tools' own word where they are at hand.
//!
//! With root, `ip`, `iptables` and `nft` each listing is loaded into the kernel, in a network namespace of its own, and what
//! the real tool then prints must be the same, byte for byte. Without them that half says so and does nothing.
//! `UPDATE_EXPECT=1` rewrites the golden texts in `tests/modes/`; the diff is reviewed as code.

#![cfg(target_os = "linux")]

mod world;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use kubehop::inet::Ipv4Addr;
use kubehop::net::nft::{Listed, Thing};
use kubehop::net::{Asked, End, Network, Origin, PacketFilter, TableName, Way, iptables_save, nft_ruleset};
use kubehop::object::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSlice, LoadBalancerIngress, Object, Profile, ProxyMode,
    Service, ServiceSpec,
};
use kubehop::time::Instant;
use kubehop::trace::{Proto, Socket};
use world::{World, cluster_ip, tutorial};

/// The tutorial's Service on node port 30000, with three replicas on as many nodes.
fn three_replicas(mode: ProxyMode) -> World {
    let mut world = tutorial("multinode", &[0, 1, 2]);
    world.profile.proxy_mode = mode;
    let mut spec = cluster_ip("10.96.0.7", 9090, 9090);
    spec.r#type = "NodePort".into();
    spec.ports[0].node_port = 30_000;
    world.service("test-svc-np", spec);
    world
}

/// Everything that a rule can be about.
fn everything(mode: ProxyMode) -> World {
    let mut world = three_replicas(mode);
    let port = |name: &str, number: i32, proto: &str, node_port: i32| kubehop::object::ServicePort {
        name: name.into(),
        protocol: proto.into(),
        port: number,
        node_port,
        target_port: Some(kubehop::object::IntOrString::Int(8080)),
        ..Default::default()
    };
    let mut spec = |name: &str, ip: &str, change: &dyn Fn(&mut ServiceSpec)| {
        let mut spec = cluster_ip(ip, 80, 8080);
        change(&mut spec);
        world.service(name, spec);
    };
    spec("two-ports", "10.96.0.10", &|spec| {
        spec.ports = vec![port("dns", 53, "UDP", 0), port("dns-tcp", 53, "TCP", 0), port("metrics", 9153, "TCP", 0)];
    });
    spec("sticky", "10.97.3.5", &|spec| spec.session_affinity = "ClientIP".into());
    spec("nobody", "10.96.9.2", &|spec| {
        spec.r#type = "NodePort".into();
        spec.selector = [("app".to_owned(), "none".to_owned())].into();
        spec.external_ips = vec!["198.51.100.9".into()];
        spec.ports = vec![port("http", 80, "TCP", 30_080), port("dns", 53, "UDP", 30_080)];
    });
    spec("inside", "10.96.9.3", &|spec| spec.internal_traffic_policy = "Local".into());
    spec("outside", "10.96.9.4", &|spec| {
        spec.r#type = "LoadBalancer".into();
        spec.external_traffic_policy = "Local".into();
        spec.health_check_node_port = 30_999;
        spec.external_ips = vec!["198.51.100.8".into()];
        spec.ports = vec![port("", 80, "TCP", 30_081)];
    });
    spec("guarded", "10.96.9.5", &|spec| {
        spec.r#type = "LoadBalancer".into();
        spec.load_balancer_source_ranges = vec!["203.0.113.0/25".into(), "192.168.49.0/24".into()];
        spec.ports = vec![port("http", 8080, "TCP", 30_082)];
    });
    for (name, ip) in [("outside", "198.51.100.1"), ("guarded", "198.51.100.2")] {
        let key = kubehop::object::Ref::new(kubehop::object::Kind::Service, "default", name);
        let spec = world.store.get(&key).and_then(|object| object.body::<Service>()).unwrap().spec.clone();
        let mut service = Service { spec, ..Service::default() };
        service.status.load_balancer.ingress = vec![LoadBalancerIngress { ip: ip.into(), ..Default::default() }];
        world.store.put(Object::new("default", name, service));
    }
    world
}

/// Compares with the golden text of a name.
fn check(name: &str, text: &str) {
    let path = format!("tests/modes/{name}.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{path} is another text; UPDATE_EXPECT=1 rewrites it:\n{text}");
}

/// A network namespace that goes when it is let go.
struct Namespace(String);

impl Namespace {
    /// None where there is no kernel to ask, with the reason on standard error.
    fn new(name: &str, tools: &[&str]) -> Option<Self> {
        let name = format!("kubehop-{name}-{}", std::process::id());
        let runs = |args: &[&str]| {
            let mut command = Command::new(args[0]);
            command.args(&args[1..]).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if let Some(missing) = tools.iter().find(|tool| !runs(&[tool, "--version"])) {
            eprintln!("SKIPPED: there is no program {missing} to ask");
            return None;
        }
        if !runs(&["ip", "netns", "add", &name]) {
            eprintln!("SKIPPED: no network namespace can be made; it takes root and `ip`");
            return None;
        }
        Some(Self(name))
    }

    fn run(&self, command: &[&str], input: &str) -> String {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.0])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).status();
    }
}

#[test]
fn the_tutorials_node_port_in_both_modes() {
    let network = three_replicas(ProxyMode::Iptables).network();
    check("node-port-iptables", &iptables_save(&network, "minikube", Instant::ZERO).unwrap());
    assert_eq!(nft_ruleset(&network, "minikube"), None);

    let network = three_replicas(ProxyMode::Nftables).network();
    check("node-port-nftables", &nft_ruleset(&network, "minikube").unwrap());
    check("node-port-nftables-iptables", &iptables_save(&network, "minikube", Instant::ZERO).unwrap());
}

#[test]
fn nft_reads_our_table_and_prints_the_same() {
    for (name, world) in [("few", three_replicas(ProxyMode::Nftables)), ("all", everything(ProxyMode::Nftables))] {
        let network = world.network();
        let Some(namespace) = Namespace::new(name, &["nft"]) else { return };
        for node in ["minikube", "minikube-m02"] {
            let ours = nft_ruleset(&network, node).unwrap();
            namespace.run(&["nft", "flush", "ruleset"], "");
            namespace.run(&["nft", "-f", "-"], &ours);
            let theirs = namespace.run(&["nft", "list", "ruleset"], "");
            assert!(ours == theirs, "ours:\n{ours}\ntheirs:\n{theirs}");
        }
    }
}

/// Sends some packets to every Service, so that there is something to count.
fn busy(world: &mut World, network: &Network) {
    let ports: Vec<_> = network.service_ports().cloned().collect();
    for (i, from) in [Origin::Laptop, Origin::Machine(0), Origin::Cabin(0), Origin::Wire(0)].into_iter().enumerate() {
        for port in &ports {
            let mut to = vec![Socket { ip: port.cluster_ip, port: port.port }];
            to.push(Socket { ip: network.topology.machines[0].address, port: port.node_port });
            to.extend(port.balancer_ips.iter().map(|ip| Socket { ip: *ip, port: port.port }));
            for to in to {
                for _ in 0..=i {
                    let packet = network.packet(&mut world.flows, from, port.proto, to);
                    network.judge(&mut world.flows, from, packet, Instant::ZERO, Way::Indexed);
                }
            }
        }
    }
}

/// What the tools print of a node, by the command that prints it.
fn commands(filter: &PacketFilter<'_>) -> Vec<(String, String)> {
    let mut all = vec![("iptables-save -c".to_owned(), filter.save(None, true))];
    let asked = |flags: &str| Asked {
        numeric: flags.contains('n'),
        verbose: flags.contains('v'),
        exact: flags.contains('x'),
        line_numbers: flags.contains('l'),
        ..Asked::default()
    };
    for table in [TableName::Mangle, TableName::Filter, TableName::Nat] {
        let name = table.name();
        for flags in ["", "n", "nv", "nvx", "nvl", "nl", "v"] {
            let words = flags.chars().map(|c| if c == 'l' { " --line-numbers".into() } else { format!(" -{c}") });
            let command = format!("iptables -t {name} -L{}", words.collect::<String>());
            all.push((command, filter.list(table, &asked(flags)).unwrap()));
        }
        all.push((format!("iptables -t {name} -S"), filter.specs(table, &asked("")).unwrap()));
        all.push((format!("iptables -t {name} -S -v"), filter.specs(table, &asked("v")).unwrap()));
    }
    let one = |chain: &str, rule| Asked { chain: Some(chain.into()), rule, verbose: true, ..asked("n") };
    for (chain, rule) in [("OUTPUT", None), ("KUBE-FIREWALL", None), ("OUTPUT", Some(1)), ("KUBE-FIREWALL", Some(9))] {
        let number = rule.map_or(String::new(), |rule: usize| format!(" {rule}"));
        let listed = filter.list(TableName::Filter, &one(chain, rule)).unwrap();
        all.push((format!("iptables -n -v -L {chain}{number}"), listed));
        all.push((
            format!("iptables -v -S {chain}{number}"),
            filter.specs(TableName::Filter, &one(chain, rule)).unwrap(),
        ));
    }
    for table in filter.nft_tables() {
        let mut ask = |command: &str, what| {
            let mut out = String::new();
            if filter.nft_list(&mut out, table, what) {
                all.push((command.to_owned(), out));
            }
        };
        ask(&format!("nft list table ip {table}"), Listed::All);
        let things = [
            ("chain", "KUBE-FIREWALL"),
            ("chain", "services"),
            ("chain", "OUTPUT"),
            ("set", "cluster-ips"),
            ("map", "service-ips"),
        ];
        for (kind, name) in things {
            let thing = match kind {
                "chain" => Thing::Chain,
                "set" => Thing::Set,
                _ => Thing::Map,
            };
            ask(&format!("nft list {kind} ip {table} {name}"), Listed::One(thing, name));
        }
    }
    for (kind, thing) in [("chains", Thing::Chain), ("sets", Thing::Set), ("maps", Thing::Map)] {
        let mut out = String::new();
        for table in filter.nft_tables() {
            filter.nft_list(&mut out, table, Listed::Every(thing));
        }
        all.push((format!("nft list {kind}"), out));
    }
    all
}

/// Without the lines of `iptables-save` that tell the time.
fn timeless(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_tools_print_what_we_print() {
    let worlds = [
        ("t", three_replicas(ProxyMode::Iptables)),
        ("i", everything(ProxyMode::Iptables)),
        ("n", everything(ProxyMode::Nftables)),
    ];
    let mut compared = 0;
    for (name, mut world) in worlds {
        let network = world.network();
        busy(&mut world, &network);
        let filter = network.packet_filter(&world.flows, "minikube", Instant::ZERO).unwrap();
        assert!(filter.save(None, true).lines().any(|line| line.starts_with('[') && !line.starts_with("[0:0]")));
        let Some(namespace) = Namespace::new(name, &["iptables", "nft"]) else { return };
        namespace.run(&["iptables-restore", "--counters"], &filter.save(None, true));
        if let Some(table) = nft_ruleset(&network, "minikube") {
            namespace.run(&["nft", "-f", "-"], &table);
        }
        for (command, ours) in commands(&filter) {
            let words: Vec<&str> = command.split(' ').collect();
            let mut theirs = namespace.run(&words, "");
            // Sets of clients are filled by packets alone.
            if !ours.contains("expires") {
                theirs = timeless(&theirs);
                assert!(timeless(&ours) == theirs, "{name}: {command}\nours:\n{ours}\ntheirs:\n{theirs}");
                compared += 1;
            }
        }
    }
    assert!(compared > 80, "{compared}");
}

/// All that may come of a packet: where it ends and whether its source is hidden.
fn ends(world: &mut World, network: &Network, way: Way, from: Origin, proto: Proto, to: Socket) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for _ in 0..60 {
        // Every connection from a client of its own, as far as session affinity knows.
        world.flows.forget();
        let packet = network.packet(&mut world.flows, from, proto, to);
        let walked = network.judge(&mut world.flows, from, packet, Instant::ZERO, way);
        let masked = |arrived: kubehop::trace::Packet| if arrived.src.ip == packet.src.ip { "" } else { " masked" };
        all.insert(match walked.end {
            End::Cabin(cabin, arrived) => format!("pod {cabin} {}{}", arrived.dst, masked(arrived)),
            End::Machine(machine, arrived) => format!("node {machine} {}{}", arrived.dst, masked(arrived)),
            End::Laptop(_) => "laptop".into(),
            End::ControlPlane(_) => "control plane".into(),
            End::Rejected(..) => "refused".into(),
            End::Lost(..) => "lost".into(),
            End::Unreachable(..) => "unreachable".into(),
        });
    }
    all
}

/// Both modes, both ways of looking things up: packets for whatever a Service is reached by come to the same.
#[test]
fn both_modes_agree_where_kubernetes_says_they_do() {
    let (mut tables, mut maps) = (everything(ProxyMode::Iptables), everything(ProxyMode::Nftables));
    let (iptables, nftables) = (tables.network(), maps.network());
    let ports: Vec<_> = iptables.service_ports().cloned().collect();
    let origins = [
        Origin::Laptop,
        Origin::Wire(0),
        Origin::Wire(1),
        Origin::Machine(0),
        Origin::Machine(2),
        Origin::Cabin(0),
        Origin::Cabin(2),
    ];
    let mut compared = 0;
    for port in &ports {
        let mut to: Vec<(Ipv4Addr, u16)> = vec![(port.cluster_ip, port.port)];
        to.extend(port.external_ips.iter().chain(&port.balancer_ips).map(|ip| (*ip, port.port)));
        if port.node_port != 0 {
            to.extend(iptables.topology.machines.iter().map(|machine| (machine.address, port.node_port)));
        }
        for (ip, number) in to {
            for from in origins {
                if matches!(from, Origin::Machine(_)) && port.lacking.is_some() && port.external_ips.contains(&ip) {
                    // iptables' OUTPUT has no jump to KUBE-EXTERNAL-SERVICES; nftables' `filter-output` checks them.
                    continue;
                }
                let socket = Socket { ip, port: number };
                let expected = ends(&mut tables, &iptables, Way::Indexed, from, port.proto, socket);
                for way in [Way::Plain, Way::Indexed] {
                    let got = ends(&mut maps, &nftables, way, from, port.proto, socket);
                    assert_eq!(
                        expected,
                        got,
                        "{from:?} to {} at {socket} by {}, {way:?}",
                        port.name,
                        port.proto.name()
                    );
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 150, "{compared}");
}

/// Where they differ, and why the client hears of it.
#[test]
fn the_modes_differ_where_kubernetes_says_they_do() {
    let (mut tables, mut maps) = (everything(ProxyMode::Iptables), everything(ProxyMode::Nftables));
    let (iptables, nftables) = (tables.network(), maps.network());
    let mut check = |from, ip: &str, port, in_iptables: &str, in_nftables: &str| {
        let to = Socket { ip: ip.parse().unwrap(), port };
        let one = |all: BTreeSet<String>| all.into_iter().next().unwrap_or_default();
        let first = one(ends(&mut tables, &iptables, Way::Indexed, from, Proto::Tcp, to));
        let second = one(ends(&mut maps, &nftables, Way::Indexed, from, Proto::Tcp, to));
        assert!(first.starts_with(in_iptables), "{ip}:{port} {from:?} iptables: {first}");
        assert!(second.starts_with(in_nftables), "{ip}:{port} {from:?} nftables: {second}");
    };
    for from in [Origin::Machine(0), Origin::Cabin(0)] {
        // A port that the Service does not have; an address that no Service has.
        check(from, "10.96.0.7", 81, "lost", "refused");
        check(from, "10.100.1.1", 80, "lost", "lost");
    }
    // An external IP of a Service without endpoints, from the node itself.
    check(Origin::Machine(0), "198.51.100.9", 80, "lost", "refused");
    check(Origin::Cabin(0), "198.51.100.9", 80, "refused", "refused");
    // Node ports on 127.0.0.1, and on the bridge's address.
    check(Origin::Machine(0), "127.0.0.1", 30_000, "pod", "node 0 127.0.0.1:30000");
    check(Origin::Machine(0), "10.244.0.1", 30_000, "pod", "node 0 10.244.0.1:30000");
    check(Origin::Machine(0), "192.168.49.2", 30_000, "pod", "pod");
}

/// `--nodeport-addresses` and `--iptables-localhost-nodeports`.
#[test]
fn node_ports_answer_where_kube_proxy_is_told_to() {
    let pod = |mode, localhost, ranges: &[&str], ip: &str| {
        let mut world = three_replicas(mode);
        world.profile.kube_proxy.localhost_node_ports = localhost;
        world.profile.kube_proxy.node_port_addresses = ranges.iter().map(|range| range.parse().unwrap()).collect();
        let network = world.network();
        let to = Socket { ip: ip.parse().unwrap(), port: 30_000 };
        let ends = ends(&mut world, &network, Way::Indexed, Origin::Machine(0), Proto::Tcp, to);
        ends.iter().all(|end| end.starts_with("pod"))
    };
    let (localhost, bridge, own) = ("127.0.0.1", "10.244.0.1", "192.168.49.2");
    let everywhere = &["0.0.0.0/0"][..];
    let node = &["192.168.49.0/24"][..];
    use ProxyMode::{Iptables, Nftables};
    assert!(pod(Iptables, true, &[], localhost) && !pod(Iptables, false, &[], localhost));
    assert!(pod(Iptables, false, &[], bridge) && pod(Iptables, true, node, own));
    assert!(!pod(Iptables, true, node, localhost) && !pod(Iptables, true, node, bridge));
    assert!(pod(Iptables, true, &["127.0.0.0/8"], localhost) && !pod(Iptables, false, &["127.0.0.0/8"], localhost));
    assert!(pod(Nftables, true, everywhere, bridge) && !pod(Nftables, true, everywhere, localhost));
    assert!(pod(Nftables, true, node, own) && !pod(Nftables, true, node, bridge));
}

/// The Services of `TestOverallNFTablesRules` in kube-proxy's `pkg/proxy/nftables/proxier_test.go`. The golden text was compared
/// with that test's own, loaded into the kernel and listed by nft: the same chains, sets, maps and rules.
#[test]
fn the_services_of_kube_proxys_own_test() {
    let mut profile = Profile::named("minikube").unwrap();
    profile.proxy_mode = ProxyMode::Nftables;
    profile.nodes[0].name = "test-node".into();
    profile.nodes[0].address = "192.168.0.2".parse().unwrap();
    profile.nodes[0].pod_cidr = "10.0.0.0/24".parse().unwrap();
    profile.pod_cidr = "10.0.0.0/8".parse().unwrap();
    profile.service_cidr = "172.30.0.0/16".parse().unwrap();
    let mut world = World::new(profile, 1);
    let mut add = |n: u8, ips: &[(&str, bool)], change: &dyn Fn(&mut ServiceSpec, &mut Service)| {
        let mut spec = cluster_ip(&format!("172.30.0.4{n}"), 80, 80);
        spec.ports[0].name = "p80".into();
        let mut service = Service::default();
        change(&mut spec, &mut service);
        service.spec = spec.clone();
        let endpoints = ips
            .iter()
            .map(|(ip, local)| Endpoint {
                addresses: vec![ip.to_string()],
                node_name: local.then(|| "test-node".to_owned()),
                conditions: EndpointConditions { ready: Some(true), serving: Some(true), terminating: Some(false) },
                ..Default::default()
            })
            .collect();
        let (ns, name) = (format!("ns{n}"), format!("svc{n}"));
        let mut slice = Object::new(
            ns.as_str(),
            name.as_str(),
            EndpointSlice {
                address_type: "IPv4".into(),
                endpoints,
                ports: vec![EndpointPort {
                    name: "p80".into(),
                    port: Some(80),
                    protocol: "TCP".into(),
                    ..Default::default()
                }],
            },
        );
        slice.meta.labels.insert("kubernetes.io/service-name".into(), name.clone());
        world.store.put(slice);
        world.store.put(Object::new(ns.as_str(), name.as_str(), service));
    };
    let lb = |service: &mut Service, ip: &str| {
        service.status.load_balancer.ingress = vec![LoadBalancerIngress { ip: ip.into(), ..Default::default() }]
    };
    add(1, &[("10.180.0.1", false)], &|_, _| {});
    add(2, &[("10.180.0.2", false)], &|spec, service| {
        spec.r#type = "LoadBalancer".into();
        spec.external_traffic_policy = "Local".into();
        spec.ports[0].node_port = 3001;
        spec.external_ips = vec!["192.168.99.22".into()];
        spec.health_check_node_port = 30000;
        lb(service, "1.2.3.4");
    });
    add(3, &[("10.180.0.3", false)], &|spec, _| {
        spec.r#type = "NodePort".into();
        spec.ports[0].node_port = 3003;
    });
    add(4, &[("10.180.0.4", false), ("10.180.0.5", true)], &|spec, _| {
        spec.r#type = "NodePort".into();
        spec.external_ips = vec!["192.168.99.33".into()];
    });
    add(5, &[("10.180.0.3", false)], &|spec, service| {
        spec.r#type = "LoadBalancer".into();
        spec.external_traffic_policy = "Cluster".into();
        spec.ports[0].node_port = 3002;
        spec.load_balancer_source_ranges = vec![" 203.0.113.0/25".into()];
        spec.session_affinity = "ClientIP".into();
        lb(service, "5.6.7.8");
    });
    add(6, &[], &|_, _| {});
    check("kube-proxys-own-nftables", &nft_ruleset(&world.network(), "test-node").unwrap());
}
