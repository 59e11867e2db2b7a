//! Where in the session's past the stage stands, and the session as it was there.
//!
//! Two rules say which cluster is shown:
//!
//! - *Now*: the present one, with one exception. While the last command's own requests play (or stand paused before their end), it
//!   is the cluster as each of them met it: that of the request which set out last. Any other command ends this, and shows now.
//! - *The past*, a step of the [`history`]: while its requests play, as above; else the cluster as it was when the step was over.
//!
//! So a node that died among requests is seen running for those before. Two moments between which nothing changed are of one
//! epoch and share one view. Commands always go to the present; giving one leads back to it.

use std::sync::Arc;

use kubehop::scene::{Motion, Timeline};
use kubehop::session::{Moment, Session, Step, history};
use leptos::prelude::*;

use super::browser;
use super::state::State;

/// Where in the past the stage stands.
#[derive(Clone, Copy)]
pub struct Rewind {
    /// The step of the history that is looked at; none: now.
    pub step: RwSignal<Option<usize>>,
    /// The history.
    pub steps: Memo<Arc<Vec<Step>>>,
    /// Whether the reader asked for less motion.
    pub calm: ReadSignal<bool>,
    /// Whether the stage shows the cluster as the batch met it, while that is the last command's.
    held: RwSignal<bool>,
    view: Memo<Option<View>>,
    /// Counts how often the session became another one, rather than a later one.
    branch: RwSignal<u64>,
}

/// The signals that decide what is looked at.
pub struct Clocks {
    /// The session.
    pub session: RwSignal<Session>,
    /// The page's language.
    pub lang: RwSignal<kubehop::lang::Lang>,
    /// The traces that play.
    pub batch: RwSignal<Vec<u64>>,
    /// Where the stage's clock stands.
    pub playhead: RwSignal<f64>,
    /// Where it stops.
    pub horizon: RwSignal<f64>,
}

/// The session as it was.
#[derive(Clone)]
struct View {
    epoch: usize,
    step: Option<usize>,
    session: Arc<Session>,
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
    }
}

/// Where in a step to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Before its first request.
    Start,
    /// When it is over.
    Finish,
}

/// How long a step without requests stands while the past plays, in milliseconds of the stage.
pub const STAND: f64 = 900.0;

/// A moment of the stage after all ends, until the stage knows when that is.
pub const BEYOND: f64 = 1e9;

impl Rewind {
    /// Now.
    pub fn new(clocks: Clocks) -> Self {
        let Clocks { session, lang, batch, playhead, horizon } = clocks;
        let (step, held) = (RwSignal::new(None::<usize>), RwSignal::new(false));
        let branch = RwSignal::new(0);
        let calm = browser::follow("(prefers-reduced-motion: reduce)");
        let key = Memo::new(move |_| session.with(Session::history_key));
        let steps = Memo::new(move |_| {
            // Only who reads a memo follows what it follows.
            let _ = key.get();
            branch.track();
            let lang = lang.get();
            Arc::new(session.with_untracked(|session| history(session, lang)))
        });
        let looked = Memo::new(move |_| {
            let over = playhead.get() >= horizon.get();
            let motion = if calm.get() { Motion::Hops } else { Motion::Smooth };
            let request = move || {
                batch.with(|batch| {
                    let under_way = playhead.get() as f32 / Timeline::stagger(batch.len(), motion);
                    batch.get((under_way as usize).min(batch.len().saturating_sub(1))).map(|id| Moment::Request(*id))
                })
            };
            match step.get() {
                Some(at) => {
                    let after = steps.with(|steps| steps.get(at).map(|step| step.after));
                    request().filter(|_| !over).or(after)
                }
                None => request().filter(|_| held.get() && !over),
            }
        });
        let now_epoch = Memo::new(move |_| session.with(Session::now_epoch));
        let view = Memo::new(move |before: Option<&Option<View>>| {
            branch.track();
            let (moment, step) = (looked.get()?, step.get());
            session.with_untracked(|session| {
                let epoch = session.epoch(moment);
                if step.is_none() && epoch == now_epoch.get() {
                    return None;
                }
                let same = |view: &&View| view.epoch == epoch && view.step == step;
                let known = before.and_then(Option::as_ref).filter(same);
                Some(known.cloned().unwrap_or_else(|| View { epoch, step, session: Arc::new(session.at(moment)) }))
            })
        });
        Self { step, steps, calm, held, view, branch }
    }

    /// Whether the stage stands at a step of the past that sent nothing.
    pub fn stands(self, batch: RwSignal<Vec<u64>>) -> bool {
        self.step.with(Option::is_some) && batch.with(Vec::is_empty)
    }

    /// Changes when the session became another one, rather than a later one.
    pub fn branch(self) -> u64 {
        self.branch.get()
    }

    /// A command was given: now is shown, or its own requests if it sent some.
    pub(super) fn follow_command(self, has_sent: bool) {
        self.held.set(has_sent);
    }

    /// The session became another one.
    pub(super) fn turn(self) {
        self.step.set(None);
        self.held.set(false);
        self.branch.update(|n| *n += 1);
    }
}

impl State {
    /// Reads the session as the page shows it: as it is, or as it was. Follows both.
    pub fn shown<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        match self.rewind.view.get() {
            Some(view) => read(&view.session),
            None => self.session.with(read),
        }
    }

    /// The same, following nothing.
    pub fn shown_untracked<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        match self.rewind.view.get_untracked() {
            Some(view) => read(&view.session),
            None => self.session.with_untracked(read),
        }
    }

    /// Which session is shown, as a number that changes with it; follows.
    pub fn shown_key(&self) -> (usize, u64, usize, u64) {
        let view = self.rewind.view.with(|view| view.as_ref().map_or(usize::MAX, |view| view.epoch));
        let (revision, length) = self.shown(|session| (session.cluster().store().revision(), session.log().len()));
        (view, revision, length, self.rewind.branch())
    }

    /// Whether the cluster that is shown is not the present one; follows.
    pub fn is_rewound(&self) -> bool {
        self.is_past() || self.rewind.view.with(Option::is_some)
    }

    /// The step of the history that sent a request.
    pub fn step_of(&self, request: u64) -> Option<usize> {
        self.rewind.steps.with_untracked(|steps| steps.iter().position(|step| step.sent.ids.contains(&request)))
    }

    /// Whether the stage stands in the past; follows.
    pub fn is_past(&self) -> bool {
        self.rewind.step.with(Option::is_some)
    }

    /// The step that is looked at: in the present, the batch's, or the last.
    pub fn step_now(&self) -> Option<usize> {
        let batch = self.batch.with_untracked(|batch| batch.first().copied());
        let last = self.rewind.steps.with_untracked(|steps| steps.len().checked_sub(1));
        self.rewind.step.get_untracked().or_else(|| batch.and_then(|id| self.step_of(id))).or(last)
    }

    /// Goes to a step of the history and stops there; what comes after the last is now.
    pub fn go_to(&self, index: usize, end: End) {
        let steps = self.rewind.steps.get_untracked();
        let Some(step) = steps.get(index) else { return self.return_to_now() };
        let kept = |id: &u64| self.session.with_untracked(|session| session.trace(*id).is_some());
        let ids: Vec<u64> = step.sent.ids.clone().filter(kept).collect();
        let is_last = index + 1 == steps.len();
        if is_last && ids.is_empty() {
            return self.return_to_now();
        }
        self.playing.set(false);
        self.rewind.held.set(is_last);
        self.rewind.step.set((!is_last).then_some(index));
        self.selected.set(ids.first().copied());
        self.hop.set(None);
        self.batch.set(ids);
        // The stage finds out how long it takes.
        self.horizon.set(BEYOND);
        self.playhead.set(if end == End::Start { 0.0 } else { BEYOND });
    }

    /// Back to the present: the last requests as they ended, and the cluster as it is.
    pub fn return_to_now(&self) {
        let last = self.rewind.steps.with_untracked(|steps| steps.iter().rposition(|step| !step.sent.ids.is_empty()));
        if let Some(last) = last {
            self.go_to(last, End::Finish);
        } else {
            self.batch.set(Vec::new());
            self.playing.set(false);
        }
        self.rewind.step.set(None);
        self.rewind.held.set(false);
    }

    /// The clock stands before the end of its batch: the cluster is that of its time, which may be the past.
    pub fn look_at_batch(&self) {
        if self.rewind.step.with_untracked(Option::is_some) {
            return;
        }
        let Some(step) = self.batch.with_untracked(|batch| batch.first().and_then(|id| self.step_of(*id))) else {
            return;
        };
        let is_last = self.rewind.steps.with_untracked(|steps| step + 1 == steps.len());
        self.rewind.held.set(is_last);
        if !is_last {
            self.rewind.step.set(Some(step));
        }
    }

    /// The clock has come to its end: in the past, the next step plays. Gives whether it goes on.
    pub fn play_on(&self) -> bool {
        let Some(step) = self.rewind.step.get_untracked() else { return false };
        self.go_to(step + 1, End::Start);
        let goes_on = self.rewind.step.with_untracked(Option::is_some) || self.rewind.held.get_untracked();
        self.playing.set(goes_on);
        goes_on
    }

    /// Takes back what came after the step that is looked at; undo brings it again.
    pub fn go_on_from_here(&self) {
        let step = self.rewind.step.get_untracked();
        let Some(moment) = step.and_then(|at| self.rewind.steps.with_untracked(|steps| steps.get(at).map(|s| s.after)))
        else {
            return;
        };
        let before = self.session.get_untracked();
        let then = before.go_on_from(moment);
        let length = then.log().len();
        let past = self.past_now(Some(self.desk()));
        self.session.set(then);
        for (_, undone) in before.log()[length..].iter().rev() {
            self.unapply(undone);
            self.unrun(undone);
        }
        self.rewound();
        self.push_past(past, length);
    }
}
