//! The stage's clock in the reader's hand: play, step, scrub, speed.

use leptos::prelude::*;

/// The row of controls under the stage.
#[component]
pub fn Transport() -> impl IntoView {
    view! { <div class="ctl"></div> }
}
