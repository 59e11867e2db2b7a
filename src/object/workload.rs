//! Pod, ReplicaSet and Deployment, as in `k8s.io/api` `core/v1` and `apps/v1`.

use super::tree::fields;
use super::{Condition, IntOrString, LabelSelector, Labels, Meta, Rest};
use crate::time::Instant;

/// `Pod`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Pod {
    pub spec: PodSpec,
    pub status: PodStatus,
}

fields!(Pod {
    spec "spec",
    status "status",
});

/// `PodSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct PodSpec {
    pub containers: Vec<Container>,
    pub dns_policy: String,
    pub host_network: bool,
    pub hostname: String,
    pub node_name: String,
    pub node_selector: Labels,
    pub restart_policy: String,
    pub subdomain: String,
    pub termination_grace_period_seconds: Option<i64>,
    pub rest: Rest,
}

fields!(PodSpec {
    containers "containers" always,
    dns_policy "dnsPolicy",
    host_network "hostNetwork",
    hostname "hostname",
    node_name "nodeName",
    node_selector "nodeSelector",
    restart_policy "restartPolicy",
    subdomain "subdomain",
    termination_grace_period_seconds "terminationGracePeriodSeconds",
} rest);

/// `Container`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Container {
    pub args: Vec<String>,
    pub command: Vec<String>,
    pub image: String,
    pub liveness_probe: Option<Probe>,
    pub name: String,
    pub ports: Vec<ContainerPort>,
    pub readiness_probe: Option<Probe>,
    pub startup_probe: Option<Probe>,
    pub rest: Rest,
}

fields!(Container {
    args "args",
    command "command",
    image "image" always,
    liveness_probe "livenessProbe",
    name "name" always,
    ports "ports",
    readiness_probe "readinessProbe",
    startup_probe "startupProbe",
} rest);

/// `ContainerPort`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ContainerPort {
    pub container_port: i32,
    pub host_ip: String,
    pub host_port: Option<i32>,
    pub name: String,
    pub protocol: String,
}

fields!(ContainerPort {
    container_port "containerPort" always,
    host_ip "hostIP",
    host_port "hostPort",
    name "name",
    protocol "protocol",
});

/// `Probe`; times are in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Probe {
    pub failure_threshold: Option<i32>,
    pub http_get: Option<HttpGet>,
    pub initial_delay_seconds: Option<i32>,
    pub period_seconds: Option<i32>,
    pub success_threshold: Option<i32>,
    pub tcp_socket: Option<TcpSocket>,
    pub timeout_seconds: Option<i32>,
    pub rest: Rest,
}

fields!(Probe {
    failure_threshold "failureThreshold",
    http_get "httpGet",
    initial_delay_seconds "initialDelaySeconds",
    period_seconds "periodSeconds",
    success_threshold "successThreshold",
    tcp_socket "tcpSocket",
    timeout_seconds "timeoutSeconds",
} rest);

/// `HTTPGetAction`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct HttpGet {
    pub host: String,
    pub path: String,
    pub port: IntOrString,
    pub scheme: String,
    pub rest: Rest,
}

fields!(HttpGet {
    host "host",
    path "path",
    port "port",
    scheme "scheme",
} rest);

/// `TCPSocketAction`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct TcpSocket {
    pub host: String,
    pub port: IntOrString,
}

fields!(TcpSocket {
    host "host",
    port "port",
});

/// `PodStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct PodStatus {
    pub conditions: Vec<Condition>,
    pub container_statuses: Vec<ContainerStatus>,
    pub host_ip: String,
    pub message: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    pub pod_ip: String,
    pub pod_ips: Vec<PodIp>,
    pub qos_class: String,
    pub reason: String,
    pub start_time: Option<Instant>,
    pub rest: Rest,
}

fields!(PodStatus {
    conditions "conditions",
    container_statuses "containerStatuses",
    host_ip "hostIP",
    message "message",
    phase "phase" always,
    pod_ip "podIP",
    pod_ips "podIPs",
    qos_class "qosClass",
    reason "reason",
    start_time "startTime",
} rest);

impl PodStatus {
    /// The condition of the given type.
    pub fn condition(&self, r#type: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.r#type == r#type)
    }

    /// Whether the pod is ready to be sent requests.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|c| c.status == "True")
    }
}

/// `PodIP`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct PodIp {
    pub ip: String,
}

fields!(PodIp {
    ip "ip" always,
});

/// `ContainerStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ContainerStatus {
    pub image: String,
    pub name: String,
    pub ready: bool,
    pub restart_count: i32,
    pub started: bool,
    pub state: ContainerState,
    pub rest: Rest,
}

fields!(ContainerStatus {
    image "image" always,
    name "name" always,
    ready "ready" always,
    restart_count "restartCount" always,
    started "started" always,
    state "state",
} rest);

/// `ContainerState`: at most one of its fields is set.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ContainerState {
    pub running: Option<ContainerRunning>,
    pub terminated: Option<ContainerTerminated>,
    pub waiting: Option<ContainerWaiting>,
}

fields!(ContainerState {
    running "running",
    terminated "terminated",
    waiting "waiting",
});

/// `ContainerStateRunning`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ContainerRunning {
    pub started_at: Instant,
}

fields!(ContainerRunning {
    started_at "startedAt",
});

/// `ContainerStateTerminated`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ContainerTerminated {
    pub exit_code: i32,
    pub finished_at: Instant,
    pub reason: String,
    pub started_at: Instant,
    pub rest: Rest,
}

fields!(ContainerTerminated {
    exit_code "exitCode" always,
    finished_at "finishedAt",
    reason "reason",
    started_at "startedAt",
} rest);

/// `ContainerStateWaiting`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ContainerWaiting {
    pub message: String,
    pub reason: String,
}

fields!(ContainerWaiting {
    message "message",
    reason "reason" always,
});

/// `PodTemplateSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct PodTemplate {
    pub metadata: Meta,
    pub spec: PodSpec,
}

fields!(PodTemplate {
    metadata "metadata",
    spec "spec",
});

/// `ReplicaSet`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ReplicaSet {
    pub spec: ReplicaSetSpec,
    pub status: ReplicaSetStatus,
}

fields!(ReplicaSet {
    spec "spec",
    status "status",
});

/// `ReplicaSetSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ReplicaSetSpec {
    pub min_ready_seconds: Option<i32>,
    /// None until defaulting makes it 1.
    pub replicas: Option<i32>,
    pub selector: LabelSelector,
    pub template: PodTemplate,
}

fields!(ReplicaSetSpec {
    min_ready_seconds "minReadySeconds",
    replicas "replicas",
    selector "selector",
    template "template",
});

/// `ReplicaSetStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ReplicaSetStatus {
    pub available_replicas: i32,
    pub fully_labeled_replicas: i32,
    pub observed_generation: i32,
    pub ready_replicas: i32,
    pub replicas: i32,
    pub rest: Rest,
}

fields!(ReplicaSetStatus {
    available_replicas "availableReplicas",
    fully_labeled_replicas "fullyLabeledReplicas",
    observed_generation "observedGeneration",
    ready_replicas "readyReplicas",
    replicas "replicas" always,
} rest);

/// `Deployment`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Deployment {
    pub spec: DeploymentSpec,
    pub status: DeploymentStatus,
}

fields!(Deployment {
    spec "spec",
    status "status",
});

/// `DeploymentSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DeploymentSpec {
    pub min_ready_seconds: Option<i32>,
    pub paused: Option<bool>,
    pub progress_deadline_seconds: Option<i32>,
    /// None until defaulting makes it 1.
    pub replicas: Option<i32>,
    pub revision_history_limit: Option<i32>,
    pub selector: LabelSelector,
    pub strategy: DeploymentStrategy,
    pub template: PodTemplate,
}

fields!(DeploymentSpec {
    min_ready_seconds "minReadySeconds",
    paused "paused",
    progress_deadline_seconds "progressDeadlineSeconds",
    replicas "replicas",
    revision_history_limit "revisionHistoryLimit",
    selector "selector",
    strategy "strategy",
    template "template",
});

/// `DeploymentStrategy`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DeploymentStrategy {
    pub rolling_update: Option<RollingUpdate>,
    /// `RollingUpdate` or `Recreate`.
    pub r#type: String,
}

fields!(DeploymentStrategy {
    rolling_update "rollingUpdate",
    r#type "type",
});

/// `RollingUpdateDeployment`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct RollingUpdate {
    pub max_surge: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
}

fields!(RollingUpdate {
    max_surge "maxSurge",
    max_unavailable "maxUnavailable",
});

/// `DeploymentStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct DeploymentStatus {
    pub available_replicas: i32,
    pub conditions: Vec<Condition>,
    pub observed_generation: i32,
    pub ready_replicas: i32,
    pub replicas: i32,
    pub unavailable_replicas: i32,
    pub updated_replicas: i32,
    pub rest: Rest,
}

fields!(DeploymentStatus {
    available_replicas "availableReplicas",
    conditions "conditions",
    observed_generation "observedGeneration",
    ready_replicas "readyReplicas",
    replicas "replicas",
    unavailable_replicas "unavailableReplicas",
    updated_replicas "updatedReplicas",
} rest);
