//! Packet filter rules as data: tables, chains, matches and targets, printed as `iptables-save` prints them.
//!
//! Covers what kube-proxy and kubelet write and no more. A [`Ruleset`] is put together from the tables that every node has
//! and one [`Part`] for each Service, so that a Service that changes costs one part; nodes share the parts that are the same
//! for them. What changes as packets pass (counters, `recent` lists) is the interpreter's, in [`super::netfilter`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::index::{Index, key};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::FieldRef;
use crate::trace::{Because, Proto, Reason, Socket};

/// A table of the kernel's packet filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableName {
    /// Marks of packets; here only the canaries of kube-proxy and kubelet.
    Mangle,
    /// Who may pass.
    Filter,
    /// Translations, judged once for each connection.
    Nat,
}

/// A point on a packet's way through a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// It came in; no route is chosen yet.
    Prerouting,
    /// It is for this machine.
    Input,
    /// It is for another machine.
    Forward,
    /// A program of this machine sent it.
    Output,
    /// It is about to leave, its route is chosen.
    Postrouting,
}

/// What a rule does with the packets that it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing: it only counts.
    Nothing,
    /// Goes through another chain, by its number, then on: a chain of the table, or from [`OWN`] on one of the part.
    Jump(usize),
    /// Lets the packet pass this table.
    Accept,
    /// Throws it away.
    Drop,
    /// Refuses it with an ICMP error.
    Reject,
    /// Goes back to the chain that jumped here.
    Return,
    /// Sets the mark: clears the bits of `mask`, then flips those of `value`.
    SetXMark {
        /// Bits to flip.
        value: u32,
        /// Bits to clear first.
        mask: u32,
    },
    /// Writes another destination.
    Dnat(Socket),
    /// Writes the address of the interface that the packet leaves by as its source.
    Masquerade(Masquerade),
}

/// Which port a hidden source gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masquerade {
    /// Any: `--random-fully`.
    AnyPort,
    /// Its own, where that is free.
    SamePort,
}

/// A condition, in the order of the rule's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `-m comment`: always true.
    Comment(Arc<str>),
    /// `-m tcp`, with a destination port or without conditions.
    Port(Proto, Option<u16>),
    /// `-m multiport --dports`
    Ports(Arc<[u16]>),
    /// `-m mark`
    Mark {
        /// What the masked mark must be.
        value: u32,
        /// Which bits count.
        mask: u32,
        /// Whether it must not be so.
        not: bool,
    },
    /// `-m conntrack --ctstate`
    CtState {
        /// Any of them.
        states: &'static [CtState],
        /// Whether it must be none of them.
        not: bool,
    },
    /// `-m addrtype --src-type LOCAL`: the source is an address of this machine.
    SrcLocal,
    /// `-m addrtype --dst-type LOCAL`: the destination is an address of this machine.
    DstLocal,
    /// `-m addrtype ! --dst-type LOCAL`: it is none of them.
    DstNotLocal,
    /// `-m statistic --mode random`
    Statistic {
        /// The probability in parts of 2^31, as the kernel holds it.
        probability: u32,
        /// The probability that this rule or an earlier one of its run matches, in parts of 2^32.
        ///
        /// A run of such rules is decided by one draw, which gives each rule the same odds as a draw for each would.
        below: u32,
    },
    /// `-m recent --rcheck --seconds N --reap`: this source was seen by the list within the time.
    RecentCheck {
        /// The list's name.
        list: Arc<str>,
        /// The time in seconds.
        seconds: u32,
    },
    /// `-m recent --set`: remembers the source; always true.
    RecentSet(Arc<str>),
}

/// A packet's relation to the connections that a kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CtState {
    /// It opens one.
    New,
    /// It belongs to one.
    Established,
    /// It tells of one, as ICMP errors do.
    Related,
    /// It belongs to none and opens none.
    Invalid,
    /// The destination of its connection was rewritten.
    Dnat,
}

/// Why a rule exists, told when it decides.
#[derive(Clone, Debug)]
pub struct Why {
    /// The decision.
    pub reason: Reason,
    /// The manifest's field behind the rule.
    pub cause: Option<FieldRef>,
    told: OnceLock<Arc<Because>>,
}

/// An address range that must match, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The range.
    pub net: Ipv4Net,
    /// Whether the address must be outside.
    pub not: bool,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `-s`
    pub src: Option<Range>,
    /// `-d`
    pub dst: Option<Range>,
    /// `-p`
    pub proto: Option<Proto>,
    /// The other conditions.
    pub matches: Vec<Match>,
    /// What it does.
    pub target: Target,
    /// Why it exists, where a hop tells of it.
    pub why: Option<Why>,
}

/// A chain of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: Arc<str>,
    /// Whether the kernel calls it (`PREROUTING`), or rules jump to it.
    pub builtin: bool,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// Where the rules that parts add to it stand: before this one of its own. None if parts add none.
    pub shared: Option<usize>,
    /// The number of its first rule among those of all the tables, or of its part.
    pub first: usize,
    pub(super) run: std::ops::Range<usize>,
}

/// The number of a part's first own chain, as jumps number them.
pub const OWN: usize = 1 << 16;

/// A rule that a part adds to a chain of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// The table.
    pub table: TableName,
    /// The number of the chain.
    pub chain: usize,
    /// The rule.
    pub rule: Rule,
}

/// The rules of one Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// `default/web`
    pub name: Arc<str>,
    /// What it adds to chains of all Services. These are its first rules, as counters number them.
    pub shared: Vec<Shared>,
    /// Its own chains, all in table nat.
    pub chains: Vec<Chain>,
    /// How many rules it has in all.
    pub count: usize,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Which one.
    pub name: TableName,
    /// Its chains, in the order in which they were made; jumps number them.
    pub chains: Vec<Chain>,
}

/// What a node has, whatever its Services.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The tables, in the order in which `iptables-save` prints them.
    pub tables: [Table; 3],
    /// How many rules they have.
    pub count: usize,
}

/// All rules of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// What does not come from Services.
    pub base: Arc<Base>,
    /// The Services' rules, by name.
    pub parts: Vec<Arc<Part>>,
    pub(super) index: Arc<Index>,
}

/// A chain with all its rules, parts' included, each with its place among the counters.
#[derive(Clone, Debug)]
pub struct Whole<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// The part that it is of; none for a chain of the table.
    pub part: Option<&'a Part>,
    /// Its rules, in order.
    pub rules: Vec<(Spot, &'a Rule)>,
}

/// Where a rule stands in a ruleset, as counters number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// 0 for the tables', else one more than the part's place.
    pub slot: usize,
    /// The number of the rule there.
    pub rule: usize,
}

impl TableName {
    /// All of them, in the order in which `iptables-save` prints them.
    pub const ALL: [Self; 3] = [Self::Mangle, Self::Filter, Self::Nat];

    /// `nat`
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mangle => "mangle",
            Self::Filter => "filter",
            Self::Nat => "nat",
        }
    }

    /// The table's chains that the kernel calls.
    pub const fn hooks(self) -> &'static [Hook] {
        match self {
            Self::Mangle => &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting],
            Self::Filter => &[Hook::Input, Hook::Forward, Hook::Output],
            Self::Nat => &[Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting],
        }
    }
}

impl Hook {
    /// `PREROUTING`
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
        }
    }
}

impl Range {
    /// The addresses of a range.
    pub fn within(net: impl Into<Ipv4Net>) -> Option<Self> {
        Some(Self { net: net.into(), not: false })
    }

    /// The addresses outside a range.
    pub fn outside(net: impl Into<Ipv4Net>) -> Option<Self> {
        Some(Self { net: net.into(), not: true })
    }
}

/// What a hop told of it does not count.
impl PartialEq for Why {
    fn eq(&self, other: &Self) -> bool {
        (&self.reason, &self.cause) == (&other.reason, &other.cause)
    }
}

impl Why {
    /// A reason and the field behind it.
    pub fn new(reason: Reason, cause: Option<FieldRef>) -> Self {
        Self { reason, cause, told: OnceLock::new() }
    }

    /// What a hop keeps: made once, then shared by every packet's. `rule` prints the rule to show.
    pub(super) fn because(&self, rule: impl FnOnce() -> String) -> &Arc<Because> {
        self.told.get_or_init(|| {
            Arc::new(Because { rule: Some(rule().into()), reason: self.reason.clone(), cause: self.cause.clone() })
        })
    }
}

impl Rule {
    /// A rule without conditions.
    pub fn new(target: Target) -> Self {
        Self { src: None, dst: None, proto: None, matches: Vec::new(), target, why: None }
    }

    /// The rule with a comment, as its next condition.
    pub fn comment(mut self, text: impl Into<Arc<str>>) -> Self {
        self.matches.push(Match::Comment(text.into()));
        self
    }

    /// The rule with one more condition.
    pub fn when(mut self, condition: Match) -> Self {
        self.matches.push(condition);
        self
    }

    /// The rule for one protocol and, where given, one destination port.
    pub fn port(mut self, proto: Proto, port: Option<u16>) -> Self {
        self.proto = Some(proto);
        self.matches.push(Match::Port(proto, port));
        self
    }

    /// The rule with its reason and the field behind it.
    pub fn because(mut self, reason: Reason, cause: Option<FieldRef>) -> Self {
        self.why = Some(Why::new(reason, cause));
        self
    }

    /// The port that the destination must have, if the rule names one.
    pub fn dst_port(&self) -> Option<u16> {
        self.matches.iter().find_map(|m| if let Match::Port(_, port) = m { *port } else { None })
    }
}

impl Chain {
    pub(super) fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), builtin: false, rules: Vec::new(), shared: None, first: 0, run: 0..0 }
    }
}

impl Table {
    /// A table with its built-in chains.
    pub fn new(name: TableName) -> Self {
        let mut table = Self { name, chains: Vec::new() };
        for hook in name.hooks() {
            table.add(hook.name());
            table.chains.last_mut().into_iter().for_each(|chain| chain.builtin = true);
        }
        table
    }

    /// Adds a chain and gives its number.
    pub fn add(&mut self, name: impl Into<Arc<str>>) -> usize {
        self.chains.push(Chain::new(name));
        self.chains.len() - 1
    }

    /// The number of the chain of a hook that the table has.
    pub fn hook(&self, hook: Hook) -> Option<usize> {
        self.name.hooks().iter().position(|h| *h == hook)
    }
}

/// Numbers rules and finds runs; gives the number after the last.
fn close(chains: &mut [Chain], mut count: usize) -> usize {
    for chain in chains {
        chain.first = count;
        count += chain.rules.len();
        chain.find_run();
    }
    count
}

impl Base {
    /// Closes the tables.
    pub fn new(mut tables: [Table; 3]) -> Self {
        let count = tables.iter_mut().fold(0, |count, table| close(&mut table.chains, count));
        Self { tables, count }
    }

    /// Tables that let everything pass.
    pub fn empty() -> Self {
        Self::new([TableName::Mangle, TableName::Filter, TableName::Nat].map(Table::new))
    }

    /// One of the tables.
    pub fn table(&self, name: TableName) -> &Table {
        &self.tables[name as usize]
    }
}

impl Part {
    /// Closes a Service's rules.
    pub fn new(name: Arc<str>, shared: Vec<Shared>, mut chains: Vec<Chain>) -> Self {
        let count = close(&mut chains, shared.len());
        Self { name, shared, chains, count }
    }

    /// Whether the rules that it adds to chains of all Services are found by the same keys as another's.
    fn is_found_like(&self, other: &Self) -> bool {
        self.shared.len() == other.shared.len() && self.shared.iter().zip(&other.shared).all(|(a, b)| key(a) == key(b))
    }
}

impl Ruleset {
    /// The tables alone.
    pub fn new(base: Arc<Base>) -> Self {
        Self { base, parts: Vec::new(), index: Arc::default() }
    }

    /// Puts parts in their places or takes them away, by name; `changes` is sorted by name.
    pub fn change(&mut self, changes: &[(Arc<str>, Option<Arc<Part>>)]) {
        let found_alike = match changes {
            [] => true,
            // The everyday change: the same Service by other endpoints is found as before.
            [(name, Some(part))] => self.place(name).is_ok_and(|i| self.parts[i].is_found_like(part)),
            _ => false,
        };
        super::replace(&mut self.parts, changes, |part| &part.name);
        if !found_alike {
            self.index = if self.parts.is_empty() { Arc::default() } else { Arc::new(Index::of(&self.parts)) };
        }
    }

    /// The place of a Service's part, or where it would be.
    pub fn place(&self, name: &str) -> Result<usize, usize> {
        self.parts.binary_search_by(|part| (*part.name).cmp(name))
    }

    /// The chains of a table, in the order in which `iptables-save` prints them.
    pub fn chains(&self, name: TableName) -> Vec<Whole<'_>> {
        let table = self.base.table(name);
        let mut all: Vec<Whole<'_>> = Vec::with_capacity(table.chains.len());
        for (number, chain) in table.chains.iter().enumerate() {
            let spots =
                |from: usize, to: usize| (from..to).map(|i| (Spot { slot: 0, rule: chain.first + i }, &chain.rules[i]));
            let before = chain.shared.unwrap_or(0);
            let mut rules: Vec<_> = spots(0, before).collect();
            if chain.shared.is_some() {
                for (i, part) in self.parts.iter().enumerate() {
                    let here = part.shared.iter().enumerate().filter(|(_, s)| s.table == name && s.chain == number);
                    rules.extend(here.map(|(rule, s)| (Spot { slot: i + 1, rule }, &s.rule)));
                }
            }
            rules.extend(spots(before, chain.rules.len()));
            all.push(Whole { chain, part: None, rules });
        }
        if name == TableName::Nat {
            for (i, part) in self.parts.iter().enumerate() {
                for chain in &part.chains {
                    let spot = |rule| Spot { slot: i + 1, rule: chain.first + rule };
                    let rules = chain.rules.iter().enumerate().map(|(n, rule)| (spot(n), rule)).collect();
                    all.push(Whole { chain, part: Some(part), rules });
                }
            }
        }
        crate::sort::by(&mut all, |a, b| {
            let builtin = a.chain.builtin;
            let by_name = || if builtin { std::cmp::Ordering::Equal } else { a.chain.name.cmp(&b.chain.name) };
            b.chain.builtin.cmp(&builtin).then_with(by_name)
        });
        all
    }

    /// The single addresses that KUBE-SERVICES sends to the node ports' chain; none if it asks otherwise.
    pub(super) fn node_port_destinations(&self) -> Vec<Ipv4Addr> {
        let chains = &self.base.table(TableName::Nat).chains;
        let rules = chains.iter().filter(|chain| *chain.name == *"KUBE-SERVICES").flat_map(|chain| &chain.rules);
        rules.filter_map(|rule| rule.dst.filter(|range| !range.not)).map(|range| range.net.addr()).collect()
    }

    /// A rule as `iptables-save` prints it: in the chain `chain` of a table, written there by `part` if not by the table.
    pub fn show<'a>(&'a self, table: TableName, part: Option<&'a Part>, chain: &'a str, rule: &'a Rule) -> Shown<'a> {
        Shown { table: self.base.table(table), part, chain, rule }
    }
}

/// A rule, to be printed.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    table: &'a Table,
    part: Option<&'a Part>,
    chain: &'a str,
    rule: &'a Rule,
}

impl<'a> Shown<'a> {
    /// What the rule does, as `-j` names it; empty if nothing.
    pub(super) fn target(&self) -> &'a str {
        match &self.rule.target {
            Target::Nothing => "",
            Target::Jump(chain) => self.chain(*chain),
            Target::Accept => "ACCEPT",
            Target::Drop => "DROP",
            Target::Reject => "REJECT",
            Target::Return => "RETURN",
            Target::SetXMark { .. } => "MARK",
            Target::Dnat(_) => "DNAT",
            Target::Masquerade(_) => "MASQUERADE",
        }
    }

    /// The name of the chain that a jump of the rule leads to.
    pub(super) fn chain(&self, number: usize) -> &'a str {
        let chains = if number < OWN { Some(&self.table.chains) } else { self.part.map(|part| &part.chains) };
        chains.and_then(|chains| chains.get(number % OWN)).map_or("", |chain| &chain.name)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        write!(f, "-A {}", self.chain)?;
        for (flag, range) in [("-s", rule.src), ("-d", rule.dst)] {
            // All addresses are no condition, and are not printed.
            if let Some(Range { net, not }) = range.filter(|range| range.not || range.net.prefix_len() > 0) {
                write!(f, "{} {flag} {net}", if not { " !" } else { "" })?;
            }
        }
        if let Some(proto) = rule.proto {
            write!(f, " -p {}", proto.name())?;
        }
        for condition in &rule.matches {
            write!(f, " {condition}")?;
        }
        if rule.target != Target::Nothing {
            write!(f, " -j {}", self.target())?;
        }
        match &rule.target {
            Target::Reject => f.write_str(" --reject-with icmp-port-unreachable"),
            Target::SetXMark { value, mask } => write!(f, " --set-xmark {value:#x}/{mask:#x}"),
            Target::Dnat(to) => write!(f, " --to-destination {to}"),
            Target::Masquerade(Masquerade::AnyPort) => f.write_str(" --random-fully"),
            _ => Ok(()),
        }
    }
}

/// Ports with commas between them.
pub(super) fn listed(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // xtables leaves words of these characters alone and quotes the rest.
            Self::Comment(text) if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') => {
                write!(f, "-m comment --comment {text}")
            }
            Self::Comment(text) => {
                write!(f, "-m comment --comment \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Self::Port(proto, None) => write!(f, "-m {}", proto.name()),
            Self::Port(proto, Some(port)) => write!(f, "-m {} --dport {port}", proto.name()),
            Self::Ports(ports) => write!(f, "-m multiport --dports {}", listed(ports)),
            Self::Mark { value, mask, not } => {
                write!(f, "-m mark {}--mark {value:#x}/{mask:#x}", if *not { "! " } else { "" })
            }
            Self::CtState { states, not } => {
                write!(f, "-m conntrack {}--ctstate ", if *not { "! " } else { "" })?;
                for (i, state) in states.iter().enumerate() {
                    let name = match state {
                        CtState::New => "NEW",
                        CtState::Established => "ESTABLISHED",
                        CtState::Related => "RELATED",
                        CtState::Invalid => "INVALID",
                        CtState::Dnat => "DNAT",
                    };
                    write!(f, "{}{name}", if i > 0 { "," } else { "" })?;
                }
                Ok(())
            }
            Self::SrcLocal => f.write_str("-m addrtype --src-type LOCAL"),
            Self::DstLocal => f.write_str("-m addrtype --dst-type LOCAL"),
            Self::DstNotLocal => f.write_str("-m addrtype ! --dst-type LOCAL"),
            Self::Statistic { probability, .. } => {
                // Eleven digits of probability / 2^31, rounded to nearest.
                let digits = (u128::from(*probability) * 100_000_000_000 + (1 << 30)) >> 31;
                write!(
                    f,
                    "-m statistic --mode random --probability {}.{:011}",
                    digits / 100_000_000_000,
                    digits % 100_000_000_000
                )
            }
            Self::RecentCheck { list, seconds } => write!(
                f,
                "-m recent --rcheck --seconds {seconds} --reap --name {list} --mask 255.255.255.255 --rsource"
            ),
            Self::RecentSet(list) => write!(f, "-m recent --set --name {list} --mask 255.255.255.255 --rsource"),
        }
    }
}
