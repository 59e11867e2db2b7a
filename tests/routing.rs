//! Laws of routing, over generated rules and requests; the seed of a failure is in its message.

mod world;

use std::sync::Arc;

use kubehop::net::ingress::{Arrived, Balance, Controller, Decision, Router, nginx};
use kubehop::object::*;
use kubehop::rng::Rng;
use kubehop::time::{Duration, Instant};
use kubehop::trace::Place;
use world::{PodSpecs, World};

const HOSTS: [&str; 7] = ["", "a.test", "b.a.test", "c.test", "*.a.test", "*.b.a.test", "*.test"];
const ASKED: [&str; 9] =
    ["a.test", "b.a.test", "c.b.a.test", "c.a.test", "d.c.a.test", "c.test", "test", "other", "10.0.0.1"];
const NAMES: [&str; 4] = ["a", "b", "ab", "A"];
const SERVICES: usize = 12;

/// A rule, as the specification's text speaks of it.
#[derive(Clone, Debug)]
struct Said {
    host: &'static str,
    path: String,
    exact: bool,
    service: usize,
}

fn controller(image: &str) -> Arc<Controller> {
    let container = Container { image: image.into(), ..Container::default() };
    let pod = Pod { spec: PodSpec { containers: vec![container], ..PodSpec::default() }, ..Pod::default() };
    Arc::new(Controller::of(&Meta::default(), &pod).unwrap())
}

fn nginx_controller() -> Arc<Controller> {
    controller("registry.k8s.io/ingress-nginx/controller:v1.15.1")
}

fn world() -> World {
    let mut world = World::named("minikube");
    for (name, controller) in [("nginx", "k8s.io/ingress-nginx"), ("traefik", "traefik.io/ingress-controller")] {
        let spec = IngressClassSpec { controller: controller.into(), ..IngressClassSpec::default() };
        world.store.put(Object::new("", name, IngressClass { spec }));
    }
    for n in 0..SERVICES {
        let name = format!("s{n}");
        world.pod(&PodSpecs { name: &name, labels: &[("app", &name)], node: 0, image: "hello:1.0" });
        let port = ServicePort { port: 80, target_port: Some(IntOrString::Int(80)), ..ServicePort::default() };
        let selector = [("app".to_owned(), name.clone())].into();
        world.service(&name, ServiceSpec { selector, ports: vec![port], ..ServiceSpec::default() });
    }
    world
}

fn path(rng: &mut Rng) -> String {
    let mut path = String::new();
    for _ in 0..rng.below(4) {
        path += "/";
        path += NAMES[rng.below(4) as usize];
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// Ingresses, the oldest first. What is left out: an exact path that ends with a slash, and one prefix with and without a
/// slash in one host: there nginx is known to differ (`tests/ingress.rs`).
fn said(rng: &mut Rng) -> Vec<Vec<Said>> {
    let mut all: Vec<Vec<Said>> = Vec::new();
    for _ in 0..1 + rng.below(3) {
        let mut one = Vec::new();
        for _ in 0..1 + rng.below(5) {
            let exact = rng.below(3) == 0;
            let host = HOSTS[rng.below(HOSTS.len() as u32) as usize];
            let mut path = path(rng);
            if !exact && path != "/" && rng.below(6) == 0 {
                path.push('/');
            }
            let twin = |other: &Said| {
                other.host == host && other.path != path && other.path.trim_matches('/') == path.trim_matches('/')
            };
            if !all.iter().flatten().chain(&one).any(twin) {
                one.push(Said { host, path, exact, service: rng.below(SERVICES as u32) as usize });
            }
        }
        all.push(one);
    }
    all
}

fn ingress(name: &str, class: &str, said: &[Said], second: u64, rng: &mut Rng) -> Object {
    let rules = said.iter().map(|said| {
        let port = ServiceBackendPort { number: 80, ..ServiceBackendPort::default() };
        let service = Some(IngressServiceBackend { name: format!("s{}", said.service), port });
        let types = if said.exact { ["Exact", "Exact"] } else { ["Prefix", "ImplementationSpecific"] };
        let path = HttpIngressPath {
            path: said.path.clone(),
            path_type: Some(types[usize::from(rng.below(4) == 0)].to_owned()),
            backend: IngressBackend { service, resource: None },
        };
        IngressRule { host: said.host.to_owned(), http: Some(HttpIngressRuleValue { paths: vec![path] }) }
    });
    let spec =
        IngressSpec { ingress_class_name: Some(class.to_owned()), rules: rules.collect(), ..IngressSpec::default() };
    let mut object = Object::new("default", name, Ingress { spec, ..Ingress::default() });
    object.meta.creation_timestamp = Some(Instant::ZERO + Duration::from_secs(second));
    object
}

/// What the specification's text says, read slowly: the closest host that any rule has; of its rules those whose path
/// matches; of them the longest path; of two as long the exact one; of two alike the older.
fn naive(all: &[Vec<Said>], host: &str, path: &str) -> Option<usize> {
    let takes_host = |rule: &str| match rule.strip_prefix('*') {
        _ if rule.is_empty() => true,
        None => rule == host,
        Some(rest) => {
            // A wildcard stands for the whole first label, and for no more.
            let label = host.strip_suffix(rest).unwrap_or_default();
            !label.is_empty() && !label.contains('.')
        }
    };
    let closeness = |rule: &str| if rule.is_empty() { 0 } else { 1 + usize::from(!rule.starts_with('*')) };
    let elements = |path: &str| path.split('/').filter(|e| !e.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let takes_path = |said: &Said| match said.exact {
        true => said.path == path,
        false => elements(path).starts_with(&elements(&said.path)),
    };
    let all: Vec<&Said> = all.iter().flatten().filter(|said| takes_host(said.host)).collect();
    let closest = all.iter().map(|said| closeness(said.host)).max()?;
    let mut best: Option<&Said> = None;
    for said in all.into_iter().filter(|said| closeness(said.host) == closest && takes_path(said)) {
        let rank = |said: &Said| (elements(&said.path).len(), said.exact);
        if best.is_none_or(|best| rank(best) < rank(said)) {
            best = Some(said);
        }
    }
    best.map(|said| said.service)
}

fn decide(router: &Router, host: &str, path: &str) -> Decision {
    let pod = Place::Pod("ingress-nginx".into(), "controller".into());
    let arrived = Arrived {
        pod: &pod,
        port: 80,
        tls: false,
        client: "192.168.49.1".parse().unwrap(),
        method: "GET",
        host,
        path,
        query: "",
        headers: &[],
        now: Instant::ZERO,
    };
    router.decide(&arrived, &mut Balance::new(&Rng::new(1)))
}

/// The number of the Service that gets a request; a slash that nginx asks for is added, as a client would.
fn service(router: &Router, host: &str, path: &str) -> Option<usize> {
    match decide(router, host, path) {
        Decision::Forward(forward) => forward.backend.strip_prefix("default/s")?.strip_suffix(":80")?.parse().ok(),
        Decision::Answer(reply) if reply.status == 301 => service(router, host, &format!("{path}/")),
        Decision::Answer(reply) => {
            assert_eq!(reply.status, 404);
            None
        }
    }
}

fn asked_path(rng: &mut Rng) -> String {
    let mut path = path(rng);
    if path != "/" && rng.below(4) == 0 {
        path.push('/');
    }
    path
}

#[test]
fn the_compiled_table_is_what_the_specification_says() {
    let mut world = world();
    let controller = nginx_controller();
    let (mut pairs, mut found) = (0, 0);
    for seed in 0..2_500 {
        let mut rng = Rng::new(seed);
        let all = said(&mut rng);
        let keys: Vec<_> = (0..all.len()).map(|n| Ref::new(Kind::Ingress, "default", format!("i{n}"))).collect();
        for (n, one) in all.iter().enumerate() {
            world.store.put(ingress(&format!("i{n}"), "nginx", one, n as u64, &mut rng));
        }
        let router = Router::of(&world.store, &controller);
        for _ in 0..42 {
            let (host, path) = (ASKED[rng.below(ASKED.len() as u32) as usize], asked_path(&mut rng));
            let (is, says) = (service(&router, host, &path), naive(&all, host, &path));
            assert_eq!(is, says, "seed {seed}: {host}{path} of {all:#?}");
            pairs += 1;
            found += usize::from(is.is_some());
        }
        keys.iter().for_each(|key| drop(world.store.remove(key)));
    }
    assert!(pairs >= 100_000 && found > 20_000 && found < pairs, "{found} of {pairs}");
}

/// An Ingress for hosts that no other has, with annotations that change how its own hosts are served.
fn unrelated(rng: &mut Rng, class: &str, second: u64) -> Object {
    let mut said = said(rng).remove(0);
    for said in &mut said {
        said.host = ["zz.test", "*.zz.test", "y.zz.test"][rng.below(3) as usize];
    }
    let mut object = ingress("unrelated", class, &said, second, rng);
    let annotations =
        [("use-regex", "true"), ("rewrite-target", "/x"), ("force-ssl-redirect", "true"), ("affinity", "cookie")];
    for (name, value) in annotations {
        if rng.below(2) == 0 {
            object.meta.annotations.insert(format!("nginx.ingress.kubernetes.io/{name}"), value.to_owned());
        }
    }
    object
}

#[test]
fn an_unrelated_ingress_changes_no_answer() {
    let mut world = world();
    for (image, class) in [("registry.k8s.io/ingress-nginx/controller:v1", "nginx"), ("traefik:v3", "traefik")] {
        let controller = controller(image);
        let mut asked = 0;
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let all = said(&mut rng);
            let mut keys: Vec<_> =
                (0..all.len()).map(|n| Ref::new(Kind::Ingress, "default", format!("i{n}"))).collect();
            for (n, one) in all.iter().enumerate() {
                world.store.put(ingress(&format!("i{n}"), class, one, 5 + n as u64, &mut rng));
            }
            let before = Router::of(&world.store, &controller);
            // Older or younger, it makes no difference.
            let second = u64::from(rng.below(20));
            world.store.put(unrelated(&mut rng, class, second));
            let after = Router::of(&world.store, &controller);
            for _ in 0..30 {
                let (host, path) = (ASKED[rng.below(ASKED.len() as u32) as usize], asked_path(&mut rng));
                let answer = |router: &Router| match decide(router, host, &path) {
                    Decision::Forward(f) => {
                        format!("{} {} {:?} {:?}", f.backend, f.path, f.candidates, f.answer_headers)
                    }
                    Decision::Answer(reply) => format!("{} {:?} {}", reply.status, reply.headers, reply.body),
                };
                assert_eq!(answer(&before), answer(&after), "seed {seed}: {host}{path}");
                asked += 1;
            }
            keys.push(Ref::new(Kind::Ingress, "default", "unrelated"));
            keys.iter().for_each(|key| drop(world.store.remove(key)));
        }
        assert_eq!(asked, 9_000);
    }
}

/// What the webhook lets through never says one host and path twice; and what it refuses does.
#[test]
fn the_webhook_refuses_what_would_be_said_twice() {
    let mut world = world();
    let controller = nginx_controller();
    let (mut refused, mut admitted) = (0, 0);
    for seed in 0..600 {
        let mut rng = Rng::new(seed);
        let all = said(&mut rng);
        let mut stored: Vec<(usize, &Said)> = Vec::new();
        for (n, one) in all.iter().enumerate() {
            let object = ingress(&format!("i{n}"), "nginx", one, n as u64, &mut rng);
            let admission = nginx::admit(&world.store, &controller, &object.meta, object.body().unwrap());
            // Of a path that stands there twice, as a prefix and exactly, nginx sees both under the exact one.
            let twice = one
                .iter()
                .find_map(|said| stored.iter().find(|(_, other)| other.host == said.host && other.path == said.path));
            match &admission.refusal {
                Some(words) => {
                    refused += 1;
                    assert!(twice.is_some(), "seed {seed}: {words}: {all:#?}");
                    assert!(words.contains("is already defined in ingress default/i"), "{words}");
                }
                None => {
                    admitted += 1;
                    let exactly = one.iter().find(|said| {
                        stored.iter().any(|(_, o)| o.host == said.host && o.path == said.path && o.exact == said.exact)
                    });
                    assert!(exactly.is_none(), "seed {seed}: {exactly:?} of {all:#?}");
                    stored.extend(one.iter().map(|said| (n, said)));
                    world.store.put(object);
                }
            }
        }
        (0..all.len()).for_each(|n| drop(world.store.remove(&Ref::new(Kind::Ingress, "default", format!("i{n}")))));
    }
    assert!(refused > 50 && admitted > 300, "{refused} refused, {admitted} admitted");
}

/// Text as nobody should write it.
fn garbage(rng: &mut Rng) -> String {
    const PIECES: [&str; 26] = [
        "/", "//", ".", "..", "a", "é", "中", "%", "%41", "%zz", "(", ")", "[", "]", "*", "+", "{2,", "{1,3}", "$1",
        "$", "?", "\\", "|", " ", "\n", "true",
    ];
    (0..rng.below(9)).map(|_| PIECES[rng.below(PIECES.len() as u32) as usize]).collect()
}

/// No annotation, path, host or request makes a controller panic.
#[test]
fn nothing_that_is_written_makes_a_controller_panic() {
    const ANNOTATIONS: [&str; 18] = [
        "use-regex",
        "rewrite-target",
        "app-root",
        "canary",
        "canary-weight",
        "canary-by-header",
        "canary-by-header-pattern",
        "affinity",
        "session-cookie-path",
        "whitelist-source-range",
        "permanent-redirect",
        "server-alias",
        "upstream-vhost",
        "proxy-next-upstream-tries",
        "proxy-read-timeout",
        "ssl-redirect",
        "proxy-next-upstream",
        "canary-weight-total",
    ];
    let mut world = world();
    let controllers = [("nginx", nginx_controller()), ("traefik", controller("traefik:v3"))];
    for seed in 0..1_500 {
        let mut rng = Rng::new(seed);
        let keys: Vec<_> = (0..3).map(|n| Ref::new(Kind::Ingress, "default", format!("i{n}"))).collect();
        let (class, controller) = &controllers[(seed % 2) as usize];
        for n in 0..3 {
            let mut all = said(&mut rng).remove(0);
            all.iter_mut().for_each(|said| said.path = garbage(&mut rng));
            let mut object = ingress(&format!("i{n}"), class, &all, n, &mut rng);
            for _ in 0..rng.below(6) {
                let name = ANNOTATIONS[rng.below(ANNOTATIONS.len() as u32) as usize];
                let value = match rng.below(3) {
                    0 => "true".to_owned(),
                    1 => rng.below(200).to_string(),
                    _ => garbage(&mut rng),
                };
                object.meta.annotations.insert(format!("nginx.ingress.kubernetes.io/{name}"), value);
            }
            nginx::admit(&world.store, controller, &object.meta, object.body().unwrap());
            world.store.put(object);
        }
        let router = Router::of(&world.store, controller);
        for _ in 0..20 {
            let host = if rng.below(2) == 0 { garbage(&mut rng) } else { ASKED[rng.below(9) as usize].to_owned() };
            if let Decision::Forward(forward) = decide(&router, &host, &format!("/{}", garbage(&mut rng))) {
                assert!(!forward.candidates.is_empty(), "seed {seed}");
            }
            decide(&router, &host, &garbage(&mut rng));
        }
        keys.iter().for_each(|key| drop(world.store.remove(key)));
    }
}
