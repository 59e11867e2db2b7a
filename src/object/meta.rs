//! `metadata`, as in `k8s.io/apimachinery` `pkg/apis/meta/v1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Rest;
use crate::time::Instant;

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// `ObjectMeta`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Annotations.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// When it was made; none before the server has seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Instant>,
    /// How long it may take to end, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_grace_period_seconds: Option<i64>,
    /// When it is to be gone; set while it is being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Instant>,
    /// Who must agree before it goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
    /// The start of a name that the server is to end.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub generate_name: String,
    /// Counts changes of the spec; zero for kinds that do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub generation: i64,
    /// Labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace; empty for a kind of the whole cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// What it lives and dies with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<OwnerReference>,
    /// Counts changes of the whole store; empty before the server has seen it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Unique for ever; drawn from the seed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// What else was written.
    #[serde(flatten)]
    pub rest: Rest,
}

/// `OwnerReference`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct OwnerReference {
    pub api_version: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub block_owner_deletion: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub controller: bool,
    pub kind: String,
    pub name: String,
    pub uid: String,
}

impl Meta {
    /// The owner that controls the object, if one does.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}
