//! What is found without reading every object: dependents by owner, pods and Services by label.
//!
//! Stands for the indexers of client-go's informers (`tools/cache`). [`Store`](super::Store) keeps it true on every write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::object::{Kind, Labels, Meta, Object, Ref, Service};

/// A namespace, a label's key and its value.
type Label = (Arc<str>, Arc<str>, Arc<str>);

/// The indexes of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Dependents by an owner's uid.
    owned: BTreeMap<Arc<str>, BTreeSet<Ref>>,
    /// Pods by each of their labels.
    pods: BTreeMap<Label, BTreeSet<Ref>>,
    /// Services by the first label of their selectors: whoever they select must have it.
    selectors: BTreeMap<Label, BTreeSet<Ref>>,
}

impl Index {
    /// Takes in that `old` gave way to `new` under `key`.
    pub(super) fn replace(&mut self, key: &Ref, old: Option<&Object>, new: Option<&Object>) {
        if old.map(|o| &o.meta.owner_references) != new.map(|o| &o.meta.owner_references) {
            for uid in old.iter().flat_map(|o| owner_uids(&o.meta)) {
                remove(&mut self.owned, &Arc::from(uid), key);
            }
            for uid in new.iter().flat_map(|o| owner_uids(&o.meta)) {
                self.owned.entry(uid.into()).or_default().insert(key.clone());
            }
        }
        match key.kind {
            Kind::Pod if old.map(|o| &o.meta.labels) != new.map(|o| &o.meta.labels) => {
                for label in old.iter().flat_map(|o| labels(&key.namespace, &o.meta.labels)) {
                    remove(&mut self.pods, &label, key);
                }
                for label in new.iter().flat_map(|o| labels(&key.namespace, &o.meta.labels)) {
                    self.pods.entry(label).or_default().insert(key.clone());
                }
            }
            Kind::Service => {
                let first = |object: Option<&Object>| {
                    object?.body::<Service>().and_then(|s| labels(&key.namespace, &s.spec.selector).next())
                };
                let (old, new) = (first(old), first(new));
                if old != new {
                    if let Some(label) = old {
                        remove(&mut self.selectors, &label, key);
                    }
                    if let Some(label) = new {
                        self.selectors.entry(label).or_default().insert(key.clone());
                    }
                }
            }
            _ => {}
        }
    }

    /// The dependents of an owner.
    pub(super) fn owned(&self, uid: &str) -> impl Iterator<Item = &Ref> {
        self.owned.get(uid).into_iter().flatten()
    }

    /// Pods that may have all of `wanted`: those with its rarest label. None have it if `wanted` is empty.
    pub(super) fn candidates(&self, namespace: &str, wanted: &Labels) -> impl Iterator<Item = &Ref> {
        let namespace: Arc<str> = namespace.into();
        let sets = labels(&namespace, wanted).map(|label| self.pods.get(&label));
        sets.min_by_key(|set| set.map_or(0, BTreeSet::len)).flatten().into_iter().flatten()
    }

    /// Services whose selectors may match a pod with these labels.
    pub(super) fn selecting(&self, namespace: &str, of: &Labels) -> impl Iterator<Item = &Ref> {
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

fn remove<K: Ord>(sets: &mut BTreeMap<K, BTreeSet<Ref>>, at: &K, key: &Ref) {
    if let Some(set) = sets.get_mut(at) {
        set.remove(key);
        if set.is_empty() {
            sets.remove(at);
        }
    }
}
