//! What is not applied yet: the open file against its text that the cluster has, as a list of hunks.

use kubehop::assist::{Change, lines};
use leptos::prelude::*;

use super::icons::{Icon, icon};
use super::state::{State, use_state};

/// Lines of a hunk that are shown, of each side.
const MOST: usize = 40;

/// The button that opens the list, with how much there is; nothing while nothing differs.
#[component]
pub fn ChangesButton(differences: Memo<Option<Vec<Change>>>) -> impl IntoView {
    let state = use_state();
    let open = state.editing.changes;
    let count = move || differences.with(|all| all.as_ref().map_or(0, |all| all.iter().map(size).sum::<usize>()));
    view! {
        <button
            class="btn ghost changes-now"
            data-testid="changes"
            hidden=move || count() == 0 && !open.get()
            aria-expanded=move || open.get().to_string()
            aria-controls="changes"
            on:click=move |_| open.update(|open| *open = !*open)
        >
            {move || {
                let lang = state.lang.get();
                match count() {
                    0 => lang.pick("Changes", "改动").to_owned(),
                    1 => lang.pick("1 change", "1 处改动").to_owned(),
                    n => lang.pick(format!("{n} changes"), format!("{n} 处改动")),
                }
            }}
        </button>
    }
}

/// How many lines a change is about.
fn size(change: &Change) -> usize {
    change.old.len().max(change.new.len())
}

/// The list.
#[component]
pub fn Changes(differences: Memo<Option<Vec<Change>>>) -> impl IntoView {
    let state = use_state();
    let open = state.editing.changes;
    let name =
        move || state.files.with(|files| files.get(state.open.get()).map(|f| f.name.clone()).unwrap_or_default());
    let title = move || {
        let name = name();
        let lang = state.lang.get();
        differences.with(|all| match all {
            None => lang.pick(format!("{name} has not been applied"), format!("{name} 还没有应用过")),
            Some(all) if all.is_empty() => {
                lang.pick(format!("{name} is as it was applied"), format!("{name} 与已应用的内容一致"))
            }
            Some(_) => lang.pick(format!("{name} against what is applied"), format!("{name} 与已应用内容的差别")),
        })
    };
    let hunks = move || {
        let (old, new) = texts(state);
        let (old, new) = (lines(&old), lines(&new));
        let all = differences.get().unwrap_or_default();
        all.into_iter().map(|change| hunk(state, &old, &new, change)).collect_view()
    };
    view! {
        <section class="changes" id="changes" data-testid="changes-list" hidden=move || !open.get() aria-label=title>
            <div class="head">
                <span>{title}</span>
                <button
                    class="btn ghost sq"
                    aria-label=move || state.say(super::words::Word::Close)
                    on:click=move |_| open.set(false)
                >
                    {icon(Icon::Cross, 14)}
                </button>
            </div>
            {move || open.get().then(hunks)}
        </section>
    }
}

/// The applied text of the open file, and the file's.
fn texts(state: State) -> (String, String) {
    let file = state.open_file().unwrap_or_default();
    (state.accepted_text(&file.name).unwrap_or_default(), file.text)
}

fn hunk(state: State, old: &[&str], new: &[&str], change: Change) -> impl IntoView + use<> {
    let lang = state.lang.get();
    let side = |all: &[&str], range: std::ops::Range<usize>, gone: bool| {
        let (class, sign, word) = match gone {
            true => ("gone", "−", lang.pick("applied: ", "已应用：")),
            false => ("come", "+", lang.pick("now: ", "现在：")),
        };
        let more = range.len().saturating_sub(MOST);
        let line = |text: &&str| {
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            view! {
                <div class=class>
                    <span class="sign" aria-hidden="true">{sign}</span>
                    <span class="vh">{word}</span>
                    {text}
                </div>
            }
        };
        let shown = all.get(range).unwrap_or_default().iter().take(MOST).map(line).collect_view();
        let rest = (more > 0).then(|| view! { <div class="dim">{format!("… {more}")}</div> });
        view! { {shown} {rest} }
    };
    let first = change.new.start + 1;
    let at = lang.pick(format!("line {first}"), format!("第 {first} 行"));
    let back = change.clone();
    let starts = new.iter().take(change.new.start).map(|line| line.len() as u32).sum::<u32>();
    view! {
        <div class="hunk" data-testid="hunk">
            <div class="at">
                <button
                    class="link"
                    on:click=move |_| {
                        let name = state.open_file().map(|file| file.name).unwrap_or_default();
                        state.show_span(&name, kubehop::text::Span { start: starts, end: starts });
                    }
                >
                    {at}
                </button>
                <button class="btn" data-testid="put-back" on:click=move |_| state.take_back(&back)>
                    {lang.pick("Put back", "恢复")}
                </button>
            </div>
            <pre tabindex="0">{side(old, change.old.clone(), true)} {side(new, change.new.clone(), false)}</pre>
        </div>
    }
}

/// The marks beside the lines: which, how, and in words.
pub fn bars(state: State, changes: &[Change]) -> Vec<(usize, &'static str, String)> {
    let (old, _) = texts(state);
    let old = lines(&old);
    let lang = state.lang.get_untracked();
    let mut bars = Vec::new();
    for change in changes {
        let was = old.get(change.old.clone()).unwrap_or_default().concat();
        let was = was.trim_end();
        if change.new.is_empty() {
            let note = lang.pick(format!("not applied: gone\n{was}"), format!("尚未应用：已删去\n{was}"));
            bars.push((change.new.start.max(1), "removed", note));
        }
        for line in change.new.clone() {
            let (kind, note) = match was {
                "" => ("added", lang.pick("not applied: new", "尚未应用：新增").to_owned()),
                was => {
                    ("changed", lang.pick(format!("not applied: it was\n{was}"), format!("尚未应用：原来是\n{was}")))
                }
            };
            bars.push((line + 1, kind, note));
        }
    }
    bars
}
