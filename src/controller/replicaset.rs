//! The right number of pods, after `pkg/controller/replicaset` and `controller_utils.go`.
//!
//! Missing pods are made 500 at a time, where the real controller begins with 1, then 2, then 4 (within milliseconds).

use super::{Change, Outcome, owner, with_body};
use crate::api::Store;
use crate::object::{Kind, Labels, Meta, Object, OwnerReference, Pod, Ref, ReplicaSet, ReplicaSetStatus};
use crate::time::{Duration, Instant};

/// The most pods that are made at once.
const BURST: usize = 500;

/// What this controller reads of a pod: a change of anything else does not wake it.
#[derive(PartialEq)]
pub(super) struct View<'a> {
    labels: &'a Labels,
    owners: &'a [OwnerReference],
    phase: &'a str,
    ready: bool,
    going: bool,
}

/// The controller's view of a pod, if there is one.
pub(super) fn view(pod: Option<&Object>) -> Option<View<'_>> {
    let object = pod?;
    let pod = object.body::<Pod>()?;
    Some(View {
        labels: &object.meta.labels,
        owners: &object.meta.owner_references,
        phase: &pod.status.phase,
        ready: pod.status.is_ready(),
        going: object.meta.deletion_timestamp.is_some(),
    })
}

/// Whether a pod counts as one of the replicas.
fn is_active(meta: &Meta, pod: &Pod) -> bool {
    meta.deletion_timestamp.is_none() && !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
}

/// When the pod became or becomes available: ready for `min_ready` seconds.
pub(super) fn available_at(pod: &Pod, min_ready: i32) -> Option<Instant> {
    let ready = pod.status.condition("Ready").filter(|c| c.status == "True")?;
    Some(ready.last_transition_time.unwrap_or_default() + Duration::from_secs(u64::from(min_ready.unsigned_abs())))
}

/// Makes and deletes pods, and counts them.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, set)) = store.read::<ReplicaSet>(key) else { return outcome };
    let mut pods: Vec<(&Meta, &Pod)> = Vec::new();
    for (pod_meta, pod) in store.owned::<Pod>(&meta.uid) {
        if set.spec.selector.matches(&pod_meta.labels) {
            pods.push((pod_meta, pod));
        } else if pod_meta.deletion_timestamp.is_none() {
            let mut released = Object { meta: pod_meta.clone(), body: pod.clone().into() };
            released.meta.owner_references.retain(|owner| owner.uid != meta.uid);
            outcome.changes.push(Change::Put(Box::new(released)));
        }
    }
    let selector = &set.spec.selector;
    let others = store.most_pods_with(&meta.namespace, &selector.match_labels) > pods.len();
    if others && meta.deletion_timestamp.is_none() && selector.match_expressions.is_empty() {
        for orphan in store.pods_with(&meta.namespace, &set.spec.selector.match_labels) {
            let Some(pod) = orphan.body::<Pod>() else { continue };
            if orphan.meta.controller().is_none() && is_active(&orphan.meta, pod) {
                let mut adopted = Object::clone(orphan);
                adopted.meta.owner_references.push(owner(Kind::ReplicaSet, meta));
                outcome.changes.push(Change::Put(Box::new(adopted)));
                pods.push((&orphan.meta, pod));
            }
        }
    }
    let active: Vec<(&Meta, &Pod)> = pods.into_iter().filter(|(m, p)| is_active(m, p)).collect();
    let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0);
    if meta.deletion_timestamp.is_none() {
        // Made in bursts, as upstream (`BurstReplicas`): each wakes this controller for the next.
        for _ in active.len()..wanted.min(active.len() + BURST) {
            outcome.changes.push(Change::Create(Box::new(new_pod(meta, set))));
        }
        if active.len() > wanted {
            for (pod, _) in first_to_go(active.clone()).into_iter().take(active.len() - wanted) {
                outcome.changes.push(Change::Delete(Ref::new(Kind::Pod, pod.namespace.as_str(), pod.name.as_str())));
            }
        }
    }

    let min_ready = set.spec.min_ready_seconds.unwrap_or(0);
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let times: Vec<Instant> = active.iter().filter_map(|(_, pod)| available_at(pod, min_ready)).collect();
    let template = &set.spec.template.metadata.labels;
    let labeled = active.iter().filter(|(m, _)| template.iter().all(|(k, v)| m.labels.get(k) == Some(v)));
    let status = ReplicaSetStatus {
        available_replicas: count(times.iter().filter(|at| **at <= now).count()),
        fully_labeled_replicas: count(labeled.count()),
        observed_generation: i32::try_from(meta.generation).unwrap_or(i32::MAX),
        ready_replicas: count(times.len()),
        replicas: count(active.len()),
        rest: set.status.rest.clone(),
    };
    outcome.again = times.into_iter().filter(|at| *at > now).min();
    if status != set.status
        && let Some(changed) = with_body(store, key, ReplicaSet { status, ..set.clone() })
    {
        outcome.changes.push(Change::Put(changed));
    }
    outcome
}

fn new_pod(meta: &Meta, set: &ReplicaSet) -> Object {
    let template = &set.spec.template;
    let mut object = Object::new(&meta.namespace, "", Pod { spec: template.spec.clone(), ..Pod::default() });
    object.meta.generate_name = format!("{}-", meta.name);
    object.meta.labels.clone_from(&template.metadata.labels);
    object.meta.annotations.clone_from(&template.metadata.annotations);
    object.meta.finalizers.clone_from(&template.metadata.finalizers);
    object.meta.owner_references = vec![owner(Kind::ReplicaSet, meta)];
    object
}

/// Pods in the order in which they are given up (`ActivePodsWithRanks`): without a node, not running, not ready, doubled up on
/// a node, ready for a shorter time, restarted more often, younger.
fn first_to_go<'a>(mut pods: Vec<(&'a Meta, &'a Pod)>) -> Vec<(&'a Meta, &'a Pod)> {
    let mut on_node: std::collections::BTreeMap<String, usize> = Default::default();
    for (_, pod) in &pods {
        *on_node.entry(pod.spec.node_name.clone()).or_default() += 1;
    }
    crate::sort::by_key(&mut pods, |(meta, pod)| {
        let phase = ["Pending", "Unknown", "Running"].iter().position(|p| *p == pod.status.phase).unwrap_or(0);
        let restarts: i32 = pod.status.container_statuses.iter().map(|c| c.restart_count).sum();
        let since = pod.status.condition("Ready").and_then(|c| c.last_transition_time).unwrap_or_default();
        (
            !pod.spec.node_name.is_empty(),
            phase,
            pod.status.is_ready(),
            std::cmp::Reverse(on_node.get(&pod.spec.node_name).copied().unwrap_or(0)),
            std::cmp::Reverse(since.as_micros() / 1_000_000),
            -restarts,
            std::cmp::Reverse(meta.creation_timestamp.unwrap_or_default()),
            meta.name.clone(),
        )
    });
    pods
}
