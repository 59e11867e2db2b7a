//! The types of all fields of the kinds we serve, as one table.
//!
//! `schema.txt` is made from the types of `k8s-openapi` (by `tests/schema.rs`, which also holds it to them). Its first
//! paragraph names the struct of each `apiVersion` and `kind`; after that a line is a struct, its fields and their types:
//! `s` string, `b` bool, `i` int32, `l` int64, `d` number, `p` int or string, `q` quantity, `t` time, `u` time in
//! microseconds, `y` bytes in base64, `j` any JSON, `[` list of, `{` map to, `@` struct.
//! It drives strict decoding and the editor's completion.
//!
//! # Why a table, and not the types themselves
//!
//! Both ways of typing objects were measured with every kind of [`crate::object::Kind`] linked, as a `cdylib` for
//! `wasm32-unknown-unknown` with one exported function from YAML text to objects and back to YAML and JSON. Rust 1.95,
//! `lto = "fat"`, `codegen-units = 1`, `panic = "abort"`, `strip`, then `wasm-opt` 132 at the same level, then `brotli -q 11`.
//!
//! | bytes after wasm-opt, and of those in brotli | `opt-level = "z"` | `opt-level = "s"` |
//! | --- | --- | --- |
//! | (a) `k8s-openapi` structs, `serde_yaml`, 8 kinds | 786,367 · 224,633 | 1,110,869 · 262,547 |
//! | (a) with StatefulSet, DaemonSet, Ingress, NetworkPolicy, Secret and 3 more | 899,459 · 250,426 | 1,283,522 · 289,403 |
//! | (a) with those, strict by `serde_ignored` and `serde_path_to_error` | 1,290,926 · 316,922 | 2,438,953 · 344,039 |
//! | (b) this table and our structs by `serde`'s derive, 8 kinds | 411,340 · 146,540 | |
//! | (b) this table and our structs by tables of fields (`object::tree`), 8 kinds | 295,624 · 110,919 | 360,020 · 125,007 |
//!
//! Only (b) knows the place of every field, goes on after a mistake and speaks in the server's words; (a) stops at the
//! first mistyped value and knows no places, strict or not. The whole page may weigh 318 KB. So it is (b); the table
//! itself is 19 KB, 4.5 KB in brotli.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The types of fields, by struct.
pub(crate) struct Schema {
    roots: Vec<(&'static str, &'static str, &'static str)>,
    structs: BTreeMap<&'static str, Vec<(&'static str, Type)>>,
}

/// The type of a field, in the table's notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type(&'static str);

/// A type, taken apart one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    String,
    Bool,
    Int32,
    Int64,
    Number,
    IntOrString,
    Quantity,
    Time,
    MicroTime,
    Bytes,
    Any,
    List(Type),
    Map(Type),
    Struct(&'static str),
}

impl Schema {
    /// The table; read once.
    pub(crate) fn get() -> &'static Self {
        static TABLE: OnceLock<Schema> = OnceLock::new();
        TABLE.get_or_init(|| Self::read(include_str!("schema.txt")))
    }

    fn read(text: &'static str) -> Self {
        let (roots, structs) = text.split_once("\n\n").unwrap_or_default();
        let roots = roots.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?, words.next()?))
        });
        let structs = structs.lines().filter_map(|line| {
            let (name, fields) = line.split_once(' ')?;
            let fields = fields.split(' ').filter_map(|field| field.split_once(':')).map(|(name, of)| (name, Type(of)));
            Some((name, fields.collect()))
        });
        Self { roots: roots.collect(), structs: structs.collect() }
    }

    /// The struct of a kind.
    pub(crate) fn root(&self, api_version: &str, kind: &str) -> Option<&'static str> {
        self.roots.iter().find(|(a, k, _)| *a == api_version && *k == kind).map(|(_, _, name)| *name)
    }

    /// A struct's fields, by name.
    pub(crate) fn fields(&self, of: &str) -> &[(&'static str, Type)] {
        self.structs.get(of).map_or(&[], Vec::as_slice)
    }

    /// The type of a struct's field.
    pub(crate) fn field(&self, of: &str, name: &str) -> Option<Type> {
        let fields = self.fields(of);
        fields.binary_search_by(|(field, _)| (*field).cmp(name)).ok().map(|at| fields[at].1)
    }
}

impl Type {
    /// Any JSON.
    pub(crate) const ANY: Self = Self("j");

    /// The type, taken apart one level.
    pub(crate) fn shape(self) -> Shape {
        match self.0.split_at_checked(1) {
            Some(("s", _)) => Shape::String,
            Some(("b", _)) => Shape::Bool,
            Some(("i", _)) => Shape::Int32,
            Some(("l", _)) => Shape::Int64,
            Some(("d", _)) => Shape::Number,
            Some(("p", _)) => Shape::IntOrString,
            Some(("q", _)) => Shape::Quantity,
            Some(("t", _)) => Shape::Time,
            Some(("u", _)) => Shape::MicroTime,
            Some(("y", _)) => Shape::Bytes,
            Some(("[", of)) => Shape::List(Self(of)),
            Some(("{", of)) => Shape::Map(Self(of)),
            Some(("@", name)) => Shape::Struct(name),
            _ => Shape::Any,
        }
    }
}

/// A struct's name as Go prints it: without the group that tells two of the same name apart.
pub(crate) fn go_name(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_fields_of_kinds() {
        let schema = Schema::get();
        assert_eq!(schema.root("v1", "Service"), Some("Service"));
        let port = schema.field("ServicePort", "targetPort").unwrap();
        assert_eq!(port.shape(), Shape::IntOrString);
        assert_eq!(schema.field("ServicePort", "targetport"), None);
    }

    #[test]
    fn every_struct_that_is_named_is_there_and_fields_are_sorted() {
        fn named(of: Type) -> Option<&'static str> {
            match of.shape() {
                Shape::List(of) | Shape::Map(of) => named(of),
                Shape::Struct(name) => Some(name),
                _ => None,
            }
        }
        let schema = Schema::get();
        for (name, fields) in &schema.structs {
            assert!(fields.is_sorted_by(|a, b| a.0 < b.0), "{name}");
            for to in fields.iter().filter_map(|(_, of)| named(*of)) {
                assert!(!schema.fields(to).is_empty(), "{name} names {to}");
            }
        }
    }
}
