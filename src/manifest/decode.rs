//! A tree to an object's JSON, strictly: unknown fields and mistyped values, all of them, each at its place.
//!
//! Stands for the API server's decoder: `kubernetes-sigs/json` (a fork of Go's `encoding/json`, whose wording of mistyped
//! values it has) and `k8s.io/apimachinery` `pkg/runtime/serializer/json`. The server stops at the first mistyped value
//! and then says nothing of unknown fields; [`Decoded::refusal`] is what it says, [`Decoded::problems`] is everything.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::FieldSpan;
use super::quantity;
use super::schema::{Schema, Shape, Type, go_name};
use super::yaml::{Data, Entry, Node};
use crate::diag::{Diagnostic, Hint, Severity};
use crate::text::Span;

/// How many problems are told of one document.
pub(super) const MAX_PROBLEMS: usize = 1000;

/// How many unknown fields the server names.
const MAX_UNKNOWN: usize = 100;

/// A document, decoded.
pub(super) struct Decoded {
    /// As written.
    pub(super) tree: Value,
    /// As Go's decoder leaves it: a null is a field that is not there, or an empty item.
    pub(super) settled: Value,
    /// Where each field stands.
    pub(super) fields: BTreeMap<String, FieldSpan>,
    /// Every problem, in the server's order.
    pub(super) problems: Vec<Diagnostic>,
    /// What the server says after `cannot be handled as a Service: `; none if it accepts the document.
    pub(super) refusal: Option<String>,
}

/// Decodes a document whose root is the struct `root`.
pub(super) fn decode(node: &Node, root: &'static str, text: &str) -> Decoded {
    let mut decoder = Decoder {
        schema: Schema::get(),
        text,
        fields: BTreeMap::new(),
        problems: Vec::new(),
        unknown: Vec::new(),
        mistyped: None,
        fatal: None,
        nulls: false,
        path: String::new(),
        owners: Vec::new(),
    };
    let tree = decoder.value(node, Shape::Struct(root));
    let mut settled = tree.clone();
    if decoder.nulls {
        settle(&mut settled, Shape::Struct(root), decoder.schema);
    }
    let unknown = || {
        let all: Vec<_> = decoder.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
        (!all.is_empty()).then(|| format!("strict decoding error: {}", all.join(", ")))
    };
    let refusal = decoder.fatal.take().or_else(|| decoder.mistyped.take()).or_else(unknown);
    Decoded { tree, settled, fields: decoder.fields, problems: decoder.problems, refusal }
}

struct Decoder<'a> {
    schema: &'static Schema,
    text: &'a str,
    fields: BTreeMap<String, FieldSpan>,
    problems: Vec<Diagnostic>,
    unknown: Vec<String>,
    /// The first value of a wrong type.
    mistyped: Option<String>,
    /// The first value that a type's own decoder refuses: Go stops there.
    fatal: Option<String>,
    nulls: bool,
    path: String,
    /// The structs around a value, outermost first, each with its path and the field of it that is being read.
    owners: Vec<Owner<'a>>,
}

struct Owner<'a> {
    name: &'static str,
    /// How much of the path leads to it.
    path: usize,
    field: &'a str,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, node: &'a Node, shape: Shape) -> Value {
        if node.data == Data::Null {
            self.nulls = true;
            return Value::Null;
        }
        match (&node.data, shape) {
            (Data::Map(entries), Shape::Struct(name)) => return self.structure(entries, name),
            (Data::Map(entries), Shape::Map(of)) => return self.map(entries, of),
            (Data::List(items), Shape::List(of)) => return self.list(items, of),
            (_, Shape::Any) => return self.any(node),
            _ => {}
        }
        if let Err(wrong) = check(&node.data, shape) {
            self.mistyped(node, shape, wrong);
        }
        self.any(node)
    }

    fn structure(&mut self, entries: &'a [Entry], name: &'static str) -> Value {
        let path = self.path.len();
        self.owners.push(Owner { name, path, field: "" });
        let mut map = Map::new();
        for entry in sorted(entries) {
            if path > 0 {
                self.path.push('.');
            }
            self.path.push_str(&entry.key);
            if let Some(owner) = self.owners.last_mut() {
                owner.field = &entry.key;
            }
            self.place(entry.key_span, entry.value.span);
            let value = match self.schema.field(name, &entry.key) {
                Some(of) => self.value(&entry.value, of.shape()),
                None => {
                    self.unknown_field(entry, name, path);
                    self.any(&entry.value)
                }
            };
            map.insert(entry.key.clone(), value);
            self.path.truncate(path);
        }
        self.owners.pop();
        Value::Object(map)
    }

    fn map(&mut self, entries: &'a [Entry], of: Type) -> Value {
        let mut map = Map::new();
        for entry in sorted(entries) {
            let path = self.enter(format_args!("[{}]", entry.key));
            self.place(entry.key_span, entry.value.span);
            map.insert(entry.key.clone(), self.value(&entry.value, of.shape()));
            self.path.truncate(path);
        }
        Value::Object(map)
    }

    fn list(&mut self, items: &'a [Node], of: Type) -> Value {
        let mut list = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let path = self.enter(format_args!("[{i}]"));
            self.place(item.span, item.span);
            list.push(self.value(item, of.shape()));
            self.path.truncate(path);
        }
        Value::Array(list)
    }

    /// A value whose type nobody knows.
    fn any(&mut self, node: &'a Node) -> Value {
        match &node.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(number) => Value::Number(number.clone()),
            Data::String(text) => Value::String(text.clone()),
            Data::List(items) => self.list(items, Type::ANY),
            Data::Map(entries) => {
                let mut map = Map::new();
                for entry in sorted(entries) {
                    let path = self.enter(format_args!(".{}", entry.key));
                    self.place(entry.key_span, entry.value.span);
                    map.insert(entry.key.clone(), self.any(&entry.value));
                    self.path.truncate(path);
                }
                Value::Object(map)
            }
        }
    }

    /// Goes one step down; gives the length of the path to come back to.
    fn enter(&mut self, step: std::fmt::Arguments<'_>) -> usize {
        let path = self.path.len();
        // Writing to a string cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut self.path, step);
        path
    }

    fn place(&mut self, key: Span, value: Span) {
        self.fields.insert(self.path.clone(), FieldSpan { key, value });
    }

    fn unknown_field(&mut self, entry: &Entry, name: &'static str, path: usize) {
        if self.unknown.len() < MAX_UNKNOWN {
            self.unknown.push(self.path.clone());
        }
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let hint = self.mend(&entry.key, name, path);
        self.problems.push(Diagnostic {
            severity: Severity::Error,
            span: entry.key_span,
            field: self.path.clone(),
            message: format!("strict decoding error: unknown field {:?}", self.path),
            hint,
        });
    }

    /// What an unknown field was probably meant to be.
    fn mend(&self, key: &str, name: &'static str, path: usize) -> Option<Hint> {
        let fields = self.schema.fields(name);
        if let Some((field, _)) = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(key)) {
            return Some(Hint::DidYouMean((*field).to_owned()));
        }
        let near = fields.iter().map(|(field, _)| (distance(key, field), *field)).min();
        if let Some((far, field)) = near
            && far <= 2
            && far * 3 <= key.len()
        {
            return Some(Hint::DidYouMean(field.to_owned()));
        }
        let at = |end: usize, rest: String| match &self.path[..end] {
            "" => Some(Hint::Moved(rest)),
            start => Some(Hint::Moved(format!("{start}.{rest}"))),
        };
        // How Ingresses were written before networking.k8s.io/v1.
        match (name, key) {
            ("IngressBackend", "serviceName") => return at(path, "service.name".into()),
            ("IngressBackend", "servicePort") => return at(path, "service.port.number".into()),
            ("IngressSpec", "backend") => return Some(Hint::DidYouMean("defaultBackend".into())),
            _ => {}
        }
        let above = self.owners.iter().rev().skip(1).find(|o| self.schema.field(o.name, key).is_some());
        if let Some(owner) = above {
            return at(owner.path, key.to_owned());
        }
        fields.iter().find_map(|(field, of)| match of.shape() {
            Shape::Struct(child) if self.schema.field(child, key).is_some() => at(path, format!("{field}.{key}")),
            Shape::List(of) => match of.shape() {
                Shape::Struct(child) if self.schema.field(child, key).is_some() => {
                    at(path, format!("{field}[0].{key}"))
                }
                _ => None,
            },
            _ => None,
        })
    }

    fn mistyped(&mut self, node: &Node, of: Shape, wrong: Wrong) {
        let (message, fatal) = match wrong {
            Wrong::Here(message) => (message, true),
            Wrong::Type { found, want, fatal } => {
                let (owner, field) = self.owners.last().map_or(("", ""), |o| (go_name(o.name), o.field));
                let want = want.map_or_else(|| go_type(of, owner, field), str::to_owned);
                let stack: Vec<_> = self.owners.iter().map(|o| o.field).collect();
                let stack = stack.join(".");
                let place = format!("Go struct field {owner}.{stack}");
                (format!("json: cannot unmarshal {found} into {place} of type {want}"), fatal)
            }
        };
        let first = if fatal { &mut self.fatal } else { &mut self.mistyped };
        first.get_or_insert_with(|| message.clone());
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let written = self.text.get(node.span.start as usize..node.span.end as usize).unwrap_or_default();
        let hint = match (&node.data, of) {
            (Data::Bool(_) | Data::Number(_), Shape::String | Shape::Time) => {
                Some(Hint::Quote(format!("\"{written}\"")))
            }
            (Data::String(text), Shape::Int32 | Shape::Int64) if text.parse::<i64>().is_ok() => {
                Some(Hint::Unquote(text.clone()))
            }
            (Data::String(text), Shape::Bool) if text == "true" || text == "false" => Some(Hint::Unquote(text.clone())),
            (Data::Map(_), Shape::String) if self.path == "spec.selector[matchLabels]" => Some(Hint::Say {
                en: "the selector of a Service is the labels alone: write them right under selector, without matchLabels".into(),
                zh: "Service 的选择算符只写标签本身：请直接写在 selector 下，不要 matchLabels".into(),
            }),
            _ => None,
        };
        self.problems.push(Diagnostic {
            severity: Severity::Error,
            span: node.span,
            field: self.path.clone(),
            message,
            hint,
        });
    }
}

/// Entries in the order of the JSON that kubectl sends: Go sorts the keys of a map.
fn sorted(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<_> = entries.iter().collect();
    crate::sort::by(&mut sorted, |a, b| a.key.cmp(&b.key));
    sorted
}

/// How a value does not fit its type.
enum Wrong {
    /// Go finds one type where it wants another (none: the field's own).
    Type {
        /// `string`, `number 1.5`
        found: String,
        want: Option<&'static str>,
        /// Whether a type's own decoder says so: Go stops there.
        fatal: bool,
    },
    /// The type's own decoder says this, and Go stops there.
    Here(String),
}

/// Whether a scalar, or a collection where another shape is wanted, fits.
fn check(data: &Data, shape: Shape) -> Result<(), Wrong> {
    let int32 = |n: &Number| n.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
    let found = match (data, shape) {
        (Data::Number(n), Shape::Int32 | Shape::Int64 | Shape::IntOrString) => format!("number {n}"),
        _ => found(data).to_owned(),
    };
    match (shape, data) {
        (Shape::String, Data::String(_)) | (Shape::Bool, Data::Bool(_)) | (Shape::Number, Data::Number(_)) => Ok(()),
        (Shape::Int32, Data::Number(n)) if int32(n) => Ok(()),
        (Shape::Int64, Data::Number(n)) if n.is_i64() => Ok(()),
        (Shape::IntOrString, Data::String(_)) => Ok(()),
        (Shape::IntOrString, Data::Number(n)) if int32(n) => Ok(()),
        (Shape::IntOrString, _) => Err(Wrong::Type { found, want: Some("int32"), fatal: true }),
        (Shape::Quantity, Data::Number(n)) => quantity::check(&n.to_string()).map_err(|e| Wrong::Here(e.into())),
        (Shape::Quantity, Data::String(text)) => quantity::check(text.trim()).map_err(|e| Wrong::Here(e.into())),
        (Shape::Quantity, _) => Err(Wrong::Here(quantity::WRONG_FORMAT.into())),
        (Shape::Time, Data::String(text)) => quantity::check_time(text, quantity::RFC_3339).map_err(Wrong::Here),
        (Shape::MicroTime, Data::String(text)) => {
            quantity::check_time(text, quantity::RFC_3339_MICRO).map_err(Wrong::Here)
        }
        (Shape::Time | Shape::MicroTime, _) => Err(Wrong::Type { found, want: Some("string"), fatal: true }),
        (Shape::Bytes, Data::String(text)) => quantity::check_base64(text).map_err(Wrong::Here),
        _ => Err(Wrong::Type { found, want: None, fatal: false }),
    }
}

fn found(data: &Data) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Number(_) => "number",
        Data::String(_) => "string",
        Data::List(_) => "array",
        Data::Map(_) => "object",
    }
}

/// A type as Go prints it.
fn go_type(of: Shape, owner: &str, field: &str) -> String {
    match of {
        Shape::String => named_string(go_name(owner), field).into(),
        Shape::Bool => "bool".into(),
        Shape::Int32 => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Number => "float64".into(),
        Shape::IntOrString => "intstr.IntOrString".into(),
        Shape::Quantity => "resource.Quantity".into(),
        Shape::Time => "v1.Time".into(),
        Shape::MicroTime => "v1.MicroTime".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::Any => "interface {}".into(),
        Shape::List(of) => format!("[]{}", go_type(of.shape(), owner, field)),
        Shape::Map(of) if of.shape() == Shape::Quantity => "v1.ResourceList".into(),
        Shape::Map(of) => format!("map[string]{}", go_type(of.shape(), "", "")),
        Shape::Struct(name) => format!("v1.{}", go_name(name)),
    }
}

/// Go's names for the strings of some fields, which the API's schema does not tell.
fn named_string(owner: &str, field: &str) -> &'static str {
    match (owner, field) {
        (_, "protocol") => "v1.Protocol",
        (_, "uid") => "types.UID",
        ("ServiceSpec", "type") => "v1.ServiceType",
        ("ServiceSpec", "sessionAffinity") => "v1.ServiceAffinity",
        ("ServiceSpec", "externalTrafficPolicy") => "v1.ServiceExternalTrafficPolicy",
        ("ServiceSpec", "internalTrafficPolicy") => "v1.ServiceInternalTrafficPolicy",
        ("ServiceSpec", "ipFamilies") => "v1.IPFamily",
        ("ServiceSpec", "ipFamilyPolicy") => "v1.IPFamilyPolicy",
        ("Container" | "EphemeralContainer", "imagePullPolicy") => "v1.PullPolicy",
        ("Container" | "EphemeralContainer", "terminationMessagePolicy") => "v1.TerminationMessagePolicy",
        ("PodSpec", "restartPolicy") => "v1.RestartPolicy",
        ("PodSpec", "dnsPolicy") => "v1.DNSPolicy",
        ("HTTPGetAction", "scheme") => "v1.URIScheme",
        ("LabelSelectorRequirement", "operator") => "v1.LabelSelectorOperator",
        ("DeploymentStrategy", "type") => "v1.DeploymentStrategyType",
        ("EndpointSlice", "addressType") => "v1.AddressType",
        ("Toleration", "operator") => "v1.TolerationOperator",
        ("Toleration" | "Taint", "effect") => "v1.TaintEffect",
        _ => "string",
    }
}

/// Drops nulls as Go's decoder does.
fn settle(value: &mut Value, of: Shape, schema: &Schema) {
    match (value, of) {
        (Value::Object(map), Shape::Struct(name)) => {
            map.retain(|_, value| !value.is_null());
            for (key, value) in map {
                if let Some(of) = schema.field(name, key) {
                    settle(value, of.shape(), schema);
                }
            }
        }
        (Value::Object(map), Shape::Map(of)) => map.values_mut().for_each(|value| settle(value, of.shape(), schema)),
        (Value::Array(items), Shape::List(of)) => items.iter_mut().for_each(|value| settle(value, of.shape(), schema)),
        (value @ Value::Null, shape) => {
            *value = match shape {
                Shape::String | Shape::Bytes => Value::String(String::new()),
                Shape::Bool => Value::Bool(false),
                Shape::Struct(_) | Shape::Map(_) => Value::Object(Map::new()),
                Shape::List(_) => Value::Array(Vec::new()),
                Shape::Int32 | Shape::Int64 | Shape::IntOrString => 0.into(),
                Shape::Quantity => Value::String("0".into()),
                _ => Value::Null,
            }
        }
        _ => {}
    }
}

/// How many letters to add, drop, change or swap to make one word of the other; case does not count.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<u8>, Vec<u8>) = (a.to_ascii_lowercase().into(), b.to_ascii_lowercase().into());
    if a.len().abs_diff(b.len()) > 2 || a.len() > 64 {
        return usize::MAX / 4;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}
