//! The frame: top bar, three panes with borders that move, and the tabs of a phone.

use leptos::prelude::*;

use super::editor::Editor;
use super::embed::EmbedHeader;
use super::gallery::Gallery;
use super::history::{History, PastBar};
use super::inspector::Inspector;
use super::lessons::LessonPane;
use super::panels::PanelArea;
use super::paper::Paper;
use super::separator::{Separator, Side, Size};
use super::stage::Stage;
use super::state::{Pane, State, use_state};
use super::terminal::TerminalPane;
use super::top::TopBar;
use super::traffic::TrafficBar;
use super::transport::Transport;
use super::words::Word;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let state = use_state();
    super::stage_scenery::provide_scenery(state);
    if state.embed { widget(state).into_any() } else { page(state).into_any() }
}

fn page(state: State) -> impl IntoView {
    let lesson = Size::kept("lesson", 283, 220, 520);
    let code = Size::kept("code", 417, 300, 900);
    let terminal = Size::kept("terminal", 340, 110, 900);
    let inspector = Size::kept("inspector", 260, 120, 700);
    let style = move || [lesson, code, terminal, inspector].map(Size::style).concat();
    // In a room all look at the stage: it takes the lesson's space.
    Effect::new(move |before: Option<bool>| {
        let large = state.projector.get();
        if before.is_some_and(|before| before != large) && super::browser::matches("(min-width: 901px)") {
            lesson.put_aside(large);
            if large {
                state.notice.set(state.say(Word::LessonAside).to_owned());
            }
        }
        large
    });
    let pane = move || match state.pane.get() {
        Pane::Lesson => "lesson",
        Pane::Yaml => "yaml",
        Pane::Stage => "stage",
        Pane::Terminal => "terminal",
    };
    view! {
        <div class="app" style=style data-pane=pane>
            <TopBar />
            <main class="panes">
            // The lesson's title is the page's; without it the page still has one.
            {move || lesson.is_hidden().then(|| view! { <h1 class="vh">"kubehop"</h1> })}
            <section class="pane lesson" class:hid=move || lesson.is_hidden() aria-label=move || state.say(Word::Lesson)>
                <LessonPane />
            </section>
            <Separator size=lesson side=Side::Before label=Word::ResizeLesson />
            <div class="code" class:hid=move || code.is_hidden()>
                <section class="pane edit" aria-label=move || state.say(Word::Editor)>
                    <Editor />
                </section>
                <Separator size=terminal side=Side::Below label=Word::ResizeTerminal />
                <section
                    class="pane term"
                    class:hid=move || terminal.is_hidden()
                    aria-label=move || state.say(Word::Terminal)
                >
                    <TerminalPane />
                </section>
            </div>
            <Separator size=code side=Side::Before label=Word::ResizeCode />
            <section class="st" class:past=move || state.is_past() aria-label=move || state.say(Word::Stage)>
                <Stage />
                <Before />
                <TrafficBar />
                <PastBar />
                <History />
                <Transport />
                <Separator size=inspector side=Side::Below label=Word::ResizeInspector />
                <PanelArea />
            </section>
            </main>
            <TabBar />
            <Gallery />
            <Notice />
            <Paper />
        </div>
    }
}

fn widget(state: State) -> impl IntoView {
    view! {
        <div class="app embed">
            <EmbedHeader />
            <main class="panes">
            <h1 class="vh">"kubehop"</h1>
            <section class="pane edit" aria-label=move || state.say(Word::Editor)>
                <Editor />
            </section>
            <section class="st" aria-label=move || state.say(Word::Stage)>
                <Stage />
            </section>
            <div class="below">
                <PastBar />
                <History />
                <Transport />
                <Inspector />
            </div>
            </main>
            <Notice />
        </div>
    }
}

/// Says that the stage does not show what the editor holds, because that cannot be applied.
#[component]
fn Before() -> impl IntoView {
    let state = use_state();
    let text = move || {
        let (line, _) = state.open_errors()?;
        Some(
            state
                .lang
                .get()
                .pick(format!("showing the state before line {line}"), format!("显示的是第 {line} 行出错前的状态")),
        )
    };
    view! { <p class="before">{text}</p> }
}

/// The tabs at the foot of a phone.
#[component]
fn TabBar() -> impl IntoView {
    let state = use_state();
    let problems = state.problems();
    let tab = move |pane: Pane, word: Word, id: &'static str| {
        view! {
            <button
                data-testid=id
                aria-current=move || (state.pane.get() == pane).then_some("page")
                on:click=move |_| state.pane.set(pane)
            >
                {move || state.say(word)}
                {move || {
                    (pane == Pane::Yaml && problems.get() > 0)
                        .then(|| view! { <span class="dot" role="img" aria-label=move || state.say(Word::Problems)></span> })
                }}
            </button>
        }
    };
    view! {
        <nav class="tabbar" aria-label=move || state.say(Word::Panes)>
            {tab(Pane::Lesson, Word::Lesson, "tab-lesson")} {tab(Pane::Yaml, Word::Yaml, "tab-yaml")}
            {tab(Pane::Stage, Word::Stage, "tab-stage")} {tab(Pane::Terminal, Word::Terminal, "tab-terminal")}
        </nav>
    }
}

/// One line that says what happened, then goes.
#[component]
fn Notice() -> impl IntoView {
    let state = use_state();
    Effect::new(move |_| {
        let text = state.notice.get();
        if !text.is_empty() {
            // What is longer takes longer to read.
            let long = text.chars().count().max(80) as u32 * 50;
            super::browser::later(long, move || {
                if state.notice.get_untracked() == text {
                    state.notice.set(String::new());
                }
            });
        }
    });
    view! {
        <div class="notice" role="status" class:on=move || !state.notice.get().is_empty()>
            {move || state.notice.get()}
        </div>
    }
}
