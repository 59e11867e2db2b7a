//! Nodes: what of `ValidateNode` a person may come to, its taints.

use serde_json::Value;

use super::{pod, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::NodeSpec;

/// The rules of a Node's spec.
pub(super) fn node(spec: &NodeSpec, causes: &mut Vec<Cause>) {
    let taints = spec.rest.get("taints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |taint: &Value, key: &str| taint.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (i, taint) in taints.iter().enumerate() {
        let at = format!("spec.taints[{i}]");
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        for message in words::label_key(&key) {
            causes.push(Cause::invalid(format!("{at}.key"), quoted(&key), message));
        }
        let wrong = words::label_value(&value);
        if !wrong.is_empty() {
            causes.push(Cause::invalid(format!("{at}.value"), quoted(&value), wrong.join(";")));
        }
        if effect.is_empty() {
            causes.push(Cause::required(format!("{at}.effect"), ""));
        } else {
            pod::taint_effect(&format!("{at}.effect"), &effect, causes);
        }
        if taints[..i].iter().any(|other| (text(other, "key"), text(other, "effect")) == (key.clone(), effect.clone()))
        {
            let dump = format!(
                "{{\"Key\":{},\"Value\":{},\"Effect\":{},\"TimeAdded\":null}}: taints must be unique by key and effect pair",
                quoted(&key),
                quoted(&value),
                quoted(&effect)
            );
            causes.push(Cause::duplicate(at, dump));
        }
    }
}
