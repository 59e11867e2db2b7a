//! A lesson: every step starts unsolved, its solution solves it, and the other language asks for the same.

use std::collections::BTreeSet;

use super::super::{Act, Lesson, Since, Step, read};
use super::{PATIENCE, Proof, conditions, first_line, judge, opens_machine, parts};
use crate::manifest;
use crate::object::Profile;
use crate::session::{Command, Session};

/// Where a step of a lesson stands in its file.
struct Mark {
    heading: usize,
    /// Its blocks for machines: the fence's line and what stands within.
    blocks: Vec<(usize, String)>,
}

impl Mark {
    /// The line of a field of the block for machines.
    fn line(&self, field: &str) -> usize {
        self.blocks.last().map_or(self.heading, |(fence, text)| fence + manifest::line_of(text, field))
    }
}

/// The steps' places in a lesson's text.
fn marks(text: &str) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut fence: Option<bool> = None;
    let front = text.lines().skip(1).position(|line| line == "---").map_or(0, |at| at + 2);
    for (i, line) in text.lines().enumerate().skip(front) {
        let mark = marks.last_mut();
        match (fence, line.starts_with("```")) {
            (Some(_), true) => fence = None,
            (None, true) => {
                let machine = opens_machine(line);
                fence = Some(machine);
                mark.into_iter().filter(|_| machine).for_each(|mark| mark.blocks.push((i + 1, String::new())));
            }
            (Some(true), false) => {
                if let Some((_, text)) = mark.and_then(|mark| mark.blocks.last_mut()) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            (None, false) if line.starts_with("## ") => marks.push(Mark { heading: i + 1, blocks: Vec::new() }),
            _ => {}
        }
    }
    marks
}

impl Proof<'_> {
    /// Proves the file as a lesson.
    pub(super) fn lesson(&mut self) {
        let lesson = match read(&self.source.text) {
            Ok(lesson) => lesson,
            Err(error) => return self.misread(error),
        };
        let marks = marks(&self.source.text);
        if self.is_sound(&lesson, &marks) {
            self.play(&lesson, &marks);
        }
        self.compare(&lesson, &marks);
    }

    /// Whether a lesson's parts name each other rightly.
    fn is_sound(&mut self, lesson: &Lesson, marks: &[Mark]) -> bool {
        let before = self.verdicts.len();
        if Profile::named(&lesson.profile).is_none() {
            let line = self.source.text.lines().position(|line| line.starts_with("profile:")).unwrap_or_default() + 1;
            let (profile, names) = (&lesson.profile, Profile::NAMES.join(", "));
            self.wrong(
                line,
                format!("profile: there is no profile {profile:?}; there are {names}"),
                format!("profile：没有 {profile:?} 这个环境，只有 {names}"),
            );
        }
        for (step, mark) in lesson.steps.iter().zip(marks) {
            if let [_, (again, _), ..] = &mark.blocks[..] {
                self.wrong(*again, "a step has one block `yaml step`", "一个步骤只有一个 `yaml step` 块");
            }
            if step.check.is_empty() {
                self.wrong(
                    mark.line(""),
                    "check: is empty: nothing tells when the step is done",
                    "check 是空的：无从判断何时完成",
                );
            }
            for (i, check) in step.check.iter().enumerate().filter(|(_, check)| conditions(check) != 1) {
                let (line, n) = (mark.line(&format!("check[{i}]")), conditions(check));
                self.wrong(
                    line,
                    format!("check[{i}]: a check asks for one thing, not {n}"),
                    format!("check[{i}]：一个检查只问一件事，而不是 {n} 件"),
                );
            }
            for (i, _) in step.actions.iter().enumerate().filter(|(_, act)| deeds_of(act) != 1) {
                let line = mark.line(&format!("actions[{i}]"));
                self.wrong(
                    line,
                    format!("actions[{i}]: a button does one thing"),
                    format!("actions[{i}]：一个按钮只做一件事"),
                );
            }
            for (i, deed) in step.deeds.iter().enumerate() {
                if let Some((field, what)) = deed.fault(&lesson.files, Some(step.actions.len())) {
                    let field = format!("solution[{i}]{field}");
                    self.say(mark.line(&field), Err(format!("{field}: {what}")));
                }
            }
        }
        self.verdicts.len() == before
    }

    /// Goes through a lesson as a learner does who always takes the solution.
    fn play(&mut self, lesson: &Lesson, marks: &[Mark]) {
        let Some(profile) = Profile::named(&lesson.profile) else { return };
        let mut session = Session::new(profile, lesson.seed, self.lang);
        for file in &lesson.files {
            session.run(Command::Write(file.clone()));
        }
        for (n, (step, mark)) in lesson.steps.iter().zip(marks).enumerate() {
            let name =
                self.lang.pick(format!("step {}, {:?}", n + 1, step.title), format!("步骤 {}“{}”", n + 1, step.title));
            let since = Since::now(&session);
            let holds = |session: &Session, lang| judge(&step.check, session, since, &BTreeSet::new(), lang);
            let first = holds(&session, self.lang);
            if first.is_solved() {
                return self.wrong(
                    mark.line("check"),
                    format!("{name}: starts solved: all that its check asks for holds before the learner did anything"),
                    format!("{name}：一开始就已完成：学习者还没动手，检查的条件就都满足了"),
                );
            }
            let complaints = self.solve(lesson, step, mark, &mut session);
            let mut unmet = Vec::new();
            for (i, check) in step.check.iter().enumerate() {
                let report = judge(std::slice::from_ref(check), &session, since, &BTreeSet::new(), self.lang);
                let failed = report.conditions.into_iter().filter(|condition| !condition.met);
                unmet.extend(failed.map(|condition| (format!("check[{i}]"), condition)));
            }
            for (field, condition) in &unmet {
                let (text, have, want) = (&condition.text, condition.have, condition.want);
                self.wrong(
                    mark.line(field),
                    format!("{name}: the solution does not bring this: {text} ({have} of {want}){complaints}"),
                    format!("{name}：答案没有做到：{text}（{have}/{want}）{complaints}"),
                );
            }
            if !unmet.is_empty() {
                let left = lesson.steps.len() - n - 1;
                if left > 0 {
                    self.wrong(
                        mark.heading,
                        format!("the steps after it ({left}) are not tried"),
                        format!("后面的 {left} 个步骤没有再试"),
                    );
                }
                return;
            }
            let (met, all) =
                (first.conditions.iter().filter(|condition| condition.met).count(), first.conditions.len());
            let what = self.lang.pick(
                format!("{name}: starts unsolved ({met} of {all} hold), its solution solves it"),
                format!("{name}：开始时未完成（{met}/{all}），答案能完成它"),
            );
            self.say(mark.heading, Ok(what));
        }
    }

    /// Does what a solution says; gives what went wrong meanwhile, to be told if it does not help.
    fn solve(&mut self, lesson: &Lesson, step: &Step, mark: &Mark, session: &mut Session) -> String {
        let mut complaints = String::new();
        for (i, deed) in step.deeds.iter().enumerate() {
            let field = format!("solution[{i}]");
            let commands = deed.commands(&lesson.files, &step.actions, session);
            if commands.is_empty() {
                self.wrong(
                    mark.line(&field),
                    format!("{field}: there is nothing that it could do this to"),
                    format!("{field}：没有可以作用的对象"),
                );
            }
            for command in commands {
                let reply = session.run(command);
                session.settle(PATIENCE);
                if reply.output.code != 0 && reply.traces.is_empty() {
                    complaints += &format!("; {field}: {}", first_line(&reply));
                }
            }
        }
        complaints
    }

    /// Compares a lesson with the one beside it in the other language.
    fn compare(&mut self, lesson: &Lesson, marks: &[Mark]) {
        let folder = parts(&self.source.name).0;
        let own = parts(folder).1;
        let other = match own {
            "en" => "zh",
            "zh" => "en",
            _ => return,
        };
        let (before, after) = (&self.source.name[..folder.len() - own.len()], &self.source.name[folder.len()..]);
        let path = format!("{before}{other}{after}");
        let Some(beside) = self.others.iter().find(|source| source.name == path) else {
            return self.wrong(1, format!("there is no {path} beside it"), format!("旁边没有 {path}"));
        };
        // What is wrong with the other one is told at its own place.
        let Ok(beside) = read(&beside.text) else { return };
        let before = self.verdicts.len();
        let fronts = [
            ("profile", lesson.profile == beside.profile),
            ("seed", lesson.seed == beside.seed),
            ("files", lesson.files == beside.files),
            ("steps", lesson.steps.len() == beside.steps.len()),
        ];
        for (what, _) in fronts.iter().filter(|(_, same)| !same) {
            let start = format!("{what}:");
            let line = self.source.text.lines().position(|line| line.starts_with(&start)).unwrap_or_default() + 1;
            self.wrong(line, format!("{what}: not those of {path}"), format!("{what}：与 {path} 不同"));
        }
        for ((step, twin), mark) in lesson.steps.iter().zip(&beside.steps).zip(marks) {
            let parts = [
                ("check", step.check == twin.check),
                ("actions", step.actions == twin.actions),
                ("solution", step.deeds == twin.deeds),
            ];
            for (what, _) in parts.iter().filter(|(_, same)| !same) {
                self.wrong(mark.line(what), format!("{what}: not that of {path}"), format!("{what}：与 {path} 不同"));
            }
            let prose = [
                ("prose", step.prose.len(), twin.prose.len()),
                ("task", step.task.len(), twin.task.len()),
                ("hints", step.hints.len(), twin.hints.len()),
                ("solution in words", step.solution.len(), twin.solution.len()),
            ];
            for (what, have, want) in prose.iter().filter(|(_, have, want)| have != want) {
                self.wrong(
                    mark.heading,
                    format!("{:?}: {have} parts in its {what}, but {want} in {path}", step.title),
                    format!("“{}”：{what} 有 {have} 段，而 {path} 有 {want} 段", step.title),
                );
            }
        }
        if self.verdicts.len() == before {
            let what = self.lang.pick(format!("asks for the same as {path}"), format!("与 {path} 要求相同"));
            self.say(1, Ok(what));
        }
    }
}

/// How many things a button does; one is right.
fn deeds_of(act: &Act) -> usize {
    let Act { send, fail_readiness, mend_readiness, stop_node, start_node } = act;
    let names = [fail_readiness, mend_readiness, stop_node, start_node];
    names.iter().filter(|name| name.is_some()).count() + usize::from(send.is_some())
}
