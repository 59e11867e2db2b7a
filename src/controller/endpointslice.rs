//! The pods behind a Service, after `staging/src/k8s.io/endpointslice` (`reconciler.go`, `utils.go`) and its `util` package.
//!
//! Endpoints stay where they are in their slices; new ones come after them, by address. Left out: topology hints by zone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Outcome, owner, with_body};
use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{
    Endpoint, EndpointConditions, EndpointPort, EndpointSlice, IntOrString, Kind, Labels, Node, Object, Pod, Ref,
    Service, ServicePort, TargetRef,
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
    Endpoint {
        addresses: vec![pod.status.pod_ip.clone()],
        conditions: conditions(service, object, pod),
        hints: None,
        hostname: hostname(&key.name, object, pod, &key.namespace).map(str::to_owned),
        node_name: (!pod.spec.node_name.is_empty()).then(|| pod.spec.node_name.clone()),
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

/// Brings a Service's slices up to its pods.
pub(super) fn reconcile(store: &Store, key: &Ref, _now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(object) = store.get(key) else { return outcome };
    let Some(service) = object.body::<Service>() else { return outcome };
    if service.spec.selector.is_empty() || service.spec.r#type == "ExternalName" {
        return outcome;
    }

    // Endpoints wanted, by the ports that they share, then by pod.
    let mut wanted: BTreeMap<Vec<EndpointPort>, BTreeMap<String, Endpoint>> = BTreeMap::new();
    for found in store.pods_with(&key.namespace, &service.spec.selector) {
        let Some(pod) = found.body::<Pod>().filter(|pod| is_listed(pod)) else { continue };
        let endpoint = endpoint(store, key, service, found, pod);
        wanted.entry(ports(service, pod)).or_default().insert(found.meta.name.clone(), endpoint);
    }
    if wanted.is_empty() {
        // A Service without pods has one slice without endpoints.
        wanted.insert(Vec::new(), BTreeMap::new());
    }

    let mut labels = object.meta.labels.clone();
    labels.remove(HEADLESS);
    if service.spec.cluster_ip == "None" {
        labels.insert(HEADLESS.into(), String::new());
    }
    labels.insert(SERVICE_NAME.into(), key.name.to_string());
    labels.insert(MANAGED_BY.into(), "endpointslice-controller.k8s.io".into());

    let mut empty: Vec<Ref> = Vec::new();
    let mut partly: BTreeMap<Vec<EndpointPort>, (Ref, EndpointSlice)> = BTreeMap::new();
    let mut kept: Vec<(Ref, EndpointSlice)> = Vec::new();
    for (meta, slice) in store.owned::<EndpointSlice>(&object.meta.uid) {
        if meta.labels.get(MANAGED_BY).map(String::as_str) != Some("endpointslice-controller.k8s.io") {
            continue;
        }
        let at = Ref::new(Kind::EndpointSlice, meta.namespace.as_str(), meta.name.as_str());
        let Some(group) = wanted.get_mut(&slice.ports) else {
            empty.push(at);
            continue;
        };
        let mut changed = slice.clone();
        changed.endpoints.retain_mut(|endpoint| {
            let name = endpoint.target_ref.as_ref().map(|target| target.name.as_str()).unwrap_or_default();
            let fresh = group.remove(name);
            let stays = fresh.is_some();
            if let Some(fresh) = fresh {
                *endpoint = fresh;
            }
            stays
        });
        if changed.endpoints.len() < MOST && !partly.contains_key(&changed.ports) {
            partly.insert(changed.ports.clone(), (at, changed));
        } else if changed.endpoints.is_empty() {
            empty.push(at);
        } else {
            kept.push((at, changed));
        }
    }

    for (ports, group) in wanted {
        let mut fresh: Vec<Endpoint> = group.into_values().collect();
        fresh.sort_by_key(|e| e.addresses.first().and_then(|a| a.parse::<Ipv4Addr>().ok()));
        let mut fresh = fresh.into_iter().peekable();
        let some = partly.remove(&ports);
        let had = some.is_some();
        if let Some((at, mut slice)) = some {
            while slice.endpoints.len() < MOST
                && let Some(endpoint) = fresh.next()
            {
                slice.endpoints.push(endpoint);
            }
            kept.push((at, slice));
        }
        let mut first = !had;
        while first || fresh.peek().is_some() {
            first = false;
            let endpoints: Vec<Endpoint> = fresh.by_ref().take(MOST).collect();
            let slice = EndpointSlice { address_type: "IPv4".into(), endpoints, ports: ports.clone() };
            // An old slice with other ports is used again rather than replaced.
            match empty.pop() {
                Some(at) => kept.push((at, slice)),
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
    let full: BTreeSet<Ref> = kept.iter().filter(|(_, s)| !s.endpoints.is_empty()).map(|(at, _)| at.clone()).collect();
    for (at, slice) in kept {
        if slice.endpoints.is_empty() && !full.is_empty() {
            outcome.changes.push(Change::Remove(at));
            continue;
        }
        if let Some(mut changed) = with_body(store, &at, slice) {
            changed.meta.labels.clone_from(&labels);
            if store.get(&at).is_some_and(|before| **before != *changed) {
                outcome.changes.push(Change::Put(changed));
            }
        }
    }
    outcome.changes.extend(empty.into_iter().map(Change::Remove));
    outcome
}
