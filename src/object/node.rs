//! Namespace and Node, as in `k8s.io/api` `core/v1`.

use serde::{Deserialize, Serialize};

use super::Rest;
use crate::time::Instant;

/// `Namespace`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Namespace {
    #[serde(skip_serializing_if = "Rest::is_empty")]
    pub spec: Rest,
    pub status: NamespaceStatus,
}

/// `NamespaceStatus`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NamespaceStatus {
    /// `Active` or `Terminating`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phase: String,
    #[serde(flatten)]
    pub rest: Rest,
}

/// `Node`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Node {
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

/// `NodeSpec`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NodeSpec {
    #[serde(rename = "podCIDR", skip_serializing_if = "String::is_empty")]
    pub pod_cidr: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unschedulable: bool,
    #[serde(flatten)]
    pub rest: Rest,
}

/// `NodeStatus`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NodeStatus {
    pub addresses: Vec<NodeAddress>,
    pub conditions: Vec<Condition>,
    #[serde(flatten)]
    pub rest: Rest,
}

/// `NodeAddress`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NodeAddress {
    pub address: String,
    /// `InternalIP`, `ExternalIP` or `Hostname`.
    pub r#type: String,
}

/// `NodeCondition`, `PodCondition`, `DeploymentCondition`: what they share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Instant>,
    /// Of a deployment's conditions alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Instant>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub r#type: String,
    #[serde(flatten)]
    pub rest: Rest,
}

impl NodeStatus {
    /// The node's address of the given type.
    pub fn address(&self, r#type: &str) -> Option<&str> {
        self.addresses.iter().find(|a| a.r#type == r#type).map(|a| a.address.as_str())
    }
}
