//! `kubectl apply -f` and the application of one file, which the editor shares.

use crate::api::{self, Status};
use crate::cluster::{Applied, Cluster};
use crate::diag::{Diagnostic, Severity};
use crate::manifest::{self, Manifest, Refusal, Refuser};
use crate::object::{Kind, Object, Ref};
use crate::text::Source;

use super::super::flags::{Flag, switch, value};
use super::super::{Io, Reading};
use super::{Call, Fail, named, refusal};
use crate::lang::Lang;
use crate::trace::Place;

pub(super) const APPLY: &[Flag] =
    &[value("filename", 'f', "FILE"), switch("recursive", 'R'), value("output", 'o', "FORMAT")];

/// What applying a file gave.
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct File {
    /// kubectl's lines on standard output.
    pub(in crate::shell) out: String,
    /// What is wrong, reading and refusals both, each at its place.
    pub(in crate::shell) diagnostics: Vec<Diagnostic>,
    /// The objects that stand in the file, applied or not, and what it says of each.
    pub(in crate::shell) said: Vec<(Ref, serde_json::Value)>,
    /// Whether every document could be read.
    pub(in crate::shell) is_readable: bool,
    /// What the reader warned of, which the lab tells, and what the server warned of, which kubectl tells.
    read: Vec<Diagnostic>,
    warnings: Vec<String>,
    errors: Vec<Refused>,
}

/// A failure of kubectl's, kept until its end.
#[derive(Clone, Debug)]
enum Refused {
    /// Printed after `error: ` if it is the only one.
    Plain(String),
    /// The server's, and what kubectl was doing.
    Server(Box<Status>, String),
    /// All of it, for refusals that are no `Status` of ours.
    Whole(String),
}

/// Applies each document of a file in order, as `kubectl apply -f` does.
pub(in crate::shell) fn file(cluster: &mut Cluster, source: &Source, namespace: &str, reading: Reading) -> File {
    let parsed = manifest::parse(source);
    let is_readable = parsed.refusals.is_empty();
    let read = parsed.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning);
    let mut file = File { read: read.cloned().collect(), is_readable, ..File::default() };
    file.diagnostics = parsed.diagnostics;
    let stop = parsed.refusals.iter().find(|refusal| matches!(refusal.by, Refuser::Reader | Refuser::Checker));
    let stop = stop.map(|refusal| refusal.span.start).filter(|_| reading == Reading::UntilUnreadable);
    let stands = |start: u32| stop.is_none_or(|stop| start <= stop);
    // Documents in the order of the text, read ones and refused ones.
    let mut documents: Vec<(u32, Result<&Manifest, &Refusal>)> =
        parsed.manifests.iter().map(|manifest| (manifest.span.start, Ok(manifest))).collect();
    documents.extend(parsed.refusals.iter().map(|refusal| (refusal.span.start, Err(refusal))));
    crate::sort::by_key(&mut documents, |(start, _)| *start);
    // The environment is there before what stands in it, wherever the file names it.
    for manifest in parsed.manifests.iter().filter(|manifest| stands(manifest.span.start)) {
        cluster.enter(&manifest.object);
    }
    for (_, document) in documents.into_iter().filter(|(start, _)| stands(*start)) {
        match document {
            Ok(manifest) => file.apply(cluster, source, manifest, namespace),
            Err(refusal) => file.errors.push(unread(refusal, source)),
        }
    }
    // kubectl reads the whole file before it sends anything: what it cannot read or map comes first.
    crate::sort::by_key(&mut file.errors, |error| !matches!(error, Refused::Plain(_)));
    crate::sort::by_key(&mut file.diagnostics, |diagnostic| diagnostic.span.start);
    let said = parsed.manifests.into_iter().filter(|manifest| stands(manifest.span.start));
    file.said = said.map(|manifest| (manifest.key(namespace), manifest.tree)).collect();
    file
}

/// The failure of a document that could not be read.
fn unread(refusal: &Refusal, source: &Source) -> Refused {
    let doing = format!("error when creating {}: ", super::go_quote(&source.name));
    let message = &refusal.message;
    match refusal.by {
        Refuser::Reader | Refuser::Checker | Refuser::Mapper => Refused::Plain(message.clone()),
        Refuser::Server if message.starts_with("Request entity too large") => {
            Refused::Whole(format!("Error from server (RequestEntityTooLarge): {doing}{message}\n"))
        }
        Refuser::Server => Refused::Server(Box::new(Status::bad_request(message.clone())), doing),
    }
}

impl File {
    fn apply(&mut self, cluster: &mut Cluster, source: &Source, manifest: &Manifest, namespace: &str) {
        let key = manifest.key(namespace);
        let old = cluster.store().get(&key).cloned();
        self.warnings.extend(super::deprecation(key.kind).map(String::from));
        match cluster.apply(manifest, namespace) {
            Ok(applied) => {
                if let Some(new) = cluster.store().get(&key) {
                    let warnings = api::warnings(new, old.as_deref());
                    self.diagnostics.extend(refusal::warned(&warnings, manifest, &key));
                    // Where nothing changes, kubectl sends nothing that could be answered with a warning.
                    let sent = warnings.into_iter().filter(|_| applied != Applied::Unchanged);
                    self.warnings.extend(sent.map(|warning| warning.message));
                }
                let what = match applied {
                    Applied::Created => "created",
                    Applied::Configured => "configured",
                    Applied::Unchanged => "unchanged",
                };
                self.out += &format!("{} {what}\n", named(key.kind, &key.name));
            }
            Err(status) => {
                self.diagnostics.extend(refusal::diagnostics(&status, manifest, &key, cluster));
                let doing = if old.is_some() { "patching" } else { "creating" };
                let doing = format!("error when {doing} {}: ", super::go_quote(&source.name));
                self.errors.push(Refused::Server(Box::new(status), doing));
            }
        }
    }

    /// Prints it as if it were the only file; gives kubectl's exit status.
    pub(in crate::shell) fn tell(&self, io: &mut Io, source: &Source, lang: Lang) -> i32 {
        warn(io, source, self, lang);
        io.out(&self.out);
        if !self.errors.is_empty() {
            io.err(told(&self.errors));
        } else if self.said.is_empty() {
            io.err("error: no objects passed to apply\n");
            return 1;
        }
        i32::from(!self.errors.is_empty())
    }
}

/// What kubectl prints on standard error in the end: one failure in full, several in short, a line each.
fn told(errors: &[Refused]) -> String {
    match errors {
        [Refused::Plain(text)] => format!("error: {text}\n"),
        [Refused::Server(status, doing)] => status.kubectl_doing(doing),
        [Refused::Whole(text)] => text.clone(),
        _ => errors
            .iter()
            .map(|error| match error {
                Refused::Plain(text) => format!("{text}\n"),
                Refused::Whole(text) => text.clone(),
                Refused::Server(status, doing) => {
                    format!("Error from server ({:?}): {doing}{}\n", status.reason, status.message)
                }
            })
            .collect(),
    }
}

/// The Labs that files describe.
pub(in crate::shell) fn labs(sources: &[Source]) -> Vec<Object> {
    // To read a file twice costs time: most have none.
    let told = sources.iter().filter(|source| source.text.contains("kubehop.dev/"));
    let manifests = told.flat_map(|source| manifest::parse(source).manifests);
    manifests.map(|manifest| manifest.object).filter(|object| object.kind() == Kind::Lab).collect()
}

/// `kubectl apply -f FILE|DIR|-`
pub(super) fn apply(call: &mut Call) -> Result<i32, Fail> {
    if !call.flags.words.is_empty() {
        let words = call.flags.words.join(" ");
        return Err(Fail::Error(format!("Unexpected args: [{words}]\nSee 'kubectl apply -h' for help and examples")));
    }
    let names: Vec<String> = call.flags.all("filename").flat_map(|names| names.split(',')).map(String::from).collect();
    if names.is_empty() {
        return Err(Fail::Error("must specify one of -f and -k".into()));
    }
    let sources = sources(call, &names)?;
    let (mut errors, mut count) = (Vec::new(), 0);
    labs(&sources).iter().for_each(|lab| call.shell.cluster.enter(lab));
    for source in sources {
        let file = file(call.shell.cluster, &source, &call.namespace, Reading::UntilUnreadable);
        warn(call.io, &source, &file, call.shell.terminal.lang);
        call.io.out(&file.out);
        count += file.said.len();
        errors.extend(file.errors);
    }
    if errors.is_empty() && count == 0 {
        return Err(Fail::Error("no objects passed to apply".into()));
    }
    if !errors.is_empty() {
        call.io.err(told(&errors));
    }
    Ok(i32::from(!errors.is_empty()))
}

/// Tells warnings: the server's in kubectl's way, the reader's, for which kubectl has no words, as the lab's.
fn warn(io: &mut Io, source: &Source, file: &File, lang: Lang) {
    for diagnostic in &file.read {
        io.err(format!("kubehop: {}\n", located(source, diagnostic, lang)));
    }
    let first = |(i, text): &(usize, &String)| !file.warnings[..*i].contains(text);
    for (_, warning) in file.warnings.iter().enumerate().filter(first) {
        io.err(format!("Warning: {warning}\n"));
    }
}

/// `svc.yaml:5:3: message (hint)`
fn located(source: &Source, diagnostic: &Diagnostic, lang: Lang) -> String {
    let position = source.position(diagnostic.span.start);
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!(" ({})", hint.text(lang)));
    format!("{}:{}:{}: {}{hint}", source.name, position.line, position.column, diagnostic.message)
}

/// The texts that `-f` names: files, `.` for all of them, `-` for what came through the pipe.
pub(super) fn sources(call: &mut Call, names: &[String]) -> Result<Vec<Source>, Fail> {
    let mut sources = Vec::new();
    for name in names {
        if name == "-" {
            sources.push(Source::new("STDIN", call.io.input.take().unwrap_or_default()));
        } else if name.starts_with("http://") || name.starts_with("https://") {
            call.shell.say(
                call.io,
                "the lab has no internet: paste the manifest into a file of the editor",
                "实验室不联网：请把清单粘贴到编辑器的文件里",
            );
            return Err(Fail::Said(1));
        } else if matches!(name.as_str(), "." | "./") && *call.shell.terminal.place() == Place::Laptop {
            let known = |name: &&String| [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
            let names: Vec<&String> = call.shell.files.keys().filter(known).collect();
            if names.is_empty() {
                return Err(Fail::Error(format!(
                    "error reading [{name}]: recognized file extensions are [.json .yaml .yml]"
                )));
            }
            sources.extend(names.iter().map(|name| Source::new(name.as_str(), &*call.shell.files[*name])));
        } else {
            match call.shell.file(name) {
                Some(text) => sources.push(Source::new(name.as_str(), text)),
                None => return Err(Fail::Error(format!("the path {} does not exist", super::go_quote(name)))),
            }
        }
    }
    Ok(sources)
}

/// `kubectl create -f FILE`: what exists already is refused.
pub(super) fn create(call: &mut Call, names: &[String]) -> Result<i32, Fail> {
    let (mut errors, mut count) = (Vec::new(), 0);
    for source in sources(call, names)? {
        let parsed = manifest::parse(&source);
        let doing = format!("error when creating {}: ", super::go_quote(&source.name));
        errors.extend(parsed.refusals.iter().map(|refusal| unread(refusal, &source)));
        for manifest in &parsed.manifests {
            count += 1;
            let mut object = manifest.object.clone();
            let key = manifest.key(&call.namespace);
            object.meta.namespace = key.namespace.to_string();
            call.warn_of(key.kind);
            match call.shell.cluster.create(object) {
                Ok(new) => {
                    for warning in api::warnings(&new, None) {
                        call.io.err(format!("Warning: {}\n", warning.message));
                    }
                    call.io.out(format!("{} created\n", named(key.kind, &key.name)));
                }
                Err(status) => errors.push(Refused::Server(Box::new(status), doing.clone())),
            }
        }
    }
    if errors.is_empty() && count == 0 {
        return Err(Fail::Error("no objects passed to create".into()));
    }
    if !errors.is_empty() {
        call.io.err(told(&errors));
    }
    Ok(i32::from(!errors.is_empty()))
}
