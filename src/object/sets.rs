//! StatefulSet, DaemonSet and the ControllerRevision that both keep their history in, as in `k8s.io/api` `apps/v1`.

use serde_json::Value;

use super::tree::fields;
use super::{Condition, IntOrString, LabelSelector, PodTemplate, Rest, RollingUpdate};

/// `StatefulSet`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct StatefulSet {
    pub spec: StatefulSetSpec,
    pub status: StatefulSetStatus,
}

fields!(StatefulSet {
    spec "spec",
    status "status",
});

/// `StatefulSetSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct StatefulSetSpec {
    pub min_ready_seconds: Option<i32>,
    pub ordinals: Option<StatefulSetOrdinals>,
    /// `OrderedReady` or `Parallel`; empty until defaulting.
    pub pod_management_policy: String,
    /// None until defaulting makes it 1.
    pub replicas: Option<i32>,
    pub revision_history_limit: Option<i32>,
    pub selector: LabelSelector,
    /// The headless Service that gives its pods their names; empty for none.
    pub service_name: String,
    pub template: PodTemplate,
    pub update_strategy: StatefulSetUpdateStrategy,
    pub rest: Rest,
}

fields!(StatefulSetSpec {
    min_ready_seconds "minReadySeconds",
    ordinals "ordinals",
    pod_management_policy "podManagementPolicy",
    replicas "replicas",
    revision_history_limit "revisionHistoryLimit",
    selector "selector",
    service_name "serviceName",
    template "template",
    update_strategy "updateStrategy",
} rest);

/// `StatefulSetOrdinals`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct StatefulSetOrdinals {
    pub start: i32,
}

fields!(StatefulSetOrdinals {
    start "start" always,
});

/// `StatefulSetUpdateStrategy`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct StatefulSetUpdateStrategy {
    pub rolling_update: Option<RollingUpdateStatefulSet>,
    /// `RollingUpdate` or `OnDelete`; empty until defaulting.
    pub r#type: String,
}

fields!(StatefulSetUpdateStrategy {
    rolling_update "rollingUpdate",
    r#type "type",
});

/// `RollingUpdateStatefulSetStrategy`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct RollingUpdateStatefulSet {
    pub max_unavailable: Option<IntOrString>,
    /// Pods of a lower ordinal stay as they are.
    pub partition: Option<i32>,
}

fields!(RollingUpdateStatefulSet {
    max_unavailable "maxUnavailable",
    partition "partition",
});

/// `StatefulSetStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct StatefulSetStatus {
    pub available_replicas: i32,
    pub collision_count: Option<i32>,
    pub current_replicas: i32,
    pub current_revision: String,
    pub observed_generation: i64,
    pub ready_replicas: i32,
    pub replicas: i32,
    pub update_revision: String,
    pub updated_replicas: i32,
    pub rest: Rest,
}

fields!(StatefulSetStatus {
    available_replicas "availableReplicas" always,
    collision_count "collisionCount",
    current_replicas "currentReplicas",
    current_revision "currentRevision",
    observed_generation "observedGeneration",
    ready_replicas "readyReplicas",
    replicas "replicas" always,
    update_revision "updateRevision",
    updated_replicas "updatedReplicas",
} rest);

/// `DaemonSet`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DaemonSet {
    pub spec: DaemonSetSpec,
    pub status: DaemonSetStatus,
}

fields!(DaemonSet {
    spec "spec",
    status "status",
});

/// `DaemonSetSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DaemonSetSpec {
    pub min_ready_seconds: Option<i32>,
    pub revision_history_limit: Option<i32>,
    pub selector: LabelSelector,
    pub template: PodTemplate,
    pub update_strategy: DaemonSetUpdateStrategy,
}

fields!(DaemonSetSpec {
    min_ready_seconds "minReadySeconds",
    revision_history_limit "revisionHistoryLimit",
    selector "selector",
    template "template",
    update_strategy "updateStrategy",
});

/// `DaemonSetUpdateStrategy`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DaemonSetUpdateStrategy {
    pub rolling_update: Option<RollingUpdate>,
    /// `RollingUpdate` or `OnDelete`; empty until defaulting.
    pub r#type: String,
}

fields!(DaemonSetUpdateStrategy {
    rolling_update "rollingUpdate",
    r#type "type",
});

/// `DaemonSetStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DaemonSetStatus {
    pub collision_count: Option<i32>,
    pub conditions: Vec<Condition>,
    pub current_number_scheduled: i32,
    pub desired_number_scheduled: i32,
    pub number_available: i32,
    pub number_misscheduled: i32,
    pub number_ready: i32,
    pub number_unavailable: i32,
    pub observed_generation: i64,
    pub updated_number_scheduled: i32,
}

fields!(DaemonSetStatus {
    collision_count "collisionCount",
    conditions "conditions",
    current_number_scheduled "currentNumberScheduled" always,
    desired_number_scheduled "desiredNumberScheduled" always,
    number_available "numberAvailable",
    number_misscheduled "numberMisscheduled" always,
    number_ready "numberReady" always,
    number_unavailable "numberUnavailable",
    observed_generation "observedGeneration",
    updated_number_scheduled "updatedNumberScheduled",
});

/// `ControllerRevision`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ControllerRevision {
    /// A patch of `spec.template` of the object that it belongs to.
    pub data: Value,
    pub revision: i64,
}

fields!(ControllerRevision {
    data "data",
    revision "revision" always,
});
