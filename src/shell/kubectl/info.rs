//! What the client and the server say of themselves: `kubectl version`, `config`, `api-resources`, `cluster-info`.

use super::super::flags::{Flag, switch, value};
use super::{Call, Fail, table};
use crate::object::TABLE;

pub(super) const VERSION: &[Flag] = &[switch("client", ' '), value("output", 'o', "FORMAT")];

/// `kubectl version`
pub(super) fn version(call: &mut Call) -> Result<i32, Fail> {
    if !call.flags.words.is_empty() {
        return Err(Fail::Error(format!("extra arguments: [{}]", call.flags.words.join(" "))));
    }
    call.io.out("Client Version: v1.37.0\nKustomize Version: v5.8.1\n");
    if !call.flags.on("client") {
        call.io.out("Server Version: v1.37.0\n");
    }
    Ok(0)
}

pub(super) const CONFIG: &[Flag] = &[switch("current", ' '), switch("minify", ' ')];

/// `kubectl config set-context --current --namespace=NAME`, `current-context`, `get-contexts`
pub(super) fn config(call: &mut Call) -> Result<i32, Fail> {
    let words: Vec<&str> = call.flags.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["current-context"] => call.io.out("minikube\n"),
        ["get-contexts"] => {
            let namespace = &call.shell.terminal.namespace;
            let rows = [
                ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"],
                ["*", "minikube", "minikube", "minikube", namespace],
            ];
            call.io.out(table::align(&rows.map(|row| row.map(String::from).to_vec())));
        }
        ["set-context", name] if *name != "minikube" => {
            return Err(Fail::Error(format!("no context exists with the name: {}", super::go_quote(name))));
        }
        ["set-context", ..] => {
            if words.len() == 1 && !call.flags.on("current") {
                return Err(Fail::Usage("Unexpected args: []".into()));
            }
            if let Some(namespace) = call.flags.get("namespace") {
                call.shell.terminal.namespace = namespace.to_owned();
            }
            call.io.out("Context \"minikube\" modified.\n");
        }
        _ => {
            call.shell.say(
                call.io,
                "here kubectl config has set-context --current --namespace=NAME, current-context and get-contexts",
                "此处的 kubectl config 支持 set-context --current --namespace=名字、current-context 和 get-contexts",
            );
            return Err(Fail::Said(1));
        }
    }
    Ok(0)
}

pub(super) const API_RESOURCES: &[Flag] = &[switch("no-headers", ' '), value("api-group", ' ', "GROUP")];

/// `kubectl api-resources`: the kinds that the lab serves.
pub(super) fn api_resources(call: &mut Call) -> Result<i32, Fail> {
    let mut rows = Vec::new();
    if !call.flags.on("no-headers") {
        rows.push(["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map(String::from).to_vec());
    }
    let group = call.flags.get("api-group");
    let mut kinds: Vec<_> = TABLE.iter().filter(|row| group.is_none_or(|group| group == row.group)).collect();
    crate::sort::by_key(&mut kinds, |row| (row.group, row.plural));
    rows.extend(kinds.iter().map(|row| {
        let namespaced = row.kind.is_namespaced().to_string();
        vec![row.plural.into(), row.short.join(","), row.kind.api_version(), namespaced, row.name.into()]
    }));
    call.io.out(table::align(&rows));
    Ok(0)
}

/// `kubectl cluster-info`
pub(super) fn cluster_info(call: &mut Call) -> Result<i32, Fail> {
    let profile = call.shell.cluster.profile();
    let address = profile.control_plane.or(profile.nodes.first().map(|node| node.address));
    let server = match (address, profile.api_port()) {
        (Some(address), 443) => format!("https://{address}"),
        (Some(address), port) => format!("https://{address}:{port}"),
        (None, _) => String::new(),
    };
    call.io.out(format!(
        "Kubernetes control plane is running at {server}\nCoreDNS is running at {server}/api/v1/namespaces/kube-system/services/kube-dns:dns/proxy\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n"
    ));
    Ok(0)
}
