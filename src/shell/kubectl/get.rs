//! `kubectl get`

use serde_json::{Value, json};

use super::super::flags::{Flag, switch, value};
use super::{Call, Fail, go_quote, named, table};
use crate::manifest;
use crate::object::{Kind, Object};

pub(super) const FLAGS: &[Flag] = &[
    value("output", 'o', "FORMAT"),
    value("selector", 'l', "SELECTOR"),
    switch("all-namespaces", 'A'),
    switch("show-labels", ' '),
    value("label-columns", 'L', "KEYS"),
    switch("no-headers", ' '),
    switch("show-kind", ' '),
    switch("ignore-not-found", ' '),
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
    if !matches!(format.as_str(), "" | "wide" | "yaml" | "json" | "name" | "jsonpath") {
        if FORMATS.split(',').any(|known| known == format) {
            call.shell.say(
                call.io,
                "here kubectl get -o has wide, yaml, json, jsonpath=… and name",
                "此处的 kubectl get -o 支持 wide、yaml、json、jsonpath=… 和 name",
            );
            return Ok(1);
        }
        return Err(Fail::Error(format!(
            "unable to match a printer suitable for the output format {}, allowed formats are: {FORMATS}",
            go_quote(&format)
        )));
    }
    let asked = call.asked(&words)?;
    let (objects, missing) = call.found(&asked)?;
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
        _ => tables(call, &objects, format == "wide"),
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

/// A table for each run of objects of one kind; with more than one kind, names tell theirs.
fn tables(call: &mut Call, objects: &[std::sync::Arc<Object>], wide: bool) {
    let runs: Vec<_> = objects.chunk_by(|a, b| a.kind() == b.kind()).collect();
    let show_kind = runs.len() > 1 || call.flags.on("show-kind");
    for (i, run) in runs.iter().enumerate() {
        if i > 0 && !call.flags.on("no-headers") {
            call.io.out("\n");
        }
        let text = table_of(call, run, wide, show_kind);
        call.io.out(text);
    }
}

fn table_of(call: &Call, run: &[std::sync::Arc<Object>], wide: bool, show_kind: bool) -> String {
    let now = call.shell.cluster.now();
    let everywhere = call.flags.on("all-namespaces");
    let label_columns: Vec<&str> =
        call.flags.all("label-columns").flat_map(|keys| keys.split(',')).filter(|key| !key.is_empty()).collect();
    let kind = run.first().map_or(Kind::Pod, |object| object.kind());
    let shown: Vec<bool> = table::columns(kind).iter().map(|column| wide || !column.1).collect();
    let keep = |cells: Vec<String>| cells.into_iter().zip(&shown).filter(|(_, shown)| **shown).map(|(cell, _)| cell);
    let mut rows = Vec::new();
    if !call.flags.on("no-headers") {
        let mut titles: Vec<String> = Vec::new();
        if everywhere && kind.is_namespaced() {
            titles.push("NAMESPACE".into());
        }
        titles.extend(keep(table::columns(kind).iter().map(|column| column.0.to_owned()).collect()));
        titles.extend(label_columns.iter().map(|key| key.rsplit('/').next().unwrap_or(key).to_uppercase()));
        if call.flags.on("show-labels") {
            titles.push("LABELS".into());
        }
        rows.push(titles);
    }
    for object in run {
        let mut row = Vec::new();
        if everywhere && kind.is_namespaced() {
            row.push(object.meta.namespace.clone());
        }
        let mut cells = table::cells(object, wide, now);
        if show_kind && let Some(name) = cells.first_mut() {
            *name = named(kind, name);
        }
        row.extend(keep(cells));
        row.extend(label_columns.iter().map(|key| object.meta.labels.get(*key).cloned().unwrap_or_default()));
        if call.flags.on("show-labels") {
            row.push(table::format_labels(&object.meta.labels));
        }
        rows.push(row);
    }
    table::align(&rows)
}
