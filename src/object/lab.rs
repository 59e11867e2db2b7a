//! Environments: the built-in profiles (our own kind `Lab` will describe others).

use serde::{Deserialize, Serialize};

use crate::inet::{Ipv4Addr, Ipv4Net};

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

/// A machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabNode {
    /// Node name.
    pub name: String,
    /// Its address on the host network.
    pub address: Ipv4Addr,
    /// Its share of the pods' addresses.
    pub pod_cidr: Ipv4Net,
}

/// An environment: what exists before the learner's first manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// `minikube`, `multinode`
    pub name: String,
    /// The machines; the first runs the control plane.
    pub nodes: Vec<LabNode>,
    /// The learner's laptop on the nodes' network.
    pub laptop: Ipv4Addr,
    /// The range of all pods.
    pub pod_cidr: Ipv4Net,
    /// The range of cluster IPs.
    pub service_cidr: Ipv4Net,
    /// kube-proxy's mode.
    pub proxy_mode: ProxyMode,
}

impl Profile {
    /// The names of the built-in profiles.
    pub const NAMES: [&'static str; 2] = ["minikube", "multinode"];

    /// A built-in profile.
    pub fn named(name: &str) -> Option<Self> {
        let count: u8 = match name {
            "minikube" => 1,
            "multinode" => 3,
            _ => return None,
        };
        let nodes = (0..count).map(|i| LabNode {
            name: if i == 0 { "minikube".into() } else { format!("minikube-m{:02}", i + 1) },
            address: Ipv4Addr::new(192, 168, 49, 2 + i),
            // minikube's bridge on a single node hands out the whole range; on several, each node has its share.
            pod_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 244, i, 0), if count == 1 { 16 } else { 24 }),
        });
        Some(Self {
            name: name.to_owned(),
            nodes: nodes.collect(),
            laptop: Ipv4Addr::new(192, 168, 49, 1),
            pod_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16),
            service_cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12),
            proxy_mode: ProxyMode::Iptables,
        })
    }
}
