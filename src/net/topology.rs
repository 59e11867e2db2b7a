//! Who is where: machines, pods and their addresses, and which way leads to an address.
//!
//! Every node has `eth0` on the network that it shares with the laptop, and a bridge with the first address of its pod
//! range, to which each pod is tied by a veth pair; routes lead to the other nodes' pod ranges by their addresses, as
//! minikube's bridge and kindnet set it up. The laptop reaches the nodes' addresses (minikube's docker driver on Linux), but
//! has no route to pods or cluster IPs. What is simplified: each link takes the same fixed time, below.

use std::sync::Arc;

use super::app::Server;
use super::blame::pod_field;
use super::rule::Ruleset;
use crate::api::Store;
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::{FieldRef, Kind, Pod, Profile, Ref};
use crate::time::Duration;
use crate::trace::Place;

/// The time from machine to machine.
pub const LINK: Duration = Duration::from_micros(300);
/// The time through a pod's veth pair.
pub const VETH: Duration = Duration::from_micros(50);
/// The time that a kernel takes for one step.
pub const STEP: Duration = Duration::from_micros(10);
/// How long a kernel asks for an address's owner before it gives up: three questions, a second apart.
pub const NEIGHBOUR_TIMEOUT: Duration = Duration::from_secs(3);

/// A node, as its kernel sees the network.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name.
    pub name: Arc<str>,
    /// Its place in traces.
    pub place: Place,
    /// Its address on `eth0`.
    pub address: Ipv4Addr,
    /// Its share of the pods' addresses.
    pub pod_cidr: Ipv4Net,
    /// Its address on the pods' bridge.
    pub gateway: Ipv4Addr,
    /// The zone that its label names; empty if none does.
    pub zone: String,
    /// Its packet filter; nodes with the same rules share them.
    pub rules: Arc<Ruleset>,
    /// What listens on its own addresses.
    pub servers: Vec<Server>,
}

/// A pod's network namespace.
#[derive(Clone, Debug)]
pub struct Cabin {
    /// Its place in traces.
    pub place: Place,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Its address: the node's own for a pod on the host network.
    pub ip: Ipv4Addr,
    /// The number of its node.
    pub node: usize,
    /// Whether it uses its node's network namespace.
    pub host_network: bool,
    /// The image of its first container.
    pub image: Arc<str>,
    /// The field that names the image.
    pub image_field: FieldRef,
    /// The field that names its DNS policy.
    pub dns_field: FieldRef,
    /// Whether its resolver asks the cluster's DNS; not with `dnsPolicy: Default`.
    pub asks_cluster: bool,
    /// What listens in it.
    pub servers: Vec<Server>,
}

/// All places that packets can reach, by address.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The nodes.
    pub machines: Vec<Machine>,
    /// The pods that run, by address.
    pub cabins: Vec<Cabin>,
    /// The laptop's address.
    pub laptop: Ipv4Addr,
    /// The range of all pods.
    pub pod_cidr: Ipv4Net,
    /// The range of cluster IPs.
    pub service_cidr: Ipv4Net,
    /// The name server that kubelet gives to pods: the tenth address of the cluster IPs.
    pub dns: Ipv4Addr,
}

/// Where a node's routing table leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To the node itself.
    Own,
    /// By the bridge to a pod, by its number.
    Cabin(usize),
    /// By the bridge, but nobody there has the address.
    Nobody,
    /// By `eth0` to another node, by its number.
    Machine(usize),
    /// By `eth0` to the laptop.
    Laptop,
    /// By the default route, away.
    Away,
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the laptop.
    Laptop,
    /// Somewhere on the internet.
    Internet,
    /// Anywhere behind the `eth0` of a node, by its number: the packet is judged from there on.
    Wire(usize),
    /// On a node, by its number.
    Machine(usize),
    /// In a pod, by its number.
    Cabin(usize),
}

impl Machine {
    /// Whether an address is one of the machine's own.
    pub fn owns(&self, ip: Ipv4Addr) -> bool {
        ip == self.address || ip == self.gateway || ip.is_loopback()
    }
}

impl Topology {
    /// Reads nodes and running pods; the machines' rules are yet to be written.
    pub fn read(store: &Store, profile: &Profile) -> Self {
        let no_rules = Arc::new(Ruleset::empty());
        let mut machines: Vec<Machine> = profile
            .nodes
            .iter()
            .map(|node| {
                let labels = store.get(&Ref::new(Kind::Node, "", node.name.as_str())).map(|object| &object.meta.labels);
                let zone = labels.and_then(|labels| labels.get("topology.kubernetes.io/zone"));
                let name: Arc<str> = node.name.as_str().into();
                Machine {
                    place: Place::Node(name.clone()),
                    name,
                    address: node.address,
                    pod_cidr: node.pod_cidr,
                    gateway: Ipv4Addr::from(u32::from(node.pod_cidr.network()) + 1),
                    zone: zone.cloned().unwrap_or_default(),
                    rules: no_rules.clone(),
                    servers: Vec::new(),
                }
            })
            .collect();
        let mut cabins = Vec::new();
        for (meta, pod) in store.all::<Pod>() {
            let Ok(ip) = pod.status.pod_ip.parse::<Ipv4Addr>() else { continue };
            let Some(node) = machines.iter().position(|m| *m.name == *pod.spec.node_name) else { continue };
            if pod.status.phase != "Running" {
                continue;
            }
            let (namespace, name): (Arc<str>, Arc<str>) = (meta.namespace.as_str().into(), meta.name.as_str().into());
            let servers = Server::of(meta, pod);
            if pod.spec.host_network {
                machines[node].servers.extend(servers.iter().cloned());
            }
            cabins.push(Cabin {
                place: Place::Pod(namespace.clone(), name.clone()),
                ip,
                node,
                host_network: pod.spec.host_network,
                image: pod.spec.containers.first().map_or("", |c| c.image.as_str()).into(),
                image_field: pod_field(store, meta, "containers[0].image"),
                dns_field: pod_field(store, meta, "dnsPolicy"),
                asks_cluster: pod.spec.dns_policy != "Default",
                namespace,
                name,
                servers,
            });
        }
        crate::sort::by_key(&mut cabins, |cabin| cabin.ip);
        if let (Some(first), Some(node)) = (machines.first_mut(), profile.nodes.first()) {
            first.servers.push(Server::api_server(&node.name));
        }
        Self {
            machines,
            cabins,
            laptop: profile.laptop,
            pod_cidr: profile.pod_cidr,
            service_cidr: profile.service_cidr,
            dns: Ipv4Addr::from(u32::from(profile.service_cidr.network()) + 10),
        }
    }

    /// The number of the pod that has an address, other than pods on the host network.
    pub fn cabin_at(&self, ip: Ipv4Addr) -> Option<usize> {
        let from = self.cabins.partition_point(|cabin| cabin.ip < ip);
        (from..self.cabins.len()).take_while(|i| self.cabins[*i].ip == ip).find(|i| !self.cabins[*i].host_network)
    }

    /// The number of the node that has an address on `eth0`.
    pub fn machine_at(&self, ip: Ipv4Addr) -> Option<usize> {
        self.machines.iter().position(|machine| machine.address == ip)
    }

    /// Where the routing table of a node leads.
    pub fn route(&self, machine: usize, ip: Ipv4Addr) -> Route {
        let me = &self.machines[machine];
        if me.owns(ip) {
            return Route::Own;
        }
        if me.pod_cidr.contains(&ip) {
            return match self.cabin_at(ip) {
                Some(cabin) if self.cabins[cabin].node == machine => Route::Cabin(cabin),
                _ => Route::Nobody,
            };
        }
        let there = self.machines.iter().position(|m| m.address == ip || m.pod_cidr.contains(&ip));
        match there {
            Some(other) => Route::Machine(other),
            None if ip == self.laptop => Route::Laptop,
            None => Route::Away,
        }
    }

    /// The source address that a node's kernel gives to its own packets for a destination.
    pub fn source_for(&self, machine: usize, ip: Ipv4Addr) -> Ipv4Addr {
        let me = &self.machines[machine];
        match self.route(machine, ip) {
            Route::Own => ip,
            Route::Cabin(_) | Route::Nobody => me.gateway,
            Route::Machine(_) | Route::Laptop | Route::Away => me.address,
        }
    }

    /// Where the client of a trace is; none if there is no such place, or the pod does not run.
    pub fn origin(&self, place: &Place) -> Option<Origin> {
        match place {
            Place::Laptop => Some(Origin::Laptop),
            Place::Internet => Some(Origin::Internet),
            Place::Node(name) => self.machines.iter().position(|m| m.name == *name).map(Origin::Machine),
            Place::Pod(..) => {
                let cabin = self.cabins.iter().position(|cabin| cabin.place == *place)?;
                let host = self.cabins[cabin].host_network;
                Some(if host { Origin::Machine(self.cabins[cabin].node) } else { Origin::Cabin(cabin) })
            }
        }
    }
}
