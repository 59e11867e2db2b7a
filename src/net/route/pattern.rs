//! Regular expressions of paths and headers, as nginx' PCRE reads what people write: literals, `.`, sets, groups, `|`, `*`, `+`,
//! `?` and `{m,n}` (greedy or lazy), `^`, `$`, `\d`, `\w`, `\s`, `\b`, `(?:…)`, `(?i)`.
//!
//! The first match counts as a backtracking engine finds it, with its groups; but no place of the text is visited twice in the
//! same state, so that time is bounded by the product of both lengths. Left out: look-around, back-references, named classes,
//! possessive quantifiers; a pattern with one is an error. A crate would bring its automata into the page for a few paths, and
//! `shell::pattern` is grep's: the longest match, without groups.

/// A pattern, ready to match. Letters match in either case.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    text: Box<str>,
    program: Vec<Step>,
    groups: usize,
}

/// A match: the range of the whole, and those of the groups that took part. In bytes.
pub type Found = Vec<Option<(usize, usize)>>;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// One of these ranges, or none of them.
    Set(Vec<(char, char)>, bool),
    /// Go on at the first; if that fails, at the second.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    Start,
    End,
    Word(bool),
    Match,
}

enum Node {
    Set(Vec<(char, char)>, bool),
    Start,
    End,
    Word(bool),
    Group(Box<Node>, Option<usize>),
    Either(Vec<Node>),
    Sequence(Vec<Node>),
    /// At least, at most, and whether as much as possible.
    Repeat(Box<Node>, usize, Option<usize>, bool),
}

/// How deep groups may stand in one another, how long a program may be, and how often `{m,n}` may repeat.
const DEPTH: u32 = 32;
const STEPS: usize = 4000;
const TIMES: usize = 1000;
/// A text and a program that are longer together do not match; nginx takes no request line of more than 8 KiB anyway.
const MOST_WORK: usize = 1 << 25;

const DIGIT: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('a', 'z'), ('_', '_')];
const SPACE: &[(char, char)] = &[('\t', '\r'), (' ', ' ')];

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        // Both sides are compared in lower case; escapes keep theirs, as `\D` is not `\d`.
        let mut reader = Reader { chars: text.chars().collect(), at: 0, groups: 0, depth: 0 };
        let node = reader.either()?;
        if reader.at < reader.chars.len() {
            return Err("unmatched closing parenthesis");
        }
        let mut program = vec![Step::Save(0)];
        write(&node, &mut program)?;
        program.extend([Step::Save(1), Step::Match]);
        Ok(Self { text: text.into(), program, groups: reader.groups + 1 })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first match in a text.
    pub fn find(&self, text: &str) -> Option<Found> {
        if text.len().saturating_mul(self.program.len()) > MOST_WORK {
            return None;
        }
        let chars: Vec<(usize, char)> = text.char_indices().map(|(at, c)| (at, lower(c))).collect();
        let mut run = Run { program: &self.program, chars: &chars, end: text.len(), seen: Vec::new() };
        run.seen.resize((chars.len() + 1) * self.program.len(), false);
        (0..=chars.len()).find_map(|from| run.from(from, self.groups))
    }
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// What is left to try: a step at a place, or a group's place to put back.
enum Todo {
    Try(usize, usize),
    Restore(usize, Option<usize>),
}

struct Run<'a> {
    program: &'a [Step],
    chars: &'a [(usize, char)],
    end: usize,
    seen: Vec<bool>,
}

impl Run<'_> {
    fn byte(&self, at: usize) -> usize {
        self.chars.get(at).map_or(self.end, |(byte, _)| *byte)
    }

    fn is_word(&self, at: Option<usize>) -> bool {
        at.and_then(|at| self.chars.get(at)).is_some_and(|(_, c)| within(WORD, *c))
    }

    fn from(&mut self, start: usize, groups: usize) -> Option<Found> {
        let mut saved = vec![None; groups * 2];
        let mut todo = vec![Todo::Try(0, start)];
        while let Some(next) = todo.pop() {
            let (mut step, mut at) = match next {
                Todo::Restore(slot, old) => {
                    saved[slot] = old;
                    continue;
                }
                Todo::Try(step, at) => (step, at),
            };
            loop {
                let seen = &mut self.seen[at * self.program.len() + step];
                if std::mem::replace(seen, true) {
                    break;
                }
                match &self.program[step] {
                    Step::Set(ranges, negated) => match self.chars.get(at) {
                        Some((_, c)) if within(ranges, *c) != *negated => (step, at) = (step + 1, at + 1),
                        _ => break,
                    },
                    Step::Split(first, second) => {
                        todo.push(Todo::Try(*second, at));
                        step = *first;
                    }
                    Step::Jump(to) => step = *to,
                    Step::Save(slot) => {
                        todo.push(Todo::Restore(*slot, saved[*slot]));
                        saved[*slot] = Some(at);
                        step += 1;
                    }
                    Step::Start if at == 0 => step += 1,
                    Step::End if at == self.chars.len() => step += 1,
                    Step::Word(wanted) => {
                        if (self.is_word(at.checked_sub(1)) != self.is_word(Some(at))) != *wanted {
                            break;
                        }
                        step += 1;
                    }
                    Step::Match => {
                        let pair = |pair: &[Option<usize>]| match pair {
                            [Some(from), Some(to)] => Some((self.byte(*from), self.byte(*to))),
                            _ => None,
                        };
                        return Some(saved.chunks(2).map(pair).collect());
                    }
                    Step::Start | Step::End => break,
                }
            }
        }
        None
    }
}

fn within(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|(from, to)| (from..=to).contains(&&c))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    groups: usize,
    depth: u32,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        self.at += usize::from(is);
        is
    }

    fn either(&mut self) -> Result<Node, &'static str> {
        let mut all = vec![self.sequence()?];
        while self.eat('|') {
            all.push(self.sequence()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Node::Either(all) })
    }

    fn sequence(&mut self) -> Result<Node, &'static str> {
        let mut all = Vec::new();
        while self.peek().is_some_and(|c| c != '|' && c != ')') {
            let one = self.one()?;
            all.push(self.repeated(one)?);
        }
        Ok(Node::Sequence(all))
    }

    fn repeated(&mut self, node: Node) -> Result<Node, &'static str> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.times() {
                Some(times) => times,
                // A brace that is no count is a letter like another.
                None => return Ok(node),
            },
            _ => return Ok(node),
        };
        if most.is_some_and(|most| most < least) || least.max(most.unwrap_or(0)) > TIMES {
            return Err("a count that is out of order or too large");
        }
        self.at += 1;
        let greedy = !self.eat('?');
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err("a quantifier that follows nothing");
        }
        Ok(Node::Repeat(Box::new(node), least, most, greedy))
    }

    /// Reads `{m}`, `{m,}` or `{m,n}` up to its closing brace; stays where it is if there is none.
    fn times(&mut self) -> Option<(usize, Option<usize>)> {
        let close = self.chars.get(self.at..)?.iter().position(|c| *c == '}')?;
        let inside: String = self.chars.get(self.at + 1..self.at + close)?.iter().collect();
        let times = match inside.split_once(',') {
            None => inside.parse().ok().map(|n| (n, Some(n))),
            Some((least, "")) => Some((least.parse().ok()?, None)),
            Some((least, most)) => Some((least.parse().ok()?, Some(most.parse().ok()?))),
        }?;
        self.at += close;
        Some(times)
    }

    fn one(&mut self) -> Result<Node, &'static str> {
        let Some(c) = self.peek() else { return Err("an end in the middle") };
        self.at += 1;
        Ok(match c {
            '.' => Node::Set(vec![('\n', '\n')], true),
            '^' => Node::Start,
            '$' => Node::End,
            '(' => return self.group(),
            '[' => return self.set(),
            '*' | '+' | '?' => return Err("a quantifier that follows nothing"),
            '\\' => return self.escaped(),
            _ => Node::Set(vec![(lower(c), lower(c))], false),
        })
    }

    fn group(&mut self) -> Result<Node, &'static str> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("too many groups in one another");
        }
        let number = if self.eat('?') {
            match (self.peek(), self.chars.get(self.at + 1)) {
                (Some(':'), _) => self.at += 1,
                // Letters match in either case anyway.
                (Some('i'), Some(')')) => {
                    self.at += 2;
                    self.depth -= 1;
                    return Ok(Node::Sequence(Vec::new()));
                }
                _ => return Err("a group of a kind that is not supported"),
            }
            None
        } else {
            self.groups += 1;
            Some(self.groups)
        };
        let inner = self.either()?;
        if !self.eat(')') {
            return Err("missing closing parenthesis");
        }
        self.depth -= 1;
        Ok(Node::Group(Box::new(inner), number))
    }

    fn escaped(&mut self) -> Result<Node, &'static str> {
        let Some(c) = self.peek() else { return Err("a backslash at the end") };
        self.at += 1;
        Ok(match c {
            'b' => Node::Word(true),
            'B' => Node::Word(false),
            _ => match class(c) {
                Some((ranges, negated)) => Node::Set(ranges.to_vec(), negated),
                None if c.is_ascii_alphanumeric() => return Err("an escape that is not supported"),
                None => Node::Set(vec![(c, c)], false),
            },
        })
    }

    fn set(&mut self) -> Result<Node, &'static str> {
        let negated = self.eat('^');
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let Some(c) = self.peek() else { return Err("missing terminating ] for character class") };
            self.at += 1;
            if c == ']' && !first {
                return Ok(Node::Set(ranges, negated));
            }
            first = false;
            let from = if c == '\\' {
                let Some(c) = self.peek() else { return Err("a backslash at the end") };
                self.at += 1;
                match class(c) {
                    Some((class, false)) => {
                        ranges.extend(class);
                        continue;
                    }
                    Some(_) => return Err("an escape that is not supported"),
                    None => c,
                }
            } else {
                c
            };
            let to = match (self.peek(), self.chars.get(self.at + 1)) {
                (Some('-'), Some(to)) if *to != ']' && *to != '\\' => {
                    self.at += 2;
                    *to
                }
                _ => from,
            };
            if to < from {
                return Err("range out of order in character class");
            }
            ranges.push((from, to));
            // The text is in lower case: so are the letters of a range.
            let (upper, last) = (from.max('A'), to.min('Z'));
            if upper <= last {
                ranges.push((upper.to_ascii_lowercase(), last.to_ascii_lowercase()));
            }
        }
    }
}

/// `\d`, `\w`, `\s` and their opposites.
fn class(c: char) -> Option<(&'static [(char, char)], bool)> {
    let ranges = match c.to_ascii_lowercase() {
        'd' => DIGIT,
        'w' => WORD,
        's' => SPACE,
        _ => return None,
    };
    Some((ranges, c.is_ascii_uppercase()))
}

/// Writes the steps of a node.
fn write(node: &Node, program: &mut Vec<Step>) -> Result<(), &'static str> {
    if program.len() > STEPS {
        return Err("a pattern that is too large");
    }
    match node {
        Node::Set(ranges, negated) => program.push(Step::Set(ranges.clone(), *negated)),
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::Word(wanted) => program.push(Step::Word(*wanted)),
        Node::Sequence(nodes) => {
            for node in nodes {
                write(node, program)?;
            }
        }
        Node::Group(inner, number) => {
            program.extend(number.map(|n| Step::Save(2 * n)));
            write(inner, program)?;
            program.extend(number.map(|n| Step::Save(2 * n + 1)));
        }
        Node::Either(nodes) => {
            let mut ends = Vec::new();
            for (n, node) in nodes.iter().enumerate() {
                if n + 1 < nodes.len() {
                    let split = program.len();
                    program.push(Step::Match);
                    write(node, program)?;
                    ends.push(program.len());
                    program.push(Step::Match);
                    program[split] = Step::Split(split + 1, program.len());
                } else {
                    write(node, program)?;
                }
            }
            let end = program.len();
            ends.into_iter().for_each(|at| program[at] = Step::Jump(end));
        }
        Node::Repeat(inner, least, most, greedy) => {
            let split = |on: usize, off: usize| if *greedy { Step::Split(on, off) } else { Step::Split(off, on) };
            for _ in 0..*least {
                let before = program.len();
                write(inner, program)?;
                // What takes no step need not be written again.
                if program.len() == before {
                    break;
                }
            }
            match most {
                None => {
                    let start = program.len();
                    program.push(Step::Match);
                    write(inner, program)?;
                    program.push(Step::Jump(start));
                    program[start] = split(start + 1, program.len());
                }
                Some(most) => {
                    let mut optional = Vec::new();
                    for _ in *least..*most {
                        optional.push(program.len());
                        program.push(Step::Match);
                        write(inner, program)?;
                    }
                    let end = program.len();
                    optional.into_iter().for_each(|at| program[at] = split(at + 1, end));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern, a text, and the match with its groups; `-` for none, `!` for a pattern that is none.
    fn check(pattern: &str, text: &str, expected: &str) {
        let got = match Pattern::new(pattern) {
            Err(_) => "!".to_owned(),
            Ok(pattern) => match pattern.find(text) {
                None => "-".to_owned(),
                Some(found) => {
                    let part = |part: &Option<(usize, usize)>| part.map_or("~", |(from, to)| &text[from..to]);
                    found.iter().map(part).collect::<Vec<_>>().join("|")
                }
            },
        };
        assert_eq!(got, expected, "{pattern} on {text}");
    }

    #[test]
    fn matches_as_pcre() {
        check("^/api(/|$)(.*)", "/api/users/7", "/api/users/7|/|users/7");
        check("^/api(/|$)(.*)", "/api", "/api||");
        check("^/api(/|$)(.*)", "/apix", "-");
        check("^/API", "/api/x", "/api");
        check("/b", "/a/b", "/b");
        check(r"^/v(\d+)/(\w+)", "/v12/Items/3", "/v12/Items|12|Items");
        check("(a|ab)(c|bcd)?", "abcd", "abcd|a|bcd");
        check("^/(a+?)(a*)$", "/aaa", "/aaa|a|aa");
        check("^/[A-F0-9]{2,4}$", "/be3", "/be3");
        check("^/[A-F0-9]{2,4}$", "/be345", "-");
        check("^/x{2}$", "/xx", "/xx");
        check("a{,3}", "a{,3}", "a{,3}");
        check("(?:a|b)+(c)?", "abab", "abab|~");
        check("(?i)^/Foo", "/foo", "/foo");
        check(r"\bend\b", "the end", "end");
        check("(a*)*b", "aaaa", "-");
        check("[^/]+$", "/a/bc", "bc");
        check("[]a]+", "]a", "]a");
        check(r"^/a\.b$", "/a.b", "/a.b");
        check(r"^/a\.b$", "/axb", "-");
        check(".*", "", "");
        check("[À-ß]é", "/àÉ", "-");
        check("é", "/É", "É");
        for wrong in ["(", ")", "[a", "*", "a**", "(?=a)", r"\1", "a{3,1}", r"\", "[z-a]"] {
            check(wrong, "", "!");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = Pattern::new(&"(a*)*".repeat(12)).expect("a pattern");
        assert!(pattern.find(&"a".repeat(2000)).is_some());
        let deep = "(".repeat(40) + &")".repeat(40);
        assert!(Pattern::new(&deep).is_err() && Pattern::new("((x{1000}){1000}){1000}").is_err());
        assert!(Pattern::new("(?:(?:(?:){1000}){1000}){1000}").is_ok());
        assert!(Pattern::new("(a|b){500}").expect("a pattern").find(&"a".repeat(1 << 20)).is_none());
    }
}
