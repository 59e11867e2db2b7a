//! A packet's way through the cluster: from its client, kernel by kernel, to where it ends.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Network;
use super::cloud::{Crossing, Rule as FirewallRule, Stop};
use super::conntrack::{Conntrack, Entry, Stage};
use super::forward::Laptop;
use super::health::Health;
use super::ingress::Balance;
use super::line::Clients;
use super::log::Logs;
use super::netfilter::{Judged, Kernel, Memory, Recorder, Verdict, Way};
use super::rule::{Hook, TableName};
use super::topology::{LINK, NEIGHBOUR_TIMEOUT, Origin, Route, STEP, Topology, VETH};
use super::words::Words;
use crate::inet::Ipv4Addr;
use crate::object::Outages;
use crate::rng::Rng;
use crate::time::Instant;
use crate::trace::{Action, Because, By, Cloud, Packet, Place, Reason};

/// More kernels than this no packet passes.
const MOST_LEGS: usize = 4;

/// What kernels remember, and the chance that they roll.
#[derive(Clone, Debug)]
pub struct Flows {
    pub(super) rng: Rng,
    pub(super) kernels: Vec<State>,
    pub(super) traces: u64,
    pub(super) outages: Outages,
    /// The firewall's rules, where they are no longer as the profile has them.
    pub(super) guard: Option<Arc<[FirewallRule]>>,
    pub(super) laptop: Laptop,
    pub(super) logs: Logs,
    pub(super) clients: Clients,
    /// Chance on links that lose packets.
    pub(super) loss: Rng,
    /// The load balancers' chance.
    pub(super) balancing: Rng,
    pub(super) health: Health,
    /// The connections that load balancers know: where each goes, and how it comes in there.
    pub(super) balanced: VecDeque<(Packet, usize, Packet)>,
    /// Whose turn it is at ingress controllers.
    pub balance: Balance,
}

/// Which packet of a connection is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The first: rules decide.
    First,
    /// A later one: kernels do as they remember.
    Later,
}

/// What one kernel remembers.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Counters and `recent` lists.
    pub memory: Memory,
    /// Connections.
    pub conntrack: Conntrack,
}

/// A packet's passage through one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The node's number.
    pub machine: usize,
    /// The packet as it came in.
    pub before: Packet,
    /// The packet as it left.
    pub after: Packet,
}

/// A walk's end, and the kernels on it.
#[derive(Clone, Debug)]
pub struct Walked {
    legs: [Option<Leg>; MOST_LEGS],
    /// Whether a rule refused it or threw it away.
    judged_away: bool,
    /// Changes of addresses outside of kernels.
    crossings: Vec<Crossing>,
    /// The end.
    pub end: End,
}

/// Where a packet ended.
#[derive(Clone, Debug)]
pub enum End {
    /// In a pod, by its number.
    Cabin(usize, Packet),
    /// On a node, by its number.
    Machine(usize, Packet),
    /// On the laptop.
    Laptop(Packet),
    /// On a control plane that stands apart.
    ControlPlane(Packet),
    /// Refused by a rule.
    Rejected(Place, Arc<Because>),
    /// Thrown away, or gone where nobody answers.
    Lost(Place, Arc<Because>),
    /// The network said that there is no way.
    Unreachable(Place, Arc<Because>),
}

impl Flows {
    /// How many requests have been sent and traced.
    pub fn sent(&self) -> u64 {
        self.traces
    }

    /// The next request has the number after this one.
    pub fn count_from(&mut self, sent: u64) {
        self.traces = sent;
    }

    /// Kernels that remember nothing yet.
    pub fn new(rng: &Rng) -> Self {
        Self {
            rng: rng.fork("kube-proxy"),
            kernels: Vec::new(),
            traces: 0,
            outages: Outages::default(),
            guard: None,
            laptop: Laptop::default(),
            logs: Logs::default(),
            clients: Clients::default(),
            loss: rng.fork("links"),
            balancing: rng.fork("balancer"),
            health: Health::default(),
            balanced: VecDeque::new(),
            balance: Balance::new(rng),
        }
    }

    /// What programs in pods were asked.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// What the kernel of a node remembers, by the node's number.
    pub fn kernel(&self, machine: usize) -> Option<&State> {
        self.kernels.get(machine)
    }

    /// From now on, these machines are off and these links are cut.
    pub fn suffer(&mut self, outages: &Outages) {
        self.outages.clone_from(outages);
    }

    /// Lets every kernel forget what it remembers.
    pub fn forget(&mut self) {
        self.kernels.clear();
        self.clients.clear();
    }

    /// A free port for a client, in Linux' range.
    pub(super) fn port(&mut self) -> u16 {
        32_768 + self.rng.below(28_232) as u16
    }
}

impl Walked {
    /// The packet where it arrived; none if it did not.
    pub(super) fn arrived(&self) -> Option<Packet> {
        match &self.end {
            End::Cabin(_, packet) | End::Machine(_, packet) | End::Laptop(packet) | End::ControlPlane(packet) => {
                Some(*packet)
            }
            End::Rejected(..) | End::Lost(..) | End::Unreachable(..) => None,
        }
    }

    /// The kernels that the packet passed, in order.
    pub fn legs(&self) -> impl DoubleEndedIterator<Item = &Leg> {
        self.legs.iter().flatten()
    }
}

/// What comes after a kernel.
enum Next {
    /// Nothing: the walk's end.
    End(End),
    /// Another node.
    Machine(usize),
    /// The default route, away from the nodes.
    Away,
}

/// All that a walk needs.
pub(super) struct Walk<'a, R> {
    pub(super) network: &'a Network,
    pub(super) topology: &'a Topology,
    pub(super) words: &'a Words,
    pub(super) flows: &'a mut Flows,
    pub(super) rec: &'a mut R,
    pub(super) now: Instant,
    pub(super) way: Way,
    pub(super) turn: Turn,
    pub(super) judged_away: bool,
}

impl<R: Recorder> Walk<'_, R> {
    /// Follows a packet to its end.
    pub(super) fn go(&mut self, origin: Origin, packet: Packet) -> Walked {
        let (topology, words) = (self.topology, self.words);
        let mut legs = [None; MOST_LEGS];
        let mut crossings = Vec::new();
        let mut packet = packet;
        let (mut machine, mut local) = match origin {
            Origin::Machine(machine) => (machine, true),
            Origin::Wire(machine) => (machine, false),
            Origin::Cabin(cabin) => {
                let home = &topology.cabins[cabin];
                if packet.dst.ip == home.ip || packet.dst.ip.is_loopback() {
                    return self.end(legs, crossings, End::Cabin(cabin, packet));
                }
                self.rec.wait(VETH);
                self.rec.at(&topology.machines[home.node].place);
                self.rec.hop(By::Link, Action::Receive, packet, || words.leaves_pod.clone());
                (home.node, false)
            }
            Origin::Laptop | Origin::Internet => match self.enter(origin, packet, &mut crossings) {
                Ok((machine, inside)) => {
                    packet = inside;
                    (machine, false)
                }
                Err(end) => return self.end(legs, crossings, end),
            },
        };
        let mut judged = Judged::new(packet);
        for leg in 0..MOST_LEGS {
            let before = judged.packet;
            let next = self.kernel(machine, local, &mut judged);
            legs[leg] = Some(Leg { machine, before, after: judged.packet });
            match next {
                Next::End(end) => return self.end(legs, crossings, end),
                Next::Away => match self.leave(machine, leg + 1, before.dst.ip, judged.packet, &mut crossings) {
                    Ok((next, inside)) => {
                        (machine, local) = (next, false);
                        judged = Judged::new(inside);
                    }
                    Err(end) => return self.end(legs, crossings, end),
                },
                Next::Machine(next) => {
                    self.rec.wait(STEP);
                    self.rec.hop(By::Route, Action::Forward, judged.packet, || words.routes_to[next].clone());
                    let lost = self.broken(machine, next, judged.packet).or_else(|| {
                        let place = &topology.machines[machine].place;
                        self.cross(Stop::Machine(machine), Stop::Machine(next), place, judged.packet)
                    });
                    if let Some(end) = lost {
                        return self.end(legs, crossings, end);
                    }
                    self.rec.at(&topology.machines[next].place);
                    self.rec.hop(By::Link, Action::Receive, judged.packet, || words.arrives.clone());
                    (machine, local) = (next, false);
                    judged = Judged::new(judged.packet);
                }
            }
        }
        // Nodes' routes lead to each node's own range, so that two kernels are the most a packet meets.
        let place = topology.machines[machine].place.clone();
        let because = words.no_such_address.clone();
        self.end(legs, crossings, End::Lost(place, because))
    }

    /// What becomes of a packet for a machine, if that is off: nobody answers for its address.
    pub(super) fn off(&mut self, at: &Place, machine: usize, packet: Packet) -> Option<End> {
        let name = &self.topology.machines[machine].name;
        if !self.flows.outages.is_stopped(name) {
            return None;
        }
        let because = Because::plain(Reason::NodeStopped(name.clone()));
        self.rec.wait(NEIGHBOUR_TIMEOUT);
        self.rec.hop(By::Link, Action::Unreachable, packet, || because.clone());
        Some(End::Unreachable(at.clone(), because))
    }

    /// What becomes of a packet between two nodes, if the other is off or the link is cut.
    fn broken(&mut self, machine: usize, next: usize, packet: Packet) -> Option<End> {
        if self.flows.outages.is_empty() {
            return None;
        }
        let topology = self.topology;
        let (here, there) = (&topology.machines[machine], &topology.machines[next]);
        if self.flows.outages.is_cut(&here.name, &there.name) {
            let because = Because::plain(Reason::LinkCut { from: here.name.clone(), to: there.name.clone() });
            self.rec.wait(STEP);
            self.rec.hop(By::Link, Action::Drop, packet, || because.clone());
            return Some(End::Lost(here.place.clone(), because));
        }
        self.off(&here.place, next, packet)
    }

    /// One kernel's work: the walk's end, or what comes next.
    fn kernel(&mut self, machine: usize, local: bool, judged: &mut Judged) -> Next {
        let (topology, words) = (self.topology, self.words);
        let me = &topology.machines[machine];
        self.flows.kernels[machine].memory.follow(&me.rules);
        let remembered = match self.turn {
            Turn::First => None,
            Turn::Later => self.flows.kernels[machine].conntrack.find(judged.packet, self.now).map(Entry::after),
        };
        judged.known = remembered.is_some();
        if let Some(after) = remembered {
            if judged.packet.dst != after.dst {
                (judged.packet.dst, judged.dnat) = (after.dst, true);
                self.rec.wait(STEP);
                self.rec.hop(By::Conntrack, Action::Dnat, judged.packet, || words.follows.clone());
            }
        } else {
            let nat = if local { Hook::Output } else { Hook::Prerouting };
            if let Some(end) = self.pass(machine, TableName::Nat, nat, judged, me.address) {
                return Next::End(end);
            }
        }
        let route = topology.route(machine, judged.packet.dst.ip);
        let filters: &[Hook] = match (local, route) {
            (true, Route::Own) => &[Hook::Output, Hook::Input],
            (true, _) => &[Hook::Output],
            (false, Route::Own) => &[Hook::Input],
            (false, _) => &[Hook::Forward],
        };
        for hook in filters {
            if let Some(end) = self.pass(machine, TableName::Filter, *hook, judged, me.address) {
                return Next::End(end);
            }
        }
        let out = match route {
            Route::Cabin(_) | Route::Nobody => me.gateway,
            Route::Own | Route::Machine(_) | Route::Laptop | Route::Away => me.address,
        };
        if let Some(after) = remembered {
            if judged.packet.src != after.src {
                judged.packet.src = after.src;
                self.rec.wait(STEP);
                self.rec.hop(By::Conntrack, Action::Snat, judged.packet, || words.follows.clone());
            }
        } else if (local || route != Route::Own)
            && let Some(end) = self.pass(machine, TableName::Nat, Hook::Postrouting, judged, out)
        {
            return Next::End(end);
        }
        let end = match route {
            Route::Machine(next) => return Next::Machine(next),
            Route::Away => return Next::Away,
            Route::Own => End::Machine(machine, judged.packet),
            Route::Cabin(cabin) => {
                self.rec.wait(VETH);
                End::Cabin(cabin, judged.packet)
            }
            Route::Laptop => {
                self.rec.wait(LINK);
                End::Laptop(judged.packet)
            }
            Route::Nobody => {
                self.rec.wait(NEIGHBOUR_TIMEOUT);
                self.rec.hop(By::Link, Action::Unreachable, judged.packet, || words.no_neighbour.clone());
                End::Unreachable(me.place.clone(), words.no_neighbour.clone())
            }
        };
        Next::End(end)
    }

    /// One table at one hook; the walk's end, if it ends there.
    fn pass(
        &mut self,
        machine: usize,
        table: TableName,
        hook: Hook,
        judged: &mut Judged,
        out: Ipv4Addr,
    ) -> Option<End> {
        let me = &self.topology.machines[machine];
        let state = &mut self.flows.kernels[machine];
        let mut kernel =
            Kernel { machine: me, memory: &mut state.memory, rng: &mut self.flows.rng, now: self.now, way: self.way };
        match kernel.pass(table, hook, judged, out, self.rec) {
            Verdict::Accept => None,
            Verdict::Drop(because) => {
                self.judged_away = true;
                self.rec.wait(STEP);
                self.rec.hop(By::KubeProxy, Action::Drop, judged.packet, || because.clone());
                Some(End::Lost(me.place.clone(), because))
            }
            Verdict::Reject(because) => {
                self.judged_away = true;
                self.rec.wait(STEP);
                self.rec.hop(By::KubeProxy, Action::Reject, judged.packet, || because.clone());
                Some(End::Rejected(me.place.clone(), because))
            }
        }
    }

    fn end(&mut self, legs: [Option<Leg>; MOST_LEGS], crossings: Vec<Crossing>, end: End) -> Walked {
        let words = self.words;
        match &end {
            End::Cabin(cabin, packet) => {
                self.rec.at(&self.topology.cabins[*cabin].place);
                self.rec.hop(By::Link, Action::Deliver, *packet, || words.to_pod.clone());
            }
            End::Machine(_, packet) => self.rec.hop(By::Link, Action::Deliver, *packet, || words.to_node.clone()),
            End::Laptop(packet) => {
                self.rec.at(&Place::Laptop);
                self.rec.hop(By::Link, Action::Deliver, *packet, || words.to_laptop.clone());
            }
            End::ControlPlane(packet) => {
                self.rec.at(&Place::Cloud(Cloud::ControlPlane));
                self.rec.hop(By::Link, Action::Deliver, *packet, || words.to_control_plane.clone());
            }
            End::Rejected(..) | End::Lost(..) | End::Unreachable(..) => {}
        }
        let judged_away = std::mem::take(&mut self.judged_away);
        Walked { legs, crossings, judged_away, end }
    }

    /// Lets the kernels on the way remember the connection, which has come to `stage`.
    pub(super) fn remember(&mut self, walked: &Walked, stage: Stage) {
        let legs = walked.legs.iter().flatten().count();
        for (i, leg) in walked.legs().enumerate() {
            let table = &mut self.flows.kernels[leg.machine].conntrack;
            // A connection that a rule of this very kernel ended is never confirmed.
            if i + 1 == legs && walked.judged_away {
                continue;
            }
            if self.turn == Turn::First || !table.see(leg.before, stage, self.now) {
                table.add(leg.before, leg.after, stage, self.now);
            }
        }
    }

    /// Takes an answer, or a refusal, back to the client along the kernels that the request passed.
    pub(super) fn back(&mut self, walked: &Walked, origin: Origin, original: Packet, arrived: Reason) {
        if self.rec.is_silent() {
            return;
        }
        let (topology, words) = (self.topology, self.words);
        // The time to the next kernel on the way back; none where the packet ended in that very kernel.
        let mut stretch = match walked.end {
            End::Cabin(..) => Some(VETH),
            End::Laptop(_) | End::ControlPlane(_) => Some(LINK),
            End::Machine(..) | End::Rejected(..) | End::Lost(..) | End::Unreachable(..) => None,
        };
        let refused = matches!(walked.end, End::Rejected(..));
        let mut last = None;
        for passed in (0..=walked.legs().count()).rev() {
            for crossing in walked.crossings.iter().rev().filter(|crossing| crossing.legs == passed) {
                self.rec.wait(LINK);
                self.rec.at(&crossing.place);
                self.rec.hop(crossing.by, Action::Unnat, crossing.before.reversed(), || words.turned_back.clone());
            }
            let Some(Some(leg)) = passed.checked_sub(1).map(|at| walked.legs[at]) else { break };
            match (last, stretch) {
                (Some(last), _) => self.cross_back(Stop::Machine(last), Stop::Machine(leg.machine)),
                (None, Some(time)) => self.rec.wait(time),
                (None, None) => {}
            }
            self.rec.at(&topology.machines[leg.machine].place);
            if leg.before != leg.after && !refused {
                self.rec.wait(STEP);
                self.rec.hop(By::Conntrack, Action::Unnat, leg.before.reversed(), || words.undoes_nat.clone());
            } else if stretch.is_some() {
                self.rec.wait(STEP);
                self.rec.hop(By::Route, Action::Forward, leg.before.reversed(), || words.goes_on.clone());
            }
            (last, stretch) = (Some(leg.machine), Some(LINK));
        }
        let place = match origin {
            Origin::Cabin(cabin) => &topology.cabins[cabin].place,
            Origin::Machine(machine) | Origin::Wire(machine) => &topology.machines[machine].place,
            Origin::Laptop => &Place::Laptop,
            Origin::Internet => &Place::Internet,
        };
        match (origin, last) {
            (_, None) | (Origin::Machine(_) | Origin::Wire(_), _) => self.rec.wait(STEP),
            (Origin::Cabin(_), _) => self.rec.wait(VETH),
            (Origin::Laptop, Some(last)) => self.cross_back(Stop::Machine(last), Stop::Laptop),
            (Origin::Internet, Some(last)) => self.cross_back(Stop::Machine(last), Stop::Internet),
        }
        self.rec.at(place);
        let because = words.arrived(arrived);
        self.rec.hop(By::Socket, Action::Receive, original.reversed(), || because.clone());
    }
}
