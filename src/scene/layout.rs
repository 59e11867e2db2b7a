//! Cluster to positions: [`compose`].

use super::cast::{self, NodeFacts, PodFacts};
use super::fold::{self, Rooms};
use super::grid::{Column, FOOT, Grid, ZONE};
use super::line::{Pt, Rect, pt, svg};
use super::room::{self, ROWS};
use super::rules::{self, RowFacts, RuleFacts};
use super::sheet::{self, SheetFacts};
use super::{Label, Marks, Scene, Width, Wish, outside, pods};
use crate::api::Store;
use crate::object::Ref;

/// The most space between kernel and pods where one node has the picture for itself.
const LANE_ALONE: f32 = 150.0;

/// The picture of a snapshot.
pub fn compose(store: &Store, marks: &Marks, wish: &Wish) -> Scene {
    let pods = cast::pods(store, marks);
    let nodes = cast::nodes(store, &wish.outages);
    let settled = (wish.width == Width::Middle).then(|| wish.settled(nodes.len()));
    let wish = settled.as_ref().unwrap_or(wish);
    let rules = wish.focus.as_ref().and_then(|key| rules::rules(store, marks, key));
    let others: Vec<Ref> = cast::services(store).into_iter().filter(|key| wish.focus.as_ref() != Some(key)).collect();
    let Rooms { rooms: shown, zoned } = fold::split(&nodes, &pods, wish);

    let mut grid = Grid::of(shown.len(), store, &others, wish);
    let cells: Vec<_> = (0..shown.len()).map(|i| grid.cell(i, shown.len(), zoned)).collect();
    let mut plans: Vec<Plan> = shown
        .iter()
        .zip(&cells)
        .map(|(nodes, (column, _))| plan(&grid, &grid.columns[*column], nodes, &pods, &rules, wish))
        .collect();
    let strips = zone_strips(&shown, &cells, zoned);
    let most = (0..grid.columns.len())
        .map(|c| cells.iter().zip(&strips).filter(|((at, _), strip)| *at == c && **strip).count())
        .max()
        .unwrap_or_default();
    let zones = most as f32 * (ZONE + 4.0);
    if grid.is_cramped(&plans, zones, wish) {
        grid.tighten(&mut plans, zones, wish);
    }
    let slot = grid.slot(&plans, zones, wish);
    let sheets = sheet::facts(store, marks, wish);
    let alone = plans.len() == 1;
    for (plan, (column, _)) in plans.iter_mut().zip(&cells) {
        plan.fit(&grid.columns[*column], slot, alone, grid.wide);
        plan.take_sheets(&grid.columns[*column], slot, &sheets);
    }
    if slot.is_none() {
        spread(&grid, &mut plans, wish);
    }

    let mut scene =
        Scene { form: wish.width, width: grid.width, trunk: grid.trunk, bridge: grid.bridge, ..Scene::default() };
    let mut ends = vec![grid.top; grid.columns.len()];
    for ((plan, &(column, _)), strip) in plans.iter().zip(&cells).zip(&strips) {
        let at = &grid.columns[column];
        let mut y = ends[column];
        if *strip {
            zone(&mut scene, at, plan, y, wish);
            y += ZONE;
        }
        let room = room::room(at, plan, y, wish);
        ends[column] = room.rect.bottom() + grid.gap;
        if let (true, Some((region, _))) = (zoned && plan.folded == 0, scene.zones.last_mut()) {
            region.h = room.rect.bottom() + 5.0 - region.y;
            ends[column] += if strips_next(&cells, &strips, scene.rooms.len() + 1, column) { 4.0 } else { 0.0 };
        }
        scene.sheets.extend(sheet::in_room(&plan.sheets, &room, scene.rooms.len(), at, wish.lang));
        scene.rooms.push(room);
    }
    let bottom = ends.into_iter().fold(grid.top, f32::max) + if grid.columns.len() > 1 { 6.0 } else { 0.0 };
    scene.height = bottom.max(wish.height.min(if grid.wide { 560.0 } else { 420.0 }).min(bottom + 60.0));
    outside::place(&grid, &mut scene, store, &rules, &others, wish);
    let placed =
        |facts: &&SheetFacts| !plans.iter().any(|plan| plan.sheets.iter().any(|own| std::ptr::eq(*own, *facts)));
    let rest: Vec<&SheetFacts> = sheets.iter().filter(placed).collect();
    let margin = grid.wide.then_some(grid.trunk - grid.left - 16.0);
    sheet::outside(&mut scene, &rest, grid.left, margin, wish.lang);
    if grid.wide && !rest.is_empty() {
        // What leads nowhere goes around the sheets.
        let y = (scene.margin() + 34.0).min(scene.height - 64.0);
        scene.laptop.lost = grid.around(scene.laptop.rect, y);
    }
    scene.wires = wires(&grid, &scene);
    outside::tunnels(&mut scene, wish);
    scene
}

/// Whether a zone's name stands above each room.
fn zone_strips(shown: &[Vec<&NodeFacts>], cells: &[(usize, usize)], zoned: bool) -> Vec<bool> {
    let zone = |i: usize| (cells[i].0, shown[i].len(), shown[i].first().map(|node| &node.zone));
    (0..shown.len()).map(|i| zoned && shown[i].len() == 1 && (i == 0 || zone(i) != zone(i - 1))).collect()
}

/// Whether the next room of a column begins a zone.
fn strips_next(cells: &[(usize, usize)], strips: &[bool], from: usize, column: usize) -> bool {
    let next = (from..cells.len()).find(|i| cells[*i].0 == column);
    next.is_some_and(|i| strips[i])
}

/// Begins the region of a zone.
fn zone(scene: &mut Scene, column: &Column, plan: &Plan<'_>, y: f32, wish: &Wish) {
    let name = &plan.node.zone;
    let text = match name.as_str() {
        "" => wish.lang.pick("no zone", "无可用区").to_owned(),
        name => wish.lang.pick(format!("zone {name}"), format!("可用区 {name}")),
    };
    let text = super::line::cut(text, column.kernel_w);
    let region = Rect::new(column.room_x - 6.0, y - 1.0, column.room_w + 11.0, ZONE);
    scene.zones.push((region, Label { at: pt(column.kernel_x + 2.0, y + 12.0), text }));
}

/// What a room will hold, before it has a place.
pub(super) struct Plan<'a> {
    /// The node, or the first of those that the room stands for.
    pub(super) node: &'a NodeFacts,
    /// All nodes that the room stands for.
    pub(super) nodes: Vec<&'a NodeFacts>,
    /// How many that are, if it stands for more than one; else 0.
    pub(super) folded: usize,
    pub(super) pods: Vec<&'a PodFacts>,
    pub(super) system: Vec<&'a PodFacts>,
    pub(super) host: bool,
    pub(super) form: pods::Form,
    /// The rules of its kernel; none if there is no Service with a virtual address.
    pub(super) rules: Option<Vec<RowFacts>>,
    /// Whether its nodes' kernels hold different rules.
    pub(super) differ: bool,
    pub(super) kernel: f32,
    pub(super) lane: f32,
    pub(super) height: f32,
    /// The routing tables of its pods that stand below them.
    pub(super) sheets: Vec<&'a SheetFacts>,
}

impl<'a> Plan<'a> {
    /// How many boxes or marks its pods are.
    pub(super) fn items(&self) -> usize {
        self.pods.len() + usize::from(self.host)
    }

    /// How many rules its kernel's strip shows.
    pub(super) fn rows(&self) -> usize {
        self.rules.as_ref().map_or(1, |rules| rules.len().clamp(1, ROWS))
    }

    /// Chooses how pods are shown, and how high the room is if that is not given.
    fn fit(&mut self, column: &Column, slot: Option<f32>, alone: bool, wide: bool) {
        let above = column.header + self.kernel;
        let space = match slot {
            Some(slot) => slot - above - column.lane - FOOT,
            None if wide => 330.0,
            None => f32::INFINITY,
        };
        self.form = pods::form(self, column, space, alone);
        let pods = self.form.height(self.items(), self.sets());
        self.lane = column.lane;
        match slot {
            Some(slot) => {
                if pods > 0.0 {
                    self.lane = (slot - above - pods - FOOT).clamp(column.lane, column.most);
                }
                self.height = slot.max(above + self.lane + pods + FOOT);
            }
            None => {
                let lane = if pods > 0.0 { self.lane } else { 0.0 };
                self.height = above + lane + pods + FOOT;
            }
        }
    }

    /// Makes space for the tables of its controllers, where that moves nobody or may.
    fn take_sheets(&mut self, column: &Column, slot: Option<f32>, sheets: &'a [SheetFacts]) {
        let used = column.header + self.kernel + self.lane + self.form.height(self.items(), self.sets()) + FOOT;
        let mut free = slot.map_or(250.0, |slot| slot - used);
        let mut more = 0.0;
        for facts in sheets {
            let own = |pod: &Ref| self.pods.iter().any(|own| own.namespace == *pod.namespace && own.name == *pod.name);
            let height = facts.height(column.kernel_w) + sheet::GAP;
            if self.folded == 0 && facts.reader.as_ref().is_some_and(own) && height <= free {
                (free, more) = (free - height, more + height);
                self.sheets.push(facts);
            }
        }
        if slot.is_none() {
            self.height += more;
        }
    }

    fn sets(&self) -> usize {
        match self.form {
            pods::Form::Sets(_, most) => pods::sets(&self.pods, most).len() + usize::from(self.host),
            _ => 0,
        }
    }
}

fn plan<'a>(
    grid: &Grid,
    column: &Column,
    nodes: &[&'a NodeFacts],
    pods: &'a [PodFacts],
    rules: &Option<RuleFacts>,
    wish: &Wish,
) -> Plan<'a> {
    let here = |pod: &&PodFacts| nodes.iter().any(|node| node.name == pod.node);
    let (system, mine): (Vec<_>, Vec<_>) =
        pods.iter().filter(here).partition(|pod| cast::is_system(&pod.namespace, &pod.name));
    let node = nodes[0];
    let host = nodes.len() == 1 && wish.needs.hosts.contains(node.name.as_str());
    let differ = nodes.len() > 1
        && rules.as_ref().is_some_and(|rules| nodes[1..].iter().any(|other| rules.on(other) != rules.on(node)));
    let rules = rules.as_ref().map(|rules| rules.on(node)).filter(|_| !differ);
    let folded = if nodes.len() > 1 { nodes.len() } else { 0 };
    let mut plan = Plan {
        node,
        nodes: nodes.to_vec(),
        folded,
        pods: mine,
        system,
        host,
        form: pods::Form::Empty,
        rules,
        differ,
        kernel: 0.0,
        lane: column.lane,
        height: 0.0,
        sheets: Vec::new(),
    };
    plan.kernel = grid.strip(column, plan.rows());
    plan
}

/// Gives spare height to the lanes, the same to each until one has enough.
fn spread(grid: &Grid, plans: &mut [Plan<'_>], wish: &Wish) {
    let wanted = wish.height.min(if grid.wide { 560.0 } else { 420.0 });
    let natural = grid.top + plans.iter().map(|plan| plan.height + grid.gap).sum::<f32>();
    let spare = wanted - natural;
    if plans.is_empty() || spare <= 0.0 {
        return;
    }
    let each = spare / plans.len() as f32;
    let most = if plans.len() == 1 { LANE_ALONE } else { grid.columns[0].most };
    for plan in plans {
        let more = (plan.lane + each).min(most) - plan.lane;
        plan.lane += more;
        plan.height += more;
    }
}

fn wires(grid: &Grid, scene: &Scene) -> Vec<String> {
    let mut wires = Vec::new();
    let mut begin = if grid.wide { None } else { Some(scene.laptop.out) };
    // Where the first column's wire is met by what comes from outside.
    let mut joint = scene.laptop.out.y;
    if let Some(edge) = &scene.edge {
        wires.extend(edge.wires());
        // The wire between the nodes reaches from the highest of what joins it to the lowest.
        let joins = [&edge.join, &edge.control.way].into_iter().chain(edge.balancer.iter().map(|b| &b.outward));
        let ys = joins.filter_map(|way| way.last()).map(|at| at.y);
        let first = scene.rooms.first().map_or(grid.top, |room| room.kernel.inward);
        let (low, high) = ys.fold((first, first), |(low, high), y| (low.min(y), high.max(y)));
        wires.push(svg(&[pt(grid.trunk, low), pt(grid.trunk, high)]));
        begin = Some(pt(grid.trunk, low.min(first - 12.0)));
        joint = low.min(first - 12.0);
    }
    for column in &grid.columns {
        let mut above = match begin {
            begin if column.trunk == grid.trunk => begin,
            _ => {
                let corners = [(grid.trunk, joint), (grid.trunk, grid.bridge), (column.trunk, grid.bridge)];
                let rooms = scene.rooms.iter().filter(|room| room.trunk == column.trunk);
                let first = rooms.map(|room| room.kernel.inward - 12.0).fold(f32::INFINITY, f32::min);
                if first.is_finite() {
                    let end = pt(column.trunk, first);
                    wires.push(svg(&corners.map(|(x, y)| pt(x, y)).into_iter().chain([end]).collect::<Vec<_>>()));
                }
                Some(pt(column.trunk, first))
            }
        };
        for room in scene.rooms.iter().filter(|room| room.trunk == column.trunk) {
            let super::Kernel { spot, inward, outward, .. } = room.kernel;
            let straight = above.is_none();
            let (enter, leave) = match above {
                None => (vec![scene.laptop.out], vec![scene.laptop.back]),
                Some(from) => {
                    (vec![from, pt(room.trunk, inward)], vec![pt(room.trunk, outward), pt(room.trunk, inward - 12.0)])
                }
            };
            let inner = [pt(spot.x, inward), pt(spot.x, outward)];
            let all: Vec<Pt> = enter.into_iter().chain(inner).chain(leave).collect();
            wires.push(svg(&all));
            // The next piece of the trunk begins where this room's lanes bend away from it.
            above = Some(pt(room.trunk, inward - if straight { 0.0 } else { 12.0 }));
            let hosts = room.host.iter().map(|host| &host.feed);
            let boxes = room.pods.iter().filter(|pod| !pod.is_bare()).map(|pod| &pod.feed).chain(hosts);
            for feed in boxes.chain(room.system.iter().map(|system| &system.feed)).filter(|feed| !feed.is_empty()) {
                wires.push(svg(feed));
            }
            // Of marks, the first and the last of each row have the row's wire.
            let marks: Vec<_> = room.pods.iter().filter(|pod| pod.is_bare()).collect();
            for (i, pod) in marks.iter().enumerate() {
                let beside =
                    |other: Option<usize>| other.and_then(|i| marks.get(i)).is_some_and(|m| m.at.y == pod.at.y);
                if !(beside(i.checked_sub(1)) && beside(Some(i + 1))) {
                    wires.push(svg(&pod.feed));
                }
            }
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
                for width in [Width::Wide, Width::Middle, Width::Narrow] {
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
    fn three_nodes_fit_into_a_small_window_whatever_their_rules() {
        // The stage of a window of 1440 by 900, and of 1024 by 768, in units.
        for (width, height, least) in [(Width::Wide, 462.0, 0.84), (Width::Middle, 437.0, 1.0)] {
            let store = fixture::store(3, 3);
            let scene = compose(&store, &Marks::of(&store), &Wish { height, ..fixture::wish(width) });
            assert_eq!((scene.form, scene.width), (width, width.units()));
            assert!(scene.height * least <= height, "{width:?}: {}", scene.height);
        }
        let tall = |width, height| fixture::cloud_of(3, &Wish { height, ..fixture::wish(width) }).height;
        assert!(tall(Width::Wide, 462.0) * 0.834 <= 462.0, "{}", tall(Width::Wide, 462.0));
        assert!(tall(Width::Middle, 437.0) * 0.75 <= 437.0, "{}", tall(Width::Middle, 437.0));
    }

    #[test]
    fn a_middle_picture_is_that_of_a_phone_for_one_node_and_a_wide_one_for_many() {
        for (nodes, form) in [(1, Width::Narrow), (2, Width::Middle), (3, Width::Middle), (4, Width::Wide)] {
            assert_eq!(fixture::scene(nodes, 3, Width::Middle).form, form);
        }
    }

    #[test]
    fn marks_of_a_rule_stay_before_the_ring() {
        for replicas in 1..30 {
            for width in [Width::Wide, Width::Middle, Width::Narrow] {
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
