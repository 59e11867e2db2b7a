//! `kubectl get`
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/get`. Left out: `-o kyaml` and templates, `-f`, `--watch` of what is printed in whole.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::flags::{Flag, Flags, switch, value};
use super::super::job::Work;
use super::super::{Io, Shell};
use super::{Call, Fail, field, go_quote, named, path, select, table};
use crate::manifest;
use crate::object::{Kind, Object};
use crate::time::Instant;

pub(super) const FLAGS: &[Flag] = &[
    value("output", 'o', "FORMAT"),
    value("selector", 'l', "SELECTOR"),
    value("field-selector", ' ', "SELECTOR"),
    switch("all-namespaces", 'A'),
    switch("show-labels", ' '),
    value("label-columns", 'L', "KEYS"),
    value("sort-by", ' ', "PATH"),
    switch("no-headers", ' '),
    switch("show-kind", ' '),
    switch("ignore-not-found", ' '),
    switch("watch", 'w'),
    switch("watch-only", ' '),
    switch("output-watch-events", ' '),
];

/// The formats that kubectl would allow, as it lists them.
const FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// `kubectl get`
pub(super) fn get(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    if words.is_empty() {
        call.io.err("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n");
        return Err(Fail::Usage("Required resource not specified.".into()));
    }
    let format = call.flags.get("output").unwrap_or_default().to_owned();
    let (format, path) = match format.split_once('=') {
        Some((format, path)) => (format.to_owned(), path.to_owned()),
        None => (format, String::new()),
    };
    if !matches!(format.as_str(), "" | "wide" | "yaml" | "json" | "name" | "jsonpath" | "custom-columns") {
        if FORMATS.split(',').any(|known| known == format) {
            call.shell.say(
                call.io,
                "here kubectl get -o has wide, yaml, json, jsonpath=…, custom-columns=… and name",
                "此处的 kubectl get -o 支持 wide、yaml、json、jsonpath=…、custom-columns=… 和 name",
            );
            return Ok(1);
        }
        return Err(Fail::Error(format!(
            "unable to match a printer suitable for the output format {}, allowed formats are: {FORMATS}",
            go_quote(&format)
        )));
    }
    let asked = call.asked(&words)?;
    if call.flags.on("watch") || call.flags.on("watch-only") {
        return watch(call, &asked, &format);
    }
    let (mut objects, missing) = call.found(&asked)?;
    if let Some(by) = call.flags.get("sort-by").filter(|by| !by.is_empty()) {
        sort(&mut objects, by).map_err(Fail::Error)?;
    }
    let ignore = call.flags.on("ignore-not-found");
    match format.as_str() {
        "yaml" | "json" | "jsonpath" => {
            let single = matches!(asked.as_slice(), [only] if only.name.is_some());
            let tree = match objects.as_slice() {
                [object] if single => Some(object.to_value()),
                [] if single => None,
                objects => Some(json!({
                    "apiVersion": "v1",
                    "kind": "List",
                    "metadata": {"resourceVersion": ""},
                    "items": objects.iter().map(|object| object.to_value()).collect::<Vec<Value>>(),
                })),
            };
            if let Some(tree) = tree {
                let text = match format.as_str() {
                    "yaml" => manifest::to_yaml(&tree),
                    "json" => manifest::to_json(&tree),
                    _ => super::path::print(&path, &tree).map_err(Fail::Error)?,
                };
                call.io.out(text);
            }
        }
        "name" => objects.iter().for_each(|object| {
            call.io.out(named(object.kind(), &object.meta.name) + "\n");
        }),
        "custom-columns" => {
            let rows = custom(&path, &objects, call.flags.on("no-headers")).map_err(Fail::Error)?;
            call.io.out(table::align(&rows));
        }
        _ => {
            // Whoever asks for several kinds, or for all, sees which is which.
            let several = asked.iter().any(|other| other.kind != asked[0].kind);
            tables(call, &objects, Look { show_kind: several, ..Look::of(&call.flags, format == "wide") });
        }
    }
    if objects.is_empty() && missing.is_empty() && matches!(format.as_str(), "" | "wide" | "name") && !ignore {
        let scoped = asked.iter().any(|asked| asked.kind.is_namespaced()) && !call.flags.on("all-namespaces");
        let place = if scoped { format!(" in {} namespace", call.namespace) } else { String::new() };
        if format != "name" {
            call.io.err(format!("No resources found{place}\n").replace("namespace\n", "namespace.\n"));
        }
    }
    if ignore {
        return Ok(0);
    }
    for status in &missing {
        call.io.err(status.kubectl());
    }
    Ok(i32::from(!missing.is_empty()))
}

/// `--sort-by`: what has no such field comes first.
fn sort(objects: &mut Vec<Arc<Object>>, by: &str) -> Result<(), String> {
    let mut keyed = Vec::new();
    for object in objects.drain(..) {
        let tree = object.to_value();
        let key = path::relaxed(by, &tree)?.first().map(|value| (*value).clone());
        keyed.push((key, object));
    }
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        let bare = by.trim_start_matches('{').trim_end_matches('}').trim_start_matches('.');
        return Err(format!("couldn't find any field with path \"{{.{bare}}}\" in the list of objects"));
    }
    crate::sort::by(&mut keyed, |(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    objects.extend(keyed.into_iter().map(|(_, object)| object));
    Ok(())
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_i64().cmp(&b.as_i64()),
        (a, b) => natural(&path::shown(a), &path::shown(b)),
    }
}

/// Runs of digits count as numbers: `web-2` before `web-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (n, m) = (digits(a), digits(b));
        let order = if n > 0 && m > 0 {
            let (x, y) = (a[..n].trim_start_matches('0'), b[..m].trim_start_matches('0'));
            let order = x.len().cmp(&y.len()).then(x.cmp(y));
            (a, b) = (&a[n..], &b[m..]);
            order
        } else {
            let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len().cmp(&b.len()) };
            (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// `-o custom-columns=NAME:.metadata.name,…`
fn custom(spec: &str, objects: &[Arc<Object>], no_headers: bool) -> Result<Vec<Vec<String>>, String> {
    if spec.is_empty() {
        return Err("custom-columns format specified but no custom columns given".into());
    }
    let mut columns = Vec::new();
    for part in spec.split(',') {
        let Some(column) = part.split_once(':') else {
            return Err(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"));
        };
        columns.push(column);
    }
    let mut rows = Vec::new();
    if !no_headers {
        rows.push(columns.iter().map(|(title, _)| (*title).to_owned()).collect());
    }
    for object in objects {
        let tree = object.to_value();
        let mut row = Vec::new();
        for (_, path) in &columns {
            let values = path::relaxed(path, &tree)?;
            let values: Vec<String> = values.iter().map(|value| go(value)).collect();
            row.push(if values.is_empty() { "<none>".into() } else { values.join(",") });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A value as Go's `fmt.Sprint` prints it: `map[app:web]`, `[a b]`.
fn go(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        Value::Array(list) => format!("[{}]", list.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", go(value))).collect();
            crate::sort::by(&mut pairs, Ord::cmp);
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// A table for each run of objects of one kind; with more than one kind, names tell theirs.
fn tables(call: &mut Call, objects: &[Arc<Object>], mut look: Look) {
    let runs: Vec<_> = objects.chunk_by(|a, b| a.kind() == b.kind()).collect();
    look.show_kind |= call.flags.on("show-kind");
    let now = call.shell.cluster.now();
    for (i, run) in runs.iter().enumerate() {
        if i > 0 && !look.no_headers {
            call.io.out("\n");
        }
        let mut rows = Vec::new();
        if let Some(first) = run.first() {
            rows.extend(look.titles(first.kind()));
        }
        rows.extend(run.iter().map(|object| look.row(object, now)));
        call.io.out(table::align(&rows));
    }
}

/// What a table shows.
#[derive(Clone, Debug, PartialEq)]
struct Look {
    wide: bool,
    everywhere: bool,
    show_kind: bool,
    show_labels: bool,
    no_headers: bool,
    label_columns: Vec<String>,
}

impl Look {
    fn of(flags: &Flags, wide: bool) -> Self {
        let keys = flags.all("label-columns").flat_map(|keys| keys.split(','));
        Self {
            wide,
            everywhere: flags.on("all-namespaces"),
            show_kind: flags.on("show-kind"),
            show_labels: flags.on("show-labels"),
            no_headers: flags.on("no-headers"),
            label_columns: keys.filter(|key| !key.is_empty()).map(String::from).collect(),
        }
    }

    /// The cells that are shown.
    fn keep(&self, kind: Kind, cells: Vec<String>) -> impl Iterator<Item = String> {
        let wide = self.wide;
        let shown = table::columns(kind).iter().map(move |column| wide || !column.1);
        cells.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(cell, _)| cell)
    }

    fn titles(&self, kind: Kind) -> Option<Vec<String>> {
        if self.no_headers {
            return None;
        }
        let mut titles: Vec<String> = Vec::new();
        if self.everywhere && kind.is_namespaced() {
            titles.push("NAMESPACE".into());
        }
        titles.extend(self.keep(kind, table::columns(kind).iter().map(|column| column.0.to_owned()).collect()));
        titles.extend(self.label_columns.iter().map(|key| key.rsplit('/').next().unwrap_or(key).to_uppercase()));
        if self.show_labels {
            titles.push("LABELS".into());
        }
        Some(titles)
    }

    fn row(&self, object: &Object, now: Instant) -> Vec<String> {
        let kind = object.kind();
        let mut row = Vec::new();
        if self.everywhere && kind.is_namespaced() {
            row.push(object.meta.namespace.clone());
        }
        let mut cells = table::cells(object, self.wide, now);
        if self.show_kind
            && let Some(name) = cells.first_mut()
        {
            *name = named(kind, name);
        }
        row.extend(self.keep(kind, cells));
        let labels = &object.meta.labels;
        row.extend(self.label_columns.iter().map(|key| labels.get(key).cloned().unwrap_or_default()));
        if self.show_labels {
            row.push(table::format_labels(labels));
        }
        row
    }
}

/// `kubectl get -w`: a row for each change.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::shell) struct Watch {
    kind: Kind,
    name: Option<String>,
    namespace: Option<String>,
    labels: String,
    fields: String,
    look: Look,
    only_names: bool,
    events: bool,
    widths: Vec<usize>,
    titled: bool,
    /// Up to which of the cluster's changes all is printed.
    seen: u64,
}

fn watch(call: &mut Call, asked: &[select::Asked], format: &str) -> Result<i32, Fail> {
    let [only] = asked else {
        return Err(Fail::Error("you may only specify a single resource type".into()));
    };
    if !matches!(format, "" | "wide" | "name") {
        call.shell.say(
            call.io,
            "here kubectl get -w has tables, -o wide and -o name",
            "此处的 kubectl get -w 支持表格、-o wide 和 -o name",
        );
        return Ok(1);
    }
    let (objects, missing) = call.found(asked)?;
    if let Some(status) = missing.into_iter().next() {
        return if call.flags.on("ignore-not-found") { Ok(0) } else { Err(status.into()) };
    }
    let scoped = only.kind.is_namespaced() && !call.flags.on("all-namespaces");
    let mut watch = Watch {
        kind: only.kind,
        name: only.name.clone(),
        namespace: scoped.then(|| call.namespace.clone()),
        labels: call.flags.get("selector").unwrap_or_default().to_owned(),
        fields: call.flags.get("field-selector").unwrap_or_default().to_owned(),
        look: Look::of(&call.flags, format == "wide"),
        only_names: format == "name",
        events: call.flags.on("output-watch-events"),
        widths: Vec::new(),
        titled: false,
        seen: call.shell.cluster.watch(),
    };
    if !call.flags.on("watch-only") {
        let now = call.shell.cluster.now();
        let rows: Vec<(&str, Arc<Object>, Instant)> =
            objects.into_iter().map(|object| ("ADDED", object, now)).collect();
        watch.print(call.io, &rows);
    }
    let pid = call.shell.pid();
    Ok(call.shell.hold(call.io, pid, Work::Watch(Box::new(watch))))
}

impl Watch {
    /// Prints what has changed since it was last asked.
    pub(in crate::shell) fn poll(&mut self, shell: &mut Shell, io: &mut Io) -> Option<i32> {
        let labels = select::Selector::parse(&self.labels).ok()?;
        let fields = field::Fields::parse(&self.fields, self.kind, &self.labels).ok()?;
        let fits = |object: &Arc<Object>| {
            self.name.as_ref().is_none_or(|name| object.meta.name == *name)
                && self.namespace.as_ref().is_none_or(|namespace| object.meta.namespace == *namespace)
                && labels.matches(&object.meta.labels)
                && fields.matches(object)
        };
        let mut rows = Vec::new();
        let (changes, seen) = shell.cluster.seen_since(self.seen);
        for (at, touch) in changes.filter(|(_, touch)| touch.key.kind == self.kind) {
            let old = touch.old.as_ref().filter(|object| fits(object));
            let new = touch.new.as_ref().filter(|object| fits(object));
            let (event, object) = match (old, new) {
                (None, Some(new)) => ("ADDED", new),
                (Some(_), Some(new)) => ("MODIFIED", new),
                (Some(old), None) => ("DELETED", touch.new.as_ref().unwrap_or(old)),
                (None, None) => continue,
            };
            rows.push((event, Arc::clone(object), *at));
        }
        self.seen = seen;
        // Each change is printed by itself, in columns that only ever widen.
        for row in rows {
            self.print(io, std::slice::from_ref(&row));
        }
        None
    }

    fn print(&mut self, io: &mut Io, objects: &[(&str, Arc<Object>, Instant)]) {
        if self.only_names {
            objects.iter().for_each(|(_, object, _)| io.out(named(self.kind, &object.meta.name) + "\n"));
            return;
        }
        let mut rows = Vec::new();
        if !self.titled && !objects.is_empty() {
            self.titled = true;
            rows.extend(self.look.titles(self.kind));
            if let Some(titles) = rows.first_mut().filter(|_| self.events) {
                titles.insert(0, "EVENT".into());
            }
        }
        for (event, object, at) in objects {
            let mut row = self.look.row(object, *at);
            if self.events {
                row.insert(0, (*event).to_owned());
            }
            rows.push(row);
        }
        io.out(table::align_from(&mut self.widths, &rows));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_their_numbers() {
        for (a, b) in [("web-2", "web-10"), ("a", "b"), ("a", "aa"), ("10.244.0.9", "10.244.0.10")] {
            assert_eq!(natural(a, b), Ordering::Less, "{a} {b}");
        }
        assert_eq!(natural("web-1", "web-1"), Ordering::Equal);
    }

    #[test]
    fn custom_columns_print_as_go_does() {
        assert_eq!(go(&json!({"b": [1, "x"], "a": null})), "map[a:<nil> b:[1 x]]");
    }
}
