//! The reader of manifests: what it says of broken ones, and that no text makes it panic or wait.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use kubehop::manifest::{self, Parsed, to_yaml};
use kubehop::text::Source;

const STORY: &str = include_str!("manifest/story.yaml");

fn read(text: &str) -> Parsed {
    manifest::parse(&Source::new("f.yaml", text))
}

/// Reads a text, within a second, and checks that every place it names is one of the text.
fn survive(text: &str) -> Parsed {
    let start = Instant::now();
    let parsed = read(text);
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });
    assert!(start.elapsed() < limit, "{:?} for {} bytes", start.elapsed(), text.len());
    for diagnostic in &parsed.diagnostics {
        let span = diagnostic.span;
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{diagnostic:?} in {text:?}");
    }
    for manifest in &parsed.manifests {
        for (path, at) in &manifest.fields {
            for span in [at.key, at.value] {
                assert!(text.get(span.start as usize..span.end as usize).is_some(), "{path} {at:?} in {text:?}");
            }
        }
    }
    parsed
}

fn first(parsed: &Parsed) -> &str {
    parsed.diagnostics.first().map_or("", |d| d.message.as_str())
}

#[test]
fn says_what_go_yaml_says() {
    #[derive(Deserialize)]
    struct Case {
        message: String,
        text: String,
    }
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("manifest/syntax.yaml")).unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        assert_eq!(first(&survive(&case.text)), case.message, "{}", case.text);
    }
}

#[test]
fn says_what_kubectl_says() {
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: ok\n spec:\n";
    let parsed = manifest::parse(&Source::new("badindent.yaml", text));
    let said = "error parsing badindent.yaml: error converting YAML to JSON: yaml: line 4: did not find expected key";
    assert_eq!(parsed.refusals[0].message, said);
    let parsed = manifest::parse(&Source::new("noapi.yaml", "kind: Service\nmetadata:\n  name: ok\n"));
    let said = "error validating \"noapi.yaml\": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false";
    assert_eq!(parsed.refusals[0].message, said);
    assert_eq!(read(""), Parsed::default());
    assert_eq!(read("# nothing\n---\n\n---\n"), Parsed::default());
}

/// Five megabytes: many documents are read, one document that large is refused as the server would.
#[test]
fn large_files() {
    let service = STORY.split("---\n").nth(1).unwrap();
    let many = format!("{service}---\n").repeat(5_000_000 / (service.len() + 4));
    let start = Instant::now();
    let parsed = read(&many);
    let took = start.elapsed();
    assert!(parsed.manifests.len() > 20_000);
    // A test build is some ten times slower, and shares its machine with other tests.
    assert!(took < if cfg!(debug_assertions) { Duration::from_secs(60) } else { Duration::from_secs(1) }, "{took:?}");

    let one = format!("{service}  # {}\n", "x".repeat(5_000_000));
    assert_eq!(first(&survive(&one)), "Request entity too large: limit is 3145728");
    let labels: String = (0..100_000).map(|i| format!("    a{i}: b\n")).collect();
    let wide = format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels:\n{labels}");
    assert_eq!(read(&wide).manifests[0].object.meta.labels.len(), 100_000);
}

#[test]
fn deep_nesting() {
    for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        let message = first(&survive(&deep)).to_owned();
        assert!(message.contains("exceeded max depth of 250"), "{message}");
    }
    let stairs: String = (0..2_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(first(&survive(&stairs)).contains("exceeded max depth of 250"));
    let fits = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(first(&survive(&fits)), "error validating data: invalid object to validate");
}

/// Texts of some megabytes that are nothing but one thing, which a careless reader would look at again and again.
#[test]
fn the_same_over_and_over() {
    for scrap in [
        "k:\n \tx\n",
        "\n\t",
        "a: b\n",
        ":\n",
        "*a : ",
        "&a ",
        "!",
        "%YAML 1.2\n",
        "# c\n",
        "a\n",
        "\"\\u0041",
        "a: [\nb\n]\n",
        "'",
        "---\n",
        "---\na: b: c\n",
        "...\n",
        "k: |\n x\n",
        "<<: {a: b}\n",
        "- a: {b: [c, d]}\n",
        "\u{feff}",
        "\r",
    ] {
        survive(&scrap.repeat(300_000 / scrap.len()));
    }
    let parsed = survive(&format!("apiVersion: v1\nkind: Service\nspec:\n{}", "  x: y\n".repeat(10_000)));
    assert_eq!(parsed.diagnostics.len(), 1001);
    let unknown: String = (0..10_000).map(|i| format!("  x{i}: y\n")).collect();
    let parsed = survive(&format!("apiVersion: v1\nkind: Service\nspec:\n{unknown}"));
    assert_eq!(parsed.diagnostics.len(), 1000);
    assert_eq!(parsed.refusals[0].message.matches("unknown field").count(), 100);
}

#[test]
fn anchor_bombs() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..20 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs += &format!("a{i}: &a{i} [{items}]\n");
    }
    let parsed = survive(&laughs);
    assert_eq!(parsed.diagnostics.len(), 1);
    assert_eq!(first(&parsed), "yaml: document contains excessive aliasing");
    assert_eq!(first(&survive("a: &a [*a]\n")), "yaml: anchor 'a' value contains itself");
    assert_eq!(first(&survive("a: *b\n")), "yaml: unknown anchor 'b' referenced");
    let nested = format!("{}x{}", "&a [".repeat(240), "]".repeat(240));
    survive(&nested);
    let chain = format!("{}\n", "&a [1,2,3,4,5,6,7,8,".repeat(240));
    survive(&chain);
}

#[test]
fn characters_that_yaml_forbids() {
    assert_eq!(first(&survive("apiVersion: v1\nkind: \0Service\n")), "yaml: control characters are not allowed");
    assert_eq!(first(&survive("\u{1b}[31m")), "yaml: control characters are not allowed");
    assert_eq!(read(&format!("\u{feff}{STORY}")).manifests.len(), 2);
    assert_eq!(read(&STORY.replace('\n', "\r\n")).manifests.len(), 2);
    survive("\u{feff}");
    survive("a: \u{feff}b");
    survive("\r\r\r");
    survive("--- a: b\n");
}

#[test]
fn places_are_bytes_of_the_text() {
    let text = "# 一个服务：名字与端口\napiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations: {说明: '中文 text', b: \"😀\"}\nspec:\n  端口: 1\n";
    let parsed = survive(text);
    let span = parsed.diagnostics[0].span;
    assert_eq!(&text[span.start as usize..span.end as usize], "端口");
    let with_crlf = text.replace('\n', "\r\n");
    let span = survive(&with_crlf).diagnostics[0].span;
    assert_eq!(&with_crlf[span.start as usize..span.end as usize], "端口");
}

/// KYAML: flow style with comments and trailing commas; and JSON.
#[test]
fn flow_style() {
    let kyaml = "---\n{\n  apiVersion: \"v1\",\n  kind: \"Service\",\n  metadata: {\n    name: \"a\", # 名\n  },\n  spec: {\n    ports: [{\n      port: 80,\n    }, {\n      port: 81,\n    }],\n  },\n}\n";
    let parsed = survive(kyaml);
    assert_eq!(parsed.diagnostics, []);
    let at = parsed.manifests[0].fields["spec.ports[1].port"].value;
    assert_eq!(&kyaml[at.start as usize..at.end as usize], "81");
    let at = parsed.manifests[0].fields["metadata"].value;
    assert_eq!(&kyaml[at.start as usize..at.end as usize], "{\n    name: \"a\", # 名\n  }");
    let json = parsed.manifests[0].tree.to_string();
    assert_eq!(survive(&json).manifests[0].tree, parsed.manifests[0].tree);
    let outdented = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: [\n{port: 80} # x\n,\n{name: a, port:\n81}]\n";
    assert_eq!(survive(outdented).diagnostics, []);
}

#[test]
fn mutations() {
    let rounds = if cfg!(debug_assertions) { 4_000 } else { 20_000 };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let scraps = [
        ":", "-", "{", "}", "[", "]", ",", "\"", "'", "#", "&a ", "*a", "!", "|", ">", "%", "@", "`", " ", "\n", "\t",
        "?", "<<: ", "---\n", "...\n", "\0", "\u{feff}", "中", "😀", "\r", "~", "!!int ", "!<", "\\", "0x", "null",
        "  - ", "\u{85}", "\u{2028}",
    ];
    let mut accepted = 0;
    for round in 0..rounds {
        let mut text: Vec<char> = STORY.chars().collect();
        for _ in 0..=draw(4) {
            let at = draw(text.len());
            match draw(4) {
                0 => drop(text.remove(at)),
                1 => drop(text.splice(at..at, scraps[draw(scraps.len())].chars())),
                2 => {
                    let end = (at + draw(30)).min(text.len());
                    text.drain(at..end);
                }
                _ => {
                    let end = (at + draw(60)).min(text.len());
                    let copy = text[at..end].to_vec();
                    let to = draw(text.len());
                    text.splice(to..to, copy);
                }
            }
        }
        let text: String = text.into_iter().collect();
        let parsed = std::panic::catch_unwind(|| survive(&text)).unwrap_or_else(|_| panic!("round {round}: {text:?}"));
        assert!(parsed.manifests.len() + parsed.refusals.len() > 0 || parsed.diagnostics.is_empty(), "{text:?}");
        for manifest in &parsed.manifests {
            accepted += 1;
            let document = &text[manifest.span.start as usize..manifest.span.end as usize];
            // Two more line breaks of YAML 1.1 are none of YAML 1.2, which is what our events come from.
            let breaks = document.contains(['\u{85}', '\u{2028}']);
            if !breaks && let Ok(other) = serde_yaml::from_str::<Value>(document) {
                assert!(same(&manifest.tree, &other), "{document:?}: {} {other}", manifest.tree);
            }
            let printed = to_yaml(&manifest.object.to_value());
            let again = read(&printed);
            assert_eq!(again.diagnostics, [], "{printed}");
            assert_eq!(again.manifests[0].object, manifest.object, "{printed}");
        }
    }
    assert!(accepted > rounds / 4);
}

/// Whether a tree is that of `serde_yaml`, but for scalars that YAML 1.1 reads otherwise.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Value::Bool(_) | Value::Number(_), Value::String(_)) => true,
        (Value::Number(ours), Value::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        _ => ours == theirs,
    }
}

/// What the two readers of YAML make of the same text: the tree from the events is `serde_yaml`'s tree.
#[test]
fn the_tree_is_serde_yamls() {
    for document in STORY.split("---\n") {
        let parsed = survive(document);
        let other: Value = serde_yaml::from_str(document).unwrap();
        assert_eq!(parsed.manifests[0].tree, other);
    }
}
