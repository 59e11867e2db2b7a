//! The history of a set's template, after `pkg/controller/history/controller_history.go`.
//!
//! A revision's data is a patch of `spec.template`. Its name ends in a hash of the template: ours is FNV-1a over the template as JSON,
//! in the same letters as the real one, which cannot be had without Go. Left out: the collision count, adoption of orphans.

use serde_json::{Value, json};

use super::{Change, Outcome, owner, with_body};
use crate::api::{Store, safe_encode};
use crate::object::{ControllerRevision, Kind, Meta, Object, PodTemplate, Ref, Tree, from_tree};

/// What names a pod's revision.
pub(super) const LABEL: &str = "controller-revision-hash";

/// The revisions of a set, oldest first.
pub(super) struct History<'a> {
    all: Vec<(&'a Meta, &'a ControllerRevision)>,
}

/// The revision that a set is to have.
pub(super) struct Update {
    /// Its name.
    pub(super) name: String,
    /// The hash at the end of the name.
    pub(super) hash: String,
    /// Its number.
    pub(super) number: i64,
}

/// A hash of a template, in the letters of generated names.
pub(super) fn hash(template: &PodTemplate) -> String {
    let text = template.write().to_string();
    let sum = text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    safe_encode(&sum.to_string())
}

/// The patch that leads back to a template.
fn data(template: &PodTemplate) -> Value {
    let mut template = template.write();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

impl<'a> History<'a> {
    /// The revisions that belong to the object of a uid.
    pub(super) fn of(store: &'a Store, uid: &str) -> Self {
        let mut all: Vec<_> = store.owned::<ControllerRevision>(uid).collect();
        crate::sort::by_key(&mut all, |(meta, revision)| (revision.revision, meta.creation_timestamp));
        Self { all }
    }

    /// The revision of the template as it is now: the newest, an old one made the newest again, or one that is yet to be created.
    pub(super) fn update(
        &self,
        store: &Store,
        kind: Kind,
        meta: &Meta,
        template: &PodTemplate,
        outcome: &mut Outcome,
    ) -> Update {
        let data = data(template);
        let next = self.all.last().map_or(1, |(_, newest)| newest.revision + 1);
        if let Some(at) = self.all.iter().rposition(|(_, revision)| revision.data == data) {
            let (found, revision) = self.all[at];
            let hash = found.labels.get(LABEL).cloned().unwrap_or_default();
            let mut update = Update { name: found.name.clone(), hash, number: revision.revision };
            if at + 1 < self.all.len() {
                update.number = next;
                let body = ControllerRevision { revision: next, data };
                outcome.changes.extend(with_body(store, &key(found), body).map(Change::Put));
            }
            return update;
        }
        let hash = hash(template);
        let mut new =
            Object::new(&meta.namespace, format!("{}-{hash}", meta.name), ControllerRevision { revision: next, data });
        new.meta.labels.clone_from(&template.metadata.labels);
        new.meta.labels.insert(LABEL.into(), hash.clone());
        new.meta.owner_references = vec![owner(kind, meta)];
        let update = Update { name: new.meta.name.clone(), hash, number: next };
        outcome.changes.push(Change::Create(Box::new(new)));
        update
    }

    /// The template of the revision of this name.
    pub(super) fn template(&self, name: &str) -> Option<PodTemplate> {
        let (_, revision) = self.all.iter().find(|(meta, _)| meta.name == name)?;
        let mut template = revision.data.pointer("/spec/template")?.clone();
        template.as_object_mut()?.remove("$patch");
        from_tree(template).ok()
    }

    /// Gives up the oldest revisions that nobody uses any more, beyond the limit.
    pub(super) fn truncate(&self, limit: Option<i32>, is_live: impl Fn(&Meta) -> bool, outcome: &mut Outcome) {
        let keep = usize::try_from(limit.unwrap_or(10)).unwrap_or(usize::MAX);
        let dead: Vec<&Meta> = self.all.iter().map(|(meta, _)| *meta).filter(|meta| !is_live(meta)).collect();
        for meta in dead.iter().take(dead.len().saturating_sub(keep)) {
            outcome.changes.push(Change::Delete(key(meta)));
        }
    }
}

fn key(meta: &Meta) -> Ref {
    Ref::new(Kind::ControllerRevision, meta.namespace.as_str(), meta.name.as_str())
}
