//! What an ingress controller's pod does with a request that has reached it: it reads it, decides, and asks an endpoint over a
//! connection of its own. Both connections stand in one trace, each as an exchange.
//!
//! Stands for `proxy_pass` of nginx (`ngx_http_upstream.c`: `proxy_next_upstream`, `proxy_connect_timeout`,
//! `proxy_read_timeout`) and for Go's `httputil.ReverseProxy` under Traefik. What is decided is [`super::ingress`]'s business.
//! Simplified: connections to endpoints are not kept open, and TLS to them is not checked, as both controllers do by default.

use std::sync::Arc;

use super::Network;
use super::conntrack::Stage;
use super::exchange::{Call, Client, Ground, Said, Tape};
use super::http::{Answer, Speech, Target};
use super::ingress::{Arrived, Decision, Flavour, Forward, Router, page};
use super::netfilter::Recorder;
use super::tls;
use super::topology::{Cabin, Origin};
use super::walk::Flows;
use crate::time::{Duration, Instant};
use crate::trace::{Action, Because, By, OutcomeKind, Packet, Place, Proto, Reason, Request, Socket};

/// How long a controller takes to read a request and to decide, in microseconds.
const DECIDES: u64 = 100;
/// More exchanges than this no request makes: a controller that is its own backend asks itself until it has no connections left.
const MOST_EXCHANGES: u16 = 24;

/// A request that has reached a server.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) request: &'a Request,
    pub(super) target: &'a Target<'a>,
    /// Where it arrived.
    pub(super) place: &'a Place,
    pub(super) packet: Packet,
    pub(super) now: Instant,
}

/// What came of asking endpoints.
struct Asked {
    answer: Answer,
    because: Arc<Because>,
    /// Who answered in the end; none if nobody did.
    far: Option<(Place, crate::inet::Ipv4Addr)>,
}

impl Network {
    /// What the controller in a pod says to a request; none if the pod is none, or does not route at that port.
    pub(super) fn gate(&self, flows: &mut Flows, tape: &mut Tape, heard: &Heard<'_>) -> Option<Said> {
        let Heard { request, target, place, packet, now } = *heard;
        if self.routers.is_empty() {
            return None;
        }
        let cabin = self.topology.by_place(place)?;
        let router = self.router(cabin)?;
        let tls = router.controller.speaks_tls(packet.dst.port)?;
        let speaks = match target.speech {
            Speech::Http => false,
            Speech::Https => true,
            Speech::Tcp | Speech::Udp | Speech::Ping => return None,
        };
        tape.wait(Duration::from_micros(DECIDES));
        let mut certificate = None;
        if tls && speaks {
            // Clients name the host of the URL, whatever stands in the header Host; an address is no name.
            let name = Some(target.host).filter(|host| host.parse::<crate::inet::Ipv4Addr>().is_err());
            let (shown, because) = self.certificate(router, name);
            tape.hop(By::Ingress, Action::Route, packet, || because.clone());
            if let Some(reason) = tls::distrusts(request, target.host, &shown) {
                let distrust = Because { rule: None, reason, cause: because.cause.clone() };
                let because = Ground::Told(because);
                let answer = Answer { certificate: Some(shown), ..Answer::default() };
                let distrust = Some(Arc::new(distrust));
                return Some(Said { by: By::Ingress, ground: because, far: None, late: None, distrust, answer });
            }
            certificate = Some(shown);
        }
        if tls && !speaks {
            let (body, kind) = page(router.controller.flavour, 497);
            let headers = vec![("Content-Type".into(), kind.into())];
            let answer = Answer { status: 400, headers: closing(router, headers), body, ..Answer::default() };
            return Some(own(answer, Because::plain(Reason::PlainToTls(packet.dst.port))));
        }
        let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let usual = if speaks { 443 } else { 80 };
        let host = match host {
            Some((_, host)) => host.clone(),
            None if target.port == usual => target.host.to_owned(),
            None => format!("{}:{}", target.host, target.port),
        };
        let arrived = Arrived {
            pod: place,
            port: packet.dst.port,
            tls,
            client: packet.src.ip,
            method: if request.method.is_empty() { "GET" } else { &request.method },
            host: &host,
            path: target.path,
            query: target.query,
            headers: &request.headers,
            now: now + tape.t,
        };
        let mut said = match router.decide(&arrived, &mut flows.balance) {
            Decision::Answer(reply) => {
                tape.hop(By::Ingress, Action::Route, packet, || reply.because.clone());
                let headers = kept(router, reply.headers);
                let answer = Answer { status: reply.status, headers, body: reply.body, ..Answer::default() };
                own(answer, reply.because)
            }
            Decision::Forward(forward) => {
                tape.hop(By::Ingress, Action::Route, packet, || forward.because.clone());
                for because in &forward.further {
                    tape.hop(By::Ingress, Action::Route, packet, || because.clone());
                }
                let exchange = tape.exchange;
                let asked = self.ask(flows, tape, heard, cabin, router, &forward);
                tape.exchange = exchange;
                tape.reply = true;
                tape.at(place);
                Said { far: asked.far, ..own(asked.answer, asked.because) }
            }
        };
        said.answer.certificate = certificate;
        Some(said)
    }

    /// Asks one endpoint after the other until one answers.
    fn ask(
        &self,
        flows: &mut Flows,
        tape: &mut Tape,
        heard: &Heard<'_>,
        cabin: &Cabin,
        router: &Router,
        forward: &Forward,
    ) -> Asked {
        let scheme = if forward.tls { "https" } else { "http" };
        let question = if forward.query.is_empty() { String::new() } else { format!("?{}", forward.query) };
        let mut headers = vec![("Host".to_owned(), forward.host.to_string())];
        headers.extend(forward.headers.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let mut because = forward.chosen.clone();
        let mut last = None;
        let mut tried = 0;
        for candidate in &forward.candidates {
            tape.exchange += 1;
            if tape.exchange > MOST_EXCHANGES {
                break;
            }
            tried += 1;
            tape.reply = false;
            tape.at(heard.place);
            let url = format!("{scheme}://{}{}{question}", candidate.socket, forward.path);
            let request = Request {
                protocol: "http".into(),
                method: heard.request.method.clone(),
                url: url.into(),
                headers: headers.clone(),
                insecure: true,
                ..Request::default()
            };
            let Some(target) = Target::of(&request) else { break };
            let origin = self.topology.origin(heard.place).unwrap_or(Origin::Machine(cabin.node));
            let packet = self.packet(flows, origin, Proto::Tcp, candidate.socket);
            tape.hop(By::Ingress, Action::Connect, packet, || because.clone());
            let began = tape.t;
            let client = Client { place: heard.place, origin, now: heard.now, asks: target.address() };
            let call = Call { packet, speech: target.speech, open: None, then: Stage::Closed };
            let told = self.exchange(flows, tape, &client, call, &request, &target, forward.read_timeout);
            let (why, was_sent, timed_out) = match told {
                Ok((conversation, far)) => {
                    let status = conversation.answer.status;
                    if !forward.retry.on_status.contains(&status) || (tried == forward.candidates.len()) {
                        let mut answer = conversation.answer;
                        answer.micros = 0;
                        answer.headers = kept(router, answer.headers);
                        answer.headers.extend(forward.answer_headers.iter().cloned());
                        let reason = Reason::Relays { endpoint: candidate.name.clone(), status };
                        let far = far.or(Some((conversation.responder, conversation.seen_source)));
                        return Asked { answer, because: Because::plain(reason), far };
                    }
                    (forward.chosen.clone(), true, false)
                }
                Err(outcome) => {
                    let timed_out = outcome.kind == OutcomeKind::Timeout;
                    let why = outcome.because.clone().unwrap_or_else(|| forward.chosen.clone());
                    let why = self.blamed(why, &forward.backend, candidate.socket);
                    let slow = matches!(why.reason, Reason::TooSlow { .. });
                    if timed_out && !slow {
                        // Nobody answered its SYNs: it waits as long as it is told to.
                        tape.t = began + forward.connect_timeout;
                    }
                    (why, slow, timed_out)
                }
            };
            let again = if timed_out { forward.retry.on_timeout } else { forward.retry.on_error };
            let next = Reason::NextEndpoint(candidate.name.clone());
            because = Arc::new(Because { rule: None, reason: next, cause: why.cause.clone() });
            last = Some((why, timed_out, candidate.name.clone()));
            if !again || (was_sent && !forward.retry.resends) {
                break;
            }
        }
        flows.balance.retried(heard.place, &forward.backend, tried.max(1) - 1);
        let (why, timed_out, endpoint) = last.unwrap_or_else(|| (forward.chosen.clone(), false, "".into()));
        let status = if timed_out { 504 } else { 502 };
        let reason = match timed_out {
            true => Reason::GatewayTimeout { endpoint, tried: tried as u32 },
            false => Reason::BadGateway { endpoint, tried: tried as u32 },
        };
        let (body, kind) = page(router.controller.flavour, status);
        let headers = match router.controller.flavour {
            Flavour::Nginx => kept(router, vec![("Content-Type".into(), kind.into())]),
            // Traefik writes the words of the status, and no type with them.
            Flavour::Traefik => Vec::new(),
        };
        let because = Because { rule: None, reason, cause: why.cause.clone() };
        Asked { answer: Answer { status, headers, body, ..Answer::default() }, because: Arc::new(because), far: None }
    }
}

impl Network {
    /// A pod's refusal of a port, with the field of the Service that led there.
    fn blamed(&self, why: Arc<Because>, backend: &str, to: Socket) -> Arc<Because> {
        if !matches!(why.reason, Reason::NothingListens { .. }) {
            return why;
        }
        let service = backend.rsplit_once(':').map_or(backend, |(service, _)| service);
        let mut ports = self.service(service).into_iter().flat_map(|service| &service.ports);
        match ports.find(|port| port.endpoints.iter().any(|endpoint| endpoint.socket == to)) {
            Some(port) => Arc::new(Because { cause: Some(port.port_field("targetPort")), ..Because::clone(&why) }),
            None => why,
        }
    }
}

/// Headers of an answer over a connection that nginx keeps open; Go does not say so.
fn kept(router: &Router, headers: Vec<(Arc<str>, Arc<str>)>) -> Vec<(Arc<str>, Arc<str>)> {
    connection(router, headers, "keep-alive")
}

fn closing(router: &Router, headers: Vec<(Arc<str>, Arc<str>)>) -> Vec<(Arc<str>, Arc<str>)> {
    connection(router, headers, "close")
}

fn connection(
    router: &Router,
    mut headers: Vec<(Arc<str>, Arc<str>)>,
    what: &'static str,
) -> Vec<(Arc<str>, Arc<str>)> {
    if router.controller.flavour == Flavour::Nginx {
        headers.push(("Connection".into(), what.into()));
    }
    headers
}

/// An answer of the controller's own.
fn own(answer: Answer, because: Arc<Because>) -> Said {
    Said { by: By::Ingress, ground: Ground::Told(because), far: None, late: None, distrust: None, answer }
}
