//! The same YAML, tidy: two columns a level, one blank after a colon, no blanks at a line's end, double quotes, at most one
//! empty line in a row. Comments, order, flow collections and block scalars stay; a list stands two columns right of its key.
//!
//! Works on lines, and reads both texts in the end: what would not be the same to kubectl is not given out. Left as they are:
//! texts with `? ` keys, directives, or tabs in front.

use super::place::Line;
use crate::manifest;

/// Why a text stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untidied {
    /// It cannot be read.
    Unreadable,
    /// It can, but tidying it would change what it says.
    Unsure,
}

/// The same YAML, tidy.
///
/// ```
/// assert_eq!(kubehop::assist::format("a:\n    - b:   'c'  \n").unwrap(), "a:\n  - b: \"c\"\n");
/// ```
pub fn format(text: &str) -> Result<String, Untidied> {
    if !manifest::is_same(text, text) {
        return Err(Untidied::Unreadable);
    }
    let tidy = Tidy::default().all(text).ok_or(Untidied::Unsure)?;
    if manifest::is_same(text, &tidy) { Ok(tidy) } else { Err(Untidied::Unsure) }
}

/// A collection that is open: the column where it stood, and where it stands now.
#[derive(Clone, Copy)]
struct Level {
    old: usize,
    new: usize,
    list: bool,
}

/// What the next line may be a part of.
#[derive(Clone, Copy, Default)]
enum Within {
    #[default]
    Nothing,
    /// A scalar without quotes may go on in lines right of the first column, and then stands in the second.
    Plain(usize, usize),
    /// A block scalar: of lines right of the column, which move by so much.
    Block { parent: usize, content: Option<usize>, by: isize },
    /// Brackets or quotes that are not closed.
    Open { scan: Scan, by: isize },
}

/// Brackets and quotes, counted.
#[derive(Clone, Copy, Default)]
struct Scan {
    depth: usize,
    quote: Option<char>,
}

impl Scan {
    /// Goes over a line; gives the byte after the last closing bracket or quote, if all is closed there.
    fn line(&mut self, text: &str) -> Option<usize> {
        let mut before = ' ';
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match (self.quote, c) {
                (Some('"'), '\\') => drop(chars.next()),
                (Some('\''), '\'') if chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
                (Some(quote), c) if c == quote => self.quote = None,
                (Some(_), _) => {}
                (None, '#') if before == ' ' => return None,
                (None, '"' | '\'') if matches!(before, ' ' | '[' | '{' | ',' | ':') => self.quote = Some(c),
                (None, '[' | '{') => self.depth += 1,
                (None, ']' | '}') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            if self.is_closed() && matches!(c, ']' | '}' | '"' | '\'') {
                return Some(at + c.len_utf8());
            }
            before = c;
        }
        None
    }

    fn is_closed(self) -> bool {
        self.depth == 0 && self.quote.is_none()
    }
}

#[derive(Default)]
struct Tidy<'a> {
    out: String,
    levels: Vec<Level>,
    within: Within,
    /// An empty line, and comments with their columns, that wait for the line they stand before.
    waiting: Vec<(usize, &'a str)>,
}

impl<'a> Tidy<'a> {
    fn all(mut self, text: &'a str) -> Option<String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !self.goes_on(line) {
                self.begins(line)?;
            }
        }
        self.flush();
        let out = self.out.trim_end_matches('\n');
        Some(if out.is_empty() { String::new() } else { format!("{out}\n") })
    }

    fn push(&mut self, column: usize, text: &str) {
        self.out.push_str(&" ".repeat(column));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Takes a line that is a part of what began above.
    fn goes_on(&mut self, line: &str) -> bool {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let moved = |by: isize| indent.saturating_add_signed(by);
        match self.within {
            Within::Block { parent, content, by } => {
                if trimmed.is_empty() {
                    // Blanks right of the text are text.
                    let text = if content.is_some_and(|content| line.len() > content) { moved(by) } else { 0 };
                    self.push(text, line.trim_start_matches(' '));
                    return true;
                }
                if indent <= parent && !(parent == 0 && self.levels.is_empty()) {
                    self.within = Within::Nothing;
                    return false;
                }
                self.within = Within::Block { parent, content: content.or(Some(indent)), by };
                self.push(moved(by), &line[indent..]);
                true
            }
            Within::Open { mut scan, by } => {
                let closed = scan.line(trimmed).is_some();
                self.within = if closed { Within::Nothing } else { Within::Open { scan, by } };
                self.push(if trimmed.is_empty() { 0 } else { moved(by) }, trimmed);
                true
            }
            Within::Plain(right_of, column) => {
                let read = Line::of(line, 0);
                let goes_on = indent > right_of && read.key.is_none() && !trimmed.starts_with('#');
                if goes_on && !trimmed.is_empty() && self.waiting.is_empty() {
                    self.push(column, trimmed);
                    return true;
                }
                false
            }
            Within::Nothing => false,
        }
    }

    /// Takes a line that is something of its own; none where we had better not.
    fn begins(&mut self, text: &'a str) -> Option<()> {
        let trimmed = text.trim();
        let indent = text.len() - text.trim_start_matches(' ').len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            self.waiting.push((indent, trimmed));
            return Some(());
        }
        if text.starts_with("---") || text.starts_with("...") {
            self.flush();
            self.levels.clear();
            self.within = Within::Nothing;
            self.push(0, trimmed);
            return Some(());
        }
        if text.starts_with('%') || trimmed == "?" || trimmed.starts_with("? ") || text[indent..].starts_with('\t') {
            return None;
        }
        self.within = Within::Nothing;
        let line = Line::of(text, 0);
        let waiting = self.settle(indent);
        let (mut first, mut last) = (None, (0, 0));
        for dash in &line.dashes {
            last = (*dash, self.enter(*dash, true));
            first.get_or_insert(last.1);
        }
        let content = text[line.column..].trim_end();
        let new = match (line.key.is_some(), line.dashes.is_empty()) {
            (true, _) => self.enter(line.column, false),
            (false, false) => last.1 + 2,
            (false, true) => {
                while self.levels.last().is_some_and(|level| level.old >= line.column) {
                    self.levels.pop();
                }
                self.levels.last().map_or(0, |level| level.new + 2)
            }
        };
        let first = first.unwrap_or(new);
        self.emit(waiting, first);
        if content.is_empty() {
            self.push(first, "- ".repeat(line.dashes.len()).trim_end());
            return Some(());
        }
        let (key, value) = match line.key {
            Some(_) => {
                let colon = text.len() - line.rest.len();
                (Some(&text[line.column..colon]), line.rest.trim())
            }
            None => (None, content),
        };
        // A block scalar's or a plain one's further lines stand right of this.
        let (parent, parent_new) = if line.key.is_some() { (line.column, new) } else { last };
        let by = new as isize - line.column as isize;
        let value = self.value(value, parent, if line.key.is_some() { new + 2 } else { new }, by);
        if let Within::Block { by, .. } = &mut self.within {
            *by = parent_new as isize - parent as isize;
        }
        let key = key.map(|key| format!("{}:", key.trim_end_matches(':').trim_end())).unwrap_or_default();
        let gap = if key.is_empty() || value.is_empty() { "" } else { " " };
        self.push(first, &format!("{}{key}{gap}{value}", "- ".repeat(line.dashes.len())));
        Some(())
    }

    /// A value's first line, tidy; what may follow is noted.
    fn value(&mut self, text: &str, parent: usize, column: usize, by: isize) -> String {
        // Behind an anchor or a tag.
        let mut bare = text;
        while bare.starts_with(['&', '!']) {
            bare = bare.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        }
        let mut scan = Scan::default();
        self.within = match bare.chars().next() {
            None | Some('#' | '*') => Within::Nothing,
            Some('|' | '>') => Within::Block { parent, content: None, by },
            Some('"' | '\'' | '[' | '{') => match scan.line(bare) {
                Some(_) => Within::Nothing,
                None => Within::Open { scan, by },
            },
            Some(_) if bare.contains(" #") => Within::Nothing,
            Some(_) => Within::Plain(parent, column),
        };
        let inside = text.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        match inside {
            Some((inside, rest)) if !rest.starts_with('\'') && !inside.contains(['"', '\\']) => {
                format!("\"{inside}\"{rest}")
            }
            _ => text.to_owned(),
        }
    }

    /// The new column of a map or a list that stands in a column.
    fn enter(&mut self, column: usize, list: bool) -> usize {
        let over = |level: &Level| level.old > column || (level.old == column && level.list && !list);
        while self.levels.last().is_some_and(over) {
            self.levels.pop();
        }
        match self.levels.last() {
            Some(level) if level.old == column && level.list == list => level.new,
            above => {
                let new = above.map_or(0, |level| level.new + 2);
                self.levels.push(Level { old: column, new, list });
                new
            }
        }
    }

    /// Where the waiting comments go that do not stand as the next line does.
    fn settle(&mut self, next: usize) -> Vec<(Option<usize>, &'a str)> {
        let levels = &self.levels;
        let column = |old: usize| match levels.iter().rfind(|level| level.old <= old) {
            Some(level) if level.old == old => level.new,
            Some(level) => level.new + 2,
            None => 0,
        };
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting.map(|(old, text)| ((old != next).then(|| column(old)), text)).collect()
    }

    fn emit(&mut self, waiting: Vec<(Option<usize>, &str)>, next: usize) {
        for (column, text) in waiting {
            if !text.is_empty() {
                self.push(column.unwrap_or(next), text);
            } else if !self.out.is_empty() && !self.out.ends_with("\n\n") {
                self.out.push('\n');
            }
        }
    }

    /// Before the end of a document.
    fn flush(&mut self) {
        let waiting = self.settle(usize::MAX);
        self.emit(waiting, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(format(text).as_deref(), Ok(expected));
        assert_eq!(format(expected).as_deref(), Ok(expected), "a second time");
    }

    #[test]
    fn levels_are_two_columns() {
        check(
            "kind:   Service  \nspec:\n    ports:\n    -   port: 80\n        name: a\n    - {port: 81,  name: 'b'}\n    type:  NodePort\n",
            "kind: Service\nspec:\n  ports:\n    - port: 80\n      name: a\n    - {port: 81,  name: 'b'}\n  type: NodePort\n",
        );
        check(
            "a:\n- - b\n  -   c: 1\n      d:\n      - e\nf: 1",
            "a:\n  - - b\n    - c: 1\n      d:\n        - e\nf: 1\n",
        );
        check("a:\n-\n    b: 1\n-\n", "a:\n  -\n    b: 1\n  -\n");
    }

    #[test]
    fn comments_stay_with_their_lines() {
        check(
            "# top\n\n\n\nspec:   # of it\n    # the ports\n    ports:\n    # first\n    - port: 80 # web\n    # last\n\n# end\n",
            "# top\n\nspec: # of it\n  # the ports\n  ports:\n    # first\n    - port: 80 # web\n    # last\n\n# end\n",
        );
    }

    #[test]
    fn text_stays_text() {
        check(
            "data:\n    a: |\n        x: 1\n          y\n\n        z   \n    b: >-\n      folded\n    c: plain\n        goes on\n    d: 'it''s'\n    e: 'x' # y\n    f: \"a\n       b\"\n",
            "data:\n  a: |\n      x: 1\n        y\n\n      z   \n  b: >-\n    folded\n  c: plain\n    goes on\n  d: 'it''s'\n  e: \"x\" # y\n  f: \"a\n     b\"\n",
        );
        check("args:\n  - |\n   a\n   b\n  - c\n", "args:\n  - |\n   a\n   b\n  - c\n");
        check(
            "a: [1,\n      2, # two\n  3]\nb: {c: \"}\",\n d: 1}\n",
            "a: [1,\n      2, # two\n  3]\nb: {c: \"}\",\n d: 1}\n",
        );
    }

    #[test]
    fn documents_begin_anew() {
        check("---\na: 1\n\n---\n   b:\n      c: 1\n", "---\na: 1\n\n---\nb:\n  c: 1\n");
        check("a: &x\n    b: 1\nc: *x\n", "a: &x\n  b: 1\nc: *x\n");
        check("", "");
    }

    #[test]
    fn what_is_not_understood_stays() {
        assert_eq!(format("a: b: c\n"), Err(Untidied::Unreadable));
        assert_eq!(format("? a\n: 1\n"), Err(Untidied::Unsure));
    }
}
