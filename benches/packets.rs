//! How many requests a second the rules judge, and what a change costs, by the size of the cluster: natively.
//!
//! `cargo bench --bench packets`; the budgets of the design are for the browser (`make bench`), where all is about half as
//! fast. A first argument leaves out the rows with more Services than it says.

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant as Clock};

use kubehop::lang::Lang;
use kubehop::net::{self, End, Network, Origin, Way};
use kubehop::time::Instant;
use kubehop::trace::{self, OutcomeKind, Place, Proto, Request, Socket};
use world::{PodSpecs, World};

/// Each row is measured for about so long.
const SPELL: Duration = Duration::from_millis(400);

fn main() {
    let most = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(5000);
    println!(
        "| Services | pods | from nothing | verdicts /s | requests /s, no trace | traces /s | kept alive /s | as JSON /s |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (services, replicas) in [(1, 3), (10, 5), (100, 5), (1000, 5), (5000, 1)] {
        if services <= most {
            report(services, replicas);
        }
    }
    println!("\n| replicas of one Service | from nothing | verdicts /s |");
    println!("| ---: | ---: | ---: |");
    for replicas in [3, 300, 5000] {
        let mut world = cluster(1, replicas);
        let (network, took) = compiled(&world);
        println!("| {replicas} | {took:?} | {:.0} |", verdicts(&network, &mut world));
    }
}

/// So many Services, each with its own replicas, and a client.
fn cluster(services: usize, replicas: usize) -> World {
    let mut world = World::named("multinode");
    let address = |block: u32, n: usize| {
        std::net::Ipv4Addr::from(u32::from(std::net::Ipv4Addr::new(10, 244, 0, 0)) + block * 256 + n as u32)
    };
    // The ranges of real nodes have room for 254; these have what is needed.
    for (i, node) in world.profile.nodes.iter_mut().enumerate() {
        node.pod_cidr = format!("10.{}.0.0/16", 244 + i).parse().unwrap();
    }
    world.profile.pod_cidr = "10.244.0.0/14".parse().unwrap();
    world.pod_at(&PodSpecs { name: "client", labels: &[], node: 0, image: "curlimages/curl" }, address(0, 4));
    let mut next = [5_usize; 3];
    for i in 0..services {
        let app = format!("app-{i}");
        let mut pods = Vec::new();
        for j in 0..replicas {
            let (name, labels, node) = (format!("{app}-{j}"), [("app", app.as_str())], (i + j) % 3);
            let ip = address(node as u32 * 256, next[node]);
            next[node] += 1;
            world.pod_at(&PodSpecs { name: &name, labels: &labels, node, image: "hello:1.0" }, ip);
            pods.push(name);
        }
        let mut spec = world::cluster_ip(&format!("10.97.{}.{}", i / 250, i % 250 + 1), 9090, 9090);
        spec.selector = [("app".to_owned(), app)].into();
        world.service_of(&format!("svc-{i}"), spec, &pods);
    }
    world
}

fn compiled(world: &World) -> (Network, Duration) {
    let start = Clock::now();
    let network = net::compile(&world.store, &world.profile);
    (network, start.elapsed())
}

/// How often a second `work` is done, in spells of `each`.
fn rate(each: u32, mut work: impl FnMut()) -> f64 {
    let (start, mut done) = (Clock::now(), 0);
    while start.elapsed() < SPELL {
        work();
        done += each;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

fn client(network: &Network) -> (Place, Origin) {
    let place = Place::Pod("default".into(), "client".into());
    let origin = network.topology.origin(&place).unwrap();
    (place, origin)
}

fn verdicts(network: &Network, world: &mut World) -> f64 {
    let (_, origin) = client(network);
    let dst = Socket { ip: "10.97.0.1".parse().unwrap(), port: 9090 };
    rate(1000, || {
        for _ in 0..1000 {
            let packet = network.packet(&mut world.flows, origin, Proto::Tcp, dst);
            let walked = network.judge(&mut world.flows, origin, packet, Instant::ZERO, Way::Indexed);
            assert!(matches!(walked.end, End::Cabin(..)));
        }
    })
}

fn report(services: usize, replicas: usize) {
    let mut world = cluster(services, replicas);
    let (network, took) = compiled(&world);
    let verdicts = verdicts(&network, &mut world);
    let (from, _) = client(&network);
    let request = Request {
        protocol: "http".into(),
        method: "GET".into(),
        url: "http://10.97.0.1:9090/api/hello".into(),
        ..Request::default()
    };
    let tallied = rate(1000, || {
        let tally = network.tally(&mut world.flows, &from, &request, 1000, Instant::ZERO);
        assert_eq!(tally.outcomes[&OutcomeKind::Answered], 1000);
    });
    // As a session does, the last are kept.
    let mut kept = Vec::new();
    let traces = rate(1000, || {
        kept.clear();
        kept.extend((0..1000).map(|_| network.send(&mut world.flows, &from, &request, Instant::ZERO)));
    });
    let mut lines = net::Lines::default();
    let alive = rate(1000, || {
        for _ in 0..1000 {
            let trace = network.send_over(&mut world.flows, Some(&mut lines), &from, &request, Instant::ZERO);
            assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
        }
    });
    let mut text = String::new();
    let json = rate(1000, || {
        text.clear();
        trace::write_json(&mut text, kept.iter(), Lang::En);
    });
    println!(
        "| {services} | {} | {took:?} | {verdicts:.0} | {tallied:.0} | {traces:.0} | {alive:.0} | {json:.0} |",
        services * replicas
    );
}
