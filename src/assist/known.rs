//! What the API knows of a field beyond its type: the values it takes, and what it is when nobody writes it.
//!
//! From `k8s.io/api` `core/v1/types.go` and others, and their `defaults.go` in `k8s.io/kubernetes` `pkg/apis`; the schema tells
//! neither.

use crate::lang::Lang;
use crate::manifest::Shape;

/// Fields that manifests usually have, offered first.
pub(super) const USUAL: &[&str] = &[
    "apiVersion",
    "app",
    "backend",
    "containerPort",
    "containers",
    "host",
    "http",
    "httpGet",
    "image",
    "ingressClassName",
    "kind",
    "labels",
    "matchLabels",
    "metadata",
    "name",
    "namespace",
    "nodePort",
    "nodes",
    "number",
    "path",
    "pathType",
    "paths",
    "port",
    "ports",
    "profile",
    "protocol",
    "readinessProbe",
    "replicas",
    "rules",
    "selector",
    "service",
    "spec",
    "targetPort",
    "template",
    "type",
];

/// Images whose programs the lab plays.
pub(super) const IMAGES: &[&str] = &[
    "hello:1.0",
    "nginx:1.29",
    "httpd:2.4",
    "hashicorp/http-echo:1.0",
    "ealen/echo-server:0.9.2",
    "kicbase/echo-server:1.0",
    "traefik/whoami:v1.11",
    "registry.k8s.io/e2e-test-images/agnhost:2.53",
    "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
];

/// The values of a field of which the API knows all.
pub(super) fn values(owner: &str, field: &str) -> &'static [&'static str] {
    match (owner, field) {
        ("ServiceSpec", "type") => &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        ("ServiceSpec", "sessionAffinity") => &["None", "ClientIP"],
        ("ServiceSpec", "externalTrafficPolicy" | "internalTrafficPolicy") => &["Cluster", "Local"],
        ("ServiceSpec", "ipFamilyPolicy") => &["SingleStack", "PreferDualStack", "RequireDualStack"],
        ("ServiceSpec", "ipFamilies") => &["IPv4", "IPv6"],
        ("ServiceSpec", "trafficDistribution") => &["PreferSameZone", "PreferSameNode", "PreferClose"],
        (_, "protocol") => &["TCP", "UDP", "SCTP"],
        (_, "imagePullPolicy") => &["IfNotPresent", "Always", "Never"],
        ("PodSpec", "restartPolicy") => &["Always", "OnFailure", "Never"],
        ("PodSpec", "dnsPolicy") => &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        ("HTTPGetAction", "scheme") => &["HTTP", "HTTPS"],
        ("DeploymentStrategy", "type") => &["RollingUpdate", "Recreate"],
        ("LabelSelectorRequirement", "operator") => &["In", "NotIn", "Exists", "DoesNotExist"],
        ("EndpointSlice", "addressType") => &["IPv4", "IPv6", "FQDN"],
        ("HTTPIngressPath", "pathType") => &["Prefix", "Exact", "ImplementationSpecific"],
        ("Secret", "type") => {
            &["Opaque", "kubernetes.io/tls", "kubernetes.io/basic-auth", "kubernetes.io/dockerconfigjson"]
        }
        ("StatefulSetSpec", "podManagementPolicy") => &["OrderedReady", "Parallel"],
        ("StatefulSetUpdateStrategy" | "DaemonSetUpdateStrategy", "type") => &["RollingUpdate", "OnDelete"],
        ("Toleration", "operator") => &["Exists", "Equal"],
        ("Toleration" | "Taint", "effect") => &["NoSchedule", "PreferNoSchedule", "NoExecute"],
        ("LabSpec", "profile") => &["minikube", "multinode", "cloud"],
        ("LabSpec", "host") => &["Linux", "DockerDesktop", "Remote"],
        ("LabKubeProxy", "mode") => &["iptables", "nftables"],
        ("LabLoadBalancer", "ipMode") => &["VIP", "Proxy"],
        _ => &[],
    }
}

/// What a field is when nobody writes it; empty where that depends, or is nothing.
pub(super) fn default(owner: &str, field: &str) -> &'static str {
    match (owner, field) {
        ("ServiceSpec", "type") => "ClusterIP",
        ("ServiceSpec", "sessionAffinity") => "None",
        ("ServiceSpec", "externalTrafficPolicy" | "internalTrafficPolicy") => "Cluster",
        ("ServiceSpec", "ipFamilyPolicy") => "SingleStack",
        ("ServiceSpec", "allocateLoadBalancerNodePorts") => "true",
        ("ServiceSpec", "publishNotReadyAddresses") => "false",
        ("ClientIPConfig", "timeoutSeconds") => "10800",
        ("ServicePort", "targetPort") => "= port",
        ("ServicePort" | "ContainerPort" | "EndpointPort", "protocol") => "TCP",
        ("DeploymentSpec" | "ReplicaSetSpec" | "StatefulSetSpec", "replicas") => "1",
        ("DeploymentSpec", "progressDeadlineSeconds") => "600",
        ("DeploymentSpec" | "StatefulSetSpec" | "DaemonSetSpec", "revisionHistoryLimit") => "10",
        ("DeploymentSpec" | "ReplicaSetSpec" | "StatefulSetSpec" | "DaemonSetSpec", "minReadySeconds") => "0",
        ("DeploymentStrategy" | "StatefulSetUpdateStrategy" | "DaemonSetUpdateStrategy", "type") => "RollingUpdate",
        ("RollingUpdateDeployment", "maxSurge" | "maxUnavailable") => "25%",
        ("RollingUpdateDaemonSet", "maxUnavailable") => "1",
        ("RollingUpdateDaemonSet", "maxSurge") => "0",
        ("StatefulSetSpec", "podManagementPolicy") => "OrderedReady",
        ("PodSpec", "restartPolicy") => "Always",
        ("PodSpec", "dnsPolicy") => "ClusterFirst",
        ("PodSpec", "terminationGracePeriodSeconds") => "30",
        ("PodSpec", "hostNetwork") => "false",
        ("Probe", "periodSeconds") => "10",
        ("Probe", "timeoutSeconds" | "successThreshold") => "1",
        ("Probe", "failureThreshold") => "3",
        ("Probe", "initialDelaySeconds") => "0",
        ("HTTPGetAction", "scheme") => "HTTP",
        ("HTTPGetAction", "path") => "/",
        ("Secret", "type") => "Opaque",
        ("LabSpec", "profile") => "minikube",
        _ => "",
    }
}

/// A type in words.
pub(super) fn spell(shape: Shape, lang: Lang) -> String {
    let word = match shape {
        Shape::String => lang.pick("string", "字符串"),
        Shape::Bool => lang.pick("true or false", "true 或 false"),
        Shape::Int32 | Shape::Int64 => lang.pick("integer", "整数"),
        Shape::Number => lang.pick("number", "数字"),
        Shape::IntOrString => lang.pick("integer or string", "整数或字符串"),
        Shape::Quantity => lang.pick("quantity", "数量"),
        Shape::Time | Shape::MicroTime => lang.pick("time", "时间"),
        Shape::Bytes => "base64",
        Shape::Any => lang.pick("any", "任意"),
        Shape::List(of) => {
            let of = spell(of.shape(), lang);
            return lang.pick(format!("list of {of}"), format!("{of} 列表"));
        }
        Shape::Map(of) => {
            let of = spell(of.shape(), lang);
            return lang.pick(format!("map to {of}"), format!("到{of}的映射"));
        }
        Shape::Struct(name) => name.split('@').next().unwrap_or(name),
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::manifest::{Schema, parse};
    use crate::object::{App, Container, Profile};
    use crate::text::Source;
    use serde_json::Value;

    /// What the server fills in is what the help says: each object is stored, and read back.
    #[test]
    fn the_server_fills_in_what_the_help_says() {
        let text = "\
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {type: LoadBalancer, ports: [{port: 80}], sessionAffinity: ClientIP}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: a, image: 'hello:1.0', ports: [{containerPort: 1}], readinessProbe: {httpGet: {port: 1}}}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: b}
spec:
  serviceName: a
  selector: {matchLabels: {b: b}}
  template: {metadata: {labels: {b: b}}, spec: {containers: [{name: a, image: 'hello:1.0'}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: c}
spec:
  selector: {matchLabels: {c: b}}
  template: {metadata: {labels: {c: b}}, spec: {containers: [{name: a, image: 'hello:1.0'}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: a}
";
        let parsed = parse(&Source::new("f.yaml", text));
        assert_eq!(parsed.diagnostics, []);
        let mut cluster = Cluster::new(&Profile::named("minikube").unwrap(), 1);
        let mut held = Vec::new();
        for manifest in &parsed.manifests {
            cluster.apply(manifest, "default").unwrap();
            let object = cluster.store().get(&manifest.key("default")).unwrap();
            let root = Schema::get().root(&object.kind().api_version(), object.kind().name()).unwrap();
            walk(&object.to_value(), &manifest.tree, Shape::Struct(root), &mut held);
        }
        let mut told = 0;
        for (owner, field, value) in &held {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let says = default(owner, field);
            if !says.is_empty() && (*owner, field.as_str()) != ("ServicePort", "targetPort") {
                assert_eq!(text, says, "{owner}.{field}");
                told += 1;
            }
        }
        assert!(told > 30, "{told} of {}", held.len());
    }

    /// The fields that stand in `value` and are not written.
    fn walk(value: &Value, written: &Value, shape: Shape, held: &mut Vec<(&'static str, String, Value)>) {
        match (value, shape) {
            (Value::Object(map), Shape::Struct(name)) => {
                for (key, value) in map {
                    let Some(of) = Schema::get().field(name, key) else { continue };
                    if written.get(key).is_none() {
                        held.push((name, key.clone(), value.clone()));
                    }
                    walk(value, written.get(key).unwrap_or(&Value::Null), of.shape(), held);
                }
            }
            (Value::Array(items), Shape::List(of)) => {
                for (i, item) in items.iter().enumerate() {
                    walk(item, written.get(i).unwrap_or(&Value::Null), of.shape(), held);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn fields_with_values_or_defaults_are_fields() {
        let table = include_str!("../manifest/schema.txt");
        let mut known = 0;
        for line in table.lines() {
            let Some((owner, fields)) = line.split_once(' ') else { continue };
            for field in fields.split(' ').filter_map(|field| field.split_once(':')).map(|(name, _)| name) {
                let of_values = values(owner, field);
                known += usize::from(!of_values.is_empty());
                let default = default(owner, field);
                assert!(default.is_empty() || of_values.is_empty() || of_values.contains(&default), "{owner}.{field}");
            }
        }
        assert!(known > 25, "{known}");
    }

    #[test]
    fn offered_images_are_no_stand_ins() {
        for image in IMAGES {
            let container = Container { image: (*image).into(), ..Container::default() };
            assert!(!App::of(&container, &[]).stand_in, "{image}");
        }
    }
}
