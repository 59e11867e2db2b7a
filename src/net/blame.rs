//! From a pod's field to the field that a person wrote: a pod of a Deployment has its fields from the template.

use crate::api::Store;
use crate::object::{FieldRef, Kind, Meta, Ref};

/// The field behind `spec.PATH` of a pod: its Deployment's or ReplicaSet's template where it has one, or its own.
pub(super) fn pod_field(store: &Store, pod: &Meta, path: &str) -> FieldRef {
    let namespace = pod.namespace.as_str();
    let template = |object: Ref| FieldRef::new(object, format!("spec.template.spec.{path}"));
    let set = pod.controller().filter(|owner| owner.kind == Kind::ReplicaSet.name());
    let Some(set) = set.map(|owner| Ref::new(Kind::ReplicaSet, namespace, owner.name.as_str())) else {
        return FieldRef::new(Ref::new(Kind::Pod, namespace, pod.name.as_str()), format!("spec.{path}"));
    };
    let owner = store.get(&set).and_then(|object| object.meta.controller().cloned());
    match owner.filter(|owner| owner.kind == Kind::Deployment.name()) {
        Some(owner) => template(Ref::new(Kind::Deployment, namespace, owner.name)),
        None => template(set),
    }
}
