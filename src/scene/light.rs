//! Things of the picture by what they are, and where each stands: what a field lights, what a change marks.

use std::sync::Arc;

use super::line::{Pt, Rect, pt, svg};
use super::{PodBox, Room, Scene};
use crate::object::{FieldRef, Kind, Ref};

/// Something of the picture, whichever picture it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    /// A pod.
    Pod(Ref),
    /// The port that a pod's program listens on.
    Door(Ref),
    /// The way from its kernel to a pod.
    Wire(Ref),
    /// A candidate of rules, in every kernel: `10.244.0.5:9090`.
    Pick(String),
    /// What a rule matches, in every kernel: `10.96.0.9:80`, or `:30000` for a node port.
    Pill(String),
    /// The strip of a node's kernel.
    Kernel(Arc<str>),
    /// A node.
    Node(Arc<str>),
    /// A Service: its line, its name, or its pill.
    Service(Ref),
    /// A Service's address for the outside, or the place where it is to be.
    Outside(Ref),
    /// The rules that a field of an Ingress is about, on its sheet; the whole sheet if it is about none of them.
    Sheet(FieldRef),
    /// The learner's machine.
    Laptop,
    /// The firewall before the nodes.
    Wall,
}

/// Where a thing stands: what is drawn around it or along it.
#[derive(Clone, Debug, PartialEq)]
pub enum Spot {
    /// A box, with the radius of its corners.
    Box(Rect, f32),
    /// An address that no machine has: dashed, with round ends.
    Pill(Rect),
    /// A ring around a mark, with its radius.
    Ring(Pt, f32),
    /// Along a wire, as an SVG path.
    Wire(String),
    /// Along a dashed line, as an SVG path.
    Dashed(String),
}

impl Spot {
    /// Its middle; none for lines.
    pub fn middle(&self) -> Option<Pt> {
        match self {
            Self::Box(rect, _) | Self::Pill(rect) => Some(rect.center()),
            Self::Ring(at, _) => Some(*at),
            Self::Wire(_) | Self::Dashed(_) => None,
        }
    }

    /// The corner where a small tag belongs; none for lines.
    pub fn corner(&self) -> Option<Pt> {
        match self {
            Self::Box(rect, _) | Self::Pill(rect) => Some(pt(rect.right(), rect.y)),
            Self::Ring(at, _) => Some(pt(at.x + 9.0, at.y - 9.0)),
            Self::Wire(_) | Self::Dashed(_) => None,
        }
    }
}

/// The places of some things, those that the picture shows, ways first so that they stand below.
pub fn spots(scene: &Scene, lights: &[Light]) -> Vec<Spot> {
    let mut found = Vec::new();
    for light in lights {
        let mut more = Vec::new();
        place(scene, light, &mut more);
        // Many things may stand at one place, where there is no space for each.
        more.retain(|spot| !found.contains(spot));
        found.append(&mut more);
    }
    crate::sort::by_key(&mut found, |spot| !matches!(spot, Spot::Wire(_) | Spot::Dashed(_)));
    found
}

fn pod<'a>(scene: &'a Scene, key: &Ref) -> Option<&'a PodBox> {
    let mut pods = scene.rooms.iter().flat_map(|room| &room.pods);
    pods.find(|pod| pod.shows(&key.namespace, &key.name))
}

fn room<'a>(scene: &'a Scene, node: &str) -> Option<&'a Room> {
    scene.rooms.iter().find(|room| room.nodes().any(|name| name == node))
}

fn place(scene: &Scene, light: &Light, out: &mut Vec<Spot>) {
    match light {
        Light::Pod(key) => match pod(scene, key) {
            Some(pod) if pod.is_bare() => out.push(Spot::Ring(pod.at, pod.size.max(18.0) / 2.0 + 2.0)),
            Some(pod) => out.push(Spot::Box(pod.rect, 6.0)),
            None => folded(scene, key, out),
        },
        Light::Door(key) => {
            let door = pod(scene, key).and_then(|pod| pod.door.as_ref());
            out.extend(door.map(|(rect, _)| Spot::Box(*rect, 4.0)));
        }
        Light::Wire(key) => {
            let Some(pod) = pod(scene, key) else { return };
            let mut way = pod.feed.clone();
            // The wire goes on from the box's edge to the door.
            if let (Some(end), Some((door, _))) = (way.last().copied(), &pod.door) {
                way.push(if end.y < door.y { pt(end.x, door.y) } else { pt(door.right(), end.y) });
            }
            if way.len() > 1 {
                out.push(Spot::Wire(svg(&way)));
            }
        }
        Light::Pick(address) => {
            for rule in scene.rooms.iter().flat_map(|room| &room.kernel.rules) {
                match rule.picks.iter().find(|pick| pick.address == *address) {
                    Some(pick) => out.push(Spot::Ring(pick.at, 12.0)),
                    // One of those that there is no space for.
                    None if rule.ends.contains(address) => {
                        let Rect { y, h, .. } = rule.pill;
                        out.push(Spot::Box(Rect::new(rule.arrow.x + 17.0, y, rule.space + 4.0, h), 6.0));
                    }
                    None => {}
                }
            }
        }
        Light::Pill(address) => {
            let port = address.strip_prefix(':').and_then(|port| port.parse::<u16>().ok());
            for rule in scene.rooms.iter().flat_map(|room| &room.kernel.rules) {
                let near = port.is_some_and(|port| rule.node_port == port) || rule.outside == *address;
                let far = rule.cluster == *address;
                match &rule.far {
                    Some((rect, _)) if far => out.push(Spot::Pill(*rect)),
                    _ if near || far => out.push(Spot::Pill(rule.pill)),
                    _ => {}
                }
            }
        }
        Light::Kernel(node) => {
            out.extend(room(scene, node).map(|room| Spot::Box(room.kernel.rect, 6.0)));
        }
        Light::Node(node) => {
            out.extend(room(scene, node).map(|room| Spot::Box(room.rect, 10.0)));
        }
        Light::Service(key) => {
            if let Some(spine) = scene.spine.as_ref().filter(|spine| spine.key == *key) {
                out.push(Spot::Dashed(spine.path.clone()));
                out.push(Spot::Ring(spine.ring, 8.0));
            }
            let others = scene.others.iter().filter(|pill| pill.key == *key);
            out.extend(others.map(|pill| Spot::Pill(pill.rect)));
        }
        Light::Outside(key) => {
            if scene.spine.as_ref().is_none_or(|spine| spine.key != *key) {
                return;
            }
            out.extend(scene.socket.as_ref().map(|socket| Spot::Pill(socket.rect)));
            let balancer = scene.edge.as_ref().and_then(|edge| edge.balancer.as_ref());
            out.extend(balancer.map(|balancer| Spot::Box(balancer.rect, 6.0)));
        }
        Light::Sheet(field) => {
            let Some(sheet) = scene.sheets.iter().find(|sheet| sheet.key.as_ref() == Some(&field.object)) else {
                return;
            };
            let before = out.len();
            let causes = sheet.routes.iter().filter_map(|route| Some((route.rect, route.cause.as_ref()?)));
            let about =
                causes.filter(|(_, cause)| is_head(&cause.path, &field.path) || is_head(&field.path, &cause.path));
            out.extend(about.map(|(rect, _)| Spot::Box(rect, 4.0)));
            if out.len() == before {
                out.push(Spot::Box(sheet.rect, 6.0));
            }
        }
        Light::Laptop => out.push(Spot::Box(scene.laptop.rect, 6.0)),
        Light::Wall => {
            let wall = scene.edge.as_ref().filter(|edge| !edge.wall_note.text.is_empty());
            out.extend(wall.map(|edge| Spot::Box(edge.wall, 4.0)));
        }
    }
}

/// Whether a path is another, or leads to it.
fn is_head(head: &str, path: &str) -> bool {
    path.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A pod of the cluster's own stands for the box that all of its node are folded into.
fn folded(scene: &Scene, key: &Ref, out: &mut Vec<Spot>) {
    let is_it = |(namespace, name): &(String, String)| **namespace == *key.namespace && **name == *key.name;
    let boxes = scene.rooms.iter().filter_map(|room| room.system.as_ref());
    let found = boxes.filter(|system| system.pods.iter().any(is_it)).map(|system| Spot::Box(system.rect, 4.0));
    out.extend(found.filter(|_| key.kind == Kind::Pod));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Width, fixture};

    #[test]
    fn every_thing_that_is_drawn_has_its_place() {
        let scene = fixture::scene(2, 2, Width::Wide);
        let pod = Ref::new(Kind::Pod, "default", "web-6d8f9c7b5d-x0001");
        let count = |light: Light| spots(&scene, &[light]).len();
        assert_eq!(count(Light::Pod(pod.clone())), 1);
        assert_eq!(count(Light::Door(pod.clone())), 1);
        assert_eq!(count(Light::Wire(pod)), 1);
        assert_eq!(count(Light::Pick("10.244.1.3:9090".into())), 2, "in both kernels");
        assert_eq!(count(Light::Pill("10.97.183.23:9090".into())), 2);
        assert_eq!(count(Light::Pill(":30000".into())), 0);
        assert_eq!(count(Light::Service(Ref::new(Kind::Service, "default", "web"))), 2);
        assert_eq!(count(Light::Pod(Ref::new(Kind::Pod, "kube-system", "coredns-7d764666f9-abcde"))), 1);
        assert_eq!(count(Light::Pod(Ref::new(Kind::Pod, "default", "gone"))), 0);
    }
}
