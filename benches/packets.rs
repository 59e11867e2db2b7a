//! How many requests a second the rules judge: the budget of the design, natively.

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::Instant as Clock;

use kubehop::net::{End, Origin, Way};
use kubehop::object::ProxyMode;
use kubehop::time::Instant;
use kubehop::trace::{OutcomeKind, Place, Proto, Request, Socket};
use world::PodSpecs;

fn main() {
    let mut world = world::tutorial("multinode", &[0, 1, 2]);
    world.service("test-svc-cluster", world::cluster_ip("10.96.0.7", 9090, 9090));
    report("lesson", &mut world);
    for i in 0..1000_i32 {
        let app = format!("app-{i}");
        for j in 0..5_u8 {
            let name = format!("{app}-{j}");
            let labels = [("app", app.as_str())];
            let ip = std::net::Ipv4Addr::new(10, 244, j % 3, 0);
            let ip = std::net::Ipv4Addr::from(u32::from(ip) + 0x0100_0000 + i as u32 * 8 + u32::from(j));
            world.pod_at(&PodSpecs { name: &name, labels: &labels, node: usize::from(j % 3), image: "hello:1.0" }, ip);
        }
        let mut spec = world::cluster_ip(&format!("10.97.{}.{}", i / 250, i % 250 + 1), 9090, 9090);
        spec.selector = [("app".to_owned(), app.clone())].into();
        let pods = (0..5).map(|j| format!("{app}-{j}")).collect::<Vec<_>>();
        world.service_of(&format!("svc-{i}"), spec, &pods);
    }
    report("1,000 Services, 5,000 Pods", &mut world);
}

/// Both modes of kube-proxy.
fn report(name: &str, world: &mut world::World) {
    for mode in [ProxyMode::Iptables, ProxyMode::Nftables] {
        world.profile.proxy_mode = mode;
        report_mode(&format!("{name}, {mode:?}"), world);
    }
}

fn report_mode(name: &str, world: &mut world::World) {
    let start = Clock::now();
    let network = world.network();
    let compile = start.elapsed();
    let dst = Socket { ip: "10.96.0.7".parse().unwrap(), port: 9090 };
    let from = Place::Pod("default".into(), "client".into());
    let origin = network.topology.origin(&from).unwrap();
    assert!(matches!(origin, Origin::Cabin(_)));
    let count = 1_000_000;
    let start = Clock::now();
    for _ in 0..count {
        let packet = network.packet(&mut world.flows, origin, Proto::Tcp, dst);
        let walked = network.judge(&mut world.flows, origin, packet, Instant::ZERO, Way::Indexed);
        assert!(matches!(walked.end, End::Cabin(..)));
    }
    let verdicts = f64::from(count) / start.elapsed().as_secs_f64();
    let request = Request {
        protocol: "http".into(),
        method: "GET".into(),
        url: "http://10.96.0.7:9090/api/hello".into(),
        headers: Vec::new(),
    };
    let start = Clock::now();
    let mut kept = Vec::with_capacity(count as usize / 4);
    for _ in 0..count / 4 {
        let trace = network.send(&mut world.flows, &from, &request, Instant::ZERO);
        assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
        kept.push(trace);
    }
    let traces = f64::from(count / 4) / start.elapsed().as_secs_f64();
    println!("{name}: compile {compile:?}, {verdicts:.0} verdicts/s, {traces:.0} traces/s ({} kept)", kept.len());
}
