//! What exists before the learner's first manifest, as `minikube start` leaves it: nodes, namespaces, the control plane's pods,
//! CoreDNS, the `kubernetes` Service.
//!
//! All of it is put in its place rather than played, so that a session starts at once with ages counting from the birth.
//! One liberty: a node takes as many pods as its range has addresses, as with `--extra-config=kubelet.max-pods`.

use serde_json::json;

use super::Cluster;
use crate::controller;
use crate::inet::{Ipv4Net, Pool};
use crate::object::{
    Condition, Container, DaemonSet, Deployment, EndpointAddress, EndpointConditions, EndpointPort, EndpointSlice,
    EndpointSubset, Endpoints, IntOrString, Kind, LabNode, Labels, Namespace, Node, NodeAddress, Object,
    OwnerReference, Pod, PodSpec, Ref, Rest, Service, ServicePort,
};
use crate::time::Instant;

const VERSION: &str = "v1.37.0";

impl Cluster {
    pub(super) fn boot(&mut self) {
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            self.born(Object::new("", name, Namespace::default()));
        }
        let nodes = self.profile.nodes.clone();
        for (i, node) in nodes.iter().enumerate() {
            let role = match self.profile.control_plane {
                Some(_) => Role::Worker,
                None if i == 0 => Role::ControlPlane,
                None => Role::Member,
            };
            self.born(self::node(node, role, self.now));
            self.kubelet.join(&node.name, Pool::new(node.pod_cidr));
            // CoreDNS is there before a further node joins minikube's first.
            if role == Role::ControlPlane {
                self.coredns();
                self.wake(None);
                self.settle_at_birth();
            }
        }
        self.kubernetes_service();
        self.system_pods(&nodes);
        if self.profile.control_plane.is_some() {
            self.coredns();
        }
        let address = self.first_ip(10);
        self.born(kube_dns(address));
        // Everything below has settled before the learner comes: time does not move.
        self.wake(None);
        self.settle_at_birth();
    }

    /// An object that exists from the start.
    pub(super) fn born(&mut self, object: Object) -> Ref {
        let key = object.key();
        let created = self.api.create_trusted(object, self.now);
        assert!(created.is_ok(), "what a cluster starts with is accepted: {created:?}");
        key
    }

    /// Lets the controllers work without time passing, pods starting at once.
    fn settle_at_birth(&mut self) {
        let far = Instant::from_millis(u64::MAX / 2000);
        while let Some((_, controller, key)) = self.queue.pop(far) {
            let store = self.api.store();
            let outcome = if controller == controller::Controller::Kubelet && !self.kubelet.runs(&key) {
                self.kubelet.adopt(store, &key, self.now)
            } else {
                controller::reconcile(controller, &mut self.kubelet, store, &self.outages, &key, self.now)
            };
            outcome.changes.into_iter().for_each(|change| self.change(change, Some(controller)));
            self.wake(Some(controller));
        }
        self.deadlines = controller::Queue::default();
        self.api.forget_events();
    }

    fn kubernetes_service(&mut self) {
        let address = self.profile.control_plane.unwrap_or(self.profile.nodes[0].address).to_string();
        let at = self.profile.api_port();
        let mut service = Service::default();
        service.spec.cluster_ip = self.first_ip(1);
        service.spec.cluster_ips = vec![service.spec.cluster_ip.clone()];
        service.spec.ports = vec![ServicePort {
            name: "https".into(),
            port: 443,
            protocol: "TCP".into(),
            target_port: Some(IntOrString::Int(at)),
            ..ServicePort::default()
        }];
        let mut object = Object::new("default", "kubernetes", service);
        object.meta.labels = labels(&[("component", "apiserver"), ("provider", "kubernetes")]);
        self.born(object);
        let port =
            EndpointPort { name: "https".into(), port: Some(at), protocol: "TCP".into(), ..EndpointPort::default() };
        let subset = EndpointSubset {
            addresses: vec![EndpointAddress { ip: address.clone(), ..EndpointAddress::default() }],
            not_ready_addresses: Vec::new(),
            ports: vec![port.clone()],
        };
        let mut object = Object::new("default", "kubernetes", Endpoints { subsets: vec![subset] });
        object.meta.labels = labels(&[("endpointslice.kubernetes.io/skip-mirror", "true")]);
        self.born(object);
        let endpoint = crate::object::Endpoint {
            addresses: vec![address],
            conditions: EndpointConditions { ready: Some(true), ..EndpointConditions::default() },
            ..Default::default()
        };
        let slice = EndpointSlice { address_type: "IPv4".into(), endpoints: vec![endpoint], ports: vec![port] };
        let mut object = Object::new("default", "kubernetes", slice);
        object.meta.labels = labels(&[("kubernetes.io/service-name", "kubernetes")]);
        self.born(object);
    }

    /// The address so many after the start of the service range.
    fn first_ip(&self, offset: u32) -> String {
        crate::inet::Ipv4Addr::from(u32::from(self.profile.service_cidr.network()) + offset).to_string()
    }

    fn system_pods(&mut self, nodes: &[LabNode]) {
        let first = nodes[0].name.clone();
        // A control plane that the cloud runs shows none of its programs.
        let ours = self.profile.control_plane.is_none();
        for (name, image) in [
            ("etcd", "registry.k8s.io/etcd:3.6.5-0"),
            ("kube-apiserver", "registry.k8s.io/kube-apiserver:v1.37.0"),
            ("kube-controller-manager", "registry.k8s.io/kube-controller-manager:v1.37.0"),
            ("kube-scheduler", "registry.k8s.io/kube-scheduler:v1.37.0"),
        ]
        .into_iter()
        .filter(|_| ours)
        {
            let mut object = host_pod(&format!("{name}-{first}"), name, image, &first);
            object.meta.labels = labels(&[("component", name), ("tier", "control-plane")]);
            object.meta.annotations = labels(&[("kubernetes.io/config.source", "file")]);
            let uid = self.store().get(&Ref::new(Kind::Node, "", first.as_str())).map(|n| n.meta.uid.clone());
            object.meta.owner_references = vec![reference("v1", "Node", &first, &uid.unwrap_or_default())];
            self.born(object);
        }
        let mut agents = vec![("kube-proxy", "registry.k8s.io/kube-proxy:v1.37.0", "k8s-app")];
        if ours && nodes.len() > 1 {
            agents.push(("kindnet", "docker.io/kindest/kindnetd:v20250512-df8de77b", "app"));
        }
        for (name, image, label) in agents {
            self.born(agent(name, image, label));
        }
        if !ours {
            return;
        }
        let mut object = host_pod(
            "storage-provisioner",
            "storage-provisioner",
            "gcr.io/k8s-minikube/storage-provisioner:v5",
            &first,
        );
        object.meta.labels =
            labels(&[("addonmanager.kubernetes.io/mode", "Reconcile"), ("integration-test", "storage-provisioner")]);
        self.born(object);
    }

    fn coredns(&mut self) {
        let tree = json!({
            "spec": {
                "replicas": 1,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": "25%"}},
                "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
                "template": {
                    "metadata": {"labels": {"k8s-app": "kube-dns"}},
                    "spec": {
                        "priorityClassName": "system-cluster-critical",
                        "serviceAccountName": "coredns",
                        "dnsPolicy": "Default",
                        "nodeSelector": {"kubernetes.io/os": "linux"},
                        "tolerations": [
                            {"key": "CriticalAddonsOnly", "operator": "Exists"},
                            {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
                        ],
                        "containers": [{
                            "name": "coredns",
                            "image": "registry.k8s.io/coredns/coredns:v1.13.1",
                            "args": ["-conf", "/etc/coredns/Corefile"],
                            "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
                            "ports": [
                                {"containerPort": 53, "name": "dns", "protocol": "UDP"},
                                {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                                {"containerPort": 9153, "name": "metrics", "protocol": "TCP"},
                                {"containerPort": 8080, "name": "liveness-probe", "protocol": "TCP"},
                                {"containerPort": 8181, "name": "readiness-probe", "protocol": "TCP"}
                            ],
                            "livenessProbe": {
                                "httpGet": {"path": "/health", "port": "liveness-probe", "scheme": "HTTP"},
                                "initialDelaySeconds": 60, "timeoutSeconds": 5, "successThreshold": 1, "failureThreshold": 5
                            },
                            "readinessProbe": {"httpGet": {"path": "/ready", "port": "readiness-probe", "scheme": "HTTP"}}
                        }]
                    }
                }
            }
        });
        let deployment: Result<Deployment, _> = crate::object::from_tree(tree);
        assert!(deployment.is_ok(), "our own deployment is read: {deployment:?}");
        let mut object = Object::new("kube-system", "coredns", deployment.unwrap_or_default());
        object.meta.labels = labels(&[("k8s-app", "kube-dns")]);
        self.born(object);
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn reference(api_version: &str, kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: api_version.into(),
        block_owner_deletion: kind == "DaemonSet",
        controller: true,
        kind: kind.into(),
        name: name.into(),
        uid: uid.into(),
    }
}

fn host_pod(name: &str, container: &str, image: &str, node: &str) -> Object {
    let mut pod = Pod { spec: host_spec(container, image), ..Pod::default() };
    pod.spec.node_name = node.to_owned();
    Object::new("kube-system", name, pod)
}

/// One container on its node's own network.
fn host_spec(container: &str, image: &str) -> PodSpec {
    let mut spec = PodSpec { host_network: true, ..PodSpec::default() };
    spec.rest.insert("priorityClassName".into(), "system-node-critical".into());
    spec.containers = vec![Container {
        name: container.to_owned(),
        image: image.to_owned(),
        command: vec![container.to_owned()],
        ..Container::default()
    }];
    spec
}

/// A DaemonSet that runs on every node's own network.
fn agent(name: &str, image: &str, label: &str) -> Object {
    let mut pod = host_spec(name, image);
    pod.rest.insert("tolerations".into(), json!([{ "operator": "Exists" }]));
    pod.rest.insert("serviceAccountName".into(), name.into());
    if name == "kube-proxy" {
        pod.node_selector = labels(&[("kubernetes.io/os", "linux")]);
    }
    let mut set = DaemonSet::default();
    set.spec.selector.match_labels = labels(&[(label, name)]);
    set.spec.template.metadata.labels = set.spec.selector.match_labels.clone();
    set.spec.template.spec = pod;
    let mut object = Object::new("kube-system", name, set);
    object.meta.labels = labels(&[(label, name)]);
    object
}

fn kube_dns(address: String) -> Object {
    let port = |name: &str, port: i32, protocol: &str| ServicePort {
        name: name.into(),
        port,
        protocol: protocol.into(),
        target_port: Some(IntOrString::Int(port)),
        ..ServicePort::default()
    };
    let mut service = Service::default();
    service.spec.cluster_ip = address;
    service.spec.ports = vec![port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP"), port("metrics", 9153, "TCP")];
    service.spec.selector = labels(&[("k8s-app", "kube-dns")]);
    let mut object = Object::new("kube-system", "kube-dns", service);
    object.meta.labels = labels(&[
        ("k8s-app", "kube-dns"),
        ("kubernetes.io/cluster-service", "true"),
        ("kubernetes.io/name", "CoreDNS"),
    ]);
    object.meta.annotations = labels(&[("prometheus.io/port", "9153"), ("prometheus.io/scrape", "true")]);
    object
}

/// What a node is in its cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// minikube's first node.
    ControlPlane,
    /// A further node of minikube's.
    Member,
    /// A node of a cluster whose control plane stands apart.
    Worker,
}

fn node(lab: &LabNode, role: Role, now: Instant) -> Object {
    let pods = (1_u64 << (32 - lab.pod_cidr.prefix_len())).saturating_sub(3).to_string();
    let amounts = json!({"cpu": "2", "ephemeral-storage": "61202244Ki", "memory": "8048596Ki", "pods": pods});
    let mut node = Node::default();
    // The controller manager gives each node a /24, whatever its bridge makes of it.
    let share = Ipv4Net::new_assert(lab.pod_cidr.network(), lab.pod_cidr.prefix_len().max(24)).to_string();
    node.spec.pod_cidr.clone_from(&share);
    node.spec.rest.insert("podCIDRs".into(), json!([share]));
    let address = |r#type: &str, address: &str| NodeAddress { address: address.to_owned(), r#type: r#type.to_owned() };
    node.status.addresses = vec![address("InternalIP", &lab.address.to_string())];
    node.status.addresses.extend(lab.public.map(|public| address("ExternalIP", &public.to_string())));
    node.status.addresses.push(address("Hostname", &lab.name));
    let condition = |(r#type, status, reason, message): (&str, &str, &str, &str)| Condition {
        last_transition_time: Some(now),
        message: message.into(),
        reason: reason.into(),
        status: status.into(),
        r#type: r#type.into(),
        ..Condition::default()
    };
    node.status.conditions = controller::HEALTHY.map(condition).to_vec();
    let rest: Rest = [
        ("allocatable", amounts.clone()),
        ("capacity", amounts),
        ("daemonEndpoints", json!({"kubeletEndpoint": {"Port": 10_250}})),
        (
            "nodeInfo",
            json!({
                "architecture": "amd64",
                "containerRuntimeVersion": "containerd://2.3.4",
                "kernelVersion": "6.12.57",
                "kubeProxyVersion": "",
                "kubeletVersion": VERSION,
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
            }),
        ),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    node.status.rest = rest;
    let mut object = Object::new("", lab.name.as_str(), node);
    object.meta.labels = labels(&[
        ("beta.kubernetes.io/arch", "amd64"),
        ("beta.kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/hostname", &lab.name),
        ("kubernetes.io/os", "linux"),
    ]);
    if role != Role::Worker {
        let primary = if role == Role::ControlPlane { "true" } else { "false" };
        object
            .meta
            .labels
            .extend(labels(&[("minikube.k8s.io/name", "minikube"), ("minikube.k8s.io/primary", primary)]));
    }
    if role == Role::ControlPlane {
        object.meta.labels.extend(labels(&[
            ("node-role.kubernetes.io/control-plane", ""),
            ("node.kubernetes.io/exclude-from-external-load-balancers", ""),
        ]));
    }
    object.meta.labels.extend(lab.labels.clone());
    object.meta.annotations = labels(&[("node.alpha.kubernetes.io/ttl", "0")]);
    object
}
