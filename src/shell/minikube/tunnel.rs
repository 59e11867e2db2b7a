//! `minikube tunnel`: LoadBalancer Services get an address that the laptop reaches.
//!
//! Stands for minikube 1.39 `cmd/minikube/cmd/tunnel.go` and `pkg/minikube/tunnel`. On Linux the laptop gets a route to the cluster IPs by
//! the node, and each Service its own cluster IP as EXTERNAL-IP; minikube looks every five seconds and reports each time, the lab only
//! when something has changed. On Docker Desktop (`pkg/minikube/tunnel/kic`) ssh listens on 127.0.0.1 for each port of each Service, and the
//! address is 127.0.0.1; it listens on 80 and 443 for each Ingress, too, and carries those to the node's own loopback, where the host ports of a
//! controller are. Either ends with Ctrl-C and takes all of it back. Left out: sudo's question, `--bind-address`, and that minikube tells
//! Ingresses apart by their hosts.

use super::super::flags::{self, Flag, Style, switch, value};
use super::super::job::Work;
use super::super::{Io, Shell};
use super::told;
use crate::inet::Ipv4Addr;
use crate::net::Carrier;
use crate::object::{Host, Kind, Ref, Service};
use crate::time::{Duration, Instant};
use crate::trace::Socket;

const FLAGS: &[Flag] = &[
    switch("cleanup", 'c'),
    value("bind-address", ' ', "ADDRESS"),
    value("profile", 'p', "NAME"),
    switch("help", 'h'),
];

/// How often minikube looks for Services.
const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// The same on Docker Desktop.
const LOOKS_EVERY_BY_SSH: Duration = Duration::from_secs(1);

/// A tunnel to all LoadBalancer Services.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::shell) struct Balancers {
    pid: u32,
    node: String,
    /// Whether ssh carries connections in, as on Docker Desktop; else there is a route.
    by_ssh: bool,
    /// The Services that it serves, with their cluster IP and ports.
    serves: Vec<(Ref, Ipv4Addr, Vec<u16>)>,
    /// When it looks next, if there is something to see.
    due: Option<Instant>,
}

/// `minikube tunnel`
pub(super) fn tunnel(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    if let Err(problem) = flags::read(Style::Pflag, &[FLAGS], args) {
        return super::unknown_flag(io, "tunnel ", &problem);
    }
    if shell.cluster.profile().host == Host::Remote {
        shell.say(
            io,
            "this cluster is in a cloud, whose load balancers need no tunnel",
            "该集群在云上，云的负载均衡器不需要隧道",
        );
        return 1;
    }
    let Some((node, _)) = shell.nodes().into_iter().next() else { return 1 };
    let by_ssh = shell.cluster.profile().host == Host::DockerDesktop;
    if let (false, Some(pid)) = (by_ssh, shell.cluster.flows().laptop().routed_by()) {
        let route = route(shell);
        let message = format!(
            "error starting tunnel: another tunnel is already running, shut it down first: ID {{ Route: {route}, machineName: {node}, Pid: {pid} }}"
        );
        return told::exit_error(io, "SVC_TUNNEL_START", 110, &message, "tunnel");
    }
    let pid = shell.pid();
    let mut tunnel = Balancers { pid, node, by_ssh, serves: Vec::new(), due: None };
    if by_ssh {
        io.out("✅  Tunnel successfully started\n\n");
        io.out("📌  NOTE: Please do not close this terminal as this process must stay alive for the tunnel to be accessible ...\n\n");
    } else {
        shell.cluster.flows_mut().laptop_mut().add_route(pid, tunnel.node.as_str().into());
    }
    tunnel.look(shell, io);
    if !by_ssh && tunnel.serves.is_empty() {
        tunnel.report(shell, io);
    }
    shell.hold(io, pid, Work::Tunnel(tunnel))
}

/// `10.96.0.0/12 -> 192.168.49.2`
fn route(shell: &Shell) -> String {
    let gateway = shell.nodes().into_iter().next().map(|node| node.1).unwrap_or_default();
    format!("{} -> {gateway}", shell.cluster.profile().service_cidr)
}

/// The ports that ssh listens on for an Ingress.
const INGRESS_PORTS: [u16; 2] = [80, 443];

/// The LoadBalancer Services, as a tunnel serves them; with ssh the Ingresses, too.
fn wanted(shell: &Shell, by_ssh: bool) -> Vec<(Ref, Ipv4Addr, Vec<u16>)> {
    let services = shell.cluster.store().list(Kind::Service, None);
    let of = |service: &Service| {
        let ip = service.spec.cluster_ip.parse().ok()?;
        let ports = service.spec.ports.iter().filter_map(|port| u16::try_from(port.port).ok()).collect();
        (service.spec.r#type == "LoadBalancer").then_some((ip, ports))
    };
    let tell = |object: &std::sync::Arc<crate::object::Object>| {
        let (ip, ports) = of(object.body::<Service>()?)?;
        Some((object.key(), ip, ports))
    };
    let ingresses = shell.cluster.store().list(Kind::Ingress, None).filter(|_| by_ssh);
    let ingresses = ingresses.map(|object| (object.key(), Ipv4Addr::LOCALHOST, INGRESS_PORTS.to_vec()));
    services.filter_map(tell).chain(ingresses).collect()
}

impl Balancers {
    /// What there is to do by now.
    pub(in crate::shell) fn poll(&mut self, shell: &mut Shell, io: &mut Io) -> Option<i32> {
        shell.cluster.flows_mut().laptop_mut().take_carried(self.pid);
        let now = shell.cluster.now();
        match self.due {
            Some(due) if due <= now => {
                self.due = None;
                self.look(shell, io);
            }
            Some(_) => {}
            None if self.is_behind(shell) => {
                let every = if self.by_ssh { LOOKS_EVERY_BY_SSH } else { LOOKS_EVERY };
                self.due = Some(now + every);
            }
            None => {}
        }
        None
    }

    /// When it looks next.
    pub(in crate::shell) fn next(&self) -> Option<Instant> {
        self.due
    }

    /// Whether Services are there that it has not seen, or have gone.
    fn is_behind(&self, shell: &Shell) -> bool {
        let wanted = wanted(shell, self.by_ssh);
        wanted != self.serves || wanted.iter().any(|(key, ip, _)| !self.has_address(shell, key, *ip))
    }

    fn address(&self, cluster_ip: Ipv4Addr) -> Ipv4Addr {
        if self.by_ssh { Ipv4Addr::LOCALHOST } else { cluster_ip }
    }

    /// Whether a Service has the address that it is to have; an Ingress gets none.
    fn has_address(&self, shell: &Shell, key: &Ref, cluster_ip: Ipv4Addr) -> bool {
        if key.kind != Kind::Service {
            return true;
        }
        let service = shell.cluster.store().get(key).and_then(|object| object.body::<Service>());
        let ingress = service.map_or(&[][..], |service| &service.status.load_balancer.ingress);
        matches!(ingress, [one] if one.ip == self.address(cluster_ip).to_string())
    }

    /// Looks for Services, and serves them.
    fn look(&mut self, shell: &mut Shell, io: &mut Io) {
        let wanted = wanted(shell, self.by_ssh);
        let changed = wanted != self.serves;
        if self.by_ssh {
            self.connect(shell, io, &wanted);
        }
        for (key, ip, _) in &wanted {
            if !self.has_address(shell, key, *ip) {
                shell.cluster.set_balancer(key, Some(self.address(*ip)));
            }
        }
        self.serves = wanted;
        if changed && !self.by_ssh {
            self.report(shell, io);
        }
    }

    /// Lets ssh listen for new Services, and no longer for old ones.
    fn connect(&self, shell: &mut Shell, io: &mut Io, wanted: &[(Ref, Ipv4Addr, Vec<u16>)]) {
        for gone in self.serves.iter().filter(|one| !wanted.contains(one)) {
            io.out(format!("✋  Stopping tunnel for service {}.\n", gone.0.name));
            for port in &gone.2 {
                shell.cluster.flows_mut().laptop_mut().close_port(self.pid, *port);
            }
        }
        for (key, ip, ports) in wanted.iter().filter(|one| !self.serves.contains(one)) {
            let low: Vec<String> = ports.iter().filter(|port| **port < 1024).map(u16::to_string).collect();
            if !low.is_empty() {
                io.out(format!(
                    "❗  The service/ingress {} requires privileged ports to be exposed: [{}]\n🔑  sudo permission will be asked for it.\n",
                    key.name,
                    low.join(" ")
                ));
            }
            io.out(format!("🔗  Starting tunnel for service {}.\n", key.name));
            for port in ports {
                let to = Socket { ip: *ip, port: *port };
                let carrier = Carrier::Node { node: self.node.as_str().into(), to };
                // A port that is taken stays with whom it has; ssh says so in its log only.
                shell.cluster.flows_mut().listen(self.pid, "ssh", Ipv4Addr::LOCALHOST, *port, carrier);
            }
        }
    }

    /// minikube's `Status:`
    fn report(&self, shell: &Shell, io: &mut Io) {
        let names: Vec<&str> = self.serves.iter().map(|(key, ..)| &*key.name).collect();
        io.out(format!(
            "Status:\t\n\tmachine: minikube\n\tpid: {}\n\troute: {}\n\tminikube: Running\n\tservices: [{}]\n    errors: \n\t\tminikube: no errors\n\t\trouter: no errors\n\t\tloadbalancer emulator: no errors\n",
            self.pid,
            route(shell),
            names.join(", ")
        ));
    }

    /// Takes back addresses, listeners and the route.
    pub(in crate::shell) fn stop(&mut self, shell: &mut Shell, io: &mut Io) -> i32 {
        shell.cluster.flows_mut().laptop_mut().close(self.pid);
        for (key, ..) in &self.serves {
            if self.by_ssh {
                io.out(format!("✋  Stopping tunnel for service {}.\n", key.name));
            }
            if key.kind == Kind::Service {
                shell.cluster.set_balancer(key, None);
            }
        }
        0
    }
}
