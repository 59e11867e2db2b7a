//! A node for each pod, after `pkg/scheduler` with its default plugins, in whole numbers.
//!
//! Filters: nodeSelector and node affinity, unschedulable, taints, the number of pods, host ports, and what other pods forbid. Of the
//! nodes left, the one with the fewest pods of the same owner (topology spread), then the fewest pods (least allocated), then the
//! first by name. Left out: CPU and memory, preferences, priorities and preemption, storage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::neighbours::Neighbours;
use super::placement;
use super::{Change, Outcome};
use crate::api::{Remark, Store};
use crate::object::{Condition, Kind, Meta, Node, Object, Pod, Taint};
use crate::time::Instant;

/// Who records its events.
const ME: &str = "default-scheduler";

/// Why a node cannot run a pod, and whether others that go could change it.
pub(super) type Refusal = (&'static str, bool);

struct Candidate<'a> {
    meta: &'a Meta,
    node: &'a Node,
    pods: usize,
    room: usize,
    of_owner: BTreeMap<String, usize>,
    ports: BTreeSet<(i32, String)>,
}

/// Binds every pod that has no node, in the order in which they came; says why it cannot.
#[inline(never)]
pub(super) fn reconcile(store: &Store, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let mut waiting: Vec<&Arc<Object>> = Vec::new();
    let mut neighbours = Neighbours::default();
    let mut nodes: Vec<Candidate<'_>> = store
        .all::<Node>()
        .map(|(meta, node)| Candidate {
            meta,
            node,
            pods: 0,
            room: capacity(node),
            of_owner: BTreeMap::new(),
            ports: BTreeSet::new(),
        })
        .collect();
    let index: BTreeMap<&str, usize> = nodes.iter().enumerate().map(|(i, n)| (n.meta.name.as_str(), i)).collect();
    for object in store.list(Kind::Pod, None) {
        let Some(pod) = object.body::<Pod>() else { continue };
        if pod.spec.node_name.is_empty() {
            if object.meta.deletion_timestamp.is_none() {
                waiting.push(object);
            }
        } else if let Some(i) = index.get(pod.spec.node_name.as_str())
            && !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
        {
            nodes[*i].take(&object.meta, pod);
            neighbours.add(nodes[*i].meta, &object.meta, pod);
        }
    }
    let metas: Vec<&Meta> = nodes.iter().map(|node| node.meta).collect();
    crate::sort::by_key(&mut waiting, |object| object.meta.resource_version.parse::<u64>().unwrap_or(0));
    for object in waiting {
        let Some(pod) = object.body::<Pod>() else { continue };
        let mut reasons: BTreeMap<Refusal, usize> = BTreeMap::new();
        let mut why = String::new();
        let group = group(&object.meta);
        let mut best: Option<((usize, usize), usize)> = None;
        let looks_around = neighbours.concern(pod);
        for (i, node) in nodes.iter().enumerate() {
            let around = || neighbours.refuse(&metas, node.meta, &object.meta, pod);
            let around = || looks_around.then(around).flatten();
            match node.refuses(pod).or_else(around) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => {
                    let score = (node.of_owner.get(&group).copied().unwrap_or(0), node.pods);
                    if best.is_none_or(|(least, _)| score < least) {
                        best = Some((score, i));
                    }
                }
            }
        }
        let mut changed = pod.clone();
        let condition = match best {
            Some((_, i)) => {
                nodes[i].take(&object.meta, pod);
                neighbours.add(nodes[i].meta, &object.meta, pod);
                changed.spec.node_name.clone_from(&nodes[i].meta.name);
                Condition { status: "True".into(), ..Condition::default() }
            }
            None => {
                why = refusal(nodes.len(), &reasons);
                let message = why.clone();
                Condition { status: "False".into(), reason: "Unschedulable".into(), message, ..Condition::default() }
            }
        };
        set_condition(&mut changed, Condition { r#type: "PodScheduled".into(), ..condition }, now);
        if changed != *pod {
            let meta = &object.meta;
            let remark = match best {
                Some(_) => {
                    let node = &changed.spec.node_name;
                    let message = format!("Successfully assigned {}/{} to {node}", meta.namespace, meta.name);
                    Remark::normal(Kind::Pod, meta, ME, "Scheduled", message)
                }
                None => Remark::warning(Kind::Pod, meta, ME, "FailedScheduling", why),
            };
            outcome.changes.push(Change::Tell(Box::new(remark)));
            let object = Object { meta: meta.clone(), body: changed.into() };
            outcome.changes.push(Change::Put(Box::new(object)));
        }
    }
    outcome
}

/// `FitError`: how many nodes refuse a pod for each reason, and whether other pods could make way.
fn refusal(nodes: usize, reasons: &BTreeMap<Refusal, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let list: Vec<String> = reasons.iter().map(|((text, _), count)| format!("{count} {text}")).collect();
    let helps = |wanted: bool| reasons.iter().filter(|((_, helps), _)| *helps == wanted).map(|(_, count)| count).sum();
    let ways: [(usize, &str); 2] = [
        (helps(true), "No preemption victims found for incoming pod"),
        (helps(false), "Preemption is not helpful for scheduling"),
    ];
    let ways: Vec<String> =
        ways.iter().filter(|(count, _)| *count > 0).map(|(count, text)| format!("{count} {text}")).collect();
    let (list, ways) = (list.join(", "), ways.join(", "));
    format!("0/{nodes} nodes are available: {list}. preemption: 0/{nodes} nodes are available: {ways}.")
}

/// Sets a condition; its time moves only when its status does.
pub(super) fn set_condition(pod: &mut Pod, mut condition: Condition, now: Instant) {
    match pod.status.conditions.iter_mut().find(|c| c.r#type == condition.r#type) {
        Some(before) => {
            let moved = before.status != condition.status;
            condition.last_transition_time = if moved { Some(now) } else { before.last_transition_time };
            *before = condition;
        }
        None => {
            condition.last_transition_time = Some(now);
            pod.status.conditions.push(condition);
        }
    }
}

/// Pods that are spread over nodes together: those of one owner.
fn group(meta: &Meta) -> String {
    meta.controller().map(|owner| owner.uid.clone()).unwrap_or_default()
}

/// How many pods a node may run.
fn capacity(node: &Node) -> usize {
    let pods = node.status.rest.get("allocatable").and_then(|a| a.get("pods")).and_then(Value::as_str);
    pods.and_then(|n| n.parse().ok()).unwrap_or(110)
}

impl Candidate<'_> {
    fn take(&mut self, meta: &Meta, pod: &Pod) {
        self.pods += 1;
        *self.of_owner.entry(group(meta)).or_default() += 1;
        self.ports.extend(host_ports(pod));
    }

    /// Why the node cannot run the pod, as the scheduler words it; none if it can.
    fn refuses(&self, pod: &Pod) -> Option<Refusal> {
        let cordon = Taint::new("node.kubernetes.io/unschedulable", "NoSchedule");
        if self.node.spec.unschedulable && !placement::tolerates(&pod.spec, &cordon) {
            return Some(("node(s) were unschedulable", false));
        }
        if placement::untolerated(self.node, &pod.spec, &["NoSchedule", "NoExecute"]).is_some() {
            return Some(("node(s) had untolerated taint(s)", false));
        }
        if !placement::is_wanted(self.meta, &pod.spec) {
            return Some(("node(s) didn't match Pod's node affinity/selector", false));
        }
        if host_ports(pod).any(|port| self.ports.contains(&port)) {
            return Some(("node(s) didn't have free ports for the requested pod ports", true));
        }
        (self.pods >= self.room).then_some(("Too many pods", true))
    }
}

fn host_ports(pod: &Pod) -> impl Iterator<Item = (i32, String)> {
    let ports = pod.spec.containers.iter().flat_map(|c| &c.ports);
    ports.filter_map(|p| Some((p.host_port.filter(|n| *n != 0)?, p.protocol.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Container, ContainerPort};

    fn node(name: &str) -> Object {
        Object::new("", name, Node::default())
    }

    fn placed(store: &Store) -> Vec<String> {
        let changes = reconcile(store, Instant::ZERO).changes;
        let pods = changes.iter().filter_map(|change| match change {
            Change::Put(object) => object.body::<Pod>(),
            _ => None,
        });
        pods.map(|pod| {
            let why = &pod.status.conditions[0].message;
            if pod.spec.node_name.is_empty() { why.clone() } else { pod.spec.node_name.clone() }
        })
        .collect()
    }

    #[test]
    fn pods_spread_evenly() {
        let mut store = Store::default();
        for name in ["a", "b", "c"] {
            store.put(node(name));
        }
        for i in 0..6 {
            store.put(Object::new("default", format!("p{i}"), Pod::default()));
        }
        assert_eq!(placed(&store), ["a", "b", "c", "a", "b", "c"]);
    }

    #[test]
    fn a_pod_that_fits_nowhere_is_told_why() {
        let mut store = Store::default();
        let mut cordoned = node("a");
        cordoned.body_mut::<Node>().unwrap().spec.unschedulable = true;
        store.put(cordoned);
        store.put(node("b"));
        let mut pod = Pod::default();
        let port = ContainerPort { host_port: Some(80), ..ContainerPort::default() };
        pod.spec.containers = vec![Container { ports: vec![port], ..Container::default() }];
        store.put(Object::new("default", "p0", pod.clone()));
        store.put(Object::new("default", "p1", pod));
        let placed = placed(&store);
        assert_eq!(placed[0], "b");
        assert!(placed[1].starts_with(
            "0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 1 node(s) were unschedulable."
        ));
    }

    fn crowd(name: &str, rest: serde_json::Value) -> Object {
        let tree = serde_json::json!({
            "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}}, "spec": rest
        });
        Object::from_value(Kind::Pod, tree).unwrap()
    }

    fn zoned(store: &mut Store, nodes: &[(&str, &str)]) {
        for (name, zone) in nodes {
            let mut node = node(name);
            node.meta.labels = [("zone", *zone), ("host", *name)].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
            store.put(node);
        }
    }

    #[test]
    fn pods_that_want_to_be_alone_are() {
        let mut store = Store::default();
        zoned(&mut store, &[("a", "x"), ("b", "x")]);
        let term = serde_json::json!([{"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "host"}]);
        let alone = serde_json::json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}}});
        for name in ["p0", "p1", "p2"] {
            store.put(crowd(name, alone.clone()));
        }
        store.put(crowd("p3", serde_json::json!({})));
        let placed = placed(&store);
        assert_eq!(placed[..2], ["a", "b"]);
        assert!(
            placed[2].starts_with("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. preemption: 0/2 nodes are available: 2 No preemption"),
            "{}",
            placed[2]
        );
        assert!(placed[3].contains("2 node(s) didn't satisfy existing pods anti-affinity rules"), "{}", placed[3]);
    }

    #[test]
    fn pods_that_keep_together_do_and_the_first_goes_anywhere() {
        let mut store = Store::default();
        zoned(&mut store, &[("a", "x"), ("b", "x"), ("c", "y")]);
        let term = serde_json::json!([{"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}]);
        let near =
            serde_json::json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}}});
        for name in ["p0", "p1", "p2"] {
            store.put(crowd(name, near.clone()));
        }
        assert_eq!(placed(&store), ["a", "b", "a"]);
    }

    #[test]
    fn a_spread_is_no_more_uneven_than_allowed() {
        let mut store = Store::default();
        zoned(&mut store, &[("a", "x"), ("b", "x"), ("c", "y")]);
        let spread = serde_json::json!({"topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}
        }]});
        for name in ["p0", "p1", "p2", "p3"] {
            store.put(crowd(name, spread.clone()));
        }
        assert_eq!(placed(&store), ["a", "c", "b", "c"]);
    }
}
