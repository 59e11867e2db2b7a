//! Which pod is meant where something that selects pods is named: `kubectl exec deploy/web`, `port-forward svc/web`, `logs deploy/web`.
//!
//! Stands for `k8s.io/kubectl` `pkg/polymorphichelpers` (`attachablePodForObject`, `SelectorsForObject`) and `pkg/util/podutils`.

use std::sync::Arc;

use super::{Call, Fail};
use crate::object::{Deployment, Kind, LabelSelector, Labels, Object, Pod, ReplicaSet, Service};
use crate::time::{Duration, Instant};

/// How long the first pod is waited for: `--pod-running-timeout`.
const PATIENCE: Duration = Duration::from_secs(60);

/// How pods are told from others.
pub(super) enum Selects {
    By(LabelSelector),
    All(Labels),
}

impl Selects {
    /// Whether a pod's labels fit.
    pub(super) fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::By(selector) => selector.matches(labels),
            Self::All(wanted) => wanted.iter().all(|(key, value)| labels.get(key) == Some(value)),
        }
    }
}

/// What an object selects; else why it selects nothing.
pub(super) fn selector(object: &Object) -> Result<Selects, String> {
    if let Some(deployment) = object.body::<Deployment>() {
        return Ok(Selects::By(deployment.spec.selector.clone()));
    }
    if let Some(set) = object.body::<ReplicaSet>() {
        return Ok(Selects::By(set.spec.selector.clone()));
    }
    if let Some(service) = object.body::<Service>() {
        if service.spec.selector.is_empty() {
            let name = &object.meta.name;
            return Err(format!("invalid service '{name}': Service is defined without a selector"));
        }
        return Ok(Selects::All(service.spec.selector.clone()));
    }
    Err(format!("selector for *v1.{} not implemented", object.kind().name()))
}

/// The pods of an object, the best first; without `order`, by name.
pub(super) fn behind(call: &Call, selects: &Selects) -> Vec<Arc<Object>> {
    let pods = call.shell.cluster.store().list(Kind::Pod, Some(&call.namespace));
    pods.filter(|pod| selects.matches(&pod.meta.labels)).cloned().collect()
}

/// The pod itself, or the one that kubectl takes of those behind an object: assigned, running, ready, not ending, ready for longest,
/// restarted least, oldest.
pub(super) fn attachable(call: &mut Call, object: &Arc<Object>) -> Result<Arc<Object>, Fail> {
    if object.kind() == Kind::Pod {
        return Ok(Arc::clone(object));
    }
    let kind = object.kind().name();
    let selects = selector(object).map_err(|fault| Fail::Error(format!("cannot attach to *v1.{kind}: {fault}")))?;
    let end = call.shell.cluster.now() + PATIENCE;
    loop {
        let mut pods = behind(call, &selects);
        crate::sort::by_key(&mut pods, |pod| rank(pod));
        if let Some(first) = pods.into_iter().next() {
            return Ok(first);
        }
        match call.shell.cluster.pending().filter(|at| *at <= end) {
            Some(next) => call.shell.cluster.advance(next),
            None => {
                call.shell.cluster.advance(end);
                return Err(Fail::Error("timed out waiting for the condition".into()));
            }
        }
    }
}

/// `ActivePods`, best first.
type Rank = (bool, u8, bool, bool, u128, i32, Option<Instant>);

fn rank(object: &Object) -> Rank {
    let Some(pod) = object.body::<Pod>() else { return (true, 9, true, true, 0, 0, None) };
    let phase = match pod.status.phase.as_str() {
        "Running" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let ready = pod.status.condition("Ready").filter(|condition| condition.status == "True");
    // Times are whole seconds, as the API writes them.
    let since = ready.and_then(|condition| condition.last_transition_time).map_or(0, |at| at.as_micros() / 1_000_000);
    let restarts = pod.status.container_statuses.iter().map(|status| status.restart_count).max().unwrap_or(0);
    let deleting = object.meta.deletion_timestamp.is_some();
    let born = object.meta.creation_timestamp.map(|at| Instant::from_millis(at.as_micros() / 1_000_000 * 1000));
    (pod.spec.node_name.is_empty(), phase, ready.is_none(), deleting, since.into(), restarts, born)
}
