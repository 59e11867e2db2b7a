//! A room's pods: as boxes while they fit, else as marks whose names are there to zoom in on, else a mark for each replica set.

use super::cast::PodFacts;
use super::grid::Column;
use super::layout::Plan;
use super::line::{Pt, Rect, cut, cut_front, mono, pt, words};
use super::{HostBox, Label, Member, PodBox, PodState, Room};
use crate::lang::Lang;

/// More pods than this on a node shrink to marks, whatever space there is.
const CARDS: usize = 12;
/// The sizes that marks come in, the largest first; the smallest are for the eye that zooms.
const SCALES: [f32; 5] = [1.0, 0.82, 0.66, 0.5, 0.36];
/// From mark to mark, and from row to row, at full size: below each mark is space for its name and address.
const PITCH: (f32, f32) = (32.0, 35.0);
/// The size of a mark.
pub(super) const MARK: f32 = 22.0;

/// How a room shows its pods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// None are there.
    Empty,
    /// Boxes.
    Cards(Cards),
    /// Marks alone: columns, scale.
    Marks(usize, f32),
    /// A mark with a count for each replica set: columns, and the most that there is space for.
    Sets(usize, usize),
}

/// Boxes in columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cards {
    columns: usize,
    width: f32,
    height: f32,
    gap: f32,
}

impl Cards {
    fn new(columns: usize, space: f32, noted: bool, most: f32) -> Self {
        let gap = if space / columns as f32 > 150.0 { 12.0 } else { 8.0 };
        let width = (space - gap * (columns - 1) as f32) / columns as f32;
        let height: f32 = match width {
            // A pod's state has a line of its own where it does not fit beside the name.
            w if (MIDDLE..ROOMY).contains(&w) && noted => 58.0,
            w if w >= MIDDLE => 42.0,
            _ => 34.0,
        };
        Self { columns, width, height: height.min(if most < 42.0 { most } else { height }), gap }
    }

    fn high(self, items: usize) -> f32 {
        let rows = items.div_ceil(self.columns) as f32;
        rows * (self.height + self.gap) - self.gap
    }
}

/// Boxes as wide as this have the port beside the name.
const ROOMY: f32 = 190.0;
/// Boxes as wide as this are of the usual height.
const MIDDLE: f32 = 140.0;
/// The narrowest box.
const LEAST: f32 = 104.0;

impl Form {
    /// The height that it needs.
    pub(super) fn height(self, items: usize, sets: usize) -> f32 {
        match self {
            Self::Empty => 0.0,
            Self::Cards(cards) => cards.high(items),
            Self::Marks(columns, scale) => items.div_ceil(columns) as f32 * PITCH.1 * scale,
            Self::Sets(columns, _) => sets.div_ceil(columns) as f32 * 32.0 - 6.0,
        }
    }
}

/// The form that shows most and fits into a height.
pub(super) fn form(plan: &Plan<'_>, column: &Column, space: f32, alone: bool) -> Form {
    let items = plan.items();
    if items == 0 {
        return Form::Empty;
    }
    let w = column.kernel_w;
    let noted = plan.pods.iter().any(|pod| pod.state != PodState::Ready);
    if items <= CARDS && plan.folded == 0 {
        let usual = match items {
            1 if column.is_compact() => 1,
            0..=2 => 2,
            4 if alone => 2,
            _ if !column.is_full() => 2,
            _ => 3,
        };
        // In two columns of rooms, boxes are narrow and low by themselves; one alone may be higher.
        let most = if column.is_compact() { 42.0 } else { column.card };
        let cards = |columns: usize, noted: bool| Cards::new(columns, w, noted, most);
        let mut choices = vec![cards(usual, noted), cards(usual, false)];
        if column.is_compact() {
            choices.push(cards(2, false));
        }
        if w / 4.0 > LEAST {
            choices.push(cards(4, false));
        }
        if let Some(cards) = choices.into_iter().find(|cards| cards.high(items) <= space + 0.1) {
            return Form::Cards(cards);
        }
    }
    let marks = SCALES.into_iter().map(|scale| Form::Marks((w / (PITCH.0 * scale)) as usize, scale));
    // On a phone there is always space below; full size is for fingers.
    let fits = |form: &Form| plan.folded == 0 && form.height(items, 0) <= if space.is_finite() { space } else { 330.0 };
    let across = ((w / 110.0) as usize).max(2);
    let rows = if space.is_finite() { ((space + 6.0) / 32.0).max(1.0) as usize } else { 40 };
    let sets = Form::Sets(across, across * rows - usize::from(plan.host));
    marks.into_iter().find(fits).unwrap_or(sets)
}

/// The pods of each replica set, those without one alone; what goes beyond `most` is with the last.
pub(super) fn sets<'a>(pods: &[&'a PodFacts], most: usize) -> Vec<Vec<&'a PodFacts>> {
    let mut sets: Vec<Vec<&PodFacts>> = Vec::new();
    for pod in pods {
        match sets.iter_mut().find(|set| set[0].set.is_some() && set[0].set == pod.set) {
            Some(set) => set.push(pod),
            None => sets.push(vec![pod]),
        }
    }
    let rest: Vec<&PodFacts> = if sets.len() > most { sets.drain(most..).flatten().collect() } else { Vec::new() };
    if let Some(last) = sets.last_mut() {
        last.extend(rest);
    }
    sets
}

/// Places a room's pods, the first row at `first`; wires come along the height `bus`.
#[inline(never)]
pub(super) fn place(column: &Column, plan: &Plan<'_>, room: &mut Room, spot: Pt, bus: f32, first: f32, lang: Lang) {
    match plan.form {
        Form::Empty => {}
        Form::Cards(cards) => place_cards(column, plan, cards, room, spot, (bus, first), lang),
        Form::Marks(columns, scale) => place_marks(column, plan, (columns, scale), room, spot, first, lang),
        Form::Sets(columns, most) => place_sets(column, plan, (columns, most), room, spot, first),
    }
}

fn place_cards(
    column: &Column,
    plan: &Plan<'_>,
    cards: Cards,
    room: &mut Room,
    spot: Pt,
    (bus, first): (f32, f32),
    lang: Lang,
) {
    let Cards { columns, width, height, gap } = cards;
    let cell = |i: usize| {
        let (at, row) = (i % columns, i / columns);
        let corner = pt(column.kernel_x + at as f32 * (width + gap), first + row as f32 * (height + gap));
        (Rect::new(corner.x, corner.y, width, height), row)
    };
    // From the kernel down to the bus, along it to above the door; to lower rows through the gap beside the column.
    let feed = |rect: Rect, row: usize, door: Pt, side: f32| {
        if row == 0 {
            vec![spot, pt(spot.x, bus), pt(door.x, bus), door]
        } else {
            let gutter = rect.right() + gap / 2.0;
            vec![spot, pt(spot.x, bus), pt(gutter, bus), pt(gutter, side), pt(rect.right() + 2.0, side)]
        }
    };
    let mut next = 0;
    if plan.host {
        let (rect, row) = cell(next);
        next += 1;
        let stop = pt(rect.right() - 24.0, rect.y - 2.0);
        let x = rect.x + if width < MIDDLE { 8.0 } else { 12.0 };
        let base = if height < 40.0 { 15.0 } else { 17.0 };
        let text = lang.pick("shell on the node", "节点上的终端").to_owned();
        room.host = Some(HostBox {
            rect,
            name: Label { at: pt(x, rect.y + base), text: cut(text, rect.right() - x - 6.0) },
            address: Label { at: pt(x, rect.y + base * 2.0), text: plan.node.address.clone() },
            feed: feed(rect, row, stop, rect.y + 12.0),
        });
    }
    for pod in &plan.pods {
        let (rect, row) = cell(next);
        next += 1;
        room.pods.push(card(pod, rect, lang, |door, side| feed(rect, row, door, side)));
    }
}

/// A comb: from the kernel to the wire of the first row, down the left side to those of the others; marks hang on them.
fn comb(column: &Column, spot: Pt, (first, rail): (f32, f32), tooth: Pt) -> Vec<Pt> {
    let side = column.kernel_x - 4.0;
    let down = [pt(side, first), pt(side, rail)];
    let down = if rail > first + 0.1 { &down[..] } else { &[][..] };
    [&[spot, pt(spot.x, first)], down, &[pt(tooth.x, rail), tooth]].concat()
}

/// A program on the node itself where pods are marks; its sign needs a box that holds it.
fn shell(rect: Rect, feed: Vec<Pt>) -> HostBox {
    let text = if rect.w < 11.0 { "" } else { "$" };
    let name = Label { at: pt(rect.center().x, rect.center().y + 4.0), text: text.to_owned() };
    HostBox { rect, name, address: Label::default(), feed }
}

fn place_marks(
    column: &Column,
    plan: &Plan<'_>,
    (columns, scale): (usize, f32),
    room: &mut Room,
    spot: Pt,
    first: f32,
    lang: Lang,
) {
    let (pitch, size) = ((PITCH.0 * scale, PITCH.1 * scale), MARK * scale);
    let cell = |i: usize| {
        let (at, row) = (i % columns, i / columns);
        let x = column.kernel_x + at as f32 * pitch.0 + (pitch.0 - size) / 2.0;
        Rect::new(x, first + 1.0 + row as f32 * pitch.1, size, size)
    };
    let mut next = 0;
    if plan.host {
        let rect = cell(next);
        next += 1;
        let rails = (first + 1.0 - 1.5 * scale, rect.y - 1.5 * scale);
        room.host = Some(shell(rect, comb(column, spot, rails, pt(rect.center().x, rect.y))));
    }
    for pod in &plan.pods {
        let rect = cell(next);
        next += 1;
        let at = rect.center();
        let below = |line: f32| pt(at.x, rect.bottom() + line * scale);
        let (name, address) = (cut(pod.short(), 7.0 * PITCH.0 / 3.0), pod.ip.clone());
        room.pods.push(PodBox {
            rect,
            at,
            size,
            short: Label { at: below(4.6), text: name },
            address: Label { at: below(9.2), text: address },
            tiny: 4.0 * scale,
            note: state(pod.state, lang).map(|_| Label { at: below(2.0), text: String::new() }),
            feed: comb(column, spot, (first + 1.0 - 1.5 * scale, rect.y - 1.5 * scale), pt(at.x, rect.y)),
            ..base(pod)
        });
    }
}

fn place_sets(
    column: &Column,
    plan: &Plan<'_>,
    (columns, most): (usize, usize),
    room: &mut Room,
    spot: Pt,
    first: f32,
) {
    let pitch = column.kernel_w / columns as f32;
    let host = usize::from(plan.host);
    if plan.host {
        let rect = Rect::new(column.kernel_x, first, MARK, MARK);
        room.host = Some(shell(rect, comb(column, spot, (first - 4.0, rect.y - 4.0), pt(rect.center().x, rect.y))));
    }
    for (i, set) in sets(&plan.pods, most).into_iter().enumerate() {
        let (at, row) = ((i + host) % columns, (i + host) / columns);
        let rect = Rect::new(column.kernel_x + at as f32 * pitch, first + row as f32 * 32.0, MARK, MARK);
        let middle = rect.center();
        let count = set.len();
        let text = cut(format!("× {count}"), pitch - MARK - 8.0);
        room.pods.push(PodBox {
            rect,
            at: middle,
            size: MARK,
            count,
            members: set[1..].iter().map(|pod| member(pod)).collect(),
            note: (count > 1).then(|| Label { at: pt(middle.x + 16.0, middle.y + 4.0), text }),
            feed: comb(column, spot, (first - 4.0, rect.y - 4.0), pt(middle.x, rect.y)),
            ..base(set[0])
        });
    }
}

fn member(pod: &PodFacts) -> Member {
    Member { namespace: pod.namespace.clone(), name: pod.name.clone(), ip: pod.ip.clone(), mark: pod.mark }
}

/// What a pod is, before it has a place.
fn base(pod: &PodFacts) -> PodBox {
    PodBox {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        ip: pod.ip.clone(),
        mark: pod.mark,
        state: pod.state,
        count: 1,
        ..PodBox::default()
    }
}

fn state(state: PodState, lang: Lang) -> Option<&'static str> {
    match state {
        PodState::Ready => None,
        PodState::Starting => Some(lang.pick("starting", "启动中")),
        PodState::Unready => Some(lang.pick("not ready", "未就绪")),
        PodState::Ending => Some(lang.pick("ending", "正在结束")),
    }
}

/// A pod as a box. The door is beside the name in a roomy box, in the upper corner of a small one.
fn card(pod: &PodFacts, rect: Rect, lang: Lang, feed: impl Fn(Pt, f32) -> Vec<Pt>) -> PodBox {
    let low = rect.h < 40.0;
    let (roomy, small) = (rect.w >= ROOMY && !low, rect.w < MIDDLE || low);
    let port = pod.port.map(|port| port.to_string());
    let w = port.as_deref().map_or(38.0, |text| (mono(text) + if small { 8.0 } else { 12.0 }).max(36.0));
    let door = if roomy {
        Rect::new(rect.right() - 10.0 - w, rect.y + (rect.h - 22.0) / 2.0, w, 22.0)
    } else {
        Rect::new(
            rect.right() - if small { 4.0 } else { 6.0 } - w,
            rect.y + if small { 3.0 } else { 4.0 },
            w,
            if small { 16.0 } else { 18.0 },
        )
    };
    let size = if small { 20.0 } else { MARK };
    let middle = rect.y + if small { 17.0 } else { 21.0 };
    let (mark_x, text_x) = match () {
        () if roomy => (20.0, 40.0),
        () if small => (13.0, 26.0),
        () => (17.0, 33.0),
    };
    let (at, text_x) = (pt(rect.x + mark_x, middle), rect.x + text_x);
    let (upper, lower) = if small { (middle - 3.5, middle + 12.0) } else { (middle - 4.0, middle + 13.0) };
    let note = state(pod.state, lang);
    // The name shares its line with the note in a roomy box; in others the note stands below, or in the address's place.
    let note_w = note.map_or(0.0, |note| words(note) * 1.08);
    let space = door.x - text_x - 4.0 - if roomy && note.is_some() { note_w + 10.0 } else { 0.0 };
    let short = match pod.short() {
        // Where space is short, the end that tells pods apart has it.
        name if small => cut_name(name.trim_start_matches('…').to_owned(), space),
        name => cut_name(name, space),
    };
    let instead = note.is_some() && !roomy && rect.h < 50.0;
    let note_at = match () {
        () if roomy => pt(door.x - 8.0 - note_w, upper),
        () if instead => pt(text_x, lower),
        () => pt(text_x, rect.y + 50.0),
    };
    let address = if instead { String::new() } else { cut_front(&pod.ip, rect.right() - 4.0 - text_x) };
    let stop = pt(door.center().x, if roomy { rect.y } else { rect.y - 4.0 });
    // The namespace stands behind the address; where that leaves too little of it, the title alone tells it.
    let space = if roomy { door.x } else { rect.right() } - 6.0;
    let tag_x = text_x + mono(&address) + 8.0;
    let tag = (pod.namespace != "default" && !instead)
        .then(|| Label { at: pt(tag_x, lower), text: cut(pod.namespace.clone(), space - tag_x) });
    let tag = tag.filter(|tag| tag.text == pod.namespace || tag.text.chars().count() > 5);
    PodBox {
        rect,
        at,
        size,
        short: Label { at: pt(text_x, upper), text: short },
        address: Label { at: pt(text_x, lower), text: address },
        door: port.map(|text| (door, text)),
        note: note.map(|text| Label { at: note_at, text: text.to_owned() }),
        tag,
        feed: feed(stop, door.center().y),
        ..base(pod)
    }
}

/// A name, cut to a width.
fn cut_name(mut name: String, space: f32) -> String {
    if words(&name) > space {
        while words(&name) > space - 10.5 && name.pop().is_some() {}
        name.push('…');
    }
    name
}
