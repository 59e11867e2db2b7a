//! Probes and health checks on the stage, for readers who want to see them: at their true times, by one timer for the next of them.
//!
//! Frames are asked for while one is to be seen, and only then.

use std::time::Duration;

use kubehop::cluster::Beat;
use kubehop::scene::line::{self, words};
use kubehop::scene::pulse::{self, Pulse};
use kubehop::scene::{Errand, Motion, Pt};
use kubehop::time::Instant;
use leptos::prelude::*;

use super::browser;
use super::stage_scenery::Scenery;
use super::stage_svg;
use super::state::State;

/// What is under way of probes and checks.
#[derive(Clone, Copy)]
pub(super) struct Pulses {
    /// All of them, as drawn.
    pub(super) live: Memo<Vec<Pulse>>,
    /// The cluster's time, while one is to be seen.
    pub(super) now: RwSignal<Instant>,
    /// Where the pointer is, while there is something for it to find.
    pointed: RwSignal<Option<Pt>>,
    beats: RwSignal<Vec<Beat>>,
    /// Until when beats were taken.
    until: StoredValue<Instant>,
    /// Voids timers that a newer one takes the place of.
    turn: StoredValue<u32>,
    running: StoredValue<bool>,
    calm: ReadSignal<bool>,
}

/// A pointer as near as this means it: they are small and move, in units.
const NEAR: f32 = 26.0;

/// Nothing is to be seen longer than this.
const LONGEST: Duration = Duration::from_millis(2100);

/// Begins to show probes and checks, as far as the reader wants to see them.
pub(super) fn start(state: State, scenery: Scenery) -> Pulses {
    let beats = RwSignal::new(Vec::<Beat>::new());
    let live = Memo::new(move |_| {
        let lang = state.lang.get();
        // These are of now, and a picture of the past shows none.
        if state.is_past() {
            return Vec::new();
        }
        scenery.scene.with(|scene| beats.with(|beats| pulse::pulses(scene, beats, lang)))
    });
    let pulses = Pulses {
        live,
        now: RwSignal::new(Instant::ZERO),
        pointed: RwSignal::new(None),
        beats,
        until: StoredValue::new(Instant::ZERO),
        turn: StoredValue::new(0),
        running: StoredValue::new(false),
        calm: scenery.calm,
    };
    Effect::new(move |_| {
        state.session.track();
        let muted = state.kinds.muted.get();
        pulses.turn.update_value(|turn| *turn = turn.wrapping_add(1));
        if muted.has(Errand::Probe) && muted.has(Errand::Check) {
            if !beats.with_untracked(Vec::is_empty) {
                beats.set(Vec::new());
            }
            return;
        }
        pulses.plan(state);
    });
    pulses
}

impl Pulses {
    /// The pointer is at a place of the scene, or away.
    pub(super) fn point(self, at: Option<Pt>) {
        let at = at.filter(|_| self.live.with_untracked(|live| !live.is_empty()));
        if self.pointed.get_untracked() != at {
            self.pointed.set(at);
        }
    }

    /// The name of the probe or check at the pointer, as SVG beside it.
    pub(super) fn named(self, scenery: Scenery) -> Memo<String> {
        Memo::new(move |_| {
            let Some(pointer) = self.pointed.get() else { return String::new() };
            let (now, motion) = (self.now.get(), motion(scenery));
            let width = scenery.scene.with(|scene| scene.width);
            self.live.with(|live| {
                let mut near = live.iter().filter_map(|pulse| {
                    let dot = pulse.dot(now.since(pulse.at).as_micros() as f32 / 1000.0, motion)?;
                    (dot.at.to(pointer) < NEAR).then_some((dot.at, &pulse.name))
                });
                let Some((at, name)) = near.next_back() else { return String::new() };
                let half = words(name) / 2.0 + 6.0;
                let x = at.x.clamp(half.min(width / 2.0), (width - half).max(width / 2.0));
                let mut out = String::new();
                stage_svg::text(&mut out, "k mid over", line::pt(x, at.y - 12.0), name);
                out
            })
        })
    }

    /// Waits for the next beat.
    fn plan(self, state: State) {
        let muted = state.kinds.muted.get_untracked();
        let now = state.wall_now();
        // Another session has times of its own; after a long sleep, only what is fresh is shown.
        let fresh = Instant::from_micros(now.as_micros().saturating_sub(LONGEST.as_micros() as u64));
        self.until.update_value(|until| *until = (*until).clamp(fresh, now));
        let after = self.until.get_value();
        let next = state.session.with_untracked(|session| {
            session.cluster().next_beat(after, !muted.has(Errand::Probe), !muted.has(Errand::Check))
        });
        let (Some(next), turn) = (next, self.turn.get_value()) else { return };
        let wait = next.since(now).as_millis() as u32 + 1;
        browser::later(wait, move || {
            if self.turn.get_value() == turn {
                self.take(state);
            }
        });
    }

    /// Takes the beats that have come, and waits for the next.
    fn take(self, state: State) {
        let now = state.wall_now();
        if state.session.with_untracked(|session| session.pending().is_some_and(|at| at <= now)) {
            // What changes the cluster comes first; that it changed leads here again.
            return state.catch_up();
        }
        let (muted, from) = (state.kinds.muted.get_untracked(), self.until.get_value());
        self.until.set_value(now);
        let come = state.session.with_untracked(|session| {
            let cluster = session.cluster();
            let probes = if muted.has(Errand::Probe) { Vec::new() } else { cluster.probes(from, now) };
            let checks = if muted.has(Errand::Check) { Vec::new() } else { cluster.health_checks(from, now) };
            probes.into_iter().chain(checks).collect::<Vec<_>>()
        });
        self.beats.update(|beats| {
            beats.retain(|beat| now.since(beat.at) < LONGEST);
            beats.extend(come);
        });
        if !self.running.get_value() && self.is_seen(now) {
            self.running.set_value(true);
            self.frame(state);
        }
        self.plan(state);
    }

    fn frame(self, state: State) {
        browser::next_frame(move |_| {
            let now = state.wall_now();
            self.now.set(now);
            if self.is_seen(now) {
                self.frame(state);
            } else {
                self.running.set_value(false);
            }
        });
    }

    /// Whether any of them is to be seen; those of pods that are not drawn never are.
    fn is_seen(self, now: Instant) -> bool {
        let motion = if self.calm.get_untracked() { Motion::Hops } else { Motion::Smooth };
        let lasts = |pulse: &Pulse| (now.since(pulse.at).as_micros() as f32) < pulse.lasts(motion) * 1000.0;
        self.live.with_untracked(|live| live.iter().any(lasts))
    }
}

/// How the reader wants things to move.
pub(super) fn motion(scenery: Scenery) -> Motion {
    if scenery.calm.get() { Motion::Hops } else { Motion::Smooth }
}
