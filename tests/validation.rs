//! What the API server answers to invalid manifests, to the letter: the rows of `tests/truth/validation.yaml`.
//!
//! They were read from Kubernetes 1.32; where 1.37 says it otherwise, `in_1_37` stands beside the row with the reason, and wins.

use kubehop::api::{Reason, Status};
use kubehop::cluster::Cluster;
use kubehop::manifest::{self, Manifest};
use kubehop::object::{Kind, Object, Profile};
use kubehop::text::Source;
use serde::Deserialize;

#[derive(Deserialize)]
struct Truth {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    manifest: String,
    previous: Option<String>,
    #[serde(default)]
    expect_errors: Vec<Expected>,
    expect_error: Option<Expected>,
    kubectl_stderr: Option<String>,
    in_1_37: Option<Newer>,
}

#[derive(Deserialize)]
struct Expected {
    field: Option<String>,
    r#type: String,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Newer {
    kubectl_stderr: String,
}

/// A case that other tests cover: it is about a body in YAML, which kubectl does not send.
const SKIPPED: [&str; 1] = ["strict: duplicate key sent as YAML"];

fn read(text: &str) -> Manifest {
    let mut parsed = manifest::parse(&Source::new("f.yaml", text));
    assert!(!parsed.manifests.is_empty(), "{text}\n{:?}", parsed.diagnostics);
    parsed.manifests.remove(0)
}

/// A new object is created as `kubectl create` does, a change applied as `kubectl apply` does.
fn answer(case: &Case) -> Result<(), Status> {
    let mut profile = Profile::named("minikube").expect("a built-in profile");
    // The rows' own service range.
    profile.service_cidr = "10.96.0.0/16".parse().expect("a range");
    let mut cluster = Cluster::new(&profile, 1);
    let manifest = read(&case.manifest);
    let mut same = false;
    if let Some(previous) = &case.previous {
        let previous = read(previous);
        same = previous.key("default") == manifest.key("default");
        cluster.apply(&previous, "default").expect("what exists already was accepted");
    }
    if same {
        return cluster.apply(&manifest, "default").map(drop);
    }
    let mut object: Object = manifest.object;
    if object.kind().is_namespaced() && object.meta.namespace.is_empty() {
        object.meta.namespace = "default".into();
    }
    cluster.create(object).map(drop)
}

fn check(case: &Case) -> Result<(), String> {
    let said = match answer(case) {
        Ok(()) => String::new(),
        Err(status) => {
            let newer = case.in_1_37.is_some();
            let expected: Vec<&Expected> = case.expect_errors.iter().chain(&case.expect_error).collect();
            if !newer && status.reason == Reason::Invalid {
                if expected.len() != status.causes.len() {
                    return Err(format!("{} causes: {:#?}", status.causes.len(), status.causes));
                }
                for (expected, cause) in expected.iter().zip(&status.causes) {
                    let start = match expected.r#type.as_str() {
                        "Invalid" => "Invalid value",
                        "Required" => "Required value",
                        "Duplicate" => "Duplicate value",
                        "NotSupported" => "Unsupported value",
                        other => other,
                    };
                    let well = expected.field.as_ref() == Some(&cause.field)
                        && cause.message.starts_with(start)
                        && cause.message.ends_with(&expected.detail);
                    if !well {
                        return Err(format!("{cause:?}"));
                    }
                }
            }
            status.kubectl()
        }
    };
    let wanted = case.in_1_37.as_ref().map(|newer| &newer.kubectl_stderr).or(case.kubectl_stderr.as_ref());
    match wanted {
        Some(wanted) if *wanted != said => Err(format!("expected {wanted}     got {said}")),
        None if said.is_empty() => Err("accepted".into()),
        _ => Ok(()),
    }
}

#[test]
fn invalid_manifests_are_refused_in_the_servers_words() {
    let truth: Truth = serde_yaml::from_str(include_str!("truth/validation.yaml")).expect("the rows are read");
    let mut failed = Vec::new();
    let mut skipped = Vec::new();
    let mut passed = 0;
    for case in &truth.cases {
        if SKIPPED.contains(&case.name.as_str()) {
            skipped.push(case.name.as_str());
            continue;
        }
        match check(case) {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{}\n     {why}", case.name)),
        }
    }
    assert!(failed.is_empty(), "{} of {} rows differ:\n{}", failed.len(), failed.len() + passed, failed.join("\n"));
    assert_eq!(skipped.len(), truth.cases.len() - passed, "every row is checked, or skipped by name");
    assert_eq!((passed, skipped.len()), (58, 1));
}

#[test]
fn a_missing_namespace_and_a_name_that_is_taken_are_no_validation_errors() {
    let mut cluster = Cluster::new(&Profile::named("minikube").expect("a built-in profile"), 1);
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: NS}\nspec: {ports: [{port: 80}]}\n";
    let missing = cluster.apply(&read(&text.replace("NS", "nope")), "default").expect_err("no such namespace");
    assert_eq!(
        missing.kubectl_doing("error when creating \"f.yaml\": "),
        "Error from server (NotFound): error when creating \"f.yaml\": namespaces \"nope\" not found\n"
    );
    let web = read(&text.replace("NS", "default")).object;
    cluster.create(web.clone()).expect("a good Service");
    let twice = cluster.create(web).expect_err("the name is taken");
    assert_eq!(twice.kubectl(), "Error from server (AlreadyExists): services \"web\" already exists\n");
    assert_eq!(twice.kind, Some(Kind::Service));
}
