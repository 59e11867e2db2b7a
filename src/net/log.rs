//! What programs in pods were asked: the requests that their access logs tell.
//!
//! Stands for what a container runtime keeps of a program's output. Left out: the kubelet's own probes, and whatever a program says besides.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::time::Instant;
use crate::trace::{Place, Socket};

/// How many requests are kept for a pod; the oldest go first.
const ROOM: usize = 1000;
/// How many pods' requests are kept.
const PODS: usize = 2000;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// When the answer was given.
    pub at: Instant,
    /// Who asked, as the program saw it.
    pub client: Socket,
    /// The port that it came to.
    pub port: u16,
    /// `GET`
    pub method: Arc<str>,
    /// `/api/hello`, with its query.
    pub path: Arc<str>,
    /// The client's name for itself; none if it gave none.
    pub agent: Option<Arc<str>>,
    /// HTTP status.
    pub status: u16,
    /// The length of the body.
    pub size: usize,
}

/// The requests of one pod, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: VecDeque<Access>,
    /// How many came before the first one that is kept.
    before: u64,
}

impl Log {
    /// The requests from a number on.
    pub fn since(&self, number: u64) -> impl Iterator<Item = &Access> {
        self.lines.iter().skip(number.saturating_sub(self.before) as usize)
    }

    /// How many requests there were.
    pub fn count(&self) -> u64 {
        self.before + self.lines.len() as u64
    }
}

/// The requests of all pods.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    pods: BTreeMap<Place, Arc<Log>>,
}

impl Logs {
    /// The requests that a pod of this name has answered.
    pub fn of(&self, pod: &Place) -> Option<&Log> {
        self.pods.get(pod).map(|log| &**log)
    }

    pub(super) fn add(&mut self, pod: &Place, access: Access) {
        if self.pods.len() >= PODS && !self.pods.contains_key(pod) {
            self.pods.pop_first();
        }
        let log = Arc::make_mut(self.pods.entry(pod.clone()).or_default());
        if log.lines.len() >= ROOM {
            log.lines.pop_front();
            log.before += 1;
        }
        log.lines.push_back(access);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inet::Ipv4Addr;

    #[test]
    fn the_oldest_requests_go_and_numbers_stay() {
        let (mut logs, pod) = (Logs::default(), Place::parse("pod/web").unwrap());
        let client = Socket { ip: Ipv4Addr::LOCALHOST, port: 1 };
        for i in 0..ROOM as u64 + 5 {
            let at = Instant::from_micros(i);
            let (method, path) = ("GET".into(), "/".into());
            logs.add(&pod, Access { at, client, port: 80, method, path, agent: None, status: 200, size: 0 });
        }
        let log = logs.of(&pod).unwrap();
        assert_eq!(log.count(), ROOM as u64 + 5);
        assert_eq!(log.since(ROOM as u64 + 3).map(|line| line.at.as_micros()).collect::<Vec<_>>(), [1003, 1004]);
        assert_eq!(log.since(0).count(), ROOM);
    }
}
