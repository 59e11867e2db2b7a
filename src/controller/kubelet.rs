//! The kubelets of all nodes: pods started, watched, restarted and ended, after `pkg/kubelet`.
//!
//! What a program does is told by [`App`]. A pod's sandbox and images take a second or two, drawn from the seed. Its volumes are
//! there, its init containers succeed (half a second each), its hooks are waited for when they sleep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::probe::{ProbeRun, Sight};
use super::scheduler::set_condition;
use super::{Change, Outcome, with_body};
use crate::api::Store;
use crate::inet::{Ipv4Addr, Pool};
use crate::object::{
    App, Condition, Container, ContainerRunning, ContainerState, ContainerStatus, ContainerTerminated,
    ContainerWaiting, Node, Pod, PodIp, Probe, Ref, Tree,
};
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// The first and the longest wait of a container that keeps ending.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// A container that ran this long starts afresh with its waits.
const FORGIVEN: Duration = Duration::from_secs(600);
/// From a container's end to its first restart, and from the last end of a pod to the pod's: the kubelet looks once a second.
const NOTICE: Duration = Duration::from_millis(500);

/// What runs on the nodes.
#[derive(Clone, Debug)]
pub struct Kubelet {
    pools: BTreeMap<String, Pool>,
    runs: Arc<BTreeMap<Ref, Run>>,
    unready: BTreeSet<Ref>,
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
    containers: Vec<Boxed>,
}

/// A container that runs, or waits to.
#[derive(Clone, Debug)]
struct Boxed {
    app: Arc<App>,
    state: State,
    restarts: i32,
    wait: Option<Duration>,
    last: Option<ContainerTerminated>,
    startup: Option<ProbeRun>,
    readiness: Option<ProbeRun>,
    liveness: Option<ProbeRun>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It runs; when it is to end, with which exit code and why, where that is known.
    Runs { since: Instant, ends: Option<(Instant, i32, &'static str)> },
    /// It has ended, and is started again at some time, or never.
    Over { end: Instant, code: i32, why: &'static str, since: Instant, again: Option<Instant> },
}

impl Kubelet {
    /// Nothing runs; start times are drawn from a fork of `rng`.
    pub fn new(rng: &Rng, images: Arc<[(String, App)]>) -> Self {
        Self {
            pools: BTreeMap::new(),
            runs: Arc::default(),
            unready: BTreeSet::new(),
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
        if unready {
            self.unready.insert(pod.clone());
        } else {
            self.unready.remove(pod);
        }
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
        self.reconcile(store, key, now)
    }

    /// Brings one pod up to now.
    pub fn reconcile(&mut self, store: &Store, key: &Ref, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let Some((meta, pod)) = store.read::<Pod>(key) else {
            self.forget(key);
            self.unready.remove(key);
            return outcome;
        };
        if self.runs.get(key).is_some_and(|run| run.uid != meta.uid) {
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
        self.advance_start(store, key, pod, now);
        self.advance(key, pod, now);
        let failing = self.unready.contains(key);
        let Some(run) = Arc::make_mut(&mut self.runs).get_mut(key) else { return outcome };

        if meta.deletion_timestamp.is_some() {
            let grace = Duration::from_secs(meta.deletion_grace_period_seconds.unwrap_or(30).max(0).unsigned_abs());
            let gone = run.end(pod, grace, now);
            if gone <= now {
                outcome.changes.push(Change::Remove(key.clone()));
                return outcome;
            }
            outcome.again = Some(gone);
        } else {
            outcome.again = run.next(&pod.spec.containers, &pod.spec.restart_policy, failing).filter(|at| *at > now);
        }
        let host = store
            .read::<Node>(&Ref::new(crate::object::Kind::Node, "", pod.spec.node_name.as_str()))
            .and_then(|(_, node)| node.status.address("InternalIP").map(str::to_owned));
        let mut changed = pod.clone();
        run.describe(meta, &mut changed, host.as_deref().unwrap_or_default(), failing, now);
        if changed != *pod
            && let Some(object) = with_body(store, key, changed)
        {
            outcome.changes.push(Change::Put(object));
        }
        outcome
    }

    /// Lets a pod's programs and probes run up to now.
    fn advance(&mut self, key: &Ref, pod: &Pod, now: Instant) {
        let failing = self.unready.contains(key);
        if let Some(run) = Arc::make_mut(&mut self.runs).get_mut(key) {
            let grace = pod.spec.termination_grace_period_seconds.unwrap_or(30).max(0).unsigned_abs();
            for (b, container) in run.containers.iter_mut().zip(&pod.spec.containers) {
                b.advance(container, &pod.spec.restart_policy, Duration::from_secs(grace), failing, now);
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
                b.start(container, starts);
            }
        }
    }

    fn address(&mut self, store: &Store, pod: &Pod) -> Option<Ipv4Addr> {
        if pod.spec.host_network {
            let node = Ref::new(crate::object::Kind::Node, "", pod.spec.node_name.as_str());
            return store.read::<Node>(&node)?.1.status.address("InternalIP")?.parse().ok();
        }
        self.pools.get_mut(&pod.spec.node_name)?.take()
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
        let containers = pod.spec.containers.iter().map(|container| Boxed {
            app: Arc::new(App::of(container, images)),
            state: State::Over { end: begun, code: 0, why: "", since: begun, again: None },
            restarts: 0,
            wait: None,
            last: None,
            startup: None,
            readiness: None,
            liveness: None,
        });
        Self {
            uid: uid.to_owned(),
            node: pod.spec.node_name.clone(),
            ip: None,
            begun,
            starts,
            told_to_end: None,
            containers: containers.collect(),
        }
    }

    /// When something happens next by itself.
    fn next(&self, containers: &[Container], policy: &str, failing: bool) -> Option<Instant> {
        if self.ip.is_none() {
            return Some(self.starts);
        }
        self.containers.iter().zip(containers).filter_map(|(b, c)| b.next(c, policy, failing)).min()
    }

    /// Tells the programs to end, once; says when the pod is gone.
    fn end(&mut self, pod: &Pod, grace: Duration, now: Instant) -> Instant {
        let told = *self.told_to_end.get_or_insert(now);
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

    /// Writes what is known of the run into the pod's status.
    fn describe(&self, meta: &crate::object::Meta, pod: &mut Pod, host: &str, failing: bool, now: Instant) {
        let up = self.ip.is_some();
        let statuses: Vec<ContainerStatus> = self
            .containers
            .iter()
            .zip(&pod.spec.containers)
            .map(|(b, container)| b.status(container, meta, up, failing, pod.status.phase == "Running" || up))
            .collect();
        let ready = !statuses.is_empty() && statuses.iter().all(|status| status.ready);
        let over = up
            && self.containers.iter().all(|b| matches!(b.state, State::Over { again: None, .. }))
            && !self.containers.is_empty();
        let failed = self.containers.iter().any(|b| matches!(b.state, State::Over { code, .. } if code != 0));
        let phase = match (up, over) {
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

impl Boxed {
    fn start(&mut self, container: &Container, since: Instant) {
        let ends =
            self.app.exit.map(|(after, code)| (since + after, code, if code == 0 { "Completed" } else { "Error" }));
        self.state = State::Runs { since, ends };
        let run = |probe: &Option<Probe>, value: bool| probe.as_ref().map(|p| ProbeRun::new(p, value, since));
        self.startup = run(&container.startup_probe, false);
        self.readiness = run(&container.readiness_probe, false);
        self.liveness = run(&container.liveness_probe, true);
    }

    fn sight(&self, probe: &Probe, container: &Container, since: Instant) -> Sight {
        Sight::of(probe, container, &self.app, since)
    }

    fn started(&self) -> bool {
        matches!(self.state, State::Runs { .. }) && self.startup.as_ref().is_none_or(|probe| probe.value)
    }

    fn is_ready(&self, failing: bool) -> bool {
        self.started() && self.readiness.as_ref().map_or(!failing, |probe| probe.value)
    }

    /// Runs the program and its probes up to `now`.
    fn advance(&mut self, container: &Container, policy: &str, grace: Duration, failing: bool, now: Instant) {
        loop {
            match self.state.clone() {
                State::Over { again: Some(at), end, code, why, since } if at <= now => {
                    self.last = Some(ContainerTerminated {
                        exit_code: code,
                        finished_at: end,
                        reason: why.to_owned(),
                        started_at: since,
                        ..ContainerTerminated::default()
                    });
                    self.restarts += 1;
                    self.start(container, at);
                }
                State::Over { .. } => return,
                State::Runs { since, ends } => {
                    let until = ends.map_or(now, |(at, ..)| at.min(now));
                    let killed = self.probe(container, since, failing, until);
                    if let Some(at) = killed.filter(|_| ends.is_none_or(|(_, _, why)| why != "Killed")) {
                        let end = at + self.app.shutdown.unwrap_or(grace).min(grace);
                        let code = if self.app.shutdown.is_some() { 0 } else { 137 };
                        self.state = State::Runs { since, ends: Some((end, code, "Killed")) };
                        continue;
                    }
                    let Some((end, code, why)) = ends.filter(|(at, ..)| *at <= now) else { return };
                    let killed = why == "Killed";
                    let why = if code == 0 { "Completed" } else { "Error" };
                    let again = match policy {
                        "Never" => false,
                        "OnFailure" => code != 0 || killed,
                        _ => true,
                    };
                    if end.since(since) >= FORGIVEN {
                        self.wait = None;
                    }
                    let again = again.then(|| match self.wait {
                        None => end + NOTICE,
                        Some(wait) => end + wait,
                    });
                    self.wait = Some(self.wait.map_or(BACK_OFF.0, |wait| (wait * 2).min(BACK_OFF.1)));
                    self.state = State::Over { end, code, why, since, again };
                }
            }
        }
    }

    /// Runs the probes up to `until`; says when one of them had the container killed.
    fn probe(&mut self, container: &Container, since: Instant, failing: bool, until: Instant) -> Option<Instant> {
        if let (Some(spec), Some(mut run)) = (&container.startup_probe, self.startup.take()) {
            let mut killed = None;
            if !run.value {
                let sight = self.sight(spec, container, since);
                let at = run.advance(sight, until);
                if let Some(at) = at {
                    for probe in [&mut self.readiness, &mut self.liveness].into_iter().flatten() {
                        probe.hold_until(at);
                    }
                } else {
                    killed = startup_deadline(spec, sight, since).filter(|at| *at <= until);
                }
            }
            let passed = run.value;
            self.startup = Some(run);
            if killed.is_some() || !passed {
                return killed;
            }
        }
        if let (Some(spec), Some(mut run)) = (&container.readiness_probe, self.readiness.take()) {
            let sight = readiness_sight(self.sight(spec, container, since), failing, since);
            while run.advance(sight, until).is_some() {}
            self.readiness = Some(run);
        }
        if let (Some(spec), Some(mut run)) = (&container.liveness_probe, self.liveness.take()) {
            let at = run.advance(self.sight(spec, container, since), until).filter(|_| !run.value);
            self.liveness = Some(run);
            return at;
        }
        None
    }

    /// When its state or a verdict changes next.
    fn next(&self, container: &Container, _policy: &str, failing: bool) -> Option<Instant> {
        match &self.state {
            State::Over { again, .. } => *again,
            State::Runs { since, ends } => {
                let since = *since;
                let mut times = vec![ends.map(|(at, ..)| at)];
                let startup = container.startup_probe.as_ref().zip(self.startup.as_ref()).filter(|(_, run)| !run.value);
                if let Some((spec, run)) = startup {
                    let sight = self.sight(spec, container, since);
                    times.push(run.flip(sight).or_else(|| startup_deadline(spec, sight, since)));
                } else {
                    if let (Some(spec), Some(run)) = (&container.readiness_probe, &self.readiness) {
                        times.push(run.flip(readiness_sight(self.sight(spec, container, since), failing, since)));
                    }
                    if let (Some(spec), Some(run)) = (&container.liveness_probe, &self.liveness) {
                        times.push(run.flip(self.sight(spec, container, since)));
                    }
                }
                times.into_iter().flatten().min()
            }
        }
    }

    fn status(
        &self,
        container: &Container,
        meta: &crate::object::Meta,
        up: bool,
        failing: bool,
        running: bool,
    ) -> ContainerStatus {
        let mut status = ContainerStatus {
            image: container.image.clone(),
            name: container.name.clone(),
            ready: up && self.is_ready(failing),
            restart_count: self.restarts,
            started: up && self.started(),
            ..ContainerStatus::default()
        };
        let waiting = |reason: &str, message: String| ContainerState {
            waiting: Some(ContainerWaiting { reason: reason.to_owned(), message }),
            ..ContainerState::default()
        };
        let terminated = |code: i32, end: Instant, why: &str, since: Instant| ContainerTerminated {
            exit_code: code,
            finished_at: end,
            reason: why.to_owned(),
            started_at: since,
            ..ContainerTerminated::default()
        };
        let mut last = self.last.clone();
        status.state = match &self.state {
            _ if !up => waiting("ContainerCreating", String::new()),
            State::Runs { since, .. } => {
                ContainerState { running: Some(ContainerRunning { started_at: *since }), ..ContainerState::default() }
            }
            State::Over { end, code, why, since, again } => {
                let over = terminated(*code, *end, why, *since);
                match again {
                    Some(at) if at.since(*end) >= BACK_OFF.0 && running => {
                        last = Some(over);
                        let wait = at.since(*end).as_secs();
                        let wait =
                            if wait >= 60 { format!("{}m{}s", wait / 60, wait % 60) } else { format!("{wait}s") };
                        let message = format!(
                            "back-off {wait} restarting failed container={} pod={}_{}({})",
                            container.name, meta.name, meta.namespace, meta.uid
                        );
                        waiting("CrashLoopBackOff", message)
                    }
                    _ => ContainerState { terminated: Some(over), ..ContainerState::default() },
                }
            }
        };
        let last = last.map_or(json!({}), |over| json!({ "terminated": over.write() }));
        status.rest.insert("lastState".into(), last);
        status
    }
}

/// Containers are seen to have started in rounds: the kubelet lists them once in a while (`GenericPLEG`), not one by one.
fn next_look(at: Instant) -> Instant {
    const ROUND: u64 = 100_000;
    Instant::from_micros(at.as_micros().div_ceil(ROUND) * ROUND)
}

/// A made-up failure hides what the program answers.
fn readiness_sight(sight: Sight, failing: bool, since: Instant) -> Sight {
    if failing { Sight { early: false, turns: since, late: false } } else { sight }
}

/// When a container that fails its startup probe is killed.
fn startup_deadline(probe: &Probe, sight: Sight, since: Instant) -> Option<Instant> {
    let mut run = ProbeRun::new(&Probe { success_threshold: probe.failure_threshold, ..probe.clone() }, false, since);
    run.advance(
        Sight { early: !sight.early, turns: sight.turns, late: !sight.late },
        since + Duration::from_secs(86_400),
    )
}
