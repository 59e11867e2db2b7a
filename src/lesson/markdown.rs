//! The part of Markdown that lessons use, read into plain data: [`blocks`].
//!
//! Paragraphs, lists (`- ` and `1. `), fenced code, and in a line `code`, *emphasis*, **strong** and [links](…). Anything
//! else is text. There is no HTML: what cannot be said here cannot be injected either. A whole reader of CommonMark would
//! be a fifth of the page's size.

/// A block of prose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(Vec<Inline>),
    /// A list; ordered or not.
    List {
        /// Whether the items are numbered.
        ordered: bool,
        /// The items.
        items: Vec<Vec<Inline>>,
    },
    /// A fenced block.
    Code {
        /// What stands after the opening fence.
        info: String,
        /// The text, with its last line break.
        text: String,
    },
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Markdown's own")]
pub enum Inline {
    Text(String),
    Code(String),
    Emphasis(String),
    Strong(String),
    Link { text: String, to: String },
}

/// Reads blocks. Any text is read somehow.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let mut text = String::new();
            for line in lines.by_ref().take_while(|line| line.trim_end() != "```") {
                text.push_str(line);
                text.push('\n');
            }
            blocks.push(Block::Code { info: info.trim().to_owned(), text });
        } else if let Some((ordered, first)) = item(line) {
            let mut items = vec![first.to_owned()];
            while let Some(line) = lines.next_if(|line| item(line).is_some() || line.starts_with("  ")) {
                match item(line) {
                    Some((_, text)) => items.push(text.to_owned()),
                    None => join(items.last_mut().expect("it began with one"), line),
                }
            }
            blocks.push(Block::List { ordered, items: items.iter().map(|text| inlines(text)).collect() });
        } else if !line.trim().is_empty() {
            let mut text = line.trim().to_owned();
            while let Some(line) =
                lines.next_if(|line| !line.trim().is_empty() && !line.starts_with("```") && item(line).is_none())
            {
                join(&mut text, line);
            }
            blocks.push(Block::Paragraph(inlines(&text)));
        }
    }
    blocks
}

/// A line break is a space, but not between Chinese characters, which are written without any.
fn join(text: &mut String, line: &str) {
    let line = line.trim();
    let wide = |c: Option<char>| {
        c.is_some_and(|c| ('\u{2e80}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c))
    };
    if !(wide(text.chars().next_back()) && wide(line.chars().next())) {
        text.push(' ');
    }
    text.push_str(line);
}

fn item(line: &str) -> Option<(bool, &str)> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some((false, text.trim()));
    }
    let (number, text) = line.split_once(". ")?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some((true, text.trim()))
}

/// Reads one line's pieces.
fn inlines(text: &str) -> Vec<Inline> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((piece, length)) = piece(rest) {
            if !plain.is_empty() {
                pieces.push(Inline::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = &rest[length..];
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !plain.is_empty() {
        pieces.push(Inline::Text(plain));
    }
    pieces
}

/// The marked piece that `text` begins with, and its length.
fn piece(text: &str) -> Option<(Inline, usize)> {
    let between = |open: &str, close: &str| {
        let inside = text.strip_prefix(open)?;
        let end = inside.find(close)?;
        (end > 0).then(|| (inside[..end].to_owned(), open.len() + end + close.len()))
    };
    if let Some((inside, length)) = between("`", "`") {
        return Some((Inline::Code(inside), length));
    }
    if let Some((inside, length)) = between("**", "**") {
        return Some((Inline::Strong(inside), length));
    }
    if let Some((inside, length)) = between("*", "*").filter(|(inside, _)| !inside.starts_with(' ')) {
        return Some((Inline::Emphasis(inside), length));
    }
    let (label, length) = between("[", "](")?;
    let end = text[length..].find(')')?;
    Some((Inline::Link { text: label, to: text[length..length + end].to_owned() }, length + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_becomes_data() {
        let read = blocks("A *b* `c`\nd [e](f).\n\n- one\n- two\n  more\n\n```sh\nls\n\nls\n```\n");
        assert_eq!(
            read,
            [
                Block::Paragraph(vec![
                    Inline::Text("A ".into()),
                    Inline::Emphasis("b".into()),
                    Inline::Text(" ".into()),
                    Inline::Code("c".into()),
                    Inline::Text(" d ".into()),
                    Inline::Link { text: "e".into(), to: "f".into() },
                    Inline::Text(".".into()),
                ]),
                Block::List {
                    ordered: false,
                    items: vec![vec![Inline::Text("one".into())], vec![Inline::Text("two more".into())]]
                },
                Block::Code { info: "sh".into(), text: "ls\n\nls\n".into() },
            ]
        );
    }

    #[test]
    fn chinese_lines_join_without_a_space() {
        assert_eq!(blocks("你好，\n世界"), [Block::Paragraph(vec![Inline::Text("你好，世界".into())])]);
    }

    #[test]
    fn open_marks_are_text() {
        assert_eq!(blocks("2 * 3 ` [x] **"), [Block::Paragraph(vec![Inline::Text("2 * 3 ` [x] **".into())])]);
    }
}
