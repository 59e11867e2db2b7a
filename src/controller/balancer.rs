//! The cloud's controller of load balancers: an address for each Service of type LoadBalancer, after a moment.
//!
//! Stands for `k8s.io/cloud-provider` `controllers/service/controller.go` of Kubernetes 1.37 and for a cloud that makes a load balancer in
//! five seconds. A Service with a `loadBalancerClass` is somebody else's and stays pending, and so does every Service where there is
//! no cloud. Left out: annotations, updates of the node set (the balancers ask the nodes' labels and health themselves).

use std::collections::BTreeMap;

use super::{Change, Outcome};
use crate::api::{Remark, Store, Tone};
use crate::inet::{Ipv4Addr, Pool};
use crate::object::{BalancerMode, Kind, LoadBalancerIngress, LoadBalancers, Node, Object, Ref, Service, ServiceSpec};
use crate::time::{Duration, Instant};

/// What keeps a Service until its load balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// How long the cloud takes to make a load balancer.
const TAKES: Duration = Duration::from_secs(5);
/// How long the controller waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(10);

/// The cloud's load balancers.
#[derive(Clone, Debug, Default)]
pub struct Balancers {
    cloud: Option<(LoadBalancers, Pool)>,
    made: BTreeMap<Ref, Made>,
}

/// A load balancer, made or being made.
#[derive(Clone, Debug)]
struct Made {
    since: Instant,
    ip: Option<Ipv4Addr>,
    /// The Service as the load balancer was last told of it.
    of: ServiceSpec,
}

impl Balancers {
    /// No load balancer yet; none ever, if there is no cloud.
    pub fn new(cloud: Option<LoadBalancers>) -> Self {
        Self { cloud: cloud.map(|cloud| (cloud, Pool::new(cloud.pool))), made: BTreeMap::new() }
    }

    /// Looks at one Service.
    #[inline(never)]
    pub fn reconcile(&mut self, store: &Store, key: &Ref, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let Some((cloud, pool)) = &mut self.cloud else { return outcome };
        let found = store.get(key).and_then(|object| Some((object, object.body::<Service>()?)));
        let Some((object, service)) = found else {
            if let Some(ip) = self.made.remove(key).and_then(|made| made.ip) {
                pool.release(ip);
            }
            return outcome;
        };
        let held = object.meta.finalizers.iter().any(|f| f == FINALIZER);
        let wants = service.spec.r#type == "LoadBalancer" && service.spec.load_balancer_class.is_none();
        let tell = |tone, reason, message: &str| Change::Tell(Box::new(remark(object, tone, reason, message.into())));
        let normal = |reason, message| tell(Tone::Normal, reason, message);
        if !wants || object.meta.deletion_timestamp.is_some() {
            if !held {
                return outcome;
            }
            if let Some(made) = self.made.remove(key) {
                outcome.changes.push(normal("DeletingLoadBalancer", "Deleting load balancer"));
                made.ip.into_iter().for_each(|ip| pool.release(ip));
            }
            outcome.changes.push(normal("DeletedLoadBalancer", "Deleted load balancer"));
            let mut freed = Object::clone(object);
            freed.meta.finalizers.retain(|f| f != FINALIZER);
            if let Some(service) = freed.body_mut::<Service>() {
                service.status.load_balancer.ingress.clear();
            }
            outcome.changes.push(Change::Put(Box::new(freed)));
            return outcome;
        }
        let Some(made) = self.made.get_mut(key) else {
            self.made.insert(key.clone(), Made { since: now, ip: None, of: service.spec.clone() });
            outcome.changes.push(normal("EnsuringLoadBalancer", "Ensuring load balancer"));
            if !held {
                let mut kept = Object::clone(object);
                kept.meta.finalizers.push(FINALIZER.to_owned());
                outcome.changes.push(Change::Put(Box::new(kept)));
            }
            outcome.again = Some(now + TAKES);
            return outcome;
        };
        if made.ip.is_some() {
            if differs(&made.of, &service.spec) {
                made.of = service.spec.clone();
                outcome.changes.push(normal("EnsuringLoadBalancer", "Ensuring load balancer"));
                outcome.changes.push(normal("EnsuredLoadBalancer", "Ensured load balancer"));
            }
            return outcome;
        }
        if now < made.since + TAKES {
            outcome.again = Some(made.since + TAKES);
            return outcome;
        }
        if !store.all::<Node>().any(|(meta, _)| !meta.labels.contains_key(EXCLUDES)) {
            let message = "There are no available nodes for LoadBalancer";
            outcome.changes.push(tell(Tone::Warning, "UnAvailableLoadBalancer", message));
        }
        let asked = &service.spec.load_balancer_ip;
        let ip = if asked.is_empty() { pool.take() } else { asked.parse().ok().filter(|ip| pool.claim(*ip)) };
        let Some(ip) = ip else {
            let why = match asked.is_empty() {
                true => format!("the pool {} has no free address", cloud.pool),
                false => format!("requested IP {asked:?} is not a free address of the pool {}", cloud.pool),
            };
            let message = format!("Error syncing load balancer: failed to ensure load balancer: {why}");
            outcome.changes.push(tell(Tone::Warning, "SyncLoadBalancerFailed", &message));
            outcome.deadline = Some(now + RETRY);
            return outcome;
        };
        made.ip = Some(ip);
        let mut given = Object::clone(object);
        if let Some(service) = given.body_mut::<Service>() {
            let mode = if cloud.mode == BalancerMode::Vip { "VIP" } else { "Proxy" };
            let ingress = LoadBalancerIngress { ip: ip.to_string(), ip_mode: Some(mode.into()), ..Default::default() };
            service.status.load_balancer.ingress = vec![ingress];
        }
        outcome.changes.push(normal("EnsuredLoadBalancer", "Ensured load balancer"));
        outcome.changes.push(Change::Put(Box::new(given)));
        outcome
    }
}

/// The label of nodes that load balancers leave out.
const EXCLUDES: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Whether a load balancer must hear of a change.
fn differs(was: &ServiceSpec, is: &ServiceSpec) -> bool {
    let told = |spec: &ServiceSpec| {
        let config = spec.session_affinity_config.clone();
        let addresses = (spec.load_balancer_ip.clone(), spec.external_ips.clone());
        let policy = (spec.external_traffic_policy.clone(), spec.health_check_node_port);
        let affinity = (spec.session_affinity.clone(), config);
        (spec.ports.clone(), spec.load_balancer_source_ranges.clone(), affinity, addresses, policy)
    };
    told(was) != told(is)
}

/// Whether a change of a Service concerns the controller.
pub(super) fn concerns(object: Option<&Object>) -> bool {
    let Some(object) = object else { return false };
    let balanced = |service: &Service| service.spec.r#type == "LoadBalancer";
    object.body::<Service>().is_some_and(balanced) || object.meta.finalizers.iter().any(|f| f == FINALIZER)
}

fn remark(object: &Object, tone: Tone, reason: &'static str, message: String) -> Remark {
    debug_assert_eq!(object.kind(), Kind::Service, "only Services have load balancers");
    Remark {
        about: object.key(),
        uid: object.meta.uid.clone(),
        container: String::new(),
        tone,
        reason,
        message,
        from: "service-controller",
        host: String::new(),
    }
}
