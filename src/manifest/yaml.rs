//! YAML text to a tree in which every key and value knows its place.
//!
//! Takes the events of `saphyr-parser` (YAML 1.2); scalars are read as kubectl reads them, see `scalar.rs`. (Left out: U+0085 and U+2028 are line breaks in YAML 1.1 and not here; `&a:` is an anchor of a key
//! there and not here.) Aliases and merge keys are resolved here. Nothing recurses: the depth of a text is the text's choice.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::scalar;
use super::syntax::{self, Syntax};
use crate::diag::Hint;
use crate::text::Span;

/// How deep a document may nest. go-yaml allows 10,000; the page's stack does not.
pub(super) const MAX_DEPTH: usize = 250;

/// How many nodes may be copied because of anchors and aliases in one document (go-yaml's own bound is 400,000 and more).
const MAX_COPIES: u32 = 200_000;

/// How many lines of flow collections may lack their indentation in one document: each makes us read it once more, and
/// no more than so many bytes in all.
const MAX_JOINS: usize = 32;
const MAX_REREAD: usize = 4 << 20;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// All of its text; of a collection in block style up to the end of its last value.
    pub(super) span: Span,
    /// What it is.
    pub(super) data: Data,
    /// Itself and all below it, counted.
    size: u32,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
    /// Whether it came by a merge key, `<<`.
    merged: bool,
}

/// A key that a later one replaces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Duplicate {
    pub(super) key: String,
    pub(super) span: Span,
}

/// A collection that is still open.
struct Frame {
    start: u32,
    /// Whether it is written with brackets.
    flow: bool,
    anchor: usize,
    items: Items,
}

impl Frame {
    fn open(&self) -> Open {
        match (&self.items, self.flow) {
            (Items::List(_), false) => Open::BlockList,
            (Items::List(_), true) => Open::FlowList,
            (Items::Map(..), false) => Open::BlockMap,
            (Items::Map(..), true) => Open::FlowMap,
        }
    }
}

enum Items {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<Key>),
}

/// A key that waits for its value.
struct Key {
    text: String,
    span: Span,
    merge: bool,
}

/// What is open where a mistake is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Open {
    Nothing,
    BlockMap,
    BlockList,
    FlowMap,
    FlowList,
}

/// Reads the first document of `text`, which begins at byte `base` of its file: none if there is nothing but comments.
pub(super) fn read(text: &str, base: u32, duplicates: &mut Vec<Duplicate>) -> Result<Option<Node>, Syntax> {
    let written = text;
    let mut text = Cow::Borrowed(text);
    // YAML 1.2 wants the lines of a flow collection indented, go-yaml does not: such a line is joined to the one before.
    for _ in 0..(MAX_REREAD / text.len().max(1)).clamp(1, MAX_JOINS) {
        duplicates.clear();
        match attempt(&text, written, base, duplicates) {
            Err(Stop::Outdented(at)) => match syntax::join_lines(&text, (at - base) as usize) {
                Some(joined) => text = Cow::Owned(joined),
                None => break,
            },
            Err(Stop::Syntax(syntax)) => return Err(syntax),
            Ok(node) => return Ok(node),
        }
    }
    let end = base + text.len() as u32;
    Err(Syntax::new(Span { start: end, end }, "did not find expected node content"))
}

/// Why a reading ended early.
enum Stop {
    Syntax(Syntax),
    /// A line of a flow collection is not indented.
    Outdented(u32),
}

impl From<Syntax> for Stop {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

/// Reads `text`, which is `written` with some lines joined.
fn attempt(text: &str, written: &str, base: u32, duplicates: &mut Vec<Duplicate>) -> Result<Option<Node>, Stop> {
    let mut builder = Builder {
        places: Places::new(text, base),
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        copies: 0,
        root: None,
        duplicates,
    };
    let mut tabs = Tabs::new(text, base);
    let joined = text != written;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = builder.places.byte(error.marker().index());
                let open = builder.stack.last().map_or(Open::Nothing, Frame::open);
                if error.info().starts_with("invalid indentation") && matches!(open, Open::FlowMap | Open::FlowList) {
                    return Err(Stop::Outdented(at));
                }
                let outermost = builder.stack.iter().find(|f| f.flow).map_or(at, |f| f.start);
                let end = if error.info().contains("tab") { u32::MAX } else { at.min(outermost) + 1 };
                return Err(match tabs.before(end) {
                    Some(tab) => syntax::tab(text, base, tab),
                    None => syntax::from_scanner(&error, text, &builder.places, open),
                }
                .into());
            }
        };
        let span = Span { start: builder.places.byte(span.start.index()), end: builder.places.byte(span.end.index()) };
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::DocumentEnd | Event::StreamEnd => break,
            Event::Alias(id) => builder.alias(id, span)?,
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let missing = plain && text.is_empty();
                if missing && tag.is_none() && anchor == 0 && builder.awaits_key() {
                    return Err(syntax::no_key(&builder.places, span).into());
                }
                tabs.skip(span);
                let merge = plain && tag.is_none() && text == "<<";
                let span = if missing { Span { end: span.start, ..span } } else { span };
                let before = written.get((span.start - base) as usize..(span.end - base) as usize);
                let text = match joined && before.is_some_and(|before| before.contains('\n')) {
                    // What would have been folded has become blanks.
                    true => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
                    false => text,
                };
                let data =
                    scalar::resolve(&text, plain, tag.as_deref()).map_err(|message| Syntax::bare(span, message))?;
                builder.complete(Node { span, data, size: 1 }, anchor, merge)?;
            }
            Event::SequenceStart(anchor, _) => builder.open(span, anchor, Items::List(Vec::new()))?,
            Event::MappingStart(anchor, _) => builder.open(span, anchor, Items::Map(Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(flow) = builder.close(span)? {
                    tabs.skip(flow);
                }
            }
        }
    }
    if let Some(tab) = tabs.before(u32::MAX) {
        return Err(syntax::tab(text, base, tab).into());
    }
    Ok(builder.root)
}

/// The tabs that indent lines. YAML 1.2 tolerates some that go-yaml does not: any outside of scalars and flow collections.
struct Tabs {
    /// Where they are.
    places: BTreeSet<u32>,
}

impl Tabs {
    fn new(text: &str, base: u32) -> Self {
        let mut places = BTreeSet::new();
        if text.contains('\t') {
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let indent = line.bytes().take_while(|b| matches!(b, b' ' | b'\t')).position(|b| b == b'\t');
                places.extend(indent.map(|at| base + (start + at) as u32));
                start += line.len();
            }
        }
        Self { places }
    }

    /// What lies in this span may have tabs.
    fn skip(&mut self, span: Span) {
        while let Some(&tab) = self.places.range(span.start..span.end.max(span.start)).next() {
            self.places.remove(&tab);
        }
    }

    /// The first tab before a place.
    fn before(&self, end: u32) -> Option<u32> {
        self.places.first().copied().filter(|tab| *tab < end)
    }
}

struct Builder<'a> {
    places: Places<'a>,
    stack: Vec<Frame>,
    /// None while the node is open: an alias to it would contain itself.
    anchors: BTreeMap<usize, Node>,
    copies: u32,
    root: Option<Node>,
    duplicates: &'a mut Vec<Duplicate>,
}

impl Builder<'_> {
    fn open(&mut self, span: Span, anchor: usize, items: Items) -> Result<(), Syntax> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Syntax::new(span, format!("exceeded max depth of {MAX_DEPTH}")).hint(Hint::TooDeep));
        }
        // The span holds an anchor and a tag too, and blanks after a bracket.
        let mut words = self.places.text_of(span).split_whitespace().skip_while(|word| word.starts_with(['&', '!']));
        let flow = words.next().is_some_and(|word| word.starts_with(['[', '{']));
        self.stack.push(Frame { start: span.start, flow, anchor, items });
        Ok(())
    }

    /// Whether the next node is a key.
    fn awaits_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { items: Items::Map(_, None), .. }))
    }

    /// Closes the innermost collection; gives its span if it is written with brackets.
    fn close(&mut self, end: Span) -> Result<Option<Span>, Syntax> {
        let Some(frame) = self.stack.pop() else { return Ok(None) };
        let (data, last, size) = match frame.items {
            Items::List(items) => {
                let (last, size) = (items.last().map(|i| i.span.end), items.iter().map(|i| i.size).sum::<u32>());
                (Data::List(items), last, size)
            }
            Items::Map(entries, _) => {
                let last = entries.iter().rev().find(|e| !e.merged).map(|e| e.value.span.end.max(e.key_span.end));
                let entries = settle(entries, self.duplicates);
                let size = entries.iter().map(|e| e.value.size).sum::<u32>();
                (Data::Map(entries), last, size)
            }
        };
        // A flow collection ends with its bracket; a block collection where its last value does.
        let end = if end.start < end.end { self.places.after_bracket(end.start) } else { last.unwrap_or(end.end) };
        let span = Span { start: frame.start, end: end.max(frame.start) };
        self.complete(Node { span, data, size: size.saturating_add(1) }, frame.anchor, false)?;
        Ok(frame.flow.then_some(span))
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Syntax> {
        let Some(target) = self.anchors.get(&id) else {
            let name = self.places.text_of(span).trim_start_matches('*');
            return Err(Syntax::new(span, format!("anchor '{name}' value contains itself")));
        };
        let size = target.size;
        self.spend(size, span)?;
        let Some(target) = self.anchors.get(&id) else { return Ok(()) };
        let node = Node { span, ..target.clone() };
        self.complete(node, 0, false)
    }

    fn spend(&mut self, copies: u32, span: Span) -> Result<(), Syntax> {
        self.copies = self.copies.saturating_add(copies);
        if self.copies > MAX_COPIES {
            return Err(Syntax::new(span, "document contains excessive aliasing"));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, merge: bool) -> Result<(), Syntax> {
        if anchor > 0 {
            self.spend(node.size, node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|frame| &mut frame.items) {
            None => {
                self.root.get_or_insert(node);
            }
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map(entries, key)) => match key.take() {
                None => *key = Some(Key { span: node.span, text: key_text(node)?, merge }),
                Some(key) if key.merge => merge_into(entries, node)?,
                Some(Key { text, span, .. }) => {
                    entries.push(Entry { key: text, key_span: span, value: node, merged: false });
                }
            },
        }
        Ok(())
    }
}

/// A key as a string: JSON has no other keys.
fn key_text(node: Node) -> Result<String, Syntax> {
    match node.data {
        Data::String(text) => Ok(text),
        Data::Bool(value) => Ok(value.to_string()),
        Data::Number(number) => Ok(number.to_string()),
        Data::Null => Err(Syntax::bare(node.span, "unsupported map key of type: %!s(<nil>), key: <nil>")),
        Data::List(_) | Data::Map(_) => {
            Err(Syntax::new(node.span, format!("invalid map key: {}", go_syntax(&node))).hint(Hint::Template))
        }
    }
}

/// A small value as Go's `%#v` prints it: `{{ .Values.name }}` is a map as a key, and go-yaml says so in these words.
fn go_syntax(node: &Node) -> String {
    match &node.data {
        Data::Null => "interface {}(nil)".into(),
        Data::Bool(value) => value.to_string(),
        Data::Number(number) => number.to_string(),
        Data::String(text) => format!("{text:?}"),
        Data::List(items) => {
            let items: Vec<_> = items.iter().take(3).map(go_leaf).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Data::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().take(3).map(|e| format!("{:?}:{}", e.key, go_leaf(&e.value))).collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", entries.join(", "))
        }
    }
}

fn go_leaf(node: &Node) -> String {
    match &node.data {
        Data::List(_) => "[]interface {}{...}".into(),
        Data::Map(_) => "map[interface {}]interface {}{...}".into(),
        _ => go_syntax(node),
    }
}

/// `<<: *defaults` and `<<: [*a, *b]`, of which the earlier one takes precedence.
fn merge_into(entries: &mut Vec<Entry>, node: Node) -> Result<(), Syntax> {
    let maps = match node.data {
        Data::Map(_) => vec![node],
        Data::List(items) => items,
        _ => vec![node],
    };
    for map in maps.into_iter().rev() {
        let Data::Map(from) = map.data else {
            return Err(Syntax::new(map.span, "map merge requires map or sequence of maps as the value"));
        };
        entries.extend(from.into_iter().map(|entry| Entry { merged: true, ..entry }));
    }
    Ok(())
}

/// Of entries with the same key, the last stays.
fn settle(mut entries: Vec<Entry>, duplicates: &mut Vec<Duplicate>) -> Vec<Entry> {
    let mut last = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate() {
        last.insert(entry.key.as_str(), i);
    }
    if last.len() == entries.len() {
        return entries;
    }
    let stays: Vec<bool> = entries.iter().enumerate().map(|(i, entry)| last[entry.key.as_str()] == i).collect();
    let mut i = 0;
    entries.retain_mut(|entry| {
        let stay = stays[i];
        i += 1;
        if !stay && !entry.merged {
            duplicates.push(Duplicate { key: entry.key.clone(), span: entry.key_span });
        }
        stay
    });
    entries
}

/// Characters counted to bytes counted.
pub(super) struct Places<'a> {
    text: &'a str,
    base: u32,
    /// The byte of every 64th character; empty where all are ASCII.
    samples: Vec<u32>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str, base: u32) -> Self {
        let samples = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().step_by(64).map(|(at, _)| at as u32).collect(),
        };
        Self { text, base, samples }
    }

    /// The byte of a character in the file.
    pub(super) fn byte(&self, index: usize) -> u32 {
        if self.samples.is_empty() {
            return self.base + index.min(self.text.len()) as u32;
        }
        let Some(&sample) = self.samples.get(index / 64) else { return self.base + self.text.len() as u32 };
        let rest = &self.text[sample as usize..];
        let within = rest.char_indices().nth(index % 64).map_or(rest.len(), |(at, _)| at);
        self.base + sample + within as u32
    }

    /// All of the document.
    pub(super) fn whole(&self) -> Span {
        Span { start: self.base, end: self.base + self.text.len() as u32 }
    }

    /// The end of the flow collection whose last comma or bracket is at `from`.
    fn after_bracket(&self, from: u32) -> u32 {
        let mut at = from;
        for line in self.text_of(Span { start: from, end: self.whole().end }).split_inclusive('\n') {
            match line.find([']', '}', '#']) {
                Some(found) if !line[found..].starts_with('#') => return at + found as u32 + 1,
                _ => at += line.len() as u32,
            }
        }
        from + 1
    }

    /// The text of a span of the file, if it lies in the document.
    pub(super) fn text_of(&self, span: Span) -> &'a str {
        let range = span.start.saturating_sub(self.base) as usize..span.end.saturating_sub(self.base) as usize;
        self.text.get(range).unwrap_or_default()
    }
}
