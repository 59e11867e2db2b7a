//! What kubectl prints as YAML, we print to the byte.

use serde::Deserialize;

use kubehop::manifest::to_yaml;

#[derive(Deserialize)]
struct Case {
    command: String,
    stdout: String,
}

#[test]
fn prints_yaml_as_kubectl_does() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("manifest/printed.yaml")).unwrap();
    assert!(cases.len() >= 18);
    for case in cases {
        let documents = serde_yaml::Deserializer::from_str(&case.stdout);
        let trees = documents.map(|d| serde_json::Value::deserialize(d).unwrap());
        // Between two objects of a --dry-run kubectl writes `---` twice: a document of nothing.
        let printed: Vec<_> = trees.map(|tree| if tree.is_null() { String::new() } else { to_yaml(&tree) }).collect();
        assert_eq!(printed.join("---\n"), case.stdout, "{}", case.command);
    }
}
