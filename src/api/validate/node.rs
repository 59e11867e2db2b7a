//! Nodes: what of `ValidateNode` a person may come to, its taints.

use super::{pod, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::NodeSpec;

/// The rules of a Node's spec.
pub(super) fn node(spec: &NodeSpec, causes: &mut Vec<Cause>) {
    for (i, taint) in spec.taints.iter().enumerate() {
        let at = format!("spec.taints[{i}]");
        let (key, value, effect) = (quoted(&taint.key), quoted(&taint.value), quoted(&taint.effect));
        for message in words::label_key(&taint.key) {
            causes.push(Cause::invalid(format!("{at}.key"), &key, message));
        }
        let wrong = words::label_value(&taint.value);
        if !wrong.is_empty() {
            causes.push(Cause::invalid(format!("{at}.value"), &value, wrong.join(";")));
        }
        if taint.effect.is_empty() {
            causes.push(Cause::required(format!("{at}.effect"), ""));
        } else {
            pod::taint_effect(&format!("{at}.effect"), &taint.effect, causes);
        }
        if spec.taints[..i].iter().any(|other| (&other.key, &other.effect) == (&taint.key, &taint.effect)) {
            let dump = format!("{{\"Key\":{key},\"Value\":{value},\"Effect\":{effect},\"TimeAdded\":null}}");
            causes.push(Cause::duplicate(at, dump + ": taints must be unique by key and effect pair"));
        }
    }
}
