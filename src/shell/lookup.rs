//! Names asked of the DNS: nslookup, host, getent, and what `dig` shares with them.
//!
//! Stands for BIND 9.18's nslookup and host, glibc's getent, and busybox's nslookup, which is what pods of busybox and alpine have: up to
//! 1.28 it asks by the C library, later it searches only names without a dot. Other images get BIND's, whatever they really hold. A pod
//! asks the servers of its `/etc/resolv.conf`; a node and the laptop ask resolvers of their own, which know nothing of the cluster.
//! Left out: the question goes over the network once for each command, however many names are tried; nobody answers for the internet.

use super::flags::{self, Flag, Style, switch, value};
use super::{Io, Shell};
use crate::inet::Ipv4Addr;
use crate::net::{Lookup, Record, RecordType, Zone};
use crate::object::{Kind, Pod, Ref};
use crate::time::Duration;
use crate::trace::{OutcomeKind, Place, Request};

/// How many CNAMEs are followed.
const MOST_ALIASES: usize = 8;

/// Types by the names that tools take.
const TYPES: [(&str, RecordType); 6] = [
    ("A", RecordType::A),
    ("AAAA", RecordType::Aaaa),
    ("CNAME", RecordType::Cname),
    ("SRV", RecordType::Srv),
    ("PTR", RecordType::Ptr),
    ("TXT", RecordType::Txt),
];

/// The type of a name, in either case.
pub(super) fn record_type(name: &str) -> Option<RecordType> {
    TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|row| row.1)
}

/// A type's name.
pub(super) fn type_name(kind: RecordType) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == kind).map_or("", |row| row.0)
}

/// What a question gave.
pub(super) struct Told {
    /// The name asked for.
    pub(super) name: String,
    /// The records, aliases first; none of them if the name has nothing of that type.
    pub(super) records: Vec<(String, Record)>,
    /// Whether the name exists.
    pub(super) exists: bool,
}

/// What `/etc/resolv.conf` says, and what the server knows.
pub(super) struct Resolver {
    pub(super) server: String,
    search: Vec<String>,
    ndots: usize,
    zone: Zone,
}

impl Resolver {
    /// The resolver where one stands, or another server; none if it does not answer.
    pub(super) fn reach(shell: &mut Shell, io: &mut Io, server: Option<&str>) -> Result<Self, String> {
        let conf = shell.resolv_conf();
        let lines = |key: &str| -> Vec<String> {
            let found = conf.lines().filter_map(|line| line.strip_prefix(key));
            found.flat_map(str::split_whitespace).map(String::from).collect()
        };
        let own = lines("nameserver ").into_iter().next().unwrap_or_default();
        let options = lines("options ");
        let ndots = options.iter().find_map(|option| option.strip_prefix("ndots:")?.parse().ok()).unwrap_or(1);
        let all = Zone::read(shell.cluster.store());
        let server = match server {
            Some(name) if name.parse::<Ipv4Addr>().is_err() => {
                let tried = names(name, &lines("search "), ndots);
                let found = tried.iter().find_map(|name| all.addresses(name).ok()?.first().copied());
                found.map(|ip| ip.to_string()).ok_or_else(|| name.to_owned())?
            }
            Some(address) => address.to_owned(),
            None => own.clone(),
        };
        let upstream = shell.cluster.profile().laptop.to_string();
        let outside = server == upstream || (!matches!(shell.terminal.place(), Place::Pod(..)) && server == own);
        let mut zone = Zone::default();
        if !outside {
            let request = Request { protocol: "udp".into(), url: format!("{server}:53").into(), ..Request::default() };
            let (trace, _) = shell.request(io, &request, Duration::from_secs(15));
            if trace.outcome.kind != OutcomeKind::Answered {
                return Err(String::new());
            }
            // Only CoreDNS knows the cluster.
            if matches!(&trace.outcome.responder, Some(Place::Pod(..))) {
                zone = all;
            }
        }
        Ok(Self { server, search: lines("search "), ndots, zone })
    }

    /// Asks for one whole name.
    pub(super) fn ask(&self, name: &str, kind: RecordType) -> Told {
        let name = name.trim_end_matches('.').to_owned();
        let (mut records, mut asked) = (Vec::new(), name.clone());
        let mut exists = false;
        for _ in 0..MOST_ALIASES {
            let Lookup::Known(found) = self.zone.lookup(&asked, kind) else { break };
            exists = true;
            let next = match found.first() {
                Some(Record::Cname(target)) if kind != RecordType::Cname => {
                    Some(target.trim_end_matches('.').to_owned())
                }
                _ => None,
            };
            records.extend(found.into_iter().map(|record| (asked.clone(), record)));
            match next {
                Some(next) => asked = next,
                None => break,
            }
        }
        Told { name, records, exists }
    }

    /// Asks for a name by the search list: the first that exists, else the name itself.
    pub(super) fn find(&self, name: &str, kind: RecordType) -> Told {
        let asked = names(name, &self.search, self.ndots).into_iter().map(|candidate| self.ask(&candidate, kind));
        let none = || Told { name: name.to_owned(), records: Vec::new(), exists: false };
        asked.into_iter().find(|told| told.exists).unwrap_or_else(none)
    }
}

fn names(name: &str, search: &[String], ndots: usize) -> Vec<String> {
    if let Some(whole) = name.strip_suffix('.') {
        return vec![whole.to_owned()];
    }
    let mut names: Vec<String> = search.iter().map(|search| format!("{name}.{search}")).collect();
    let first = if name.matches('.').count() >= ndots { 0 } else { names.len() };
    names.insert(first, name.to_owned());
    names
}

/// `5.0.244.10.in-addr.arpa`, if it is an address.
pub(super) fn reversed(name: &str) -> Option<String> {
    let [a, b, c, d] = name.parse::<Ipv4Addr>().ok()?.octets();
    Some(format!("{d}.{c}.{b}.{a}.in-addr.arpa"))
}

/// The weights of the SRV records of one answer, as CoreDNS shares 100 among them.
pub(super) fn weight(records: &[(String, Record)]) -> usize {
    let count = records.iter().filter(|(_, record)| matches!(record, Record::Srv { .. })).count();
    (100 / count.max(1)).max(1)
}

/// Which nslookup a pod has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Bind,
    /// busybox up to 1.28.
    OldBusybox,
    Busybox,
}

fn flavour(shell: &Shell) -> Flavour {
    let Place::Pod(namespace, name) = shell.terminal.place() else { return Flavour::Bind };
    let pod = shell.cluster.store().get(&Ref::new(Kind::Pod, namespace.clone(), name.clone()));
    let image = pod.and_then(|pod| pod.body::<Pod>()).and_then(|pod| pod.spec.containers.first());
    let image = image.map_or("", |container| container.image.as_str());
    let last = image.rsplit('/').next().unwrap_or_default();
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    let minor = tag.strip_prefix("1.").and_then(|rest| rest.split(['.', '-']).next()?.parse::<u32>().ok());
    match name {
        "busybox" if minor.is_some_and(|minor| minor <= 28) => Flavour::OldBusybox,
        "busybox" | "alpine" | "curl" => Flavour::Busybox,
        _ if tag.contains("alpine") => Flavour::Busybox,
        _ => Flavour::Bind,
    }
}

/// `nslookup [-type=TYPE] NAME [SERVER]`
pub(super) fn nslookup(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flavour = flavour(shell);
    let mut kind = None;
    for option in args.iter().filter(|arg| arg.starts_with('-')) {
        let named = option.split_once('=').filter(|(key, _)| ["type", "query", "q"].iter().any(|k| key[1..] == **k));
        match named.map(|(_, name)| (name, record_type(name))) {
            Some((_, Some(found))) => kind = Some(found),
            Some((name, None)) => {
                io.err(format!("unknown query type: {name}\n"));
                let types = TYPES.map(|row| row.0).join(", ");
                shell.say(io, format!("the lab's DNS has {types}"), format!("实验室的 DNS 支持 {types}"));
                return 1;
            }
            None => io.err(format!("*** Invalid option: {}\n", &option[1..])),
        }
    }
    let words: Vec<&str> = args.iter().filter(|arg| !arg.starts_with('-')).map(String::as_str).collect();
    let Some(name) = words.first() else {
        io.err("Usage: nslookup [-type=TYPE] HOST [SERVER]\n");
        return 1;
    };
    let resolver = match Resolver::reach(shell, io, words.get(1).copied()) {
        Ok(resolver) => resolver,
        Err(unknown) if !unknown.is_empty() => {
            io.out(format!("nslookup: couldn't get address for '{unknown}': not found\n"));
            return 1;
        }
        Err(_) => {
            io.out(";; connection timed out; no servers could be reached\n\n");
            return 1;
        }
    };
    match flavour {
        Flavour::Bind => bind(io, &resolver, name, kind),
        Flavour::OldBusybox => old_busybox(io, &resolver, name),
        Flavour::Busybox => busybox(io, &resolver, name, kind),
    }
}

/// A record in nslookup's words; addresses have a line for the name, which nslookup gives once for each.
fn line(name: &str, record: &Record, weight: usize) -> String {
    match record {
        Record::A(ip) => format!("Name:\t{name}\nAddress: {ip}\n"),
        Record::Cname(target) => format!("{name}\tcanonical name = {}\n", target),
        Record::Srv { port, target } => format!("{name}\tservice = 0 {weight} {port} {target}\n"),
        Record::Ptr(target) => format!("{name}\tname = {target}\n"),
        Record::Txt(text) => format!("{name}\ttext = \"{text}\"\n"),
    }
}

fn bind(io: &mut Io, resolver: &Resolver, name: &str, kind: Option<RecordType>) -> i32 {
    let reverse = reversed(name).filter(|_| kind.is_none());
    let told = match &reverse {
        Some(whole) => resolver.ask(whole, RecordType::Ptr),
        None => resolver.find(name, kind.unwrap_or(RecordType::A)),
    };
    if reverse.is_none() {
        io.out(format!("Server:\t\t{0}\nAddress:\t{0}#53\n\n", resolver.server));
    }
    let weight = weight(&told.records);
    told.records.iter().for_each(|(name, record)| io.out(line(name, record, weight)));
    if told.records.is_empty() {
        let name = &told.name;
        io.out(match told.exists {
            true => format!("*** Can't find {name}: No answer\n"),
            false => format!("** server can't find {name}: NXDOMAIN\n"),
        });
    }
    io.out("\n");
    i32::from(told.records.is_empty())
}

fn busybox(io: &mut Io, resolver: &Resolver, name: &str, kind: Option<RecordType>) -> i32 {
    io.out(format!("Server:\t\t{0}\nAddress:\t{0}:53\n\n", resolver.server));
    let reverse = reversed(name).filter(|_| kind.is_none());
    let kinds = match (kind, &reverse) {
        (_, Some(_)) => vec![RecordType::Ptr],
        (Some(kind), None) => vec![kind],
        (None, None) => vec![RecordType::A, RecordType::Aaaa],
    };
    // It searches only names without a dot, and asks for all of them.
    let names = match &reverse {
        Some(whole) => vec![whole.clone()],
        None if name.contains('.') || resolver.search.is_empty() => vec![name.to_owned()],
        None => resolver.search.iter().map(|search| format!("{name}.{search}")).collect(),
    };
    let mut code = 0;
    for kind in kinds {
        for name in &names {
            let told = resolver.ask(name, kind);
            let weight = weight(&told.records);
            for (name, record) in &told.records {
                // Its own lines differ in a dot: no final ones.
                let text = line(name, record, weight);
                io.out(text.trim_end_matches(['.', '\n']).to_owned() + "\n");
            }
            if !told.exists {
                io.out(format!("** server can't find {name}: NXDOMAIN\n"));
                code = 1;
            } else if told.records.is_empty() {
                io.out(format!("*** Can't find {name}: No answer\n"));
            }
            io.out("\n");
        }
    }
    code
}

fn old_busybox(io: &mut Io, resolver: &Resolver, name: &str) -> i32 {
    let named = |ip: &str| {
        let told = reversed(ip).map(|whole| resolver.ask(&whole, RecordType::Ptr));
        match told.and_then(|told| told.records.into_iter().next()) {
            Some((_, Record::Ptr(name))) => format!(" {}", name.trim_end_matches('.')),
            _ => String::new(),
        }
    };
    let server = &resolver.server;
    io.out(format!("Server:    {server}\nAddress 1: {server}{}\n\n", named(server)));
    let ips: Vec<String> = match reversed(name) {
        Some(_) => vec![name.to_owned()],
        None => addresses(&resolver.find(name, RecordType::A)).iter().map(Ipv4Addr::to_string).collect(),
    };
    if ips.is_empty() {
        io.err(format!("nslookup: can't resolve '{name}'\n"));
        return 1;
    }
    io.out(format!("Name:      {name}\n"));
    for (i, ip) in ips.iter().enumerate() {
        io.out(format!("Address {}: {ip}{}\n", i + 1, named(ip)));
    }
    0
}

fn addresses(told: &Told) -> Vec<Ipv4Addr> {
    let ip = |(_, record): &(String, Record)| if let Record::A(ip) = record { Some(*ip) } else { None };
    told.records.iter().filter_map(ip).collect()
}

/// `host NAME`
pub(super) fn host(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    const HOST: &[Flag] = &[value("type", 't', "TYPE"), switch("all", 'a')];
    let flags = match flags::read(Style::Getopt, &[HOST], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("host: {}\n", problem.getopt()));
            return 1;
        }
    };
    let Some(name) = flags.words.first() else {
        io.err("Usage: host [-t type] {name|address} [server]\n");
        return 1;
    };
    let Some(kind) = flags.get("type").map_or(Some(RecordType::A), record_type) else {
        io.err(format!("host: invalid type: {}\n", flags.get("type").unwrap_or_default()));
        return 2;
    };
    let server = flags.words.get(1).map(String::as_str);
    let resolver = match Resolver::reach(shell, io, server) {
        Ok(resolver) => resolver,
        Err(unknown) if !unknown.is_empty() => {
            io.err(format!("host: couldn't get address for '{unknown}': not found\n"));
            return 1;
        }
        Err(_) => {
            io.out(";; connection timed out; no servers could be reached\n");
            return 1;
        }
    };
    if let Some(server) = server {
        let ip = &resolver.server;
        io.out(format!("Using domain server:\nName: {server}\nAddress: {ip}#53\nAliases: \n\n"));
    }
    let reverse = reversed(name);
    let told = match &reverse {
        Some(whole) => resolver.ask(whole, RecordType::Ptr),
        None => resolver.find(name, kind),
    };
    let weight = weight(&told.records);
    for (name, record) in &told.records {
        io.out(match record {
            Record::A(ip) => format!("{name} has address {ip}\n"),
            Record::Cname(target) => format!("{name} is an alias for {target}\n"),
            Record::Srv { port, target } => format!("{name} has SRV record 0 {weight} {port} {target}\n"),
            Record::Ptr(target) => format!("{name} domain name pointer {target}\n"),
            Record::Txt(text) => format!("{name} descriptive text \"{text}\"\n"),
        });
    }
    if !told.exists {
        let shown = reverse.as_ref().map_or(name.as_str(), |whole| whole);
        io.out(format!("Host {shown} not found: 3(NXDOMAIN)\n"));
        return 1;
    }
    if told.records.is_empty() && flags.get("type").is_some() {
        io.out(format!("{name} has no {} record\n", type_name(kind)));
    }
    0
}

/// `getent hosts NAME`
pub(super) fn getent(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let [database, names @ ..] = args else {
        io.err("getent: wrong number of arguments\n");
        return 1;
    };
    if !matches!(database.as_str(), "hosts" | "ahosts" | "ahostsv4") {
        io.err(format!("Unknown database: {database}\n"));
        return 1;
    }
    let mut code = 0;
    for name in names {
        let local = shell.hosts_file();
        let known = local.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(name) || words.any(|word| word == name)
        });
        let found = match known {
            Some(line) => {
                let mut words = line.split_whitespace();
                vec![(words.next().unwrap_or_default().to_owned(), words.collect::<Vec<_>>().join(" "))]
            }
            None => match Resolver::reach(shell, io, None) {
                Err(_) => Vec::new(),
                Ok(resolver) => {
                    let told = resolver.find(name, RecordType::A);
                    let name = told.records.last().map_or(name.clone(), |(name, _)| name.clone());
                    addresses(&told).into_iter().map(|ip| (ip.to_string(), name.clone())).collect()
                }
            },
        };
        if found.is_empty() {
            code = 2;
        }
        found.iter().for_each(|(ip, name)| io.out(format!("{ip:<15} {name}\n")));
    }
    code
}
