//! The list under the editor: every problem with its line, the text it is about, and the API server's words.

use kubehop::diag::{Diagnostic, Hint, Severity};
use kubehop::text::{Source, Span};
use leptos::prelude::*;

use super::editing::Titles;
use super::icons::{Icon, icon};
use super::state::use_state;
use super::words::Word;

/// More than this helps nobody.
const MOST: usize = 30;

/// A problem, ready to be shown.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    file: String,
    /// Which of the file's problems it is.
    number: usize,
    line: u32,
    span: Span,
    /// The line's text before, in and after the problem.
    snippet: [String; 3],
    error: bool,
    message: String,
    hint: Option<Hint>,
}

fn row(file: &Source, number: usize, diagnostic: &Diagnostic) -> Row {
    let text = &file.text;
    let start = text.floor_char_boundary(diagnostic.span.start as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let end = text.floor_char_boundary(diagnostic.span.end as usize).clamp(start, line_end);
    let short = |text: &str, most: usize| match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    };
    Row {
        file: file.name.clone(),
        number,
        line: file.position(start as u32).line,
        span: diagnostic.span,
        snippet: [
            short(text[line_start..start].trim_start(), 60),
            short(&text[start..end], 60),
            short(text[end..line_end].trim_end(), 40),
        ],
        error: diagnostic.severity == Severity::Error,
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
    }
}

/// The list; nothing while nothing is wrong.
#[component]
pub fn Problems(fixes: Memo<Titles>) -> impl IntoView {
    let state = use_state();
    // The first of them, and how many more there are.
    let rows = Memo::new(move |_| {
        state.diagnostics.with(|all| {
            state.files.with_untracked(|files| {
                let known = || files.iter().filter_map(|file| Some((file, all.get(&file.name)?)));
                let each =
                    known().flat_map(|(file, list)| list.iter().enumerate().map(move |(i, each)| (file, i, each)));
                let rows: Vec<Row> = each.take(MOST).map(|(file, i, each)| row(file, i, each)).collect();
                let more = known().map(|(_, list)| list.len()).sum::<usize>() - rows.len();
                (rows, more)
            })
        })
    });
    let shown = move || {
        rows.get()
            .0
            .into_iter()
            .map(|row| {
                let (file, span) = (row.file.clone(), row.span);
                let (name, number) = (row.file.clone(), row.number);
                let fix = fixes.with(|all| all.get(&name).and_then(|titles| titles.get(number)?.clone()));
                let line = state.lang.get().pick(format!("line {}", row.line), format!("第 {} 行", row.line));
                let [before, about, after] = row.snippet;
                let kind = if row.error { "problem" } else { "problem warning" };
                let empty = before.is_empty() && about.is_empty() && after.is_empty();
                view! {
                    <li class=kind>
                        {icon(if row.error { Icon::Error } else { Icon::Warning }, 16)} <div>
                            <button class="link" on:click=move |_| state.show_span(&file, span)>
                                {row.file}
                            </button> " " <span class="loc">{line}</span>
                            {(!empty)
                                .then(|| {
                                    view! {
                                        <code class="snip">
                                            {before} <span class="sq-u">{about}</span> {after}
                                        </code>
                                    }
                                })} <div class="words" lang="en">{row.message}</div>
                            {row.hint.map(|hint| view! { <div class="hint">{hint.text(state.lang.get())}</div> })}
                            {fix
                                .map(|title| {
                                    view! {
                                        <button class="btn fix" data-testid="fix" on:click=move |_| state.mend(&name, number)>
                                            {title}
                                        </button>
                                    }
                                })}
                        </div>
                    </li>
                }
            })
            .collect_view()
    };
    let more = move || {
        let more = rows.with(|(_, more)| *more);
        (more > 0).then(|| {
            let text = state.lang.get().pick(format!("and {more} more"), format!("另有 {more} 个"));
            view! { <li class="dim more">{text}</li> }
        })
    };
    view! {
        <ul
            class="problems"
            data-testid="diagnostics"
            aria-label=move || state.say(Word::Problems)
            hidden=move || rows.with(|(rows, _)| rows.is_empty())
        >
            {shown}
            {more}
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_cuts_its_line_in_three() {
        let file = Source::new("a.yaml", "spec:\n  - path: api # 中\nx: 1\n");
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            span: Span { start: 16, end: 19 },
            field: "spec[0].path".into(),
            message: "must be an absolute path".into(),
            hint: None,
        };
        let row = row(&file, 0, &diagnostic);
        assert_eq!(row.line, 2);
        assert_eq!(row.snippet, ["- path: ", "api", " # 中"]);
    }
}
