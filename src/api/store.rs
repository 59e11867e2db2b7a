//! Objects by key, their resource versions, and the log of changes that watches read. Stands for etcd and its watch cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::object::{AsBody, Kind, Meta, Object, Ref};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It came or it changed.
    Put,
    /// It went.
    Removed,
}

/// The store. A clone is cheap: objects are shared.
#[derive(Clone, Debug, Default)]
pub struct Store {
    objects: BTreeMap<Ref, Arc<Object>>,
    revision: u64,
    log: Vec<(Ref, Event)>,
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
        self.objects.insert(key.clone(), Arc::clone(&object));
        self.log.push((key, Event::Put));
        object
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &Ref) -> Option<Arc<Object>> {
        let gone = self.objects.remove(key)?;
        self.revision += 1;
        self.log.push((key.clone(), Event::Removed));
        Some(gone)
    }
}
