//! What answers in a container: the programs of [`crate::object::App`], at their ports.

use std::fmt::Write as _;
use std::sync::Arc;

use super::http::{Answer, Speech, Target};
use crate::inet::Ipv4Addr;
use crate::object::{App, AppBody, Meta, Pod, Route};
use crate::time::Duration;
use crate::trace::{Packet, Proto, Request};

/// How long a program takes to answer, beyond what its image says.
const ANSWER_MICROS: u64 = 1000;

/// A program that listens.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// TCP ports that it listens on.
    pub tcp: Vec<u16>,
    /// TCP ports that it listens on at 127.0.0.1 alone.
    pub loopback: Vec<u16>,
    /// UDP ports that it listens on.
    pub udp: Vec<u16>,
    /// Who it is in its answers: the pod's name.
    pub name: Arc<str>,
    /// The pod's address.
    ip: Option<Ipv4Addr>,
    /// What it does; none is the API server, which speaks TLS.
    app: Option<Arc<App>>,
    /// Answers that do not depend on the request, ready made, by route.
    ready: Vec<Option<Arc<str>>>,
}

impl Server {
    /// The programs of a pod's running containers.
    pub fn of(meta: &Meta, pod: &Pod, images: &[(String, App)]) -> Vec<Self> {
        let runs = |name: &str| {
            let status = pod.status.container_statuses.iter().find(|status| status.name == name);
            status.is_none_or(|status| status.state.running.is_some())
        };
        let name: Arc<str> = meta.name.as_str().into();
        let server = |app: App| Self {
            tcp: app.listens.clone(),
            loopback: app.loopback.clone(),
            udp: app.udp.clone(),
            name: name.clone(),
            ip: pod.status.pod_ip.parse().ok(),
            ready: app
                .routes
                .iter()
                .map(|route| match &route.body {
                    AppBody::Text(text) => {
                        Some(text.replace("{pod}", &name).replace("{ip}", &pod.status.pod_ip).into())
                    }
                    AppBody::Echo | AppBody::Netexec => None,
                })
                .collect(),
            app: Some(Arc::new(app)),
        };
        pod.spec.containers.iter().filter(|c| runs(&c.name)).map(|c| server(App::of(c, images))).collect()
    }

    /// kube-proxy, which tells load balancers how it is: an answer for each path, `/` for all.
    pub fn proxy_health(port: u16, status: u16, answers: &[(&str, String)]) -> Self {
        let route = |(path, _): &(&str, String)| Route {
            path: (*path).into(),
            prefix: *path == "/",
            status,
            body: AppBody::Text(String::new()),
            delay: Duration::ZERO,
        };
        let app = App::written(vec![port], Vec::new(), Duration::ZERO, answers.iter().map(route).collect());
        Self {
            tcp: vec![port],
            loopback: Vec::new(),
            udp: Vec::new(),
            name: "kube-proxy".into(),
            ip: None,
            app: Some(Arc::new(app)),
            ready: answers.iter().map(|(_, body)| Some(body.as_str().into())).collect(),
        }
    }

    /// The API server: `whose` machine it is on, and at which port.
    pub fn api_server(whose: &str, port: u16) -> Self {
        let name = format!("kube-apiserver-{whose}").into();
        Self { tcp: vec![port], loopback: Vec::new(), udp: Vec::new(), name, ip: None, app: None, ready: Vec::new() }
    }

    /// Whether it listens there.
    pub fn listens(&self, proto: Proto, port: u16) -> bool {
        match proto {
            Proto::Tcp => self.tcp.contains(&port),
            Proto::Udp => self.udp.contains(&port),
            Proto::Icmp => false,
        }
    }

    /// Whether it listens where a packet goes.
    pub fn hears(&self, packet: Packet) -> bool {
        let (proto, dst) = (packet.proto, packet.dst);
        let inside = proto == Proto::Tcp && dst.ip.is_loopback() && self.loopback.contains(&dst.port);
        inside || self.listens(proto, dst.port)
    }

    /// Whether it speaks TLS on one of its ports.
    pub fn speaks_tls(&self, port: u16) -> bool {
        self.app.as_ref().is_none_or(|app| app.tls.contains(&port))
    }

    /// Answers a request that reached it as `packet`.
    pub fn answer(&self, request: &Request, target: &Target<'_>, packet: Packet) -> Answer {
        if !matches!(target.speech, Speech::Http | Speech::Https) {
            return Answer::default();
        }
        let Some(app) = &self.app else {
            // As Go's net/http answers to plain HTTP on a TLS port, and the API server to strangers.
            let (status, body) = match target.speech {
                Speech::Https => (
                    403,
                    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403}\n",
                ),
                _ => (400, "Client sent an HTTP request to an HTTPS server.\n"),
            };
            return Answer { status, body: body.into(), micros: ANSWER_MICROS, ..Answer::default() };
        };
        let chosen = app.route(target.path).and_then(|route| app.routes.iter().position(|r| std::ptr::eq(r, route)));
        let Some(i) = chosen else {
            let body = "404 page not found\n".into();
            return Answer { status: 404, body, micros: ANSWER_MICROS, ..Answer::default() };
        };
        let route = &app.routes[i];
        let body = match (&self.ready[i], &route.body) {
            (Some(body), _) => body.clone(),
            (None, AppBody::Netexec) => self.netexec(target, packet).into(),
            (None, _) => self.echo(request, target, packet).into(),
        };
        let micros = ANSWER_MICROS + route.delay.as_micros() as u64;
        Answer { status: route.status, body, micros, ..Answer::default() }
    }

    /// The request itself, as `traefik/whoami` prints it.
    fn echo(&self, request: &Request, target: &Target<'_>, packet: Packet) -> String {
        let mut text = format!("Hostname: {}\n", self.name);
        if let Some(ip) = self.ip {
            let _ = writeln!(text, "IP: {ip}");
        }
        let method = if request.method.is_empty() { "GET" } else { &request.method };
        let query = if target.query.is_empty() { String::new() } else { format!("?{}", target.query) };
        let _ = writeln!(text, "RemoteAddr: {}", packet.src);
        let _ = writeln!(text, "{method} {}{query} HTTP/1.1", target.path);
        let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let _ = match host {
            Some((_, host)) => writeln!(text, "Host: {host}"),
            None => writeln!(text, "Host: {}:{}", target.host, target.port),
        };
        for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            let _ = writeln!(text, "{name}: {value}");
        }
        text
    }

    /// The pages of agnhost's `netexec` that people use.
    fn netexec(&self, target: &Target<'_>, packet: Packet) -> String {
        match target.path {
            "/hostname" | "/hostName" => self.name.to_string(),
            "/clientip" => packet.src.to_string(),
            "/echo" => {
                let message = target.query.split('&').find_map(|pair| pair.strip_prefix("msg="));
                message.unwrap_or_default().replace('+', " ")
            }
            _ => "NOW: 2026-10-01 08:00:00 +0000 UTC".to_owned(),
        }
    }
}
