//! Who is in the picture: the store's objects, read once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::marks::{Mark, Marks};
use super::{PodState, RoomState};
use crate::api::Store;
use crate::object::{App, Kind, Lab, Node, Outages, Pod, Ref, Service};
use crate::trace::{By, Place, Trace};

/// Places that are drawn only while packets go there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The cluster's DNS.
    pub dns: bool,
    /// Nodes on which a program of its own sends packets.
    pub hosts: BTreeSet<Arc<str>>,
    /// Nodes that packets come to.
    pub nodes: BTreeSet<Arc<str>>,
    /// Pods that packets come to, by namespace and name.
    pub pods: BTreeSet<(Arc<str>, Arc<str>)>,
}

impl Needs {
    /// What some traces need.
    pub fn of<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Self {
        let mut needs = Self::default();
        for trace in traces {
            if let Place::Node(node) = &trace.from {
                needs.hosts.insert(Arc::clone(node));
            }
            for hop in &trace.hops {
                match &hop.at {
                    Place::Node(node) => _ = needs.nodes.insert(Arc::clone(node)),
                    Place::Pod(namespace, pod) => _ = needs.pods.insert((Arc::clone(namespace), Arc::clone(pod))),
                    _ => {}
                }
            }
            needs.dns |= trace.hops.iter().any(|hop| match &hop.at {
                Place::Pod(namespace, pod) => is_system(namespace, pod),
                _ => hop.by == By::Resolver,
            });
        }
        needs
    }
}

/// The learner's Services, oldest first: all but the two that every cluster has.
pub fn services(store: &Store) -> Vec<Ref> {
    let mut found: Vec<_> = store
        .all::<Service>()
        .filter(|(meta, _)| {
            !(is_system(&meta.namespace, &meta.name) || meta.name == "kubernetes" && meta.namespace == "default")
        })
        .map(|(meta, _)| {
            (meta.creation_timestamp, Ref::new(Kind::Service, meta.namespace.as_str(), meta.name.as_str()))
        })
        .collect();
    crate::sort::by(&mut found, Ord::cmp);
    found.into_iter().map(|(_, key)| key).collect()
}

/// Whether an object belongs to the cluster itself.
pub(super) fn is_system(namespace: &str, name: &str) -> bool {
    namespace.starts_with("kube-") && !is_addon(namespace, name)
}

/// Whether an object belongs to an ingress controller that an addon brought; Traefik's lives among the cluster's own.
pub fn is_addon(namespace: &str, name: &str) -> bool {
    match namespace {
        "kube-system" => name == "traefik" || name.starts_with("traefik-"),
        _ => matches!(namespace, "ingress-nginx" | "traefik"),
    }
}

/// A node, as the picture needs it.
pub(super) struct NodeFacts {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) cidr: String,
    pub(super) zone: String,
    /// Its address on the internet; empty if it has none.
    pub(super) public: String,
    pub(super) state: RoomState,
    /// The nodes to which its link is cut.
    pub(super) cut: Vec<String>,
}

/// The nodes: the first is the control plane, the rest by name.
pub(super) fn nodes(store: &Store, outages: &Outages) -> Vec<NodeFacts> {
    let facts = store.all::<Node>().map(|(meta, node)| {
        let ready = node.status.conditions.iter().find(|c| c.r#type == "Ready").is_none_or(|c| c.status == "True");
        NodeFacts {
            name: meta.name.clone(),
            address: node.status.address("InternalIP").unwrap_or_default().to_owned(),
            cidr: node.spec.pod_cidr.clone(),
            public: node.status.address("ExternalIP").unwrap_or_default().to_owned(),
            zone: meta.labels.get("topology.kubernetes.io/zone").cloned().unwrap_or_default(),
            state: match (ready, node.spec.unschedulable) {
                _ if outages.is_stopped(&meta.name) => RoomState::Stopped,
                (false, _) => RoomState::Silent,
                (true, true) => RoomState::Cordoned,
                (true, false) => RoomState::Running,
            },
            cut: outages
                .cut()
                .filter_map(|(a, b)| match () {
                    () if a == meta.name => Some(b.to_owned()),
                    () if b == meta.name => Some(a.to_owned()),
                    () => None,
                })
                .collect(),
        }
    });
    facts.collect()
}

/// A pod, as the picture needs it.
pub(super) struct PodFacts {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) node: String,
    pub(super) ip: String,
    pub(super) port: Option<u16>,
    pub(super) state: PodState,
    pub(super) mark: Option<Mark>,
    /// The replica set that made it.
    pub(super) set: Option<String>,
}

impl PodFacts {
    /// The end of a name that a controller made, the whole name of others; an addon's pod is known by its Deployment.
    pub(super) fn short(&self) -> String {
        let deployment =
            self.set.as_ref().and_then(|set| set.rsplit_once('-')).filter(|_| is_addon(&self.namespace, &self.name));
        match self.name.rsplit_once('-').filter(|_| deployment.is_none()) {
            Some((_, end)) if self.set.is_some() => format!("…{end}"),
            _ => deployment.map_or_else(|| self.name.clone(), |(name, _)| name.to_owned()),
        }
    }
}

/// The pods that have a node, by their marks.
pub(super) fn pods(store: &Store, marks: &Marks) -> Vec<PodFacts> {
    let images = programs(store);
    let mut pods: Vec<_> = store
        .all::<Pod>()
        .filter(|(_, pod)| !pod.spec.node_name.is_empty())
        .map(|(meta, pod)| {
            let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
            let state = match () {
                () if meta.deletion_timestamp.is_some() => PodState::Ending,
                () if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") => PodState::Ending,
                () if pod.status.phase != "Running" => PodState::Starting,
                () if ready => PodState::Ready,
                () => PodState::Unready,
            };
            PodFacts {
                namespace: meta.namespace.clone(),
                name: meta.name.clone(),
                node: pod.spec.node_name.clone(),
                ip: pod.status.pod_ip.clone(),
                port: listens(pod, &images),
                state,
                mark: marks.pod(&meta.namespace, &meta.name),
                set: meta.controller().filter(|owner| owner.kind == "ReplicaSet").map(|owner| owner.name.clone()),
            }
        })
        .collect();
    crate::sort::by_key(&mut pods, |pod| pod.mark);
    pods
}

/// The programs that the environment knows besides the built-in ones.
pub(super) fn programs(store: &Store) -> Arc<[(String, App)]> {
    store.all::<Lab>().next().map_or_else(Arc::default, |(_, lab)| lab.programs())
}

/// The first port that the pod's programs listen on, whatever `containerPort` says.
fn listens(pod: &Pod, images: &[(String, App)]) -> Option<u16> {
    pod.spec.containers.iter().find_map(|container| App::of(container, images).listens.first().copied())
}
