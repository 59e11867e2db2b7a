//! Connections that clients keep open, so that one request after another travels over them.
//!
//! What a program does that keeps its connections alive: it sends over the one that it has, and opens another when it has
//! none or the server has closed it. A server closes its connections when its program ends, however its pod goes, as a
//! kernel does for a process that is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::conntrack::{Entry, Stage};
use super::http::{Speech, Target};
use super::topology::{Life, Topology};
use super::{Flows, Network, State};
use crate::time::Instant;
use crate::trace::{Packet, Place, Proto};

/// How many connections one client keeps; the oldest is closed first.
const MOST: usize = 32;

/// The connections that one client keeps open, oldest first, each by whom it was opened to.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    open: Vec<(Arc<str>, Line)>,
}

/// A connection that stays open.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Its first packet, as the client sent it.
    pub(super) packet: Packet,
    /// Who answers: a program of this place.
    pub(super) server: Place,
    /// Which run of that program.
    pub(super) life: Life,
    /// The node of that program; none for the laptop.
    pub(super) node: Option<Arc<str>>,
    /// Whether the server has closed it.
    pub(super) closed: bool,
}

/// What clients that stay keep open, by where they are.
pub(super) type Clients = BTreeMap<Place, Lines>;

/// `http://web:80`: requests with the same key can share a connection.
pub(super) fn key(target: &Target<'_>) -> Arc<str> {
    let scheme = match target.speech {
        Speech::Http => "http",
        Speech::Https => "https",
        Speech::Tcp => "tcp",
        Speech::Udp => "udp",
        Speech::Ping => "icmp",
    };
    format!("{scheme}://{}:{}", target.host, target.port).into()
}

impl Line {
    /// Whether the program at the other end still runs.
    fn is_answered(&self, topology: &Topology) -> bool {
        match &self.server {
            Place::Pod(..) => topology.by_place(&self.server).is_some_and(|cabin| cabin.life == self.life),
            Place::Node(name) => topology.machines.iter().any(|machine| machine.name == *name),
            Place::Laptop | Place::Internet | Place::Cloud(_) => true,
        }
    }
}

impl Lines {
    /// Takes the connection to whoever has this key.
    pub(super) fn take(&mut self, key: &str) -> Option<Line> {
        let at = self.open.iter().position(|(of, _)| **of == *key)?;
        Some(self.open.remove(at).1)
    }

    /// Keeps a connection; gives one that had to make room.
    pub(super) fn keep(&mut self, key: Arc<str>, line: Line) -> Option<Line> {
        self.open.push((key, line));
        (self.open.len() > MOST).then(|| self.open.remove(0).1)
    }
}

impl Flows {
    /// A client ends, and closes what it kept open.
    pub fn hang_up(&mut self, lines: &mut Lines, now: Instant) {
        for (_, line) in lines.open.drain(..).filter(|(_, line)| !line.closed) {
            self.close(line.packet, Stage::Closed, now);
        }
    }

    /// What the kernel of a node forgets at once, as `conntrack -D` says.
    pub fn forget_connections(&mut self, machine: usize, which: impl Fn(&Entry) -> bool) {
        self.kernels.get_mut(machine).into_iter().for_each(|kernel| kernel.conntrack.forget(&which));
    }

    /// Ends the connection of a client's packet in every kernel that knows it.
    pub(super) fn close(&mut self, mut packet: Packet, stage: Stage, now: Instant) {
        if packet.proto != Proto::Tcp {
            return;
        }
        // Each kernel knows it as the one before sent it on.
        let mut left = self.kernels.len();
        while left > 0 {
            let next = self.kernels.iter_mut().find_map(|kernel| {
                let entry = kernel.conntrack.find(packet, now).filter(|entry| entry.stage == Stage::Open)?;
                let after = entry.after();
                kernel.conntrack.see(packet, stage, now);
                Some(after)
            });
            let Some(next) = next else { return };
            packet = next;
            left -= 1;
        }
    }

    /// After a change: programs that have ended have closed their connections, and kube-proxy lets the kernels forget
    /// datagrams' ways to endpoints that are gone (`pkg/proxy/conntrack/cleanup.go`).
    pub(super) fn follow(&mut self, network: &Network, now: Instant) {
        let topology = &network.topology;
        let mut clients = std::mem::take(&mut self.clients);
        for (place, lines) in &mut clients {
            let pod = topology.by_place(place).map(|cabin| cabin.ip);
            for (_, line) in &mut lines.open {
                let here = !matches!(place, Place::Pod(..)) || pod == Some(line.packet.src.ip);
                // A machine that is off says no goodbye.
                let off = line.node.as_ref().is_some_and(|node| self.outages.is_stopped(node));
                let answered = here && line.is_answered(topology);
                if !line.closed && line.packet.proto == Proto::Tcp && !off && !answered {
                    line.closed = true;
                    self.close(line.packet, Stage::Closed, now);
                }
            }
        }
        clients.retain(|place, _| topology.origin(place).is_some());
        self.clients = clients;
        for (kernel, machine) in self.kernels.iter_mut().zip(&topology.machines) {
            if self.outages.is_stopped(&machine.name) {
                *kernel = State::default();
            }
        }

        for port in network.service_ports().filter(|port| port.proto == Proto::Udp) {
            let serves = || port.endpoints.iter().filter(|endpoint| endpoint.serving);
            if serves().next().is_none() {
                // Without any endpoint there is nothing better to send to.
                continue;
            }
            for kernel in &mut self.kernels {
                kernel.conntrack.forget(|entry| {
                    let to = entry.original.dst;
                    let by_address = to.port == port.port
                        && (to.ip == port.cluster_ip
                            || port.external_ips.contains(&to.ip)
                            || port.balancer_ips.contains(&to.ip));
                    let by_node = port.node_port != 0 && to.port == port.node_port;
                    entry.original.proto == Proto::Udp
                        && (by_address || by_node)
                        && !serves().any(|endpoint| endpoint.socket.ip == entry.reply.src.ip)
                });
            }
        }
    }
}
