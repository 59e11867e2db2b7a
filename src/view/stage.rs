//! The stage: rooms, links, moving packets. Draws what [`kubehop::scene`] says, and passes on what the reader points at.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubehop::object::{Kind, Ref};
use kubehop::scene::hand::Hand;
use kubehop::scene::traffic::Tally;
use kubehop::scene::{self, PodBox, Room, Scene, Spot, Width, crowd};
use kubehop::trace::{OutcomeKind, Place, Trace};
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use web_sys::{Element, KeyboardEvent, MouseEvent, PointerEvent, ResizeObserver, WheelEvent};

use super::altered;
use super::deeds::{Menu, ObjectMenu};
use super::errands::ErrandMenu;
use super::firewall;
use super::frame::settled;
use super::inspector::{is_kept, is_tunnelled};
use super::pulses;
use super::reach::{self, Held};
use super::stage_canvas::{Frame, Lens, Painter, Spotlight};
use super::stage_over;
use super::stage_scenery::{Scenery, use_scenery};
use super::stage_svg;
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

    // The scale that all is seen at, and the one that is usual: smaller type cannot be read, rather the picture is moved.
    let scales = Memo::new(move |_| {
        let (w, h) = size.get();
        let (sw, sh, narrow) = scene.with(|s| (f64::from(s.width), f64::from(s.height), s.form == Width::Narrow));
        let whole = (w / sw).min(h / sh);
        (whole, whole.max(if narrow { (w / sw * 0.66).min(0.7) } else { (w / sw).min(0.6) }))
    });
    let smallest = Memo::new(move |_| scales.with(|(whole, usual)| whole / usual));
    let lens = Memo::new(move |_| {
        let ((w, h), zoom, (px, py)) = (size.get(), zoom.get(), pan.get());
        let (sw, sh) = scene.with(|s| (f64::from(s.width), f64::from(s.height)));
        let scale = scales.get().1 * zoom;
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
        let labels = stage_over::labels(state, scenery, hovered, t);
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

    let behind = Memo::new(move |_| {
        let ips = |scene: &Arc<Scene>| scene.behind().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        state.kinds.alone.get().then(|| scene.with(ips))
    });
    let lit = Memo::new(move |_| lit(state, scenery));
    let routed = Memo::new(move |_| routed(state, scenery));
    let backdrop = Memo::new(move |_| {
        let routed = routed.get();
        let (lit, behind) = (lit.get(), behind.get());
        scene.with(|scene| stage_svg::backdrop(scene, lit.as_ref(), routed.as_ref(), behind.as_ref()))
    });
    let failures = Memo::new(move |_| timeline.with(|timeline| timeline.stones(scenery.beat.get())));
    let over = Memo::new(move |_| stage_over::over(state, scenery, failures));
    let probe = pulses.named(scenery);
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
    // There may be hundreds of pods, and none of them is to be asked at each frame.
    let (drawn, aim, others) = (settled(scene), settled(aim), settled(behind));
    let pods = move || drawn.with(|scene| scene.rooms.iter().flat_map(|room| room.pods.clone()).collect::<Vec<_>>());

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
    // What the keyboard is at: a packet as if it were pointed at, anything else with a ring around it, and all of it in sight.
    let held = RwSignal::new(None::<Held>);
    let spots = reach::spots(scenery, made, held);
    // Its words stand where it is not.
    let low = move || {
        let at = spots.with(|spots| spots.iter().find_map(Spot::middle));
        at.is_some_and(|at| lens.get().pixel(at).1 > size.get().1 / 2.0)
    };
    let ring = Memo::new(move |_| spots.with(|spots| why::drawn(spots, "held")));
    Effect::new(move |_| {
        let packet = held.with(|held| if let Some(Held::Packet(id)) = held { Some(*id) } else { None });
        if packet.is_some() || hovered.get_untracked().is_some() {
            hovered.set(packet);
        }
        let Some(at) = spots.with(|spots| spots.iter().find_map(Spot::middle)) else { return };
        let (now, (w, h)) = (lens.get_untracked(), size.get_untracked());
        let (x, y) = now.pixel(at);
        let (to_x, to_y) = (x.clamp(w * 0.1, w * 0.9), y.clamp(h * 0.1, h * 0.9));
        if (x, y) != (to_x, to_y) {
            pan.set((now.x + to_x - x, now.y + to_y - y));
        }
    });
    // What lies at one point of the view comes to lie at another, and all is larger or smaller; never smaller than all of it.
    let zoom_at = move |factor: f64, from: (f64, f64), to: (f64, f64)| {
        let before = lens.get_untracked();
        let now = (zoom.get_untracked() * factor).clamp(smallest.get_untracked(), LARGEST);
        let factor = now / zoom.get_untracked();
        pan.set((to.0 - (from.0 - before.x) * factor, to.1 - (from.1 - before.y) * factor));
        zoom.set(now);
    };
    let hand = StoredValue::new(Hand::default());
    let spot = move |event: &PointerEvent| {
        let bounds = frame.get_untracked().map(|frame| frame.get_bounding_client_rect());
        let corner = bounds.map_or((0.0, 0.0), |bounds| (bounds.left(), bounds.top()));
        (f64::from(event.client_x()) - corner.0, f64::from(event.client_y()) - corner.1)
    };
    let on_down = move |event: PointerEvent| {
        if !is_control(&event) {
            hand.update_value(|hand| hand.press(event.pointer_id(), spot(&event)));
        }
    };
    let on_move = move |event: PointerEvent| {
        let pointer = event.pointer_id();
        // A button that was let go elsewhere.
        if event.buttons() & 1 == 0 {
            hand.update_value(|hand| {
                hand.lift(pointer);
            });
        }
        if hand.with_value(|hand| hand.has(pointer)) {
            let moved = hand.try_update_value(|hand| hand.drag(pointer, spot(&event))).flatten();
            if let Some(moved) = moved {
                // What it began on may be drawn anew meanwhile.
                if let Some(frame) = frame.get_untracked() {
                    let _ = frame.set_pointer_capture(pointer);
                }
                zoom_at(moved.factor, moved.from, moved.to);
            }
            return;
        }
        point(&event);
        let found = hit(&event);
        if hovered.get_untracked() != found {
            hovered.set(found);
        }
        pulses.point(to_scene(&event));
    };
    let on_cancel = move |event: PointerEvent| {
        hand.update_value(|hand| {
            hand.lift(event.pointer_id());
        });
    };
    let on_up = move |event: PointerEvent| {
        let tapped = hand.try_update_value(|hand| hand.lift(event.pointer_id())).unwrap_or_default();
        if !tapped || is_control(&event) {
            return;
        }
        if let Some(id) = hit(&event) {
            scenery.select(state, id);
        } else if let Some(target) = event.target().map(|target| target.unchecked_into::<Element>()) {
            if why::pick(state, made, &target) {
                return;
            }
            if let Some(from) = closest(&target, "[data-from]").and_then(|it| it.get_attribute("data-from")) {
                send_from(state, from);
            } else if let Some((list, more)) = folded(&target, scenery) {
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
        let more = folded(&target, scenery).map(|(_, more)| more).unwrap_or_default();
        let key = object_at(&target).or_else(|| reach::object(&target, scenery)).filter(|_| more.is_empty());
        if key.is_some() || !more.is_empty() {
            event.prevent_default();
            let bounds = target.get_bounding_client_rect();
            // The keyboard's menu key says no place.
            let by_key = event.client_x() == 0 && event.client_y() == 0;
            let (x, y) = match by_key {
                true => (bounds.left(), bounds.bottom()),
                false => (f64::from(event.client_x()), f64::from(event.client_y())),
            };
            scenery.menu.set(Some(Menu { key, more, x, y }));
        }
    };
    let zoom_by = move |factor: f64| {
        let (w, h) = size.get_untracked();
        zoom_at(factor, (w / 2.0, h / 2.0), (w / 2.0, h / 2.0));
    };
    let fit = move || {
        zoom.set(smallest.get_untracked());
        pan.set((0.0, 0.0));
    };
    // The wheel, and two fingers on a touchpad, which come as a wheel with Ctrl; in an article the wheel alone is the article's.
    let on_wheel = move |event: WheelEvent| {
        let Some(frame) = frame.get_untracked().filter(|_| event.ctrl_key() || !state.embed) else { return };
        event.prevent_default();
        let bounds = frame.get_bounding_client_rect();
        let step = if event.ctrl_key() { 0.01 } else { 0.0015 };
        let (x, y) = (f64::from(event.client_x()) - bounds.left(), f64::from(event.client_y()) - bounds.top());
        zoom_at((-event.delta_y() * step).clamp(-0.5, 0.5).exp(), (x, y), (x, y));
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
            class:low=low
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=on_up
            on:pointercancel=on_cancel
            on:pointerleave=move |_| {
                hovered.set(None);
                pulses.point(None);
            }
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
                    {pod_group(drawn, pod, aim, others)}
                </For>
                <g inner_html=move || changed.get()></g>
                <g inner_html=move || halo.get()></g>
                <g inner_html=move || carried.get()></g>
                <g inner_html=move || ring.get()></g>
            </svg>
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            // Words lie above packets and their ways.
            <div class="stage words" aria-hidden="true">
                <svg viewBox=view_box preserveAspectRatio="none">
                    <g inner_html=move || over.get()></g>
                    <g inner_html=move || probe.get()></g>
                </svg>
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
            {reach::buttons(state, scenery, made, held)}
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
    scene: ReadSignal<Arc<Scene>>,
    pod: PodBox,
    aim: ReadSignal<Option<Place>>,
    behind: ReadSignal<Option<BTreeSet<String>>>,
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

fn closest(element: &Element, what: &str) -> Option<Element> {
    element.closest(what).ok().flatten()
}

/// The next requests start there.
fn send_from(state: State, from: String) {
    let words = match from.as_str() {
        "laptop" => state.pick("Requests start at the laptop now", "之后的请求从你的电脑发出"),
        _ => state.pick("Requests start on the internet now", "之后的请求从互联网发出"),
    };
    if let Some(place) = Place::parse(&from) {
        state.traffic.start_from(&place);
    }
    state.notice.set(words.to_owned());
}

/// What an element of the picture stands for, if that is more than one object: Services or nodes without a place of their own,
/// the cluster's own pods on a node.
fn folded(element: &Element, scenery: Scenery) -> Option<(Element, Vec<Ref>)> {
    if let Some(more) = closest(element, "[data-more]") {
        return Some((more, scenery.scene.with(|scene| scene.hidden.clone())));
    }
    if let Some(system) = closest(element, "[data-system]") {
        let text = system.get_attribute("data-system").unwrap_or_default();
        let pods = text.split(' ').filter_map(|pod| pod.split_once('/'));
        let pods: Vec<Ref> = pods.map(|(namespace, name)| Ref::new(Kind::Pod, namespace, name)).collect();
        return (pods.len() > 1).then_some((system, pods));
    }
    let crowd = closest(element, "[data-crowd]")?;
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

/// How much larger than usual the picture may be: the least mark of 200 pods is read then.
const LARGEST: f64 = 12.0;
