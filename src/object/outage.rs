//! What is broken: machines that are off, links that are cut.

use std::collections::BTreeMap;

use crate::time::Instant;

/// What the learner has broken and not yet mended, since when, and when what was mended came back.
///
/// [`crate::cluster::Cluster`] holds it; the network reads it (nothing goes in or out of a machine that is off, nothing passes a
/// link that is cut), and so do the controllers (a kubelet that is off, or cut off from the control plane, reports nothing).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages {
    /// The node of the control plane.
    home: String,
    stopped: BTreeMap<String, Instant>,
    cut: BTreeMap<(String, String), Instant>,
    /// When nodes that had been silent were last heard again.
    back: BTreeMap<String, Instant>,
    changes: u64,
}

impl Outages {
    /// Nothing is broken; `home` is the node of the control plane.
    pub fn new(home: &str) -> Self {
        Self { home: home.to_owned(), ..Self::default() }
    }

    /// The node of the control plane.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// Whether the node of this name is off.
    pub fn is_stopped(&self, node: &str) -> bool {
        self.stopped.contains_key(node)
    }

    /// Whether the link between two nodes is cut, in either direction.
    pub fn is_cut(&self, a: &str, b: &str) -> bool {
        !self.cut.is_empty() && self.cut.contains_key(&pair(a, b))
    }

    /// Whether nothing is broken.
    pub fn is_empty(&self) -> bool {
        self.stopped.is_empty() && self.cut.is_empty()
    }

    /// Since when the control plane hears nothing of a node: it is off, or cut off from it. None while it is heard.
    pub fn silent_since(&self, node: &str) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        let cut = (node != self.home).then(|| self.cut.get(&pair(node, &self.home))).flatten();
        self.stopped.get(node).into_iter().chain(cut).min().copied()
    }

    /// When a node that had been silent was heard again; none if it never was silent.
    pub fn back_since(&self, node: &str) -> Option<Instant> {
        self.back.get(node).copied()
    }

    /// The nodes that are off, by name.
    pub fn stopped(&self) -> impl Iterator<Item = &str> {
        self.stopped.keys().map(String::as_str)
    }

    /// The links that are cut, by the names of their ends.
    pub fn cut(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cut.keys().map(|(a, b)| (a.as_str(), b.as_str()))
    }

    /// Counts what was ever broken or mended: as long as it stays, so does everything else here.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Turns a node off; false if it was.
    pub fn stop(&mut self, node: &str, now: Instant) -> bool {
        self.change(now, |all| all.stopped.insert(node.to_owned(), now).is_none())
    }

    /// Turns a node on; false if it was.
    pub fn start(&mut self, node: &str, now: Instant) -> bool {
        self.change(now, |all| all.stopped.remove(node).is_some())
    }

    /// Cuts the link between two nodes; false if it was, or if the two are one.
    pub fn cut_link(&mut self, a: &str, b: &str, now: Instant) -> bool {
        self.change(now, |all| a != b && !all.is_cut(a, b) && all.cut.insert(pair(a, b), now).is_none())
    }

    /// Mends the link between two nodes; false if it was not cut.
    pub fn mend_link(&mut self, a: &str, b: &str, now: Instant) -> bool {
        self.change(now, |all| all.cut.remove(&pair(a, b)).is_some())
    }

    /// Makes a change, and keeps who was silent before and is not any more.
    fn change(&mut self, now: Instant, change: impl FnOnce(&mut Self) -> bool) -> bool {
        let ends = self.cut.keys().flat_map(|(a, b)| [a, b]);
        let silent: Vec<String> =
            self.stopped.keys().chain(ends).filter(|node| self.silent_since(node).is_some()).cloned().collect();
        let changed = change(self);
        self.changes += u64::from(changed);
        for node in silent {
            if self.silent_since(&node).is_none() {
                self.back.insert(node, now);
            }
        }
        changed
    }
}

/// A link has no direction.
fn pair(a: &str, b: &str) -> (String, String) {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    (first.to_owned(), second.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_no_direction_and_every_change_counts() {
        let mut outages = Outages::new("a");
        let at = Instant::from_millis;
        assert!(
            outages.cut_link("b", "a", at(1))
                && !outages.cut_link("a", "b", at(2))
                && !outages.cut_link("a", "a", at(2))
        );
        assert!(outages.is_cut("a", "b") && outages.is_cut("b", "a") && !outages.is_cut("a", "c"));
        assert_eq!((outages.silent_since("a"), outages.silent_since("b")), (None, Some(at(1))));
        assert!(outages.stop("b", at(3)) && !outages.stop("b", at(4)) && outages.start("b", at(5)));
        assert_eq!((outages.silent_since("b"), outages.back_since("b")), (Some(at(1)), None), "still cut off");
        assert!(outages.mend_link("a", "b", at(6)) && outages.is_empty());
        assert_eq!(outages.back_since("b"), Some(at(6)));
        assert_eq!(outages.changes(), 4);
    }
}
