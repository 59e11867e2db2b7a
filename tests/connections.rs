//! Connections that stay open: kernels do with a later packet as with the first, whatever has become of the rules.

use std::collections::BTreeSet;

use kubehop::cluster::Cluster;
use kubehop::manifest::parse;
use kubehop::net::{Count, Lines, Over, Stage};
use kubehop::object::{Kind, Object, Profile, Ref, Service};
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace::{Action, By, OutcomeKind, Place, Reason, Request, Trace};

const FILE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: 'hello:1.0'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.7, type: NodePort, selector: {app: web}, ports: [{port: 9090, nodePort: 30000}]}
";
const URL: &str = "http://10.96.0.7:9090/api/hello";
const NODE_PORT: &str = "http://192.168.49.2:30000/api/hello";

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(&Profile::named("multinode").unwrap(), 3);
    for manifest in parse(&Source::new("f.yaml", FILE)).manifests {
        cluster.apply(&manifest, "default").unwrap();
    }
    cluster.settle(Duration::from_secs(60));
    cluster
}

fn request(url: &str) -> Request {
    Request { protocol: "http".into(), method: "GET".into(), url: url.into(), ..Request::default() }
}

fn get(cluster: &mut Cluster, over: Over<'_>, from: &str, url: &str) -> Trace {
    cluster.request_over(over, &Place::parse(from).unwrap(), &request(url))
}

fn wait(cluster: &mut Cluster, seconds: u64) {
    cluster.advance(cluster.now() + Duration::from_secs(seconds));
}

fn pod(trace: &Trace) -> Ref {
    match trace.outcome.responder.clone() {
        Some(Place::Pod(namespace, name)) => Ref::new(Kind::Pod, namespace, name),
        other => panic!("{other:?} answered: {:?}", trace.outcome),
    }
}

#[test]
fn a_kept_connection_stays_with_its_pod_and_asks_no_rule() {
    for (from, url) in [("node/minikube", URL), ("laptop", NODE_PORT), ("node/minikube-m02", NODE_PORT)] {
        let mut cluster = cluster();
        let first = get(&mut cluster, Over::Kept, from, url);
        let packets = cluster.flows().kernel(0).unwrap().memory.counts.clone();
        for _ in 0..30 {
            let next = get(&mut cluster, Over::Kept, from, url);
            assert_eq!(pod(&next), pod(&first), "{from} {url}");
            assert_eq!(next.outcome.seen_source, first.outcome.seen_source);
            assert!(next.hops.iter().all(|hop| hop.by != By::KubeProxy));
            assert_eq!(next.hops[0].action, Action::Send);
            assert_eq!(next.hops[0].because.reason, Reason::ClientReuses);
            let dnat = next.hops.iter().find(|hop| hop.action == Action::Dnat).unwrap();
            assert_eq!((dnat.by, &dnat.because.reason), (By::Conntrack, &Reason::FollowsConnection));
        }
        let nat_rule = |counts: &[Vec<Count>]| counts.iter().skip(1).flatten().map(|count| count.packets).sum::<u64>();
        let now = &cluster.flows().kernel(0).unwrap().memory.counts;
        assert_eq!(nat_rule(&packets), nat_rule(now), "no Service's rule counts another packet");
        // New connections are spread.
        let pods: BTreeSet<Ref> = (0..30).map(|_| pod(&get(&mut cluster, Over::New, from, url))).collect();
        assert_eq!(pods.len(), 3);
    }
}

#[test]
fn a_change_of_the_service_moves_new_connections_only() {
    let mut cluster = cluster();
    let first = get(&mut cluster, Over::Kept, "node/minikube", URL);
    let key = Ref::new(Kind::Service, "default", "web");
    let mut service = Object::clone(cluster.store().get(&key).unwrap());
    service.body_mut::<Service>().unwrap().spec.selector.insert("app".into(), "nobody".into());
    cluster.update(service).unwrap();
    wait(&mut cluster, 5);
    assert_eq!(get(&mut cluster, Over::New, "node/minikube", URL).outcome.kind, OutcomeKind::Refused);
    assert_eq!(pod(&get(&mut cluster, Over::Kept, "node/minikube", URL)), pod(&first));
    cluster.delete(&key, None).unwrap();
    wait(&mut cluster, 5);
    assert_eq!(pod(&get(&mut cluster, Over::Kept, "node/minikube", URL)), pod(&first));
}

#[test]
fn a_pod_that_ends_closes_its_connections_and_the_client_opens_another() {
    let mut cluster = cluster();
    let first = get(&mut cluster, Over::Kept, "node/minikube", URL);
    cluster.delete(&pod(&first), None).unwrap();
    wait(&mut cluster, 60);
    let next = get(&mut cluster, Over::Kept, "node/minikube", URL);
    assert_ne!(pod(&next), pod(&first));
    assert_eq!(next.hops[0].action, Action::Connect);
    assert!(
        matches!(&next.hops[0].because.reason, Reason::ClientReconnects(by) if **by == *first.outcome.responder.unwrap().to_string())
    );
}

#[test]
fn a_pod_that_is_ending_still_answers_over_the_connection() {
    let mut cluster = Cluster::new(&Profile::named("multinode").unwrap(), 3);
    // A program that takes its time to end.
    let file = FILE.replace("image: 'hello:1.0'", "image: 'hello:1.0', lifecycle: {preStop: {sleep: {seconds: 20}}}");
    for manifest in parse(&Source::new("f.yaml", file)).manifests {
        cluster.apply(&manifest, "default").unwrap();
    }
    cluster.settle(Duration::from_secs(60));
    let first = get(&mut cluster, Over::Kept, "node/minikube", URL);
    cluster.delete(&pod(&first), None).unwrap();
    wait(&mut cluster, 8);
    let pods: BTreeSet<Ref> = (0..40).map(|_| pod(&get(&mut cluster, Over::New, "node/minikube", URL))).collect();
    assert!(!pods.contains(&pod(&first)), "new connections go elsewhere");
    assert_eq!(pod(&get(&mut cluster, Over::Kept, "node/minikube", URL)), pod(&first));
}

#[test]
fn a_node_that_goes_off_says_no_goodbye() {
    let mut cluster = cluster();
    let first = loop {
        let first = get(&mut cluster, Over::Kept, "laptop", NODE_PORT);
        let there = cluster.store().read::<kubehop::object::Pod>(&pod(&first)).unwrap().1.spec.node_name.clone();
        if there != "minikube" {
            break (there, first);
        }
        cluster.delete(&pod(&first), Some(0)).unwrap();
        wait(&mut cluster, 30);
    };
    cluster.stop_node(&first.0).unwrap();
    let next = get(&mut cluster, Over::Kept, "laptop", NODE_PORT);
    assert_eq!(next.outcome.kind, OutcomeKind::Timeout, "{:?}", next.outcome);
    assert!(matches!(next.outcome.because.unwrap().reason, Reason::NodeStopped(_)));
}

#[test]
fn kernels_remember_connections_for_as_long_as_linux_does() {
    let mut cluster = cluster();
    let mut lines = Lines::default();
    get(&mut cluster, Over::Lines(&mut lines), "node/minikube", URL);
    let stages = |cluster: &mut Cluster| -> Vec<Stage> {
        cluster.network();
        let now = cluster.now();
        cluster.flows().kernel(0).unwrap().conntrack.entries(now).map(|entry| entry.stage).collect()
    };
    assert_eq!(stages(&mut cluster), [Stage::Open]);
    wait(&mut cluster, 86_400);
    assert_eq!(stages(&mut cluster), [Stage::Open]);
    cluster.hang_up(&mut lines);
    assert_eq!(stages(&mut cluster), [Stage::Closed]);
    wait(&mut cluster, 121);
    assert_eq!(stages(&mut cluster), []);
    // A port that nobody listens on resets; a way on which nobody answers stays half open.
    get(&mut cluster, Over::New, "node/minikube", "http://192.168.49.3:81/");
    assert_eq!(stages(&mut cluster), [Stage::Reset]);
    wait(&mut cluster, 11);
    get(&mut cluster, Over::New, "node/minikube", "http://10.96.0.7:81/");
    assert_eq!(stages(&mut cluster), [Stage::Asked]);
}

#[test]
fn datagrams_stick_until_their_endpoint_goes() {
    let mut cluster = cluster();
    let file = "\
apiVersion: v1
kind: Service
metadata: {name: names}
spec: {clusterIP: 10.96.0.8, selector: {app: names}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: names}
spec:
  replicas: 3
  selector: {matchLabels: {app: names}}
  template:
    metadata: {labels: {app: names}}
    spec: {containers: [{name: c, image: 'registry.k8s.io/coredns/coredns:v1.13.1'}]}
";
    for manifest in parse(&Source::new("f.yaml", file)).manifests {
        cluster.apply(&manifest, "default").unwrap();
    }
    cluster.settle(Duration::from_secs(60));
    let ask = |cluster: &mut Cluster| {
        let request = Request { protocol: "udp".into(), url: "10.96.0.8:53".into(), ..Request::default() };
        cluster.request_over(Over::Kept, &Place::parse("node/minikube").unwrap(), &request)
    };
    let first = ask(&mut cluster);
    for _ in 0..20 {
        wait(&mut cluster, 25);
        assert_eq!(pod(&ask(&mut cluster)), pod(&first));
    }
    // The endpoint goes; kube-proxy lets the kernel forget, and the same socket reaches another.
    cluster.delete(&pod(&first), Some(0)).unwrap();
    wait(&mut cluster, 2);
    let next = ask(&mut cluster);
    assert_ne!(pod(&next), pod(&first));
    assert_eq!(next.hops[0].packet.src, first.hops[0].packet.src, "the same socket");
    // After a long silence the way is chosen anew.
    let pods: BTreeSet<Ref> = (0..30)
        .map(|_| {
            wait(&mut cluster, 200);
            pod(&ask(&mut cluster))
        })
        .collect();
    assert!(pods.len() > 1);
}

#[test]
fn verdicts_without_traces_are_those_with_traces() {
    for (from, url) in
        [("node/minikube", URL), ("laptop", NODE_PORT), ("laptop", URL), ("node/minikube", "http://10.96.0.7:81/")]
    {
        let (mut traced, mut tallied) = (cluster(), cluster());
        let mut expected = kubehop::net::Tally::default();
        for _ in 0..200 {
            let trace = get(&mut traced, Over::New, from, url);
            expected.add(trace.outcome.kind, trace.outcome.responder.as_ref(), 1);
        }
        let tally = tallied.tally(&Place::parse(from).unwrap(), &request(url), 200);
        assert_eq!(tally, expected, "{from} {url}");
        // The kernels have counted the same, and remember the same.
        for machine in 0..3 {
            let kernels = [&traced, &tallied].map(|cluster| cluster.flows().kernel(machine).unwrap());
            assert_eq!(kernels[0].memory.counts, kernels[1].memory.counts);
            let now = traced.now();
            assert!(kernels[0].conntrack.entries(now).eq(kernels[1].conntrack.entries(now)));
        }
    }
}
