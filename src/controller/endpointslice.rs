//! The pods behind a Service, after `staging/src/k8s.io/endpointslice` (`reconciler.go`, `utils.go`) and its `util` package.
//!
//! Endpoints stay where they are in their slices; new ones come after them, by address. `spec.trafficDistribution` becomes hints as in
//! its `trafficdist` package. Left out: the annotation `service.kubernetes.io/topology-mode` (`topologycache`).

use std::collections::BTreeMap;

use super::{Change, Outcome, owner, with_body};
use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{
    Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, IntOrString, Kind, Labels, Named, Node,
    Object, Pod, Ref, Service, ServicePort, TargetRef,
};
use crate::time::Instant;

/// The most endpoints that a slice holds (`--max-endpoints-per-slice`).
const MOST: usize = 100;
/// What names the Service of a slice.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";

/// What this controller and the one of Endpoints read of a pod: a change of anything else does not wake them.
pub(super) fn view(pod: Option<&Object>) -> Option<(&Labels, &str, bool, bool, bool)> {
    let object = pod?;
    let pod = object.body::<Pod>()?;
    if pod.status.pod_ip.is_empty() {
        return None;
    }
    let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    let going = object.meta.deletion_timestamp.is_some();
    Some((&object.meta.labels, &pod.status.pod_ip, pod.status.is_ready(), over, going))
}

/// Whether a pod may stand among endpoints at all.
pub(super) fn is_listed(pod: &Pod) -> bool {
    !pod.status.pod_ip.is_empty() && !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed")
}

/// The conditions of a pod's endpoint.
fn conditions(service: &Service, object: &Object, pod: &Pod) -> EndpointConditions {
    let (serving, terminating) = (pod.status.is_ready(), object.meta.deletion_timestamp.is_some());
    let ready = service.spec.publish_not_ready_addresses || (serving && !terminating);
    EndpointConditions { ready: Some(ready), serving: Some(serving), terminating: Some(terminating) }
}

/// Whom an endpoint is meant for: its own zone, its own node too if the Service asks for that. Nobody, if it is not ready.
fn hints(
    service: &Service,
    ready: Option<bool>,
    zone: Option<&String>,
    node: Option<&String>,
) -> Option<EndpointHints> {
    let by_node = match service.spec.traffic_distribution.as_deref() {
        Some("PreferSameNode") => true,
        Some("PreferSameZone" | "PreferClose") => false,
        _ => return None,
    };
    let named = |name: Option<&String>| name.map(|name| Named { name: name.clone() }).into_iter().collect::<Vec<_>>();
    let hints = EndpointHints { for_zones: named(zone), for_nodes: named(node.filter(|_| by_node)) };
    (ready == Some(true) && hints != EndpointHints::default()).then_some(hints)
}

/// The number of a Service's port at a pod; none if the pod has no port of the name.
pub(super) fn find_port(pod: &Pod, port: &ServicePort) -> Option<i32> {
    match port.target_port.as_ref() {
        None => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
            let mut ports = ports.filter(|p| p.name == *name && p.protocol == port.protocol);
            ports.next().map(|p| p.container_port)
        }
    }
}

/// Whether a pod's own name counts as a host of the headless Service.
pub(super) fn hostname<'a>(service: &str, object: &Object, pod: &'a Pod, namespace: &str) -> Option<&'a str> {
    let named = !pod.spec.hostname.is_empty() && pod.spec.subdomain == service && object.meta.namespace == namespace;
    named.then_some(pod.spec.hostname.as_str())
}

fn endpoint(store: &Store, key: &Ref, service: &Service, object: &Object, pod: &Pod) -> Endpoint {
    let node = Ref::new(Kind::Node, "", pod.spec.node_name.as_str());
    let zone = store.read::<Node>(&node).and_then(|(meta, _)| meta.labels.get("topology.kubernetes.io/zone").cloned());
    let conditions = conditions(service, object, pod);
    let node_name = (!pod.spec.node_name.is_empty()).then(|| pod.spec.node_name.clone());
    Endpoint {
        addresses: vec![pod.status.pod_ip.clone()],
        hints: hints(service, conditions.ready, zone.as_ref(), node_name.as_ref()),
        conditions,
        hostname: hostname(&key.name, object, pod, &key.namespace).map(str::to_owned),
        node_name,
        target_ref: Some(TargetRef {
            kind: "Pod".into(),
            name: object.meta.name.clone(),
            namespace: object.meta.namespace.clone(),
            uid: object.meta.uid.clone(),
            rest: Default::default(),
        }),
        zone,
        rest: Default::default(),
    }
}

fn ports(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service.spec.ports.iter().filter_map(|port| {
        Some(EndpointPort {
            app_protocol: port.app_protocol.clone(),
            name: port.name.clone(),
            port: Some(find_port(pod, port)?),
            protocol: port.protocol.clone(),
        })
    });
    ports.collect()
}

/// Pods by name.
type Group<'a> = BTreeMap<&'a str, (&'a Object, &'a Pod)>;

/// A slice as it is stored, and as it is to be if that is different.
struct Draft<'a> {
    at: Ref,
    stored: &'a EndpointSlice,
    slice: Option<EndpointSlice>,
}

impl Draft<'_> {
    fn size(&self) -> usize {
        self.slice.as_ref().unwrap_or(self.stored).endpoints.len()
    }
}

/// Whether an endpoint says of its pod what is so. Nodes are taken to keep their zones.
fn is_current(endpoint: &Endpoint, service: &Service, object: &Object, pod: &Pod) -> bool {
    endpoint.target_ref.as_ref().is_some_and(|target| target.uid == object.meta.uid)
        && endpoint.addresses.first() == Some(&pod.status.pod_ip)
        && endpoint.conditions == conditions(service, object, pod)
        && endpoint.hints
            == hints(service, endpoint.conditions.ready, endpoint.zone.as_ref(), endpoint.node_name.as_ref())
}

/// Brings a Service's slices up to its pods.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, _now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(object) = store.get(key) else { return outcome };
    let Some(service) = object.body::<Service>() else { return outcome };
    if service.spec.selector.is_empty() || service.spec.r#type == "ExternalName" {
        return outcome;
    }

    // Pods wanted, by the ports that they share, then by name.
    let mut wanted: BTreeMap<Vec<EndpointPort>, Group<'_>> = BTreeMap::new();
    let named = service.spec.ports.iter().any(|port| matches!(port.target_port, Some(IntOrString::String(_))));
    let mut same_for_all = Group::new();
    let mut first = None;
    for found in store.pods_with(&key.namespace, &service.spec.selector) {
        let Some(pod) = found.body::<Pod>().filter(|pod| is_listed(pod)) else { continue };
        if named {
            wanted.entry(ports(service, pod)).or_default().insert(&found.meta.name, (found, pod));
        } else {
            first.get_or_insert(pod);
            same_for_all.insert(&found.meta.name, (found, pod));
        }
    }
    if let Some(pod) = first {
        wanted.insert(ports(service, pod), same_for_all);
    } else if wanted.is_empty() {
        // A Service without pods has one slice without endpoints.
        wanted.insert(Vec::new(), Group::new());
    }

    let mut labels = object.meta.labels.clone();
    labels.remove(HEADLESS);
    if service.spec.cluster_ip == "None" {
        labels.insert(HEADLESS.into(), String::new());
    }
    labels.insert(SERVICE_NAME.into(), key.name.to_string());
    labels.insert(MANAGED_BY.into(), "endpointslice-controller.k8s.io".into());

    let mut empty: Vec<Ref> = Vec::new();
    let mut partly: BTreeMap<&[EndpointPort], Draft<'_>> = BTreeMap::new();
    let mut kept: Vec<Draft<'_>> = Vec::new();
    for (meta, slice) in store.owned::<EndpointSlice>(&object.meta.uid) {
        if meta.labels.get(MANAGED_BY).map(String::as_str) != Some("endpointslice-controller.k8s.io") {
            continue;
        }
        let mut draft = Draft {
            at: Ref::new(Kind::EndpointSlice, meta.namespace.as_str(), meta.name.as_str()),
            stored: slice,
            slice: None,
        };
        let Some(group) = wanted.get_mut(&slice.ports) else {
            empty.push(draft.at);
            continue;
        };
        let name = |e: &Endpoint| e.target_ref.as_ref().map(|t| t.name.clone()).unwrap_or_default();
        let stands = |e: &Endpoint, group: &Group<'_>| {
            group.get(&*name(e)).is_some_and(|(object, pod)| is_current(e, service, object, pod))
        };
        if !slice.endpoints.iter().all(|e| stands(e, group)) {
            let current = slice.endpoints.iter().filter_map(|e| {
                let (object, pod) = group.get(&*name(e))?;
                Some(endpoint(store, key, service, object, pod))
            });
            draft.slice = Some(EndpointSlice { endpoints: current.collect(), ..slice.clone() });
        }
        for endpoint in &slice.endpoints {
            group.remove(&*name(endpoint));
        }
        if draft.size() < MOST && !partly.contains_key(&*slice.ports) {
            partly.insert(&slice.ports, draft);
        } else if draft.size() == 0 {
            empty.push(draft.at);
        } else {
            kept.push(draft);
        }
    }

    for (ports, group) in wanted {
        let new = group.into_values().map(|(object, pod)| endpoint(store, key, service, object, pod));
        let mut fresh: Vec<Endpoint> = new.collect();
        crate::sort::by_key(&mut fresh, |e| e.addresses.first().and_then(|a| a.parse::<Ipv4Addr>().ok()));
        let mut fresh = fresh.into_iter().peekable();
        let mut needs_one = true;
        if let Some(mut draft) = partly.remove(&*ports) {
            needs_one = false;
            let room = MOST - draft.size();
            if fresh.peek().is_some() {
                draft.slice.get_or_insert_with(|| draft.stored.clone()).endpoints.extend(fresh.by_ref().take(room));
            }
            kept.push(draft);
        }
        while needs_one || fresh.peek().is_some() {
            needs_one = false;
            let endpoints: Vec<Endpoint> = fresh.by_ref().take(MOST).collect();
            let slice = EndpointSlice { address_type: "IPv4".into(), endpoints, ports: ports.clone() };
            // An old slice with other ports is used again rather than replaced.
            let old = empty.pop().and_then(|at| Some((store.read::<EndpointSlice>(&at)?.1, at)));
            match old {
                Some((stored, at)) => kept.push(Draft { at, stored, slice: Some(slice) }),
                None => {
                    let mut new = Object::new(&key.namespace, "", slice);
                    new.meta.generate_name = format!("{}-", key.name);
                    new.meta.labels.clone_from(&labels);
                    new.meta.owner_references = vec![owner(Kind::Service, &object.meta)];
                    outcome.changes.push(Change::Create(Box::new(new)));
                }
            }
        }
    }
    // Of several slices that hold nothing, one stays.
    let any_full = kept.iter().any(|draft| draft.size() > 0);
    for draft in kept {
        if draft.size() == 0 && any_full {
            outcome.changes.push(Change::Remove(draft.at));
            continue;
        }
        let relabeled = store.get(&draft.at).is_some_and(|stored| stored.meta.labels != labels);
        let Some(slice) = draft.slice.or_else(|| relabeled.then(|| draft.stored.clone())) else { continue };
        if let Some(mut changed) = with_body(store, &draft.at, slice) {
            changed.meta.labels.clone_from(&labels);
            outcome.changes.push(Change::Put(changed));
        }
    }
    outcome.changes.extend(empty.into_iter().map(Change::Remove));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_follow_the_services_traffic_distribution() {
        let (zone, node) = ("a".to_owned(), "n1".to_owned());
        let hint = |distribution: &str, ready: bool| {
            let mut service = Service::default();
            service.spec.traffic_distribution = Some(distribution.to_owned());
            hints(&service, Some(ready), Some(&zone), Some(&node)).map(|hints| {
                let names = |list: Vec<Named>| list.into_iter().map(|named| named.name).collect::<Vec<_>>().join(",");
                (names(hints.for_zones), names(hints.for_nodes))
            })
        };
        let pair = |zone: &str, node: &str| Some((zone.to_owned(), node.to_owned()));
        assert_eq!(hint("PreferClose", true), pair("a", ""));
        assert_eq!(hint("PreferSameZone", true), pair("a", ""));
        assert_eq!(hint("PreferSameNode", true), pair("a", "n1"));
        assert_eq!(hint("PreferSameNode", false), None);
        assert_eq!(hint("Anywhere", true), None);
    }
}
