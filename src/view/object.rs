//! An object in the inspector: a Service peeled ring by ring, a node with its rules and connections, a pod.

use kubehop::net;
use kubehop::object::{FieldRef, Kind, Profile, ProxyMode, Ref, Service};
use kubehop::scene::Room;
use kubehop::scene::service::{self, End, Ring};
use kubehop::scene::subject;
use kubehop::shell::{self, Files, Stream, Terminal};
use kubehop::trace::Place;
use leptos::prelude::*;

use super::environment::mode_name;
use super::ingress;
use super::inspector::cause_link;
use super::stage_scenery::Scenery;
use super::stage_svg::mark_shape;
use super::state::State;
use super::{deeds, icons, why};

/// More lines than this are not shown at once.
const MOST_LINES: usize = 400;

/// The object's section of the inspector.
pub fn view(state: State, scenery: Scenery, key: Ref) -> impl IntoView {
    let of = |key: &Ref| key.clone();
    let (shown, acted, marked, looked) = (of(&key), of(&key), of(&key), of(&key));
    let facts = Memo::new(move |_| {
        scenery.scene.track();
        let lang = state.lang.get();
        state.shown_untracked(|session| subject::facts(session.cluster().store(), &shown, lang))
    });
    let mark = move || scenery.marks.with(|marks| marks.get(&marked)).map(|mark| mark_shape(Some(mark), false));
    let alive = Memo::new(move |_| {
        scenery.scene.track();
        state.shown_untracked(|session| session.cluster().store().get(&looked).is_some())
    });
    let body = match key.kind {
        Kind::Service => service_view(state, scenery, key.clone()).into_any(),
        Kind::Node => node_view(state, scenery, key.name.to_string()).into_any(),
        Kind::Ingress => ingress::view(state, scenery, key.clone()).into_any(),
        _ => ().into_any(),
    };
    view! {
        <section class="object" data-object=key.to_string()>
            <h2>
                {move || mark().map(|shape| view! { <svg class="hb" width="22" height="22" viewBox="-11 -11 22 22" aria-hidden="true" inner_html=shape></svg> })}
                {format!("{} {}", key.kind.name(), key.name)}
                <button
                    class="btn ghost sq close"
                    aria-label=move || state.pick("Close", "关闭")
                    on:click=move |_| {
                        state.why.field.set(None);
                        scenery.object.set(None);
                    }
                >
                    {icons::icon(icons::Icon::Cross, 16)}
                </button>
            </h2>
            {why::sentence(state, scenery, key.clone())}
            {move || alive.get().then(|| deeds::buttons(state, scenery, acted.clone()))}
            <dl class="facts2">
                {move || {
                    facts
                        .get()
                        .into_iter()
                        .map(|fact| {
                            let class = if fact.bad { "bad" } else { "" };
                            let mono = if fact.mono { "mono" } else { "" };
                            view! {
                                <dt>{fact.name}</dt>
                                <dd class=class>
                                    {fact.lines.into_iter().map(|line| view! { <div class=mono>{line}</div> }).collect_view()}
                                </dd>
                            }
                        })
                        .collect_view()
                }}
            </dl>
            {body}
            {ingress::addon(state, &key)}
        </section>
    }
}

fn service_view(state: State, scenery: Scenery, key: Ref) -> impl IntoView {
    let of = |key: &Ref| key.clone();
    let (peeled, ended, ruled, field) = (of(&key), of(&key), of(&key), of(&key));
    let rings = Memo::new(move |_| {
        scenery.scene.track();
        let lang = state.lang.get();
        state.shown_untracked(|session| service::rings(session.cluster().store(), &peeled, lang))
    });
    let ends = Memo::new(move |_| {
        scenery.scene.track();
        let lang = state.lang.get();
        state.shown_untracked(|session| {
            scenery.marks.with(|marks| service::ends(session.cluster().store(), marks, &ended, lang))
        })
    });
    let asked = key.clone();
    let health = Memo::new(move |_| state.shown(|session| session.cluster().flows().health().of(&asked).to_vec()));
    let policies = Memo::new(move |_| {
        scenery.scene.track();
        let lang = state.lang.get();
        state.shown_untracked(|session| {
            let object = session.cluster().store().get(&ruled);
            object.and_then(|o| o.body::<Service>()).map(|s| service::policies(s, lang)).unwrap_or_default()
        })
    });
    view! {
        <h3>{move || state.pick("Ways in, ring by ring", "一环套一环的入口")}</h3>
        {move || nested(&rings.get(), ends.with(|ends| ends.iter().filter(|end| end.is_ready).count()), state)}
        <h3>{move || state.pick("Endpoints", "端点")}</h3>
        {move || endpoints(state, scenery, ends.get())}
        {move || {
            let opinions = health.get();
            (!opinions.is_empty()).then(|| health_view(state, opinions))
        }}
        {move || {
            let said = policies.get();
            (!said.is_empty())
                .then(|| {
                    let field = field.clone();
                    let row = move |(path, sentence): (&'static str, String)| {
                        view! {
                            <li>
                                {sentence} " " {cause_link(state, FieldRef::new(field.clone(), path))}
                            </li>
                        }
                    };
                    view! {
                        <h3>{state.pick("Policies", "策略")}</h3>
                        <ul class="policies">{said.into_iter().map(row).collect_view()}</ul>
                    }
                })
        }}
        {ingress::leading_here(state, scenery, key.clone())}
        {rules_view(state, scenery, key)}
    }
}

/// Rings, one in another; in the innermost how many pods there are.
fn nested(rings: &[Ring], ready: usize, state: State) -> AnyView {
    let Some((ring, inner)) = rings.split_first() else {
        let text = state.lang.get().pick(format!("{ready} ready"), format!("{ready} 个就绪"));
        return view! { <span class="core">{text}</span> }.into_any();
    };
    let class = if ring.is_pending { "ring-box pending" } else { "ring-box" };
    let is_name = ring.name == "ExternalName";
    view! {
        <div class=class>
            <div>
                <b>{ring.name}</b> <code>{ring.addresses.join("  ")}</code> <span class="dim">{ring.about}</span>
            </div>
            {(!is_name).then(|| nested(inner, ready, state))}
        </div>
    }
    .into_any()
}

fn endpoints(state: State, scenery: Scenery, ends: Vec<End>) -> AnyView {
    if ends.is_empty() {
        return view! { <p class="bad mono">"<none>"</p> }.into_any();
    }
    let more = ends.len().saturating_sub(MOST_LINES);
    let row = |end: End| {
        let shape = mark_shape(end.mark, false);
        let who = match end.pod.clone() {
            Some(pod) => {
                let name = pod.name.to_string();
                view! { <button class="link" on:click=move |_| scenery.inspect(pod.clone())>{name}</button> }.into_any()
            }
            None => view! { <span class="dim">{state.pick("no pod", "不是 Pod")}</span> }.into_any(),
        };
        view! {
            <tr class:out=!end.is_ready>
                <td><svg class="hb" width="20" height="20" viewBox="-11 -11 22 22" aria-hidden="true" inner_html=shape></svg></td>
                <td class="mono">{end.address}</td>
                <td>{who}</td>
                <td>{end.node}</td>
                <td>{end.state}</td>
            </tr>
        }
    };
    let rows = ends.into_iter().take(MOST_LINES).map(row).collect_view();
    view! {
        <table class="ends">
            <thead class="vh">
                <tr>
                    <td></td>
                    <th scope="col">{state.pick("address", "地址")}</th>
                    <th scope="col">"Pod"</th>
                    <th scope="col">{state.pick("node", "节点")}</th>
                    <th scope="col">{state.pick("condition", "状况")}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {(more > 0).then(|| view! { <p class="dim">{format!("+{more}")}</p> })}
    }
    .into_any()
}

/// What its load balancer thinks of each node.
fn health_view(state: State, opinions: Vec<net::Opinion>) -> impl IntoView {
    let row = |opinion: net::Opinion| {
        let (sign, said) = match (opinion.healthy, opinion.failures) {
            (true, 0) => (icons::Icon::Check, state.pick("healthy", "健康").to_owned()),
            (true, n) => (
                icons::Icon::Check,
                state.lang.get().pick(format!("healthy, {n} failures in a row"), format!("健康，连续失败 {n} 次")),
            ),
            (false, _) => {
                (icons::Icon::Cross, state.pick("unhealthy: gets nothing", "不健康：什么都不会发给它").to_owned())
            }
        };
        view! {
            <tr class:out=!opinion.healthy>
                <td>{icons::icon(sign, 16)}</td>
                <td>{opinion.node.to_string()}</td>
                <td>{said}</td>
            </tr>
        }
    };
    view! {
        <h3>{state.pick("Health checks of its load balancer", "负载均衡器的健康检查")}</h3>
        <table class="ends" data-testid="health"><tbody>{opinions.into_iter().map(row).collect_view()}</tbody></table>
    }
}

/// A Service's rules on a node of the reader's choice, in either mode.
fn rules_view(state: State, scenery: Scenery, key: Ref) -> impl IntoView {
    let open = RwSignal::new(false);
    let nodes = Memo::new(move |_| {
        scenery.scene.with(|scene| scene.rooms.iter().flat_map(Room::nodes).map(str::to_owned).collect::<Vec<_>>())
    });
    let node = RwSignal::new(nodes.with_untracked(|nodes| nodes.first().cloned().unwrap_or_default()));
    let own = move || state.shown(|session| session.profile().proxy_mode);
    let mode = RwSignal::new(untrack(own));
    let lines = Memo::new(move |_| {
        if !open.get() {
            return Vec::new();
        }
        scenery.scene.track();
        let (node, mode) = (node.get(), mode.get());
        state.shown_untracked(|session| {
            let cluster = session.cluster();
            let profile = Profile { proxy_mode: mode, ..cluster.profile().clone() };
            net::excerpt(&net::compile(cluster.store(), &profile), &node, &key)
        })
    });
    let list = move || {
        let lines = lines.get();
        if open.get() && lines.is_empty() {
            return view! { <p class="dim">{state.pick("No rule: kube-proxy does nothing for it.", "没有规则：kube-proxy 不为它做任何事。")}</p> }
                .into_any();
        }
        let row = |line: net::Line| {
            let cause = line.cause.filter(|cause| state.line_of(cause).is_some());
            let own = cause.clone();
            // The field with the accent, or one in it, made the rule.
            let mine = move || state.why.is_about(own.as_ref());
            view! {
                <li class:mine=mine>
                    <code>{line.text}</code>
                    {cause.map(|cause| cause_link(state, cause))}
                </li>
            }
        };
        view! { <ol class="rules">{lines.into_iter().take(MOST_LINES).map(row).collect_view()}</ol> }.into_any()
    };
    let modes = [ProxyMode::Iptables, ProxyMode::Nftables].map(|each| {
        view! {
            <button
                class="btn ghost"
                data-testid=format!("rules-{}", mode_name(each))
                aria-pressed=move || (mode.get() == each).to_string()
                on:click=move |_| mode.set(each)
            >
                {mode_name(each)}
            </button>
        }
    });
    view! {
        <details class="fold" data-testid="rules" on:toggle=move |event| {
            open.set(event_target::<web_sys::Element>(&event).has_attribute("open"));
        }>
            <summary>{move || state.pick("Its rules in a kernel", "它在内核里的规则")}</summary>
            <div class="acts">
                <select class="field" aria-label=move || state.pick("Node", "节点") on:change=move |event| node.set(event_target_value(&event))>
                    {move || nodes.get().into_iter().map(|name| view! { <option value=name.clone()>{name.clone()}</option> }).collect_view()}
                </select>
                {modes.collect_view()}
            </div>
            <p class="dim">
                {move || {
                    (mode.get() != own())
                        .then(|| state.pick(
                            "What kube-proxy would write in the other mode; this cluster's kernels do not hold it.",
                            "这是 kube-proxy 在另一种模式下会写的规则，本集群的内核里没有。",
                        ))
                }}
            </p>
            {list}
        </details>
    }
}

/// What a tool prints on a node, of which the cluster itself learns nothing.
fn printed(state: State, node: &str, line: &str) -> String {
    state.shown_untracked(|session| {
        let mut cluster = session.cluster().clone();
        let mut terminal = Terminal::new(state.lang.get_untracked());
        terminal.places.push(Place::Node(node.into()));
        let output = shell::run(&mut cluster, &mut terminal, &mut Files::new(), line);
        output.on(Stream::Out) + &output.on(Stream::Err)
    })
}

fn node_view(state: State, scenery: Scenery, name: String) -> impl IntoView {
    let rules = move || match state.shown(|session| session.profile().proxy_mode) {
        ProxyMode::Iptables => "sudo iptables-save",
        ProxyMode::Nftables => "sudo nft list ruleset",
    };
    view! {
        {output_view(state, scenery, name.clone(), rules, "node-rules", ("Its rules", "它的规则"))}
        {output_view(state, scenery, name, || "sudo conntrack -L", "node-conntrack", ("Connections that it remembers", "它记住的连接"))}
    }
}

/// A tool's output on a node, folded, with a field to search it.
fn output_view(
    state: State,
    scenery: Scenery,
    node: String,
    line: impl Fn() -> &'static str + Copy + Send + Sync + 'static,
    id: &'static str,
    title: (&'static str, &'static str),
) -> impl IntoView {
    let open = RwSignal::new(false);
    let wanted = RwSignal::new(String::new());
    let text = Memo::new(move |_| {
        scenery.scene.track();
        state.playing.track();
        state.revision.track();
        if open.get() { printed(state, &node, line()) } else { String::new() }
    });
    let found = move || {
        let wanted = wanted.get();
        text.with(|text| {
            let mut lines = text.lines().filter(|line| wanted.is_empty() || line.contains(wanted.trim()));
            let shown: Vec<&str> = lines.by_ref().take(MOST_LINES).collect();
            let more = lines.count();
            let rest = if more > 0 { format!("\n… +{more}") } else { String::new() };
            shown.join("\n") + &rest
        })
    };
    view! {
        <details class="fold" data-testid=id on:toggle=move |event| {
            open.set(event_target::<web_sys::Element>(&event).has_attribute("open"));
        }>
            <summary>{move || state.pick(title.0, title.1)} " " <code>{line}</code></summary>
            <input
                class="field mono"
                type="search"
                aria-label=move || state.pick("Lines that contain", "只看包含它的行")
                placeholder=move || state.pick("search", "搜索")
                prop:value=move || wanted.get()
                on:input=move |event| wanted.set(event_target_value(&event))
            />
            <pre class="out" tabindex="0">{found}</pre>
        </details>
    }
}
