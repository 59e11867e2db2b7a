//! Pods and the templates of pods: `ValidatePodSpec`, `ValidatePodUpdate`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{meta, service, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{Container, PodSpec, PodTemplate, Probe};

/// Whether a spec is a pod's own or a template's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Pod,
    Template,
}

/// The rules of a template, at its path.
pub(super) fn template(path: &str, template: &PodTemplate, causes: &mut Vec<Cause>) {
    meta::labels(&format!("{path}.labels"), &template.metadata.labels, causes);
    meta::annotations(&format!("{path}.annotations"), &template.metadata.annotations, causes);
    pod_spec(&format!("{path}.spec"), &template.spec, Of::Template, causes);
}

/// The rules of a pod's spec.
pub(super) fn pod_spec(path: &str, spec: &PodSpec, of: Of, causes: &mut Vec<Cause>) {
    containers(path, spec, causes);
    if !["Always", "OnFailure", "Never"].contains(&spec.restart_policy.as_str()) {
        let field = format!("{path}.restartPolicy");
        causes.push(Cause::not_supported(field, &spec.restart_policy, &["Always", "OnFailure", "Never"]));
    }
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    if !policies.contains(&spec.dns_policy.as_str()) {
        causes.push(Cause::not_supported(format!("{path}.dnsPolicy"), &spec.dns_policy, &policies));
    }
    meta::labels(&format!("{path}.nodeSelector"), &spec.node_selector, causes);
    if spec.host_network {
        for (i, container) in spec.containers.iter().enumerate() {
            for (j, port) in container.ports.iter().enumerate() {
                let host = port.host_port.unwrap_or(0);
                if (of == Of::Pod || host != 0) && host != port.container_port {
                    let detail = "must match `containerPort` when `hostNetwork` is true";
                    let field = format!("{path}.containers[{i}].ports[{j}].hostPort");
                    causes.push(Cause::invalid(field, host, detail));
                }
            }
        }
    }
    for (field, value) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        for message in if value.is_empty() { Vec::new() } else { words::dns_label(value) } {
            causes.push(Cause::invalid(format!("{path}.{field}"), quoted(value), message));
        }
    }
    if spec.termination_grace_period_seconds.is_some_and(|s| s < 0) {
        let seconds = spec.termination_grace_period_seconds.unwrap_or(0);
        let field = format!("{path}.terminationGracePeriodSeconds");
        causes.push(Cause::invalid(field, seconds, "must be greater than or equal to 0"));
    }
}

fn containers(path: &str, spec: &PodSpec, causes: &mut Vec<Cause>) {
    let path = format!("{path}.containers");
    if spec.containers.is_empty() {
        causes.push(Cause::required(path, ""));
        return;
    }
    let mut names = BTreeSet::new();
    for (i, one) in spec.containers.iter().enumerate() {
        let at = format!("{path}[{i}]");
        container(&at, one, causes);
        if !names.insert(&one.name) {
            causes.push(Cause::duplicate(format!("{at}.name"), quoted(&one.name)));
        }
        if let Some(probe) = &one.liveness_probe {
            self::probe(&format!("{at}.livenessProbe"), probe, OnlyOnce::Yes, causes);
        }
        if let Some(probe) = &one.readiness_probe {
            self::probe(&format!("{at}.readinessProbe"), probe, OnlyOnce::No, causes);
        }
        if let Some(probe) = &one.startup_probe {
            self::probe(&format!("{at}.startupProbe"), probe, OnlyOnce::Yes, causes);
        }
    }
    let mut taken = BTreeSet::new();
    for (i, one) in spec.containers.iter().enumerate() {
        for (j, port) in one.ports.iter().enumerate() {
            let Some(host) = port.host_port.filter(|host| *host != 0) else { continue };
            let text = format!("{}/{}/{host}", port.protocol, port.host_ip);
            if !taken.insert(text.clone()) {
                causes.push(Cause::duplicate(format!("{path}[{i}].ports[{j}].hostPort"), quoted(&text)));
            }
        }
    }
}

fn container(at: &str, container: &Container, causes: &mut Vec<Cause>) {
    if container.name.is_empty() {
        causes.push(Cause::required(format!("{at}.name"), ""));
    } else {
        for message in words::dns_label(&container.name) {
            causes.push(Cause::invalid(format!("{at}.name"), quoted(&container.name), message));
        }
    }
    if container.image.is_empty() {
        causes.push(Cause::required(format!("{at}.image"), ""));
    }
    let text = |key: &str| container.rest.get(key).and_then(Value::as_str).unwrap_or_default();
    let policies = ["File", "FallbackToLogsOnError"];
    if !policies.contains(&text("terminationMessagePolicy")) {
        let field = format!("{at}.terminationMessagePolicy");
        causes.push(Cause::not_supported(field, text("terminationMessagePolicy"), &policies));
    }
    let mut names = BTreeSet::new();
    for (j, port) in container.ports.iter().enumerate() {
        let at = format!("{at}.ports[{j}]");
        if !port.name.is_empty() {
            let messages = words::port_name(&port.name);
            let well = messages.is_empty();
            for message in messages {
                causes.push(Cause::invalid(format!("{at}.name"), quoted(&port.name), message));
            }
            if well && !names.insert(&port.name) {
                causes.push(Cause::duplicate(format!("{at}.name"), quoted(&port.name)));
            }
        }
        if port.container_port == 0 {
            causes.push(Cause::required(format!("{at}.containerPort"), ""));
        } else if let Some(why) = words::port_number(port.container_port) {
            causes.push(Cause::invalid(format!("{at}.containerPort"), port.container_port, why));
        }
        if let Some((host, why)) = port.host_port.filter(|h| *h != 0).and_then(|h| Some((h, words::port_number(h)?))) {
            causes.push(Cause::invalid(format!("{at}.hostPort"), host, why));
        }
        service::protocol(&format!("{at}.protocol"), &port.protocol, causes);
    }
    env(at, container, causes);
    let policies = ["Always", "IfNotPresent", "Never"];
    if !policies.contains(&text("imagePullPolicy")) {
        causes.push(Cause::not_supported(format!("{at}.imagePullPolicy"), text("imagePullPolicy"), &policies));
    }
}

fn env(at: &str, container: &Container, causes: &mut Vec<Cause>) {
    for (j, variable) in container.rest.get("env").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.env[{j}].name"), ""));
        }
        let from = variable.get("valueFrom").is_some_and(|from| !from.is_null());
        let value = variable.get("value").and_then(Value::as_str).unwrap_or_default();
        if from && !value.is_empty() {
            let detail = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(format!("{at}.env[{j}].valueFrom"), "\"\"", detail));
        }
    }
}

/// Whether one success must be enough for a probe.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnlyOnce {
    Yes,
    No,
}

fn probe(at: &str, probe: &Probe, once: OnlyOnce, causes: &mut Vec<Cause>) {
    let mut handlers = 0;
    let mut one = |name: &str, is_there: bool, causes: &mut Vec<Cause>| {
        if is_there {
            handlers += 1;
            if handlers > 1 {
                causes.push(Cause::forbidden(format!("{at}.{name}"), "may not specify more than 1 handler type"));
            }
        }
        is_there && handlers == 1
    };
    let exec = probe.rest.get("exec").filter(|exec| !exec.is_null());
    if one("exec", exec.is_some(), causes)
        && exec.and_then(|e| e.get("command")).and_then(Value::as_array).is_none_or(Vec::is_empty)
    {
        causes.push(Cause::required(format!("{at}.exec.command"), ""));
    }
    if one("httpGet", probe.http_get.is_some(), causes)
        && let Some(get) = &probe.http_get
    {
        service::number_or_name(&format!("{at}.httpGet.port"), &get.port, causes);
        if !matches!(get.scheme.as_str(), "HTTP" | "HTTPS") {
            causes.push(Cause::not_supported(format!("{at}.httpGet.scheme"), &get.scheme, &["HTTP", "HTTPS"]));
        }
    }
    if one("tcpSocket", probe.tcp_socket.is_some(), causes)
        && let Some(socket) = &probe.tcp_socket
    {
        service::number_or_name(&format!("{at}.tcpSocket.port"), &socket.port, causes);
    }
    one("grpc", probe.rest.get("grpc").is_some_and(|grpc| !grpc.is_null()), causes);
    if handlers == 0 {
        causes.push(Cause::required(at, "must specify a handler type"));
    }
    for (name, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        if let Some(value) = value.filter(|v| *v < 0) {
            causes.push(Cause::invalid(format!("{at}.{name}"), value, "must be greater than or equal to 0"));
        }
    }
    if let Some(times) = probe.success_threshold.filter(|times| once == OnlyOnce::Yes && *times != 1) {
        causes.push(Cause::invalid(format!("{at}.successThreshold"), times, "must be 1"));
    }
}

/// What may change of a pod: images, the deadline, added tolerations. The real server adds a dump of both specs to its words.
pub(super) fn update(old: &PodSpec, new: &PodSpec, causes: &mut Vec<Cause>) {
    if old.containers.len() != new.containers.len() {
        causes.push(Cause::forbidden("spec.containers", "pod updates may not add or remove containers"));
        return;
    }
    for (i, _) in new.containers.iter().enumerate().filter(|(_, c)| c.image.is_empty()) {
        causes.push(Cause::required(format!("spec.containers[{i}].image"), ""));
    }
    let mut same = new.clone();
    for (container, was) in same.containers.iter_mut().zip(&old.containers) {
        container.image.clone_from(&was.image);
    }
    for key in ["activeDeadlineSeconds", "tolerations"] {
        match old.rest.get(key) {
            Some(value) => drop(same.rest.insert(key.to_owned(), value.clone())),
            None => drop(same.rest.remove(key)),
        }
    }
    if same.termination_grace_period_seconds == Some(1) {
        same.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    if same != *old {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", detail));
    }
}
