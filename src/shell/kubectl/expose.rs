//! `kubectl expose`: a Service for what has a pod selector.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/expose` and `pkg/polymorphichelpers` (`canBeExposed`, `mapBasedSelectorForObject`,
//! `portsForObject`, `multiProtocolsForObject`). Left out: `--overrides`.

use serde_json::{Map, Value, json};

use super::super::flags::{Flag, value};
use super::{Call, Fail, create};
use crate::object::{Body, LabelSelector, Labels, Object, PodSpec};

pub(super) const FLAGS: &[Flag] = &[
    value("port", ' ', "PORT"),
    value("target-port", ' ', "PORT"),
    value("type", ' ', "TYPE"),
    value("name", ' ', "NAME"),
    value("protocol", ' ', "PROTOCOL"),
    value("selector", ' ', "SELECTOR"),
    value("labels", 'l', "LABELS"),
    value("cluster-ip", ' ', "IP"),
    value("external-ip", ' ', "IP"),
    value("load-balancer-ip", ' ', "IP"),
    value("session-affinity", ' ', "AFFINITY"),
    value("filename", 'f', "FILE"),
    create::DRY_RUN,
    value("output", 'o', "FORMAT"),
];

/// The longest name of a Service.
const LONGEST_NAME: usize = 63;

/// A port and its protocols.
type Ports = Vec<(i32, Vec<String>)>;

/// `kubectl expose deployment|pod|replicaset|service NAME --port=PORT`
pub(super) fn expose(call: &mut Call) -> Result<i32, Fail> {
    let files: Vec<String> = call.flags.all("filename").flat_map(|names| names.split(',')).map(String::from).collect();
    let words = call.flags.words.clone();
    let objects = if files.is_empty() {
        if words.is_empty() {
            return Err(Fail::Error(super::RESOURCES_NEEDED.into()));
        }
        let asked = call.asked(&words)?;
        if asked.iter().any(|asked| asked.name.is_none()) {
            return Err(Fail::Error("resource(s) were provided, but no name was specified".into()));
        }
        let (objects, missing) = call.found(&asked)?;
        if let Some(status) = missing.into_iter().next() {
            return Err(status.into());
        }
        objects
    } else {
        let (keys, missing) = super::delete::by_file(call, &files)?;
        if let Some(status) = missing.into_iter().next() {
            return Err(status.into());
        }
        keys.iter().filter_map(|key| call.shell.cluster.store().get(key).cloned()).collect()
    };
    for object in &objects {
        let tree = service(call, object).map_err(Fail::Error)?;
        if create::dry(call)? || call.flags.get("output").is_some() {
            return create::generated(call, vec![tree]);
        }
        create::object(call, &tree)?;
        let name = tree["metadata"]["name"].as_str().unwrap_or_default();
        call.io.out(format!("service/{name} exposed\n"));
    }
    Ok(0)
}

/// The Service that a call makes of an object.
fn service(call: &Call, object: &Object) -> Result<Value, String> {
    let flag = |name: &str| call.flags.get(name).filter(|text| !text.is_empty());
    let (selector, ports) = introspect(object)?;
    let selector = match flag("selector") {
        Some(text) => labels(text)?,
        None => {
            let own = selector.map_err(|fault| {
                format!("couldn't retrieve selectors via --selector flag or introspection: {fault}")
            })?;
            own.into_iter().map(|(key, value)| (key, value.into())).collect()
        }
    };
    let asked: Vec<String> = match flag("port") {
        Some(text) => text.split(',').map(String::from).collect(),
        None => ports.iter().map(|(port, _)| port.to_string()).collect(),
    };
    if asked.is_empty() && flag("cluster-ip") != Some("None") {
        return Err("couldn't find port via --port flag or introspection".into());
    }
    let mut rows: Vec<Value> = Vec::new();
    for (i, text) in asked.iter().enumerate() {
        let port: i32 =
            text.parse().map_err(|_| format!("strconv.Atoi: parsing {}: invalid syntax", super::go_quote(text)))?;
        let target = match flag("target-port") {
            Some(target) => target.parse::<i32>().map_or_else(|_| json!(target), |number| json!(number)),
            None => json!(port),
        };
        let row = |name: String, protocol: &str| {
            let mut row = json!({"port": port, "protocol": protocol, "targetPort": target});
            if !name.is_empty() {
                row["name"] = name.into();
            }
            row
        };
        let name = if asked.len() > 1 { format!("port-{}", i + 1) } else { String::new() };
        let own = ports.iter().find(|(own, _)| *own == port).map_or(&[][..], |(_, protocols)| protocols);
        match (flag("protocol"), own) {
            (Some(protocol), _) => rows.push(row(name, protocol)),
            (None, []) => rows.push(row(name, "TCP")),
            (None, [only]) => rows.push(row(name, only)),
            (None, several) => {
                for protocol in several {
                    rows.push(row(format!("port-{}-{}", i + 1, protocol.to_ascii_lowercase()), protocol));
                }
            }
        }
    }
    let mut spec = json!({"selector": selector});
    if !rows.is_empty() {
        spec["ports"] = rows.into();
    }
    if let Some(ip) = flag("external-ip") {
        spec["externalIPs"] = json!([ip]);
    }
    if let Some(r#type) = flag("type") {
        spec["type"] = r#type.into();
    }
    if let Some(ip) = flag("load-balancer-ip").filter(|_| flag("type") == Some("LoadBalancer")) {
        spec["loadBalancerIP"] = ip.into();
    }
    match flag("session-affinity") {
        Some(affinity @ ("None" | "ClientIP")) => spec["sessionAffinity"] = affinity.into(),
        Some(other) => return Err(format!("unknown session affinity: {other}")),
        None => {}
    }
    if let Some(ip) = flag("cluster-ip") {
        spec["clusterIP"] = ip.into();
    }
    let name = match flag("name") {
        Some(name) => name.to_owned(),
        None => object.meta.name.chars().take(LONGEST_NAME).collect(),
    };
    let mut metadata = json!({"name": name});
    let own = match flag("labels") {
        Some(text) => labels(text)?,
        None => object.meta.labels.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect(),
    };
    if !own.is_empty() {
        metadata["labels"] = own.into();
    }
    Ok(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}},
    }))
}

/// `a=b,c=d`
fn labels(text: &str) -> Result<Map<String, Value>, String> {
    let mut labels = Map::new();
    for pair in text.split(',') {
        match pair.split('=').collect::<Vec<_>>()[..] {
            ["", _] => return Err("unexpected empty label key".into()),
            [key, value] => drop(labels.insert(key.into(), value.into())),
            _ => return Err(format!("unexpected label spec: {pair}")),
        }
    }
    Ok(labels)
}

/// What can be told of an object: its selector, and its ports.
fn introspect(object: &Object) -> Result<(Result<Labels, String>, Ports), String> {
    let template = |what: &str, selector: &LabelSelector, spec: &PodSpec| {
        let selector = if !selector.match_expressions.is_empty() {
            let expressions: Vec<String> = selector
                .match_expressions
                .iter()
                .map(|e| format!("{{Key:{} Operator:{} Values:[{}]}}", e.key, e.operator, e.values.join(" ")))
                .collect();
            Err(format!("couldn't convert expressions - \"[{}]\" to map-based selector format", expressions.join(" ")))
        } else if selector.match_labels.is_empty() {
            Err(format!("invalid {what}: no selectors, therefore cannot be exposed"))
        } else {
            Ok(selector.match_labels.clone())
        };
        (selector, pod_ports(spec))
    };
    Ok(match &object.body {
        Body::Deployment(d) => template("deployment", &d.spec.selector, &d.spec.template.spec),
        Body::ReplicaSet(set) => template("replicaset", &set.spec.selector, &set.spec.template.spec),
        Body::Pod(pod) => {
            let own = &object.meta.labels;
            let selector = match own.is_empty() {
                true => Err("the pod has no labels and cannot be exposed".to_owned()),
                false => Ok(own.clone()),
            };
            (selector, pod_ports(&pod.spec))
        }
        Body::Service(service) => {
            let selector = match service.spec.selector.is_empty() {
                true => Err("the service has no pod selector set".to_owned()),
                false => Ok(service.spec.selector.clone()),
            };
            let ports = service.spec.ports.iter().map(|port| (port.port, port.protocol.as_str()));
            (selector, grouped(ports))
        }
        _ => {
            let row = object.kind().row();
            let group = if row.group.is_empty() { String::new() } else { format!(".{}", row.group) };
            return Err(format!("cannot expose a {}{group}", row.name));
        }
    })
}

fn pod_ports(spec: &PodSpec) -> Ports {
    let ports = spec.containers.iter().flat_map(|container| &container.ports);
    grouped(ports.map(|port| (port.container_port, port.protocol.as_str())))
}

/// Each port once, with its protocols.
fn grouped<'a>(ports: impl Iterator<Item = (i32, &'a str)>) -> Ports {
    let mut grouped: Ports = Vec::new();
    for (port, protocol) in ports {
        let protocol = if protocol.is_empty() { "TCP" } else { protocol }.to_owned();
        match grouped.iter_mut().find(|(known, _)| *known == port) {
            Some((_, protocols)) if protocols.contains(&protocol) => {}
            Some((_, protocols)) => protocols.push(protocol),
            None => grouped.push((port, vec![protocol])),
        }
    }
    grouped
}
