//! kube-proxy's table in mode nftables, as data: base chains, chains, sets, maps and their elements.
//!
//! Covers what `pkg/proxy/nftables/proxier.go` writes and no more. What depends on one Service is a [`Part`] of its own: its
//! chains and its elements of the table's maps, so that a change of one Service leaves the others' parts alone. A
//! [`Ruleset`] finds elements by their key, as the kernel does, not by walking. It prints as `nft list ruleset` does
//! (`list`) and judges packets (`judge`); sets that packets fill (session affinity) are the kernel's memory.

mod list;
mod judge;

use std::sync::Arc;

pub(super) use judge::At;
pub use list::{Listed, Thing};

use super::rule::{Hook, Range, Why};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::FieldRef;
use crate::trace::{Packet, Proto, Reason, Socket};

/// Numbers of chains from here on are those of a part's own chains.
pub(super) const OWN: usize = 1 << 16;

/// A set or map of the table that holds elements of all Services, in the order in which kube-proxy makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetName {
    /// All cluster IPs.
    ClusterIps,
    /// The node's addresses on which node ports answer.
    NodePortIps,
    /// What happens to packets for addresses of Services that have no endpoint.
    NoEndpointServices,
    /// The same for node ports.
    NoEndpointNodePorts,
    /// Addresses that `loadBalancerSourceRanges` guard, to the chains that do.
    FirewallIps,
    /// Addresses of Services, to their chains.
    ServiceIps,
    /// Node ports, to their Services' chains.
    ServiceNodePorts,
}

/// Where the kernel calls a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hooked {
    /// Whether its type is `nat`, or `filter`.
    pub nat: bool,
    /// The point on a packet's way.
    pub hook: Hook,
    /// When, among the chains of a hook: low numbers first.
    pub priority: i16,
}

/// A condition, in the order of the rule's text.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// `ct state new`
    New,
    /// `ip saddr`
    Src(Range),
    /// `ip daddr`
    Dst(Range),
    /// `ip saddr != { … }`
    SrcNotAmong(Vec<Ipv4Net>),
    /// `ip daddr @cluster-ips`
    DstIn(SetName),
    /// `ip saddr @affinity-…`: the part's set of that number has the source.
    SrcSeen(usize),
    /// `fib saddr type local`
    SrcLocal,
    /// `fib daddr type local`
    DstLocal,
    /// `meta l4proto`
    Proto(Proto),
    /// `meta mark & … == 0`
    Unmarked(u32),
}

/// What a rule does with the packets that it matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Does {
    /// Goes through a chain, then on.
    Jump(usize),
    /// Goes through a chain, then on where the last jump came from.
    Goto(usize),
    /// Goes back to where the last jump came from.
    Return,
    /// Throws the packet away.
    Drop,
    /// Refuses it with an ICMP error.
    Reject,
    /// Sets bits of the mark.
    Mark(u32),
    /// Flips bits of the mark.
    FlipMark(u32),
    /// Writes another destination.
    Dnat(Socket),
    /// Writes the address of the interface that the packet leaves by as its source.
    Masquerade,
    /// `… vmap @…`: does what the map says of the packet's destination; nothing if it says nothing.
    Lookup(SetName),
    /// `numgen random mod N vmap { … }`: goes through one of the chains at random.
    Balance(Vec<(usize, Why)>),
    /// `update @affinity-… { ip saddr }`: the part's set of that number keeps the source for its time.
    Remember(usize),
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The conditions.
    pub matches: Vec<Match>,
    /// What it does.
    pub does: Does,
    /// Its comment.
    pub comment: Option<&'static str>,
    /// Why it exists, where a hop tells of it.
    pub why: Option<Why>,
}

/// A chain of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: Arc<str>,
    /// Where the kernel calls it; none if rules lead to it.
    pub hooked: Option<Hooked>,
    /// Its comment.
    pub comment: Option<&'static str>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// What a map says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It is in the set; that is all.
    Here,
    /// The packet is thrown away.
    Drop,
    /// The packet goes through a chain.
    Goto(usize),
}

/// An element of one of the table's sets and maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Whose.
    pub set: SetName,
    /// Address, protocol and port, as far as the set asks for them.
    pub key: Key,
    /// What it says.
    pub says: Says,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// Why it exists.
    pub why: Option<Why>,
}

/// Address, protocol and port in one number; 0 for what a set does not ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

/// A set of clients that one endpoint has served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affinity {
    /// Its name.
    pub name: Arc<str>,
    /// How long a client stays in it, in seconds.
    pub seconds: u32,
}

/// What one Service adds to the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// `default/web`
    pub name: Arc<str>,
    /// Its own chains; they are numbered from `OWN`.
    pub chains: Vec<Chain>,
    /// Its elements.
    pub elements: Vec<Element>,
    /// Its sets of clients.
    pub affinity: Vec<Affinity>,
}

/// What the table has whatever the Services.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The chains, in the order in which kube-proxy makes them.
    pub chains: Vec<Chain>,
    /// The elements of `nodeport-ips`; none if every address of the node answers, and there is no such set.
    pub node_port_ips: Option<Vec<Ipv4Addr>>,
}

/// kube-proxy's table on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// What is there whatever the Services.
    pub base: Arc<Base>,
    /// What the Services add, by name.
    pub parts: Vec<Arc<Part>>,
    /// For each set, its elements' keys with their part's number and their own number there, in order.
    index: Arc<[Vec<(Key, u32, u32)>; SetName::ALL.len()]>,
}

/// Services' parts by name; none where there is no such Service any more.
pub(super) type Parts = Vec<(Arc<str>, Option<Arc<Part>>)>;

impl SetName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ClusterIps,
        Self::NodePortIps,
        Self::NoEndpointServices,
        Self::NoEndpointNodePorts,
        Self::FirewallIps,
        Self::ServiceIps,
        Self::ServiceNodePorts,
    ];

    /// Its name, and its comment.
    pub const fn says(self) -> (&'static str, &'static str) {
        match self {
            Self::ClusterIps => ("cluster-ips", "Active ClusterIPs"),
            Self::NodePortIps => ("nodeport-ips", "IPs that accept NodePort traffic"),
            Self::NoEndpointServices => {
                ("no-endpoint-services", "vmap to drop or reject packets to services with no endpoints")
            }
            Self::NoEndpointNodePorts => {
                ("no-endpoint-nodeports", "vmap to drop or reject packets to service nodeports with no endpoints")
            }
            Self::FirewallIps => ("firewall-ips", "destinations that are subject to LoadBalancerSourceRanges"),
            Self::ServiceIps => ("service-ips", "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
            Self::ServiceNodePorts => ("service-nodeports", "NodePort traffic"),
        }
    }

    /// Whether its keys have an address.
    const fn has_ip(self) -> bool {
        !matches!(self, Self::NoEndpointNodePorts | Self::ServiceNodePorts)
    }

    /// Whether its keys have a protocol and a port: then it is a map.
    const fn has_port(self) -> bool {
        !matches!(self, Self::ClusterIps | Self::NodePortIps)
    }
}

impl Key {
    /// The key that a set has for a destination.
    pub fn of(set: SetName, proto: Proto, to: Socket) -> Self {
        let ip = if set.has_ip() { u64::from(u32::from(to.ip)) << 24 } else { 0 };
        let port = if set.has_port() { (proto as u64) << 16 | u64::from(to.port) } else { 0 };
        Self(ip | port)
    }

    fn ip(self) -> Ipv4Addr {
        Ipv4Addr::from((self.0 >> 24) as u32)
    }

    fn proto(self) -> Proto {
        if (self.0 >> 16) as u8 == Proto::Udp as u8 { Proto::Udp } else { Proto::Tcp }
    }

    fn port(self) -> u16 {
        self.0 as u16
    }
}

impl Rule {
    /// A rule without conditions.
    pub fn new(does: Does) -> Self {
        Self { matches: Vec::new(), does, comment: None, why: None }
    }

    /// The rule with one more condition.
    pub fn when(mut self, condition: Match) -> Self {
        self.matches.push(condition);
        self
    }

    /// The rule with a comment.
    pub fn comment(mut self, comment: &'static str) -> Self {
        self.comment = Some(comment);
        self
    }

    /// The rule with its reason and the field behind it.
    pub fn because(mut self, reason: Reason, cause: Option<FieldRef>) -> Self {
        self.why = Some(Why::new(reason, cause));
        self
    }
}

impl Chain {
    /// A chain without rules, to which rules lead.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), hooked: None, comment: None, rules: Vec::new() }
    }
}

impl Part {
    /// Whether its elements are found by the same keys as another's.
    fn is_found_like(&self, other: &Self) -> bool {
        let keys = |part: &Self| part.elements.iter().map(|e| (e.set, e.key)).collect::<Vec<_>>();
        keys(self) == keys(other)
    }
}

impl Ruleset {
    /// A table without Services.
    pub fn new(base: Arc<Base>) -> Self {
        Self { base, parts: Vec::new(), index: Arc::default() }
    }

    /// Puts parts in their places or takes them away, by name.
    pub fn change(&mut self, changes: &[(Arc<str>, Option<Arc<Part>>)]) {
        let mut found_alike = true;
        for (name, new) in changes {
            match (self.parts.binary_search_by(|part| part.name.cmp(name)), new) {
                (Ok(at), Some(new)) => {
                    found_alike &= self.parts[at].is_found_like(new);
                    self.parts[at] = new.clone();
                    continue;
                }
                (Ok(at), None) => drop(self.parts.remove(at)),
                (Err(at), Some(new)) => self.parts.insert(at, new.clone()),
                (Err(_), None) => continue,
            }
            found_alike = false;
        }
        if found_alike {
            return;
        }
        let mut index: [Vec<_>; SetName::ALL.len()] = Default::default();
        for (p, part) in self.parts.iter().enumerate() {
            for (e, element) in part.elements.iter().enumerate() {
                index[element.set as usize].push((element.key, p as u32, e as u32));
            }
        }
        index.iter_mut().for_each(|list| crate::sort::by(list, Ord::cmp));
        self.index = Arc::new(index);
    }

    /// The element of a set for a packet's destination, and its part. Of several the last one written holds.
    fn find(&self, set: SetName, packet: Packet) -> Option<(usize, &Element)> {
        let (key, list) = (Key::of(set, packet.proto, packet.dst), &self.index[set as usize]);
        let after = list.partition_point(|entry| entry.0 <= key);
        let (found, part, element) = *list.get(after.checked_sub(1)?)?;
        let part = part as usize;
        (found == key).then(|| Some((part, self.parts.get(part)?.elements.get(element as usize)?))).flatten()
    }

    /// The same, by looking at every element.
    fn find_plainly(&self, set: SetName, packet: Packet) -> Option<(usize, &Element)> {
        let key = Key::of(set, packet.proto, packet.dst);
        let all = self.parts.iter().enumerate().flat_map(|(p, part)| part.elements.iter().map(move |e| (p, e)));
        all.filter(|(_, element)| element.set == set && element.key == key).last()
    }

    /// A chain by its number, as one of a part's rules has it.
    fn chain(&self, part: Option<usize>, number: usize) -> Option<&Chain> {
        match number.checked_sub(OWN) {
            None => self.base.chains.get(number),
            Some(own) => self.parts.get(part?)?.chains.get(own),
        }
    }
}
