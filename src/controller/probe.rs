//! One probe of one container on the virtual clock, after `pkg/kubelet/prober`.
//!
//! A program answers alike for ever once it listens (and no fault is set), so probes that would change nothing are never
//! carried out: [`ProbeRun::advance`] leaps over them, and [`ProbeRun::flip`] says when the next one will matter, if ever.

use crate::object::{App, Container, HttpGet, IntOrString, Probe, Ref};
use crate::time::{Duration, Instant};

/// What a probe sees as time passes: `early` before `turns`, `late` from then on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) early: bool,
    pub(super) turns: Instant,
    pub(super) late: bool,
}

impl Sight {
    /// What a probe sees of a program that starts at `since`.
    pub(super) fn of(probe: &Probe, container: &Container, app: &App, since: Instant) -> Self {
        let listens = |port: &IntOrString| {
            let number = match port {
                IntOrString::Int(number) => Some(*number),
                IntOrString::String(name) => container.ports.iter().find(|p| p.name == *name).map(|p| p.container_port),
            };
            number.and_then(|n| u16::try_from(n).ok()).is_some_and(|port| app.listens.contains(&port))
        };
        let late = match (&probe.http_get, &probe.tcp_socket, probe.rest.get("grpc")) {
            // The lab's programs speak no TLS.
            (Some(get), _, _) => get.scheme != "HTTPS" && listens(&get.port) && answers(get, app),
            (_, Some(socket), _) => listens(&socket.port),
            (_, _, Some(grpc)) => {
                let port = grpc.get("port").and_then(serde_json::Value::as_i64).and_then(|n| i32::try_from(n).ok());
                port.is_some_and(|port| listens(&IntOrString::Int(port)))
            }
            // A command in the container: the lab has no programs to run it with, and takes it to succeed.
            _ => return Self { early: true, turns: since, late: true },
        };
        Self { early: false, turns: since + app.startup, late }
    }
}

fn answers(get: &HttpGet, app: &App) -> bool {
    let path = get.path.split('?').next().unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    app.route(&path).is_some_and(|route| (200..400).contains(&route.status))
}

/// What a kubelet says of a failed probe: `failed: …`, or that it could not even be sent.
///
/// `broken` is a failure that somebody made; `listens` tells whether the program has begun to listen by then.
pub(super) fn complaint(
    probe: &Probe,
    container: &Container,
    app: &App,
    ip: &str,
    broken: bool,
    listens: bool,
) -> String {
    let number = |port: &IntOrString| match port {
        IntOrString::Int(number) => Ok(*number),
        IntOrString::String(name) => {
            let found = container.ports.iter().find(|p| p.name == *name).map(|p| p.container_port);
            found.ok_or_else(|| {
                format!("errored and resulted in unknown state: strconv.Atoi: parsing \"{name}\": invalid syntax")
            })
        }
    };
    let is_open = |port: i32| listens && u16::try_from(port).is_ok_and(|port| app.listens.contains(&port));
    match (&probe.http_get, &probe.tcp_socket) {
        (Some(get), _) => {
            let port = match number(&get.port) {
                Ok(port) => port,
                Err(complaint) => return complaint,
            };
            let host = if get.host.is_empty() { ip } else { &get.host };
            let (scheme, path) = (get.scheme.to_ascii_lowercase(), &get.path);
            let slash = if path.starts_with('/') { "" } else { "/" };
            let url = format!("{scheme}://{host}:{port}{slash}{path}");
            let plain = path.split('?').next().unwrap_or_default();
            if broken {
                "failed: HTTP probe failed with statuscode: 503".into()
            } else if !is_open(port) {
                format!("failed: Get \"{url}\": dial tcp {host}:{port}: connect: connection refused")
            } else if scheme == "https" {
                format!("failed: Get \"{url}\": http: server gave HTTP response to HTTPS client")
            } else {
                let status = app.route(plain).map_or(404, |route| route.status);
                format!("failed: HTTP probe failed with statuscode: {status}")
            }
        }
        (_, Some(socket)) => match number(&socket.port) {
            Ok(port) => format!("failed: dial tcp {ip}:{port}: connect: connection refused"),
            Err(complaint) => complaint,
        },
        _ if probe.rest.contains_key("grpc") => {
            let port = probe.rest.get("grpc").and_then(|grpc| grpc.get("port")?.as_i64()).unwrap_or(0);
            let wait = probe.timeout_seconds.unwrap_or(1);
            format!(
                "failed: timeout: failed to connect service \"{ip}:{port}\" within {wait}s: context deadline exceeded"
            )
        }
        _ => "failed: ".into(),
    }
}

/// How far a probe has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProbeRun {
    /// Its verdict so far.
    pub(super) value: bool,
    /// How many probes in a row have contradicted the verdict.
    streak: u32,
    /// When it probes next.
    tick: Instant,
    period: Duration,
    success: u32,
    failure: u32,
    /// Failed probes since somebody asked: the first, the last, and how many.
    failed: Option<(Instant, Instant, i32)>,
    /// The last probe that was carried out, and whether it succeeded.
    last: Option<(Instant, bool)>,
}

/// One probe of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// When.
    pub at: Instant,
    /// The pod.
    pub pod: Ref,
    /// The node whose kubelet probes.
    pub node: String,
    /// Which of the container's probes.
    pub kind: ProbeKind,
    /// What the kubelet says of a failure; none if it succeeded.
    pub failure: Option<String>,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// Whether the program has come up.
    Startup,
    /// Whether it is to get traffic.
    Readiness,
    /// Whether it is to be killed.
    Liveness,
}

impl ProbeKind {
    /// `Readiness`, as the kubelet's events say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

impl ProbeRun {
    /// A probe of a container that started at `since`.
    pub(super) fn new(probe: &Probe, value: bool, since: Instant) -> Self {
        let number =
            |n: Option<i32>, default: u32| n.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(default);
        let delay = u64::from(probe.initial_delay_seconds.unwrap_or(0).max(0).unsigned_abs());
        Self {
            value,
            streak: 0,
            // The kubelet notices the start, and probes out of turn, a moment later.
            tick: since + Duration::from_secs(delay).max(Duration::from_millis(200)),
            period: Duration::from_secs(u64::from(number(probe.period_seconds, 10))),
            success: number(probe.success_threshold, 1),
            failure: number(probe.failure_threshold, 3),
            failed: None,
            last: None,
        }
    }

    /// The probes after `from` and until `until`, each with whether it succeeds, if things go on as they are. Of those that were
    /// carried out already, the last alone is known.
    pub(super) fn beats(&self, sight: Sight, from: Instant, until: Instant) -> impl Iterator<Item = (Instant, bool)> {
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX).max(1);
        let behind = (from.as_micros() + 1).saturating_sub(self.tick.as_micros());
        let (first, tick) = (behind.div_ceil(period), self.tick);
        let at = move |n: u64| Instant::from_micros(tick.as_micros().saturating_add(period.saturating_mul(n)));
        let ahead = (first..).map(at).take_while(move |at| *at <= until);
        let ahead = ahead.map(move |at| (at, if at < sight.turns { sight.early } else { sight.late }));
        self.last.filter(|(at, _)| *at > from && *at <= until).into_iter().chain(ahead)
    }

    /// The failed probes since this was last asked: the first, the last, and how many.
    pub(super) fn take_failures(&mut self) -> Option<(Instant, Instant, i32)> {
        self.failed.take()
    }

    /// When the next probe comes, if it will fail; and whether all after it fail too.
    pub(super) fn fails_next(&self, sight: Sight) -> Option<(Instant, bool)> {
        let late = self.tick >= sight.turns;
        let fails = if late { !sight.late } else { !sight.early };
        fails.then_some((self.tick, late))
    }

    /// The time between two probes.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// Takes failed probes down.
    fn fail(&mut self, first: Instant, last: Instant, times: u64) {
        let times = i32::try_from(times).unwrap_or(i32::MAX);
        let before = self.failed.get_or_insert((first, last, 0));
        before.1 = last;
        before.2 = before.2.saturating_add(times);
    }

    /// Probes up to `until`, inclusive; stops at a change of verdict and gives its time.
    pub(super) fn advance(&mut self, sight: Sight, until: Instant) -> Option<Instant> {
        while self.tick <= until {
            if self.tick < sight.turns {
                let at = self.tick;
                self.tick = self.later(1);
                self.last = Some((at, sight.early));
                if !sight.early {
                    self.fail(at, at, 1);
                }
                if self.count(sight.early, 1) {
                    return Some(at);
                }
                continue;
            }
            // From here on it sees the same for ever: all probes that are due come at one go.
            let due = (until - self.tick).as_micros() / self.period.as_micros() + 1;
            let due = u64::try_from(due).unwrap_or(u64::MAX);
            let needed = u64::from(self.threshold() - self.streak);
            let contrary = sight.late != self.value;
            let taken = if contrary { due.min(needed) } else { due };
            let last = self.later(taken - 1);
            if !sight.late {
                self.fail(self.tick, last, taken);
            }
            self.tick = self.later(taken);
            self.last = Some((last, sight.late));
            if self.count(sight.late, u32::try_from(taken).unwrap_or(u32::MAX)) {
                return Some(last);
            }
        }
        None
    }

    /// When the verdict will change next, if things go on as they are.
    pub(super) fn flip(&self, sight: Sight) -> Option<Instant> {
        let mut ahead = self.clone();
        while ahead.tick < sight.turns {
            let until = ahead.tick;
            if let Some(at) = ahead.advance(sight, until) {
                return Some(at);
            }
        }
        let needed = u64::from(ahead.threshold() - ahead.streak);
        (sight.late != ahead.value).then(|| ahead.later(needed - 1))
    }

    /// Takes in so many probes that all saw the same; whether the verdict changes with the last of them.
    fn count(&mut self, seen: bool, probes: u32) -> bool {
        if seen == self.value {
            self.streak = 0;
            return false;
        }
        self.streak = self.streak.saturating_add(probes);
        let flips = self.streak >= self.threshold();
        if flips {
            self.value = !self.value;
            self.streak = 0;
        }
        flips
    }

    /// How many probes in a row change the verdict; at least one.
    fn threshold(&self) -> u32 {
        if self.value { self.failure } else { self.success }
    }

    /// The time of the probe so many after the next.
    fn later(&self, probes: u64) -> Instant {
        let period = u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(self.tick.as_micros().saturating_add(period.saturating_mul(probes)))
    }

    /// Starts probing no earlier than `at`.
    pub(super) fn hold_until(&mut self, at: Instant) {
        self.tick = self.tick.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: u64) -> Instant {
        Instant::from_millis(s * 1000)
    }

    #[test]
    fn a_verdict_takes_its_threshold_of_probes() {
        let probe = Probe {
            initial_delay_seconds: Some(5),
            period_seconds: Some(10),
            failure_threshold: Some(3),
            ..Probe::default()
        };
        let mut run = ProbeRun::new(&probe, false, seconds(0));
        let starts = Sight { early: false, turns: seconds(7), late: true };
        assert_eq!(run.flip(starts), Some(seconds(15)));
        assert_eq!(run.advance(starts, seconds(20)), Some(seconds(15)));
        assert_eq!(run.flip(starts), None, "success upon success is no event");
        assert_eq!(run.advance(starts, seconds(1_000_000)), None);
        let fails = Sight { early: false, turns: seconds(0), late: false };
        assert_eq!(run.flip(fails), Some(seconds(1_000_025)));
    }

    #[test]
    fn probes_are_told_without_being_played() {
        let run = ProbeRun::new(&Probe { period_seconds: Some(5), ..Probe::default() }, false, seconds(0));
        let sight = Sight { early: false, turns: seconds(3), late: true };
        let beats = |run: &ProbeRun, from: u64, until: u64| -> Vec<(u64, bool)> {
            run.beats(sight, seconds(from), seconds(until)).map(|(at, ok)| (at.as_micros() / 100_000, ok)).collect()
        };
        assert_eq!(beats(&run, 0, 11), [(2, false), (52, true), (102, true)]);
        assert_eq!(beats(&run, 1_000_000, 1_000_006), [(10_000_002, true), (10_000_052, true)]);
        // What was played is remembered by its last probe, and goes on where it was.
        let mut played = run.clone();
        played.advance(sight, seconds(7));
        played.advance(sight, seconds(7));
        assert_eq!(beats(&played, 0, 11), [(52, true), (102, true)]);
        assert_eq!(beats(&played, 6, 9), []);
    }

    #[test]
    fn a_threshold_of_any_size_takes_no_time_to_think_about() {
        let most = Some(i32::MAX);
        let probe = Probe { period_seconds: most, success_threshold: most, ..Probe::default() };
        let mut run = ProbeRun::new(&probe, false, seconds(0));
        let sight = Sight { early: false, turns: seconds(0), late: true };
        assert!(run.flip(sight) > Some(seconds(1 << 40)));
        assert_eq!(run.advance(sight, seconds(1 << 40)), None);
    }

    #[test]
    fn a_probe_that_never_succeeds_is_no_event_either() {
        let run = ProbeRun::new(&Probe::default(), false, seconds(0));
        assert_eq!(run.flip(Sight { early: false, turns: seconds(0), late: false }), None);
    }
}
