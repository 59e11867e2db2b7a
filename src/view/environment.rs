//! The environment menu: which cluster, which rules, which seed. Choosing starts anew; undo brings back what was there.

use kubehop::object::{Host, Profile, ProxyMode};
use kubehop::session::Session;
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;

use super::icons::{Icon, icon};
use super::state::{State, use_state};
use super::stories::Desk;
use super::terminal::Transcript;
use super::words::Word;

/// A session that another took the place of.
#[derive(Clone)]
pub struct Past {
    session: Session,
    transcripts: Vec<Transcript>,
    /// How long the new session's log was when it began: undo that goes further back brings this one back.
    floor: usize,
    /// What stood beside it, if that changed with it.
    desk: Option<Desk>,
}

/// How many sessions are kept to go back to.
const PASTS: usize = 3;

impl State {
    /// Another cluster in the session's place, with the same files applied; [`State::undo`] brings this one back.
    pub fn start_anew(&self, profile: Profile, seed: u64) {
        let past = self.past_now(None);
        self.replace(profile, seed);
        self.push_past(past, self.session.with_untracked(|session| session.log().len()));
    }

    /// The session that another is about to take the place of.
    pub(super) fn past_now(&self, desk: Option<Desk>) -> Past {
        let (session, transcripts) = (self.session.get_untracked(), self.transcripts.get_untracked());
        Past { session, transcripts, floor: 0, desk }
    }

    /// Keeps it to go back to, from a session whose log is `floor` long.
    pub(super) fn push_past(&self, past: Past, floor: usize) {
        self.past.update(|all| {
            all.push(Past { floor, ..past });
            if all.len() > PASTS {
                all.remove(0);
            }
        });
    }

    /// Puts a session back in its place; gives the length of its log.
    pub(super) fn go_back_to(&self, past: Past) -> usize {
        let length = past.session.log().len();
        self.restore(past.session);
        self.transcripts.set(past.transcripts);
        if let Some(desk) = past.desk {
            self.clear_for(desk);
        }
        length
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        self.session.with(|session| !session.log().is_empty()) || self.past.with(|past| !past.is_empty())
    }

    /// Brings the last environment back, if nothing was done in this one.
    pub(super) fn leave_environment(&self) -> bool {
        let length = self.session.with_untracked(|session| session.log().len());
        let is_fresh = self.past.with_untracked(|past| past.last().is_some_and(|past| length <= past.floor));
        if !is_fresh {
            return false;
        }
        let Some(past) = self.past.try_update(Vec::pop).flatten() else { return false };
        self.go_back_to(past);
        true
    }
}

/// The name of a mode, as kube-proxy's flag has it.
pub fn mode_name(mode: ProxyMode) -> &'static str {
    match mode {
        ProxyMode::Iptables => "iptables",
        ProxyMode::Nftables => "nftables",
    }
}

/// What an environment is, in a few words.
fn about(name: &str, state: State) -> &'static str {
    match name {
        "minikube" => state.pick("one node beside your laptop", "一个节点，就在你的电脑旁"),
        "multinode" => state.pick("minikube with three nodes", "三个节点的 minikube"),
        "cloud" => state.pick(
            "three nodes in two zones, a firewall, load balancers",
            "两个可用区里的三个节点，有防火墙和负载均衡器",
        ),
        _ => "",
    }
}

fn about_mode(mode: ProxyMode, state: State) -> &'static str {
    match mode {
        ProxyMode::Iptables => state.pick("the default of Kubernetes 1.37", "Kubernetes 1.37 的默认模式"),
        ProxyMode::Nftables => state.pick("the default to come", "将来的默认模式"),
    }
}

/// The button in the top bar, and what it opens.
#[component]
pub fn Environment() -> impl IntoView {
    let state = use_state();
    let form = NodeRef::<html::Form>::new();
    let now = Memo::new(move |_| state.session.with(|session| (session.profile().clone(), session.seed())));
    let wished = RwSignal::new(now.get_untracked());
    let seed = RwSignal::new(String::new());
    // What is chosen follows the session until somebody chooses otherwise.
    Effect::new(move |_| {
        let (profile, number) = now.get();
        seed.set(number.to_string());
        wished.set((profile, number));
    });
    let differs = move || {
        let number = seed.with(|seed| seed.trim().parse::<u64>().ok());
        let (profile, before) = now.get();
        number.is_some_and(|number| number != before) || wished.with(|(wished, _)| *wished != profile)
    };
    let name = move || wished.with(|(profile, _)| profile.name.clone());
    let mode = move || wished.with(|(profile, _)| profile.proxy_mode);
    let choose = move |name: &str| {
        if let Some(mut profile) = Profile::named(name) {
            profile.proxy_mode = mode();
            wished.update(|wished| wished.0 = profile);
        }
    };
    let close = move || {
        if let Some(form) = form.get_untracked() {
            let _ = form.hide_popover();
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Ok(seed) = seed.get_untracked().trim().parse() {
            let profile = wished.with_untracked(|(profile, _)| profile.clone());
            close();
            state.start_anew(profile, seed);
            state.notice.set(
                state
                    .pick("A fresh cluster. Undo brings the last one back.", "集群已重新开始。撤销可以回到之前的集群。")
                    .to_owned(),
            );
        }
    };
    let choice =
        move |group: &'static str, value: &'static str, about: fn(&str, State) -> &'static str, on: Signal<bool>| {
            view! {
                <label class="choice">
                    <input
                        type="radio"
                        name=group
                        value=value
                        data-testid=format!("{group}-{value}")
                        prop:checked=on
                        on:change=move |_| match value {
                            "iptables" => wished.update(|wished| wished.0.proxy_mode = ProxyMode::Iptables),
                            "nftables" => wished.update(|wished| wished.0.proxy_mode = ProxyMode::Nftables),
                            name => choose(name),
                        }
                    />
                    <span>
                        <b>{value}</b>
                        <small>{move || about(value, state)}</small>
                    </span>
                </label>
            }
        };
    let modes = [ProxyMode::Iptables, ProxyMode::Nftables].map(|each| {
        let about = |value: &str, state| {
            about_mode(if value == "nftables" { ProxyMode::Nftables } else { ProxyMode::Iptables }, state)
        };
        choice("mode", mode_name(each), about, Signal::derive(move || mode() == each))
    });
    view! {
        <button
            class="btn ghost env"
            data-testid="environment"
            popovertarget="environment"
            aria-label=move || format!("{}: {} / {}", state.say(Word::Environment), now.get().0.name, mode_name(now.get().0.proxy_mode))
        >
            <b>{move || now.get().0.name}</b>
            <span class="sep-slash" aria-hidden="true">"/"</span>
            {move || mode_name(now.get().0.proxy_mode)}
            {icon(Icon::Down, 14)}
        </button>
        <form popover="auto" id="environment" class="pop environment" node_ref=form on:submit=submit aria-label=move || state.say(Word::Environment)>
            <fieldset>
                <legend>{move || state.pick("Cluster", "集群")}</legend>
                {Profile::NAMES.map(|each| choice("profile", each, about, Signal::derive(move || name() == each))).collect_view()}
            </fieldset>
            <fieldset>
                <legend>{move || state.pick("Mode of kube-proxy", "kube-proxy 模式")}</legend>
                {modes.collect_view()}
            </fieldset>
            <div class="choice" hidden=move || wished.with(|(profile, _)| profile.host == Host::Remote)>
                <input
                    type="checkbox"
                    id="docker-desktop"
                    data-testid="docker-desktop"
                    prop:checked=move || wished.with(|(profile, _)| profile.host == Host::DockerDesktop)
                    on:change=move |event| {
                        let host = if event_target_checked(&event) { Host::DockerDesktop } else { Host::Linux };
                        wished.update(|wished| wished.0.host = host);
                    }
                />
                <label for="docker-desktop">
                    "Docker Desktop"
                    <small>
                        {move || state.pick(
                            "the nodes are in a virtual machine: your laptop has no way to their addresses",
                            "节点在虚拟机里：你的电脑到不了它们的地址",
                        )}
                    </small>
                </label>
            </div>
            <label class="seed">
                <span>{move || state.say(Word::Seed)}</span>
                <input
                    data-testid="seed"
                    inputmode="numeric"
                    size="6"
                    prop:value=move || seed.get()
                    on:input=move |event| seed.set(event_target_value(&event))
                />
                <small>{move || state.pick("decides names, addresses and every draw", "决定名字、地址和每一次随机选择")}</small>
            </label>
            <p class="caution">
                {icon(Icon::Warning, 16)}
                <span>
                    {move || state.pick(
                        "This starts a new cluster and applies your files again. What was done by hand is gone; Undo brings it back.",
                        "这会启动一个全新的集群，并重新应用你的文件。手动做过的事会消失；撤销可以恢复。",
                    )}
                </span>
            </p>
            <div class="acts">
                <button class="btn pri" data-testid="start-anew" disabled=move || !differs()>
                    {move || state.pick("Start anew", "重新开始")}
                </button>
                <button type="button" class="btn" on:click=move |_| close()>
                    {move || state.say(Word::Close)}
                </button>
            </div>
        </form>
    }
}
