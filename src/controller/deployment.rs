//! Rollouts by replica sets, after `pkg/controller/deployment` (`sync.go`, `rolling.go`, `recreate.go`, `progress.go`).
//!
//! The name of a replica set ends in a hash of its template. The real one is FNV-1a over a dump of Go's structs, which cannot be
//! had without Go; ours is FNV-1a over the template as JSON, in the same letters. Left out: the collision count.

use std::cmp::Reverse;

use super::revision::hash;
use super::{Change, Outcome, owner, with_body};
use crate::api::{Remark, Store};
use crate::object::{
    Condition, Deployment, DeploymentStatus, IntOrString, Kind, LabelSelector, Meta, Object, Pod, PodTemplate, Ref,
    ReplicaSet, ReplicaSetSpec,
};
use crate::time::{Duration, Instant};

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// A replica set of the deployment, as it is and as it is to be.
struct Set<'a> {
    meta: &'a Meta,
    set: &'a ReplicaSet,
    to_be: i32,
}

impl Set<'_> {
    fn is(&self) -> i32 {
        self.set.spec.replicas.unwrap_or(1)
    }
}

/// Rolls one step on, and sums up.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, deployment)) = store.read::<Deployment>(key) else { return outcome };
    if meta.deletion_timestamp.is_some() {
        return outcome;
    }
    let spec = &deployment.spec;
    let mut sets: Vec<Set<'_>> = store
        .owned::<ReplicaSet>(&meta.uid)
        .map(|(meta, set)| Set { meta, set, to_be: set.spec.replicas.unwrap_or(1) })
        .collect();
    crate::sort::by_key(&mut sets, |s| (s.meta.creation_timestamp.unwrap_or_default(), revision(s.meta)));
    let current = sets.iter().position(|s| same_template(&s.set.spec.template, &spec.template));
    let newest = sets.iter().map(|s| revision(s.meta)).max().unwrap_or(0);
    let mut created = None;
    if current.is_none() && !spec.paused.unwrap_or(false) {
        let old = sum(&sets, Set::is);
        let replicas = match spec.strategy.r#type.as_str() {
            "Recreate" if sets.iter().any(|s| s.is() > 0 || has_pods(store, s.meta)) => None,
            "Recreate" => Some(spec.replicas.unwrap_or(1)),
            _ => {
                Some((total(spec.replicas.unwrap_or(1), surge(deployment)) - old).clamp(0, spec.replicas.unwrap_or(1)))
            }
        };
        if let Some(replicas) = replicas {
            let new = new_set(meta, deployment, newest + 1, replicas);
            created = Some(new.meta.name.clone());
            if replicas > 0 {
                outcome.changes.push(scaled(meta, &new.meta.name, 0, replicas));
            }
            outcome.changes.push(Change::Create(Box::new(new)));
        }
    }
    if spec.paused.unwrap_or(false) || is_scaling(deployment, &sets) {
        scale(deployment, &mut sets, current);
    } else if spec.strategy.r#type == "Recreate" {
        recreate(store, deployment, &mut sets, current);
    } else {
        rolling(deployment, &mut sets, current);
    }

    let wanted = spec.replicas.unwrap_or(1);
    let new_revision = match current {
        Some(i) if revision(sets[i].meta) < newest => newest + 1,
        Some(_) => newest,
        None => newest + i64::from(created.is_some()),
    };
    for (i, s) in sets.iter().enumerate() {
        let Some(mut changed) = with_body(store, &set_key(s.meta), s.set.clone()) else { continue };
        if let Some(body) = changed.body_mut::<ReplicaSet>() {
            body.spec.replicas = Some(s.to_be);
            if Some(i) == current {
                body.spec.min_ready_seconds = spec.min_ready_seconds;
            }
        }
        let notes = &mut changed.meta.annotations;
        if s.to_be != 0 || Some(i) == current {
            notes.insert(DESIRED.into(), wanted.to_string());
            notes.insert(MAX.into(), total(wanted, surge(deployment)).to_string());
        }
        if Some(i) == current {
            notes.insert(REVISION.into(), new_revision.to_string());
            copy_annotations(meta, notes);
        }
        if s.to_be != s.is() {
            outcome.changes.push(scaled(meta, &s.meta.name, s.is(), s.to_be));
        }
        if changed.meta != *s.meta || changed.body::<ReplicaSet>() != Some(s.set) {
            outcome.changes.push(Change::Put(changed));
        }
    }
    let done = is_complete(deployment, &deployment.status, meta);
    if done {
        for s in expired(deployment, &sets, current) {
            outcome.changes.push(Change::Delete(set_key(s.meta)));
        }
    }

    let status = status(meta, deployment, &sets, current, created.as_deref(), now, &mut outcome.deadline);
    let mut changed = Object { meta: meta.clone(), body: Deployment { status, ..deployment.clone() }.into() };
    if new_revision > 0 {
        changed.meta.annotations.insert(REVISION.into(), new_revision.to_string());
    }
    if changed.meta != *meta || changed.body::<Deployment>() != Some(deployment) {
        outcome.changes.push(Change::Put(Box::new(changed)));
    }
    outcome
}

/// The event of a scaled set.
fn scaled(meta: &Meta, set: &str, from: i32, to: i32) -> Change {
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {set} from {from} to {to}");
    Change::Tell(Box::new(Remark::normal(
        Kind::Deployment,
        meta,
        "deployment-controller",
        "ScalingReplicaSet",
        message,
    )))
}

/// The sum over all sets; numbers that people write can be as large as they fit.
fn sum<'a>(sets: &[Set<'a>], count: impl Fn(&Set<'a>) -> i32) -> i32 {
    sets.iter().fold(0, |all, set| all.saturating_add(count(set)))
}

fn set_key(meta: &Meta) -> Ref {
    Ref::new(Kind::ReplicaSet, meta.namespace.as_str(), meta.name.as_str())
}

fn revision(meta: &Meta) -> i64 {
    meta.annotations.get(REVISION).and_then(|r| r.parse().ok()).unwrap_or(0)
}

fn has_pods(store: &Store, set: &Meta) -> bool {
    store.owned::<Pod>(&set.uid).any(|(_, pod)| !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed"))
}

/// Whether two templates are the same but for the hash that the controller adds.
fn same_template(with_hash: &PodTemplate, plain: &PodTemplate) -> bool {
    let (a, b) = (&with_hash.metadata.labels, &plain.metadata.labels);
    with_hash.spec == plain.spec
        && with_hash.metadata.annotations == plain.metadata.annotations
        && a.iter().filter(|(k, _)| *k != HASH).eq(b.iter().filter(|(k, _)| *k != HASH))
}

fn new_set(meta: &Meta, deployment: &Deployment, revision: i64, replicas: i32) -> Object {
    let spec = &deployment.spec;
    let hash = hash(&spec.template);
    let mut template = spec.template.clone();
    template.metadata.labels.insert(HASH.into(), hash.clone());
    let mut match_labels = spec.selector.match_labels.clone();
    match_labels.insert(HASH.into(), hash.clone());
    let set = ReplicaSet {
        spec: ReplicaSetSpec {
            min_ready_seconds: spec.min_ready_seconds,
            replicas: Some(replicas),
            selector: LabelSelector { match_labels, match_expressions: spec.selector.match_expressions.clone() },
            template,
        },
        ..ReplicaSet::default()
    };
    let labels = set.spec.template.metadata.labels.clone();
    let mut object = Object::new(&meta.namespace, format!("{}-{hash}", meta.name), set);
    object.meta.labels = labels;
    object.meta.owner_references = vec![owner(Kind::Deployment, meta)];
    let notes = &mut object.meta.annotations;
    copy_annotations(meta, notes);
    let wanted = spec.replicas.unwrap_or(1);
    notes.insert(DESIRED.into(), wanted.to_string());
    notes.insert(MAX.into(), total(wanted, surge(deployment)).to_string());
    notes.insert(REVISION.into(), revision.to_string());
    object
}

/// Annotations of the deployment that its replica sets carry too (`skipCopyAnnotation` names those that they do not).
fn copy_annotations(from: &Meta, to: &mut crate::object::Labels) {
    for (key, value) in &from.annotations {
        let own = [crate::api::LAST_APPLIED, REVISION, DESIRED, MAX, "deprecated.deployment.rollback.to"];
        if !own.contains(&key.as_str()) {
            to.insert(key.clone(), value.clone());
        }
    }
}

pub(super) fn part(value: Option<&IntOrString>, of: i32, up: bool) -> i32 {
    match value {
        None => 0,
        Some(IntOrString::Int(n)) => *n,
        Some(IntOrString::String(text)) => {
            let percent = text.trim_end_matches('%').parse::<i64>().unwrap_or(0);
            let all = percent.saturating_mul(i64::from(of));
            i32::try_from(if up { all.saturating_add(99) / 100 } else { all / 100 }).unwrap_or(i32::MAX)
        }
    }
}

fn surge(deployment: &Deployment) -> i32 {
    bounds(deployment).0
}

fn total(wanted: i32, surge: i32) -> i32 {
    wanted.saturating_add(surge)
}

/// `maxSurge` and `maxUnavailable` in pods; not both zero.
fn bounds(deployment: &Deployment) -> (i32, i32) {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let Some(rolling) = deployment.spec.strategy.rolling_update.as_ref().filter(|_| wanted > 0) else { return (0, 0) };
    let surge = part(rolling.max_surge.as_ref(), wanted, true);
    let unavailable = part(rolling.max_unavailable.as_ref(), wanted, false);
    (surge, if surge == 0 && unavailable == 0 { 1 } else { unavailable.min(wanted) })
}

/// Whether the number of replicas was changed since the sets were last looked at.
fn is_scaling(deployment: &Deployment, sets: &[Set<'_>]) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1).to_string();
    sets.iter().filter(|s| s.is() > 0).any(|s| s.meta.annotations.get(DESIRED).is_some_and(|d| *d != wanted))
}

/// A change of the number alone: one set takes it all; several, in the middle of a rollout, take their shares.
fn scale(deployment: &Deployment, sets: &mut [Set<'_>], current: Option<usize>) {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let active: Vec<usize> = (0..sets.len()).filter(|i| sets[*i].is() > 0).collect();
    let one = match active[..] {
        [] => current.or(sets.len().checked_sub(1)),
        [i] => Some(i),
        _ => None,
    };
    if let Some(i) = one {
        sets[i].to_be = wanted;
        return;
    }
    if let Some(i) = current
        && sets[i].is() == wanted
        && sets[i].set.status.available_replicas == wanted
    {
        active.iter().filter(|a| **a != i).for_each(|a| sets[*a].to_be = 0);
        return;
    }
    let allowed = if wanted > 0 { total(wanted, surge(deployment)) } else { 0 };
    let all = active.iter().fold(0_i32, |all, i| all.saturating_add(sets[*i].is()));
    let mut left = allowed - all;
    let mut order = active;
    crate::sort::by_key(&mut order, |i| {
        (Reverse(sets[*i].is()), Reverse(sets[*i].meta.creation_timestamp.unwrap_or_default()))
    });
    let first = order.first().copied();
    for i in order {
        let size = sets[i].is();
        let before =
            sets[i].meta.annotations.get(MAX).and_then(|m| m.parse::<i64>().ok()).unwrap_or(i64::from(all)).max(1);
        // Rounded to nearest, as the float arithmetic of `proportion` does.
        let share = (i64::from(size) * i64::from(allowed) * 2 + before) / (before * 2) - i64::from(size);
        let share = i32::try_from(share).unwrap_or(0);
        let share = if left >= 0 { share.clamp(0, left) } else { share.clamp(left, 0) };
        sets[i].to_be = (size + share).max(0);
        left -= share;
    }
    if let Some(i) = first {
        sets[i].to_be = (sets[i].to_be + left).max(0);
    }
}

fn recreate(store: &Store, deployment: &Deployment, sets: &mut [Set<'_>], current: Option<usize>) {
    let mut busy = false;
    for (_, s) in sets.iter_mut().enumerate().filter(|(i, _)| Some(*i) != current) {
        busy |= s.is() > 0 || has_pods(store, s.meta);
        s.to_be = 0;
    }
    if let Some(i) = current.filter(|_| !busy) {
        sets[i].to_be = deployment.spec.replicas.unwrap_or(1);
    }
}

fn rolling(deployment: &Deployment, sets: &mut [Set<'_>], current: Option<usize>) {
    let Some(new) = current else { return };
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let (surge, unavailable) = bounds(deployment);
    let all = sum(sets, Set::is);
    // The new set first: down if it is too large, up as far as the surge allows.
    let is = sets[new].is();
    if is != wanted {
        sets[new].to_be = if is > wanted { wanted } else { is + (total(wanted, surge) - all).clamp(0, wanted - is) };
        if sets[new].to_be != is {
            return;
        }
    }
    let old: Vec<usize> = (0..sets.len()).filter(|i| *i != new && sets[*i].is() > 0).collect();
    let least = wanted - unavailable;
    let new_unavailable = is - sets[new].set.status.available_replicas;
    let mut can_go = all - least - new_unavailable;
    if can_go <= 0 {
        return;
    }
    // Old pods that are not available go first,
    for i in old.iter().copied() {
        let unhealthy = (sets[i].is() - sets[i].set.status.available_replicas).clamp(0, can_go);
        sets[i].to_be -= unhealthy;
        can_go -= unhealthy;
    }
    // then available ones, as many as are not needed.
    let available = sum(sets, |s| s.set.status.available_replicas);
    let mut spare = available - least;
    for i in old {
        let go = sets[i].to_be.clamp(0, spare.max(0));
        sets[i].to_be -= go;
        spare -= go;
    }
}

fn is_complete(deployment: &Deployment, status: &DeploymentStatus, meta: &Meta) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    status.updated_replicas == wanted
        && status.replicas == wanted
        && status.available_replicas == wanted
        && i64::from(status.observed_generation) >= meta.generation
}

/// Old sets beyond the history that is kept.
fn expired<'s, 'a>(deployment: &Deployment, sets: &'s [Set<'a>], current: Option<usize>) -> Vec<&'s Set<'a>> {
    let keep = usize::try_from(deployment.spec.revision_history_limit.unwrap_or(10)).unwrap_or(0);
    let mut old: Vec<&Set<'_>> = (0..sets.len()).filter(|i| Some(*i) != current).map(|i| &sets[i]).collect();
    crate::sort::by_key(&mut old, |s| revision(s.meta));
    let many = old.len().saturating_sub(keep);
    old.into_iter().take(many).filter(|s| s.is() == 0 && s.set.status.replicas == 0).collect()
}

fn status(
    meta: &Meta,
    deployment: &Deployment,
    sets: &[Set<'_>],
    current: Option<usize>,
    created: Option<&str>,
    now: Instant,
    deadline: &mut Option<Instant>,
) -> DeploymentStatus {
    let sum = |count: fn(&ReplicaSet) -> i32| sum(sets, |s| count(s.set));
    let available = sum(|s| s.status.available_replicas);
    let total = sum(|s| s.spec.replicas.unwrap_or(1));
    let mut status = DeploymentStatus {
        available_replicas: available,
        conditions: deployment.status.conditions.clone(),
        observed_generation: i32::try_from(meta.generation).unwrap_or(i32::MAX),
        ready_replicas: sum(|s| s.status.ready_replicas),
        replicas: sum(|s| s.status.replicas),
        unavailable_replicas: (total - available).max(0),
        updated_replicas: current.map_or(0, |i| sets[i].set.status.replicas),
        rest: deployment.status.rest.clone(),
    };
    let (_, unavailable) = bounds(deployment);
    let enough = available >= deployment.spec.replicas.unwrap_or(1) - unavailable;
    let (value, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set_condition(&mut status.conditions, "Available", (value, reason, message.to_owned()), now);

    let name = created.or(current.map(|i| sets[i].meta.name.as_str())).unwrap_or_default();
    let before = &deployment.status;
    let progressed = status.updated_replicas > before.updated_replicas
        || status.ready_replicas > before.ready_replicas
        || status.available_replicas > before.available_replicas
        || (status.replicas - status.updated_replicas) < (before.replicas - before.updated_replicas);
    let was = status.conditions.iter().find(|c| c.r#type == "Progressing");
    let limit =
        Duration::from_secs(deployment.spec.progress_deadline_seconds.unwrap_or(600).max(0).unsigned_abs().into());
    let over = was.and_then(|c| c.last_update_time).map(|at| at + limit);
    let news = if created.is_some() {
        Some(("True", "NewReplicaSetCreated", format!("Created new replica set \"{name}\"")))
    } else if is_complete(deployment, &status, meta) {
        Some(("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{name}\" has successfully progressed.")))
    } else if progressed {
        Some(("True", "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing.")))
    } else if was.is_some_and(|c| c.reason == "NewReplicaSetAvailable") {
        None
    } else if over.is_some_and(|at| at <= now) {
        Some(("False", "ProgressDeadlineExceeded", format!("ReplicaSet \"{name}\" has timed out progressing.")))
    } else {
        *deadline = over;
        None
    };
    if let Some(news) = news.filter(|_| !name.is_empty()) {
        set_condition(&mut status.conditions, "Progressing", news, now);
        if status.conditions.iter().any(|c| matches!(c.reason.as_str(), "NewReplicaSetCreated" | "ReplicaSetUpdated")) {
            *deadline = Some(now + limit);
        }
    }
    status
}

fn set_condition(list: &mut Vec<Condition>, r#type: &str, what: (&str, &str, String), now: Instant) {
    let (value, reason, message) = what;
    let before = list.iter().position(|c| c.r#type == r#type);
    if let Some(i) = before
        && reason != "ReplicaSetUpdated"
        && (list[i].status.as_str(), list[i].reason.as_str(), &list[i].message) == (value, reason, &message)
    {
        return;
    }
    let moved = before.filter(|i| list[*i].status == value).and_then(|i| list[i].last_transition_time);
    let condition = Condition {
        last_transition_time: Some(moved.unwrap_or(now)),
        message,
        reason: reason.to_owned(),
        status: value.to_owned(),
        r#type: r#type.to_owned(),
        last_update_time: Some(now),
        rest: Default::default(),
    };
    match before {
        Some(i) => list[i] = condition,
        None => list.push(condition),
    }
}
