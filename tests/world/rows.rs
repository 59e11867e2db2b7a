//! The cases of `tests/flows/`: a cluster in a few lines, and rows that say who reaches whom in it.
//!
//! A case is applied to a whole cluster: defaults, allocation and controllers are the real ones. Its keys:
//!
//! - `nodes`: how many, named n1, n2, n3 (three unless it is said); `zones`: their zones, in order; `profile`: another than
//!   multinode.
//! - `pods`: `NAME NODE [LABEL=VALUE] [[NAME:]PORT[@HOSTPORT][/UDP]]…`; a pod listens on its ports, on 8080 if it has none, and
//!   takes 20 seconds to end. `host` puts it on its node's network.
//! - `services`: specs by name; `manifests`: anything else; `then`: more of it, once all runs: there `$POD` is its address.
//! - `do`: what happens then: `unready POD`, `delete POD`, `wait SECONDS`, `balancer SERVICE ADDRESS [MODE]`.
//! - `nftables`: rows that are so in nftables mode, in place of those with the same `from` and `to`.
//! - `rows`: `from | to | outcome | who | source | decided by`, and sometimes `| every Ns`.
//!
//! In a row, `from` is a place or `wire/NODE[@ADDRESS]`, a client anywhere behind a node's network card. `to` is a Service, a
//! node, `pod/NAME`, an address, `lb(SERVICE)`, `public(NODE)` or `dns:NAME`, with a port and perhaps `/UDP`. `who` are the pods that may answer, all of
//! which must be met (`1 of …`: the same one again and again), or the place of a failure. `source` is what they see: `own`,
//! `masq` (the address of a node's interface), or `masq:POD`, if it is so only for that pod. `decided by` lists reasons, each
//! with the field behind it where it has one, of hops that must be there.

use kubehop::cluster::Cluster;
use kubehop::manifest::parse;
use kubehop::net::{Network, Origin};
use kubehop::object::{Kind, LoadBalancerIngress, Object, Pod, Profile, ProxyMode, Ref, Service};
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace::{Place, Proto, Socket};
use serde_yaml::Value;

use super::World;
use super::truth::{list, text};

/// The files.
pub(crate) const FILES: [(&str, &str); 7] = [
    ("cluster-ip.yaml", include_str!("../flows/cluster-ip.yaml")),
    ("node-port.yaml", include_str!("../flows/node-port.yaml")),
    ("host-port.yaml", include_str!("../flows/host-port.yaml")),
    ("outside.yaml", include_str!("../flows/outside.yaml")),
    ("cloud.yaml", include_str!("../flows/cloud.yaml")),
    ("endpoints.yaml", include_str!("../flows/endpoints.yaml")),
    ("names.yaml", include_str!("../flows/names.yaml")),
];

/// A cluster and what holds in it.
pub(crate) struct Case {
    /// The file and the name.
    pub(crate) name: String,
    /// The cluster, as its controllers left it.
    pub(crate) world: World,
    /// When that was.
    pub(crate) now: kubehop::time::Instant,
    /// What holds in it.
    pub(crate) rows: Vec<Row>,
}

/// Who reaches whom.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The row as it is written.
    pub(crate) text: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) proto: Proto,
    pub(crate) outcome: String,
    /// Whether only one of `who` may be met.
    pub(crate) sticks: bool,
    pub(crate) who: Vec<String>,
    pub(crate) source: String,
    pub(crate) decided: Vec<String>,
    /// The time between one connection and the next.
    pub(crate) every: Duration,
}

/// All cases, built.
pub(crate) fn cases(mode: ProxyMode) -> impl Iterator<Item = Case> {
    FILES.into_iter().flat_map(move |(file, text)| {
        let cases: Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        list(&cases).into_iter().map(move |case| build(file, &case, mode))
    })
}

pub(crate) fn build(file: &str, case: &Value, mode: ProxyMode) -> Case {
    let name = format!("{file}: {}", text(case, "name"));
    for key in case.as_mapping().unwrap().keys() {
        let known = [
            "name",
            "source",
            "profile",
            "nodes",
            "zones",
            "pods",
            "services",
            "manifests",
            "then",
            "do",
            "rows",
            "nftables",
        ];
        assert!(known.contains(&key.as_str().unwrap()), "{name}: {key:?}");
    }
    let profile = case["profile"].as_str().unwrap_or("multinode");
    let mut cluster = cluster(profile, case["nodes"].as_u64().unwrap_or(3) as usize, mode, 7);
    for (i, zone) in list(&case["zones"]).iter().enumerate() {
        set_zone(&mut cluster, &format!("n{}", i + 1), zone.as_str().unwrap());
    }
    let mut manifests = String::new();
    for pod in list(&case["pods"]) {
        manifests += &self::pod(pod.as_str().unwrap());
    }
    for (name, spec) in case["services"].as_mapping().into_iter().flatten() {
        let spec = serde_json::to_string(spec).unwrap();
        let name = name.as_str().unwrap();
        manifests += &format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {spec}}}\n---\n");
    }
    manifests += text(case, "manifests");
    apply(&mut cluster, &name, &manifests);
    cluster.settle(Duration::from_secs(120));
    let mut then = text(case, "then").to_owned();
    for (meta, pod) in cluster.store().all::<Pod>() {
        then = then.replace(&format!("${}]", meta.name), &format!("{}]", pod.status.pod_ip));
    }
    apply(&mut cluster, &name, &then);
    cluster.settle(Duration::from_secs(120));
    let mut balancers = Vec::new();
    for deed in list(&case["do"]) {
        let words: Vec<&str> = deed.as_str().unwrap().split_whitespace().collect();
        let pod = |name: &str| Ref::new(Kind::Pod, "default", name);
        let mut seconds = 2;
        match words[..] {
            ["unready", name] => cluster.fail_readiness(&pod(name), true),
            ["delete", name] => cluster.delete(&pod(name), None).unwrap(),
            ["wait", time] => seconds = time.parse().unwrap(),
            ["balancer", service, address] => balancers.push((service.to_owned(), address.to_owned(), None)),
            ["balancer", service, address, mode] => {
                balancers.push((service.to_owned(), address.to_owned(), Some(mode.to_owned())));
            }
            _ => panic!("{name}: {deed:?}"),
        }
        let until = cluster.now() + Duration::from_secs(seconds);
        cluster.advance(until);
    }
    let mut world = World::of(&cluster);
    for (service, ip, ip_mode) in balancers {
        let key = Ref::new(Kind::Service, "default", service);
        let mut object = Object::clone(world.store.get(&key).unwrap());
        let ingress = LoadBalancerIngress { ip, ip_mode, ..LoadBalancerIngress::default() };
        object.body_mut::<Service>().unwrap().status.load_balancer.ingress.push(ingress);
        world.store.put(object);
    }
    let rows = |key: &str| text(case, key).lines().filter(|l| !l.trim().is_empty()).map(Row::parse).collect::<Vec<_>>();
    let mut other = if mode == ProxyMode::Nftables { rows("nftables") } else { Vec::new() };
    let mut rows = rows("rows");
    for row in &mut rows {
        if let Some(at) = other.iter().position(|o| (&o.from, &o.to, o.proto) == (&row.from, &row.to, row.proto)) {
            *row = other.remove(at);
        }
    }
    assert!(other.is_empty(), "{name}: {other:?}");
    Case { name, world, now: cluster.now(), rows }
}

/// A cluster of nodes n1, n2, n3.
pub(crate) fn cluster(profile: &str, nodes: usize, mode: ProxyMode, seed: u64) -> Cluster {
    let mut profile = Profile::named(profile).unwrap();
    profile.nodes.truncate(nodes);
    profile.proxy_mode = mode;
    for (i, node) in profile.nodes.iter_mut().enumerate() {
        node.name = format!("n{}", i + 1);
    }
    Cluster::new(&profile, seed)
}

/// Labels a node with its zone.
pub(crate) fn set_zone(cluster: &mut Cluster, node: &str, zone: &str) {
    let mut node = Object::clone(cluster.store().get(&Ref::new(Kind::Node, "", node)).unwrap());
    node.meta.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
    cluster.update(node).unwrap();
}

/// Applies manifests, all of which must be accepted.
pub(crate) fn apply(cluster: &mut Cluster, name: &str, manifests: &str) {
    let parsed = parse(&Source::new("case.yaml", manifests));
    assert!(parsed.diagnostics.is_empty(), "{name}: {:?}\n{manifests}", parsed.diagnostics);
    for manifest in parsed.manifests {
        if let Err(status) = cluster.apply(&manifest, "default") {
            panic!("{name}: {status:?}\n{}", manifest.tree);
        }
    }
}

/// A pod's manifest from its line.
pub(crate) fn pod(line: &str) -> String {
    let mut words = line.split_whitespace();
    let (name, node) = (words.next().unwrap(), words.next().unwrap());
    let (mut labels, mut ports, mut host) = (Vec::new(), Vec::new(), "");
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            labels.push(format!("{key}: {value}"));
        } else if word == "host" {
            host = "hostNetwork: true, ";
        } else {
            let (port, proto) = word.split_once('/').unwrap_or((word, "TCP"));
            let (name, port) = port.split_once(':').map_or(("", port), |(name, port)| (name, port));
            let name = if name.is_empty() { String::new() } else { format!("name: {name}, ") };
            let (port, on) = port.split_once('@').unwrap_or((port, ""));
            let on = if on.is_empty() { String::new() } else { format!("hostPort: {on}, ") };
            ports.push(format!("{{{name}{on}containerPort: {port}, protocol: {proto}}}"));
        }
    }
    let (labels, ports) = (labels.join(", "), ports.join(", "));
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{{labels}}}}}, spec: {{nodeName: {node}, {host}containers: [\
         {{name: c, image: 'shop:1', lifecycle: {{preStop: {{sleep: {{seconds: 20}}}}}}, ports: [{ports}]}}]}}}}\n---\n"
    )
}

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert!((5..=7).contains(&cells.len()), "{line}");
        let (to, proto) = match cells[1].strip_suffix("/UDP") {
            Some(to) => (to, Proto::Udp),
            None => (cells[1], Proto::Tcp),
        };
        let who = cells[3].strip_prefix("1 of ");
        let decided = cells.get(5).copied().unwrap_or_default().split(';').map(|s| s.trim().to_owned());
        let every = cells.get(6).map_or(0, |cell| {
            let seconds = cell.strip_prefix("every ").and_then(|time| time.strip_suffix('s'));
            seconds.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
        });
        Self {
            text: line.trim().to_owned(),
            from: cells[0].to_owned(),
            to: to.to_owned(),
            proto,
            outcome: cells[2].to_owned(),
            sticks: who.is_some(),
            who: who.unwrap_or(cells[3]).split_whitespace().map(str::to_owned).collect(),
            source: cells[4].to_owned(),
            decided: decided.filter(|s| !s.is_empty()).collect(),
            every: Duration::from_secs(every),
        }
    }

    /// The address that `to` means; none if it is a name to be asked for.
    pub(crate) fn destination(&self, world: &World) -> Option<Socket> {
        if self.to.starts_with("dns:") {
            return None;
        }
        let (host, port) = self.to.rsplit_once(':').unwrap();
        let node_of = |name: &str| world.profile.nodes.iter().find(|node| node.name == name);
        let inside = |what: &str| host.strip_prefix(what)?.strip_suffix(')');
        let node = node_of(host).map(|node| node.address);
        let public = inside("public(").map(|name| node_of(name).and_then(|node| node.public).unwrap());
        let balancer = inside("lb(").map(|name| {
            let service = world.store.read::<Service>(&Ref::new(Kind::Service, "default", name)).unwrap();
            service.1.status.load_balancer.ingress[0].ip.parse().unwrap()
        });
        let pod = host.strip_prefix("pod/").map(|name| {
            let pod =
                world.store.read::<Pod>(&Ref::new(Kind::Pod, "default", name)).unwrap_or_else(|| panic!("{host}"));
            pod.1.status.pod_ip.parse().unwrap()
        });
        let ip = node.or(public).or(balancer).or(pod).or_else(|| host.parse().ok()).unwrap_or_else(|| {
            let (namespace, name) = host.split_once('/').unwrap_or(("default", host));
            let service = world.store.read::<Service>(&Ref::new(Kind::Service, namespace, name));
            service.unwrap_or_else(|| panic!("{host}")).1.spec.cluster_ip.parse().unwrap()
        });
        Some(Socket { ip, port: port.parse().unwrap() })
    }
}

impl Row {
    /// Where the row's packets come from and go to; none if a name is asked for, or nobody is there to ask.
    pub(crate) fn packet(&self, world: &World, network: &Network) -> Option<(Origin, Proto, Socket)> {
        let to = self.destination(world)?;
        let wire = self.from.strip_prefix("wire/").map(|wire| wire.split('@').next().unwrap_or_default());
        let origin = match wire {
            Some(node) => Origin::Wire(network.topology.machines.iter().position(|m| *m.name == *node)?),
            None => network.topology.origin(&Place::parse(&self.from)?)?,
        };
        Some((origin, self.proto, to))
    }
}

impl World {
    /// A cluster's objects as they are now, and kernels that remember nothing.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        // What load balancers think of nodes stays.
        let mut flows = cluster.flows().clone();
        flows.forget();
        Self { profile: cluster.profile().clone(), store: cluster.store().clone(), flows }
    }
}
