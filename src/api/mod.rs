//! The API server: the pipeline of one request, in order: default, allocate, validate, store.
//!
//! A Service's addresses and ports are handed out before it is validated, as `BeginCreate` and `BeginUpdate` of
//! `k8s.io/apiserver` `pkg/registry/generic/registry/store.go` have it: what the allocators refuse hides all other broken
//! rules. [`Status::later`] tells those too, to whom it may help.
//! Takes objects that [`crate::manifest`] has decoded, or that controllers have made; gives what it stored, or a [`Status`]
//! in the real server's words. It knows nothing of controllers and of packets.

mod allocate;
mod default;
mod events;
mod families;
mod index;
mod merge;
pub mod origin;
mod service;
pub mod status;
pub mod store;
mod validate;
mod warn;

use std::sync::Arc;

use serde_json::Value;

pub use default::default;
pub use events::{Events, Kept, Remark, Span, Tone};
pub use merge::{LAST_APPLIED, merge_key};
pub use origin::Origin;
pub use status::{Cause, Reason, Status};
pub use store::{Store, Touch};
pub use validate::{validate, validate_update};
pub use warn::{Warning, warnings};

use crate::inet::Ipv4Net;
use crate::object::{Body, Ingress, IngressClass, Kind, Meta, Namespace, Object, Pod, PodStatus, Ref, Service};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use allocate::{Allocator, Claim};

/// What `kubectl apply` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "kubectl's own words")]
pub enum Applied {
    Created,
    Configured,
    Unchanged,
}

/// The most pods that a lab holds: a number of replicas can be any, and a page's memory ends. Refused as by a ResourceQuota.
const MOST_PODS: usize = 10_000;

/// The letters of generated names: no vowels, so that no words come about (`k8s.io/apimachinery` `pkg/util/rand`).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// `text` in the letters of generated names, as `rand.SafeEncodeString` writes hashes.
pub fn safe_encode(text: &str) -> String {
    text.bytes().map(|b| char::from(ALPHABET[usize::from(b) % ALPHABET.len()])).collect()
}

/// The API server and what it has stored.
#[derive(Clone, Debug)]
pub struct Api {
    store: Store,
    allocator: Allocator,
    names: Rng,
    uids: Rng,
}

impl Api {
    /// An empty server that hands out cluster IPs of a range; all its chance comes from forks of `rng`.
    pub fn new(services: Ipv4Net, rng: &Rng) -> Self {
        Self {
            store: Store::default(),
            allocator: Allocator::new(services, rng),
            names: rng.fork("pod-name"),
            uids: rng.fork("uid"),
        }
    }

    /// All objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The changes since this was last asked; see [`Store::take_touched`].
    pub fn take_touched(&mut self) -> Vec<Touch> {
        self.store.take_touched()
    }

    /// Takes a remark down as an event.
    pub fn tell(&mut self, remark: Remark, span: Span, now: Instant) {
        self.store.tell(remark, span, now);
    }

    /// Forgets all events: what came before the learner is not told.
    pub fn forget_events(&mut self) {
        self.store.forget_events();
    }

    /// Takes in a new object.
    pub fn create(&mut self, mut object: Object, now: Instant) -> Result<Arc<Object>, Status> {
        self.ready(&mut object)?;
        let claim = self.claim(None, &mut object, validate)?;
        let causes = validate(&object);
        let created = if causes.is_empty() {
            self.insert(object, now)
        } else {
            Err(Status::invalid(object.kind(), &object.meta.name, causes))
        };
        self.settle(claim, created)
    }

    /// Takes in a new object that a controller made out of validated ones; only its defaults are seen to.
    pub fn create_trusted(&mut self, mut object: Object, now: Instant) -> Result<Arc<Object>, Status> {
        self.ready(&mut object)?;
        let claim = self.claim(None, &mut object, |_| Vec::new())?;
        let created = self.insert(object, now);
        self.settle(claim, created)
    }

    /// Replaces an object's metadata and spec; its status stays.
    ///
    /// A resource version, if the new object has one, must be that of the object it replaces.
    pub fn update(&mut self, mut object: Object, now: Instant) -> Result<Arc<Object>, Status> {
        let key = object.key();
        let old = Arc::clone(self.store.get(&key).ok_or_else(|| Status::not_found(&key))?);
        if !object.meta.resource_version.is_empty() && object.meta.resource_version != old.meta.resource_version {
            let detail = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(Status::conflict(&key, detail));
        }
        keep_system_fields(&old, &mut object);
        default(&mut object);
        let claim = self.claim(Some(&old), &mut object, |new| validate_update(&old, new))?;
        if let (Some(new), Some(old)) = (object.body_mut::<Service>(), old.body::<Service>()) {
            service::drop_what_the_type_lacks(&old.spec, new);
        }
        let causes = validate_update(&old, &object);
        let updated = if causes.is_empty() {
            Ok(self.write(&old, object, now))
        } else {
            Err(Status::invalid(key.kind, &key.name, causes))
        };
        self.settle(claim, updated)
    }

    /// Writes an object that a controller changed, status included; nothing if it is the same.
    pub fn put(&mut self, object: Object, now: Instant) {
        if let Some(old) = self.store.get(&object.key()).map(Arc::clone) {
            self.write(&old, object, now);
        }
    }

    /// What `kubectl apply` does: creates the object, or carries the changes since it was last applied over to it.
    pub fn apply(&mut self, object: &Object, tree: &Value, namespace: &str, now: Instant) -> Result<Applied, Status> {
        let mut object = object.clone();
        let namespaced = object.kind().is_namespaced();
        if namespaced && object.meta.namespace.is_empty() {
            object.meta.namespace = namespace.to_owned();
        }
        let configuration = merge::configuration(tree, namespaced.then_some(object.meta.namespace.as_str()));
        let key = object.key();
        let Some(live) = self.store.get(&key) else {
            object.meta.annotations.insert(LAST_APPLIED.into(), configuration);
            return self.create(object, now).map(|_| Applied::Created);
        };
        let before = live.meta.annotations.get(LAST_APPLIED);
        let original = before.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        let mut modified: Value = serde_json::from_str(&configuration).unwrap_or_default();
        if let Some(Value::Object(annotations)) = modified.pointer_mut("/metadata/annotations") {
            annotations.insert(LAST_APPLIED.into(), configuration.into());
        }
        if let Some(map) = modified.as_object_mut() {
            map.remove("status");
        }
        let merged = merge::merge(&original, &modified, &live.to_value());
        let mut merged =
            Object::from_value(key.kind, merged).map_err(|error| Status::bad_request(error.to_string()))?;
        merged.meta.resource_version.clear();
        let revision = self.store.revision();
        self.update(merged, now)?;
        Ok(if self.store.revision() == revision { Applied::Unchanged } else { Applied::Configured })
    }

    /// Begins to delete an object: at once, or once its finalizers and a running pod's grace period are through.
    ///
    /// `grace` is `--grace-period` in seconds; none leaves it to the object.
    pub fn delete(&mut self, key: &Ref, grace: Option<i64>, now: Instant) -> Result<(), Status> {
        if key.kind == Kind::Event && self.store.forget_event(key) {
            return Ok(());
        }
        let old = Arc::clone(self.store.get(key).ok_or_else(|| Status::not_found(key))?);
        let wait = match &old.body {
            Body::Pod(pod) => pod_grace(pod, grace),
            Body::Namespace(_) if matches!(&*key.name, "default" | "kube-system" | "kube-public") => {
                return Err(Status::forbidden(key, "this namespace may not be deleted"));
            }
            Body::Namespace(_) => Some(0),
            Body::Lab(_) => {
                return Err(Status::forbidden(key, "the cluster stands in this environment; apply another Lab"));
            }
            _ if !old.meta.finalizers.is_empty() => Some(0),
            _ => None,
        };
        let Some(seconds) = wait.filter(|s| *s > 0 || !matches!(old.body, Body::Pod(_))) else {
            self.remove(key);
            return Ok(());
        };
        let mut object = Object::clone(&old);
        let until = now + Duration::from_secs(seconds.unsigned_abs());
        if object.meta.deletion_timestamp.is_some_and(|before| before <= until) {
            return Ok(());
        }
        object.meta.deletion_timestamp = Some(until);
        object.meta.deletion_grace_period_seconds = Some(seconds);
        if let Some(namespace) = object.body_mut::<Namespace>() {
            namespace.status.phase = "Terminating".into();
        }
        self.write(&old, object, now);
        Ok(())
    }

    /// Removes an object, whatever it waits for, and takes back what was allocated to it.
    pub fn remove(&mut self, key: &Ref) {
        if let Some(gone) = self.store.remove(key)
            && let Some(service) = gone.body::<Service>()
        {
            self.allocator.release(&service.spec);
        }
    }

    /// Sees to what comes first: the namespace, the server's own fields, the defaults.
    fn ready(&mut self, object: &mut Object) -> Result<(), Status> {
        self.namespace_accepts(object)?;
        self.begin(object);
        default(object);
        default_class(&self.store, object);
        Ok(())
    }

    /// Hands a Service what it asks for or needs. A refusal also tells what `validate` would say afterwards.
    fn claim(
        &mut self,
        old: Option<&Object>,
        object: &mut Object,
        validate: impl Fn(&Object) -> Vec<Cause>,
    ) -> Result<Claim, Status> {
        let name = object.meta.name.clone();
        let Some(new) = object.body_mut::<Service>() else { return Ok(Claim::default()) };
        let old = old.and_then(Object::body::<Service>).map(|old| &old.spec);
        match old {
            Some(old) => service::begin_update(old, &mut new.spec),
            None => service::begin_create(&mut new.spec),
        }
        self.allocator.claim(&name, old, &mut new.spec).map_err(|mut status| {
            let mut later = validate(object);
            later.retain(|cause| !status.causes.contains(cause));
            status.later = later;
            status
        })
    }

    /// Keeps what was handed out for an object that is stored, takes it back from one that was refused.
    fn settle(&mut self, claim: Claim, done: Result<Arc<Object>, Status>) -> Result<Arc<Object>, Status> {
        if done.is_ok() {
            self.allocator.commit(claim);
        } else {
            self.allocator.revert(claim);
        }
        done
    }

    fn namespace_accepts(&self, object: &Object) -> Result<(), Status> {
        if !object.kind().is_namespaced() || object.meta.namespace.is_empty() {
            return Ok(());
        }
        let key = Ref::new(Kind::Namespace, "", object.meta.namespace.as_str());
        let namespace = self.store.get(&key).ok_or_else(|| Status::not_found(&key))?;
        if namespace.meta.deletion_timestamp.is_some() {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                object.meta.namespace
            );
            return Err(Status::forbidden(&object.key(), &why));
        }
        Ok(())
    }

    /// What the server sets itself before it looks at a new object.
    fn begin(&mut self, object: &mut Object) {
        let counts = counts_generations(object.kind());
        let meta = &mut object.meta;
        if meta.name.is_empty() && !meta.generate_name.is_empty() {
            let letters = (0..5).map(|_| char::from(ALPHABET[self.names.below(27) as usize]));
            let base: String = meta.generate_name.chars().take(58).collect();
            meta.name = base.chars().chain(letters).collect();
        }
        meta.uid.clear();
        meta.resource_version.clear();
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        meta.generation = i64::from(counts);
        match &mut object.body {
            Body::Pod(pod) => pod.status = PodStatus::default(),
            Body::Service(service) => service.status = Default::default(),
            Body::Deployment(deployment) => deployment.status = Default::default(),
            Body::ReplicaSet(set) => set.status = Default::default(),
            Body::Namespace(namespace) => namespace.status = Default::default(),
            Body::StatefulSet(set) => set.status = Default::default(),
            Body::DaemonSet(set) => set.status = Default::default(),
            Body::Ingress(ingress) => ingress.status = Default::default(),
            _ => {}
        }
    }

    fn insert(&mut self, mut object: Object, now: Instant) -> Result<Arc<Object>, Status> {
        let key = object.key();
        if self.store.get(&key).is_some() {
            return Err(Status::already_exists(&key));
        }
        if key.kind == Kind::Pod && self.store.pod_count() >= MOST_PODS {
            let detail =
                format!("exceeded quota: lab, requested: pods=1, used: pods={MOST_PODS}, limited: pods={MOST_PODS}");
            return Err(Status::forbidden(&key, &detail));
        }
        if let Some(service) = object.body_mut::<Service>() {
            service::decorate(&mut service.spec);
        }
        object.meta.creation_timestamp = Some(now);
        object.meta.uid = self.uid();
        Ok(self.store.put(object))
    }

    /// Writes a changed object; an object whose last finalizer went while it is being deleted goes too.
    fn write(&mut self, old: &Arc<Object>, mut object: Object, _now: Instant) -> Arc<Object> {
        object.meta.resource_version.clone_from(&old.meta.resource_version);
        if let Some(service) = object.body_mut::<Service>() {
            service::decorate(&mut service.spec);
        }
        if object == **old {
            return Arc::clone(old);
        }
        if counts_generations(object.kind()) && (spec_changed(old, &object) || deletion_began(old, &object)) {
            object.meta.generation = old.meta.generation + 1;
        }
        let waits = matches!(object.body, Body::Pod(_) | Body::Namespace(_)) || !object.meta.finalizers.is_empty();
        if object.meta.deletion_timestamp.is_some() && !waits {
            self.remove(&object.key());
            return Arc::new(object);
        }
        self.store.put(object)
    }

    fn uid(&mut self) -> String {
        let [a, b, c, d] = [(); 4].map(|()| self.uids.next_u32());
        format!(
            "{a:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{d:08x}",
            b >> 16,
            b & 0xfff,
            0x8000 | (c >> 16 & 0x3fff),
            c & 0xffff
        )
    }
}

/// The admission plugin DefaultIngressClass (`plugin/pkg/admission/network/defaultingressclass`): a new Ingress that names no
/// class is of the default one, the newest if there are several.
fn default_class(store: &Store, object: &mut Object) {
    let annotated = object.meta.annotations.contains_key("kubernetes.io/ingress.class");
    let Some(ingress) = object.body_mut::<Ingress>() else { return };
    if annotated || ingress.spec.ingress_class_name.is_some() {
        return;
    }
    let is_default =
        |meta: &Meta| meta.annotations.get("ingressclass.kubernetes.io/is-default-class").is_some_and(|v| v == "true");
    let classes = store.all::<IngressClass>().map(|(meta, _)| meta).filter(|meta| is_default(meta));
    // The first by name of the newest.
    let newest = classes.reduce(|a, b| if b.creation_timestamp > a.creation_timestamp { b } else { a });
    ingress.spec.ingress_class_name = newest.map(|meta| meta.name.clone());
}

/// Seconds until a pod is to be gone; none if nobody runs it.
fn pod_grace(pod: &Pod, asked: Option<i64>) -> Option<i64> {
    if pod.spec.node_name.is_empty() || matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
        return None;
    }
    // A negative period was let in, and counts as a second.
    let own = pod.spec.termination_grace_period_seconds.map(|seconds| if seconds < 0 { 1 } else { seconds });
    asked.or(own).or(Some(30))
}

fn counts_generations(kind: Kind) -> bool {
    use Kind::{DaemonSet, Deployment, EndpointSlice, Ingress, IngressClass, Lab, Pod, ReplicaSet, StatefulSet};
    matches!(
        kind,
        Pod | Deployment | ReplicaSet | EndpointSlice | StatefulSet | DaemonSet | Ingress | IngressClass | Lab
    )
}

fn spec_changed(old: &Object, new: &Object) -> bool {
    match (&old.body, &new.body) {
        (Body::Pod(old), Body::Pod(new)) => old.spec != new.spec && new.spec.node_name == old.spec.node_name,
        (Body::Deployment(old), Body::Deployment(new)) => old.spec != new.spec,
        (Body::ReplicaSet(old), Body::ReplicaSet(new)) => old.spec != new.spec,
        (Body::StatefulSet(old), Body::StatefulSet(new)) => old.spec != new.spec,
        (Body::DaemonSet(old), Body::DaemonSet(new)) => old.spec != new.spec,
        (Body::EndpointSlice(old), Body::EndpointSlice(new)) => old != new,
        (Body::Ingress(old), Body::Ingress(new)) => old.spec != new.spec,
        (Body::IngressClass(old), Body::IngressClass(new)) => old.spec != new.spec,
        (Body::Lab(old), Body::Lab(new)) => old != new,
        _ => false,
    }
}

fn deletion_began(old: &Object, new: &Object) -> bool {
    old.meta.deletion_timestamp.is_none() && new.meta.deletion_timestamp.is_some()
}

/// What an update cannot change: the server's own metadata, and the status.
fn keep_system_fields(old: &Object, new: &mut Object) {
    let meta = &mut new.meta;
    meta.creation_timestamp = old.meta.creation_timestamp;
    meta.deletion_timestamp = old.meta.deletion_timestamp;
    meta.deletion_grace_period_seconds = old.meta.deletion_grace_period_seconds;
    meta.generation = old.meta.generation;
    meta.generate_name.clone_from(&old.meta.generate_name);
    meta.uid.clone_from(&old.meta.uid);
    match (&old.body, &mut new.body) {
        (Body::Pod(old), Body::Pod(new)) => new.status.clone_from(&old.status),
        (Body::Service(old), Body::Service(new)) => new.status.clone_from(&old.status),
        (Body::Deployment(old), Body::Deployment(new)) => new.status.clone_from(&old.status),
        (Body::ReplicaSet(old), Body::ReplicaSet(new)) => new.status.clone_from(&old.status),
        (Body::StatefulSet(old), Body::StatefulSet(new)) => new.status.clone_from(&old.status),
        (Body::DaemonSet(old), Body::DaemonSet(new)) => new.status.clone_from(&old.status),
        (Body::Namespace(old), Body::Namespace(new)) => new.status.clone_from(&old.status),
        (Body::Node(old), Body::Node(new)) => new.status.clone_from(&old.status),
        (Body::Ingress(old), Body::Ingress(new)) => new.status.clone_from(&old.status),
        (Body::Secret(old), Body::Secret(new)) if new.r#type.is_empty() => new.r#type.clone_from(&old.r#type),
        _ => {}
    }
}
