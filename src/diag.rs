//! What is wrong with a text: a value, not a failure.

use serde::Serialize;

use crate::text::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Accepted, but probably not meant.
    Warning,
    /// Refused.
    Error,
}

/// One finding in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// The path of the field it is about, such as `spec.ports[0].port`; empty if it is about the whole document.
    pub field: String,
    /// What the API server or kubectl says of it, to the letter.
    pub message: String,
    /// What would mend it, in the learner's language, where we can tell.
    pub hint: Option<String>,
}
