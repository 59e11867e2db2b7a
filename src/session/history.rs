//! A session's course as a row of steps: what was done, what happened by itself, what was sent and how it ended.
//!
//! Steps stand in the order in which the stage shows them: a step that sent requests begins with the first of them, every other
//! step is looked at when it is over. What happens by itself within two seconds is one step; so is typing without a pause.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::slice::Iter;

use super::past::{Done, Sent, Stray};
use super::{Command, Fault, Firewall, Moment, PAUSE, Requests, Session};
use crate::cluster::{News, Turned};
use crate::lang::Lang;
use crate::object::{Kind, Ref};
use crate::time::{Duration, Instant};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A file was applied.
    Applied,
    /// A line was run in a terminal.
    Ran,
    /// Requests were sent.
    Sent,
    /// Somebody broke or mended something, or opened or closed the firewall.
    Broke,
    /// Something happened by itself.
    Happened,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub what: What,
    /// When it began.
    pub at: Instant,
    /// The moment after it.
    pub after: Moment,
    /// Its requests, however they were sent.
    pub sent: Sent,
    /// Whether the server or the tool said no.
    pub refused: bool,
    /// It in words.
    pub label: String,
}

impl Step {
    /// Whether anything of it failed.
    pub fn is_failure(&self) -> bool {
        self.refused || self.sent.failed > 0
    }
}

/// News that follow each other within this time are one step.
const BREATH: Duration = Duration::from_secs(2);

/// The steps of a session, oldest first.
pub fn history(session: &Session, lang: Lang) -> Vec<Step> {
    let mut maker = Maker { lang, steps: Vec::new(), news: Vec::new() };
    let (course, news) = (&session.course, &session.course.news);
    let mut strays = course.strays.iter().peekable();
    let mut next = 0;
    for (i, ((at, command), done)) in session.log.iter().zip(&course.done).enumerate() {
        maker.passed(i, &news[..done.before.1], &mut next, &mut strays);
        let after = Moment::At { given: i + 1, at: done.end };
        let within = course.done.get(i + 1).map_or(news.len(), |later| later.before.1);
        if done.sent.ids.is_empty() {
            // What a command waited for came before its end.
            while next < within && news[next].at < done.end {
                maker.happened(&news[next], Moment::At { given: i + 1, at: news[next].at });
                next += 1;
            }
            maker.gave(*at, command, done, after);
        } else {
            // Playing its requests shows what happened meanwhile; the step tells it.
            maker.gave(*at, command, done, after);
            while next < within && news[next].at <= done.end {
                maker.happened(&news[next], after);
                next += 1;
            }
        }
    }
    maker.passed(session.log.len(), news, &mut next, &mut strays);
    maker.end_news();
    maker.steps
}

struct Maker {
    lang: Lang,
    steps: Vec<Step>,
    /// What the step to come is made of, with the moment after each.
    news: Vec<(News, Moment)>,
}

impl Maker {
    /// What happened by itself after so many commands, in the order of time: news from the next on, and requests.
    fn passed(&mut self, given: usize, news: &[News], next: &mut usize, strays: &mut Peekable<Iter<'_, Stray>>) {
        loop {
            let stray = strays.peek().filter(|stray| stray.given <= given);
            match (news.get(*next), stray) {
                (Some(item), stray) if stray.is_none_or(|stray| item.at <= stray.at) => {
                    self.happened(item, Moment::At { given, at: item.at });
                    *next += 1;
                }
                (_, Some(stray)) => {
                    self.strayed(stray);
                    strays.next();
                }
                _ => return,
            }
        }
    }

    fn happened(&mut self, item: &News, after: Moment) {
        let apart = |(last, moment): &(News, Moment)| {
            let same = match (moment, &after) {
                (Moment::At { given, .. }, Moment::At { given: now, .. }) => given == now,
                _ => false,
            };
            !same || item.at.since(last.at) > BREATH
        };
        if self.news.last().is_some_and(apart) {
            self.end_news();
        }
        self.news.push((item.clone(), after));
    }

    /// Makes one step of the news so far.
    fn end_news(&mut self) {
        let news = std::mem::take(&mut self.news);
        let (Some((first, _)), Some((_, after))) = (news.first(), news.last()) else { return };
        let label = told(&news, self.lang);
        self.steps.push(Step {
            what: What::Happened,
            at: first.at,
            after: *after,
            sent: Sent::default(),
            refused: false,
            label,
        });
    }

    fn strayed(&mut self, stray: &Stray) {
        self.end_news();
        let Stray { given, at, until, sent } = stray;
        let count = sent.ids.end - sent.ids.start;
        let label = self.lang.pick(format!("{count} sent meanwhile"), format!("其间发出 {count} 个请求"));
        let after = Moment::At { given: *given, at: *until };
        self.steps.push(Step { what: What::Sent, at: *at, after, sent: sent.clone(), refused: false, label });
    }

    fn gave(&mut self, at: Instant, command: &Command, done: &Done, after: Moment) {
        let (what, label) = match command {
            // A file that is written is written for the line that follows.
            Command::Write(_) => return,
            Command::Apply(file) => {
                (What::Applied, self.lang.pick(format!("apply {}", file.name), format!("应用 {}", file.name)))
            }
            Command::Live(file) => {
                (What::Applied, self.lang.pick(format!("{}, typed", file.name), format!("编辑 {}", file.name)))
            }
            Command::Run { line, .. } if done.sent.ids.is_empty() => (What::Ran, line.trim().to_owned()),
            Command::Run { line, .. } => (What::Sent, line.trim().to_owned()),
            Command::Request(requests) | Command::Tally(requests) => {
                let (from, url) = (&requests.from, requests.url.trim_start_matches("http://"));
                (What::Sent, format!("{} × {from} → {url}", requests.count))
            }
            Command::Start(Requests { from, url, count, .. }) => {
                let url = url.trim_start_matches("http://");
                (
                    What::Sent,
                    self.lang.pick(format!("{count}/s × {from} → {url}"), format!("每秒 {count} × {from} → {url}")),
                )
            }
            Command::Stop => (What::Ran, self.lang.pick("stop sending", "停止发送").to_owned()),
            Command::Firewall(Firewall::Open(ports)) => {
                (What::Broke, self.lang.pick(format!("open {}", ports.ports), format!("放行 {}", ports.ports)))
            }
            Command::Firewall(Firewall::Close(ports)) => {
                (What::Broke, self.lang.pick(format!("close {}", ports.ports), format!("关闭 {}", ports.ports)))
            }
            Command::Fault(fault) => (What::Broke, broke(fault, self.lang)),
        };
        self.end_news();
        if let (Command::Live(_), Some(last)) = (command, self.steps.last_mut())
            && last.label == label
            && at.since(last.at) <= PAUSE
        {
            // More of the same typing.
            (last.after, last.refused) = (after, done.code != 0);
            return;
        }
        let refused = done.code != 0 && done.sent.ids.is_empty();
        self.steps.push(Step { what, at, after, sent: done.sent.clone(), refused, label });
    }
}

fn broke(fault: &Fault, lang: Lang) -> String {
    match fault {
        Fault::KillPod(pod) => lang.pick(format!("kill {}", pod.name), format!("杀死 {}", pod.name)),
        Fault::FailReadiness(pod, true) => {
            lang.pick(format!("fail readiness of {}", pod.name), format!("使 {} 就绪探针失败", pod.name))
        }
        Fault::FailReadiness(pod, false) => {
            lang.pick(format!("mend readiness of {}", pod.name), format!("恢复 {} 就绪", pod.name))
        }
        Fault::FailLiveness(pod, true) => {
            lang.pick(format!("fail liveness of {}", pod.name), format!("使 {} 存活探针失败", pod.name))
        }
        Fault::FailLiveness(pod, false) => {
            lang.pick(format!("mend liveness of {}", pod.name), format!("恢复 {} 存活", pod.name))
        }
        Fault::StopNode(node) => lang.pick(format!("stop {node}"), format!("停止 {node}")),
        Fault::StartNode(node) => lang.pick(format!("start {node}"), format!("启动 {node}")),
        Fault::CutLink(a, b) => lang.pick(format!("cut {a} – {b}"), format!("切断 {a} – {b}")),
        Fault::MendLink(a, b) => lang.pick(format!("mend {a} – {b}"), format!("修好 {a} – {b}")),
    }
}

/// News in a few words: names where there is one of a sort, else counts.
fn told(news: &[(News, Moment)], lang: Lang) -> String {
    let mut sorts: BTreeMap<(Turned, Kind), BTreeSet<&Ref>> = BTreeMap::new();
    for (item, _) in news {
        sorts.entry((item.what, item.object.kind)).or_default().insert(&item.object);
    }
    let part = |((what, kind), many): (&(Turned, Kind), &BTreeSet<&Ref>)| {
        let who = match many.first() {
            Some(one) if many.len() == 1 => one.name.to_string(),
            _ if *kind == Kind::Pod => lang.pick(format!("{} Pods", many.len()), format!("{} 个 Pod", many.len())),
            _ if *kind == Kind::Node => lang.pick(format!("{} Nodes", many.len()), format!("{} 个 Node", many.len())),
            _ => lang.pick(format!("{} Services", many.len()), format!("{} 个 Service", many.len())),
        };
        let what = match what {
            Turned::Ready => lang.pick("ready", "就绪"),
            Turned::Unready => lang.pick("not ready", "未就绪"),
            Turned::Gone => lang.pick("gone", "已消失"),
            Turned::Addressed => lang.pick("got its address", "得到地址"),
        };
        format!("{who} {what}")
    };
    sorts.iter().map(part).collect::<Vec<_>>().join(lang.pick(", ", "，"))
}
