//! The page and its panels. Forwards what the reader does to a session and draws what it gives back; decides nothing.

mod altered;
mod app;
mod browser;
mod changes;
mod deeds;
mod editing;
mod diagnose;
mod editor;
mod embed;
mod environment;
mod errands;
mod failures;
mod files;
mod firewall;
mod frame;
mod gallery;
mod history;
mod icons;
mod ingress;
mod inspector;
mod js;
mod lessons;
mod limits;
mod object;
mod oops;
mod panels;
mod paper;
mod problems;
mod pulses;
mod reach;
mod rewind;
mod rove;
mod separator;
mod share;
mod shelf;
mod stage;
mod stage_canvas;
mod stage_ink;
mod stage_scenery;
mod stage_over;
mod stage_sheet;
mod stage_svg;
mod state;
mod steady;
mod stories;
mod tabs;
mod terminal;
mod top;
mod traffic;
mod transport;
mod why;
mod words;

use kubehop::lang::Lang;
use kubehop::lesson::Scenario;
use kubehop::object::Profile;
use kubehop::session::Session;
use kubehop::text::Source;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

use state::{Start, State, Theme};
use words::Word;

/// Mounts the page where its root element is; without one (the package serves as a module) nothing happens.
pub fn mount() {
    let Some(root) = document().get_element_by_id("kubehop") else { return };
    let asked = browser::query("lang").or_else(|| browser::kept("lang"));
    let lang = asked.into_iter().chain(browser::languages()).find_map(|tag| Lang::from_tag(&tag)).unwrap_or_default();
    let theme = match browser::query("theme").or_else(|| browser::kept("theme")).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::Auto,
    };
    let embed = browser::query("embed").is_some_and(|value| value != "0");
    oops::watch(lang);
    let session = Session::new(asked_profile().unwrap_or_else(usual_profile), asked_seed().unwrap_or(42), lang);
    let projector = browser::kept("projector").is_some();
    root.set_inner_html("");
    mount_to(root.unchecked_into(), move || {
        let state = state::provide_state(Start { session, lang, theme, projector, embed });
        top::follow_looks(state);
        frame::start(state);
        rove::start();
        state.follow_reveal();
        state.follow_caret();
        leptos::task::spawn_local(begin(state));
        view! { <app::App /> }
    })
    .forget();
}

fn asked_profile() -> Option<Profile> {
    Profile::named(&browser::query("profile")?)
}

fn asked_seed() -> Option<u64> {
    browser::query("seed")?.parse().ok()
}

fn usual_profile() -> Profile {
    Profile::named("minikube").expect("it is built in")
}

/// Brings the session and the files: from a link, from the browser's memory, or fresh from the lesson.
async fn begin(state: State) {
    let lang = state.lang.get_untracked();
    if let Some(name) = stories::asked() {
        match stories::fetch(&name).await {
            Ok(scenario) => return begin_with(state, name, scenario).await,
            Err(lack) => state.notice.set(lack.of_scenario(&name, lang)),
        }
    }
    let linked = share::from_link().await;
    let yaml = share::yaml_from_link().await;
    let kept = if linked.is_none() && yaml.is_none() && !state.embed { share::kept(state) } else { None };
    let was_linked = linked.is_some() || yaml.is_some();
    let restored = match linked {
        Some(read) => match read.and_then(|json| Session::from_json(&json, lang).map_err(|_| ())) {
            Ok(session) => Some(session),
            Err(()) => {
                state.notice.set(Word::BadLink.text(lang).to_owned());
                None
            }
        },
        None => kept.and_then(|json| Session::from_json(&json, lang).ok()),
    };
    let fresh = restored.is_none();
    if let Some(session) = restored {
        state.restore(session);
        state.progress.recall();
    }
    lessons::load(state, lang).await;
    let lesson = state.progress.lesson.get_untracked();
    let given = match (yaml, &lesson) {
        (Some(text), _) => vec![Source::new("app.yaml", text)],
        (None, Some(lesson)) => lesson.files.clone(),
        (None, None) => vec![Source::new("new.yaml", "")],
    };
    state.originals.set_value(given.clone());
    let files = if was_linked || state.embed { None } else { share::kept_files(state) };
    state.files.set(files.unwrap_or(given));
    state.read_files();
    if let (true, Some(lesson)) = (fresh, lesson) {
        let profile = asked_profile().or_else(|| lessons::profile_of(&lesson)).unwrap_or_else(usual_profile);
        let seed = asked_seed().unwrap_or(lesson.seed);
        if state.session.with_untracked(|session| session.seed() != seed || *session.profile() != profile) {
            state.replace(profile, seed);
        }
    }
    if state.embed {
        // A widget is about its Service.
        let about = |file: &Source| file.text.contains("kind: Service");
        state.open.set(state.files.with_untracked(|files| files.iter().position(about)).unwrap_or(0));
        for file in state.files.get_untracked() {
            state.apply(file);
            state.settle();
        }
        state.altered.forget();
    } else {
        share::keep_up(state);
    }
    follow_language(state);
}

/// Brings the scenario that the address bar asks for, with a linked session or the browser's own in its cluster's place.
async fn begin_with(state: State, name: String, scenario: Scenario) {
    let lang = state.lang.get_untracked();
    let opened = scenario.open(lang);
    state.take_up(&name, &scenario, &opened);
    let linked = share::from_link().await.and_then(Result::ok);
    let was_linked = linked.is_some();
    let json = linked.or_else(|| if state.embed { None } else { share::kept(state) });
    match json.and_then(|json| Session::from_json(&json, lang).ok()) {
        Some(session) => {
            state.restore(session);
            if let Some(files) = share::kept_files(state).filter(|_| !was_linked) {
                state.files.set(files);
            }
            state.read_files();
        }
        None => state.begin_story(&name, &scenario, opened),
    }
    if !state.embed {
        share::keep_up(state);
    }
    follow_language(state);
}

/// Another language brings the lesson's other file.
fn follow_language(state: State) {
    Effect::new(move |before: Option<Lang>| {
        let lang = state.lang.get();
        if before.is_some_and(|before| before != lang) {
            state.session.update(|session| session.set_lang(lang));
            leptos::task::spawn_local(lessons::load(state, lang));
        }
        lang
    });
}
