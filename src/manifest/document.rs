//! A file to documents, and a document to an object, as kubectl does it.

use std::ops::Range;

use super::decode::{Decoded, MAX_PROBLEMS, decode};
use super::schema::Schema;
use super::syntax::{self, Syntax};
use super::yaml::{self, Data, Entry, Node};
use super::{Manifest, Parsed, Refusal, Refuser};
use crate::diag::{Diagnostic, Hint, Severity};
use crate::object::{Kind, Object};
use crate::text::{Source, Span};

/// What the API server takes in one request, in bytes.
const REQUEST_LIMIT: usize = 3_145_728;

/// After so many refused documents the rest of a file is left unread: nobody mends them one by one, and the page must not wait.
const REFUSED_LIMIT: usize = 1_000;

/// Kinds of Kubernetes that the lab does not simulate; an error says so instead of calling them unknown.
pub(super) const NOT_SIMULATED: [(&str, &str); 35] = [
    ("ServiceAccount", "v1"),
    ("LimitRange", "v1"),
    ("PersistentVolume", "v1"),
    ("PersistentVolumeClaim", "v1"),
    ("PodTemplate", "v1"),
    ("ReplicationController", "v1"),
    ("ResourceQuota", "v1"),
    ("Job", "batch/v1"),
    ("CronJob", "batch/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("IPAddress", "networking.k8s.io/v1"),
    ("ServiceCIDR", "networking.k8s.io/v1"),
    ("Gateway", "gateway.networking.k8s.io/v1"),
    ("GatewayClass", "gateway.networking.k8s.io/v1"),
    ("HTTPRoute", "gateway.networking.k8s.io/v1"),
    ("GRPCRoute", "gateway.networking.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("Role", "rbac.authorization.k8s.io/v1"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1"),
    ("ClusterRole", "rbac.authorization.k8s.io/v1"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1"),
    ("PriorityClass", "scheduling.k8s.io/v1"),
    ("StorageClass", "storage.k8s.io/v1"),
    ("CSIDriver", "storage.k8s.io/v1"),
    ("CSINode", "storage.k8s.io/v1"),
    ("VolumeAttachment", "storage.k8s.io/v1"),
    ("RuntimeClass", "node.k8s.io/v1"),
    ("Lease", "coordination.k8s.io/v1"),
    ("CertificateSigningRequest", "certificates.k8s.io/v1"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
    ("APIService", "apiregistration.k8s.io/v1"),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1"),
    ("FlowSchema", "flowcontrol.apiserver.k8s.io/v1"),
];

/// Reads a file.
pub(super) fn parse(source: &Source) -> Parsed {
    let mut reader = Reader { source, parsed: Parsed::default() };
    for chunk in chunks(&source.text) {
        if reader.parsed.refusals.len() >= REFUSED_LIMIT {
            reader.give_up(chunk.unwrap_or_else(|range| range));
            break;
        }
        match chunk {
            Ok(range) => reader.chunk(range),
            Err(range) => {
                let text = source.text[range.clone()].trim_start_matches("---").trim();
                let message = format!("invalid Yaml document separator: {text}");
                let syntax = Syntax::bare(span(&range), message);
                reader.unreadable(syntax, span(&range), "");
            }
        }
    }
    crate::sort::by_key(&mut reader.parsed.diagnostics, |d| d.span);
    reader.parsed
}

/// Whether two texts can be read, and hold the same documents.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    let read = |text: &str| -> Option<Vec<Node>> {
        let mut all = Vec::new();
        for chunk in chunks(text) {
            let text = &text[chunk.ok()?];
            if syntax::control_character(text, 0).is_some() {
                return None;
            }
            all.extend(yaml::read(text, 0, &mut Vec::new()).ok()?);
        }
        Some(all)
    };
    let (Some(a), Some(b)) = (read(a), read(b)) else { return false };
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same(a, b))
}

fn same(a: &Node, b: &Node) -> bool {
    match (&a.data, &b.data) {
        (Data::List(a), Data::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Data::Map(a), Data::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
        }
        (a, b) => a == b,
    }
}

/// The line, from 1, where the field of a path stands in the first document of a text, or the nearest written one above it.
pub(super) fn line_of(text: &str, path: &str) -> usize {
    let mut at = 0;
    let read = yaml::read(text, 0, &mut Vec::new()).ok().flatten();
    let mut node = read.as_ref();
    for part in path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty()) {
        let below = match node.map(|node| &node.data) {
            Some(Data::Map(entries)) => {
                entries.iter().find(|entry| entry.key == part).map(|entry| (entry.key_span, &entry.value))
            }
            Some(Data::List(items)) => {
                part.parse().ok().and_then(|i: usize| items.get(i)).map(|item| (item.span, item))
            }
            _ => None,
        };
        let Some((span, value)) = below else { break };
        (at, node) = (span.start as usize, Some(value));
    }
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

struct Reader<'a> {
    source: &'a Source,
    parsed: Parsed,
}

impl Reader<'_> {
    fn chunk(&mut self, range: Range<usize>) {
        let text = &self.source.text[range.clone()];
        let whole = span(&range);
        if text.len() > REQUEST_LIMIT {
            let message = format!("Request entity too large: limit is {REQUEST_LIMIT}");
            self.problem(whole_line(whole, text), "", &message, None);
            self.refuse(Refuser::Server, whole, message);
            return;
        }
        if let Some(syntax) = syntax::control_character(text, whole.start) {
            return self.unreadable(syntax, whole, "error converting YAML to JSON: ");
        }
        let mut duplicates = Vec::new();
        match yaml::read(text, whole.start, &mut duplicates) {
            Ok(None) => {}
            Ok(Some(node)) => self.object(&node),
            Err(syntax) => self.unreadable(syntax, whole, "error converting YAML to JSON: "),
        }
        for duplicate in duplicates.into_iter().take(MAX_PROBLEMS) {
            self.parsed.diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                span: duplicate.span,
                field: String::new(),
                message: format!("key {:?} already set in map", duplicate.key),
                hint: Some(Hint::Repeated(duplicate.key)),
            });
        }
    }

    /// Too much is wrong to go on: kubectl would.
    fn give_up(&mut self, next: Range<usize>) {
        let message = format!("{REFUSED_LIMIT} documents are refused: the rest of the file is not read");
        let whole = span(&next);
        self.problem(whole_line(whole, &self.source.text[next]), "", &message, Some(Hint::TooMany));
        self.refuse(Refuser::Reader, whole, message);
    }

    /// A mistake of YAML.
    fn unreadable(&mut self, syntax: Syntax, whole: Span, before: &str) {
        let message = format!("error parsing {}: {before}{}", self.source.name, syntax.message);
        self.problem(syntax.span, "", &syntax.message, syntax.hint);
        self.refuse(Refuser::Reader, whole, message);
    }

    fn object(&mut self, node: &Node) {
        let entries = match &node.data {
            Data::Null => return,
            Data::Map(entries) => entries.as_slice(),
            _ => return self.unidentified(node, vec![("invalid object to validate".into(), node.span)]),
        };
        let (api_version, kind) = (entry(entries, "apiVersion"), entry(entries, "kind"));
        let mut wrong = Vec::new();
        let start = Span { start: node.span.start, end: first_line_end(node, &self.source.text) };
        for (name, entry) in [("apiVersion", api_version), ("kind", kind)] {
            match entry.map(|entry| (&entry.value.data, entry)) {
                Some((Data::String(_), _)) => {}
                None | Some((Data::Null, _)) => {
                    wrong.push((format!("{name} not set"), entry.map_or(start, |entry| entry.key_span)));
                }
                Some((_, entry)) => wrong.push((format!("{name} isn't string type"), entry.value.span)),
            }
        }
        let (Some(api_version), Some(kind), true) = (text(api_version), text(kind), wrong.is_empty()) else {
            return self.unidentified(node, wrong);
        };
        if (api_version.0, kind.0) == ("v1", "List") {
            if let Some(Data::List(items)) = entry(entries, "items").map(|entry| &entry.value.data) {
                items.iter().for_each(|item| self.object(item));
            }
            return;
        }
        match Kind::from_api(api_version.0, kind.0) {
            Some(of) => self.decoded(node, of),
            None => self.unmatched(node, entries, api_version, kind),
        }
    }

    fn unidentified(&mut self, node: &Node, wrong: Vec<(String, Span)>) {
        let all: Vec<_> = wrong.iter().map(|(message, _)| message.as_str()).collect();
        let all = if let [one] = all[..] { one.to_owned() } else { format!("[{}]", all.join(", ")) };
        for (message, span) in &wrong {
            self.problem(*span, "", &format!("error validating data: {message}"), None);
        }
        let message = format!(
            "error validating {:?}: error validating data: {all}; if you choose to ignore these errors, turn validation off with --validate=false",
            self.source.name,
        );
        self.refuse(Refuser::Checker, node.span, message);
    }

    fn unmatched(
        &mut self,
        node: &Node,
        entries: &[Entry],
        (version, at): (&str, Span),
        (kind, kind_at): (&str, Span),
    ) {
        let elsewhere = Kind::all().find(|k| k.name() == kind).map(Kind::api_version);
        let (span, hint) = if let Some(version) = elsewhere {
            (at, Some(Hint::ApiVersion(version)))
        } else if NOT_SIMULATED.contains(&(kind, version)) {
            (kind_at, Some(Hint::NotSimulated(kind.to_owned())))
        } else if let Some((_, version)) = NOT_SIMULATED.iter().find(|(k, _)| *k == kind) {
            (at, Some(Hint::ApiVersion((*version).to_owned())))
        } else {
            let near = Kind::all()
                .find(|k| k.name().eq_ignore_ascii_case(kind) || k.row().plural == kind.to_ascii_lowercase());
            (kind_at, near.map(|k| Hint::DidYouMean(k.name().to_owned())))
        };
        let message = format!("no matches for kind {kind:?} in version {version:?}");
        self.problem(span, "kind", &message, hint);
        let metadata = match entry(entries, "metadata").map(|entry| &entry.value.data) {
            Some(Data::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        let of = |name: &str| text(entry(metadata, name)).map_or("", |(text, _)| text);
        let message = format!(
            "resource mapping not found for name: {:?} namespace: {:?} from {:?}: {message}\nensure CRDs are installed first",
            of("name"),
            of("namespace"),
            self.source.name,
        );
        self.refuse(Refuser::Mapper, node.span, message);
    }

    fn decoded(&mut self, node: &Node, kind: Kind) {
        let Some(root) = Schema::get().root(&kind.api_version(), kind.name()) else { return };
        let Decoded { tree, settled, fields, problems, refusal } = decode(node, root, &self.source.text);
        let before =
            format!("{} in version {:?} cannot be handled as a {}: ", kind.name(), kind.row().version, kind.name(),);
        self.parsed.diagnostics.extend(problems.into_iter().map(
            |problem| match problem.message.starts_with("strict ") {
                true => problem,
                false => Diagnostic { message: format!("{before}{}", problem.message), ..problem },
            },
        ));
        if let Some(refusal) = refusal {
            return self.refuse(Refuser::Server, node.span, before + &refusal);
        }
        match Object::from_value(kind, settled) {
            Ok(object) => self.parsed.manifests.push(Manifest { object, tree, span: node.span, fields }),
            Err(error) => {
                // After strict decoding there is none; a law holds our structs to the table.
                let message = format!("{before}json: {error}");
                self.problem(node.span, "", &message, None);
                self.refuse(Refuser::Server, node.span, message);
            }
        }
    }

    fn problem(&mut self, span: Span, field: &str, message: &str, hint: Option<Hint>) {
        let (field, message) = (field.to_owned(), message.to_owned());
        self.parsed.diagnostics.push(Diagnostic { severity: Severity::Error, span, field, message, hint });
    }

    fn refuse(&mut self, by: Refuser, span: Span, message: String) {
        self.parsed.refusals.push(Refusal { by, span, message });
    }
}

fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn text(entry: Option<&Entry>) -> Option<(&str, Span)> {
    match entry.map(|entry| (&entry.value.data, entry.value.span)) {
        Some((Data::String(text), span)) => Some((text, span)),
        _ => None,
    }
}

fn span(range: &Range<usize>) -> Span {
    Span { start: range.start as u32, end: range.end as u32 }
}

fn first_line_end(node: &Node, text: &str) -> u32 {
    whole_line(node.span, &text[node.span.start as usize..]).end.min(node.span.end)
}

/// The first line of a span whose text is `text`.
fn whole_line(span: Span, text: &str) -> Span {
    Span { start: span.start, end: span.start + text.find(['\r', '\n']).unwrap_or(text.len()) as u32 }
}

/// The documents of a file, cut where kubectl cuts: at lines that begin with `---`. A line that says more there than a
/// comment is an error of its own.
fn chunks(text: &str) -> Vec<Result<Range<usize>, Range<usize>>> {
    let mut chunks = Vec::new();
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let end = at + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                chunks.push(Ok(start..at));
                chunks.push(Err(at..at + line.trim_end().len()));
                start = end;
            } else if at > start {
                chunks.push(Ok(start..at));
                start = end;
            }
        }
        at = end;
    }
    chunks.push(Ok(start..text.len()));
    chunks.retain(|chunk| chunk.as_ref().map_or(true, |range| !range.is_empty()));
    chunks
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::super::schema::{Shape, Type};
    use super::super::{to_json_line, to_yaml};
    use super::*;

    /// A tree with every field of a type, or with null for each field of its innermost structs.
    fn full(shape: Shape, null_below: usize) -> Value {
        let deeper = |of: Type| full(of.shape(), null_below.saturating_sub(1));
        match shape {
            _ if null_below == 0 => Value::Null,
            Shape::String => "text".into(),
            Shape::Bool => true.into(),
            Shape::Int32 | Shape::Int64 | Shape::Number | Shape::IntOrString => 7.into(),
            Shape::Quantity => "100m".into(),
            Shape::Time => "2026-10-01T08:00:00Z".into(),
            Shape::MicroTime => "2026-10-01T08:00:00.000000Z".into(),
            Shape::Bytes => "aGVsbG8=".into(),
            Shape::Any => serde_json::json!({"a": 1}),
            Shape::List(of) => vec![deeper(of)].into(),
            Shape::Map(of) => Value::Object(Map::from_iter([("a.b/c".to_owned(), deeper(of))])),
            Shape::Struct(name) => {
                let fields = Schema::get().fields(name).iter();
                Value::Object(fields.map(|(field, of)| ((*field).to_owned(), deeper(*of))).collect())
            }
        }
    }

    /// The paths at which the second tree is not as the first.
    fn differ(want: &Value, found: &Value, path: String, at: &mut Vec<String>) {
        match (want, found) {
            (Value::Object(want), Value::Object(found)) => {
                let keys: std::collections::BTreeSet<_> = want.keys().chain(found.keys()).collect();
                for key in keys {
                    let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                    differ(&of(want), &of(found), format!("{path}.{key}"), at);
                }
            }
            (Value::Array(want), Value::Array(found)) if want.len() == found.len() => {
                want.iter().zip(found).for_each(|(want, found)| differ(want, found, path.clone(), at));
            }
            _ if want == found => {}
            _ => at.push(path),
        }
    }

    /// Our structs agree with the table on every field, and lose none.
    #[test]
    fn every_field_of_every_kind_is_read_and_kept() {
        for kind in Kind::all() {
            let root = Schema::get().root(&kind.api_version(), kind.name()).unwrap();
            for null_below in [2, 3, 4, 5, 6, 8, 99] {
                let Value::Object(mut tree) = full(Shape::Struct(root), null_below) else { panic!("{kind:?}") };
                tree.insert("apiVersion".into(), kind.api_version().into());
                tree.insert("kind".into(), kind.name().into());
                let tree = Value::Object(tree);
                for text in [to_yaml(&tree), to_json_line(&tree)] {
                    let parsed = parse(&Source::new("f.yaml", text.as_str()));
                    assert_eq!((parsed.diagnostics, parsed.refusals), (vec![], vec![]), "{text}");
                    let read = parsed.manifests[0].object.to_value();
                    if null_below == 99 {
                        let mut lost = Vec::new();
                        differ(&tree, &read, String::new(), &mut lost);
                        assert_eq!(lost, Vec::<String>::new(), "{kind:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn lists_hold_documents() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n- {kind: Pod}\n";
        let parsed = parse(&Source::new("f.yaml", text));
        assert_eq!(parsed.manifests[0].key("b").to_string(), "Namespace/a");
        assert_eq!(parsed.refusals[0].by, Refuser::Checker);
    }

    #[test]
    fn cuts_where_kubectl_cuts() {
        let cut = |text: &str| -> Vec<String> {
            chunks(text)
                .into_iter()
                .map(|c| c.map_or_else(|bad| format!("!{}", &text[bad]), |good| text[good].to_owned()))
                .collect()
        };
        assert_eq!(cut("---\na\n---\nb"), ["---\na\n", "b"]);
        assert_eq!(cut("a\n--- # c\n---\nb\n"), ["a\n", "---\nb\n"]);
        assert_eq!(cut("a\n---b\nc"), ["a\n", "!---b", "c"]);
    }
    #[test]
    fn a_field_has_a_line() {
        let text = "# c\na:\n  - b: 1\n  - {c: [1, 2]}\nd: |\n  e: 1\nf: 2\n";
        for (path, line) in [("a", 2), ("a[0].b", 3), ("a[1].c[1]", 4), ("a[7]", 2), ("d.e", 5), ("f", 7), ("", 1)] {
            assert_eq!(line_of(text, path), line, "{path}");
        }
        assert_eq!(line_of("a: [", "a"), 1);
    }
}
