//! Golden cases: manifests, commands and what they print, in one file each (`tests/cases/*.txt`).
//!
//! ```text
//! # What the case is about.
//! seed: 7                     settings, if any: seed, profile, host (docker-desktop), proxy (nftables), lang
//!
//! === svc.yaml                a file of the laptop, up to the next ===
//! ...
//! ===
//!
//! $ kubectl get svc           a line of the shell, then what it prints:
//! NAME ...                    standard output as it is,
//! ! Warning: ...              standard error after an exclamation mark,
//! ~ 5:7-11 ...                what the editor underlines: line, columns, message (hint),
//! [1]                         and the exit status, if it is not 0
//!
//! > live svc.yaml             what the page can do besides: apply, live, kill, unready, ready, sleep, undo, reset
//! ```
//!
//! `UPDATE_EXPECT=1 cargo test --test cases` rewrites what is printed; the diff is reviewed as code.

use std::fs;
use std::path::{Path, PathBuf};

use kubehop::lang::Lang;
use kubehop::object::{Host, Kind, Profile, ProxyMode, Ref};
use kubehop::session::{Command, Fault, Reply, Session};
use kubehop::shell::Stream;
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace;

/// As long as the command line waits for a cluster to become quiet.
const PATIENCE: Duration = Duration::from_secs(120);

/// A part of a case, as it stands in its file.
enum Part {
    /// Comments, settings, blank lines.
    Text(String),
    /// A file of the laptop.
    File(Source),
    /// `$ LINE` or `> ACTION`.
    Step(String),
}

struct Case {
    parts: Vec<Part>,
    profile: Profile,
    seed: u64,
    lang: Lang,
}

fn read(text: &str) -> Case {
    let mut case = Case { parts: Vec::new(), profile: Profile::named("minikube").unwrap(), seed: 1, lang: Lang::En };
    let mut lines = text.lines();
    let mut printed = false;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("=== ") {
            let body: String =
                lines.by_ref().take_while(|line| *line != "===").map(|line| format!("{line}\n")).collect();
            case.parts.push(Part::File(Source::new(name, body)));
            printed = false;
        } else if line.starts_with("$ ") || line.starts_with("> ") {
            case.parts.push(Part::Step(line.to_owned()));
            printed = true;
        } else if line.starts_with("# ") || !printed {
            match line.split_once(": ") {
                Some(("seed", seed)) => case.seed = seed.parse().unwrap(),
                Some(("profile", name)) => case.profile = Profile::named(name).unwrap(),
                Some(("proxy", "nftables")) => case.profile.proxy_mode = ProxyMode::Nftables,
                Some(("host", "docker-desktop")) => case.profile.host = Host::DockerDesktop,
                Some(("lang", tag)) => case.lang = Lang::from_tag(tag).unwrap(),
                _ => {}
            }
            case.parts.push(Part::Text(format!("{line}\n")));
            printed = false;
        }
    }
    case
}

/// Plays a case; gives its file as it should be, and the session at the end.
fn play(case: &Case) -> (String, Session) {
    let mut session = Session::new(case.profile.clone(), case.seed, case.lang);
    session.settle(PATIENCE);
    let mut text = String::new();
    // What is typed but neither saved nor applied.
    let mut typed: Vec<Source> = Vec::new();
    for part in &case.parts {
        match part {
            Part::Text(line) => text += line,
            Part::File(source) => {
                text += &format!("=== {}\n{}===\n", source.name, source.text);
                typed.push(source.clone());
            }
            Part::Step(line) => {
                if !line.starts_with("> live") {
                    typed.drain(..).for_each(|source| drop(session.run(Command::Write(source))));
                }
                let mut reply = step(&mut session, line, &typed);
                typed.clear();
                session.settle(PATIENCE);
                // What programs that go on in the terminal have to say.
                reply.output.chunks.extend(session.take_printed(0));
                // Diagnostics point into the file that the step names.
                let name = line.rsplit(' ').next().unwrap_or_default();
                let file = Source::new(name, session.files().get(name).cloned().unwrap_or_default());
                text += &format!("{line}\n{}\n", shown(&reply, &file, case.lang));
            }
        }
    }
    (text.trim_end_matches('\n').to_owned() + "\n", session)
}

fn step(session: &mut Session, line: &str, typed: &[Source]) -> Reply {
    if let Some(line) = line.strip_prefix("$ ") {
        return session.run(Command::Run { terminal: 0, line: line.to_owned() });
    }
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let file = |session: &Session, name: &str| match typed.iter().find(|source| source.name == name) {
        Some(source) => source.clone(),
        None => Source::new(name, session.files()[name].clone()),
    };
    let pod = |name: &str| Ref::new(Kind::Pod, "default", name);
    match words.as_slice() {
        ["apply", name] => session.run(Command::Apply(file(session, name))),
        ["live", name] => session.run(Command::Live(file(session, name))),
        ["kill", name] => session.run(Command::Fault(Fault::KillPod(pod(name)))),
        ["unready", name] => session.run(Command::Fault(Fault::FailReadiness(pod(name), true))),
        ["ready", name] => session.run(Command::Fault(Fault::FailReadiness(pod(name), false))),
        ["sleep", seconds] => {
            let until = session.cluster().now() + Duration::from_secs(seconds.parse().unwrap());
            session.advance(until);
            Reply::default()
        }
        ["undo"] => {
            assert!(session.undo(), "nothing to take back");
            Reply::default()
        }
        ["reset"] => {
            session.reset();
            Reply::default()
        }
        other => panic!("no such action: {other:?}"),
    }
}

/// What a step prints: output, errors after `! `, diagnostics, exit status.
fn shown(reply: &Reply, source: &Source, lang: Lang) -> String {
    let mut text = String::new();
    for (stream, chunk) in &reply.output.chunks {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        match stream {
            // A new screen of `watch`.
            Stream::Out => text += &chunk.replace('\u{c}', ""),
            Stream::Err => chunk.lines().for_each(|line| text += &format!("{}\n", format!("! {line}").trim_end())),
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for diagnostic in &reply.diagnostics {
        let (from, to) = (source.position(diagnostic.span.start), source.position(diagnostic.span.end));
        let to = if to.line == from.line { to.column.to_string() } else { format!("{}:{}", to.line, to.column) };
        let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!(" ({})", hint.text(lang)));
        text += &format!("~ {}:{}-{to} {}{hint}\n", from.line, from.column, diagnostic.message);
    }
    if reply.output.code != 0 {
        text += &format!("[{}]\n", reply.output.code);
    }
    text
}

fn paths() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn cases_print_what_they_say() {
    let mut wrong = Vec::new();
    for path in paths() {
        let expected = fs::read_to_string(&path).unwrap();
        let (text, _) = play(&read(&expected));
        if text == expected {
            continue;
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, text).unwrap();
            continue;
        }
        let differs = expected.lines().zip(text.lines()).position(|(a, b)| a != b);
        let at = differs.unwrap_or(expected.lines().count().min(text.lines().count()));
        let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
        wrong.push(format!(
            "{}:{}\n  expected {}\n  got      {}",
            path.display(),
            at + 1,
            line(&expected),
            line(&text)
        ));
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites these:\n{}", wrong.join("\n"));
}

/// All of a session's traces as JSON, one a line.
fn traces(session: &Session) -> String {
    session.traces().iter().map(|trace| format!("{}\n", trace::to_json(trace, Lang::En))).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for path in paths() {
        let case = read(&fs::read_to_string(&path).unwrap());
        let (first, second) = (play(&case), play(&case));
        assert_eq!(first.0, second.0, "{}", path.display());
        assert_eq!(traces(&first.1), traces(&second.1), "{}", path.display());
    }
}

#[test]
fn a_session_is_its_seed_and_its_log() {
    for path in paths() {
        let case = read(&fs::read_to_string(&path).unwrap());
        let (_, session) = play(&case);
        let written = session.to_json();
        let again = Session::from_json(&written, case.lang).unwrap();
        assert_eq!(again.to_json(), written, "{}", path.display());
        assert_eq!(traces(&again), traces(&session), "{}", path.display());
        let objects = |session: &Session| -> Vec<String> {
            let store = session.cluster().store();
            Kind::all().flat_map(|kind| store.list(kind, None)).map(|object| object.to_value().to_string()).collect()
        };
        assert_eq!(objects(&again), objects(&session), "{}", path.display());
    }
}

#[test]
fn another_seed_gives_other_names() {
    let case = |seed| Case { seed, ..read(&fs::read_to_string(&paths()[0]).unwrap()) };
    assert_ne!(play(&case(1)).0, play(&case(2)).0);
}
