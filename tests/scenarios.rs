//! Every scenario of the gallery reads strictly, plays the same every time, shows what it says, and what it suggests can be done.

use std::collections::BTreeSet;
use std::fs;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Group, Scenario};
use kubehop::session::{Command, Session};
use kubehop::text::Source;
use kubehop::time::Duration;

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
fn the_list_names_every_file_once() {
    let mut names: Vec<String> = groups().into_iter().flat_map(|group| group.scenarios).collect();
    names.sort();
    let mut files: Vec<String> = fs::read_dir(FOLDER)
        .expect("scenarios")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".yaml").to_owned())
        .filter(|name| name != "index")
        .collect();
    files.sort();
    assert_eq!(names, files);
    assert!(files.len() >= 12);
}

#[test]
fn they_are_told_in_both_languages() {
    let han = |text: &str| text.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).count();
    for (name, scenario) in scenarios() {
        let texts = scenario.next.iter().map(|next| &next.say).chain([&scenario.about, &scenario.look]);
        for said in texts {
            let (en, zh) = (said.text(Lang::En), said.text(Lang::Zh));
            assert_eq!(han(en), 0, "{name}: {en}");
            // Code and names stay as they are in every language.
            let words: String = zh.split('`').step_by(2).collect();
            assert!(han(&words) >= 2, "{name}: {zh}");
            assert_eq!(said.prose(Lang::En).len(), said.prose(Lang::Zh).len(), "{name}: {en}");
        }
        assert!((1..=3).contains(&scenario.next.len()), "{name}");
        assert!(scenario.about.text(Lang::En).len() < 100, "{name}: a card holds a line or two");
    }
}

#[test]
fn what_they_show_comes_of_their_log_and_of_nothing_less() {
    let mut wrong = Vec::new();
    for (name, scenario) in scenarios() {
        let opened = scenario.open(Lang::En);
        let report = scenario.judge(&opened.session, Lang::En);
        let unmet = report.conditions.iter().filter(|condition| !condition.met);
        wrong.extend(unmet.map(|c| format!("{name}: {} ({} of {})", c.text, c.have, c.want)));
        let fresh = Session::new(scenario.profile.clone(), scenario.seed, Lang::En);
        let report = scenario.judge(&fresh, Lang::En);
        // Each condition needs the log, or else says nothing.
        let idle = report.conditions.iter().filter(|condition| condition.met);
        wrong.extend(idle.map(|condition| format!("{name}: {} from the start", condition.text)));
        if opened.batch.is_empty() {
            wrong.push(format!("{name}: the stage has nothing to play"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn they_replay_to_the_same_bytes() {
    for (name, scenario) in scenarios() {
        let json = |session: &Session| {
            let traces: Vec<String> =
                session.traces().iter().map(|t| kubehop::trace::to_json(t, Lang::En).to_string()).collect();
            (traces, session.cluster().store().revision(), session.cluster().now())
        };
        let first = scenario.open(Lang::En);
        assert_eq!(json(&first.session), json(&scenario.open(Lang::En).session), "{name}");
        let mut again = Session::from_json(&first.session.to_json(), Lang::En).expect("its own words");
        assert_eq!(json(&first.session), json(&again), "{name}: written down and read");
        assert_eq!(again.log(), first.session.log(), "{name}");
        while again.undo() {}
        assert!(again.traces().is_empty(), "{name}: undone");
    }
}

#[test]
fn what_they_suggest_can_be_done_and_changes_something() {
    let names: BTreeSet<String> = groups().into_iter().flat_map(|group| group.scenarios).collect();
    let mut wrong = Vec::new();
    for (name, scenario) in scenarios() {
        for next in &scenario.next {
            if let Some(other) = &next.open {
                assert!(names.contains(other) && *other != name, "{name}: opens {other}");
            }
            let mut session = scenario.open(Lang::En).session;
            for deed in &next.deeds {
                let before = (session.cluster().store().revision(), session.traces().len());
                let commands = deed.commands(&scenario.files, &[], &session);
                assert!(!commands.is_empty(), "{name}: {deed:?} does nothing");
                for command in commands {
                    let was_applied = matches!(command, Command::Apply(_));
                    let reply = session.run(command);
                    let said = format!("{name}: {deed:?}: {:?}", reply.output);
                    if deed.send.is_none() && reply.output.code != 0 || deed.send.is_some() && reply.traces.is_empty() {
                        wrong.push(format!("{said} fails"));
                    }
                    let after = (session.cluster().store().revision(), session.traces().len());
                    if was_applied && after == before {
                        wrong.push(format!("{said} changes nothing"));
                    }
                    let printed = reply.output.chunks.iter().any(|(_, text)| !text.trim().is_empty());
                    let passes =
                        deed.run.as_ref().is_some_and(|line| line.starts_with("sleep") || line.starts_with("kill"));
                    if deed.run.is_some() && !passes && !printed {
                        wrong.push(format!("{said} prints nothing"));
                    }
                }
                session.settle(Duration::from_secs(20));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

#[test]
fn files_are_manifests_that_can_be_read() {
    for (name, scenario) in scenarios() {
        for Source { name: file, text } in &scenario.files {
            let parsed = kubehop::manifest::parse(&Source::new(file.as_str(), text.as_str()));
            assert_eq!(parsed.diagnostics, [], "{name}: {file}");
        }
    }
}
