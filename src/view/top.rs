//! The top bar: where one is (environment, rules, version, seed) and what holds for the whole page.

use kubehop::lang::Lang;
use leptos::prelude::*;

use super::environment::Environment;
use super::icons::{Icon, brand, icon};
use super::lessons::Badge;
use super::state::{State, Theme, use_state};
use super::words::Word;
use super::{browser, share};

/// The version of Kubernetes that everything here stands for.
pub const KUBERNETES: &str = "Kubernetes 1.37";

/// The bar.
#[component]
pub fn TopBar() -> impl IntoView {
    let state = use_state();
    let menu = RwSignal::new(false);
    view! {
        <header class="top" class:menu=move || menu.get()>
            <div class="brand">{brand()} <span>"kubehop"</span></div>
            <Badge />
            <button
                class="hit burger"
                aria-label=move || state.say(Word::Menu)
                aria-expanded=move || menu.get().to_string()
                on:click=move |_| menu.update(|open| *open = !*open)
            >
                {icon(Icon::Menu, 18)}
            </button>
            <div class="bar">
                <Facts />
                <div class="grow"></div>
                <button class="btn ghost" data-testid="scenarios" popovertarget="gallery">
                    {move || state.pick("Scenarios", "场景")}
                </button>
                <button
                    class="btn ghost"
                    data-testid="undo"
                    title=move || state.say(Word::UndoHint)
                    disabled=move || !state.can_undo()
                    on:click=move |_| state.undo()
                >
                    {move || state.say(Word::Undo)}
                </button>
                <button
                    class="btn ghost"
                    data-testid="reset"
                    title=move || state.say(Word::ResetHint)
                    on:click=move |_| state.reset()
                >
                    {move || state.say(Word::Reset)}
                </button>
                <button
                    class="btn ghost"
                    data-testid="share"
                    title=move || state.say(Word::ShareHint)
                    on:click=move |_| share::copy_link(state)
                >
                    {move || state.say(Word::Share)}
                </button>
                <Looks />
            </div>
        </header>
    }
}

/// Environment, version, seed.
#[component]
fn Facts() -> impl IntoView {
    let state = use_state();
    let sep = || view! { <span class="sep-slash" aria-hidden="true">"/"</span> };
    view! {
        <div class="facts">
            <Environment />
            {sep()}
            <span class="version">{KUBERNETES}</span>
            {sep()}
            <span class="seed-now">
                {move || format!("{} {}", state.say(Word::Seed), state.session.with(|session| session.seed()))}
            </span>
        </div>
    }
}

/// Language, type size, theme.
#[component]
pub fn Looks() -> impl IntoView {
    let state = use_state();
    let (theme_word, next) = (
        move || match state.theme.get() {
            Theme::Auto => Word::ThemeAuto,
            Theme::Light => Word::ThemeLight,
            Theme::Dark => Word::ThemeDark,
        },
        move || match state.theme.get_untracked() {
            Theme::Auto if browser::matches("(prefers-color-scheme: dark)") => Theme::Light,
            Theme::Auto => Theme::Dark,
            Theme::Dark if browser::matches("(prefers-color-scheme: dark)") => Theme::Auto,
            Theme::Dark => Theme::Light,
            Theme::Light if browser::matches("(prefers-color-scheme: dark)") => Theme::Dark,
            Theme::Light => Theme::Auto,
        },
    );
    view! {
        <button
            class="btn ghost"
            data-testid="lang"
            lang=move || other(state.lang.get()).tag()
            on:click=move |_| state.lang.update(|lang| *lang = other(*lang))
        >
            {move || state.say(Word::Language)}
        </button>
        <button
            class="btn ghost sq"
            data-testid="projector"
            aria-label=move || state.say(Word::Projector)
            title=move || state.say(Word::Projector)
            aria-pressed=move || state.projector.get().to_string()
            on:click=move |_| state.projector.update(|on| *on = !*on)
        >
            {icon(Icon::Screen, 16)}
        </button>
        <button
            class="btn ghost sq"
            data-testid="theme"
            aria-label=move || state.say(theme_word())
            title=move || state.say(theme_word())
            on:click=move |_| state.theme.set(next())
        >
            {icon(Icon::Theme, 16)}
        </button>
    }
}

fn other(lang: Lang) -> Lang {
    lang.pick(Lang::Zh, Lang::En)
}

/// Carries language, theme and type size to the document and the browser's memory.
pub fn follow_looks(state: State) {
    Effect::new(move |_| {
        let lang = state.lang.get();
        browser::mark_root("lang", Some(lang.tag()));
        browser::keep("lang", lang.tag());
    });
    Effect::new(move |_| {
        let name = match state.theme.get() {
            Theme::Auto => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        };
        browser::mark_root("data-theme", name);
        browser::keep("theme", name.unwrap_or_default());
    });
    Effect::new(move |_| {
        let on = state.projector.get();
        browser::mark_root("data-projector", on.then_some(""));
        browser::keep("projector", if on { "1" } else { "" });
    });
}
