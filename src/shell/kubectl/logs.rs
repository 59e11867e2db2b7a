//! `kubectl logs`: the access logs of programs in pods.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/logs` and `pkg/polymorphichelpers` `logsForObject`. nginx and httpd log as their images do, and
//! http-echo as its own; every other program of the lab in one plain form. Left out: what programs say besides, the kubelet's probes,
//! `--since-time`, init containers.

use std::sync::Arc;

use super::super::flags::{Flag, switch, value};
use super::super::job::Work;
use super::super::{Io, Shell};
use super::{Call, Fail, go_quote, number, pods, select};
use crate::api::Status;
use crate::net::{Access, Ask};
use crate::object::{App, Container, Kind, Object, Pod, Ref};
use crate::time::{Instant, parse_duration};
use crate::trace::Place;

pub(super) const FLAGS: &[Flag] = &[
    switch("follow", 'f'),
    switch("previous", 'p'),
    value("selector", 'l', "SELECTOR"),
    value("tail", ' ', "LINES"),
    value("since", ' ', "TIME"),
    value("container", 'c', "NAME"),
    switch("all-containers", ' '),
    switch("all-pods", ' '),
    switch("timestamps", ' '),
    switch("prefix", ' '),
    value("max-log-requests", ' ', "COUNT"),
];

const USAGE: &str = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command";

/// How many lines of each pod a selector shows.
const SELECTED_TAIL: i32 = 10;

/// One container's log, from a number on.
#[derive(Clone, Debug, PartialEq)]
struct Source {
    pod: Ref,
    uid: String,
    container: Container,
    /// How many of the pod's requests are done with.
    seen: u64,
}

/// `kubectl logs -f`
#[derive(Clone, Debug, PartialEq)]
pub(in crate::shell) struct Follow {
    sources: Vec<Source>,
    timestamps: bool,
    prefix: bool,
}

/// Which lines are wanted.
struct Wanted {
    after: Instant,
    until: Option<Instant>,
    tail: Option<usize>,
}

/// `kubectl logs POD | TYPE/NAME | -l SELECTOR`
pub(super) fn logs(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let selected = call.flags.get("selector").map(str::to_owned);
    if call.flags.on("all-containers") && call.flags.get("container").is_some() {
        let name = call.flags.get("container").unwrap_or_default();
        return Err(Fail::Error(format!("--all-containers=true should not be specified with container name {name}")));
    }
    let inline = words.get(1).cloned();
    let found = match (words.first(), &selected) {
        (None, None) => return Err(Fail::Usage(USAGE.into())),
        (Some(_), Some(_)) => return Err(Fail::Usage("only a selector (-l) or a POD name is allowed".into())),
        _ if words.len() > 2 => return Err(Fail::Usage(USAGE.into())),
        (None, Some(text)) => by_selector(call, text)?,
        (Some(word), None) => by_name(call, word)?,
    };
    let tail = match number(&call.flags, FLAGS, "tail")? {
        Some(tail) if tail < -1 => return Err(Fail::Error("--tail must be greater than or equal to -1".into())),
        Some(tail) => tail,
        None if selected.is_some() => SELECTED_TAIL,
        None => -1,
    };
    let since = match call.flags.get("since") {
        None => None,
        Some(text) => match parse_duration(text) {
            Some(time) if !time.is_zero() => Some(time),
            Some(_) => return Err(Fail::Error("--since must be greater than 0".into())),
            None => {
                let quoted = go_quote(text);
                return Err(Fail::Error(format!(
                    "invalid argument {quoted} for \"--since\" flag: time: invalid duration {quoted}"
                )));
            }
        },
    };
    let mut sources = Vec::new();
    for pod in &found {
        sources.extend(containers(call, pod, inline.as_deref())?);
    }
    let follow = call.flags.on("follow");
    let most = number(&call.flags, FLAGS, "max-log-requests")?.unwrap_or(5).max(0) as usize;
    if follow && sources.len() > most {
        let count = sources.len();
        return Err(Fail::Error(format!(
            "you are attempting to follow {count} log streams, but maximum allowed concurrency is {most}, use --max-log-requests to increase the limit"
        )));
    }
    let (timestamps, prefix) = (call.flags.on("timestamps"), call.flags.on("prefix"));
    let now = call.shell.cluster.now();
    for source in &mut sources {
        let began = began(call, source)?;
        let Began { current, born } = began;
        let mut wanted = Wanted { after: current, until: None, tail: usize::try_from(tail).ok() };
        if call.flags.on("previous") {
            wanted = Wanted { after: born, until: Some(current), ..wanted };
        }
        if let Some(since) = since {
            let from = Instant::from_micros(now.as_micros().saturating_sub(since.as_micros() as u64));
            wanted.after = wanted.after.max(from);
        }
        let text = read(call.shell, source, &wanted, timestamps, prefix);
        call.io.out(text);
    }
    if !follow || sources.is_empty() {
        return Ok(0);
    }
    let pid = call.shell.pid();
    Ok(call.shell.hold(call.io, pid, Work::Logs(Follow { sources, timestamps, prefix })))
}

fn by_selector(call: &mut Call, text: &str) -> Result<Vec<Arc<Object>>, Fail> {
    let selector = select::Selector::parse(text)?;
    let store = call.shell.cluster.store();
    let pods = store.list(Kind::Pod, Some(&call.namespace)).filter(|pod| selector.matches(&pod.meta.labels));
    let pods: Vec<_> = pods.cloned().collect();
    if pods.is_empty() {
        call.io.err(format!("No resources found in {} namespace.\n", call.namespace));
    }
    Ok(pods)
}

fn by_name(call: &mut Call, word: &str) -> Result<Vec<Arc<Object>>, Fail> {
    let (kind, name) = match word.split_once('/') {
        Some((kind, name)) => (call.kind(kind)?, name),
        None => (Kind::Pod, word),
    };
    let object = match call.one(kind, name) {
        Ok(object) => object,
        Err(Fail::Server(status, _)) => {
            let (message, namespace) = (&status.message, go_quote(&call.namespace));
            return Err(Fail::Error(format!("error from server (NotFound): {message} in namespace {namespace}")));
        }
        Err(fail) => return Err(fail),
    };
    if kind == Kind::Pod {
        return Ok(vec![object]);
    }
    let kind_name = kind.name();
    let selects = pods::selector(&object)
        .map_err(|fault| Fail::Error(format!("cannot get the logs from *v1.{kind_name}: {fault}")))?;
    let chosen = pods::attachable(call, &object)?;
    let all = pods::behind(call, &selects);
    if call.flags.on("all-pods") {
        return Ok(all);
    }
    if all.len() > 1 {
        call.io.err(format!("Found {} pods, using pod/{}\n", all.len(), chosen.meta.name));
    }
    Ok(vec![chosen])
}

/// The containers of a pod that are asked for.
fn containers(call: &mut Call, object: &Arc<Object>, inline: Option<&str>) -> Result<Vec<Source>, Fail> {
    let Some(pod) = object.body::<Pod>() else { return Ok(Vec::new()) };
    let source = |container: &Container| Source {
        pod: object.key(),
        uid: object.meta.uid.clone(),
        container: container.clone(),
        seen: 0,
    };
    let all = &pod.spec.containers;
    if call.flags.on("all-containers") {
        return Ok(all.iter().map(source).collect());
    }
    let names = all.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = call.flags.get("container").or(inline);
    match wanted {
        Some(name) => match all.iter().find(|container| container.name == *name) {
            Some(container) => Ok(vec![source(container)]),
            None => {
                let pod = &object.meta.name;
                Err(Fail::Error(format!("container {name} is not valid for pod {pod} out of: {names}")))
            }
        },
        None => {
            if let (Some(first), true) = (all.first(), all.len() > 1) {
                call.io.err(format!("Defaulted container {} out of: {names}\n", go_quote(&first.name)));
            }
            Ok(all.iter().take(1).map(source).collect())
        }
    }
}

/// When a container began, and its pod.
struct Began {
    current: Instant,
    born: Instant,
}

/// When the container began that a source reads; the server's refusal if it did not.
fn began(call: &Call, source: &Source) -> Result<Began, Fail> {
    let (name, container) = (&source.pod.name, &source.container.name);
    let Some((meta, pod)) = call.shell.cluster.store().read::<Pod>(&source.pod) else {
        return Err(Status::not_found(&source.pod).into());
    };
    if pod.spec.node_name.is_empty() {
        return Err(Status::bad_request(format!("pod {name} does not have a host assigned")).into());
    }
    let status = pod.status.container_statuses.iter().find(|status| status.name == *container);
    let born = meta.creation_timestamp.unwrap_or_default();
    if call.flags.on("previous") && status.is_none_or(|status| status.restart_count == 0) {
        return Err(Status::bad_request(format!(
            "previous terminated container {} in pod {} not found",
            go_quote(container),
            go_quote(name)
        ))
        .into());
    }
    let state = status.map(|status| &status.state);
    if let Some(running) = state.and_then(|state| state.running.as_ref()) {
        // The first of several lives goes back to the pod's birth: times are whole seconds.
        let first = status.is_none_or(|status| status.restart_count == 0);
        return Ok(Began { current: if first { born } else { running.started_at }, born });
    }
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return Ok(Began { current: ended.started_at, born });
    }
    let waiting = state.and_then(|state| state.waiting.as_ref()).map(|waiting| waiting.reason.as_str());
    let reason = waiting.filter(|reason| !reason.is_empty()).unwrap_or("ContainerCreating");
    Err(Status::bad_request(format!(
        "container {} in pod {} is waiting to start: {reason}",
        go_quote(container),
        go_quote(name)
    ))
    .into())
}

/// The lines of a source that are not read yet.
fn read(shell: &Shell, source: &mut Source, wanted: &Wanted, timestamps: bool, prefix: bool) -> String {
    let place = Place::Pod(source.pod.namespace.clone(), source.pod.name.clone());
    let Some(log) = shell.cluster.flows().logs().of(&place) else { return String::new() };
    let app = App::of(&source.container, &shell.cluster.profile().images);
    let fits = |access: &&Access| {
        access.at >= wanted.after
            && wanted.until.is_none_or(|until| access.at < until)
            && app.listens.contains(&access.port)
    };
    let mut lines: Vec<&Access> = log.since(source.seen).filter(fits).collect();
    source.seen = log.count();
    if let Some(tail) = wanted.tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let mut text = String::new();
    for access in lines {
        if prefix {
            text += &format!("[pod/{}/{}] ", source.pod.name, source.container.name);
        }
        if timestamps {
            let at = access.at.rfc3339();
            text += &format!("{}.{:06}000Z ", at.trim_end_matches('Z'), access.at.as_micros() % 1_000_000);
        }
        text += &line(&source.container.image, &source.pod.name, access);
        text.push('\n');
    }
    text
}

/// A request as the program of an image logs it.
fn line(image: &str, pod: &str, access: &Access) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Access { at, client, status, size, asked, .. } = access;
    let Ask { method, path, .. } = &**asked;
    let text = at.rfc3339();
    let (date, time) = (&text[..10], &text[11..19]);
    let month = MONTHS[date[5..7].parse::<usize>().unwrap_or(1).clamp(1, 12) - 1];
    let apache = || format!("{} - - [{}/{month}/{}:{time} +0000]", client.ip, &date[8..], &date[..4]);
    let agent = asked.agent.as_deref().unwrap_or("curl/8.5.0");
    let name = image.split([':', '@']).next().unwrap_or_default();
    match name.rsplit('/').next().unwrap_or_default() {
        "nginx" | "nginx-unprivileged" => {
            format!("{} \"{method} {path} HTTP/1.1\" {status} {size} \"-\" \"{agent}\" \"-\"", apache())
        }
        "httpd" => format!("{} \"{method} {path} HTTP/1.1\" {status} {size}", apache()),
        "http-echo" => format!(
            "{} {time} {pod}:{} {client} \"{method} {path} HTTP/1.1\" {status} {size} \"{agent}\" 12.5µs",
            date.replace('-', "/"),
            access.port
        ),
        _ => format!("{} {time} {client} {method} {path} {status}", date.replace('-', "/")),
    }
}

impl Follow {
    pub(in crate::shell) fn poll(&mut self, shell: &mut Shell, io: &mut Io) -> Option<i32> {
        let all = Wanted { after: Instant::ZERO, until: None, tail: None };
        for source in &mut self.sources {
            io.out(read(shell, source, &all, self.timestamps, self.prefix));
        }
        let store = shell.cluster.store();
        self.sources.retain(|source| store.get(&source.pod).is_some_and(|pod| pod.meta.uid == source.uid));
        self.sources.is_empty().then_some(0)
    }
}
