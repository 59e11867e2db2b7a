//! Lessons and scenarios, proved: [`verify`].
//!
//! Takes the texts of files; gives a line for each thing that holds or does not, at its place. A lesson: every step starts unsolved
//! and its solution solves it, one after the other, and where it stands in a folder `en` or `zh`, the file beside it in the
//! other language asks for the same. A scenario: what it expects comes of its log and of nothing less, it replays to the same
//! bytes, and what it suggests can be done. Authors run it by `kubehop lessons check`; the page has none of it.

mod lesson;
mod scenario;

use super::misread::{At, Misread};
use super::{Check, judge, opens_machine};
use crate::lang::Lang;
use crate::manifest;
use crate::session::Reply;
use crate::text::Source;
use crate::time::Duration;

/// How long a cluster may take to become quiet after a deed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What holds of a file, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file's name, as given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What holds; or else what does not.
    pub what: Result<String, String>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A lesson: Markdown.
    Lesson,
    /// A scenario: YAML.
    Scenario,
    /// The list of a folder's scenarios, `index.yaml`.
    Gallery,
}

impl Format {
    /// What a file is by its name, and by its first words where these say that it is a manifest; none if nothing of ours.
    pub fn of(source: &Source) -> Option<Self> {
        let name = parts(&source.name).1;
        let ends = |ending: &str| name.ends_with(ending);
        let says = |key: &str| source.text.lines().any(|line| line.starts_with(key));
        match name {
            "README.md" => None,
            "index.yaml" => Some(Self::Gallery),
            _ if ends(".md") => Some(Self::Lesson),
            _ if (ends(".yaml") || ends(".yml")) && !(says("apiVersion:") && says("kind:")) => Some(Self::Scenario),
            _ => None,
        }
    }
}

/// Proves files, one after the other; what is neither lesson nor scenario is passed over.
pub fn verify(sources: &[Source], lang: Lang) -> impl Iterator<Item = Verdict> + '_ {
    sources.iter().flat_map(move |source| {
        let mut proof = Proof { source, others: sources, lang, verdicts: Vec::new() };
        match Format::of(source) {
            Some(Format::Lesson) => proof.lesson(),
            Some(Format::Scenario) => proof.scenario(),
            Some(Format::Gallery) => proof.gallery(),
            None => {}
        }
        proof.verdicts
    })
}

/// A file's folder, and its name there.
fn parts(path: &str) -> (&str, &str) {
    path.rfind(['/', '\\']).map_or(("", path), |at| (&path[..at], &path[at + 1..]))
}

/// The proof of one file.
struct Proof<'a> {
    source: &'a Source,
    others: &'a [Source],
    lang: Lang,
    verdicts: Vec<Verdict>,
}

impl Proof<'_> {
    fn say(&mut self, line: usize, what: Result<String, String>) {
        self.verdicts.push(Verdict { file: self.source.name.clone(), line, what });
    }

    fn wrong(&mut self, line: usize, en: impl Into<String>, zh: impl Into<String>) {
        let what = Err(self.lang.pick(en.into(), zh.into()));
        self.say(line, what);
    }

    /// The line of a field of the file, which is YAML.
    fn line(&self, field: &str) -> usize {
        manifest::line_of(&self.source.text, field)
    }

    fn misread(&mut self, error: Misread) {
        let line = match &error.at {
            At::Line(line) => *line,
            At::Field(field) => self.line(field),
        };
        let what = match error.at {
            At::Line(_) => error.what,
            At::Field(_) => error.to_string(),
        };
        self.say(line, Err(what));
    }
}

fn first_line(reply: &Reply) -> String {
    let mut lines = reply.output.chunks.iter().flat_map(|(_, text)| text.lines());
    lines.find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// How many things a check asks for; one is right.
fn conditions(check: &Check) -> usize {
    let Check {
        service,
        node_port,
        external,
        pending,
        ingress,
        doors,
        lost,
        runs,
        off,
        endpoints,
        pods,
        gone,
        traffic,
    } = check;
    let names = [service, node_port, external, pending, ingress, lost, runs, off];
    let others = [doors.is_some(), endpoints.is_some(), pods.is_some(), gone.is_some(), traffic.is_some()];
    names.iter().filter(|name| name.is_some()).count() + others.iter().filter(|other| **other).count()
}
