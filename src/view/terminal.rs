//! Terminals: a line in, a block out. Each stands somewhere: on the laptop, in a node, in a pod.

use std::sync::atomic::{AtomicU64, Ordering};

use kubehop::session::Command;
use kubehop::shell::{self, Stream};
use kubehop::trace::Place;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html;
use leptos::prelude::*;

use super::browser;
use super::icons::{Icon, icon};
use super::state::{State, use_state};
use super::words::Word;

/// How many blocks a terminal remembers.
const SCROLLBACK: usize = 300;

/// How many terminals there can be.
const MOST_TERMINALS: usize = 8;

/// A line and what it gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Counts blocks, so that a list can tell them apart.
    id: u64,
    prompt: String,
    line: String,
    chunks: Vec<(Stream, String)>,
}

/// A number that no block has had: those of another session are others.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What one terminal shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// What was run, oldest first.
    blocks: Vec<Block>,
    /// Lines to come back to with the arrow keys.
    history: Vec<String>,
}

/// The tabs, the transcript and the line.
#[component]
pub fn TerminalPane() -> impl IntoView {
    let state = use_state();
    let here = state.terminal;
    let line = RwSignal::new(String::new());
    // Where in the history the arrow keys are, counted from its end.
    let back = StoredValue::new(0usize);
    let scroll = NodeRef::<html::Div>::new();
    let field = NodeRef::<html::Input>::new();
    let prompt = Memo::new(move |_| state.prompt(here.get()));
    let to_end = move || {
        browser::next_frame(move |_| {
            if let Some(scroll) = scroll.get_untracked() {
                scroll.set_scroll_top(scroll.scroll_height());
                scroll.set_scroll_left(0);
            }
        })
    };
    Effect::new(move |_| {
        here.track();
        state.transcripts.track();
        to_end();
    });
    Effect::new(move |_| {
        if let Some(text) = state.typed.get() {
            line.set(text);
            if let Some(field) = field.get_untracked() {
                let _ = field.focus();
            }
        }
    });
    let run = move || {
        let text = line.get_untracked();
        line.set(String::new());
        back.set_value(0);
        state.type_line(here.get_untracked(), &text);
    };
    let recall = move |step: isize| {
        let history = state.transcripts.with_untracked(|all| all[usize::from(here.get_untracked())].history.clone());
        let at = back.get_value().saturating_add_signed(step).min(history.len());
        back.set_value(at);
        line.set(if at == 0 { String::new() } else { history[history.len() - at].clone() });
    };
    let complete = move |event: &KeyboardEvent| {
        let text = line.get_untracked();
        if text.trim().is_empty() || event.shift_key() {
            return;
        }
        if let Some((text, choices)) = state.complete(here.get_untracked(), &text) {
            event.prevent_default();
            if choices.len() > 1 && text == line.get_untracked() {
                state.print(here.get_untracked(), &text, vec![(Stream::Out, choices.join("  ") + "\n")]);
            }
            line.set(text);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let selecting = || window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
        let control = event.ctrl_key() && !event.alt_key() && !event.meta_key();
        match event.key().as_str() {
            "Enter" if !event.is_composing() && state.is_held(here.get_untracked()) => {}
            "Enter" if !event.is_composing() => run(),
            "ArrowUp" => recall(1),
            "ArrowDown" => recall(-1),
            "Tab" => return complete(&event),
            "c" if control && !selecting() && state.is_held(here.get_untracked()) => {
                state.interrupt(here.get_untracked())
            }
            "c" if control && !selecting() => {
                state.print(here.get_untracked(), &(line.get_untracked() + "^C"), Vec::new());
                line.set(String::new());
            }
            "l" if control => state.clear(here.get_untracked()),
            "d" if control && line.with_untracked(String::is_empty) => state.type_line(here.get_untracked(), "exit"),
            _ => return,
        }
        event.prevent_default();
    };
    let tabs = move || {
        (0..state.transcripts.with(Vec::len) as u8)
            .map(|n| {
                let on = move || here.get() == n;
                view! {
                    <button class:on=on role="tab" tabindex="-1" aria-selected=move || on().to_string() on:click=move |_| here.set(n)>
                        {move || state.place_name(n)}
                    </button>
                }
            })
            .collect_view()
    };
    let add = move |_: MouseEvent| {
        state.transcripts.update(|all| all.push(Transcript::default()));
        here.set(state.transcripts.with_untracked(Vec::len) as u8 - 1);
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let blocks = move || {
        state.transcripts.with(|all| all.get(usize::from(here.get())).map(|t| t.blocks.clone()).unwrap_or_default())
    };
    let on_click = move |_: MouseEvent| {
        let selecting = window().get_selection().ok().flatten().is_some_and(|s| !s.is_collapsed());
        if let (false, Some(field)) = (selecting, field.get_untracked()) {
            let _ = field.focus();
        }
    };
    view! {
        <div class="tabs">
            <div class="tablist" role="tablist" data-rove tabindex="0" aria-label=move || state.say(Word::Terminal)>{tabs}</div>
            <button
                class="add"
                data-testid="new-terminal"
                disabled=move || { state.transcripts.with(Vec::len) >= MOST_TERMINALS }
                aria-label=move || state.say(Word::NewTerminal)
                title=move || state.say(Word::NewTerminal)
                on:click=add
            >
                {icon(Icon::Plus, 14)}
            </button>
        </div>
        <div class="scr" node_ref=scroll on:click=on_click>
                {move || {
                blocks()
                    .is_empty()
                    .then(|| {
                        view! {
                            <p class="hello">
                                {state.say(Word::Welcome)} " " <code>"kubectl get node"</code>
                                {state.pick(", ", "、")} <code>"help"</code>
                            </p>
                        }
                    })
            }}
            <div class="log" role="log" data-testid="terminal-output">
                <For each=blocks key=|block| block.id children=block />
            </div>
            <div class="line">
                <label class="p" for="terminal-line">
                    {move || if state.is_held(here.get()) { String::new() } else { prompt.get() }}
                </label>
                <input
                    id="terminal-line"
                    data-testid="terminal-input"
                    node_ref=field
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    enterkeyhint="send"
                    aria-label=move || format!("{} {}", state.say(Word::CommandLine), prompt.get())
                    prop:value=move || line.get()
                    on:input=move |event| line.set(event_target_value(&event))
                    on:keydown=on_key
                />
            </div>
        </div>
    }
}

fn block(block: Block) -> impl IntoView {
    let chunks = block.chunks.into_iter().map(|(stream, text)| {
        let kind = if stream == Stream::Err { "err" } else { "" };
        view! { <div class=kind>{text}</div> }
    });
    view! {
        <div class="block">
            <div>
                <span class="p">{block.prompt}</span> <b>{block.line}</b>
            </div>
            {chunks.collect_view()}
        </div>
    }
}

impl State {
    /// Runs a line in a terminal, as if it had been typed there.
    pub fn type_line(&self, terminal: u8, line: &str) {
        if line.trim().is_empty() {
            return self.print(terminal, line, Vec::new());
        }
        self.write_files();
        let prompt = self.prompt(terminal);
        // It changes nothing: the session's log does without it.
        if line.trim() == "diagnose" {
            return self.block(terminal, prompt, line, vec![(Stream::Out, super::diagnose::listed(*self))]);
        }
        let reply = self.run(Command::Run { terminal, line: line.to_owned() });
        if reply.output.clear {
            self.clear(terminal);
        } else {
            self.block(terminal, prompt, line, reply.output.chunks);
        }
        self.overhear();
        self.transcripts.update(|all| {
            if let Some(transcript) = all.get_mut(usize::from(terminal))
                && transcript.history.last().is_none_or(|last| last != line)
            {
                transcript.history.push(line.to_owned());
            }
        });
        self.read_files_back();
    }

    /// Whether a program holds a terminal.
    fn is_held(&self, terminal: u8) -> bool {
        self.session.with(|session| session.terminal(terminal).is_some_and(shell::Terminal::is_held))
    }

    /// Ends the program that holds a terminal.
    fn interrupt(&self, terminal: u8) {
        let reply = self.run(Command::Run { terminal, line: "^C".to_owned() });
        let mut chunks = vec![(Stream::Out, "^C\n".to_owned())];
        chunks.extend(reply.output.chunks);
        self.append(terminal, chunks);
    }

    /// Shows what programs that go on have printed, each in its terminal.
    pub fn overhear(&self) {
        let count = self.transcripts.with_untracked(Vec::len) as u8;
        let is_quiet = |session: &kubehop::session::Session| {
            (0..count)
                .all(|n| session.terminal(n).is_none_or(|terminal| terminal.jobs.is_empty() && terminal.is_silent()))
        };
        if self.session.with_untracked(is_quiet) {
            return;
        }
        for terminal in 0..count {
            let printed = self.session.try_update(|session| session.take_printed(terminal)).unwrap_or_default();
            self.append(terminal, printed);
        }
    }

    /// Adds to the end of what a terminal shows.
    fn append(&self, terminal: u8, chunks: Vec<(Stream, String)>) {
        if chunks.is_empty() {
            return;
        }
        self.transcripts.update(|all| {
            let Some(transcript) = all.get_mut(usize::from(terminal)) else { return };
            // Another number, so that the list draws the block anew.
            let id = next_id();
            if let Some(last) = transcript.blocks.last_mut() {
                for (stream, text) in chunks {
                    // A new screen of `watch` takes the place of the last.
                    match text.rsplit_once('\u{c}') {
                        Some((_, screen)) => last.chunks = vec![(stream, screen.to_owned())],
                        None => last.chunks.push((stream, text)),
                    }
                }
                last.id = id;
            }
        });
    }

    /// Runs a line in a terminal of its own, and shows that one.
    pub fn run_beside(&self, line: &str) {
        let free =
            self.transcripts.with_untracked(|all| all.iter().rposition(|t| t.blocks.is_empty()).filter(|n| *n > 0));
        let terminal = free.unwrap_or_else(|| self.transcripts.with_untracked(Vec::len).min(MOST_TERMINALS - 1));
        self.transcripts.update(|all| {
            if all.len() <= terminal {
                all.push(Transcript::default());
            }
        });
        self.terminal.set(terminal as u8);
        self.pane.set(super::state::Pane::Terminal);
        self.type_line(terminal as u8, line);
    }

    /// Shows a line and some output that no command gave.
    pub fn print(&self, terminal: u8, line: &str, chunks: Vec<(Stream, String)>) {
        self.block(terminal, self.prompt(terminal), line, chunks);
    }

    fn block(&self, terminal: u8, prompt: String, line: &str, chunks: Vec<(Stream, String)>) {
        self.transcripts.update(|all| {
            if let Some(transcript) = all.get_mut(usize::from(terminal)) {
                transcript.blocks.push(Block { id: next_id(), prompt, line: line.to_owned(), chunks });
                let old = transcript.blocks.len().saturating_sub(SCROLLBACK);
                transcript.blocks.drain(..old);
            }
        });
    }

    /// Takes the last block away, after its command was taken back.
    pub fn unrun(&self, undone: &Command) {
        let Command::Run { terminal, .. } = undone else { return };
        self.transcripts.update(|all| {
            if let Some(transcript) = all.get_mut(usize::from(*terminal)) {
                transcript.blocks.pop();
            }
        });
    }

    fn clear(&self, terminal: u8) {
        self.transcripts.update(|all| {
            if let Some(transcript) = all.get_mut(usize::from(terminal)) {
                transcript.blocks.clear();
            }
        });
    }

    fn place(&self, terminal: u8) -> Place {
        let place = |session: &kubehop::session::Session| {
            session.terminal(terminal).and_then(|terminal| terminal.places.last().cloned())
        };
        self.session.with(place).unwrap_or(Place::Laptop)
    }

    fn prompt(&self, terminal: u8) -> String {
        self.session.with(|session| session.terminal(terminal).map(shell::prompt)).unwrap_or_else(|| "$ ".to_owned())
    }

    fn place_name(&self, terminal: u8) -> String {
        match self.place(terminal) {
            Place::Node(name) | Place::Pod(_, name) => name.to_string(),
            _ => self.pick("laptop", "你的电脑").to_owned(),
        }
    }

    /// The line with what can be told of its end, and the choices where there are several.
    fn complete(&self, terminal: u8, line: &str) -> Option<(String, Vec<String>)> {
        self.write_files();
        let choices = self.session.with_untracked(|session| {
            let terminal = session.terminal(terminal).or_else(|| session.terminal(0))?;
            Some(shell::complete(session.cluster(), terminal, session.files(), line, line.len()))
        })?;
        let first = choices.first()?;
        let shared = choices.iter().fold(first.len(), |shared, choice| {
            first.bytes().zip(choice.bytes()).take(shared).take_while(|(a, b)| a == b).count()
        });
        let word = line.rfind([' ', '|', ';', '&', '(']).map_or(0, |at| at + 1);
        let end = if choices.len() == 1 { " " } else { "" };
        Some((format!("{}{}{end}", &line[..word], &first[..first.floor_char_boundary(shared)]), choices))
    }
}
