//! `trace`: separate requests, each followed hop by hop, as text or as one JSON array.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::flags::{self, Flag, Style, switch, value};
use super::{Io, Shell};
use crate::net::Over;
use crate::time::Duration;
use crate::trace::{self, Place, Request};

pub(super) const TRACE: &[Flag] = &[
    value("from", ' ', "WHERE"),
    value("count", 'n', "COUNT"),
    value("output", 'o', "FORMAT"),
    value("header", 'H', "LINE"),
    value("request", 'X', "METHOD"),
    switch("udp", 'u'),
    switch("keep-alive", ' '),
    switch("insecure", 'k'),
];

/// How many requests one call sends at most.
const MOST: u32 = 1000;

const USAGE: &str = "usage: trace [--from WHERE] [-n COUNT] [-o text|json] [-X METHOD] [-H 'K: V'] [-u] [-k] [--keep-alive] URL|HOST:PORT\n";

/// `trace [--from WHERE] [-n COUNT] [-o text|json] [-H 'K: V'] URL|HOST:PORT`
///
/// The lab's own program: no real one could see what it tells. A request that is refused or lost is told like any other: the status is 0.
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[TRACE], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("trace: {}\n{USAGE}", problem.getopt()));
            return 2;
        }
    };
    let [goal] = flags.words.as_slice() else {
        io.err(USAGE);
        return 2;
    };
    let count = match flags.get("count").map_or(Ok(1), str::parse::<u32>) {
        Ok(count) if (1..=MOST).contains(&count) => count,
        _ => {
            shell.say(io, format!("trace -n takes 1 to {MOST}"), format!("trace -n 的取值为 1 到 {MOST}"));
            return 2;
        }
    };
    let json = match flags.get("output").unwrap_or("text") {
        "json" => true,
        "text" => false,
        other => {
            shell.say(
                io,
                format!("trace -o takes text or json, not {other}"),
                format!("trace -o 的取值为 text 或 json，而不是 {other}"),
            );
            return 2;
        }
    };
    let from = match flags.get("from") {
        None => shell.terminal.place().clone(),
        Some(word) => match shell.place_named(word) {
            Some(place) => place,
            None => {
                shell.say(
                    io,
                    format!("nothing runs at {word}; --from takes laptop, node/NAME, pod/NAMESPACE/NAME or pod/NAME"),
                    format!("{word} 处没有可用的主机；--from 可取 laptop、node/名字、pod/命名空间/名字 或 pod/名字"),
                );
                return 1;
            }
        },
    };
    let Some(request) = request(goal, flags.get("request"), flags.on("udp")) else {
        unreadable(shell, io, goal);
        return 2;
    };
    let headers = flags.all("header").filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    let request = Request { headers, insecure: flags.on("insecure"), ..request };
    let lang = shell.terminal.lang;
    let mut all = Vec::new();
    for i in 0..count {
        let over = if flags.on("keep-alive") { Over::Kept } else { Over::New };
        let trace = shell.at(from.clone(), |shell| shell.request_over(io, over, &request, Duration::MAX).0);
        if json {
            all.push(trace::to_json(&trace, lang));
        } else {
            io.out(if i > 0 { "\n" } else { "" });
            io.out(trace::to_text(&trace, lang));
        }
    }
    if json {
        io.out(serde_json::to_string_pretty(&all).unwrap_or_default() + "\n");
    }
    0
}

/// Requests to be sent from one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Where from, as traces name places: `laptop`, `node/minikube`, `pod/default/web`.
    #[serde(default = "laptop")]
    pub from: String,
    /// `http://…` or `HOST:PORT`.
    pub url: String,
    /// How many.
    #[serde(default = "once")]
    pub count: u32,
    /// `GET` if it is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Header lines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Whether they travel over one connection, which stays open from one call to the next; else each opens its own.
    #[serde(default, rename = "keepAlive", skip_serializing_if = "std::ops::Not::not")]
    pub keep_alive: bool,
}

fn laptop() -> String {
    "laptop".to_owned()
}

const fn once() -> u32 {
    1
}

/// How long a traffic generator waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where requests come from and what they ask for; an exit status if that cannot be.
pub(super) fn aim(shell: &mut Shell, io: &mut Io, requests: &Requests) -> Result<(Place, Request), i32> {
    let Requests { from, url, method, headers, .. } = requests;
    let Some(place) = shell.place_named(from) else {
        shell.say(io, format!("nothing runs at {from}"), format!("{from} 处没有可用的主机"));
        return Err(1);
    };
    let method = Some(method.as_str()).filter(|method| !method.is_empty());
    let Some(request) = request(url, method, false) else {
        unreadable(shell, io, url);
        return Err(2);
    };
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok((place, Request { headers, ..request }))
}

/// Sends requests; gives an exit status.
pub(super) fn send(shell: &mut Shell, io: &mut Io, requests: &Requests) -> i32 {
    let (place, request) = match aim(shell, io, requests) {
        Ok(aim) => aim,
        Err(code) => return code,
    };
    let mut code = 0;
    for _ in 0..requests.count {
        let over = if requests.keep_alive { Over::Kept } else { Over::New };
        let trace = shell.at(place.clone(), |shell| shell.request_over(io, over, &request, PATIENCE).0);
        code |= i32::from(trace.outcome.kind != trace::OutcomeKind::Answered);
    }
    code
}

fn unreadable(shell: &Shell, io: &mut Io, goal: &str) {
    shell.say(
        io,
        format!("{goal} is neither http://HOST[:PORT][/PATH] nor HOST:PORT"),
        format!("{goal} 既不是 http://主机[:端口][/路径]，也不是 主机:端口"),
    );
}

/// The request that a URL or `HOST:PORT` stands for.
pub(crate) fn request(goal: &str, method: Option<&str>, udp: bool) -> Option<Request> {
    let (scheme, rest) = match goal.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        Some(_) => return None,
        None if goal.contains('/') => ("http", goal),
        None => {
            let (host, port) = goal.rsplit_once(':')?;
            let port: u16 = port.parse().ok()?;
            let protocol = if udp { "udp" } else { "tcp" };
            return (!host.is_empty() && port > 0).then(|| Request {
                protocol: protocol.into(),
                method: "".into(),
                url: goal.into(),
                ..Request::default()
            });
        }
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = match authority.rsplit_once(':') {
        Some((host, port)) => port.parse::<u16>().ok().map(|_| host)?,
        None => authority,
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return None;
    }
    let slash = if rest[end..].starts_with('/') { "" } else { "/" };
    Some(Request {
        protocol: scheme.into(),
        method: method.unwrap_or("GET").into(),
        url: format!("{scheme}://{authority}{slash}{}", &rest[end..]).into(),
        ..Request::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_urls_or_sockets() {
        let check = |goal: &str, expected: &str| {
            let got =
                request(goal, None, false).map_or("none".into(), |r| format!("{} {} {}", r.protocol, r.method, r.url));
            assert_eq!(got, expected, "{goal}");
        };
        check("http://10.96.0.7:9090/api", "http GET http://10.96.0.7:9090/api");
        check("http://web", "http GET http://web/");
        check("10.96.0.7:9090", "tcp  10.96.0.7:9090");
        check("10.96.0.7:9090/api", "http GET http://10.96.0.7:9090/api");
        check("web", "none");
        check("web:99999", "none");
        check("ftp://web", "none");
        check("http://:80/", "none");
    }
}
