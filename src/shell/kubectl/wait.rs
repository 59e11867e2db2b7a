//! `kubectl wait` and `kubectl rollout status`: virtual time passes until something holds.

use serde_json::Value;

use super::super::flags::{Flag, Takes, switch, value};
use super::{Call, Fail, change, go_quote, named};
use crate::object::{Body, DaemonSet, Deployment, Kind, Ref, StatefulSet};
use crate::time::{Duration, Instant, parse_duration};

pub(super) const WAIT: &[Flag] = &[
    value("for", ' ', "CONDITION"),
    value("timeout", ' ', "TIME"),
    value("selector", 'l', "SELECTOR"),
    switch("all", ' '),
    switch("all-namespaces", 'A'),
];

/// What `kubectl wait` waits for when nothing is said of time.
const USUALLY: Duration = Duration::from_secs(30);

/// What to wait for.
enum Condition {
    Deleted,
    Created,
    /// A condition of the status, and the value it must have.
    Holds(String, String),
    /// A path, and the value it must have.
    Path(String, Option<String>),
}

fn timeout(call: &Call, usually: Duration) -> Result<Duration, Fail> {
    match call.flags.get("timeout") {
        None => Ok(usually),
        Some(text) => parse_duration(text).map(|time| time.min(Duration::from_secs(86_400))).ok_or_else(|| {
            let quoted = go_quote(text);
            let why = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
                format!("missing unit in duration {quoted}")
            } else {
                format!("invalid duration {quoted}")
            };
            Fail::Error(format!("invalid argument {quoted} for \"--timeout\" flag: time: {why}"))
        }),
    }
}

fn condition(text: &str) -> Result<Condition, Fail> {
    let lower = text.to_ascii_lowercase();
    if lower == "delete" {
        Ok(Condition::Deleted)
    } else if lower == "create" {
        Ok(Condition::Created)
    } else if let Some(condition) = text.strip_prefix("condition=") {
        let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
        Ok(Condition::Holds(name.to_owned(), value.to_owned()))
    } else if let Some(path) = text.strip_prefix("jsonpath=") {
        let path = path.trim_matches(['\'', '"']);
        let (path, value) = match path.rsplit_once("}=") {
            Some((path, value)) => (format!("{path}}}"), Some(value.trim_matches(['\'', '"']).to_owned())),
            None => (path.to_owned(), None),
        };
        Ok(Condition::Path(path, value))
    } else {
        Err(Fail::Error(format!("unrecognized condition: {}", go_quote(text))))
    }
}

/// `kubectl wait --for=condition=Ready pod/NAME`
pub(super) fn wait(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let text = call.flags.get("for").unwrap_or_default().to_owned();
    let condition = condition(&text)?;
    let end = call.shell.cluster.now() + timeout(call, USUALLY)?;
    let keys: Vec<Ref> = match condition {
        Condition::Created => {
            let asked = call.asked(&words)?;
            asked.iter().filter_map(|asked| Some(call.key(asked.kind, asked.name.as_deref()?))).collect()
        }
        _ => {
            let none = format!("no objects passed to {}", call.verb);
            match change::some(call, &words, "wait") {
                Ok(objects) => objects.iter().map(|object| object.key()).collect(),
                Err(Fail::Error(text)) if text == none => {
                    return Err(Fail::Error("no matching resources found".into()));
                }
                Err(fail) => return Err(fail),
            }
        }
    };
    let uids: Vec<_> = keys.iter().map(|key| call.shell.cluster.store().get(key).map(|o| o.meta.uid.clone())).collect();
    let mut code = 0;
    for (key, uid) in keys.iter().zip(uids) {
        let held = until(call, end, |call| holds(call, key, uid.as_deref(), &condition));
        if held {
            call.io.out(format!("{} condition met\n", named(key.kind, &key.name)));
        } else {
            let plural = key.kind.row().plural;
            call.io.err(format!("error: timed out waiting for the condition on {plural}/{}\n", key.name));
            code = 1;
        }
    }
    Ok(code)
}

/// Lets time pass until something holds; false if it does not by `end`.
fn until(call: &mut Call, end: Instant, holds: impl Fn(&Call) -> bool) -> bool {
    loop {
        if holds(call) {
            return true;
        }
        match call.shell.cluster.upcoming().filter(|at| *at <= end) {
            Some(next) => call.shell.cluster.advance(next),
            None => {
                call.shell.cluster.advance(end);
                return holds(call);
            }
        }
    }
}

fn holds(call: &Call, key: &Ref, uid: Option<&str>, condition: &Condition) -> bool {
    let object = call.shell.cluster.store().get(key);
    match (condition, object) {
        (Condition::Deleted, object) => object.is_none_or(|object| Some(object.meta.uid.as_str()) != uid),
        (Condition::Created, object) => object.is_some(),
        (_, None) => false,
        (Condition::Holds(name, value), Some(object)) => {
            let tree = object.to_value();
            let conditions = tree["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|condition| {
                let is = |key: &str, text: &str| {
                    condition.get(key).and_then(Value::as_str).is_some_and(|held| held.eq_ignore_ascii_case(text))
                };
                is("type", name) && is("status", value)
            })
        }
        (Condition::Path(path, value), Some(object)) => match super::path::print(path, &object.to_value()) {
            Ok(text) => value.as_ref().map_or(!text.is_empty(), |value| *value == text),
            Err(_) => false,
        },
    }
}

pub(super) const ROLLOUT: &[Flag] =
    &[value("timeout", ' ', "TIME"), Flag { long: "watch", short: 'w', takes: Takes::Nothing }];

/// `kubectl rollout status deployment/NAME`
pub(super) fn rollout(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    match words.first().map(String::as_str) {
        Some("status") => {}
        Some(verb @ ("history" | "pause" | "restart" | "resume" | "undo")) => {
            call.shell.say(
                call.io,
                format!("here kubectl rollout has no {verb} yet; it has status"),
                format!("此处的 kubectl rollout 还没有 {verb}；支持 status"),
            );
            return Err(Fail::Said(1));
        }
        _ => return Err(Fail::Error("must specify a subcommand: status".into())),
    }
    let end = call.shell.cluster.now() + timeout(call, Duration::from_secs(600))?;
    let watches = call.flags.get("watch") != Some("false");
    for object in change::some(call, &words[1..], "rollout")? {
        let key = object.key();
        if !matches!(key.kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet) {
            let row = key.kind.row();
            let group = if row.group.is_empty() { String::new() } else { format!(".{}", row.group) };
            return Err(Fail::Error(format!("no status viewer has been implemented for {}{group}", row.name)));
        }
        let mut told = String::new();
        loop {
            let object = call.shell.cluster.store().get(&key);
            let Some(object) = object else { return Err(Fail::Error("object has been deleted".into())) };
            let generation = object.meta.generation;
            let told_so = match &object.body {
                Body::StatefulSet(set) => stateful_set(set, generation)?,
                Body::DaemonSet(set) => daemon_set(set, &key, generation)?,
                _ => object.body().and_then(|deployment| status(deployment, &key, generation)),
            };
            let Some((text, done)) = told_so else { return Ok(0) };
            // kubectl prints a line for each event it watches; equal ones in a row say nothing new here.
            if text != told {
                call.io.out(&text);
                told = text;
            }
            if done || !watches {
                break;
            }
            match call.shell.cluster.upcoming().filter(|at| *at <= end) {
                Some(next) => call.shell.cluster.advance(next),
                None => {
                    call.shell.cluster.advance(end);
                    return Err(Fail::Error("timed out waiting for the condition".into()));
                }
            }
        }
    }
    Ok(0)
}

/// What a rollout has come to: a sentence, and whether it is done.
type Told = Option<(String, bool)>;

fn only_rolling(strategy: &str) -> Result<(), Fail> {
    let text = "rollout status is only available for RollingUpdate strategy type";
    if strategy == "RollingUpdate" { Ok(()) } else { Err(Fail::Error(text.into())) }
}

/// After `StatefulSetStatusViewer`.
fn stateful_set(set: &StatefulSet, generation: i64) -> Result<Told, Fail> {
    let (spec, status) = (&set.spec, &set.status);
    only_rolling(&spec.update_strategy.r#type)?;
    let wanted = spec.replicas.unwrap_or(1);
    let (text, done) = if status.observed_generation == 0 || generation > status.observed_generation {
        ("Waiting for statefulset spec update to be observed...\n".to_owned(), false)
    } else if status.ready_replicas < wanted {
        (format!("Waiting for {} pods to be ready...\n", wanted - status.ready_replicas), false)
    } else if let Some(rolling) = &spec.update_strategy.rolling_update {
        let (updated, all) = (status.updated_replicas, wanted - rolling.partition.unwrap_or(0));
        match updated < all {
            true => (
                format!(
                    "Waiting for partitioned roll out to finish: {updated} out of {all} new pods have been updated...\n"
                ),
                false,
            ),
            false => (format!("partitioned roll out complete: {updated} new pods have been updated...\n"), true),
        }
    } else if status.update_revision != status.current_revision {
        let (updated, revision) = (status.updated_replicas, &status.update_revision);
        (
            format!("waiting for statefulset rolling update to complete {updated} pods at revision {revision}...\n"),
            false,
        )
    } else {
        let (current, revision) = (status.current_replicas, &status.current_revision);
        (format!("statefulset rolling update complete {current} pods at revision {revision}...\n"), true)
    };
    Ok(Some((text, done)))
}

/// After `DaemonSetStatusViewer`.
fn daemon_set(set: &DaemonSet, key: &Ref, generation: i64) -> Result<Told, Fail> {
    let status = &set.status;
    only_rolling(&set.spec.update_strategy.r#type)?;
    let name = go_quote(&key.name);
    let wanted = status.desired_number_scheduled;
    let (updated, available) = (status.updated_number_scheduled, status.number_available);
    let waiting = |what: String| (format!("Waiting for daemon set {name} rollout to finish: {what}...\n"), false);
    Ok(Some(if generation > status.observed_generation {
        ("Waiting for daemon set spec update to be observed...\n".to_owned(), false)
    } else if updated < wanted {
        waiting(format!("{updated} out of {wanted} new pods have been updated"))
    } else if available < wanted {
        waiting(format!("{available} of {wanted} updated pods are available"))
    } else {
        (format!("daemon set {name} successfully rolled out\n"), true)
    }))
}

/// After `DeploymentStatusViewer`.
fn status(deployment: &Deployment, key: &Ref, generation: i64) -> Told {
    let name = go_quote(&key.name);
    let status = &deployment.status;
    let waiting = |what: String| Some((format!("Waiting for deployment {name} rollout to finish: {what}...\n"), false));
    let wanted = deployment.spec.replicas.unwrap_or(1);
    if generation > i64::from(status.observed_generation) {
        return Some(("Waiting for deployment spec update to be observed...\n".into(), false));
    }
    if status.updated_replicas < wanted {
        return waiting(format!("{} out of {wanted} new replicas have been updated", status.updated_replicas));
    }
    if status.replicas > status.updated_replicas {
        let old = status.replicas - status.updated_replicas;
        return waiting(format!("{old} old replicas are pending termination"));
    }
    if status.available_replicas < status.updated_replicas {
        let (available, updated) = (status.available_replicas, status.updated_replicas);
        return waiting(format!("{available} of {updated} updated replicas are available"));
    }
    Some((format!("deployment {name} successfully rolled out\n"), true))
}
