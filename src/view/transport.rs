//! The stage's clock in the reader's hand: play, step a hop, scrub, speed.

use std::fmt::Write as _;
use std::sync::Arc;

use kubehop::scene::inspect::{self, Row};
use kubehop::scene::line::words;
use kubehop::scene::traffic::readable;
use kubehop::trace::Trace;
use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::failures;
use super::rewind::End;
use super::stage::svg_icon;
use super::stage_scenery::{Scenery, use_scenery};
use super::stage_svg::escape;
use super::state::{State, use_state};

const SPEEDS: [f64; 7] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];
const PREVIOUS: &str = r#"<path d="M12 3.5v9L5.6 8zM3 3.5h1.8v9H3z" fill="currentColor"/>"#;
const PLAY: &str = r#"<path d="M5 3.2v9.6L12.6 8z" fill="currentColor"/>"#;
const PAUSE: &str = r#"<path d="M4 3h3v10H4zM9 3h3v10H9z" fill="currentColor"/>"#;
const NEXT: &str = r#"<path d="M4 3.5v9L10.4 8zM11.2 3.5h1.8v9h-1.8z" fill="currentColor"/>"#;

/// The row of controls under the stage.
#[component]
pub fn Transport() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let trace = Memo::new(move |_| scenery.followed());
    let hop = Memo::new(move |_| scenery.hop());
    let rows = Memo::new(move |_| {
        let lang = state.lang.get();
        let rows =
            |trace: &Trace| scenery.scene.with(|s| scenery.marks.with(|marks| inspect::rows(trace, s, marks, lang)));
        trace.with(|trace| trace.as_deref().map(rows).unwrap_or_default())
    });
    let none = move || trace.with(Option::is_none);
    // Beyond the ends of the trace there may be other steps.
    let still = move || none() && state.rewind.steps.with(|steps| steps.is_empty());
    let unplayable = move || none() && !state.is_past();
    // What the buttons beside the scrubber leave of the stage's width.
    let width = move || (scenery.width(state) - 290.0).max(80.0);
    let go = move |to: usize| {
        if let Some(trace) = trace.get_untracked() {
            scenery.stop_at(state, trace.id, to);
        }
    };
    let listener = window_event_listener(ev::keydown, move |event| key(&event, state, scenery));
    on_cleanup(move || listener.remove());
    let last = move || rows.with(|rows| rows.len().saturating_sub(1));

    view! {
        <div class="ctl" role="group" aria-label=move || state.pick("Playback", "播放控制")>
            <button
                class="btn ghost sq"
                data-testid="step-back"
                aria-label=move || state.pick("Step back one hop", "后退一跳")
                title=move || state.pick("Step back one hop (,)", "后退一跳（,）")
                disabled=still
                on:click=move |_| step(state, scenery, false)
            >
                {svg_icon(PREVIOUS)}
            </button>
            <button
                class="btn pri sq play"
                data-testid="play"
                aria-label=move || if state.playing.get() { state.pick("Pause", "暂停") } else { state.pick("Play", "播放") }
                title=move || state.pick("Play or pause (Space)", "播放或暂停（空格）")
                disabled=unplayable
                on:click=move |_| toggle(state)
            >
                {move || if state.playing.get() { svg_icon(PAUSE).into_any() } else { svg_icon(PLAY).into_any() }}
            </button>
            <button
                class="btn ghost sq"
                data-testid="step-forward"
                aria-label=move || state.pick("Step one hop", "前进一跳")
                title=move || state.pick("Step one hop (.)", "前进一跳（.）")
                disabled=still
                on:click=move |_| step(state, scenery, true)
            >
                {svg_icon(NEXT)}
            </button>
            <select
                class="spd"
                data-testid="speed"
                aria-label=move || state.pick("Speed", "速度")
                title=move || state.pick("Speed (- and +)", "速度（- 和 +）")
                on:change=move |event| {
                    state.speed.set(event_target_value(&event).parse().unwrap_or(1.0));
                }
                prop:value=move || state.speed.get().to_string()
            >
                {SPEEDS
                    .map(|speed| {
                        view! {
                            <option value=speed.to_string() selected=move || state.speed.get() == speed>
                                {format!("{speed}×")}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <div class="scrub" class:idle=none>
                <svg aria-hidden="true" inner_html=move || rows.with(|rows| ticks(rows, hop.get(), width()))></svg>
                <input
                    data-testid="scrub"
                    type="range"
                    min="0"
                    max=last
                    step="1"
                    disabled=none
                    aria-label=move || state.pick("Hop", "跳")
                    aria-valuetext=move || spoken(&rows.get(), hop.get())
                    prop:value=move || hop.get().unwrap_or(0).to_string()
                    on:input=move |event| go(event_target_value(&event).parse().unwrap_or(0))
                />
            </div>
            <div class="time">
                {move || {
                    let (now, all) = trace.with(|trace| times(trace.as_ref(), hop.get()));
                    let of = state.pick("of", "共");
                    (!all.is_empty()).then(|| view! { <b>{now}</b><br />{format!("{of} {all}")} })
                }}
            </div>
        </div>
    }
}

/// The time of a hop, and of the whole trace.
fn times(trace: Option<&Arc<Trace>>, hop: Option<usize>) -> (String, String) {
    let Some(trace) = trace else { return Default::default() };
    let now = hop.and_then(|hop| trace.hops.get(hop)).map(|hop| hop.t).unwrap_or_default();
    (readable(now), readable(trace.duration()))
}

fn spoken(rows: &[Row], hop: Option<usize>) -> String {
    let row = hop.and_then(|hop| rows.get(hop));
    row.map(|row| format!("{}/{} {}: {}", row.hop + 1, rows.len(), row.place, row.what)).unwrap_or_default()
}

/// Play or pause; at the end, from the start.
pub fn toggle(state: State) {
    let is_past = state.rewind.step.with_untracked(Option::is_some);
    if state.batch.with_untracked(Vec::is_empty) && !is_past {
        return;
    }
    let playing = state.playing.get_untracked();
    if !playing && state.playhead.get_untracked() >= state.horizon.get_untracked() {
        if is_past {
            // The past goes on from here.
            state.play_on();
            return;
        }
        state.playhead.set(0.0);
    }
    if !playing {
        state.look_at_batch();
    }
    state.playing.set(!playing);
}

/// One hop on or back on the followed trace; beyond its ends, the next or the last step of the history.
fn step(state: State, scenery: Scenery, onward: bool) {
    let is_past = state.rewind.step.with_untracked(Option::is_some);
    let Some(trace) = untrack(|| scenery.followed()) else { return turn(state, onward) };
    let t = state.playhead.get_untracked() as f32;
    let Some((hop, before)) = scenery.timeline.with_untracked(|timeline| {
        let run = timeline.run(trace.id)?;
        Some((run.hop_at(t), t + 0.5 < run.moment(0)))
    }) else {
        return;
    };
    let last = trace.hops.len().saturating_sub(1);
    let to = match onward {
        true if before => 0,
        true if hop == last && is_past => return turn(state, true),
        true => (hop + 1).min(last),
        false if before || hop == 0 => return turn(state, false),
        false => hop - 1,
    };
    scenery.stop_at(state, trace.id, to);
}

/// The next step of the history from its start, or the one before at its end.
fn turn(state: State, onward: bool) {
    let Some(now) = state.step_now() else { return };
    match onward {
        true => state.go_to(now + 1, End::Start),
        // In the present the last step is what is shown.
        false if now > 0 => state.go_to(now - 1, End::Finish),
        false => {}
    }
}

/// The next speed, or the one before.
fn change_speed(state: State, faster: bool) {
    let now = state.speed.get_untracked();
    let at = SPEEDS.iter().position(|speed| *speed >= now).unwrap_or(0);
    let to = if faster { at + 1 } else { at.saturating_sub(1) };
    state.speed.set(SPEEDS[to.min(SPEEDS.len() - 1)]);
}

/// Space, comma, full stop, `<`, `>`, `[`, `]`, `-`, `+`, Home, End, 1 to 9; never in a field.
fn key(event: &KeyboardEvent, state: State, scenery: Scenery) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented() {
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let inside = |what: &str| target.as_ref().is_some_and(|t| t.closest(what).ok().flatten().is_some());
    if inside("input:not([type=range]), textarea, select, [contenteditable=true], [role=textbox], .cm-editor, dialog") {
        return;
    }
    let key = event.key();
    match key.as_str() {
        // Space presses a focused button.
        " " if inside("button, a, summary, [role=separator]") => return,
        " " => toggle(state),
        "," => step(state, scenery, false),
        "." => step(state, scenery, true),
        "Home" | "End" if inside("input, [role=separator], [role=tablist]") => return,
        "<" => turn(state, false),
        ">" => turn(state, true),
        "[" => failures::jump(state, scenery, false),
        "]" => failures::jump(state, scenery, true),
        "-" => change_speed(state, false),
        "+" | "=" => change_speed(state, true),
        // Once more: the session's beginning, or now.
        "Home" if state.playhead.get_untracked() <= 0.0 => state.go_to(0, End::Start),
        "End" if state.playhead.get_untracked() >= state.horizon.get_untracked() => state.return_to_now(),
        "Home" => {
            state.playing.set(false);
            state.look_at_batch();
            state.playhead.set(0.0);
        }
        "End" => {
            state.playing.set(false);
            state.playhead.set(state.horizon.get_untracked());
        }
        digit => {
            let nth = digit.parse::<usize>().ok().filter(|n| (1..=9).contains(n) && digit.len() == 1);
            let id = nth.and_then(|n| state.batch.with_untracked(|batch| batch.get(n - 1).copied()));
            let Some(id) = id else { return };
            scenery.select(state, id);
        }
    }
    event.prevent_default();
}

/// The scrubber, so many pixels wide: one tick a hop, filled going out, hollow coming back; places below.
fn ticks(rows: &[Row], hop: Option<usize>, pixels: f64) -> String {
    let mut out = String::new();
    let (first, last) = (4.5, 95.5);
    let step = (last - first) / rows.len().saturating_sub(1).max(1) as f64;
    let x = |i: usize| first + step * i as f64;
    // Writing to a string cannot fail.
    let _ = write!(out, r#"<line class="tl" x1="{first}%" x2="{last}%" y1="12" y2="12"/>"#);
    if let Some(hop) = hop {
        let _ = write!(out, r#"<line class="tp" x1="{first}%" x2="{:.2}%" y1="12" y2="12"/>"#, x(hop));
    }
    let small = rows.len() > 24;
    for (i, row) in rows.iter().enumerate() {
        let now = hop == Some(i);
        let class = match () {
            () if now => "now",
            () if hop.is_some_and(|hop| i < hop) => "past",
            () if row.reply => "rpl",
            () => "req",
        };
        let r = if now {
            7.0
        } else if small {
            2.5
        } else {
            4.0
        };
        let _ = write!(out, r#"<circle class="{class}" cx="{:.2}%" cy="12" r="{r}"/>"#, x(i));
    }
    // Hops at one place share a bracket; a name that would touch another one is left out, the present one never.
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        match groups.last_mut() {
            Some((start, end)) if rows[*start].place == row.place && rows[*start].name == row.name => *end = i,
            _ => groups.push((i, i)),
        }
    }
    let width = |group: &(usize, usize)| (f64::from(words(&rows[group.0].place)) + 8.0) / pixels * 100.0;
    // No name reaches out of the drawing, into the time beside it.
    let middle = |group: &(usize, usize)| {
        let half = (width(group) / 2.0).min(50.0);
        ((x(group.0) + x(group.1)) / 2.0).clamp(half, 100.0 - half)
    };
    let present = groups.iter().find(|g| hop.is_some_and(|hop| (g.0..=g.1).contains(&hop))).copied();
    let mut end = f64::MIN;
    for group in &groups {
        let on = present == Some(*group);
        let class = if on { " on" } else { "" };
        let (a, b) = (x(group.0), x(group.1));
        let _ = write!(out, r#"<line class="br{class}" x1="{:.2}%" x2="{:.2}%" y1="24" y2="24"/>"#, a - 0.8, b + 0.8);
        let (left, right) = (middle(group) - width(group) / 2.0, middle(group) + width(group) / 2.0);
        let clear =
            present.is_none_or(|p| on || right < middle(&p) - width(&p) / 2.0 || left > middle(&p) + width(&p) / 2.0);
        if on || (left > end && clear) {
            end = right;
            let name = escape(&rows[group.0].place);
            let _ = write!(out, r#"<text class="{}" x="{:.2}%" y="40">{name}</text>"#, class.trim(), middle(group));
        }
    }
    out
}
