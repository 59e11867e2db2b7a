//! `kubectl describe node`
//!
//! Stands for `NodeDescriber` of `k8s.io/kubectl` `pkg/describe/describe.go`. A kubelet's heartbeats are not played, so that their times are
//! worked out: a lease is renewed every 10 seconds, conditions every 5 minutes. Left out: huge pages.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::{Report, calendar};
use super::{Call, table};
use crate::object::{Container, Node, Object, Pod};
use crate::time::Instant;

/// How often a kubelet renews its lease, and how often it sends conditions that have not changed, in microseconds.
const LEASE: u64 = 10_000_000;
const STATUS: u64 = 300_000_000;

/// A node.
pub(super) fn node(call: &Call, object: &Object, node: &Node, report: &mut Report) {
    let (meta, now) = (&object.meta, call.shell.cluster.now());
    let roles = table::cells(object, false, now).swap_remove(2);
    report.line(0, &format!("Roles:\t{roles}"));
    report.labels("Labels", &meta.labels);
    report.annotations("Annotations", &meta.annotations);
    report.line(0, &format!("CreationTimestamp:\t{}", meta.creation_timestamp.map_or_else(String::new, calendar)));
    let taints: Vec<String> = node
        .spec
        .taints
        .iter()
        .map(|taint| match taint.value.as_str() {
            "" => format!("{}:{}", taint.key, taint.effect),
            value => format!("{}={value}:{}", taint.key, taint.effect),
        })
        .collect();
    report.list("Taints", &taints);
    report.line(0, &format!("Unschedulable:\t{}", node.spec.unschedulable));
    // What was heard last: of a silent node, before it fell silent.
    let heard = call.shell.cluster.outages().silent_since(&meta.name).unwrap_or(now);
    let last = |every: u64| Instant::from_micros(heard.as_micros() / every * every);
    report.line(0, &format!("Lease:\n  HolderIdentity:\t{}\n  AcquireTime:\t<unset>", meta.name));
    report.line(1, &format!("RenewTime:\t{}", calendar(last(LEASE))));
    report.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    report.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for c in &node.status.conditions {
        let moved = c.last_transition_time.unwrap_or_default();
        let beat = if c.status == "Unknown" { last(STATUS) } else { last(STATUS).max(moved) };
        let (beat, moved) = (calendar(beat), calendar(moved));
        report.line(1, &format!("{} \t{} \t{beat} \t{moved} \t{} \t{}", c.r#type, c.status, c.reason, c.message));
    }
    report.line(0, "Addresses:");
    node.status.addresses.iter().for_each(|a| report.line(1, &format!("{}:\t{}", a.r#type, a.address)));
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        if let Some(Value::Object(amounts)) = node.status.rest.get(key) {
            report.line(0, &format!("{title}:"));
            amounts.iter().for_each(|(name, amount)| report.line(1, &format!("{name}:\t{}", text(Some(amount)))));
        }
    }
    report.line(0, "System Info:");
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        let info = node.status.rest.get("nodeInfo").and_then(|info| info.get(key));
        report.line(1, &format!("{title}:\t{}", text(info)));
    }
    if !node.spec.pod_cidr.is_empty() {
        report.line(0, &format!("PodCIDR:\t{}", node.spec.pod_cidr));
        let all = node.spec.rest.get("podCIDRs").and_then(Value::as_array).into_iter().flatten();
        let all: Vec<&str> = all.filter_map(Value::as_str).collect();
        report.line(0, &format!("PodCIDRs:\t{}", all.join(",")));
    }
    pods(call, &meta.name, node, now, report);
}

/// CPU in thousandths and memory in bytes.
#[derive(Clone, Copy, Default)]
struct Amounts {
    cpu: u64,
    memory: u64,
}

/// What a pod asks for (`requests`) or may use at most (`limits`).
fn amounts(pod: &Pod, which: &str) -> Amounts {
    let of = |container: &Container, what: &str| {
        let resources = container.rest.get("resources")?.get(which)?.get(what)?;
        quantity(resources.as_str().map_or_else(|| resources.to_string(), str::to_owned).as_str())
    };
    let mut sum = Amounts::default();
    for container in &pod.spec.containers {
        sum.cpu = sum.cpu.saturating_add(of(container, "cpu").unwrap_or(0));
        sum.memory = sum.memory.saturating_add(of(container, "memory").unwrap_or(0) / 1000);
    }
    sum
}

/// A quantity in thousandths: `100m`, `2`, `0.5`, `70Mi`, `1G`.
fn quantity(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 10] = [
        ("m", 1),
        ("Ki", 1000 << 10),
        ("Mi", 1000 << 20),
        ("Gi", 1000 << 30),
        ("Ti", 1000 << 40),
        ("k", 1_000_000),
        ("M", 1_000_000_000),
        ("G", 1_000_000_000_000),
        ("T", 1_000_000_000_000_000),
        ("", 1000),
    ];
    let (number, unit) = UNITS.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    let digits: String = part.chars().take(3).collect();
    let part = if digits.is_empty() { 0 } else { format!("{digits:0<3}").parse::<u64>().ok()? };
    Some(whole.checked_mul(unit)?.saturating_add(part.checked_mul(unit)? / 1000))
}

/// As `resource.Quantity` prints them: `100m` or `2`, `70Mi` or `1500`.
fn cpu_text(cpu: u64) -> String {
    if cpu.is_multiple_of(1000) { (cpu / 1000).to_string() } else { format!("{cpu}m") }
}

fn memory_text(memory: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
    let unit = UNITS.iter().find(|(unit, _)| memory > 0 && memory.is_multiple_of(*unit));
    unit.map_or_else(|| memory.to_string(), |(unit, name)| format!("{}{name}", memory / unit))
}

/// The pods that have not ended, what they ask for, and the sum.
fn pods(call: &Call, name: &str, node: &Node, now: Instant, report: &mut Report) {
    let total = |what: &str| {
        let amount = node.status.rest.get("allocatable").and_then(|all| all.get(what)?.as_str());
        amount.and_then(quantity).unwrap_or(0)
    };
    let (all_cpu, all_memory) = (total("cpu"), total("memory") / 1000);
    let share = |part: u64, of: u64| part.saturating_mul(100).checked_div(of).unwrap_or(0);
    let cpu = |a: Amounts| format!("{} ({}%)", cpu_text(a.cpu), share(a.cpu, all_cpu));
    let memory = |a: Amounts| format!("{} ({}%)", memory_text(a.memory), share(a.memory, all_memory));
    let mut sums: BTreeMap<&str, Amounts> = BTreeMap::new();
    let mut lines = Vec::new();
    for (meta, pod) in call.shell.cluster.store().all::<Pod>() {
        if pod.spec.node_name != name || matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
            continue;
        }
        let both = ["requests", "limits"].map(|which| (which, amounts(pod, which)));
        for (which, amounts) in both {
            let sum = sums.entry(which).or_default();
            sum.cpu = sum.cpu.saturating_add(amounts.cpu);
            sum.memory = sum.memory.saturating_add(amounts.memory);
        }
        let [(_, requests), (_, limits)] = both;
        let cells = [cpu(requests), cpu(limits), memory(requests), memory(limits)].join("\t");
        lines.push(format!("{}\t{}\t{cells}\t{}", meta.namespace, meta.name, table::age(meta.creation_timestamp, now)));
    }
    report.line(0, &format!("Non-terminated Pods:\t({} in total)", lines.len()));
    report.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    report.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for line in lines {
        // The real table has an empty column after the names.
        let mut cells = line.splitn(3, '\t');
        let (namespace, name, rest) = (cells.next(), cells.next(), cells.next());
        let [namespace, name, rest] = [namespace, name, rest].map(Option::unwrap_or_default);
        report.line(1, &format!("{namespace}\t{name}\t\t{rest}"));
    }
    let [requests, limits] = ["requests", "limits"].map(|which| sums.get(which).copied().unwrap_or_default());
    report.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    report.line(1, "Resource\tRequests\tLimits\n  --------\t--------\t------");
    report.line(1, &format!("cpu\t{}\t{}", cpu(requests), cpu(limits)));
    report.line(1, &format!("memory\t{}\t{}", memory(requests), memory(limits)));
    report.line(1, "ephemeral-storage\t0 (0%)\t0 (0%)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_printed() {
        for (text, expected) in [("100m", 100), ("2", 2000), ("0.5", 500), ("70Mi", 73_400_320_000), ("1k", 1_000_000)]
        {
            assert_eq!(quantity(text), Some(expected), "{text}");
        }
        assert_eq!(quantity("x"), None);
        assert_eq!((cpu_text(1500), cpu_text(2000)), ("1500m".to_owned(), "2".to_owned()));
        assert_eq!((memory_text(73_400_320), memory_text(1500)), ("70Mi".to_owned(), "1500".to_owned()));
    }
}
