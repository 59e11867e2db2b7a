//! More columns of `kubectl get`: sets of pods, their revisions, and events.
//!
//! Stands for the same `pkg/printers/internalversion/printers.go` as [`super::table`], which asks here for what it has not.

use serde_json::Value;

use super::table::{Column, age, containers, format_labels, format_selector, instant};
use crate::object::{ControllerRevision, DaemonSet, Event, Kind, Meta, StatefulSet};
use crate::time::Instant;

/// The columns of a kind.
pub(super) fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::StatefulSet => {
            &[("NAME", false), ("READY", false), ("AGE", false), ("CONTAINERS", true), ("IMAGES", true)]
        }
        Kind::DaemonSet => &[
            ("NAME", false),
            ("DESIRED", false),
            ("CURRENT", false),
            ("READY", false),
            ("UP-TO-DATE", false),
            ("AVAILABLE", false),
            ("NODE SELECTOR", false),
            ("AGE", false),
            ("CONTAINERS", true),
            ("IMAGES", true),
            ("SELECTOR", true),
        ],
        Kind::ControllerRevision => &[("NAME", false), ("CONTROLLER", false), ("REVISION", false), ("AGE", false)],
        Kind::Event => &[
            ("LAST SEEN", false),
            ("TYPE", false),
            ("REASON", false),
            ("OBJECT", false),
            ("SUBOBJECT", true),
            ("SOURCE", true),
            ("MESSAGE", false),
            ("FIRST SEEN", true),
            ("COUNT", true),
            ("NAME", true),
        ],
        _ => &[],
    }
}

/// The cells of a StatefulSet.
pub(super) fn stateful_set(name: String, set: &StatefulSet, age: String) -> Vec<String> {
    let [names, images] = containers(&set.spec.template.spec.containers);
    vec![name, format!("{}/{}", set.status.ready_replicas, set.spec.replicas.unwrap_or(0)), age, names, images]
}

/// The cells of a DaemonSet.
pub(super) fn daemon_set(name: String, set: &DaemonSet, age: String) -> Vec<String> {
    let [names, images] = containers(&set.spec.template.spec.containers);
    let status = &set.status;
    let counts = [
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_ready,
        status.updated_number_scheduled,
        status.number_available,
    ];
    let mut cells = vec![name];
    cells.extend(counts.map(|count| count.to_string()));
    cells.extend([
        format_labels(&set.spec.template.spec.node_selector),
        age,
        names,
        images,
        format_selector(&set.spec.selector),
    ]);
    cells
}

/// The cells of a ControllerRevision.
pub(super) fn revision(meta: &Meta, revision: &ControllerRevision, age: String) -> Vec<String> {
    let controller = meta.controller().map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let kind = owner.kind.to_ascii_lowercase();
            match owner.api_version.split_once('/') {
                Some((group, _)) => format!("{kind}.{group}/{}", owner.name),
                None => format!("{kind}/{}", owner.name),
            }
        },
    );
    vec![meta.name.clone(), controller, revision.revision.to_string(), age]
}

/// When an event was seen first, when last, and how often.
pub(super) struct Seen {
    pub(super) first: Option<Instant>,
    pub(super) last: Option<Instant>,
    pub(super) count: i64,
}

impl Seen {
    /// After `printEvent`: the newer form counts in a series.
    pub(super) fn of(event: &Event) -> Self {
        let time = |value: Option<&Value>| value.and_then(Value::as_str).and_then(instant);
        let first = event.first_timestamp.or_else(|| time(event.rest.get("eventTime")));
        match event.rest.get("series") {
            Some(series) => Self {
                first,
                last: time(series.get("lastObservedTime")),
                count: series.get("count").and_then(Value::as_i64).unwrap_or(1),
            },
            None => Self { first, last: event.last_timestamp.or(first), count: i64::from(event.count.max(1)) },
        }
    }
}

/// The cells of an event.
pub(super) fn event(meta: &Meta, event: &Event, now: Instant) -> Vec<String> {
    let seen = Seen::of(event);
    let source = match (event.source.component.as_str(), event.source.host.as_str()) {
        ("", _) if event.reporting_instance.is_empty() => event.reporting_component.clone(),
        ("", _) => format!("{}, {}", event.reporting_component, event.reporting_instance),
        (component, "") => component.to_owned(),
        (component, host) => format!("{component}, {host}"),
    };
    let text = |key: &str| event.involved_object.rest.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    vec![
        age(seen.last, now),
        event.r#type.clone(),
        event.reason.clone(),
        format!("{}/{}", event.involved_object.kind.to_ascii_lowercase(), event.involved_object.name),
        text("fieldPath"),
        source,
        event.message.trim().to_owned(),
        age(seen.first, now),
        seen.count.to_string(),
        meta.name.clone(),
    ]
}
