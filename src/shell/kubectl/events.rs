//! `kubectl events`: what was said of objects, by time.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/events`. Left out: `--watch`, `--chunk-size`.

use std::sync::Arc;

use serde_json::json;

use super::super::flags::{Flag, switch, value};
use super::rows::Seen;
use super::{Call, Fail, table};
use crate::manifest;
use crate::object::{Event, Kind, Object};

pub(super) const FLAGS: &[Flag] = &[
    switch("all-namespaces", 'A'),
    switch("no-headers", ' '),
    value("for", ' ', "TYPE/NAME"),
    value("types", ' ', "TYPES"),
    value("output", 'o', "FORMAT"),
];

/// `kubectl events [--for TYPE/NAME] [--types Normal,Warning]`
pub(super) fn events(call: &mut Call) -> Result<i32, Fail> {
    let types: Vec<String> = call.flags.all("types").flat_map(|types| types.split(',')).map(str::to_owned).collect();
    if types.iter().any(|word| !["normal", "warning"].contains(&word.to_ascii_lowercase().as_str())) {
        return Err(Fail::Error("valid --types are Normal or Warning".into()));
    }
    let about = match call.flags.get("for") {
        None => None,
        Some(word) => match word.split('/').collect::<Vec<_>>()[..] {
            [kind, name] => Some((call.kind(kind)?, name.to_owned())),
            [_] => return Err(Fail::Error("--for must be in resource/name form".into())),
            _ => {
                let text = "arguments in resource/name form may not have more than one slash";
                return Err(Fail::Error(text.into()));
            }
        },
    };
    let everywhere = call.flags.on("all-namespaces");
    let now = call.shell.cluster.now();
    let store = call.shell.cluster.store();
    let namespace = (!everywhere).then_some(call.namespace.as_str());
    let mut found: Vec<Arc<Object>> = store.list(Kind::Event, namespace).cloned().collect();
    found.extend(store.events().objects(namespace, now));
    found.retain(|object| {
        let Some(event) = object.body::<Event>() else { return false };
        let is_about = |(kind, name): &(Kind, String)| {
            event.involved_object.kind == kind.name() && event.involved_object.name == *name
        };
        about.as_ref().is_none_or(is_about)
            && (types.is_empty() || types.iter().any(|word| word.eq_ignore_ascii_case(&event.r#type)))
    });
    if found.is_empty() {
        let place = if everywhere { String::new() } else { format!(" in {} namespace", call.namespace) };
        call.io.err(format!("No events found{place}.\n"));
        return Ok(0);
    }
    let seconds = |object: &Arc<Object>| {
        object.body::<Event>().and_then(|event| Seen::of(event).last).unwrap_or_default().as_micros() / 1_000_000
    };
    crate::sort::by_key(&mut found, seconds);
    match call.flags.get("output") {
        Some(format @ ("yaml" | "json")) => {
            let items: Vec<_> = found.iter().map(|object| object.to_value()).collect();
            let list = json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": items});
            let text = if format == "yaml" { manifest::to_yaml(&list) } else { manifest::to_json(&list) };
            call.io.out(text);
            return Ok(0);
        }
        Some(other) => {
            return Err(Fail::Error(format!(
                "unable to match a printer suitable for the output format \"{other}\", allowed formats are: json, yaml"
            )));
        }
        None => {}
    }
    let mut rows = Vec::new();
    if !call.flags.on("no-headers") {
        let titles = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(String::from);
        rows.push(everywhere.then(|| "NAMESPACE".to_owned()).into_iter().chain(titles).collect());
    }
    for object in &found {
        let Some(event) = object.body::<Event>() else { continue };
        let seen = Seen::of(event);
        let first = table::age(seen.first, now);
        let interval = match seen.count {
            ..=1 => first,
            count => format!("{} (x{count} over {first})", table::age(seen.last, now)),
        };
        let involved = &event.involved_object;
        let cells = [
            interval,
            event.r#type.clone(),
            event.reason.clone(),
            format!("{}/{}", involved.kind, involved.name),
            event.message.trim().to_owned(),
        ];
        let namespace = everywhere.then(|| object.meta.namespace.clone());
        rows.push(namespace.into_iter().chain(cells).collect());
    }
    call.io.out(table::align(&rows));
    Ok(0)
}
