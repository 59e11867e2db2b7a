//! Ingress and IngressClass: `pkg/apis/networking/validation/validation.go`.

use serde_json::Value;

use super::{service, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{
    HttpIngressPath, IngressBackend, IngressClassSpec, IngressRule, IngressSpec, IngressTls, IntOrString, Meta,
};

fn invalid(path: &str, value: &str, messages: Vec<String>, causes: &mut Vec<Cause>) {
    causes.extend(messages.into_iter().map(|message| Cause::invalid(path, quoted(value), message)));
}

/// The rules of an Ingress's spec.
pub(super) fn ingress(spec: &IngressSpec, causes: &mut Vec<Cause>) {
    if spec.rules.is_empty() && spec.default_backend.is_none() {
        causes.push(Cause::invalid("spec", "null", "either `defaultBackend` or `rules` must be specified"));
    }
    if let Some(of) = &spec.default_backend {
        backend("spec.defaultBackend", of, causes);
    }
    for (i, one) in spec.rules.iter().enumerate() {
        rule(&format!("spec.rules[{i}]"), one, causes);
    }
    for (i, one) in spec.tls.iter().enumerate() {
        tls(&format!("spec.tls[{i}]"), one, causes);
    }
    if let Some(class) = &spec.ingress_class_name {
        invalid("spec.ingressClassName", class, words::dns_subdomain(class), causes);
    }
}

/// The older way to name a class must not differ from the newer one, when an Ingress is created.
pub(super) fn class_annotation(meta: &Meta, spec: &IngressSpec, causes: &mut Vec<Cause>) {
    if let (Some(older), Some(newer)) = (meta.annotations.get("kubernetes.io/ingress.class"), &spec.ingress_class_name)
        && older != newer
    {
        let detail = "must match `ingressClassName` when both are specified";
        causes.push(Cause::invalid("annotations.kubernetes.io/ingress.class", quoted(older), detail));
    }
}

fn host(path: &str, host: &str, causes: &mut Vec<Cause>) {
    let messages = if host.contains('*') { words::wildcard(host) } else { words::dns_subdomain(host) };
    invalid(path, host, messages, causes);
}

fn rule(path: &str, rule: &IngressRule, causes: &mut Vec<Cause>) {
    if !rule.host.is_empty() {
        let at = format!("{path}.host");
        if words::address(&rule.host).is_some() {
            causes.push(Cause::invalid(&at, quoted(&rule.host), "must be a DNS name, not an IP address"));
        }
        host(&at, &rule.host, causes);
    }
    let Some(http) = &rule.http else { return };
    if http.paths.is_empty() {
        causes.push(Cause::required(format!("{path}.http.paths"), ""));
    }
    for (i, one) in http.paths.iter().enumerate() {
        http_path(&format!("{path}.http.paths[{i}]"), one, causes);
    }
}

fn http_path(at: &str, path: &HttpIngressPath, causes: &mut Vec<Cause>) {
    let Some(kind) = &path.path_type else {
        causes.push(Cause::required(format!("{at}.pathType"), "pathType must be specified"));
        return;
    };
    let text = path.path.as_str();
    let mut wrong = |detail: &str| causes.push(Cause::invalid(format!("{at}.path"), quoted(text), detail));
    match kind.as_str() {
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                wrong("must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|part| text.contains(**part)) {
                wrong(&format!("must not contain '{part}'"));
            }
            for end in ["/..", "/."].iter().filter(|end| text.ends_with(**end)) {
                wrong(&format!("cannot end with '{end}'"));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                wrong("must be an absolute path");
            }
        }
        other => {
            let supported = ["Exact", "ImplementationSpecific", "Prefix"];
            causes.push(Cause::not_supported(format!("{at}.pathType"), other, &supported));
        }
    }
    backend(&format!("{at}.backend"), &path.backend, causes);
}

fn backend(at: &str, backend: &IngressBackend, causes: &mut Vec<Cause>) {
    let service = match (&backend.resource, &backend.service) {
        (Some(_), Some(_)) => {
            causes.push(Cause::invalid(at, "\"\"", "cannot set both resource and service backends"));
            return;
        }
        (Some(resource), None) => return reference(&format!("{at}.resource"), resource, causes),
        (None, None) => {
            causes.push(Cause::invalid(at, "\"\"", "resource or service backend is required"));
            return;
        }
        (None, Some(service)) => service,
    };
    let name = format!("{at}.service.name");
    if service.name.is_empty() {
        causes.push(Cause::required(name, ""));
    } else {
        invalid(&name, &service.name, words::dns_label(&service.name), causes);
    }
    match (service.port.name.as_str(), service.port.number) {
        ("", 0) => causes.push(Cause::required(at, "port name or number is required")),
        ("", number) => {
            service::number_or_name(&format!("{at}.service.port.number"), &IntOrString::Int(number), causes);
        }
        (name, 0) => {
            service::number_or_name(&format!("{at}.service.port.name"), &IntOrString::String(name.into()), causes);
        }
        _ => causes.push(Cause::invalid(at, "\"\"", "cannot set both port name & port number")),
    }
}

fn tls(path: &str, tls: &IngressTls, causes: &mut Vec<Cause>) {
    for (i, name) in tls.hosts.iter().enumerate() {
        host(&format!("{path}.hosts[{i}]"), name, causes);
    }
    if !tls.secret_name.is_empty() {
        invalid(&format!("{path}.secretName"), &tls.secret_name, words::dns_subdomain(&tls.secret_name), causes);
    }
}

/// `validateIngressTypedLocalObjectReference`
fn reference(at: &str, reference: &Value, causes: &mut Vec<Cause>) {
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    if let Some(group) = text("apiGroup") {
        invalid(&format!("{at}.apiGroup"), group, words::dns_subdomain(group), causes);
    }
    for key in ["kind", "name"] {
        match text(key).unwrap_or_default() {
            "" => causes.push(Cause::required(format!("{at}.{key}"), "")),
            value => invalid(&format!("{at}.{key}"), value, words::path_segment(value), causes),
        }
    }
}

/// The rules of an IngressClass's spec.
pub(super) fn class(spec: &IngressClassSpec, causes: &mut Vec<Cause>) {
    let at = "spec.controller";
    if spec.controller.is_empty() {
        causes.push(Cause::required(at, ""));
    } else {
        if spec.controller.len() > 250 {
            causes.push(Cause::too_long(at, 250));
        }
        for (value, message) in words::domain_path(&spec.controller) {
            causes.push(Cause::invalid(at, quoted(value), message));
        }
    }
    let Some(parameters) = &spec.parameters else { return };
    reference("spec.parameters", parameters, causes);
    let text = |key: &str| parameters.get(key).and_then(Value::as_str);
    let at = "spec.parameters.namespace";
    match (text("scope").unwrap_or_default(), text("namespace")) {
        ("Namespace", None) => causes.push(Cause::required(at, "`parameters.scope` is set to 'Namespace'")),
        ("Namespace", Some(namespace)) => invalid(at, namespace, words::dns_label(namespace), causes),
        ("Cluster", Some(_)) => causes.push(Cause::forbidden(at, "`parameters.scope` is set to 'Cluster'")),
        ("Cluster", None) => {}
        (other, _) => causes.push(Cause::not_supported("spec.parameters.scope", other, &["Cluster", "Namespace"])),
    }
}

/// What may not change of an IngressClass.
pub(super) fn class_update(old: &IngressClassSpec, new: &IngressClassSpec, causes: &mut Vec<Cause>) {
    if old.controller != new.controller {
        causes.push(Cause::invalid("spec.controller", quoted(&new.controller), "field is immutable"));
    }
}
