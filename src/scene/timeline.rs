//! Traces and the stage's time to positions and states of packets.
//!
//! The stage's time is not the cluster's: a hop of 300 µs is shown for more than half a second. Everything here is a pure
//! function of scene, traces and time; the frame callback supplies the time and nothing else.

use super::errand::{Errand, Errands};
use super::line::{Line, Pt};
use super::marks::{Mark, Marks};
use super::{Scene, lay};
use crate::trace::{OutcomeKind, Trace};

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
    /// A controller asks again with it, because another replica failed.
    pub retry: bool,
    /// The reader does not want to see it.
    pub muted: bool,
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
    pub(super) line: usize,
    pub(super) from: f32,
    pub(super) to: f32,
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
    pub(super) stone: Option<usize>,
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
    motion: Motion,
    lines: Vec<Line>,
    /// When counts change, in order; of a crowd, a few times a second.
    beats: Vec<f32>,
}

impl Timeline {
    /// The timeline of traces that were sent at once.
    pub fn new<'a>(scene: &Scene, marks: &Marks, traces: impl IntoIterator<Item = &'a Trace>, motion: Motion) -> Self {
        Self::muting(scene, marks, traces, motion, Errands::default())
    }

    /// The same without the packets on some errands: they take no time, and are not seen.
    pub fn muting<'a>(
        scene: &Scene,
        marks: &Marks,
        traces: impl IntoIterator<Item = &'a Trace>,
        motion: Motion,
        muted: Errands,
    ) -> Self {
        let mut traces: Vec<_> = traces.into_iter().collect();
        crate::sort::by_key(&mut traces, |trace| trace.id);
        let (runs, lines) = lay::out(scene, marks, &traces, motion, muted);
        let end = runs.iter().map(|run| run.end).fold(0.0, f32::max);
        let beats = beats(&runs, end);
        Self { runs, end, motion, lines, beats }
    }

    /// The last moment before `t` at which something began, ended or failed: counts are as they were then.
    ///
    /// In a crowd moments that are close together are taken as one, so that who counts does so a few times a second.
    pub fn beat(&self, t: f32) -> f32 {
        let next = self.beats.partition_point(|beat| *beat <= t);
        next.checked_sub(1).map_or(f32::MIN, |last| self.beats[last])
    }

    /// How long after each other so many traces begin.
    pub fn stagger(traces: usize, motion: Motion) -> f32 {
        lay::stagger(traces, motion)
    }

    /// The run of a trace; runs stand in the order of their numbers.
    pub fn run(&self, id: u64) -> Option<&Run> {
        self.runs.binary_search_by_key(&id, |run| run.id).ok().map(|i| &self.runs[i])
    }

    /// Every packet that is to be seen at a moment; of the muted ones, that of the trace `kept`. `sprites` is emptied first,
    /// and reused from frame to frame.
    pub fn at(&self, t: f32, kept: Option<u64>, sprites: &mut Vec<Sprite>) {
        sprites.clear();
        for (i, run) in self.runs.iter().enumerate() {
            if t < run.start {
                continue;
            }
            let since = t - run.start;
            let leg = run.leg_at(since);
            let seen = run.stone == Some(leg) || !run.legs[leg].look.muted || kept == Some(run.id);
            if seen && (t < run.end || run.stone == Some(leg)) {
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
        let done = match (self.motion, leg.act) {
            (Motion::Smooth, _) => leg.done(since),
            // A picture that stands: both addresses at a rewrite, a verdict as it stays, an answer as it arrives.
            (Motion::Hops, Act::Dnat | Act::Rewrite) => 0.475,
            (Motion::Hops, Act::Land) => 0.0,
            (Motion::Hops, _) => 1.0,
        };
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

    /// The whole way of a trace's request, as corners.
    pub fn route(&self, id: u64) -> Vec<Vec<Pt>> {
        let legs = self.run(id).map(|run| &run.legs[..]).unwrap_or_default();
        let moves = legs.iter().filter(|leg| leg.act == Act::Move && !leg.look.reply && !leg.look.name);
        moves.map(|leg| self.lines[leg.line].stretch(leg.from, leg.to).collect()).collect()
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
        let raw = match since - self.start {
            passed if self.ms > 0.0 => (passed / self.ms).clamp(0.0, 1.0),
            passed => f32::from(u8::from(passed >= 0.0)),
        };
        if self.act == Act::Move { ease(raw) } else { raw }
    }
}

impl Look {
    /// What a packet that looks so is under way for.
    pub fn errand(self) -> Errand {
        match () {
            () if self.name => Errand::Name,
            () if self.reply => Errand::Reply,
            () if self.retry => Errand::Retry,
            () => Errand::Request,
        }
    }

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

/// More runs than this are a crowd.
const CROWD: usize = 60;
/// How often a crowd is counted, in milliseconds.
const COUNT: f32 = 200.0;

/// When runs begin, end and fail, in order.
fn beats(runs: &[Run], end: f32) -> Vec<f32> {
    let of = |run: &Run| {
        let failed = run.stone.map(|leg| run.start + run.legs[leg].start);
        [Some(run.start), Some(run.end), failed]
    };
    let round = |beat: f32| if runs.len() > CROWD { ((beat / COUNT).ceil() * COUNT).min(end) } else { beat };
    let mut beats: Vec<f32> = runs.iter().flat_map(of).flatten().map(round).collect();
    crate::sort::by(&mut beats, f32::total_cmp);
    beats.dedup();
    beats
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::lay::{DOORSTEP, RECOIL};
    use crate::scene::{Anchor, Width, fixture};

    fn sprites(timeline: &Timeline, t: f32) -> Vec<Sprite> {
        let mut sprites = Vec::new();
        timeline.at(t, None, &mut sprites);
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
        let door = at(answer.start + 1.0).to(scene.rest(Anchor::Pod(1, 0)));
        assert!((door - DOORSTEP).abs() < 0.1, "it waits before the door: {door}");
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
    fn what_is_muted_takes_no_time_and_is_not_seen() {
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&fixture::store(3, 3)));
        let trace = fixture::answered(1);
        let whole = Timeline::new(&scene, &marks, [&trace], Motion::Smooth);
        let muted = Errands::default().set(Errand::Reply, true);
        for motion in [Motion::Smooth, Motion::Hops] {
            let timeline = Timeline::muting(&scene, &marks, [&trace], motion, muted);
            let run = &timeline.runs[0];
            assert!(motion == Motion::Hops || run.end < whole.end * 0.7, "{} of {}", run.end, whole.end);
            let seen = |kept: Option<u64>| {
                let mut sprites = Vec::new();
                (0..run.end as usize).any(|t| {
                    timeline.at(t as f32, kept, &mut sprites);
                    sprites.iter().any(|sprite| sprite.look.reply)
                })
            };
            assert!(!seen(None) && seen(Some(1)), "the packet that somebody looks at is shown all the same");
            // Each hop can still be stopped at.
            assert_eq!(run.moments.len(), trace.hops.len());
            assert!((0..trace.hops.len()).all(|hop| run.hop_at(run.moment(hop)) == hop));
        }
        // A failure is never muted.
        let timeline = Timeline::muting(&scene, &marks, [&fixture::lost(3)], Motion::Smooth, Errands::from_number(63));
        assert_eq!(sprites(&timeline, timeline.end + 1.0).len(), 1);
    }

    #[test]
    fn a_controllers_second_question_is_a_retry() {
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&fixture::store(3, 3)));
        let trace = fixture::retried(1);
        let timeline = Timeline::new(&scene, &marks, [&trace], Motion::Smooth);
        let retried: Vec<u16> = timeline.runs[0]
            .legs
            .iter()
            .filter(|leg| leg.look.errand() == Errand::Retry)
            .map(|leg| trace.hops[leg.hop].exchange)
            .collect();
        assert!(!retried.is_empty() && retried.iter().all(|exchange| *exchange == 2), "{retried:?}");
    }

    #[test]
    fn a_crowd_is_counted_a_few_times_a_second_and_to_its_end() {
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&fixture::store(3, 3)));
        let traces: Vec<_> = (0..600).map(fixture::answered).collect();
        let timeline = Timeline::new(&scene, &marks, &traces, Motion::Smooth);
        assert!(timeline.beats.len() < timeline.end as usize / 90, "{} beats", timeline.beats.len());
        assert_eq!(timeline.beat(timeline.end), timeline.end);
        let (_, few) = self::timeline(Motion::Smooth);
        for run in &few.runs {
            assert_eq!((few.beat(run.start), few.beat(run.end)), (run.start, run.end));
        }
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
    fn with_less_motion_a_packet_is_a_row_of_pictures_that_stand() {
        let (_, timeline) = timeline(Motion::Hops);
        let mut sprites = Vec::new();
        for run in &timeline.runs {
            let mut pictures = Vec::new();
            for t in 0..(run.end - run.start) as usize / 10 {
                timeline.at(run.start + t as f32 * 10.0 + 1.0, None, &mut sprites);
                let picture = sprites.iter().find(|sprite| sprite.id == run.id).map(|s| (s.at, s.act, s.done));
                if pictures.last() != Some(&picture) {
                    pictures.push(picture);
                }
            }
            assert!(pictures.len() <= run.moments.len() + 1, "{} pictures of run {}", pictures.len(), run.id);
        }
        // The way is told all the same.
        let (took, ahead) = timeline.ways(1, timeline.runs[0].moment(2));
        assert!(!took.is_empty() && !ahead.is_empty());
    }

    #[test]
    fn ease_keeps_its_ends() {
        assert!(ease(0.0).abs() < 1e-3 && (ease(1.0) - 1.0).abs() < 1e-3 && (ease(0.5) - 0.5).abs() < 1e-2);
    }
}
