//! A session: seed, profile and the log of commands. The state at time t is the log's fold up to t.
//!
//! Undo, reset, rewind, share links and bug reports all replay that one log.

mod history;
mod past;
mod state;
mod traffic;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::diag::Diagnostic;
use crate::lang::Lang;
use crate::net::Tally;
use crate::object::{Profile, Ref};
use crate::shell::{self, Files, Output, Stream, Terminal};
pub use crate::shell::{Firewall, Ports, Requests};
use crate::text::Source;
use crate::time::{Duration, Instant};
use crate::trace::Trace;
pub use history::{Step, What, history};
use past::{Checkpoints, Course, Done};
pub use past::{Moment, Sent, is_failure};
use state::State;

/// What can be done to a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// The editor's file is applied, like `kubectl apply -f`: what can be applied is, the rest is told.
    Apply(Source),
    /// The editor's file is applied as it is typed: objects that were applied from it before and no longer stand in it
    /// are deleted, like `kubectl apply --prune`. A text that cannot be read whole deletes nothing.
    Live(Source),
    /// The laptop's file gets this text; nothing is applied.
    Write(Source),
    /// A line is run in a terminal, by its number.
    Run {
        /// Which terminal.
        terminal: u8,
        /// The line.
        line: String,
    },
    /// Requests from a place.
    Request(Requests),
    /// Requests that only verdicts are asked of: all at one moment, a new connection each, no trace of them kept.
    Tally(Requests),
    /// Requests from a place that go on, so many a second, in place of those that went on before: until they are told to stop, their
    /// client is gone, or ten minutes have passed.
    Start(Requests),
    /// What goes on is told to stop.
    Stop,
    /// Something breaks, or is mended.
    Fault(Fault),
    /// The firewall before the nodes lets in more, or less.
    Firewall(Firewall),
}

/// What can break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// A pod's program dies with its pod.
    KillPod(Ref),
    /// From now on, a pod's readiness probe fails (`true`) or tells the truth again.
    FailReadiness(Ref, bool),
    /// From now on, a pod's liveness probe fails (`true`) or tells the truth again.
    FailLiveness(Ref, bool),
    /// A node is turned off.
    StopNode(String),
    /// A node is turned on again.
    StartNode(String),
    /// The link between two nodes is cut.
    CutLink(String, String),
    /// The link between two nodes is mended.
    MendLink(String, String),
}

/// What a command gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// What a terminal shows of it.
    pub output: Output,
    /// What is wrong with an applied file, reading and refusals both, each at its place.
    pub diagnostics: Vec<Diagnostic>,
    /// The requests that it sent.
    pub traces: Vec<Arc<Trace>>,
    /// How the requests ended that only verdicts were asked of.
    pub tally: Option<Tally>,
}

/// Keystrokes that follow each other within this time are taken back together.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a session that is replayed may have lasted.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    profile: Profile,
    seed: u64,
    lang: Lang,
    log: Vec<(Instant, Command)>,
    state: State,
    checkpoints: Checkpoints,
    course: Course,
    /// The last entry of the log, if it is a live application.
    live: Option<Typed>,
}

/// A live application.
#[derive(Clone, Debug)]
struct Typed {
    /// What its text says.
    trees: Vec<serde_json::Value>,
    /// Whether it changed the cluster.
    changed: bool,
}

/// A session written down.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    profile: Profile,
    seed: u64,
    /// The moment at which it was written down, in microseconds.
    #[serde(default)]
    now: u64,
    log: Vec<(u64, Command)>,
}

impl Session {
    /// A session in a fresh cluster.
    pub fn new(profile: Profile, seed: u64, lang: Lang) -> Self {
        let mut state = State::new(Cluster::new(&profile, seed), lang);
        // What happened at boot is no news.
        state.cluster.take_notes();
        let (checkpoints, course) = (Checkpoints::new(state.clone()), Course::default());
        Self { profile, seed, lang, log: Vec::new(), checkpoints, course, state, live: None }
    }

    /// A session in a fresh cluster, in the environment of the Lab that some files describe, if they do.
    pub fn begin(profile: Profile, seed: u64, lang: Lang, sources: &[Source]) -> Self {
        let mut session = Self::new(profile, seed, lang);
        shell::enter(&mut session.state.cluster, sources);
        session.profile = session.state.cluster.profile().clone();
        session.state.cluster.take_notes();
        session.checkpoints = Checkpoints::new(session.state.clone());
        session
    }

    /// Carries out a command now, and logs it.
    ///
    /// Live applications that change nothing leave no entry of their own, so that typing keeps the log short.
    pub fn run(&mut self, command: Command) -> Reply {
        let at = self.state.cluster.now();
        let before = self.state.clone();
        let noted = (self.course.ticks.len(), self.course.news.len());
        let (reply, trees) = match &command {
            Command::Live(source) => {
                let (reply, trees) = self.state.live(source, self.lang);
                (reply, Some(trees))
            }
            other => (self.state.execute(other, self.lang), None),
        };
        let changed = self.state.cluster.store().revision() != before.cluster.store().revision()
            || self.state.cluster.profile() != before.cluster.profile();
        let live = trees.map(|trees| Typed { trees, changed });
        let done = self.finish(&reply, noted);
        let typing = match (&command, self.log.last()) {
            (Command::Live(now), Some((_, Command::Live(last)))) if now.name == last.name => self.live.take(),
            _ => None,
        };
        match (typing, &live) {
            // The same objects in other words: the entry before says it as well.
            (Some(last), Some(typed)) if last.changed && !changed && last.trees == typed.trees => {
                if let Some((_, logged)) = self.log.last_mut() {
                    *logged = command;
                }
                self.live = Some(last);
                return reply;
            }
            // The entry before did nothing: this one takes its place.
            (Some(last), _) if !last.changed => {
                self.log.pop();
                self.course.pop();
            }
            _ => {}
        }
        self.keep(before, &done);
        self.log.push((at, command));
        self.course.done.push(done);
        self.live = live;
        reply
    }

    /// Takes in what a command did that has just been carried out; `before` is what had been noted before it.
    fn finish(&mut self, reply: &Reply, before: (usize, usize)) -> Done {
        let sent = self.course.follow(&mut self.state, true);
        Done { end: self.state.cluster.now(), sent, code: reply.output.code, before }
    }

    /// Keeps the state before the next entry of the log, which did this.
    fn keep(&mut self, state: State, done: &Done) {
        let noted = (self.course.ticks.len() - done.before.0) as u64;
        let sent = done.sent.ids.end - done.sent.ids.start;
        let work = self.checkpoints.work() + 4 + noted + 2 * sent;
        self.checkpoints.keep(self.log.len(), work, state);
    }

    /// Lets virtual time pass until `until`. Not logged: commands carry their times.
    pub fn advance(&mut self, until: Instant) {
        self.state.advance(until);
        self.course.follow(&mut self.state, false);
    }

    /// Lets virtual time pass until the cluster is quiet, `limit` at most. Not logged either.
    pub fn settle(&mut self, limit: Duration) {
        let end = self.state.cluster.now() + limit;
        while let Some(next) = self.state.cluster.pending().filter(|at| *at <= end) {
            self.state.advance(next);
        }
        if self.state.cluster.pending().is_some() {
            self.state.advance(end);
        }
        self.course.follow(&mut self.state, false);
    }

    /// Changes when the history may have.
    pub fn history_key(&self) -> (usize, usize, u64) {
        (self.log.len(), self.course.news.len(), self.cluster().flows().sent())
    }

    /// When something will next happen by itself, in the cluster or in a terminal; none if all is quiet.
    pub fn pending(&self) -> Option<Instant> {
        self.state.cluster.pending().into_iter().chain(self.state.next()).min()
    }

    /// What the programs that go on in a terminal printed since this was last asked.
    pub fn take_printed(&mut self, terminal: u8) -> Vec<(Stream, String)> {
        self.state.terminals.get_mut(&terminal).map(Terminal::take_printed).unwrap_or_default()
    }

    /// The cluster as it is now.
    pub fn cluster(&self) -> &Cluster {
        &self.state.cluster
    }

    /// The laptop's files.
    pub fn files(&self) -> &Files {
        &self.state.files
    }

    /// A terminal; there is always a terminal 0.
    pub fn terminal(&self, number: u8) -> Option<&Terminal> {
        self.state.terminals.get(&number)
    }

    /// The traces kept, oldest first; the oldest go when there are more than 2,000.
    pub fn traces(&self) -> &[Arc<Trace>] {
        &self.state.traces
    }

    /// The requests that go on; their count is that of each second.
    pub fn traffic(&self) -> Option<&Requests> {
        self.state.traffic.as_ref().map(traffic::Traffic::requests)
    }

    /// The log.
    pub fn log(&self) -> &[(Instant, Command)] {
        &self.log
    }

    /// The environment that the cluster stands in now.
    pub fn profile(&self) -> &Profile {
        self.state.cluster.profile()
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// From now on, the lab's own remarks in terminals are in this language. Not logged.
    pub fn set_lang(&mut self, lang: Lang) {
        self.lang = lang;
        self.state.speak(lang);
    }

    /// All of it, for links, storage and bug reports: `{"version":1,"profile":…,"seed":…,"now":MICROS,"log":[[MICROS, COMMAND], …]}`.
    pub fn to_json(&self) -> String {
        let written = Written {
            version: 1,
            profile: self.profile.clone(),
            seed: self.seed,
            now: self.state.cluster.now().as_micros(),
            log: self.log.iter().map(|(at, command)| (at.as_micros(), command.clone())).collect(),
        };
        // Plain data with string keys always becomes JSON.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// The session of [`Session::to_json`], replayed; an error says what is wrong with the text.
    pub fn from_json(text: &str, lang: Lang) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if written.version != 1 {
            let version = written.version;
            return Err(lang.pick(
                format!("this session was written by another version ({version}) of the lab"),
                format!("该会话由实验室的另一版本（{version}）写成"),
            ));
        }
        let latest = written.log.iter().map(|(at, _)| *at).fold(written.now, u64::max);
        if latest > LONGEST.as_micros() as u64 || written.profile.nodes.is_empty() {
            return Err(lang.pick("this session cannot be replayed", "该会话无法重放").to_owned());
        }
        let mut session = Self::new(written.profile, written.seed, lang);
        for (at, command) in written.log {
            session.advance(Instant::from_micros(at));
            let before = session.state.clone();
            let noted = (session.course.ticks.len(), session.course.news.len());
            let reply = session.state.execute(&command, lang);
            let done = session.finish(&reply, noted);
            session.keep(before, &done);
            session.log.push((Instant::from_micros(at), command));
            session.course.done.push(done);
        }
        session.advance(Instant::from_micros(written.now));
        Ok(session)
    }

    /// Takes the last command back; false if there is none. Keystrokes without a pause between go together.
    pub fn undo(&mut self) -> bool {
        let Some((mut at, command)) = self.log.pop() else { return false };
        if let Command::Live(typed) = &command {
            while let Some((earlier, Command::Live(last))) = self.log.last() {
                if last.name != typed.name || at.since(*earlier) > PAUSE {
                    break;
                }
                at = *earlier;
                self.log.pop();
            }
        }
        self.go_back_to(self.log.len());
        self.advance(at);
        true
    }

    /// Back to the fresh cluster, with an empty log.
    pub fn reset(&mut self) {
        self.log.clear();
        self.go_back_to(0);
    }

    /// Restores the state after the first `length` entries of the log, from the nearest checkpoint.
    fn go_back_to(&mut self, length: usize) {
        self.live = None;
        let (from, state) = self.checkpoints.back_to(length, &self.state.traces);
        self.state = state;
        self.state.speak(self.lang);
        for (at, command) in &self.log[from..length] {
            self.state.advance(*at);
            self.state.execute(command, self.lang);
        }
        self.course.back_to(length, &mut self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    fn session() -> Session {
        let mut session = Session::new(Profile::named("minikube").unwrap(), 1, Lang::En);
        session.settle(Duration::from_secs(60));
        session
    }

    fn service(name: &str, comment: &str) -> Source {
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}{comment}\nspec:\n  ports:\n    - port: 80\n"
        );
        Source::new("svc.yaml", text)
    }

    fn names(session: &Session) -> Vec<String> {
        let services = session.cluster().store().list(Kind::Service, Some("default"));
        services.map(|object| object.meta.name.clone()).filter(|name| name != "kubernetes").collect()
    }

    fn pass(session: &mut Session, seconds: u64) {
        let until = session.cluster().now() + Duration::from_secs(seconds);
        session.advance(until);
    }

    #[test]
    fn typing_keeps_the_log_short() {
        let mut session = session();
        for text in [service("web", ""), service("web", " # a"), service("web", " # a comment")] {
            session.run(Command::Live(text));
        }
        assert_eq!(session.log().len(), 1);
        // What cannot be read changes nothing, and is forgotten by the next keystroke.
        for text in ["a: [", "a: [b", "a: [b]"] {
            session.run(Command::Live(Source::new("svc.yaml", text)));
        }
        assert_eq!(session.log().len(), 2);
        assert_eq!(names(&session), ["web"]);
        session.run(Command::Live(service("api", "")));
        assert_eq!(session.log().len(), 2);
        assert_eq!(names(&session), ["api"]);
        let again = Session::from_json(&session.to_json(), Lang::En).unwrap();
        assert_eq!(names(&again), ["api"]);
        assert_eq!(again.files(), session.files());
    }

    #[test]
    fn undo_takes_back_what_was_typed_without_a_pause() {
        let mut session = session();
        session.run(Command::Live(service("web", "")));
        pass(&mut session, 10);
        session.run(Command::Live(service("a", "")));
        session.run(Command::Live(service("ap", "")));
        pass(&mut session, 1);
        session.run(Command::Live(service("api", "")));
        let typed = session.cluster().now();
        assert_eq!(names(&session), ["api"]);
        assert!(session.undo());
        assert_eq!(names(&session), ["web"]);
        assert!(session.cluster().now() < typed);
        assert!(session.undo());
        assert!(names(&session).is_empty());
        assert!(!session.undo());
    }

    #[test]
    fn undo_reaches_further_back_than_the_states_that_are_kept() {
        let mut session = session();
        for i in 0..60 {
            session.run(Command::Run { terminal: 0, line: format!("kubectl create namespace n{i}") });
        }
        let count = |session: &Session| session.cluster().store().list(Kind::Namespace, None).count();
        let all = count(&session);
        for i in 1..=55 {
            assert!(session.undo());
            assert_eq!(count(&session), all - i);
        }
    }

    #[test]
    fn another_file_keeps_what_one_no_longer_says() {
        let mut session = session();
        session.run(Command::Live(service("web", "")));
        session.run(Command::Apply(Source { name: "copy.yaml".into(), ..service("web", "") }));
        session.run(Command::Live(Source::new("svc.yaml", "")));
        assert_eq!(names(&session), ["web"]);
        session.run(Command::Live(Source::new("copy.yaml", "# nothing")));
        assert!(names(&session).is_empty());
    }

    #[test]
    fn requests_that_nobody_answers_take_their_time() {
        let mut session = session();
        session.run(Command::Apply(service("web", "")));
        let start = session.cluster().now();
        let request = |from: &str, url: &str| {
            Command::Request(Requests { from: from.into(), url: url.into(), count: 3, ..Requests::default() })
        };
        let reply = session.run(request("laptop", "http://10.96.0.99/"));
        assert_eq!(reply.traces.len(), 3);
        assert_eq!(session.traces().len(), 3);
        assert_eq!(session.cluster().now() - start, Duration::from_secs(6));
        assert_eq!(session.run(request("node/moon", "http://x/")).output.code, 1);
        assert_eq!(session.run(request("laptop", "x")).output.code, 2);
    }

    #[test]
    fn a_text_that_is_no_session_is_refused() {
        for text in ["", "{}", "[]", r#"{"version":2}"#] {
            assert!(Session::from_json(text, Lang::En).is_err(), "{text}");
        }
        let session = session();
        let later =
            session.to_json().replacen("\"now\":", "\"now\":9", 1).replacen("\"version\":1", "\"version\":2", 1);
        assert!(Session::from_json(&later, Lang::En).unwrap_err().contains("another version"));
        let far = session
            .to_json()
            .replace("\"log\":[]", r#""log":[[18446744073709551615,{"write":{"name":"a","text":""}}]]"#);
        assert!(Session::from_json(&far, Lang::En).is_err());
    }
}
