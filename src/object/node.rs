//! Namespace and Node, as in `k8s.io/api` `core/v1`.

use super::Rest;
use super::tree::fields;
use crate::time::Instant;

/// `Namespace`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Namespace {
    pub spec: Rest,
    pub status: NamespaceStatus,
}

fields!(Namespace {
    spec "spec",
    status "status",
});

/// `NamespaceStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NamespaceStatus {
    /// `Active` or `Terminating`.
    pub phase: String,
    pub rest: Rest,
}

fields!(NamespaceStatus {
    phase "phase",
} rest);

/// `Node`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Node {
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

fields!(Node {
    spec "spec",
    status "status",
});

/// `NodeSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NodeSpec {
    pub pod_cidr: String,
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
    pub rest: Rest,
}

fields!(NodeSpec {
    pod_cidr "podCIDR",
    taints "taints",
    unschedulable "unschedulable",
} rest);

/// `Taint`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Taint {
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
    pub key: String,
    pub time_added: Option<Instant>,
    pub value: String,
}

fields!(Taint {
    effect "effect" always,
    key "key" always,
    time_added "timeAdded",
    value "value",
});

impl Taint {
    /// A taint without a value.
    pub fn new(key: &str, effect: &str) -> Self {
        Self { effect: effect.to_owned(), key: key.to_owned(), ..Self::default() }
    }

    /// Whether both are the same but for value and time (`MatchTaint`): a node has at most one of them.
    pub fn is_like(&self, other: &Self) -> bool {
        self.key == other.key && self.effect == other.effect
    }
}

/// `NodeStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NodeStatus {
    pub addresses: Vec<NodeAddress>,
    pub conditions: Vec<Condition>,
    pub rest: Rest,
}

fields!(NodeStatus {
    addresses "addresses" always,
    conditions "conditions" always,
} rest);

/// `NodeAddress`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct NodeAddress {
    pub address: String,
    /// `InternalIP`, `ExternalIP` or `Hostname`.
    pub r#type: String,
}

fields!(NodeAddress {
    address "address" always,
    r#type "type" always,
});

/// `NodeCondition`, `PodCondition`, `DeploymentCondition`: what they share.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Condition {
    pub last_transition_time: Option<Instant>,
    /// Of a deployment's conditions alone.
    pub last_update_time: Option<Instant>,
    pub message: String,
    pub reason: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub r#type: String,
    pub rest: Rest,
}

fields!(Condition {
    last_transition_time "lastTransitionTime",
    last_update_time "lastUpdateTime",
    message "message",
    reason "reason",
    status "status" always,
    r#type "type" always,
} rest);

impl NodeStatus {
    /// The condition of the given type.
    pub fn condition(&self, r#type: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.r#type == r#type)
    }

    /// The node's address of the given type.
    pub fn address(&self, r#type: &str) -> Option<&str> {
        self.addresses.iter().find(|a| a.r#type == r#type).map(|a| a.address.as_str())
    }
}
