//! What is wrong with a document's YAML, in go-yaml's words and with its line numbers.
//!
//! Stands for the scanner and parser of go-yaml v2 (`kubernetes-sigs/yaml` `goyaml.v2/scannerc.go`, `parserc.go`,
//! `decode.go` func `fail`), whose messages kubectl prints. `saphyr-parser` finds the same mistakes at the same places but
//! names some of them differently, and it counts lines otherwise: go-yaml says one line less for what its parser finds
//! than for what its scanner finds, and no line at all on the first.

use saphyr_parser::ScanError;

use super::yaml::Places;
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
pub(super) fn from_scanner(error: &ScanError, text: &str, places: &Places<'_>) -> Syntax {
    let start = places.byte(error.marker().index());
    let span = mark(text, places, start);
    let (finder, problem, hint) = translate(error.info(), places, span);
    let line = error.marker().line();
    let message = match (finder, line) {
        (_, 0 | 1) => format!("yaml: {problem}"),
        (Finder::Scanner, line) => format!("yaml: line {line}: {problem}"),
        (Finder::Parser, line) => format!("yaml: line {}: {problem}", line - 1),
    };
    if problem.starts_with("unknown anchor") {
        return Syntax { span, message: format!("yaml: {problem}"), hint };
    }
    Syntax { span, message, hint }
}

/// From a place to the end of the word there; of an empty place, the character before it.
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

fn translate(info: &str, places: &Places<'_>, span: Span) -> (Finder, String, Option<Hint>) {
    use Finder::{Parser, Scanner};
    let (finder, problem): (Finder, &str) = match info {
        "while parsing node, found unknown anchor" => {
            let text = places.text_of(span).trim_start_matches('*');
            let name = text.split(|c: char| c.is_whitespace() || ",]}".contains(c)).next().unwrap_or_default();
            return (Parser, format!("unknown anchor '{name}' referenced"), None);
        }
        "simple key expect ':'" | "simple key expected" => (Scanner, "could not find expected ':'"),
        "recursion limit exceeded" => {
            return (Scanner, format!("exceeded max depth of {}", super::yaml::MAX_DEPTH), Some(Hint::TooDeep));
        }
        _ if info.starts_with("unexpected character")
            || info.contains("tabs disallowed")
            || info.contains("tab cannot") =>
        {
            (Scanner, "found character that cannot start any token")
        }
        "while scanning a plain scalar, found a tab" => (Scanner, "found character that cannot start any token"),
        "a block scalar content cannot start with a tab" => {
            (Scanner, "found a tab character where an indentation space is expected")
        }
        "wrongly indented line in block scalar" => (Scanner, "did not find expected comment or line break"),
        "while parsing a tag directive, did not find expected '!'" => (Scanner, "did not find expected '!'"),
        "the handle wasn't declared" => (Parser, "found undefined tag handle"),
        "comment intercepting the multiline text" | "illegal placement of ':' indicator" => {
            (Scanner, "could not find expected ':'")
        }
        "invalid trailing content after double-quoted scalar" => (Parser, "did not find expected key"),
        "unexpected end of plain scalar" | "misplaced bracket" => (Parser, "did not find expected node content"),
        "invalid indentation" | "invalid indentation in flow construct" | "invalid indentation in quoted scalar" => {
            (Parser, "did not find expected key")
        }
        "found unprintable character" => (Scanner, "control characters are not allowed"),
        "invalid content after document end marker" => (Parser, "did not find expected <document start>"),
        "unexpected eof" => (Scanner, "found unexpected end of stream"),
        _ => match info.split_once(", ") {
            Some((context, problem)) if context.starts_with("while parsing a quoted") => (Scanner, problem),
            Some((context, problem)) if context.starts_with("while parsing a tag") => (Scanner, problem),
            Some((context, problem)) if context.starts_with("while parsing") => (Parser, problem),
            Some((_, problem)) => (Scanner, problem),
            None if info.starts_with("did not find expected <") => (Parser, info),
            None => (Scanner, info),
        },
    };
    let tab = problem == "found character that cannot start any token" && places.text_of(span).starts_with('\t');
    (finder, problem.to_owned(), tab.then_some(Hint::Tab))
}
