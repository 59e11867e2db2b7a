//! `kubectl exec` and `kubectl run`: programs in pods.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::flags::{Flag, switch, value};
use super::super::{Io, Shell};
use super::{Call, Fail, create, go_quote, pods};
use crate::api::Status;
use crate::object::{Kind, Object, Pod, Ref};
use crate::time::Duration;
use crate::trace::Place;

pub(super) const EXEC: &[Flag] =
    &[switch("stdin", 'i'), switch("tty", 't'), value("container", 'c', "NAME"), switch("quiet", 'q')];

/// How long `kubectl run -it` waits for its pod.
const PATIENCE: Duration = Duration::from_secs(60);

/// `kubectl exec [-it] POD [-c CONTAINER] -- COMMAND`
pub(super) fn exec(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let (name, command) = match call.flags.dash {
        Some(0) => (None, words.as_slice()),
        Some(1) => (words.first(), &words[1..]),
        _ if words.len() > 1 => {
            return Err(Fail::Usage(
                "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead".into(),
            ));
        }
        _ => (words.first(), &[][..]),
    };
    let Some(name) = name else {
        return Err(Fail::Error("pod, type/name or --filename must be specified".into()));
    };
    let Some((program, args)) = command.split_first() else {
        return Err(Fail::Error("you must specify at least one command for the container".into()));
    };
    let object = pod_of(call, name)?;
    let Some(pod) = object.body::<Pod>() else { return Err(Status::not_found(&object.key()).into()) };
    call.reach_kubelet(pod)?;
    if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
        let phase = &pod.status.phase;
        return Err(Fail::Error(format!("cannot exec into a container in a completed pod; current phase is {phase}")));
    }
    let containers: Vec<&str> = pod.spec.containers.iter().map(|container| container.name.as_str()).collect();
    let container = match call.flags.get("container") {
        Some(name) if !containers.contains(&name) => {
            let (all, pod) = (containers.join(", "), &object.meta.name);
            return Err(Fail::Error(format!("container {name} is not valid for pod {pod} out of: {all}")));
        }
        Some(name) => name.to_owned(),
        None => {
            if containers.len() > 1 && !call.flags.on("quiet") {
                call.io.err(format!(
                    "Defaulted container {} out of: {}\n",
                    go_quote(containers[0]),
                    containers.join(", ")
                ));
            }
            containers.first().copied().unwrap_or_default().to_owned()
        }
    };
    if pod.spec.node_name.is_empty() {
        let message = format!("pod {} does not have a host assigned", object.meta.name);
        return Err(Status::bad_request(message).into());
    }
    let statuses = &pod.status.container_statuses;
    if !statuses.iter().any(|status| status.name == container && status.state.running.is_some()) {
        return Err(Fail::Error(format!(
            "unable to upgrade connection: container not found ({})",
            go_quote(&container)
        )));
    }
    let place = Place::Pod(object.meta.namespace.as_str().into(), object.meta.name.as_str().into());
    let input = call.io.input.take();
    if call.flags.on("tty") && input.is_some() {
        call.io.err("Unable to use a TTY - input is not a terminal or the right kind of file\n");
    }
    let is_shell =
        matches!(program.as_str(), "sh" | "bash" | "/bin/sh" | "/bin/bash" | "ash" | "/bin/ash") && args.is_empty();
    if is_shell && call.flags.on("stdin") && input.is_none() {
        call.shell.enter(place);
        return Ok(0);
    }
    call.io.input = input.filter(|_| call.flags.on("stdin"));
    let io = &mut *call.io;
    let code = call.shell.at(place, |shell| in_container(shell, io, program, args));
    if code != 0 {
        call.io.err(format!("command terminated with exit code {code}\n"));
    }
    Ok(code)
}

/// Runs a program in a pod as the container runtime starts it, with no shell between.
fn in_container(shell: &mut Shell, io: &mut Io, program: &str, args: &[String]) -> i32 {
    if shell.has(program) {
        return shell.program(io, program, args);
    }
    io.out(format!(
        "OCI runtime exec failed: exec failed: unable to start container process: exec: {}: executable file not found in $PATH: unknown\n",
        go_quote(program)
    ));
    shell.programs_here(io);
    126
}

/// The pod that a word names: itself, or one behind what selects pods.
fn pod_of(call: &mut Call, word: &str) -> Result<Arc<Object>, Fail> {
    let (kind, name) = match word.split_once('/') {
        Some((kind, name)) => (call.kind(kind)?, name),
        None => (Kind::Pod, word),
    };
    let object = call.one(kind, name)?;
    pods::attachable(call, &object)
}

pub(super) const RUN: &[Flag] = &[
    value("image", ' ', "IMAGE"),
    switch("stdin", 'i'),
    switch("tty", 't'),
    switch("attach", ' '),
    switch("rm", ' '),
    value("restart", ' ', "POLICY"),
    value("port", ' ', "PORT"),
    switch("expose", ' '),
    value("env", ' ', "KEY=VALUE"),
    value("labels", 'l', "LABELS"),
    switch("command", ' '),
    switch("quiet", 'q'),
    create::DRY_RUN,
    value("output", 'o', "FORMAT"),
    value("image-pull-policy", ' ', "POLICY"),
];

/// `kubectl run NAME --image=IMAGE [-it --rm] [-- COMMAND]`
pub(super) fn run(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let Some((name, command)) = words.split_first().filter(|_| call.flags.dash != Some(0)) else {
        return Err(Fail::Usage("NAME is required for run".into()));
    };
    let image = call.flags.get("image").unwrap_or_default().to_owned();
    if image.is_empty() {
        return Err(Fail::Error("required flag(s) \"image\" not set".into()));
    }
    let (stdin, tty) = (call.flags.on("stdin"), call.flags.on("tty"));
    let attach = match call.flags.get("attach") {
        Some(given) => given == "true",
        None => stdin || tty,
    };
    if tty && !stdin {
        return Err(Fail::Error("-i/--stdin is required for containers with -t/--tty=true".into()));
    }
    let port = call.flags.get("port").map(String::from);
    if call.flags.on("expose") && port.is_none() {
        return Err(Fail::Usage("--port must be set when exposing a service".into()));
    }
    let port = match port.map(|port| port.parse::<i32>()) {
        Some(Ok(port)) => Some(port),
        Some(Err(_)) => return Err(Fail::Error("--port must be a number".into())),
        None => None,
    };
    if call.flags.on("rm") && !attach {
        return Err(Fail::Error("--rm should only be used for attached containers".into()));
    }
    if attach && create::dry(call)? {
        return Err(Fail::Error(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)"
                .into(),
        ));
    }
    let restart = call.flags.get("restart").unwrap_or("Always").to_owned();
    if !matches!(restart.as_str(), "Always" | "OnFailure" | "Never") {
        return Err(Fail::Usage(format!("invalid restart policy: {restart}")));
    }
    let mut labels = json!({"run": name});
    if let Some(text) = call.flags.get("labels") {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        labels =
            pairs.map(|(key, value)| (key.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into();
    }
    let mut container = json!({"name": name, "image": image, "resources": {}});
    if !command.is_empty() {
        container[if call.flags.on("command") { "command" } else { "args" }] = json!(command);
    }
    let env: Vec<Value> = call
        .flags
        .all("env")
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| json!({"name": key, "value": value}))
        .collect();
    if !env.is_empty() {
        container["env"] = env.into();
    }
    if let Some(port) = port {
        container["ports"] = json!([{"containerPort": port}]);
    }
    for (flag, on) in [("stdin", stdin), ("stdinOnce", stdin), ("tty", tty)] {
        if on {
            container[flag] = true.into();
        }
    }
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"labels": labels, "name": name},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart}, "status": {},
    });
    let mut trees = vec![pod];
    if let Some(port) = port.filter(|_| call.flags.on("expose")) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": labels},
            "status": {"loadBalancer": {}},
        });
        trees.push(service);
    }
    if !attach {
        return create::generated(call, trees);
    }
    for tree in &trees {
        create::object(call, tree)?;
    }
    attached(call, name, command)
}

/// Waits for the pod and does in it what its container's program would.
fn attached(call: &mut Call, name: &str, command: &[String]) -> Result<i32, Fail> {
    let key = call.key(Kind::Pod, name);
    let end = call.shell.cluster.now() + PATIENCE;
    loop {
        let pod = call.shell.cluster.store().get(&key).and_then(|object| object.body::<Pod>());
        let Some(pod) = pod else { return Err(Status::not_found(&key).into()) };
        if pod.status.phase == "Running" || pod.status.phase == "Succeeded" {
            break;
        }
        match call.shell.cluster.pending().filter(|at| *at <= end) {
            Some(next) => call.shell.cluster.advance(next),
            None => return Err(Fail::Error("timed out waiting for the condition".into())),
        }
    }
    let removes = call.flags.on("rm");
    let place = Place::Pod(key.namespace.clone(), key.name.clone());
    let input = call.io.input.take();
    let shells = ["sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash"];
    let is_shell = command.is_empty() || matches!(command, [only] if shells.contains(&only.as_str()));
    if call.flags.on("tty") && input.is_none() && !call.flags.on("quiet") {
        call.io.err("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.\nIf you don't see a command prompt, try pressing enter.\n");
    }
    if is_shell && input.is_none() {
        if removes {
            call.shell.terminal.passing.push((call.shell.terminal.places.len(), key));
        }
        call.shell.enter(place);
        return Ok(0);
    }
    call.io.input = input;
    // The image's own entry point: curl's takes bare arguments.
    let image = call.flags.get("image").unwrap_or_default();
    let bare = command.first().is_some_and(|word| word.starts_with('-') || word.contains("://"));
    let mut words: Vec<String> = if bare && image.contains("curl") { vec!["curl".into()] } else { Vec::new() };
    words.extend_from_slice(command);
    let io = &mut *call.io;
    let code = match words.split_first() {
        Some((program, args)) => call.shell.at(place, |shell| in_container(shell, io, program, args)),
        // A shell that reads its lines from a pipe.
        None => call.shell.at(place, |shell| super::super::host::sh(shell, io, &[])),
    };
    if removes {
        remove(call.shell, call.io, &key);
    }
    // With restartPolicy Always kubectl does not look at the program's status.
    Ok(if call.flags.get("restart").is_some_and(|policy| policy == "Never") { code } else { 0 })
}

/// Deletes the pod of a terminal that has ended, and says so.
fn remove(shell: &mut Shell, io: &mut Io, key: &Ref) {
    if shell.cluster.delete(key, None).is_ok() {
        io.out(format!("pod {} deleted from {} namespace\n", go_quote(&key.name), key.namespace));
    }
}

/// A place was left: what was there only for its terminal goes.
pub(in crate::shell) fn left(shell: &mut Shell, io: &mut Io) {
    let depth = shell.terminal.places.len();
    while let Some((_, key)) = shell.terminal.passing.last().cloned().filter(|(before, _)| *before >= depth) {
        shell.terminal.passing.pop();
        remove(shell, io, &key);
    }
}
