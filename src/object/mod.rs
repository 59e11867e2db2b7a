//! Kubernetes' objects as the model holds them.
//!
//! Each struct types the fields that the model reads, under Kubernetes' own names; every other field of the API is kept
//! as written in `rest`, so that nothing a learner writes is lost. Trees come here only after the strict decoding of
//! [`crate::manifest`], which knows the types of all fields.
//! Knows nothing of YAML, of rules or of time's passing.

mod tree;
mod field;
mod kind;
mod meta;
mod network;
mod ingress;
mod config;
mod webhook;
mod node;
mod image;
mod profile;
mod lab;
mod selector;
mod workload;
mod sets;
mod event;
mod outage;

use serde_json::{Map, Value};

pub use config::*;
pub use event::*;
pub use field::{FieldRef, Ref};
pub use image::{App, Body as AppBody, Route};
pub use ingress::*;
pub use kind::{Kind, Row, Scope, TABLE};
pub use lab::*;
pub use meta::{Labels, Meta, OwnerReference};
pub use network::*;
pub use node::*;
pub use outage::Outages;
pub use profile::{BalancerMode, Host, KubeProxy, LabNode, Link, LoadBalancers, Opening, Profile, ProxyMode};
pub use selector::{LabelSelector, Requirement};
pub use sets::*;
pub use tree::{Misfit, Notes, Tree, from_tree};
pub use webhook::*;
pub use workload::*;

/// Fields of the API that the model does not read, kept as they were written.
pub type Rest = Map<String, Value>;

/// An object of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// `metadata`
    pub meta: Meta,
    /// Everything else, by kind.
    pub body: Body,
}

macro_rules! bodies {
    ($($kind:ident),* $(,)?) => {
        /// All of an object but its metadata.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "the variants are Kubernetes' own names")]
        pub enum Body { $($kind($kind),)* }

        impl Object {
            /// The object's kind.
            pub fn kind(&self) -> Kind {
                match &self.body { $(Body::$kind(_) => Kind::$kind,)* }
            }

            /// Reads an object from a tree that strict decoding has passed.
            ///
            /// The error names the first field that does not fit; after strict decoding there is none.
            pub fn from_value(kind: Kind, value: Value) -> Result<Self, Misfit> {
                let mut map = match value {
                    Value::Object(map) => map,
                    _ => Map::new(),
                };
                map.remove("apiVersion");
                map.remove("kind");
                let meta = from_tree(map.remove("metadata").unwrap_or_else(|| Map::new().into()))?;
                let tree = Value::Object(map);
                let body = match kind { $(Kind::$kind => Body::$kind(from_tree(tree)?),)* };
                Ok(Self { meta, body })
            }

            /// The whole object as a tree, with `apiVersion` and `kind`; keys are sorted, as kubectl prints them.
            pub fn to_value(&self) -> Value {
                let body = match &self.body { $(Body::$kind(body) => body.write(),)* };
                let Value::Object(mut map) = body else { return Value::Null };
                map.insert("apiVersion".into(), self.kind().api_version().into());
                map.insert("kind".into(), self.kind().name().into());
                map.insert("metadata".into(), self.meta.write());
                Value::Object(map)
            }
        }

        $(
            impl From<$kind> for Body {
                fn from(body: $kind) -> Self { Self::$kind(body) }
            }
            impl AsBody for $kind {
                const KIND: Kind = Kind::$kind;
                fn of(body: &Body) -> Option<&Self> {
                    if let Body::$kind(body) = body { Some(body) } else { None }
                }
                fn of_mut(body: &mut Body) -> Option<&mut Self> {
                    if let Body::$kind(body) = body { Some(body) } else { None }
                }
            }
        )*
    };
}

/// A type that is the body of one kind.
pub trait AsBody: Sized {
    /// The kind.
    const KIND: Kind;
    /// The body, if it is of this kind.
    fn of(body: &Body) -> Option<&Self>;
    /// The body, if it is of this kind.
    fn of_mut(body: &mut Body) -> Option<&mut Self>;
}

bodies!(
    Namespace,
    Node,
    Pod,
    Service,
    Endpoints,
    ReplicaSet,
    Deployment,
    EndpointSlice,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    Event,
    Lab,
    Ingress,
    IngressClass,
    Secret,
    ConfigMap,
    ValidatingWebhookConfiguration
);

impl Object {
    /// A new object of the given name; `namespace` is dropped for a kind of the whole cluster.
    pub fn new(namespace: &str, name: impl Into<String>, body: impl Into<Body>) -> Self {
        let mut object = Self { meta: Meta { name: name.into(), ..Meta::default() }, body: body.into() };
        if object.kind().is_namespaced() {
            object.meta.namespace = namespace.to_owned();
        }
        object
    }

    /// What names the object.
    pub fn key(&self) -> Ref {
        Ref::new(self.kind(), self.meta.namespace.as_str(), self.meta.name.as_str())
    }

    /// The body, if the object is of kind `T`.
    pub fn body<T: AsBody>(&self) -> Option<&T> {
        T::of(&self.body)
    }

    /// The body, if the object is of kind `T`.
    pub fn body_mut<T: AsBody>(&mut self) -> Option<&mut T> {
        T::of_mut(&mut self.body)
    }
}
