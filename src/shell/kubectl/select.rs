//! Which objects a call means: `pods`, `svc,ep`, `pod web`, `pod/web svc/web`, `all`, with `-l` and `-A`.
//!
//! Stands for `k8s.io/cli-runtime` `pkg/resource` `Builder`.

use std::sync::Arc;

use super::{Call, Fail, field, go_quote};
use crate::api::Status;
use crate::object::{Kind, Labels, Object, Ref, Requirement};

/// The kinds of `kubectl get all`, in the order of API groups.
const ALL: [Kind; 6] =
    [Kind::Pod, Kind::Service, Kind::DaemonSet, Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet];

/// What was asked for: a kind, and a name or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
}

/// A label selector, read.
pub(super) struct Selector(Vec<Requirement>);

impl Selector {
    /// Whether the labels fit.
    pub(super) fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }

    /// Reads `a=b,c!=d,e in (f,g),h,!i`.
    pub(super) fn parse(text: &str) -> Result<Self, Fail> {
        let mut requirements = Vec::new();
        let mut depth = 0_u32;
        let parts = text.split(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        });
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            requirements.push(requirement(part).ok_or_else(|| {
                Fail::Error(format!("unable to parse requirement: found '{part}', expected: a label selector"))
            })?);
        }
        Ok(Self(requirements))
    }
}

fn requirement(part: &str) -> Option<Requirement> {
    let one = |operator: &str, key: &str, values: Vec<String>| {
        let key = key.trim();
        let fits =
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
        fits.then(|| Requirement { key: key.to_owned(), operator: operator.to_owned(), values })
    };
    let set = |text: &str| -> Option<Vec<String>> {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((key, values)) = part.split_once(" notin ") {
        one("NotIn", key, set(values)?)
    } else if let Some((key, values)) = part.split_once(" in ") {
        one("In", key, set(values)?)
    } else if let Some((key, value)) = part.split_once("!=") {
        one("NotIn", key, vec![value.trim().to_owned()])
    } else if let Some((key, value)) = part.split_once("==").or(part.split_once('=')) {
        one("In", key, vec![value.trim().to_owned()])
    } else if let Some(key) = part.strip_prefix('!') {
        one("DoesNotExist", key, Vec::new())
    } else {
        one("Exists", part, Vec::new())
    }
}

impl Call<'_, '_> {
    /// The kind that a word names, or kubectl's complaint.
    pub(super) fn kind(&self, word: &str) -> Result<Kind, Fail> {
        Kind::from_resource(word).ok_or_else(|| {
            let mut text = format!("the server doesn't have a resource type {}", go_quote(word));
            if let Some(kind) = crate::manifest::not_simulated(word) {
                text += &self.shell.terminal.lang.pick(
                    format!(
                        "\nkubehop: a real cluster may have objects of kind {kind}; the lab does not simulate them"
                    ),
                    format!("\nkubehop: 真实集群里可以有 {kind} 对象；本实验室没有模拟它们"),
                );
            }
            Fail::Error(text)
        })
    }

    /// What the words ask for.
    pub(super) fn asked(&self, words: &[String]) -> Result<Vec<Asked>, Fail> {
        let mut asked = Vec::new();
        if words.iter().any(|word| word.contains('/')) {
            for word in words {
                let Some((kind, name)) = word.split_once('/') else {
                    return Err(Fail::Error(
                        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'"
                            .into(),
                    ));
                };
                if kind.is_empty() || name.is_empty() || name.contains('/') {
                    return Err(Fail::Error(
                        "arguments in resource/name form must have a single resource and name".into(),
                    ));
                }
                asked.push(Asked { kind: self.kind(kind)?, name: Some(name.to_owned()) });
            }
            return Ok(asked);
        }
        let Some((kinds, names)) = words.split_first() else { return Ok(asked) };
        let mut wanted: Vec<Kind> = Vec::new();
        for word in kinds.split(',').filter(|word| !word.is_empty()) {
            let found = if word == "all" { ALL.to_vec() } else { vec![self.kind(word)?] };
            for kind in found {
                if !wanted.contains(&kind) {
                    wanted.push(kind);
                }
            }
        }
        for kind in wanted {
            if names.is_empty() {
                asked.push(Asked { kind, name: None });
            }
            asked.extend(names.iter().map(|name| Asked { kind, name: Some(name.clone()) }));
        }
        Ok(asked)
    }

    /// The objects asked for, and what the server says of those that are not there.
    pub(super) fn found(&mut self, asked: &[Asked]) -> Result<(Vec<Arc<Object>>, Vec<Status>), Fail> {
        let selector = Selector::parse(self.flags.get("selector").unwrap_or_default())?;
        let everywhere = self.flags.on("all-namespaces");
        if self.flags.get("selector").is_some() && asked.iter().any(|asked| asked.name.is_some()) {
            return Err(Fail::Error("name cannot be provided when a selector is specified".into()));
        }
        if everywhere && asked.iter().any(|asked| asked.name.is_some()) {
            return Err(Fail::Error("a resource cannot be retrieved by name across all namespaces".into()));
        }
        let fields = self.flags.get("field-selector").unwrap_or_default().to_owned();
        if !fields.is_empty() && asked.iter().any(|asked| asked.name.is_some()) {
            return Err(Fail::Error("name cannot be provided when a field selector is specified".into()));
        }
        let (mut objects, mut missing) = (Vec::new(), Vec::new());
        let mut wanted = Vec::new();
        for asked in asked {
            let label = self.flags.get("selector").unwrap_or_default();
            wanted.push(field::Fields::parse(&fields, asked.kind, label)?);
        }
        let store = self.shell.cluster.store();
        let mut kinds = Vec::new();
        for (Asked { kind, name }, fields) in asked.iter().zip(wanted) {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
            match name {
                Some(name) => match store.get(&self.key(*kind, name)) {
                    Some(object) => objects.push(Arc::clone(object)),
                    None => missing.push(self.not_found(*kind, name)),
                },
                None => {
                    let namespace = (kind.is_namespaced() && !everywhere).then_some(self.namespace.as_str());
                    let fit = store
                        .list(*kind, namespace)
                        .filter(|object| selector.matches(&object.meta.labels) && fields.matches(object));
                    objects.extend(fit.cloned());
                    if *kind == Kind::Event {
                        let recorded = store.events().objects(namespace, self.shell.cluster.now());
                        objects.extend(recorded.into_iter().filter(|object| selector.matches(&object.meta.labels)));
                    }
                }
            }
        }
        for kind in kinds {
            self.warn_of(kind);
        }
        Ok((objects, missing))
    }

    /// The server's answer about what is not there; where the namespace is missing, that is what it says.
    pub(super) fn not_found(&self, kind: Kind, name: &str) -> Status {
        let namespace = Ref::new(Kind::Namespace, "", self.namespace.as_str());
        if kind.is_namespaced() && self.shell.cluster.store().get(&namespace).is_none() {
            return Status::not_found(&namespace);
        }
        Status::not_found(&self.key(kind, name))
    }

    /// The one object of a key, or the server's refusal.
    pub(super) fn one(&self, kind: Kind, name: &str) -> Result<Arc<Object>, Fail> {
        match self.shell.cluster.store().get(&self.key(kind, name)) {
            Some(object) => Ok(Arc::clone(object)),
            None => Err(self.not_found(kind, name).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubectl_reads_them() {
        let labels: Labels = [("app", "web"), ("tier", "front")].map(|(k, v)| (k.into(), v.into())).into();
        let fits = |text: &str| Selector::parse(text).ok().is_some_and(|selector| selector.matches(&labels));
        for text in ["app=web", "app==web,tier", "app in (web, api),tier!=back", "!zone", "tier notin (back)", ""] {
            assert!(fits(text), "{text}");
        }
        for text in ["app=api", "zone", "app in (api)", "!app", "app=web,tier=back"] {
            assert!(!fits(text), "{text}");
        }
        assert!(Selector::parse("a b").is_err());
    }
}
