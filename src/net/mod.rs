//! The data plane: [`compile`] turns objects into a [`Network`], [`Network::send`] follows one request through it.
//!
//! Takes the store and the profile; gives topology and, for each node, the very rules that kube-proxy would write, as data. A
//! packet is judged by interpreting those rules; nothing here knows the answer by any other way. Knows nothing of
//! manifests, controllers or screens.
//!
//! A network follows its store: what has not changed is shared with the network before.
//!
//! What is simplified: a connection is told by its first packet each way (the handshake, the request and the answer take the
//! same way), links take fixed times ([`LINK`], [`VETH`]), beyond the laptop there is nothing.

mod app;
mod blame;
mod cloud;
mod cni;
mod compile;
mod conntrack;
mod dns;
mod doors;
mod excerpt;
mod exchange;
mod fabric;
mod forward;
mod gate;
mod health;
mod hostport;
mod http;
mod index;
pub mod ingress;
mod line;
mod log;
mod netfilter;
pub mod nft;
mod proxy;
pub mod route;
mod rule;
mod tls;
mod topology;
mod walk;
mod words;
mod print;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use app::Server;
pub use cloud::{Edge, INTERNET};
pub use compile::compile;
pub use conntrack::{Conntrack, Entry, Stage};
pub use dns::{Lookup, Record, RecordType, Zone, candidates};
pub use doors::Doors;
pub use excerpt::{Line, excerpt};
pub use fabric::{Fabric, Over};
pub use forward::{Carried, Carrier, Failure, Laptop, Listener};
pub use health::{CHECK_EVERY, FAILURES, Health, Opinion, PROXY_HEALTH};
pub use http::{Answer, Speech, Target};
pub use line::Lines;
pub use log::{Access, Ask, Log, Logs};
pub use netfilter::{Count, Memory, Way};
pub use print::{Asked, PacketFilter, iptables_save, nft_ruleset};
pub use proxy::{Endpoint, Served, ServicePort};
pub use rule::{
    Base, Chain, CtState, Hook, Masquerade, Match, OWN, Part, Range, Rule, Ruleset, Shared, Shown, Spot, Table,
    TableName, Whole, Why,
};
pub use tls::made as certificate;
pub use tls::of_secret as secret_certificate;
pub use topology::{Cabin, LINK, Machine, NEIGHBOUR_TIMEOUT, Origin, Route, STEP, Topology, VETH};
pub use walk::{End, Flows, Leg, State, Walked};

use exchange::Tape;
use ingress::Router;
use walk::{Turn, Walk};
use words::Words;

use crate::inet::Ipv4Addr;
use crate::time::{BIRTH, Instant};
use crate::trace::{OutcomeKind, Packet, Place, Proto, Request, Socket, Trace};

/// A cluster's network at one moment: who is where, and what every kernel does with packets.
///
/// A clone shares everything but lists of pointers.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Who is where.
    pub topology: Topology,
    /// Who hides pods from the world outside.
    plugin: cni::Plugin,
    /// The nodes' tables without what host ports add.
    bases: Vec<Arc<rule::Base>>,
    /// The Services as kube-proxy sees them, by name.
    pub services: Vec<Arc<Served>>,
    /// The same, by cluster IP.
    by_ip: Vec<Arc<Served>>,
    /// How many endpoints all of them have.
    endpoints: usize,
    /// What CoreDNS knows.
    pub zone: Arc<Zone>,
    /// Certificates in Secrets, by Secret.
    certificates: Vec<(crate::object::Ref, Arc<crate::trace::Certificate>)>,
    /// What each ingress controller serves that has a running pod.
    pub routers: Vec<Arc<Router>>,
    words: Arc<Words>,
}

/// So many places that answer are told apart without comparing names.
const FEW: usize = 16;

/// How many requests ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many ended in each way.
    pub outcomes: BTreeMap<OutcomeKind, u32>,
    /// How many each place answered.
    pub responders: BTreeMap<Place, u32>,
}

impl Tally {
    /// Counts some more.
    pub fn add(&mut self, kind: OutcomeKind, responder: Option<&Place>, count: u32) {
        *self.outcomes.entry(kind).or_default() += count;
        if let Some(responder) = responder {
            *self.responders.entry(responder.clone()).or_default() += count;
        }
    }
}

/// Puts items in their places in a sorted list, or takes them away. `changes` is sorted, too.
fn replace<K: Ord, T>(list: &mut Vec<Arc<T>>, changes: &[(K, Option<Arc<T>>)], key: impl Fn(&T) -> &K) {
    if let [(name, new)] = changes {
        match (list.binary_search_by(|item| key(item).cmp(name)), new) {
            (Ok(at), Some(new)) => list[at] = new.clone(),
            (Ok(at), None) => drop(list.remove(at)),
            (Err(at), Some(new)) => list.insert(at, new.clone()),
            (Err(_), None) => {}
        }
        return;
    }
    let mut old = std::mem::take(list).into_iter().peekable();
    for (name, new) in changes {
        while let Some(stays) = old.next_if(|item| key(item) < name) {
            list.push(stays);
        }
        old.next_if(|item| key(item) == name);
        list.extend(new.clone());
    }
    list.extend(old);
}

/// `Thu Oct  1 08:00:00 2026`, as `ctime` prints it.
fn calendar(now: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = (BIRTH + (now.as_micros() / 1_000_000) as i64) / 86_400;
    let text = now.rfc3339();
    let month = text[5..7].parse().unwrap_or(1_usize).clamp(1, 12);
    let day = text[8..10].trim_start_matches('0');
    format!("{} {} {day:>2} {} {}", DAYS[(days % 7) as usize], MONTHS[month - 1], &text[11..19], &text[..4])
}

impl Network {
    /// A Service by its whole name, `default/web`, if kube-proxy serves it.
    pub fn service(&self, name: &str) -> Option<&Arc<Served>> {
        let at = self.services.binary_search_by(|service| (*service.name).cmp(name)).ok()?;
        self.services.get(at)
    }

    /// What the ingress controller in a pod serves, if the pod is one.
    pub fn router(&self, cabin: &Cabin) -> Option<&Arc<Router>> {
        let controller = cabin.controller.as_ref()?;
        self.routers.iter().find(|router| router.controller == *controller)
    }

    /// The Services' ports, as kube-proxy sees them.
    pub fn service_ports(&self) -> impl Iterator<Item = &ServicePort> {
        self.services.iter().flat_map(|service| &service.ports)
    }

    /// The Service that has a cluster IP.
    fn service_at(&self, ip: Ipv4Addr) -> Option<&Arc<Served>> {
        let at = self.by_ip.partition_point(|service| service.cluster_ip() < ip);
        self.by_ip.get(at).filter(|service| service.cluster_ip() == ip)
    }

    /// Sends one request over a new connection, and follows it to its end.
    pub fn send(&self, flows: &mut Flows, from: &Place, request: &Request, now: Instant) -> Trace {
        self.send_over(flows, None, from, request, now)
    }

    /// The same, over one of the connections that a client keeps open, if there is such a client.
    pub fn send_over(
        &self,
        flows: &mut Flows,
        lines: Option<&mut Lines>,
        from: &Place,
        request: &Request,
        now: Instant,
    ) -> Trace {
        flows.kernels.resize_with(self.topology.machines.len(), State::default);
        flows.traces += 1;
        let mut tape = Tape::running(from);
        let outcome = match self.aim(flows, from, request, now) {
            Ok((client, target)) => self.request(flows, lines, &client, request, &target, &mut tape),
            Err(outcome) => *outcome,
        };
        Trace { id: flows.traces, start: now, from: from.clone(), request: request.clone(), outcome, hops: tape.hops }
    }

    /// Sends many requests, each over a new connection, and keeps no trace of them: who answered how often, and how the
    /// others ended.
    pub fn tally(&self, flows: &mut Flows, from: &Place, request: &Request, count: u32, now: Instant) -> Tally {
        flows.kernels.resize_with(self.topology.machines.len(), State::default);
        let (mut tape, mut tally) = (Tape::silent(), Tally::default());
        match self.aim(flows, from, request, now) {
            Ok((client, target)) => {
                // Pods answer again and again: they are told apart by where their names stand before names are compared.
                let mut answered: Vec<(Place, u32)> = Vec::new();
                for _ in 0..count {
                    let outcome = self.request(flows, None, &client, request, &target, &mut tape);
                    let known = outcome.responder.as_ref().and_then(|responder| {
                        let same = |other: &Place| match (other, responder) {
                            (Place::Pod(_, other), Place::Pod(_, name)) => Arc::ptr_eq(other, name),
                            _ => false,
                        };
                        answered.iter().position(|(other, _)| same(other))
                    });
                    match (known, outcome.responder) {
                        (Some(at), _) => answered[at].1 += 1,
                        (None, Some(responder)) if answered.len() < FEW => answered.push((responder, 1)),
                        (None, responder) => tally.add(outcome.kind, responder.as_ref(), 1),
                    }
                }
                for (responder, count) in answered {
                    tally.add(OutcomeKind::Answered, Some(&responder), count);
                }
            }
            Err(outcome) => drop(tally.outcomes.insert(outcome.kind, count)),
        }
        tally
    }

    /// Judges the first packet of a connection: verdict and counters only.
    pub fn judge(&self, flows: &mut Flows, origin: Origin, packet: Packet, now: Instant, way: Way) -> Walked {
        flows.kernels.resize_with(self.topology.machines.len(), State::default);
        Walk {
            topology: &self.topology,
            words: &self.words,
            network: self,
            flows,
            rec: &mut Tape::silent(),
            now,
            way,
            turn: Turn::First,
            judged_away: false,
        }
        .go(origin, packet)
    }

    /// A client's packet to a destination, from a free port.
    pub fn packet(&self, flows: &mut Flows, origin: Origin, proto: Proto, dst: Socket) -> Packet {
        let topology = &self.topology;
        let ip = match origin {
            Origin::Laptop if dst.ip.is_loopback() => dst.ip,
            Origin::Laptop => topology.laptop,
            Origin::Internet | Origin::Wire(_) => Ipv4Addr::new(203, 0, 113, 7),
            Origin::Machine(machine) => topology.source_for(machine, dst.ip),
            Origin::Cabin(_) if dst.ip.is_loopback() => dst.ip,
            Origin::Cabin(cabin) => topology.cabins[cabin].ip,
        };
        let port = if proto == Proto::Icmp { 0 } else { flows.port() };
        Packet { proto, src: Socket { ip, port }, dst }
    }
}
