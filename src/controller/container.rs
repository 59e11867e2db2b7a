//! One container that a kubelet runs: its program, its probes, its restarts, and what is said of them in events.
//!
//! After `pkg/kubelet/kuberuntime` and `pkg/kubelet/prober`. Every image is on every node already; with `imagePullPolicy: Always`
//! the registry is asked again, within a moment, and the size that it tells is made up from the image's name.

use std::sync::Arc;

use serde_json::{Value, json};

use super::probe::{ProbeKind, ProbeRun, Sight, complaint};
use crate::api::Tone;
use crate::object::{
    App, Container, ContainerRunning, ContainerState, ContainerStatus, ContainerTerminated, ContainerWaiting, Meta,
    Probe, Tree,
};
use crate::time::{Duration, Instant};

/// The first and the longest wait of a container that keeps ending.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// A container that ran this long starts afresh with its waits.
const FORGIVEN: Duration = Duration::from_secs(600);
/// From a container's end to its first restart: the kubelet looks once a second.
const NOTICE: Duration = Duration::from_millis(500);

/// How often the kubelet looks at a container that waits, and says so.
const LOOK: Duration = Duration::from_secs(12);

/// What somebody has broken in a pod.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    /// Its readiness probes fail.
    pub(super) unready: bool,
    /// Its liveness probes fail.
    pub(super) ill: bool,
}

/// What is said of a container in an event.
#[derive(Clone, Debug)]
pub(super) struct Saying {
    pub(super) tone: Tone,
    pub(super) reason: &'static str,
    pub(super) text: String,
    pub(super) first: Instant,
    pub(super) last: Instant,
    pub(super) times: i32,
    pub(super) goes_on: GoesOn,
}

/// Whether something is said again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GoesOn {
    /// It was said, and that is all.
    No,
    /// It is said again after each such time, until it is said to be over.
    Every(Duration),
    /// It is over.
    Over,
}

/// A container that runs, or waits to.
#[derive(Clone, Debug)]
pub(super) struct Boxed {
    pub(super) name: Arc<str>,
    pub(super) app: Arc<App>,
    pub(super) state: State,
    restarts: i32,
    wait: Option<Duration>,
    last: Option<ContainerTerminated>,
    pub(super) startup: Option<ProbeRun>,
    pub(super) readiness: Option<ProbeRun>,
    liveness: Option<ProbeRun>,
    /// Whether it was told to end with its pod.
    ending: bool,
    said: Vec<Saying>,
    /// What is being said again and again.
    loud: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It runs; when it is to end, with which exit code and why, where that is known.
    Runs { since: Instant, ends: Option<(Instant, i32, &'static str)> },
    /// It has ended, and is started again at some time, or never.
    Over { end: Instant, code: i32, why: &'static str, since: Instant, again: Option<Instant> },
}

impl Boxed {
    /// A container that waits for its first start.
    pub(super) fn new(name: &str, app: App, begun: Instant) -> Self {
        Self {
            name: name.into(),
            app: Arc::new(app),
            state: State::Over { end: begun, code: 0, why: "", since: begun, again: None },
            restarts: 0,
            wait: None,
            last: None,
            startup: None,
            readiness: None,
            liveness: None,
            ending: false,
            said: Vec::new(),
            loud: Vec::new(),
        }
    }

    /// Its machine is turned off under it.
    pub(super) fn die(&mut self, now: Instant) {
        let since = match self.state {
            State::Runs { since, .. } => since,
            State::Over { .. } => return,
        };
        self.state = State::Over { end: now, code: 255, why: "Error", since, again: None };
    }

    /// It is started again after its machine was off.
    pub(super) fn revive(&mut self, container: &Container, at: Instant) {
        if let State::Over { end, code, why, since, .. } = self.state {
            self.last = Some(ended(code, end, why, since));
            self.restarts += 1;
        }
        self.start(container, at);
    }

    fn say(&mut self, tone: Tone, reason: &'static str, at: Instant, text: String) {
        self.said.push(Saying { tone, reason, text, first: at, last: at, times: 1, goes_on: GoesOn::No });
    }

    /// It is told to end.
    pub(super) fn stopping(&mut self, container: &Container, at: Instant) {
        self.ending = true;
        if matches!(self.state, State::Runs { .. }) {
            self.say(Tone::Normal, "Killing", at, format!("Stopping container {}", container.name));
        }
    }

    pub(super) fn start(&mut self, container: &Container, since: Instant) {
        let image = &container.image;
        if container.rest.get("imagePullPolicy").and_then(Value::as_str) == Some("Always") {
            let size = image.bytes().fold(17_u64, |sum, b| (sum * 31 + u64::from(b)) % 200_000_000) + 4_000_000;
            self.say(Tone::Normal, "Pulling", since, format!("Pulling image \"{image}\""));
            let text = format!(
                "Successfully pulled image \"{image}\" in 400ms (400ms including waiting). Image size: {size} bytes."
            );
            self.say(Tone::Normal, "Pulled", since, text);
        } else {
            let text = format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
            self.say(Tone::Normal, "Pulled", since, text);
        }
        self.say(Tone::Normal, "Created", since, "Container created".into());
        self.say(Tone::Normal, "Started", since, "Container started".into());
        let ends =
            self.app.exit.map(|(after, code)| (since + after, code, if code == 0 { "Completed" } else { "Error" }));
        self.state = State::Runs { since, ends };
        let run = |probe: &Option<Probe>, value: bool| probe.as_ref().map(|p| ProbeRun::new(p, value, since));
        self.startup = run(&container.startup_probe, false);
        self.readiness = run(&container.readiness_probe, false);
        self.liveness = run(&container.liveness_probe, true);
    }

    /// What there is to say since this was last asked; and when something will have to be said, if nothing else happens.
    ///
    /// A probe that goes on failing is told of once, and goes on being told: it is not played.
    pub(super) fn say_all(
        &mut self,
        container: &Container,
        meta: &Meta,
        ip: &str,
        made: Made,
        now: Instant,
    ) -> (Vec<Saying>, Option<Instant>) {
        let quiet = self.said.is_empty() && self.loud.is_empty() && matches!(self.state, State::Runs { .. });
        if quiet && self.startup.is_none() && self.readiness.is_none() && self.liveness.is_none() {
            return (Vec::new(), None);
        }
        let mut deadline: Option<Instant> = None;
        let mut standing: Vec<(&'static str, String, Duration)> = Vec::new();
        let since = match self.state {
            State::Runs { since, ends: None } => Some(since),
            _ => None,
        };
        let started = self.started();
        let probes = [
            ("Startup", &container.startup_probe, self.startup.as_mut(), false, !started),
            ("Readiness", &container.readiness_probe, self.readiness.as_mut(), made.unready, started),
            ("Liveness", &container.liveness_probe, self.liveness.as_mut(), made.ill, started),
        ];
        let mut heard: Vec<Saying> = Vec::new();
        for (name, spec, run, broken, is_on) in probes {
            let (Some(spec), Some(run)) = (spec, run) else { continue };
            let failed = run.take_failures();
            let text =
                |listens: bool| format!("{name} probe {}", complaint(spec, container, &self.app, ip, broken, listens));
            let sight = since.map(|since| broken_sight(Sight::of(spec, container, &self.app, since), broken, since));
            let fails_next = sight.filter(|_| is_on).and_then(|sight| run.fails_next(sight));
            if let Some((first, last, times)) = failed {
                let listens = sight.is_none_or(|sight| last >= sight.turns);
                let text = text(listens);
                if !self.loud.iter().any(|(reason, said)| *reason == "Unhealthy" && *said == text) {
                    heard.push(Saying {
                        tone: Tone::Warning,
                        reason: "Unhealthy",
                        text,
                        first,
                        last,
                        times,
                        goes_on: GoesOn::No,
                    });
                }
            }
            if let Some((at, for_ever)) = fails_next {
                let text = text(for_ever);
                let told =
                    heard.iter().any(|saying| saying.text == text) || self.loud.iter().any(|(_, said)| *said == text);
                if for_ever && told {
                    standing.push(("Unhealthy", text, run.period()));
                } else if !told {
                    deadline = deadline.into_iter().chain([at]).min();
                }
            }
        }
        self.said.append(&mut heard);
        if let State::Over { again: Some(at), end, .. } = self.state
            && at.since(end) >= BACK_OFF.0
            && !self.ending
        {
            let text = format!(
                "Back-off restarting failed container {} in pod {}_{}({})",
                container.name, meta.name, meta.namespace, meta.uid
            );
            if !self.loud.iter().any(|(_, said)| *said == text) {
                self.say(Tone::Warning, "BackOff", end + NOTICE, text.clone());
            }
            standing.push(("BackOff", text, LOOK));
        }
        let mut sayings = std::mem::take(&mut self.said);
        let saying = |reason, text: &str, goes_on| Saying {
            tone: Tone::Warning,
            reason,
            text: text.to_owned(),
            first: now,
            last: now,
            times: 0,
            goes_on,
        };
        for (reason, text) in &self.loud {
            if !standing.iter().any(|(_, kept, _)| kept == text) {
                sayings.push(saying(reason, text, GoesOn::Over));
            }
        }
        for (reason, text, every) in &standing {
            if !self.loud.iter().any(|(_, said)| said == text) {
                sayings.push(saying(reason, text, GoesOn::Every(*every)));
            }
        }
        self.loud = standing.into_iter().map(|(reason, text, _)| (reason, text)).collect();
        (sayings, deadline)
    }

    /// The probes after `from` and until `until`, if things go on as they are: which, when, and what is said of a failure.
    pub(super) fn beats(
        &self,
        container: &Container,
        ip: &str,
        made: Made,
        from: Instant,
        until: Instant,
    ) -> Vec<(ProbeKind, Instant, Option<String>)> {
        let State::Runs { since, ends } = self.state else { return Vec::new() };
        let until = ends.map_or(until, |(at, ..)| until.min(at));
        let started = self.started();
        let probes = [
            // Of a pod that is to end, its readiness alone is still looked at.
            (ProbeKind::Startup, &container.startup_probe, &self.startup, false, !started && !self.ending),
            (ProbeKind::Readiness, &container.readiness_probe, &self.readiness, made.unready, started),
            (ProbeKind::Liveness, &container.liveness_probe, &self.liveness, made.ill, started && !self.ending),
        ];
        let mut beats = Vec::new();
        for (kind, spec, run, broken, _) in probes.into_iter().filter(|(.., is_on)| *is_on) {
            let (Some(spec), Some(run)) = (spec, run) else { continue };
            let sight = broken_sight(self.sight(spec, container, since), broken, since);
            for (at, passes) in run.beats(sight, from, until) {
                let failure = || {
                    let what = complaint(spec, container, &self.app, ip, broken, at >= sight.turns);
                    format!("{} probe {what}", kind.name())
                };
                beats.push((kind, at, (!passes).then(failure)));
            }
        }
        beats
    }

    /// What is being said again and again, and will not be any more.
    pub(super) fn fall_silent(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.loud)
    }

    fn sight(&self, probe: &Probe, container: &Container, since: Instant) -> Sight {
        Sight::of(probe, container, &self.app, since)
    }

    fn started(&self) -> bool {
        matches!(self.state, State::Runs { .. }) && self.startup.as_ref().is_none_or(|probe| probe.value)
    }

    pub(super) fn is_ready(&self, failing: bool) -> bool {
        self.started() && self.readiness.as_ref().map_or(!failing, |probe| probe.value)
    }

    /// Runs the program and its probes up to `now`.
    pub(super) fn advance(&mut self, container: &Container, policy: &str, grace: Duration, made: Made, now: Instant) {
        loop {
            match self.state.clone() {
                State::Over { again: Some(at), end, code, why, since } if at <= now && !self.ending => {
                    self.last = Some(ended(code, end, why, since));
                    self.restarts += 1;
                    self.start(container, at);
                }
                State::Over { .. } => return,
                State::Runs { since, ends } => {
                    let until = ends.map_or(now, |(at, ..)| at.min(now));
                    let killed = self.probe(container, since, made, until);
                    if let Some(at) = killed.filter(|_| ends.is_none_or(|(_, _, why)| why != "Killed")) {
                        let end = at + self.app.shutdown.unwrap_or(grace).min(grace);
                        let code = if self.app.shutdown.is_some() { 0 } else { 137 };
                        let probe = if self.started() { "liveness" } else { "startup" };
                        let name = &container.name;
                        let text = format!("Container {name} failed {probe} probe, will be restarted");
                        self.say(Tone::Normal, "Killing", at, text);
                        self.state = State::Runs { since, ends: Some((end, code, "Killed")) };
                        continue;
                    }
                    let Some((end, code, why)) = ends.filter(|(at, ..)| *at <= now) else { return };
                    let killed = why == "Killed";
                    let why = if code == 0 { "Completed" } else { "Error" };
                    let again = match policy {
                        _ if self.ending => false,
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
    fn probe(&mut self, container: &Container, since: Instant, made: Made, until: Instant) -> Option<Instant> {
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
            let sight = broken_sight(self.sight(spec, container, since), made.unready, since);
            while run.advance(sight, until).is_some() {}
            self.readiness = Some(run);
        }
        if let (Some(spec), Some(mut run)) = (&container.liveness_probe, self.liveness.take()) {
            let sight = broken_sight(self.sight(spec, container, since), made.ill, since);
            let at = run.advance(sight, until).filter(|_| !run.value);
            self.liveness = Some(run);
            return at;
        }
        None
    }

    /// When its state or a verdict changes next.
    pub(super) fn next(&self, container: &Container, made: Made) -> Option<Instant> {
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
                        times.push(run.flip(broken_sight(self.sight(spec, container, since), made.unready, since)));
                    }
                    if let (Some(spec), Some(run)) = (&container.liveness_probe, &self.liveness) {
                        let sight = broken_sight(self.sight(spec, container, since), made.ill, since);
                        times.push(run.flip(sight));
                    }
                }
                times.into_iter().flatten().min()
            }
        }
    }

    pub(super) fn status(
        &self,
        container: &Container,
        meta: &Meta,
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
        let mut last = self.last.clone();
        status.state = match &self.state {
            _ if !up => waiting("ContainerCreating", String::new()),
            State::Runs { since, .. } => {
                ContainerState { running: Some(ContainerRunning { started_at: *since }), ..ContainerState::default() }
            }
            State::Over { end, code, why, since, again } => {
                let over = ended(*code, *end, why, *since);
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

fn ended(code: i32, end: Instant, why: &str, since: Instant) -> ContainerTerminated {
    ContainerTerminated {
        exit_code: code,
        finished_at: end,
        reason: why.to_owned(),
        started_at: since,
        ..ContainerTerminated::default()
    }
}

/// A made-up failure hides what the program answers.
fn broken_sight(sight: Sight, failing: bool, since: Instant) -> Sight {
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
