//! The lessons to choose from, in the order in which they build on each other.

use leptos::prelude::*;

use super::browser;
use super::icons::{Icon, icon};
use super::state::use_state;
use super::words::Word;

/// File name and title, which is the same in every language.
const LESSONS: [(&str, &str); 4] =
    [("clusterip", "ClusterIP"), ("nodeport", "NodePort"), ("loadbalancer", "LoadBalancer"), ("ingress", "Ingress")];

/// The lesson that opens when the address bar names none.
pub const FIRST: &str = LESSONS[0].0;

/// The choice of lesson.
#[component]
pub fn Shelf() -> impl IntoView {
    let state = use_state();
    let now = state.progress.name.get_value();
    let known = LESSONS.iter().any(|(name, _)| *name == now);
    // A lesson of somebody's own is no part of the shelf, but must not look like another.
    let own = (!known).then(|| view! { <option value=now.clone() selected=true>{now.clone()}</option> });
    view! {
        <label class="shelf">
            <span class="vh">{move || state.say(Word::Lesson)}</span>
            <select data-testid="lesson" on:change=move |event| browser::visit(&format!("?lesson={}", event_target_value(&event)))>
                {own}
                {LESSONS.map(|(name, title)| view! { <option value=name selected=name == now>{title}</option> })}
            </select>
            {icon(Icon::Down, 14)}
        </label>
    }
}

/// The way on to the next lesson, after the last step.
pub fn next(name: &str) -> Option<(String, &'static str)> {
    let at = LESSONS.iter().position(|(each, _)| *each == name)?;
    let (name, title) = LESSONS.get(at + 1)?;
    Some((format!("?lesson={name}"), title))
}
