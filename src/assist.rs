//! Help while one writes a manifest: [`complete`] and [`hover`].
//!
//! Both take a text and a caret; both work while the text is broken, as it is while someone types, so they read lines and
//! their indentation rather than YAML. What they know of fields comes from the table that drives strict decoding.
//! Collections in brackets are not looked into.

use crate::manifest::{Schema, Shape, Type};
use crate::object::Kind;
use crate::text::{Source, Span};

/// Something that could stand at the caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is offered: `targetPort`, `NodePort`.
    pub label: String,
    /// Its type: `int or string`, `list of ServicePort`; empty for a value.
    pub detail: String,
    /// What replaces `span`; a field brings its colon, and a line break where its value needs one.
    pub insert: String,
    /// What has been typed of it already.
    pub span: Span,
}

/// What the thing under the caret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The key that is explained.
    pub span: Span,
    /// `spec.ports.targetPort`, as `kubectl explain` takes it.
    pub path: String,
    /// `int or string`
    pub of: String,
    /// The values that the API knows, where it knows all.
    pub values: &'static [&'static str],
}

/// What could stand at the caret, the likeliest first.
///
/// ```
/// use kubehop::{assist, text::Source};
///
/// let source = Source::new("svc.yaml", "apiVersion: v1\nkind: Service\nspec:\n  ty");
/// let offers = assist::complete(&source, source.text.len() as u32);
/// assert_eq!(offers[0].insert, "type: ");
/// ```
pub fn complete(source: &Source, offset: u32) -> Vec<Completion> {
    let Some(place) = Place::at(&source.text, offset) else { return Vec::new() };
    let typed = &source.text[place.typed.start as usize..place.typed.end as usize];
    let mut offers = match place.role {
        Role::Key => keys(&place),
        Role::Value => values(&place),
    };
    let lower = typed.to_ascii_lowercase();
    offers.retain(|offer| offer.label.to_ascii_lowercase().contains(&lower));
    crate::sort::by_key(&mut offers, |offer| !offer.label.to_ascii_lowercase().starts_with(&lower));
    offers
}

/// What the field under the caret is, if it is one.
pub fn hover(source: &Source, offset: u32) -> Option<Hover> {
    let place = Place::at(&source.text, offset)?;
    let (key, span) = place.key?;
    let owner = place.owner?;
    let Shape::Struct(name) = owner else { return None };
    let of = Schema::get().field(name, &key)?;
    let mut path = place.path;
    path.push(key.clone());
    Some(Hover { span, path: path.join("."), of: spell(of.shape()), values: known_values(name, &key) })
}

fn keys(place: &Place) -> Vec<Completion> {
    let Some(Shape::Struct(name)) = place.owner else { return Vec::new() };
    let fields = Schema::get().fields(name).iter();
    let written = |field: &str| place.siblings.iter().any(|sibling| sibling == field);
    // Nobody writes a status.
    let server_s = |field: &str| place.path.is_empty() && field == "status";
    let fields = fields.filter(|(field, _)| !written(field)).filter(|(field, _)| !server_s(field));
    let mut offers: Vec<_> = fields
        .map(|(field, of)| {
            let deeper = " ".repeat(place.column + 2);
            let insert = match of.shape() {
                Shape::Struct(_) | Shape::Map(_) => format!("{field}:\n{deeper}"),
                Shape::List(_) => format!("{field}:\n{deeper}- "),
                _ => format!("{field}: "),
            };
            Completion { label: (*field).into(), detail: spell(of.shape()), insert, span: place.typed }
        })
        .collect();
    crate::sort::by_key(&mut offers, |offer| !USUAL.contains(&offer.label.as_str()));
    offers
}

/// Fields that manifests usually have, offered first.
const USUAL: [&str; 24] = [
    "apiVersion",
    "app",
    "containerPort",
    "containers",
    "httpGet",
    "image",
    "kind",
    "labels",
    "matchLabels",
    "metadata",
    "name",
    "namespace",
    "nodePort",
    "path",
    "port",
    "ports",
    "protocol",
    "readinessProbe",
    "replicas",
    "selector",
    "spec",
    "targetPort",
    "template",
    "type",
];

fn values(place: &Place) -> Vec<Completion> {
    let Some((key, _)) = &place.key else { return Vec::new() };
    let offer = |label: String| Completion { insert: label.clone(), label, detail: String::new(), span: place.typed };
    if place.path.is_empty() && key == "kind" {
        return Kind::all().map(|kind| offer(kind.name().into())).collect();
    }
    if place.path.is_empty() && key == "apiVersion" {
        let of_kind = Kind::all().filter(|kind| place.kind.is_none_or(|k| k == *kind));
        let mut versions: Vec<_> = of_kind.map(Kind::api_version).collect();
        crate::sort::by(&mut versions, Ord::cmp);
        versions.dedup();
        return versions.into_iter().map(offer).collect();
    }
    let Some(Shape::Struct(name)) = place.owner else { return Vec::new() };
    match Schema::get().field(name, key).map(Type::shape) {
        Some(Shape::Bool) => ["true", "false"].map(|v| offer(v.into())).into(),
        _ => known_values(name, key).iter().map(|v| offer((*v).into())).collect(),
    }
}

/// The values of a field of which the API knows all (`k8s.io/api` `core/v1/types.go` and others; its schema does not tell).
fn known_values(owner: &str, field: &str) -> &'static [&'static str] {
    match (owner, field) {
        ("ServiceSpec", "type") => &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        ("ServiceSpec", "sessionAffinity") => &["None", "ClientIP"],
        ("ServiceSpec", "externalTrafficPolicy" | "internalTrafficPolicy") => &["Cluster", "Local"],
        ("ServiceSpec", "ipFamilyPolicy") => &["SingleStack", "PreferDualStack", "RequireDualStack"],
        ("ServiceSpec", "ipFamilies") => &["IPv4", "IPv6"],
        ("ServiceSpec", "trafficDistribution") => &["PreferSameZone", "PreferSameNode", "PreferClose"],
        (_, "protocol") => &["TCP", "UDP", "SCTP"],
        (_, "imagePullPolicy") => &["IfNotPresent", "Always", "Never"],
        ("PodSpec", "restartPolicy") => &["Always", "OnFailure", "Never"],
        ("PodSpec", "dnsPolicy") => &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        ("HTTPGetAction", "scheme") => &["HTTP", "HTTPS"],
        ("DeploymentStrategy", "type") => &["RollingUpdate", "Recreate"],
        ("LabelSelectorRequirement", "operator") => &["In", "NotIn", "Exists", "DoesNotExist"],
        ("EndpointSlice", "addressType") => &["IPv4", "IPv6", "FQDN"],
        ("HTTPIngressPath", "pathType") => &["Prefix", "Exact", "ImplementationSpecific"],
        ("Secret", "type") => {
            &["Opaque", "kubernetes.io/tls", "kubernetes.io/basic-auth", "kubernetes.io/dockerconfigjson"]
        }
        ("StatefulSetSpec", "podManagementPolicy") => &["OrderedReady", "Parallel"],
        ("StatefulSetUpdateStrategy" | "DaemonSetUpdateStrategy", "type") => &["RollingUpdate", "OnDelete"],
        ("Toleration", "operator") => &["Exists", "Equal"],
        ("Toleration" | "Taint", "effect") => &["NoSchedule", "PreferNoSchedule", "NoExecute"],
        _ => &[],
    }
}

/// A type in words.
fn spell(shape: Shape) -> String {
    match shape {
        Shape::String => "string".into(),
        Shape::Bool => "true or false".into(),
        Shape::Int32 | Shape::Int64 => "integer".into(),
        Shape::Number => "number".into(),
        Shape::IntOrString => "integer or string".into(),
        Shape::Quantity => "quantity".into(),
        Shape::Time | Shape::MicroTime => "time".into(),
        Shape::Bytes => "base64".into(),
        Shape::Any => "any".into(),
        Shape::List(of) => format!("list of {}", spell(of.shape())),
        Shape::Map(of) => format!("map to {}", spell(of.shape())),
        Shape::Struct(name) => name.split('@').next().unwrap_or(name).into(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Key,
    Value,
}

/// Where a caret stands.
struct Place {
    role: Role,
    /// The word around the caret.
    typed: Span,
    /// The key of the caret's line, if it has one.
    key: Option<(String, Span)>,
    /// The column of the caret's key.
    column: usize,
    /// The keys that lead to the map that holds the caret's key.
    path: Vec<String>,
    /// The type of that map; none where the table knows none.
    owner: Option<Shape>,
    /// The other keys of that map.
    siblings: Vec<String>,
    /// The kind of the document.
    kind: Option<Kind>,
}

/// A line of block style.
struct Line<'a> {
    start: usize,
    /// The columns of its dashes.
    dashes: Vec<usize>,
    /// The column where its content begins.
    column: usize,
    /// Its key, if it has one.
    key: Option<&'a str>,
    /// What stands after the key's colon, or all the content.
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn of(text: &'a str, start: usize) -> Self {
        let mut column = text.len() - text.trim_start_matches(' ').len();
        let mut dashes = Vec::new();
        while text[column..].starts_with("- ") || &text[column..] == "-" {
            dashes.push(column);
            let after = &text[column + 1..];
            column += 1 + (after.len() - after.trim_start_matches(' ').len());
        }
        let content = &text[column..];
        let (key, rest) = match content.find(": ").or(content.trim_end().strip_suffix(':').map(str::len)) {
            Some(at) if !content.starts_with(['#', '{', '[']) => {
                (Some(content[..at].trim_matches(['"', '\''])), &content[at + 1..])
            }
            _ => (None, content),
        };
        Self { start, dashes, column, key, rest }
    }

    fn is_empty(&self) -> bool {
        self.key.is_none() && self.dashes.is_empty() && (self.rest.trim().is_empty() || self.rest.starts_with('#'))
    }
}

impl Place {
    fn at(text: &str, offset: u32) -> Option<Self> {
        let caret = offset as usize;
        text.get(..caret)?;
        let lines = document(text, caret);
        let here = lines.iter().rposition(|line| line.start <= caret)?;
        let line = &lines[here];
        let kind_of = |key: &str| {
            let line = lines.iter().find(|line| line.column == 0 && line.key == Some(key))?;
            Some(line.rest.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']))
        };
        let kind = kind_of("kind").and_then(|name| Kind::all().find(|kind| kind.name() == name));

        let content = line.start + line.column;
        let value_start = line.key.map(|_| line.start + line_len(text, line.start) - line.rest.len());
        let role = if value_start.is_some_and(|start| caret >= start) { Role::Value } else { Role::Key };
        let from = match role {
            Role::Value => value_start.map_or(content, |start| start + line.rest.len() - line.rest.trim_start().len()),
            Role::Key => content,
        };
        if caret < from && role == Role::Key && caret < line.start + line.column {
            return None;
        }
        let word_end = caret + text[caret..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len() - caret);
        let typed = Span { start: from.min(caret) as u32, end: word_end as u32 };
        let key_start = content + usize::from(text[content..].starts_with(['"', '\'']));
        let key =
            line.key.map(|key| (key.to_owned(), Span { start: key_start as u32, end: (key_start + key.len()) as u32 }));

        let (steps, first) = ancestors(&lines, here);
        let mut shape = kind.and_then(|kind| Schema::get().root(&kind.api_version(), kind.name())).map(Shape::Struct);
        let mut path = Vec::new();
        for step in steps {
            shape = match (shape, &step) {
                (Some(Shape::Struct(name)), Step::Key(key)) => Schema::get().field(name, key).map(Type::shape),
                (Some(Shape::Map(of) | Shape::List(of)), _) => Some(of.shape()),
                _ => None,
            };
            if let Step::Key(key) = step {
                path.push(key);
            }
        }
        if shape.is_none() && path.is_empty() && line.column == 0 {
            // Nothing says yet what it is; every object begins alike.
            shape = Some(Shape::Struct("Service"));
        }
        let siblings = siblings(&lines, here, first);
        Some(Self { role, typed, key, column: line.column, path, owner: shape, siblings, kind })
    }
}

fn line_len(text: &str, start: usize) -> usize {
    text[start..].find('\n').map_or(text.len() - start, |end| end)
}

/// The lines of the document around a caret.
fn document(text: &str, caret: usize) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        if line.starts_with("---") {
            if start > caret {
                break;
            }
            lines.clear();
        } else {
            lines.push(Line::of(line.trim_end_matches('\r'), start));
        }
        start += line.len() + 1;
    }
    lines
}

/// A step from a document's root to a place in it.
enum Step {
    Key(String),
    Item,
}

/// The steps that lead to the map of a line's key, and the line where that map begins.
fn ancestors(lines: &[Line<'_>], here: usize) -> (Vec<Step>, usize) {
    let mut steps = Vec::new();
    let mut column = lines[here].column;
    let mut first = None;
    let mut at = here;
    // Dashes of the line that are still to be left, the innermost last.
    let mut dashes = lines[here].dashes.as_slice();
    loop {
        if let Some((dash, outer)) = dashes.split_last() {
            first.get_or_insert(at);
            steps.push(Step::Item);
            if outer.is_empty() {
                // A list may stand in the column of its key.
                let Some(parent) =
                    above(lines, at, |line| line.key.is_some() && line.column <= *dash && !line.dashes.contains(dash))
                else {
                    break;
                };
                enter(&mut steps, lines, parent);
                (at, column, dashes) = (parent, lines[parent].column, &lines[parent].dashes);
            } else {
                (column, dashes) = (*dash, outer);
            }
            continue;
        }
        let up = above(lines, at, |line| line.column < column || (line.column == column && !line.dashes.is_empty()));
        let Some(up) = up else { break };
        at = up;
        if lines[up].column == column {
            dashes = &lines[up].dashes;
        } else {
            first.get_or_insert(up + 1);
            enter(&mut steps, lines, up);
            (column, dashes) = (lines[up].column, &lines[up].dashes);
        }
    }
    steps.reverse();
    (steps, first.unwrap_or(0))
}

fn enter(steps: &mut Vec<Step>, lines: &[Line<'_>], parent: usize) {
    steps.push(lines[parent].key.map_or(Step::Item, |key| Step::Key(key.to_owned())));
}

fn above(lines: &[Line<'_>], from: usize, fits: impl Fn(&Line<'_>) -> bool) -> Option<usize> {
    (0..from).rev().find(|&i| !lines[i].is_empty() && fits(&lines[i]))
}

/// The other keys of the map that begins at line `first`.
fn siblings(lines: &[Line<'_>], here: usize, first: usize) -> Vec<String> {
    let column = lines[here].column;
    let mut keys = Vec::new();
    for (i, line) in lines.iter().enumerate().skip(first) {
        let new_item = i != first && line.dashes.iter().any(|dash| *dash < column) && line.column >= column;
        if !line.is_empty() && (line.column < column || new_item) {
            if i > here {
                break;
            }
            if i != first {
                continue;
            }
        }
        if i != here && line.column == column {
            keys.extend(line.key.map(str::to_owned));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels offered where `|` stands.
    fn offers(text: &str) -> Vec<String> {
        let at = text.find('|').unwrap();
        let source = Source::new("f.yaml", text.replacen('|', "", 1));
        complete(&source, at as u32).into_iter().map(|c| c.label).collect()
    }

    #[test]
    fn offers_fields_where_they_belong() {
        let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n";
        assert_eq!(offers(&format!("{service}  po|"))[0], "ports");
        assert_eq!(offers(&format!("{service}  ports:\n  - port: 80\n    ta|"))[0], "targetPort");
        assert_eq!(offers(&format!("{service}  ports:\n    - na|"))[0], "name");
        assert_eq!(offers(&format!("{service}  ports:\n  - port: 80\n  se|"))[0], "selector");
        assert!(
            !offers(&format!("{service}  selector: {{}}\n  |\n  type: x\n"))
                .iter()
                .any(|l| l == "selector" || l == "type")
        );
        assert!(offers(&format!("{service}  selector:\n    |")).is_empty());
        assert_eq!(offers("api|")[0], "apiVersion");
        let pod = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n          ports:\n          - containerPort: 1\n          ";
        assert_eq!(offers(&format!("{pod}im|"))[0], "image");
        assert_eq!(offers(&format!("{pod}readinessProbe:\n            httpGet:\n              pa|"))[0], "path");
    }

    #[test]
    fn offers_values() {
        assert_eq!(offers("kind: Service\nspec:\n  type: N|")[0], "NodePort");
        assert_eq!(offers("kind: Dep|"), ["Deployment"]);
        assert_eq!(offers("kind: Deployment\napiVersion: |"), ["apps/v1"]);
        assert_eq!(offers("kind: Service\nspec:\n  publishNotReadyAddresses: |"), ["true", "false"]);
    }

    #[test]
    fn inserts_what_the_value_needs() {
        let source = Source::new("f.yaml", "kind: Service\nspec:\n  por");
        assert_eq!(complete(&source, 25)[0].insert, "ports:\n    - ");
        assert_eq!(complete(&source, 25)[0].span, Span { start: 22, end: 25 });
    }

    #[test]
    fn explains_the_field_under_the_caret() {
        let text = "---\nkind: Service\nspec:\n  ports:\n  - port: 80\n    targetPort: web # 名\n---\nkind: Pod\n";
        let source = Source::new("f.yaml", text);
        let hover = hover(&source, text.find("getPort").unwrap() as u32).unwrap();
        assert_eq!(hover.path, "spec.ports.targetPort");
        assert_eq!(hover.of, "integer or string");
        assert_eq!(&text[hover.span.start as usize..hover.span.end as usize], "targetPort");
    }

    #[test]
    fn no_caret_makes_it_panic() {
        let text = "kind: Service\nspec:\n- - a\n -b: \"中\n\t- x: {\n-\n - \n: :\n\r\n--- 1";
        for at in 0..text.len() + 3 {
            let source = Source::new("f.yaml", text);
            complete(&source, at as u32);
            super::hover(&source, at as u32);
        }
    }
}
