//! Ingresses in the inspector: who reads one, where its rules lead, and which rules a controller compared with a request.

use std::sync::Arc;

use kubehop::api::Store;
use kubehop::lang::Lang;
use kubehop::net::ingress::{Controller, NoteKind, Router};
use kubehop::object::{FieldRef, Ingress, IngressBackend, Kind, Pod, Ref};
use kubehop::trace::{Compared, OutcomeKind, Reason, Trace};
use leptos::prelude::*;

use super::inspector::cause_link;
use super::stage_scenery::Scenery;
use super::state::State;

/// What there is to say of an Ingress.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    class: String,
    addresses: Vec<String>,
    /// Controllers of its class: program, pod, and whether it is ready.
    readers: Vec<(&'static str, Ref, bool)>,
    /// Rules: what they match, where they lead, and their fields.
    rules: Vec<(String, String, FieldRef)>,
    /// What the first reader that is ready passes over in silence.
    notes: Vec<(NoteKind, FieldRef)>,
}

impl Told {
    fn of(store: &Store, key: &Ref) -> Option<Self> {
        let (meta, ingress) = store.read::<Ingress>(key)?;
        let reader = |(of, pod)| {
            let controller = Controller::of(of, pod).filter(|controller| controller.owns(store, meta, ingress))?;
            let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
            let key = Ref::new(Kind::Pod, of.namespace.as_str(), of.name.as_str());
            Some((controller.flavour.name(), key, ready && of.deletion_timestamp.is_none()))
        };
        let mut rules = Vec::new();
        for (r, rule) in ingress.spec.rules.iter().enumerate() {
            let host = if rule.host.is_empty() { "*" } else { rule.host.as_str() };
            for (p, path) in rule.http.iter().flat_map(|http| http.paths.iter().enumerate()) {
                let kind = path.path_type.as_deref().unwrap_or_default();
                let field = format!("spec.rules[{r}].http.paths[{p}]");
                rules.push((
                    format!("{host}{} ({kind})", path.path),
                    backend(&path.backend),
                    FieldRef::new(key.clone(), field.as_str()),
                ));
            }
        }
        if let Some(default) = &ingress.spec.default_backend {
            rules.push(("*".to_owned(), backend(default), FieldRef::new(key.clone(), "spec.defaultBackend")));
        }
        let addresses = ingress.status.load_balancer.ingress.iter();
        let readers: Vec<_> = store.all::<Pod>().filter_map(reader).collect();
        let first = readers.iter().find(|(_, _, ready)| *ready).and_then(|(_, pod, _)| store.read::<Pod>(pod));
        let router =
            first.and_then(|(of, pod)| Controller::of(of, pod)).map(|reader| Router::of(store, &Arc::new(reader)));
        let notes = router.into_iter().flat_map(|router| router.notes).filter(|note| note.field.object == *key);
        Some(Self {
            class: ingress.spec.ingress_class_name.clone().unwrap_or_else(|| "<none>".to_owned()),
            addresses: addresses.map(|at| if at.ip.is_empty() { at.hostname.clone() } else { at.ip.clone() }).collect(),
            readers,
            rules,
            notes: notes.map(|note| (note.kind, note.field)).collect(),
        })
    }

    fn is_paper(&self) -> bool {
        !self.readers.iter().any(|(_, _, ready)| *ready)
    }
}

fn backend(backend: &IngressBackend) -> String {
    let Some(service) = &backend.service else { return "resource".to_owned() };
    match service.port.name.as_str() {
        "" => format!("{}:{}", service.name, service.port.number),
        name => format!("{}:{name}", service.name),
    }
}

fn paper(lang: Lang) -> &'static str {
    lang.pick(
        "paper: no controller of this class runs here, so nobody reads these rules",
        "一纸空文：这里没有运行该类的控制器，没有谁读这些规则",
    )
}

/// What a controller passes over, in words.
fn passed_over(kind: NoteKind, lang: Lang) -> &'static str {
    let (en, zh) = match kind {
        NoteKind::UnknownAnnotation => {
            ("the controller knows no such annotation and ignores it", "控制器不认识该注解，直接忽略")
        }
        NoteKind::Unmodelled => {
            ("the controller knows this annotation; the lab does not play it", "控制器认识该注解，但实验室没有模拟它")
        }
        NoteKind::InvalidValue => (
            "the value is invalid: the controller goes on as if the annotation were not there",
            "值无效：控制器当它不存在",
        ),
        NoteKind::OtherController => {
            ("this annotation is another controller's: this one ignores it", "这是另一种控制器的注解，此控制器会忽略")
        }
        NoteKind::Shadowed => {
            ("an older rule says the same: this one is never asked", "已有更早的相同规则：这一条永远用不到")
        }
        NoteKind::NoService => ("the rule leads to no Service", "该规则没有指向任何 Service"),
        NoteKind::NoRouter => (
            "the Service, its port or its endpoints are missing: Traefik makes no router of this rule",
            "Service、端口或端点不存在：Traefik 不会为该规则建立路由",
        ),
    };
    lang.pick(en, zh)
}

/// How things stand with the API and its best-known controller.
fn remark(lang: Lang) -> &'static str {
    lang.pick(
        "ingress-nginx was archived in 2026 (v1.15.1 is its last release). The Ingress API is frozen, not removed; Gateway API is its successor.",
        "ingress-nginx 已于 2026 年归档（v1.15.1 是最后一版）。Ingress API 已冻结但没有移除，后继者是 Gateway API。",
    )
}

/// Of an object that an addon brought: what the lab leaves out of it, and where it chose.
pub fn addon(state: State, key: &Ref) -> Option<impl IntoView + use<>> {
    let (en, zh) = match &*key.namespace {
        "kube-system" if key.name.starts_with("traefik") => (
            "Left out of this addon: accounts, roles and custom resources. Its chart sets allowEmptyServices (then an empty Service gives 503); here Traefik keeps its own default, 404.",
            "该插件略去的部分：账户、角色和自定义资源。它的 chart 会设置 allowEmptyServices（空 Service 给出 503）；这里保留 Traefik 自己的默认值 404。",
        ),
        "ingress-nginx" => (
            "Left out of this addon: its accounts and roles, and the two Jobs whose completed Pods (ingress-nginx-admission-create-…, -patch-…) a real cluster lists here. They make the webhook's certificate once.",
            "该插件略去的部分：账户和角色，以及两个 Job；真实集群会在这里列出它们已完成的 Pod（ingress-nginx-admission-create-…、-patch-…），它们只负责生成一次 webhook 证书。",
        ),
        _ => return None,
    };
    Some(view! { <p class="remark dim" data-testid="addon">{move || state.pick(en, zh)}</p> })
}

fn told(state: State, scenery: Scenery, key: Ref) -> Memo<Option<Told>> {
    Memo::new(move |_| {
        scenery.scene.track();
        state.shown(|session| Told::of(session.cluster().store(), &key))
    })
}

/// An Ingress: its class, who reads it, its address, its rules.
pub fn view(state: State, scenery: Scenery, key: Ref) -> impl IntoView {
    let told = told(state, scenery, key);
    let body = move |told: Told| {
        let lang = state.lang.get();
        let (is_paper, address) = (told.is_paper(), told.addresses.join(", "));
        let address = if address.is_empty() { "<none>".to_owned() } else { address };
        let reader = move |(program, pod, ready): (&'static str, Ref, bool)| {
            let name = pod.name.to_string();
            let said = if ready {
                lang.pick(", running: ", "，运行中：")
            } else {
                lang.pick(", not ready: ", "，未就绪：")
            };
            view! {
                <div>
                    {program} {said}
                    <button class="link" on:click=move |_| scenery.inspect(pod.clone())>{name}</button>
                </div>
            }
        };
        let rule = move |(rule, to, field): (String, String, FieldRef)| {
            let own = field.clone();
            let mine = move || state.why.is_about(Some(&own));
            view! { <li class:mine=mine><code>{rule}</code> " → " <code>{to}</code> {cause_link(state, field)}</li> }
        };
        view! {
            <dl class="facts2">
                <dt>{lang.pick("class", "类")}</dt>
                <dd><div class="mono">{told.class}</div></dd>
                <dt>{lang.pick("read by", "由谁读取")}</dt>
                <dd class=if is_paper { "bad" } else { "" } data-testid="ingress-reader">
                    {told.readers.into_iter().map(reader).collect_view()} {is_paper.then(|| view! { <div>{paper(lang)}</div> })}
                </dd>
                <dt>"ADDRESS"</dt>
                <dd><div class="mono">{address}</div></dd>
            </dl>
            <h3>{lang.pick("Rules", "规则")}</h3>
            <ul class="rules">{told.rules.into_iter().map(rule).collect_view()}</ul>
            {(!told.notes.is_empty())
                .then(|| {
                    let note = move |(kind, field): (NoteKind, FieldRef)| {
                        view! { <li>{passed_over(kind, lang)} " " {cause_link(state, field)}</li> }
                    };
                    view! {
                        <h3>{lang.pick("Passed over in silence", "被悄悄忽略的部分")}</h3>
                        <ul class="rules" data-testid="ingress-notes">{told.notes.into_iter().map(note).collect_view()}</ul>
                    }
                })}
            <p class="remark dim">{remark(lang)}</p>
        }
    };
    move || told.get().map(body)
}

/// Ingresses that satisfy a condition, each with who reads it.
fn list(
    state: State,
    scenery: Scenery,
    wanted: impl Fn(&Ref, &Ingress) -> bool + Send + Sync + 'static,
) -> impl IntoView {
    let found = Memo::new(move |_| {
        scenery.scene.track();
        state.shown(|session| {
            let store = session.cluster().store();
            let keys = store.all::<Ingress>().filter_map(|(meta, ingress)| {
                let key = Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str());
                wanted(&key, ingress).then_some(key)
            });
            keys.filter_map(|key| Some((Told::of(store, &key)?, key))).collect::<Vec<_>>()
        })
    });
    let row = move |(told, key): (Told, Ref)| {
        let lang = state.lang.get();
        let said = match told.readers.iter().find(|(_, _, ready)| *ready) {
            Some((program, ..)) => {
                let at = told.addresses.join(", ");
                lang.pick(format!("read by {program}, ADDRESS {at}"), format!("由 {program} 读取，ADDRESS {at}"))
            }
            None => paper(lang).to_owned(),
        };
        let name = format!("Ingress {}", key.name);
        let class = if told.is_paper() { "bad" } else { "dim" };
        view! {
            <li>
                <button class="link" on:click=move |_| scenery.inspect(key.clone())>{name}</button>
                " "
                <span class=class>{said}</span>
            </li>
        }
    };
    move || {
        let found = found.get();
        (!found.is_empty()).then(|| {
            view! { <ul class="policies" data-testid="ingresses">{found.into_iter().map(row).collect_view()}</ul> }
        })
    }
}

/// All Ingresses.
pub fn all(state: State, scenery: Scenery) -> impl IntoView {
    list(state, scenery, |_, _| true)
}

/// The Ingresses with a rule that leads to a Service.
pub fn leading_here(state: State, scenery: Scenery, service: Ref) -> impl IntoView {
    list(state, scenery, move |key, ingress| {
        let paths = ingress.spec.rules.iter().filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths);
        let mut backends = paths.map(|path| &path.backend).chain(&ingress.spec.default_backend);
        let is_own = |backend: &IngressBackend| backend.service.as_ref().is_some_and(|s| *s.name == *service.name);
        key.namespace == service.namespace && backends.any(is_own)
    })
}

/// The rules that a controller compared at a hop: which one won, and why each other lost.
pub fn compared(state: State, trace: &Arc<Trace>, hop: usize) -> Option<impl IntoView + use<>> {
    let Reason::Routing(routing) = &trace.hops.get(hop)?.because.reason else { return None };
    let rules = routing.compared();
    let lang = state.lang.get();
    let row = |rule: &Compared| {
        let said = rule.lost.map_or(lang.pick("It wins.", "选中它。"), |lost| lost.explain(lang));
        let class = if rule.lost.is_none() { "won" } else { "lost" };
        let cause = rule.cause.clone().map(|field| cause_link(state, field));
        view! { <li class=class><code>{rule.rule.to_string()}</code> " " <span>{said}</span> {cause}</li> }
    };
    // The winner first.
    let (won, lost) = (|rule: &&Compared| rule.lost.is_none(), |rule: &&Compared| rule.lost.is_some());
    let ordered = rules.iter().filter(won).chain(rules.iter().filter(lost));
    (!rules.is_empty()).then(|| {
        view! {
            <h3 class="compared">{lang.pick("Rules that it compared", "它比较过的规则")}</h3>
            <ol class="rules" data-testid="compared">{ordered.map(row).collect_view()}</ol>
        }
    })
}

/// Where a request to a web port was refused and Ingresses are paper, that nobody reads them.
pub fn refused(state: State, trace: &Arc<Trace>) -> Option<impl IntoView + use<>> {
    let port = trace.hops.iter().rev().find(|hop| !hop.reply).map(|hop| hop.packet.dst.port);
    if trace.outcome.kind != OutcomeKind::Refused || !matches!(port, Some(80 | 443)) {
        return None;
    }
    let on_paper = state.shown(|session| {
        let store = session.cluster().store();
        let mut keys =
            store.all::<Ingress>().map(|(m, _)| Ref::new(Kind::Ingress, m.namespace.as_str(), m.name.as_str()));
        keys.find(|key| Told::of(store, key).is_some_and(|told| told.is_paper()))
    })?;
    let lang = state.lang.get();
    let said = lang.pick(
        format!("Ingress {} is {}.", on_paper.name, paper(lang)),
        format!("Ingress {} 是{}。", on_paper.name, paper(lang)),
    );
    Some(view! { <p class="why" data-testid="paper">{said}</p> })
}
