//! Ingresses and nodes: routes, addresses, readiness.

use std::collections::BTreeMap;

use super::{Change, Pair, Sign, What};
use crate::object::{Ingress, Kind, Node, Object, Ref};
use crate::scene::light::Light;

pub(super) fn changes(pair: &Pair, out: &mut Vec<Change>) {
    match pair.key.kind {
        Kind::Ingress => ingress(pair, out),
        Kind::Node => node(pair, out),
        _ => {}
    }
}

/// What an Ingress's rules match: where each leads, and its path.
fn routes(object: Option<&Object>) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    let Some(ingress) = object.and_then(|object| object.body::<Ingress>()) else { return found };
    for (r, rule) in ingress.spec.rules.iter().enumerate() {
        let host = if rule.host.is_empty() { "*" } else { rule.host.as_str() };
        for (p, path) in rule.http.iter().flat_map(|http| http.paths.iter().enumerate()) {
            let what = format!("{host}{} ({})", path.path, path.path_type.as_deref().unwrap_or_default());
            let to = path.backend.service.as_ref().map(|service| match service.port.name.as_str() {
                "" => format!("{}:{}", service.name, service.port.number),
                name => format!("{}:{name}", service.name),
            });
            found.insert(what, (to.unwrap_or_default(), format!("spec.rules[{r}].http.paths[{p}]")));
        }
    }
    found
}

fn ingress(pair: &Pair, out: &mut Vec<Change>) {
    let key = &pair.key;
    let (old, new) = (routes(pair.old.as_deref()), routes(pair.new.as_deref()));
    let mut route = |sign: Sign, what: &String, (to, path): &(String, String)| {
        let service = to.split(':').next().unwrap_or_default();
        let light = Light::Service(Ref::new(Kind::Service, key.namespace.clone(), service));
        let change = Change::new(sign, What::Route(what.clone(), to.clone()), key.clone(), path.as_str());
        let sheet = Light::Sheet(change.field.clone());
        out.push(change.lit([light, sheet]));
    };
    for (what, to) in &new {
        match old.get(what) {
            None => route(Sign::Came, what, to),
            Some(was) if was.0 != to.0 => route(Sign::Other, what, to),
            Some(_) => {}
        }
    }
    // The rules of an Ingress that is gone go without saying.
    for (what, to) in old.iter().filter(|(what, _)| !new.contains_key(*what) && pair.new.is_some()) {
        route(Sign::Went, what, to);
    }
    let addresses = |object: Option<&Object>| -> Vec<String> {
        let ingress = object.and_then(|object| object.body::<Ingress>());
        let given = ingress.into_iter().flat_map(|ingress| &ingress.status.load_balancer.ingress);
        given.map(|at| if at.ip.is_empty() { at.hostname.clone() } else { at.ip.clone() }).collect()
    };
    let (old, new) = (addresses(pair.old.as_deref()), addresses(pair.new.as_deref()));
    for (sign, one, other) in [(Sign::Came, &new, &old), (Sign::Went, &old, &new)] {
        for address in one.iter().filter(|address| !other.contains(address) && pair.new.is_some()) {
            out.push(Change::new(sign, What::Outside(address.clone()), key.clone(), "metadata.name"));
        }
    }
}

fn node(pair: &Pair, out: &mut Vec<Change>) {
    let state = |object: &Option<std::sync::Arc<Object>>| {
        let node = object.as_ref()?.body::<Node>()?;
        let ready = node.status.conditions.iter().find(|c| c.r#type == "Ready").is_none_or(|c| c.status == "True");
        Some((ready, node.spec.unschedulable))
    };
    let (Some(old), Some(new)) = (state(&pair.old), state(&pair.new)) else { return };
    let mut say = |what| {
        let change = Change::new(Sign::Other, What::Node(what), pair.key.clone(), "metadata.name");
        out.push(change.lit([Light::Node(pair.key.name.clone())]));
    };
    match (old.0, new.0) {
        (true, false) => say("NotReady"),
        (false, true) => say("Ready"),
        _ => {}
    }
    match (old.1, new.1) {
        (false, true) => say("SchedulingDisabled"),
        (true, false) => say("Schedulable"),
        _ => {}
    }
}
