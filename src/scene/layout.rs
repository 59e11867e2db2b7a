//! Cluster to positions: [`compose`].

use super::cast::{self, NodeFacts, PodFacts};
use super::line::{Pt, pt, svg};
use super::room::{self, ROWS};
use super::rules::{self, RowFacts, RuleFacts};
use super::{Kernel, Marks, PodState, Scene, Width, Wish, outside};
use crate::api::Store;
use crate::object::Ref;

/// The measures of an arrangement, in units.
pub(super) struct Grid {
    pub(super) width: f32,
    pub(super) top: f32,
    pub(super) gap: f32,
    pub(super) room_x: f32,
    pub(super) room_w: f32,
    pub(super) kernel_x: f32,
    pub(super) kernel_w: f32,
    /// From the kernel's left end to where packets are judged, and to the first pill.
    pub(super) spot: f32,
    pub(super) pill: f32,
    pub(super) trunk: f32,
    pub(super) spine: f32,
    pub(super) wide: bool,
}

const WIDE: Grid = Grid {
    width: 740.0,
    top: 40.0,
    gap: 10.0,
    room_x: 212.0,
    room_w: 488.0,
    kernel_x: 222.0,
    kernel_w: 468.0,
    spot: 78.0,
    pill: 100.0,
    trunk: 188.0,
    spine: 720.0,
    wide: true,
};

const NARROW: Grid = Grid {
    width: 390.0,
    top: 92.0,
    gap: 10.0,
    room_x: 42.0,
    room_w: 330.0,
    kernel_x: 50.0,
    kernel_w: 314.0,
    spot: 72.0,
    pill: 92.0,
    trunk: 22.0,
    spine: 382.0,
    wide: false,
};

pub(super) const HEADER: f32 = 30.0;
const LANE: f32 = 24.0;
/// The lane may grow to this, so that a packet's label finds a place in it.
const LANE_MAX: f32 = 112.0;
/// ... and to this where one node has the picture for itself.
const LANE_ALONE: f32 = 150.0;
pub(super) const POD_GAP: f32 = 12.0;
/// More pods than this on a node shrink to marks.
const CARDS: usize = 12;
/// More than this shrink to one mark for each replica set.
const SINGLE: usize = 60;

/// The picture of a snapshot.
pub fn compose(store: &Store, marks: &Marks, wish: &Wish) -> Scene {
    let grid = if wish.width == Width::Wide { WIDE } else { NARROW };
    let pods = cast::pods(store, marks);
    let nodes = cast::nodes(store, &wish.outages);
    let rules = wish.focus.as_ref().and_then(|key| rules::rules(store, marks, key));
    let others: Vec<Ref> = cast::services(store).into_iter().filter(|key| wish.focus.as_ref() != Some(key)).collect();

    let mut plans: Vec<Plan> = nodes.iter().map(|node| plan(&grid, node, &pods, &rules, nodes.len(), wish)).collect();
    let top = outside::top(&grid, store, &others, wish);
    let natural = top + plans.iter().map(|p| p.height() + grid.gap).sum::<f32>();
    let wanted = wish.height.min(if grid.wide { 560.0 } else { 420.0 });
    share_out(&mut plans, wanted - natural);

    let mut scene = Scene { form: wish.width, width: grid.width, trunk: grid.trunk, ..Scene::default() };
    let mut y = top;
    for (plan, node) in plans.iter().zip(&nodes) {
        scene.rooms.push(room::room(&grid, plan, node, y, wish));
        y += plan.height() + grid.gap;
    }
    scene.height = y.max(wanted.min(y + 60.0));
    outside::place(&grid, &mut scene, store, &rules, &others, wish, top);
    scene.wires = wires(&grid, &scene);
    outside::tunnels(&mut scene, wish);
    scene
}

/// What a room will hold, before it has a place.
pub(super) struct Plan<'a> {
    pub(super) pods: Vec<&'a PodFacts>,
    pub(super) system: Vec<&'a PodFacts>,
    pub(super) host: bool,
    pub(super) form: Form,
    /// The rules of its kernel; none if there is no Service with a virtual address.
    pub(super) rules: Option<Vec<RowFacts>>,
    pub(super) kernel: f32,
    pub(super) lane: f32,
}

/// How a room shows its pods.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// None are there.
    Empty,
    /// Boxes: columns, height.
    Cards(usize, f32),
    /// Marks alone, in columns.
    Marks(usize),
    /// A mark with a count for each replica set.
    Sets(usize),
}

impl Plan<'_> {
    fn items(&self) -> usize {
        let pods = if let Form::Sets(_) = self.form { sets(&self.pods).len() } else { self.pods.len() };
        pods + usize::from(self.host)
    }

    pub(super) fn height(&self) -> f32 {
        let rows = |columns: usize| self.items().div_ceil(columns) as f32;
        let below = match self.form {
            Form::Empty => (self.lane - LANE).max(0.0),
            Form::Cards(columns, height) => self.lane + rows(columns) * (height + POD_GAP) - POD_GAP,
            Form::Marks(columns) => self.lane + rows(columns) * 28.0 - 6.0,
            Form::Sets(columns) => self.lane + rows(columns) * 32.0 - 6.0,
        };
        HEADER + self.kernel + below + 8.0
    }
}

/// The pods of each replica set, those without one alone.
pub(super) fn sets<'a>(pods: &[&'a PodFacts]) -> Vec<(&'a PodFacts, usize)> {
    let mut sets: Vec<(&PodFacts, usize)> = Vec::new();
    for pod in pods {
        match sets.iter_mut().find(|(first, _)| first.set.is_some() && first.set == pod.set) {
            Some((_, count)) => *count += 1,
            None => sets.push((pod, 1)),
        }
    }
    sets
}

fn plan<'a>(
    grid: &Grid,
    node: &NodeFacts,
    pods: &'a [PodFacts],
    rules: &Option<RuleFacts>,
    rooms: usize,
    wish: &Wish,
) -> Plan<'a> {
    let (system, mine): (Vec<_>, Vec<_>) =
        pods.iter().filter(|pod| pod.node == node.name).partition(|pod| cast::is_system(&pod.namespace));
    let host = wish.needs.hosts.contains(node.name.as_str());
    let items = mine.len() + usize::from(host);
    let columns = match items {
        _ if !grid.wide => 2,
        0..=2 => 2,
        4 if rooms == 1 => 2,
        _ => 3,
    };
    let roomy = columns == 2 && grid.wide;
    let noted = mine.iter().any(|pod| pod.state != PodState::Ready);
    let form = match items {
        0 => Form::Empty,
        n if n <= CARDS => Form::Cards(columns, if noted && !roomy { 58.0 } else { 42.0 }),
        n if n <= SINGLE => Form::Marks(((grid.kernel_w - 20.0) / 28.0) as usize),
        _ => Form::Sets((grid.kernel_w / 150.0) as usize),
    };
    let rules = rules.as_ref().map(|rules| rules.on(node));
    let rows = rules.as_ref().map_or(1, |rules| rules.len().clamp(1, ROWS));
    let kernel = 42.0 + room::pitch(rows) * (rows - 1) as f32;
    let lane = if grid.wide { LANE } else { LANE - 6.0 };
    Plan { pods: mine, system, host, form, rules, kernel, lane }
}

/// Gives spare height to the lanes, the same to each until one has enough.
fn share_out(plans: &mut [Plan], spare: f32) {
    if plans.is_empty() || spare <= 0.0 {
        return;
    }
    let each = spare / plans.len() as f32;
    let most = if plans.len() == 1 { LANE_ALONE } else { LANE_MAX };
    for plan in plans {
        plan.lane = (plan.lane + each).min(most);
    }
}

fn wires(grid: &Grid, scene: &Scene) -> Vec<String> {
    let mut wires = Vec::new();
    let mut above = if grid.wide { None } else { Some(scene.laptop.out) };
    if let Some(edge) = &scene.edge {
        wires.extend(edge.wires());
        // The wire between the nodes reaches from the highest of what joins it to the lowest.
        let joins = [&edge.join, &edge.control.way].into_iter().chain(edge.balancer.iter().map(|b| &b.outward));
        let ys = joins.filter_map(|way| way.last()).map(|at| at.y);
        let first = scene.rooms.first().map_or(grid.top, |room| room.kernel.inward);
        let (low, high) = ys.fold((first, first), |(low, high), y| (low.min(y), high.max(y)));
        wires.push(svg(&[pt(grid.trunk, low), pt(grid.trunk, high)]));
        above = Some(pt(grid.trunk, low.min(first - 12.0)));
    }
    for room in &scene.rooms {
        let Kernel { spot, inward, outward, .. } = room.kernel;
        let leave_straight = above.is_none();
        let (enter, leave) = match above {
            None => (vec![scene.laptop.out], vec![scene.laptop.back]),
            Some(from) => {
                (vec![from, pt(grid.trunk, inward)], vec![pt(grid.trunk, outward), pt(grid.trunk, inward - 12.0)])
            }
        };
        let loop_: Vec<Pt> = enter.into_iter().chain([pt(spot.x, inward), pt(spot.x, outward)]).chain(leave).collect();
        wires.push(svg(&loop_));
        // The next piece of the trunk begins where this room's lanes bend away from it.
        let bend = if leave_straight { 0.0 } else { 12.0 };
        above = Some(pt(grid.trunk, inward - bend));
        let feeds = room.pods.iter().map(|pod| &pod.feed).chain(room.host.iter().map(|host| &host.feed));
        for feed in feeds.chain(room.system.iter().map(|system| &system.feed)).filter(|feed| !feed.is_empty()) {
            wires.push(svg(feed));
        }
    }
    wires
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::fixture;
    use crate::scene::line::{Rect, words};

    fn boxes(scene: &Scene) -> Vec<(String, Rect)> {
        let mut boxes = vec![("laptop".to_owned(), scene.laptop.rect)];
        for room in &scene.rooms {
            boxes.push((format!("{} kernel", room.name), room.kernel.rect));
            boxes.extend(room.pods.iter().map(|pod| (pod.name.clone(), pod.rect)));
            boxes.extend(room.host.iter().map(|host| ("host".to_owned(), host.rect)));
            boxes.extend(room.system.iter().map(|system| (system.text.clone(), system.rect)));
        }
        boxes
    }

    #[test]
    fn nothing_stands_on_anything_else_and_all_is_inside() {
        for nodes in 1..=8 {
            for replicas in [0, 1, 3, 5, 14, 70] {
                for width in [Width::Wide, Width::Narrow] {
                    let scene = fixture::scene(nodes, replicas, width);
                    let boxes = boxes(&scene);
                    for (i, (name, rect)) in boxes.iter().enumerate() {
                        assert!(rect.right() <= scene.width && rect.bottom() <= scene.height, "{name} {rect:?}");
                        for (other, area) in &boxes[i + 1..] {
                            assert!(rect.overlap(*area) == 0.0, "{nodes} nodes, {replicas}: {name} on {other}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn marks_of_a_rule_stay_before_the_ring() {
        for replicas in 1..30 {
            for width in [Width::Wide, Width::Narrow] {
                let scene = fixture::scene(1, replicas, width);
                let rule = &scene.rooms[0].kernel.rules[0];
                let end = rule.after.at.x + words(&rule.after.text);
                assert!(end < scene.rooms[0].kernel.ring.expect("a ClusterIP has a ring").x - 6.0, "{replicas} {end}");
            }
        }
    }

    #[test]
    fn a_service_without_endpoints_rejects() {
        let scene = fixture::scene(3, 0, Width::Wide);
        assert!(scene.rooms.iter().all(|room| room.kernel.rules[0].reject));
        assert_eq!(scene.rooms[0].note.text, "no replica on this node");
    }
}
