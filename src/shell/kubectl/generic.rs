//! `kubectl describe` of a kind that kubectl does not know: every field, as it stands.
//!
//! Stands for `genericDescriber` of `k8s.io/kubectl` `pkg/describe/describe.go`.

use serde_json::{Map, Value};

use super::report::Report;
use crate::object::Object;

/// Fields of the metadata that stand above, or that nobody reads.
const SKIPPED: [&str; 5] = ["managedFields", "name", "namespace", "labels", "annotations"];
/// Words that stay capitals.
const ACRONYMS: [&str; 5] = ["API", "URL", "UID", "OSB", "GUID"];

/// The whole object.
pub(super) fn object(object: &Object, report: &mut Report) {
    if !object.kind().is_namespaced() {
        report.line(0, "Namespace:\t");
    }
    report.labels("Labels", &object.meta.labels);
    report.annotations("Annotations", &object.meta.annotations);
    if let Value::Object(mut content) = object.to_value() {
        if let Some(Value::Object(metadata)) = content.get_mut("metadata") {
            metadata.retain(|key, _| !SKIPPED.contains(&key.as_str()));
        }
        fields(&content, 0, report);
    }
}

fn fields(content: &Map<String, Value>, level: usize, report: &mut Report) {
    for (key, value) in content {
        let title = title(key);
        match value {
            Value::Object(inner) => {
                report.line(level, &format!("{title}:"));
                fields(inner, level + 1, report);
            }
            Value::Array(items) => {
                report.line(level, &format!("{title}:"));
                for item in items {
                    match item {
                        Value::Object(inner) => fields(inner, level + 1, report),
                        other => report.line(level + 1, &plain(other)),
                    }
                }
            }
            other => report.line(level, &format!("{title}:\t{}", plain(other))),
        }
    }
}

/// A value as Go's `%v` prints it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `podCIDR` to `Pod CIDR`; a key with other signs than letters stays as it is.
fn title(key: &str) -> String {
    if !key.chars().all(|c| c.is_alphabetic() || c == '-') {
        return key.to_owned();
    }
    let chars: Vec<char> = key.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|at| chars[at]);
        let starts = before.is_none_or(|before| {
            let ends_acronym = before.is_uppercase() && chars.get(i + 1).is_some_and(|next| next.is_lowercase());
            c.is_uppercase() && (!before.is_uppercase() || ends_acronym)
        });
        match words.last_mut().filter(|_| !starts) {
            Some(word) => word.push(*c),
            None => words.push(c.to_string()),
        }
    }
    let shown = words.into_iter().map(|word| {
        let upper = word.to_uppercase();
        if ACRONYMS.contains(&upper.as_str()) {
            return upper;
        }
        let mut rest = word.chars();
        rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn keys_become_titles_as_kubectl_splits_them() {
        for (key, expected) in [
            ("apiVersion", "API Version"),
            ("podCIDR", "Pod CIDR"),
            ("uid", "UID"),
            ("localhostNodePorts", "Localhost Node Ports"),
            ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
        ] {
            assert_eq!(title(key), expected);
        }
    }
}
