//! Secret and ConfigMap: `ValidateSecret`, `ValidateConfigMap` and their updates.

use super::words;
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{ConfigMap, Labels, Meta, Secret, from_base64};

/// The most that one holds, in bytes.
const MOST: usize = 1024 * 1024;

fn keys<'a>(path: &str, keys: impl Iterator<Item = &'a String>, causes: &mut Vec<Cause>) {
    for key in keys {
        for message in words::config_key(key) {
            causes.push(Cause::invalid(format!("{path}[{key}]"), quoted(key), message));
        }
    }
}

fn decoded(data: &Labels) -> usize {
    data.values().map(|value| from_base64(value).map_or(0, |bytes| bytes.len())).sum()
}

/// The rules of a Secret, by its type.
pub(super) fn secret(meta: &Meta, secret: &Secret, causes: &mut Vec<Cause>) {
    keys("data", secret.data.keys(), causes);
    if decoded(&secret.data) > MOST {
        causes.push(Cause::too_long("data", MOST));
    }
    let lacks = |key: &&str| !secret.data.contains_key(*key);
    let must: &[&str] = match secret.r#type.as_str() {
        "kubernetes.io/service-account-token" => {
            let name = "kubernetes.io/service-account.name";
            if meta.annotations.get(name).is_none_or(String::is_empty) {
                causes.push(Cause::required(format!("metadata.annotations[{name}]"), ""));
            }
            &[]
        }
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/basic-auth" if ["username", "password"].iter().all(lacks) => &["username", "password"],
        "kubernetes.io/ssh-auth" if secret.data.get("ssh-privatekey").is_none_or(String::is_empty) => {
            causes.push(Cause::required("data[ssh-privatekey]", ""));
            &[]
        }
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    };
    for key in must.iter().filter(|key| lacks(key)) {
        causes.push(Cause::required(format!("data[{key}]"), ""));
    }
}

/// What may not change of a Secret: its type, and all once it is immutable.
pub(super) fn secret_update(old: &Secret, new: &Secret, causes: &mut Vec<Cause>) {
    if old.r#type != new.r#type {
        causes.push(Cause::invalid("type", quoted(&new.r#type), "field is immutable"));
    }
    immutable(old.immutable, new.immutable, &[("data", old.data == new.data)], causes);
}

/// The rules of a ConfigMap.
pub(super) fn config_map(map: &ConfigMap, causes: &mut Vec<Cause>) {
    for (path, these, other, of) in
        [("data", &map.data, "binaryData", &map.binary_data), ("binaryData", &map.binary_data, "data", &map.data)]
    {
        for key in these.keys() {
            keys(path, std::iter::once(key), causes);
            if of.contains_key(key) {
                let detail = format!("duplicate of key present in {other}");
                causes.push(Cause::invalid(format!("{path}[{key}]"), quoted(key), detail));
            }
        }
    }
    if map.data.values().map(String::len).sum::<usize>() + decoded(&map.binary_data) > MOST {
        // Of the whole object: upstream prints its empty path so.
        causes.push(Cause::too_long("[]", MOST));
    }
}

/// What may not change of a ConfigMap once it is immutable.
pub(super) fn config_map_update(old: &ConfigMap, new: &ConfigMap, causes: &mut Vec<Cause>) {
    let same = [("data", old.data == new.data), ("binaryData", old.binary_data == new.binary_data)];
    immutable(old.immutable, new.immutable, &same, causes);
}

fn immutable(old: Option<bool>, new: Option<bool>, same: &[(&str, bool)], causes: &mut Vec<Cause>) {
    if old != Some(true) {
        return;
    }
    let kept = [("immutable", new == Some(true))];
    for (field, _) in kept.iter().chain(same).filter(|(_, same)| !same) {
        causes.push(Cause::forbidden(*field, "field is immutable when `immutable` is set"));
    }
}
