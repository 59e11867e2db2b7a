//! The house rules that a machine can check. CONTRIBUTING.md gives the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which modules of the library a module may use, in reading order: a row names only modules of rows above it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("rng", &[]),
    ("sort", &[]),
    ("text", &[]),
    ("inet", &[]),
    ("lang", &[]),
    ("diag", &["text", "lang"]),
    ("object", &["inet", "time"]),
    ("manifest", &["object", "diag", "text", "sort"]),
    ("api", &["manifest", "object", "inet", "text", "time", "rng", "sort"]),
    ("controller", &["api", "object", "inet", "time", "rng", "sort"]),
    ("trace", &["object", "inet", "time", "lang"]),
    ("net", &["trace", "api", "object", "inet", "time", "rng", "sort"]),
    ("cluster", ABOVE_DIAGNOSE.split_at(4).1),
    ("shell", ABOVE_DIAGNOSE.split_at(3).1),
    ("session", ABOVE_DIAGNOSE.split_at(2).1),
    ("assist", ABOVE_DIAGNOSE.split_at(1).1),
    ("diagnose", ABOVE_DIAGNOSE),
    ("lesson", ABOVE_DIAGNOSE.split_at(1).1),
    ("scene", &["cluster", "trace", "api", "object", "diag", "text", "lang", "inet", "time", "sort"]),
];

/// What diagnose may use: assist, whose fixes it offers, the session and all above it. Highest first, so that a tail is what
/// a higher module may use; assist and lesson use the session and what is above it, not each other.
const ABOVE_DIAGNOSE: &[&str] = &[
    "assist",
    "session",
    "shell",
    "cluster",
    "net",
    "trace",
    "controller",
    "api",
    "manifest",
    "object",
    "diag",
    "lang",
    "inet",
    "text",
    "rng",
    "sort",
    "time",
];

/// The longest file that still holds one idea.
const MOST_LINES: usize = 700;

/// A line of code: its file, number and text, without comments.
struct Line {
    file: PathBuf,
    number: usize,
    code: String,
}

impl Line {
    fn says(&self, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}", self.file.display(), self.number)
    }
    /// The identifiers of the line, with `::` kept between the parts of a path.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).filter(|word| !word.is_empty())
    }
}

fn files(under: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(under)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The library's files with the module that each belongs to; the program (`main`, `cli`, `view`) is left out.
fn library() -> Vec<(String, PathBuf)> {
    let module = |path: &Path| {
        let first = path.components().nth(1).expect("a path in src").as_os_str().to_string_lossy().into_owned();
        first.strip_suffix(".rs").map(str::to_owned).unwrap_or(first)
    };
    let all = files("src", ".rs").into_iter().map(|path| (module(&path), path));
    all.filter(|(module, _)| !["main", "lib", "cli", "view"].contains(&module.as_str())).collect()
}

/// The code of a file above its tests, without comments.
fn code(path: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    for (i, text) in read(path).lines().enumerate() {
        if text.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        let code = text.split("//").next().unwrap_or_default().to_owned();
        lines.push(Line { file: path.to_owned(), number: i + 1, code });
    }
    lines
}

fn none(rule: &str, problems: Vec<String>) {
    assert!(problems.is_empty(), "{rule}\n{}", problems.join("\n"));
}

#[test]
fn modules_use_only_those_above_them() {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut problems = Vec::new();
    for (module, path) in library() {
        let Some(allowed) = table.get(module.as_str()) else {
            problems.push(format!("{}: the module `{module}` has no row in tests/tidy.rs", path.display()));
            continue;
        };
        for line in code(&path) {
            for path in line.words().filter_map(|word| word.strip_prefix("crate::")) {
                let used = path.split(':').next().unwrap_or_default();
                if table.contains_key(used) && used != module && !allowed.contains(&used) {
                    problems.push(line.says(format_args!("`{module}` uses `{used}`")));
                }
            }
        }
    }
    none("An arrow that the table of modules lacks:", problems);
}

#[test]
fn the_table_of_modules_is_in_reading_order() {
    let mut above = BTreeSet::new();
    let mut problems = Vec::new();
    for (module, uses) in MAY_USE {
        problems.extend(uses.iter().filter(|used| !above.contains(*used)).map(|used| format!("`{module}`: `{used}`")));
        above.insert(*module);
    }
    none("A row of the table names a module that does not stand above it:", problems);
}

#[test]
fn the_library_imports_paths_one_by_one() {
    let grouped = |line: &Line| line.code.contains("crate::{");
    let problems = library()
        .iter()
        .flat_map(|(_, path)| code(path))
        .filter(grouped)
        .map(|line| line.says(line.code.trim()))
        .collect();
    none("`use crate::{…}` hides arrows from this test; import each module in a line of its own:", problems);
}

#[test]
fn the_library_knows_no_clock_hash_map_or_browser() {
    let forbidden = [
        ("std::time::Instant", "time is an argument"),
        ("std::time::SystemTime", "time is an argument"),
        ("SystemTime", "time is an argument"),
        ("HashMap", "collections are ordered"),
        ("HashSet", "collections are ordered"),
        ("web_sys", "the model knows no browser"),
        ("js_sys", "the model knows no browser"),
        ("wasm_bindgen", "the model knows no browser"),
        ("leptos", "the model knows no browser"),
        ("gloo_timers", "the model knows no browser"),
        ("thread_rng", "chance comes from the seed"),
    ];
    let mut problems = Vec::new();
    for (_, path) in library() {
        for line in code(&path) {
            for (name, reason) in forbidden {
                if line.words().any(|word| {
                    word == name || word.starts_with(&format!("{name}::")) || word.ends_with(&format!("::{name}"))
                }) {
                    problems.push(line.says(format_args!("`{name}`: {reason}")));
                }
            }
        }
    }
    none("The model's inputs are its arguments:", problems);
}

#[test]
fn nothing_is_left_undone() {
    let marks =
        [["to", "do!("].concat(), ["unimple", "mented!("].concat(), ["#[ig", "nore"].concat(), ["db", "g!("].concat()];
    let mut problems = Vec::new();
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| files(folder, ".rs")) {
        for (i, text) in read(&path).lines().enumerate() {
            for mark in marks.iter().filter(|mark| text.contains(mark.as_str())) {
                problems.push(format!("{}:{}: {mark}", path.display(), i + 1));
            }
        }
    }
    none("Code that is not finished, or a test that does not run:", problems);
}

#[test]
fn a_file_holds_one_idea() {
    let mut problems = Vec::new();
    for path in ["src", "tests", "benches", "tools", "style"].iter().flat_map(|folder| {
        [".rs", ".mjs", ".js", ".css"].iter().flat_map(|ending| files(folder, ending)).collect::<Vec<_>>()
    }) {
        let lines = read(&path).lines().count();
        if lines > MOST_LINES {
            problems.push(format!("{}: {lines} lines", path.display()));
        }
    }
    none(&format!("Files of more than {MOST_LINES} lines; look for the second idea:"), problems);
}

#[test]
fn the_native_program_has_no_browser_crate_in_its_tree() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("serde_yaml"), "not the tree of kubehop:\n{tree}");
    let browser = ["leptos", "web-sys", "js-sys", "wasm-bindgen", "gloo-timers", "leptos-use", "leptos_i18n"];
    none(
        "Browser crates in the native tree:",
        browser.iter().filter(|name| names.contains(*name)).map(|name| name.to_string()).collect(),
    );
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = read("Cargo.toml");
    let mut section = "";
    let mut problems = Vec::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header;
            if header.starts_with("dependencies.") && !line.contains('#') {
                problems.push(line.to_owned());
            }
        } else if section.starts_with("dependencies]")
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains(" # ")
        {
            problems.push(line.to_owned());
        }
    }
    none("Dependencies without a reason in Cargo.toml:", problems);
}

#[test]
fn every_lesson_is_there_in_both_languages() {
    let names = |lang: &str| -> BTreeSet<String> {
        let folder = format!("public/lessons/{lang}");
        let name = |path: PathBuf| path.strip_prefix(&folder).expect("inside").to_string_lossy().into_owned();
        files(&folder, ".md").into_iter().map(name).collect()
    };
    let (en, zh) = (names("en"), names("zh"));
    none("Lessons in one language only:", en.symmetric_difference(&zh).cloned().collect());
}

#[test]
fn lock_files_name_no_host() {
    let lock = read("package-lock.json");
    let problems = lock.lines().filter(|line| line.contains("\"resolved\"")).map(str::to_owned).collect();
    none("package-lock.json: run npm with --omit-lockfile-registry-resolved", problems);
}
