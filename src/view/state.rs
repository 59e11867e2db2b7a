//! The page's state: one signal holds the session, a few hold what the reader chose; everything else is derived.
//!
//! Components take [`use_state`] and read signals; whatever changes the session goes through [`State::run`] and its
//! neighbours, so that one place counts revisions and collects what a command sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubehop::diag::Diagnostic;
use kubehop::lang::Lang;
use kubehop::lesson::Since;
use kubehop::manifest::{self, Parsed};
use kubehop::object::{FieldRef, Profile};
use kubehop::session::{Command, Reply, Session};
use kubehop::text::{Source, Span};
use kubehop::time::Instant;
use leptos::prelude::*;

use super::altered::Altered;
use super::editing::Editing;
use super::environment::Past;
use super::errands::Kinds;
use super::files::Readings;
use super::frame::Anchor;
use super::lessons::Progress;
use super::panels::Panels;
use super::rewind::{BEYOND, Clocks, End, Rewind};
use super::steady::Steady;
use super::stories::Stories;
use super::terminal::Transcript;
use super::traffic::Traffic;
use super::why::Why;
use super::words::Word;

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// How a line of YAML relates to the selected hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// It is the hop's cause.
    Cause,
    /// It had a part in it.
    Part,
}

/// A field of a manifest that the selection points at. The editor finds its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The field.
    pub field: FieldRef,
    /// How it relates.
    pub kind: MarkKind,
    /// A few words at the line's end, in the page's language.
    pub note: String,
    /// The hop that they lead back to.
    pub hop: usize,
}

/// A panel of the page; on a phone, a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The lesson.
    Lesson,
    /// The editor.
    Yaml,
    /// The stage, its transport and the inspector.
    Stage,
    /// The terminal.
    Terminal,
}

/// Everything the page shows. A copy is a handle on the same signals.
#[derive(Clone, Copy)]
pub struct State {
    /// The session. Change it through [`State::run`], [`State::undo`], [`State::reset`], [`State::catch_up`].
    pub session: RwSignal<Session>,
    /// Counts changes of the session that are not the mere passing of time.
    pub revision: RwSignal<u64>,
    /// The page's language.
    pub lang: RwSignal<Lang>,
    /// The chosen theme.
    pub theme: RwSignal<Theme>,
    /// Large type for a room.
    pub projector: RwSignal<bool>,
    /// Whether the page is a widget in somebody's article.
    pub embed: bool,
    /// The tab that a phone shows.
    pub pane: RwSignal<Pane>,

    /// The editor's files in the order of their tabs. What is typed stands here before it is applied.
    pub files: RwSignal<Vec<Source>>,
    /// Which of them is open.
    pub open: RwSignal<usize>,
    /// What the editor and the page ask of each other.
    pub editing: Editing,
    /// What is wrong, by file, as of the last time each was applied.
    pub diagnostics: RwSignal<BTreeMap<String, Vec<Diagnostic>>>,
    /// Fields that the stage's selection points at; the inspector writes them.
    pub marks: RwSignal<Vec<Mark>>,
    /// The field under the editor's caret.
    pub caret: RwSignal<Option<FieldRef>>,
    /// Which field has the stage's accent, and why.
    pub why: Why,
    /// What changed, command by command.
    pub altered: Altered,
    /// A field that the editor is asked to show.
    pub reveal: RwSignal<Option<FieldRef>>,
    /// A place in the open file that the editor is asked to show.
    pub spot: RwSignal<Option<Span>>,
    /// The files as the lesson gave them.
    pub originals: StoredValue<Vec<Source>>,
    /// The files, read; see [`State::parsed`].
    pub readings: Memo<Readings>,

    /// A line that somebody puts into the terminal, for the reader to run.
    pub typed: RwSignal<Option<String>>,
    /// What each terminal shows.
    pub transcripts: RwSignal<Vec<Transcript>>,
    /// Which of them is open.
    pub terminal: RwSignal<u8>,
    /// The scenario that is open.
    pub stories: Stories,
    /// The lesson and the learner's place in it.
    pub progress: Progress,

    /// The row that sends requests.
    pub traffic: Traffic,
    /// What was sent by itself and has not been shown yet.
    pub steady: Steady,
    /// The panels under the transport, and what was found wrong.
    pub panels: Panels,
    /// The traces of the command that sent some last, oldest first: what the stage plays.
    pub batch: RwSignal<Vec<u64>>,
    /// The selected trace.
    pub selected: RwSignal<Option<u64>>,
    /// The selected hop of the selected trace, from zero.
    pub hop: RwSignal<Option<usize>>,
    /// Where the stage's clock stands, in milliseconds of the stage (not of the cluster) since the batch began.
    pub playhead: RwSignal<f64>,
    /// Where the stage's clock stops; the stage writes it from its timeline.
    pub horizon: RwSignal<f64>,
    /// Whether the stage's clock runs.
    pub playing: RwSignal<bool>,
    /// How fast, from 0.1 to 10.
    pub speed: RwSignal<f64>,
    /// Which kinds of packets are drawn.
    pub kinds: Kinds,
    /// Whether new traffic is listed without being played.
    pub muted: RwSignal<bool>,
    /// The traces of the batch that the stage still shows under way; the stage writes it, [`State::show`] fills it.
    pub flying: RwSignal<BTreeSet<u64>>,

    /// Where in the session's past the stage stands; see [`State::shown`].
    pub rewind: Rewind,
    /// The sessions before this one, the last on top.
    pub past: RwSignal<Vec<Past>>,
    /// One line for everybody, screen readers included: what just happened.
    pub notice: RwSignal<String>,
    anchor: StoredValue<Anchor>,
}

/// What the page starts from: the address bar's wishes over what the browser keeps.
pub struct Start {
    /// The session, fresh or restored.
    pub session: Session,
    /// The language.
    pub lang: Lang,
    /// The theme.
    pub theme: Theme,
    /// Large type.
    pub projector: bool,
    /// Whether the page is a widget.
    pub embed: bool,
}

/// Makes the page's state and gives it to all components below.
pub fn provide_state(start: Start) -> State {
    let files = RwSignal::new(Vec::<Source>::new());
    let readings = Memo::new(move |_| {
        // Following the caret through a huge file would hold up every key.
        let read = |file: &Source| {
            let parsed = if file.text.len() > 500_000 { Parsed::default() } else { manifest::parse(file) };
            (file.name.clone(), parsed)
        };
        Arc::new(files.with(|files| files.iter().map(read).collect::<Vec<_>>()))
    });
    let (session, lang, batch) = (RwSignal::new(start.session), RwSignal::new(start.lang), RwSignal::new(Vec::new()));
    let (playhead, horizon) = (RwSignal::new(0.0), RwSignal::new(0.0));
    let state = State {
        session,
        revision: RwSignal::new(0),
        lang,
        theme: RwSignal::new(start.theme),
        projector: RwSignal::new(start.projector),
        embed: start.embed,
        pane: RwSignal::new(Pane::Stage),
        files,
        open: RwSignal::new(0),
        editing: Editing::new(),
        diagnostics: RwSignal::new(BTreeMap::new()),
        marks: RwSignal::new(Vec::new()),
        caret: RwSignal::new(None),
        why: Why::new(),
        altered: Altered::new(),
        reveal: RwSignal::new(None),
        spot: RwSignal::new(None),
        originals: StoredValue::new(Vec::new()),
        readings,
        typed: RwSignal::new(None),
        transcripts: RwSignal::new(vec![Transcript::default()]),
        terminal: RwSignal::new(0),
        stories: Stories::new(),
        progress: Progress::start(),
        traffic: Traffic::new(),
        steady: Steady::new(),
        panels: Panels::new(),
        batch,
        selected: RwSignal::new(None),
        hop: RwSignal::new(None),
        playhead,
        horizon,
        playing: RwSignal::new(false),
        speed: RwSignal::new(1.0),
        kinds: Kinds::kept(),
        muted: RwSignal::new(false),
        flying: RwSignal::new(BTreeSet::new()),
        rewind: Rewind::new(Clocks { session, lang, batch, playhead, horizon }),
        past: RwSignal::new(Vec::new()),
        notice: RwSignal::new(String::new()),
        anchor: StoredValue::new(Anchor::default()),
    };
    state.tie();
    provide_context(state);
    state
}

/// The page's state.
pub fn use_state() -> State {
    expect_context::<State>()
}

impl State {
    /// Carries out a command. The requests it sent become the stage's batch, which starts to play.
    pub fn run(&self, command: Command) -> Reply {
        if self.rewind.step.with_untracked(Option::is_some) {
            self.return_to_now();
            self.notice.set(
                self.lang
                    .get_untracked()
                    .pick("Back to now: what you do is done now.", "已回到现在：操作总是对现在进行。")
                    .to_owned(),
            );
        }
        let now = self.wall_now();
        let typed = matches!(command, Command::Run { .. });
        let run = |session: &mut Session| {
            session.advance(now);
            session.run(command)
        };
        let reply = self.session.try_update(run).unwrap_or_default();
        self.tie();
        if !typed {
            self.overhear();
        }
        self.rewind.follow_command(!reply.traces.is_empty());
        if !reply.traces.is_empty() {
            self.show(reply.traces.iter().map(|trace| trace.id).collect());
        }
        self.revision.update(|n| *n += 1);
        reply
    }

    /// Takes the last command back, or the last change of environment; with it goes the writing of files that came before a line was run.
    pub fn undo(&self) {
        if self.leave_environment() {
            return;
        }
        let mut undone = None;
        self.session.update(|session| {
            while let Some((_, command)) = session.log().last().cloned() {
                let goes_on = undone.is_none() || matches!(command, Command::Write(_));
                if !goes_on || !session.undo() {
                    break;
                }
                if !matches!(command, Command::Write(_)) {
                    undone = Some(command);
                }
            }
        });
        if let Some(undone) = undone {
            self.unapply(&undone);
            self.unrun(&undone);
        }
        self.rewound();
    }

    /// Back to the fresh cluster; the files stay as they are.
    pub fn reset(&self) {
        self.session.update(Session::reset);
        self.altered.forget();
        self.past.set(Vec::new());
        self.diagnostics.set(BTreeMap::new());
        self.terminal.set(0);
        self.transcripts.set(vec![Transcript::default()]);
        self.rewound();
    }

    /// Another cluster in the session's place, with the same files applied.
    pub fn replace(&self, profile: Profile, seed: u64) {
        let applied = self.applied_names();
        self.restore(Session::new(profile, seed, self.lang.get_untracked()));
        self.apply_again(&applied);
        self.altered.forget();
    }

    /// Another session in this one's place.
    pub fn restore(&self, session: Session) {
        self.session.set(session);
        self.altered.forget();
        self.diagnostics.set(BTreeMap::new());
        self.terminal.set(0);
        self.transcripts.set(vec![Transcript::default()]);
        self.rewound();
    }

    /// Lets the cluster's time pass until it is quiet; a minute at most.
    pub fn settle(&self) {
        self.session.update(|session| {
            let limit = session.cluster().now() + Duration::from_secs(60);
            while let Some(next) = session.cluster().pending().filter(|next| *next < limit) {
                session.advance(next);
            }
        });
        self.tie();
    }

    /// Lets the cluster's time pass up to the wall clock's.
    pub fn catch_up(&self) {
        let now = self.wall_now();
        let sent = self.session.with_untracked(|session| session.cluster().flows().sent());
        self.session.update(|session| session.advance(now));
        self.tie();
        self.overhear();
        self.roll(sent);
    }

    /// What time it is in the cluster by the wall clock.
    pub fn wall_now(&self) -> Instant {
        self.anchor.get_value().now()
    }

    fn tie(&self) {
        self.anchor.set_value(Anchor::at(self.session.with_untracked(|session| session.cluster().now())));
    }

    /// Puts traces on the stage and starts its clock.
    pub fn show(&self, batch: Vec<u64>) {
        self.steady.forget();
        self.selected.set(batch.first().copied());
        self.hop.set(None);
        if !self.muted.get_untracked() {
            self.flying.set(batch.iter().copied().collect());
        }
        self.batch.set(batch);
        self.horizon.set(BEYOND);
        self.playhead.set(0.0);
        self.playing.set(!self.muted.get_untracked());
    }

    /// Selects a trace, bringing it back to the stage if it has left.
    pub fn select(&self, trace: u64) {
        if self.batch.with_untracked(|batch| batch.contains(&trace)) {
            self.hop.set(None);
            self.selected.set(Some(trace));
        } else if let Some(step) = self.step_of(trace) {
            self.go_to(step, End::Finish);
            self.selected.set(Some(trace));
        } else {
            self.show(vec![trace]);
        }
    }

    /// A text of the page in its language; follows the language.
    pub fn say(&self, word: Word) -> &'static str {
        word.text(self.lang.get())
    }

    /// One of two texts, by the page's language; follows the language.
    pub fn pick(&self, en: &'static str, zh: &'static str) -> &'static str {
        self.lang.get().pick(en, zh)
    }

    pub(super) fn rewound(&self) {
        self.tie();
        self.steady.forget();
        self.rewind.turn();
        self.selected.set(None);
        self.hop.set(None);
        self.batch.set(Vec::new());
        self.playing.set(false);
        self.playhead.set(0.0);
        self.marks.set(Vec::new());
        self.flying.set(BTreeSet::new());
        self.progress.rewind(self.session.with_untracked(Since::now));
        self.revision.update(|n| *n += 1);
    }
}
