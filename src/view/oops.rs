//! When the page has a bug: never a blank screen, never lost text.

use std::sync::atomic::{AtomicBool, Ordering};

use kubehop::lang::Lang;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::*;

use super::browser;
use super::words::Word;

/// Counts crashes since the last time that all went well, in the browser's memory.
const CRASHES: &str = "crashes";

/// How often the page has crashed in a row.
pub fn crashes() -> u32 {
    browser::kept(CRASHES).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// All went well for a while.
pub fn is_well() {
    browser::keep(CRASHES, "");
}

/// From now on, a panic is told on the page and in the console.
pub fn watch(lang: Lang) {
    std::panic::set_hook(Box::new(move |info| {
        static TOLD: AtomicBool = AtomicBool::new(false);
        leptos::logging::error!("{info}");
        if !TOLD.swap(true, Ordering::Relaxed) {
            browser::keep(CRASHES, &(crashes() + 1).to_string());
            tell(lang, &info.to_string());
        }
    }));
}

/// Speaks to the document alone: whatever else there is may be broken.
fn tell(lang: Lang, what: &str) -> Option<()> {
    let make = |tag: &str, text: &str| {
        let element = document().create_element(tag).ok()?;
        element.set_text_content(Some(text));
        Some(element)
    };
    let notice = make("div", "")?;
    notice.set_class_name("oops");
    notice.set_attribute("role", "alert").ok()?;
    let button = |word: Word, fresh: bool| {
        let button = make("button", word.text(lang))?;
        button.set_class_name(if fresh { "btn" } else { "btn pri" });
        let on_click = Closure::<dyn FnMut()>::new(move || {
            if fresh {
                browser::keep(CRASHES, "9");
            }
            browser::reload();
        });
        button.add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref()).ok()?;
        on_click.forget();
        Some(button)
    };
    for child in [
        make("b", Word::Panic.text(lang))?,
        make("p", Word::PanicKept.text(lang))?,
        button(Word::ReloadSession, false)?,
        button(Word::ReloadFresh, true)?,
        make("pre", what)?,
    ] {
        notice.append_child(&child).ok()?;
    }
    document().body()?.append_child(&notice).ok()?;
    Some(())
}
