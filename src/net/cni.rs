//! The rules by which a network plugin hides pods from the world outside: packets that leave the pods' network get their
//! node's address, since nobody else knows a way back to a pod.
//!
//! minikube chooses the plugin (`pkg/minikube/cni/cni.go`): on one node with docker its bridge (`bridge.go`, `ipMasq`), which
//! writes a chain for each pod (`containernetworking/plugins`, `pkg/ip/ipmasq_iptables_linux.go`); on several nodes kindnet,
//! whose agent writes one chain (`kubernetes-sigs/kind`, `images/kindnetd/cmd/kindnetd/masq.go`). In the cloud the agent is
//! ip-masq-agent with its defaults. Their companion `portmap` is in [`super::hostport`]. Left out: the companion `firewall` (chain
//! CNI-FORWARD), which changes nothing here; the digits of a bridge's chain, which come from a container's number, are drawn
//! from the pod's uid by another hash than the plugin's.

use std::sync::Arc;

use super::hostport;
use super::rule::{Chain, Hook, Masquerade, Match, OWN, Part, Range, Rule, Shared, Table, TableName, Target};
use super::topology::{Cabin, Machine};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::Profile;
use crate::trace::Reason;

/// Who hides pods from the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plugin {
    /// minikube's bridge, pod by pod.
    Bridge,
    /// kindnet.
    Kindnet,
    /// ip-masq-agent.
    MasqAgent,
}

/// An agent's chain, and how it comments its rules.
struct Agent {
    chain: &'static str,
    whom: &'static str,
    near: &'static str,
    far: &'static str,
}

const KINDNET: Agent = Agent {
    chain: "KIND-MASQ-AGENT",
    whom: "kind-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom KIND-MASQ-AGENT chain",
    near: "kind-masq-agent: local traffic is not subject to MASQUERADE",
    far: "kind-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)",
};
const MASQ_AGENT: Agent = Agent {
    chain: "IP-MASQ",
    whom: "ip-masq: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ chain",
    near: "ip-masq: local traffic is not subject to MASQUERADE",
    far: "ip-masq: outbound traffic is subject to MASQUERADE (must be last in chain)",
};
/// What ip-masq-agent takes for near, unless it is told otherwise.
const PRIVATE: [Ipv4Net; 3] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
];
const MULTICAST: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4);

impl Plugin {
    /// The plugin of an environment.
    pub(super) fn of(profile: &Profile) -> Self {
        match profile.nodes.len() {
            _ if profile.control_plane.is_some() => Self::MasqAgent,
            0 | 1 => Self::Bridge,
            _ => Self::Kindnet,
        }
    }

    /// Adds what stands on a node whatever its pods.
    pub(super) fn write(self, nat: &mut Table, pods: Ipv4Net) {
        let Some(hook) = nat.hook(Hook::Postrouting) else { return };
        let (agent, near) = match self {
            Self::Bridge => {
                // Pods' rules stand after kube-proxy's.
                nat.chains[hook].shared = Some(nat.chains[hook].rules.len());
                return;
            }
            Self::Kindnet => (KINDNET, &[pods][..]),
            Self::MasqAgent => (MASQ_AGENT, &PRIVATE[..]),
        };
        let chain = nat.add(agent.chain);
        let jump = Rule::new(Target::Jump(chain));
        let (whom, not_here) = (Match::Comment(agent.whom.into()), Match::DstNotLocal);
        let jump = match self {
            Self::MasqAgent => jump.when(whom).when(not_here),
            Self::Bridge | Self::Kindnet => jump.when(not_here).when(whom),
        };
        nat.chains[hook].rules.push(jump);
        let returns = near.iter().map(|range| {
            let mut rule = Rule::new(Target::Return).comment(agent.near);
            rule.dst = Range::within(*range);
            rule
        });
        let mut rules: Vec<Rule> = returns.collect();
        rules.push(hide().comment(agent.far));
        nat.chains[chain].rules = rules;
    }

    /// Whether it writes rules for every pod.
    pub(super) fn writes_for_all(self) -> bool {
        self == Self::Bridge
    }

    /// The rules of one pod on its node, if it has any of its own: those that hide it, and those of its host ports.
    pub(super) fn part(self, cabin: &Cabin, machine: &Machine, pods: Ipv4Net) -> Option<Part> {
        if cabin.host_network {
            return None;
        }
        let id = super::proxy::digits(&cabin.uid, 64);
        let network = match self {
            Self::Bridge => "bridge",
            Self::Kindnet => "kindnet",
            Self::MasqAgent => "k8s-pod-network",
        };
        let (mut shared, mut chains) = (Vec::new(), Vec::new());
        if self == Self::Bridge {
            let (jump, chain) = hiding(cabin, pods, &id);
            shared.push(jump);
            chains.push(chain);
        }
        if let Some((jumps, chain)) = hostport::rules(cabin, machine, chains.len(), network, &id) {
            shared.extend(jumps);
            chains.push(chain);
        }
        (!chains.is_empty()).then(|| Part::new(part_name(cabin), shared, chains))
    }
}

/// The bridge's chain of one pod, and the jump to it.
fn hiding(cabin: &Cabin, pods: Ipv4Net, id: &str) -> (Shared, Chain) {
    let name = format!("CNI-{}", super::proxy::digits(&format!("bridge{id}"), 24));
    let comment: Arc<str> = format!("name: \"bridge\" id: \"{id}\"").into();
    let mut chain = Chain::new(name);
    let mut near = Rule::new(Target::Accept).comment(comment.clone());
    near.dst = Range::within(pods);
    let mut far = hide().comment(comment.clone());
    far.dst = Range::outside(MULTICAST);
    chain.rules = vec![near, far];
    let mut from = Rule::new(Target::Jump(OWN)).comment(comment);
    from.src = Range::within(cabin.ip);
    let hook = TableName::Nat.hooks().iter().position(|hook| *hook == Hook::Postrouting).unwrap_or(0);
    let shared = Shared { table: TableName::Nat, chain: hook, rule: from };
    (shared, chain)
}

/// The rule that hides a source.
fn hide() -> Rule {
    Rule::new(Target::Masquerade(Masquerade::SamePort)).because(Reason::MasqueradeOutbound, None)
}

/// The name of a pod's rules among those of Services, which have a slash: in the order of addresses, as pods came.
pub(super) fn part_name(cabin: &Cabin) -> Arc<str> {
    format!("pod:{:08x}", u32::from(cabin.ip)).into()
}
