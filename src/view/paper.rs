//! What is printed: the followed trace as a table with all its hops, below the picture as it stands on the stage.
//!
//! It exists while the page is printed and at no other time; without a trace the lesson's step is what is on paper.

use std::sync::Arc;

use kubehop::object::FieldRef;
use kubehop::scene::inspect::{self, Header};
use kubehop::scene::traffic::readable;
use kubehop::trace::{Place, Trace, explain};
use leptos::prelude::*;

use super::browser;
use super::environment::mode_name;
use super::icons::{Icon, icon};
use super::stage;
use super::stage_over;
use super::stage_scenery::{Scenery, outcome, use_scenery};
use super::stage_svg::{self, mark_shape};
use super::state::{State, use_state};
use super::top::KUBERNETES;

/// The sheet of paper.
#[component]
pub fn Paper() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let printing = browser::follow("print");
    move || printing.get().then(|| scenery.followed().map(|trace| sheet(state, scenery, &trace)))
}

/// The button that prints it.
pub fn print_button(state: State) -> impl IntoView {
    let says = move || state.pick("Print this trace", "打印这条轨迹");
    view! {
        <button class="btn ghost sq print" data-testid="print" aria-label=says title=says on:click=move |_| browser::print()>
            {icon(Icon::Print, 16)}
        </button>
    }
}

fn sheet(state: State, scenery: Scenery, trace: &Arc<Trace>) -> impl IntoView + use<> {
    let lang = state.lang.get();
    let rows = scenery.scene.with(|scene| scenery.marks.with(|marks| inspect::rows(trace, scene, marks, lang)));
    let hops = rows.into_iter().filter_map(|row| {
        let (hop, detail) = (trace.hops.get(row.hop)?, inspect::detail(trace, row.hop, lang)?);
        let cause = detail.cause.map(|field| cause(state, &field));
        Some(view! {
            <tbody class:turn=row.reply>
                <tr>
                    <th scope="row">{row.hop + 1}</th>
                    <td class="mono">{readable(hop.t)}</td>
                    <td>{place(&hop.at, state)}</td>
                    <td><b>{row.what}</b></td>
                    <td class="mono">{address(&detail.headers.src)}</td>
                    <td class="mono">{address(&detail.headers.dst)}</td>
                </tr>
                <tr>
                    <td colspan="2"></td>
                    <td colspan="4">
                        <p>{detail.sentence}</p>
                        {detail.rule.map(|rule| view! { <pre>{rule}</pre> })}
                        {cause}
                    </td>
                </tr>
            </tbody>
        })
    });
    let hops = hops.collect_view();
    let why = trace.outcome.because.as_ref().map(|because| view! { <p>{explain(because, lang)}</p> });
    let by = trace.outcome.responder.as_ref().map(|by| place(by, state));
    let from = place(&trace.from, state);
    let end = match trace.outcome.status {
        0 => outcome(trace, lang),
        status => lang.pick(format!("answered {status}"), format!("应答 {status}")),
    };
    let took = readable(trace.duration());
    let told = match by {
        Some(by) => lang.pick(
            format!("From {from}: {end} by {by}, after {took}."),
            format!("来自{from}：{by} {end}，历时 {took}。"),
        ),
        None => lang.pick(format!("From {from}: {end}, after {took}."), format!("来自{from}：{end}，历时 {took}。")),
    };
    let seed = state.session.with(|session| {
        let profile = session.profile();
        format!(
            "{} / {} / {KUBERNETES} / {} {}",
            profile.name,
            mode_name(profile.proxy_mode),
            lang.pick("seed", "种子"),
            session.seed()
        )
    });
    view! {
        <main class="paper" data-testid="paper">
            <h1>{lang.pick(format!("Packet #{}", trace.id), format!("数据包 #{}", trace.id))} " " <code>{format!("{} {}", trace.request.method, trace.request.url)}</code></h1>
            <p class="told">{told}</p>
            {why}
            <p class="dim">{seed} " / kubehop"</p>
            {picture(state, scenery, trace)}
            <table>
                <thead>
                    <tr>
                        <th scope="col">"#"</th>
                        {[("time", "时间"), ("where", "位置"), ("what", "发生了什么"), ("source", "源"), ("destination", "目的")]
                            .map(|(en, zh)| view! { <th scope="col">{lang.pick(en, zh)}</th> })
                            .collect_view()}
                    </tr>
                </thead>
                {hops}
            </table>
        </main>
    }
}

/// The stage as it stands, with the packet in its place and its way; of a packet that has arrived, the whole way there.
fn picture(state: State, scenery: Scenery, trace: &Trace) -> impl IntoView + use<> {
    let failures = Memo::new(move |_| scenery.timeline.with(|timeline| timeline.stones(scenery.beat.get())));
    let (lit, routed) = (stage::lit(state, scenery), stage::routed(state, scenery));
    let over = stage_over::over(state, scenery, failures);
    let name = lang_label(state, trace);
    scenery.scene.with(|scene| {
        let mut svg = stage_svg::backdrop(scene, lit.as_ref(), routed.as_ref(), None);
        for pod in scene.rooms.iter().flat_map(|room| &room.pods) {
            let (x, y) = (pod.rect.x, pod.rect.y);
            svg += &format!(r#"<g transform="translate({x:.1} {y:.1})">{}</g>"#, stage_svg::pod(pod, false));
        }
        let t = state.playhead.get() as f32;
        let last = trace.hops.iter().rposition(|hop| !hop.reply).unwrap_or(0);
        scenery.timeline.with(|timeline| {
            let Some(run) = timeline.run(trace.id) else { return };
            let under_way = t >= run.start && !run.is_over(t);
            let t = if under_way { t } else { run.moment(last) };
            for line in timeline.ways(trace.id, t).0 {
                let points = line.iter().map(|at| format!("{:.1},{:.1} ", at.x, at.y)).collect::<String>();
                svg += &format!(r#"<polyline class="took" points="{points}"/>"#);
            }
            if under_way {
                let (at, mark) = (timeline.position(run, t), timeline.look(trace.id, t).mark);
                svg += &format!(r#"<g transform="translate({:.1} {:.1})">{}</g>"#, at.x, at.y, mark_shape(mark, false));
            }
        });
        svg += &over;
        let size = format!("0 0 {:.0} {:.0}", scene.width, scene.height);
        view! { <svg class="stage" role="img" aria-label=name viewBox=size inner_html=svg></svg> }
    })
}

fn lang_label(state: State, trace: &Trace) -> String {
    state.lang.get().pick(format!("The way of packet #{}", trace.id), format!("数据包 #{} 的路径", trace.id))
}

fn place(place: &Place, state: State) -> String {
    match place {
        Place::Laptop => state.pick("laptop", "你的电脑").to_owned(),
        Place::Internet => state.pick("internet", "互联网").to_owned(),
        Place::Node(name) => state.lang.get().pick(format!("node {name}"), format!("节点 {name}")),
        Place::Pod(_, name) => name.to_string(),
        other => other.to_string(),
    }
}

/// An address, and what it becomes at this hop.
fn address(header: &Header) -> impl IntoView + use<> {
    let now = header.after.clone().filter(|_| header.later.is_none());
    let before = header.before.clone();
    match now {
        Some(now) => view! { <s>{before}</s> <br /> <b>{now}</b> }.into_any(),
        None => before.into_any(),
    }
}

/// The field behind a hop, with the line of the file that it stands in.
fn cause(state: State, field: &FieldRef) -> impl IntoView + use<> {
    let found = state.line_of(field).and_then(|(file, line)| {
        let files = state.files.get_untracked();
        let text =
            files.iter().find(|source| source.name == file)?.text.lines().nth(line as usize - 1)?.trim().to_owned();
        let at = state.lang.get().pick(format!("({file}, line {line}: "), format!("（{file}，第 {line} 行："));
        let end = state.pick(")", "）");
        Some(view! { " " {at} <code>{text}</code> {end} })
    });
    view! {
        <p class="cause">
            {state.pick("Cause: ", "来由：")} {field.object.to_string()} " " <code>{field.path.to_string()}</code> {found}
        </p>
    }
}
