//! A packet judged by the table: what the kernel's nf_tables does at one hook.
//!
//! A map is looked up by key, so that a packet meets as many rules as it would with one Service alone. Walked plainly, the
//! elements of a map are looked at one by one; both ways give the same verdict.

use std::sync::Arc;

use super::{Chain, Does, Element, Match, Ruleset, Says, SetName};
use crate::inet::{Ipv4Addr, within};
use crate::net::netfilter::{Judged, Kernel, Recorder, Verdict, Way};
use crate::net::rule::{Hook, TableName, Why};
use crate::net::topology::STEP;
use crate::time::Duration;
use crate::trace::{Action, Because, By, Reason};

/// Where a rule is written: a part, a chain's number there or in the base, and the rule's number.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct At(Option<usize>, usize, usize);

/// How a chain ended.
enum Step {
    /// At its end, or by `return`.
    Back,
    /// With a verdict for the base chain.
    Done(Verdict),
}

/// One base chain's judgement.
struct Judge<'a, 'k, R> {
    rules: &'a Ruleset,
    kernel: &'a mut Kernel<'k>,
    judged: &'a mut Judged,
    out: Ipv4Addr,
    rec: &'a mut R,
    /// The element of a set or map that led here, and its part.
    by: Option<(usize, &'a Element)>,
    /// Why this endpoint was picked.
    picked: Option<&'a Why>,
}

impl Ruleset {
    /// Judges a packet where the kernel calls the table's chains at one hook: with `table` nat those before routing and after
    /// it, with filter those between.
    pub(in crate::net) fn pass<R: Recorder>(
        &self,
        kernel: &mut Kernel<'_>,
        (table, hook): (TableName, Hook),
        judged: &mut Judged,
        out: Ipv4Addr,
        rec: &mut R,
    ) -> Verdict {
        let here = |chain: &&Chain| {
            chain.hooked.is_some_and(|h| h.hook == hook && (h.priority == 0) == (table == TableName::Filter))
        };
        // kube-proxy makes the chains of a hook in the order of their priorities.
        for chain in self.base.chains.iter().filter(here) {
            let mut judge = Judge { rules: self, kernel, judged, out, rec, by: None, picked: None };
            match judge.chain(None, chain) {
                Step::Back | Step::Done(Verdict::Accept) => {}
                Step::Done(verdict) => return verdict,
            }
        }
        Verdict::Accept
    }
}

impl<'a, R: Recorder> Judge<'a, '_, R> {
    fn chain(&mut self, part: Option<usize>, chain: &'a Chain) -> Step {
        for (i, rule) in chain.rules.iter().enumerate() {
            if !rule.matches.iter().all(|condition| self.matches(part, condition)) {
                continue;
            }
            let because = |why: &Why| why.because(|| self.rules.show_rule(part, chain, i)).clone();
            match &rule.does {
                Does::Return => return Step::Back,
                Does::Jump(to) => {
                    if let (Some(_), None) = (&rule.why, self.judged.marked) {
                        // A packet may be marked twice; the first mark would have done.
                        self.judged.marked = self.at(part, chain, i);
                    }
                    if let Step::Done(verdict) = self.go(part, *to) {
                        return Step::Done(verdict);
                    }
                }
                Does::Goto(to) => {
                    self.picked = self.picked.or(rule.why.as_ref());
                    return self.go(part, *to);
                }
                Does::Drop => return Step::Done(Verdict::Drop(self.refusal(part, chain, i))),
                Does::Reject => return Step::Done(Verdict::Reject(self.refusal(part, chain, i))),
                Does::Mark(bits) => self.judged.mark |= bits,
                Does::FlipMark(bits) => self.judged.mark ^= bits,
                Does::Remember(set) => {
                    if let Some(name) = self.affinity(part, *set) {
                        let seen = (self.judged.packet.src.ip, name.0);
                        self.kernel.memory.recent.insert(seen, self.kernel.now);
                    }
                }
                Does::Dnat(to) => {
                    self.judged.packet.dst = *to;
                    self.judged.dnat = true;
                    self.rec.wait(STEP);
                    let because = || match self.picked {
                        Some(why) => because(why),
                        None => Because::plain(Reason::InvalidState),
                    };
                    self.rec.hop(By::KubeProxy, Action::Dnat, self.judged.packet, because);
                    return Step::Done(Verdict::Accept);
                }
                Does::Masquerade => {
                    self.judged.packet.src.ip = self.out;
                    // `fully-random`: any port above the well-known ones.
                    self.judged.packet.src.port = 1024 + self.kernel.rng.below(64_512) as u16;
                    self.judged.snat = true;
                    self.rec.wait(STEP);
                    let because = || match self.judged.marked.and_then(|at| self.rules.why(at)) {
                        Some(why) => because(why),
                        None => Because::plain(Reason::MasqueradeExternal),
                    };
                    self.rec.hop(By::KubeProxy, Action::Snat, self.judged.packet, because);
                    return Step::Done(Verdict::Accept);
                }
                Does::Lookup(map) => {
                    let Some((of, element)) = self.find(*map) else { continue };
                    self.by = Some((of, element));
                    if let (SetName::ServiceIps | SetName::ServiceNodePorts, Some(why)) = (map, &element.why) {
                        self.rec.wait(STEP);
                        let text = || self.rules.show_element(Some(of), element);
                        let because = || why.because(text).clone();
                        self.rec.hop(By::KubeProxy, Action::Match, self.judged.packet, because);
                    }
                    match element.says {
                        Says::Here => {}
                        Says::Drop => return Step::Done(Verdict::Drop(self.refusal(part, chain, i))),
                        Says::Goto(to) => return self.go(Some(of), to),
                    }
                }
                Does::Balance(choices) => {
                    let draw = self.kernel.rng.below(choices.len().max(1) as u32);
                    let Some((to, why)) = choices.get(draw as usize) else { continue };
                    self.picked = Some(why);
                    return self.go(part, *to);
                }
            }
        }
        Step::Back
    }

    fn go(&mut self, part: Option<usize>, to: usize) -> Step {
        match self.rules.chain(part, to) {
            Some(chain) => self.chain(part, chain),
            None => Step::Back,
        }
    }

    fn matches(&mut self, part: Option<usize>, condition: &Match) -> bool {
        let packet = self.judged.packet;
        match condition {
            Match::New => !self.judged.known,
            Match::Src(range) => within(&range.net, packet.src.ip) != range.not,
            Match::Dst(range) => within(&range.net, packet.dst.ip) != range.not,
            Match::SrcNotAmong(nets) => !nets.iter().any(|net| within(net, packet.src.ip)),
            Match::DstIn(SetName::NodePortIps) => {
                self.rules.base.node_port_ips.as_ref().is_some_and(|ips| ips.contains(&packet.dst.ip))
            }
            Match::DstIn(set) => {
                self.by = self.find(*set);
                self.by.is_some()
            }
            Match::SrcSeen(set) => {
                let Some((name, seconds)) = self.affinity(part, *set) else { return false };
                let seen = self.kernel.memory.recent.get(&(packet.src.ip, name));
                seen.is_some_and(|at| self.kernel.now.since(*at) < Duration::from_secs(u64::from(seconds)))
            }
            Match::SrcLocal => self.kernel.machine.owns(packet.src.ip),
            Match::DstLocal => self.kernel.machine.owns(packet.dst.ip),
            Match::Proto(proto) => *proto == packet.proto,
            Match::Unmarked(bits) => self.judged.mark & bits == 0,
        }
    }

    fn find(&self, set: SetName) -> Option<(usize, &'a Element)> {
        match self.kernel.way {
            Way::Plain => self.rules.find_plainly(set, self.judged.packet),
            Way::Indexed => self.rules.find(set, self.judged.packet),
        }
    }

    /// The name of a part's set of clients, and its time in seconds.
    fn affinity(&self, part: Option<usize>, set: usize) -> Option<(Arc<str>, u32)> {
        let set = self.rules.parts.get(part?)?.affinity.get(set)?;
        Some((set.name.clone(), set.seconds))
    }

    fn at(&self, part: Option<usize>, chain: &Chain, rule: usize) -> Option<At> {
        let chains = match part {
            Some(part) => &self.rules.parts.get(part)?.chains,
            None => &self.rules.base.chains,
        };
        let number = chains.iter().position(|other| std::ptr::eq(other, chain))?;
        Some(At(part, number, rule))
    }

    /// Why a packet ends here: the rule says so itself, or the element that led to it does.
    fn refusal(&self, part: Option<usize>, chain: &Chain, rule: usize) -> Arc<Because> {
        let text = || self.rules.show_rule(part, chain, rule);
        if let Some(why) = chain.rules.get(rule).and_then(|rule| rule.why.as_ref()) {
            return why.because(text).clone();
        }
        match self.by {
            Some((of, element)) => match &element.why {
                Some(why) if element.set.has_port() => {
                    why.because(|| self.rules.show_element(Some(of), element)).clone()
                }
                Some(why) => why.because(text).clone(),
                None => Because::plain(Reason::InvalidState),
            },
            None => Because::plain(Reason::InvalidState),
        }
    }
}

impl Ruleset {
    /// Why a rule exists.
    fn why(&self, At(part, chain, rule): At) -> Option<&Why> {
        let chains = match part {
            Some(part) => &self.parts.get(part)?.chains,
            None => &self.base.chains,
        };
        chains.get(chain)?.rules.get(rule)?.why.as_ref()
    }
}
