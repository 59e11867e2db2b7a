//! Slices for the Endpoints that people write for Services without a selector, after `pkg/controller/endpointslicemirroring`.
//!
//! Left out: the limit of a thousand addresses in a subset.

use super::{Change, Outcome, owner, with_body};
use crate::api::{LAST_APPLIED, Store};
use crate::object::{
    Endpoint, EndpointAddress, EndpointConditions, EndpointSlice, EndpointSubset, Endpoints, Kind, Object, Ref, Service,
};

const MANAGED_BY: (&str, &str) = ("endpointslice.kubernetes.io/managed-by", "endpointslicemirroring-controller.k8s.io");
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";

/// Brings the mirror of an Endpoints object up to it: a slice for each subset.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref) -> Outcome {
    let mut outcome = Outcome::default();
    let Some((meta, endpoints)) = store.read::<Endpoints>(key) else { return outcome };
    let service = store.read::<Service>(&Ref { kind: Kind::Service, ..key.clone() });
    let theirs = service.is_some_and(|(_, service)| service.spec.selector.is_empty());
    let skipped = meta.labels.get(SKIP).is_some_and(|skip| skip == "true");
    let subsets: &[EndpointSubset] = if theirs && !skipped { &endpoints.subsets } else { &[] };

    let mut labels = meta.labels.clone();
    labels.insert("kubernetes.io/service-name".into(), meta.name.clone());
    labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    let mut annotations = meta.annotations.clone();
    annotations.remove(LAST_APPLIED);
    let mut old: Vec<Ref> = store
        .owned::<EndpointSlice>(&meta.uid)
        .map(|(slice, _)| Ref::new(Kind::EndpointSlice, slice.namespace.as_str(), slice.name.as_str()))
        .collect();
    for subset in subsets {
        let slice = mirrored(subset);
        let same =
            old.iter().position(|at| store.read::<EndpointSlice>(at).is_some_and(|(_, s)| s.ports == slice.ports));
        if let Some(at) = same.map(|i| old.remove(i)) {
            if let Some(mut changed) = with_body(store, &at, slice) {
                changed.meta.labels.clone_from(&labels);
                changed.meta.annotations.clone_from(&annotations);
                if store.get(&at).is_some_and(|before| **before != *changed) {
                    outcome.changes.push(Change::Put(changed));
                }
            }
            continue;
        }
        let mut new = Object::new(&key.namespace, "", slice);
        new.meta.generate_name = format!("{}-", key.name);
        new.meta.labels.clone_from(&labels);
        new.meta.annotations.clone_from(&annotations);
        new.meta.owner_references = vec![owner(Kind::Endpoints, meta)];
        outcome.changes.push(Change::Create(Box::new(new)));
    }
    outcome.changes.extend(old.into_iter().map(Change::Remove));
    outcome
}

fn mirrored(subset: &EndpointSubset) -> EndpointSlice {
    let endpoint = |address: &EndpointAddress, ready: bool| Endpoint {
        addresses: vec![address.ip.clone()],
        conditions: EndpointConditions { ready: Some(ready), ..EndpointConditions::default() },
        hostname: (!address.hostname.is_empty()).then(|| address.hostname.clone()),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    };
    let ready = subset.addresses.iter().map(|address| endpoint(address, true));
    let not = subset.not_ready_addresses.iter().map(|address| endpoint(address, false));
    EndpointSlice { address_type: "IPv4".into(), endpoints: ready.chain(not).collect(), ports: subset.ports.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::EndpointPort;

    #[test]
    fn endpoints_that_somebody_wrote_are_mirrored_and_those_of_a_selector_are_not() {
        let mut store = Store::default();
        let mut object = Object::new("default", "db", Service::default());
        store.put(object.clone());
        let subset = EndpointSubset {
            addresses: vec![EndpointAddress { ip: "192.168.49.1".into(), ..EndpointAddress::default() }],
            ports: vec![EndpointPort { port: Some(5432), protocol: "TCP".into(), ..EndpointPort::default() }],
            ..EndpointSubset::default()
        };
        let mut endpoints = Object::new("default", "db", Endpoints { subsets: vec![subset] });
        endpoints.meta.uid = "u".into();
        let key = store.put(endpoints).key();
        let changes = reconcile(&store, &key).changes;
        let [Change::Create(slice)] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!(slice.meta.labels["kubernetes.io/service-name"], "db");
        let mut slice = slice.as_ref().clone();
        slice.meta.name = "db-abcde".into();
        store.put(slice);
        assert!(reconcile(&store, &key).changes.is_empty());
        if let Some(service) = object.body_mut::<Service>() {
            service.spec.selector.insert("app".into(), "db".into());
        }
        store.put(object);
        assert!(matches!(reconcile(&store, &key).changes[..], [Change::Remove(_)]));
    }
}
