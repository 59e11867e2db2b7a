//! The cloud's firewall in the inspector: its rules and where they lead, a form that opens a port, and what stands open.

use kubehop::net::Doors;
use kubehop::object::{Kind, Opening, Ref};
use kubehop::session::{Command, Firewall, Ports};
use kubehop::shell::{Stream, exposed};
use kubehop::trace::{Outside, Reason, Trace};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::icons::{Icon, icon};
use super::stage_scenery::Scenery;
use super::state::State;
use super::words::Word;

/// What the firewall is called among the objects of the stage. No object has such a name.
pub fn key() -> Ref {
    Ref::new(Kind::Lab, "", "the firewall")
}

/// What a list of objects calls this one.
pub fn name_of(key: &Ref, state: State) -> String {
    if *key == self::key() { state.pick("Firewall", "防火墙").to_owned() } else { key.to_string() }
}

impl State {
    /// Changes the firewall, and says what came of it.
    fn turn(&self, change: Firewall) {
        let output = self.run(Command::Firewall(change)).output;
        let said = output.on(Stream::Out) + &output.on(Stream::Err);
        self.notice.set(said.trim().trim_start_matches("firewall: ").to_owned());
    }

    fn doors(&self) -> Option<Doors> {
        self.shown(|session| {
            let cluster = session.cluster();
            Some(Doors::of(cluster.store(), cluster.profile(), cluster.firewall()?))
        })
    }
}

/// The firewall's section of the inspector.
pub fn view(state: State, scenery: Scenery) -> impl IntoView {
    let doors = Memo::new(move |_| {
        scenery.scene.track();
        state.doors()
    });
    let link = move |key: Ref| {
        let name = format!("{} {}", key.kind.name(), key.name);
        view! { <button class="link" on:click=move |_| scenery.inspect(key.clone())>{name}</button> " " }
    };
    let rule = move |(opening, leads): (Opening, Vec<(u16, Ref)>)| {
        let ports = opening.ports();
        let nobody = leads.is_empty();
        let label = state.lang.get().pick(format!("Close {ports}"), format!("关闭 {ports}"));
        view! {
            <tr>
                <th scope="row" class="mono">{format!(":{ports}")}</th>
                <td class="mono">{opening.from.to_string()}</td>
                <td>
                    {leads.into_iter().map(|(_, key)| link(key)).collect_view()}
                    {nobody.then(|| view! { <span class="dim">{state.pick("no Service has it", "没有 Service 用它")}</span> })}
                </td>
                <td>
                    <button
                        class="btn ghost sq"
                        data-testid=format!("close-{ports}")
                        aria-label=label.clone()
                        title=label
                        on:click=move |_| state.turn(Firewall::Close(opening.into()))
                    >
                        {icon(Icon::Cross, 14)}
                    </button>
                </td>
            </tr>
        }
    };
    let balancer = move |(key, address, ports): (Ref, String, Vec<i32>)| {
        let ports: Vec<String> = ports.iter().map(|port| format!(":{port}")).collect();
        view! {
            <tr>
                <th scope="row" class="mono">{ports.join(" ")}</th>
                <td class="mono">{address}</td>
                <td>{link(key)} <span class="dim">{state.pick("load balancer", "负载均衡器")}</span></td>
                <td></td>
            </tr>
        }
    };
    let rows = move || {
        let doors = doors.get()?;
        if doors.rules.is_empty() && doors.balancers.is_empty() {
            return None;
        }
        let head = [("ports", "端口"), ("from or at", "来自或位于"), ("leads to", "通向")];
        Some(view! {
            <table class="ends" data-testid="firewall-rules">
                <thead class="vh">
                    <tr>
                        {head.map(|(en, zh)| view! { <th scope="col">{state.pick(en, zh)}</th> })}
                        <td></td>
                    </tr>
                </thead>
                <tbody>
                    {doors.rules.into_iter().map(rule).collect_view()}
                    {doors.balancers.into_iter().map(balancer).collect_view()}
                </tbody>
            </table>
        })
    };
    let told = move || doors.get().map(|doors| exposed(&doors, state.lang.get()).join(state.pick("; ", "；")));
    view! {
        <section class="object firewall" data-object="firewall">
            <h2>
                {move || state.pick("Firewall", "防火墙")}
                <button
                    class="btn ghost sq close"
                    aria-label=move || state.say(Word::Close)
                    on:click=move |_| scenery.object.set(None)
                >
                    {icon(Icon::Cross, 16)}
                </button>
            </h2>
            <p class="why">
                {move || state.pick(
                    "It stands before all nodes and drops, without a word, what no rule lets in. A port that it opens is open on every node.",
                    "它站在所有节点前面，没有规则放行的一律静默丢弃。它打开的端口，在每个节点上都是开的。",
                )}
            </p>
            <p class="exposed"><b>{move || state.pick("Exposed: ", "对外暴露：")}</b> <span data-testid="exposed">{told}</span></p>
            {rows}
            {form(state)}
        </section>
    }
}

/// Opens a port.
fn form(state: State) -> impl IntoView {
    let (ports, from) = (RwSignal::new(String::new()), RwSignal::new("0.0.0.0/0".to_owned()));
    let read = move || Opening::read(&ports.get(), &from.get());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let asked =
            Ports { ports: ports.get_untracked().trim().to_owned(), from: from.get_untracked().trim().to_owned() };
        if untrack(read).is_some() {
            state.turn(Firewall::Open(asked));
            ports.set(String::new());
        }
    };
    view! {
        <form class="acts open-port" on:submit=submit>
            <label>
                <span>{move || state.pick("Ports", "端口")}</span>
                <input
                    class="field mono"
                    data-testid="open-ports"
                    size="11"
                    placeholder="30001-30003"
                    autocomplete="off"
                    prop:value=move || ports.get()
                    on:input=move |event| ports.set(event_target_value(&event))
                />
            </label>
            <label>
                <span>{move || state.pick("from", "来自")}</span>
                <input
                    class="field mono"
                    data-testid="open-from"
                    size="15"
                    autocomplete="off"
                    prop:value=move || from.get()
                    on:input=move |event| from.set(event_target_value(&event))
                />
            </label>
            <button class="btn" data-testid="open-port" disabled=move || read().is_none()>
                {move || state.pick("Open", "打开")}
            </button>
        </form>
    }
}

/// Of a hop at which the firewall dropped a packet: the offer to let such packets in.
pub fn offer(state: State, scenery: Scenery, trace: &Trace, hop: usize) -> Option<impl IntoView + use<>> {
    let Reason::Outside(Outside::FirewallDrops { port, .. }) = trace.hops.get(hop)?.because.reason else { return None };
    let label = move || state.lang.get().pick(format!("Open port {port}"), format!("打开端口 {port}"));
    (port > 0).then(|| {
        view! {
            <div class="acts">
                <button class="btn" data-testid="offer-port" on:click=move |_| state.turn(Firewall::Open(Ports::new(port.to_string())))>
                    {label}
                </button>
                <button class="btn ghost" on:click=move |_| scenery.inspect(key())>
                    {move || state.pick("See the firewall", "查看防火墙")}
                </button>
            </div>
        }
    })
}
