//! The wall clock to the page's two clocks: the cluster's virtual time and the stage's playhead.
//!
//! The cluster's time runs with the wall clock, but nobody looks at it between events: one timer waits for the next
//! thing that will happen by itself, and commands catch up first. Frames are asked for while packets move, and only then.

use std::time::Duration;

use kubehop::time::Instant;
use leptos::prelude::*;

use super::browser;
use super::state::State;

/// After a longer sleep of the page (a closed lid), no more than this passes in the cluster.
const NAP: Duration = Duration::from_secs(600);

/// Where the two clocks meet: at `wall` milliseconds it was `virt` in the cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anchor {
    wall: f64,
    virt: Instant,
}

impl Anchor {
    /// Ties the cluster's time to the wall clock, now.
    pub fn at(virt: Instant) -> Self {
        Self { wall: browser::clock(), virt }
    }

    /// What time it is in the cluster by the wall clock.
    pub fn now(self) -> Instant {
        let passed = Duration::from_micros(((browser::clock() - self.wall).max(0.0) * 1000.0) as u64);
        self.virt + passed.min(NAP)
    }
}

/// What a memo says, as a signal of its own, a moment later.
///
/// Whoever follows the stage's clock by way of a memo is asked at each frame whether that says something else. Where hundreds
/// follow, they follow this: it speaks up when something changed, and at no other time.
pub fn settled<T: Clone + PartialEq + Send + Sync + 'static>(memo: Memo<T>) -> ReadSignal<T> {
    let signal = RwSignal::new(memo.get_untracked());
    Effect::new(move |_| {
        let now = memo.get();
        if signal.with_untracked(|old| *old != now) {
            signal.set(now);
        }
    });
    signal.read_only()
}

/// Starts both clocks.
pub fn start(state: State) {
    // The cluster's. A newer change of the session makes older timers void.
    let turn = StoredValue::new(0u32);
    Effect::new(move |_| {
        let pending = state.session.with(kubehop::session::Session::pending);
        let mine = turn.get_value().wrapping_add(1);
        turn.set_value(mine);
        let Some(next) = pending else { return };
        let due = next.since(state.wall_now()).as_millis() as u32 + 1;
        // Traffic that goes on is looked at a few times a second, whatever its rate.
        let wait = if state.session.with_untracked(|session| session.traffic().is_some()) { due.max(200) } else { due };
        browser::later(wait.min(60_000), move || {
            if turn.get_value() == mine {
                state.catch_up();
            }
        });
    });
    // The stage's.
    let running = StoredValue::new(false);
    Effect::new(move |_| {
        if state.playing.get() && !running.get_value() {
            running.set_value(true);
            browser::next_frame(move |now| tick(state, running, now));
        }
    });
}

fn tick(state: State, running: StoredValue<bool>, last: f64) {
    if !state.playing.get_untracked() {
        running.set_value(false);
        return;
    }
    browser::next_frame(move |now| {
        // A frame that was long in coming (a hidden tab) is no reason to jump.
        let passed = (now - last).clamp(0.0, 100.0) * state.speed.get_untracked();
        let (head, end) = (state.playhead.get_untracked() + passed, state.horizon.get_untracked());
        if state.playing.get_untracked() {
            state.playhead.set(head.min(end));
            if head >= end && !state.play_on() {
                state.playing.set(false);
            }
        }
        tick(state, running, now);
    });
}
