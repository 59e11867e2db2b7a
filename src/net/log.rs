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
    /// HTTP status.
    pub status: u16,
    /// The length of the body.
    pub size: usize,
    /// What was asked for; requests that ask the same share it.
    pub asked: Arc<Ask>,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// `GET`
    pub method: Arc<str>,
    /// `/api/hello`, with its query.
    pub path: Arc<str>,
    /// The client's name for itself; none if it gave none.
    pub agent: Option<Arc<str>>,
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

    /// Adds a line, which may share what was asked with the one before it.
    pub(super) fn add(&mut self, pod: &Place, line: impl FnOnce(Option<&Access>) -> Access) {
        if self.pods.len() >= PODS && !self.pods.contains_key(pod) {
            self.pods.pop_first();
        }
        let log = Arc::make_mut(self.pods.entry(pod.clone()).or_default());
        if log.lines.len() >= ROOM {
            log.lines.pop_front();
            log.before += 1;
        }
        let line = line(log.lines.back());
        log.lines.push_back(line);
    }
}

impl Ask {
    /// A request for a path, shared with the one before if that asked for the same.
    pub(super) fn shared(last: Option<&Access>, method: &str, path: &str, agent: Option<&str>) -> Arc<Self> {
        let same = |asked: &&Arc<Self>| (&*asked.method, &*asked.path, asked.agent.as_deref()) == (method, path, agent);
        let new = || Arc::new(Self { method: method.into(), path: path.into(), agent: agent.map(Into::into) });
        last.map(|last| &last.asked).filter(same).cloned().unwrap_or_else(new)
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
            logs.add(&pod, |last| {
                let asked = Ask::shared(last, "GET", if i < 9 { "/" } else { "/api" }, None);
                Access { at, client, port: 80, status: 200, size: 0, asked }
            });
        }
        let log = logs.of(&pod).unwrap();
        assert_eq!(log.count(), ROOM as u64 + 5);
        assert_eq!(log.since(ROOM as u64 + 3).map(|line| line.at.as_micros()).collect::<Vec<_>>(), [1003, 1004]);
        assert_eq!(log.since(0).count(), ROOM);
        let asked: Vec<_> = log.since(0).map(|line| &line.asked).collect();
        assert_eq!((&*asked[0].path, &*asked[ROOM - 1].path), ("/", "/api"));
        assert!(Arc::ptr_eq(asked[4], asked[ROOM - 1]), "those that ask the same share it");
    }
}
