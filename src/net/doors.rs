//! Doors: how much of a cluster stands open to the internet.
//!
//! A port that the firewall lets in is open on every node with a public address, whether or not a Service has it: each is a door to
//! be watched. A load balancer's address is one door for each of its Service's ports. Left out: ports of the control plane.

use crate::api::Store;
use crate::object::{Opening, Profile, Ref, Service};

/// What stands open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors {
    /// The firewall's rules, each with the node ports that it opens and their Services.
    pub rules: Vec<(Opening, Vec<(u16, Ref)>)>,
    /// How many ports they let in, each counted once.
    pub ports: usize,
    /// How many nodes have a public address.
    pub nodes: usize,
    /// The load balancers: their Services, addresses and ports.
    pub balancers: Vec<(Ref, String, Vec<i32>)>,
}

impl Doors {
    /// Counts them; `openings` is what the firewall lets in now.
    pub fn of(store: &Store, profile: &Profile, openings: &[Opening]) -> Self {
        let mut node_ports: Vec<(u16, Ref)> = Vec::new();
        let mut balancers = Vec::new();
        for (meta, service) in store.all::<Service>() {
            let key = Ref::new(crate::object::Kind::Service, meta.namespace.as_str(), meta.name.as_str());
            let spec = &service.spec;
            let own = spec.ports.iter().filter_map(|port| u16::try_from(port.node_port).ok().filter(|port| *port > 0));
            node_ports.extend(own.map(|port| (port, key.clone())));
            let addresses = service.status.load_balancer.ingress.iter().filter(|at| !at.ip.is_empty());
            let ports: Vec<i32> = spec.ports.iter().map(|port| port.port).collect();
            balancers.extend(addresses.map(|at| (key.clone(), at.ip.clone(), ports.clone())));
        }
        let rule = |opening: &Opening| {
            let hit = node_ports.iter().filter(|(port, _)| (opening.first..=opening.last).contains(port));
            (*opening, hit.cloned().collect())
        };
        // Overlapping ranges open a port once.
        let mut ranges: Vec<(u32, u32)> =
            openings.iter().map(|opening| (opening.first.into(), opening.last.into())).collect();
        crate::sort::by(&mut ranges, Ord::cmp);
        let (mut ports, mut next) = (0, 0);
        for (first, last) in ranges {
            let first = first.max(next);
            ports += (last + 1).saturating_sub(first) as usize;
            next = next.max(last + 1);
        }
        Self {
            rules: openings.iter().map(rule).collect(),
            ports,
            nodes: profile.nodes.iter().filter(|node| node.public.is_some()).count(),
            balancers,
        }
    }

    /// How many doors there are.
    pub fn count(&self) -> usize {
        self.ports * self.nodes + self.balancers.iter().map(|(_, _, ports)| ports.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inet::{Ipv4Addr, Ipv4Net};
    use crate::object::Object;
    use crate::time::Instant;

    #[test]
    fn a_port_is_a_door_on_every_node() {
        let profile = Profile::named("cloud").unwrap();
        let mut api = crate::api::Api::new(profile.service_cidr, &crate::rng::Rng::new(1));
        let tree = serde_json::json!({
            "metadata": {"name": "cart", "namespace": "default"},
            "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]}
        });
        let namespace = serde_json::json!({"metadata": {"name": "default"}});
        for (kind, tree) in [(crate::object::Kind::Namespace, namespace), (crate::object::Kind::Service, tree)] {
            api.create(Object::from_value(kind, tree).unwrap(), Instant::ZERO).unwrap();
        }
        let from = Ipv4Net::new_assert(Ipv4Addr::new(0, 0, 0, 0), 0);
        let opening = |first, last| Opening { first, last, from };
        let doors = Doors::of(api.store(), &profile, &[opening(30001, 30003), opening(30002, 30004)]);
        assert_eq!((doors.ports, doors.nodes, doors.count()), (4, 3, 12));
        assert_eq!(doors.rules[0].1.len(), 1);
        assert_eq!(doors.rules[1].1.len(), 0);
        assert_eq!(Doors::of(api.store(), &profile, &[]).count(), 0);
    }
}
