//! Traefik 3: the Ingress provider, and how its routers choose.
//!
//! Stands for `pkg/provider/kubernetes/ingress/kubernetes.go` (`loadConfigurationFromIngresses`, `loadService`, `loadRouter`)
//! and `pkg/muxer/http`. Every path is a router of its own; the longest rule goes first, whatever its host. So what differs
//! from nginx:
//!
//! - No host shuts out another: a path that a host lacks may be another router's.
//! - `PathPrefix` compares letters: `/red/blu` takes `/red/bluish`, and `/cup/` does not take `/cup`.
//! - Without endpoints a router is not made at all (404), unless `allowEmptyServices` is set, as Traefik's Helm chart does
//!   since version 31 (503). A Service or port that is missing always gives 404.
//! - TLS redirects nobody, and a default backend counts only in an Ingress without rules.
//!
//! Modelled annotations: `router.priority`, `router.pathmatcher` (Path and PathPrefix). Left out: middlewares, sticky
//! sessions, `router.entrypoints`, `router.tls`, path matchers with regular expressions, `strictPrefixMatching`. Routers with
//! rules of one length come by name; in Traefik their order is not told.

use std::sync::Arc;

use super::backend::{self, Ports};
use super::nginx::shown;
use super::{
    Arrived, Balance, Controller, Decision, Flavour, Forward, Note, NoteKind, Reply, Retry, Router, Target, TlsHost,
    page,
};
use crate::api::Store;
use crate::net::route::{Asked, HostRule, NOWHERE, PathRule, Rule, Server, Table};
use crate::object::{FieldRef, HttpIngressPath, Ingress, IngressServiceBackend, Kind, Meta, Ref};
use crate::time::Duration;
use crate::trace::{Because, ChosenBy, Reason, Routing};

/// What its annotations begin with.
const PREFIX: &str = "traefik.ingress.kubernetes.io/";
/// Those that Traefik knows in an Ingress, and whether they are modelled.
const KNOWN: &[(&str, bool)] = &[
    ("router.entrypoints", false),
    ("router.middlewares", false),
    ("router.pathmatcher", true),
    ("router.priority", true),
    ("router.tls", false),
    ("router.tls.certresolver", false),
    ("router.tls.options", false),
];

/// A router, while the table is made.
struct Made {
    priority: i64,
    key: String,
    rule: Rule,
}

/// What a controller serves.
pub(super) fn router(store: &Store, controller: &Arc<Controller>) -> Router {
    let mut router = Router {
        controller: controller.clone(),
        table: Table::default(),
        targets: Vec::new(),
        backends: Vec::new(),
        tls: Vec::new(),
        hsts: false,
        unmade: Vec::new(),
        notes: Vec::new(),
    };
    let mut made = Vec::new();
    let mut has_default = false;
    for (meta, ingress) in store.all::<Ingress>().filter(|(meta, ingress)| controller.owns(store, meta, ingress)) {
        let key = Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str());
        note_annotations(meta, &key, &mut router.notes);
        for (n, tls) in ingress.spec.tls.iter().enumerate().filter(|(_, tls)| !tls.secret_name.is_empty()) {
            // Traefik goes by the names in the certificate alone.
            let secret = Ref::new(Kind::Secret, meta.namespace.as_str(), tls.secret_name.as_str());
            let cause = FieldRef::new(key.clone(), format!("spec.tls[{n}]"));
            router.tls.push(TlsHost { host: "".into(), secret: None, others: vec![secret], cause });
        }
        if let (true, Some(service)) =
            (ingress.spec.rules.is_empty(), ingress.spec.default_backend.as_ref().and_then(|b| b.service.as_ref()))
        {
            let cause = FieldRef::new(key.clone(), "spec.defaultBackend.service.name");
            if let Some(to) = router.target(store, &key, service, &cause, true).filter(|_| !has_default) {
                has_default = true;
                let path = PathRule::Letters("/".into());
                let rule = Rule { host: HostRule::Any, path, to, shown: None, cause: Some(cause) };
                made.push(Made { priority: i64::MIN, key: "default-router".to_owned(), rule });
            }
        }
        for (i, rule) in ingress.spec.rules.iter().enumerate() {
            for (j, path) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
                let field = FieldRef::new(key.clone(), format!("spec.rules[{i}].http.paths[{j}]"));
                let Some(service) = &path.backend.service else {
                    router.notes.push(Note { field, kind: NoteKind::NoService });
                    continue;
                };
                let cause = FieldRef::new(key.clone(), format!("{}.backend.service.name", field.path));
                let to = router.target(store, &key, service, &cause, false).unwrap_or(NOWHERE);
                let (matcher, path_rule) = matcher(meta, path);
                let rule_text = rule_text(&rule.host, matcher, &path.path);
                let priority = annotation(meta, "router.priority").and_then(|text| text.parse().ok());
                made.push(Made {
                    priority: priority.filter(|priority| *priority != 0).unwrap_or(rule_text.len() as i64),
                    key: format!("{}-{}-{}{}", meta.namespace, meta.name, rule.host, path.path),
                    rule: Rule {
                        host: HostRule::of(&rule.host),
                        path: path_rule,
                        to,
                        shown: Some(shown(&rule.host, &path.path, path.path_type.as_deref())),
                        cause: Some(field),
                    },
                });
            }
        }
    }
    crate::sort::by(&mut made, |a, b| b.priority.cmp(&a.priority).then_with(|| a.key.cmp(&b.key)));
    let rules = made.into_iter().map(|made| made.rule).collect();
    router.table = Table::new(vec![Server { host: HostRule::Any, rules }]);
    router
}

fn annotation<'a>(meta: &'a Meta, name: &str) -> Option<&'a str> {
    meta.annotations.get(&format!("{PREFIX}{name}")).map(|value| value.trim())
}

fn note_annotations(meta: &Meta, key: &Ref, notes: &mut Vec<Note>) {
    for name in meta.annotations.keys() {
        let known = name.strip_prefix(PREFIX).map(|name| KNOWN.iter().find(|(known, _)| *known == name));
        let kind = match known {
            Some(Some((_, true))) => continue,
            Some(Some(_)) => NoteKind::Unmodelled,
            Some(None) => NoteKind::UnknownAnnotation,
            None if name.contains(".ingress.kubernetes.io/") => NoteKind::OtherController,
            None => continue,
        };
        notes.push(Note { field: FieldRef::new(key.clone(), format!("metadata.annotations[{name}]")), kind });
    }
}

/// Traefik's matcher for a path, by name and as a row.
fn matcher(meta: &Meta, path: &HttpIngressPath) -> (&'static str, PathRule) {
    let text: Arc<str> = path.path.as_str().into();
    let exact = match path.path_type.as_deref() {
        Some("Exact") => true,
        Some("Prefix") => false,
        _ => annotation(meta, "router.pathmatcher") == Some("Path"),
    };
    if exact && !text.is_empty() { ("Path", PathRule::Exact(text)) } else { ("PathPrefix", PathRule::Letters(text)) }
}

/// The rule as Traefik writes it, whose length is its priority.
fn rule_text(host: &str, matcher: &str, path: &str) -> String {
    let host = match host.strip_prefix("*.") {
        Some(rest) => format!("HostRegexp(`^[a-zA-Z0-9-]+\\.{}$`)", rest.replace('.', "\\.").replace('-', "\\-")),
        None if host.is_empty() => String::new(),
        None => format!("Host(`{host}`)"),
    };
    let path = if path.is_empty() { String::new() } else { format!("{matcher}(`{path}`)") };
    let and = if host.is_empty() || path.is_empty() { "" } else { " && " };
    format!("{host}{and}{path}")
}

impl Router {
    /// The target of a router; none if Traefik does not make one.
    fn target(
        &mut self,
        store: &Store,
        key: &Ref,
        service: &IngressServiceBackend,
        cause: &FieldRef,
        fallback: bool,
    ) -> Option<usize> {
        let made = backend::read(store, &key.namespace, service, cause.clone(), Ports::Strict, false);
        let why = made.lacking.as_ref().map(|because| &because.reason);
        let empty = matches!(why, Some(Reason::Routing(Routing::BackendEmpty(_))));
        if why.is_some() && !(empty && self.controller.empty_services) {
            self.unmade.push(made.service);
            self.notes.push(Note { field: cause.clone(), kind: NoteKind::NoRouter });
            return None;
        }
        self.backends.push(made);
        let backend = Some(self.backends.len() - 1);
        let ingress = Some(key.clone());
        self.targets.push(Target { backend, fallback, ingress, cause: Some(cause.clone()), ..Target::default() });
        Some(self.targets.len() - 1)
    }
}

/// What becomes of a request.
pub(super) fn decide(router: &Router, arrived: &Arrived<'_>, balance: &mut Balance) -> Decision {
    let host = arrived.host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let asked = Asked { host: &host, path: arrived.path };
    let choice = router.table.choose(&asked);
    let compared = router.table.compared(&asked, &choice);
    let found = choice.rule.and_then(|rule| {
        let target = router.targets.get(rule.to)?;
        Some((rule, target, router.backends.get(target.backend?)?))
    });
    let because = |why: Routing, cause| Arc::new(Because { rule: None, reason: Reason::Routing(why), cause });
    let answer = |status, because| {
        let (body, kind) = page(Flavour::Traefik, status);
        Decision::Answer(Reply { status, headers: vec![("Content-Type".into(), kind.into())], body, because })
    };
    let Some((rule, target, backend)) = found else {
        let asked: Arc<str> = format!("{host}{}", arrived.path).into();
        return answer(404, because(Routing::NoRuleMatches { asked, compared }, None));
    };
    if let Some(lacking) = &backend.lacking {
        return answer(503, lacking.clone());
    }
    let all = &backend.endpoints;
    let first = balance.turn(arrived.pod, &backend.name, all.len());
    let Some(candidate) = all.get(first).cloned() else {
        return answer(503, because(Routing::BackendEmpty(backend.name.clone()), None));
    };
    let to = backend.name.clone();
    let decided = match rule.shown.clone().filter(|_| !target.fallback) {
        Some(rule) => Routing::RuleWins { rule, to, compared },
        None => Routing::DefaultBackend { to, compared },
    };
    let chosen = Routing::EndpointChosen {
        service: backend.name.clone(),
        endpoint: candidate.name.clone(),
        of: all.len() as u32,
        how: ChosenBy::Turn,
    };
    Decision::Forward(Box::new(Forward {
        backend: backend.name.clone(),
        tls: candidate.socket.port == 443
            || backend.name.rsplit(':').next().is_some_and(|port| port.starts_with("https") || port == "443"),
        candidates: vec![candidate],
        retry: Retry { on_error: false, on_timeout: false, resends: false, on_status: Vec::new() },
        host: arrived.host.into(),
        path: arrived.path.into(),
        query: arrived.query.into(),
        headers: headers(arrived),
        answer_headers: Vec::new(),
        // `serversTransport.forwardingTimeouts`: 30 seconds to connect, any time to answer.
        connect_timeout: Duration::from_secs(30),
        read_timeout: Duration::ZERO,
        because: because(decided, rule.cause.clone()),
        further: Vec::new(),
        chosen: because(chosen, Some(backend.cause.clone())),
    }))
}

/// The request's headers as the endpoint gets them: the client's, without what it says of forwarding, and then Traefik's own.
fn headers(arrived: &Arrived<'_>) -> Vec<(Arc<str>, Arc<str>)> {
    const OWN: [&str; 8] = [
        "host",
        "connection",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    ];
    let mut all: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    for (name, value) in arrived.headers {
        if !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            all.push((name.as_str().into(), value.as_str().into()));
        }
    }
    let client: Arc<str> = arrived.client.to_string().into();
    let port = arrived.host.rsplit_once(':').map_or(if arrived.tls { "443" } else { "80" }, |(_, port)| port);
    let pod = match arrived.pod {
        crate::trace::Place::Pod(_, name) => name.clone(),
        _ => "".into(),
    };
    all.extend([
        ("X-Forwarded-For".into(), client.clone()),
        ("X-Forwarded-Host".into(), arrived.host.into()),
        ("X-Forwarded-Port".into(), port.into()),
        ("X-Forwarded-Proto".into(), (if arrived.tls { "https" } else { "http" }).into()),
        ("X-Forwarded-Server".into(), pod),
        ("X-Real-Ip".into(), client),
    ]);
    all
}
