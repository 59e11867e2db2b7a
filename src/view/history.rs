//! The strip of the session's steps: what was done, what happened, what was sent; any of them can be gone back to.
//!
//! Steps stand evenly, whatever time lies between. The drawing is for eyes; over it lies a range, so that drag, click and arrow
//! keys are the browser's own and each step has its words. The last place of the range is now.

use std::fmt::Write as _;

use kubehop::lang::Lang;
use kubehop::session::{Step, What};
use kubehop::time::Instant;
use leptos::prelude::*;

use super::failures;
use super::rewind::End;
use super::stage::svg_icon;
use super::stage_scenery::use_scenery;
use super::state::{State, use_state};

const BEFORE: &str = r#"<path d="M6.4 3.6 2.6 8l3.8 4.4" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/><path d="m8.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/>"#;
const AFTER: &str = r#"<path d="M9.6 3.6 13.4 8l-3.8 4.4" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/><path d="m2.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/>"#;
const CLOCK: &str = r#"<path d="M2.6 8a5.4 5.4 0 1 0 1.7-3.9M2.4 2.6v2.6H5" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/><path d="M8 5.2V8l2 1.4" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>"#;

/// Steps stand no further apart than this, in pixels.
const FAR: f64 = 26.0;

/// Where the first step stands.
const MARGIN: f64 = 11.0;

/// The middle of the drawing.
const MIDDLE: f64 = 15.0;

/// A time of the cluster: `00:42`, `1:02:03`.
fn clock(at: Instant) -> String {
    let seconds = at.as_micros() / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// A step in words, with how its requests ended.
fn words(step: &Step, state: State) -> String {
    match ending(step, state) {
        Some(end) => format!("{end} · {}", step.label),
        None => step.label.clone(),
    }
}

/// How a step's requests ended, or that the step was refused.
fn ending(step: &Step, state: State) -> Option<String> {
    let all = (step.sent.ids.end - step.sent.ids.start) as u32;
    let (failed, lang) = (step.sent.failed, state.lang.get());
    Some(match (all, failed) {
        (0, _) if step.refused => lang.pick("refused", "被拒绝").to_owned(),
        (0, _) => return None,
        _ => ended(all, failed, lang),
    })
}

/// How so many requests ended.
pub(super) fn ended(all: u32, failed: u32, lang: Lang) -> String {
    match failed {
        0 => lang.pick(format!("{all} answered"), format!("{all} 个得到应答")),
        _ if failed == all => lang.pick(format!("{all} failed"), format!("{all} 个失败")),
        _ => lang.pick(
            format!("{} answered, {failed} failed", all - failed),
            format!("{} 个得到应答，{failed} 个失败", all - failed),
        ),
    }
}

/// The place in the history: a step, or, behind the last, now.
fn place(state: State) -> usize {
    state.rewind.step.get().unwrap_or_else(|| state.rewind.steps.with(|steps| steps.len()))
}

/// The time that is shown and the time that it is, if they differ; else the latter alone.
fn times(state: State) -> (Option<String>, String) {
    let now = state.session.with(|session| session.cluster().now());
    let shown = state.is_rewound().then(|| state.shown(|session| session.cluster().now()));
    (shown.map(clock), clock(now))
}

/// The strip.
#[component]
pub fn History() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let here = Memo::new(move |_| place(state));
    let last = move || state.rewind.steps.with(|steps| steps.len());
    let none = Memo::new(move |_| last() == 0);
    let width = Memo::new(move |_| {
        let all = scenery.width(state);
        // What the buttons and the readout leave.
        (all - if all < 520.0 { 208.0 } else { 270.0 }).max(60.0)
    });
    let apart = Memo::new(move |_| ((width.get() - 2.0 * MARGIN) / last().max(1) as f64).min(FAR));
    let drawing = move || state.rewind.steps.with(|steps| drawn(steps, here.get(), apart.get()));
    let spoken = move || {
        let (shown, now) = times(state);
        state.rewind.steps.with(|steps| match steps.get(here.get()) {
            Some(step) => format!("{} {}", shown.unwrap_or_default(), words(step, state)),
            None => format!("{} {now}", state.pick("now", "现在")),
        })
    };
    let go = move |to: usize| {
        if to >= untrack(last) { state.return_to_now() } else { state.go_to(to, End::Start) }
    };
    let fails = Memo::new(move |_| state.rewind.steps.with(|steps| steps.iter().any(Step::is_failure)));
    let said = move || {
        let (shown, now) = times(state);
        // There is no space for both; the title has them.
        let step = state.rewind.steps.with(|steps| {
            let step = steps.get(here.get()).or(steps.last())?;
            Some((ending(step, state).unwrap_or_else(|| step.label.clone()), words(step, state)))
        });
        let (step, title) = step.unwrap_or_default();
        let head = match shown {
            Some(shown) => view! { <b>{shown}</b> {state.pick(" of ", " / ")} {now} }.into_any(),
            None => view! { <b>{state.pick("now ", "现在 ")}</b> {now} }.into_any(),
        };
        view! { <span>{head}</span> <span class="step" title=title>{step}</span> }
    };
    let jump = move |onward: bool, icon: &'static str, id: &'static str, en: &'static str, zh: &'static str| {
        view! {
            <button
                class="btn ghost sq"
                data-testid=id
                disabled=move || !fails.get()
                aria-label=move || state.pick(en, zh)
                title=move || state.pick(en, zh)
                on:click=move |_| failures::jump(state, scenery, onward)
            >
                {svg_icon(icon)}
            </button>
        }
    };
    view! {
        <div class="hist" role="group" aria-label=move || state.pick("History", "历史")>
            {jump(false, BEFORE, "failure-before", "Previous failure ([)", "上一个失败（[）")}
            {jump(true, AFTER, "failure-after", "Next failure (])", "下一个失败（]）")}
            <div class="track" class:idle=move || none.get()>
                <svg aria-hidden="true" inner_html=drawing></svg>
                <input
                    data-testid="history"
                    type="range"
                    min="0"
                    max=last
                    step="1"
                    disabled=move || none.get()
                    style=move || format!("width:{:.1}px", apart.get() * last() as f64 + 16.0)
                    aria-label=move || state.pick("Step of the session", "会话的步骤")
                    aria-valuetext=spoken
                    title=move || state.pick("Earlier < and later > ; the last place is now", "< 往前，> 往后；最后一格是现在")
                    prop:value=move || here.get().to_string()
                    on:input=move |event| go(event_target_value(&event).parse().unwrap_or(0))
                />
            </div>
            <div class="when" data-testid="when">{said}</div>
        </div>
    }
}

/// In the place of the row that sends: that the past is shown, and the two ways out of it.
#[component]
pub fn PastBar() -> impl IntoView {
    let state = use_state();
    let told = move || {
        let at = state.rewind.step.get()?;
        let step = state.rewind.steps.with(|steps| steps.get(at).map(|step| words(step, state)))?;
        let (shown, now) = times(state);
        let shown = shown.unwrap_or_default();
        Some(match state.lang.get() {
            kubehop::lang::Lang::En => {
                view! { "You look at " <b>{shown}</b> {format!(" of {now}: ")} <code>{step}</code> }.into_any()
            }
            kubehop::lang::Lang::Zh => {
                view! { "正在看 " <b>{shown}</b> {format!("（现在是 {now}）：")} <code>{step}</code> }.into_any()
            }
        })
    };
    view! {
        <div class="pastbar" data-testid="past" hidden=move || !state.is_past()>
            {svg_icon(CLOCK)}
            <p role="status">{told}</p>
            <button
                class="btn"
                data-testid="go-on-from-here"
                title=move || state.pick("Take back what came later; Undo brings it again", "撤回之后发生的一切；撤销可以恢复")
                on:click=move |_| {
                    state.go_on_from_here();
                    state.notice.set(state.pick("What came later is taken back. Undo brings it again.", "之后的一切已撤回。撤销可以恢复。").to_owned());
                }
            >
                {move || state.pick("Go on from here", "从这里继续")}
            </button>
            <button class="btn pri" data-testid="to-now" on:click=move |_| state.return_to_now()>
                {move || state.pick("Back to now", "回到现在")}
            </button>
        </div>
    }
}

/// While the stage shows the past: that what stands here is about now, and the way back there.
pub fn of_now(state: State, en: &'static str, zh: &'static str) -> impl IntoView {
    view! {
        <p class="of-now" role="status" data-testid="of-now" hidden=move || !state.is_past()>
            {svg_icon(CLOCK)} <span>{move || state.is_past().then(|| state.pick(en, zh))}</span>
            <button class="link" on:click=move |_| state.return_to_now()>{move || state.pick("Back to now", "回到现在")}</button>
        </p>
    }
}

/// The steps as shapes: a square was applied, a chevron is a line, a disc was sent (red with a cross where any failed), a bolt
/// broke, a small ring happened by itself. Where there is no space for all of them, what failed and what broke stay.
fn drawn(steps: &[Step], here: usize, apart: f64) -> String {
    let mut out = String::new();
    let x = |i: usize| MARGIN + apart * i as f64;
    let (first, end) = (x(0), x(steps.len()));
    // Writing to a string cannot fail.
    let _ = write!(out, r#"<path class="tl" d="M{first} {MIDDLE}H{end:.1}"/>"#);
    if here < steps.len() {
        let _ = write!(out, r#"<path class="tp" d="M{first} {MIDDLE}H{:.1}"/>"#, x(here));
    }
    for (i, step) in steps.iter().enumerate() {
        let small = apart < 11.0;
        let shape = match step.what {
            _ if step.is_failure() && apart >= 5.0 => {
                r#"<circle class="f" r="6"/><path class="fx" d="m-2.4-2.4 4.8 4.8m0-4.8-4.8 4.8"/>"#
            }
            _ if step.is_failure() => r#"<path class="ft" d="M0-6V6"/>"#,
            What::Broke if apart >= 7.0 => r#"<path class="b" d="M1.2-6.5-4.2 1h3.4L-1.2 6.5 4.2-1H.8z"/>"#,
            _ if small => r#"<path class="s" d="M0-3V3"/>"#,
            What::Broke => r#"<path class="bt" d="M0-5V5"/>"#,
            What::Applied => r#"<rect class="a" x="-4" y="-4" width="8" height="8" rx="1.5"/>"#,
            What::Ran => r#"<path class="r" d="m-2.5-4 4 4-4 4"/>"#,
            What::Sent => r#"<circle class="q" r="4.5"/>"#,
            What::Happened => r#"<circle class="h" r="2.6"/>"#,
        };
        let ring = if i == here { r#"<circle class="on" r="9"/>"# } else { "" };
        let _ = write!(out, r#"<g transform="translate({:.1} {MIDDLE})">{shape}{ring}</g>"#, x(i));
    }
    let now = if here >= steps.len() { "now on" } else { "now" };
    let _ = write!(out, r#"<path class="{now}" d="M{end:.1} {:.1}v16"/>"#, MIDDLE - 8.0);
    out
}
