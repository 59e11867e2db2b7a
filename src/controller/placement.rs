//! Which nodes a pod may be on: node selector, node affinity, taints and what tolerates them.
//!
//! After `k8s.io/component-helpers` `scheduling/corev1` (`nodeaffinity`, `helpers.go`) and `k8s.io/api` `core/v1/toleration.go`.

use serde_json::Value;

use crate::object::{Meta, Node, PodSpec, Requirement, Taint};

/// Whether a pod's node selector and required node affinity fit a node.
pub(super) fn is_wanted(node: &Meta, spec: &PodSpec) -> bool {
    if !spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value)) {
        return false;
    }
    let required = spec.rest.get("affinity").and_then(|affinity| {
        affinity.pointer("/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")?.as_array()
    });
    // Terms are alternatives; one that asks for nothing fits nothing.
    required.is_none_or(|terms| terms.iter().any(|term| fits(node, term)))
}

fn fits(node: &Meta, term: &Value) -> bool {
    let list = |key: &str| term.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (labels, fields) = (list("matchExpressions"), list("matchFields"));
    let name = [("metadata.name".to_owned(), node.name.clone())].into();
    !(labels.is_empty() && fields.is_empty())
        && labels.iter().all(|requirement| requires(requirement, &node.labels))
        && fields.iter().all(|requirement| requires(requirement, &name))
}

fn requires(requirement: &Value, labels: &crate::object::Labels) -> bool {
    let text = |key: &str| requirement.get(key).and_then(Value::as_str).unwrap_or_default();
    let values = requirement.get("values").and_then(Value::as_array).into_iter().flatten();
    let values: Vec<String> = values.filter_map(Value::as_str).map(str::to_owned).collect();
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
    let (key, operator) = (text("key").to_owned(), text("operator"));
    match operator {
        "Gt" | "Lt" => match (number(labels.get(&key)), number(values.first())) {
            (Some(has), Some(than)) => {
                if operator == "Gt" {
                    has > than
                } else {
                    has < than
                }
            }
            _ => false,
        },
        _ => Requirement { key, operator: operator.to_owned(), values }.matches(labels),
    }
}

/// The first of a node's taints of some effects that a pod does not tolerate.
pub(super) fn untolerated<'n>(node: &'n Node, spec: &PodSpec, effects: &[&str]) -> Option<&'n Taint> {
    let mut taints = node.spec.taints.iter().filter(|taint| effects.contains(&taint.effect.as_str()));
    taints.find(|taint| !tolerates(spec, taint))
}

/// Whether a pod tolerates a taint, for however long.
pub(super) fn tolerates(spec: &PodSpec, taint: &Taint) -> bool {
    matching(spec, taint).next().is_some()
}

/// For how many seconds a pod tolerates a taint: none at all, or for ever.
pub(super) fn patience(spec: &PodSpec, taints: &[&Taint]) -> Option<Patience> {
    let mut least: Option<u64> = None;
    for taint in taints {
        let Some(toleration) = matching(spec, taint).next() else { return Some(Patience::None) };
        if let Some(seconds) = toleration.get("tolerationSeconds").and_then(Value::as_i64) {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            least = Some(least.map_or(seconds, |least| least.min(seconds)));
        }
    }
    least.map(Patience::Seconds)
}

/// How long a pod bears its node's taints, if not for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// So many seconds.
    Seconds(u64),
}

fn matching<'s>(spec: &'s PodSpec, taint: &Taint) -> impl Iterator<Item = &'s Value> {
    let tolerations = spec.rest.get("tolerations").and_then(Value::as_array).into_iter().flatten();
    tolerations.filter(move |toleration| {
        let part = |name: &str| toleration.get(name).and_then(Value::as_str).unwrap_or_default();
        let exists = part("operator") == "Exists";
        (part("effect").is_empty() || part("effect") == taint.effect)
            && (part("key") == taint.key || (part("key").is_empty() && exists))
            && (exists || part("value") == taint.value)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(rest: Value) -> PodSpec {
        crate::object::from_tree(rest).unwrap()
    }

    #[test]
    fn terms_are_alternatives_and_requirements_add_up() {
        let mut node = Meta { name: "n1".into(), ..Meta::default() };
        node.labels = [("disk", "ssd"), ("cores", "8")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let wants = |terms: Value| {
            let required = json!({"nodeSelectorTerms": terms});
            is_wanted(
                &node,
                &spec(
                    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}),
                ),
            )
        };
        let ssd = json!({"key": "disk", "operator": "In", "values": ["ssd"]});
        let many = json!({"key": "cores", "operator": "Gt", "values": ["8"]});
        let name = json!({"key": "metadata.name", "operator": "In", "values": ["n1"]});
        assert!(wants(json!([{"matchExpressions": [ssd]}])));
        assert!(!wants(json!([{"matchExpressions": [ssd, many]}])));
        assert!(wants(json!([{"matchExpressions": [many]}, {"matchFields": [name]}])));
        assert!(!wants(json!([{}])), "a term that asks for nothing fits nothing");
    }

    #[test]
    fn patience_is_that_of_the_first_toleration_that_fits() {
        let taint = Taint::new("gone", "NoExecute");
        let patience = |tolerations: Value| patience(&spec(json!({"tolerations": tolerations})), &[&taint]);
        assert_eq!(patience(json!([])), Some(Patience::None));
        assert_eq!(patience(json!([{"operator": "Exists"}])), None);
        let short = json!({"key": "gone", "operator": "Exists", "tolerationSeconds": 30});
        assert_eq!(patience(json!([short, {"operator": "Exists"}])), Some(Patience::Seconds(30)));
        assert_eq!(patience(json!([{"key": "gone", "value": "x"}])), Some(Patience::None));
    }
}
