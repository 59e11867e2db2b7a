//! Who is where: machines, pods and their addresses, and which way leads to an address.
//!
//! Every node has `eth0` on the network that it shares with the laptop, and a bridge with the first address of its pod
//! range, to which each pod is tied by a veth pair; routes lead to the other nodes' pod ranges by their addresses, as
//! minikube's bridge and kindnet set it up. The laptop reaches the nodes' addresses (minikube's docker driver on Linux), but
//! has no route to pods or cluster IPs. What is simplified: each link takes the same fixed time, below.

use std::sync::Arc;

use super::app::Server;
use super::blame::pod_field;
use super::cloud::Edge;
use super::hostport::{self, HostPort};
use super::ingress::Controller;
use super::nft;
use super::rule::Ruleset;
use crate::api::Store;
use crate::inet::{Ipv4Addr, Ipv4Net, within};
use crate::object::{App, FieldRef, Kind, Meta, Pod, Profile, Ref};
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
#[derive(Clone, Debug, PartialEq)]
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
    /// Its address on the internet, if it has one.
    pub public: Option<Ipv4Addr>,
    /// Whether load balancers leave it out, by its label.
    pub excluded: bool,
    /// The zone that its label names; empty if none does.
    pub zone: String,
    /// Its packet filter; nodes with the same rules share them.
    pub rules: Arc<Ruleset>,
    /// kube-proxy's table in mode nftables; `rules` are kubelet's alone then.
    pub nft: Option<Arc<nft::Ruleset>>,
    /// What listens on its own addresses.
    pub servers: Vec<Server>,
}

/// A pod's network namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Cabin {
    /// Its place in traces.
    pub place: Place,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Its uid: a later pod of the same name has another.
    pub uid: Arc<str>,
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
    /// Which ingress controller it is, if it is one.
    pub controller: Option<Arc<Controller>>,
    /// The ports of its node that it asks for.
    pub(super) host_ports: Vec<HostPort>,
    /// Which run of its programs this is.
    pub(super) life: Life,
}

/// A run of a pod's programs: connections end with it. The pod's uid, and how often its containers were started again.
pub(super) type Life = (Arc<str>, i32);

/// All places that packets can reach, by address.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// The nodes.
    pub machines: Vec<Machine>,
    /// The pods that run, by address.
    pub cabins: Vec<Arc<Cabin>>,
    /// Their addresses, as numbers: a packet is looked up in them.
    addresses: Vec<u32>,
    /// The same pods, by place.
    by_place: Vec<Arc<Cabin>>,
    /// What listens on a control plane that stands apart from the nodes.
    pub api: Vec<Server>,
    /// Its address.
    pub control_plane: Option<Ipv4Addr>,
    /// What stands between the nodes and the world.
    pub edge: Arc<Edge>,
    /// Programs by image, besides the built-in ones.
    pub images: Arc<[(String, App)]>,
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
        let ip = u32::from(ip);
        ip == u32::from(self.address) || ip == u32::from(self.gateway) || ip >> 24 == 127
    }
}

impl Machine {
    /// The addresses on which node ports answer, by the rules that say so.
    pub(super) fn node_ports_at(&self) -> Vec<Ipv4Addr> {
        if let Some(nft) = &self.nft {
            // Without the set it is every address but the loopback ones.
            return nft.base.node_port_ips.clone().unwrap_or_else(|| vec![self.address, self.gateway]);
        }
        let named = self.rules.node_port_destinations();
        if named.is_empty() { vec![self.address, self.gateway] } else { named }
    }
}

impl Cabin {
    /// Reads a pod; none if it does not run.
    pub(super) fn read(store: &Store, topology: &Topology, meta: &Meta, pod: &Pod) -> Option<Self> {
        let ip = pod.status.pod_ip.parse::<Ipv4Addr>().ok()?;
        let node = topology.machines.iter().position(|m| *m.name == *pod.spec.node_name)?;
        if pod.status.phase != "Running" {
            return None;
        }
        let (namespace, name): (Arc<str>, Arc<str>) = (meta.namespace.as_str().into(), meta.name.as_str().into());
        Some(Self {
            place: Place::Pod(namespace.clone(), name.clone()),
            uid: meta.uid.as_str().into(),
            ip,
            node,
            host_network: pod.spec.host_network,
            image: pod.spec.containers.first().map_or("", |c| c.image.as_str()).into(),
            image_field: pod_field(store, meta, "containers[0].image", |_| true),
            dns_field: pod_field(store, meta, "dnsPolicy", |_| true),
            asks_cluster: pod.spec.dns_policy != "Default",
            host_ports: hostport::read(pod, |path, i, j| {
                pod_field(store, meta, path, |spec| hostport::has(spec, i, j))
            }),
            namespace,
            name,
            servers: Server::of(meta, pod, &topology.images),
            controller: Controller::of(meta, pod).map(Arc::new),
            life: (meta.uid.as_str().into(), pod.status.container_statuses.iter().map(|c| c.restart_count).sum()),
        })
    }

    fn by_ip(&self) -> (Ipv4Addr, &Place) {
        (self.ip, &self.place)
    }
}

impl Topology {
    /// The nodes of a profile, without pods, each with these rules.
    pub fn bare(profile: &Profile, rules: &Arc<Ruleset>) -> Self {
        let machines = profile
            .nodes
            .iter()
            .map(|node| {
                let name: Arc<str> = node.name.as_str().into();
                Machine {
                    place: Place::Node(name.clone()),
                    name,
                    address: node.address,
                    pod_cidr: node.pod_cidr,
                    gateway: Ipv4Addr::from(u32::from(node.pod_cidr.network()) + 1),
                    public: node.public,
                    excluded: false,
                    zone: String::new(),
                    rules: rules.clone(),
                    nft: None,
                    servers: Vec::new(),
                }
            })
            .collect();
        let mut topology = Self {
            machines,
            cabins: Vec::new(),
            addresses: Vec::new(),
            by_place: Vec::new(),
            api: profile.control_plane.iter().map(|_| Server::api_server(&profile.name, 443)).collect(),
            control_plane: profile.control_plane,
            edge: Arc::new(Edge::of(profile)),
            images: profile.images.clone(),
            laptop: profile.laptop,
            pod_cidr: profile.pod_cidr,
            service_cidr: profile.service_cidr,
            dns: Ipv4Addr::from(u32::from(profile.service_cidr.network()) + 10),
        };
        topology.read_servers();
        topology
    }

    /// Reads what Node objects say; tells whether a node is in another zone now.
    pub(super) fn read_nodes(&mut self, store: &Store) -> bool {
        let mut moved = false;
        for machine in &mut self.machines {
            let labels = store.get(&Ref::new(Kind::Node, "", machine.name.clone())).map(|object| &object.meta.labels);
            let zone = labels.and_then(|labels| labels.get("topology.kubernetes.io/zone")).cloned().unwrap_or_default();
            machine.excluded = labels
                .is_some_and(|labels| labels.contains_key("node.kubernetes.io/exclude-from-external-load-balancers"));
            moved |= zone != machine.zone;
            machine.zone = zone;
        }
        moved
    }

    /// Puts pods in their places or takes them away; `changes` is sorted.
    pub(super) fn change_pods(&mut self, changes: &[(Ref, Option<Arc<Cabin>>)]) {
        let changes: Vec<(Place, Option<Arc<Cabin>>)> = changes
            .iter()
            .map(|(key, cabin)| (Place::Pod(key.namespace.clone(), key.name.clone()), cabin.clone()))
            .collect();
        let mut on_hosts = false;
        let mut by_ip = Vec::with_capacity(changes.len());
        for (place, new) in &changes {
            let old = self.by_place(place).cloned();
            on_hosts |= old.iter().chain(new).any(|cabin| cabin.host_network);
            by_ip.push((old, new.clone()));
        }
        super::replace(&mut self.by_place, &changes, |cabin| &cabin.place);
        if let [(old, new)] = &by_ip[..] {
            let find =
                |cabins: &[Arc<Cabin>], of: &Cabin| cabins.binary_search_by(|cabin| cabin.by_ip().cmp(&of.by_ip()));
            if let Some(Ok(at)) = old.as_ref().map(|old| find(&self.cabins, old)) {
                self.cabins.remove(at);
                self.addresses.remove(at);
            }
            if let Some((Err(at), new)) = new.as_ref().map(|new| (find(&self.cabins, new), new)) {
                self.cabins.insert(at, new.clone());
                self.addresses.insert(at, u32::from(new.ip));
            }
        } else if !by_ip.is_empty() {
            self.cabins.clone_from(&self.by_place);
            crate::sort::by(&mut self.cabins, |a, b| a.by_ip().cmp(&b.by_ip()));
            self.addresses = self.cabins.iter().map(|cabin| u32::from(cabin.ip)).collect();
        }
        if on_hosts {
            self.read_servers();
        }
    }

    /// What listens on the nodes' own addresses: pods on the host network, and the API server.
    fn read_servers(&mut self) {
        for (i, machine) in self.machines.iter_mut().enumerate() {
            let here = self.cabins.iter().filter(|cabin| cabin.host_network && cabin.node == i);
            machine.servers = here.flat_map(|cabin| cabin.servers.iter().cloned()).collect();
            if i == 0 && self.control_plane.is_none() {
                machine.servers.push(Server::api_server(&machine.name, 8443));
            }
        }
    }

    /// The pod of a place.
    pub(super) fn by_place(&self, place: &Place) -> Option<&Arc<Cabin>> {
        let at = self.by_place.binary_search_by(|cabin| cabin.place.cmp(place)).ok()?;
        self.by_place.get(at)
    }

    /// The number of the pod that has an address, other than pods on the host network.
    pub fn cabin_at(&self, ip: Ipv4Addr) -> Option<usize> {
        let ip = u32::from(ip);
        let from = self.addresses.partition_point(|other| *other < ip);
        let here = (from..).zip(&self.addresses[from..]).take_while(|(_, other)| **other == ip);
        here.map(|(i, _)| i).find(|i| !self.cabins[*i].host_network)
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
        if within(&me.pod_cidr, ip) {
            return match self.cabin_at(ip) {
                Some(cabin) if self.cabins[cabin].node == machine => Route::Cabin(cabin),
                _ => Route::Nobody,
            };
        }
        let there = self.machines.iter().position(|m| m.address == ip || within(&m.pod_cidr, ip));
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
            Place::Cloud(_) => None,
            Place::Node(name) => self.machines.iter().position(|m| m.name == *name).map(Origin::Machine),
            Place::Pod(..) => {
                let cabin = self.by_place(place)?;
                let number = self.cabins.binary_search_by(|other| other.by_ip().cmp(&cabin.by_ip())).ok()?;
                Some(if cabin.host_network { Origin::Machine(cabin.node) } else { Origin::Cabin(number) })
            }
        }
    }
}
