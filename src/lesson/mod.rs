//! Lessons: Markdown with a little YAML to a [`Lesson`], and the judgement of what a learner did, [`judge`].
//!
//! A lesson's file has front matter (title, profile, files), then one `## ` section for each step. A step is prose, then
//! `### Task`, any number of `### Hint`s and a `### Solution`; one fenced block marked `yaml step` holds what machines read:
//! the checks, the buttons and the deeds of the solution. Checks look at objects and traffic, never at text, so whatever
//! works counts. A [`Scenario`] is a session to be watched rather than a task. [`verify`] proves files of either kind. Knows nothing of the screen.

mod check;
mod markdown;
mod misread;
mod scenario;
mod verify;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use check::{Cell, Check, Condition, Fate, Report, Since, judge};
pub use markdown::{Block, Inline};
pub use misread::{At, Misread};
pub use scenario::{Group, Move, Opened, Said, Scenario, gallery, scenario};
pub use verify::{Format, Verdict, verify};

use crate::object::{Body, Kind, Object, Ref};
use crate::session::{Command, Fault, Requests, Session};
use crate::text::Source;

/// A lesson in one language.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// Its title.
    pub title: String,
    /// The environment it plays in.
    pub profile: String,
    /// The seed it starts with.
    pub seed: u64,
    /// The learner's files at the start; nothing is applied yet.
    pub files: Vec<Source>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A step: one idea, seen and tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Its title.
    pub title: String,
    /// What there is to know.
    pub prose: Vec<Block>,
    /// What there is to do.
    pub task: Vec<Block>,
    /// Hints, to be opened one at a time.
    pub hints: Vec<Vec<Block>>,
    /// The solution in words.
    pub solution: Vec<Block>,
    /// When the task is done: all of them at once.
    pub check: Vec<Check>,
    /// The buttons under the task.
    pub actions: Vec<Act>,
    /// The solution in deeds.
    pub deeds: Vec<Deed>,
}

/// A button of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Act {
    /// Requests, each a new connection.
    pub send: Option<Send>,
    /// The readiness probe of the first of the pods with these labels (`app=web`) fails from now on.
    pub fail_readiness: Option<String>,
    /// Every failed probe tells the truth again.
    pub mend_readiness: Option<String>,
    /// The node of this name is turned off.
    pub stop_node: Option<String>,
    /// The node of this name is turned on again.
    pub start_node: Option<String>,
}

/// Requests to send.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Send {
    /// Where from, as traces name places.
    pub from: String,
    /// The URL; `{NAME}` stands for the cluster IP of the Service of that name, `{NAME external}` for its EXTERNAL-IP.
    pub url: String,
    /// How many.
    pub count: u32,
    /// Headers, `Host` among them.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Whether all share one connection.
    #[serde(default)]
    pub keep_alive: bool,
}

/// A step of a solution, or of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deed {
    /// Apply this file as it is at the start of the lesson ...
    pub apply: Option<String>,
    /// ... but with these texts replaced.
    pub replace: Vec<(String, String)>,
    /// Run this line on the laptop.
    pub run: Option<String>,
    /// Send requests.
    pub send: Option<Send>,
    /// Press the step's button of this number, from 1.
    pub press: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    title: String,
    profile: String,
    #[serde(default = "usual_seed")]
    seed: u64,
    files: Vec<Source>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Machine {
    check: Vec<Check>,
    actions: Vec<Act>,
    solution: Vec<Deed>,
}

const fn usual_seed() -> u64 {
    42
}

/// Reads a lesson. The error says where the file is not one.
pub fn read(text: &str) -> Result<Lesson, Misread> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (front, body) = text
        .strip_prefix("---\n")
        .and_then(|text| text.split_once("\n---\n"))
        .ok_or_else(|| Misread::at_line(1, "a lesson begins with front matter between two lines of ---"))?;
    let front_lines = front.lines().count();
    let front: Front = misread::yaml(front, 1)?;
    let mut steps = Vec::new();
    for section in sections(body, "## ", front_lines + 3) {
        steps.push(step(&section)?);
    }
    if steps.is_empty() {
        return Err(Misread::at_line(1, "a lesson has at least one step, a section that begins with ##"));
    }
    Ok(Lesson { title: front.title, profile: front.profile, seed: front.seed, files: front.files, steps })
}

/// A part of a text under a heading.
struct Section {
    title: String,
    text: String,
    /// The heading's line in the file.
    line: usize,
}

/// Cuts a text, which begins at a line of its file, at its headings of one level; what stands before the first is left out.
/// Fenced code has no headings.
fn sections(text: &str, mark: &str, first: usize) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        fenced ^= line.starts_with("```");
        if let Some(title) = line.strip_prefix(mark).filter(|_| !fenced) {
            sections.push(Section { title: title.trim().to_owned(), text: String::new(), line: first + i });
        } else if let Some(section) = sections.last_mut() {
            section.text.push_str(line);
            section.text.push('\n');
        }
    }
    sections
}

fn step(section: &Section) -> Result<Step, Misread> {
    let mut step = Step { title: section.title.clone(), ..Step::default() };
    let prose = section.text.split("\n### ").next().unwrap_or_default();
    step.prose = machine(prose, section.line + 1, &mut step)?;
    for part in sections(&section.text, "### ", section.line + 1) {
        let blocks = machine(&part.text, part.line + 1, &mut step)?;
        match part.title.as_str() {
            "Task" | "任务" => step.task = blocks,
            "Hint" | "提示" => step.hints.push(blocks),
            "Solution" | "答案" => step.solution = blocks,
            other => return Err(Misread::at_line(part.line, format!("{other:?} is neither Task, Hint nor Solution"))),
        }
    }
    Ok(step)
}

/// Whether a line opens the block for machines.
fn opens_machine(line: &str) -> bool {
    line.strip_prefix("```").is_some_and(|info| info.trim() == "yaml step")
}

/// Reads prose, which begins at a line of its file, and takes the block for machines out of it.
fn machine(text: &str, first: usize, step: &mut Step) -> Result<Vec<Block>, Misread> {
    let mut prose = Vec::new();
    for block in markdown::blocks(text) {
        match block {
            Block::Code { info, text: code } if info == "yaml step" => {
                let fence = text.lines().position(opens_machine).unwrap_or_default();
                let read: Machine = misread::yaml(&code, first + fence)?;
                (step.check, step.actions, step.deeds) = (read.check, read.actions, read.solution);
            }
            block => prose.push(block),
        }
    }
    Ok(prose)
}

impl Act {
    /// The commands that pressing the button gives.
    pub fn commands(&self, session: &Session) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(send) = &self.send {
            commands.push(send.command(session));
        }
        let pods = |labels: &String| selected(session, labels).map(|pod| pod.key()).collect::<Vec<Ref>>();
        if let Some(labels) = &self.fail_readiness {
            commands.extend(pods(labels).into_iter().next().map(|pod| Command::Fault(Fault::FailReadiness(pod, true))));
        }
        let stopped = self.stop_node.iter().cloned().map(Fault::StopNode);
        let started = self.start_node.iter().cloned().map(Fault::StartNode);
        commands.extend(stopped.chain(started).map(Command::Fault));
        if let Some(labels) = &self.mend_readiness {
            let mend = |pod| Command::Fault(Fault::FailReadiness(pod, false));
            commands.extend(pods(labels).into_iter().map(mend));
        }
        commands
    }
}

impl Send {
    fn command(&self, session: &Session) -> Command {
        Command::Request(Requests {
            from: self.from.clone(),
            url: with_addresses(&self.url, session),
            count: self.count,
            headers: self.headers.clone(),
            keep_alive: self.keep_alive,
            ..Requests::default()
        })
    }
}

impl Deed {
    /// What is wrong with how it is written, where these files are applied and, if any are meant, so many buttons pressed: the
    /// field and the fault.
    fn fault(&self, files: &[Source], buttons: Option<usize>) -> Option<(String, String)> {
        let set = [self.apply.is_some(), self.run.is_some(), self.send.is_some(), self.press.is_some()];
        if set.iter().filter(|set| **set).count() != 1 || self.press.is_some() && buttons.is_none() {
            let press = if buttons.is_some() { ", press" } else { "" };
            return Some((String::new(), format!("a deed has one of apply, run, send{press}")));
        }
        if self.press.zip(buttons).is_some_and(|(n, buttons)| n == 0 || n > buttons) {
            return Some((".press".into(), "there is no such button".into()));
        }
        let Some(name) = &self.apply else {
            let misplaced = !self.replace.is_empty();
            return misplaced.then(|| (".replace".into(), "belongs to apply".into()));
        };
        let Some(file) = files.iter().find(|file| file.name == *name) else {
            return Some((".apply".into(), format!("there is no file {name:?}")));
        };
        let lacks = self.replace.iter().position(|(from, _)| !file.text.contains(from.as_str()));
        lacks.map(|i| (format!(".replace[{i}]"), format!("{name} has no such text")))
    }

    /// The commands of this deed, where these files are applied and these buttons pressed.
    pub fn commands(&self, files: &[Source], acts: &[Act], session: &Session) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(file) = self.apply.as_ref().and_then(|name| files.iter().find(|file| file.name == *name)) {
            let text = self.replace.iter().fold(file.text.clone(), |text, (from, to)| text.replace(from, to));
            commands.push(Command::Apply(Source::new(file.name.as_str(), text)));
        }
        if let Some(line) = &self.run {
            commands.push(Command::Run { terminal: 0, line: with_addresses(line, session) });
        }
        if let Some(send) = &self.send {
            commands.push(send.command(session));
        }
        if let Some(act) = self.press.and_then(|n| acts.get(n.checked_sub(1)?)) {
            commands.extend(act.commands(session));
        }
        commands
    }
}

/// Puts cluster IPs in the place of `{SERVICE}`, addresses for the outside in the place of `{SERVICE external}`; a Service that
/// has none leaves its name, which DNS will judge.
pub fn with_addresses(text: &str, session: &Session) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        let (name, ip) = match name.strip_suffix(" external") {
            Some(name) => (name, external_ip(session, name)),
            None => (name, cluster_ip(session, name)),
        };
        out.push_str(ip.as_deref().unwrap_or(name));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The cluster IP of a Service of the namespace `default`.
fn cluster_ip(session: &Session, name: &str) -> Option<String> {
    let object = session.cluster().store().get(&Ref::new(Kind::Service, "default", name))?;
    match &object.body {
        Body::Service(service) => Some(service.spec.cluster_ip.clone()).filter(|ip| !ip.is_empty() && ip != "None"),
        _ => None,
    }
}

/// The address for the outside of a Service of the namespace `default`.
fn external_ip(session: &Session, name: &str) -> Option<String> {
    let object = session.cluster().store().get(&Ref::new(Kind::Service, "default", name))?;
    match &object.body {
        Body::Service(service) => service.status.load_balancer.ingress.first().map(|ingress| ingress.ip.clone()),
        _ => None,
    }
}

/// The pods of the namespace `default` that carry a label, given as `app=web`, oldest first.
fn selected<'a>(session: &'a Session, label: &'a str) -> impl Iterator<Item = &'a Object> {
    let (key, value) = label.split_once('=').unwrap_or((label, ""));
    let pods = session.cluster().store().list(Kind::Pod, Some("default")).map(|pod| &**pod);
    let mut pods: Vec<_> = pods.filter(|pod| pod.meta.labels.get(key).is_some_and(|v| v == value)).collect();
    crate::sort::by_key(&mut pods, |pod| (pod.meta.creation_timestamp, pod.meta.name.as_str()));
    pods.into_iter()
}
