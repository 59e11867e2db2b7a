//! From a pod's field to the field that a person wrote: a pod of a Deployment has its fields from the template.

use std::sync::Arc;

use crate::api::Store;
use crate::object::{Deployment, FieldRef, Kind, Meta, Object, PodSpec, Ref, ReplicaSet};

/// The field behind `spec.PATH` of a pod: of its Deployment's or ReplicaSet's template, or its own.
///
/// Owners that are gone, while their pods are still ending, are no place to look at; nor is a template that has changed since
/// and does not have the field, as `has` tells.
pub(super) fn pod_field(store: &Store, pod: &Meta, path: &str, has: impl Fn(&PodSpec) -> bool) -> FieldRef {
    let owner = |meta: &Meta, kind: Kind| {
        let owner = meta.controller().filter(|owner| owner.kind == kind.name())?;
        store.get(&Ref::new(kind, pod.namespace.as_str(), owner.name.as_str()))
    };
    let set = owner(pod, Kind::ReplicaSet);
    let deployment = set.and_then(|set| owner(&set.meta, Kind::Deployment));
    let template = |object: &&Arc<Object>| {
        let deployment = object.body::<Deployment>().map(|body| &body.spec.template);
        deployment.or(object.body::<ReplicaSet>().map(|body| &body.spec.template)).is_some_and(|t| has(&t.spec))
    };
    match deployment.into_iter().chain(set).find(template) {
        Some(owner) => FieldRef::new(owner.key(), format!("spec.template.spec.{path}")),
        None => FieldRef::new(Ref::new(Kind::Pod, pod.namespace.as_str(), pod.name.as_str()), format!("spec.{path}")),
    }
}
