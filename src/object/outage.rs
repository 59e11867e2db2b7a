//! What is broken: machines that are off, links that are cut.

use std::collections::BTreeSet;

/// What the learner has broken and not yet mended.
///
/// [`crate::cluster::Cluster`] holds it; the network reads it (nothing goes in or out of a machine that is off, nothing passes a
/// link that is cut), and so do the controllers (a kubelet that is off, or cut off from the control plane, reports nothing).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages {
    stopped: BTreeSet<String>,
    cut: BTreeSet<(String, String)>,
    changes: u64,
}

impl Outages {
    /// Whether the node of this name is off.
    pub fn is_stopped(&self, node: &str) -> bool {
        self.stopped.contains(node)
    }

    /// Whether the link between two nodes is cut, in either direction.
    pub fn is_cut(&self, a: &str, b: &str) -> bool {
        !self.cut.is_empty() && self.cut.contains(&pair(a, b))
    }

    /// Whether nothing is broken.
    pub fn is_empty(&self) -> bool {
        self.stopped.is_empty() && self.cut.is_empty()
    }

    /// The nodes that are off, by name.
    pub fn stopped(&self) -> impl Iterator<Item = &str> {
        self.stopped.iter().map(String::as_str)
    }

    /// The links that are cut, by the names of their ends.
    pub fn cut(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cut.iter().map(|(a, b)| (a.as_str(), b.as_str()))
    }

    /// Counts what was ever broken or mended: as long as it stays, so does everything else here.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Turns a node off; false if it was.
    pub fn stop(&mut self, node: &str) -> bool {
        let new = self.stopped.insert(node.to_owned());
        self.changes += u64::from(new);
        new
    }

    /// Turns a node on; false if it was.
    pub fn start(&mut self, node: &str) -> bool {
        let was = self.stopped.remove(node);
        self.changes += u64::from(was);
        was
    }

    /// Cuts the link between two nodes; false if it was, or if the two are one.
    pub fn cut_link(&mut self, a: &str, b: &str) -> bool {
        let new = a != b && self.cut.insert(pair(a, b));
        self.changes += u64::from(new);
        new
    }

    /// Mends the link between two nodes; false if it was not cut.
    pub fn mend_link(&mut self, a: &str, b: &str) -> bool {
        let was = self.cut.remove(&pair(a, b));
        self.changes += u64::from(was);
        was
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
        let mut outages = Outages::default();
        assert!(outages.cut_link("b", "a") && !outages.cut_link("a", "b") && !outages.cut_link("a", "a"));
        assert!(outages.is_cut("a", "b") && outages.is_cut("b", "a") && !outages.is_cut("a", "c"));
        assert!(outages.stop("a") && !outages.stop("a") && outages.start("a") && !outages.is_stopped("a"));
        assert!(outages.mend_link("a", "b") && outages.is_empty());
        assert_eq!(outages.changes(), 4);
    }
}
