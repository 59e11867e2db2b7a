//! Cluster IPs and node ports: who has which, and the next one.
//!
//! After `pkg/registry/core/service/storage/alloc.go`, `ipallocator` and `portallocator`: a random address of the upper band
//! of the range, of the lower band (kept for addresses asked for by name) when that is full. One address family: the lab's
//! clusters are IPv4 only. One difference: the same number twice for the same protocol in one Service is left to validation,
//! which names it a duplicate; the real allocator stumbles over it first and says that it is already allocated.

use std::collections::{BTreeMap, BTreeSet};

use super::families;
use super::status::{Cause, Status, quoted};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::{Kind, Ref, ServicePort, ServiceSpec};
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

/// What one request took, and what it gives back once it is through.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Claim {
    ips: Vec<u32>,
    ports: Vec<u16>,
    freed_ips: Vec<u32>,
    freed_ports: Vec<u16>,
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

    /// Gives a Service what it asks for or needs; `old` is what it was, none if it is new.
    ///
    /// A refusal leaves everything as it was. Otherwise the claim must be settled, by [`Self::commit`] or [`Self::revert`].
    pub(super) fn claim(
        &mut self,
        name: &str,
        old: Option<&ServiceSpec>,
        new: &mut ServiceSpec,
    ) -> Result<Claim, Status> {
        families::init(old, new).map_err(|causes| Status::invalid(Kind::Service, name, causes))?;
        let mut claim = Claim::default();
        let mut claimed = self.cluster_ip(name, old, new, &mut claim);
        if claimed.is_ok() {
            claimed = match old {
                None => self.first_ports(name, new, &mut claim),
                Some(old) => self.changed_ports(name, old, new, &mut claim),
            };
        }
        match claimed {
            Ok(()) => Ok(claim),
            Err(status) => {
                self.revert(claim);
                Err(status)
            }
        }
    }

    /// The object is stored: what it no longer has is free.
    pub(super) fn commit(&mut self, claim: Claim) {
        self.ips.retain(|ip| !claim.freed_ips.contains(ip));
        self.ports.retain(|port| !claim.freed_ports.contains(port));
    }

    /// The object was refused after all: what was taken for it is free.
    pub(super) fn revert(&mut self, claim: Claim) {
        claim.ips.iter().for_each(|ip| assert!(self.ips.remove(ip), "taken just now"));
        claim.ports.iter().for_each(|port| assert!(self.ports.remove(port), "taken just now"));
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
        claim: &mut Claim,
    ) -> Result<(), Status> {
        let had_one = old.filter(|old| old.r#type != "ExternalName");
        if let Some(old) = had_one {
            if new.r#type == "ExternalName" {
                claim.freed_ips.extend(address(old));
            }
            return Ok(());
        }
        if new.r#type == "ExternalName" || new.cluster_ip == "None" {
            return Ok(());
        }
        let ip = if new.cluster_ip.is_empty() {
            let ip = self.next_ip().ok_or_else(|| full(name, "failed to allocate a serviceIP"))?;
            new.cluster_ip = Ipv4Addr::from(ip).to_string();
            new.cluster_ips = vec![new.cluster_ip.clone()];
            ip
        } else {
            let why = match address(new).filter(|ip| self.in_range(*ip)) {
                // Since the ranges are objects (1.33) the allocator no longer names its range.
                None => "the provided network does not match the current range",
                Some(ip) if self.ips.contains(&ip) => "provided IP is already allocated",
                Some(_) => "",
            };
            if !why.is_empty() {
                let value = format!("[{}]", quoted(&new.cluster_ip));
                let detail = format!("failed to allocate IP {}: {why}", new.cluster_ip);
                return Err(Status::invalid(
                    Kind::Service,
                    name,
                    vec![Cause::invalid("spec.clusterIPs", value, detail)],
                ));
            }
            address(new).unwrap_or_default()
        };
        self.ips.insert(ip);
        claim.ips.push(ip);
        Ok(())
    }

    /// `txnAllocNodePorts`: one number serves TCP and UDP of the same port.
    fn first_ports(&mut self, name: &str, new: &mut ServiceSpec, claim: &mut Claim) -> Result<(), Status> {
        let mut by_port: BTreeMap<i32, i32> = BTreeMap::new();
        for i in wants_node_ports(new) {
            let (port, own) = (new.ports[i].port, new.ports[i].node_port);
            let asked = match by_port.get(&port) {
                Some(shared) if own == 0 || own == *shared => {
                    new.ports[i].node_port = *shared;
                    continue;
                }
                Some(_) => own,
                None => new.ports.iter().find(|p| p.port == port && p.node_port != 0).map_or(0, |p| p.node_port),
            };
            // Twice the same number for the same protocol: validation says it better.
            let twice = |p: &ServicePort| p.node_port == asked && p.protocol == new.ports[i].protocol;
            if asked == 0 || !new.ports[..i].iter().any(twice) {
                new.ports[i].node_port = self.node_port(name, i, asked, claim)?;
            }
            by_port.entry(port).or_insert(new.ports[i].node_port);
        }
        if needs_health_check(new) {
            self.health_port(name, new, claim)?;
        }
        Ok(())
    }

    /// `txnUpdateNodePorts`
    fn changed_ports(
        &mut self,
        name: &str,
        old: &ServiceSpec,
        new: &mut ServiceSpec,
        claim: &mut Claim,
    ) -> Result<(), Status> {
        let had = node_ports(old);
        for i in wants_node_ports(new) {
            let asked = new.ports[i].node_port;
            let kept = u16::try_from(asked).is_ok_and(|port| had.contains(&port) || claim.ports.contains(&port));
            if asked == 0 || !kept {
                new.ports[i].node_port = self.node_port(name, i, asked, claim)?;
            }
        }
        match (needs_health_check(old), needs_health_check(new)) {
            (false, true) => self.health_port(name, new, claim)?,
            (true, false) => claim.freed_ports.extend(u16::try_from(old.health_check_node_port)),
            _ => {}
        }
        let kept = if has_node_ports(new) { node_ports(new) } else { BTreeSet::new() };
        let health = u16::try_from(old.health_check_node_port).unwrap_or(0);
        claim.freed_ports.extend(had.into_iter().filter(|port| *port != health && !kept.contains(port)));
        Ok(())
    }

    /// The node port of a Service's port `i`: the one that is asked for, any if that is zero.
    fn node_port(&mut self, name: &str, i: usize, asked: i32, claim: &mut Claim) -> Result<i32, Status> {
        if asked == 0 {
            return self.any_port(claim).ok_or_else(|| full(name, "failed to allocate a nodePort"));
        }
        self.take_port(asked, claim).map(|()| asked).map_err(|why| {
            let cause = Cause::invalid(format!("spec.ports[{i}].nodePort"), asked, why);
            Status::invalid(Kind::Service, name, vec![cause])
        })
    }

    fn health_port(&mut self, name: &str, new: &mut ServiceSpec, claim: &mut Claim) -> Result<(), Status> {
        let asked = new.health_check_node_port;
        if asked == 0 {
            let port = self.any_port(claim).ok_or_else(|| full(name, "failed to allocate a HealthCheck NodePort 0"))?;
            new.health_check_node_port = port;
            return Ok(());
        }
        self.take_port(asked, claim).map_err(|why| {
            let key = Ref::new(Kind::Service, "", name);
            Status::internal(&key, &format!("failed to allocate requested HealthCheck NodePort {asked}: {why}"))
        })
    }

    fn any_port(&mut self, claim: &mut Claim) -> Option<i32> {
        let port = self.next_port()?;
        self.ports.insert(port);
        claim.ports.push(port);
        Some(i32::from(port))
    }

    fn take_port(&mut self, asked: i32, claim: &mut Claim) -> Result<(), String> {
        let port = u16::try_from(asked).ok().filter(|port| (NODE_PORTS.0..=NODE_PORTS.1).contains(port));
        let Some(port) = port else {
            let (first, last) = NODE_PORTS;
            return Err(format!("provided port is not in the valid range. The range of valid ports is {first}-{last}"));
        };
        if !self.ports.insert(port) {
            return Err("provided port is already allocated".into());
        }
        claim.ports.push(port);
        Ok(())
    }

    fn in_range(&self, ip: u32) -> bool {
        (u32::from(self.range.network()) + 1..u32::from(self.range.broadcast())).contains(&ip)
    }

    fn next_ip(&mut self) -> Option<u32> {
        let first = u32::from(self.range.network()) + 1;
        let size = u32::from(self.range.broadcast()).checked_sub(first)?;
        let ips = &self.ips;
        // The band is measured by the whole range, network address and broadcast included; 16 addresses have none.
        let lower = if size + 2 <= 16 { 0 } else { band(size + 2, 16, 256, 16).min(size) };
        draw(size, lower, &mut self.ip_rng, |i| ips.contains(&(first + i))).map(|i| first + i)
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

/// Whether Services of this type are reached at ports of nodes.
pub(super) fn has_node_ports(spec: &ServiceSpec) -> bool {
    matches!(spec.r#type.as_str(), "NodePort" | "LoadBalancer")
}

/// Whether balancers ask each node for this Service's health.
pub(super) fn needs_health_check(spec: &ServiceSpec) -> bool {
    spec.r#type == "LoadBalancer" && spec.external_traffic_policy == "Local"
}

/// The Service's ports, by number in its list, that are to have a node port.
fn wants_node_ports(spec: &ServiceSpec) -> Vec<usize> {
    let automatic = spec.r#type == "NodePort" || spec.allocate_load_balancer_node_ports.unwrap_or(true);
    let wants = |i: &usize| has_node_ports(spec) && (automatic || spec.ports[*i].node_port != 0);
    (0..spec.ports.len()).filter(wants).collect()
}

fn full(name: &str, what: &str) -> Status {
    Status::internal(&Ref::new(Kind::Service, "", name), &format!("{what}: range is full"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocator() -> Allocator {
        Allocator::new("10.96.0.0/12".parse().unwrap(), &Rng::new(7))
    }

    fn service(r#type: &str, ports: &[(i32, i32)]) -> ServiceSpec {
        let ports =
            ports.iter().map(|&(port, node_port)| ServicePort { port, node_port, ..ServicePort::default() }).collect();
        ServiceSpec { r#type: r#type.into(), ports, ..ServiceSpec::default() }
    }

    /// Claims and commits.
    fn give(allocator: &mut Allocator, old: Option<&ServiceSpec>, new: &mut ServiceSpec) {
        let claim = allocator.claim("a", old, new).unwrap();
        allocator.commit(claim);
    }

    #[test]
    fn addresses_come_from_the_upper_band() {
        let mut allocator = allocator();
        for _ in 0..100 {
            let mut spec = service("ClusterIP", &[]);
            give(&mut allocator, None, &mut spec);
            assert!(address(&spec).unwrap() >= u32::from(Ipv4Addr::new(10, 96, 1, 1)), "{}", spec.cluster_ip);
        }
        assert_eq!(allocator.ips.len(), 100);
    }

    #[test]
    fn bands_are_those_of_kep_3070() {
        for (range, lower) in [("10.0.0.0/28", 0), ("10.0.0.0/27", 16), ("10.0.0.0/24", 16), ("10.0.0.0/20", 256)] {
            let mut allocator = Allocator::new(range.parse().unwrap(), &Rng::new(1));
            let first = u32::from(allocator.range.network()) + 1;
            let size = u32::from(allocator.range.broadcast()) - first;
            let mut next = || {
                let ip = allocator.next_ip()?;
                assert!(allocator.ips.insert(ip));
                Some(ip)
            };
            assert_eq!((lower..size).filter_map(|_| next()).min(), Some(first + lower), "{range}");
            assert_eq!((0..lower).filter_map(|_| next()).count() as u32, lower);
            assert_eq!(next(), None, "{range} is full");
        }
    }

    #[test]
    fn a_refused_port_gives_the_address_back() {
        let mut allocator = allocator();
        give(&mut allocator, None, &mut service("NodePort", &[(80, 30_080)]));
        let before = allocator.ips.clone();
        let refused = allocator.claim("b", None, &mut service("NodePort", &[(80, 30_080)])).unwrap_err();
        assert_eq!(
            refused.kubectl(),
            "The Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated\n"
        );
        assert_eq!(allocator.ips, before);
    }

    #[test]
    fn one_number_serves_both_protocols_of_a_port() {
        let mut spec = service("NodePort", &[(53, 0), (53, 0), (80, 0)]);
        give(&mut allocator(), None, &mut spec);
        assert_eq!(spec.ports[0].node_port, spec.ports[1].node_port);
        assert_ne!(spec.ports[0].node_port, spec.ports[2].node_port);
        assert!(spec.ports[0].node_port >= 30_086);
        let mut later = service("NodePort", &[(53, 0), (53, 30_053)]);
        give(&mut allocator(), None, &mut later);
        assert_eq!((later.ports[0].node_port, later.ports[1].node_port), (30_053, 30_053));
    }

    #[test]
    fn one_number_for_two_ports_is_taken_twice() {
        let mut spec = service("NodePort", &[(80, 30_080), (81, 30_080)]);
        spec.ports[1].protocol = "UDP".into();
        let refused = allocator().claim("a", None, &mut spec).unwrap_err();
        assert_eq!(refused.causes[0].field, "spec.ports[1].nodePort");
    }

    #[test]
    fn a_change_of_type_gives_back_and_takes() {
        let mut allocator = allocator();
        let mut node_port = service("NodePort", &[(80, 0)]);
        give(&mut allocator, None, &mut node_port);
        let mut plain = ServiceSpec { r#type: "ClusterIP".into(), ..node_port.clone() };
        give(&mut allocator, Some(&node_port), &mut plain);
        plain.ports[0].node_port = 0;
        assert!(allocator.ports.is_empty());
        let mut external = service("ExternalName", &[]);
        give(&mut allocator, Some(&plain), &mut external);
        assert!(allocator.ips.is_empty());
    }

    #[test]
    fn a_health_check_has_a_port_while_it_is_asked() {
        let mut allocator = allocator();
        let mut local = service("LoadBalancer", &[(80, 0)]);
        local.external_traffic_policy = "Local".into();
        give(&mut allocator, None, &mut local);
        assert_eq!(allocator.ports.len(), 2);
        let mut cluster = ServiceSpec { external_traffic_policy: "Cluster".into(), ..local.clone() };
        let claim = allocator.claim("a", Some(&local), &mut cluster).unwrap();
        allocator.revert(claim);
        assert_eq!(allocator.ports.len(), 2, "refused: nothing is given back");
        give(&mut allocator, Some(&local), &mut cluster);
        assert_eq!(allocator.ports.len(), 1);
    }
}
