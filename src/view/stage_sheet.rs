//! Ingresses on the stage: a dashed sheet while nobody reads it, a solid table once a controller does. The row that decided a
//! hop is lit while the hop is shown.

use kubehop::object::Ref;
use kubehop::scene::{Rect, Route, Routed, Sheet};

use super::stage_svg::{escape, label, mark, put, rect};

/// A sheet, and the row that decided the shown hop if it is on this one. While a Service stands alone, what leads elsewhere is pale.
pub(crate) fn sheet(out: &mut String, sheet: &Sheet, routed: Option<&Routed>, alone: Option<&Ref>) {
    let Some(key) = &sheet.key else { return };
    let Rect { x, y, w, h } = sheet.rect;
    let elsewhere = |route: &Route| alone.is_some_and(|alone| route.service.as_ref() != Some(alone));
    let is_other = alone.is_some() && sheet.routes.iter().all(elsewhere);
    let pale = if is_other { " pale" } else { "" };
    put(out, format_args!(r#"<g class="click sheet{pale}" data-ingress="{}/{}">"#, key.namespace, escape(&key.name)));
    put(out, format_args!("<title>Ingress {}</title>", escape(&key.name)));
    if sheet.is_paper {
        // A corner is turned down.
        let (fold, right) = (11.0, w - 11.0);
        let (down, left) = (h - fold, -w);
        put(
            out,
            format_args!(
                r#"<path class="virt paper" d="M{x:.1} {y:.1}h{right:.1}l{fold} {fold}v{down:.1}h{left:.1}z"/>"#
            ),
        );
        let turn = x + right;
        put(out, format_args!(r#"<path class="virt" d="M{turn:.1} {y:.1}v{fold}h{fold}"/>"#));
    } else {
        let class = if routed.is_some_and(|routed| routed.route.is_none()) { "box vain" } else { "box" };
        rect(out, class, sheet.rect, 6.0);
    }
    if let [from, to] = sheet.tie[..] {
        put(out, format_args!(r#"<path class="tie" d="M{:.1} {:.1}V{:.1}"/>"#, from.x, from.y, to.y));
    }
    label(out, "k strong", &sheet.name);
    if let Some(at) = sheet.padlock {
        let (x, y) = (at.x - 4.5, at.y - 1.0);
        put(out, format_args!(r#"<path class="lock" d="M{x:.1} {y:.1}h9v6h-9zm2 0v-2.5a2.5 2.5 0 0 1 5 0v2.5"/>"#));
    }
    label(out, if sheet.is_paper { "warn" } else { "q" }, &sheet.note);
    for (i, route) in sheet.routes.iter().enumerate() {
        let won = routed.is_some_and(|routed| routed.route == Some(i));
        let pale = if !is_other && elsewhere(route) { r#" class="pale""# } else { "" };
        put(out, format_args!("<g{pale}><title>{}</title>", escape(&route.whole)));
        if won {
            rect(out, "row on", route.rect, 4.0);
        }
        let rule = if won { "m von" } else { "m k" };
        label(out, if routed.is_some() && !won { "m lost" } else { rule }, &route.rule);
        label(out, "q", &route.kind);
        let at = route.arrow;
        put(out, format_args!(r#"<path class="arr" d="M{:.1} {:.1}h13m-4-4 4 4-4 4"/>"#, at.x, at.y));
        label(out, "m", &route.to);
        let chosen = routed.filter(|_| won).and_then(|routed| routed.pick);
        match (chosen, route.picks.first()) {
            (Some(picked), Some(first)) => mark(out, picked, first.at, route.size),
            _ => {
                for pick in &route.picks {
                    mark(out, pick.mark, pick.at, route.size);
                }
                label(out, if route.is_dead { "bad" } else { "q" }, &route.after);
            }
        }
        out.push_str("</g>");
    }
    label(out, "q", &sheet.more);
    out.push_str("</g>");
}
