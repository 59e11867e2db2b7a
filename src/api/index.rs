//! What is found without reading every object: dependents by owner, pods and Services by label.
//!
//! Stands for the indexers of client-go's informers (`tools/cache`). [`Store`](super::Store) keeps it true on every write.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::object::{Kind, Labels, Meta, Object, Ref, Service};

/// A namespace, a label's key and its value.
type Label = (Arc<str>, Arc<str>, Arc<str>);

/// Objects by key, shared with the store, so that a walk over an index looks nothing up.
type Set = BTreeMap<Ref, Arc<Object>>;

/// The indexes of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Dependents by an owner's uid.
    owned: BTreeMap<Arc<str>, Set>,
    /// Pods by each of their labels.
    pods: BTreeMap<Label, Set>,
    /// Services by the first label of their selectors: whoever they select must have it.
    selectors: BTreeMap<Label, Set>,
    /// EndpointSlices by the Service that their label names, and its namespace.
    slices: BTreeMap<(Arc<str>, Arc<str>), Set>,
    /// How many pods there are.
    count: usize,
}

impl Index {
    /// Takes in that `old` gave way to `new` under `key`.
    pub(super) fn replace(&mut self, key: &Ref, old: Option<&Arc<Object>>, new: Option<&Arc<Object>>) {
        let moved = old.map(|o| &o.meta.owner_references) != new.map(|o| &o.meta.owner_references);
        for uid in old.filter(|_| moved).iter().flat_map(|o| owner_uids(&o.meta)) {
            remove(&mut self.owned, &Arc::from(uid), key);
        }
        if let Some(object) = new {
            for uid in owner_uids(&object.meta) {
                match self.owned.get_mut(uid) {
                    Some(set) => drop(set.insert(key.clone(), Arc::clone(object))),
                    None => insert(&mut self.owned, uid.into(), key, object),
                }
            }
        }
        match key.kind {
            Kind::Pod => {
                self.count = self.count + usize::from(new.is_some()) - usize::from(old.is_some());
                let moved = old.map(|o| &o.meta.labels) != new.map(|o| &o.meta.labels);
                for label in old.filter(|_| moved).iter().flat_map(|o| labels(&key.namespace, &o.meta.labels)) {
                    remove(&mut self.pods, &label, key);
                }
                if let Some(object) = new {
                    for label in labels(&key.namespace, &object.meta.labels) {
                        insert(&mut self.pods, label, key, object);
                    }
                }
            }
            Kind::Service => {
                let first = |object: Option<&Arc<Object>>| {
                    object?.body::<Service>().and_then(|s| labels(&key.namespace, &s.spec.selector).next())
                };
                if let Some(label) = first(old) {
                    remove(&mut self.selectors, &label, key);
                }
                if let (Some(label), Some(object)) = (first(new), new) {
                    insert(&mut self.selectors, label, key, object);
                }
            }
            Kind::EndpointSlice => {
                let of = |object: &Arc<Object>| {
                    let service = object.meta.labels.get("kubernetes.io/service-name")?;
                    Some((Arc::clone(&key.namespace), Arc::from(service.as_str())))
                };
                let (from, to) = (old.and_then(of), new.and_then(of));
                if let Some(service) = from.filter(|from| to.as_ref() != Some(from)) {
                    remove(&mut self.slices, &service, key);
                }
                if let (Some(service), Some(object)) = (to, new) {
                    insert(&mut self.slices, service, key, object);
                }
            }
            _ => {}
        }
    }

    /// The slices of a Service.
    pub(super) fn slices(&self, namespace: &str, service: &str) -> impl Iterator<Item = &Arc<Object>> {
        self.slices.get(&(namespace.into(), service.into())).into_iter().flat_map(Set::values)
    }

    /// How many pods there are.
    pub(super) fn pods(&self) -> usize {
        self.count
    }

    /// The dependents of an owner.
    pub(super) fn owned(&self, uid: &str) -> impl Iterator<Item = (&Ref, &Arc<Object>)> {
        self.owned.get(uid).into_iter().flatten()
    }

    /// Pods that may have all of `wanted`: those with its rarest label. None have it if `wanted` is empty.
    pub(super) fn candidates(&self, namespace: &str, wanted: &Labels) -> impl ExactSizeIterator<Item = &Arc<Object>> {
        static NONE: Set = Set::new();
        let namespace: Arc<str> = namespace.into();
        let sets = labels(&namespace, wanted).map(|label| self.pods.get(&label));
        sets.min_by_key(|set| set.map_or(0, Set::len)).flatten().unwrap_or(&NONE).values()
    }

    /// Services whose selectors may match a pod with these labels.
    pub(super) fn selecting(&self, namespace: &str, of: &Labels) -> impl Iterator<Item = (&Ref, &Arc<Object>)> {
        let namespace: Arc<str> = namespace.into();
        let labels: Vec<Label> = labels(&namespace, of).collect();
        labels.into_iter().flat_map(|label| self.selectors.get(&label).into_iter().flatten())
    }
}

fn owner_uids(meta: &Meta) -> impl Iterator<Item = &str> {
    meta.owner_references.iter().map(|owner| owner.uid.as_str())
}

fn labels(namespace: &Arc<str>, labels: &Labels) -> impl Iterator<Item = Label> {
    labels.iter().map(|(k, v)| (Arc::clone(namespace), Arc::from(k.as_str()), Arc::from(v.as_str())))
}

fn insert<K: Ord>(sets: &mut BTreeMap<K, Set>, at: K, key: &Ref, object: &Arc<Object>) {
    sets.entry(at).or_default().insert(key.clone(), Arc::clone(object));
}

fn remove<K: Ord>(sets: &mut BTreeMap<K, Set>, at: &K, key: &Ref) {
    if let Some(set) = sets.get_mut(at) {
        set.remove(key);
        if set.is_empty() {
            sets.remove(at);
        }
    }
}
