//! What to look at, and when: each key of a controller once, at the earliest time anybody asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::Controller;
use crate::object::Ref;
use crate::time::Instant;

/// A queue on the virtual clock.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    order: BTreeSet<(Instant, Controller, Ref)>,
    times: BTreeMap<(Controller, Ref), Instant>,
}

impl Queue {
    /// Has the key looked at by `at`.
    pub fn add(&mut self, controller: Controller, key: Ref, at: Instant) {
        let id = (controller, key);
        match self.times.get(&id) {
            Some(before) if *before <= at => return,
            Some(before) => drop(self.order.remove(&(*before, id.0, id.1.clone()))),
            None => {}
        }
        self.order.insert((at, id.0, id.1.clone()));
        self.times.insert(id, at);
    }

    /// When the next key is due.
    pub fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, ..)| *at)
    }

    /// Takes the next key that is due by `until`.
    pub fn pop(&mut self, until: Instant) -> Option<(Instant, Controller, Ref)> {
        if self.next()? > until {
            return None;
        }
        let (at, controller, key) = self.order.pop_first()?;
        self.times.remove(&(controller, key.clone()));
        Some((at, controller, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    #[test]
    fn a_key_stands_once_at_its_earliest_time() {
        let mut queue = Queue::default();
        let key = |name: &str| Ref::new(Kind::Pod, "default", name);
        for (name, at) in [("a", 5), ("b", 3), ("a", 2), ("b", 9)] {
            queue.add(Controller::Kubelet, key(name), Instant::from_millis(at));
        }
        let mut taken = Vec::new();
        while let Some((at, _, key)) = queue.pop(Instant::from_millis(4)) {
            taken.push((at.as_micros() / 1000, key.name.to_string()));
        }
        assert_eq!(taken, [(2, "a".to_owned()), (3, "b".to_owned())]);
        assert_eq!(queue.next(), None);
    }
}
