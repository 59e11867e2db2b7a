//! The pods behind a Service in the old form, deprecated since 1.33, after `pkg/controller/endpoint` and
//! `pkg/api/v1/endpoints/util.go` (`RepackSubsets`).

use std::collections::{BTreeMap, BTreeSet};

use super::endpointslice::{HEADLESS, find_port, hostname, is_listed};
use super::{Change, Outcome};
use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Kind, Object, Pod, Ref, Service, TargetRef,
};
use crate::time::Instant;

/// The most addresses that an Endpoints object holds.
const MOST: usize = 1000;
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MANAGED_BY: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");

/// An address with what belongs to it, in the order in which subsets list them.
type Addresses = BTreeMap<(Ipv4Addr, String), (EndpointAddress, bool)>;

/// Brings a Service's Endpoints up to its pods.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref, _now: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let at = Ref { kind: Kind::Endpoints, ..key.clone() };
    let stored = store.get(&at);
    let Some(object) = store.get(key) else {
        if stored.is_some() {
            outcome.changes.push(Change::Delete(at));
        }
        return outcome;
    };
    let Some(service) = object.body::<Service>() else { return outcome };
    if service.spec.selector.is_empty() || service.spec.r#type == "ExternalName" {
        return outcome;
    }

    // Addresses by the set of ports at which they serve.
    let mut subsets: BTreeMap<BTreeSet<EndpointPort>, Addresses> = BTreeMap::new();
    for found in store.pods_with(&key.namespace, &service.spec.selector) {
        let Some(pod) = found.body::<Pod>().filter(|pod| is_listed(pod)) else { continue };
        // Unlike slices, Endpoints leave out what is being deleted, unless all is to be published.
        let publish = service.spec.publish_not_ready_addresses;
        if found.meta.deletion_timestamp.is_some() && !publish {
            continue;
        }
        let Ok(ip) = pod.status.pod_ip.parse::<Ipv4Addr>() else { continue };
        let ports: BTreeSet<EndpointPort> = service
            .spec
            .ports
            .iter()
            .filter_map(|port| {
                Some(EndpointPort {
                    app_protocol: port.app_protocol.clone(),
                    name: port.name.clone(),
                    port: Some(find_port(pod, port)?),
                    protocol: port.protocol.clone(),
                })
            })
            .collect();
        if ports.is_empty() && !(service.spec.ports.is_empty() && service.spec.cluster_ip == "None") {
            continue;
        }
        let address = EndpointAddress {
            hostname: hostname(&key.name, found, pod, &key.namespace).unwrap_or_default().to_owned(),
            ip: pod.status.pod_ip.clone(),
            node_name: Some(pod.spec.node_name.clone()),
            target_ref: Some(TargetRef {
                kind: "Pod".into(),
                name: found.meta.name.clone(),
                namespace: found.meta.namespace.clone(),
                uid: found.meta.uid.clone(),
                rest: Default::default(),
            }),
        };
        let ready = publish || pod.status.is_ready();
        subsets.entry(ports).or_default().insert((ip, found.meta.uid.clone()), (address, ready));
    }
    let mut room = MOST;
    let truncated = subsets.values().map(BTreeMap::len).sum::<usize>() > MOST;
    let subsets: Vec<EndpointSubset> = subsets
        .into_iter()
        .map(|(ports, all)| {
            let (ready, not): (Vec<_>, Vec<_>) = all.into_values().partition(|(_, ready)| *ready);
            let mut some = |list: Vec<(EndpointAddress, bool)>| -> Vec<EndpointAddress> {
                let taken: Vec<EndpointAddress> = list.into_iter().take(room).map(|(address, _)| address).collect();
                room -= taken.len();
                taken
            };
            let addresses = some(ready);
            EndpointSubset { addresses, not_ready_addresses: some(not), ports: ports.into_iter().collect() }
        })
        .collect();

    let mut new = match stored {
        Some(stored) => Object::clone(stored),
        None => Object::new(&key.namespace, &*key.name, Endpoints::default()),
    };
    new.body = Endpoints { subsets }.into();
    new.meta.labels.clone_from(&object.meta.labels);
    new.meta.labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    if service.spec.cluster_ip == "None" {
        new.meta.labels.insert(HEADLESS.into(), String::new());
    }
    if truncated {
        new.meta.annotations.insert(OVER_CAPACITY.into(), "truncated".into());
    } else {
        new.meta.annotations.remove(OVER_CAPACITY);
    }
    match stored {
        None => outcome.changes.push(Change::Create(Box::new(new))),
        Some(stored) if **stored != new => outcome.changes.push(Change::Put(Box::new(new))),
        Some(_) => {}
    }
    outcome
}
