//! What the server does to a Service's spec before it looks at it: fields that go with a type, and values allocated before.
//!
//! After `pkg/registry/core/service/strategy.go` and `storage/storage.go` (`normalizeClusterIPs`, `patchAllocatedValues`,
//! `dropTypeDependentFields`).

use super::allocate::needs_health_check;
use crate::object::ServiceSpec;

/// Before a Service is created.
pub(super) fn prepare_create(spec: &mut ServiceSpec) {
    if spec.cluster_ips.is_empty() && !spec.cluster_ip.is_empty() {
        spec.cluster_ips = vec![spec.cluster_ip.clone()];
    }
}

/// Before a Service is updated.
pub(super) fn prepare_update(old: &ServiceSpec, new: &mut ServiceSpec) {
    normalize_cluster_ips(old, new);
    if new.r#type.is_empty() {
        new.r#type = "ClusterIP".into();
    }
    keep_allocated(old, new);
    drop_what_the_type_lacks(old, new);
}

fn normalize_cluster_ips(old: &ServiceSpec, new: &mut ServiceSpec) {
    if new.cluster_ip != old.cluster_ip {
        if new.cluster_ip.is_empty() && new.cluster_ips == old.cluster_ips {
            new.cluster_ips.clear();
        } else if !new.cluster_ip.is_empty() && new.cluster_ips == old.cluster_ips {
            new.cluster_ips = vec![new.cluster_ip.clone()];
        }
    }
}

fn has_cluster_ip(spec: &ServiceSpec) -> bool {
    spec.r#type != "ExternalName"
}

fn has_node_ports(spec: &ServiceSpec) -> bool {
    matches!(spec.r#type.as_str(), "NodePort" | "LoadBalancer")
}

fn is_external(spec: &ServiceSpec) -> bool {
    has_node_ports(spec) || (spec.r#type == "ClusterIP" && !spec.external_ips.is_empty())
}

/// What was allocated and is not mentioned is kept, where both types have it.
fn keep_allocated(old: &ServiceSpec, new: &mut ServiceSpec) {
    if has_cluster_ip(old) && has_cluster_ip(new) {
        if new.cluster_ip.is_empty() {
            new.cluster_ip.clone_from(&old.cluster_ip);
        }
        if new.cluster_ips.is_empty() && new.cluster_ip == old.cluster_ip {
            new.cluster_ips.clone_from(&old.cluster_ips);
        }
    }
    if has_node_ports(old) && has_node_ports(new) {
        let taken: Vec<i32> = new.ports.iter().map(|port| port.node_port).collect();
        for port in new.ports.iter_mut().filter(|port| port.node_port == 0) {
            let same = |was: &&crate::object::ServicePort| {
                was.port == port.port
                    && (was.protocol == port.protocol || (port.protocol.is_empty() && was.protocol == "TCP"))
            };
            if let Some(was) = old.ports.iter().find(same).filter(|was| !taken.contains(&was.node_port)) {
                port.node_port = was.node_port;
            }
        }
    }
    if needs_health_check(old) && needs_health_check(new) && new.health_check_node_port == 0 {
        new.health_check_node_port = old.health_check_node_port;
    }
}

/// Fields that only the old type has, and that were not changed with it, go.
fn drop_what_the_type_lacks(old: &ServiceSpec, new: &mut ServiceSpec) {
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
    let ports = |spec: &ServiceSpec| spec.ports.iter().map(|port| port.node_port).collect::<Vec<_>>();
    if has_node_ports(old) && !has_node_ports(new) && ports(old) == ports(new) {
        new.ports.iter_mut().for_each(|port| port.node_port = 0);
    }
    if needs_health_check(old) && !needs_health_check(new) && new.health_check_node_port == old.health_check_node_port {
        new.health_check_node_port = 0;
    }
    if is_external(old) && !is_external(new) && new.external_traffic_policy == old.external_traffic_policy {
        new.external_traffic_policy.clear();
    }
    if has_cluster_ip(old) && !has_cluster_ip(new) && new.internal_traffic_policy == old.internal_traffic_policy {
        new.internal_traffic_policy.clear();
    }
    if old.r#type == "LoadBalancer" && new.r#type != "LoadBalancer" {
        if new.allocate_load_balancer_node_ports == old.allocate_load_balancer_node_ports {
            new.allocate_load_balancer_node_ports = None;
        }
        if new.load_balancer_class == old.load_balancer_class {
            new.load_balancer_class = None;
        }
    }
}
