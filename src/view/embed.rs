//! The widget in somebody's article: the head, and its height told to the page around it.

use kubehop::session::{Command, Requests};
use leptos::html;
use leptos::prelude::*;

use super::browser;
use super::environment::mode_name;
use super::state::{State, use_state};
use super::words::Word;

/// File, standing, environment, reset, and the way to the whole page.
#[component]
pub fn EmbedHeader() -> impl IntoView {
    let state = use_state();
    let head = NodeRef::<html::Header>::new();
    Effect::new(move |_| {
        if let Some(app) = head.get().and_then(|head| head.parent_element()) {
            browser::watch_height(&app, browser::tell_height);
        }
    });
    let place = move || {
        state
            .session
            .with(|session| format!("{} / {}", session.profile().name, mode_name(session.profile().proxy_mode)))
    };
    view! {
        <header class="top small" node_ref=head>
            <span class="dim">{place}</span>
            <span class="grow"></span>
            <button class="btn ghost" data-testid="send" on:click=move |_| send(state)>
                {move || state.say(Word::SendAgain)}
            </button>
            <button class="btn ghost" data-testid="reset" on:click=move |_| state.reset()>
                {move || state.say(Word::Reset)}
            </button>
            <a class="btn ghost" target="_blank" rel="noopener" href=browser::address(&browser::fragment(), "embed")>
                {move || state.say(Word::Open)}
            </a>
        </header>
    }
}

/// Nine requests from a node to the first Service that is not Kubernetes' own.
fn send(state: State) {
    let wanted = state.session.with_untracked(|session| {
        let service = kubehop::scene::services(session.cluster().store()).into_iter().next()?;
        let object = session.cluster().store().get(&service)?;
        let spec = &object.body::<kubehop::object::Service>()?.spec;
        let from = format!("node/{}", session.profile().nodes.first()?.name);
        let port = spec.ports.first()?.port;
        let url = format!("http://{}:{port}/api/hello", spec.cluster_ip);
        Some(Command::Request(Requests { from, url, count: 9, ..Requests::default() }))
    });
    if let Some(command) = wanted {
        state.run(command);
    }
}
