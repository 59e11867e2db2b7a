//! The cases of `tests/truth/dataplane.yaml` as clusters.

use kubehop::inet::{Ipv4Addr, Ipv4Net};
use kubehop::object::{
    Endpoint, EndpointConditions, EndpointHints, Kind, LabNode, LoadBalancerIngress, Named, Node, Object, Pod, Profile,
    Service, TargetRef,
};
use kubehop::trace::Socket;
use serde_yaml::Value;

use super::{World, slice};

/// The file.
pub(crate) const CASES: &str = include_str!("../truth/dataplane.yaml");
/// The address of each case's load balancer.
pub(crate) const BALANCER: &str = "198.51.100.200";
/// A client on the internet.
pub(crate) const INTERNET: &str = "203.0.113.77";

pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_sequence().cloned().unwrap_or_default()
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The cluster of a case: its nodes, its manifests with what the server would allocate, and the slices of its Services.
pub(crate) fn build(case: &Value) -> World {
    let nodes = list(&case["nodes"]);
    let base = Profile::named("multinode").unwrap();
    let profile = Profile {
        nodes: nodes
            .iter()
            .enumerate()
            .map(|(i, node)| LabNode {
                name: text(node, "name").into(),
                address: text(node, "ip").parse().unwrap(),
                pod_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 244, i as u8, 0), 24),
                ..base.nodes[0].clone()
            })
            .collect(),
        ..base.clone()
    };
    let mut world = World::new(profile, 7);
    for node in nodes.iter().filter(|node| node.get("zone").is_some()) {
        let mut object = Object::new("", text(node, "name"), Node::default());
        object.meta.labels.insert("topology.kubernetes.io/zone".into(), text(node, "zone").into());
        world.store.put(object);
    }
    let mut services = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text(case, "manifests")) {
        let tree: serde_json::Value = serde::Deserialize::deserialize(document).unwrap();
        let kind = Kind::from_api(tree["apiVersion"].as_str().unwrap(), tree["kind"].as_str().unwrap()).unwrap();
        let mut object = Object::from_value(kind, tree).unwrap();
        object.meta.namespace = "default".into();
        let name = object.meta.name.clone();
        if let Some(pod) = object.body_mut::<Pod>() {
            let node = world.profile.nodes.iter().find(|node| node.name == pod.spec.node_name).unwrap();
            let taken = world.store.all::<Pod>().count() as u32;
            pod.status.phase = "Running".into();
            pod.status.pod_ip = Ipv4Addr::from(u32::from(node.pod_cidr.network()) + 5 + taken).to_string();
        }
        if let Some(service) = object.body_mut::<Service>() {
            if service.spec.cluster_ip.is_empty() {
                service.spec.cluster_ip = format!("10.96.1.{}", services.len() + 1);
            }
            if service.spec.r#type == "LoadBalancer" {
                let mode = case["lb_status"]["ipMode"].as_str().map(str::to_owned);
                let ingress = LoadBalancerIngress { ip: BALANCER.into(), ip_mode: mode, ..Default::default() };
                service.status.load_balancer.ingress.push(ingress);
            }
            services.push((name, service.spec.clone()));
        }
        world.store.put(object);
    }
    for (name, spec) in services {
        let endpoints = world
            .store
            .all::<Pod>()
            .filter(|(meta, _)| {
                !spec.selector.is_empty() && spec.selector.iter().all(|(k, v)| meta.labels.get(k) == Some(v))
            })
            .map(|(meta, pod)| {
                let state = list(&case["pod_state"]).into_iter().find(|s| text(s, "pod") == meta.name);
                let said = |key: &str| state.as_ref().and_then(|s| s[key].as_bool());
                let terminating = said("terminating").unwrap_or(false);
                let serving = said("ready").unwrap_or(true);
                let hints = list(&case["endpoint_zone_hints"][meta.name.as_str()]);
                let zones = hints.iter().map(|zone| Named { name: zone.as_str().unwrap().into() });
                Endpoint {
                    addresses: vec![pod.status.pod_ip.clone()],
                    node_name: Some(pod.spec.node_name.clone()),
                    target_ref: Some(TargetRef { kind: "Pod".into(), name: meta.name.clone(), ..TargetRef::default() }),
                    conditions: EndpointConditions {
                        ready: Some(serving && !terminating),
                        serving: Some(serving),
                        terminating: Some(terminating),
                    },
                    hints: (!hints.is_empty())
                        .then(|| EndpointHints { for_zones: zones.collect(), ..EndpointHints::default() }),
                    ..Endpoint::default()
                }
            })
            .collect();
        world.store.put(slice("default", &name, &spec, endpoints));
    }
    world
}

/// Where a check's packet goes.
pub(crate) fn destination(world: &World, to: &str) -> Socket {
    let (symbol, port) = to.rsplit_once(':').unwrap();
    let port = port.parse().unwrap();
    let (what, name) = symbol.split_once('(').unwrap_or((symbol, ""));
    let name = name.trim_end_matches(')');
    let service = || world.store.all::<Service>().find(|(meta, _)| meta.name == name).unwrap().1;
    let ip = match what {
        "clusterIP" => service().spec.cluster_ip.clone(),
        "nodeIP" => world.profile.nodes.iter().find(|node| node.name == name).unwrap().address.to_string(),
        "podIP" => world.store.all::<Pod>().find(|(meta, _)| meta.name == name).unwrap().1.status.pod_ip.clone(),
        "lbIP" => BALANCER.to_owned(),
        "externalIP" => {
            world.store.all::<Service>().find_map(|(_, service)| service.spec.external_ips.first().cloned()).unwrap()
        }
        _ => symbol.to_owned(),
    };
    Socket { ip: ip.parse().unwrap(), port }
}
