//! The webhook that ingress-nginx has the API server ask before it stores an Ingress.
//!
//! Stands for `ValidatingWebhookConfiguration` `ingress-nginx-admission` of minikube's addon, for
//! `k8s.io/apiserver` `pkg/admission/plugin/webhook/validating` and for ingress-nginx' `internal/admission/controller`. The API
//! server's call goes through the nodes' rules like any packet. Of all webhooks that a configuration names, the lab asks the one
//! of ingress-nginx: no other program that it plays answers. A control plane that stands apart calls from the first node.

use super::Cluster;
use crate::api::{Api, Status};
use crate::net::ingress::{Controller, nginx};
use crate::object::{
    Ingress, Kind, Pod, Ref, Service, ValidatingWebhook, ValidatingWebhookConfiguration, WebhookService,
};
use crate::time::{Duration, Instant};
use crate::trace::{OutcomeKind, Place, Request};

const WEBHOOK: &str = "validate.nginx.ingress.kubernetes.io";
/// How long the API server waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cluster {
    /// Asks the webhook about what a change would make of an Ingress; `change` makes it, and tells whether it was let.
    pub(super) fn admitted(&mut self, key: &Ref, change: impl FnOnce(&mut Api, Instant) -> bool) -> Result<(), Status> {
        if key.kind != Kind::Ingress {
            return Ok(());
        }
        let Some(webhook) = self.store().all::<ValidatingWebhookConfiguration>().find_map(|(_, all)| ours(all)) else {
            return Ok(());
        };
        let (webhook, service) = webhook;
        let mut api = self.api.clone();
        // What the server itself refuses never comes to a webhook.
        if !change(&mut api, self.now) {
            return Ok(());
        }
        let same = |old: &Api, new: &Api| match (old.store().get(key), new.store().get(key)) {
            (Some(old), Some(new)) => (&old.body, &old.meta.annotations) == (&new.body, &new.meta.annotations),
            _ => false,
        };
        let Some((meta, ingress)) = api.store().read::<Ingress>(key).filter(|_| !same(&self.api, &api)) else {
            return Ok(());
        };
        let port = service.port.unwrap_or(443);
        let pod = match self.call_webhook(&service, port) {
            Ok(pod) => pod,
            Err(_) if webhook.failure_policy == "Ignore" => return Ok(()),
            Err(why) => {
                let WebhookService { name, namespace, path, .. } = &service;
                let url = format!("https://{name}.{namespace}.svc:{port}{path}?timeout=10s");
                let detail =
                    format!("failed calling webhook \"{WEBHOOK}\": failed to call webhook: Post \"{url}\": {why}");
                return Err(Status::internal(key, &detail));
            }
        };
        let controller = self.store().read::<Pod>(&pod).and_then(|(meta, pod)| Controller::of(meta, pod));
        let refusal = controller.and_then(|controller| nginx::admit(self.store(), &controller, meta, ingress).refusal);
        match refusal {
            Some(why) => Err(Status::bad_request(format!("admission webhook \"{WEBHOOK}\" denied the request: {why}"))),
            None => Ok(()),
        }
    }

    /// Connects to the webhook's Service; gives the pod that answers, or Go's words for the failure.
    fn call_webhook(&mut self, of: &WebhookService, port: i32) -> Result<Ref, String> {
        let key = Ref::new(Kind::Service, of.namespace.as_str(), of.name.as_str());
        let Some((_, service)) = self.store().read::<Service>(&key) else {
            return Err(format!("service \"{}\" not found", of.name));
        };
        let at = format!("{}:{port}", service.spec.cluster_ip);
        let Some(home) = self.profile.nodes.first() else { return Err("context deadline exceeded".into()) };
        let from = Place::Node(home.name.as_str().into());
        let request = Request { protocol: "tcp".into(), url: at.as_str().into(), ..Request::default() };
        let trace = self.request(&from, &request);
        match (trace.outcome.kind, trace.outcome.responder) {
            (OutcomeKind::Answered, Some(Place::Pod(namespace, name))) => Ok(Ref::new(Kind::Pod, namespace, name)),
            (OutcomeKind::Refused, _) => Err(format!("dial tcp {at}: connect: connection refused")),
            (OutcomeKind::Unreachable, _) => Err(format!("dial tcp {at}: connect: no route to host")),
            (OutcomeKind::Timeout, _) => {
                self.advance(self.now + PATIENCE);
                Err("context deadline exceeded".into())
            }
            _ => Err("EOF".into()),
        }
    }
}

/// The webhook of ingress-nginx in a configuration, and the Service behind it, if it is asked about Ingresses.
fn ours(all: &ValidatingWebhookConfiguration) -> Option<(ValidatingWebhook, WebhookService)> {
    let is_it = |webhook: &&ValidatingWebhook| {
        webhook.name == WEBHOOK
            && webhook.rules.iter().any(|rule| rule.resources.iter().any(|name| name == "ingresses"))
    };
    let webhook = all.webhooks.iter().find(is_it)?;
    Some((webhook.clone(), webhook.client_config.service.clone()?))
}
