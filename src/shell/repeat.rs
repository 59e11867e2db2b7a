//! `watch`: a command again and again, its screen in place of the last.
//!
//! Stands for procps-ng's watch. A screen is printed only when it differs from the last; a form feed stands before each, for a terminal
//! to begin anew. Left out: differences in colour, `--precise`, beeps.

use super::flags::{self, Flag, Style, switch, value};
use super::host::seconds;
use super::job::Work;
use super::{Io, Shell};
use crate::time::{Duration, Instant};
use crate::trace::Place;

const WATCH: &[Flag] = &[
    value("interval", 'n', "SECONDS"),
    switch("differences", 'd'),
    switch("no-title", 't'),
    switch("exec", 'x'),
    switch("errexit", 'e'),
];

/// Where a new screen begins.
const NEW_SCREEN: char = '\u{c}';

/// `watch`, as it goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Repeat {
    place: Place,
    line: String,
    interval: Duration,
    title: bool,
    next: Instant,
    last: String,
}

/// `watch [-n SECONDS] COMMAND`
pub(super) fn watch(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    // What follows the first word belongs to the command.
    let mut own = 0;
    while args.get(own).is_some_and(|arg| arg.starts_with('-')) {
        own += if matches!(args[own].as_str(), "-n" | "--interval") { 2 } else { 1 };
    }
    let own = own.min(args.len());
    let flags = match flags::read(Style::Getopt, &[WATCH], &args[..own]) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("watch: {}\n", problem.getopt()));
            return 1;
        }
    };
    let line = args[own..].join(" ");
    if line.is_empty() {
        io.err("Usage:\n watch [options] command\n");
        return 1;
    }
    let Some(interval) = seconds(flags.get("interval").unwrap_or("2")) else {
        io.err(format!("watch: failed to parse argument: '{}'\n", flags.get("interval").unwrap_or_default()));
        return 1;
    };
    let interval = interval.max(Duration::from_millis(100));
    let next = shell.cluster.now();
    let place = shell.terminal.place().clone();
    let mut repeat = Repeat { place, line, interval, title: !flags.on("no-title"), next, last: String::new() };
    repeat.poll(shell, io);
    let pid = shell.pid();
    shell.hold(io, pid, Work::Repeat(Box::new(repeat)))
}

impl Repeat {
    /// When the command is run again.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn poll(&mut self, shell: &mut Shell, io: &mut Io) -> Option<i32> {
        let now = shell.cluster.now();
        if now < self.next {
            return None;
        }
        let mut inner = Io::default();
        shell.at(self.place.clone(), |shell| shell.line(&mut inner, &self.line));
        self.next = shell.cluster.now().max(now) + self.interval;
        let text: String = inner.chunks.into_iter().map(|(_, text)| text).collect();
        if text == self.last {
            return None;
        }
        io.out(NEW_SCREEN.to_string());
        if self.title {
            let (whole, part) = (self.interval.as_secs(), self.interval.subsec_millis() / 100);
            let date = super::host::calendar(shell);
            io.out(format!("Every {whole}.{part}s: {}    {}: {date}\n\n", self.line, shell.host_name()));
        }
        io.out(&text);
        self.last = text;
        None
    }
}
