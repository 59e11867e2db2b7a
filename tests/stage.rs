//! What holds of every picture: no label stands on another or leaves its box, and a change moves no more than it must.
//! Clusters come from a seed, which a failure names.

use kubehop::api::Store;
use kubehop::lang::Lang;
use kubehop::object::*;
use kubehop::rng::Rng;
use kubehop::scene::line::{mono, words};
use kubehop::scene::{Label, Marks, Needs, PodBox, Pt, Rect, Scene, Width, Wish, compose, services};
use kubehop::trace::Place;

/// `STAGE_SEEDS=20000` draws so many clusters.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("STAGE_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1500)
}

/// A cluster drawn from a seed, and what its picture is to show.
struct Drawn {
    store: Store,
    wish: Wish,
    nodes: Vec<String>,
}

struct Pick(Rng);

impl Pick {
    fn below(&mut self, bound: u32) -> u32 {
        self.0.below(bound)
    }
    fn one_in(&mut self, many: u32) -> bool {
        self.below(many) == 0
    }
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

fn condition(kind: &str, is: bool) -> Condition {
    let status = if is { "True" } else { "False" };
    Condition { r#type: kind.into(), status: status.into(), ..Condition::default() }
}

/// A node; names may be as long as clouds make them.
fn node(pick: &mut Pick, n: u32, style: u32, zones: u32) -> Object {
    let name = match style {
        0 if n == 0 => "minikube".to_owned(),
        0 => format!("minikube-m{:02}", n + 1),
        1 => format!("n{}", n + 1),
        _ => format!("ip-10-0-{n}-{}.eu-central-1.compute.internal", 100 + n),
    };
    let address = |address: String, kind: &str| NodeAddress { address, r#type: kind.into() };
    let mut addresses = vec![address(
        pick.of(&["192.168.49.", "10.0.1.", "172.31.255."]).to_owned() + &(n + 11).to_string(),
        "InternalIP",
    )];
    if style == 1 && pick.one_in(2) {
        addresses.push(address(format!("198.51.100.{}", n + 11), "ExternalIP"));
    }
    let unschedulable = pick.one_in(9);
    let spec = NodeSpec { pod_cidr: format!("10.244.{n}.0/24"), unschedulable, ..NodeSpec::default() };
    let conditions = vec![condition("Ready", !pick.one_in(9))];
    let status = NodeStatus { addresses, conditions, ..NodeStatus::default() };
    let mut object = Object::new("", name, Body::Node(Node { spec, status }));
    if zones > 0 {
        let zone = ["a", "eu-central-1b", "c"][((n * zones / 8).min(2)) as usize];
        object.meta.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
    }
    object
}

fn pod(pick: &mut Pick, namespace: &str, name: String, node: &str, ip: String, set: Option<&str>) -> Object {
    let mut pod = Pod::default();
    pod.spec.node_name = node.into();
    let container_port = pick.of(&[9090, 80, 8443, 10_000]);
    let ports =
        if pick.one_in(8) { vec![] } else { vec![ContainerPort { container_port, ..ContainerPort::default() }] };
    pod.spec.containers = vec![Container { ports, ..Container::default() }];
    let state = pick.below(10);
    pod.status.phase = if state == 0 { "Pending" } else { "Running" }.into();
    if state != 0 {
        pod.status.pod_ip = ip;
    }
    pod.status.conditions = vec![condition("Ready", state > 1)];
    let mut object = Object::new(namespace, name, Body::Pod(pod));
    if state == 2 {
        object.meta.deletion_timestamp = Some(kubehop::time::Instant::ZERO);
    }
    let owner = |name: &str| OwnerReference {
        kind: "ReplicaSet".into(),
        name: name.into(),
        controller: true,
        ..Default::default()
    };
    object.meta.owner_references = set.map(owner).into_iter().collect();
    object
}

/// A Service, and the slice of its endpoints: all pods of its namespace that run.
fn service(pick: &mut Pick, store: &mut Store, namespace: &str, name: String) {
    let mut service = Service::default();
    let kind = pick.of(&["ClusterIP", "ClusterIP", "NodePort", "NodePort", "LoadBalancer", "ExternalName", "None"]);
    let spec = &mut service.spec;
    spec.cluster_ip = match kind {
        "None" => "None".into(),
        "ExternalName" => String::new(),
        _ => pick.of(&["10.96.0.7", "10.103.170.186"]).into(),
    };
    spec.r#type = if kind == "None" { "ClusterIP" } else { kind }.into();
    if kind == "ExternalName" {
        spec.external_name = pick.of(&["db.example.com", "a-very-long-name-of-a-database.internal.example.com"]).into();
    }
    if pick.one_in(3) {
        spec.external_traffic_policy = "Local".into();
    }
    if pick.one_in(5) {
        spec.internal_traffic_policy = "Local".into();
    }
    if pick.one_in(5) {
        spec.session_affinity = "ClientIP".into();
    }
    if pick.one_in(6) {
        spec.external_ips = vec!["198.51.100.240".into()];
    }
    let wants_node_port = matches!(kind, "NodePort" | "LoadBalancer");
    for port in 0..1 + pick.below(3) as i32 {
        let node_port = if wants_node_port { 30_000 + port } else { 0 };
        spec.ports.push(ServicePort {
            name: format!("p{port}"),
            port: 9090 + port,
            node_port,
            ..ServicePort::default()
        });
    }
    if kind == "LoadBalancer" && !pick.one_in(3) {
        let at = LoadBalancerIngress { ip: "198.51.100.201".into(), ..LoadBalancerIngress::default() };
        service.status.load_balancer.ingress = vec![at];
    }
    let ports = service.spec.ports.iter();
    let ports =
        ports.map(|p| EndpointPort { name: p.name.clone(), port: Some(9090), ..EndpointPort::default() }).collect();
    let mut slice = EndpointSlice { ports, ..EndpointSlice::default() };
    for (meta, pod) in
        store.all::<Pod>().filter(|(meta, pod)| meta.namespace == namespace && !pod.status.pod_ip.is_empty())
    {
        let target = TargetRef {
            kind: "Pod".into(),
            name: meta.name.clone(),
            namespace: namespace.into(),
            ..TargetRef::default()
        };
        slice.endpoints.push(Endpoint {
            addresses: vec![pod.status.pod_ip.clone()],
            node_name: Some(pod.spec.node_name.clone()),
            target_ref: Some(target),
            ..Endpoint::default()
        });
    }
    let mut object = Object::new(namespace, format!("{name}-abcde"), Body::EndpointSlice(slice));
    object.meta.labels.insert("kubernetes.io/service-name".into(), name.clone());
    store.put(object);
    store.put(Object::new(namespace, name, Body::Service(service)));
}

/// Ingresses, some of them read by one of the pods.
fn ingresses(pick: &mut Pick, store: &mut Store) -> Vec<(Ref, Ref, &'static str)> {
    let mut readers = Vec::new();
    for i in 0..pick.below(6).saturating_sub(2) {
        let mut ingress = Ingress::default();
        for _ in 0..pick.below(4) {
            let path = |pick: &mut Pick| HttpIngressPath {
                path: pick.of(&["/", "/api/hello", "/a/very/long/path/that/goes/on/and/on/for/ever"]).into(),
                path_type: Some(pick.of(&["Prefix", "Exact", "ImplementationSpecific"]).into()),
                backend: IngressBackend {
                    service: Some(IngressServiceBackend {
                        name: pick.of(&["web0", "api1", "a-long-name-of-a-service-that-goes-on2", "nobody"]).into(),
                        port: ServiceBackendPort { number: pick.of(&[80, 9090]), ..ServiceBackendPort::default() },
                    }),
                    ..IngressBackend::default()
                },
            };
            let paths = (0..pick.below(4)).map(|_| path(pick)).collect();
            let host = pick.of(&["", "shop.test", "a-long-host.in-a-long-domain.example.com"]).into();
            ingress.spec.rules.push(IngressRule { host, http: Some(HttpIngressRuleValue { paths }) });
        }
        if pick.one_in(3) {
            ingress.spec.tls = vec![IngressTls::default()];
        }
        let name = format!("{}{i}", pick.of(&["shop", "a-long-name-of-an-ingress-that-goes-on"]));
        let pods: Vec<Ref> = store.all::<Pod>().map(|(m, _)| Ref::new(Kind::Pod, &*m.namespace, &*m.name)).collect();
        if !pods.is_empty() && pick.one_in(2) {
            let pod = pods[pick.below(pods.len() as u32) as usize].clone();
            readers.push((Ref::new(Kind::Ingress, "default", &*name), pod, "ingress-nginx"));
        }
        store.put(Object::new("default", name, ingress));
    }
    readers
}

fn draw(seed: u64) -> Drawn {
    let mut pick = Pick(Rng::new(seed).fork("stage"));
    let mut store = Store::default();
    let profile = pick.of(&["minikube", "multinode", "cloud"]);
    let count = match pick.below(8) {
        0 => 9 + pick.below(12),
        _ => 1 + pick.below(8),
    };
    let (style, zones) = (pick.below(3), if pick.one_in(3) { 1 + pick.below(3) } else { 0 });
    for n in 0..count {
        let node = node(&mut pick, n, style, zones);
        store.put(node);
    }
    let nodes: Vec<String> = store.all::<Node>().map(|(meta, _)| meta.name.clone()).collect();
    let most = pick.of(&[0, 1, 3, 8, 24, 60, 200]);
    let namespaces =
        pick.of(&[&["default"][..], &["default"], &["default", "shop"], &["default", "a-long-name-of-a-namespace"]]);
    for i in 0..if most == 0 { 0 } else { 1 + pick.below(most) } {
        let namespace = pick.of(namespaces);
        let at = pick.below(count) as usize;
        let set = pick.of(&["web-6d8f9c7b5d", "shop-5f7", "a-really-long-name-of-a-deployment-7c9d8f6b5"]);
        let (name, set) = match pick.below(5) {
            0 => (format!("{}-{i}", pick.of(&["db", "a-really-long-name-of-a-stateful-set"])), None),
            _ => (format!("{set}-x{i:04}"), Some(set)),
        };
        let ip = format!("10.244.{}.{}", at + if style == 2 { 200 } else { 0 }, i + 3);
        let pod = pod(&mut pick, namespace, name, &nodes[at].clone(), ip, set);
        store.put(pod);
    }
    for (i, node) in nodes.iter().enumerate() {
        for s in 0..pick.below(4) {
            let name = format!("{}-{i}{s}", pick.of(&["coredns", "kube-proxy"]));
            let pod = pod(&mut pick, "kube-system", name, node, format!("10.0.0.{s}"), None);
            store.put(pod);
        }
    }
    for i in 0..pick.below(6) {
        let namespace = pick.of(namespaces);
        let name =
            format!("{}{i}", pick.of(&["web", "api", "a-long-name-of-a-service-that-goes-on", "test-svc-cluster"]));
        service(&mut pick, &mut store, namespace, name);
    }
    let readers = ingresses(&mut pick, &mut store);
    let known = services(&store);
    let mut profile = Profile::named(profile).expect("it is built in");
    if profile.host != Host::Remote && pick.one_in(4) {
        profile.host = Host::DockerDesktop;
    }
    let mut outages = Outages::default();
    if pick.one_in(5) {
        outages.stop(&nodes[0], kubehop::time::Instant::ZERO);
    }
    if pick.one_in(5) && nodes.len() > 1 {
        outages.cut_link(&nodes[0], &nodes[nodes.len() - 1], kubehop::time::Instant::ZERO);
    }
    let mut needs = Needs { dns: pick.one_in(4), ..Needs::default() };
    if pick.one_in(4) {
        needs.hosts.insert(nodes[pick.below(count) as usize].as_str().into());
    }
    let wide = !pick.one_in(3);
    let tunnels = match pick.below(5) {
        0 => vec![(8080, Place::Node(nodes[0].as_str().into()))],
        1 => vec![(0, Place::Node(nodes[0].as_str().into())), (51_234, Place::Node(nodes[0].as_str().into()))],
        _ => Vec::new(),
    };
    let wish = Wish {
        width: if wide { Width::Wide } else { Width::Narrow },
        height: if wide { pick.of(&[360.0, 506.0, 506.0, 700.0, 1000.0]) } else { 0.0 },
        focus: if known.is_empty() { None } else { Some(known[pick.below(known.len() as u32) as usize].clone()) },
        lang: pick.of(&[Lang::En, Lang::Zh]),
        health: nodes.iter().take(8).map(|name| (name.clone(), pick.one_in(2))).collect(),
        profile,
        needs,
        inspected: None,
        readers,
        outages,
        tunnels,
    };
    Drawn { store, wish, nodes }
}

fn picture(drawn: &Drawn) -> Scene {
    compose(&drawn.store, &Marks::of(&drawn.store), &drawn.wish)
}

/// Where a text stands by its place.
#[derive(Clone, Copy)]
enum Side {
    Begin,
    End,
    Middle,
}

/// A text of a picture: what it is, its box, and the box that it may not leave.
struct Text {
    what: String,
    rect: Rect,
    within: Option<Rect>,
}

struct Texts(Vec<Text>);

impl Texts {
    fn put(&mut self, what: &str, label: &Label, side: Side, width: f32, within: Option<Rect>) {
        if label.text.is_empty() {
            return;
        }
        let x = match side {
            Side::Begin => label.at.x,
            Side::End => label.at.x - width,
            Side::Middle => label.at.x - width / 2.0,
        };
        let rect = Rect::new(x, label.at.y - 9.0, width, 11.0);
        self.0.push(Text { what: format!("{what} {:?}", label.text), rect, within });
    }

    fn words(&mut self, what: &str, label: &Label, side: Side, within: Option<Rect>) {
        self.put(what, label, side, words(&label.text), within);
    }

    fn mono(&mut self, what: &str, label: &Label, side: Side, within: Option<Rect>) {
        self.put(what, label, side, mono(&label.text), within);
    }

    fn middle(&mut self, what: &str, rect: Rect, text: &str, is_mono: bool) {
        let middle = rect.center();
        let label = Label { at: Pt { x: middle.x, y: middle.y + 4.0 }, text: text.to_owned() };
        let width = if is_mono { mono(text) } else { words(text) };
        self.put(what, &label, Side::Middle, width, Some(rect));
    }

    /// A mark, which is to be seen as much as a text.
    fn mark(&mut self, what: &str, at: Pt, size: f32, within: Option<Rect>) {
        let rect = Rect::new(at.x - size / 2.0, at.y - size / 2.0, size, size);
        self.0.push(Text { what: format!("{what} mark"), rect, within });
    }
}

/// All texts and marks of a picture that are read without zooming in.
fn texts(scene: &Scene) -> Texts {
    use Side::{Begin, End};
    let mut all = Texts(Vec::new());
    let laptop = &scene.laptop;
    all.words("laptop", &laptop.name, Begin, Some(laptop.rect));
    all.mono("laptop", &laptop.address, Begin, Some(laptop.rect));
    for (door, port) in &laptop.doors {
        all.middle("door of the laptop", *door, port, true);
    }
    if let Some((_, glass)) = &scene.glass {
        all.words("glass", glass, End, None);
    }
    if let Some(edge) = &scene.edge {
        for client in [&edge.internet, &edge.control] {
            all.words("client", &client.name, Begin, Some(client.rect));
            all.mono("client", &client.address, Begin, Some(client.rect));
        }
        all.words("wall", &edge.wall_name, Begin, Some(edge.wall));
        all.mono("wall", &edge.wall_note, End, Some(edge.wall));
        if let Some(balancer) = &edge.balancer {
            all.words("balancer", &balancer.name, Begin, Some(balancer.rect));
            all.mono("balancer", &balancer.address, Begin, Some(balancer.rect));
            for check in &balancer.checks {
                all.mark("check", check.at, 8.0, Some(balancer.rect));
                all.words("check", &check.name, Begin, Some(balancer.rect));
            }
        }
    }
    if let Some(socket) = &scene.socket {
        all.words("socket", &socket.name, Begin, Some(socket.rect));
        all.mono("socket", &socket.address, Begin, Some(socket.rect));
        all.words("socket", &socket.note, Begin, Some(socket.rect));
    }
    for other in &scene.others {
        all.middle("other Service", other.rect, &other.text, false);
    }
    if let (false, Some(last)) = (scene.hidden.is_empty(), scene.others.last()) {
        let at = Pt { x: last.rect.right() + 6.0, y: last.rect.y + 15.0 };
        all.words("more Services", &Label { at, text: format!("+{}", scene.hidden.len()) }, Begin, None);
    }
    if let Some(spine) = &scene.spine {
        all.words("spine", &spine.name, End, None);
        if spine.address {
            all.mono("spine", &spine.note, End, spine.sign);
        } else {
            all.words("spine", &spine.note, End, None);
        }
        for pick in &spine.picks {
            all.mark("spine", pick.at, 20.0, None);
        }
    }
    for (region, name) in &scene.zones {
        all.words("zone", name, Begin, Some(*region));
    }
    for room in &scene.rooms {
        texts_of_room(&mut all, room);
    }
    for sheet in &scene.sheets {
        let inside = Some(sheet.rect);
        all.put("sheet", &sheet.name, Begin, words(&sheet.name.text) * 1.06, inside);
        all.words("sheet", &sheet.note, Begin, inside);
        all.words("sheet", &sheet.more, Begin, inside);
        if let Some(lock) = sheet.padlock {
            all.mark("padlock", lock, 9.0, inside);
        }
        for route in &sheet.routes {
            let inside = Some(route.rect);
            all.mono("rule", &route.rule, Begin, inside);
            all.words("path type", &route.kind, Begin, inside);
            all.mono("backend", &route.to, Begin, inside);
            all.words("after route", &route.after, Begin, inside);
            let arrow = Rect::new(route.arrow.x, route.arrow.y - 4.0, 13.0, 8.0);
            all.0.push(Text { what: "arrow".into(), rect: arrow, within: inside });
            for pick in &route.picks {
                all.mark("route", pick.at, route.size, inside);
            }
        }
    }
    all
}

fn texts_of_room(all: &mut Texts, room: &kubehop::scene::Room) {
    use Side::{Begin, End};
    let walls = Some(room.rect);
    all.put("name of room", &room.title, Begin, words(&room.title.text) * 1.1, walls);
    all.mono("address of room", &room.place, Begin, walls);
    all.words("note of room", &room.note, End, walls);
    if let Some(system) = &room.system {
        all.middle("system", system.rect, &system.text, false);
    }
    let kernel = &room.kernel;
    let strip = Some(kernel.rect);
    all.words("kernel", &kernel.label, Begin, strip);
    if let Some(none) = &kernel.none {
        all.words("no rule", none, Begin, strip);
    }
    if let Some(ring) = kernel.ring {
        all.mark("ring", ring, 12.0, strip);
    }
    for rule in &kernel.rules {
        all.middle("pill", rule.pill, &rule.text, true);
        if let Some((far, text)) = &rule.far {
            all.middle("far pill", *far, text, true);
        }
        let arrow = Rect::new(rule.arrow.x, rule.arrow.y - 4.0, 13.0, 8.0);
        all.0.push(Text { what: "arrow".into(), rect: arrow, within: strip });
        for pick in &rule.picks {
            all.mark("pick", pick.at, 20.0, strip);
        }
        all.words("after", &rule.after, Begin, strip);
    }
    if let Some(host) = room.host.as_ref() {
        let inside = Some(host.rect).filter(|rect| rect.w > 30.0);
        all.words("shell", &host.name, if inside.is_some() { Begin } else { Side::Middle }, inside);
        all.mono("shell", &host.address, Begin, inside);
    }
    for pod in &room.pods {
        let what = &pod.name;
        let inside = if pod.is_bare() { walls } else { Some(pod.rect) };
        if pod.mark.is_some() {
            all.mark(what, pod.at, pod.size, inside);
        }
        if pod.tiny == 0.0 {
            all.words(what, &pod.short, Begin, inside);
            all.mono(what, &pod.address, Begin, inside);
        }
        if let Some((door, port)) = &pod.door {
            all.middle(what, *door, port, true);
        }
        if let Some(note) = &pod.note {
            all.words(what, note, Begin, inside);
        }
        if let Some(tag) = &pod.tag {
            all.words(what, tag, Begin, inside);
        }
    }
}

/// The part of a text's box that its letters fill, for comparing.
fn ink(rect: Rect) -> Rect {
    Rect::new(rect.x + 0.5, rect.y + 1.0, (rect.w - 1.0).max(0.0), (rect.h - 2.0).max(0.0))
}

fn inside(inner: Rect, outer: Rect) -> bool {
    inner.x >= outer.x - 0.6
        && inner.right() <= outer.right() + 0.6
        && inner.y >= outer.y - 0.6
        && inner.bottom() <= outer.bottom() + 0.6
}

/// Boxes that no other box and no foreign text may touch.
fn boxes(scene: &Scene) -> Vec<(String, Rect)> {
    let mut boxes = vec![("laptop".to_owned(), scene.laptop.rect)];
    if let Some(edge) = &scene.edge {
        boxes.extend(
            [("internet", edge.internet.rect), ("control", edge.control.rect), ("wall", edge.wall)]
                .map(|(n, r)| (n.to_owned(), r)),
        );
        boxes.extend(edge.balancer.iter().map(|balancer| ("balancer".to_owned(), balancer.rect)));
    }
    boxes.extend(scene.socket.iter().map(|socket| ("socket".to_owned(), socket.rect)));
    boxes.extend(scene.others.iter().map(|pill| (format!("pill {}", pill.text), pill.rect)));
    boxes.extend(scene.rooms.iter().map(|room| (format!("room {}", room.name), room.rect)));
    let in_room = |rect: &Rect| scene.rooms.iter().any(|room| inside(*rect, room.rect));
    let sheets = scene.sheets.iter().map(|sheet| sheet.rect).filter(|rect| !in_room(rect));
    boxes.extend(sheets.map(|rect| ("sheet".to_owned(), rect)));
    boxes
}

fn problems(scene: &Scene) -> Vec<String> {
    let mut found = Vec::new();
    let all = texts(scene).0;
    let page = Rect::new(0.0, 0.0, scene.width, scene.height);
    for (i, text) in all.iter().enumerate() {
        if !inside(ink(text.rect), page) {
            found.push(format!("{} leaves the picture: {:?}", text.what, text.rect));
        }
        if let Some(within) = text.within.filter(|within| !inside(ink(text.rect), *within)) {
            found.push(format!("{} leaves its box: {:?} of {within:?}", text.what, text.rect));
        }
        for other in &all[i + 1..] {
            if ink(text.rect).overlap(ink(other.rect)) > 0.0 {
                found.push(format!("{} on {}: {:?} {:?}", text.what, other.what, text.rect, other.rect));
            }
        }
    }
    let boxes = boxes(scene);
    for (i, (name, rect)) in boxes.iter().enumerate() {
        if !inside(*rect, page) {
            found.push(format!("{name} leaves the picture: {rect:?}"));
        }
        for (other, area) in &boxes[i + 1..] {
            if rect.overlap(*area) > 0.0 {
                found.push(format!("{name} on {other}: {rect:?} {area:?}"));
            }
        }
        for text in &all {
            if ink(text.rect).overlap(*rect) > 0.0 && !inside(ink(text.rect), *rect) {
                found.push(format!("{} half in {name}: {:?} {rect:?}", text.what, text.rect));
            }
        }
    }
    for room in &scene.rooms {
        let mut inner: Vec<(&str, Rect)> = vec![("kernel", room.kernel.rect)];
        inner.extend(room.pods.iter().map(|pod| (pod.name.as_str(), pod.rect)));
        inner.extend(room.host.iter().map(|host| ("shell", host.rect)));
        inner.extend(room.system.iter().map(|system| ("system", system.rect)));
        let sheets = scene.sheets.iter().map(|sheet| sheet.rect).filter(|rect| rect.overlap(room.rect) > 0.0);
        inner.extend(sheets.map(|rect| ("table", rect)));
        // The wires to the pods, with the last piece from the box's edge to the door.
        let door = |pod: &PodBox| pod.door.as_ref().map(|(door, _)| Pt { x: door.x + door.w / 2.0, y: door.y });
        let pods = room
            .pods
            .iter()
            .map(|pod| (&pod.feed, door(pod).filter(|door| pod.feed.last().is_some_and(|end| end.y < door.y))));
        for (feed, door) in pods.chain(room.host.iter().map(|host| (&host.feed, None))) {
            let wire: Vec<Pt> = feed.iter().copied().chain(door).collect();
            for piece in wire.windows(2) {
                let (a, b) = (piece[0], piece[1]);
                let line =
                    Rect::new(a.x.min(b.x) - 0.5, a.y.min(b.y) - 0.5, (a.x - b.x).abs() + 1.0, (a.y - b.y).abs() + 1.0);
                let crossed = all.iter().filter(|text| ink(text.rect).overlap(line) > 0.0);
                found.extend(crossed.map(|text| format!("a wire through {}: {line:?} {:?}", text.what, text.rect)));
            }
        }
        for (i, (name, rect)) in inner.iter().enumerate() {
            for text in all.iter().filter(|text| ink(text.rect).overlap(*rect) > 0.0 && !inside(ink(text.rect), *rect))
            {
                found.push(format!("{} half in {name}: {:?} {rect:?}", text.what, text.rect));
            }
            if !inside(*rect, room.rect) {
                found.push(format!("{name} leaves its room: {rect:?} {:?}", room.rect));
            }
            for (other, area) in &inner[i + 1..] {
                if rect.overlap(*area) > 0.01 {
                    found.push(format!("{name} on {other}: {rect:?} {area:?}"));
                }
            }
        }
    }
    for (i, (zone, name)) in scene.zones.iter().enumerate() {
        for (other, _) in &scene.zones[i + 1..] {
            if zone.overlap(*other) > 0.0 {
                found.push(format!("zone {:?} on another: {zone:?} {other:?}", name.text));
            }
        }
    }
    found
}

#[test]
fn no_label_stands_on_another_or_leaves_its_box() {
    let mut all = Vec::new();
    for seed in seeds() {
        let scene = picture(&draw(seed));
        let form = format!("{:?} {}", scene.form, scene.rooms.len());
        all.extend(problems(&scene).into_iter().map(|problem| format!("seed {seed} ({form}): {problem}")));
    }
    let shown = all.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(all.is_empty(), "{} problems\n{shown}", all.len());
}

/// Where all of a room is, by what it is.
fn places(room: &kubehop::scene::Room) -> Vec<(String, Rect)> {
    let pods = room.pods.iter().map(|pod| (format!("{}/{}", pod.namespace, pod.name), pod.rect));
    [("walls".to_owned(), room.rect), ("kernel".to_owned(), room.kernel.rect)].into_iter().chain(pods).collect()
}

/// What has moved from one picture to the next, but for the room of a node.
fn moved(before: &Scene, after: &Scene, but: &str) -> Vec<String> {
    let rooms = before.rooms.iter().zip(&after.rooms);
    let others = rooms.filter(|(room, _)| room.name != but && !room.folded.iter().any(|name| name == but));
    others
        .flat_map(|(was, is)| if places(was) == places(is) { None } else { Some(format!("{} moved", was.name)) })
        .collect()
}

#[test]
fn a_pod_that_comes_or_goes_moves_nothing_in_other_rooms() {
    let mut judged = 0;
    for seed in seeds() {
        let mut drawn = draw(seed);
        drawn.wish.width = Width::Wide;
        drawn.wish.height = drawn.wish.height.max(360.0);
        let before = picture(&drawn);
        let mut pick = Pick(Rng::new(seed).fork("change"));
        let at = drawn.nodes[pick.below(drawn.nodes.len() as u32) as usize].clone();
        let own = drawn.store.all::<Pod>().find(|(meta, pod)| pod.spec.node_name == at && meta.namespace == "default");
        let gone = own.map(|(meta, _)| Ref::new(Kind::Pod, "default", meta.name.as_str()));
        let marks = Marks::of(&drawn.store);
        match gone.filter(|_| pick.one_in(2)) {
            Some(gone) => _ = drawn.store.remove(&gone),
            None => {
                let new = pod(&mut pick, "default", "new".into(), &at, "10.244.0.250".into(), None);
                drawn.store.put(new);
            }
        };
        let mut after_marks = marks.clone();
        after_marks.follow(&drawn.store);
        let after = compose(&drawn.store, &after_marks, &drawn.wish);
        let moved = moved(&before, &after, &at);
        assert!(moved.is_empty(), "seed {seed}, a pod of {at}: {moved:?}");
        judged += before.rooms.len() - 1;
    }
    assert!(judged > 1000, "only {judged} other rooms were there to move");
}

#[test]
fn a_service_that_comes_or_goes_moves_no_room() {
    for seed in seeds() {
        let mut drawn = draw(seed);
        drawn.wish.width = Width::Wide;
        drawn.wish.height = drawn.wish.height.max(360.0);
        let before = picture(&drawn);
        let mut pick = Pick(Rng::new(seed).fork("change"));
        let other = services(&drawn.store).into_iter().find(|key| drawn.wish.focus.as_ref() != Some(key));
        match other.filter(|_| pick.one_in(2)) {
            Some(other) => _ = drawn.store.remove(&other),
            None => service(&mut pick, &mut drawn.store, "default", "a-new-one".into()),
        }
        let after = picture(&drawn);
        let moved = moved(&before, &after, "");
        assert!(moved.is_empty(), "seed {seed}: {moved:?}");
        assert_eq!(before.rooms.len(), after.rooms.len());
    }
}

#[test]
fn of_many_nodes_those_that_matter_come_forward() {
    let mut folded = 0;
    for seed in seeds() {
        let mut drawn = draw(seed);
        if drawn.nodes.len() <= 8 {
            assert_eq!(picture(&drawn).rooms.len(), drawn.nodes.len());
            continue;
        }
        let (touched, inspected) = (drawn.nodes[drawn.nodes.len() - 1].clone(), drawn.nodes[8].clone());
        drawn.wish.needs.nodes.insert(touched.as_str().into());
        drawn.wish.inspected = Some(Ref::new(Kind::Node, "", inspected.as_str()));
        let scene = picture(&drawn);
        let names: Vec<&str> = scene.rooms.iter().map(|room| room.name.as_str()).collect();
        assert_eq!(names.len(), 8, "seed {seed}");
        assert!(names.contains(&touched.as_str()) && names.contains(&inspected.as_str()), "seed {seed}: {names:?}");
        let crowd = scene.rooms.last().expect("a room");
        assert_eq!(crowd.folded.len(), drawn.nodes.len() - 7, "seed {seed}");
        // Whoever is in the crowd is still found by packets.
        for node in &drawn.nodes {
            assert!(scene.anchor(&Place::Node(node.as_str().into())).is_some(), "seed {seed}: {node}");
        }
        for (meta, _) in drawn.store.all::<Pod>() {
            let place = Place::Pod(meta.namespace.as_str().into(), meta.name.as_str().into());
            assert!(scene.anchor(&place).is_some(), "seed {seed}: {}", meta.name);
        }
        folded += 1;
    }
    assert!(folded > 20, "{folded}");
}
