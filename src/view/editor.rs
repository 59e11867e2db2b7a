//! The learner's text: tabs, the code editor (or a plain text box until it has come), what is wrong with it.

use kubehop::assist::Change;
use kubehop::diag::Severity;
use kubehop::text::Source;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

use super::browser;
use super::changes::{Changes, ChangesButton, bars};
use super::editing::Titles;
use super::history;
use super::problems::Problems;
use super::stage_scenery::use_scenery;
use super::state::{MarkKind, State, Theme, use_state};
use super::tabs::Tabs;
use super::why;
use super::words::Word;

#[wasm_bindgen]
extern "C" {
    /// What `create` in editor.js gives.
    type Handle;
    #[wasm_bindgen(catch, js_namespace = kubehopEditor)]
    fn create(host: &HtmlElement, options: &js_sys::Object) -> Result<Handle, JsValue>;
    #[wasm_bindgen(method, js_name = setDoc)]
    fn set_doc(this: &Handle, text: &str, file: &str);
    #[wasm_bindgen(method)]
    fn rename(this: &Handle, file: &str);
    #[wasm_bindgen(method)]
    fn forget(this: &Handle, file: &str);
    #[wasm_bindgen(method)]
    fn edit(this: &Handle, changes: &js_sys::Array);
    #[wasm_bindgen(method)]
    fn ask(this: &Handle, what: &str);
    #[wasm_bindgen(method, js_name = setChanges)]
    fn set_changes(this: &Handle, list: &js_sys::Array);
    #[wasm_bindgen(method, js_name = setDiagnostics)]
    fn set_diagnostics(this: &Handle, list: &js_sys::Array);
    #[wasm_bindgen(method, js_name = setMarks)]
    fn set_marks(this: &Handle, list: &js_sys::Array);
    #[wasm_bindgen(method)]
    fn reveal(this: &Handle, from: u32, to: u32);
    #[wasm_bindgen(method)]
    fn glance(this: &Handle, at: u32);
    #[wasm_bindgen(method)]
    fn focus(this: &Handle);
    #[wasm_bindgen(method, js_name = setTheme)]
    fn set_theme(this: &Handle, dark: bool);
    #[wasm_bindgen(method, js_name = setLanguage)]
    fn set_language(this: &Handle, lang: &str, label: &str);
}

/// How long typing must rest before it is applied, in milliseconds.
const REST: u32 = 250;

/// Tabs, text, problems and the foot with Apply.
#[component]
pub fn Editor() -> impl IntoView {
    let state = use_state();
    let auto = RwSignal::new(browser::kept("auto").is_none());
    // Counts changes by hand, so that only the last one's rest ends in applying.
    let typed = StoredValue::new(0u32);
    let resting = RwSignal::new(false);

    let apply = move || {
        typed.update_value(|n| *n = n.wrapping_add(1));
        resting.set(false);
        state.apply_open();
    };
    let apply_all = move || {
        typed.update_value(|n| *n = n.wrapping_add(1));
        resting.set(false);
        for file in state.files.get_untracked() {
            state.apply(file);
        }
    };
    let on_text = move |text: String| {
        state.write_open(text);
        resting.set(true);
        typed.update_value(|n| *n = n.wrapping_add(1));
        let mine = typed.get_value();
        browser::later(REST, move || {
            if typed.get_value() == mine {
                resting.set(false);
                if let (true, Some(file)) = (auto.get_untracked(), state.open_file()) {
                    state.apply_live(file);
                }
            }
        });
    };
    let foot = NodeRef::<html::Div>::new();
    let keys = if browser::has_command_key() { "⌘ ↵" } else { "Ctrl ↵" };
    let differences = state.differences();
    let fixes = state.fixes();
    view! {
        <Tabs on_apply_all=apply_all />
        <Text on_text=on_text on_apply=apply foot=foot differences=differences fixes=fixes />
        <Changes differences=differences />
        <Problems fixes=fixes />
        {why::beside_editor(state, use_scenery())}
        {history::of_now(state, "The stage shows the past. What is said and offered here is about the cluster as it is now.", "舞台显示的是过去。这里的提示和补全说的是集群现在的状态。")}
        <div class="foot" node_ref=foot tabindex="-1" on:keydown=leave_backwards>
            <label class="switch">
                <input
                    type="checkbox"
                    role="switch"
                    data-testid="auto"
                    prop:checked=move || auto.get()
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        auto.set(on);
                        browser::keep("auto", if on { "" } else { "off" });
                    }
                />
                <span class="sw" aria-hidden="true"></span>
                <span>{move || state.say(Word::ApplyAsYouType)}</span>
            </label>
            <span class="leave" id="leave-editor">{move || state.say(Word::LeaveEditor)}</span>
            <span class="grow"></span>
            <ChangesButton differences=differences />
            <Standing resting=resting />
            <button class="btn" data-testid="apply" on:click=move |_| apply()>
                {move || state.say(Word::Apply)} <span class="kbd" aria-hidden="true">{keys}</span>
            </button>
        </div>
    }
}

/// Who came to the foot by Esc and goes back wants the tabs before the editor, not the editor again.
fn leave_backwards(event: KeyboardEvent) {
    if event.key() == "Tab" && event.shift_key() && event.target() == event.current_target() {
        event.prevent_default();
        browser::focus("[data-testid=new-file]");
    }
}

/// In a word: whether what is seen is what the cluster has.
#[component]
fn Standing(resting: RwSignal<bool>) -> impl IntoView {
    let state = use_state();
    view! {
        <span role="status" data-testid="standing">
            {move || {
                let errors = state.open_errors();
                let lang = state.lang.get();
                if resting.get() {
                    view! { <span class="dim">{state.say(Word::Editing)}</span> }.into_any()
                } else if let Some((line, count)) = errors {
                    let text = match count {
                        1 => lang.pick("1 problem".to_owned(), "1 个问题".to_owned()),
                        n => lang.pick(format!("{n} problems"), format!("{n} 个问题")),
                    };
                    let seen = lang.pick(
                        format!("The stage shows the state before line {line}"),
                        format!("舞台上仍是第 {line} 行出错前的状态"),
                    );
                    view! { <span class="errc" title=seen>{text}</span> }.into_any()
                } else if state.is_open_applied() {
                    view! { <span class="okc">{state.say(Word::Applied)}</span> }.into_any()
                } else {
                    view! { <span class="dim">{state.say(Word::NotApplied)}</span> }.into_any()
                }
            }}
        </span>
    }
}

/// The text itself.
#[component]
fn Text(
    on_text: impl Fn(String) + Copy + Send + Sync + 'static,
    on_apply: impl Fn() + Copy + Send + Sync + 'static,
    foot: NodeRef<html::Div>,
    differences: Memo<Option<Vec<Change>>>,
    fixes: Memo<Titles>,
) -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let host = NodeRef::<html::Div>::new();
    let plain = NodeRef::<html::Textarea>::new();
    let handle = RwSignal::new_local(None::<Handle>);
    let rich = Memo::new(move |_| handle.with(Option::is_some));
    let dark = {
        let system = browser::follow("(prefers-color-scheme: dark)");
        move || match state.theme.get() {
            Theme::Auto => system.get(),
            theme => theme == Theme::Dark,
        }
    };
    let open_name = Memo::new(move |_| state.open_file_tracked().map(|file| file.name).unwrap_or_default());
    let label = move || format!("{}: {}", state.say(Word::Editor), open_name.get());

    // The code editor comes after the first paint; the text box works till then.
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        browser::next_frame(move |_| {
            browser::later(0, move || {
                browser::load_script("./editor.js", move |came| {
                    if !came || handle.try_with_untracked(Option::is_some) != Some(false) {
                        return;
                    }
                    let options = js_sys::Object::new();
                    let set = |name: &str, value: &JsValue| {
                        let _ = js_sys::Reflect::set(&options, &name.into(), value);
                    };
                    let text = state.open_file().map(|file| file.text).unwrap_or_default();
                    set("doc", &text.into());
                    set("name", &untrack(move || open_name.get()).into());
                    set("dark", &untrack(dark).into());
                    set("lang", &state.lang.get_untracked().pick("en", "zh").into());
                    set("label", &untrack(label).into());
                    set("onChange", &Closure::<dyn Fn(String)>::new(on_text).into_js_value());
                    set("onApply", &Closure::<dyn Fn()>::new(on_apply).into_js_value());
                    // Esc leaves: Tab then goes on from the foot.
                    let leave = move || {
                        if let Some(foot) = foot.get_untracked() {
                            let _ = foot.focus();
                        }
                    };
                    set("onLeave", &Closure::<dyn Fn()>::new(leave).into_js_value());
                    let offers = move |at| state.offers(at);
                    set("onComplete", &Closure::<dyn Fn(u32) -> JsValue>::new(offers).into_js_value());
                    let explained = move |at| state.explained(at);
                    set("onHover", &Closure::<dyn Fn(u32) -> JsValue>::new(explained).into_js_value());
                    let mend = move |number| {
                        let name = state.open_file().map(|file| file.name).unwrap_or_default();
                        state.mend(&name, number);
                    };
                    set("onFix", &Closure::<dyn Fn(usize)>::new(mend).into_js_value());
                    set("onFormat", &Closure::<dyn Fn()>::new(move || state.tidy()).into_js_value());
                    let changes = move || state.editing.changes.set(true);
                    set("onChanges", &Closure::<dyn Fn()>::new(changes).into_js_value());
                    let dropped = move |files| state.take_in(files);
                    set("onFiles", &Closure::<dyn Fn(JsValue)>::new(dropped).into_js_value());
                    set("onCursor", &Closure::<dyn Fn(u32)>::new(move |at| state.caret_at(at)).into_js_value());
                    let back = move |hop: u32| why::back_to(state, scenery, hop as usize);
                    set("onNote", &Closure::<dyn Fn(u32)>::new(back).into_js_value());
                    set("noteTitle", &state.lang.get_untracked().pick("Back to this hop", "回到这一跳").into());
                    if let Ok(made) = create(&host, &options) {
                        let had_focus = plain
                            .get_untracked()
                            .is_some_and(|plain| document().active_element().as_ref() == Some(plain.as_ref()));
                        if had_focus {
                            made.focus();
                            let at = plain.get_untracked().and_then(|p| p.selection_start().ok().flatten());
                            made.reveal(at.unwrap_or(0), at.unwrap_or(0));
                        }
                        handle.set(Some(made));
                    }
                });
            });
        });
    });
    // From here on the page tells the editor what changes: another file, another text, problems, marks, looks.
    let shown = StoredValue::new(open_name.get_untracked());
    // Counts changes of file: problems and marks of the one before are gone with its text.
    let swapped = RwSignal::new(0u32);
    Effect::new(move |_| {
        let text = state.open_file_tracked().map(|file| file.text).unwrap_or_default();
        let name = open_name.get();
        for (before, after) in state.editing.moved.try_update(std::mem::take).unwrap_or_default() {
            let renames = after.filter(|_| shown.get_value() == before);
            handle.with(|handle| match (handle, &renames) {
                (Some(handle), Some(name)) => handle.rename(name),
                (Some(handle), None) => handle.forget(&before),
                _ => {}
            });
            if let Some(name) = renames {
                shown.set_value(name);
            }
        }
        let another = shown.get_value() != name;
        handle.with(|handle| handle.as_ref().inspect(|handle| handle.set_doc(&text, &name)).is_some());
        shown.set_value(name);
        if another {
            swapped.update(|n| *n += 1);
        }
    });
    Effect::new(move |_| {
        swapped.track();
        let Some((file, edits)) = state.editing.edits.get().filter(|(file, _)| *file == shown.get_value()) else {
            return;
        };
        state.editing.edits.set(None);
        let source = state.open_file().filter(|open| open.name == file).unwrap_or_default();
        let mut units = Units::new(&source.text);
        let list = js_sys::Array::new();
        for edit in &edits {
            list.push(&record(&[
                ("from", units.at(edit.span.start).into()),
                ("to", units.at(edit.span.end).into()),
                ("insert", edit.text.as_str().into()),
            ]));
        }
        if !handle.with_untracked(|handle| handle.as_ref().inspect(|handle| handle.edit(&list)).is_some()) {
            on_text(source.edited(&edits));
        }
    });
    Effect::new(move |_| {
        let Some(what) = state.editing.ask.get() else { return };
        state.editing.ask.set(None);
        // The menu that asks gives the focus back first.
        browser::later(0, move || {
            handle.try_with_untracked(|handle| handle.as_ref().inspect(|handle| handle.ask(what)).is_some());
        });
    });
    Effect::new(move |_| {
        swapped.track();
        let list = js_sys::Array::new();
        let changes = differences.get().unwrap_or_default();
        for (line, kind, note) in bars(state, &changes).into_iter().take(2_000) {
            list.push(&record(&[("line", (line as u32).into()), ("kind", kind.into()), ("note", note.into())]));
        }
        handle.with(|handle| handle.as_ref().inspect(|handle| handle.set_changes(&list)).is_some());
    });
    Effect::new(move |_| {
        swapped.track();
        let list = js_sys::Array::new();
        let file = state.open_file().unwrap_or_default();
        let fixes = fixes.with(|all| all.get(&file.name).cloned().unwrap_or_default());
        let mut fixes = fixes.into_iter();
        let mut units = Units::new(&file.text);
        for diagnostic in
            state.diagnostics.with(|all| all.get(&file.name).cloned().unwrap_or_default()).iter().take(200)
        {
            let span = diagnostic.span;
            let severity = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
            let message = match &diagnostic.hint {
                Some(hint) => format!("{}\n{}", diagnostic.message, hint.text(state.lang.get())),
                None => diagnostic.message.clone(),
            };
            list.push(&record(&[
                ("from", units.at(span.start).into()),
                ("to", units.at(span.end).into()),
                ("severity", severity.into()),
                ("message", message.into()),
                ("fix", fixes.next().flatten().map_or(JsValue::UNDEFINED, JsValue::from)),
            ]));
        }
        handle.with(|handle| handle.as_ref().inspect(|handle| handle.set_diagnostics(&list)).is_some());
    });
    Effect::new(move |_| {
        swapped.track();
        let name = open_name.get();
        let list = js_sys::Array::new();
        for place in state.places().into_iter().filter(|place| place.file == name) {
            let kind = if place.kind == MarkKind::Cause { "cause" } else { "part" };
            let (line, note, hop) = (place.line.into(), place.note.into(), (place.hop as u32).into());
            list.push(&record(&[("line", line), ("kind", kind.into()), ("note", note), ("hop", hop)]));
        }
        handle.with(|handle| handle.as_ref().inspect(|handle| handle.set_marks(&list)).is_some());
    });
    Effect::new(move |_| {
        let dark = dark();
        handle.with(|handle| handle.as_ref().inspect(|handle| handle.set_theme(dark)).is_some());
    });
    Effect::new(move |_| {
        let (lang, label) = (state.lang.get().pick("en", "zh"), label());
        handle.with(|handle| handle.as_ref().inspect(|handle| handle.set_language(lang, &label)).is_some());
    });
    Effect::new(move |_| {
        swapped.track();
        let Some(at) = state.editing.glance.get().filter(|_| shown.get_value() == open_name.get_untracked()) else {
            return;
        };
        state.editing.glance.set(None);
        let unit = Units::new(&state.open_file().map(|file| file.text).unwrap_or_default()).at(at);
        handle.with_untracked(|handle| handle.as_ref().inspect(|handle| handle.glance(unit)).is_some());
    });
    Effect::new(move |_| {
        swapped.track();
        // Waits for the file to be opened, if it is another one.
        let Some(spot) = state.spot.get().filter(|_| shown.get_value() == open_name.get_untracked()) else { return };
        state.spot.set(None);
        let text = state.open_file().map(|file| file.text).unwrap_or_default();
        let mut units = Units::new(&text);
        let (from, to) = (units.at(spot.start), units.at(spot.end));
        handle.with(|handle| match (handle, plain.get_untracked()) {
            (Some(handle), _) => {
                handle.reveal(from, to);
                handle.focus();
            }
            (None, Some(plain)) => {
                let _ = plain.focus();
                let _ = plain.set_selection_range(from, to);
            }
            (None, None) => {}
        });
    });
    view! {
        <div class="ed" data-testid="editor" node_ref=host class:rich=move || rich.get()>
            <textarea
                node_ref=plain
                class="plain"
                hidden=move || rich.get()
                spellcheck="false"
                autocapitalize="off"
                aria-label=label
                prop:value=move || state.open_file_tracked().map(|file| file.text).unwrap_or_default()
                on:input=move |event| on_text(event_target_value(&event))
                on:keydown=move |event: KeyboardEvent| {
                    if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                        event.prevent_default();
                        on_apply();
                    }
                }
            ></textarea>
        </div>
    }
}

/// A JavaScript object of these fields.
pub(super) fn record(fields: &[(&str, JsValue)]) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in fields {
        let _ = js_sys::Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

/// Byte offsets in UTF-16 code units, as JavaScript counts. Offsets that ascend cost one walk over the text in all.
pub(super) struct Units<'a> {
    text: &'a str,
    byte: usize,
    unit: u32,
}

impl<'a> Units<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, byte: 0, unit: 0 }
    }

    pub(super) fn at(&mut self, offset: u32) -> u32 {
        let end = self.text.floor_char_boundary(offset as usize);
        if end < self.byte {
            *self = Self::new(self.text);
        }
        self.unit += self.text[self.byte..end].encode_utf16().count() as u32;
        self.byte = end;
        self.unit
    }
}

/// An offset in UTF-16 code units in bytes.
pub(super) fn bytes(text: &str, offset: u32) -> u32 {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= offset {
            return at as u32;
        }
        units += c.len_utf16() as u32;
    }
    text.len() as u32
}

/// A marked line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// How it relates to the selected hop.
    pub kind: MarkKind,
    /// What stands at its end.
    pub note: String,
    /// The hop that it leads back to.
    pub hop: usize,
}

impl State {
    /// The open file; does not follow it.
    pub fn open_file(&self) -> Option<Source> {
        self.files.with_untracked(|files| files.get(self.open.get_untracked()).cloned())
    }

    fn open_file_tracked(&self) -> Option<Source> {
        self.files.with(|files| files.get(self.open.get()).cloned())
    }

    /// Gives the open file another text, and keeps it.
    fn write_open(&self, text: String) {
        let open = self.open.get_untracked();
        self.files.update(|files| {
            if let Some(file) = files.get_mut(open) {
                file.text = text;
            }
        });
    }

    /// Applies the open file.
    pub fn apply_open(&self) {
        if let Some(file) = self.open_file() {
            self.apply(file);
        }
    }

    /// How many errors a file has; follows it.
    pub fn errors_of(&self, name: &str) -> usize {
        self.diagnostics
            .with(|all| all.get(name).map_or(0, |list| list.iter().filter(|d| d.severity == Severity::Error).count()))
    }

    /// How many errors all files have.
    pub fn problems(self) -> Memo<usize> {
        Memo::new(move |_| {
            let all = self.diagnostics.get();
            all.values().flatten().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
        })
    }

    /// The line of the open file's first error and how many there are, if any.
    pub fn open_errors(&self) -> Option<(u32, usize)> {
        let file = self.open_file_tracked()?;
        self.diagnostics.with(|all| {
            let mut errors = all.get(&file.name)?.iter().filter(|d| d.severity == Severity::Error);
            let first = errors.next()?;
            Some((file.position(first.span.start).line, 1 + errors.count()))
        })
    }

    /// Takes note of the field under the caret, given in UTF-16 code units.
    fn caret_at(&self, offset: u32) {
        let Some(file) = self.open_file() else { return };
        let mut at = bytes(&file.text, offset);
        // Before a line's first word the caret is at that word's field.
        let (before, after) = file.text.split_at(file.text.floor_char_boundary(at as usize));
        let indent = before.rsplit('\n').next().unwrap_or_default();
        if indent.chars().all(|c| c == ' ') {
            at += after.chars().take_while(|c| *c == ' ').count() as u32;
        }
        let parsed = self.parsed();
        let field = parsed.iter().find(|(name, _)| *name == file.name).and_then(|(_, parsed)| {
            let manifest = parsed.manifests.iter().find(|m| (m.span.start..=m.span.end).contains(&at))?;
            let covers = |span: &&kubehop::manifest::FieldSpan| span.key.start <= at && at <= span.value.end;
            let deepest = manifest.fields.iter().filter(|(_, span)| covers(span)).max_by_key(|(path, _)| path.len())?;
            Some(kubehop::object::FieldRef::new(manifest.key("default"), deepest.0.as_str()))
        });
        if self.caret.with_untracked(|caret| *caret != field) {
            self.caret.set(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_change_units_and_back() {
        let text = "a中😀b";
        for (byte, unit) in [(0, 0), (1, 1), (4, 2), (8, 4), (9, 5)] {
            assert_eq!(Units::new(text).at(byte), unit);
            assert_eq!(bytes(text, unit), byte);
        }
        let mut units = Units::new(text);
        assert_eq!([99, 4, 8].map(|byte| units.at(byte)), [5, 2, 4]);
        assert_eq!(bytes(text, 99), 9);
    }
}
