//! Text that a person wrote, and places in it.

use serde::{Deserialize, Serialize};

/// One file of the learner's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's name, such as `svc.yaml`.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

/// A range of bytes in a [`Source`], end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

/// A change to a text: what stands at `span` gives way to `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What goes; empty where something is only put in.
    pub span: Span,
    /// What comes.
    pub text: String,
}

/// A line and a column, both counted from one; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Source {
    /// A source of the given name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The text after some edits, which stand in its order. An edit that overlaps the one before, or that is not of this
    /// text, is left out.
    pub fn edited(&self, edits: &[Edit]) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        for edit in edits {
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            if start < at || self.text.get(start..end).is_none() {
                continue;
            }
            out.push_str(&self.text[at..start]);
            out.push_str(&edit.text);
            at = end;
        }
        out.push_str(&self.text[at..]);
        out
    }

    /// The line and column of a byte offset; past the end it is the end.
    pub fn position(&self, offset: u32) -> Position {
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Position {
            line: before.bytes().filter(|b| *b == b'\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_that_fit_are_made() {
        let source = Source::new("a", "中: 1\nb: 2\n");
        let edit = |start, end, text: &str| Edit { span: Span { start, end }, text: text.into() };
        assert_eq!(source.edited(&[edit(0, 3, "a"), edit(5, 6, "3"), edit(13, 13, "c: 4\n")]), "a: 3\nb: 2\n");
        assert_eq!(source.edited(&[edit(5, 6, "3"), edit(12, 12, "c: 4\n")]), "中: 3\nb: 2\nc: 4\n");
        assert_eq!(source.edited(&[edit(1, 3, "x"), edit(5, 6, "3"), edit(5, 7, "y")]), "中: 3\nb: 2\n");
    }

    #[test]
    fn positions_count_characters() {
        let source = Source::new("a", "ab\n中文x\n");
        assert_eq!(source.position(9), Position { line: 2, column: 3 });
        assert_eq!(source.position(99), Position { line: 3, column: 1 });
    }
}
