//! What stands after a pipe: grep, head, tail, sort, uniq, wc.
//!
//! Stands for GNU's programs with their commonest flags; input comes from a pipe or from the laptop's files.

use super::flags::{self, Flag, Flags, Style, switch, value};
use super::pattern::Pattern;
use super::{Io, Shell};

/// Reads flags; on failure prints what the program would, and gives its exit status.
fn read(io: &mut Io, program: &str, table: &[Flag], args: &[String], code: i32) -> Result<Flags, i32> {
    flags::read(Style::Getopt, &[table], args).map_err(|problem| {
        io.err(format!("{program}: {}\nTry '{program} --help' for more information.\n", problem.getopt()));
        code
    })
}

impl Shell<'_> {
    /// The text that a filter works on: its files, or what came through the pipe. `-` is the pipe.
    pub(super) fn input(&self, io: &mut Io, program: &str, files: &[String]) -> Result<String, i32> {
        if files.is_empty() {
            return Ok(io.input.take().unwrap_or_default());
        }
        let mut text = String::new();
        let mut code = 0;
        for name in files {
            match self.file(name) {
                _ if name == "-" => text += &io.input.take().unwrap_or_default(),
                Some(content) => text += &content,
                None => {
                    io.err(format!("{program}: {name}: No such file or directory\n"));
                    code = 1;
                }
            }
        }
        if code == 0 { Ok(text) } else { Err(code) }
    }
}

const GREP: &[Flag] = &[
    switch("ignore-case", 'i'),
    switch("invert-match", 'v'),
    switch("count", 'c'),
    switch("line-number", 'n'),
    switch("only-matching", 'o'),
    switch("extended-regexp", 'E'),
    switch("fixed-strings", 'F'),
    switch("word-regexp", 'w'),
    switch("quiet", 'q'),
    value("regexp", 'e', "PATTERN"),
    value("max-count", 'm', "N"),
    value("after-context", 'A', "N"),
    value("before-context", 'B', "N"),
    value("context", 'C', "N"),
    flags::Flag { long: "color", short: ' ', takes: flags::Takes::Maybe("auto") },
];

/// `grep`
pub(super) fn grep(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let mut flags = match read(io, "grep", GREP, args, 2) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let mut patterns: Vec<String> = flags.all("regexp").map(String::from).collect();
    if patterns.is_empty() {
        if flags.words.is_empty() {
            io.err("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
            return 2;
        }
        patterns.push(flags.words.remove(0));
    }
    let number =
        |long: &str| flags.get(long).or(flags.get("context").filter(|_| long != "max-count")).map(str::parse::<usize>);
    let (most, after, before) = match (number("max-count"), number("after-context"), number("before-context")) {
        (Some(Err(_)), ..) | (_, Some(Err(_)), _) | (.., Some(Err(_))) => {
            io.err("grep: invalid context length argument\n");
            return 2;
        }
        (most, after, before) => {
            let known = |n: Option<Result<usize, _>>, none| n.and_then(Result::ok).unwrap_or(none);
            (known(most, usize::MAX), known(after, 0), known(before, 0))
        }
    };
    let fold = flags.on("ignore-case");
    let mut compiled = Vec::new();
    for pattern in patterns.iter().flat_map(|p| p.lines()) {
        match if flags.on("fixed-strings") {
            Ok(Pattern::literal(pattern, fold))
        } else {
            Pattern::new(pattern, flags.on("extended-regexp"), fold)
        } {
            Ok(pattern) => compiled.push(pattern),
            Err(message) => {
                io.err(format!("grep: {message}\n"));
                return 2;
            }
        }
    }
    let text = match shell.input(io, "grep", &flags.words) {
        Ok(text) => text,
        Err(_) => return 2,
    };
    let word = flags.on("word-regexp");
    let found = |line: &str| -> Vec<String> {
        let chars: Vec<char> = line.chars().collect();
        let in_word =
            |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
        let mut found = Vec::new();
        for pattern in &compiled {
            for (from, to) in pattern.matches(&chars) {
                if !word || (!in_word(from.checked_sub(1)) && !in_word(Some(to))) {
                    found.push(chars[from..to].iter().collect());
                }
            }
        }
        found
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut count = 0;
    // The lines to show, and whether each is a match.
    let mut shown: Vec<Option<bool>> = vec![None; lines.len()];
    for (i, line) in lines.iter().enumerate() {
        let matches = found(line);
        if matches.is_empty() != flags.on("invert-match") || count >= most {
            continue;
        }
        count += 1;
        if flags.on("only-matching") && !flags.on("count") && !flags.on("quiet") {
            for text in matches.iter().filter(|text| !text.is_empty()) {
                io.out(format!("{text}\n"));
            }
            continue;
        }
        for (j, mark) in
            shown.iter_mut().enumerate().take(i.saturating_add(after).saturating_add(1)).skip(i.saturating_sub(before))
        {
            *mark = (*mark).max(Some(j == i));
        }
    }
    if flags.on("count") && !flags.on("quiet") {
        io.out(format!("{count}\n"));
    } else if !flags.on("quiet") && !flags.on("only-matching") {
        let mut last = None;
        for (i, line) in lines.iter().enumerate() {
            let Some(is_match) = shown[i] else { continue };
            if after + before > 0 && last.is_some_and(|last| last + 1 != i) {
                io.out("--\n");
            }
            last = Some(i);
            if flags.on("line-number") {
                io.out(format!("{}{}{line}\n", i + 1, if is_match { ':' } else { '-' }));
            } else {
                io.out(format!("{line}\n"));
            }
        }
    }
    i32::from(count == 0)
}

const HEAD: &[Flag] = &[value("lines", 'n', "N"), value("bytes", 'c', "N"), switch("quiet", 'q')];

/// `head -3` is `head -n 3`.
fn old_style(args: &[String]) -> Vec<String> {
    args.iter()
        .map(|arg| match arg.strip_prefix('-') {
            Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => format!("-n{number}"),
            _ => arg.clone(),
        })
        .collect()
}

fn ends(shell: &mut Shell, io: &mut Io, args: &[String], program: &str) -> i32 {
    let flags = match read(io, program, HEAD, &old_style(args), 1) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let written = flags.get("lines").unwrap_or("10");
    let Ok(count) = written.trim_start_matches(['-', '+']).parse::<usize>() else {
        io.err(format!("{program}: invalid number of lines: '{written}'\n"));
        return 1;
    };
    let text = match shell.input(io, program, &flags.words) {
        Ok(text) => text,
        Err(code) => return code,
    };
    if let Some(bytes) = flags.get("bytes") {
        let Ok(bytes) = bytes.parse::<usize>() else {
            io.err(format!("{program}: invalid number of bytes: '{bytes}'\n"));
            return 1;
        };
        let bytes = bytes.min(text.len());
        let part = if program == "head" { &text.as_bytes()[..bytes] } else { &text.as_bytes()[text.len() - bytes..] };
        io.out(String::from_utf8_lossy(part));
        return 0;
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let kept = match (program, written.as_bytes().first()) {
        ("head", Some(b'-')) => &lines[..lines.len().saturating_sub(count)],
        ("head", _) => &lines[..count.min(lines.len())],
        (_, Some(b'+')) => &lines[count.saturating_sub(1).min(lines.len())..],
        _ => &lines[lines.len().saturating_sub(count)..],
    };
    io.out(kept.concat());
    0
}

/// `head`
pub(super) fn head(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    ends(shell, io, args, "head")
}

/// `tail`
pub(super) fn tail(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    ends(shell, io, args, "tail")
}

const SORT: &[Flag] = &[
    switch("numeric-sort", 'n'),
    switch("reverse", 'r'),
    switch("unique", 'u'),
    switch("version-sort", 'V'),
    value("key", 'k', "FIELD"),
];

/// `sort`, in the C locale.
pub(super) fn sort(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match read(io, "sort", SORT, args, 2) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let text = match shell.input(io, "sort", &flags.words) {
        Ok(text) => text,
        Err(_) => return 2,
    };
    let key = flags.get("key").unwrap_or("1");
    let mut numeric = flags.on("numeric-sort") || flags.on("version-sort");
    let mut reverse = flags.on("reverse");
    let digits = key.split([',', '.']).next().unwrap_or(key);
    numeric |= digits.contains('n');
    reverse |= digits.contains('r');
    let Some(field) = digits.trim_end_matches(['n', 'r']).parse::<usize>().ok().and_then(|n| n.checked_sub(1)) else {
        io.err(format!("sort: invalid number at field start: invalid count at start of '{key}'\n"));
        return 2;
    };
    let mut lines: Vec<&str> = text.lines().collect();
    let of = |line: &&str| -> String { line.split_whitespace().skip(field).collect::<Vec<_>>().join(" ") };
    let number = |text: &str| -> i64 {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
        text[..end].parse().unwrap_or(0)
    };
    if numeric {
        crate::sort::by_key(&mut lines, |line| (number(&of(line)), (*line).to_owned()));
    } else if field > 0 {
        crate::sort::by_key(&mut lines, |line| (of(line), (*line).to_owned()));
    } else {
        crate::sort::by(&mut lines, Ord::cmp);
    }
    if reverse {
        lines.reverse();
    }
    if flags.on("unique") {
        lines.dedup();
    }
    for line in lines {
        io.out(line);
        io.out("\n");
    }
    0
}

const UNIQ: &[Flag] = &[switch("count", 'c'), switch("repeated", 'd'), switch("unique", 'u')];

/// `uniq`
pub(super) fn uniq(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match read(io, "uniq", UNIQ, args, 1) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let text = match shell.input(io, "uniq", &flags.words) {
        Ok(text) => text,
        Err(code) => return code,
    };
    let lines: Vec<&str> = text.lines().collect();
    for run in lines.chunk_by(|a, b| a == b) {
        if (flags.on("repeated") && run.len() < 2) || (flags.on("unique") && run.len() > 1) {
            continue;
        }
        if flags.on("count") {
            io.out(format!("{:7} {}\n", run.len(), run[0]));
        } else {
            io.out(format!("{}\n", run[0]));
        }
    }
    0
}

const WC: &[Flag] = &[switch("lines", 'l'), switch("words", 'w'), switch("bytes", 'c'), switch("chars", 'm')];

/// `wc`
pub(super) fn wc(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match read(io, "wc", WC, args, 1) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let text = match shell.input(io, "wc", &flags.words) {
        Ok(text) => text,
        Err(code) => return code,
    };
    let counts = [
        ("lines", text.matches('\n').count()),
        ("words", text.split_whitespace().count()),
        ("chars", text.chars().count()),
        ("bytes", text.len()),
    ];
    let any = counts.iter().any(|(flag, _)| flags.on(flag));
    let mut numbers: Vec<String> = counts
        .iter()
        .filter(|(flag, _)| if any { flags.on(flag) } else { *flag != "chars" })
        .map(|(_, count)| count.to_string())
        .collect();
    // Through a pipe GNU's wc pads to seven columns, unless it prints one number.
    if numbers.len() > 1 {
        numbers = numbers.iter().map(|n| format!("{n:>7}")).collect();
    }
    numbers.extend(flags.words.first().cloned());
    io.out(numbers.join(" ") + "\n");
    0
}
