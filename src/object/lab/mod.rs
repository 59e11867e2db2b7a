//! Our own kind: a Lab describes an environment, as a learner or a lesson's author writes it.
//!
//! [`Lab::profile`] reads it strictly: what is not said comes from the profile that it names, and everything that is wrong is told
//! at once. It stands for no part of Kubernetes.

mod read;

use std::sync::Arc;

use super::tree::fields;
use super::{App, IntOrString, Labels, Profile};

/// `Lab`: one environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lab {
    /// The environment.
    pub spec: LabSpec,
}

fields!(Lab { spec "spec" });

/// What is not said is as `profile` has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabSpec {
    /// A built-in profile; `minikube` if none is named.
    pub profile: String,
    /// `Linux`, `DockerDesktop` or `Remote`: see [`super::Host`].
    pub host: String,
    /// All nodes; none for the profile's own.
    pub nodes: Vec<LabSpecNode>,
    /// The range of all pods.
    pub pod_cidr: String,
    /// The range of cluster IPs.
    pub service_cidr: String,
    /// kube-proxy's configuration.
    pub kube_proxy: Option<LabKubeProxy>,
    /// The cloud's load balancers.
    pub load_balancer: Option<LabLoadBalancer>,
    /// The firewall before the nodes.
    pub firewall: Option<LabFirewall>,
    /// Ways that are not like the others.
    pub links: Vec<LabLink>,
    /// Images that the lab does not know.
    pub images: Vec<LabImage>,
}

fields!(LabSpec {
    profile "profile",
    host "host",
    nodes "nodes",
    pod_cidr "podCIDR",
    service_cidr "serviceCIDR",
    kube_proxy "kubeProxy",
    load_balancer "loadBalancer",
    firewall "firewall",
    links "links",
    images "images",
});

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabSpecNode {
    /// Its name.
    pub name: String,
    /// Its address on the nodes' network.
    pub address: String,
    /// Its address on the internet, if it has one.
    pub public_address: String,
    /// Its share of the pods' addresses; the next free /24 if it is not said.
    pub pod_cidr: String,
    /// Labels of the Node.
    pub labels: Labels,
}

fields!(LabSpecNode {
    name "name" always,
    address "address" always,
    public_address "publicAddress",
    pod_cidr "podCIDR",
    labels "labels",
});

/// kube-proxy's configuration, under the names of its own `KubeProxyConfiguration`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabKubeProxy {
    /// `iptables` or `nftables`.
    pub mode: String,
    /// Whether node ports answer on 127.0.0.1.
    pub localhost_node_ports: Option<bool>,
    /// On which addresses node ports answer.
    pub node_port_addresses: Vec<String>,
}

fields!(LabKubeProxy {
    mode "mode",
    localhost_node_ports "localhostNodePorts",
    node_port_addresses "nodePortAddresses",
});

/// The cloud's load balancers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabLoadBalancer {
    /// Where their addresses come from.
    pub pool: String,
    /// `VIP` or `Proxy`: see [`super::BalancerMode`].
    pub ip_mode: String,
}

fields!(LabLoadBalancer {
    pool "pool" always,
    ip_mode "ipMode",
});

/// The firewall before the nodes: it drops what no rule lets in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabFirewall {
    /// What it lets in.
    pub inbound: Vec<LabOpening>,
}

fields!(LabFirewall { inbound "inbound" always });

/// One rule of the firewall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabOpening {
    /// `30001` or `"30001-30003"`.
    pub ports: Option<IntOrString>,
    /// Who may come; anybody if it is not said.
    pub from: String,
}

fields!(LabOpening {
    ports "ports",
    from "from",
});

/// A way between two machines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabLink {
    /// Two nodes' names, or one and `laptop` or `internet`.
    pub between: Vec<String>,
    /// How long a packet takes one way: `2ms`.
    pub latency: String,
    /// How many packets of a hundred are lost.
    pub loss: i32,
}

fields!(LabLink {
    between "between" always,
    latency "latency",
    loss "loss",
});

/// An image, and what its program does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabImage {
    /// The image's name.
    pub name: String,
    /// TCP ports that it listens on.
    pub listens: Vec<i32>,
    /// TCP ports that it listens on at 127.0.0.1 alone: nobody outside its pod reaches them.
    pub loopback: Vec<i32>,
    /// UDP ports that it listens on.
    pub udp: Vec<i32>,
    /// From the container's start until it listens: `2s`.
    pub startup: String,
    /// Answers by path, the first that fits.
    pub routes: Vec<LabRoute>,
}

fields!(LabImage {
    name "name" always,
    listens "listens",
    loopback "loopback",
    udp "udp",
    startup "startup",
    routes "routes",
});

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabRoute {
    /// The path.
    pub path: String,
    /// Whether longer paths fit too.
    pub prefix: bool,
    /// HTTP status; 200 if it is not said.
    pub status: Option<i32>,
    /// What it says; `{pod}` stands for the pod's name, `{ip}` for its address.
    pub body: String,
    /// How long it thinks: `5ms`.
    pub delay: String,
}

fields!(LabRoute {
    path "path" always,
    prefix "prefix",
    status "status",
    body "body",
    delay "delay",
});

/// A broken rule of a Lab: a field's path, and what is wrong with it.
pub type LabFault = (String, Wrong);

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It must be said; why.
    Required(&'static str),
    /// Its value, and what is wrong with it.
    Invalid(String, String),
    /// Its value stands somewhere else already.
    Duplicate(String),
    /// Its value, and those that there are.
    NotSupported(String, &'static [&'static str]),
    /// How many there are, and how many there may be.
    TooMany(usize, usize),
}

impl Lab {
    /// The programs of its images.
    pub fn programs(&self) -> Arc<[(String, App)]> {
        self.profile().map_or_else(|_| Arc::default(), |profile| profile.images)
    }

    /// The environment; or every broken rule, in the order of the fields.
    pub fn profile(&self) -> Result<Profile, Vec<LabFault>> {
        let spec = &self.spec;
        let name = if spec.profile.is_empty() { "minikube" } else { &spec.profile };
        let Some(mut profile) = Profile::named(name) else {
            return Err(vec![("spec.profile".into(), Wrong::NotSupported(spec.profile.clone(), &Profile::NAMES))]);
        };
        profile.lab = Some(Arc::new(self.clone()));
        let faults = read::read(spec, &mut profile);
        if faults.is_empty() { Ok(profile) } else { Err(faults) }
    }
}
