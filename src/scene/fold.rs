//! Which nodes have a room of their own, and in which order: more than eight are too many to draw in full.

use super::cast::{NodeFacts, PodFacts};
use super::grid::ROOMS;
use super::{Width, Wish};
use crate::object::Kind;

/// The rooms of a picture, each with the nodes that it stands for.
pub(super) struct Rooms<'a> {
    pub(super) rooms: Vec<Vec<&'a NodeFacts>>,
    /// Whether rooms stand by zones.
    pub(super) zoned: bool,
}

/// One room for each of up to eight nodes; of more, seven, and one for the rest. Who is inspected, and whom packets touch,
/// comes forward, in that order; the places are by name as always.
pub(super) fn split<'a>(nodes: &'a [NodeFacts], pods: &[PodFacts], wish: &Wish) -> Rooms<'a> {
    let mut order: Vec<&NodeFacts> = nodes.iter().collect();
    if order.len() > ROOMS {
        let mut full: Vec<&NodeFacts> = Vec::new();
        let home = |namespace: &str, name: &str| {
            pods.iter().find(|pod| pod.namespace == namespace && pod.name == name).map(|pod| pod.node.as_str())
        };
        let inspected = wish.inspected.as_ref().and_then(|key| match key.kind {
            Kind::Node => Some(&*key.name),
            Kind::Pod => home(&key.namespace, &key.name),
            _ => None,
        });
        let touched: Vec<&str> = wish.needs.pods.iter().filter_map(|(namespace, name)| home(namespace, name)).collect();
        let rank = |node: &NodeFacts| match node.name.as_str() {
            name if inspected == Some(name) => 0,
            name if wish.needs.nodes.contains(name) || touched.contains(&name) => 1,
            _ => 2,
        };
        for wanted in 0..3 {
            for node in order.iter().filter(|node| rank(node) == wanted) {
                if full.len() < ROOMS - 1 {
                    full.push(node);
                }
            }
        }
        let is_full = |node: &&NodeFacts| full.iter().any(|other| other.name == node.name);
        let rooms = order.iter().filter(|node| is_full(node)).map(|node| vec![*node]);
        let crowd: Vec<&NodeFacts> = order.iter().filter(|node| !is_full(node)).copied().collect();
        return Rooms { rooms: rooms.chain([crowd]).collect(), zoned: false };
    }
    let zoned = wish.width != Width::Narrow && order.iter().any(|node| !node.zone.is_empty());
    if zoned {
        crate::sort::by(&mut order, |a, b| a.zone.cmp(&b.zone));
    }
    Rooms { rooms: order.into_iter().map(|node| vec![node]).collect(), zoned }
}
