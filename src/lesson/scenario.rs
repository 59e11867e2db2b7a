//! Scenarios: a session ready to be watched, with what to look at, what to try next, and what must come of it.
//!
//! A scenario is one YAML file with both languages inside, read strictly. Its log is a list of `[SECONDS, DEED]`; opening it carries
//! the log out in a fresh session, so that undo, links and bug reports treat it like any other. Addresses that only the cluster
//! knows stand as `{SERVICE}` and `{SERVICE external}`, as in lessons. Knows nothing of the screen.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

use super::markdown::{self, Block};
use super::misread::{self, Misread};
use super::{Check, Deed, Report, Since, judge};
use crate::lang::Lang;
use crate::object::{Host, Profile, ProxyMode};
use crate::session::{Command, Session};
use crate::shell::Stream;
use crate::text::Source;
use crate::time::{Duration, Instant};

/// A text in each language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    en: String,
    zh: String,
}

impl Said {
    /// The text in a language.
    pub fn text(&self, lang: Lang) -> &str {
        lang.pick(&self.en, &self.zh)
    }

    /// The same, as prose.
    pub fn prose(&self, lang: Lang) -> Vec<Block> {
        markdown::blocks(self.text(lang))
    }
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its title.
    pub title: Said,
    /// What it shows, in a line.
    pub about: Said,
    /// What to look at.
    pub look: Said,
    /// The environment.
    #[serde(deserialize_with = "profile")]
    pub profile: Profile,
    /// kube-proxy's mode.
    #[serde(default)]
    pub mode: ProxyMode,
    /// What the laptop is to the nodes, where it is not as the profile has it.
    #[serde(default)]
    pub host: Option<Host>,
    /// The seed.
    pub seed: u64,
    /// The files of the editor.
    pub files: Vec<Source>,
    /// What is done, and after how many seconds since the cluster began.
    pub log: Vec<(u64, Deed)>,
    /// What to try next.
    pub next: Vec<Move>,
    /// What must hold at the end.
    pub expect: Vec<Check>,
}

/// Something to try.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What, in words.
    pub say: Said,
    /// What, in deeds ...
    #[serde(default, rename = "do")]
    pub deeds: Vec<Deed>,
    /// ... or the name of another scenario to open.
    #[serde(default)]
    pub open: Option<String>,
}

/// A scenario, opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The session, at the moment of the last deed's end.
    pub session: Session,
    /// The lines that were run, each with what the terminal showed.
    pub shown: Vec<(String, Vec<(Stream, String)>)>,
    /// The traces of the last deed that sent requests.
    pub batch: Vec<u64>,
}

/// A part of the gallery.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its title.
    pub title: Said,
    /// The scenarios' names: their files without the ending.
    pub scenarios: Vec<String>,
}

/// Reads the gallery's list.
pub fn gallery(text: &str) -> Result<Vec<Group>, Misread> {
    misread::yaml(text, 0)
}

/// Reads a scenario. The error says what is wrong and where: a line, or the path of a field.
pub fn scenario(text: &str) -> Result<Scenario, Misread> {
    let mut read: Scenario = misread::yaml(text, 0)?;
    read.profile.proxy_mode = read.mode;
    read.profile.host = read.host.unwrap_or(read.profile.host);
    read.check()?;
    Ok(read)
}

fn profile<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
    use serde::de::Error;
    let name = String::deserialize(deserializer)?;
    let names = || Profile::NAMES.join(", ");
    Profile::named(&name)
        .ok_or_else(|| D::Error::custom(format!("profile: there is no profile {name:?}; there are {}", names())))
}

impl Scenario {
    /// What a reader of fields one by one cannot see.
    fn check(&self) -> Result<(), Misread> {
        let mut before = 0;
        for (i, (at, deed)) in self.log.iter().enumerate() {
            let place = format!("log[{i}]");
            if *at < before {
                return Err(Misread::at_field(place, format!("{at} seconds is before {before}")));
            }
            before = *at;
            self.check_deed(&place, deed)?;
        }
        for (i, next) in self.next.iter().enumerate() {
            if next.deeds.is_empty() == next.open.is_none() {
                return Err(Misread::at_field(format!("next[{i}]"), "takes either do or open"));
            }
            for (j, deed) in next.deeds.iter().enumerate() {
                let place = format!("next[{i}].do[{j}]");
                self.check_deed(&place, deed)?;
            }
        }
        for (field, is_empty) in
            [("files", self.files.is_empty()), ("log", self.log.is_empty()), ("expect", self.expect.is_empty())]
        {
            if is_empty {
                return Err(Misread::at_field(field, "is empty"));
            }
        }
        let texts = self.next.iter().enumerate().map(|(i, next)| (format!("next[{i}].say"), &next.say));
        let own = [("title", &self.title), ("about", &self.about), ("look", &self.look)];
        for (field, said) in texts.chain(own.map(|(field, said)| (field.to_owned(), said))) {
            if said.en.trim().is_empty() || said.zh.trim().is_empty() {
                return Err(Misread::at_field(field, "is empty in one language"));
            }
        }
        Ok(())
    }

    fn check_deed(&self, place: &str, deed: &Deed) -> Result<(), Misread> {
        match deed.fault(&self.files, None) {
            Some((field, what)) => Err(Misread::at_field(format!("{place}{field}"), what)),
            None => Ok(()),
        }
    }

    /// A fresh session in which the log has been carried out.
    pub fn open(&self, lang: Lang) -> Opened {
        let session = Session::new(self.profile.clone(), self.seed, lang);
        let mut opened = Opened { session, shown: Vec::new(), batch: Vec::new() };
        for file in &self.files {
            opened.session.run(Command::Write(file.clone()));
        }
        for (at, deed) in &self.log {
            opened.session.advance(Instant::ZERO + Duration::from_secs(*at));
            opened.hear();
            for command in deed.commands(&self.files, &[], &opened.session) {
                opened.run(command);
            }
        }
        opened
    }

    /// What came of it.
    pub fn judge(&self, session: &Session, lang: Lang) -> Report {
        judge(&self.expect, session, Since::default(), &BTreeSet::new(), lang)
    }
}

impl Opened {
    fn run(&mut self, command: Command) {
        let line = match &command {
            Command::Run { line, .. } => Some(line.clone()),
            _ => None,
        };
        let reply = self.session.run(command);
        if let Some(line) = line {
            self.shown.push((line, reply.output.chunks));
        }
        if !reply.traces.is_empty() {
            self.batch = reply.traces.iter().map(|trace| trace.id).collect();
        }
        self.hear();
    }

    /// What programs in the background said stands below the last line.
    fn hear(&mut self) {
        let printed = self.session.take_printed(0);
        if let Some((_, chunks)) = self.shown.last_mut() {
            chunks.extend(printed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
title: {en: T, zh: 题}
about: {en: A, zh: 简}
look: {en: L, zh: 看}
profile: minikube
seed: 7
files:
  - name: svc.yaml
    text: |
      apiVersion: v1
      kind: Service
      metadata: {name: web}
      spec: {ports: [{port: 80}]}
log:
  - [0, {apply: svc.yaml}]
  - [2, {run: kubectl get svc web -o name}]
  - [3, {send: {from: node/minikube, url: 'http://{web}/', count: 2}}]
next:
  - say: {en: N, zh: 下}
    do: [{apply: svc.yaml, replace: [['port: 80', 'port: 81']]}]
expect:
  - endpoints: {service: web, ready: 0}
  - traffic: {from: node, to: web, count: 2, outcome: refused}
";

    #[test]
    fn it_plays() {
        let scenario = scenario(GOOD).unwrap();
        let opened = scenario.open(Lang::En);
        assert!(scenario.judge(&opened.session, Lang::En).is_solved());
        assert_eq!(opened.batch, [1, 2]);
        assert_eq!(opened.shown.len(), 1);
        assert_eq!(opened.shown[0].1, [(Stream::Out, "service/web\n".to_owned())]);
        assert!(!scenario.judge(&Session::new(scenario.profile.clone(), 7, Lang::En), Lang::En).is_solved());
    }

    #[test]
    fn errors_say_where() {
        for (from, to, error) in [
            ("seed: 7", "sead: 7", "unknown field `sead`"),
            (
                "profile: minikube",
                "profile: moon",
                "profile: there is no profile \"moon\"; there are minikube, multinode, cloud",
            ),
            ("seed: 7", "seed: x", "line 5: "),
            ("[2, {run", "[9, {run", "log[2]: 3 seconds is before 9"),
            ("{apply: svc.yaml}", "{apply: x.yaml}", "log[0].apply: there is no file \"x.yaml\""),
            ("{apply: svc.yaml}", "{press: 1}", "log[0]: a deed has one of"),
            ("port: 80'", "port: 82'", "next[0].do[0].replace[0]: svc.yaml has no such text"),
            ("zh: 题", "zh: ''", "title: is empty in one language"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let told = scenario(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(told.contains(error), "{told}");
        }
    }
}
