//! The page and its panels. Forwards what the reader does to a session and draws what it gives back; decides nothing.

mod state;
mod stage;
mod transport;
mod inspector;

use kubehop::lang::Lang;
use kubehop::object::Profile;
use kubehop::session::Session;
use leptos::prelude::*;

use state::{Start, Theme};

/// Mounts the page where its root element is; without one (the package serves as a module) nothing happens.
pub fn mount() {
    let Some(root) = document().get_element_by_id("kubehop") else { return };
    let Some(profile) = Profile::named("minikube") else { return };
    let session = Session::new(profile, 42, Lang::En);
    let start = Start { session, lang: Lang::En, theme: Theme::Auto, projector: false, embed: false };
    use leptos::wasm_bindgen::JsCast;
    mount_to(root.unchecked_into(), move || {
        state::provide_state(start);
        view! {
            <section class="st">
                <stage::Stage />
                <transport::Transport />
                <inspector::Inspector />
            </section>
        }
    })
    .forget();
}
