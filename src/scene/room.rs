//! A node as a room: its header, its kernel's strip with the rules, its pods.

use super::cast::{NodeFacts, PodFacts};
use super::layout::{Form, Grid, HEADER, POD_GAP, Plan, sets};
use super::line::{Pt, Rect, mono, pt, svg, words};
use super::rules::RowFacts;
use super::{HostBox, Kernel, Label, Pick, PodBox, PodState, Room, RoomState, Rule, SystemBox, Wish};
use crate::lang::Lang;

/// The most rules that a strip shows.
pub(super) const ROWS: usize = 4;

/// From one rule of a strip to the next.
pub(super) fn pitch(rows: usize) -> f32 {
    if rows > 1 { 27.0 } else { 30.0 }
}

/// A node's room, its upper wall at `y`.
pub(super) fn room(grid: &Grid, plan: &Plan, node: &NodeFacts, y: f32, wish: &Wish) -> Room {
    let rect = Rect::new(grid.room_x, y, grid.room_w, plan.height());
    let kernel = kernel(grid, plan, node, y + HEADER, wish);
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
    room.broken = matches!(node.state, RoomState::Stopped | RoomState::Silent) || !node.cut.is_empty();
    let first = kernel.rect.bottom() + plan.lane;
    place_pods(grid, plan, &mut room, node, spot, kernel.rect.bottom() + 8.0, first, wish.lang);
    if node.state == RoomState::Stopped {
        room.pods.iter_mut().for_each(|pod| pod.off = true);
    }
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
        RoomState::Stopped => vec![lang.pick("turned off", "已关机").to_owned()],
        _ if !node.cut.is_empty() => {
            let others = node.cut.join(lang.pick(", ", "、"));
            vec![
                lang.pick(format!("no link to {others}"), format!("到 {others} 的线路已断")),
                lang.pick("a link is cut", "有线路已断").to_owned(),
            ]
        }
        RoomState::Silent => vec![
            lang.pick("NotReady: its kubelet is silent", "NotReady：kubelet 没有消息").to_owned(),
            "NotReady".to_owned(),
        ],
        RoomState::Cordoned => vec![lang.pick("no new pods", "不接收新 Pod").to_owned()],
        RoomState::Running if !node.zone.is_empty() => {
            let zone = lang.pick(format!("zone {}", node.zone), format!("可用区 {}", node.zone));
            let public = lang.pick(format!("{zone}, public {}", node.public), format!("{zone}，公网 {}", node.public));
            if node.public.is_empty() { vec![zone] } else { vec![public, zone] }
        }
        RoomState::Running if plan.pods.is_empty() => vec![
            lang.pick("no replica on this node", "此节点上没有副本").to_owned(),
            lang.pick("no replica here", "这里没有副本").to_owned(),
        ],
        RoomState::Running if grid.wide => vec![format!("{} {}", lang.pick("pods", "Pod 网段"), node.cidr)],
        RoomState::Running => Vec::new(),
    };
    choices.into_iter().find(|text| words(text) <= space).unwrap_or_default()
}

fn kernel(grid: &Grid, plan: &Plan, node: &NodeFacts, y: f32, wish: &Wish) -> Kernel {
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
        kernel.none =
            Some(Label { at, text: wish.lang.pick("nobody here: turned off", "没有人：已关机").to_owned() });
        return kernel;
    }
    let rows = plan.rules.as_deref().unwrap_or_default();
    let step = pitch(rows.len());
    for (i, row) in rows.iter().take(ROWS).enumerate() {
        kernel.rules.push(rule(grid, row, middle + step * i as f32, wish.lang));
    }
    // The Service reaches in where its cluster IP stands; another row of it may stand above.
    let Some((row, rule)) = rows.iter().zip(&kernel.rules).find(|(row, _)| !row.cluster.is_empty()) else {
        let text = match (&wish.focus, &plan.rules) {
            (Some(_), None) => {
                wish.lang.pick("no rule: DNS answers for this Service", "没有规则：这个 Service 由 DNS 回答")
            }
            _ => wish.lang.pick("no rule", "没有规则"),
        };
        kernel.none = Some(Label { at, text: text.to_owned() });
        return kernel;
    };
    let y = rule.pill.center().y;
    let end = match &rule.far {
        Some((far, _)) => far.right(),
        None => {
            let ring = pt(rect.right() - 16.0, y);
            kernel.ring = Some(ring);
            ring.x + 6.0
        }
    };
    debug_assert!(!row.cluster.is_empty());
    kernel.reach = Some(svg(&[pt(end, y), pt(grid.spine, y)]));
    kernel
}

fn rule(grid: &Grid, facts: &RowFacts, y: f32, lang: Lang) -> Rule {
    let start = grid.kernel_x + grid.pill;
    let mut end = grid.kernel_x + grid.kernel_w - 28.0;
    let node_port = facts.node_port > 0;
    let text = match () {
        () if node_port => format!(":{}", facts.node_port),
        () if !facts.outside.is_empty() => facts.outside.clone(),
        () if grid.wide => facts.cluster.clone(),
        () => format!(":{}", facts.port),
    };
    let pill = Rect::new(start, y - 12.0, mono(&text) + 17.0, 24.0);
    let far = (node_port && grid.wide && !facts.cluster.is_empty()).then(|| {
        let w = mono(&facts.cluster) + 14.0;
        let right = grid.kernel_x + grid.kernel_w - 6.0;
        end = right - w - 8.0;
        (Rect::new(right - w, y - 12.0, w, 24.0), facts.cluster.clone())
    });
    let arrow = pt(pill.right() + 8.0, y);
    let begin = arrow.x + 21.0;
    let mut rule = Rule {
        cluster: facts.cluster.clone(),
        outside: facts.outside.clone(),
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
        let text = match facts.silent {
            true if grid.wide => lang.pick("drop: no endpoint on this node", "丢弃：此节点上没有端点"),
            true => lang.pick("drop", "丢弃"),
            false => lang.pick("reject", "拒绝"),
        };
        rule.after = Label { at: pt(begin, y + 4.0), text: text.to_owned() };
        return rule;
    }
    let odds = match count {
        1 => facts.picks[0].1.split(':').next().unwrap_or_default().to_owned(),
        n => lang.pick(format!("1 in {n}"), format!("{n} 选 1")),
    };
    let space = end - begin;
    let odds = match facts.local {
        true => lang.pick(format!("{odds}, this node only"), format!("{odds}，仅本节点")),
        false => odds,
    };
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
        off: false,
        count: 1,
        feed: feed(stop, door.center().y),
    }
}
