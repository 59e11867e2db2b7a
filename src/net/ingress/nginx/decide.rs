//! What ingress-nginx does with a request, in nginx' order of phases.
//!
//! Stands for `rootfs/etc/nginx/template/nginx.tmpl` and `lua/{lua_ingress,balancer,balancer/sticky}.lua` at
//! controller-v1.15.1: first the `app-root`, then the location's redirect and rewrite, then Lua's redirect to HTTPS and its
//! look at the endpoints, then the allowed ranges, then the endpoint. So an empty Service answers 503 to clients that are not
//! allowed, and a redirect comes before both.
//!
//! Simplified: sessions are hashed by a rendezvous of their own, not by nginx' ring, and a cookie's second half is SHA-256
//! where nginx has MD5; `X-Request-ID` counts from the seed.

use std::sync::Arc;

use super::super::{
    Act, Arrived, Backend, Balance, Candidate, Decision, Forward, Reply, Retry, Router, Target, page, rendezvous,
};
use super::annotations::{Affinity, Annotations, Canary};
use crate::net::route::Asked;
use crate::object::FieldRef;
use crate::time::Duration;
use crate::trace::{Because, CanaryBy, ChosenBy, Reason, Routing};

/// What paths of ACME challenges begin with: they are never redirected.
const ACME: &str = "/.well-known/acme-challenge";

type Headers = Vec<(Arc<str>, Arc<str>)>;

/// What becomes of a request.
pub(in crate::net::ingress) fn decide(router: &Router, arrived: &Arrived<'_>, balance: &mut Balance) -> Decision {
    let host = bare_host(arrived.host);
    let Some(path) = normal(arrived.path) else {
        let asked: Arc<str> = format!("{host}{}", arrived.path).into();
        return plain(400, because(Routing::NoRuleMatches { asked, compared: [].into() }, None));
    };
    let asked = Asked { host: &host, path: &path };
    let choice = router.table.choose(&asked);
    let Some(target) = choice.rule.and_then(|rule| router.targets.get(rule.to)) else {
        // No location at all: only where no Ingress made a server, and then there is one for every path.
        let asked: Arc<str> = format!("{host}{path}").into();
        return plain(404, because(Routing::NoRuleMatches { asked, compared: [].into() }, None));
    };
    let compared = || router.table.compared(&asked, &choice);
    match &target.act {
        Act::Health => {
            let because = because(Routing::ControllerHealth, None);
            return Decision::Answer(Reply { status: 200, headers: Vec::new(), body: "".into(), because });
        }
        Act::AppRoot(root) => {
            let to = format!("{}://{}{root}", scheme(arrived), arrived.host);
            let why = Routing::SentTo { annotation: "app-root", to: to.as_str().into() };
            return redirect(302, &to, annotated(target, "app-root", why));
        }
        Act::AddSlash(with) => {
            let query = if arrived.query.is_empty() { String::new() } else { format!("?{}", arrived.query) };
            let to = format!("{}://{host}{with}{query}", scheme(arrived));
            return redirect(301, &to, because(Routing::SlashAdded(with.clone()), target.cause.clone()));
        }
        Act::Serve => {}
    }
    let bare;
    let manner = match &target.annotations {
        Some(annotations) => &**annotations,
        None => {
            bare = Annotations::bare();
            &bare
        }
    };
    if let Some(name) = &manner.denied {
        return plain(503, annotated(target, name, Routing::RuleDenied(name.clone())));
    }
    if let Some(sent) = &manner.redirect {
        let why = Routing::SentTo { annotation: sent.annotation, to: sent.url.clone() };
        return redirect(sent.code, &sent.url, annotated(target, sent.annotation, why));
    }
    let rewritten = target.rewrite.as_ref().and_then(|pattern| {
        let found = pattern.find(&path)?;
        Some(substitute(&manner.rewrite_target, &path, &found))
    });
    if let Some(to) = rewritten.as_ref().filter(|to| to.starts_with("http://") || to.starts_with("https://")) {
        let why = Routing::SentTo { annotation: "rewrite-target", to: to.as_str().into() };
        return redirect(302, to, annotated(target, "rewrite-target", why));
    }
    if to_https(router, arrived, manner, &host) && !target.path.starts_with(ACME) {
        let mut uri = uri(arrived.path, arrived.query);
        if !manner.preserve_trailing_slash && uri.ends_with('/') {
            uri.pop();
        }
        let written = arrived.host.split(':').next().unwrap_or_default();
        let to = format!("https://{written}{uri}");
        let why = Routing::ToHttps(host.as_ref().into());
        let cause = if manner.force_ssl_redirect {
            annotation_field(target, "force-ssl-redirect")
        } else {
            router.tls_host(&host).map(|tls| tls.cause.clone())
        };
        return redirect(308, &to, because(why, cause));
    }
    let Some((number, primary)) = target.backend.and_then(|n| Some((n, router.backends.get(n)?))) else {
        let asked: Arc<str> = format!("{host}{path}").into();
        return plain(404, because(Routing::NoRuleMatches { asked, compared: compared() }, None));
    };
    if let Some(lacking) = &primary.lacking {
        return plain(503, lacking.clone());
    }
    let (backend, canary) = match canary(router, primary, arrived, balance) {
        Some((other, by)) => (other, Some(by)),
        None => (primary, None),
    };
    let ranges =
        |ranges: &[crate::inet::Ipv4Net]| ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let within = |ranges: &[crate::inet::Ipv4Net]| ranges.iter().any(|range| range.contains(&arrived.client));
    if within(&manner.deny) || (!manner.allow.is_empty() && !within(&manner.allow)) {
        let why = Routing::NotAllowed { client: arrived.client, ranges: ranges(&manner.allow).into() };
        let name = if within(&manner.deny) { "denylist-source-range" } else { manner.allow_name };
        return plain(403, annotated(target, name, why));
    }
    let decided = match choice.rule.and_then(|rule| rule.shown.clone()) {
        Some(rule) if !target.fallback => Routing::RuleWins { rule, to: primary.name.clone(), compared: compared() },
        _ => Routing::DefaultBackend { to: primary.name.clone(), compared: compared() },
    };
    let mut further = Vec::new();
    if let Some(by) = canary {
        let why = Routing::Canary { to: backend.name.clone(), by };
        further.push(because(why, Some(backend.cause.clone())));
    }
    let (to_path, to_query) = match &rewritten {
        None => (arrived.path.to_owned(), arrived.query.to_owned()),
        Some(to) => {
            let (path, query) = with_query(to, arrived.query);
            let why = Routing::Rewrites { from: asked.path.into(), to: path.as_str().into() };
            further.push(annotated(target, "rewrite-target", why));
            (path, query)
        }
    };
    let chosen = choose(number, backend, target, manner, arrived, balance);
    let secure = backend.affinity.as_ref().is_some_and(|affinity| affinity.secure) || arrived.tls;
    let mut answer_headers: Headers = Vec::new();
    if let (Some(key), Some(affinity), true) = (&chosen.new_session, &backend.affinity, target.sets_cookie) {
        answer_headers.push(("Set-Cookie".into(), cookie(affinity, key, backend, target, secure).into()));
    }
    if router.hsts && arrived.tls {
        answer_headers.push(("Strict-Transport-Security".into(), "max-age=31536000; includeSubDomains".into()));
    }
    let vhost = if manner.upstream_vhost.is_empty() { arrived.host.into() } else { manner.upstream_vhost.clone() };
    Decision::Forward(Box::new(Forward {
        backend: backend.name.clone(),
        candidates: chosen.candidates,
        retry: retry(manner, arrived.method),
        tls: manner.backend_tls,
        host: vhost,
        path: to_path.into(),
        query: to_query.into(),
        headers: headers(arrived, manner, rewritten.is_some(), balance),
        answer_headers,
        connect_timeout: Duration::from_secs(manner.connect_timeout.into()),
        read_timeout: Duration::from_secs(manner.read_timeout.into()),
        because: because(decided, target.cause.clone()),
        further,
        chosen: chosen.because,
    }))
}

fn because(why: Routing, cause: Option<FieldRef>) -> Arc<Because> {
    Arc::new(Because { rule: None, reason: Reason::Routing(why), cause })
}

fn annotation_field(target: &Target, name: &str) -> Option<FieldRef> {
    let path = format!("metadata.annotations[{}{name}]", super::annotations::PREFIX);
    target.ingress.clone().map(|ingress| FieldRef::new(ingress, path))
}

/// A decision by an annotation.
fn annotated(target: &Target, name: &str, why: Routing) -> Arc<Because> {
    because(why, annotation_field(target, name))
}

fn answer(status: u16, mut headers: Headers, because: Arc<Because>) -> Decision {
    let (body, kind) = page(super::super::Flavour::Nginx, status);
    headers.insert(0, ("Content-Type".into(), kind.into()));
    Decision::Answer(Reply { status, headers, body, because })
}

fn plain(status: u16, because: Arc<Because>) -> Decision {
    answer(status, Vec::new(), because)
}

fn redirect(status: u16, to: &str, because: Arc<Because>) -> Decision {
    answer(status, vec![("Location".into(), to.into())], because)
}

fn scheme(arrived: &Arrived<'_>) -> &'static str {
    if arrived.tls { "https" } else { "http" }
}

fn uri(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The host without its port and last dot, in lower case.
fn bare_host(host: &str) -> Box<str> {
    host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase().into()
}

/// A path as nginx compares it: decoded, without double slashes and dots. None where nginx answers 400.
fn normal(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    let decoded = String::from_utf8_lossy(&bytes);
    if !decoded.starts_with('/') || decoded.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut all = decoded.split('/').peekable();
    all.next();
    while let Some(part) = all.next() {
        let last = all.peek().is_none();
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => {
                parts.push(part);
                if !last {
                    continue;
                }
            }
        }
        if last && matches!(part, "" | "." | "..") {
            parts.push("");
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// `ngx_http_rewrite_module`: `$1` and its like stand for groups.
fn substitute(target: &str, path: &str, found: &[Option<(usize, usize)>]) -> String {
    let mut out = String::new();
    let mut rest = target.chars().peekable();
    while let Some(c) = rest.next() {
        let group = rest.peek().filter(|_| c == '$').and_then(|next| next.to_digit(10));
        match group {
            Some(n) => {
                rest.next();
                let range = found.get(n as usize).copied().flatten();
                out += range.and_then(|(from, to)| path.get(from..to)).unwrap_or_default();
            }
            None => out.push(c),
        }
    }
    out
}

/// The path and query of a rewritten address: what nginx escapes, and the request's own query behind the new one.
fn with_query(to: &str, query: &str) -> (String, String) {
    let (path, new) = to.split_once('?').map_or((to, None), |(path, new)| (path, Some(new)));
    let query = match new {
        None | Some("") => {
            if new.is_none() {
                query.to_owned()
            } else {
                String::new()
            }
        }
        Some(new) if query.is_empty() => new.to_owned(),
        Some(new) => format!("{new}&{query}"),
    };
    let mut escaped = String::new();
    for c in path.chars() {
        match c {
            ' ' | '%' | '?' | '#' | '\0'..='\x1f' | '\x7f' => escaped += &format!("%{:02X}", c as u32),
            _ => escaped.push(c),
        }
    }
    (if escaped.is_empty() { "/".to_owned() } else { escaped }, query)
}

/// `redirect_to_https` of `lua_ingress.lua`.
fn to_https(router: &Router, arrived: &Arrived<'_>, manner: &Annotations, host: &str) -> bool {
    !arrived.tls && (manner.force_ssl_redirect || (manner.ssl_redirect && router.tls_host(host).is_some()))
}

/// The value of a cookie that the client sent.
fn sent_cookie<'a>(arrived: &Arrived<'a>, name: &str) -> Option<&'a str> {
    let all = arrived.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case("cookie"));
    let mut pairs = all.flat_map(|(_, value)| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Both halves of a session's cookie: the session, and the backend that gave it.
fn session<'a>(backend: &Backend, arrived: &Arrived<'a>) -> Option<(&'a str, &'a str)> {
    let value = sent_cookie(arrived, &backend.affinity.as_ref()?.name)?;
    Some(value.split_once('|').unwrap_or((value, "")))
}

/// A backend's name in cookies.
fn backend_key(backend: &Backend) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(backend.name.as_bytes());
    data_encoding::HEXLOWER.encode(digest.get(..16).unwrap_or(&digest))
}

/// `route_to_alternative_balancer` of `balancer.lua`.
fn canary<'r>(
    router: &'r Router,
    primary: &Backend,
    arrived: &Arrived<'_>,
    balance: &mut Balance,
) -> Option<(&'r Backend, CanaryBy)> {
    let other = router.backends.get(primary.alternative?).filter(|other| !other.endpoints.is_empty())?;
    if session(primary, arrived).is_some_and(|(_, key)| key == backend_key(primary)) {
        return None;
    }
    if session(other, arrived).is_some_and(|(_, key)| key == backend_key(other)) {
        return Some((other, CanaryBy::Session));
    }
    let policy = other.canary.as_deref()?;
    let by = by_policy(policy, arrived, balance)?;
    Some((other, by))
}

fn by_policy(policy: &Canary, arrived: &Arrived<'_>, balance: &mut Balance) -> Option<CanaryBy> {
    let asked =
        arrived.headers.iter().find(|(key, _)| !policy.header.is_empty() && key.eq_ignore_ascii_case(&policy.header));
    if let Some((_, value)) = asked {
        let asks = match &policy.header_pattern {
            _ if !policy.header_value.is_empty() => **value == *policy.header_value,
            Some(pattern) => pattern.find(value).is_some(),
            None if value == "never" => return None,
            None => value == "always",
        };
        if asks {
            return Some(CanaryBy::Header(policy.header.clone()));
        }
    }
    match sent_cookie(arrived, &policy.cookie).filter(|_| !policy.cookie.is_empty()) {
        Some("always") => return Some(CanaryBy::Cookie(policy.cookie.clone())),
        Some("never") => return None,
        _ => {}
    }
    let wins = policy.weight > 0 && balance.chance(policy.total) < policy.weight;
    wins.then_some(CanaryBy::Weight(policy.weight, policy.total))
}

/// Whom to ask, in order.
struct Chosen {
    candidates: Vec<Candidate>,
    new_session: Option<String>,
    because: Arc<Because>,
}

fn choose(
    number: usize,
    backend: &Backend,
    target: &Target,
    manner: &Annotations,
    arrived: &Arrived<'_>,
    balance: &mut Balance,
) -> Chosen {
    let all = &backend.endpoints;
    let tries = match manner.next_tries {
        _ if &*manner.next_upstream == "off" => 1,
        0 => all.len(),
        tries => tries as usize,
    };
    let mut new_session = None;
    let (order, how): (Vec<usize>, ChosenBy) = match &backend.affinity {
        None => {
            let first = balance.turn(arrived.pod, &backend.name, all.len());
            ((first..first + all.len()).map(|n| n % all.len()).collect(), ChosenBy::Turn)
        }
        Some(affinity) => {
            let sent = session(backend, arrived).map(|(key, _)| key.to_owned());
            let how = if sent.is_some() { ChosenBy::Cookie } else { ChosenBy::NewCookie };
            let key = sent.unwrap_or_else(|| {
                let seconds = crate::time::BIRTH + 1 + (arrived.now.as_micros() / 1_000_000) as i64;
                let millis = arrived.now.as_micros() / 1000 % 1000;
                let key = format!("{seconds}.{millis:03}.{}.{}", 26 + number % 8, balance.session());
                new_session = Some(key.clone());
                key
            });
            let mut order = rendezvous(&key, all);
            if how == ChosenBy::Cookie && !affinity.change_on_failure {
                order.truncate(1);
            }
            (order, how)
        }
    };
    let candidates: Vec<Candidate> =
        order.iter().cycle().take(tries.max(1)).filter_map(|n| all.get(*n).cloned()).collect();
    let endpoint = candidates.first().map_or_else(|| "".into(), |candidate| candidate.name.clone());
    let why = Routing::EndpointChosen { service: backend.name.clone(), endpoint, of: all.len() as u32, how };
    let cause = match how {
        ChosenBy::Turn => Some(backend.cause.clone()),
        ChosenBy::Cookie | ChosenBy::NewCookie => annotation_field(target, "affinity"),
    };
    Chosen { candidates, new_session, because: because(why, cause) }
}

fn cookie(affinity: &Affinity, key: &str, backend: &Backend, target: &Target, secure: bool) -> String {
    let path = if affinity.path.is_empty() { &target.cookie_path } else { &affinity.path };
    let secure = if secure { "; Secure" } else { "" };
    let same_site = match &*affinity.same_site {
        "" => String::new(),
        same_site => format!("; SameSite={same_site}"),
    };
    let (name, attributes, backend) = (&affinity.name, &affinity.attributes, backend_key(backend));
    format!("{name}={key}|{backend}{attributes}; Path={path}{secure}; HttpOnly{same_site}")
}

fn retry(manner: &Annotations, method: &str) -> Retry {
    let words: Vec<&str> = manner.next_upstream.split_ascii_whitespace().collect();
    let says = |word: &str| words.contains(&word);
    Retry {
        on_error: says("error"),
        on_timeout: says("timeout"),
        resends: !matches!(method, "POST" | "LOCK" | "PATCH") || says("non_idempotent"),
        on_status: words.iter().filter_map(|word| word.strip_prefix("http_")?.parse().ok()).collect(),
    }
}

/// The request's headers as the endpoint gets them: those that nginx sets come first.
fn headers(arrived: &Arrived<'_>, manner: &Annotations, rewrites: bool, balance: &mut Balance) -> Headers {
    let mut id = String::new();
    for _ in 0..4 {
        id += &format!("{:08x}", balance.bits());
    }
    let find = |name: &str| arrived.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| &**v);
    let client: Arc<str> = arrived.client.to_string().into();
    let scheme: Arc<str> = scheme(arrived).into();
    let mut set: Headers = vec![
        ("X-Request-ID".into(), find("X-Request-ID").map_or_else(|| id.into(), Into::into)),
        ("X-Real-IP".into(), client.clone()),
        ("X-Forwarded-For".into(), client),
        ("X-Forwarded-Host".into(), arrived.host.into()),
        ("X-Forwarded-Port".into(), arrived.port.to_string().into()),
        ("X-Forwarded-Proto".into(), scheme.clone()),
        ("X-Forwarded-Scheme".into(), scheme.clone()),
        ("X-Scheme".into(), scheme),
    ];
    for (name, original) in
        [("X-Original-Forwarded-For", "X-Forwarded-For"), ("X-Original-Forwarded-Host", "X-Forwarded-Host")]
    {
        set.extend(find(original).map(|value| (name.into(), value.into())));
    }
    if rewrites && !manner.forwarded_prefix.is_empty() {
        set.push(("X-Forwarded-Prefix".into(), manner.forwarded_prefix.clone()));
    }
    // What nginx sets or keeps to itself.
    let own = |name: &str| {
        ["host", "connection", "proxy", "keep-alive", "x-original-forwarded-for", "x-original-forwarded-host"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
            || set.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let passed: Headers = arrived
        .headers
        .iter()
        .filter(|(name, _)| !own(name))
        .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
        .collect();
    set.extend(passed);
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_as_nginx_does() {
        let check = |path: &str, expected: Option<&str>| assert_eq!(normal(path).as_deref(), expected, "{path}");
        check("/", Some("/"));
        check("/a/b", Some("/a/b"));
        check("//a///b/", Some("/a/b/"));
        check("/a/./b", Some("/a/b"));
        check("/a/../b", Some("/b"));
        check("/a/..", Some("/"));
        check("/a/.", Some("/a/"));
        check("/%61", Some("/a"));
        check("/a%2Fb", Some("/a/b"));
        check("/a b", Some("/a b"));
        check("/../a", None);
        check("/%zz", None);
        check("a", None);
    }

    #[test]
    fn groups_are_put_in() {
        let found = [Some((0, 8)), Some((4, 5)), Some((5, 8)), None];
        assert_eq!(substitute("/$2", "/api/usr", &found), "/usr");
        assert_eq!(substitute("/x/$1$2/$3", "/api/usr", &found), "/x//usr/");
        assert_eq!(substitute("/$", "/api/usr", &found), "/$");
        assert_eq!(with_query("/a?b=1", "c=2"), ("/a".to_owned(), "b=1&c=2".to_owned()));
        assert_eq!(with_query("/a b", "c=2"), ("/a%20b".to_owned(), "c=2".to_owned()));
    }
}
