//! What is wrong with the manifests as a whole: [`diagnose`].
//!
//! Takes a cluster, the learner's files, what the server said of them and the last traces; gives findings, the worst first:
//! each names one root cause, the field to blame, what the learner will see of it, and where we can tell a [`Fix`].
//! Looks at objects as controllers and kube-proxy do (selectors, ports, classes) and at what programs listen on, never at
//! a user's intent. Runs when something changes, not for each frame; after [`MOST`] findings it stops looking.
//!
//! Left out: what the lab does not model (memory, volumes, NetworkPolicy, Gateway API).

mod desk;
mod fix;
mod words;
mod refused;
mod workloads;
mod reach;
mod services;
mod ingress;
mod traffic;

use std::sync::Arc;

pub use fix::{Act, Changed, Edit, Fix};
pub use words::{LOOKS_FOR, TITLES, Title};

use desk::Desk;

use crate::cluster::Cluster;
use crate::diag::Diagnostic;
use crate::lang::Lang;
use crate::manifest::{self, Parsed};
use crate::object::{FieldRef, Ref};
use crate::session::{Command, Session};
use crate::shell::{self, Reading};
use crate::text::{Source, Span};
use crate::trace::{OutcomeKind, Trace};

/// More findings than this help nobody.
pub const MOST: usize = 60;

/// How bad it is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something works in part, or not for everybody.
    Warning,
    /// Worth knowing.
    Note,
}

/// One root cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which mistake it is: a row of [`TITLES`].
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The field to blame, an empty path for the whole object; none in a document that is no object.
    pub field: Option<FieldRef>,
    /// Where it stands, if it stands in a file.
    pub place: Option<Place>,
    /// What is wrong and what one sees of it, in the learner's language.
    pub text: String,
    /// Other fields that have a part in it.
    pub related: Vec<FieldRef>,
    /// The traces that showed it.
    pub traces: Vec<u64>,
    /// What would mend it.
    pub fix: Option<Fix>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The text.
    pub span: Span,
}

/// A file of the learner's.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its text.
    pub source: &'a Source,
    /// What was read from it.
    pub parsed: &'a Parsed,
    /// What the reader and the server said of it when it was last applied.
    pub told: &'a [Diagnostic],
}

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The learner's files.
    pub files: &'a [File<'a>],
    /// What was sent lately, oldest first.
    pub traces: &'a [Arc<Trace>],
    /// The language of the findings.
    pub lang: Lang,
}

/// What is wrong, the worst first; then in the order of the files.
#[inline(never)]
pub fn diagnose(asked: &Asked<'_>) -> Vec<Finding> {
    let mut desk = Desk::new(asked);
    refused::look(&mut desk);
    workloads::look(&mut desk);
    services::look(&mut desk);
    ingress::look(&mut desk);
    traffic::look(&mut desk);
    desk.finish()
}

/// What is wrong in a session, for those who keep no readings of its files: what ends as a manifest does is read, and applied to
/// a copy of the cluster to hear what the server says.
pub fn of_session(session: &Session, lang: Lang) -> Vec<Finding> {
    let is_manifest = |name: &str| [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
    let files = session.files().iter().filter(|(name, _)| is_manifest(name));
    let sources: Vec<Source> = files.map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect();
    let read = |source: &Source| {
        let mut copy = session.cluster().clone();
        (manifest::parse(source), shell::apply(&mut copy, source, Reading::Whole, lang).diagnostics)
    };
    let read: Vec<(Parsed, Vec<Diagnostic>)> = sources.iter().map(read).collect();
    let files: Vec<File<'_>> =
        sources.iter().zip(&read).map(|(source, (parsed, told))| File { source, parsed, told }).collect();
    diagnose(&Asked { cluster: session.cluster(), files: &files, traces: recent(session), lang })
}

/// Findings as a list to print, `FILE:LINE: SEVERITY: TITLE` and the sentence; and an exit status, 1 if there are errors.
pub fn to_text(findings: &[Finding], lang: Lang) -> (String, i32) {
    let mut out = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Error => lang.pick("error", "错误"),
            Severity::Warning => lang.pick("warning", "警告"),
            Severity::Note => lang.pick("note", "提示"),
        };
        let place = match (&finding.place, &finding.field) {
            (Some(place), _) => format!("{}:{}", place.file, place.line),
            (None, Some(field)) => field.object.to_string(),
            (None, None) => String::new(),
        };
        let title = words::title(finding.id).map_or("", |title| title.text(lang));
        out.push_str(&format!("{place}: {severity}: {title}\n  {}\n", finding.text.replace('\n', "\n  ")));
        if let Some(fix) = &finding.fix {
            out.push_str(&format!("  {}: {}\n", lang.pick("fix", "修复"), fix.label));
        }
    }
    if out.is_empty() {
        out.push_str(lang.pick("nothing found\n", "没有发现问题\n"));
    }
    (out, i32::from(findings.iter().any(|finding| finding.severity == Severity::Error)))
}

/// The traces that speak of the cluster as it is: those after the last file was applied, sixty at most.
pub fn recent(session: &Session) -> &[Arc<Trace>] {
    let applied = |command: &Command| matches!(command, Command::Apply(_) | Command::Live(_));
    let since = session.log().iter().rev().find(|(_, command)| applied(command)).map(|(at, _)| *at);
    let traces = session.traces();
    let from = traces.iter().rposition(|trace| since.is_some_and(|since| trace.start < since)).map_or(0, |at| at + 1);
    &traces[from.max(traces.len().saturating_sub(60))..]
}

/// The finding that explains a request that went wrong; none if it went well, or none does.
pub fn explaining<'a>(findings: &'a [Finding], trace: &Trace) -> Option<&'a Finding> {
    if trace.outcome.kind == OutcomeKind::Answered && trace.outcome.status < 400 {
        return None;
    }
    if let Some(finding) = findings.iter().find(|finding| finding.traces.contains(&trace.id)) {
        return Some(finding);
    }
    let last = trace.hops.last().map_or(0, |hop| hop.exchange);
    let own = trace.hops.iter().filter(|hop| hop.exchange == last).filter_map(|hop| hop.because.cause.as_ref());
    let failed = trace.outcome.because.as_ref().and_then(|because| because.cause.as_ref());
    let blamed: Vec<&Ref> = failed.into_iter().chain(own).map(|field| &field.object).collect();
    let about = |finding: &&Finding| {
        finding.severity != Severity::Note
            && finding.field.iter().chain(&finding.related).any(|field| blamed.contains(&&field.object))
    };
    findings.iter().find(about)
}
