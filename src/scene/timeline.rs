//! Traces and the stage's time to positions and states of packets.
//!
//! The stage's time is not the cluster's: a hop of 300 µs is shown for more than half a second. Everything here is a pure
//! function of scene, traces and time; the frame callback supplies the time and nothing else.

use std::collections::BTreeMap;

use super::line::{Line, Pt};
use super::marks::{Mark, Marks};
use super::{Anchor, Scene};
use crate::trace::{Action, By, Hop, OutcomeKind, Place, Reason, Trace};

/// How packets move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    /// Along their wires.
    #[default]
    Smooth,
    /// From hop to hop, for readers who asked for less motion: the same states in the same order.
    Hops,
}

/// What a packet looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The replica that was picked for it; none before, and for names asked of DNS.
    pub mark: Option<Mark>,
    /// It goes back to the client.
    pub reply: bool,
    /// It asks for a name, or answers that.
    pub name: bool,
    /// It carries a refusal back.
    pub refusal: bool,
}

/// What a packet does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It moves along a line.
    Move,
    /// It is looked at.
    Rest,
    /// Its destination is rewritten: old struck out, new slid in.
    Dnat,
    /// Its source is rewritten, or a reply's addresses are put back.
    Rewrite,
    /// Its program answers.
    Answer,
    /// It arrived at its client.
    Land,
    /// It is refused: back a little, with a bar.
    Refuse,
    /// Nobody answers: it gains a cross.
    Lose,
}

/// One stretch of a packet's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// The hop that it leads to, or that it shows.
    pub hop: usize,
    /// When it begins, in milliseconds since its run began.
    pub start: f32,
    /// How long it takes.
    pub ms: f32,
    /// What happens.
    pub act: Act,
    /// What the packet looks like: after a rewrite, what it turned into.
    pub look: Look,
    line: usize,
    from: f32,
    to: f32,
}

/// One trace on the stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The trace's number.
    pub id: u64,
    /// When it begins, in milliseconds of the stage.
    pub start: f32,
    /// When its last leg ends.
    pub end: f32,
    /// How it ends.
    pub outcome: OutcomeKind,
    /// Its legs, one after another.
    pub legs: Vec<Leg>,
    /// The moment at which each hop is best looked at, since its run began.
    pub moments: Vec<f32>,
    /// The leg after which a mark of its failure stays.
    stone: Option<usize>,
}

/// A packet at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sprite {
    /// The trace's number.
    pub id: u64,
    /// The run's place in the timeline.
    pub run: usize,
    /// The leg it is in.
    pub leg: usize,
    /// Where it is.
    pub at: Pt,
    /// What it looks like.
    pub look: Look,
    /// What it does.
    pub act: Act,
    /// How far it is with that, 0 to 1, eased where it moves.
    pub done: f32,
}

/// The mark of failures that ended at one place in one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stone {
    /// Where it is.
    pub at: Pt,
    /// The first of their runs.
    pub run: usize,
    /// How many there are.
    pub count: usize,
}

/// Traces laid out in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// One for each trace.
    pub runs: Vec<Run>,
    /// When all is over.
    pub end: f32,
    lines: Vec<Line>,
}

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
/// How far a refused packet goes back, in units.
const RECOIL: f32 = 12.0;

impl Timeline {
    /// The timeline of traces that were sent at once.
    pub fn new<'a>(scene: &Scene, marks: &Marks, traces: impl IntoIterator<Item = &'a Trace>, motion: Motion) -> Self {
        let mut traces: Vec<_> = traces.into_iter().collect();
        crate::sort::by_key(&mut traces, |trace| trace.id);
        let usual = if motion == Motion::Hops { HOP } else { STAGGER };
        let stagger = usual.min(CROWD / traces.len().max(1) as f32);
        let mut maker = Maker { scene, marks, motion, lines: Vec::new(), known: BTreeMap::new() };
        let start = |i: usize| i as f32 * stagger;
        let runs: Vec<_> = traces.iter().enumerate().map(|(i, trace)| maker.run(trace, start(i))).collect();
        let end = runs.iter().map(|run| run.end).fold(0.0, f32::max);
        Self { runs, end, lines: maker.lines }
    }

    /// The run of a trace; runs stand in the order of their numbers.
    pub fn run(&self, id: u64) -> Option<&Run> {
        self.runs.binary_search_by_key(&id, |run| run.id).ok().map(|i| &self.runs[i])
    }

    /// Every packet that is to be seen at a moment. `sprites` is emptied first, and reused from frame to frame.
    pub fn at(&self, t: f32, sprites: &mut Vec<Sprite>) {
        sprites.clear();
        for (i, run) in self.runs.iter().enumerate() {
            if t < run.start {
                continue;
            }
            let since = t - run.start;
            let leg = run.leg_at(since);
            if t < run.end || run.stone == Some(leg) {
                sprites.push(self.sprite(i, leg, since));
            }
            if let Some(stone) = run.stone.filter(|stone| *stone < leg) {
                sprites.push(self.sprite(i, stone, f32::INFINITY));
            }
        }
    }

    /// Where a run's packet is.
    pub fn position(&self, run: &Run, t: f32) -> Pt {
        let since = t - run.start;
        let leg = &run.legs[run.leg_at(since)];
        self.lines[leg.line].at(leg.from + (leg.to - leg.from) * leg.done(since))
    }

    /// What a trace's packet looks like at a moment.
    pub fn look(&self, id: u64, t: f32) -> Look {
        self.run(id).map(|run| run.legs[run.leg_at(t - run.start)].look).unwrap_or_default()
    }

    /// The failures of a moment, those of one kind at one place together.
    pub fn stones(&self, t: f32) -> Vec<Stone> {
        let mut stones: Vec<Stone> = Vec::new();
        for (i, run) in self.runs.iter().enumerate() {
            let Some(leg) = run.stone.map(|stone| &run.legs[stone]).filter(|leg| t - run.start >= leg.start) else {
                continue;
            };
            let at = self.lines[leg.line].at(leg.to);
            let same = |stone: &&mut Stone| stone.at.to(at) < 4.0 && self.runs[stone.run].outcome == run.outcome;
            match stones.iter_mut().find(same) {
                Some(stone) => stone.count += 1,
                None => stones.push(Stone { at, run: i, count: 1 }),
            }
        }
        stones
    }

    fn sprite(&self, run: usize, index: usize, since: f32) -> Sprite {
        let leg = &self.runs[run].legs[index];
        let done = leg.done(since);
        let at = self.lines[leg.line].at(leg.from + (leg.to - leg.from) * done);
        Sprite { id: self.runs[run].id, run, leg: index, at, look: leg.look, act: leg.act, done }
    }

    /// The last stretch of a packet's way, `length` units of it, oldest point first.
    pub fn tail(&self, sprite: &Sprite, length: f32) -> impl Iterator<Item = Pt> {
        let leg = &self.runs[sprite.run].legs[sprite.leg];
        let now = leg.from + (leg.to - leg.from) * sprite.done;
        self.lines[leg.line].stretch((now - length).max(0.0), now)
    }

    /// Where a packet's leg began, and the direction in which it came there, as a step of one unit.
    pub fn wall(&self, sprite: &Sprite) -> (Pt, Pt) {
        let leg = &self.runs[sprite.run].legs[sprite.leg];
        let (before, after) = (self.lines[leg.line].at(leg.from - 0.5), self.lines[leg.line].at(leg.from));
        let step = before.to(after);
        let right = Pt { x: 1.0, y: 0.0 };
        let ahead = Pt { x: (after.x - before.x) / step, y: (after.y - before.y) / step };
        (after, if step < 0.01 { right } else { ahead })
    }

    /// The way of a packet in its present direction, as corners: what it took, and what is to come.
    pub fn ways(&self, id: u64, t: f32) -> (Vec<Vec<Pt>>, Vec<Vec<Pt>>) {
        let (mut took, mut ahead) = (Vec::new(), Vec::new());
        let Some(run) = self.run(id) else { return (took, ahead) };
        let since = t - run.start;
        let now = &run.legs[run.leg_at(since)];
        // Before a replica is picked nobody knows the way beyond.
        let known = |leg: &&Leg| now.look.mark.is_some() || leg.act != Act::Dnat || leg.look.name;
        let moves = run.legs.iter().take_while(known).filter(|leg| leg.act == Act::Move);
        for leg in moves.filter(|leg| leg.look.same_way(now.look)) {
            let middle = leg.from + (leg.to - leg.from) * leg.done(since);
            if middle > leg.from {
                took.push(self.lines[leg.line].stretch(leg.from, middle).collect());
            }
            if middle < leg.to {
                ahead.push(self.lines[leg.line].stretch(middle, leg.to).collect());
            }
        }
        (took, ahead)
    }
}

impl Leg {
    /// How far it is, 0 to 1, eased where the packet moves.
    fn done(&self, since: f32) -> f32 {
        let raw = if self.ms > 0.0 { ((since - self.start) / self.ms).clamp(0.0, 1.0) } else { 1.0 };
        if self.act == Act::Move { ease(raw) } else { raw }
    }
}

impl Look {
    fn same_way(self, other: Self) -> bool {
        self.reply == other.reply && self.name == other.name
    }
}

impl Run {
    /// The hop that is shown at a moment of the stage.
    pub fn hop_at(&self, t: f32) -> usize {
        let since = t - self.start;
        // A hop is shown from its moment on; a leg that leads to it belongs to the hop before.
        self.moments.partition_point(|moment| *moment <= since + 0.5).saturating_sub(1)
    }

    /// The moment of the stage at which a hop is best looked at.
    pub fn moment(&self, hop: usize) -> f32 {
        self.start + self.moments.get(hop).or(self.moments.last()).copied().unwrap_or_default()
    }

    /// Whether it was answered, refused or lost by that moment.
    pub fn is_over(&self, t: f32) -> bool {
        t >= self.end
    }

    fn leg_at(&self, since: f32) -> usize {
        self.legs.partition_point(|leg| leg.start <= since).saturating_sub(1)
    }
}

/// `--e-wire`, cubic-bezier(.35, 0, .65, 1): almost even, so that speed reads as latency.
fn ease(x: f32) -> f32 {
    let curve = |p: f32, t: f32, q: f32| 3.0 * p * t * (1.0 - t) * (1.0 - t) + 3.0 * q * t * t * (1.0 - t) + t * t * t;
    let mut t = x;
    for _ in 0..3 {
        t -= (curve(0.35, t, 0.65) - x) * 0.9;
    }
    curve(0.0, t, 1.0)
}

/// Lays out runs; ways that several packets take are measured once.
struct Maker<'a> {
    scene: &'a Scene,
    marks: &'a Marks,
    motion: Motion,
    lines: Vec<Line>,
    known: BTreeMap<(Anchor, Anchor), usize>,
}

impl Maker<'_> {
    fn line(&mut self, from: Anchor, to: Anchor) -> usize {
        if let Some(line) = self.known.get(&(from, to)) {
            return *line;
        }
        self.lines.push(Line::rounded(&self.scene.way(from, to)));
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
            look = self.look(trace, hop, name, if fresh { kept } else { look });
            // The way here from where it was.
            let stop = &anchors[i];
            if fresh || here.is_none() {
                here = Some((self.line(stop.from, stop.from), 0.0));
            }
            let before =
                if look.mark.is_some() && hop.action == Action::Dnat { Look { mark: None, ..look } } else { look };
            if let Some((line, from, to)) = self.stretch(stop) {
                if self.motion == Motion::Smooth && to > from {
                    let share = (to - from) / self.lines[line].length().max(1.0);
                    let ms = (LINK * share).max(LINK / 4.0) * pace;
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
            let ms = if self.motion == Motion::Hops { HOP } else { ms * pace };
            let to = if act == Act::Refuse { (at - RECOIL).max(0.0) } else { at };
            if matches!(act, Act::Refuse | Act::Lose) && !name {
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
        Look { mark: picked.or(before.mark), reply: hop.reply, name, refusal }
    }

    /// The mark of the pod that has the packet's destination.
    fn owner(&self, hop: &Hop) -> Option<Mark> {
        let ip = hop.packet.dst.ip.to_string();
        let mut pods = self.scene.rooms.iter().flat_map(|room| &room.pods);
        pods.find(|pod| pod.address.text == ip).and_then(|pod| pod.mark)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Width, fixture};

    fn sprites(timeline: &Timeline, t: f32) -> Vec<Sprite> {
        let mut sprites = Vec::new();
        timeline.at(t, &mut sprites);
        sprites
    }

    fn timeline(motion: Motion) -> (Scene, Timeline) {
        let store = fixture::store(3, 3);
        let scene = fixture::scene(3, 3, Width::Wide);
        let traces = [fixture::answered(1), fixture::refused(2), fixture::lost(3)];
        (scene.clone(), Timeline::new(&scene, &Marks::of(&store), &traces, motion))
    }

    #[test]
    fn a_packet_takes_its_hue_when_a_replica_is_picked_and_comes_back_hollow() {
        let (scene, timeline) = timeline(Motion::Smooth);
        let run = &timeline.runs[0];
        let marks: Vec<_> = run.legs.iter().map(|leg| leg.look.mark.map(Mark::letter)).collect();
        let picked = marks.iter().position(Option::is_some).expect("a replica is picked");
        assert_eq!(run.legs[picked].act, Act::Dnat);
        assert!(marks[picked..].iter().all(|m| *m == Some('B')), "{marks:?}");
        assert_eq!(run.legs.last().map(|leg| (leg.act, leg.look.reply)), Some((Act::Land, true)));
        // It starts and ends where its client is, and stops at the door in between.
        let at = |t: f32| sprites(&timeline, t)[0].at;
        assert_eq!(at(0.0), scene.rest(Anchor::Host(0)));
        assert_eq!(at(run.end - 1.0), scene.rest(Anchor::Host(0)));
        let answer = run.legs.iter().find(|leg| leg.act == Act::Answer).expect("an answer");
        assert_eq!(at(answer.start + 1.0), scene.rest(Anchor::Pod(1, 0)));
    }

    #[test]
    fn a_controllers_own_connection_begins_where_the_request_ended() {
        let store = fixture::store(3, 3);
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&store));
        let trace = fixture::routed(1);
        let timeline = Timeline::new(&scene, &marks, [&trace], Motion::Smooth);
        let run = &timeline.runs[0];
        let end = |leg: &Leg, at: f32| timeline.lines[leg.line].at(at);
        for pair in run.legs.windows(2) {
            let jump = end(&pair[0], pair[0].to).to(end(&pair[1], pair[1].from));
            assert!(jump < 1.0, "between hops {} and {}: {jump}", pair[0].hop, pair[1].hop);
        }
        assert!(run.legs.iter().all(|leg| !leg.look.name));
        assert_eq!(run.legs.last().and_then(|leg| leg.look.mark).map(Mark::letter), Some('B'));
        assert_eq!(super::super::inspect::picked(&trace, &marks).map(Mark::letter), Some('B'));
    }

    #[test]
    fn failures_stay_and_answers_do_not() {
        for motion in [Motion::Smooth, Motion::Hops] {
            let (scene, timeline) = timeline(motion);
            let left = sprites(&timeline, timeline.end + 1e6);
            let acts: Vec<_> = left.iter().map(|s| (s.id, s.act)).collect();
            assert_eq!(acts, [(2, Act::Refuse), (3, Act::Lose)]);
            assert_eq!(left[1].at, scene.rest(Anchor::Nowhere));
            assert!((left[0].at.to(scene.rooms[0].kernel.spot) - RECOIL).abs() < 0.1);
        }
    }

    #[test]
    fn each_hop_has_a_moment_and_moments_follow_each_other() {
        for motion in [Motion::Smooth, Motion::Hops] {
            let (_, timeline) = timeline(motion);
            for run in &timeline.runs {
                assert!(run.moments.windows(2).all(|pair| pair[0] < pair[1]));
                for hop in 0..run.moments.len() {
                    assert_eq!(run.hop_at(run.moment(hop)), hop);
                }
                assert!(run.legs.windows(2).all(|l| (l[0].start + l[0].ms - l[1].start).abs() < 0.1));
            }
        }
    }

    #[test]
    fn the_way_of_a_packet_is_what_it_took_and_what_is_to_come() {
        let (_, timeline) = timeline(Motion::Smooth);
        let run = &timeline.runs[0];
        let length = |ways: &[Vec<Pt>]| -> f32 {
            ways.iter().flat_map(|way| way.windows(2)).map(|pair| pair[0].to(pair[1])).sum()
        };
        let (took, ahead) = timeline.ways(1, 0.0);
        let before = length(&ahead);
        assert!(took.is_empty() && before > 20.0, "the way to the kernel that picks");
        let (took, ahead) = timeline.ways(1, run.moment(1));
        assert!((length(&took) - before).abs() < 3.0);
        let whole = length(&took) + length(&ahead);
        assert!(whole > before + 100.0, "the way to the replica");
        let (took, ahead) = timeline.ways(1, run.moment(3));
        assert!((length(&took) + length(&ahead) - whole).abs() < 3.0);
    }

    #[test]
    fn ease_keeps_its_ends() {
        assert!(ease(0.0).abs() < 1e-3 && (ease(1.0) - 1.0).abs() < 1e-3 && (ease(0.5) - 0.5).abs() < 1e-2);
    }
}
