//! `kubectl scale` and `kubectl label`

use std::sync::Arc;

use super::super::flags::{Flag, switch, value};
use super::{Call, Fail, named, number};
use crate::api::{Reason, Status};
use crate::object::{Body, Object};

pub(super) const SCALE: &[Flag] = &[
    value("replicas", ' ', "COUNT"),
    value("current-replicas", ' ', "COUNT"),
    value("selector", 'l', "SELECTOR"),
    switch("all", ' '),
];

/// `kubectl scale deployment NAME --replicas=COUNT`
pub(super) fn scale(call: &mut Call) -> Result<i32, Fail> {
    let count = number(&call.flags, SCALE, "replicas")?;
    let Some(replicas) = count.filter(|count| *count >= 0) else {
        return Err(Fail::Error(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0".into(),
        ));
    };
    let words = call.flags.words.clone();
    let objects = some(call, &words, "scale")?;
    let current = number(&call.flags, SCALE, "current-replicas")?;
    for object in &objects {
        let kind = object.kind();
        let actual = match &object.body {
            Body::Deployment(deployment) => deployment.spec.replicas,
            Body::ReplicaSet(set) => set.spec.replicas,
            Body::StatefulSet(set) => set.spec.replicas,
            // Other kinds have no scale subresource.
            _ => {
                return Err(Status {
                    code: 404,
                    reason: Reason::NotFound,
                    kind: Some(kind),
                    name: object.meta.name.clone(),
                    message: "the server could not find the requested resource".into(),
                    causes: Vec::new(),
                    later: Vec::new(),
                }
                .into());
            }
        };
        if let Some(expected) = current.filter(|expected| *expected >= 0 && actual != Some(*expected)) {
            let actual = actual.unwrap_or(0);
            return Err(Fail::Error(format!("Expected replicas to be {expected}, was {actual}")));
        }
        call.shell.cluster.scale(&object.key(), replicas)?;
        call.io.out(format!("{} scaled\n", named(kind, &object.meta.name)));
    }
    Ok(0)
}

/// The objects that the words mean, at least one; the first that is missing ends the call.
pub(super) fn some(call: &mut Call, words: &[String], verb: &str) -> Result<Vec<Arc<Object>>, Fail> {
    if words.is_empty() {
        return Err(Fail::Error(super::RESOURCES_NEEDED.into()));
    }
    let asked = call.asked(words)?;
    let everything = call.flags.on("all") || call.flags.get("selector").is_some();
    if asked.iter().any(|asked| asked.name.is_none()) && !everything {
        return Err(Fail::Error("resource(s) were provided, but no name was specified".into()));
    }
    let (objects, missing) = call.found(&asked)?;
    match missing.into_iter().next() {
        Some(status) => Err(status.into()),
        None if objects.is_empty() => Err(Fail::Error(format!("no objects passed to {verb}"))),
        None => Ok(objects),
    }
}

pub(super) const LABEL: &[Flag] = &[
    switch("overwrite", ' '),
    switch("all", ' '),
    switch("list", ' '),
    value("selector", 'l', "SELECTOR"),
    switch("all-namespaces", 'A'),
];

/// `kubectl label KIND NAME KEY=VALUE… KEY-…`
pub(super) fn label(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let is_change = |word: &&String| word.contains('=') || word.ends_with('-');
    let (changes, resources): (Vec<&String>, Vec<&String>) = words.iter().partition(is_change);
    let resources: Vec<String> = resources.into_iter().cloned().collect();
    if resources.is_empty() {
        return Err(Fail::Error(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>".into(),
        ));
    }
    if changes.is_empty() && !call.flags.on("list") {
        return Err(Fail::Error("at least one label update is required".into()));
    }
    let mut set = Vec::new();
    let mut remove = Vec::new();
    for change in changes {
        match change.split_once('=') {
            Some((key, value)) if value.contains('=') || key.is_empty() => {
                return Err(Fail::Error(format!("invalid label spec: {key}={value}")));
            }
            Some((key, value)) => set.push((key.to_owned(), value.to_owned())),
            None => remove.push(change.trim_end_matches('-').to_owned()),
        }
    }
    if set.iter().any(|(key, _)| remove.contains(key)) {
        return Err(Fail::Error("can not both modify and remove a label in the same command".into()));
    }
    for object in some(call, &resources, "label")? {
        let name = named(object.kind(), &object.meta.name);
        if call.flags.on("list") {
            for (key, value) in &object.meta.labels {
                call.io.out(format!("{key}={value}\n"));
            }
            continue;
        }
        for (key, value) in &set {
            if let Some(held) = object.meta.labels.get(key).filter(|held| *held != value && !call.flags.on("overwrite"))
            {
                return Err(Fail::Error(format!("'{key}' already has a value ({held}), and --overwrite is false")));
            }
        }
        for key in remove.iter().filter(|key| !object.meta.labels.contains_key(*key)) {
            call.io.out(format!("label {} not found.\n", super::go_quote(key)));
        }
        let mut changed = Object::clone(&object);
        changed.meta.labels.extend(set.iter().cloned());
        changed.meta.labels.retain(|key, _| !remove.contains(key));
        let what = if changed.meta.labels == object.meta.labels {
            "not labeled"
        } else {
            call.shell.cluster.update(changed)?;
            if set.is_empty() { "unlabeled" } else { "labeled" }
        };
        call.io.out(format!("{name} {what}\n"));
    }
    Ok(0)
}
