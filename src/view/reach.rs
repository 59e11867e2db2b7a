//! The stage for readers who do not point: a button for each packet and object, unseen until it has the focus.

use std::sync::Arc;

use kubehop::object::{Kind, Ref};
use kubehop::trace::Trace;
use leptos::html;
use leptos::prelude::*;
use web_sys::Element;

use super::firewall;
use super::stage_scenery::{Scenery, outcome};
use super::state::State;

/// So many packets of a batch have buttons.
const REACHED: usize = 60;

/// Buttons for all that the stage draws, for readers who do not point: packets, then nodes, pods and Services.
pub(super) fn buttons(state: State, scenery: Scenery) -> impl IntoView {
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
    view! {
        <ul class="reach" data-rove tabindex="0" node_ref=list aria-label=move || state.pick("Packets", "数据包")>
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
        <ul class="reach" data-rove tabindex="0" aria-label=move || state.pick("Objects", "对象")>
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
    }
}

fn objects(scenery: Scenery) -> Vec<Ref> {
    scenery.scene.with(|scene| {
        let services =
            scene.spine.iter().map(|spine| spine.key.clone()).chain(scene.others.iter().map(|p| p.key.clone()));
        let services = services.chain(scene.hidden.iter().cloned());
        let rooms = scene.rooms.iter().flat_map(|room| {
            let pods = room.pods.iter().map(|pod| Ref::new(Kind::Pod, pod.namespace.as_str(), pod.name.as_str()));
            room.nodes().map(|name| Ref::new(Kind::Node, "", name)).chain(pods)
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
