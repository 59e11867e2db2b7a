//! `minikube service` and `minikube service list`: URLs of node ports, or a tunnel where the laptop does not reach the nodes.
//!
//! Stands for minikube 1.39 `cmd/minikube/cmd/service.go`, `service_list.go`, `pkg/minikube/service` and `pkg/minikube/tunnel/kic`. In
//! place of a browser the lab sends one GET and tells its status. Left out: `--wait` and `--interval` (what is there is there).

use serde_json::json;

use super::super::flags::{self, Flag, Style, switch, value};
use super::super::job::Work;
use super::super::{Io, Shell};
use super::told;
use crate::inet::Ipv4Addr;
use crate::net::Carrier;
use crate::object::{Host, Kind, Labels, Meta, Pod, Service};
use crate::time::Duration;
use crate::trace::{OutcomeKind, Request, Socket};

const FLAGS: &[Flag] = &[
    value("namespace", 'n', "NAME"),
    switch("url", ' '),
    switch("https", ' '),
    switch("all", ' '),
    value("format", ' ', "TEMPLATE"),
    value("wait", ' ', "SECONDS"),
    value("interval", ' ', "SECONDS"),
    value("output", 'o', "FORMAT"),
    value("profile", 'p', "NAME"),
    switch("help", 'h'),
];

const TITLES: [&str; 4] = ["NAMESPACE", "NAME", "TARGET PORT", "URL"];
const USAGE: (&str, i32) = ("MK_USAGE", 14);
const NOT_FOUND: (&str, i32) = ("SVC_NOT_FOUND", 115);

/// The URLs of one Service.
struct Urls {
    namespace: String,
    name: String,
    urls: Vec<String>,
    ports: Vec<String>,
}

/// An ssh tunnel to a Service, on Docker Desktop.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::shell) struct Tunnel {
    pid: u32,
    services: Vec<String>,
    quiet: bool,
}

impl Tunnel {
    /// minikube tells nothing of the connections.
    pub(in crate::shell) fn poll(&mut self, shell: &mut Shell) -> Option<i32> {
        shell.cluster.flows_mut().laptop_mut().take_carried(self.pid);
        None
    }

    pub(in crate::shell) fn stop(&mut self, shell: &mut Shell, io: &mut Io) -> i32 {
        shell.cluster.flows_mut().laptop_mut().close(self.pid);
        for service in self.services.iter().filter(|_| !self.quiet) {
            io.out(format!("✋  Stopping tunnel for service {service}.\n"));
        }
        0
    }
}

/// `minikube service NAME… [--url] [-n NAMESPACE]`, `minikube service list`
pub(super) fn service(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Pflag, &[FLAGS], args) {
        Ok(flags) => flags,
        Err(problem) => return super::unknown_flag(io, "service ", &problem),
    };
    let format = flags.get("format").unwrap_or("http://{{.IP}}:{{.Port}}").to_owned();
    if flags.words.first().is_some_and(|word| word == "list") {
        return list(shell, io, &flags, &format);
    }
    let all = flags.on("all");
    if flags.words.is_empty() != all {
        return told::exit(io, USAGE.0, USAGE.1, "You must specify service name(s) or --all");
    }
    let namespace = flags.get("namespace").unwrap_or("default").to_owned();
    let mut found = urls(shell, Some(&namespace), &format);
    if !all {
        found.retain(|service| flags.words.contains(&service.name));
    }
    if found.is_empty() {
        let message = match flags.words.first() {
            None => format!(
                "No services were found in the '{namespace}' namespace.\nYou may select another namespace by using 'minikube service --all -n <namespace>'"
            ),
            Some(name) => absent(name, &namespace),
        };
        return told::exit(io, NOT_FOUND.0, NOT_FOUND.1, &message);
    }
    let url_only = flags.on("url");
    let tunnels = shell.cluster.profile().host == Host::DockerDesktop;
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    let mut without: Vec<String> = Vec::new();
    for service in &found {
        let Urls { name, urls, ports, .. } = service;
        if !has_ports(shell, &namespace, name) {
            // minikube prints its own struct here.
            let shown = format!("{{{namespace} {name} [{}] [{}]}}", urls.join(" "), ports.join(" "));
            return told::exit(io, NOT_FOUND.0, NOT_FOUND.1, &absent(&shown, &namespace));
        }
        if !url_only {
            let (ports, urls) = match urls.is_empty() {
                true => (String::new(), "No node port".to_owned()),
                false => (ports.join("\n"), urls.join("\n")),
            };
            io.out(told::table(&TITLES, &[vec![namespace.clone(), name.clone(), ports, urls]]));
        }
        if urls.is_empty() {
            io.out(format!("😿  service {namespace}/{name} has no node port\n"));
            without.push(format!("{namespace}/{name}"));
        } else {
            let urls: Vec<String> = urls.iter().map(|url| secured(url, flags.on("https"))).collect();
            if url_only && !tunnels {
                io.out(format!("{}\n", urls.join("\n")));
            }
            rows.push((name.clone(), urls));
        }
        if let Err(message) = running(shell, &namespace, name) {
            let message = format!("service not available: {message}");
            return told::exit_error(io, "SVC_UNREACHABLE", 115, &message, "service");
        }
    }
    if !without.is_empty() {
        io.err(format!(
            "❗  Services [{}] have type \"ClusterIP\" not meant to be exposed, however for local development minikube allows you to access this !\n",
            without.join(" ")
        ));
    }
    if tunnels {
        let names = found.into_iter().map(|service| service.name).collect();
        return tunnel(shell, io, &flags, &namespace, names, &format);
    }
    if !url_only {
        rows.iter().for_each(|(name, urls)| open(shell, io, &namespace, name, urls));
    }
    0
}

fn absent(name: &str, namespace: &str) -> String {
    format!(
        "Service '{name}' was not found in '{namespace}' namespace.\nYou may select another namespace by using 'minikube service {name} -n <namespace>'. Or list out all the services using 'minikube service list'"
    )
}

fn secured(url: &str, https: bool) -> String {
    if https && url.starts_with("http:") { url.replacen("http", "https", 1) } else { url.to_owned() }
}

/// The URLs of every Service of a namespace, or of all: node ports at the control plane's address.
fn urls(shell: &Shell, namespace: Option<&str>, format: &str) -> Vec<Urls> {
    let ip = shell.nodes().into_iter().next().map(|node| node.1).unwrap_or_default();
    let services = shell.cluster.store().list(Kind::Service, namespace);
    let of = |meta: &Meta, service: &Service| {
        let mut found =
            Urls { namespace: meta.namespace.clone(), name: meta.name.clone(), urls: Vec::new(), ports: Vec::new() };
        for port in service.spec.ports.iter().filter(|port| port.node_port > 0) {
            let number = port.port;
            let name = if port.name.is_empty() { number.to_string() } else { format!("{}/{number}", port.name) };
            found.urls.push(filled(format, &ip, port.node_port, &name));
            found.ports.push(name);
        }
        found
    };
    services.filter_map(|object| Some(of(&object.meta, object.body::<Service>()?))).collect()
}

/// `--format`, its three fields filled in.
fn filled(format: &str, ip: &str, port: i32, name: &str) -> String {
    let mut text = format.to_owned();
    for (field, value) in [("IP", ip), ("Port", &port.to_string()), ("Name", name)] {
        text = text.replace(&format!("{{{{.{field}}}}}"), value).replace(&format!("{{{{ .{field} }}}}"), value);
    }
    text
}

fn has_ports(shell: &Shell, namespace: &str, name: &str) -> bool {
    let mut services = shell.cluster.store().list(Kind::Service, Some(namespace));
    let service = services.find(|object| object.meta.name == name);
    service.and_then(|object| object.body::<Service>()).is_some_and(|service| !service.spec.ports.is_empty())
}

/// Whether a pod runs behind a Service that is open to the outside; else minikube's complaint.
fn running(shell: &Shell, namespace: &str, name: &str) -> Result<(), String> {
    let store = shell.cluster.store();
    let service = store.list(Kind::Service, Some(namespace)).find(|object| object.meta.name == name);
    let Some(service) = service.and_then(|object| object.body::<Service>()) else { return Ok(()) };
    if !matches!(service.spec.r#type.as_str(), "NodePort" | "LoadBalancer") {
        return Ok(());
    }
    let selected = |labels: &Labels| service.spec.selector.iter().all(|(key, value)| labels.get(key) == Some(value));
    let mut pods = store.list(Kind::Pod, Some(namespace)).filter(|pod| selected(&pod.meta.labels));
    match pods.any(|pod| pod.body::<Pod>().is_some_and(|pod| pod.status.phase == "Running")) {
        true => Ok(()),
        false => Err(format!("no running pod for service {name} found")),
    }
}

/// What a browser would do, as far as the lab has one: one GET.
fn open(shell: &mut Shell, io: &mut Io, namespace: &str, name: &str, urls: &[String]) {
    io.out(format!("🎉  Opening service {namespace}/{name} in default browser...\n"));
    let Some(url) = urls.first() else { return };
    let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
    let request = Request {
        protocol: scheme.into(),
        method: "GET".into(),
        url: format!("{}/", url.trim_end_matches('/')).into(),
        ..Request::default()
    };
    let (trace, _) = shell.request(io, &request, Duration::from_secs(30));
    let outcome = &trace.outcome;
    let got = match outcome.kind {
        OutcomeKind::Answered => format!("{} {}", outcome.status, outcome.body.lines().next().unwrap_or_default()),
        kind => kind.name().to_owned(),
    };
    let got = got.trim_end();
    shell.say(
        io,
        format!("in place of a browser: GET {} gave {got}", request.url),
        format!("代替浏览器发出 GET {}，得到：{got}", request.url),
    );
}

/// `startKicServiceTunnel`: on Docker Desktop ssh listens on the laptop, and connects from the node to the cluster IP.
fn tunnel(
    shell: &mut Shell,
    io: &mut Io,
    flags: &flags::Flags,
    namespace: &str,
    names: Vec<String>,
    format: &str,
) -> i32 {
    let Some((node, _)) = shell.nodes().into_iter().next() else { return 1 };
    let pid = shell.pid();
    let quiet = flags.on("url");
    let mut rows = Vec::new();
    for name in &names {
        let store = shell.cluster.store();
        let service = store.list(Kind::Service, Some(namespace)).find(|object| object.meta.name == *name);
        let Some(service) = service.and_then(|object| object.body::<Service>()) else { continue };
        let Ok(ip) = service.spec.cluster_ip.parse::<Ipv4Addr>() else { continue };
        let ports: Vec<u16> = service.spec.ports.iter().filter_map(|port| u16::try_from(port.port).ok()).collect();
        if !quiet {
            io.out(format!("🔗  Starting tunnel for service {name}.\n"));
        }
        let mut urls = Vec::new();
        for port in ports {
            let carrier = Carrier::Node { node: node.as_str().into(), to: Socket { ip, port } };
            let local = shell.cluster.flows_mut().listen(pid, "ssh", Ipv4Addr::LOCALHOST, 0, carrier);
            let url = filled(format, "127.0.0.1", local.unwrap_or_default().into(), name);
            urls.push(secured(&url, flags.on("https")));
        }
        rows.push((name.clone(), urls));
    }
    shell.pass(Duration::from_secs(1));
    if quiet {
        rows.iter().for_each(|(_, urls)| io.out(format!("{}\n", urls.join("\n"))));
    } else {
        let row = |(name, urls): &(String, Vec<String>)| {
            vec![namespace.to_owned(), name.clone(), String::new(), urls.join("\n")]
        };
        io.out(told::table(&TITLES, &rows.iter().map(row).collect::<Vec<_>>()));
        rows.iter().for_each(|(name, urls)| open(shell, io, namespace, name, urls));
    }
    io.err("❗  Because you are using a Docker driver on darwin, the terminal needs to be open to run it.\n");
    shell.hold(io, pid, Work::Service(Tunnel { pid, services: names, quiet }))
}

/// `minikube service list [-n NAMESPACE] [-o table|json]`
fn list(shell: &mut Shell, io: &mut Io, flags: &flags::Flags, format: &str) -> i32 {
    let mut found = urls(shell, flags.get("namespace").filter(|name| !name.is_empty()), format);
    let tunnels = shell.cluster.profile().host == Host::DockerDesktop;
    for service in &mut found {
        if service.urls.is_empty() {
            service.ports = vec!["No node port".into()];
        } else if tunnels {
            service.urls.clear();
        }
    }
    match flags.get("output").unwrap_or("table").to_ascii_lowercase().as_str() {
        "table" => {
            let row = |s: &Urls| vec![s.namespace.clone(), s.name.clone(), s.ports.join("\n"), s.urls.join("\n")];
            io.out(told::table(&TITLES, &found.iter().map(row).collect::<Vec<_>>()));
            0
        }
        "json" => {
            // Fields in the order of minikube's struct.
            let row = |s: &Urls| {
                let [namespace, name, urls, ports] = [json!(s.namespace), json!(s.name), json!(s.urls), json!(s.ports)];
                format!("{{\"Namespace\":{namespace},\"Name\":{name},\"URLs\":{urls},\"PortNames\":{ports}}}")
            };
            io.out(format!("[{}]", found.iter().map(row).collect::<Vec<_>>().join(",")));
            0
        }
        other => {
            told::exit(io, USAGE.0, USAGE.1, &format!("invalid output format: {other}. Valid values: 'table', 'json'"))
        }
    }
}
