//! What the reader, the API server and its webhooks said of a file, each with a fix where its words tell one.

use super::desk::{Desk, value};
use super::fix::Pen;
use super::{Act, Edit, File, Finding, Fix, Place, Severity};
use crate::assist;
use crate::diag::{self, Diagnostic};
use crate::manifest::Manifest;
use crate::object::{Deployment, FieldRef, Kind, Labels, Ref, Service};

pub(super) fn look(desk: &mut Desk<'_>) {
    for file in desk.asked.files {
        // What was not applied yet was read all the same.
        let told = if file.told.is_empty() { &file.parsed.diagnostics } else { file.told };
        for diagnostic in told {
            if desk.is_full() {
                return;
            }
            one(desk, file, diagnostic);
        }
        if told.iter().all(|diagnostic| diagnostic.severity != diag::Severity::Error) {
            unapplied(desk, file);
        }
    }
}

fn one(desk: &mut Desk<'_>, file: &File<'_>, diagnostic: &Diagnostic) {
    let within = |m: &&Manifest| (m.span.start..=m.span.end).contains(&diagnostic.span.start);
    let manifest = file.parsed.manifests.iter().find(within);
    let pen = manifest.map(|manifest| Pen { source: file.source, manifest });
    let key = manifest.map(|manifest| manifest.key("default"));
    let fix = mended(desk, file, diagnostic, pen.zip(key.as_ref()));
    // Several words about one cause: the first speaks.
    let same = |finding: &Finding| fix.is_some() && finding.fix == fix;
    if desk.found.iter().any(same) {
        return;
    }
    let message = &diagnostic.message;
    let id = match diagnostic.severity {
        diag::Severity::Warning => "told",
        diag::Severity::Error if message.contains("failed calling webhook") => "webhook",
        diag::Severity::Error if manifest.is_none() && message.starts_with("yaml: ") => "unreadable",
        diag::Severity::Error => "refused",
    };
    let mut text = message.clone();
    if id == "webhook" {
        text.push_str(desk.lang.pick(
            " — before it stores an Ingress, the API server asks ingress-nginx, through a Service of its own. No Pod answers there yet: wait until the controller is ready; if it is gone for good, delete its ValidatingWebhookConfiguration.",
            "——API 服务器保存 Ingress 之前，要经由一个 Service 询问 ingress-nginx。那里还没有 Pod 应答：请等控制器就绪；如果它不会再回来，请删除它的 ValidatingWebhookConfiguration。",
        ));
    }
    if let Some(hint) = &diagnostic.hint {
        text.push_str(desk.lang.pick(" — ", "——"));
        text.push_str(&hint.text(desk.lang));
    }
    let severity = if id == "told" { Severity::Warning } else { Severity::Error };
    let span = diagnostic.span;
    let place = Place { file: file.source.name.clone(), line: file.source.position(span.start).line, span };
    let field = key.map(|key| FieldRef::new(key, diagnostic.field.as_str()));
    desk.found.push(Finding {
        id,
        severity,
        field,
        place: Some(place),
        text,
        related: Vec::new(),
        traces: Vec::new(),
        fix,
    });
}

/// What would mend it.
fn mended(desk: &Desk<'_>, file: &File<'_>, said: &Diagnostic, pen: Option<(Pen<'_>, &Ref)>) -> Option<Fix> {
    if let Some(fix) = assist::fix(file.source, said, desk.lang) {
        let edit = |edit| Edit { file: file.source.name.clone(), edit };
        return Some(Fix { label: fix.title, act: Act::Edit(fix.edits.into_iter().map(edit).collect()) });
    }
    let marked = file.source.text.get(said.span.start as usize..said.span.end as usize)?;
    let message = said.message.as_str();
    if message.contains("failed calling webhook") {
        return desk.line("kubectl delete validatingwebhookconfiguration ingress-nginx-admission");
    }
    if let Some(name) = message.split("namespaces \"").nth(1).and_then(|rest| rest.split_once("\" not found")) {
        return desk.line(format!("kubectl create namespace {}", name.0));
    }
    let (pen, key) = pen?;
    let path = said.field.as_str();
    let put = |path: &str, text: &str| {
        let name = path.rsplit('.').next().unwrap_or(path);
        let edit = pen.put(path, text);
        desk.edits(format!("Write {name}: {text}"), format!("写成 {name}: {text}"), vec![edit])
    };
    let drop = |path: &str| {
        let name = path.rsplit('.').next().unwrap_or(path);
        desk.edits(format!("Take {name} out"), format!("删去 {name}"), vec![pen.remove(path)])
    };
    let has = |words: &str| message.contains(words);
    if path.ends_with(".nodePort") {
        return match () {
            () if has("may not be used when") => put("spec.type", "NodePort"),
            () if has("not in the valid range") => put(path, &node_port(desk, marked).to_string()),
            () if has("already allocated") || has("Duplicate value") => drop(path),
            () => None,
        };
    }
    match path {
        "metadata.name" if has("must consist of") => return put(path, &value(&named(marked))),
        "spec.template.metadata.labels" if has("does not match template") => return relabel(desk, pen),
        "spec.sessionAffinityConfig" if has("must not be set") => return put("spec.sessionAffinity", "ClientIP"),
        _ if path.starts_with("spec.clusterIPs[0]") && has("may not change once set") => {
            let (_, service) = desk.store.read::<Service>(key)?;
            return put("spec.clusterIP", &service.spec.cluster_ip);
        }
        _ if path.starts_with("spec.clusterIPs") => return drop("spec.clusterIP"),
        _ if path.starts_with("spec.ports[") && path.ends_with(".name") && has("Required value") => {
            return name_ports(desk, pen, key);
        }
        _ if path.ends_with(".pathType") && has("Required value") => return put(path, "Prefix"),
        _ if path.ends_with(".path") && has("must be an absolute path") => {
            return put(path, &format!("/{}", marked.trim_matches(['"', '\''])));
        }
        _ => {}
    }
    let idle = ["may only be used when", "may only be set", "may not be set for", "must not be set", "must be empty"];
    if idle.iter().any(|words| has(words)) {
        return drop(&path.replace("LoadBalancerSourceRanges", "loadBalancerSourceRanges"));
    }
    None
}

/// A node port that is legal and free, as like the given one as can be: 80 becomes 30080.
fn node_port(desk: &Desk<'_>, given: &str) -> i32 {
    let given: i32 = given.trim().parse().unwrap_or(0);
    let mut port = 30_000 + given.rem_euclid(1000);
    let taken = |port: i32| desk.store.all::<Service>().any(|(_, s)| s.spec.ports.iter().any(|p| p.node_port == port));
    while taken(port) && port < 32_767 {
        port += 1;
    }
    port
}

/// A name that may be one.
fn named(given: &str) -> String {
    let given = given.trim_matches(['"', '\'']).to_ascii_lowercase();
    let name: String = given.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// Makes a template's labels fit the selector.
fn relabel(desk: &Desk<'_>, pen: Pen<'_>) -> Option<Fix> {
    let wanted: Labels = match pen.manifest.object.body::<Deployment>() {
        Some(deployment) => deployment.spec.selector.match_labels.clone(),
        None => {
            let tree = pen.manifest.tree.pointer("/spec/selector/matchLabels")?.as_object()?;
            tree.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
        }
    };
    let have = pen.manifest.tree.pointer("/spec/template/metadata/labels");
    let lacks =
        |(k, v): &(&String, &String)| have.and_then(|l| l.get(k.as_str())).and_then(|l| l.as_str()) != Some(v.as_str());
    let missing: Vec<(&String, &String)> = wanted.iter().filter(lacks).collect();
    let edits =
        missing.iter().map(|(k, v)| pen.put(&format!("spec.template.metadata.labels[{k}]"), &value(v))).collect();
    let said: Vec<String> = missing.iter().map(|(k, v)| format!("{k}: {v}")).collect();
    let said = said.join(", ");
    desk.edits(format!("Give the Pods {said}"), format!("给 Pod 加上 {said}"), edits)
}

/// Names every port that has no name.
fn name_ports(desk: &Desk<'_>, pen: Pen<'_>, key: &Ref) -> Option<Fix> {
    if key.kind != Kind::Service {
        return None;
    }
    let ports = &pen.manifest.object.body::<Service>()?.spec.ports;
    let unnamed = ports.iter().enumerate().filter(|(_, port)| port.name.is_empty());
    let edits = unnamed.map(|(i, port)| {
        let usual = match port.port {
            80 => "http".to_owned(),
            443 => "https".to_owned(),
            number => format!("port-{number}"),
        };
        let taken = ports.iter().any(|other| other.name == usual);
        let name = if taken { format!("port-{}", port.port) } else { usual };
        pen.put(&format!("spec.ports[{i}].name"), &name)
    });
    desk.edits("Name the ports".into(), "给端口起名".into(), edits.collect())
}

/// A file that the cluster does not have.
fn unapplied(desk: &mut Desk<'_>, file: &File<'_>) {
    let absent = |m: &&Manifest| m.object.kind() != Kind::Lab && desk.store.get(&m.key("default")).is_none();
    let absent: Vec<Ref> = file.parsed.manifests.iter().filter(absent).map(|m| m.key("default")).collect();
    let Some(first) = absent.first() else { return };
    let (name, count, of) = (file.source.name.as_str(), absent.len(), file.parsed.manifests.len());
    let fix = desk.line(format!("kubectl apply -f {name}"));
    let finding = desk.add(
        "not-applied",
        FieldRef::new(first.clone(), ""),
        format!("{count} of {of} objects in {name} are not in the cluster: nothing here judges them."),
        format!("{name} 的 {of} 个对象中有 {count} 个还不在集群里：这里不会判断它们。"),
    );
    finding.fix = fix;
}
