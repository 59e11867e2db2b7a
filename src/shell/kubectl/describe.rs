//! `kubectl describe`
//!
//! Stands for `k8s.io/kubectl` `pkg/describe/describe.go`. Left out: volumes' insides.

use std::sync::Arc;

use serde_json::Value;

use super::super::flags::{Flag, Takes, switch, value};
use super::report::{Report, calendar, none};
use super::select::Asked;
use super::{Call, Fail, describe_node, describe_sets, generic, routes, table};
use crate::object::{
    Body, Container, ContainerState, ContainerStatus, Deployment, EndpointAddress, EndpointSlice, Endpoints,
    IntOrString, Kind, Object, Pod, PodTemplate, Probe, ReplicaSet, Rest, Service,
};
use crate::time::Instant;

pub(super) const FLAGS: &[Flag] = &[
    value("selector", 'l', "SELECTOR"),
    switch("all-namespaces", 'A'),
    Flag { long: "show-events", short: ' ', takes: Takes::Nothing },
];

/// `kubectl describe KIND [NAME]`
pub(super) fn describe(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    if words.is_empty() {
        return Err(Fail::Error(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources."
                .into(),
        ));
    }
    let mut asked = call.asked(&words)?;
    // A name that nobody has means all names that begin so.
    let mut whole = Vec::new();
    for Asked { kind, name } in asked.drain(..) {
        let Some(name) = name else {
            whole.push(Asked { kind, name: None });
            continue;
        };
        if call.shell.cluster.store().get(&call.key(kind, &name)).is_none() {
            let namespace = kind.is_namespaced().then_some(call.namespace.as_str());
            let all = call.shell.cluster.store().list(kind, namespace);
            let begins: Vec<_> = all.filter(|object| object.meta.name.starts_with(&name)).collect();
            if !begins.is_empty() {
                whole.extend(begins.iter().map(|object| Asked { kind, name: Some(object.meta.name.clone()) }));
                continue;
            }
        }
        whole.push(Asked { kind, name: Some(name) });
    }
    let (objects, missing) = call.found(&whole)?;
    for (i, object) in objects.iter().enumerate() {
        let text = object_text(call, object);
        call.io.out(if i > 0 { "\n\n" } else { "" });
        call.io.out(text);
    }
    for status in &missing {
        call.io.err(status.kubectl());
    }
    if objects.is_empty() && missing.is_empty() {
        let namespaced = whole.iter().any(|asked| asked.kind.is_namespaced()) && !call.flags.on("all-namespaces");
        let place = if namespaced { format!(" in {} namespace.", call.namespace) } else { String::new() };
        call.io.err(format!("No resources found{place}\n"));
    }
    Ok(i32::from(!missing.is_empty()))
}

fn object_text(call: &Call, object: &Arc<Object>) -> String {
    if let Some(text) = routes::describe(call, object) {
        return text;
    }
    let mut report = Report::default();
    let meta = &object.meta;
    report.line(0, &format!("Name:\t{}", meta.name));
    if object.kind().is_namespaced() {
        report.line(0, &format!("Namespace:\t{}", meta.namespace));
    }
    match &object.body {
        Body::Service(service) => service_text(call, object, service, &mut report),
        Body::Pod(pod) => pod_text(call, object, pod, &mut report),
        Body::Deployment(deployment) => deployment_text(call, object, deployment, &mut report),
        Body::ReplicaSet(set) => replica_set_text(call, object, set, &mut report),
        Body::StatefulSet(set) => describe_sets::stateful_set(call, meta, set, &mut report),
        Body::DaemonSet(set) => describe_sets::daemon_set(call, meta, set, &mut report),
        Body::ControllerRevision(revision) => {
            describe_sets::revision(meta, revision, &mut report);
            return report.text();
        }
        Body::Event(event) => {
            describe_sets::event(meta, event, &mut report);
            return report.text();
        }
        Body::Endpoints(endpoints) => endpoints_text(object, endpoints, &mut report),
        Body::EndpointSlice(slice) => slice_text(object, slice, &mut report),
        Body::Namespace(namespace) => {
            report.labels("Labels", &meta.labels);
            report.annotations("Annotations", &meta.annotations);
            report.line(0, &format!("Status:\t{}", namespace.status.phase));
            report.line(0, "\nNo resource quota.\n\nNo LimitRange resource.");
            return report.text();
        }
        Body::Lab(_) => generic::object(object, &mut report),
        Body::Node(node) => {
            describe_node::node(call, object, node, &mut report);
        }
        Body::Ingress(_)
        | Body::IngressClass(_)
        | Body::Secret(_)
        | Body::ConfigMap(_)
        | Body::ValidatingWebhookConfiguration(_) => {}
    }
    if call.flags.get("show-events") != Some("false") {
        describe_sets::events(call, object, &mut report);
    }
    report.text()
}

pub(super) fn when(at: Option<Instant>) -> String {
    at.map_or_else(|| "<unset>".into(), calendar)
}

fn service_text(call: &Call, object: &Object, service: &Service, report: &mut Report) {
    let spec = &service.spec;
    report.labels("Labels", &object.meta.labels);
    report.annotations("Annotations", &object.meta.annotations);
    report.line(0, &format!("Selector:\t{}", table::format_labels(&spec.selector)));
    report.line(0, &format!("Type:\t{}", spec.r#type));
    if !spec.ip_family_policy.is_empty() {
        report.line(0, &format!("IP Family Policy:\t{}", spec.ip_family_policy));
    }
    report.line(0, &format!("IP Families:\t{}", none(&spec.ip_families.join(","))));
    report.line(0, &format!("IP:\t{}", spec.cluster_ip));
    report.line(0, &format!("IPs:\t{}", none(&spec.cluster_ips.join(","))));
    let given = [
        ("External IPs", spec.external_ips.join(",")),
        ("Desired LoadBalancer IP", spec.load_balancer_ip.clone()),
        ("External Name", spec.external_name.clone()),
    ];
    for (title, text) in given.iter().filter(|(_, text)| !text.is_empty()) {
        report.line(0, &format!("{title}:\t{text}"));
    }
    let ingress = service.status.load_balancer.ingress.iter();
    let ingress: Vec<String> = ingress
        .map(|i| match &i.ip_mode {
            _ if i.ip.is_empty() => i.hostname.clone(),
            Some(mode) => format!("{} ({mode})", i.ip),
            None => i.ip.clone(),
        })
        .collect();
    if !ingress.is_empty() {
        report.line(0, &format!("LoadBalancer Ingress:\t{}", ingress.join(", ")));
    }
    for port in &spec.ports {
        let name = if port.name.is_empty() { "<unset>" } else { &port.name };
        report.line(0, &format!("Port:\t{name}\t{}/{}", port.port, port.protocol));
        let target = port.target_port.as_ref().map_or_else(|| "0".into(), port_text);
        report.line(0, &format!("TargetPort:\t{target}/{}", port.protocol));
        if let Some(protocol) = &port.app_protocol {
            report.line(0, &format!("AppProtocol:\t{protocol}"));
        }
        if port.node_port != 0 {
            report.line(0, &format!("NodePort:\t{name}\t{}/{}", port.node_port, port.protocol));
        }
        report.line(0, &format!("Endpoints:\t{}", ready_endpoints(call, object, &port.name)));
    }
    report.line(0, &format!("Session Affinity:\t{}", spec.session_affinity));
    let ranges = spec.load_balancer_source_ranges.join(",");
    let health = if spec.health_check_node_port == 0 { String::new() } else { spec.health_check_node_port.to_string() };
    for (title, text) in [
        ("External Traffic Policy", spec.external_traffic_policy.as_str()),
        ("Internal Traffic Policy", spec.internal_traffic_policy.as_str()),
        ("HealthCheck NodePort", health.as_str()),
        ("LoadBalancer Source Ranges", ranges.as_str()),
        ("Traffic Distribution", spec.traffic_distribution.as_deref().unwrap_or_default()),
    ] {
        if !text.is_empty() {
            report.line(0, &format!("{title}:\t{text}"));
        }
    }
}

/// After `formatEndpointSlices`: up to three ready addresses with the port of the given name.
pub(super) fn ready_endpoints(call: &Call, service: &Object, port_name: &str) -> String {
    let slices = call.shell.cluster.store().list(Kind::EndpointSlice, Some(&service.meta.namespace));
    let mut own = 0;
    let mut all = Vec::new();
    for object in slices {
        if object.meta.labels.get("kubernetes.io/service-name") != Some(&service.meta.name) {
            continue;
        }
        let Some(slice) = object.body::<EndpointSlice>() else { continue };
        own += 1;
        let ready = slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false));
        let addresses: Vec<&str> = ready.filter_map(|e| e.addresses.first()).map(String::as_str).collect();
        if slice.ports.is_empty() {
            all.extend(addresses.iter().map(|address| (*address).to_owned()));
        }
        for port in slice.ports.iter().filter(|port| port.name == port_name) {
            let number = port.port.unwrap_or(0);
            all.extend(addresses.iter().map(|address| format!("{address}:{number}")));
        }
    }
    match all.as_slice() {
        _ if own == 0 => "<none>".into(),
        [a, b, c, _, ..] => format!("{a},{b},{c} + {} more...", all.len() - 3),
        _ => all.join(","),
    }
}

fn port_text(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}

fn pod_text(call: &Call, object: &Object, pod: &Pod, report: &mut Report) {
    let (spec, status) = (&pod.spec, &pod.status);
    let now = call.shell.cluster.now();
    if let Some(priority) = spec.rest.get("priority") {
        report.line(0, &format!("Priority:\t{priority}"));
    }
    if let Some(account) = spec.rest.get("serviceAccountName").and_then(Value::as_str) {
        report.line(0, &format!("Service Account:\t{account}"));
    }
    match spec.node_name.as_str() {
        "" => report.line(0, "Node:\t<none>"),
        node => report.line(0, &format!("Node:\t{node}/{}", status.host_ip)),
    }
    if let Some(start) = status.start_time {
        report.line(0, &format!("Start Time:\t{}", calendar(start)));
    }
    report.labels("Labels", &object.meta.labels);
    report.annotations("Annotations", &object.meta.annotations);
    match object.meta.deletion_timestamp {
        Some(at) if !matches!(status.phase.as_str(), "Failed" | "Succeeded") => {
            report.line(0, &format!("Status:\tTerminating (lasts {})", table::age(Some(at), now)));
            let grace = object.meta.deletion_grace_period_seconds.unwrap_or(0);
            report.line(0, &format!("Termination Grace Period:\t{grace}s"));
        }
        _ => report.line(0, &format!("Status:\t{}", status.phase)),
    }
    for (title, text) in [("Reason", &status.reason), ("Message", &status.message)] {
        if !text.is_empty() {
            report.line(0, &format!("{title}:\t{text}"));
        }
    }
    report.line(0, &format!("IP:\t{}", status.pod_ip));
    if status.pod_ips.is_empty() {
        report.line(0, "IPs:\t<none>");
    } else {
        report.line(0, "IPs:");
        status.pod_ips.iter().for_each(|ip| report.line(1, &format!("IP:\t{}", ip.ip)));
    }
    if let Some(owner) = object.meta.controller() {
        report.line(0, &format!("Controlled By:\t{}/{}", owner.kind, owner.name));
    }
    containers_text(&spec.containers, Some(&status.container_statuses), "", report);
    if !status.conditions.is_empty() {
        report.line(0, "Conditions:\n  Type\tStatus");
        status.conditions.iter().for_each(|c| report.line(1, &format!("{} \t{} ", c.r#type, c.status)));
    }
    report.line(0, "Volumes:\t<none>");
    report.line(0, &format!("QoS Class:\t{}", status.qos_class));
    report.labels("Node-Selectors", &spec.node_selector);
    tolerations(&spec.rest, "Tolerations", report);
}

fn tolerations(rest: &Rest, title: &str, report: &mut Report) {
    let list = rest.get("tolerations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text =
        |toleration: &Value, key: &str| toleration.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let lines: Vec<String> = list
        .iter()
        .map(|toleration| {
            let (key, value, effect) = (text(toleration, "key"), text(toleration, "value"), text(toleration, "effect"));
            let mut line = key;
            if !value.is_empty() {
                line += &format!("={value}");
            }
            if !effect.is_empty() {
                line += &format!(":{effect}");
            }
            if text(toleration, "operator") == "Exists" && value.is_empty() {
                line += " op=Exists";
            }
            if let Some(seconds) = toleration.get("tolerationSeconds") {
                line += &format!(" for {seconds}s");
            }
            line
        })
        .collect();
    report.list(title, &lines);
}

fn containers_text(
    containers: &[Container],
    statuses: Option<&Vec<ContainerStatus>>,
    space: &str,
    report: &mut Report,
) {
    report.line(0, &format!("{space}Containers:{}", if containers.is_empty() { " <none>" } else { "" }));
    for container in containers {
        let status = statuses.and_then(|statuses| statuses.iter().find(|status| status.name == container.name));
        let of = |status: &ContainerStatus, key: &str| {
            status.rest.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let indent = if space.is_empty() { "" } else { " " };
        report.line(1, &format!("{indent}{}:", container.name));
        if let Some(status) = status {
            report.line(2, &format!("Container ID:\t{}", of(status, "containerID")));
        }
        report.line(2, &format!("Image:\t{}", container.image));
        if let Some(status) = status {
            report.line(2, &format!("Image ID:\t{}", of(status, "imageID")));
        }
        for host in [false, true] {
            let ports = container.ports.iter().map(|port| {
                let number = if host { port.host_port.unwrap_or(0) } else { port.container_port };
                let name = if port.name.is_empty() { String::new() } else { format!(" ({})", port.name) };
                format!("{number}/{}{name}", port.protocol)
            });
            let ports = ports.collect::<Vec<_>>().join(", ");
            let title = if host { "Host Port" } else { "Port" };
            let many = if ports.contains(',') { "s" } else { "" };
            report.line(2, &format!("{title}{many}:\t{}", none(&ports)));
        }
        for (title, words) in [("Command", &container.command), ("Args", &container.args)] {
            if !words.is_empty() {
                report.line(2, &format!("{title}:"));
                words.iter().flat_map(|word| word.split('\n')).for_each(|line| report.line(3, line));
            }
        }
        if let Some(status) = status {
            state_text("State", &status.state, report);
            report.line(2, &format!("Ready:\t{}", if status.ready { "True" } else { "False" }));
            report.line(2, &format!("Restart Count:\t{}", status.restart_count));
        }
        for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
            let amounts = container.rest.get("resources").and_then(|resources| resources.get(key)?.as_object());
            if let Some(amounts) = amounts.filter(|amounts| !amounts.is_empty()) {
                report.line(2, &format!("{title}:"));
                for (name, amount) in amounts {
                    report.line(3, &format!("{name}:\t{}", amount.as_str().map_or(amount.to_string(), String::from)));
                }
            }
        }
        for (title, probe) in [
            ("Liveness", &container.liveness_probe),
            ("Readiness", &container.readiness_probe),
            ("Startup", &container.startup_probe),
        ] {
            if let Some(probe) = probe {
                report.line(2, &format!("{title}:\t{}", probe_text(probe)));
            }
        }
        match container.rest.get("env").and_then(Value::as_array).filter(|env| !env.is_empty()) {
            None => report.line(2, "Environment:\t<none>"),
            Some(env) => {
                report.line(2, "Environment:");
                for entry in env {
                    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
                    report.line(3, &format!("{}:\t{}", text("name"), text("value")));
                }
            }
        }
        report.line(2, "Mounts:\t<none>");
    }
}

fn state_text(title: &str, state: &ContainerState, report: &mut Report) {
    if let Some(running) = &state.running {
        report.line(2, &format!("{title}:\tRunning"));
        report.line(3, &format!("Started:\t{}", calendar(running.started_at)));
    } else if let Some(ended) = &state.terminated {
        report.line(2, &format!("{title}:\tTerminated"));
        if !ended.reason.is_empty() {
            report.line(3, &format!("Reason:\t{}", ended.reason));
        }
        report.line(3, &format!("Exit Code:\t{}", ended.exit_code));
        report.line(3, &format!("Started:\t{}", calendar(ended.started_at)));
        report.line(3, &format!("Finished:\t{}", calendar(ended.finished_at)));
    } else {
        report.line(2, &format!("{title}:\tWaiting"));
        if let Some(waiting) = state.waiting.as_ref().filter(|waiting| !waiting.reason.is_empty()) {
            report.line(3, &format!("Reason:\t{}", waiting.reason));
        }
    }
}

fn probe_text(probe: &Probe) -> String {
    let times = format!(
        "delay={}s timeout={}s period={}s successThreshold={} failureThreshold={}",
        probe.initial_delay_seconds.unwrap_or(0),
        probe.timeout_seconds.unwrap_or(0),
        probe.period_seconds.unwrap_or(0),
        probe.success_threshold.unwrap_or(0),
        probe.failure_threshold.unwrap_or(0)
    );
    if let Some(get) = &probe.http_get {
        let scheme = get.scheme.to_ascii_lowercase();
        let slash = if get.path.is_empty() || get.path.starts_with('/') { "" } else { "/" };
        format!("http-get {scheme}://{}:{}{slash}{} {times}", get.host, port_text(&get.port), get.path)
    } else if let Some(socket) = &probe.tcp_socket {
        format!("tcp-socket {}:{} {times}", socket.host, port_text(&socket.port))
    } else if let Some(command) = probe.rest.get("exec").and_then(|exec| exec.get("command")?.as_array()) {
        let words: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
        format!("exec [{}] {times}", words.join(" "))
    } else {
        format!("unknown {times}")
    }
}

pub(super) fn template_text(template: &PodTemplate, report: &mut Report) {
    report.line(0, "Pod Template:");
    report.labels("  Labels", &template.metadata.labels);
    if !template.metadata.annotations.is_empty() {
        report.annotations("  Annotations", &template.metadata.annotations);
    }
    containers_text(&template.spec.containers, None, "  ", report);
    report.line(0, "  Volumes:\t<none>");
    report.labels("  Node-Selectors", &template.spec.node_selector);
    tolerations(&template.spec.rest, "  Tolerations", report);
}

fn deployment_text(call: &Call, object: &Object, deployment: &Deployment, report: &mut Report) {
    let (meta, spec, status) = (&object.meta, &deployment.spec, &deployment.status);
    report.line(0, &format!("CreationTimestamp:\t{}", when(meta.creation_timestamp)));
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    report.line(0, &format!("Selector:\t{}", table::format_selector(&spec.selector)));
    report.line(
        0,
        &format!(
            "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable",
            spec.replicas.unwrap_or(0),
            status.updated_replicas,
            status.replicas,
            status.available_replicas,
            status.unavailable_replicas
        ),
    );
    report.line(0, &format!("StrategyType:\t{}", spec.strategy.r#type));
    report.line(0, &format!("MinReadySeconds:\t{}", spec.min_ready_seconds.unwrap_or(0)));
    if let Some(update) = &spec.strategy.rolling_update {
        let text = |amount: &Option<IntOrString>| amount.as_ref().map_or_else(|| "0".into(), port_text);
        let (unavailable, surge) = (text(&update.max_unavailable), text(&update.max_surge));
        report.line(0, &format!("RollingUpdateStrategy:\t{unavailable} max unavailable, {surge} max surge"));
    }
    template_text(&spec.template, report);
    if !status.conditions.is_empty() {
        report.line(0, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------");
        status.conditions.iter().for_each(|c| report.line(1, &format!("{} \t{}\t{}", c.r#type, c.status, c.reason)));
    }
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (set_meta, set) in call.shell.cluster.store().all::<ReplicaSet>() {
        if set_meta.controller().is_none_or(|owner| owner.uid != meta.uid) {
            continue;
        }
        let (created, wanted) = (set.status.replicas, set.spec.replicas.unwrap_or(0));
        let text = format!("{} ({created}/{wanted} replicas created)", set_meta.name);
        let mut labels = set.spec.template.metadata.labels.clone();
        labels.remove("pod-template-hash");
        let newest = labels == spec.template.metadata.labels && set.spec.template.spec == spec.template.spec;
        if newest { new.push(text) } else { old.push(text) }
    }
    if !old.is_empty() || !new.is_empty() {
        report.line(0, &format!("OldReplicaSets:\t{}", none(&old.join(", "))));
        report.line(0, &format!("NewReplicaSet:\t{}", none(&new.join(", "))));
    }
}

fn replica_set_text(call: &Call, object: &Object, set: &ReplicaSet, report: &mut Report) {
    let meta = &object.meta;
    report.line(0, &format!("Selector:\t{}", table::format_selector(&set.spec.selector)));
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    if let Some(owner) = meta.controller() {
        report.line(0, &format!("Controlled By:\t{}/{}", owner.kind, owner.name));
    }
    let (current, wanted) = (set.status.replicas, set.spec.replicas.unwrap_or(0));
    report.line(0, &format!("Replicas:\t{current} current / {wanted} desired"));
    describe_sets::pods_status(call, meta, report);
    template_text(&set.spec.template, report);
}

fn endpoints_text(object: &Object, endpoints: &Endpoints, report: &mut Report) {
    report.labels("Labels", &object.meta.labels);
    report.annotations("Annotations", &object.meta.annotations);
    report.line(0, "Subsets:");
    for subset in &endpoints.subsets {
        let ips = |list: &[EndpointAddress]| {
            none(&list.iter().map(|address| address.ip.as_str()).collect::<Vec<_>>().join(","))
        };
        report.line(1, &format!("Addresses:\t{}", ips(&subset.addresses)));
        report.line(1, &format!("NotReadyAddresses:\t{}", ips(&subset.not_ready_addresses)));
        if !subset.ports.is_empty() {
            report.line(1, "Ports:");
            report.line(2, "Name\tPort\tProtocol");
            report.line(2, "----\t----\t--------");
            for port in &subset.ports {
                let name = if port.name.is_empty() { "<unset>" } else { &port.name };
                report.line(2, &format!("{name}\t{}\t{}", port.port.unwrap_or(0), port.protocol));
            }
        }
        report.line(0, "");
    }
}

fn slice_text(object: &Object, slice: &EndpointSlice, report: &mut Report) {
    report.labels("Labels", &object.meta.labels);
    report.annotations("Annotations", &object.meta.annotations);
    report.line(0, &format!("AddressType:\t{}", slice.address_type));
    if slice.ports.is_empty() {
        report.line(0, "Ports: <unset>");
    } else {
        report.line(0, "Ports:\n  Name\tPort\tProtocol\n  ----\t----\t--------");
        for port in &slice.ports {
            let name = if port.name.is_empty() { "<unset>" } else { &port.name };
            let number = port.port.map_or_else(|| "<unset>".into(), |port| port.to_string());
            report.line(1, &format!("{name}\t{number}\t{}", port.protocol));
        }
    }
    if slice.endpoints.is_empty() {
        report.line(0, "Endpoints: <none>");
        return;
    }
    report.line(0, "Endpoints:");
    let unset = |text: Option<&String>| text.cloned().unwrap_or_else(|| "<unset>".into());
    for endpoint in &slice.endpoints {
        report.line(1, &format!("- Addresses:\t{}", none(&endpoint.addresses.join(", "))));
        report.line(2, "Conditions:");
        let ready = endpoint.conditions.ready.map(|ready| ready.to_string());
        report.line(3, &format!("Ready:\t{}", unset(ready.as_ref())));
        report.line(2, &format!("Hostname:\t{}", unset(endpoint.hostname.as_ref())));
        if let Some(target) = &endpoint.target_ref {
            report.line(2, &format!("TargetRef:\t{}/{}", target.kind, target.name));
        }
        report.line(2, &format!("NodeName:\t{}", unset(endpoint.node_name.as_ref())));
        report.line(2, &format!("Zone:\t{}", unset(endpoint.zone.as_ref())));
    }
}
