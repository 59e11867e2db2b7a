//! `nft list …`: kube-proxy's table, and the tables that iptables keeps in the same kernel, as nft reads them.
//!
//! nft asks iptables' own library to translate its rules, and that knows no comments: they leave a blank. What it cannot
//! translate it names (`xt match recent`), and a list of states with DNAT in it comes out wrong; we print what it prints.

use std::fmt::Write as _;

use super::PacketFilter;
use crate::inet::Ipv4Addr;
use crate::net::netfilter::Count;
use crate::net::nft::{Listed, Thing};
use crate::net::rule::{CtState, Hook, Masquerade, Match, Range, Rule, TableName, Target, Whole};
use crate::time::Instant;

/// The name of kube-proxy's table.
const KUBE_PROXY: &str = "kube-proxy";

impl PacketFilter<'_> {
    /// The names of the tables, in the kernel's order.
    pub fn nft_tables(&self) -> Vec<&'static str> {
        let own = self.machine.nft.is_some().then_some(KUBE_PROXY);
        TableName::ALL.iter().map(|table| table.name()).chain(own).collect()
    }

    /// Prints a table, or what is asked for of it; whether there is any such thing.
    pub fn nft_list(&self, out: &mut String, table: &str, what: Listed<'_>) -> bool {
        if let Some(name) = TableName::ALL.into_iter().find(|name| name.name() == table) {
            return self.translated(out, name, what);
        }
        let Some(nft) = self.machine.nft.as_ref().filter(|_| table == KUBE_PROXY) else { return false };
        let seen = |set: &std::sync::Arc<str>| -> Vec<(Ipv4Addr, Instant)> {
            let clients = self.memory.recent.iter().filter(|((_, name), _)| name == set);
            clients.map(|((ip, _), at)| (*ip, *at)).collect()
        };
        nft.list(out, what, self.now, &seen)
    }

    /// Whether nft warns that the table is iptables': it does where a rule has what only iptables' modules know.
    pub fn nft_warns(&self, table: &str) -> bool {
        let table = TableName::ALL.into_iter().find(|name| name.name() == table);
        table.is_some_and(|table| {
            let chains = self.chains(table);
            chains.iter().any(|whole| whole.rules.iter().any(|(_, rule)| !rule.matches.is_empty()))
        })
    }

    fn translated(&self, out: &mut String, table: TableName, what: Listed<'_>) -> bool {
        let _ = writeln!(out, "table ip {} {{", table.name());
        let mut found = !matches!(what, Listed::One(..));
        let mut first = true;
        for whole in self.chains(table) {
            let wanted = match what {
                Listed::All | Listed::Every(Thing::Chain) => true,
                Listed::One(Thing::Chain, name) => *whole.chain.name == *name,
                _ => false,
            };
            if !wanted {
                continue;
            }
            if what == Listed::All && !std::mem::take(&mut first) {
                out.push('\n');
            }
            found = true;
            let _ = writeln!(out, "\tchain {} {{", whole.chain.name);
            if whole.chain.builtin
                && let Some(hook) = table.hooks().iter().find(|hook| *hook.name() == *whole.chain.name)
            {
                let _ = writeln!(out, "\t\t{}", hooked(table, *hook));
            }
            if what != Listed::Every(Thing::Chain) {
                self.translate(out, table, &whole);
            }
            out.push_str("\t}\n");
        }
        out.push_str("}\n");
        found
    }

    fn translate(&self, out: &mut String, table: TableName, whole: &Whole<'_>) {
        for entry in &whole.rules {
            let rule: &Rule = entry.1;
            let mut words: Vec<String> = Vec::new();
            if let Some(proto) = rule.proto {
                words.push(format!("meta l4proto {}", proto.name()));
            }
            for (side, range) in [("saddr", rule.src), ("daddr", rule.dst)] {
                if let Some(Range { net, not }) = range {
                    let host = net.prefix_len() == 32;
                    let net = if host { net.addr().to_string() } else { net.to_string() };
                    words.push(format!("ip {side} {}{net}", if not { "!= " } else { "" }));
                }
            }
            words.extend(rule.matches.iter().map(condition));
            let Count { packets, bytes } = self.memory.count(entry.0);
            words.push(format!("counter packets {packets} bytes {bytes}"));
            let shown = self.shown(table, whole, *entry);
            match &rule.target {
                Target::Nothing => {}
                Target::Jump(_) => words.push(format!("jump {}", shown.target())),
                Target::Accept | Target::Drop | Target::Reject | Target::Return => {
                    words.push(shown.target().to_ascii_lowercase());
                }
                Target::SetXMark { value, mask } => {
                    words.push(format!("meta mark set mark {} {value:#x}", if *mask == 0 { "xor" } else { "or" }));
                }
                Target::Dnat(to) => words.push(format!("dnat to {to}")),
                Target::Masquerade(Masquerade::AnyPort) => words.push("masquerade fully-random".into()),
                Target::Masquerade(Masquerade::SamePort) => words.push("masquerade".into()),
            }
            let _ = writeln!(out, "\t\t{}", words.join(" "));
        }
    }
}

/// `type nat hook prerouting priority dstnat; policy accept;`
fn hooked(table: TableName, hook: Hook) -> String {
    let (kind, priority) = match (table, hook) {
        (TableName::Mangle, Hook::Output) => ("route", "mangle"),
        (TableName::Mangle, _) => ("filter", "mangle"),
        (TableName::Filter, _) => ("filter", "filter"),
        (TableName::Nat, Hook::Prerouting) => ("nat", "dstnat"),
        (TableName::Nat, Hook::Postrouting) => ("nat", "srcnat"),
        (TableName::Nat, Hook::Output) => ("nat", "-100"),
        (TableName::Nat, _) => ("nat", "100"),
    };
    format!("type {kind} hook {} priority {priority}; policy accept;", hook.name().to_ascii_lowercase())
}

fn condition(condition: &Match) -> String {
    match condition {
        Match::Comment(_) | Match::Port(_, None) => String::new(),
        Match::Port(proto, Some(port)) => format!("{} dport {port}", proto.name()),
        Match::Ports(_) => format!("xt match multiport {}", condition.to_string().replace("-m multiport ", "")),
        Match::Mark { value, mask, not } => {
            format!("meta mark & {mask:#010x} {} {value:#010x}", if *not { "!=" } else { "==" })
        }
        Match::CtState { states, .. } if states.contains(&CtState::Dnat) => "ct status dnat".into(),
        Match::CtState { not, .. } => {
            let text = condition.to_string().to_ascii_lowercase();
            let states = text.rsplit(' ').next().unwrap_or_default();
            format!("ct state {}{states}", if *not { "!= " } else { "" })
        }
        Match::SrcLocal => "fib saddr type local".into(),
        Match::DstLocal => "fib daddr type local".into(),
        Match::DstNotLocal => "fib daddr type != local".into(),
        Match::Statistic { probability, .. } => format!("meta random & 2147483647 < {probability}"),
        Match::RecentCheck { .. } | Match::RecentSet(_) => "xt match recent".into(),
    }
}
