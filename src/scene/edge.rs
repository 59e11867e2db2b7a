//! The cloud's edge: clients on the internet, the firewall that they have to pass, the load balancer, the control plane.
//!
//! Whoever comes from outside passes the gate in the firewall's wall, then either the load balancer or the way to the nodes.

use super::grid::Grid;
use super::line::{Pt, Rect, cut, pt, svg, words};
use super::{Label, Laptop, Scene, Wish};
use crate::object::{Host, Opening};

/// The edge of a cloud.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edge {
    /// Any other machine on the internet.
    pub internet: Client,
    /// The learner's own, which is one more.
    pub laptop: Client,
    /// The firewall.
    pub wall: Rect,
    /// `firewall`
    pub wall_name: Label,
    /// What it lets in; ends at `at`.
    pub wall_note: Label,
    /// Whether it lets nothing in.
    pub is_shut: bool,
    /// The opening in the wall, where packets are judged.
    pub gate: Rect,
    /// Corners of the way from the gate to the wire between the nodes.
    pub join: Vec<Pt>,
    /// The load balancer of the Service in focus, if it has one.
    pub balancer: Option<Balancer>,
    /// The control plane, which runs on none of the nodes.
    pub control: Client,
}

/// A machine outside of the nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Client {
    /// Its box.
    pub rect: Rect,
    /// What it is.
    pub name: Label,
    /// Its address.
    pub address: Label,
    /// Corners of the way from it to the gate (from the control plane: to the wire between the nodes).
    pub way: Vec<Pt>,
}

/// A load balancer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Balancer {
    /// Its box.
    pub rect: Rect,
    /// `load balancer`
    pub name: Label,
    /// Its address, or `<pending>`.
    pub address: Label,
    /// Whether it is still to be made.
    pub is_pending: bool,
    /// What it thinks of each node.
    pub checks: Vec<Check>,
    /// Corners of the way from the gate to it.
    pub inward: Vec<Pt>,
    /// Corners of the way from it to the wire between the nodes.
    pub outward: Vec<Pt>,
}

/// What a load balancer thinks of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Check {
    /// Where its sign is.
    pub at: Pt,
    /// The node's name.
    pub name: Label,
    /// Whether the node gets traffic.
    pub is_healthy: bool,
}

/// What kubectl prints for an address that is still to come.
pub(super) const PENDING: &str = "<pending>";

/// The height of what stands above the rooms of a narrow picture.
pub(super) const NARROW: f32 = 152.0;

impl Edge {
    /// Where packets are judged by the firewall.
    pub fn spot(&self) -> Pt {
        self.gate.center()
    }

    /// All its wires, as SVG paths.
    #[inline(never)]
    pub(super) fn wires(&self) -> Vec<String> {
        let mut wires = vec![svg(&self.internet.way), svg(&self.laptop.way), svg(&self.join), svg(&self.control.way)];
        if let Some(balancer) = &self.balancer {
            wires.extend([svg(&balancer.inward), svg(&balancer.outward)]);
        }
        wires
    }

    /// The lower edge of all that it consists of.
    pub fn bottom(&self) -> f32 {
        self.control.rect.bottom()
    }
}

/// `30001-30003, 443`, as far as there is space.
fn openings(list: &[Opening], balancer: bool, space: f32, wish: &Wish) -> String {
    if list.is_empty() && balancer {
        // The cloud itself opened it for that.
        return wish.lang.pick("LB only", "仅均衡器").to_owned();
    }
    if list.is_empty() {
        return wish.lang.pick("shut", "全部关闭").to_owned();
    }
    let ports = list
        .iter()
        .map(|o| if o.first == o.last { format!(":{}", o.first) } else { format!(":{}-{}", o.first, o.last) });
    let ports: Vec<String> = ports.collect();
    let all = ports.join(" ");
    if words(&all) <= space {
        return all;
    }
    wish.lang.pick(format!("{} rules", list.len()), format!("{} 条规则", list.len()))
}

fn client(rect: Rect, name: &str, address: String) -> Client {
    Client {
        rect,
        name: Label { at: pt(rect.x + 14.0, rect.y + 18.0), text: name.to_owned() },
        address: Label { at: pt(rect.x + 14.0, rect.y + 34.0), text: address },
        way: Vec::new(),
    }
}

/// The edge, if the nodes are in a cloud; `balanced` is the address of the load balancer of the Service in focus.
#[inline(never)]
pub(super) fn edge(grid: &Grid, wish: &Wish, balanced: Option<String>) -> Option<Edge> {
    let profile = &wish.profile;
    if profile.host != Host::Remote {
        return None;
    }
    let lang = wish.lang;
    let firewall = profile.firewall.as_deref();
    let control = profile.control_plane.map(|ip| ip.to_string()).unwrap_or_default();
    let (internet_name, laptop_name) = (lang.pick("internet", "互联网"), lang.pick("laptop", "你的电脑"));
    let (away, laptop) = ("203.0.113.7".to_owned(), profile.laptop.to_string());
    let given = balanced.as_deref().is_some_and(|address| address != PENDING);
    let mut edge = Edge { is_shut: firewall.is_some_and(<[_]>::is_empty) && !given, ..Edge::default() };
    if grid.wide {
        let (left, aside, street) = (grid.left, grid.aside, grid.trunk - 28.0);
        edge.internet = client(Rect::new(left, 40.0, aside - 4.0, 42.0), internet_name, away);
        edge.laptop = client(Rect::new(left, 88.0, aside - 4.0, 42.0), laptop_name, laptop);
        edge.wall = Rect::new(left, 144.0, street + 12.0 - left, 24.0);
        edge.gate = Rect::new(street - 8.0, 142.0, 16.0, 28.0);
        let spot = edge.spot();
        for one in [&mut edge.internet, &mut edge.laptop] {
            let y = one.rect.center().y;
            one.way = vec![pt(one.rect.right(), y), pt(street, y), spot];
        }
        edge.join = vec![spot, pt(street, 184.0), pt(grid.trunk, 184.0)];
        let mut y = 192.0;
        if let Some(address) = balanced {
            let rect = Rect::new(left, y + 4.0, aside, 52.0 + 18.0 * wish.health.len().min(8) as f32);
            edge.balancer = Some(balancer(rect, address, wish, |rect| {
                let (inward, outward) = (rect.y + 16.0, rect.y + 34.0);
                (
                    vec![spot, pt(street, inward), pt(rect.right(), inward)],
                    vec![pt(rect.right(), outward), pt(grid.trunk, outward)],
                )
            }));
            y = rect.bottom() + 8.0;
        }
        edge.control = client(Rect::new(left, y + 6.0, aside, 42.0), lang.pick("control plane", "控制平面"), control);
        let middle = edge.control.rect.center().y;
        edge.control.way = vec![pt(edge.control.rect.right(), middle), pt(grid.trunk, middle)];
        edge.wall_name = Label { at: pt(left + 8.0, 160.0), text: lang.pick("firewall", "防火墙").to_owned() };
        let space = edge.gate.x - left - 14.0 - words(&edge.wall_name.text) - 8.0;
        edge.wall_note = Label { at: pt(edge.gate.x - 6.0, 160.0), text: openings(firewall?, given, space, wish) };
        return Some(edge);
    }
    let x = grid.trunk;
    edge.laptop = client(Rect::new(10.0, 8.0, 112.0, 42.0), laptop_name, laptop);
    edge.internet = client(Rect::new(130.0, 8.0, 112.0, 42.0), internet_name, away);
    edge.control = client(Rect::new(262.0, 92.0, 116.0, 42.0), lang.pick("control plane", "控制平面"), control);
    edge.wall = Rect::new(10.0, 62.0, 368.0, 22.0);
    edge.gate = Rect::new(x - 8.0, 59.0, 16.0, 28.0);
    let spot = edge.spot();
    edge.laptop.way = vec![pt(x, edge.laptop.rect.bottom()), spot];
    let at = edge.internet.rect.x + 20.0;
    edge.internet.way = vec![pt(at, edge.internet.rect.bottom()), pt(at, 56.0), pt(x, 56.0), spot];
    edge.join = vec![spot, pt(x, 112.0)];
    let under = edge.control.rect.bottom() + 4.0;
    let left = edge.control.rect.x + 12.0;
    edge.control.way = vec![pt(left, edge.control.rect.bottom()), pt(left, under), pt(x, under)];
    if let Some(address) = balanced {
        edge.balancer = Some(balancer(Rect::new(44.0, 92.0, 206.0, 42.0), address, wish, |rect| {
            (vec![spot, pt(x, 104.0), pt(rect.x, 104.0)], vec![pt(rect.x, 120.0), pt(x, 120.0)])
        }));
    }
    edge.wall_name = Label { at: pt(40.0, 77.0), text: lang.pick("firewall", "防火墙").to_owned() };
    edge.wall_note = Label { at: pt(370.0, 77.0), text: openings(firewall?, given, 220.0, wish) };
    Some(edge)
}

fn balancer(rect: Rect, address: String, wish: &Wish, ways: impl Fn(Rect) -> (Vec<Pt>, Vec<Pt>)) -> Balancer {
    let (inward, outward) = ways(rect);
    let column = rect.h > 50.0;
    // Without names, as close as there are many.
    let across = (66.0 / (wish.health.len().clamp(2, 8) - 1) as f32).min(26.0);
    let checks = wish.health.iter().take(8).enumerate().map(|(i, (name, healthy))| {
        let at = match column {
            true => pt(rect.x + 20.0, rect.y + 56.0 + 18.0 * i as f32),
            false => pt(rect.x + 130.0 + across * i as f32, rect.center().y),
        };
        let text = if column { cut(name.clone(), rect.w - 38.0) } else { String::new() };
        Check { at, name: Label { at: pt(at.x + 12.0, at.y + 4.0), text }, is_healthy: *healthy }
    });
    Balancer {
        rect,
        name: Label {
            at: pt(rect.x + 14.0, rect.y + 18.0),
            text: wish.lang.pick("load balancer", "负载均衡器").to_owned(),
        },
        is_pending: address == PENDING,
        address: Label { at: pt(rect.x + 14.0, rect.y + 35.0), text: address },
        checks: checks.collect(),
        inward,
        outward,
    }
}

/// The laptop of a picture with an edge: where packets start, and where those go that no route leads in.
#[inline(never)]
pub(super) fn laptop(grid: &Grid, scene: &Scene, edge: &Edge) -> Laptop {
    let Client { rect, name, address, way } = edge.laptop.clone();
    let out = way.first().copied().unwrap_or_default();
    let lost = match grid.wide {
        true => {
            let y = (edge.bottom() + 24.0).min(scene.height - 64.0);
            grid.around(rect, y)
        }
        false => vec![
            pt(rect.right(), 16.0),
            pt(rect.right() + 4.0, 16.0),
            pt(rect.right() + 4.0, 4.0),
            pt(256.0, 4.0),
            pt(256.0, 24.0),
        ],
    };
    Laptop { rect, name, address, out, back: out, doors: Vec::new(), lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Anchor, Width, fixture};

    #[test]
    fn nothing_of_the_edge_stands_on_anything_else() {
        for nodes in 1..=4 {
            for width in [Width::Wide, Width::Middle, Width::Narrow] {
                let scene = fixture::cloud(nodes, width);
                let edge = scene.edge.as_ref().expect("a cloud has an edge");
                let balancer = edge.balancer.as_ref().expect("it has an address");
                assert_eq!(balancer.checks.iter().filter(|check| !check.is_healthy).count(), usize::from(nodes > 1));
                let mut boxes = vec![edge.internet.rect, edge.laptop.rect, edge.control.rect, edge.wall, balancer.rect];
                boxes.extend(scene.rooms.iter().map(|room| room.rect));
                for (i, rect) in boxes.iter().enumerate() {
                    assert!(rect.right() <= scene.width && rect.bottom() <= scene.height.max(506.0), "{rect:?}");
                    assert!(boxes[i + 1..].iter().all(|other| rect.overlap(*other) == 0.0), "{nodes} {width:?} {i}");
                }
                let space = edge.wall_note.at.x - words(&edge.wall_note.text) - edge.wall_name.at.x;
                assert!(space > words(&edge.wall_name.text), "the firewall's words have space");
            }
        }
    }

    #[test]
    fn ways_through_the_edge_begin_and_end_at_their_anchors_and_turn_right_angles() {
        for width in [Width::Wide, Width::Middle, Width::Narrow] {
            let scene = fixture::cloud(3, width);
            let anchors = [
                Anchor::Laptop,
                Anchor::Internet,
                Anchor::Gate,
                Anchor::Balancer,
                Anchor::Control,
                Anchor::Kernel(0),
                Anchor::Kernel(2),
                Anchor::Pod(1, 0),
            ];
            for from in anchors {
                for to in anchors.into_iter().filter(|to| *to != from) {
                    let way = scene.way(from, to);
                    let level =
                        |pair: &[Pt]| (pair[0].x - pair[1].x).abs() < 0.01 || (pair[0].y - pair[1].y).abs() < 0.01;
                    assert!(way.windows(2).all(level), "{from:?} to {to:?}: {way:?}");
                    let ends = |anchor: Anchor, at: Option<&Pt>| match anchor {
                        // A balancer has a door towards the gate and one towards the nodes.
                        Anchor::Balancer => at.is_some(),
                        anchor => at.is_some_and(|at| at.to(scene.rest(anchor)) < 0.01),
                    };
                    assert!(ends(from, way.first()) && ends(to, way.last()), "{from:?} to {to:?}: {way:?}");
                }
            }
        }
    }
}
