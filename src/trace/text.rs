//! The text form of a trace, for terminals.

use std::fmt::Write as _;

use super::{Because, OutcomeKind, Reason, Routing, Trace, action_label, explain};
use crate::lang::Lang;

/// The trace as text: a hop a line (time, place, by, action, headers), below it the rule, the reason and the cause.
pub fn to_text(trace: &Trace, lang: Lang) -> String {
    let mut out = String::new();
    let request = &trace.request;
    let method = if request.method.is_empty() { String::new() } else { format!("{} ", request.method) };
    let _ = writeln!(out, "#{} {method}{}  {} {}", trace.id, request.url, lang.pick("from", "来自"), trace.from);
    let place = trace.hops.iter().map(|hop| hop.at.to_string().len()).max().unwrap_or(0);
    for hop in &trace.hops {
        let _ = writeln!(
            out,
            "{:>9}  {:place$}  {:10}  {}  {} > {}  {}",
            millis(hop.t.as_micros()),
            hop.at.to_string(),
            hop.by.name(),
            padded(action_label(hop, lang), 24),
            hop.packet.src,
            hop.packet.dst,
            hop.packet.proto.name(),
        );
        tell(&mut out, &hop.because, lang);
        if let Reason::Routing(routing) = &hop.because.reason {
            compare(&mut out, routing, lang);
        }
    }
    let outcome = &trace.outcome;
    let _ = match outcome.kind {
        OutcomeKind::Answered => {
            let status = if outcome.status == 0 { String::new() } else { format!(" {}", outcome.status) };
            let by =
                outcome.responder.as_ref().map(|p| format!(" {} {p}", lang.pick("by", "来自"))).unwrap_or_default();
            let seen = outcome
                .seen_source
                .map(|ip| format!("{} {ip}", lang.pick(", which saw the client as", "，它看到的客户端地址是")))
                .unwrap_or_default();
            writeln!(out, "= {}{status}{by}{seen}", outcome.kind.name())
        }
        kind => {
            let at = outcome.at.as_ref().map(|p| format!(" {} {p}", lang.pick("at", "于"))).unwrap_or_default();
            writeln!(out, "= {}{at}", kind.name())
        }
    };
    for line in outcome.body.lines() {
        let _ = writeln!(out, "  {line}");
    }
    if let Some(because) = &outcome.because {
        tell(&mut out, because, lang);
    }
    out
}

fn tell(out: &mut String, because: &Because, lang: Lang) {
    if let Some(rule) = &because.rule {
        let _ = writeln!(out, "{:11}{}{rule}", "", lang.pick("rule:    ", "规则："));
    }
    let _ = writeln!(out, "{:11}{}{}", "", lang.pick("because: ", "原因："), explain(because, lang));
    if let Some(cause) = &because.cause {
        let _ = writeln!(out, "{:11}{}{} {}", "", lang.pick("cause:   ", "来由："), cause.object, cause.path);
    }
}

/// The rules that an ingress controller looked at, a line each: the one that won, and why each other lost.
fn compare(out: &mut String, routing: &Routing, lang: Lang) {
    for compared in routing.compared() {
        let why = compared.lost.map_or(lang.pick("It wins.", "胜出。"), |lost| lost.explain(lang));
        let _ = writeln!(out, "{:11}{}{}  {why}", "", lang.pick("rule:    ", "规则："), compared.rule);
    }
}

/// `0.350ms`
fn millis(micros: u128) -> String {
    format!("{}.{:03}ms", micros / 1000, micros % 1000)
}

/// The text with spaces up to a width on screen, where a Chinese character takes two columns.
fn padded(mut text: String, width: usize) -> String {
    let wide = text.chars().filter(|c| *c >= '\u{2e80}').count();
    let spaces = width.saturating_sub(text.chars().count() + wide);
    text.extend(std::iter::repeat_n(' ', spaces));
    text
}
