//! Every lesson and scenario proved, by what `kubehop lessons check` runs: the library's own judgement.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Format, Verdict};
use kubehop::text::Source;

/// What stands in `public/` and is a lesson, a scenario or their list.
fn sources() -> Vec<Source> {
    let mut folders = vec![PathBuf::from("public")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".md") || name.ends_with(".yaml") {
                sources.push(Source::new(name, fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    sources.retain(|source| Format::of(source).is_some());
    sources
}

#[test]
fn all_that_we_ship_holds() {
    let sources = sources();
    let verdicts: Vec<Verdict> = lesson::verify(&sources, Lang::En).collect();
    let wrong: Vec<String> =
        verdicts.iter().filter_map(|v| Some(format!("{}:{}: {}", v.file, v.line, v.what.as_ref().err()?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told: BTreeSet<&str> = verdicts.iter().map(|verdict| verdict.file.as_str()).collect();
    let all: BTreeSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(told, all);
    for source in &sources {
        // A line for each step and one for the pair.
        let lines = verdicts.iter().filter(|verdict| verdict.file == source.name).count();
        let wanted = match Format::of(source) {
            Some(Format::Lesson) => lesson::read(&source.text).expect("it was proved").steps.len() + 1,
            _ => 1,
        };
        assert_eq!(lines, wanted, "{}", source.name);
    }
}

/// The program holds each of them, to prove them anywhere.
#[test]
fn the_program_holds_all_of_them() {
    let list = fs::read_to_string("src/cli/lessons.rs").expect("the list");
    for source in sources() {
        let row = source.name.replacen("public/", "\"", 1) + "\",";
        assert!(list.contains(&row), "src/cli/lessons.rs lacks {row}");
    }
}

/// The page does not carry the proof: nothing of it is called there.
#[test]
fn the_page_has_none_of_it() {
    for entry in fs::read_dir("src/view").expect("the view") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        assert!(!text.contains("verify("), "{}", path.display());
    }
}
