//! The scenario that is open: its session in the place of the learner's, its words in the lesson's pane, and the way back.

use std::sync::Arc;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Misread, Move, Opened, Scenario, Since};
use kubehop::session::Command;
use kubehop::text::Source;
use leptos::prelude::*;

use super::browser;
use super::environment::Past;
use super::lessons::prose;
use super::state::{Pane, State};

/// The scenarios' part of the state.
#[derive(Clone, Copy)]
pub struct Stories {
    /// The one that is open.
    open: RwSignal<Option<Arc<Story>>>,
    /// What was there before the first was opened.
    home: StoredValue<Option<Past>>,
}

/// A scenario that is open.
pub struct Story {
    /// Its name.
    pub name: String,
    /// What it says.
    pub scenario: Scenario,
    /// How long its log is: what is longer is the learner's.
    pub floor: usize,
    batch: Vec<u64>,
}

/// What stands beside a session: files, words, and since when a lesson's step counts.
#[derive(Clone)]
pub struct Desk {
    files: Vec<Source>,
    open: usize,
    originals: Vec<Source>,
    story: Option<Arc<Story>>,
    since: Since,
}

impl Stories {
    /// None is open.
    pub fn new() -> Self {
        Self { open: RwSignal::new(None), home: StoredValue::new(None) }
    }

    /// The one that is open; follows it.
    pub fn get(self) -> Option<Arc<Story>> {
        self.open.get()
    }

    /// The one that is open.
    pub fn now(self) -> Option<Arc<Story>> {
        self.open.get_untracked()
    }
}

/// The name of the scenario that the address bar asks for.
pub fn asked() -> Option<String> {
    browser::query("scenario").filter(|name| !name.is_empty() && is_name(name))
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Why a lesson or scenario cannot be shown.
#[derive(Clone)]
pub enum Lack {
    /// It did not come.
    Gone,
    /// It came and cannot be read.
    Misread(Misread),
}

impl Lack {
    /// Why, after other words; empty where there is no more to say.
    pub fn why(&self, lang: Lang) -> String {
        match self {
            Self::Gone => String::new(),
            Self::Misread(misread) => misread.text(lang),
        }
    }

    /// That it is about a scenario, and why.
    pub fn of_scenario(&self, name: &str, lang: Lang) -> String {
        let words = lang.pick(format!("The scenario {name} could not be loaded."), format!("场景 {name} 没能载入。"));
        format!("{words} {}", self.why(lang))
    }
}

/// Fetches a file of the page's own host and reads it.
pub async fn fetch_and<T>(path: &str, read: fn(&str) -> Result<T, Misread>) -> Result<T, Lack> {
    read(&browser::fetch(path).await.ok_or(Lack::Gone)?).map_err(Lack::Misread)
}

/// A scenario by its name.
pub async fn fetch(name: &str) -> Result<Scenario, Lack> {
    fetch_and(&format!("./scenarios/{name}.yaml"), lesson::scenario).await
}

/// The file to look at: the Ingress, else the Service.
fn first_file(files: &[Source]) -> usize {
    let about = |kind: &str| files.iter().position(|file| file.text.contains(kind));
    about("kind: Ingress\n").or_else(|| about("kind: Service\n")).unwrap_or(0)
}

impl State {
    /// What stands beside the session.
    pub(super) fn desk(&self) -> Desk {
        Desk {
            files: self.files.get_untracked(),
            open: self.open.get_untracked(),
            originals: self.originals.get_value(),
            story: self.stories.now(),
            since: self.progress.since(),
        }
    }

    /// Puts what stood beside a session back.
    pub(super) fn clear_for(&self, desk: Desk) {
        self.open.set(0);
        self.files.set(desk.files);
        self.open.set(desk.open);
        self.originals.set_value(desk.originals);
        self.progress.begin_at(desk.since);
        self.call_it(desk.story);
        self.traffic.follow_focus();
    }

    /// The address bar names what is open.
    fn call_it(&self, story: Option<Arc<Story>>) {
        if !self.embed {
            browser::ask("scenario", story.as_ref().map(|story| story.name.as_str()));
        }
        self.stories.open.set(story);
    }

    /// Opens a scenario; undo brings back what was there.
    pub fn tell(&self, name: &str, scenario: &Scenario) {
        let past = self.past_now(Some(self.desk()));
        if self.stories.now().is_none() {
            self.stories.home.set_value(Some(past.clone()));
        }
        let opened = scenario.open(self.lang.get_untracked());
        let floor = opened.session.log().len();
        self.begin_story(name, scenario, opened);
        self.push_past(past, floor);
        let said = match self.lang.get_untracked() {
            Lang::En => format!("{}. Undo brings back what was there.", scenario.title.text(Lang::En)),
            Lang::Zh => format!("{}。撤销可以回到之前。", scenario.title.text(Lang::Zh)),
        };
        self.notice.set(said);
    }

    /// Shows a scenario that was opened.
    pub fn begin_story(&self, name: &str, scenario: &Scenario, opened: Opened) {
        self.take_up(name, scenario, &opened);
        let Opened { session, shown, batch } = opened;
        let sent = session.log().iter().rev().find_map(|(_, command)| match command {
            Command::Request(requests) => Some(requests.clone()),
            _ => None,
        });
        self.restore(session);
        for (line, chunks) in shown {
            self.print(0, &line, chunks);
        }
        if let Some(sent) = sent {
            self.traffic.take(&sent);
        }
        self.pane.set(Pane::Stage);
        self.show(batch);
    }

    /// Takes a scenario's files and words, whatever the session.
    pub fn take_up(&self, name: &str, scenario: &Scenario, opened: &Opened) {
        let story = Story {
            name: name.to_owned(),
            scenario: scenario.clone(),
            floor: opened.session.log().len(),
            batch: opened.batch.clone(),
        };
        self.open.set(0);
        self.files.set(scenario.files.clone());
        self.open.set(first_file(&scenario.files));
        self.originals.set_value(scenario.files.clone());
        self.call_it(Some(Arc::new(story)));
    }

    /// Back to what was there before the first scenario; undo brings the scenario back.
    fn leave_story(&self) {
        let Some(home) = self.stories.home.try_update_value(Option::take).flatten() else {
            return browser::visit("");
        };
        let past = self.past_now(Some(self.desk()));
        let floor = self.go_back_to(home);
        self.push_past(past, floor);
        self.pane.set(Pane::Lesson);
    }

    /// Opens a scenario of the gallery by its name.
    pub fn open_story(self, name: String) {
        leptos::task::spawn_local(async move {
            match fetch(&name).await {
                Ok(scenario) => self.tell(&name, &scenario),
                Err(lack) => self.notice.set(lack.of_scenario(&name, self.lang.get_untracked())),
            }
        });
    }

    /// Does what a scenario suggests.
    fn follow(&self, story: &Story, next: &Move) {
        for deed in &next.deeds {
            // What the learner has written stays, where it can.
            let files = self.files.get_untracked();
            let fits = |file: &Source| deed.replace.iter().all(|(from, _)| file.text.contains(from.as_str()));
            let own = files.iter().any(|file| deed.apply.as_ref() == Some(&file.name) && fits(file));
            let files = if own { &files } else { &story.scenario.files };
            for command in self.session.with_untracked(|session| deed.commands(files, &[], session)) {
                match command {
                    Command::Apply(source) => {
                        self.put_file(&source);
                        self.show_file(&source.name);
                        self.apply(source);
                        self.settle();
                    }
                    Command::Run { terminal, line } => self.type_line(terminal, &line),
                    command => {
                        self.run(command);
                    }
                }
            }
        }
        self.pane.set(match next.deeds.last().is_some_and(|deed| deed.run.is_some()) {
            true => Pane::Terminal,
            false => Pane::Stage,
        });
    }

    fn show_file(&self, name: &str) {
        if let Some(at) = self.files.with_untracked(|files| files.iter().position(|file| file.name == name)) {
            self.open.set(at);
        }
    }
}

/// The scenario's words in the place of a lesson's.
pub fn words(state: State, story: Arc<Story>) -> impl IntoView {
    let lang = state.lang.get();
    let scenario = &story.scenario;
    let rows = scenario.next.iter().enumerate().map(|(i, next)| {
        let (story, next) = (Arc::clone(&story), next.clone());
        let text = prose(state, &next.say.prose(lang));
        let label = match &next.open {
            Some(_) => state.pick("Open it", "打开"),
            None => state.pick("Do it", "试试"),
        };
        let press = move |_| match &next.open {
            Some(name) => state.open_story(name.clone()),
            None => state.follow(&story, &next),
        };
        let id = format!("try-{}", i + 1);
        let button = format!("{id}-button");
        view! {
            <li>
                <div id=id.clone()>{text}</div>
                <button class="btn" id=button.clone() data-testid=id.clone() aria-labelledby=format!("{button} {id}") on:click=press>{label}</button>
            </li>
        }
    });
    let (again, name) = (story.batch.clone(), story.name.clone());
    let replay = move |_| {
        state.show(again.clone());
        state.pane.set(Pane::Stage);
    };
    view! {
        <div class="story-head">
            <button class="btn ghost" data-testid="leave-story" on:click=move |_| state.leave_story()>
                {state.pick("Back to the lesson", "回到课程")}
            </button>
            {super::gallery::opener(state)}
        </div>
        <h1>{scenario.title.text(lang).to_owned()}</h1>
        {prose(state, &scenario.look.prose(lang))}
        <div class="acts">
            <button class="btn pri" data-testid="replay" on:click=replay>{state.pick("Play it again", "再放一遍")}</button>
            <button class="btn" data-testid="retell" on:click=move |_| state.open_story(name.clone())>
                {state.pick("Start over", "从头开始")}
            </button>
        </div>
        <div class="task">
            <h2>{state.pick("Try next", "接着试试")}</h2>
            <ul class="tries">{rows.collect_view()}</ul>
        </div>
    }
}
