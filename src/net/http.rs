//! Requests: what a URL asks for, and of whom.

use std::sync::Arc;

use crate::inet::Ipv4Addr;
use crate::trace::{Certificate, Proto, Request};

/// What a request asks for, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// How it speaks.
    pub speech: Speech,
    /// The host as it was written.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// The path, without the query; empty where it is not HTTP.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: &'a str,
}

/// What is spoken over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// TCP: a connection is opened and closed.
    Tcp,
    /// UDP: one datagram.
    Udp,
    /// ICMP: one echo request, which kernels answer.
    Ping,
}

impl Speech {
    /// What carries it.
    pub fn proto(self) -> Proto {
        match self {
            Self::Http | Self::Https | Self::Tcp => Proto::Tcp,
            Self::Udp => Proto::Udp,
            Self::Ping => Proto::Icmp,
        }
    }
}

impl<'a> Target<'a> {
    /// Takes a request apart; none if its address cannot be read.
    pub fn of(request: &'a Request) -> Option<Self> {
        let (speech, rest, default) = match request.url.split_once("://") {
            Some(("http", rest)) => (Speech::Http, rest, Some(80)),
            Some(("https", rest)) => (Speech::Https, rest, Some(443)),
            Some(("tcp", rest)) => (Speech::Tcp, rest, None),
            Some(("udp", rest)) => (Speech::Udp, rest, None),
            Some(("icmp", rest)) => (Speech::Ping, rest, Some(0)),
            Some(_) => return None,
            None => match &*request.protocol {
                "tcp" => (Speech::Tcp, &*request.url, None),
                "udp" => (Speech::Udp, &*request.url, None),
                "icmp" => (Speech::Ping, &*request.url, Some(0)),
                _ => (Speech::Http, &*request.url, Some(80)),
            },
        };
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let path = path.split('#').next().unwrap_or("");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let authority = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (authority, default),
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        Some(Self { speech, host, port: port?, path: if path.is_empty() { "/" } else { path }, query })
    }

    /// The host as an address, if it is one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        if self.host == "localhost" { Some(Ipv4Addr::LOCALHOST) } else { self.host.parse().ok() }
    }
}

/// What a program answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; 0 where it is not HTTP.
    pub status: u16,
    /// Headers that matter; empty where the program says nothing but the usual.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// The certificate that it showed, if it is an ingress controller's.
    pub certificate: Option<Arc<Certificate>>,
    /// What it says.
    pub body: Arc<str>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(protocol: &str, url: &str, expected: Option<(Speech, &str, u16, &str)>) {
        let request = Request { protocol: protocol.into(), url: url.into(), ..Request::default() };
        let target = Target::of(&request);
        assert_eq!(
            target.map(|t| (t.speech, t.host.to_owned(), t.port, t.path.to_owned())),
            expected.map(|(s, h, p, w)| (s, h.to_owned(), p, w.to_owned())),
            "{url}"
        );
    }

    #[test]
    fn urls_are_taken_apart() {
        check("http", "http://10.96.0.7:9090/api/hello?x=1#y", Some((Speech::Http, "10.96.0.7", 9090, "/api/hello")));
        check("http", "http://web", Some((Speech::Http, "web", 80, "/")));
        check("http", "https://web/", Some((Speech::Https, "web", 443, "/")));
        check("http", "web:8080", Some((Speech::Http, "web", 8080, "/")));
        check("tcp", "web:8080", Some((Speech::Tcp, "web", 8080, "/")));
        check("icmp", "web", Some((Speech::Ping, "web", 0, "/")));
        check("tcp", "web", None);
        check("http", "http://web:0/", None);
        check("http", "http://web:99999/", None);
        check("http", "http://", None);
        check("http", "ftp://web/", None);
    }
}
