//! A node's packet filter as its tools print it: iptables 1.8.9 (nf_tables) and nft 1.0.6, to the letter.
//!
//! What is simplified: a connection is counted by the packets that the model judges, each by the size below; what the policy of a
//! built-in chain accepts is not counted, as it is not on a node either, where nobody asked for it when the chain was made.

mod iptables;
mod nft;

use std::borrow::Cow;

pub use iptables::Asked;

use super::netfilter::Memory;
use super::nft::Listed;
use super::rule::{Rule, Spot, TableName, Whole};
use super::topology::Machine;
use super::walk::Flows;
use super::{Network, calendar};
use crate::time::Instant;

/// A node's packet filter, with what it has counted.
#[derive(Clone, Debug)]
pub struct PacketFilter<'a> {
    machine: &'a Machine,
    memory: Cow<'a, Memory>,
    now: Instant,
}

impl Network {
    /// The packet filter of a node; none if there is no such node.
    pub fn packet_filter<'a>(&'a self, flows: &'a Flows, node: &str, now: Instant) -> Option<PacketFilter<'a>> {
        let number = self.topology.machines.iter().position(|machine| *machine.name == *node)?;
        let machine = &self.topology.machines[number];
        let memory = match flows.kernel(number) {
            Some(state) => {
                let mut memory = Cow::Borrowed(&state.memory);
                if !memory.counts_for(&machine.rules) {
                    memory.to_mut().follow(&machine.rules);
                }
                memory
            }
            None => Cow::Owned(Memory::default()),
        };
        Some(PacketFilter { machine, memory, now })
    }
}

/// A node's rules, as `iptables-save` prints them; none if there is no such node.
pub fn iptables_save(network: &Network, node: &str, now: Instant) -> Option<String> {
    let machine = network.topology.machines.iter().find(|machine| *machine.name == *node)?;
    Some(PacketFilter { machine, memory: Cow::Owned(Memory::default()), now }.save(None, false))
}

/// All of a node's tables, as `nft list ruleset` prints them and `nft -f` reads them; none if there is no such node.
pub fn nft_ruleset(network: &Network, node: &str) -> Option<String> {
    let machine = network.topology.machines.iter().find(|machine| *machine.name == *node)?;
    let mut out = String::new();
    machine.nft.as_ref()?.list(&mut out, Listed::All, Instant::ZERO, &|_| Vec::new());
    Some(out)
}

impl PacketFilter<'_> {
    fn chains(&self, table: TableName) -> Vec<Whole<'_>> {
        self.machine.rules.chains(table)
    }

    /// What follows `-A CHAIN` of a rule, and the chain that it leads to, if it leads to one.
    fn shown<'s>(
        &'s self,
        table: TableName,
        whole: &'s Whole<'_>,
        (spot, rule): (Spot, &'s Rule),
    ) -> super::rule::Shown<'s> {
        let rules = &self.machine.rules;
        let part = spot.slot.checked_sub(1).and_then(|i| rules.parts.get(i)).map(|part| &**part);
        rules.show(table, part, &whole.chain.name, rule)
    }

    fn when(&self) -> String {
        calendar(self.now)
    }
}
