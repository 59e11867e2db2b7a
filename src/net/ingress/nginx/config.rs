//! Ingresses to servers and locations, as ingress-nginx merges them.
//!
//! Stands for `getBackendServers`, `createUpstreams`, `createServers` and `mergeAlternativeBackends` of
//! `internal/ingress/controller/controller.go`, `location.go` beside it, and `buildLocation` of `template/template.go`, at
//! controller-v1.15.1. What that comes to, and surprises people:
//!
//! - Ingresses are read by age; of two of the same second the later name goes first. Who first says a host and path wins.
//! - A Prefix path `/a` becomes the locations `/a/` and `= /a`; nginx answers 301 where only the slash is missing.
//! - One path with `use-regex` or `rewrite-target` makes all paths of its host regular expressions without case, the longest
//!   first.
//! - A rule without a host never gets a certificate of its own.
//!
//! Left out: `default-backend`, `custom-http-errors`, `from-to-www-redirect`, snippets and what `known.rs` marks. A regular
//! expression that cannot be read would keep nginx from loading any change; here its path never matches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::backend::{self, Ports};
use super::super::{Act, Backend, Controller, Note, NoteKind, Router, Target, TlsHost};
use super::annotations::{Annotations, PREFIX, Settings};
use super::known::known;
use crate::api::Store;
use crate::net::route::{HostRule, PathRule, Pattern, Rule, Server, Table};
use crate::object::{
    ConfigMap, FieldRef, Ingress, IngressBackend, IngressServiceBackend, IngressSpec, Kind, Meta, Ref,
};

/// The name of the server for all hosts.
const ANY: &str = "_";

/// An Ingress that is served.
#[derive(Clone)]
pub(super) struct Read<'a> {
    pub(super) key: Ref,
    pub(super) spec: &'a IngressSpec,
    pub(super) annotations: Arc<Annotations>,
}

/// A `location` of nginx.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) path: String,
    exact: bool,
    /// The number of its backend; none for the controller's 404.
    backend: Option<usize>,
    /// Whether it is there for want of a rule.
    pub(super) is_default: bool,
    /// The number of the Ingress that made it.
    pub(super) ingress: Option<usize>,
    /// The path as the Ingress has it; empty for `/`.
    written: String,
    shown: Option<Arc<str>>,
    cause: Option<FieldRef>,
}

/// A `server` of nginx.
#[derive(Default)]
pub(super) struct Host {
    pub(super) locations: Vec<Location>,
    aliases: Vec<Arc<str>>,
    tls: Option<TlsHost>,
}

/// A place that a canary names: host, path and whether it is exact (none for all paths), and backend.
type Place<'a> = (&'a str, Option<(&'a str, bool)>, &'a IngressBackend);

/// The configuration while it is made.
pub(super) struct Config<'a> {
    store: &'a Store,
    pub(super) read: Vec<Read<'a>>,
    pub(super) hosts: BTreeMap<String, Host>,
    by_name: BTreeMap<String, usize>,
    backends: Vec<Backend>,
    /// Which places send a session's cookie.
    cookies: BTreeSet<(usize, String, String)>,
    default: Option<usize>,
    notes: Vec<Note>,
}

/// The settings of a controller's ConfigMap.
pub(super) fn settings(store: &Store, controller: &Controller) -> Settings {
    let config = controller.config.as_ref().and_then(|key| store.read::<ConfigMap>(key));
    Settings::of(config.map(|(_, config)| &config.data))
}

/// What a controller serves.
pub(in crate::net::ingress) fn router(store: &Store, controller: &Arc<Controller>) -> Router {
    let settings = settings(store, controller);
    let (read, notes) = ingresses(store, controller, &settings);
    let mut config = Config::new(store, controller, read, notes);
    config.merge();
    config.finish(controller, settings.hsts)
}

/// The Ingresses that a controller serves, in its order.
pub(super) fn ingresses<'a>(
    store: &'a Store,
    controller: &Controller,
    settings: &Settings,
) -> (Vec<Read<'a>>, Vec<Note>) {
    let mut all: Vec<(&Meta, &Ingress)> =
        store.all::<Ingress>().filter(|(meta, ingress)| controller.owns(store, meta, ingress)).collect();
    // The API keeps whole seconds; of the same second, the greater name goes first.
    let age = |meta: &Meta| meta.creation_timestamp.map(|at| at.as_micros() / 1_000_000);
    let name = |meta: &Meta| format!("{}/{}", meta.namespace, meta.name);
    crate::sort::by(&mut all, |(a, _), (b, _)| age(a).cmp(&age(b)).then_with(|| name(b).cmp(&name(a))));
    let (mut read, mut notes) = (Vec::new(), Vec::new());
    for (meta, ingress) in all {
        let key = Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str());
        let annotations = Annotations::read(&meta.annotations, settings);
        note_annotations(meta, &key, &mut notes);
        if let Ok(annotations) = annotations {
            read.push(Read { key, spec: &ingress.spec, annotations: Arc::new(annotations) });
        }
    }
    (read, notes)
}

/// Notes what the controller passes over.
fn note_annotations(meta: &Meta, key: &Ref, notes: &mut Vec<Note>) {
    for (name, value) in &meta.annotations {
        let kind = match name.strip_prefix(PREFIX).map(|name| (name, known(name))) {
            Some((_, None)) => NoteKind::UnknownAnnotation,
            Some((_, Some(known))) if !known.takes(value) => NoteKind::InvalidValue,
            Some((_, Some(known))) if !known.modelled => NoteKind::Unmodelled,
            None if name.contains(".ingress.kubernetes.io/") => NoteKind::OtherController,
            _ => continue,
        };
        notes.push(Note { field: FieldRef::new(key.clone(), format!("metadata.annotations[{name}]")), kind });
    }
}

impl<'a> Config<'a> {
    pub(super) fn new(store: &'a Store, controller: &Controller, read: Vec<Read<'a>>, notes: Vec<Note>) -> Self {
        let mut config = Self {
            store,
            read,
            hosts: BTreeMap::new(),
            by_name: BTreeMap::new(),
            backends: Vec::new(),
            cookies: BTreeSet::new(),
            default: None,
            notes,
        };
        let default = controller.default_backend.as_ref().and_then(|key| backend::first_port(store, key));
        config.default = default.map(|backend| config.push(backend));
        config
    }

    fn push(&mut self, backend: Backend) -> usize {
        self.backends.push(backend);
        self.backends.len() - 1
    }

    /// Everything up to the locations of each server.
    pub(super) fn merge(&mut self) {
        let read = std::mem::take(&mut self.read);
        read.iter().for_each(|one| self.create_backends(one));
        read.iter().enumerate().for_each(|(n, one)| self.create_servers(n, one));
        read.iter().for_each(|one| self.dress_servers(one));
        read.iter().enumerate().for_each(|(n, one)| self.add_paths(n, one));
        if read.iter().any(|one| one.annotations.canary.is_none()) {
            read.iter().filter(|one| one.annotations.canary.is_some()).for_each(|one| self.merge_canary(one));
        }
        self.read = read;
        for host in self.hosts.values_mut() {
            crate::sort::by(&mut host.locations, |a, b| {
                b.path.len().cmp(&a.path.len()).then_with(|| b.path.cmp(&a.path))
            });
            let locations = std::mem::take(&mut host.locations);
            host.locations = with_exact(locations, &self.read);
        }
    }

    fn create_backend(&mut self, one: &Read<'_>, name: String, service: &IngressServiceBackend, cause: FieldRef) {
        let by_cluster_ip = one.annotations.service_upstream;
        let mut made = backend::read(self.store, &one.key.namespace, service, cause, Ports::Loose, by_cluster_ip);
        made.canary = one.annotations.canary.clone();
        let at = self.push(made);
        self.by_name.insert(name, at);
    }

    fn create_backends(&mut self, one: &Read<'_>) {
        if let Some(backend) = &one.spec.default_backend
            && let Some(service) = &backend.service
        {
            let name = upstream(&one.key, backend);
            let cause = FieldRef::new(one.key.clone(), "spec.defaultBackend.service.name");
            self.create_backend(one, name, service, cause);
        }
        for (i, rule) in one.spec.rules.iter().enumerate() {
            for (j, path) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
                let name = upstream(&one.key, &path.backend);
                let field = format!("spec.rules[{i}].http.paths[{j}].backend");
                let Some(service) = &path.backend.service else {
                    self.notes.push(Note { field: FieldRef::new(one.key.clone(), field), kind: NoteKind::NoService });
                    continue;
                };
                if self.by_name.contains_key(&name) {
                    continue;
                }
                let cause = FieldRef::new(one.key.clone(), format!("{field}.service.name"));
                self.create_backend(one, name, service, cause);
            }
        }
    }

    fn backend_of(&self, key: &Ref, backend: &IngressBackend) -> Option<usize> {
        backend.service.as_ref()?;
        self.by_name.get(&upstream(key, backend)).copied()
    }

    fn create_servers(&mut self, n: usize, one: &Read<'_>) {
        let any = self.hosts.entry(ANY.to_owned()).or_default();
        if any.locations.is_empty() {
            any.locations.push(default_location(self.default, None));
        }
        if one.annotations.canary.is_some() {
            return;
        }
        let mut fallback = self.default;
        if let Some(backend) = &one.spec.default_backend
            && let Some(at) = self.by_name.get(&upstream(&one.key, backend)).filter(|_| backend.service.is_some())
        {
            fallback = Some(*at);
            let any = self.hosts.get_mut(ANY).and_then(|any| any.locations.first_mut());
            if let Some(any) = any.filter(|any| any.is_default && one.spec.rules.is_empty()) {
                any.is_default = false;
                any.backend = fallback;
                any.ingress = Some(n);
                any.cause = Some(FieldRef::new(one.key.clone(), "spec.defaultBackend"));
            }
        }
        for rule in &one.spec.rules {
            self.hosts.entry(name(&rule.host)).or_insert_with(|| Host {
                locations: vec![Location {
                    cause: (fallback != self.default).then(|| FieldRef::new(one.key.clone(), "spec.defaultBackend")),
                    ..default_location(fallback, Some(n))
                }],
                ..Host::default()
            });
        }
    }

    /// Aliases and certificates.
    fn dress_servers(&mut self, one: &Read<'_>) {
        if one.annotations.canary.is_some() {
            return;
        }
        let secret = |name: &str| Ref::new(Kind::Secret, one.key.namespace.clone(), name);
        for rule in &one.spec.rules {
            let Some(host) = self.hosts.get_mut(&name(&rule.host)) else { continue };
            if host.aliases.is_empty() {
                host.aliases.clone_from(&one.annotations.aliases);
            }
            // The server for all hosts has the default certificate from the start.
            if host.tls.is_some() || rule.host.is_empty() || one.spec.tls.is_empty() {
                continue;
            }
            let listed = |tls: &crate::object::IngressTls| tls.hosts.iter().any(|h| h.eq_ignore_ascii_case(&rule.host));
            let at = one.spec.tls.iter().position(listed);
            let named = at.and_then(|at| one.spec.tls.get(at)).map(|tls| &*tls.secret_name);
            host.tls = Some(TlsHost {
                host: rule.host.as_str().into(),
                secret: named.filter(|name| !name.is_empty()).map(secret),
                others: match named {
                    Some(_) => Vec::new(),
                    None => one
                        .spec
                        .tls
                        .iter()
                        .filter(|t| !t.secret_name.is_empty())
                        .map(|t| secret(&t.secret_name))
                        .collect(),
                },
                cause: FieldRef::new(one.key.clone(), format!("spec.tls[{}]", at.unwrap_or(0))),
            });
        }
    }

    fn add_paths(&mut self, n: usize, one: &Read<'_>) {
        for (i, rule) in one.spec.rules.iter().enumerate() {
            let host_name = name(&rule.host);
            let host_name = if self.hosts.contains_key(&host_name) { host_name } else { ANY.to_owned() };
            for (j, path) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
                let Some(backend) = self.backend_of(&one.key, &path.backend) else { continue };
                if self.backends[backend].canary.is_some() {
                    continue;
                }
                let Some(host) = self.hosts.get_mut(&host_name) else { continue };
                let written = if path.path.is_empty() { "/" } else { &*path.path };
                let exact = path.path_type.as_deref() == Some("Exact");
                let field = FieldRef::new(one.key.clone(), format!("spec.rules[{i}].http.paths[{j}]"));
                let shown = shown(&rule.host, written, path.path_type.as_deref());
                let location = Location {
                    path: written.to_owned(),
                    exact,
                    backend: Some(backend),
                    is_default: false,
                    ingress: Some(n),
                    written: String::new(),
                    shown: Some(shown),
                    cause: Some(field.clone()),
                };
                match host.locations.iter_mut().find(|location| location.path == written) {
                    Some(there) if there.exact == exact && there.is_default => *there = location,
                    Some(there) if there.exact == exact => {
                        self.notes.push(Note { field, kind: NoteKind::Shadowed });
                    }
                    _ => host.locations.push(location),
                }
                if let Some(affinity) = &one.annotations.affinity {
                    self.backends[backend].affinity = Some(affinity.clone());
                    self.cookies.insert((backend, host_name.clone(), path.path.clone()));
                }
            }
        }
    }

    /// Gives a canary to the backends of the places that it names.
    fn merge_canary(&mut self, one: &Read<'_>) {
        let mut places: Vec<Place<'_>> = Vec::new();
        places.extend(one.spec.default_backend.iter().map(|backend| ("", None, backend)));
        for rule in &one.spec.rules {
            for path in rule.http.iter().flat_map(|http| &http.paths) {
                let exact = path.path_type.as_deref() == Some("Exact");
                let written = if path.path.is_empty() { "/" } else { &*path.path };
                places.push((&rule.host, Some((written, exact)), &path.backend));
            }
        }
        for (host, place, backend) in places {
            let (Some(canary), Some(host)) = (self.backend_of(&one.key, backend), self.hosts.get(&name(host))) else {
                continue;
            };
            for location in &host.locations {
                let Some(primary) = location.backend else { continue };
                if primary == canary {
                    break;
                }
                let fits = place.is_none_or(|(path, exact)| location.path == path && location.exact == exact);
                // Only the first canary of a backend is ever asked.
                if fits && self.backends[primary].canary.is_none() && self.backends[primary].alternative.is_none() {
                    self.backends[primary].alternative = Some(canary);
                    if !one.annotations.legacy_canary {
                        self.backends[canary].affinity = self.backends[primary].affinity.clone();
                    }
                }
            }
        }
    }

    /// Turns servers into a table.
    fn finish(mut self, controller: &Arc<Controller>, hsts: bool) -> Router {
        let mut targets = Vec::new();
        let (mut servers, mut tls) = (Vec::new(), Vec::new());
        let names: BTreeSet<Arc<str>> = self.hosts.keys().map(|name| name.as_str().into()).collect();
        for (name, host) in std::mem::take(&mut self.hosts) {
            let rule = if name == ANY { HostRule::Any } else { HostRule::of(&name) };
            let rules = self.rules(&name, &host, &mut targets);
            for alias in host.aliases.iter().filter(|alias| !names.contains(*alias)) {
                servers.push(Server { host: HostRule::of(alias), rules: rules.clone() });
            }
            servers.push(Server { host: rule, rules });
            tls.extend(host.tls);
        }
        if servers.is_empty() {
            let host = Host { locations: vec![default_location(self.default, None)], ..Host::default() };
            servers.push(Server { host: HostRule::Any, rules: self.rules(ANY, &host, &mut targets) });
        }
        Router {
            controller: controller.clone(),
            table: Table::new(servers),
            targets,
            backends: self.backends,
            tls,
            hsts,
            unmade: Vec::new(),
            notes: self.notes,
        }
    }

    /// The rows of one server, in the order in which nginx tries them.
    fn rules(&mut self, host_name: &str, host: &Host, targets: &mut Vec<Target>) -> Vec<Rule> {
        let annotations = |location: &Location| {
            let one = location.ingress.and_then(|n| self.read.get(n));
            one.map(|one| (one.key.clone(), one.annotations.clone()))
        };
        let is_regex =
            |location: &Location| annotations(location).is_some_and(|(_, a)| a.use_regex || a.rewrites(&location.path));
        let regex = host.locations.iter().any(is_regex);
        let (mut first, mut exact, mut slash, mut rest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut unread = Vec::new();
        for location in &host.locations {
            let made = annotations(location);
            let written = if location.written.is_empty() { "/" } else { &*location.written };
            let row = |path: PathRule, to: usize| Rule {
                host: HostRule::Any,
                path,
                to,
                shown: location.shown.clone(),
                cause: location.cause.clone(),
            };
            let target = |act: Act| Target {
                act,
                backend: location.backend,
                fallback: location.shown.is_none(),
                path: location.path.as_str().into(),
                cookie_path: written.into(),
                sets_cookie: location
                    .backend
                    .is_some_and(|backend| self.cookies.contains(&(backend, host_name.to_owned(), written.to_owned()))),
                rewrite: made
                    .as_ref()
                    .filter(|(_, a)| a.rewrites(&location.path))
                    .and_then(|_| Pattern::new(&location.path).ok()),
                ingress: made.as_ref().map(|(key, _)| key.clone()),
                cause: location.cause.clone(),
                annotations: made.as_ref().map(|(_, annotations)| annotations.clone()),
            };
            let mut add = |act: Act| {
                targets.push(target(act));
                targets.len() - 1
            };
            if let Some(root) = made.as_ref().map(|(_, a)| &a.app_root).filter(|root| !root.is_empty()) {
                let to = add(Act::AppRoot(root.clone()));
                first.push(Rule { shown: None, ..row(PathRule::Exact("/".into()), to) });
            }
            let to = add(Act::Serve);
            if regex {
                match Pattern::new(&format!("^{}", location.path)) {
                    Ok(pattern) => rest.push(row(PathRule::Regex(Arc::new(pattern)), to)),
                    Err(_) => unread.extend(location.cause.clone()),
                }
                continue;
            }
            let path: Arc<str> = location.path.as_str().into();
            if let Some(without) = path.strip_suffix('/').filter(|without| !without.is_empty()) {
                let to = add(Act::AddSlash(path.clone()));
                slash.push(Rule { shown: None, ..row(PathRule::Exact(without.into()), to) });
            }
            if location.exact {
                exact.push(row(PathRule::Exact(path), to));
            } else {
                rest.push(row(PathRule::Letters(path), to));
            }
        }
        if host_name == ANY {
            targets.push(Target { act: Act::Health, ..Target::default() });
            let path = PathRule::Letters("/healthz".into());
            rest.push(Rule { host: HostRule::Any, path, to: targets.len() - 1, shown: None, cause: None });
        }
        if !regex {
            crate::sort::by(&mut rest, |a, b| length(b).cmp(&length(a)));
        }
        self.notes.extend(unread.into_iter().map(|field| Note { field, kind: NoteKind::InvalidValue }));
        first.extend(exact.into_iter().chain(slash).chain(rest));
        first
    }
}

fn length(rule: &Rule) -> usize {
    match &rule.path {
        PathRule::Letters(path) => path.len(),
        _ => 0,
    }
}

/// The location for all paths that no rule names.
fn default_location(backend: Option<usize>, ingress: Option<usize>) -> Location {
    Location {
        path: "/".to_owned(),
        exact: false,
        backend,
        is_default: true,
        ingress,
        written: String::new(),
        shown: None,
        cause: None,
    }
}

/// The name of a rule's server.
fn name(host: &str) -> String {
    if host.is_empty() { ANY.to_owned() } else { host.to_owned() }
}

/// The name of a backend's upstream.
fn upstream(key: &Ref, backend: &IngressBackend) -> String {
    let namespace = &key.namespace;
    match &backend.service {
        Some(service) if service.port.number > 0 => format!("{namespace}-{}-{}", service.name, service.port.number),
        Some(service) => format!("{namespace}-{}-{}", service.name, service.port.name),
        None => String::new(),
    }
}

/// `shop.test/api (Prefix)`
pub(in crate::net::ingress) fn shown(host: &str, path: &str, path_type: Option<&str>) -> Arc<str> {
    let host = if host.is_empty() { "*" } else { host };
    format!("{host}{path} ({})", path_type.unwrap_or("Prefix")).into()
}

/// Adds `= /path` beside each `/path/`.
fn with_exact(locations: Vec<Location>, read: &[Read<'_>]) -> Vec<Location> {
    let exact: BTreeSet<String> = locations.iter().filter(|l| l.exact).map(|l| l.path.clone()).collect();
    let mut all = Vec::with_capacity(locations.len() * 2);
    for mut location in locations {
        if location.path == "/" {
            all.push(location);
            continue;
        }
        location.written.clone_from(&location.path);
        let annotations = location.ingress.and_then(|n| read.get(n)).map(|one| &one.annotations);
        let regex = annotations.is_some_and(|a| a.use_regex || a.rewrites(&location.path));
        if location.exact || regex {
            all.push(location);
            continue;
        }
        let copy = Location { exact: true, ..location.clone() };
        let has = exact.contains(&location.path);
        if !location.path.ends_with('/') {
            location.path.push('/');
        }
        all.push(location);
        if !has {
            all.push(copy);
        }
    }
    all
}
