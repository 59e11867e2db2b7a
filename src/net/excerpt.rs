//! What one Service has in the rules of one node, line by line, each with the field of a manifest behind it.

use super::{Network, TableName};
use crate::object::{FieldRef, Ref};

/// A rule of a node, as its tool prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The rule.
    pub text: String,
    /// The manifest's field behind it.
    pub cause: Option<FieldRef>,
}

/// The rules that a Service has on a node, in the mode of its kube-proxy; none if there is no such node.
pub fn excerpt(network: &Network, node: &str, service: &Ref) -> Vec<Line> {
    let Some(machine) = network.topology.machines.iter().find(|machine| *machine.name == *node) else {
        return Vec::new();
    };
    let name = format!("{}/{}", service.namespace, service.name);
    let mut lines = Vec::new();
    if let Some(nft) = &machine.nft {
        let Some(at) = nft.parts.iter().position(|part| *part.name == *name) else { return lines };
        let part = &nft.parts[at];
        lines.extend(part.elements.iter().map(|element| Line {
            text: nft.show_element(Some(at), element),
            cause: element.why.as_ref().and_then(|why| why.cause.clone()),
        }));
        for chain in &part.chains {
            lines.extend(chain.rules.iter().enumerate().map(|(i, rule)| Line {
                text: nft.show_rule(Some(at), chain, i),
                cause: rule.why.as_ref().and_then(|why| why.cause.clone()),
            }));
        }
        return lines;
    }
    let rules = &machine.rules;
    let Ok(at) = rules.place(&name) else { return lines };
    for table in [TableName::Nat, TableName::Filter] {
        for whole in rules.chains(table) {
            for (_, rule) in whole.rules.iter().filter(|(spot, _)| spot.slot == at + 1) {
                let shown = rules.show(table, Some(&rules.parts[at]), &whole.chain.name, rule);
                let cause = rule.why.as_ref().and_then(|why| why.cause.clone());
                lines.push(Line { text: shown.to_string(), cause });
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::Cluster;
    use crate::object::{Kind, Object, Profile, ProxyMode};
    use crate::time::Duration;

    #[test]
    fn a_services_rules_lead_back_to_its_fields_in_both_modes() {
        for (mode, needle) in
            [(ProxyMode::Iptables, "--dport 30000 -j KUBE-EXT-"), (ProxyMode::Nftables, "tcp . 30000")]
        {
            let profile = Profile { proxy_mode: mode, ..Profile::named("minikube").expect("built in") };
            let mut cluster = Cluster::new(&profile, 1);
            let tree = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]}
            });
            let object = Object::from_value(Kind::Service, tree.clone()).expect("a Service");
            cluster.apply_object(&object, &tree, "default").expect("accepted");
            let slice = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
                "ports": [{"name": "", "port": 80}], "endpoints": [{"addresses": ["10.244.0.9"]}]
            });
            let object = Object::from_value(Kind::EndpointSlice, slice.clone()).expect("a slice");
            cluster.apply_object(&object, &slice, "default").expect("accepted");
            cluster.settle(Duration::from_secs(60));
            let network = cluster.network();
            let lines = excerpt(&network, "minikube", &Ref::new(Kind::Service, "default", "web"));
            let line = lines.iter().find(|line| line.text.contains(needle)).unwrap_or_else(|| panic!("{lines:#?}"));
            let cause = line.cause.as_ref().expect("a cause");
            assert_eq!(&*cause.path, "spec.ports[0].nodePort", "{line:?}");
            assert!(lines.iter().any(|line| line.text.contains("10.244.0.9")), "{lines:#?}");
            assert!(excerpt(&network, "moon", &Ref::new(Kind::Service, "default", "web")).is_empty());
        }
    }
}
