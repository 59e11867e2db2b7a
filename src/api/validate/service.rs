//! Services: `ValidateService`, `ValidateServiceUpdate` and `ValidateServiceStatusUpdate`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::{meta, words};
use crate::api::Cause;
use crate::api::allocate::needs_health_check;
use crate::api::service::is_external;
use crate::api::status::quoted;
use crate::object::{IntOrString, Meta, ServicePort, ServiceSpec};

const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

fn is_headless(spec: &ServiceSpec) -> bool {
    spec.cluster_ips == ["None"]
}

fn json(values: &[String]) -> String {
    if values.is_empty() { "null".to_owned() } else { Value::from(values.to_vec()).to_string() }
}

/// The rules of a Service's spec, and of the annotations that go with it.
pub(super) fn service(metadata: &Meta, spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let kind = spec.r#type.as_str();
    let annotation = |name: &str| metadata.annotations.get(name);
    if let (Some(mode), Some(hints)) =
        (annotation("service.kubernetes.io/topology-mode"), annotation("service.kubernetes.io/topology-aware-hints"))
        && mode != hints
    {
        let path = "metadata.annotations[service.kubernetes.io/topology-mode]";
        let detail = "must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified";
        causes.push(Cause::invalid(path, quoted(mode), detail));
    }
    if spec.ports.is_empty() && !is_headless(spec) && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if is_headless(spec) => {
            let detail = format!("may not be set to 'None' for {kind} services");
            causes.push(Cause::invalid("spec.clusterIPs[0]", "\"None\"", detail));
        }
        "ExternalName" => external_name(spec, causes),
        _ => {}
    }
    let mut names = BTreeSet::new();
    for (i, port) in spec.ports.iter().enumerate() {
        service_port(&format!("spec.ports[{i}]"), port, spec.ports.len() > 1, &mut names, causes);
    }
    meta::labels("spec.selector", &spec.selector, causes);
    affinity(spec, causes);
    causes.extend(cluster_ips(spec));
    for (i, ip) in spec.external_ips.iter().enumerate() {
        if let Some(why) = words::ip(ip).or_else(|| words::special(words::address(ip)?)) {
            causes.push(Cause::invalid(format!("spec.externalIPs[{i}]"), quoted(ip), why));
        }
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.contains(&kind) {
        causes.push(Cause::not_supported("spec.type", kind, &kinds));
    }
    port_numbers(spec, causes);
    source_ranges(annotation(SOURCE_RANGES), spec, causes);
    let only_balancers = "may only be used when `type` is 'LoadBalancer'";
    if spec.allocate_load_balancer_node_ports.is_some() && kind != "LoadBalancer" {
        causes.push(Cause::forbidden("spec.allocateLoadBalancerNodePorts", only_balancers));
    }
    if let Some(class) = &spec.load_balancer_class {
        if kind == "LoadBalancer" {
            for message in words::label_key(class) {
                causes.push(Cause::invalid("spec.loadBalancerClass", quoted(class), message));
            }
        } else {
            causes.push(Cause::forbidden("spec.loadBalancerClass", only_balancers));
        }
    }
    traffic(spec, causes);
}

fn external_name(spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let detail = "may not be set for ExternalName services";
    for (field, is_set) in [
        ("clusterIPs", !spec.cluster_ips.is_empty()),
        ("ipFamilies", !spec.ip_families.is_empty()),
        ("ipFamilyPolicy", !spec.ip_family_policy.is_empty()),
    ] {
        if is_set {
            causes.push(Cause::forbidden(format!("spec.{field}"), detail));
        }
    }
    let name = spec.external_name.strip_suffix('.').unwrap_or(&spec.external_name);
    if name.is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
        return;
    }
    for message in words::dns_subdomain(name) {
        causes.push(Cause::invalid("spec.externalName", quoted(name), message));
    }
}

fn service_port<'a>(
    path: &str,
    port: &'a ServicePort,
    needs_name: bool,
    names: &mut BTreeSet<&'a str>,
    causes: &mut Vec<Cause>,
) {
    if port.name.is_empty() {
        if needs_name {
            causes.push(Cause::required(format!("{path}.name"), ""));
        }
    } else {
        for message in words::dns_label(&port.name) {
            causes.push(Cause::invalid(format!("{path}.name"), quoted(&port.name), message));
        }
        if !names.insert(&port.name) {
            causes.push(Cause::duplicate(format!("{path}.name"), quoted(&port.name)));
        }
    }
    if let Some(why) = words::port_number(port.port) {
        causes.push(Cause::invalid(format!("{path}.port"), port.port, why));
    }
    protocol(&format!("{path}.protocol"), &port.protocol, causes);
    if let Some(target) = &port.target_port {
        number_or_name(&format!("{path}.targetPort"), target, causes);
    }
    if let Some(protocol) = &port.app_protocol {
        for message in words::label_key(protocol) {
            causes.push(Cause::invalid(format!("{path}.appProtocol"), quoted(protocol), message));
        }
    }
}

/// The rules of a transport protocol.
pub(super) fn protocol(path: &str, protocol: &str, causes: &mut Vec<Cause>) {
    let supported = ["SCTP", "TCP", "UDP"];
    if protocol.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if !supported.contains(&protocol) {
        causes.push(Cause::not_supported(path, protocol, &supported));
    }
}

/// `ValidatePortNumOrName`
pub(super) fn number_or_name(path: &str, port: &IntOrString, causes: &mut Vec<Cause>) {
    match port {
        IntOrString::Int(number) => {
            if let Some(why) = words::port_number(*number) {
                causes.push(Cause::invalid(path, number, why));
            }
        }
        IntOrString::String(name) => {
            for message in words::port_name(name) {
                causes.push(Cause::invalid(path, quoted(name), message));
            }
        }
    }
}

fn affinity(spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let supported = ["ClientIP", "None"];
    if !supported.contains(&spec.session_affinity.as_str()) {
        causes.push(Cause::not_supported("spec.sessionAffinity", &spec.session_affinity, &supported));
    }
    let Some(config) = &spec.session_affinity_config else { return };
    if spec.session_affinity == "None" {
        let detail = "must not be set when session affinity is None";
        causes.push(Cause::forbidden("spec.sessionAffinityConfig", detail));
    } else if spec.session_affinity == "ClientIP" {
        let timeout = config.pointer("/clientIP/timeoutSeconds").and_then(Value::as_i64).unwrap_or(0);
        if !(1..=86_400).contains(&timeout) {
            let path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
            causes.push(Cause::invalid(path, timeout, "must be greater than 0 and less than 86400"));
        }
    }
}

/// `ValidateServiceClusterIPsRelatedFields`
pub(in crate::api) fn cluster_ips(spec: &ServiceSpec) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec.r#type == "ExternalName" {
        return causes;
    }
    let all = json(&spec.cluster_ips);
    match (spec.cluster_ip.is_empty(), spec.cluster_ips.first()) {
        (false, None) => causes.push(Cause::required("spec.clusterIPs", "")),
        (false, Some(first)) if *first != spec.cluster_ip => {
            causes.push(Cause::invalid("spec.clusterIPs", &all, "first value must match `clusterIP`"));
        }
        (true, Some(_)) => {
            causes.push(Cause::invalid("spec.clusterIPs", &all, "must be empty when `clusterIP` is not specified"));
        }
        _ => {}
    }
    for (i, family) in spec.ip_families.iter().enumerate() {
        if !matches!(family.as_str(), "IPv4" | "IPv6") {
            causes.push(Cause::not_supported(format!("spec.ipFamilies[{i}]"), family, &["IPv4", "IPv6"]));
        }
        if spec.ip_families[..i].contains(family) {
            causes.push(Cause::duplicate(format!("spec.ipFamilies[{i}]"), quoted(family)));
        }
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    if !spec.ip_family_policy.is_empty() && !policies.contains(&spec.ip_family_policy.as_str()) {
        causes.push(Cause::not_supported("spec.ipFamilyPolicy", &spec.ip_family_policy, &policies));
    }
    let mut wrong = false;
    for (i, ip) in spec.cluster_ips.iter().enumerate() {
        if i == 0 && ip == "None" {
            if spec.cluster_ips.len() > 1 {
                wrong = true;
                causes.push(Cause::invalid("spec.clusterIPs", &all, "'None' must be the first and only value"));
            }
        } else if let Some(why) = words::ip(ip) {
            wrong = true;
            causes.push(Cause::invalid(format!("spec.clusterIPs[{i}]"), quoted(ip), why));
        }
    }
    if spec.cluster_ips.len() > 2 {
        causes.push(Cause::invalid("spec.clusterIPs", &all, "may only hold up to 2 values"));
    }
    if wrong {
        return causes;
    }
    let is_v6 = |ip: &str| matches!(words::address(ip), Some(IpAddr::V6(_)));
    if let [first, second, ..] = &spec.cluster_ips[..]
        && (spec.cluster_ips.len() > 2 || is_v6(first) == is_v6(second))
    {
        let detail = "may specify no more than one IP for each IP family";
        causes.push(Cause::invalid("spec.clusterIPs", &all, detail));
    }
    if !is_headless(spec) {
        for (i, (ip, family)) in spec.cluster_ips.iter().zip(&spec.ip_families).enumerate() {
            if is_v6(ip) != (family == "IPv6") {
                let detail = format!("expected an {family} value as indicated by `ipFamilies[{i}]`");
                causes.push(Cause::invalid(format!("spec.clusterIPs[{i}]"), quoted(ip), detail));
            }
        }
    }
    causes
}

fn port_numbers(spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    if spec.r#type == "ClusterIP" {
        for (i, _) in spec.ports.iter().enumerate().filter(|(_, port)| port.node_port != 0) {
            let detail = "may not be used when `type` is 'ClusterIP'";
            causes.push(Cause::forbidden(format!("spec.ports[{i}].nodePort"), detail));
        }
    }
    for (i, port) in spec.ports.iter().enumerate().filter(|(_, port)| port.node_port != 0) {
        if spec.ports[..i].iter().any(|p| (p.node_port, &p.protocol) == (port.node_port, &port.protocol)) {
            causes.push(Cause::duplicate(format!("spec.ports[{i}].nodePort"), port.node_port));
        }
    }
    for (i, port) in spec.ports.iter().enumerate() {
        if spec.ports[..i].iter().any(|p| (p.port, &p.protocol) == (port.port, &port.protocol)) {
            let value = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                quoted(&port.protocol),
                port.port
            );
            causes.push(Cause::duplicate(format!("spec.ports[{i}]"), value));
        }
    }
}

fn source_ranges(annotation: Option<&String>, spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    // The field's path is printed with a capital letter, as upstream.
    let field = !spec.load_balancer_source_ranges.is_empty();
    if !field && annotation.is_none() {
        return;
    }
    let path = if field {
        "spec.LoadBalancerSourceRanges".to_owned()
    } else {
        format!("metadata.annotations[{SOURCE_RANGES}]")
    };
    if spec.r#type != "LoadBalancer" {
        causes.push(Cause::forbidden(&path, "may only be used when `type` is 'LoadBalancer'"));
    }
    let mut range = |path: String, range: &str| {
        if let Some(why) = words::range(range.trim()) {
            causes.push(Cause::invalid(path, quoted(range.trim()), why));
        }
    };
    if field {
        spec.load_balancer_source_ranges.iter().enumerate().for_each(|(i, text)| range(format!("{path}[{i}]"), text));
    } else if let Some(list) = annotation.map(|list| list.trim()).filter(|list| !list.is_empty()) {
        list.split(',').for_each(|text| range(path.clone(), text));
    }
}

fn traffic(spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let policies = ["Cluster", "Local"];
    let external = is_external(spec);
    let policy = &spec.external_traffic_policy;
    if !external && !policy.is_empty() {
        let detail = "may only be set for externally-accessible services";
        causes.push(Cause::invalid("spec.externalTrafficPolicy", quoted(policy), detail));
    } else if external && !policies.contains(&policy.as_str()) {
        causes.push(Cause::not_supported("spec.externalTrafficPolicy", policy, &policies));
    }
    let port = spec.health_check_node_port;
    if port != 0 && !needs_health_check(spec) {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        causes.push(Cause::invalid("spec.healthCheckNodePort", port, detail));
    } else if let Some(why) = words::port_number(port).filter(|_| port != 0) {
        causes.push(Cause::invalid("spec.healthCheckNodePort", port, why));
    }
    let policy = &spec.internal_traffic_policy;
    if !policy.is_empty() && !policies.contains(&policy.as_str()) {
        causes.push(Cause::not_supported("spec.internalTrafficPolicy", policy, &policies));
    }
    let near = ["PreferClose", "PreferSameNode", "PreferSameZone"];
    if let Some(wish) = spec.traffic_distribution.as_ref().filter(|wish| !near.contains(&wish.as_str())) {
        causes.push(Cause::not_supported("spec.trafficDistribution", wish, &near));
    }
}

/// What may not change once set: the first cluster IP, the first family, the balancer's class, the health check's port.
pub(super) fn update(old: &ServiceSpec, new: &ServiceSpec, causes: &mut Vec<Cause>) {
    let named = old.r#type == "ExternalName" || new.r#type == "ExternalName";
    let (was_headless, is_headless) = (is_headless(old), is_headless(new));
    let one_is_not = !was_headless || !is_headless;
    if !named && one_is_not {
        once_set("clusterIPs", "clusterIP", (&old.cluster_ips, &new.cluster_ips), new, causes);
    }
    if !named && !was_headless && !is_headless {
        once_set("ipFamilies", "ipFamily", (&old.ip_families, &new.ip_families), new, causes);
    }
    let balancers = old.r#type == "LoadBalancer" && new.r#type == "LoadBalancer";
    if balancers && old.load_balancer_class != new.load_balancer_class {
        let value = new.load_balancer_class.as_deref().map_or("null".to_owned(), quoted);
        causes.push(Cause::invalid("spec.loadBalancerClass", value, "may not change once set"));
    }
    if needs_health_check(old) && needs_health_check(new) && old.health_check_node_port != new.health_check_node_port {
        causes.push(Cause::forbidden("spec.healthCheckNodePort", "field is immutable"));
    }
}

/// `validateUpgradeDowngradeClusterIPs` and `validateUpgradeDowngradeIPFamilies`, with the indices that they print.
fn once_set(field: &str, one: &str, (old, new): (&[String], &[String]), spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let mut say = |i: usize, detail: &str| {
        causes.push(Cause::invalid(format!("spec.{field}[{i}]"), json(new), detail));
    };
    if old.len() == new.len() {
        for (i, _) in old.iter().zip(new).enumerate().filter(|(_, (was, is))| was != is) {
            say(if field == "ipFamilies" { 0 } else { i }, "may not change once set");
        }
        return;
    }
    if new.is_empty() {
        say(0, &format!("primary {one} can not be unset"));
    } else if !old.is_empty() && old[0] != new[0] {
        say(0, "may not change once set");
    }
    if old.len() > new.len() && new.len() == 1 && spec.ip_family_policy != "SingleStack" {
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {one}");
        causes.push(Cause::invalid("spec.ipFamilyPolicy", quoted(&spec.ip_family_policy), detail));
    }
}
