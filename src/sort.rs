//! Sorting that is compiled once.
//!
//! The standard library's sort is compiled anew, at 4 to 5 KB of wasm, for each type and each comparison; so is collecting
//! into an ordered map. Sixty of them were a twelfth of the whole program. Here one sort of positions serves all types, and
//! [`gathered`] fills a map or a set entry by entry.

use std::cmp::Ordering;

/// Sorts by a key; what is equal keeps its order.
pub fn by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts by a comparison; what is equal keeps its order.
pub fn by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order = positions(items.len(), &|a, b| compare(&items[a], &items[b]));
    // Follow each cycle of the permutation: the item that belongs at `start` is now at `order[start]`.
    for start in 0..items.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at], at);
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

/// Fills an ordered map, a set or a list, one by one.
pub fn gathered<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}

/// The positions `0..len` in the order of the comparison.
fn positions(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by(|a, b| compare(*a, *b));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn agrees_with_the_standard_library() {
        let mut rng = Rng::new(5);
        for len in 0..200 {
            let mut ours: Vec<(u32, u32)> = (0..len).map(|i| (rng.below(20), i)).collect();
            let mut theirs = ours.clone();
            by_key(&mut ours, |item| item.0);
            theirs.sort_by_key(|item| item.0);
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn gathers_into_a_map() {
        let map: std::collections::BTreeMap<_, _> = gathered([(2, 'b'), (1, 'a')]);
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(1, 'a'), (2, 'b')]);
    }
}
