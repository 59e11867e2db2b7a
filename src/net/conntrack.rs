//! What a kernel remembers of connections: their addresses on either side of it.
//!
//! Stands for Linux' `nf_conntrack`. A connection of ours opens, speaks once and closes, so that an entry is in TIME_WAIT
//! (UDP: unreplied or replied) from the start of its keeping, and goes by the kernel's default time-outs.

use std::collections::VecDeque;

use crate::time::{Duration, Instant};
use crate::trace::{Packet, Proto};

/// How many connections a kernel remembers here; the oldest go first. (A real one has room for tens of thousands.)
const ROOM: usize = 1024;

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its first packet as it came in.
    pub original: Packet,
    /// The packet that answers it, as it will come in: the other side of all translations.
    pub reply: Packet,
    /// Whether an answer was seen.
    pub answered: bool,
    /// When it is forgotten.
    pub until: Instant,
}

/// The connections of one kernel, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Conntrack {
    entries: VecDeque<Entry>,
}

impl Conntrack {
    /// Remembers a connection whose first packet came in as `before` and left as `after`.
    pub fn add(&mut self, before: Packet, after: Packet, answered: bool, now: Instant) {
        if self.entries.len() >= ROOM {
            self.entries.pop_front();
        }
        let keep = match (before.proto, answered) {
            // nf_conntrack_tcp_timeout_time_wait and _syn_sent
            (Proto::Tcp, _) => Duration::from_secs(120),
            // nf_conntrack_udp_timeout, nf_conntrack_icmp_timeout
            (Proto::Udp | Proto::Icmp, _) => Duration::from_secs(30),
        };
        self.entries.push_back(Entry { original: before, reply: after.reversed(), answered, until: now + keep });
    }

    /// The connections that are not forgotten yet, oldest first.
    pub fn entries(&self, now: Instant) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inet::Ipv4Addr;
    use crate::trace::Socket;

    #[test]
    fn entries_expire_and_the_oldest_make_room() {
        let socket = |port| Socket { ip: Ipv4Addr::LOCALHOST, port };
        let packet = Packet { proto: Proto::Udp, src: socket(1), dst: socket(2) };
        let mut table = Conntrack::default();
        for _ in 0..ROOM + 5 {
            table.add(packet, packet, true, Instant::ZERO);
        }
        assert_eq!(table.entries(Instant::ZERO).count(), ROOM);
        assert_eq!(table.entries(Instant::ZERO).next().map(|e| e.reply), Some(packet.reversed()));
        assert_eq!(table.entries(Instant::from_millis(30_000)).count(), 0);
    }
}
