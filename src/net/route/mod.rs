//! A routing table, as ingress controllers hold one: hosts, their paths, and where each leads.
//!
//! Takes rules in the order in which their controller tries them, gives the rule that a request gets. Knows no API: Ingress
//! fills it today, and HTTPRoute can. Targets are numbers, whose meaning is the controller's.
//!
//! A controller chooses by host first, and only then by path (nginx), or by both at once (Traefik): in the first case each
//! host is a [`Server`] of its own, in the second one server for any host has all rules, each with its host.

mod pattern;

use std::sync::Arc;

pub use pattern::{Found, Pattern};

use crate::object::FieldRef;
use crate::trace::{Compared, Lost};

/// More rules than this are not told of.
const MOST_COMPARED: usize = 32;

/// Where a rule leads that was written and of which the controller made nothing: it is told of, and never taken.
pub const NOWHERE: usize = usize::MAX;

/// Which hosts a rule is for. In order of closeness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostRule {
    /// This one, in lower case.
    Exact(Arc<str>),
    /// One label and then this, as `.shop.test` of `*.shop.test`.
    Wildcard(Arc<str>),
    /// Any, and requests that name none.
    Any,
}

/// Which paths a rule is for.
#[derive(Clone, Debug, PartialEq)]
pub enum PathRule {
    /// This one.
    Exact(Arc<str>),
    /// All that begin with this, element by element: `/a` takes `/a` and `/a/b`, not `/ab`.
    Elements(Arc<str>),
    /// All that begin with these letters.
    Letters(Arc<str>),
    /// All that match a regular expression.
    Regex(Arc<Pattern>),
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which hosts.
    pub host: HostRule,
    /// Which paths.
    pub path: PathRule,
    /// Where it leads: a number of the controller's, or [`NOWHERE`].
    pub to: usize,
    /// How it is told of, as `shop.test/api (Prefix)`; none for a row of the controller's own.
    pub shown: Option<Arc<str>>,
    /// The manifest's field that made it; several rows may come of one.
    pub cause: Option<FieldRef>,
}

/// The rules of one host, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Which hosts.
    pub host: HostRule,
    /// Its rules, the first that matches wins.
    pub rules: Vec<Rule>,
}

/// A whole table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// By host, the closest first.
    servers: Vec<Server>,
}

/// What a table looks at in a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The host, in lower case and without a port.
    pub host: &'a str,
    /// The path, without the query.
    pub path: &'a str,
}

/// What a table found.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'t> {
    /// The host whose rules were tried; none if the table knows no such host.
    pub server: Option<&'t Server>,
    /// The rule; none if none matches.
    pub rule: Option<&'t Rule>,
}

impl HostRule {
    /// Reads a host as an Ingress has it.
    pub fn of(host: &str) -> Self {
        match host.strip_prefix('*') {
            _ if host.is_empty() => Self::Any,
            Some(rest) => Self::Wildcard(rest.to_ascii_lowercase().into()),
            None => Self::Exact(host.to_ascii_lowercase().into()),
        }
    }

    /// Whether it takes a host.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => **name == *host,
            Self::Wildcard(rest) => after_label(host) == Some(rest),
        }
    }
}

/// What follows the first label of a host: `.shop.test`.
fn after_label(host: &str) -> Option<&str> {
    let dot = host.find('.').filter(|dot| *dot > 0)?;
    host.get(dot..)
}

impl PathRule {
    /// Whether it takes a path.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(is) => **is == *path,
            Self::Letters(start) => path.starts_with(&**start),
            Self::Elements(start) => {
                let start = start.trim_end_matches('/');
                path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Regex(pattern) => pattern.find(path).is_some(),
        }
    }

    /// How long it is, as far as lengths decide.
    fn len(&self) -> usize {
        match self {
            Self::Exact(path) | Self::Elements(path) | Self::Letters(path) => path.trim_end_matches('/').len(),
            Self::Regex(pattern) => pattern.text().len(),
        }
    }
}

impl Table {
    /// A table of these servers.
    pub fn new(mut servers: Vec<Server>) -> Self {
        crate::sort::by(&mut servers, |a, b| a.host.cmp(&b.host));
        Self { servers }
    }

    /// The servers, the closest host first.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server of a host: its own, else the wildcard's, else the one for all.
    pub fn server(&self, host: &str) -> Option<&Server> {
        let find = |rule: &HostRule| {
            let at = self.servers.binary_search_by(|server| server.host.cmp(rule)).ok()?;
            self.servers.get(at)
        };
        let wildcard = || find(&HostRule::Wildcard(after_label(host)?.into()));
        find(&HostRule::Exact(host.into())).or_else(wildcard).or_else(|| find(&HostRule::Any))
    }

    /// The rule that a request gets.
    pub fn choose(&self, asked: &Asked<'_>) -> Choice<'_> {
        let server = self.server(asked.host);
        let matches =
            |rule: &&Rule| rule.to != NOWHERE && rule.path.matches(asked.path) && rule.host.matches(asked.host);
        Choice { server, rule: server.and_then(|server| server.rules.iter().find(matches)) }
    }

    /// The rules that were looked at on the way to a choice, and why each lost: those of the host first.
    pub fn compared(&self, asked: &Asked<'_>, choice: &Choice<'_>) -> Arc<[Compared]> {
        let mut all: Vec<Compared> = Vec::new();
        let is = |server: &Server| choice.server.is_some_and(|chosen| std::ptr::eq(chosen, server));
        let (own, others) = (self.servers.iter().filter(|s| is(s)), self.servers.iter().filter(|s| !is(s)));
        for server in own.chain(others) {
            for rule in &server.rules {
                let Some(shown) = &rule.shown else { continue };
                let lost = lost(rule, asked, choice, is(server));
                // Several rows of one path are one rule to the reader: what the best of them came to.
                match all.iter().position(|told| told.cause == rule.cause && told.rule == *shown) {
                    Some(at) => {
                        let told = &mut all[at].lost;
                        *told = told.and_then(|had| lost.map(|lost| lost.max(had)));
                    }
                    None if all.len() < MOST_COMPARED => {
                        all.push(Compared { rule: shown.clone(), lost, cause: rule.cause.clone() });
                    }
                    None => return all.into(),
                }
            }
        }
        all.into()
    }
}

/// Why a rule was not taken; none if it was.
fn lost(rule: &Rule, asked: &Asked<'_>, choice: &Choice<'_>, same_server: bool) -> Option<Lost> {
    if choice.rule.is_some_and(|chosen| std::ptr::eq(chosen, rule)) {
        return None;
    }
    if !rule.host.matches(asked.host) {
        return Some(Lost::Host);
    }
    if !same_server {
        return Some(Lost::WiderHost);
    }
    if rule.to == NOWHERE && rule.path.matches(asked.path) {
        return Some(Lost::NotMade);
    }
    let Some(chosen) = choice.rule.filter(|_| rule.path.matches(asked.path)) else { return Some(Lost::Path) };
    Some(match (&chosen.path, &rule.path) {
        _ if chosen.host < rule.host => Lost::WiderHost,
        (PathRule::Exact(_), PathRule::Elements(_) | PathRule::Letters(_)) if chosen.path.len() == rule.path.len() => {
            Lost::AfterExact
        }
        _ if rule.path.len() < chosen.path.len() => Lost::Shorter,
        _ => Lost::Later,
    })
}
