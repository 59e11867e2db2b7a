//! A rule's backend: the Service's port, and the endpoints to which controllers connect themselves.

use std::sync::Arc;

use super::{Backend, Candidate};
use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{
    EndpointSlice, FieldRef, IngressServiceBackend, IntOrString, Kind, Ref, Service, ServiceBackendPort, ServicePort,
};
use crate::trace::{Because, Reason, Routing, Socket};

/// Which ports of a Service a number in an Ingress may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// Its port, its `targetPort` or its name, whichever comes first (ingress-nginx' `serviceEndpoints`).
    Loose,
    /// Its port or its name (the specification; Traefik's `loadService`).
    Strict,
}

/// Reads a backend.
pub(super) fn read(
    store: &Store,
    namespace: &str,
    backend: &IngressServiceBackend,
    cause: FieldRef,
    ports: Ports,
    by_cluster_ip: bool,
) -> Backend {
    let key = Ref::new(Kind::Service, namespace, backend.name.as_str());
    let wanted = wanted(&backend.port);
    let name = format!("{namespace}/{}:{wanted}", backend.name).into();
    let mut made = Backend { name, service: key.clone(), cause, ..Backend::bare(&key) };
    let service: Arc<str> = format!("{namespace}/{}", backend.name).into();
    let Some((_, found)) = store.read::<Service>(&key) else {
        made.lacks(Routing::BackendMissing(service));
        return made;
    };
    let fits = |port: &&ServicePort| {
        let target = || match &port.target_port {
            Some(IntOrString::Int(number)) => number.to_string() == wanted,
            Some(IntOrString::String(name)) => *name == wanted,
            None => false,
        };
        port.port.to_string() == wanted
            || (!port.name.is_empty() && port.name == wanted)
            || (ports == Ports::Loose && target())
    };
    let port = found.spec.ports.iter().find(fits);
    if found.spec.r#type == "ExternalName" {
        made.external = true;
        let number = port.map_or(backend.port.number, |port| match port.target_port {
            Some(IntOrString::Int(number)) if number > 0 => number,
            _ => port.port,
        });
        made.endpoints.extend(external(store, &found.spec.external_name, number));
        made.lacks(Routing::BackendExternal(service));
        return made;
    }
    let Some(port) = port else {
        let has = found.spec.ports.iter().map(|port| port.port.to_string()).collect::<Vec<_>>().join(", ");
        made.lacks(Routing::BackendPortMissing { service, port: wanted.as_str().into(), has: has.into() });
        return made;
    };
    let cluster_ip = found.spec.cluster_ip.parse().ok().filter(|_| by_cluster_ip);
    match cluster_ip {
        Some(ip) => made.endpoints.push(candidate(ip, port.port, None)),
        None => made.endpoints = endpoints(store, &key, port),
    }
    made.lacks(Routing::BackendEmpty(service));
    made
}

/// The first port of a Service, for a controller's default backend; none if it has no endpoint.
pub(super) fn first_port(store: &Store, key: &Ref) -> Option<Backend> {
    let (_, service) = store.read::<Service>(key)?;
    let number = service.spec.ports.first()?.port;
    let backend =
        IngressServiceBackend { name: key.name.to_string(), port: ServiceBackendPort { name: String::new(), number } };
    let cause = FieldRef::new(key.clone(), "metadata.name");
    Some(read(store, &key.namespace, &backend, cause, Ports::Loose, false)).filter(|made| !made.endpoints.is_empty())
}

/// The port as an Ingress has it.
fn wanted(port: &ServiceBackendPort) -> String {
    if port.number > 0 { port.number.to_string() } else { port.name.clone() }
}

impl Backend {
    fn bare(key: &Ref) -> Self {
        Self {
            name: "".into(),
            service: key.clone(),
            cause: FieldRef::new(key.clone(), ""),
            external: false,
            endpoints: Vec::new(),
            lacking: None,
            affinity: None,
            canary: None,
            alternative: None,
        }
    }

    /// Says why there is no endpoint, if there is none.
    fn lacks(&mut self, why: Routing) {
        if self.endpoints.is_empty() {
            let cause = match &why {
                Routing::BackendEmpty(_) => Some(FieldRef::new(self.service.clone(), "spec.selector")),
                Routing::BackendPortMissing { .. } => {
                    let path = self.cause.path.trim_end_matches("name");
                    Some(FieldRef::new(self.cause.object.clone(), format!("{path}port")))
                }
                _ => Some(self.cause.clone()),
            };
            self.lacking = Some(Arc::new(Because { rule: None, reason: Reason::Routing(why), cause }));
        }
    }
}

fn candidate(ip: Ipv4Addr, port: i32, name: Option<&str>) -> Candidate {
    let socket = Socket { ip, port: u16::try_from(port).unwrap_or(0) };
    Candidate { socket, name: name.map_or_else(|| ip.to_string(), str::to_owned).into() }
}

/// The ready endpoints of a Service's port, by address.
///
/// As ingress-nginx' `getEndpointsFromSlices`: `ready` alone counts, so that ending pods get nothing even where nobody else
/// is left; a slice's port goes by its name, or by a numeric `targetPort` where no name fits.
fn endpoints(store: &Store, key: &Ref, port: &ServicePort) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    let numeric = match &port.target_port {
        Some(IntOrString::Int(number)) => Some(*number),
        _ => None,
    };
    let slices = store.slices_of(&key.namespace, &key.name).filter(|slice| slice.address_type == "IPv4");
    for slice in slices {
        let ports = slice_ports(slice, port, numeric);
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false)) {
            let name = endpoint.target_ref.as_ref().map(|target| &*target.name).filter(|name| !name.is_empty());
            for ip in endpoint.addresses.iter().filter_map(|address| address.parse().ok()) {
                for number in &ports {
                    let candidate = candidate(ip, *number, name);
                    if !all.iter().any(|other| other.socket == candidate.socket) {
                        all.push(candidate);
                    }
                }
            }
        }
    }
    crate::sort::by(&mut all, |a, b| a.socket.cmp(&b.socket));
    all
}

fn slice_ports(slice: &EndpointSlice, port: &ServicePort, numeric: Option<i32>) -> Vec<i32> {
    if slice.ports.is_empty() {
        return numeric.into_iter().collect();
    }
    let tcp = slice.ports.iter().filter(|p| matches!(&*p.protocol, "TCP" | ""));
    tcp.filter_map(|p| {
        let named = port.name.is_empty() || p.name == port.name;
        p.port.filter(|_| named).or(numeric)
    })
    .collect()
}

/// Where an ExternalName leads, as far as it stays in the cluster: an address, or the name of another Service.
fn external(store: &Store, name: &str, port: i32) -> Option<Candidate> {
    if let Ok(ip) = name.parse() {
        return Some(candidate(ip, port, None)).filter(|_| !ip.is_loopback());
    }
    let inside = name.trim_end_matches('.').strip_suffix(".svc.cluster.local")?;
    let (service, namespace) = inside.split_once('.')?;
    let (_, found) = store.read::<Service>(&Ref::new(Kind::Service, namespace, service))?;
    Some(candidate(found.spec.cluster_ip.parse().ok()?, port, None))
}
