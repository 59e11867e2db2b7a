//! A hand-made cluster for this folder's tests.

use std::collections::BTreeSet;

use super::{Marks, Needs, Scene, Width, Wish, compose};
use crate::api::Store;
use crate::lang::Lang;
use crate::object::*;
use crate::time::{Duration, Instant};
use crate::trace::*;

/// `nodes` nodes with `replicas` ready replicas spread over them, behind the ClusterIP Service `web` in focus.
pub(super) fn store(nodes: usize, replicas: usize) -> Store {
    let mut store = Store::default();
    for n in 0..nodes {
        let name = if n == 0 { "minikube".to_owned() } else { format!("minikube-m{:02}", n + 1) };
        let address = NodeAddress { address: format!("192.168.49.{}", n + 2), r#type: "InternalIP".into() };
        store.put(Object::new(
            "",
            name,
            Body::Node(Node {
                spec: NodeSpec { pod_cidr: format!("10.244.{n}.0/24"), ..NodeSpec::default() },
                status: NodeStatus { addresses: vec![address], ..NodeStatus::default() },
            }),
        ));
    }
    store.put(pod("kube-system", "coredns-7d764666f9-abcde", "minikube", "10.244.0.2", None));
    let mut service = Service::default();
    service.spec.cluster_ip = "10.97.183.23".into();
    service.spec.r#type = "ClusterIP".into();
    service.spec.ports = vec![ServicePort { port: 9090, ..ServicePort::default() }];
    store.put(Object::new("default", "web", Body::Service(service)));
    let mut slice = EndpointSlice {
        ports: vec![EndpointPort { port: Some(9090), ..EndpointPort::default() }],
        ..EndpointSlice::default()
    };
    for r in 0..replicas {
        let n = r % nodes;
        let node = if n == 0 { "minikube".to_owned() } else { format!("minikube-m{:02}", n + 1) };
        let (name, ip) = (format!("web-6d8f9c7b5d-x{r:04}"), format!("10.244.{n}.{}", r / nodes + 3));
        store.put(pod("default", &name, &node, &ip, Some("web-6d8f9c7b5d")));
        slice.endpoints.push(Endpoint {
            addresses: vec![ip],
            node_name: Some(node),
            target_ref: Some(TargetRef {
                kind: "Pod".into(),
                name,
                namespace: "default".into(),
                ..TargetRef::default()
            }),
            ..Endpoint::default()
        });
    }
    let mut object = Object::new("default", "web-abcde", Body::EndpointSlice(slice));
    object.meta.labels.insert("kubernetes.io/service-name".into(), "web".into());
    store.put(object);
    store
}

fn pod(namespace: &str, name: &str, node: &str, ip: &str, set: Option<&str>) -> Object {
    let mut pod = Pod::default();
    pod.spec.node_name = node.into();
    let port = ContainerPort { container_port: 9090, ..ContainerPort::default() };
    pod.spec.containers = vec![Container { ports: vec![port], ..Container::default() }];
    pod.status.phase = "Running".into();
    pod.status.pod_ip = ip.into();
    let ready = Condition { r#type: "Ready".into(), status: "True".into(), ..Condition::default() };
    pod.status.conditions = vec![ready];
    let mut object = Object::new(namespace, name, Body::Pod(pod));
    object.meta.owner_references = set
        .map(|name| OwnerReference {
            kind: "ReplicaSet".into(),
            name: name.into(),
            controller: true,
            ..Default::default()
        })
        .into_iter()
        .collect();
    object
}

/// The wish for a picture of the Service `web`.
pub(super) fn wish(width: Width) -> Wish {
    Wish {
        width,
        height: 506.0,
        focus: Some(Ref::new(Kind::Service, "default", "web")),
        lang: Lang::En,
        profile: Profile::named("multinode").expect("it is built in"),
        health: Vec::new(),
        needs: Needs { dns: true, hosts: BTreeSet::from(["minikube".into()]), ..Needs::default() },
        inspected: None,
        readers: Vec::new(),
        outages: Outages::default(),
        tunnels: Vec::new(),
    }
}

/// The picture of [`store`].
pub(super) fn scene(nodes: usize, replicas: usize, width: Width) -> Scene {
    let store = store(nodes, replicas);
    compose(&store, &Marks::of(&store), &wish(width))
}

/// The picture of [`store`] in a cloud, the Service behind a load balancer.
pub(super) fn cloud(nodes: usize, width: Width) -> Scene {
    cloud_of(nodes, &wish(width))
}

/// The same, as wished for.
pub(super) fn cloud_of(nodes: usize, wish: &Wish) -> Scene {
    let mut store = store(nodes, 3);
    let key = Ref::new(Kind::Service, "default", "web");
    let mut object = Object::clone(store.get(&key).expect("the Service"));
    let service = object.body_mut::<Service>().expect("a Service");
    service.spec.r#type = "LoadBalancer".into();
    service.spec.ports[0].node_port = 30000;
    service.status.load_balancer.ingress =
        vec![LoadBalancerIngress { ip: "198.51.100.1".into(), ..LoadBalancerIngress::default() }];
    store.put(object);
    let profile = Profile::named("cloud").expect("it is built in");
    let health = (0..nodes).map(|n| (format!("node-{n}"), n != 1)).collect();
    compose(&store, &Marks::of(&store), &Wish { profile, health, ..wish.clone() })
}

fn socket(text: &str) -> Socket {
    let (ip, port) = text.split_once(':').expect("a socket");
    Socket { ip: ip.parse().expect("an address"), port: port.parse().expect("a port") }
}

/// A trace of hops written as `place by action src dst reply`.
fn trace(id: u64, from: Place, kind: OutcomeKind, hops: &[(Place, By, Action, &str, &str, bool)]) -> Trace {
    let because = std::sync::Arc::new(Because { rule: None, reason: Reason::ClientConnects, cause: None });
    let responder = hops.iter().find(|hop| hop.2 == Action::Answer).map(|hop| hop.0.clone());
    let hops = hops.iter().enumerate().map(|(i, (at, by, action, src, dst, reply))| Hop {
        t: Duration::from_micros(i as u64 * 100),
        at: at.clone(),
        by: *by,
        action: *action,
        reply: *reply,
        exchange: 0,
        packet: Packet { proto: Proto::Tcp, src: socket(src), dst: socket(dst) },
        because: std::sync::Arc::clone(&because),
    });
    Trace {
        id,
        start: Instant::ZERO,
        from,
        request: Request::default(),
        outcome: Outcome {
            kind,
            status: 200,
            headers: Vec::new(),
            certificate: None,
            body: "".into(),
            responder,
            seen_source: None,
            at: None,
            because: None,
        },
        hops: hops.collect(),
    }
}

const NODE: &str = "192.168.49.2:40112";
const VIP: &str = "10.97.183.23:9090";
const POD: &str = "10.244.1.3:9090";

/// From the laptop to pod A, which is taken for an ingress controller and asks replica B itself.
pub(super) fn routed(id: u64) -> Trace {
    let gate = || Place::Pod("default".into(), "web-6d8f9c7b5d-x0000".into());
    let pod = || Place::Pod("default".into(), "web-6d8f9c7b5d-x0001".into());
    let (client, door, own) = ("192.168.49.1:40000", "10.244.0.3:9090", "10.244.0.3:50000");
    let hops = [
        (Place::Laptop, By::Socket, Action::Connect, client, door, false),
        (gate(), By::Link, Action::Deliver, client, door, false),
        (gate(), By::Ingress, Action::Route, client, door, false),
        (gate(), By::Ingress, Action::Connect, own, POD, false),
        (pod(), By::Link, Action::Deliver, own, POD, false),
        (pod(), By::App, Action::Answer, POD, own, true),
        (gate(), By::Socket, Action::Receive, POD, own, true),
        (gate(), By::Ingress, Action::Answer, door, client, true),
        (Place::Laptop, By::Socket, Action::Receive, door, client, true),
    ];
    let mut trace = trace(id, Place::Laptop, OutcomeKind::Answered, &hops);
    trace.hops[3..7].iter_mut().for_each(|hop| hop.exchange = 1);
    trace
}

/// The same, after replica C refused what the controller asked of it first.
pub(super) fn retried(id: u64) -> Trace {
    let gate = || Place::Pod("default".into(), "web-6d8f9c7b5d-x0000".into());
    let pod = || Place::Pod("default".into(), "web-6d8f9c7b5d-x0002".into());
    let (own, dead) = ("10.244.0.3:49000", "10.244.2.3:9090");
    let mut first = trace(
        id,
        Place::Laptop,
        OutcomeKind::Answered,
        &[
            (gate(), By::Ingress, Action::Connect, own, dead, false),
            (pod(), By::Link, Action::Reject, own, dead, false),
            (gate(), By::Socket, Action::Receive, dead, own, true),
        ],
    );
    let mut trace = routed(id);
    first.hops.iter_mut().for_each(|hop| hop.exchange = 1);
    trace.hops[3..7].iter_mut().for_each(|hop| hop.exchange = 2);
    trace.hops.splice(3..3, first.hops);
    trace
}

/// From a shell on the first node by the cluster IP to replica B on the second node, and back.
pub(super) fn answered(id: u64) -> Trace {
    let node = || Place::Node("minikube".into());
    let other = || Place::Node("minikube-m02".into());
    let pod = || Place::Pod("default".into(), "web-6d8f9c7b5d-x0001".into());
    let hops = [
        (node(), By::Socket, Action::Connect, NODE, VIP, false),
        (node(), By::KubeProxy, Action::Dnat, NODE, POD, false),
        (node(), By::Link, Action::Forward, NODE, POD, false),
        (other(), By::Route, Action::Forward, NODE, POD, false),
        (pod(), By::Link, Action::Deliver, NODE, POD, false),
        (pod(), By::App, Action::Answer, POD, NODE, true),
        (other(), By::Route, Action::Forward, POD, NODE, true),
        (node(), By::Conntrack, Action::Unnat, VIP, NODE, true),
        (node(), By::Socket, Action::Receive, VIP, NODE, true),
    ];
    trace(id, node(), OutcomeKind::Answered, &hops)
}

/// Refused by the first node's kernel.
pub(super) fn refused(id: u64) -> Trace {
    let node = || Place::Node("minikube".into());
    let hops = [
        (node(), By::Socket, Action::Connect, NODE, VIP, false),
        (node(), By::KubeProxy, Action::Reject, NODE, VIP, false),
        (node(), By::Socket, Action::Receive, VIP, NODE, true),
    ];
    trace(id, node(), OutcomeKind::Refused, &hops)
}

/// From the laptop to a cluster IP: no route leads there.
pub(super) fn lost(id: u64) -> Trace {
    let laptop = "192.168.49.1:40000";
    let hops = [
        (Place::Laptop, By::Socket, Action::Connect, laptop, VIP, false),
        (Place::Laptop, By::Route, Action::Drop, laptop, VIP, false),
    ];
    trace(id, Place::Laptop, OutcomeKind::Timeout, &hops)
}
