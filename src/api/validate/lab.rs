//! Our own kind: what [`crate::object::Lab::profile`] finds, in the server's words.

use super::{meta, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{Lab, Wrong};

/// The rules of a Lab.
pub(super) fn lab(lab: &Lab, causes: &mut Vec<Cause>) {
    for (i, node) in lab.spec.nodes.iter().enumerate().filter(|(_, node)| !node.name.is_empty()) {
        for message in words::dns_subdomain(&node.name) {
            causes.push(Cause::invalid(format!("spec.nodes[{i}].name"), quoted(&node.name), message));
        }
        meta::labels(&format!("spec.nodes[{i}].labels"), &node.labels, causes);
    }
    for (path, wrong) in lab.profile().err().into_iter().flatten() {
        causes.push(match wrong {
            Wrong::Required(detail) => Cause::required(path, detail),
            Wrong::Invalid(value, detail) => Cause::invalid(path, value, detail),
            Wrong::Duplicate(value) => Cause::duplicate(path, value),
            Wrong::NotSupported(value, supported) => Cause::not_supported(path, &value, supported),
            Wrong::TooMany(count, most) => Cause::too_many(path, count, most),
        });
    }
}
