//! Cluster IPs and node ports: who has which, and the next one.
//!
//! After `pkg/registry/core/service/storage/alloc.go`, `ipallocator` and `portallocator`: a random address of the upper band
//! of the range, of the lower band (kept for addresses asked for by name) when that is full. One address family: the lab's
//! clusters are IPv4 only.

use std::collections::BTreeSet;

use super::status::{Cause, Status, quoted};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::{Kind, Ref, ServiceSpec};
use crate::rng::Rng;

/// First and last node port, as `--service-node-port-range` has them by default.
pub(super) const NODE_PORTS: (u16, u16) = (30_000, 32_767);

/// What has been handed out.
#[derive(Clone, Debug)]
pub(super) struct Allocator {
    range: Ipv4Net,
    ips: BTreeSet<u32>,
    ports: BTreeSet<u16>,
    ip_rng: Rng,
    port_rng: Rng,
}

/// What one request took, to be given back if it fails later.
#[derive(Default)]
struct Taken {
    ips: Vec<u32>,
    ports: Vec<u16>,
}

impl Allocator {
    /// Nothing handed out yet; random from two forks of `rng`.
    pub(super) fn new(range: Ipv4Net, rng: &Rng) -> Self {
        Self {
            range,
            ips: BTreeSet::new(),
            ports: BTreeSet::new(),
            ip_rng: rng.fork("cluster-ip"),
            port_rng: rng.fork("node-port"),
        }
    }

    /// Gives a Service what it asks for or needs, and takes back what `old` had and it no longer has.
    ///
    /// A refusal leaves everything as it was.
    pub(super) fn allocate(
        &mut self,
        name: &str,
        old: Option<&ServiceSpec>,
        new: &mut ServiceSpec,
    ) -> Result<(), Status> {
        ip_families(name, old, new)?;
        let mut taken = Taken::default();
        let result = self.cluster_ip(name, old, new, &mut taken).and_then(|()| self.ports(name, old, new, &mut taken));
        match &result {
            Err(_) => {
                taken.ips.iter().for_each(|ip| assert!(self.ips.remove(ip), "taken just now"));
                taken.ports.iter().for_each(|port| assert!(self.ports.remove(port), "taken just now"));
            }
            Ok(()) => {
                if let Some(old) = old {
                    let (ip, ports) = (address(new), node_ports(new));
                    if let Some(was) = address(old).filter(|was| Some(*was) != ip) {
                        self.ips.remove(&was);
                    }
                    for was in node_ports(old).difference(&ports) {
                        self.ports.remove(was);
                    }
                }
            }
        }
        result
    }

    /// Takes back all that a Service had.
    pub(super) fn release(&mut self, spec: &ServiceSpec) {
        if let Some(ip) = address(spec) {
            self.ips.remove(&ip);
        }
        for port in node_ports(spec) {
            self.ports.remove(&port);
        }
    }

    fn cluster_ip(
        &mut self,
        name: &str,
        old: Option<&ServiceSpec>,
        new: &mut ServiceSpec,
        taken: &mut Taken,
    ) -> Result<(), Status> {
        let fresh = old.is_none_or(|old| old.r#type == "ExternalName");
        if new.r#type == "ExternalName" || new.cluster_ip == "None" || !fresh {
            return Ok(());
        }
        let ip = if new.cluster_ip.is_empty() {
            let Some(ip) = self.next_ip() else {
                let key = Ref::new(Kind::Service, "", name);
                return Err(Status::internal(&key, "failed to allocate a serviceIP: range is full"));
            };
            new.cluster_ip = Ipv4Addr::from(ip).to_string();
            new.cluster_ips = vec![new.cluster_ip.clone()];
            ip
        } else {
            let refuse = |why: String| {
                let value = format!("[{}]", quoted(&new.cluster_ip));
                let detail = format!("failed to allocate IP {}: {why}", new.cluster_ip);
                Err(Status::invalid(Kind::Service, name, vec![Cause::invalid("spec.clusterIPs", value, detail)]))
            };
            let Some(ip) = address(new).filter(|ip| self.in_range(*ip)) else {
                return refuse(format!(
                    "the provided IP ({}) is not in the valid range. The range of valid IPs is {}",
                    new.cluster_ip, self.range
                ));
            };
            if self.ips.contains(&ip) {
                return refuse("provided IP is already allocated".into());
            }
            ip
        };
        self.ips.insert(ip);
        taken.ips.push(ip);
        Ok(())
    }

    fn ports(
        &mut self,
        name: &str,
        old: Option<&ServiceSpec>,
        new: &mut ServiceSpec,
        taken: &mut Taken,
    ) -> Result<(), Status> {
        let had = old.map(node_ports).unwrap_or_default();
        if matches!(new.r#type.as_str(), "NodePort" | "LoadBalancer") {
            let automatic = new.r#type == "NodePort" || new.allocate_load_balancer_node_ports.unwrap_or(true);
            for i in 0..new.ports.len() {
                let (port, asked) = (new.ports[i].port, new.ports[i].node_port);
                if asked == 0 && !automatic {
                    continue;
                }
                // One number serves TCP and UDP of the same port, on creation.
                let shared = if old.is_some() || asked != 0 {
                    None
                } else {
                    new.ports.iter().find(|p| p.port == port && p.node_port != 0).map(|p| p.node_port)
                };
                if let Some(shared) = shared {
                    new.ports[i].node_port = shared;
                    if new.ports[..i].iter().any(|p| p.node_port == shared) {
                        continue;
                    }
                }
                let asked = new.ports[i].node_port;
                if asked == 0 {
                    let Some(port) = self.next_port() else {
                        let key = Ref::new(Kind::Service, "", name);
                        return Err(Status::internal(&key, "failed to allocate a nodePort: range is full"));
                    };
                    self.ports.insert(port);
                    taken.ports.push(port);
                    new.ports[i].node_port = i32::from(port);
                } else if !taken.ports.iter().chain(&had).any(|port| i32::from(*port) == asked) {
                    self.take_port(asked, taken).map_err(|why| {
                        let cause = Cause::invalid(format!("spec.ports[{i}].nodePort"), asked, why);
                        Status::invalid(Kind::Service, name, vec![cause])
                    })?;
                }
            }
        }
        if needs_health_check(new) {
            let asked = new.health_check_node_port;
            if asked == 0 {
                let key = Ref::new(Kind::Service, "", name);
                let Some(port) = self.next_port() else {
                    let why = "failed to allocate a HealthCheck NodePort 0: range is full";
                    return Err(Status::internal(&key, why));
                };
                self.ports.insert(port);
                taken.ports.push(port);
                new.health_check_node_port = i32::from(port);
            } else if !had.iter().any(|port| i32::from(*port) == asked) {
                self.take_port(asked, taken).map_err(|why| {
                    let key = Ref::new(Kind::Service, "", name);
                    Status::internal(&key, &format!("failed to allocate requested HealthCheck NodePort {asked}: {why}"))
                })?;
            }
        }
        Ok(())
    }

    fn take_port(&mut self, asked: i32, taken: &mut Taken) -> Result<(), String> {
        let port = u16::try_from(asked).ok().filter(|port| (NODE_PORTS.0..=NODE_PORTS.1).contains(port));
        let Some(port) = port else {
            let (first, last) = NODE_PORTS;
            return Err(format!("provided port is not in the valid range. The range of valid ports is {first}-{last}"));
        };
        if !self.ports.insert(port) {
            return Err("provided port is already allocated".into());
        }
        taken.ports.push(port);
        Ok(())
    }

    fn in_range(&self, ip: u32) -> bool {
        (u32::from(self.range.network()) + 1..u32::from(self.range.broadcast())).contains(&ip)
    }

    fn next_ip(&mut self) -> Option<u32> {
        let first = u32::from(self.range.network()) + 1;
        let size = u32::from(self.range.broadcast()).checked_sub(first)?;
        let ips = &self.ips;
        draw(size, band(size, 16, 256, 16), &mut self.ip_rng, |i| ips.contains(&(first + i))).map(|i| first + i)
    }

    fn next_port(&mut self) -> Option<u16> {
        let (first, last) = NODE_PORTS;
        let size = u32::from(last - first) + 1;
        let ports = &self.ports;
        draw(size, band(size, 16, 128, 32), &mut self.port_rng, |i| ports.contains(&(first + i as u16)))
            .map(|i| first + i as u16)
    }
}

/// The lower band of a range of `size`: `size/step`, within bounds; none of a range smaller than the lower bound.
fn band(size: u32, min: u32, max: u32, step: u32) -> u32 {
    if size < min { 0 } else { (size / step).clamp(min, max) }
}

/// A free number below `size`: from `lower` on, starting anywhere; below `lower` only when the rest is taken.
fn draw(size: u32, lower: u32, rng: &mut Rng, taken: impl Fn(u32) -> bool) -> Option<u32> {
    let mut within = |start: u32, size: u32| {
        let from = if size == 0 { return None } else { rng.below(size) };
        (0..size).map(|i| start + (from + i) % size).find(|i| !taken(*i))
    };
    within(lower, size - lower).or_else(|| within(0, lower))
}

/// The cluster IP as a number; none if there is none or it is `None`.
fn address(spec: &ServiceSpec) -> Option<u32> {
    spec.cluster_ip.parse::<Ipv4Addr>().ok().map(u32::from)
}

fn node_ports(spec: &ServiceSpec) -> BTreeSet<u16> {
    let ports = spec.ports.iter().map(|port| port.node_port).chain([spec.health_check_node_port]);
    ports.filter_map(|port| u16::try_from(port).ok()).filter(|port| *port != 0).collect()
}

/// Whether balancers ask each node for this Service's health.
pub(super) fn needs_health_check(spec: &ServiceSpec) -> bool {
    spec.r#type == "LoadBalancer" && spec.external_traffic_policy == "Local"
}

/// `initIPFamilyFields` of a cluster with IPv4 alone.
fn ip_families(name: &str, old: Option<&ServiceSpec>, new: &mut ServiceSpec) -> Result<(), Status> {
    if new.r#type == "ExternalName" {
        return Ok(());
    }
    let selectorless = new.cluster_ip == "None" && new.selector.is_empty();
    if new.ip_family_policy.is_empty() {
        new.ip_family_policy = match old {
            Some(old) if !old.ip_family_policy.is_empty() => old.ip_family_policy.clone(),
            _ if selectorless => "RequireDualStack".into(),
            _ => "SingleStack".into(),
        };
    }
    let mut causes = Vec::new();
    let policy = quoted(&new.ip_family_policy);
    if new.ip_family_policy == "SingleStack" {
        let all = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
        if new.cluster_ips.len() == 2 {
            causes.push(Cause::invalid("spec.ipFamilyPolicy", &policy, format!("{all} cluster IPs are specified")));
        }
        if new.ip_families.len() == 2 {
            causes.push(Cause::invalid("spec.ipFamilyPolicy", &policy, format!("{all} IP families are specified")));
        }
    }
    for (i, ip) in new.cluster_ips.iter().enumerate().take_while(|(_, ip)| *ip != "None") {
        if i >= new.ip_families.len() {
            if ip.contains(':') {
                let all: Vec<String> = new.cluster_ips.iter().map(|ip| quoted(ip)).collect();
                let value = format!("[{}]", all.join(","));
                let detail = "IPv6 is not configured on this cluster";
                causes.push(Cause::invalid(format!("spec.clusterIPs[{i}]"), value, detail));
            } else {
                new.ip_families.push("IPv4".into());
            }
        }
    }
    if !causes.is_empty() {
        return Err(Status::invalid(Kind::Service, name, causes));
    }
    if selectorless {
        if new.ip_families.is_empty() {
            new.ip_families.push("IPv4".into());
        }
        if new.ip_families.len() < 2 && new.ip_family_policy != "SingleStack" {
            new.ip_families.push(if new.ip_families[0] == "IPv4" { "IPv6".into() } else { "IPv4".into() });
        }
        return Ok(());
    }
    if new.ip_family_policy == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        causes.push(Cause::invalid("spec.ipFamilyPolicy", &policy, detail));
    }
    for (i, family) in new.ip_families.iter().enumerate().filter(|(_, family)| *family != "IPv4") {
        let detail = "not configured on this cluster";
        causes.push(Cause::invalid(format!("spec.ipFamilies[{i}]"), quoted(family), detail));
    }
    if !causes.is_empty() {
        return Err(Status::invalid(Kind::Service, name, causes));
    }
    if new.ip_families.is_empty() {
        new.ip_families.push("IPv4".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ServicePort;

    fn allocator() -> Allocator {
        Allocator::new("10.96.0.0/12".parse().unwrap(), &Rng::new(7))
    }

    fn service(r#type: &str, ports: &[(i32, i32)]) -> ServiceSpec {
        let ports =
            ports.iter().map(|&(port, node_port)| ServicePort { port, node_port, ..ServicePort::default() }).collect();
        ServiceSpec { r#type: r#type.into(), ports, ..ServiceSpec::default() }
    }

    #[test]
    fn addresses_come_from_the_upper_band() {
        let mut allocator = allocator();
        for _ in 0..100 {
            let mut spec = service("ClusterIP", &[]);
            allocator.allocate("a", None, &mut spec).unwrap();
            assert!(address(&spec).unwrap() >= u32::from(Ipv4Addr::new(10, 96, 1, 1)), "{}", spec.cluster_ip);
        }
        assert_eq!(allocator.ips.len(), 100);
    }

    #[test]
    fn a_refused_port_gives_the_address_back() {
        let mut allocator = allocator();
        allocator.allocate("a", None, &mut service("NodePort", &[(80, 30_080)])).unwrap();
        let before = allocator.ips.clone();
        let refused = allocator.allocate("b", None, &mut service("NodePort", &[(80, 30_080)])).unwrap_err();
        assert_eq!(
            refused.kubectl(),
            "The Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated\n"
        );
        assert_eq!(allocator.ips, before);
    }

    #[test]
    fn one_number_serves_both_protocols_of_a_port() {
        let mut spec = service("NodePort", &[(53, 0), (53, 0), (80, 0)]);
        allocator().allocate("dns", None, &mut spec).unwrap();
        assert_eq!(spec.ports[0].node_port, spec.ports[1].node_port);
        assert_ne!(spec.ports[0].node_port, spec.ports[2].node_port);
        assert!(spec.ports[0].node_port >= 30_086);
    }

    #[test]
    fn a_change_of_type_gives_back_and_takes() {
        let mut allocator = allocator();
        let mut node_port = service("NodePort", &[(80, 0)]);
        allocator.allocate("a", None, &mut node_port).unwrap();
        let mut plain = ServiceSpec { r#type: "ClusterIP".into(), ..node_port.clone() };
        plain.ports[0].node_port = 0;
        allocator.allocate("a", Some(&node_port), &mut plain).unwrap();
        assert!(allocator.ports.is_empty());
        let mut external = service("ExternalName", &[]);
        allocator.allocate("a", Some(&plain), &mut external).unwrap();
        assert!(allocator.ips.is_empty());
    }
}
