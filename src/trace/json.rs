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
//!           by      socket | resolver | route | kube-proxy | conntrack | link | app
//!           action  connect | query | receive | forward | match | dnat | snat | unnat | deliver | answer | drop |
//!                   reject | unreachable
//!           reply   true on the way back; absent on the way out
//!           exchange  counts the trace's exchanges from 0: first those with the DNS, then the request's own
//!           packet  proto (tcp | udp | icmp), src, dst: the headers after this hop
//!           rule    the rule that decided, as iptables-save prints it; absent where none did
//!           because one sentence, in the page's language
//!           cause   object (Kind/NS/NAME) and field; absent where no manifest is behind it
//! ```

use serde_json::{Map, Value, json};

use super::{Because, Hop, OutcomeKind, Trace, explain};
use crate::lang::Lang;

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
    if let Some(cause) = &because.cause {
        map.insert("cause".into(), json!({"object": cause.object.to_string(), "field": &*cause.path}));
    }
}
