//! What can be done to what the stage shows: one list, for the inspector's buttons and the stage's own menus.

use kubehop::lang::Lang;
use kubehop::object::{FieldRef, Host, Kind, Node, Pod, Ref};
use kubehop::session::{Command, Fault};
use kubehop::trace::Place;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::browser;
use super::stage_scenery::{Scenery, use_scenery};
use super::state::{Pane, State, use_state};

/// Something to do to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Send requests to it.
    SendTo,
    /// Send requests from it.
    SendFrom,
    /// Open a shell in it.
    Shell,
    /// A pod dies.
    Kill,
    /// Its readiness probe fails from now on, or tells the truth again.
    FailReadiness(bool),
    /// A node is turned off, or on again.
    Stop(bool),
    /// The link to a node of that name is cut, or mended.
    Cut(String, bool),
    /// It takes no new pods, or does again.
    Cordon(bool),
    /// Its pods go elsewhere.
    Drain,
    /// Show its manifest.
    Show,
}

/// More links than this are not offered one by one.
const MOST_LINKS: usize = 7;

/// What can be done to an object now.
pub fn deeds(state: State, key: &Ref) -> Vec<Deed> {
    let mut deeds = state.session.with(|session| {
        let cluster = session.cluster();
        let store = cluster.store();
        let Some(object) = store.get(key) else { return Vec::new() };
        let outages = cluster.outages();
        match key.kind {
            Kind::Service => vec![Deed::SendTo],
            Kind::Pod => {
                let runs = object.body::<Pod>().is_some_and(|pod| pod.status.phase == "Running");
                let mut deeds = if runs { vec![Deed::SendFrom, Deed::Shell] } else { Vec::new() };
                deeds.push(Deed::FailReadiness(!cluster.fails_readiness(key)));
                deeds.push(Deed::Kill);
                deeds
            }
            Kind::Node => {
                let name = &*key.name;
                let off = outages.is_stopped(name);
                let mut deeds = Vec::new();
                if !off {
                    deeds.push(Deed::SendFrom);
                    if session.profile().host != Host::Remote {
                        deeds.push(Deed::Shell);
                    }
                }
                let cordoned = object.body::<Node>().is_some_and(|node| node.spec.unschedulable);
                deeds.extend([Deed::Stop(!off), Deed::Cordon(!cordoned), Deed::Drain]);
                let others =
                    store.list(Kind::Node, None).map(|node| node.meta.name.clone()).filter(|other| other != name);
                deeds.extend(others.take(MOST_LINKS).map(|other| {
                    let cut = outages.is_cut(name, &other);
                    Deed::Cut(other, !cut)
                }));
                deeds
            }
            _ => Vec::new(),
        }
    });
    if state.line_of(&FieldRef::new(key.clone(), "metadata.name")).is_some() {
        deeds.push(Deed::Show);
    }
    deeds
}

impl Deed {
    /// Its name for tests and for lists.
    pub fn id(&self) -> String {
        match self {
            Self::SendTo => "deed-send-to".into(),
            Self::SendFrom => "deed-send-from".into(),
            Self::Shell => "deed-shell".into(),
            Self::Kill => "fault-kill".into(),
            Self::FailReadiness(_) => "fault-readiness".into(),
            Self::Stop(_) => "fault-stop".into(),
            Self::Cut(other, _) => format!("fault-cut-{other}"),
            Self::Cordon(_) => "deed-cordon".into(),
            Self::Drain => "deed-drain".into(),
            Self::Show => "deed-show".into(),
        }
    }

    /// What its button says.
    pub fn label(&self, lang: Lang) -> String {
        let (en, zh) = match self {
            Self::SendTo => ("Send requests to it", "向它发送请求"),
            Self::SendFrom => ("Send from here", "从这里发送请求"),
            Self::Shell => ("Open a shell here", "在这里打开终端"),
            Self::Kill => ("Kill pod", "杀死 Pod"),
            Self::FailReadiness(true) => ("Fail readiness", "使就绪探针失败"),
            Self::FailReadiness(false) => ("Mend readiness", "恢复就绪"),
            Self::Stop(true) => ("Stop node", "停止节点"),
            Self::Stop(false) => ("Start node", "启动节点"),
            Self::Cut(other, true) => {
                return lang.pick(format!("Cut the link to {other}"), format!("切断到 {other} 的线路"));
            }
            Self::Cut(other, false) => {
                return lang.pick(format!("Mend the link to {other}"), format!("修好到 {other} 的线路"));
            }
            Self::Cordon(true) => ("Cordon", "封锁（cordon）"),
            Self::Cordon(false) => ("Uncordon", "解除封锁（uncordon）"),
            Self::Drain => ("Drain", "排空（drain）"),
            Self::Show => ("Show in YAML", "在 YAML 里查看"),
        };
        lang.pick(en, zh).to_owned()
    }

    /// Whether it breaks something, or mends it.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Kill | Self::FailReadiness(_) | Self::Stop(_) | Self::Cut(..))
    }

    /// Whether what it breaks is broken; none for what breaks nothing that lasts.
    pub fn pressed(&self) -> Option<bool> {
        match self {
            Self::FailReadiness(fails) | Self::Stop(fails) | Self::Cut(_, fails) => Some(!fails),
            _ => None,
        }
    }

    /// Does it.
    pub fn run(&self, state: State, scenery: Scenery, key: &Ref) {
        let name = key.name.to_string();
        let fault = |fault: Fault| {
            let reply = state.run(Command::Fault(fault));
            let said = reply.output.on(kubehop::shell::Stream::Err);
            if !said.is_empty() {
                state.notice.set(said.trim().to_owned());
            }
        };
        let place = match key.kind {
            Kind::Node => Place::Node(key.name.clone()),
            _ => Place::Pod(key.namespace.clone(), key.name.clone()),
        };
        match self {
            Self::SendTo => {
                scenery.chosen.set(Some(key.clone()));
                state.traffic.follow_focus();
                // The row follows the focus before it sends.
                browser::later(0, move || {
                    state.traffic.send(state);
                    scenery.object.set(None);
                });
            }
            Self::SendFrom => state.traffic.start_from(&place),
            Self::Shell => {
                let line = match key.kind {
                    Kind::Node => format!("minikube ssh -n {name}"),
                    _ if *key.namespace == *"default" => format!("kubectl exec -it {name} -- sh"),
                    _ => format!("kubectl exec -it -n {} {name} -- sh", key.namespace),
                };
                state.run_beside(&line);
            }
            Self::Kill => fault(Fault::KillPod(key.clone())),
            Self::FailReadiness(fails) => fault(Fault::FailReadiness(key.clone(), *fails)),
            Self::Stop(true) => fault(Fault::StopNode(name)),
            Self::Stop(false) => fault(Fault::StartNode(name)),
            Self::Cut(other, true) => fault(Fault::CutLink(name, other.clone())),
            Self::Cut(other, false) => fault(Fault::MendLink(name, other.clone())),
            Self::Cordon(true) => state.type_line(0, &format!("kubectl cordon {name}")),
            Self::Cordon(false) => state.type_line(0, &format!("kubectl uncordon {name}")),
            Self::Drain => state.type_line(0, &format!("kubectl drain {name} --ignore-daemonsets --force")),
            Self::Show => {
                state.pane.set(Pane::Yaml);
                state.reveal.set(Some(FieldRef::new(key.clone(), "metadata.name")));
            }
        }
    }
}

/// The buttons of an object, for the inspector.
pub fn buttons(state: State, scenery: Scenery, key: Ref) -> impl IntoView {
    let now = {
        let key = key.clone();
        Memo::new(move |_| {
            scenery.scene.track();
            deeds(state, &key)
        })
    };
    let button = move |deed: Deed| {
        let (key, id) = (key.clone(), deed.id());
        let label = deed.clone();
        view! {
            <button
                class="btn"
                data-testid=id
                aria-pressed=deed.pressed().map(|pressed| pressed.to_string())
                on:click=move |_| deed.run(state, scenery, &key)
            >
                {move || label.label(state.lang.get())}
            </button>
        }
    };
    view! { <div class="acts">{move || now.get().into_iter().map(&button).collect_view()}</div> }
}

/// Where a menu opens, and for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// The object; none for a list to choose one from.
    pub key: Option<Ref>,
    /// The list: Services or nodes that there was no space for.
    pub more: Vec<Ref>,
    /// From the window's left edge, in pixels.
    pub x: f64,
    /// From the window's upper edge.
    pub y: f64,
}

/// The stage's menu: by the other mouse button, a long touch, or the keyboard's menu key.
#[component]
pub fn ObjectMenu() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let popover = NodeRef::<html::Div>::new();
    let shown = Memo::new(move |_| {
        let menu = scenery.menu.get()?;
        let deeds = menu.key.as_ref().map(|key| deeds(state, key)).unwrap_or_default();
        Some((menu, deeds))
    });
    let close = move || {
        if let Some(popover) = popover.get_untracked() {
            let _ = popover.hide_popover();
        }
    };
    Effect::new(move |_| {
        let (Some(menu), Some(popover)) = (scenery.menu.get(), popover.get()) else { return };
        let style = HtmlElement::style(&popover);
        let _ = popover.show_popover();
        let size =
            |length: Result<leptos::wasm_bindgen::JsValue, _>| length.ok().and_then(|l| l.as_f64()).unwrap_or(800.0);
        let (w, h) = (size(window().inner_width()), size(window().inner_height()));
        let x = menu.x.min(w - f64::from(popover.offset_width()) - 8.0).max(8.0);
        let y = menu.y.min(h - f64::from(popover.offset_height()) - 8.0).max(8.0);
        let _ = style.set_property("left", &format!("{x:.0}px"));
        let _ = style.set_property("top", &format!("{y:.0}px"));
        focus(&popover, 0);
    });
    let on_key = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            _ => return,
        };
        event.prevent_default();
        if let Some(popover) = popover.get_untracked() {
            focus(&popover, step);
        }
    };
    let items = move || {
        let Some((menu, deeds)) = shown.get() else { return ().into_any() };
        let lang = state.lang.get();
        let Some(key) = menu.key else {
            let item = |key: Ref| {
                let name = key.name.to_string();
                view! {
                    <button role="menuitem" tabindex="-1" on:click=move |_| { close(); scenery.inspect(key.clone()); }>{name}</button>
                }
            };
            return menu.more.into_iter().map(item).collect_view().into_any();
        };
        let mut faults = false;
        let item = |deed: Deed| {
            let key = key.clone();
            let rule = (deed.is_fault() && !faults).then(|| view! { <hr /> });
            faults |= deed.is_fault();
            let (id, label) = (format!("menu-{}", deed.id()), deed.label(lang));
            view! {
                {rule}
                <button role="menuitem" tabindex="-1" data-testid=id on:click=move |_| { close(); deed.run(state, scenery, &key); }>
                    {label}
                </button>
            }
        };
        let inspected = key.clone();
        view! {
            <p class="head" role="presentation">{key.name.to_string()}</p>
            <button role="menuitem" tabindex="-1" data-testid="menu-inspect" on:click=move |_| { close(); scenery.inspect(inspected.clone()); }>
                {lang.pick("Inspect", "查看")}
            </button>
            {deeds.into_iter().map(item).collect_view()}
        }
        .into_any()
    };
    view! {
        <div
            popover="auto"
            class="pop menu"
            role="menu"
            data-testid="menu"
            aria-label=move || state.pick("What can be done", "可以做什么")
            node_ref=popover
            on:keydown=on_key
            on:toggle=move |event| {
                if event_target::<Element>(&event).matches(":popover-open").is_ok_and(|open| !open) {
                    scenery.menu.set(None);
                }
            }
        >
            {items}
        </div>
    }
}

/// Moves the focus among the items: to the next, the one before, or the first.
pub(super) fn focus(popover: &HtmlElement, step: i32) {
    let Ok(items) = popover.query_selector_all("[role=menuitem]") else { return };
    let count = items.length();
    if count == 0 {
        return;
    }
    let active = document().active_element();
    let at = (0..count)
        .find(|i| items.get(*i).is_some_and(|item| active.as_ref().is_some_and(|a| a.is_same_node(Some(&item)))));
    let to = match at {
        Some(at) => (at + count).saturating_add_signed(step) % count,
        None => 0,
    };
    if let Some(item) = items.get(to).and_then(|item| item.dyn_into::<HtmlElement>().ok()) {
        let _ = item.focus();
    }
}
