//! What a kernel remembers of connections: their addresses on either side of it.
//!
//! Stands for Linux' `nf_conntrack` with its default time-outs (`Documentation/networking/nf_conntrack-sysctl.rst`), which
//! minikube's kube-proxy leaves alone (`pkg/minikube/bootstrapper/bsutil/ktmpl/v1beta4.go`). Left out: the moments between
//! the stages of [`Stage`] (SYN_RECV, FIN_WAIT and the like), and a real table's room for tens of thousands.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::time::{Duration, Instant};
use crate::trace::{Packet, Proto};

/// How many connections a kernel remembers here; the oldest that are over go first.
const ROOM: usize = 1024;

/// An exchange of datagrams is a stream if it goes on for this long.
const STREAM: Duration = Duration::from_secs(2);

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has answered.
    Asked,
    /// Both sides speak.
    Open,
    /// Both sides have said goodbye.
    Closed,
    /// One side has cut it.
    Reset,
}

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its first packet as it came in.
    pub original: Packet,
    /// The packet that answers it, as it will come in: the other side of all translations.
    pub reply: Packet,
    /// How far it has come.
    pub stage: Stage,
    /// When it began.
    pub since: Instant,
    /// When it is forgotten.
    pub until: Instant,
    stream: bool,
}

/// The connections of one kernel, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Conntrack {
    entries: VecDeque<Entry>,
}

impl Entry {
    fn new(original: Packet, after: Packet, stage: Stage, now: Instant) -> Self {
        let mut entry = Self { original, reply: after.reversed(), stage, since: now, until: now, stream: false };
        entry.see(stage, now);
        entry
    }

    /// The connection's packet as it leaves the kernel.
    pub fn after(&self) -> Packet {
        self.reply.reversed()
    }

    /// Takes a packet of it in.
    fn see(&mut self, stage: Stage, now: Instant) {
        self.stage = stage;
        self.stream |= stage != Stage::Asked && now.since(self.since) > STREAM;
        // nf_conntrack_tcp_timeout_*, nf_conntrack_udp_timeout, nf_conntrack_udp_timeout_stream, nf_conntrack_icmp_timeout
        self.until = now
            + Duration::from_secs(match (self.original.proto, stage) {
                (Proto::Tcp, Stage::Asked | Stage::Closed) => 120,
                (Proto::Tcp, Stage::Open) => 432_000,
                (Proto::Tcp, Stage::Reset) => 10,
                (Proto::Udp, _) if self.stream => 120,
                (Proto::Udp | Proto::Icmp, _) => 30,
            });
    }

    /// The connection as `conntrack -L` prints it.
    pub fn show(&self, now: Instant) -> String {
        let (original, reply, proto) = (self.original, self.reply, self.original.proto);
        let (number, state) = match (proto, self.stage) {
            (Proto::Icmp, _) => (1, ""),
            (Proto::Udp, _) => (17, ""),
            (Proto::Tcp, Stage::Asked) => (6, "SYN_SENT "),
            (Proto::Tcp, Stage::Open) => (6, "ESTABLISHED "),
            (Proto::Tcp, Stage::Closed) => (6, "TIME_WAIT "),
            (Proto::Tcp, Stage::Reset) => (6, "CLOSE "),
        };
        let mut text = format!("{:<8} {number} {} {state}", proto.name(), self.until.since(now).as_secs());
        let side = |text: &mut String, packet: Packet, kind: u8| {
            let _ = write!(text, "src={} dst={} ", packet.src.ip, packet.dst.ip);
            let _ = match proto {
                Proto::Icmp => write!(text, "type={kind} code=0 id={} ", original.src.port),
                _ => write!(text, "sport={} dport={} ", packet.src.port, packet.dst.port),
            };
        };
        side(&mut text, original, 8);
        if self.stage == Stage::Asked {
            text += "[UNREPLIED] ";
        }
        side(&mut text, reply, 0);
        let assured = self.stage != Stage::Asked && self.stage != Stage::Reset;
        if assured && (proto == Proto::Tcp || self.stream) {
            text += "[ASSURED] ";
        }
        text + "mark=0 use=1"
    }
}

impl Conntrack {
    /// Remembers a connection whose first packet came in as `before` and left as `after`.
    pub fn add(&mut self, before: Packet, after: Packet, stage: Stage, now: Instant) {
        while self.entries.front().is_some_and(|entry| entry.until <= now) {
            self.entries.pop_front();
        }
        if self.entries.len() >= ROOM {
            let over = self.entries.iter().position(|entry| entry.stage != Stage::Open).unwrap_or(0);
            self.entries.remove(over);
        }
        self.entries.push_back(Entry::new(before, after, stage, now));
    }

    /// Takes in a later packet of a connection.
    pub fn see(&mut self, original: Packet, stage: Stage, now: Instant) -> bool {
        let found = self.entries.iter_mut().rev().find(|entry| entry.original == original && entry.until > now);
        found.map(|entry| entry.see(stage, now)).is_some()
    }

    /// The connection that a packet which came in belongs to.
    pub fn find(&self, original: Packet, now: Instant) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.original == original && entry.until > now)
    }

    /// Forgets connections, as `conntrack -D` does.
    pub fn forget(&mut self, which: impl Fn(&Entry) -> bool) {
        self.entries.retain(|entry| !which(entry));
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

    fn packet(proto: Proto, from: u8, to: u8) -> Packet {
        let socket = |d, port| Socket { ip: Ipv4Addr::new(10, 0, 0, d), port };
        Packet { proto, src: socket(from, 40_000 + u16::from(from)), dst: socket(to, 80) }
    }

    fn secs(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn entries_expire_and_the_oldest_make_room() {
        let mut table = Conntrack::default();
        let (kept, other) = (packet(Proto::Tcp, 1, 2), packet(Proto::Udp, 3, 4));
        table.add(kept, kept, Stage::Open, Instant::ZERO);
        for _ in 0..ROOM + 5 {
            table.add(other, other, Stage::Closed, Instant::ZERO);
        }
        assert_eq!(table.entries(Instant::ZERO).count(), ROOM);
        assert!(table.find(kept, Instant::ZERO).is_some(), "an open connection does not make room");
        assert_eq!(table.find(other, Instant::ZERO).map(|e| e.reply), Some(other.reversed()));
        assert_eq!(table.entries(secs(30)).count(), 1);
    }

    #[test]
    fn datagrams_that_go_on_are_a_stream() {
        let mut table = Conntrack::default();
        let asks = packet(Proto::Udp, 1, 2);
        table.add(asks, asks, Stage::Open, Instant::ZERO);
        assert!(table.see(asks, Stage::Open, secs(1)));
        assert!(table.find(asks, secs(31)).is_none());
        table.add(asks, asks, Stage::Open, secs(40));
        table.see(asks, Stage::Open, secs(43));
        assert!(table.find(asks, secs(162)).is_some());
    }

    #[test]
    fn entries_print_as_conntrack_does() {
        let check = |proto, stage, expected: &str| {
            let before = packet(proto, 1, 2);
            let mut after = before;
            after.dst = Socket { ip: Ipv4Addr::new(10, 0, 1, 9), port: 9090 };
            assert_eq!(Entry::new(before, after, stage, Instant::ZERO).show(secs(1)), expected);
        };
        check(
            Proto::Tcp,
            Stage::Open,
            "tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40001 dport=80 src=10.0.1.9 dst=10.0.0.1 sport=9090 dport=40001 [ASSURED] mark=0 use=1",
        );
        check(
            Proto::Udp,
            Stage::Asked,
            "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=40001 dport=80 [UNREPLIED] src=10.0.1.9 dst=10.0.0.1 sport=9090 dport=40001 mark=0 use=1",
        );
    }
}
