//! `metadata`, as in `k8s.io/apimachinery` `pkg/apis/meta/v1`.

use std::collections::BTreeMap;

use super::Rest;
use super::tree::fields;
use crate::time::Instant;

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// `ObjectMeta`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// Annotations.
    pub annotations: Labels,
    /// When it was made; none before the server has seen it.
    pub creation_timestamp: Option<Instant>,
    /// How long it may take to end, in seconds.
    pub deletion_grace_period_seconds: Option<i64>,
    /// When it is to be gone; set while it is being deleted.
    pub deletion_timestamp: Option<Instant>,
    /// Who must agree before it goes.
    pub finalizers: Vec<String>,
    /// The start of a name that the server is to end.
    pub generate_name: String,
    /// Counts changes of the spec; zero for kinds that do not count.
    pub generation: i64,
    /// Labels.
    pub labels: Labels,
    /// Name.
    pub name: String,
    /// Namespace; empty for a kind of the whole cluster.
    pub namespace: String,
    /// What it lives and dies with.
    pub owner_references: Vec<OwnerReference>,
    /// Counts changes of the whole store; empty before the server has seen it.
    pub resource_version: String,
    /// Unique for ever; drawn from the seed.
    pub uid: String,
    /// What else was written.
    pub rest: Rest,
}

fields!(Meta {
    annotations "annotations",
    creation_timestamp "creationTimestamp",
    deletion_grace_period_seconds "deletionGracePeriodSeconds",
    deletion_timestamp "deletionTimestamp",
    finalizers "finalizers",
    generate_name "generateName",
    generation "generation",
    labels "labels",
    name "name",
    namespace "namespace",
    owner_references "ownerReferences",
    resource_version "resourceVersion",
    uid "uid",
} rest);

/// `OwnerReference`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct OwnerReference {
    pub api_version: String,
    pub block_owner_deletion: bool,
    pub controller: bool,
    pub kind: String,
    pub name: String,
    pub uid: String,
}

fields!(OwnerReference {
    api_version "apiVersion" always,
    block_owner_deletion "blockOwnerDeletion",
    controller "controller",
    kind "kind" always,
    name "name" always,
    uid "uid" always,
});

impl Meta {
    /// The owner that controls the object, if one does.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}
