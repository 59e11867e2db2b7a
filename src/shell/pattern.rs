//! grep's patterns, as far as people type them: literals, `.`, `[…]`, `*`, `+`, `?`, `|`, `(…)`, `^`, `$`.
//!
//! Stands for POSIX basic and extended regular expressions; left out: back-references, counts in braces, named classes. A crate would bring
//! its automata into the page for a handful of characters.

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    root: Node,
    fold: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Char(char),
    Any,
    Set(Vec<(char, char)>, bool),
    Start,
    End,
    /// A node, how often at least, and whether more than once.
    Repeat(Box<Node>, usize, bool),
    Either(Vec<Node>),
    Sequence(Vec<Node>),
}

/// How deep groups may stand in one another, and how many steps one line may take.
const DEPTH: u32 = 32;
const STEPS: u32 = 100_000;

impl Pattern {
    /// Reads a pattern; with `extended`, as `grep -E` does; with `fold`, case does not matter.
    pub(super) fn new(text: &str, extended: bool, fold: bool) -> Result<Self, &'static str> {
        let chars: Vec<char> = if fold { text.to_lowercase().chars().collect() } else { text.chars().collect() };
        let mut reader = Reader { chars, at: 0, extended, depth: 0 };
        let root = reader.either()?;
        if reader.at < reader.chars.len() {
            return Err("Unmatched ) or \\)");
        }
        Ok(Self { root, fold })
    }

    /// A pattern that is only its text (`grep -F`).
    pub(super) fn literal(text: &str, fold: bool) -> Self {
        let text = if fold { text.to_lowercase() } else { text.to_owned() };
        Self { root: Node::Sequence(text.chars().map(Node::Char).collect()), fold }
    }

    /// Every match in a line, as ranges of characters that do not overlap, leftmost first.
    pub(super) fn matches(&self, line: &[char]) -> Vec<(usize, usize)> {
        let folded: Vec<char>;
        let line = if self.fold {
            folded = line.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
            &folded
        } else {
            line
        };
        let mut found = Vec::new();
        let mut from = 0;
        let mut steps = 0;
        while from <= line.len() {
            let mut longest = None;
            walk(&self.root, line, from, &mut steps, &mut |end| {
                longest = longest.max(Some(end));
                false
            });
            match longest {
                Some(end) => {
                    found.push((from, end));
                    from = end.max(from + 1);
                }
                None => from += 1,
            }
        }
        found
    }
}

/// Calls `then` with every place where a match of `node` from `at` can end, until it is content.
fn walk(node: &Node, line: &[char], at: usize, steps: &mut u32, then: &mut dyn FnMut(usize) -> bool) -> bool {
    *steps += 1;
    if *steps > STEPS {
        return true;
    }
    match node {
        Node::Char(c) => line.get(at) == Some(c) && then(at + 1),
        Node::Any => at < line.len() && then(at + 1),
        Node::Set(ranges, negated) => {
            line.get(at).is_some_and(|c| ranges.iter().any(|(from, to)| (from..=to).contains(&c)) != *negated)
                && then(at + 1)
        }
        Node::Start => at == 0 && then(at),
        Node::End => at == line.len() && then(at),
        Node::Either(nodes) => nodes.iter().any(|node| walk(node, line, at, steps, then)),
        Node::Sequence(nodes) => match nodes.split_first() {
            None => then(at),
            Some((first, rest)) => sequence(first, rest, line, at, steps, then),
        },
        Node::Repeat(inner, least, many) => repeat(inner, *least, *many, line, at, steps, then),
    }
}

fn sequence(
    first: &Node,
    rest: &[Node],
    line: &[char],
    at: usize,
    steps: &mut u32,
    then: &mut dyn FnMut(usize) -> bool,
) -> bool {
    // Ends are collected first: a closure that recursed with the rest would borrow `steps` twice.
    let mut ends = Vec::new();
    walk(first, line, at, steps, &mut |end| {
        ends.push(end);
        false
    });
    ends.dedup();
    ends.into_iter().any(|end| match rest.split_first() {
        None => then(end),
        Some((first, rest)) => sequence(first, rest, line, end, steps, then),
    })
}

fn repeat(
    inner: &Node,
    least: usize,
    many: bool,
    line: &[char],
    at: usize,
    steps: &mut u32,
    then: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let mut reached = vec![at];
    let mut edge = vec![at];
    let mut round = 0;
    while !edge.is_empty() && (many || round < 1) {
        round += 1;
        let mut next = Vec::new();
        for from in edge {
            walk(inner, line, from, steps, &mut |end| {
                if !reached.contains(&end) && !next.contains(&end) {
                    next.push(end);
                }
                false
            });
        }
        reached.extend(&next);
        edge = next;
    }
    let from = usize::from(least > 0);
    // A match of nothing counts as one round.
    let empty = from == 1 && walk(inner, line, at, steps, &mut |end| end == at);
    reached[from..].iter().any(|end| then(*end)) || (empty && then(at))
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    depth: u32,
}

impl Reader {
    /// Whether an operator stands here: bare in extended patterns, after a backslash in basic ones.
    fn operator(&self, operator: char) -> bool {
        if self.extended {
            self.chars.get(self.at) == Some(&operator)
        } else {
            self.chars.get(self.at) == Some(&'\\') && self.chars.get(self.at + 1) == Some(&operator)
        }
    }

    fn skip_operator(&mut self) {
        self.at += if self.extended { 1 } else { 2 };
    }

    fn either(&mut self) -> Result<Node, &'static str> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("Regular expression too big");
        }
        let mut nodes = vec![self.sequence()?];
        while self.operator('|') {
            self.skip_operator();
            nodes.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Either(nodes) })
    }

    fn sequence(&mut self) -> Result<Node, &'static str> {
        let mut nodes = Vec::new();
        while self.at < self.chars.len() && !self.operator('|') && !(self.depth > 1 && self.operator(')')) {
            let atom = self.atom(nodes.is_empty())?;
            nodes.push(self.repeated(atom));
        }
        Ok(Node::Sequence(nodes))
    }

    fn repeated(&mut self, mut atom: Node) -> Node {
        loop {
            let (least, many) = if self.chars.get(self.at) == Some(&'*') {
                self.at += 1;
                (0, true)
            } else if self.operator('+') {
                self.skip_operator();
                (1, true)
            } else if self.operator('?') {
                self.skip_operator();
                (0, false)
            } else {
                return atom;
            };
            atom = Node::Repeat(Box::new(atom), least, many);
        }
    }

    fn atom(&mut self, first: bool) -> Result<Node, &'static str> {
        if self.operator('(') {
            self.skip_operator();
            let inner = self.either()?;
            if !self.operator(')') {
                return Err("Unmatched ( or \\(");
            }
            self.skip_operator();
            return Ok(inner);
        }
        let c = self.chars[self.at];
        self.at += 1;
        Ok(match c {
            '.' => Node::Any,
            '^' if self.extended || first => Node::Start,
            '$' if self.extended || self.at == self.chars.len() => Node::End,
            '[' => return self.set(),
            '\\' => match self.chars.get(self.at) {
                Some(c) => {
                    self.at += 1;
                    Node::Char(*c)
                }
                None => return Err("Trailing backslash"),
            },
            c => Node::Char(c),
        })
    }

    fn set(&mut self) -> Result<Node, &'static str> {
        let negated = self.chars.get(self.at) == Some(&'^');
        self.at += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            let c = *self.chars.get(self.at).ok_or("Unmatched [, [^, [:, [., or [=")?;
            self.at += 1;
            match (c, self.chars.get(self.at), self.chars.get(self.at + 1)) {
                (']', ..) if !ranges.is_empty() => return Ok(Node::Set(ranges, negated)),
                (from, Some('-'), Some(to)) if *to != ']' => {
                    ranges.push((from, *to));
                    self.at += 2;
                }
                (c, ..) => ranges.push((c, c)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, extended: bool, line: &str, expected: &[&str]) {
        let line: Vec<char> = line.chars().collect();
        let found: Vec<String> = Pattern::new(pattern, extended, false)
            .unwrap()
            .matches(&line)
            .into_iter()
            .map(|(from, to)| line[from..to].iter().collect())
            .filter(|text: &String| !text.is_empty())
            .collect();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn matches_as_grep_does() {
        check("KUBE-SVC", false, "-A KUBE-SVC-X -j KUBE-SVC-Y", &["KUBE-SVC", "KUBE-SVC"]);
        check("KUBE-S[VE][CP]-[A-Z0-9]*", false, "-A KUBE-SEP-AB2 x", &["KUBE-SEP-AB2"]);
        check("a|b", false, "a|b", &["a|b"]);
        check("a\\|b", false, "cab", &["a", "b"]);
        check("(ab)+c?", true, "ababc ab", &["ababc", "ab"]);
        check("^a.*z$", true, "a to z", &["a to z"]);
        check("^b", true, "ab", &[]);
        check("[^ ]+$", true, "one two", &["two"]);
        check("10\\.96", false, "10.96 10x96", &["10.96"]);
        check("x*", true, "axxb", &["xx"]);
    }

    #[test]
    fn no_pattern_hangs_or_panics() {
        let line: Vec<char> = "a".repeat(2000).chars().collect();
        for pattern in ["(a*)*b", "(a|a)*b", "((a+)+)+$", "[", "(", "\\", "a**", &"(".repeat(99), "()*", "()+x"] {
            for extended in [false, true] {
                if let Ok(pattern) = Pattern::new(pattern, extended, true) {
                    pattern.matches(&line);
                }
            }
        }
    }
}
