//! `--field-selector`: the few fields that the API server can select by, for each kind.
//!
//! Stands for `k8s.io/kubernetes` `pkg/apis/core/v1/conversion.go` and the strategies' `SelectableFields`; the words around a refusal are
//! those of `k8s.io/cli-runtime` `pkg/resource/visitor.go`.

use serde_json::Value;

use super::{Fail, go_quote};
use crate::api::Status;
use crate::object::{Kind, Object};

/// A field selector, read.
pub(super) struct Fields(Vec<(String, bool, String)>);

/// Fields besides `metadata.name` and `metadata.namespace`.
fn known(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::ReplicaSet => &["status.replicas"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        _ => &[],
    }
}

impl Fields {
    /// Reads `status.phase=Running,spec.nodeName!=m02` for a kind; `labels` is the label selector beside it.
    pub(super) fn parse(text: &str, kind: Kind, labels: &str) -> Result<Self, Fail> {
        let mut fields = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, equal, value) = match (part.split_once("!="), part.split_once("=="), part.split_once('=')) {
                (Some((name, value)), ..) => (name, false, value),
                (None, Some((name, value)), _) | (None, None, Some((name, value))) => (name, true, value),
                (None, None, None) => {
                    return Err(refused(
                        text,
                        kind,
                        labels,
                        format!("invalid selector: '{part}'; can't understand '{part}'"),
                    ));
                }
            };
            if !matches!(name, "metadata.name" | "metadata.namespace") && !known(kind).contains(&name) {
                let fault = match known(kind) {
                    [] => format!(
                        "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                        go_quote(name)
                    ),
                    _ => format!("field label not supported: {name}"),
                };
                return Err(refused(text, kind, labels, fault));
            }
            fields.push((name.to_owned(), equal, value.to_owned()));
        }
        Ok(Self(fields))
    }

    /// Whether an object fits.
    pub(super) fn matches(&self, object: &Object) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let tree = object.to_value();
        self.0.iter().all(|(name, equal, wanted)| {
            let value = name.split('.').try_fold(&tree, |tree, key| tree.get(key)).unwrap_or(&Value::Null);
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null if matches!(name.as_str(), "spec.unschedulable" | "spec.hostNetwork") => "false".into(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            (text == *wanted) == *equal
        })
    }
}

fn refused(text: &str, kind: Kind, labels: &str, fault: String) -> Fail {
    let row = kind.row();
    let resource = format!("{}/{}, Resource={}", row.group, row.version, row.plural);
    Status::bad_request(format!(
        "Unable to find {} that match label selector {}, field selector {}: {fault}",
        go_quote(&resource),
        go_quote(labels),
        go_quote(text)
    ))
    .into()
}
