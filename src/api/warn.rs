//! What the server accepts, but warns of: headers of its answer, which kubectl prints as `Warning: …` on standard error.
//!
//! After `pkg/api/service/warnings.go`, `pkg/api/pod/warnings.go` (ports, variables, grace period), `pkg/registry/discovery/endpointslice/strategy.go`,
//! `pkg/registry/networking/ingress/strategy.go` and `k8s.io/apimachinery` `pkg/util/validation/ip.go`. That Endpoints are deprecated is told with every answer about them, by kubectl's side.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use super::status::quoted;
use crate::object::{Body, Container, ContainerPort, EndpointSlice, Object, PodSpec, Service};

const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

/// A warning, and the field that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The field's path; of the whole object if it is empty.
    pub field: String,
    /// The server's words, which name the field again where they do.
    pub message: String,
}

/// What the server warns of in an object that it has taken in; `old` is what it was before, none if it is new.
pub fn warnings(object: &Object, old: Option<&Object>) -> Vec<Warning> {
    let mut out = Vec::new();
    match &object.body {
        Body::Service(service) => self::service(object, service, &mut out),
        Body::EndpointSlice(slice) => {
            let same = old.and_then(Object::body::<EndpointSlice>).is_some_and(|old| old.endpoints == slice.endpoints);
            if !same {
                endpoint_slice(slice, &mut out);
            }
        }
        Body::Pod(pod) => pod_spec("", &pod.spec, &mut out),
        Body::Deployment(deployment) => pod_spec("spec.template.", &deployment.spec.template.spec, &mut out),
        Body::ReplicaSet(set) => pod_spec("spec.template.", &set.spec.template.spec, &mut out),
        Body::StatefulSet(set) => pod_spec("spec.template.", &set.spec.template.spec, &mut out),
        Body::DaemonSet(set) => pod_spec("spec.template.", &set.spec.template.spec, &mut out),
        Body::Ingress(_) if old.is_none() && object.meta.annotations.contains_key(INGRESS_CLASS) => {
            let message =
                "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead";
            say(format!("metadata.annotations[{INGRESS_CLASS}]"), message, &mut out);
        }
        _ => {}
    }
    out
}

fn say(field: impl Into<String>, message: impl Display, out: &mut Vec<Warning>) {
    out.push(Warning { field: field.into(), message: message.to_string() });
}

fn service(object: &Object, service: &Service, out: &mut Vec<Warning>) {
    let spec = &service.spec;
    if object.meta.annotations.contains_key("service.kubernetes.io/topology-aware-hints") {
        let message = "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead";
        say("metadata.annotations[service.kubernetes.io/topology-aware-hints]", message, out);
    }
    let headless = spec.cluster_ip == "None";
    let ignored = headless && spec.r#type == "ClusterIP";
    let external_name = spec.r#type == "ExternalName";
    if !headless {
        spec.cluster_ips.iter().enumerate().for_each(|(i, ip)| address(format!("spec.clusterIPs[{i}]"), ip, out));
    }
    if ignored {
        for (is_set, field, name) in [
            (!spec.load_balancer_ip.is_empty(), "spec.loadBalancerIP", "spec.loadBalancerIP"),
            (!spec.external_ips.is_empty(), "spec.externalIPs", "spec.externalIPs"),
            // Capital letter and all, as upstream.
            (spec.session_affinity != "None", "spec.sessionAffinity", "spec.SessionAffinity"),
        ] {
            if is_set {
                say(field, format!("{name} is ignored for headless services"), out);
            }
        }
    }
    spec.external_ips.iter().enumerate().for_each(|(i, ip)| address(format!("spec.externalIPs[{i}]"), ip, out));
    if !spec.external_ips.is_empty() && !external_name && !ignored {
        let message = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        say("spec.externalIPs", message, out);
    }
    address("spec.loadBalancerIP".into(), &spec.load_balancer_ip, out);
    for (i, text) in spec.load_balancer_source_ranges.iter().enumerate() {
        range(format!("spec.loadBalancerSourceRanges[{i}]"), text, out);
    }
    if external_name && !spec.external_ips.is_empty() {
        say("spec.externalIPs", "spec.externalIPs is ignored when spec.type is \"ExternalName\"", out);
    }
    if !external_name && !spec.external_name.is_empty() {
        say("spec.externalName", "spec.externalName is ignored when spec.type is not \"ExternalName\"", out);
    }
    if spec.traffic_distribution.as_deref() == Some("PreferClose") {
        let message = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
        say("spec.trafficDistribution", message, out);
    }
}

/// What `pkg/api/pod/warnings.go` says of ports, variables and the grace period; `path` is that of the pod or template.
fn pod_spec(path: &str, spec: &PodSpec, out: &mut Vec<Warning>) {
    for (i, container) in spec.containers.iter().enumerate() {
        let mut before: BTreeSet<&str> = BTreeSet::new();
        for (j, variable) in container.rest.get("env").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or_default();
            let (name, value) = (text("name"), text("value"));
            let reference = format!("$({name})");
            let from = variable.get("valueFrom").is_some_and(Value::is_object);
            if !before.insert(name) && (from || value == reference || !value.contains(&reference)) {
                let field = format!("{path}spec.containers[{i}].env[{j}]");
                let name = quoted(name);
                let message =
                    format!("{field}: hides previous definition of {name}, which may be dropped when using apply");
                say(field, message, out);
            }
        }
    }
    let each = |(i, container): (usize, &'_ Container)| {
        container.ports.iter().cloned().enumerate().map(|(j, port)| (i, j, port)).collect::<Vec<_>>()
    };
    let ports: Vec<(usize, usize, ContainerPort)> = spec.containers.iter().enumerate().flat_map(each).collect();
    for (n, (i, j, port)) in ports.iter().enumerate() {
        let field = format!("{path}spec.containers[{i}].ports[{j}]");
        let of = |port: &ContainerPort| (port.container_port, port.protocol.clone());
        for (i, j, other) in ports[..n].iter().filter(|(_, _, other)| of(other) == of(port)) {
            let host = |port: &ContainerPort| port.host_port.unwrap_or(0);
            let how = if port.host_ip == other.host_ip && host(port) == host(other) {
                "duplicate"
            } else if host(port) == 0 || host(other) == 0 {
                "overlapping"
            } else {
                continue;
            };
            let message = format!("{field}: {how} port definition with {path}spec.containers[{i}].ports[{j}]");
            say(&field, message, out);
        }
    }
    if spec.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
        let field = format!("{path}spec.terminationGracePeriodSeconds");
        let message = format!("{field}: must be >= 0; negative values are invalid and will be treated as 1");
        say(field, message, out);
    }
}

fn endpoint_slice(slice: &EndpointSlice, out: &mut Vec<Warning>) {
    if !matches!(slice.address_type.as_str(), "IPv4" | "IPv6") {
        return;
    }
    for (i, endpoint) in slice.endpoints.iter().enumerate() {
        for (j, ip) in endpoint.addresses.iter().enumerate() {
            address(format!("endpoints[{i}].addresses[{j}]"), ip, out);
        }
    }
}

/// `GetWarningsForIP`: forms that are odd; a word that is no address at all is not its business.
fn address(field: String, value: &str, out: &mut Vec<Warning>) {
    let Some(ip) = super::validate::address(value) else { return };
    let mapped = |ip: Ipv6Addr| ip.to_ipv4_mapped();
    let message = match ip {
        IpAddr::V4(ip) if ip.to_string() != value => Some(("non-standard IP address", ip.to_string())),
        IpAddr::V6(ip) if mapped(ip).is_some() => mapped(ip).map(|ip| ("non-standard IP address", ip.to_string())),
        IpAddr::V6(ip) if ip.to_string() != value => Some(("", ip.to_string())),
        _ => None,
    };
    let Some((what, better)) = message else { return };
    let (value, better) = (quoted(value), quoted(&better));
    let message = if what.is_empty() {
        format!("{field}: IPv6 address {value} should be in RFC 5952 canonical format ({better})")
    } else {
        format!("{field}: {what} {value} will be considered invalid in a future Kubernetes release: use {better}")
    };
    say(field, message, out);
}

/// `GetWarningsForCIDR`, as far as strict validation leaves anything to warn of.
fn range(field: String, value: &str, out: &mut Vec<Warning>) {
    let Some((ip, length)) = value.split_once('/') else { return };
    let Some(IpAddr::V6(ip)) = super::validate::address(ip) else { return };
    let better = format!("{ip}/{length}");
    if better != value {
        let (value, better) = (quoted(value), quoted(&better));
        let message = format!("{field}: IPv6 CIDR value {value} should be in RFC 5952 canonical format ({better})");
        say(field, message, out);
    }
}
