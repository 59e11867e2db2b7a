//! The lesson: prose, task, live check, hints, and the way on, which is never barred.

use std::sync::Arc;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Act, Block, Cell, Fate, Inline, Lesson, Report, Since, Step};
use kubehop::object::Profile;
use kubehop::scene::Marks;
use kubehop::session::Command;
use kubehop::trace::Place;
use leptos::prelude::*;

use super::browser;
use super::gallery;
use super::icons::{Icon, icon, replica};
use super::shelf::{self, FIRST, Shelf};
use super::state::{Pane, State, use_state};
use super::stories::{self, Lack};
use super::words::Word;

/// Where the learner is in the lesson.
#[derive(Clone, Copy)]
pub struct Progress {
    /// The lesson's file name, without its ending.
    pub name: StoredValue<String>,
    /// The lesson, once it has come.
    pub lesson: RwSignal<Option<Arc<Lesson>>>,
    /// Why it cannot be shown.
    pub missing: RwSignal<Option<Lack>>,
    /// The step, from zero.
    pub step: RwSignal<usize>,
    /// What was before the step began does not count.
    since: RwSignal<Since>,
    /// One bit for each step that was solved.
    solved: RwSignal<u64>,
    /// How many hints are open.
    hints: RwSignal<usize>,
    /// Whether the solution is open.
    solution: RwSignal<bool>,
}

impl Progress {
    /// At the beginning of the lesson that the address bar asks for.
    pub fn start() -> Self {
        let name = browser::query("lesson").filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        Self {
            name: StoredValue::new(name.unwrap_or_else(|| FIRST.to_owned())),
            lesson: RwSignal::new(None),
            missing: RwSignal::new(None),
            step: RwSignal::new(0),
            since: RwSignal::new(Since::default()),
            solved: RwSignal::new(0),
            hints: RwSignal::new(0),
            solution: RwSignal::new(false),
        }
    }

    /// Takes up what the browser remembers of this lesson.
    pub fn recall(self) {
        let name = self.name.get_value();
        let text = browser::kept(&format!("progress.{name}")).unwrap_or_default();
        let numbers: Vec<u64> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
        if let [step, solved, trace, revision] = numbers[..] {
            self.step.set(step as usize);
            self.solved.set(solved);
            self.since.set(Since { trace, revision });
        }
    }

    /// What was before does not count for the step.
    pub fn since(self) -> Since {
        self.since.get_untracked()
    }

    /// The step began then.
    pub fn begin_at(self, since: Since) {
        self.since.set(since);
    }

    /// The session went back, to `now`: a step cannot have begun later.
    pub fn rewind(self, now: Since) {
        self.since.update(|since| {
            since.trace = since.trace.min(now.trace);
            since.revision = since.revision.min(now.revision);
        });
    }

    fn keep(self) {
        let Since { trace, revision } = self.since.get();
        let text = format!("{} {} {trace} {revision}", self.step.get(), self.solved.get());
        browser::keep(&format!("progress.{}", self.name.get_value()), &text);
    }
}

/// Loads the lesson in a language; what is typed and where the learner is stay.
pub async fn load(state: State, lang: Lang) {
    let name = state.progress.name.get_value();
    let read = async |lang: Lang| {
        stories::fetch_and(&format!("./lessons/{}/{name}.md", lang.pick("en", "zh")), lesson::read).await
    };
    // A lesson that can be read in one language only is better than none.
    let lesson = match read(lang).await {
        Err(lack) => match (lack, read(lang.pick(Lang::Zh, Lang::En)).await) {
            (Lack::Misread(misread), Ok(lesson)) => {
                state.notice.set(format!("{name}.md: {}", misread.text(lang)));
                Ok(lesson)
            }
            (Lack::Gone, other) => other,
            (lack, Err(_)) => Err(lack),
        },
        read => read,
    };
    let lesson = match lesson {
        Ok(lesson) => lesson,
        Err(lack) => return state.progress.missing.set(Some(lack)),
    };
    state.progress.missing.set(None);
    if state.progress.step.get_untracked() >= lesson.steps.len() {
        state.progress.step.set(lesson.steps.len() - 1);
    }
    state.progress.lesson.set(Some(Arc::new(lesson)));
}

impl State {
    /// The lesson and its step; none while a scenario is open.
    fn step(&self) -> Option<(Arc<Lesson>, usize)> {
        if self.stories.get().is_some() {
            return None;
        }
        let lesson = self.progress.lesson.get()?;
        Some((lesson, self.progress.step.get()))
    }

    /// How the step stands; none while there is no lesson.
    pub fn report(self) -> Memo<Option<Report>> {
        Memo::new(move |_| {
            let (lesson, at) = self.step()?;
            let step = lesson.steps.get(at)?;
            let (since, lang) = (self.progress.since.get(), self.lang.get());
            Some(
                self.session.with(|session| {
                    self.flying.with(|flying| lesson::judge(&step.check, session, since, flying, lang))
                }),
            )
        })
    }

    fn go(&self, step: usize) {
        self.progress.step.set(step);
        self.progress.hints.set(0);
        self.progress.solution.set(false);
        self.progress.since.set(self.session.with_untracked(Since::now));
        // The buttons are new ones: who uses keys or listens goes on at the step's title.
        browser::later(0, || browser::focus(".lesson .scroll h1"));
    }

    fn press(&self, act: &Act) {
        let commands = self.session.with_untracked(|session| act.commands(session));
        for command in commands {
            self.run(command);
        }
        self.pane.set(Pane::Stage);
    }

    /// Does what the solution says, and settles the cluster in between.
    fn solve(&self, lesson: &Lesson, step: &Step) {
        for deed in &step.deeds {
            for command in self.session.with_untracked(|session| deed.commands(&lesson.files, &step.actions, session)) {
                match command {
                    Command::Apply(source) => {
                        self.put_file(&source);
                        self.apply(source);
                        self.settle();
                    }
                    Command::Run { terminal, line } => self.type_line(terminal, &line),
                    command => {
                        self.run(command);
                    }
                }
            }
        }
    }
}

/// The pane.
#[component]
pub fn LessonPane() -> impl IntoView {
    let state = use_state();
    let progress = state.progress;
    let report = state.report();
    let solved = Memo::new(move |_| report.with(|report| report.as_ref().is_some_and(Report::is_solved)));
    Effect::new(move |_| {
        if solved.get() {
            progress.solved.update(|bits| *bits |= 1 << progress.step.get_untracked().min(63));
        }
    });
    if !state.embed {
        Effect::new(move |_| progress.keep());
    }
    let limits = RwSignal::new(false);
    view! {
        <div class="scroll">
            {move || match (state.stories.get(), state.step()) {
                (Some(story), _) => stories::words(state, story).into_any(),
                (None, Some((lesson, at))) if at < lesson.steps.len() => step(state, lesson, at, report, solved).into_any(),
                _ if progress.missing.with(Option::is_some) => lacking(state).into_any(),
                _ => view! { <div class="waiting" aria-busy="true"></div> }.into_any(),
            }}
        </div>
        {move || state.step().map(|(lesson, at)| ways(state, &lesson, at, solved))}
        <footer class="simp">
            {move || state.say(Word::Simplified)} " "
            <button
                class="link"
                aria-expanded=move || limits.get().to_string()
                on:click=move |_| limits.update(|open| *open = !*open)
            >
                {move || state.say(if limits.get() { Word::Close } else { Word::WhatElse })}
            </button>
            {move || limits.get().then(|| super::limits::list(state.lang.get()))}
        </footer>
    }
}

/// In the place of a lesson that cannot be shown: that, and the line to mend.
fn lacking(state: State) -> impl IntoView {
    let why = state.progress.missing.with(|lack| lack.as_ref().map(|lack| lack.why(state.lang.get())));
    let why = why.filter(|why| !why.is_empty()).map(|why| view! { <p data-testid="misread"><code>{why}</code></p> });
    view! {
        {(!state.embed).then(|| view! { <div class="story-head"><Shelf /> {gallery::opener(state)}</div> })}
        <h1 tabindex="-1">{state.progress.name.get_value()}</h1>
        <p>{state.say(Word::LessonMissing)}</p>
        {why}
    }
}

fn step(
    state: State,
    lesson: Arc<Lesson>,
    at: usize,
    report: Memo<Option<Report>>,
    solved: Memo<bool>,
) -> impl IntoView {
    let progress = state.progress;
    let this = lesson.steps[at].clone();
    let count = lesson.steps.len();
    let open = move || progress.hints.get();
    let last = at + 1 == count;
    let (checked, acts) = (!this.check.is_empty(), this.actions.clone());
    let explained = this.solution.clone();
    let shown_hints = {
        let all = this.hints.clone();
        move || {
            all.iter()
                .take(open())
                .map(|hint| view! { <div class="hint-open">{prose(state, hint)}</div> })
                .collect_view()
        }
    };
    let solution = {
        let (lesson, step) = (Arc::clone(&lesson), this.clone());
        move || {
            let (lesson, step) = (Arc::clone(&lesson), step.clone());
            progress.solution.get().then(|| {
                let words = prose(state, &step.solution);
                view! {
                    <div class="hint-open" data-testid="solution">
                        {words}
                        <button class="btn" data-testid="solve" on:click=move |_| state.solve(&lesson, &step)>
                            {state.say(Word::RunSolution)}
                        </button>
                    </div>
                }
            })
        }
    };
    view! {
        {(!state.embed).then(|| view! { <div class="story-head"><Shelf /> {gallery::opener(state)}</div> })}
        <Bars />
        <h1 tabindex="-1">{this.title}</h1>
        {prose(state, &this.prose)}
        <div class="task">
            <h2>{move || state.say(Word::Task)}</h2>
            {prose(state, &this.task)}
            <div class="acts">{acts_row(state, acts)}</div>
        </div>
        {checked.then(|| check(state, report))}
        {move || {
            (solved.get() && !progress.solution.get() && !explained.is_empty())
                .then(|| view! { <div class="explained">{prose(state, &explained)}</div> })
        }}
        {shown_hints}
        {solution}
        {move || {
            (last && solved.get())
                .then(|| {
                    let on = shelf::next(&progress.name.get_value());
                    let on = on.map(|(to, title)| {
                        view! { " " <a href=to>{format!("{}{title}", state.pick("Next lesson: ", "下一课："))}</a> }
                    });
                    view! { <p class="okc done">{state.say(Word::FreePlay)} {on}</p> }
                })
        }}
    }
}

/// Hint, back and on: always at the same place, never barred.
fn ways(state: State, lesson: &Lesson, at: usize, solved: Memo<bool>) -> impl IntoView + use<> {
    let progress = state.progress;
    let hints = lesson.steps.get(at).map_or(0, |step| step.hints.len());
    let last = at + 1 == lesson.steps.len();
    let open = move || progress.hints.get();
    view! {
        <div class="acts ways">
            {move || {
                if open() < hints {
                    let n = open() + 1;
                    let text = state.lang.get().pick(format!("Hint {n} of {hints}"), format!("提示 {n}/{hints}"));
                    view! {
                        <button class="btn" data-testid="hint" on:click=move |_| progress.hints.update(|n| *n += 1)>
                            {text}
                        </button>
                    }
                        .into_any()
                } else {
                    let word = if progress.solution.get() { Word::HideSolution } else { Word::Solution };
                    view! {
                        <button
                            class="btn"
                            data-testid="show-solution"
                            on:click=move |_| progress.solution.update(|open| *open = !*open)
                        >
                            {state.say(word)}
                        </button>
                    }
                        .into_any()
                }
            }}
            <span class="grow"></span>
            <button
                class="btn ghost"
                data-testid="back"
                disabled=at == 0
                on:click=move |_| state.go(at.saturating_sub(1))
            >
                {move || state.say(Word::Back)}
            </button>
            {(!last)
                .then(|| {
                    view! {
                        <button
                            class="btn"
                            class:pri=move || solved.get()
                            data-testid="next"
                            on:click=move |_| state.go(at + 1)
                        >
                            {move || state.say(if solved.get() { Word::Next } else { Word::Skip })}
                        </button>
                    }
                })}
        </div>
    }
}

/// The bars of the steps, and "Step 3 of 7".
#[component]
fn Bars() -> impl IntoView {
    let state = use_state();
    let progress = state.progress;
    let count = move || progress.lesson.with(|lesson| lesson.as_ref().map_or(0, |lesson| lesson.steps.len()));
    let text = move || {
        let (n, of) = (progress.step.get() + 1, count());
        state.lang.get().pick(format!("Step {n} of {of}"), format!("第 {n} 步，共 {of} 步"))
    };
    view! {
        <div class="prog">
            {move || {
                let (now, solved) = (progress.step.get(), progress.solved.get());
                (0..count())
                    .map(|i| {
                        let done = i != now && (solved >> i.min(63)) & 1 == 1;
                        view! { <i class:n=i == now class:d=done aria-hidden="true"></i> }
                    })
                    .collect_view()
            }} <span>{text}</span>
        </div>
    }
}

/// What a phone's top bar tells of the lesson.
#[component]
pub fn Badge() -> impl IntoView {
    let state = use_state();
    let report = state.report();
    let title = move || match state.stories.get() {
        Some(story) => Some(story.scenario.title.text(state.lang.get()).to_owned()),
        None => state.progress.lesson.with(|lesson| lesson.as_ref().map(|lesson| lesson.title.clone())),
    };
    view! {
        <div class="lesson-badge">
            <h1>{title}</h1>
            {move || state.stories.get().is_none().then(|| view! { <Bars /> })}
            <span class="acc">{move || report.get().map(|report| headline(&report, state.lang.get()))}</span>
        </div>
    }
}

/// The check in a few words.
fn headline(report: &Report, lang: Lang) -> String {
    let landed = report.cells.iter().filter(|cell| !matches!(cell.fate, Fate::Waiting | Fate::Flying)).count();
    match report.cells.len() {
        _ if report.is_solved() => Word::Solved.text(lang).to_owned(),
        0 => {
            let met = report.conditions.iter().filter(|condition| condition.met).count();
            let of = report.conditions.len();
            lang.pick(format!("{met} of {of}"), format!("{met}/{of}"))
        }
        of if report.cells.iter().all(|cell| !matches!(cell.fate, Fate::Refused | Fate::Lost)) => {
            lang.pick(format!("{landed} of {of} answered"), format!("已回答 {landed}/{of}"))
        }
        of => lang.pick(format!("{landed} of {of} ended"), format!("已有结果 {landed}/{of}")),
    }
}

fn check(state: State, report: Memo<Option<Report>>) -> impl IntoView {
    let solved = move || report.with(|report| report.as_ref().is_some_and(Report::is_solved));
    let cells = move || {
        let cells = report.with(|report| report.as_ref().map(|report| report.cells.clone()).unwrap_or_default());
        let marks = state.session.with(|session| Marks::of(session.cluster().store()));
        (!cells.is_empty()).then(|| {
            let lang = state.lang.get();
            let shown = cells.iter().map(|cell| view! { <li>{show_cell(state, cell, &marks, lang)}</li> });
            view! { <ol class="cells">{shown.collect_view()}</ol> }
        })
    };
    let conditions = move || {
        let conditions = report.with(|r| r.as_ref().map(|r| r.conditions.clone()).unwrap_or_default());
        let rows = conditions.into_iter().map(|condition| {
            let share = if condition.want == 0 { 0.0 } else { condition.have as f64 / condition.want as f64 };
            let turn = format!("--share:{}%", (share.min(1.0) * 100.0).round());
            let sign = if condition.met {
                icon(Icon::Check, 16).into_any()
            } else {
                view! { <i class="ring" style=turn aria-hidden="true"></i> }.into_any()
            };
            let count =
                (!condition.met && condition.want > 1).then(|| format!(" {}/{}", condition.have, condition.want));
            view! {
                <li class:okc=condition.met>
                    {sign} <span>{condition.text} <span class="dim">{count}</span></span>
                </li>
            }
        });
        rows.collect_view()
    };
    view! {
        <section class="check" data-testid="check" class:solved=solved>
            <header>
                <span>{move || state.say(Word::Check)}</span>
                <span class="now" role="status">
                    {move || report.get().map(|report| headline(&report, state.lang.get()))}
                </span>
            </header>
            {cells}
            <ul class="conditions">{conditions}</ul>
        </section>
    }
}

/// A request in its cell: the mark of the pod that answered, or how it failed.
fn show_cell(state: State, cell: &Cell, marks: &Marks, lang: Lang) -> AnyView {
    let (shape, label) = match &cell.fate {
        Fate::Waiting => (view! { <i class="fly"></i> }.into_any(), lang.pick("not sent", "未发送").to_owned()),
        Fate::Flying => (view! { <i class="fly on"></i> }.into_any(), lang.pick("on its way", "途中").to_owned()),
        Fate::Answered(place) => {
            let (mark, name) = match place {
                Place::Pod(namespace, name) => (marks.pod(namespace, name), name.to_string()),
                _ => (None, String::new()),
            };
            let shape = match mark {
                Some(mark) => replica(mark, 22).into_any(),
                None => view! { <i class="fly full"></i> }.into_any(),
            };
            (shape, lang.pick(format!("answered by {name}"), format!("由 {name} 回答")))
        }
        Fate::Refused => (
            view! { <i class="fly bad">{icon(Icon::Cross, 12)}</i> }.into_any(),
            lang.pick("refused", "被拒绝").to_owned(),
        ),
        Fate::Lost => (
            view! { <i class="fly bad">{icon(Icon::Cross, 12)}</i> }.into_any(),
            lang.pick("no answer", "没有回答").to_owned(),
        ),
    };
    match cell.trace {
        Some(id) => view! {
            <button class="cell" aria-label=format!("#{id} {label}") title=format!("#{id} {label}") on:click=move |_| state.select(id)>
                {shape}
            </button>
        }
        .into_any(),
        None => view! { <span class="cell" role="img" aria-label=label>{shape}</span> }.into_any(),
    }
}

/// The step's buttons; the first that sends is the one to press.
fn acts_row(state: State, acts: Vec<Act>) -> impl IntoView {
    let first = acts.iter().position(|act| act.send.is_some());
    let sends = acts.iter().filter_map(|act| act.send.as_ref());
    let sources: std::collections::BTreeSet<&str> = sends.clone().map(|send| send.from.as_str()).collect();
    let told = match sends.count() {
        1 => Told::Nothing,
        n if n == sources.len() => Told::From,
        _ => Told::To,
    };
    let curl = first.and_then(|first| acts[first].send.clone());
    let copied = RwSignal::new(false);
    let buttons = acts.into_iter().enumerate().map(|(i, act)| {
        let label = {
            let act = act.clone();
            move || {
                let mut act = act.clone();
                if let Some(send) = act.send.as_mut().filter(|send| send.url.contains('{')) {
                    send.url = state.session.with(|session| lesson::with_addresses(&send.url, session));
                }
                act_label(&act, told, state.lang.get())
            }
        };
        let id = if Some(i) == first { "send".to_owned() } else { format!("act-{}", i + 1) };
        view! {
            <button class="btn" class:pri=Some(i) == first data-testid=id on:click=move |_| state.press(&act)>
                {label}
            </button>
        }
    });
    let copy = curl.map(|send| {
        view! {
            <button
                class="btn"
                data-testid="copy-curl"
                on:click=move |_| {
                    let url = state.session.with_untracked(|session| lesson::with_addresses(&send.url, session));
                    let headers: String = send.headers.iter().map(|(k, v)| format!("-H '{k}: {v}' ")).collect();
                    let line = match send.count {
                        1 => format!("curl -m 2 {headers}{url}"),
                        n => format!("for i in $(seq {n}); do curl -s -m 2 {headers}{url}; done"),
                    };
                    browser::copy(&line, move |ok| {
                        copied.set(ok);
                        browser::later(2000, move || copied.set(false));
                    });
                }
            >
                {move || state.say(if copied.get() { Word::CurlCopied } else { Word::CopyCurl })}
            </button>
        }
    });
    view! {
        {buttons.collect_view()}
        {copy}
    }
}

/// What the buttons of a step have to say, so that none looks like another.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    From,
    To,
}

fn act_label(act: &Act, told: Told, lang: Lang) -> String {
    let Some(send) = &act.send else {
        return match act {
            Act { stop_node: Some(node), .. } => lang.pick(format!("Stop {node}"), format!("停止 {node}")),
            Act { start_node: Some(node), .. } => lang.pick(format!("Start {node}"), format!("启动 {node}")),
            Act { fail_readiness: Some(_), .. } => lang.pick("Make a probe fail", "让一个探针失败").to_owned(),
            _ => lang.pick("Let all probes succeed", "让探针恢复成功").to_owned(),
        };
    };
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let n = words.get(send.count as usize).map_or_else(|| send.count.to_string(), |word| (*word).to_owned());
    match told {
        Told::Nothing => return lang.pick(format!("Send {n}"), format!("发 {} 个", send.count)),
        Told::To => {
            let host = send.url.split_once("//").map_or(&*send.url, |(_, rest)| rest);
            let host = host.split(['/', ':']).next().unwrap_or_default();
            let host = send.headers.get("Host").map_or(host, String::as_str);
            return lang.pick(format!("Send {n} to {host}"), format!("向 {host} 发 {} 个", send.count));
        }
        Told::From => {}
    }
    let (en, zh) = match send.from.split('/').next() {
        Some("laptop") => ("from the laptop", "从你的电脑"),
        Some("internet") => ("from the internet", "从互联网"),
        Some("node") => ("from the node", "从节点"),
        _ => ("from the pod", "从 Pod "),
    };
    lang.pick(format!("Send {n} {en}"), format!("{zh}发 {} 个", send.count))
}

/// Prose, with the cluster's own addresses in the place of `{SERVICE}`.
pub fn prose(state: State, blocks: &[Block]) -> impl IntoView + use<> {
    let show = |block: &Block| match block {
        Block::Paragraph(pieces) => view! { <p>{inlines(state, pieces)}</p> }.into_any(),
        Block::List { ordered, items } => {
            let items = items.iter().map(|item| view! { <li>{inlines(state, item)}</li> }).collect_view();
            if *ordered { view! { <ol>{items}</ol> }.into_any() } else { view! { <ul>{items}</ul> }.into_any() }
        }
        Block::Code { text, .. } => view! { <pre>{text.trim_end().to_owned()}</pre> }.into_any(),
    };
    blocks.iter().map(show).collect_view()
}

fn inlines(state: State, pieces: &[Inline]) -> impl IntoView + use<> {
    let show = |piece: &Inline| match piece.clone() {
        Inline::Text(text) => text.into_any(),
        Inline::Code(text) => {
            let live = move || {
                if text.contains('{') {
                    state.session.with(|session| lesson::with_addresses(&text, session))
                } else {
                    text.clone()
                }
            };
            let is_command =
                ["kubectl ", "minikube ", "curl "].iter().any(|program| untrack(&live).starts_with(program));
            if !is_command {
                return view! { <code>{live}</code> }.into_any();
            }
            let typed = live.clone();
            let put = move || {
                state.typed.set(Some(untrack(&typed)));
                state.pane.set(Pane::Terminal);
            };
            view! {
                <code
                    class="type"
                    role="button"
                    tabindex="0"
                    title=move || state.say(Word::TypeIt)
                    on:click={
                        let put = put.clone();
                        move |_| put()
                    }
                    on:keydown=move |event| {
                        if matches!(event.key().as_str(), "Enter" | " ") {
                            event.prevent_default();
                            put();
                        }
                    }
                >
                    {live}
                </code>
            }
            .into_any()
        }
        Inline::Emphasis(text) => view! { <em>{text}</em> }.into_any(),
        Inline::Strong(text) => view! { <strong>{text}</strong> }.into_any(),
        Inline::Link { text, to } => view! { <a href=to target="_blank" rel="noopener">{text}</a> }.into_any(),
    };
    pieces.iter().map(show).collect_view()
}

/// The profile that a lesson asks for.
pub fn profile_of(lesson: &Lesson) -> Option<Profile> {
    Profile::named(&lesson.profile)
}
