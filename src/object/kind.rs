//! The table of kinds. A row serves decoding, storage, `kubectl get`, short names and help.

use serde::{Deserialize, Serialize};

/// A kind of object that the lab serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are Kubernetes' own names")]
pub enum Kind {
    Namespace,
    Node,
    Pod,
    Service,
    Endpoints,
    ReplicaSet,
    Deployment,
    EndpointSlice,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    Event,
    Lab,
    Ingress,
    IngressClass,
    Secret,
    ConfigMap,
    ValidatingWebhookConfiguration,
}

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One name in the whole cluster.
    Cluster,
    /// One name in each namespace.
    Namespaced,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// `Service`
    pub name: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version in that group.
    pub version: &'static str,
    /// `services`
    pub plural: &'static str,
    /// `service`
    pub singular: &'static str,
    /// `svc`
    pub short: &'static [&'static str],
    /// Where its names are unique.
    pub scope: Scope,
}

const fn row(
    kind: Kind,
    name: &'static str,
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
    scope: Scope,
) -> Row {
    Row { kind, name, group, version: "v1", plural, singular, short, scope }
}

/// Every kind, in the order of [`Kind`].
pub const TABLE: [Row; 18] = [
    row(Kind::Namespace, "Namespace", "", "namespaces", "namespace", &["ns"], Scope::Cluster),
    row(Kind::Node, "Node", "", "nodes", "node", &["no"], Scope::Cluster),
    row(Kind::Pod, "Pod", "", "pods", "pod", &["po"], Scope::Namespaced),
    row(Kind::Service, "Service", "", "services", "service", &["svc"], Scope::Namespaced),
    row(Kind::Endpoints, "Endpoints", "", "endpoints", "endpoints", &["ep"], Scope::Namespaced),
    row(Kind::ReplicaSet, "ReplicaSet", "apps", "replicasets", "replicaset", &["rs"], Scope::Namespaced),
    row(Kind::Deployment, "Deployment", "apps", "deployments", "deployment", &["deploy"], Scope::Namespaced),
    row(
        Kind::EndpointSlice,
        "EndpointSlice",
        "discovery.k8s.io",
        "endpointslices",
        "endpointslice",
        &[],
        Scope::Namespaced,
    ),
    row(Kind::StatefulSet, "StatefulSet", "apps", "statefulsets", "statefulset", &["sts"], Scope::Namespaced),
    row(Kind::DaemonSet, "DaemonSet", "apps", "daemonsets", "daemonset", &["ds"], Scope::Namespaced),
    row(
        Kind::ControllerRevision,
        "ControllerRevision",
        "apps",
        "controllerrevisions",
        "controllerrevision",
        &[],
        Scope::Namespaced,
    ),
    row(Kind::Event, "Event", "", "events", "event", &["ev"], Scope::Namespaced),
    row(Kind::Lab, "Lab", "kubehop.dev", "labs", "lab", &[], Scope::Cluster),
    row(Kind::Ingress, "Ingress", "networking.k8s.io", "ingresses", "ingress", &["ing"], Scope::Namespaced),
    row(Kind::IngressClass, "IngressClass", "networking.k8s.io", "ingressclasses", "ingressclass", &[], Scope::Cluster),
    row(Kind::Secret, "Secret", "", "secrets", "secret", &[], Scope::Namespaced),
    row(Kind::ConfigMap, "ConfigMap", "", "configmaps", "configmap", &["cm"], Scope::Namespaced),
    row(
        Kind::ValidatingWebhookConfiguration,
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        "validatingwebhookconfiguration",
        &[],
        Scope::Cluster,
    ),
];

impl Kind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.kind)
    }

    /// The kind's row.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// `Service`
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// `v1` or `apps/v1`.
    pub fn api_version(self) -> String {
        let row = self.row();
        if row.group.is_empty() { row.version.to_owned() } else { format!("{}/{}", row.group, row.version) }
    }

    /// The kind of an `apiVersion` and `kind`, if the lab serves it.
    pub fn from_api(api_version: &str, kind: &str) -> Option<Self> {
        Self::all().find(|k| k.name() == kind && k.api_version() == api_version)
    }

    /// The kind that kubectl means by `svc`, `service`, `services`, `Service` or `deployments.apps`.
    pub fn from_resource(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Self::all().find(|k| {
            let row = k.row();
            row.plural == word
                || row.singular == word
                || row.short.contains(&word.as_str())
                || word.strip_prefix(row.plural).or(word.strip_prefix(row.singular)).is_some_and(|rest| {
                    !row.group.is_empty()
                        && (rest.strip_prefix('.') == Some(row.group)
                            || rest == format!(".{}.{}", row.version, row.group))
                })
        })
    }

    /// Whether its objects live in a namespace.
    pub fn is_namespaced(self) -> bool {
        self.row().scope == Scope::Namespaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for kind in Kind::all() {
            assert_eq!(kind.row().kind, kind);
            assert_eq!(format!("{kind:?}"), kind.name());
        }
    }

    #[test]
    fn kubectl_words_name_kinds() {
        for word in ["svc", "service", "services", "Service"] {
            assert_eq!(Kind::from_resource(word), Some(Kind::Service));
        }
        assert_eq!(Kind::from_resource("deployments.apps"), Some(Kind::Deployment));
        assert_eq!(Kind::from_resource("deployment.v1.apps"), Some(Kind::Deployment));
        assert_eq!(Kind::from_resource("deployments.batch"), None);
        assert_eq!(Kind::from_api("apps/v1", "Deployment"), Some(Kind::Deployment));
        assert_eq!(Kind::from_api("v1", "Deployment"), None);
    }
}
