//! Every lesson starts unsolved, its solution passes, step after step, and its languages match.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use kubehop::lang::Lang;
use kubehop::lesson::{self, Lesson, Report, Since, Step};
use kubehop::object::Profile;
use kubehop::session::{Command, Session};

fn lessons(lang: Lang) -> Vec<(String, Lesson)> {
    let folder = format!("public/lessons/{}", lang.pick("en", "zh"));
    let mut names: Vec<_> = fs::read_dir(&folder).expect("lessons").map(|e| e.expect("an entry").file_name()).collect();
    names.sort();
    let read = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy().into_owned();
        let text = fs::read_to_string(format!("{folder}/{name}")).expect("a text");
        (name.clone(), lesson::read(&text).unwrap_or_else(|error| panic!("{folder}/{name}: {error}")))
    };
    names.iter().map(read).collect()
}

#[test]
fn languages_match() {
    let (en, zh) = (lessons(Lang::En), lessons(Lang::Zh));
    assert_eq!(en.len(), zh.len());
    for ((name, en), (other, zh)) in en.iter().zip(&zh) {
        assert_eq!(name, other);
        assert_eq!((&en.profile, en.seed, &en.files), (&zh.profile, zh.seed, &zh.files), "{name}");
        assert_eq!(en.steps.len(), zh.steps.len(), "{name}");
        for (a, b) in en.steps.iter().zip(&zh.steps) {
            let machine = |step: &Step| (step.check.clone(), step.actions.clone(), step.deeds.clone());
            assert_eq!(machine(a), machine(b), "{name}: {}", a.title);
            let shape = |step: &Step| (step.prose.len(), step.task.len(), step.hints.len(), step.solution.len());
            assert_eq!(shape(a), shape(b), "{name}: {}", a.title);
        }
    }
}

#[test]
fn solutions_pass() {
    for (name, lesson) in lessons(Lang::En) {
        let profile = Profile::named(&lesson.profile).expect("a profile");
        let mut session = Session::new(profile, lesson.seed, Lang::En);
        for file in &lesson.files {
            session.run(Command::Write(file.clone()));
        }
        for step in &lesson.steps {
            let since = Since::now(&session);
            let judge = |session: &Session| -> Report {
                lesson::judge(&step.check, session, since, &BTreeSet::new(), Lang::En)
            };
            assert!(!judge(&session).is_solved(), "{name}: {:?} starts solved", step.title);
            for deed in &step.deeds {
                for command in deed.commands(&lesson.files, &step.actions, &session) {
                    session.run(command);
                    settle(&mut session);
                }
            }
            let report = judge(&session);
            assert!(report.is_solved(), "{name}: {:?} is not solved: {report:#?}", step.title);
        }
    }
}

fn settle(session: &mut Session) {
    let limit = session.cluster().now() + Duration::from_secs(60);
    while let Some(next) = session.cluster().pending().filter(|next| *next < limit) {
        session.advance(next);
    }
}
