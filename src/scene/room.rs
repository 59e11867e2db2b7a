//! A node as a room: its header, its kernel's strip with the rules, its pods.

use super::cast::NodeFacts;
use super::grid::Column;
use super::layout::Plan;
use super::line::{Rect, cut, cut_front, mono, pt, svg, words};
use super::rules::RowFacts;
use super::{Kernel, Label, Pick, Room, RoomState, Rule, SystemBox, Wish, pods};
use crate::lang::Lang;

/// The most rules that a strip shows.
pub(super) const ROWS: usize = 4;

/// A room, its upper wall at `y`.
pub(super) fn room(column: &Column, plan: &Plan<'_>, y: f32, wish: &Wish) -> Room {
    let rect = Rect::new(column.room_x, y, column.room_w, plan.height);
    let kernel = kernel(column, plan, y + column.header, wish);
    let spot = kernel.spot;
    let mut room = Room {
        name: if plan.folded == 0 { plan.node.name.clone() } else { String::new() },
        folded: if plan.folded == 0 { Vec::new() } else { plan.nodes.iter().map(|node| node.name.clone()).collect() },
        address: if plan.folded == 0 { plan.node.address.clone() } else { String::new() },
        rect,
        trunk: column.trunk,
        state: if plan.folded == 0 { plan.node.state } else { RoomState::Running },
        notch: Rect::new(column.room_x - 4.0, spot.y - if kernel.rect.h < 36.0 { 14.0 } else { 19.0 }, 8.0, 38.0),
        ..Room::default()
    };
    room.notch.h = 2.0 * (spot.y - room.notch.y);
    header(column, plan, &mut room, &kernel, wish);
    let bus = kernel.rect.bottom() + (plan.lane - 4.0).min(8.0);
    let first = kernel.rect.bottom() + plan.lane;
    pods::place(column, plan, &mut room, spot, bus, first, wish.lang);
    if room.state == RoomState::Stopped {
        room.pods.iter_mut().for_each(|pod| pod.off = true);
    }
    room.kernel = kernel;
    room
}

/// The name; at the right end the cluster's own pods, before them a word about the node; the address where it fits.
fn header(column: &Column, plan: &Plan<'_>, room: &mut Room, kernel: &Kernel, wish: &Wish) {
    let (node, lang) = (plan.node, wish.lang);
    let base = room.rect.y + column.header / 2.0 + 5.0;
    let left = column.kernel_x + if column.is_compact() { 1.0 } else { 2.0 };
    let mut right = room.rect.right() - 12.0;
    let (title, place) = match plan.folded {
        0 => (node.name.clone(), node.address.clone()),
        n => (lang.pick(format!("{n} more nodes"), format!("另外 {n} 个节点")), span(&plan.nodes)),
    };
    room.broken =
        matches!(room.state, RoomState::Stopped | RoomState::Silent) || (plan.folded == 0 && !node.cut.is_empty());
    if plan.folded > 0 {
        let silent =
            plan.nodes.iter().filter(|node| matches!(node.state, RoomState::Stopped | RoomState::Silent)).count();
        room.broken = silent > 0;
    }
    let (title_w, place_w) = (words(&title) * BOLD, mono(&place));
    let dns = wish.needs.dns && plan.system.iter().any(|pod| pod.name.starts_with("coredns"));
    // What must be said goes before the address, the address before what is only good to know.
    if !plan.system.is_empty() {
        let spare = right - left - title_w - 10.0 - if dns || room.broken { 0.0 } else { place_w };
        let choices = chip(plan.system.len(), dns, lang);
        let text =
            choices.iter().find(|text| words(text) + 30.0 <= spare).or(choices.last()).cloned().unwrap_or_default();
        let w = words(&text) + if column.is_compact() { 14.0 } else { 18.0 };
        let edge = if column.is_compact() { 6.0 } else { 10.0 };
        let h = (column.header - 6.0).min(19.0);
        let chip = Rect::new(room.rect.right() - edge - w, base - 4.5 - h / 2.0, w, h);
        let feed = if dns {
            // Along the strip's upper edge, so that it crosses no word.
            let (x, edge) = (chip.center().x, kernel.rect.y - 3.0);
            vec![kernel.spot, pt(kernel.spot.x, edge), pt(x, edge)]
        } else {
            Vec::new()
        };
        let pods = plan.system.iter().map(|pod| (pod.namespace.clone(), pod.name.clone())).collect();
        room.system = Some(SystemBox { rect: chip, text, feed, pods });
        right = chip.x - if column.is_compact() { 6.0 } else { 10.0 };
    }
    let space = |right: f32, with: f32| right - left - title_w - 10.0 - with - 12.0;
    let full = notes(column, plan, lang);
    let fits = |room: f32| full.iter().find(|text| words(text) * if plan_is_loud(plan) { 1.08 } else { 1.0 } <= room);
    let note = match room.broken {
        true => fits(space(right, place_w)).or_else(|| fits(space(right, -10.0))).or(full.last()),
        false => fits(space(right, place_w)),
    };
    if let Some(note) = note {
        room.note = Label { at: pt(right, base), text: note.clone() };
        right -= words(note) * 1.08 + 10.0;
    }
    let title = cut(title, (right - left) / BOLD);
    let begin = left + words(&title) * BOLD + if column.is_compact() { 7.0 } else { 10.0 };
    room.title = Label { at: pt(left, base), text: title };
    let place = match place_w <= right - begin {
        true => place,
        false if plan.folded > 0 => String::new(),
        false => cut_front(&place, right - begin),
    };
    room.place = Label { at: pt(begin, base), text: place };
}

/// The first and the last name of many, without what they have in common: `m09…m20`.
fn span(nodes: &[&NodeFacts]) -> String {
    let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return String::new() };
    let start = match first.name.rsplit_once('-') {
        Some((start, _)) if last.name.starts_with(start) => start.len() + 1,
        _ => 0,
    };
    format!("{}…{}", &first.name[start..], last.name.get(start..).unwrap_or_default())
}

/// How much wider a room's name is than other words.
const BOLD: f32 = 1.13;

fn plan_is_loud(plan: &Plan<'_>) -> bool {
    plan.folded > 0 || plan.node.state != RoomState::Running || !plan.node.cut.is_empty()
}

/// What the chip of the cluster's own pods says, the longest first.
fn chip(count: usize, dns: bool, lang: Lang) -> Vec<String> {
    if dns {
        return vec!["kube-dns".to_owned()];
    }
    let long = match count {
        1 => lang.pick("1 system pod", "1 个系统 Pod").to_owned(),
        n => lang.pick(format!("{n} system pods"), format!("{n} 个系统 Pod")),
    };
    vec![long, lang.pick(format!("{count} system"), format!("系统 {count}")), format!("+{count}")]
}

/// What there is to remark about a node, the longest first.
fn notes(column: &Column, plan: &Plan<'_>, lang: Lang) -> Vec<String> {
    let node: &NodeFacts = plan.node;
    if plan.folded > 0 {
        let count = |is: fn(&&&NodeFacts) -> bool| plan.nodes.iter().filter(is).count();
        let silent = count(|node| matches!(node.state, RoomState::Stopped | RoomState::Silent));
        return match silent {
            0 => Vec::new(),
            n => vec![format!("{n} NotReady")],
        };
    }
    match node.state {
        RoomState::Stopped => vec![lang.pick("turned off", "已关机").to_owned()],
        _ if !node.cut.is_empty() => {
            let others = node.cut.join(lang.pick(", ", "、"));
            vec![
                lang.pick(format!("no link to {others}"), format!("到 {others} 的线路已断")),
                lang.pick("a link is cut", "有线路已断").to_owned(),
                lang.pick("link cut", "线路断").to_owned(),
            ]
        }
        RoomState::Silent => vec![
            lang.pick("NotReady: its kubelet is silent", "NotReady：kubelet 没有消息").to_owned(),
            "NotReady".to_owned(),
        ],
        RoomState::Cordoned => vec![lang.pick("no new pods", "不接收新 Pod").to_owned()],
        RoomState::Running if !node.public.is_empty() => {
            vec![lang.pick(format!("public {}", node.public), format!("公网 {}", node.public))]
        }
        RoomState::Running if plan.pods.is_empty() => vec![
            lang.pick("no replica on this node", "此节点上没有副本").to_owned(),
            lang.pick("no replica here", "这里没有副本").to_owned(),
        ],
        RoomState::Running if column.is_full() => vec![format!("{} {}", lang.pick("pods", "Pod 网段"), node.cidr)],
        RoomState::Running => Vec::new(),
    }
}

fn kernel(column: &Column, plan: &Plan<'_>, y: f32, wish: &Wish) -> Kernel {
    let rect = Rect::new(column.kernel_x, y, column.kernel_w, plan.kernel);
    let middle = y + column.strip / 2.0;
    let lane = (column.strip / 2.0 - 5.0).min(11.0);
    let name = if column.is_compact() { "" } else { wish.lang.pick("kernel", "内核") };
    let mut kernel = Kernel {
        rect,
        label: Label { at: pt(rect.x + 8.0, middle + 4.0), text: name.to_owned() },
        spot: pt(rect.x + column.spot, middle),
        inward: middle - lane,
        outward: middle + lane,
        ..Kernel::default()
    };
    let at = pt(rect.x + column.pill, middle + 4.0);
    let none = |text: &str| Some(Label { at, text: cut(text.to_owned(), rect.right() - at.x - 26.0) });
    if plan.folded == 0 && plan.node.state == RoomState::Stopped {
        kernel.none = none(wish.lang.pick("nobody here: turned off", "没有人：已关机"));
        return kernel;
    }
    if plan.differ {
        kernel.none = none(wish.lang.pick("rules differ by node", "各节点规则不同"));
        return kernel;
    }
    let rows = plan.rules.as_deref().unwrap_or_default();
    for (i, row) in rows.iter().take(ROWS).enumerate() {
        kernel.rules.push(rule(column, row, middle + column.pitch * i as f32, wish.lang));
    }
    // The Service reaches in where its cluster IP stands; another row of it may stand above.
    let Some((_, rule)) = rows.iter().zip(&kernel.rules).find(|(row, _)| !row.cluster.is_empty()) else {
        let text = match (&wish.focus, &plan.rules) {
            (Some(_), None) if column.is_compact() => wish.lang.pick("no rule: DNS answers", "没有规则：DNS 回答"),
            (Some(_), None) => {
                wish.lang.pick("no rule: DNS answers for this Service", "没有规则：这个 Service 由 DNS 回答")
            }
            _ => wish.lang.pick("no rule", "没有规则"),
        };
        kernel.none = none(text);
        return kernel;
    };
    let y = rule.pill.center().y;
    let end = match &rule.far {
        Some((far, _)) => far.right(),
        None => {
            let ring = pt(rect.right() - 14.0, y);
            kernel.ring = Some(ring);
            ring.x + 6.0
        }
    };
    kernel.reach = Some(svg(&[pt(end, y), pt(column.spine, y)]));
    kernel
}

fn rule(column: &Column, facts: &RowFacts, y: f32, lang: Lang) -> Rule {
    let start = column.kernel_x + column.pill;
    let mut end = column.kernel_x + column.kernel_w - 26.0;
    let node_port = facts.node_port > 0;
    let text = match () {
        () if node_port => format!(":{}", facts.node_port),
        () if !facts.outside.is_empty() => match column.is_full() {
            true => facts.outside.clone(),
            false => cut_front(&facts.outside, column.kernel_w * 0.34),
        },
        () if column.is_full() => facts.cluster.clone(),
        () => format!(":{}", facts.port),
    };
    let half = column.half;
    let pill = Rect::new(start, y - half, mono(&text) + 17.0, 2.0 * half);
    let far = (node_port && column.is_full() && !facts.cluster.is_empty()).then(|| {
        let w = mono(&facts.cluster) + 14.0;
        let right = column.kernel_x + column.kernel_w - 6.0;
        end = right - w - 8.0;
        (Rect::new(right - w, y - half, w, 2.0 * half), facts.cluster.clone())
    });
    let arrow = pt(pill.right() + if column.is_compact() { 5.0 } else { 8.0 }, y);
    let begin = arrow.x + if column.is_compact() { 18.0 } else { 21.0 };
    let mut rule = Rule {
        cluster: facts.cluster.clone(),
        outside: facts.outside.clone(),
        node_port: facts.node_port.clamp(0, 65_535) as u16,
        pill,
        text,
        far,
        arrow,
        ends: facts.picks.iter().map(|(_, address)| address.clone()).collect(),
        space: end - begin,
        ..Rule::default()
    };
    let count = facts.picks.len();
    let space = end - begin;
    if count == 0 {
        rule.reject = true;
        let silent: &[&str] = match lang {
            Lang::En => &["drop: no endpoint on this node", "drop"],
            Lang::Zh => &["丢弃：此节点上没有端点", "丢弃"],
        };
        let text = match facts.silent {
            true => silent.iter().find(|text| words(text) * 1.08 <= space).unwrap_or(&silent[1]),
            false => lang.pick("reject", "拒绝"),
        };
        rule.after = Label { at: pt(begin, y + 4.0), text: text.to_owned() };
        return rule;
    }
    let odds = match count {
        1 => {
            let address = cut_front(facts.picks[0].1.split(':').next().unwrap_or_default(), space - 26.0);
            // Its last number alone tells nothing.
            if address.chars().count() < 6 { String::new() } else { address }
        }
        n => lang.pick(format!("1 in {n}"), format!("{n} 选 1")),
    };
    let local = match facts.local {
        true => lang.pick(format!("{odds}, this node only"), format!("{odds}，仅本节点")),
        false => odds.clone(),
    };
    let fits = |n: usize, pitch: f32, tail: &str| n as f32 * pitch + 4.0 + words(tail) <= space;
    let (shown, pitch, tail) = match () {
        () if fits(count, 25.0, &local) => (count, 25.0, local),
        () if fits(count, 22.0, &local) => (count, 22.0, local),
        () if fits(count, 22.0, &odds) => (count, 22.0, odds),
        () if fits(count, 22.0, "") => (count, 22.0, String::new()),
        // Who may be picked does not fit: how many they are does.
        () if column.is_compact() || space < 60.0 => (0, 0.0, odds),
        () => {
            let shown = (((space - 34.0) / 22.0) as usize).clamp(1, count);
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
