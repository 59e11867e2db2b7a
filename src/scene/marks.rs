//! The mark of each replica: a hue, a shape and a letter that stay with a pod until it is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::cast;
use crate::api::Store;
use crate::api::store::Event;
use crate::object::{Kind, Ref};

/// A replica's mark. Shape and letter carry the meaning, the hue only helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u16);

impl Mark {
    /// The mark of the `n`th place, counted from zero.
    pub const fn nth(n: u16) -> Self {
        Self(n)
    }

    /// Which of the six hues: 0 for A to 5 for F.
    pub const fn hue(self) -> u8 {
        (self.0 % 6) as u8
    }

    /// Which of the six shapes: circle, square, diamond, hexagon, triangle, pentagon. After F the hues start again with
    /// shapes shifted by one, which gives 36 pairs.
    pub const fn shape(self) -> u8 {
        ((self.0 % 6 + self.0 / 6) % 6) as u8
    }

    /// `a` to `f`, the name of the hue in the style sheets.
    pub const fn hue_name(self) -> &'static str {
        ["a", "b", "c", "d", "e", "f"][self.hue() as usize]
    }

    /// `A` to `Z`, then `a` to `z`, then from the start.
    pub const fn letter(self) -> char {
        let n = (self.0 % 52) as u8;
        (if n < 26 { b'A' + n } else { b'a' + n - 26 }) as char
    }
}

/// Which pod has which mark, read from the store's log of changes: the first free place at a pod's creation, kept until the
/// pod is gone. A pod that is gone is still known by its last mark, because traces speak of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    seen: u64,
    /// The last change taken in, by which another store is told from a later one.
    last: Option<Ref>,
    taken: BTreeSet<u16>,
    marks: BTreeMap<Ref, Mark>,
    gone: BTreeSet<Ref>,
}

impl Marks {
    /// The marks of a store's pods.
    pub fn of(store: &Store) -> Self {
        let mut marks = Self::default();
        marks.follow(store);
        marks
    }

    /// Takes in what has changed since the last time; from the start if the store went back in time.
    pub fn follow(&mut self, store: &Store) {
        let before = self.seen.checked_sub(1).and_then(|n| store.changes_since(n).first()).map(|(key, _)| key);
        if store.revision() < self.seen || before != self.last.as_ref() {
            *self = Self::default();
        }
        for (key, event) in store.changes_since(self.seen) {
            if key.kind != Kind::Pod || cast::is_system(&key.namespace, &key.name) {
                continue;
            }
            match event {
                Event::Put => {
                    if self.gone.remove(key) || !self.marks.contains_key(key) {
                        let free = (0..).find(|n| !self.taken.contains(n)).unwrap_or_default();
                        self.taken.insert(free);
                        self.marks.insert(key.clone(), Mark(free));
                    }
                }
                Event::Removed => {
                    if let Some(mark) = self.marks.get(key) {
                        self.taken.remove(&mark.0);
                        self.gone.insert(key.clone());
                    }
                }
            }
        }
        self.seen = store.revision();
        self.last = self.seen.checked_sub(1).and_then(|n| store.changes_since(n).first()).map(|(key, _)| key.clone());
    }

    /// The mark of a pod; none for the cluster's own pods, which stay neutral.
    pub fn get(&self, pod: &Ref) -> Option<Mark> {
        self.marks.get(pod).copied()
    }

    /// The mark of a pod by namespace and name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Mark> {
        self.get(&Ref::new(Kind::Pod, namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Object, Pod};

    #[test]
    fn a_letter_stays_until_the_pod_is_gone_and_is_then_free() {
        let mut store = Store::default();
        let put = |store: &mut Store, name: &str| {
            store.put(Object::new("default", name, Pod::default()));
        };
        for name in ["z", "m", "a"] {
            put(&mut store, name);
        }
        let mut marks = Marks::of(&store);
        let letters = |marks: &Marks, names: &[&str]| -> String {
            names.iter().filter_map(|n| marks.pod("default", n)).map(Mark::letter).collect()
        };
        assert_eq!(letters(&marks, &["z", "m", "a"]), "ABC");
        put(&mut store, "n");
        store.remove(&Ref::new(Kind::Pod, "default", "m"));
        put(&mut store, "o");
        store.put(Object::new("kube-system", "coredns", Pod::default()));
        marks.follow(&store);
        assert_eq!(letters(&marks, &["z", "m", "a", "n", "o"]), "ABCDB");
        assert_eq!(marks.pod("kube-system", "coredns"), None);
        store.put(Object::new("kube-system", "traefik-587545d9b7-bqfng", Pod::default()));
        marks.follow(&store);
        assert!(marks.pod("kube-system", "traefik-587545d9b7-bqfng").is_some(), "a controller is drawn among the pods");
        assert_eq!(marks, Marks { seen: marks.seen, ..Marks::of(&store) });
    }

    #[test]
    fn thirty_six_pairs() {
        let pairs: BTreeSet<_> = (0..36).map(|n| (Mark(n).hue(), Mark(n).shape())).collect();
        assert_eq!(pairs.len(), 36);
        assert_eq!((Mark(6).hue(), Mark(6).shape(), Mark(6).letter()), (0, 1, 'G'));
    }
}
