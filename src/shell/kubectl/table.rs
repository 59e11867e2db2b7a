//! The columns of `kubectl get`, kind by kind, and the table they stand in.
//!
//! Stands for the API server's `pkg/printers/internalversion/printers.go`, `k8s.io/cli-runtime` `pkg/printers/tableprinter.go` and Go's
//! `text/tabwriter`. Left out: columns of kinds that the lab does not serve.

use serde_json::Value;

use super::{routes, rows};
use crate::object::{
    Body, Container, Deployment, EndpointPort, EndpointSlice, Endpoints, Kind, LabelSelector, Labels, Node, Object,
    Pod, ReplicaSet, Service,
};
use crate::time::{Duration, Instant};

/// A column's title, and whether only `-o wide` shows it.
pub(super) type Column = (&'static str, bool);

/// The columns of a kind.
pub(super) fn columns(kind: Kind) -> &'static [Column] {
    const WORKLOAD: [Column; 3] = [("CONTAINERS", true), ("IMAGES", true), ("SELECTOR", true)];
    match kind {
        Kind::Namespace => &[("NAME", false), ("STATUS", false), ("AGE", false)],
        Kind::Node => &[
            ("NAME", false),
            ("STATUS", false),
            ("ROLES", false),
            ("AGE", false),
            ("VERSION", false),
            ("INTERNAL-IP", true),
            ("EXTERNAL-IP", true),
            ("OS-IMAGE", true),
            ("KERNEL-VERSION", true),
            ("CONTAINER-RUNTIME", true),
        ],
        Kind::Lab => &[("NAME", false), ("AGE", false)],
        Kind::Pod => &[
            ("NAME", false),
            ("READY", false),
            ("STATUS", false),
            ("RESTARTS", false),
            ("AGE", false),
            ("IP", true),
            ("NODE", true),
            ("NOMINATED NODE", true),
            ("READINESS GATES", true),
        ],
        Kind::Service => &[
            ("NAME", false),
            ("TYPE", false),
            ("CLUSTER-IP", false),
            ("EXTERNAL-IP", false),
            ("PORT(S)", false),
            ("AGE", false),
            ("SELECTOR", true),
        ],
        Kind::Endpoints => &[("NAME", false), ("ENDPOINTS", false), ("AGE", false)],
        Kind::EndpointSlice => {
            &[("NAME", false), ("ADDRESSTYPE", false), ("PORTS", false), ("ENDPOINTS", false), ("AGE", false)]
        }
        Kind::ReplicaSet => &[
            ("NAME", false),
            ("DESIRED", false),
            ("CURRENT", false),
            ("READY", false),
            ("AGE", false),
            WORKLOAD[0],
            WORKLOAD[1],
            WORKLOAD[2],
        ],
        Kind::Deployment => &[
            ("NAME", false),
            ("READY", false),
            ("UP-TO-DATE", false),
            ("AVAILABLE", false),
            ("AGE", false),
            WORKLOAD[0],
            WORKLOAD[1],
            WORKLOAD[2],
        ],
        Kind::StatefulSet | Kind::DaemonSet | Kind::ControllerRevision | Kind::Event => rows::columns(kind),
        Kind::Ingress | Kind::IngressClass | Kind::Secret | Kind::ConfigMap | Kind::ValidatingWebhookConfiguration => {
            routes::columns(kind)
        }
    }
}

/// The cells of an object, one for each column, the wide ones too.
pub(super) fn cells(object: &Object, wide: bool, now: Instant) -> Vec<String> {
    let name = object.meta.name.clone();
    let age = age(object.meta.creation_timestamp, now);
    match &object.body {
        Body::Namespace(namespace) => vec![name, namespace.status.phase.clone(), age],
        Body::Lab(_) => vec![name, age],
        Body::Node(node) => node_cells(object, node, age),
        Body::Pod(pod) => pod_cells(object, pod, now),
        Body::Service(service) => {
            let spec = &service.spec;
            let ip = if spec.cluster_ip.is_empty() { "<none>" } else { &spec.cluster_ip };
            let ports = ports(service);
            vec![
                name,
                spec.r#type.clone(),
                ip.into(),
                external_ip(service, wide),
                ports,
                age,
                format_labels(&spec.selector),
            ]
        }
        Body::Endpoints(endpoints) => vec![name, format_endpoints(endpoints, None), age],
        Body::EndpointSlice(slice) => {
            vec![name, slice.address_type.clone(), slice_ports(&slice.ports), slice_addresses(slice), age]
        }
        Body::ReplicaSet(set) => replica_set_cells(name, set, age),
        Body::Deployment(deployment) => deployment_cells(name, deployment, age),
        Body::StatefulSet(set) => rows::stateful_set(name, set, age),
        Body::DaemonSet(set) => rows::daemon_set(name, set, age),
        Body::ControllerRevision(revision) => rows::revision(&object.meta, revision, age),
        Body::Event(event) => rows::event(&object.meta, event, now),
        Body::Ingress(_)
        | Body::IngressClass(_)
        | Body::Secret(_)
        | Body::ConfigMap(_)
        | Body::ValidatingWebhookConfiguration(_) => routes::cells(object, wide, age),
    }
}

fn replica_set_cells(name: String, set: &ReplicaSet, age: String) -> Vec<String> {
    let [names, images] = containers(&set.spec.template.spec.containers);
    vec![
        name,
        set.spec.replicas.unwrap_or(0).to_string(),
        set.status.replicas.to_string(),
        set.status.ready_replicas.to_string(),
        age,
        names,
        images,
        format_selector(&set.spec.selector),
    ]
}

fn deployment_cells(name: String, deployment: &Deployment, age: String) -> Vec<String> {
    let [names, images] = containers(&deployment.spec.template.spec.containers);
    vec![
        name,
        format!("{}/{}", deployment.status.ready_replicas, deployment.spec.replicas.unwrap_or(0)),
        deployment.status.updated_replicas.to_string(),
        deployment.status.available_replicas.to_string(),
        age,
        names,
        images,
        format_selector(&deployment.spec.selector),
    ]
}

/// The names and the images of containers.
pub(super) fn containers(containers: &[Container]) -> [String; 2] {
    let join = |of: fn(&Container) -> &str| containers.iter().map(of).collect::<Vec<_>>().join(",");
    [join(|c| &c.name), join(|c| &c.image)]
}

fn node_cells(object: &Object, node: &Node, age: String) -> Vec<String> {
    let mut status = match node.status.conditions.iter().find(|c| c.r#type == "Ready") {
        Some(ready) if ready.status == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node.spec.unschedulable {
        status += ",SchedulingDisabled";
    }
    let roles =
        object.meta.labels.iter().filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) if !role.is_empty() => Some(role),
            _ if key == "kubernetes.io/role" && !value.is_empty() => Some(value.as_str()),
            _ => None,
        });
    let roles = or_none(roles.collect::<Vec<_>>().join(","));
    let info = |key: &str| -> Option<String> {
        Some(node.status.rest.get("nodeInfo")?.get(key)?.as_str().filter(|text| !text.is_empty())?.to_owned())
    };
    let address = |r#type| node.status.address(r#type).unwrap_or("<none>").to_owned();
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "<unknown>".into());
    vec![
        object.meta.name.clone(),
        status,
        roles,
        age,
        info("kubeletVersion").unwrap_or_default(),
        address("InternalIP"),
        address("ExternalIP"),
        or_unknown(info("osImage")),
        or_unknown(info("kernelVersion")),
        or_unknown(info("containerRuntimeVersion")),
    ]
}

fn pod_cells(object: &Object, pod: &Pod, now: Instant) -> Vec<String> {
    let shown = pod_shown(object, pod, now);
    let none = || "<none>".to_owned();
    let ip = if pod.status.pod_ip.is_empty() { none() } else { pod.status.pod_ip.clone() };
    let node = if pod.spec.node_name.is_empty() { none() } else { pod.spec.node_name.clone() };
    let nominated = pod.status.rest.get("nominatedNodeName").and_then(Value::as_str).map_or_else(none, String::from);
    let gates = match pod.spec.rest.get("readinessGates").and_then(Value::as_array) {
        Some(gates) if !gates.is_empty() => {
            let met = gates.iter().filter(|gate| {
                let wanted = gate.get("conditionType").and_then(Value::as_str);
                pod.status.conditions.iter().any(|c| Some(c.r#type.as_str()) == wanted && c.status == "True")
            });
            format!("{}/{}", met.count(), gates.len())
        }
        _ => none(),
    };
    let name = object.meta.name.clone();
    let age = age(object.meta.creation_timestamp, now);
    vec![name, shown.ready, shown.status, shown.restarts, age, ip, node, nominated, gates]
}

/// What `kubectl get pods` says of a pod's state.
pub(super) struct PodShown {
    /// `1/1`
    pub(super) ready: String,
    /// `Running`, `Terminating`, `CrashLoopBackOff`, …
    pub(super) status: String,
    /// `0` or `4 (31s ago)`
    pub(super) restarts: String,
}

/// After `printPod`.
pub(super) fn pod_shown(object: &Object, pod: &Pod, now: Instant) -> PodShown {
    let status = &pod.status;
    let mut reason = if status.reason.is_empty() { status.phase.clone() } else { status.reason.clone() };
    if status.conditions.iter().any(|c| c.r#type == "PodScheduled" && c.reason == "SchedulingGated") {
        reason = "SchedulingGated".into();
    }
    let (mut restarts, mut last_restart, mut ready) = (0, None, 0);
    let initializing = initializing(pod);
    let initialized = status.conditions.iter().any(|c| c.r#type == "Initialized" && c.status == "True");
    if let Some(init) = initializing.clone().filter(|_| !initialized) {
        reason = init;
    } else {
        let mut running = false;
        for container in status.container_statuses.iter().rev() {
            restarts += container.restart_count;
            let finished = container.rest.get("lastState").and_then(|state| state.get("terminated")?.get("finishedAt"));
            if let Some(at) = finished.and_then(Value::as_str).and_then(instant) {
                last_restart = last_restart.max(Some(at));
            }
            let state = &container.state;
            match (&state.waiting, &state.terminated) {
                (Some(waiting), _) if !waiting.reason.is_empty() => reason.clone_from(&waiting.reason),
                (_, Some(ended)) if !ended.reason.is_empty() => reason.clone_from(&ended.reason),
                (_, Some(ended)) => reason = format!("ExitCode:{}", ended.exit_code),
                _ if container.ready && state.running.is_some() => {
                    running = true;
                    ready += 1;
                }
                _ => {}
            }
        }
        if reason == "Completed" && running {
            let is_ready = status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
            reason = if is_ready { "Running" } else { "NotReady" }.into();
        }
    }
    if object.meta.deletion_timestamp.is_some() {
        if status.reason == "NodeLost" {
            reason = "Unknown".into();
        } else if !matches!(status.phase.as_str(), "Succeeded" | "Failed") {
            reason = "Terminating".into();
        }
    }
    let restarts = match last_restart {
        Some(at) if restarts != 0 => format!("{restarts} ({} ago)", age(Some(at), now)),
        _ => restarts.to_string(),
    };
    PodShown { ready: format!("{ready}/{}", pod.spec.containers.len()), status: reason, restarts }
}

/// `Init:1/3` and the like, while init containers run.
fn initializing(pod: &Pod) -> Option<String> {
    let count = pod.spec.rest.get("initContainers").and_then(Value::as_array)?.len();
    let statuses = pod.status.rest.get("initContainerStatuses").and_then(Value::as_array)?;
    for (i, status) in statuses.iter().enumerate() {
        let state = |which: &str, key: &str| status.get("state")?.get(which)?.get(key);
        let reason = |which: &str| state(which, "reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
        return Some(match state("terminated", "exitCode").and_then(Value::as_i64) {
            Some(0) => continue,
            Some(code) => match reason("terminated") {
                Some(reason) => format!("Init:{reason}"),
                None => format!("Init:ExitCode:{code}"),
            },
            None => match reason("waiting") {
                Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
                _ => format!("Init:{i}/{count}"),
            },
        });
    }
    None
}

/// Reads `2026-10-01T08:00:31Z`, as objects hold times of the cluster.
pub(super) fn instant(text: &str) -> Option<Instant> {
    // All of a cluster's life is near its birth: look for the second that prints so.
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (day, hour, minute, second) = (number(8..10)?, number(11..13)?, number(14..16)?, number(17..19)?);
    let (year, month) = (number(0..4)?, number(5..7)?);
    // Days before the month in a common year; the birth is on 2026-10-01.
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = |year: u64, month: u64, day: u64| {
        let before = BEFORE.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
        Some(year * 365 + leap_days(year.max(1)) + before + u64::from(is_leap && month > 2) + day)
    };
    let seconds = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    let birth = (2026 * 365 + leap_days(2026) + BEFORE[9] + 1) * 86_400 + 8 * 3600;
    Some(Instant::from_millis(seconds.checked_sub(birth)? * 1000))
}

/// A Service's `EXTERNAL-IP`; short names of load balancers are cut to 16 bytes unless `wide`.
pub(super) fn external_ip(service: &Service, wide: bool) -> String {
    let spec = &service.spec;
    match spec.r#type.as_str() {
        "ClusterIP" | "NodePort" => or_none(spec.external_ips.join(",")),
        "LoadBalancer" => {
            let mut ips: Vec<&str> = service
                .status
                .load_balancer
                .ingress
                .iter()
                .map(|i| if i.ip.is_empty() { i.hostname.as_str() } else { i.ip.as_str() })
                .filter(|text| !text.is_empty())
                .collect();
            crate::sort::by(&mut ips, Ord::cmp);
            ips.dedup();
            let mut text = ips.join(",");
            if !wide && text.len() > 16 {
                text = text.chars().take(13).collect::<String>() + "...";
            }
            let all = [text].into_iter().filter(|t| !t.is_empty()).chain(spec.external_ips.iter().cloned());
            let all = all.collect::<Vec<_>>().join(",");
            if all.is_empty() { "<pending>".into() } else { all }
        }
        "ExternalName" => spec.external_name.clone(),
        _ => "<unknown>".into(),
    }
}

fn ports(service: &Service) -> String {
    let ports = service.spec.ports.iter().map(|port| match port.node_port {
        1.. => format!("{}:{}/{}", port.port, port.node_port, port.protocol),
        _ => format!("{}/{}", port.port, port.protocol),
    });
    or_none(ports.collect::<Vec<_>>().join(","))
}

/// Up to three of the ready addresses, with the ports of the given name if one is asked for.
pub(super) fn format_endpoints(endpoints: &Endpoints, port_name: Option<&str>) -> String {
    if endpoints.subsets.is_empty() {
        return "<none>".into();
    }
    let mut all = Vec::new();
    for subset in &endpoints.subsets {
        if subset.ports.is_empty() {
            all.extend(subset.addresses.iter().map(|address| address.ip.clone()));
        }
        for port in subset.ports.iter().filter(|port| port_name.is_none_or(|name| port.name == name)) {
            let number = port.port.unwrap_or(0);
            all.extend(subset.addresses.iter().map(|address| format!("{}:{number}", address.ip)));
        }
    }
    with_more(&all)
}

fn slice_ports(ports: &[EndpointPort]) -> String {
    let all: Vec<String> = ports
        .iter()
        .map(|port| match port.port {
            Some(number) => number.to_string(),
            None if !port.name.is_empty() => port.name.clone(),
            None => "*".into(),
        })
        .collect();
    if all.is_empty() { "<unset>".into() } else { with_more(&all) }
}

fn slice_addresses(slice: &EndpointSlice) -> String {
    let all: Vec<String> = slice.endpoints.iter().flat_map(|endpoint| endpoint.addresses.iter().cloned()).collect();
    if all.is_empty() { "<unset>".into() } else { with_more(&all) }
}

/// The first three, and how many more there are.
fn with_more(all: &[String]) -> String {
    match all {
        [a, b, c, _, ..] => format!("{a},{b},{c} + {} more...", all.len() - 3),
        _ => all.join(","),
    }
}

/// `a=b,c=d`, or `<none>`.
pub(super) fn format_labels(labels: &Labels) -> String {
    or_none(labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
}

/// `a=b,c in (d,e)`, or `<none>`.
pub(super) fn format_selector(selector: &LabelSelector) -> String {
    let mut parts: Vec<(&str, String)> =
        selector.match_labels.iter().map(|(key, value)| (key.as_str(), format!("{key}={value}"))).collect();
    for requirement in &selector.match_expressions {
        let key = &requirement.key;
        let mut values = requirement.values.clone();
        crate::sort::by(&mut values, Ord::cmp);
        let values = values.join(",");
        let text = match requirement.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            _ => format!("!{key}"),
        };
        parts.push((key, text));
    }
    crate::sort::by_key(&mut parts, |(key, _)| *key);
    or_none(parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(","))
}

pub(super) fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".into() } else { text }
}

/// The age of what was made at `since`: times in objects are whole seconds.
pub(super) fn age(since: Option<Instant>, now: Instant) -> String {
    match since {
        None => "<unknown>".into(),
        Some(since) => human_duration(now.since(Instant::from_millis(since.as_micros() / 1_000_000 * 1000))),
    }
}

/// After `k8s.io/apimachinery` `pkg/util/duration` `HumanDuration`; ours are never negative.
pub(super) fn human_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let two = |a: u64, unit: &str, b: u64, small: &str| {
        if b == 0 { format!("{a}{unit}") } else { format!("{a}{unit}{b}{small}") }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 24 * 8 => two(hours / 24, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        () if hours < 24 * 365 * 8 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        () => format!("{}y", hours / 24 / 365),
    }
}

/// Lines of cells in columns that stand three blanks apart; the last column is not padded.
pub(super) fn align(rows: &[Vec<String>]) -> String {
    align_from(&mut Vec::new(), rows)
}

/// The same, no column narrower than it was: `kubectl get -w` prints its rows one after another.
pub(super) fn align_from(widths: &mut Vec<usize>, rows: &[Vec<String>]) -> String {
    widths.resize(rows.iter().map(Vec::len).max().unwrap_or(0).max(widths.len()), 0);
    for (i, width) in widths.iter_mut().enumerate() {
        let longest = rows.iter().filter(|row| i + 1 < row.len()).map(|row| row[i].chars().count()).max();
        *width = longest.map_or(0, |longest| (longest + 3).max(6)).max(*width);
    }
    let mut text = String::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            text += cell;
            if i + 1 < row.len() {
                text.extend(std::iter::repeat_n(' ', widths[i] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every row of the shared file for a kind that is served; the rest are counted by kind.
    fn truth() -> serde_yaml::Value {
        serde_yaml::from_str(include_str!("../../../tests/truth/kubectl.yaml")).unwrap()
    }

    fn text<'a>(row: &'a serde_yaml::Value, key: &str) -> &'a str {
        row[key].as_str().unwrap()
    }

    #[test]
    fn columns_are_those_of_the_api_server() {
        let mut unserved = Vec::new();
        for row in truth()["columns"].as_sequence().unwrap() {
            let Some(kind) = Kind::from_resource(text(row, "resource")) else {
                unserved.push(text(row, "resource").to_owned());
                continue;
            };
            let titles = |wide: bool| -> Vec<&str> {
                columns(kind).iter().filter(|column| column.1 == wide).map(|column| column.0).collect()
            };
            let expected = |key: &str| -> Vec<String> {
                row[key].as_sequence().unwrap().iter().map(|title| title.as_str().unwrap().into()).collect()
            };
            assert_eq!(titles(false), expected("default"), "{kind:?}");
            assert_eq!(titles(true), expected("wide_extra"), "{kind:?}");
        }
        for kind in unserved {
            assert!(Kind::from_resource(&kind).is_none(), "{kind}");
        }
    }

    #[test]
    fn ages_are_told_as_kubectl_tells_them() {
        for row in truth()["ages"].as_sequence().unwrap() {
            let seconds = row["seconds"].as_i64().unwrap();
            // A negative age would need a clock that goes backwards; ours cannot.
            let Ok(seconds) = u64::try_from(seconds) else { continue };
            assert_eq!(human_duration(Duration::from_secs(seconds)), text(row, "output"), "{seconds}");
        }
    }

    /// The shared file writes fields in short; this is the tree that each stands for.
    fn object(kind: Kind, input: &serde_json::Value) -> Object {
        let get = |key: &str| input.get(key).cloned().unwrap_or(Value::Null);
        let mut meta = json!({"name": "x"});
        let body = match kind {
            Kind::Service => {
                let mut spec = input.clone();
                let ingress = spec.as_object_mut().unwrap().remove("status.loadBalancer.ingress").unwrap_or(json!([]));
                spec.as_object_mut().unwrap().remove("wide");
                if let Some(ips) = spec.get("clusterIPs").cloned() {
                    spec["clusterIP"] = ips[0].clone();
                }
                json!({"spec": spec, "status": {"loadBalancer": {"ingress": ingress}}})
            }
            Kind::Endpoints => {
                let ips = |list: &Value| -> Value {
                    list.as_array().unwrap_or(&Vec::new()).iter().map(|ip| json!({"ip": ip})).collect()
                };
                let subsets = get("subsets").as_array().unwrap().iter().map(|subset| {
                    let ports: Value = subset["ports"].as_array().unwrap().iter().map(|p| json!({"port": p})).collect();
                    json!({"addresses": ips(&subset["addresses"]), "notReadyAddresses": ips(&subset["notReadyAddresses"]), "ports": ports})
                }).collect::<Value>();
                json!({"subsets": subsets})
            }
            Kind::EndpointSlice => {
                let endpoints: Value = get("endpoints")
                    .as_array()
                    .unwrap_or(&Vec::new())
                    .iter()
                    .map(|e| json!({"addresses": [e["address"]], "conditions": {"ready": e["ready"]}}))
                    .collect();
                let ports: Value = get("ports")
                    .as_array()
                    .unwrap_or(&Vec::new())
                    .iter()
                    .map(|p| json!({"name": p["name"].as_str().unwrap_or_default(), "port": p["port"]}))
                    .collect();
                json!({"endpoints": endpoints, "ports": ports})
            }
            Kind::Deployment => json!({
                "spec": {"replicas": get("spec.replicas")}, "status": {"readyReplicas": get("status.readyReplicas")}
            }),
            Kind::Pod => {
                let mut container = json!({"name": "c", "state": {}});
                if let Some(reason) = input.get("container.state.waiting.reason") {
                    container["state"] = json!({"waiting": {"reason": reason}});
                }
                if let Some(ended) = input.get("container.state.terminated") {
                    container["state"] = json!({"terminated": {"exitCode": ended["exitCode"]}});
                }
                if let Some(count) = input.get("restartCount") {
                    container["restartCount"] = count.clone();
                    container["lastState"] = json!({"terminated": {"finishedAt": "2026-10-01T08:01:00Z"}});
                }
                if input.get("deletionTimestamp").is_some() {
                    meta["deletionTimestamp"] = json!("2026-10-01T08:00:00Z");
                }
                let phase = input.get("phase").cloned().unwrap_or(json!("Running"));
                let mut status = json!({"phase": phase, "containerStatuses": [container]});
                let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
                if let Some(count) = input.get("initContainers").and_then(Value::as_u64) {
                    let finished = input["finished"].as_u64().unwrap();
                    spec["initContainers"] = (0..count).map(|_| json!({})).collect();
                    status["initContainerStatuses"] = (0..count)
                        .map(|i| {
                            if i < finished {
                                json!({"state": {"terminated": {"exitCode": 0}}})
                            } else {
                                json!({"state": {"running": {}}})
                            }
                        })
                        .collect();
                    status["phase"] = json!("Pending");
                }
                json!({"spec": spec, "status": status})
            }
            Kind::Node => {
                let conditions: Value = get("conditions")
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(key, value)| json!({"type": key, "status": value}))
                    .collect();
                json!({"spec": {"unschedulable": input.get("unschedulable").is_some()}, "status": {"addresses": [], "conditions": conditions}})
            }
            Kind::Ingress => {
                let mut spec = input.clone();
                let ingress = spec.as_object_mut().unwrap().remove("status.loadBalancer.ingress").unwrap_or(json!([]));
                spec.as_object_mut().unwrap().remove("wide");
                json!({"spec": spec, "status": {"loadBalancer": {"ingress": ingress}}})
            }
            Kind::IngressClass => json!({"spec": input}),
            _ => Value::Null,
        };
        let mut tree = body;
        tree["metadata"] = meta;
        Object::from_value(kind, tree).unwrap()
    }

    #[test]
    fn cells_are_those_of_the_api_server() {
        let (mut served, mut unserved) = (0, Vec::new());
        for row in truth()["cells"].as_sequence().unwrap() {
            let Some(kind) = Kind::from_resource(text(row, "resource")) else {
                unserved.push(text(row, "name").to_owned());
                continue;
            };
            let input: Value = serde_json::to_value(&row["input"]).unwrap();
            let wide = input.get("wide").and_then(Value::as_bool).unwrap_or(false);
            let column = columns(kind).iter().position(|column| column.0 == text(row, "column")).unwrap();
            let now = Instant::from_millis(91_000);
            assert_eq!(cells(&object(kind, &input), wide, now)[column], text(row, "output"), "{}", text(row, "name"));
            served += 1;
        }
        assert_eq!((served, unserved.len()), (41, 0), "{unserved:#?}");
    }

    #[test]
    fn a_real_clients_tables_are_padded_so() {
        let mut count = 0;
        for row in truth()["golden"].as_sequence().unwrap() {
            if !row["note"].as_str().is_some_and(|note| note.starts_with("rows supplied by the stub as a Table")) {
                continue;
            }
            // Columns stand three blanks apart at least; no cell holds more than one.
            let rows: Vec<Vec<String>> = text(row, "stdout")
                .lines()
                .map(|line| {
                    line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(String::from).collect()
                })
                .collect();
            assert_eq!(align(&rows), text(row, "stdout"), "{}", text(row, "name"));
            count += 1;
        }
        assert_eq!(count, 6);
    }

    #[test]
    fn tables_are_padded_as_tabwriter_does() {
        let rows = [["NAME", "A", "AGE"], ["web", "", "5m"]].map(|row| row.map(String::from).to_vec());
        assert_eq!(align(&rows), "NAME   A     AGE\nweb          5m\n");
    }

    #[test]
    fn times_are_read_back() {
        for seconds in [0, 31, 86_400 * 92 + 3661, 86_400 * 900] {
            let at = Instant::from_millis(seconds * 1000);
            assert_eq!(instant(&at.rfc3339()), Some(at));
        }
    }
}
