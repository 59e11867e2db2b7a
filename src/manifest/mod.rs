//! A learner's YAML to objects: [`parse`].
//!
//! Takes a [`Source`]; gives every object that could be read and every problem, each at its place. It knows the types of
//! all fields of the kinds we serve, but nothing of the store: defaulting and validation are [`crate::api`]'s.

use std::collections::BTreeMap;

use crate::diag::Diagnostic;
use crate::object::{FieldRef, Object, Ref};
use crate::text::{Source, Span};

/// One document of a file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object as written: nothing defaulted. `metadata.namespace` is empty where none is written.
    pub object: Object,
    /// The tree as written (after YAML to JSON), which `kubectl apply` keeps as the last applied configuration.
    pub tree: serde_json::Value,
    /// The whole document.
    pub span: Span,
    /// Where each field stands, by path (`spec.ports[0].port`).
    pub fields: BTreeMap<String, FieldSpan>,
}

/// Where a field stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpan {
    /// Its key; of an item of a list, the same as `value`.
    pub key: Span,
    /// Its value.
    pub value: Span,
}

/// All that was read from one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The documents that are objects of kinds we serve, in order, whatever problems others have.
    pub manifests: Vec<Manifest>,
    /// Every problem, in the order of the text. An error means that kubectl would refuse the document.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a text of one or more YAML documents. Never panics, never stops at the first problem.
pub fn parse(_source: &Source) -> Parsed {
    todo!()
}

impl Manifest {
    /// What names the object, in `namespace` unless it names its own.
    pub fn key(&self, _namespace: &str) -> Ref {
        todo!()
    }

    /// Where the field of `at` stands, or its nearest written ancestor.
    pub fn span_of(&self, _at: &FieldRef) -> Option<FieldSpan> {
        todo!()
    }
}
