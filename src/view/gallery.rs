//! The gallery: scenarios to choose from, a card each, in groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Group, Scenario};
use leptos::html;
use leptos::prelude::*;

use super::icons::{Icon, icon};
use super::state::{State, use_state};
use super::stories::{self, Lack};
use super::words::Word;

/// The button that opens the gallery.
pub fn opener(state: State) -> impl IntoView {
    view! {
        <button class="btn ghost" data-testid="open-gallery" popovertarget="gallery">
            {move || state.pick("Scenarios", "场景")}
            {icon(Icon::Down, 14)}
        </button>
    }
}

/// What has come of the gallery so far.
#[derive(Clone, Copy)]
struct Shelves {
    groups: RwSignal<Option<Vec<Group>>>,
    scenarios: RwSignal<BTreeMap<String, Result<Arc<Scenario>, Lack>>>,
    missing: RwSignal<Option<Lack>>,
}

impl Shelves {
    /// Fetches the list and all cards, once.
    fn fill(self) {
        if self.groups.with_untracked(Option::is_some) {
            return;
        }
        leptos::task::spawn_local(async move {
            let groups = match stories::fetch_and("./scenarios/index.yaml", lesson::gallery).await {
                Ok(groups) => groups,
                Err(lack) => return self.missing.set(Some(lack)),
            };
            self.missing.set(None);
            for name in groups.iter().flat_map(|group| group.scenarios.clone()) {
                leptos::task::spawn_local(async move {
                    let read = stories::fetch(&name).await.map(Arc::new);
                    self.scenarios.update(|all| {
                        all.insert(name, read);
                    });
                });
            }
            self.groups.set(Some(groups));
        });
    }
}

/// What the top bar's button and others open.
#[component]
pub fn Gallery() -> impl IntoView {
    let state = use_state();
    let shelves = Shelves {
        groups: RwSignal::new(None),
        scenarios: RwSignal::new(BTreeMap::new()),
        missing: RwSignal::new(None),
    };
    let pop = NodeRef::<html::Div>::new();
    let close = move || {
        if let Some(pop) = pop.get_untracked() {
            let _ = pop.hide_popover();
        }
    };
    let card = move |name: String| {
        let found = {
            let name = name.clone();
            move || shelves.scenarios.with(|all| all.get(&name).cloned())
        };
        let id = format!("scenario-{name}");
        view! {
            <li>
                {move || {
                    let lang = state.lang.get();
                    let scenario = match found() {
                        Some(Ok(scenario)) => scenario,
                        Some(Err(lack)) => {
                            return view! { <div class="card lacking">{lack.of_scenario(&name, lang)}</div> }.into_any();
                        }
                        None => return view! { <div class="card waiting" aria-busy="true"></div> }.into_any(),
                    };
                    let texts = [&scenario.title, &scenario.about].map(|said| said.text(lang).to_owned());
                    let [title, about] = texts;
                    let facts = [scenario.profile.name.clone(), ending(&scenario, lang)];
                    let press = {
                        let name = name.clone();
                        move |_| {
                            close();
                            state.tell(&name, &scenario);
                        }
                    };
                    view! {
                        <button class="card" data-testid=id.clone() on:click=press>
                            <b>{title}</b>
                            <span>{about}</span>
                            <small>{facts.map(|fact| view! { <i>{fact}</i> })}</small>
                        </button>
                    }
                    .into_any()
                }}
            </li>
        }
    };
    let groups = move || {
        let lang = state.lang.get();
        let group = |group: Group| {
            view! {
                <section>
                    <h3>{group.title.text(lang).to_owned()}</h3>
                    <ul class="cards">{group.scenarios.into_iter().map(card).collect_view()}</ul>
                </section>
            }
        };
        shelves.groups.get().map(|groups| groups.into_iter().map(group).collect_view())
    };
    view! {
        <div
            popover="auto"
            id="gallery"
            class="pop gallery"
            node_ref=pop
            role="dialog"
            aria-labelledby="gallery-title"
            data-testid="gallery"
            on:beforetoggle=move |_: web_sys::Event| shelves.fill()
        >
            <div class="head">
                <h2 id="gallery-title">{move || state.pick("Scenarios", "场景")}</h2>
                <p>
                    {move || state.pick(
                        "Each opens a cluster in which something just happened, ready to be watched and changed. Undo brings yours back.",
                        "每个场景都是一个刚刚发生过某事的集群，可以看，也可以改。撤销会回到你自己的集群。",
                    )}
                </p>
                <button
                    class="btn ghost sq"
                    data-testid="close-gallery"
                    aria-label=move || state.say(Word::Close)
                    on:click=move |_| close()
                >
                    {icon(Icon::Cross, 16)}
                </button>
            </div>
            {groups}
            {move || shelves.missing.get().map(|lack| {
                let words = state.pick("The scenarios could not be loaded.", "场景没能载入。");
                view! { <p role="alert">{words} " " {lack.why(state.lang.get())}</p> }
            })}
        </div>
    }
}

/// How the last requests of a scenario end, in a word or two.
fn ending(scenario: &Scenario, lang: Lang) -> String {
    scenario.expect.iter().rev().find_map(|check| check.ending(lang)).unwrap_or_default()
}
