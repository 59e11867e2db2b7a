//! A scenario: it shows what it says, replays, and what it suggests works; and the list of a folder's scenarios.

use std::collections::BTreeSet;

use super::super::scenario::{Scenario, gallery, scenario};
use super::super::{Deed, Since};
use super::{Format, Proof, conditions, first_line, judge, parts};
use crate::lang::Lang;
use crate::manifest;
use crate::session::{Reply, Session};
use crate::text::Source;
use crate::time::Duration;
use crate::trace;

impl Proof<'_> {
    /// Proves the file as a scenario.
    pub(super) fn scenario(&mut self) {
        let scenario = match scenario(&self.source.text) {
            Ok(scenario) => scenario,
            Err(error) => return self.misread(error),
        };
        self.texts(&scenario);
        self.files(&scenario);
        let opened = scenario.open(self.lang);
        let fresh = Session::new(scenario.profile.clone(), scenario.seed, self.lang);
        let mut count = 0;
        for (i, check) in scenario.expect.iter().enumerate() {
            let line = self.line(&format!("expect[{i}]"));
            let asked = conditions(check);
            if asked != 1 {
                self.wrong(
                    line,
                    format!("expect[{i}]: a check asks for one thing, not {asked}"),
                    format!("expect[{i}]：一个检查只问一件事，而不是 {asked} 件"),
                );
            }
            let of = |session: &Session| {
                judge(std::slice::from_ref(check), session, Since::default(), &BTreeSet::new(), self.lang).conditions
            };
            let (last, first) = (of(&opened.session), of(&fresh));
            count += last.len();
            for (condition, idle) in last.iter().zip(first) {
                let (text, have, want) = (&condition.text, condition.have, condition.want);
                if !condition.met {
                    self.wrong(
                        line,
                        format!("its log does not bring this: {text} ({have} of {want})"),
                        format!("日志没有带来：{text}（{have}/{want}）"),
                    );
                }
                // Each condition needs the log, or else says nothing.
                if idle.met {
                    self.wrong(
                        line,
                        format!("holds before the log begins: {text}"),
                        format!("日志开始之前就已成立：{text}"),
                    );
                }
            }
        }
        if opened.batch.is_empty() {
            self.wrong(
                self.line("log"),
                "log: sends nothing: the stage has nothing to play",
                "log 没有发送请求：舞台上没有可播放的",
            );
        }
        self.replay(&scenario, &opened.session);
        for i in 0..scenario.next.len() {
            self.suggestion(&scenario, i);
        }
        if self.verdicts.is_empty() {
            let (title, next) = (scenario.title.text(self.lang), scenario.next.len());
            let what = self.lang.pick(
                format!(
                    "{title:?}: conditions that hold at its end and not before: {count}; it replays; suggestions that work: {next}"
                ),
                format!("“{title}”：{count} 个条件在结尾成立、开头不成立；可重放；{next} 条建议可行"),
            );
            self.say(1, Ok(what));
        }
    }

    /// Its texts are told in both languages.
    fn texts(&mut self, scenario: &Scenario) {
        let han = |text: &str| text.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).count();
        let own = [("about".to_owned(), &scenario.about), ("look".to_owned(), &scenario.look)];
        let next = scenario.next.iter().enumerate().map(|(i, next)| (format!("next[{i}].say"), &next.say));
        for (field, said) in own.into_iter().chain(next) {
            let (en, zh) = (said.text(Lang::En), said.text(Lang::Zh));
            // Code and names stay as they are in every language.
            let words: String = zh.split('`').step_by(2).collect();
            let line = self.line(&field);
            if han(en) > 0 || han(&words) < 2 {
                self.wrong(line, format!("{field}: is in the wrong language"), format!("{field}：语言不对"));
            }
            if said.prose(Lang::En).len() != said.prose(Lang::Zh).len() {
                self.wrong(
                    line,
                    format!("{field}: the languages have different numbers of paragraphs"),
                    format!("{field}：两种语言的段落数不同"),
                );
            }
        }
        if scenario.about.text(Lang::En).len() >= 100 {
            self.wrong(
                self.line("about"),
                "about: a card holds a line or two, 99 letters",
                "about：卡片只放得下一两行",
            );
        }
        if !(1..=3).contains(&scenario.next.len()) {
            self.wrong(self.line("next"), "next: has one to three suggestions", "next：要有一到三条建议");
        }
    }

    /// Its files are manifests that can be read.
    fn files(&mut self, scenario: &Scenario) {
        for (i, file) in scenario.files.iter().enumerate() {
            for problem in manifest::parse(file).diagnostics {
                let line = self.line(&format!("files[{i}]"));
                let (place, message) = (file.position(problem.span.start).line, problem.message);
                self.say(line, Err(format!("files[{i}]: {}:{place}: {message}", file.name)));
            }
        }
    }

    /// The same log gives the same bytes, also once it was written down and read.
    fn replay(&mut self, scenario: &Scenario, first: &Session) {
        let lang = self.lang;
        let bytes = |session: &Session| {
            let traces: Vec<String> =
                session.traces().iter().map(|trace| trace::to_json(trace, lang).to_string()).collect();
            (traces, session.cluster().store().revision(), session.cluster().now())
        };
        let line = self.line("log");
        if bytes(first) != bytes(&scenario.open(self.lang).session) {
            self.wrong(line, "log: plays differently a second time", "log：第二次播放的结果不同");
        }
        let read = Session::from_json(&first.to_json(), self.lang);
        let mut again = match read {
            Ok(again) if bytes(&again) == bytes(first) && again.log() == first.log() => again,
            _ => return self.wrong(line, "log: is another session once it is shared", "log：分享后变成了另一个会话"),
        };
        while again.undo() {}
        if !again.traces().is_empty() {
            self.wrong(line, "log: cannot be undone", "log：无法撤销");
        }
    }

    /// A suggestion can be followed, and something comes of it.
    fn suggestion(&mut self, scenario: &Scenario, number: usize) {
        let next = &scenario.next[number];
        let place = format!("next[{number}]");
        if let Some(other) = &next.open {
            let (folder, name) = parts(&self.source.name);
            let is_there = |source: &Source| {
                let (beside, file) = parts(&source.name);
                beside == folder && file.rsplit_once('.').is_some_and(|(stem, _)| stem == other) && file != name
            };
            if !self.others.iter().any(is_there) {
                let line = self.line(&format!("{place}.open"));
                self.wrong(
                    line,
                    format!("{place}.open: there is no other scenario {other:?} in its folder"),
                    format!("{place}.open：同一文件夹里没有另一个场景 {other:?}"),
                );
            }
        }
        let mut session = scenario.open(self.lang).session;
        for (i, deed) in next.deeds.iter().enumerate() {
            let field = format!("{place}.do[{i}]");
            for command in deed.commands(&scenario.files, &[], &session) {
                let before = (session.cluster().store().revision(), session.traces().len());
                let reply = session.run(command);
                let after = (session.cluster().store().revision(), session.traces().len());
                if let Some((en, zh)) = idle(deed, &reply, before == after) {
                    let (line, said) = (self.line(&field), first_line(&reply));
                    self.wrong(line, format!("{field}: {en}: {said}"), format!("{field}：{zh}：{said}"));
                }
            }
            session.settle(Duration::from_secs(20));
        }
    }

    /// The list of scenarios names every file of its folder once.
    pub(super) fn gallery(&mut self) {
        let groups = match gallery(&self.source.text) {
            Ok(groups) => groups,
            Err(error) => return self.misread(error),
        };
        let folder = parts(&self.source.name).0;
        let beside = self
            .others
            .iter()
            .filter(|other| Format::of(other) == Some(Format::Scenario) && parts(&other.name).0 == folder);
        let files: BTreeSet<&str> =
            beside.filter_map(|other| parts(&other.name).1.rsplit_once('.')).map(|(stem, _)| stem).collect();
        let mut seen = BTreeSet::new();
        for (i, group) in groups.iter().enumerate() {
            for (j, name) in group.scenarios.iter().enumerate() {
                let line = self.line(&format!("[{i}].scenarios[{j}]"));
                if !files.contains(name.as_str()) {
                    self.wrong(line, format!("there is no {name}.yaml"), format!("没有 {name}.yaml"));
                }
                if !seen.insert(name.as_str()) {
                    self.wrong(line, format!("{name} is listed twice"), format!("{name} 列了两次"));
                }
            }
        }
        for name in files.difference(&seen) {
            self.wrong(1, format!("{name}.yaml is not listed"), format!("没有列出 {name}.yaml"));
        }
        if self.verdicts.is_empty() {
            let n = seen.len();
            let what = self.lang.pick(format!("lists all {n} scenarios"), format!("列出了全部 {n} 个场景"));
            self.say(1, Ok(what));
        }
    }
}

/// What nothing came of; `unchanged` if the cluster and the traces are as before.
fn idle(deed: &Deed, reply: &Reply, unchanged: bool) -> Option<(&'static str, &'static str)> {
    if deed.send.is_some() {
        return reply.traces.is_empty().then_some(("sends nothing", "没有发出请求"));
    }
    if reply.output.code != 0 {
        return Some(("fails", "失败"));
    }
    if deed.apply.is_some() {
        return unchanged.then_some(("changes nothing", "什么也没有改变"));
    }
    let waits = deed.run.as_ref().is_some_and(|line| line.starts_with("sleep") || line.starts_with("kill"));
    let printed = reply.output.chunks.iter().any(|(_, text)| !text.trim().is_empty());
    (!waits && !printed).then_some(("prints nothing", "什么也没有输出"))
}
