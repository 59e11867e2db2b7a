//! The selected packet's hops, or the selected object.

use leptos::prelude::*;

/// The panel under the transport.
#[component]
pub fn Inspector() -> impl IntoView {
    view! { <div class="insp" data-testid="inspector"></div> }
}
