//! One pod for each node that may have it, after `pkg/controller/daemon` (`daemon_controller.go`, `update.go`, `util/daemonset_util.go`).
//!
//! The controller names the node in an affinity, adds the tolerations of daemons, and leaves the binding to the scheduler. Left out:
//! the back-off of pods that fail, adoption of orphans.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::deployment::part;
use super::placement;
use super::replicaset::available_at;
use super::revision::{self, History};
use super::{Change, Outcome, owner, with_body};
use crate::api::Store;
use crate::object::{DaemonSet, DaemonSetStatus, Kind, Meta, Node, Object, Pod, PodSpec, Ref};
use crate::time::Instant;

const GENERATION: &str = "deprecated.daemonset.template.generation";

/// What daemons tolerate.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// A daemon's pods on one node, oldest first.
type OnNode<'a> = Vec<(&'a Meta, &'a Pod)>;

/// What a node is to a daemon.
#[derive(Clone, Copy, PartialEq)]
enum Should {
    /// It is to have a pod.
    Run,
    /// It is to have none, but one that is there may stay.
    Stay,
    /// It is to have none.
    Not,
}

/// Makes and deletes pods, and counts them.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, set)) = store.read::<DaemonSet>(key) else { return outcome };
    let spec = &set.spec;
    let history = History::of(store, &meta.uid);
    let update = history.update(store, Kind::DaemonSet, meta, &spec.template, &mut outcome);
    let min_ready = spec.min_ready_seconds.unwrap_or(0);

    let mut on_nodes: BTreeMap<String, OnNode<'_>> = BTreeMap::new();
    for (pod_meta, pod) in store.owned::<Pod>(&meta.uid) {
        on_nodes.entry(target(pod)).or_default().push((pod_meta, pod));
    }
    on_nodes.values_mut().for_each(|pods| crate::sort::by_key(pods, |(meta, _)| meta.creation_timestamp));
    let template = daemon_spec(&spec.template.spec);
    let nodes: Vec<(&Meta, Should)> =
        store.all::<Node>().map(|(node_meta, node)| (node_meta, should(node_meta, node, &template))).collect();
    let is_new = |pod: &Meta| pod.labels.get(revision::LABEL) == Some(&update.hash);
    let is_available = |pod: &Pod| available_at(pod, min_ready).is_some_and(|at| at <= now);

    let (mut create, mut delete): (Vec<&str>, Vec<&Meta>) = (Vec::new(), Vec::new());
    if meta.deletion_timestamp.is_none() {
        let desired = nodes.iter().filter(|(_, should)| *should == Should::Run).count();
        let bound = |which: &Option<crate::object::IntOrString>| {
            part(which.as_ref(), i32::try_from(desired).unwrap_or(i32::MAX), true)
        };
        let rolling = spec.update_strategy.rolling_update.as_ref();
        let surge = rolling.map_or(0, |rolling| bound(&rolling.max_surge));
        let missing = rolling.map_or(0, |rolling| bound(&rolling.max_unavailable));
        for (node, should) in &nodes {
            let pods = on_nodes.get(&node.name).map_or(&[][..], Vec::as_slice);
            let live: OnNode<'_> = pods.iter().filter(|(meta, _)| meta.deletion_timestamp.is_none()).copied().collect();
            match should {
                Should::Run if pods.is_empty() => create.push(&node.name),
                Should::Not => delete.extend(live.iter().map(|(meta, _)| *meta)),
                Should::Run | Should::Stay => {
                    let over = |pod: &Pod| matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
                    delete.extend(live.iter().filter(|(_, pod)| over(pod)).map(|(meta, _)| *meta));
                    let running = live.iter().filter(|(_, pod)| !over(pod));
                    // While it surges, a node has an old pod and a new one.
                    let kept = if surge > 0 && running.clone().any(|(meta, _)| !is_new(meta)) { 2 } else { 1 };
                    delete.extend(running.skip(kept).map(|(meta, _)| *meta));
                }
            }
        }
        if spec.update_strategy.r#type == "RollingUpdate" {
            let running = nodes.iter().filter(|(_, should)| *should == Should::Run).map(|(node, _)| {
                let pods = on_nodes.get(&node.name).map_or(&[][..], Vec::as_slice);
                let live = pods.iter().filter(|(meta, _)| meta.deletion_timestamp.is_none());
                let (new, old): (OnNode<'_>, OnNode<'_>) = live.partition(|(meta, _)| is_new(meta));
                (node.name.as_str(), new.first().copied(), old.first().copied())
            });
            let (mut sure, mut maybe): (Vec<&Meta>, Vec<&Meta>) = (Vec::new(), Vec::new());
            let (mut add, mut may_add): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
            let mut used = 0;
            for (node, new, old) in running {
                match (new, old) {
                    (None, Some((old, pod))) if surge == 0 => match is_available(pod) {
                        true => maybe.push(old),
                        false => sure.push(old),
                    },
                    (Some((_, pod)), None) if surge == 0 => used += i32::from(!is_available(pod)),
                    _ if surge == 0 => used += 1,
                    (_, None) => {}
                    (None, Some((_, pod))) => match is_available(pod) {
                        true => may_add.push(node),
                        false => add.push(node),
                    },
                    (Some((_, new)), Some((old, pod))) => {
                        if !is_available(pod) || is_available(new) {
                            sure.push(old);
                        } else {
                            used += 1;
                        }
                    }
                }
            }
            let spare = |most: i32| usize::try_from(most.saturating_sub(used)).unwrap_or(0);
            delete.extend(sure);
            delete.extend(maybe.into_iter().take(spare(missing)));
            create.extend(add);
            create.extend(may_add.into_iter().take(spare(surge)));
        }
    }
    for node in create {
        let pod = new_pod(meta, set, &template, node, &update);
        outcome.changes.push(Change::Create(Box::new(pod)));
    }
    let mut gone: Vec<&str> = Vec::new();
    for pod in delete {
        if !gone.contains(&pod.name.as_str()) {
            gone.push(&pod.name);
            outcome.changes.push(Change::Delete(Ref::new(Kind::Pod, pod.namespace.as_str(), pod.name.as_str())));
        }
    }

    let mut status = DaemonSetStatus {
        collision_count: set.status.collision_count,
        conditions: set.status.conditions.clone(),
        observed_generation: meta.generation,
        ..DaemonSetStatus::default()
    };
    for (node, should) in &nodes {
        let first = on_nodes.get(&node.name).and_then(|pods| pods.first());
        match (should, first) {
            (Should::Run, None) => status.desired_number_scheduled += 1,
            (Should::Run, Some((pod_meta, pod))) => {
                status.desired_number_scheduled += 1;
                status.current_number_scheduled += 1;
                let ready = available_at(pod, min_ready);
                status.number_ready += i32::from(ready.is_some());
                status.number_available += i32::from(ready.is_some_and(|at| at <= now));
                status.updated_number_scheduled += i32::from(is_new(pod_meta));
                let later = ready.filter(|at| *at > now);
                outcome.again = outcome.again.into_iter().chain(later).min();
            }
            (_, Some(_)) => status.number_misscheduled += 1,
            (_, None) => {}
        }
    }
    status.number_unavailable = status.desired_number_scheduled - status.number_available;
    let live = |revision: &Meta| {
        revision.name == update.name || {
            let hash = revision.labels.get(revision::LABEL);
            on_nodes.values().flatten().any(|(pod, _)| pod.labels.get(revision::LABEL) == hash)
        }
    };
    history.truncate(spec.revision_history_limit, live, &mut outcome);
    if let Some(mut changed) = with_body(store, key, DaemonSet { status, ..set.clone() }) {
        changed.meta.annotations.insert(GENERATION.into(), update.number.to_string());
        if changed.meta != *meta || changed.body::<DaemonSet>() != Some(set) {
            outcome.changes.push(Change::Put(changed));
        }
    }
    outcome
}

/// The node that a daemon's pod is for, bound or not.
fn target(pod: &Pod) -> String {
    if !pod.spec.node_name.is_empty() {
        return pod.spec.node_name.clone();
    }
    const FIELDS: &str = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";
    let affinity = pod.spec.rest.get("affinity").map(|affinity| json!({ "affinity": affinity }));
    affinity.and_then(|tree| tree.pointer(FIELDS)?.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The template's spec with the tolerations of daemons.
fn daemon_spec(template: &PodSpec) -> PodSpec {
    let mut spec = template.clone();
    let list = spec.rest.entry("tolerations").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        let network = spec.host_network.then_some(("node.kubernetes.io/network-unavailable", "NoSchedule"));
        for (key, effect) in TOLERATED.into_iter().chain(network) {
            let wanted = json!({"effect": effect, "key": key, "operator": "Exists"});
            if !list.contains(&wanted) {
                list.push(wanted);
            }
        }
    }
    spec
}

/// `NodeShouldRunDaemonPod`
fn should(meta: &Meta, node: &Node, spec: &PodSpec) -> Should {
    if (!spec.node_name.is_empty() && spec.node_name != meta.name) || !placement::is_wanted(meta, spec) {
        return Should::Not;
    }
    let untolerated = |effects: &[&str]| {
        let taints = node.spec.taints.iter().filter(|taint| effects.contains(&taint.effect.as_str()));
        taints.clone().any(|taint| !placement::tolerates(spec, taint))
    };
    if !untolerated(&["NoSchedule", "NoExecute"]) {
        Should::Run
    } else if untolerated(&["NoExecute"]) {
        Should::Not
    } else {
        Should::Stay
    }
}

fn new_pod(meta: &Meta, set: &DaemonSet, spec: &PodSpec, node: &str, update: &revision::Update) -> Object {
    let template = &set.spec.template;
    let mut pod = Pod { spec: spec.clone(), ..Pod::default() };
    let fields = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    let affinity = pod.spec.rest.entry("affinity").or_insert_with(|| json!({}));
    let required = affinity
        .pointer_mut("/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")
        .and_then(Value::as_array_mut);
    match required {
        // Terms are alternatives: each is to name the node.
        Some(terms) => terms.iter_mut().for_each(|term| term["matchFields"] = json!([fields])),
        None => {
            if affinity.get("nodeAffinity").is_none_or(|node| !node.is_object()) {
                affinity["nodeAffinity"] = json!({});
            }
            affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!({"nodeSelectorTerms": [{"matchFields": [fields]}]});
        }
    }
    let mut object = Object::new(&meta.namespace, "", pod);
    object.meta.generate_name = format!("{}-", meta.name);
    object.meta.labels.clone_from(&template.metadata.labels);
    object.meta.annotations.clone_from(&template.metadata.annotations);
    object.meta.finalizers.clone_from(&template.metadata.finalizers);
    object.meta.labels.insert("pod-template-generation".into(), update.number.to_string());
    object.meta.labels.insert(revision::LABEL.into(), update.hash.clone());
    object.meta.owner_references = vec![owner(Kind::DaemonSet, meta)];
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Taint;

    fn steps(nodes: &[(&str, Option<Taint>)], pods: &[(&str, &str, bool)], surge: bool) -> Vec<String> {
        let mut store = Store::default();
        for (name, taint) in nodes {
            let mut node = Node::default();
            node.spec.taints = taint.iter().cloned().collect();
            store.put(Object::new("", *name, node));
        }
        let mut set = DaemonSet::default();
        set.spec.update_strategy.r#type = "RollingUpdate".into();
        let number = |n| Some(crate::object::IntOrString::Int(n));
        set.spec.update_strategy.rolling_update = Some(crate::object::RollingUpdate {
            max_surge: number(i32::from(surge)),
            max_unavailable: number(i32::from(!surge)),
        });
        let hash = revision::hash(&set.spec.template);
        let mut object = Object::new("default", "agent", set.clone());
        object.meta.uid = "u".into();
        for (node, version, ready) in pods {
            let version = if *version == "new" { &hash } else { *version };
            let update = revision::Update { name: String::new(), hash: version.to_owned(), number: 1 };
            let mut pod = new_pod(&object.meta, &set, &PodSpec::default(), node, &update);
            pod.meta.name = format!("{node}-{version}");
            let status = if *ready { "True" } else { "False" };
            pod.body_mut::<Pod>().unwrap().status.conditions =
                vec![crate::object::Condition { r#type: "Ready".into(), status: status.into(), ..Default::default() }];
            store.put(pod);
        }
        let key = store.put(object).key();
        let steps = reconcile(&store, &key, Instant::ZERO).changes.into_iter().filter_map(|change| match change {
            Change::Create(object) => Some(format!("+{}", target(object.body::<Pod>()?))),
            Change::Delete(key) if key.kind == Kind::Pod => Some(format!("-{}", key.name)),
            _ => None,
        });
        steps.collect()
    }

    #[test]
    fn each_node_that_may_have_a_pod_has_one() {
        let taint = |effect: &str| Some(Taint::new("dedicated", effect));
        let cordon = Some(Taint::new("node.kubernetes.io/unschedulable", "NoSchedule"));
        let nodes = [("a", None), ("b", taint("NoSchedule")), ("c", cordon), ("d", taint("NoExecute"))];
        assert_eq!(steps(&nodes, &[], false), ["+a", "+c"]);
        let there = [("a", "new", true), ("b", "new", true), ("c", "new", true), ("d", "new", true)];
        let gone = steps(&nodes, &there, false);
        assert_eq!(gone.len(), 1, "one that is there may stay unless the taint says NoExecute: {gone:?}");
        assert!(gone[0].starts_with("-d-"));
    }

    #[test]
    fn an_update_goes_node_by_node() {
        let nodes = [("a", None), ("b", None)];
        assert_eq!(steps(&nodes, &[("a", "old", true), ("b", "old", true)], false), ["-a-old"]);
        assert_eq!(steps(&nodes, &[("a", "new", false), ("b", "old", true)], false), [""; 0]);
        assert_eq!(steps(&nodes, &[("a", "old", false), ("b", "old", true)], false), ["-a-old", "-b-old"]);
        assert_eq!(steps(&nodes, &[("a", "old", true), ("b", "old", true)], true), ["+a"], "a surge comes first");
        let surged = [("a", "old", true), ("a", "new", true), ("b", "old", true)];
        assert_eq!(
            steps(&nodes, &surged, true),
            ["-a-old", "+b"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>()
        );
    }
}
