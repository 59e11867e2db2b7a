//! The webhook that ingress-nginx has the API server ask before it stores an Ingress.
//!
//! Stands for `ValidatingWebhookConfiguration` `ingress-nginx-admission` of minikube's addon (`failurePolicy: Fail`, ten seconds), for
//! `k8s.io/apiserver` `pkg/admission/plugin/webhook/validating` and for ingress-nginx' `internal/admission/controller`. The API
//! server's call goes through the nodes' rules like any packet. The lab does not serve the configuration as an object: it is
//! there from the addon's enabling until its disabling. A control plane that stands apart calls from the first node.

use super::Cluster;
use crate::api::{Api, Status};
use crate::net::ingress::{Controller, nginx};
use crate::object::{Ingress, Kind, Pod, Ref, Service};
use crate::time::{Duration, Instant};
use crate::trace::{OutcomeKind, Place, Request};

const WEBHOOK: &str = "validate.nginx.ingress.kubernetes.io";
const NAMESPACE: &str = "ingress-nginx";
const SERVICE: &str = "ingress-nginx-controller-admission";
const URL: &str =
    "https://ingress-nginx-controller-admission.ingress-nginx.svc:443/networking/v1/ingresses?timeout=10s";
/// How long the API server waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cluster {
    /// Asks the webhook about what a change would make of an Ingress; `change` makes it, and tells whether it was let.
    pub(super) fn admitted(&mut self, key: &Ref, change: impl FnOnce(&mut Api, Instant) -> bool) -> Result<(), Status> {
        if key.kind != Kind::Ingress || !self.addons.contains("ingress") {
            return Ok(());
        }
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
        let pod = self.call_webhook().map_err(|why| {
            let detail = format!("failed calling webhook \"{WEBHOOK}\": failed to call webhook: Post \"{URL}\": {why}");
            Status::internal(key, &detail)
        })?;
        let controller = self.store().read::<Pod>(&pod).and_then(|(meta, pod)| Controller::of(meta, pod));
        let refusal = controller.and_then(|controller| nginx::admit(self.store(), &controller, meta, ingress).refusal);
        match refusal {
            Some(why) => Err(Status::bad_request(format!("admission webhook \"{WEBHOOK}\" denied the request: {why}"))),
            None => Ok(()),
        }
    }

    /// Connects to the webhook's Service; gives the pod that answers, or Go's words for the failure.
    fn call_webhook(&mut self) -> Result<Ref, String> {
        let service = self.store().read::<Service>(&Ref::new(Kind::Service, NAMESPACE, SERVICE));
        let Some((_, service)) = service else { return Err(format!("service \"{SERVICE}\" not found")) };
        let at = format!("{}:443", service.spec.cluster_ip);
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
