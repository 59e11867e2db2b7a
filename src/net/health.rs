//! Health checks: kube-proxy's servers on every node, and the load balancers that ask them.
//!
//! The servers stand for `pkg/proxy/healthcheck/{service_health,proxy_health}.go` of Kubernetes 1.37: one on each Service's
//! `healthCheckNodePort`, which tells how many ready endpoints the node has, and one on 10256 for kube-proxy itself.
//!
//! The checks are those of Google Cloud's controller (`k8s.io/ingress-gce` `pkg/healthchecksl4`): every 8 seconds, unhealthy after 3
//! failures, healthy after 1 success; HTTP on `healthCheckNodePort` where `externalTrafficPolicy` is Local, else HTTP on kube-proxy's own
//! port. Balancers of mode Proxy connect to the node port instead, as the AWS Network Load Balancer does by default. Each check is
//! a packet judged as all others. While nothing changes and no node is about to change sides, checks would tell what they told
//! before: they are left out, so that a quiet cluster stays quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Network;
use super::app::Server;
use super::netfilter::Way;
use super::proxy::ServicePort;
use super::topology::Origin;
use super::walk::{End, Flows};
use crate::inet::Ipv4Addr;
use crate::object::Ref;
use crate::time::{Duration, Instant};
use crate::trace::{Packet, Proto, Socket};

/// The port of kube-proxy's own health (`--healthz-bind-address`).
pub const PROXY_HEALTH: u16 = 10256;
/// The time between two checks of a node.
pub const CHECK_EVERY: Duration = Duration::from_secs(8);
/// So many failures make a node unhealthy.
pub const FAILURES: u8 = 3;
/// Where the checks come from: a range that the cloud lets in.
const CHECKER: Ipv4Addr = Ipv4Addr::new(35, 191, 0, 1);

/// What a load balancer thinks of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The node.
    pub node: Arc<str>,
    /// Whether it gets traffic.
    pub healthy: bool,
    /// How many checks in a row have failed.
    pub failures: u8,
}

/// What all load balancers think.
#[derive(Clone, Debug, Default)]
pub struct Health {
    opinions: BTreeMap<Ref, Vec<Opinion>>,
    /// When they last checked the nodes.
    checked: Option<Instant>,
}

impl Health {
    /// What the load balancer of a Service thinks of the nodes; empty if it has none.
    pub fn of(&self, service: &Ref) -> &[Opinion] {
        self.opinions.get(service).map_or(&[], Vec::as_slice)
    }

    /// All of them: Services, each with what its load balancer thinks.
    pub fn all(&self) -> impl Iterator<Item = (&Ref, &[Opinion])> {
        self.opinions.iter().map(|(service, opinions)| (service, opinions.as_slice()))
    }

    /// When the nodes are checked, after `from` and until `until`: on the beat, and when a load balancer was made.
    pub fn beats(&self, from: Instant, until: Instant) -> Vec<Instant> {
        if self.is_idle() {
            return Vec::new();
        }
        let beat = CHECK_EVERY.as_micros() as u64;
        let on_beat = (from.as_micros() / beat + 1..=until.as_micros() / beat).map(|n| Instant::from_micros(n * beat));
        let between = self.checked.filter(|at| *at > from && *at <= until && at.as_micros() % beat > 0);
        between.into_iter().chain(on_beat).collect()
    }

    /// Whether there is no load balancer that checks nodes.
    pub fn is_idle(&self) -> bool {
        self.opinions.is_empty()
    }

    pub(super) fn is_healthy(&self, service: &Ref, node: &str) -> bool {
        self.of(service).iter().any(|opinion| &*opinion.node == node && opinion.healthy)
    }
}

impl Flows {
    /// What the load balancers think of the nodes.
    pub fn health(&self) -> &Health {
        &self.health
    }
}

impl Network {
    /// The first ports of the Services that have a load balancer.
    fn balanced(&self) -> impl Iterator<Item = &ServicePort> {
        let pool = self.topology.edge.balancers.map(|balancers| balancers.pool);
        let ours = move |port: &&ServicePort| {
            let mut ips = port.balancer_ips.iter().chain(&port.proxied_ips);
            pool.is_some_and(|pool| ips.any(|ip| pool.contains(ip)))
        };
        self.services.iter().filter_map(|service| service.ports.first()).filter(ours)
    }

    /// Every load balancer checks every node once; tells whether they have made up their minds.
    pub(super) fn check(&self, flows: &mut Flows, now: Instant) -> bool {
        let mut settled = true;
        let mut kept = BTreeSet::new();
        flows.health.checked = Some(now);
        let ports: Vec<&ServicePort> = self.balanced().collect();
        for port in ports {
            kept.insert(port.object.clone());
            let mut opinions = flows.health.opinions.remove(&port.object).unwrap_or_default();
            opinions.retain(|o| self.topology.machines.iter().any(|m| m.name == o.node && !m.excluded));
            for (i, machine) in self.topology.machines.iter().enumerate().filter(|(_, m)| !m.excluded) {
                let passes = self.passes(flows, port, i, now);
                let at = opinions.iter().position(|o| o.node == machine.name).unwrap_or_else(|| {
                    opinions.push(Opinion { node: machine.name.clone(), healthy: false, failures: FAILURES });
                    opinions.len() - 1
                });
                let opinion = &mut opinions[at];
                opinion.failures = if passes { 0 } else { (opinion.failures + 1).min(FAILURES) };
                opinion.healthy = passes || (opinion.healthy && opinion.failures < FAILURES);
                settled &= opinion.failures == 0 || !opinion.healthy;
            }
            flows.health.opinions.insert(port.object.clone(), opinions);
        }
        flows.health.opinions.retain(|service, _| kept.contains(service));
        settled
    }

    /// One check of one node.
    fn passes(&self, flows: &mut Flows, port: &ServicePort, machine: usize, now: Instant) -> bool {
        let there = &self.topology.machines[machine];
        if flows.outages.is_stopped(&there.name) {
            return false;
        }
        let connects = !port.balancer_ips.iter().any(|ip| !port.proxied_ips.contains(ip));
        let (to, http) = match (port.health_check_node_port, connects) {
            (0, true) => (port.node_port, false),
            (0, false) => (PROXY_HEALTH, true),
            (to, _) => (to, true),
        };
        let (src, dst) = (Socket { ip: CHECKER, port: flows.port() }, Socket { ip: there.address, port: to });
        let packet = Packet { proto: Proto::Tcp, src, dst };
        let walked = self.judge(flows, Origin::Wire(machine), packet, now, Way::Indexed);
        match walked.end {
            End::Machine(machine, packet) if http => {
                self.proxy_health(machine, packet.dst.port, now).is_some_and(|(_, status)| status == 200)
            }
            End::Cabin(cabin, packet) if !http => {
                self.topology.cabins[cabin].servers.iter().any(|server| server.listens(Proto::Tcp, packet.dst.port))
            }
            _ => false,
        }
    }

    /// kube-proxy's server on a node's port, and the status that it answers with; none if it does not listen there.
    pub(super) fn proxy_health(&self, machine: usize, port: u16, now: Instant) -> Option<(Server, u16)> {
        if port == PROXY_HEALTH {
            let time = go_time(now);
            let times = format!("{{\"lastUpdated\": \"{time}\",\"currentTime\": \"{time}\"");
            let answers =
                [("/healthz", format!("{times}, \"nodeEligible\": true}}")), ("/livez", format!("{times}}}"))];
            return Some((Server::proxy_health(port, 200, &answers), 200));
        }
        let is_it = |p: &&ServicePort| port != 0 && p.health_check_node_port == port;
        let first = self.service_ports().find(is_it)?;
        let service = self.service(&first.service)?;
        let node = &self.topology.machines[machine].name;
        let here = service.ports.iter().flat_map(|p| &p.endpoints);
        let here = here.filter(|e| e.ready && e.node.as_ref() == Some(node)).map(|e| e.socket.ip);
        let count = here.collect::<BTreeSet<_>>().len();
        let status = if count > 0 { 200 } else { 503 };
        let body = format!(
            "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{}\",\n\t\t\"name\": \"{}\"\n\t}},\n\t\"localEndpoints\": {count},\n\t\"serviceProxyHealthy\": true\n}}",
            first.object.namespace, first.object.name
        );
        Some((Server::proxy_health(port, status, &[("/", body)]), status))
    }
}

/// `2026-10-01 08:00:05.25 +0000 UTC m=+5.250000000`, as Go prints a time.
fn go_time(now: Instant) -> String {
    let micros = now.as_micros();
    let text = now.rfc3339().replace('T', " ");
    let fraction = format!(".{:06}", micros % 1_000_000);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let (seconds, nanos) = (micros / 1_000_000, micros % 1_000_000 * 1000);
    format!("{}{fraction} +0000 UTC m=+{seconds}.{nanos:09}", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_go_does() {
        assert_eq!(go_time(Instant::from_millis(5_250)), "2026-10-01 08:00:05.25 +0000 UTC m=+5.250000000");
        assert_eq!(go_time(Instant::ZERO), "2026-10-01 08:00:00 +0000 UTC m=+0.000000000");
    }
}
