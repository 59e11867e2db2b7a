//! What stands around the rooms: the learner's machine, addresses for the outside, the Services.

use super::grid::{Grid, is_far};
use super::line::{Pt, Rect, cut, mono, pt, svg, words};
use super::rules::RuleFacts;
use super::{Anchor, Label, Laptop, Pick, Pill, Scene, Socket, Spine, Width, Wish, edge};
use crate::api::Store;
use crate::object::{Host, Ref, Service};

/// The upper edge of the first room of a narrow picture.
#[inline(never)]
pub(super) fn narrow_top(store: &Store, others: &[Ref], wish: &Wish) -> f32 {
    let far = is_far(wish);
    let line = !others.is_empty() || (balanced(store, wish).is_some() && !far);
    let top = if far { edge::NARROW + 24.0 } else { 92.0 };
    if line { top + 30.0 } else { top }
}

/// The Service in focus, if it is to have an address for the outside.
fn balanced<'a>(store: &'a Store, wish: &Wish) -> Option<&'a Service> {
    let service = store.get(wish.focus.as_ref()?)?.body::<Service>()?;
    (service.spec.r#type == "LoadBalancer").then_some(service)
}

/// The address that a Service was given for the outside.
fn address(service: &Service) -> Option<String> {
    let ingress = service.status.load_balancer.ingress.iter();
    ingress.map(|i| if i.ip.is_empty() { &i.hostname } else { &i.ip }).find(|a| !a.is_empty()).cloned()
}

/// Places everything around the rooms.
pub(super) fn place(
    grid: &Grid,
    scene: &mut Scene,
    store: &Store,
    rules: &Option<RuleFacts>,
    others: &[Ref],
    wish: &Wish,
) {
    let service = balanced(store, wish);
    let given = service.map(|service| address(service).unwrap_or_else(|| edge::PENDING.to_owned()));
    scene.edge = edge::edge(grid, wish, given);
    scene.laptop = match &scene.edge {
        Some(edge) => edge::laptop(grid, scene, edge),
        None => laptop(grid, scene, wish),
    };
    // In a cloud the load balancer's box says the address; until there is one, nothing but the Service itself waits.
    let waits = scene.edge.is_none();
    scene.socket = service.filter(|_| waits).map(|service| socket(grid, scene, service, wish));
    if wish.profile.host == Host::DockerDesktop {
        scene.glass = Some(glass(grid, scene, wish));
    }
    if let Some(socket) = scene.socket.as_ref().filter(|_| grid.wide) {
        // What leads nowhere goes around the socket.
        scene.laptop.lost = grid.around(scene.laptop.rect, socket.rect.bottom() + 34.0);
    }
    if let Some(key) = &wish.focus {
        scene.spine = spine(grid, scene, store, key, rules, wish);
    }
    pills(grid, scene, others);
}

fn laptop(grid: &Grid, scene: &Scene, wish: &Wish) -> Laptop {
    let name = wish.lang.pick("laptop", "你的电脑").to_owned();
    let address = wish.profile.laptop.to_string();
    let Some(first) = scene.rooms.first().filter(|_| grid.wide) else {
        let rect = Rect::new(12.0, 12.0, 122.0, 46.0);
        let out = pt(grid.trunk, rect.bottom());
        return Laptop {
            rect,
            name: Label { at: pt(24.0, 31.0), text: name },
            address: Label { at: pt(24.0, 49.0), text: address },
            out,
            back: out,
            doors: Vec::new(),
            lost: vec![pt(rect.right(), 35.0), pt(174.0, 35.0)],
        };
    };
    let middle = first.kernel.spot.y;
    let rect = Rect::new(grid.left, middle - 37.0, grid.aside, 62.0);
    Laptop {
        rect,
        name: Label { at: pt(rect.x + 14.0, rect.y + 24.0), text: name },
        address: Label { at: pt(rect.x + 14.0, rect.y + 44.0), text: address },
        out: pt(rect.right(), first.kernel.inward),
        back: pt(rect.right(), first.kernel.outward),
        doors: Vec::new(),
        lost: vec![pt(rect.x + 22.0, rect.bottom()), pt(rect.x + 22.0, rect.bottom() + 52.0)],
    }
}

/// On Docker Desktop the nodes are behind glass.
fn glass(grid: &Grid, scene: &Scene, wish: &Wish) -> (Rect, Label) {
    let text = wish.lang.pick("virtual machine", "虚拟机").to_owned();
    if grid.wide {
        let x = grid.trunk - 24.0;
        let rect = Rect::new(x, grid.top - 4.0, 8.0, scene.height - grid.top - 8.0);
        let last = scene.socket.as_ref().map_or(scene.laptop.rect, |socket| socket.rect);
        return (rect, Label { at: pt(x - 6.0, last.bottom() + 15.0), text });
    }
    let first = scene.rooms.first().map_or(grid.top, |room| room.rect.y);
    (Rect::new(8.0, first - 22.0, grid.width - 24.0, 6.0), Label { at: pt(grid.width - 20.0, first - 26.0), text })
}

/// Doors in the laptop for what listens there, and where these lead: to one pod or node, past every Service.
#[inline(never)]
pub(super) fn tunnels(scene: &mut Scene, wish: &Wish) {
    let mut right = scene.laptop.rect.right() - 8.0;
    for (port, to) in &wish.tunnels {
        // A route has no door.
        let text = if *port == 0 { String::new() } else { port.to_string() };
        let w = mono(&text) + 12.0;
        // The name needs its own space; further doors are told by the terminal alone.
        if !text.is_empty() && right - w > scene.laptop.name.at.x + words(&scene.laptop.name.text) * 1.1 {
            scene.laptop.doors.push((Rect::new(right - w, scene.laptop.rect.y + 8.0, w, 20.0), text));
            right -= w + 4.0;
        }
        let Some(to) = scene.anchor(to) else { continue };
        let mut way = Vec::new();
        // By way of the control plane, which stands on the first node or apart.
        let by = if scene.edge.is_some() { Anchor::Control } else { Anchor::Kernel(0) };
        if matches!(to, Anchor::Pod(..)) {
            way.extend(scene.way(Anchor::Laptop, by));
            way.extend(scene.way(by, to));
        } else {
            way.extend(scene.way(Anchor::Laptop, to));
        }
        scene.tunnels.push(svg(&way));
    }
}

/// `EXTERNAL-IP`, as `kubectl get service` prints it: an empty socket until somebody gives the Service an address.
fn socket(grid: &Grid, scene: &Scene, service: &Service, wish: &Wish) -> Socket {
    let address = address(service);
    let text = address.clone().unwrap_or_else(|| edge::PENDING.to_owned());
    let name = "EXTERNAL-IP".to_owned();
    let note = match address {
        None => wish.lang.pick("nobody gives it one", "没有谁给它地址"),
        Some(_) if wish.tunnels.iter().any(|(port, _)| *port == 0) => {
            wish.lang.pick("minikube tunnel", "minikube tunnel")
        }
        Some(_) => wish.lang.pick("in the kernels, too", "内核里也有它"),
    };
    if grid.wide {
        let rect = Rect::new(grid.left, scene.laptop.rect.bottom() + 18.0, grid.aside, 64.0);
        let x = rect.x + if grid.aside < 130.0 { 8.0 } else { 14.0 };
        return Socket {
            rect,
            name: Label { at: pt(x, rect.y + 19.0), text: name },
            address: Label { at: pt(x, rect.y + 37.0), text },
            note: Label { at: pt(x, rect.y + 54.0), text: note.to_owned() },
            is_pending: address.is_none(),
        };
    }
    let rect = Rect::new(12.0, 66.0, words(&name) + mono(&text) + 34.0, 24.0);
    Socket {
        rect,
        name: Label { at: pt(24.0, 82.0), text: name.clone() },
        address: Label { at: pt(30.0 + words(&name), 82.0), text },
        note: Label::default(),
        is_pending: address.is_none(),
    }
}

fn spine(
    grid: &Grid,
    scene: &Scene,
    store: &Store,
    key: &Ref,
    rules: &Option<RuleFacts>,
    wish: &Wish,
) -> Option<Spine> {
    let service = store.get(key)?.body::<Service>()?;
    let ring = pt(grid.spine, grid.ring());
    let path = reach(grid, scene, ring);
    let external = &service.spec.external_name;
    let (name, note) = (Label::default(), Label::default());
    let mut spine = Spine {
        key: key.clone(),
        name,
        note,
        address: false,
        picks: Vec::new(),
        ends: Vec::new(),
        sign: None,
        ring,
        path,
    };
    let mut right = ring.x - 12.0;
    let (notes, address) = match rules {
        None if !external.is_empty() => (vec![external.clone()], true),
        None => {
            // Its name means its pods, each by its own address.
            let picks = headless(store, scene, key);
            let shown = picks.len().min(if grid.wide { 8 } else { 4 });
            spine.ends = picks.iter().map(|(_, address)| address.clone()).collect();
            for (i, (mark, address)) in picks.into_iter().take(shown).enumerate() {
                let at = pt(right - 10.0 - 23.0 * (shown - 1 - i) as f32, ring.y);
                spine.picks.push(Pick { mark, address, at });
            }
            right -= if shown > 0 { 23.0 * shown as f32 + 4.0 } else { 0.0 };
            let long =
                wish.lang.pick("headless: no address of its own; its name means", "无头：没有自己的地址，名字就代表");
            let none = wish.lang.pick("headless: no address, and no pod", "无头：没有地址，也没有 Pod");
            let text = if shown == 0 {
                none
            } else if wish.width == Width::Wide {
                long
            } else {
                wish.lang.pick("headless:", "无头：")
            };
            (vec![text.to_owned()], false)
        }
        Some(_) if wish.width == Width::Wide => (remarks(service, wish), false),
        Some(_) => {
            (vec![format!("{}:{}", service.spec.cluster_ip, service.spec.ports.first().map_or(0, |p| p.port))], true)
        }
    };
    let full = if grid.wide { format!("Service {}", key.name) } else { key.name.to_string() };
    let left = if grid.wide { 132.0 } else { 12.0 };
    let width = |note: &String| if address { mono(note) } else { words(note) };
    let fits = |note: &&String| right - width(note) - 9.0 - words(&full) * 1.06 > left;
    let mut note = notes.iter().find(fits).or(notes.last()).cloned().unwrap_or_default();
    if !external.is_empty() {
        let most = ((right - left - 130.0) / 7.23).max(8.0) as usize;
        if note.chars().count() > most {
            note = note.chars().take(most - 1).chain(['…']).collect();
        }
        let w = mono(&note) + 26.0;
        let sign = Rect::new(ring.x + 8.0 - w, ring.y - 11.0, w, 22.0);
        spine.note = Label { at: pt(sign.right() - 15.0, ring.y + 4.0), text: note.clone() };
        spine.sign = Some(sign);
        right = sign.x + mono(&note);
    } else {
        spine.note = Label { at: pt(right, ring.y + 4.0), text: note.clone() };
    }
    spine.address = address;
    let end = right - width(&note) - 9.0;
    spine.name = Label { at: pt(end, ring.y + 4.0), text: cut(full, (end - left) / 1.06) };
    Some(spine)
}

/// What is special about a Service with a virtual address, the longest remark first.
fn remarks(service: &Service, wish: &Wish) -> Vec<String> {
    let (spec, lang) = (&service.spec, wish.lang);
    let mut said = Vec::new();
    if spec.session_affinity == "ClientIP" {
        said.push(lang.pick("one client, one pod", "同一客户端，同一个 Pod"));
    }
    if spec.external_traffic_policy == "Local" {
        said.push(lang.pick("from outside: the node's own pods only", "来自外部：只用节点自己的 Pod"));
    }
    if spec.internal_traffic_policy == "Local" {
        said.push(lang.pick("from inside: the node's own pods only", "来自内部：只用节点自己的 Pod"));
    }
    match spec.traffic_distribution.as_deref() {
        Some("PreferSameNode") => said.push(lang.pick("prefers the same node", "优先同一节点")),
        Some(_) => said.push(lang.pick("prefers the same zone", "优先同一可用区")),
        None => {}
    }
    if spec.publish_not_ready_addresses {
        said.push(lang.pick("unready pods, too", "未就绪的 Pod 也算"));
    }
    if said.is_empty() {
        said.push(lang.pick("virtual: in every kernel, on no machine", "虚拟：在每个内核里，不在任何机器上"));
        return vec![said[0].to_owned(), lang.pick("virtual", "虚拟").to_owned()];
    }
    (1..=said.len()).rev().map(|n| said[..n].join(lang.pick("; ", "；"))).collect()
}

/// The pods that a headless Service's name means: marks and addresses.
fn headless(store: &Store, scene: &Scene, key: &Ref) -> Vec<(Option<super::Mark>, String)> {
    let mut picks = Vec::new();
    for slice in super::rules::slices(store, key) {
        for endpoint in slice.endpoints.iter().filter(|e| e.conditions.ready.unwrap_or(true)) {
            for address in &endpoint.addresses {
                picks.push((scene.mark_of(address), address.clone()));
            }
        }
    }
    crate::sort::by(&mut picks, Ord::cmp);
    picks
}

/// The dashed line: down past the last column's rooms, and up again between the others, so that it crosses no wire.
fn reach(grid: &Grid, scene: &Scene, ring: Pt) -> String {
    // Where it reaches into the kernels of a column, from above.
    let ends = |trunk: f32| -> Vec<f32> {
        let rooms = scene.rooms.iter().filter(|room| room.trunk == trunk && room.kernel.reach.is_some());
        let rule = |room: &super::Room| Some(room.kernel.rules.iter().find(|r| !r.cluster.is_empty())?.pill.center().y);
        rooms.filter_map(rule).collect()
    };
    let Some((last, before)) = grid.columns.split_last() else { return String::new() };
    let begin = pt(ring.x, ring.y + 5.0);
    let others: Vec<(f32, f32)> =
        before.iter().filter_map(|column| Some((column.spine, ends(column.trunk).first().copied()?))).collect();
    let foot = scene.rooms.iter().map(|room| room.rect.bottom()).fold(0.0, f32::max) + 7.0;
    match (others.first(), ends(last.trunk).last()) {
        (Some(&(x, y)), _) => svg(&[begin, pt(ring.x, foot), pt(x, foot), pt(x, y)]),
        (None, Some(&y)) => svg(&[begin, pt(ring.x, y)]),
        (None, None) => String::new(),
    }
}

/// Quiet pills for the other Services: before the spine's name where it is wide, above the rooms where it is narrow.
fn pills(grid: &Grid, scene: &mut Scene, others: &[Ref]) {
    let (mut x, y, end) = if grid.wide {
        let end = scene.spine.as_ref().map_or(grid.spine, |spine| spine.name.at.x - words(&spine.name.text) * 1.06);
        (132.0, 12.0, end - 16.0)
    } else {
        (
            // The laptop's wire comes down at the left.
            scene.socket.as_ref().map_or(grid.trunk + 12.0, |socket| socket.rect.right() + 6.0),
            if scene.edge.is_some() { edge::NARROW } else { 64.0 },
            grid.width - 12.0,
        )
    };
    for (i, key) in others.iter().enumerate() {
        let w = words(&key.name) + 18.0;
        let more = if i + 1 < others.len() { 34.0 } else { 0.0 };
        if x + w + more > end {
            scene.hidden = others[i..].to_vec();
            break;
        }
        scene.others.push(Pill { key: key.clone(), rect: Rect::new(x, y, w, 22.0), text: key.name.to_string() });
        x += w + 6.0;
    }
}
