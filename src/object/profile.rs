//! Environments: what exists before the learner's first manifest. Built-in ones have names; [`super::Lab`] describes others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{App, FieldRef, Kind, Lab, Ref, Tree, from_tree};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::time::Duration;

/// Which program writes kube-proxy's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// The default of Kubernetes 1.37.
    #[default]
    Iptables,
    /// The default planned for 1.40.
    Nftables,
}

/// What the laptop is to the nodes' network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Host {
    /// minikube's docker driver on Linux: the laptop stands on the nodes' network and reaches their addresses.
    #[default]
    Linux,
    /// Docker Desktop: the nodes are in a virtual machine, whose network the laptop has no way to.
    DockerDesktop,
    /// The nodes are far away, in a cloud: the laptop is one client more on the internet.
    Remote,
}

/// A machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabNode {
    /// Node name.
    pub name: String,
    /// Its address on the nodes' network.
    pub address: Ipv4Addr,
    /// Its address on the internet, which the cloud translates to the other; none if it has none.
    pub public: Option<Ipv4Addr>,
    /// Its share of the pods' addresses.
    pub pod_cidr: Ipv4Net,
    /// Labels that the Node has besides those that every node has: `topology.kubernetes.io/zone`.
    pub labels: BTreeMap<String, String>,
}

/// kube-proxy's configuration, but for its mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeProxy {
    /// `--iptables-localhost-nodeports`: whether node ports answer on 127.0.0.1, in mode iptables.
    pub localhost_node_ports: bool,
    /// `--nodeport-addresses`: on which of a node's addresses node ports answer; empty for the mode's default.
    pub node_port_addresses: Vec<Ipv4Net>,
}

/// How a load balancer hands packets to nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BalancerMode {
    /// It passes packets through unchanged, to the balancer's address: nodes short-cut it (`ipMode: VIP`).
    #[default]
    Vip,
    /// It opens a connection of its own to a node port (`ipMode: Proxy`).
    Proxy,
}

/// The cloud's load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadBalancers {
    /// Where their addresses come from.
    pub pool: Ipv4Net,
    /// How they hand packets on.
    pub mode: BalancerMode,
}

/// One rule of the firewall before the nodes: what it lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
    /// Who may come.
    pub from: Ipv4Net,
}

impl Opening {
    /// Reads a port or a range of them, and a range of addresses.
    pub fn read(ports: &str, from: &str) -> Option<Self> {
        let (first, last) = Self::read_ports(ports)?;
        Some(Self { first, last, from: from.trim().parse::<Ipv4Net>().ok()?.trunc() })
    }

    /// `30001`, or `30001-30003`.
    pub(super) fn read_ports(text: &str) -> Option<(u16, u16)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port != 0);
        port(first).zip(port(last)).filter(|(first, last)| first <= last)
    }

    /// `30001`, or `30001-30003`.
    pub fn ports(&self) -> String {
        if self.first == self.last { self.first.to_string() } else { format!("{}-{}", self.first, self.last) }
    }
}

/// `30001-30003 from 0.0.0.0/0`
impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.ports(), self.from)
    }
}

/// What is particular about the way between two machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Nodes' names, `laptop` or `internet`.
    pub between: [String; 2],
    /// How long a packet takes one way; none for the usual time.
    pub latency: Option<Duration>,
    /// How many packets of a hundred are lost.
    pub loss: u8,
}

/// An environment: what exists before the learner's first manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// `minikube`, `multinode`, `cloud`: the built-in one that it is, or that it was made from.
    pub name: String,
    /// What it was made from, if it is not built in.
    pub lab: Option<Arc<Lab>>,
    /// The name of that; empty if there is none.
    pub lab_name: Arc<str>,
    /// The machines; the first runs the control plane, unless that stands apart.
    pub nodes: Vec<LabNode>,
    /// The address of a control plane that the cloud runs, on the nodes' network but on none of them.
    pub control_plane: Option<Ipv4Addr>,
    /// The learner's laptop: on the nodes' network, or somewhere on the internet.
    pub laptop: Ipv4Addr,
    /// What the laptop is to the nodes' network.
    pub host: Host,
    /// The range of all pods.
    pub pod_cidr: Ipv4Net,
    /// The range of cluster IPs.
    pub service_cidr: Ipv4Net,
    /// kube-proxy's mode.
    pub proxy_mode: ProxyMode,
    /// The rest of kube-proxy's configuration.
    pub kube_proxy: KubeProxy,
    /// The cloud's load balancers; none if nobody gives Services of type LoadBalancer an address.
    pub load_balancers: Option<LoadBalancers>,
    /// What the firewall before the nodes lets in; none if there is no firewall.
    pub firewall: Option<Vec<Opening>>,
    /// Ways that are not like the others.
    pub links: Vec<Link>,
    /// Programs by image, besides the built-in ones.
    pub images: Arc<[(String, App)]>,
}

impl Profile {
    /// The names of the built-in profiles.
    pub const NAMES: [&'static str; 3] = ["minikube", "multinode", "cloud"];

    /// A laptop that is one client more on the internet.
    pub(super) const REMOTE_LAPTOP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 20);

    /// A built-in profile.
    pub fn named(name: &str) -> Option<Self> {
        let name = *Self::NAMES.iter().find(|known| **known == name)?;
        let count: u8 = if name == "minikube" { 1 } else { 3 };
        let cloud = name == "cloud";
        let zone = |i: u8| if i < 2 { "a" } else { "b" };
        let nodes = (0..count).map(|i| LabNode {
            name: match (cloud, i) {
                (true, _) => format!("node-{}{}", zone(i), i % 2 + 1),
                (false, 0) => "minikube".into(),
                (false, _) => format!("minikube-m{:02}", i + 1),
            },
            address: match cloud {
                true => Ipv4Addr::new(10, 0, i / 2 + 1, 11 + i % 2),
                false => Ipv4Addr::new(192, 168, 49, 2 + i),
            },
            public: cloud.then(|| Ipv4Addr::new(192, 0, 2, 11 + i)),
            // minikube's bridge on a single node hands out the whole range; on several, each node has its share.
            pod_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 244, i, 0), if count == 1 { 16 } else { 24 }),
            labels: match cloud {
                true => BTreeMap::from([("topology.kubernetes.io/zone".to_owned(), zone(i).to_owned())]),
                false => BTreeMap::new(),
            },
        });
        Some(Self {
            name: name.to_owned(),
            lab: None,
            lab_name: "".into(),
            nodes: nodes.collect(),
            control_plane: cloud.then(|| Ipv4Addr::new(10, 0, 0, 2)),
            laptop: if cloud { Self::REMOTE_LAPTOP } else { Ipv4Addr::new(192, 168, 49, 1) },
            host: if cloud { Host::Remote } else { Host::Linux },
            pod_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16),
            service_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12),
            proxy_mode: ProxyMode::Iptables,
            kube_proxy: KubeProxy::default(),
            load_balancers: cloud.then(|| LoadBalancers {
                pool: Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24),
                mode: BalancerMode::Vip,
            }),
            firewall: cloud.then(Vec::new),
            links: Vec::new(),
            images: Arc::new([]),
        })
    }

    /// A field of the Lab that it was made from; none if it is built in.
    pub fn field(&self, path: &str) -> Option<FieldRef> {
        let lab = || Ref::new(Kind::Lab, "", self.lab_name.clone());
        self.lab.as_ref().map(|_| FieldRef::new(lab(), path))
    }

    /// The port of the API server: minikube's own, or the usual one of a control plane that stands apart.
    pub fn api_port(&self) -> i32 {
        if self.control_plane.is_some() { 443 } else { 8443 }
    }
}

impl Default for KubeProxy {
    fn default() -> Self {
        Self { localhost_node_ports: true, node_port_addresses: Vec::new() }
    }
}

/// A profile written down: what it is made from, not what it is made of.
#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    #[serde(default)]
    proxy_mode: ProxyMode,
    #[serde(default)]
    host: Option<Host>,
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    lab: serde_json::Value,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    lab_name: String,
}

/// A name, the switches (proxy mode, host), and the Lab that it was made from, if it is not built in.
impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            name: self.name.clone(),
            proxy_mode: self.proxy_mode,
            host: Some(self.host),
            lab_name: self.lab_name.to_string(),
            lab: self.lab.as_ref().map_or(serde_json::Value::Null, |lab| lab.write()),
        };
        written.serialize(serializer)
    }
}

/// What is not written is as the profile of that name has it, also in sessions that say more than they need to.
impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let written = Written::deserialize(deserializer)?;
        let mut profile = match written.lab {
            serde_json::Value::Null => Self::named(&written.name),
            lab => from_tree::<Lab>(lab).ok().and_then(|lab| lab.profile().ok()),
        }
        .ok_or_else(|| D::Error::custom("there is no such profile"))?;
        profile.lab_name = written.lab_name.into();
        profile.proxy_mode = written.proxy_mode;
        profile.host = written.host.unwrap_or(profile.host);
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_come_back_as_they_were_written() {
        for name in Profile::NAMES {
            let mut profile = Profile::named(name).unwrap();
            profile.proxy_mode = ProxyMode::Nftables;
            let text = serde_json::to_string(&profile).unwrap();
            assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
        }
        assert!(serde_json::from_str::<Profile>(r#"{"name":"moon"}"#).is_err());
    }

    #[test]
    fn profiles_of_older_sessions_are_read() {
        let old = r#"{"name":"minikube","nodes":[{"name":"minikube","address":"192.168.49.2","pod_cidr":"10.244.0.0/16"}],
            "laptop":"192.168.49.1","pod_cidr":"10.244.0.0/16","service_cidr":"10.96.0.0/12","proxy_mode":"iptables"}"#;
        assert_eq!(serde_json::from_str::<Profile>(old).unwrap(), Profile::named("minikube").unwrap());
    }

    #[test]
    fn no_two_machines_share_an_address() {
        for name in Profile::NAMES {
            let profile = Profile::named(name).unwrap();
            let mut all: Vec<Ipv4Addr> = profile.nodes.iter().map(|n| n.address).collect();
            all.extend(profile.nodes.iter().filter_map(|n| n.public));
            all.extend(profile.control_plane);
            all.push(profile.laptop);
            let count = all.len();
            crate::sort::by(&mut all, Ord::cmp);
            all.dedup();
            assert_eq!(all.len(), count, "{name}");
            let pool = profile.load_balancers.map(|b| b.pool);
            let ranges: Vec<_> = [profile.pod_cidr, profile.service_cidr].into_iter().chain(pool).collect();
            assert!(all.iter().all(|ip| !ranges.iter().any(|r| r.contains(ip))), "{name}");
        }
    }
}
