//! A session: seed, profile and the log of commands. The state at time t is the log's fold up to t.
//!
//! Undo, reset, rewind, share links and bug reports all replay that one log.

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::diag::Diagnostic;
use crate::lang::Lang;
use crate::object::{Profile, Ref};
use crate::shell::{Files, Output, Terminal};
use crate::text::Source;
use crate::time::Instant;
use crate::trace::Trace;

/// What can be done to a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// The editor's file is applied, like `kubectl apply -f`: what can be applied is, the rest is told.
    Apply(Source),
    /// The laptop's file gets this text; nothing is applied.
    Write(Source),
    /// A line is run in a terminal, by its number.
    Run {
        /// Which terminal.
        terminal: u8,
        /// The line.
        line: String,
    },
    /// `count` separate requests, a new connection each, from a place as traces name it (`laptop`, `node/minikube`,
    /// `pod/default/web`).
    Request {
        /// Where from.
        from: String,
        /// `http://…` or `HOST:PORT`.
        url: String,
        /// How many.
        count: u32,
    },
    /// Something breaks, or is mended.
    Fault(Fault),
}

/// What can break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// A pod's program dies with its pod.
    KillPod(Ref),
    /// From now on, a pod's readiness probe fails (`true`) or tells the truth again.
    FailReadiness(Ref, bool),
}

/// What a command gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// What a terminal shows of it.
    pub output: Output,
    /// What is wrong with an applied file, reading and refusals both, each at its place.
    pub diagnostics: Vec<Diagnostic>,
    /// The requests that it sent.
    pub traces: Vec<Trace>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {}

impl Session {
    /// A session in a fresh cluster.
    pub fn new(_profile: Profile, _seed: u64, _lang: Lang) -> Self {
        todo!()
    }
    /// Carries out a command now, and logs it.
    pub fn run(&mut self, _command: Command) -> Reply {
        todo!()
    }
    /// Lets virtual time pass until `until`. Not logged: commands carry their times.
    pub fn advance(&mut self, _until: Instant) {
        todo!()
    }
    /// The cluster as it is now.
    pub fn cluster(&self) -> &Cluster {
        todo!()
    }
    /// The laptop's files.
    pub fn files(&self) -> &Files {
        todo!()
    }
    /// A terminal; there is always a terminal 0.
    pub fn terminal(&self, _number: u8) -> Option<&Terminal> {
        todo!()
    }
    /// The traces kept, oldest first; the oldest go when there are more than 2,000.
    pub fn traces(&self) -> &[std::sync::Arc<Trace>] {
        todo!()
    }
    /// The log.
    pub fn log(&self) -> &[(Instant, Command)] {
        todo!()
    }
    /// The environment.
    pub fn profile(&self) -> &Profile {
        todo!()
    }
    /// The seed.
    pub fn seed(&self) -> u64 {
        todo!()
    }
    /// From now on, the lab's own remarks in terminals are in this language. Not logged.
    pub fn set_lang(&mut self, _lang: Lang) {
        todo!()
    }
    /// All of it, for links, storage and bug reports: `{"version":1,"profile":…,"seed":…,"log":[[MICROS, COMMAND], …]}`.
    pub fn to_json(&self) -> String {
        todo!()
    }
    /// The session of [`Session::to_json`], replayed; an error says what is wrong with the text.
    pub fn from_json(_text: &str, _lang: Lang) -> Result<Self, String> {
        todo!()
    }
    /// Takes the last command back; false if there is none.
    pub fn undo(&mut self) -> bool {
        todo!()
    }
    /// Back to the fresh cluster, with an empty log.
    pub fn reset(&mut self) {
        todo!()
    }
}
