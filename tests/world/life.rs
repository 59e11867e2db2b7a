//! Clusters' lives drawn from a seed: what people apply, change and break, with time passing between.

use std::collections::BTreeMap;

use kubehop::cluster::Cluster;
use kubehop::manifest::{self, Manifest};
use kubehop::object::{Kind, Object, Pod, Profile, ProxyMode, Ref, Service};
use kubehop::rng::Rng;
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace::{Place, Request, Trace};

/// The environments, and kube-proxy's modes in them.
const PROFILES: [(&str, ProxyMode); 4] = [
    ("minikube", ProxyMode::Iptables),
    ("multinode", ProxyMode::Iptables),
    ("multinode", ProxyMode::Nftables),
    ("cloud", ProxyMode::Iptables),
];
const NAMES: [&str; 4] = ["web", "api", "db", "all"];

/// A cluster, and what was last applied to it by name.
pub(crate) struct Life {
    pub(crate) cluster: Cluster,
    pub(crate) applied: BTreeMap<Ref, Manifest>,
    rng: Rng,
}

impl Life {
    /// A cluster that nothing has been done to.
    pub(crate) fn born(seed: u64) -> Self {
        let (name, mode) = PROFILES[seed as usize % PROFILES.len()];
        let profile = Profile { proxy_mode: mode, ..Profile::named(name).unwrap() };
        let rng = Rng::new(seed).fork("deeds");
        Self { cluster: Cluster::new(&profile, seed), applied: BTreeMap::new(), rng }
    }

    /// A cluster that has been through a good deal.
    pub(crate) fn lived(seed: u64) -> Self {
        let mut life = Self::born(seed);
        (0..25).for_each(|_| life.deed());
        life
    }

    fn apply(&mut self, text: &str) {
        let parsed = manifest::parse(&Source::new("f.yaml", text));
        assert!(parsed.refusals.is_empty(), "{:?}\n{text}", parsed.refusals);
        for manifest in parsed.manifests {
            // A change that the server refuses (a selector, say) is as good a deed as any.
            if self.cluster.apply(&manifest, "default").is_ok() {
                self.applied.insert(manifest.key("default"), manifest);
            }
        }
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        let at = self.rng.below(choices.len().max(1) as u32) as usize;
        choices.get(at).cloned()
    }

    fn of(&mut self, choices: &[&'static str]) -> &'static str {
        self.pick(choices).unwrap()
    }

    /// Something happens, and then time passes.
    pub(crate) fn deed(&mut self) {
        let pods: Vec<Ref> = self.cluster.store().list(Kind::Pod, Some("default")).map(|pod| pod.key()).collect();
        let nodes: Vec<String> = self.cluster.profile().nodes.iter().map(|node| node.name.clone()).collect();
        let pod = self.pick(&pods);
        match (self.rng.below(13), pod) {
            (0..3, _) => {
                let text = self.workload();
                self.apply(&text);
            }
            (3..6, _) => {
                let text = self.service();
                self.apply(&text);
            }
            (6, Some(pod)) => self.cluster.delete(&pod, None).expect("a pod can be deleted"),
            (7, Some(pod)) => {
                let fails = self.rng.below(2) == 0;
                self.cluster.fail_readiness(&pod, fails);
            }
            (8, Some(pod)) => self.cluster.kill_pod(&pod).expect("a pod can be killed"),
            (9, _) => {
                let keys: Vec<Ref> = self.applied.keys().cloned().collect();
                if let Some(key) = self.pick(&keys) {
                    self.applied.remove(&key);
                    // Its owner, gone before, may have taken it along.
                    let _ = self.cluster.delete(&key, None);
                }
            }
            (10, _) => {
                let node = self.pick(&nodes).unwrap();
                let stopped = self.cluster.outages().is_stopped(&node);
                let changed = if stopped { self.cluster.start_node(&node) } else { self.cluster.stop_node(&node) };
                assert_eq!(changed, Ok(true));
            }
            (11, _) => {
                let (a, b) = (self.pick(&nodes).unwrap(), self.pick(&nodes).unwrap());
                let mend = self.rng.below(2) == 0;
                let _ = if mend { self.cluster.mend_link(&a, &b) } else { self.cluster.cut_link(&a, &b) };
            }
            (12, _) => {
                let node = self.pick(&nodes).unwrap();
                let mut node = Object::clone(self.cluster.store().get(&Ref::new(Kind::Node, "", node)).unwrap());
                node.meta.labels.insert("topology.kubernetes.io/zone".into(), self.of(&["a", "b"]).into());
                let _ = self.cluster.update(node);
            }
            _ => {}
        }
        let until = self.cluster.now() + Duration::from_millis(u64::from(self.rng.below(4000)));
        self.cluster.advance(until);
    }

    /// Everything whole again, and quiet; false if it never is.
    pub(crate) fn rests(&mut self) -> bool {
        let nodes: Vec<String> = self.cluster.profile().nodes.iter().map(|node| node.name.clone()).collect();
        for (i, a) in nodes.iter().enumerate() {
            let _ = self.cluster.start_node(a);
            for b in &nodes[i + 1..] {
                let _ = self.cluster.mend_link(a, b);
            }
        }
        self.cluster.settle(Duration::from_secs(1200));
        self.cluster.pending().is_none()
    }

    fn workload(&mut self) -> String {
        let name = self.of(&NAMES[..3]);
        let replicas = self.rng.below(6);
        let image = self.of(&["hello:1.0", "nginx:1.27", "shop:2", "busybox"]);
        let probe = self.of(&[
            "",
            "",
            ", readinessProbe: {httpGet: {port: 9090, path: /api/hello}}",
            ", livenessProbe: {tcpSocket: {port: 80}}",
        ]);
        let ports = self.of(&[
            "",
            ", ports: [{name: http, containerPort: 9090}]",
            ", ports: [{name: http, containerPort: 80}]",
        ]);
        let host = if self.rng.below(12) == 0 { "hostNetwork: true, " } else { "" };
        let template = format!(
            "  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}, tier: t}}}}\n    \
             spec: {{{host}containers: [{{name: c, image: '{image}'{probe}{ports}}}]}}\n"
        );
        match self.rng.below(5) {
            0 => format!("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: {name}}}\nspec:\n{template}"),
            1 => format!(
                "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  serviceName: {name}\n{template}"
            ),
            _ => {
                let strategy = self.of(&["", "  strategy: {type: Recreate}\n", "  minReadySeconds: 5\n"]);
                format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n{strategy}{template}"
                )
            }
        }
    }

    fn service(&mut self) -> String {
        let name = self.of(&NAMES);
        if self.rng.below(8) == 0 {
            return self.written(name);
        }
        let selector = if name == "all" { "tier: t".to_owned() } else { format!("app: {name}") };
        let mut spec = self
            .of(&[
                "type: ClusterIP",
                "clusterIP: None",
                "type: NodePort",
                "type: NodePort",
                "type: NodePort, externalTrafficPolicy: Local",
                "type: LoadBalancer",
                "type: LoadBalancer, externalTrafficPolicy: Local",
                "type: LoadBalancer, loadBalancerSourceRanges: [203.0.113.0/25]",
                "type: LoadBalancer, allocateLoadBalancerNodePorts: false",
                "type: ExternalName, externalName: web.default.svc.cluster.local",
                "clusterIP: 10.96.0.77",
                "clusterIP: 10.200.0.77",
            ])
            .to_owned();
        for (one_in, more) in [
            (4, "internalTrafficPolicy: Local"),
            (4, "sessionAffinity: ClientIP"),
            (5, "trafficDistribution: PreferSameZone"),
            (5, "trafficDistribution: PreferSameNode"),
            (5, "externalIPs: [198.51.100.7]"),
            (6, "publishNotReadyAddresses: true"),
        ] {
            // The same field twice is refused before the server sees it.
            if self.rng.below(one_in) == 0 && !spec.contains("trafficDistribution") {
                spec = format!("{spec}, {more}");
            }
        }
        let ports = self.of(&[
            "[{port: 80, targetPort: 9090}]",
            "[{port: 80, targetPort: http}]",
            "[{port: 80, targetPort: 9999}]",
            "[{name: a, port: 80}, {name: b, port: 81, protocol: UDP}]",
            "[{name: a, port: 80, targetPort: 9090}, {name: b, port: 9090, targetPort: http}]",
        ]);
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{spec}, selector: {{{selector}}}, ports: {ports}}}\n"
        )
    }

    /// A Service whose endpoints people write.
    fn written(&mut self, name: &str) -> String {
        let pods: Vec<String> = self.cluster.store().all::<Pod>().map(|(_, pod)| pod.status.pod_ip.clone()).collect();
        let pods: Vec<String> = pods.into_iter().filter(|ip| ip.starts_with("10.244.")).collect();
        let ip = self.pick(&pods).unwrap_or_else(|| "10.244.0.77".to_owned());
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{type: NodePort, ports: [{{port: 80, targetPort: 1}}]}}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-own, labels: {{kubernetes.io/service-name: {name}}}}}\n\
             addressType: IPv4\nports: [{{port: 9090}}]\nendpoints: [{{addresses: [{ip}]}}]\n"
        )
    }

    /// Somebody asks somebody for something.
    pub(crate) fn request(&mut self) -> Trace {
        let store = self.cluster.store();
        let pods: Vec<(Place, String)> = store
            .all::<Pod>()
            .map(|(meta, pod)| {
                (Place::Pod(meta.namespace.as_str().into(), meta.name.as_str().into()), pod.status.pod_ip.clone())
            })
            .collect();
        let mut to: Vec<String> =
            pods.iter().filter(|(_, ip)| !ip.is_empty()).map(|(_, ip)| format!("{ip}:9090")).collect();
        to.push("10.96.200.200:80".to_owned());
        for (meta, service) in store.all::<Service>() {
            for port in &service.spec.ports {
                let proto = if port.protocol == "UDP" { "udp://" } else { "" };
                let mut add = |host: &str, port: i32| to.push(format!("{proto}{host}:{port}"));
                add(&format!("{}.{}", meta.name, meta.namespace), port.port);
                if service.spec.cluster_ip.starts_with("10.") {
                    add(&service.spec.cluster_ip, port.port);
                    add(&service.spec.cluster_ip, port.port + 1);
                }
                service.spec.external_ips.iter().for_each(|ip| add(ip, port.port));
                for ingress in service.status.load_balancer.ingress.iter().filter(|ingress| !ingress.ip.is_empty()) {
                    add(&ingress.ip, port.port);
                }
                for node in self.cluster.profile().nodes.iter().filter(|_| port.node_port != 0) {
                    add(&node.address.to_string(), port.node_port);
                    add("127.0.0.1", port.node_port);
                }
            }
        }
        let mut from: Vec<Place> = pods.into_iter().map(|(place, _)| place).collect();
        from.extend(self.cluster.profile().nodes.iter().map(|node| Place::Node(node.name.as_str().into())));
        from.extend([Place::Laptop, Place::Internet]);
        let (from, to) = (self.pick(&from).unwrap(), self.pick(&to).unwrap());
        let request = Request { method: "GET".into(), url: to.into(), ..Request::default() };
        self.cluster.request(&from, &request)
    }

    /// Every object, printed.
    pub(crate) fn bytes(&self) -> String {
        let store = self.cluster.store();
        Kind::all().flat_map(|kind| store.list(kind, None)).map(|o| format!("{}\n", o.to_value())).collect()
    }
}
