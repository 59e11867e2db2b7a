//! What would mend a finding: edits of the manifests' own text, made from the places of their fields, or a line to run.
//!
//! An edit touches what it changes and nothing else: comments, order and style of the text stay.

use crate::manifest::{FieldSpan, Manifest};
use crate::text::{self, Source, Span};

/// What would mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the learner's language: `write app: web`.
    pub label: String,
    /// How.
    pub act: Act,
}

/// How a fix is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The learner's files get other texts.
    Edit(Vec<Edit>),
    /// A line is run on the laptop.
    Run(String),
}

/// One change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file's name.
    pub file: String,
    /// What changes.
    pub edit: text::Edit,
}

/// A line of a file that a fix takes out or puts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its number, before the fix for a line that goes, after it for one that comes.
    pub line: u32,
    /// Whether it comes.
    pub comes: bool,
    /// The line.
    pub text: String,
}

impl Fix {
    /// The files that it edits, each once.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        if let Act::Edit(edits) = &self.act {
            for edit in edits {
                if !files.contains(&edit.file.as_str()) {
                    files.push(&edit.file);
                }
            }
        }
        files
    }

    /// Its edits of a file, in the order of the text.
    fn edits(&self, file: &str) -> Vec<text::Edit> {
        let Act::Edit(edits) = &self.act else { return Vec::new() };
        let mut own: Vec<_> = edits.iter().filter(|edit| edit.file == file).map(|edit| edit.edit.clone()).collect();
        crate::sort::by_key(&mut own, |edit| edit.span);
        own
    }

    /// A file as it will be.
    pub fn apply(&self, source: &Source) -> Source {
        Source { name: source.name.clone(), text: source.edited(&self.edits(&source.name)) }
    }

    /// The lines of a file that go and come, place by place.
    pub fn preview(&self, source: &Source) -> Vec<Changed> {
        let mut out = Vec::new();
        let mut shift = 0;
        for edit in self.edits(&source.name) {
            let alone = source.edited(&[edit]);
            let (old, new): (Vec<&str>, Vec<&str>) = (source.text.lines().collect(), alone.lines().collect());
            let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
            let most = old.len().min(new.len()) - same;
            let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
            let mut push = |lines: &[&str], from: i64, comes| {
                for (i, text) in lines.iter().enumerate() {
                    let line = (same as i64 + from + i as i64 + 1) as u32;
                    out.push(Changed { line, comes, text: (*text).to_owned() });
                }
            };
            push(&old[same..old.len() - tail], 0, false);
            push(&new[same..new.len() - tail], shift, true);
            shift += new.len() as i64 - old.len() as i64;
        }
        out
    }
}

/// Makes edits of one manifest.
#[derive(Clone, Copy)]
pub(super) struct Pen<'a> {
    /// The file.
    pub(super) source: &'a Source,
    /// The document in it.
    pub(super) manifest: &'a Manifest,
}

/// A key and what stands under it, to be written where nothing is: the value of the innermost as YAML.
fn nested(keys: &[String], value: &str, indent: usize) -> String {
    let mut out = String::new();
    for (depth, key) in keys.iter().enumerate() {
        if depth > 0 {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 2 * depth));
        }
        out.push_str(key);
        out.push(':');
    }
    out.push(' ');
    out.push_str(value);
    out
}

/// The same within braces.
fn braced(keys: &[String], value: &str) -> String {
    let mut out = String::new();
    for (depth, key) in keys.iter().enumerate() {
        if depth > 0 {
            out.push('{');
        }
        out.push_str(key);
        out.push_str(": ");
    }
    out.push_str(value);
    out.push_str(&"}".repeat(keys.len().saturating_sub(1)));
    out
}

/// A scalar as YAML writes it, in quotes where it would be read as something else.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// A path in parts: `spec.ports[0].port` to `spec`, `ports`, `[0]`, `port`.
fn parts(path: &str) -> Vec<String> {
    let (mut out, mut word, mut inside) = (Vec::new(), String::new(), false);
    for c in path.chars() {
        match c {
            '.' if !inside => out.push(std::mem::take(&mut word)),
            '[' if !inside => {
                out.push(std::mem::take(&mut word));
                word.push('[');
                inside = true;
            }
            ']' if inside => {
                word.push(']');
                inside = false;
            }
            c => word.push(c),
        }
    }
    out.push(word);
    out.retain(|part| !part.is_empty());
    out
}

fn joined(parts: &[String]) -> String {
    let mut path = String::new();
    for part in parts {
        if !path.is_empty() && !part.starts_with('[') {
            path.push('.');
        }
        path.push_str(part);
    }
    path
}

impl<'a> Pen<'a> {
    fn text(&self) -> &'a str {
        &self.source.text
    }

    fn edit(&self, start: usize, end: usize, text: String) -> Edit {
        let span = Span { start: start as u32, end: end as u32 };
        Edit { file: self.source.name.clone(), edit: text::Edit { span, text } }
    }

    /// Gives a field another value, writing it and what it stands under where it is not written.
    pub(super) fn put(&self, path: &str, value: &str) -> Option<Edit> {
        if let Some(at) = self.manifest.fields.get(path) {
            return self.over(at, value);
        }
        let all = parts(path);
        let known = (1..all.len()).rev().find(|n| self.manifest.fields.contains_key(&joined(&all[..*n])))?;
        let keys: Vec<String> = all[known..].iter().map(|part| scalar_key(part)).collect();
        if all[known..].iter().any(|part| part.starts_with('[') && part[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            return None;
        }
        self.insert(&joined(&all[..known]), &keys, value)
    }

    fn over(&self, at: &FieldSpan, value: &str) -> Option<Edit> {
        let (start, end) = (at.value.start as usize, at.value.end as usize);
        let old = self.text().get(start..end)?;
        // An empty value has no place of its own but after its colon.
        let text = if old.is_empty() && start == at.key.end as usize { format!(": {value}") } else { value.to_owned() };
        let end = start + old.trim_end().len();
        Some(self.edit(start, end, text))
    }

    /// Puts new keys into a map.
    fn insert(&self, map: &str, keys: &[String], value: &str) -> Option<Edit> {
        let at = self.manifest.fields.get(map)?;
        let (start, end) = (at.value.start as usize, at.value.end as usize);
        let old = self.text().get(start..end)?;
        let children = self.children(map);
        if old.starts_with('{') {
            return Some(match children.last() {
                None => self.edit(start, start + 1, format!("{{{}", braced(keys, value))),
                Some((_, last)) => {
                    let end = last.value.end as usize;
                    self.edit(end, end, format!(", {}", braced(keys, value)))
                }
            });
        }
        let (_, first) = children.first()?;
        let head = first.key.start as usize;
        let indent = self.column(head);
        // After the last plain key, so that it stands beside its like and above lists and maps.
        let mut plain = children.iter().filter(|(path, _)| self.children(path).is_empty()).filter(|(_, span)| {
            !self.text().get(span.value.start as usize..span.value.end as usize).is_some_and(|text| text.contains('\n'))
        });
        match plain.next_back() {
            Some((_, span)) => {
                let stop = span.value.end.max(span.key.end) as usize;
                let end = self.text()[stop..].find('\n').map_or(self.text().len(), |n| stop + n);
                Some(self.edit(end, end, format!("\n{}{}", " ".repeat(indent), nested(keys, value, indent))))
            }
            None => Some(self.edit(head, head, format!("{}\n{}", nested(keys, value, indent), " ".repeat(indent)))),
        }
    }

    /// Takes a field out, with its line.
    pub(super) fn remove(&self, path: &str) -> Option<Edit> {
        let at = self.manifest.fields.get(path)?;
        let text = self.text();
        let start = at.key.start as usize;
        let end = at.value.start as usize + text.get(at.value.start as usize..at.value.end as usize)?.trim_end().len();
        let end = end.max(at.key.end as usize);
        let line = text[..start].rfind('\n').map_or(0, |n| n + 1);
        let all = parts(path);
        let parent = joined(&all[..all.len() - 1]);
        let siblings = self.children(&parent);
        if text[line..start].trim().is_empty() && siblings.len() > 1 {
            let stop = text[end..].find('\n').map_or(text.len(), |n| end + n + 1);
            return Some(self.edit(line, stop, String::new()));
        }
        if siblings.len() < 2 {
            // The last of a map or list takes it along.
            return if all.len() > 2 { self.remove(&parent) } else { None };
        }
        // Within braces, or first after a list's dash: up to the next one, or from the end of the one before.
        let here = siblings.iter().position(|(own, _)| *own == path)?;
        Some(match siblings.get(here + 1) {
            Some((_, next)) => self.edit(start, next.key.start as usize, String::new()),
            None => self.edit(siblings.get(here.checked_sub(1)?)?.1.value.end as usize, end, String::new()),
        })
    }

    /// Gives a field's key another name.
    pub(super) fn rename(&self, path: &str, name: &str) -> Option<Edit> {
        let at = self.manifest.fields.get(path)?;
        Some(self.edit(at.key.start as usize, at.key.end as usize, scalar(name)))
    }

    /// The fields right below one, in the order of the text.
    fn children(&self, path: &str) -> Vec<(&'a str, &'a FieldSpan)> {
        let below = |own: &str| {
            let rest = own.strip_prefix(path)?;
            match rest.strip_prefix('[') {
                Some(inner) => inner.strip_suffix(']').filter(|key| !key.contains(']'))?,
                None => rest.strip_prefix('.').filter(|key| !key.contains(['.', '[']))?,
            };
            Some(())
        };
        let from = self.manifest.fields.range(path.to_owned()..).take_while(|(own, _)| own.starts_with(path));
        let mut all: Vec<_> =
            from.filter(|(own, _)| below(own).is_some()).map(|(own, span)| (own.as_str(), span)).collect();
        crate::sort::by_key(&mut all, |(_, span)| span.key.start);
        all
    }

    /// How many characters stand before a place in its line.
    fn column(&self, at: usize) -> usize {
        let line = self.text()[..at].rfind('\n').map_or(0, |n| n + 1);
        self.text()[line..at].chars().count()
    }
}

/// A part of a path as a key of YAML: `[a.b/c]` is `a.b/c`.
fn scalar_key(part: &str) -> String {
    scalar(part.trim_start_matches('[').trim_end_matches(']'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    const TEXT: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web}   # flow
spec:
  type: NodePort # why
  selector:
    app: wbe
  ports:
    - port: 80
      targetPort: 8080
";

    fn edited(edit: impl Fn(Pen<'_>) -> Option<Edit>) -> String {
        let source = Source::new("a.yaml", TEXT);
        let parsed = manifest::parse(&source);
        let edit = edit(Pen { source: &source, manifest: &parsed.manifests[0] }).expect("an edit");
        let fix = Fix { label: String::new(), act: Act::Edit(vec![edit]) };
        let after = fix.apply(&source);
        let again = manifest::parse(&after);
        assert!(again.diagnostics.is_empty() && again.manifests.len() == 1, "{}\n{:?}", after.text, again.diagnostics);
        let lines = fix.preview(&source);
        lines.iter().map(|l| format!("{}{} {}\n", if l.comes { '+' } else { '-' }, l.line, l.text)).collect()
    }

    #[test]
    fn values_are_replaced_and_comments_stay() {
        assert_eq!(
            edited(|pen| pen.put("spec.type", "ClusterIP")),
            "-5   type: NodePort # why\n+5   type: ClusterIP # why\n"
        );
        assert_eq!(edited(|pen| pen.put("spec.selector[app]", "web")), "-7     app: wbe\n+7     app: web\n");
        assert_eq!(
            edited(|pen| pen.put("metadata.name", "b")),
            "-3 metadata: {name: web}   # flow\n+3 metadata: {name: b}   # flow\n"
        );
    }

    #[test]
    fn what_is_not_written_comes_beside_its_like() {
        assert_eq!(edited(|pen| pen.put("spec.ports[0].name", "http")), "+11       name: http\n");
        assert_eq!(edited(|pen| pen.put("spec.clusterIP", "None")), "+6   clusterIP: None\n");
        assert_eq!(edited(|pen| pen.put("spec.selector[tier]", "a")), "+8     tier: a\n");
        assert_eq!(
            edited(|pen| pen.put("metadata.annotations[a.b/c]", "\"1\"")),
            "-3 metadata: {name: web}   # flow\n+3 metadata: {name: web, annotations: {a.b/c: \"1\"}}   # flow\n"
        );
        assert_eq!(
            edited(|pen| pen.put("spec.sessionAffinityConfig.clientIP.timeoutSeconds", "5")),
            "+6   sessionAffinityConfig:\n+7     clientIP:\n+8       timeoutSeconds: 5\n"
        );
    }

    #[test]
    fn what_goes_goes_with_its_line() {
        assert_eq!(edited(|pen| pen.remove("spec.type")), "-5   type: NodePort # why\n");
        assert_eq!(edited(|pen| pen.remove("spec.selector[app]")), "-6   selector:\n-7     app: wbe\n");
        assert_eq!(
            edited(|pen| pen.remove("spec.ports[0].port")),
            "-9     - port: 80\n-10       targetPort: 8080\n+9     - targetPort: 8080\n"
        );
        assert_eq!(edited(|pen| pen.rename("spec.selector[app]", "tier")), "-7     app: wbe\n+7     tier: wbe\n");
    }

    #[test]
    fn scalars_are_quoted_where_they_must_be() {
        for (text, yaml) in
            [("web", "web"), ("80", "\"80\""), ("on", "\"on\""), ("a: b", "\"a: b\""), ("/api", "/api"), ("", "\"\"")]
        {
            assert_eq!(scalar(text), yaml);
        }
    }
}
