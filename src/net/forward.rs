//! Programs on the laptop that listen and carry connections on: `kubectl port-forward`, and the `ssh -L` of minikube.
//!
//! Stands for client-go `tools/portforward`, the API server's and kubelet's `portforward` subresource (`k8s.io/kubelet`
//! `pkg/cri/streaming/portforward`) and containerd's dialling in the pod's network namespace. A tunnel leads to the pod chosen when it
//! was made: no Service, no kube-proxy, no balancing. Left out: IPv6 (`::1` is told, and never dialled), SPDY's framing, timeouts.

use std::sync::Arc;

use super::Network;
use super::conntrack::Stage;
use super::exchange::{Answers, Call, Client, Conversation, Tape, failed, nothing_listens};
use super::http::Speech;
use super::netfilter::Recorder;
use super::topology::{LINK, Origin, STEP};
use super::walk::{End, Flows, Walk, Walked};
use crate::inet::Ipv4Addr;
use crate::time::Duration;
use crate::trace::{Action, Because, By, Cloud, Outcome, OutcomeKind, Packet, Place, Proto, Reason, Socket};

/// The port of the API server on the control plane's node, and of one that stands apart.
const API_PORTS: [u16; 2] = [8443, 443];
/// The kubelet's port.
const KUBELET_PORT: u16 = 10250;
/// A request that was carried from listener to listener so often goes in a circle.
const MOST_HOPS: usize = 400;

/// Where a listener carries connections to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Into a pod's own loopback interface, by way of the API server and the kubelet.
    Pod {
        /// The pod.
        pod: Place,
        /// Its uid: a later pod of that name is another.
        uid: Arc<str>,
        /// The port there.
        port: u16,
    },
    /// By ssh to a node, which connects from there.
    Node {
        /// The node.
        node: Arc<str>,
        /// What it connects to.
        to: Socket,
    },
}

/// A program that listens on the laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its address; `0.0.0.0` is all of the laptop's.
    pub ip: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// Its process.
    pub pid: u32,
    /// The process's name.
    pub program: &'static str,
    /// Where it carries connections to.
    pub carrier: Carrier,
    /// The port of its own connection to the cluster.
    from: u16,
}

/// One connection that a listener took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The listener's process.
    pub pid: u32,
    /// The listener's port.
    pub port: u16,
    /// The port in the pod, and what the kubelet said, if it could not be carried on.
    pub failed: Option<(u16, Failure)>,
}

/// Why a connection could not be carried into a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The pod is gone.
    Gone,
    /// Nothing in it listens on the port.
    Refused,
}

/// What listens on the laptop.
#[derive(Clone, Debug, Default)]
pub struct Laptop {
    listeners: Vec<Listener>,
    /// The process that added a route to the cluster IPs, and the node that it leads to.
    route: Option<(u32, Arc<str>)>,
    carried: Vec<Carried>,
}

impl Laptop {
    /// What listens, in the order in which it began to.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Whether an address and port are free to listen on.
    pub fn is_free(&self, ip: Ipv4Addr, port: u16) -> bool {
        let all = Ipv4Addr::UNSPECIFIED;
        !self.listeners.iter().any(|l| l.port == port && (l.ip == ip || l.ip == all || ip == all))
    }

    /// The node that the laptop's route to the cluster IPs leads to, if `minikube tunnel` added one.
    pub fn route(&self) -> Option<&Arc<str>> {
        self.route.as_ref().map(|(_, node)| node)
    }

    /// The process that added it.
    pub fn routed_by(&self) -> Option<u32> {
        self.route.as_ref().map(|(pid, _)| *pid)
    }

    /// A process no longer listens on a port.
    pub fn close_port(&mut self, pid: u32, port: u16) {
        self.listeners.retain(|listener| (listener.pid, listener.port) != (pid, port));
    }

    /// A process adds a route to the cluster IPs by a node.
    pub fn add_route(&mut self, pid: u32, node: Arc<str>) {
        self.route = Some((pid, node));
    }

    /// Ends all that a process listens on, and takes its route away.
    pub fn close(&mut self, pid: u32) {
        self.route.take_if(|(owner, _)| *owner == pid);
        self.listeners.retain(|listener| listener.pid != pid);
        self.carried.retain(|carried| carried.pid != pid);
    }

    /// The connections that a process took since this was last asked.
    pub fn take_carried(&mut self, pid: u32) -> Vec<Carried> {
        let (mine, others) = std::mem::take(&mut self.carried).into_iter().partition(|carried| carried.pid == pid);
        self.carried = others;
        mine
    }

    fn listener(&self, to: Socket) -> Option<&Listener> {
        let is_it = |l: &&Listener| l.port == to.port && (l.ip == to.ip || l.ip == Ipv4Addr::UNSPECIFIED);
        self.listeners.iter().find(is_it)
    }
}

impl Flows {
    /// What listens on the laptop.
    pub fn laptop(&self) -> &Laptop {
        &self.laptop
    }

    /// The same, to change it.
    pub fn laptop_mut(&mut self) -> &mut Laptop {
        &mut self.laptop
    }

    /// A process begins to listen on the laptop; port 0 takes a free one. Gives the port, none if it is taken.
    pub fn listen(
        &mut self,
        pid: u32,
        program: &'static str,
        ip: Ipv4Addr,
        port: u16,
        carrier: Carrier,
    ) -> Option<u16> {
        let mut port = port;
        while port == 0 {
            port = Some(self.port()).filter(|port| self.laptop.is_free(ip, *port)).unwrap_or(0);
        }
        if !self.laptop.is_free(ip, port) {
            return None;
        }
        let from = self.port();
        self.laptop.listeners.push(Listener { ip, port, pid, program, carrier, from });
        Some(port)
    }
}

impl Network {
    /// What becomes of a connection that reached the laptop, if a program there listens and carries it on.
    pub(super) fn carry(
        &self,
        walk: &mut Walk<'_, Tape>,
        walked: &Walked,
        client: &Client<'_>,
        sent: Packet,
        speech: Speech,
        answers: &mut Answers<'_>,
    ) -> Option<Result<Conversation, Box<Outcome>>> {
        let End::Laptop(arrived) = walked.end else { return None };
        let listener = walk.flows.laptop.listener(arrived.dst).filter(|_| arrived.proto == Proto::Tcp)?.clone();
        if walk.rec.hops.len() > MOST_HOPS {
            return None;
        }
        let (pid, port) = (listener.pid, listener.port);
        let told = match &listener.carrier {
            Carrier::Pod { pod, uid, port: into } => {
                let told = self.by_api(walk, &listener, pod, uid, *into, speech, answers);
                let failed = told.as_ref().err().and_then(|(failure, _)| *failure).map(|failure| (*into, failure));
                walk.flows.laptop.carried.push(Carried { pid, port, failed });
                told.map_err(|(_, outcome)| outcome)
            }
            Carrier::Node { node, to } => {
                walk.flows.laptop.carried.push(Carried { pid, port, failed: None });
                self.by_node(walk, &listener, client, node, *to, speech, answers)
            }
        };
        if told.as_ref().is_err_and(|outcome| outcome.kind == OutcomeKind::Timeout) {
            return Some(told);
        }
        walk.rec.reply = true;
        let arrives = match &told {
            Ok(_) => Reason::ReplyArrives,
            Err(_) => Reason::RefusalArrives,
        };
        walk.back(walked, client.origin, sent, arrives);
        Some(told)
    }

    /// By the API server and the kubelet into the pod.
    #[expect(clippy::too_many_arguments, reason = "one connection, and where it goes on")]
    fn by_api(
        &self,
        walk: &mut Walk<'_, Tape>,
        listener: &Listener,
        pod: &Place,
        uid: &str,
        port: u16,
        speech: Speech,
        answers: &mut Answers<'_>,
    ) -> Result<Conversation, (Option<Failure>, Box<Outcome>)> {
        let topology = &self.topology;
        // A control plane that stands apart is on none of the nodes, and never off.
        let (api, api_port, home) = match (topology.control_plane, topology.machines.first()) {
            (Some(address), _) => ((address, &Place::Cloud(Cloud::ControlPlane)), API_PORTS[1], None),
            (None, Some(machine)) => ((machine.address, &machine.place), API_PORTS[0], Some(machine)),
            (None, None) => {
                let because = Because::plain(Reason::NoSuchAddress);
                return Err((Some(Failure::Gone), Box::new(failed(OutcomeKind::Reset, Place::Laptop, because))));
            }
        };
        let (api, api_place) = api;
        let name: Arc<str> = match pod {
            Place::Pod(_, name) => name.clone(),
            other => other.to_string().into(),
        };
        let socket = |ip, port| Socket { ip, port };
        let tcp = |src, dst| Packet { proto: Proto::Tcp, src, dst };
        let to_api = tcp(socket(topology.laptop, listener.from), socket(api, api_port));
        let reason = Reason::TunnelToApi { pod: name.clone(), api: to_api.dst.to_string().into() };
        walk.rec.wait(STEP);
        walk.rec.hop(By::Tunnel, Action::Forward, to_api, || Because::plain(reason));
        if let Some(home) = home.filter(|home| walk.flows.outages.is_stopped(&home.name)) {
            let because = Because::plain(Reason::NodeStopped(home.name.clone()));
            return Err((None, silent(walk, &Place::Laptop, to_api, because)));
        }
        walk.rec.wait(LINK);
        walk.rec.at(api_place);
        let cabin = topology.cabins.iter().find(|cabin| cabin.place == *pod && *cabin.uid == *uid);
        let Some(cabin) = cabin else {
            let because = Because::plain(Reason::TunnelPodGone(name));
            walk.rec.hop(By::Tunnel, Action::Reject, to_api.reversed(), || because.clone());
            walk.rec.reply = true;
            self.back_from_api(walk, to_api);
            return Err((Some(Failure::Gone), Box::new(failed(OutcomeKind::Reset, api_place.clone(), because))));
        };
        let node = &topology.machines[cabin.node];
        let own = walk.flows.port();
        let to_kubelet = tcp(socket(api, own), socket(node.address, KUBELET_PORT));
        let reason = Reason::TunnelToKubelet { node: node.name.clone(), pod: name.clone() };
        walk.rec.hop(By::Tunnel, Action::Forward, to_kubelet, || Because::plain(reason));
        let outages = &walk.flows.outages;
        let cut = home.filter(|home| outages.is_cut(&home.name, &node.name));
        let broken = match cut {
            _ if outages.is_stopped(&node.name) => Some(Reason::NodeStopped(node.name.clone())),
            Some(home) => Some(Reason::LinkCut { from: home.name.clone(), to: node.name.clone() }),
            None => None,
        };
        if let Some(reason) = broken {
            return Err((None, silent(walk, api_place, to_kubelet, Because::plain(reason))));
        }
        let apart = home.is_none_or(|home| home.name != node.name);
        walk.rec.wait(if apart { LINK } else { STEP });
        walk.rec.at(&node.place);
        let inner = walk.flows.port();
        let inside = tcp(socket(Ipv4Addr::LOCALHOST, inner), socket(Ipv4Addr::LOCALHOST, port));
        walk.rec.hop(By::Tunnel, Action::Forward, inside, || Because::plain(Reason::TunnelIntoPod(name.clone())));
        walk.rec.wait(STEP);
        walk.rec.at(&cabin.place);
        walk.rec.hop(By::Link, Action::Deliver, inside, || Because::plain(Reason::DeliverToLoopback));
        walk.rec.reply = true;
        let server = cabin.servers.iter().find(|server| server.hears(inside));
        let mut distrust = None;
        let told = match server {
            None => {
                let because = nothing_listens(cabin, Proto::Tcp, None);
                walk.rec.wait(STEP);
                walk.rec.hop(By::Socket, Action::Reject, inside.reversed(), || because.clone());
                let outcome = Box::new(failed(OutcomeKind::Reset, cabin.place.clone(), because));
                Err((Some(Failure::Refused), outcome))
            }
            Some(server) if speech == Speech::Https && !server.speaks_tls(port) => {
                let because = Because::plain(Reason::SpeaksNoTls(server.name.clone()));
                walk.rec.wait(STEP);
                walk.rec.hop(By::App, Action::Reject, inside.reversed(), || because.clone());
                Err((None, Box::new(failed(OutcomeKind::TlsFailure, cabin.place.clone(), because))))
            }
            Some(server) => {
                let mut said = answers(walk.flows, walk.rec, &cabin.place, server, inside);
                distrust = said.distrust.take();
                walk.rec.wait(Duration::from_micros(said.answer.micros));
                walk.rec.hop(said.by, Action::Answer, inside.reversed(), || said.because(Some(&cabin.image_field)));
                let answer = said.answer;
                let (responder, life, node) = (cabin.place.clone(), cabin.life.clone(), Some(node.name.clone()));
                Ok(Conversation { answer, responder, life, node, seen_source: inside.src.ip })
            }
        };
        walk.rec.wait(STEP);
        walk.rec.at(&node.place);
        walk.rec.hop(By::Tunnel, Action::Forward, to_kubelet.reversed(), || self.words.goes_on.clone());
        if apart {
            walk.rec.wait(LINK);
            walk.rec.at(api_place);
        }
        self.back_from_api(walk, to_api);
        match distrust {
            Some(because) => Err((None, Box::new(failed(OutcomeKind::TlsFailure, Place::Laptop, because)))),
            None => told,
        }
    }

    /// The answer's way from the API server to the laptop.
    fn back_from_api(&self, walk: &mut Walk<'_, Tape>, to_api: Packet) {
        walk.rec.wait(STEP);
        walk.rec.hop(By::Tunnel, Action::Forward, to_api.reversed(), || self.words.goes_on.clone());
        walk.rec.wait(LINK);
        walk.rec.at(&Place::Laptop);
        walk.rec.hop(By::Tunnel, Action::Receive, to_api.reversed(), || self.words.goes_on.clone());
    }

    /// By ssh to a node, and from there as any program on the node connects.
    #[expect(clippy::too_many_arguments, reason = "one connection, and where it goes on")]
    fn by_node(
        &self,
        walk: &mut Walk<'_, Tape>,
        listener: &Listener,
        client: &Client<'_>,
        node: &Arc<str>,
        to: Socket,
        speech: Speech,
        answers: &mut Answers<'_>,
    ) -> Result<Conversation, Box<Outcome>> {
        let Some(machine) = self.topology.machines.iter().position(|m| m.name == *node) else {
            let because = Because::plain(Reason::NoSuchAddress);
            return Err(Box::new(failed(OutcomeKind::Reset, Place::Laptop, because)));
        };
        let there = &self.topology.machines[machine];
        let ssh = Packet {
            proto: Proto::Tcp,
            src: Socket { ip: self.topology.laptop, port: listener.from },
            dst: Socket { ip: there.address, port: 22 },
        };
        let reason = Reason::TunnelBySsh { node: node.clone(), to: to.to_string().into() };
        walk.rec.wait(STEP);
        walk.rec.hop(By::Tunnel, Action::Forward, ssh, || Because::plain(reason));
        walk.rec.wait(LINK);
        walk.rec.at(&there.place);
        let place = there.place.clone();
        let on_node = Client { place: &place, origin: Origin::Machine(machine), now: client.now, asks: Some(to.ip) };
        let packet = self.packet(walk.flows, on_node.origin, Proto::Tcp, to);
        walk.rec.hop(By::Socket, Action::Connect, packet, || self.words.connects.clone());
        let call = Call { packet, speech, open: None, then: Stage::Closed };
        let told = self.converse(&mut *walk.flows, &on_node, call, &mut *walk.rec, answers);
        walk.rec.reply = true;
        walk.rec.wait(STEP);
        walk.rec.at(&place);
        walk.rec.hop(By::Tunnel, Action::Forward, ssh.reversed(), || self.words.goes_on.clone());
        walk.rec.wait(LINK);
        walk.rec.at(&Place::Laptop);
        walk.rec.hop(By::Tunnel, Action::Receive, ssh.reversed(), || self.words.goes_on.clone());
        // What ssh could not reach on the node, the client sees as a connection that was closed.
        told.map_err(|outcome| match outcome.kind {
            OutcomeKind::Refused | OutcomeKind::Unreachable => {
                Box::new(Outcome { kind: OutcomeKind::Reset, ..*outcome })
            }
            _ => outcome,
        })
    }
}

/// Nobody answers, and nobody says so.
fn silent(walk: &mut Walk<'_, Tape>, at: &Place, packet: Packet, because: Arc<Because>) -> Box<Outcome> {
    walk.rec.wait(STEP);
    walk.rec.hop(By::Link, Action::Drop, packet, || because.clone());
    Box::new(failed(OutcomeKind::Timeout, at.clone(), because))
}
