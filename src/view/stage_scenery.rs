//! What stage, transport and inspector share: the picture and its clock, derived from the page's state.

use std::sync::Arc;

use kubehop::net::Carrier;
use kubehop::object::{Ingress, Kind, Ref};
use kubehop::scene::timeline::{Act, Run};
use kubehop::scene::traffic::{Ledger, Tally};
use kubehop::scene::{self, Affects, Marks, Motion, Needs, Scene, Timeline, Width, Wish};
use kubehop::session::is_failure;
use kubehop::trace::{OutcomeKind, Place, Trace};
use leptos::prelude::*;

use super::deeds::Menu;
use super::history::ended;
use super::panels::Panel;
use super::rewind::STAND;
use super::state::State;

/// What stage, transport and inspector share: the picture and its clock, derived from the page's state.
#[derive(Clone, Copy)]
pub struct Scenery {
    /// The picture.
    pub scene: Memo<Arc<Scene>>,
    /// The replicas' marks.
    pub marks: Memo<Marks>,
    /// The traces on the stage, oldest first.
    pub traces: Memo<Vec<Arc<Trace>>>,
    /// The same, laid out in time.
    pub timeline: Memo<Arc<Timeline>>,
    followed: Memo<Option<Arc<Trace>>>,
    hop: Memo<Option<usize>>,
    /// The last moment of the stage's clock at which a count changed: who counts follows this, not each frame.
    pub beat: Memo<f32>,
    /// The counts of that moment.
    pub tally: Memo<Tally>,
    /// The Service whose rules the kernels show.
    pub focus: Memo<Option<Ref>>,
    /// What the field does that has the accent, if one has.
    pub told: Memo<Option<Arc<Affects>>>,
    /// The object that the inspector shows in place of a packet.
    pub object: RwSignal<Option<Ref>>,
    /// The stage's menu, while it is to be open.
    pub menu: RwSignal<Option<Menu>>,
    /// The last answer or failure, in one line, for those who do not see the stage.
    pub(super) said: RwSignal<String>,
    /// Whether the reader asked for less motion: packets jump from hop to hop, the followed one with its card.
    pub(super) calm: ReadSignal<bool>,
    /// The Service that the reader chose, if one was.
    pub(super) chosen: RwSignal<Option<Ref>>,
    /// Width and height of the stage on the screen.
    pub(super) size: RwSignal<(f64, f64)>,
}

/// Makes what the stage's parts share, and gives it to the components below.
pub fn provide_scenery(state: State) -> Scenery {
    let size = RwSignal::new((740.0, 506.0));
    let chosen = RwSignal::new(None::<Ref>);
    let object = RwSignal::new(None::<Ref>);
    let shown = Memo::new(move |_| state.shown_key());
    let branch = StoredValue::new(0);
    let marks = Memo::new(move |before: Option<&Marks>| {
        let (.., now) = shown.get();
        // Another session's marks tell nothing of this one's.
        let same = branch.try_update_value(|branch| std::mem::replace(branch, now) == now).unwrap_or_default();
        let mut marks = before.filter(|_| same).cloned().unwrap_or_default();
        state.shown_untracked(|session| marks.follow(session.cluster().store()));
        marks
    });
    let traces = Memo::new(move |_| {
        let batch = state.batch.get();
        state
            .session
            .with_untracked(|session| batch.iter().filter_map(|id| session.trace(*id).cloned()).collect::<Vec<_>>())
    });
    let told = super::why::told(state, shown);
    let focus = Memo::new(move |_| {
        shown.track();
        // The field under the caret comes before what was chosen on the stage.
        let chosen = told.with(|told| told.as_ref()?.focus.clone()).or_else(|| chosen.get());
        let aimed = traces.with(|traces| traces.iter().find_map(|trace| aimed_at(trace)));
        state.shown_untracked(|session| {
            let services = scene::services(session.cluster().store());
            // A controller that an addon brings takes nobody's eyes off the Service that it serves.
            let newest = services.iter().rfind(|key| !scene::is_addon(&key.namespace, &key.name));
            chosen.or(aimed).filter(|key| services.contains(key)).or_else(|| newest.or(services.last()).cloned())
        })
    });
    let needs = Memo::new(move |_| traces.with(|traces| Needs::of(traces.iter().map(|trace| &**trace))));
    let frame = Memo::new(move |_| {
        let (w, h): (f64, f64) = size.get();
        let width = match w {
            w if w < 440.0 => return (Width::Narrow, 0.0),
            w if w < 560.0 => Width::Middle,
            _ => Width::Wide,
        };
        (width, (f64::from(width.units()) * h / w).round() as f32)
    });
    // What the load balancer in focus thinks of the nodes: that changes with no object of the cluster's.
    let health = Memo::new(move |_| {
        let Some(focus) = focus.get() else { return Vec::new() };
        state.shown(|session| {
            let opinions = session.cluster().flows().health().of(&focus);
            opinions.iter().map(|opinion| (opinion.node.to_string(), opinion.healthy)).collect::<Vec<_>>()
        })
    });
    // Who is inspected comes forward from a crowd of nodes.
    let inspected = Memo::new(move |_| object.get().filter(|key: &Ref| matches!(key.kind, Kind::Node | Kind::Pod)));
    let scene = Memo::new(move |_| {
        shown.track();
        let (width, height) = frame.get();
        let (focus, needs, lang, health) = (focus.get(), needs.get(), state.lang.get(), health.get());
        marks.with(|marks| {
            state.shown_untracked(|session| {
                let (mut profile, outages) = (session.profile().clone(), session.cluster().outages().clone());
                profile.firewall = session.cluster().firewall().map(<[_]>::to_vec);
                let laptop = session.cluster().flows().laptop();
                let route = laptop.route().map(|node| (0, Place::Node(node.clone())));
                let listeners = laptop.listeners().iter();
                let carried = listeners.map(|listener| (listener.port, leads_to(&listener.carrier)));
                let tunnels = route.into_iter().chain(carried).collect();
                let inspected = inspected.get();
                let store = session.cluster().store();
                let readers = store.all::<Ingress>().filter_map(|(meta, _)| {
                    let key = Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str());
                    let reader = session.cluster().readers(&key).into_iter().find(|reader| reader.is_ready)?;
                    Some((key, reader.pod, reader.program))
                });
                let readers = readers.collect();
                let wish =
                    Wish { width, height, focus, lang, profile, health, needs, inspected, readers, outages, tunnels };
                Arc::new(scene::compose(store, marks, &wish))
            })
        })
    });
    let calm = state.rewind.calm;
    let timeline = Memo::new(move |_| {
        let motion = if calm.get() { Motion::Hops } else { Motion::Smooth };
        let (scene, muted) = (scene.get(), state.kinds.muted.get());
        marks.with(|marks| {
            traces.with(|traces| {
                let traces = traces.iter().map(|trace| &**trace);
                Arc::new(Timeline::muting(&scene, marks, traces, motion, muted))
            })
        })
    });
    let followed = Memo::new(move |_| {
        let id = state.selected.get();
        traces.with(|traces| traces.iter().find(|trace| Some(trace.id) == id).or(traces.first()).cloned())
    });
    let hop = Memo::new(move |_| {
        let id = followed.with(|trace| trace.as_ref().map(|trace| trace.id))?;
        let t = state.playhead.get() as f32;
        timeline.with(|timeline| timeline.run(id).map(|run| run.hop_at(t)))
    });
    let beat = Memo::new(move |_| timeline.with(|timeline| timeline.beat(state.playhead.get() as f32)));
    let ledger = Memo::new(move |_| {
        let (scene, timeline) = (scene.get(), timeline.get());
        marks.with(|marks| {
            traces.with(|traces| Ledger::new(&scene, marks, &timeline, traces.iter().map(|trace| &**trace)))
        })
    });
    let tally = Memo::new(move |_| ledger.with(|ledger| ledger.tally(beat.get())));
    // The clock's end; a clock that stands there goes with it.
    Effect::new(move |before: Option<Vec<u64>>| {
        let end =
            if state.rewind.stands(state.batch) { STAND } else { timeline.with(|timeline| f64::from(timeline.end)) };
        let batch = state.batch.get();
        let (head, horizon) = (state.playhead.get_untracked(), state.horizon.get_untracked());
        let ended = head >= horizon && before.as_ref() == Some(&batch);
        if horizon != end {
            state.horizon.set(end);
        }
        if head > end || (ended && head != end) {
            state.playhead.set(end);
        }
        batch
    });
    let scenery = Scenery {
        scene,
        marks,
        traces,
        timeline,
        followed,
        hop,
        beat,
        tally,
        focus,
        told,
        object,
        menu: RwSignal::new(None),
        said: RwSignal::new(String::new()),
        calm,
        chosen,
        size,
    };
    announce(state, scenery);
    super::why::follow(state, scenery);
    land(state, scenery);
    super::altered::follow(state, calm);
    provide_context(scenery);
    scenery
}

/// What the stage's parts share.
pub fn use_scenery() -> Scenery {
    expect_context::<Scenery>()
}

/// Where a tunnel ends.
fn leads_to(carrier: &Carrier) -> Place {
    match carrier {
        Carrier::Pod { pod, .. } => pod.clone(),
        Carrier::Node { node, .. } => Place::Node(node.clone()),
    }
}

/// The Service that a trace's rules speak of.
fn aimed_at(trace: &Trace) -> Option<Ref> {
    let last = trace.hops.last()?.exchange;
    let of_request = trace.hops.iter().filter(|hop| hop.exchange == last);
    let causes = of_request.filter_map(|hop| hop.because.cause.as_ref()).map(|cause| &cause.object);
    let failed = trace.outcome.because.as_ref().and_then(|because| because.cause.as_ref()).map(|cause| &cause.object);
    causes.chain(failed).find(|object| object.kind == Kind::Service).cloned()
}

/// So many requests are told one by one as they end; more only together.
const FEW: usize = 9;

/// One line for each answer or failure, as it comes to be seen; of a crowd, one when all have ended.
fn announce(state: State, scenery: Scenery) {
    Effect::new(move |before: Option<(u64, usize)>| {
        let t = scenery.beat.get();
        let batch = state.batch.with(|batch| batch.first().copied().unwrap_or_default());
        scenery.timeline.with_untracked(|timeline| {
            let over = timeline.runs.iter().filter(|run| run.is_over(t));
            let count = over.clone().count();
            let before = before.filter(|(known, _)| *known == batch).map_or(0, |(_, count)| count);
            let all = timeline.runs.len();
            if all > FEW && count == all && count > before {
                let failed =
                    scenery.traces.with_untracked(|traces| traces.iter().filter(|trace| is_failure(trace)).count());
                scenery.said.set(ended(all as u32, failed as u32, state.lang.get_untracked()));
            } else if all <= FEW && count > before {
                let last = over.max_by(|a, b| a.end.total_cmp(&b.end)).map(|run| run.id);
                if let Some(trace) = last.and_then(|id| scenery.trace(id)) {
                    scenery.said.set(summary(&trace, state));
                }
            }
            (batch, count)
        })
    });
}

/// Takes traces that have reached their end on the stage out of those under way; going back does not send them off again.
fn land(state: State, scenery: Scenery) {
    Effect::new(move |_| {
        let t = scenery.beat.get();
        scenery.timeline.with(|timeline| {
            let flies = |id: &u64| timeline.run(*id).is_some_and(|run| !run.is_over(t));
            if !state.flying.with_untracked(|flying| flying.iter().all(flies)) {
                state.flying.update(|flying| flying.retain(flies));
            }
        });
    });
}

/// A trace in one line: number, end, who.
fn summary(trace: &Trace, state: State) -> String {
    let lang = state.lang.get_untracked();
    let end = outcome(trace, lang);
    match &trace.outcome.responder {
        Some(Place::Pod(_, name)) => format!("#{}: {end} · {name}", trace.id),
        _ => format!("#{}: {end} · {}", trace.id, trace.request.url),
    }
}

/// How a trace ended, in a word or two.
pub fn outcome(trace: &Trace, lang: kubehop::lang::Lang) -> String {
    match trace.outcome.kind {
        OutcomeKind::Answered if trace.outcome.status > 0 => trace.outcome.status.to_string(),
        OutcomeKind::Answered => lang.pick("answered", "已应答").to_owned(),
        OutcomeKind::Refused => lang.pick("refused", "被拒绝").to_owned(),
        OutcomeKind::Timeout => lang.pick("timed out", "超时").to_owned(),
        OutcomeKind::Unreachable => lang.pick("unreachable", "不可达").to_owned(),
        OutcomeKind::DnsFailure => lang.pick("no such name", "域名不存在").to_owned(),
        OutcomeKind::Reset => lang.pick("reset", "连接被重置").to_owned(),
        OutcomeKind::TlsFailure => lang.pick("no TLS", "TLS 失败").to_owned(),
    }
}

impl Scenery {
    /// A trace of the batch.
    pub fn trace(&self, id: u64) -> Option<Arc<Trace>> {
        self.traces.with_untracked(|traces| traces.iter().find(|trace| trace.id == id).cloned())
    }

    /// The selected trace, or the first of the batch.
    pub fn followed(&self) -> Option<Arc<Trace>> {
        self.followed.get()
    }

    /// How wide the stage is on the screen, in pixels of a page at its usual size.
    pub fn width(&self, state: State) -> f64 {
        self.size.get().0 / if state.projector.get() { 1.25 } else { 1.0 }
    }

    /// The hop that is shown of the followed trace.
    pub fn hop(&self) -> Option<usize> {
        self.hop.get()
    }

    /// Stops the clock at a hop of a trace and selects it.
    pub fn stop_at(&self, state: State, id: u64, hop: usize) {
        state.playing.set(false);
        state.look_at_batch();
        // The cluster as the request met it, before its hops are looked for in it.
        if let Some(start) = self.timeline.with_untracked(|timeline| timeline.run(id).map(|run| run.start)) {
            state.playhead.set(f64::from(start));
        }
        let moment = self.timeline.with_untracked(|timeline| timeline.run(id).map(|run| run.moment(hop)));
        state.selected.set(Some(id));
        state.panels.open.set(Panel::Inspector);
        self.object.set(None);
        if let Some(moment) = moment {
            state.playhead.set(f64::from(moment));
        }
    }

    /// Stops the clock where a trace failed, or at its end, and selects it.
    pub fn stop_at_end(&self, state: State, id: u64) {
        let trace = self.traces.with_untracked(|traces| traces.iter().find(|trace| trace.id == id).cloned());
        let hop = trace.and_then(|trace| self.ending_of(&trace)).unwrap_or_default();
        self.stop_at(state, id, hop);
    }

    /// The moment of the stage at which that is shown.
    pub fn end_of(&self, trace: &Trace) -> f64 {
        let hop = self.ending_of(trace).unwrap_or_default();
        self.timeline.with_untracked(|timeline| timeline.run(trace.id).map_or(0.0, |run| f64::from(run.moment(hop))))
    }

    /// The hop that tells most of how a trace ended. Of an error that was answered: where that was decided.
    fn ending_of(&self, trace: &Trace) -> Option<usize> {
        if trace.outcome.kind == OutcomeKind::Answered && trace.outcome.status >= 400 {
            return trace.hops.iter().rposition(|hop| !hop.reply);
        }
        self.timeline.with_untracked(|timeline| timeline.run(trace.id).map(ending_hop))
    }

    /// Stops the clock where it is and selects a packet; one whose run is over is shown at its last hop.
    pub fn select(&self, state: State, id: u64) {
        let t = state.playhead.get_untracked() as f32;
        let hop = self.timeline.with_untracked(|timeline| {
            let run = timeline.run(id)?;
            (t < run.start || run.is_over(t)).then(|| if t < run.start { 0 } else { ending_hop(run) })
        });
        match hop {
            Some(hop) => self.stop_at(state, id, hop),
            None => {
                state.playing.set(false);
                state.look_at_batch();
                state.selected.set(Some(id));
                state.panels.open.set(Panel::Inspector);
                self.object.set(None);
            }
        }
    }

    /// Shows an object in the inspector; a Service also comes into focus.
    pub fn inspect(&self, key: Ref) {
        if key.kind == Kind::Service {
            self.chosen.set(Some(key.clone()));
        }
        self.object.set(Some(key));
    }
}

/// The hop that tells most of a run that is over: where it failed, else the last.
fn ending_hop(run: &Run) -> usize {
    let failed = run.legs.iter().rev().find(|leg| matches!(leg.act, Act::Refuse | Act::Lose));
    failed.map_or(run.moments.len().saturating_sub(1), |leg| leg.hop)
}
