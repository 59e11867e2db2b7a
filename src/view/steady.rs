//! Requests that nobody sends by hand (traffic that goes on, `watch curl`) on the stage: what has been sent since the last of them
//! landed sets out together, again and again, as long as the reader looks on and looks at nothing else.

use leptos::prelude::*;

use super::state::State;

/// How many set out together at most; the bars and the history count the others.
const MOST: u64 = 60;

/// What has not been shown yet.
#[derive(Clone, Copy)]
pub struct Steady {
    /// The number of its first request.
    first: StoredValue<Option<u64>>,
}

impl Steady {
    /// Nothing.
    pub fn new() -> Self {
        Self { first: StoredValue::new(None) }
    }

    /// Whatever was sent has been shown, or never will be.
    pub(super) fn forget(self) {
        self.first.set_value(None);
    }
}

impl State {
    /// Time has passed; so many requests had been sent before. Shows those that were sent by themselves since, once the stage is free.
    pub(super) fn roll(&self, sent: u64) {
        let first = self.steady.first;
        let now = self.session.with_untracked(|session| session.cluster().flows().sent());
        if now > sent && first.get_value().is_none() {
            first.set_value(Some(sent + 1));
        }
        let Some(from) = first.get_value().filter(|_| self.is_free()) else { return };
        let ids: Vec<u64> = self.session.with_untracked(|session| {
            let wanted = from.max(now.saturating_sub(MOST - 1))..=now;
            session.traces().iter().rev().map(|trace| trace.id).take_while(|id| wanted.contains(id)).collect()
        });
        first.set_value(None);
        if !ids.is_empty() {
            self.rewind.follow_command(true);
            self.show(ids.into_iter().rev().collect());
        }
    }

    /// Whether the packets on the stage have come to their end, and nobody looks at another than the first, or at the past.
    fn is_free(&self) -> bool {
        let over = self.playhead.get_untracked() >= self.horizon.get_untracked();
        let is_first = self.batch.with_untracked(|batch| batch.first().copied()) == self.selected.get_untracked();
        let landed = over || self.muted.get_untracked();
        let shown = self.batch.with_untracked(Vec::is_empty) || is_first && landed && !self.playing.get_untracked();
        shown && self.rewind.step.with_untracked(Option::is_none)
    }
}
