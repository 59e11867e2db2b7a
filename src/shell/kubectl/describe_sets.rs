//! `kubectl describe` of StatefulSets, DaemonSets, revisions and events, and the events at the end of every description.
//!
//! Stands for the same `k8s.io/kubectl` `pkg/describe/describe.go` as [`super::describe`]. Left out: volume claims' insides.

use super::describe::{template_text, when};
use super::report::Report;
use super::{Call, table};
use crate::object::{ControllerRevision, DaemonSet, Event, Meta, Object, Pod, Ref, StatefulSet};

/// `Pods Status:`
pub(super) fn pods_status(call: &Call, meta: &Meta, report: &mut Report) {
    let mut counts = [0; 4];
    for (_, pod) in call.shell.cluster.store().owned::<Pod>(&meta.uid) {
        let phases = ["Running", "Pending", "Succeeded", "Failed"];
        if let Some(i) = phases.iter().position(|phase| *phase == pod.status.phase) {
            counts[i] += 1;
        }
    }
    let [running, waiting, succeeded, failed] = counts;
    let text = format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed");
    report.line(0, &format!("Pods Status:\t{text}"));
}

/// A StatefulSet.
pub(super) fn stateful_set(call: &Call, meta: &Meta, set: &StatefulSet, report: &mut Report) {
    let spec = &set.spec;
    report.line(0, &format!("CreationTimestamp:\t{}", when(meta.creation_timestamp)));
    report.line(0, &format!("Selector:\t{}", table::format_selector(&spec.selector)));
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    report.line(0, &format!("Replicas:\t{} desired | {} total", spec.replicas.unwrap_or(0), set.status.replicas));
    report.line(0, &format!("Update Strategy:\t{}", spec.update_strategy.r#type));
    if let Some(partition) = spec.update_strategy.rolling_update.as_ref().and_then(|rolling| rolling.partition) {
        report.line(1, &format!("Partition:\t{partition}"));
    }
    pods_status(call, meta, report);
    template_text(&spec.template, report);
    report.line(0, "Volume Claims:\t<none>");
}

/// A DaemonSet.
pub(super) fn daemon_set(call: &Call, meta: &Meta, set: &DaemonSet, report: &mut Report) {
    let status = &set.status;
    report.line(0, &format!("Selector:\t{}", table::format_selector(&set.spec.selector)));
    report.line(0, &format!("Node-Selector:\t{}", table::format_labels(&set.spec.template.spec.node_selector)));
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    for (title, count) in [
        ("Desired Number of Nodes Scheduled", status.desired_number_scheduled),
        ("Current Number of Nodes Scheduled", status.current_number_scheduled),
        ("Number of Nodes Scheduled with Up-to-date Pods", status.updated_number_scheduled),
        ("Number of Nodes Scheduled with Available Pods", status.number_available),
        ("Number of Nodes Misscheduled", status.number_misscheduled),
    ] {
        report.line(0, &format!("{title}: {count}"));
    }
    pods_status(call, meta, report);
    template_text(&set.spec.template, report);
}

/// A ControllerRevision.
pub(super) fn revision(meta: &Meta, revision: &ControllerRevision, report: &mut Report) {
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    report.line(0, &format!("Revision:\t{}", revision.revision));
}

/// An event.
pub(super) fn event(meta: &Meta, event: &Event, report: &mut Report) {
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    let object = &event.involved_object;
    report.line(0, &format!("Involved Object:\t{}/{}", object.kind, object.name));
    report.line(0, &format!("Type:\t{}", event.r#type));
    report.line(0, &format!("Reason:\t{}", event.reason));
    report.line(0, &format!("Message:\t{}", event.message));
}

/// `DescribeEvents`: what was said of an object.
pub(super) fn events(call: &Call, object: &Object, report: &mut Report) {
    let now = call.shell.cluster.now();
    let store = call.shell.cluster.store();
    let about: Ref = object.key();
    let kept = store.events().of(&about, &object.meta.uid, now);
    if kept.is_empty() {
        return report.line(0, "Events:\t<none>");
    }
    report.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------");
    for k in kept {
        let first = table::age(Some(k.first), now);
        let age = match k.count {
            ..=1 => first,
            count => format!("{} (x{count} over {first})", table::age(Some(k.last), now)),
        };
        let remark = &k.remark;
        let part = match remark.container.as_str() {
            "" => String::new(),
            container => format!("spec.containers{{{container}}}: "),
        };
        let message = remark.message.trim();
        let line = format!("{:?}\t{}\t{age}\t{}\t{part}{message}", remark.tone, remark.reason, remark.from);
        report.line(1, &line);
    }
}
