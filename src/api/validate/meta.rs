//! Metadata: `ValidateObjectMeta` and `ValidateObjectMetaUpdate`.

use super::words;
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{Body, Labels, Meta, Object};

/// The rules of new metadata.
pub(super) fn object_meta(object: &Object, causes: &mut Vec<Cause>) {
    let meta = &object.meta;
    let name = |name: &str| match &object.body {
        Body::Service(_) | Body::Namespace(_) | Body::StatefulSet(_) => words::dns_label(name),
        _ => words::dns_subdomain(name),
    };
    if !meta.generate_name.is_empty() {
        // A trailing dash is well in the start of a name.
        let start = meta.generate_name.strip_suffix('-').map(|s| format!("{s}a"));
        for message in name(start.as_deref().unwrap_or(&meta.generate_name)) {
            causes.push(Cause::invalid("metadata.generateName", quoted(&meta.generate_name), message));
        }
    }
    if meta.name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    }
    for message in if meta.name.is_empty() { Vec::new() } else { name(&meta.name) } {
        causes.push(Cause::invalid("metadata.name", quoted(&meta.name), message));
    }
    if object.kind().is_namespaced() {
        if meta.namespace.is_empty() {
            causes.push(Cause::required("metadata.namespace", ""));
        }
        for message in if meta.namespace.is_empty() { Vec::new() } else { words::dns_label(&meta.namespace) } {
            causes.push(Cause::invalid("metadata.namespace", quoted(&meta.namespace), message));
        }
    } else if !meta.namespace.is_empty() {
        causes.push(Cause::forbidden("metadata.namespace", "not allowed on this type"));
    }
    common(meta, causes);
}

fn common(meta: &Meta, causes: &mut Vec<Cause>) {
    labels("metadata.labels", &meta.labels, causes);
    annotations("metadata.annotations", &meta.annotations, causes);
    for owner in &meta.owner_references {
        for (field, value) in [("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)] {
            // Our own system pods belong to objects of kinds that the lab does not serve, and never come here.
            if value.is_empty() {
                causes.push(Cause::invalid(format!("metadata.ownerReferences.{field}"), "\"\"", "must not be empty"));
            }
        }
    }
    for finalizer in &meta.finalizers {
        for message in words::label_key(finalizer) {
            causes.push(Cause::invalid("metadata.finalizers", quoted(finalizer), message));
        }
    }
}

/// The rules of a change of metadata.
pub(super) fn update(old: &Meta, new: &Meta, causes: &mut Vec<Cause>) {
    if old.deletion_timestamp.is_some() && new.finalizers.iter().any(|f| !old.finalizers.contains(f)) {
        let extra: Vec<String> =
            new.finalizers.iter().filter(|f| !old.finalizers.contains(f)).map(|f| quoted(f)).collect();
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            extra.join(", ")
        );
        causes.push(Cause::forbidden("metadata.finalizers", detail));
    }
    common(new, causes);
}

/// `ValidateLabels`
pub(super) fn labels(path: &str, labels: &Labels, causes: &mut Vec<Cause>) {
    for (key, value) in labels {
        for message in words::label_key(key) {
            causes.push(Cause::invalid(path, quoted(key), message));
        }
        for message in words::label_value(value) {
            causes.push(Cause::invalid(path, quoted(value), message));
        }
    }
}

/// `ValidateAnnotations`
pub(super) fn annotations(path: &str, annotations: &Labels, causes: &mut Vec<Cause>) {
    for key in annotations.keys() {
        for message in words::label_key(&key.to_lowercase()) {
            causes.push(Cause::invalid(path, quoted(key), message));
        }
    }
    let size: usize = annotations.iter().map(|(k, v)| k.len() + v.len()).sum();
    if size > 256 * 1024 {
        causes.push(Cause::too_long(path, 256 * 1024));
    }
}
