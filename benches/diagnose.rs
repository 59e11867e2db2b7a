//! How long Diagnose looks, at the end of every lesson and scenario: natively, median and worst of many looks.
//!
//! `cargo bench --bench diagnose`; fails if a look takes more than it may. The page looks as the first column does, with what it
//! has read of the files; `diagnose` in the command line reads and applies them first.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant as Clock};

use kubehop::diagnose::{self, Asked, File};
use kubehop::lang::Lang;
use kubehop::lesson;
use kubehop::manifest;
use kubehop::object::Profile;
use kubehop::session::{Command, Session};
use kubehop::text::Source;

/// The longest that a look at a lesson's cluster may take.
const MOST: Duration = Duration::from_millis(5);
const LOOKS: usize = 201;

fn main() -> ExitCode {
    println!("| cluster | pods | findings | a look, median | worst | with reading and applying the files |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let slow = sessions().iter().filter(|(name, session)| report(name, session) > MOST).count();
    println!("\nlooks that take more than {MOST:?} (median): {slow}");
    if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lessons, solved, and scenarios, each by its path.
fn sessions() -> Vec<(String, Session)> {
    let mut all = Vec::new();
    for (folder, ending) in [("public/lessons/en", "md"), ("public/scenarios", "yaml")] {
        let mut paths: Vec<_> = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == ending) && !path.ends_with("index.yaml"));
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path).expect("a text");
            let session = if ending == "md" { solved(&text) } else { opened(&text) };
            all.push((path.display().to_string(), session));
        }
    }
    all
}

fn solved(text: &str) -> Session {
    let lesson = lesson::read(text).expect("a lesson");
    let mut session = Session::new(Profile::named(&lesson.profile).expect("a profile"), lesson.seed, Lang::En);
    for file in &lesson.files {
        session.run(Command::Write(file.clone()));
    }
    for step in &lesson.steps {
        for deed in &step.deeds {
            for command in deed.commands(&lesson.files, &step.actions, &session) {
                session.run(command);
                session.settle(kubehop::time::Duration::from_secs(60));
            }
        }
    }
    session
}

fn opened(text: &str) -> Session {
    lesson::scenario(text).expect("a scenario").open(Lang::En).session
}

fn report(name: &str, session: &Session) -> Duration {
    let manifests = session.files().iter().filter(|(name, _)| name.ends_with(".yaml"));
    let sources: Vec<Source> = manifests.map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect();
    let parsed: Vec<_> = sources.iter().map(manifest::parse).collect();
    let files: Vec<File<'_>> =
        sources.iter().zip(&parsed).map(|(source, parsed)| File { source, parsed, told: &[] }).collect();
    let traces = diagnose::recent(session);
    let asked = Asked { cluster: session.cluster(), files: &files, traces, lang: Lang::En };
    let mut found = 0;
    let (median, worst) = timed(LOOKS, || found = diagnose::diagnose(&asked).len());
    let (whole, _) = timed(21, || drop(diagnose::of_session(session, Lang::En)));
    let pods = session.cluster().store().all::<kubehop::object::Pod>().count();
    println!("| {name} | {pods} | {found} | {median:.2?} | {worst:.2?} | {whole:.2?} |");
    median
}

fn timed(times: usize, mut work: impl FnMut()) -> (Duration, Duration) {
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Clock::now();
            work();
            start.elapsed()
        })
        .collect();
    took.sort();
    (took[times / 2], took[times - 1])
}
