//! Cluster to positions: [`compose`].

use super::cast::{self, NodeFacts, PodFacts, RuleFacts};
use super::line::{Pt, Rect, mono, pt, svg, words};
use super::{
    HostBox, Kernel, Label, Laptop, Marks, Pick, Pill, PodBox, PodState, Room, RoomState, Rule, Scene, Spine,
    SystemBox, Width, Wish,
};
use crate::api::Store;
use crate::lang::Lang;
use crate::object::{Ref, Service};

/// The measures of an arrangement, in units.
struct Grid {
    width: f32,
    top: f32,
    gap: f32,
    room_x: f32,
    room_w: f32,
    kernel_x: f32,
    kernel_w: f32,
    /// From the kernel's left end to where packets are judged, and to the first pill.
    spot: f32,
    pill: f32,
    trunk: f32,
    spine: f32,
    wide: bool,
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

const HEADER: f32 = 30.0;
const RULE: f32 = 30.0;
const LANE: f32 = 24.0;
/// The lane may grow to this, so that a packet's label finds a place in it.
const LANE_MAX: f32 = 112.0;
/// ... and to this where one node has the picture for itself.
const LANE_ALONE: f32 = 150.0;
const POD_GAP: f32 = 12.0;
/// More pods than this on a node shrink to marks.
const CARDS: usize = 12;
/// More than this shrink to one mark for each replica set.
const SINGLE: usize = 60;

/// The picture of a snapshot.
pub fn compose(store: &Store, marks: &Marks, wish: &Wish) -> Scene {
    let grid = if wish.width == Width::Wide { WIDE } else { NARROW };
    let pods = cast::pods(store, marks);
    let nodes = cast::nodes(store);
    let rules = wish.focus.as_ref().and_then(|key| cast::rules(store, marks, key));
    let others: Vec<Ref> = cast::services(store).into_iter().filter(|key| wish.focus.as_ref() != Some(key)).collect();

    let mut plans: Vec<Plan> = nodes.iter().map(|node| plan(&grid, node, &pods, &rules, nodes.len(), wish)).collect();
    let top = if grid.wide || others.is_empty() { grid.top } else { grid.top + 30.0 };
    let natural = top + plans.iter().map(|p| p.height() + grid.gap).sum::<f32>();
    let wanted = wish.height.min(if grid.wide { 560.0 } else { 420.0 });
    share_out(&mut plans, wanted - natural);

    let mut scene = Scene { form: wish.width, width: grid.width, trunk: grid.trunk, ..Scene::default() };
    let mut y = top;
    for (plan, node) in plans.iter().zip(&nodes) {
        scene.rooms.push(room(&grid, plan, node, y, &rules, wish));
        y += plan.height() + grid.gap;
    }
    scene.height = y.max(wanted.min(y + 60.0));
    scene.laptop = laptop(&grid, &scene, wish);
    if let Some(key) = &wish.focus {
        scene.spine = spine(&grid, &scene, store, key, &rules, wish.lang, top);
    }
    pills(&grid, &mut scene, &others);
    scene.wires = wires(&grid, &scene);
    scene
}

/// What a room will hold, before it has a place.
struct Plan<'a> {
    pods: Vec<&'a PodFacts>,
    system: Vec<&'a PodFacts>,
    host: bool,
    form: Form,
    kernel: f32,
    lane: f32,
}

/// How a room shows its pods.
#[derive(Clone, Copy, PartialEq)]
enum Form {
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

    fn height(&self) -> f32 {
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
fn sets<'a>(pods: &[&'a PodFacts]) -> Vec<(&'a PodFacts, usize)> {
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
    rules: &Option<Vec<RuleFacts>>,
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
    let rows = rules.as_ref().map_or(1, |rules| rules.len().clamp(1, 3));
    let lane = if grid.wide { LANE } else { LANE - 6.0 };
    Plan { pods: mine, system, host, form, kernel: 12.0 + RULE * rows as f32, lane }
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

fn room(grid: &Grid, plan: &Plan, node: &NodeFacts, y: f32, rules: &Option<Vec<RuleFacts>>, wish: &Wish) -> Room {
    let rect = Rect::new(grid.room_x, y, grid.room_w, plan.height());
    let kernel = kernel(grid, plan, node, y + HEADER, rules, wish);
    let spot = kernel.spot;
    let title = pt(grid.kernel_x + 2.0, y + 20.0);
    let mut room = Room {
        name: node.name.clone(),
        address: node.address.clone(),
        title,
        rect,
        state: node.state,
        notch: Rect::new(grid.room_x - 4.0, spot.y - 19.0, 8.0, 38.0),
        ..Room::default()
    };
    // The header's right end: the cluster's own pods, then a word about the node.
    let mut right = rect.right() - 12.0;
    if !plan.system.is_empty() {
        let text = system_text(plan, wish);
        let w = words(&text) + 18.0;
        let chip = Rect::new(rect.right() - 10.0 - w, y + 5.0, w, 20.0);
        let feed = if wish.needs.dns && plan.system.iter().any(|pod| pod.name.starts_with("coredns")) {
            // Along the strip's upper edge, so that it crosses no word.
            let (x, edge) = (chip.center().x, kernel.rect.y - 3.0);
            vec![spot, pt(spot.x, edge), pt(x, edge)]
        } else {
            Vec::new()
        };
        let pods = plan.system.iter().map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
        room.system = Some(SystemBox { rect: chip, text, feed, pods });
        right = chip.x - 10.0;
    }
    let left = title.x + words(&node.name) * 1.12 + 10.0 + mono(&node.address) + 16.0;
    room.note = Label { at: pt(right, y + 20.0), text: note(grid, plan, node, wish.lang, right - left) };
    let first = kernel.rect.bottom() + plan.lane;
    place_pods(grid, plan, &mut room, node, spot, kernel.rect.bottom() + 8.0, first, wish.lang);
    room.kernel = kernel;
    room
}

fn system_text(plan: &Plan, wish: &Wish) -> String {
    let dns = plan.system.iter().any(|pod| pod.name.starts_with("coredns"));
    match plan.system.len() {
        _ if wish.needs.dns && dns => "kube-dns".to_owned(),
        1 => wish.lang.pick("1 system pod", "1 个系统 Pod").to_owned(),
        n => wish.lang.pick(format!("{n} system pods"), format!("{n} 个系统 Pod")),
    }
}

/// The longest remark about a node that fits.
fn note(grid: &Grid, plan: &Plan, node: &NodeFacts, lang: Lang, space: f32) -> String {
    let choices: Vec<String> = match node.state {
        RoomState::Stopped => vec![lang.pick("stopped", "已停止").to_owned()],
        RoomState::Cordoned => vec![lang.pick("no new pods", "不接收新 Pod").to_owned()],
        RoomState::Running if plan.pods.is_empty() => vec![
            lang.pick("no replica on this node", "此节点上没有副本").to_owned(),
            lang.pick("no replica here", "这里没有副本").to_owned(),
        ],
        RoomState::Running if grid.wide => vec![format!("{} {}", lang.pick("pods", "Pod 网段"), node.cidr)],
        RoomState::Running => Vec::new(),
    };
    choices.into_iter().find(|text| words(text) <= space).unwrap_or_default()
}

fn kernel(grid: &Grid, plan: &Plan, node: &NodeFacts, y: f32, rules: &Option<Vec<RuleFacts>>, wish: &Wish) -> Kernel {
    let rect = Rect::new(grid.kernel_x, y, grid.kernel_w, plan.kernel);
    let middle = y + 21.0;
    let mut kernel = Kernel {
        rect,
        label: Label { at: pt(rect.x + 8.0, middle + 4.0), text: wish.lang.pick("kernel", "内核").to_owned() },
        spot: pt(rect.x + grid.spot, middle),
        inward: middle - 11.0,
        outward: middle + 11.0,
        ..Kernel::default()
    };
    let at = pt(rect.x + grid.pill, middle + 4.0);
    if node.state == RoomState::Stopped {
        kernel.none = Some(Label { at, text: wish.lang.pick("stopped", "已停止").to_owned() });
        return kernel;
    }
    match rules {
        Some(facts) if !facts.is_empty() => {
            for (i, rule) in facts.iter().take(3).enumerate() {
                kernel.rules.push(self::rule(grid, rule, middle + RULE * i as f32, wish.lang));
            }
            let end = match &kernel.rules[0].far {
                Some((far, _)) => far.right(),
                None => {
                    let ring = pt(rect.right() - 16.0, middle);
                    kernel.ring = Some(ring);
                    ring.x + 6.0
                }
            };
            kernel.reach = Some(svg(&[pt(end, middle), pt(grid.spine, middle)]));
        }
        _ => {
            let text = match &wish.focus {
                Some(_) => wish.lang.pick("no rule: headless, DNS answers", "没有规则：无头 Service，由 DNS 回答"),
                None => wish.lang.pick("no rule", "没有规则"),
            };
            kernel.none = Some(Label { at, text: text.to_owned() });
        }
    }
    kernel
}

fn rule(grid: &Grid, facts: &RuleFacts, y: f32, lang: Lang) -> Rule {
    let start = grid.kernel_x + grid.pill;
    let mut end = grid.kernel_x + grid.kernel_w - 28.0;
    let node_port = facts.node_port > 0;
    let text = match () {
        () if node_port => format!(":{}", facts.node_port),
        () if grid.wide => facts.cluster.clone(),
        () => format!(":{}", facts.port),
    };
    let pill = Rect::new(start, y - 12.0, mono(&text) + 17.0, 24.0);
    let far = (node_port && grid.wide).then(|| {
        let w = mono(&facts.cluster) + 14.0;
        let right = grid.kernel_x + grid.kernel_w - 6.0;
        end = right - w - 8.0;
        (Rect::new(right - w, y - 12.0, w, 24.0), facts.cluster.clone())
    });
    let arrow = pt(pill.right() + 8.0, y);
    let begin = arrow.x + 21.0;
    let mut rule = Rule {
        cluster: facts.cluster.clone(),
        node_port: facts.node_port.clamp(0, 65_535) as u16,
        pill,
        text,
        far,
        arrow,
        ..Rule::default()
    };
    let count = facts.picks.len();
    if count == 0 {
        rule.reject = true;
        rule.after = Label { at: pt(begin, y + 4.0), text: lang.pick("reject", "拒绝").to_owned() };
        return rule;
    }
    let odds = match count {
        1 => facts.picks[0].1.split(':').next().unwrap_or_default().to_owned(),
        n => lang.pick(format!("1 in {n}"), format!("{n} 选 1")),
    };
    let space = end - begin;
    let fits = |n: usize, pitch: f32, tail: &str| n as f32 * pitch + 4.0 + words(tail) <= space;
    let (shown, pitch, tail) = match () {
        () if fits(count, 25.0, &odds) => (count, 25.0, odds),
        () if fits(count, 22.0, &odds) => (count, 22.0, odds),
        () if fits(count, 25.0, "") => (count, 25.0, String::new()),
        () => {
            let shown = (((space - 30.0) / 22.0) as usize).clamp(1, count);
            (shown, 22.0, format!("+{}", count - shown))
        }
    };
    let picks = facts.picks.iter().take(shown).enumerate();
    rule.picks = picks
        .map(|(i, (mark, address))| Pick {
            mark: *mark,
            address: address.clone(),
            at: pt(begin + 10.0 + pitch * i as f32, y),
        })
        .collect();
    rule.after = Label { at: pt(begin + pitch * shown as f32 + 4.0, y + 4.0), text: tail };
    rule
}

#[expect(clippy::too_many_arguments, reason = "one room's measures, used once")]
fn place_pods(grid: &Grid, plan: &Plan, room: &mut Room, node: &NodeFacts, spot: Pt, bus: f32, first: f32, lang: Lang) {
    let (columns, size, pitch) = match plan.form {
        Form::Empty => return,
        Form::Cards(columns, height) => {
            let w = (grid.kernel_w - POD_GAP * (columns - 1) as f32) / columns as f32;
            (columns, (w, height), (w + POD_GAP, height + POD_GAP))
        }
        Form::Marks(columns) => (columns, (22.0, 22.0), (28.0, 28.0)),
        Form::Sets(columns) => {
            (columns, (grid.kernel_w / columns as f32 - 8.0, 26.0), (grid.kernel_w / columns as f32, 32.0))
        }
    };
    let cell = |i: usize| {
        let (column, row) = (i % columns, i / columns);
        (Rect::new(grid.kernel_x + column as f32 * pitch.0, first + row as f32 * pitch.1, size.0, size.1), row)
    };
    // From the kernel down to the bus, along it to above the door; to lower rows through the gap beside the column.
    let feed = |rect: Rect, row: usize, door: Pt, side: f32| {
        if row == 0 {
            vec![spot, pt(spot.x, bus), pt(door.x, bus), door]
        } else {
            let gutter = rect.right() + (pitch.0 - size.0).min(10.0) / 2.0;
            vec![spot, pt(spot.x, bus), pt(gutter, bus), pt(gutter, side), pt(rect.right() + 2.0, side)]
        }
    };
    let mut next = 0;
    if plan.host {
        let (rect, row) = cell(next);
        next += 1;
        let stop = pt(rect.right() - 24.0, rect.y - 2.0);
        room.host = Some(HostBox {
            rect,
            name: Label {
                at: pt(rect.x + 12.0, rect.y + 17.0),
                text: lang.pick("shell on the node", "节点上的终端").into(),
            },
            address: Label { at: pt(rect.x + 12.0, rect.y + 34.0), text: node.address.clone() },
            feed: feed(rect, row, stop, rect.y + 12.0),
        });
    }
    let shown: Vec<(&PodFacts, usize)> = match plan.form {
        Form::Sets(_) => sets(&plan.pods),
        _ => plan.pods.iter().map(|pod| (*pod, 1)).collect(),
    };
    for (pod, count) in shown {
        let (rect, row) = cell(next);
        next += 1;
        room.pods.push(match plan.form {
            Form::Cards(2, _) if grid.wide => card(pod, rect, true, lang, |door, side| feed(rect, row, door, side)),
            Form::Cards(..) => card(pod, rect, false, lang, |door, side| feed(rect, row, door, side)),
            _ => {
                let at = pt(rect.x + 11.0, rect.center().y);
                PodBox {
                    namespace: pod.namespace.clone(),
                    name: pod.name.clone(),
                    mark: pod.mark,
                    rect: Rect::new(rect.x, at.y - 11.0, 22.0, 22.0),
                    at,
                    state: pod.state,
                    count,
                    note: (count > 1).then(|| Label { at: pt(at.x + 16.0, at.y + 4.0), text: format!("× {count}") }),
                    feed: feed(rect, row, pt(at.x, rect.y - 8.0), at.y),
                    ..PodBox::default()
                }
            }
        });
    }
}

/// A pod as a box. The door is beside the name in a roomy box, in the upper corner of a small one.
fn card(pod: &PodFacts, rect: Rect, roomy: bool, lang: Lang, feed: impl Fn(Pt, f32) -> Vec<Pt>) -> PodBox {
    let port = pod.port.map(|port| port.to_string());
    let w = port.as_deref().map_or(38.0, |text| (mono(text) + 12.0).max(38.0));
    let door = if roomy {
        Rect::new(rect.right() - 10.0 - w, rect.y + 10.0, w, 22.0)
    } else {
        Rect::new(rect.right() - 6.0 - w, rect.y + 4.0, w, 18.0)
    };
    let at = pt(rect.x + if roomy { 20.0 } else { 17.0 }, rect.y + 21.0);
    let text_x = rect.x + if roomy { 40.0 } else { 33.0 };
    let note = match pod.state {
        PodState::Ready => None,
        PodState::Starting => Some(lang.pick("starting", "启动中")),
        PodState::Unready => Some(lang.pick("not ready", "未就绪")),
        PodState::Ending => Some(lang.pick("ending", "正在结束")),
    };
    // The name shares its line with the note in a roomy box.
    let note_w = note.map_or(0.0, |note| words(note) * 1.08);
    let mut short = pod.short();
    let space = door.x - text_x - 6.0 - if roomy && note.is_some() { note_w + 10.0 } else { 0.0 };
    if words(&short) > space {
        while words(&short) > space - 8.0 && short.pop().is_some() {}
        short.push('…');
    }
    let note_at = if roomy { pt(door.x - 8.0 - note_w, rect.y + 17.0) } else { pt(text_x, rect.y + 50.0) };
    let stop = pt(door.center().x, if roomy { rect.y } else { rect.y - 6.0 });
    PodBox {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        mark: pod.mark,
        rect,
        at,
        short: Label { at: pt(text_x, rect.y + 17.0), text: short },
        address: Label { at: pt(text_x, rect.y + 34.0), text: pod.ip.clone() },
        door: port.map(|text| (door, text)),
        note: note.map(|text| Label { at: note_at, text: text.to_owned() }),
        state: pod.state,
        count: 1,
        feed: feed(stop, door.center().y),
    }
}

fn laptop(grid: &Grid, scene: &Scene, wish: &Wish) -> Laptop {
    let name = wish.lang.pick("laptop", "你的电脑").to_owned();
    let address = wish.laptop.to_string();
    let Some(first) = scene.rooms.first().filter(|_| grid.wide) else {
        let rect = Rect::new(12.0, 12.0, 122.0, 46.0);
        let out = pt(grid.trunk, rect.bottom());
        return Laptop {
            rect,
            name: Label { at: pt(24.0, 31.0), text: name },
            address: Label { at: pt(24.0, 49.0), text: address },
            out,
            back: out,
            lost: [pt(rect.right(), 35.0), pt(174.0, 35.0)],
        };
    };
    let middle = first.kernel.spot.y;
    let rect = Rect::new(16.0, middle - 37.0, 130.0, 62.0);
    Laptop {
        rect,
        name: Label { at: pt(30.0, rect.y + 24.0), text: name },
        address: Label { at: pt(30.0, rect.y + 44.0), text: address },
        out: pt(rect.right(), first.kernel.inward),
        back: pt(rect.right(), first.kernel.outward),
        lost: [pt(38.0, rect.bottom()), pt(38.0, rect.bottom() + 52.0)],
    }
}

fn spine(
    grid: &Grid,
    scene: &Scene,
    store: &Store,
    key: &Ref,
    rules: &Option<Vec<RuleFacts>>,
    lang: Lang,
    top: f32,
) -> Option<Spine> {
    let service = store.get(key)?.body::<Service>()?;
    let last = scene.rooms.iter().rev().find(|room| room.kernel.reach.is_some());
    let ring = pt(grid.spine, top - 13.0);
    let path = last.map_or(String::new(), |room| svg(&[pt(ring.x, ring.y + 5.0), pt(ring.x, room.kernel.spot.y)]));
    let (note, address) = match rules {
        None if !service.spec.external_name.is_empty() => (service.spec.external_name.clone(), true),
        None => (lang.pick("headless: a name without an address", "无头：有名字，没有地址").to_owned(), false),
        Some(_) if grid.wide => (
            lang.pick("virtual: in every kernel, on no machine", "虚拟：在每个内核里，不在任何机器上").to_owned(),
            false,
        ),
        Some(facts) => (facts.first().map(|rule| rule.cluster.clone()).unwrap_or_default(), true),
    };
    let note_w = if address { mono(&note) } else { words(&note) };
    let note_at = pt(ring.x - 12.0, ring.y + 4.0);
    let mut name = if grid.wide { format!("Service {}", key.name) } else { key.name.to_string() };
    let space = note_at.x - note_w - 12.0 - if grid.wide { 100.0 } else { 12.0 };
    if words(&name) * 1.06 > space {
        while words(&name) * 1.06 > space - 10.0 && name.pop().is_some() {}
        name.push('…');
    }
    let name = Label { at: pt(note_at.x - note_w - 9.0, note_at.y), text: name };
    Some(Spine { key: key.clone(), name, note: Label { at: note_at, text: note }, address, ring, path })
}

/// Quiet pills for the other Services: before the spine's name where it is wide, above the rooms where it is narrow.
fn pills(grid: &Grid, scene: &mut Scene, others: &[Ref]) {
    let (mut x, y, end) = if grid.wide {
        let end = scene.spine.as_ref().map_or(grid.spine, |spine| spine.name.at.x - words(&spine.name.text) * 1.06);
        (104.0, 16.0, end - 16.0)
    } else {
        (12.0, 68.0, grid.width - 12.0)
    };
    for (i, key) in others.iter().enumerate() {
        let w = words(&key.name) + 18.0;
        let more = if i + 1 < others.len() { 34.0 } else { 0.0 };
        if x + w + more > end {
            scene.hidden = others.len() - i;
            break;
        }
        scene.others.push(Pill { key: key.clone(), rect: Rect::new(x, y, w, 22.0), text: key.name.to_string() });
        x += w + 6.0;
    }
}

fn wires(grid: &Grid, scene: &Scene) -> Vec<String> {
    let mut wires = Vec::new();
    let mut above = if grid.wide { None } else { Some(scene.laptop.out) };
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
