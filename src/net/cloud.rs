//! Between the nodes and the world: the firewall, the translation of nodes' public addresses, load balancers, links.
//!
//! The firewall stands before the nodes and is stateful: it judges what comes in and forgets nothing of it, so that answers pass. It
//! drops what no rule lets in, as the security groups and VPC firewalls of clouds do. A public address is translated one to one
//! at the edge, as clouds do: the node never sees it.
//!
//! Load balancers are of two sorts, told by `ipMode` (KEP-1860). `VIP` stands for Google Cloud's external passthrough Network Load
//! Balancer (`cloud-provider-gcp` `providers/gce/gce_loadbalancer_external.go`): the packet comes to a node as it was sent, the node
//! answers the client directly, and `loadBalancerSourceRanges` become a rule of the cloud's firewall. `Proxy` stands for balancers that
//! open a connection of their own to a node port; they keep the ranges themselves. Either takes a healthy node at random, or the
//! node that its client's address hashes to where the Service has session affinity; if no node is healthy, it takes any
//! (Google Cloud: "as a last resort"). [`super::health`] tells who is healthy.
//!
//! A link of a Lab has a time and loses packets on the way in; TCP's first packet is sent again, as Linux does, and what the link
//! would lose of an answer is not told. Left out: load balancers' own zones and quotas, IPv6, clouds that put a hostname in the status, answers' way out through the firewall.

use std::sync::Arc;

use super::netfilter::Recorder;
use super::topology::{LINK, Origin, STEP};
use super::walk::{End, Turn, Walk};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::{FieldRef, Host, LoadBalancers, Opening, Profile};
use crate::time::Duration;
use crate::trace::{Action, Because, By, Cloud, Outside, Packet, Place, Proto, Reason, Socket};

/// The time over the internet, one way.
pub const INTERNET: Duration = Duration::from_millis(10);
/// How often a kernel sends a SYN again (`net.ipv4.tcp_syn_retries`).
const SYN_RETRIES: u32 = 6;

/// How many connections load balancers know; the oldest go first.
const BALANCED: usize = 1024;

/// What stands between the nodes and the world, and on the way between nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// What the laptop is to the nodes' network.
    pub host: Host,
    /// The firewall's rules; none if there is no firewall.
    firewall: Option<Vec<Rule>>,
    /// The field with the firewall's rules.
    firewall_field: Option<FieldRef>,
    /// The load balancers; none if there are none.
    pub balancers: Option<LoadBalancers>,
    /// Ways that are not like the others.
    links: Vec<Way>,
    /// The field that says what the laptop is.
    host_field: Option<FieldRef>,
}

/// A rule of the firewall.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    first: u16,
    last: u16,
    from: Ipv4Net,
    because: Arc<str>,
    field: Option<FieldRef>,
}

#[derive(Clone, Debug, PartialEq)]
struct Way {
    between: [Stop; 2],
    latency: Option<Duration>,
    loss: u8,
    field: Option<FieldRef>,
}

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Laptop,
    Internet,
    Machine(usize),
}

/// A change of addresses between two kernels, or before the first.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    /// How many kernels the packet had passed before.
    pub(super) legs: usize,
    /// Where.
    pub(super) place: Place,
    /// Who.
    pub(super) by: By,
    /// The packet as it came.
    pub(super) before: Packet,
}

impl Edge {
    /// Reads a profile.
    pub(super) fn of(profile: &Profile) -> Self {
        let stop = |name: &String| match name.as_str() {
            "laptop" => Some(Stop::Laptop),
            "internet" => Some(Stop::Internet),
            name => profile.nodes.iter().position(|node| node.name == name).map(Stop::Machine),
        };
        let way = |(i, link): (usize, &crate::object::Link)| {
            let field = if link.loss > 0 { "loss" } else { "latency" };
            Some(Way {
                between: [stop(&link.between[0])?, stop(&link.between[1])?],
                latency: link.latency,
                loss: link.loss,
                field: profile.field(&format!("spec.links[{i}].{field}")),
            })
        };
        Self {
            host: profile.host,
            firewall: profile.firewall.as_deref().map(|openings| rules(profile, openings)),
            firewall_field: profile.field("spec.firewall.inbound"),
            balancers: profile.load_balancers,
            links: profile.links.iter().enumerate().filter_map(way).collect(),
            host_field: profile.field("spec.host"),
        }
    }

    fn way(&self, a: Stop, b: Stop) -> Option<&Way> {
        self.links.iter().find(|way| way.between == [a, b] || way.between == [b, a])
    }

    /// The time between two ends of a link, one way, without the internet before it.
    fn time(&self, a: Stop, b: Stop) -> Duration {
        self.way(a, b).and_then(|way| way.latency).unwrap_or(LINK)
    }

    /// The time over the internet that is between an end and the cloud's edge.
    fn afar(&self, stop: Stop) -> Duration {
        match stop {
            Stop::Internet => INTERNET,
            Stop::Laptop if self.host == Host::Remote => INTERNET,
            Stop::Laptop | Stop::Machine(_) => Duration::ZERO,
        }
    }
}

/// The firewall's rules, each with the field of the profile that says it, if one does.
pub(super) fn rules(profile: &Profile, openings: &[Opening]) -> Vec<Rule> {
    let written = profile.firewall.as_deref().unwrap_or_default();
    let rule = |opening: &Opening| Rule {
        first: opening.first,
        last: opening.last,
        from: opening.from,
        because: opening.to_string().into(),
        field: written
            .iter()
            .position(|each| each == opening)
            .and_then(|i| profile.field(&format!("spec.firewall.inbound[{i}].ports"))),
    };
    openings.iter().map(rule).collect()
}

fn because(reason: Outside, cause: Option<FieldRef>) -> Arc<Because> {
    Arc::new(Because { rule: None, reason: Reason::Outside(reason), cause })
}

impl<R: Recorder> Walk<'_, R> {
    /// Over a link; the walk's end, if the packet is lost there.
    pub(super) fn cross(&mut self, a: Stop, b: Stop, at: &Place, packet: Packet) -> Option<End> {
        let edge = &self.topology.edge;
        if edge.links.is_empty() {
            self.rec.wait(edge.time(a, b));
            return None;
        }
        let loss = edge.way(a, b).map_or(0, |way| way.loss);
        let mut lost = 0;
        while loss > 0 && self.flows.loss.below(100) < u32::from(loss) {
            if packet.proto != Proto::Tcp || lost == SYN_RETRIES {
                let because = because(Outside::LostOnLink { loss }, edge.way(a, b).and_then(|way| way.field.clone()));
                self.rec.hop(By::Link, Action::Drop, packet, || because.clone());
                return Some(End::Lost(at.clone(), because));
            }
            self.rec.wait(Duration::from_secs(1 << lost));
            lost += 1;
        }
        if lost > 0 {
            let field = edge.way(a, b).and_then(|way| way.field.clone());
            let because = || because(Outside::LostAndSentAgain { times: lost, loss }, field);
            self.rec.hop(By::Link, Action::Forward, packet, because);
        }
        self.rec.wait(edge.time(a, b));
        None
    }

    /// The time of an answer over a link.
    pub(super) fn cross_back(&mut self, a: Stop, b: Stop) {
        let edge = &self.topology.edge;
        let time = edge.time(a, b) + edge.afar(b);
        self.rec.wait(time);
    }

    /// From a client outside to a node, which is told with the packet as it comes in there.
    pub(super) fn enter(
        &mut self,
        origin: Origin,
        packet: Packet,
        crossings: &mut Vec<Crossing>,
    ) -> Result<(usize, Packet), End> {
        let (topology, words) = (self.topology, self.words);
        let laptop = origin == Origin::Laptop;
        let (place, stop) = if laptop { (Place::Laptop, Stop::Laptop) } else { (Place::Internet, Stop::Internet) };
        if laptop && (packet.dst.ip == topology.laptop || packet.dst.ip.is_loopback()) {
            return Err(End::Laptop(packet));
        }
        if let Some(entered) = self.come_in(stop, &place, 0, packet, crossings) {
            return entered;
        }
        let near = laptop && topology.edge.host != Host::Remote;
        let routed = self.flows.laptop.route().filter(|_| near && topology.service_cidr.contains(&packet.dst.ip));
        if let Some(via) = routed.and_then(|node| topology.machines.iter().position(|m| m.name == *node)) {
            let there = &topology.machines[via];
            self.rec.wait(STEP);
            self.rec.hop(By::Route, Action::Forward, packet, || {
                let rule = format!("{} via {} dev br-minikube", topology.service_cidr, there.address);
                let reason = Reason::Outside(Outside::TunnelRoute(there.name.clone()));
                Arc::new(Because { rule: Some(rule.into()), reason, cause: None })
            });
            return self.arrive(stop, &place, via, packet).map(|()| (via, packet));
        }
        let because = match topology.machine_at(packet.dst.ip) {
            Some(_) if near && topology.edge.host == Host::DockerDesktop => {
                because(Outside::DesktopNoRoute, topology.edge.host_field.clone())
            }
            Some(machine) if near => {
                self.firewall(&place, packet)?;
                return self.arrive(stop, &place, machine, packet).map(|()| (machine, packet));
            }
            _ => words.outside(topology, packet.dst.ip, if near { Origin::Laptop } else { Origin::Internet }),
        };
        self.rec.wait(STEP);
        self.rec.hop(By::Route, Action::Drop, packet, || because.clone());
        Err(End::Lost(place, because))
    }

    /// From a node to what is neither a node nor a pod; the node where the packet comes back in, if it does.
    pub(super) fn leave(
        &mut self,
        machine: usize,
        legs: usize,
        first: Ipv4Addr,
        packet: Packet,
        crossings: &mut Vec<Crossing>,
    ) -> Result<(usize, Packet), End> {
        let topology = self.topology;
        let me = &topology.machines[machine];
        if topology.control_plane == Some(packet.dst.ip) {
            self.rec.wait(STEP);
            self.rec.hop(By::Route, Action::Forward, packet, || because(Outside::ControlPlane, None));
            self.rec.wait(LINK);
            return Err(End::ControlPlane(packet));
        }
        if self.knows(packet.dst.ip) {
            let mut out = packet;
            if let Some(public) = me.public {
                self.rec.wait(STEP);
                self.rec.at(&Place::Cloud(Cloud::Firewall));
                out.src.ip = public;
                let because = || because(Outside::PrivateToPublic(me.name.clone()), None);
                self.rec.hop(By::Gateway, Action::Snat, out, because);
                crossings.push(Crossing {
                    legs,
                    place: Place::Cloud(Cloud::Firewall),
                    by: By::Gateway,
                    before: packet,
                });
            }
            if let Some(entered) = self.come_in(Stop::Machine(machine), &me.place, legs, out, crossings) {
                return entered;
            }
        }
        let service = self.network.service_at(first);
        let because = self.words.away(topology, first, packet, service.map(|service| &**service));
        self.rec.wait(STEP);
        self.rec.hop(By::Route, Action::Drop, packet, || because.clone());
        Err(End::Lost(me.place.clone(), because))
    }

    /// Whether an address on the internet is one of the cluster's.
    fn knows(&self, ip: Ipv4Addr) -> bool {
        self.balanced(ip) || self.topology.machines.iter().any(|m| m.public == Some(ip))
    }

    fn balanced(&self, ip: Ipv4Addr) -> bool {
        self.topology.edge.balancers.is_some_and(|balancers| balancers.pool.contains(&ip))
    }

    /// What comes by a public address: a load balancer's or a node's; none if it is neither.
    fn come_in(
        &mut self,
        stop: Stop,
        place: &Place,
        legs: usize,
        packet: Packet,
        crossings: &mut Vec<Crossing>,
    ) -> Option<Result<(usize, Packet), End>> {
        if self.balanced(packet.dst.ip) {
            return self.balance(stop, legs, packet, crossings);
        }
        let topology = self.topology;
        let machine = topology.machines.iter().position(|m| m.public == Some(packet.dst.ip))?;
        let there = &topology.machines[machine];
        if !matches!(stop, Stop::Machine(_)) {
            self.rec.wait(STEP);
            self.rec.hop(By::Route, Action::Forward, packet, || because(Outside::ToCloud, None));
            self.rec.wait(topology.edge.afar(stop));
        }
        if let Err(end) = self.firewall(place, packet) {
            return Some(Err(end));
        }
        let inside = Packet { dst: Socket { ip: there.address, port: packet.dst.port }, ..packet };
        self.rec.wait(STEP);
        self.rec.at(&Place::Cloud(Cloud::Firewall));
        let translated = || because(Outside::PublicToPrivate(there.name.clone()), None);
        self.rec.hop(By::Gateway, Action::Dnat, inside, translated);
        crossings.push(Crossing { legs, place: Place::Cloud(Cloud::Firewall), by: By::Gateway, before: packet });
        Some(self.arrive(stop, &Place::Cloud(Cloud::Firewall), machine, inside).map(|()| (machine, inside)))
    }

    /// The firewall's judgement of what comes in.
    fn firewall(&mut self, _from: &Place, packet: Packet) -> Result<(), End> {
        let edge = &self.topology.edge;
        let Some(rules) = self.flows.guard.as_deref().or(edge.firewall.as_deref()) else { return Ok(()) };
        let port = packet.dst.port;
        self.rec.wait(STEP);
        self.rec.at(&Place::Cloud(Cloud::Firewall));
        let admits = |rule: &&Rule| {
            packet.proto != Proto::Icmp
                && (rule.first..=rule.last).contains(&port)
                && rule.from.contains(&packet.src.ip)
        };
        if let Some(rule) = rules.iter().find(admits) {
            self.rec.hop(By::Firewall, Action::Forward, packet, || {
                because(Outside::FirewallAdmits { port, rule: rule.because.clone() }, rule.field.clone())
            });
            return Ok(());
        }
        let because = because(Outside::FirewallDrops { port, rules: rules.len() }, edge.firewall_field.clone());
        self.rec.hop(By::Firewall, Action::Drop, packet, || because.clone());
        Err(End::Lost(Place::Cloud(Cloud::Firewall), because))
    }

    /// Over the last link to a node, and in.
    fn arrive(&mut self, stop: Stop, place: &Place, machine: usize, packet: Packet) -> Result<(), End> {
        let topology = self.topology;
        let name = &topology.machines[machine].name;
        if matches!(place, Place::Cloud(_)) && self.flows.outages.is_stopped(name) {
            // A cloud's network says nothing of machines that are off.
            let because = Because::plain(Reason::NodeStopped(name.clone()));
            self.rec.wait(STEP);
            self.rec.hop(By::Link, Action::Drop, packet, || because.clone());
            return Err(End::Lost(place.clone(), because));
        }
        if let Some(end) = self.off(place, machine, packet) {
            return Err(end);
        }
        if stop == Stop::Machine(machine) {
            self.rec.wait(LINK);
        } else if let Some(end) = self.cross(stop, Stop::Machine(machine), place, packet) {
            return Err(end);
        }
        self.rec.at(&topology.machines[machine].place);
        self.rec.hop(By::Link, Action::Receive, packet, || self.words.arrives.clone());
        Ok(())
    }

    /// A load balancer's choice; none if no Service has the address.
    fn balance(
        &mut self,
        stop: Stop,
        legs: usize,
        packet: Packet,
        crossings: &mut Vec<Crossing>,
    ) -> Option<Result<(usize, Packet), End>> {
        let (network, topology) = (self.network, self.topology);
        let ip = packet.dst.ip;
        let of_ip = network.service_ports().filter(|p| p.balancer_ips.contains(&ip) || p.proxied_ips.contains(&ip));
        let of_ip: Vec<_> = of_ip.collect();
        let first = *of_ip.first()?;
        let place = Place::Cloud(Cloud::Balancer(first.object.namespace.clone(), first.object.name.clone()));
        if !matches!(stop, Stop::Machine(_)) {
            self.rec.wait(STEP);
            self.rec.hop(By::Route, Action::Forward, packet, || because(Outside::ToCloud, None));
            self.rec.wait(topology.edge.afar(stop));
        }
        let drop = |walk: &mut Self, by: By, at: Place, reason: Outside, field: Option<FieldRef>| {
            let because = because(reason, field);
            walk.rec.wait(STEP);
            walk.rec.at(&at);
            walk.rec.hop(by, Action::Drop, packet, || because.clone());
            Some(Err(End::Lost(at, because)))
        };
        let service = || first.service.clone();
        let fits = |p: &&&super::ServicePort| p.proto == packet.proto && p.port == packet.dst.port;
        let Some(port) = of_ip.iter().find(fits).copied() else {
            let reason = Outside::BalancerPortless { service: service(), port: packet.dst.port };
            return drop(self, By::Balancer, place, reason, Some(first.field("spec.ports")));
        };
        let ranges = &port.source_ranges;
        if !ranges.is_empty() && !ranges.iter().any(|range| range.contains(&packet.src.ip)) {
            let field = Some(port.field("spec.loadBalancerSourceRanges"));
            return drop(
                self,
                By::Firewall,
                Place::Cloud(Cloud::Firewall),
                Outside::FirewallSourceRefused(service()),
                field,
            );
        }
        if topology.edge.firewall.is_some() {
            self.rec.wait(STEP);
            self.rec.at(&Place::Cloud(Cloud::Firewall));
            let opened = || because(Outside::FirewallOpenedFor(service()), Some(port.field("spec.type")));
            self.rec.hop(By::Firewall, Action::Forward, packet, opened);
        }
        let nodes: Vec<usize> = (0..topology.machines.len()).filter(|i| !topology.machines[*i].excluded).collect();
        let fit = |i: &usize| self.flows.health.is_healthy(&port.object, &topology.machines[*i].name);
        let healthy: Vec<usize> = nodes.iter().copied().filter(fit).collect();
        let choice = if healthy.is_empty() { &nodes } else { &healthy };
        if choice.is_empty() {
            return drop(self, By::Balancer, place, Outside::BalancerNodeless(service()), None);
        }
        let known = match self.turn {
            Turn::First => None,
            Turn::Later => self.flows.balanced.iter().rev().find(|(first, ..)| *first == packet),
        };
        let known = known.map(|(_, machine, inside)| (*machine, *inside));
        let at = match (port.affinity, known) {
            (_, Some(_)) => 0,
            (Some(_), None) => u32::from(packet.src.ip).wrapping_mul(0x9E37_79B1) >> 8,
            (None, None) => self.flows.balancing.below(choice.len() as u32),
        };
        let machine = known.map_or(choice[at as usize % choice.len()], |(machine, _)| machine);
        let there = &topology.machines[machine];
        let of = healthy.len();
        let (node, passes) = (there.name.clone(), port.balancer_ips.contains(&ip));
        let mut inside = packet;
        let mut action = Action::Forward;
        if !passes {
            if port.node_port == 0 {
                let field = Some(port.field("spec.allocateLoadBalancerNodePorts"));
                return drop(self, By::Balancer, place, Outside::BalancerNoNodePort(service()), field);
            }
            inside.src = Socket { ip, port: self.flows.port() };
            inside.dst = Socket { ip: there.address, port: port.node_port };
            action = Action::Dnat;
        }
        match known {
            Some((_, before)) => inside = before,
            None => {
                self.flows.balanced.push_back((packet, machine, inside));
                if self.flows.balanced.len() > BALANCED {
                    self.flows.balanced.pop_front();
                }
            }
        }
        self.rec.wait(STEP);
        self.rec.at(&place);
        self.rec.hop(By::Balancer, action, inside, || {
            let reason = match (of, passes) {
                (0, _) => Outside::BalancerDespairs { service: service(), node },
                (_, true) => Outside::BalancerPasses { service: service(), node, of },
                (_, false) => Outside::BalancerConnects { service: service(), node, of },
            };
            because(reason, Some(port.field("spec.type")))
        });
        if !passes {
            crossings.push(Crossing { legs, place: place.clone(), by: By::Balancer, before: packet });
        }
        Some(self.arrive(stop, &place, machine, inside).map(|()| (machine, inside)))
    }
}
