//! The row below the stage that sends requests: from where, to what, how many or how many a second; and the same as a line of curl.

use std::collections::BTreeMap;

use kubehop::object::{Host, Kind, Pod};
use kubehop::scene::target::{self, Target};
use kubehop::session::{Command, Requests};
use kubehop::trace::Place;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::browser;
use super::icons::{Icon, icon};
use super::stage_scenery::{Scenery, use_scenery};
use super::state::{State, use_state};
use super::words::Word;

/// What the row holds.
#[derive(Clone, Copy)]
pub struct Traffic {
    /// Where from, as traces name places.
    pub from: RwSignal<String>,
    /// The URL.
    pub url: RwSignal<String>,
    /// Whether somebody wrote the URL; else it follows the Service in focus.
    own: RwSignal<bool>,
    count: RwSignal<u32>,
    /// Whether so many are sent each second until the reader stops them; else so many at once.
    steady: RwSignal<bool>,
    method: RwSignal<String>,
    /// Header lines as they are typed.
    headers: RwSignal<String>,
    /// Whether all requests share one connection.
    keep_alive: RwSignal<bool>,
}

/// More sources than this make no list to choose from.
const MOST_PODS: usize = 40;

impl Traffic {
    /// Nothing sent yet: one request from the laptop to what is in focus.
    pub fn new() -> Self {
        Self {
            from: RwSignal::new("laptop".to_owned()),
            url: RwSignal::new(String::new()),
            own: RwSignal::new(false),
            count: RwSignal::new(9),
            steady: RwSignal::new(false),
            method: RwSignal::new("GET".to_owned()),
            headers: RwSignal::new(String::new()),
            keep_alive: RwSignal::new(false),
        }
    }

    /// From now on requests start here.
    pub fn start_from(self, place: &Place) {
        self.from.set(place.to_string());
        self.own.set(false);
    }

    /// From now on requests go to what is in focus.
    pub fn follow_focus(self) {
        self.own.set(false);
    }

    /// The row says what was sent.
    pub fn take(self, sent: &Requests) {
        self.from.set(sent.from.clone());
        self.url.set(sent.url.clone());
        self.own.set(true);
        self.count.set(sent.count);
        self.steady.set(false);
        self.method.set(if sent.method.is_empty() { "GET".to_owned() } else { sent.method.clone() });
        let lines: Vec<String> = sent.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        self.headers.set(lines.join("\n"));
        self.keep_alive.set(sent.keep_alive);
    }

    fn requests(self) -> Requests {
        let method = self.method.get();
        let lines = self.headers.get();
        let pairs = lines.lines().filter_map(|line| line.split_once(':'));
        let headers: BTreeMap<_, _> = pairs.map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned())).collect();
        Requests {
            from: self.from.get(),
            url: self.url.get().trim().to_owned(),
            count: self.count.get(),
            method: if method == "GET" { String::new() } else { method },
            headers,
            keep_alive: self.keep_alive.get(),
        }
    }

    /// Sends what the row says, or begins to; stops what goes on.
    pub fn send(self, state: State) {
        if state.session.with_untracked(|session| session.traffic().is_some()) {
            state.run(Command::Stop);
            return;
        }
        let requests = untrack(|| self.requests());
        if requests.url.is_empty() {
            return;
        }
        let reply = state.run(match self.steady.get_untracked() {
            true => Command::Start(requests),
            false => Command::Request(requests),
        });
        let said = reply.output.on(kubehop::shell::Stream::Err);
        if reply.traces.is_empty() && !said.is_empty() {
            state.notice.set(said.trim_start_matches("kubehop: ").trim().to_owned());
        }
    }
}

/// Where requests can start.
fn sources(state: State) -> Vec<Place> {
    state.session.with(|session| {
        let profile = session.profile();
        let mut sources = vec![Place::Laptop];
        if profile.host == Host::Remote {
            sources.push(Place::Internet);
        }
        let store = session.cluster().store();
        let nodes = store.list(Kind::Node, None).map(|node| Place::Node(node.meta.name.as_str().into()));
        sources.extend(nodes);
        let pods = store.all::<Pod>().filter(|(meta, pod)| {
            pod.status.phase == "Running" && !meta.namespace.starts_with("kube-") && meta.deletion_timestamp.is_none()
        });
        let pods = pods.map(|(meta, _)| Place::Pod(meta.namespace.as_str().into(), meta.name.as_str().into()));
        sources.extend(pods.take(MOST_PODS));
        sources
    })
}

fn name_of(place: &Place, state: State) -> String {
    match place {
        Place::Laptop => state.pick("laptop", "你的电脑").to_owned(),
        Place::Internet => state.pick("internet", "互联网").to_owned(),
        Place::Node(name) => state.lang.get().pick(format!("node {name}"), format!("节点 {name}")),
        Place::Pod(namespace, name) if **namespace == *"default" => format!("Pod {name}"),
        other => other.to_string(),
    }
}

/// The same in little space: of a pod's name, the ends.
fn short_name(place: &Place, state: State) -> String {
    match place {
        Place::Node(name) => name.to_string(),
        Place::Pod(_, name) if name.chars().count() > LONG => {
            let tail: String = name.chars().skip(name.chars().count() - 6).collect();
            name.chars().take(LONG - 7).chain(['…']).collect::<String>() + &tail
        }
        Place::Pod(_, name) => name.to_string(),
        _ => name_of(place, state),
    }
}

/// A name with more letters than this is cut.
const LONG: usize = 14;

/// The line of curl that sends the same; where it is steady, so many a second.
pub fn curl_line(requests: &Requests, steady: bool) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%=@,+".contains(c);
    let url = if requests.url.chars().all(plain) { requests.url.clone() } else { quoted(&requests.url) };
    let quiet = if requests.count > 1 || steady { "-s " } else { "" };
    let mut curl = format!("curl {quiet}-m 2 ");
    if !requests.method.is_empty() {
        curl += &format!("-X {} ", requests.method);
    }
    for (name, value) in &requests.headers {
        curl += &format!("-H {} ", quoted(&format!("{name}: {value}")));
    }
    // curl keeps its connection from one URL to the next.
    let kept = requests.keep_alive && requests.count > 1 && !steady;
    curl += &vec![url.as_str(); if kept { requests.count as usize } else { 1 }].join(" ");
    let whole = match Place::parse(&requests.from) {
        Some(Place::Node(node)) => format!("minikube ssh -n {node} -- {curl}"),
        Some(Place::Pod(namespace, pod)) if *namespace == *"default" => format!("kubectl exec {pod} -- {curl}"),
        Some(Place::Pod(namespace, pod)) => format!("kubectl exec -n {namespace} {pod} -- {curl}"),
        _ => curl,
    };
    match requests.count {
        n if steady => {
            // Another shell reads what watch is given.
            let whole = if whole.contains('\'') { quoted(&whole) } else { whole };
            format!("watch -n {} {whole}", f64::from(1000 / n.max(1)) / 1000.0)
        }
        _ if kept => whole,
        1 => whole,
        n => format!("for i in $(seq {n}); do {whole}; done"),
    }
}

fn targets(state: State, scenery: Scenery, from: &str) -> Vec<Target> {
    let (focus, lang) = (scenery.focus.get(), state.lang.get());
    let from = Place::parse(from).unwrap_or(Place::Laptop);
    scenery.scene.track();
    state.session.with_untracked(|session| target::targets(session.cluster().store(), focus.as_ref(), &from, lang))
}

/// The row.
#[component]
pub fn TrafficBar() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let Traffic { from, url, own, count, steady, method, headers, keep_alive } = state.traffic;
    let going = Memo::new(move |_| state.session.with(|session| session.traffic().map(|requests| requests.count)));
    let known = Memo::new(move |_| sources(state));
    // A source that is gone is no source.
    Effect::new(move |_| {
        let there = known.with(|known| known.iter().any(|place| place.to_string() == from.get()));
        if !there {
            from.set("laptop".to_owned());
        }
    });
    let offers = Memo::new(move |_| targets(state, scenery, &from.get()));
    Effect::new(move |_| {
        let first = offers.with(|offers| offers.first().map(|target| target.url.clone()));
        if !own.get() {
            url.set(first.unwrap_or_default());
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        state.traffic.send(state);
        // The packets are what one wants to see now.
        scenery.object.set(None);
    };
    let options = move || {
        let chosen = from.get();
        let option = |place: Place| {
            let value = place.to_string();
            let selected = value == chosen;
            let (name, whole) = (short_name(&place, state), name_of(&place, state));
            view! { <option value=value selected=selected title=whole>{name}</option> }
        };
        let known = known.get();
        let group = |en: &'static str, zh: &'static str, is: fn(&Place) -> bool| {
            let own = known.iter().filter(|place| is(place)).cloned().map(option).collect_view();
            view! { <optgroup label=state.pick(en, zh)>{own}</optgroup> }
        };
        (
            group("Outside", "集群之外", |place| matches!(place, Place::Laptop | Place::Internet)),
            group("Nodes", "节点", |place| matches!(place, Place::Node(_))),
            group("Pods", "Pod", |place| matches!(place, Place::Pod(..))),
        )
    };
    let chosen = move || Place::parse(&from.get()).map(|place| name_of(&place, state)).unwrap_or_default();
    let offered = move || {
        offers.get().into_iter().map(|target| view! { <option value=target.url>{target.what}</option> }).collect_view()
    };
    let amounts = [1, 3, 9, 60, 300].map(|n| (n, false)).into_iter().chain([1, 5, 10].map(|n| (n, true)));
    let amounts = amounts.map(|(n, each_second)| {
        let (value, said) = match each_second {
            true => (format!("{n}/s"), format!("{n} / s")),
            false => (n.to_string(), format!("× {n}")),
        };
        view! { <option value=value selected=move || count.get() == n && steady.get() == each_second>{said}</option> }
    });
    let amounts: Vec<_> = amounts.collect();
    let line = move || curl_line(&state.traffic.requests(), steady.get());
    let copied = RwSignal::new(false);
    view! {
        <form class="traffic" data-testid="traffic" on:submit=submit aria-label=move || state.pick("Send requests", "发送请求")>
            <select
                class="field"
                data-testid="traffic-from"
                title=chosen
                aria-label=move || state.pick("From", "来源")
                on:change=move |event| {
                    from.set(event_target_value(&event));
                }
            >
                {options}
            </select>
            <span class="to" aria-hidden="true">"→"</span>
            <input
                class="field mono"
                data-testid="traffic-url"
                list="traffic-targets"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-label=move || state.pick("URL, or HOST:PORT", "URL 或 主机:端口")
                placeholder=move || state.pick("no Service yet: http://…", "还没有 Service：http://…")
                prop:value=move || url.get()
                on:input=move |event| {
                    let text = event_target_value(&event);
                    own.set(!text.is_empty());
                    url.set(text);
                }
            />
            <datalist id="traffic-targets">{offered}</datalist>
            <select
                class="field count"
                data-testid="traffic-count"
                aria-label=move || state.pick("How many", "数量")
                on:change=move |event| {
                    let value = event_target_value(&event);
                    steady.set(value.ends_with("/s"));
                    count.set(value.trim_end_matches("/s").parse().unwrap_or(1));
                }
            >
                {amounts}
            </select>
            <button
                class="btn"
                data-testid="traffic-send"
                aria-describedby="traffic-going"
                disabled=move || going.get().is_none() && url.with(|url| url.trim().is_empty())
            >
                {move || match (going.get(), steady.get()) {
                    (Some(_), _) => state.pick("Stop", "停止"),
                    (None, true) => state.pick("Start", "开始"),
                    (None, false) => state.pick("Send", "发送"),
                }}
            </button>
            <span class="vh" id="traffic-going" role="status">
                {move || going.get().map(|n| state.lang.get().pick(format!("{n} a second are being sent"), format!("每秒正在发送 {n} 个")))}
            </span>
            <button
                type="button"
                class="btn ghost sq"
                data-testid="traffic-more"
                popovertarget="traffic-more"
                aria-label=move || state.pick("Method, headers, curl", "方法、请求头、curl")
            >
                {icon(Icon::More, 16)}
            </button>
            <div popover="auto" id="traffic-more" class="pop more" role="group" aria-label=move || state.pick("Method, headers, curl", "方法、请求头、curl")>
                <label>
                    <span>{move || state.pick("Method", "方法")}</span>
                    <select class="field" on:change=move |event| method.set(event_target_value(&event))>
                        {["GET", "HEAD", "POST", "PUT", "DELETE"].map(|each| view! { <option value=each selected=move || method.get() == each>{each}</option> })}
                    </select>
                </label>
                <label>
                    <span>{move || state.pick("Headers, a line each", "请求头，每行一个")}</span>
                    <textarea
                        class="field mono"
                        rows="2"
                        data-testid="traffic-headers"
                        spellcheck="false"
                        placeholder="Host: shop.example"
                        prop:value=move || headers.get()
                        on:input=move |event| headers.set(event_target_value(&event))
                    ></textarea>
                </label>
                <div class="choice">
                    <input
                        type="checkbox"
                        id="keep-alive"
                        data-testid="traffic-keep-alive"
                        prop:checked=move || keep_alive.get()
                        on:change=move |event| keep_alive.set(event_target_checked(&event))
                    />
                    <label for="keep-alive">
                        {move || state.pick("Keep one connection alive", "保持同一条连接")}
                        <small>
                            {move || state.pick("a pod is picked for each connection, not for each request", "按连接挑选 Pod，而不是按请求")}
                        </small>
                    </label>
                </div>
                <span>{move || state.pick("The same in a terminal", "在终端里等价的命令")}</span>
                <code class="rule" data-testid="traffic-curl" tabindex="0">{line}</code>
                <div class="acts">
                    <button type="button" class="btn" on:click=move |_| {
                        let text = untrack(line);
                        browser::copy(&text, move |ok| {
                            copied.set(ok);
                            browser::later(2000, move || copied.set(false));
                        });
                    }>
                        {move || state.say(if copied.get() { Word::CurlCopied } else { Word::CopyCurl })}
                    </button>
                    <button type="button" class="btn" on:click=move |_| state.typed.set(Some(untrack(line)))>
                        {move || state.say(Word::TypeIt)}
                    </button>
                </div>
            </div>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_says_the_same() {
        let check = |from: &str, count: u32, expected: &str| {
            let url = "http://10.96.0.7/?a=1&b=2".to_owned();
            let headers = BTreeMap::from([("Host".to_owned(), "it's".to_owned())]);
            let requests =
                Requests { from: from.into(), url, count, method: "POST".into(), headers, ..Requests::default() };
            assert_eq!(curl_line(&requests, false), expected);
        };
        check("laptop", 1, r"curl -m 2 -X POST -H 'Host: it'\''s' 'http://10.96.0.7/?a=1&b=2'");
        let plain =
            Requests { from: "pod/default/web".into(), url: "http://web/".into(), count: 3, ..Requests::default() };
        assert_eq!(curl_line(&plain, true), "watch -n 0.333 kubectl exec web -- curl -s -m 2 http://web/");
        assert_eq!(
            curl_line(&plain, false),
            "for i in $(seq 3); do kubectl exec web -- curl -s -m 2 http://web/; done"
        );
        let kept = Requests { count: 2, keep_alive: true, ..plain };
        assert_eq!(curl_line(&kept, false), "kubectl exec web -- curl -s -m 2 http://web/ http://web/");
    }
}
