//! The Linux kernel as judge: real namespaces, real connections, the model's own rules.
//!
//! Every row of `tests/flows/` that rules decide, every case of `tests/truth/dataplane.yaml` and clusters drawn from seeds become
//! network namespaces on this machine. Each node's rules are what `iptables_save` prints, loaded by `iptables-restore`, which
//! must print the same back; in nftables mode also what `nft_ruleset` prints, loaded by `nft -f`. Every check opens
//! connections from the client's namespace. What may come of them (who answers, the address that they saw, or how it
//! failed) must be exactly what the model says, and endpoints must be met about as often as each other.
//!
//! Needs root, `ip`, `iptables` and, for its mode, `nft`; says why and judges nothing without them. No packet leaves the
//! namespaces. `make test-kernel` runs it; `KERNEL_ONLY=TEXT` only the cases whose names contain the text, `KERNEL_MODE=iptables`
//! or `nftables` one mode, `KERNEL_SEEDS=N` so many drawn clusters, and `KERNEL_SAYS=1` tells what came of every check.

#![cfg(target_os = "linux")]

mod judge;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Instant as Clock;

use judge::lab::{Lab, unfit, unfit_for_nft};
use judge::spread;
use kubehop::net::{End, Network, Origin, ServicePort, Way};
use kubehop::object::ProxyMode;
use kubehop::time::{Duration, Instant};
use kubehop::trace::{Place, Proto, Socket};
use serde_yaml::Value;
use world::rows::{self, Row};
use world::truth::{self, list, text};
use world::{World, generate};

/// How many clusters are drawn, of each mode.
const SEEDS: u64 = 100;
/// Connections for each endpoint that may answer, to meet all and to see that none is favoured.
const EACH: usize = 120;
/// How long an affine client of [`forgets`] is remembered.
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
/// How long a connection is waited for that should be answered, and one that should be lost, in milliseconds.
const PATIENCE: [u64; 2] = [5000, 250];

/// One question to model and kernel.
pub(crate) struct Check {
    /// The row or the seed's packet, for people.
    text: String,
    origin: Origin,
    proto: Proto,
    to: Socket,
    /// The client's address.
    source: Ipv4Addr,
    /// Whether each client meets one endpoint, whichever it is.
    sticks: bool,
}

/// What may come of a check, and how many ends each stands for.
type May = BTreeMap<String, usize>;

/// A cluster and what is asked in it.
struct Trial {
    name: String,
    world: World,
    checks: Vec<Check>,
}

/// What came of all trials so far.
#[derive(Default)]
struct Tally {
    checks: usize,
    connections: usize,
    wrong: Vec<String>,
    /// The sum of all chi-squares, and of their degrees of freedom.
    spread: (f64, usize),
}

fn says() -> bool {
    std::env::var_os("KERNEL_SAYS").is_some()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("--agent") => judge::agent::run(),
        // What `cargo test -- --list` asks every test program.
        Some("--list") => ExitCode::SUCCESS,
        _ => judge(),
    }
}

fn judge() -> ExitCode {
    if let Some(reason) = unfit() {
        println!("\nSKIPPED tests/kernel.rs: {reason}. THE KERNEL JUDGED NOTHING.\n");
        return ExitCode::SUCCESS;
    }
    let wanted = |key: &str| std::env::var(key).ok();
    let mut lab = Lab::new();
    let mut failed = false;
    for (mode, name) in [(ProxyMode::Iptables, "iptables"), (ProxyMode::Nftables, "nftables")] {
        if wanted("KERNEL_MODE").is_some_and(|only| only != name) {
            continue;
        }
        if let Some(reason) = unfit_for_nft().filter(|_| mode == ProxyMode::Nftables) {
            println!("\nSKIPPED mode {name}: {reason}. THE KERNEL JUDGED NOTHING OF IT.\n");
            continue;
        }
        let start = Clock::now();
        let mut tally = Tally::default();
        let seeds = wanted("KERNEL_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
        let mut trials = 0;
        for mut trial in rows_of(mode).chain(truths_of(mode)).chain((0..seeds).map(|seed| drawn(seed, mode))) {
            if wanted("KERNEL_ONLY").is_none_or(|only| trial.name.contains(&only)) {
                trials += 1;
                let began = Clock::now();
                run(&mut lab, &mut trial, &mut tally);
                if says() {
                    println!("{}: {:.1?}", trial.name.lines().next().unwrap_or_default(), began.elapsed());
                }
            }
        }
        if wanted("KERNEL_ONLY").is_none() {
            forgets(&mut lab, mode, &mut tally);
        }
        let (sum, freedom) = tally.spread;
        let deviations = spread::deviations(sum, freedom);
        if !spread::is_even(sum, freedom) {
            tally
                .wrong
                .push(format!("endpoints are not met evenly: chi-square {sum:.1} of {freedom} degrees of freedom"));
        }
        for text in &tally.wrong {
            println!("{text}\n");
        }
        println!(
            "test result: {}. {} passed; {} failed; the kernel in mode {name}: {trials} clusters, {} connections, spread {sum:.1} of {freedom} ({deviations:+.1} deviations), {:.0?}",
            if tally.wrong.is_empty() { "ok" } else { "FAILED" },
            tally.checks.saturating_sub(tally.wrong.len()),
            tally.wrong.len(),
            tally.connections,
            start.elapsed()
        );
        failed |= !tally.wrong.is_empty() || (tally.checks == 0 && wanted("KERNEL_ONLY").is_none());
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The rows that rules decide: not names, not time, not what the outside world has no way for.
fn rows_of(mode: ProxyMode) -> impl Iterator<Item = Trial> {
    rows::cases(mode).map(trial)
}

fn trial(case: rows::Case) -> Trial {
    let rows::Case { name, mut world, rows, .. } = case;
    let network = world.network();
    let rows = rows.iter().filter(|row| row.every == Duration::ZERO);
    // A drawn row does not say whether its client is affine; the Service that it asks for does.
    let affine = |check: &Check| {
        let by_node = network.topology.machine_at(check.to.ip).is_some() || check.to.ip.is_loopback();
        let meant = |port: &&ServicePort| {
            let own = port.cluster_ip == check.to.ip
                || port.external_ips.contains(&check.to.ip)
                || port.balancer_ips.contains(&check.to.ip);
            port.proto == check.proto
                && (own && port.port == check.to.port || by_node && port.node_port == check.to.port)
        };
        network.service_ports().find(meant).is_some_and(|port| port.affinity.is_some())
    };
    let checks = rows.filter_map(|row| check(&mut world, &network, row));
    let checks = checks.map(|check| Check { sticks: check.sticks || affine(&check), ..check }).collect();
    Trial { name, world, checks }
}

fn check(world: &mut World, network: &Network, row: &Row) -> Option<Check> {
    let to = row.destination(world)?;
    let wire = row.from.strip_prefix("wire/").map(|wire| wire.split_once('@').unwrap_or((wire, truth::INTERNET)));
    let (origin, client) = match wire {
        Some((node, client)) => {
            let Some(Origin::Machine(node)) = network.topology.origin(&Place::Node(node.into())) else {
                panic!("{}", row.text)
            };
            (Origin::Wire(node), Some(client.parse().unwrap()))
        }
        None => (network.topology.origin(&Place::parse(&row.from)?)?, None),
    };
    let from_outside = matches!(origin, Origin::Laptop | Origin::Internet);
    let is_local = origin == Origin::Laptop && world.profile.firewall.is_none();
    if from_outside && !(is_local && network.topology.machine_at(to.ip).is_some()) {
        return None;
    }
    let source = client.unwrap_or_else(|| network.packet(&mut world.flows, origin, row.proto, to).src.ip);
    Some(Check { text: row.text.clone(), origin, proto: row.proto, to, source, sticks: row.sticks })
}

/// The cases of `tests/truth/dataplane.yaml`.
fn truths_of(mode: ProxyMode) -> impl Iterator<Item = Trial> {
    let truth: Value = serde_yaml::from_str(truth::CASES).unwrap();
    list(&truth["cases"]).into_iter().map(move |case| {
        let mut world = truth::build(&case);
        world.profile.proxy_mode = mode;
        let network = world.network();
        let check = |check: &Value| {
            let from = text(check, "from");
            let origin = match from {
                "internet" => Origin::Wire(0),
                _ => network.topology.origin(&Place::parse(from).unwrap()).unwrap(),
            };
            let proto = if text(check, "protocol") == "UDP" { Proto::Udp } else { Proto::Tcp };
            let to = truth::destination(&world, text(check, "to"));
            let client = check["client_ip"].as_str().unwrap_or(truth::INTERNET).parse().unwrap();
            Check { text: format!("{from} to {}", text(check, "to")), origin, proto, to, source: client, sticks: false }
        };
        let mut checks: Vec<Check> = list(&case["checks"]).iter().map(check).collect();
        for check in checks.iter_mut().filter(|check| !matches!(check.origin, Origin::Wire(_))) {
            check.source = network.packet(&mut world.flows, check.origin, check.proto, check.to).src.ip;
        }
        Trial { name: text(&case, "name").to_owned(), world, checks }
    })
}

/// A cluster drawn from a seed.
fn drawn(seed: u64, mode: ProxyMode) -> Trial {
    let text = generate::case(seed);
    let case = rows::build(&format!("seed {seed}"), &serde_yaml::from_str(&text).unwrap(), mode);
    let mut trial = trial(case);
    trial.name += &format!("\n{text}");
    trial
}

/// Affine clients meet one endpoint, and when their time is over any: six clients, four times, more than a second apart.
fn forgets(lab: &mut Lab, mode: ProxyMode, tally: &mut Tally) {
    let case = "
name: affinity of one second
pods: [a n1 app=shop, b n2 app=shop, c n3 app=shop, c1 n1, c2 n1, c3 n2, c4 n2, c5 n3, c6 n3]
services:
  shop: {selector: {app: shop}, sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}, ports: [{port: 80, targetPort: 8080}]}
rows: |
  pod/c1 | shop:80 | answered | 1 of a b c | own
  pod/c2 | shop:80 | answered | 1 of a b c | own
  pod/c3 | shop:80 | answered | 1 of a b c | own
  pod/c4 | shop:80 | answered | 1 of a b c | own
  pod/c5 | shop:80 | answered | 1 of a b c | own
  pod/c6 | shop:80 | answered | 1 of a b c | own
";
    let mut trial = trial(rows::build("kernel.rs", &serde_yaml::from_str(case).unwrap(), mode));
    let network = trial.world.network();
    if let Err(error) = lab.arrange(&network) {
        tally.wrong.push(format!("{}: {error}", trial.name));
        return;
    }
    let (mut met, mut changes) = (vec![String::new(); trial.checks.len()], 0);
    for round in 0..4 {
        for (check, met) in trial.checks.iter().zip(&mut met) {
            let may = may_come(&mut trial.world, &network, check);
            // Whoever was kept from the processor while it asked was forgotten meanwhile: asked again, three times at most.
            let came = (0..3).find_map(|again| {
                let began = Clock::now();
                let came = ask(lab, &network, check, &may).unwrap_or_else(|error| [(error, 1)].into());
                (again == 2 || came.len() == 1 || began.elapsed() < SECOND).then_some(came)
            });
            let came = came.unwrap_or_default();
            tally.checks += 1;
            tally.connections += came.values().sum::<usize>();
            if let Some(wrong) = difference(check, &may, &came, &mut tally.spread) {
                tally.wrong.push(format!("{}: {}: {wrong}: {came:?}", trial.name, check.text));
            }
            let now = came.into_keys().next().unwrap_or_default();
            changes += usize::from(round > 0 && now != *met);
            *met = now;
        }
        std::thread::sleep(std::time::Duration::from_millis(2500));
    }
    // Eighteen times each of three endpoints is as likely as the others.
    if changes == 0 {
        tally.wrong.push(format!("{}: no client meets another endpoint when its time is over", trial.name));
    }
}

/// All that the model says may come of a check, in the words of the agents: each with how many ends it stands for, all of
/// which are equally likely.
fn may_come(world: &mut World, network: &Network, check: &Check) -> May {
    let mut ends = BTreeSet::new();
    let mut since_new = 0;
    while since_new < 40 * (ends.len() + 1) {
        // Whom a client met before is the kernel's to know.
        world.flows.forget();
        let mut packet = network.packet(&mut world.flows, check.origin, check.proto, check.to);
        packet.src.ip = check.source;
        let walked = network.judge(&mut world.flows, check.origin, packet, Instant::ZERO, Way::Indexed);
        let topology = &network.topology;
        let answers = |server: Option<&str>, source: Ipv4Addr| match server {
            Some(name) => format!("answered {name} {source}"),
            None => "refused".to_owned(),
        };
        let came = match &walked.end {
            End::Rejected(..) => "refused".to_owned(),
            End::Lost(..) => "timeout".to_owned(),
            End::Unreachable(..) => "unreachable".to_owned(),
            End::Laptop(_) | End::ControlPlane(_) => "refused".to_owned(),
            End::Cabin(cabin, packet) => {
                let mut servers = topology.cabins[*cabin].servers.iter();
                let server = servers.find(|server| server.listens(packet.proto, packet.dst.port));
                answers(server.map(|server| &*server.name), packet.src.ip)
            }
            End::Machine(machine, packet) => {
                let mut servers = topology.machines[*machine].servers.iter();
                let server = servers.find(|server| server.listens(packet.proto, packet.dst.port));
                answers(server.map(|server| &*server.name), packet.src.ip)
            }
        };
        let at = match walked.end {
            End::Cabin(_, packet) | End::Machine(_, packet) | End::Laptop(packet) | End::ControlPlane(packet) => {
                Some(packet.dst)
            }
            End::Rejected(..) | End::Lost(..) | End::Unreachable(..) => None,
        };
        since_new = if ends.insert((came, at)) { 0 } else { since_new + 1 };
    }
    let mut may = May::new();
    for (came, _) in ends {
        *may.entry(came).or_default() += 1;
    }
    may
}

/// Lays a cluster out and asks everything in it.
fn run(lab: &mut Lab, trial: &mut Trial, tally: &mut Tally) {
    let network = trial.world.network();
    let mut checks = Vec::new();
    for check in std::mem::take(&mut trial.checks) {
        let may = may_come(&mut trial.world, &network, &check);
        // Who has no neighbour waits three seconds, by no rule.
        if !may.contains_key("unreachable") {
            checks.push((check, may));
        }
    }
    if checks.is_empty() {
        return;
    }
    if let Err(error) = lab.arrange(&network) {
        tally.wrong.push(format!("{}: {error}", trial.name));
        return;
    }
    // Every client asks what it has to ask in order; the clients ask at the same time.
    let mut clients: BTreeMap<String, Vec<&(Check, May)>> = BTreeMap::new();
    for check in &checks {
        let client = match check.0.origin {
            Origin::Wire(_) | Origin::Laptop | Origin::Internet => "outside".to_owned(),
            origin => format!("{origin:?}"),
        };
        clients.entry(client).or_default().push(check);
    }
    let (lab, network) = (&*lab, &network);
    let came: Vec<_> = std::thread::scope(|scope| {
        let threads = clients.into_values().map(|checks| {
            scope.spawn(move || {
                let ask = |(check, may)| {
                    let began = Clock::now();
                    let came = ask(lab, network, check, may);
                    if says() {
                        println!("{:.1?}: {}: {came:?}", began.elapsed(), check.text);
                    }
                    (check, may, came)
                };
                checks.into_iter().map(|check| ask((&check.0, &check.1))).collect::<Vec<_>>()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (check, may, came) in came {
        tally.checks += 1;
        let wrong = match &came {
            Ok(came) => {
                tally.connections += came.values().sum::<usize>();
                difference(check, may, came, &mut tally.spread)
            }
            Err(error) => Some(error.clone()),
        };
        if let Some(wrong) = wrong {
            tally.wrong.push(format!(
                "{}\n  {} (from {} to {} by {})\n  {wrong}\n  the model: {may:?}\n  the kernel: {came:?}",
                trial.name,
                check.text,
                check.source,
                check.to,
                check.proto.name()
            ));
        }
    }
}

fn ask(lab: &Lab, network: &Network, check: &Check, may: &May) -> Result<BTreeMap<String, usize>, String> {
    let only = |word: &str| may.keys().eq([word]);
    let (count, millis) = match may.values().sum() {
        _ if only("timeout") => (1, PATIENCE[1]),
        _ if only("refused") => (4, PATIENCE[0]),
        _ if check.sticks => (15, PATIENCE[0]),
        1 => (10, PATIENCE[0]),
        many => (EACH * many, PATIENCE[0]),
    };
    lab.ask(check, network, count, millis)
}

/// What is wrong with what came, if something is.
fn difference(check: &Check, may: &May, came: &BTreeMap<String, usize>, sum: &mut (f64, usize)) -> Option<String> {
    if check.sticks {
        let right = came.len() == 1 && came.keys().all(|word| may.contains_key(word));
        return (!right).then(|| "an affine client meets one endpoint".to_owned());
    }
    if !came.keys().eq(may.keys()) {
        return Some("other things come of it".to_owned());
    }
    let counts: Vec<(usize, usize)> = came.values().copied().zip(may.values().copied()).collect();
    let chi_square = spread::chi_square(&counts);
    // Who is lost once does not ask again.
    if may.contains_key("timeout") || counts.len() < 2 {
        return None;
    }
    sum.0 += chi_square;
    sum.1 += counts.len() - 1;
    (!spread::is_even(chi_square, counts.len() - 1))
        .then(|| format!("some endpoints are favoured: chi-square {chi_square:.1}"))
}
