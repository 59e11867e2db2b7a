//! A learner's YAML to objects: [`parse`].
//!
//! Takes a [`Source`]; gives every object that could be read and every problem, each at its place. It knows the types of
//! all fields of the kinds we serve, but nothing of the store: defaulting and validation are [`crate::api`]'s.
//!
//! Stands for what `kubectl apply -f` does with a file (`k8s.io/apimachinery` `pkg/util/yaml/decoder.go`,
//! `k8s.io/cli-runtime` `pkg/resource/visitor.go`) and for the strict decoding of the API server. A mistake of YAML ends
//! its document; kubectl stops reading the file there, we go on with the next.

mod decode;
mod document;
mod encode;
mod quantity;
mod scalar;
mod schema;
mod syntax;
mod yaml;

use std::collections::BTreeMap;

pub(crate) use decode::distance;
pub(crate) use encode::as_yaml;
pub use encode::{to_json, to_json_line, to_yaml};
pub(crate) use schema::{Schema, Shape, Type};

use crate::diag::Diagnostic;
use crate::object::{FieldRef, Object, Ref};
use crate::text::{Source, Span};

/// One document of a file, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object as written: nothing defaulted. `metadata.namespace` is empty where none is written.
    pub object: Object,
    /// The tree as written (after YAML to JSON), which `kubectl apply` keeps as the last applied configuration.
    pub tree: serde_json::Value,
    /// The whole document.
    pub span: Span,
    /// Where each field stands, by path (`spec.ports[0].port`).
    pub fields: BTreeMap<String, FieldSpan>,
}

/// Where a field stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpan {
    /// Its key; of an item of a list, the same as `value`.
    pub key: Span,
    /// Its value.
    pub value: Span,
}

/// Who refuses a document, and so what kubectl does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuser {
    /// kubectl cannot read the YAML: it reads no further in this file.
    Reader,
    /// kubectl finds no `apiVersion` or `kind`: it reads no further in this file.
    Checker,
    /// kubectl asks the server, which serves no such kind: it goes on with the next document.
    Mapper,
    /// The server cannot decode it (`BadRequest`): kubectl goes on with the next document.
    Server,
}

/// One document of a file, refused before any rule of the API could look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who refuses it.
    pub by: Refuser,
    /// The whole document.
    pub span: Span,
    /// kubectl's text, without the `error: ` or `Error from server (BadRequest): ` before it.
    ///
    /// For [`Refuser::Server`] it begins `Service in version "v1" cannot be handled as a Service: `; before it kubectl puts
    /// what it was doing (`error when creating "svc.yaml": `).
    pub message: String,
}

/// All that was read from one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The documents that are objects of kinds we serve, in order, whatever problems others have.
    pub manifests: Vec<Manifest>,
    /// The documents that are refused, in order, as kubectl would say it; [`Parsed::diagnostics`] has their problems in full.
    pub refusals: Vec<Refusal>,
    /// Every problem, in the order of the text (of one document, the first thousand). An error means that kubectl would
    /// refuse the document.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a text of one or more YAML documents. Never panics, never stops at the first problem.
///
/// ```
/// use kubehop::manifest;
/// use kubehop::text::Source;
///
/// let parsed = manifest::parse(&Source::new("svc.yaml", "apiVersion: v1\nkind: Service\nspec:\n  prots: []\n"));
/// assert_eq!(parsed.diagnostics[0].message, r#"strict decoding error: unknown field "spec.prots""#);
/// ```
pub fn parse(source: &Source) -> Parsed {
    document::parse(source)
}

/// Whether two texts can be read, and say the same.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    document::is_same(a, b)
}

/// Whether Kubernetes, or what is often installed in it, has a kind that the lab does not simulate: its name by a word that
/// kubectl knows for it.
pub(crate) fn not_simulated(word: &str) -> Option<&'static str> {
    const SHORT: [(&str, &str); 16] = [
        ("sa", "ServiceAccount"),
        ("cj", "CronJob"),
        ("hpa", "HorizontalPodAutoscaler"),
        ("netpol", "NetworkPolicy"),
        ("pv", "PersistentVolume"),
        ("pvc", "PersistentVolumeClaim"),
        ("sc", "StorageClass"),
        ("pc", "PriorityClass"),
        ("pdb", "PodDisruptionBudget"),
        ("quota", "ResourceQuota"),
        ("limits", "LimitRange"),
        ("rc", "ReplicationController"),
        ("csr", "CertificateSigningRequest"),
        ("crd", "CustomResourceDefinition"),
        ("gtw", "Gateway"),
        ("gc", "GatewayClass"),
    ];
    let word = word.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let short = SHORT.iter().find(|(short, _)| *short == word).map(|(_, kind)| *kind);
    let is_it = |kind: &str| {
        let kind = kind.to_ascii_lowercase();
        let rest = word.strip_prefix(&kind);
        let plural = kind.strip_suffix('y').and_then(|stem| word.strip_prefix(stem)) == Some("ies");
        matches!(rest, Some("" | "s" | "es")) || plural
    };
    short.or_else(|| document::NOT_SIMULATED.iter().map(|(kind, _)| *kind).find(|kind| is_it(kind)))
}

/// The line, from 1, where the field of a path stands in a text's first document, or the nearest written one above it.
pub(crate) fn line_of(text: &str, path: &str) -> usize {
    document::line_of(text, path)
}

impl Manifest {
    /// What names the object, in `namespace` unless it names its own.
    pub fn key(&self, namespace: &str) -> Ref {
        let meta = &self.object.meta;
        let namespace = if meta.namespace.is_empty() { namespace } else { &meta.namespace };
        Ref::new(self.object.kind(), namespace, meta.name.as_str())
    }

    /// Where the field of `at` stands, or its nearest written ancestor.
    pub fn span_of(&self, at: &FieldRef) -> Option<FieldSpan> {
        let mut path = &*at.path;
        loop {
            if let Some(span) = self.fields.get(path) {
                return Some(*span);
            }
            path = parent(path)?;
        }
    }
}

/// The path of what holds a field: `a.b[c.d/e]` is in `a.b`, that in `a`, and that in nothing.
fn parent(path: &str) -> Option<&str> {
    // A dot within brackets is part of a key, so look from the front.
    let mut cut = None;
    let mut inside = false;
    for (at, c) in path.char_indices() {
        match c {
            '[' if !inside => (cut, inside) = (Some(at), true),
            ']' => inside = false,
            '.' if !inside => cut = Some(at),
            _ => {}
        }
    }
    cut.map(|at| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Hint, Severity};
    use crate::object::{Deployment, IntOrString, Kind, Service};

    const STORY: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: test-deployment # 部署
spec:
  replicas: 3
  selector:
    matchLabels:
      app: test-label
  template:
    metadata:
      labels:
        app: test-label
    spec:
      containers:
        - name: hello
          image: hello:1.0
          ports:
            - containerPort: 9090
          readinessProbe:
            httpGet: {path: /api/hello, port: 9090}
---
apiVersion: v1
kind: Service
metadata:
  name: test-svc-cluster
spec:
  type: ClusterIP
  selector:
    app: test-label
  ports:
    - port: 9090
      targetPort: 9090
";

    fn read(text: &str) -> Parsed {
        parse(&Source::new("f.yaml", text))
    }

    /// The marked texts and messages of all that is wrong.
    fn wrong(text: &str) -> Vec<(String, String)> {
        let parsed = read(text);
        parsed
            .diagnostics
            .iter()
            .map(|d| (text[d.span.start as usize..d.span.end as usize].to_owned(), d.message.clone()))
            .collect()
    }

    #[test]
    fn reads_the_tutorials_story() {
        let parsed = read(STORY);
        assert_eq!(parsed.diagnostics, []);
        assert_eq!(parsed.refusals, []);
        let [deployment, service] = &parsed.manifests[..] else { panic!("two documents: {parsed:?}") };
        let body = deployment.object.body::<Deployment>().unwrap();
        assert_eq!(body.spec.replicas, Some(3));
        assert_eq!(body.spec.template.spec.containers[0].image, "hello:1.0");
        let spec = &service.object.body::<Service>().unwrap().spec;
        assert_eq!(spec.ports[0].target_port, Some(IntOrString::Int(9090)));
        assert_eq!(service.key("default").to_string(), "Service/default/test-svc-cluster");
        let at = |path: &str| {
            let span = service.span_of(&FieldRef::new(service.key("default"), path)).unwrap();
            (
                &STORY[span.key.start as usize..span.key.end as usize],
                &STORY[span.value.start as usize..span.value.end as usize],
            )
        };
        assert_eq!(at("spec.ports[0].targetPort"), ("targetPort", "9090"));
        assert_eq!(at("spec.selector[app]"), ("app", "test-label"));
        assert_eq!(at("spec.ports[0]"), ("port: 9090\n      targetPort: 9090", "port: 9090\n      targetPort: 9090"));
        assert_eq!(at("spec.ports[0].nodePort").1, "port: 9090\n      targetPort: 9090");
        assert_eq!(service.span_of(&FieldRef::new(service.key("default"), "status")), None);
        let replicas = deployment.fields["spec.replicas"].value;
        assert_eq!(&STORY[replicas.start as usize..replicas.end as usize], "3");
    }

    #[test]
    fn tells_every_problem_of_a_document() {
        let text = "apiVersion: v1\nkind: Service\nspec:\n  ports:\n  - port: \"80\"\n    targetport: 80\n  selektor: {a: 1}\n  type: 5\n";
        let service = "Service in version \"v1\" cannot be handled as a Service: ";
        let json = "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32";
        assert_eq!(
            wrong(text),
            [
                ("\"80\"".into(), format!("{service}{json}")),
                ("targetport".into(), "strict decoding error: unknown field \"spec.ports[0].targetport\"".into()),
                ("selektor".into(), "strict decoding error: unknown field \"spec.selektor\"".into()),
                (
                    "5".into(),
                    format!(
                        "{service}json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType"
                    )
                ),
            ]
        );
        let parsed = read(text);
        assert_eq!(parsed.manifests, []);
        assert_eq!(parsed.refusals[0].message, format!("{service}{json}"));
        assert_eq!(parsed.diagnostics[1].hint, Some(Hint::DidYouMean("targetPort".into())));
        assert_eq!(parsed.diagnostics[2].hint, Some(Hint::DidYouMean("selector".into())));
    }

    /// A type's own decoder makes the server stop, whatever stands before it.
    #[test]
    fn the_server_stops_at_what_a_type_itself_refuses() {
        let text =
            "apiVersion: v1\nkind: Service\nmetadata: {name: 1}\nspec:\n  ports:\n  - {port: 80, targetPort: true}\n";
        let parsed = read(text);
        assert_eq!(parsed.diagnostics.len(), 2);
        assert_eq!(parsed.diagnostics[0].hint, Some(Hint::Quote("\"1\"".into())));
        assert!(parsed.refusals[0].message.ends_with(
            ": json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32"
        ));
    }

    #[test]
    fn a_bad_document_hides_no_other() {
        let text = format!(
            "kind: Service\n---\na: b: c\n---\napiVersion: v1\nkind: Foo\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n---\n{STORY}"
        );
        let parsed = read(&text);
        assert_eq!(parsed.manifests.len(), 2);
        let by: Vec<_> = parsed.refusals.iter().map(|r| r.by).collect();
        assert_eq!(by, [Refuser::Checker, Refuser::Reader, Refuser::Mapper, Refuser::Mapper]);
        assert_eq!(parsed.diagnostics[0].message, "error validating data: apiVersion not set");
        assert_eq!(parsed.diagnostics[1].message, "yaml: mapping values are not allowed in this context");
        assert_eq!(parsed.diagnostics[2].message, "no matches for kind \"Foo\" in version \"v1\"");
        assert_eq!(parsed.diagnostics[3].hint, Some(Hint::NotSimulated("NetworkPolicy".into())));
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        let parsed = read("apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  name: b\n");
        assert_eq!(parsed.manifests[0].object.meta.name, "b");
        assert_eq!(parsed.diagnostics[0].severity, Severity::Warning);
        assert_eq!(parsed.diagnostics[0].span, Span { start: 41, end: 45 });
    }

    #[test]
    fn nulls_are_fields_that_are_not_there() {
        let parsed = read(
            "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {a: }}\nspec:\n  ports:\n  selector:\nstatus: {}\n",
        );
        assert_eq!(parsed.diagnostics, []);
        assert_eq!(parsed.manifests[0].object.meta.labels["a"], "");
        assert_eq!(parsed.manifests[0].object.kind(), Kind::Service);
    }

    /// As go-yaml v2 has it: a merge key replaces what stands before it, and what stands after replaces it.
    #[test]
    fn anchors_and_merge_keys() {
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports:\n  - &p {name: x, port: 80, protocol: TCP}\n  - {<<: *p, name: w}\n  - {name: z, <<: [{port: 1}, *p]}\n  - *p\n";
        let parsed = read(text);
        let told: Vec<_> = parsed.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(told, ["key \"name\" already set in map"]);
        let ports = &parsed.manifests[0].object.body::<Service>().unwrap().spec.ports;
        let told: Vec<_> = ports.iter().map(|p| format!("{} {} {}", p.name, p.port, p.protocol)).collect();
        assert_eq!(told, ["x 80 TCP", "w 80 TCP", "x 1 TCP", "x 80 TCP"]);
        let at = parsed.manifests[0].fields["spec.ports[3]"].value;
        assert_eq!(&text[at.start as usize..at.end as usize], "*p");
        let message = read("a: &a 1\nb: {<<: *a}\n").diagnostics[0].message.clone();
        assert_eq!(message, "yaml: map merge requires map or sequence of maps as the value");
    }

    #[test]
    fn a_template_is_told_from_a_manifest() {
        let parsed = read("apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n");
        let message = "yaml: invalid map key: map[interface {}]interface {}{\".Values.name\":interface {}(nil)}";
        assert_eq!(
            (parsed.diagnostics[0].message.as_str(), parsed.diagnostics[0].hint.clone()),
            (message, Some(Hint::Template))
        );
    }

    #[test]
    fn a_path_leads_to_its_parent() {
        assert_eq!(parent("metadata.labels[a.b/c]"), Some("metadata.labels"));
        assert_eq!(parent("spec.ports[0].port"), Some("spec.ports[0]"));
        assert_eq!(parent("spec"), None);
    }

    #[test]
    fn a_file_full_of_mistakes_is_not_read_to_its_end() {
        let wrong = "apiVersion: v1\nkind: Rocket\nmetadata:\n  name: x\n---\n";
        let parsed = parse(&Source::new("a.yaml", wrong.repeat(3_000)));
        assert_eq!(parsed.refusals.len(), 1_001);
        assert_eq!(parsed.diagnostics.last().and_then(|d| d.hint.clone()), Some(Hint::TooMany));
    }
}
