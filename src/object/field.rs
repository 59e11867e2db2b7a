//! The address of one fact: an object and the path of a field in it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kind;

/// What names an object: kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for a kind of the whole cluster.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Ref {
    /// The object's name in the lab; the namespace is dropped for a kind of the whole cluster.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        let namespace = if kind.is_namespaced() { namespace.into() } else { "".into() };
        Self { kind, namespace, name: name.into() }
    }
}

/// `Service/default/web` or `Node/minikube`, as traces name objects.
impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind.name(), self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind.name(), self.namespace, self.name)
        }
    }
}

/// One fact: a field of an object. It stays valid while the text around it is edited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldRef {
    /// The object.
    pub object: Ref,
    /// The field's path as the API server writes it: `spec.ports[0].targetPort`, `spec.selector[app]` or
    /// `metadata.labels[a.b/c]` for an entry of a map of strings.
    pub path: Arc<str>,
}

impl FieldRef {
    /// The field at `path` of `object`.
    pub fn new(object: Ref, path: impl Into<Arc<str>>) -> Self {
        Self { object, path: path.into() }
    }
}
