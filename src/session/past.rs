//! A session looked at as it was: the nearest kept state, and the log replayed from there.
//!
//! Nothing is remembered of the past but the log, a few states on the way ([`Checkpoints`]) and notes of when something changed
//! ([`Tick`]). Two moments between which nothing changed have the same [`Session::epoch`], and need not be replayed to be drawn alike.

use std::ops::Range;
use std::sync::Arc;

use super::state::State;
use super::{Command, Session};
use crate::cluster::{News, Notes, Shot, Tick};
use crate::time::{Duration, Instant};
use crate::trace::{OutcomeKind, Trace};

/// A moment of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So many commands of the log have been given and that time has come: after the last of them, or in the middle of it.
    At {
        /// How many commands.
        given: usize,
        /// When.
        at: Instant,
    },
    /// Just before the request of this number was sent.
    Request(u64),
}

/// What became of an entry of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// When it was over.
    pub(super) end: Instant,
    /// What it sent.
    pub(super) sent: Sent,
    /// Its exit status; anything but 0 is a failure.
    pub(super) code: i32,
    /// How much had been noted before it began.
    pub(super) before: (usize, usize),
}

/// Requests that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Their numbers.
    pub ids: Range<u64>,
    /// How many of them failed: no answer, or one whose status is 400 or more.
    pub failed: u32,
}

/// Requests that no command sent, but traffic that goes on or a program in a terminal: within some seconds, with nothing else
/// happening between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// How many commands had been given.
    pub(super) given: usize,
    /// When the first was sent.
    pub(super) at: Instant,
    /// When the last was.
    pub(super) until: Instant,
    pub(super) sent: Sent,
}

/// How long requests that go on are one step of the history.
const STRETCH: Duration = Duration::from_secs(10);

/// All that is remembered of a session's course beside its log.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// One for each entry of the log.
    pub(super) done: Vec<Done>,
    pub(super) ticks: Vec<Tick>,
    pub(super) news: Vec<News>,
    pub(super) strays: Vec<Stray>,
    /// How many requests have been sent.
    known: u64,
    /// How many programs listen on the laptop, and whether it has a route to cluster IPs.
    laptop: (usize, bool),
}

/// Whether a request failed, as the history counts it.
pub fn is_failure(trace: &Trace) -> bool {
    trace.outcome.kind != OutcomeKind::Answered || trace.outcome.status >= 400
}

/// States to go back to, denser where more was done. They hold no traces: the session's own are theirs, too, and older ones are
/// sent again.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    /// Oldest first; the first is the fresh state.
    kept: Vec<Checkpoint>,
}

/// A state to go back to.
#[derive(Clone, Debug)]
struct Checkpoint {
    /// Before which entry of the log.
    length: usize,
    /// The work that led to it; it only grows.
    work: u64,
    /// The state without its traces.
    state: State,
    /// The number of its first trace, and how many it had.
    traces: (u64, usize),
}

/// How many states are kept besides the fresh one.
const MOST: usize = 16;

/// So many of the latest are kept whatever lies between them, because undo goes there.
const LATEST: usize = 8;

impl Checkpoint {
    fn new(length: usize, work: u64, mut state: State) -> Self {
        let traces = std::mem::take(&mut state.traces);
        Self { length, work, state, traces: (traces.first().map_or(0, |trace| trace.id), traces.len()) }
    }

    /// How many requests had been sent.
    fn sent(&self) -> u64 {
        self.state.cluster.flows().sent()
    }
}

impl Checkpoints {
    pub(super) fn new(fresh: State) -> Self {
        Self { kept: vec![Checkpoint::new(0, 0, fresh)] }
    }

    /// Keeps the state before entry `length`, unless one for it is kept. `work` only grows.
    pub(super) fn keep(&mut self, length: usize, work: u64, state: State) {
        if self.kept.last().is_some_and(|last| last.length >= length) {
            return;
        }
        self.kept.push(Checkpoint::new(length, work, state));
        if self.kept.len() > MOST + 1 {
            // The one whose loss makes the shortest way longer.
            let way = |i: &usize| self.kept[i + 1].work - self.kept[i - 1].work;
            if let Some(least) = (1..self.kept.len() - LATEST).min_by_key(way) {
                self.kept.remove(least);
            }
        }
    }

    /// The last state before entry `length`, and before an instant if one is given; `known` are the session's traces.
    fn before(&self, length: usize, at: Instant, known: &[Arc<Trace>]) -> (usize, State) {
        let fits = |kept: &Checkpoint| kept.length <= length && kept.state.cluster.now() <= at;
        self.whole(self.kept.iter().rposition(fits).unwrap_or(0), known)
    }

    /// A state with its traces. Where the session no longer knows them, an earlier state from which all of them are sent again.
    fn whole(&self, at: usize, known: &[Arc<Trace>]) -> (usize, State) {
        let wanted = &self.kept[at];
        let (first, count) = wanted.traces;
        let place = |id: u64| known.partition_point(|trace| trace.id < id);
        let known = &known[place(first)..place(wanted.sent() + 1)];
        if known.len() == count {
            return (wanted.length, State { traces: known.to_vec(), ..wanted.state.clone() });
        }
        let from = self.kept[..at].iter().rfind(|kept| kept.sent() < first).unwrap_or(&self.kept[0]);
        (from.length, from.state.clone())
    }

    /// Forgets the states after so many entries, and gives the last that is left; `known` are the session's traces.
    pub(super) fn back_to(&mut self, length: usize, known: &[Arc<Trace>]) -> (usize, State) {
        self.kept.retain(|kept| kept.length <= length);
        self.whole(self.kept.len().saturating_sub(1), known)
    }

    /// The fresh state alone.
    fn fresh(&self) -> Self {
        Self { kept: vec![self.kept[0].clone()] }
    }

    /// How much work led to the last state.
    pub(super) fn work(&self) -> u64 {
        self.kept.last().map_or(0, |last| last.work)
    }
}

impl Course {
    /// Takes in what a state has noted; `during` says whether a command is being carried out.
    pub(super) fn follow(&mut self, state: &mut State, during: bool) -> Sent {
        let Notes { ticks, news } = state.cluster.take_notes();
        self.ticks.extend(ticks);
        self.news.extend(news);
        let first = self.known + 1;
        let flows = state.cluster.flows();
        self.known = flows.sent();
        let laptop = (flows.laptop().listeners().len(), flows.laptop().route().is_some());
        if std::mem::replace(&mut self.laptop, laptop) != laptop {
            self.ticks.push(Tick { at: state.cluster.now(), request: self.known + 1 });
        }
        let new = state.traces.partition_point(|trace| trace.id < first);
        let failed = state.traces[new..].iter().filter(|trace| is_failure(trace)).count() as u32;
        let sent = Sent { ids: first..self.known + 1, failed };
        if during || sent.ids.is_empty() {
            return sent;
        }
        for trace in &state.traces[new..] {
            let sent = Sent { ids: trace.id..trace.id + 1, failed: u32::from(is_failure(trace)) };
            self.stray(Stray { given: self.done.len(), at: trace.start, until: trace.start, sent });
        }
        sent
    }

    /// Takes in requests that no command sent. However time passes, in one go or in many, the same become one step.
    fn stray(&mut self, new: Stray) {
        let heard = |at: Instant| self.news.partition_point(|news| news.at <= at);
        let place = |stray: &Stray| (stray.given, stray.at.as_micros() / STRETCH.as_micros() as u64, heard(stray.at));
        match self.strays.last_mut() {
            Some(last) if last.sent.ids.end == new.sent.ids.start && place(last) == place(&new) => {
                last.until = new.until;
                last.sent.ids.end = new.sent.ids.end;
                last.sent.failed += new.sent.failed;
            }
            _ => self.strays.push(new),
        }
    }

    /// The last entry of the log never was: what was sent after it was sent after the one before.
    pub(super) fn pop(&mut self) {
        self.done.pop();
        let given = self.done.len();
        let first = self.strays.partition_point(|stray| stray.given <= given);
        for stray in self.strays.split_off(first) {
            self.stray(Stray { given, ..stray });
        }
    }

    /// Forgets what came after so many entries of the log, and what a cluster noted that is to be as it was then.
    pub(super) fn back_to(&mut self, length: usize, state: &mut State) {
        if let Some(next) = self.done.get(length) {
            self.ticks.truncate(next.before.0);
            self.news.truncate(next.before.1);
        }
        self.done.truncate(length);
        self.strays.retain(|stray| stray.given < length);
        let now = state.cluster.now();
        self.known = state.cluster.flows().sent();
        self.ticks.retain(|tick| tick.at <= now && tick.request <= self.known + 1);
        self.news.retain(|news| news.at <= now);
        // What was noted on the way here is known.
        state.cluster.take_notes();
    }

    /// The entry of the log that sent a request, or before which a program sent it.
    fn sender(&self, request: u64) -> usize {
        self.done.partition_point(|done| done.sent.ids.end <= request)
    }
}

impl Session {
    /// The session as it was at a moment: its cluster, its files, its traces, its terminals.
    ///
    /// The same moment always gives the same.
    pub fn at(&self, moment: Moment) -> Self {
        let (given, state) = match moment {
            Moment::Request(id) => self.state_before(id),
            Moment::At { given, at } => self.state_at(given.min(self.log.len()), at),
        };
        let mut then = Self {
            profile: self.profile.clone(),
            seed: self.seed,
            lang: self.lang,
            log: self.log[..given].to_vec(),
            checkpoints: self.checkpoints.fresh(),
            course: self.course.clone(),
            live: None,
            state,
        };
        then.course.back_to(given, &mut then.state);
        then.state.speak(self.lang);
        then
    }

    /// The session as it was at a moment, to go on from there: what came later is taken back.
    pub fn go_on_from(&self, moment: Moment) -> Self {
        let mut then = self.at(moment);
        then.checkpoints = self.checkpoints.clone();
        let (length, now) = (then.log.len(), then.state.cluster.now());
        let stays = |kept: &Checkpoint| kept.length == 0 || (kept.length <= length && kept.state.cluster.now() <= now);
        then.checkpoints.kept.retain(stays);
        then
    }

    /// When a moment was.
    pub fn time_of(&self, moment: Moment) -> Instant {
        match moment {
            Moment::At { at, .. } => at,
            Moment::Request(id) => {
                let trace = self.trace(id).map(|trace| trace.start);
                trace.or_else(|| self.log.get(self.course.sender(id)).map(|(at, _)| *at)).unwrap_or_default()
            }
        }
    }

    /// A trace by its number, if it is still kept.
    pub fn trace(&self, id: u64) -> Option<&Arc<Trace>> {
        let at = self.state.traces.binary_search_by_key(&id, |trace| trace.id).ok()?;
        self.state.traces.get(at)
    }

    /// Counts what had changed by a moment: nothing changed between two moments of the same count.
    pub fn epoch(&self, moment: Moment) -> usize {
        let ticks = &self.course.ticks;
        match moment {
            Moment::Request(id) => ticks.partition_point(|tick| tick.request <= id),
            Moment::At { given, at } => {
                let passed = ticks.partition_point(|tick| tick.at <= at);
                let next = self.course.done.get(given).map_or(ticks.len(), |done| done.before.0);
                let last = given.checked_sub(1).and_then(|last| self.course.done.get(last));
                passed.min(next).max(last.map_or(0, |done| done.before.0))
            }
        }
    }

    /// The count of the present.
    pub fn now_epoch(&self) -> usize {
        self.course.ticks.len()
    }

    /// Lets the entries `from` to `to` of the log follow each other.
    fn replay(&self, state: &mut State, entries: Range<usize>) {
        for (at, command) in &self.log[entries] {
            state.advance(*at);
            state.execute(command, self.lang);
        }
    }

    fn state_at(&self, given: usize, at: Instant) -> (usize, State) {
        // In the middle of the last command, that is to say, before its end.
        let inside = given.checked_sub(1).filter(|last| at < self.course.done[*last].end && self.log[*last].0 <= at);
        let whole = inside.unwrap_or(given);
        let (from, mut state) = self.checkpoints.before(whole, at, &self.state.traces);
        self.replay(&mut state, from..whole);
        match inside {
            Some(last) => {
                state.advance(self.log[last].0);
                (given, self.caught(state, Shot::At(at), &self.log[last].1))
            }
            None => {
                // Right after a command, what it makes due has not happened yet.
                if at > state.cluster.now() {
                    state.advance(at);
                }
                (given, state)
            }
        }
    }

    fn state_before(&self, request: u64) -> (usize, State) {
        let sender = self.course.sender(request);
        let before = |entry| self.checkpoints.before(entry, Instant::from_micros(u64::MAX), &self.state.traces);
        let (mut from, mut state) = before(sender);
        if state.cluster.flows().sent() >= request {
            // A program sent it before the kept state.
            (from, state) = before(from.saturating_sub(1));
        }
        self.replay(&mut state, from..sender);
        let shot = Shot::Request(request);
        let (next, command) = match self.log.get(sender) {
            Some((at, command)) => (*at, Some(command)),
            None => (self.state.cluster.now(), None),
        };
        // A program sends it while time passes, or the next command does.
        state.cluster.aim_camera(shot);
        let mut kept = state.clone();
        state.advance(next);
        match (state.cluster.picture(), command) {
            (Some(picture), _) => {
                kept.expose(picture, &state);
                (sender, kept)
            }
            (None, Some(command)) => (sender + 1, self.caught(state, shot, command)),
            (None, None) => (sender, state),
        }
    }

    /// The state in the middle of a command: the cluster as the camera caught it, files and terminals as before.
    fn caught(&self, mut state: State, shot: Shot, command: &Command) -> State {
        let mut kept = state.clone();
        state.cluster.aim_camera(shot);
        state.execute(command, self.lang);
        match state.cluster.picture() {
            Some(picture) => {
                kept.expose(picture, &state);
                kept
            }
            None => state,
        }
    }
}

impl State {
    /// Takes a cluster from a picture, and those of the later traces that had been sent by then.
    fn expose(&mut self, picture: crate::cluster::Cluster, later: &Self) {
        let sent = picture.flows().sent();
        self.traces = later.traces.iter().filter(|trace| trace.id <= sent).cloned().collect();
        self.cluster = picture;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::lang::Lang;
    use crate::object::Profile;
    use crate::time::Duration;

    #[test]
    fn kept_states_are_few_and_the_way_to_any_moment_is_short() {
        let state = State::new(Cluster::new(&Profile::named("minikube").unwrap(), 1), Lang::En);
        let mut checkpoints = Checkpoints::new(state.clone());
        // Every tenth command is hard work.
        let work = |length: usize| (length + length / 10 * 100) as u64;
        for length in 0..1000 {
            checkpoints.keep(length, work(length), state.clone());
        }
        assert_eq!(checkpoints.kept.len(), MOST + 1);
        let ways: Vec<u64> = checkpoints.kept.windows(2).map(|pair| pair[1].work - pair[0].work).collect();
        let fair = work(1000) / (MOST - LATEST) as u64;
        assert!(ways.iter().all(|way| *way < 3 * fair), "{ways:?}");
        let latest: Vec<usize> = checkpoints.kept.iter().rev().take(LATEST).map(|kept| kept.length).collect();
        assert_eq!(latest, (1000 - LATEST..1000).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_killed_pod_is_there_again_when_looked_back_at_and_its_news_are_told() {
        let mut session = Session::new(Profile::named("minikube").unwrap(), 1, Lang::En);
        let create = "kubectl create deployment web --image=hello:1.0 --replicas=2".to_owned();
        session.run(Command::Run { terminal: 0, line: create });
        session.settle(Duration::from_secs(60));
        let pod = session.cluster().store().list(crate::object::Kind::Pod, Some("default")).next().unwrap().key();
        let before = Moment::At { given: 1, at: session.cluster().now() };
        session.run(Command::Fault(crate::session::Fault::KillPod(pod.clone())));
        session.settle(Duration::from_secs(60));
        assert!(session.cluster().store().get(&pod).is_none());
        assert!(session.at(before).cluster().store().get(&pod).is_some());
        let steps = crate::session::history(&session, Lang::En);
        let labels: Vec<_> = steps.iter().map(|step| &*step.label).collect();
        assert_eq!(labels[0], "kubectl create deployment web --image=hello:1.0 --replicas=2");
        assert_eq!(labels[1], "2 Pods ready");
        assert_eq!(labels[2], format!("kill {}", pod.name));
        assert!(labels[3].starts_with(&format!("{} gone", pod.name)), "{labels:?}");
        assert!(labels.last().unwrap().ends_with("ready"), "{labels:?}");
    }

    #[test]
    fn a_request_in_a_line_that_waits_sees_the_cluster_of_its_own_time() {
        let mut session = Session::new(Profile::named("minikube").unwrap(), 1, Lang::En);
        let run = |session: &mut Session, line: &str| session.run(Command::Run { terminal: 0, line: line.to_owned() });
        run(&mut session, "kubectl create deployment web --image=hello:1.0");
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 9090, nodePort: 30000}]}";
        session.run(Command::Apply(crate::text::Source::new("svc.yaml", service)));
        let line = "for i in $(seq 6); do trace http://192.168.49.2:30000/api/hello; sleep 1; done";
        let reply = run(&mut session, line);
        let ends: Vec<bool> = reply.traces.iter().map(|trace| !is_failure(trace)).collect();
        assert!(!ends[0] && ends[5], "{ends:?}");
        let ready = |session: &Session| {
            let pods =
                session.cluster().store().all::<crate::object::Pod>().filter(|(meta, _)| meta.namespace == "default");
            pods.filter(|(_, pod)| pod.status.is_ready()).count()
        };
        for trace in &reply.traces {
            let then = session.at(Moment::Request(trace.id));
            assert_eq!(ready(&then) == 1, !is_failure(trace), "#{}", trace.id);
            assert_eq!(then.cluster().now(), trace.start);
        }
    }

    /// A session with a Service of two replicas, and how to send it so many requests.
    fn serving() -> (Session, impl Fn(&mut Session, u32)) {
        let mut session = Session::new(Profile::named("minikube").unwrap(), 1, Lang::En);
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.99, selector: {app: web}, ports: [{port: 80, targetPort: 9090}]}";
        let create = "kubectl create deployment web --image=hello:1.0 --replicas=2".to_owned();
        session.run(Command::Run { terminal: 0, line: create });
        session.run(Command::Apply(crate::text::Source::new("svc.yaml", text)));
        session.settle(Duration::from_secs(60));
        let send = |session: &mut Session, count| {
            let url = "http://10.96.0.99/api/hello".to_owned();
            let requests = crate::session::Requests { from: "node/minikube".into(), url, count, ..Default::default() };
            session.run(Command::Request(requests));
        };
        (session, send)
    }

    #[test]
    fn a_trace_that_is_no_longer_shown_is_not_kept_for_going_back_either() {
        let (mut session, send) = serving();
        let mut gone = Vec::new();
        for _ in 0..5 {
            send(&mut session, 1000);
            gone.push(Arc::downgrade(session.traces().last().unwrap()));
        }
        let kept: Vec<bool> = gone.iter().map(|trace| trace.upgrade().is_some()).collect();
        assert_eq!(kept, [false, false, false, true, true]);
    }

    #[test]
    fn going_back_finds_the_traces_of_that_time_again() {
        let (mut session, send) = serving();
        let mut then = Vec::new();
        for count in [700, 1, 1000, 900, 3, 1000, 1000, 400, 1000] {
            then.push((session.log().len(), session.traces().to_vec()));
            send(&mut session, count);
        }
        for (given, traces) in &then {
            let moment = Moment::At { given: *given, at: session.log()[*given].0 };
            assert!(session.at(moment).traces() == traces, "at entry {given}");
        }
        for (given, traces) in then.iter().rev() {
            assert!(session.undo());
            assert_eq!(session.log().len(), *given);
            assert!(session.traces() == traces, "after undoing entry {given}");
        }
    }
}
