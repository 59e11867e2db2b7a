//! `openssl req -x509 …`: a certificate for a host, and its key, as files of the laptop.
//!
//! Stands for OpenSSL 3.0 as far as tutorials use it. What it makes has the form of a real certificate; see [`crate::net::certificate`] for
//! what it lacks. Left out: every other command of openssl, and questions for a subject that is not given.

use super::flags::{self, Flag, Style, switch, value};
use super::{Io, Shell};
use crate::net;
use crate::trace::Place;

const FLAGS: &[Flag] = &[
    switch("x509", ' '),
    switch("nodes", ' '),
    switch("noenc", ' '),
    switch("new", ' '),
    switch("sha256", ' '),
    switch("batch", ' '),
    value("newkey", ' ', "ALGORITHM"),
    value("keyout", ' ', "FILE"),
    value("out", ' ', "FILE"),
    value("days", ' ', "N"),
    value("subj", ' ', "SUBJECT"),
    value("addext", ' ', "EXTENSION"),
];

/// `openssl`
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let Some((command, rest)) = args.split_first().filter(|(command, _)| *command == "req") else {
        return has(shell, io);
    };
    // openssl's words have one dash, whatever their length.
    let rest: Vec<String> = rest
        .iter()
        .map(|word| match word.strip_prefix('-') {
            Some(name) if !name.starts_with('-') && name.len() > 1 => format!("--{name}"),
            _ => word.clone(),
        })
        .collect();
    let flags = match flags::read(Style::Getopt, &[FLAGS], &rest) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("{command}: {}\n{command}: Use -help for summary.\n", problem.getopt()));
            return has(shell, io).max(1);
        }
    };
    if !flags.on("x509") || *shell.terminal.place() != Place::Laptop {
        return has(shell, io);
    }
    let subject = flags.get("subj").unwrap_or("/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd");
    let pairs: Vec<(&str, &str)> =
        subject.split('/').filter_map(|part| part.split_once('=')).map(|(k, v)| (k.trim(), v.trim())).collect();
    if !subject.starts_with('/') || pairs.is_empty() {
        io.err("req: subject name is expected to be in the format /type0=value0/type1=value1/type2=... where characters may be escaped by \\. This name is not in that format: '");
        io.err(format!("{subject}'\n"));
        return 1;
    }
    let extension = flags.all("addext").filter_map(|text| text.split_once('='));
    let names: Vec<&str> = extension
        .filter(|(name, _)| name.trim() == "subjectAltName")
        .flat_map(|(_, value)| value.split(','))
        .filter_map(|name| name.trim().strip_prefix("DNS:"))
        .collect();
    let days = flags.get("days").and_then(|days| days.parse().ok()).unwrap_or(30).min(36_500);
    let out = flags.get("out");
    let keyout = flags.get("keyout").unwrap_or("privkey.pem");
    let purpose = format!("openssl {} {}", shell.cluster.now().as_micros(), out.unwrap_or_default());
    let mut rng = shell.cluster.rng().fork(&purpose);
    let (certificate, key) = net::certificate(&pairs, &names, shell.cluster.now(), days, &mut rng);
    io.err("-----\n");
    shell.files.insert(keyout.trim_start_matches("./").to_owned(), key);
    match out {
        Some(file) => drop(shell.files.insert(file.trim_start_matches("./").to_owned(), certificate)),
        None => io.out(certificate),
    }
    0
}

fn has(shell: &Shell, io: &mut Io) -> i32 {
    shell.say(
        io,
        "the lab's openssl has, on the laptop: openssl req -x509 -nodes -newkey rsa:2048 -days 365 -keyout tls.key -out tls.crt -subj /CN=HOST -addext subjectAltName=DNS:HOST",
        "实验室的 openssl 只在笔记本电脑上支持：openssl req -x509 -nodes -newkey rsa:2048 -days 365 -keyout tls.key -out tls.crt -subj /CN=主机名 -addext subjectAltName=DNS:主机名",
    );
    1
}
