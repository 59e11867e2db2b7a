//! Objects by key, their resource versions, and the log of changes that watches read. Stands for etcd and its watch cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::events::{Events, Remark, Span};
use super::index::Index;
use crate::object::{AsBody, EndpointSlice, Kind, Labels, Meta, Object, Ref, Service};
use crate::time::Instant;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It came or it changed.
    Put,
    /// It went.
    Removed,
}

/// One change, with both sides of it.
#[derive(Clone, Debug)]
pub struct Touch {
    /// What changed.
    pub key: Ref,
    /// The object before; none if it came.
    pub old: Option<Arc<Object>>,
    /// The object after; none if it went.
    pub new: Option<Arc<Object>>,
}

/// The store. A clone is cheap: all is shared until one of the two is written to.
#[derive(Clone, Debug, Default)]
pub struct Store {
    objects: Arc<BTreeMap<Ref, Arc<Object>>>,
    index: Arc<Index>,
    revision: u64,
    log: Arc<Vec<(Ref, Event)>>,
    touched: Vec<Touch>,
    events: Events,
}

impl Store {
    /// The object of this name.
    pub fn get(&self, key: &Ref) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The objects of a kind in a namespace (in all, if none is given), by namespace and name.
    pub fn list<'a>(&'a self, kind: Kind, namespace: Option<&'a str>) -> impl Iterator<Item = &'a Arc<Object>> {
        let start = Ref { kind, namespace: namespace.unwrap_or_default().into(), name: "".into() };
        self.objects
            .range(start..)
            .take_while(move |(key, _)| key.kind == kind && namespace.is_none_or(|ns| &*key.namespace == ns))
            .map(|(_, object)| object)
    }

    /// Metadata and body of every object of a kind, by namespace and name.
    pub fn all<'a, T: AsBody + 'a>(&'a self) -> impl Iterator<Item = (&'a Meta, &'a T)> {
        self.list(T::KIND, None).filter_map(|object| Some((&object.meta, object.body::<T>()?)))
    }

    /// Metadata and body of one object.
    pub fn read<T: AsBody>(&self, key: &Ref) -> Option<(&Meta, &T)> {
        let object = self.get(key)?;
        Some((&object.meta, object.body::<T>()?))
    }

    /// The objects of kind `T` that name this uid among their owners, by namespace and name.
    pub fn owned<'a, T: AsBody + 'a>(&'a self, uid: &str) -> impl Iterator<Item = (&'a Meta, &'a T)> {
        self.index.owned(uid).filter_map(|(_, object)| Some((&object.meta, object.body::<T>()?)))
    }

    /// The names of all that names this uid among its owners.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = &Ref> {
        self.index.owned(uid).map(|(key, _)| key)
    }

    /// The pods of a namespace that have all of these labels; none if no label is asked for.
    pub fn pods_with<'a>(&'a self, namespace: &str, wanted: &'a Labels) -> impl Iterator<Item = &'a Arc<Object>> {
        // Where one label is wanted, the index has answered already.
        let all = |pod: &&Arc<Object>| wanted.iter().all(|(k, v)| pod.meta.labels.get(k) == Some(v));
        self.index.candidates(namespace, wanted).filter(move |pod| wanted.len() == 1 || all(pod))
    }

    /// The EndpointSlices of a Service, by name.
    pub fn slices_of(&self, namespace: &str, service: &str) -> impl Iterator<Item = &EndpointSlice> {
        self.index.slices(namespace, service).filter_map(|object| object.body())
    }

    /// How many pods there are.
    pub fn pod_count(&self) -> usize {
        self.index.pods()
    }

    /// How many pods of a namespace have all of these labels, at most.
    pub fn most_pods_with(&self, namespace: &str, wanted: &Labels) -> usize {
        self.index.candidates(namespace, wanted).len()
    }

    /// The names of the Services of a namespace that select a pod with these labels.
    pub fn services_selecting<'a>(&'a self, namespace: &str, labels: &'a Labels) -> impl Iterator<Item = &'a Ref> {
        let selects = |object: &Object| {
            let selector = object.body::<Service>().map(|s| &s.spec.selector);
            selector.is_some_and(|selector| selector.iter().all(|(k, v)| labels.get(k) == Some(v)))
        };
        self.index.selecting(namespace, labels).filter(move |(_, service)| selects(service)).map(|(key, _)| key)
    }

    /// What controllers have said of objects.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Takes a remark down as an event: no change of the store.
    pub fn tell(&mut self, remark: Remark, span: Span, now: Instant) {
        self.events.add(remark, span, self.revision, now);
    }

    /// Forgets all events.
    pub(super) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Forgets the event of this name; false if no controller's has it.
    pub(super) fn forget_event(&mut self, key: &Ref) -> bool {
        self.events.remove(key)
    }

    /// Counts every change; a resource version is the revision that made it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The changes after a revision, oldest first.
    pub fn changes_since(&self, revision: u64) -> &[(Ref, Event)] {
        &self.log[(revision as usize).min(self.log.len())..]
    }

    /// Writes an object and gives it its resource version.
    pub fn put(&mut self, mut object: Object) -> Arc<Object> {
        self.revision += 1;
        object.meta.resource_version = self.revision.to_string();
        let key = object.key();
        let object = Arc::new(object);
        let old = Arc::make_mut(&mut self.objects).insert(key.clone(), Arc::clone(&object));
        Arc::make_mut(&mut self.index).replace(&key, old.as_ref(), Some(&object));
        Arc::make_mut(&mut self.log).push((key.clone(), Event::Put));
        self.touched.push(Touch { key, old, new: Some(Arc::clone(&object)) });
        object
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &Ref) -> Option<Arc<Object>> {
        let gone = Arc::make_mut(&mut self.objects).remove(key)?;
        self.revision += 1;
        Arc::make_mut(&mut self.index).replace(key, Some(&gone), None);
        Arc::make_mut(&mut self.log).push((key.clone(), Event::Removed));
        self.touched.push(Touch { key: key.clone(), old: Some(Arc::clone(&gone)), new: None });
        if key.kind == Kind::Namespace {
            self.events.forget(&key.name);
        }
        Some(gone)
    }

    /// The changes since this was last asked, with both sides of each: what wakes the controllers.
    pub fn take_touched(&mut self) -> Vec<Touch> {
        std::mem::take(&mut self.touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{OwnerReference, Pod};

    fn pod(name: &str, app: &str, owner: &str) -> Object {
        let mut object = Object::new("default", name, Pod::default());
        object.meta.labels.insert("app".into(), app.into());
        object.meta.owner_references = vec![OwnerReference { uid: owner.into(), ..Default::default() }];
        object
    }

    #[test]
    fn indexes_follow_every_write() {
        let mut store = Store::default();
        let wanted = Labels::from([("app".into(), "a".into())]);
        store.put(pod("p", "a", "u"));
        assert_eq!(store.pods_with("default", &wanted).count(), 1);
        assert_eq!(store.owned::<Pod>("u").count(), 1);
        store.put(pod("p", "b", "v"));
        assert_eq!(store.pods_with("default", &wanted).count(), 0);
        assert_eq!((store.owned::<Pod>("u").count(), store.owned::<Pod>("v").count()), (0, 1));
        store.remove(&Ref::new(Kind::Pod, "default", "p"));
        assert_eq!(store.owned::<Pod>("v").count(), 0);
        assert_eq!(store.changes_since(1).len(), 2);
    }

    #[test]
    fn a_service_is_found_by_the_labels_it_selects() {
        let mut store = Store::default();
        let mut service = Service::default();
        service.spec.selector = Labels::from([("app".into(), "a".into()), ("tier".into(), "web".into())]);
        store.put(Object::new("default", "s", service));
        let mut labels = Labels::from([("app".into(), "a".into())]);
        assert_eq!(store.services_selecting("default", &labels).count(), 0);
        labels.insert("tier".into(), "web".into());
        assert_eq!(store.services_selecting("default", &labels).count(), 1);
        assert_eq!(store.services_selecting("other", &labels).count(), 0);
    }
}
