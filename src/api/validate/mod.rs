//! Every broken rule, at its field path, in the server's words and order.
//!
//! After `pkg/apis/core/validation/validation.go`, `pkg/apis/apps/validation/validation.go`,
//! `pkg/apis/networking/validation/validation.go` and `k8s.io/apimachinery` `pkg/api/validation` and
//! `pkg/api/validate/content`, as of Kubernetes 1.37: values are printed as JSON, lengths are counted in bytes, a Service's name
//! may begin with a digit, addresses have no leading zeros. Left out: what is inside of
//! volumes, security contexts, affinity, spread constraints.

mod apps;
mod config;
mod container;
mod endpoints;
mod ingress;
mod lab;
mod meta;
mod node;
mod pod;
mod resources;
mod service;
mod words;

pub(super) use service::cluster_ips;
pub(super) use words::address;

use super::Cause;
use crate::object::{Body, Object};

/// The broken rules of a new object.
pub fn validate(object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    meta::object_meta(object, &mut causes);
    body(object, &mut causes);
    if let Body::Ingress(ingress) = &object.body {
        ingress::class_annotation(&object.meta, &ingress.spec, &mut causes);
    }
    causes
}

/// The broken rules of a change.
pub fn validate_update(old: &Object, new: &Object) -> Vec<Cause> {
    let object = new;
    let mut causes = Vec::new();
    meta::update(&old.meta, &new.meta, &mut causes);
    match (&old.body, &new.body) {
        (Body::Service(old), Body::Service(new)) => service::update(&old.spec, &new.spec, &mut causes),
        (Body::Pod(old), Body::Pod(new)) => {
            pod::update(&old.spec, &new.spec, &mut causes);
            return causes;
        }
        (Body::Deployment(old), Body::Deployment(new)) => {
            apps::deployment(&new.spec, &mut causes);
            apps::immutable_selector(&old.spec.selector, &new.spec.selector, &mut causes);
            return causes;
        }
        (Body::ReplicaSet(old), Body::ReplicaSet(new)) => {
            apps::replica_set(new, &mut causes);
            apps::immutable_selector(&old.spec.selector, &new.spec.selector, &mut causes);
            return causes;
        }
        (Body::StatefulSet(old), Body::StatefulSet(new)) => {
            apps::stateful_set(&new.spec, &mut causes);
            apps::stateful_set_update(&old.spec, &new.spec, &mut causes);
            return causes;
        }
        (Body::DaemonSet(old), Body::DaemonSet(new)) => {
            apps::daemon_set(&new.spec, &mut causes);
            apps::immutable_selector(&old.spec.selector, &new.spec.selector, &mut causes);
            return causes;
        }
        (Body::Endpoints(old), Body::Endpoints(new)) => {
            endpoints::endpoints(new, Some(old), &mut causes);
            return causes;
        }
        (Body::EndpointSlice(old), Body::EndpointSlice(new)) => {
            meta::object_meta(object, &mut causes);
            endpoints::slice(new, &mut causes);
            endpoints::slice_update(old, new, &mut causes);
            return causes;
        }
        (Body::IngressClass(old), Body::IngressClass(new)) => ingress::class_update(&old.spec, &new.spec, &mut causes),
        (Body::Secret(old), Body::Secret(new)) => config::secret_update(old, new, &mut causes),
        (Body::ConfigMap(old), Body::ConfigMap(new)) => config::config_map_update(old, new, &mut causes),
        _ => {}
    }
    if !matches!(new.body, Body::Namespace(_) | Body::Node(_)) {
        meta::object_meta(new, &mut causes);
    }
    body(new, &mut causes);
    causes
}

fn body(object: &Object, causes: &mut Vec<Cause>) {
    match &object.body {
        Body::Service(service) => service::service(&object.meta, &service.spec, causes),
        Body::Pod(pod) => pod::pod_spec("spec", &pod.spec, pod::Of::Pod, causes),
        Body::Deployment(deployment) => apps::deployment(&deployment.spec, causes),
        Body::ReplicaSet(set) => apps::replica_set(set, causes),
        Body::Ingress(ingress) => ingress::ingress(&ingress.spec, causes),
        Body::IngressClass(class) => ingress::class(&class.spec, causes),
        Body::Secret(secret) => config::secret(&object.meta, secret, causes),
        Body::ConfigMap(map) => config::config_map(map, causes),
        Body::Lab(lab) => lab::lab(lab, causes),
        Body::StatefulSet(set) => apps::stateful_set(&set.spec, causes),
        Body::DaemonSet(set) => apps::daemon_set(&set.spec, causes),
        Body::Endpoints(endpoints) => endpoints::endpoints(endpoints, None, causes),
        Body::EndpointSlice(slice) => endpoints::slice(slice, causes),
        Body::Node(node) => node::node(&node.spec, causes),
        Body::Namespace(_) | Body::ControllerRevision(_) | Body::Event(_) | Body::ValidatingWebhookConfiguration(_) => {
        }
    }
}
