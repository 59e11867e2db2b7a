//! Services to rules: [`Served::read`] reads what kube-proxy watches, [`iptables`] or [`nftables`] writes it down, one Service
//! at a time.
//!
//! Stands for `pkg/proxy/{serviceport,servicechangetracker,endpointslicecache,topology}.go` of Kubernetes 1.37, IPv4 only.
//! kube-proxy walks a Go map, so that its Services come in any order; here they come by name and port.

pub(super) mod iptables;
pub(super) mod nftables;
mod names;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use names::digits;

use super::blame::pod_field;
use super::topology::Machine;
use crate::api::Store;
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::{self, FieldRef, Kind, Labels, Ref};
use crate::trace::{Proto, Reason, Socket};

/// Above this many endpoints kube-proxy leaves out comments on the rules of single endpoints.
const LARGE_CLUSTER: usize = 1000;

/// A Service, as kube-proxy sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// `default/web`
    pub name: Arc<str>,
    /// Its ports, at least one.
    pub ports: Vec<ServicePort>,
}

/// Whether rules of single endpoints have comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    /// They say which endpoint of which Service it is.
    Written,
    /// They would take too much room.
    LeftOut,
}

impl Comments {
    /// What kube-proxy does with so many endpoints in all.
    pub(super) fn among(endpoints: usize) -> Self {
        if endpoints > LARGE_CLUSTER { Self::LeftOut } else { Self::Written }
    }
}

/// One port of one Service, as kube-proxy sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicePort {
    /// `default/web:http`, or `default/web` where the port has no name.
    pub name: Arc<str>,
    /// `default/web`
    pub service: Arc<str>,
    /// The Service.
    pub object: Ref,
    /// The port's place in `spec.ports`.
    pub index: usize,
    /// Its protocol; only TCP and UDP are served.
    pub proto: Proto,
    /// The cluster IP.
    pub cluster_ip: Ipv4Addr,
    /// The port.
    pub port: u16,
    /// The port on every node; 0 if there is none.
    pub node_port: u16,
    /// `spec.externalIPs`
    pub external_ips: Vec<Ipv4Addr>,
    /// The load balancer's addresses that nodes short-cut.
    pub balancer_ips: Vec<Ipv4Addr>,
    /// The load balancer's addresses that nodes do not short-cut (`ipMode: Proxy`).
    pub proxied_ips: Vec<Ipv4Addr>,
    /// `spec.loadBalancerSourceRanges`
    pub source_ranges: Vec<Ipv4Net>,
    /// How long a client stays with its endpoint, in seconds; none without session affinity.
    pub affinity: Option<u32>,
    /// `externalTrafficPolicy: Local`
    pub external_local: bool,
    /// `internalTrafficPolicy: Local`
    pub internal_local: bool,
    /// Where kube-proxy tells balancers whether this node has endpoints; 0 if nowhere.
    pub health_check_node_port: u16,
    /// All endpoints, sorted by their text as kube-proxy sorts them.
    pub endpoints: Vec<Endpoint>,
    /// Why there is no usable endpoint anywhere, and the field to blame; none if there is one.
    pub lacking: Option<(Reason, FieldRef)>,
}

/// One address that may answer for a Service's port.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Address and port.
    pub socket: Socket,
    /// `10.244.0.5:9090`
    pub text: String,
    /// Its node.
    pub node: Option<Arc<str>>,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it answers, ready or not.
    pub serving: bool,
    /// Whether it is ending.
    pub terminating: bool,
    /// The zones that it is for; empty if it is not said.
    pub zone_hints: Vec<String>,
    /// The nodes that it is for; empty if it is not said.
    pub node_hints: Vec<String>,
    /// The pod behind it, or its address.
    pub who: Arc<str>,
}

/// The endpoints that rules of one node use.
#[derive(Clone, Debug, Default)]
pub(super) struct Usable<'a> {
    /// For policy Cluster.
    pub(super) cluster: Vec<&'a Endpoint>,
    /// For policy Local.
    pub(super) local: Vec<&'a Endpoint>,
    /// Both, each once.
    pub(super) all: Vec<&'a Endpoint>,
    /// Whether there is one anywhere in the cluster.
    pub(super) any: bool,
}

impl ServicePort {
    /// Whether anything but the cluster IP leads to it.
    pub(super) fn is_external(&self) -> bool {
        self.node_port != 0 || !self.balancer_ips.is_empty() || !self.external_ips.is_empty()
    }

    pub(super) fn uses_cluster(&self) -> bool {
        !self.internal_local || self.is_external()
    }

    pub(super) fn uses_local(&self) -> bool {
        self.internal_local || (self.external_local && self.is_external())
    }

    /// Whether its rules differ from node to node.
    pub(super) fn depends_on_node(&self) -> bool {
        self.uses_local()
            || !self.source_ranges.is_empty()
            || self.endpoints.iter().any(|e| !e.zone_hints.is_empty() || !e.node_hints.is_empty())
    }

    /// `80/TCP`
    pub(super) fn served(&self) -> String {
        format!("{}/{}", self.port, self.proto.name().to_ascii_uppercase())
    }

    /// `default/web/tcp/http`, as chains of mode nftables have it.
    fn nft_name(&self) -> String {
        let port = self.name.get(self.service.len() + 1..).unwrap_or("");
        format!("{}/{}/{port}", self.service, self.proto.name())
    }

    /// A field of the Service.
    pub(super) fn field(&self, path: &str) -> FieldRef {
        FieldRef::new(self.object.clone(), path)
    }

    /// A field of this port.
    pub(super) fn port_field(&self, name: &str) -> FieldRef {
        FieldRef::new(self.object.clone(), format!("spec.ports[{}].{name}", self.index))
    }

    /// Sorts out the endpoints for the rules of one node.
    pub(super) fn usable(&self, node: &str, zone: &str) -> Usable<'_> {
        let mut usable = Usable::default();
        let ending = |e: &&Endpoint| e.serving && e.terminating;
        let here = |e: &&Endpoint| e.node.as_deref() == Some(node);
        let mut hinted = false;
        if self.uses_cluster() {
            let hints = Hints::of(&self.endpoints, node, zone);
            hinted = hints != Hints::Ignored;
            usable.cluster = self
                .endpoints
                .iter()
                .filter(|e| e.ready)
                .filter(|e| match hints {
                    Hints::Ignored => true,
                    Hints::Node => e.node_hints.iter().any(|n| n == node),
                    Hints::Zone => e.zone_hints.iter().any(|z| z == zone),
                })
                .collect();
            if usable.cluster.is_empty() {
                usable.cluster = self.endpoints.iter().filter(ending).collect();
            }
            usable.any = !usable.cluster.is_empty();
        }
        if !self.uses_local() {
            usable.all = usable.cluster.clone();
            return usable;
        }
        usable.any |= self.endpoints.iter().any(|e| e.ready || (e.serving && e.terminating));
        usable.local = self.endpoints.iter().filter(here).filter(|e| e.ready).collect();
        let mut local_ends = false;
        if usable.local.is_empty() {
            usable.local = self.endpoints.iter().filter(here).filter(ending).collect();
            local_ends = !usable.local.is_empty();
        }
        usable.all = if !self.uses_cluster() {
            usable.local.clone()
        } else if !hinted && !local_ends {
            usable.cluster.clone()
        } else {
            let mut both = usable.cluster.clone();
            both.extend(usable.local.iter().filter(|e| !usable.cluster.iter().any(|c| c.text == e.text)));
            crate::sort::by(&mut both, |a, b| a.text.cmp(&b.text));
            both
        };
        usable
    }
}

/// Which of the endpoints' hints a node follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hints {
    Ignored,
    Node,
    Zone,
}

impl Hints {
    /// Hints count only if every ready endpoint has one and at least one is for us.
    fn of(endpoints: &[Endpoint], node: &str, zone: &str) -> Self {
        let ready = || endpoints.iter().filter(|e| e.ready);
        if ready().next().is_none() {
            return Self::Ignored;
        }
        let said = |hints: fn(&Endpoint) -> &Vec<String>, mine: &str| {
            ready().all(|e| !hints(e).is_empty()) && ready().any(|e| hints(e).iter().any(|h| h == mine))
        };
        if said(|e| &e.node_hints, node) {
            Self::Node
        } else if said(|e| &e.zone_hints, zone) {
            Self::Zone
        } else {
            Self::Ignored
        }
    }
}

impl Served {
    /// Reads a Service and its endpoints; none if kube-proxy has nothing to do for it.
    pub(super) fn read(store: &Store, key: &Ref) -> Option<Self> {
        let (meta, service) = store.read::<object::Service>(key)?;
        let spec = &service.spec;
        let cluster_ip = spec.cluster_ip.parse::<Ipv4Addr>().ok()?;
        if spec.r#type == "ExternalName" {
            return None;
        }
        let object = Ref::new(Kind::Service, meta.namespace.as_str(), meta.name.as_str());
        let full: Arc<str> = full_name(key).into();
        let slices: Vec<_> = store.slices_of(&meta.namespace, &meta.name).collect();
        let external_local =
            spec.external_traffic_policy == "Local" && matches!(&*spec.r#type, "NodePort" | "LoadBalancer");
        let balancer_ips = |vip: bool| {
            let ingress = service.status.load_balancer.ingress.iter();
            let of_mode = ingress.filter(move |i| i.ip_mode.as_deref().is_none_or(|mode| mode == "VIP") == vip);
            of_mode.filter_map(|i| i.ip.parse().ok()).collect()
        };
        let mut ports = Vec::new();
        for (index, port) in spec.ports.iter().enumerate() {
            let proto = match &*port.protocol {
                "UDP" => Proto::Udp,
                "TCP" | "" => Proto::Tcp,
                _ => continue,
            };
            let name = if port.name.is_empty() { full.clone() } else { format!("{full}:{}", port.name).into() };
            let mut port = ServicePort {
                name,
                service: full.clone(),
                object: object.clone(),
                index,
                proto,
                cluster_ip,
                port: to_port(port.port),
                node_port: to_port(port.node_port),
                external_ips: spec.external_ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
                balancer_ips: balancer_ips(true),
                proxied_ips: balancer_ips(false),
                source_ranges: spec
                    .load_balancer_source_ranges
                    .iter()
                    .filter_map(|range| range.trim().parse::<Ipv4Net>().ok())
                    .map(|range| range.trunc())
                    .collect(),
                affinity: (spec.session_affinity == "ClientIP").then(|| affinity_seconds(spec)),
                external_local,
                internal_local: spec.internal_traffic_policy == "Local",
                health_check_node_port: match external_local && spec.r#type == "LoadBalancer" {
                    true => to_port(spec.health_check_node_port),
                    false => 0,
                },
                endpoints: endpoints(&slices, &port.name, proto),
                lacking: None,
            };
            if !port.endpoints.iter().any(|e| e.ready || (e.serving && e.terminating)) {
                let wants = spec.ports[index].target_port.as_ref();
                port.lacking = Some(lacking(store, &port, wants, meta, &spec.selector));
            }
            ports.push(port);
        }
        (!ports.is_empty()).then_some(Self { name: full, ports })
    }

    /// How many endpoints its ports have together.
    pub(super) fn endpoints(&self) -> usize {
        self.ports.iter().map(|port| port.endpoints.len()).sum()
    }

    /// Its cluster IP.
    pub(super) fn cluster_ip(&self) -> Ipv4Addr {
        self.ports.first().map_or(Ipv4Addr::UNSPECIFIED, |port| port.cluster_ip)
    }

    /// Whether its rules differ from node to node.
    pub(super) fn depends_on_node(&self) -> bool {
        self.ports.iter().any(ServicePort::depends_on_node)
    }

    /// Whether one of its ports has no usable endpoint, so that its rules tell why.
    pub(super) fn lacks(&self) -> bool {
        self.ports.iter().any(|port| port.lacking.is_some())
    }
}

/// Whether ranges of `--nodeport-addresses` name every address.
fn is_all(ranges: &[Ipv4Net]) -> bool {
    ranges.iter().any(|range| range.prefix_len() == 0)
}

/// A node's addresses that are in one of the ranges.
fn own_addresses<'a>(machine: &Machine, ranges: &'a [Ipv4Net]) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
    let own = [Ipv4Addr::LOCALHOST, machine.address, machine.gateway];
    own.into_iter().filter(|ip| ranges.iter().any(|range| range.contains(ip)))
}

/// `default/web`
pub(super) fn full_name(key: &Ref) -> String {
    format!("{}/{}", key.namespace, key.name)
}

/// A port number; 0 where there is none.
pub(super) fn to_port(number: i32) -> u16 {
    u16::try_from(number).unwrap_or(0)
}

/// `spec.sessionAffinityConfig.clientIP.timeoutSeconds`; three hours unless it is said.
fn affinity_seconds(spec: &object::ServiceSpec) -> u32 {
    spec.session_affinity_config
        .as_ref()
        .and_then(|config| config.pointer("/clientIP/timeoutSeconds")?.as_u64())
        .and_then(|seconds| u32::try_from(seconds).ok())
        .unwrap_or(10_800)
}

fn endpoints(slices: &[&object::EndpointSlice], port_name: &str, proto: Proto) -> Vec<Endpoint> {
    let mut found: BTreeMap<String, Endpoint> = BTreeMap::new();
    for slice in slices {
        let serves = |p: &&object::EndpointPort| {
            p.name == port_name && (if p.protocol == "UDP" { Proto::Udp } else { Proto::Tcp }) == proto
        };
        for port in slice.ports.iter().filter(serves).filter_map(|p| p.port.map(to_port)).filter(|p| *p != 0) {
            for endpoint in &slice.endpoints {
                let Some(ip) = endpoint.addresses.first().and_then(|ip| ip.parse().ok()) else { continue };
                let (socket, conditions) = (Socket { ip, port }, &endpoint.conditions);
                let text = socket.to_string();
                let ready = conditions.ready.unwrap_or(true);
                let names = |hints: &[object::Named]| hints.iter().map(|hint| hint.name.clone()).collect();
                let who = match &endpoint.target_ref {
                    Some(target) if target.kind == "Pod" => target.name.as_str().into(),
                    _ => text.as_str().into(),
                };
                found.entry(text.clone()).or_insert(Endpoint {
                    socket,
                    text,
                    node: endpoint.node_name.as_deref().map(Arc::from),
                    ready,
                    serving: conditions.serving.unwrap_or(true),
                    terminating: conditions.terminating.unwrap_or(false),
                    zone_hints: endpoint.hints.as_ref().map_or_else(Vec::new, |hints| names(&hints.for_zones)),
                    node_hints: endpoint.hints.as_ref().map_or_else(Vec::new, |hints| names(&hints.for_nodes)),
                    who,
                });
            }
        }
    }
    found.into_values().collect()
}

/// Why a Service's port has no usable endpoint, and the field to blame.
fn lacking(
    store: &Store,
    port: &ServicePort,
    wants: Option<&object::IntOrString>,
    meta: &object::Meta,
    selector: &Labels,
) -> (Reason, FieldRef) {
    let service = port.service.clone();
    if selector.is_empty() {
        return (Reason::NoSelector(service), port.field("spec.selector"));
    }
    let matching: Vec<_> = store.pods_with(&meta.namespace, selector).collect();
    let containers =
        || matching.iter().filter_map(|pod| pod.body::<object::Pod>()).flat_map(|pod| &pod.spec.containers);
    if let (Some(object::IntOrString::String(name)), false) = (wants, matching.is_empty())
        && !containers().any(|container| container.ports.iter().any(|p| p.name == *name))
    {
        return (Reason::NoNamedPort { service, name: name.as_str().into() }, port.port_field("targetPort"));
    }
    if let Some(first) = matching.first() {
        // The probe that keeps it from being ready, or, where there is none, the selector that chose it.
        let probed = |pod: &object::Pod| pod.spec.containers.iter().position(|c| c.readiness_probe.is_some());
        let cause = match first.body::<object::Pod>().and_then(probed) {
            Some(i) => {
                let has = |spec: &object::PodSpec| spec.containers.get(i).is_some_and(|c| c.readiness_probe.is_some());
                pod_field(store, &first.meta, &format!("containers[{i}].readinessProbe"), has)
            }
            None => port.field(&selected(selector.keys().next())),
        };
        return (Reason::NoneReady { service, matching: matching.len() as u32 }, cause);
    }
    // The label to blame is the first that no pod has.
    let unknown = |(k, v): &(&String, &String)| {
        store.most_pods_with(&meta.namespace, &Labels::from([((*k).clone(), (*v).clone())])) == 0
    };
    let key = selector.iter().find(unknown).or(selector.iter().next()).map(|(k, _)| k);
    let text = selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",");
    (Reason::SelectsNothing { service, selector: text.into() }, port.field(&selected(key)))
}

/// `spec.selector[app]`
fn selected(key: Option<&String>) -> String {
    format!("spec.selector[{}]", key.map_or("", String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(ip: &str, node: &str, ready: bool, zones: &[&str]) -> Endpoint {
        let socket = Socket { ip: ip.parse().unwrap(), port: 80 };
        Endpoint {
            socket,
            text: socket.to_string(),
            node: Some(node.into()),
            ready,
            serving: true,
            terminating: !ready,
            zone_hints: zones.iter().map(|zone| (*zone).to_owned()).collect(),
            node_hints: Vec::new(),
            who: ip.into(),
        }
    }

    fn check(endpoints: &[Endpoint], external_local: bool, cluster: &[&str], local: &[&str], all: &[&str]) {
        let port = ServicePort {
            name: "default/web".into(),
            service: "default/web".into(),
            object: Ref::new(Kind::Service, "default", "web"),
            index: 0,
            proto: Proto::Tcp,
            cluster_ip: Ipv4Addr::new(10, 96, 0, 7),
            port: 80,
            node_port: 30_000,
            external_ips: Vec::new(),
            balancer_ips: Vec::new(),
            proxied_ips: Vec::new(),
            source_ranges: Vec::new(),
            affinity: None,
            external_local,
            internal_local: false,
            health_check_node_port: 0,
            endpoints: endpoints.to_vec(),
            lacking: None,
        };
        let usable = port.usable("n1", "za");
        let names = |list: &[&Endpoint]| list.iter().map(|e| e.who.to_string()).collect::<Vec<_>>();
        assert_eq!((names(&usable.cluster), names(&usable.local), names(&usable.all)), {
            let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            (texts(cluster), texts(local), texts(all))
        });
    }

    #[test]
    fn ending_endpoints_serve_only_where_no_ready_one_does() {
        let (a, b) = (endpoint("10.0.0.1", "n1", false, &[]), endpoint("10.0.0.2", "n2", true, &[]));
        check(&[a.clone(), b.clone()], false, &["10.0.0.2"], &[], &["10.0.0.2"]);
        // Local policy has only the ending one here, and keeps it beside the ready one elsewhere.
        check(&[a.clone(), b], true, &["10.0.0.2"], &["10.0.0.1"], &["10.0.0.1", "10.0.0.2"]);
        check(&[a], false, &["10.0.0.1"], &[], &["10.0.0.1"]);
    }

    #[test]
    fn hints_count_only_if_every_ready_endpoint_has_one() {
        let hinted = endpoint("10.0.0.1", "n1", true, &["za"]);
        let other = endpoint("10.0.0.2", "n2", true, &["zb"]);
        let silent = endpoint("10.0.0.3", "n2", true, &[]);
        check(&[hinted.clone(), other.clone()], false, &["10.0.0.1"], &[], &["10.0.0.1"]);
        check(&[hinted, silent], false, &["10.0.0.1", "10.0.0.3"], &[], &["10.0.0.1", "10.0.0.3"]);
        check(&[other], false, &["10.0.0.2"], &[], &["10.0.0.2"]);
    }
}
