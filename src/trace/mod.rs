//! One request gives one [`Trace`]: what everything else shows.
//!
//! Hops are compact values (a hot path makes hundreds of thousands a second); sentences are made when somebody reads, by
//! [`explain`]. Stands before `net` because `net` fills it; knows nothing of how a rule works.

mod routing;
mod outside;
mod reason;
mod explain;
mod json;
mod text;

use std::fmt;
use std::sync::Arc;

pub use explain::{action_label, explain};
pub use json::{to_json, write_json};
pub use outside::Outside;
pub use reason::Reason;
pub use routing::{CanaryBy, ChosenBy, Compared, Lost, Routing};
pub use text::to_text;

use crate::inet::Ipv4Addr;
use crate::object::FieldRef;
use crate::time::{Duration, Instant};

/// A place where a packet can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The learner's machine, on the nodes' network.
    Laptop,
    /// Anywhere else on the internet.
    Internet,
    /// A node's host network namespace and kernel.
    Node(Arc<str>),
    /// A pod's network namespace: namespace and name.
    Pod(Arc<str>, Arc<str>),
    /// Something of the cloud's, where no client is.
    Cloud(Cloud),
}

/// A place between the world and the nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// The edge: the firewall before the nodes, and the translation of their public addresses.
    Firewall,
    /// The load balancer of a Service: namespace and name.
    Balancer(Arc<str>, Arc<str>),
    /// A control plane that the cloud runs, on none of the nodes.
    ControlPlane,
}

/// Transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the protocols' own names")]
pub enum Proto {
    Tcp,
    Udp,
    Icmp,
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// Address.
    pub ip: Ipv4Addr,
    /// Port; 0 for ICMP.
    pub port: u16,
}

/// A packet's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Transport protocol.
    pub proto: Proto,
    /// Source.
    pub src: Socket,
    /// Destination.
    pub dst: Socket,
}

/// Which piece of the cluster acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// The client's or server's socket.
    Socket,
    /// The resolver of the client (search domains, /etc/hosts).
    Resolver,
    /// The kernel's routing table.
    Route,
    /// A rule that kube-proxy wrote.
    KubeProxy,
    /// A rule that the network plugin wrote.
    Cni,
    /// The kernel's connection tracking (undoing NAT on replies, established flows).
    Conntrack,
    /// A wire, a bridge or a veth pair.
    Link,
    /// The program in a container.
    App,
    /// A program that carries a connection inside its own: `kubectl port-forward`, the API server, the kubelet, ssh.
    Tunnel,
    /// An ingress controller: it reads a request, and sends it on over a connection of its own.
    Ingress,
    /// The cloud's firewall.
    Firewall,
    /// The cloud's translation of nodes' public addresses.
    Gateway,
    /// The cloud's load balancer.
    Balancer,
}

/// What it did to the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A client opened a connection or sent a datagram.
    Connect,
    /// A client sent on over a connection that was open already.
    Send,
    /// A name was asked for.
    Query,
    /// The packet came in at an interface.
    Receive,
    /// A route was chosen and the packet went on to the next place.
    Forward,
    /// A rule recognised the packet and sent it to its Service's chain; nothing is changed yet.
    Match,
    /// An ingress controller compared a request with its rules.
    Route,
    /// The destination was rewritten.
    Dnat,
    /// The source was rewritten.
    Snat,
    /// A reply's addresses were put back.
    Unnat,
    /// The packet reached its program's port.
    Deliver,
    /// The program answered.
    Answer,
    /// The packet was thrown away without a word.
    Drop,
    /// The packet was refused, with an ICMP error or a TCP reset.
    Reject,
    /// No route leads on.
    Unreachable,
}

/// Why a hop went as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The rule that decided, as the real tool prints it.
    pub rule: Option<Arc<str>>,
    /// The decision, from which [`explain`] makes a sentence.
    pub reason: Reason,
    /// The manifest's field (or the controller's computed one) behind the rule.
    pub cause: Option<FieldRef>,
}

/// One step of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Time since the trace's start.
    pub t: Duration,
    /// Where it happened.
    pub at: Place,
    /// Who acted.
    pub by: By,
    /// What it did.
    pub action: Action,
    /// Whether the packet travels from the server back to the client.
    pub reply: bool,
    /// Which exchange of the trace it belongs to: names are looked up in exchanges of their own, before the request's.
    pub exchange: u16,
    /// The headers after this hop.
    pub packet: Packet,
    /// Why.
    pub because: Arc<Because>,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `http`, `tcp` or `udp`.
    pub protocol: Arc<str>,
    /// `GET`; empty but for http.
    pub method: Arc<str>,
    /// `http://10.96.0.7:9090/api/hello`, or `HOST:PORT`.
    pub url: Arc<str>,
    /// Request headers, in order.
    pub headers: Vec<(String, String)>,
    /// Whether a certificate that nobody vouches for will do.
    pub insecure: bool,
    /// Certificates that the client trusts, as PEM.
    pub trusts: Arc<str>,
    /// The address that the client was told to take for the host.
    pub resolve: Option<Ipv4Addr>,
}

/// A certificate, as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as `O=Acme Co; CN=shop.test`.
    pub subject: Arc<str>,
    /// The common name in it.
    pub common: Arc<str>,
    /// Who signed it.
    pub issuer: Arc<str>,
    /// The DNS names that it is for.
    pub names: Vec<Arc<str>>,
    /// From when it is valid, as `Oct  1 08:00:00 2026 GMT`.
    pub from: Arc<str>,
    /// Until when.
    pub until: Arc<str>,
    /// SHA-256 of the whole; empty for one that a controller made for itself.
    pub digest: Arc<str>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeKind {
    /// A program answered.
    Answered,
    /// Somebody said no: a TCP reset or an ICMP error.
    Refused,
    /// Nobody answered.
    Timeout,
    /// The network said that there is no way.
    Unreachable,
    /// The name has no address.
    DnsFailure,
    /// The connection was cut.
    Reset,
    /// The two ends did not agree on TLS.
    TlsFailure,
}

/// How a request ended, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How.
    pub kind: OutcomeKind,
    /// HTTP status of an answer; 0 if there is none.
    pub status: u16,
    /// Headers of an answer that matter: `Location`, `Set-Cookie`, a controller's `Content-Type`.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The certificate that an ingress controller answered with.
    pub certificate: Option<Arc<Certificate>>,
    /// Body of an answer.
    pub body: Arc<str>,
    /// Who answered.
    pub responder: Option<Place>,
    /// The client's address as the responder saw it.
    pub seen_source: Option<Ipv4Addr>,
    /// Of a failure: where it happened.
    pub at: Option<Place>,
    /// Of a failure: why.
    pub because: Option<Arc<Because>>,
}

/// One request, from its first packet to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Counts the session's traces, from 1.
    pub id: u64,
    /// When it began.
    pub start: Instant,
    /// Where the client is.
    pub from: Place,
    /// What was asked for.
    pub request: Request,
    /// How it ended.
    pub outcome: Outcome,
    /// Every step, in order of time; the reply's follow the request's.
    pub hops: Vec<Hop>,
}

/// `laptop`, `internet`, `node/NAME` or `pod/NS/NAME`, as traces name places; on the way also `firewall`, `balancer/NS/NAME`
/// and `control-plane`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Laptop => f.write_str("laptop"),
            Self::Internet => f.write_str("internet"),
            Self::Node(name) => write!(f, "node/{name}"),
            Self::Pod(namespace, name) => write!(f, "pod/{namespace}/{name}"),
            Self::Cloud(Cloud::Firewall) => f.write_str("firewall"),
            Self::Cloud(Cloud::Balancer(namespace, name)) => write!(f, "balancer/{namespace}/{name}"),
            Self::Cloud(Cloud::ControlPlane) => f.write_str("control-plane"),
        }
    }
}

impl Place {
    /// Reads the name of a place where clients are; `pod/NAME` is a pod of the namespace `default`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let place = match (parts.next()?, parts.next(), parts.next()) {
            ("laptop", None, _) => Self::Laptop,
            ("internet", None, _) => Self::Internet,
            ("node", Some(name), None) if !name.is_empty() => Self::Node(name.into()),
            ("pod", Some(name), None) if !name.is_empty() => Self::Pod("default".into(), name.into()),
            ("pod", Some(namespace), Some(name)) if !namespace.is_empty() && !name.is_empty() => {
                Self::Pod(namespace.into(), name.into())
            }
            _ => return None,
        };
        parts.next().is_none().then_some(place)
    }
}

impl Proto {
    /// `tcp`, as tools print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

/// `10.244.0.5:9090`; an address alone where there is no port.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => write!(f, "{}", self.ip),
            port => write!(f, "{}:{port}", self.ip),
        }
    }
}

impl Packet {
    /// The packet that answers this one.
    pub const fn reversed(self) -> Self {
        Self { proto: self.proto, src: self.dst, dst: self.src }
    }
}

impl By {
    /// The name that traces use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Resolver => "resolver",
            Self::Route => "route",
            Self::KubeProxy => "kube-proxy",
            Self::Cni => "cni",
            Self::Conntrack => "conntrack",
            Self::Link => "link",
            Self::App => "app",
            Self::Tunnel => "tunnel",
            Self::Ingress => "ingress",
            Self::Firewall => "firewall",
            Self::Gateway => "gateway",
            Self::Balancer => "balancer",
        }
    }
}

impl Action {
    /// The name that traces use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Query => "query",
            Self::Receive => "receive",
            Self::Forward => "forward",
            Self::Match => "match",
            Self::Route => "route",
            Self::Dnat => "dnat",
            Self::Snat => "snat",
            Self::Unnat => "unnat",
            Self::Deliver => "deliver",
            Self::Answer => "answer",
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Unreachable => "unreachable",
        }
    }
}

impl OutcomeKind {
    /// The name that traces use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::DnsFailure => "dns_failure",
            Self::Reset => "reset",
            Self::TlsFailure => "tls_failure",
        }
    }
}

impl Because {
    /// A reason with no rule and no field behind it.
    pub fn plain(reason: Reason) -> Arc<Self> {
        Arc::new(Self { rule: None, reason, cause: None })
    }
}

impl Trace {
    /// How long it took: the time of the last hop.
    pub fn duration(&self) -> Duration {
        self.hops.last().map_or(Duration::ZERO, |hop| hop.t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_what_they_print() {
        for text in ["laptop", "internet", "node/minikube", "pod/default/web"] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Place::parse("pod/web"), Place::parse("pod/default/web"));
        for text in ["", "moon", "node/", "pod/a/b/c", "laptop/x"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
