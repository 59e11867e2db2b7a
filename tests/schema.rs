//! `src/manifest/schema.txt` says what `k8s-openapi` says. `UPDATE_EXPECT=1 cargo test --test schema` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use k8s_openapi::api::{admissionregistration, apps, core, discovery, networking};
use k8s_openapi::{Resource, schemars};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/schema.txt");

/// The kinds the table knows, by `apiVersion` and `kind`, and the struct that each is.
struct Roots {
    generator: SchemaGenerator,
    roots: BTreeMap<String, String>,
}

impl Roots {
    fn add<T: Resource + JsonSchema>(&mut self) {
        self.generator.subschema_for::<T>();
        self.roots.insert(format!("{} {}", T::API_VERSION, T::KIND), T::schema_name().into_owned());
    }
}

/// `io.k8s.api.core.v1.ServicePort` to `ServicePort`, or to `ServicePort@core.v1` where another group has one too.
fn short(name: &str, clashes: &BTreeSet<&str>) -> String {
    let last = last(name);
    if !clashes.contains(last) {
        return last.to_owned();
    }
    let group = name.rsplit('.').skip(1).take(2).collect::<Vec<_>>();
    format!("{last}@{}.{}", group[1], group[0])
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A schema to the table's one-letter types; see `src/manifest/schema.rs`.
fn type_of(schema: &Value, clashes: &BTreeSet<&str>) -> String {
    let reference = schema.get("$ref").or_else(|| schema.get("allOf").and_then(|all| all[0].get("$ref")));
    if let Some(Value::String(to)) = reference {
        let name = to.trim_start_matches("#/$defs/");
        return match last(name) {
            "IntOrString" => "p".into(),
            "Quantity" => "q".into(),
            "Time" => "t".into(),
            "MicroTime" => "u".into(),
            "ByteString" => "y".into(),
            "FieldsV1" | "RawExtension" | "JSON" => "j".into(),
            _ => format!("@{}", short(name, clashes)),
        };
    }
    if schema.get("x-kubernetes-int-or-string").is_some() {
        return "p".into();
    }
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("type"), text("format")) {
        ("string", "byte") => "y".into(),
        ("string", "date-time") => "t".into(),
        ("string", _) => "s".into(),
        ("integer", "int32") => "i".into(),
        ("integer", _) => "l".into(),
        ("number", _) => "d".into(),
        ("boolean", _) => "b".into(),
        ("array", _) => format!("[{}", type_of(&schema["items"], clashes)),
        ("object", _) => match schema.get("additionalProperties") {
            Some(values) => format!("{{{}", type_of(values, clashes)),
            None => "j".into(),
        },
        other => panic!("a schema of a new shape, {other:?}: {schema}"),
    }
}

/// The structs of our own kind, which `k8s-openapi` does not know, and its row among the kinds.
const OURS: &str = "\
Lab apiVersion:s kind:s metadata:@ObjectMeta spec:@LabSpec
LabFirewall inbound:[@LabOpening
LabImage listens:[i name:s routes:[@LabRoute startup:s udp:[i
LabKubeProxy localhostNodePorts:b mode:s nodePortAddresses:[s
LabLink between:[s latency:s loss:i
LabLoadBalancer ipMode:s pool:s
LabNode address:s labels:{s name:s podCIDR:s publicAddress:s
LabOpening from:s ports:p
LabRoute body:s delay:s path:s prefix:b status:i
LabSpec firewall:@LabFirewall host:s images:[@LabImage kubeProxy:@LabKubeProxy links:[@LabLink loadBalancer:@LabLoadBalancer nodes:[@LabNode podCIDR:s profile:s serviceCIDR:s
";

fn table() -> String {
    let mut all = Roots { generator: SchemaSettings::draft2020_12().into_generator(), roots: BTreeMap::new() };
    all.add::<core::v1::Namespace>();
    all.add::<core::v1::Node>();
    all.add::<core::v1::Pod>();
    all.add::<core::v1::Service>();
    all.add::<core::v1::Endpoints>();
    all.add::<apps::v1::ReplicaSet>();
    all.add::<apps::v1::Deployment>();
    all.add::<discovery::v1::EndpointSlice>();
    all.add::<apps::v1::StatefulSet>();
    all.add::<apps::v1::DaemonSet>();
    all.add::<apps::v1::ControllerRevision>();
    all.add::<core::v1::Event>();
    all.add::<networking::v1::Ingress>();
    all.add::<networking::v1::IngressClass>();
    all.add::<core::v1::Secret>();
    all.add::<core::v1::ConfigMap>();
    all.add::<admissionregistration::v1::ValidatingWebhookConfiguration>();

    all.roots.insert("kubehop.dev/v1 Lab".into(), "dev.kubehop.v1.Lab".into());

    let schemas: BTreeMap<String, Value> = all.generator.take_definitions(true).into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut clashes = BTreeSet::new();
    for name in schemas.keys() {
        if !seen.insert(last(name)) {
            clashes.insert(last(name));
        }
    }
    let mut out = String::new();
    for (kind, name) in &all.roots {
        writeln!(out, "{kind} {}", short(name, &clashes)).unwrap();
    }
    for (name, schema) in &schemas {
        let Some(Value::Object(properties)) = schema.get("properties") else { continue };
        write!(out, "\n{}", short(name, &clashes)).unwrap();
        let sorted: BTreeMap<_, _> = properties.iter().collect();
        for (field, schema) in sorted {
            write!(out, " {field}:{}", type_of(schema, &clashes)).unwrap();
        }
    }
    out.push('\n');
    out + OURS
}

#[test]
fn the_table_says_what_the_api_says() {
    let table = table();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(PATH, &table).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(kept == table, "{PATH} is out of date: UPDATE_EXPECT=1 cargo test --test schema");
}
