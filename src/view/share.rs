//! Sessions outside of the page: in a link, in the browser's memory.

use kubehop::session::Session;
use kubehop::text::Source;
use leptos::prelude::*;

use super::state::State;
use super::words::Word;
use super::{browser, oops};

/// A longer log is not kept: replaying it would hold up the next visit.
const LONGEST: usize = 500;

/// Copies a link that holds the whole session; nothing is sent to a server.
pub fn copy_link(state: State) {
    state.write_files();
    let json = state.session.with_untracked(Session::to_json);
    leptos::task::spawn_local(async move {
        let Some(packed) = browser::pack(json).await else { return };
        let address = browser::address(&format!("s={packed}"), "seed");
        browser::set_address(&address);
        browser::copy(&address, move |copied| {
            let word = if copied { Word::Copied } else { Word::InAddress };
            state.notice.set(word.text(state.lang.get_untracked()).to_owned());
        });
    });
}

/// The session in the address bar's link, if there is one; an error if it cannot be read.
pub async fn from_link() -> Option<Result<String, ()>> {
    let fragment = browser::fragment();
    let packed = fragment.strip_prefix("s=")?;
    Some(browser::unpack(packed).await.ok_or(()))
}

/// The manifests in the link of a `<kube-hop>` element (public/kube-hop.js), packed like a session.
pub async fn yaml_from_link() -> Option<String> {
    let fragment = browser::fragment();
    browser::unpack(fragment.strip_prefix("y=")?).await
}

fn name(state: State, what: &str) -> String {
    match state.stories.now() {
        Some(story) => format!("{what}.scenario.{}", story.name),
        None => format!("{what}.{}", state.progress.name.get_value()),
    }
}

/// The session that the browser remembers. After two crashes in a row it is left alone: it may be what crashes.
pub fn kept(state: State) -> Option<String> {
    let asks_otherwise = browser::query("seed").is_some() || browser::query("profile").is_some();
    if oops::crashes() > 1 {
        state.notice.set(Word::Recovered.text(state.lang.get_untracked()).to_owned());
        return None;
    }
    if asks_otherwise { None } else { browser::kept_here(&name(state, "session")) }
}

/// The files that the browser remembers.
pub fn kept_files(state: State) -> Option<Vec<Source>> {
    let files: Vec<Source> = serde_json::from_str(&browser::kept_here(&name(state, "files"))?).ok()?;
    Some(files).filter(|files| !files.is_empty())
}

/// From now on, keeps files and session in the browser as they change.
pub fn keep_up(state: State) {
    let turn = StoredValue::new(0u32);
    Effect::new(move |_| {
        state.revision.track();
        state.files.track();
        turn.update_value(|n| *n = n.wrapping_add(1));
        let mine = turn.get_value();
        browser::later(300, move || {
            if turn.get_value() == mine {
                keep(state);
                oops::is_well();
            }
        });
    });
    // What was typed just before a reload.
    browser::on_hide(move || keep(state));
}

/// Keeps files and session in the browser, as they are now.
fn keep(state: State) {
    // More than this no browser keeps.
    let files = state.files.get_untracked();
    if files.iter().map(|file| file.text.len()).sum::<usize>() > 2_000_000 {
        return;
    }
    browser::keep_here(&name(state, "files"), &serde_json::to_string(&files).unwrap_or_default());
    // A scenario in which nothing was done is told again.
    let floor = state.stories.now().map_or(0, |story| story.floor);
    let json = state.session.with_untracked(|session| match session.log().len() {
        n if n <= floor => String::new(),
        n if n > LONGEST => String::new(),
        _ => session.to_json(),
    });
    browser::keep_here(&name(state, "session"), &json);
}
