//! Formatting changes how a text looks, never what it says: over every manifest of this repository, however badly indented.

use std::fs;
use std::path::{Path, PathBuf};

use kubehop::assist::{Untidied, format};
use kubehop::manifest::parse;
use kubehop::rng::Rng;
use kubehop::text::Source;

/// All YAML in the repository: files, and what stands in lessons and golden cases.
fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("tests"), PathBuf::from("src"), PathBuf::from("public")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let name = path.display().to_string();
            match path.extension().and_then(|e| e.to_str()) {
                Some("yaml" | "yml") => found.push((name, text)),
                Some("md" | "txt" | "rs") => blocks(&path, &text, &mut found),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Paragraphs that begin with `apiVersion:` or `kind:` and go on as YAML.
fn blocks(path: &Path, text: &str, found: &mut Vec<(String, String)>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let begins = lines[at].trim_start().starts_with("apiVersion: ");
        let length = lines[at..]
            .iter()
            .take_while(|line| {
                line.starts_with([' ', '-', '#']) || line.trim_end().ends_with(':') || line.contains(": ")
            })
            .count();
        if begins && length > 2 {
            let block = lines[at..at + length].join("\n") + "\n";
            found.push((format!("{}:{}", path.display(), at + 1), block));
        }
        at += length.max(1);
    }
}

/// The comments that stand on lines of their own.
fn comments(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| line.starts_with('#')).collect()
}

fn objects(text: &str) -> Vec<String> {
    let parsed = parse(&Source::new("f.yaml", text));
    let told =
        parsed.diagnostics.iter().map(|diagnostic| diagnostic.message.split(" line ").next().unwrap().to_owned());
    parsed.manifests.iter().map(|manifest| manifest.tree.to_string()).chain(told).collect()
}

fn holds(name: &str, text: &str) -> bool {
    let tidy = match format(text) {
        Ok(tidy) => tidy,
        Err(Untidied::Unreadable) => return false,
        Err(Untidied::Unsure) => panic!("{name} is left as it is:\n{text}"),
    };
    assert_eq!(objects(&tidy), objects(text), "{name} says something else:\n{text}\n--- tidy:\n{tidy}");
    assert_eq!(comments(&tidy), comments(text), "{name}: comments");
    assert_eq!(format(&tidy).as_ref(), Ok(&tidy), "{name} changes a second time");
    assert!(tidy.lines().all(|line| line.is_empty() || !line.ends_with(' ') || text.contains(line.trim())), "{name}");
    true
}

#[test]
fn every_manifest_says_the_same_when_tidy() {
    let texts = texts();
    let tidied = texts.iter().filter(|(name, text)| holds(name, text)).count();
    assert!(tidied > 60, "{tidied} of {}", texts.len());
}

/// The same texts, with other indentation, blanks at ends, comments and empty lines put in.
#[test]
fn so_do_badly_written_ones() {
    let mut rng = Rng::new(11).fork("format");
    let mut tidied = 0;
    for (name, text) in texts().iter().filter(|(_, text)| text.len() < 20_000) {
        for _ in 0..4 {
            let worse = worse(text, &mut rng);
            tidied += usize::from(objects(&worse) == objects(text) && holds(name, &worse));
        }
    }
    assert!(tidied > 120, "{tidied}");
}

fn worse(text: &str, rng: &mut Rng) -> String {
    let (factor, shift) = (1 + rng.below(3) as usize, rng.below(2) as usize * 3);
    let mut out = String::new();
    let mut in_scalar = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        // Lines of a block scalar keep theirs.
        if in_scalar.is_some_and(|column| indent > column || line.trim().is_empty()) {
            out.push_str(&format!("{}{line}\n", " ".repeat(indent * (factor - 1))));
            continue;
        }
        in_scalar = line.trim_end().ends_with(['|', '>', '-', '+']).then_some(indent).filter(|_| line.contains(": "));
        match rng.below(12) {
            0 => out.push('\n'),
            1 => out.push_str(&format!("{}# a remark: with a colon\n", " ".repeat(indent * factor))),
            _ => {}
        }
        let (dash, rest) = match line.trim_start().strip_prefix("- ") {
            // The key after a dash decides the column of those below it: they must still stand there.
            Some(rest) => (format!("-{}", " ".repeat(2 * factor - 1)), rest),
            None => (String::new(), line.trim_start()),
        };
        let blank = " ".repeat(rng.below(3) as usize);
        out.push_str(&format!(
            "{}{dash}{rest}{}\n",
            " ".repeat(indent * factor),
            if in_scalar.is_some() { "" } else { &blank }
        ));
    }
    if shift > 0 && !text.contains("---") { out.lines().map(|line| format!("   {line}\n")).collect() } else { out }
}
