//! The JSON form of a trace: stable, version 1.
//!
//! ```text
//! version   1; it rises when a field changes its meaning, not when one is added
//! id        counts the session's traces, from 1
//! start_us  when it began, in microseconds of virtual time
//! from      laptop | internet | node/NAME | pod/NS/NAME
//! request   protocol (http | tcp | udp), method, url, headers
//! outcome   kind: answered | refused | timeout | unreachable | dns_failure | reset | tls_failure
//!           answered: status (http), headers (those that matter; absent if none),
//!           certificate (subject, issuer, names: an ingress controller's, by TLS), body, responder (the
//!           program that answered in the end), seen_source (whom it saw)
//!           the others: at, because, and where they are known rule and cause
//! hops      t_us    microseconds since start_us
//!           at      a place, as in `from`; also firewall | balancer/NS/NAME | control-plane
//!           by      socket | resolver | route | kube-proxy | cni | conntrack | link | app | tunnel | ingress |
//!                   firewall | gateway | balancer
//!           action  connect | send | query | receive | forward | match | route | dnat | snat | unnat | deliver | answer |
//!                   drop | reject | unreachable
//!           reply   true on the way back; absent on the way out
//!           exchange  counts the trace's exchanges from 0: first those with the DNS, then the request's own (to which the last
//!                     hop belongs), then those of an ingress controller that it reached
//!           packet  proto (tcp | udp | icmp), src, dst: the headers after this hop
//!           rule    the rule that decided, as iptables-save or ip route prints it; absent where none did
//!           because one sentence, in the page's language
//!           cause   object (Kind/NS/NAME) and field; absent where no manifest is behind it
//!           compared  of an ingress controller's choice: rule, lost (why not, absent for the one taken: host | wider-host |
//!                   path | shorter | after-exact | later | not-made), because, cause
//! ```

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use super::{Because, Compared, Hop, OutcomeKind, Place, Reason, Socket, Trace, explain};
use crate::inet::Ipv4Addr;
use crate::lang::Lang;
use crate::object::FieldRef;

/// The trace as JSON, its sentences in `lang`.
pub fn to_json(trace: &Trace, lang: Lang) -> Value {
    let mut text = String::new();
    write_json(&mut text, [trace].into_iter(), lang);
    match serde_json::from_str(&text) {
        Ok(Value::Array(mut one)) => one.pop().unwrap_or_default(),
        _ => Value::Null,
    }
}

/// An array of traces as the text of JSON: the fast way for many, whose hops share most of their reasons.
pub fn write_json<'a>(out: &mut String, traces: impl Iterator<Item = &'a Trace>, lang: Lang) {
    let mut writer = Writer { out, lang, said: Vec::new() };
    writer.out.push('[');
    for (i, trace) in traces.enumerate() {
        if i > 0 {
            writer.out.push(',');
        }
        writer.trace(trace);
    }
    writer.out.push(']');
}

/// So many reasons are remembered as text.
const MOST_SAID: usize = 64;

struct Writer<'a> {
    out: &'a mut String,
    lang: Lang,
    /// Reasons that several hops share, with their text.
    said: Vec<(Arc<Because>, String)>,
}

/// `"TEXT"`
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (i, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[from..i]);
        from = i + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// A number. Formatting costs too much where there are dozens in every hop.
fn number(out: &mut String, number: u64) {
    if number > 9 {
        self::number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

fn address(out: &mut String, ip: Ipv4Addr) {
    for (i, octet) in ip.octets().into_iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        number(out, octet.into());
    }
}

/// As [`Socket`] prints it.
fn socket(out: &mut String, socket: Socket) {
    out.push('"');
    address(out, socket.ip);
    if socket.port != 0 {
        out.push(':');
        number(out, socket.port.into());
    }
    out.push('"');
}

impl Writer<'_> {
    /// `BEFORE"TEXT"`
    fn field(&mut self, before: &str, text: &str) {
        self.out.push_str(before);
        quoted(self.out, text);
    }

    fn number(&mut self, before: &str, number: u64) {
        self.out.push_str(before);
        self::number(self.out, number);
    }

    fn place(&mut self, before: &str, place: &Place) {
        self.out.push_str(before);
        match place {
            // Names of objects need no escapes.
            Place::Node(name) => self.out.extend(["\"node/", name, "\""]),
            Place::Pod(namespace, name) => self.out.extend(["\"pod/", namespace, "/", name, "\""]),
            other => quoted(self.out, &other.to_string()),
        }
    }

    fn trace(&mut self, trace: &Trace) {
        self.number("{\"version\":1,\"id\":", trace.id);
        self.number(",\"start_us\":", trace.start.as_micros());
        self.place(",\"from\":", &trace.from);
        let request = &trace.request;
        self.field(",\"request\":{\"protocol\":", &request.protocol);
        self.field(",\"method\":", &request.method);
        self.field(",\"url\":", &request.url);
        self.out.push_str(",\"headers\":{");
        for (i, (name, value)) in request.headers.iter().enumerate() {
            self.field(if i > 0 { "," } else { "" }, name);
            self.field(":", value);
        }
        let outcome = &trace.outcome;
        self.field("}},\"outcome\":{\"kind\":", outcome.kind.name());
        if outcome.kind == OutcomeKind::Answered {
            if outcome.status != 0 {
                self.number(",\"status\":", outcome.status.into());
            }
            if !outcome.headers.is_empty() {
                self.out.push_str(",\"headers\":{");
                for (i, (name, value)) in outcome.headers.iter().enumerate() {
                    self.field(if i > 0 { "," } else { "" }, name);
                    self.field(":", value);
                }
                self.out.push('}');
            }
            if let Some(certificate) = &outcome.certificate {
                self.field(",\"certificate\":{\"subject\":", &certificate.subject);
                self.field(",\"issuer\":", &certificate.issuer);
                self.out.push_str(",\"names\":[");
                for (i, name) in certificate.names.iter().enumerate() {
                    self.field(if i > 0 { "," } else { "" }, name);
                }
                self.out.push_str("]}");
            }
            self.field(",\"body\":", &outcome.body);
        }
        if let Some(responder) = &outcome.responder {
            self.place(",\"responder\":", responder);
        }
        if let Some(source) = outcome.seen_source {
            self.out.push_str(",\"seen_source\":\"");
            address(self.out, source);
            self.out.push('"');
        }
        if let Some(at) = &outcome.at {
            self.place(",\"at\":", at);
        }
        if let Some(because) = &outcome.because {
            self.because(because);
        }
        self.out.push_str("},\"hops\":[");
        for (i, hop) in trace.hops.iter().enumerate() {
            self.number(if i > 0 { ",{\"t_us\":" } else { "{\"t_us\":" }, hop.t.as_micros() as u64);
            self.hop(hop);
        }
        self.out.push_str("]}");
    }

    fn hop(&mut self, hop: &Hop) {
        self.place(",\"at\":", &hop.at);
        self.field(",\"by\":", hop.by.name());
        self.field(",\"action\":", hop.action.name());
        if hop.reply {
            self.out.push_str(",\"reply\":true");
        }
        self.number(",\"exchange\":", hop.exchange.into());
        self.field(",\"packet\":{\"proto\":", hop.packet.proto.name());
        self.out.push_str(",\"src\":");
        socket(self.out, hop.packet.src);
        self.out.push_str(",\"dst\":");
        socket(self.out, hop.packet.dst);
        self.out.push('}');
        self.because(&hop.because);
        self.out.push('}');
    }

    fn cause(&mut self, cause: Option<&FieldRef>) {
        if let Some(cause) = cause {
            self.field(",\"cause\":{\"object\":", &cause.object.to_string());
            self.field(",\"field\":", &cause.path);
            self.out.push('}');
        }
    }

    fn compared(&mut self, before: &str, rule: &Compared) {
        self.field(before, &rule.rule);
        if let Some(lost) = rule.lost {
            self.field(",\"lost\":", lost.name());
            self.field(",\"because\":", lost.explain(self.lang));
        }
        self.cause(rule.cause.as_ref());
        self.out.push('}');
    }

    fn because(&mut self, because: &Arc<Because>) {
        if let Some((_, text)) = self.said.iter().find(|(said, _)| Arc::ptr_eq(said, because)) {
            self.out.push_str(text);
            return;
        }
        let from = self.out.len();
        if let Some(rule) = &because.rule {
            self.field(",\"rule\":", rule);
        }
        let sentence = explain(because, self.lang);
        self.field(",\"because\":", &sentence);
        self.cause(because.cause.as_ref());
        if let Reason::Routing(routing) = &because.reason
            && !routing.compared().is_empty()
        {
            self.out.push_str(",\"compared\":[");
            for (i, rule) in routing.compared().iter().enumerate() {
                self.compared(if i > 0 { ",{\"rule\":" } else { "{\"rule\":" }, rule);
            }
            self.out.push(']');
        }
        // One that this hop alone has will not come again.
        if Arc::strong_count(because) > 1 && self.said.len() < MOST_SAID {
            self.said.push((because.clone(), self.out[from..].to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::{Kind, Ref};
    use crate::time::{Duration, Instant};
    use crate::trace::{Action, By, Outcome, Packet, Proto, Request};

    #[test]
    fn the_shape_is_the_documented_one() {
        let socket = |d, port| Socket { ip: Ipv4Addr::new(10, 0, 0, d), port };
        let service = Ref::new(Kind::Service, "default", "web");
        let because = Arc::new(Because {
            rule: Some("-A KUBE-SERVICES -j REJECT".into()),
            reason: Reason::NoSelector("default/web".into()),
            cause: Some(FieldRef::new(service, "spec.selector")),
        });
        let at = Place::Node("minikube".into());
        let trace = Trace {
            id: 7,
            start: Instant::from_millis(12),
            from: Place::Laptop,
            request: Request {
                protocol: "http".into(),
                method: "GET".into(),
                url: "http://web/".into(),
                headers: vec![("A".into(), "b".into())],
                ..Request::default()
            },
            outcome: Outcome {
                kind: OutcomeKind::Refused,
                status: 0,
                headers: Vec::new(),
                certificate: None,
                body: "".into(),
                responder: None,
                seen_source: None,
                at: Some(at.clone()),
                because: Some(because.clone()),
            },
            hops: vec![Hop {
                t: Duration::from_micros(350),
                at,
                by: By::KubeProxy,
                action: Action::Reject,
                reply: false,
                exchange: 0,
                packet: Packet { proto: Proto::Tcp, src: socket(1, 40_112), dst: socket(2, 80) },
                because,
            }],
        };
        let sentence =
            "Service default/web has no selector, and nobody wrote endpoints for it. So the kernel refuses at once.";
        let cause = json!({"object": "Service/default/web", "field": "spec.selector"});
        let rule = "-A KUBE-SERVICES -j REJECT";
        assert_eq!(
            to_json(&trace, Lang::En),
            json!({
                "version": 1, "id": 7, "start_us": 12000, "from": "laptop",
                "request": {"protocol": "http", "method": "GET", "url": "http://web/", "headers": {"A": "b"}},
                "outcome": {"kind": "refused", "at": "node/minikube", "because": sentence, "rule": rule, "cause": cause},
                "hops": [{
                    "t_us": 350, "at": "node/minikube", "by": "kube-proxy", "action": "reject", "exchange": 0,
                    "packet": {"proto": "tcp", "src": "10.0.0.1:40112", "dst": "10.0.0.2:80"},
                    "because": sentence, "rule": rule, "cause": cause,
                }],
            })
        );
    }

    #[test]
    fn text_is_escaped() {
        let text = "a \"b\" \\ c\n\u{1} é 中文";
        let mut out = String::new();
        quoted(&mut out, text);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), Value::from(text));
        let mut out = String::new();
        [0, 9, 10, 65_535, u64::MAX].iter().for_each(|n| {
            number(&mut out, *n);
            out.push(' ');
        });
        assert_eq!(out, "0 9 10 65535 18446744073709551615 ");
    }
}
