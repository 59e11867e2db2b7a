//! What is selected, as rows: a hop's headers, sentence, rule and cause; what of the picture it lights.

use super::line::{Pt, Rect};
use super::marks::{Mark, Marks};
use super::{Anchor, Scene};
use crate::lang::Lang;
use crate::object::FieldRef;
use crate::trace::{Action, By, Cloud, Place, Reason, Trace, action_label, explain};

/// The rule that a hop matched, in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Lit {
    /// The room.
    pub room: usize,
    /// The rule among its kernel's.
    pub rule: usize,
    /// Whether what is for the outside matched (a node port, a balancer's address), rather than the cluster IP.
    pub near: bool,
    /// The mark and the address of who was picked.
    pub pick: Option<(Option<Mark>, String)>,
}

/// The rule of the picture that decided a hop, if one did.
pub fn lit(scene: &Scene, trace: &Trace, hop: usize) -> Option<Lit> {
    let now = trace.hops.get(hop)?;
    if !matches!(now.action, Action::Match | Action::Dnat | Action::Reject) || now.by != By::KubeProxy {
        return None;
    }
    let Some(Anchor::Kernel(room)) = scene.anchor(&now.at) else { return None };
    let before = before(trace, hop).map_or(now.packet.dst, |packet| packet.dst);
    let (rules, address) = (&scene.rooms[room].kernel.rules, before.to_string());
    let by_cluster = rules.iter().position(|rule| rule.cluster == address);
    let by_outside = rules.iter().position(|rule| rule.outside == address);
    let by_node = || rules.iter().position(|rule| rule.node_port != 0 && rule.node_port == before.port);
    let rule = by_cluster.or(by_outside).or_else(by_node)?;
    let pick = (now.action == Action::Dnat).then(|| {
        let to = now.packet.dst.ip.to_string();
        (scene.mark_of(&to), to)
    });
    Some(Lit { room, rule, near: by_cluster.is_none(), pick })
}

/// A packet's headers before a hop: those after the one before it in the same exchange.
fn before(trace: &Trace, hop: usize) -> Option<crate::trace::Packet> {
    let (now, last) = (trace.hops.get(hop)?, trace.hops.get(hop.checked_sub(1)?)?);
    (now.exchange == last.exchange && now.reply == last.reply).then_some(last.packet)
}

/// One address of a packet at a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As it came.
    pub before: String,
    /// What it becomes, if it changes here or later in the same kernel.
    pub after: Option<String>,
    /// What changes it, if that happens at a later hop: `SNAT`.
    pub later: Option<&'static str>,
}

/// A packet's addresses at a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Source.
    pub src: Header,
    /// Destination.
    pub dst: Header,
}

/// A packet's addresses before and after a hop.
pub fn headers(trace: &Trace, hop: usize) -> Headers {
    let Some(now) = trace.hops.get(hop) else {
        let empty = || Header { before: String::new(), after: None, later: None };
        return Headers { src: empty(), dst: empty() };
    };
    let old = before(trace, hop).unwrap_or(now.packet);
    let coming = trace.hops[hop + 1..]
        .iter()
        .take_while(|next| next.exchange == now.exchange && next.reply == now.reply && next.at == now.at);
    let header = |of: fn(&crate::trace::Packet) -> crate::trace::Socket| {
        let (was, is) = (of(&old), of(&now.packet));
        if was != is {
            return Header { before: was.to_string(), after: Some(is.to_string()), later: None };
        }
        let change = coming.clone().find(|next| of(&next.packet) != is);
        let later = change.map(|next| match next.action {
            Action::Dnat => "DNAT",
            Action::Snat => "SNAT",
            _ => "NAT",
        });
        Header { before: was.to_string(), after: change.map(|next| of(&next.packet).to_string()), later }
    };
    Headers { src: header(|packet| packet.src), dst: header(|packet| packet.dst) }
}

/// The exchange of the request itself: those before it ask for names, those after it are a controller's own.
pub(super) fn own_exchange(trace: &Trace) -> u16 {
    let read = trace.hops.iter().find(|hop| hop.by == By::Ingress);
    read.or(trace.hops.last()).map_or(0, |hop| hop.exchange)
}

/// The pod that a trace's request was delivered to.
pub fn destination(trace: &Trace) -> Option<&Place> {
    let own = own_exchange(trace);
    // The last of them: a controller is asked first, and asks replicas itself.
    let to = trace.hops.iter().rev().find(|hop| {
        hop.exchange >= own && hop.action == Action::Deliver && !hop.reply && matches!(hop.at, Place::Pod(..))
    });
    to.map(|hop| &hop.at)
}

/// The replica that a trace's request went to, if it has a mark.
pub fn picked(trace: &Trace, marks: &Marks) -> Option<Mark> {
    match destination(trace).or(trace.outcome.responder.as_ref())? {
        Place::Pod(namespace, name) => marks.pod(namespace, name),
        _ => None,
    }
}

/// A line of the list of hops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The hop, from zero.
    pub hop: usize,
    /// Where, in a word.
    pub place: String,
    /// What happened.
    pub what: String,
    /// Whether it belongs to the way back.
    pub reply: bool,
    /// Whether it belongs to the question for a name, before the request itself.
    pub name: bool,
}

/// The hops of a trace, as a list that tells all that the stage shows.
pub fn rows(trace: &Trace, scene: &Scene, marks: &Marks, lang: Lang) -> Vec<Row> {
    let own = own_exchange(trace);
    let row = |(i, hop): (usize, &crate::trace::Hop)| Row {
        hop: i,
        place: match (hop.by, hop.action) {
            (By::Link, Action::Forward) => lang.pick("link", "线路").to_owned(),
            _ => short_place(&hop.at, scene, marks, lang),
        },
        what: action_label(hop, lang),
        reply: hop.reply,
        name: hop.exchange < own,
    };
    trace.hops.iter().enumerate().map(row).collect()
}

/// A place in a word: a node without what all nodes' names share, a replica by its letter.
pub fn short_place(place: &Place, scene: &Scene, marks: &Marks, lang: Lang) -> String {
    match place {
        Place::Laptop => lang.pick("laptop", "你的电脑").to_owned(),
        Place::Internet => lang.pick("internet", "互联网").to_owned(),
        Place::Cloud(Cloud::Balancer(..)) => lang.pick("balancer", "均衡器").to_owned(),
        Place::Cloud(Cloud::ControlPlane) => lang.pick("control", "控制平面").to_owned(),
        Place::Cloud(cloud) => in_cloud(cloud, lang).to_owned(),
        Place::Node(name) => {
            let first = scene.rooms.first().map_or("", |room| room.name.as_str());
            let tail = name.strip_prefix(first).and_then(|rest| rest.strip_prefix('-'));
            tail.unwrap_or(name).to_owned()
        }
        Place::Pod(namespace, name) => match marks.pod(namespace, name) {
            Some(mark) => mark.letter().to_string(),
            None if name.starts_with("coredns") => "kube-dns".to_owned(),
            None => name.to_string(),
        },
    }
}

/// A place of the cloud's in a word.
fn in_cloud(cloud: &Cloud, lang: Lang) -> &'static str {
    match cloud {
        Cloud::Firewall => lang.pick("firewall", "防火墙"),
        Cloud::Balancer(..) => lang.pick("load balancer", "负载均衡器"),
        Cloud::ControlPlane => lang.pick("control plane", "控制平面"),
    }
}

/// All about one hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// `Hop 3: DNAT in the kernel of minikube`
    pub title: String,
    /// The packet's addresses.
    pub headers: Headers,
    /// Why it went so.
    pub sentence: String,
    /// The rule that decided, as iptables-save prints it.
    pub rule: Option<String>,
    /// The field behind it.
    pub cause: Option<FieldRef>,
}

/// All about one hop.
pub fn detail(trace: &Trace, hop: usize, lang: Lang) -> Option<Detail> {
    let now = trace.hops.get(hop)?;
    let label = action_label(now, lang);
    let what = if label.contains("NAT ") { label.split(' ').next().unwrap_or(&label).to_owned() } else { label };
    let place = match (&now.at, now.by) {
        (Place::Laptop, _) => lang.pick("on the laptop", "在你的电脑上").to_owned(),
        (Place::Internet, _) => lang.pick("on the internet", "在互联网上").to_owned(),
        (Place::Cloud(cloud), _) => {
            lang.pick(format!("at the {}", in_cloud(cloud, lang)), format!("在{}", in_cloud(cloud, lang)))
        }
        (Place::Node(name), By::Socket | By::App | By::Resolver | By::Tunnel) => {
            lang.pick(format!("on node {name}"), format!("在节点 {name} 上"))
        }
        (Place::Node(name), _) => lang.pick(format!("in the kernel of {name}"), format!("在 {name} 的内核里")),
        (Place::Pod(_, name), _) => lang.pick(format!("in pod {name}"), format!("在 Pod {name} 里")),
    };
    // Chinese sets a space between its own words and others'.
    let gap = if what.is_ascii() { " " } else { "" };
    Some(Detail {
        title: lang.pick(format!("Hop {}: {what} {place}", hop + 1), format!("第 {} 跳：{place}{gap}{what}", hop + 1)),
        headers: headers(trace, hop),
        sentence: explain(&now.because, lang),
        rule: now.because.rule.as_deref().map(str::to_owned),
        cause: now.because.cause.clone(),
    })
}

/// Why a request failed, in as few words as the picture has space for; empty if only the whole sentence will do.
pub fn shortly(trace: &Trace, lang: Lang) -> String {
    let (en, zh) = match trace.outcome.because.as_ref().map(|because| &because.reason) {
        Some(Reason::ClusterIpFromOutside) => ("a ClusterIP has no route from outside", "ClusterIP 在集群外没有路由"),
        Some(Reason::PodIpFromOutside) => ("a pod's address has no route from outside", "Pod 地址在集群外没有路由"),
        Some(Reason::NoSuchAddress) => ("nobody has this address", "没有谁拥有这个地址"),
        Some(Reason::NoSuchService) => ("no Service has this address", "没有 Service 拥有这个地址"),
        _ => ("", ""),
    };
    lang.pick(en, zh).to_owned()
}

impl Scene {
    /// Where a label of the given size hides nothing, beside a point; none if there is no such place near.
    pub fn beside(&self, at: Pt, (w, h): (f32, f32)) -> Option<Rect> {
        let room = self.rooms.iter().map(|room| room.rect).find(|r| at.y > r.y - 4.0 && at.y < r.bottom() + 4.0)?;
        let clamp = |x: f32| x.min(room.right() - w - 8.0).max(room.x + 8.0);
        let columns = [clamp(at.x - 64.0), clamp(at.x - w / 2.0), clamp(room.x), clamp(room.right())];
        let strip = self.rooms.iter().find(|own| own.rect == room).map_or(at.y, |own| own.kernel.rect.bottom());
        let rows = [at.y + 33.0, at.y - 33.0 - h, strip + 12.0, room.bottom() - h - 8.0];
        // Above the rooms stand the Services.
        let top = self.rooms.iter().map(|room| room.rect.y).fold(room.y, f32::min);
        let mut busy = vec![self.laptop.rect, Rect::new(at.x - 21.0, at.y - 21.0, 42.0, 42.0)];
        for room in &self.rooms {
            busy.push(room.kernel.rect);
            busy.push(Rect::new(room.rect.x, room.rect.y - 6.0, room.rect.w, 32.0));
            busy.extend(room.pods.iter().map(|pod| pod.rect));
            busy.extend(room.host.iter().map(|host| host.rect));
        }
        busy.extend(self.sheets.iter().map(|sheet| sheet.rect));
        let places = rows.into_iter().flat_map(|y| columns.into_iter().map(move |x| Rect::new(x, y, w, h)));
        places
            .filter(|place| place.y >= top && place.bottom() <= self.height && w <= room.w - 16.0)
            .find(|place| busy.iter().all(|rect| rect.overlap(*place) == 0.0))
    }

    /// Whether a room's name and what else its header says stand where the label above a point would.
    pub fn is_below_words(&self, at: Pt) -> bool {
        let within = |room: &super::Room| at.x > room.rect.x && at.x < room.rect.right() && at.y > room.rect.y;
        self.rooms.iter().any(|room| within(room) && at.y - 42.0 < room.kernel.rect.y)
    }

    /// The lower edge of what stands in the margin left of the rooms.
    pub fn margin(&self) -> f32 {
        let last = self.socket.as_ref().map_or(self.laptop.rect, |socket| socket.rect).bottom();
        let glass = self.glass.as_ref().map_or(0.0, |(_, label)| label.at.y + 4.0);
        let last = self.edge.as_ref().map_or(last, super::Edge::bottom).max(glass);
        self.sheets
            .iter()
            .filter(|sheet| sheet.rect.x < self.trunk)
            .map(|sheet| sheet.rect.bottom())
            .fold(last, f32::max)
    }

    /// Where a label stands if there is no place beside its packet: left of the rooms, above what is written `below`; rather over the
    /// last box there than cut off.
    pub fn aside(&self, (w, h): (f32, f32), below: f32) -> Rect {
        let last = self.socket.as_ref().map_or(self.laptop.rect, |socket| socket.rect).bottom();
        let last = self.edge.as_ref().map_or(last, super::Edge::bottom);
        let top = (self.height - below - h).max(last + 10.0).min(self.height - h - 4.0);
        Rect::new(8.0, top, w.max(self.trunk - 16.0), h)
    }
}

#[cfg(test)]
mod tests {
    use crate::scene::{Anchor, Width, fixture};

    #[test]
    fn a_label_stays_below_the_services_names() {
        for nodes in 1..=3 {
            let scene = fixture::scene(nodes, 3, Width::Wide);
            for (i, room) in scene.rooms.iter().enumerate() {
                let dns = room.system.as_ref().map(|_| scene.rest(Anchor::System(i)));
                for at in dns.into_iter().chain([scene.rest(Anchor::Kernel(i))]) {
                    let place = scene.beside(at, (310.0, 71.0));
                    assert!(place.is_none_or(|place| place.y >= scene.rooms[0].rect.y), "{nodes} nodes: {place:?}");
                }
            }
        }
    }
}
