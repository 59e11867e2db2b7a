#![allow(dead_code, reason = "each test file uses a part")]
//! Small clusters for tests of the data plane, written straight into a store: no controllers, no defaults.

pub(crate) mod generate;
pub(crate) mod life;
pub(crate) mod rows;
pub(crate) mod truth;

use kubehop::api::Store;
use kubehop::inet::Ipv4Addr;
use kubehop::net::{self, Flows, Network};
use kubehop::object::*;
use kubehop::rng::Rng;
use kubehop::time::Instant;
use kubehop::trace::{Place, Request, Trace};

/// A cluster without controllers.
pub(crate) struct World {
    /// The environment.
    pub(crate) profile: Profile,
    /// Its objects.
    pub(crate) store: Store,
    /// What its kernels remember.
    pub(crate) flows: Flows,
}

/// A pod to be.
#[derive(Clone, Debug)]
pub(crate) struct PodSpecs<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) node: usize,
    pub(crate) image: &'a str,
}

impl World {
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        let mut store = Store::default();
        for node in &profile.nodes {
            store.put(Object::new("", node.name.as_str(), Node::default()));
        }
        Self { profile, store, flows: Flows::new(&Rng::new(seed)) }
    }

    pub(crate) fn named(profile: &str) -> Self {
        Self::new(Profile::named(profile).unwrap(), 42)
    }

    /// Adds a running pod and gives its address.
    pub(crate) fn pod(&mut self, specs: &PodSpecs<'_>) -> String {
        let node = &self.profile.nodes[specs.node];
        let taken = self.store.all::<Pod>().filter(|(_, pod)| pod.spec.node_name == node.name).count() as u32;
        let ip = Ipv4Addr::from(u32::from(node.pod_cidr.network()) + 5 + taken);
        self.pod_at(specs, ip);
        ip.to_string()
    }

    /// Adds a running pod with an address.
    pub(crate) fn pod_at(&mut self, specs: &PodSpecs<'_>, ip: Ipv4Addr) {
        let node = &self.profile.nodes[specs.node];
        let mut object = Object::new(
            "default",
            specs.name,
            Pod {
                spec: PodSpec {
                    node_name: node.name.clone(),
                    containers: vec![Container { name: "c".into(), image: specs.image.into(), ..Container::default() }],
                    ..PodSpec::default()
                },
                status: PodStatus { phase: "Running".into(), pod_ip: ip.to_string(), ..PodStatus::default() },
            },
        );
        object.meta.labels = specs.labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.store.put(object);
    }

    /// Adds a Service whose endpoints are the pods of the given names, ready.
    pub(crate) fn service_of(&mut self, name: &str, spec: ServiceSpec, pods: &[String]) {
        let pods = pods.iter().filter_map(|pod| self.store.get(&Ref::new(Kind::Pod, "default", pod.as_str())));
        let endpoints = pods.filter_map(|pod| Some(ready(&pod.meta, pod.body()?))).collect();
        self.store.put(slice("default", name, &spec, endpoints));
        self.store.put(Object::new("default", name, Service { spec, ..Service::default() }));
    }

    /// Adds a Service and the slice of its endpoints: all pods that match, ready.
    pub(crate) fn service(&mut self, name: &str, spec: ServiceSpec) {
        self.service_in("default", name, spec);
    }

    /// The same, in a namespace.
    pub(crate) fn service_in(&mut self, namespace: &str, name: &str, spec: ServiceSpec) {
        let pods: Vec<_> = self
            .store
            .all::<Pod>()
            .filter(|(meta, _)| meta.namespace == namespace)
            .filter(|(meta, _)| {
                !spec.selector.is_empty() && spec.selector.iter().all(|(k, v)| meta.labels.get(k) == Some(v))
            })
            .map(|(meta, pod)| ready(meta, pod))
            .collect();
        self.store.put(slice(namespace, name, &spec, pods));
        self.store.put(Object::new(namespace, name, Service { spec, ..Service::default() }));
    }

    pub(crate) fn network(&self) -> Network {
        net::compile(&self.store, &self.profile)
    }

    /// One request, as `trace` sends it.
    pub(crate) fn get(&mut self, network: &Network, from: &str, url: &str) -> Trace {
        let request = Request { protocol: "http".into(), method: "GET".into(), url: url.into(), ..Request::default() };
        network.send(&mut self.flows, &Place::parse(from).unwrap(), &request, Instant::ZERO)
    }
}

/// The tutorial's Service.
pub(crate) fn cluster_ip(ip: &str, port: i32, target: i32) -> ServiceSpec {
    ServiceSpec {
        cluster_ip: ip.into(),
        r#type: "ClusterIP".into(),
        selector: [("app".to_owned(), "test-label".to_owned())].into(),
        ports: vec![ServicePort {
            port,
            target_port: Some(IntOrString::Int(target)),
            protocol: "TCP".into(),
            ..ServicePort::default()
        }],
        ..ServiceSpec::default()
    }
}

/// The tutorial's three replicas on the given nodes, and a client beside the first.
pub(crate) fn tutorial(profile: &str, nodes: &[usize]) -> World {
    let mut world = World::named(profile);
    for (i, node) in nodes.iter().enumerate() {
        let name = format!("test-deployment-{i}");
        world.pod(&PodSpecs { name: &name, labels: &[("app", "test-label")], node: *node, image: "hello:1.0" });
    }
    world.pod(&PodSpecs { name: "client", labels: &[], node: 0, image: "curlimages/curl" });
    world
}

/// A pod as a ready endpoint.
fn ready(meta: &Meta, pod: &Pod) -> Endpoint {
    Endpoint {
        addresses: vec![pod.status.pod_ip.clone()],
        node_name: Some(pod.spec.node_name.clone()),
        target_ref: Some(TargetRef { kind: "Pod".into(), name: meta.name.clone(), ..TargetRef::default() }),
        conditions: EndpointConditions { ready: Some(true), serving: Some(true), terminating: Some(false) },
        ..Endpoint::default()
    }
}

/// The slice of a Service's endpoints.
pub(crate) fn slice(namespace: &str, name: &str, spec: &ServiceSpec, endpoints: Vec<Endpoint>) -> Object {
    let ports = spec.ports.iter().map(|port| EndpointPort {
        name: port.name.clone(),
        port: Some(match &port.target_port {
            Some(IntOrString::Int(port)) => *port,
            _ => port.port,
        }),
        protocol: if port.protocol.is_empty() { "TCP".into() } else { port.protocol.clone() },
        app_protocol: None,
    });
    let slice = EndpointSlice { address_type: "IPv4".into(), endpoints, ports: ports.collect() };
    let mut slice = Object::new(namespace, format!("{name}-abcde"), slice);
    slice.meta.labels.insert("kubernetes.io/service-name".into(), name.into());
    slice
}
