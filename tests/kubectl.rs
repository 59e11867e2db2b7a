//! What a real client printed, to the byte: the `golden` rows of `tests/truth/kubectl.yaml`.

use kubehop::lang::Lang;
use kubehop::object::Profile;
use kubehop::session::{Command, Session};
use kubehop::shell::Stream;
use kubehop::text::Source;
use serde_yaml::Value;

/// Rows that the lab does not answer yet, or answers as 1.37 does where the row shows 1.32; each says why.
const APART: &[(&str, &str)] = &[
    ("kubectl get ing -n", "rows supplied by a stub"),
    ("kubectl get svc -n blue", "rows supplied by a stub; shell::kubectl::table holds their padding to it"),
    ("kubectl get svc -A", "rows supplied by a stub"),
    ("kubectl get deploy -n blue", "rows supplied by a stub"),
    ("kubectl create -f dup-errs.yaml", "the stub's refusal is not what a server would say of that file"),
    ("kubectl get pods -o wrong", "1.37 also allows kyaml; tests/cases/kubectl.txt has it"),
    ("kubectl run tmp --image=busybox --expose --port=80", "1.37 prints the pod first, then one ---, then the service"),
];

#[test]
fn golden_rows_are_printed_to_the_byte() {
    let truth: Value = serde_yaml::from_str(include_str!("truth/kubectl.yaml")).unwrap();
    let (mut served, mut apart) = (0, Vec::new());
    for row in truth["golden"].as_sequence().unwrap() {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let command = text("command");
        if let Some((_, why)) = APART.iter().find(|(start, _)| command.starts_with(start)) {
            apart.push(format!("{command}: {why}"));
            continue;
        }
        let mut session = Session::new(Profile::named("minikube").unwrap(), 1, Lang::En);
        if let Some(files) = row["file"].as_mapping() {
            for (name, content) in files {
                let source = Source::new(name.as_str().unwrap(), content.as_str().unwrap());
                session.run(Command::Write(source));
            }
        }
        let output = session.run(Command::Run { terminal: 0, line: command.to_owned() }).output;
        // Since 1.34 an object that no server has seen has no creationTimestamp; 1.32 printed null.
        let stdout: String = text("stdout")
            .lines()
            .filter(|line| line.trim() != "creationTimestamp: null")
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(output.on(Stream::Out), stdout, "{command}");
        match row["stderr_contains"].as_str() {
            Some(part) => assert!(output.on(Stream::Err).contains(part), "{command}"),
            None => assert_eq!(output.on(Stream::Err), text("stderr"), "{command}"),
        }
        assert_eq!(i64::from(output.code), row["exit_code"].as_i64().unwrap(), "{command}");
        served += 1;
    }
    assert_eq!((served, apart.len()), (35, 9), "{apart:#?}");
}
