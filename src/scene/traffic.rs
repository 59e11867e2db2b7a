//! Traces to counts: who answered how often, with what, by a moment of the stage.
//!
//! Whatever moments have in common is looked up once, in a [`Ledger`]: a moment of thousands of requests is counted in no time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::marks::{Mark, Marks};
use super::timeline::Timeline;
use super::{Anchor, Scene};
use crate::time::Duration;
use crate::trace::{OutcomeKind, Place, Trace};

/// The answers of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Its mark.
    pub mark: Option<Mark>,
    /// Its name.
    pub name: Arc<str>,
    /// Where it is drawn, if it still is.
    pub anchor: Option<Anchor>,
    /// Answers that have come back.
    pub landed: usize,
    /// Requests that are still on their way to it or back.
    pub flying: usize,
}

/// The answers that one client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Who it is.
    pub place: Place,
    /// Answers by HTTP status; 0 where it was not HTTP.
    pub statuses: BTreeMap<u16, usize>,
}

/// Counts at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// One bar for each replica that may be picked or that answered, by mark.
    pub bars: Vec<Bar>,
    /// Answers by client.
    pub clients: Vec<Client>,
    /// Answers by HTTP status; 0 where it was not HTTP.
    pub statuses: BTreeMap<u16, usize>,
    /// Failures by how they ended.
    pub failures: BTreeMap<OutcomeKind, usize>,
    /// Requests that are on their way.
    pub flying: usize,
    /// The middle one of the answers' times.
    pub median: Option<Duration>,
}

/// What there is to count of the traces of a timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Replicas and clients, nothing counted yet.
    blank: Tally,
    /// The requests, the quickest first.
    entries: Vec<Entry>,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    start: f32,
    end: f32,
    kind: OutcomeKind,
    status: u16,
    time: Duration,
    /// The places of its replica's bar and of its client.
    bar: Option<usize>,
    client: usize,
}

impl Ledger {
    /// Looks up what there is to count.
    pub fn new<'a>(
        scene: &Scene,
        marks: &Marks,
        timeline: &Timeline,
        traces: impl IntoIterator<Item = &'a Trace>,
    ) -> Self {
        let traces: Vec<&Trace> = traces.into_iter().collect();
        let answerer = |trace: &Trace| match &trace.outcome {
            outcome if outcome.kind != OutcomeKind::Answered => None,
            outcome => match &outcome.responder {
                Some(Place::Pod(namespace, name)) => {
                    Some((marks.pod(namespace, name), name.clone(), namespace.clone()))
                }
                _ => None,
            },
        };
        let mut bars: BTreeMap<_, usize> =
            traces.iter().filter_map(|trace| answerer(trace)).map(|key| (key, 0)).collect();
        if let Some(rule) = scene.rooms.first().and_then(|room| room.kernel.rules.first()) {
            let ready = |ip: &str| rule.ends.iter().any(|end| end.split(':').next() == Some(ip));
            for pod in scene.rooms.iter().flat_map(|room| &room.pods) {
                let members = pod.members.iter().map(|m| (&m.ip, m.mark, &m.name, &m.namespace));
                let all = members.chain([(&pod.ip, pod.mark, &pod.name, &pod.namespace)]);
                bars.extend(all.filter(|(ip, ..)| ready(ip)).map(|(_, mark, name, namespace)| {
                    ((mark, Arc::from(name.as_str()), Arc::from(namespace.as_str())), 0)
                }));
            }
        }
        bars.values_mut().enumerate().for_each(|(i, at)| *at = i);
        let mut clients: BTreeMap<&Place, usize> = traces.iter().map(|trace| (&trace.from, 0)).collect();
        clients.values_mut().enumerate().for_each(|(i, at)| *at = i);
        let entry = |trace: &&Trace| Entry {
            start: timeline.run(trace.id).map_or(f32::MIN, |run| run.start),
            end: timeline.run(trace.id).map_or(f32::MIN, |run| run.end),
            kind: trace.outcome.kind,
            status: trace.outcome.status,
            time: trace.duration(),
            bar: answerer(trace).map(|key| bars[&key]),
            client: clients[&trace.from],
        };
        let mut entries: Vec<Entry> = traces.iter().map(entry).collect();
        crate::sort::by_key(&mut entries, |entry| entry.time);
        let bar = |(mark, name, namespace): &(Option<Mark>, Arc<str>, Arc<str>)| Bar {
            mark: *mark,
            name: name.clone(),
            anchor: scene.anchor(&Place::Pod(namespace.clone(), name.clone())),
            landed: 0,
            flying: 0,
        };
        let client = |place: &&Place| Client { place: Place::clone(place), statuses: BTreeMap::new() };
        let blank = Tally {
            bars: bars.keys().map(bar).collect(),
            clients: clients.keys().map(client).collect(),
            ..Tally::default()
        };
        Self { blank, entries }
    }

    /// Counts what has happened by a moment of the stage.
    pub fn tally(&self, t: f32) -> Tally {
        let mut tally = self.blank.clone();
        let is_over = |entry: &&Entry| t >= entry.end;
        for entry in &self.entries {
            let over = is_over(&entry);
            if let Some(bar) = entry.bar.filter(|_| t >= entry.start) {
                let bar = &mut tally.bars[bar];
                *(if over { &mut bar.landed } else { &mut bar.flying }) += 1;
            }
            match (over, entry.kind) {
                (false, _) => tally.flying += 1,
                (true, OutcomeKind::Answered) => {
                    *tally.statuses.entry(entry.status).or_default() += 1;
                    *tally.clients[entry.client].statuses.entry(entry.status).or_default() += 1;
                }
                (true, kind) => *tally.failures.entry(kind).or_default() += 1,
            }
        }
        let answered: usize = tally.statuses.values().sum();
        let mut times = self.entries.iter().filter(is_over).filter(|entry| entry.kind == OutcomeKind::Answered);
        tally.median = times.nth(answered / 2).map(|entry| entry.time);
        tally
    }
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
        let ledger = Ledger::new(&scene, &marks, &timeline, &traces);
        let at = |t: f32| ledger.tally(t);
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
