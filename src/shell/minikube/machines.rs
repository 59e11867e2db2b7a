//! `minikube node list|stop|start`, `minikube stop`, `minikube start`, `minikube status`: the machines, on and off.
//!
//! Stands for minikube 1.39 `cmd/minikube/cmd/{node_list,node_stop,node_start,stop,start,status}.go`, `pkg/minikube/machine/stop.go` and
//! `pkg/minikube/node/start.go`, on a terminal with colours. Times are those of a quick laptop. Left out: `node add` and `node delete`.

use super::super::{Io, Shell};
use super::told;
use crate::time::Duration;

/// How long a machine takes to go off.
const OFF: Duration = Duration::from_secs(2);
/// How long minikube waits for a machine that it starts: until its node is ready.
const ON: Duration = Duration::from_secs(10);

/// `minikube node VERB [NAME]`; none if the lab has no such verb.
pub(super) fn node(shell: &mut Shell, io: &mut Io, words: &[String]) -> Option<i32> {
    let (verb, rest) = words.split_first()?;
    if verb == "list" {
        for (name, address) in shell.nodes() {
            io.out(format!("{name}\t{address}\n"));
        }
        return Some(0);
    }
    if !matches!(verb.as_str(), "stop" | "start") {
        return None;
    }
    let Some(wanted) = rest.first() else {
        return Some(told::exit(io, "MK_USAGE", 14, &format!("Usage: minikube node {verb} [name]")));
    };
    let Ok(name) = super::node(shell, Some(wanted)) else {
        let message = format!("retrieving node: Could not find node {wanted}");
        return Some(told::exit_error(io, "GUEST_NODE_RETRIEVE", 85, &message, "node"));
    };
    if verb == "stop" {
        stop_host(shell, io, &name);
        io.out(format!("🛑  Successfully stopped node {name}\n"));
    } else if !shell.cluster.outages().is_stopped(&name) {
        io.out(format!("✅  {wanted} is already running\n"));
    } else {
        start_host(shell, io, &name);
        io.out(format!("🏄  Successfully started node {name}!\n"));
    }
    Some(0)
}

/// `minikube stop`: the workers first.
pub(super) fn stop(shell: &mut Shell, io: &mut Io) -> i32 {
    let names: Vec<String> = shell.nodes().into_iter().rev().map(|(name, _)| name).collect();
    for name in &names {
        stop_host(shell, io, name);
    }
    let many = if names.len() == 1 { "" } else { "s" };
    io.out(format!("🛑  {} node{many} stopped.\n", names.len()));
    0
}

/// `minikube start`, of a cluster that exists.
pub(super) fn start(shell: &mut Shell, io: &mut Io) -> i32 {
    io.out("😄  minikube v1.39.0 on Ubuntu 24.04\n✨  Using the docker driver based on existing profile\n");
    let names: Vec<String> = shell.nodes().into_iter().map(|(name, _)| name).collect();
    for (i, name) in names.iter().enumerate() {
        io.out(if i > 0 { "\n" } else { "" });
        start_host(shell, io, name);
        if i == 0 {
            io.out("    ▪ Using image gcr.io/k8s-minikube/storage-provisioner:v5\n");
            io.out(format!("🌟  Enabled addons: {}\n", super::addons::enabled(shell).join(", ")));
        }
    }
    io.out("🏄  Done! kubectl is now configured to use \"minikube\" cluster and \"default\" namespace by default\n");
    0
}

/// `minikube status`; the exit status has a bit for each thing that does not run.
pub(super) fn status(shell: &Shell, io: &mut Io) -> i32 {
    let mut code = 0;
    for (i, (name, _)) in shell.nodes().into_iter().enumerate() {
        let stopped = shell.cluster.outages().is_stopped(&name);
        let state = if stopped { "Stopped" } else { "Running" };
        let role = if i == 0 { "Control Plane" } else { "Worker" };
        io.out(format!("{name}\ntype: {role}\nhost: {state}\nkubelet: {state}\n"));
        if i == 0 {
            let config = if stopped { "Stopped" } else { "Configured" };
            io.out(format!("apiserver: {state}\nkubeconfig: {config}\n"));
        }
        io.out("\n");
        code |= match (stopped, i) {
            (false, _) => 0,
            (true, 0) => 7,
            (true, _) => 3,
        };
    }
    code
}

/// `machine.StopHost`, of a container.
fn stop_host(shell: &mut Shell, io: &mut Io, name: &str) {
    io.out(format!("✋  Stopping node \"{name}\"  ...\n"));
    if !shell.cluster.outages().is_stopped(name) {
        io.out(format!("🛑  Powering off \"{name}\" via SSH ...\n"));
    }
    // The names come from the cluster's own nodes.
    let _ = shell.cluster.stop_node(name);
    shell.pass(OFF);
}

/// `node.Provision` and `node.Start`, of a container that exists.
fn start_host(shell: &mut Shell, io: &mut Io, name: &str) {
    let is_home = shell.nodes().first().is_some_and(|(first, _)| first == name);
    let role = if is_home { "primary control-plane" } else { "worker" };
    io.out(format!(
        "👍  Starting \"{name}\" {role} node in \"minikube\" cluster\n🚜  Pulling base image v0.0.51 ...\n"
    ));
    let was_off = shell.cluster.outages().is_stopped(name);
    io.out(match was_off {
        true => format!("🔄  Restarting existing docker container for \"{name}\" ...\n"),
        false => format!("🏃  Updating the running docker \"{name}\" container ...\n"),
    });
    let home = shell.nodes().first().map(|(_, address)| address.clone()).filter(|_| !is_home);
    if let Some(home) = &home {
        io.out(format!("🌐  Found network options:\n    ▪ NO_PROXY={home}\n"));
    }
    io.out("📦  Preparing Kubernetes v1.37.0 on containerd 2.3.4 ...\n");
    if let Some(home) = home {
        io.out(format!("    ▪ env NO_PROXY={home}\n"));
    }
    let _ = shell.cluster.start_node(name);
    shell.pass(if was_off { ON } else { Duration::ZERO });
    io.out("🔎  Verifying Kubernetes components...\n");
}
