//! A Lab read into a profile, with every fault at its field.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{LabFault, LabSpec, Wrong};
use crate::inet::{Ipv4Addr, Ipv4Net};
use crate::object::{
    App, AppBody, BalancerMode, Host, IntOrString, LabNode, Link, LoadBalancers, Opening, Profile, ProxyMode, Route,
};
use crate::time::{self, Duration};

/// Nodes and images that a Lab may have.
const MOST: usize = 100;

/// No packet, program or start takes longer.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// The clients on the internet.
const INTERNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24);

/// Changes a profile to what a Lab says; gives every broken rule.
pub(super) fn read(spec: &LabSpec, profile: &mut Profile) -> Vec<LabFault> {
    let mut read = Reader { faults: Vec::new(), taken: vec![(INTERNET, "the internet's clients".into())] };
    read.host(spec, profile);
    read.ranges(spec, profile);
    read.nodes(spec, profile);
    read.proxy(spec, profile);
    read.firewall(spec, profile);
    read.links(spec, profile);
    read.images(spec, profile);
    read.faults
}

/// Faults found so far, and the ranges that are given away.
struct Reader {
    faults: Vec<LabFault>,
    taken: Vec<(Ipv4Net, String)>,
}

impl Reader {
    fn fault(&mut self, path: impl Into<String>, wrong: Wrong) {
        self.faults.push((path.into(), wrong));
    }

    fn invalid(&mut self, path: impl Into<String>, value: impl Display, detail: impl Into<String>) {
        self.fault(path, Wrong::Invalid(value.to_string(), detail.into()));
    }

    fn text(&mut self, path: impl Into<String>, value: &str, detail: impl Into<String>) {
        self.invalid(path, format_args!("{value:?}"), detail);
    }

    /// One of a few words; the first if none is said.
    fn choice(&mut self, path: &str, value: &str, words: &'static [&'static str]) -> usize {
        match words.iter().position(|word| *word == value) {
            Some(at) => at,
            None => {
                if !value.is_empty() {
                    self.fault(path, Wrong::NotSupported(value.to_owned(), words));
                }
                0
            }
        }
    }

    fn range(&mut self, path: &str, value: &str) -> Option<Ipv4Net> {
        match value.parse::<Ipv4Net>() {
            Ok(range) if range.trunc() == range => return Some(range),
            Ok(range) => self.text(path, value, format!("must not have bits set beyond the prefix: {}", range.trunc())),
            Err(_) if value.is_empty() => self.fault(path, Wrong::Required("")),
            Err(_) => self.text(path, value, "must be a valid IPv4 CIDR value (e.g. 10.9.8.0/24)"),
        }
        None
    }

    /// A range that nothing else has; it is given away from now on.
    fn own_range(&mut self, path: &str, value: &str, prefixes: RangeInclusive<u8>) -> Option<Ipv4Net> {
        let range = self.range(path, value)?;
        if !prefixes.contains(&range.prefix_len()) {
            let (first, last) = prefixes.into_inner();
            self.text(path, value, format!("the prefix must be between {first} and {last}, inclusive"));
            return None;
        }
        let overlaps = |(other, _): &&(Ipv4Net, String)| other.contains(&range) || range.contains(other);
        if let Some((other, whose)) = self.taken.iter().find(overlaps) {
            let detail = format!("must not overlap with {whose} ({other})");
            self.text(path, value, detail);
            return None;
        }
        self.taken.push((range, path.to_owned()));
        Some(range)
    }

    fn address(&mut self, path: &str, value: &str) -> Option<Ipv4Addr> {
        match value.parse::<Ipv4Addr>() {
            Ok(ip) if !ip.is_loopback() && !ip.is_multicast() && !ip.is_unspecified() && !ip.is_broadcast() => Some(ip),
            Ok(_) => {
                self.text(path, value, "must be the address of one machine");
                None
            }
            Err(_) => {
                self.text(path, value, "must be a valid IPv4 address (e.g. 10.9.8.7)");
                None
            }
        }
    }

    /// An address of one machine, outside of all ranges.
    fn machine(&mut self, path: &str, value: &str) -> Option<Ipv4Addr> {
        let ip = self.address(path, value)?;
        if let Some((range, whose)) = self.taken.iter().find(|(range, _)| range.contains(&ip)) {
            let detail = match range.prefix_len() {
                32 => format!("is the address of {whose}"),
                _ => format!("must not be in the range of {whose} ({range})"),
            };
            self.text(path, value, detail);
            return None;
        }
        Some(ip)
    }

    fn time(&mut self, path: &str, value: &str) -> Option<Duration> {
        if value.is_empty() {
            return None;
        }
        let time = time::parse_duration(value).filter(|time| *time <= LONGEST_DELAY);
        if time.is_none() {
            self.text(path, value, "must be a time of one hour at most (e.g. 2ms or 1.5s)");
        }
        time
    }

    fn ports(&mut self, path: &str, ports: &[i32]) -> Vec<u16> {
        let mut read = Vec::new();
        for (i, port) in ports.iter().enumerate() {
            match u16::try_from(*port) {
                Ok(port) if port != 0 && read.contains(&port) => {
                    self.fault(format!("{path}[{i}]"), Wrong::Duplicate(port.to_string()));
                }
                Ok(port) if port != 0 => read.push(port),
                _ => self.invalid(format!("{path}[{i}]"), port, "must be between 1 and 65535, inclusive"),
            }
        }
        read
    }

    fn host(&mut self, spec: &LabSpec, profile: &mut Profile) {
        let given = self.choice("spec.host", &spec.host, &["Linux", "DockerDesktop", "Remote"]);
        if spec.host.is_empty() {
            return;
        }
        profile.host = [Host::Linux, Host::DockerDesktop, Host::Remote][given];
        if profile.host == Host::Remote {
            profile.laptop = Profile::REMOTE_LAPTOP;
        }
    }

    fn ranges(&mut self, spec: &LabSpec, profile: &mut Profile) {
        // What the profile brings along stays where it is: what is said must fit around it.
        if spec.nodes.is_empty() {
            let own = profile.nodes.iter().flat_map(|node| [Some(node.address), node.public].into_iter().flatten());
            self.taken.extend(own.map(|ip| (Ipv4Net::from(ip), "a node".into())));
            if profile.host != Host::Remote {
                self.taken.push((Ipv4Net::from(profile.laptop), "the laptop".into()));
            }
        }
        self.taken.extend(profile.control_plane.map(|ip| (Ipv4Net::from(ip), "the control plane".into())));
        if spec.pod_cidr.is_empty() {
            self.taken.push((profile.pod_cidr, "spec.podCIDR".into()));
        }
        if spec.service_cidr.is_empty() {
            self.taken.push((profile.service_cidr, "spec.serviceCIDR".into()));
        }
        if !spec.pod_cidr.is_empty()
            && let Some(range) = self.own_range("spec.podCIDR", &spec.pod_cidr, 8..=28)
        {
            profile.pod_cidr = range;
        }
        // kube-apiserver takes no larger range of Services; a smaller one has no tenth address for the DNS.
        if !spec.service_cidr.is_empty()
            && let Some(range) = self.own_range("spec.serviceCIDR", &spec.service_cidr, 12..=28)
        {
            profile.service_cidr = range;
        }
        if let Some(given) = &spec.load_balancer {
            let mode = self.choice("spec.loadBalancer.ipMode", &given.ip_mode, &["VIP", "Proxy"]);
            let mode = [BalancerMode::Vip, BalancerMode::Proxy][mode];
            let pool = self.own_range("spec.loadBalancer.pool", &given.pool, 8..=30);
            profile.load_balancers = pool.map(|pool| LoadBalancers { pool, mode });
        } else {
            self.taken.extend(profile.load_balancers.map(|given| (given.pool, "spec.loadBalancer.pool".into())));
        }
    }

    fn nodes(&mut self, spec: &LabSpec, profile: &mut Profile) {
        if spec.nodes.len() > MOST {
            return self.fault("spec.nodes", Wrong::TooMany(spec.nodes.len(), MOST));
        }
        // Shares that are asked for come first, so that the others can make way.
        let mut shares: Vec<Option<Ipv4Net>> = Vec::new();
        for (i, given) in spec.nodes.iter().enumerate() {
            let path = format!("spec.nodes[{i}].podCIDR");
            let share = if given.pod_cidr.is_empty() { None } else { self.range(&path, &given.pod_cidr) };
            let share = share.filter(|share| {
                let other = shares.iter().position(|o| o.is_some_and(|o| o.contains(share) || share.contains(&o)));
                let detail = match other {
                    Some(other) => format!("must not overlap with spec.nodes[{other}].podCIDR"),
                    None if !profile.pod_cidr.contains(share) => {
                        format!("must be in spec.podCIDR ({})", profile.pod_cidr)
                    }
                    None if share.prefix_len() > 30 => "the prefix must be at most 30".to_owned(),
                    None => return true,
                };
                self.text(&path, &given.pod_cidr, detail);
                false
            });
            shares.push(share);
        }
        if spec.nodes.is_empty() {
            if !spec.pod_cidr.is_empty() {
                shares = vec![None; profile.nodes.len()];
                for i in 0..shares.len() {
                    shares[i] = self.next_share("spec.podCIDR", &shares, profile.pod_cidr);
                    profile.nodes[i].pod_cidr = shares[i].unwrap_or(profile.pod_cidr);
                }
            }
            return;
        }
        if profile.host != Host::Remote
            && let Some(first) = spec.nodes.first().and_then(|node| node.address.parse::<Ipv4Addr>().ok())
        {
            // Docker gives its host the first address of a network.
            let [a, b, c, _] = first.octets();
            profile.laptop = Ipv4Addr::new(a, b, c, 1);
            self.taken.push((Ipv4Net::from(profile.laptop), "the laptop".into()));
        }
        let mut nodes: Vec<LabNode> = Vec::new();
        for (i, given) in spec.nodes.iter().enumerate() {
            let path = |field: &str| format!("spec.nodes[{i}].{field}");
            if given.name.is_empty() {
                self.fault(path("name"), Wrong::Required(""));
            } else if spec.nodes[..i].iter().any(|other| other.name == given.name) {
                self.fault(path("name"), Wrong::Duplicate(format!("{:?}", given.name)));
            } else if matches!(given.name.as_str(), "laptop" | "internet") {
                self.text(path("name"), &given.name, "is a place of the lab's own");
            }
            let mut addresses = [None, None];
            for (slot, (field, value)) in
                addresses.iter_mut().zip([("address", &given.address), ("publicAddress", &given.public_address)])
            {
                if !value.is_empty() {
                    *slot = self.machine(&path(field), value);
                    self.taken.extend(slot.map(|ip| (Ipv4Net::from(ip), path(field))));
                } else if field == "address" {
                    self.fault(path(field), Wrong::Required(""));
                }
            }
            if shares[i].is_none() && given.pod_cidr.is_empty() {
                shares[i] = self.next_share(&path("podCIDR"), &shares, profile.pod_cidr);
            }
            if let (Some(address), Some(pod_cidr)) = (addresses[0], shares[i]) {
                let (name, labels) = (given.name.clone(), given.labels.clone());
                nodes.push(LabNode { name, address, public: addresses[1], pod_cidr, labels });
            }
        }
        profile.nodes = nodes;
    }

    /// The next /24 of the pods' range that no node has.
    fn next_share(&mut self, path: &str, shares: &[Option<Ipv4Net>], all: Ipv4Net) -> Option<Ipv4Net> {
        let free = |share: &Ipv4Net| !shares.iter().flatten().any(|o| o.contains(share) || share.contains(o));
        let found = all.subnets(all.prefix_len().max(24)).ok().and_then(|mut all| all.find(free));
        if found.is_none() {
            self.invalid(path, format_args!("\"{all}\""), "there is no room in spec.podCIDR for every node");
        }
        found
    }

    fn proxy(&mut self, spec: &LabSpec, profile: &mut Profile) {
        let Some(given) = &spec.kube_proxy else { return };
        let mode = self.choice("spec.kubeProxy.mode", &given.mode, &["iptables", "nftables"]);
        profile.proxy_mode = [ProxyMode::Iptables, ProxyMode::Nftables][mode];
        profile.kube_proxy.localhost_node_ports = given.localhost_node_ports.unwrap_or(true);
        for (i, value) in given.node_port_addresses.iter().enumerate() {
            let range = self.range(&format!("spec.kubeProxy.nodePortAddresses[{i}]"), value);
            profile.kube_proxy.node_port_addresses.extend(range);
        }
    }

    fn firewall(&mut self, spec: &LabSpec, profile: &mut Profile) {
        let Some(given) = &spec.firewall else { return };
        let mut openings = Vec::new();
        for (i, opening) in given.inbound.iter().enumerate() {
            let path = |field: &str| format!("spec.firewall.inbound[{i}].{field}");
            let ports = match &opening.ports {
                None => {
                    self.fault(path("ports"), Wrong::Required(""));
                    None
                }
                Some(IntOrString::Int(port)) => {
                    let port = u16::try_from(*port).ok().filter(|port| *port != 0);
                    port.map(|port| (port, port))
                }
                Some(IntOrString::String(text)) => Opening::read_ports(text),
            };
            if let (None, Some(given)) = (ports, &opening.ports) {
                let detail = "must be a port or a range of ports between 1 and 65535 (e.g. 80 or \"30000-32767\")";
                match given {
                    IntOrString::Int(port) => self.invalid(path("ports"), port, detail),
                    IntOrString::String(text) => self.text(path("ports"), text, detail),
                }
            }
            let from = if opening.from.is_empty() { "0.0.0.0/0" } else { &opening.from };
            let from = self.range(&path("from"), from);
            openings.extend(ports.zip(from).map(|((first, last), from)| Opening { first, last, from }));
        }
        profile.firewall = Some(openings);
    }

    fn links(&mut self, spec: &LabSpec, profile: &mut Profile) {
        for (i, given) in spec.links.iter().enumerate() {
            let path = format!("spec.links[{i}]");
            let latency = self.time(&format!("{path}.latency"), &given.latency);
            let loss = u8::try_from(given.loss).ok().filter(|loss| *loss <= 100);
            if loss.is_none() {
                self.invalid(format!("{path}.loss"), given.loss, "must be between 0 and 100, inclusive");
            }
            let known = |name: &str| {
                matches!(name, "laptop" | "internet")
                    || if spec.nodes.is_empty() {
                        profile.nodes.iter().any(|node| node.name == name)
                    } else {
                        spec.nodes.iter().any(|node| node.name == name)
                    }
            };
            let mut fine = true;
            for (at, name) in given.between.iter().enumerate() {
                let path = format!("{path}.between[{at}]");
                if !known(name) {
                    self.text(path, name, "must be the name of a node, \"laptop\" or \"internet\"");
                    fine = false;
                } else if given.between[..at].contains(name) {
                    self.fault(path, Wrong::Duplicate(format!("{name:?}")));
                    fine = false;
                }
            }
            match &given.between[..] {
                [a, b] if fine => {
                    let between = [a.clone(), b.clone()];
                    profile.links.push(Link { between, latency, loss: loss.unwrap_or(0) });
                }
                [_, _] => {}
                list => {
                    let list: Vec<String> = list.iter().map(|name| format!("{name:?}")).collect();
                    self.invalid(format!("{path}.between"), format_args!("[{}]", list.join(",")), "must be two names");
                }
            }
        }
    }

    fn images(&mut self, spec: &LabSpec, profile: &mut Profile) {
        let mut images = Vec::new();
        if spec.images.len() > MOST {
            return self.fault("spec.images", Wrong::TooMany(spec.images.len(), MOST));
        }
        for (i, given) in spec.images.iter().enumerate() {
            let path = format!("spec.images[{i}]");
            if given.name.is_empty() {
                self.fault(format!("{path}.name"), Wrong::Required(""));
            } else if spec.images[..i].iter().any(|other| other.name == given.name) {
                self.fault(format!("{path}.name"), Wrong::Duplicate(format!("{:?}", given.name)));
            }
            let listens = self.ports(&format!("{path}.listens"), &given.listens);
            let loopback = self.ports(&format!("{path}.loopback"), &given.loopback);
            let udp = self.ports(&format!("{path}.udp"), &given.udp);
            let startup = self.time(&format!("{path}.startup"), &given.startup).unwrap_or_default();
            let mut routes = Vec::new();
            for (at, route) in given.routes.iter().enumerate() {
                let path = |field: &str| format!("{path}.routes[{at}].{field}");
                if !route.path.starts_with('/') {
                    self.text(path("path"), &route.path, "must begin with a '/'");
                }
                let status = route.status.unwrap_or(200);
                if !(200..=599).contains(&status) {
                    self.invalid(path("status"), status, "must be between 200 and 599, inclusive");
                }
                let delay = self.time(&path("delay"), &route.delay).unwrap_or_default();
                routes.push(Route {
                    path: route.path.clone(),
                    prefix: route.prefix,
                    status: u16::try_from(status).unwrap_or(200),
                    body: AppBody::Text(route.body.clone()),
                    delay,
                });
            }
            let app = App { loopback, ..App::written(listens, udp, startup, routes) };
            images.push((given.name.clone(), app));
        }
        profile.images = images.into();
    }
}
