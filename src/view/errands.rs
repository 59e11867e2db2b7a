//! Which kinds of packets the stage draws: a small menu, kept in the browser.

use std::sync::Arc;
use std::time::Duration;

use kubehop::lang::Lang;
use kubehop::scene::{Errand, Errands, errand};
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::browser;
use super::stage::svg_icon;
use super::stage_scenery::use_scenery;
use super::state::{State, use_state};

/// What the reader wants to see of the traffic.
#[derive(Clone, Copy)]
pub struct Kinds {
    /// The kinds of packets that are not drawn.
    pub muted: RwSignal<Errands>,
    /// Whether what is not behind the Service in focus is pale.
    pub alone: RwSignal<bool>,
    /// Whether the picture, once it is larger than its frame, goes with the selected packet.
    pub follow: RwSignal<bool>,
}

impl Kinds {
    /// As the browser kept it; at first, all that somebody asked for, and nothing that comes again and again by itself.
    pub fn kept() -> Self {
        let number = browser::kept("muted").and_then(|number| number.parse().ok());
        Self {
            muted: RwSignal::new(number.map_or(Errands::QUIET, Errands::from_number)),
            alone: RwSignal::new(false),
            follow: RwSignal::new(false),
        }
    }

    fn set(self, errand: Errand, shown: bool) {
        self.muted.update(|muted| *muted = muted.set(errand, !shown));
        browser::keep("muted", &self.muted.get_untracked().number().to_string());
    }
}

const FUNNEL: &str = r#"<path d="M2.5 3.5h11L9.5 8.6v4.2l-3-1.5V8.6z" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round"/>"#;

/// The button by the stage's zoom, and its menu.
#[component]
pub fn ErrandMenu() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let open = RwSignal::new(false);
    let menu = NodeRef::<html::Div>::new();
    let counts = Memo::new(move |_| {
        if !open.get() {
            return [0; 4];
        }
        scenery.traces.with(|traces| errand::counts(traces.iter().map(Arc::as_ref)))
    });
    // Probes and checks in a minute, and how many of them fail.
    let beats = Memo::new(move |_| {
        if !open.get() {
            return [(0, 0); 2];
        }
        state.session.with(|session| {
            let (cluster, now) = (session.cluster(), state.wall_now());
            let until = now + Duration::from_secs(60);
            [cluster.probes(now, until), cluster.health_checks(now, until)]
                .map(|beats| (beats.len(), beats.iter().filter(|beat| !beat.passes).count()))
        })
    });
    let some = move || {
        let Kinds { muted, alone, follow } = state.kinds;
        muted.get() != Errands::QUIET || alone.get() || follow.get()
    };
    view! {
        <button
            class="btn ghost sq"
            class:some=some
            data-testid="kinds"
            popovertarget="kinds"
            aria-label=move || state.pick("Packets shown", "显示哪些数据包")
        >
            {svg_icon(FUNNEL)}
        </button>
        <div
            class="pop kinds"
            id="kinds"
            popover
            role="group"
            aria-label=move || state.pick("Packets shown", "显示哪些数据包")
            node_ref=menu
            on:toggle=move |_| {
                let shows = menu.get_untracked().is_some_and(|menu| place(&menu));
                open.set(shows);
            }
        >
            <p class="dim">{move || state.pick("Packets on the stage", "画面上的数据包")}</p>
            {Errand::ALL.map(|errand| row(state, errand, counts, beats)).collect_view()}
            <hr />
            {choice(state, "alone", state.kinds.alone, "Only the Service in focus; the rest pale", "突出当前 Service，其余变淡")}
            {choice(state, "follow", state.kinds.follow, "Go with the selected packet while zoomed in", "放大时让画面跟随所选数据包")}
        </div>
    }
}

/// Puts the open menu below its button; whether it is open.
fn place(menu: &HtmlElement) -> bool {
    if !menu.matches(":popover-open").unwrap_or_default() {
        return false;
    }
    if let Ok(Some(button)) = document().query_selector("[popovertarget=kinds]") {
        let bounds = button.get_bounding_client_rect();
        let wide = document().document_element().map_or(800, |root| root.client_width());
        let left = bounds.left().min(f64::from(wide - menu.offset_width()) - 8.0).max(8.0);
        let style = menu.style();
        let _ = style.set_property("left", &format!("{left:.0}px"));
        let _ = style.set_property("top", &format!("{:.0}px", bounds.bottom() + 4.0));
    }
    true
}

fn row(state: State, errand: Errand, counts: Memo<[usize; 4]>, beats: Memo<[(usize, usize); 2]>) -> impl IntoView {
    let lang = move || -> Lang { state.lang.get() };
    let count = move || match counts.get().get(errand as usize) {
        Some(count) => count.to_string(),
        None => {
            let (all, failing) = beats.get()[usize::from(errand == Errand::Check)];
            let rate = lang().pick(format!("{all}/min"), format!("每分钟 {all}"));
            let fail = lang().pick(format!(", {failing} fail"), format!("，失败 {failing}"));
            if failing > 0 { rate + &fail } else { rate }
        }
    };
    view! {
        <label class="kind">
            <input
                type="checkbox"
                data-kind=errand as u8
                prop:checked=move || !state.kinds.muted.get().has(errand)
                on:change=move |event| state.kinds.set(errand, event_target_checked(&event))
            />
            <svg width="24" height="24" viewBox="-12 -12 24 24" aria-hidden="true" inner_html=picture(errand)></svg>
            <span>{move || errand.name(lang())} <small class="dim">{move || errand.whose(lang())}</small></span>
            <b>{count}</b>
        </label>
    }
}

/// A line of the menu that turns something on or off.
fn choice(state: State, id: &'static str, on: RwSignal<bool>, en: &'static str, zh: &'static str) -> impl IntoView {
    view! {
        <label class="kind">
            <input
                type="checkbox"
                data-testid=id
                prop:checked=move || on.get()
                on:change=move |event| on.set(event_target_checked(&event))
            />
            <span class="all">{move || state.pick(en, zh)}</span>
        </label>
    }
}

/// What a packet of that kind looks like.
fn picture(errand: Errand) -> &'static str {
    match errand {
        Errand::Request => r#"<circle class="dot" r="6.5"/>"#,
        Errand::Reply => r#"<circle class="ring" r="6.5"/>"#,
        Errand::Retry => {
            r#"<circle class="dot" r="6.5"/><path class="turn" d="M8.5-11.2a3.4 3.4 0 1 0 2 3.1M8.6-13.6v2.6l2.6.2"/>"#
        }
        Errand::Name => r#"<circle class="dot" r="5"/>"#,
        Errand::Probe => r#"<circle class="ring" r="3.5"/><path class="tick" d="M6-1l2 2.5 3.5-5"/>"#,
        Errand::Check => {
            r#"<rect class="ring" x="-3.5" y="-3.5" width="7" height="7"/><path class="tick" d="M6-1l2 2.5 3.5-5"/>"#
        }
    }
}
