//! What differs between two texts, line by line: the shortest list of changes, as Myers' algorithm finds it ("An O(ND)
//! Difference Algorithm", 1986). A crate for this (`similar`) weighs more than all of this file.

use std::ops::Range;

use crate::text::{Edit, Span};

/// Lines of one text that stand in the place of lines of another; counted from zero, ends exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The lines that were there.
    pub old: Range<usize>,
    /// The lines that are there now.
    pub new: Range<usize>,
}

/// More differences than this are told as one.
const MOST: usize = 400;

/// What differs, from the top down.
///
/// ```
/// use kubehop::assist::changes;
///
/// let found = changes("a\nb\nc\n", "a\nx\nc\nd\n");
/// assert_eq!((found[0].old.clone(), found[0].new.clone()), (1..2, 1..2));
/// assert_eq!((found[1].old.clone(), found[1].new.clone()), (3..3, 3..4));
/// ```
pub fn changes(old: &str, new: &str) -> Vec<Change> {
    let (a, b) = (lines(old), lines(new));
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let back = a[front..].iter().rev().zip(b[front..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[front..a.len() - back], &b[front..b.len() - back]);
    let whole = || vec![Change { old: 0..a.len(), new: 0..b.len() }];
    let mut found = match (a.is_empty(), b.is_empty()) {
        (true, true) => Vec::new(),
        (false, false) => walk(a, b).unwrap_or_else(whole),
        _ => whole(),
    };
    for change in &mut found {
        change.old = change.old.start + front..change.old.end + front;
        change.new = change.new.start + front..change.new.end + front;
    }
    found
}

/// The lines of a text, each with its line break: that a last line has none is a difference.
pub fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The edit of the new text that takes a change back.
pub fn take_back(old: &str, new: &str, change: &Change) -> Edit {
    let (a, b) = (lines(old), lines(new));
    let length = |lines: &[&str]| lines.iter().map(|line| line.len() as u32).sum::<u32>();
    let start = length(&b[..change.new.start.min(b.len())]);
    let end = start + length(b.get(change.new.clone()).unwrap_or_default());
    let text = a.get(change.old.clone()).unwrap_or_default().concat();
    Edit { span: Span { start, end }, text }
}

/// The edit of the old text that makes a change.
pub fn carry_over(old: &str, new: &str, change: &Change) -> Edit {
    take_back(new, old, &Change { old: change.new.clone(), new: change.old.clone() })
}

/// The changes on the shortest way from one text to the other; none if it is too long.
fn walk(a: &[&str], b: &[&str]) -> Option<Vec<Change>> {
    let (n, m) = (a.len() as isize, b.len() as isize);
    let most = (a.len() + b.len()).min(MOST) as isize;
    // How far one comes on each diagonal (x - y) with so many steps; one copy of it for each number of steps.
    let mut reach = vec![0isize; 2 * most as usize + 3];
    let slot = |k: isize| (k + most + 1) as usize;
    let mut history = Vec::new();
    let steps = (0..=most).find(|steps| {
        history.push(reach.clone());
        (-steps..=*steps).step_by(2).any(|k| {
            let mut x = enter(&reach, k, *steps, slot);
            while x < n && x - k < m && a[x as usize] == b[(x - k) as usize] {
                x += 1;
            }
            reach[slot(k)] = x;
            x >= n && x - k >= m
        })
    })?;
    let mut found: Vec<Change> = Vec::new();
    let (mut x, mut y) = (n, m);
    for steps in (1..=steps).rev() {
        let reach = &history[steps as usize];
        let k = x - y;
        let down = goes_down(reach, k, steps, slot);
        let before = if down { k + 1 } else { k - 1 };
        (x, y) = (reach[slot(before)], reach[slot(before)] - before);
        let (old, new) = (x as usize, y as usize);
        let change = if down {
            Change { old: old..old, new: new..new + 1 }
        } else {
            Change { old: old..old + 1, new: new..new }
        };
        match found.last_mut() {
            Some(last) if last.old.start == change.old.end && last.new.start == change.new.end => {
                (last.old.start, last.new.start) = (change.old.start, change.new.start);
            }
            _ => found.push(change),
        }
    }
    found.reverse();
    Some(found)
}

/// Whether the best way onto a diagonal comes from the one above it.
fn goes_down(reach: &[isize], k: isize, steps: isize, slot: impl Fn(isize) -> usize) -> bool {
    k == -steps || (k != steps && reach[slot(k - 1)] < reach[slot(k + 1)])
}

fn enter(reach: &[isize], k: isize, steps: isize, slot: impl Fn(isize) -> usize) -> isize {
    match (steps, goes_down(reach, k, steps, &slot)) {
        (0, _) => 0,
        (_, true) => reach[slot(k + 1)],
        _ => reach[slot(k - 1)] + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::text::Source;

    #[test]
    fn lines_that_go_come_and_change() {
        let found = changes("a\nb\nc\nd\ne\n", "b\nc\nx\ny\ne\nf\n");
        let told: Vec<_> = found.iter().map(|c| (c.old.clone(), c.new.clone())).collect();
        assert_eq!(told, [(0..1, 0..0), (3..4, 2..4), (5..5, 5..6)]);
        assert_eq!(changes("a\n", "a\n"), []);
        assert_eq!(changes("a", "a\n").len(), 1);
    }

    /// Taking back all changes, the last first, gives the old text; and no change is longer than it must be.
    #[test]
    fn changes_lead_from_one_text_to_the_other() {
        let mut rng = Rng::new(7).fork("changes");
        for round in 0..500 {
            let mut text = |most: u32| -> String {
                let length = rng.next_u32() % most;
                (0..length).map(|_| format!("{}\n", rng.next_u32() % 4)).collect()
            };
            let most = if round < 495 { 12 } else { 1_500 };
            let (old, new) = (text(most), text(most));
            let found = changes(&old, &new);
            let mut now = new.clone();
            for change in found.iter().rev() {
                let edit = take_back(&old, &now, change);
                now = Source::new("f", now).edited(&[edit]);
            }
            assert_eq!(now, old, "round {round}");
            let edits: Vec<_> = found.iter().map(|change| carry_over(&old, &new, change)).collect();
            assert_eq!(Source::new("f", old.clone()).edited(&edits), new, "round {round}");
            let kept = lines(&old).len() - found.iter().map(|change| change.old.len()).sum::<usize>();
            if round < 495 {
                assert_eq!(kept, common(&lines(&old), &lines(&new)), "round {round}");
            }
        }
    }

    /// The length of the longest common subsequence, the slow way.
    fn common(a: &[&str], b: &[&str]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                table[i][j] = if a[i] == b[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
            }
        }
        table[0][0]
    }
}
