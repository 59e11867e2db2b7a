//! The panels under the transport: the inspector, and what is wrong. One is seen at a time; all stay alive.

use std::sync::Arc;

use kubehop::diagnose::Finding;
use kubehop::lang::Lang;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use web_sys::HtmlElement;
use web_sys::wasm_bindgen::JsCast;

use super::altered::{self, AlteredList};
use super::diagnose::{self, Diagnose};
use super::inspector::Inspector;
use super::stage_scenery::use_scenery;
use super::state::use_state;

/// A panel under the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The selected packet or object.
    Inspector,
    /// What is wrong with the manifests.
    Diagnose,
    /// What changed.
    Changes,
}

/// All of them, in the order of their tabs.
const ALL: [Panel; 3] = [Panel::Inspector, Panel::Diagnose, Panel::Changes];

impl Panel {
    const fn id(self) -> &'static str {
        match self {
            Self::Inspector => "inspector",
            Self::Diagnose => "diagnose",
            Self::Changes => "changes",
        }
    }

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Inspector => lang.pick("Inspector", "检查"),
            Self::Diagnose => lang.pick("Diagnose", "诊断"),
            Self::Changes => lang.pick("Changes", "变化"),
        }
    }
}

/// What the panels share.
#[derive(Clone, Copy)]
pub struct Panels {
    /// The one that is seen.
    pub open: RwSignal<Panel>,
    /// What was found last; none before anything was looked at.
    pub findings: RwSignal<Option<Arc<Vec<Finding>>>>,
    /// The finding that somebody asks for, by number.
    pub asked: RwSignal<Option<usize>>,
}

impl Panels {
    /// The inspector, and nothing found yet.
    pub fn new() -> Self {
        Self { open: RwSignal::new(Panel::Inspector), findings: RwSignal::new(None), asked: RwSignal::new(None) }
    }
}

/// The tabs and the panel that is open.
#[component]
pub fn PanelArea() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let open = state.panels.open;
    diagnose::follow(state);
    // What the reader picks on the stage is what the reader wants to see.
    Effect::new(move |before: Option<bool>| {
        let picked = scenery.object.with(Option::is_some);
        if picked && before.is_some() {
            open.set(Panel::Inspector);
        }
        picked
    });
    let list = NodeRef::<leptos::html::Div>::new();
    let go = move |event: KeyboardEvent| {
        let at = ALL.iter().position(|panel| *panel == open.get_untracked()).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1) % ALL.len(),
            "ArrowLeft" => (at + ALL.len() - 1) % ALL.len(),
            "Home" => 0,
            "End" => ALL.len() - 1,
            _ => return,
        };
        event.prevent_default();
        open.set(ALL[to]);
        let tab = list.get_untracked().and_then(|list| list.children().item(to as u32));
        if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<HtmlElement>().ok()) {
            let _ = tab.focus();
        }
    };
    let tab = move |panel: Panel| {
        let on = move || open.get() == panel;
        view! {
            <button
                id=format!("tab-{}", panel.id())
                role="tab"
                class:on=on
                aria-selected=move || on().to_string()
                aria-controls=format!("panel-{}", panel.id())
                tabindex=move || if on() { "0" } else { "-1" }
                data-testid=format!("panel-tab-{}", panel.id())
                on:click=move |_| open.set(panel)
            >
                {move || panel.name(state.lang.get())}
                {(panel == Panel::Diagnose).then(|| diagnose::count(state))}
                {(panel == Panel::Changes).then(|| altered::count(state))}
            </button>
        }
    };
    let attributes = |panel: Panel| (format!("panel-{}", panel.id()), format!("tab-{}", panel.id()));
    let ((inspector, its_tab), (findings, their_tab)) = (attributes(Panel::Inspector), attributes(Panel::Diagnose));
    let (changed, changed_tab) = attributes(Panel::Changes);
    view! {
        <div class="panels">
            <div
                class="ptabs"
                role="tablist"
                aria-label=move || state.pick("Panels", "面板")
                node_ref=list
                on:keydown=go
            >
                {ALL.map(tab)}
            </div>
            <div
                class="panel"
                id=inspector
                role="tabpanel"
                aria-labelledby=its_tab
                hidden=move || open.get() != Panel::Inspector
            >
                <Inspector />
            </div>
            <div
                class="panel"
                id=findings
                role="tabpanel"
                aria-labelledby=their_tab
                hidden=move || open.get() != Panel::Diagnose
            >
                <Diagnose />
            </div>
            <div
                class="panel"
                id=changed
                role="tabpanel"
                aria-labelledby=changed_tab
                hidden=move || open.get() != Panel::Changes
            >
                <AlteredList />
            </div>
        </div>
    }
}
