//! Pods that do not bear their node's taints go, after `pkg/controller/tainteviction/taint_eviction.go`.

use super::placement::{self, Patience};
use super::scheduler::set_condition;
use super::{Change, Outcome};
use crate::api::{Remark, Store};
use crate::object::{Condition, Kind, Meta, Node, Object, Pod, Ref, Taint};
use crate::time::{Duration, Instant};

/// Who records its events.
const ME: &str = "taint-eviction-controller";

/// Deletes the pods of a node whose patience with its NoExecute taints has come to an end.
///
/// The next such end is a deadline: a cluster that only waits for it is quiet.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, node)) = store.read::<Node>(key) else { return outcome };
    let taints: Vec<&Taint> = node.spec.taints.iter().filter(|taint| taint.effect == "NoExecute").collect();
    if taints.is_empty() {
        return outcome;
    }
    let since = taints.iter().filter_map(|taint| taint.time_added).max().unwrap_or_default();
    for (pod_meta, pod) in store.all::<Pod>().filter(|(_, pod)| pod.spec.node_name == meta.name) {
        if pod_meta.deletion_timestamp.is_some() {
            continue;
        }
        let end = match placement::patience(&pod.spec, &taints) {
            None => continue,
            Some(Patience::None) => now,
            Some(Patience::Seconds(seconds)) => {
                since.max(bound_at(pod)) + Duration::from_secs(seconds.min(u64::from(u32::MAX)))
            }
        };
        if end > now {
            outcome.deadline = outcome.deadline.into_iter().chain([end]).min();
            continue;
        }
        let message = "Taint manager: deleting due to NoExecute taint";
        let changed = disrupted(pod_meta, pod, "DeletionByTaintManager", message, now);
        outcome.changes.push(Change::Put(Box::new(changed)));
        outcome.changes.push(Change::Tell(Box::new(remark(pod_meta, "Marking for"))));
        let pod = Ref::new(Kind::Pod, pod_meta.namespace.as_str(), pod_meta.name.as_str());
        outcome.changes.push(Change::Delete(pod));
    }
    outcome
}

/// A pod that is to go for a reason of its cluster's, not of its own.
pub fn disrupted(meta: &Meta, pod: &Pod, reason: &str, message: &str, now: Instant) -> Object {
    let mut changed = pod.clone();
    let condition = Condition {
        r#type: "DisruptionTarget".into(),
        status: "True".into(),
        reason: reason.into(),
        message: message.into(),
        ..Condition::default()
    };
    set_condition(&mut changed, condition, now);
    Object { meta: meta.clone(), body: changed.into() }
}

/// What is said of a pod that may stay after all.
pub(super) fn cancelled(meta: &Meta) -> Remark {
    remark(meta, "Cancelling")
}

fn remark(meta: &Meta, what: &str) -> Remark {
    let message = format!(
        "{what} deletion {}Pod {}/{}",
        if what == "Cancelling" { "of " } else { "" },
        meta.namespace,
        meta.name
    );
    Remark::normal(Kind::Pod, meta, ME, "TaintManagerEviction", message)
}

/// When a pod came to its node.
fn bound_at(pod: &Pod) -> Instant {
    pod.status.condition("PodScheduled").and_then(|c| c.last_transition_time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, tolerations: serde_json::Value) -> Object {
        let spec = json!({"nodeName": "n1", "containers": [], "tolerations": tolerations});
        let tree = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
        Object::from_value(Kind::Pod, tree).unwrap()
    }

    #[test]
    fn each_pod_goes_when_its_patience_ends() {
        let mut store = Store::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        let mut node = Object::new("", "n1", Node::default());
        let taint = Taint { time_added: Some(at(10)), ..Taint::new("gone", "NoExecute") };
        node.body_mut::<Node>().unwrap().spec.taints = vec![taint];
        let node = store.put(node).key();
        store.put(pod("never", json!([{"operator": "Exists"}])));
        store.put(pod("now", json!([])));
        store.put(pod("soon", json!([{"key": "gone", "operator": "Exists", "tolerationSeconds": 300}])));
        let gone = |now: Instant| {
            let outcome = reconcile(&store, &node, now);
            let gone = outcome.changes.iter().filter_map(|change| match change {
                Change::Delete(key) => Some(key.name.to_string()),
                _ => None,
            });
            (gone.collect::<Vec<_>>(), outcome.deadline, outcome.again)
        };
        assert_eq!(gone(at(10)), (vec!["now".to_owned()], Some(at(310)), None));
        assert_eq!(gone(at(310)), (vec!["now".to_owned(), "soon".to_owned()], None, None));
    }
}
