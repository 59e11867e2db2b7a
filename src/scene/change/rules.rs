//! What the kernels hold of a Service, before and after: addresses, and among whom each picks.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Marks, Sign, What, cast};
use crate::api::Store;
use crate::object::{Kind, Node, Outages, Ref, Service};
use crate::scene::light::Light;
use crate::scene::rules;

/// For each address that matches, what each node does with it: whom it may pick, and whether want of anybody is silence.
type Held = BTreeMap<String, BTreeMap<String, (Vec<String>, bool)>>;

fn held(store: &Store, key: &Ref) -> Held {
    let mut held = Held::new();
    let Some(facts) = rules::rules(store, &Marks::default(), key) else { return held };
    for node in cast::nodes(store, &Outages::default()) {
        for row in facts.on(&node) {
            let picks: Vec<String> = row.picks.iter().map(|(_, address)| address.clone()).collect();
            let node_port = (row.node_port > 0).then(|| format!(":{}", row.node_port));
            let addresses = [row.cluster, row.outside].into_iter().filter(|a| !a.is_empty()).chain(node_port);
            for address in addresses {
                held.entry(address).or_default().insert(node.name.clone(), (picks.clone(), row.silent));
            }
        }
    }
    held
}

/// Nodes, and addresses there.
type Places = (BTreeSet<String>, BTreeSet<String>);

/// The field behind an address of a Service.
fn path(store: &Store, key: &Ref, address: &str) -> String {
    let ports = store.read::<Service>(key).map(|(_, service)| service.spec.ports.clone()).unwrap_or_default();
    let number = address.rsplit(':').next().and_then(|port| port.parse::<i32>().ok());
    let is_node_port = address.starts_with(':');
    let at = ports.iter().position(|port| Some(if is_node_port { port.node_port } else { port.port }) == number);
    at.map_or("spec.ports".to_owned(), |i| {
        format!("spec.ports[{i}].{}", if is_node_port { "nodePort" } else { "port" })
    })
}

pub(super) fn changes(before: &Store, after: &Store, key: &Ref, out: &mut Vec<Change>) {
    let (old, new) = (held(before, key), held(after, key));
    endpoints(before, after, key, out);
    for (sign, one, other, store) in [(Sign::Came, &new, &old, after), (Sign::Went, &old, &new, before)] {
        for address in one.keys().filter(|address| !other.contains_key(*address)) {
            let light = Light::Pill(address.clone());
            out.push(
                Change::new(sign, What::Address(address.clone()), key.clone(), path(store, key, address)).lit([light]),
            );
        }
    }
    // Addresses for which the same is otherwise on the same nodes are told together.
    let mut told: BTreeMap<(usize, usize, bool), Places> = BTreeMap::new();
    for (address, nodes) in &new {
        let Some(was) = old.get(address) else { continue };
        for (node, (picks, silent)) in nodes {
            let before = was.get(node).map(|(picks, _)| picks.as_slice()).unwrap_or_default();
            let was_silent = before.is_empty() && was.get(node).is_some_and(|(_, silent)| *silent);
            if before != picks.as_slice() {
                let entry = told.entry((before.len(), picks.len(), *silent || was_silent)).or_default();
                entry.0.insert(node.clone());
                entry.1.insert(address.clone());
            }
        }
    }
    let all = after.all::<Node>().count();
    for ((was, is, silent), (nodes, addresses)) in told {
        let nodes = if nodes.len() == all { Vec::new() } else { nodes.into_iter().collect() };
        let what = What::Picks { nodes, before: was, after: is, silent };
        let lights = addresses.into_iter().map(Light::Pill);
        out.push(Change::new(Sign::Other, what, key.clone(), "spec.selector").lit(lights));
    }
}

/// Endpoints that may be used, by address and port.
fn addresses(store: &Store, key: &Ref) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for slice in rules::slices(store, key) {
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true)) {
            for address in &endpoint.addresses {
                match slice.ports.is_empty() {
                    true => drop(found.insert(address.clone())),
                    false => found.extend(slice.ports.iter().filter_map(|p| Some(format!("{address}:{}", p.port?)))),
                }
            }
        }
    }
    found
}

fn endpoints(before: &Store, after: &Store, key: &Ref, out: &mut Vec<Change>) {
    let (old, new) = (addresses(before, key), addresses(after, key));
    for (sign, one, other) in [(Sign::Came, &new, &old), (Sign::Went, &old, &new)] {
        let only: Vec<String> = one.difference(other).cloned().collect();
        if !only.is_empty() {
            let lights: Vec<Light> = only.iter().cloned().map(Light::Pick).collect();
            out.push(Change::new(sign, What::Endpoints(only), key.clone(), "spec.selector").lit(lights));
        }
    }
    let outside = |store: &Store| -> BTreeSet<String> {
        let service = store.read::<Service>(key).map(|(_, service)| &service.status.load_balancer.ingress);
        let given = service.into_iter().flatten();
        given.map(|at| if at.ip.is_empty() { at.hostname.clone() } else { at.ip.clone() }).collect()
    };
    let (old, new) = (outside(before), outside(after));
    for (sign, one, other) in [(Sign::Came, &new, &old), (Sign::Went, &old, &new)] {
        for address in one.difference(other) {
            let what = What::Outside(address.clone());
            let light = Light::Outside(Ref::new(Kind::Service, key.namespace.clone(), key.name.clone()));
            out.push(Change::new(sign, what, key.clone(), "spec.type").lit([light]));
        }
    }
}
