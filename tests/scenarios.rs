//! What each scenario of the gallery shows has the cause that it names: without it, it shows something else. All else that holds
//! of scenarios is proved by `tests/lessons.rs`.

use std::collections::BTreeSet;
use std::fs;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Group, Scenario};

const FOLDER: &str = "public/scenarios";

fn text(name: &str) -> String {
    fs::read_to_string(format!("{FOLDER}/{name}.yaml")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn groups() -> Vec<Group> {
    lesson::gallery(&text("index")).expect("the list is read")
}

fn scenarios() -> Vec<(String, Scenario)> {
    let names = groups().into_iter().flat_map(|group| group.scenarios);
    names
        .map(|name| {
            let scenario = lesson::scenario(&text(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, scenario)
        })
        .collect()
}

#[test]
fn there_are_many() {
    assert!(scenarios().len() >= 12);
}

#[test]
fn the_controller_of_the_cloud_is_the_one_that_we_serve() {
    let served = fs::read_to_string("public/manifests/ingress-nginx.yaml").expect("it is there");
    let scenario = lesson::scenario(&text("one-door")).expect("it is read");
    let file = scenario.files.iter().find(|file| file.name == "ingress-nginx.yaml").expect("it is in");
    assert_eq!(file.text.trim(), served.trim());
}

/// A change to a file, a line of the log left out, or another environment, that must break what a scenario shows.
const MUTATIONS: &[(&str, &str, &str)] = &[
    ("clusterip", "replicas: 3", "replicas: 2"),
    ("keep-alive", "keepAlive: true", "keepAlive: false"),
    ("session-affinity", "sessionAffinity: ClientIP", "sessionAffinity: None"),
    ("headless", "url: \"http://test-svc-headless:9090", "url: \"http://test-svc-headless:80"),
    ("nodeport", "targetPort: 9090", "targetPort: 9091"),
    ("lb-pending", "profile: minikube", "profile: cloud"),
    ("lb-tunnel", "run: minikube tunnel &", "run: echo"),
    ("lb-cloud", "externalTrafficPolicy: Local", "externalTrafficPolicy: Cluster"),
    ("source-lost", "externalTrafficPolicy: Cluster", "externalTrafficPolicy: Local"),
    ("source-kept", "externalTrafficPolicy: Local", "externalTrafficPolicy: Cluster"),
    ("ingress-paper", "[0, {apply: deploy.yaml}]", "[0, {run: minikube addons enable ingress}]"),
    ("ingress-paths", "path: /api\n", "path: /v1\n"),
    ("three-doors", "run: firewall open 30002", "run: firewall open 30003"),
    ("one-door", "host: shop.test\n", "host: shops.test\n"),
    ("status-404", "path: /api/hello\n", "path: /\n"),
    ("status-502", "targetPort: 8080", "targetPort: 9090"),
    ("status-503", "replicas: 0", "replicas: 1"),
    ("status-504", "delay: 5s", "delay: 5ms"),
    ("no-endpoints", "test-lable", "test-label"),
    ("unready", "fault unready", "echo"),
    ("node-dies", "fault stop-node", "echo"),
    ("docker-desktop", "host: DockerDesktop", "host: Linux"),
];

#[test]
fn a_change_of_the_cause_changes_the_outcome() {
    let names: BTreeSet<&str> = MUTATIONS.iter().map(|(name, ..)| *name).collect();
    for (name, _) in scenarios() {
        assert!(names.contains(name.as_str()), "{name}: no change is known that breaks it");
    }
    let mut wrong = Vec::new();
    for (name, from, to) in MUTATIONS {
        let text = text(name);
        assert!(text.contains(from), "{name}: {from}");
        let mutated = text.split("\nnext:").next().expect("a text").replace(from, to);
        let rest = text.split("\nnext:").nth(1).expect("next");
        // What is suggested may lean on the text that has gone.
        let expect = rest.split("\nexpect:").nth(1).expect("expect");
        let mutant = format!("{mutated}\nnext: []\nexpect:{expect}");
        let mutant = lesson::scenario(&mutant).unwrap_or_else(|error| panic!("{name}: {error}"));
        let session = mutant.open(Lang::En).session;
        if mutant.judge(&session, Lang::En).is_solved() {
            wrong.push(format!("{name}: {from} -> {to} goes unnoticed"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
