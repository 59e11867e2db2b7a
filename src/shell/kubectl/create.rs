//! `kubectl create`: objects made from flags; [`make`] has the longer ones.

use serde_json::{Value, json};

use super::super::flags::{Flag, Takes, value};
use super::{Call, Fail, apply, go_quote, make, named, number};
use crate::api;
use crate::manifest;
use crate::object::{Kind, Object};

/// `--dry-run=client`
pub(super) const DRY_RUN: Flag = Flag { long: "dry-run", short: ' ', takes: Takes::Maybe("unchanged") };

pub(super) const CREATE: &[Flag] = &[
    value("filename", 'f', "FILE"),
    value("image", ' ', "IMAGE"),
    value("replicas", 'r', "COUNT"),
    value("port", ' ', "PORT"),
    value("tcp", ' ', "PORT:TARGET"),
    value("node-port", ' ', "PORT"),
    value("clusterip", ' ', "IP"),
    value("external-name", ' ', "NAME"),
    DRY_RUN,
    value("output", 'o', "FORMAT"),
    make::FLAGS[0],
    make::FLAGS[1],
    make::FLAGS[2],
    make::FLAGS[3],
    make::FLAGS[4],
    make::FLAGS[5],
    make::FLAGS[6],
    make::FLAGS[7],
    make::FLAGS[8],
];

/// Whether nothing is to be sent to the server.
pub(super) fn dry(call: &Call) -> Result<bool, Fail> {
    match call.flags.get("dry-run") {
        None | Some("none") => Ok(false),
        Some("client" | "server") => Ok(true),
        Some("unchanged") => Err(Fail::Error(
            "--dry-run is deprecated and can be replaced with --dry-run=client (or --dry-run=server)".into(),
        )),
        Some(other) => {
            Err(Fail::Error(format!("Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\".")))
        }
    }
}

/// Creates what a tree says.
pub(super) fn object(call: &mut Call, tree: &Value) -> Result<(), Fail> {
    let text = |key: &str| tree[key].as_str().unwrap_or_default();
    let kind = Kind::from_api(text("apiVersion"), text("kind"));
    let Some(kind) = kind else {
        return Err(Fail::Error(format!(
            "no matches for kind {} in version {}",
            go_quote(text("kind")),
            go_quote(text("apiVersion"))
        )));
    };
    let mut object = Object::from_value(kind, tree.clone()).map_err(|error| Fail::Error(error.to_string()))?;
    if kind.is_namespaced() && object.meta.namespace.is_empty() {
        object.meta.namespace.clone_from(&call.namespace);
    }
    let new = call.shell.cluster.create(object)?;
    for warning in api::warnings(&new, None) {
        call.io.err(format!("Warning: {}\n", warning.message));
    }
    Ok(())
}

/// Creates objects, or with `--dry-run` only prints them.
pub(super) fn generated(call: &mut Call, mut trees: Vec<Value>) -> Result<i32, Fail> {
    let dry = dry(call)?;
    let namespace = call.flags.get("namespace").map(String::from);
    for (i, tree) in trees.iter_mut().enumerate() {
        let kind =
            Kind::from_api(tree["apiVersion"].as_str().unwrap_or_default(), tree["kind"].as_str().unwrap_or_default());
        if let (Some(namespace), true) = (&namespace, kind.is_some_and(Kind::is_namespaced)) {
            tree["metadata"]["namespace"] = namespace.as_str().into();
        }
        if !dry {
            object(call, tree)?;
        }
        let name = tree["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let name = kind.map_or(name.clone(), |kind| named(kind, &name));
        match call.flags.get("output") {
            Some("yaml") => {
                call.io.out(if i > 0 { "---\n" } else { "" });
                call.io.out(manifest::to_yaml(tree));
            }
            Some("json") => call.io.out(manifest::to_json(tree)),
            Some("name") => call.io.out(name + "\n"),
            _ => call.io.out(format!("{name} created{}\n", if dry { " (dry run)" } else { "" })),
        }
    }
    Ok(0)
}

/// `kubectl create -f FILE`, `kubectl create deployment|namespace|service …`
pub(super) fn create(call: &mut Call) -> Result<i32, Fail> {
    let files: Vec<String> = call.flags.all("filename").flat_map(|names| names.split(',')).map(String::from).collect();
    if !files.is_empty() {
        return apply::create(call, &files);
    }
    let words = call.flags.words.clone();
    let (before, command) = words.split_at(call.flags.dash.unwrap_or(words.len()));
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let tree = match before.as_slice() {
        ["deployment" | "deploy" | "dep", name] => deployment(call, name, command)?,
        ["namespace" | "ns", name] => json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {},
        }),
        ["service" | "svc", r#type, name] => service(call, r#type, name)?,
        ["ingress" | "ing", name] => make::ingress(call, name)?,
        ["configmap" | "cm", name] => make::config_map(call, name)?,
        ["secret", kind @ ("generic" | "tls"), name] => make::secret(call, kind, name)?,
        ["deployment" | "deploy" | "dep" | "namespace" | "ns" | "ingress" | "ing" | "configmap" | "cm", names @ ..]
        | ["secret", "generic" | "tls", names @ ..] => {
            let count = names.len();
            return Err(Fail::Usage(format!("exactly one NAME is required, got {count}")));
        }
        [] => return Err(Fail::Error("must specify one of -f and -k".into())),
        _ => {
            call.shell.say(
                call.io,
                "here kubectl create has -f FILE, deployment, namespace, service clusterip|nodeport|loadbalancer|externalname, ingress, configmap, secret generic|tls",
                "此处的 kubectl create 支持 -f 文件、deployment、namespace、service clusterip|nodeport|loadbalancer|externalname、ingress、configmap、secret generic|tls",
            );
            return Err(Fail::Said(1));
        }
    };
    generated(call, vec![tree])
}

fn deployment(call: &Call, name: &str, command: &[String]) -> Result<Value, Fail> {
    let images: Vec<&str> = call.flags.all("image").collect();
    if images.is_empty() {
        return Err(Fail::Error("required flag(s) \"image\" not set".into()));
    }
    let replicas = number(&call.flags, CREATE, "replicas")?.unwrap_or(1);
    let port = number(&call.flags, CREATE, "port")?;
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            // A container is called as its image, without registry and tag.
            let last = image.rsplit('/').next().unwrap_or(image);
            let last = last.split(['@', ':']).next().unwrap_or(last);
            let mut container = json!({"image": image, "name": last, "resources": {}});
            if let Some(port) = port {
                container["ports"] = json!([{"containerPort": port}]);
            }
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            container
        })
        .collect();
    let labels = json!({"app": name});
    Ok(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": labels, "name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {},
    }))
}

fn service(call: &Call, r#type: &str, name: &str) -> Result<Value, Fail> {
    let labels = json!({"app": name});
    let kind = match r#type {
        "clusterip" => "ClusterIP",
        "nodeport" => "NodePort",
        "loadbalancer" => "LoadBalancer",
        "externalname" => "ExternalName",
        other => {
            return Err(Fail::Error(format!("unknown command {} for \"kubectl create service\"", go_quote(other))));
        }
    };
    let mut ports = Vec::new();
    for text in call.flags.all("tcp").flat_map(|list| list.split(',')) {
        ports.push(tcp(text)?);
    }
    let mut spec = json!({"selector": labels, "type": kind});
    if kind == "ExternalName" {
        let Some(host) = call.flags.get("external-name") else {
            return Err(Fail::Error("required flag(s) \"external-name\" not set".into()));
        };
        let fits = !host.is_empty()
            && host.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            });
        if !fits {
            return Err(Fail::Error(format!("invalid service external name {host}")));
        }
        spec["externalName"] = host.into();
    } else if ports.is_empty() && call.flags.get("clusterip") != Some("None") {
        return Err(Fail::Error("at least one tcp port specifier must be provided".into()));
    }
    if let Some(ip) = call.flags.get("clusterip").filter(|_| kind == "ClusterIP") {
        spec["clusterIP"] = ip.into();
    }
    if let (Some(port), "NodePort") = (number(&call.flags, CREATE, "node-port")?, kind) {
        ports.iter_mut().for_each(|entry| entry["nodePort"] = port.into());
    }
    if !ports.is_empty() {
        spec["ports"] = ports.into();
    }
    Ok(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"labels": labels, "name": name}, "spec": spec,
        "status": {"loadBalancer": {}},
    }))
}

/// `80:8080`, `80:web` or `80`, as `--tcp` reads it.
fn tcp(text: &str) -> Result<Value, Fail> {
    let (port, target) = text.split_once(':').map_or((text, None), |(port, target)| (port, Some(target)));
    let unsigned = |text: &str| {
        text.parse::<u16>().map_err(|_| {
            let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let why = if all_digits { "value out of range" } else { "invalid syntax" };
            Fail::Error(format!("strconv.ParseUint: parsing {}: {why}", go_quote(text)))
        })
    };
    let port = unsigned(port)?;
    let target = match target {
        None => json!(port),
        Some(target) => match target.parse::<u16>() {
            Ok(number) => json!(number),
            Err(_) => {
                if let Some(wrong) = port_name(target) {
                    return Err(Fail::Error(wrong.to_owned()));
                }
                json!(target)
            }
        },
    };
    Ok(json!({"name": text.replace(':', "-"), "port": port, "protocol": "TCP", "targetPort": target}))
}

/// What is wrong with the name of a port, after `validation.IsValidPortName`.
fn port_name(name: &str) -> Option<&'static str> {
    if name.len() > 15 {
        Some("must be no more than 15 characters")
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') || name.is_empty() {
        Some("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    } else if !name.contains(|c: char| c.is_ascii_lowercase()) {
        Some("must contain at least one letter (a-z)")
    } else if name.contains("--") {
        Some("must not contain consecutive hyphens")
    } else if name.starts_with('-') || name.ends_with('-') {
        Some("must not begin or end with a hyphen")
    } else {
        None
    }
}
