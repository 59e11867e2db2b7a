//! Traces of single requests: what each hop is and which field it leads to.

mod world;

use std::collections::BTreeMap;

use kubehop::cluster::Cluster;
use kubehop::manifest::parse;
use kubehop::net::{Origin, Way, iptables_save};
use kubehop::object::{Kind, Pod, Profile, Ref};
use kubehop::rng::Rng;
use kubehop::text::Source;
use kubehop::time::{Duration, Instant};
use kubehop::trace::{Action, OutcomeKind, Place, Proto, Reason, Request, Socket, Trace};
use world::{World, cluster_ip, tutorial};

const HELLO: &str = "http://10.96.0.7:9090/api/hello";

/// The tutorial's cluster with its Service at 10.96.0.7, changed by `change`.
fn with_service(profile: &str, nodes: &[usize], change: impl FnOnce(&mut kubehop::object::ServiceSpec)) -> World {
    let mut world = tutorial(profile, nodes);
    let mut spec = cluster_ip("10.96.0.7", 9090, 9090);
    change(&mut spec);
    world.service("test-svc-cluster", spec);
    world
}

fn actions(trace: &Trace) -> Vec<Action> {
    trace.hops.iter().map(|hop| hop.action).collect()
}

fn cause(trace: &Trace, action: Action) -> String {
    let hop = trace.hops.iter().find(|hop| hop.action == action).unwrap();
    let cause = hop.because.cause.as_ref().unwrap();
    format!("{} {}", cause.object, cause.path)
}

#[test]
fn a_cluster_ip_leads_to_each_replica_about_as_often() {
    for from in ["node/minikube", "pod/default/client"] {
        let mut world = with_service("minikube", &[0, 0, 0], |_| {});
        let network = world.network();
        let mut counts = BTreeMap::new();
        for _ in 0..3000 {
            let trace = world.get(&network, from, HELLO);
            assert_eq!((trace.outcome.kind, trace.outcome.status), (OutcomeKind::Answered, 200));
            *counts.entry(trace.outcome.body).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 3);
        assert!(counts.values().all(|n| (900..1100).contains(n)), "{counts:?}");
    }
}

#[test]
fn a_pod_keeps_its_address_and_a_node_does_not() {
    use Action::*;
    let mut world = with_service("multinode", &[1, 1, 1], |_| {});
    let network = world.network();
    let trace = world.get(&network, "pod/default/client", HELLO);
    let way = [Connect, Receive, Match, Dnat, Forward, Receive, Deliver, Answer, Forward, Unnat, Receive];
    assert_eq!(actions(&trace), way);
    assert_eq!(trace.outcome.seen_source.unwrap().to_string(), "10.244.0.5");
    let trace = world.get(&network, "node/minikube", HELLO);
    assert_eq!(
        actions(&trace),
        [Connect, Match, Dnat, Snat, Forward, Receive, Deliver, Answer, Forward, Unnat, Receive]
    );
    assert_eq!(trace.outcome.seen_source.unwrap().to_string(), "192.168.49.2");
    // On the pods' own node the packet leaves by the bridge, and takes its address.
    let trace = world.get(&network, "node/minikube-m02", HELLO);
    assert_eq!(trace.outcome.seen_source.unwrap().to_string(), "10.244.1.1");
}

#[test]
fn rules_name_the_fields_behind_them() {
    let mut world = with_service("minikube", &[0], |_| {});
    let network = world.network();
    let trace = world.get(&network, "node/minikube", HELLO);
    assert_eq!(cause(&trace, Action::Match), "Service/default/test-svc-cluster spec.ports[0].port");
    assert_eq!(cause(&trace, Action::Dnat), "Service/default/test-svc-cluster spec.ports[0].targetPort");
    let rule = |action| trace.hops.iter().find(|h| h.action == action).unwrap().because.rule.clone().unwrap();
    assert!(rule(Action::Match).ends_with("-j KUBE-SVC-ZUPEFIFTDYGGRFCH"), "{}", rule(Action::Match));
    assert!(
        rule(Action::Dnat).starts_with("-A KUBE-SEP-")
            && rule(Action::Dnat).ends_with("--to-destination 10.244.0.5:9090")
    );
}

#[test]
fn the_laptop_cannot_reach_a_cluster_ip_or_a_pod() {
    let mut world = with_service("minikube", &[0], |_| {});
    let network = world.network();
    for (url, reason) in [(HELLO, Reason::ClusterIpFromOutside), ("http://10.244.0.5:9090/", Reason::PodIpFromOutside)]
    {
        let trace = world.get(&network, "laptop", url);
        assert_eq!(trace.outcome.kind, OutcomeKind::Timeout);
        assert_eq!(trace.outcome.at, Some(Place::Laptop));
        assert_eq!(trace.outcome.because.unwrap().reason, reason);
    }
}

#[test]
fn a_selector_that_matches_nothing_is_refused_by_the_node() {
    let mut world = with_service("minikube", &[0], |spec| {
        spec.selector.insert("app".into(), "typo".into());
    });
    let network = world.network();
    for from in ["node/minikube", "pod/default/client"] {
        let trace = world.get(&network, from, HELLO);
        assert_eq!(trace.outcome.kind, OutcomeKind::Refused);
        assert_eq!(trace.outcome.at, Some(Place::Node("minikube".into())));
        assert_eq!(cause(&trace, Action::Reject), "Service/default/test-svc-cluster spec.selector[app]");
        assert!(
            matches!(&trace.outcome.because.unwrap().reason, Reason::SelectsNothing { selector, .. } if &**selector == "app=typo")
        );
    }
}

#[test]
fn a_wrong_target_port_is_refused_by_the_pod() {
    let mut world = with_service("minikube", &[0], |spec| {
        spec.ports[0].target_port = Some(kubehop::object::IntOrString::Int(9999));
    });
    let network = world.network();
    let trace = world.get(&network, "pod/default/client", HELLO);
    assert_eq!(trace.outcome.kind, OutcomeKind::Refused);
    assert_eq!(trace.outcome.at, Some(Place::Pod("default".into(), "test-deployment-0".into())));
    assert_eq!(cause(&trace, Action::Reject), "Service/default/test-svc-cluster spec.ports[0].targetPort");
    let trace = world.get(&network, "pod/default/client", "http://10.244.0.5:9999/");
    assert_eq!(cause(&trace, Action::Reject), "Pod/default/test-deployment-0 spec.containers[0].image");
}

#[test]
fn the_same_seed_gives_the_same_traces() {
    let run = || {
        let mut world = with_service("multinode", &[0, 1, 2], |_| {});
        let network = world.network();
        (0..50).map(|_| world.get(&network, "node/minikube", HELLO)).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn rules_print_as_iptables_save_does() {
    let world = with_service("minikube", &[0, 0, 0], |_| {});
    let text = iptables_save(&world.network(), "minikube", Instant::ZERO).unwrap();
    assert!(text.starts_with("# Generated by iptables-save v1.8.9 (nf_tables) on Thu Oct  1 08:00:00 2026\n*mangle\n"));
    for line in [
        "-A KUBE-SVC-ZUPEFIFTDYGGRFCH ! -s 10.244.0.0/16 -d 10.96.0.7/32 -p tcp -m comment --comment \"default/test-svc-cluster cluster IP\" -m tcp --dport 9090 -j KUBE-MARK-MASQ",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
        "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\nis not in\n{text}");
    }
    assert!(text.contains("--probability 0.33333333349 -j KUBE-SEP-"), "{text}");
    assert!(text.contains("--probability 0.50000000000 -j KUBE-SEP-"), "{text}");
}

/// A cluster of Services of every kind, drawn from a seed.
fn drawn(seed: u64) -> World {
    let mut rng = Rng::new(seed).fork("test");
    let mut world = tutorial("multinode", &[0, 1, 2, 1]);
    for i in 0..30 {
        let mut spec = cluster_ip(&format!("10.96.2.{}", i + 1), 80, 9090);
        let mut coin = || rng.below(2) == 1;
        spec.r#type = if coin() { "LoadBalancer".into() } else { "NodePort".into() };
        spec.ports[0].node_port = if coin() { 30_000 + i } else { 0 };
        for (flag, policy) in [(coin(), &mut spec.external_traffic_policy), (coin(), &mut spec.internal_traffic_policy)]
        {
            *policy = if flag { "Local".into() } else { "Cluster".into() };
        }
        if coin() {
            spec.external_ips.push(format!("198.51.100.{}", i + 1));
        }
        if coin() && coin() {
            spec.session_affinity = "ClientIP".into();
        }
        if coin() && coin() {
            spec.selector.insert("app".into(), "none".into());
        }
        if coin() {
            spec.ports[0].protocol = "UDP".into();
        }
        world.service(&format!("s{i}"), spec);
    }
    world
}

#[test]
fn law_indexed_and_plain_walks_agree() {
    for seed in 0..8 {
        let mut world = drawn(seed);
        let network = world.network();
        let mut rng = Rng::new(seed).fork("packets");
        let (mut plain, mut met) = (world.flows.clone(), BTreeMap::new());
        for _ in 0..2000 {
            let origin = match rng.below(4) {
                0 => Origin::Machine(rng.below(3) as usize),
                1 => Origin::Wire(rng.below(3) as usize),
                2 => Origin::Laptop,
                _ => Origin::Cabin(rng.below(network.topology.cabins.len() as u32) as usize),
            };
            let i = rng.below(32);
            let (ip, port) = match rng.below(5) {
                0 => (format!("192.168.49.{}", 2 + rng.below(3)), 30_000 + i),
                1 => (format!("198.51.100.{i}"), 80),
                2 => (format!("10.244.{}.{}", rng.below(3), 4 + rng.below(5)), 9090),
                _ => (format!("10.96.2.{i}"), 80),
            };
            let proto = if rng.below(2) == 0 { Proto::Tcp } else { Proto::Udp };
            let dst = Socket { ip: ip.parse().unwrap(), port: port as u16 };
            let packet = network.packet(&mut world.flows, origin, proto, dst);
            assert_eq!(packet, network.packet(&mut plain, origin, proto, dst));
            let indexed = network.judge(&mut world.flows, origin, packet, Instant::ZERO, Way::Indexed);
            let walked = network.judge(&mut plain, origin, packet, Instant::ZERO, Way::Plain);
            assert_eq!(format!("{indexed:?}"), format!("{walked:?}"), "seed {seed}, {origin:?}, {packet:?}");
            let end = format!("{:?}", indexed.end);
            *met.entry(end.split('(').next().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        assert!(met.len() >= 4, "seed {seed} meets too few kinds of ends: {met:?}");
        for (a, b) in (0..3).filter_map(|i| Some((world.flows.kernel(i)?, plain.kernel(i)?))) {
            assert_eq!(a.memory.counts, b.memory.counts, "seed {seed}: counters differ");
        }
    }
}

#[test]
fn an_affine_client_stays_with_its_pod() {
    let mut world = with_service("minikube", &[0, 0, 0], |spec| spec.session_affinity = "ClientIP".into());
    let network = world.network();
    let first = world.get(&network, "pod/default/client", HELLO);
    for _ in 0..20 {
        let trace = world.get(&network, "pod/default/client", HELLO);
        assert_eq!(trace.outcome.responder, first.outcome.responder);
        assert!(trace.hops.iter().any(|hop| matches!(hop.because.reason, Reason::PickedAgain { seconds: 10_800, .. })));
    }
}

#[test]
fn a_pod_that_reaches_itself_is_told_so() {
    let mut world = with_service("minikube", &[0], |_| {});
    let network = world.network();
    let trace = world.get(&network, "pod/default/test-deployment-0", HELLO);
    assert_eq!(trace.outcome.seen_source.unwrap().to_string(), "10.244.0.1");
    assert!(trace.hops.iter().any(|hop| hop.because.reason == Reason::MasqueradeHairpin));
}

#[test]
fn a_ping_reaches_a_pod_but_no_cluster_ip() {
    let mut world = with_service("minikube", &[0], |_| {});
    let network = world.network();
    let trace = world.get(&network, "pod/default/client", "icmp://10.244.0.5");
    assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
    let trace = world.get(&network, "pod/default/client", "icmp://10.96.0.7");
    assert_eq!(trace.outcome.kind, OutcomeKind::Timeout);
}

/// The story in a whole cluster: what is to blame is what a person wrote.
#[test]
fn blame_leads_to_the_deployment() {
    let mut cluster = Cluster::new(&Profile::named("minikube").unwrap(), 42);
    let manifest = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: hello:1.0
        readinessProbe: {httpGet: {path: /api/hello, port: 9090}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.0.7
  selector: {app: web}
  ports: [{port: 9090}]
";
    for manifest in parse(&Source::new("web.yaml", manifest)).manifests {
        cluster.apply(&manifest, "default").unwrap();
    }
    cluster.settle(Duration::from_secs(120));
    let get = |cluster: &mut Cluster, url: &str| {
        let request = Request { method: "GET".into(), url: url.into(), ..Request::default() };
        cluster.request(&Place::Node("minikube".into()), &request)
    };
    let trace = get(&mut cluster, HELLO);
    assert_eq!(trace.outcome.status, 200);
    assert_eq!(cause(&trace, Action::Answer), "Deployment/default/web spec.template.spec.containers[0].image");
    let pod = cluster.store().all::<Pod>().find(|(meta, _)| meta.namespace == "default").unwrap();
    let (key, ip) = (Ref::new(Kind::Pod, "default", pod.0.name.as_str()), pod.1.status.pod_ip.clone());
    let trace = get(&mut cluster, &format!("http://{ip}:80/"));
    assert_eq!(cause(&trace, Action::Reject), "Deployment/default/web spec.template.spec.containers[0].image");
    cluster.fail_readiness(&key, true);
    let until = cluster.now() + Duration::from_secs(60);
    cluster.advance(until);
    let trace = get(&mut cluster, HELLO);
    assert_eq!(cause(&trace, Action::Reject), "Deployment/default/web spec.template.spec.containers[0].readinessProbe");
    assert!(matches!(trace.outcome.because.unwrap().reason, Reason::NoneReady { matching: 1, .. }));
    assert_eq!(get(&mut cluster, &format!("http://{ip}:9090/api/hello")).outcome.status, 200, "unready is not deaf");
}

#[test]
fn a_target_port_name_that_nobody_has_is_said() {
    let mut world = with_service("minikube", &[0], |spec| {
        spec.ports[0].target_port = Some(kubehop::object::IntOrString::String("web".into()));
    });
    // The slice controller leaves out a port whose name it cannot find.
    let key = Ref::new(Kind::EndpointSlice, "default", "test-svc-cluster-abcde");
    let mut slice = (**world.store.get(&key).unwrap()).clone();
    slice.body_mut::<kubehop::object::EndpointSlice>().unwrap().ports.clear();
    world.store.put(slice);
    let network = world.network();
    let trace = world.get(&network, "node/minikube", HELLO);
    assert_eq!(cause(&trace, Action::Reject), "Service/default/test-svc-cluster spec.ports[0].targetPort");
    assert!(matches!(&trace.outcome.because.unwrap().reason, Reason::NoNamedPort { name, .. } if &**name == "web"));
}

#[test]
fn an_address_that_nobody_has_is_unreachable_after_three_seconds() {
    let mut world = with_service("multinode", &[0, 1, 2], |_| {});
    let network = world.network();
    for ip in ["10.244.0.99", "10.244.2.99"] {
        let trace = world.get(&network, "pod/default/client", &format!("http://{ip}:9090/"));
        assert_eq!(trace.outcome.kind, OutcomeKind::Unreachable);
        assert_eq!(trace.duration().as_secs(), 3);
    }
    let trace = world.get(&network, "node/minikube", "http://10.96.0.99/");
    assert_eq!(trace.outcome.because.unwrap().reason, Reason::NoSuchService);
    let trace = world.get(&network, "node/minikube", "http://10.96.0.7:80/");
    assert!(
        matches!(&trace.outcome.because.unwrap().reason, Reason::NoSuchPort { ports, .. } if &**ports == "9090/TCP")
    );
}
