//! What the last requests show that no manifest does: names, addresses and ports that were asked for in the wrong place.

use std::sync::Arc;

use super::desk::{Desk, named, nearest};
use super::{Finding, Fix};
use crate::object::{FieldRef, Kind, Pod, Ref, Service};
use crate::trace::{Action, Lost, OutcomeKind, Outside, Place, Reason, Routing, Trace};

pub(super) fn look(desk: &mut Desk<'_>) {
    kept_alive(desk);
    // The newest first: it is what the reader has just seen.
    for trace in desk.asked.traces.iter().rev() {
        if desk.is_full() {
            return;
        }
        let before = desk.found.len();
        one(desk, trace);
        // The same again is one finding of several traces.
        let Some(new) = desk.found.get(before) else { continue };
        let (id, field) = (new.id, new.field.clone());
        match desk.found[..before].iter().position(|known| known.id == id && known.field == field) {
            Some(known) => {
                desk.found.truncate(before);
                desk.found[known].traces.push(trace.id);
            }
            None => desk.found[before].traces.push(trace.id),
        }
    }
}

fn one(desk: &mut Desk<'_>, trace: &Trace) {
    let outcome = &trace.outcome;
    let reasons = || {
        let hops = trace.hops.iter().rev().map(|hop| &hop.because.reason);
        outcome.because.iter().map(|because| &because.reason).chain(hops)
    };
    if outcome.kind == OutcomeKind::DnsFailure {
        return unknown_name(desk, trace);
    }
    if &*trace.request.protocol == "icmp" && outcome.kind != OutcomeKind::Answered {
        return ping(desk, trace);
    }
    if outcome.kind == OutcomeKind::Answered && outcome.status < 400 {
        return;
    }
    for reason in reasons() {
        match reason {
            Reason::ClusterIpFromOutside => return from_outside(desk, trace),
            Reason::Outside(Outside::DesktopNoRoute) => return desktop(desk, trace),
            Reason::PlainToTls(port) => return plain_to_tls(desk, trace, *port),
            Reason::SpeaksNoTls(program) => return no_tls(desk, trace, program),
            Reason::NoSuchPort { service, ports } | Reason::PortRefused { service, ports } => {
                return no_port(desk, trace, service, ports);
            }
            Reason::NodeStopped(node) => {
                let field = FieldRef::new(Ref::new(Kind::Node, "", node.clone()), "");
                let fix = desk.line(format!("fault start-node {node}"));
                let finding = desk.add(
                    "broken",
                    field,
                    format!("Node {node} is off: what is sent to it or to its Pods is lost (curl: (28) Connection timed out)."),
                    format!("节点 {node} 已关机：发给它和它上面的 Pod 的数据包都会丢失（curl: (28) Connection timed out）。"),
                );
                finding.fix = fix;
                return;
            }
            Reason::LinkCut { from, to } => {
                let field = FieldRef::new(Ref::new(Kind::Node, "", from.clone()), "");
                let fix = desk.line(format!("fault mend {from} {to}"));
                let finding = desk.add(
                    "broken",
                    field,
                    format!("The link between {from} and {to} is cut: packets between them are lost (curl: (28) Connection timed out)."),
                    format!("{from} 与 {to} 之间的链路已断：它们之间的数据包会丢失（curl: (28) Connection timed out）。"),
                );
                finding.fix = fix;
                return;
            }
            Reason::Routing(Routing::NoRuleMatches { .. } | Routing::DefaultBackend { .. }) => {
                return no_rule(desk, trace, reason);
            }
            _ => {}
        }
    }
    if outcome.status == 404 {
        not_found(desk, trace);
    }
}

/// The host, the port (0 if none is written) and the path of a URL.
fn url(trace: &Trace) -> (&str, u16, &str) {
    let rest = trace.request.url.split_once("://").map_or(&*trace.request.url, |(_, rest)| rest);
    let (place, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = place.rsplit_once(':').map_or((place, 0), |(host, port)| (host, port.parse().unwrap_or(0)));
    (host, port, path)
}

/// A line that asks again, from the same place.
fn again(desk: &Desk<'_>, trace: &Trace, curl: &str) -> Option<Fix> {
    desk.line(from_there(trace, curl)?)
}

/// The line by which the laptop's terminal runs another where a trace began.
fn from_there(trace: &Trace, line: &str) -> Option<String> {
    Some(match &trace.from {
        Place::Laptop => line.to_owned(),
        Place::Node(node) => format!("minikube ssh -n {node} -- {line}"),
        Place::Pod(namespace, name) if &**namespace == "default" => format!("kubectl exec {name} -- {line}"),
        Place::Pod(namespace, name) => format!("kubectl exec {name} -n {namespace} -- {line}"),
        Place::Internet | Place::Cloud(_) => return None,
    })
}

/// A path of a URL with another host and port before it.
fn at(host: &str, port: u16, path: &str) -> String {
    match port {
        0 | 80 => format!("curl -s http://{host}{path}"),
        port => format!("curl -s http://{host}:{port}{path}"),
    }
}

/// The Service that a trace's hops speak of.
fn aimed(trace: &Trace) -> Option<&Ref> {
    let last = trace.hops.last().map_or(0, |hop| hop.exchange);
    let own = trace.hops.iter().filter(|hop| hop.exchange == last);
    let causes = own.filter_map(|hop| hop.because.cause.as_ref());
    let failed = trace.outcome.because.iter().filter_map(|because| because.cause.as_ref());
    failed.chain(causes).map(|field| &field.object).find(|object| object.kind == Kind::Service)
}

/// The Service of a cluster IP or a name.
fn service_of(desk: &Desk<'_>, fits: impl Fn(&Ref, &Service) -> bool) -> Option<Ref> {
    let all = desk.store.all::<Service>();
    all.map(|(meta, service)| (Ref::new(Kind::Service, meta.namespace.as_str(), meta.name.as_str()), service))
        .find(|(key, service)| fits(key, service))
        .map(|(key, _)| key)
}

fn unknown_name(desk: &mut Desk<'_>, trace: &Trace) {
    let (host, port, path) = url(trace);
    let Place::Pod(own, _) = &trace.from else {
        // Outside the cluster nobody asks its DNS.
        let first = host.split('.').next().unwrap_or(host);
        let Some(key) = service_of(desk, |key, _| &*key.name == first) else { return };
        desk.add(
            "name-outside",
            FieldRef::new(key.clone(), "metadata.name"),
            format!("{host} is a name of the cluster's own DNS, and {} does not ask it: only Pods do (curl: (6) Could not resolve host). From outside, use a node port, a load balancer or an Ingress.", trace.from),
            format!("{host} 是集群内部 DNS 的名字，而 {} 不会去问它：只有 Pod 会（curl: (6) Could not resolve host）。从外面请使用节点端口、负载均衡器或 Ingress。", trace.from),
        );
        return;
    };
    let mut parts = host.split('.');
    let (first, second) = (parts.next().unwrap_or(host), parts.next());
    if let Some(key) = service_of(desk, |key, _| &*key.name == first).filter(|_| second.is_none()) {
        let full = format!("{first}.{}", key.namespace);
        let fix = again(desk, trace, &at(&full, port, path));
        let other = &key.namespace;
        let finding = desk.add(
            "short-name",
            FieldRef::new(key.clone(), "metadata.namespace"),
            format!("A short name is looked up in the asking Pod's own namespace. The Pod is in {own}, Service {first} is in {other}: {first} is unknown there (curl: (6) Could not resolve host), {full} is known."),
            format!("短名字只在发问的 Pod 自己的命名空间里查找。Pod 在 {own}，Service {first} 在 {other}：在那里 {first} 无人认识（curl: (6) Could not resolve host），{full} 才行。"),
        );
        finding.fix = fix;
        return;
    }
    let here: Vec<&str> =
        desk.store.list(Kind::Service, Some(second.unwrap_or(own))).map(|s| s.meta.name.as_str()).collect();
    let Some(right) = nearest(first, here.into_iter()).filter(|right| *right != first) else { return };
    let key = Ref::new(Kind::Service, second.unwrap_or(own), right);
    let full = host.replacen(first, right, 1);
    let fix = again(desk, trace, &at(&full, port, path));
    let finding = desk.add(
        "name-slip",
        FieldRef::new(key, "metadata.name"),
        format!("No Service is called {first} (curl: (6) Could not resolve host); there is one called {right}."),
        format!("没有 Service 叫 {first}（curl: (6) Could not resolve host）；有一个叫 {right}。"),
    );
    finding.fix = fix;
}

fn ping(desk: &mut Desk<'_>, trace: &Trace) {
    let Some(dst) = trace.hops.iter().rev().find(|hop| !hop.reply).map(|hop| hop.packet.dst.ip.to_string()) else {
        return;
    };
    let Some(key) = service_of(desk, |_, service| service.spec.cluster_ip == dst) else { return };
    let port = desk.store.read::<Service>(&key).and_then(|(_, s)| s.spec.ports.first()).map_or(80, |p| p.port);
    let fix = again(desk, trace, &at(&dst, u16::try_from(port).unwrap_or(80), "/"));
    let name = &key.name;
    let finding = desk.add(
        "ping",
        FieldRef::new(key.clone(), "spec.clusterIP"),
        format!("{dst} is the cluster IP of Service {name}, which no machine owns: rules in each kernel rewrite its ports, and a ping has none, so that nobody answers. Ask one of its ports instead."),
        format!("{dst} 是 Service {name} 的集群 IP，没有哪台机器拥有它：各节点内核里的规则只改写它的端口，而 ping 没有端口，所以无人应答。请改为访问它的端口。"),
    );
    finding.fix = fix;
}

fn from_outside(desk: &mut Desk<'_>, trace: &Trace) {
    let (host, ..) = url(trace);
    let Some(key) = service_of(desk, |_, service| service.spec.cluster_ip == host) else { return };
    let is_plain = desk.store.read::<Service>(&key).is_some_and(|(_, s)| s.spec.r#type == "ClusterIP");
    let field = FieldRef::new(key.clone(), "spec.type");
    let fix = if is_plain { desk.put(&field, "NodePort") } else { None };
    let (name, from) = (&key.name, &trace.from);
    let finding = desk.add(
        "cluster-ip-outside",
        field,
        format!("{host} is the cluster IP of Service {name}: it exists in the nodes' kernels alone, and {from} has no way there (curl: (28) Connection timed out). Types nest: NodePort adds a port on every node, LoadBalancer adds an address before those."),
        format!("{host} 是 Service {name} 的集群 IP：它只存在于节点的内核里，{from} 没有路可去（curl: (28) Connection timed out）。类型是逐层叠加的：NodePort 在每个节点上加一个端口，LoadBalancer 再在前面加一个地址。"),
    );
    finding.fix = fix;
}

fn desktop(desk: &mut Desk<'_>, trace: &Trace) {
    let (host, port, _) = url(trace);
    let found = service_of(desk, |_, s| s.spec.ports.iter().any(|p| p.node_port == i32::from(port) && p.node_port > 0));
    let (field, fix) = match &found {
        Some(key) if &*key.namespace == "default" => {
            (FieldRef::new(key.clone(), "spec.ports"), desk.line(format!("minikube service {} --url", key.name)))
        }
        Some(key) => (
            FieldRef::new(key.clone(), "spec.ports"),
            desk.line(format!("minikube service {} -n {} --url", key.name, key.namespace)),
        ),
        None => {
            (FieldRef::new(Ref::new(Kind::Node, "", desk.asked.cluster.profile().nodes[0].name.as_str()), ""), None)
        }
    };
    let finding = desk.add(
        "desktop",
        field,
        format!("On Docker Desktop the nodes stand in a virtual machine, whose network the laptop has no way to: {host} does not answer (curl: (28) Connection timed out). `minikube service` opens a tunnel, and `minikube tunnel` serves LoadBalancers."),
        format!("在 Docker Desktop 上，节点位于虚拟机里，笔记本没有通往其网络的路：{host} 不会应答（curl: (28) Connection timed out）。`minikube service` 会打开一条隧道，`minikube tunnel` 则服务 LoadBalancer。"),
    );
    finding.fix = fix;
}

/// The object of a trace that ended at TLS or at a port: the Service that led there, or the pod.
fn ended(trace: &Trace) -> Option<Ref> {
    let pod = trace.hops.iter().rev().find_map(|hop| match &hop.at {
        Place::Pod(namespace, name) => Some(Ref::new(Kind::Pod, namespace.clone(), name.clone())),
        _ => None,
    });
    aimed(trace).cloned().or(pod)
}

fn plain_to_tls(desk: &mut Desk<'_>, trace: &Trace, port: u16) {
    let Some(key) = ended(trace) else { return };
    let url = trace.request.url.replacen("http://", "https://", 1);
    let fix = again(desk, trace, &format!("curl -sk {url}"));
    let finding = desk.add(
        "plain-to-tls",
        FieldRef::new(key, "spec.ports"),
        format!("The request is plain HTTP, and port {port} of the controller speaks TLS: 400, \"The plain HTTP request was sent to HTTPS port\". Write https:// (with -k while nobody vouches for the certificate), or ask the port for HTTP."),
        format!("请求是明文 HTTP，而控制器的端口 {port} 使用 TLS：400，“The plain HTTP request was sent to HTTPS port”。请写 https://（证书无人担保时加 -k），或访问 HTTP 端口。"),
    );
    finding.fix = fix;
}

fn no_tls(desk: &mut Desk<'_>, trace: &Trace, program: &str) {
    let Some(key) = ended(trace) else { return };
    let (host, port, path) = url(trace);
    let port = if port == 0 { 443 } else { port };
    let fix = again(desk, trace, &at(host, port, path));
    let finding = desk.add(
        "tls-to-plain",
        FieldRef::new(key, "spec.ports"),
        format!("The client speaks TLS, and {program} answers plain HTTP there (curl: (35) wrong version number). Write http://, or put the TLS before it, as an Ingress does."),
        format!("客户端使用 TLS，而 {program} 在那里只用明文 HTTP 应答（curl: (35) wrong version number）。请写 http://，或像 Ingress 那样在它前面终结 TLS。"),
    );
    finding.fix = fix;
}

fn no_port(desk: &mut Desk<'_>, trace: &Trace, service: &str, ports: &str) {
    let Some((namespace, name)) = service.split_once('/') else { return };
    let key = Ref::new(Kind::Service, namespace, name);
    let (host, port, path) = url(trace);
    let port = if port == 0 { 80 } else { port };
    let first = desk.store.read::<Service>(&key).and_then(|(_, s)| s.spec.ports.first()).map(|p| p.port);
    let fix = first.and_then(|first| again(desk, trace, &at(host, u16::try_from(first).unwrap_or(80), path)));
    let finding = desk.add(
        "port-unknown",
        FieldRef::new(key, "spec.ports"),
        format!("Service {name} has no port {port}; it has {ports}. A client asks the Service's port, not the targetPort behind it."),
        format!("Service {name} 没有端口 {port}，只有 {ports}。客户端访问的是 Service 的 port，不是它后面的 targetPort。"),
    );
    finding.fix = fix;
}

/// A controller has no rule for a request.
fn no_rule(desk: &mut Desk<'_>, trace: &Trace, reason: &Reason) {
    let Reason::Routing(routing) = reason else { return };
    if trace.outcome.status != 404 {
        return;
    }
    let compared = routing.compared();
    let (host, port, path) = url(trace);
    let sent = trace.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let said = sent.map_or(host, |(_, value)| value.as_str());
    let other =
        compared.iter().find(|rule| matches!(rule.lost, Some(Lost::Host | Lost::WiderHost)) && rule.cause.is_some());
    let same = compared.iter().find(|rule| rule.lost == Some(Lost::Path) && rule.cause.is_some());
    let Some(rule) = same.or(other) else { return };
    let Some(field) = rule.cause.clone() else { return };
    let text = &rule.rule;
    if same.is_some() {
        let wanted = text.find('/').map_or("/", |at| text[at..].split(' ').next().unwrap_or("/"));
        let header = if sent.is_some() { format!(" -H \"Host: {said}\"") } else { String::new() };
        let line = at(host, port, wanted).replacen("curl -s", &format!("curl -s{header}"), 1);
        let fix = again(desk, trace, &line);
        let finding = desk.add(
            "path-unmatched",
            field,
            format!("The request asks for {path} at {said}, and no rule for that host has such a path (there is {text}): the controller itself answers 404."),
            format!("请求要 {said} 的 {path}，而该主机没有这个路径的规则（有 {text}）：控制器自己应答 404。"),
        );
        finding.fix = fix;
        return;
    }
    let wanted = text.split('/').next().unwrap_or_default().trim_start_matches('*').trim_start_matches('.').to_owned();
    let line = at(host, port, path).replacen("curl -s", &format!("curl -s -H \"Host: {wanted}\""), 1);
    let fix = if wanted.is_empty() { None } else { again(desk, trace, &line) };
    let finding = desk.add(
        "host-unmatched",
        field,
        format!("The request says Host: {said}, and the rules are for another host ({text}): the controller itself answers 404. It goes by the name that a client writes, not by the address that it reached."),
        format!("请求写的是 Host: {said}，而规则属于另一个主机（{text}）：控制器自己应答 404。控制器只看客户端写的名字，不看它到达的地址。"),
    );
    finding.fix = fix;
}

/// The program was reached, and knows no such path.
fn not_found(desk: &mut Desk<'_>, trace: &Trace) {
    let Some(Place::Pod(namespace, name)) = &trace.outcome.responder else { return };
    let key = Ref::new(Kind::Pod, namespace.clone(), name.clone());
    let Some(pod) = desk.store.get(&key).cloned() else { return };
    let Some(maker) = desk.maker(&pod) else { return };
    let workload = &desk.workloads[maker];
    let programs = desk.programs(workload.spec);
    let routes = programs.iter().flat_map(|app| &app.routes).filter(|route| route.status < 400);
    let known: Vec<&str> = routes.map(|route| route.path.as_str()).collect();
    let Some(first) = known.first() else { return };
    let (host, port, path) = url(trace);
    let through = trace.hops.iter().any(|hop| hop.action == Action::Route);
    // The rule that sent the path on as it is has been found already.
    if let Some(known) = desk.found.iter_mut().find(|finding| through && finding.id == "path-unserved") {
        known.traces.push(trace.id);
        return;
    }
    let fix = if through { None } else { again(desk, trace, &at(host, port, first)) };
    let (known, who, field) = (known.join(", "), workload.name(), workload.field("spec.containers[0].image"));
    let finding = desk.add(
        "not-found",
        field,
        format!("The request arrived: the program of {who} itself answers 404 to {path}. It answers {known}."),
        format!("请求已经到达：是 {who} 的程序自己对 {path} 应答 404。它能应答的是 {known}。"),
    );
    finding.fix = fix;
}

/// One connection, one pod.
fn kept_alive(desk: &mut Desk<'_>) {
    let kept =
        |trace: &&Arc<Trace>| trace.hops.iter().any(|hop| hop.action == Action::Send) && trace.outcome.status < 400;
    let all: Vec<&Arc<Trace>> = desk.asked.traces.iter().filter(kept).collect();
    let Some(last) = all.last().filter(|_| all.len() >= 4) else { return };
    let same: Vec<u64> =
        all.iter().filter(|trace| trace.outcome.responder == last.outcome.responder).map(|t| t.id).collect();
    let Some(Place::Pod(_, pod)) = &last.outcome.responder else { return };
    // The connection was opened to a Service: by name, or by an address of one.
    let (host, ..) = url(last);
    let first = host.split('.').next().unwrap_or(host);
    let key = service_of(desk, |key, s| s.spec.cluster_ip == host || &*key.name == first);
    let Some(key) = aimed(last).cloned().or(key).filter(|_| same.len() >= 4) else { return };
    let several = desk.store.read::<Service>(&key).is_some_and(|(_, service)| {
        let ready = |o: &&Arc<crate::object::Object>| o.body::<Pod>().is_some_and(|pod| pod.status.is_ready());
        desk.store.pods_with(&key.namespace, &service.spec.selector).filter(ready).count() > 1
    });
    if !several {
        return;
    }
    let (count, name) = (same.len(), named(&key));
    // Each curl of its own makes a connection of its own.
    let plain = |url: &&str| url.bytes().all(|b| b.is_ascii_alphanumeric() || b":/.-_".contains(&b));
    let curl = Some(&*last.request.url).filter(plain).and_then(|url| from_there(last, &format!("curl -s {url}")));
    let fix = curl.and_then(|curl| desk.line(format!("for i in 1 2 3 4 5 6; do {curl}; done")));
    let finding: &mut Finding = desk.add(
        "kept-alive",
        FieldRef::new(key, "spec.selector"),
        format!("{count} requests in a row went over one connection, and all to {pod}. {name} picks a Pod for each new connection, not for each request: a client that keeps its connection keeps its Pod. Spread them with new connections, or with a proxy that reads HTTP, as an Ingress controller does."),
        format!("连续 {count} 个请求走同一条连接，全部到了 {pod}。{name} 是为每条新连接挑选 Pod，而不是为每个请求：保持连接的客户端就一直对着同一个 Pod。要分散它们，请新建连接，或用 Ingress 控制器这类读懂 HTTP 的代理。"),
    );
    finding.traces = same;
    finding.fix = fix;
}
