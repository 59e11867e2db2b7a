//! From a pod's field to the field that a person wrote: a pod of a Deployment, a StatefulSet or a DaemonSet has its fields from the
//! template.

use std::sync::Arc;

use crate::api::Store;
use crate::object::{Body, FieldRef, Kind, Meta, Object, PodSpec, Ref};

/// The field behind `spec.PATH` of a pod: of the template of the set that made it, or its own.
///
/// Owners that are gone, while their pods are still ending, are no place to look at; nor is a template that has changed since
/// and does not have the field, as `has` tells.
pub(super) fn pod_field(store: &Store, pod: &Meta, path: &str, has: impl Fn(&PodSpec) -> bool) -> FieldRef {
    let owner = |meta: &Meta, kinds: &[Kind]| {
        let owner = meta.controller()?;
        let kind = kinds.iter().find(|kind| owner.kind == kind.name())?;
        store.get(&Ref::new(*kind, pod.namespace.as_str(), owner.name.as_str()))
    };
    let set = owner(pod, &[Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet]);
    let deployment = set.and_then(|set| owner(&set.meta, &[Kind::Deployment]));
    let template = |object: &&Arc<Object>| {
        let template = match &object.body {
            Body::Deployment(body) => &body.spec.template,
            Body::ReplicaSet(body) => &body.spec.template,
            Body::StatefulSet(body) => &body.spec.template,
            Body::DaemonSet(body) => &body.spec.template,
            _ => return false,
        };
        has(&template.spec)
    };
    match deployment.into_iter().chain(set).find(template) {
        Some(owner) => FieldRef::new(owner.key(), format!("spec.template.spec.{path}")),
        None => FieldRef::new(Ref::new(Kind::Pod, pod.namespace.as_str(), pod.name.as_str()), format!("spec.{path}")),
    }
}
