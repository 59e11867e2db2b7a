//! `kubectl cordon`, `uncordon`, `drain` and `taint`.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/drain`, `pkg/drain` and `pkg/cmd/taint`. Left out: disruption budgets, which the lab does not serve,
//! `--pod-selector`, `--timeout` and dry runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::flags::{Flag, switch, value};
use super::delete::wait_until_gone;
use super::select::Selector;
use super::{Call, Fail, number};
use crate::object::{DaemonSet, Kind, Meta, Node, Object, Pod, Ref, Taint};

pub(super) const CORDON: &[Flag] = &[value("selector", 'l', "SELECTOR")];

pub(super) const DRAIN: &[Flag] = &[
    value("selector", 'l', "SELECTOR"),
    switch("ignore-daemonsets", ' '),
    switch("delete-emptydir-data", ' '),
    switch("force", ' '),
    switch("disable-eviction", ' '),
    value("grace-period", ' ', "SECONDS"),
];

pub(super) const TAINT: &[Flag] = &[value("selector", 'l', "SELECTOR"), switch("overwrite", ' '), switch("all", ' ')];

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// `kubectl cordon NODE`
pub(super) fn cordon(call: &mut Call) -> Result<i32, Fail> {
    for name in named(call, "cordon")? {
        mark(call, &name, true)?;
    }
    Ok(0)
}

/// `kubectl uncordon NODE`
pub(super) fn uncordon(call: &mut Call) -> Result<i32, Fail> {
    for name in named(call, "uncordon")? {
        mark(call, &name, false)?;
    }
    Ok(0)
}

/// The nodes that a call names.
fn named(call: &mut Call, verb: &str) -> Result<Vec<String>, Fail> {
    let words = call.flags.words.clone();
    let selector = call.flags.get("selector").map(str::to_owned);
    match (words.is_empty(), selector) {
        (true, None) => Err(Fail::Usage(format!("USAGE: {verb} NODE [flags]"))),
        (false, Some(_)) => Err(Fail::Usage("error: cannot specify both a node name and a --selector option".into())),
        (true, Some(selector)) => {
            let selector = Selector::parse(&selector)?;
            let nodes = call.shell.cluster.store().list(Kind::Node, None);
            Ok(nodes.filter(|node| selector.matches(&node.meta.labels)).map(|node| node.meta.name.clone()).collect())
        }
        (false, None) => {
            let mut names = Vec::new();
            for word in &words {
                let name = word.strip_prefix("node/").or(word.strip_prefix("nodes/")).unwrap_or(word);
                names.push(call.one(Kind::Node, name)?.meta.name.clone());
            }
            Ok(names)
        }
    }
}

/// Makes a node unschedulable, or schedulable again.
fn mark(call: &mut Call, name: &str, unschedulable: bool) -> Result<(), Fail> {
    let mut node = Object::clone(&*call.one(Kind::Node, name)?);
    let done = if unschedulable { "cordoned" } else { "uncordoned" };
    let already = match node.body_mut::<Node>() {
        Some(body) if body.spec.unschedulable != unschedulable => {
            body.spec.unschedulable = unschedulable;
            call.shell.cluster.update(node)?;
            ""
        }
        _ => "already ",
    };
    call.io.out(format!("node/{name} {already}{done}\n"));
    Ok(())
}

/// What becomes of a pod on a node that is drained.
enum Fate {
    /// It goes; with a warning, if there is one.
    Goes(&'static str),
    /// It stays; with a warning, if there is one.
    Stays(&'static str),
    /// It is in the way.
    Refused(&'static str),
}

/// `kubectl drain NODE`
pub(super) fn drain(call: &mut Call) -> Result<i32, Fail> {
    let names = named(call, "drain")?;
    for name in &names {
        mark(call, name, true)?;
    }
    let grace = number(&call.flags, DRAIN, "grace-period")?.map(i64::from).filter(|grace| *grace >= 0);
    let mut refused: Vec<String> = Vec::new();
    let mut left: Vec<&String> = Vec::new();
    for name in &names {
        let errors = empty(call, name, grace);
        if errors.is_empty() {
            call.io.out(format!("node/{name} drained\n"));
            continue;
        }
        let text = if errors.len() == 1 { errors[0].clone() } else { format!("[{}]", errors.join(", ")) };
        call.io.err(format!("error: unable to drain node \"{name}\" due to error: {text}, continuing command...\n"));
        refused.extend(errors);
        left.push(name);
    }
    if left.is_empty() {
        return Ok(0);
    }
    call.io.err("There are pending nodes to be drained:\n");
    left.iter().for_each(|name| call.io.err(format!(" {name}\n")));
    refused.iter().for_each(|error| call.io.err(format!("{error}\n")));
    Ok(1)
}

/// Evicts the pods of a node and waits until they are gone; what is in the way, if anything is.
fn empty(call: &mut Call, node: &str, grace: Option<i64>) -> Vec<String> {
    let store = call.shell.cluster.store();
    let pods: Vec<Arc<Object>> = store
        .list(Kind::Pod, None)
        .filter(|object| object.body::<Pod>().is_some_and(|pod| pod.spec.node_name == node))
        .cloned()
        .collect();
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut warned: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut going = Vec::new();
    for object in &pods {
        let Some(pod) = object.body::<Pod>() else { continue };
        let name = format!("{}/{}", object.meta.namespace, object.meta.name);
        let warning = match fate(call, &object.meta, pod) {
            Fate::Refused(why) => {
                refused.entry(why).or_default().push(name);
                continue;
            }
            Fate::Goes(warning) => {
                going.push(object);
                warning
            }
            Fate::Stays(warning) => warning,
        };
        if !warning.is_empty() {
            warned.entry(warning).or_default().push(name);
        }
    }
    if !refused.is_empty() {
        return refused.into_iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect();
    }
    let warnings: Vec<String> =
        warned.into_iter().map(|(warning, names)| format!("{warning}: {}", names.join(", "))).collect();
    if !warnings.is_empty() {
        call.io.err(format!("Warning: {}\n", warnings.join("; ")));
    }
    let verb = if call.flags.on("disable-eviction") { ("deleting", "deleted") } else { ("evicting", "evicted") };
    let mut gone: Vec<(Ref, String)> = Vec::new();
    for object in going {
        let key = object.key();
        call.io.out(format!("{} pod {}/{}\n", verb.0, key.namespace, key.name));
        if call.shell.cluster.evict(&key, grace).is_ok() {
            gone.push((key, object.meta.uid.clone()));
        }
    }
    wait_until_gone(call, &gone);
    for (key, uid) in &gone {
        if call.shell.cluster.store().get(key).is_some_and(|object| object.meta.uid == *uid) {
            call.shell.say(
                call.io,
                format!(
                    "kubectl would wait for ever: the kubelet of {node} does not answer, so pod {} does not end",
                    key.name
                ),
                format!("kubectl 会一直等待：{node} 的 kubelet 没有应答，Pod {} 不会结束", key.name),
            );
            return vec!["global timeout reached: 0s".to_owned()];
        }
        call.io.out(format!("pod/{} {}\n", key.name, verb.1));
    }
    Vec::new()
}

/// After `makeFilters`: each looks at what those before let through, and the last to speak is heard.
fn fate(call: &Call, meta: &Meta, pod: &Pod) -> Fate {
    let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    // Static pods: nobody can evict them, for their kubelet makes them from files.
    if meta.annotations.contains_key("kubernetes.io/config.mirror")
        || meta.annotations.get("kubernetes.io/config.source").is_some_and(|source| source == "file")
    {
        return Fate::Stays("");
    }
    let owner = meta.controller();
    if over {
        return Fate::Goes("");
    }
    if let Some(owner) = owner.filter(|owner| owner.kind == "DaemonSet") {
        let set = Ref::new(Kind::DaemonSet, meta.namespace.as_str(), owner.name.as_str());
        let is_there = call.shell.cluster.store().read::<DaemonSet>(&set).is_some();
        return match (is_there, call.flags.on("ignore-daemonsets"), call.flags.on("force")) {
            (true, true, _) => Fate::Stays("ignoring DaemonSet-managed Pods"),
            (true, false, _) => {
                Fate::Refused("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
            }
            (false, _, true) => Fate::Goes("daemonsets.apps not found"),
            (false, _, false) => Fate::Refused("cannot delete daemonsets.apps not found"),
        };
    }
    let volumes = pod.spec.rest.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let mut warning = "";
    if volumes.into_iter().any(|volume| volume.get("emptyDir").is_some()) {
        if !call.flags.on("delete-emptydir-data") {
            return Fate::Refused("cannot delete Pods with local storage (use --delete-emptydir-data to override)");
        }
        warning = "deleting Pods with local storage";
    }
    match (owner, call.flags.on("force")) {
        (Some(_), _) => Fate::Goes(warning),
        (None, true) => Fate::Goes("deleting Pods that declare no controller"),
        (None, false) => Fate::Refused("cannot delete Pods that declare no controller (use --force to override)"),
    }
}

/// A taint to set, or to take away: of any effect, if the effect is empty.
fn parse(text: &str) -> Result<(Taint, bool), Fail> {
    let bad = |what: &str| Fail::Usage(format!("invalid taint spec: {what}"));
    let (body, removes) = match text.strip_suffix('-') {
        Some(body) => (body, true),
        None => (text, false),
    };
    let parts: Vec<&str> = body.split(':').collect();
    let (pair, effect) = match parts[..] {
        [pair] if removes => (pair, ""),
        [pair, effect] => (pair, effect),
        _ => return Err(bad(body)),
    };
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    if key.is_empty() || value.contains('=') {
        return Err(bad(body));
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        return Err(Fail::Usage(format!("invalid taint effect: {effect}, unsupported taint effect")));
    }
    if effect.is_empty() && !removes {
        return Err(bad(body));
    }
    Ok((Taint { value: value.to_owned(), ..Taint::new(key, effect) }, removes))
}

/// `kubectl taint nodes NODE KEY=VALUE:EFFECT… KEY:EFFECT-…`
pub(super) fn taint(call: &mut Call) -> Result<i32, Fail> {
    let (mut resources, mut changes) = (Vec::new(), Vec::new());
    for word in call.flags.words.clone() {
        if word.contains(['=', ':']) || word.ends_with('-') {
            changes.push(word);
        } else if changes.is_empty() {
            resources.push(word);
        } else {
            return Err(Fail::Error(format!("all resources must be specified before taint changes: {word}")));
        }
    }
    let Some((kind, names)) = resources.split_first() else {
        return Err(Fail::Error("one or more resources must be specified as <resource> <name>".into()));
    };
    if changes.is_empty() {
        return Err(Fail::Error("at least one taint update is required".into()));
    }
    let (mut add, mut remove): (Vec<Taint>, Vec<Taint>) = (Vec::new(), Vec::new());
    for change in &changes {
        let (taint, removes) = parse(change)?;
        if removes {
            remove.push(taint);
        } else if add.iter().any(|other| other.is_like(&taint)) {
            return Err(Fail::Usage(format!(
                "duplicated taints with the same key and effect: {{{} {} {} <nil>}}",
                taint.key, taint.value, taint.effect
            )));
        } else {
            add.push(taint);
        }
    }
    if call.kind(kind)? != Kind::Node {
        return Err(Fail::Error(format!("invalid resource type {kind}, only node types are supported")));
    }
    let clash = |taint: &&Taint| {
        add.iter().any(|new| new.key == taint.key && (taint.effect.is_empty() || taint.effect == new.effect))
    };
    let clashes: Vec<String> =
        remove.iter().filter(clash).map(|taint| format!("{{\"{}\":\"{}\"}}", taint.key, taint.effect)).collect();
    if !clashes.is_empty() {
        let list = clashes.join(", ");
        return Err(Fail::Error(format!(
            "can not both modify and remove the following taint(s) in the same command: {list}"
        )));
    }
    let everything = call.flags.on("all");
    let selector = call.flags.get("selector").map(str::to_owned);
    if everything && selector.is_some() {
        return Err(Fail::Error("setting 'all' parameter with a non empty selector is prohibited".into()));
    }
    if !everything && selector.is_none() && names.is_empty() {
        return Err(Fail::Error(
            "at least one resource name must be specified since 'all' parameter is not set".into(),
        ));
    }
    let selector = Selector::parse(selector.as_deref().unwrap_or_default())?;
    let nodes: Vec<Arc<Object>> = if names.is_empty() {
        let all = call.shell.cluster.store().list(Kind::Node, None);
        all.filter(|node| selector.matches(&node.meta.labels)).cloned().collect()
    } else {
        names.iter().map(|name| call.one(Kind::Node, name)).collect::<Result<_, _>>()?
    };
    for node in nodes {
        let mut changed = Object::clone(&node);
        let now = call.shell.cluster.now();
        let Some(body) = changed.body_mut::<Node>() else { continue };
        let name = &node.meta.name;
        let taints = &mut body.spec.taints;
        let has = |taint: &&Taint| taints.iter().any(|other| other.is_like(taint));
        let there: Vec<&str> = add.iter().filter(has).map(|taint| taint.key.as_str()).collect();
        if !there.is_empty() && !call.flags.on("overwrite") {
            return Err(Fail::Error(format!(
                "node {name} already has [{}] taint(s) with same effect(s) and --overwrite is false",
                there.join(" ")
            )));
        }
        for taint in &remove {
            let before = taints.len();
            taints.retain(|t| t.key != taint.key || (!taint.effect.is_empty() && t.effect != taint.effect));
            if taints.len() == before {
                let effect = if taint.effect.is_empty() { String::new() } else { format!(":{}", taint.effect) };
                return Err(Fail::Error(format!("taint \"{}{effect}\" not found", taint.key)));
            }
        }
        let operation = match (add.is_empty(), remove.is_empty(), there.is_empty()) {
            (true, _, _) => "untainted",
            (false, false, _) | (false, true, false) => "modified",
            (false, true, true) => "tainted",
        };
        for taint in &add {
            taints.retain(|other| !other.is_like(taint));
            // Evictions are counted from here; the real controller counts from when it hears of the taint.
            let time_added = (taint.effect == "NoExecute").then_some(now);
            taints.push(Taint { time_added, ..taint.clone() });
        }
        call.shell.cluster.update(changed)?;
        call.io.out(format!("node/{name} {operation}\n"));
    }
    Ok(0)
}
