//! One request, from its name to its answer: the exchanges with the DNS, then the request's own.

use std::borrow::Cow;
use std::sync::Arc;

use super::Network;
use super::app::Server;
use super::conntrack::Stage;
use super::dns::candidates;
use super::gate::Heard;
use super::http::{Answer, Speech, Target};
use super::line::{self, Line, Lines};
use super::log::{Access, Ask};
use super::netfilter::{Recorder, Way};
use super::proxy::ServicePort;
use super::topology::{Cabin, Life, Origin, STEP};
use super::walk::{End, Flows, Turn, Walk, Walked};
use crate::inet::Ipv4Addr;
use crate::object::FieldRef;
use crate::time::{Duration, Instant};
use crate::trace::{
    Action, Because, By, Cloud, Hop, Outcome, OutcomeKind, Packet, Place, Proto, Reason, Request, Socket,
};

/// How long CoreDNS takes to answer, in microseconds.
const DNS_MICROS: u64 = 200;

/// Writes hops down, or hears nothing: for verdicts and counters only.
pub(super) struct Tape {
    pub(super) is_silent: bool,
    pub(super) hops: Vec<Hop>,
    pub(super) at: Place,
    pub(super) t: Duration,
    pub(super) reply: bool,
    pub(super) exchange: u16,
}

impl Recorder for Tape {
    fn hop(&mut self, by: By, action: Action, packet: Packet, because: impl FnOnce() -> Arc<Because>) {
        if self.is_silent {
            return;
        }
        let (t, at, reply, exchange) = (self.t, self.at.clone(), self.reply, self.exchange);
        self.hops.push(Hop { t, at, by, action, reply, exchange, packet, because: because() });
    }

    fn wait(&mut self, time: Duration) {
        if !self.is_silent {
            self.t += time;
        }
    }

    fn is_silent(&self) -> bool {
        self.is_silent
    }

    fn at(&mut self, place: &Place) {
        if !self.is_silent {
            self.at = place.clone();
        }
    }
}

impl Tape {
    /// A tape that runs from a client on.
    pub(super) fn running(from: &Place) -> Self {
        let hops = Vec::with_capacity(16);
        Self { is_silent: false, hops, at: from.clone(), t: Duration::ZERO, reply: false, exchange: 0 }
    }

    /// A tape that hears nothing.
    pub(super) fn silent() -> Self {
        Self { is_silent: true, hops: Vec::new(), at: Place::Laptop, t: Duration::ZERO, reply: false, exchange: 0 }
    }
}

/// The client's side of a request.
pub(super) struct Client<'a> {
    pub(super) place: &'a Place,
    pub(super) origin: Origin,
    pub(super) now: Instant,
    /// The address that it asks for, if it asks for one.
    pub(super) asks: Option<Ipv4Addr>,
}

/// What came back.
pub(super) struct Conversation {
    pub(super) answer: Answer,
    pub(super) responder: Place,
    /// Which run of the responder it was, and on which node; told where the connection lasts.
    pub(super) life: Life,
    pub(super) node: Option<Arc<str>>,
    pub(super) seen_source: Ipv4Addr,
}

/// What a program says to what reached it.
pub(super) struct Said {
    /// Its answer.
    pub(super) answer: Answer,
    /// Which kind of program it is.
    pub(super) by: By,
    /// Why it answers so.
    pub(super) ground: Ground,
    /// Who answered behind it, and whom that program saw; none if it answered itself.
    pub(super) far: Option<Far>,
    /// When the client stops waiting, if that is before the answer.
    pub(super) late: Option<Duration>,
    /// Why the client does not go on with the certificate that it was shown.
    pub(super) distrust: Option<Arc<Because>>,
}

/// Who answered behind a program, and whom it saw.
pub(super) type Far = (Place, Ipv4Addr);

/// Why a program answers as it does.
pub(super) enum Ground {
    /// It is made so: its image is behind it.
    Image(Reason),
    /// Something else is behind it.
    Told(Arc<Because>),
}

/// A program's words for what reached a place.
pub(super) type Answers<'a> = dyn FnMut(&mut Flows, &mut Tape, &Place, &Server, Packet) -> Said + 'a;

impl Said {
    /// The answer of a program of its own.
    pub(super) fn by_app(reason: Reason, answer: Answer) -> Self {
        Self { answer, by: By::App, ground: Ground::Image(reason), far: None, late: None, distrust: None }
    }

    /// Why the program answers so; `image` is the field that names its image.
    pub(super) fn because(&self, image: Option<&FieldRef>) -> Arc<Because> {
        match &self.ground {
            Ground::Image(reason) => Arc::new(Because { rule: None, reason: reason.clone(), cause: image.cloned() }),
            Ground::Told(because) => because.clone(),
        }
    }
}

/// The connection of an exchange.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The client's packet.
    pub(super) packet: Packet,
    /// What is spoken.
    pub(super) speech: Speech,
    /// The connection that is open already, if the packet is not its first.
    pub(super) open: Option<&'a Line>,
    /// What is left of the connection after the answer.
    pub(super) then: Stage,
}

impl Network {
    /// Where a request comes from and what it asks for, or why it is never sent.
    pub(super) fn aim<'a>(
        &self,
        flows: &Flows,
        from: &'a Place,
        request: &'a Request,
        now: Instant,
    ) -> Result<(Client<'a>, Target<'a>), Box<Outcome>> {
        let fail = |kind, because| Err(Box::new(failed(kind, from.clone(), because)));
        let Some(origin) = self.topology.origin(from) else {
            return fail(OutcomeKind::Unreachable, Because::plain(Reason::NoSuchClient(from.to_string().into())));
        };
        let home = match origin {
            Origin::Machine(machine) | Origin::Wire(machine) => Some(machine),
            Origin::Cabin(cabin) => Some(self.topology.cabins[cabin].node),
            Origin::Laptop | Origin::Internet => None,
        };
        if let Some(home) = home.map(|home| &self.topology.machines[home].name)
            && flows.outages.is_stopped(home)
        {
            return fail(OutcomeKind::Unreachable, Because::plain(Reason::NodeStopped(home.clone())));
        }
        match Target::of(request) {
            Some(target) => {
                Ok((Client { place: from, origin, now, asks: request.resolve.or(target.address()) }, target))
            }
            None => fail(OutcomeKind::DnsFailure, Because::plain(Reason::BadUrl(request.url.clone()))),
        }
    }

    /// A whole request: its name, then the request itself.
    pub(super) fn request(
        &self,
        flows: &mut Flows,
        lines: Option<&mut Lines>,
        client: &Client<'_>,
        request: &Request,
        target: &Target<'_>,
        tape: &mut Tape,
    ) -> Outcome {
        let (origin, now) = (client.origin, client.now);
        let mut kept = lines.map(|lines| (line::key(target), lines));
        let had = kept.as_mut().and_then(|(key, lines)| lines.take(key));
        let (open, ended) = match had {
            Some(line) if line.closed => (None, Some(line)),
            open => (open, None),
        };
        let packet = match &open {
            Some(line) => {
                let sends = if line.packet.proto == Proto::Tcp { &self.words.connected } else { &self.words.bound };
                tape.hop(By::Socket, Action::Send, line.packet, || sends.clone());
                line.packet
            }
            None => {
                let ip = match client.asks {
                    Some(ip) => ip,
                    None => match self.resolve(flows, client, target.host, tape) {
                        Ok(ip) => ip,
                        Err(outcome) => return *outcome,
                    },
                };
                let dst = Socket { ip, port: target.port };
                let packet = self.packet(flows, origin, target.speech.proto(), dst);
                let opens = match (packet.proto, ended) {
                    (Proto::Tcp, Some(line)) => {
                        Because::plain(Reason::ClientReconnects(line.server.to_string().into()))
                    }
                    (Proto::Tcp, None) => self.words.connects.clone(),
                    (Proto::Udp, _) => self.words.sends.clone(),
                    (Proto::Icmp, _) => self.words.pinged.clone(),
                };
                tape.hop(By::Socket, Action::Connect, packet, || opens);
                packet
            }
        };
        let then = if kept.is_some() { Stage::Open } else { Stage::Closed };
        let call = Call { packet, speech: target.speech, open: open.as_ref(), then };
        match self.exchange(flows, tape, client, call, request, target, Duration::ZERO) {
            Err(outcome) => {
                // A socket for datagrams stays what it is, whatever becomes of them.
                if let (Some((key, lines)), Some(line)) = (kept, open.filter(|line| line.packet.proto == Proto::Udp)) {
                    lines.keep(key, line);
                }
                *outcome
            }
            Ok((conversation, far)) => {
                if let Some((key, lines)) = kept {
                    let (server, life, node) = (conversation.responder.clone(), conversation.life, conversation.node);
                    if let Some(old) = lines.keep(key, Line { packet, server, life, node, closed: false }) {
                        flows.close(old.packet, Stage::Closed, now);
                    }
                }
                let (responder, seen_source) = far.unwrap_or((conversation.responder, conversation.seen_source));
                Outcome {
                    kind: OutcomeKind::Answered,
                    status: conversation.answer.status,
                    headers: conversation.answer.headers,
                    certificate: conversation.answer.certificate,
                    body: conversation.answer.body,
                    responder: Some(responder),
                    seen_source: Some(seen_source),
                    at: None,
                    because: None,
                }
            }
        }
    }

    /// A request over a connection over which its first packet was just sent, and who answered it in the end if that is not the
    /// program that it reached but one behind it. `patience` is how long the client waits for an answer; zero for as long as it takes.
    #[expect(clippy::too_many_arguments, reason = "one request, and the connection that it takes")]
    pub(super) fn exchange(
        &self,
        flows: &mut Flows,
        tape: &mut Tape,
        client: &Client<'_>,
        call: Call<'_>,
        request: &Request,
        target: &Target<'_>,
        patience: Duration,
    ) -> Result<(Conversation, Option<Far>), Box<Outcome>> {
        let now = client.now;
        let (mut heard, mut far) = (None, None);
        let mut answers = |flows: &mut Flows, tape: &mut Tape, place: &Place, server: &Server, packet: Packet| {
            heard = Some(packet);
            // What a controller looks at is still the request.
            tape.reply = false;
            let routed = self.gate(flows, tape, &Heard { request, target, place, packet, now });
            tape.reply = true;
            if let Some(said) = routed {
                far.clone_from(&said.far);
                return said;
            }
            let answer = server.answer(request, target, packet);
            let late = Some(patience).filter(|patience| !patience.is_zero() && micros(answer.micros) > *patience);
            let reason = Reason::Answers { by: server.name.clone(), status: answer.status };
            Said { late, ..Said::by_app(reason, answer) }
        };
        let conversation = self.converse(flows, client, call, tape, &mut answers)?;
        if let Some(arrived) = heard.filter(|_| conversation.answer.status > 0 && !tape.is_silent) {
            let line = |last: Option<&Access>| access(request, target, arrived, &conversation, now + tape.t, last);
            flows.logs.add(&conversation.responder, line);
        }
        Ok((conversation, far))
    }

    /// The address of a name, asked for as the client's machine does.
    fn resolve(
        &self,
        flows: &mut Flows,
        client: &Client<'_>,
        name: &str,
        tape: &mut Tape,
    ) -> Result<Ipv4Addr, Box<Outcome>> {
        // /etc/hosts of every machine and pod says so.
        if name == "localhost" {
            return Ok(Ipv4Addr::LOCALHOST);
        }
        let fail = |at: Place, because| Err(Box::new(failed(OutcomeKind::DnsFailure, at, because)));
        let Origin::Cabin(cabin) = client.origin else {
            return match self.hosts(client.origin, name) {
                Some(ip) => Ok(ip),
                None => fail(client.place.clone(), Because::plain(Reason::ResolverOutside(name.into()))),
            };
        };
        let cabin = &self.topology.cabins[cabin];
        if name == &*cabin.name {
            return Ok(cabin.ip);
        }
        if !cabin.asks_cluster {
            let cause = cabin.dns_field.clone();
            let because = Because { rule: None, reason: Reason::DnsPolicyDefault(name.into()), cause: Some(cause) };
            return fail(client.place.clone(), Arc::new(because));
        }
        let server = Socket { ip: self.topology.dns, port: 53 };
        let mut last = Reason::NameNowhere(name.into());
        for candidate in candidates(name, &cabin.namespace) {
            let packet = self.packet(flows, client.origin, Proto::Udp, server);
            let (whole, given): (Arc<str>, _) = (candidate.as_str().into(), (candidate != name).then(|| name.into()));
            let asks = Reason::AsksFor { name: whole.clone(), given };
            tape.hop(By::Resolver, Action::Query, packet, || Because::plain(asks));
            let mut found = Err(None);
            let mut answers = |_: &mut Flows, _: &mut Tape, _: &Place, _: &Server, _: Packet| {
                found = self.zone.addresses(&candidate);
                let reason = match (&found, self.zone.alias(&candidate)) {
                    (Err(Some(_)), Some(alias)) => {
                        Reason::NameIsAlias { name: whole.clone(), target: alias.as_str().into() }
                    }
                    (Ok(list), _) if list.is_empty() => Reason::NameHasNoAddress(whole.clone()),
                    (Ok(list), _) => Reason::NameFound { name: whole.clone(), addresses: list.as_slice().into() },
                    (Err(Some(_)), None) => Reason::NameOutside(whole.clone()),
                    (Err(None), _) => Reason::NameUnknown(whole.clone()),
                };
                Said::by_app(reason, Answer { micros: DNS_MICROS, ..Answer::default() })
            };
            let call = Call { packet, speech: Speech::Udp, open: None, then: Stage::Closed };
            let conversation = self.converse(flows, client, call, tape, &mut answers);
            if let Err(outcome) = conversation {
                let at = outcome.at.clone().unwrap_or_else(|| client.place.clone());
                let because = outcome.because.clone().unwrap_or_else(|| Because::plain(Reason::DnsSilent(name.into())));
                return fail(at, because);
            }
            tape.exchange += 1;
            tape.reply = false;
            match found {
                // CoreDNS gives several addresses in an order that changes, and clients take the first.
                Ok(list) if !list.is_empty() => return Ok(list[flows.rng.below(list.len() as u32) as usize]),
                Ok(_) => {
                    last = Reason::NameHasNoAddress(whole);
                    break;
                }
                Err(Some(outside)) if self.zone.alias(&candidate).is_some() => {
                    last = Reason::NameIsAlias { name: whole, target: outside.as_str().into() };
                    break;
                }
                Err(Some(_)) if name.contains('.') => last = Reason::NameOutside(whole),
                Err(_) => {}
            }
        }
        fail(client.place.clone(), Because::plain(last))
    }

    /// What `/etc/hosts` of the laptop and of minikube's nodes says.
    fn hosts(&self, origin: Origin, name: &str) -> Option<Ipv4Addr> {
        let Origin::Machine(_) = origin else { return None };
        match name {
            "host.minikube.internal" => Some(self.topology.laptop),
            "control-plane.minikube.internal" => self.topology.machines.first().map(|m| m.address),
            _ => self.topology.machines.iter().find(|m| *m.name == *name).map(|m| m.address),
        }
    }

    /// One exchange over a connection over which a packet was just sent: out, the program's answer, and back.
    pub(super) fn converse(
        &self,
        flows: &mut Flows,
        client: &Client<'_>,
        call: Call<'_>,
        tape: &mut Tape,
        answers: &mut Answers<'_>,
    ) -> Result<Conversation, Box<Outcome>> {
        let (topology, words, now, packet) = (&self.topology, &self.words, client.now, call.packet);
        let turn = if call.open.is_some() { Turn::Later } else { Turn::First };
        let mut walk =
            Walk { network: self, topology, words, flows, rec: tape, now, way: Way::Indexed, turn, judged_away: false };
        let walked = walk.go(client.origin, packet);
        if let Some(carried) = self.carry(&mut walk, &walked, client, packet, call.speech, answers) {
            return carried;
        }
        // Only of a connection that lasts it matters later who has its other end.
        let lasts = call.open.is_some() || call.then == Stage::Open;
        let host = |machine: usize| lasts.then(|| topology.machines[machine].name.clone());
        let (arrived, place, servers, life, node) = match &walked.end {
            End::Lost(at, because) => return Err(lost(walk, &walked, OutcomeKind::Timeout, at, because)),
            End::Unreachable(at, because) => {
                // To an open connection this is no final word: its kernel tries again until it gives up.
                let open = call.open.is_some() && packet.proto == Proto::Tcp;
                let kind = if open { OutcomeKind::Timeout } else { OutcomeKind::Unreachable };
                return Err(lost(walk, &walked, kind, at, because));
            }
            End::Rejected(at, because) => {
                walk.rec.reply = true;
                walk.back(&walked, client.origin, packet, Reason::RefusalArrives);
                return Err(lost(walk, &walked, OutcomeKind::Refused, at, because));
            }
            End::Cabin(cabin, packet) => {
                let cabin = &topology.cabins[*cabin];
                let life = if lasts { cabin.life.clone() } else { Life::default() };
                (*packet, &cabin.place, &cabin.servers[..], life, host(cabin.node))
            }
            End::Machine(machine, packet) => {
                let here = &topology.machines[*machine];
                (*packet, &here.place, &here.servers[..], Life::default(), host(*machine))
            }
            End::Laptop(packet) => (*packet, &Place::Laptop, &[][..], Life::default(), None),
            End::ControlPlane(packet) => {
                (*packet, &Place::Cloud(Cloud::ControlPlane), &topology.api[..], Life::default(), None)
            }
        };
        walk.rec.reply = true;
        if arrived.proto == Proto::Icmp {
            walk.rec.wait(STEP);
            walk.rec.hop(By::Socket, Action::Answer, arrived.reversed(), || words.pings.clone());
            walk.back(&walked, client.origin, packet, Reason::ReplyArrives);
            walk.remember(&walked, Stage::Closed);
            let answer = Answer::default();
            return Ok(Conversation { answer, responder: place.clone(), life, node, seen_source: arrived.src.ip });
        }
        let stranger = call.open.is_some_and(|line| (&line.server, &line.life) != (place, &life));
        if stranger && arrived.proto == Proto::Tcp {
            let because = Because::plain(Reason::UnknownConnection(place.to_string().into()));
            return Err(self.rebuff(walk, &walked, client, call, (OutcomeKind::Reset, By::Socket), place, because));
        }
        let mut server = servers.iter().find(|server| server.hears(arrived));
        let health = match (server, &walked.end) {
            (None, End::Machine(machine, _)) if arrived.proto == Proto::Tcp => {
                self.proxy_health(*machine, arrived.dst.port, now)
            }
            _ => None,
        };
        server = server.or(health.as_ref().map(|(server, _)| server));
        let Some(server) = server else {
            let because = self.refusal(&walked, packet, arrived);
            return Err(self.rebuff(walk, &walked, client, call, (OutcomeKind::Refused, By::Socket), place, because));
        };
        if call.speech == Speech::Https && !server.speaks_tls(arrived.dst.port) {
            let because = Because::plain(Reason::SpeaksNoTls(server.name.clone()));
            return Err(self.rebuff(walk, &walked, client, call, (OutcomeKind::TlsFailure, By::App), place, because));
        }
        let said = answers(walk.flows, walk.rec, place, server, arrived);
        if let Some(patience) = said.late {
            let reason = Reason::TooSlow { by: server.name.clone(), millis: said.answer.micros / 1000 };
            let because = Said::by_app(reason, Answer::default()).because(image(topology, &walked.end));
            walk.rec.wait(patience);
            walk.rec.at(client.place);
            walk.rec.hop(By::Socket, Action::Drop, packet, || because.clone());
            return Err(lost(walk, &walked, OutcomeKind::Timeout, place, &because));
        }
        if let Some(because) = said.distrust {
            walk.back(&walked, client.origin, packet, Reason::ReplyArrives);
            walk.rec.hop(By::Socket, Action::Reject, packet, || because.clone());
            walk.remember(&walked, Stage::Closed);
            return Err(Box::new(failed(OutcomeKind::TlsFailure, client.place.clone(), because)));
        }
        walk.rec.wait(micros(said.answer.micros));
        walk.rec.hop(said.by, Action::Answer, arrived.reversed(), || said.because(image(topology, &walked.end)));
        let answer = said.answer;
        walk.back(&walked, client.origin, packet, Reason::ReplyArrives);
        walk.remember(&walked, call.then);
        Ok(Conversation { answer, responder: place.clone(), life, node, seen_source: arrived.src.ip })
    }

    /// The end of an exchange that was cut off where it arrived.
    #[expect(clippy::too_many_arguments, reason = "all that an exchange holds at its end")]
    fn rebuff(
        &self,
        mut walk: Walk<'_, Tape>,
        walked: &Walked,
        client: &Client<'_>,
        call: Call<'_>,
        (kind, by): (OutcomeKind, By),
        place: &Place,
        because: Arc<Because>,
    ) -> Box<Outcome> {
        if let Some(arrived) = walked.arrived() {
            walk.rec.wait(STEP);
            walk.rec.hop(by, Action::Reject, arrived.reversed(), || because.clone());
        }
        walk.back(walked, client.origin, call.packet, Reason::RefusalArrives);
        walk.remember(walked, Stage::Reset);
        Box::new(failed(kind, place.clone(), because))
    }

    /// Why the packet's port was refused where it arrived.
    fn refusal(&self, walked: &Walked, sent: Packet, arrived: Packet) -> Arc<Because> {
        let End::Cabin(cabin, _) = &walked.end else {
            return match &walked.end {
                End::Laptop(_) => self.words.laptop_listens_not.clone(),
                End::Machine(machine, _) if sent.dst == arrived.dst => self.node_refusal(*machine, arrived),
                _ => Because::plain(Reason::NodeListensNot),
            };
        };
        // A Service that led here chose the port; otherwise the client did, and the image is what did not fit.
        nothing_listens(&self.topology.cabins[*cabin], arrived.proto, self.blame(sent, arrived))
    }

    /// Why a node refused a packet for an address of its own.
    fn node_refusal(&self, machine: usize, arrived: Packet) -> Arc<Because> {
        let machine = &self.topology.machines[machine];
        let port = self.service_ports().find(|p| p.proto == arrived.proto && p.node_port == arrived.dst.port);
        // A node port that a rule took, or should have taken, is refused elsewhere.
        match port.filter(|port| port.node_port != 0 && port.lacking.is_none()) {
            Some(port) => {
                let at = machine.node_ports_at().into();
                let reason = Reason::NodePortElsewhere { service: port.service.clone(), at };
                Arc::new(Because { rule: None, reason, cause: Some(port.port_field("nodePort")) })
            }
            None => Because::plain(Reason::NodeListensNot),
        }
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
        self.service_ports().find(is_it).map(|port| port.port_field("targetPort"))
    }
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// The field that names the image of the pod where a packet ended.
fn image<'a>(topology: &'a super::topology::Topology, end: &End) -> Option<&'a FieldRef> {
    match end {
        End::Cabin(cabin, _) => topology.cabins.get(*cabin).map(|cabin| &cabin.image_field),
        _ => None,
    }
}

fn lost(
    mut walk: Walk<'_, Tape>,
    walked: &Walked,
    kind: OutcomeKind,
    at: &Place,
    because: &Arc<Because>,
) -> Box<Outcome> {
    walk.remember(walked, Stage::Asked);
    Box::new(failed(kind, at.clone(), because.clone()))
}

/// A request, for the log of the program that answered it; `last` is the line before.
fn access(
    request: &Request,
    target: &Target<'_>,
    arrived: Packet,
    told: &Conversation,
    at: Instant,
    last: Option<&Access>,
) -> Access {
    let agent = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
    let path = match target.query {
        "" => Cow::Borrowed(target.path),
        query => format!("{}?{query}", target.path).into(),
    };
    let method = if request.method.is_empty() { "GET" } else { &*request.method };
    Access {
        at,
        client: arrived.src,
        port: arrived.dst.port,
        status: told.answer.status,
        size: told.answer.body.len(),
        asked: Ask::shared(last, method, &path, agent.map(|(_, agent)| agent.as_str())),
    }
}

/// A pod refuses a port: `blame` is the field that led there.
pub(super) fn nothing_listens(cabin: &Cabin, proto: Proto, blame: Option<FieldRef>) -> Arc<Because> {
    let ports = cabin.servers.iter().flat_map(|server| match proto {
        Proto::Udp => server.udp.iter(),
        Proto::Tcp | Proto::Icmp => server.tcp.iter(),
    });
    let inside = cabin.servers.iter().flat_map(|server| &server.loopback).filter(|_| proto != Proto::Udp);
    let listens = ports.map(u16::to_string).chain(inside.map(|port| format!("127.0.0.1:{port}")));
    let listens = listens.collect::<Vec<_>>().join(", ").into();
    Arc::new(Because {
        rule: None,
        reason: Reason::NothingListens { pod: cabin.name.clone(), image: cabin.image.clone(), listens },
        cause: Some(blame.unwrap_or_else(|| cabin.image_field.clone())),
    })
}

pub(super) fn failed(kind: OutcomeKind, at: Place, because: Arc<Because>) -> Outcome {
    Outcome {
        kind,
        status: 0,
        headers: Vec::new(),
        certificate: None,
        body: "".into(),
        responder: None,
        seen_source: None,
        at: Some(at),
        because: Some(because),
    }
}
