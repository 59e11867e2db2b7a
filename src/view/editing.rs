//! What the editor asks of the library while one writes (offers, help, what mends a problem), and the edits that come back.

use std::collections::BTreeMap;

use kubehop::assist::{self, Change, Fix, World};
use kubehop::diag::Diagnostic;
use kubehop::manifest;
use kubehop::text::{Edit, Source};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;

use super::editor::{Units, bytes, record};
use super::state::{Pane, State};

/// A text of this size gets no fixes: finding one may mean to read all of it again.
const LONGEST: usize = 100_000;

/// Fixes are sought for so many problems of a file.
const MOST: usize = 50;

/// The titles of the fixes of each file's problems, in the order of the problems.
pub type Titles = BTreeMap<String, Vec<Option<String>>>;

/// What stands between the page and the text that is being written.
#[derive(Clone, Copy)]
pub struct Editing {
    /// Edits for a file that wait until the editor shows it.
    pub edits: RwSignal<Option<(String, Vec<Edit>)>>,
    /// Files that have gone or changed their name, for the editor's memory of each: before, and after if there is one.
    pub moved: RwSignal<Vec<(String, Option<String>)>>,
    /// What the editor is asked to do at its caret: one of `complete`, `explain`, `mend`.
    pub ask: RwSignal<Option<&'static str>>,
    /// An offset in the open file that is to be in sight, whoever has the focus.
    pub glance: RwSignal<Option<u32>>,
    /// Files that were deleted here, the last at the end: undoing the command brings the text back.
    pub deleted: StoredValue<Vec<Source>>,
    /// Whether the list of changes since the last application is open.
    pub changes: RwSignal<bool>,
}

impl Editing {
    /// Nothing waits.
    pub fn new() -> Self {
        Self {
            edits: RwSignal::new(None),
            moved: RwSignal::new(Vec::new()),
            ask: RwSignal::new(None),
            glance: RwSignal::new(None),
            deleted: StoredValue::new(Vec::new()),
            changes: RwSignal::new(false),
        }
    }
}

impl State {
    /// Changes a file as if the reader had typed it: the editor shows it, and its undo takes it back. The edits may come in
    /// any order, but must not overlap.
    pub fn apply_edits(&self, file: &str, mut edits: Vec<Edit>) {
        kubehop::sort::by_key(&mut edits, |edit| edit.span);
        let at = self.files.with_untracked(|files| files.iter().position(|source| source.name == file));
        let Some(at) = at else { return };
        if self.open.get_untracked() != at {
            self.open.set(at);
        }
        self.pane.set(Pane::Yaml);
        self.editing.edits.set(Some((file.to_owned(), edits)));
    }

    /// The titles of what mends each problem; follows them and the language.
    pub fn fixes(self) -> Memo<Titles> {
        Memo::new(move |_| {
            let lang = self.lang.get();
            let titles = |(name, list): (&String, &Vec<Diagnostic>)| {
                let file = self.files.with_untracked(|files| files.iter().find(|file| file.name == *name).cloned());
                let file = file.filter(|file| file.text.len() < LONGEST)?;
                let title = |diagnostic| assist::fix(&file, diagnostic, lang).map(|fix| fix.title);
                Some((name.clone(), list.iter().take(MOST).map(title).collect()))
            };
            self.diagnostics.with(|all| all.iter().filter_map(titles).collect())
        })
    }

    /// Mends a problem of a file, by its number.
    pub fn mend(&self, file: &str, number: usize) {
        let source = self.files.with_untracked(|files| files.iter().find(|source| source.name == file).cloned());
        let told = self.diagnostics.with_untracked(|all| all.get(file).and_then(|list| list.get(number)).cloned());
        let (Some(source), Some(told)) = (source, told) else { return };
        match self.fix_now(&source, told) {
            Some(fix) => self.apply_edits(file, fix.edits),
            None => self.notice.set(
                self.lang
                    .get_untracked()
                    .pick("The text has changed since: apply it first", "文本已经变了：请先应用")
                    .to_owned(),
            ),
        }
    }

    /// The fix of a problem in the text as it is now, which may be newer than the problem.
    fn fix_now(&self, source: &Source, told: Diagnostic) -> Option<Fix> {
        let lang = self.lang.get_untracked();
        if self.applied_text(&source.name).as_ref() == Some(&source.text) {
            return assist::fix(source, &told, lang);
        }
        let now = manifest::parse(source).diagnostics.into_iter();
        let alike = |now: &Diagnostic| now.message == told.message && now.hint == told.hint;
        let nearest = now.filter(alike).min_by_key(|now| now.span.start.abs_diff(told.span.start))?;
        assist::fix(source, &nearest, lang)
    }

    /// What could stand at an offset of the open file, for the editor.
    pub(super) fn offers(&self, offset: u32) -> JsValue {
        let list = js_sys::Array::new();
        let Some(file) = self.open_file() else { return list.into() };
        let readings = self.parsed();
        let at = bytes(&file.text, offset);
        let lang = self.lang.get_untracked();
        let offers = self.session.with_untracked(|session| {
            let manifests = readings.iter().flat_map(|(_, parsed)| &parsed.manifests);
            assist::complete(&file, at, &World::new(session.cluster(), manifests), lang)
        });
        let mut units = Units::new(&file.text);
        for offer in offers.into_iter().take(200) {
            list.push(&record(&[
                ("label", offer.label.into()),
                ("kind", (offer.offer as u8).into()),
                ("detail", offer.detail.into()),
                ("insert", offer.insert.into()),
                ("more", offer.more.into()),
                ("owner", offer.owner.into()),
                ("from", units.at(offer.span.start).into()),
                ("to", units.at(offer.span.end).into()),
            ]));
        }
        list.into()
    }

    /// What stands at an offset of the open file, for the editor; nothing where it is no field.
    pub(super) fn explained(&self, offset: u32) -> JsValue {
        let Some(file) = self.open_file() else { return JsValue::UNDEFINED };
        let Some(hover) = assist::hover(&file, bytes(&file.text, offset), self.lang.get_untracked()) else {
            return JsValue::UNDEFINED;
        };
        let mut units = Units::new(&file.text);
        let values: js_sys::Array = hover.values.iter().map(|value| JsValue::from(*value)).collect();
        record(&[
            ("from", units.at(hover.span.start).into()),
            ("to", units.at(hover.span.end).into()),
            ("path", hover.path.into()),
            ("of", hover.of.into()),
            ("values", values.into()),
            ("default", hover.default.into()),
            ("owner", hover.owner.into()),
            ("field", hover.field.into()),
        ])
    }

    /// Makes the open file tidy.
    pub fn tidy(&self) {
        let Some(file) = self.open_file() else { return };
        let lang = self.lang.get_untracked();
        let words = match assist::format(&file.text) {
            Ok(text) if text == file.text => lang.pick("It is tidy already", "已经很整齐了"),
            Ok(text) => {
                let changes = assist::changes(&file.text, &text);
                let edits = changes.iter().map(|change| assist::carry_over(&file.text, &text, change)).collect();
                self.apply_edits(&file.name, edits);
                lang.pick("Tidied; Ctrl-Z in the editor takes it back", "已整理；在编辑器里按 Ctrl-Z 可以撤回")
            }
            Err(assist::Untidied::Unreadable) => {
                lang.pick("This cannot be read as YAML yet: mend that first", "这还不是能读的 YAML：请先改好")
            }
            Err(assist::Untidied::Unsure) => {
                lang.pick("Left as it is: tidying could change what it says", "未改动：整理可能会改变它的含义")
            }
        };
        self.notice.set(words.to_owned());
    }

    /// How the open file differs from its text that the cluster took last; none if it never took one. Follows both.
    pub fn differences(self) -> Memo<Option<Vec<Change>>> {
        let open = Memo::new(move |_| self.files.with(|files| files.get(self.open.get()).cloned()));
        let name =
            Memo::new(move |_| open.with(|file| file.as_ref().map(|file| file.name.clone()).unwrap_or_default()));
        let accepted = Memo::new(move |_| {
            self.revision.track();
            self.diagnostics.track();
            self.accepted_text(&name.get())
        });
        Memo::new(move |_| {
            let file = open.get()?;
            accepted.with(|accepted| Some(assist::changes(accepted.as_ref()?, &file.text)))
        })
    }

    /// Takes one of these changes back.
    pub fn take_back(&self, change: &Change) {
        let Some(file) = self.open_file() else { return };
        let Some(applied) = self.accepted_text(&file.name) else { return };
        self.apply_edits(&file.name, vec![assist::take_back(&applied, &file.text, change)]);
    }
}
