//! What has lost its owner goes: background deletion, after `pkg/controller/garbagecollector`.

use super::{Change, Outcome};
use crate::api::Store;
use crate::object::{Kind, Ref};

/// Deletes an object all of whose owners are gone.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref) -> Outcome {
    let Some(object) = store.get(key) else { return Outcome::default() };
    let owners = &object.meta.owner_references;
    // An owner of a kind that the lab does not serve is taken to live.
    let lives = |owner: &crate::object::OwnerReference| {
        Kind::from_api(&owner.api_version, &owner.kind).is_none_or(|kind| {
            let key = Ref::new(kind, key.namespace.clone(), owner.name.as_str());
            store.get(&key).is_some_and(|found| found.meta.uid == owner.uid)
        })
    };
    if owners.is_empty() || owners.iter().any(lives) || object.meta.deletion_timestamp.is_some() {
        return Outcome::default();
    }
    Outcome { changes: vec![Change::Delete(key.clone())], ..Outcome::default() }
}
