//! A packet judged by rules: what a Linux kernel does at its five hooks with the tables `nat` and `filter`.
//!
//! Chains are walked as the kernel walks them, but a long chain has an index by destination, so that a packet meets only
//! the rules that its destination can match; both ways give the same verdict. Table `nat` sees only the first packet of a
//! connection, which is the one that we judge; the others follow it by [`super::conntrack`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rule::{Chain, CtState, Hook, Match, Range, Rule, Ruleset, Table, TableName, Target};
use super::topology::Machine;
use crate::inet::Ipv4Addr;
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::trace::{Action, Because, By, Packet, Place, Proto, Reason};

/// Chains longer than this have an index.
const INDEX_FROM: usize = 8;

/// Where the first packet of a connection is in a kernel.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Its headers.
    pub packet: Packet,
    /// Its mark.
    pub mark: u32,
    /// Whether its destination was rewritten in this kernel.
    pub dnat: bool,
    /// Whether its source was.
    pub snat: bool,
    picked: Option<(usize, usize)>,
    masked: Option<(usize, usize)>,
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

/// What changes in a kernel as packets pass.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How many packets each rule matched, by its number in the ruleset.
    pub packets: Vec<u64>,
    /// When each source was last seen, by `recent` list.
    pub recent: BTreeMap<(Ipv4Addr, Arc<str>), Instant>,
}

/// Hears of what happens to a packet. [`Silent`] hears nothing, and costs nothing.
pub(super) trait Recorder {
    /// Something happened at the current place.
    fn hop(&mut self, by: By, action: Action, packet: Packet, because: impl FnOnce() -> Arc<Because>);
    /// Time passes.
    fn wait(&mut self, time: Duration);
    /// The packet is at another place now.
    fn at(&mut self, place: &Place);
}

/// Hears nothing: for verdicts and counters only.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silent;

impl Recorder for Silent {
    fn hop(&mut self, _: By, _: Action, _: Packet, _: impl FnOnce() -> Arc<Because>) {}
    fn wait(&mut self, _: Duration) {}
    fn at(&mut self, _: &Place) {}
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
        Self { packet, mark: 0, dnat: false, snat: false, picked: None, masked: None }
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
        let rules: &Ruleset = &machine.rules;
        if self.memory.packets.len() != rules.count {
            // Rules that are written anew start counting anew.
            self.memory.packets = vec![0; rules.count];
        }
        let table = rules.table(table);
        match table.hook(hook) {
            None => Verdict::Accept,
            Some(chain) => match self.chain(table, chain, judged, out, rec) {
                Step::Back => Verdict::Accept,
                Step::Done(verdict) => verdict,
            },
        }
    }

    fn chain(
        &mut self,
        table: &Table,
        number: usize,
        judged: &mut Judged,
        out: Ipv4Addr,
        rec: &mut impl Recorder,
    ) -> Step {
        let chain = &table.chains[number];
        // One draw decides a whole run of `statistic` rules.
        let mut draw = None;
        if self.way == Way::Plain || chain.index.is_empty() {
            let mut i = 0;
            while i < chain.rules.len() {
                if self.way == Way::Indexed && draw.is_none() && chain.run.contains(&i) {
                    i = chain.pick(*draw.insert(self.rng.next_u32()));
                }
                if let Some(step) = self.rule(table, (number, i), &mut draw, judged, out, rec) {
                    return step;
                }
                i += 1;
            }
            return Step::Back;
        }
        let packet = judged.packet;
        let mut lists = [
            chain.at(index_key(packet.dst.ip, packet.proto, packet.dst.port)),
            chain.at(index_key(Ipv4Addr::UNSPECIFIED, packet.proto, packet.dst.port)),
        ];
        let mut others = &chain.others[..];
        loop {
            let heads = [lists[0].first().map(|e| e.1), lists[1].first().map(|e| e.1), others.first().copied()];
            let Some(next) = heads.iter().flatten().min().copied() else { return Step::Back };
            for (list, head) in lists.iter_mut().zip(&heads) {
                if *head == Some(next) {
                    *list = &list[1..];
                }
            }
            if heads[2] == Some(next) {
                others = &others[1..];
            }
            if let Some(step) = self.rule(table, (number, next as usize), &mut draw, judged, out, rec) {
                return step;
            }
        }
    }

    fn rule(
        &mut self,
        table: &Table,
        (number, i): (usize, usize),
        draw: &mut Option<u32>,
        judged: &mut Judged,
        out: Ipv4Addr,
        rec: &mut impl Recorder,
    ) -> Option<Step> {
        let chain = &table.chains[number];
        let rule = &chain.rules[i];
        if !self.matches(rule, draw, judged) {
            return None;
        }
        self.memory.packets[chain.first + i] += 1;
        let because = || match &rule.why {
            Some(why) => why.because(|| table.show(chain, rule).to_string()).clone(),
            None => Arc::new(Because {
                rule: Some(table.show(chain, rule).to_string().into()),
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
                judged.mark = (judged.mark & !mask) ^ value;
                None
            }
            Target::Jump(to) => {
                if let Some(why) = &rule.why {
                    match why.reason {
                        Reason::Picked { .. } | Reason::PickedAgain { .. } => judged.picked = Some((number, i)),
                        Reason::MasqueradeNotPod
                        | Reason::MasqueradeExternal
                        | Reason::MasqueradeNode
                        | Reason::MasqueradeHairpin => {
                            // A packet may be marked twice; the first mark would have done.
                            judged.masked.get_or_insert((number, i));
                        }
                        _ => {
                            rec.wait(super::topology::STEP);
                            rec.hop(By::KubeProxy, Action::Match, judged.packet, because);
                        }
                    }
                }
                match self.chain(table, *to, judged, out, rec) {
                    Step::Back => None,
                    done => Some(done),
                }
            }
            Target::Dnat(to) => {
                judged.packet.dst = *to;
                judged.dnat = true;
                rec.wait(super::topology::STEP);
                let teller = judged.picked.and_then(|(c, r)| table.chains[c].rules[r].why.as_ref());
                rec.hop(By::KubeProxy, Action::Dnat, judged.packet, || match teller {
                    Some(why) => why.because(|| table.show(chain, rule).to_string()).clone(),
                    None => because(),
                });
                Some(Step::Done(Verdict::Accept))
            }
            Target::Masquerade => {
                judged.packet.src.ip = out;
                // `--random-fully`: any port above the well-known ones.
                judged.packet.src.port = 1024 + self.rng.below(64_512) as u16;
                judged.snat = true;
                rec.wait(super::topology::STEP);
                let teller = judged.masked.and_then(|(c, r)| table.chains[c].rules[r].why.as_ref());
                rec.hop(By::KubeProxy, Action::Snat, judged.packet, || match teller {
                    Some(why) => why.because(|| table.show(chain, rule).to_string()).clone(),
                    None => because(),
                });
                Some(Step::Done(Verdict::Accept))
            }
        }
    }

    fn matches(&mut self, rule: &Rule, draw: &mut Option<u32>, judged: &Judged) -> bool {
        let packet = &judged.packet;
        let within = |range: &Option<Range>, ip| range.is_none_or(|r| r.net.contains(&ip) != r.not);
        if rule.proto.is_some_and(|proto| proto != packet.proto)
            || !within(&rule.dst, packet.dst.ip)
            || !within(&rule.src, packet.src.ip)
        {
            return false;
        }
        rule.matches.iter().all(|condition| match condition {
            Match::Comment(_) => true,
            Match::Port(proto, port) => *proto == packet.proto && port.is_none_or(|port| port == packet.dst.port),
            Match::Mark { value, mask, not } => (judged.mark & mask == *value) != *not,
            Match::CtState { states, not } => {
                let is = |state: &CtState| match state {
                    CtState::New => true,
                    CtState::Dnat => judged.dnat,
                    CtState::Established | CtState::Related | CtState::Invalid => false,
                };
                states.iter().any(is) != *not
            }
            Match::SrcLocal => self.machine.owns(packet.src.ip),
            Match::DstLocal => self.machine.owns(packet.dst.ip),
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

impl Chain {
    /// Builds the indexes of a chain whose rules are all there.
    pub(super) fn build_index(&mut self) {
        let balances = |rule: &Rule| rule.matches.iter().any(|m| matches!(m, Match::Statistic { .. }));
        let first = self.rules.iter().position(balances);
        let end = first.map_or(0, |first| first + self.rules[first..].iter().take_while(|r| balances(r)).count());
        // The rule after a run takes what the run has left, so that it ends the draw.
        self.run = first.unwrap_or(0)..end;
        if self.rules.len() <= INDEX_FROM || !self.run.is_empty() {
            return;
        }
        for (i, rule) in self.rules.iter().enumerate() {
            let ip = match rule.dst {
                None => Some(Ipv4Addr::UNSPECIFIED),
                Some(range) if range.net.prefix_len() == 32 && !range.not => Some(range.net.addr()),
                Some(_) => None,
            };
            match (ip, rule.proto, rule.dst_port()) {
                (Some(ip), Some(proto), Some(port)) => self.index.push((index_key(ip, proto, port), i as u32)),
                _ => self.others.push(i as u32),
            }
        }
        crate::sort::by(&mut self.index, Ord::cmp);
    }

    /// The rules of one key, in order.
    fn at(&self, key: u64) -> &[(u64, u32)] {
        let from = self.index.partition_point(|entry| entry.0 < key);
        let count = self.index[from..].partition_point(|entry| entry.0 == key);
        &self.index[from..from + count]
    }

    /// The rule of the run, or the one after it, that a draw chooses.
    fn pick(&self, draw: u32) -> usize {
        let below = |rule: &Rule| {
            rule.matches.iter().find_map(|m| if let Match::Statistic { below, .. } = m { Some(*below) } else { None })
        };
        let run = &self.rules[self.run.clone()];
        self.run.start + run.partition_point(|rule| below(rule).is_some_and(|below| draw >= below))
    }
}

fn index_key(ip: Ipv4Addr, proto: Proto, port: u16) -> u64 {
    u64::from(u32::from(ip)) << 24 | (proto as u64) << 16 | u64::from(port)
}
