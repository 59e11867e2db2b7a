//! The health of nodes, after `pkg/controller/nodelifecycle/node_lifecycle_controller.go`, and what kubelets say of their nodes.
//!
//! A kubelet renews its lease every 10 seconds; the controller looks every 5 seconds, and 50 seconds (`--node-monitor-grace-period`
//! since 1.32) after the last renewal that it saw it marks the node's conditions Unknown and its pods not ready. At its next look the
//! node gets its NoExecute taint, unless too many nodes are lost at once (`ComputeZoneState`: then evictions stop). Heartbeats that
//! change nothing are not played. Left out: labels, leases as objects, pods of nodes that were deleted.

use super::placement;
use super::{Change, Outcome, with_body};
use crate::api::{Remark, Store};
use crate::object::{Condition, Kind, Meta, Node, Object, Outages, Pod, Ref, Taint};
use crate::time::{Duration, Instant};

/// Who records the controller's events.
const ME: &str = "node-controller";
/// How often a kubelet renews its lease.
const RENEWAL: u64 = 10_000_000;
/// From the last renewal that was seen to the look that finds it too old.
const GRACE: Duration = Duration::from_secs(55);
/// How often the controller looks.
const LOOK: Duration = Duration::from_secs(5);
/// From a machine's start to its kubelet's first word.
const BOOT: Duration = Duration::from_secs(8);

pub(super) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// What a healthy kubelet says: type, status, reason, message.
pub const HEALTHY: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// Brings a node's conditions and taints up to what is heard of it.
#[inline(never)]
pub(super) fn reconcile(store: &Store, outages: &Outages, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, node)) = store.read::<Node>(key) else { return outcome };
    let mut changed = node.clone();
    let was_ready = ready(node);
    match outages.silent_since(&meta.name) {
        Some(since) => {
            // A control plane that was off itself gives everybody a new grace period.
            let renewed = Instant::from_micros(since.as_micros() / RENEWAL * RENEWAL);
            let heard = renewed.max(outages.back_since(outages.home()).unwrap_or_default());
            let unknown = heard + GRACE;
            if now < unknown {
                outcome.again = Some(unknown);
            } else if was_ready != "Unknown" {
                say_all(&mut changed, now, |_| {
                    ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
                });
                outcome.again = Some(now + LOOK);
                let message = format!("Node {} status is now: NodeNotReady", meta.name);
                tell(&mut outcome, Remark::normal(Kind::Node, meta, ME, "NodeNotReady", message));
                pods_not_ready(store, &meta.name, now, &mut outcome);
            } else if let Some(since) = changed.status.condition("Ready").and_then(|c| c.last_transition_time) {
                let due = since + LOOK;
                let taint = Taint { time_added: Some(now), ..Taint::new(UNREACHABLE, "NoExecute") };
                if now < due {
                    outcome.again = Some(due);
                } else if may_evict(store, meta) && !node.spec.taints.iter().any(|t| t.is_like(&taint)) {
                    changed.spec.taints.push(taint);
                }
            }
        }
        None if was_ready != "True" => {
            let back = outages.back_since(&meta.name).unwrap_or_default() + BOOT;
            if now < back {
                outcome.again = Some(back);
            } else {
                say_all(&mut changed, now, |r#type| {
                    let (_, status, reason, message) =
                        HEALTHY.iter().find(|row| row.0 == r#type).unwrap_or(&HEALTHY[3]);
                    (status, reason, message)
                });
                let message = format!("Node {} status is now: NodeReady", meta.name);
                tell(&mut outcome, Remark::normal(Kind::Node, meta, "kubelet", "NodeReady", message).on(&meta.name));
                lift(store, meta, &mut changed, &mut outcome);
            }
        }
        None => lift(store, meta, &mut changed, &mut outcome),
    }
    // The kubelet tells of a cordon when it sees one; the taint shows whether it has.
    let cordon = Taint::new(UNSCHEDULABLE, "NoSchedule");
    let told = node.spec.taints.iter().any(|taint| taint.is_like(&cordon));
    if told != node.spec.unschedulable && outages.silent_since(&meta.name).is_none() {
        let reason = if told { "NodeSchedulable" } else { "NodeNotSchedulable" };
        let message = format!("Node {} status is now: {reason}", meta.name);
        tell(&mut outcome, Remark::normal(Kind::Node, meta, "kubelet", reason, message).on(&meta.name));
    }
    no_schedule(&mut changed, now);
    if changed != *node
        && let Some(object) = with_body(store, key, changed)
    {
        outcome.changes.push(Change::Put(object));
    }
    outcome
}

/// The status of a node's `Ready`.
fn ready(node: &Node) -> &str {
    node.status.condition("Ready").map_or("Unknown", |c| c.status.as_str())
}

/// Sets each of the kubelet's conditions to what `say` says of it: status, reason, message.
fn say_all<'t>(node: &mut Node, now: Instant, say: impl Fn(&str) -> (&'t str, &'t str, &'t str)) {
    for (r#type, ..) in HEALTHY {
        let (status, reason, message) = say(r#type);
        let Some(condition) = node.status.conditions.iter_mut().find(|c| c.r#type == r#type) else { continue };
        if condition.status != status {
            let new = Condition {
                last_transition_time: Some(now),
                message: message.to_owned(),
                reason: reason.to_owned(),
                status: status.to_owned(),
                ..condition.clone()
            };
            *condition = new;
        }
    }
}

/// Brings the NoSchedule taints in line with conditions and `spec.unschedulable` (`doNoScheduleTaintingPass`).
fn no_schedule(node: &mut Node, now: Instant) {
    let wanted = [
        (NOT_READY, ready(node) == "False"),
        (UNREACHABLE, ready(node) == "Unknown"),
        (UNSCHEDULABLE, node.spec.unschedulable),
    ];
    for (key, wanted) in wanted {
        let taint = Taint { time_added: Some(now), ..Taint::new(key, "NoSchedule") };
        let has = node.spec.taints.iter().any(|t| t.is_like(&taint));
        if wanted && !has {
            node.spec.taints.push(taint);
        } else if has && !wanted {
            node.spec.taints.retain(|t| !t.is_like(&taint));
        }
    }
}

/// Takes the NoExecute taints off a node that is heard again, and calls evictions off.
fn lift(store: &Store, meta: &Meta, node: &mut Node, outcome: &mut Outcome) {
    let is_ours = |taint: &Taint| taint.effect == "NoExecute" && [UNREACHABLE, NOT_READY].contains(&taint.key.as_str());
    if !node.spec.taints.iter().any(is_ours) {
        return;
    }
    node.spec.taints.retain(|taint| !is_ours(taint));
    for (pod_meta, pod) in store.all::<Pod>().filter(|(_, pod)| pod.spec.node_name == meta.name) {
        let taint = Taint::new(UNREACHABLE, "NoExecute");
        let waits = matches!(placement::patience(&pod.spec, &[&taint]), Some(placement::Patience::Seconds(_)));
        if waits && pod_meta.deletion_timestamp.is_none() {
            tell(outcome, super::eviction::cancelled(pod_meta));
        }
    }
}

/// `MarkPodsNotReady`
fn pods_not_ready(store: &Store, node: &str, now: Instant, outcome: &mut Outcome) {
    for (meta, pod) in store.all::<Pod>().filter(|(_, pod)| pod.spec.node_name == node) {
        let Some(at) = pod.status.conditions.iter().position(|c| c.r#type == "Ready" && c.status != "False") else {
            continue;
        };
        let mut changed = pod.clone();
        let ready = &mut changed.status.conditions[at];
        "False".clone_into(&mut ready.status);
        ready.last_transition_time = Some(now);
        let object = Object { meta: meta.clone(), body: changed.into() };
        outcome.changes.push(Change::Put(Box::new(object)));
        tell(outcome, Remark::warning(Kind::Pod, meta, ME, "NodeNotReady", "Node is not ready".into()));
    }
}

/// Whether pods of a lost node may be evicted: not if every node of the cluster is lost, nor if most of its zone is.
fn may_evict(store: &Store, meta: &Meta) -> bool {
    let zone = |meta: &Meta| {
        let label = |key: &str| meta.labels.get(key).cloned();
        (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"))
    };
    let (mut any_ready, mut up, mut lost) = (false, 0, 0);
    for (other, node) in store.all::<Node>() {
        let is_ready = ready(node) == "True";
        any_ready |= is_ready;
        if zone(other) == zone(meta) {
            *if is_ready { &mut up } else { &mut lost } += 1;
        }
    }
    let partial = up > 0 && lost > 2 && lost * 100 >= (up + lost) * 55;
    any_ready && !partial
}

fn tell(outcome: &mut Outcome, remark: Remark) {
    outcome.changes.push(Change::Tell(Box::new(remark)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, ready: &str) -> Object {
        let mut node = Node::default();
        let condition = |(r#type, status, ..): (&str, &str, &str, &str)| Condition {
            r#type: r#type.into(),
            status: if r#type == "Ready" { ready } else { status }.into(),
            last_transition_time: Some(Instant::ZERO),
            ..Condition::default()
        };
        node.status.conditions = HEALTHY.map(condition).to_vec();
        Object::new("", name, node)
    }

    fn taints(outcome: &Outcome) -> Vec<String> {
        let nodes = outcome.changes.iter().filter_map(|change| match change {
            Change::Put(object) => object.body::<Node>(),
            _ => None,
        });
        nodes.flat_map(|node| &node.spec.taints).map(|taint| format!("{}:{}", taint.key, taint.effect)).collect()
    }

    #[test]
    fn a_silent_node_is_lost_fifty_seconds_after_its_last_lease() {
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        let mut outages = Outages::new("a");
        outages.stop("b", at(17));
        let mut store = Store::default();
        store.put(node("a", "True"));
        let key = store.put(node("b", "True")).key();
        let mut pod = Pod::default();
        pod.spec.node_name = "b".into();
        let ready = Condition { r#type: "Ready".into(), status: "True".into(), ..Condition::default() };
        pod.status.conditions = vec![ready];
        store.put(Object::new("default", "p", pod));
        let early = reconcile(&store, &outages, &key, at(64));
        assert_eq!((early.again, early.changes.len()), (Some(at(65)), 0));
        let lost = reconcile(&store, &outages, &key, at(65));
        assert_eq!(taints(&lost), ["node.kubernetes.io/unreachable:NoSchedule"]);
        let unready = lost.changes.iter().any(
            |change| matches!(change, Change::Put(object) if object.body::<Pod>().is_some_and(|p| !p.status.is_ready())),
        );
        assert!(unready, "its pods are not ready");
        // At the next look its pods are to go.
        store.put(node("b", "Unknown"));
        let next = reconcile(&store, &outages, &key, at(70));
        assert_eq!(
            taints(&next),
            ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"]
        );
        // When every node is lost, the fault is elsewhere, and nobody is evicted.
        store.put(node("a", "Unknown"));
        assert_eq!(taints(&reconcile(&store, &outages, &key, at(70))), ["node.kubernetes.io/unreachable:NoSchedule"]);
    }

    #[test]
    fn a_cordon_is_a_taint_too() {
        let mut store = Store::default();
        let mut cordoned = node("a", "True");
        cordoned.body_mut::<Node>().unwrap().spec.unschedulable = true;
        let key = store.put(cordoned).key();
        let outcome = reconcile(&store, &Outages::default(), &key, Instant::ZERO);
        assert_eq!(taints(&outcome), ["node.kubernetes.io/unschedulable:NoSchedule"]);
    }
}
