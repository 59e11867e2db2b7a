//! What the API server does with objects, row by row: `tests/rules/*.yaml`, one file a kind.
//!
//! A file names its kind, and a spec that all its rows share (`base`). A row has
//! - `spec`, laid over the base, or `only`, instead of it; `meta`, laid over a name; `body` for what stands beside both;
//! - `before`: what the object was (laid over the base), so that the row is a change, applied as kubectl applies; `was`, the same
//!   for `body`; `other`: another object's spec, that exists already;
//! - and what comes of it: `says`, each broken rule, in order; `later`, the rules that are told only then; `stderr`, the whole
//!   text where it is no list of broken rules; `gives`, values by JSON pointer, null for what is not there; `warns`.
//!
//! Sources are upstream's, as of Kubernetes 1.37 or the nearest version that could be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kubehop::api::{self, Status};
use kubehop::cluster::Cluster;
use kubehop::manifest::{self, Manifest};
use kubehop::object::{Object, Profile};
use kubehop::text::Source;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: String,
    #[serde(default = "v1")]
    api: String,
    #[serde(default)]
    base: Map<String, Value>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    spec: Option<Map<String, Value>>,
    only: Option<Map<String, Value>>,
    #[serde(default)]
    meta: Map<String, Value>,
    body: Option<Map<String, Value>>,
    before: Option<Map<String, Value>>,
    was: Option<Map<String, Value>>,
    other: Option<Map<String, Value>>,
    says: Option<Vec<String>>,
    #[serde(default)]
    later: Vec<String>,
    stderr: Option<String>,
    #[serde(default)]
    gives: BTreeMap<String, Value>,
    warns: Option<Vec<String>>,
    #[expect(dead_code, reason = "for those who read the rows")]
    source: Option<String>,
}

fn v1() -> String {
    "v1".into()
}

/// An object of the file's kind, as a person would write it.
fn manifest(
    file: &File,
    meta: &Map<String, Value>,
    spec: Option<&Map<String, Value>>,
    body: Option<&Map<String, Value>>,
) -> Manifest {
    let mut metadata = Map::from_iter([("name".to_owned(), json!("shop"))]);
    metadata.extend(meta.clone());
    let mut object = Map::from_iter([
        ("apiVersion".to_owned(), json!(file.api)),
        ("kind".to_owned(), json!(file.kind)),
        ("metadata".to_owned(), metadata.into()),
    ]);
    if let Some(spec) = spec {
        object.insert("spec".to_owned(), spec.clone().into());
    }
    object.extend(body.cloned().unwrap_or_default());
    let text = Value::Object(object).to_string();
    let mut parsed = manifest::parse(&Source::new("f.yaml", text.as_str()));
    assert!(parsed.refusals.is_empty() && parsed.manifests.len() == 1, "{text}\n{:?}", parsed.diagnostics);
    parsed.manifests.remove(0)
}

fn laid_over(base: &Map<String, Value>, spec: &Map<String, Value>) -> Map<String, Value> {
    base.clone().into_iter().chain(spec.clone()).collect()
}

/// What the server said, and the object as it then is.
fn answer(file: &File, row: &Row) -> (Result<Object, Status>, Vec<String>) {
    let mut profile = Profile::named("minikube").expect("a built-in profile");
    profile.service_cidr = "10.96.0.0/16".parse().expect("a range");
    let mut cluster = Cluster::new(&profile, 1);
    if let Some(other) = &row.other {
        let meta = Map::from_iter([("name".to_owned(), json!("other"))]);
        let other = manifest(file, &meta, Some(&laid_over(&file.base, other)), None);
        cluster.apply(&other, "default").expect("the other object is well");
    }
    let spec = row.only.clone().or_else(|| row.spec.as_ref().map(|spec| laid_over(&file.base, spec)));
    let new = manifest(file, &row.meta, spec.as_ref(), row.body.as_ref());
    let key = new.key("default");
    let mut old = None;
    let said = if row.before.is_some() || row.was.is_some() {
        let was = row.before.as_ref().map(|before| laid_over(&file.base, before));
        let was = manifest(file, &row.meta, was.as_ref(), row.was.as_ref());
        cluster.apply(&was, "default").expect("what it was is well");
        old = cluster.store().get(&key).cloned();
        cluster.apply(&new, "default").map(drop)
    } else {
        let mut object = new.object;
        object.meta.namespace = key.namespace.to_string();
        cluster.create(object).map(drop)
    };
    let stored = cluster.store().get(&key).cloned();
    if let Err(status) = said {
        assert_eq!(stored, old, "{}: a refusal changes nothing", row.name);
        return (Err(status), Vec::new());
    }
    let stored = stored.expect("it was taken in");
    let warned = api::warnings(&stored, old.as_deref());
    (Ok(Object::clone(&stored)), warned.into_iter().map(|warning| warning.message).collect())
}

fn check(file: &File, row: &Row) -> Result<(), String> {
    let differ = |what: &str, wanted: &dyn std::fmt::Debug, got: &dyn std::fmt::Debug| {
        Err(format!("{what}: expected {wanted:#?}\n     got {got:#?}"))
    };
    match answer(file, row) {
        (Ok(object), warned) => {
            if row.says.is_some() || row.stderr.is_some() {
                return Err("accepted".into());
            }
            let tree = object.to_value();
            for (pointer, wanted) in &row.gives {
                let got = tree.pointer(pointer).unwrap_or(&Value::Null);
                if got != wanted {
                    return differ(pointer, wanted, got);
                }
            }
            match &row.warns {
                Some(wanted) if *wanted != warned => differ("warnings", wanted, &warned),
                _ if row.gives.is_empty() && row.warns.is_none() => Err("the row says nothing".into()),
                _ => Ok(()),
            }
        }
        (Err(status), _) => {
            if let Some(stderr) = &row.stderr {
                return if *stderr == status.kubectl() { Ok(()) } else { differ("stderr", stderr, &status.kubectl()) };
            }
            let Some(says) = &row.says else { return Err(status.kubectl()) };
            let name = row.meta.get("name").and_then(Value::as_str).unwrap_or("shop");
            let kind = &file.kind;
            let wanted = match &says[..] {
                [one] => format!("The {kind} \"{name}\" is invalid: {one}\n"),
                _ => says
                    .iter()
                    .fold(format!("The {kind} \"{name}\" is invalid: \n"), |text, one| format!("{text}* {one}\n")),
            };
            if wanted != status.kubectl() {
                return differ(
                    "stderr",
                    &wanted.lines().collect::<Vec<_>>(),
                    &status.kubectl().lines().collect::<Vec<_>>(),
                );
            }
            let later: Vec<String> = status.later.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            if later == row.later { Ok(()) } else { differ("later", &row.later, &later) }
        }
    }
}

#[test]
fn the_server_does_what_each_row_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let (mut failed, mut passed) = (Vec::new(), 0);
    for path in paths {
        let text = fs::read_to_string(&path).expect("a text");
        let file: File = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for row in &file.rows {
            match check(&file, row) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{}: {}\n     {why}", file.kind, row.name)),
            }
        }
    }
    println!("{passed} rows");
    assert!(failed.is_empty(), "{} of {} rows differ:\n{}", failed.len(), failed.len() + passed, failed.join("\n"));
}

#[test]
fn an_ingress_without_class_is_of_the_default_one() {
    let class = |name: &str, is_default: &str| {
        let meta = json!({"name": name, "annotations": {"ingressclass.kubernetes.io/is-default-class": is_default}});
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": meta, "spec": {"controller": "a.b/c"}})
    };
    let ingress = |annotations: Value| {
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        let meta = json!({"name": "shop", "annotations": annotations});
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"defaultBackend": backend}})
    };
    let class_of = |classes: &[Value], ingress: Value| {
        let mut cluster = Cluster::new(&Profile::named("minikube").expect("a built-in profile"), 1);
        for object in classes.iter().chain([&ingress]) {
            let parsed = manifest::parse(&Source::new("f.yaml", object.to_string()));
            cluster.apply(&parsed.manifests[0], "default").expect("all of them are well");
        }
        let list = cluster.store().list(kubehop::object::Kind::Ingress, None);
        let tree = list.map(|object| object.to_value()).next().expect("the Ingress");
        tree.pointer("/spec/ingressClassName").cloned().unwrap_or_default()
    };
    assert_eq!(class_of(&[class("a", "false")], ingress(json!({}))), Value::Null);
    assert_eq!(class_of(&[class("a", "false"), class("b", "true")], ingress(json!({}))), "b");
    assert_eq!(class_of(&[class("b", "true")], ingress(json!({"kubernetes.io/ingress.class": "c"}))), Value::Null);
    assert_eq!(
        class_of(&[class("b", "true"), class("a", "true")], ingress(json!({}))),
        "a",
        "as old as each other: by name"
    );
}
