//! The stage: rooms, links, moving packets.

use leptos::prelude::*;

/// The drawing of the cluster and its traffic.
#[component]
pub fn Stage() -> impl IntoView {
    view! { <div class="canvas" data-testid="stage"></div> }
}
