//! From a field to all it affects, and back from the picture to the field.
//!
//! The stage has one accent, for "this one". It belongs to the selected packet, or to a field: the one under the editor's caret, or
//! one whose part of the picture was clicked. What the reader touched last has it: moving the caret gives it to the field;
//! selecting a packet, playing or stepping gives it back. A link from a hop to its line moves the caret for the hop's sake, and
//! leaves the accent where it is.

use std::fmt::Write as _;
use std::sync::Arc;

use kubehop::object::{FieldRef, Kind, Ref};
use kubehop::scene::causes::{self, Cause};
use kubehop::scene::{Affects, Light, Spot, affects, spots};
use leptos::prelude::*;
use web_sys::Element;

use super::browser;
use super::panels::Panel;
use super::stage_scenery::Scenery;
use super::state::{Mark, Pane, State};

/// How long the caret must rest before the stage follows it, in milliseconds.
const REST: u32 = 70;

/// Which field has the stage's accent.
#[derive(Clone, Copy)]
pub struct Why {
    /// The field; none while the selected packet has the accent.
    pub field: RwSignal<Option<FieldRef>>,
    /// The field that a hop's link is about to put the caret into.
    kept: StoredValue<Option<FieldRef>>,
}

impl Why {
    /// Nothing was touched yet.
    pub fn new() -> Self {
        Self { field: RwSignal::new(None), kept: StoredValue::new(None) }
    }

    /// The caret is about to go to a field for a hop's sake: the hop keeps the accent.
    pub fn keep(self, field: &FieldRef) {
        if self.field.with_untracked(Option::is_none) {
            self.kept.set_value(Some(field.clone()));
            // It may be there already.
            browser::later(4 * REST, move || self.kept.set_value(None));
        }
    }
}

impl Why {
    /// Whether the accent is on a field, on one in it, or on one that it is in.
    pub fn is_about(self, field: Option<&FieldRef>) -> bool {
        self.field
            .with(|own| own.as_ref().zip(field).is_some_and(|(own, field)| lies_in(own, field) || lies_in(field, own)))
    }
}

/// Whether a field is another, or lies in it.
fn lies_in(field: &FieldRef, whole: &FieldRef) -> bool {
    let below = field.path.strip_prefix(&*whole.path);
    field.object == whole.object && below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl State {
    /// The selected trace, while it has the accent.
    pub fn spotlit(&self) -> Option<u64> {
        self.selected.get().filter(|_| self.why.field.with(Option::is_none))
    }

    /// Gives the accent to the field under the caret as it moves.
    pub fn follow_caret(self) {
        let turn = StoredValue::new(0u32);
        Effect::new(move |before: Option<()>| {
            let field = self.caret.get();
            if before.is_none() {
                return;
            }
            // The nearest field that is written may stand for the one that was asked for.
            let kept = self.why.kept.try_update_value(Option::take).flatten();
            if kept.zip(field.as_ref()).is_some_and(|(kept, field)| kept.object == field.object) {
                return;
            }
            let mine = turn.get_value().wrapping_add(1);
            turn.set_value(mine);
            browser::later(REST, move || {
                if turn.get_value() == mine {
                    self.why.field.set(field);
                }
            });
        });
    }
}

/// What the field with the accent does.
pub fn told(state: State, shown: Memo<(usize, u64, usize, u64)>) -> Memo<Option<Arc<Affects>>> {
    Memo::new(move |_| {
        shown.track();
        let (field, lang) = (state.why.field.get()?, state.lang.get());
        Some(Arc::new(state.shown_untracked(|session| affects(session.cluster(), &field, lang))))
    })
}

/// Gives the accent back when the reader turns to a packet, or to another object.
pub fn follow(state: State, scenery: Scenery) {
    Effect::new(move |before: Option<(Option<u64>, f64, bool)>| {
        let now = (state.selected.get(), state.playhead.get(), state.playing.get());
        if let Some(before) = before {
            let ends = now.1 >= state.horizon.get_untracked();
            let touched = match (before.2, now.2) {
                (true, true) => now.0 != before.0,
                (false, true) => true,
                // Played to its end, or stopped by hand.
                (true, false) => !ends || now.0 != before.0,
                (false, false) => true,
            };
            if touched && state.why.field.with_untracked(Option::is_some) {
                state.why.field.set(None);
            }
        }
        now
    });
    Effect::new(move |_| {
        let chosen = scenery.object.with(Option::is_some);
        if chosen && state.why.field.with_untracked(Option::is_some) {
            state.why.field.set(None);
        }
    });
}

/// The object of the field that has the accent: what the inspector shows.
pub fn object(state: State) -> Memo<Option<Ref>> {
    Memo::new(move |_| state.why.field.with(|field| field.as_ref().map(|field| field.object.clone())))
}

/// What the field with the accent does, in the inspector above its object; nothing if it is of another object.
pub fn sentence(state: State, scenery: Scenery, key: Ref) -> impl IntoView {
    let shown = move || {
        let field = state.why.field.get().filter(|field| field.object == key)?;
        let told = scenery.told.get()?;
        let is_mark = |mark: &&Mark| lies_in(&field, &mark.field);
        let back = state.marks.with(|marks| marks.iter().find(is_mark).map(|mark| mark.hop));
        let back = back.map(|hop| {
            let label = state.lang.get().pick(format!("Back to hop {}", hop + 1), format!("回到第 {} 跳", hop + 1));
            view! {
                <button class="btn" data-testid="back-to-hop" on:click=move |_| back_to(state, scenery, hop)>{label}</button>
            }
        });
        Some(view! {
            <div class="told" data-testid="told">
                <div class="of">{line_link(state, field)} {back}</div>
                <p class="why">{told.sentence.clone()}</p>
            </div>
        })
    };
    move || shown()
}

/// The same under the editor, where the inspector is another tab: on a phone.
pub fn beside_editor(state: State, scenery: Scenery) -> impl IntoView {
    let shown = move || {
        let field = state.why.field.get().filter(|field| state.caret.with(|caret| caret.as_ref() == Some(field)))?;
        let told = scenery.told.get()?;
        Some(view! {
            <p><code>{field.path.to_string()}</code> " " {told.sentence.clone()}</p>
            <button class="btn" data-testid="caret-to-stage" on:click=move |_| state.pane.set(Pane::Stage)>
                {state.pick("See it", "在舞台上看")}
            </button>
        })
    };
    view! { <div class="at-caret" role="status" data-testid="at-caret">{shown}</div> }
}

/// A field and its line, which leads there.
fn line_link(state: State, field: FieldRef) -> impl IntoView {
    let line = state.line_of(&field).map(|(file, line)| {
        let text = state.lang.get().pick(format!("{file}, line {line}"), format!("{file} 第 {line} 行"));
        view! { <button class="link" data-testid="told-line" on:click=move |_| state.reveal.set(Some(field.clone()))>{text}</button> }
    });
    let path = state.why.field.with(|field| field.as_ref().map(|field| field.path.to_string()));
    view! { <code>{path}</code> {line} }
}

/// The same for those who do not see it.
pub fn spoken(scenery: Scenery) -> impl IntoView {
    let said = move || scenery.told.with(|told| told.as_ref().map(|told| told.sentence.clone()).unwrap_or_default());
    view! { <p class="vh" role="status" data-testid="told-said">{said}</p> }
}

/// From a marked line back to the hop that it is the cause of.
pub fn back_to(state: State, scenery: Scenery, hop: usize) {
    if let Some(trace) = untrack(|| scenery.followed()) {
        state.why.field.set(None);
        state.pane.set(Pane::Stage);
        state.panels.open.set(Panel::Inspector);
        scenery.stop_at(state, trace.id, hop);
    }
}

/// What lies over the picture for the field with the accent.
pub fn halo(scenery: Scenery) -> Memo<String> {
    Memo::new(move |_| {
        let Some(told) = scenery.told.get() else { return String::new() };
        scenery.scene.with(|scene| drawn(&spots(scene, &told.lights), "lit"))
    })
}

/// More packets than this are too many to be told one by one.
const MOST_PACKETS: usize = 60;

/// Packets that stand still and carry, as their destination, what the field with the accent says: each ringed, with its address.
pub fn carried(state: State, scenery: Scenery) -> Memo<String> {
    Memo::new(move |_| {
        let Some(told) = scenery.told.get().filter(|_| !state.playing.get()) else { return String::new() };
        let t = state.playhead.get() as f32;
        let traces = scenery.traces.get();
        let mut out = String::new();
        scenery.timeline.with(|timeline| {
            let flying = timeline.runs.iter().filter(|run| t >= run.start && !run.is_over(t));
            for run in flying.take(MOST_PACKETS) {
                let trace = traces.iter().find(|trace| trace.id == run.id);
                let Some(hop) = trace.and_then(|trace| trace.hops.get(run.hop_at(t))) else { continue };
                let (dst, port) = (hop.packet.dst.to_string(), format!(":{}", hop.packet.dst.port));
                let says = |light: &Light| match light {
                    Light::Pill(address) => *address == dst || *address == port,
                    Light::Pick(address) => *address == dst,
                    _ => false,
                };
                if hop.reply || !told.lights.iter().any(says) {
                    continue;
                }
                let at = timeline.position(run, t);
                // Writing to a string cannot fail.
                let _ = write!(
                    out,
                    r#"<circle class="lit" cx="{:.1}" cy="{:.1}" r="13"/><text class="m von over" x="{:.1}" y="{:.1}">{dst}</text>"#,
                    at.x,
                    at.y,
                    at.x + 18.0,
                    at.y - 14.0
                );
            }
        });
        out
    })
}

/// Places as SVG.
pub fn drawn(spots: &[Spot], class: &str) -> String {
    let mut out = String::new();
    for spot in spots {
        // Writing to a string cannot fail.
        let _ = match spot {
            Spot::Box(r, radius) => write!(
                out,
                r#"<rect class="{class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="{radius}"/>"#,
                r.x, r.y, r.w, r.h
            ),
            Spot::Pill(r) => write!(
                out,
                r#"<rect class="{class} dashed" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="12"/>"#,
                r.x, r.y, r.w, r.h
            ),
            Spot::Ring(at, r) => {
                write!(out, r#"<circle class="{class}" cx="{:.1}" cy="{:.1}" r="{r:.1}"/>"#, at.x, at.y)
            }
            Spot::Dashed(path) => write!(out, r#"<path class="{class} dashed line" d="{path}"/>"#),
            Spot::Wire(path) => write!(out, r#"<path class="{class} line" d="{path}"/>"#),
        };
    }
    out
}

/// The parts of the picture that fields made.
pub fn made(state: State, scenery: Scenery) -> Memo<Vec<Cause>> {
    Memo::new(move |_| {
        scenery.scene.with(|scene| state.shown_untracked(|s| causes::causes(s.cluster().store(), scene)))
    })
}

/// Where they can be pointed at.
pub fn catches(made: Memo<Vec<Cause>>) -> impl Fn() -> String {
    move || {
        made.with(|made| {
            let mut out = String::new();
            for (i, Cause { rect: r, field, .. }) in made.iter().enumerate() {
                let round = if field.object.kind == Kind::Ingress { 4 } else { 12 };
                let _ = write!(
                    out,
                    r#"<g class="click" data-cause="{i}"><rect class="catch" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="{round}"/></g>"#,
                    r.x, r.y, r.w, r.h
                );
            }
            out
        })
    }
}

fn cause_at(made: Memo<Vec<Cause>>, target: &Element) -> Option<Cause> {
    let at = target.closest("[data-cause]").ok().flatten()?.get_attribute("data-cause")?;
    made.with_untracked(|made| made.get(at.parse::<usize>().ok()?).cloned())
}

/// Gives the accent to the field behind what was clicked; false if there is none.
pub fn pick(state: State, made: Memo<Vec<Cause>>, target: &Element) -> bool {
    let cause = cause_at(made, target);
    if let Some(cause) = &cause {
        pick_field(state, &cause.field);
    }
    cause.is_some()
}

/// Gives the accent to a field: the stage shows what it does, the inspector says it, the editor lights its line.
pub fn pick_field(state: State, field: &FieldRef) {
    state.why.field.set(Some(field.clone()));
    state.panels.open.set(Panel::Inspector);
    state.glance(field);
}

/// What a pointer over a part of the picture is told: the field that made it, and its line.
pub fn hint(state: State, made: Memo<Vec<Cause>>, target: &Element) -> String {
    untrack(|| {
        let lang = state.lang.get();
        let of = |name: &str| target.closest(&format!("[{name}]")).ok().flatten()?.get_attribute(name);
        let pair = |text: String| text.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
        let cause = cause_at(made, target);
        let is_allocated = cause.as_ref().is_some_and(|cause| cause.is_allocated);
        if of("data-from").is_some() {
            return lang.pick("send requests from here", "从这里发送请求").to_owned();
        }
        let (head, field) = if let Some(cause) = cause {
            let head = if cause.field.object.kind == Kind::Ingress { cause.says + "\n" } else { String::new() };
            (head, cause.field)
        } else if let Some((namespace, name)) = of("data-pod").and_then(pair) {
            let field = state.shown(|s| causes::maker(s.cluster().store(), &namespace, &name));
            (format!("{name}\n"), field)
        } else if let Some((namespace, name)) = of("data-service").and_then(pair) {
            let key = Ref::new(Kind::Service, namespace, name);
            (String::new(), FieldRef::new(key, "metadata.name"))
        } else {
            return String::new();
        };
        let object = format!("{} {}", field.object.kind.name(), field.object.name);
        let line = match state.line_of(&field) {
            Some((file, line)) => lang.pick(format!("{file}, line {line}"), format!("{file} 第 {line} 行")),
            None => lang.pick("not in the editor".to_owned(), "不在编辑器里".to_owned()),
        };
        let by = if is_allocated { lang.pick("\nallocated by the API server", "\n由 API server 分配") } else { "" };
        format!("{head}{object}: {}\n{line}{by}", field.path)
    })
}
