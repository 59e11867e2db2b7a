//! Where findings are collected, with what all of them ask: who wrote an object, who runs what, how a text is edited.

use std::collections::BTreeMap;

use super::fix::{Act, Edit, Fix, Pen, scalar};
use super::words::title;
use super::{Asked, Finding, MOST, Place, Severity};
use crate::api::Store;
use crate::lang::Lang;
use crate::manifest;
use crate::object::{
    App, DaemonSet, Deployment, FieldRef, Kind, Labels, Meta, Object, Pod, PodSpec, Ref, ReplicaSet, StatefulSet,
};
use crate::text::Span;

/// What makes pods, or a pod that nobody made.
pub(super) struct Workload<'a> {
    /// The object.
    pub(super) key: Ref,
    /// The labels of its pods.
    pub(super) labels: &'a Labels,
    /// What its pods run.
    pub(super) spec: &'a PodSpec,
    /// How many pods are wanted.
    pub(super) replicas: i32,
    /// Where the pods' fields stand in it: `spec.template.`, or nothing in a Pod.
    pub(super) prefix: &'static str,
}

impl Workload<'_> {
    /// A field of its pods, as a field of it.
    pub(super) fn field(&self, path: &str) -> FieldRef {
        FieldRef::new(self.key.clone(), format!("{}{path}", self.prefix))
    }

    /// `Deployment web`
    pub(super) fn name(&self) -> String {
        named(&self.key)
    }
}

/// `Service web`, in words.
pub(super) fn named(key: &Ref) -> String {
    format!("{} {}", key.kind.name(), key.name)
}

/// `app=web,tier=front`
pub(super) fn labels(labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    all.join(",")
}

/// The nearest of some names to one that was meant: a slip of a few letters, or one that is part of the other.
pub(super) fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let score = |other: &str| match manifest::distance(name, other) {
        near if near <= 2.max(name.len() / 4) => near,
        _ if name.len() > 2 && other.len() > 2 && (other.contains(name) || name.contains(other)) => 10,
        _ => usize::MAX,
    };
    among.map(|other| (score(other), other)).filter(|(score, _)| *score < usize::MAX).min().map(|(_, other)| other)
}

/// Findings, as they are collected.
pub(super) struct Desk<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) store: &'a Store,
    pub(super) lang: Lang,
    pub(super) found: Vec<Finding>,
    pub(super) workloads: Vec<Workload<'a>>,
    /// The number of each of `workloads`.
    numbers: BTreeMap<Ref, usize>,
    /// Where objects stand: file and document.
    written: BTreeMap<Ref, (usize, usize)>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(asked: &'a Asked<'a>) -> Self {
        let store = asked.cluster.store();
        let mut written = BTreeMap::new();
        for (f, file) in asked.files.iter().enumerate() {
            for (m, manifest) in file.parsed.manifests.iter().enumerate() {
                written.entry(manifest.key("default")).or_insert((f, m));
            }
        }
        let mut workloads = Vec::new();
        let mut made = |key: Ref, labels: &'a Labels, spec: &'a PodSpec, replicas: Option<i32>, prefix| {
            workloads.push(Workload { key, labels, spec, replicas: replicas.unwrap_or(1), prefix });
        };
        let key = |kind, meta: &Meta| Ref::new(kind, meta.namespace.as_str(), meta.name.as_str());
        const TEMPLATE: &str = "spec.template.";
        for (meta, body) in store.all::<Deployment>() {
            let pods = &body.spec.template;
            made(key(Kind::Deployment, meta), &pods.metadata.labels, &pods.spec, body.spec.replicas, TEMPLATE);
        }
        for (meta, body) in store.all::<StatefulSet>() {
            let pods = &body.spec.template;
            made(key(Kind::StatefulSet, meta), &pods.metadata.labels, &pods.spec, body.spec.replicas, TEMPLATE);
        }
        for (meta, body) in store.all::<DaemonSet>() {
            let pods = &body.spec.template;
            made(key(Kind::DaemonSet, meta), &pods.metadata.labels, &pods.spec, None, TEMPLATE);
        }
        for (meta, body) in store.all::<ReplicaSet>().filter(|(meta, _)| meta.controller().is_none()) {
            let pods = &body.spec.template;
            made(key(Kind::ReplicaSet, meta), &pods.metadata.labels, &pods.spec, body.spec.replicas, TEMPLATE);
        }
        for (meta, body) in store.all::<Pod>().filter(|(meta, _)| meta.controller().is_none()) {
            made(key(Kind::Pod, meta), &meta.labels, &body.spec, None, "");
        }
        let numbers =
            crate::sort::gathered(workloads.iter().enumerate().map(|(i, workload)| (workload.key.clone(), i)));
        Self { asked, store, lang: asked.lang, found: Vec::new(), workloads, numbers, written }
    }

    /// Whether enough was found.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    /// Whether an object is the learner's: written in a file, or in no namespace of the cluster's own.
    pub(super) fn is_own(&self, key: &Ref) -> bool {
        let system =
            matches!(&*key.namespace, "kube-system" | "kube-public" | "kube-node-lease" | "ingress-nginx" | "traefik");
        let first = key.kind == Kind::Service && &*key.namespace == "default" && &*key.name == "kubernetes";
        self.written.contains_key(key) || !(system || first)
    }

    /// Whether an object stands in a file.
    pub(super) fn is_written(&self, key: &Ref) -> bool {
        self.written.contains_key(key)
    }

    /// What edits an object's text.
    pub(super) fn pen(&self, key: &Ref) -> Option<Pen<'a>> {
        let (file, manifest) = *self.written.get(key)?;
        let file = self.asked.files.get(file)?;
        Some(Pen { source: file.source, manifest: file.parsed.manifests.get(manifest)? })
    }

    /// Whether a field is written in a file.
    pub(super) fn has(&self, field: &FieldRef) -> bool {
        self.pen(&field.object).is_some_and(|pen| pen.manifest.fields.contains_key(&*field.path))
    }

    /// Takes down a finding; what it is called and how bad it is stands in the table.
    pub(super) fn add(&mut self, id: &'static str, field: FieldRef, en: String, zh: String) -> &mut Finding {
        let place = self.place(&field);
        let text = self.lang.pick(en, zh);
        let severity = title(id).map_or(Severity::Warning, |title| title.severity);
        let at = self.found.len();
        let field = Some(field);
        self.found.push(Finding {
            id,
            severity,
            field,
            place,
            text,
            related: Vec::new(),
            traces: Vec::new(),
            fix: None,
        });
        &mut self.found[at]
    }

    /// Whether an error was found in an object.
    pub(super) fn is_blamed(&self, key: &Ref) -> bool {
        let about = |finding: &&Finding| finding.field.as_ref().is_some_and(|field| field.object == *key);
        self.found.iter().filter(about).any(|finding| finding.severity == Severity::Error)
    }

    /// Whether more than a note was found in an object.
    pub(super) fn is_known(&self, key: &Ref) -> bool {
        let about = |finding: &&Finding| finding.field.as_ref().is_some_and(|field| field.object == *key);
        self.found.iter().filter(about).any(|finding| finding.severity != Severity::Note)
    }

    fn place(&self, field: &FieldRef) -> Option<Place> {
        let pen = self.pen(&field.object)?;
        let span = match pen.manifest.span_of(field) {
            Some(span) => Span { start: span.key.start, end: span.value.end },
            None => pen.manifest.span,
        };
        Some(Place { file: pen.source.name.clone(), line: pen.source.position(span.start).line, span })
    }

    /// A fix that edits: none if one of the edits cannot be made.
    pub(super) fn edits(&self, en: String, zh: String, edits: Vec<Option<Edit>>) -> Option<Fix> {
        let edits: Vec<Edit> = edits.into_iter().collect::<Option<_>>()?;
        Some(Fix { label: self.lang.pick(en, zh), act: Act::Edit(edits) })
    }

    /// A fix that gives a field a value (as YAML).
    pub(super) fn put(&self, field: &FieldRef, value: &str) -> Option<Fix> {
        let edit = self.pen(&field.object)?.put(&field.path, value);
        let name = last(&field.path);
        let name = if name.starts_with(|c: char| c.is_ascii_digit()) { String::new() } else { format!("{name}: ") };
        self.edits(format!("Write {name}{value}"), format!("写成 {name}{value}"), vec![edit])
    }

    /// A fix that takes a field out.
    pub(super) fn drop(&self, field: &FieldRef) -> Option<Fix> {
        let edit = self.pen(&field.object)?.remove(&field.path);
        let name = last(&field.path);
        self.edits(format!("Take {name} out"), format!("删去 {name}"), vec![edit])
    }

    /// A fix that is a line to run.
    pub(super) fn line(&self, line: impl Into<String>) -> Option<Fix> {
        let line = line.into();
        Some(Fix { label: self.lang.pick(format!("Run {line}"), format!("运行 {line}")), act: Act::Run(line) })
    }

    /// The programs of a pod's containers.
    pub(super) fn programs(&self, spec: &PodSpec) -> Vec<App> {
        let images = &self.asked.cluster.profile().images;
        spec.containers.iter().map(|container| App::of(container, images)).collect()
    }

    /// What made a pod, by number.
    pub(super) fn maker(&self, pod: &Object) -> Option<usize> {
        let mut key = pod.key();
        let mut meta = &pod.meta;
        // A Deployment's ReplicaSet is the only owner in between.
        for _ in 0..2 {
            let Some(owner) = meta.controller() else { break };
            let Some(kind) = Kind::from_api(&owner.api_version, &owner.kind) else { break };
            key = Ref::new(kind, key.namespace.clone(), owner.name.as_str());
            match self.store.get(&key) {
                Some(object) => meta = &object.meta,
                None => break,
            }
        }
        self.numbers.get(&key).copied()
    }

    /// Whether a workload stands in a file, but not in the cluster, whose pods would have these labels.
    pub(super) fn awaits(&self, namespace: &str, wanted: &Labels) -> bool {
        let manifests = self.asked.files.iter().flat_map(|file| &file.parsed.manifests);
        let absent = manifests.filter(|manifest| self.store.get(&manifest.key("default")).is_none());
        absent.filter(|manifest| *manifest.key("default").namespace == *namespace).any(|manifest| {
            ["/spec/selector/matchLabels", "/spec/template/metadata/labels", "/metadata/labels"].iter().any(|at| {
                let has = manifest.tree.pointer(at);
                let fits = |(k, v): (&String, &String)| has.and_then(|l| l.get(k)).and_then(|l| l.as_str()) == Some(v);
                manifest.object.kind() != Kind::Service && wanted.iter().all(fits)
            })
        })
    }

    /// All that was found, in order.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        // In the order of the files; what stands in none comes last, by name.
        let order: Vec<&str> = self.asked.files.iter().map(|file| file.source.name.as_str()).collect();
        let at = |finding: &Finding| {
            let file = finding.place.as_ref().and_then(|place| order.iter().position(|name| *name == place.file));
            (finding.severity, file.unwrap_or(usize::MAX), finding.place.as_ref().map_or(0, |place| place.line))
        };
        crate::sort::by(&mut self.found, |a, b| {
            at(a).cmp(&at(b)).then_with(|| (a.id, &a.field).cmp(&(b.id, &b.field)))
        });
        self.found.dedup_by(|a, b| a.id == b.id && a.field == b.field && a.place == b.place);
        // What the server warned of needs no second word where we say more.
        let said: Vec<_> = self.found.iter().filter(|f| f.id != "told").filter_map(|f| f.field.clone()).collect();
        self.found.retain(|f| f.id != "told" || f.field.as_ref().is_none_or(|field| !said.contains(field)));
        self.found.truncate(MOST);
        self.found
    }
}

/// The last part of a path: `targetPort`, `app`.
fn last(path: &str) -> &str {
    match path.strip_suffix(']').and_then(|path| path.rsplit_once('[')) {
        Some((_, key)) => key,
        None => path.rsplit('.').next().unwrap_or(path),
    }
}

/// A port as YAML.
pub(super) fn port(number: u16) -> String {
    number.to_string()
}

/// A list of ports in words: `8080 and 9090`.
pub(super) fn ports(all: &[u16], lang: Lang) -> String {
    let all: Vec<String> = all.iter().map(u16::to_string).collect();
    match all.split_last() {
        None => lang.pick("nothing", "任何端口").to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{}{}{last}", rest.join(lang.pick(", ", "、")), lang.pick(" and ", " 和 ")),
    }
}

/// A label's value as YAML.
pub(super) fn value(text: &str) -> String {
    scalar(text)
}
