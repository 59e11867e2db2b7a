//! What the kernels hold of a Service: on each node, which addresses lead to which endpoints.
//!
//! Mirrors how kube-proxy chooses endpoints (`pkg/proxy/topology.go`): policy Local, hints, and endpoints that are ending where
//! there is no other. The packets themselves are judged by the rules of [`crate::net`]; this is only their picture.

use super::cast::NodeFacts;
use super::marks::{Mark, Marks};
use crate::api::Store;
use crate::object::{Endpoint, EndpointSlice, Kind, Named, Ref, Service, ServicePort};

/// Mark and `address:port` of an endpoint that may be picked.
pub(super) type PickFacts = (Option<Mark>, String);

/// A row of a kernel's strip: addresses that lead to the same endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RowFacts {
    /// Cluster IP and port; empty if the row is for the outside alone.
    pub(super) cluster: String,
    /// The node port; 0 if there is none.
    pub(super) node_port: i32,
    /// An address of a load balancer or an external IP, with its port; empty if the row is for none.
    pub(super) outside: String,
    pub(super) port: i32,
    pub(super) picks: Vec<PickFacts>,
    /// Whether only endpoints of the node itself may be picked.
    pub(super) local: bool,
    /// Whether there are endpoints on other nodes, so that want of one here is silence and not a refusal.
    pub(super) silent: bool,
}

/// The rules of a Service.
pub(super) struct RuleFacts {
    ports: Vec<PortFacts>,
}

struct PortFacts {
    cluster: String,
    port: i32,
    node_port: i32,
    outside: Vec<String>,
    internal_local: bool,
    external_local: bool,
    ends: Vec<EndFacts>,
}

struct EndFacts {
    pick: PickFacts,
    node: String,
    ready: bool,
    /// It is ending and still serves.
    ending: bool,
    zones: Vec<Named>,
    nodes: Vec<Named>,
}

/// The rules of a Service; none if it has no virtual address, or does not exist.
#[inline(never)]
pub(super) fn rules(store: &Store, marks: &Marks, key: &Ref) -> Option<RuleFacts> {
    let service = store.get(key)?.body::<Service>()?;
    let spec = &service.spec;
    let ip = &spec.cluster_ip;
    if ip.is_empty() || ip == "None" || spec.r#type == "ExternalName" {
        return None;
    }
    let balancer = service.status.load_balancer.ingress.iter();
    // A balancer in proxy mode opens connections of its own: no kernel of the cluster knows its address.
    let balancer = balancer.filter(|i| !i.ip.is_empty() && i.ip_mode.as_deref() != Some("Proxy")).map(|i| &i.ip);
    let outside: Vec<&String> = balancer.chain(&spec.external_ips).filter(|address| *address != ip).collect();
    let port = |port: &ServicePort| PortFacts {
        cluster: format!("{ip}:{}", port.port),
        port: port.port,
        node_port: port.node_port,
        outside: outside.iter().map(|address| format!("{address}:{}", port.port)).collect(),
        internal_local: spec.internal_traffic_policy == "Local",
        external_local: spec.external_traffic_policy == "Local",
        ends: ends(store, marks, key, port),
    };
    Some(RuleFacts { ports: spec.ports.iter().map(port).collect() })
}

fn ends(store: &Store, marks: &Marks, key: &Ref, port: &ServicePort) -> Vec<EndFacts> {
    let mut ends: Vec<EndFacts> = Vec::new();
    for slice in slices(store, key) {
        let target = slice.ports.iter().find(|p| p.name == port.name).and_then(|p| p.port);
        let Some(target) = target else { continue };
        ends.extend(slice.endpoints.iter().filter_map(|endpoint| end(marks, endpoint, target)));
    }
    crate::sort::by(&mut ends, |a, b| a.pick.cmp(&b.pick));
    ends
}

fn end(marks: &Marks, endpoint: &Endpoint, target: i32) -> Option<EndFacts> {
    let conditions = &endpoint.conditions;
    let ready = conditions.ready.unwrap_or(true);
    let pod = endpoint.target_ref.as_ref().filter(|t| t.kind == "Pod");
    let mark = pod.and_then(|t| marks.pod(&t.namespace, &t.name));
    let hints = endpoint.hints.clone().unwrap_or_default();
    Some(EndFacts {
        pick: (mark, format!("{}:{target}", endpoint.addresses.first()?)),
        node: endpoint.node_name.clone().unwrap_or_default(),
        ready,
        ending: conditions.serving.unwrap_or(ready) && conditions.terminating.unwrap_or(false),
        zones: hints.for_zones,
        nodes: hints.for_nodes,
    })
}

/// The slices of a Service.
pub(super) fn slices<'a>(store: &'a Store, key: &'a Ref) -> impl Iterator<Item = &'a EndpointSlice> {
    store.list(Kind::EndpointSlice, Some(&key.namespace)).filter_map(move |object| {
        let mine = object.meta.labels.get("kubernetes.io/service-name").map(String::as_str) == Some(&*key.name);
        mine.then(|| object.body::<EndpointSlice>())?
    })
}

impl RuleFacts {
    /// Its rows on a node.
    #[inline(never)]
    pub(super) fn on(&self, node: &NodeFacts) -> Vec<RowFacts> {
        let mut rows = Vec::new();
        for port in &self.ports {
            let row = |local: bool| {
                let picks = port.picks(node, local);
                let silent = local && picks.is_empty() && port.ends.iter().any(|end| end.ready || end.ending);
                RowFacts { port: port.port, picks, local, silent, ..RowFacts::default() }
            };
            let cluster = RowFacts { cluster: port.cluster.clone(), ..row(port.internal_local) };
            let from_outside = row(port.external_local);
            let shared = port.internal_local == port.external_local;
            let node_port = port.node_port;
            if shared || node_port == 0 {
                rows.push(RowFacts { node_port, ..cluster.clone() });
            } else {
                rows.push(RowFacts { node_port, ..from_outside.clone() });
            }
            let outside = port.outside.iter();
            rows.extend(outside.map(|address| RowFacts { outside: address.clone(), ..from_outside.clone() }));
            if !shared && node_port != 0 {
                rows.push(cluster);
            }
        }
        rows
    }
}

impl PortFacts {
    /// Those that are ready, or, where there is none, those that are ending and still serve.
    fn chosen<'a>(&'a self, fits: impl Fn(&EndFacts) -> bool + 'a) -> impl Iterator<Item = &'a PickFacts> + 'a {
        let none_ready = !self.ends.iter().any(|end| end.ready && fits(end));
        let chosen = move |end: &&EndFacts| (if none_ready { end.ending } else { end.ready }) && fits(end);
        self.ends.iter().filter(chosen).map(|end| &end.pick)
    }

    fn picks(&self, node: &NodeFacts, local: bool) -> Vec<PickFacts> {
        if local {
            return self.chosen(|end| end.node == node.name).cloned().collect();
        }
        // Hints count only if every ready endpoint has one and at least one is for this node.
        let followed = |hints: fn(&EndFacts) -> &[Named], mine: &str| {
            let ready = || self.ends.iter().filter(|end| end.ready);
            ready().next().is_some()
                && ready().all(|end| !hints(end).is_empty())
                && ready().any(|end| hints(end).iter().any(|hint| hint.name == mine))
        };
        let named = |hints: &[Named], mine: &str| hints.iter().any(|hint| hint.name == mine);
        if followed(|end| &end.nodes, &node.name) {
            self.chosen(|end| named(&end.nodes, &node.name)).cloned().collect()
        } else if followed(|end| &end.zones, &node.zone) {
            self.chosen(|end| named(&end.zones, &node.zone)).cloned().collect()
        } else {
            self.chosen(|_| true).cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{LoadBalancerIngress, Object};
    use crate::scene::{cast, fixture};

    /// The rows of the Service `web` on the second of three nodes, after a change to it.
    fn rows(replicas: usize, change: fn(&mut Service)) -> String {
        let mut store = fixture::store(3, replicas);
        let key = Ref::new(Kind::Service, "default", "web");
        let mut object = Object::clone(store.get(&key).expect("the Service"));
        change(object.body_mut::<Service>().expect("a Service"));
        store.put(object);
        let marks = Marks::of(&store);
        let facts = rules(&store, &marks, &key).expect("rules");
        let row = |row: &RowFacts| {
            let letters: String = row.picks.iter().filter_map(|(mark, _)| mark.map(Mark::letter)).collect();
            let end = if row.silent { "drop" } else { letters.as_str() };
            format!("[{} {} {}] {end}", row.node_port, row.outside, row.cluster)
        };
        facts
            .on(&cast::nodes(&store, &crate::object::Outages::default())[1])
            .iter()
            .map(row)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn one_row_serves_all_addresses_that_lead_to_the_same_endpoints() {
        let check = |replicas, change, expected: &str| assert_eq!(rows(replicas, change), expected);
        check(3, |_| {}, "[0  10.97.183.23:9090] ABC");
        check(3, |s| s.spec.ports[0].node_port = 30000, "[30000  10.97.183.23:9090] ABC");
        check(
            3,
            |s| s.spec.external_ips = vec!["198.51.100.9".into()],
            "[0  10.97.183.23:9090] ABC\n[0 198.51.100.9:9090 ] ABC",
        );
    }

    #[test]
    fn policy_local_splits_the_row_and_keeps_to_the_node() {
        fn local(service: &mut Service) {
            service.spec.ports[0].node_port = 30000;
            service.spec.external_traffic_policy = "Local".into();
            let ingress = LoadBalancerIngress { ip: "198.51.100.1".into(), ..LoadBalancerIngress::default() };
            service.status.load_balancer.ingress = vec![ingress];
        }
        let expected = "[30000  ] B\n[0 198.51.100.1:9090 ] B\n[0  10.97.183.23:9090] ABC";
        assert_eq!(rows(3, local), expected);
        // One replica, on the first node: from outside, this node is silent.
        let expected = "[30000  ] drop\n[0 198.51.100.1:9090 ] drop\n[0  10.97.183.23:9090] A";
        assert_eq!(rows(1, local), expected);
        assert_eq!(rows(0, |s| s.spec.internal_traffic_policy = "Local".into()), "[0  10.97.183.23:9090] ");
    }
}
