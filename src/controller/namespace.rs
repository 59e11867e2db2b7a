//! The end of a namespace: its content goes first, after `pkg/controller/namespace`.

use super::{Change, Outcome};
use crate::api::Store;
use crate::object::{Kind, Ref};

/// Deletes the content of a namespace that is being deleted, and the namespace when nothing is left.
#[inline(never)]
pub(super) fn reconcile(store: &Store, key: &Ref) -> Outcome {
    let mut outcome = Outcome::default();
    if store.get(key).is_none_or(|object| object.meta.deletion_timestamp.is_none()) {
        return outcome;
    }
    let mut empty = true;
    for kind in Kind::all().filter(|kind| kind.is_namespaced()) {
        for object in store.list(kind, Some(&key.name)) {
            empty = false;
            if object.meta.deletion_timestamp.is_none() {
                outcome.changes.push(Change::Delete(object.key()));
            }
        }
    }
    if empty {
        outcome.changes.push(Change::Remove(key.clone()));
    }
    outcome
}
