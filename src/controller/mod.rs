//! The controllers: each looks at the store and says what to change, and when to look again.
//!
//! A controller is a function `reconcile(store, key, now) -> Outcome`. It looks at the level, not at the edge: it may be called
//! at any time, and called again it changes nothing. [`crate::cluster`] calls it when [`wake`] says that a change concerns it,
//! and carries its [`Change`]s out. The kubelet alone has a memory of its own: what runs in its containers.

mod balancer;
mod container;
mod daemonset;
mod deployment;
mod endpoints;
mod endpointslice;
mod eviction;
mod garbage;
mod kubelet;
mod mirror;
mod namespace;
mod neighbours;
mod node;
mod placement;
mod probe;
mod queue;
mod replicaset;
mod revision;
mod scheduler;
mod statefulset;

pub use balancer::Balancers;
pub use eviction::disrupted;
pub use kubelet::Kubelet;
pub use node::HEALTHY;
pub use probe::{ProbeKind, Probed};
pub use queue::Queue;

use std::sync::Arc;

use crate::api::{Remark, Status, Store, Tone, Touch};
use crate::object::{Kind, Meta, Node, Object, Outages, OwnerReference, Pod, Ref, ReplicaSet, Taint};
use crate::time::{Duration, Instant};

/// Who reconciles; in this order, when several have something to do at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Ends namespaces.
    Namespace,
    /// Ends what has lost its owner.
    Garbage,
    /// Rolls replica sets.
    Deployment,
    /// Keeps the number of pods.
    ReplicaSet,
    /// Keeps pods by their names.
    StatefulSet,
    /// Keeps a pod on each node.
    DaemonSet,
    /// Watches over nodes.
    Node,
    /// Evicts pods from tainted nodes.
    Eviction,
    /// Finds nodes for pods.
    Scheduler,
    /// Runs pods.
    Kubelet,
    /// Lists the pods behind a Service.
    EndpointSlice,
    /// Lists them once more, in the old form.
    Endpoints,
    /// Brings what people write in the old form into the new.
    Mirror,
    /// Gives load balancers to Services.
    Balancer,
    /// The programs in pods that serve Ingresses, as clients of the API server.
    Ingress,
}

/// A change that a controller wants.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new object.
    Create(Box<Object>),
    /// The object as it is to be, status included.
    Put(Box<Object>),
    /// Deletion, with the object's own grace.
    Delete(Ref),
    /// It is over: the object goes at once.
    Remove(Ref),
    /// An event.
    Tell(Box<Remark>),
    /// An event of the past: when first, when last, how often.
    TellOf(Box<Remark>, Instant, Instant, i32),
    /// An event that repeats itself, until it is hushed.
    GoOn(Box<Remark>, Duration),
    /// The end of an event that repeats itself.
    Hush(Box<Remark>),
}

/// What a reconciliation came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The changes wanted, in order.
    pub changes: Vec<Change>,
    /// When to look again even if nothing changes.
    pub again: Option<Instant>,
    /// The same, for a deadline that only bookkeeping waits for: a cluster with nothing else to do is quiet.
    pub deadline: Option<Instant>,
}

/// Has a controller look at one key.
pub fn reconcile(
    controller: Controller,
    kubelet: &mut Kubelet,
    store: &Store,
    outages: &Outages,
    key: &Ref,
    now: Instant,
) -> Outcome {
    match controller {
        Controller::Namespace => namespace::reconcile(store, key),
        Controller::Garbage => garbage::reconcile(store, key),
        Controller::Deployment => deployment::reconcile(store, key, now),
        Controller::ReplicaSet => replicaset::reconcile(store, key, now),
        Controller::StatefulSet => statefulset::reconcile(store, key, now),
        Controller::DaemonSet => daemonset::reconcile(store, key, now),
        Controller::Node => node::reconcile(store, outages, key, now),
        Controller::Eviction => eviction::reconcile(store, key, now),
        Controller::Scheduler => scheduler::reconcile(store, now),
        Controller::Kubelet => kubelet.reconcile(store, outages, key, now),
        Controller::EndpointSlice => endpointslice::reconcile(store, key, now),
        Controller::Endpoints => endpoints::reconcile(store, key, now),
        Controller::Mirror => mirror::reconcile(store, key),
        // It has a memory of its own: see `Balancers::reconcile`.
        Controller::Balancer => Outcome::default(),
        // It is no controller of the cluster's own: `crate::cluster` knows it.
        Controller::Ingress => Outcome::default(),
    }
}

impl Controller {
    /// How long it lets changes gather before it looks: watches, queues and batches take about as long in a real cluster.
    pub fn delay(self) -> Duration {
        Duration::from_millis(match self {
            Self::Namespace | Self::Garbage | Self::Balancer | Self::Ingress => 50,
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet | Self::DaemonSet | Self::Node | Self::Eviction => {
                20
            }
            Self::Scheduler | Self::Kubelet => 10,
            Self::EndpointSlice | Self::Endpoints | Self::Mirror => 40,
        })
    }
}

/// The one key of the scheduler: it looks at all pods that have no node.
pub fn scheduler_key() -> Ref {
    Ref::new(Kind::Pod, "", "")
}

/// Calls `wake` for each controller and key that a change concerns; `by` made the change, and knows of it.
pub fn wake(store: &Store, touch: &Touch, by: Option<Controller>, mut wake: impl FnMut(Controller, Ref)) {
    let Touch { key, old, new } = touch;
    let (was, is) = (old.as_deref(), new.as_deref());
    match key.kind {
        Kind::Namespace => wake(Controller::Namespace, key.clone()),
        Kind::Node => {
            wake(Controller::Scheduler, scheduler_key());
            if by != Some(Controller::Node) {
                wake(Controller::Node, key.clone());
            }
            let view = |object: Option<&Object>| {
                let node = object?.body::<Node>()?;
                let taints: Vec<Taint> = node.spec.taints.clone();
                Some((object?.meta.labels.clone(), taints, node.spec.unschedulable))
            };
            if view(was) != view(is) {
                wake(Controller::Eviction, key.clone());
                for set in store.list(Kind::DaemonSet, None) {
                    wake(Controller::DaemonSet, set.key());
                }
            }
        }
        Kind::Deployment => wake(Controller::Deployment, key.clone()),
        Kind::ReplicaSet => {
            if by != Some(Controller::ReplicaSet) {
                wake(Controller::ReplicaSet, key.clone());
            }
            for owner in controllers(Kind::Deployment, was, is) {
                wake(Controller::Deployment, owner);
            }
        }
        Kind::Pod => pod(store, touch, by, &mut wake),
        Kind::Service => {
            wake(Controller::EndpointSlice, key.clone());
            wake(Controller::Endpoints, key.clone());
            wake(Controller::Mirror, Ref { kind: Kind::Endpoints, ..key.clone() });
            if by != Some(Controller::Balancer) && (balancer::concerns(was) || balancer::concerns(is)) {
                wake(Controller::Balancer, key.clone());
            }
        }
        Kind::EndpointSlice if by != Some(Controller::EndpointSlice) => {
            for owner in controllers(Kind::Service, was, is) {
                wake(Controller::EndpointSlice, owner);
            }
        }
        Kind::Endpoints if by != Some(Controller::Endpoints) => {
            wake(Controller::Endpoints, Ref { kind: Kind::Service, ..key.clone() });
            wake(Controller::Mirror, key.clone());
        }
        Kind::EndpointSlice | Kind::Endpoints | Kind::ControllerRevision | Kind::Event | Kind::Lab => {}
        Kind::StatefulSet if by != Some(Controller::StatefulSet) => wake(Controller::StatefulSet, key.clone()),
        Kind::DaemonSet if by != Some(Controller::DaemonSet) => wake(Controller::DaemonSet, key.clone()),
        Kind::StatefulSet | Kind::DaemonSet => {}
        Kind::Ingress | Kind::IngressClass | Kind::Secret | Kind::ConfigMap | Kind::ValidatingWebhookConfiguration => {}
    }
    if let (Some(gone), None) = (was, is) {
        for dependent in store.dependents(&gone.meta.uid) {
            wake(Controller::Garbage, dependent.clone());
        }
        let namespace = Ref::new(Kind::Namespace, "", key.namespace.clone());
        if store.get(&namespace).is_some_and(|n| n.meta.deletion_timestamp.is_some()) {
            wake(Controller::Namespace, namespace);
        }
    }
}

fn pod(store: &Store, touch: &Touch, by: Option<Controller>, wake: &mut impl FnMut(Controller, Ref)) {
    let Touch { key, old, new } = touch;
    let (was, is) = (old.as_deref(), new.as_deref());
    let has_node =
        |object: Option<&Object>| object.and_then(|o| o.body::<Pod>()).is_some_and(|p| !p.spec.node_name.is_empty());
    match (has_node(was), has_node(is), is.is_some()) {
        (_, true, _) if by == Some(Controller::Kubelet) => {}
        (_, true, _) | (true, _, false) => wake(Controller::Kubelet, key.clone()),
        (_, false, true) if by != Some(Controller::Scheduler) => wake(Controller::Scheduler, scheduler_key()),
        _ => {}
    }
    // A pod that comes to a tainted node may have to go again.
    if let Some(pod) = is.filter(|_| !has_node(was) && has_node(is)).and_then(|o| o.body::<Pod>()) {
        let node = Ref::new(Kind::Node, "", pod.spec.node_name.as_str());
        if store.read::<Node>(&node).is_some_and(|(_, node)| !node.spec.taints.is_empty()) {
            wake(Controller::Eviction, node);
        }
    }
    // A pod that went may have made room for another.
    if has_node(was) && is.is_none() {
        wake(Controller::Scheduler, scheduler_key());
    }
    if replicaset::view(was) != replicaset::view(is) {
        for owner in controllers(Kind::ReplicaSet, was, is) {
            // A deployment that recreates waits for the last old pod to go.
            if let Some(set) = store.get(&owner).filter(|_| is.is_none()) {
                for deployment in controllers(Kind::Deployment, None, Some(set)) {
                    wake(Controller::Deployment, deployment);
                }
            }
            wake(Controller::ReplicaSet, owner);
        }
        controllers(Kind::StatefulSet, was, is).into_iter().for_each(|owner| wake(Controller::StatefulSet, owner));
        controllers(Kind::DaemonSet, was, is).into_iter().for_each(|owner| wake(Controller::DaemonSet, owner));
        // Whoever selects a pod that nobody controls may adopt it.
        if let Some(orphan) = is.filter(|o| o.meta.controller().is_none()) {
            for set in store.list(Kind::ReplicaSet, Some(&key.namespace)) {
                if set.body::<ReplicaSet>().is_some_and(|s| s.spec.selector.matches(&orphan.meta.labels)) {
                    wake(Controller::ReplicaSet, set.key());
                }
            }
        }
    }
    if endpointslice::view(was) != endpointslice::view(is) {
        let same = was.map(|o| &o.meta.labels) == is.map(|o| &o.meta.labels);
        for object in was.filter(|_| !same).into_iter().chain(is) {
            for service in store.services_selecting(&key.namespace, &object.meta.labels) {
                wake(Controller::EndpointSlice, service.clone());
                wake(Controller::Endpoints, service.clone());
            }
        }
    }
}

/// Who tells of the pods that it makes, by the kind of their owner.
fn teller(kind: &str) -> Option<(Kind, &'static str)> {
    match kind {
        "ReplicaSet" => Some((Kind::ReplicaSet, "replicaset-controller")),
        "DaemonSet" => Some((Kind::DaemonSet, "daemonset-controller")),
        "StatefulSet" => Some((Kind::StatefulSet, "statefulset-controller")),
        _ => None,
    }
}

/// What an owner's controller tells of a pod that it made, or could not make.
pub fn created(store: &Store, kind: Kind, meta: &Meta, created: &Result<Arc<Object>, Status>) -> Option<Remark> {
    let owner = meta.controller().filter(|_| kind == Kind::Pod)?;
    let (kind, from) = teller(&owner.kind)?;
    let owner = &store.get(&Ref::new(kind, meta.namespace.as_str(), owner.name.as_str()))?.meta;
    let remark = |reason, message| Remark::normal(kind, owner, from, reason, message);
    Some(match (created, kind) {
        (Ok(pod), Kind::StatefulSet) => {
            let message = format!("create Pod {} in StatefulSet {} successful", pod.meta.name, owner.name);
            remark("SuccessfulCreate", message)
        }
        (Ok(pod), _) => remark("SuccessfulCreate", format!("Created pod: {}", pod.meta.name)),
        (Err(status), Kind::StatefulSet) => {
            let message =
                format!("create Pod {} in StatefulSet {} failed error: {}", meta.name, owner.name, status.message);
            Remark { tone: Tone::Warning, ..remark("FailedCreate", message) }
        }
        (Err(status), _) => {
            Remark { tone: Tone::Warning, ..remark("FailedCreate", format!("Error creating: {}", status.message)) }
        }
    })
}

/// What an owner's controller tells of a pod that it deleted; `meta` is the pod's.
pub fn deleted(pod: &Ref, meta: &Meta) -> Option<Remark> {
    let owner = meta.controller().filter(|_| pod.kind == Kind::Pod && meta.deletion_timestamp.is_none())?;
    let (kind, from) = teller(&owner.kind)?;
    let message = match kind {
        Kind::StatefulSet => format!("delete Pod {} in StatefulSet {} successful", meta.name, owner.name),
        _ => format!("Deleted pod: {}", meta.name),
    };
    let at =
        Meta { name: owner.name.clone(), namespace: meta.namespace.clone(), uid: owner.uid.clone(), ..Meta::default() };
    Some(Remark::normal(kind, &at, from, "SuccessfulDelete", message))
}

/// Who controls either side of a change, among the objects of a kind.
fn controllers(kind: Kind, was: Option<&Object>, is: Option<&Object>) -> Vec<Ref> {
    let mut found: Vec<Ref> = Vec::new();
    for meta in was.into_iter().chain(is).map(|object| &object.meta) {
        if let Some(owner) = meta.controller().filter(|owner| owner.kind == kind.name()) {
            let key = Ref::new(kind, meta.namespace.as_str(), owner.name.as_str());
            if !found.contains(&key) {
                found.push(key);
            }
        }
    }
    found
}

/// The reference to an object that controls others.
fn owner(kind: Kind, meta: &Meta) -> OwnerReference {
    OwnerReference {
        api_version: kind.api_version(),
        block_owner_deletion: true,
        controller: true,
        kind: kind.name().to_owned(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
    }
}

/// An object like the stored one, with another body.
fn with_body(store: &Store, key: &Ref, body: impl Into<crate::object::Body>) -> Option<Box<Object>> {
    let stored = store.get(key)?;
    Some(Box::new(Object { meta: stored.meta.clone(), body: body.into() }))
}
