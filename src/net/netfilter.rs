//! A packet judged by rules: what a Linux kernel does at its five hooks with the tables `nat` and `filter`.
//!
//! Chains are walked as the kernel walks them, but where thousands of Services add rules to one chain an index leads to those
//! that the packet's destination can match ([`super::index`]), and one draw chooses among thousands of endpoints; both ways
//! give the same verdict. Table `nat` sees only the first packet of a connection; the others do as [`super::conntrack`]
//! remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rule::{Chain, CtState, Hook, Masquerade, Match, OWN, Part, Range, Rule, Ruleset, Spot, TableName, Target};
use super::topology::Machine;
use crate::inet::{Ipv4Addr, within};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::trace::{Action, Because, By, Packet, Place, Proto, Reason};

/// Where the first packet of a connection is in a kernel.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Its headers.
    pub packet: Packet,
    /// Its mark.
    pub mark: u32,
    /// Whether this kernel knows its connection.
    pub known: bool,
    /// Whether its destination was rewritten in this kernel.
    pub dnat: bool,
    /// Whether its source was.
    pub snat: bool,
    /// The rule of mode nftables that hides its source, if one does.
    pub marked: Option<super::nft::At>,
    picked: Option<At>,
    masked: Option<At>,
}

/// Where a rule is written.
#[derive(Clone, Copy, Debug)]
enum At {
    /// In a chain of the table.
    Table(usize, usize),
    /// In a chain of the table, by a part.
    Shared(usize, usize),
    /// In a part's own chain.
    Own(usize, usize, usize),
}

/// What a table said.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// The packet goes on.
    Accept,
    /// It is thrown away.
    Drop(Arc<Because>),
    /// It is refused.
    Reject(Arc<Because>),
}

/// What a rule has matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many packets.
    pub packets: u64,
    /// How many bytes they had.
    pub bytes: u64,
}

/// What changes in a kernel as packets pass.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What each rule matched: first the tables' rules, then each part's, by their numbers.
    ///
    /// Empty where none did yet.
    pub counts: Vec<Vec<Count>>,
    /// When each source was last seen, by `recent` list.
    pub recent: BTreeMap<(Ipv4Addr, Arc<str>), Instant>,
    /// The rules that are counted.
    rules: Option<Arc<Ruleset>>,
}

impl Memory {
    /// What a rule matched.
    pub fn count(&self, spot: Spot) -> Count {
        self.counts.get(spot.slot).and_then(|counts| counts.get(spot.rule)).copied().unwrap_or_default()
    }

    /// How many packets a rule matched.
    pub fn packets(&self, spot: Spot) -> u64 {
        self.count(spot).packets
    }

    /// Whether these are the rules that are counted.
    pub(super) fn counts_for(&self, rules: &Arc<Ruleset>) -> bool {
        self.rules.as_ref().is_some_and(|old| Arc::ptr_eq(old, rules))
    }

    /// Takes over from other rules. What was written anew starts counting anew.
    ///
    /// kube-proxy writes a changed Service's chains and, each time, the chains of all Services; the kernel's own chains and
    /// the chains of other Services keep their counters (`iptables-restore --noflush`).
    pub(super) fn follow(&mut self, rules: &Arc<Ruleset>) {
        if self.counts_for(rules) {
            return;
        }
        let Some(old) = self.rules.replace(rules.clone()) else {
            self.counts.resize_with(rules.parts.len() + 1, Vec::new);
            return;
        };
        let mut counts = std::mem::take(&mut self.counts);
        self.counts.reserve(rules.parts.len() + 1);
        let mut base = counts.first_mut().map(std::mem::take).unwrap_or_default();
        if Arc::ptr_eq(&old.base, &rules.base) {
            for table in &rules.base.tables {
                for chain in table.chains.iter().filter(|chain| !chain.builtin && chain.is_proxys()) {
                    base.iter_mut()
                        .skip(chain.first)
                        .take(chain.rules.len())
                        .for_each(|count| *count = Count::default());
                }
            }
        } else {
            base.clear();
        }
        self.counts.push(base);
        let mut from = 0;
        for part in &rules.parts {
            while old.parts.get(from).is_some_and(|other| other.name < part.name) {
                from += 1;
            }
            let same =
                old.parts.get(from).filter(|other| Arc::ptr_eq(other, part)).and_then(|_| counts.get_mut(from + 1));
            let mut kept = same.map(std::mem::take).unwrap_or_default();
            for (shared, count) in part.shared.iter().zip(&mut kept) {
                if !rules.base.table(shared.table).chains[shared.chain].builtin {
                    *count = Count::default();
                }
            }
            self.counts.push(kept);
        }
    }

    fn add(&mut self, rules: &Ruleset, spot: Spot, bytes: u64) {
        let Some(counts) = self.counts.get_mut(spot.slot) else { return };
        if counts.is_empty() {
            let count = spot.slot.checked_sub(1).map_or(rules.base.count, |slot| rules.parts[slot].count);
            counts.resize(count, Count::default());
        }
        let count = &mut counts[spot.rule];
        count.packets += 1;
        count.bytes += bytes;
    }
}

/// Hears of what happens to a packet.
pub(super) trait Recorder {
    /// Something happened at the current place.
    fn hop(&mut self, by: By, action: Action, packet: Packet, because: impl FnOnce() -> Arc<Because>);
    /// Time passes.
    fn wait(&mut self, time: Duration);
    /// The packet is at another place now.
    fn at(&mut self, place: &Place);
    /// Whether nobody listens.
    fn is_silent(&self) -> bool;
}

/// How chains are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Rule by rule, as the kernel does.
    Plain,
    /// By the indexes.
    Indexed,
}

/// A kernel at work on one packet.
pub(super) struct Kernel<'a> {
    /// Whose kernel.
    pub machine: &'a Machine,
    /// What it remembers.
    pub memory: &'a mut Memory,
    /// Chance.
    pub rng: &'a mut Rng,
    /// The time.
    pub now: Instant,
    /// How chains are walked.
    pub way: Way,
}

/// How a chain ended.
enum Step {
    /// At its end, or by RETURN.
    Back,
    /// With a verdict for the whole table.
    Done(Verdict),
}

impl Judged {
    /// A packet that enters a kernel.
    pub(super) fn new(packet: Packet) -> Self {
        Self { packet, mark: 0, known: false, dnat: false, snat: false, marked: None, picked: None, masked: None }
    }
}

impl Judged {
    /// The packet's size: a SYN with the options that Linux gives it, a question to a DNS server, a ping.
    fn bytes(&self) -> u64 {
        match self.packet.proto {
            Proto::Tcp | Proto::Udp => 60,
            Proto::Icmp => 84,
        }
    }
}

impl Kernel<'_> {
    /// Judges a packet at one hook of one table; `out` is the address of the interface that it leaves by.
    pub(super) fn pass(
        &mut self,
        table: TableName,
        hook: Hook,
        judged: &mut Judged,
        out: Ipv4Addr,
        rec: &mut impl Recorder,
    ) -> Verdict {
        let machine = self.machine;
        let rules = &machine.rules;
        let translated = (judged.dnat, judged.snat);
        let nft = machine.nft.as_ref();
        // Of chains with the same priority the kernel calls the youngest first, and kube-proxy's is younger than the plugin's.
        // Once it has a translation, it asks no further chain for one.
        if let Some(nft) = nft.filter(|_| table == TableName::Nat) {
            let verdict = nft.pass(self, (table, hook), judged, out, rec);
            if !matches!(verdict, Verdict::Accept) || translated != (judged.dnat, judged.snat) {
                return verdict;
            }
        }
        if let Some(chain) = rules.base.table(table).hook(hook) {
            let mut passing = Passing { rules, table, judged, out, rec };
            match self.chain(&mut passing, None, chain) {
                Step::Back | Step::Done(Verdict::Accept) => {}
                Step::Done(verdict) => return verdict,
            }
        }
        match nft.filter(|_| table != TableName::Nat) {
            Some(nft) => nft.pass(self, (table, hook), judged, out, rec),
            None => Verdict::Accept,
        }
    }

    /// Goes through a chain: of the table, or, from [`OWN`] on, of the part in the place `slot`.
    fn chain(&mut self, passing: &mut Passing<'_, impl Recorder>, slot: Option<usize>, number: usize) -> Step {
        let rules = passing.rules;
        if number >= OWN {
            let Some((slot, part)) = slot.and_then(|slot| Some((slot, rules.parts.get(slot)?))) else {
                return Step::Back;
            };
            return self.own(passing, slot, part, number - OWN);
        }
        let chain = &rules.base.table(passing.table).chains[number];
        let before = chain.shared.unwrap_or(chain.rules.len());
        for i in 0..before {
            if let Some(step) = self.rule(
                passing,
                &chain.rules[i],
                At::Table(number, i),
                Spot { slot: 0, rule: chain.first + i },
                &mut None,
            ) {
                return step;
            }
        }
        if chain.shared.is_none() {
            return Step::Back;
        }
        if self.way == Way::Plain {
            for (slot, part) in rules.parts.iter().enumerate() {
                for (i, shared) in part.shared.iter().enumerate() {
                    let spot = Spot { slot: slot + 1, rule: i };
                    if shared.table == passing.table
                        && shared.chain == number
                        && let Some(step) = self.rule(passing, &shared.rule, At::Shared(slot, i), spot, &mut None)
                    {
                        return step;
                    }
                }
            }
        } else {
            for (slot, i) in rules.index.meets(passing.table, number, &passing.judged.packet) {
                let (rule, spot) = (&rules.parts[slot].shared[i].rule, Spot { slot: slot + 1, rule: i });
                if let Some(step) = self.rule(passing, rule, At::Shared(slot, i), spot, &mut None) {
                    return step;
                }
            }
        }
        for i in before..chain.rules.len() {
            if let Some(step) = self.rule(
                passing,
                &chain.rules[i],
                At::Table(number, i),
                Spot { slot: 0, rule: chain.first + i },
                &mut None,
            ) {
                return step;
            }
        }
        Step::Back
    }

    /// Goes through a part's own chain.
    fn own(&mut self, passing: &mut Passing<'_, impl Recorder>, slot: usize, part: &Part, number: usize) -> Step {
        let chain = &part.chains[number];
        // One draw decides a whole run of `statistic` rules.
        let mut draw = None;
        let mut i = 0;
        while i < chain.rules.len() {
            if self.way == Way::Indexed && draw.is_none() && chain.run.contains(&i) {
                i = chain.pick(*draw.insert(self.rng.next_u32()));
            }
            let spot = Spot { slot: slot + 1, rule: chain.first + i };
            if let Some(step) = self.rule(passing, &chain.rules[i], At::Own(slot, number, i), spot, &mut draw) {
                return step;
            }
            i += 1;
        }
        Step::Back
    }

    fn rule(
        &mut self,
        passing: &mut Passing<'_, impl Recorder>,
        rule: &Rule,
        at: At,
        spot: Spot,
        draw: &mut Option<u32>,
    ) -> Option<Step> {
        if !self.matches(rule, draw, passing.judged) {
            return None;
        }
        let (rules, table) = (passing.rules, passing.table);
        self.memory.add(rules, spot, passing.judged.bytes());
        let because = || match &rule.why {
            Some(why) => why.because(|| at.show(rules, table)).clone(),
            None => Arc::new(Because {
                rule: Some(at.show(rules, table).into()),
                reason: Reason::InvalidState,
                cause: None,
            }),
        };
        match &rule.target {
            Target::Nothing => None,
            Target::Return => Some(Step::Back),
            Target::Accept => Some(Step::Done(Verdict::Accept)),
            Target::Drop => Some(Step::Done(Verdict::Drop(because()))),
            Target::Reject => Some(Step::Done(Verdict::Reject(because()))),
            Target::SetXMark { value, mask } => {
                passing.judged.mark = (passing.judged.mark & !mask) ^ value;
                None
            }
            Target::Jump(to) => {
                if let Some(why) = &rule.why {
                    match why.reason {
                        Reason::Picked { .. } | Reason::PickedAgain { .. } => passing.judged.picked = Some(at),
                        Reason::MasqueradeNotPod
                        | Reason::MasqueradeExternal
                        | Reason::MasqueradeNode
                        | Reason::MasqueradeHairpin => {
                            // A packet may be marked twice; the first mark would have done.
                            passing.judged.masked.get_or_insert(at);
                        }
                        _ => {
                            passing.rec.wait(super::topology::STEP);
                            passing.rec.hop(By::KubeProxy, Action::Match, passing.judged.packet, because);
                        }
                    }
                }
                match self.chain(passing, at.slot(), *to) {
                    Step::Back => None,
                    done => Some(done),
                }
            }
            Target::Dnat(to) => {
                passing.judged.packet.dst = *to;
                passing.judged.dnat = true;
                if matches!(&rule.why, Some(why) if matches!(why.reason, Reason::HostPort { .. })) {
                    passing.rec.wait(super::topology::STEP);
                    passing.rec.hop(By::Cni, Action::Dnat, passing.judged.packet, because);
                } else {
                    passing.tell(Action::Dnat, passing.judged.picked, at, because);
                }
                Some(Step::Done(Verdict::Accept))
            }
            Target::Masquerade(port) => {
                let before = std::mem::replace(&mut passing.judged.packet.src.ip, passing.out);
                passing.judged.snat = true;
                if *port == Masquerade::AnyPort {
                    // Any port above the well-known ones.
                    passing.judged.packet.src.port = 1024 + self.rng.below(64_512) as u16;
                    passing.tell(Action::Snat, passing.judged.masked, at, because);
                } else if before != passing.out {
                    passing.rec.wait(super::topology::STEP);
                    passing.rec.hop(By::Cni, Action::Snat, passing.judged.packet, because);
                }
                Some(Step::Done(Verdict::Accept))
            }
        }
    }

    fn matches(&mut self, rule: &Rule, draw: &mut Option<u32>, judged: &Judged) -> bool {
        let packet = &judged.packet;
        let within = |range: &Option<Range>, ip| range.is_none_or(|r| within(&r.net, ip) != r.not);
        if rule.proto.is_some_and(|proto| proto != packet.proto)
            || !within(&rule.dst, packet.dst.ip)
            || !within(&rule.src, packet.src.ip)
        {
            return false;
        }
        rule.matches.iter().all(|condition| match condition {
            Match::Comment(_) => true,
            Match::Port(proto, port) => *proto == packet.proto && port.is_none_or(|port| port == packet.dst.port),
            Match::Ports(ports) => ports.contains(&packet.dst.port),
            Match::Mark { value, mask, not } => (judged.mark & mask == *value) != *not,
            Match::CtState { states, not } => {
                let is = |state: &CtState| match state {
                    CtState::New => !judged.known,
                    CtState::Established => judged.known,
                    CtState::Dnat => judged.dnat,
                    CtState::Related | CtState::Invalid => false,
                };
                states.iter().any(is) != *not
            }
            Match::SrcLocal => self.machine.owns(packet.src.ip),
            Match::DstLocal => self.machine.owns(packet.dst.ip),
            Match::DstNotLocal => !self.machine.owns(packet.dst.ip),
            Match::Statistic { below, .. } => match self.way {
                // The index has drawn and has chosen this very rule.
                Way::Indexed => true,
                Way::Plain => *draw.get_or_insert_with(|| self.rng.next_u32()) < *below,
            },
            Match::RecentCheck { list, seconds } => {
                let seen = self.memory.recent.get(&(packet.src.ip, list.clone()));
                seen.is_some_and(|at| self.now.since(*at) <= Duration::from_secs(u64::from(*seconds)))
            }
            Match::RecentSet(list) => {
                self.memory.recent.insert((packet.src.ip, list.clone()), self.now);
                true
            }
        })
    }
}

/// A packet that passes a table.
struct Passing<'a, R> {
    rules: &'a Ruleset,
    table: TableName,
    judged: &'a mut Judged,
    out: Ipv4Addr,
    rec: &'a mut R,
}

impl<R: Recorder> Passing<'_, R> {
    /// Tells of a translation done at `at`, for the reason of the rule that chose it.
    fn tell(&mut self, action: Action, chosen: Option<At>, at: At, because: impl FnOnce() -> Arc<Because>) {
        let (rules, table) = (self.rules, self.table);
        self.rec.wait(super::topology::STEP);
        let teller = chosen.and_then(|chosen| chosen.rule(rules, table).why.as_ref());
        self.rec.hop(By::KubeProxy, action, self.judged.packet, || match teller {
            Some(why) => why.because(|| at.show(rules, table)).clone(),
            None => because(),
        });
    }
}

impl At {
    /// The place of the part that wrote it.
    fn slot(self) -> Option<usize> {
        match self {
            Self::Table(..) => None,
            Self::Shared(slot, _) | Self::Own(slot, ..) => Some(slot),
        }
    }

    fn rule(self, rules: &Ruleset, table: TableName) -> &Rule {
        match self {
            Self::Table(chain, i) => &rules.base.table(table).chains[chain].rules[i],
            Self::Shared(slot, i) => &rules.parts[slot].shared[i].rule,
            Self::Own(slot, chain, i) => &rules.parts[slot].chains[chain].rules[i],
        }
    }

    fn show(self, rules: &Ruleset, table: TableName) -> String {
        let part = self.slot().map(|slot| &*rules.parts[slot]);
        let chains = &rules.base.table(table).chains;
        let chain = match self {
            Self::Table(chain, _) => &chains[chain],
            Self::Shared(slot, i) => &chains[rules.parts[slot].shared[i].chain],
            Self::Own(slot, chain, _) => &rules.parts[slot].chains[chain],
        };
        rules.show(table, part, &chain.name, self.rule(rules, table)).to_string()
    }
}

impl Chain {
    /// Whether kube-proxy writes it each time that anything changes; kubelet writes its own once.
    fn is_proxys(&self) -> bool {
        self.name.starts_with("KUBE-") && !matches!(&*self.name, "KUBE-FIREWALL" | "KUBE-KUBELET-CANARY")
    }

    /// Finds the run of `statistic` rules of a chain whose rules are all there.
    pub(super) fn find_run(&mut self) {
        let balances = |rule: &Rule| rule.matches.iter().any(|m| matches!(m, Match::Statistic { .. }));
        let first = self.rules.iter().position(balances);
        let end = first.map_or(0, |first| first + self.rules[first..].iter().take_while(|r| balances(r)).count());
        // The rule after a run takes what the run has left, so that it ends the draw.
        self.run = first.unwrap_or(0)..end;
    }

    /// The rule of the run, or the one after it, that a draw chooses.
    fn pick(&self, draw: u32) -> usize {
        let below = |rule: &Rule| {
            rule.matches.iter().find_map(|m| if let Match::Statistic { below, .. } = m { Some(*below) } else { None })
        };
        let run = &self.rules[self.run.clone()];
        // Endpoints have the same odds, so that the place is known but for roundings.
        let beyond = |i: usize| run.get(i).and_then(&below).is_some_and(|below| draw >= below);
        let mut i = ((u64::from(draw) * (run.len() as u64 + 1)) >> 32) as usize;
        while i > 0 && !beyond(i - 1) {
            i -= 1;
        }
        while beyond(i) {
            i += 1;
        }
        self.run.start + i
    }
}
