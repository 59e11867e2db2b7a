//! The words over the picture: of failures, of the selected packet while it stands still, of packets on their way.

use std::sync::Arc;

use kubehop::scene::line::words;
use kubehop::scene::{self, Width, timeline};
use kubehop::trace::{Action, Trace};
use leptos::prelude::*;

use super::stage_canvas::PacketLabel;
use super::stage_scenery::{Scenery, outcome};
use super::stage_svg::{self, Card, CardRow, Stone};
use super::state::State;

/// What lies over the picture: words of failures, and the selected packet's label while it stands still.
pub(super) fn over(state: State, scenery: Scenery, failures: Memo<Vec<timeline::Stone>>) -> String {
    let lang = state.lang.get();
    let stands = !state.playing.get() || scenery.calm.get();
    let selected = state.spotlit().filter(|_| stands && scenery.object.with(Option::is_none));
    let hop = scenery.hop();
    // While packets move no frame is looked at for this.
    let t = if selected.is_some() { state.playhead.get() as f32 } else { 0.0 };
    let stones = failures.get();
    scenery.traces.with(|traces| {
        scenery.scene.with(|scene| {
            scenery.timeline.with(|timeline| {
                let dsts: Vec<String> = stones.iter().map(|stone| target(traces.get(stone.run))).collect();
                let stones: Vec<Stone<'_>> = stones
                    .iter()
                    .zip(&dsts)
                    .filter_map(|(stone, to)| {
                        let trace = traces.get(stone.run)?;
                        let mut word = outcome(trace, lang);
                        if stone.count > 1 {
                            word.push_str(&format!(" × {}", stone.count));
                        }
                        let outside = Some(&stone.at) == scene.laptop.lost.last();
                        let why = if outside { wrap(&scene::inspect::shortly(trace, lang), 158.0) } else { Vec::new() };
                        Some(Stone { at: stone.at, word, to, why, outside })
                    })
                    .collect();
                let mut out = stage_svg::stones(scene, &stones);
                let card = selected.zip(hop).filter(|_| scene.form == Width::Wide).and_then(|(id, hop)| {
                    let trace = traces.iter().find(|trace| trace.id == id)?;
                    let run = timeline.run(id).filter(|run| t >= run.start && !run.is_over(t))?;
                    // A failure's own words are enough.
                    let failing = |hop: &kubehop::trace::Hop| matches!(hop.action, Action::Drop | Action::Unreachable);
                    let at = timeline.position(run, t);
                    if trace.hops.get(hop).is_none_or(failing) {
                        return None;
                    }
                    Some((at, card(trace, hop, scenery, state)))
                });
                // The margin has no space for the legend and all else that may stand there.
                let crowded = scene.socket.is_some() || stones.iter().any(|stone| stone.outside);
                let far = scene.edge.is_some() && (card.is_some() || crowded);
                let legend = stage_svg::has_legend(scene) && !(card.is_some() && crowded) && !far;
                if legend {
                    out.push_str(&stage_svg::legend(scene, lang));
                }
                if let Some((at, card)) = card {
                    out.push_str(&stage_svg::card(scene, at, &card, legend));
                }
                out
            })
        })
    })
}

/// The address that a request was sent to.
fn target(trace: Option<&Arc<Trace>>) -> String {
    trace.and_then(|t| t.hops.iter().rfind(|hop| !hop.reply)).map(|hop| hop.packet.dst.to_string()).unwrap_or_default()
}

/// Words in lines no wider than this.
fn wrap(text: &str, width: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in text.split_inclusive(|c: char| c == ' ' || c as u32 >= 0x2E80) {
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() && words(line) + words(piece.trim_end()) > width {
                lines.push(piece.to_owned());
            } else {
                line.push_str(piece);
            }
        }
    }
    lines.truncate(4);
    lines
}

fn card(trace: &Trace, hop: usize, scenery: Scenery, state: State) -> Card {
    let lang = state.lang.get();
    let facts = scene::inspect::headers(trace, hop);
    let path = trace.request.url.split_once("//").map_or(&*trace.request.url, |(_, rest)| rest);
    let path = path.find('/').map_or(path, |slash| &path[slash..]);
    let label = kubehop::trace::action_label(&trace.hops[hop], lang);
    let at = match state.playing.get() {
        true => lang.pick("hop", "第"),
        false => lang.pick("paused at hop", "停在第"),
    };
    let verb = label.split(' ').next().filter(|word| word.ends_with("NAT")).unwrap_or(&label).to_owned();
    let of = |name: &'static str, row: scene::inspect::Header| CardRow {
        name,
        old: row.before,
        when: match (&row.after, row.later) {
            (None, _) => String::new(),
            (Some(_), None) => lang.pick("now", "现在").to_owned(),
            (Some(_), Some(verb)) => format!("{}{verb}", lang.pick("next, ", "下一步 ")),
        },
        now: row.later.is_none(),
        new: row.after,
    };
    Card {
        title: format!("#{}", trace.id),
        what: format!("{} {path}", trace.request.method).trim().chars().take(34).collect(),
        state: lang.pick(format!("{at} {}, {verb}", hop + 1), format!("{at} {} 跳：{verb}", hop + 1)),
        rows: [of("dst", facts.dst), of("src", facts.src)],
        mark: scenery.marks.with(|marks| scene::inspect::picked(trace, marks)),
    }
}

/// Labels on the canvas: of the packet below the pointer, and of a few more where packets do not move smoothly.
pub(super) fn labels(state: State, scenery: Scenery, hovered: Option<u64>, t: f32) -> Vec<PacketLabel> {
    let (lang, calm, selected) = (state.lang.get(), scenery.calm.get(), state.selected.get());
    if hovered.is_none() && !calm {
        return Vec::new();
    }
    scenery.timeline.with_untracked(|timeline| {
        let mut ids: Vec<u64> = hovered.into_iter().collect();
        if calm {
            // The selected one has its card.
            let under_way = |run: &&timeline::Run| t >= run.start && !run.is_over(t) && Some(run.id) != selected;
            let mut few: Vec<u64> = timeline.runs.iter().filter(under_way).take(FEW + 1).map(|run| run.id).collect();
            few.retain(|id| Some(*id) != hovered);
            if few.len() <= FEW {
                ids.extend(few);
            }
        }
        let label = |id: u64| {
            let trace = scenery.trace(id)?;
            let run = timeline.run(id)?;
            let hop = trace.hops.get(run.hop_at(t))?;
            let below = scenery.scene.with_untracked(|scene| scene.is_below_words(timeline.position(run, t)));
            let what = if hop.reply { outcome(&trace, lang) } else { lang.pick("request", "请求").to_owned() };
            Some(PacketLabel { id, strong: format!("#{id} {what}"), rest: hop.packet.dst.to_string(), below })
        };
        ids.into_iter().filter_map(label).collect()
    })
}

/// So many packets at most have labels at once.
const FEW: usize = 4;
