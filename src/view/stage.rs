//! The stage: rooms, links, moving packets. Draws what [`kubehop::scene`] says, and passes on what the reader points at.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubehop::object::{Kind, Ref};
use kubehop::scene::line::words;
use kubehop::scene::traffic::Tally;
use kubehop::scene::{self, PodBox, Room, Scene, Width, crowd, timeline};
use kubehop::trace::{Action, OutcomeKind, Place, Trace};
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use web_sys::{Element, KeyboardEvent, MouseEvent, PointerEvent, ResizeObserver, WheelEvent};

use super::altered;
use super::deeds::{Menu, ObjectMenu};
use super::errands::ErrandMenu;
use super::firewall;
use super::inspector::{is_kept, is_tunnelled};
use super::pulses;
use super::reach;
use super::stage_canvas::{Frame, Lens, PacketLabel, Painter, Spotlight};
use super::stage_scenery::{Scenery, outcome, use_scenery};
use super::stage_svg::{self, Card, CardRow, Stone};
use super::state::{State, use_state};
use super::why;

/// The drawing of the cluster and its traffic.
#[component]
pub fn Stage() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let frame = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let zoom = RwSignal::new(1.0f64);
    let pan = RwSignal::new((0.0f64, 0.0f64));
    let hovered = RwSignal::new(None::<u64>);
    let painter = StoredValue::new_local(None::<Painter>);
    let Scenery { scene, size, timeline, .. } = scenery;

    let lens = Memo::new(move |_| {
        let ((w, h), zoom, (px, py)) = (size.get(), zoom.get(), pan.get());
        let (sw, sh, narrow) = scene.with(|s| (f64::from(s.width), f64::from(s.height), s.form == Width::Narrow));
        let whole = (w / sw).min(h / sh);
        // Smaller type cannot be read: rather the picture is moved.
        let least = if narrow { w / sw * 0.66 } else { (w / sw).min(0.8) };
        let scale = whole.max(least) * zoom;
        let place = |space: f64, length: f64, pan: f64| {
            let free = space - length;
            if free >= 0.0 { free / 2.0 } else { pan.clamp(free, 0.0) }
        };
        Lens { scale, x: place(w, sw * scale, px), y: place(h, sh * scale, py) }
    });
    let view_box = move || {
        let (Lens { scale, x, y }, (w, h)) = (lens.get(), size.get());
        format!("{:.2} {:.2} {:.2} {:.2}", -x / scale, -y / scale, w / scale, h / scale)
    };
    // Type below marks shows once it is large enough to read.
    let detail = move || stage_svg::detail(lens.get().scale);
    let overflows = Memo::new(move |_| {
        let (Lens { scale, .. }, (w, h)) = (lens.get(), size.get());
        scene.with(|s| f64::from(s.width) * scale > w + 1.0 || f64::from(s.height) * scale > h + 1.0)
    });
    // On a phone the stage is as high as its picture, as far as the sheet below leaves space.
    let height = move || {
        let (w, _) = size.get();
        scene.with(|s| {
            (s.form == Width::Narrow).then(|| format!("{:.0}px", f64::from(s.height) * w / f64::from(s.width)))
        })
    };

    Effect::new(move |_| {
        let Some(element) = frame.get() else { return };
        let target: Element = element.clone().into();
        let measure =
            move || size.set((f64::from(target.client_width()).max(1.0), f64::from(target.client_height()).max(1.0)));
        measure();
        let on_resize = Closure::<dyn FnMut()>::new(measure);
        if let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&element);
            std::mem::forget(observer);
        }
        on_resize.forget();
    });
    Effect::new(move |_| {
        if let Some(element) = canvas.get() {
            painter.set_value(Painter::new(element));
        }
    });
    let dark = super::browser::follow("(prefers-color-scheme: dark)");
    Effect::new(move |_| {
        dark.track();
        state.theme.track();
        painter.update_value(|painter| painter.iter_mut().for_each(Painter::refresh));
    });
    let chips = Memo::new(move |_| {
        let many = timeline.with(|timeline| timeline.runs.len() >= crowd::MANY);
        let chips = |tally: &Tally| scene.with(|scene| crowd::chips(scene, tally, state.lang.get()));
        if many { scenery.tally.with(chips) } else { Vec::new() }
    });
    let pulses = pulses::start(state, scenery);
    // The connection that lasts: the followed packet's, else the first one's.
    let tube = Memo::new(move |_| {
        let lasts = |trace: &Arc<Trace>| is_kept(trace) || is_tunnelled(trace);
        let followed = scenery.followed().filter(lasts).map(|trace| trace.id);
        followed
            .or_else(|| scenery.traces.with(|traces| traces.iter().find(|trace| lasts(trace)).map(|trace| trace.id)))
    });
    // The canvas. Runs when the clock moves or what it shows changes, and at no other time.
    Effect::new(move |_| {
        canvas.track();
        dark.track();
        state.theme.track();
        let t = state.playhead.get() as f32;
        let (lens, size, hovered) = (lens.get(), size.get(), hovered.get());
        let selected = state.spotlit().filter(|_| scenery.object.with(Option::is_none));
        let (looks, tube) = (!state.playing.get(), tube.get());
        let (now, motion) = (pulses.now.get(), pulses::motion(scenery));
        let labels = labels(state, scenery, hovered, t);
        let light = Spotlight { selected, hovered, labels };
        timeline.with(|timeline| {
            chips.with(|chips| {
                pulses.live.with(|pulses| {
                    let frame = Frame { timeline, t, light, looks, tube, chips, pulses, now, motion };
                    painter.update_value(|painter| {
                        painter.iter_mut().for_each(|painter| painter.draw(&frame, lens, size));
                    });
                });
            });
        });
    });

    let lit = Memo::new(move |_| lit(state, scenery));
    let routed = Memo::new(move |_| routed(state, scenery));
    let backdrop = Memo::new(move |_| {
        let routed = routed.get();
        let lit = lit.get();
        scene.with(|scene| stage_svg::backdrop(scene, lit.as_ref(), routed.as_ref()))
    });
    let failures = Memo::new(move |_| timeline.with(|timeline| timeline.stones(scenery.beat.get())));
    let over = Memo::new(move |_| over(state, scenery, failures));
    let halo = why::halo(scenery);
    let carried = why::carried(state, scenery);
    let changed = altered::marks(state, scenery);
    let made = why::made(state, scenery);
    // What the pointer is over: the field that made it.
    let hint = RwSignal::new(String::new());
    let pointed = StoredValue::new_local(None::<Element>);
    let point = move |event: &PointerEvent| {
        let Some(target) = event.target().map(|target| target.unchecked_into::<Element>()) else { return };
        if pointed.with_value(|last| last.as_ref() != Some(&target)) {
            hint.set(why::hint(state, made, &target));
            pointed.set_value(Some(target));
        }
    };
    // The replica that the selected packet goes to, once it is picked.
    let aim = Memo::new(move |_| {
        let trace = scenery.followed().filter(|_| state.spotlit().is_some())?;
        let t = state.playhead.get() as f32;
        let picked = timeline.with(|timeline| {
            let run = timeline.run(trace.id)?;
            (t >= run.start && !run.is_over(t)).then(|| timeline.look(trace.id, t).mark)?
        });
        picked.and_then(|_| scene::inspect::destination(&trace).cloned())
    });
    let behind = Memo::new(move |_| {
        let ips = |scene: &Arc<Scene>| scene.behind().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        state.kinds.alone.get().then(|| scene.with(ips))
    });
    let pods = move || scene.with(|scene| scene.rooms.iter().flat_map(|room| room.pods.clone()).collect::<Vec<_>>());

    let to_scene = move |event: &PointerEvent| {
        let bounds = frame.get_untracked()?.get_bounding_client_rect();
        let (x, y) = (f64::from(event.client_x()) - bounds.left(), f64::from(event.client_y()) - bounds.top());
        Some(lens.get_untracked().unit(x, y))
    };
    let hit = move |event: &PointerEvent| {
        let at = to_scene(event)?;
        painter.with_value(|painter| painter.as_ref().and_then(|painter| painter.hit(at)))
    };
    follow(state, scenery, Sight { lens, pan, overflows });
    let drag = StoredValue::new(None::<(i32, i32, (f64, f64), bool)>);
    let on_down = move |event: PointerEvent| {
        if is_control(&event) {
            return;
        }
        let Lens { x, y, .. } = lens.get_untracked();
        drag.set_value(Some((event.client_x(), event.client_y(), (x, y), false)));
    };
    let on_move = move |event: PointerEvent| match drag.get_value() {
        Some((x, y, from, moved)) if event.buttons() & 1 == 1 => {
            let (dx, dy) = (event.client_x() - x, event.client_y() - y);
            if moved || dx.abs() + dy.abs() > 5 {
                drag.set_value(Some((x, y, from, true)));
                pan.set((from.0 + f64::from(dx), from.1 + f64::from(dy)));
            }
        }
        _ => {
            point(&event);
            let found = hit(&event);
            if hovered.get_untracked() != found {
                hovered.set(found);
            }
        }
    };
    let on_up = move |event: PointerEvent| {
        let moved = drag.get_value().is_some_and(|(_, _, _, moved)| moved);
        drag.set_value(None);
        if moved || is_control(&event) {
            return;
        }
        if let Some(id) = hit(&event) {
            scenery.select(state, id);
        } else if let Some(target) = event.target().map(|target| target.unchecked_into::<Element>()) {
            if why::pick(state, made, &target) {
                return;
            }
            if let Some((list, more)) = folded(&target, scenery) {
                let bounds = list.get_bounding_client_rect();
                let x = f64::from(event.client_x()).clamp(bounds.left(), bounds.right());
                let menu = Menu { key: None, more, x, y: f64::from(event.client_y()) + 4.0 };
                // The browser closes what is open once it is done with this very event.
                super::browser::later(0, move || scenery.menu.set(Some(menu)));
            } else if let Some(key) = object_at(&target).filter(|_| event.button() == 0) {
                scenery.inspect(key);
            }
        }
    };
    let on_menu = move |event: MouseEvent| {
        let Some(target) = event.target() else { return };
        let target: Element = target.unchecked_into();
        let key = object_at(&target).or_else(|| reach::object(&target, scenery));
        if key.is_some() {
            event.prevent_default();
            let bounds = target.get_bounding_client_rect();
            // The keyboard's menu key says no place.
            let by_key = event.client_x() == 0 && event.client_y() == 0;
            let (x, y) = match by_key {
                true => (bounds.left(), bounds.bottom()),
                false => (f64::from(event.client_x()), f64::from(event.client_y())),
            };
            scenery.menu.set(Some(Menu { key, more: Vec::new(), x, y }));
        }
    };
    // The point of the view at `x`, `y` stays where it is.
    let zoom_at = move |factor: f64, x: f64, y: f64| {
        let before = lens.get_untracked();
        let now = (zoom.get_untracked() * factor).clamp(0.4, 12.0);
        let factor = now / zoom.get_untracked();
        pan.set((x - (x - before.x) * factor, y - (y - before.y) * factor));
        zoom.set(now);
    };
    let zoom_by = move |factor: f64| {
        let (w, h) = size.get_untracked();
        zoom_at(factor, w / 2.0, h / 2.0);
    };
    let fit = move || {
        zoom.set(1.0);
        pan.set((0.0, 0.0));
    };
    // The wheel, and two fingers on a touchpad, which come as a wheel with Ctrl; in an article the wheel alone is the article's.
    let on_wheel = move |event: WheelEvent| {
        let Some(frame) = frame.get_untracked().filter(|_| event.ctrl_key() || !state.embed) else { return };
        event.prevent_default();
        let bounds = frame.get_bounding_client_rect();
        let step = if event.ctrl_key() { 0.01 } else { 0.0015 };
        let (x, y) = (f64::from(event.client_x()) - bounds.left(), f64::from(event.client_y()) - bounds.top());
        zoom_at((-event.delta_y() * step).clamp(-0.5, 0.5).exp(), x, y);
    };
    let on_key = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowLeft" => (60.0, 0.0),
            "ArrowRight" => (-60.0, 0.0),
            "ArrowUp" => (0.0, 60.0),
            "ArrowDown" => (0.0, -60.0),
            "+" | "=" if !event.ctrl_key() && !event.meta_key() => return zoom_by(1.25),
            "-" if !event.ctrl_key() && !event.meta_key() => return zoom_by(0.8),
            "0" if !event.ctrl_key() && !event.meta_key() => return fit(),
            "Escape" => return state.kinds.alone.set(false),
            _ => return,
        };
        // Inside a list of buttons the arrows are the list's.
        let target = event.target().map(|target| target.unchecked_into::<Element>());
        if target.is_some_and(|target| matches!(target.closest("[data-rove]"), Ok(Some(_)))) {
            return;
        }
        event.prevent_default();
        let Lens { x, y, .. } = lens.get_untracked();
        pan.set((x + step.0, y + step.1));
    };
    view! {
        <div
            class="canvas"
            data-testid="stage"
            tabindex="0"
            role="group"
            aria-label=move || description(state, scenery)
            node_ref=frame
            title=move || hint.get()
            style:--picture=height
            class:grab=move || overflows.get()
            class:narrow=move || scene.with(|scene| scene.form == Width::Narrow)
            class:over=move || hovered.get().is_some()
            class:alone=move || state.kinds.alone.get()
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=on_up
            on:pointerleave=move |_| hovered.set(None)
            on:keydown=on_key
            on:wheel=on_wheel
            on:contextmenu=on_menu
        >
            <svg class=detail viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
                <defs>
                    <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                        <path d="M0 0V6" class="hatch-line" />
                    </pattern>
                </defs>
                <g inner_html=move || backdrop.get()></g>
                <g inner_html=why::catches(made)></g>
                <For each=pods key=|pod| (pod.namespace.clone(), pod.name.clone()) let:pod>
                    {pod_group(scene, pod, aim, behind)}
                </For>
                <g inner_html=move || changed.get()></g>
                <g inner_html=move || halo.get()></g>
                <g inner_html=move || carried.get()></g>
            </svg>
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            // Words lie above packets and their ways.
            <div class="stage words" aria-hidden="true">
                <svg viewBox=view_box preserveAspectRatio="none" inner_html=move || over.get()></svg>
            </div>
            <div class="zoom">
                <button class="btn ghost sq" aria-label=move || state.pick("Zoom out", "缩小") on:click=move |_| zoom_by(0.8)>
                    {svg_icon(r#"<path d="M3 8h10" stroke="currentColor" stroke-width="1.4" stroke-linecap="round"/>"#)}
                </button>
                <button class="btn ghost sq" aria-label=move || state.pick("Zoom in", "放大") on:click=move |_| zoom_by(1.25)>
                    {svg_icon(r#"<path d="M8 3v10M3 8h10" stroke="currentColor" stroke-width="1.4" stroke-linecap="round"/>"#)}
                </button>
                <button
                    class="btn ghost sq"
                    aria-label=move || state.pick("Fit", "适合窗口")
                    on:click=move |_| fit()
                >
                    {svg_icon(
                        r#"<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" stroke="currentColor" stroke-width="1.4" fill="none" stroke-linecap="round" stroke-linejoin="round"/>"#,
                    )}
                </button>
                <ErrandMenu />
            </div>
            {reach::buttons(state, scenery)}
            <ObjectMenu />
            <p class="vh" role="status" data-testid="said">{move || scenery.said.get()}</p>
            {why::spoken(scenery)}
            {altered::spoken(state)}
        </div>
    }
}

/// What part of the picture is to be seen.
#[derive(Clone, Copy)]
struct Sight {
    lens: Memo<Lens>,
    pan: RwSignal<(f64, f64)>,
    overflows: Memo<bool>,
}

/// Moves a picture that is larger than its frame along with the selected packet, for readers who want that, while it plays.
fn follow(state: State, scenery: Scenery, sight: Sight) {
    Effect::new(move |_| {
        if !(state.kinds.follow.get() && state.playing.get() && sight.overflows.get()) {
            return;
        }
        let (t, id) = (state.playhead.get() as f32, state.selected.get());
        let at = scenery.timeline.with_untracked(|timeline| {
            let run = timeline.run(id?).filter(|run| t >= run.start && !run.is_over(t))?;
            Some(timeline.position(run, t))
        });
        let (Some(at), now, (w, h)) = (at, sight.lens.get_untracked(), scenery.size.get_untracked()) else { return };
        let (x, y) = now.pixel(at);
        let (to_x, to_y) = (x.clamp(w * 0.3, w * 0.7), y.clamp(h * 0.3, h * 0.7));
        if (x, y) != (to_x, to_y) {
            sight.pan.set((now.x + to_x - x, now.y + to_y - y));
        }
    });
}

/// An icon on a grid of 16.
pub fn svg_icon(shape: &'static str) -> impl IntoView {
    view! { <svg class="ic" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" inner_html=shape></svg> }
}

/// A pod, which slides to a new place.
fn pod_group(
    scene: Memo<Arc<Scene>>,
    pod: PodBox,
    aim: Memo<Option<Place>>,
    behind: Memo<Option<BTreeSet<String>>>,
) -> impl IntoView {
    let key = format!("{}/{}", pod.namespace, pod.name);
    let label = pod.name.clone();
    let now = Memo::new(move |_| {
        let same = |p: &&PodBox| p.name == pod.name && p.namespace == pod.namespace;
        scene
            .with(|scene| scene.rooms.iter().flat_map(|room| &room.pods).find(same).cloned())
            .unwrap_or_else(|| pod.clone())
    });
    let aimed = Memo::new(move |_| {
        now.with(|pod| {
            aim.with(|aim| matches!(aim, Some(Place::Pod(ns, name)) if **ns == pod.namespace && **name == pod.name))
        })
    });
    view! {
        <g
            class="click slide"
            class:pale=move || {
                let is_other = |ips: &BTreeSet<String>| now.with(|pod| !pod.ips().any(|ip| ips.contains(ip)));
                behind.with(|behind| behind.as_ref().is_some_and(is_other))
            }
            data-pod=key
            aria-label=label
            style=move || now.with(|pod| format!("transform:translate({:.1}px,{:.1}px)", pod.rect.x, pod.rect.y))
            inner_html=move || now.with(|pod| stage_svg::pod(pod, aimed.get()))
        ></g>
    }
}

/// Whether a pointer is on a button over the picture, or on its menu.
fn is_control(event: &PointerEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(".zoom").ok().flatten().is_some())
}

/// What the stage shows, in one sentence.
fn description(state: State, scenery: Scenery) -> String {
    scenery.scene.with(|scene| {
        let pods: usize = scene.rooms.iter().flat_map(|room| &room.pods).map(|pod| pod.count).sum();
        let nodes: usize = scene.rooms.iter().flat_map(Room::nodes).count();
        let service = scene.spine.as_ref().map(|spine| spine.key.name.to_string()).unwrap_or_default();
        state.lang.get().pick(
            format!("Cluster: {nodes} nodes, {pods} pods, Service {service}. Arrow keys move the picture; plus, minus and 0 zoom."),
            format!("集群：{nodes} 个节点，{pods} 个 Pod，Service {service}。方向键移动画面，加号、减号和 0 缩放。"),
        )
    })
}

/// The object that an element of the picture stands for.
fn object_at(element: &Element) -> Option<Ref> {
    let of = |name: &str| element.closest(&format!("[{name}]")).ok().flatten()?.get_attribute(name);
    let namespaced = |kind: Kind, text: String| {
        let (namespace, name) = text.split(' ').next()?.split_once('/')?;
        Some(Ref::new(kind, namespace, name))
    };
    of("data-pod")
        .or_else(|| of("data-system"))
        .and_then(|text| namespaced(Kind::Pod, text))
        .or_else(|| of("data-service").and_then(|text| namespaced(Kind::Service, text)))
        .or_else(|| of("data-wall").map(|_| firewall::key()))
        .or_else(|| of("data-ingress").and_then(|text| namespaced(Kind::Ingress, text)))
        .or_else(|| of("data-node").map(|name| Ref::new(Kind::Node, "", name)))
}

/// What an element of the picture stands for, if that is more than one object: Services or nodes without a place of their own.
fn folded(element: &Element, scenery: Scenery) -> Option<(Element, Vec<Ref>)> {
    let closest = |name: &str| element.closest(name).ok().flatten();
    if let Some(more) = closest("[data-more]") {
        return Some((more, scenery.scene.with(|scene| scene.hidden.clone())));
    }
    let crowd = closest("[data-crowd]")?;
    let nodes = scenery.scene.with(|scene| scene.rooms.iter().flat_map(|room| room.folded.clone()).collect::<Vec<_>>());
    Some((crowd, nodes.iter().map(|name| Ref::new(Kind::Node, "", name.as_str())).collect()))
}

/// The row of a controller's table that decided the followed trace's hop.
pub(super) fn routed(state: State, scenery: Scenery) -> Option<scene::Routed> {
    state.spotlit()?;
    let (trace, hop) = (scenery.followed()?, scenery.hop()?);
    scenery.scene.with(|scene| scene::routed(scene, &trace, hop))
}

/// The rule that the followed trace's hop matched.
pub(super) fn lit(state: State, scenery: Scenery) -> Option<scene::Lit> {
    state.spotlit()?;
    let (trace, hop, t) = (scenery.followed()?, scenery.hop()?, scenery.beat.get());
    let over = scenery.timeline.with(|timeline| timeline.run(trace.id).is_none_or(|run| run.is_over(t)));
    if over && trace.outcome.kind == OutcomeKind::Answered {
        return None;
    }
    scenery.scene.with(|scene| scene::lit(scene, &trace, hop))
}

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
fn labels(state: State, scenery: Scenery, hovered: Option<u64>, t: f32) -> Vec<PacketLabel> {
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
