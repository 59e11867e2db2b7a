//! The editor's tabs: one for each file, and the menu of what can be done with files.

use kubehop::text::Source;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use web_sys::HtmlElement;

use super::browser;
use super::icons::{Icon, icon};
use super::state::{State, use_state};
use super::words::Word;

/// What the field for a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    No,
    New,
    Rename,
}

/// The tabs, a button for a new file, and the menu.
#[component]
pub fn Tabs(on_apply_all: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let state = use_state();
    let naming = RwSignal::new(Naming::No);
    // The file that went last, while it can still be had back with one click.
    let gone = RwSignal::new(None::<(usize, Source)>);
    let names = Memo::new(move |_| state.files.with(|files| files.iter().map(|f| f.name.clone()).collect::<Vec<_>>()));
    let open_name = move || names.with(|names| names.get(state.open.get()).cloned().unwrap_or_default());
    let list = NodeRef::<html::Div>::new();
    // The tab of a file that has just been opened is in sight, however many there are. (A widget would move its host's page.)
    Effect::new(move |before: Option<usize>| {
        let open = state.open.get();
        if state.embed || before.is_none_or(|before| before == open) {
            return open;
        }
        browser::later(0, move || {
            let on = list.get_untracked().and_then(|list| list.query_selector("[aria-selected=true]").ok()?);
            if let Some(on) = on {
                on.scroll_into_view_with_bool(false);
            }
        });
        open
    });
    // Arrows are the list's own (rove.rs).
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "F2" => naming.set(Naming::Rename),
        "Delete" => delete(state, gone),
        _ => {}
    };
    let tab = move |(i, name): (usize, String)| {
        let on = move || state.open.get() == i;
        let of = name.clone();
        let errors = move || state.errors_of(&of);
        let of = name.clone();
        let id = format!("file-{name}");
        let marked = move || !on() && state.places().iter().any(|place| place.file == of);
        view! {
            <button
                class:on=on
                role="tab"
                tabindex="-1"
                aria-selected=move || on().to_string()
                data-testid=id
                on:click=move |_| state.open.set(i)
                on:dblclick=move |_| naming.set(Naming::Rename)
            >
                <span class:marked=marked>{name}</span>
                {move || {
                    let errors = errors();
                    (errors > 0)
                        .then(|| {
                            let label =
                                state.lang.get().pick(format!("{errors} problems"), format!("{errors} 个问题"));
                            view! { <span class="badge" aria-label=label>{errors}</span> }
                        })
                }}
            </button>
        }
    };
    view! {
        <div class="tabs">
            <div
                class="tablist"
                node_ref=list
                role="tablist"
                data-rove
                tabindex="0"
                aria-label=move || state.say(Word::Files)
                on:keydown=on_key
                hidden=move || names.with(Vec::is_empty)
            >
                {move || names.get().into_iter().enumerate().map(tab).collect_view()}
            </div>
            {move || match naming.get() {
                Naming::No => {
                    view! {
                        <button
                            class="add"
                            data-testid="new-file"
                            aria-label=state.say(Word::NewFile)
                            title=state.say(Word::NewFile)
                            on:click=move |_| naming.set(Naming::New)
                        >
                            {icon(Icon::Plus, 14)}
                            {names.with(Vec::is_empty).then(|| state.say(Word::NewFile))}
                        </button>
                    }
                        .into_any()
                }
                what => {
                    let value = if what == Naming::New { state.free_name() } else { untrack(open_name) };
                    view! { <NameField what=what value=value naming=naming /> }.into_any()
                }
            }}
            <span class="grow"></span>
            <FileMenu naming=naming gone=gone on_apply_all=on_apply_all />
        </div>
        {move || {
            // Unless it is back already.
            gone.get()
                .filter(|(_, file)| names.with(|names| !names.contains(&file.name)))
                .map(|(_, file)| {
                    let name = file.name;
                    let text = state.lang.get().pick(
                        format!("{name} is deleted. What was applied from it stays in the cluster."),
                        format!("{name} 已删除。已应用到集群的对象仍在。"),
                    );
                    view! {
                        <div class="gone" role="status" data-testid="gone">
                            <span>{text}</span>
                            <button class="btn" data-testid="undelete" on:click=move |_| undelete(state, gone)>
                                {state.pick("Put it back", "恢复")}
                            </button>
                            <button class="btn ghost sq" aria-label=state.say(Word::Close) on:click=move |_| gone.set(None)>
                                {icon(Icon::Cross, 14)}
                            </button>
                        </div>
                    }
                })
        }}
    }
}

/// Deletes the open file; it can be put back.
fn delete(state: State, gone: RwSignal<Option<(usize, Source)>>) {
    let at = state.open.get_untracked();
    let name = state.open_file().map(|file| file.name).unwrap_or_default();
    if let Some(file) = state.delete_file(&name) {
        gone.set(Some((at, file)));
    }
}

fn undelete(state: State, gone: RwSignal<Option<(usize, Source)>>) {
    let Some((at, file)) = gone.get_untracked() else { return };
    gone.set(None);
    let taken = state.files.with_untracked(|files| files.iter().any(|other| other.name == file.name));
    let file = if taken { Source::new(state.free_name(), file.text) } else { file };
    let name = file.name.clone();
    state.files.update(|files| files.insert(at.min(files.len()), file));
    state.open_named(&name);
}

/// The field for a new name: Enter takes it, Esc leaves.
#[component]
fn NameField(what: Naming, value: String, naming: RwSignal<Naming>) -> impl IntoView {
    let state = use_state();
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _ = field.focus();
            field.select();
        }
    });
    let before = value.clone();
    let finish = move |name: String| {
        let name = name.trim();
        naming.set(Naming::No);
        if name.is_empty() || (what == Naming::Rename && name == before) {
            return;
        }
        let done = match what {
            Naming::Rename => state.rename_file(&before, name),
            _ => super::files::is_name(name),
        };
        if !done {
            let words = state
                .pick("Not a name for a file here, or another file has it", "这里不能用这个文件名，或已有同名文件");
            state.notice.set(words.to_owned());
        } else if what == Naming::New {
            state.new_file(name);
        }
    };
    let label = move || match what {
        Naming::Rename => state.pick("New name of the file", "文件的新名字"),
        _ => state.say(Word::NewFileName),
    };
    view! {
        <input
            class="name"
            node_ref=field
            value=value
            size="14"
            spellcheck="false"
            autocapitalize="off"
            data-testid="file-name"
            aria-label=label
            on:blur=move |_| naming.set(Naming::No)
            on:keydown=move |event: KeyboardEvent| match event.key().as_str() {
                "Enter" => finish(event_target_value(&event)),
                "Escape" => naming.set(Naming::No),
                _ => {}
            }
        />
    }
}

/// The menu of what can be done with the open file, and with all.
#[component]
fn FileMenu(
    naming: RwSignal<Naming>,
    gone: RwSignal<Option<(usize, Source)>>,
    on_apply_all: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let state = use_state();
    let popover = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let chooser = NodeRef::<html::Input>::new();
    let none = move || state.files.with(Vec::is_empty);
    // What is in the menu is made when it is first opened.
    let opened = RwSignal::new(false);
    let item = move |id: &'static str, words: (&'static str, &'static str), key: &'static str, does: fn(Deed)| {
        let deed = Deed { state, naming, gone, chooser };
        view! {
            <button
                role="menuitem"
                tabindex="-1"
                data-testid=id
                disabled=move || none() && !matches!(id, "file-upload")
                on:click=move |_| {
                    if let Some(popover) = popover.get_untracked() {
                        let _ = popover.hide_popover();
                    }
                    does(deed);
                }
            >
                <span>{move || state.pick(words.0, words.1)}</span>
                <kbd>{key}</kbd>
            </button>
        }
    };
    let place = move || {
        let (Some(button), Some(popover)) = (button.get_untracked(), popover.get_untracked()) else { return };
        let at = button.get_bounding_client_rect();
        let style = HtmlElement::style(&popover);
        let width = f64::from(popover.offset_width());
        let _ = style.set_property("left", &format!("{:.0}px", (at.right() - width).max(8.0)));
        let _ = style.set_property("top", &format!("{:.0}px", at.bottom() + 4.0));
        super::deeds::focus(&popover, 0);
    };
    let keys =
        if browser::has_command_key() { ["⌘ I", "⌘ .", "⇧ ⌘ F"] } else { ["Ctrl I", "Ctrl .", "Shift Alt F"] };
    let items = move || {
        view! {
            {item("ask-complete", ("Complete at the caret", "在光标处补全"), "Ctrl Space", |deed| deed.state.editing.ask.set(Some("complete")))}
            {item("ask-explain", ("Explain this field", "解释这个字段"), keys[0], |deed| deed.state.editing.ask.set(Some("explain")))}
            {item("ask-mend", ("Mend the problem here", "修正此处的问题"), keys[1], |deed| deed.state.editing.ask.set(Some("mend")))}
            <hr />
            {item("file-format", ("Tidy this file", "整理格式"), keys[2], |deed| deed.state.tidy())}
            {item("file-changes", ("Compare with what is applied", "与已应用的内容比较"), "", |deed| deed.state.editing.changes.set(true))}
            <button
                role="menuitem"
                tabindex="-1"
                data-testid="file-apply-all"
                disabled=none
                on:click=move |_| {
                    if let Some(popover) = popover.get_untracked() {
                        let _ = popover.hide_popover();
                    }
                    on_apply_all();
                }
            >
                {move || state.pick("Apply all files", "应用全部文件")}
            </button>
            <hr />
            {item("file-rename", ("Rename", "重命名"), "F2", |deed| deed.naming.set(Naming::Rename))}
            {item("file-upload", ("Open from your disk…", "从电脑打开…"), "", |deed| {
                if let Some(chooser) = deed.chooser.get_untracked() {
                    chooser.click();
                }
            })}
            {item("file-download", ("Download", "下载"), "", |deed| {
                if let Some(file) = deed.state.open_file() {
                    browser::download(&file.name, &file.text);
                }
            })}
            <hr />
            {item("file-delete", ("Delete", "删除"), "Del", |deed| delete(deed.state, deed.gone))}
        }
    };
    view! {
        <button
            class="add more"
            node_ref=button
            data-testid="file-menu"
            popovertarget="file-menu"
            on:click=move |_| opened.set(true)
            aria-haspopup="menu"
            aria-label=move || state.pick("What to do with files", "文件操作")
            title=move || state.pick("What to do with files", "文件操作")
        >
            {icon(Icon::More, 16)}
        </button>
        <div
            popover="auto"
            id="file-menu"
            class="pop menu files"
            role="menu"
            aria-label=move || state.say(Word::Files)
            node_ref=popover
            on:toggle=move |event| {
                if event_target::<web_sys::Element>(&event).matches(":popover-open").unwrap_or(false) {
                    place();
                }
            }
            on:keydown=move |event: KeyboardEvent| {
                let step = match event.key().as_str() {
                    "ArrowDown" => 1,
                    "ArrowUp" => -1,
                    _ => return,
                };
                event.prevent_default();
                if let Some(popover) = popover.get_untracked() {
                    super::deeds::focus(&popover, step);
                }
            }
        >
            {move || opened.get().then(items)}
        </div>
        <input
            type="file"
            hidden
            multiple
            accept=".yaml,.yml,.json,text/*"
            data-testid="file-chooser"
            node_ref=chooser
            on:change=move |_| {
                if let Some(chooser) = chooser.get_untracked() {
                    let list = js_sys::Reflect::get(&chooser, &JsValue::from("files")).unwrap_or_default();
                    state.take_in(js_sys::Array::from(&list).into());
                    chooser.set_value("");
                }
            }
        />
    }
}

/// What an item of the menu works on.
#[derive(Clone, Copy)]
struct Deed {
    state: State,
    naming: RwSignal<Naming>,
    gone: RwSignal<Option<(usize, Source)>>,
    chooser: NodeRef<html::Input>,
}
