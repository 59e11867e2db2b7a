//! Names: what CoreDNS knows, and how a pod's resolver asks for it.
//!
//! Stands for CoreDNS' plugin `kubernetes` as kubeadm sets it up (zone cluster.local, `pods insecure`) and for the resolver of
//! the C library. Left out: IPv6 (a real resolver asks for AAAA beside each A), upstream servers (there is no internet here,
//! so that names outside the cluster have no address), negative caching.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::proxy::to_port;
use crate::api::Store;
use crate::inet::Ipv4Addr;
use crate::object::{EndpointSlice, Kind, Ref, Service};

/// The cluster's domain.
const ZONE: &str = "cluster.local";

/// Names with fewer dots go through the search domains first: `options ndots:5`.
const NDOTS: usize = 5;

/// What a name is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types' own names")]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
    Srv,
    Ptr,
    Txt,
}

/// What a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An address.
    A(Ipv4Addr),
    /// Another name, with its final dot.
    Cname(String),
    /// A port and the name of who serves it.
    Srv {
        /// The port.
        port: u16,
        /// The name, with its final dot.
        target: String,
    },
    /// The name of an address, with its final dot.
    Ptr(String),
    /// A text.
    Txt(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The name exists; it may have nothing of the type asked for.
    Known(Vec<Record>),
    /// NXDOMAIN.
    Unknown,
    /// The name is none of the cluster's.
    Outside,
}

/// Everything that CoreDNS knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone {
    services: BTreeMap<(Arc<str>, Arc<str>), Arc<Entry>>,
}

/// What it knows of one Service.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    ClusterIp { ip: Ipv4Addr, ports: Vec<Port> },
    Headless { hosts: Vec<Host> },
    External(String),
}

/// `_http._tcp`, and its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    name: String,
    proto: String,
    number: u16,
}

/// An endpoint of a headless Service: its name there, its address, its ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Host {
    ip: Ipv4Addr,
    name: String,
    has_hostname: bool,
    ports: Vec<Port>,
}

impl Entry {
    /// Reads a Service and, if it is headless, its endpoints.
    pub(super) fn read<'a>(service: &Service, slices: impl Iterator<Item = &'a EndpointSlice>) -> Option<Self> {
        let spec = &service.spec;
        if spec.r#type == "ExternalName" {
            return Some(Self::External(absolute(&spec.external_name.to_ascii_lowercase())));
        }
        if spec.cluster_ip != "None" {
            let ip = spec.cluster_ip.parse().ok()?;
            let ports = spec.ports.iter().map(|p| port(&p.name, &p.protocol, p.port)).collect();
            return Some(Self::ClusterIp { ip, ports });
        }
        let mut hosts = Vec::new();
        for slice in slices {
            let ports: Vec<_> = slice.ports.iter().filter_map(|p| Some(port(&p.name, &p.protocol, p.port?))).collect();
            for endpoint in slice.endpoints.iter().filter(|e| e.conditions.ready.unwrap_or(true)) {
                let hostname = endpoint.hostname.as_deref().filter(|name| !name.is_empty());
                for ip in endpoint.addresses.iter().filter_map(|ip| ip.parse::<Ipv4Addr>().ok()) {
                    let name = hostname.map_or_else(|| ip.to_string().replace('.', "-"), str::to_ascii_lowercase);
                    hosts.push(Host { ip, name, has_hostname: hostname.is_some(), ports: ports.clone() });
                }
            }
        }
        crate::sort::by(&mut hosts, Ord::cmp);
        Some(Self::Headless { hosts })
    }
}

impl Zone {
    /// Reads Services and, for headless ones, their endpoints.
    pub fn read(store: &Store) -> Self {
        let mut zone = Self::default();
        for object in store.list(Kind::Service, None) {
            let (key, service) = (object.key(), object.body::<Service>());
            let slices = store.slices_of(&key.namespace, &key.name);
            zone.change(&key, service.and_then(|service| Entry::read(service, slices)));
        }
        zone
    }

    /// Whether it knows something else of a Service.
    pub(super) fn differs(&self, service: &Ref, entry: Option<&Entry>) -> bool {
        self.services.get(&(service.namespace.clone(), service.name.clone())).map(|old| &**old) != entry
    }

    /// Learns what there is to know of a Service.
    pub(super) fn change(&mut self, service: &Ref, entry: Option<Entry>) {
        let key = (service.namespace.clone(), service.name.clone());
        match entry {
            Some(entry) => drop(self.services.insert(key, Arc::new(entry))),
            None => drop(self.services.remove(&key)),
        }
    }

    /// What a whole name has; its final dot may be missing.
    pub fn lookup(&self, name: &str, kind: RecordType) -> Lookup {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(reverse) = name.strip_suffix(".in-addr.arpa") {
            return self.reverse(reverse, kind);
        }
        let Some(rest) = name.strip_suffix(ZONE) else { return Lookup::Outside };
        let Some(rest) = rest.strip_suffix('.') else {
            return if rest.is_empty() { Lookup::Known(Vec::new()) } else { Lookup::Outside };
        };
        let labels: Vec<&str> = rest.split('.').collect();
        match labels[..] {
            ["dns-version"] => Lookup::Known(one(kind == RecordType::Txt, || Record::Txt("1.1.0".into()))),
            ["svc"] | ["pod"] => Lookup::Known(Vec::new()),
            [namespace, "svc"] => match self.services.keys().any(|(ns, _)| **ns == *namespace) {
                true => Lookup::Known(Vec::new()),
                false => Lookup::Unknown,
            },
            [service, namespace, "svc"] => self.service(service, namespace, kind),
            [host, service, namespace, "svc"] => self.host(host, service, namespace, kind),
            [port, proto, service, namespace, "svc"] => self.port(port, proto, service, namespace, kind),
            // `pods insecure`: any address written with dashes stands for itself.
            [pod, _, "pod"] => match pod.replace('-', ".").parse() {
                Ok(ip) => Lookup::Known(one(kind == RecordType::A, || Record::A(ip))),
                Err(_) => Lookup::Unknown,
            },
            _ => Lookup::Unknown,
        }
    }

    /// The addresses of a name, aliases followed; the last name on the way if that is outside the cluster.
    pub fn addresses(&self, name: &str) -> Result<Vec<Ipv4Addr>, Option<String>> {
        let mut name = name.to_owned();
        for _ in 0..8 {
            match self.lookup(&name, RecordType::A) {
                Lookup::Unknown => return Err(None),
                Lookup::Outside => return Err(Some(name)),
                Lookup::Known(records) => match records.first() {
                    Some(Record::Cname(target)) => name = target.clone(),
                    _ => {
                        return Ok(records
                            .iter()
                            .filter_map(|r| if let Record::A(ip) = r { Some(*ip) } else { None })
                            .collect());
                    }
                },
            }
        }
        Err(Some(name))
    }

    /// What a name stands for, if it is an alias.
    pub fn alias(&self, name: &str) -> Option<String> {
        match self.lookup(name, RecordType::Cname) {
            Lookup::Known(records) => match records.into_iter().next() {
                Some(Record::Cname(target)) => Some(target),
                _ => None,
            },
            _ => None,
        }
    }

    fn entry(&self, service: &str, namespace: &str) -> Option<&Entry> {
        self.services.get(&(namespace.into(), service.into())).map(|entry| &**entry)
    }

    fn service(&self, service: &str, namespace: &str, kind: RecordType) -> Lookup {
        let Some(entry) = self.entry(service, namespace) else { return Lookup::Unknown };
        let full = format!("{service}.{namespace}.svc.{ZONE}.");
        Lookup::Known(match (entry, kind) {
            // An alias answers every question.
            (Entry::External(target), _) => vec![Record::Cname(target.clone())],
            (Entry::ClusterIp { ip, .. }, RecordType::A) => vec![Record::A(*ip)],
            (Entry::Headless { hosts }, RecordType::A) => hosts.iter().map(|host| Record::A(host.ip)).collect(),
            (Entry::ClusterIp { ports, .. }, RecordType::Srv) => {
                ports.iter().map(|p| Record::Srv { port: p.number, target: full.clone() }).collect()
            }
            (Entry::Headless { hosts }, RecordType::Srv) => hosts
                .iter()
                .flat_map(|host| host.ports.iter().map(move |p| (host, p)))
                .map(|(host, p)| Record::Srv { port: p.number, target: format!("{}.{full}", host.name) })
                .collect(),
            _ => Vec::new(),
        })
    }

    fn host(&self, host: &str, service: &str, namespace: &str, kind: RecordType) -> Lookup {
        let Some(Entry::Headless { hosts }) = self.entry(service, namespace) else { return Lookup::Unknown };
        let found: Vec<_> = hosts.iter().filter(|h| h.name == host).collect();
        match (found.is_empty(), kind) {
            (true, _) => Lookup::Unknown,
            (false, RecordType::A) => Lookup::Known(found.iter().map(|h| Record::A(h.ip)).collect()),
            (false, _) => Lookup::Known(Vec::new()),
        }
    }

    fn port(&self, name: &str, proto: &str, service: &str, namespace: &str, kind: RecordType) -> Lookup {
        let (Some(name), Some(proto)) = (name.strip_prefix('_'), proto.strip_prefix('_')) else {
            return Lookup::Unknown;
        };
        let full = format!("{service}.{namespace}.svc.{ZONE}.");
        let is = |p: &&Port| !p.name.is_empty() && p.name == name && p.proto == proto;
        let records: Vec<Record> = match self.entry(service, namespace) {
            Some(Entry::ClusterIp { ports, .. }) => {
                ports.iter().filter(is).map(|p| Record::Srv { port: p.number, target: full.clone() }).collect()
            }
            Some(Entry::Headless { hosts }) => hosts
                .iter()
                .flat_map(|host| host.ports.iter().filter(is).map(move |p| (host, p)))
                .map(|(host, p)| Record::Srv { port: p.number, target: format!("{}.{full}", host.name) })
                .collect(),
            _ => return Lookup::Unknown,
        };
        match (records.is_empty(), kind) {
            (true, _) => Lookup::Unknown,
            (false, RecordType::Srv) => Lookup::Known(records),
            (false, _) => Lookup::Known(Vec::new()),
        }
    }

    fn reverse(&self, octets: &str, kind: RecordType) -> Lookup {
        let mut octets: Vec<&str> = octets.split('.').collect();
        octets.reverse();
        let Ok(ip) = octets.join(".").parse::<Ipv4Addr>() else { return Lookup::Unknown };
        let mut names = Vec::new();
        for ((namespace, service), entry) in &self.services {
            match &**entry {
                Entry::ClusterIp { ip: own, .. } if *own == ip => {
                    names.push(format!("{service}.{namespace}.svc.{ZONE}."))
                }
                Entry::Headless { hosts } => names.extend(
                    hosts
                        .iter()
                        .filter(|h| h.ip == ip && h.has_hostname)
                        .map(|h| format!("{}.{service}.{namespace}.svc.{ZONE}.", h.name)),
                ),
                _ => {}
            }
        }
        match (names.is_empty(), kind) {
            (true, _) => Lookup::Unknown,
            (false, RecordType::Ptr) => Lookup::Known(names.into_iter().map(Record::Ptr).collect()),
            (false, _) => Lookup::Known(Vec::new()),
        }
    }
}

/// The whole names that a pod's resolver tries, in order.
pub fn candidates(name: &str, namespace: &str) -> Vec<String> {
    if let Some(whole) = name.strip_suffix('.') {
        return vec![whole.to_owned()];
    }
    let searches = [format!("{namespace}.svc.{ZONE}"), format!("svc.{ZONE}"), ZONE.to_owned()];
    let mut names: Vec<String> = searches.iter().map(|search| format!("{name}.{search}")).collect();
    let whole = name.to_owned();
    if name.matches('.').count() >= NDOTS {
        names.insert(0, whole)
    } else {
        names.push(whole)
    }
    names
}

fn port(name: &str, protocol: &str, number: i32) -> Port {
    let proto = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_ascii_lowercase() };
    Port { name: name.to_ascii_lowercase(), proto, number: to_port(number) }
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn one(is: bool, record: impl FnOnce() -> Record) -> Vec<Record> {
    if is { vec![record()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_go_through_the_search_domains() {
        let names = candidates("web", "shop");
        assert_eq!(names, ["web.shop.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web"]);
        assert_eq!(candidates("web.", "shop"), ["web"]);
        assert_eq!(candidates("a.b.c.d.e.f", "shop")[0], "a.b.c.d.e.f");
        assert_eq!(candidates("web.shop.svc.cluster.local", "shop").len(), 4);
    }
}
