//! Ingress and IngressClass, as in `k8s.io/api` `networking/v1`.

use serde_json::Value;

use super::LoadBalancerStatus;
use super::tree::fields;

/// `Ingress`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Ingress {
    pub spec: IngressSpec,
    pub status: IngressStatus,
}

fields!(Ingress {
    spec "spec",
    status "status",
});

/// `IngressSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressSpec {
    pub default_backend: Option<IngressBackend>,
    pub ingress_class_name: Option<String>,
    pub rules: Vec<IngressRule>,
    pub tls: Vec<IngressTls>,
}

fields!(IngressSpec {
    default_backend "defaultBackend",
    ingress_class_name "ingressClassName",
    rules "rules",
    tls "tls",
});

/// `IngressRule`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressRule {
    /// Empty for any host.
    pub host: String,
    pub http: Option<HttpIngressRuleValue>,
}

fields!(IngressRule {
    host "host",
    http "http",
});

/// `HTTPIngressRuleValue`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct HttpIngressRuleValue {
    pub paths: Vec<HttpIngressPath>,
}

fields!(HttpIngressRuleValue {
    paths "paths" always,
});

/// `HTTPIngressPath`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct HttpIngressPath {
    pub backend: IngressBackend,
    pub path: String,
    /// `Exact`, `Prefix` or `ImplementationSpecific`; none only before validation.
    pub path_type: Option<String>,
}

fields!(HttpIngressPath {
    backend "backend",
    path "path",
    path_type "pathType",
});

/// `IngressBackend`: one of the two.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressBackend {
    pub resource: Option<Value>,
    pub service: Option<IngressServiceBackend>,
}

fields!(IngressBackend {
    resource "resource",
    service "service",
});

/// `IngressServiceBackend`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressServiceBackend {
    pub name: String,
    pub port: ServiceBackendPort,
}

fields!(IngressServiceBackend {
    name "name" always,
    port "port",
});

/// `ServiceBackendPort`: a name, or a number that is not zero.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ServiceBackendPort {
    pub name: String,
    pub number: i32,
}

fields!(ServiceBackendPort {
    name "name",
    number "number",
});

/// `IngressTLS`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressTls {
    pub hosts: Vec<String>,
    pub secret_name: String,
}

fields!(IngressTls {
    hosts "hosts",
    secret_name "secretName",
});

/// `IngressStatus`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressStatus {
    pub load_balancer: LoadBalancerStatus,
}

fields!(IngressStatus {
    load_balancer "loadBalancer",
});

/// `IngressClass`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressClass {
    pub spec: IngressClassSpec,
}

fields!(IngressClass {
    spec "spec",
});

/// `IngressClassSpec`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct IngressClassSpec {
    pub controller: String,
    pub parameters: Option<Value>,
}

fields!(IngressClassSpec {
    controller "controller",
    parameters "parameters",
});
