//! What changed: what a command made of the cluster, listed newest first, and marked on the stage for a moment.
//!
//! Watches the session. A command that may change the cluster opens an entry; what follows by itself (a pod becomes ready two
//! seconds later) joins the entry of what caused it, as far as that is the last one. Nothing is listed that changed nothing.
//! Undo is a change, too; reset and another environment start the list anew.

use std::sync::Arc;

use kubehop::api::Store;
use kubehop::lang::Lang;
use kubehop::net;
use kubehop::object::{Kind, Ref};
use kubehop::scene::change::{self, Change, Sign};
use kubehop::scene::{Light, Spot};
use kubehop::session::{Command, Fault, Session};
use kubehop::time::{Duration, Instant};
use leptos::prelude::*;

use super::browser;
use super::panels::Panel;
use super::stage_scenery::{Scenery, use_scenery};
use super::state::{Pane, State, use_state};
use super::why;

/// How long changed places stay marked, in milliseconds.
const MOMENT: u32 = 2500;
/// Keystrokes within this time make one entry, as they are taken back together.
const PAUSE: Duration = Duration::from_secs(2);
/// What comes later than this after a command is told as happening by itself.
const LATE: Duration = Duration::from_secs(180);
/// How many entries are kept.
const MOST: usize = 20;
/// How many changes of an entry are shown before the reader asks for all.
const FEW: usize = 12;
/// How many Services' rules, and lines of each, are shown.
const MOST_RULES: usize = 60;

/// Lines of a tool's output, each with what became of it.
type Lines = Vec<(Sign, String)>;

/// A command and what came of it.
#[derive(Clone)]
struct Entry {
    id: u64,
    /// What was done, in each language.
    title: (String, String),
    /// When it was done, and when it was last added to.
    at: Instant,
    touched: Instant,
    before: Store,
    after: Store,
    changes: Arc<Vec<Change>>,
    /// Whether nobody did it.
    by_itself: bool,
}

/// The cluster as it was when it was last looked at.
#[derive(Clone)]
struct Known {
    store: Store,
    log: usize,
}

/// What changed.
#[derive(Clone, Copy)]
pub struct Altered {
    entries: RwSignal<Vec<Entry>>,
    /// What is marked on the stage.
    marks: RwSignal<Arc<Vec<Change>>>,
    /// How many changes came that the list has not shown.
    pub fresh: RwSignal<usize>,
    known: StoredValue<Option<Known>>,
    /// What the marks on the stage are the difference from.
    base: StoredValue<Option<Store>>,
    turn: StoredValue<u32>,
    next: StoredValue<u64>,
}

impl Altered {
    /// Nothing has changed yet.
    pub fn new() -> Self {
        Self {
            entries: RwSignal::new(Vec::new()),
            marks: RwSignal::new(Arc::default()),
            fresh: RwSignal::new(0),
            known: StoredValue::new(None),
            base: StoredValue::new(None),
            turn: StoredValue::new(0),
            next: StoredValue::new(0),
        }
    }

    /// What was is no matter any more: another cluster begins.
    pub fn forget(self) {
        self.known.set_value(None);
        self.entries.set(Vec::new());
        self.fresh.set(0);
        self.clear();
    }

    fn clear(self) {
        self.base.set_value(None);
        if self.marks.with_untracked(|marks| !marks.is_empty()) {
            self.marks.set(Arc::default());
        }
    }

    /// Marks changes on the stage: for a moment, or, where nothing is to move, until the next.
    fn mark(self, changes: Arc<Vec<Change>>, calm: bool) {
        let mine = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(mine);
        self.marks.set(changes);
        if !calm {
            browser::later(MOMENT, move || {
                if self.turn.get_value() == mine {
                    self.clear();
                }
            });
        }
    }
}

/// Watches the session.
pub fn follow(state: State, calm: ReadSignal<bool>) {
    let all = state.altered;
    Effect::new(move |_| {
        let seen = all.known.get_value();
        let now = state.session.with(|session| {
            let (revision, log) = (session.cluster().store().revision(), session.log().len());
            let same = seen.as_ref().is_some_and(|known| known.store.revision() == revision && known.log == log);
            (!same).then(|| Known { store: session.cluster().store().clone(), log })
        });
        let Some(now) = now else { return };
        all.known.set_value(Some(now.clone()));
        let Some(seen) = seen else { return };
        let (title, typed, at) = state.session.with_untracked(|session| {
            let title = title(session, seen.log);
            let typed = matches!(session.log().last(), Some((_, Command::Live(_))));
            (title, typed, session.cluster().now())
        });
        let calm = calm.get_untracked();
        let told = Arc::new(change::changes(&seen.store, &now.store));
        let mut count = told.len();
        all.entries.update(|entries| {
            if title.is_some() {
                entries.retain(|entry| !entry.changes.is_empty());
            }
            let joins = entries.first().is_some_and(|last| match &title {
                Some(title) => typed && last.title == *title && at.since(last.touched) <= PAUSE,
                None => at.since(last.touched) <= LATE,
            });
            if joins && let Some(last) = entries.first_mut() {
                let before = last.changes.len();
                last.changes = Arc::new(change::changes(&last.before, &now.store));
                last.after = now.store.clone();
                last.touched = if told.is_empty() { last.touched } else { at };
                count = last.changes.len().saturating_sub(before);
                return;
            }
            if title.is_none() && told.is_empty() {
                return;
            }
            let id = all.next.try_update_value(|next| std::mem::replace(next, *next + 1)).unwrap_or_default();
            let by_itself = title.is_none();
            let title = title.unwrap_or_else(|| ("By itself".into(), "自行发生".into()));
            let (before, after) = (seen.store.clone(), now.store.clone());
            entries.insert(0, Entry { id, title, at, touched: at, before, after, changes: told.clone(), by_itself });
            entries.truncate(MOST);
            if calm {
                all.base.set_value(None);
            }
        });
        if told.is_empty() {
            return;
        }
        all.fresh.update(|fresh| *fresh += count);
        if all.base.with_value(Option::is_none) {
            all.base.set_value(Some(seen.store));
        }
        let since = all.base.get_value().map(|base| change::changes(&base, &now.store)).unwrap_or_default();
        all.mark(Arc::new(since), calm);
    });
}

/// What was done since the log was so long, if that can change a cluster.
fn title(session: &Session, seen: usize) -> Option<(String, String)> {
    let log = session.log();
    if log.len() < seen {
        return Some(("Taken back".into(), "已撤销".into()));
    }
    log[seen..].iter().rev().find_map(|(_, command)| {
        let both = |text: String| (text.clone(), text);
        Some(match command {
            Command::Apply(file) | Command::Live(file) => {
                (format!("{} applied", file.name), format!("应用 {}", file.name))
            }
            Command::Run { line, .. } => both(format!("$ {line}")),
            Command::Fault(fault) => fault_title(fault),
            Command::Firewall(_) => ("Firewall changed".into(), "修改防火墙".into()),
            Command::Write(_) | Command::Request(_) | Command::Tally(_) | Command::Start(_) | Command::Stop => {
                return None;
            }
        })
    })
}

fn fault_title(fault: &Fault) -> (String, String) {
    match fault {
        Fault::KillPod(pod) => (format!("Pod {} killed", pod.name), format!("杀死 Pod {}", pod.name)),
        Fault::FailReadiness(pod, true) => {
            (format!("Readiness of {} fails", pod.name), format!("{} 的就绪探针失败", pod.name))
        }
        Fault::FailReadiness(pod, false) => {
            (format!("Readiness of {} mended", pod.name), format!("{} 的就绪探针恢复", pod.name))
        }
        Fault::FailLiveness(pod, true) => {
            (format!("Liveness of {} fails", pod.name), format!("{} 的存活探针失败", pod.name))
        }
        Fault::FailLiveness(pod, false) => {
            (format!("Liveness of {} mended", pod.name), format!("{} 的存活探针恢复", pod.name))
        }
        Fault::StopNode(node) => (format!("Node {node} stopped"), format!("节点 {node} 停机")),
        Fault::StartNode(node) => (format!("Node {node} started"), format!("节点 {node} 启动")),
        Fault::CutLink(a, b) => (format!("Link {a} – {b} cut"), format!("切断 {a} 与 {b} 的线路")),
        Fault::MendLink(a, b) => (format!("Link {a} – {b} mended"), format!("修好 {a} 与 {b} 的线路")),
    }
}

/// Marks over the picture: an outline, and at its corner the sign of the change.
pub fn marks(state: State, scenery: Scenery) -> Memo<String> {
    Memo::new(move |_| {
        let marks = state.altered.marks.get();
        // What was changed now is no change of a picture of the past.
        if marks.is_empty() || state.is_past() {
            return String::new();
        }
        let marked = scenery.scene.with(|scene| change::marked(scene, &marks));
        let mut out = String::new();
        for (sign, spot) in &marked {
            out.push_str(&why::drawn(std::slice::from_ref(spot), "chg"));
            // Marks of replicas stand too close for a sign each.
            if let Some(at) = spot.corner().filter(|_| !matches!(spot, Spot::Ring(..))) {
                out.push_str(&format!(
                    r#"<g class="sig {}" transform="translate({:.1} {:.1})"><circle r="7"/><text y="4">{}</text></g>"#,
                    class(*sign),
                    at.x - 4.0,
                    at.y + 1.0,
                    sign.text()
                ));
            }
        }
        out
    })
}

const fn class(sign: Sign) -> &'static str {
    match sign {
        Sign::Came => "came",
        Sign::Went => "went",
        Sign::Other => "other",
    }
}

/// How many changes the list has not shown yet, for its tab.
pub fn count(state: State) -> impl IntoView {
    let open = move || state.panels.open.get() == Panel::Changes;
    Effect::new(move |_| {
        if open() && state.altered.fresh.get() > 0 {
            state.altered.fresh.set(0);
        }
    });
    move || {
        let fresh = state.altered.fresh.get();
        (fresh > 0).then(|| {
            let label = state.lang.get().pick(format!("{fresh} new"), format!("{fresh} 个新的"));
            view! { <span class="fresh" aria-label=label>{fresh}</span> }
        })
    }
}

/// The last entry in words, for those who do not see the stage.
pub fn spoken(state: State) -> impl IntoView {
    let said = move || {
        let lang = state.lang.get();
        state.altered.entries.with(|entries| {
            let entry = entries.first().filter(|entry| !entry.changes.is_empty())?;
            let (first, more) = (entry.changes.first()?.say(lang), entry.changes.len() - 1);
            let title = lang.pick(&entry.title.0, &entry.title.1);
            Some(match more {
                0 => format!("{title}: {first}"),
                n => lang
                    .pick(format!("{title}: {first} {n} more changes."), format!("{title}：{first}另有 {n} 处变化。")),
            })
        })
    };
    view! { <p class="vh" role="status" data-testid="altered-said">{said}</p> }
}

/// The list.
#[component]
pub fn AlteredList() -> impl IntoView {
    let state = use_state();
    let scenery = use_scenery();
    let ids = Memo::new(move |_| {
        let all = |entries: &Vec<Entry>| {
            entries.iter().filter(|entry| !entry.changes.is_empty()).map(|entry| entry.id).collect::<Vec<_>>()
        };
        state.altered.entries.with(all)
    });
    let none = move || {
        ids.with(Vec::is_empty).then(|| {
            view! {
                <p class="dim">
                    {state.pick(
                        "Nothing has changed yet. Apply a file, run a command, kill a pod: what comes of it is listed here and marked on the stage.",
                        "还没有任何变化。应用一个文件、运行一条命令、杀死一个 Pod：由此带来的变化会列在这里，并在舞台上标出。",
                    )}
                </p>
            }
        })
    };
    view! {
        <section class="altered" tabindex="0" data-testid="altered" aria-label=move || state.pick("Changes", "变化")>
            {none}
            <For each=move || ids.get() key=|id| *id let:id>
                {entry_view(state, scenery, id)}
            </For>
        </section>
    }
}

fn entry_view(state: State, scenery: Scenery, id: u64) -> impl IntoView {
    let all = RwSignal::new(false);
    let entry = Memo::new(move |_| {
        state.altered.entries.with(|entries| {
            let entry = entries.iter().find(|entry| entry.id == id)?;
            Some((entry.title.clone(), entry.at, Arc::clone(&entry.changes), entry.by_itself))
        })
    });
    let head = move || {
        let (title, at, _, by_itself) = entry.get()?;
        let text = state.lang.get().pick(title.0, title.1);
        let class = if text.starts_with("$ ") { "mono" } else { "" };
        let seconds = at.since(Instant::ZERO).as_micros() / 1_000_000;
        let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
        Some(view! { <h3 class:dim=by_itself><span class=class>{text}</span> <time>{clock}</time></h3> })
    };
    let rows = move || {
        let Some((_, _, changes, _)) = entry.get() else { return ().into_any() };
        let shown = if all.get() { changes.len() } else { FEW };
        let more = changes.len().saturating_sub(shown);
        let rows = changes.iter().take(shown).cloned().map(|change| row(state, scenery, change)).collect_view();
        let more = (more > 0).then(|| {
            let text = state.lang.get().pick(format!("… and {more} more"), format!("…… 还有 {more} 处"));
            view! { <li><span></span><button class="link" on:click=move |_| all.set(true)>{text}</button></li> }
        });
        view! { <ul>{rows} {more}</ul> }.into_any()
    };
    view! { <article>{head} {rows} {rules(state, id)}</article> }
}

/// A change: its sentence leads to its place on the stage, the line to the editor.
fn row(state: State, scenery: Scenery, change: Change) -> impl IntoView {
    let lang = state.lang.get();
    let sentence = change.say(lang);
    let (sign, class) = (change.sign.text(), format!("sgn {}", class(change.sign)));
    let field = change.field.clone();
    let line = state.line_of(&field).map(|(file, line)| {
        let text = lang.pick(format!("{file}, line {line}"), format!("{file} 第 {line} 行"));
        view! { <button class="link at" on:click=move |_| state.reveal.set(Some(field.clone()))>{text}</button> }
    });
    let what = match change.sign {
        Sign::Came => lang.pick("new", "新增"),
        Sign::Went => lang.pick("gone", "消失"),
        Sign::Other => lang.pick("changed", "改变"),
    };
    let words = match change.lights.is_empty() {
        true => view! { <span>{sentence}</span> }.into_any(),
        false => view! { <button class="to" data-testid="change" on:click=move |_| show(state, scenery, &change)>{sentence}</button> }.into_any(),
    };
    view! { <li><span class=class role="img" aria-label=what>{sign}</span> <span>{words} " " {line}</span></li> }
}

/// Marks the places of one change on the stage.
fn show(state: State, scenery: Scenery, change: &Change) {
    state.pane.set(Pane::Stage);
    let services = |light: &Light| match light {
        Light::Service(key) | Light::Outside(key) => Some(key.clone()),
        _ => None,
    };
    let own = Some(change.object.clone()).filter(|key| key.kind == Kind::Service);
    if let Some(service) = own.or_else(|| change.lights.iter().find_map(services)) {
        scenery.chosen.set(Some(service));
    }
    state.why.field.set(None);
    state.altered.mark(Arc::new(vec![change.clone()]), scenery.calm.get_untracked());
}

/// The rules that came and went with an entry, as the tool prints them, once somebody asks.
fn rules(state: State, id: u64) -> impl IntoView {
    let open = RwSignal::new(false);
    let services = Memo::new(move |_| {
        state.altered.entries.with(|entries| {
            let entry = entries.iter().find(|entry| entry.id == id);
            let mut keys: Vec<Ref> = Vec::new();
            for change in entry.iter().flat_map(|entry| entry.changes.iter()) {
                if change.object.kind == Kind::Service && !keys.contains(&change.object) {
                    keys.push(change.object.clone());
                }
            }
            keys
        })
    });
    let parts = Memo::new(move |_| {
        let keys = services.get();
        if !open.get() || keys.is_empty() {
            return Vec::new();
        }
        let sides = state.altered.entries.with(|entries| {
            entries.iter().find(|entry| entry.id == id).map(|entry| (entry.before.clone(), entry.after.clone()))
        });
        let Some((before, after)) = sides else { return Vec::new() };
        state.session.with_untracked(|session| told_rules(session, &before, &after, &keys, state.lang.get()))
    });
    let list = move || {
        let parts = parts.get();
        if open.get() && parts.is_empty() {
            return view! { <p class="dim">{state.pick("The rules are the same as before.", "规则和之前一样。")}</p> }
                .into_any();
        }
        let part = |(head, lines): (String, Lines)| {
            let more = lines.len().saturating_sub(MOST_RULES);
            let line = |(sign, line): (Sign, String)| {
                let class = format!("line {}", class(sign));
                view! { <code class=class>{format!("{} {line}", sign.text())}</code> }
            };
            let rest = (more > 0).then(|| view! { <code class="line">{format!("… +{more}")}</code> });
            view! {
                <h4>{head}</h4>
                <div class="out" tabindex="0">{lines.into_iter().take(MOST_RULES).map(line).collect_view()} {rest}</div>
            }
        };
        parts.into_iter().map(part).collect_view().into_any()
    };
    move || {
        (!services.with(Vec::is_empty)).then(|| {
            view! {
                <details class="fold" data-testid="change-rules" on:toggle=move |event| {
                    open.set(event_target::<web_sys::Element>(&event).has_attribute("open"));
                }>
                    <summary>{state.pick("Rules that came and went", "新增和消失的规则")}</summary>
                    {list}
                </details>
            }
        })
    }
}

/// For each Service, the lines that are otherwise; nodes where they are the same share them.
fn told_rules(session: &Session, before: &Store, after: &Store, keys: &[Ref], lang: Lang) -> Vec<(String, Lines)> {
    let profile = session.profile();
    let (old, new) = (net::compile(before, profile), net::compile(after, profile));
    let nodes: Vec<String> = new.topology.machines.iter().map(|machine| machine.name.to_string()).collect();
    let mut parts = Vec::new();
    for key in keys.iter().take(FEW) {
        let mut groups: Vec<(Vec<&String>, Lines)> = Vec::new();
        for node in &nodes {
            let text = |network| net::excerpt(network, node, key).into_iter().map(|line| line.text).collect::<Vec<_>>();
            let (was, is) = (text(&old), text(&new));
            let lines: Vec<_> =
                change::lines(&was, &is).into_iter().map(|(sign, line)| (sign, line.to_owned())).collect();
            if lines.is_empty() {
                continue;
            }
            match groups.iter_mut().find(|(_, known)| *known == lines) {
                Some((at, _)) => at.push(node),
                None => groups.push((vec![node], lines)),
            }
        }
        for (at, lines) in groups {
            let place = match at.len() == nodes.len() {
                true => lang.pick("on every node", "每个节点").to_owned(),
                false => at.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", "),
            };
            parts.push((format!("Service {}, {place}", key.name), lines));
        }
    }
    parts
}
