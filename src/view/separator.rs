//! The borders between panes: dragged, or moved with the keys; Enter hides the pane and brings it back.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::browser;
use super::state::use_state;
use super::words::Word;

/// The width or height of a pane.
#[derive(Clone, Copy)]
pub struct Size {
    name: &'static str,
    /// In pixels; none while the style sheet decides, zero while the pane is hidden.
    value: RwSignal<Option<i32>>,
    usual: i32,
    least: i32,
    most: i32,
}

/// Which of its neighbours a border sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The pane before it, in width.
    Before,
    /// The pane below it, in height.
    Below,
}

impl Size {
    /// A size that the browser keeps under its name.
    pub fn kept(name: &'static str, usual: i32, least: i32, most: i32) -> Self {
        let value = browser::kept(&format!("size.{name}")).and_then(|text| text.parse().ok());
        Self { name, value: RwSignal::new(value), usual, least, most }
    }

    /// The custom property that the style sheet reads.
    pub fn style(self) -> String {
        self.value.get().filter(|px| *px > 0).map_or(String::new(), |px| format!("--{}:{px}px;", self.name))
    }

    /// Whether the pane is hidden.
    pub fn is_hidden(self) -> bool {
        self.value.get() == Some(0)
    }

    fn set(self, px: i32) {
        // Pushed far below its least size, a pane goes.
        let px = if px < self.least / 2 { 0 } else { px.clamp(self.least, self.most) };
        self.keep(Some(px));
    }

    /// Puts the pane aside, or back at the size that the style sheet gives it.
    pub fn put_aside(self, aside: bool) {
        self.keep(aside.then_some(0));
    }

    fn keep(self, px: Option<i32>) {
        self.value.set(px);
        browser::keep(&format!("size.{}", self.name), &px.map_or(String::new(), |px| px.to_string()));
    }
}

/// A border.
#[component]
pub fn Separator(size: Size, side: Side, label: Word) -> impl IntoView {
    let state = use_state();
    // While dragged: where the pointer went down, and how large the pane was.
    let held = StoredValue::new(None::<(i32, i32)>);
    let along = move |event: &PointerEvent| if side == Side::Before { event.client_x() } else { -event.client_y() };
    let measure = move |border: &HtmlElement| {
        let pane: Option<Element> =
            if side == Side::Before { border.previous_element_sibling() } else { border.next_element_sibling() };
        let pane = pane.map(|pane| pane.unchecked_into::<HtmlElement>());
        pane.map_or(0, |pane| if side == Side::Before { pane.offset_width() } else { pane.offset_height() })
    };
    let on_down = move |event: PointerEvent| {
        let border: HtmlElement = event.current_target().expect("it has a target").unchecked_into();
        let _ = border.set_pointer_capture(event.pointer_id());
        held.set_value(Some((along(&event), measure(&border))));
    };
    let on_move = move |event: PointerEvent| {
        if let Some((from, px)) = held.get_value() {
            size.set(px + along(&event) - from);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let border: HtmlElement = event.current_target().expect("it has a target").unchecked_into();
        let now = measure(&border);
        let (more, less) = if side == Side::Before { ("ArrowRight", "ArrowLeft") } else { ("ArrowUp", "ArrowDown") };
        match event.key().as_str() {
            key if key == more => size.set((now + 16).max(size.least)),
            key if key == less => size.set(if now - 16 < size.least { 0 } else { now - 16 }),
            "Home" => size.set(size.least),
            "End" => size.set(size.most),
            "Enter" => size.keep(if now == 0 { None } else { Some(0) }),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div
            class=if side == Side::Before { "sep" } else { "sep flat" }
            class:shut=move || size.is_hidden()
            role="separator"
            tabindex="0"
            aria-orientation=if side == Side::Before { "vertical" } else { "horizontal" }
            aria-label=move || state.say(label)
            aria-valuemin="0"
            aria-valuemax=size.most
            aria-valuenow=move || size.value.get().unwrap_or(size.usual)
            title=move || state.say(Word::ResizeHelp)
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=move |_| held.set_value(None)
            on:pointercancel=move |_| held.set_value(None)
            on:dblclick=move |_| size.keep(if size.is_hidden() { None } else { Some(0) })
            on:keydown=on_key
        ></div>
    }
}
