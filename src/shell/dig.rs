//! dig: one question, and all of the answer.
//!
//! Stands for BIND 9.18's dig. Left out: batches, classes, transfers, tracing; the answer's id is made from the question.

use std::fmt::Write as _;

use super::lookup::{Resolver, Told, record_type, reversed, type_name, weight};
use super::{Io, Shell};
use crate::net::{Record, RecordType};

/// How long CoreDNS lets answers be kept, in seconds (`ttl 30` of minikube's Corefile).
const TTL: u32 = 30;

/// What to print.
struct Shown {
    short: bool,
    search: bool,
    sections: bool,
    answer: bool,
}

/// `dig [@SERVER] [-x ADDRESS] [NAME] [TYPE] [+short] [+search] [+noall +answer]`
pub(super) fn dig(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let mut shown = Shown { short: false, search: false, sections: true, answer: true };
    let (mut server, mut name, mut kind) = (None, None, None);
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "+short" => shown.short = true,
            "+search" => shown.search = true,
            "+nosearch" => shown.search = false,
            "+noall" => (shown.sections, shown.answer) = (false, false),
            "+answer" => shown.answer = true,
            "-x" => {
                let address = args.next().unwrap_or_default();
                name = Some(reversed(address).unwrap_or_else(|| address.to_owned()));
                kind = Some(RecordType::Ptr);
            }
            "-t" => kind = record_type(args.next().unwrap_or_default()),
            "IN" | "in" => {}
            _ if arg.starts_with('+') || arg.starts_with('-') => {
                io.err(format!(
                    "Invalid option: {arg}\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {{q-opt}}\n"
                ));
                let has = "@SERVER, -x, -t, +short, +search, +noall, +answer";
                shell.say(io, format!("the lab's dig has {has}"), format!("实验室的 dig 支持 {has}"));
                return 1;
            }
            _ => match (arg.strip_prefix('@'), record_type(arg)) {
                (Some(at), _) => server = Some(at),
                (None, Some(found)) if name.is_some() => kind = Some(found),
                (None, _) => name = Some(arg.to_owned()),
            },
        }
    }
    let (name, kind) = (name.unwrap_or_else(|| ".".into()), kind.unwrap_or(RecordType::A));
    let resolver = match Resolver::reach(shell, io, server) {
        Ok(resolver) => resolver,
        Err(unknown) if !unknown.is_empty() => {
            io.err(format!("dig: couldn't get address for '{unknown}': not found\n"));
            return 10;
        }
        Err(_) => {
            if !shown.short {
                io.out(format!("\n; <<>> DiG 9.18.28 <<>> {name}\n;; global options: +cmd\n"));
            }
            io.out(";; connection timed out; no servers could be reached\n\n");
            return 9;
        }
    };
    let told = if shown.search { resolver.find(&name, kind) } else { resolver.ask(&name, kind) };
    if shown.short {
        let weight = weight(&told.records);
        told.records.iter().for_each(|(_, record)| io.out(data(record, weight) + "\n"));
        return 0;
    }
    let when = super::kubectl::calendar(shell.cluster.now());
    io.out(report(&resolver, &told, kind, &shown, &when));
    0
}

fn data(record: &Record, weight: usize) -> String {
    match record {
        Record::A(ip) => ip.to_string(),
        Record::Cname(target) | Record::Ptr(target) => target.clone(),
        Record::Srv { port, target } => format!("0 {weight} {port} {target}"),
        Record::Txt(text) => format!("\"{text}\""),
    }
}

/// A record in BIND's columns: name, time, class, type, data.
fn row(name: &str, ttl: u32, kind: &str, data: &str) -> String {
    let mut text = format!("{name}.");
    for (cell, column) in [(ttl.to_string().as_str(), 24), ("IN", 32), (kind, 40), (data, 48)] {
        let mut at = text.chars().fold(0, |at, c| if c == '\t' { at / 8 * 8 + 8 } else { at + 1 });
        if at >= column {
            text.push(' ');
        }
        while at < column {
            text.push('\t');
            at = at / 8 * 8 + 8;
        }
        text += cell;
    }
    text + "\n"
}

fn report(resolver: &Resolver, told: &Told, kind: RecordType, shown: &Shown, when: &str) -> String {
    let kind = type_name(kind);
    let weight = weight(&told.records);
    let type_of = |record: &Record| match record {
        Record::A(_) => "A",
        Record::Cname(_) => "CNAME",
        Record::Srv { .. } => "SRV",
        Record::Ptr(_) => "PTR",
        Record::Txt(_) => "TXT",
    };
    let mut rows = String::new();
    for (name, record) in &told.records {
        rows += &row(name, TTL, type_of(record), &data(record, weight));
    }
    if !shown.sections {
        return if shown.answer { rows } else { String::new() };
    }
    let is_local = told.name.ends_with(".local");
    let empty = told.records.is_empty();
    let id = told.name.bytes().fold(7_u16, |id, b| id.wrapping_mul(31).wrapping_add(b.into()));
    let status = if told.exists { "NOERROR" } else { "NXDOMAIN" };
    let mut text = format!("\n; <<>> DiG 9.18.28 <<>> {}", told.name);
    let _ = writeln!(text, "{}", if kind == "A" { String::new() } else { format!(" {kind}") });
    text += ";; global options: +cmd\n;; Got answer:\n";
    if is_local {
        text += ";; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an mDNS query is leaked to DNS\n";
    }
    let _ = writeln!(text, ";; ->>HEADER<<- opcode: QUERY, status: {status}, id: {id}");
    let _ = writeln!(
        text,
        ";; flags: qr aa rd; QUERY: 1, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: 1",
        told.records.len(),
        u8::from(empty)
    );
    text += ";; WARNING: recursion requested but not available\n\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n";
    let _ = writeln!(text, "; COOKIE: {id:04x}{id:04x}{id:04x}{id:04x} (echoed)\n;; QUESTION SECTION:");
    // The question has no time: its columns are the same.
    let question = row(&format!(";{}", told.name), 0, kind, "");
    let question = question.trim_end().replacen(" 0 ", " ", 1).replacen("\t0\t", "\t\t", 1).replacen(" 0\t", "\t", 1);
    text += &question;
    text += "\n\n";
    if !rows.is_empty() {
        let _ = writeln!(text, ";; ANSWER SECTION:\n{}", rows.trim_end_matches('\n'));
        text.push('\n');
    }
    if empty {
        let soa = "ns.dns.cluster.local. hostmaster.cluster.local. 1790841600 7200 1800 86400 30";
        let _ = writeln!(text, ";; AUTHORITY SECTION:\n{}", row("cluster.local", TTL, "SOA", soa).trim_end());
        text.push('\n');
    }
    let server = &resolver.server;
    let words: Vec<&str> = when.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let when = match words[..] {
        [weekday, day, month, year, time, _] => format!("{weekday} {month} {day} {time} UTC {year}"),
        _ => when.to_owned(),
    };
    let _ = writeln!(text, ";; Query time: 0 msec\n;; SERVER: {server}#53({server}) (UDP)\n;; WHEN: {when}");
    let _ = writeln!(text, ";; MSG SIZE  rcvd: {}\n", size(told));
    text
}

/// The answer's bytes: CoreDNS writes every name out, and echoes the client's cookie.
fn size(told: &Told) -> usize {
    let name = |text: &str| text.trim_end_matches('.').len() + 2;
    let record = |(owner, record): &(String, Record)| {
        let data = match record {
            Record::A(_) => 4,
            Record::Cname(target) | Record::Ptr(target) => name(target),
            Record::Srv { target, .. } => 6 + name(target),
            Record::Txt(text) => 1 + text.len(),
        };
        name(owner) + 10 + data
    };
    let soa = if told.records.is_empty() { 15 + 10 + 22 + 30 + 20 } else { 0 };
    12 + name(&told.name) + 4 + told.records.iter().map(record).sum::<usize>() + soa + 23
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_bind() {
        let check = |name: &str, expected: &str| assert_eq!(row(name, 30, "A", "10.96.0.1"), expected);
        check("kubernetes.default.svc.cluster.local", "kubernetes.default.svc.cluster.local. 30 IN A\t10.96.0.1\n");
        check("web.default.svc.cluster.local", "web.default.svc.cluster.local. 30 IN\tA\t10.96.0.1\n");
        check("a.svc.cluster.local", "a.svc.cluster.local.\t30\tIN\tA\t10.96.0.1\n");
    }
}
