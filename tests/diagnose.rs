//! What Diagnose finds, and that its fixes mend it: the cases of `tests/diagnose/*.txt`.
//!
//! ```text
//! ## A name of the case
//! profile: multinode          settings, if any: seed, profile, host (docker-desktop)
//! use: web.yaml client.yaml   files of this folder
//! === svc.yaml                a file, up to the next ===
//! ...
//! ===
//! > pod/client http://web/    a request, and after an arrow how it ends before and after all fixes (`-` for one without answer)
//!   => - 200
//! $ kubectl ...               a line of the shell
//!
//! ! error ID FILE:LINE OBJECT FIELD      what is found, written by UPDATE_EXPECT=1 and reviewed as code
//!   sentence
//!   * label of the fix
//!   -12 line that goes
//!   +12 line that comes
//! ```
//!
//! Whatever is found with a fix must be gone once that fix alone was accepted; nothing worse may come in its place.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kubehop::diagnose::{self, Act, Finding, Fix, Severity, TITLES};
use kubehop::lang::Lang;
use kubehop::lesson;
use kubehop::object::{FieldRef, Host, Profile};
use kubehop::session::{Command, Requests, Session};
use kubehop::text::Source;
use kubehop::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnose")
}

#[derive(Clone)]
struct Case {
    /// Everything but what is found.
    head: String,
    name: String,
    profile: Profile,
    seed: u64,
    files: Vec<Source>,
    deeds: Vec<Deed>,
}

#[derive(Clone)]
enum Deed {
    Run(String),
    /// From where, what, and how it ends before and after.
    Ask(String, String, String, String),
}

fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            let profile = Profile::named("minikube").unwrap();
            let (head, name) = (format!("{line}\n"), name.to_owned());
            cases.push(Case { head, name, profile, seed: 1, files: Vec::new(), deeds: Vec::new() });
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        if line.starts_with("! ") || line.starts_with("  ") || line.is_empty() {
            if let (Some(ends), Some(Deed::Ask(_, _, before, after))) =
                (line.trim().strip_prefix("=> "), case.deeds.last_mut())
            {
                let (first, last) = ends.split_once(' ').expect("before and after");
                (*before, *after) = (first.to_owned(), last.to_owned());
                case.head += &format!("{line}\n");
            }
            continue;
        }
        case.head += &format!("{line}\n");
        if let Some(name) = line.strip_prefix("=== ") {
            let body: String =
                lines.by_ref().take_while(|line| *line != "===").map(|line| format!("{line}\n")).collect();
            case.head += &format!("{body}===\n");
            case.files.push(Source::new(name, body));
        } else if let Some(line) = line.strip_prefix("$ ") {
            case.deeds.push(Deed::Run(line.to_owned()));
        } else if let Some(words) = line.strip_prefix("> ") {
            let (from, url) = words.split_once(' ').expect("from and URL");
            case.deeds.push(Deed::Ask(from.to_owned(), url.to_owned(), String::new(), String::new()));
        } else {
            match line.split_once(": ") {
                Some(("seed", seed)) => case.seed = seed.parse().unwrap(),
                Some(("profile", name)) => case.profile = Profile::named(name).unwrap(),
                Some(("host", "docker-desktop")) => case.profile.host = Host::DockerDesktop,
                Some(("use", names)) => case.files.extend(
                    names.split(' ').map(|name| Source::new(name, fs::read_to_string(folder().join(name)).unwrap())),
                ),
                _ => panic!("{}: what is {line:?}?", case.name),
            }
        }
    }
    cases
}

fn begin(case: &Case, files: &[Source]) -> Session {
    let mut session = Session::begin(case.profile.clone(), case.seed, Lang::En, files);
    session.settle(PATIENCE);
    for file in files {
        session.run(Command::Apply(file.clone()));
    }
    settle(&mut session);
    session
}

/// Young pods are no finding yet: some time passes, as it does for a reader.
fn settle(session: &mut Session) {
    session.settle(PATIENCE);
    let until = session.cluster().now() + Duration::from_secs(40);
    session.advance(until);
}

/// Plays the deeds; `when` picks the ends that are expected. Gives what was wrong.
fn deeds<'a>(case: &Case, all: impl Iterator<Item = &'a Deed>, session: &mut Session, fixed: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for deed in all {
        match deed {
            Deed::Run(line) => drop(session.run(Command::Run { terminal: 0, line: line.clone() })),
            Deed::Ask(from, url, before, after) => {
                let (method, url) = url.split_once(' ').unwrap_or(("GET", url));
                let ask = Requests {
                    from: from.clone(),
                    url: url.into(),
                    method: method.into(),
                    count: 1,
                    ..Requests::default()
                };
                let reply = session.run(Command::Request(ask));
                let status = reply.traces.first().map_or(0, |trace| trace.outcome.status);
                let (got, wanted) =
                    (if status == 0 { "-".into() } else { status.to_string() }, if fixed { after } else { before });
                if got != *wanted {
                    wrong.push(format!("{}: {url} gives {got}, not {wanted} (fixed: {fixed})", case.name));
                }
            }
        }
        settle(session);
    }
    wrong
}

fn name(finding: &Finding) -> (&'static str, String) {
    let field = |field: &FieldRef| format!("{} {}", field.object, field.path);
    (finding.id, finding.field.as_ref().map_or_else(|| format!("- {}", finding.text), field))
}

fn told(session: &Session, findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let place = finding.place.as_ref().map_or("-".to_owned(), |place| format!("{}:{}", place.file, place.line));
        let field = finding.field.as_ref().map_or(String::new(), |field| format!("{} {}", field.object, field.path));
        out += format!("! {severity} {} {place} {field}", finding.id).trim_end();
        out += &format!("\n  {}\n", finding.text.replace('\n', "\n  "));
        let Some(fix) = &finding.fix else { continue };
        out += &format!("  * {}\n", fix.label);
        for file in fix.files() {
            let source = Source::new(file, session.files()[file].clone());
            for line in fix.preview(&source) {
                out += &format!("  {}{} {}\n", if line.comes { '+' } else { '-' }, line.line, line.text);
            }
        }
    }
    out
}

/// The files with fixes accepted, and the lines that are to be run.
fn mended(files: &[Source], findings: &[&Finding]) -> (Vec<Source>, Vec<String>) {
    let (mut edits, mut lines) = (Vec::new(), Vec::new());
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()) {
        match &fix.act {
            Act::Run(line) => lines.push(line.clone()),
            // Two findings may be mended by the same words.
            Act::Edit(own) => own.iter().for_each(|edit| {
                if !edits.contains(edit) {
                    edits.push(edit.clone());
                }
            }),
        }
    }
    let all = Fix { label: String::new(), act: Act::Edit(edits) };
    (files.iter().map(|file| all.apply(file)).collect(), lines)
}

fn asks(case: &Case) -> impl Iterator<Item = &Deed> {
    case.deeds.iter().filter(|deed| matches!(deed, Deed::Ask(..)))
}

/// A session with fixes accepted from the start.
fn replayed(case: &Case, findings: &[&Finding]) -> Session {
    let (files, lines) = mended(&case.files, findings);
    let mut session = begin(case, &files);
    let _ = deeds(case, case.deeds.iter().filter(|deed| matches!(deed, Deed::Run(_))), &mut session, true);
    for line in lines.into_iter().filter(|line| !line.contains("curl") && !line.contains("minikube service")) {
        session.run(Command::Run { terminal: 0, line });
        settle(&mut session);
        files.iter().for_each(|file| drop(session.run(Command::Apply(file.clone()))));
        settle(&mut session);
    }
    session
}

/// A line that asks again in the right way is answered.
fn answered(case: &Case, finding: &Finding, wrong: &mut Vec<String>) {
    let Some(Act::Run(line)) = finding.fix.as_ref().map(|fix| &fix.act) else { return };
    let mut session = begin(case, &case.files);
    let _ = deeds(case, case.deeds.iter(), &mut session, false);
    let reply = session.run(Command::Run { terminal: 0, line: line.clone() });
    // The program itself may know no such path: it was reached.
    if reply.output.code != 0 || reply.traces.is_empty() && line.contains("curl") {
        wrong.push(format!("{}: {line} does not help: {:?}", case.name, reply.output.chunks));
    }
}

fn play(case: &Case, wrong: &mut Vec<String>, seen: &mut BTreeSet<&'static str>) -> String {
    let mut session = begin(case, &case.files);
    wrong.extend(deeds(case, case.deeds.iter(), &mut session, false));
    let findings = diagnose::of_session(&session, Lang::En);
    seen.extend(findings.iter().map(|finding| finding.id));
    let zh = diagnose::of_session(&session, Lang::Zh);
    let ids = |found: &[Finding]| found.iter().map(|f| (f.id, f.field.clone())).collect::<Vec<_>>();
    assert_eq!(ids(&findings), ids(&zh), "{}", case.name);
    for (en, zh) in findings.iter().zip(&zh) {
        let spoken = |text: &str| text.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c));
        // What the server says is English in both.
        if !matches!(en.id, "refused" | "told" | "unreadable") && (!spoken(&zh.text) || spoken(&en.text)) {
            wrong.push(format!("{}: {} is not in both languages: {}", case.name, en.id, zh.text));
        }
    }
    for finding in findings.iter().filter(|finding| finding.fix.is_some()) {
        if !finding.traces.is_empty() {
            if findings.iter().all(|other| other.severity != Severity::Error) {
                answered(case, finding, wrong);
            }
            continue;
        }
        let mut session = replayed(case, &[finding]);
        let _ = deeds(case, asks(case), &mut session, true);
        let after = diagnose::of_session(&session, Lang::En);
        if after.iter().any(|other| name(other) == name(finding)) {
            wrong.push(format!("{}: its fix leaves {:?}: {}", case.name, name(finding), told(&session, &after)));
        }
        // What could not be stored before may be wrong in itself.
        let known = |other: &&Finding| {
            matches!(finding.id, "refused" | "unreadable" | "webhook")
                || findings.iter().any(|before| before.id == other.id)
        };
        for new in after.iter().filter(|other| other.severity == Severity::Error && !known(other)) {
            wrong.push(format!("{}: the fix of {:?} brings {:?}: {}", case.name, name(finding), name(new), new.text));
        }
    }
    let mut session = replayed(case, &findings.iter().collect::<Vec<_>>());
    wrong.extend(deeds(case, asks(case), &mut session, true));
    format!("{}\n{}\n", case.head, told(&begun(case), &findings))
}

/// For the texts of the files alone.
fn begun(case: &Case) -> Session {
    let mut session = Session::new(case.profile.clone(), case.seed, Lang::En);
    case.files.iter().for_each(|file| drop(session.run(Command::Write(file.clone()))));
    session
}

#[test]
fn what_is_found_is_mended() {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "txt"));
    paths.sort();
    let (mut wrong, mut seen, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for path in paths {
        let expected = fs::read_to_string(&path).unwrap();
        let cases = read(&expected);
        count += cases.len();
        let text: String = cases.iter().map(|case| play(case, &mut wrong, &mut seen)).collect();
        let text = text.trim_end().to_owned() + "\n";
        if text == expected {
            continue;
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, text).unwrap();
            continue;
        }
        let at = expected.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or(0);
        let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
        wrong.push(format!(
            "{}:{}\n  expected {}\n  got      {}",
            path.display(),
            at + 1,
            line(&expected),
            line(&text)
        ));
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites what is found:\n{}", wrong.join("\n"));
    assert!(count >= 30, "{count} cases");
    let unseen: Vec<&str> = TITLES.iter().map(|title| title.id).filter(|id| !seen.contains(id)).collect();
    assert!(unseen.is_empty(), "no case finds {unseen:?}");
    assert!(seen.iter().all(|id| TITLES.iter().any(|title| title.id == *id)), "{seen:?}");
}

/// What learners meet most, each with the case that has it, what is found there, and that there is a way out of it.
const LEARNERS: [(&str, &str); 25] = [
    ("A LoadBalancer that nobody serves", "balancer-pending"),
    ("A slip in the selector", "selector-empty"),
    ("The wrong target port", "target-port"),
    ("A remark about ports that is wrong, and an image that nobody knows", "container-port"),
    ("Docker Desktop", "desktop"),
    ("An Ingress on paper", "ingress-unread"),
    ("Another host", "host-unmatched"),
    ("A Service behind an Ingress that selects nothing", "selector-empty"),
    ("A readiness probe that asks for another path", "readiness-fails"),
    ("A path that the program does not know", "path-unserved"),
    ("The webhook does not answer", "webhook"),
    ("A short name in another namespace", "short-name"),
    ("A removed version", "refused"),
    ("A connection that is kept", "kept-alive"),
    ("A node port in a ClusterIP Service", "refused"),
    ("A program that listens on 127.0.0.1 alone", "loopback"),
    ("A node port out of range", "refused"),
    ("A Secret in another namespace", "tls-secret"),
    ("A rollout without a pause", "rollout-race"),
    ("A local policy, and nodes without a Pod", "local-policy"),
    ("A liveness probe that kills", "liveness-fails"),
    ("A ping to a cluster IP", "ping"),
    ("A selector that reaches two programs", "selector-broad"),
    ("A backend in another namespace", "backend-elsewhere"),
    ("Plain HTTP to the HTTPS port", "plain-to-tls"),
];

#[test]
fn what_learners_meet_most_is_found_and_has_a_way_out() {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let texts: String = paths
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .map(|path| fs::read_to_string(path).unwrap() + "\n")
        .collect();
    for (name, id) in LEARNERS {
        let case = texts.split("## ").find(|case| case.lines().next() == Some(name));
        let case = case.unwrap_or_else(|| panic!("there is no case {name:?}"));
        let found = case.split("\n! ").skip(1).find(|finding| finding.split(' ').nth(1) == Some(id));
        let found = found.unwrap_or_else(|| panic!("{name}: {id} is not found"));
        assert!(found.contains("\n  * "), "{name}: {id} has no fix");
    }
}

/// A lesson that is done has nothing wrong with it; what its requests showed on the way, it asked for.
#[test]
fn solutions_are_clean() {
    for entry in fs::read_dir("public/lessons/en").unwrap() {
        let path = entry.unwrap().path();
        let lesson = lesson::read(&fs::read_to_string(&path).unwrap()).unwrap();
        let profile = Profile::named(&lesson.profile).unwrap();
        let mut session = Session::new(profile, lesson.seed, Lang::En);
        lesson.files.iter().for_each(|file| drop(session.run(Command::Write(file.clone()))));
        for step in &lesson.steps {
            for deed in &step.deeds {
                for command in deed.commands(&lesson.files, &step.actions, &session) {
                    session.run(command);
                    session.settle(PATIENCE);
                }
            }
        }
        settle(&mut session);
        let found = diagnose::of_session(&session, Lang::En);
        let bad: Vec<&Finding> = found.iter().filter(|f| f.severity != Severity::Note && f.traces.is_empty()).collect();
        assert!(bad.is_empty(), "{}: {}", path.display(), told(&session, &found));
    }
}

/// However large a cluster is, what is told of it is not.
#[test]
fn a_large_cluster_is_looked_through_once() {
    let mut text = String::new();
    for i in 0..5_000 {
        let (app, target) = if i % 2 == 0 { ("web", 9090) } else { ("nobody", 80) };
        text += &format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s{i}}}\nspec:\n  selector: {{app: {app}}}\n  ports: [{{port: 80, targetPort: {target}}}]\n---\n"
        );
    }
    let web = Source::new("web.yaml", fs::read_to_string(folder().join("web.yaml")).unwrap());
    let mut session = Session::new(Profile::named("minikube").unwrap(), 1, Lang::En);
    session.run(Command::Apply(web));
    session.run(Command::Apply(Source::new("many.yaml", text.clone())));
    session.settle(PATIENCE);
    let source = Source::new("many.yaml", text);
    let parsed = kubehop::manifest::parse(&source);
    let files = [diagnose::File { source: &source, parsed: &parsed, told: &[] }];
    let asked = diagnose::Asked { cluster: session.cluster(), files: &files, traces: &[], lang: Lang::En };
    let start = std::time::Instant::now();
    let found = diagnose::diagnose(&asked);
    println!("{} findings among 5,000 Services in {:?}", found.len(), start.elapsed());
    assert_eq!(found.len(), diagnose::MOST);
    assert!(found.iter().all(|finding| finding.id == "selector-empty"));
}
