//! Finds the rules that a packet can match in a chain to which thousands of Services add theirs.
//!
//! The kernel walks such a chain rule by rule; we look the packet's protocol, address and port up, and meet the same rules in
//! the same order. A rule that cannot be looked up so is met by every packet.

use std::sync::Arc;

use super::rule::{Part, Shared, TableName};
use crate::inet::Ipv4Addr;
use crate::trace::{Packet, Proto};

/// No entry.
const NONE: u32 = u32::MAX;

/// An index of all that parts add to chains: a table of lists, the lists in order of their rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    heads: Vec<u32>,
    entries: Vec<Entry>,
    /// Which kinds of keys there are in each chain: whoever asks for another need not look.
    kinds: Vec<(u64, u8)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    key: u64,
    next: u32,
    slot: u32,
    rule: u32,
}

/// By protocol, port and address; by protocol and port; by source; by nothing.
const KINDS: [u8; 4] = [1, 2, 4, 8];

/// Where the protocol would be, in the key of a rule that is found by its source alone.
const SOURCE: u64 = 0xfe << 16;

/// The key of a rule that every packet meets.
const ANY: u64 = (1 << 56) - 1;

/// The key by which a shared rule is found.
pub(super) fn key(shared: &Shared) -> u64 {
    let rule = &shared.rule;
    let ip = match rule.dst {
        None => Some(Ipv4Addr::UNSPECIFIED),
        Some(range) if range.net.prefix_len() == 32 && !range.not => Some(range.net.addr()),
        Some(_) => None,
    };
    let within = match (ip, rule.proto, rule.dst_port(), rule.src) {
        (Some(ip), Some(proto), Some(port), _) => at(ip, proto, port),
        (_, _, _, Some(range)) if range.net.prefix_len() == 32 && !range.not => from(range.net.addr()),
        _ => ANY,
    };
    chain_key(shared.table, shared.chain) | within
}

fn chain_key(table: TableName, chain: usize) -> u64 {
    (table as u64) << 62 | (chain as u64 & 0x3f) << 56
}

fn at(ip: Ipv4Addr, proto: Proto, port: u16) -> u64 {
    u64::from(u32::from(ip)) << 24 | (proto as u64) << 16 | u64::from(port)
}

fn from(ip: Ipv4Addr) -> u64 {
    u64::from(u32::from(ip)) << 24 | SOURCE
}

fn kind(key: u64) -> u8 {
    match key & ANY {
        ANY => KINDS[3],
        key if key & 0xff_ffff == SOURCE => KINDS[2],
        key if key >> 24 == 0 => KINDS[1],
        _ => KINDS[0],
    }
}

impl Index {
    /// The index of all parts.
    pub(super) fn of(parts: &[Arc<Part>]) -> Self {
        let count: usize = parts.iter().map(|part| part.shared.len()).sum();
        let size = (count * 2).next_power_of_two().max(8);
        let mut index = Self { heads: vec![NONE; size], entries: Vec::with_capacity(count), kinds: Vec::new() };
        // From the last to the first, so that each list begins with its first rule.
        for (slot, part) in parts.iter().enumerate().rev() {
            for (rule, shared) in part.shared.iter().enumerate().rev() {
                let key = key(shared);
                let bucket = index.bucket(key);
                let next = std::mem::replace(&mut index.heads[bucket], index.entries.len() as u32);
                index.entries.push(Entry { key, next, slot: slot as u32, rule: rule as u32 });
                let chain = key & !ANY;
                match index.kinds.iter_mut().find(|(of, _)| *of == chain) {
                    Some((_, kinds)) => *kinds |= kind(key),
                    None => index.kinds.push((chain, kind(key))),
                }
            }
        }
        index
    }

    /// The rules of a chain that a packet can match, in order: the part's place and the rule's number there.
    pub(super) fn meets(&self, table: TableName, chain: usize, packet: &Packet) -> Meets<'_> {
        let chain = chain_key(table, chain);
        let kinds = self.kinds.iter().find(|(of, _)| *of == chain).map_or(0, |(_, kinds)| *kinds);
        let keys = [
            at(packet.dst.ip, packet.proto, packet.dst.port),
            at(Ipv4Addr::UNSPECIFIED, packet.proto, packet.dst.port),
            from(packet.src.ip),
            ANY,
        ];
        let mut meets = Meets { index: self, heads: [NONE; 4] };
        for i in 0..4 {
            if kinds & KINDS[i] != 0 {
                let key = chain | keys[i];
                meets.heads[i] = self.skip(self.heads[self.bucket(key)], key);
            }
        }
        meets
    }

    fn bucket(&self, key: u64) -> usize {
        // Fibonacci hashing: the product's highest bits are well mixed.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - self.heads.len().trailing_zeros())) as usize
    }

    /// The first entry of a key in the rest of a list.
    fn skip(&self, mut entry: u32, key: u64) -> u32 {
        while let Some(found) = self.entries.get(entry as usize)
            && found.key != key
        {
            entry = found.next;
        }
        entry
    }
}

/// Rules that a packet meets.
pub(super) struct Meets<'a> {
    index: &'a Index,
    heads: [u32; 4],
}

impl Iterator for Meets<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let at = |head: u32| self.index.entries.get(head as usize).copied();
        let mut first: Option<(usize, Entry)> = None;
        for (list, head) in self.heads.iter().enumerate() {
            if let Some(entry) = at(*head)
                && first.is_none_or(|(_, other)| (entry.slot, entry.rule) < (other.slot, other.rule))
            {
                first = Some((list, entry));
            }
        }
        let (list, entry) = first?;
        self.heads[list] = self.index.skip(entry.next, entry.key);
        Some((entry.slot as usize, entry.rule as usize))
    }
}
