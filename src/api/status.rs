//! A refusal, in the server's words: `metav1.Status`; and in kubectl's, who composes its own text from it.
//!
//! After `k8s.io/apimachinery` `pkg/api/errors/errors.go`, `pkg/util/validation/field/errors.go` and `k8s.io/kubectl`
//! `pkg/cmd/util/helpers.go`.

use std::fmt::Display;

use serde::Serialize;

use crate::object::{Kind, Ref};

/// Why the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub enum Reason {
    NotFound,
    AlreadyExists,
    Conflict,
    Invalid,
    BadRequest,
    Forbidden,
    MethodNotAllowed,
    InternalError,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The field's path: `spec.ports[0].port`.
    pub field: String,
    /// `Invalid value: 0: must be between 1 and 65535, inclusive`: all that follows the field and a colon.
    pub message: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// HTTP code.
    pub code: u16,
    /// Why.
    pub reason: Reason,
    /// The kind of what it is about, where there is one.
    pub kind: Option<Kind>,
    /// Its name.
    pub name: String,
    /// The server's message: `services "web" not found`.
    pub message: String,
    /// For `Invalid`: every broken rule, in the server's order.
    pub causes: Vec<Cause>,
    /// Broken rules that the server tells only once this is mended, because it stopped at the allocators.
    #[serde(skip)]
    pub later: Vec<Cause>,
}

impl Cause {
    /// `Invalid value: VALUE: DETAIL`; `value` as JSON, as the server prints it in 1.37.
    pub fn invalid(field: impl Into<String>, value: impl Display, detail: impl Display) -> Self {
        Self::of(field, "Invalid value", Some(&value), &detail)
    }

    /// `Required value: DETAIL`
    pub fn required(field: impl Into<String>, detail: impl Display) -> Self {
        Self::of(field, "Required value", None, &detail)
    }

    /// `Forbidden: DETAIL`
    pub fn forbidden(field: impl Into<String>, detail: impl Display) -> Self {
        Self::of(field, "Forbidden", None, &detail)
    }

    /// `Not found: VALUE`
    pub fn not_found(field: impl Into<String>, value: impl Display) -> Self {
        Self::of(field, "Not found", Some(&value), &"")
    }

    /// `Duplicate value: VALUE`
    pub fn duplicate(field: impl Into<String>, value: impl Display) -> Self {
        Self::of(field, "Duplicate value", Some(&value), &"")
    }

    /// `Unsupported value: VALUE: supported values: "A", "B"`, the supported ones as given.
    pub fn not_supported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|v| quoted(v)).collect();
        let detail = format!("supported values: {}", list.join(", "));
        Self::of(field, "Unsupported value", Some(&quoted(value)), &detail)
    }

    /// `Too long: may not be more than N bytes`
    pub fn too_long(field: impl Into<String>, max: usize) -> Self {
        Self::of(field, "Too long", None, &format!("may not be more than {max} bytes"))
    }

    /// `Too many: N: must have at most MAX items`
    pub fn too_many(field: impl Into<String>, count: usize, max: usize) -> Self {
        Self::of(field, "Too many", Some(&count), &format!("must have at most {max} items"))
    }

    fn of(field: impl Into<String>, what: &str, value: Option<&dyn Display>, detail: &dyn Display) -> Self {
        let mut message = what.to_owned();
        if let Some(value) = value {
            message.push_str(": ");
            message.push_str(&value.to_string());
        }
        let detail = detail.to_string();
        if !detail.is_empty() {
            message.push_str(": ");
            message.push_str(&detail);
        }
        Self { field: field.into(), message }
    }
}

/// A string as Go's `%q` prints it.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t"))
}

impl Status {
    /// `services "web" not found`
    pub fn not_found(key: &Ref) -> Self {
        Self::about(404, Reason::NotFound, key, "not found")
    }

    /// `services "web" already exists`
    pub fn already_exists(key: &Ref) -> Self {
        Self::about(409, Reason::AlreadyExists, key, "already exists")
    }

    /// `pods "web" is forbidden: DETAIL`
    pub fn forbidden(key: &Ref, detail: &str) -> Self {
        Self::about(403, Reason::Forbidden, key, &format!("is forbidden: {detail}"))
    }

    /// `Operation cannot be fulfilled on services "web": DETAIL`
    pub fn conflict(key: &Ref, detail: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {}: {detail}", resource(key.kind), quoted(&key.name));
        Self { message, ..Self::about(409, Reason::Conflict, key, "") }
    }

    /// `Internal error occurred: DETAIL`
    pub fn internal(key: &Ref, detail: &str) -> Self {
        Self {
            message: format!("Internal error occurred: {detail}"),
            ..Self::about(500, Reason::InternalError, key, "")
        }
    }

    /// A request that makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self {
            code: 400,
            reason: Reason::BadRequest,
            kind: None,
            name: String::new(),
            message: message.into(),
            causes: Vec::new(),
            later: Vec::new(),
        }
    }

    /// Broken rules, at least one.
    pub fn invalid(kind: Kind, name: &str, causes: Vec<Cause>) -> Self {
        assert!(!causes.is_empty(), "an object is invalid for a reason");
        let row = kind.row();
        let title = if row.group.is_empty() { row.name.to_owned() } else { format!("{}.{}", row.name, row.group) };
        let mut texts: Vec<String> = Vec::new();
        for cause in &causes {
            let text = format!("{}: {}", cause.field, cause.message);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
        Self {
            code: 422,
            reason: Reason::Invalid,
            kind: Some(kind),
            name: name.to_owned(),
            message: format!("{title} {} is invalid: {list}", quoted(name)),
            causes,
            later: Vec::new(),
        }
    }

    fn about(code: u16, reason: Reason, key: &Ref, what: &str) -> Self {
        Self {
            code,
            reason,
            kind: Some(key.kind),
            name: key.name.to_string(),
            message: format!("{} {} {what}", resource(key.kind), quoted(&key.name)),
            causes: Vec::new(),
            later: Vec::new(),
        }
    }

    /// What kubectl prints on standard error, with its last newline.
    pub fn kubectl(&self) -> String {
        self.kubectl_doing("")
    }

    /// What kubectl prints when it was busy with a file: `doing` is `error when creating "svc.yaml": `, or empty.
    ///
    /// Broken rules are told without it, as kubectl does.
    pub fn kubectl_doing(&self, doing: &str) -> String {
        match self.reason {
            Reason::Invalid => {
                let kind = self.kind.map_or("", Kind::name);
                let mut lines: Vec<String> = Vec::new();
                for cause in &self.causes {
                    let line = format!("{}: {}", cause.field, cause.message);
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
                let head = format!("The {kind} {} is invalid: ", quoted(&self.name));
                match &lines[..] {
                    [line] => format!("{head}{line}\n"),
                    _ => lines.iter().fold(format!("{head}\n"), |text, line| format!("{text}* {line}\n")),
                }
            }
            reason => format!("Error from server ({reason:?}): {doing}{}\n", self.message),
        }
    }
}

/// `services` or `deployments.apps`.
fn resource(kind: Kind) -> String {
    let row = kind.row();
    if row.group.is_empty() { row.plural.to_owned() } else { format!("{}.{}", row.plural, row.group) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_tells_one_error_in_one_line_and_several_in_a_list() {
        let one = Cause::invalid("spec.ports[0].port", 0, "must be between 1 and 65535, inclusive");
        let status = Status::invalid(Kind::Service, "web", vec![one.clone(), one.clone()]);
        let text = "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive";
        assert_eq!(status.kubectl(), format!("The Service \"web\" is invalid: {text}\n"));
        assert_eq!(status.message, format!("Service \"web\" is invalid: {text}"));
        let two = Cause::required("spec.ports[0].name", "");
        let status = Status::invalid(Kind::Deployment, "web", vec![one, two]);
        assert_eq!(
            status.kubectl(),
            format!("The Deployment \"web\" is invalid: \n* {text}\n* spec.ports[0].name: Required value\n")
        );
        assert_eq!(
            status.message,
            format!("Deployment.apps \"web\" is invalid: [{text}, spec.ports[0].name: Required value]")
        );
    }

    #[test]
    fn other_refusals_name_their_reason() {
        let status = Status::not_found(&Ref::new(Kind::Deployment, "default", "web"));
        assert_eq!(status.kubectl(), "Error from server (NotFound): deployments.apps \"web\" not found\n");
    }
}
