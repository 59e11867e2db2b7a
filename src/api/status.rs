//! A refusal, in the server's words: `metav1.Status`.

use serde::Serialize;

use crate::object::Kind;

/// Why the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Reason {
    NotFound,
    AlreadyExists,
    Conflict,
    Invalid,
    BadRequest,
    Forbidden,
    MethodNotAllowed,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The field's path: `spec.ports[0].port`.
    pub field: String,
    /// `Invalid value: 0: must be between 1 and 65535, inclusive`: all that follows the field and a colon.
    pub message: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// HTTP code.
    pub code: u16,
    /// Why.
    pub reason: Reason,
    /// The kind of what it is about, where there is one.
    pub kind: Option<Kind>,
    /// Its name.
    pub name: String,
    /// The server's message: `services "web" not found`.
    pub message: String,
    /// For `Invalid`: every broken rule, in the server's order.
    pub causes: Vec<Cause>,
}
