//! Lists of buttons that are one stop of the Tab key each: a cluster of 200 pods is one step, not 200.
//!
//! A list says `data-rove tabindex="0"`, its buttons `tabindex="-1"`. Tab enters at the chosen button, arrows, Home and End
//! move inside, Tab goes on. Two listeners on the window serve all lists there are.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use super::browser;

/// Starts listening, for as long as the page lives.
pub fn start() {
    let _ = window_event_listener(ev::focusin, |event| enter(&event));
    let _ = window_event_listener(ev::keydown, |event| key(&event));
}

fn around(event: &Event) -> Option<(HtmlElement, Element)> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let list = target.closest("[data-rove]").ok()??;
    Some((list.unchecked_into(), target))
}

fn enter(event: &Event) {
    let Some((_, target)) = around(event).filter(|(list, target)| **list == *target) else { return };
    // This very listener hears the button, too: only after this call is over.
    browser::later(0, move || go_in(&target));
}

fn go_in(list: &Element) {
    let chosen = "button[aria-current], button[aria-pressed=true], button[aria-selected=true]";
    let inside = |what| list.query_selector(what).ok().flatten();
    if let Some(button) = inside(chosen).or_else(|| inside("button")) {
        focus(&button);
    }
}

fn key(event: &KeyboardEvent) {
    let Some((list, target)) = around(event).filter(|(list, target)| **list != *target) else { return };
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let key = event.key();
    if key == "Tab" && event.shift_key() {
        // The list itself is before its buttons: it must not catch who leaves.
        list.set_tab_index(-1);
        browser::later(0, move || list.set_tab_index(0));
        return;
    }
    let Ok(all) = list.query_selector_all("button:not(:disabled)") else { return };
    let Some(at) = (0..all.length()).find(|i| all.get(*i).is_some_and(|each| *each == **target)) else { return };
    let to = match key.as_str() {
        "ArrowDown" | "ArrowRight" => at + 1,
        "ArrowUp" | "ArrowLeft" => at.saturating_sub(1),
        "Home" => 0,
        "End" => all.length() - 1,
        _ => return,
    };
    event.prevent_default();
    if let Some(button) = all.get(to.min(all.length() - 1)) {
        focus(&button.unchecked_into());
    }
}

fn focus(button: &Element) {
    let _ = button.unchecked_ref::<HtmlElement>().focus();
}
