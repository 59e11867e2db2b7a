//! Counts beside the motion: when many requests travel at once, how many of them each replica has answered, and how they ended.

use std::collections::BTreeMap;

use super::line::words;
use super::marks::Mark;
use super::pods::MARK;
use super::traffic::{Client, Tally};
use super::{Anchor, Rect, Scene};
use crate::lang::Lang;
use crate::trace::Place;

/// A count on the edge of a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// The chip's own box.
    pub rect: Rect,
    /// `14`, `200 × 41`
    pub text: String,
    /// Whose count it is: a replica's, or the client's.
    pub mark: Option<Mark>,
    /// Its size: that of the mark which it counts for.
    pub scale: f32,
}

/// From so many requests on they are counted on the stage: fewer are counted at a glance.
pub const MANY: usize = 10;
const HIGH: f32 = 16.0;

/// The counts of a moment of the stage, as answers land.
pub fn chips(scene: &Scene, tally: &Tally, lang: Lang) -> Vec<Chip> {
    // Replicas that share a mark share a count.
    let mut landed: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for bar in tally.bars.iter().filter(|bar| bar.landed > 0) {
        if let Some(Anchor::Pod(room, pod)) = bar.anchor {
            *landed.entry((room, pod)).or_default() += bar.landed;
        }
    }
    let replicas = landed.into_iter().filter_map(|((room, pod), count)| {
        let (pod, text) = (scene.rooms.get(room)?.pods.get(pod)?, count.to_string());
        let scale = if pod.is_bare() { pod.size / MARK } else { 1.0 };
        Some(Chip { rect: on_edge(pod.rect, &text, true, scale), text, mark: pod.mark, scale })
    });
    let clients = tally.clients.iter().filter(|client| !client.statuses.is_empty()).filter_map(|client| {
        // Failures say their own words and counts where they ended.
        let (rect, text) = (self::client(scene, &client.place)?, said(client, lang));
        Some(Chip { rect: on_edge(rect, &text, false, 1.0), text, mark: None, scale: 1.0 })
    });
    replicas.chain(clients).collect()
}

/// `200 × 41`
fn said(client: &Client, lang: Lang) -> String {
    let said = client.statuses.iter().map(|(status, count)| match status {
        0 => format!("{} × {count}", lang.pick("answered", "已应答")),
        status => format!("{status} × {count}"),
    });
    said.collect::<Vec<_>>().join("  ")
}

/// A chip that sits on a box's lower edge, at its right or its left end; in the middle of a small one.
fn on_edge(rect: Rect, text: &str, right: bool, scale: f32) -> Rect {
    let (wide, high) = ((words(text) + 12.0) * scale, HIGH * scale);
    let x = match right {
        _ if rect.w < 40.0 => rect.center().x - wide / 2.0,
        true => rect.right() - wide - 8.0,
        false => rect.x + 10.0,
    };
    Rect::new(x, rect.bottom() - high / 2.0, wide, high)
}

/// The box of a client.
fn client(scene: &Scene, from: &Place) -> Option<Rect> {
    match from {
        Place::Laptop => Some(scene.laptop.rect),
        Place::Node(name) => {
            let room = scene.rooms.iter().find(|room| room.name == **name)?;
            room.host.as_ref().map(|host| host.rect)
        }
        Place::Pod(..) => match scene.anchor(from)? {
            // Its right end is for what it answers itself.
            Anchor::Pod(room, pod) => Some(scene.rooms[room].pods[pod].rect).filter(|rect| rect.w > 40.0),
            _ => None,
        },
        Place::Internet => scene.edge.as_ref().map(|edge| edge.internet.rect),
        Place::Cloud(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::traffic::Ledger;
    use crate::scene::{Marks, Motion, Timeline, Width, fixture};

    #[test]
    fn answers_are_counted_as_they_land() {
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&fixture::store(3, 3)));
        let traces: Vec<_> =
            (1..=12).map(|id| if id % 4 == 0 { fixture::lost(id) } else { fixture::answered(id) }).collect();
        let timeline = Timeline::new(&scene, &marks, &traces, Motion::Smooth);
        let ledger = Ledger::new(&scene, &marks, &timeline, &traces);
        let at = |t: f32| chips(&scene, &ledger.tally(t), Lang::En);
        assert!(at(0.0).is_empty());
        let first = timeline.runs.iter().map(|run| run.end).fold(f32::MAX, f32::min);
        assert!(at(first).len() <= 2);
        let texts: Vec<_> = at(timeline.end).into_iter().map(|chip| (chip.text, chip.mark.map(Mark::letter))).collect();
        assert!(texts.contains(&("9".to_owned(), Some('B'))), "{texts:?}");
    }

    #[test]
    fn replicas_that_share_a_mark_share_a_count() {
        // So many on one node are drawn as one mark for the set.
        let store = fixture::store(8, 2000);
        let (scene, marks) = (fixture::scene(8, 2000, Width::Wide), Marks::of(&store));
        let mut traces: Vec<_> = (1..=12).map(fixture::answered).collect();
        for (i, trace) in traces.iter_mut().enumerate() {
            // x0001, x0009, x0017 are all on the second node.
            trace.outcome.responder =
                Some(Place::Pod("default".into(), format!("web-6d8f9c7b5d-x{:04}", 1 + 8 * (i % 3)).into()));
        }
        let timeline = Timeline::new(&scene, &marks, &traces, Motion::Smooth);
        let ledger = Ledger::new(&scene, &marks, &timeline, &traces);
        let chips = chips(&scene, &ledger.tally(timeline.end), Lang::En);
        let counts: Vec<_> = chips.iter().filter(|chip| chip.mark.is_some()).map(|chip| &*chip.text).collect();
        assert_eq!(counts, ["12"]);
    }
}
