//! Ingress controllers: which Ingresses one serves, the routing table that it makes of them, and what it decides about a
//! request.
//!
//! A controller is a pod: its image says which program it is, its arguments which class it serves. What differs between
//! programs is in [`nginx`] and `traefik`, as data and small functions; here is what they share. Knows nothing of packets:
//! who reads a request and connects to the chosen endpoint is `gate`'s business.

mod backend;
mod balance;
mod controller;
pub mod nginx;
mod page;
mod traefik;

use std::sync::Arc;

pub use balance::Balance;
pub use page::page;

use super::route::{HostRule, Pattern, Table};
use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{FieldRef, Ref};
use crate::time::{Duration, Instant};
use crate::trace::{Because, Place, Socket};

/// Which program a controller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavour {
    /// ingress-nginx.
    Nginx,
    /// Traefik.
    Traefik,
}

/// A controller, as its image and arguments make it. Pods that are alike share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// Which program.
    pub flavour: Flavour,
    /// What `spec.controller` of its IngressClasses is.
    pub controller: Arc<str>,
    /// What the annotation `kubernetes.io/ingress.class` names; of Traefik the only IngressClass that it serves, if any.
    pub class: Arc<str>,
    /// Whether it serves Ingresses without a class, too.
    pub without_class: bool,
    /// Whether a rule stays when its Service has no endpoint (Traefik's `allowEmptyServices`).
    pub empty_services: bool,
    /// The Service for what no rule matches (nginx' `--default-backend-service`).
    pub default_backend: Option<Ref>,
    /// nginx' `--configmap`.
    pub config: Option<Ref>,
    /// Where it listens, and whether it speaks TLS there.
    pub listens: Vec<(u16, bool)>,
}

/// What a controller serves: its table, and what its targets mean. Made once for each change of the objects behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Router {
    /// Whose it is.
    pub controller: Arc<Controller>,
    /// Rules; their targets are numbers of `targets`.
    pub table: Table,
    /// What a rule does with a request.
    pub targets: Vec<Target>,
    /// Services with their endpoints; targets name them by number.
    pub backends: Vec<Backend>,
    /// Hosts that are served with a certificate.
    pub tls: Vec<TlsHost>,
    /// Whether answers by TLS ask browsers to stay with it.
    pub hsts: bool,
    /// Services of rules that came to nothing, as long as nothing changes.
    pub unmade: Vec<Ref>,
    /// What it could not read or does not know, for whoever looks for mistakes.
    pub notes: Vec<Note>,
}

/// A host that is served with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsHost {
    /// The host, as the Ingress has it; empty for any.
    pub host: Arc<str>,
    /// The Secret that `spec.tls` names for the host; none where it names none.
    pub secret: Option<Ref>,
    /// Secrets of the same Ingress whose certificate is taken if it is for the host, where none is named.
    pub others: Vec<Ref>,
    /// The field behind it.
    pub cause: FieldRef,
}

/// Something about an Ingress that its controller passes over in silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub field: FieldRef,
    /// What.
    pub kind: NoteKind,
}

/// What a [`Note`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// The controller knows no such annotation.
    UnknownAnnotation,
    /// The controller knows the annotation, and the lab does not model it.
    Unmodelled,
    /// The annotation's value is invalid, so that the controller does as if it were not there.
    InvalidValue,
    /// The annotation is another controller's.
    OtherController,
    /// An older rule says the same; this one is never asked.
    Shadowed,
    /// The rule leads to no Service.
    NoService,
    /// The rule's Service, its port or its endpoints are missing, so that Traefik makes no router of it.
    NoRouter,
}

/// What a rule does with a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// What it is for.
    pub act: Act,
    /// The backend; none where the controller answers 404 itself.
    pub backend: Option<usize>,
    /// Whether it is a default backend, and no rule's own.
    pub fallback: bool,
    /// The path that a rewrite matches.
    pub path: Arc<str>,
    /// The path of a session's cookie.
    pub cookie_path: Arc<str>,
    /// Whether a session's cookie is sent here.
    pub sets_cookie: bool,
    /// What `rewrite-target` replaces.
    pub rewrite: Option<Pattern>,
    /// The Ingress, for its annotations' fields.
    pub ingress: Option<Ref>,
    /// The field behind it.
    pub cause: Option<FieldRef>,
    /// What nginx' annotations set; Traefik has none.
    pub annotations: Option<Arc<nginx::Annotations>>,
}

/// What a row of the table is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// To serve a backend.
    #[default]
    Serve,
    /// To send clients that ask for `/` elsewhere.
    AppRoot(Arc<str>),
    /// To add the slash that a path lacks.
    AddSlash(Arc<str>),
    /// To answer the controller's own health check.
    Health,
}

/// A Service's port, with its endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// The Service and the port as the Ingress has it: `default/web:80`.
    pub name: Arc<str>,
    /// The Service.
    pub service: Ref,
    /// The field that names it.
    pub cause: FieldRef,
    /// Whether it is of type ExternalName, so that it may depend on other Services.
    pub external: bool,
    /// Ready endpoints, by address.
    pub endpoints: Vec<Candidate>,
    /// Why there is none; none where there is one.
    pub lacking: Option<Arc<Because>>,
    /// How its sessions are kept.
    pub affinity: Option<Arc<nginx::Affinity>>,
    /// When it takes requests of others, if it is a canary.
    pub canary: Option<Arc<nginx::Canary>>,
    /// The canary that may take its requests, by number.
    pub alternative: Option<usize>,
}

/// An endpoint that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its address and port.
    pub socket: Socket,
    /// Who answers there: a pod's name, or the address itself.
    pub name: Arc<str>,
}

/// A request, as a controller's pod has read it.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// The controller's pod.
    pub pod: &'a Place,
    /// Its port that the request came to.
    pub port: u16,
    /// Whether it came by TLS.
    pub tls: bool,
    /// The client's address as the pod sees it.
    pub client: Ipv4Addr,
    /// `GET`
    pub method: &'a str,
    /// The header `Host`, with a port if the client wrote one.
    pub host: &'a str,
    /// The path as it was sent, without the query.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: &'a str,
    /// All headers, in order.
    pub headers: &'a [(String, String)],
    /// When.
    pub now: Instant,
}

/// What a controller does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It answers itself.
    Answer(Reply),
    /// It sends the request on.
    Forward(Box<Forward>),
}

/// An answer of the controller's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers that matter: `Location`, `Set-Cookie`, `Content-Type`.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The page.
    pub body: Arc<str>,
    /// Why.
    pub because: Arc<Because>,
}

/// A request to send on.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// `default/web:80`, the backend that it goes to.
    pub backend: Arc<str>,
    /// Whom to ask, in this order; the same may stand several times. Never empty.
    pub candidates: Vec<Candidate>,
    /// When to ask the next one.
    pub retry: Retry,
    /// Whether to speak TLS to the endpoint.
    pub tls: bool,
    /// The header `Host` for the endpoint.
    pub host: Arc<str>,
    /// The path for the endpoint.
    pub path: Arc<str>,
    /// The query for the endpoint, without its question mark.
    pub query: Arc<str>,
    /// All headers for the endpoint but `Host`: the client's, and those that the controller adds or takes away.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// Headers to add to the answer.
    pub answer_headers: Vec<(Arc<str>, Arc<str>)>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for an answer; zero for as long as it takes.
    pub read_timeout: Duration,
    /// Which rule won, with the rules compared.
    pub because: Arc<Because>,
    /// What else happened on the way, each with its reason: a canary, a rewritten path.
    pub further: Vec<Arc<Because>>,
    /// Why the first candidate was chosen.
    pub chosen: Arc<Because>,
}

/// When the next endpoint is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// After a refused or lost connection.
    pub on_error: bool,
    /// After a timeout.
    pub on_timeout: bool,
    /// Whether a request that was sent already may be sent again; one that was not always may.
    pub resends: bool,
    /// After answers of these statuses.
    pub on_status: Vec<u16>,
}

impl Router {
    /// What a controller serves, as its objects are now.
    pub fn of(store: &Store, controller: &Arc<Controller>) -> Self {
        match controller.flavour {
            Flavour::Nginx => nginx::router(store, controller),
            Flavour::Traefik => traefik::router(store, controller),
        }
    }

    /// Whether it depends on a Service.
    pub fn reads(&self, service: &Ref) -> bool {
        let default = || self.controller.default_backend.as_ref() == Some(service);
        self.backends.iter().any(|backend| backend.external || backend.service == *service)
            || self.unmade.contains(service)
            || default()
    }

    /// What becomes of a request.
    pub fn decide(&self, arrived: &Arrived<'_>, balance: &mut Balance) -> Decision {
        match self.controller.flavour {
            Flavour::Nginx => nginx::decide(self, arrived, balance),
            Flavour::Traefik => traefik::decide(self, arrived, balance),
        }
    }

    /// The host that is served with a certificate, for a name that a client asks for.
    pub fn tls_host(&self, name: &str) -> Option<&TlsHost> {
        let name = name.to_ascii_lowercase();
        let exact = |host: &&TlsHost| HostRule::of(&host.host) == HostRule::Exact(name.as_str().into());
        let wild = |host: &&TlsHost| match HostRule::of(&host.host) {
            wild @ HostRule::Wildcard(_) => wild.matches(&name),
            _ => false,
        };
        self.tls.iter().find(exact).or_else(|| self.tls.iter().find(wild))
    }
}

/// The endpoints in the order in which a session prefers them: highest random weight first, so that a change of endpoints
/// moves few sessions.
fn rendezvous(key: &str, all: &[Candidate]) -> Vec<usize> {
    let weight = |n: &usize| {
        let socket = all.get(*n).map(|candidate| (u32::from(candidate.socket.ip), candidate.socket.port));
        let (ip, port) = socket.unwrap_or_default();
        let bytes = ip.to_be_bytes().into_iter().chain(port.to_be_bytes()).chain(key.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        // The last bytes must reach the high bits, too.
        let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        std::cmp::Reverse(hash ^ (hash >> 29))
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    crate::sort::by_key(&mut order, weight);
    order
}
