//! What the server does to a Service's spec around allocation: values allocated before, and fields that go with a type.
//!
//! After `pkg/registry/core/service/storage/storage.go` (`normalizeClusterIPs`, `patchAllocatedValues`,
//! `defaultOnReadInternalTrafficPolicy`) and `pkg/registry/core/service/strategy.go` (`dropTypeDependentFields`).

use std::collections::BTreeSet;

use super::allocate::{has_node_ports, needs_health_check};
use crate::object::{Service, ServiceSpec};

/// Before the allocators look at a new Service.
pub(super) fn begin_create(spec: &mut ServiceSpec) {
    if spec.cluster_ips.is_empty() && !spec.cluster_ip.is_empty() {
        spec.cluster_ips = vec![spec.cluster_ip.clone()];
    }
}

/// Before the allocators look at a changed Service.
pub(super) fn begin_update(old: &ServiceSpec, new: &mut ServiceSpec) {
    keep_allocated(old, new);
    normalize_cluster_ips(old, new);
    // The affinity's time-out goes with it (`SetDefaults_Service`), unless it was written: then it is refused.
    if new.session_affinity == "None" && new.session_affinity_config == old.session_affinity_config {
        new.session_affinity_config = None;
    }
}

/// What all who read a Service see of it.
pub(super) fn decorate(spec: &mut ServiceSpec) {
    if spec.r#type == "ExternalName" {
        spec.internal_traffic_policy.clear();
    }
}

/// Whether the Service is reached from outside the cluster, at nodes or at addresses of its own.
pub(super) fn is_external(spec: &ServiceSpec) -> bool {
    has_node_ports(spec) || (spec.r#type == "ClusterIP" && !spec.external_ips.is_empty())
}

fn normalize_cluster_ips(old: &ServiceSpec, new: &mut ServiceSpec) {
    if new.cluster_ips.is_empty() && new.cluster_ip == old.cluster_ip {
        new.cluster_ips.clone_from(&old.cluster_ips);
    }
    if new.cluster_ip != old.cluster_ip && new.cluster_ips == old.cluster_ips {
        new.cluster_ips.clear();
        if !new.cluster_ip.is_empty() {
            new.cluster_ips.push(new.cluster_ip.clone());
        }
    }
}

fn has_cluster_ip(spec: &ServiceSpec) -> bool {
    spec.r#type != "ExternalName"
}

/// What was allocated and is not mentioned is kept, where both types have it. Node ports are found again by the port's name.
fn keep_allocated(old: &ServiceSpec, new: &mut ServiceSpec) {
    if has_cluster_ip(old) && has_cluster_ip(new) {
        if new.cluster_ip.is_empty() {
            new.cluster_ip.clone_from(&old.cluster_ip);
        }
        if new.cluster_ips.is_empty() {
            new.cluster_ips.clone_from(&old.cluster_ips);
        }
    }
    if has_node_ports(old) && has_node_ports(new) {
        let mut used: BTreeSet<i32> = new.ports.iter().map(|port| port.node_port).collect();
        for port in new.ports.iter_mut().filter(|port| port.node_port == 0) {
            let was = old.ports.iter().rev().find(|was| was.name == port.name);
            if let Some(was) = was.filter(|was| used.insert(was.node_port)) {
                port.node_port = was.node_port;
            }
        }
    }
    if needs_health_check(old) && needs_health_check(new) && new.health_check_node_port == 0 {
        new.health_check_node_port = old.health_check_node_port;
    }
}

/// Fields that only the old type has, and that were not changed with it, go.
pub(super) fn drop_what_the_type_lacks(old: &ServiceSpec, new: &mut Service) {
    let status = &mut new.status;
    let new = &mut new.spec;
    if has_cluster_ip(old) && !has_cluster_ip(new) {
        if new.cluster_ip == old.cluster_ip && new.cluster_ips == old.cluster_ips {
            new.cluster_ip.clear();
            new.cluster_ips.clear();
        }
        if new.ip_families == old.ip_families {
            new.ip_families.clear();
        }
        if new.ip_family_policy == old.ip_family_policy {
            new.ip_family_policy.clear();
        }
    }
    let had = |port: i32| port == 0 || old.ports.iter().any(|was| was.node_port == port);
    if has_node_ports(old) && !has_node_ports(new) && new.ports.iter().all(|port| had(port.node_port)) {
        new.ports.iter_mut().for_each(|port| port.node_port = 0);
    }
    if needs_health_check(old) && !needs_health_check(new) && new.health_check_node_port == old.health_check_node_port {
        new.health_check_node_port = 0;
    }
    if old.r#type == "LoadBalancer" && new.r#type != "LoadBalancer" {
        if new.allocate_load_balancer_node_ports == old.allocate_load_balancer_node_ports {
            new.allocate_load_balancer_node_ports = None;
        }
        if new.load_balancer_class == old.load_balancer_class {
            new.load_balancer_class = None;
        }
    }
    if is_external(old) && !is_external(new) && new.external_traffic_policy == old.external_traffic_policy {
        new.external_traffic_policy.clear();
    }
    if new.r#type != "LoadBalancer" {
        status.load_balancer.ingress.clear();
    }
}
