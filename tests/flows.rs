//! Who reaches whom: the rows of `tests/flows/`, sent through whole clusters.
//!
//! A row that fails prints what came of it, and the rules that matched, node by node.

mod world;

#[path = "judge/spread.rs"]
mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kubehop::net::{End, Network, Origin, TableName, Way, nft_ruleset};
use kubehop::object::ProxyMode;
use kubehop::time::Instant;
use kubehop::trace::{Action, Because, OutcomeKind, Place, Request, Trace};
use world::World;
use world::rows::{Case, Row, cases};

/// Each row is sent this often for each place that may answer: all are met, and none is favoured.
const TRIES: usize = 60;

/// What came of a row.
#[derive(Default)]
struct Came {
    outcomes: BTreeSet<String>,
    /// Who answered, or where it failed, and how often.
    who: BTreeMap<String, usize>,
    /// Those that saw another address than the client's, and those that saw the client's.
    sources: [BTreeSet<String>; 2],
    /// Reasons, and the fields behind them.
    decided: BTreeSet<(String, String)>,
}

impl Came {
    fn decides(&mut self, because: &Because) {
        let reason = format!("{:?}", because.reason);
        let reason = reason.trim_start_matches("Outside(").split([' ', '(', ')']).next().unwrap_or_default().to_owned();
        let cause = because.cause.as_ref().map(|c| format!("{} {}", c.object, c.path)).unwrap_or_default();
        self.decided.insert((reason, cause));
    }

    /// What came of one trace.
    fn trace(&mut self, network: &Network, trace: &Trace) {
        let outcome = &trace.outcome;
        self.outcomes.insert(outcome.kind.name().to_owned());
        let place = outcome.responder.as_ref().or(outcome.at.as_ref()).unwrap();
        trace.hops.iter().map(|hop| &hop.because).chain(&outcome.because).for_each(|because| self.decides(because));
        let who = self.met(place, outcome.kind == OutcomeKind::Answered);
        let Some(seen) = outcome.seen_source else { return };
        let last = trace.hops.last().map_or(0, |hop| hop.exchange);
        let hidden = trace.hops.iter().any(|hop| hop.action == Action::Snat && hop.exchange == last);
        let own = trace.hops.iter().find(|hop| hop.action == Action::Connect && hop.exchange == last);
        if hidden {
            check_masquerade(network, place, seen);
        } else {
            assert_eq!(Some(seen), own.map(|hop| hop.packet.src.ip));
        }
        self.sources[usize::from(!hidden)].insert(who);
    }

    fn met(&mut self, place: &Place, answers: bool) -> String {
        let who = match place {
            // Pods whose names are drawn, and the pods of the row.
            Place::Pod(namespace, name) if &**namespace == "kube-system" => name.split('-').next().unwrap().to_owned(),
            Place::Pod(_, name) if answers => name.to_string(),
            Place::Pod(_, name) => format!("pod/{name}"),
            place => place.to_string(),
        };
        *self.who.entry(who.clone()).or_default() += 1;
        who
    }
}

/// A masqueraded packet has the address of the interface by which the last node that masqueraded it sent it.
fn check_masquerade(network: &Network, responder: &Place, seen: std::net::Ipv4Addr) {
    let topology = &network.topology;
    let (node, is_node) = match topology.origin(responder) {
        Some(Origin::Cabin(cabin)) => (topology.cabins[cabin].node, false),
        Some(Origin::Machine(node)) => (node, true),
        other => panic!("{responder} cannot answer: {other:?}"),
    };
    let here = &topology.machines[node];
    let elsewhere = topology.machines.iter().any(|m| m.address == seen && (is_node || m.address != here.address));
    assert!(elsewhere || (!is_node && seen == here.gateway), "{responder} saw {seen}");
}

/// Sends a row's requests.
fn send(world: &mut World, network: &Network, row: &Row, now: &mut Instant) -> Came {
    let mut came = Came::default();
    let wire = row.from.strip_prefix("wire/").map(|wire| wire.split_once('@').unwrap_or((wire, "203.0.113.77")));
    let place = Place::parse(&row.from);
    for _ in 0..TRIES * row.who.len() {
        *now = *now + row.every;
        match (wire, row.destination(world)) {
            (Some((node, client)), Some(to)) => {
                let Some(Origin::Machine(node)) = network.topology.origin(&Place::Node(node.into())) else {
                    panic!("{}", row.text)
                };
                let mut packet = network.packet(&mut world.flows, Origin::Wire(node), row.proto, to);
                packet.src.ip = client.parse().unwrap();
                let walked = network.judge(&mut world.flows, Origin::Wire(node), packet, *now, Way::Indexed);
                let (kind, place, because) = match &walked.end {
                    End::Rejected(place, because) => ("refused", place.clone(), Some(because)),
                    End::Lost(place, because) => ("timeout", place.clone(), Some(because)),
                    End::Unreachable(place, because) => ("unreachable", place.clone(), Some(because)),
                    End::Laptop(_) | End::ControlPlane(_) => ("refused", Place::Laptop, None),
                    End::Machine(machine, arrived) => {
                        let machine = &network.topology.machines[*machine];
                        let listens = machine.servers.iter().any(|s| s.listens(arrived.proto, arrived.dst.port));
                        (if listens { "answered" } else { "refused" }, machine.place.clone(), None)
                    }
                    End::Cabin(cabin, arrived) => {
                        let cabin = &network.topology.cabins[*cabin];
                        let listens = cabin.servers.iter().any(|s| s.listens(arrived.proto, arrived.dst.port));
                        let hidden = arrived.src != packet.src;
                        if listens {
                            came.sources[usize::from(!hidden)].insert(cabin.name.to_string());
                        }
                        if hidden {
                            check_masquerade(network, &cabin.place, arrived.src.ip);
                        }
                        (if listens { "answered" } else { "refused" }, cabin.place.clone(), None)
                    }
                };
                came.outcomes.insert(kind.to_owned());
                came.met(&place, kind == "answered");
                because.into_iter().for_each(|because| came.decides(because));
            }
            (_, to) => {
                let to = to.map_or_else(|| row.to.trim_start_matches("dns:").to_owned(), |to| to.to_string());
                let request = Request { url: format!("{}://{to}", row.proto.name()).into(), ..Request::default() };
                let trace = network.send(
                    &mut world.flows,
                    place.as_ref().unwrap_or_else(|| panic!("{}", row.text)),
                    &request,
                    *now,
                );
                came.trace(network, &trace);
            }
        }
    }
    came
}

/// What is wrong with a row, if something is.
fn check(case: &mut Case, network: &Network, row: &Row, now: &mut Instant) -> Result<(), String> {
    case.world.flows.forget();
    let came = send(&mut case.world, network, row, now);
    let mut wrong = String::new();
    if !came.outcomes.iter().eq([&row.outcome]) {
        let _ = writeln!(wrong, "  outcomes: {:?}", came.outcomes);
    }
    let who: BTreeSet<String> = row.who.iter().cloned().collect();
    let met: BTreeSet<String> = came.who.keys().cloned().collect();
    let counts: Vec<(usize, usize)> = came.who.values().map(|count| (*count, 1)).collect();
    let right = match row.sticks {
        true => met.len() == 1 && met.is_subset(&who),
        false => met == who && spread::is_even(spread::chi_square(&counts), counts.len() - 1),
    };
    if !right {
        let _ = writeln!(wrong, "  who: {:?}", came.who);
    }
    let [masq, own] = &came.sources;
    let one = |name: &str| masq.iter().eq([name]) && !own.contains(name);
    let right = match &*row.source {
        "own" => masq.is_empty() && !own.is_empty(),
        "masq" => own.is_empty() && !masq.is_empty(),
        "-" => own.is_empty() && masq.is_empty(),
        source => source.strip_prefix("masq:").is_some_and(one),
    };
    if !right {
        let _ = writeln!(wrong, "  sources: masq {masq:?}, own {own:?}");
    }
    for decided in &row.decided {
        let (reason, field) = decided.split_once(' ').unwrap_or((decided, ""));
        let field = if field.is_empty() || field.contains(' ') {
            field.to_owned()
        } else {
            format!("Service/default/shop {field}")
        };
        if !came.decided.iter().any(|(r, f)| r == reason && (field.is_empty() || *f == field)) {
            let _ = writeln!(wrong, "  decided by: {:?}", came.decided);
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n  {}\n{wrong}{}", case.name, row.text, matched(network, &case.world)))
}

/// The rules that matched, node by node.
fn matched(network: &Network, world: &World) -> String {
    let mut text = String::new();
    for (i, machine) in network.topology.machines.iter().enumerate() {
        let Some(state) = world.flows.kernel(i) else { continue };
        for table in [TableName::Nat, TableName::Filter] {
            for chain in machine.rules.chains(table) {
                for (spot, rule) in chain.rules.iter().filter(|(spot, _)| state.memory.packets(*spot) > 0) {
                    let count = state.memory.packets(*spot);
                    let rule = machine.rules.show(table, chain.part, &chain.chain.name, rule);
                    let _ = writeln!(text, "    {} {:6} {count:4} {rule}", machine.name, table.name());
                }
            }
        }
        // These rules do not count.
        let counts_not = nft_ruleset(network, &machine.name).filter(|_| i == 0);
        text += &counts_not.unwrap_or_default();
    }
    text
}

#[test]
fn every_row_of_the_tables_holds_in_iptables_mode() {
    check_all(ProxyMode::Iptables);
}

#[test]
fn every_row_of_the_tables_holds_in_nftables_mode() {
    check_all(ProxyMode::Nftables);
}

fn check_all(mode: ProxyMode) {
    let (mut rows, mut wrong) = (0, Vec::new());
    for mut case in cases(mode) {
        let network = case.world.network();
        let mut now = case.now;
        for row in std::mem::take(&mut case.rows) {
            rows += 1;
            wrong.extend(check(&mut case, &network, &row, &mut now).err());
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 150, "{rows} rows");
}
