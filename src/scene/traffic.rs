//! Traces to counts: who answered how often, with what, by a moment of the stage.

use std::collections::BTreeMap;

use super::Scene;
use super::marks::{Mark, Marks};
use super::timeline::Timeline;
use crate::time::Duration;
use crate::trace::{OutcomeKind, Place, Trace};

/// The answers of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Its mark.
    pub mark: Option<Mark>,
    /// Its name.
    pub name: String,
    /// Answers that have come back.
    pub landed: usize,
    /// Requests that are still on their way to it or back.
    pub flying: usize,
}

/// Counts at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// One bar for each replica that may be picked or that answered, by mark.
    pub bars: Vec<Bar>,
    /// Answers by HTTP status; 0 where it was not HTTP.
    pub statuses: BTreeMap<u16, usize>,
    /// Failures by how they ended.
    pub failures: BTreeMap<OutcomeKind, usize>,
    /// Requests that are on their way.
    pub flying: usize,
    /// The middle one of the answers' times.
    pub median: Option<Duration>,
}

/// Counts what has happened by a moment of the stage.
pub fn tally<'a>(
    scene: &Scene,
    marks: &Marks,
    timeline: &Timeline,
    traces: impl IntoIterator<Item = &'a Trace>,
    t: f32,
) -> Tally {
    let mut tally = Tally::default();
    let mut bars: BTreeMap<(Option<Mark>, String), (usize, usize)> = BTreeMap::new();
    if let Some(rule) = scene.rooms.first().and_then(|room| room.kernel.rules.first()) {
        let ready = |ip: &str| rule.ends.iter().any(|end| end.split(':').next() == Some(ip));
        for pod in scene.rooms.iter().flat_map(|room| &room.pods) {
            let members = pod.members.iter().map(|member| (&member.ip, member.mark, &member.name));
            let all = members.chain([(&pod.ip, pod.mark, &pod.name)]);
            for (_, mark, name) in all.filter(|(ip, ..)| ready(ip)) {
                bars.insert((mark, name.clone()), (0, 0));
            }
        }
    }
    let mut times = Vec::new();
    for trace in traces {
        let over = timeline.run(trace.id).is_none_or(|run| run.is_over(t));
        let begun = timeline.run(trace.id).is_none_or(|run| t >= run.start);
        let to = match &trace.outcome.responder {
            Some(Place::Pod(namespace, name)) => Some((marks.pod(namespace, name), name.to_string())),
            _ => None,
        };
        if let Some(key) = to.filter(|_| trace.outcome.kind == OutcomeKind::Answered) {
            let bar = bars.entry(key).or_default();
            *(if over { &mut bar.0 } else { &mut bar.1 }) += usize::from(over || begun);
        }
        match (over, trace.outcome.kind) {
            (false, _) => tally.flying += 1,
            (true, OutcomeKind::Answered) => {
                *tally.statuses.entry(trace.outcome.status).or_default() += 1;
                times.push(trace.duration());
            }
            (true, kind) => *tally.failures.entry(kind).or_default() += 1,
        }
    }
    crate::sort::by(&mut times, Ord::cmp);
    tally.median = times.get(times.len() / 2).copied();
    tally.bars = bars.into_iter().map(|((mark, name), (landed, flying))| Bar { mark, name, landed, flying }).collect();
    tally
}

/// A duration as the readout says it: `0.35 ms`, `12 ms`, `1.00 s`.
pub fn readable(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..10_000 => format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Motion, Width, fixture};

    #[test]
    fn a_request_is_in_flight_until_its_packet_lands() {
        let store = fixture::store(3, 3);
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&store));
        let traces = [fixture::answered(1), fixture::answered(2), fixture::refused(3), fixture::lost(4)];
        let timeline = Timeline::new(&scene, &marks, &traces, Motion::Smooth);
        let at = |t: f32| tally(&scene, &marks, &timeline, &traces, t);
        assert_eq!(at(0.0).flying, 4);
        assert_eq!(at(0.0).bars.len(), 3);
        let end = at(timeline.end);
        assert_eq!((end.flying, end.statuses.get(&200)), (0, Some(&2)));
        assert_eq!(end.failures.values().sum::<usize>(), 2);
        let counts: Vec<_> = end.bars.iter().map(|bar| (bar.mark.map(Mark::letter), bar.landed)).collect();
        assert_eq!(counts, [(Some('A'), 0), (Some('B'), 2), (Some('C'), 0)]);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(readable(Duration::from_micros(350)), "0.35 ms");
        assert_eq!(readable(Duration::from_millis(12)), "12 ms");
        assert_eq!(readable(Duration::from_millis(1001)), "1.00 s");
    }
}
