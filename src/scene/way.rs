//! Where in the picture a packet is, and the way from there to elsewhere.

use super::line::{Pt, pt};
use super::{Edge, Scene, Width};
use crate::trace::{Cloud, Place};

/// Something in a scene that packets start from and come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// The laptop.
    Laptop,
    /// Where the laptop has no route to.
    Nowhere,
    /// Any other machine on the internet.
    Internet,
    /// The cloud's firewall.
    Gate,
    /// The cloud's load balancer.
    Balancer,
    /// The control plane that the cloud runs.
    Control,
    /// A node's kernel, by the room's number.
    Kernel(usize),
    /// A program on a node itself.
    Host(usize),
    /// A pod, by the room's number and its own.
    Pod(usize, usize),
    /// The cluster's own pods on a node.
    System(usize),
}

impl Anchor {
    fn room(self) -> Option<usize> {
        match self {
            Self::Laptop | Self::Nowhere | Self::Internet | Self::Gate | Self::Balancer | Self::Control => None,
            Self::Kernel(room) | Self::Host(room) | Self::Pod(room, _) | Self::System(room) => Some(room),
        }
    }
}

impl Scene {
    /// Where a place is drawn; none if it is not in the picture (any more).
    pub fn anchor(&self, place: &Place) -> Option<Anchor> {
        match place {
            Place::Laptop => Some(Anchor::Laptop),
            Place::Internet if self.edge.is_some() => Some(Anchor::Internet),
            Place::Cloud(cloud) if self.edge.is_some() => Some(match cloud {
                Cloud::ControlPlane => Anchor::Control,
                // The balancer of another Service than the one in focus is not drawn.
                Cloud::Balancer(namespace, name) if self.balances(namespace, name) => Anchor::Balancer,
                Cloud::Firewall | Cloud::Balancer(..) => Anchor::Gate,
            }),
            Place::Internet | Place::Cloud(_) => Some(Anchor::Nowhere),
            Place::Node(name) => {
                self.rooms.iter().position(|room| room.nodes().any(|node| node == &**name)).map(Anchor::Kernel)
            }
            Place::Pod(namespace, name) => self.rooms.iter().enumerate().find_map(|(r, room)| {
                let pod = room.pods.iter().position(|pod| pod.shows(namespace, name));
                let folded = || {
                    let system = room.system.as_ref()?;
                    system
                        .pods
                        .iter()
                        .any(|(ns, pod)| *pod == **name && *ns == **namespace)
                        .then_some(Anchor::System(r))
                };
                pod.map(|p| Anchor::Pod(r, p)).or_else(folded)
            }),
        }
    }

    /// Whether the load balancer in the picture is that of this Service.
    fn balances(&self, namespace: &str, name: &str) -> bool {
        let drawn = self.edge.as_ref().is_some_and(|edge| edge.balancer.is_some());
        drawn && self.spine.as_ref().is_some_and(|s| &*s.key.namespace == namespace && &*s.key.name == name)
    }

    /// Where a packet rests at an anchor.
    pub fn rest(&self, anchor: Anchor) -> Pt {
        match anchor {
            Anchor::Laptop => self.laptop.out,
            Anchor::Nowhere => self.laptop.lost.last().copied().unwrap_or_default(),
            Anchor::Gate => self.edge.as_ref().map(Edge::spot).unwrap_or_default(),
            Anchor::Internet | Anchor::Control | Anchor::Balancer => {
                let edge = self.edge.as_ref();
                let way = match anchor {
                    Anchor::Internet => edge.map(|edge| edge.internet.way.as_slice()),
                    Anchor::Control => edge.map(|edge| edge.control.way.as_slice()),
                    _ => edge.and_then(|edge| edge.balancer.as_ref()).map(|balancer| balancer.outward.as_slice()),
                };
                way.and_then(|way| way.first()).copied().unwrap_or_default()
            }
            _ => self.down(anchor).last().copied().unwrap_or_default(),
        }
    }

    /// The corners of the way between two anchors, along the wires: nodes are entered by the upper lane and left by the
    /// lower one.
    pub fn way(&self, from: Anchor, to: Anchor) -> Vec<Pt> {
        if from == to {
            return vec![self.rest(from)];
        }
        if let Some(edge) = &self.edge {
            return self.way_by(edge, from, to);
        }
        match (from.room(), to.room()) {
            (None, None) if to == Anchor::Nowhere => self.laptop.lost.clone(),
            (None, None) => self.laptop.lost.iter().rev().copied().collect(),
            (Some(a), Some(b)) if a == b => [self.up(from), self.down(to)].concat(),
            (Some(a), Some(b)) => {
                let (out, inward) = (self.rooms[a].kernel.outward, self.rooms[b].kernel.inward);
                let (x, y) = (self.rooms[a].kernel.spot.x, self.rooms[b].kernel.spot.x);
                let along = self.along((self.rooms[a].trunk, out), (self.rooms[b].trunk, inward));
                [self.up(from), vec![pt(x, out)], along, vec![pt(y, inward)], self.down(to)].concat()
            }
            (None, Some(b)) => {
                let kernel = &self.rooms[b].kernel;
                let mut way = vec![self.laptop.out];
                if b > 0 || self.form == Width::Narrow {
                    way.extend(self.along((self.trunk, self.laptop.out.y), (self.rooms[b].trunk, kernel.inward)));
                }
                way.push(pt(kernel.spot.x, kernel.inward));
                way.extend(self.down(to));
                way
            }
            (Some(a), None) => {
                let kernel = &self.rooms[a].kernel;
                let mut way = self.up(from);
                way.push(pt(kernel.spot.x, kernel.outward));
                if a > 0 || self.form == Width::Narrow {
                    way.extend(self.along((self.rooms[a].trunk, kernel.outward), (self.trunk, self.laptop.back.y)));
                }
                way.push(self.laptop.back);
                way
            }
        }
    }

    /// The same where the nodes are in a cloud.
    fn way_by(&self, edge: &Edge, from: Anchor, to: Anchor) -> Vec<Pt> {
        // From an anchor to the wire between the nodes.
        let inward = |anchor: Anchor| -> Vec<Pt> {
            match anchor {
                Anchor::Internet => [edge.internet.way.clone(), edge.join.clone()].concat(),
                Anchor::Gate => edge.join.clone(),
                Anchor::Balancer => edge.balancer.as_ref().map(|b| b.outward.clone()).unwrap_or_default(),
                Anchor::Control => edge.control.way.clone(),
                _ => [edge.laptop.way.clone(), edge.join.clone()].concat(),
            }
        };
        let outward = |anchor: Anchor| -> Vec<Pt> { inward(anchor).into_iter().rev().collect() };
        let x = self.trunk;
        match (from.room(), to.room()) {
            (None, None) if to == Anchor::Nowhere => self.laptop.lost.clone(),
            (None, None) if from == Anchor::Nowhere => self.laptop.lost.iter().rev().copied().collect(),
            (None, None) => {
                // Up to the gate and away from it, by the shortest.
                let to_gate = |anchor: Anchor| match anchor {
                    Anchor::Internet => edge.internet.way.clone(),
                    Anchor::Laptop => edge.laptop.way.clone(),
                    Anchor::Gate => vec![edge.spot()],
                    Anchor::Balancer => edge.balancer.iter().flat_map(|b| b.inward.iter().rev().copied()).collect(),
                    _ => [edge.control.way.clone(), edge.join.iter().rev().copied().collect()].concat(),
                };
                let mut way = to_gate(from);
                way.extend(to_gate(to).into_iter().rev());
                way
            }
            (None, Some(b)) => {
                let kernel = &self.rooms[b].kernel;
                let mut way = inward(from);
                let y = way.last().map_or(kernel.inward, |at| at.y);
                way.extend(self.along((x, y), (self.rooms[b].trunk, kernel.inward)));
                way.push(pt(kernel.spot.x, kernel.inward));
                way.extend(self.down(to));
                way
            }
            (Some(a), None) => {
                let kernel = &self.rooms[a].kernel;
                let mut way = self.up(from);
                let on = if to == Anchor::Nowhere { outward(Anchor::Internet) } else { outward(to) };
                let y = on.first().map_or(kernel.outward, |at| at.y);
                way.push(pt(kernel.spot.x, kernel.outward));
                way.extend(self.along((self.rooms[a].trunk, kernel.outward), (x, y)));
                way.extend(on);
                way
            }
            (Some(a), Some(b)) if a == b => [self.up(from), self.down(to)].concat(),
            (Some(a), Some(b)) => {
                let (out, inward) = (self.rooms[a].kernel.outward, self.rooms[b].kernel.inward);
                let (first, last) = (self.rooms[a].kernel.spot.x, self.rooms[b].kernel.spot.x);
                let along = self.along((self.rooms[a].trunk, out), (self.rooms[b].trunk, inward));
                [self.up(from), vec![pt(first, out)], along, vec![pt(last, inward)], self.down(to)].concat()
            }
        }
    }

    /// Along the wires between nodes: up or down one of them, or over the bridge to another.
    fn along(&self, from: (f32, f32), to: (f32, f32)) -> Vec<Pt> {
        let over = [pt(from.0, self.bridge), pt(to.0, self.bridge)];
        let over = if from.0 == to.0 { &[][..] } else { &over[..] };
        [&[pt(from.0, from.1)], over, &[pt(to.0, to.1)]].concat()
    }

    /// From a kernel's spot down to an anchor of its room.
    fn down(&self, anchor: Anchor) -> Vec<Pt> {
        let Some(room) = anchor.room().and_then(|room| self.rooms.get(room)) else { return Vec::new() };
        let feed = match anchor {
            Anchor::Pod(_, pod) => room.pods.get(pod).map(|pod| &pod.feed),
            Anchor::Host(_) => room.host.as_ref().map(|host| &host.feed),
            Anchor::System(_) => room.system.as_ref().map(|system| &system.feed),
            _ => None,
        };
        feed.filter(|feed| !feed.is_empty()).cloned().unwrap_or_else(|| vec![room.kernel.spot])
    }

    fn up(&self, anchor: Anchor) -> Vec<Pt> {
        let mut way = self.down(anchor);
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::fixture;

    #[test]
    fn every_way_begins_and_ends_at_its_anchors() {
        for width in [Width::Wide, Width::Middle, Width::Narrow] {
            let scene = fixture::scene(3, 5, width);
            let mut anchors = vec![Anchor::Laptop];
            for (r, room) in scene.rooms.iter().enumerate() {
                anchors.push(Anchor::Kernel(r));
                anchors.extend((0..room.pods.len()).map(|p| Anchor::Pod(r, p)));
            }
            for &from in &anchors {
                for &to in &anchors {
                    let way = scene.way(from, to);
                    let ends = (way.first().copied(), way.last().copied());
                    let back = if to == Anchor::Laptop && from != to { scene.laptop.back } else { scene.rest(to) };
                    assert_eq!(ends, (Some(scene.rest(from)), Some(back)), "{from:?} to {to:?}");
                    // Wires go straight or turn a right angle.
                    let level =
                        |pair: &[Pt]| (pair[0].x - pair[1].x).abs() < 0.01 || (pair[0].y - pair[1].y).abs() < 0.01;
                    assert!(way.windows(2).all(level), "{from:?} to {to:?}: {way:?}");
                }
            }
        }
    }
}
