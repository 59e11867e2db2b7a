//! Structs to trees and back, by tables of fields: [`fields!`].
//!
//! `serde`'s derive does the same, at ten times the size: every struct brings its own visitor for every way of reading.
//! Ours are only ever read from a [`Value`] that strict decoding has passed, and only ever written to one.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// A type that is read from a tree and written to one.
///
/// What is not there, or null, is the default; a default is not written unless its row says `always`.
pub trait Tree: Default {
    /// Reads a value; one of another type is noted and read as the default.
    fn read(value: Value, notes: &mut Notes) -> Self;
    /// The value.
    fn write(&self) -> Value;
    /// Whether the field is left out.
    fn is_unset(&self) -> bool {
        false
    }
}

/// What did not fit, while a tree is read.
#[derive(Debug, Default)]
pub struct Notes {
    key: &'static str,
    misfit: Option<Misfit>,
}

/// A field whose value is not of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit(&'static str);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {:?} is not of its type", self.0)
    }
}

/// Reads a whole tree; after strict decoding everything fits.
pub fn from_tree<T: Tree>(value: Value) -> Result<T, Misfit> {
    let mut notes = Notes::default();
    let read = T::read(value, &mut notes);
    notes.misfit.map_or(Ok(read), Err)
}

impl Notes {
    /// Notes that the value at hand is not of its type.
    pub(super) fn misfit<T: Default>(&mut self) -> T {
        self.misfit.get_or_insert(Misfit(self.key));
        T::default()
    }

    /// Reads a field out of a map.
    pub(super) fn take<T: Tree>(&mut self, map: &mut Map<String, Value>, key: &'static str) -> T {
        match map.remove(key) {
            None | Some(Value::Null) => T::default(),
            Some(value) => {
                self.key = key;
                T::read(value, self)
            }
        }
    }
}

/// Writes a field into a map, unless it is unset.
pub(super) fn put<T: Tree>(map: &mut Map<String, Value>, key: &'static str, value: &T) {
    if !value.is_unset() {
        map.insert(key.to_owned(), value.write());
    }
}

/// A struct's fields and their names in the API; `always` writes a field even where it is the default, and `rest` keeps
/// all that the table does not name.
macro_rules! fields {
    ($name:ident { $($field:ident $key:literal $($always:ident)?),* $(,)? } $($rest:ident)?) => {
        impl $crate::object::tree::Tree for $name {
            #[inline(never)]
            fn read(value: serde_json::Value, notes: &mut $crate::object::tree::Notes) -> Self {
                let serde_json::Value::Object(mut map) = value else { return notes.misfit() };
                Self { $($field: notes.take(&mut map, $key),)* $($rest: map)? }
            }
            #[inline(never)]
            fn write(&self) -> serde_json::Value {
                let mut map = fields!(@start self $($rest)?);
                $(fields!(@put map $key, self.$field $(, $always)?);)*
                serde_json::Value::Object(map)
            }
        }
    };
    (@start $self:ident rest) => { $self.rest.clone() };
    (@start $self:ident) => { serde_json::Map::new() };
    (@put $map:ident $key:literal, $value:expr, always) => {
        $map.insert($key.to_owned(), $crate::object::tree::Tree::write(&$value));
    };
    (@put $map:ident $key:literal, $value:expr) => { $crate::object::tree::put(&mut $map, $key, &$value); };
}
pub(super) use fields;

impl Tree for String {
    fn read(value: Value, notes: &mut Notes) -> Self {
        if let Value::String(text) = value { text } else { notes.misfit() }
    }
    fn write(&self) -> Value {
        Value::String(self.clone())
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

impl Tree for bool {
    fn read(value: Value, notes: &mut Notes) -> Self {
        if let Value::Bool(value) = value { value } else { notes.misfit() }
    }
    fn write(&self) -> Value {
        Value::Bool(*self)
    }
    fn is_unset(&self) -> bool {
        !*self
    }
}

impl Tree for i64 {
    fn read(value: Value, notes: &mut Notes) -> Self {
        value.as_i64().unwrap_or_else(|| notes.misfit())
    }
    fn write(&self) -> Value {
        (*self).into()
    }
    fn is_unset(&self) -> bool {
        *self == 0
    }
}

impl Tree for i32 {
    fn read(value: Value, notes: &mut Notes) -> Self {
        value.as_i64().and_then(|n| n.try_into().ok()).unwrap_or_else(|| notes.misfit())
    }
    fn write(&self) -> Value {
        (*self).into()
    }
    fn is_unset(&self) -> bool {
        *self == 0
    }
}

impl Tree for Value {
    fn read(value: Value, _notes: &mut Notes) -> Self {
        value
    }
    fn write(&self) -> Value {
        self.clone()
    }
    fn is_unset(&self) -> bool {
        self.is_null()
    }
}

impl<T: Tree> Tree for Option<T> {
    fn read(value: Value, notes: &mut Notes) -> Self {
        Some(T::read(value, notes))
    }
    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }
    fn is_unset(&self) -> bool {
        self.is_none()
    }
}

impl<T: Tree> Tree for Vec<T> {
    fn read(value: Value, notes: &mut Notes) -> Self {
        let Value::Array(items) = value else { return notes.misfit() };
        items.into_iter().map(|item| T::read(item, notes)).collect()
    }
    fn write(&self) -> Value {
        Value::Array(self.iter().map(T::write).collect())
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Tree> Tree for BTreeMap<String, T> {
    fn read(value: Value, notes: &mut Notes) -> Self {
        let Value::Object(map) = value else { return notes.misfit() };
        map.into_iter().map(|(key, value)| (key, T::read(value, notes))).collect()
    }
    fn write(&self) -> Value {
        Value::Object(self.iter().map(|(key, value)| (key.clone(), value.write())).collect())
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

impl Tree for Map<String, Value> {
    fn read(value: Value, notes: &mut Notes) -> Self {
        if let Value::Object(map) = value { map } else { notes.misfit() }
    }
    fn write(&self) -> Value {
        Value::Object(self.clone())
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// Clients may send times, but the server sets its own: what they sent is read as the birth.
impl Tree for crate::time::Instant {
    fn read(_value: Value, _notes: &mut Notes) -> Self {
        Self::ZERO
    }
    fn write(&self) -> Value {
        Value::String(self.rfc3339())
    }
}
