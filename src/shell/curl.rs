//! curl and wget: requests from where one stands, told in the tool's own words.
//!
//! Stands for curl 8.5 and for busybox's wget (on the laptop and on nodes: GNU's, quiet). Left out: the progress meter, uploads, cookies.

use std::sync::Arc;

use super::flags::{self, Flag, Problem, Style, switch, value};
use super::host::{seconds, unescape};
use super::{Io, Shell};
use crate::inet::Ipv4Addr;
use crate::net::{Lines, Over};
use crate::time::Duration;
use crate::trace::{Action, By, OutcomeKind, Place, Reason, Request, Trace};

/// After this long without an answer to any SYN, Linux gives up (`tcp_syn_retries` = 6).
const SYN_GIVES_UP: Duration = Duration::from_secs(131);

const CURL: &[Flag] = &[
    switch("silent", 's'),
    switch("show-error", 'S'),
    switch("verbose", 'v'),
    switch("head", 'I'),
    switch("include", 'i'),
    switch("fail", 'f'),
    switch("insecure", 'k'),
    switch("location", 'L'),
    switch("get", 'G'),
    switch("no-progress-meter", ' '),
    switch("ipv4", '4'),
    switch("no-keepalive", ' '),
    value("output", 'o', "FILE"),
    value("write-out", 'w', "FORMAT"),
    value("max-time", 'm', "SECONDS"),
    value("connect-timeout", ' ', "SECONDS"),
    value("header", 'H', "LINE"),
    value("request", 'X', "METHOD"),
    value("data", 'd', "DATA"),
    value("user-agent", 'A', "NAME"),
    value("retry", ' ', "N"),
    value("resolve", ' ', "HOST:PORT:ADDRESS"),
    value("cacert", ' ', "FILE"),
];

/// So many redirects curl follows.
const MOST_REDIRECTS: u32 = 50;

/// Where a URL leads.
struct Target {
    url: String,
    scheme: String,
    host: String,
    port: u16,
    path: String,
}

/// Reads a URL as curl does: `http://` is added, an odd port refused.
fn target(url: &str) -> Result<Target, &'static str> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("http".to_owned(), url),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split('#').next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, "")) => (host, None),
        Some((host, port)) => (
            host,
            Some(port.parse().map_err(|_| "URL rejected: Port number was not a decimal number between 0 and 65535")?),
        ),
        None => (authority, None),
    };
    if host.is_empty() {
        return Err("URL rejected: No host part in the URL");
    }
    if host.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '{' | '}' | '\\' | '^')) {
        return Err("URL rejected: Malformed input to a URL function");
    }
    let port = port.unwrap_or(if scheme == "https" { 443 } else { 80 });
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(Target { url: format!("{scheme}://{authority}{path}"), host: host.to_owned(), scheme, port, path })
}

/// The URL that a redirect leads to.
fn resolved(from: &Target, to: &str) -> String {
    if to.contains("://") {
        return to.to_owned();
    }
    let end = from.url.find("://").map_or(0, |at| at + 3);
    let root = from.url.get(end..).and_then(|rest| rest.find('/')).map_or(from.url.len(), |at| end + at);
    let root = from.url.get(..root).unwrap_or_default();
    match to.strip_prefix('/') {
        Some(_) => format!("{root}{to}"),
        None => {
            let folder =
                from.path.split('?').next().unwrap_or_default().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{root}{folder}/{to}")
        }
    }
}

impl Shell<'_> {
    /// Sends a request from where one stands and lets the time pass that it takes, `limit` at most.
    pub(super) fn request(&mut self, io: &mut Io, request: &Request, limit: Duration) -> (Arc<Trace>, Duration) {
        self.request_over(io, Over::New, request, limit)
    }

    /// The same, over a connection that may be open already.
    pub(super) fn request_over(
        &mut self,
        io: &mut Io,
        over: Over<'_>,
        request: &Request,
        limit: Duration,
    ) -> (Arc<Trace>, Duration) {
        let start = self.cluster.now();
        let place = self.terminal.place().clone();
        let trace = Arc::new(self.cluster.request_over(over, &place, request));
        let took = match trace.outcome.kind {
            OutcomeKind::Timeout => limit.min(SYN_GIVES_UP),
            _ => trace.duration().min(limit),
        };
        self.cluster.advance(start + took);
        self.traces.push(trace.clone());
        // Jobs that had a part in it (a tunnel) speak before the client does.
        self.poll(io);
        (trace, took)
    }
}

/// `curl`
pub(super) fn curl(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[CURL], args) {
        Ok(flags) => flags,
        Err(problem) => {
            let (written, what) = match &problem {
                Problem::UnknownLong(name) => (format!("--{name}"), "is unknown"),
                Problem::UnknownShort(letter, _) => (format!("-{letter}"), "is unknown"),
                Problem::NeedsValue(written, _) => (written.clone(), "requires parameter"),
                Problem::NotBool(_, flag) => (format!("--{}", flag.long), "is unknown"),
            };
            io.err(format!(
                "curl: option {written}: {what}\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
            ));
            let has = super::host::listed(&[CURL]);
            shell.say(io, format!("the lab's curl has {has}"), format!("实验室的 curl 支持 {has}"));
            return 2;
        }
    };
    if flags.words.is_empty() {
        io.err("curl: (2) no URL specified\ncurl: try 'curl --help' or 'curl --manual' for more information\n");
        return 2;
    }
    let mut limits = [None, None];
    for (limit, long) in limits.iter_mut().zip(["max-time", "connect-timeout"]) {
        if let Some(text) = flags.get(long) {
            match seconds(text) {
                Some(time) => *limit = Some(time).filter(|time| !time.is_zero()),
                None => {
                    io.err(format!("curl: option --{long}: expected a proper numerical parameter\ncurl: try 'curl --help' or 'curl --manual' for more information\n"));
                    return 2;
                }
            }
        }
    }
    let urls = flags.words.clone();
    // One run of curl sends over the connections that it has open.
    let mut lines = Lines::default();
    let code = urls.iter().fold(0, |_, url| one(shell, io, &flags, limits, url, &mut lines, MOST_REDIRECTS));
    shell.cluster.hang_up(&mut lines);
    code
}

fn one(
    shell: &mut Shell,
    io: &mut Io,
    flags: &flags::Flags,
    limits: [Option<Duration>; 2],
    url: &str,
    lines: &mut Lines,
    redirects: u32,
) -> i32 {
    let quiet = flags.on("silent") && !flags.on("show-error");
    let fail = |io: &mut Io, code: i32, text: &str| {
        if !quiet {
            io.err(format!("curl: ({code}) {text}\n"));
        }
        code
    };
    let mut target = match target(url) {
        Ok(target) => target,
        Err(text) => return fail(io, 3, text),
    };
    if !matches!(target.scheme.as_str(), "http" | "https") {
        return fail(io, 1, &format!("Protocol \"{}\" not supported", target.scheme));
    }
    let data: Vec<&str> = flags.all("data").collect();
    let method = match flags.get("request") {
        Some(method) => method,
        None if flags.on("head") => "HEAD",
        None if !data.is_empty() && !flags.on("get") => "POST",
        None => "GET",
    };
    if flags.on("get") && !data.is_empty() {
        let join = if target.url.contains('?') { '&' } else { '?' };
        target.url = format!("{}{join}{}", target.url, data.join("&"));
        target.path = format!("{}{join}{}", target.path, data.join("&"));
    }
    let mut headers = Vec::new();
    for line in flags.all("header") {
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    let trusts = match flags.get("cacert") {
        None => String::new(),
        Some(file) => match shell.files.get(file.trim_start_matches("./")) {
            Some(text) => text.clone(),
            None => {
                let text =
                    format!("error setting certificate verify locations:  CAfile: {file} CApath: /etc/ssl/certs");
                return fail(io, 77, &text);
            }
        },
    };
    let resolve = flags.all("resolve").find_map(|entry| {
        let (at, address) = entry.trim_start_matches('+').rsplit_once(':')?;
        let (host, port) = at.split_once(':')?;
        (host.eq_ignore_ascii_case(&target.host) && port == target.port.to_string()).then(|| address.parse().ok())?
    });
    let request = Request {
        protocol: target.scheme.as_str().into(),
        method: method.into(),
        url: target.url.as_str().into(),
        headers: headers.clone(),
        insecure: flags.on("insecure"),
        trusts: trusts.into(),
        resolve,
    };
    let [max_time, connect] = limits;
    let limit = max_time.unwrap_or(Duration::MAX).min(connect.unwrap_or(Duration::MAX));
    let (trace, took) = shell.request_over(io, Over::Lines(lines), &request, limit);
    let address = server(&trace, &target.host);
    let failure = failure(&trace, &target, took, limits);
    if flags.on("verbose") {
        asked(io, &target, method, &headers, flags, &trace, address);
        if let Some((_, text)) = &failure {
            io.err(format!("* {}\n* Closing connection\n", text.lines().next().unwrap_or_default()));
        }
    }
    let follows = flags.on("location") && matches!(trace.outcome.status, 301 | 302 | 303 | 307 | 308);
    let next = header(&trace, "location").filter(|_| follows).map(|to| resolved(&target, to));
    let code = match (failure, &next) {
        (Some((code, text)), _) => fail(io, code, &text),
        (None, Some(next)) => {
            if flags.on("verbose") || flags.on("include") || flags.on("head") {
                let head = response_head(shell, &trace);
                if flags.on("verbose") {
                    head.lines().for_each(|line| io.err(format!("< {line}\n")));
                    io.err(format!("* Ignoring the response-body\n* Connection #0 to host {} left intact\n* Issue another request to this URL: '{next}'\n", target.host));
                }
                if flags.on("include") || flags.on("head") {
                    io.out(head);
                }
            }
            if redirects == 0 {
                return fail(io, 47, "Maximum (50) redirects followed");
            }
            // curl asks anew with GET after 301, 302 and 303, unless it is told the method.
            return one(shell, io, flags, limits, next, lines, redirects - 1);
        }
        (None, None) => answered(shell, io, flags, &trace, method, &target.host),
    };
    if let Some(format) = flags.get("write-out") {
        io.out(write_out(format, &trace, took, &target, address));
    }
    code
}

/// curl's exit status and words for a request without an answer.
fn failure(trace: &Trace, target: &Target, took: Duration, limits: [Option<Duration>; 2]) -> Option<(i32, String)> {
    let Target { host, port, .. } = target;
    let millis = took.as_millis();
    let connect = |after: u128, what: &str| format!("Failed to connect to {host} port {port} after {after} ms: {what}");
    // A program on the laptop took the connection, and closed it when it could not carry it on.
    let carried = trace.hops.iter().any(|hop| hop.by == By::Tunnel && hop.at == trace.from);
    Some(match trace.outcome.kind {
        OutcomeKind::Answered => return None,
        OutcomeKind::Reset if carried => (52, "Empty reply from server".into()),
        OutcomeKind::Timeout if carried && limits[0].is_some() => {
            (28, format!("Operation timed out after {} milliseconds with 0 bytes received", millis + 1))
        }
        OutcomeKind::Timeout if carried => (52, "Empty reply from server".into()),
        // curl looks at its own clock a moment after the limit.
        OutcomeKind::Timeout => match limits {
            [Some(max), connect] if connect.is_none_or(|connect| max <= connect) => {
                (28, format!("Connection timed out after {} milliseconds", millis + 1))
            }
            [_, Some(_)] => (28, connect(millis + 1, "Timeout was reached")),
            _ => (28, connect(millis, "Couldn't connect to server")),
        },
        OutcomeKind::Refused | OutcomeKind::Unreachable => (7, connect(millis, "Couldn't connect to server")),
        OutcomeKind::DnsFailure => (6, format!("Could not resolve host: {host}")),
        OutcomeKind::Reset => (56, "Recv failure: Connection reset by peer".into()),
        OutcomeKind::TlsFailure => match trace.outcome.because.as_ref().map(|because| &because.reason) {
            Some(Reason::SelfSigned(_)) => (60, format!("SSL certificate problem: self-signed certificate\n{VERIFY}")),
            Some(Reason::OtherName { .. }) => {
                let what = "SSL: no alternative certificate subject name matches target host name";
                (60, format!("{what} '{host}'\n{VERIFY}"))
            }
            _ => (35, "OpenSSL/3.0.13: error:0A00010B:SSL routines::wrong version number".into()),
        },
    })
}

/// What curl says to whoever has no certificate to trust.
const VERIFY: &str = "More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.";

fn answered(shell: &mut Shell, io: &mut Io, flags: &flags::Flags, trace: &Trace, method: &str, host: &str) -> i32 {
    let outcome = &trace.outcome;
    if flags.on("verbose") {
        for line in response_head(shell, trace).lines() {
            io.err(format!("< {line}\n"));
        }
    }
    let end = |io: &mut Io| {
        if flags.on("verbose") {
            io.err(format!("* Connection #0 to host {host} left intact\n"));
        }
    };
    if flags.on("fail") && outcome.status >= 400 {
        end(io);
        if !flags.on("silent") || flags.on("show-error") {
            io.err(format!("curl: (22) The requested URL returned error: {}\n", outcome.status));
        }
        return 22;
    }
    let mut text = String::new();
    if flags.on("head") || flags.on("include") {
        text += &response_head(shell, trace);
    }
    if method != "HEAD" {
        text += &outcome.body;
    }
    match flags.get("output") {
        Some("/dev/null") => {}
        Some(file) if file != "-" => {
            if *shell.terminal.place() == Place::Laptop {
                shell.files.insert(file.to_owned(), text);
            }
        }
        _ => io.out(text),
    }
    end(io);
    0
}

/// What `-v` tells of the connection and the request.
fn asked(
    io: &mut Io,
    target: &Target,
    method: &str,
    headers: &[(String, String)],
    flags: &flags::Flags,
    trace: &Trace,
    address: Option<Ipv4Addr>,
) {
    let Target { host, port, path, .. } = target;
    let Some(address) = address else { return };
    let open = trace.hops.iter().any(|hop| hop.action == Action::Send);
    if open {
        io.err(format!("* Re-using existing connection with host {host}\n"));
    } else {
        if trace.request.resolve.is_some() {
            io.err(format!("* Added {host}:{port}:{address} to DNS cache\n* Hostname {host} was found in DNS cache\n"));
        }
        io.err(format!("*   Trying {address}:{port}...\n"));
    }
    match trace.outcome.kind {
        OutcomeKind::Answered | OutcomeKind::Reset | OutcomeKind::TlsFailure => {}
        OutcomeKind::Refused => {
            io.err(format!("* connect to {address} port {port} failed: Connection refused\n"));
            return;
        }
        OutcomeKind::Unreachable => {
            io.err(format!("* connect to {address} port {port} failed: No route to host\n"));
            return;
        }
        OutcomeKind::Timeout if open => {}
        OutcomeKind::Timeout | OutcomeKind::DnsFailure => return,
    }
    if !open {
        io.err(format!("* Connected to {host} ({address}) port {port}\n"));
    }
    if target.scheme == "https" && !open {
        let ours = "* ALPN: curl offers http/1.1\n* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n";
        let theirs = "* TLSv1.3 (IN), TLS handshake, Server hello (2):\n* TLSv1.3 (IN), TLS handshake, Encrypted Extensions (8):\n* TLSv1.3 (IN), TLS handshake, Certificate (11):\n";
        io.err(ours);
        let rejects = trace.outcome.because.as_ref().map(|because| &because.reason);
        if let Some(Reason::SelfSigned(_)) = rejects {
            io.err(theirs);
            io.err("* TLSv1.3 (OUT), TLS alert, unknown CA (560):\n");
        }
        if let Some(certificate) = &trace.outcome.certificate {
            io.err(theirs);
            io.err("* TLSv1.3 (IN), TLS handshake, CERT verify (15):\n* TLSv1.3 (IN), TLS handshake, Finished (20):\n* TLSv1.3 (OUT), TLS change cipher, Change cipher spec (1):\n* TLSv1.3 (OUT), TLS handshake, Finished (20):\n* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384 / X25519 / RSASSA-PSS\n* ALPN: server accepted http/1.1\n* Server certificate:\n");
            io.err(format!("*  subject: {}\n", certificate.subject));
            io.err(format!("*  start date: {}\n*  expire date: {}\n", certificate.from, certificate.until));
            if !trace.request.insecure {
                let name = certificate.names.iter().find(|name| name.eq_ignore_ascii_case(host));
                if let Some(name) = name {
                    io.err(format!("*  subjectAltName: host \"{host}\" matched cert's \"{name}\"\n"));
                }
            }
            io.err(format!("*  issuer: {}\n", certificate.issuer));
            io.err(match trace.request.insecure {
                true => "*  SSL certificate verify result: self-signed certificate (18), continuing anyway.\n",
                false => "*  SSL certificate verify ok.\n",
            });
            io.err("* using HTTP/1.x\n");
        }
        if matches!(trace.outcome.kind, OutcomeKind::TlsFailure) {
            return;
        }
    }
    let given = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    io.err(format!("> {method} {path} HTTP/1.1\n"));
    if !given("host") {
        let default = if target.scheme == "https" { 443 } else { 80 };
        let shown = if *port == default { host.clone() } else { format!("{host}:{port}") };
        io.err(format!("> Host: {shown}\n"));
    }
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    headers.iter().filter(|(name, _)| is_host(name)).for_each(|(name, value)| io.err(format!("> {name}: {value}\n")));
    if !given("user-agent") {
        io.err(format!("> User-Agent: {}\n", flags.get("user-agent").unwrap_or("curl/8.5.0")));
    }
    if !given("accept") {
        io.err("> Accept: */*\n");
    }
    headers.iter().filter(|(name, _)| !is_host(name)).for_each(|(name, value)| io.err(format!("> {name}: {value}\n")));
    io.err("> \n");
}

/// The head of the answer. The simulated programs say little: a date, a type and a length.
fn response_head(shell: &Shell, trace: &Trace) -> String {
    let outcome = &trace.outcome;
    let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
    let kind = content_type(trace);
    let mut text = format!(
        "HTTP/1.1 {} {}\nDate: {}\nContent-Type: {kind}\nContent-Length: {}\n",
        outcome.status,
        reason(outcome.status),
        super::kubectl::calendar(shell.cluster.now()).replace("+0000", "GMT"),
        outcome.body.len()
    );
    for (name, value) in outcome.headers.iter().filter(|(name, _)| !is_type(name)) {
        text += &format!("{name}: {value}\n");
    }
    text + "\n"
}

fn content_type(trace: &Trace) -> &str {
    header(trace, "content-type").unwrap_or(PLAIN)
}

/// A header of the answer.
fn header<'a>(trace: &'a Trace, wanted: &str) -> Option<&'a str> {
    trace.outcome.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| &**value)
}

/// What the simulated programs answer with.
const PLAIN: &str = "text/plain; charset=utf-8";

/// The words that go with a status.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Request Entity Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// The address that the client connected to: of the host itself, or what its name gave.
fn server(trace: &Trace, host: &str) -> Option<Ipv4Addr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    if trace.outcome.kind == OutcomeKind::DnsFailure {
        return None;
    }
    // The last hop is of the request's own exchange: those of the name's look-up come before, a controller's within.
    let last = trace.hops.last()?.exchange;
    trace.hops.iter().find(|hop| hop.exchange == last).map(|hop| hop.packet.dst.ip)
}

fn write_out(format: &str, trace: &Trace, took: Duration, target: &Target, address: Option<Ipv4Addr>) -> String {
    let mut text = unescape(format);
    let time = format!("{}.{:06}", took.as_secs(), took.subsec_micros());
    let answered = trace.outcome.kind == OutcomeKind::Answered;
    let size = if answered { trace.outcome.body.len() } else { 0 };
    for (name, value) in [
        ("http_code", format!("{:03}", trace.outcome.status)),
        ("response_code", format!("{:03}", trace.outcome.status)),
        ("time_total", time),
        ("size_download", size.to_string()),
        ("remote_ip", address.filter(|_| answered).map(|a| a.to_string()).unwrap_or_default()),
        ("remote_port", if answered { target.port.to_string() } else { "0".into() }),
        ("url_effective", target.url.clone()),
        ("method", trace.request.method.to_string()),
        ("num_connects", u8::from(answered).to_string()),
        ("content_type", if answered { content_type(trace).to_owned() } else { String::new() }),
    ] {
        text = text.replace(&format!("%{{{name}}}"), &value);
    }
    text
}

const WGET: &[Flag] = &[
    switch("quiet", 'q'),
    value("output-document", 'O', "FILE"),
    value("timeout", 'T', "SECONDS"),
    value("tries", 't', "N"),
    switch("spider", ' '),
    switch("server-response", 'S'),
    value("header", ' ', "LINE"),
];

/// `wget -qO- URL`
pub(super) fn wget(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let busybox = matches!(shell.terminal.place(), Place::Pod(..));
    let flags = match flags::read(Style::Getopt, &[WGET], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("wget: {}\n", problem.getopt()));
            let has = super::host::listed(&[WGET]);
            shell.say(io, format!("the lab's wget has {has}"), format!("实验室的 wget 支持 {has}"));
            return if busybox { 1 } else { 2 };
        }
    };
    let Some(url) = flags.words.first() else {
        io.err("wget: missing URL\n");
        return 1;
    };
    let target = match target(url) {
        Ok(target) => target,
        Err(_) => {
            io.err(format!("wget: bad address '{url}'\n"));
            return 1;
        }
    };
    let headers = flags
        .all("header")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let method = if flags.on("spider") { "HEAD" } else { "GET" };
    let request = Request {
        protocol: target.scheme.as_str().into(),
        method: method.into(),
        url: target.url.as_str().into(),
        headers,
        // busybox checks no certificates; GNU's wget is told not to.
        insecure: true,
        ..Request::default()
    };
    let limit = flags.get("timeout").and_then(seconds).unwrap_or(if busybox { Duration::MAX } else { SYN_GIVES_UP });
    let (trace, _) = shell.request(io, &request, limit);
    let outcome = &trace.outcome;
    let address = server(&trace, &target.host).map(|a| a.to_string()).unwrap_or_default();
    if !flags.on("quiet") && !address.is_empty() {
        io.err(format!("Connecting to {}:{} ({address}:{})\n", target.host, target.port, target.port));
    }
    let (text, gnu) = match outcome.kind {
        OutcomeKind::Answered if outcome.status < 400 => {
            match flags.get("output-document") {
                Some("-") => io.out(&*outcome.body),
                Some("/dev/null") => {}
                file => {
                    let name = target.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index.html");
                    if *shell.terminal.place() == Place::Laptop && !flags.on("spider") {
                        shell.files.insert(file.unwrap_or(name).to_owned(), outcome.body.to_string());
                    }
                }
            }
            return 0;
        }
        OutcomeKind::Answered => {
            (format!("server returned error: HTTP/1.1 {} {}", outcome.status, reason(outcome.status)), 8)
        }
        OutcomeKind::Refused => (format!("can't connect to remote host ({address}): Connection refused"), 4),
        OutcomeKind::Unreachable => (format!("can't connect to remote host ({address}): No route to host"), 4),
        OutcomeKind::Timeout if limit < SYN_GIVES_UP => ("download timed out".into(), 4),
        OutcomeKind::Timeout => (format!("can't connect to remote host ({address}): Operation timed out"), 4),
        OutcomeKind::DnsFailure => (format!("bad address '{}'", host_port(&target)), 4),
        OutcomeKind::Reset => ("error getting response: Connection reset by peer".into(), 4),
        OutcomeKind::TlsFailure => ("error getting response: Connection reset by peer".into(), 5),
    };
    if busybox || !flags.on("quiet") {
        io.err(format!("wget: {text}\n"));
    }
    if busybox { 1 } else { gnu }
}

fn host_port(target: &Target) -> String {
    if target.port == 80 { target.host.clone() } else { format!("{}:{}", target.host, target.port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        let got = match target(url) {
            Ok(t) => format!("{} | {} {} {}", t.url, t.host, t.port, t.path),
            Err(text) => text.to_owned(),
        };
        assert_eq!(got, expected, "{url}");
    }

    #[test]
    fn urls_are_read_as_curl_reads_them() {
        check("10.96.0.7:9090/api/hello", "http://10.96.0.7:9090/api/hello | 10.96.0.7 9090 /api/hello");
        check("http://web", "http://web/ | web 80 /");
        check("https://web?x=1", "https://web/?x=1 | web 443 /?x=1");
        check("http://web:99999", "URL rejected: Port number was not a decimal number between 0 and 65535");
        check("http://:80", "URL rejected: No host part in the URL");
        check("", "URL rejected: No host part in the URL");
    }
}
