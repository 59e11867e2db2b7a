//! Where a value came from, so that a reason can lead back to the line that a person wrote.
//!
//! The server keeps no record of this; we read it off the objects: what kubectl applied last is written, what a controller owns
//! is computed from its owner, what the allocators fill in is allocated, and the rest is a default.

use serde_json::Value;

use super::{LAST_APPLIED, Store};
use crate::object::{EndpointSlice, Endpoints, FieldRef, IntOrString, Kind, Meta, Object, Ref, Service, TargetRef};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody wrote it, in this object.
    Written,
    /// Nobody wrote it: the server filled in the value that everybody gets.
    Defaulted,
    /// Nobody wrote it: the server picked a free one.
    Allocated,
    /// A controller or the kubelet made it, from other facts, the one to blame first; none if it is the cluster's own.
    Computed(Vec<FieldRef>),
}

/// Where the value of a field came from; none if there is no such object.
pub fn origin(store: &Store, at: &FieldRef) -> Option<Origin> {
    let object = store.get(&at.object)?;
    if let Some(from) = computed(store, object, &at.path) {
        return Some(Origin::Computed(from));
    }
    let applied = object.meta.annotations.get(LAST_APPLIED).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let written = match &applied {
        Some(tree) => stands_in(tree, &at.path),
        // Made by `kubectl create`, `run` or `expose`: what is not the server's own was in the command.
        None => !is_allocatable(&at.path),
    };
    Some(match (written, is_allocatable(&at.path)) {
        (true, _) => Origin::Written,
        (false, true) => Origin::Allocated,
        (false, false) => Origin::Defaulted,
    })
}

/// The written fact behind a field: origins followed to the first that somebody wrote, or as far as they lead.
pub fn source(store: &Store, at: &FieldRef) -> (FieldRef, Option<Origin>) {
    let mut at = at.clone();
    // A pod's owner's owner is as far as it goes; the bound is against owners that own each other.
    for _ in 0..8 {
        match origin(store, &at) {
            Some(Origin::Computed(from)) if !from.is_empty() => at = from[0].clone(),
            other => return (at, other),
        }
    }
    (at, None)
}

fn is_allocatable(path: &str) -> bool {
    path == "spec.clusterIP"
        || path.starts_with("spec.clusterIPs")
        || path == "spec.healthCheckNodePort"
        || (path.starts_with("spec.ports[") && path.ends_with("].nodePort"))
}

/// The facts that a controller made this one from; none if no controller made it.
fn computed(store: &Store, object: &Object, path: &str) -> Option<Vec<FieldRef>> {
    let meta = &object.meta;
    if let Some(slice) = object.body::<EndpointSlice>() {
        let target = index(path, "endpoints").and_then(|i| slice.endpoints.get(i)?.target_ref.as_ref());
        let name = index(path, "ports").and_then(|i| slice.ports.get(i)).map(|port| port.name.as_str());
        return Some(behind_endpoints(store, meta, target, name));
    }
    if let Some(endpoints) = object.body::<Endpoints>() {
        let subset = index(path, "subsets").and_then(|i| endpoints.subsets.get(i));
        let rest = path.split_once("].").map_or("", |(_, rest)| rest);
        let target = subset.and_then(|s| {
            let ready = index(rest, "addresses").and_then(|i| s.addresses.get(i));
            ready.or(index(rest, "notReadyAddresses").and_then(|i| s.not_ready_addresses.get(i)))?.target_ref.as_ref()
        });
        let name = subset.and_then(|s| Some(s.ports.get(index(rest, "ports")?)?.name.as_str()));
        return Some(behind_endpoints(store, meta, target, name));
    }
    if let Some(owner) = meta.controller() {
        // An owner that is gone, while what it made is still ending, leads nowhere; nor does one that has changed since.
        let from = Kind::from_api(&owner.api_version, &owner.kind)
            .and_then(|kind| store.get(&Ref::new(kind, meta.namespace.as_str(), owner.name.as_str())))
            .map(|owner| (owner, template_path(object.kind(), path)))
            .filter(|(owner, path)| stands_in(&owner.to_value(), path))
            .map(|(owner, path)| FieldRef::new(owner.key(), path));
        return Some(from.into_iter().collect());
    }
    (path.starts_with("status") || object.kind() == Kind::Node).then(Vec::new)
}

/// The field of the owner that a field of the owned is made from.
fn template_path(kind: Kind, path: &str) -> String {
    match kind {
        Kind::Pod if path.starts_with("spec") || path.starts_with("metadata.labels") => format!("spec.template.{path}"),
        Kind::ReplicaSet if path.starts_with("metadata.labels") => format!("spec.template.{path}"),
        Kind::ReplicaSet if path.starts_with("spec") => path.to_owned(),
        Kind::Pod | Kind::ReplicaSet => "spec.template".to_owned(),
        _ => "spec".to_owned(),
    }
}

/// A Service's selector or target port, and the pod that was selected.
fn behind_endpoints(store: &Store, meta: &Meta, target: Option<&TargetRef>, port: Option<&str>) -> Vec<FieldRef> {
    let name = meta.labels.get("kubernetes.io/service-name").unwrap_or(&meta.name);
    let key = Ref::new(Kind::Service, meta.namespace.as_str(), name.as_str());
    let Some((_, service)) = store.read::<Service>(&key) else { return Vec::new() };
    if let Some(name) = port
        && let Some(i) = service.spec.ports.iter().position(|p| p.name == *name)
    {
        let target = service.spec.ports[i].target_port.as_ref();
        let copied = target.is_none_or(|t| *t == IntOrString::Int(service.spec.ports[i].port));
        let written = FieldRef::new(key.clone(), format!("spec.ports[{i}].targetPort"));
        let plain = FieldRef::new(key, format!("spec.ports[{i}].port"));
        // A target that nobody wrote is the port's copy.
        return if copied && origin(store, &written) != Some(Origin::Written) {
            vec![plain]
        } else {
            vec![written, plain]
        };
    }
    if service.spec.selector.is_empty() {
        return Vec::new();
    }
    let mut from = vec![FieldRef::new(key, "spec.selector")];
    if let Some(target) = target.filter(|target| target.kind == "Pod") {
        let pod = Ref::new(Kind::Pod, target.namespace.as_str(), target.name.as_str());
        from.push(FieldRef::new(pod, "metadata.labels"));
    }
    from
}

/// The index in `NAME[INDEX]…`.
fn index(path: &str, name: &str) -> Option<usize> {
    path.strip_prefix(name)?.strip_prefix('[')?.split(']').next()?.parse().ok()
}

/// Whether a field stands in a tree.
fn stands_in(tree: &Value, path: &str) -> bool {
    let (mut at, mut rest) = (tree, path);
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix('[') {
            Some(inside) => match inside.split_once(']') {
                Some((part, after)) => (part, after.strip_prefix('.').unwrap_or(after)),
                None => return false,
            },
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                (&rest[..end], rest[end..].strip_prefix('.').unwrap_or(&rest[end..]))
            }
        };
        let next = match at {
            Value::Array(list) => part.parse::<usize>().ok().and_then(|i| list.get(i)),
            _ => at.get(part),
        };
        match next {
            Some(next) => (at, rest) = (next, after),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Api;
    use crate::object::{Namespace, OwnerReference, Pod, ReplicaSet};
    use crate::rng::Rng;
    use crate::time::Instant;

    fn api() -> Api {
        let mut api = Api::new("10.96.0.0/12".parse().unwrap(), &Rng::new(1));
        api.create(Object::new("", "default", Namespace::default()), Instant::ZERO).unwrap();
        let tree = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"a.b/app": "web"}, "ports": [{"port": 80}]}
        });
        let object = Object::from_value(Kind::Service, tree.clone()).unwrap();
        api.apply(&object, &tree, "default", Instant::ZERO).unwrap();
        api
    }

    #[test]
    fn a_value_is_written_allocated_or_a_default() {
        let api = api();
        for (path, expected) in [
            ("spec.selector[a.b/app]", Origin::Written),
            ("spec.ports[0].port", Origin::Written),
            ("spec.clusterIP", Origin::Allocated),
            ("spec.ports[0].targetPort", Origin::Defaulted),
            ("spec.type", Origin::Defaulted),
            ("status.loadBalancer", Origin::Computed(Vec::new())),
        ] {
            let at = FieldRef::new(Ref::new(Kind::Service, "default", "web"), path);
            assert_eq!(origin(api.store(), &at), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_a_controller_made_leads_back_to_what_was_written() {
        let mut api = api();
        let mut slice = EndpointSlice::default();
        slice.ports.push(crate::object::EndpointPort { port: Some(80), ..Default::default() });
        let mut object = Object::new("default", "web-abcde", slice);
        object.meta.labels.insert("kubernetes.io/service-name".into(), "web".into());
        let slice = api.create_trusted(object, Instant::ZERO).unwrap().key();
        let (at, origin) = source(api.store(), &FieldRef::new(slice, "ports[0].port"));
        assert_eq!((&*at.path, origin), ("spec.ports[0].port", Some(Origin::Written)));

        let mut set = ReplicaSet::default();
        set.spec.template.metadata.labels.insert("app".into(), "web".into());
        let set = api.create_trusted(Object::new("default", "set", set), Instant::ZERO).unwrap();
        let mut pod = Object::new("default", "p", Pod::default());
        pod.meta.owner_references = vec![OwnerReference {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            name: "set".into(),
            uid: set.meta.uid.clone(),
            controller: true,
            ..Default::default()
        }];
        let pod = api.create_trusted(pod, Instant::ZERO).unwrap().key();
        let label = FieldRef::new(pod.clone(), "metadata.labels[app]");
        let (at, origin) = source(api.store(), &label);
        assert_eq!((&*at.path, origin), ("spec.template.metadata.labels[app]", Some(Origin::Written)));
        // While a pod is ending its owner may be gone: what the pod says is all there is.
        api.remove(&set.key());
        assert_eq!(source(api.store(), &label), (label, Some(Origin::Computed(Vec::new()))));
    }
}
