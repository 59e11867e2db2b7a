//! Host ports: the rules by which a network plugin leads a node's port to a pod that asks for it.
//!
//! Stands for `containernetworking/plugins` `plugins/meta/portmap/portmap_iptables.go`, which minikube's bridge, kindnet and clouds
//! chain after their own plugin. The chains that all pods share are there while a pod of the node has a host port; the
//! plugin leaves them behind. Digits of a pod's chain are drawn from the pod's uid by another hash than the plugin's.
//! kube-proxy's rules come first: a node port beats a host port of the same number.

use std::sync::Arc;

use super::rule::{Base, Chain, Hook, Masquerade, Match, OWN, Range, Rule, Shared, TableName, Target};
use super::topology::{Cabin, Machine};
use crate::inet::Ipv4Addr;
use crate::object::{FieldRef, Pod, PodSpec};
use crate::trace::{Proto, Reason, Socket};

const DNAT: &str = "CNI-HOSTPORT-DNAT";
/// The bit by which the plugin marks what needs another source.
const MARK: u32 = 0x2000;

/// A port of a node that a pod asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HostPort {
    proto: Proto,
    /// On which of the node's addresses; none for all.
    ip: Option<Ipv4Addr>,
    host: u16,
    port: u16,
    field: FieldRef,
}

/// The host ports of a pod; `field` turns a path below its spec, to a port of a container, into the field that a person wrote.
pub(super) fn read(pod: &Pod, field: impl Fn(&str, usize, usize) -> FieldRef) -> Vec<HostPort> {
    let mut all = Vec::new();
    if pod.spec.host_network {
        return all;
    }
    for (i, container) in pod.spec.containers.iter().enumerate() {
        for (j, port) in container.ports.iter().enumerate() {
            let number = |n: i32| u16::try_from(n).ok().filter(|n| *n != 0);
            let proto = match port.protocol.as_str() {
                "UDP" => Proto::Udp,
                "SCTP" => continue,
                _ => Proto::Tcp,
            };
            if let (Some(host), Some(port_number)) = (port.host_port.and_then(number), number(port.container_port)) {
                let ip = port.host_ip.parse::<Ipv4Addr>().ok().filter(|ip| !ip.is_unspecified());
                let field = field(&format!("containers[{i}].ports[{j}].hostPort"), i, j);
                all.push(HostPort { proto, ip, host, port: port_number, field });
            }
        }
    }
    all
}

/// Whether a port of a container is a host port.
pub(super) fn has(spec: &PodSpec, container: usize, port: usize) -> bool {
    let container = spec.containers.get(container);
    container.and_then(|c| c.ports.get(port)).is_some_and(|port| port.host_port.is_some())
}

/// A node's tables with the chains that all host ports share.
pub(super) fn extend(base: &Base) -> Base {
    let mut tables = base.tables.clone();
    let nat = &mut tables[TableName::Nat as usize];
    let dnat = nat.add(DNAT);
    let mark = nat.add("CNI-HOSTPORT-SETMARK");
    let masq = nat.add("CNI-HOSTPORT-MASQ");
    nat.chains[dnat].shared = Some(0);
    nat.chains[mark].rules =
        vec![Rule::new(Target::SetXMark { value: MARK, mask: MARK }).comment("CNI portfwd masquerade mark")];
    nat.chains[masq].rules = vec![
        Rule::new(Target::Masquerade(Masquerade::SamePort))
            .when(Match::Mark { value: MARK, mask: MARK, not: false })
            .because(Reason::MasqueradeHostPort, None),
    ];
    for hook in [Hook::Prerouting, Hook::Output] {
        if let Some(hook) = nat.hook(hook) {
            nat.chains[hook].rules.push(Rule::new(Target::Jump(dnat)).when(Match::DstLocal));
        }
    }
    if let Some(hook) = nat.hook(Hook::Postrouting) {
        let chain = &mut nat.chains[hook];
        chain.rules.insert(0, Rule::new(Target::Jump(masq)).comment("CNI portfwd requiring masquerade"));
        chain.shared = chain.shared.map(|at| at + 1);
    }
    Base::new(tables)
}

/// What a pod adds: jumps from the shared chain to its own, which comes after `own` others of its part.
pub(super) fn rules(
    cabin: &Cabin,
    machine: &Machine,
    own: usize,
    network: &str,
    id: &str,
) -> Option<(Vec<Shared>, Chain)> {
    if cabin.host_ports.is_empty() {
        return None;
    }
    let nat = machine.rules.base.table(TableName::Nat);
    let number = |name: &str| nat.chains.iter().position(|chain| *chain.name == *name);
    let (dnat, mark) = (number(DNAT)?, number("CNI-HOSTPORT-SETMARK")?);
    let comment: Arc<str> = format!("dnat name: \"{network}\" id: \"{id}\"").into();
    let mut shared = Vec::new();
    for proto in [Proto::Tcp, Proto::Udp] {
        let ports: Vec<u16> = cabin.host_ports.iter().filter(|p| p.proto == proto).map(|p| p.host).collect();
        // iptables takes fifteen at most.
        for ports in ports.chunks(15) {
            let mut rule = Rule::new(Target::Jump(OWN + own)).comment(comment.clone()).when(Match::Ports(ports.into()));
            rule.proto = Some(proto);
            shared.push(Shared { table: TableName::Nat, chain: dnat, rule });
        }
    }
    let mut chain = Chain::new(format!("CNI-DN-{}", super::proxy::digits(&format!("{network}{id}"), 21)));
    for port in &cabin.host_ports {
        let rule = |target| {
            let mut rule = Rule::new(target).port(port.proto, Some(port.host));
            rule.dst = port.ip.and_then(Range::within);
            rule
        };
        for source in [Range::within(machine.pod_cidr), Range::within(Ipv4Addr::LOCALHOST)] {
            let mut marks = rule(Target::Jump(mark));
            marks.src = source;
            chain.rules.push(marks);
        }
        let to = Socket { ip: cabin.ip, port: port.port };
        let reason = Reason::HostPort { pod: cabin.name.clone(), port: port.host };
        chain.rules.push(rule(Target::Dnat(to)).because(reason, Some(port.field.clone())));
    }
    Some((shared, chain))
}

/// Whether tables have the chains that host ports share.
pub(super) fn is_extended(base: &Base) -> bool {
    base.table(TableName::Nat).chains.iter().any(|chain| *chain.name == *DNAT)
}
