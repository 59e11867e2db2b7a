//! ValidatingWebhookConfiguration, as in `k8s.io/api` `admissionregistration/v1`.

use super::Rest;
use super::tree::fields;

/// `ValidatingWebhookConfiguration`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ValidatingWebhookConfiguration {
    pub webhooks: Vec<ValidatingWebhook>,
}

fields!(ValidatingWebhookConfiguration {
    webhooks "webhooks",
});

/// `ValidatingWebhook`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ValidatingWebhook {
    pub client_config: WebhookClientConfig,
    /// `Fail` or `Ignore`.
    pub failure_policy: String,
    pub name: String,
    pub rules: Vec<RuleWithOperations>,
    pub rest: Rest,
}

fields!(ValidatingWebhook {
    client_config "clientConfig",
    failure_policy "failurePolicy",
    name "name" always,
    rules "rules",
} rest);

/// `WebhookClientConfig`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct WebhookClientConfig {
    pub service: Option<WebhookService>,
    pub rest: Rest,
}

fields!(WebhookClientConfig {
    service "service",
} rest);

/// `ServiceReference`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct WebhookService {
    pub name: String,
    pub namespace: String,
    pub path: String,
    pub port: Option<i32>,
}

fields!(WebhookService {
    name "name" always,
    namespace "namespace" always,
    path "path",
    port "port",
});

/// `RuleWithOperations`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct RuleWithOperations {
    pub api_groups: Vec<String>,
    pub resources: Vec<String>,
    pub rest: Rest,
}

fields!(RuleWithOperations {
    api_groups "apiGroups",
    resources "resources",
} rest);
