//! Where a caret stands: read from lines and their indentation, since the text is broken while somebody types.

use crate::manifest::{Schema, Shape, Type};
use crate::object::Kind;
use crate::text::Span;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// A key is being written, or an item of a list.
    Key,
    /// What stands after a key's colon.
    Value,
}

/// Where a caret stands.
pub(super) struct Place<'a> {
    pub(super) role: Role,
    /// The word around the caret, which an offer replaces.
    pub(super) typed: Span,
    /// The part of it before the caret, without a quote.
    pub(super) word: &'a str,
    /// The key of the caret's line, if it has one.
    pub(super) key: Option<(&'a str, Span)>,
    /// The column of the caret's key.
    pub(super) column: usize,
    /// The keys that lead to the map that holds the caret's key.
    pub(super) path: Vec<&'a str>,
    /// The type of what holds the caret's key, or of the list's item that is written; none where the table knows none.
    pub(super) owner: Option<Shape>,
    /// The innermost field of a struct around the caret: the struct and the field's name.
    pub(super) field: Option<(&'static str, &'a str)>,
    /// The other keys of that map.
    pub(super) siblings: Vec<&'a str>,
    /// The keys and values of the maps around it, the innermost first.
    pub(super) around: Vec<Vec<(&'a str, &'a str)>>,
    /// The kind of the document.
    pub(super) kind: Option<Kind>,
    /// The document, as far as it is written.
    pub(super) lines: Vec<Line<'a>>,
}

/// A line of block style.
pub(super) struct Line<'a> {
    /// Where it begins in the file.
    pub(super) start: usize,
    /// All of it.
    pub(super) text: &'a str,
    /// The columns of its dashes.
    pub(super) dashes: Vec<usize>,
    /// The column where its content begins.
    pub(super) column: usize,
    /// Its key, if it has one.
    pub(super) key: Option<&'a str>,
    /// What stands after the key's colon, or all the content.
    pub(super) rest: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn of(text: &'a str, start: usize) -> Self {
        let mut column = text.len() - text.trim_start_matches(' ').len();
        let mut dashes = Vec::new();
        while text[column..].starts_with("- ") || &text[column..] == "-" {
            dashes.push(column);
            let after = &text[column + 1..];
            column += 1 + (after.len() - after.trim_start_matches(' ').len());
        }
        let content = &text[column..];
        let colon = content.find(": ").or_else(|| content.trim_end().strip_suffix(':').map(str::len));
        let (key, rest) = match colon {
            Some(at) if !content.starts_with(['#', '{', '[']) && !content[..at].contains(" #") => {
                (Some(content[..at].trim_end().trim_matches(['"', '\''])), &content[at + 1..])
            }
            _ => (None, content),
        };
        Self { start, text, dashes, column, key, rest }
    }

    /// Whether it is blank or a comment.
    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.dashes.is_empty() && (self.rest.trim().is_empty() || self.rest.starts_with('#'))
    }

    /// Its value, without a comment and quotes.
    pub(super) fn value(&self) -> &'a str {
        let rest = self.rest.split(" #").next().unwrap_or_default().trim();
        rest.strip_prefix(['"', '\'']).and_then(|rest| rest.strip_suffix(['"', '\''])).unwrap_or(rest)
    }

    /// The offset of its end in the file, before the line break.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

impl<'a> Place<'a> {
    /// The place of a caret; none in a comment, or outside of the text.
    pub(super) fn at(text: &'a str, offset: u32) -> Option<Self> {
        let caret = offset as usize;
        text.get(..caret)?;
        let lines = document(text, caret);
        let here = lines.iter().rposition(|line| line.start <= caret)?;
        let line = &lines[here];
        if caret > line.end() || is_comment(&line.text[..caret - line.start]) {
            return None;
        }
        let top = |key: &str| lines.iter().find(|line| line.column == 0 && line.key == Some(key)).map(Line::value);
        let kind = top("kind").and_then(|name| Kind::all().find(|kind| kind.name() == name));

        let content = line.start + line.column;
        let value_start = line.key.map(|_| line.end() - line.rest.len());
        let role = if value_start.is_some_and(|start| caret >= start) { Role::Value } else { Role::Key };
        let from = match role {
            Role::Value => value_start.map_or(content, |start| start + line.rest.len() - line.rest.trim_start().len()),
            Role::Key => content,
        };
        let from = from.min(caret);
        let quoted = text[from..caret].starts_with(['"', '\'']);
        let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '"' | '\'');
        let word_end = caret + text[caret..].find(|c| !in_word(c)).unwrap_or(text.len() - caret);
        let word = &text[from + usize::from(quoted)..caret];
        let key_start = content + usize::from(text[content..].starts_with(['"', '\'']));
        let key = line.key.map(|key| (key, Span { start: key_start as u32, end: (key_start + key.len()) as u32 }));

        let (steps, mut shape) = (ancestors(&lines, here), None);
        if let Some(kind) = kind {
            shape = Schema::get().root(&kind.api_version(), kind.name()).map(Shape::Struct);
        }
        let (mut path, mut field) = (Vec::new(), None);
        for step in &steps {
            shape = match (shape, step) {
                (Some(Shape::Struct(name)), Step::Key(_, key)) => {
                    field = Some((name, *key));
                    Schema::get().field(name, key).map(Type::shape)
                }
                (Some(Shape::Map(of) | Shape::List(of)), _) => Some(of.shape()),
                _ => None,
            };
            if let Step::Key(_, key) = step {
                path.push(*key);
            }
        }
        if kind.is_none() && path.is_empty() && line.column == 0 {
            // Nothing says yet what it is; every object begins alike.
            shape = Some(Shape::Struct("Service"));
        }
        let pairs = |at: usize| -> Vec<(&'a str, &'a str)> {
            let all = map_of(&lines, at).into_iter().filter(|i| *i != here);
            all.filter_map(|i| Some((lines[i].key?, lines[i].value()))).collect()
        };
        let mut around = vec![pairs(here)];
        around.extend(steps.iter().rev().filter_map(|step| match step {
            Step::Key(at, _) => Some(pairs(*at)),
            Step::Item => None,
        }));
        let siblings = around[0].iter().map(|(key, _)| *key).collect();
        Some(Self {
            role,
            typed: Span { start: from as u32, end: word_end as u32 },
            word,
            key,
            column: line.column,
            path,
            owner: shape,
            field,
            siblings,
            around,
            kind,
            lines,
        })
    }
}

/// Whether a line up to the caret has begun a comment.
fn is_comment(before: &str) -> bool {
    before.trim_start().starts_with('#') || before.contains(" #")
}

/// The lines of the document around a caret.
pub(super) fn document(text: &str, caret: usize) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        if line.starts_with("---") {
            if start > caret {
                break;
            }
            lines.clear();
        } else {
            lines.push(Line::of(line.trim_end_matches('\r'), start));
        }
        start += line.len() + 1;
    }
    lines
}

/// A step from a document's root to a place in it.
enum Step<'a> {
    /// Into the value of a key, on the line of this number.
    Key(usize, &'a str),
    Item,
}

/// The steps that lead to the map of a line's key.
fn ancestors<'a>(lines: &[Line<'a>], here: usize) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut column = lines[here].column;
    let mut at = here;
    // Dashes of the line that are still to be left, the innermost last.
    let mut dashes = lines[here].dashes.as_slice();
    loop {
        if let Some((dash, outer)) = dashes.split_last() {
            steps.push(Step::Item);
            if outer.is_empty() {
                // A list may stand in the column of its key.
                let holds = |line: &Line<'_>| line.key.is_some() && line.column <= *dash && !line.dashes.contains(dash);
                let Some(parent) = above(lines, at, holds) else { break };
                enter(&mut steps, lines, parent);
                (at, column, dashes) = (parent, lines[parent].column, &lines[parent].dashes);
            } else {
                (column, dashes) = (*dash, outer);
            }
            continue;
        }
        let up = above(lines, at, |line| line.column < column || (line.column == column && !line.dashes.is_empty()));
        let Some(up) = up else { break };
        at = up;
        if lines[up].column == column {
            dashes = &lines[up].dashes;
        } else {
            enter(&mut steps, lines, up);
            (column, dashes) = (lines[up].column, &lines[up].dashes);
        }
    }
    steps.reverse();
    steps
}

fn enter<'a>(steps: &mut Vec<Step<'a>>, lines: &[Line<'a>], parent: usize) {
    steps.push(lines[parent].key.map_or(Step::Item, |key| Step::Key(parent, key)));
}

fn above(lines: &[Line<'_>], from: usize, fits: impl Fn(&Line<'_>) -> bool) -> Option<usize> {
    (0..from).rev().find(|&i| !lines[i].is_empty() && fits(&lines[i]))
}

/// The lines of the keys of one map: of that which the key of line `at` is in.
pub(super) fn map_of(lines: &[Line<'_>], at: usize) -> Vec<usize> {
    let column = lines[at].column;
    let begins = |line: &Line<'_>| line.column == column && line.dashes.iter().any(|dash| *dash < column);
    let outside = |line: &Line<'_>| line.column < column || line.dashes.iter().any(|dash| *dash < column);
    let mut members = vec![at];
    let mut i = at;
    while i > 0 && !begins(&lines[i]) {
        i -= 1;
        if lines[i].is_empty() {
            continue;
        }
        if lines[i].column < column || (outside(&lines[i]) && !begins(&lines[i])) {
            break;
        }
        if lines[i].column == column {
            members.insert(0, i);
        }
    }
    for (i, line) in lines.iter().enumerate().skip(at + 1).filter(|(_, line)| !line.is_empty()) {
        if outside(line) {
            break;
        }
        if line.column == column {
            members.push(i);
        }
    }
    members
}
