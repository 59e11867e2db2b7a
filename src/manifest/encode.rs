//! Trees back to text, as kubectl prints them: [`to_yaml`] and [`to_json`].
//!
//! YAML is what `kubernetes-sigs/yaml` makes (`goyaml.v2/encode.go`, `emitterc.go`): keys sorted the natural way, lists not
//! indented under their key, strings plain where they read back as strings, else `'…'`, `"…"` or `|`, lines folded after
//! column 80. `serde_yaml` folds nothing, writes `'80'` for `"80"`, sorts nothing and keeps emoji; so it is not used here.
//! JSON is what Go's `encoding/json` makes with four blanks of indent: `<`, `>` and `&` are escaped.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::scalar;

/// Lines are folded at the first blank after this column.
const WIDTH: usize = 80;

/// Longer keys stand behind a question mark.
const LONGEST_SIMPLE_KEY: usize = 128;

/// A tree as `kubectl get -o yaml` prints it, with a line break at the end.
pub fn to_yaml(value: &Value) -> String {
    let mut writer = Writer::default();
    writer.node(value, 0, Within::Root);
    writer.out.push('\n');
    writer.out
}

/// A tree as `kubectl get -o json` prints it, with a line break at the end.
pub fn to_json(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b"    "));
    // Writing a tree to memory cannot fail.
    let _ = value.serialize(&mut serializer);
    let mut text = go_escapes(&String::from_utf8_lossy(&out));
    text.push('\n');
    text
}

/// A tree as one line of JSON as Go writes it, which is how `kubectl apply` keeps the last applied configuration.
pub fn to_json_line(value: &Value) -> String {
    go_escapes(&value.to_string())
}

/// What Go escapes and we do not; outside of strings JSON has none of these.
fn go_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// What a node is in.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Root,
    Map,
    List,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

#[derive(Default)]
struct Writer {
    out: String,
}

impl Writer {
    /// Writes a node whose container's lines begin at column `indent`; what introduces it (`key:`, `-`) is written.
    fn node(&mut self, value: &Value, indent: usize, within: Within) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let mut keys: Vec<&String> = map.keys().collect();
                crate::sort::by(&mut keys, |a, b| natural(a, b));
                let indent = if within == Within::Root { indent } else { indent + 2 };
                for (i, key) in keys.into_iter().enumerate() {
                    match (i, within) {
                        (0, Within::Root) => {}
                        (0, Within::List) => self.out.push(' '),
                        _ => self.line(indent),
                    }
                    self.key(key, indent);
                    self.node(&map[key], indent, Within::Map);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                // A list under a key is not indented.
                let indent = if within == Within::List { indent + 2 } else { indent };
                for (i, item) in items.iter().enumerate() {
                    match (i, within) {
                        (0, Within::Root) => {}
                        (0, Within::List) => self.out.push(' '),
                        _ => self.line(indent),
                    }
                    self.out.push('-');
                    self.node(item, indent, Within::List);
                }
            }
            scalar => {
                if within != Within::Root {
                    self.out.push(' ');
                }
                match scalar {
                    Value::Object(_) => self.out.push_str("{}"),
                    Value::Array(_) => self.out.push_str("[]"),
                    Value::String(text) => self.string(text, indent + 2),
                    scalar => self.out.push_str(&scalar.to_string()),
                }
            }
        }
    }

    fn key(&mut self, key: &str, indent: usize) {
        let multiline = key.contains('\n');
        if key.len() > LONGEST_SIMPLE_KEY || multiline {
            self.out.push_str("? ");
            self.string(key, indent + 2);
            self.line(indent);
        } else {
            let style = match style(key) {
                Style::Literal => Style::Double,
                style => style,
            };
            self.scalar(key, style, None);
        }
        self.out.push(':');
    }

    fn string(&mut self, text: &str, indent: usize) {
        self.scalar(text, style(text), Some(indent));
    }

    /// Writes a scalar; with an indent its lines may be folded.
    fn scalar(&mut self, text: &str, style: Style, indent: Option<usize>) {
        match style {
            Style::Plain => self.folded(text, indent, Style::Plain),
            Style::Single => {
                self.out.push('\'');
                self.folded(text, indent, Style::Single);
                self.out.push('\'');
            }
            Style::Double => {
                self.out.push('"');
                self.folded(text, indent, Style::Double);
                self.out.push('"');
            }
            Style::Literal => self.literal(text, indent.unwrap_or(2)),
        }
    }

    fn folded(&mut self, text: &str, indent: Option<usize>, style: Style) {
        let mut chars = text.char_indices().peekable();
        let mut blanks = false;
        let mut column = self.column();
        while let Some((at, c)) = chars.next() {
            let inner = style == Style::Plain || (at > 0 && at + 1 < text.len());
            let next_blank = chars.peek().is_some_and(|(_, c)| *c == ' ');
            if let Some(indent) = indent
                && c == ' '
                && !blanks
                && column > WIDTH
                && inner
                && (style == Style::Double || !next_blank)
            {
                self.line(indent);
                column = indent;
                if style == Style::Double && next_blank {
                    self.out.push('\\');
                    column += 1;
                }
            } else {
                let before = self.out.len();
                match (style, c) {
                    (Style::Single, '\'') => self.out.push_str("''"),
                    (Style::Double, c) if !is_printable(c) || matches!(c, '"' | '\\' | '\n') => {
                        escape(c, &mut self.out)
                    }
                    (_, c) => self.out.push(c),
                }
                column += self.out[before..].chars().count();
            }
            blanks = c == ' ';
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with([' ', '\n']) {
            self.out.push('2');
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.out.push('-'),
            Some(body) if body.is_empty() || body.ends_with('\n') => self.out.push('+'),
            Some(_) => {}
        }
        for line in body.unwrap_or(text).split('\n') {
            if line.is_empty() {
                self.out.push('\n');
            } else {
                self.line(indent);
                self.out.push_str(line);
            }
        }
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// How many characters stand in the current line.
    fn column(&self) -> usize {
        let start = self.out.rfind('\n').map_or(0, |at| at + 1);
        self.out[start..].chars().count()
    }
}

/// How go-yaml writes a string: what it asks for by what the text would be read as, and what the text's characters allow.
fn style(text: &str) -> Style {
    let allowed = Allowed::of(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if reads_as_string(text) {
        Style::Plain
    } else {
        Style::Double
    };
    match wanted {
        Style::Literal if allowed.block => Style::Literal,
        Style::Plain if allowed.plain => Style::Plain,
        Style::Plain if allowed.single => Style::Single,
        _ => Style::Double,
    }
}

/// A text on one line as a value in YAML: in quotes where it would be read as something else.
pub(crate) fn as_yaml(text: &str) -> String {
    match style(text) {
        Style::Plain => text.to_owned(),
        _ => serde_json::Value::from(text).to_string(),
    }
}

fn reads_as_string(text: &str) -> bool {
    let infinite = matches!(
        text,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN" | ".NAN"
    );
    scalar::plain_scalar(text).is_none()
        && !scalar::is_timestamp(text)
        && !infinite
        && text != "<<"
        && !is_base_60(text)
}

/// `12:30:45`, which YAML 1.1 elsewhere reads as a number: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (body, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = body.split(':');
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let first = parts.next().is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit()) && digits(p));
    let mut more = parts.peekable();
    let sixtieth = |p: &str| match p.as_bytes() {
        [a] => a.is_ascii_digit(),
        [a, b] => matches!(a, b'0'..=b'5') && b.is_ascii_digit(),
        _ => false,
    };
    first && digits(fraction) && more.peek().is_some() && more.all(sixtieth)
}

/// Which styles a text's characters allow (outside of flow collections, which we do not write).
struct Allowed {
    plain: bool,
    single: bool,
    block: bool,
}

impl Allowed {
    fn of(text: &str) -> Self {
        let mut allowed = Self { plain: true, single: true, block: !text.is_empty() };
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut blank_before_break, mut break_before_blank) = (false, false, false);
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let followed = chars.peek().is_none_or(|c| is_blank(*c));
            indicator |= match (previous, c) {
                (
                    None,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
                ) => true,
                (None, '?' | '-') | (_, ':') => followed,
                (Some(before), '#') => is_blank(before),
                _ => false,
            };
            special |= !is_printable(c);
            blank_before_break |= c == '\n' && previous == Some(' ');
            break_before_blank |= c == ' ' && previous == Some('\n');
            previous = Some(c);
        }
        if text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']) || text.contains('\n') || indicator {
            allowed.plain = false;
        }
        if text.ends_with(' ') {
            allowed.block = false;
        }
        if break_before_blank {
            (allowed.plain, allowed.single) = (false, false);
        }
        if blank_before_break || special {
            allowed = Self { plain: false, single: false, block: false };
        }
        allowed
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml prints as it is; it knows no characters beyond the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

fn escape(c: char, out: &mut String) {
    let short = match c {
        '\0' => "0",
        '\u{7}' => "a",
        '\u{8}' => "b",
        '\t' => "t",
        '\n' => "n",
        '\u{b}' => "v",
        '\u{c}' => "f",
        '\r' => "r",
        '\u{1b}' => "e",
        '"' => "\"",
        '\\' => "\\",
        '\u{85}' => "N",
        _ => {
            let code = u32::from(c);
            out.push_str(&match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            });
            return;
        }
    };
    out.push('\\');
    out.push_str(short);
}

/// go-yaml's order of keys: numbers in them count as numbers, and what is no letter comes before letters.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(i) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    match (a[i].is_alphabetic(), b[i].is_alphabetic()) {
        (true, true) => return a[i].cmp(&b[i]),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let number = |of: &[char]| -> (i64, usize) {
        let digits = of[i..].iter().take_while(|c| c.is_ascii_digit());
        let value =
            digits.clone().fold(0i64, |n, c| n.wrapping_mul(10).wrapping_add(i64::from(c.to_digit(10).unwrap_or(0))));
        (value, digits.count())
    };
    // A zero counts as a digit only within a number that has begun with another.
    let mut lead = 0;
    if a[i] == '0' || b[i] == '0' {
        lead = i64::from(a[..i].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0'));
    }
    let ((mut an, ai), (mut bn, bi)) = (number(&a), number(&b));
    if lead == 1 {
        an = an.wrapping_add(10i64.wrapping_pow(ai as u32));
        bn = bn.wrapping_add(10i64.wrapping_pow(bi as u32));
    }
    an.cmp(&bn).then(ai.cmp(&bi)).then(a[i].cmp(&b[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, expected: &str) {
        assert_eq!(to_yaml(value), expected);
    }

    #[test]
    fn lists_stand_under_their_key() {
        let value = json!({"b": [{"x": 1, "w": {"z": [1, 2]}}, [3, [4]], []], "a": {}, "c": null, "e": true, "f": 1.5});
        check(
            &value,
            "a: {}\nb:\n- w:\n    z:\n    - 1\n    - 2\n  x: 1\n- - 3\n  - - 4\n- []\nc: null\ne: true\nf: 1.5\n",
        );
    }

    #[test]
    fn strings_are_quoted_where_they_would_be_read_otherwise() {
        for (text, expected) in [
            ("web", "web"),
            ("80", "\"80\""),
            ("yes", "\"yes\""),
            ("on", "\"on\""),
            ("", "\"\""),
            ("1e3", "\"1e3\""),
            ("0o17", "\"0o17\""),
            ("12:30", "\"12:30\""),
            ("2026-10-01T08:00:00Z", "\"2026-10-01T08:00:00Z\""),
            ("2026-13-01", "2026-13-01"),
            ("10.96.0.1", "10.96.0.1"),
            ("25%", "25%"),
            ("a: b", "'a: b'"),
            ("it's", "it's"),
            ("'it'", "'''it'''"),
            ("# no", "'# no'"),
            ("*", "'*'"),
            ("-", "'-'"),
            ("--x", "--x"),
            ("---", "'---'"),
            (" x", "' x'"),
            ("a\tb", "\"a\\tb\""),
            ("😀", "\"\\U0001F600\""),
            ("中文", "中文"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\n\nb", "|-\n  a\n\n  b"),
            ("a\n\n", "|+\n  a\n"),
            ("\na", "|2-\n\n  a"),
            ("a \nb", "\"a \\nb\""),
        ] {
            check(&json!(text), &format!("{expected}\n"));
        }
    }

    #[test]
    fn long_lines_are_folded() {
        let long =
            "containers with unready status: [hello] and many more words that go on until the line is long enough";
        check(
            &json!({"status": {"message": long}}),
            "status:\n  message: 'containers with unready status: [hello] and many more words that go on\n    until the line is long enough'\n",
        );
        check(
            &json!(long.replace(": ", " ")),
            "containers with unready status [hello] and many more words that go on until the line\n  is long enough\n",
        );
    }

    #[test]
    fn keys_sort_naturally() {
        let value = json!({"a10": 1, "a9": 1, "b": 1, "B": 1, "a-b": 1, "ab": 1, "80": 1});
        check(&value, "\"80\": 1\nB: 1\na-b: 1\na9: 1\na10: 1\nab: 1\nb: 1\n");
    }

    #[test]
    fn json_is_gos() {
        assert_eq!(
            to_json(&json!({"a": [], "b": {"c": "<&>"}})),
            "{\n    \"a\": [],\n    \"b\": {\n        \"c\": \"\\u003c\\u0026\\u003e\"\n    }\n}\n"
        );
        assert_eq!(to_json_line(&json!({"a": "b>"})), "{\"a\":\"b\\u003e\"}");
    }
}
