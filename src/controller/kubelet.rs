//! The kubelets of all nodes: pods started, watched, restarted and ended, after `pkg/kubelet`.
//!
//! What a program does is told by [`App`]. A pod's sandbox and images take a second or two, drawn from the seed. Its volumes are
//! there, its init containers succeed (half a second each), its hooks are waited for when they sleep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::container::{Boxed, GoesOn, Made, State};
use super::probe::Probed;
use super::scheduler::set_condition;
use super::{Change, Outcome, with_body};
use crate::api::{Remark, Store};
use crate::inet::{Ipv4Addr, Pool};
use crate::object::{App, Condition, Container, ContainerStatus, Kind, Meta, Node, Outages, Pod, PodIp, Ref};
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// From the last end of a pod's container to the pod's: the kubelet looks once a second.
const NOTICE: Duration = Duration::from_millis(500);

/// From a machine's start to its kubelet's first work.
const BOOT: Duration = Duration::from_secs(7);

/// What runs on the nodes.
#[derive(Clone, Debug)]
pub struct Kubelet {
    pools: BTreeMap<String, Pool>,
    runs: Arc<BTreeMap<Ref, Run>>,
    unready: BTreeSet<Ref>,
    ill: BTreeSet<Ref>,
    rng: Rng,
    /// Programs by image, besides the built-in ones.
    images: Arc<[(String, App)]>,
}

/// A pod that runs.
#[derive(Clone, Debug)]
struct Run {
    uid: String,
    node: String,
    ip: Option<Ipv4Addr>,
    begun: Instant,
    starts: Instant,
    told_to_end: Option<Instant>,
    /// Whether it ran before its node was turned off.
    again: bool,
    containers: Vec<Boxed>,
}

impl Kubelet {
    /// Nothing runs; start times are drawn from a fork of `rng`.
    pub fn new(rng: &Rng, images: Arc<[(String, App)]>) -> Self {
        Self {
            pools: BTreeMap::new(),
            runs: Arc::default(),
            unready: BTreeSet::new(),
            ill: BTreeSet::new(),
            rng: rng.fork("kubelet"),
            images,
        }
    }

    /// A node joins, with its range of pod addresses.
    pub fn join(&mut self, node: &str, pool: Pool) {
        self.pools.insert(node.to_owned(), pool);
    }

    /// Whether a pod is running, or being started.
    pub fn runs(&self, pod: &Ref) -> bool {
        self.runs.contains_key(pod)
    }

    /// Whether a pod is made to fail its readiness.
    pub fn is_unready(&self, pod: &Ref) -> bool {
        self.unready.contains(pod)
    }

    /// Makes a pod fail its readiness from now on, or lets it tell the truth again.
    pub fn set_unready(&mut self, store: &Store, pod: &Ref, unready: bool, now: Instant) {
        if let Some((_, body)) = store.read::<Pod>(pod) {
            self.advance(pod, body, now);
        }
        set(&mut self.unready, pod, unready);
    }

    /// Makes a pod fail its liveness from now on, or lets it tell the truth again.
    pub fn set_ill(&mut self, store: &Store, pod: &Ref, ill: bool, now: Instant) {
        if let Some((_, body)) = store.read::<Pod>(pod) {
            self.advance(pod, body, now);
        }
        set(&mut self.ill, pod, ill);
    }

    /// The pods that run on a node, or ran when it was turned off.
    pub fn on(&self, node: &str) -> Vec<Ref> {
        self.runs.iter().filter(|(_, run)| run.node == node).map(|(key, _)| key.clone()).collect()
    }

    /// A node is turned off: its programs die where they stand, and nobody tells.
    pub fn power_off(&mut self, store: &Store, node: &str, now: Instant) {
        for key in self.on(node) {
            if let Some((_, pod)) = store.read::<Pod>(&key) {
                self.advance(&key, pod, now);
            }
            if let Some(run) = Arc::make_mut(&mut self.runs).get_mut(&key) {
                run.again |= run.ip.is_some();
                run.containers.iter_mut().for_each(|b| b.die(now));
                if let (Some(pool), Some(ip)) = (self.pools.get_mut(node), run.ip.take()) {
                    pool.release(ip);
                }
            }
        }
    }

    /// A node is turned on: its kubelet starts what it is to run, each pod in a new sandbox.
    pub fn power_on(&mut self, node: &str, now: Instant) {
        for key in self.on(node) {
            let takes = 1500 + u64::from(self.rng.below(1500));
            if let Some(run) = Arc::make_mut(&mut self.runs).get_mut(&key) {
                run.starts = next_look(now + BOOT + Duration::from_millis(takes));
            }
        }
    }

    /// The probes after `from` and until `until`, if things go on as they are; in no order. Of those before now, each probe's last.
    pub fn probes(&self, store: &Store, from: Instant, until: Instant) -> Vec<Probed> {
        let mut all = Vec::new();
        for (key, run) in self.runs.iter() {
            let (Some(ip), Some((_, pod))) = (run.ip, store.read::<Pod>(key)) else { continue };
            let (ip, made) = (ip.to_string(), self.made(key));
            for (b, container) in run.containers.iter().zip(&pod.spec.containers) {
                for (kind, at, failure) in b.beats(container, &ip, made, from, until) {
                    all.push(Probed { at, pod: key.clone(), node: run.node.clone(), kind, failure });
                }
            }
        }
        all
    }

    fn made(&self, pod: &Ref) -> Made {
        Made { unready: self.unready.contains(pod), ill: self.ill.contains(pod) }
    }

    /// Runs a pod that has run since the cluster began.
    pub fn adopt(&mut self, store: &Store, key: &Ref, now: Instant) -> Outcome {
        let Some((meta, pod)) = store.read::<Pod>(key) else { return Outcome::default() };
        let mut run = Run::new(&meta.uid, pod, &self.images, now, now);
        run.ip = self.address(store, pod);
        for (b, container) in run.containers.iter_mut().zip(&pod.spec.containers) {
            b.start(container, now);
            for probe in [&mut b.startup, &mut b.readiness].into_iter().flatten() {
                probe.value = true;
            }
        }
        Arc::make_mut(&mut self.runs).insert(key.clone(), run);
        self.reconcile(store, &Outages::default(), key, now)
    }

    /// Brings one pod up to now. A kubelet that is off, or cut off from the control plane, neither hears nor tells.
    #[inline(never)]
    pub fn reconcile(&mut self, store: &Store, outages: &Outages, key: &Ref, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let Some((meta, pod)) = store.read::<Pod>(key) else {
            if self.runs.get(key).is_none_or(|run| outages.silent_since(&run.node).is_none()) {
                self.hush(key, &mut outcome);
                self.forget(key);
                self.unready.remove(key);
                self.ill.remove(key);
            }
            return outcome;
        };
        if outages.silent_since(&pod.spec.node_name).is_some() {
            return outcome;
        }
        if self.runs.get(key).is_some_and(|run| run.uid != meta.uid) {
            self.hush(key, &mut outcome);
            self.forget(key);
        }
        if !self.pools.contains_key(&pod.spec.node_name) {
            return outcome;
        }
        if !self.runs.contains_key(key) {
            if meta.deletion_timestamp.is_some() {
                outcome.changes.push(Change::Remove(key.clone()));
                return outcome;
            }
            if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
                return outcome;
            }
            let inits = pod.spec.rest.get("initContainers").and_then(Value::as_array).map_or(0, Vec::len) as u64;
            let takes = 700 + u64::from(self.rng.below(1200)) + 500 * inits;
            let run = Run::new(&meta.uid, pod, &self.images, now, next_look(now + Duration::from_millis(takes)));
            Arc::make_mut(&mut self.runs).insert(key.clone(), run);
        }
        if self.runs.get(key).is_some_and(|run| run.again && run.starts <= now) {
            let text = "Pod sandbox changed, it will be killed and re-created.";
            let remark = Remark::normal(Kind::Pod, meta, "kubelet", "SandboxChanged", text.into());
            outcome.changes.push(Change::Tell(Box::new(remark.on(&pod.spec.node_name))));
        }
        self.advance_start(store, key, pod, now);
        self.advance(key, pod, now);
        let made = self.made(key);
        let Some(run) = Arc::make_mut(&mut self.runs).get_mut(key) else { return outcome };

        if meta.deletion_timestamp.is_some() {
            let grace = Duration::from_secs(meta.deletion_grace_period_seconds.unwrap_or(30).max(0).unsigned_abs());
            let gone = run.end(pod, grace, now);
            run.tell(meta, pod, made, now, &mut outcome);
            if gone <= now {
                outcome.changes.push(Change::Remove(key.clone()));
                return outcome;
            }
            outcome.again = Some(gone);
        } else {
            outcome.again = run.next(&pod.spec.containers, made).filter(|at| *at > now);
            run.tell(meta, pod, made, now, &mut outcome);
        }
        let host = store
            .read::<Node>(&Ref::new(crate::object::Kind::Node, "", pod.spec.node_name.as_str()))
            .and_then(|(_, node)| node.status.address("InternalIP").map(str::to_owned));
        let mut changed = pod.clone();
        run.describe(meta, &mut changed, host.as_deref().unwrap_or_default(), made.unready, now);
        if changed != *pod
            && let Some(object) = with_body(store, key, changed)
        {
            outcome.changes.push(Change::Put(object));
        }
        outcome
    }

    /// Lets a pod's programs and probes run up to now.
    fn advance(&mut self, key: &Ref, pod: &Pod, now: Instant) {
        let made = self.made(key);
        if let Some(run) = Arc::make_mut(&mut self.runs).get_mut(key).filter(|run| run.ip.is_some()) {
            let grace = pod.spec.termination_grace_period_seconds.unwrap_or(30).max(0).unsigned_abs();
            for (b, container) in run.containers.iter_mut().zip(&pod.spec.containers) {
                b.advance(container, &pod.spec.restart_policy, Duration::from_secs(grace), made, now);
            }
        }
    }

    /// Gives a pod its address and starts its containers, when their time has come.
    fn advance_start(&mut self, store: &Store, key: &Ref, pod: &Pod, now: Instant) {
        let due = self.runs.get(key).is_some_and(|run| run.ip.is_none() && run.starts <= now);
        if !due {
            return;
        }
        let Some(ip) = self.address(store, pod) else { return };
        if let Some(run) = Arc::make_mut(&mut self.runs).get_mut(key) {
            run.ip = Some(ip);
            let starts = run.starts;
            for (b, container) in run.containers.iter_mut().zip(&pod.spec.containers) {
                if run.again {
                    b.revive(container, starts);
                } else {
                    b.start(container, starts);
                }
            }
            run.again = false;
        }
    }

    fn address(&mut self, store: &Store, pod: &Pod) -> Option<Ipv4Addr> {
        if pod.spec.host_network {
            let node = Ref::new(crate::object::Kind::Node, "", pod.spec.node_name.as_str());
            return store.read::<Node>(&node)?.1.status.address("InternalIP")?.parse().ok();
        }
        self.pools.get_mut(&pod.spec.node_name)?.take()
    }

    /// Ends what is said again and again of a pod that is no more.
    fn hush(&mut self, key: &Ref, outcome: &mut Outcome) {
        let Some(run) = Arc::make_mut(&mut self.runs).get_mut(key) else { return };
        let meta = Meta {
            name: key.name.to_string(),
            namespace: key.namespace.to_string(),
            uid: run.uid.clone(),
            ..Meta::default()
        };
        for b in &mut run.containers {
            for (reason, text) in b.fall_silent() {
                let remark = Remark::warning(Kind::Pod, &meta, "kubelet", reason, text).on(&run.node).of(&b.name);
                outcome.changes.push(Change::Hush(Box::new(remark)));
            }
        }
    }

    /// Ends what ran for a pod that is no more.
    fn forget(&mut self, key: &Ref) {
        if let Some(run) = Arc::make_mut(&mut self.runs).remove(key)
            && let (Some(pool), Some(ip)) = (self.pools.get_mut(&run.node), run.ip)
        {
            pool.release(ip);
        }
    }
}

impl Run {
    fn new(uid: &str, pod: &Pod, images: &[(String, App)], begun: Instant, starts: Instant) -> Self {
        let containers =
            pod.spec.containers.iter().map(|container| Boxed::new(&container.name, App::of(container, images), begun));
        Self {
            uid: uid.to_owned(),
            node: pod.spec.node_name.clone(),
            ip: None,
            begun,
            starts,
            told_to_end: None,
            again: false,
            containers: containers.collect(),
        }
    }

    /// When something happens next by itself.
    fn next(&self, containers: &[Container], made: Made) -> Option<Instant> {
        if self.ip.is_none() {
            return Some(self.starts);
        }
        self.containers.iter().zip(containers).filter_map(|(b, c)| b.next(c, made)).min()
    }

    /// Tells the programs to end, once; says when the pod is gone.
    fn end(&mut self, pod: &Pod, grace: Duration, now: Instant) -> Instant {
        let told = *self.told_to_end.get_or_insert(now);
        if told == now {
            self.containers.iter_mut().zip(&pod.spec.containers).for_each(|(b, c)| b.stopping(c, now));
        }
        if self.ip.is_none() {
            return told;
        }
        let mut last = told;
        for (b, container) in self.containers.iter_mut().zip(&pod.spec.containers) {
            if let State::Runs { ends, .. } = &mut b.state {
                let end = told + hook(container).saturating_add(b.app.shutdown.unwrap_or(grace)).min(grace);
                let code = if b.app.shutdown.is_some() && end < told + grace { 0 } else { 137 };
                let end = ends.map_or(end, |(at, ..)| at.min(end));
                *ends = Some((end, code, if code == 0 { "Completed" } else { "Error" }));
                last = last.max(end);
            }
        }
        last + NOTICE
    }

    /// Tells as events what has happened in the containers.
    fn tell(&mut self, meta: &Meta, pod: &Pod, made: Made, now: Instant, outcome: &mut Outcome) {
        let Some(ip) = self.ip.map(|ip| ip.to_string()) else { return };
        let remark = |saying: &mut super::container::Saying, container: &Container| Remark {
            tone: saying.tone,
            ..Remark::normal(Kind::Pod, meta, "kubelet", saying.reason, std::mem::take(&mut saying.text))
                .on(&pod.spec.node_name)
                .of(&container.name)
        };
        for (b, container) in self.containers.iter_mut().zip(&pod.spec.containers) {
            let (sayings, deadline) = b.say_all(container, meta, &ip, made, now);
            for mut saying in sayings {
                let remark = Box::new(remark(&mut saying, container));
                outcome.changes.push(match saying.goes_on {
                    GoesOn::No => Change::TellOf(remark, saying.first, saying.last, saying.times),
                    GoesOn::Every(time) => Change::GoOn(remark, time),
                    GoesOn::Over => Change::Hush(remark),
                });
            }
            outcome.deadline = outcome.deadline.into_iter().chain(deadline).min();
        }
    }

    /// Writes what is known of the run into the pod's status.
    fn describe(&self, meta: &Meta, pod: &mut Pod, host: &str, failing: bool, now: Instant) {
        let up = self.ip.is_some();
        let statuses: Vec<ContainerStatus> = self
            .containers
            .iter()
            .zip(&pod.spec.containers)
            .map(|(b, container)| {
                b.status(container, meta, up || self.again, failing, pod.status.phase == "Running" || up)
            })
            .collect();
        let ready = !statuses.is_empty() && statuses.iter().all(|status| status.ready);
        let over = up
            && self.containers.iter().all(|b| matches!(b.state, State::Over { again: None, .. }))
            && !self.containers.is_empty();
        let failed = self.containers.iter().any(|b| matches!(b.state, State::Over { code, .. } if code != 0));
        let phase = match (up, over) {
            (false, _) if self.again => "Running",
            (false, _) => "Pending",
            (true, true) if failed => "Failed",
            (true, true) => "Succeeded",
            (true, false) => "Running",
        };
        let status = &mut pod.status;
        status.phase = phase.to_owned();
        status.host_ip = host.to_owned();
        status.rest.insert("hostIPs".into(), json!([{ "ip": host }]));
        status.start_time = Some(self.begun);
        if let Some(ip) = self.ip {
            status.pod_ip = ip.to_string();
            status.pod_ips = vec![PodIp { ip: ip.to_string() }];
        }
        let names: Vec<&str> = statuses.iter().filter(|s| !s.ready).map(|s| s.name.as_str()).collect();
        let (reason, message) = match (ready, over) {
            (true, _) => ("", String::new()),
            (false, true) if !failed => ("PodCompleted", String::new()),
            _ => ("ContainersNotReady", format!("containers with unready status: [{}]", names.join(" "))),
        };
        status.container_statuses = statuses;
        let condition = |r#type: &str, ok: bool, reason: &str, message: &str| Condition {
            r#type: r#type.to_owned(),
            status: if ok { "True" } else { "False" }.to_owned(),
            reason: if ok { String::new() } else { reason.to_owned() },
            message: if ok { String::new() } else { message.to_owned() },
            ..Condition::default()
        };
        set_condition(pod, condition("PodReadyToStartContainers", up && !over, "", ""), now);
        set_condition(pod, condition("Initialized", true, "", ""), now);
        set_condition(pod, condition("Ready", ready, reason, &message), now);
        set_condition(pod, condition("ContainersReady", ready, reason, &message), now);
        if pod.status.condition("PodScheduled").is_none() {
            set_condition(pod, condition("PodScheduled", true, "", ""), now);
        }
    }
}

fn set(pods: &mut BTreeSet<Ref>, pod: &Ref, on: bool) {
    if on {
        pods.insert(pod.clone());
    } else {
        pods.remove(pod);
    }
}

/// How long a container's hook holds its end up.
fn hook(container: &Container) -> Duration {
    let Some(hook) = container.rest.get("lifecycle").and_then(|l| l.get("preStop")) else { return Duration::ZERO };
    let plain = hook.pointer("/sleep/seconds").and_then(Value::as_u64);
    let words = hook.pointer("/exec/command").and_then(Value::as_array).map(|words| {
        let text: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        let text = text.join(" ");
        let mut words = text.split_whitespace().skip_while(|w| *w != "sleep").skip(1);
        words.next().and_then(|w| w.trim_end_matches('s').parse().ok()).unwrap_or(0)
    });
    Duration::from_secs(plain.or(words).unwrap_or(0))
}

/// Containers are seen to have started in rounds: the kubelet lists them once in a while (`GenericPLEG`), not one by one.
fn next_look(at: Instant) -> Instant {
    const ROUND: u64 = 100_000;
    Instant::from_micros(at.as_micros().div_ceil(ROUND) * ROUND)
}
