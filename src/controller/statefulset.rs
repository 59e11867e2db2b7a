//! Pods with names that stay, after `pkg/controller/statefulset` (`stateful_set_control.go`, `stateful_set_utils.go`).
//!
//! One step a time: the next pod is made when those before it are ready, the last goes first, and an update goes from the highest
//! ordinal down to the partition; with `podManagementPolicy: Parallel` all at once. A new pod takes the name of its ordinal, and with
//! it the host name under the headless Service. Left out: volume claims (a pod's are taken to be bound), adoption of orphans.

use serde_json::{Value, json};

use super::revision::{self, History};
use super::{Change, Outcome, owner, with_body};
use crate::api::Store;
use crate::object::{
    IntOrString, Kind, Meta, Object, Pod, PodTemplate, Ref, StatefulSet, StatefulSetSpec, StatefulSetStatus,
};
use crate::time::{Duration, Instant};

/// A pod of the set.
#[derive(Clone, Copy)]
struct Replica<'a> {
    meta: &'a Meta,
    pod: &'a Pod,
    ordinal: i32,
}

impl Replica<'_> {
    fn is_ready(&self) -> bool {
        self.pod.status.phase == "Running" && self.pod.status.is_ready()
    }

    fn is_going(&self) -> bool {
        self.meta.deletion_timestamp.is_some()
    }

    fn is_over(&self) -> bool {
        matches!(self.pod.status.phase.as_str(), "Succeeded" | "Failed")
    }

    fn revision(&self) -> &str {
        self.meta.labels.get(revision::LABEL).map_or("", String::as_str)
    }

    /// When it became or becomes available; none while it is not ready.
    fn available_at(&self, min_ready: i32) -> Option<Instant> {
        let ready = self.pod.status.condition("Ready").filter(|_| self.is_ready())?;
        Some(ready.last_transition_time.unwrap_or_default() + Duration::from_secs(u64::from(min_ready.unsigned_abs())))
    }
}

/// One look at a set.
struct Look<'a> {
    meta: &'a Meta,
    spec: &'a StatefulSetSpec,
    /// Its pods in range, by ordinal from the first on; none where one is missing.
    replicas: Vec<Option<Replica<'a>>>,
    /// Those out of range, the highest ordinal first.
    condemned: Vec<Replica<'a>>,
    now: Instant,
    outcome: Outcome,
}

/// Makes, deletes and counts pods.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, set)) = store.read::<StatefulSet>(key) else { return outcome };
    let spec = &set.spec;
    let history = History::of(store, &meta.uid);
    let update = history.update(store, Kind::StatefulSet, meta, &spec.template, &mut outcome);
    let current = match history.template(&set.status.current_revision) {
        Some(template) => (set.status.current_revision.clone(), template),
        None => (update.name.clone(), spec.template.clone()),
    };

    let wanted = spec.replicas.unwrap_or(1).max(0);
    let start = spec.ordinals.as_ref().map_or(0, |ordinals| ordinals.start);
    let mut look = Look {
        meta,
        spec,
        replicas: vec![None; usize::try_from(wanted).unwrap_or(0)],
        condemned: Vec::new(),
        now,
        outcome,
    };
    for (pod_meta, pod) in store.owned::<Pod>(&meta.uid) {
        let digits = pod_meta.name.strip_prefix(&*meta.name).and_then(|rest| rest.strip_prefix('-'));
        let Some(ordinal) = digits.and_then(|digits| digits.parse::<i32>().ok()) else { continue };
        let replica = Replica { meta: pod_meta, pod, ordinal };
        match usize::try_from(ordinal.saturating_sub(start)).ok().and_then(|at| look.replicas.get_mut(at)) {
            Some(place) => *place = Some(replica),
            None => look.condemned.push(replica),
        }
    }
    crate::sort::by_key(&mut look.condemned, |replica| std::cmp::Reverse(replica.ordinal));

    let mut status = look.status(&current.0, &update.name, set);
    if meta.deletion_timestamp.is_none() {
        let make = |ordinal: i32| {
            let from_current = spec.update_strategy.r#type == "RollingUpdate"
                && set.status.current_revision != update.name
                && !set.status.current_revision.is_empty()
                && match spec.update_strategy.rolling_update.as_ref().and_then(|rolling| rolling.partition) {
                    Some(partition) => ordinal < start.saturating_add(partition),
                    None => ordinal < start.saturating_add(set.status.current_replicas),
                };
            match from_current {
                true => new_pod(meta, spec, &current.1, &current.0, ordinal),
                false => new_pod(meta, spec, &spec.template, &update.name, ordinal),
            }
        };
        if look.keep(start, make) && look.shrink() && spec.update_strategy.r#type != "OnDelete" {
            look.roll(&update.name);
        }
    }
    let done = spec.update_strategy.r#type == "RollingUpdate"
        && [status.updated_replicas, status.ready_replicas, status.replicas] == [wanted; 3];
    if done {
        status.current_replicas = status.updated_replicas;
        status.current_revision.clone_from(&status.update_revision);
    }
    let pods = look.replicas.iter().flatten().chain(&look.condemned);
    let used: Vec<&str> = pods.map(Replica::revision).chain([current.0.as_str(), update.name.as_str()]).collect();
    let mut outcome = look.outcome;
    let is_live = |revision: &Meta| used.contains(&revision.name.as_str());
    history.truncate(spec.revision_history_limit, is_live, &mut outcome);
    if status != set.status
        && let Some(changed) = with_body(store, key, StatefulSet { status, ..set.clone() })
    {
        outcome.changes.push(Change::Put(changed));
    }
    outcome
}

impl<'a> Look<'a> {
    fn min_ready(&self) -> i32 {
        self.spec.min_ready_seconds.unwrap_or(0)
    }

    /// Whether one step is taken at a time.
    fn in_order(&self) -> bool {
        self.spec.pod_management_policy != "Parallel"
    }

    /// Whether a pod is available; if it will be, the set is looked at again then.
    fn is_available(&mut self, replica: &Replica<'a>) -> bool {
        let Some(at) = replica.available_at(self.min_ready()) else { return false };
        if at > self.now {
            self.outcome.again = Some(self.outcome.again.map_or(at, |again| again.min(at)));
        }
        at <= self.now
    }

    /// Whether a pod counts as up; a missing one does not.
    fn is_up(&mut self, replica: Option<Replica<'a>>) -> bool {
        replica.is_some_and(|replica| !replica.is_going() && self.is_available(&replica))
    }

    /// Sees to every pod in range: whether what comes after may be done.
    fn keep(&mut self, start: i32, make: impl Fn(i32) -> Object) -> bool {
        for i in 0..self.replicas.len() {
            match self.replicas[i] {
                None => {
                    let ordinal = start.saturating_add(i32::try_from(i).unwrap_or(i32::MAX));
                    self.outcome.changes.push(Change::Create(Box::new(make(ordinal))));
                    if self.in_order() {
                        return false;
                    }
                }
                Some(replica) if replica.is_over() => {
                    self.delete(&replica);
                    if self.in_order() {
                        return false;
                    }
                }
                Some(replica) => {
                    if self.in_order() && (replica.is_going() || !self.is_available(&replica)) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Gives up the pods out of range, the highest ordinal first.
    fn shrink(&mut self) -> bool {
        let first_down = (0..self.replicas.len()).find(|i| !self.is_up(self.replicas[*i]));
        for i in 0..self.condemned.len() {
            let replica = self.condemned[i];
            if self.in_order() {
                let lowest_down = (0..self.condemned.len()).rev().find(|i| !self.is_up(Some(self.condemned[*i])));
                let is_first_down = first_down.is_none() && lowest_down == Some(i);
                if replica.is_going() || (!self.is_available(&replica) && !is_first_down) {
                    return false;
                }
                self.delete(&replica);
                return false;
            }
            self.delete(&replica);
        }
        true
    }

    /// Gives up pods of another revision, from the highest ordinal down to the partition, as many as may be missing.
    fn roll(&mut self, update: &str) {
        let rolling = self.spec.update_strategy.rolling_update.as_ref();
        let partition = usize::try_from(rolling.and_then(|rolling| rolling.partition).unwrap_or(0)).unwrap_or(0);
        let most = match rolling.and_then(|rolling| rolling.max_unavailable.as_ref()) {
            None => 1,
            Some(IntOrString::Int(number)) => usize::try_from(*number).unwrap_or(1),
            Some(IntOrString::String(percent)) => {
                let percent = percent.trim_end_matches('%').parse::<usize>().unwrap_or(0);
                percent.saturating_mul(self.replicas.len()) / 100
            }
        };
        let down = (0..self.replicas.len()).filter(|i| !self.is_up(self.replicas[*i])).count();
        let mut spare = most.max(1).saturating_sub(down);
        for i in (partition..self.replicas.len()).rev() {
            let Some(replica) = self.replicas[i].filter(|replica| replica.revision() != update) else { continue };
            if spare == 0 {
                break;
            }
            if !replica.is_going() {
                self.delete(&replica);
                spare -= 1;
            }
        }
    }

    fn delete(&mut self, replica: &Replica<'a>) {
        if !replica.is_going() {
            let (namespace, pod) = (self.meta.namespace.as_str(), replica.meta.name.as_str());
            self.outcome.changes.push(Change::Delete(Ref::new(Kind::Pod, namespace, pod)));
        }
    }

    fn status(&mut self, current: &str, update: &str, set: &StatefulSet) -> StatefulSetStatus {
        let pods: Vec<Replica<'a>> = self.replicas.iter().flatten().chain(&self.condemned).copied().collect();
        let available = pods.iter().filter(|replica| self.is_available(replica)).count();
        let count = |which: &dyn Fn(&Replica<'_>) -> bool| {
            i32::try_from(pods.iter().filter(|replica| which(replica)).count()).unwrap_or(i32::MAX)
        };
        StatefulSetStatus {
            available_replicas: i32::try_from(available).unwrap_or(i32::MAX),
            collision_count: Some(0),
            current_replicas: count(&|replica| !replica.is_going() && replica.revision() == current),
            current_revision: current.to_owned(),
            observed_generation: self.meta.generation,
            ready_replicas: count(&|replica| replica.is_ready()),
            replicas: count(&|_| true),
            update_revision: update.to_owned(),
            updated_replicas: count(&|replica| !replica.is_going() && replica.revision() == update),
            rest: set.status.rest.clone(),
        }
    }
}

/// The pod of an ordinal.
fn new_pod(meta: &Meta, spec: &StatefulSetSpec, template: &PodTemplate, revision: &str, ordinal: i32) -> Object {
    let name = format!("{}-{ordinal}", meta.name);
    let mut pod = Pod { spec: template.spec.clone(), ..Pod::default() };
    pod.spec.hostname.clone_from(&name);
    pod.spec.subdomain.clone_from(&spec.service_name);
    let claims = spec.rest.get("volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
    let claims = claims.filter_map(|claim| claim.pointer("/metadata/name").and_then(Value::as_str));
    let mut volumes: Vec<Value> = claims
        .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{claim}-{name}")}}))
        .collect();
    if !volumes.is_empty() {
        let others = pod.spec.rest.get("volumes").and_then(Value::as_array).into_iter().flatten();
        volumes.extend(others.cloned().collect::<Vec<_>>());
        pod.spec.rest.insert("volumes".into(), volumes.into());
    }
    let mut object = Object::new(&meta.namespace, name.as_str(), pod);
    object.meta.labels.clone_from(&template.metadata.labels);
    object.meta.annotations.clone_from(&template.metadata.annotations);
    object.meta.finalizers.clone_from(&template.metadata.finalizers);
    object.meta.labels.insert("apps.kubernetes.io/pod-index".into(), ordinal.to_string());
    object.meta.labels.insert("statefulset.kubernetes.io/pod-name".into(), name);
    object.meta.labels.insert(revision::LABEL.into(), revision.to_owned());
    object.meta.owner_references = vec![owner(Kind::StatefulSet, meta)];
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: i32, policy: &str) -> Object {
        let mut set = StatefulSet::default();
        set.spec.replicas = Some(replicas);
        set.spec.pod_management_policy = policy.into();
        set.spec.service_name = "db".into();
        set.spec.update_strategy.r#type = "RollingUpdate".into();
        let mut object = Object::new("default", "db", set);
        object.meta.uid = "u".into();
        object
    }

    fn pod(ordinal: i32, ready: &str, revision: &str) -> Object {
        let set = set(0, "");
        let spec = &set.body::<StatefulSet>().unwrap().spec;
        let mut object = new_pod(&set.meta, spec, &spec.template, revision, ordinal);
        let status = &mut object.body_mut::<Pod>().unwrap().status;
        status.phase = "Running".into();
        status.conditions =
            vec![crate::object::Condition { r#type: "Ready".into(), status: ready.into(), ..Default::default() }];
        object
    }

    /// What happens to pods, as `+db-0` and `-db-1`.
    fn steps(set: Object, pods: &[Object]) -> Vec<String> {
        let mut store = Store::default();
        let key = store.put(set).key();
        pods.iter().for_each(|pod| drop(store.put(pod.clone())));
        let steps = reconcile(&store, &key, Instant::ZERO).changes.into_iter().filter_map(|change| match change {
            Change::Create(object) if object.kind() == Kind::Pod => Some(format!("+{}", object.meta.name)),
            Change::Delete(key) if key.kind == Kind::Pod => Some(format!("-{}", key.name)),
            _ => None,
        });
        steps.collect()
    }

    fn revision() -> String {
        let set = set(0, "");
        format!("db-{}", revision::hash(&set.body::<StatefulSet>().unwrap().spec.template))
    }

    #[test]
    fn one_pod_at_a_time_and_each_waits_for_the_one_before() {
        let new = revision();
        assert_eq!(steps(set(3, ""), &[]), ["+db-0"]);
        assert_eq!(steps(set(3, ""), &[pod(0, "False", &new)]), [""; 0]);
        assert_eq!(steps(set(3, ""), &[pod(0, "True", &new)]), ["+db-1"]);
        assert_eq!(steps(set(3, "Parallel"), &[]), ["+db-0", "+db-1", "+db-2"]);
    }

    #[test]
    fn the_highest_goes_first_when_the_others_are_well() {
        let new = revision();
        let three = [pod(0, "True", &new), pod(1, "True", &new), pod(2, "True", &new)];
        assert_eq!(steps(set(1, ""), &three), ["-db-2"]);
        let ill = [pod(0, "False", &new), pod(1, "True", &new)];
        assert_eq!(steps(set(1, ""), &ill), [""; 0], "a pod in range is not ready");
        let mut parallel = steps(set(1, "Parallel"), &three);
        parallel.sort();
        assert_eq!(parallel, ["-db-1", "-db-2"]);
    }

    #[test]
    fn an_update_goes_down_to_the_partition() {
        let new = revision();
        let old = [pod(0, "True", "old"), pod(1, "True", "old"), pod(2, "True", &new)];
        assert_eq!(steps(set(3, ""), &old), ["-db-1"]);
        let mut partitioned = set(3, "");
        let rolling = crate::object::RollingUpdateStatefulSet { partition: Some(2), ..Default::default() };
        partitioned.body_mut::<StatefulSet>().unwrap().spec.update_strategy.rolling_update = Some(rolling);
        assert_eq!(steps(partitioned, &old), [""; 0]);
        let busy = [pod(0, "True", "old"), pod(1, "True", "old"), pod(2, "False", &new)];
        assert_eq!(steps(set(3, ""), &busy), [""; 0], "one pod is missing already");
    }
}
