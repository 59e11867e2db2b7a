//! The editor's files: typed, applied, taken back, kept in the browser, and shared with the terminals.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubehop::manifest::{self, Parsed};
use kubehop::object::FieldRef;
use kubehop::session::{Command, Session};
use kubehop::text::{Source, Span};
use leptos::prelude::*;

use super::editor::Placed;
use super::state::{Pane, State};

/// Each file's name, with what was read from it.
pub type Readings = Arc<Vec<(String, Parsed)>>;

impl State {
    /// Applies a file as `kubectl apply` does.
    pub fn apply(&self, file: Source) {
        self.apply_by(Command::Apply, file);
    }

    /// Applies a file while it is being typed: what it no longer holds is deleted.
    pub fn apply_live(&self, file: Source) {
        self.apply_by(Command::Live, file);
    }

    fn apply_by(&self, command: fn(Source) -> Command, file: Source) {
        let name = file.name.clone();
        let reply = self.run(command(file));
        self.diagnostics.update(|all| {
            all.insert(name, reply.diagnostics);
        });
    }

    /// Whether the cluster has the open file's text as it stands.
    pub fn is_open_applied(&self) -> bool {
        let open = self.open.get();
        self.files.with(|files| {
            let Some(file) = files.get(open) else { return false };
            self.session.with(|session| last_applied(session, &file.name) == Some(file.text.as_str()))
        })
    }

    /// Gives a file another text, making the file if there is none of its name.
    pub fn put_file(&self, source: &Source) {
        self.files.update(|files| match files.iter_mut().find(|file| file.name == source.name) {
            Some(file) => file.text.clone_from(&source.text),
            None => files.push(source.clone()),
        });
    }

    /// Lets the laptop see the editor's files as they stand, before a line is run there.
    pub fn write_files(&self) {
        let unwritten = self.files.with_untracked(|files| {
            let known = |file: &&Source| {
                self.session.with_untracked(|session| session.files().get(&file.name) != Some(&file.text))
            };
            files.iter().filter(known).cloned().collect::<Vec<_>>()
        });
        for file in unwritten {
            self.run(Command::Write(file));
        }
    }

    /// Takes over what a line did to the laptop's files.
    pub fn read_files(&self) {
        let changed = self.session.with_untracked(|session| {
            let files = self.files.get_untracked();
            let stale =
                |(name, text): &(&String, &String)| files.iter().all(|file| file.name != **name || file.text != **text);
            let changed = session.files().iter().filter(stale);
            changed.map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect::<Vec<_>>()
        });
        for file in &changed {
            self.put_file(file);
        }
    }

    /// Applies again, in another cluster, the files that were applied in the last one.
    pub fn apply_again(&self, names: &BTreeSet<String>) {
        for file in self.files.get_untracked() {
            if names.contains(&file.name) {
                self.apply(file);
            }
        }
    }

    /// The names of the files that were applied.
    pub fn applied_names(&self) -> BTreeSet<String> {
        self.session.with_untracked(|session| {
            let files = session.log().iter().filter_map(|(_, command)| applied(command));
            files.map(|file| file.name.clone()).collect()
        })
    }

    /// Shows in the editor what the session holds again after `undone` was taken back.
    pub fn unapply(&self, undone: &Command) {
        let Some(file) = applied(undone) else { return };
        let before = self.session.with_untracked(|session| last_applied(session, &file.name).map(str::to_owned));
        let before = before.or_else(|| {
            self.originals.with_value(|files| files.iter().find(|f| f.name == file.name).map(|f| f.text.clone()))
        });
        let source = Source::new(file.name.as_str(), before.unwrap_or_else(|| file.text.clone()));
        self.put_file(&source);
        self.diagnostics.update(|all| {
            all.insert(source.name.clone(), manifest::parse(&source).diagnostics);
        });
    }

    /// All files, read; made when somebody asks.
    pub fn parsed(&self) -> Readings {
        self.readings.get_untracked()
    }

    /// The marked lines of all files.
    pub fn places(&self) -> Vec<Placed> {
        let marks = self.marks.get();
        if marks.is_empty() {
            return Vec::new();
        }
        let readings = self.readings.get();
        let files = self.files.get_untracked();
        let mut places = Vec::new();
        for mark in marks {
            let Some((file, span)) = find(&readings, &mark.field) else { continue };
            let Some(source) = files.iter().find(|source| source.name == file) else { continue };
            let line = source.position(span.start).line;
            places.push(Placed { file, line, kind: mark.kind, note: mark.note, hop: mark.hop });
        }
        places
    }

    /// Where a field stands: file and line, if the editor has it.
    pub fn line_of(&self, field: &FieldRef) -> Option<(String, u32)> {
        let (file, span) = find(&self.readings.get(), field)?;
        let files = self.files.get_untracked();
        let line = files.iter().find(|source| source.name == file)?.position(span.start).line;
        Some((file, line))
    }

    /// Opens a file at a span.
    pub fn show_span(&self, file: &str, span: Span) {
        let at = self.files.with_untracked(|files| files.iter().position(|source| source.name == file));
        if let Some(at) = at {
            if self.open.get_untracked() != at {
                self.open.set(at);
            }
            self.pane.set(Pane::Yaml);
            self.spot.set(Some(span));
        }
    }

    /// Follows requests to show a field.
    pub fn follow_reveal(self) {
        Effect::new(move |_| {
            if let Some((file, span)) = self.reveal.get().and_then(|field| find(&self.parsed(), &field)) {
                self.show_span(&file, span);
            }
        });
    }
}

/// The text of a file that the cluster has.
fn last_applied<'a>(session: &'a Session, name: &str) -> Option<&'a str> {
    let mut files = session.log().iter().rev().filter_map(|(_, command)| applied(command));
    files.find(|file| file.name == name).map(|file| file.text.as_str())
}

/// The file that a command applies.
fn applied(command: &Command) -> Option<&Source> {
    match command {
        Command::Apply(file) | Command::Live(file) => Some(file),
        _ => None,
    }
}

/// The file and place of a field, or of its nearest written ancestor.
fn find(readings: &Readings, field: &FieldRef) -> Option<(String, Span)> {
    readings.iter().find_map(|(name, parsed)| {
        let manifest = parsed.manifests.iter().find(|manifest| manifest.key("default") == field.object)?;
        let span = manifest.span_of(field)?;
        Some((name.clone(), Span { start: span.key.start, end: span.value.end }))
    })
}
