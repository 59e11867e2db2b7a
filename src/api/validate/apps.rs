//! Deployments, ReplicaSets, StatefulSets and DaemonSets: `pkg/apis/apps/validation/validation.go`.

use serde_json::Value;

use super::{meta, pod, words};
use crate::api::Cause;
use crate::api::status::quoted;
use crate::object::{
    DaemonSetSpec, DeploymentSpec, IntOrString, LabelSelector, PodTemplate, ReplicaSet, RollingUpdate, StatefulSetSpec,
    Tree,
};

/// The rules of a Deployment's spec.
pub(super) fn deployment(spec: &DeploymentSpec, causes: &mut Vec<Cause>) {
    nonnegative("spec.replicas", spec.replicas, causes);
    selector_and_template(&spec.selector, &spec.template, causes);
    strategy(spec, causes);
    nonnegative("spec.minReadySeconds", spec.min_ready_seconds, causes);
    nonnegative("spec.revisionHistoryLimit", spec.revision_history_limit, causes);
    if let Some(deadline) = spec.progress_deadline_seconds {
        nonnegative("spec.progressDeadlineSeconds", Some(deadline), causes);
        if deadline <= spec.min_ready_seconds.unwrap_or(0) {
            let detail = "must be greater than minReadySeconds";
            causes.push(Cause::invalid("spec.progressDeadlineSeconds", deadline, detail));
        }
    }
}

/// The rules of a ReplicaSet.
pub(super) fn replica_set(set: &ReplicaSet, causes: &mut Vec<Cause>) {
    nonnegative("spec.replicas", set.spec.replicas, causes);
    nonnegative("spec.minReadySeconds", set.spec.min_ready_seconds, causes);
    selector_and_template(&set.spec.selector, &set.spec.template, causes);
}

/// The rule that a selector does not change.
pub(super) fn immutable_selector(old: &LabelSelector, new: &LabelSelector, causes: &mut Vec<Cause>) {
    if old != new {
        let value = Tree::write(new).to_string();
        causes.push(Cause::invalid("spec.selector", value, "field is immutable"));
    }
}

fn nonnegative(path: &str, value: Option<i32>, causes: &mut Vec<Cause>) {
    if let Some(value) = value.filter(|v| *v < 0) {
        causes.push(Cause::invalid(path, value, "must be greater than or equal to 0"));
    }
}

fn selector_and_template(selector: &LabelSelector, template: &PodTemplate, causes: &mut Vec<Cause>) {
    let none = is_empty(selector);
    if none {
        causes.push(Cause::required("spec.selector", ""));
    }
    label_selector(selector, causes);
    if none || !selector.matches(&template.metadata.labels) {
        template_labels(template, causes);
    }
    pod::template("spec.template", template, causes);
    runs_for_ever("ReplicaSet", template, causes);
}

/// Pods that a controller keeps alive have no end of their own.
fn runs_for_ever(kind: &str, template: &PodTemplate, causes: &mut Vec<Cause>) {
    let policy = &template.spec.restart_policy;
    if policy != "Always" {
        causes.push(Cause::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if template.spec.rest.get("activeDeadlineSeconds").is_some_and(Value::is_number) {
        let path = "spec.template.spec.activeDeadlineSeconds";
        causes.push(Cause::forbidden(path, format!("activeDeadlineSeconds in {kind} is not Supported")));
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.is_empty() && selector.match_expressions.is_empty()
}

fn template_labels(template: &PodTemplate, causes: &mut Vec<Cause>) {
    let labels = &template.metadata.labels;
    let value = if labels.is_empty() { "null".into() } else { serde_json::to_string(labels).unwrap_or_default() };
    let detail = "`selector` does not match template `labels`";
    causes.push(Cause::invalid("spec.template.metadata.labels", value, detail));
}

/// The rules of a StatefulSet's spec.
pub(super) fn stateful_set(spec: &StatefulSetSpec, causes: &mut Vec<Cause>) {
    if !matches!(spec.pod_management_policy.as_str(), "OrderedReady" | "Parallel") {
        let value = quoted(&spec.pod_management_policy);
        causes.push(Cause::invalid("spec.podManagementPolicy", value, "must be 'OrderedReady' or 'Parallel'"));
    }
    let strategy = &spec.update_strategy;
    match (strategy.r#type.as_str(), &strategy.rolling_update) {
        ("RollingUpdate", Some(rolling)) => {
            let path = "spec.updateStrategy.rollingUpdate";
            nonnegative(&format!("{path}.partition"), rolling.partition, causes);
            if let Some(value) = &rolling.max_unavailable {
                let path = format!("{path}.maxUnavailable");
                number_or_percent(&path, value, causes);
                if is_zero(&rolling.max_unavailable) {
                    causes.push(Cause::invalid(&path, print(value), "cannot be 0"));
                }
                at_most_all(&path, value, causes);
            }
        }
        ("RollingUpdate", None) | ("OnDelete", None) => {}
        ("OnDelete", Some(rolling)) => {
            let value = Tree::write(rolling);
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            causes.push(Cause::invalid("spec.updateStrategy.rollingUpdate", value, detail));
        }
        _ => {
            let value = Tree::write(strategy);
            causes.push(Cause::invalid("spec.updateStrategy", value, "must be 'RollingUpdate' or 'OnDelete'"));
        }
    }
    nonnegative("spec.replicas", spec.replicas, causes);
    nonnegative("spec.minReadySeconds", spec.min_ready_seconds, causes);
    for message in if spec.service_name.is_empty() { Vec::new() } else { words::dns_label(&spec.service_name) } {
        causes.push(Cause::invalid("spec.serviceName", quoted(&spec.service_name), message));
    }
    if is_empty(&spec.selector) {
        causes.push(Cause::required("spec.selector", ""));
    }
    label_selector(&spec.selector, causes);
    if is_empty(&spec.selector) || !spec.selector.matches(&spec.template.metadata.labels) {
        template_labels(&spec.template, causes);
    }
    pod::template("spec.template", &spec.template, causes);
    runs_for_ever("StatefulSet", &spec.template, causes);
}

/// What may change of a StatefulSet.
pub(super) fn stateful_set_update(old: &StatefulSetSpec, new: &StatefulSetSpec, causes: &mut Vec<Cause>) {
    let mut same = new.clone();
    same.replicas = old.replicas;
    same.template.clone_from(&old.template);
    same.update_strategy.clone_from(&old.update_strategy);
    same.min_ready_seconds = old.min_ready_seconds;
    same.ordinals.clone_from(&old.ordinals);
    same.revision_history_limit = old.revision_history_limit;
    let key = "persistentVolumeClaimRetentionPolicy";
    match old.rest.get(key) {
        Some(policy) => drop(same.rest.insert(key.to_owned(), policy.clone())),
        None => drop(same.rest.remove(key)),
    }
    if same != *old {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", detail));
    }
}

/// The rules of a DaemonSet's spec.
pub(super) fn daemon_set(spec: &DaemonSetSpec, causes: &mut Vec<Cause>) {
    label_selector(&spec.selector, causes);
    if is_empty(&spec.selector) || !spec.selector.matches(&spec.template.metadata.labels) {
        template_labels(&spec.template, causes);
    }
    pod::template("spec.template", &spec.template, causes);
    runs_for_ever("DaemonSet", &spec.template, causes);
    nonnegative("spec.minReadySeconds", spec.min_ready_seconds, causes);
    match (spec.update_strategy.r#type.as_str(), &spec.update_strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => causes.push(Cause::required("spec.updateStrategy.rollingUpdate", "")),
        ("RollingUpdate", Some(rolling)) => daemon_rolling(rolling, causes),
        (other, _) => {
            let value = format!("{{\"Type\":{},\"RollingUpdate\":null}}", quoted(other));
            let cause = Cause::not_supported("spec.updateStrategy", other, &["RollingUpdate", "OnDelete"]);
            causes.push(Cause { message: cause.message.replacen(&quoted(other), &value, 1), ..cause });
        }
    }
    nonnegative("spec.revisionHistoryLimit", spec.revision_history_limit, causes);
}

/// `ValidateRollingUpdateDaemonSet`
fn daemon_rolling(rolling: &RollingUpdate, causes: &mut Vec<Cause>) {
    let path = "spec.updateStrategy.rollingUpdate";
    let both = [("maxUnavailable", &rolling.max_unavailable), ("maxSurge", &rolling.max_surge)];
    let both = both.map(|(name, value)| (format!("{path}.{name}"), value));
    for check in [number_or_percent as fn(&str, &IntOrString, &mut Vec<Cause>), at_most_all] {
        for (path, value) in &both {
            if let Some(value) = value {
                check(path, value, causes);
            }
        }
    }
    match (is_zero(&rolling.max_unavailable), &rolling.max_surge) {
        (false, Some(surge)) if !is_zero(&rolling.max_surge) => {
            let detail = "may not be set when maxUnavailable is non-zero";
            causes.push(Cause::invalid(&both[1].0, print(surge), detail));
        }
        (true, _) if is_zero(&rolling.max_surge) => {
            causes.push(Cause::required(&both[0].0, "cannot be 0 when maxSurge is 0"));
        }
        _ => {}
    }
}

/// `IsNotMoreThan100Percent`
fn at_most_all(path: &str, value: &IntOrString, causes: &mut Vec<Cause>) {
    if let IntOrString::String(text) = value
        && percent(text).is_some_and(|n| n > 100)
    {
        causes.push(Cause::invalid(path, quoted(text), "must not be greater than 100%"));
    }
}

fn label_selector(selector: &LabelSelector, causes: &mut Vec<Cause>) {
    meta::labels("spec.selector.matchLabels", &selector.match_labels, causes);
    for (i, requirement) in selector.match_expressions.iter().enumerate() {
        let path = format!("spec.selector.matchExpressions[{i}]");
        match requirement.operator.as_str() {
            "In" | "NotIn" if requirement.values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !requirement.values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let detail = "not a valid selector operator";
                causes.push(Cause::invalid(format!("{path}.operator"), quoted(other), detail));
            }
        }
        for message in words::label_key(&requirement.key) {
            causes.push(Cause::invalid(format!("{path}.key"), quoted(&requirement.key), message));
        }
        for (j, value) in requirement.values.iter().enumerate() {
            for message in words::label_value(value) {
                causes.push(Cause::invalid(format!("{path}.values[{j}]"), quoted(value), message));
            }
        }
    }
}

fn strategy(spec: &DeploymentSpec, causes: &mut Vec<Cause>) {
    match (spec.strategy.r#type.as_str(), &spec.strategy.rolling_update) {
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden("spec.strategy.rollingUpdate", detail));
        }
        ("Recreate", None) => {}
        ("RollingUpdate", None) => {
            let detail = "this should be defaulted and never be nil";
            causes.push(Cause::required("spec.strategy.rollingUpdate", detail));
        }
        ("RollingUpdate", Some(rolling)) => {
            let unavailable = ("maxUnavailable", &rolling.max_unavailable);
            for (name, value) in [unavailable, ("maxSurge", &rolling.max_surge)] {
                if let Some(value) = value {
                    number_or_percent(&format!("spec.strategy.rollingUpdate.{name}"), value, causes);
                }
            }
            if is_zero(&rolling.max_unavailable) && is_zero(&rolling.max_surge) {
                let value = rolling.max_unavailable.as_ref().map_or("0".to_owned(), print);
                let detail = "may not be 0 when `maxSurge` is 0";
                causes.push(Cause::invalid("spec.strategy.rollingUpdate.maxUnavailable", value, detail));
            }
            if let Some(value) = &rolling.max_unavailable {
                at_most_all("spec.strategy.rollingUpdate.maxUnavailable", value, causes);
            }
        }
        (other, _) => {
            causes.push(Cause::not_supported("spec.strategy.type", other, &["Recreate", "RollingUpdate"]));
        }
    }
}

fn print(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => quoted(text),
    }
}

fn percent(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn is_zero(value: &Option<IntOrString>) -> bool {
    match value {
        None => true,
        Some(IntOrString::Int(number)) => *number == 0,
        Some(IntOrString::String(text)) => percent(text) == Some(0),
    }
}

fn number_or_percent(path: &str, value: &IntOrString, causes: &mut Vec<Cause>) {
    match value {
        IntOrString::Int(number) => nonnegative(path, Some(*number), causes),
        IntOrString::String(text) if percent(text).is_none() => {
            let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            causes.push(Cause::invalid(path, quoted(text), detail));
        }
        IntOrString::String(_) => {}
    }
}
