//! Ingresses: rules on a sheet of paper while nobody reads them, the routing table of the controller's pod once it does.
//!
//! A table stands in the room of the controller's pod where there is space, else in the margin before the rooms. What is drawn
//! are the objects' own rules, as written; what the controller made of them is told by the trace of a request.

use super::grid::{Column, FOOT};
use super::line::{Pt, Rect, cut, mono, pt, words};
use super::marks::{Mark, Marks};
use super::{Label, Pick, Room, Scene, Wish, rules};
use crate::api::Store;
use crate::lang::Lang;
use crate::object::{FieldRef, Ingress, IngressBackend, Kind, Ref, Service};
use crate::trace::{By, Place, Reason, Routing, Trace};

/// An Ingress in the picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// The Ingress.
    pub key: Option<Ref>,
    /// Its box.
    pub rect: Rect,
    /// `Ingress shop`
    pub name: Label,
    /// Who reads it, or that nobody does.
    pub note: Label,
    /// Whether nobody reads it.
    pub is_paper: bool,
    /// Whether it names certificates.
    pub padlock: Option<Pt>,
    /// The controller's pod, by the room's number and its own, and the line from there where there is one.
    pub reader: Option<(usize, usize)>,
    /// Corners of that line.
    pub tie: Vec<Pt>,
    /// Its rules.
    pub routes: Vec<Route>,
    /// How many more rules there are, in words; empty for none.
    pub more: Label,
}

/// A rule on a sheet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// The field of the Ingress.
    pub cause: Option<FieldRef>,
    /// Its row.
    pub rect: Rect,
    /// Host and path: `shop.test/api`.
    pub rule: Label,
    /// All of it, whatever space there is.
    pub whole: String,
    /// The size of its marks.
    pub size: f32,
    /// The path's type, where there is space for it.
    pub kind: Label,
    /// Where the arrow begins.
    pub arrow: Pt,
    /// Where it leads: `web:9090`.
    pub to: Label,
    /// The Service that it names.
    pub service: Option<Ref>,
    /// Who answers there.
    pub picks: Vec<Pick>,
    /// What stands after them: how many more, or that there is nobody.
    pub after: Label,
    /// Whether it leads to nobody.
    pub is_dead: bool,
}

/// The row of a table that decided a hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Routed {
    /// The sheet.
    pub sheet: usize,
    /// The route; none if no rule matches.
    pub route: Option<usize>,
    /// The replica that the controller chose by then.
    pub pick: Option<Option<Mark>>,
}

/// An Ingress, before it has a place.
pub(super) struct SheetFacts {
    key: Ref,
    pub(super) reader: Option<Ref>,
    program: String,
    has_certificate: bool,
    routes: Vec<RouteFacts>,
}

struct RouteFacts {
    cause: FieldRef,
    rule: String,
    kind: String,
    to: String,
    service: Option<Ref>,
    picks: Vec<(Option<Mark>, String)>,
    /// Why it leads to nobody, at length and in a word.
    dead: Option<(&'static str, &'static str)>,
}

/// More rules of one Ingress than this are counted.
const ROUTES: usize = 6;
/// The name and who reads it, each on a line; on one where there is space.
const HEAD: f32 = 41.0;
const HEAD_WIDE: f32 = 25.0;
/// A rule on two lines; on one where there is space.
const ROW: f32 = 39.0;
const ROW_WIDE: f32 = 25.0;
const BELOW: f32 = 5.0;
/// Sheets as wide as this have space for a rule on one line.
const WIDE: f32 = 380.0;

/// The cluster's Ingresses.
pub(super) fn facts(store: &Store, marks: &Marks, wish: &Wish) -> Vec<SheetFacts> {
    let of = |(meta, ingress): (&crate::object::Meta, &Ingress)| {
        let key = Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str());
        let reader = wish.readers.iter().find(|(ingress, ..)| *ingress == key);
        let mut routes = Vec::new();
        for (r, rule) in ingress.spec.rules.iter().enumerate() {
            for (p, path) in rule.http.iter().flat_map(|http| http.paths.iter().enumerate()) {
                let field = format!("spec.rules[{r}].http.paths[{p}]");
                let text = format!("{}{}", rule.host, path.path);
                let kind = path.path_type.clone().unwrap_or_default();
                let kind = if kind.starts_with("Impl") { String::new() } else { kind };
                routes.push(route(store, marks, &key, field, (text, kind), &path.backend, wish.lang));
            }
        }
        if let Some(backend) = &ingress.spec.default_backend {
            let text = (wish.lang.pick("anything else", "其他任何请求").to_owned(), String::new());
            routes.push(route(store, marks, &key, "spec.defaultBackend".to_owned(), text, backend, wish.lang));
        }
        SheetFacts {
            reader: reader.map(|(_, pod, _)| pod.clone()),
            program: reader.map(|(.., program)| (*program).to_owned()).unwrap_or_default(),
            has_certificate: !ingress.spec.tls.is_empty(),
            key,
            routes,
        }
    };
    store.all::<Ingress>().map(of).collect()
}

fn route(
    store: &Store,
    marks: &Marks,
    ingress: &Ref,
    field: String,
    (rule, kind): (String, String),
    backend: &IngressBackend,
    lang: Lang,
) -> RouteFacts {
    let cause = FieldRef::new(ingress.clone(), field.as_str());
    let mut facts = RouteFacts { cause, rule, kind, to: String::new(), service: None, picks: Vec::new(), dead: None };
    let Some(service) = &backend.service else {
        facts.to = "resource".to_owned();
        return facts;
    };
    facts.to = match service.port.name.as_str() {
        "" => format!("{}:{}", service.name, service.port.number),
        name => format!("{}:{name}", service.name),
    };
    let key = Ref::new(Kind::Service, &*ingress.namespace, service.name.as_str());
    facts.service = Some(key.clone());
    if store.get(&key).and_then(|object| object.body::<Service>()).is_none() {
        facts.dead = Some(lang.pick(("no such Service", "missing"), ("没有这个 Service", "不存在")));
        return facts;
    }
    for endpoint in rules::slices(store, &key).flat_map(|slice| &slice.endpoints) {
        let pod = endpoint.target_ref.as_ref().filter(|target| target.kind == "Pod");
        let mark = pod.and_then(|target| marks.pod(&target.namespace, &target.name));
        if endpoint.conditions.ready.unwrap_or(true) {
            facts.picks.extend(endpoint.addresses.iter().map(|address| (mark, address.clone())));
        }
    }
    crate::sort::by(&mut facts.picks, Ord::cmp);
    facts.picks.dedup();
    if facts.picks.is_empty() {
        facts.dead = Some(lang.pick(("no endpoint", "empty"), ("没有端点", "为空")));
    }
    facts
}

/// The height of a sheet with so many rows of its rules.
fn height(width: f32, routes: usize, more: bool) -> f32 {
    let (head, row) = if width >= WIDE { (HEAD_WIDE, ROW_WIDE) } else { (HEAD, ROW) };
    head + row * routes as f32 + BELOW + if more { 17.0 } else { 0.0 }
}

impl SheetFacts {
    /// The height of it in a room.
    pub(super) fn height(&self, width: f32) -> f32 {
        height(width, self.routes.len().min(ROUTES), self.routes.len() > ROUTES)
    }

    /// As many rules as fit into a height; none if not even its name does.
    fn within(&self, width: f32, space: f32) -> Option<usize> {
        let all = self.routes.len().min(ROUTES);
        (0..=all).rev().find(|shown| height(width, *shown, *shown < self.routes.len()) <= space)
    }

    /// It, drawn with so many of its rules.
    fn sheet(&self, corner: Pt, width: f32, shown: usize, lang: Lang) -> Sheet {
        let wide = width >= WIDE;
        let more = self.routes.len() - shown;
        let rect = Rect::new(corner.x, corner.y, width, height(width, shown, more > 0));
        let (inner, end) = (rect.x + 12.0, rect.right() - 12.0);
        let is_paper = self.reader.is_none();
        let note = match is_paper {
            true if wide => lang.pick("paper: nobody reads it", "一纸空文：没有谁读它").to_owned(),
            true => lang.pick("nobody reads it", "没有谁读它").to_owned(),
            false => lang.pick(format!("read by {}", self.program), format!("由 {} 读取", self.program)),
        };
        let note_w = words(&note) * 1.08;
        let lock = if self.has_certificate { 16.0 } else { 0.0 };
        let space = end - inner - lock - if wide { note_w + 14.0 } else { 12.0 };
        let name = cut(format!("Ingress {}", self.key.name), space / 1.08);
        let lock_x = inner + words(&name) * 1.08 + 11.0;
        let mut sheet = Sheet {
            key: Some(self.key.clone()),
            rect,
            padlock: self.has_certificate.then(|| pt(lock_x, rect.y + 12.5)),
            name: Label { at: pt(inner, rect.y + 17.0), text: name },
            note: match wide {
                true => Label { at: pt(end - if is_paper { 10.0 } else { 0.0 } - note_w, rect.y + 17.0), text: note },
                false => Label { at: pt(inner, rect.y + 33.0), text: cut(note, (end - inner) / 1.08) },
            },
            is_paper,
            ..Sheet::default()
        };
        let (head, row) = if wide { (HEAD_WIDE, ROW_WIDE) } else { (HEAD, ROW) };
        for (i, facts) in self.routes.iter().take(shown).enumerate() {
            let rect = Rect::new(rect.x + 4.0, rect.y + head + row * i as f32, width - 8.0, row - 2.0);
            sheet.routes.push(facts.place(rect, wide));
        }
        if more > 0 {
            let plural = if more == 1 { "" } else { "s" };
            let text = lang.pick(format!("{more} more rule{plural}"), format!("还有 {more} 条规则"));
            sheet.more = Label { at: pt(inner, rect.bottom() - 9.0), text };
        }
        sheet
    }
}

impl RouteFacts {
    fn place(&self, rect: Rect, wide: bool) -> Route {
        let (left, right) = (rect.x + 8.0, rect.right() - 8.0);
        let base = rect.y + if wide { 15.5 } else { 14.0 };
        let middle = if wide { left + (right - left) * 0.46 } else { right };
        let kind_w = words(&self.kind);
        let rule_space = middle - left - 8.0;
        let rule = cut_path(&self.rule, rule_space);
        let after_rule = left + mono(&rule) + 8.0;
        let fits = wide && after_rule + kind_w <= middle - 10.0;
        let kind_text = if fits { self.kind.clone() } else { String::new() };
        let kind = Label { at: pt(middle - 10.0 - kind_w, base), text: kind_text };
        let (x, y) = if wide { (middle, base) } else { (left, rect.y + 31.0) };
        let to_x = x + 21.0;
        let dead = self.dead.map(|(long, short)| if wide { long } else { short });
        let dead_w = dead.map_or(0.0, |dead| words(dead) * 1.08 + 8.0);
        let pitch = if wide { 22.0 } else { 15.0 };
        // Two marks at least, or the word that there is nobody, have space after the name.
        let marks_w = if self.picks.is_empty() { 0.0 } else { pitch * self.picks.len().min(2) as f32 + 8.0 };
        let to = cut_mono(&self.to, (right - to_x - dead_w - marks_w).max(30.0));
        let begin = to_x + mono(&to) + 8.0;
        let fit = ((right - begin) / pitch).max(0.0) as usize;
        let count = self.picks.len();
        let tail = |shown: usize| format!("+{}", count - shown);
        let shown = match count {
            n if n <= fit => n,
            _ => (((right - begin - 26.0) / pitch).max(0.0) as usize).min(count),
        };
        let picks = self.picks.iter().take(shown).enumerate().map(|(i, (mark, address))| Pick {
            mark: *mark,
            address: address.clone(),
            at: pt(begin + (pitch - 2.0) / 2.0 + pitch * i as f32, y - 4.0),
        });
        let after = match dead {
            Some(dead) => cut(dead.to_owned(), (right - begin) / 1.08),
            None if shown < count => tail(shown),
            None => String::new(),
        };
        let after_at = pt(begin + pitch * shown as f32 + if shown > 0 { 3.0 } else { 0.0 }, y);
        let after = if after_at.x + words(&after) <= right + 1.0 { after } else { String::new() };
        Route {
            cause: Some(self.cause.clone()),
            rect,
            rule: Label { at: pt(left, base), text: rule },
            kind,
            whole: format!("{} {} → {}", self.rule, self.kind, self.to),
            size: pitch - 2.0,
            arrow: pt(x, y - 4.0),
            to: Label { at: pt(to_x, y), text: to },
            service: self.service.clone(),
            picks: picks.collect(),
            after: Label { at: after_at, text: after },
            is_dead: self.dead.is_some(),
        }
    }
}

/// A host and a path, whose ends tell most: cut at a slash from the front.
fn cut_path(rule: &str, space: f32) -> String {
    if mono(rule) <= space {
        return rule.to_owned();
    }
    let mut rest = rule;
    while let Some(at) = rest[1..].find('/') {
        rest = &rest[at + 1..];
        let shown = format!("…{rest}");
        if mono(&shown) <= space {
            return shown;
        }
    }
    cut_mono(rest, space)
}

/// A text that a machine wrote, cut to a width.
fn cut_mono(text: &str, space: f32) -> String {
    if mono(text) <= space {
        return text.to_owned();
    }
    let most = (space / 7.23) as usize;
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Between two sheets, and above the first.
pub(super) const GAP: f32 = 8.0;

/// Places sheets in the room of their controller's pod, upward from its floor.
#[inline(never)]
pub(super) fn in_room(sheets: &[&SheetFacts], room: &Room, number: usize, column: &Column, lang: Lang) -> Vec<Sheet> {
    let (x, w) = (column.kernel_x, column.kernel_w);
    let mut y = room.rect.bottom() - FOOT;
    let mut placed = Vec::new();
    for facts in sheets.iter().rev() {
        y -= facts.height(w);
        let mut sheet = facts.sheet(pt(x, y), w, facts.routes.len().min(ROUTES), lang);
        sheet.reader = reader(facts, room).map(|pod| (number, pod));
        placed.push(sheet);
        y -= GAP;
    }
    placed.reverse();
    // A line from the pod's box, if nothing is in between.
    if let Some(first) = placed.first_mut() {
        let pod = first.reader.and_then(|(_, pod)| room.pods.get(pod)).filter(|pod| !pod.is_bare());
        let last = room.pods.iter().map(|pod| pod.rect.bottom()).fold(0.0, f32::max);
        if let Some(pod) = pod.filter(|pod| pod.rect.bottom() >= last - 1.0) {
            first.tie = vec![pt(pod.at.x, pod.rect.bottom()), pt(pod.at.x, first.rect.y)];
        }
    }
    placed
}

fn reader(facts: &SheetFacts, room: &Room) -> Option<usize> {
    let pod = facts.reader.as_ref()?;
    room.pods.iter().position(|other| other.shows(&pod.namespace, &pod.name))
}

/// Places the other sheets: in the margin before the rooms, from its left edge; below them where there is no margin.
#[inline(never)]
pub(super) fn outside(scene: &mut Scene, sheets: &[&SheetFacts], left: f32, margin: Option<f32>, lang: Lang) {
    let mut space = margin.map(|width| {
        let top = scene.margin() + GAP;
        Rect::new(left, top, width, scene.height - top - 8.0)
    });
    for facts in sheets {
        let (corner, width, shown) = match &mut space {
            None => {
                let room = scene.rooms.first().map_or(Rect::new(42.0, 0.0, 330.0, 0.0), |room| room.rect);
                let shown = facts.routes.len().min(ROUTES);
                let corner = pt(room.x, scene.height);
                scene.height += facts.height(room.w) + GAP;
                (corner, room.w, shown)
            }
            Some(free) => {
                let Some(shown) = facts.within(free.w, free.h) else {
                    scene.filed.push(facts.key.clone());
                    continue;
                };
                let corner = pt(free.x, free.y);
                let used = height(free.w, shown, shown < facts.routes.len()) + GAP;
                (free.y, free.h) = (free.y + used, free.h - used);
                (corner, free.w, shown)
            }
        };
        let mut sheet = facts.sheet(corner, width, shown, lang);
        sheet.reader = scene.rooms.iter().enumerate().find_map(|(number, room)| Some((number, reader(facts, room)?)));
        scene.sheets.push(sheet);
    }
}

/// The row of the picture's tables that decided a hop of a controller, if the hop is one's.
pub fn routed(scene: &Scene, trace: &Trace, hop: usize) -> Option<Routed> {
    let now = trace.hops.get(hop).filter(|hop| hop.by == By::Ingress && !hop.reply)?;
    let of_gate = trace.hops[..=hop].iter().rev().take_while(|hop| hop.at == now.at && !hop.reply);
    let mut pick = None;
    for hop in of_gate {
        let Reason::Routing(routing) = &hop.because.reason else { continue };
        if let Routing::EndpointChosen { .. } = routing {
            pick = Some(scene.mark_of(&now.packet.dst.ip.to_string()));
        }
        let cause = match routing {
            Routing::RuleWins { compared, .. } => compared.iter().find(|rule| rule.lost.is_none())?.cause.clone(),
            Routing::DefaultBackend { .. } => hop.because.cause.clone(),
            Routing::NoRuleMatches { .. } => None,
            _ => continue,
        };
        let own = |sheet: &Sheet| sheet.reader.and_then(|(room, pod)| scene.rooms.get(room)?.pods.get(pod));
        let read_here = |sheet: &Sheet| match &now.at {
            Place::Pod(namespace, name) => own(sheet).is_some_and(|pod| pod.shows(namespace, name)) || !sheet.is_paper,
            _ => false,
        };
        let found = cause.as_ref().and_then(|cause| {
            scene.sheets.iter().enumerate().find_map(|(i, sheet)| {
                let row = |route: &Route| {
                    let own = route.cause.as_ref().filter(|own| own.object == cause.object);
                    own.is_some_and(|own| cause.path.starts_with(&*own.path))
                };
                sheet.routes.iter().position(row).map(|route| (i, route))
            })
        });
        return match found {
            Some((sheet, route)) => Some(Routed { sheet, route: Some(route), pick }),
            // Nothing matched: the table is looked through in vain.
            None if cause.is_none() => {
                let sheet = scene.sheets.iter().position(read_here)?;
                Some(Routed { sheet, route: None, pick: None })
            }
            None => None,
        };
    }
    None
}
