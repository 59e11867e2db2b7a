//! Which nodes a pod may be on for the pods that are there: affinity, anti-affinity, spread.
//!
//! After `pkg/scheduler/framework/plugins/interpodaffinity` and `podtopologyspread`, what is required alone. Left out: preferences, a
//! `namespaceSelector` that asks for anything, `minDomains` and `nodeTaintsPolicy`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::placement;
use super::scheduler::Refusal;
use crate::object::{LabelSelector, Meta, Pod, from_tree};

/// The pods that have a node, with the labels of their nodes.
#[derive(Default)]
pub(super) struct Neighbours<'a> {
    pods: Vec<(&'a Meta, &'a Meta, &'a Pod)>,
    /// Those that want to be alone.
    shy: Vec<usize>,
}

/// Pods of some namespaces, by label, and where they count as near.
struct Term {
    selector: LabelSelector,
    key: String,
    namespaces: Option<Vec<String>>,
}

impl Term {
    /// The required terms of a pod's `podAffinity` or `podAntiAffinity`.
    fn of(meta: &Meta, pod: &Pod, which: &str) -> Vec<Self> {
        let list = pod.spec.rest.get("affinity").and_then(|affinity| {
            affinity.get(which)?.get("requiredDuringSchedulingIgnoredDuringExecution")?.as_array()
        });
        let term = |term: &Value| {
            let names = term.get("namespaces").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
            let everywhere = term.get("namespaceSelector").is_some();
            let own = if names.is_empty() { vec![meta.namespace.clone()] } else { names };
            Self {
                selector: selector(term.get("labelSelector"), term.get("matchLabelKeys"), meta),
                key: term.get("topologyKey").and_then(Value::as_str).unwrap_or_default().to_owned(),
                namespaces: (!everywhere).then_some(own),
            }
        };
        list.into_iter().flatten().map(term).collect()
    }

    fn matches(&self, meta: &Meta) -> bool {
        self.namespaces.as_ref().is_none_or(|names| names.contains(&meta.namespace))
            && self.selector.matches(&meta.labels)
    }
}

/// A selector, and the pod's own values of some labels besides; one that is absent fits nothing.
fn selector(tree: Option<&Value>, keys: Option<&Value>, meta: &Meta) -> LabelSelector {
    let mut selector: LabelSelector = match tree {
        Some(tree) => from_tree(tree.clone()).unwrap_or_default(),
        None => {
            from_tree(serde_json::json!({"matchExpressions": [{"key": "", "operator": "Exists"}]})).unwrap_or_default()
        }
    };
    for key in keys.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if let Some(value) = meta.labels.get(key) {
            selector.match_labels.insert(key.to_owned(), value.clone());
        }
    }
    selector
}

impl<'a> Neighbours<'a> {
    /// A pod that has a node.
    pub(super) fn add(&mut self, node: &'a Meta, meta: &'a Meta, pod: &'a Pod) {
        if pod.spec.rest.get("affinity").is_some_and(|affinity| affinity.get("podAntiAffinity").is_some()) {
            self.shy.push(self.pods.len());
        }
        self.pods.push((node, meta, pod));
    }

    /// Why the pods that are there keep a pod from a node, as the scheduler words it; none if they do not.
    pub(super) fn refuse(&self, nodes: &[&Meta], node: &Meta, meta: &Meta, pod: &Pod) -> Option<Refusal> {
        if let Some(list) = pod.spec.rest.get("topologySpreadConstraints").and_then(Value::as_array) {
            for constraint in list {
                if let Some(refusal) = self.skew(constraint, nodes, node, meta, pod) {
                    return Some(refusal);
                }
            }
        }
        let near = |term: &Term, of: &Meta| {
            let here = node.labels.get(&term.key);
            here.is_some() && here == of.labels.get(&term.key)
        };
        let affinity = Term::of(meta, pod, "podAffinity");
        let wanted = |term: &Term| self.pods.iter().any(|(at, other, _)| near(term, at) && term.matches(other));
        if !affinity.iter().all(wanted) {
            // The first of a group that keeps together may be anywhere with such a label.
            let first = affinity.iter().all(|term| {
                term.matches(meta)
                    && node.labels.contains_key(&term.key)
                    && !self.pods.iter().any(|(_, other, _)| term.matches(other))
            });
            if !first {
                return Some(("node(s) didn't match pod affinity rules", false));
            }
        }
        let anti = Term::of(meta, pod, "podAntiAffinity");
        if anti.iter().any(wanted) {
            return Some(("node(s) didn't match pod anti-affinity rules", true));
        }
        let keeps_away = self.shy.iter().any(|i| {
            let (at, other, shy) = self.pods[*i];
            Term::of(other, shy, "podAntiAffinity").iter().any(|term| near(term, at) && term.matches(meta))
        });
        keeps_away.then_some(("node(s) didn't satisfy existing pods anti-affinity rules", true))
    }

    /// Whether one more pod here would spread a group too unevenly.
    fn skew(&self, constraint: &Value, nodes: &[&Meta], node: &Meta, meta: &Meta, pod: &Pod) -> Option<Refusal> {
        let text = |key: &str| constraint.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("whenUnsatisfiable") == "ScheduleAnyway" {
            return None;
        }
        let key = text("topologyKey");
        let Some(here) = node.labels.get(key) else {
            return Some(("node(s) didn't match pod topology spread constraints (missing required label)", false));
        };
        let selector = selector(constraint.get("labelSelector"), constraint.get("matchLabelKeys"), meta);
        let ignores_affinity = text("nodeAffinityPolicy") == "Ignore";
        let counts = |node: &Meta| ignores_affinity || placement::is_wanted(node, &pod.spec);
        let domains: BTreeSet<&String> =
            nodes.iter().filter(|node| counts(node)).filter_map(|node| node.labels.get(key)).collect();
        let mut found: BTreeMap<&String, i64> = domains.into_iter().map(|domain| (domain, 0)).collect();
        for (at, other, _) in &self.pods {
            if other.namespace == meta.namespace
                && other.deletion_timestamp.is_none()
                && selector.matches(&other.labels)
                && let Some(count) = at.labels.get(key).and_then(|domain| found.get_mut(domain))
            {
                *count += 1;
            }
        }
        let least = found.values().min().copied().unwrap_or(0);
        let mine = found.get(here).copied().unwrap_or(0) + i64::from(selector.matches(&meta.labels));
        let most = constraint.get("maxSkew").and_then(Value::as_i64).unwrap_or(1);
        (mine - least > most).then_some(("node(s) didn't match pod topology spread constraints", true))
    }

    /// Whether a pod needs to be looked at here at all.
    pub(super) fn concern(&self, pod: &Pod) -> bool {
        let rest = &pod.spec.rest;
        !self.shy.is_empty()
            || rest.get("topologySpreadConstraints").is_some()
            || rest
                .get("affinity")
                .is_some_and(|a| a.get("podAffinity").is_some() || a.get("podAntiAffinity").is_some())
    }
}
