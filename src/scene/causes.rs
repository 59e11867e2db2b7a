//! From the picture to the manifest: which field made what stands there.

use super::Scene;
use super::line::Rect;
use crate::api::origin::source;
use crate::api::{Origin, Store};
use crate::object::{FieldRef, Kind, Ref, Service};

/// A part of the picture that a field made.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Where it stands.
    pub rect: Rect,
    /// The field that somebody wrote, or that would be written to have it otherwise.
    pub field: FieldRef,
    /// Whether the server picked the value.
    pub is_allocated: bool,
    /// What stands there, all of it whatever space there is.
    pub says: String,
}

/// The parts of the kernels' rules, each with its field: what matches by the port that says so, who may be picked by the selector;
/// then the rules of Ingresses.
pub fn causes(store: &Store, scene: &Scene) -> Vec<Cause> {
    let mut found = Vec::new();
    if let Some(spine) = &scene.spine
        && let Some((_, service)) = store.read::<Service>(&spine.key)
    {
        of_rules(store, scene, (&spine.key, service), &mut found);
    }
    let routes = scene.sheets.iter().flat_map(|sheet| &sheet.routes);
    found.extend(routes.filter_map(|route| {
        let field = route.cause.clone()?;
        Some(Cause { rect: route.rect, field, is_allocated: false, says: route.whole.clone() })
    }));
    found
}

fn of_rules(store: &Store, scene: &Scene, (key, service): (&Ref, &Service), found: &mut Vec<Cause>) {
    let spec = &service.spec;
    let mut put = |rect: Rect, path: String, says: String| {
        let (field, origin) = source(store, &FieldRef::new(key.clone(), path));
        found.push(Cause { rect, field, is_allocated: origin == Some(Origin::Allocated), says });
    };
    for rule in scene.rooms.iter().flat_map(|room| &room.kernel.rules) {
        let port_of = |address: &str| {
            let number = address.rsplit(':').next().and_then(|port| port.parse::<i32>().ok());
            spec.ports.iter().position(|port| Some(port.port) == number)
        };
        let by_cluster = |address: &str| port_of(address).map(|i| format!("spec.ports[{i}].port"));
        let near = if rule.node_port > 0 {
            let at = spec.ports.iter().position(|port| port.node_port == i32::from(rule.node_port));
            at.map(|i| format!("spec.ports[{i}].nodePort"))
        } else if !rule.outside.is_empty() {
            let external = spec.external_ips.iter().position(|ip| rule.outside.starts_with(&format!("{ip}:")));
            Some(external.map_or("spec.type".to_owned(), |i| format!("spec.externalIPs[{i}]")))
        } else {
            by_cluster(&rule.cluster)
        };
        if let Some(path) = near {
            put(rule.pill, path, rule.text.clone());
        }
        if let Some((rect, path)) = rule.far.as_ref().and_then(|(rect, _)| Some((*rect, by_cluster(&rule.cluster)?))) {
            put(rect, path, rule.cluster.clone());
        }
        let (left, end) = (rule.arrow.x + 16.0, rule.picks.last().map_or(rule.arrow.x + 90.0, |pick| pick.at.x + 12.0));
        let says = if rule.ends.is_empty() { rule.after.text.clone() } else { rule.ends.join(", ") };
        put(Rect::new(left, rule.pill.y, end - left, rule.pill.h), "spec.selector".to_owned(), says);
    }
}

/// The field behind a pod: what was written that it was made from.
pub fn maker(store: &Store, namespace: &str, name: &str) -> FieldRef {
    source(store, &FieldRef::new(Ref::new(Kind::Pod, namespace, name), "spec.containers")).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Object;
    use crate::scene::{Marks, Width, compose, fixture};

    #[test]
    fn every_pill_has_a_field_behind_it() {
        let mut store = fixture::store(2, 2);
        let key = Ref::new(Kind::Service, "default", "web");
        let mut object = Object::clone(store.get(&key).expect("the Service"));
        object.body_mut::<Service>().expect("a Service").spec.ports[0].node_port = 30000;
        store.put(object);
        let scene = compose(&store, &Marks::of(&store), &fixture::wish(Width::Wide));
        let paths: Vec<_> = causes(&store, &scene).into_iter().map(|cause| cause.field.path.to_string()).collect();
        let one = ["spec.ports[0].nodePort", "spec.ports[0].port", "spec.selector"];
        assert_eq!(paths, [one, one].concat(), "in both kernels");
    }
}
