//! The three-way merge of `kubectl apply`: what was applied before, what is applied now, and what lives.
//!
//! After `k8s.io/apimachinery` `pkg/util/strategicpatch/patch.go` `CreateThreeWayMergePatch`, patch and merge in one step:
//! what is applied now wins, what was applied before and is no longer goes, and what others have set stays. Lists of the kinds
//! we serve merge by the keys that `k8s.io/api` gives them (`patchMergeKey`); other lists are replaced whole.

use serde_json::{Map, Value};

/// The annotation in which kubectl keeps what was applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What kubectl keeps in the annotation for a manifest: the tree without the annotation itself, and a newline.
pub(super) fn configuration(tree: &Value, namespace: Option<&str>) -> String {
    let mut tree = tree.clone();
    if let Some(map) = tree.as_object_mut() {
        let meta = map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(meta) = meta {
            let annotations = meta.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
            match annotations {
                Value::Object(annotations) => drop(annotations.remove(LAST_APPLIED)),
                other => *other = Value::Object(Map::new()),
            }
            if let Some(namespace) = namespace {
                meta.insert("namespace".into(), namespace.into());
            }
        }
    }
    format!("{tree}\n")
}

/// `live` after the change from `original` to `modified` is carried over to it.
pub(super) fn merge(original: &Value, modified: &Value, live: &Value) -> Value {
    maps("", original, modified, live)
}

fn maps(at: &str, original: &Value, modified: &Value, live: &Value) -> Value {
    let (Value::Object(new), Value::Object(was)) = (modified, live) else { return modified.clone() };
    let mut merged = was.clone();
    for key in original.as_object().into_iter().flat_map(Map::keys).filter(|key| !new.contains_key(*key)) {
        merged.remove(key);
    }
    for (key, value) in new {
        if value.is_null() {
            merged.remove(key);
            continue;
        }
        let before = original.get(key).unwrap_or(&Value::Null);
        let value = match was.get(key) {
            Some(live) => field(at, key, before, value, live),
            None => value.clone(),
        };
        merged.insert(key.clone(), value);
    }
    Value::Object(merged)
}

fn field(at: &str, key: &str, original: &Value, modified: &Value, live: &Value) -> Value {
    match (modified, live) {
        // These maps are replaced whole: they are atomic (`x-kubernetes-map-type`) or a union.
        (Value::Object(_), Value::Object(_)) => maps(key, original, modified, live),
        (Value::Array(new), Value::Array(was)) => match merge_key(at, key) {
            Some(name) => lists(key, name, original.as_array().map_or(&[], Vec::as_slice), new, was),
            None => modified.clone(),
        },
        _ => modified.clone(),
    }
}

/// The merge key of the list `key` in the map `at`; none if the list is replaced whole.
pub fn merge_key(at: &str, key: &str) -> Option<&'static str> {
    Some(match (at, key) {
        ("containers" | "initContainers" | "ephemeralContainers", "ports") => "containerPort",
        ("containers" | "initContainers" | "ephemeralContainers", "env") => "name",
        ("containers" | "initContainers" | "ephemeralContainers", "volumeMounts") => "mountPath",
        ("containers" | "initContainers" | "ephemeralContainers", "volumeDevices") => "devicePath",
        ("spec", "ports") => "port",
        ("spec", "containers" | "initContainers" | "ephemeralContainers") => "name",
        ("spec", "volumes" | "imagePullSecrets") => "name",
        ("spec", "hostAliases") => "ip",
        ("spec", "topologySpreadConstraints") => "topologyKey",
        ("metadata", "ownerReferences") => "uid",
        ("status", "conditions" | "addresses") => "type",
        _ => return None,
    })
}

/// Items of both by their keys, in the order of what is applied now; items that only live has come after.
fn lists(at: &str, name: &str, original: &[Value], modified: &[Value], live: &[Value]) -> Value {
    fn find<'a>(list: &'a [Value], name: &str, id: Option<&Value>) -> Option<&'a Value> {
        list.iter().find(|item| id.is_some() && item.get(name) == id)
    }
    let mut merged: Vec<Value> = Vec::new();
    let mut used: Vec<usize> = Vec::new();
    for item in modified {
        let id = item.get(name);
        // Of two items with one key (a Service's TCP and UDP 53) each takes the next that lives.
        let at_live = (0..live.len()).find(|i| id.is_some() && !used.contains(i) && live[*i].get(name) == id);
        merged.push(match at_live {
            Some(i) => {
                used.push(i);
                maps(at, find(original, name, id).unwrap_or(&Value::Null), item, &live[i])
            }
            None => item.clone(),
        });
    }
    for (i, item) in live.iter().enumerate() {
        if !used.contains(&i) && find(original, name, item.get(name)).is_none() {
            merged.push(item.clone());
        }
    }
    Value::Array(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_others_set_stays_and_what_was_applied_goes() {
        let original = json!({"spec": {"selector": {"a": "1", "b": "2"}, "replicas": 3}});
        let modified = json!({"spec": {"selector": {"a": "9"}}});
        let live = json!({"spec": {"selector": {"a": "1", "b": "2"}, "replicas": 5, "paused": true}, "status": {}});
        let expected = json!({"spec": {"selector": {"a": "9"}, "paused": true}, "status": {}});
        assert_eq!(merge(&original, &modified, &live), expected);
    }

    #[test]
    fn service_ports_merge_by_port() {
        let port = |port: i32, target: i32| json!({"port": port, "targetPort": target});
        let live = json!({"spec": {"ports": [{"port": 80, "targetPort": 1, "nodePort": 30001}, {"port": 81, "targetPort": 2}]}});
        let original = json!({"spec": {"ports": [port(80, 1), port(81, 2)]}});
        let modified = json!({"spec": {"ports": [port(90, 3), port(80, 7)]}});
        let expected = json!({"spec": {"ports": [port(90, 3), {"port": 80, "targetPort": 7, "nodePort": 30001}]}});
        assert_eq!(merge(&original, &modified, &live), expected);
    }

    #[test]
    fn the_annotation_holds_the_sorted_tree() {
        let tree = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a"}});
        let expected = "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"annotations\":{},\"name\":\"a\",\"namespace\":\"default\"}}\n";
        assert_eq!(configuration(&tree, Some("default")), expected);
    }
}
