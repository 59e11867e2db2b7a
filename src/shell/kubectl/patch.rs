//! `kubectl patch`, `set image`, `set selector`, `replace` and `edit`: objects changed in place.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/patch`, `pkg/cmd/set`, `pkg/cmd/replace`, `pkg/cmd/edit` and `k8s.io/apimachinery`
//! `pkg/util/strategicpatch`. Where the server would only warn of a field that it does not know, it is refused here. `edit` puts the
//! object into a file of the editor, to be applied from there. Left out: `--subresource`, `$retainKeys`, `set` of other things.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::flags::{Flag, switch, value};
use super::change::some;
use super::{Call, Fail, go_quote, named};
use crate::api::{Status, merge_key};
use crate::manifest;
use crate::object::{Kind, Object};
use crate::text::Source;
use crate::trace::Place;

pub(super) const PATCH: &[Flag] = &[
    value("patch", 'p', "PATCH"),
    value("patch-file", ' ', "FILE"),
    value("type", ' ', "TYPE"),
    value("filename", 'f', "FILE"),
];

fn fail<T>(text: impl Into<String>) -> Result<T, Fail> {
    Err(Fail::Error(text.into()))
}

/// `kubectl patch TYPE NAME -p PATCH [--type=strategic|merge|json]`
pub(super) fn patch(call: &mut Call) -> Result<i32, Fail> {
    let text = match (call.flags.get("patch"), call.flags.get("patch-file")) {
        (Some(_), Some(_)) => return fail("cannot specify --patch and --patch-file together"),
        (Some(text), None) => text.to_owned(),
        (None, Some(file)) => match call.shell.file(file) {
            Some(text) => text,
            None => return fail(format!("unable to read patch file: open {file}: no such file or directory")),
        },
        (None, None) => return fail("must specify --patch or --patch-file containing the contents of the patch"),
    };
    let by = call.flags.get("type").unwrap_or("strategic").to_ascii_lowercase();
    if !matches!(by.as_str(), "json" | "merge" | "strategic") {
        return fail(format!("--type must be one of [json merge strategic], not {}", go_quote(&by)));
    }
    let read = serde_json::from_str(&text).ok().or_else(|| serde_yaml::from_str::<Value>(&text).ok());
    let Some(patch) = read.filter(|tree| tree.is_object() || tree.is_array()) else {
        return fail(format!("unable to parse {}: yaml: could not find expected value", go_quote(&text)));
    };
    let files: Vec<String> = call.flags.all("filename").map(String::from).collect();
    let words = call.flags.words.clone();
    let objects = if files.is_empty() {
        some(call, &words, "patch")?
    } else {
        let (keys, _) = super::delete::by_file(call, &files)?;
        keys.iter().filter_map(|key| call.shell.cluster.store().get(key).cloned()).collect()
    };
    for object in objects {
        let live = object.to_value();
        let tree = match (&patch, by.as_str()) {
            (Value::Array(steps), "json") => {
                let mut tree = live.clone();
                for step in steps {
                    if step_of(&mut tree, step).is_err() {
                        // The server keeps the reason to itself.
                        call.io.err(
                            "The request is invalid: the server rejected our request due to an error in our request\n",
                        );
                        return Ok(1);
                    }
                }
                tree
            }
            (Value::Object(_), "merge") => merged(&live, &patch),
            (Value::Object(_), "strategic") => strategic("", &live, &patch),
            _ => {
                let kind = object.kind().name();
                return Err(Status::bad_request(format!(
                    "error decoding patch: the patch for {kind} is not of type {by}"
                ))
                .into());
            }
        };
        let changed = put(call, &object, tree)?;
        let what = if changed { "patched" } else { "patched (no change)" };
        call.io.out(format!("{} {what}\n", named(object.kind(), &object.meta.name)));
    }
    Ok(0)
}

/// Writes a changed tree in an object's place; whether anything changed.
fn put(call: &mut Call, object: &Arc<Object>, tree: Value) -> Result<bool, Fail> {
    let source = Source::new("patch", manifest::to_yaml(&tree));
    let parsed = manifest::parse(&source);
    if let Some(refusal) = parsed.refusals.first() {
        return Err(Status::bad_request(refusal.message.clone()).into());
    }
    let Some(manifest) = parsed.manifests.into_iter().next() else { return Ok(false) };
    let mut changed = manifest.object;
    if changed.key() != object.key() {
        return Err(Status::bad_request("the name of the object does not match the name on the URL").into());
    }
    changed.meta.resource_version.clear();
    let before = object.meta.resource_version.clone();
    let after = call.shell.cluster.update(changed)?;
    Ok(after.meta.resource_version != before)
}

/// A merge patch (RFC 7386).
fn merged(live: &Value, patch: &Value) -> Value {
    let (Value::Object(new), was) = (patch, live) else { return patch.clone() };
    let mut map = was.as_object().cloned().unwrap_or_default();
    for (key, value) in new {
        if value.is_null() {
            map.remove(key);
        } else {
            let old = map.get(key).cloned().unwrap_or(Value::Null);
            map.insert(key.clone(), merged(&old, value));
        }
    }
    Value::Object(map)
}

/// A strategic merge patch: lists whose items have keys merge by them.
fn strategic(at: &str, live: &Value, patch: &Value) -> Value {
    let Value::Object(new) = patch else { return patch.clone() };
    let directive = new.get("$patch").and_then(Value::as_str);
    let mut map = match directive {
        Some("replace") => Map::new(),
        _ => live.as_object().cloned().unwrap_or_default(),
    };
    for (key, value) in new.iter().filter(|(key, _)| !key.starts_with('$')) {
        let old = map.get(key).cloned();
        match (value, old) {
            (Value::Null, _) => drop(map.remove(key)),
            (Value::Array(items), Some(Value::Array(was))) => match merge_key(at, key) {
                Some(name) => drop(map.insert(key.clone(), list(key, name, &was, items))),
                None => drop(map.insert(key.clone(), value.clone())),
            },
            (value, old) => {
                let old = old.unwrap_or(Value::Null);
                map.insert(key.clone(), strategic(key, &old, value));
            }
        }
    }
    Value::Object(map)
}

fn list(at: &str, name: &str, live: &[Value], patch: &[Value]) -> Value {
    if patch.iter().any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace")) {
        let plain = patch.iter().filter(|item| item.get("$patch").is_none());
        return plain.cloned().collect();
    }
    let mut merged = live.to_vec();
    for item in patch {
        let id = item.get(name);
        let place = merged.iter().position(|old| id.is_some() && old.get(name) == id);
        let deletes = item.get("$patch").and_then(Value::as_str) == Some("delete");
        match (place, deletes) {
            (Some(i), true) => drop(merged.remove(i)),
            (Some(i), false) => merged[i] = strategic(at, &merged[i], item),
            (None, true) => {}
            (None, false) => merged.push(item.clone()),
        }
    }
    Value::Array(merged)
}

/// One operation of a JSON patch (RFC 6902).
fn step_of(tree: &mut Value, step: &Value) -> Result<(), String> {
    let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let (op, path, from) = (text("op"), text("path"), text("from"));
    let missing = |path: &str| format!("{op} operation does not apply: doc is missing path: {path}: missing value");
    match op.as_str() {
        "add" => add(tree, &path, step["value"].clone()).ok_or_else(|| missing(&path)),
        "remove" => remove(tree, &path).map(drop).ok_or_else(|| missing(&path)),
        "replace" => {
            let place = tree.pointer_mut(&path).ok_or_else(|| missing(&path))?;
            *place = step["value"].clone();
            Ok(())
        }
        "test" if tree.pointer(&path) == Some(&step["value"]) => Ok(()),
        "test" => Err(format!("testing value {path} failed: test failed")),
        "copy" => {
            let value = tree.pointer(&from).cloned().ok_or_else(|| missing(&from))?;
            add(tree, &path, value).ok_or_else(|| missing(&path))
        }
        "move" => {
            let value = remove(tree, &from).ok_or_else(|| missing(&from))?;
            add(tree, &path, value).ok_or_else(|| missing(&path))
        }
        _ => Err(format!("Unexpected kind: {op}")),
    }
}

/// The parent of a path, and the last step.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(tree: &mut Value, path: &str, value: Value) -> Option<()> {
    let (parent, last) = split(path)?;
    match tree.pointer_mut(parent)? {
        Value::Object(map) => drop(map.insert(last, value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(tree: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match tree.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

pub(super) const SET: &[Flag] = &[
    switch("all", ' '),
    value("selector", 'l', "SELECTOR"),
    value("field-selector", ' ', "SELECTOR"),
    value("filename", 'f', "FILE"),
];

/// `kubectl set image TYPE NAME CONTAINER=IMAGE…`, `kubectl set selector TYPE NAME KEY=VALUE,…`
pub(super) fn set(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let Some((what, rest)) = words.split_first() else {
        call.io.out("Configure application resources.\n\n These commands help you make changes to existing application resources.\n\n");
        return Ok(0);
    };
    match what.as_str() {
        "image" => set_image(call, rest),
        "selector" => set_selector(call, rest),
        _ => {
            let known = ["env", "resources", "serviceaccount", "subject"].contains(&what.as_str());
            if !known {
                call.io.err(format!(
                    "error: unknown command {}\nSee 'kubectl set -h' for help and examples\n",
                    go_quote(what)
                ));
            }
            call.shell.say(
                call.io,
                "the lab's kubectl set has image and selector",
                "实验室的 kubectl set 支持 image 和 selector",
            );
            Ok(1)
        }
    }
}

fn set_image(call: &mut Call, words: &[String]) -> Result<i32, Fail> {
    let (pairs, resources): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.contains('='));
    let resources: Vec<String> = resources.into_iter().cloned().collect();
    if resources.is_empty() {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if pairs.is_empty() {
        return fail("at least one image update is required");
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().filter_map(|pair| pair.split_once('=')).collect();
    if pairs.len() > 1 && pairs.iter().any(|(name, _)| *name == "*") {
        return fail(
            "all containers are already specified by *, but saw more than one container_name=container_image pairs",
        );
    }
    let mut code = 0;
    for object in some(call, &resources, "set image")? {
        let mut tree = object.to_value();
        let at = if object.kind() == Kind::Pod { "/spec" } else { "/spec/template/spec" };
        let mut absent = Vec::new();
        for (name, image) in &pairs {
            let mut found = false;
            for list in ["containers", "initContainers"] {
                let containers = tree.pointer_mut(&format!("{at}/{list}")).and_then(Value::as_array_mut);
                let fits = |container: &&mut Value| *name == "*" || container["name"].as_str() == Some(*name);
                for container in containers.into_iter().flatten().filter(fits) {
                    container["image"] = (*image).into();
                    found = true;
                }
            }
            if !found {
                absent.push(format!("error: unable to find container named {}", go_quote(name)));
            }
        }
        if !absent.is_empty() {
            call.io.err(absent.join("\n") + "\n");
            code = 1;
            continue;
        }
        if put(call, &object, tree)? {
            call.io.out(format!("{} image updated\n", named(object.kind(), &object.meta.name)));
        }
    }
    Ok(code)
}

fn set_selector(call: &mut Call, words: &[String]) -> Result<i32, Fail> {
    let Some((last, resources)) = words.split_last().filter(|(last, rest)| last.contains('=') && !rest.is_empty())
    else {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    };
    let pairs: Map<String, Value> =
        last.split(',').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.into())).collect();
    for object in some(call, resources, "set selector")? {
        if object.kind() != Kind::Service {
            return fail(format!("setting a selector is only supported for Services, not {}", object.kind().name()));
        }
        let mut tree = object.to_value();
        tree["spec"]["selector"] = Value::Object(pairs.clone());
        put(call, &object, tree)?;
        call.io.out(format!("{} selector updated\n", named(object.kind(), &object.meta.name)));
    }
    Ok(0)
}

pub(super) const REPLACE: &[Flag] = &[value("filename", 'f', "FILE"), switch("force", ' ')];

/// `kubectl replace -f FILE`
pub(super) fn replace(call: &mut Call) -> Result<i32, Fail> {
    let files: Vec<String> = call.flags.all("filename").flat_map(|names| names.split(',')).map(String::from).collect();
    if files.is_empty() {
        return Err(Fail::Usage("must specify one of -f and -k".into()));
    }
    let mut code = 0;
    for source in super::apply::sources(call, &files)? {
        let parsed = manifest::parse(&source);
        if let Some(refusal) = parsed.refusals.first() {
            return fail(refusal.message.clone());
        }
        for manifest in parsed.manifests {
            let key = manifest.key(&call.namespace);
            let name = named(key.kind, &key.name);
            let mut object = manifest.object;
            object.meta.namespace = if key.kind.is_namespaced() { key.namespace.to_string() } else { String::new() };
            let doing = format!("error when replacing {}: ", go_quote(&source.name));
            let done = if call.flags.on("force") {
                let uid = call.shell.cluster.store().get(&key).map(|object| object.meta.uid.clone());
                if let Some(uid) = uid {
                    call.shell.cluster.delete(&key, Some(0))?;
                    call.io.out(format!("{} {} force deleted\n", key.kind.row().singular, go_quote(&key.name)));
                    super::delete::wait_until_gone(call, &[(key.clone(), uid)]);
                }
                call.shell.cluster.create(object).map(drop)
            } else {
                call.shell.cluster.update(object).map(drop)
            };
            match done {
                Ok(()) => call.io.out(format!("{name} replaced\n")),
                Err(status) => {
                    call.io.err(status.kubectl_doing(&doing));
                    code = 1;
                }
            }
        }
    }
    Ok(code)
}

/// `kubectl edit TYPE NAME`
pub(super) fn edit(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let objects = some(call, &words, "edit")?;
    if *call.shell.terminal.place() != Place::Laptop {
        return Ok(1);
    }
    for object in objects {
        let file = format!("{}-{}.yaml", object.kind().row().singular, object.meta.name);
        let mut tree = object.to_value();
        if let Some(map) = tree.as_object_mut() {
            map.remove("status");
        }
        call.shell.files.insert(file.clone(), manifest::to_yaml(&tree));
        call.shell.say(
            call.io,
            format!("{file} is open in the editor: change it there and apply it (kubectl apply -f {file})"),
            format!("{file} 已在编辑器中打开：改好后应用它（kubectl apply -f {file}）"),
        );
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_strategic_patch_merges_lists_by_their_keys() {
        let live = json!({"spec": {"ports": [{"port": 80, "nodePort": 30000}, {"port": 81}], "selector": {"a": "1"}}});
        let patch = json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 81, "$patch": "delete"}], "selector": {"a": null, "b": "2"}}});
        let expected =
            json!({"spec": {"ports": [{"port": 80, "nodePort": 30000, "targetPort": 8080}], "selector": {"b": "2"}}});
        assert_eq!(strategic("", &live, &patch), expected);
        assert_eq!(merged(&live, &json!({"spec": {"ports": [{"port": 1}]}}))["spec"]["ports"], json!([{"port": 1}]));
    }

    #[test]
    fn a_json_patch_goes_step_by_step() {
        let mut tree = json!({"spec": {"ports": [{"port": 80}], "a/b": 1}});
        for step in [
            json!({"op": "test", "path": "/spec/ports/0/port", "value": 80}),
            json!({"op": "replace", "path": "/spec/ports/0/port", "value": 90}),
            json!({"op": "add", "path": "/spec/ports/-", "value": {"port": 91}}),
            json!({"op": "move", "from": "/spec/a~1b", "path": "/spec/c"}),
        ] {
            step_of(&mut tree, &step).unwrap();
        }
        assert_eq!(tree, json!({"spec": {"ports": [{"port": 90}, {"port": 91}], "c": 1}}));
        assert!(step_of(&mut tree, &json!({"op": "remove", "path": "/spec/nothing"})).is_err());
    }
}
