//! The editor's files: typed, applied, taken back, kept in the browser, and shared with the terminals.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubehop::diag::Severity;
use kubehop::manifest::{self, Parsed};
use kubehop::object::FieldRef;
use kubehop::session::{Command, Session};
use kubehop::text::{Edit, Source, Span};
use leptos::prelude::*;

use super::browser;
use super::editor::Placed;
use super::state::{MarkKind, Pane, State};

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

    /// Takes over what a line did to the laptop's files, which it had all before: what it removed goes here too.
    pub fn read_files_back(&self) {
        let known = |name: &str| self.session.with_untracked(|session| session.files().contains_key(name));
        let gone = self.files.with_untracked(|files| {
            files.iter().map(|file| file.name.clone()).filter(|name| !known(name)).collect::<Vec<_>>()
        });
        for name in &gone {
            self.drop_file(name);
        }
        self.read_files();
    }

    /// Takes a file out of the editor.
    fn drop_file(&self, name: &str) {
        let at = self.files.with_untracked(|files| files.iter().position(|file| file.name == name));
        let Some(at) = at else { return };
        let open = self.open.get_untracked();
        self.files.update(|files| {
            files.remove(at);
        });
        self.editing.moved.update(|moved| moved.push((name.to_owned(), None)));
        if open > at || open >= self.files.with_untracked(Vec::len) {
            self.open.set(open.saturating_sub(1));
        }
        self.diagnostics.update(|all| {
            all.remove(name);
        });
    }

    /// Deletes a file, on the laptop too; what was applied from it stays in the cluster. Gives it back.
    pub fn delete_file(&self, name: &str) -> Option<Source> {
        let file = self.files.with_untracked(|files| files.iter().find(|file| file.name == name).cloned())?;
        self.write_files();
        self.drop_file(name);
        self.editing.deleted.update_value(|all| all.push(file.clone()));
        self.run_aside(&format!("rm -f '{name}'"));
        Some(file)
    }

    /// Gives a file another name, on the laptop too; not if there is one of that name, or it is no name.
    pub fn rename_file(&self, from: &str, to: &str) -> bool {
        let taken = self.files.with_untracked(|files| files.iter().any(|file| file.name == to));
        if taken || !is_name(to) {
            return false;
        }
        self.write_files();
        self.relabel(from, to);
        self.run_aside(&format!("mv '{from}' '{to}'"));
        true
    }

    /// Gives a file of the editor another name; its text and its history stay.
    fn relabel(&self, from: &str, to: &str) {
        self.editing.moved.update(|moved| moved.push((from.to_owned(), Some(to.to_owned()))));
        self.diagnostics.update(|all| {
            if let Some(list) = all.remove(from) {
                all.insert(to.to_owned(), list);
            }
        });
        self.files.update(|files| {
            if let Some(file) = files.iter_mut().find(|file| file.name == from) {
                to.clone_into(&mut file.name);
            }
        });
    }

    /// Takes in the laptop's files that the editor lacks; the others stay as they are typed.
    fn read_lost_files(&self) {
        let lost = self.session.with_untracked(|session| {
            self.files.with_untracked(|files| {
                let lost = session.files().iter().filter(|(name, _)| files.iter().all(|file| file.name != **name));
                lost.map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect::<Vec<_>>()
            })
        });
        for file in &lost {
            self.put_file(file);
        }
    }

    /// Runs a line on the laptop in a terminal that nobody sees.
    fn run_aside(&self, line: &str) {
        self.run(Command::Run { terminal: ASIDE, line: line.to_owned() });
    }

    /// The text of a file that the cluster has; does not follow it.
    pub fn applied_text(&self, name: &str) -> Option<String> {
        self.session.with_untracked(|session| last_applied(session, name).map(str::to_owned))
    }

    /// The text of a file that the cluster took whole, the newest; does not follow it. One that was refused does not count.
    pub fn accepted_text(&self, name: &str) -> Option<String> {
        let refused = |file: &Source| {
            let told = self.diagnostics.with_untracked(|all| {
                all.get(name).is_some_and(|list| list.iter().any(|problem| problem.severity == Severity::Error))
            });
            // What the API server refused of the newest text is known; of older ones only what cannot be read.
            let newest = self.applied_text(name).as_ref() == Some(&file.text);
            (newest && told) || manifest::parse(file).diagnostics.iter().any(|d| d.severity == Severity::Error)
        };
        self.session.with_untracked(|session| {
            let applied = session.log().iter().rev().filter_map(|(_, command)| applied(command));
            let mut files = applied.filter(|file| file.name == name && file.text.len() < 500_000);
            files.find(|file| !refused(file)).map(|file| file.text.clone())
        })
    }

    /// Takes files from the reader's disk in: a list of them as the browser gives it.
    pub fn take_in(&self, list: leptos::wasm_bindgen::JsValue) {
        let state = *self;
        browser::read_files(&list, move |name, text| {
            let name = if is_name(&name) { name } else { state.free_name() };
            // A file of that name stays, and can be had back by the editor's undo.
            if state.files.with_untracked(|files| files.iter().any(|file| file.name == name)) {
                let span = state.files.with_untracked(|files| {
                    let length = files.iter().find(|file| file.name == name).map_or(0, |file| file.text.len());
                    Span { start: 0, end: length as u32 }
                });
                return state.apply_edits(&name, vec![Edit { span, text }]);
            }
            state.put_file(&Source::new(name.as_str(), text));
            state.open_named(&name);
        });
    }

    /// Opens a file by its name.
    pub fn open_named(&self, name: &str) {
        if let Some(at) = self.files.with_untracked(|files| files.iter().position(|file| file.name == name)) {
            self.open.set(at);
        }
    }

    /// A name that no file has.
    pub fn free_name(&self) -> String {
        let files = self.files.get_untracked();
        let mut name = "new.yaml".to_owned();
        for n in 2.. {
            if files.iter().all(|file| file.name != name) {
                break;
            }
            name = format!("new-{n}.yaml");
        }
        name
    }

    /// Opens a file of a name, making it if there is none.
    pub fn new_file(&self, name: &str) {
        if self.files.with_untracked(|files| files.iter().all(|file| file.name != name)) {
            self.files.update(|files| files.push(Source::new(name, "")));
        }
        self.open_named(name);
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
        if let Command::Run { line, .. } = undone {
            if let Some((from, to)) = renamed(line) {
                self.relabel(to, from);
            }
            let deleted = line.strip_prefix("rm -f '").and_then(|rest| rest.strip_suffix('\''));
            let last = self.editing.deleted.try_update_value(|all| {
                let at = all.iter().rposition(|file| Some(file.name.as_str()) == deleted)?;
                Some(all.remove(at))
            });
            if let Some(file) = last.flatten() {
                self.put_file(&file);
            }
            return self.read_lost_files();
        }
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
        // The field that was picked on the stage, while the caret is elsewhere.
        let picked = self.why.field.get().filter(|field| self.caret.with(|caret| caret.as_ref() != Some(field)));
        let marks = self.marks.get();
        if marks.is_empty() && picked.is_none() {
            return Vec::new();
        }
        let readings = self.readings.get();
        let files = self.files.get_untracked();
        let mut places = Vec::new();
        for mark in marks {
            let Some((file, span)) = find(&readings, &mark.field) else { continue };
            let Some(source) = files.iter().find(|source| source.name == file) else { continue };
            let line = source.position(span.start).line;
            // One line has the accent.
            let kind = if picked.is_some() { MarkKind::Part } else { mark.kind };
            places.push(Placed { file, line, kind, note: mark.note, hop: mark.hop });
        }
        if let Some((file, line)) = picked.and_then(|field| self.line_of(&field)) {
            match places.iter_mut().find(|place| place.file == file && place.line == line) {
                Some(place) => place.kind = MarkKind::Cause,
                None => places.push(Placed { file, line, kind: MarkKind::Cause, note: String::new(), hop: 0 }),
            }
        }
        places
    }

    /// Brings a field's line into sight in the editor; the caret and the focus stay.
    pub fn glance(&self, field: &FieldRef) {
        let Some((name, span)) = find(&self.parsed(), field) else { return };
        let at = self.files.with_untracked(|files| files.iter().position(|source| source.name == name));
        if let Some(at) = at {
            if self.open.get_untracked() != at {
                self.open.set(at);
            }
            self.editing.glance.set(Some(span.start));
        }
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

/// The terminal of what the page itself does to files; the page's own terminals count from zero.
const ASIDE: u8 = u8::MAX;

/// The names before and after, of a line that renames a file as the page does it.
fn renamed(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("mv '")?.strip_suffix('\'')?.split_once("' '")
}

/// Whether a text can name a file, here and in a line of the shell.
pub(super) fn is_name(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "'\"\\/$`*?[]{}<>|&;()!#~".contains(c);
    !text.is_empty() && text.len() <= 100 && !text.starts_with(['-', '.']) && !text.contains(odd)
}

/// The text of a file that the cluster has.
pub(super) fn last_applied<'a>(session: &'a Session, name: &str) -> Option<&'a str> {
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
