//! Points, boxes and bent lines, in the units of the scene (one unit is one pixel of a stage 740 wide).

/// A point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "coordinates")]
pub struct Pt {
    pub x: f32,
    pub y: f32,
}

/// The point at `x`, `y`.
pub const fn pt(x: f32, y: f32) -> Pt {
    Pt { x, y }
}

impl Pt {
    /// The distance to another point.
    pub fn to(self, other: Self) -> f32 {
        (other.x - self.x).hypot(other.y - self.y)
    }

    /// The point `share` (0 to 1) of the way to another one.
    pub fn toward(self, other: Self, share: f32) -> Self {
        pt(self.x + (other.x - self.x) * share, self.y + (other.y - self.y) * share)
    }
}

/// A box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "coordinates")]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

impl Rect {
    /// The box with this corner and size.
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }
    /// The right edge.
    pub fn right(self) -> f32 {
        self.x + self.w
    }
    /// The lower edge.
    pub fn bottom(self) -> f32 {
        self.y + self.h
    }
    /// The middle.
    pub fn center(self) -> Pt {
        pt(self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
    /// The area that two boxes share.
    pub fn overlap(self, other: Self) -> f32 {
        let w = self.right().min(other.right()) - self.x.max(other.x);
        let h = self.bottom().min(other.bottom()) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }
}

/// A line through points, corners rounded, measured along its way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The bent line as straight pieces: each point with its distance from the start.
    pieces: Vec<(Pt, f32)>,
}

/// The radius of a wire's corner.
const RADIUS: f32 = 11.0;

impl Line {
    /// The line through `corners`, each rounded as far as its neighbours allow.
    pub fn rounded(corners: &[Pt]) -> Self {
        let mut line = Self::default();
        let corners = &straightened(corners);
        for (i, &at) in corners.iter().enumerate() {
            match (i.checked_sub(1).map(|before| corners[before]), corners.get(i + 1)) {
                (Some(before), Some(&after)) => {
                    let (a, b, _) = bend(before, at, after, i == 1, i + 2 == corners.len());
                    // A quarter of a circle, near enough, as a curve with the corner as its handle.
                    for step in 0..=6 {
                        let t = step as f32 / 6.0;
                        line.push(a.toward(at, t).toward(at.toward(b, t), t));
                    }
                }
                _ => line.push(at),
            }
        }
        line
    }

    fn push(&mut self, point: Pt) {
        match self.pieces.last() {
            Some((last, _)) if last.to(point) < 0.01 => {}
            Some(&(last, length)) => self.pieces.push((point, length + last.to(point))),
            None => self.pieces.push((point, 0.0)),
        }
    }

    /// Its length.
    pub fn length(&self) -> f32 {
        self.pieces.last().map_or(0.0, |(_, length)| *length)
    }

    /// The point at a distance from the start; the ends beyond them.
    pub fn at(&self, distance: f32) -> Pt {
        let next = self.pieces.partition_point(|(_, length)| *length < distance);
        match (next.checked_sub(1).and_then(|i| self.pieces.get(i)), self.pieces.get(next)) {
            (Some(&(a, from)), Some(&(b, to))) => a.toward(b, (distance - from) / (to - from)),
            (_, Some(&(point, _))) | (Some(&(point, _)), None) => point,
            (None, None) => Pt::default(),
        }
    }

    /// The points of the stretch between two distances, ends included, for drawing a way or a tail without a new list.
    pub fn stretch(&self, from: f32, to: f32) -> impl Iterator<Item = Pt> {
        let inner = self.pieces.iter().filter(move |(_, l)| *l > from && *l < to).map(|(point, _)| *point);
        std::iter::once(self.at(from)).chain(inner).chain(std::iter::once(self.at(to)))
    }
}

/// Where a corner's curve begins and ends, and its radius: two corners share the piece between them, a line's end needs none.
fn bend(before: Pt, at: Pt, after: Pt, first: bool, last: bool) -> (Pt, Pt, f32) {
    let (back, on) = (at.to(before), at.to(after));
    let radius = RADIUS.min(if first { back } else { back / 2.0 }).min(if last { on } else { on / 2.0 });
    let share = |length: f32| if length > 0.0 { radius / length } else { 0.0 };
    (at.toward(before, share(back)), at.toward(after, share(on)), radius)
}

/// The corners without doubled points and without those in the middle of a straight piece.
fn straightened(corners: &[Pt]) -> Vec<Pt> {
    let mut kept: Vec<Pt> = Vec::with_capacity(corners.len());
    for &point in corners {
        if kept.last().is_some_and(|last| last.to(point) < 0.01) {
            continue;
        }
        if let [.., a, b] = kept[..] {
            let straight = (b.x - a.x) * (point.y - b.y) - (b.y - a.y) * (point.x - b.x);
            let onward = (b.x - a.x) * (point.x - b.x) + (b.y - a.y) * (point.y - b.y);
            if straight.abs() < 0.01 && onward > 0.0 {
                kept.pop();
            }
        }
        kept.push(point);
    }
    kept
}

/// The line through `corners` as the data of an SVG path.
pub fn svg(corners: &[Pt]) -> String {
    use std::fmt::Write as _;
    let corners = straightened(corners);
    let mut data = String::new();
    for (i, &at) in corners.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match (i.checked_sub(1).map(|before| corners[before]), corners.get(i + 1)) {
            (None, _) => write!(data, "M{} {}", at.x, at.y),
            (Some(before), Some(&after)) => {
                let (a, b, r) = bend(before, at, after, i == 1, i + 2 == corners.len());
                if r < 0.1 {
                    write!(data, "L{} {}", at.x, at.y)
                } else {
                    write!(data, "L{} {}Q{} {} {} {}", a.x, a.y, at.x, at.y, b.x, b.y)
                }
            }
            (Some(_), None) => write!(data, "L{} {}", at.x, at.y),
        };
    }
    data
}

/// About how wide a text in the monospaced face is at 12 px.
pub fn mono(text: &str) -> f32 {
    text.chars().map(|c| if wide(c) { 12.0 } else { 7.23 }).sum()
}

/// About how wide a text in the interface's face is at 12 px.
pub fn words(text: &str) -> f32 {
    text.chars()
        .map(|c| match c {
            c if wide(c) => 12.0,
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | ' ' | '\'' | '-' => 3.9,
            'm' | 'w' | 'M' | 'W' | '…' => 10.2,
            c if c.is_ascii_uppercase() => 8.1,
            _ => 6.8,
        })
        .sum()
}

/// A text in the interface's face, cut to a width; the cut is shown.
pub fn cut(mut text: String, space: f32) -> String {
    if words(&text) > space {
        while words(&text) > space - 10.5 && text.pop().is_some() {}
        text.push('…');
    }
    text
}

/// An address, whose end tells most: cut at a dot from the front.
pub fn cut_front(address: &str, space: f32) -> String {
    let mut rest = address;
    let mut shown = address.to_owned();
    while mono(&shown) > space {
        let Some((_, after)) = rest.split_once('.') else { return String::new() };
        rest = after;
        shown = format!("….{rest}");
    }
    shown
}

fn wide(c: char) -> bool {
    c as u32 >= 0x2E80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_measured_along_its_way() {
        let line = Line::rounded(&[pt(0.0, 0.0), pt(50.0, 0.0), pt(100.0, 0.0), pt(100.0, 60.0)]);
        assert!((line.length() - 156.0).abs() < 4.0, "{}", line.length());
        assert_eq!(line.at(-5.0), pt(0.0, 0.0));
        assert_eq!(line.at(20.0), pt(20.0, 0.0));
        assert_eq!(line.at(1e6), pt(100.0, 60.0));
        let tail: Vec<_> = line.stretch(10.0, 20.0).collect();
        assert_eq!(tail, [pt(10.0, 0.0), pt(20.0, 0.0)]);
        assert_eq!(Line::default().at(3.0), Pt::default());
    }

    #[test]
    fn paths_bend_at_corners_only() {
        let data = svg(&[pt(0.0, 0.0), pt(5.0, 0.0), pt(40.0, 0.0), pt(40.0, 40.0)]);
        assert_eq!(data, "M0 0L29 0Q40 0 40 11L40 40");
    }
}
