//! The data plane: [`compile`] turns objects into a [`Network`], [`Network::send`] follows one request through it.
//!
//! Takes the store and the profile; gives topology and, for each node, the very rules that kube-proxy would write, as data. A
//! packet is judged by interpreting those rules; nothing here knows the answer by any other way. Knows nothing of
//! manifests, controllers or screens.
//!
//! What is simplified: a connection is told by its first packet each way (the handshake, the request and the answer take the
//! same way), links take fixed times ([`topology`]), and beyond the laptop there is nothing.

mod app;
mod conntrack;
mod fabric;
mod http;
mod netfilter;
mod proxy;
mod rule;
mod topology;
mod walk;
mod words;

use std::sync::Arc;

pub use conntrack::{Conntrack, Entry};
pub use fabric::Fabric;
pub use http::{Answer, Speech, Target};
pub use netfilter::{Memory, Way};
pub use proxy::{Endpoint, ServicePort};
pub use rule::{Chain, CtState, Hook, Match, Range, Rule, Ruleset, Table, TableName, Why};
pub use topology::{Cabin, LINK, Machine, NEIGHBOUR_TIMEOUT, Origin, Route, STEP, Topology, VETH};
pub use walk::{End, Flows, Leg, State, Walked};

use netfilter::{Recorder, Silent};
use walk::Walk;
use words::Words;

use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{FieldRef, Profile};
use crate::time::{BIRTH, Duration, Instant};
use crate::trace::{
    Action, Because, By, Hop, Outcome, OutcomeKind, Packet, Place, Proto, Reason, Request, Socket, Trace,
};

/// A cluster's network at one moment: who is where, and what every kernel does with packets.
#[derive(Clone, Debug)]
pub struct Network {
    /// Who is where.
    pub topology: Topology,
    /// The Services' ports, as kube-proxy sees them.
    pub services: Vec<ServicePort>,
    words: Words,
}

/// Turns objects into a network.
pub fn compile(store: &Store, profile: &Profile) -> Network {
    let mut topology = Topology::read(store, profile);
    let services = proxy::services(store);
    let differ = services.iter().any(ServicePort::depends_on_node);
    let mut shared: Option<Arc<Ruleset>> = None;
    for i in 0..topology.machines.len() {
        let rules = match &shared {
            Some(rules) if !differ => rules.clone(),
            _ => Arc::new(proxy::write(&services, &topology.machines[i], topology.pod_cidr)),
        };
        shared = Some(rules.clone());
        topology.machines[i].rules = rules;
    }
    let words = Words::new(&topology, &services);
    Network { topology, services, words }
}

/// A node's rules, as `iptables-save` prints them; none if there is no such node.
pub fn iptables_save(network: &Network, node: &str, now: Instant) -> Option<String> {
    let machine = network.topology.machines.iter().find(|machine| *machine.name == *node)?;
    let mut out = String::new();
    machine.rules.save(&mut out, &calendar(now));
    Some(out)
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

/// Writes hops down.
struct Tape {
    hops: Vec<Hop>,
    at: Place,
    t: Duration,
    reply: bool,
    exchange: u16,
}

impl Recorder for Tape {
    fn hop(&mut self, by: By, action: Action, packet: Packet, because: impl FnOnce() -> Arc<Because>) {
        let (t, at, reply, exchange) = (self.t, self.at.clone(), self.reply, self.exchange);
        self.hops.push(Hop { t, at, by, action, reply, exchange, packet, because: because() });
    }

    fn wait(&mut self, time: Duration) {
        self.t += time;
    }

    fn at(&mut self, place: &Place) {
        self.at = place.clone();
    }
}

impl Network {
    /// Sends one request over a new connection, and follows it to its end.
    pub fn send(&self, flows: &mut Flows, from: &Place, request: &Request, now: Instant) -> Trace {
        flows.kernels.resize_with(self.topology.machines.len(), State::default);
        flows.traces += 1;
        let mut tape =
            Tape { hops: Vec::with_capacity(12), at: from.clone(), t: Duration::ZERO, reply: false, exchange: 0 };
        let outcome = self.exchange(flows, from, request, now, &mut tape);
        Trace { id: flows.traces, start: now, from: from.clone(), request: request.clone(), outcome, hops: tape.hops }
    }

    /// Judges the first packet of a connection: verdict and counters only.
    pub fn judge(&self, flows: &mut Flows, origin: Origin, packet: Packet, now: Instant, way: Way) -> Walked {
        flows.kernels.resize_with(self.topology.machines.len(), State::default);
        Walk { topology: &self.topology, words: &self.words, flows, rec: &mut Silent, now, way }.go(origin, packet)
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

    fn exchange(&self, flows: &mut Flows, from: &Place, request: &Request, now: Instant, tape: &mut Tape) -> Outcome {
        let Some(origin) = self.topology.origin(from) else {
            let because = Because::plain(Reason::NoSuchClient(from.to_string().into()));
            return failed(OutcomeKind::Unreachable, from.clone(), because);
        };
        let Some(target) = Target::of(request) else {
            let because = Because::plain(Reason::BadUrl(request.url.clone()));
            return failed(OutcomeKind::DnsFailure, from.clone(), because);
        };
        let Some(ip) = target.address() else {
            let because = Because::plain(Reason::NameNowhere(target.host.into()));
            return failed(OutcomeKind::DnsFailure, from.clone(), because);
        };
        let dst = Socket { ip, port: target.port };
        let packet = self.packet(flows, origin, target.speech.proto(), dst);
        self.converse(flows, origin, packet, request, &target, now, tape)
    }

    /// One exchange over one connection: out, the program's answer, and back.
    #[expect(clippy::too_many_arguments, reason = "the parts of one exchange, each used once")]
    fn converse(
        &self,
        flows: &mut Flows,
        origin: Origin,
        packet: Packet,
        request: &Request,
        target: &Target<'_>,
        now: Instant,
        tape: &mut Tape,
    ) -> Outcome {
        let (topology, words) = (&self.topology, &self.words);
        let opens = if packet.proto == Proto::Tcp { &words.connects } else { &words.sends };
        tape.hop(By::Socket, Action::Connect, packet, || opens.clone());
        let mut walk = Walk { topology, words, flows, rec: tape, now, way: Way::Indexed };
        let walked = walk.go(origin, packet);
        let (arrived, place, servers) = match &walked.end {
            End::Lost(place, because) => return self.fail(walk, &walked, OutcomeKind::Timeout, place, because),
            End::Unreachable(place, because) => {
                return self.fail(walk, &walked, OutcomeKind::Unreachable, place, because);
            }
            End::Rejected(place, because) => {
                walk.rec.reply = true;
                walk.back(&walked, origin, packet, Reason::RefusalArrives);
                return self.fail(walk, &walked, OutcomeKind::Refused, place, because);
            }
            End::Cabin(cabin, packet) => {
                let cabin = &topology.cabins[*cabin];
                (*packet, &cabin.place, &cabin.servers[..])
            }
            End::Machine(machine, packet) => {
                let machine = &topology.machines[*machine];
                (*packet, &machine.place, &machine.servers[..])
            }
            End::Laptop(packet) => (*packet, &Place::Laptop, &[][..]),
        };
        walk.rec.reply = true;
        let server = servers.iter().find(|server| server.listens(arrived.proto, arrived.dst.port));
        let Some(server) = server.filter(|_| arrived.proto != Proto::Icmp) else {
            let because = self.refusal(&walked, packet, arrived);
            walk.rec.wait(STEP);
            walk.rec.hop(By::Socket, Action::Reject, arrived.reversed(), || because.clone());
            walk.back(&walked, origin, packet, Reason::RefusalArrives);
            return self.fail(walk, &walked, OutcomeKind::Refused, place, &because);
        };
        if target.speech == Speech::Https && !server.speaks_tls() {
            let because = Because::plain(Reason::SpeaksNoTls(server.name.clone()));
            walk.rec.wait(STEP);
            walk.rec.hop(By::App, Action::Reject, arrived.reversed(), || because.clone());
            walk.back(&walked, origin, packet, Reason::RefusalArrives);
            return self.fail(walk, &walked, OutcomeKind::TlsFailure, place, &because);
        }
        let answer = server.answer(request, target, arrived);
        walk.rec.wait(Duration::from_micros(answer.micros));
        let reason = Reason::Answers { by: server.name.clone(), status: answer.status };
        walk.rec.hop(By::App, Action::Answer, arrived.reversed(), || Because::plain(reason));
        walk.back(&walked, origin, packet, Reason::ReplyArrives);
        remember(walk.flows, &walked, true, now);
        Outcome {
            kind: OutcomeKind::Answered,
            status: answer.status,
            body: answer.body,
            responder: Some(place.clone()),
            seen_source: Some(arrived.src.ip),
            at: None,
            because: None,
        }
    }

    fn fail(
        &self,
        walk: Walk<'_, Tape>,
        walked: &Walked,
        kind: OutcomeKind,
        at: &Place,
        because: &Arc<Because>,
    ) -> Outcome {
        remember(walk.flows, walked, kind == OutcomeKind::Refused, walk.now);
        failed(kind, at.clone(), because.clone())
    }

    /// Why the packet's port was refused where it arrived.
    fn refusal(&self, walked: &Walked, sent: Packet, arrived: Packet) -> Arc<Because> {
        let End::Cabin(cabin, _) = &walked.end else {
            return match &walked.end {
                End::Laptop(_) => self.words.laptop_listens_not.clone(),
                _ => Because::plain(Reason::NodeListensNot),
            };
        };
        let cabin = &self.topology.cabins[*cabin];
        let ports = cabin.servers.iter().flat_map(|server| match arrived.proto {
            Proto::Udp => server.udp.iter(),
            Proto::Tcp | Proto::Icmp => server.tcp.iter(),
        });
        let listens = ports.map(u16::to_string).collect::<Vec<_>>().join(", ").into();
        // A Service that led here chose the port; otherwise the client did, and the image is what did not fit.
        let cause = self.blame(sent, arrived).unwrap_or_else(|| cabin.image_field.clone());
        Arc::new(Because {
            rule: None,
            reason: Reason::NothingListens { pod: cabin.name.clone(), image: cabin.image.clone(), listens },
            cause: Some(cause),
        })
    }

    /// The `targetPort` that turned one destination into another.
    fn blame(&self, sent: Packet, arrived: Packet) -> Option<FieldRef> {
        if sent.dst == arrived.dst {
            return None;
        }
        let node_port = self.topology.machines.iter().any(|m| m.owns(sent.dst.ip));
        let is_it = |port: &&ServicePort| {
            port.proto == sent.proto
                && if node_port {
                    port.node_port == sent.dst.port
                } else {
                    port.port == sent.dst.port
                        && (port.cluster_ip == sent.dst.ip
                            || port.external_ips.contains(&sent.dst.ip)
                            || port.balancer_ips.contains(&sent.dst.ip))
                }
        };
        self.services.iter().find(is_it).map(|port| port.port_field("targetPort"))
    }
}

fn failed(kind: OutcomeKind, at: Place, because: Arc<Because>) -> Outcome {
    Outcome {
        kind,
        status: 0,
        body: "".into(),
        responder: None,
        seen_source: None,
        at: Some(at),
        because: Some(because),
    }
}

/// Lets the kernels on the way remember the connection.
fn remember(flows: &mut Flows, walked: &Walked, answered: bool, now: Instant) {
    for leg in walked.legs() {
        flows.kernels[leg.machine].conntrack.add(leg.before, leg.after, answered, now);
    }
}
