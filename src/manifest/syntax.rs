//! What is wrong with a document's YAML, in go-yaml's words and with its line numbers.
//!
//! Stands for the scanner and parser of go-yaml v2 (`kubernetes-sigs/yaml` `goyaml.v2/scannerc.go`, `parserc.go`,
//! `decode.go` func `fail`), whose messages kubectl prints. `saphyr-parser` finds the same mistakes at the same places but
//! names some of them differently, and it counts lines otherwise: go-yaml says one line less for what its parser finds
//! than for what its scanner finds, and no line at all on the first.

use saphyr_parser::ScanError;

use super::yaml::{MAX_DEPTH, Open, Places};
use crate::diag::Hint;
use crate::text::Span;

/// A document that cannot be read as YAML.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Syntax {
    /// Where.
    pub(super) span: Span,
    /// What kubectl says after `error converting YAML to JSON: `.
    pub(super) message: String,
    /// What would mend it.
    pub(super) hint: Option<Hint>,
}

/// Which part of go-yaml notices.
#[derive(Clone, Copy, PartialEq)]
enum Finder {
    Scanner,
    Parser,
}

impl Syntax {
    /// A mistake that go-yaml reports without a line.
    pub(super) fn new(span: Span, message: impl AsRef<str>) -> Self {
        Self { span, message: format!("yaml: {}", message.as_ref()), hint: None }
    }

    /// A mistake that is not go-yaml's to report.
    pub(super) fn bare(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// With a hint.
    pub(super) fn hint(self, hint: Hint) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// The first character that YAML forbids, if there is one.
pub(super) fn control_character(text: &str, base: u32) -> Option<Syntax> {
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            && c != '\u{feff}'
    };
    let (at, c) = text.char_indices().find(|(_, c)| !allowed(*c))?;
    let start = base + at as u32;
    Some(Syntax::new(Span { start, end: start + c.len_utf8() as u32 }, "control characters are not allowed"))
}

/// What the scanner or the parser found, as go-yaml says it.
pub(super) fn from_scanner(error: &ScanError, text: &str, places: &Places<'_>, open: Open) -> Syntax {
    let mut start = places.byte(error.marker().index());
    let info = error.info();
    if info == "comment intercepting the multiline text" {
        // go-yaml reads the line after the comment, and finds that it is no key.
        start = next_content(text, places, start);
    }
    let span = mark(text, places, start);
    if info == "while parsing node, found unknown anchor" {
        let name = places.text_of(span).trim_start_matches('*');
        let name = name.split(|c: char| c.is_whitespace() || ",]}".contains(c)).next().unwrap_or_default();
        return Syntax::new(span, format!("unknown anchor '{name}' referenced"));
    }
    let at = (start - places.whole().start) as usize;
    let (finder, problem) = translate(info, text, open, at);
    // An open quote is noticed where another one closes it, or at the end.
    let noticed = match info {
        "invalid indentation in quoted scalar" => closing_quote(text, at).unwrap_or(text.len()),
        _ if problem == END_OF_STREAM => text.len(),
        _ => at,
    };
    let hint = (info == "recursion limit exceeded").then_some(Hint::TooDeep);
    Syntax { span, message: with_line(finder, text, noticed, &problem), hint }
}

/// A key that is not there: `: value`.
pub(super) fn no_key(places: &Places<'_>, at: Span) -> Syntax {
    let whole = places.whole();
    let text = places.text_of(whole);
    let message = with_line(Finder::Parser, text, (at.start - whole.start) as usize, "did not find expected key");
    Syntax { span: mark(text, places, at.start), message, hint: None }
}

/// A tab that indents a line; what go-yaml calls it depends on what it is reading there.
pub(super) fn tab(text: &str, base: u32, at: u32) -> Syntax {
    let offset = (at - base) as usize;
    let line_start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
    let problem = match before_line(&text[..line_start]) {
        Before::BlockScalar => "found a tab character where an indentation space is expected",
        Before::PlainScalar => "found a tab character that violates indentation",
        Before::Other => "found character that cannot start any token",
    };
    let tabs = text[offset..].bytes().take_while(|b| *b == b'\t').count() as u32;
    let message = with_line(Finder::Scanner, text, offset, problem);
    Syntax { span: Span { start: at, end: at + tabs }, message, hint: Some(Hint::Tab) }
}

/// Joins the line that holds byte `at` to the one before, without moving a byte; none if there is no line before.
pub(super) fn join_lines(text: &str, at: usize) -> Option<String> {
    let end = text.get(..at)?.rfind('\n')?;
    let start = text[..end].rfind('\n').map_or(0, |i| i + 1);
    let comment = text[start..end].find(" #").map_or(end, |i| start + i);
    let blanks = " ".repeat(end + 1 - comment);
    Some([&text[..comment], &blanks, &text[end + 1..]].concat())
}

/// Where the quoted scalar that begins at `at` is closed.
fn closing_quote(text: &str, at: usize) -> Option<usize> {
    let quote = text.get(at..)?.chars().next()?;
    let mut escaped = false;
    for (i, c) in text[at + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at + 1 + i),
            _ => {}
        }
    }
    None
}

const END_OF_STREAM: &str = "found unexpected end of stream";

fn with_line(finder: Finder, text: &str, at: usize, problem: &str) -> String {
    let breaks = text.bytes().take(at).filter(|b| *b == b'\n').count();
    match (finder, breaks) {
        (_, 0) => format!("yaml: {problem}"),
        (Finder::Scanner, breaks) => format!("yaml: line {}: {problem}", breaks + 1),
        (Finder::Parser, breaks) => format!("yaml: line {breaks}: {problem}"),
    }
}

/// What a scanner is in the middle of when a line ends.
enum Before {
    PlainScalar,
    BlockScalar,
    Other,
}

fn before_line(text: &str) -> Before {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    let Some(last) = lines.next() else { return Before::Other };
    let is_header = |line: &str| {
        let header = line.split(" #").next().unwrap_or_default().trim_end();
        let header = header.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        header.ends_with(['|', '>']) && header[..header.len() - 1].ends_with([' ', '-'])
    };
    if is_header(last) {
        return Before::BlockScalar;
    }
    // Up through less and less indented lines: a header among them holds all that is deeper.
    let mut least = indent(last);
    for line in lines {
        if indent(line) < least {
            if is_header(line) {
                return Before::BlockScalar;
            }
            least = indent(line);
        }
    }
    let commented = last.trim_start().starts_with('#') || last.contains(" #");
    let plain = !commented && !last.trim_end().ends_with([':', '"', '\'', ']', '}', ',', '[', '{', '-', '?']);
    if plain { Before::PlainScalar } else { Before::Other }
}

/// The start of the first line after `from` that has more than a comment; `from` if there is none.
fn next_content(text: &str, places: &Places<'_>, from: u32) -> u32 {
    let base = places.whole().start;
    let mut at = (from - base) as usize;
    for line in text.get(at..).unwrap_or_default().split_inclusive('\n') {
        let content = line.trim_start();
        if !content.is_empty() && !content.starts_with('#') {
            return base + (at + line.len() - content.len()) as u32;
        }
        at += line.len();
    }
    from
}

/// From a place to the end of its line; of an empty place, the character before it.
fn mark(text: &str, places: &Places<'_>, start: u32) -> Span {
    let whole = places.whole();
    let rest = places.text_of(Span { start, end: whole.end });
    let line = rest.split(['\n', '\r']).next().unwrap_or_default().trim_end();
    if !line.is_empty() {
        return Span { start, end: start + line.len() as u32 };
    }
    let before = text.get(..(start - whole.start) as usize).unwrap_or_default();
    let trimmed = before.trim_end();
    let last = trimmed.chars().next_back().map_or(0, char::len_utf8);
    let end = whole.start + trimmed.len() as u32;
    Span { start: end - last as u32, end }
}

fn translate(info: &str, text: &str, open: Open, at: usize) -> (Finder, String) {
    use Finder::{Parser, Scanner};
    let expected = match open {
        Open::Nothing => "did not find expected <document start>",
        Open::BlockMap => "did not find expected key",
        Open::BlockList => "did not find expected '-' indicator",
        Open::FlowMap => "did not find expected ',' or '}'",
        Open::FlowList => "did not find expected ',' or ']'",
    };
    let (finder, problem): (Finder, &str) = match info {
        "simple key expect ':'" | "simple key expected" => (Scanner, "could not find expected ':'"),
        "recursion limit exceeded" => return (Scanner, format!("exceeded max depth of {MAX_DEPTH}")),
        "while scanning a plain scalar, found a tab" => (Scanner, "found character that cannot start any token"),
        "a block scalar content cannot start with a tab" => {
            (Scanner, "found a tab character where an indentation space is expected")
        }
        "while parsing a tag directive, did not find expected '!'" => (Scanner, "did not find expected '!'"),
        "the handle wasn't declared" => (Parser, "found undefined tag handle"),
        "illegal placement of ':' indicator" => (Scanner, "could not find expected ':'"),
        "invalid indentation in quoted scalar" => match closing_quote(text, at) {
            Some(_) => (Parser, expected),
            None => (Scanner, END_OF_STREAM),
        },
        "misplaced bracket" if text[..at].trim_end().ends_with([':', '-']) => {
            (Parser, "did not find expected node content")
        }
        "comment intercepting the multiline text" => (Parser, "did not find expected key"),
        "invalid indentation" | "invalid indentation in flow construct" | "misplaced bracket" => (Parser, expected),
        "invalid trailing content after double-quoted scalar" => (Parser, expected),
        "unexpected end of plain scalar" | "\"-\" is only valid inside a block" => {
            (Parser, "did not find expected node content")
        }
        "wrongly indented line in block scalar" => (Parser, expected),
        "found unprintable character" => (Scanner, "control characters are not allowed"),
        "invalid content after document end marker" => (Parser, "did not find expected <document start>"),
        "unexpected eof" => (Scanner, END_OF_STREAM),
        "while parsing a flow sequence, expected ',' or ']'" => (Parser, "did not find expected ',' or ']'"),
        _ if ["unexpected character", "tab"].iter().any(|start| info.starts_with(start)) => {
            (Scanner, "found character that cannot start any token")
        }
        _ => match info.split_once(", ") {
            Some((context, problem)) if context.starts_with("while parsing a quoted") => (Scanner, problem),
            Some((context, problem)) if context.starts_with("while parsing a tag") => (Scanner, problem),
            Some((context, problem)) if context.starts_with("while parsing") => (Parser, problem),
            Some((_, problem)) => (Scanner, problem),
            None if info.starts_with("did not find expected <") => (Parser, info),
            None => (Scanner, info),
        },
    };
    (finder, problem.to_owned())
}
