//! Traces to runs: where each hop stands, how long it is shown, and what its packet looks like there.

use std::collections::BTreeMap;

use super::errand::{self, Errands};
use super::line::{Line, Pt};
use super::marks::{Mark, Marks};
use super::timeline::{Act, Leg, Look, Motion, Run};
use super::{Anchor, Scene};
use crate::trace::{Action, By, Hop, OutcomeKind, Place, Reason, Trace};

/// Display times at speed 1, in milliseconds.
const LINK: f32 = 600.0;
const REWRITE: f32 = 900.0;
const VERDICT: f32 = 400.0;
const LOOK: f32 = 240.0;
/// How long each hop stands where packets do not move.
const HOP: f32 = 1200.0;
/// From one trace to the next of the same command; many share a few seconds.
const STAGGER: f32 = 420.0;
const CROWD: f32 = 6000.0;
/// How long a packet takes for a hop that nobody wants to see.
const UNSEEN: f32 = 2.0;
/// How far from a pod's door a packet waits, so that the port on it can be read.
pub(super) const DOORSTEP: f32 = 13.0;
/// How far a refused packet goes back, in units.
pub(super) const RECOIL: f32 = 12.0;

/// How long after each other so many traces begin.
pub(super) fn stagger(traces: usize, motion: Motion) -> f32 {
    let usual = if motion == Motion::Hops { HOP } else { STAGGER };
    usual.min(CROWD / traces.max(1) as f32)
}

/// Runs of traces in the order of their numbers, and the lines that their legs speak of.
pub(super) fn out(
    scene: &Scene,
    marks: &Marks,
    traces: &[&Trace],
    motion: Motion,
    muted: Errands,
) -> (Vec<Run>, Vec<Line>) {
    let stagger = stagger(traces.len(), motion);
    let mut maker = Maker { scene, marks, motion, muted, lines: Vec::new(), known: BTreeMap::new() };
    let start = |i: usize| i as f32 * stagger;
    let runs: Vec<_> = traces.iter().enumerate().map(|(i, trace)| maker.run(trace, start(i))).collect();
    (runs, maker.lines)
}

/// Takes a length off the end of a way, as long as half of it stays.
pub(super) fn shorten(way: &mut Vec<Pt>, length: f32) {
    let whole: f32 = way.windows(2).map(|pair| pair[0].to(pair[1])).sum();
    let mut rest = length.min(whole / 2.0);
    while let [.., before, last] = way[..] {
        let piece = before.to(last);
        let end = way.len() - 1;
        if piece > rest {
            way[end] = last.toward(before, rest / piece);
            return;
        }
        rest -= piece;
        way.truncate(end);
    }
}

/// Lays out runs; ways that several packets take are measured once.
struct Maker<'a> {
    scene: &'a Scene,
    marks: &'a Marks,
    motion: Motion,
    muted: Errands,
    lines: Vec<Line>,
    known: BTreeMap<(Anchor, Anchor), usize>,
}

impl Maker<'_> {
    fn line(&mut self, from: Anchor, to: Anchor) -> usize {
        if let Some(line) = self.known.get(&(from, to)) {
            return *line;
        }
        let mut way = self.scene.way(from, to);
        if let (true, Anchor::Pod(room, _)) = (from == to, from) {
            // It waits where it would have come to.
            way = self.scene.way(Anchor::Kernel(room), to);
            shorten(&mut way, DOORSTEP);
            way.drain(..way.len().saturating_sub(1));
        } else {
            if let Anchor::Pod(..) = to {
                shorten(&mut way, DOORSTEP);
            }
            if let Anchor::Pod(..) = from {
                way.reverse();
                shorten(&mut way, DOORSTEP);
                way.reverse();
            }
        }
        self.lines.push(Line::rounded(&way));
        self.known.insert((from, to), self.lines.len() - 1);
        self.lines.len() - 1
    }

    fn run(&mut self, trace: &Trace, start: f32) -> Run {
        let anchors = self.anchors(trace);
        let own = super::inspect::own_exchange(trace);
        let mut run = Run {
            id: trace.id,
            start,
            end: start,
            outcome: trace.outcome.kind,
            legs: Vec::with_capacity(trace.hops.len() * 2),
            moments: Vec::with_capacity(trace.hops.len()),
            stone: None,
        };
        let mut clock = 0.0;
        let mut look = Look::default();
        let mut here: Option<(usize, f32)> = None;
        for (i, hop) in trace.hops.iter().enumerate() {
            let name = hop.exchange < own;
            let pace = if name { 0.5 } else { 1.0 };
            let fresh = i == 0 || trace.hops[i - 1].exchange != hop.exchange;
            // What a controller answers is still the replica's.
            let kept =
                if hop.by == By::Ingress && hop.reply { Look { refusal: false, ..look } } else { Look::default() };
            let retry = if fresh { errand::is_retry(trace, hop.exchange, own) } else { look.retry };
            look = self.look(trace, hop, name, if fresh { kept } else { look });
            look.retry = retry && !name;
            look.muted = self.muted.has(look.errand());
            // The way here from where it was.
            let stop = &anchors[i];
            if fresh || here.is_none() {
                here = Some((self.line(stop.from, stop.from), 0.0));
            }
            let before =
                if look.mark.is_some() && hop.action == Action::Dnat { Look { mark: None, ..look } } else { look };
            if let Some((line, from, to)) = self.stretch(stop) {
                if to > from && !look.muted {
                    let share = (to - from) / self.lines[line].length().max(1.0);
                    let ms = match self.motion {
                        Motion::Smooth => (LINK * share).max(LINK / 4.0) * pace,
                        // It is there at once; the way stays to be told.
                        Motion::Hops => 0.0,
                    };
                    run.legs.push(Leg { hop: i, start: clock, ms, act: Act::Move, look: before, line, from, to });
                    clock += ms;
                }
                here = Some((line, to));
            }
            let (line, at) = here.unwrap_or((0, 0.0));
            let final_reply = hop.reply && i + 1 == trace.hops.len();
            let (act, ms) = match hop.action {
                Action::Dnat => (Act::Dnat, REWRITE),
                Action::Snat => (Act::Rewrite, REWRITE),
                Action::Unnat => (Act::Rewrite, REWRITE / 2.0),
                Action::Answer => (Act::Answer, VERDICT),
                Action::Reject => (Act::Refuse, VERDICT),
                Action::Drop | Action::Unreachable => (Act::Lose, VERDICT),
                _ if final_reply => (Act::Land, VERDICT),
                _ => (Act::Rest, LOOK),
            };
            let failed = matches!(act, Act::Refuse | Act::Lose) && !name;
            let ms = match self.motion {
                _ if look.muted && !failed => UNSEEN,
                Motion::Hops => HOP,
                Motion::Smooth => ms * pace,
            };
            let to = if act == Act::Refuse { (at - RECOIL).max(0.0) } else { at };
            if failed {
                run.stone = Some(run.legs.len());
            }
            // Half-way through a rewrite both addresses are to be seen; a verdict is best seen when it is done.
            run.moments.push(match act {
                Act::Dnat | Act::Rewrite if self.motion == Motion::Smooth => clock + ms * 0.47,
                Act::Refuse | Act::Lose => clock + ms - 1.0,
                Act::Land if self.motion == Motion::Smooth => clock + ms,
                _ => clock + 1.0,
            });
            run.legs.push(Leg { hop: i, start: clock, ms, act, look, line, from: at, to });
            clock += ms;
        }
        if run.legs.is_empty() {
            let line = self.line(Anchor::Laptop, Anchor::Laptop);
            run.legs.push(Leg { hop: 0, start: 0.0, ms: 0.0, act: Act::Rest, look, line, from: 0.0, to: 0.0 });
        } else if run.stone.is_none() && trace.outcome.kind == OutcomeKind::Timeout {
            // Nobody said that the packet was dropped: it simply ends where it last was.
            let end = run.legs[run.legs.len() - 1].clone();
            run.stone = Some(run.legs.len());
            run.legs.push(Leg { start: clock, ms: VERDICT, act: Act::Lose, from: end.to, ..end });
            clock += VERDICT;
        }
        run.end = start + clock;
        run
    }

    /// Where each hop stands: between which anchors, and what share of the way.
    fn anchors(&mut self, trace: &Trace) -> Vec<Stop> {
        let mut stops: Vec<Stop> = Vec::with_capacity(trace.hops.len());
        let mut here = self.anchor(trace, &trace.from, true).unwrap_or(Anchor::Laptop);
        for (i, hop) in trace.hops.iter().enumerate() {
            if i > 0 && trace.hops[i - 1].exchange != hop.exchange {
                // A controller's own connection begins at the controller, and so does its answer to the client.
                let begin = if hop.by == By::Ingress { &hop.at } else { &trace.from };
                here = self.anchor(trace, begin, true).unwrap_or(here);
            }
            if let Some(stop) = self.broken(hop, here) {
                stops.push(stop);
                continue;
            }
            let client = hop.at == trace.from && (hop.by == By::Socket || hop.by == By::Resolver);
            let to = match self.anchor(trace, &hop.at, client) {
                Some(Anchor::Laptop) if matches!(hop.action, Action::Drop | Action::Unreachable) => Anchor::Nowhere,
                Some(anchor) => anchor,
                None => here,
            };
            stops.push(Stop { from: here, to, begin: 0.0, end: 1.0 });
            here = to;
        }
        // A wire's own hop stands in the middle of it.
        for i in 1..stops.len() {
            let (wire, next) = (stops[i - 1], stops[i]);
            let same = trace.hops[i].exchange == trace.hops[i - 1].exchange;
            let wires_own = trace.hops[i - 1].by == By::Link && trace.hops[i - 1].action == Action::Forward;
            if wires_own && same && wire.from == wire.to && next.from != next.to {
                stops[i - 1] = Stop { end: 0.5, ..next };
                stops[i].begin = 0.5;
            }
        }
        stops
    }

    /// Where a packet ends on its way to a node that is off, or by a link that is cut: before the wall, or on the wire.
    fn broken(&mut self, hop: &Hop, here: Anchor) -> Option<Stop> {
        let (node, is_cut) = match &hop.because.reason {
            Reason::NodeStopped(node) => (node, false),
            Reason::LinkCut { to, .. } => (to, true),
            _ => return None,
        };
        let to = self.scene.anchor(&Place::Node(node.clone())).filter(|to| *to != here)?;
        let Anchor::Kernel(room) = to else { return None };
        let room = &self.scene.rooms[room];
        let line = self.line(here, to);
        let length = self.lines[line].length().max(1.0);
        let before = room.kernel.spot.x - room.notch.x + 12.0;
        let end = if is_cut { 0.5 } else { 1.0 - before / length };
        Some(Stop { from: here, to, begin: 0.0, end: end.clamp(0.1, 1.0) })
    }

    fn anchor(&self, trace: &Trace, place: &Place, client: bool) -> Option<Anchor> {
        match self.scene.anchor(place)? {
            Anchor::Kernel(room) if client && *place == trace.from && self.scene.rooms[room].host.is_some() => {
                Some(Anchor::Host(room))
            }
            anchor => Some(anchor),
        }
    }

    /// The stretch of line that leads to a stop; none if the packet stays where it is.
    fn stretch(&mut self, stop: &Stop) -> Option<(usize, f32, f32)> {
        if stop.from == stop.to {
            return None;
        }
        let line = self.line(stop.from, stop.to);
        let length = self.lines[line].length();
        Some((line, length * stop.begin, length * stop.end))
    }

    fn look(&self, trace: &Trace, hop: &Hop, name: bool, before: Look) -> Look {
        let refusal = before.refusal || hop.action == Action::Reject;
        let picked = match &hop.at {
            _ if name => None,
            Place::Pod(namespace, pod) if !hop.reply && hop.at != trace.from => self.marks.pod(namespace, pod),
            _ if hop.reply => before.mark,
            _ => self.owner(hop),
        };
        Look { mark: picked.or(before.mark), reply: hop.reply, name, refusal, ..Look::default() }
    }

    /// The mark of the pod that has the packet's destination.
    fn owner(&self, hop: &Hop) -> Option<Mark> {
        self.scene.mark_of(&hop.packet.dst.ip.to_string())
    }
}

/// Where a hop stands: on the way between two anchors, from one share of it to another.
#[derive(Clone, Copy, Debug)]
struct Stop {
    from: Anchor,
    to: Anchor,
    begin: f32,
    end: f32,
}
