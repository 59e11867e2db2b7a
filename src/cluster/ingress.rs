//! Ingress controllers as clients of the API server: the addresses that they write into Ingresses, and what they tell of them.
//!
//! Stands for ingress-nginx 1.15.1 `internal/ingress/status/status.go` (the leader writes once a minute, and empties the status
//! when the last controller ends in order) and `internal/ingress/controller/store/store.go` (event Sync for each change that it
//! sees, its own of the status among them), and for Traefik's `pkg/provider/kubernetes/ingress/kubernetes.go`
//! (`updateIngressStatus`: at once, the address of its published Service). Only a ready pod does so; with none, an Ingress is paper.
//! Simplified: the first ready pod is the leader; leases are left out.

use std::collections::BTreeMap;

use super::Cluster;
use crate::api::{Remark, Store, Touch};
use crate::controller::{Change, Controller, Outcome};
use crate::net::ingress::{self, Flavour};
use crate::object::{Ingress, Kind, LoadBalancerIngress, Meta, Node, Object, Outages, Pod, Ref, Service};
use crate::time::{Duration, Instant};

/// How often ingress-nginx looks after statuses.
const BEAT: Duration = Duration::from_secs(60);
/// How long after its start its first look takes.
const START: Duration = Duration::from_secs(1);

/// What controllers have told, by Ingress: which version of it, and by which pod.
pub(super) type Told = BTreeMap<Ref, String>;

/// A controller's pod.
struct Program<'a> {
    meta: &'a Meta,
    pod: &'a Pod,
    flavour: Flavour,
    /// Since when it is ready; none while it is not.
    ready: Option<Instant>,
}

impl Cluster {
    /// Controllers look at Ingresses that these changes concern.
    pub(super) fn wake_ingress_controllers(&mut self, touched: &[Touch]) {
        let at = self.now + Controller::Ingress.delay();
        let mut all = false;
        for touch in touched {
            match touch.key.kind {
                Kind::Ingress => self.queue.add(Controller::Ingress, touch.key.clone(), at),
                Kind::IngressClass => all = true,
                Kind::Pod => {
                    let sides = || touch.old.iter().chain(&touch.new);
                    all |= sides().filter_map(|object| object.body::<Pod>()).any(is_controller);
                }
                // The address of a published Service.
                Kind::Service => all |= !self.told.is_empty() && address_of(&touch.old) != address_of(&touch.new),
                _ => {}
            }
        }
        if all {
            let keys: Vec<Ref> = self.api.store().list(Kind::Ingress, None).map(|object| object.key()).collect();
            keys.into_iter().for_each(|key| self.queue.add(Controller::Ingress, key, at));
        }
    }
}

fn is_controller(pod: &Pod) -> bool {
    pod.spec.containers.iter().any(|container| Flavour::of_image(&container.image).is_some())
}

fn address_of(side: &Option<std::sync::Arc<Object>>) -> Option<&[LoadBalancerIngress]> {
    Some(&side.as_ref()?.body::<Service>()?.status.load_balancer.ingress)
}

/// What the controllers of one Ingress do about it.
pub(super) fn reconcile(store: &Store, told: &mut Told, outages: &Outages, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, ingress)) = store.read::<Ingress>(key) else {
        told.remove(key);
        return outcome;
    };
    let own = |(meta_of_pod, pod)| {
        let controller = ingress::Controller::of(meta_of_pod, pod)?;
        let program = Program { meta: meta_of_pod, pod, flavour: controller.flavour, ready: ready(meta_of_pod, pod) };
        controller.owns(store, meta, ingress).then_some(program)
    };
    let candidates = store.all::<Pod>().filter(|(_, pod)| is_controller(pod));
    let programs: Vec<Program<'_>> = candidates.filter_map(own).collect();
    let put = |addresses| {
        let mut changed = ingress.clone();
        changed.status.load_balancer.ingress = addresses;
        Change::Put(Box::new(Object { meta: meta.clone(), body: changed.into() }))
    };
    let written = &ingress.status.load_balancer.ingress;
    let Some((leader, since)) = programs.iter().find_map(|program| Some((program, program.ready?))) else {
        // Whoever ends in order cleans up behind itself; whoever loses its power does not.
        let lives = |program: &Program<'_>| {
            program.pod.status.phase == "Running" && program.meta.deletion_timestamp.is_none()
                || outages.is_stopped(&program.pod.spec.node_name)
        };
        if told.contains_key(key) && !programs.iter().any(lives) {
            told.remove(key);
            if !written.is_empty() {
                outcome.changes.push(put(Vec::new()));
            }
        }
        return outcome;
    };
    if leader.flavour == Flavour::Nginx {
        let version = format!("{}/{}", meta.resource_version, leader.meta.uid);
        if told.get(key) != Some(&version) {
            told.insert(key.clone(), version);
            let remark =
                Remark::normal(Kind::Ingress, meta, "nginx-ingress-controller", "Sync", "Scheduled for sync".into());
            outcome.changes.push(Change::Tell(Box::new(remark)));
        }
    }
    let addresses = addresses(store, &programs, leader);
    if addresses == *written {
        return outcome;
    }
    let age = now.since(since);
    let late = Duration::from_micros((age.as_micros() % BEAT.as_micros()) as u64);
    if leader.flavour == Flavour::Traefik || age < START || late.is_zero() {
        outcome.changes.push(put(addresses));
    } else {
        outcome.again = Some(now + (BEAT - late));
    }
    outcome
}

/// Since when a pod is ready, if it is.
fn ready(meta: &Meta, pod: &Pod) -> Option<Instant> {
    let condition = pod.status.conditions.iter().find(|c| c.r#type == "Ready" && c.status == "True")?;
    if meta.deletion_timestamp.is_some() || pod.status.phase != "Running" {
        return None;
    }
    condition.last_transition_time
}

/// What a controller publishes: what it is told to, or where its pods are.
fn addresses(store: &Store, programs: &[Program<'_>], leader: &Program<'_>) -> Vec<LoadBalancerIngress> {
    let namespace = &leader.meta.namespace;
    let words = leader.pod.spec.containers.iter().flat_map(|c| c.command.iter().chain(&c.args));
    let words: Vec<&str> = words.map(String::as_str).collect();
    let flag = |name: &str| {
        let value = |word: &&str| {
            let (key, value) = word.split_once('=').unwrap_or((word, "true"));
            key.trim_start_matches('-').eq_ignore_ascii_case(name).then_some(value.to_owned())
        };
        words.iter().find_map(value)
    };
    let (service, fixed) = match leader.flavour {
        Flavour::Nginx => (flag("publish-service"), flag("publish-status-address")),
        Flavour::Traefik => (
            flag("providers.kubernetesingress.ingressendpoint.publishedservice"),
            flag("providers.kubernetesingress.ingressendpoint.ip"),
        ),
    };
    let ip = |ip: &str| LoadBalancerIngress { ip: ip.to_owned(), ..LoadBalancerIngress::default() };
    if let Some(fixed) = fixed {
        return fixed.split(',').map(|address| ip(address.trim())).collect();
    }
    if let Some(service) = service {
        let service = service.replace("$(POD_NAMESPACE)", namespace);
        let key = service.split_once('/').map(|(namespace, name)| Ref::new(Kind::Service, namespace, name));
        let Some((_, service)) = key.and_then(|key| store.read::<Service>(&key)) else { return Vec::new() };
        let balanced = || {
            let all = service.status.load_balancer.ingress.iter();
            all.map(|at| LoadBalancerIngress { hostname: at.hostname.clone(), ..ip(&at.ip) }).collect()
        };
        return match (leader.flavour, service.spec.r#type.as_str()) {
            (Flavour::Traefik, _) | (_, "LoadBalancer") => balanced(),
            _ if !service.spec.external_ips.is_empty() => service.spec.external_ips.iter().map(|at| ip(at)).collect(),
            _ => vec![ip(&service.spec.cluster_ip)],
        };
    }
    if leader.flavour == Flavour::Traefik {
        return Vec::new();
    }
    let internal = flag("report-node-internal-ip-address").is_some_and(|value| value == "true");
    let address = |program: &Program<'_>| {
        let (_, node) = store.read::<Node>(&Ref::new(Kind::Node, "", program.pod.spec.node_name.as_str()))?;
        let of = |kind: &str| node.status.addresses.iter().find(|at| at.r#type == kind).map(|at| at.address.clone());
        of("ExternalIP").filter(|_| !internal).or_else(|| of("InternalIP"))
    };
    let mut all: Vec<String> = programs.iter().filter(|program| program.ready.is_some()).filter_map(address).collect();
    crate::sort::by(&mut all, Ord::cmp);
    all.dedup();
    all.iter().map(|at| ip(at)).collect()
}
