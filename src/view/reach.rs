//! The stage for readers who do not point: a button for each packet and object, unseen until it has the focus.

use std::sync::Arc;

use kubehop::object::{FieldRef, Kind, Ref};
use kubehop::scene::causes::Cause;
use kubehop::scene::{self, Light, Spot};
use kubehop::trace::Trace;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, FocusEvent};

use super::firewall;
use super::stage_scenery::{Scenery, outcome};
use super::state::State;
use super::why;

/// What the button with the focus stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    /// A packet.
    Packet(u64),
    /// An object.
    Object(Ref),
    /// What a field made.
    Field(FieldRef),
}

/// So many packets of a batch have buttons.
const REACHED: usize = 60;

/// Buttons for all that the stage draws, for readers who do not point: packets, then nodes, pods and Services, then rules.
pub(super) fn buttons(
    state: State,
    scenery: Scenery,
    made: Memo<Vec<Cause>>,
    held: RwSignal<Option<Held>>,
) -> impl IntoView {
    // Looked at when a packet lands, not with every frame; the buttons themselves follow no signal, and keep the focus.
    let packets = Memo::new(move |_| {
        let (selected, lang) = (state.selected.get(), state.lang.get());
        let label = |trace: &Arc<Trace>| {
            let end = match state.flying.with(|flying| flying.contains(&trace.id)) {
                true => lang.pick("in flight", "途中").to_owned(),
                false => outcome(trace, lang),
            };
            (trace.id, format!("#{} {} {end}", trace.id, trace.request.url), selected == Some(trace.id))
        };
        // Nobody goes through more with the keyboard: the selected one is always among them.
        let near = |(i, trace): &(usize, &Arc<Trace>)| *i < REACHED || selected == Some(trace.id);
        scenery
            .traces
            .with(|traces| traces.iter().enumerate().filter(near).map(|(_, trace)| label(trace)).collect::<Vec<_>>())
    });
    let list = NodeRef::<html::Ul>::new();
    Effect::new(move |before: Option<Vec<(u64, String, bool)>>| {
        let now = packets.get();
        if let (Some(list), Some(before)) = (list.get(), before) {
            for packet in now.iter().zip(&before).filter(|(now, before)| now.0 == before.0 && now != before) {
                let (id, label, pressed) = packet.0;
                let Ok(Some(button)) = list.query_selector(&format!("[data-packet='{id}']")) else { continue };
                button.set_text_content(Some(label));
                let _ = button.set_attribute("aria-pressed", if *pressed { "true" } else { "false" });
            }
        }
        now
    });
    let enter = move |event: FocusEvent| held.set(held_by(&event, scenery, made));
    let leave = move |_: FocusEvent| held.set(None);
    view! {
        <ul class="reach" data-rove tabindex="0" node_ref=list on:focusin=enter on:focusout=leave aria-label=move || state.pick("Packets", "数据包")>
            <For each=move || packets.get() key=|packet| packet.0 let:packet>
                {
                    let (id, label, pressed) = packet;
                    view! {
                        <li>
                            <button
                                data-packet=id.to_string()
                                tabindex="-1"
                                aria-pressed=pressed.to_string()
                                on:click=move |_| scenery.select(state, id)
                            >
                                {label}
                            </button>
                        </li>
                    }
                }
            </For>
        </ul>
        <ul class="reach" data-rove tabindex="0" on:focusin=enter on:focusout=leave aria-label=move || state.pick("Objects", "对象")>
            <For each=move || objects(scenery) key=Ref::to_string let:key>
                {
                    let shown = key.clone();
                    let id = key.to_string();
                    view! {
                        <li>
                            <button data-object=id tabindex="-1" on:click=move |_| scenery.inspect(key.clone())>{move || firewall::name_of(&shown, state)}</button>
                        </li>
                    }
                }
            </For>
        </ul>
        <ul
            class="reach"
            class:hid=move || made.with(Vec::is_empty)
            data-rove
            tabindex="0"
            on:focusin=enter
            on:focusout=leave
            aria-label=move || state.pick("Rules", "规则")
        >
            <For each=move || rules(made) key=|rule| rule.1.clone() let:rule>
                {
                    let (field, label) = rule;
                    let id = id(&field);
                    view! {
                        <li>
                            <button data-field=id tabindex="-1" on:click=move |_| why::pick_field(state, &field)>{label}</button>
                        </li>
                    }
                }
            </For>
        </ul>
    }
}

/// The fields behind rules, each once, with what the rule says.
fn rules(made: Memo<Vec<Cause>>) -> Vec<(FieldRef, String)> {
    made.with(|made| {
        let mut rules: Vec<(FieldRef, String)> = Vec::new();
        for cause in made {
            if rules.iter().all(|(field, _)| *field != cause.field) {
                let object = &cause.field.object;
                let label = format!("{} {}: {}, {}", object.kind.name(), object.name, cause.says, cause.field.path);
                rules.push((cause.field.clone(), label));
            }
        }
        rules
    })
}

fn id(field: &FieldRef) -> String {
    format!("{}:{}", field.object, field.path)
}

/// What the button that gets the focus stands for.
fn held_by(event: &FocusEvent, scenery: Scenery, made: Memo<Vec<Cause>>) -> Option<Held> {
    let button = event.target()?.dyn_into::<Element>().ok()?;
    if let Some(id) = button.get_attribute("data-packet") {
        return id.parse().ok().map(Held::Packet);
    }
    if let Some(name) = button.get_attribute("data-field") {
        let field =
            made.with_untracked(|made| made.iter().map(|cause| &cause.field).find(|field| id(field) == name).cloned());
        return field.map(Held::Field);
    }
    untrack(|| object(&button, scenery)).map(Held::Object)
}

/// Where that stands.
pub(super) fn spots(scenery: Scenery, made: Memo<Vec<Cause>>, held: RwSignal<Option<Held>>) -> Memo<Vec<Spot>> {
    Memo::new(move |_| {
        held.with(|held| match held {
            None | Some(Held::Packet(_)) => Vec::new(),
            Some(Held::Field(field)) => made.with(|made| {
                let own = made.iter().filter(|cause| cause.field == *field);
                own.map(|cause| {
                    if field.object.kind == Kind::Ingress { Spot::Box(cause.rect, 4.0) } else { Spot::Pill(cause.rect) }
                })
                .collect()
            }),
            Some(Held::Object(key)) => scenery.scene.with(|scene| scene::spots(scene, &lights(key))),
        })
    })
}

fn lights(key: &Ref) -> Vec<Light> {
    match key.kind {
        _ if *key == firewall::key() => vec![Light::Wall],
        Kind::Pod => vec![Light::Pod(key.clone())],
        Kind::Node => vec![Light::Node(key.name.clone())],
        Kind::Service => vec![Light::Service(key.clone())],
        Kind::Ingress => vec![Light::Sheet(FieldRef::new(key.clone(), ""))],
        _ => Vec::new(),
    }
}

fn objects(scenery: Scenery) -> Vec<Ref> {
    scenery.scene.with(|scene| {
        let services =
            scene.spine.iter().map(|spine| spine.key.clone()).chain(scene.others.iter().map(|p| p.key.clone()));
        let services = services.chain(scene.hidden.iter().cloned());
        let rooms = scene.rooms.iter().flat_map(|room| {
            let pods = room.pods.iter().map(|pod| Ref::new(Kind::Pod, pod.namespace.as_str(), pod.name.as_str()));
            let system = room.system.iter().flat_map(|system| &system.pods);
            let system = system.map(|(namespace, name)| Ref::new(Kind::Pod, namespace.as_str(), name.as_str()));
            room.nodes().map(|name| Ref::new(Kind::Node, "", name)).chain(system).chain(pods)
        });
        let wall = scene.edge.iter().filter(|edge| !edge.wall_note.text.is_empty()).map(|_| firewall::key());
        let ingresses = scene.sheets.iter().filter_map(|sheet| sheet.key.clone()).chain(scene.filed.iter().cloned());
        wall.chain(services).chain(ingresses).chain(rooms).collect()
    })
}

/// The object whose button has the focus.
pub(super) fn object(element: &Element, scenery: Scenery) -> Option<Ref> {
    let name = element.get_attribute("data-object")?;
    objects(scenery).into_iter().find(|key| key.to_string() == name)
}
