//! `iptables`, `iptables-save` and `nft` on a node: what its packet filter holds. They read; nobody changes rules here.
//!
//! Stands for iptables 1.8.9 (nf_tables) and nft 1.0.6. A node's user needs no `sudo` for them, as a real one does.

use std::sync::Arc;

use super::{Io, Shell};
use crate::net::nft::{Listed, Thing};
use crate::net::{Asked, Network, PacketFilter, TableName};
use crate::trace::Place;

const IPTABLES: &str = "iptables v1.8.9 (nf_tables)";
const TRY: &str = "Try `iptables -h' or 'iptables --help' for more information.\n";
const FAMILIES: [&str; 6] = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];

impl Shell<'_> {
    /// Where the packet filter is that one can look at from here.
    fn node(&mut self, io: &mut Io) -> Option<(Arc<str>, Arc<Network>)> {
        match self.terminal.place() {
            Place::Node(name) => Some((name.clone(), self.cluster.network())),
            _ => {
                self.say(
                    io,
                    "kube-proxy's rules are in the nodes' kernels: minikube ssh, then ask there",
                    "kube-proxy 的规则在各节点的内核里：先 minikube ssh，再在节点上查看",
                );
                None
            }
        }
    }
}

/// The table of a name.
fn table(name: &str) -> Option<TableName> {
    TableName::ALL.into_iter().find(|table| table.name() == name)
}

/// `iptables-save [-c] [-t TABLE]`
pub(super) fn iptables_save(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let (mut only, mut counters) = (None, false);
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "-c" | "--counters" => counters = true,
            "-V" | "--version" => {
                io.out("iptables-save v1.8.9 (nf_tables)\n");
                return 0;
            }
            "-t" | "--table" => match args.next() {
                Some(name) => match table(name) {
                    Some(table) => only = Some(table),
                    None => {
                        io.err(format!("Table `{name}' does not exist\n"));
                        return 1;
                    }
                },
                None => return complain(io, "option requires an argument -- 't'"),
            },
            _ if arg.starts_with("--") => return complain(io, &format!("unrecognized option '{arg}'")),
            _ if arg.starts_with('-') => {
                return complain(io, &format!("invalid option -- '{}'", arg.chars().nth(1).unwrap_or('-')));
            }
            _ => {
                io.err("Unknown arguments found on commandline\n");
                return 1;
            }
        }
    }
    let Some((node, network)) = shell.node(io) else { return 1 };
    let (flows, now) = (shell.cluster.flows(), shell.cluster.now());
    let text = network.packet_filter(flows, &node, now).map(|filter| filter.save(only, counters));
    io.out(text.unwrap_or_default());
    0
}

fn complain(io: &mut Io, what: &str) -> i32 {
    io.err(format!("iptables-save: {what}\nLook at manual page `iptables-save.8' for more information.\n"));
    1
}

/// What `iptables` is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    List,
    Specs,
}

/// `iptables [-t TABLE] -L|-S [CHAIN [NUMBER]] [-n] [-v] [-x] [--line-numbers]`
pub(super) fn iptables(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let (command, in_table, asked) = match read(args) {
        Ok(Some(read)) => read,
        Ok(None) => {
            io.out(format!("{IPTABLES}\n"));
            return 0;
        }
        Err(Problem::Usage(what)) => {
            io.err(format!("{what}\n{TRY}"));
            return 2;
        }
        Err(Problem::Changes) => {
            shell.say(
                io,
                "the rules here are kube-proxy's, and it would only write them again: the lab has iptables -L and iptables -S",
                "这里的规则由 kube-proxy 维护，改了也会被它写回：实验室提供 iptables -L 和 iptables -S",
            );
            return 4;
        }
    };
    let Some((node, network)) = shell.node(io) else { return 1 };
    let Some(name) = table(&in_table) else {
        io.err(format!(
            "{IPTABLES}: table '{in_table}' does not exist\nPerhaps iptables or your kernel needs to be upgraded.\n"
        ));
        return 3;
    };
    let (flows, now) = (shell.cluster.flows(), shell.cluster.now());
    let Some(filter) = network.packet_filter(flows, &node, now) else { return 1 };
    let text = match command {
        Command::List => filter.list(name, &asked),
        Command::Specs => filter.specs(name, &asked),
    };
    match text {
        Some(text) => {
            io.out(text);
            0
        }
        None => {
            let chain = asked.chain.unwrap_or_default();
            io.err(format!("{IPTABLES}: chain `{chain}' in table `{in_table}' is incompatible, use 'nft' tool.\n"));
            1
        }
    }
}

/// Why `iptables` does nothing.
enum Problem {
    /// In its own words.
    Usage(String),
    /// It would change rules.
    Changes,
}

type Read = (Command, String, Asked);

/// Reads the arguments; none for `--version`.
fn read(args: &[String]) -> Result<Option<Read>, Problem> {
    let says = |what: &str| Problem::Usage(format!("{IPTABLES}: {what}"));
    let mut asked = Asked::default();
    let (mut command, mut table) = (None, "filter".to_owned());
    let mut args = args.iter().map(String::as_str).peekable();
    while let Some(arg) = args.next() {
        // Letters stand together (`-nvL`), long options may be cut short (`--line`).
        let mut letters = match arg.strip_prefix("--") {
            Some(long) => long_option(long).ok_or_else(|| says(&format!("unknown option \"{arg}\"")))?,
            None => match arg.strip_prefix('-') {
                Some(letters) if !letters.is_empty() => letters,
                _ => return Err(Problem::Usage(format!("Bad argument `{arg}'"))),
            },
        };
        while let Some(letter) = letters.chars().next() {
            letters = &letters[letter.len_utf8()..];
            match letter {
                'n' => asked.numeric = true,
                'v' => asked.verbose = true,
                'x' => asked.exact = true,
                '0' => asked.line_numbers = true,
                '4' | 'w' => {}
                'V' => return Ok(None),
                't' => {
                    let rest = std::mem::take(&mut letters);
                    let inline = (!rest.is_empty()).then_some(rest);
                    let name = inline.or_else(|| args.next());
                    table = name.ok_or_else(|| says("option \"-t\" requires an argument"))?.to_owned();
                }
                'L' | 'S' => {
                    let this = if letter == 'L' { Command::List } else { Command::Specs };
                    if command.is_some_and(|other| other != this) {
                        let (a, b) = if letter == 'L' { ('L', 'S') } else { ('S', 'L') };
                        return Err(says(&format!("Cannot use -{a} with -{b}")));
                    }
                    command = Some(this);
                    let rest = std::mem::take(&mut letters);
                    asked.chain = match rest {
                        "" => args.next_if(|next| !next.starts_with(['-', '!'])).map(str::to_owned),
                        chain => Some(chain.to_owned()),
                    };
                    if asked.chain.is_some()
                        && let Some(number) = args.next_if(|next| !next.starts_with('-'))
                    {
                        let parsed = number.parse().ok().filter(|number| *number > 0);
                        asked.rule = Some(parsed.ok_or_else(|| says(&format!("Invalid rule number `{number}'")))?);
                    }
                }
                'A' | 'C' | 'D' | 'I' | 'R' | 'F' | 'N' | 'X' | 'P' | 'E' | 'Z' => return Err(Problem::Changes),
                _ => return Err(says(&format!("unknown option \"-{letter}\""))),
            }
        }
    }
    match command {
        Some(command) => Ok(Some((command, table, asked))),
        None => Err(says("no command specified")),
    }
}

/// The letter of a long option; `0` for the one that has none.
fn long_option(long: &str) -> Option<&'static str> {
    const LONG: [(&str, &str); 21] = [
        ("append", "A"),
        ("check", "C"),
        ("delete", "D"),
        ("delete-chain", "X"),
        ("exact", "x"),
        ("flush", "F"),
        ("insert", "I"),
        ("ipv4", "4"),
        ("line-numbers", "0"),
        ("list", "L"),
        ("list-rules", "S"),
        ("new-chain", "N"),
        ("numeric", "n"),
        ("policy", "P"),
        ("rename-chain", "E"),
        ("replace", "R"),
        ("table", "t"),
        ("verbose", "v"),
        ("version", "V"),
        ("wait", "w"),
        ("zero", "Z"),
    ];
    let whole = LONG.iter().find(|(name, _)| *name == long);
    let mut cut = LONG.iter().filter(|(name, _)| !long.is_empty() && name.starts_with(long));
    let found = whole.or_else(|| cut.next().filter(|_| cut.next().is_none()));
    found.map(|(_, letter)| *letter)
}

/// `nft list …`
pub(super) fn nft(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    if let [flag] = args
        && (flag == "-v" || flag == "--version")
    {
        io.out("nftables v1.0.6 (Lester Gooch #5)\n");
        return 0;
    }
    let line = args.join(" ");
    let words: Vec<&str> = args.iter().flat_map(|arg| arg.split(' ')).collect();
    match words.split_first() {
        None => {
            io.err("nft: no command specified\n");
            1
        }
        Some((&"list", _)) => {
            let Some((node, network)) = shell.node(io) else { return 1 };
            let (flows, now) = (shell.cluster.flows(), shell.cluster.now());
            let Some(filter) = network.packet_filter(flows, &node, now) else { return 1 };
            let mut reader = Reader { line: &line, words: &words, next: 1 };
            match list(io, &filter, &mut reader) {
                Ok(()) => 0,
                Err((what, at)) => {
                    let (from, length) = reader.place(at);
                    io.err(format!("Error: {what}\n{line}\n{}{}\n", " ".repeat(from), "^".repeat(length)));
                    1
                }
            }
        }
        Some(_) => {
            shell.say(
                io,
                "the lab has: nft list ruleset|tables|chains|sets|maps, nft list table|chain|set|map [FAMILY] [TABLE] NAME",
                "实验室提供：nft list ruleset|tables|chains|sets|maps，以及 nft list table|chain|set|map [FAMILY] [TABLE] NAME",
            );
            1
        }
    }
}

/// The words after `list`.
struct Reader<'a> {
    line: &'a str,
    words: &'a [&'a str],
    next: usize,
}

/// What is wrong, and the number of the word.
type Wrong = (&'static str, usize);

const NO_SUCH: &str = "No such file or directory";

impl<'a> Reader<'a> {
    /// Where a word stands in the line, and how long it is; the end of the line for what is missing.
    fn place(&self, number: usize) -> (usize, usize) {
        let before = self.words.iter().take(number).map(|word| word.len() + 1).sum::<usize>();
        match self.words.get(number) {
            Some(word) => (before, word.len()),
            None => (self.line.len(), 1),
        }
    }

    /// A family, if one is named; `ip` if not.
    fn family(&mut self) -> &'a str {
        match self.words.get(self.next) {
            Some(word) if FAMILIES.contains(word) => {
                self.next += 1;
                word
            }
            _ => "ip",
        }
    }

    fn name(&mut self) -> Result<(&'a str, usize), Wrong> {
        let at = self.next;
        self.next += 1;
        match self.words.get(at) {
            Some(word) => Ok((word, at)),
            None => Err(("syntax error, unexpected newline, expecting string", at)),
        }
    }

    fn end(&self) -> Result<(), Wrong> {
        match self.words.get(self.next) {
            Some(_) => {
                Err(("syntax error, unexpected string, expecting end of file or newline or semicolon", self.next))
            }
            None => Ok(()),
        }
    }
}

fn list(io: &mut Io, filter: &PacketFilter<'_>, reader: &mut Reader<'_>) -> Result<(), Wrong> {
    let what = match reader.words.get(reader.next) {
        Some(what) => *what,
        None => return Err(("syntax error, unexpected newline", reader.next)),
    };
    let kind = reader.next;
    reader.next += 1;
    let (thing, all) = match what {
        "ruleset" | "tables" => (None, true),
        "table" => (None, false),
        "chain" | "chains" => (Some(Thing::Chain), what == "chains"),
        "set" | "sets" => (Some(Thing::Set), what == "sets"),
        "map" | "maps" => (Some(Thing::Map), what == "maps"),
        _ => return Err(("syntax error, unexpected string", kind)),
    };
    let named = reader.words.get(reader.next).is_some_and(|word| FAMILIES.contains(word));
    let family = reader.family();
    if all {
        reader.end()?;
        // Without a family, those of all families: there are tables of `ip` alone.
        for table in filter.nft_tables().into_iter().filter(|_| !named || family == "ip") {
            match thing {
                _ if what == "tables" => io.out(format!("table ip {table}\n")),
                Some(thing) => show(io, filter, table, Listed::Every(thing)),
                None => show(io, filter, table, Listed::All),
            }
        }
        return Ok(());
    }
    let (table, at) = reader.name()?;
    let there = family == "ip" && filter.nft_tables().contains(&table);
    let Some(thing) = thing else {
        reader.end()?;
        if !there {
            return Err((NO_SUCH, at));
        }
        show(io, filter, table, Listed::All);
        return Ok(());
    };
    let (name, name_at) = reader.name()?;
    reader.end()?;
    if !there {
        return Err((NO_SUCH, at));
    }
    let mut out = String::new();
    if !filter.nft_list(&mut out, table, Listed::One(thing, name)) {
        return Err((NO_SUCH, name_at));
    }
    io.out(out);
    Ok(())
}

fn show(io: &mut Io, filter: &PacketFilter<'_>, table: &str, what: Listed<'_>) {
    if what == Listed::All && filter.nft_warns(table) {
        io.err(format!("# Warning: table ip {table} is managed by iptables-nft, do not touch!\n"));
    }
    let mut out = String::new();
    filter.nft_list(&mut out, table, what);
    io.out(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let args: Vec<String> = line.split_whitespace().map(String::from).collect();
        let got = match read(&args) {
            Ok(None) => "version".to_owned(),
            Ok(Some((command, table, asked))) => {
                let flags = [(asked.numeric, 'n'), (asked.verbose, 'v'), (asked.exact, 'x'), (asked.line_numbers, 'l')];
                let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect();
                format!("{command:?} {table} {:?} {:?} {flags}", asked.chain.unwrap_or_default(), asked.rule)
            }
            Err(Problem::Changes) => "changes".to_owned(),
            Err(Problem::Usage(what)) => what,
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn iptables_reads_its_arguments() {
        check("-t nat -nvL KUBE-SERVICES 3", "List nat \"KUBE-SERVICES\" Some(3) nv");
        check("-L -n --line-numbers", "List filter \"\" None nl");
        check("--table nat --list KUBE-NODEPORTS --line -vx", "List nat \"KUBE-NODEPORTS\" None vxl");
        check("-tnat -S", "Specs nat \"\" None ");
        check("-V", "version");
        check("-t nat -F", "changes");
        check("", "iptables v1.8.9 (nf_tables): no command specified");
        check("-q", "iptables v1.8.9 (nf_tables): unknown option \"-q\"");
        check("--frob", "iptables v1.8.9 (nf_tables): unknown option \"--frob\"");
        check("-t", "iptables v1.8.9 (nf_tables): option \"-t\" requires an argument");
        check("-L -S", "iptables v1.8.9 (nf_tables): Cannot use -S with -L");
        check("-L -n foo", "Bad argument `foo'");
        check("-L INPUT x", "iptables v1.8.9 (nf_tables): Invalid rule number `x'");
    }
}
