//! Flag tables and their reader. A flag's row serves parsing, help and completion.

/// A row: one flag of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    /// `namespace`, without dashes.
    pub(super) long: &'static str,
    /// `n`, or a blank for none.
    pub(super) short: char,
    /// What follows it.
    pub(super) takes: Takes,
}

/// What follows a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing; pflag also reads `--flag=false`.
    Nothing,
    /// A value, named so in help.
    Value(&'static str),
    /// `=VALUE`, or this when nothing follows.
    Maybe(&'static str),
}

/// A flag that takes nothing.
pub(super) const fn switch(long: &'static str, short: char) -> Flag {
    Flag { long, short, takes: Takes::Nothing }
}

/// A flag that takes a value.
pub(super) const fn value(long: &'static str, short: char, name: &'static str) -> Flag {
    Flag { long, short, takes: Takes::Value(name) }
}

/// Whose habits the reader follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Go's pflag (kubectl, minikube): `--flag=value`, `-n=value`, flags anywhere before `--`.
    Pflag,
    /// The same, but what follows the first plain word belongs to another program (`kubectl exec`, `minikube ssh`).
    PflagUntilWord,
    /// C programs (curl, grep): `--flag value`, `-m2`, flags anywhere before `--`.
    Getopt,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    given: Vec<(&'static str, String)>,
    /// What is no flag, in order.
    pub(super) words: Vec<String>,
    /// How many of the words stand before `--`; none if there was no `--`.
    pub(super) dash: Option<usize>,
}

/// Why flags cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// No such `--long` flag.
    UnknownLong(String),
    /// No such letter, and the word it stands in.
    UnknownShort(char, String),
    /// A value should follow; the flag as written, and its row.
    NeedsValue(String, Flag),
    /// A switch was given something other than true or false.
    NotBool(String, Flag),
}

/// Reads a program's arguments by its tables.
pub(super) fn read(style: Style, tables: &[&[Flag]], args: &[String]) -> Result<Flags, Problem> {
    let rows = || tables.iter().flat_map(|table| table.iter());
    let mut read = Flags::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            read.dash = Some(read.words.len());
            read.words.extend(args.by_ref().cloned());
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, inline) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let flag = rows().find(|flag| flag.long == name).ok_or_else(|| Problem::UnknownLong(name.into()))?;
            read.take(flag, arg, inline, &mut args)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            let mut rest = &arg[1..];
            while let Some(letter) = rest.chars().next() {
                let flag = rows()
                    .find(|flag| flag.short == letter)
                    .ok_or_else(|| Problem::UnknownShort(letter, arg.clone()))?;
                rest = &rest[letter.len_utf8()..];
                if flag.takes == Takes::Nothing && !(style != Style::Getopt && rest.starts_with('=')) {
                    read.given.push((flag.long, "true".into()));
                    continue;
                }
                let inline = match rest.strip_prefix('=') {
                    Some(value) if style != Style::Getopt => Some(value),
                    _ => (!rest.is_empty()).then_some(rest),
                };
                read.take(flag, arg, inline, &mut args)?;
                break;
            }
        } else {
            read.words.push(arg.clone());
            if style == Style::PflagUntilWord {
                read.words.extend(args.by_ref().cloned());
            }
        }
    }
    Ok(read)
}

impl Flags {
    fn take(
        &mut self,
        flag: &Flag,
        written: &str,
        inline: Option<&str>,
        args: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), Problem> {
        let value = match (flag.takes, inline) {
            (Takes::Nothing, None) => "true".to_owned(),
            (Takes::Nothing, Some("true" | "True" | "TRUE" | "1" | "t" | "T")) => "true".to_owned(),
            (Takes::Nothing, Some("false" | "False" | "FALSE" | "0" | "f" | "F")) => "false".to_owned(),
            (Takes::Nothing, Some(other)) => return Err(Problem::NotBool(other.into(), *flag)),
            (_, Some(value)) => value.to_owned(),
            (Takes::Maybe(value), None) => value.to_owned(),
            (Takes::Value(_), None) => {
                args.next().cloned().ok_or_else(|| Problem::NeedsValue(written.to_owned(), *flag))?
            }
        };
        self.given.push((flag.long, value));
        Ok(())
    }

    /// Whether a switch is on.
    pub(super) fn on(&self, long: &str) -> bool {
        self.get(long) == Some("true")
    }

    /// The last value given.
    pub(super) fn get(&self, long: &str) -> Option<&str> {
        self.given.iter().rev().find(|(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// Every value given, in order.
    pub(super) fn all<'a>(&'a self, long: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }
}

impl Flag {
    /// `-n, --namespace`, as pflag names it in complaints.
    pub(super) fn both(&self) -> String {
        if self.short == ' ' { format!("--{}", self.long) } else { format!("-{}, --{}", self.short, self.long) }
    }
}

impl Problem {
    /// pflag's own words.
    pub(super) fn pflag(&self) -> String {
        match self {
            Self::UnknownLong(name) => format!("unknown flag: --{name}"),
            Self::UnknownShort(letter, word) => format!("unknown shorthand flag: '{letter}' in {word}"),
            Self::NeedsValue(written, flag) if !written.starts_with("--") => {
                format!("flag needs an argument: '{}' in {written}", flag.short)
            }
            Self::NeedsValue(written, _) => format!("flag needs an argument: {written}"),
            Self::NotBool(value, flag) => format!(
                "invalid argument {} for \"{}\" flag: strconv.ParseBool: parsing {}: invalid syntax",
                super::go_quote(value),
                flag.both(),
                super::go_quote(value)
            ),
        }
    }

    /// The words of C programs that use GNU getopt, after `PROGRAM: `.
    pub(super) fn getopt(&self) -> String {
        match self {
            Self::UnknownLong(name) => format!("unrecognized option '--{name}'"),
            Self::UnknownShort(letter, _) => format!("invalid option -- '{letter}'"),
            Self::NeedsValue(written, flag) if !written.starts_with("--") => {
                format!("option requires an argument -- '{}'", flag.short)
            }
            Self::NeedsValue(written, _) => format!("option '{written}' requires an argument"),
            Self::NotBool(_, flag) => format!("option '--{}' doesn't allow an argument", flag.long),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Flag] = &[
        value("namespace", 'n', "NAME"),
        switch("all", 'A'),
        switch("tty", 't'),
        Flag { long: "dry-run", short: ' ', takes: Takes::Maybe("unchanged") },
    ];

    fn check(style: Style, line: &str, expected: &str) {
        let args: Vec<String> = line.split_whitespace().map(String::from).collect();
        let got = match read(style, &[TABLE], &args) {
            Ok(flags) => {
                let given: Vec<_> = flags.given.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!(
                    "{} | {}{}",
                    given.join(" "),
                    flags.words.join(" "),
                    flags.dash.map_or(String::new(), |n| format!(" | {n}"))
                )
            }
            Err(problem) if style == Style::Getopt => problem.getopt(),
            Err(problem) => problem.pflag(),
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn reads_as_pflag_does() {
        check(Style::Pflag, "get -n a pods --all=false x", "namespace=a all=false | get pods x");
        check(
            Style::Pflag,
            "-At -nblue -n=c --namespace=d",
            "all=true tty=true namespace=blue namespace=c namespace=d | ",
        );
        check(Style::Pflag, "a -- -n b", " | a -n b | 1");
        check(Style::Pflag, "--dry-run a --dry-run=client", "dry-run=unchanged dry-run=client | a");
        check(Style::PflagUntilWord, "-n m ls -l", "namespace=m | ls -l");
        check(Style::Pflag, "--foo=1", "unknown flag: --foo");
        check(Style::Pflag, "-Az", "unknown shorthand flag: 'z' in -Az");
        check(Style::Pflag, "-n", "flag needs an argument: 'n' in -n");
        check(Style::Pflag, "--namespace", "flag needs an argument: --namespace");
        check(Style::Getopt, "-z", "invalid option -- 'z'");
    }
}
