//! `src/manifest/schema.txt` says what `k8s-openapi` says, and `public/fields.json` how the API describes each field (the texts are
//! Kubernetes' own, Apache License 2.0; the editor shows them). `UPDATE_EXPECT=1 cargo test --test schema` writes both anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use k8s_openapi::api::{admissionregistration, apps, core, discovery, networking};
use k8s_openapi::{Resource, schemars};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/schema.txt");
const FIELDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/public/fields.json");

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
LabImage listens:[i loopback:[i name:s routes:[@LabRoute startup:s udp:[i
LabKubeProxy localhostNodePorts:b mode:s nodePortAddresses:[s
LabLink between:[s latency:s loss:i
LabLoadBalancer ipMode:s pool:s
LabNode address:s labels:{s name:s podCIDR:s publicAddress:s
LabOpening from:s ports:p
LabRoute body:s delay:s path:s prefix:b status:i
LabSpec firewall:@LabFirewall host:s images:[@LabImage kubeProxy:@LabKubeProxy links:[@LabLink loadBalancer:@LabLoadBalancer nodes:[@LabNode podCIDR:s profile:s serviceCIDR:s
";

/// How our own kind's fields are described; the editor shows these as the API's.
const OURS_SAID: &str = "\
Lab.: An environment of your own: its nodes, addresses, links and programs. kubehop's own kind; no part of Kubernetes.
LabSpec.profile: The built-in environment that all comes from which is not said here.
LabSpec.host: Where the laptop stands: Linux reaches the nodes' addresses, DockerDesktop does not, Remote is on the internet.
LabSpec.nodes: All nodes of the cluster; the profile's own if none are named.
LabSpec.podCIDR: The range of the pods' addresses.
LabSpec.serviceCIDR: The range of cluster IPs.
LabSpec.kubeProxy: How kube-proxy is configured.
LabSpec.loadBalancer: The load balancers outside of the cluster. Without them, Services of type LoadBalancer stay pending.
LabSpec.firewall: What the firewall before the nodes lets in.
LabSpec.links: Ways between machines that are not like the others.
LabSpec.images: Programs that the lab does not know by their image's name.
LabNode.name: The node's name.
LabNode.address: Its address on the nodes' network.
LabNode.publicAddress: Its address on the internet, if it has one.
LabNode.podCIDR: Its share of the pods' addresses; the next free /24 if it is not said.
LabNode.labels: The labels of the Node, its zone among them.
LabKubeProxy.mode: Which rules kube-proxy writes.
LabKubeProxy.localhostNodePorts: Whether node ports answer on 127.0.0.1, in mode iptables.
LabKubeProxy.nodePortAddresses: On which of a node's addresses node ports answer.
LabLoadBalancer.pool: Where the balancers' addresses come from.
LabLoadBalancer.ipMode: VIP passes packets through unchanged; Proxy opens a connection of its own to a node.
LabFirewall.inbound: What may come in; all else is dropped.
LabOpening.ports: One port, or a range of ports such as 30000-32767.
LabOpening.from: Who may come.
LabLink.between: Two machines: nodes by name, laptop or internet.
LabLink.latency: How long a packet takes one way, such as 2ms.
LabLink.loss: How many packets of a hundred are lost.
LabImage.name: The image, as a container names it.
LabImage.listens: The TCP ports that the program listens on.
LabImage.loopback: The TCP ports that it listens on at 127.0.0.1 alone: nobody outside its pod reaches them.
LabImage.udp: The UDP ports that it listens on.
LabImage.startup: How long it takes from its start until it listens.
LabImage.routes: What it answers, by path.
LabRoute.path: The path of a request.
LabRoute.prefix: Whether longer paths fit too.
LabRoute.status: The HTTP status.
LabRoute.body: What it says; {pod} and {ip} stand for the pod's name and address.
LabRoute.delay: How long it thinks first.
";

/// The kinds we serve, as the generator of schemas knows them.
fn served() -> Roots {
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
    all
}

/// Names that two groups have.
fn clashes(schemas: &BTreeMap<String, Value>) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let mut clashes = BTreeSet::new();
    for name in schemas.keys() {
        if !seen.insert(last(name)) {
            clashes.insert(last(name));
        }
    }
    clashes
}

fn table() -> String {
    let mut all = served();
    let schemas: BTreeMap<String, Value> = all.generator.take_definitions(true).into_iter().collect();
    let clashes = clashes(&schemas);
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

/// The first sentences of a description, as many as help at a glance; whole ones. Links that lead out of the page are left out.
fn first_words(text: &str) -> String {
    let text = text.split(" More info: ").next().unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("More info:"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut end = 0;
    for (at, _) in text.match_indices(['.', ';']) {
        let stop = text[at + 1..].is_empty() || text[at + 1..].starts_with(' ');
        if stop && !text[..at].ends_with("i.e") && !text[..at].ends_with("e.g") {
            if end > 0 && at > 260 {
                break;
            }
            end = at + 1;
        }
    }
    let cut = if end == 0 { text.len() } else { end };
    text[..cut].trim().trim_end_matches(';').to_owned()
}

/// What each struct and field is for, in the API's words: by struct, then by field; the empty field is the struct itself. Status is left
/// out: nobody writes it.
fn said() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = served();
    let schemas: BTreeMap<String, Value> = all.generator.take_definitions(true).into_iter().collect();
    let clashes = clashes(&schemas);
    let roots: BTreeSet<&String> = all.roots.values().collect();
    let mut said: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut add = |owner: &str, field: &str, text: &str| {
        let text = first_words(text);
        if !text.is_empty() {
            said.entry(owner.to_owned()).or_default().insert(field.to_owned(), text);
        }
    };
    for (name, schema) in &schemas {
        let Some(Value::Object(properties)) = schema.get("properties") else { continue };
        let owner = short(name, &clashes);
        if owner.ends_with("Status") {
            continue;
        }
        let text = |schema: &Value| schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        if roots.contains(name) {
            add(&owner, "", &text(schema));
        }
        for (field, schema) in properties.iter().filter(|(field, _)| *field != "status") {
            add(&owner, field, &text(schema));
        }
    }
    for line in OURS_SAID.lines() {
        let (place, text) = line.split_once(": ").unwrap();
        let (owner, field) = place.split_once('.').unwrap();
        add(owner, field, text);
    }
    said
}

#[test]
fn the_editors_help_says_what_the_api_says() {
    let said = said();
    let text = serde_json::to_string(&said).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(FIELDS, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FIELDS).unwrap_or_default();
    assert!(kept == text, "{FIELDS} is out of date: UPDATE_EXPECT=1 cargo test --test schema");
    // What is described is in the table, and next to nothing in the table is not described.
    let table: BTreeMap<String, BTreeSet<String>> = table()
        .split("\n\n")
        .nth(1)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, fields)| {
            let names = fields.split(' ').filter_map(|field| Some(field.split_once(':')?.0.to_owned()));
            (name.to_owned(), names.collect())
        })
        .collect();
    for (owner, fields) in &said {
        for field in fields.keys().filter(|field| !field.is_empty()) {
            assert!(table.get(owner).is_some_and(|fields| fields.contains(field)), "{owner}.{field}");
        }
    }
    let written = table.iter().filter(|(owner, _)| !owner.ends_with("Status"));
    let fields = written.flat_map(|(owner, fields)| fields.iter().map(move |field| (owner, field)));
    let silent: Vec<_> = fields
        .filter(|(owner, field)| said.get(*owner).is_none_or(|of| !of.contains_key(*field)))
        .filter(|(_, field)| !matches!(field.as_str(), "status" | "metadata" | "apiVersion" | "kind" | "spec"))
        .collect();
    assert!(silent.len() < 10, "fields without a word: {silent:?}");
}
