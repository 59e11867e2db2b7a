//! A scene to SVG: strings for the still parts, so that a change of the cluster sets a few attributes and no more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kubehop::lang::Lang;
use kubehop::scene::line::{self, mono, words};
use kubehop::scene::{
    Edge, HostBox, Kernel, Label, Lit, Mark, PodBox, PodState, Pt, Rect, Room, RoomState, Routed, Rule, Scene,
};

use super::stage_sheet;

/// A replica's mark, 22 by 22, as the children of an `<svg viewBox="-11 -11 22 22">`; hollow for a reply.
pub(crate) fn mark_shape(mark: Option<Mark>, hollow: bool) -> String {
    let Some(mark) = mark else { return r#"<circle class="half" r="5"/>"#.to_owned() };
    let shape = match mark.shape() {
        0 => r#"<circle r="9"/>"#,
        1 => r#"<rect x="-8.5" y="-8.5" width="17" height="17" rx="3"/>"#,
        2 => r#"<path d="M0-10.6 10.6 0 0 10.6-10.6 0Z" stroke-linejoin="round"/>"#,
        3 => r#"<path d="M-5-9h10l5 9-5 9h-10l-5-9Z" stroke-linejoin="round"/>"#,
        4 => r#"<path d="M0-10 10.4 8.2H-10.4Z" stroke-linejoin="round"/>"#,
        _ => r#"<path d="M0-10 9.9-2.8 6.1 8.8H-6.1L-9.9-2.8Z" stroke-linejoin="round"/>"#,
    };
    let y = if mark.shape() == 4 { 6.2 } else { 4.3 };
    let open = if hollow { " o" } else { "" };
    format!(r#"<g class="rep {}{open}">{shape}<text y="{y}">{}</text></g>"#, mark.hue_name(), mark.letter())
}

/// Text for SVG or HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

macro_rules! put {
    ($out:expr, $($text:tt)*) => { put($out, format_args!($($text)*)) };
}

pub(super) fn rect(out: &mut String, class: &str, r: Rect, radius: f32) {
    let Rect { x, y, w, h } = r;
    put!(out, r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" rx="{radius}"/>"#);
}

pub(super) fn text(out: &mut String, class: &str, at: Pt, words: &str) {
    if !words.is_empty() {
        put!(out, r#"<text class="{class}" x="{:.1}" y="{:.1}">{}</text>"#, at.x, at.y, escape(words));
    }
}

pub(super) fn label(out: &mut String, class: &str, label: &Label) {
    text(out, class, label.at, &label.text);
}

pub(super) fn mark(out: &mut String, mark: Option<Mark>, at: Pt, size: f32) {
    let scale = size / 22.0;
    let shape = mark_shape(mark, false);
    put!(out, r#"<g transform="translate({:.1} {:.1}) scale({scale:.3})">{shape}</g>"#, at.x, at.y);
}

/// Everything that stands still but the pods: wires, rooms, kernels, the laptop, the Service.
///
/// `behind` are the addresses of the pods behind the Service in focus, while that stands alone.
pub(crate) fn backdrop(
    scene: &Scene,
    lit: Option<&Lit>,
    routed: Option<&Routed>,
    behind: Option<&BTreeSet<String>>,
) -> String {
    let mut out = String::with_capacity(8192);
    let out = &mut out;
    for (region, name) in &scene.zones {
        rect(out, "zone", *region, 12.0);
        label(out, "q", name);
    }
    for room in &scene.rooms {
        walls(out, room);
    }
    for (i, room) in scene.rooms.iter().enumerate() {
        let class = match room.state {
            RoomState::Stopped => "kern off",
            _ if lit.is_some_and(|lit| lit.room == i) => "kern on",
            _ => "kern",
        };
        rect(out, class, room.kernel.rect, 6.0);
    }
    if let Some((glass, what)) = &scene.glass {
        rect(out, "glass", *glass, 3.0);
        label(out, "q end", what);
    }
    for tunnel in &scene.tunnels {
        put!(out, r#"<path class="tube stands" d="{tunnel}"/>"#);
    }
    // The wires to boxes that step back; marks in a row share theirs.
    let is_other = |pod: &&PodBox| !pod.is_bare() && behind.is_some_and(|ips| !pod.ips().any(|ip| ips.contains(ip)));
    let pods = scene.rooms.iter().flat_map(|room| &room.pods);
    let others: Vec<String> = pods.filter(is_other).map(|pod| line::svg(&pod.feed)).collect();
    for wire in &scene.wires {
        let pale = if others.contains(wire) { " pale" } else { "" };
        put!(out, r#"<path class="wire{pale}" d="{wire}"/>"#);
    }
    for (i, room) in scene.rooms.iter().enumerate() {
        rect(out, "notch", room.notch, 2.0);
        kernel(out, &room.kernel, lit.filter(|lit| lit.room == i));
        if let Some(system) = &room.system {
            let keys = system.pods.iter().map(|(ns, name)| format!("{ns}/{name}")).collect::<Vec<_>>().join(" ");
            put!(out, r#"<g class="click" data-system="{}">"#, escape(&keys));
            put!(
                out,
                "<title>{}</title>",
                escape(&system.pods.iter().map(|(_, n)| &**n).collect::<Vec<_>>().join("\n"))
            );
            rect(out, "sys", system.rect, 4.0);
            let middle = system.rect.center();
            text(out, "q mid", line::pt(middle.x, middle.y + 4.0), &system.text);
            out.push_str("</g>");
        }
        if let Some(host) = &room.host {
            shell(out, host);
        }
    }
    if let Some(edge) = &scene.edge {
        self::edge(out, edge, scene);
    }
    put!(out, r#"<g class="click" data-from="laptop">"#);
    rect(out, "box", scene.laptop.rect, 6.0);
    label(out, "h", &scene.laptop.name);
    label(out, "m", &scene.laptop.address);
    for (door, port) in &scene.laptop.doors {
        rect(out, "door", *door, 4.0);
        let middle = door.center();
        text(out, "m k mid", line::pt(middle.x, middle.y + 4.0), port);
    }
    out.push_str("</g>");
    socket(out, scene);
    for (i, sheet) in scene.sheets.iter().enumerate() {
        let alone = scene.spine.as_ref().map(|spine| &spine.key).filter(|_| behind.is_some());
        stage_sheet::sheet(out, sheet, routed.filter(|routed| routed.sheet == i), alone);
    }
    service(out, scene);
    std::mem::take(out)
}

fn walls(out: &mut String, room: &Room) {
    let state = match room.state {
        RoomState::Running => "",
        RoomState::Cordoned => " cordoned",
        RoomState::Silent => " silent",
        RoomState::Stopped => " stopped",
    };
    match room.folded.is_empty() {
        true => put!(out, r#"<g class="click{state}" data-node="{}">"#, escape(&room.name)),
        false => put!(out, r#"<g class="click crowd" data-crowd="">"#),
    }
    if room.folded.is_empty() {
        rect(out, "room", room.rect, 10.0);
    } else {
        // Many rooms behind each other.
        for step in [6.0, 3.0, 0.0] {
            let Rect { x, y, w, h } = room.rect;
            rect(out, "room", Rect::new(x + step, y - step, w - 2.0 * step, h), 10.0);
        }
    }
    if room.title.text != room.name && room.folded.is_empty() {
        put!(out, "<title>{}</title>", escape(&room.name));
    }
    label(out, "h", &room.title);
    label(out, "m ip", &room.place);
    label(out, if room.broken { "bad end" } else { "q end" }, &room.note);
    out.push_str("</g>");
}

fn kernel(out: &mut String, kernel: &Kernel, lit: Option<&Lit>) {
    label(out, "q", &kernel.label);
    if let Some(none) = &kernel.none {
        label(out, "q", none);
    }
    if let Some(reach) = &kernel.reach {
        put!(out, r#"<path class="virt{}" d="{reach}"/>"#, if lit.is_some() { " on" } else { "" });
    }
    if let Some(ring) = kernel.ring {
        put!(out, r#"<circle class="virt{}" cx="{:.1}" cy="{:.1}" r="6"/>"#, on(lit.is_some()), ring.x, ring.y);
    }
    for (i, rule) in kernel.rules.iter().enumerate() {
        short_rule(out, rule, lit.filter(|lit| lit.rule == i));
    }
}

fn on(lit: bool) -> &'static str {
    if lit { " on" } else { "" }
}

fn short_rule(out: &mut String, rule: &Rule, lit: Option<&Lit>) {
    let near = lit.is_some_and(|lit| lit.near || rule.far.is_none());
    pill(out, rule.pill, &rule.text, near);
    if let Some((far, words)) = &rule.far {
        pill(out, *far, words, lit.is_some() && !near);
    }
    let at = rule.arrow;
    put!(out, r#"<path class="arr" d="M{:.1} {:.1}h13m-4-4 4 4-4 4"/>"#, at.x, at.y);
    match lit.and_then(|lit| lit.pick.as_ref()) {
        Some((picked, address)) => {
            let at = line::pt(rule.picks.first().map_or(rule.after.at.x + 6.0, |pick| pick.at.x), rule.arrow.y);
            mark(out, *picked, at, 20.0);
            let class = picked.map_or("m k".to_owned(), |mark| format!("m new {}", mark.hue_name()));
            text(out, &class, line::pt(at.x + 16.0, at.y + 4.0), &line::cut_front(address, rule.space - 26.0));
        }
        None => {
            for pick in &rule.picks {
                mark(out, pick.mark, pick.at, 20.0);
            }
            let class = if rule.reject { "bad" } else { "q" };
            label(out, class, &rule.after);
        }
    }
}

fn pill(out: &mut String, at: Rect, words: &str, lit: bool) {
    rect(out, if lit { "virt on" } else { "virt" }, at, 12.0);
    let middle = at.center();
    text(out, if lit { "m von mid" } else { "m vt mid" }, line::pt(middle.x, middle.y + 4.0), words);
}

fn shell(out: &mut String, host: &HostBox) {
    rect(out, "box quiet", host.rect, 6.0);
    label(out, "k", &host.name);
    label(out, "m", &host.address);
}

/// The cloud's edge. The wall is solid, with one opening.
fn edge(out: &mut String, edge: &Edge, scene: &Scene) {
    for (client, from) in [(&edge.internet, r#" class="click" data-from="internet""#), (&edge.control, "")] {
        put!(out, "<g{from}>");
        rect(out, "box", client.rect, 6.0);
        label(out, "k strong", &client.name);
        label(out, "m", &client.address);
        out.push_str("</g>");
    }
    if !edge.wall_note.text.is_empty() {
        out.push_str(r#"<g class="click" data-wall="">"#);
        rect(out, if edge.is_shut { "wall shut" } else { "wall" }, edge.wall, 4.0);
        label(out, "k", &edge.wall_name);
        label(out, if edge.is_shut { "bad end" } else { "m k end" }, &edge.wall_note);
        rect(out, "notch", edge.gate, 3.0);
        out.push_str("</g>");
    }
    let (Some(balancer), Some(spine)) = (&edge.balancer, &scene.spine) else { return };
    put!(out, r#"<g class="click" data-service="{}/{}">"#, spine.key.namespace, escape(&spine.key.name));
    rect(out, if balancer.is_pending { "virt open" } else { "box" }, balancer.rect, 6.0);
    label(out, "k strong", &balancer.name);
    label(out, if balancer.is_pending { "m pending" } else { "m k" }, &balancer.address);
    for check in &balancer.checks {
        let at = check.at;
        let (class, sign) = if check.is_healthy { ("well", "m-4 0 3 3 5-6") } else { ("ill", "m-3.5-3.5 7 7m0-7-7 7") };
        put!(out, r#"<path class="sign {class}" d="M{:.1} {:.1}{sign}"/>"#, at.x, at.y);
        label(out, if check.is_healthy { "q" } else { "bad" }, &check.name);
    }
    out.push_str("</g>");
}

fn socket(out: &mut String, scene: &Scene) {
    let (Some(socket), Some(spine)) = (&scene.socket, &scene.spine) else { return };
    let Rect { x, y, w, h } = socket.rect;
    put!(out, r#"<g class="click" data-service="{}/{}">"#, spine.key.namespace, escape(&spine.key.name));
    rect(out, if socket.is_pending { "virt open" } else { "virt" }, socket.rect, if h > 30.0 { 10.0 } else { 12.0 });
    if socket.is_pending && h > 30.0 {
        // Two holes that nothing is plugged into.
        for dx in [30.0, 17.0] {
            put!(out, r#"<circle class="hole" cx="{:.1}" cy="{:.1}" r="4"/>"#, x + w - dx, y + 15.0);
        }
    }
    label(out, "q", &socket.name);
    label(out, if socket.is_pending { "m pending" } else { "m k" }, &socket.address);
    label(out, "q", &socket.note);
    out.push_str("</g>");
}

fn service(out: &mut String, scene: &Scene) {
    for other in &scene.others {
        put!(out, r#"<g class="click other" data-service="{}/{}">"#, other.key.namespace, escape(&other.key.name));
        rect(out, "virt", other.rect, 11.0);
        let middle = other.rect.center();
        text(out, "vt mid", line::pt(middle.x, middle.y + 4.0), &other.text);
        out.push_str("</g>");
    }
    if let (false, Some(last)) = (scene.hidden.is_empty(), scene.others.last()) {
        let at = line::pt(last.rect.right() + 6.0, last.rect.y + 15.0);
        put!(out, r#"<g class="click" data-more="">"#);
        rect(out, "catch", Rect::new(at.x - 4.0, at.y - 15.0, 30.0, 22.0), 4.0);
        text(out, "q", at, &format!("+{}", scene.hidden.len()));
        out.push_str("</g>");
    }
    let Some(spine) = &scene.spine else { return };
    put!(out, r#"<g class="click" data-service="{}/{}">"#, spine.key.namespace, escape(&spine.key.name));
    label(out, "k end strong", &spine.name);
    label(out, if spine.address { "m end" } else { "q end" }, &spine.note);
    for pick in &spine.picks {
        mark(out, pick.mark, pick.at, 20.0);
    }
    match spine.sign {
        Some(Rect { x, y, w, h }) => {
            let (tip, half) = (w - 9.0, h / 2.0);
            put!(out, r#"<path class="virt" d="M{x:.1} {y:.1}h{tip:.1}l9 {half:.1}-9 {half:.1}h-{tip:.1}z"/>"#);
        }
        None => put!(out, r#"<circle class="virt" cx="{:.1}" cy="{:.1}" r="5"/>"#, spine.ring.x, spine.ring.y),
    }
    put!(out, r#"<path class="virt" d="{}"/></g>"#, spine.path);
}

/// The sizes of the type below marks, in units.
const TINY: [f32; 5] = [4.0, 3.28, 2.64, 2.0, 1.44];

/// The picture's classes at a scale: which of the smaller type is large enough to be read.
pub(crate) fn detail(scale: f64) -> String {
    let mut class = "stage".to_owned();
    for (level, size) in TINY.iter().enumerate() {
        if f64::from(*size) * scale >= 9.0 {
            class.push_str(&format!(" d{level}"));
        }
    }
    class
}

/// A pod, relative to the corner of its box. `aim` says that the selected packet goes there.
pub(crate) fn pod(pod: &PodBox, aim: bool) -> String {
    let mut out = String::with_capacity(700);
    let out = &mut out;
    let shift = |at: Pt| line::pt(at.x - pod.rect.x, at.y - pod.rect.y);
    let hue = pod.mark.filter(|_| aim).map(|mark| format!(" aim {}", mark.hue_name())).unwrap_or_default();
    let state = match pod.state {
        PodState::Starting => " starting",
        PodState::Ready => "",
        PodState::Unready => " unready",
        PodState::Ending => " ending",
    };
    let off = if pod.off { " off" } else { "" };
    put!(out, r#"<g class="pod{state}{hue}{off}">"#);
    let home = if pod.namespace == "default" { String::new() } else { format!("{}/", pod.namespace) };
    put!(out, "<title>{home}{}</title>", escape(&pod.name));
    if !pod.is_bare() {
        rect(out, "box", Rect::new(0.0, 0.0, pod.rect.w, pod.rect.h), 6.0);
        if pod.state == PodState::Starting {
            rect(out, "hatch", Rect::new(0.0, 0.0, pod.rect.w, pod.rect.h), 6.0);
        }
    }
    if let (Some((door, _)), Some(end)) = (&pod.door, pod.feed.last()) {
        // The wire goes on from the box's edge to the door.
        let end = shift(*end);
        let door = Rect::new(door.x - pod.rect.x, door.y - pod.rect.y, door.w, door.h);
        if end.y < door.y {
            put!(out, r#"<path class="wire" d="M{:.1} {:.1}V{:.1}"/>"#, end.x, end.y.max(0.0), door.y);
        } else {
            put!(out, r#"<path class="wire" d="M{:.1} {:.1}H{:.1}"/>"#, pod.rect.w, end.y, door.right());
        }
    }
    mark(out, pod.mark, shift(pod.at), pod.size);
    if pod.tiny > 0.0 {
        let level = TINY.iter().position(|size| pod.tiny >= *size).unwrap_or(TINY.len() - 1);
        put!(out, r#"<g class="tiny t{level}" font-size="{:.2}">"#, pod.tiny);
        text(out, "k name mid", shift(pod.short.at), &pod.short.text);
        text(out, "m mid", shift(pod.address.at), &pod.address.text);
        out.push_str("</g>");
    } else {
        text(out, "k name", shift(pod.short.at), &pod.short.text);
        text(out, "m", shift(pod.address.at), &pod.address.text);
    }
    if let Some(tag) = &pod.tag {
        text(out, "q", shift(tag.at), &tag.text);
    }
    if let Some((door, port)) = &pod.door {
        let at = shift(line::pt(door.x, door.y));
        let middle = line::pt(at.x + door.w / 2.0, at.y + door.h / 2.0);
        if pod.state == PodState::Ending {
            let (w, h) = (door.w, door.h);
            put!(
                out,
                r#"<path class="door" d="M{:.1} {:.1}v-{h}M{:.1} {:.1}v-{h}"/>"#,
                at.x,
                at.y + h,
                at.x + w,
                at.y + h
            );
        } else {
            rect(out, "door", Rect::new(at.x, at.y, door.w, door.h), 4.0);
        }
        text(out, "m k mid", line::pt(middle.x, middle.y + 4.0), port);
    }
    if let Some(note) = &pod.note {
        text(out, "note", shift(note.at), &note.text);
    }
    out.push_str("</g>");
    std::mem::take(out)
}

/// What a failed request says where it ended.
pub(crate) struct Stone<'a> {
    /// Where its mark is.
    pub(crate) at: Pt,
    /// `timed out`
    pub(crate) word: String,
    /// The address that was asked for.
    pub(crate) to: &'a str,
    /// Why, in lines; empty where there is no space for it.
    pub(crate) why: Vec<String>,
    /// Whether it ended beside the laptop, where there is space for all of it.
    pub(crate) outside: bool,
}

/// The words of failed requests.
pub(crate) fn stones(scene: &Scene, stones: &[Stone<'_>]) -> String {
    let mut out = String::new();
    let out = &mut out;
    let wide = scene.form != kubehop::scene::Width::Narrow;
    for stone in stones {
        let at = stone.at;
        if stone.outside && wide {
            text(out, "bad", line::pt(at.x + 24.0, at.y + 4.0), &stone.word);
            text(out, "m", line::pt(16.0, at.y + 32.0), stone.to);
            for (i, why) in stone.why.iter().enumerate() {
                text(out, "q", line::pt(16.0, at.y + 50.0 + 16.0 * i as f32), why);
            }
        } else if stone.outside {
            text(out, "bad", line::pt(at.x + 22.0, at.y - 4.0), &stone.word);
            text(out, "m", line::pt(at.x + 22.0, at.y + 14.0), stone.to);
        } else if let Some(edge) = scene.edge.as_ref().filter(|edge| edge.spot().to(at) < 8.0) {
            // Below the wall, where nothing else is said; in the wall where there is no space below.
            let (class, x, y) = match wide {
                true => ("bad end over", at.x - 10.0, edge.wall.bottom() + 16.0),
                false => ("bad over", at.x + 88.0, edge.wall_name.at.y),
            };
            text(out, class, line::pt(x, y), &stone.word);
        } else if let Some((room, rule)) = rejecting(scene, at) {
            // After what the rule says of it; below the strip where that leaves no space.
            let (end, kernel) = (rule.after.at.x + words(&rule.after.text) * 1.1 + 10.0, room.kernel.rect);
            if end + words(&stone.word) * 1.1 < kernel.right() - 8.0 {
                text(out, "bad", line::pt(end, rule.after.at.y), &stone.word);
            } else {
                text(out, "bad end over", line::pt(kernel.right() - 6.0, kernel.bottom() + 15.0), &stone.word);
            }
        } else {
            // Above a pod that is fed from its side, beside the way into one that is fed from above.
            let beside = |pod: &&PodBox| at.y > pod.rect.y && at.y < pod.rect.bottom() && at.x > pod.rect.x;
            let boxes = scene.rooms.iter().flat_map(|room| &room.pods);
            let pod = boxes.filter(beside).rfind(|pod| at.x < pod.rect.right() + 14.0);
            let place = match pod {
                Some(pod) => line::pt(pod.rect.right() - 8.0, pod.rect.y - 2.0),
                None => line::pt(at.x - 21.0, at.y + 4.0),
            };
            text(out, "bad end over", place, &stone.word);
        }
    }
    std::mem::take(out)
}

/// The rule of the kernel in whose strip a point is, if it rejects, and its node.
fn rejecting(scene: &Scene, at: Pt) -> Option<(&Room, &Rule)> {
    let inside = |r: Rect| at.y > r.y && at.y < r.bottom() && at.x > r.x && at.x < r.right();
    let room = scene.rooms.iter().find(|room| inside(room.kernel.rect))?;
    Some((room, room.kernel.rules.iter().find(|rule| rule.reject)?))
}

/// The label of the selected packet while it stands still.
pub(crate) struct Card {
    /// `#9`
    pub(crate) title: String,
    /// `GET /api/hello`
    pub(crate) what: String,
    /// `paused at hop 3, DNAT`
    pub(crate) state: String,
    /// Destination and source: before, after if it changed, and what is said of it; `true` for now, `false` for next.
    pub(crate) rows: [CardRow; 2],
    /// The replica's mark.
    pub(crate) mark: Option<Mark>,
}

/// One address on the card.
pub(crate) struct CardRow {
    /// `dst`
    pub(crate) name: &'static str,
    /// As it was.
    pub(crate) old: String,
    /// As it is or will be.
    pub(crate) new: Option<String>,
    /// Whether the change happens at this hop.
    pub(crate) now: bool,
    /// `now`, `next, SNAT`
    pub(crate) when: String,
}

impl CardRow {
    /// The width of its one line.
    fn width(&self) -> f32 {
        let new = self.new.as_ref().map_or(0.0, |new| 46.0 + mono(new));
        46.0 + mono(&self.old).max(132.0) + new + 12.0 + words(&self.when) + 12.0
    }
}

/// The height of the legend, and of the margin below it.
const LEGEND: f32 = 138.0;

/// The card beside a packet, in the free space of its room; without any, in the margin, above the legend if that is there.
pub(crate) fn card(scene: &Scene, at: Pt, card: &Card, legend: bool) -> String {
    let head = 32.0 + words(&card.title) + mono(&card.what) + 18.0 + words(&card.state) * 1.08;
    let size = (card.rows.iter().map(CardRow::width).fold(head, f32::max), 71.0);
    let mut out = String::new();
    let out = &mut out;
    let Some(place) = scene.beside(at, size) else {
        aside(out, scene, card, legend);
        return std::mem::take(out);
    };
    let (start, edge) = if place.y > at.y { (at.y + 19.0, place.y) } else { (at.y - 19.0, place.bottom()) };
    if at.x > place.x + 8.0 && at.x < place.right() - 8.0 {
        put!(out, r#"<path class="leader" d="M{:.1} {start:.1}V{edge:.1}"/>"#, at.x);
    }
    put!(out, r#"<g transform="translate({:.1} {:.1})">"#, place.x, place.y);
    rect(out, "card", Rect::new(0.0, 0.0, size.0, size.1), 6.0);
    text(out, "k strong", line::pt(12.0, 19.0), &card.title);
    text(out, "m", line::pt(20.0 + words(&card.title), 19.0), &card.what);
    text(out, "end von", line::pt(size.0 - 12.0, 19.0), &card.state);
    for (i, row) in card.rows.iter().enumerate() {
        let y = 40.0 + 20.0 * i as f32;
        text(out, "q m", line::pt(12.0, y), row.name);
        let w = mono(&row.old);
        match &row.new {
            None => text(out, "m k", line::pt(46.0, y), &row.old),
            Some(new) => {
                struck(out, row, line::pt(46.0, y));
                let x = 46.0 + w.max(132.0) + 10.0;
                put!(out, r#"<path class="arr" d="M{x:.1} {:.1}h13m-4-4 4 4-4 4"/>"#, y - 4.0);
                framed(out, new, line::pt(x + 29.0, y), card.mark.filter(|_| row.now && i == 0), row.now);
            }
        }
        text(out, if row.now { "end k" } else { "end q" }, line::pt(size.0 - 12.0, y), &row.when);
    }
    out.push_str("</g>");
    std::mem::take(out)
}

/// The card as a narrow column in the margin.
fn aside(out: &mut String, scene: &Scene, card: &Card, legend: bool) {
    let lines: f32 = card.rows.iter().map(|row| if row.new.is_some() { 41.0 } else { 20.0 }).sum();
    let widest = card.rows.iter().flat_map(|row| row.new.iter().chain([&row.old])).map(|t| mono(t)).fold(0.0, f32::max);
    let place = scene.aside((widest + 50.0, 50.0 + lines), if legend { LEGEND } else { 8.0 });
    put!(out, r#"<g transform="translate({:.1} {:.1})">"#, place.x, place.y);
    rect(out, "card", Rect::new(0.0, 0.0, place.w, place.h), 6.0);
    text(out, "k strong", line::pt(10.0, 19.0), &card.title);
    let what: String = card.what.chars().take(((place.w - 30.0 - words(&card.title)) / 7.23) as usize).collect();
    text(out, "m", line::pt(18.0 + words(&card.title), 19.0), &what);
    let mut state = card.state.clone();
    while words(&state) * 1.08 > place.w - 16.0 && state.pop().is_some() {}
    text(out, "von", line::pt(10.0, 38.0), &state);
    let mut y = 58.0;
    for (i, row) in card.rows.iter().enumerate() {
        text(out, "q m", line::pt(10.0, y), row.name);
        let at = line::pt(40.0, y);
        match &row.new {
            None => text(out, "m k", at, &row.old),
            Some(new) => {
                struck(out, row, at);
                y += 21.0;
                framed(out, new, line::pt(at.x, y), card.mark.filter(|_| row.now && i == 0), row.now);
            }
        }
        y += 20.0;
    }
    out.push_str("</g>");
}

/// An address that goes, struck out.
fn struck(out: &mut String, row: &CardRow, at: Pt) {
    text(out, "m old", at, &row.old);
    let class = if row.now { "strike" } else { "strike later" };
    put!(out, r#"<path class="{class}" d="M{:.1} {:.1}h{:.1}"/>"#, at.x - 2.0, at.y - 4.0, mono(&row.old) + 4.0);
}

/// An address that comes, in a frame: in the replica's hue if it is one's.
fn framed(out: &mut String, new: &str, at: Pt, mark: Option<Mark>, now: bool) {
    let hue = mark.map_or("", Mark::hue_name);
    let (frame, ink) = match now {
        true => (format!("newbg {hue}"), format!("m new {hue}")),
        false => ("nextbg".to_owned(), "m k".to_owned()),
    };
    rect(out, &frame, Rect::new(at.x - 7.0, at.y - 14.0, mono(new) + 14.0, 19.0), 4.0);
    text(out, &ink, at, new);
}

/// Whether the picture has space for the legend.
pub(crate) fn has_legend(scene: &Scene) -> bool {
    scene.form == kubehop::scene::Width::Wide && scene.height >= 420.0 && scene.margin() < scene.height - LEGEND
}

/// What lines mean.
pub(crate) fn legend(scene: &Scene, lang: Lang) -> String {
    let mut out = String::new();
    let rows = [
        (r#"<path class="wire" d="M0 0h22"/>"#, lang.pick("wire", "线路")),
        (r#"<path class="took" d="M1 0h20"/>"#, lang.pick("way taken", "走过的路")),
        (r#"<path class="togo a" d="M1 0h20"/>"#, lang.pick("way to come", "将走的路")),
        (r#"<path class="virt" d="M0 0h22"/>"#, lang.pick("virtual", "虚拟")),
        (r#"<circle class="dot" cx="11" r="5"/>"#, lang.pick("request", "请求")),
        (r#"<circle class="half" cx="11" r="4.5"/>"#, lang.pick("reply", "应答")),
    ];
    for (i, (sign, words)) in rows.iter().enumerate() {
        let y = scene.height - 120.0 + 20.0 * i as f32;
        put!(&mut out, r#"<g transform="translate(16 {y:.1})">{sign}<text class="q" x="32" y="4">{words}</text></g>"#);
    }
    out
}
