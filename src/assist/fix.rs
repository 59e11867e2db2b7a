//! What mends a diagnostic, as edits that the learner accepts.

use super::place::{Line, document, map_of};
use crate::diag::{Diagnostic, Hint, Severity};
use crate::lang::Lang;
use crate::manifest;
use crate::object::Kind;
use crate::text::{Edit, Source, Span};

/// A change that mends something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as words for a button.
    pub title: String,
    /// The edits, in the order of the text.
    pub edits: Vec<Edit>,
}

/// The change that mends a diagnostic of a text, where we know one.
///
/// Where a line moves, or the indentation changes, the text is read again: a change that leaves as much wrong is not offered.
///
/// ```
/// use kubehop::{assist, lang::Lang, manifest, text::Source};
///
/// let source = Source::new("svc.yaml", "apiVersion: v1\nkind: Service\nspec: {prots: []}\n");
/// let fix = assist::fix(&source, &manifest::parse(&source).diagnostics[0], Lang::En).unwrap();
/// assert_eq!((fix.title.as_str(), fix.edits[0].text.as_str()), ("Write ports", "ports"));
/// ```
pub fn fix(source: &Source, diagnostic: &Diagnostic, lang: Lang) -> Option<Fix> {
    let span = diagnostic.span;
    let marked = source.text.get(span.start as usize..span.end as usize)?;
    let write = |text: &str| {
        let scalar = scalar(marked);
        let span = Span { end: span.start + scalar.len() as u32, ..span };
        let plain = !scalar.is_empty() && !scalar.contains(['\n', '{', '[']);
        let title = lang.pick(format!("Write {text}"), format!("写成 {text}"));
        plain.then(|| Fix { title, edits: vec![Edit { span, text: text.to_owned() }] })
    };
    let Some(hint) = &diagnostic.hint else { return missing(source, diagnostic, lang) };
    match hint {
        Hint::DidYouMean(text) | Hint::Quote(text) | Hint::Unquote(text) | Hint::ApiVersion(text) => write(text),
        Hint::Tab => {
            let title = lang.pick("Indent with spaces", "改用空格缩进");
            let tries = [2, 4, 8].map(|width| spaces(source, span, width));
            best(source, tries.into_iter().collect()).map(|edits| Fix { title: title.into(), edits })
        }
        Hint::Moved(to) => {
            let title = lang.pick(format!("Move it to {to}"), format!("移到 {to}"));
            best(source, vec![moved(source, span, to)?]).map(|edits| Fix { title, edits })
        }
        Hint::Repeated(key) => {
            let title = lang.pick(format!("Remove this {key}"), format!("删去这个 {key}"));
            let (lines, here) = at(source, span.start);
            let edits = vec![Edit { span: entry(&lines, here, source)?, text: String::new() }];
            best(source, vec![edits]).map(|edits| Fix { title, edits })
        }
        Hint::Say { .. } if diagnostic.field.ends_with("selector[matchLabels]") => {
            let title = lang.pick("Take matchLabels out", "去掉 matchLabels");
            best(source, vec![unwrapped(source, span)?]).map(|edits| Fix { title: title.into(), edits })
        }
        _ => None,
    }
}

/// A marked scalar without what follows it on its line.
fn scalar(marked: &str) -> &str {
    let quote = marked.chars().next().filter(|c| matches!(c, '"' | '\''));
    match quote.and_then(|quote| marked[1..].find(quote)) {
        Some(end) => &marked[..end + 2],
        None => marked.split(" #").next().unwrap_or_default().trim_end(),
    }
}

/// An `apiVersion` or a `kind` that is not there, where the other one tells it.
fn missing(source: &Source, diagnostic: &Diagnostic, lang: Lang) -> Option<Fix> {
    let wanted = diagnostic.message.strip_prefix("error validating data: ")?.strip_suffix(" not set")?;
    let lines = document(&source.text, diagnostic.span.start as usize);
    let top = |key: &str| lines.iter().find(|line| line.column == 0 && line.key == Some(key));
    let (text, start) = match wanted {
        "apiVersion" => {
            let line = top("kind")?;
            let kind = Kind::all().find(|kind| kind.name() == line.value())?;
            (format!("apiVersion: {}", kind.api_version()), line.start)
        }
        "kind" => {
            let line = top("apiVersion")?;
            let mut kinds = Kind::all().filter(|kind| kind.api_version() == line.value());
            let only = kinds.next().filter(|_| kinds.next().is_none())?;
            (format!("kind: {}", only.name()), line.start)
        }
        _ => return None,
    };
    let span = Span { start: start as u32, end: start as u32 };
    // An empty one is filled in where it stands.
    let edits = match top(wanted) {
        Some(line) => {
            vec![Edit { span: Span { start: line.start as u32, end: line.end() as u32 }, text: text.clone() }]
        }
        None => vec![Edit { span, text: format!("{text}\n") }],
    };
    Some(Fix { title: lang.pick(format!("Add {text}"), format!("补上 {text}")), edits })
}

/// The edits that leave the least wrong, if they leave less than there is now.
fn best(source: &Source, tries: Vec<Vec<Edit>>) -> Option<Vec<Edit>> {
    let wrong = |text: String| {
        let parsed = manifest::parse(&Source::new(source.name.as_str(), text));
        let errors = parsed.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        // What cannot be read hides what else is wrong.
        let unread = parsed.refusals.iter().filter(|r| r.by == manifest::Refuser::Reader).count();
        (unread, errors, parsed.diagnostics.len())
    };
    let now = wrong(source.text.clone());
    let judged = tries.into_iter().map(|edits| (wrong(source.edited(&edits)), edits));
    judged.min_by_key(|(wrong, _)| *wrong).filter(|(wrong, _)| *wrong < now).map(|(_, edits)| edits)
}

/// The lines of a document, and which of them holds an offset.
fn at(source: &Source, offset: u32) -> (Vec<Line<'_>>, usize) {
    let lines = document(&source.text, offset as usize);
    let here = lines.iter().rposition(|line| line.start <= offset as usize).unwrap_or(0);
    (lines, here)
}

/// Spaces for the tabs that indent lines of a document, from a line on.
fn spaces(source: &Source, span: Span, width: usize) -> Vec<Edit> {
    let (lines, here) = at(source, span.start);
    let indented = lines.iter().skip(here).filter_map(|line| {
        let blank = &line.text[..line.text.len() - line.text.trim_start_matches([' ', '\t']).len()];
        let end = (line.start + blank.len()) as u32;
        let text = blank.replace('\t', &" ".repeat(width));
        blank.contains('\t').then_some(Edit { span: Span { start: line.start as u32, end }, text })
    });
    indented.collect()
}

/// The lines after `at` that belong to its value.
fn below(lines: &[Line<'_>], at: usize) -> usize {
    let column = lines[at].column;
    // A list may stand in the column of its key.
    let belongs = |line: &Line<'_>| {
        line.is_empty() || line.column > column && line.dashes.first().is_none_or(|dash| *dash >= column)
    };
    let mut end = lines.iter().skip(at + 1).take_while(|line| belongs(line)).count() + at + 1;
    while end > at + 1 && lines[end - 1].is_empty() {
        end -= 1;
    }
    end
}

/// The whole lines of a key and its value; none where they share them with something else.
fn entry(lines: &[Line<'_>], at: usize, source: &Source) -> Option<Span> {
    let line = lines.get(at).filter(|line| line.key.is_some() && line.dashes.is_empty())?;
    let end = lines[below(lines, at) - 1].end();
    let end = source.text[end..].find('\n').map_or(source.text.len(), |more| end + more + 1);
    Some(Span { start: line.start as u32, end: end as u32 })
}

/// The lines of a key and its value, as they would stand in another column.
fn shifted(lines: &[Line<'_>], at: usize, column: usize, key: &str) -> Option<String> {
    let line = &lines[at];
    let mut out = format!("{}{key}:{}\n", " ".repeat(column), line.rest.trim_end());
    for below in &lines[at + 1..below(lines, at)] {
        let indent = below.text.len() - below.text.trim_start_matches(' ').len();
        let deeper = (column + indent).checked_sub(line.column)?;
        out.push_str(&" ".repeat(if below.text.trim().is_empty() { 0 } else { deeper }));
        out.push_str(below.text.trim());
        out.push('\n');
    }
    Some(out)
}

/// A key and its value, moved to a path; parents that are not there are made.
fn moved(source: &Source, span: Span, to: &str) -> Option<Vec<Edit>> {
    let (lines, here) = at(source, span.start);
    let gone = entry(&lines, here, source)?;
    let mut steps: Vec<&str> = to.split('.').collect();
    let key = steps.pop()?;
    // As deep as there is something to go into: the line after which to write, and the column.
    let mut members: Vec<usize> = map_of(&lines, lines.iter().position(|line| line.column == 0 && line.key.is_some())?);
    let (mut after, mut column, mut made) = (members.iter().copied().rfind(|i| *i != here)?, 0, Vec::new());
    for step in steps {
        let (name, item) = step.split_once('[').map_or((step, None), |(name, item)| (name, Some(item)));
        let found = members.iter().copied().find(|i| lines[*i].key == Some(name)).filter(|_| made.is_empty());
        let Some(at) = found else {
            made.push((name, item.is_some()));
            continue;
        };
        let inside = (at + 1..below_list(&lines, at)).find(|i| !lines[*i].is_empty());
        let first = match (inside, item) {
            (Some(first), None) if lines[first].dashes.is_empty() => first,
            (Some(first), Some(item)) => {
                let number: usize = item.trim_end_matches(']').parse().ok()?;
                let dash = *lines[first].dashes.first()?;
                let items = (first..lines.len()).filter(|i| lines[*i].dashes.first() == Some(&dash));
                items.take_while(|i| *i < below_list(&lines, at)).nth(number)?
            }
            (None, None) if lines[at].value().is_empty() => {
                (after, column, members) = (at, lines[at].column + 2, Vec::new());
                continue;
            }
            _ => return None,
        };
        members = map_of(&lines, first);
        // A key with a line of its own, and not among those that go.
        after = members.iter().copied().rfind(|i| *i != here).unwrap_or(at);
        column = lines[first].column;
    }
    let (mut text, first) = (String::new(), column);
    for (name, is_list) in made {
        text.push_str(&format!("{}{name}:\n", " ".repeat(column)));
        column += 2;
        if is_list {
            return None;
        }
    }
    text.push_str(&shifted(&lines, here, column, key)?);
    let end = if first > lines[after].column { after + 1 } else { below_list(&lines, after) };
    let end = lines[end - 1].end();
    let start = source.text[end..].find('\n').map_or(source.text.len(), |more| end + more + 1) as u32;
    if !source.text[..start as usize].ends_with('\n') {
        text = format!("\n{}", text.trim_end());
    }
    let put = Edit { span: Span { start, end: start }, text };
    let cut = Edit { span: gone, text: String::new() };
    Some(if start <= gone.start { vec![put, cut] } else { vec![cut, put] })
}

/// Like [`below`], and a list in the key's own column belongs to it too.
fn below_list(lines: &[Line<'_>], at: usize) -> usize {
    let column = lines[at].column;
    let end = below(lines, at);
    let list = |line: &Line<'_>| line.is_empty() || line.dashes.first() == Some(&column) || line.column > column;
    let first = lines[at + 1..].iter().find(|line| !line.is_empty());
    if end > at + 1 || first.is_none_or(|line| line.dashes.first() != Some(&column)) {
        return end;
    }
    let mut end = lines.iter().skip(at + 1).take_while(|line| list(line)).count() + at + 1;
    while end > at + 1 && lines[end - 1].is_empty() {
        end -= 1;
    }
    end
}

/// The value of `matchLabels`, in its place.
fn unwrapped(source: &Source, span: Span) -> Option<Vec<Edit>> {
    let (lines, value) = at(source, span.start);
    let key = (0..=value).rev().find(|i| lines[*i].key == Some("matchLabels"))?;
    let gone = entry(&lines, key, source)?;
    let column = lines[key].column;
    let text = match lines[key].value() {
        "" => {
            let below = &lines[key + 1..below(&lines, key)];
            let deeper = below.iter().find(|line| !line.is_empty())?.column - column;
            let cut = |line: &Line<'_>| format!("{}\n", line.text.get(deeper..).unwrap_or_default());
            below.iter().map(cut).collect()
        }
        labels => {
            let pairs = labels.strip_prefix('{')?.strip_suffix('}')?.split(',');
            pairs.map(|pair| format!("{}{}\n", " ".repeat(column), pair.trim())).collect()
        }
    };
    Some(vec![Edit { span: gone, text }])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text after the fix of its first diagnostic that has one, and the fix's words.
    fn fixed(text: &str) -> (String, String) {
        let source = Source::new("f.yaml", text);
        let parsed = manifest::parse(&source);
        let fix = parsed.diagnostics.iter().find_map(|diagnostic| fix(&source, diagnostic, Lang::En));
        let fix = fix.unwrap_or_else(|| panic!("no fix: {:?}", parsed.diagnostics));
        (source.edited(&fix.edits), fix.title)
    }

    fn check(text: &str, title: &str, expected: &str) {
        assert_eq!(fixed(text), (expected.to_owned(), title.to_owned()));
        assert_eq!(manifest::parse(&Source::new("f.yaml", expected)).diagnostics, []);
    }

    const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n";

    #[test]
    fn words_are_replaced() {
        check(&format!("{SERVICE}spec:\n  prots: []\n"), "Write ports", &format!("{SERVICE}spec:\n  ports: []\n"));
        let port = |value: &str| format!("{SERVICE}spec:\n  ports:\n  - port: {value} # x\n");
        check(&port("'80'"), "Write 80", &port("80"));
        let label = |value: &str| format!("{SERVICE}spec: {{selector: {{on: {value}, a: b}}}}\n");
        check(&label("1"), "Write \"1\"", &label("\"1\""));
        let deployment = "kind: Deployment\nmetadata: {name: a}\n";
        let text = format!("apiVersion: v1\n{deployment}");
        check(&text, "Write apps/v1", &format!("apiVersion: apps/v1\n{deployment}"));
        check(deployment, "Add apiVersion: apps/v1", &format!("apiVersion: apps/v1\n{deployment}"));
        check(
            "apiVersion: v1\nkind: service\nmetadata: {name: a}\n",
            "Write Service",
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
        );
    }

    #[test]
    fn tabs_become_as_many_spaces_as_fit() {
        let text = format!("{SERVICE}spec:\n    ports:\n\t- port: 80\n\t  targetPort: 8080\n    type: NodePort\n");
        check(&text, "Indent with spaces", &text.replace('\t', "    "));
        let text = format!("{SERVICE}spec:\n\ttype: NodePort\n\tports:\n\t- port: 80\n");
        check(&text, "Indent with spaces", &text.replace('\t', "  "));
    }

    #[test]
    fn a_key_moves_to_where_it_belongs() {
        check(
            &format!(
                "{SERVICE}spec:\n  nodePort: 30000 # x\n  ports:\n    - port: 80\n    - port: 81\n  type: NodePort\n"
            ),
            "Move it to spec.ports[0].nodePort",
            &format!(
                "{SERVICE}spec:\n  ports:\n    - port: 80\n      nodePort: 30000 # x\n    - port: 81\n  type: NodePort\n"
            ),
        );
        check(
            &format!("{SERVICE}spec:\n  ports:\n  - port: 80\n    selector:\n      app: a\n    targetPort: 1\n"),
            "Move it to spec.selector",
            &format!("{SERVICE}spec:\n  ports:\n  - port: 80\n    targetPort: 1\n  selector:\n    app: a\n"),
        );
        check(
            &format!("{SERVICE}type: NodePort\n"),
            "Move it to spec.type",
            &format!("{SERVICE}spec:\n  type: NodePort\n"),
        );
    }

    #[test]
    fn an_ingress_of_old_becomes_one_of_today() {
        let before = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\nspec:\n  rules:\n  - http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n";
        check(
            &format!("{before}          serviceName: web\n"),
            "Move it to spec.rules[0].http.paths[0].backend.service.name",
            &format!("{before}          service:\n            name: web\n"),
        );
    }

    #[test]
    fn the_key_that_does_not_count_goes() {
        check(
            &format!("{SERVICE}spec:\n  selector:\n    app: a\n  type: NodePort\n  selector:\n    app: b\n"),
            "Remove this selector",
            &format!("{SERVICE}spec:\n  type: NodePort\n  selector:\n    app: b\n"),
        );
    }

    #[test]
    fn a_services_selector_has_no_match_labels() {
        let expected = format!("{SERVICE}spec:\n  selector:\n    app: a\n  type: NodePort\n");
        let title = "Take matchLabels out";
        let text = format!("{SERVICE}spec:\n  selector:\n    matchLabels:\n      app: a\n  type: NodePort\n");
        check(&text, title, &expected);
        let text = format!("{SERVICE}spec:\n  selector:\n    matchLabels: {{app: a}}\n  type: NodePort\n");
        check(&text, title, &expected);
    }

    #[test]
    fn what_cannot_be_mended_is_not_offered() {
        for text in
            ["a: b: c\n", "apiVersion: v1\nkind: Rocket\n", "kind: {{ .x }}\n", "apiVersion: batch/v1\nkind: Job\n"]
        {
            let source = Source::new("f.yaml", text);
            for diagnostic in manifest::parse(&source).diagnostics {
                assert_eq!(fix(&source, &diagnostic, Lang::Zh), None, "{text}");
            }
        }
    }
}
