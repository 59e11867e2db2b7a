//! What happened to pods, those of one owner together.

use std::collections::BTreeMap;

use super::{Change, Pair, PodTurn, Sign, What};
use crate::api::Store;
use crate::object::{Kind, Meta, Object, Pod, Ref};
use crate::scene::light::Light;

pub(super) fn changes(before: &Store, after: &Store, pairs: &[Pair], out: &mut Vec<Change>) {
    let mut found: BTreeMap<(Ref, PodTurn), Vec<&Pair>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.key.kind == Kind::Pod) {
        for turn in turns(pair) {
            found.entry((owner(before, after, pair), turn)).or_default().push(pair);
        }
    }
    for ((owner, turn), pods) in found {
        let sign = match turn {
            PodTurn::Made => Sign::Came,
            PodTurn::Gone | PodTurn::Ending => Sign::Went,
            _ => Sign::Other,
        };
        let path = match (owner.kind, turn) {
            (Kind::Pod, _) => "metadata.name",
            (_, PodTurn::Made | PodTurn::Gone | PodTurn::Ending) => "spec.replicas",
            _ => "spec.template",
        };
        let ready = pods.iter().filter(|pair| pair.new.as_deref().is_some_and(is_ready)).count();
        let names = pods.iter().map(|pair| pair.key.name.to_string()).collect();
        let lights = pods.iter().map(|pair| Light::Pod(pair.key.clone())).collect::<Vec<_>>();
        out.push(Change::new(sign, What::Pods { turn, names, ready }, owner, path).lit(lights));
    }
}

fn pod(object: &Object) -> Option<(&Meta, &Pod)> {
    Some((&object.meta, object.body::<Pod>()?))
}

fn is_ready(object: &Object) -> bool {
    pod(object).is_some_and(|(meta, pod)| pod.status.is_ready() && meta.deletion_timestamp.is_none())
}

fn turns(pair: &Pair) -> Vec<PodTurn> {
    let (old, new) = match (pair.old.as_deref(), pair.new.as_deref()) {
        (None, Some(_)) => return vec![PodTurn::Made],
        (Some(_), None) => return vec![PodTurn::Gone],
        // The same name, another pod: a StatefulSet's.
        (Some(old), Some(new)) if old.meta.uid != new.meta.uid => return vec![PodTurn::Gone, PodTurn::Made],
        (Some(old), Some(new)) => (old, new),
        (None, None) => return Vec::new(),
    };
    if new.meta.deletion_timestamp.is_some() {
        return if old.meta.deletion_timestamp.is_none() { vec![PodTurn::Ending] } else { Vec::new() };
    }
    let restarts = |object: &Object| {
        let statuses = pod(object).map(|(_, pod)| pod.status.container_statuses.iter());
        statuses.into_iter().flatten().map(|status| status.restart_count).sum::<i32>()
    };
    let mut turns = Vec::new();
    if restarts(new) > restarts(old) {
        turns.push(PodTurn::Restarted);
    }
    match (is_ready(old), is_ready(new)) {
        (false, true) => turns.push(PodTurn::Ready),
        (true, false) => turns.push(PodTurn::Unready),
        _ => {}
    }
    turns
}

/// Who made a pod, up to whoever a person wrote; itself if nobody did.
fn owner(before: &Store, after: &Store, pair: &Pair) -> Ref {
    let mut key = pair.key.clone();
    let mut object = pair.new.clone().or_else(|| pair.old.clone());
    // A pod's owner's owner is as far as it goes.
    for _ in 0..3 {
        let Some(owner) = object.as_ref().and_then(|object| object.meta.controller()) else { break };
        let Some(kind) = Kind::from_api(&owner.api_version, &owner.kind) else { break };
        key = Ref::new(kind, pair.key.namespace.clone(), owner.name.as_str());
        object = after.get(&key).or_else(|| before.get(&key)).cloned();
    }
    key
}
