//! Counts beside the motion: when many requests travel at once, how many of them each replica has answered, and how they ended.

use std::collections::BTreeMap;

use super::line::words;
use super::marks::{Mark, Marks};
use super::timeline::Timeline;
use super::{Anchor, Rect, Scene};
use crate::lang::Lang;
use crate::trace::{OutcomeKind, Place, Trace};

/// A count on the edge of a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// The chip's own box.
    pub rect: Rect,
    /// `14`, `200 × 41`
    pub text: String,
    /// Whose count it is: a replica's, or the client's.
    pub mark: Option<Mark>,
}

/// From so many requests on they are counted on the stage: fewer are counted at a glance.
const MANY: usize = 10;
const HIGH: f32 = 16.0;

/// The counts of a moment of the stage, as answers land; none while few requests travel.
pub fn chips<'a>(
    scene: &Scene,
    marks: &Marks,
    timeline: &Timeline,
    traces: impl IntoIterator<Item = &'a Trace>,
    t: f32,
    lang: Lang,
) -> Vec<Chip> {
    let mut chips = Vec::new();
    if timeline.runs.len() < MANY {
        return chips;
    }
    let mut pods: BTreeMap<&Place, usize> = BTreeMap::new();
    let mut ends: BTreeMap<&Place, BTreeMap<(OutcomeKind, u16), usize>> = BTreeMap::new();
    for trace in traces {
        if timeline.run(trace.id).is_none_or(|run| !run.is_over(t)) {
            continue;
        }
        if let Some(pod @ Place::Pod(..)) = &trace.outcome.responder {
            *pods.entry(pod).or_default() += 1;
        }
        let outcome = &trace.outcome;
        let status = if outcome.kind == OutcomeKind::Answered { outcome.status } else { 0 };
        *ends.entry(&trace.from).or_default().entry((outcome.kind, status)).or_default() += 1;
    }
    for (place, count) in pods {
        let Place::Pod(namespace, name) = place else { continue };
        let Some(Anchor::Pod(room, pod)) = scene.anchor(place) else { continue };
        let (rect, text) = (scene.rooms[room].pods[pod].rect, count.to_string());
        chips.push(Chip { rect: on_edge(rect, &text, true), text, mark: marks.pod(namespace, name) });
    }
    for (from, ends) in ends {
        let Some(rect) = client(scene, from) else { continue };
        // Failures say their own words and counts where they ended.
        let answers = ends.iter().filter(|((kind, _), _)| *kind == OutcomeKind::Answered);
        let said = answers.map(|((_, status), count)| match status {
            0 => format!("{} × {count}", lang.pick("answered", "已应答")),
            status => format!("{status} × {count}"),
        });
        let text = said.collect::<Vec<_>>().join("  ");
        if !text.is_empty() {
            chips.push(Chip { rect: on_edge(rect, &text, false), text, mark: None });
        }
    }
    chips
}

/// A chip that sits on a box's lower edge, at its right or its left end; in the middle of a small one.
fn on_edge(rect: Rect, text: &str, right: bool) -> Rect {
    let wide = words(text) + 12.0;
    let x = match right {
        _ if rect.w < 40.0 => rect.center().x - wide / 2.0,
        true => rect.right() - wide - 8.0,
        false => rect.x + 10.0,
    };
    Rect::new(x, rect.bottom() - HIGH / 2.0, wide, HIGH)
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
    use crate::scene::{Motion, Width, fixture};

    #[test]
    fn answers_are_counted_as_they_land_and_only_in_a_crowd() {
        let (scene, marks) = (fixture::scene(3, 3, Width::Wide), Marks::of(&fixture::store(3, 3)));
        let traces: Vec<_> =
            (1..=12).map(|id| if id % 4 == 0 { fixture::lost(id) } else { fixture::answered(id) }).collect();
        let timeline = Timeline::new(&scene, &marks, &traces, Motion::Smooth);
        let at = |t: f32| chips(&scene, &marks, &timeline, &traces, t, Lang::En);
        assert!(at(0.0).is_empty());
        let first = timeline.runs.iter().map(|run| run.end).fold(f32::MAX, f32::min);
        assert!(at(first).len() <= 2);
        let texts: Vec<_> = at(timeline.end).into_iter().map(|chip| (chip.text, chip.mark.map(Mark::letter))).collect();
        assert!(texts.contains(&("9".to_owned(), Some('B'))), "{texts:?}");
        let few = Timeline::new(&scene, &marks, &traces[..9], Motion::Smooth);
        assert!(chips(&scene, &marks, &few, &traces[..9], few.end, Lang::En).is_empty());
    }
}
