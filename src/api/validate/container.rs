//! Containers: `validateContainers`, `validateInitContainers` and what they call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{resources, service, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{Container, PodSpec, Probe, from_tree};

/// What the containers of a pod share.
struct Shared<'a> {
    volumes: &'a BTreeSet<&'a str>,
    grace: i64,
}

/// The rules of a pod's containers, at the path of its spec.
pub(super) fn containers(path: &str, spec: &PodSpec, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let shared = Shared { volumes, grace: spec.termination_grace_period_seconds.unwrap_or(30) };
    let at = format!("{path}.containers");
    if spec.containers.is_empty() {
        causes.push(Cause::required(&at, ""));
    }
    let mut names = BTreeSet::new();
    for (i, one) in spec.containers.iter().enumerate() {
        let at = format!("{at}[{i}]");
        common(&at, one, &shared, causes);
        if !names.insert(one.name.as_str()) {
            causes.push(Cause::duplicate(format!("{at}.name"), quoted(&one.name)));
        }
        running(&at, one, &shared, causes);
        if one.rest.get("restartPolicy").is_some_and(|policy| !policy.is_null()) {
            causes.push(Cause::forbidden(format!("{at}.restartPolicy"), "may not be set for non-init containers"));
        }
    }
    host_ports(&at, &spec.containers, causes);
    let at = format!("{path}.initContainers");
    let list = spec.rest.get("initContainers").and_then(Value::as_array).into_iter().flatten();
    let firsts: Vec<Container> = list.map(|tree| from_tree(tree.clone()).unwrap_or_default()).collect();
    for (i, one) in firsts.iter().enumerate() {
        let at = format!("{at}[{i}]");
        common(&at, one, &shared, causes);
        let always = match one.rest.get("restartPolicy").and_then(Value::as_str) {
            Some("Always") => true,
            Some(other) => {
                causes.push(Cause::not_supported(format!("{at}.restartPolicy"), other, &["Always"]));
                false
            }
            None => false,
        };
        if !names.insert(one.name.as_str()) && !one.name.is_empty() {
            causes.push(Cause::duplicate(format!("{at}.name"), quoted(&one.name)));
        }
        host_ports(&at, std::slice::from_ref(one), causes);
        if always {
            running(&at, one, &shared, causes);
            continue;
        }
        for (field, is_set) in [
            ("lifecycle", one.rest.get("lifecycle").is_some_and(|tree| !tree.is_null())),
            ("livenessProbe", one.liveness_probe.is_some()),
            ("readinessProbe", one.readiness_probe.is_some()),
            ("startupProbe", one.startup_probe.is_some()),
        ] {
            if is_set {
                let detail = "may not be set for init containers without restartPolicy=Always";
                causes.push(Cause::forbidden(format!("{at}.{field}"), detail));
            }
        }
    }
}

/// `checkHostPortConflicts`
fn host_ports(at: &str, containers: &[Container], causes: &mut Vec<Cause>) {
    let mut taken = BTreeSet::new();
    for (i, one) in containers.iter().enumerate() {
        for (j, port) in one.ports.iter().enumerate() {
            let Some(host) = port.host_port.filter(|host| *host != 0) else { continue };
            let text = format!("{}/{}/{host}", port.protocol, port.host_ip);
            if !taken.insert(text.clone()) {
                causes.push(Cause::duplicate(format!("{at}[{i}].ports[{j}].hostPort"), quoted(&text)));
            }
        }
    }
}

/// What only containers that go on running may have.
fn running(at: &str, one: &Container, shared: &Shared, causes: &mut Vec<Cause>) {
    for hook in ["postStart", "preStop"] {
        if let Some(Value::Object(handler)) = one.rest.get("lifecycle").and_then(|tree| tree.get(hook)) {
            let handler = from_tree(Value::Object(handler.clone())).unwrap_or_default();
            self::handler(&format!("{at}.lifecycle.{hook}"), &handler, Some(shared.grace), causes);
        }
    }
    let times = |at: &str, probe: &Probe, causes: &mut Vec<Cause>| {
        if let Some(times) = probe.success_threshold.filter(|times| *times != 1) {
            causes.push(Cause::invalid(format!("{at}.successThreshold"), times, "must be 1"));
        }
    };
    if let Some(probe) = &one.liveness_probe {
        let at = format!("{at}.livenessProbe");
        self::probe(&at, probe, causes);
        times(&at, probe, causes);
    }
    if let Some(probe) = &one.readiness_probe {
        let at = format!("{at}.readinessProbe");
        self::probe(&at, probe, causes);
        if let Some(grace) = probe.rest.get("terminationGracePeriodSeconds").filter(|grace| grace.is_number()) {
            let detail = "must not be set for readinessProbes";
            causes.push(Cause::invalid(format!("{at}.terminationGracePeriodSeconds"), grace, detail));
        }
    }
    if let Some(probe) = &one.startup_probe {
        let at = format!("{at}.startupProbe");
        self::probe(&at, probe, causes);
        times(&at, probe, causes);
    }
}

/// `validateContainerCommon`
fn common(at: &str, container: &Container, shared: &Shared, causes: &mut Vec<Cause>) {
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
    one_of(at, container, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], causes);
    ports(at, container, causes);
    env(at, container, causes);
    mounts(at, container, shared.volumes, causes);
    one_of(at, container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], causes);
    if let Some(tree) = container.rest.get("resources") {
        resources::container(&format!("{at}.resources"), tree, causes);
    }
}

fn one_of(at: &str, container: &Container, field: &str, supported: &[&str], causes: &mut Vec<Cause>) {
    let value = container.rest.get(field).and_then(Value::as_str).unwrap_or_default();
    if !supported.contains(&value) {
        causes.push(Cause::not_supported(format!("{at}.{field}"), value, supported));
    }
}

fn ports(at: &str, container: &Container, causes: &mut Vec<Cause>) {
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
}

/// The fields of a pod that a variable can be made of.
const POD_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// `ValidateEnv`
fn env(at: &str, container: &Container, causes: &mut Vec<Cause>) {
    for (j, variable) in container.rest.get("env").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let at = format!("{at}.env[{j}]");
        let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = text("name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
            let detail =
                "a valid environment variable name must consist only of printable ASCII characters other than '='";
            causes.push(Cause::invalid(format!("{at}.name"), quoted(name), detail));
        }
        let Some(Value::Object(from)) = variable.get("valueFrom") else { continue };
        let at = format!("{at}.valueFrom");
        if let Some(field) = from.get("fieldRef").filter(|tree| tree.is_object()) {
            field_ref(&format!("{at}.fieldRef"), field, causes);
        }
        for key in ["configMapKeyRef", "secretKeyRef"] {
            let Some(reference) = from.get(key).filter(|tree| tree.is_object()) else { continue };
            let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default();
            if text("name").is_empty() {
                causes.push(Cause::required(format!("{at}.{key}.name"), ""));
            }
            if text("key").is_empty() {
                causes.push(Cause::required(format!("{at}.{key}.key"), ""));
                continue;
            }
            for message in words::config_key(text("key")) {
                causes.push(Cause::invalid(format!("{at}.{key}.key"), quoted(text("key")), message));
            }
        }
        let detail = match from.values().filter(|tree| tree.is_object()).count() {
            0 => {
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            }
            _ if !text("value").is_empty() => "may not be specified when `value` is not empty",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        causes.push(Cause::invalid(&at, "\"\"", detail));
    }
}

fn field_ref(at: &str, field: &Value, causes: &mut Vec<Cause>) {
    let path = field.get("fieldPath").and_then(Value::as_str).unwrap_or_default();
    let at = format!("{at}.fieldPath");
    let subscripted = path.ends_with("']")
        && ["metadata.labels['", "metadata.annotations['"].iter().any(|start| path.starts_with(start));
    if path.is_empty() {
        causes.push(Cause::required(at, ""));
    } else if ["metadata.labels", "metadata.annotations", "spec.restartPolicy", "spec.schedulerName", "status.phase"]
        .contains(&path)
    {
        causes.push(Cause::not_supported(at, path, &POD_FIELDS));
    } else if !subscripted && !POD_FIELDS.contains(&path) {
        let detail = format!("error converting fieldPath: field label not supported: {path}");
        causes.push(Cause::invalid(at, quoted(path), detail));
    }
}

/// `ValidateVolumeMounts`
fn mounts(at: &str, container: &Container, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let mut seen = BTreeMap::new();
    for (j, mount) in container.rest.get("volumeMounts").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let at = format!("{at}.volumeMounts[{j}]");
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, path) = (text("name"), text("mountPath"));
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        if !volumes.contains(name) {
            causes.push(Cause::not_found(format!("{at}.name"), quoted(name)));
        }
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        }
        if seen.insert(path, j).is_some() {
            causes.push(Cause::invalid(format!("{at}.mountPath"), quoted(path), "must be unique"));
        }
    }
}

fn probe(at: &str, probe: &Probe, causes: &mut Vec<Cause>) {
    handler(at, probe, None, causes);
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
    let grace = probe.rest.get("terminationGracePeriodSeconds").and_then(Value::as_i64);
    if let Some(grace) = grace.filter(|grace| *grace <= 0) {
        causes.push(Cause::invalid(format!("{at}.terminationGracePeriodSeconds"), grace, "must be greater than 0"));
    }
}

/// `validateHandler`, of a probe or of a hook, which alone may sleep, within the pod's grace period.
fn handler(at: &str, probe: &Probe, grace: Option<i64>, causes: &mut Vec<Cause>) {
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
    let tree = |name: &str| probe.rest.get(name).filter(|tree| !tree.is_null());
    if one("exec", tree("exec").is_some(), causes)
        && tree("exec").and_then(|e| e.get("command")).and_then(Value::as_array).is_none_or(Vec::is_empty)
    {
        causes.push(Cause::required(format!("{at}.exec.command"), ""));
    }
    if one("httpGet", probe.http_get.is_some(), causes)
        && let Some(get) = &probe.http_get
    {
        service::number_or_name(&format!("{at}.httpGet.port"), &get.port, causes);
        let scheme = if grace.is_some() && get.scheme.is_empty() { "HTTP" } else { get.scheme.as_str() };
        if !matches!(scheme, "HTTP" | "HTTPS") {
            causes.push(Cause::not_supported(format!("{at}.httpGet.scheme"), scheme, &["HTTP", "HTTPS"]));
        }
    }
    if one("tcpSocket", probe.tcp_socket.is_some(), causes)
        && let Some(socket) = &probe.tcp_socket
    {
        service::number_or_name(&format!("{at}.tcpSocket.port"), &socket.port, causes);
    }
    if one("grpc", tree("grpc").is_some(), causes) {
        let port = tree("grpc").and_then(|grpc| grpc.get("port")).and_then(Value::as_i64).unwrap_or(0);
        if let Some(why) = words::port_number(i32::try_from(port).unwrap_or(0)) {
            causes.push(Cause::invalid(format!("{at}.grpc.port"), port, why));
        }
    }
    if let Some(grace) = grace
        && one("sleep", tree("sleep").is_some(), causes)
    {
        let seconds = tree("sleep").and_then(|sleep| sleep.get("seconds")).and_then(Value::as_i64).unwrap_or(0);
        if !(0..=grace).contains(&seconds) {
            let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            causes.push(Cause::invalid(format!("{at}.sleep"), seconds, detail));
        }
    }
    if handlers == 0 {
        causes.push(Cause::required(at, "must specify a handler type"));
    }
}
