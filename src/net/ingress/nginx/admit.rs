//! The admission check of ingress-nginx: what it refuses before it is stored, in its own words.
//!
//! Stands for `CheckIngress`, `CheckWarning` and `checkOverlap` of `internal/ingress/controller/controller.go` and for
//! `internal/ingress/inspector` at controller-v1.15.1. nginx' own test of the configuration has been off since CVE-2025-1974.
//! The UID is not checked: every Ingress here has a good one.

use std::sync::Arc;

use super::super::Controller;
use super::annotations::{Annotations, PREFIX};
use super::config::{Config, Read, ingresses, settings};
use super::known::to_bool;
use crate::api::Store;
use crate::object::{Ingress, Kind, Labels, Meta, Ref};

/// What the webhook says of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Warnings, whether it is admitted or not.
    pub warnings: Vec<String>,
    /// Why it is refused; none if it is not.
    pub refusal: Option<String>,
}

/// Annotations that are no more, with a warning.
const DEPRECATED: [&str; 6] = [
    "enable-influxdb",
    "influxdb-host",
    "influxdb-measurement",
    "influxdb-port",
    "influxdb-server-name",
    "secure-verify-ca-secret",
];

/// Checks an Ingress that is about to be stored, as the controller's webhook does.
pub fn admit(store: &Store, controller: &Controller, meta: &Meta, ingress: &Ingress) -> Admission {
    if meta.deletion_timestamp.is_some() {
        return Admission::default();
    }
    let deprecated = |key: &&String| key.strip_prefix(PREFIX).is_some_and(|name| DEPRECATED.contains(&name));
    let deprecated = meta.annotations.keys().filter(deprecated);
    let mut warnings: Vec<String> = deprecated.map(|key| format!("annotation {key} is deprecated")).collect();
    let paths = bad_paths(ingress);
    warnings.extend(paths.iter().cloned());
    Admission { warnings, refusal: check(store, controller, meta, ingress, &paths).err() }
}

fn check(
    store: &Store,
    controller: &Controller,
    meta: &Meta,
    ingress: &Ingress,
    bad_paths: &[String],
) -> Result<(), String> {
    inspect(meta, ingress).map_err(|why| format!("invalid object: {why}"))?;
    if !controller.owns(store, meta, ingress) {
        return Ok(());
    }
    let settings = settings(store, controller);
    if settings.strict_path_type && !bad_paths.is_empty() {
        return Err(format!("ingress contains invalid paths: {}", bad_paths.join("\n")));
    }
    for (key, value) in &meta.annotations {
        let words = settings.blocked_words.split(',').filter(|word| !word.is_empty());
        let bad = |word: &&str| key.starts_with(PREFIX) && value.contains(word.trim());
        if let Some(word) = words.into_iter().find(bad) {
            return Err(format!("{key} annotation contains invalid word {word}"));
        }
        if !settings.allow_snippets && key.ends_with("-snippet") {
            return Err(format!(
                "{key} annotation cannot be used. Snippet directives are disabled by the Ingress administrator"
            ));
        }
    }
    let annotations = Arc::new(Annotations::read(&meta.annotations, &settings)?);
    let key = Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str());
    let (mut read, _) = ingresses(store, controller, &settings);
    read.retain(|other| other.key != key);
    // The new one comes last, however old it is.
    read.push(Read { key: key.clone(), spec: &ingress.spec, annotations });
    let mut config = Config::new(store, controller, read, Vec::new());
    config.merge();
    overlap(store, &config, meta, ingress, &key)
}

/// `checkOverlap`: no two Ingresses say the same host and path, canaries apart.
fn overlap(store: &Store, config: &Config<'_>, meta: &Meta, ingress: &Ingress, key: &Ref) -> Result<(), String> {
    for rule in &ingress.spec.rules {
        let host = if rule.host.is_empty() { "_" } else { &*rule.host };
        let Some(server) = config.hosts.get(host) else { continue };
        for path in rule.http.iter().flat_map(|http| &http.paths).filter(|path| path.backend.service.is_some()) {
            let path = if path.path.is_empty() { "/" } else { &*path.path };
            let there = server.locations.iter().filter(|location| location.path == path && !location.is_default);
            for other in there.filter_map(|location| config.read.get(location.ingress?)).filter(|o| o.key != *key) {
                let Some(existing) = store.get(&other.key) else { continue };
                let (own, theirs) = (canary(&meta.annotations), canary(&existing.meta.annotations));
                let both = own == Some(true) && theirs == Some(true);
                if both || (own.is_none() && theirs.is_none()) {
                    let (namespace, name) = (&other.key.namespace, &other.key.name);
                    return Err(format!(
                        "host \"{host}\" and path \"{path}\" is already defined in ingress {namespace}/{name}"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The annotation `canary`; none if there is none.
fn canary(annotations: &Labels) -> Option<bool> {
    annotations.get(&format!("{PREFIX}canary")).map(|value| to_bool(value).unwrap_or(false))
}

/// `ValidatePathType`: only ImplementationSpecific may have more than letters, digits and `._-/`.
fn bad_paths(ingress: &Ingress) -> Vec<String> {
    let paths = ingress.spec.rules.iter().filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths);
    let is_bad =
        |path: &str| !path.starts_with('/') || !path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    paths
        .filter(|path| path.path_type.as_deref() != Some("ImplementationSpecific"))
        .filter(|path| !path.path.is_empty() && is_bad(&path.path))
        .map(|path| {
            let path_type = path.path_type.as_deref().unwrap_or("<nil>");
            format!("path {} cannot be used with pathType {path_type}", path.path)
        })
        .collect()
}

/// `InspectIngress`: words by which an attacker might leave the place of a value in nginx' configuration.
fn inspect(meta: &Meta, ingress: &Ingress) -> Result<(), String> {
    let whole = format!("{}/{}", meta.namespace, meta.name);
    let judge = |value: &str, what: &str| match is_risky(value) {
        true => Err(format!("{what} {whole}: invalid value found: {value}")),
        false => Ok(()),
    };
    for rule in &ingress.spec.rules {
        judge(&rule.host, "invalid host in ingress")?;
        let mut paths = rule.http.iter().flat_map(|http| &http.paths);
        if let Some(path) = paths.find(|path| is_risky(&path.path)) {
            let path = &path.path;
            return Err(format!("invalid rule in ingress {whole}: invalid http path: invalid value found: {path}"));
        }
    }
    for tls in &ingress.spec.tls {
        judge(&tls.secret_name, "invalid secret in ingress")?;
        for host in &tls.hosts {
            judge(host, "invalid host in ingress tls config")?;
        }
    }
    Ok(())
}

fn is_risky(value: &str) -> bool {
    let directive =
        |name: &str| value.find(name).is_some_and(|at| value.get(at..).is_some_and(|rest| rest.contains(';')));
    const ETC: [&str; 5] = ["passwd", "shadow", "group", "nginx", "ingress-controller"];
    let etc = || value.split("/etc/").skip(1).any(|rest| ETC.iter().any(|name| rest.starts_with(name)));
    directive("alias") || directive("root") || etc() || value.contains("/var/run/secrets") || value.contains("_by_lua")
}
