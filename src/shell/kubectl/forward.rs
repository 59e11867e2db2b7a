//! `kubectl port-forward`: a tunnel from the laptop to one pod.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd/portforward` and client-go `tools/portforward`. As there, a tunnel outlives its pod until the next
//! connection finds it gone. Left out: the wait for a pod that does not run yet ends with what the cluster can do by itself; `::1` is
//! told and never dialled. What the runtime says is containerd's (`internal/cri/server` `sandbox_portforward_linux.go`). The line number
//! in klog's header is that of 1.32.

use std::sync::Arc;

use super::super::flags::{Flag, value};
use super::super::job::Work;
use super::super::{Io, Shell};
use super::{Call, Fail, go_quote, pods};
use crate::inet::Ipv4Addr;
use crate::net::{Carrier, Failure};
use crate::object::{IntOrString, Kind, Object, Pod, Service};
use crate::time::Instant;
use crate::trace::Place;

pub(super) const FLAGS: &[Flag] = &[value("address", ' ', "ADDRESSES"), value("pod-running-timeout", ' ', "TIME")];

/// A tunnel.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::shell) struct Forward {
    pid: u32,
    /// The pod's sandbox, as the container runtime names it.
    sandbox: String,
}

/// An address to listen on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listen {
    V4(Ipv4Addr),
    /// Told, as kubectl does, and never dialled: the lab has no IPv6.
    Localhost6,
}

/// `kubectl port-forward TYPE/NAME [LOCAL:]REMOTE…`
pub(super) fn forward(call: &mut Call) -> Result<i32, Fail> {
    let words = call.flags.words.clone();
    let Some((target, ports)) = words.split_first().filter(|(_, ports)| !ports.is_empty()) else {
        return Err(Fail::Usage("TYPE/NAME and list of ports are required for port-forward".into()));
    };
    let (kind, name) = match target.split_once('/') {
        Some((kind, name)) => (call.kind(kind)?, name),
        None => (Kind::Pod, target.as_str()),
    };
    let object = call.one(kind, name)?;
    let chosen = pods::attachable(call, &object)?;
    let Some(pod) = chosen.body::<Pod>() else { return Err(call.not_found(Kind::Pod, name).into()) };
    let service = object.body::<Service>();
    let translated: Vec<String> = ports
        .iter()
        .map(|port| match service {
            Some(service) => service_port(port, &object.meta.name, service, &chosen.meta.name, pod),
            None => pod_port(port, &chosen.meta.name, pod),
        })
        .collect::<Result<_, _>>()
        .map_err(Fail::Error)?;
    if pod.status.phase != "Running" {
        let phase = &pod.status.phase;
        return Err(Fail::Error(format!("unable to forward port because pod is not running. Current status={phase}")));
    }
    let addresses = addresses(call.flags.get("address").unwrap_or("localhost")).map_err(Fail::Error)?;
    let pairs: Vec<(u16, u16)> =
        translated.iter().map(|port| pair(port)).collect::<Result<_, _>>().map_err(Fail::Error)?;
    let pid = call.shell.pid();
    let mut listens = false;
    for (local, remote) in &pairs {
        match listen(call, pid, &addresses, *local, *remote, &chosen) {
            Ok(()) => listens = true,
            Err(errors) => call.io.err(format!(
                "Unable to listen on port {local}: Listeners failed to create with the following errors: [{}]\n",
                errors.join(" ")
            )),
        }
    }
    if !listens {
        let pairs: Vec<String> = pairs.iter().map(|(local, remote)| format!("{{{local} {remote}}}")).collect();
        let pairs = pairs.join(" ");
        return Err(Fail::Error(format!("unable to listen on any of the requested ports: [{pairs}]")));
    }
    let sandbox = super::super::container_id(&chosen.meta.uid);
    Ok(call.shell.hold(call.io, pid, Work::Forward(Forward { pid, sandbox })))
}

/// One pair of ports on every address, told as it goes.
fn listen(
    call: &mut Call,
    pid: u32,
    addresses: &[Listen],
    local: u16,
    remote: u16,
    pod: &Arc<Object>,
) -> Result<(), Vec<String>> {
    let mut errors = Vec::new();
    let mut port = local;
    let laptop = call.shell.cluster.profile().laptop;
    // `localhost` may fail on one of its two addresses; any other may not.
    let mut heard = false;
    for address in addresses {
        let (ip, shown, protocol) = match address {
            Listen::V4(ip) => (*ip, ip.to_string(), "tcp4"),
            Listen::Localhost6 => (Ipv4Addr::LOCALHOST, "[::1]".to_owned(), "tcp6"),
        };
        let own = ip.is_loopback() || ip.is_unspecified() || ip == laptop;
        let mine = *address == Listen::Localhost6 && heard;
        let fault = if !own {
            Some("cannot assign requested address")
        } else if (1..1024).contains(&port) && !call.shell.is_root {
            Some("permission denied")
        } else if mine {
            None
        } else {
            let carrier = Carrier::Pod {
                pod: Place::Pod(pod.meta.namespace.as_str().into(), pod.meta.name.as_str().into()),
                uid: pod.meta.uid.as_str().into(),
                port: remote,
            };
            match call.shell.cluster.flows_mut().listen(pid, "kubectl", ip, port, carrier) {
                Some(taken) => {
                    port = taken;
                    None
                }
                None => Some("address already in use"),
            }
        };
        match fault {
            None => {
                heard = true;
                call.io.out(format!("Forwarding from {shown}:{port} -> {remote}\n"));
            }
            Some(fault) => {
                errors.push(format!("unable to create listener: Error listen {protocol} {shown}:{port}: bind: {fault}"))
            }
        }
    }
    let only_localhost = addresses.contains(&Listen::Localhost6) && addresses.len() == 2;
    if errors.is_empty() || (heard && only_localhost) { Ok(()) } else { Err(errors) }
}

impl Forward {
    pub(in crate::shell) fn poll(&mut self, shell: &mut Shell, io: &mut Io) -> Option<i32> {
        let mut code = None;
        for carried in shell.cluster.flows_mut().laptop_mut().take_carried(self.pid) {
            io.out(format!("Handling connection for {}\n", carried.port));
            let Some((remote, failure)) = carried.failed else { continue };
            let now = shell.cluster.now();
            let sandbox = &self.sandbox;
            let said = match failure {
                Failure::Gone => format!("failed to find sandbox \"{sandbox}\" in store: not found"),
                Failure::Refused => format!(
                    "failed to execute portforward in network namespace \"/var/run/netns/cni-{}\": failed to connect to localhost:{remote} inside namespace \"{sandbox}\", IPv4: dial tcp4 127.0.0.1:{remote}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found ",
                    uuid(sandbox)
                ),
            };
            let error = go_quote(&format!("error forwarding port {remote} to pod {sandbox}, uid : {said}"));
            io.err(format!(
                "E{} {:>7} portforward.go:424] \"An error occurred forwarding\" err={error} localPort={} remotePort={remote}\n",
                klog(now),
                self.pid,
                carried.port
            ));
            code = Some(1);
        }
        if code.is_some() {
            self.stop(shell);
            io.err("error: lost connection to pod\n");
        }
        code
    }

    pub(in crate::shell) fn stop(&mut self, shell: &mut Shell) -> i32 {
        shell.cluster.flows_mut().laptop_mut().close(self.pid);
        0
    }
}

/// `1001 08:00:05.000000`
fn klog(now: Instant) -> String {
    let text = now.rfc3339();
    format!("{}{} {}.{:06}", &text[5..7], &text[8..10], &text[11..19], now.as_micros() % 1_000_000)
}

/// The first digits of a name as a UUID, as the network plugin names a namespace.
fn uuid(name: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = name;
    for length in [8, 4, 4, 4, 12] {
        let (part, more) = rest.split_at_checked(length).unwrap_or((rest, ""));
        parts.push(part);
        rest = more;
    }
    parts.join("-")
}

/// `LOCAL` and `REMOTE` of `[LOCAL:]REMOTE`.
fn split(port: &str) -> (&str, &str) {
    match port.split(':').collect::<Vec<_>>()[..] {
        [local, remote] => (local, remote),
        [only, ..] => (only, only),
        [] => ("", ""),
    }
}

fn joined(local: &str, remote: &str, number: i32) -> String {
    if local == remote { number.to_string() } else { format!("{local}:{number}") }
}

/// A Service's port to the port in the pod: `translateServicePortToTargetPort`.
fn service_port(port: &str, name: &str, service: &Service, pod_name: &str, pod: &Pod) -> Result<String, String> {
    let (local, remote) = split(port);
    let ports = &service.spec.ports;
    let number = match remote.parse::<i32>() {
        Ok(number) => number,
        Err(_) => ports
            .iter()
            .find(|port| port.name == remote)
            .map(|port| port.port)
            .ok_or_else(|| format!("Service '{name}' does not have a named port '{remote}'"))?,
    };
    let of = |protocol: &str| ports.iter().any(|p| p.port == number && p.protocol == protocol);
    if of("UDP") && !of("TCP") {
        return Err(format!("UDP protocol is not supported for {remote}"));
    }
    let row = ports
        .iter()
        .find(|port| port.port == number)
        .ok_or_else(|| format!("Service {name} does not have a service port {number}"))?;
    let target = match &row.target_port {
        _ if service.spec.cluster_ip == "None" => number,
        None => number,
        Some(IntOrString::Int(0)) => number,
        Some(IntOrString::Int(target)) => *target,
        Some(IntOrString::String(target)) => named_port(target, pod_name, pod)?,
    };
    let local = if local == remote { number.to_string() } else { local.to_owned() };
    Ok(if local == target.to_string() { local } else { format!("{local}:{target}") })
}

/// A pod's port: `convertPodNamedPortToNumber`.
fn pod_port(port: &str, name: &str, pod: &Pod) -> Result<String, String> {
    let (local, remote) = split(port);
    if remote.is_empty() {
        return Err("remote port cannot be empty".into());
    }
    let number = match remote.parse::<i32>() {
        Ok(number) => number,
        Err(_) => named_port(remote, name, pod)?,
    };
    let declared = |protocol: &str| {
        let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
        ports.any(|p| p.container_port == number && p.protocol == protocol)
    };
    if declared("UDP") && !declared("TCP") {
        return Err(format!("UDP protocol is not supported for {remote}"));
    }
    Ok(joined(local, remote, number))
}

fn named_port(name: &str, pod_name: &str, pod: &Pod) -> Result<i32, String> {
    let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
    ports
        .find(|port| port.name == name)
        .map(|port| port.container_port)
        .ok_or_else(|| format!("Pod '{pod_name}' does not have a named port '{name}'"))
}

/// `parsePorts`
fn pair(port: &str) -> Result<(u16, u16), String> {
    let parts: Vec<&str> = port.split(':').collect();
    let (local, remote) = match parts[..] {
        [only] => (only, only),
        ["", remote] => ("0", remote),
        [local, remote] => (local, remote),
        _ => return Err(format!("invalid port format '{port}'")),
    };
    let read = |text: &str, which: &str| {
        text.parse::<u16>().map_err(|_| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let fault = if digits { "value out of range" } else { "invalid syntax" };
            format!("error parsing {which} port '{text}': strconv.ParseUint: parsing {}: {fault}", go_quote(text))
        })
    };
    let (local, remote) = (read(local, "local")?, read(remote, "remote")?);
    if remote == 0 { Err("remote port must be > 0".into()) } else { Ok((local, remote)) }
}

/// `parseAddresses`: sorted by their text, each once.
fn addresses(text: &str) -> Result<Vec<Listen>, String> {
    let (mut four, mut six) = (Vec::new(), false);
    for word in text.split(',') {
        match word.parse::<Ipv4Addr>() {
            _ if word == "localhost" => {
                four.push(Ipv4Addr::LOCALHOST);
                six = true;
            }
            Ok(ip) => four.push(ip),
            Err(_) if word == "::1" || word == "::" => six = true,
            Err(_) => return Err(format!("{word} is not a valid IP")),
        }
    }
    crate::sort::by_key(&mut four, Ipv4Addr::to_string);
    four.dedup();
    let mut all: Vec<Listen> = four.into_iter().map(Listen::V4).collect();
    all.extend(six.then_some(Listen::Localhost6));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_kubectl_reads_them() {
        assert_eq!(pair("9091:9090"), Ok((9091, 9090)));
        assert_eq!(pair(":9090"), Ok((0, 9090)));
        assert_eq!(pair("9090"), Ok((9090, 9090)));
        assert_eq!(pair("1:2:3").unwrap_err(), "invalid port format '1:2:3'");
        let fault = "error parsing local port 'x': strconv.ParseUint: parsing \"x\": invalid syntax";
        assert_eq!(pair("x:1").unwrap_err(), fault);
        assert_eq!(pair("1:0").unwrap_err(), "remote port must be > 0");
        assert_eq!(addresses("moon").err().unwrap(), "moon is not a valid IP");
    }
}
