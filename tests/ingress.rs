//! What ingress controllers do with requests: the rows of `tests/ingress/`, and the facts of `tests/truth/ingress.yaml`.
//!
//! A case of `tests/ingress/` has:
//!
//! - `services`: `NAME[:PORT[/PORTNAME][=TARGET],…] [xREPLICAS] [external NAME]`; port 80 and one pod unless it is said.
//! - `ingresses`: by name, the oldest first (`same_second`: all of one second): `rules` as `HOST/PATH TYPE SERVICE:PORT`,
//!   with host `*` for any; `default`, `tls`, `class` (the controller's unless `no_class`), and `annotations`, whose prefix is
//!   nginx' where they have none.
//! - `arguments` of the controller, `settings` of its ConfigMap, `client`: the address that it sees.
//! - `rows`: `[METHOD] [https://]HOST/PATH [{HEADER: VALUE; …}] | STATUS … | [REASON [CAUSE]]`. Behind 200 stand the backend, the
//!   path that its endpoint sees, and more of the request in words; behind a redirect, where to.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubehop::net::ingress::{Arrived, Balance, Controller, Decision, Flavour, Router, nginx, page};
use kubehop::object::*;
use kubehop::rng::Rng;
use kubehop::time::{Duration, Instant};
use kubehop::trace::{Because, Place, Reason};
use serde_yaml::Value;
use world::truth::{list, text};
use world::{PodSpecs, World};

const TRUTH: &str = include_str!("truth/ingress.yaml");
const NGINX: &str = "registry.k8s.io/ingress-nginx/controller:v1.15.1";
const TRAEFIK: &str = "traefik:v3.5";

/// A controller of an image, with these arguments.
fn controller(image: &str, arguments: &[String]) -> Arc<Controller> {
    let container = Container { image: image.into(), args: arguments.to_vec(), ..Container::default() };
    let pod = Pod { spec: PodSpec { containers: vec![container], ..PodSpec::default() }, ..Pod::default() };
    let meta = Meta { namespace: "ingress-nginx".into(), name: "controller".into(), ..Meta::default() };
    Arc::new(Controller::of(&meta, &pod).expect("a controller"))
}

/// A world with both classes.
fn world() -> World {
    let mut world = World::named("minikube");
    for (name, controller) in [("nginx", "k8s.io/ingress-nginx"), ("traefik", "traefik.io/ingress-controller")] {
        let spec = IngressClassSpec { controller: controller.into(), ..IngressClassSpec::default() };
        world.store.put(Object::new("", name, IngressClass { spec }));
    }
    world
}

/// Adds a Service with its pods.
fn add_service(world: &mut World, name: &str, ports: Vec<ServicePort>, replicas: usize, external: Option<&str>) {
    for n in 0..replicas {
        let pod = format!("{name}-{n}");
        world.pod(&PodSpecs { name: &pod, labels: &[("app", name)], node: 0, image: "hello:1.0" });
    }
    let spec = ServiceSpec {
        r#type: if external.is_some() { "ExternalName" } else { "ClusterIP" }.into(),
        external_name: external.unwrap_or_default().into(),
        cluster_ip: if external.is_some() { String::new() } else { "10.96.7.7".into() },
        selector: [("app".to_owned(), name.to_owned())].into(),
        ports,
        ..ServiceSpec::default()
    };
    world.service(name, spec);
}

/// `web:80/http=8080,443 x3`
fn add_service_of(world: &mut World, line: &str) {
    let mut words = line.split(' ');
    let (name, ports) = words.next().unwrap().split_once(':').unwrap_or((line.split(' ').next().unwrap(), "80"));
    let port = |text: &str| {
        let (text, target) = text.split_once('=').unwrap_or((text, ""));
        let (number, port_name) = text.split_once('/').unwrap_or((text, ""));
        let number: i32 = number.parse().unwrap_or_else(|_| panic!("{line}"));
        ServicePort {
            name: port_name.into(),
            port: number,
            protocol: "TCP".into(),
            target_port: Some(IntOrString::Int(target.parse().unwrap_or(number))),
            ..ServicePort::default()
        }
    };
    let (mut replicas, mut external) = (1, None);
    while let Some(word) = words.next() {
        match word.strip_prefix('x').and_then(|n| n.parse().ok()) {
            Some(n) => replicas = n,
            None => external = words.next(),
        }
    }
    let replicas = if external.is_some() { 0 } else { replicas };
    add_service(world, name, ports.split(',').map(port).collect(), replicas, external);
}

/// `web:80` or `web:http`
fn backend_of(text: &str) -> IngressBackend {
    let (name, port) = text.split_once(':').unwrap_or_else(|| panic!("no port in {text}"));
    let number = port.parse().unwrap_or(0);
    let port = ServiceBackendPort { name: if number == 0 { port.into() } else { String::new() }, number };
    IngressBackend { service: Some(IngressServiceBackend { name: name.into(), port }), resource: None }
}

/// `shop.test/api Prefix web:80`
fn path_of(text: &str) -> (String, HttpIngressPath) {
    let words: Vec<&str> = text.split(' ').collect();
    let [place, path_type, backend] = words[..] else { panic!("{text}") };
    let (host, path) = place.split_at(place.find('/').unwrap());
    let path = HttpIngressPath { path: path.into(), path_type: Some(path_type.into()), backend: backend_of(backend) };
    (if host == "*" { String::new() } else { host.to_owned() }, path)
}

/// Rules of one host are one rule, as people write them.
fn rules_of(lines: &[Value]) -> Vec<IngressRule> {
    let mut rules: Vec<IngressRule> = Vec::new();
    for line in lines {
        let (host, path) = path_of(line.as_str().unwrap());
        if rules.last().is_none_or(|rule| rule.host != host) {
            rules.push(IngressRule { host, http: Some(HttpIngressRuleValue::default()) });
        }
        rules.last_mut().unwrap().http.as_mut().unwrap().paths.push(path);
    }
    rules
}

fn ingress_of(name: &str, value: &Value, second: u64, class: Option<&str>) -> Object {
    let tls = list(&value["tls"]);
    let tls = tls.iter().map(|tls| IngressTls {
        hosts: list(&tls["hosts"]).iter().map(|host| host.as_str().unwrap().to_owned()).collect(),
        secret_name: text(tls, "secretName").into(),
    });
    let spec = IngressSpec {
        default_backend: value["default"].as_str().map(backend_of),
        ingress_class_name: value["class"].as_str().or(class).map(str::to_owned),
        rules: rules_of(&list(&value["rules"])),
        tls: tls.collect(),
    };
    let mut object = Object::new("default", name, Ingress { spec, ..Ingress::default() });
    for (key, text) in value["annotations"].as_mapping().into_iter().flatten() {
        let key = key.as_str().unwrap();
        let key = if key.contains('/') { key.to_owned() } else { format!("nginx.ingress.kubernetes.io/{key}") };
        object.meta.annotations.insert(key, text.as_str().unwrap().to_owned());
    }
    object.meta.creation_timestamp = Some(Instant::ZERO + Duration::from_secs(second));
    object
}

/// A case, built: its objects, and what its controller serves.
fn build(case: &Value, image: &str) -> (World, Router) {
    let mut world = world();
    for service in list(&case["services"]) {
        add_service_of(&mut world, service.as_str().unwrap());
    }
    let class = if image == NGINX { "nginx" } else { "traefik" };
    let class = case["no_class"].as_bool().is_none().then_some(class);
    let together = case["same_second"].as_bool() == Some(true);
    for (n, (name, value)) in case["ingresses"].as_mapping().into_iter().flatten().enumerate() {
        let second = if together { 7 } else { n as u64 };
        world.store.put(ingress_of(name.as_str().unwrap(), value, second, class));
    }
    let mut arguments: Vec<String> =
        list(&case["arguments"]).iter().map(|argument| argument.as_str().unwrap().to_owned()).collect();
    if let Some(settings) = case["settings"].as_mapping() {
        let pair = |(k, v): (&Value, &Value)| (k.as_str().unwrap().to_owned(), v.as_str().unwrap().to_owned());
        let data = settings.iter().map(pair).collect();
        world.store.put(Object::new("ingress-nginx", "settings", ConfigMap { data, ..ConfigMap::default() }));
        arguments.push("--configmap=$(POD_NAMESPACE)/settings".to_owned());
    }
    let router = Router::of(&world.store, &controller(image, &arguments));
    (world, router)
}

/// A request of a row.
#[derive(Debug)]
struct Asks {
    method: String,
    tls: bool,
    host: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

impl Asks {
    fn of(row: &str) -> Self {
        let (line, headers) =
            row.split_once('{').map_or((row, ""), |(line, rest)| (line, rest.trim_end_matches([' ', '}'])));
        let line = line.trim();
        let (method, url) = line.rsplit_once(' ').unwrap_or(("GET", line));
        let (tls, url) = url.strip_prefix("https://").map_or((false, url), |url| (true, url));
        let (host, uri) = url.split_at(url.find('/').unwrap_or_else(|| panic!("{row}")));
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let header = |pair: &str| pair.trim().split_once(": ").map(|(k, v)| (k.to_owned(), v.to_owned()));
        Self {
            method: method.to_owned(),
            tls,
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.split(';').filter_map(header).collect(),
        }
    }

    fn send(&self, router: &Router, balance: &mut Balance, client: &str) -> Decision {
        let pod = Place::Pod("ingress-nginx".into(), "controller".into());
        let arrived = Arrived {
            pod: &pod,
            port: if self.tls { 443 } else { 80 },
            tls: self.tls,
            client: client.parse().unwrap(),
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            now: Instant::ZERO,
        };
        router.decide(&arrived, balance)
    }
}

fn reason_of(because: &Because) -> (String, String) {
    let Reason::Routing(routing) = &because.reason else { panic!("{because:?}") };
    let name = format!("{routing:?}");
    let name = name.split([' ', '(']).next().unwrap().to_owned();
    let cause = because.cause.as_ref().map(|c| format!("{} {}", c.object, c.path));
    (name, cause.unwrap_or_default())
}

/// What came of a row: the words that it may ask for, and the reasons.
fn came(decision: &Decision) -> (BTreeMap<&'static str, String>, Vec<(String, String)>) {
    let mut words = BTreeMap::new();
    let reasons = match decision {
        Decision::Answer(reply) => {
            words.insert("status", reply.status.to_string());
            let location = reply.headers.iter().find(|(name, _)| &**name == "Location");
            words.insert("first", location.map_or_else(|| "-".to_owned(), |(_, to)| to.to_string()));
            vec![reason_of(&reply.because)]
        }
        Decision::Forward(forward) => {
            words.insert("status", "200".to_owned());
            words.insert("first", forward.backend.trim_start_matches("default/").to_owned());
            let query = if forward.query.is_empty() { String::new() } else { format!("?{}", forward.query) };
            words.insert("path", format!("{}{query}", forward.path));
            words.insert("tls", forward.tls.to_string());
            words.insert("host", forward.host.to_string());
            words.insert("tries", forward.candidates.len().to_string());
            words.insert("read", format!("{}s", forward.read_timeout.as_secs()));
            words.insert("connect", format!("{}s", forward.connect_timeout.as_secs()));
            let all = [&forward.because, &forward.chosen].into_iter().chain(&forward.further);
            all.map(|because| reason_of(because)).collect()
        }
    };
    (words, reasons)
}

fn check(router: &Router, row: &str, client: &str) -> Result<(), String> {
    let mut parts = row.split(" | ");
    let (asks, expected, decided) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    let mut balance = Balance::new(&Rng::new(7));
    let decision = Asks::of(asks).send(router, &mut balance, client);
    let (words, reasons) = came(&decision);
    let mut keys = ["status", "first", "path"].into_iter();
    for word in expected.split(' ') {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) if !word.starts_with(['/', 'h']) || key == "host" => (key, value),
            _ if word == "tls" => ("tls", "true"),
            _ => (keys.next().unwrap(), word),
        };
        let is = words.get(key).map_or("", |is| is);
        if is != value {
            return Err(format!("{row}\n    {key} is {is:?}: {words:?}, {reasons:?}"));
        }
    }
    if let Some(decided) = decided {
        let (name, cause) = decided.split_once(' ').unwrap_or((decided, ""));
        if !reasons.iter().any(|(n, c)| n == name && (cause.is_empty() || c == cause)) {
            return Err(format!("{row}\n    decided by {reasons:?}"));
        }
    }
    check_compared(&decision)
}

/// Of the rules that were compared one won, if a rule won, and every other says why not.
fn check_compared(decision: &Decision) -> Result<(), String> {
    let because = match decision {
        Decision::Answer(reply) => &reply.because,
        Decision::Forward(forward) => &forward.because,
    };
    let Reason::Routing(routing) = &because.reason else { return Err(format!("{because:?}")) };
    let won = routing.compared().iter().filter(|rule| rule.lost.is_none()).count();
    let expected = usize::from(matches!(routing, kubehop::trace::Routing::RuleWins { .. }));
    if won == expected { Ok(()) } else { Err(format!("{won} rules won: {routing:?}")) }
}

fn run(file: &str, rows: &str, image: &str) -> usize {
    let cases: Value = serde_yaml::from_str(rows).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in list(&cases) {
        let (_, router) = build(&case, image);
        let client = case["client"].as_str().unwrap_or("192.168.49.1");
        for row in list(&case["rows"]) {
            judged += 1;
            if let Err(error) = check(&router, row.as_str().unwrap_or_else(|| panic!("{row:?}")), client) {
                wrong.push(format!("{}: {error}", text(&case, "name")));
            }
        }
    }
    assert!(wrong.is_empty(), "{file}: {} of {judged} rows:\n{}", wrong.len(), wrong.join("\n"));
    judged
}

#[test]
fn ingress_nginx_does_as_its_source_says() {
    assert!(run("nginx.yaml", include_str!("ingress/nginx.yaml"), NGINX) >= 120);
}

#[test]
fn traefik_does_as_its_source_says() {
    assert!(run("traefik.yaml", include_str!("ingress/traefik.yaml"), TRAEFIK) >= 20);
}

/// Facts that ingress-nginx does otherwise, each with what it answers there and why.
const NGINX_DIFFERS: &[(&str, &str)] = &[
    // nginx sends a client to `/box/` that asks for `/box`, for an exact path as for a prefix (`auto_redirect`).
    ("path rules: slash host, request /box", "boxslash-e"),
    // A default backend beside rules is for the hosts of those rules alone (`createServers`).
    ("nothing matches and a default backend is set", "404"),
];

/// The world of a case of the truth file: the Services with ten or one pods, the Ingress with a class.
fn truth_world(case: &Value) -> World {
    let mut world = world();
    for document in serde_yaml::Deserializer::from_str(text(case, "manifests")) {
        let tree: serde_json::Value = serde::Deserialize::deserialize(document).unwrap();
        let kind = Kind::from_api(tree["apiVersion"].as_str().unwrap(), tree["kind"].as_str().unwrap()).unwrap();
        let mut object = Object::from_value(kind, tree).unwrap();
        object.meta.namespace = "default".into();
        object.meta.creation_timestamp = Some(Instant::ZERO);
        if let Some(service) = object.body::<Service>() {
            let replicas = case["replicas"][object.meta.name.as_str()].as_u64().unwrap_or(1) as usize;
            let mut ports = service.spec.ports.clone();
            ports.iter_mut().for_each(|port| port.protocol = "TCP".into());
            add_service(&mut world, &object.meta.name.clone(), ports, replicas, None);
            continue;
        }
        if let Some(ingress) = object.body_mut::<Ingress>() {
            ingress.spec.ingress_class_name.get_or_insert_with(|| "nginx".to_owned());
        }
        world.store.put(object);
    }
    world
}

/// One request as the conformance tests' client sends it, which follows redirects; names the backend, or the status.
fn follow(router: &Router, balance: &mut Balance, asks: &mut Asks) -> (String, String) {
    for _ in 0..3 {
        match asks.send(router, balance, "192.168.49.1") {
            Decision::Forward(forward) => {
                let backend = forward.backend.split(['/', ':']).nth(1).unwrap().to_owned();
                return (backend, forward.candidates[0].name.to_string());
            }
            Decision::Answer(reply) => match reply.headers.iter().find(|(name, _)| &**name == "Location") {
                Some((_, to)) => {
                    let (scheme, rest) = to.split_once("://").unwrap();
                    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                    (asks.tls, asks.host, asks.path) = (scheme == "https", host.to_owned(), format!("/{path}"));
                }
                None => return (reply.status.to_string(), String::new()),
            },
        }
    }
    ("too many redirects".to_owned(), String::new())
}

#[test]
fn ingress_nginx_keeps_to_the_specification_but_where_it_is_known_not_to() {
    let truth: Value = serde_yaml::from_str(TRUTH).unwrap();
    let (mut judged, mut wrong, mut differs) = (0, Vec::new(), BTreeSet::new());
    for case in list(&truth["cases"]) {
        let world = truth_world(&case);
        let router = Router::of(&world.store, &controller(NGINX, &[]));
        let name = text(&case, "name");
        if case.get("expect_status_address").is_some() {
            // No controller serves it, and so none gives it an address.
            let controller = controller(NGINX, &[]);
            let all = || world.store.all::<Ingress>();
            assert!(all().count() > 0 && all().all(|(meta, i)| !controller.owns(&world.store, meta, i)), "{name}");
            judged += 1;
        }
        for check in list(&case["checks"]) {
            let expect = &check["expect"];
            let method = check["method"].as_str().unwrap_or("GET");
            let mut balance = Balance::new(&Rng::new(3));
            let mut pods = BTreeSet::new();
            for _ in 0..check["repeat"].as_u64().unwrap_or(1) {
                let scheme = if text(&check, "scheme") == "https" { "https://" } else { "" };
                let line = format!("{method} {scheme}{}{}", text(&check, "host"), text(&check, "path"));
                let mut asks = Asks::of(&line);
                let (came, pod) = follow(&router, &mut balance, &mut asks);
                let status = expect["status"].as_u64().unwrap().to_string();
                let expected = expect["service"].as_str().unwrap_or(&status);
                judged += 1;
                pods.insert(pod);
                if came != expected {
                    let known = NGINX_DIFFERS.iter().find(|(fact, is)| name.contains(fact) && came == *is);
                    match known {
                        Some((fact, _)) => drop(differs.insert(*fact)),
                        None => wrong.push(format!("{name}: {line}: {came} for {expected}")),
                    }
                }
            }
            if let Some(distinct) = check["distinct_pods"].as_u64() {
                assert_eq!(pods.len() as u64, distinct, "{name}");
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(differs.len(), NGINX_DIFFERS.len(), "what is known to differ does not: {differs:?}");
    assert!(judged >= 100, "{judged}");
}

/// A controller's own pages, to the byte.
#[test]
fn pages_are_the_controllers_own() {
    let nginx = |title: &str| {
        format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        )
    };
    for (status, title) in [
        (308, "308 Permanent Redirect"),
        (403, "403 Forbidden"),
        (404, "404 Not Found"),
        (502, "502 Bad Gateway"),
        (503, "503 Service Temporarily Unavailable"),
        (504, "504 Gateway Time-out"),
    ] {
        assert_eq!(*page(Flavour::Nginx, status).0, nginx(title));
    }
    assert_eq!(*page(Flavour::Traefik, 404).0, *"404 page not found\n");
    assert_eq!(*page(Flavour::Traefik, 503).0, *"no available server\n");
}

/// The webhook's words.
#[test]
fn the_webhook_says_what_nginx_says() {
    let cases: Value = serde_yaml::from_str(include_str!("ingress/admission.yaml")).unwrap();
    let cases = list(&cases);
    for case in &cases {
        let name = text(case, "name");
        let mut world = world();
        let mut arguments = Vec::new();
        for (n, (name, value)) in case["there"].as_mapping().into_iter().flatten().enumerate() {
            world.store.put(ingress_of(name.as_str().unwrap(), value, n as u64, Some("nginx")));
        }
        if let Some(settings) = case["settings"].as_mapping() {
            let pair = |(k, v): (&Value, &Value)| (k.as_str().unwrap().to_owned(), v.as_str().unwrap().to_owned());
            let data = settings.iter().map(pair).collect();
            world.store.put(Object::new("ingress-nginx", "settings", ConfigMap { data, ..ConfigMap::default() }));
            arguments.push("--configmap=ingress-nginx/settings".to_owned());
        }
        let new = ingress_of("new", &case["new"], 99, Some("nginx"));
        let controller = controller(NGINX, &arguments);
        let admission = nginx::admit(&world.store, &controller, &new.meta, new.body().unwrap());
        assert_eq!(admission.refusal.as_deref(), case["says"].as_str(), "{name}");
        let warnings: Vec<String> = list(&case["warnings"]).iter().map(|w| w.as_str().unwrap().to_owned()).collect();
        assert_eq!(admission.warnings, warnings, "{name}");
        if admission.refusal.is_none() {
            // What is admitted once is admitted again: an Ingress does not overlap itself.
            world.store.put(new.clone());
            let again = nginx::admit(&world.store, &controller, &new.meta, new.body().unwrap());
            assert_eq!(again, admission, "{name}");
        }
    }
    assert!(cases.len() >= 20);
}

/// Sends a row's request so often, and counts the pods that are asked first.
fn spread(router: &Router, balance: &mut Balance, row: &str, times: usize) -> BTreeMap<String, usize> {
    let mut pods = BTreeMap::new();
    for _ in 0..times {
        let Decision::Forward(forward) = Asks::of(row).send(router, balance, "192.168.49.1") else { panic!("{row}") };
        *pods.entry(forward.candidates[0].name.to_string()).or_default() += 1;
    }
    pods
}

fn case(yaml: &str) -> Router {
    build(&serde_yaml::from_str(yaml).unwrap(), NGINX).1
}

#[test]
fn endpoints_are_taken_in_turn_in_each_pod() {
    let router = case("{services: ['web:80 x4'], ingresses: {main: {rules: ['shop.test/ Prefix web:80']}}}");
    let mut balance = Balance::new(&Rng::new(5));
    assert!(spread(&router, &mut balance, "shop.test/", 40).values().all(|n| *n == 10));
    // Whoever is tried after the first had its turn, too.
    let Decision::Forward(first) = Asks::of("shop.test/").send(&router, &mut balance, "10.0.0.1") else { panic!() };
    assert_eq!(first.candidates.len(), 3);
    let pod = Place::Pod("ingress-nginx".into(), "controller".into());
    balance.retried(&pod, &first.backend, 2);
    let Decision::Forward(second) = Asks::of("shop.test/").send(&router, &mut balance, "10.0.0.1") else { panic!() };
    assert!(!first.candidates.contains(&second.candidates[0]), "{first:?} {second:?}");
}

#[test]
fn a_cookie_leads_to_the_same_endpoint() {
    let yaml = |n| {
        format!(
            "{{services: ['web:80 x{n}'], ingresses: {{main: {{annotations: {{affinity: cookie, session-cookie-max-age: '60'}}, rules: ['shop.test/app Prefix web:80']}}}}}}"
        )
    };
    let (router, fewer) = (case(&yaml(6)), case(&yaml(5)));
    let mut balance = Balance::new(&Rng::new(5));
    let (mut met, mut stayed) = (BTreeSet::new(), 0);
    for _ in 0..60 {
        let Decision::Forward(first) = Asks::of("shop.test/app").send(&router, &mut balance, "10.0.0.1") else {
            panic!()
        };
        let (name, cookie) = &first.answer_headers[0];
        assert_eq!(&**name, "Set-Cookie");
        assert!(
            cookie.starts_with("INGRESSCOOKIE=") && cookie.ends_with("; Max-Age=60; Path=/app; HttpOnly"),
            "{cookie}"
        );
        let sent = cookie.split(';').next().unwrap();
        let row = format!("shop.test/app {{Cookie: x=y, {sent}; X-A: b}}").replace("x=y, ", "");
        let again = spread(&router, &mut balance, &row, 5);
        assert_eq!(again.keys().map(String::as_str).collect::<Vec<_>>(), [&*first.candidates[0].name]);
        let Decision::Forward(second) = Asks::of(&row).send(&router, &mut balance, "10.0.0.1") else { panic!() };
        assert!(second.answer_headers.is_empty(), "a client that has a cookie gets no other");
        let after = spread(&fewer, &mut balance, &row, 1);
        stayed += usize::from(after.contains_key(&*first.candidates[0].name));
        met.insert(first.candidates[0].name.clone());
    }
    assert!(met.len() == 6 && stayed > 40, "{met:?}, {stayed} of 60 stayed when one of six pods went");
}

#[test]
fn a_canary_gets_its_share() {
    let router = case(
        "{services: [main, next], ingresses: {main: {rules: ['shop.test/ Prefix main:80']}, canary: {annotations: {canary: 'true', canary-weight: '30'}, rules: ['shop.test/ Prefix next:80']}}}",
    );
    let mut balance = Balance::new(&Rng::new(5));
    let pods = spread(&router, &mut balance, "shop.test/", 3000);
    assert!((800..1000).contains(&pods["next-0"]) && pods["main-0"] + pods["next-0"] == 3000, "{pods:?}");
}

#[test]
fn what_a_controller_passes_over_is_noted() {
    use kubehop::net::ingress::NoteKind::*;
    let router = case(
        "{services: [web], ingresses: {main: {annotations: {rewrite: /, ssl-redirect: 'no', enable-cors: 'true', traefik.ingress.kubernetes.io/router.priority: '1', app-root: /x}, rules: ['shop.test/ Prefix web:80']}, late: {rules: ['shop.test/ Prefix web:80']}}}",
    );
    let notes: Vec<_> =
        router.notes.iter().map(|note| (format!("{} {}", note.field.object, note.field.path), note.kind)).collect();
    let annotation = |name: &str| format!("Ingress/default/main metadata.annotations[{name}]");
    let expected = [
        (annotation("nginx.ingress.kubernetes.io/enable-cors"), Unmodelled),
        (annotation("nginx.ingress.kubernetes.io/rewrite"), UnknownAnnotation),
        (annotation("nginx.ingress.kubernetes.io/ssl-redirect"), InvalidValue),
        (annotation("traefik.ingress.kubernetes.io/router.priority"), OtherController),
        ("Ingress/default/late spec.rules[0].http.paths[0]".to_owned(), Shadowed),
    ];
    assert_eq!(notes, expected);
}

/// A network that follows its objects serves what one made from nothing serves.
#[test]
fn routers_follow_their_objects() {
    use kubehop::cluster::Cluster;
    use world::rows::apply;
    let profile = Profile::named("minikube").unwrap();
    let mut cluster = Cluster::new(&profile, 3);
    let object = |kind: &str, name: &str, rest: &str| {
        let api = if kind.starts_with("Ingress") { "networking.k8s.io/v1" } else { "v1" };
        format!(
            "{{apiVersion: {api}, kind: {kind}, metadata: {{name: {name}, labels: {{app: {name}}}}}, spec: {rest}}}"
        )
    };
    let pod = |name, image| object("Pod", name, &format!("{{containers: [{{name: c, image: '{image}'}}]}}"));
    let class = |controller| object("IngressClass", "nginx", &format!("{{controller: {controller}}}"));
    let service =
        |port: u16| object("Service", "web", &format!("{{selector: {{app: web}}, ports: [{{port: {port}}}]}}"));
    let ingress = |name, path: &str| {
        let backend = "backend: {service: {name: web, port: {number: 80}}}";
        let paths = format!("[{{path: {path}, pathType: Prefix, {backend}}}]");
        object(
            "Ingress",
            name,
            &format!("{{ingressClassName: nginx, rules: [{{host: shop.test, http: {{paths: {paths}}}}}]}}"),
        )
    };
    let delete = |what: &str| format!("delete {what}");
    let steps = [
        (service(79), "-"),
        (delete("Service web"), "-"),
        (pod("controller", NGINX), "404"),
        (class("k8s.io/ingress-nginx"), "404"),
        (ingress("main", "/a"), "503"),
        (service(80), "503"),
        (pod("web", "hello:1.0"), "200"),
        (pod("second", TRAEFIK), "200"),
        (ingress("main", "/b"), "404"),
        (ingress("later", "/a"), "200"),
        (service(81), "503"),
        (service(80), "200"),
        (delete("IngressClass nginx"), "404"),
        (class("example.com/other"), "404"),
        (delete("IngressClass nginx"), "404"),
        (class("k8s.io/ingress-nginx"), "200"),
        (delete("Service web"), "503"),
        (service(80), "200"),
        (delete("Pod web"), "503"),
        (delete("Ingress later"), "404"),
        (delete("Pod controller"), "-"),
    ];
    for (step, expected) in steps {
        match step.strip_prefix("delete ").and_then(|rest| rest.split_once(' ')) {
            Some((kind, name)) => {
                let kinds = [Kind::Service, Kind::Pod, Kind::Ingress, Kind::IngressClass];
                let kind = kinds.into_iter().find(|k| k.name() == kind).unwrap();
                cluster.delete(&Ref::new(kind, "default", name), None).unwrap();
            }
            None => apply(&mut cluster, &step, &step),
        }
        cluster.settle(Duration::from_secs(120));
        let network = cluster.network();
        let anew = kubehop::net::compile(cluster.store(), &profile);
        assert_eq!(network.routers, anew.routers, "{step}");
        let router = network.routers.iter().find(|router| router.controller.flavour == Flavour::Nginx);
        let status = |router: &Arc<Router>| {
            let decision = Asks::of("shop.test/a").send(router, &mut Balance::new(&Rng::new(1)), "10.244.0.1");
            came(&decision).0["status"].clone()
        };
        assert_eq!(router.map_or_else(|| "-".to_owned(), status), expected, "{step}");
    }
}
