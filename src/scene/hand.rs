//! Pointers on the picture: one moves it, two also change its size.

/// A point of the screen, in pixels.
pub type At = (f64, f64);

/// What a hand did to the picture: what lay at `from` lies at `to`, and all is `factor` times as large.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "said above")]
pub struct Move {
    pub from: At,
    pub to: At,
    pub factor: f64,
}

/// The pointers that are down. Of more than two, the first two count.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    down: Vec<(i32, At)>,
    moves: bool,
}

/// A pointer that goes less far than this, in pixels, has not moved: fingers tremble.
const STILL: f64 = 5.0;

/// Two fingers closer than this count as so far apart.
const CLOSE: f64 = 24.0;

impl Hand {
    /// A pointer comes down.
    pub fn press(&mut self, pointer: i32, at: At) {
        self.down.retain(|(other, _)| *other != pointer);
        self.down.push((pointer, at));
        // A second finger never taps.
        self.moves = self.down.len() > 1;
    }

    /// A pointer is elsewhere; gives what that does to the picture, if it does something.
    pub fn drag(&mut self, pointer: i32, at: At) -> Option<Move> {
        let which = self.down.iter().take(2).position(|(other, _)| *other == pointer)?;
        let before = self.down[which].1;
        if !self.moves && (before.0 - at.0).abs() + (before.1 - at.1).abs() <= STILL {
            return None;
        }
        self.moves = true;
        self.down[which].1 = at;
        let Some((_, other)) = self.down.get(1 - which).copied() else {
            return Some(Move { from: before, to: at, factor: 1.0 });
        };
        let apart = |a: At| (a.0 - other.0).hypot(a.1 - other.1).max(CLOSE);
        let middle = |a: At| ((a.0 + other.0) / 2.0, (a.1 + other.1) / 2.0);
        Some(Move { from: middle(before), to: middle(at), factor: apart(at) / apart(before) })
    }

    /// A pointer is lifted; gives whether it tapped: it came alone and stayed where it was.
    pub fn lift(&mut self, pointer: i32) -> bool {
        let known = self.down.iter().any(|(other, _)| *other == pointer);
        self.down.retain(|(other, _)| *other != pointer);
        known && !self.moves
    }

    /// Whether the picture moves with it.
    pub fn moves(&self) -> bool {
        self.moves && !self.down.is_empty()
    }

    /// Whether a pointer is down.
    pub fn has(&self, pointer: i32) -> bool {
        self.down.iter().any(|(other, _)| *other == pointer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pointer_taps_or_moves() {
        let mut hand = Hand::default();
        hand.press(1, (10.0, 10.0));
        assert_eq!(hand.drag(1, (12.0, 11.0)), None, "a finger trembles");
        assert!(hand.lift(1));
        hand.press(1, (10.0, 10.0));
        assert_eq!(hand.drag(1, (30.0, 10.0)), Some(Move { from: (10.0, 10.0), to: (30.0, 10.0), factor: 1.0 }));
        assert_eq!(hand.drag(1, (31.0, 10.0)), Some(Move { from: (30.0, 10.0), to: (31.0, 10.0), factor: 1.0 }));
        assert!(!hand.lift(1));
        assert!(!hand.lift(1), "it was not down");
    }

    #[test]
    fn two_pointers_pull_the_picture_apart_about_their_middle() {
        let mut hand = Hand::default();
        hand.press(1, (100.0, 100.0));
        hand.press(2, (200.0, 100.0));
        assert_eq!(hand.drag(2, (300.0, 100.0)), Some(Move { from: (150.0, 100.0), to: (200.0, 100.0), factor: 2.0 }));
        // Both go the same way: the picture goes with them, as large as it is.
        let all = [hand.drag(1, (100.0, 150.0)), hand.drag(2, (300.0, 150.0))].map(|it| it.expect("it moves"));
        assert!((all[0].factor * all[1].factor - 1.0).abs() < 1e-9, "{all:?}");
        assert_eq!((all[0].from.1, all[1].to.1), (100.0, 150.0));
        assert_eq!(hand.drag(3, (0.0, 0.0)), None);
        // What is left of two fingers drags, and is no tap.
        assert!(!hand.lift(1));
        assert!(hand.drag(2, (310.0, 150.0)).is_some_and(|it| it.factor == 1.0));
        assert!(!hand.lift(2));
    }

    #[test]
    fn fingers_on_one_spot_do_not_tear_the_picture() {
        let mut hand = Hand::default();
        hand.press(1, (100.0, 100.0));
        hand.press(2, (100.0, 100.0));
        assert_eq!(hand.drag(2, (124.0, 100.0)).map(|it| it.factor), Some(1.0));
    }
}
