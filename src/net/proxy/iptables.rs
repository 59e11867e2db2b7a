//! Services to rules, as kube-proxy of Kubernetes 1.37 writes them in iptables mode: `pkg/proxy/iptables/proxier.go`.
//!
//! Also the few rules of kubelet that stand beside them (`pkg/kubelet/kubelet_network_linux.go`). Left out: `nfacct`
//! counters, which kube-proxy leaves out too where the kernel has none, IPv6, and `--masquerade-all`. Pods are told by
//! `--cluster-cidr`, as kubeadm and minikube set it up.

use std::sync::Arc;

use super::{Comments, Endpoint, ServicePort, names};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::net::cni::Plugin;
use crate::net::rule::{
    Base, Chain, CtState, Hook, Masquerade, Match, OWN, Part, Range, Rule, Shared, Table, TableName, Target,
};
use crate::net::topology::Machine;
use crate::object::Profile;
use crate::trace::{Proto, Reason};

/// The bit that marks packets whose source is to be hidden: `--iptables-masquerade-bit 14`.
const MASQUERADE: u32 = 0x4000;

const NEW: Match = Match::CtState { states: &[CtState::New], not: false };
const MASQUERADED: Match = Match::Mark { value: MASQUERADE, mask: MASQUERADE, not: false };
const LOOPBACK: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);

/// The chains of all Services, by their numbers in their tables.
struct Chains {
    services: usize,
    node_ports: usize,
    mark_masq: usize,
    filter_services: usize,
    filter_external: usize,
    filter_node_ports: usize,
    filter_firewall: usize,
}

/// [`base`] adds chains in this order.
const CHAINS: Chains = Chains {
    filter_services: 3,
    filter_external: 4,
    filter_node_ports: 5,
    filter_firewall: 6,
    services: 4,
    node_ports: 5,
    mark_masq: 6,
};

/// Writes the rules of one Service, by its ports, on one node.
pub(in crate::net) fn part(
    name: &Arc<str>,
    ports: &[ServicePort],
    machine: &Machine,
    cluster_cidr: Ipv4Net,
    comments: Comments,
) -> Part {
    let mut writer = Writer { cluster_cidr, comments, shared: Vec::new(), chains: Vec::new() };
    for port in ports {
        writer.port(port, machine);
    }
    Part::new(name.clone(), writer.shared, writer.chains)
}

/// Writes what a node has without kube-proxy: kubelet's rules, and the network plugin's.
pub(in crate::net) fn kubelets(profile: &Profile) -> Base {
    let mut tables = [TableName::Mangle, TableName::Filter, TableName::Nat].map(Table::new);
    let [mangle, filter, nat] = &mut tables;
    mangle.add("KUBE-IPTABLES-HINT");
    let firewall = filter.add("KUBE-FIREWALL");
    filter.chains[firewall].rules.push(martian());
    for hook in [Hook::Input, Hook::Output] {
        if let Some(chain) = filter.hook(hook) {
            filter.chains[chain].rules.push(Rule::new(Target::Jump(firewall)));
        }
    }
    Plugin::of(profile).write(nat, profile.pod_cidr);
    for table in [mangle, filter, nat] {
        table.add("KUBE-KUBELET-CANARY");
    }
    Base::new(tables)
}

/// The rule of kubelet's own chain: packets for the loopback network that came from elsewhere are none of ours.
fn martian() -> Rule {
    let states = &[CtState::Related, CtState::Established, CtState::Dnat];
    let mut martian = Rule::new(Target::Drop)
        .comment("block incoming localnet connections")
        .when(Match::CtState { states, not: true })
        .because(Reason::MartianLoopback, None);
    (martian.src, martian.dst) = (Range::outside(LOOPBACK), Range::within(LOOPBACK));
    martian
}

/// The jumps to the node ports' chain: one for every address of the node, or one for each that they are to answer on.
fn node_port_jumps(profile: &Profile, machine: &Machine, chain: usize) -> Vec<Rule> {
    let ranges = &profile.kube_proxy.node_port_addresses[..];
    let all = ranges.is_empty() || super::is_all(ranges);
    let loopback = all || ranges.iter().any(|range| range.addr().is_loopback() || range.contains(&Ipv4Addr::LOCALHOST));
    let localhost = profile.kube_proxy.localhost_node_ports && loopback;
    let jump = || {
        Rule::new(Target::Jump(chain))
            .comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain")
    };
    if !all {
        let own = super::own_addresses(machine, ranges).filter(|ip| localhost || !ip.is_loopback());
        return own.map(|ip| to(jump(), ip)).collect();
    }
    let mut rule = jump().when(Match::DstLocal);
    if !localhost {
        rule.dst = Range::outside(LOOPBACK);
    }
    vec![rule]
}

/// Writes what a node has, whatever its Services.
pub(in crate::net) fn base(profile: &Profile, machine: &Machine) -> Base {
    let mut mangle = Table::new(TableName::Mangle);
    for name in ["KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY", "KUBE-PROXY-CANARY"] {
        mangle.add(name);
    }

    let mut filter = Table::new(TableName::Filter);
    // Chains of Services first, so that their numbers are known.
    let filter_services = filter.add("KUBE-SERVICES");
    let filter_external = filter.add("KUBE-EXTERNAL-SERVICES");
    let filter_node_ports = filter.add("KUBE-NODEPORTS");
    let filter_firewall = filter.add("KUBE-PROXY-FIREWALL");
    let filter_forward = filter.add("KUBE-FORWARD");
    let kubelet_firewall = filter.add("KUBE-FIREWALL");
    filter.add("KUBE-KUBELET-CANARY");
    filter.add("KUBE-PROXY-CANARY");
    let jump = |chain, comment: &str| Rule::new(Target::Jump(chain)).comment(comment);
    let jump_new = |chain, comment: &str| Rule::new(Target::Jump(chain)).when(NEW).comment(comment);
    let firewall = || jump_new(filter_firewall, "kubernetes load balancer firewall");
    let portals = || jump_new(filter_services, "kubernetes service portals");
    let external = || jump_new(filter_external, "kubernetes externally-visible service portals");
    let martians = || Rule::new(Target::Jump(kubelet_firewall));
    let health = jump(filter_node_ports, "kubernetes health check service ports");
    let forward = jump(filter_forward, "kubernetes forwarding rules");
    let chains = [
        (Hook::Input, vec![firewall(), health, external(), martians()]),
        (Hook::Forward, vec![firewall(), forward, portals(), external()]),
        (Hook::Output, vec![firewall(), portals(), martians()]),
    ];
    for (hook, rules) in chains {
        if let Some(chain) = filter.hook(hook) {
            filter.chains[chain].rules = rules;
        }
    }
    filter.chains[kubelet_firewall].rules.push(martian());
    filter.chains[filter_forward].rules = vec![
        Rule::new(Target::Drop)
            .when(Match::CtState { states: &[CtState::Invalid], not: false })
            .because(Reason::InvalidState, None),
        Rule::new(Target::Accept).comment("kubernetes forwarding rules").when(MASQUERADED),
        Rule::new(Target::Accept)
            .comment("kubernetes forwarding conntrack rule")
            .when(Match::CtState { states: &[CtState::Related, CtState::Established], not: false }),
    ];
    for chain in [filter_services, filter_external, filter_node_ports, filter_firewall] {
        filter.chains[chain].shared = Some(0);
    }

    let mut nat = Table::new(TableName::Nat);
    let services = nat.add("KUBE-SERVICES");
    let node_ports = nat.add("KUBE-NODEPORTS");
    let mark_masq = nat.add("KUBE-MARK-MASQ");
    let postrouting = nat.add("KUBE-POSTROUTING");
    nat.add("KUBE-KUBELET-CANARY");
    nat.add("KUBE-PROXY-CANARY");
    let chains = [
        (Hook::Prerouting, jump(services, "kubernetes service portals")),
        (Hook::Output, jump(services, "kubernetes service portals")),
        (Hook::Postrouting, jump(postrouting, "kubernetes postrouting rules")),
    ];
    for (hook, rule) in chains {
        if let Some(chain) = nat.hook(hook) {
            nat.chains[chain].rules.push(rule);
        }
    }
    nat.chains[postrouting].rules = vec![
        Rule::new(Target::Return).when(Match::Mark { value: MASQUERADE, mask: MASQUERADE, not: true }),
        Rule::new(Target::SetXMark { value: MASQUERADE, mask: 0 }),
        Rule::new(Target::Masquerade(Masquerade::AnyPort)).comment("kubernetes service traffic requiring SNAT"),
    ];
    nat.chains[mark_masq].rules.push(Rule::new(Target::SetXMark { value: MASQUERADE, mask: MASQUERADE }));
    nat.chains[services].rules = node_port_jumps(profile, machine, node_ports);
    for chain in [services, node_ports] {
        nat.chains[chain].shared = Some(0);
    }
    Plugin::of(profile).write(&mut nat, profile.pod_cidr);
    Base::new([mangle, filter, nat])
}

struct Writer {
    cluster_cidr: Ipv4Net,
    comments: Comments,
    shared: Vec<Shared>,
    chains: Vec<Chain>,
}

/// What happens to traffic that no endpoint may take, and the words for it.
struct Filtered {
    target: Target,
    comment: String,
    reason: Reason,
    cause: crate::object::FieldRef,
}

impl Writer {
    /// Adds a chain of the Service's own and gives its number.
    fn add(&mut self, name: Arc<str>) -> usize {
        self.chains.push(Chain::new(name));
        OWN + self.chains.len() - 1
    }

    /// Adds a rule to one of the Service's own chains.
    fn own(&mut self, chain: usize, rule: Rule) {
        self.chains[chain - OWN].rules.push(rule);
    }

    /// Adds a rule to a chain of all Services.
    fn nat(&mut self, chain: usize, rule: Rule) {
        self.shared.push(Shared { table: TableName::Nat, chain, rule });
    }

    /// The same in table filter.
    fn filter(&mut self, chain: usize, rule: Rule) {
        self.shared.push(Shared { table: TableName::Filter, chain, rule });
    }

    /// The rules of one port of one Service.
    fn port(&mut self, port: &ServicePort, machine: &Machine) {
        let proto = port.proto;
        let usable = port.usable(&machine.name, &machine.zone);
        let hash = names::hash(&[&port.name, proto.name()]);
        let has_internal = usable.any && !(port.internal_local && usable.local.is_empty());
        let has_external = usable.any && !(port.external_local && usable.local.is_empty());

        let uses_cluster_chain = !usable.cluster.is_empty() && port.uses_cluster();
        let uses_local_chain = !usable.local.is_empty() && port.uses_local();
        let cluster_chain = uses_cluster_chain.then(|| self.add(names::chain("KUBE-SVC-", &hash)));
        let local_chain = uses_local_chain.then(|| self.add(names::chain("KUBE-SVL-", &hash)));
        let uses_external_chain = usable.any && port.is_external();
        let external_chain = uses_external_chain.then(|| self.add(names::chain("KUBE-EXT-", &hash)));
        let uses_firewall = usable.any && !port.balancer_ips.is_empty() && !port.source_ranges.is_empty();
        let firewall_name = names::chain("KUBE-FW-", &hash);
        let firewall_chain = uses_firewall.then(|| self.add(firewall_name.clone()));
        let internal_chain = if port.internal_local { local_chain } else { cluster_chain };
        let external_policy_chain = if port.external_local { local_chain } else { cluster_chain };

        // The cluster IP.
        let internal = filtered(port, usable.any, true);
        match internal_chain.filter(|_| has_internal) {
            Some(chain) => {
                let rule = Rule::new(Target::Jump(chain))
                    .comment(format!("{} cluster IP", port.name))
                    .port(proto, Some(port.port))
                    .because(Reason::ClusterIp(port.service.clone()), Some(port.port_field("port")));
                self.nat(CHAINS.services, to(rule, port.cluster_ip));
            }
            None => {
                let rule = to(internal.rule().port(proto, Some(port.port)), port.cluster_ip);
                self.filter(CHAINS.filter_services, rule);
            }
        }

        // External IPs and the load balancer's addresses.
        let external = filtered(port, usable.any, false);
        for (i, ip) in port.external_ips.iter().enumerate() {
            if let Some(chain) = external_chain {
                let rule = Rule::new(Target::Jump(chain))
                    .comment(format!("{} external IP", port.name))
                    .port(proto, Some(port.port))
                    .because(
                        Reason::ExternalIp(port.service.clone()),
                        Some(port.field(&format!("spec.externalIPs[{i}]"))),
                    );
                self.nat(CHAINS.services, to(rule, *ip));
            }
            if !has_external {
                let rule = to(external.rule().port(proto, Some(port.port)), *ip);
                self.filter(CHAINS.filter_external, rule);
            }
        }
        for (i, ip) in port.balancer_ips.iter().enumerate() {
            if let Some(chain) = firewall_chain.or(external_chain) {
                let cause = port.field(&format!("status.loadBalancer.ingress[{i}].ip"));
                let rule = Rule::new(Target::Jump(chain))
                    .comment(format!("{} loadbalancer IP", port.name))
                    .port(proto, Some(port.port))
                    .because(Reason::LoadBalancerIp(port.service.clone()), Some(cause));
                self.nat(CHAINS.services, to(rule, *ip));
            }
            if uses_firewall {
                let rule = Rule::new(Target::Drop)
                    .comment(format!("{} traffic not accepted by {firewall_name}", port.name))
                    .port(proto, Some(port.port))
                    .because(
                        Reason::SourceRefused(port.service.clone()),
                        Some(port.field("spec.loadBalancerSourceRanges")),
                    );
                self.filter(CHAINS.filter_firewall, to(rule, *ip));
            }
        }
        if !has_external {
            for ip in &port.balancer_ips {
                let rule = to(external.rule().port(proto, Some(port.port)), *ip);
                self.filter(CHAINS.filter_external, rule);
            }
        }

        // The node port.
        if port.node_port != 0 {
            if let Some(chain) = external_chain {
                let rule = Rule::new(Target::Jump(chain))
                    .comment(port.name.clone())
                    .port(proto, Some(port.node_port))
                    .because(Reason::NodePort(port.service.clone()), Some(port.port_field("nodePort")));
                self.nat(CHAINS.node_ports, rule);
            }
            if !has_external {
                let rule = external.rule().when(Match::DstLocal).port(proto, Some(port.node_port));
                self.filter(CHAINS.filter_external, rule);
            }
        }
        if port.health_check_node_port != 0 {
            let rule = Rule::new(Target::Accept)
                .comment(format!("{} health check node port", port.name))
                .port(Proto::Tcp, Some(port.health_check_node_port));
            self.filter(CHAINS.filter_node_ports, rule);
        }

        // Packets for the cluster IP that no pod sent are marked: the answer has to come back by this node.
        if let Some(chain) = internal_chain.filter(|_| has_internal) {
            let mut rule = Rule::new(Target::Jump(CHAINS.mark_masq))
                .comment(format!("{} cluster IP", port.name))
                .port(proto, Some(port.port))
                .because(Reason::MasqueradeNotPod, Some(port.port_field("port")));
            rule.src = Range::outside(self.cluster_cidr);
            self.own(chain, to(rule, port.cluster_ip));
        }
        if let Some(chain) = external_chain {
            self.external(port, chain, cluster_chain, external_policy_chain.filter(|_| has_external));
            if let Some(firewall) = firewall_chain {
                self.firewall(port, firewall, chain, machine.address);
            }
        }

        // The endpoints.
        let mut endpoint_chains = Vec::with_capacity(usable.all.len());
        for endpoint in &usable.all {
            let hash = names::hash(&[&port.name, proto.name(), &endpoint.text]);
            let chain = self.add(names::chain("KUBE-SEP-", &hash));
            endpoint_chains.push((endpoint.text.as_str(), chain));
        }
        for (chain, endpoints) in [(cluster_chain, &usable.cluster), (local_chain, &usable.local)] {
            if let Some(chain) = chain {
                self.balance(port, chain, endpoints, &endpoint_chains);
            }
        }
        for (endpoint, (_, chain)) in usable.all.iter().zip(&endpoint_chains) {
            self.endpoint(port, endpoint, *chain);
        }
    }

    /// What all traffic by node port, external IP or load balancer goes through.
    fn external(&mut self, port: &ServicePort, chain: usize, cluster: Option<usize>, policy: Option<usize>) {
        let masq = Target::Jump(CHAINS.mark_masq);
        let cause = || Some(port.field("spec.externalTrafficPolicy"));
        let rules = &mut self.chains[chain - OWN].rules;
        if !port.external_local {
            rules.push(
                Rule::new(masq)
                    .comment(format!("masquerade traffic for {} external destinations", port.name))
                    .because(Reason::MasqueradeExternal, cause()),
            );
        } else {
            // kube-proxy names the Service's chain here even where it has no rules; a rule cannot jump to no chain, so
            // it is there whenever there is an endpoint.
            if let Some(cluster) = cluster {
                let mut rule = Rule::new(Target::Jump(cluster))
                    .comment(format!("pod traffic for {} external destinations", port.name));
                rule.src = Range::within(self.cluster_cidr);
                rules.push(rule);
            }
            rules.push(
                Rule::new(masq)
                    .comment(format!("masquerade LOCAL traffic for {} external destinations", port.name))
                    .when(Match::SrcLocal)
                    .because(Reason::MasqueradeNode, cause()),
            );
            if let Some(cluster) = cluster {
                rules.push(
                    Rule::new(Target::Jump(cluster))
                        .comment(format!("route LOCAL traffic for {} external destinations", port.name))
                        .when(Match::SrcLocal),
                );
            }
        }
        if let Some(policy) = policy {
            rules.push(Rule::new(Target::Jump(policy)));
        }
    }

    /// Lets only `loadBalancerSourceRanges` through to the load balancer's address.
    fn firewall(&mut self, port: &ServicePort, chain: usize, external: usize, node: Ipv4Addr) {
        let allow = |range: Ipv4Net| {
            let mut rule = Rule::new(Target::Jump(external)).comment(format!("{} loadbalancer IP", port.name));
            rule.src = Range::within(range);
            rule
        };
        let rules = &mut self.chains[chain - OWN].rules;
        rules.extend(port.source_ranges.iter().map(|range| allow(*range)));
        if port.source_ranges.iter().any(|range| range.contains(&node)) {
            rules.extend(port.balancer_ips.iter().map(|ip| allow((*ip).into())));
        }
        let comment = format!("other traffic to {} will be dropped by KUBE-PROXY-FIREWALL", port.name);
        rules.push(Rule::new(Target::Nothing).comment(comment));
    }

    /// Chooses among endpoints: first the one that the client had before, then at random.
    fn balance(&mut self, port: &ServicePort, chain: usize, endpoints: &[&Endpoint], chains: &[(&str, usize)]) {
        let chain_of = |endpoint: &Endpoint| {
            chains.binary_search_by(|(text, _)| (*text).cmp(&endpoint.text)).ok().map(|i| chains[i].1)
        };
        let commented = |rule: Rule, endpoint: &Endpoint| match self.comments {
            Comments::Written => rule.comment(format!("{} -> {}", port.name, endpoint.text)),
            Comments::LeftOut => rule,
        };
        let mut rules = Vec::new();
        if let Some(seconds) = port.affinity {
            for endpoint in endpoints {
                let Some(to) = chain_of(endpoint) else { continue };
                let (service, endpoint_name) = (port.service.clone(), endpoint.who.clone());
                let list = self.chains[to - OWN].name.clone();
                rules.push(
                    commented(Rule::new(Target::Jump(to)), endpoint)
                        .when(Match::RecentCheck { list, seconds })
                        .because(
                            Reason::PickedAgain { service, endpoint: endpoint_name, seconds },
                            Some(port.field("spec.sessionAffinity")),
                        ),
                );
            }
        }
        let of = endpoints.len() as u32;
        let cause = port.port_field("targetPort");
        let mut left: u64 = 1 << 32;
        for (i, endpoint) in endpoints.iter().enumerate() {
            let Some(to) = chain_of(endpoint) else { continue };
            let mut rule = commented(Rule::new(Target::Jump(to)), endpoint).because(
                Reason::Picked { service: port.service.clone(), endpoint: endpoint.who.clone(), of },
                Some(cause.clone()),
            );
            if i + 1 < endpoints.len() {
                let probability = probability(of - i as u32);
                left -= (left * u64::from(probability)) >> 31;
                let below = ((1 << 32) - left) as u32;
                rule = rule.when(Match::Statistic { probability, below });
            }
            rules.push(rule);
        }
        self.chains[chain - OWN].rules.extend(rules);
    }

    /// Writes one endpoint's address over the destination.
    fn endpoint(&mut self, port: &ServicePort, endpoint: &Endpoint, chain: usize) {
        let list = self.chains[chain - OWN].name.clone();
        let commented = |rule: Rule| match self.comments {
            Comments::Written => rule.comment(port.name.clone()),
            Comments::LeftOut => rule,
        };
        let mut hairpin = commented(Rule::new(Target::Jump(CHAINS.mark_masq)))
            .because(Reason::MasqueradeHairpin, Some(port.port_field("targetPort")));
        hairpin.src = Range::within(endpoint.socket.ip);
        let mut dnat = commented(Rule::new(Target::Dnat(endpoint.socket)));
        if port.affinity.is_some() {
            dnat = dnat.when(Match::RecentSet(list));
        }
        self.chains[chain - OWN].rules = vec![hairpin, dnat.port(port.proto, None)];
    }
}

impl Filtered {
    fn rule(&self) -> Rule {
        Rule::new(self.target.clone())
            .comment(self.comment.as_str())
            .because(self.reason.clone(), Some(self.cause.clone()))
    }
}

/// The rule for traffic that no endpoint may take.
fn filtered(port: &ServicePort, any: bool, internal: bool) -> Filtered {
    if let (false, Some((reason, cause))) = (any, &port.lacking) {
        let comment = format!("{} has no endpoints", port.name);
        return Filtered { target: Target::Reject, comment, reason: reason.clone(), cause: cause.clone() };
    }
    let service = port.service.clone();
    let (reason, cause) = match internal {
        true => (Reason::NoLocalEndpoint(service), port.field("spec.internalTrafficPolicy")),
        false => (Reason::NoLocalEndpointExternal(service), port.field("spec.externalTrafficPolicy")),
    };
    Filtered { target: Target::Drop, comment: format!("{} has no local endpoints", port.name), reason, cause }
}

/// The rule for one destination address.
fn to(mut rule: Rule, ip: Ipv4Addr) -> Rule {
    rule.dst = Range::within(ip);
    rule
}

/// `1/n` in parts of 2^31: kube-proxy prints ten digits, and iptables rounds them to what the kernel holds.
fn probability(n: u32) -> u32 {
    let digits = (10_000_000_000 + u64::from(n) / 2) / u64::from(n);
    (((digits << 31) + 5_000_000_000) / 10_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_where_their_numbers_say() {
        let network = crate::net::compile(&crate::api::Store::default(), &Profile::named("minikube").unwrap());
        let base = &network.topology.machines[0].rules.base;
        let name = |table, chain: usize| &*base.table(table).chains[chain].name;
        let filter = |chain| name(TableName::Filter, chain);
        assert_eq!(filter(CHAINS.filter_services), "KUBE-SERVICES");
        assert_eq!(filter(CHAINS.filter_external), "KUBE-EXTERNAL-SERVICES");
        assert_eq!(filter(CHAINS.filter_node_ports), "KUBE-NODEPORTS");
        assert_eq!(filter(CHAINS.filter_firewall), "KUBE-PROXY-FIREWALL");
        let nat = |chain| name(TableName::Nat, chain);
        assert_eq!(nat(CHAINS.services), "KUBE-SERVICES");
        assert_eq!(nat(CHAINS.node_ports), "KUBE-NODEPORTS");
        assert_eq!(nat(CHAINS.mark_masq), "KUBE-MARK-MASQ");
    }

    #[test]
    fn probabilities_are_those_that_the_kernel_holds() {
        let printed = |n| Match::Statistic { probability: probability(n), below: 0 }.to_string();
        for (n, digits) in [(2, "0.50000000000"), (3, "0.33333333349"), (4, "0.25000000000"), (5, "0.20000000019")] {
            assert_eq!(printed(n), format!("-m statistic --mode random --probability {digits}"));
        }
        assert!(printed(7).ends_with("0.14285714272"), "{}", printed(7));
    }
}
