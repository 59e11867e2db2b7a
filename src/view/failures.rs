//! From failure to failure: the first request of each kind that failed in a step, at the hop where it did, and what was refused.

use std::collections::BTreeSet;

use kubehop::session::is_failure;
use kubehop::trace::{OutcomeKind, Place};
use leptos::prelude::*;

use super::rewind::End;
use super::stage_scenery::Scenery;
use super::state::State;

/// Goes to the next failure after what is shown, or to the last before it.
pub fn jump(state: State, scenery: Scenery, onward: bool) {
    let (here, met) = position(state, scenery);
    let stops = stops(state);
    let is_present = state.rewind.step.with_untracked(Option::is_none);
    let is_live = is_present && (!met || state.playing.get_untracked());
    let to = match onward {
        true => stops.iter().find(|stop| **stop > here || (!met && **stop == here)),
        // While requests play in the present, the last failure of all is what has just been seen.
        false if is_live => stops.last(),
        false => stops.iter().rfind(|stop| **stop < here),
    };
    let Some((step, id)) = to.copied() else {
        let none = match onward {
            true => state.pick("No later failure.", "之后没有失败。"),
            false => state.pick("No earlier failure.", "之前没有失败。"),
        };
        return state.notice.set(none.to_owned());
    };
    match id {
        0 => state.go_to(step, End::Finish),
        id => {
            if state.step_now() != Some(step) || state.batch.with_untracked(|batch| !batch.contains(&id)) {
                state.go_to(step, End::Start);
            }
            scenery.stop_at_end(state, id);
        }
    }
}

/// Step and request of each failure, in order; request 0 stands for a step that sent none and was refused.
fn stops(state: State) -> Vec<(usize, u64)> {
    let steps = state.rewind.steps.get_untracked();
    let mut stops = Vec::new();
    state.session.with_untracked(|session| {
        for (i, step) in steps.iter().enumerate().filter(|(_, step)| step.is_failure()) {
            if step.sent.ids.is_empty() {
                stops.push((i, 0));
            }
            let mut met: BTreeSet<(OutcomeKind, u16, Option<&Place>)> = BTreeSet::new();
            let failed = step.sent.ids.clone().filter_map(|id| session.trace(id)).filter(|trace| is_failure(trace));
            let first = failed
                .filter(|trace| met.insert((trace.outcome.kind, trace.outcome.status, trace.outcome.at.as_ref())));
            stops.extend(first.map(|trace| (i, trace.id)));
        }
    });
    stops
}

/// Where the stage stands among the failures, and whether it has shown the one that stands there.
fn position(state: State, scenery: Scenery) -> ((usize, u64), bool) {
    let is_over = state.playhead.get_untracked() >= state.horizon.get_untracked();
    let step = state.rewind.step.get_untracked();
    if step.is_none() && is_over {
        return ((usize::MAX, 0), true);
    }
    let Some(at) = state.step_now() else { return ((0, 0), false) };
    if is_over || state.batch.with_untracked(Vec::is_empty) {
        let last = if state.batch.with_untracked(Vec::is_empty) { 0 } else { u64::MAX };
        return ((at, last), true);
    }
    let Some(trace) = untrack(|| scenery.followed()) else { return ((at, 0), true) };
    let met = !is_failure(&trace) || state.playhead.get_untracked() + 1.0 >= scenery.end_of(&trace);
    ((at, trace.id), met)
}
