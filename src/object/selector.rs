//! Label selectors, as in `k8s.io/apimachinery` `pkg/apis/meta/v1` and `pkg/labels`.

use super::Labels;
use super::tree::fields;

/// `LabelSelector`: matches what fits every part of it; empty, it matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSelector {
    /// Requirements on sets of values.
    pub match_expressions: Vec<Requirement>,
    /// Values that must be there.
    pub match_labels: Labels,
}

fields!(LabelSelector {
    match_expressions "matchExpressions",
    match_labels "matchLabels",
});

/// `LabelSelectorRequirement`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values meant.
    pub values: Vec<String>,
}

fields!(Requirement {
    key "key" always,
    operator "operator" always,
    values "values",
});

impl LabelSelector {
    /// Whether the labels fit.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.match_expressions.iter().all(|r| r.matches(labels))
    }
}

impl Requirement {
    /// Whether the labels fit.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|v| self.values.contains(v)),
            "NotIn" => value.is_none_or(|v| !self.values.contains(v)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}
