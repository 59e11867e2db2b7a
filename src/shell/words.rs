//! A line of shell to a tree: quoting, variables, `$(…)`, pipes, `;`, `&&`, `||`, `for` loops, a few redirections.
//!
//! Stands for bash, as far as lessons and tutorials need it. Left out: globs, arithmetic, functions, here-documents, and
//! redirections to files; each is refused by name, never misread.

/// Commands one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List(pub(super) Vec<Step>);

/// A pipeline of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) join: Join,
    pub(super) stages: Vec<Command>,
    /// As it was written.
    pub(super) text: String,
    /// Whether `&` follows it: the shell does not wait for it.
    pub(super) behind: bool,
}

/// When a pipeline runs, given how the one before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// After `;` or a new line.
    Always,
    /// After `&&`.
    IfOk,
    /// After `||`.
    IfFailed,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) what: What,
    /// In the order written.
    pub(super) redirects: Vec<Redirect>,
}

/// What a stage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Assignments, then a program and its arguments.
    Simple(Vec<(String, Word)>, Vec<Word>),
    /// `for NAME in WORDS; do LIST; done`
    For(String, Vec<Word>, List),
    /// `( LIST )` or `{ LIST; }`
    Group(List),
}

/// Where an output goes from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    /// Whether standard output is meant.
    pub(super) out: bool,
    /// Whether standard error is meant.
    pub(super) err: bool,
    /// Where to.
    pub(super) to: Target,
}

/// Where an output can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `/dev/null`
    Null,
    /// Where standard output goes.
    Out,
    /// Where standard error goes.
    Err,
}

/// A word before expansion.
pub(super) type Word = Vec<Piece>;

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands; whether it was quoted.
    Text(String, bool),
    /// `$NAME`; whether it was quoted.
    Variable(String, bool),
    /// `$(LIST)`; whether it was quoted.
    Output(List, bool),
}

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The line ends too early: a quote or a loop is open.
    Unfinished(String),
    /// bash's own complaint.
    Syntax(String),
    /// bash could, the lab's shell cannot.
    Unserved(String),
}

/// How deep `$(…)`, loops and groups may stand in one another.
const DEPTH: u32 = 16;

/// Reads a line.
pub(super) fn parse(line: &str) -> Result<List, Problem> {
    let mut reader = Reader { chars: line.chars().collect(), at: 0, depth: 0 };
    let list = reader.list(&[])?;
    match reader.peek() {
        None => Ok(list),
        Some(c) => Err(unexpected(&c.to_string())),
    }
}

impl List {
    /// `&` takes the whole chain of `&&` and `||` before it.
    fn put_behind(&mut self) {
        let from = self.0.iter().rposition(|step| step.join == Join::Always).unwrap_or(0);
        let mut chain = self.0.split_off(from);
        let step = match (chain.len(), chain.pop()) {
            (1, Some(only)) => Step { behind: true, ..only },
            (_, Some(last)) => {
                chain.push(last);
                let mut text = String::new();
                for step in &chain {
                    text += match step.join {
                        Join::IfOk => " && ",
                        Join::IfFailed => " || ",
                        Join::Always => "",
                    };
                    text += &step.text;
                }
                let stages = vec![Command { what: What::Group(List(chain)), redirects: Vec::new() }];
                Step { join: Join::Always, stages, text, behind: true }
            }
            (_, None) => return,
        };
        self.0.push(step);
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: u32,
}

fn unexpected(token: &str) -> Problem {
    Problem::Syntax(format!("syntax error near unexpected token `{token}'"))
}

fn open(quote: char) -> Problem {
    Problem::Unfinished(format!("unexpected EOF while looking for matching `{quote}'"))
}

fn unfinished() -> Problem {
    Problem::Unfinished("syntax error: unexpected end of file".into())
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let fits = text.chars().enumerate().all(|(i, c)| self.peek_at(i) == Some(c));
        if fits {
            self.at += text.chars().count();
        }
        fits
    }

    /// Skips blanks, comments and escaped line ends; with `lines`, line ends too.
    fn blanks(&mut self, lines: bool) {
        while let Some(c) = self.peek() {
            match c {
                '\n' if !lines => break,
                '\\' if self.peek_at(1) == Some('\n') => self.at += 2,
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                c if c.is_whitespace() => self.at += 1,
                _ => break,
            }
        }
    }

    /// What was read since a place, without blanks at its end.
    fn text(&self, from: usize) -> String {
        let text: String = self.chars[from..self.at].iter().collect();
        text.trim_end().to_owned()
    }

    /// The bare word that stands here, not yet taken.
    fn bare(&self) -> String {
        self.chars[self.at..]
            .iter()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '{' | '}' | '!' | '['))
            .collect()
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Problem::Unserved("nesting this deep".into()));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Reads pipelines until one of `ends` stands where a command would, which is left, or until `)` or the end.
    fn list(&mut self, ends: &[&str]) -> Result<List, Problem> {
        let mut list = List::default();
        let mut join = Join::Always;
        loop {
            self.blanks(true);
            let bare = self.bare();
            if matches!(self.peek(), None | Some(')')) || ends.contains(&bare.as_str()) {
                return match join {
                    Join::Always => Ok(list),
                    _ if self.peek().is_none() => Err(unfinished()),
                    _ => Err(unexpected(if bare.is_empty() { ")" } else { &bare })),
                };
            }
            let from = self.at;
            let stages = self.pipeline()?;
            list.0.push(Step { join, stages, text: self.text(from), behind: false });
            self.blanks(false);
            join = if self.eat("&&") {
                Join::IfOk
            } else if self.eat("||") {
                Join::IfFailed
            } else if self.eat(";;") {
                return Err(unexpected(";;"));
            } else if self.eat(";") || self.eat("\n") {
                Join::Always
            } else if self.eat("&") {
                list.put_behind();
                Join::Always
            } else if matches!(self.peek(), None | Some(')')) {
                return Ok(list);
            } else {
                return Err(unexpected(&self.bare()));
            };
        }
    }

    fn pipeline(&mut self) -> Result<Vec<Command>, Problem> {
        let mut stages = vec![self.command()?];
        loop {
            self.blanks(false);
            if self.peek() != Some('|') || self.peek_at(1) == Some('|') {
                return Ok(stages);
            }
            self.at += 1;
            let both = self.eat("&");
            if both && let Some(stage) = stages.last_mut() {
                stage.redirects.push(Redirect { out: false, err: true, to: Target::Out });
            }
            self.blanks(true);
            if self.peek().is_none() {
                return Err(unfinished());
            }
            stages.push(self.command()?);
        }
    }

    fn command(&mut self) -> Result<Command, Problem> {
        let bare = self.bare();
        let what = match (bare.as_str(), self.peek()) {
            (_, Some('(')) => {
                self.at += 1;
                let list = self.deeper(|r| r.list(&[]))?;
                if !self.eat(")") {
                    return Err(open(')'));
                }
                What::Group(list)
            }
            ("{", _) if self.peek_at(1).is_none_or(char::is_whitespace) => {
                self.at += 1;
                let list = self.deeper(|r| r.list(&["}"]))?;
                self.end_with("}")?;
                What::Group(list)
            }
            ("for", _) => self.deeper(Self::for_loop)?,
            ("while" | "until" | "if" | "case" | "function" | "select" | "[[" | "!" | "[", _) => {
                return Err(Problem::Unserved(format!("`{bare}`")));
            }
            ("do" | "done" | "then" | "fi" | "else" | "elif" | "esac" | "in" | "}", _) if bare != "in" => {
                return Err(unexpected(&bare));
            }
            (_, Some(c @ ('|' | ';' | '&' | ')'))) => {
                let twice = self.peek_at(1) == Some(c) && c != ')';
                return Err(unexpected(&if twice { format!("{c}{c}") } else { c.to_string() }));
            }
            _ => return self.simple(),
        };
        let mut redirects = Vec::new();
        loop {
            self.blanks(false);
            match self.redirect()? {
                Some(redirect) => redirects.extend(redirect),
                None => return Ok(Command { what, redirects }),
            }
        }
    }

    fn end_with(&mut self, word: &str) -> Result<(), Problem> {
        self.blanks(true);
        if self.bare() == word {
            self.at += word.chars().count();
            Ok(())
        } else if self.peek().is_none() {
            Err(unfinished())
        } else {
            Err(unexpected(&self.peek().map(String::from).unwrap_or_default()))
        }
    }

    fn for_loop(&mut self) -> Result<What, Problem> {
        self.at += "for".len();
        self.blanks(false);
        if self.peek() == Some('(') {
            return Err(Problem::Unserved("`for ((…))`".into()));
        }
        let name = self.bare();
        if name.is_empty() {
            return Err(if self.peek().is_none() { unfinished() } else { unexpected("newline") });
        }
        self.at += name.chars().count();
        self.end_with("in")?;
        let mut words = Vec::new();
        loop {
            self.blanks(false);
            match self.peek() {
                None => return Err(unfinished()),
                Some(';' | '\n') => break,
                Some(c @ ('&' | '|' | '(' | ')' | '<' | '>')) => return Err(unexpected(&c.to_string())),
                Some(_) => words.push(self.word()?),
            }
        }
        self.at += 1;
        self.end_with("do")?;
        let body = self.list(&["done"])?;
        self.end_with("done")?;
        if body.0.is_empty() {
            return Err(unexpected("done"));
        }
        Ok(What::For(name, words, body))
    }

    fn simple(&mut self) -> Result<Command, Problem> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.blanks(false);
            if let Some(redirect) = self.redirect()? {
                redirects.extend(redirect);
                continue;
            }
            match self.peek() {
                None | Some(';' | '|' | '&' | '\n' | ')') => break,
                Some('(') => return Err(unexpected("(")),
                Some(_) if words.is_empty() => match self.assigned() {
                    Some(name) => {
                        let value = if self.at_word_end() { Vec::new() } else { self.word()? };
                        assignments.push((name, value));
                    }
                    None => words.push(self.word()?),
                },
                Some(_) => words.push(self.word()?),
            }
        }
        Ok(Command { what: What::Simple(assignments, words), redirects })
    }

    fn at_word_end(&self) -> bool {
        self.peek().is_none_or(|c| c.is_whitespace() || matches!(c, ';' | '|' | '&' | ')' | '<' | '>'))
    }

    /// Takes `NAME=`, if it stands here.
    fn assigned(&mut self) -> Option<String> {
        let name: String =
            self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
        let fits = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && self.peek_at(name.len()) == Some('=');
        fits.then(|| {
            self.at += name.len() + 1;
            name
        })
    }

    /// Takes a redirection, if one stands here.
    fn redirect(&mut self) -> Result<Option<Option<Redirect>>, Problem> {
        let (out, err, skip) = match (self.peek(), self.peek_at(1)) {
            (Some('&'), Some('>')) => (true, true, 2),
            (Some('>'), _) => (true, false, 1),
            (Some('1'), Some('>')) => (true, false, 2),
            (Some('2'), Some('>')) => (false, true, 2),
            (Some('<'), _) => return Err(Problem::Unserved("`<` (input from a file; use cat FILE | …)".into())),
            _ => return Ok(None),
        };
        self.at += skip;
        let _append = self.eat(">");
        if self.eat("&") {
            let to = match self.peek() {
                Some('1') => Target::Out,
                Some('2') => Target::Err,
                _ => return Err(unexpected("newline")),
            };
            self.at += 1;
            // `1>&1` and `2>&2` change nothing.
            let same = (out && to == Target::Out) || (err && to == Target::Err);
            return Ok(Some((!same).then_some(Redirect { out, err, to })));
        }
        self.blanks(false);
        if self.at_word_end() {
            return Err(unexpected("newline"));
        }
        match self.word()?.as_slice() {
            [Piece::Text(name, _)] if name == "/dev/null" => Ok(Some(Some(Redirect { out, err, to: Target::Null }))),
            _ => Err(Problem::Unserved("`>` to a file (only /dev/null)".into())),
        }
    }

    fn word(&mut self) -> Result<Word, Problem> {
        let mut word = Word::new();
        let mut text = String::new();
        let flush = |word: &mut Word, text: &mut String| {
            if !text.is_empty() {
                word.push(Piece::Text(std::mem::take(text), false));
            }
        };
        while !self.at_word_end() {
            let Some(c) = self.peek() else { break };
            match c {
                '\\' => {
                    self.at += 1;
                    flush(&mut word, &mut text);
                    match self.peek() {
                        Some('\n') => {}
                        Some(c) => word.push(Piece::Text(c.into(), true)),
                        None => return Err(unfinished()),
                    }
                    self.at += 1;
                }
                '\'' => {
                    flush(&mut word, &mut text);
                    let rest = &self.chars[self.at + 1..];
                    let end = rest.iter().position(|c| *c == '\'').ok_or_else(|| open('\''))?;
                    word.push(Piece::Text(rest[..end].iter().collect(), true));
                    self.at += end + 2;
                }
                '"' => {
                    flush(&mut word, &mut text);
                    self.double_quoted(&mut word)?;
                }
                '$' | '`' => {
                    flush(&mut word, &mut text);
                    match self.expansion(false)? {
                        Some(piece) => word.push(piece),
                        None => text.push('$'),
                    }
                }
                '(' => return Err(unexpected("(")),
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        flush(&mut word, &mut text);
        Ok(word)
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Problem> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek().ok_or_else(|| open('"'))? {
                '"' => {
                    self.at += 1;
                    word.push(Piece::Text(text, true));
                    return Ok(());
                }
                '\\' => {
                    match self.peek_at(1).ok_or_else(|| open('"'))? {
                        c @ ('"' | '\\' | '$' | '`') => text.push(c),
                        '\n' => {}
                        c => text.extend(['\\', c]),
                    }
                    self.at += 2;
                }
                '$' | '`' => match self.expansion(true)? {
                    Some(piece) => word.extend([Piece::Text(std::mem::take(&mut text), true), piece]),
                    None => text.push('$'),
                },
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// Takes what `$` or a backquote begins; none for a `$` that is only itself.
    fn expansion(&mut self, quoted: bool) -> Result<Option<Piece>, Problem> {
        if self.eat("`") {
            let rest = &self.chars[self.at..];
            let end = rest.iter().position(|c| *c == '`').ok_or_else(|| open('`'))?;
            let inner: String = rest[..end].iter().collect();
            self.at += end + 1;
            return Ok(Some(Piece::Output(parse(&inner)?, quoted)));
        }
        self.at += 1;
        match self.peek() {
            Some('(') if self.peek_at(1) == Some('(') => Err(Problem::Unserved("`$((…))` (arithmetic)".into())),
            Some('(') => {
                self.at += 1;
                let list = self.deeper(|r| r.list(&[]))?;
                if !self.eat(")") {
                    return Err(open(')'));
                }
                Ok(Some(Piece::Output(list, quoted)))
            }
            Some('{') => {
                let rest = &self.chars[self.at + 1..];
                let end = rest.iter().position(|c| *c == '}').ok_or_else(|| open('}'))?;
                let name: String = rest[..end].iter().collect();
                if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '?') || name.is_empty() {
                    return Err(Problem::Unserved(format!("`${{{name}}}`")));
                }
                self.at += end + 2;
                Ok(Some(Piece::Variable(name, quoted)))
            }
            Some('?') => {
                self.at += 1;
                Ok(Some(Piece::Variable("?".into(), quoted)))
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name: String =
                    self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
                self.at += name.len();
                Ok(Some(Piece::Variable(name, quoted)))
            }
            _ => Ok(None),
        }
    }
}

/// `{1..9}`, unquoted and alone, as the words it stands for; none if the text is something else.
pub(super) fn braces(text: &str) -> Option<Vec<String>> {
    let (from, to) = text.strip_prefix('{')?.strip_suffix('}')?.split_once("..")?;
    let (from, to): (i32, i32) = (from.parse().ok()?, to.parse().ok()?);
    (from.abs_diff(to) <= 100_000).then(|| {
        if from <= to {
            (from..=to).map(|n| n.to_string()).collect()
        } else {
            (to..=from).rev().map(|n| n.to_string()).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in one line: words by blanks, quoted text in «», stages by |, loops and groups in brackets.
    fn show(list: &List) -> String {
        let word = |word: &Word| -> String {
            word.iter()
                .map(|piece| match piece {
                    Piece::Text(text, false) => text.clone(),
                    Piece::Text(text, true) => format!("«{text}»"),
                    Piece::Variable(name, quoted) => format!("${name}{}", if *quoted { "!" } else { "" }),
                    Piece::Output(list, _) => format!("$[{}]", show(list)),
                })
                .collect()
        };
        let command = |command: &Command| {
            let mut text = match &command.what {
                What::Simple(assignments, words) => {
                    let assignments = assignments.iter().map(|(name, value)| format!("{name}={}", word(value)));
                    assignments.chain(words.iter().map(word)).collect::<Vec<_>>().join(" ")
                }
                What::For(name, words, body) => {
                    format!("[for {name} {}: {}]", words.iter().map(word).collect::<Vec<_>>().join(" "), show(body))
                }
                What::Group(list) => format!("[{}]", show(list)),
            };
            for redirect in &command.redirects {
                text += &format!(" {}{}>{:?}", u8::from(redirect.out), u8::from(redirect.err), redirect.to);
            }
            text
        };
        let mut text = String::new();
        for (i, step) in list.0.iter().enumerate() {
            text += match step.join {
                Join::IfOk => " && ",
                Join::IfFailed => " || ",
                Join::Always if i > 0 => "; ",
                Join::Always => "",
            };
            text += &step.stages.iter().map(command).collect::<Vec<_>>().join(" | ");
            text += if step.behind { " &" } else { "" };
        }
        text
    }

    fn check(line: &str, expected: &str) {
        let got = match parse(line) {
            Ok(list) => show(&list),
            Err(problem) => format!("{problem:?}"),
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn reads_what_tutorials_write() {
        check("kubectl get pods -o wide # all", "kubectl get pods -o wide");
        check(
            "for i in $(seq 1 9); do curl -s http://1.2.3.4/api; done | sort | uniq -c",
            "[for i $[seq 1 9]: curl -s http://1.2.3.4/api] | sort | uniq -c",
        );
        check("a && b || c; d", "a && b || c; d");
        check("curl -H 'Host: a b' \"$URL/x\" $Y", "curl -H «Host: a b» «»$URL!«/x» $Y");
        check("x=1 y= z", "x=1 y= z");
        check("curl x 2>&1 >/dev/null", "curl x 01>Out 10>Null");
        check("(a; b) 2>/dev/null | c", "[a; b] 01>Null | c");
        check("{ a; }", "[a]");
        check("a \\\n b", "a b");
        check("for i in 1 2\ndo\n a\ndone", "[for i 1 2: a]");
        check("echo a#b $ 'it'\\''s' ''", "echo a#b $ «it»«'»«s» «»");
        check("echo in do", "echo in do");
        check("a & b; c && d &", "a &; b; [c && d] &");
        check("", "");
    }

    #[test]
    fn says_what_is_wrong_as_bash_does() {
        check("echo 'a", "Unfinished(\"unexpected EOF while looking for matching `''\")");
        check("for i in 1 2; do a", "Unfinished(\"syntax error: unexpected end of file\")");
        check("a |", "Unfinished(\"syntax error: unexpected end of file\")");
        check("| a", "Syntax(\"syntax error near unexpected token `|'\")");
        check("a; done", "Syntax(\"syntax error near unexpected token `done'\")");
        check("a )", "Syntax(\"syntax error near unexpected token `)'\")");
        check("a && ; b", "Syntax(\"syntax error near unexpected token `;'\")");
        check("a &;", "Syntax(\"syntax error near unexpected token `;'\")");
        check("& a", "Syntax(\"syntax error near unexpected token `&'\")");
        check("a > file", "Unserved(\"`>` to a file (only /dev/null)\")");
        check("while true; do a; done", "Unserved(\"`while`\")");
    }

    #[test]
    fn no_line_makes_it_panic_or_overflow() {
        for line in [
            "$(".repeat(5000),
            "(".repeat(5000),
            "\"$(".repeat(5000),
            "for i in ".into(),
            "$".into(),
            "${".into(),
            "\\".into(),
        ] {
            let _ = parse(&line);
        }
    }

    #[test]
    fn braces_count() {
        assert_eq!(braces("{1..3}").unwrap(), ["1", "2", "3"]);
        assert_eq!(braces("{3..1}").unwrap(), ["3", "2", "1"]);
        assert_eq!(braces("{a..b}"), None);
        assert_eq!(braces("{1..999999999}"), None);
    }
}
