//! The list of what is wrong: each finding with its line, and a fix that the reader may accept.

use std::sync::Arc;
use std::time::Duration;

use kubehop::diagnose::{self, Act, Asked, Changed, File, Finding, Fix, LOOKS_FOR, Severity, TITLES};
use kubehop::object::FieldRef;
use kubehop::text::Source;
use kubehop::trace::Trace;
use leptos::prelude::*;

use super::browser;
use super::files::last_applied;
use super::history;
use super::icons::{Icon, icon};
use super::panels::Panel;
use super::state::{Pane, State, use_state};

/// How long changes must rest before they are looked through, in milliseconds.
const REST: u32 = 250;

/// When to look once more although nothing changes, in milliseconds.
const AGAIN: u32 = 21_000;

/// Looks again, some time after what it looks at has changed.
pub fn follow(state: State) {
    let turn = StoredValue::new(0u32);
    let revision = Memo::new(move |_| {
        state.session.with(|s| (s.cluster().store().revision(), s.log().len(), s.traces().last().map(|t| t.id)))
    });
    Effect::new(move |_| {
        revision.track();
        state.files.track();
        state.diagnostics.track();
        state.lang.track();
        turn.update_value(|n| *n = n.wrapping_add(1));
        let mine = turn.get_value();
        // The newest change alone ends in looking; a page that is gone has no turn.
        let look = move || {
            if turn.try_get_value() == Some(mine) {
                look(state);
            }
        };
        browser::later(REST, move || browser::when_whole(look));
        // Pods that are young now may prove never to become ready.
        browser::later(AGAIN, look);
    });
}

/// What is wrong, as the terminal prints it.
pub fn listed(state: State) -> String {
    diagnose::to_text(&found(state), state.lang.get_untracked()).0
}

fn look(state: State) {
    let found = found(state);
    if state.panels.findings.with_untracked(|known| known.as_deref() != Some(&found)) {
        state.panels.findings.set(Some(Arc::new(found)));
    }
}

fn found(state: State) -> Vec<Finding> {
    let files = state.files.get_untracked();
    let readings = state.parsed();
    state.session.with_untracked(|session| {
        state.diagnostics.with_untracked(|told| {
            let file = |source| file(session, source, &readings, told);
            let files: Vec<File<'_>> = files.iter().filter_map(file).collect();
            let traces = diagnose::recent(session);
            let asked = Asked { cluster: session.cluster(), files: &files, traces, lang: state.lang.get_untracked() };
            diagnose::diagnose(&asked)
        })
    })
}

/// A file, with what was said of it as far as that is of its present text.
fn file<'a>(
    session: &kubehop::session::Session,
    source: &'a Source,
    readings: &'a super::files::Readings,
    told: &'a std::collections::BTreeMap<String, Vec<kubehop::diag::Diagnostic>>,
) -> Option<File<'a>> {
    let (_, parsed) = readings.iter().find(|(name, _)| *name == source.name)?;
    let is_applied = last_applied(session, &source.name) == Some(source.text.as_str());
    let told = told.get(&source.name).filter(|_| is_applied).map_or(&[][..], |told| told);
    Some(File { source, parsed, told })
}

/// How many there are, for the tab.
pub fn count(state: State) -> impl IntoView {
    move || {
        let findings = state.panels.findings.get()?;
        let bad = findings.iter().filter(|finding| finding.severity != Severity::Note).count();
        let is_error = findings.iter().any(|finding| finding.severity == Severity::Error);
        (bad > 0).then(|| {
            let label = state.lang.get().pick(format!("{bad} found"), format!("发现 {bad} 处"));
            view! { <span class="badge" class:warn=!is_error data-testid="diagnose-count" aria-label=label>{bad}</span> }
        })
    }
}

/// The finding behind a request that failed, as a link to it.
pub fn link(state: State, trace: &Trace) -> Option<impl IntoView + use<>> {
    let findings = state.panels.findings.get()?;
    let finding = diagnose::explaining(&findings, trace)?;
    let number = findings.iter().position(|other| other == finding)?;
    let title = title(finding, state);
    let go = move |_| {
        state.panels.open.set(Panel::Diagnose);
        state.panels.asked.set(Some(number));
    };
    Some(view! {
        <p class="why found" data-testid="explained">
            <span class="dim">{state.pick("Diagnose:", "诊断：")}</span>
            " "
            <button class="link" on:click=go>{title}</button>
        </p>
    })
}

fn title(finding: &Finding, state: State) -> &'static str {
    TITLES.iter().find(|title| title.id == finding.id).map_or("", |title| title.text(state.lang.get()))
}

/// The list.
#[component]
pub fn Diagnose() -> impl IntoView {
    let state = use_state();
    let findings = state.panels.findings;
    let root = NodeRef::<leptos::html::Section>::new();
    // The finding that was asked for comes into sight, with the focus on it.
    Effect::new(move |_| {
        let Some(number) = state.panels.asked.get() else { return };
        state.panels.asked.set(None);
        browser::next_frame(move |_| {
            let wanted = root
                .get_untracked()
                .and_then(|root| root.query_selector(&format!("[data-finding='{number}'] h3")).ok().flatten());
            if let Some(wanted) =
                wanted.and_then(|e| leptos::wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(e).ok())
            {
                let _ = wanted.focus();
                wanted.scroll_into_view();
            }
        });
    });
    let body = move || match findings.get() {
        None => view! { <p class="dim looking">{move || state.pick("Looking…", "检查中…")}</p> }.into_any(),
        Some(all) if all.is_empty() => nothing(state).into_any(),
        Some(all) => {
            let rows = all.iter().enumerate().map(|(number, finding)| row(state, number, finding.clone()));
            let more = all.len() >= diagnose::MOST;
            view! {
                <ol class="findings">{rows.collect_view()}</ol>
                {more
                    .then(|| {
                        let said = state.pick("There may be more: mend these first.", "可能还有更多：请先处理这些。");
                        view! { <p class="dim looking">{said}</p> }
                    })}
            }
            .into_any()
        }
    };
    view! {
        <section class="diag" data-testid="diagnose" node_ref=root tabindex="-1">
            {history::of_now(state, "The stage shows the past; this list is about the cluster as it is now.", "舞台显示的是过去，这份清单说的是集群现在的状态。")}
            {body}
        </section>
    }
}

/// Nothing was found: what was looked for.
fn nothing(state: State) -> impl IntoView {
    let lang = state.lang.get();
    view! {
        <div class="clean" data-testid="diagnose-clean">
            <h2>{icon(Icon::Check, 16)} {lang.pick("Nothing found", "没有发现问题")}</h2>
            <p class="dim">{lang.pick("Looked through the cluster and your files for:", "已在集群和你的文件中查找：")}</p>
            <ul>{LOOKS_FOR.map(|(en, zh)| view! { <li>{lang.pick(en, zh)}</li> })}</ul>
        </div>
    }
}

fn row(state: State, number: usize, finding: Finding) -> impl IntoView {
    let lang = state.lang.get();
    let (kind, sign, word) = match finding.severity {
        Severity::Error => ("error", Icon::Error, lang.pick("Error", "错误")),
        Severity::Warning => ("warning", Icon::Warning, lang.pick("Warning", "警告")),
        Severity::Note => ("note", Icon::More, lang.pick("Note", "提示")),
    };
    let name = title(&finding, state);
    let place = finding.place.clone().map(|place| {
        let said =
            lang.pick(format!("line {} of {}", place.line, place.file), format!("{} 第 {} 行", place.file, place.line));
        let go = move |_| state.show_span(&place.file, place.span);
        view! { <button class="link" data-testid="finding-line" on:click=go>{said}</button> }
    });
    // The line tells whose field it is; without one, its owner's name does.
    let owner = finding.field.as_ref().map(|field| match (&*field.path, &finding.place) {
        ("", _) => field.object.to_string(),
        (path, Some(_)) => path.to_owned(),
        (path, None) => format!("{} {path}", field.object),
    });
    let related = finding.related.iter().filter_map(|field| beside(state, field)).collect_view();
    let fix = finding.fix.clone().map(|fix| fixing(state, fix));
    view! {
        <li class=format!("finding {kind}") data-finding=number.to_string() data-id=finding.id>
            {icon(sign, 16)}
            <div>
                <h3 tabindex="-1">
                    <span class="sev">{word}</span>
                    " "
                    {name}
                </h3>
                <p class="said">{finding.text.clone()}</p>
                <p class="where">
                    {place} " " {owner.map(|owner| view! { <code>{owner}</code> })} {related}
                </p>
                {fix}
            </div>
        </li>
    }
}

/// A field that has a part in a finding, if it stands in a file.
fn beside(state: State, field: &FieldRef) -> Option<impl IntoView + use<>> {
    let (file, line) = state.line_of(field)?;
    let said = state.lang.get().pick(format!("line {line} of {file}"), format!("{file} 第 {line} 行"));
    let field = field.clone();
    Some(view! {
        <span class="dim">{state.pick(" · see also ", " · 另见 ")}</span>
        <button class="link" on:click=move |_| state.reveal.set(Some(field.clone()))>{said}</button>
    })
}

/// What the fix does, and the button that does it.
fn fixing(state: State, fix: Fix) -> impl IntoView {
    let files = state.files.get_untracked();
    let preview: Vec<Changed> = match &fix.act {
        Act::Run(_) => return view! { <div class="fix">{accept(state, fix.clone())}</div> }.into_any(),
        Act::Edit(_) => fix
            .files()
            .iter()
            .flat_map(|name| files.iter().find(|file| file.name == *name))
            .flat_map(|file| fix.preview(file))
            .collect(),
    };
    let line = |changed: Changed| {
        let (class, sign) = if changed.comes { ("ins", "+") } else { ("del", "−") };
        let number = changed.line;
        view! {
            <span class=class>
                <i>{number}</i>
                <b>{sign}</b>
                {changed.text}
                "\n"
            </span>
        }
    };
    view! {
        <div class="fix">
            <pre class="diff" tabindex="0" aria-label=state.pick("What the fix changes", "修复会改动的内容")>{preview.into_iter().map(line).collect_view()}</pre>
            {accept(state, fix)}
        </div>
    }
    .into_any()
}

fn accept(state: State, fix: Fix) -> impl IntoView {
    let label = state.lang.get().pick(format!("Fix: {}", fix.label), format!("修复：{}", fix.label));
    view! {
        <button class="btn" data-testid="finding-fix" on:click=move |_| carry_out(state, &fix)>{label}</button>
    }
}

/// Carries a fix out: as a change of the editor's text, which is applied and which the editor can take back; or as a line in
/// the terminal.
fn carry_out(state: State, fix: &Fix) {
    state.notice.set(fix.label.clone());
    let files = match &fix.act {
        Act::Run(line) => {
            state.pane.set(Pane::Terminal);
            return state.type_line(state.terminal.get_untracked(), line);
        }
        Act::Edit(_) => fix.files().into_iter().map(str::to_owned).collect::<Vec<_>>(),
    };
    // The file comes into the editor as it was first, so that the editor can take the change back.
    let at = state.files.with_untracked(|all| all.iter().position(|file| Some(&file.name) == files.first()));
    let wait = match at {
        Some(at) if state.open.get_untracked() != at => {
            state.open.set(at);
            50
        }
        _ => 0,
    };
    let fix = fix.clone();
    browser::later(wait, move || {
        for name in &files {
            let source = state.files.with_untracked(|all| all.iter().find(|file| file.name == *name).cloned());
            if let Some(source) = source {
                let after = fix.apply(&source);
                state.put_file(&after);
                state.apply_live(after);
            }
        }
        // What was fixed goes from the list, and the focus with it: it stays in the panel.
        leptos::prelude::set_timeout(
            move || {
                let lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
                let tab = document().get_element_by_id("tab-diagnose");
                if let (true, Some(tab)) =
                    (lost, tab.and_then(|tab| leptos::wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(tab).ok()))
                {
                    let _ = tab.focus();
                }
            },
            Duration::from_millis(u64::from(REST) + 50),
        );
    });
}
