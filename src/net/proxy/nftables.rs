//! Services to rules, as kube-proxy of Kubernetes 1.37 writes them in mode nftables: `pkg/proxy/nftables/proxier.go`.
//!
//! Left out: IPv6, SCTP, and `--masquerade-all`. Pods are told by `--cluster-cidr`. What differs from mode iptables: node
//! ports answer on the node's own address alone unless `--nodeport-addresses` says otherwise, never on 127.0.0.1; a port that
//! a cluster IP does not serve is refused, and a cluster IP that nobody has is dropped; health checks need no rule.

use std::sync::Arc;

use super::{Endpoint, ServicePort, names};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::net::nft::{Affinity, Base, Chain, Does, Element, Hooked, Key, Match, OWN, Part, Rule, Says, SetName};
use crate::net::rule::{Hook, Range, Why};
use crate::net::topology::Machine;
use crate::object::{FieldRef, Profile};
use crate::trace::{Reason, Socket};

/// The bit that marks packets whose source is to be hidden: `--masquerade-bit 14`.
const MASQUERADE: u32 = 0x4000;
/// Chains of [`base`], by their numbers.
const NODE_PORT_CHECK: usize = 8;
const SERVICE_CHECK: usize = 9;
const FIREWALL_CHECK: usize = 10;
const SERVICES: usize = 11;
const MASQUERADING: usize = 12;
const CLUSTER_IPS_CHECK: usize = 13;
const MARK: usize = 14;
const REJECT: usize = 15;

/// Writes what a node has, whatever its Services.
pub(in crate::net) fn base(profile: &Profile, machine: &Machine) -> Base {
    let node_port_ips = match &profile.kube_proxy.node_port_addresses[..] {
        [] => Some(vec![machine.address]),
        // Never on a loopback address, whatever it says.
        ranges if super::is_all(ranges) => None,
        ranges => Some(super::own_addresses(machine, ranges).filter(|ip| !ip.is_loopback()).collect()),
    };
    let hooked = |name: &str, nat, hook, priority, jumps: &[usize]| {
        let mut chain = Chain::new(name);
        chain.hooked = Some(Hooked { nat, hook, priority });
        let jump = |to: &usize| {
            let rule = Rule::new(Does::Jump(*to));
            if nat { rule } else { rule.when(Match::New) }
        };
        chain.rules = jumps.iter().map(jump).collect();
        chain
    };
    let chain = |name: &str, rules| Chain { rules, ..Chain::new(name) };
    let ours = |rule: Rule| match &node_port_ips {
        Some(_) => rule.when(Match::DstIn(SetName::NodePortIps)),
        None => {
            let loopback = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
            rule.when(Match::Dst(Range { net: loopback, not: true }))
        }
    };
    let node_ports = Rule::new(Does::Lookup(SetName::ServiceNodePorts));
    let local = if node_port_ips.is_none() { node_ports.when(Match::DstLocal) } else { node_ports };
    let mut reject = chain("reject-chain", vec![Rule::new(Does::Reject)]);
    reject.comment = Some("helper for @no-endpoint-services / @no-endpoint-nodeports");
    let chains = vec![
        hooked("filter-prerouting-pre-dnat", false, Hook::Prerouting, -110, &[FIREWALL_CHECK]),
        hooked("filter-output-pre-dnat", false, Hook::Output, -110, &[FIREWALL_CHECK]),
        hooked("filter-input", false, Hook::Input, 0, &[NODE_PORT_CHECK, SERVICE_CHECK]),
        hooked("filter-forward", false, Hook::Forward, 0, &[SERVICE_CHECK, CLUSTER_IPS_CHECK]),
        hooked("filter-output", false, Hook::Output, 0, &[SERVICE_CHECK, CLUSTER_IPS_CHECK]),
        hooked("nat-prerouting", true, Hook::Prerouting, -100, &[SERVICES]),
        hooked("nat-output", true, Hook::Output, -100, &[SERVICES]),
        hooked("nat-postrouting", true, Hook::Postrouting, 100, &[MASQUERADING]),
        chain("nodeport-endpoints-check", vec![ours(Rule::new(Does::Lookup(SetName::NoEndpointNodePorts)))]),
        chain("service-endpoints-check", vec![Rule::new(Does::Lookup(SetName::NoEndpointServices))]),
        chain("firewall-check", vec![Rule::new(Does::Lookup(SetName::FirewallIps))]),
        chain("services", vec![Rule::new(Does::Lookup(SetName::ServiceIps)), ours(local)]),
        chain(
            "masquerading",
            vec![
                Rule::new(Does::Return).when(Match::Unmarked(MASQUERADE)),
                Rule::new(Does::FlipMark(MASQUERADE)),
                Rule::new(Does::Masquerade),
            ],
        ),
        chain(
            "cluster-ips-check",
            vec![
                Rule::new(Does::Reject)
                    .when(Match::DstIn(SetName::ClusterIps))
                    .comment("Reject traffic to invalid ports of ClusterIPs"),
                Rule::new(Does::Drop)
                    .when(Match::Dst(Range { net: profile.service_cidr, not: false }))
                    .comment("Drop traffic to unallocated ClusterIPs")
                    .because(Reason::NotAllocated, None),
            ],
        ),
        chain("mark-for-masquerade", vec![Rule::new(Does::Mark(MASQUERADE))]),
        reject,
    ];
    Base { chains, node_port_ips }
}

/// Writes the rules of one Service, by its ports, on one node.
pub(in crate::net) fn part(name: &Arc<str>, ports: &[ServicePort], machine: &Machine, cluster_cidr: Ipv4Net) -> Part {
    let part = Part { name: name.clone(), chains: Vec::new(), elements: Vec::new(), affinity: Vec::new() };
    let mut writer = Writer { cluster_cidr, part };
    if let Some(port) = ports.first() {
        let list = ports.iter().map(ServicePort::served).collect::<Vec<_>>().join(", ");
        let reason = Reason::PortRefused { service: port.service.clone(), ports: list.into() };
        let why = Why::new(reason, Some(port.field("spec.ports")));
        writer.element(SetName::ClusterIps, port, Socket { ip: port.cluster_ip, port: 0 }, Says::Here, why);
    }
    for port in ports {
        writer.port(port, machine);
    }
    writer.part
}

struct Writer {
    cluster_cidr: Ipv4Net,
    part: Part,
}

impl Writer {
    fn add(&mut self, name: String) -> usize {
        self.part.chains.push(Chain::new(name));
        OWN + self.part.chains.len() - 1
    }

    fn rule(&mut self, chain: usize, rule: Rule) {
        self.part.chains[chain - OWN].rules.push(rule);
    }

    fn element(&mut self, set: SetName, port: &ServicePort, to: Socket, says: Says, why: Why) {
        let ends = matches!(set, SetName::NoEndpointServices | SetName::NoEndpointNodePorts);
        let element = Element {
            set,
            key: Key::of(set, port.proto, to),
            says,
            comment: ends.then(|| port.name.clone()),
            why: Some(why),
        };
        self.part.elements.push(element);
    }

    /// The rules of one port.
    fn port(&mut self, port: &ServicePort, machine: &Machine) {
        let usable = port.usable(&machine.name, &machine.zone);
        let base = names::nft(&port.nft_name());
        let has_internal = usable.any && !(port.internal_local && usable.local.is_empty());
        let has_external = usable.any && !(port.external_local && usable.local.is_empty());

        let sets = self.part.affinity.len();
        let mut endpoints: Vec<(&str, usize, usize)> = Vec::with_capacity(usable.all.len());
        for (i, endpoint) in usable.all.iter().enumerate() {
            let Socket { ip, port: number } = endpoint.socket;
            let name = names::nft(&format!("{}__{ip}/{number}", port.nft_name()));
            if let Some(seconds) = port.affinity {
                self.part.affinity.push(Affinity { name: format!("affinity-{name}").into(), seconds });
            }
            endpoints.push((endpoint.text.as_str(), self.add(format!("endpoint-{name}")), sets + i));
        }
        let uses_cluster = !usable.cluster.is_empty() && port.uses_cluster();
        let cluster = uses_cluster.then(|| self.add(format!("service-{base}")));
        let uses_local = !usable.local.is_empty() && port.uses_local();
        let local = uses_local.then(|| self.add(format!("local-{base}")));
        let external = (usable.any && port.is_external()).then(|| self.add(format!("external-{base}")));
        let uses_firewall = !port.balancer_ips.is_empty() && !port.source_ranges.is_empty();
        let firewall = uses_firewall.then(|| self.add(format!("firewall-{base}")));

        let internal_chain = if port.internal_local { local } else { cluster }.filter(|_| has_internal);
        let policy = if port.external_local { local } else { cluster }.filter(|_| has_external);
        self.destinations(port, usable.any, internal_chain, external.zip(Some(has_external)), firewall);

        // Packets for the cluster IP that no pod sent are marked: the answer has to come back by this node.
        if let Some(chain) = internal_chain {
            let rule = Rule::new(Does::Jump(MARK))
                .when(Match::Dst(Range { net: port.cluster_ip.into(), not: false }))
                .when(Match::Src(Range { net: self.cluster_cidr, not: true }))
                .because(Reason::MasqueradeNotPod, Some(port.port_field("port")));
            self.rule(chain, rule);
        }
        if let Some(chain) = external {
            self.external(port, chain, cluster, policy);
        }
        if let Some(chain) = firewall {
            let mut ranges = port.source_ranges.clone();
            if ranges.iter().any(|range| range.contains(&machine.address)) {
                ranges.extend(port.balancer_ips.iter().map(|ip| Ipv4Net::from(*ip)));
            }
            let cause = port.field("spec.loadBalancerSourceRanges");
            let rule = Rule::new(Does::Drop)
                .when(Match::SrcNotAmong(ranges))
                .because(Reason::SourceRefused(port.service.clone()), Some(cause));
            self.rule(chain, rule);
        }
        for (chain, chosen) in [(cluster, &usable.cluster), (local, &usable.local)] {
            if let Some(chain) = chain {
                self.balance(port, chain, chosen, &endpoints);
            }
        }
        for (endpoint, (_, chain, set)) in usable.all.iter().zip(endpoints) {
            let hairpin = Rule::new(Does::Jump(MARK))
                .when(Match::Src(Range { net: endpoint.socket.ip.into(), not: false }))
                .because(Reason::MasqueradeHairpin, Some(port.port_field("targetPort")));
            self.rule(chain, hairpin);
            if port.affinity.is_some() {
                self.rule(chain, Rule::new(Does::Remember(set)));
            }
            self.rule(chain, Rule::new(Does::Dnat(endpoint.socket)).when(Match::Proto(port.proto)));
        }
    }

    /// The elements that lead from addresses and node ports to the Service's chains, or to their end.
    fn destinations(
        &mut self,
        port: &ServicePort,
        any: bool,
        internal: Option<usize>,
        external: Option<(usize, bool)>,
        firewall: Option<usize>,
    ) {
        use SetName::{FirewallIps, NoEndpointNodePorts, NoEndpointServices, ServiceIps, ServiceNodePorts};
        let at = |ip| Socket { ip, port: port.port };
        // What happens where no endpoint may take the traffic.
        let end = |local: Reason, policy: &str| -> (Says, (Reason, FieldRef)) {
            match &port.lacking {
                Some(lacking) if !any => (Says::Goto(REJECT), lacking.clone()),
                _ => (Says::Drop, (local, port.field(policy))),
            }
        };
        let why = |(reason, cause): (Reason, FieldRef)| Why::new(reason, Some(cause));
        match internal {
            Some(chain) => {
                let why = Why::new(Reason::ClusterIp(port.service.clone()), Some(port.port_field("port")));
                self.element(ServiceIps, port, at(port.cluster_ip), Says::Goto(chain), why);
            }
            None => {
                let local = Reason::NoLocalEndpoint(port.service.clone());
                let (says, because) = end(local, "spec.internalTrafficPolicy");
                self.element(NoEndpointServices, port, at(port.cluster_ip), says, why(because));
            }
        }
        let local = Reason::NoLocalEndpointExternal(port.service.clone());
        let (says, ended) = end(local, "spec.externalTrafficPolicy");
        let ends = !external.is_some_and(|(_, has)| has);
        let externals = port.external_ips.iter().enumerate().map(|(i, ip)| {
            let cause = port.field(&format!("spec.externalIPs[{i}]"));
            (*ip, Why::new(Reason::ExternalIp(port.service.clone()), Some(cause)), None)
        });
        let balancers = port.balancer_ips.iter().enumerate().map(|(i, ip)| {
            let cause = port.field(&format!("status.loadBalancer.ingress[{i}].ip"));
            (*ip, Why::new(Reason::LoadBalancerIp(port.service.clone()), Some(cause)), firewall)
        });
        for (ip, found, firewall) in externals.chain(balancers) {
            if let Some((chain, _)) = external {
                self.element(ServiceIps, port, at(ip), Says::Goto(chain), found.clone());
            }
            if let Some(chain) = firewall {
                self.element(FirewallIps, port, at(ip), Says::Goto(chain), found);
            }
            if ends {
                self.element(NoEndpointServices, port, at(ip), says, why(ended.clone()));
            }
        }
        if port.node_port == 0 {
            return;
        }
        let to = Socket { ip: Ipv4Addr::UNSPECIFIED, port: port.node_port };
        if let Some((chain, _)) = external {
            let why = Why::new(Reason::NodePort(port.service.clone()), Some(port.port_field("nodePort")));
            self.element(ServiceNodePorts, port, to, Says::Goto(chain), why);
        }
        if ends {
            self.element(NoEndpointNodePorts, port, to, says, why(ended));
        }
    }

    /// What all traffic by node port, external IP or load balancer goes through.
    fn external(&mut self, port: &ServicePort, chain: usize, cluster: Option<usize>, policy: Option<usize>) {
        let cause = || Some(port.field("spec.externalTrafficPolicy"));
        if !port.external_local {
            self.rule(chain, Rule::new(Does::Jump(MARK)).because(Reason::MasqueradeExternal, cause()));
        } else {
            if let Some(cluster) = cluster {
                let pods = Match::Src(Range { net: self.cluster_cidr, not: false });
                self.rule(chain, Rule::new(Does::Goto(cluster)).when(pods).comment("short-circuit pod traffic"));
            }
            let rule = Rule::new(Does::Jump(MARK))
                .when(Match::SrcLocal)
                .comment("masquerade local traffic")
                .because(Reason::MasqueradeNode, cause());
            self.rule(chain, rule);
            if let Some(cluster) = cluster {
                let rule = Rule::new(Does::Goto(cluster)).when(Match::SrcLocal).comment("short-circuit local traffic");
                self.rule(chain, rule);
            }
        }
        if let Some(policy) = policy {
            self.rule(chain, Rule::new(Does::Goto(policy)));
        }
    }

    /// Chooses among endpoints: first the one that the client had before, then at random.
    fn balance(&mut self, port: &ServicePort, chain: usize, chosen: &[&Endpoint], all: &[(&str, usize, usize)]) {
        let of = |endpoint: &Endpoint| {
            let at = all.binary_search_by(|(text, ..)| (*text).cmp(&endpoint.text)).ok()?;
            Some((all[at].1, all[at].2))
        };
        if let Some(seconds) = port.affinity {
            for endpoint in chosen {
                let Some((to, set)) = of(endpoint) else { continue };
                let (service, endpoint) = (port.service.clone(), endpoint.who.clone());
                let rule = Rule::new(Does::Goto(to)).when(Match::SrcSeen(set)).because(
                    Reason::PickedAgain { service, endpoint, seconds },
                    Some(port.field("spec.sessionAffinity")),
                );
                self.rule(chain, rule);
            }
        }
        let cause = port.port_field("targetPort");
        let choice = |endpoint: &&Endpoint| {
            let (service, endpoint_name, of_all) = (port.service.clone(), endpoint.who.clone(), chosen.len() as u32);
            let reason = Reason::Picked { service, endpoint: endpoint_name, of: of_all };
            Some((of(endpoint)?.0, Why::new(reason, Some(cause.clone()))))
        };
        let choices = chosen.iter().filter_map(choice).collect();
        self.rule(chain, Rule::new(Does::Balance(choices)));
    }
}
