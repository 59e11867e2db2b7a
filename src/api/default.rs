//! What the user left out, as the server fills it in.
//!
//! After `pkg/apis/core/v1/defaults.go`, `pkg/apis/apps/v1/defaults.go` and the admission plugins that add to every pod
//! (ServiceAccount without its token volume, DefaultTolerationSeconds, Priority). One difference: an affinity config without
//! affinity is left for validation to refuse, rather than dropped in silence.

use serde_json::{Value, json};

use crate::object::{
    Body, Container, DaemonSet, Deployment, EndpointSlice, Endpoints, IntOrString, Object, Pod, PodSpec, PodTemplate,
    Probe, ReplicaSet, Rest, RollingUpdate, Service, StatefulSet, Tree, from_tree, to_base64,
};

/// Fills in what the user left out of an object.
pub fn default(object: &mut Object) {
    match &mut object.body {
        Body::Service(service) => self::service(service),
        Body::Pod(pod) => self::pod(pod),
        Body::Deployment(deployment) => self::deployment(deployment),
        Body::ReplicaSet(set) => replica_set(set, &mut object.meta.labels),
        Body::Namespace(namespace) => {
            if !object.meta.name.is_empty() {
                object.meta.labels.insert("kubernetes.io/metadata.name".into(), object.meta.name.clone());
            }
            absent(&mut namespace.spec, "finalizers", || json!(["kubernetes"]));
            text(&mut namespace.status.phase, "Active");
        }
        Body::Endpoints(endpoints) => self::endpoints(endpoints),
        Body::EndpointSlice(slice) => endpoint_slice(slice),
        Body::StatefulSet(set) => stateful_set(set),
        Body::DaemonSet(set) => daemon_set(set),
        Body::IngressClass(class) => {
            if let Some(Value::Object(parameters)) = &mut class.spec.parameters {
                absent(parameters, "scope", || "Cluster".into());
            }
        }
        Body::Secret(secret) => {
            text(&mut secret.r#type, "Opaque");
            // Not a default, but the conversion that goes with it: what is written in plain wins.
            for (key, value) in std::mem::take(&mut secret.string_data) {
                secret.data.insert(key, to_base64(value.as_bytes()));
            }
        }
        Body::ValidatingWebhookConfiguration(configuration) => {
            for webhook in &mut configuration.webhooks {
                text(&mut webhook.failure_policy, "Fail");
                absent(&mut webhook.rest, "matchPolicy", || "Equivalent".into());
                absent(&mut webhook.rest, "namespaceSelector", || json!({}));
                absent(&mut webhook.rest, "objectSelector", || json!({}));
                absent(&mut webhook.rest, "timeoutSeconds", || 10.into());
                if let Some(service) = &mut webhook.client_config.service {
                    service.port.get_or_insert(443);
                }
                webhook.rules.iter_mut().for_each(|rule| absent(&mut rule.rest, "scope", || "*".into()));
            }
        }
        Body::Node(_)
        | Body::ControllerRevision(_)
        | Body::Event(_)
        | Body::Lab(_)
        | Body::Ingress(_)
        | Body::ConfigMap(_) => {}
    }
}

fn text(field: &mut String, value: &str) {
    if field.is_empty() {
        *field = value.to_owned();
    }
}

fn absent(rest: &mut Rest, key: &str, value: impl FnOnce() -> Value) {
    let missing = match rest.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    };
    if missing {
        rest.insert(key.to_owned(), value());
    }
}

fn service(service: &mut Service) {
    let spec = &mut service.spec;
    text(&mut spec.session_affinity, "None");
    if spec.session_affinity == "ClientIP" {
        let timeout = spec.session_affinity_config.as_ref().and_then(|c| c.pointer("/clientIP/timeoutSeconds"));
        if timeout.is_none_or(Value::is_null) {
            spec.session_affinity_config = Some(json!({"clientIP": {"timeoutSeconds": 10_800}}));
        }
    }
    text(&mut spec.r#type, "ClusterIP");
    for port in &mut spec.ports {
        text(&mut port.protocol, "TCP");
        let unset = match &port.target_port {
            None | Some(IntOrString::Int(0)) => true,
            Some(IntOrString::String(name)) => name.is_empty(),
            Some(IntOrString::Int(_)) => false,
        };
        if unset {
            port.target_port = Some(IntOrString::Int(port.port));
        }
    }
    let external = matches!(spec.r#type.as_str(), "NodePort" | "LoadBalancer")
        || (spec.r#type == "ClusterIP" && !spec.external_ips.is_empty());
    if external {
        text(&mut spec.external_traffic_policy, "Cluster");
    }
    if matches!(spec.r#type.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        text(&mut spec.internal_traffic_policy, "Cluster");
    }
    if spec.r#type == "LoadBalancer" {
        spec.allocate_load_balancer_node_ports.get_or_insert(true);
        for ingress in service.status.load_balancer.ingress.iter_mut().filter(|i| !i.ip.is_empty()) {
            ingress.ip_mode.get_or_insert_with(|| "VIP".into());
        }
    }
}

/// `SetDefaults_Pod` and the admission plugins, after the defaults that templates get too.
fn pod(pod: &mut Pod) {
    pod_spec(&mut pod.spec);
    let spec = &mut pod.spec;
    absent(&mut spec.rest, "enableServiceLinks", || Value::Bool(true));
    absent(&mut spec.rest, "serviceAccountName", || "default".into());
    let account = spec.rest.get("serviceAccountName").cloned().unwrap_or_default();
    absent(&mut spec.rest, "serviceAccount", || account);
    absent(&mut spec.rest, "preemptionPolicy", || "PreemptLowerPriority".into());
    absent(&mut spec.rest, "priority", || 0.into());
    let tolerations = spec.rest.entry("tolerations").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = tolerations {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let all = |t: &Value| t.get("key").and_then(Value::as_str).unwrap_or_default().is_empty();
            if !list.iter().any(|t| t.get("key").and_then(Value::as_str) == Some(key) || all(t)) {
                list.push(json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}));
            }
        }
    }
    for container in &mut spec.containers {
        if spec.host_network {
            for port in &mut container.ports {
                port.host_port.get_or_insert(port.container_port);
            }
        }
        let limits = container.rest.get("resources").and_then(|r| r.get("limits")).and_then(Value::as_object).cloned();
        if let (Some(limits), Some(Value::Object(resources))) = (limits, container.rest.get_mut("resources")) {
            let requests = resources.entry("requests").or_insert_with(|| json!({}));
            if let Value::Object(requests) = requests {
                for (key, value) in limits {
                    requests.entry(key).or_insert(value);
                }
            }
        }
    }
    text(&mut pod.status.phase, "Pending");
    text(&mut pod.status.qos_class, quality(&pod.spec));
}

/// `Guaranteed`, `Burstable` or `BestEffort`, by requests and limits of CPU and memory.
fn quality(spec: &PodSpec) -> &'static str {
    let amount = |container: &Container, which: &str, what: &str| {
        container.rest.get("resources").and_then(|r| r.get(which)).and_then(|r| r.get(what)).cloned()
    };
    let (mut any, mut all) = (false, true);
    for container in &spec.containers {
        for what in ["cpu", "memory"] {
            let (request, limit) = (amount(container, "requests", what), amount(container, "limits", what));
            any |= request.is_some() || limit.is_some();
            all &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn pod_spec(spec: &mut PodSpec) {
    text(&mut spec.dns_policy, "ClusterFirst");
    text(&mut spec.restart_policy, "Always");
    absent(&mut spec.rest, "securityContext", || json!({}));
    spec.termination_grace_period_seconds.get_or_insert(30);
    absent(&mut spec.rest, "schedulerName", || "default-scheduler".into());
    spec.containers.iter_mut().for_each(container);
    if let Some(Value::Array(list)) = spec.rest.get_mut("initContainers") {
        for item in list {
            if let Ok(mut typed) = from_tree::<Container>(item.clone()) {
                container(&mut typed);
                *item = typed.write();
            }
        }
    }
    if let Some(Value::Array(list)) = spec.rest.get_mut("volumes") {
        for volume in list.iter_mut().filter_map(Value::as_object_mut) {
            if volume.len() == 1 {
                volume.insert("emptyDir".into(), json!({}));
            }
            for source in ["secret", "configMap", "downwardAPI", "projected"] {
                if let Some(Value::Object(source)) = volume.get_mut(source) {
                    source.entry("defaultMode").or_insert(0o644.into());
                }
            }
            if let Some(Value::Object(path)) = volume.get_mut("hostPath") {
                path.entry("type").or_insert("".into());
            }
        }
    }
}

fn container(container: &mut Container) {
    let pull = if is_latest(&container.image) { "Always" } else { "IfNotPresent" };
    absent(&mut container.rest, "imagePullPolicy", || pull.into());
    absent(&mut container.rest, "resources", || json!({}));
    absent(&mut container.rest, "terminationMessagePath", || "/dev/termination-log".into());
    absent(&mut container.rest, "terminationMessagePolicy", || "File".into());
    for port in &mut container.ports {
        text(&mut port.protocol, "TCP");
    }
    let probes = [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    for probe in probes.into_iter().flatten() {
        self::probe(probe);
    }
    if let Some(Value::Array(list)) = container.rest.get_mut("env") {
        for from in list.iter_mut().filter_map(|e| e.pointer_mut("/valueFrom/fieldRef")?.as_object_mut()) {
            from.entry("apiVersion").or_insert("v1".into());
        }
    }
}

fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    match image.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag == "latest",
        _ => true,
    }
}

fn probe(probe: &mut Probe) {
    let number = |field: &mut Option<i32>, value: i32| *field = Some(field.filter(|n| *n != 0).unwrap_or(value));
    number(&mut probe.timeout_seconds, 1);
    number(&mut probe.period_seconds, 10);
    number(&mut probe.success_threshold, 1);
    number(&mut probe.failure_threshold, 3);
    if let Some(get) = &mut probe.http_get {
        text(&mut get.path, "/");
        text(&mut get.scheme, "HTTP");
    }
    if let Some(Value::Object(grpc)) = probe.rest.get_mut("grpc") {
        grpc.entry("service").or_insert("".into());
    }
}

fn template(template: &mut PodTemplate) {
    pod_spec(&mut template.spec);
}

fn deployment(deployment: &mut Deployment) {
    let spec = &mut deployment.spec;
    template(&mut spec.template);
    spec.replicas.get_or_insert(1);
    text(&mut spec.strategy.r#type, "RollingUpdate");
    if spec.strategy.r#type == "RollingUpdate" {
        let rolling = spec.strategy.rolling_update.get_or_insert_with(RollingUpdate::default);
        rolling.max_unavailable.get_or_insert_with(|| IntOrString::String("25%".into()));
        rolling.max_surge.get_or_insert_with(|| IntOrString::String("25%".into()));
    }
    spec.revision_history_limit.get_or_insert(10);
    spec.progress_deadline_seconds.get_or_insert(600);
}

fn replica_set(set: &mut ReplicaSet, labels: &mut crate::object::Labels) {
    template(&mut set.spec.template);
    set.spec.replicas.get_or_insert(1);
    if labels.is_empty() {
        labels.clone_from(&set.spec.template.metadata.labels);
    }
}

fn stateful_set(set: &mut StatefulSet) {
    let spec = &mut set.spec;
    template(&mut spec.template);
    text(&mut spec.pod_management_policy, "OrderedReady");
    if spec.update_strategy.r#type.is_empty() {
        spec.update_strategy.r#type = "RollingUpdate".into();
        spec.update_strategy.rolling_update.get_or_insert_default();
    }
    if spec.update_strategy.r#type == "RollingUpdate"
        && let Some(rolling) = &mut spec.update_strategy.rolling_update
    {
        rolling.partition.get_or_insert(0);
    }
    let kept = spec.rest.entry("persistentVolumeClaimRetentionPolicy").or_insert_with(|| json!({}));
    if let Value::Object(kept) = kept {
        absent(kept, "whenDeleted", || "Retain".into());
        absent(kept, "whenScaled", || "Retain".into());
    }
    spec.replicas.get_or_insert(1);
    spec.revision_history_limit.get_or_insert(10);
}

fn daemon_set(set: &mut DaemonSet) {
    let spec = &mut set.spec;
    template(&mut spec.template);
    text(&mut spec.update_strategy.r#type, "RollingUpdate");
    if spec.update_strategy.r#type == "RollingUpdate" {
        let rolling = spec.update_strategy.rolling_update.get_or_insert_with(RollingUpdate::default);
        rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        rolling.max_surge.get_or_insert(IntOrString::Int(0));
    }
    spec.revision_history_limit.get_or_insert(10);
}

fn endpoints(endpoints: &mut Endpoints) {
    for port in endpoints.subsets.iter_mut().flat_map(|subset| &mut subset.ports) {
        text(&mut port.protocol, "TCP");
    }
}

fn endpoint_slice(slice: &mut EndpointSlice) {
    for port in &mut slice.ports {
        text(&mut port.protocol, "TCP");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    fn check(kind: Kind, tree: Value, pointer: &str, expected: Value) {
        let mut object = Object::from_value(kind, tree).unwrap();
        default(&mut object);
        let once = object.clone();
        default(&mut object);
        assert_eq!(object, once, "defaulting twice changes nothing");
        assert_eq!(object.to_value().pointer(pointer).cloned().unwrap_or_default(), expected);
    }

    #[test]
    fn a_service_gets_what_it_does_not_say() {
        let service = json!({"spec": {"ports": [{"port": 80}]}});
        let port = json!({"port": 80, "protocol": "TCP", "targetPort": 80});
        check(Kind::Service, service.clone(), "/spec/ports/0", port);
        check(Kind::Service, service.clone(), "/spec/internalTrafficPolicy", "Cluster".into());
        check(Kind::Service, service, "/spec/externalTrafficPolicy", Value::Null);
        let balancer = json!({"spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP"}});
        check(Kind::Service, balancer.clone(), "/spec/allocateLoadBalancerNodePorts", true.into());
        check(Kind::Service, balancer, "/spec/sessionAffinityConfig/clientIP/timeoutSeconds", 10_800.into());
    }

    #[test]
    fn the_tag_decides_about_pulling() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
            ("nginx@sha256:00", "IfNotPresent"),
        ] {
            let pod = json!({"spec": {"containers": [{"name": "c", "image": image}]}});
            check(Kind::Pod, pod, "/spec/containers/0/imagePullPolicy", policy.into());
        }
    }

    #[test]
    fn a_deployment_rolls_by_quarters() {
        let deployment = json!({"spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}});
        let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
        check(Kind::Deployment, deployment.clone(), "/spec/strategy/rollingUpdate", rolling);
        check(Kind::Deployment, deployment, "/spec/template/spec/schedulerName", "default-scheduler".into());
    }
}
