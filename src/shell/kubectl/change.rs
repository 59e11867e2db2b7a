//! `kubectl scale`

use std::sync::Arc;

use super::super::flags::{Flag, switch, value};
use super::{Call, Fail, named, number};
use crate::api::{Reason, Status};
use crate::object::{Body, Object};

pub(super) const SCALE: &[Flag] = &[
    value("replicas", ' ', "COUNT"),
    value("current-replicas", ' ', "COUNT"),
    value("selector", 'l', "SELECTOR"),
    value("filename", 'f', "FILE"),
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
    let current = number(&call.flags, SCALE, "current-replicas")?;
    if current.is_some_and(|current| current < -1) {
        return Err(Fail::Error("The --current-replicas must specify an integer of -1 or greater".into()));
    }
    let words = call.flags.words.clone();
    let files: Vec<String> = call.flags.all("filename").map(String::from).collect();
    let objects = if files.is_empty() {
        some(call, &words, "scale")?
    } else {
        let (keys, missing) = super::delete::by_file(call, &files)?;
        if let Some(status) = missing.into_iter().next() {
            return Err(status.into());
        }
        keys.iter().filter_map(|key| call.shell.cluster.store().get(key).cloned()).collect()
    };
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
    let selects = call.flags.get("selector").is_some() || call.flags.get("field-selector").is_some();
    let everything = call.flags.on("all") || selects;
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
