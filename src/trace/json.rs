//! The JSON form of a trace: stable, version 1.
//!
//! ```text
//! version   1; it rises when a field changes its meaning, not when one is added
//! id        counts the session's traces, from 1
//! start_us  when it began, in microseconds of virtual time
//! from      laptop | internet | node/NAME | pod/NS/NAME
//! request   protocol (http | tcp | udp), method, url, headers
//! outcome   kind: answered | refused | timeout | unreachable | dns_failure | reset | tls_failure
//!           answered: status (http), body, responder, seen_source
//!           the others: at, because, and where they are known rule and cause
//! hops      t_us    microseconds since start_us
//!           at      a place, as in `from`
//!           by      socket | resolver | route | kube-proxy | cni | conntrack | link | app | tunnel | ingress
//!           action  connect | send | query | receive | forward | match | route | dnat | snat | unnat | deliver | answer |
//!                   drop | reject | unreachable
//!           reply   true on the way back; absent on the way out
//!           exchange  counts the trace's exchanges from 0: first those with the DNS, then the request's own
//!           packet  proto (tcp | udp | icmp), src, dst: the headers after this hop
//!           rule    the rule that decided, as iptables-save or ip route prints it; absent where none did
//!           because one sentence, in the page's language
//!           cause   object (Kind/NS/NAME) and field; absent where no manifest is behind it
//!           compared  of an ingress controller's choice: rule, lost (why not, absent for the one taken: host | wider-host |
//!                   path | shorter | after-exact | later), because, cause
//! ```

use serde_json::{Map, Value, json};

use super::{Because, Compared, Hop, OutcomeKind, Reason, Trace, explain};
use crate::lang::Lang;
use crate::object::FieldRef;

/// The trace as JSON, its sentences in `lang`.
pub fn to_json(trace: &Trace, lang: Lang) -> Value {
    let request = &trace.request;
    let headers: Map<_, _> = request.headers.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    let outcome = &trace.outcome;
    let mut end = Map::new();
    end.insert("kind".into(), outcome.kind.name().into());
    if outcome.kind == OutcomeKind::Answered {
        if outcome.status != 0 {
            end.insert("status".into(), outcome.status.into());
        }
        end.insert("body".into(), (*outcome.body).into());
    }
    if let Some(responder) = &outcome.responder {
        end.insert("responder".into(), responder.to_string().into());
    }
    if let Some(source) = outcome.seen_source {
        end.insert("seen_source".into(), source.to_string().into());
    }
    if let Some(at) = &outcome.at {
        end.insert("at".into(), at.to_string().into());
    }
    if let Some(because) = &outcome.because {
        put_because(&mut end, because, lang);
    }
    json!({
        "version": 1,
        "id": trace.id,
        "start_us": trace.start.as_micros(),
        "from": trace.from.to_string(),
        "request": {
            "protocol": &*request.protocol,
            "method": &*request.method,
            "url": &*request.url,
            "headers": headers,
        },
        "outcome": end,
        "hops": trace.hops.iter().map(|h| hop(h, lang)).collect::<Vec<_>>(),
    })
}

fn hop(hop: &Hop, lang: Lang) -> Value {
    let mut map = Map::new();
    map.insert("t_us".into(), (hop.t.as_micros() as u64).into());
    map.insert("at".into(), hop.at.to_string().into());
    map.insert("by".into(), hop.by.name().into());
    map.insert("action".into(), hop.action.name().into());
    if hop.reply {
        map.insert("reply".into(), true.into());
    }
    map.insert("exchange".into(), hop.exchange.into());
    let packet = &hop.packet;
    map.insert(
        "packet".into(),
        json!({"proto": packet.proto.name(), "src": packet.src.to_string(), "dst": packet.dst.to_string()}),
    );
    put_because(&mut map, &hop.because, lang);
    Value::Object(map)
}

fn put_because(map: &mut Map<String, Value>, because: &Because, lang: Lang) {
    if let Some(rule) = &because.rule {
        map.insert("rule".into(), (**rule).into());
    }
    map.insert("because".into(), explain(because, lang).into());
    put_cause(map, because.cause.as_ref());
    if let Reason::Routing(routing) = &because.reason
        && !routing.compared().is_empty()
    {
        map.insert("compared".into(), routing.compared().iter().map(|rule| compared(rule, lang)).collect());
    }
}

fn put_cause(map: &mut Map<String, Value>, cause: Option<&FieldRef>) {
    if let Some(cause) = cause {
        map.insert("cause".into(), json!({"object": cause.object.to_string(), "field": &*cause.path}));
    }
}

fn compared(rule: &Compared, lang: Lang) -> Value {
    let mut map = Map::new();
    map.insert("rule".into(), (*rule.rule).into());
    if let Some(lost) = rule.lost {
        map.insert("lost".into(), lost.name().into());
        map.insert("because".into(), lost.explain(lang).into());
    }
    put_cause(&mut map, rule.cause.as_ref());
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inet::Ipv4Addr;
    use crate::object::{Kind, Ref};
    use crate::time::{Duration, Instant};
    use crate::trace::{Action, By, Outcome, Packet, Place, Proto, Request, Socket};

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
            },
            outcome: Outcome {
                kind: OutcomeKind::Refused,
                status: 0,
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
}
