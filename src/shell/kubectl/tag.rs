//! `kubectl label` and `kubectl annotate`
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/label`, `pkg/cmd/annotate` and `pkg/cmd/util` `ParsePairs`. Left out: `--local`, `--dry-run`,
//! `--resource-version`; `--list` prints in order of the keys, where kubectl has none.

use std::sync::Arc;

use super::super::flags::{Flag, switch, value};
use super::change::some;
use super::{Call, Fail, go_quote, named};
use crate::object::{Labels, Object};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", 'f', "FILE"),
    switch("overwrite", ' '),
    switch("all", ' '),
    switch("list", ' '),
    value("selector", 'l', "SELECTOR"),
    value("field-selector", ' ', "SELECTOR"),
    switch("all-namespaces", 'A'),
];

/// `change-cause` may always be written anew.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// What is set, and what is taken away.
#[derive(Default)]
struct Pairs {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

/// The words of a call: what is meant, then the changes. `what` is `label` or `annotation`.
fn words(call: &Call, what: &str) -> Result<(Vec<String>, Vec<String>), Fail> {
    let is_pair =
        |word: &String| (word.contains('=') && !word.starts_with('=')) || (word.ends_with('-') && word != "-");
    let words = &call.flags.words;
    let from = words.iter().position(is_pair).unwrap_or(words.len());
    if let Some(word) = words[from..].iter().find(|word| !is_pair(word)) {
        return Err(Fail::Error(format!("all resources must be specified before {what} changes: {word}")));
    }
    Ok((words[..from].to_vec(), words[from..].to_vec()))
}

/// The objects meant, by name or by file.
fn meant(call: &mut Call, resources: &[String], verb: &str) -> Result<Vec<Arc<Object>>, Fail> {
    let files: Vec<String> = call.flags.all("filename").flat_map(|names| names.split(',')).map(String::from).collect();
    if files.is_empty() && resources.is_empty() {
        return Err(Fail::Error(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>".into(),
        ));
    }
    if files.is_empty() {
        return some(call, resources, verb);
    }
    let (keys, missing) = super::delete::by_file(call, &files)?;
    if let Some(status) = missing.into_iter().next() {
        return Err(status.into());
    }
    Ok(keys.iter().filter_map(|key| call.shell.cluster.store().get(key).cloned()).collect())
}

/// `--list`
fn list(call: &mut Call, objects: &[Arc<Object>], what: &str, of: fn(&Object) -> &Labels) {
    for object in objects {
        let indent = if objects.len() == 1 { "" } else { " " };
        if objects.len() > 1 {
            let (kind, name) = (object.kind().row(), &object.meta.name);
            call.io.out(format!("Listing {what}s for {}.{}/{name}:\n", kind.name, kind.group));
        }
        for (key, value) in of(object) {
            call.io.out(format!("{indent}{key}={value}\n"));
        }
    }
}

/// `kubectl label TYPE NAME KEY=VALUE… KEY-…`
pub(super) fn label(call: &mut Call) -> Result<i32, Fail> {
    let (resources, changes) = words(call, "label")?;
    let mut pairs = Pairs::default();
    for change in &changes {
        match change.split_once('=') {
            Some((_, value)) if value.contains('=') => {
                return Err(Fail::Error(format!("invalid label spec: {change}")));
            }
            Some((_, value)) if !is_label_value(value) => {
                return Err(Fail::Error(format!("invalid label value: {}: {BAD_VALUE}", go_quote(change))));
            }
            Some((key, value)) => pairs.set.push((key.to_owned(), value.to_owned())),
            None => pairs.remove.push(change[..change.len() - 1].to_owned()),
        }
    }
    if pairs.set.iter().any(|(key, _)| pairs.remove.contains(key)) {
        return Err(Fail::Error("can not both modify and remove a label in the same command".into()));
    }
    if changes.is_empty() && !call.flags.on("list") {
        return Err(Fail::Error("at least one label update is required".into()));
    }
    let objects = meant(call, &resources, "label")?;
    if call.flags.on("list") {
        list(call, &objects, "label", |object| &object.meta.labels);
        return Ok(0);
    }
    for object in objects {
        let held = &object.meta.labels;
        for key in pairs.remove.iter().filter(|key| !held.contains_key(*key)) {
            call.io.out(format!("label {} not found.\n", go_quote(key)));
        }
        if !call.flags.on("overwrite") {
            let other = |(key, value): &&(String, String)| held.get(key).is_some_and(|held| held != value);
            let faults: Vec<String> = pairs
                .set
                .iter()
                .filter(other)
                .map(|(key, _)| format!("'{key}' already has a value ({}), and --overwrite is false", held[key]))
                .collect();
            match faults.as_slice() {
                [] => {}
                [only] => return Err(Fail::Error(only.clone())),
                many => return Err(Fail::Error(format!("[{}]", many.join(", ")))),
            }
        }
        let mut changed = Object::clone(&object);
        changed.meta.labels.extend(pairs.set.iter().cloned());
        changed.meta.labels.retain(|key, _| !pairs.remove.contains(key));
        let added = pairs.set.iter().any(|(key, value)| held.get(key) != Some(value));
        let removed = pairs.remove.iter().any(|key| held.contains_key(key));
        if added || removed {
            call.shell.cluster.update(changed)?;
        }
        let what = match (added, removed) {
            (true, true) => "modified",
            (true, false) => "labeled",
            (false, true) => "unlabeled",
            (false, false) => "not labeled",
        };
        call.io.out(format!("{} {what}\n", named(object.kind(), &object.meta.name)));
    }
    Ok(0)
}

const BAD_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn is_label_value(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63 && value.chars().all(inner) && edge(value.chars().next()) && edge(value.chars().next_back())
}

/// `kubectl annotate TYPE NAME KEY=VALUE… KEY-…`
pub(super) fn annotate(call: &mut Call) -> Result<i32, Fail> {
    let (resources, changes) = words(call, "annotation")?;
    let mut pairs = Pairs::default();
    for change in &changes {
        match change.split_once('=') {
            Some((key, value)) => pairs.set.push((key.to_owned(), value.to_owned())),
            None => pairs.remove.push(change[..change.len() - 1].to_owned()),
        }
    }
    if changes.is_empty() && !call.flags.on("list") {
        return Err(Fail::Error("at least one annotation update is required".into()));
    }
    let both: Vec<&str> =
        pairs.remove.iter().filter(|key| pairs.set.iter().any(|(set, _)| set == *key)).map(String::as_str).collect();
    if !both.is_empty() {
        return Err(Fail::Error(format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(", ")
        )));
    }
    let objects = meant(call, &resources, "annotate")?;
    if call.flags.on("list") {
        list(call, &objects, "annotation", |object| &object.meta.annotations);
        return Ok(0);
    }
    for object in objects {
        let held = &object.meta.annotations;
        if !call.flags.on("overwrite") {
            let other = |(key, value): &&(String, String)| {
                key != CHANGE_CAUSE && held.get(key).is_some_and(|held| held != value)
            };
            let faults = pairs.set.iter().filter(other);
            let faults: Vec<String> =
                faults.map(|(key, _)| format!("'{key}' already has a value ({})", held[key])).collect();
            if !faults.is_empty() {
                return Err(Fail::Error(format!(
                    "--overwrite is false but found the following declared annotation(s): {}",
                    faults.join("; ")
                )));
            }
        }
        let mut changed = Object::clone(&object);
        changed.meta.annotations.extend(pairs.set.iter().cloned());
        changed.meta.annotations.retain(|key, _| !pairs.remove.contains(key));
        if changed.meta.annotations != object.meta.annotations {
            call.shell.cluster.update(changed)?;
        }
        call.io.out(format!("{} annotated\n", named(object.kind(), &object.meta.name)));
    }
    Ok(0)
}
