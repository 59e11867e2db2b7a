//! Pods and the templates of pods: `ValidatePodSpec`, `ValidatePodUpdate`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{container, meta, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{PodSpec, PodTemplate};

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
    let volumes = volumes(path, spec, causes);
    container::containers(path, spec, &volumes, causes);
    if spec.host_network {
        host_network(path, spec, of, causes);
    }
    let policies = ["Always", "OnFailure", "Never"];
    if !policies.contains(&spec.restart_policy.as_str()) {
        causes.push(Cause::not_supported(format!("{path}.restartPolicy"), &spec.restart_policy, &policies));
    }
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    if !policies.contains(&spec.dns_policy.as_str()) {
        causes.push(Cause::not_supported(format!("{path}.dnsPolicy"), &spec.dns_policy, &policies));
    }
    meta::labels(&format!("{path}.nodeSelector"), &spec.node_selector, causes);
    dns_config(&format!("{path}.dnsConfig"), spec, causes);
    for (i, gate) in list(spec, "readinessGates") {
        let condition = text(gate, "conditionType");
        for message in words::label_key(condition) {
            causes.push(Cause::invalid(
                format!("{path}.readinessGates[{i}].conditionType"),
                quoted(condition),
                message,
            ));
        }
    }
    let account = spec.rest.get("serviceAccountName").and_then(Value::as_str).unwrap_or_default();
    word(&format!("{path}.serviceAccountName"), account, words::dns_subdomain, causes);
    word(&format!("{path}.nodeName"), &spec.node_name, words::dns_subdomain, causes);
    let deadline = spec.rest.get("activeDeadlineSeconds").and_then(Value::as_i64);
    if let Some(seconds) = deadline.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        let detail = "must be between 1 and 2147483647, inclusive";
        causes.push(Cause::invalid(format!("{path}.activeDeadlineSeconds"), seconds, detail));
    }
    word(&format!("{path}.hostname"), &spec.hostname, words::dns_label, causes);
    word(&format!("{path}.subdomain"), &spec.subdomain, words::dns_label, causes);
    for (i, toleration) in list(spec, "tolerations") {
        self::toleration(&format!("{path}.tolerations[{i}]"), toleration, causes);
    }
    for (i, alias) in list(spec, "hostAliases") {
        let at = format!("{path}.hostAliases[{i}]");
        if let Some(why) = words::ip(text(alias, "ip")) {
            causes.push(Cause::invalid(format!("{at}.ip"), quoted(text(alias, "ip")), why));
        }
        for (j, name) in strings(alias, "hostnames").enumerate() {
            for message in words::dns_subdomain(name) {
                causes.push(Cause::invalid(format!("{at}.hostnames[{j}]"), quoted(name), message));
            }
        }
    }
}

/// A word that may be left out.
fn word(at: &str, value: &str, check: fn(&str) -> Vec<String>, causes: &mut Vec<Cause>) {
    let messages = if value.is_empty() { Vec::new() } else { check(value) };
    causes.extend(messages.into_iter().map(|message| Cause::invalid(at, quoted(value), message)));
}

fn list<'a>(spec: &'a PodSpec, key: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    spec.rest.get(key).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn text<'a>(tree: &'a Value, key: &str) -> &'a str {
    tree.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn strings<'a>(tree: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    tree.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// `ValidateVolumes`, as far as names and the names that they refer to go; the names that mounts may use.
fn volumes<'a>(path: &str, spec: &'a PodSpec, causes: &mut Vec<Cause>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (i, volume) in list(spec, "volumes") {
        let at = format!("{path}.volumes[{i}]");
        let name = text(volume, "name");
        let sources = volume.as_object().into_iter().flatten().filter(|(key, of)| *key != "name" && of.is_object());
        for (n, (source, of)) in sources.enumerate() {
            let at = format!("{at}.{source}");
            if n > 0 {
                causes.push(Cause::forbidden(at, "may not specify more than 1 volume type"));
                continue;
            }
            let must = match source.as_str() {
                "hostPath" => "path",
                "configMap" => "name",
                "secret" => "secretName",
                "persistentVolumeClaim" => "claimName",
                _ => continue,
            };
            if text(of, must).is_empty() {
                causes.push(Cause::required(format!("{at}.{must}"), ""));
            }
        }
        let at = format!("{at}.name");
        if name.is_empty() {
            causes.push(Cause::required(at, ""));
            continue;
        }
        let wrong = words::dns_label(name);
        if wrong.is_empty() && !names.insert(name) {
            causes.push(Cause::duplicate(at, quoted(name)));
        } else {
            causes.extend(wrong.into_iter().map(|message| Cause::invalid(&at, quoted(name), message)));
        }
    }
    names
}

/// `validatePodHostNetworkDeps`
fn host_network(path: &str, spec: &PodSpec, of: Of, causes: &mut Vec<Cause>) {
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

/// `validatePodDNSConfig`
fn dns_config(at: &str, spec: &PodSpec, causes: &mut Vec<Cause>) {
    let config = spec.rest.get("dnsConfig").filter(|config| config.is_object());
    if spec.dns_policy == "None" {
        let Some(config) = config else {
            causes.push(Cause::required(at, "must provide `dnsConfig` when `dnsPolicy` is None"));
            return;
        };
        if strings(config, "nameservers").next().is_none() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            causes.push(Cause::required(format!("{at}.nameservers"), detail));
            return;
        }
    }
    let Some(config) = config else { return };
    for (key, most, what) in [("nameservers", 3, "nameservers"), ("searches", 32, "search paths")] {
        if strings(config, key).count() > most {
            let value = config.get(key).map_or_else(String::new, Value::to_string);
            causes.push(Cause::invalid(format!("{at}.{key}"), value, format!("must not have more than {most} {what}")));
        }
        for (i, value) in strings(config, key).enumerate() {
            let at = format!("{at}.{key}[{i}]");
            if key == "nameservers" {
                if let Some(why) = words::ip(value) {
                    causes.push(Cause::invalid(at, quoted(value), why));
                }
            } else if value != "." {
                let value = value.strip_suffix('.').unwrap_or(value);
                for message in words::search_path(value) {
                    causes.push(Cause::invalid(&at, quoted(value), message));
                }
            }
        }
    }
    for (i, option) in config.get("options").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if text(option, "name").is_empty() {
            causes.push(Cause::required(format!("{at}.options[{i}]"), "must not be empty"));
        }
    }
}

/// `ValidateTolerations`
fn toleration(at: &str, toleration: &Value, causes: &mut Vec<Cause>) {
    let (key, operator) = (text(toleration, "key"), text(toleration, "operator"));
    let (value, effect) = (text(toleration, "value"), text(toleration, "effect"));
    if !key.is_empty() {
        for message in words::label_key(key) {
            causes.push(Cause::invalid(format!("{at}.key"), quoted(key), message));
        }
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        causes.push(Cause::invalid(format!("{at}.operator"), quoted(operator), detail));
    }
    if toleration.get("tolerationSeconds").is_some_and(Value::is_number) && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        causes.push(Cause::invalid(format!("{at}.effect"), quoted(effect), detail));
    }
    let at_operator = format!("{at}.operator");
    match operator {
        "Equal" | "" => {
            let wrong = words::label_value(value);
            if !wrong.is_empty() {
                causes.push(Cause::invalid(at_operator, quoted(value), wrong.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            causes.push(Cause::invalid(at_operator, quoted(value), detail));
        }
        "Exists" => {}
        other => causes.push(Cause::not_supported(at_operator, other, &["Equal", "Exists"])),
    }
    if !effect.is_empty() {
        taint_effect(&format!("{at}.effect"), effect, causes);
    }
}

/// `validateTaintEffect`
pub(super) fn taint_effect(at: &str, effect: &str, causes: &mut Vec<Cause>) {
    let supported = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    if !supported.contains(&effect) {
        causes.push(Cause::not_supported(at, effect, &supported));
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
    let without_seconds = |toleration: &Value| {
        let mut toleration = toleration.clone();
        toleration.as_object_mut().map(|map| map.remove("tolerationSeconds"));
        toleration
    };
    let kept =
        |(_, was): (usize, &Value)| list(new, "tolerations").any(|(_, is)| without_seconds(is) == without_seconds(was));
    if !list(old, "tolerations").all(kept) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", detail));
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
