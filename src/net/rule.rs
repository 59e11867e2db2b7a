//! Packet filter rules as data: tables, chains, matches and targets, printed as `iptables-save` prints them.
//!
//! Covers what kube-proxy and kubelet write and no more. A [`Ruleset`] never changes once built: what changes as packets
//! pass (counters, `recent` lists) is the interpreter's, in [`super::netfilter`].

use std::fmt::{self, Write as _};
use std::sync::{Arc, OnceLock};

use crate::inet::Ipv4Net;
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
    /// Goes through another chain of the table, by its number, then on.
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
    Masquerade,
}

/// A condition, in the order of the rule's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `-m comment`: always true.
    Comment(Arc<str>),
    /// `-m tcp`, with a destination port or without conditions.
    Port(Proto, Option<u16>),
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
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its name.
    pub name: Arc<str>,
    /// Whether the kernel calls it (`PREROUTING`), or rules jump to it.
    pub builtin: bool,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// The number of its first rule among all of the ruleset's.
    pub first: usize,
    pub(super) index: Vec<(u64, u32)>,
    pub(super) others: Vec<u32>,
    pub(super) run: std::ops::Range<usize>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Which one.
    pub name: TableName,
    /// Its chains, in the order in which they were made; jumps number them.
    pub chains: Vec<Chain>,
}

/// All rules of one node.
#[derive(Clone, Debug)]
pub struct Ruleset {
    /// The tables, in the order in which `iptables-save` prints them.
    pub tables: [Table; 3],
    /// How many rules there are in all.
    pub count: usize,
}

impl TableName {
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
        let (name, index, others) = (name.into(), Vec::new(), Vec::new());
        self.chains.push(Chain { name, builtin: false, rules: Vec::new(), first: 0, index, others, run: 0..0 });
        self.chains.len() - 1
    }

    /// The number of the chain of a hook that the table has.
    pub fn hook(&self, hook: Hook) -> Option<usize> {
        self.name.hooks().iter().position(|h| *h == hook)
    }

    /// A rule as `iptables-save` prints it.
    pub fn show<'a>(&'a self, chain: &'a Chain, rule: &'a Rule) -> impl fmt::Display + 'a {
        Shown { table: self, chain, rule }
    }
}

impl Ruleset {
    /// Closes the tables: numbers the rules and builds the indexes.
    pub fn new(mut tables: [Table; 3]) -> Self {
        let mut count = 0;
        for chain in tables.iter_mut().flat_map(|table| &mut table.chains) {
            chain.first = count;
            count += chain.rules.len();
            chain.build_index();
        }
        Self { tables, count }
    }

    /// A ruleset that lets everything pass.
    pub fn empty() -> Self {
        Self::new([TableName::Mangle, TableName::Filter, TableName::Nat].map(Table::new))
    }

    /// One of the tables.
    pub fn table(&self, name: TableName) -> &Table {
        &self.tables[name as usize]
    }

    /// All tables in the form of `iptables-save`, said to be printed at `when`.
    pub fn save(&self, out: &mut String, when: &str) {
        for table in &self.tables {
            let _ = writeln!(out, "# Generated by iptables-save v1.8.9 (nf_tables) on {when}");
            let _ = writeln!(out, "*{}", table.name.name());
            let mut order: Vec<&Chain> = table.chains.iter().collect();
            crate::sort::by(&mut order, |a, b| {
                b.builtin
                    .cmp(&a.builtin)
                    .then_with(|| if a.builtin { std::cmp::Ordering::Equal } else { a.name.cmp(&b.name) })
            });
            for chain in &order {
                let _ = writeln!(out, ":{} {} [0:0]", chain.name, if chain.builtin { "ACCEPT" } else { "-" });
            }
            for chain in &order {
                for rule in &chain.rules {
                    let _ = writeln!(out, "{}", table.show(chain, rule));
                }
            }
            let _ = writeln!(out, "COMMIT\n# Completed on {when}");
        }
    }
}

struct Shown<'a> {
    table: &'a Table,
    chain: &'a Chain,
    rule: &'a Rule,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        write!(f, "-A {}", self.chain.name)?;
        for (flag, range) in [("-s", rule.src), ("-d", rule.dst)] {
            if let Some(Range { net, not }) = range {
                write!(f, "{} {flag} {net}", if not { " !" } else { "" })?;
            }
        }
        if let Some(proto) = rule.proto {
            write!(f, " -p {}", proto.name())?;
        }
        for condition in &rule.matches {
            write!(f, " {condition}")?;
        }
        match &rule.target {
            Target::Nothing => Ok(()),
            Target::Jump(chain) => write!(f, " -j {}", self.table.chains[*chain].name),
            Target::Accept => f.write_str(" -j ACCEPT"),
            Target::Drop => f.write_str(" -j DROP"),
            Target::Reject => f.write_str(" -j REJECT --reject-with icmp-port-unreachable"),
            Target::Return => f.write_str(" -j RETURN"),
            Target::SetXMark { value, mask } => write!(f, " -j MARK --set-xmark {value:#x}/{mask:#x}"),
            Target::Dnat(to) => write!(f, " -j DNAT --to-destination {to}"),
            Target::Masquerade => f.write_str(" -j MASQUERADE --random-fully"),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // xtables leaves words of these characters alone and quotes the rest.
            Self::Comment(text) if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') => {
                write!(f, "-m comment --comment {text}")
            }
            Self::Comment(text) => write!(f, "-m comment --comment \"{text}\""),
            Self::Port(proto, None) => write!(f, "-m {}", proto.name()),
            Self::Port(proto, Some(port)) => write!(f, "-m {} --dport {port}", proto.name()),
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
