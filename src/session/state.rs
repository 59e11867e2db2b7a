//! All that commands change, and how each is carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::traffic::Traffic;
use super::{Command, Fault, Reply, Requests};
use crate::api::Status;
use crate::cluster::Cluster;
use crate::lang::Lang;
use crate::object::Ref;
use crate::shell::{self, Applied, Files, Output, Reading, Stream, Terminal};
use crate::text::Source;
use crate::time::Instant;
use crate::trace::Trace;

/// How many traces are kept.
const TRACES: usize = 2000;

/// How many requests one command may send.
const REQUESTS: u32 = 1000;

/// How many verdicts one command may ask for.
const VERDICTS: u32 = 100_000;

/// All that commands change. A clone is cheap: objects, texts of traces and the like are shared.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) cluster: Cluster,
    pub(super) files: Files,
    pub(super) terminals: BTreeMap<u8, Terminal>,
    pub(super) traces: Vec<Arc<Trace>>,
    /// The objects that each file of the editor has made.
    pub(super) applied: BTreeMap<String, BTreeSet<Ref>>,
    /// The traffic that goes on.
    pub(super) traffic: Option<Traffic>,
}

impl State {
    /// Of a cluster that nothing has been done to.
    pub(super) fn new(cluster: Cluster, lang: Lang) -> Self {
        Self {
            cluster,
            files: Files::new(),
            terminals: BTreeMap::from([(0, Terminal::new(lang))]),
            traces: Vec::new(),
            applied: BTreeMap::new(),
            traffic: None,
        }
    }

    pub(super) fn speak(&mut self, lang: Lang) {
        self.terminals.values_mut().for_each(|terminal| terminal.lang = lang);
    }

    /// Lets time pass; what goes on (programs in terminals, traffic) acts when its time comes.
    pub(super) fn advance(&mut self, until: Instant) {
        while let Some(next) = self.next().filter(|next| *next < until) {
            self.cluster.advance(next);
            self.poll();
            assert!(self.next() != Some(next), "what goes on acts when its time comes");
        }
        self.cluster.advance(until);
        self.poll();
    }

    /// When a program in a terminal, or the traffic, next does something by itself.
    pub(super) fn next(&self) -> Option<Instant> {
        self.terminals.values().filter_map(Terminal::next).chain(self.traffic.as_ref().map(Traffic::next)).min()
    }

    /// Lets what goes on do what is due, and say what has happened.
    fn poll(&mut self) {
        let (cluster, traces) = (&mut self.cluster, &mut self.traces);
        self.traffic.take_if(|traffic| !traffic.poll(cluster, traces, Lang::En));
        for terminal in self.terminals.values_mut() {
            let traces = shell::poll(&mut self.cluster, terminal, &mut self.files);
            self.traces.extend(traces);
        }
        self.cluster.forget_seen(self.terminals.values().any(Terminal::watches));
        self.forget_old();
    }

    pub(super) fn execute(&mut self, command: &Command, lang: Lang) -> Reply {
        let began = self.cluster.now();
        let reply = self.carry_out(command, lang);
        if let Some(traffic) = &mut self.traffic {
            traffic.wait(self.cluster.now().since(began));
        }
        self.poll();
        reply
    }

    fn carry_out(&mut self, command: &Command, lang: Lang) -> Reply {
        match command {
            Command::Apply(source) => {
                let applied = self.apply(source, Reading::UntilUnreadable, lang);
                let keys = applied.said.iter().map(|(key, _)| key.clone());
                self.applied.entry(source.name.clone()).or_default().extend(keys);
                Reply { output: applied.output, diagnostics: applied.diagnostics, ..Reply::default() }
            }
            Command::Live(source) => self.live(source, lang).0,
            Command::Write(source) => {
                self.files.insert(source.name.clone(), source.text.clone());
                Reply::default()
            }
            Command::Run { terminal, line } => {
                let terminal = self.terminals.entry(*terminal).or_insert_with(|| Terminal::new(lang));
                let output = shell::run(&mut self.cluster, terminal, &mut self.files, line);
                self.sent(output)
            }
            Command::Request(requests) => {
                let requests = Requests { count: requests.count.min(REQUESTS), ..requests.clone() };
                let output = shell::request(&mut self.cluster, &requests, lang);
                self.sent(output)
            }
            Command::Tally(requests) => {
                let requests = Requests { count: requests.count.min(VERDICTS), ..requests.clone() };
                match shell::tally(&mut self.cluster, &requests, lang) {
                    Ok(tally) => Reply { tally: Some(tally), ..Reply::default() },
                    Err(output) => Reply { output, ..Reply::default() },
                }
            }
            Command::Start(requests) => {
                let started = Traffic::start(&mut self.cluster, requests, lang);
                let output = match started {
                    Ok((traffic, trace)) => {
                        self.traffic = Some(traffic);
                        Output { traces: vec![trace], ..Output::default() }
                    }
                    Err(output) => output,
                };
                self.sent(output)
            }
            Command::Stop => {
                self.traffic = None;
                Reply::default()
            }
            Command::Firewall(change) => {
                Reply { output: shell::firewall(&mut self.cluster, change, lang), ..Reply::default() }
            }
            Command::Fault(fault) => {
                let done = match fault {
                    Fault::KillPod(pod) => self.cluster.kill_pod(pod),
                    Fault::FailReadiness(pod, _) | Fault::FailLiveness(pod, _)
                        if self.cluster.store().get(pod).is_none() =>
                    {
                        Err(Status::not_found(pod))
                    }
                    Fault::FailReadiness(pod, fails) => {
                        self.cluster.fail_readiness(pod, *fails);
                        Ok(())
                    }
                    Fault::FailLiveness(pod, fails) => {
                        self.cluster.fail_liveness(pod, *fails);
                        Ok(())
                    }
                    Fault::StopNode(node) => self.cluster.stop_node(node).map(drop),
                    Fault::StartNode(node) => self.cluster.start_node(node).map(drop),
                    Fault::CutLink(a, b) => self.cluster.cut_link(a, b).map(drop),
                    Fault::MendLink(a, b) => self.cluster.mend_link(a, b).map(drop),
                };
                Reply {
                    output: done.map_or_else(|status| refused(&status), |()| Output::default()),
                    ..Reply::default()
                }
            }
        }
    }

    fn apply(&mut self, source: &Source, reading: Reading, lang: Lang) -> Applied {
        self.files.insert(source.name.clone(), source.text.clone());
        shell::apply(&mut self.cluster, source, reading, lang)
    }

    /// Applies what is being typed; gives what the text says, too.
    pub(super) fn live(&mut self, source: &Source, lang: Lang) -> (Reply, Vec<serde_json::Value>) {
        let mut applied = self.apply(source, Reading::Whole, lang);
        let (keys, trees): (BTreeSet<Ref>, Vec<_>) = applied.said.into_iter().unzip();
        if applied.is_readable {
            self.prune(&source.name, &keys, &mut applied.output);
            self.applied.insert(source.name.clone(), keys);
        } else {
            self.applied.entry(source.name.clone()).or_default().extend(keys);
        }
        (Reply { output: applied.output, diagnostics: applied.diagnostics, ..Reply::default() }, trees)
    }

    /// Deletes what a file made before and says no longer, unless another file says it.
    fn prune(&mut self, name: &str, stands: &BTreeSet<Ref>, output: &mut Output) {
        let elsewhere = |key: &Ref| self.applied.iter().any(|(file, keys)| file != name && keys.contains(key));
        let made = self.applied.get(name).into_iter().flatten();
        let gone: Vec<Ref> = made.filter(|key| !stands.contains(key) && !elsewhere(key)).cloned().collect();
        for key in gone {
            // What is gone already needs no pruning.
            if self.cluster.delete(&key, None).is_ok() {
                output.chunks.push((Stream::Out, format!("{} pruned\n", shell::named(&key))));
            }
        }
    }

    /// Keeps the traces of an output.
    fn sent(&mut self, mut output: Output) -> Reply {
        let traces = std::mem::take(&mut output.traces);
        self.traces.extend(traces.iter().cloned());
        self.forget_old();
        Reply { output, traces, ..Reply::default() }
    }

    fn forget_old(&mut self) {
        let surplus = self.traces.len().saturating_sub(TRACES);
        self.traces.drain(..surplus);
    }
}

fn refused(status: &Status) -> Output {
    Output { chunks: vec![(Stream::Err, status.kubectl())], code: 1, ..Output::default() }
}
