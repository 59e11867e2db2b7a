//! Service, Endpoints and EndpointSlice, as in `k8s.io/api` `core/v1` and `discovery/v1`.

use serde_json::Value;

use super::tree::fields;
use super::{Labels, Notes, Rest, Tree};

/// A port by number or by the name of a container's port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A name.
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl Tree for IntOrString {
    fn read(value: Value, notes: &mut Notes) -> Self {
        match value {
            Value::String(name) => Self::String(name),
            value => Self::Int(i32::read(value, notes)),
        }
    }
    fn write(&self) -> Value {
        match self {
            Self::Int(number) => (*number).into(),
            Self::String(name) => name.as_str().into(),
        }
    }
}

/// `Service`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Service {
    pub spec: ServiceSpec,
    pub status: ServiceStatus,
}

fields!(Service {
    spec "spec",
    status "status",
});

/// `ServiceSpec`; an empty string or zero stands for a field that is not set.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ServiceSpec {
    pub allocate_load_balancer_node_ports: Option<bool>,
    pub cluster_ip: String,
    pub cluster_ips: Vec<String>,
    pub external_ips: Vec<String>,
    pub external_name: String,
    pub external_traffic_policy: String,
    pub health_check_node_port: i32,
    pub internal_traffic_policy: String,
    pub ip_families: Vec<String>,
    pub ip_family_policy: String,
    pub load_balancer_class: Option<String>,
    pub load_balancer_ip: String,
    pub load_balancer_source_ranges: Vec<String>,
    pub ports: Vec<ServicePort>,
    pub publish_not_ready_addresses: bool,
    pub selector: Labels,
    pub session_affinity: String,
    pub session_affinity_config: Option<Value>,
    pub traffic_distribution: Option<String>,
    pub r#type: String,
    pub rest: Rest,
}

fields!(ServiceSpec {
    allocate_load_balancer_node_ports "allocateLoadBalancerNodePorts",
    cluster_ip "clusterIP",
    cluster_ips "clusterIPs",
    external_ips "externalIPs",
    external_name "externalName",
    external_traffic_policy "externalTrafficPolicy",
    health_check_node_port "healthCheckNodePort",
    internal_traffic_policy "internalTrafficPolicy",
    ip_families "ipFamilies",
    ip_family_policy "ipFamilyPolicy",
    load_balancer_class "loadBalancerClass",
    load_balancer_ip "loadBalancerIP",
    load_balancer_source_ranges "loadBalancerSourceRanges",
    ports "ports",
    publish_not_ready_addresses "publishNotReadyAddresses",
    selector "selector",
    session_affinity "sessionAffinity",
    session_affinity_config "sessionAffinityConfig",
    traffic_distribution "trafficDistribution",
    r#type "type",
} rest);

/// `ServicePort`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ServicePort {
    pub app_protocol: Option<String>,
    pub name: String,
    pub node_port: i32,
    pub port: i32,
    pub protocol: String,
    /// None until defaulting copies `port`.
    pub target_port: Option<IntOrString>,
}

fields!(ServicePort {
    app_protocol "appProtocol",
    name "name",
    node_port "nodePort",
    port "port" always,
    protocol "protocol",
    target_port "targetPort",
});

/// `ServiceStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ServiceStatus {
    pub load_balancer: LoadBalancerStatus,
    pub rest: Rest,
}

fields!(ServiceStatus {
    load_balancer "loadBalancer",
} rest);

/// `LoadBalancerStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct LoadBalancerStatus {
    pub ingress: Vec<LoadBalancerIngress>,
}

fields!(LoadBalancerStatus {
    ingress "ingress",
});

/// `LoadBalancerIngress`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct LoadBalancerIngress {
    pub hostname: String,
    pub ip: String,
    pub ip_mode: Option<String>,
    pub rest: Rest,
}

fields!(LoadBalancerIngress {
    hostname "hostname",
    ip "ip",
    ip_mode "ipMode",
} rest);

/// `Endpoints`, deprecated since 1.33.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Endpoints {
    pub subsets: Vec<EndpointSubset>,
}

fields!(Endpoints {
    subsets "subsets",
});

/// `EndpointSubset`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct EndpointSubset {
    pub addresses: Vec<EndpointAddress>,
    pub not_ready_addresses: Vec<EndpointAddress>,
    pub ports: Vec<EndpointPort>,
}

fields!(EndpointSubset {
    addresses "addresses",
    not_ready_addresses "notReadyAddresses",
    ports "ports",
});

/// `EndpointAddress`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct EndpointAddress {
    pub hostname: String,
    pub ip: String,
    pub node_name: Option<String>,
    pub target_ref: Option<TargetRef>,
}

fields!(EndpointAddress {
    hostname "hostname",
    ip "ip" always,
    node_name "nodeName",
    target_ref "targetRef",
});

/// `EndpointPort` of both APIs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct EndpointPort {
    pub app_protocol: Option<String>,
    pub name: String,
    pub port: Option<i32>,
    pub protocol: String,
}

fields!(EndpointPort {
    app_protocol "appProtocol",
    name "name" always,
    port "port",
    protocol "protocol" always,
});

/// `EndpointSlice`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct EndpointSlice {
    pub address_type: String,
    pub endpoints: Vec<Endpoint>,
    pub ports: Vec<EndpointPort>,
}

fields!(EndpointSlice {
    address_type "addressType" always,
    endpoints "endpoints" always,
    ports "ports" always,
});

/// `Endpoint` of `discovery/v1`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Endpoint {
    pub addresses: Vec<String>,
    pub conditions: EndpointConditions,
    pub hints: Option<EndpointHints>,
    pub hostname: Option<String>,
    pub node_name: Option<String>,
    pub target_ref: Option<TargetRef>,
    pub zone: Option<String>,
    pub rest: Rest,
}

fields!(Endpoint {
    addresses "addresses" always,
    conditions "conditions",
    hints "hints",
    hostname "hostname",
    node_name "nodeName",
    target_ref "targetRef",
    zone "zone",
} rest);

/// `EndpointConditions`; none means unknown, which readers take as said for each field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointConditions {
    /// None is read as true.
    pub ready: Option<bool>,
    /// None is read as `ready`.
    pub serving: Option<bool>,
    /// None is read as false.
    pub terminating: Option<bool>,
}

fields!(EndpointConditions {
    ready "ready",
    serving "serving",
    terminating "terminating",
});

/// `EndpointHints`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct EndpointHints {
    pub for_nodes: Vec<Named>,
    pub for_zones: Vec<Named>,
}

fields!(EndpointHints {
    for_nodes "forNodes",
    for_zones "forZones",
});

/// `ForZone` or `ForNode`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Named {
    pub name: String,
}

fields!(Named {
    name "name" always,
});

/// `ObjectReference`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct TargetRef {
    pub kind: String,
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub rest: Rest,
}

fields!(TargetRef {
    kind "kind",
    name "name",
    namespace "namespace",
    uid "uid",
} rest);
