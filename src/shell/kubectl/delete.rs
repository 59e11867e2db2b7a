//! `kubectl delete`

use std::collections::BTreeSet;

use super::super::flags::{Flag, Takes, switch, value};
use super::select::Asked;
use super::{Call, Fail, go_quote, number};
use crate::api::Status;
use crate::manifest;
use crate::object::{Kind, Ref};
use crate::time::Duration;

pub(super) const FLAGS: &[Flag] = &[
    value("filename", 'f', "FILE"),
    value("selector", 'l', "SELECTOR"),
    switch("all", ' '),
    value("field-selector", ' ', "SELECTOR"),
    switch("all-namespaces", 'A'),
    switch("force", ' '),
    switch("now", ' '),
    value("grace-period", ' ', "SECONDS"),
    switch("ignore-not-found", ' '),
    Flag { long: "wait", short: ' ', takes: Takes::Nothing },
    value("output", 'o', "FORMAT"),
    Flag { long: "cascade", short: ' ', takes: Takes::Maybe("background") },
    value("timeout", ' ', "TIME"),
];

/// How long kubectl waits for an object to be gone. It would wait for a week.
const PATIENCE: Duration = Duration::from_secs(600);

/// `kubectl delete`
pub(super) fn delete(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let files: Vec<String> = call.flags.all("filename").flat_map(|names| names.split(',')).map(String::from).collect();
    let mut grace = number(&call.flags, FLAGS, "grace-period")?.map(i64::from).filter(|grace| *grace >= 0);
    if call.flags.on("now") {
        if grace.is_some() {
            return Err(Fail::Error("--now and --grace-period cannot be specified together".into()));
        }
        grace = Some(1);
    }
    if let Some(mode) = call.flags.get("output").filter(|mode| *mode != "name") {
        return Err(Fail::Error(format!("unexpected -o output mode: {mode}. We only support '-o name'")));
    }
    for other in ["selector", "field-selector"] {
        if call.flags.on("all") && call.flags.get(other).is_some() {
            return Err(Fail::Error(format!("cannot set --all and --{other} at the same time")));
        }
    }
    if let Some(cascade) = call.flags.get("cascade").filter(|cascade| *cascade != "background") {
        call.shell.say(
            call.io,
            format!("the lab deletes dependents in the background: it has no --cascade={cascade}"),
            format!("实验室总是在后台删除从属对象，不支持 --cascade={cascade}"),
        );
        return Ok(1);
    }
    if call.flags.on("force") {
        if grace.is_some_and(|grace| grace > 0) {
            return Err(Fail::Error("--force and --grace-period greater than 0 cannot be specified together".into()));
        }
        call.io.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
        grace = Some(0);
    } else if grace == Some(0) {
        // Without --force kubectl asks for a second, and waits.
        grace = Some(1);
    }
    let (keys, missing) = if files.is_empty() { by_name(call, &words)? } else { by_file(call, &files)? };
    if keys.is_empty() && missing.is_empty() {
        call.io.out("No resources found\n");
        return Ok(0);
    }
    let mut refused = Vec::new();
    let mut gone = Vec::new();
    for key in keys {
        let uid = call.shell.cluster.store().get(&key).map(|object| object.meta.uid.clone());
        match call.shell.cluster.delete(&key, grace) {
            Ok(()) => {
                let kind = key.kind.row();
                let kind = if kind.group.is_empty() {
                    kind.singular.to_owned()
                } else {
                    format!("{}.{}", kind.singular, kind.group)
                };
                if call.flags.get("output") == Some("name") {
                    call.io.out(format!("{kind}/{}\n", key.name));
                } else {
                    let forced = if grace == Some(0) { "force " } else { "" };
                    let from = if key.kind.is_namespaced() {
                        format!(" from {} namespace", key.namespace)
                    } else {
                        String::new()
                    };
                    call.io.out(format!("{kind} {} {forced}deleted{from}\n", go_quote(&key.name)));
                }
                gone.push((key, uid.unwrap_or_default()));
            }
            Err(status) => refused.push(status),
        }
    }
    if call.flags.get("wait") != Some("false") && grace != Some(0) {
        wait_until_gone(call, &gone);
    }
    refused.extend(missing);
    for status in &refused {
        call.io.err(status.kubectl());
    }
    Ok(i32::from(!refused.is_empty()))
}

/// Lets time pass until the objects are gone, or others of their names stand in their places.
pub(super) fn wait_until_gone(call: &mut Call, gone: &[(Ref, String)]) {
    let end = call.shell.cluster.now() + PATIENCE;
    for (key, uid) in gone {
        while call.shell.cluster.store().get(key).is_some_and(|object| object.meta.uid == *uid) {
            match call.shell.cluster.pending().filter(|at| *at <= end) {
                Some(next) => call.shell.cluster.advance(next),
                None => return,
            }
        }
    }
}

fn by_name(call: &mut Call, words: &[String]) -> Result<(Vec<Ref>, Vec<Status>), Fail> {
    if words.is_empty() {
        return Err(Fail::Error(super::RESOURCES_NEEDED.into()));
    }
    let asked: Vec<Asked> = call.asked(words)?;
    let selects = call.flags.get("selector").is_some() || call.flags.get("field-selector").is_some();
    let everything = call.flags.on("all") || selects;
    if asked.iter().any(|asked| asked.name.is_none()) && !everything {
        return Err(Fail::Error("resource(s) were provided, but no name was specified".into()));
    }
    if call.flags.on("all") && asked.iter().any(|asked| asked.name.is_some()) {
        return Err(Fail::Error("name cannot be provided when a selector is specified".into()));
    }
    let (objects, mut missing) = call.found(&asked)?;
    if call.flags.on("ignore-not-found") {
        missing.clear();
    }
    let mut seen = BTreeSet::new();
    Ok((objects.iter().map(|object| object.key()).filter(|key| seen.insert(key.clone())).collect(), missing))
}

/// What stands in files; what is not there is said.
pub(super) fn by_file(call: &mut Call, files: &[String]) -> Result<(Vec<Ref>, Vec<Status>), Fail> {
    let (mut keys, mut missing) = (Vec::new(), Vec::new());
    for source in super::apply::sources(call, files)? {
        let parsed = manifest::parse(&source);
        if let Some(refusal) = parsed.refusals.iter().find(|refusal| refusal.by != manifest::Refuser::Server) {
            return Err(Fail::Error(refusal.message.clone()));
        }
        for manifest in parsed.manifests {
            let key = manifest.key(&call.namespace);
            if call.shell.cluster.store().get(&key).is_some() {
                keys.push(key);
            } else if !call.flags.on("ignore-not-found") {
                let status = Status::not_found(&key);
                let doing = format!("error when deleting {}: ", go_quote(&source.name));
                missing.push(Status { message: format!("{doing}{}", status.message), ..status });
            }
        }
    }
    // What a namespace holds goes with it: namespaces last, so that every line is true when it is printed.
    crate::sort::by_key(&mut keys, |key| key.kind == Kind::Namespace);
    Ok((keys, missing))
}
