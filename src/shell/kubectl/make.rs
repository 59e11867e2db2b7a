//! `kubectl create ingress`, `create secret` and `create configmap`.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/create`. Left out: `--from-env-file`, `secret docker-registry`, and that a private key
//! is the one of its certificate.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::flags::{Flag, value};
use super::{Call, Fail, go_quote};
use crate::object::to_base64;

/// The flags of these commands, beside those of all that create.
pub(super) const FLAGS: [Flag; 9] = [
    value("rule", ' ', "HOST/PATH=SERVICE:PORT"),
    value("default-backend", ' ', "SERVICE:PORT"),
    value("class", ' ', "CLASS"),
    value("annotation", ' ', "KEY=VALUE"),
    value("from-literal", ' ', "KEY=VALUE"),
    value("from-file", ' ', "KEY=FILE"),
    value("type", ' ', "TYPE"),
    value("cert", ' ', "FILE"),
    value("key", ' ', "FILE"),
];

fn fail<T>(text: impl Into<String>) -> Result<T, Fail> {
    Err(Fail::Error(text.into()))
}

/// `kubectl create ingress NAME --rule=…`
pub(super) fn ingress(call: &Call, name: &str) -> Result<Value, Fail> {
    let rules: Vec<&str> = call.flags.all("rule").collect();
    let default = call.flags.get("default-backend").unwrap_or_default();
    if rules.is_empty() && default.is_empty() {
        return fail(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)",
        );
    }
    let mut all: Vec<Value> = Vec::new();
    let mut tls: Vec<(String, Vec<String>)> = Vec::new();
    for text in rules {
        let Some(rule) = read_rule(text) else {
            let form = "host/path=svcname:svcport[,tls[=secret]]";
            return fail(format!("rule {text} is invalid and should be in format {form}"));
        };
        let path = json!({"backend": backend(rule.service, rule.port), "path": rule.path, "pathType": rule.path_type});
        let same = |one: &Value| one.get("host").and_then(Value::as_str).unwrap_or_default() == rule.host;
        let known = all.iter_mut().find(|one| same(one)).and_then(|one| one.pointer_mut("/http/paths")?.as_array_mut());
        match known {
            Some(paths) => paths.push(path),
            None => {
                let mut one = json!({"http": {"paths": [path]}});
                if !rule.host.is_empty() {
                    one["host"] = rule.host.into();
                }
                all.push(one);
            }
        }
        // A host is secured by the first secret that names it.
        let Some(secret) = rule.secret.filter(|_| !tls.iter().any(|(_, hosts)| hosts.iter().any(|h| h == rule.host)))
        else {
            continue;
        };
        match tls.iter_mut().find(|(name, _)| name == secret) {
            Some((_, hosts)) => hosts.push(rule.host.to_owned()),
            None => tls.push((secret.to_owned(), vec![rule.host.to_owned()])),
        }
    }
    let mut annotations = serde_json::Map::new();
    for text in call.flags.all("annotation") {
        let Some((key, value)) = text.split_once('=') else {
            return fail(format!("annotation {text} is invalid and should be in format key=[value]"));
        };
        annotations.insert(key.to_owned(), value.into());
    }
    let mut spec = json!({});
    if !default.is_empty() {
        match default.split(':').collect::<Vec<_>>()[..] {
            [service, port] => spec["defaultBackend"] = backend(service, port),
            _ => return fail("default-backend should be in format servicename:serviceport"),
        }
    }
    if let Some(class) = call.flags.get("class").filter(|class| !class.is_empty()) {
        spec["ingressClassName"] = class.into();
    }
    if !all.is_empty() {
        spec["rules"] = all.into();
    }
    let tls: Vec<Value> = tls.iter().filter_map(|(secret, hosts)| tls_entry(secret, hosts)).collect();
    if !tls.is_empty() {
        spec["tls"] = tls.into();
    }
    let mut metadata = json!({"name": name});
    if !annotations.is_empty() {
        metadata["annotations"] = annotations.into();
    }
    Ok(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec,
        "status": {"loadBalancer": {}},
    }))
}

fn tls_entry(secret: &str, hosts: &[String]) -> Option<Value> {
    let hosts: Vec<&String> = hosts.iter().filter(|host| !host.is_empty()).collect();
    let mut entry = json!({});
    if !hosts.is_empty() {
        entry["hosts"] = json!(hosts);
    }
    if !secret.is_empty() {
        entry["secretName"] = secret.into();
    }
    (entry != json!({})).then_some(entry)
}

fn backend(service: &str, port: &str) -> Value {
    let port = port.parse::<i32>().map_or_else(|_| json!({"name": port}), |number| json!({"number": number}));
    json!({"service": {"name": service, "port": port}})
}

/// A rule as the flag has it.
struct Rule<'a> {
    host: &'a str,
    path: &'a str,
    path_type: &'static str,
    service: &'a str,
    port: &'a str,
    /// Empty for TLS with the controller's own certificate; none for no TLS.
    secret: Option<&'a str>,
}

/// `shop.test/cart*=cart-svc:8080,tls=secret`
fn read_rule(text: &str) -> Option<Rule<'_>> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let (rule, tls) = text.split_once(',').map_or((text, None), |(rule, tls)| (rule, Some(tls)));
    let host = rule.split('/').next().filter(|host| host.chars().all(|c| word(c) || c == '*' || c == '.'))?;
    let (path, to) = rule[host.len()..].split_once('=').filter(|(path, _)| path.starts_with('/'))?;
    let (service, port) = to.split_once(':')?;
    if service.is_empty() || port.is_empty() || !service.chars().chain(port.chars()).all(word) {
        return None;
    }
    let secret = tls.and_then(|tls| tls.strip_prefix("tls")).map(|rest| rest.strip_prefix('=').unwrap_or(rest));
    let (path, path_type) = path.strip_suffix('*').map_or((path, "Exact"), |path| (path, "Prefix"));
    Some(Rule { host, path, path_type, service, port, secret })
}

/// `kubectl create secret generic|tls NAME`
pub(super) fn secret(call: &Call, kind: &str, name: &str) -> Result<Value, Fail> {
    let mut tree = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
    if kind == "tls" {
        let (cert, key) = match (call.flags.get("cert"), call.flags.get("key")) {
            (Some(cert), Some(key)) if !cert.is_empty() && !key.is_empty() => (file(call, cert)?, file(call, key)?),
            _ => return fail("key and cert must be specified"),
        };
        pair(&cert, &key)?;
        tree["type"] = "kubernetes.io/tls".into();
        tree["data"] = json!({"tls.crt": to_base64(cert.as_bytes()), "tls.key": to_base64(key.as_bytes())});
        return Ok(tree);
    }
    let data = sources(call, |key, wrong| format!("{} is not valid key name for a Secret {wrong}", go_quote(key)))?;
    if let Some(of) = call.flags.get("type").filter(|of| !of.is_empty()) {
        tree["type"] = of.into();
    }
    if !data.is_empty() {
        tree["data"] = data.into_iter().map(|(key, text)| (key, to_base64(text.as_bytes()))).collect();
    }
    Ok(tree)
}

/// `kubectl create configmap NAME`
pub(super) fn config_map(call: &Call, name: &str) -> Result<Value, Fail> {
    let data =
        sources(call, |key, wrong| format!("{} is not a valid key name for a ConfigMap: {wrong}", go_quote(key)))?;
    let mut tree = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    if !data.is_empty() {
        tree["data"] = data.into_iter().collect();
    }
    Ok(tree)
}

/// What `--from-literal` and `--from-file` say.
fn sources(call: &Call, no_key: impl Fn(&str, &str) -> String) -> Result<BTreeMap<String, String>, Fail> {
    let mut data = BTreeMap::new();
    let mut add = |key: &str, text: String| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !key.chars().all(fits) {
            let wrong = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
            return fail(no_key(key, wrong));
        }
        if data.insert(key.to_owned(), text).is_some() {
            return fail(format!("cannot add key {key}, another key by that name already exists"));
        }
        Ok(())
    };
    for source in call.flags.all("from-file") {
        let (key, path) = match source.split('=').collect::<Vec<_>>()[..] {
            [path] => (path.rsplit('/').next().unwrap_or(path), path),
            ["", path] => return fail(format!("key name for file path {path} missing")),
            [key, ""] => return fail(format!("file path for key name {key} missing")),
            [key, path] => (key, path),
            _ => return fail("key names or file paths cannot contain '='"),
        };
        let Some(text) = call.shell.file(path) else {
            return fail(format!("error reading {path}: no such file or directory"));
        };
        add(key, text.to_string())?;
    }
    for source in call.flags.all("from-literal") {
        let Some((key, text)) = source.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return fail(format!("invalid literal source {source}, expected key=value"));
        };
        add(key, text.trim_matches(['\'', '"']).to_owned())?;
    }
    Ok(data)
}

fn file(call: &Call, name: &str) -> Result<String, Fail> {
    match call.shell.file(name) {
        Some(text) => Ok(text.to_string()),
        None => fail(format!("open {name}: no such file or directory")),
    }
}

/// Looks for a certificate and a key, as Go's `tls.X509KeyPair` does first.
fn pair(cert: &str, key: &str) -> Result<(), Fail> {
    let types = |text: &str| -> Vec<String> {
        let begin = |line: &str| Some(line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")?.to_owned());
        text.lines().filter_map(begin).collect()
    };
    let is_key = |of: &String| of.ends_with("PRIVATE KEY");
    let skipped = |all: &[String]| all.join(" ");
    match &types(cert)[..] {
        [] => return fail("tls: failed to find any PEM data in certificate input"),
        all if all.iter().any(|of| of == "CERTIFICATE") => {}
        [one] if is_key(one) => {
            return fail(
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
            );
        }
        all => {
            return fail(format!(
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [{}]",
                skipped(all)
            ));
        }
    }
    match &types(key)[..] {
        [] => fail("tls: failed to find any PEM data in key input"),
        all if all.iter().any(is_key) => Ok(()),
        [one] if one == "CERTIFICATE" => {
            fail("tls: found a certificate rather than a key in the PEM for the private key")
        }
        all => fail(format!(
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: [{}]",
            skipped(all)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_the_flag_has_them() {
        let rule = read_rule("shop.test/cart*=cart-svc:8080,tls=cert").unwrap();
        let read = (rule.host, rule.path, rule.path_type, rule.service, rule.port, rule.secret);
        assert_eq!(read, ("shop.test", "/cart", "Prefix", "cart-svc", "8080", Some("cert")));
        assert_eq!(read_rule("/=a:http,tls").unwrap().secret, Some(""));
        assert_eq!(read_rule("/=a:http").unwrap().secret, None);
        for wrong in ["shop.test=a:80", "shop.test/a=s1", "shop test/a=s1:80", "/a=:80", "/a"] {
            assert!(read_rule(wrong).is_none(), "{wrong}");
        }
    }
}
