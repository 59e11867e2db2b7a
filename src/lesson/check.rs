//! What a learner did, judged by its effects: objects as they are, traffic since the step began.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{cluster_ip, selected};
use crate::api::store::Event;
use crate::lang::Lang;
use crate::net::Doors;
use crate::object::{Body, EndpointSlice, Ingress, Kind, Node, Object, Ref, Service};
use crate::session::Session;
use crate::trace::{Action, Cloud, OutcomeKind, Place, Request, Trace};

/// One thing that must hold. Exactly one of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Check {
    /// A Service has a cluster IP.
    pub service: Option<String>,
    /// A Service has a node port.
    pub node_port: Option<String>,
    /// A Service has an address for the outside.
    pub external: Option<String>,
    /// A Service of type LoadBalancer has none yet.
    pub pending: Option<String>,
    /// An Ingress has an address.
    pub ingress: Option<String>,
    /// So many doors stand open to the internet.
    pub doors: Option<usize>,
    /// A node is NotReady.
    pub lost: Option<String>,
    /// A node of this name is on ...
    pub runs: Option<String>,
    /// ... or is off.
    pub off: Option<String>,
    /// A Service has so many ready endpoints.
    pub endpoints: Option<Endpoints>,
    /// So many pods with a label run, and are ready or are not.
    pub pods: Option<Pods>,
    /// Pods whose names begin so have gone since the step began.
    pub gone: Option<Gone>,
    /// Requests ended so.
    pub traffic: Option<Traffic>,
}

/// See [`Check::endpoints`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    service: String,
    ready: usize,
}

/// See [`Check::pods`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pods {
    label: String,
    #[serde(default)]
    ready: Option<usize>,
    #[serde(default)]
    unready: Option<usize>,
}

/// See [`Check::gone`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gone {
    pods: String,
    count: usize,
}

/// See [`Check::traffic`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// `laptop`, `node` or `pod` (any of them), or a place as traces name it.
    from: String,
    /// A Service of the namespace `default`, whichever way it is called: by its name or any of its addresses. Or one
    /// address, as `HOST:PORT`.
    to: String,
    count: usize,
    #[serde(default)]
    outcome: Ending,
    /// HTTP status of the answers; any if none.
    #[serde(default)]
    status: Option<u16>,
    /// The host that they name, by header or URL; any if none.
    #[serde(default)]
    host: Option<String>,
    /// The path that they ask for; any if none.
    #[serde(default)]
    path: Option<String>,
    /// So many different pods answered ...
    #[serde(default)]
    pods: usize,
    /// ... and no more than so many.
    #[serde(default)]
    most: Option<usize>,
    /// Where a failure is: `node` (its kernel), `pod` (nobody listens there, say) or `firewall`.
    #[serde(default)]
    at: Option<String>,
    /// Whether the pod saw the client's own address.
    #[serde(default)]
    source: Option<Source>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Kept,
    Hidden,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ending {
    #[default]
    Answered,
    Refused,
    Timeout,
    Unreachable,
    Dns,
    Reset,
    Tls,
}

/// The moment a step began: what was before does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// The last trace before.
    pub trace: u64,
    /// The store's revision.
    pub revision: u64,
}

impl Since {
    /// Now.
    pub fn now(session: &Session) -> Self {
        Self {
            trace: session.traces().last().map_or(0, |trace| trace.id),
            revision: session.cluster().store().revision(),
        }
    }
}

/// How far the learner is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything that must hold, in the lesson's order.
    pub conditions: Vec<Condition>,
    /// The last requests that a condition on traffic looks at, one cell each; empty if there is none.
    pub cells: Vec<Cell>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What must hold, in the asked language.
    pub text: String,
    /// How much of it holds ...
    pub have: usize,
    /// ... of how much. Having more is fine only where that is meant; see `met`.
    pub want: usize,
    /// Whether it holds.
    pub met: bool,
}

/// A request that a check counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its trace; none for one that is still to be sent.
    pub trace: Option<u64>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has not been sent.
    Waiting,
    /// It is under way on the stage.
    Flying,
    /// This pod answered.
    Answered(Place),
    /// It was refused.
    Refused,
    /// It got lost in another way.
    Lost,
}

impl Report {
    /// Whether everything holds.
    pub fn is_solved(&self) -> bool {
        self.conditions.iter().all(|condition| condition.met)
    }
}

/// Judges a step. `flying` are the traces that the stage still shows under way: they count when they land.
pub fn judge(checks: &[Check], session: &Session, since: Since, flying: &BTreeSet<u64>, lang: Lang) -> Report {
    let mut report = Report::default();
    for check in checks {
        if let Some(name) = &check.service {
            let met = cluster_ip(session, name).is_some();
            let text = lang.pick(format!("{name} has a cluster IP"), format!("{name} 有了 cluster IP"));
            report.push(text, usize::from(met), 1, met);
        }
        if let Some(name) = &check.node_port {
            let met = body(session, name).is_some_and(|service| service.spec.ports.iter().any(|p| p.node_port > 0));
            let text = lang.pick(format!("{name} has a node port"), format!("{name} 有了 nodePort"));
            report.push(text, usize::from(met), 1, met);
        }
        if let Some(name) = &check.external {
            let met = body(session, name).is_some_and(|service| !service.status.load_balancer.ingress.is_empty());
            let text = lang.pick(format!("{name} has an EXTERNAL-IP"), format!("{name} 有了 EXTERNAL-IP"));
            report.push(text, usize::from(met), 1, met);
        }
        if let Some(name) = &check.pending {
            let waits = |service: &Service| {
                service.spec.r#type == "LoadBalancer" && service.status.load_balancer.ingress.is_empty()
            };
            let met = body(session, name).is_some_and(waits);
            let text = lang.pick(format!("{name} waits for an EXTERNAL-IP"), format!("{name} 还在等 EXTERNAL-IP"));
            report.push(text, usize::from(met), 1, met);
        }
        if let Some(name) = &check.ingress {
            let key = Ref::new(Kind::Ingress, "default", name.as_str());
            let object = session.cluster().store().get(&key).and_then(|object| object.body::<Ingress>());
            let met = object.is_some_and(|ingress| !ingress.status.load_balancer.ingress.is_empty());
            let text = lang.pick(format!("Ingress {name} has an ADDRESS"), format!("Ingress {name} 有了 ADDRESS"));
            report.push(text, usize::from(met), 1, met);
        }
        if let Some(want) = check.doors {
            let cluster = session.cluster();
            let openings = cluster.firewall().unwrap_or_default();
            let have = Doors::of(cluster.store(), cluster.profile(), openings).count();
            let text =
                lang.pick(format!("{want} doors stand open to the internet"), format!("对互联网敞开的门有 {want} 扇"));
            report.push(text, have, want, have == want);
        }
        if let Some(name) = &check.lost {
            let object = session.cluster().store().get(&Ref::new(Kind::Node, "", name.as_str()));
            let node = object.and_then(|object| object.body::<Node>());
            let met = node
                .is_some_and(|node| !node.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True"));
            let text = lang.pick(format!("node {name} is NotReady"), format!("节点 {name} 是 NotReady"));
            report.push(text, usize::from(met), 1, met);
        }
        for (name, off) in [(&check.runs, false), (&check.off, true)] {
            let Some(name) = name else { continue };
            let met = session.cluster().outages().is_stopped(name) == off;
            let text = match off {
                false => lang.pick(format!("node {name} is on"), format!("节点 {name} 已开机")),
                true => lang.pick(format!("node {name} is off"), format!("节点 {name} 已关机")),
            };
            report.push(text, usize::from(met), 1, met);
        }
        if let Some(Endpoints { service, ready: want }) = &check.endpoints {
            let have = ready_endpoints(session, service);
            let text = match want {
                0 => lang.pick(format!("{service} has no endpoints"), format!("{service} 没有端点")),
                n => lang.pick(format!("{service} has {n} ready endpoints"), format!("{service} 有 {n} 个就绪的端点")),
            };
            // A Service that is not there has no endpoints either, but that is not what is meant.
            let met = have == *want && cluster_ip(session, service).is_some();
            report.push(text, if *want == 0 { usize::from(met) } else { have }, (*want).max(1), met);
        }
        if let Some(Pods { label, ready, unready }) = &check.pods {
            let count = |ready| selected(session, label).filter(|pod| runs(pod) == Some(ready)).count();
            if let Some(want) = ready {
                let have = count(true);
                let text = lang.pick(format!("{want} pods are ready"), format!("{want} 个 Pod 就绪"));
                report.push(text, have, *want, have == *want);
            }
            if let Some(want) = unready {
                let have = count(false);
                let text = match want {
                    1 => lang.pick("1 pod runs but is not ready".to_owned(), "1 个 Pod 在运行但未就绪".to_owned()),
                    n => lang.pick(format!("{n} pods run but are not ready"), format!("{n} 个 Pod 在运行但未就绪")),
                };
                report.push(text, have, *want, have == *want);
            }
        }
        if let Some(Gone { pods, count }) = &check.gone {
            let store = session.cluster().store();
            let gone = |(key, event): &&(Ref, Event)| {
                *event == Event::Removed && key.kind == Kind::Pod && key.name.starts_with(pods.as_str())
            };
            let have = store.changes_since(since.revision).iter().filter(gone).count();
            let text = match count {
                1 => lang.pick("a pod has gone".to_owned(), "有一个 Pod 消失了".to_owned()),
                n => lang.pick(format!("{n} pods have gone"), format!("有 {n} 个 Pod 消失了")),
            };
            report.push(text, have, *count, have >= *count);
        }
        if let Some(traffic) = &check.traffic {
            traffic.judge(session, since, flying, lang, &mut report);
        }
    }
    report
}

impl Report {
    fn push(&mut self, text: String, have: usize, want: usize, met: bool) {
        self.conditions.push(Condition { text, have, want, met });
    }
}

impl Traffic {
    fn judge(&self, session: &Session, since: Since, flying: &BTreeSet<u64>, lang: Lang, report: &mut Report) {
        let counts = |trace: &&Trace| {
            self.is_from(&trace.from) && self.is_to(&trace.request.url, session) && self.is_about(&trace.request)
        };
        let traces = session.traces().iter().map(|trace| &**trace).filter(|trace| trace.id > since.trace);
        let traces: Vec<&Trace> = traces.filter(counts).collect();
        let landed = || traces.iter().filter(|trace| !flying.contains(&trace.id));
        let good: Vec<&&Trace> = landed().filter(|trace| self.is_wanted(trace)).collect();
        let have = good.len();
        report.push(self.sentence(lang), have.min(self.count), self.count, have >= self.count);
        let pods: BTreeSet<&Place> = good.iter().filter_map(|trace| trace.outcome.responder.as_ref()).collect();
        if let Some(most) = self.most {
            let met = have > 0 && pods.len() <= most;
            let text = lang.pick(format!("no more than {}", plural(most, "pod")), format!("来自不超过 {most} 个 Pod"));
            report.push(text, usize::from(met), 1, met);
        }
        if self.pods > 0 {
            let text = lang.pick(
                format!("{} different pods", number(self.pods, lang)),
                format!("来自 {} 个不同的 Pod", self.pods),
            );
            report.push(text, pods.len().min(self.pods), self.pods, pods.len() >= self.pods);
        }
        if report.cells.is_empty() {
            let skip = traces.len().saturating_sub(self.count);
            let cell = |trace: &&Trace| Cell { trace: Some(trace.id), fate: fate(trace, flying) };
            report.cells = traces[skip..].iter().map(cell).collect();
            report.cells.resize(self.count, Cell { trace: None, fate: Fate::Waiting });
        }
    }

    fn is_from(&self, place: &Place) -> bool {
        match (self.from.as_str(), place) {
            ("laptop", Place::Laptop)
            | ("internet", Place::Internet)
            | ("node", Place::Node(_))
            | ("pod", Place::Pod(..)) => true,
            (from, Place::Node(name)) => from.strip_prefix("node/") == Some(name),
            (from, Place::Pod(namespace, name)) => from.strip_prefix("pod/") == Some(&format!("{namespace}/{name}")),
            _ => false,
        }
    }

    /// Whether a URL calls the Service: by its address, or by any of its names.
    fn is_to(&self, url: &str, session: &Session) -> bool {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let host = host.trim_end_matches('.');
        if self.to.contains(':') {
            return self.to == format!("{host}:{port}");
        }
        let rest = host.strip_prefix(self.to.as_str());
        if matches!(rest, Some("" | ".default" | ".default.svc" | ".default.svc.cluster.local")) {
            return true;
        }
        let Some(service) = body(session, &self.to) else { return false };
        let spec = &service.spec;
        let balanced = service.status.load_balancer.ingress.iter().map(|ingress| &ingress.ip);
        let own = std::iter::once(&spec.cluster_ip).chain(&spec.external_ips).chain(balanced);
        own.into_iter().any(|address| address == host)
            || spec.ports.iter().any(|p| p.node_port > 0 && p.node_port.to_string() == port)
                && session
                    .cluster()
                    .store()
                    .all::<Node>()
                    .any(|(_, node)| node.status.addresses.iter().any(|address| address.address == host))
    }

    /// Whether a request names the host and asks for the path.
    fn is_about(&self, request: &Request) -> bool {
        let rest = request.url.split_once("://").map_or(&*request.url, |(_, rest)| rest);
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let named = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let named = named.map_or(authority, |(_, value)| value.as_str());
        let host = named.split(':').next().unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        self.host.as_ref().is_none_or(|want| want == host) && self.path.as_ref().is_none_or(|want| want == path)
    }

    fn is_wanted(&self, trace: &Trace) -> bool {
        let outcome = &trace.outcome;
        let kind = match self.outcome {
            Ending::Answered => OutcomeKind::Answered,
            Ending::Refused => OutcomeKind::Refused,
            Ending::Timeout => OutcomeKind::Timeout,
            Ending::Unreachable => OutcomeKind::Unreachable,
            Ending::Dns => OutcomeKind::DnsFailure,
            Ending::Reset => OutcomeKind::Reset,
            Ending::Tls => OutcomeKind::TlsFailure,
        };
        let place = matches!(
            (self.at.as_deref(), &outcome.at),
            (None, _)
                | (Some("node"), Some(Place::Node(_)))
                | (Some("pod"), Some(Place::Pod(..)))
                | (Some("firewall"), Some(Place::Cloud(Cloud::Firewall)))
        );
        let own = trace.hops.iter().rfind(|hop| hop.action == Action::Connect).map(|hop| hop.packet.src.ip);
        let source = self.source.is_none_or(|want| (own == outcome.seen_source) == (want == Source::Kept));
        outcome.kind == kind && place && source && self.status.is_none_or(|status| status == outcome.status)
    }

    fn sentence(&self, lang: Lang) -> String {
        let n = number(self.count, lang);
        let s = if self.count == 1 { "" } else { "s" };
        let mut of = match self.from.split('/').next().unwrap_or_default() {
            "laptop" => lang.pick("from the laptop", "从你的电脑发出的").to_owned(),
            "internet" => lang.pick("from the internet", "从互联网发出的").to_owned(),
            "node" => lang.pick("from the node", "从节点发出的").to_owned(),
            _ => lang.pick("from a pod", "从 Pod 发出的").to_owned(),
        };
        if self.to.contains(':') {
            of = lang.pick(format!("{of} by {}", self.to), format!("{of}、经 {} 的", self.to));
        }
        if self.host.is_some() || self.path.is_some() {
            let what =
                format!("{}{}", self.host.as_deref().unwrap_or_default(), self.path.as_deref().unwrap_or_default());
            of = lang.pick(format!("{of} for {what}"), format!("{of}、请求 {what} 的"));
        }
        match self.source {
            Some(Source::Kept) => of = lang.pick(format!("{of}, your address kept,"), format!("{of}、保留你的地址的")),
            Some(Source::Hidden) => {
                of = lang.pick(format!("{of}, your address hidden,"), format!("{of}、隐藏你的地址的"))
            }
            None => {}
        }
        match (self.outcome, self.status) {
            (Ending::Answered, Some(status)) => {
                lang.pick(format!("{n} answer{s} {of} with status {status}"), format!("{of} {n} 个请求得到 {status}"))
            }
            (Ending::Answered, None) => lang.pick(format!("{n} answer{s} {of}"), format!("{of} {n} 个请求有回答")),
            (Ending::Refused, _) => {
                match self.at.as_deref() {
                    Some("pod") => lang
                        .pick(format!("{n} request{s} {of} refused by a pod"), format!("{of} {n} 个请求被 Pod 拒绝")),
                    Some(_) => lang
                        .pick(format!("{n} request{s} {of} refused by a kernel"), format!("{of} {n} 个请求被内核拒绝")),
                    None => lang.pick(format!("{n} request{s} {of} refused"), format!("{of} {n} 个请求被拒绝")),
                }
            }
            (Ending::Unreachable, _) => {
                lang.pick(format!("{n} request{s} {of} unreachable"), format!("{of} {n} 个请求不可达"))
            }
            (Ending::Timeout, _) => match self.at.as_deref() {
                Some("firewall") => lang.pick(
                    format!("{n} request{s} {of} dropped by the firewall"),
                    format!("{of} {n} 个请求被防火墙丢弃"),
                ),
                _ => lang.pick(format!("{n} request{s} {of} timed out"), format!("{of} {n} 个请求超时")),
            },
            (Ending::Dns, _) => {
                lang.pick(format!("{n} request{s} {of} to a name unknown"), format!("{of} {n} 个请求解析不到名字"))
            }
            (Ending::Reset, _) => {
                lang.pick(format!("{n} request{s} {of} cut off"), format!("{of} {n} 个请求的连接被中断"))
            }
            (Ending::Tls, _) => {
                lang.pick(format!("{n} request{s} {of} without trust"), format!("{of} {n} 个请求不信任证书"))
            }
        }
    }
}

impl Check {
    /// How the requests that it asks for end, in a word or two; none if it asks for none.
    pub fn ending(&self, lang: Lang) -> Option<String> {
        let traffic = self.traffic.as_ref()?;
        Some(match (traffic.outcome, traffic.status) {
            (Ending::Answered, Some(status)) => status.to_string(),
            (Ending::Answered, None) => lang.pick("answered", "有回答").to_owned(),
            (Ending::Refused, _) => lang.pick("refused", "被拒绝").to_owned(),
            (Ending::Timeout, _) => lang.pick("timed out", "超时").to_owned(),
            (Ending::Unreachable, _) => lang.pick("unreachable", "不可达").to_owned(),
            (Ending::Dns, _) => lang.pick("no such name", "没有这个名字").to_owned(),
            (Ending::Reset, _) => lang.pick("reset", "被重置").to_owned(),
            (Ending::Tls, _) => lang.pick("no TLS", "TLS 失败").to_owned(),
        })
    }
}

fn fate(trace: &Trace, flying: &BTreeSet<u64>) -> Fate {
    match (&trace.outcome.responder, trace.outcome.kind) {
        _ if flying.contains(&trace.id) => Fate::Flying,
        (Some(pod), OutcomeKind::Answered) => Fate::Answered(pod.clone()),
        (_, OutcomeKind::Refused | OutcomeKind::Reset) => Fate::Refused,
        _ => Fate::Lost,
    }
}

fn plural(n: usize, what: &str) -> String {
    format!("{} {what}{}", number(n, Lang::En), if n == 1 { "" } else { "s" })
}

/// Small numbers in words, as prose has them.
fn number(n: usize, lang: Lang) -> String {
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    match (lang, words.get(n)) {
        (Lang::En, Some(word)) => (*word).to_owned(),
        _ => n.to_string(),
    }
}

/// A Service of the namespace `default`.
fn body<'a>(session: &'a Session, name: &str) -> Option<&'a Service> {
    session.cluster().store().get(&Ref::new(Kind::Service, "default", name))?.body::<Service>()
}

/// Whether a running pod is ready; none if it does not run, or is on its way out.
fn runs(pod: &Object) -> Option<bool> {
    let Body::Pod(body) = &pod.body else { return None };
    let runs = body.status.phase == "Running" && pod.meta.deletion_timestamp.is_none();
    runs.then(|| body.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True"))
}

/// How many endpoints of a Service get traffic.
fn ready_endpoints(session: &Session, service: &str) -> usize {
    let mut ready: BTreeMap<&str, bool> = BTreeMap::new();
    for (meta, slice) in session.cluster().store().all::<EndpointSlice>() {
        if meta.namespace == "default" && meta.labels.get("kubernetes.io/service-name").is_some_and(|s| s == service) {
            for endpoint in &slice.endpoints {
                for address in &endpoint.addresses {
                    *ready.entry(address).or_default() |= endpoint.conditions.ready.unwrap_or(true);
                }
            }
        }
    }
    ready.values().filter(|ready| **ready).count()
}
