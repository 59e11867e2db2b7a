//! The selected packet's hops, or the selected object; beside them, who answered how often.

use std::sync::Arc;

use kubehop::lang::Lang;
use kubehop::object::FieldRef;
use kubehop::scene::inspect::{self, Detail, Header, Row};
use kubehop::scene::subject;
use kubehop::scene::traffic::{Bar, Tally, readable};
use kubehop::trace::{Action, By, OutcomeKind, Reason, Trace};
use leptos::html;
use leptos::prelude::*;
use web_sys::Element;

use super::browser;
use super::diagnose;
use super::firewall;
use super::frame::settled;
use super::ingress;
use super::object;
use super::paper::print_button;
use super::stage_scenery::{Scenery, use_scenery};
use super::stage_svg::{escape, mark_shape};
use super::state::{Mark, MarkKind, State, use_state};
use super::why;

/// The panel under the transport.
#[component]
pub fn Inspector() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let trace = Memo::new(move |_| scenery.followed());
    let hop = Memo::new(move |_| scenery.hop());
    let object = scenery.object;
    let detail = Memo::new(move |_| {
        let (trace, hop, lang) = (trace.get()?, hop.get()?, state.lang.get());
        inspect::detail(&trace, hop, lang)
    });
    Effect::new(move |_| state.hop.set(hop.get()));
    Effect::new(move |_| {
        let fields = match object.get() {
            Some(_) => Vec::new(),
            None => trace
                .with(|trace| trace.as_ref().zip(hop.get()).map(|(t, hop)| marked(state, t, hop)))
                .unwrap_or_default(),
        };
        if state.marks.with_untracked(|marks| *marks != fields) {
            state.marks.set(fields);
        }
    });
    let pointed = why::object(state);
    let body = move || match (pointed.get().or_else(|| object.get()), trace.with(Option::is_some)) {
        (Some(key), _) if key == firewall::key() => firewall::view(state, scenery).into_any(),
        (Some(key), _) => object::view(state, scenery, key).into_any(),
        (None, true) => packet_view(state, scenery, trace, hop, detail).into_any(),
        (None, false) => empty_view(state, scenery).into_any(),
    };
    view! {
        <div class="insp" data-testid="inspector">
            {body}
            <section class="answers" tabindex="0" aria-label=move || state.pick("Answers", "应答")>
                <h2>{move || state.pick("Answers", "应答")}</h2>
                {answers(state, scenery)}
            </section>
        </div>
    }
}

/// The fields behind a hop, for the editor: its cause, and those of its neighbours in the same kernel.
fn marked(state: State, trace: &Trace, hop: usize) -> Vec<Mark> {
    let lang = state.lang.get();
    let Some(now) = trace.hops.get(hop) else { return Vec::new() };
    let mut marks: Vec<Mark> = Vec::new();
    if let Some(field) = &now.because.cause {
        let note = lang.pick(format!("hop {}", hop + 1), format!("第 {} 跳", hop + 1));
        marks.push(Mark { field: field.clone(), kind: MarkKind::Cause, note, hop });
    }
    for (i, other) in trace.hops.iter().enumerate() {
        let near = other.at == now.at && other.exchange == now.exchange && other.reply == now.reply && i != hop;
        if let Some(field) = other.because.cause.as_ref().filter(|f| near && marks.iter().all(|m| m.field != **f)) {
            // The widget's editor is narrow; there the colour alone says so.
            let also = if state.embed { "" } else { lang.pick("also ", "还有") };
            let note = lang.pick(format!("{also}hop {}", i + 1), format!("{also}第 {} 跳", i + 1));
            marks.push(Mark { field: field.clone(), kind: MarkKind::Part, note, hop: i });
        }
    }
    marks
}

fn packet_view(
    state: State,
    scenery: Scenery,
    trace: Memo<Option<Arc<Trace>>>,
    hop: Memo<Option<usize>>,
    detail: Memo<Option<Detail>>,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        let lang = state.lang.get();
        let rows = |t: &Trace| scenery.scene.with(|s| scenery.marks.with(|m| inspect::rows(t, s, m, lang)));
        trace.with(|trace| trace.as_deref().map(rows).unwrap_or_default())
    });
    let id = move || trace.with(|trace| trace.as_ref().map_or(0, |trace| trace.id));
    let head = move || {
        let lang = state.lang.get();
        trace.with(|trace| {
            let trace = trace.as_ref()?;
            Some((lang.pick(format!("Packet #{}", trace.id), format!("数据包 #{}", trace.id)), request_line(trace)))
        })
    };
    let shown = settled(hop);
    let list = NodeRef::<leptos::html::Ol>::new();
    Effect::new(move |_| {
        let Some(now) = hop.get() else { return };
        let Some(list) = list.get() else { return };
        // Once what is said of the hop, which may stand above, has its length.
        browser::next_frame(move |_| keep_in_sight(&list, now));
    });
    view! {
        <section class="hops">
            <h2>
                <span>{move || head().map(|(title, _)| title)}</span>
                <span class="dim">{move || head().map(|(_, request)| request)}</span>
                {print_button(state)}
            </h2>
            <ol class="hl" data-rove tabindex="0" node_ref=list>
                <For
                    each=move || {
                        let rows = rows.get();
                        let first_back = rows.iter().position(|row| row.reply && !row.name);
                        rows.into_iter().map(|row| { let back = Some(row.hop) == first_back; (row, back) }).collect::<Vec<_>>()
                    }
                    key=move |(row, _)| (id(), row.hop, row.place.clone(), row.what.clone())
                    let:item
                >
                    {hop_row(state, scenery, item.0, item.1, shown, id())}
                </For>
            </ol>
        </section>
        <section class="hop" aria-live="off">
            {move || detail.get().zip(hop.get()).map(|(detail, hop)| hop_view(state, scenery, detail, trace.get(), hop))}
        </section>
    }
}

fn request_line(trace: &Trace) -> String {
    format!("{} {}", trace.request.method, trace.request.url).trim().to_owned()
}

/// Keeps a hop in sight inside its own list; the page itself does not scroll.
fn keep_in_sight(list: &Element, hop: usize) {
    let Ok(Some(row)) = list.query_selector(&format!("[data-hop='{}']", hop + 1)) else { return };
    // On a phone the whole sheet moves; unless its top, the hop itself, is what is read.
    let sheet = sheet_of(list);
    let (view, at) = (sheet.as_ref().unwrap_or(list).get_bounding_client_rect(), row.get_bounding_client_rect());
    let all = list.get_bounding_client_rect();
    if sheet.as_ref().is_some_and(|s| s.scroll_top() == 0 || all.top() > view.bottom() || all.bottom() < view.top()) {
        return;
    }
    let mover = sheet.as_ref().unwrap_or(list);
    if at.top() < view.top() {
        mover.set_scroll_top(mover.scroll_top() + (at.top() - view.top()) as i32);
    } else if at.bottom() > view.bottom() {
        mover.set_scroll_top(mover.scroll_top() + (at.bottom() - view.bottom()) as i32 + 1);
    }
}

/// What scrolls in the list's stead where the list is as long as it is, on a phone: the whole inspector, or its panel.
fn sheet_of(list: &Element) -> Option<Element> {
    let scrolls = |element: &Element| element.scroll_height() > element.client_height() + 1;
    if scrolls(list) {
        return None;
    }
    [".insp", ".panel"].iter().filter_map(|of| list.closest(of).ok().flatten()).find(scrolls)
}

/// Whoever picks a hop wants to read of it: where that stands above the list, on a phone, the sheet goes to its top.
fn read_of(row: &Element) {
    let list = row.closest("ol").ok().flatten();
    if let Some(sheet) = list.and_then(|list| sheet_of(&list)) {
        sheet.set_scroll_top(0);
    }
}

fn hop_row(
    state: State,
    scenery: Scenery,
    row: Row,
    first_back: bool,
    hop: ReadSignal<Option<usize>>,
    id: u64,
) -> impl IntoView {
    let index = row.hop;
    let class = format!(
        "{}{}{}",
        if row.reply { "rpl " } else { "" },
        if first_back { "turn " } else { "" },
        if row.name { "name" } else { "" }
    );
    view! {
        <li
            class=class
            class:now=move || hop.get() == Some(index)
            class:next=move || hop.get().is_some_and(|now| index > now)
            data-hop=(index + 1).to_string()
        >
            <button
                tabindex="-1"
                aria-current=move || (hop.get() == Some(index)).then_some("step")
                on:click=move |event| {
                    scenery.stop_at(state, id, index);
                    read_of(&event_target::<Element>(&event));
                }
            >
                <span class="n">{index + 1}</span>
                <span class="at">{row.place}</span>
                <span class="do">{row.what}</span>
            </button>
        </li>
    }
}

fn hop_view(state: State, scenery: Scenery, detail: Detail, trace: Option<Arc<Trace>>, hop: usize) -> impl IntoView {
    let hue = trace.as_ref().and_then(|trace| scenery.marks.with(|marks| inspect::picked(trace, marks)));
    let hue = hue.map_or("", |mark| mark.hue_name());
    let line = |name: &'static str, header: &Header, dst: bool| {
        let changed = header.after.is_some() && header.later.is_none();
        let before = match changed {
            true => view! { <s>{header.before.clone()}</s> }.into_any(),
            false => header.before.clone().into_any(),
        };
        let after = match (&header.after, header.later) {
            (Some(after), None) => {
                let class = if dst && !hue.is_empty() { format!("nw {hue}") } else { "nw plain".to_owned() };
                view! { <span class=class>{after.clone()}</span> }.into_any()
            }
            (Some(_), Some(verb)) => {
                view! { <span class="dim later">{format!("{}{verb}", state.pick("next: ", "下一步："))}</span> }
                    .into_any()
            }
            (None, _) => view! { <span class="dim later same">{state.pick("unchanged", "不变")}</span> }.into_any(),
        };
        view! { <tr><th scope="row">{name}</th><td>{before}</td><td>{after}</td></tr> }
    };
    let rule = detail.rule.clone().map(|rule| view! { <code class="rule" tabindex="0">{broken(&rule)}</code> });
    let cause = detail.cause.clone().map(|field| cause_link(state, field));
    let shut = trace.as_ref().and_then(|trace| firewall::offer(state, scenery, trace, hop));
    let routed = trace.as_ref().and_then(|trace| ingress::compared(state, trace, hop));
    let paper = trace.as_ref().filter(|trace| hop + 1 == trace.hops.len()).and_then(|t| ingress::refused(state, t));
    let explained = {
        let trace = trace.clone();
        move || trace.as_ref().and_then(|trace| diagnose::link(state, trace))
    };
    view! {
        <h2>{detail.title.clone()}</h2>
        <table class="hd">
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">{state.pick("before", "之前")}</th>
                    <th scope="col">{state.pick("after", "之后")}</th>
                </tr>
            </thead>
            <tbody>{line("src", &detail.headers.src, false)} {line("dst", &detail.headers.dst, true)}</tbody>
        </table>
        <p class="why">{detail.sentence.clone()}</p>
        {rule}
        {cause}
        {shut}
        {routed}
        {paper}
        {explained}
    }
}

/// A rule broken into lines before its flags.
fn broken(rule: &str) -> String {
    let mut out = String::with_capacity(rule.len());
    let mut column = 0;
    let mut rest = rule;
    while !rest.is_empty() {
        let end = rest.match_indices(" -").map(|(at, _)| at).find(|at| *at > 0).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        let part = part.trim_start();
        if column > 0 && column + part.len() > 44 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
        }
        out.push_str(part);
        column += part.len() + 1;
        rest = tail;
    }
    out
}

/// The field behind a hop, which leads to its line in the editor.
pub fn cause_link(state: State, field: FieldRef) -> impl IntoView {
    let line = state.line_of(&field).map(|(_, line)| line);
    let at =
        line.map(|line| state.lang.get().pick(format!(", line {line}"), format!("，第 {line} 行"))).unwrap_or_default();
    let owner = if line.is_none() { format!("{} ", field.object) } else { String::new() };
    let path = field.path.to_string();
    let show = move |_| {
        state.why.keep(&field);
        state.reveal.set(Some(field.clone()));
    };
    let words = view! { {owner}<code>{path}</code>{at} };
    let link = match line {
        Some(_) => view! { <button class="link" data-testid="cause" on:click=show>{words}</button> }.into_any(),
        None => view! { <span data-testid="cause">{words}</span> }.into_any(),
    };
    view! { <div class="cz"><span class="dim">{state.pick("cause", "来由")}</span> {link}</div> }
}

fn answers(state: State, scenery: Scenery) -> impl IntoView {
    let tally = scenery.tally;
    let list = NodeRef::<html::Div>::new();
    Effect::new(move |before: Option<Vec<Bar>>| {
        let Some(list) = list.get() else { return before.unwrap_or_default() };
        tally.with(|tally| show_bars(&list, &before.unwrap_or_default(), &tally.bars));
        tally.with(|tally| tally.bars.clone())
    });
    let stats = move || {
        let lang = state.lang.get();
        tally.with(|tally| stats_of(tally, lang))
    };
    let busy = move || tally.with(|tally| tally.statuses.values().sum::<usize>() > 1);
    let none = move || scenery.traces.with(Vec::is_empty);
    let some = move |what: fn(&Trace) -> bool| scenery.traces.with(|traces| traces.iter().any(|trace| what(trace)));
    let kept = Memo::new(move |_| some(is_kept));
    let drawn = Memo::new(move |_| some(is_drawn));
    view! {
        <div class="bars" node_ref=list></div>
        <dl class="stat">
            {move || stats().into_iter().map(|(k, v)| view! { <dt>{k}</dt><dd>{v}</dd> }).collect_view()}
        </dl>
        <p class="note" class:hid=move || !(busy() && (kept.get() || drawn.get()))>
            {move || match kept.get() {
                true => state.pick("One connection, one pod: only a new connection is picked for anew.", "一条连接，一个 Pod：只有新建连接才会重新挑选。"),
                false => state.pick("Picked at random, not in turn: uneven counts are normal.", "随机选择，不是轮流：数目不均是正常的。"),
            }}
        </p>
        <p class="note" class:hid=move || !none()>
            {move || match state.is_past() {
                true => state.pick("No request was sent in this step.", "这一步没有发送请求。"),
                false => state.pick("No request has been sent yet.", "还没有发送请求。"),
            }}
        </p>
    }
}

/// Whether a request went over a connection that was open already.
pub fn is_kept(trace: &Trace) -> bool {
    trace.hops.iter().any(|hop| hop.action == Action::Send)
}

/// Whether a kernel drew a pod for a request, out of several.
fn is_drawn(trace: &Trace) -> bool {
    trace.hops.iter().any(|hop| matches!(hop.because.reason, Reason::Picked { of, .. } if of > 1))
}

/// Whether a request travelled inside another connection.
pub fn is_tunnelled(trace: &Trace) -> bool {
    trace.hops.iter().any(|hop| hop.by == By::Tunnel)
}

/// A row for each replica. While the replicas stay the same, only what has changed is written: there may be hundreds.
fn show_bars(list: &Element, before: &[Bar], now: &[Bar]) {
    let same = |(was, now): (&Bar, &Bar)| was.mark == now.mark && was.name == now.name;
    let known = before.len() == now.len() && before.iter().zip(now).all(same);
    if !known {
        list.set_inner_html(&now.iter().map(bar_html).collect::<String>());
    }
    let (old, share, rows) = (share(before), share(now), list.children());
    for (i, bar) in now.iter().enumerate() {
        let was = before.get(i).filter(|_| known);
        let Some(row) = rows.item(i as u32).filter(|_| was.is_none_or(|was| was != bar || old != share)) else {
            continue;
        };
        let known = was.map(|was| (parts(was, old), was.landed));
        let (shown, cells) = (parts(bar, share), row.children().item(1));
        if let Some(cells) = cells.filter(|_| known.is_none_or(|known| known.0 != shown)) {
            fill(&cells, known.map(|known| known.0), shown, bar);
        }
        if let Some(count) = row.last_element_child().filter(|_| known.is_none_or(|known| known.1 != bar.landed)) {
            let text = bar.landed.to_string();
            match count.first_child() {
                Some(old) => old.set_node_value(Some(&text)),
                None => count.set_text_content(Some(&text)),
            }
        }
    }
}

/// Fills a replica's cells. Where there are as many as before, those that an answer has landed in change their look alone.
fn fill(cells: &Element, before: Option<(usize, usize)>, (full, hollow): (usize, usize), bar: &Bar) {
    let Some((was, _)) = before.filter(|before| before.0 + before.1 == full + hollow) else {
        return cells.set_inner_html(&cells_html(bar, full, hollow));
    };
    let all = cells.children();
    for i in was.min(full)..was.max(full) {
        if let Some(cell) = all.item(i as u32) {
            cell.set_class_name(&cell_class(bar, i >= full));
        }
    }
}

/// How many answers share a cell.
fn share(bars: &[Bar]) -> usize {
    bars.iter().map(|bar| bar.landed + bar.flying).max().unwrap_or(0).div_ceil(4).max(1)
}

/// How many cells are full, and how many hollow.
fn parts(bar: &Bar, share: usize) -> (usize, usize) {
    (bar.landed.div_ceil(share), bar.flying.div_ceil(share))
}

fn bar_html(bar: &Bar) -> String {
    let (name, shape) = (escape(&bar.name), mark_shape(bar.mark, false));
    format!(
        r#"<div class="replica"><svg class="hb" width="22" height="22" viewBox="-11 -11 22 22" role="img" aria-label="{name}"><title>{name}</title>{shape}</svg><span></span><b></b></div>"#
    )
}

/// A cell for each answer, hollow while it is in flight.
fn cells_html(bar: &Bar, full: usize, hollow: usize) -> String {
    let cells = |count: usize, hollow| format!(r#"<i class="{}"></i>"#, cell_class(bar, hollow)).repeat(count);
    cells(full, false) + &cells(hollow, true)
}

fn cell_class(bar: &Bar, hollow: bool) -> String {
    let hue = bar.mark.map_or("n", |mark| mark.hue_name());
    format!("u {hue}{}", if hollow { " o" } else { "" })
}

fn stats_of(tally: &Tally, lang: Lang) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (status, count) in &tally.statuses {
        let name = match status {
            0 => lang.pick("answered", "已应答").to_owned(),
            status => lang.pick(format!("status {status}"), format!("状态 {status}")),
        };
        rows.push((name, count.to_string()));
    }
    if tally.flying > 0 {
        rows.push((lang.pick("in flight (hollow)", "途中（空心）").to_owned(), tally.flying.to_string()));
    }
    for (kind, count) in &tally.failures {
        let name = match kind {
            OutcomeKind::Answered => continue,
            OutcomeKind::Refused => lang.pick("refused", "被拒绝"),
            OutcomeKind::Timeout => lang.pick("timed out", "超时"),
            OutcomeKind::Unreachable => lang.pick("unreachable", "不可达"),
            OutcomeKind::DnsFailure => lang.pick("no such name", "域名不存在"),
            OutcomeKind::Reset => lang.pick("reset", "被重置"),
            OutcomeKind::TlsFailure => lang.pick("no TLS", "TLS 失败"),
        };
        rows.push((name.to_owned(), count.to_string()));
    }
    if let Some(median) = tally.median {
        rows.push((lang.pick("median", "中位数").to_owned(), readable(median)));
    }
    rows
}

/// Nothing was sent yet: the Service in focus explains itself.
fn empty_view(state: State, scenery: Scenery) -> impl IntoView {
    let words = move || {
        let lang = state.lang.get();
        scenery.scene.track();
        let focus = scenery.focus.get();
        state.shown_untracked(|session| subject::introduce(session.cluster().store(), focus.as_ref(), lang))
    };
    view! {
        <section class="intro">
            <h2>{move || words().0}</h2>
            {move || words().1.into_iter().map(|p| view! { <p class="why">{p}</p> }).collect_view()}
            {ingress::all(state, scenery)}
        </section>
    }
}
