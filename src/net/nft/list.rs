//! The table as nft 1.0.6 prints it: what `nft list ruleset` says can be loaded again by `nft -f`.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::{Affinity, Chain, Does, Element, Hooked, Key, Match, Ruleset, Says, SetName};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::net::rule::{Hook, Range};
use crate::time::{Duration, Instant};
use crate::trace::{Proto, Socket};

/// What is asked for of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed<'a> {
    /// Everything.
    All,
    /// Every thing of a kind; chains without their rules.
    Every(Thing),
    /// One thing, by its name.
    One(Thing, &'a str),
}

/// A kind of things that a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Chains of rules.
    Chain,
    /// Sets of addresses.
    Set,
    /// Maps from addresses and ports to verdicts.
    Map,
}

/// Which clients the kernel keeps in sets: `seen(set)` gives their addresses, and when they came last.
pub(crate) type Seen<'a> = &'a dyn Fn(&Arc<str>) -> Vec<(Ipv4Addr, Instant)>;

impl Ruleset {
    /// Prints the table, or what is asked for of it; whether there was any such thing.
    pub(crate) fn list(&self, out: &mut String, what: Listed<'_>, now: Instant, seen: Seen<'_>) -> bool {
        let mut found = !matches!(what, Listed::One(..));
        // Between the things of a table there is an empty line, but only where the whole table is listed.
        let mut first = true;
        let mut begin = |out: &mut String| {
            if what == Listed::All && !std::mem::take(&mut first) {
                out.push('\n');
            }
            found = true;
        };
        out.push_str("table ip kube-proxy {\n");
        if what == Listed::All {
            out.push_str("\tcomment \"rules for kube-proxy\"\n");
        }
        let wants = |thing: Thing, name: &str| match what {
            Listed::All => true,
            Listed::Every(wanted) => thing == wanted,
            Listed::One(wanted, of_name) => thing == wanted && name == of_name,
        };
        for set in SetName::ALL {
            let missing = set == SetName::NodePortIps && self.base.node_port_ips.is_none();
            let thing = if set.has_port() { Thing::Map } else { Thing::Set };
            if !missing && wants(thing, set.says().0) {
                begin(out);
                self.set(out, set);
            }
        }
        for set in self.parts.iter().flat_map(|part| &part.affinity).filter(|set| wants(Thing::Set, &set.name)) {
            begin(out);
            affinity(out, set, now, seen(&set.name));
        }
        for (part, chain) in self.chains().filter(|(_, chain)| wants(Thing::Chain, &chain.name)) {
            begin(out);
            self.print_chain(out, part, chain, what != Listed::Every(Thing::Chain));
        }
        out.push_str("}\n");
        found
    }

    /// All chains, with the parts that they belong to.
    pub(super) fn chains(&self) -> impl Iterator<Item = (Option<usize>, &Chain)> {
        let own = self.parts.iter().enumerate().flat_map(|(i, part)| part.chains.iter().map(move |c| (Some(i), c)));
        self.base.chains.iter().map(|chain| (None, chain)).chain(own)
    }

    fn set(&self, out: &mut String, set: SetName) {
        let (name, comment) = set.says();
        let kind = if set.has_port() { "map" } else { "set" };
        let types = match (set.has_ip(), set.has_port()) {
            (true, true) => "ipv4_addr . inet_proto . inet_service : verdict",
            (false, _) => "inet_proto . inet_service : verdict",
            (true, false) => "ipv4_addr",
        };
        let _ = write!(out, "\t{kind} {name} {{\n\t\ttype {types}\n\t\tcomment \"{comment}\"\n");
        let mut texts: Vec<(u64, String)> = Vec::new();
        if set == SetName::NodePortIps {
            let ips = self.base.node_port_ips.iter().flatten();
            texts.extend(ips.map(|ip| (u64::from(u32::from(*ip)), ip.to_string())));
        }
        for entries in self.index[set as usize].chunk_by(|a, b| a.0 == b.0) {
            let Some((key, part, element)) = entries.last() else { continue };
            let Some(element) = self.parts[*part as usize].elements.get(*element as usize) else { continue };
            texts.push((place(set, *key), self.element(Some(*part as usize), element)));
        }
        crate::sort::by(&mut texts, Ord::cmp);
        elements(out, if set.has_port() { 1 } else { 2 }, texts.into_iter().map(|(_, text)| text));
        out.push_str("\t}\n");
    }

    /// `10.96.0.7 . tcp . 80 : goto service-…`
    fn element(&self, part: Option<usize>, element: &Element) -> String {
        let (set, key) = (element.set, element.key);
        let mut text = String::new();
        if set.has_ip() {
            let _ = write!(text, "{}", key.ip());
        }
        if set.has_port() {
            let dot = if set.has_ip() { " . " } else { "" };
            let _ = write!(text, "{dot}{} . {}", key.proto().name(), key.port());
        }
        if let Some(comment) = &element.comment {
            let _ = write!(text, " comment \"{comment}\"");
        }
        match element.says {
            Says::Here => {}
            Says::Drop => text.push_str(" : drop"),
            Says::Goto(chain) => {
                let _ = write!(text, " : goto {}", self.chain(part, chain).map_or("", |chain| &chain.name));
            }
        }
        text
    }

    /// An element, as kube-proxy adds it.
    pub(crate) fn show_element(&self, part: Option<usize>, element: &Element) -> String {
        format!("add element ip kube-proxy {} {{ {} }}", element.set.says().0, self.element(part, element))
    }

    /// A rule, as kube-proxy adds it.
    pub(crate) fn show_rule(&self, part: Option<usize>, chain: &Chain, rule: usize) -> String {
        let mut text = format!("add rule ip kube-proxy {}", chain.name);
        self.rule(&mut text, ' ', part, chain, rule);
        text
    }

    fn print_chain(&self, out: &mut String, part: Option<usize>, chain: &Chain, with_rules: bool) {
        let _ = writeln!(out, "\tchain {} {{", chain.name);
        if let Some(comment) = chain.comment {
            let _ = writeln!(out, "\t\tcomment \"{comment}\"");
        }
        if let Some(hooked) = chain.hooked {
            let _ = writeln!(out, "\t\t{hooked}");
        }
        for i in 0..if with_rules { chain.rules.len() } else { 0 } {
            self.rule(out, '\t', part, chain, i);
            out.push('\n');
        }
        out.push_str("\t}\n");
    }

    /// Prints a rule, after one or two of `space`.
    fn rule(&self, out: &mut String, space: char, part: Option<usize>, chain: &Chain, rule: usize) {
        let Some(rule) = chain.rules.get(rule) else { return };
        if space == '\t' {
            out.push_str("\t\t");
        } else {
            out.push(space);
        }
        let name = |number| self.chain(part, number).map_or("", |chain| &*chain.name);
        let affinity = |number: &usize| {
            part.and_then(|part| self.parts.get(part)?.affinity.get(*number)).map_or("", |set| &*set.name)
        };
        for condition in &rule.matches {
            let _ = match condition {
                Match::New => out.write_str("ct state new"),
                Match::Src(range) => write!(out, "ip saddr {}", Written(*range)),
                Match::Dst(range) => write!(out, "ip daddr {}", Written(*range)),
                Match::SrcNotAmong(nets) => write!(out, "ip saddr != {}", among(nets)),
                Match::DstIn(set) => write!(out, "ip daddr @{}", set.says().0),
                Match::SrcSeen(set) => write!(out, "ip saddr @{}", affinity(set)),
                Match::SrcLocal => out.write_str("fib saddr type local"),
                Match::DstLocal => out.write_str("fib daddr type local"),
                Match::Proto(proto) => write!(out, "meta l4proto {}", proto.name()),
                Match::Unmarked(mask) => write!(out, "meta mark & {mask:#010x} == 0x00000000"),
            };
            out.push(' ');
        }
        let _ = match &rule.does {
            Does::Jump(chain) => write!(out, "jump {}", name(*chain)),
            Does::Goto(chain) => write!(out, "goto {}", name(*chain)),
            Does::Return => out.write_str("return"),
            Does::Drop => out.write_str("drop"),
            Does::Reject => out.write_str("reject"),
            Does::Mark(bits) => write!(out, "meta mark set meta mark | {bits:#010x}"),
            Does::FlipMark(bits) => write!(out, "meta mark set meta mark ^ {bits:#010x}"),
            Does::Dnat(Socket { ip, port }) => write!(out, "dnat to {ip}:{port}"),
            Does::Masquerade => out.write_str("masquerade fully-random"),
            Does::Lookup(map) => {
                let ip = if map.has_ip() { "ip daddr . " } else { "" };
                write!(out, "{ip}meta l4proto . th dport vmap @{}", map.says().0)
            }
            Does::Balance(choices) => {
                let _ = write!(out, "numgen random mod {} vmap {{", choices.len());
                for (i, (chain, _)) in choices.iter().enumerate() {
                    let _ = write!(out, "{} {i} : goto {}", if i > 0 { "," } else { "" }, name(*chain));
                }
                out.write_str(" }")
            }
            Does::Remember(set) => write!(out, "update @{} {{ ip saddr }}", affinity(set)),
        };
        if let Some(comment) = rule.comment {
            let _ = write!(out, " comment \"{comment}\"");
        }
    }
}

impl fmt::Display for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.nat { "nat" } else { "filter" };
        write!(f, "type {kind} hook {} priority ", self.hook.name().to_ascii_lowercase())?;
        // nft knows priorities by names, each name at some hooks only.
        match (self.hook, self.priority) {
            (_, 0) => f.write_str("filter")?,
            (Hook::Prerouting, -100) => f.write_str("dstnat")?,
            (Hook::Prerouting, -110) => f.write_str("dstnat - 10")?,
            (Hook::Postrouting, 100) => f.write_str("srcnat")?,
            (_, number) => write!(f, "{number}")?,
        }
        f.write_str("; policy accept;")
    }
}

/// An address or a range of them, as a rule names it.
struct Written(Range);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Range { net, not }) = self;
        f.write_str(if *not { "!= " } else { "" })?;
        match net.prefix_len() {
            32 => write!(f, "{}", net.addr()),
            _ => write!(f, "{net}"),
        }
    }
}

/// Where nft puts an element of a set: it compares the bytes of a key, as they are on the wire, from the last to the first.
fn place(set: SetName, key: Key) -> u64 {
    if !set.has_port() {
        return u64::from(u32::from(key.ip()));
    }
    let proto = if key.proto() == Proto::Udp { 17 } else { 6 };
    u64::from(key.port().swap_bytes()) << 40 | proto << 32 | u64::from(u32::from(key.ip()).swap_bytes())
}

/// `elements = { … }`, a number of them a line.
fn elements(out: &mut String, a_line: usize, texts: impl Iterator<Item = String>) {
    let mut count = 0;
    for (i, text) in texts.enumerate() {
        out.push_str(match i {
            0 => "\t\telements = { ",
            _ if i % a_line == 0 => ",\n\t\t\t     ",
            _ => ", ",
        });
        out.push_str(&text);
        count += 1;
    }
    if count > 0 {
        out.push_str(" }\n");
    }
}

/// A set of clients, and who is in it.
fn affinity(out: &mut String, set: &Affinity, now: Instant, seen: Vec<(Ipv4Addr, Instant)>) {
    let keep = Duration::from_secs(u64::from(set.seconds));
    let _ = writeln!(out, "\tset {} {{\n\t\ttype ipv4_addr\n\t\tsize 65535\n\t\tflags dynamic,timeout", set.name);
    let _ = writeln!(out, "\t\ttimeout {}", span(keep));
    let texts = seen.into_iter().filter_map(|(ip, at)| {
        let left = keep.checked_sub(now.since(at)).filter(|left| !left.is_zero())?;
        Some(format!("{ip} expires {}", span(left)))
    });
    elements(out, 2, texts);
    out.push_str("\t}\n");
}

/// `2h59m59s988ms`
fn span(time: Duration) -> String {
    let millis = time.as_millis() as u64;
    let mut text = String::new();
    let units =
        [(86_400_000, u64::MAX, "d"), (3_600_000, 24, "h"), (60_000, 60, "m"), (1000, 60, "s"), (1, 1000, "ms")];
    for (size, most, unit) in units {
        let count = millis / size % most;
        if count > 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

/// Addresses in braces; nft joins ranges that touch, and leaves braces away where there was one range from the first.
fn among(nets: &[Ipv4Net]) -> String {
    if let [net] = nets {
        return Written(Range { net: *net, not: false }).to_string();
    }
    let mut ranges: Vec<(u32, u32)> =
        nets.iter().map(|net| (u32::from(net.network()), u32::from(net.broadcast()))).collect();
    crate::sort::by(&mut ranges, Ord::cmp);
    let touch = nets.iter().any(|net| net.prefix_len() < 32);
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if touch && first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            Some(before) if *before == (first, last) => {}
            _ => joined.push((first, last)),
        }
    }
    let text = |(first, last): &(u32, u32)| {
        let bits = (last - first).checked_add(1).map_or(32, u32::trailing_zeros);
        let net = Ipv4Net::new_assert(Ipv4Addr::from(*first), 32 - bits as u8);
        if u32::from(net.network()) == *first && u32::from(net.broadcast()) == *last {
            return Written(Range { net, not: false }).to_string();
        }
        format!("{}-{}", Ipv4Addr::from(*first), Ipv4Addr::from(*last))
    };
    format!("{{ {} }}", joined.iter().map(text).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_nft_writes_them() {
        for (seconds, text) in [(10_800, "3h"), (3661, "1h1m1s"), (86_400, "1d"), (90_061, "1d1h1m1s"), (30, "30s")] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(span(Duration::from_millis(10_799_988)), "2h59m59s988ms");
    }

    #[test]
    fn ranges_are_joined_as_nft_joins_them() {
        let check = |nets: &[&str], text: &str| {
            let nets: Vec<Ipv4Net> = nets.iter().map(|net| net.parse().unwrap()).collect();
            assert_eq!(among(&nets), text);
        };
        check(&["203.0.113.0/25"], "203.0.113.0/25");
        check(&["1.2.3.4/32"], "1.2.3.4");
        check(&["203.0.113.0/25", "203.0.113.0/24"], "{ 203.0.113.0/24 }");
        check(&["203.0.112.0/24", "203.0.113.0/24", "203.0.113.7/32"], "{ 203.0.112.0/23 }");
        check(&["1.2.3.4/32", "9.9.9.9/32", "8.8.8.8/32"], "{ 1.2.3.4, 8.8.8.8, 9.9.9.9 }");
        check(&["10.0.1.0/24", "10.0.2.0/24"], "{ 10.0.1.0-10.0.2.255 }");
    }
}
