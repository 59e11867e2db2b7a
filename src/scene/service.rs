//! A Service as the inspector peels it: one ring in another, its endpoints with their conditions, its policies in words.

use super::marks::{Mark, Marks};
use super::rules;
use crate::api::Store;
use crate::lang::Lang;
use crate::object::{Endpoint, Pod, Ref, Service};

/// One way to a Service. Types nest: a LoadBalancer is a NodePort, and that is a ClusterIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// `NodePort`
    pub name: &'static str,
    /// `:30000`; more than one if the Service has several ports.
    pub addresses: Vec<String>,
    /// Who comes by it.
    pub about: &'static str,
    /// Whether it waits for an address.
    pub is_pending: bool,
}

/// An endpoint of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The mark of its pod.
    pub mark: Option<Mark>,
    /// `10.244.0.5:9090`; without a port if the Service's has no number there.
    pub address: String,
    /// Its pod, if it is one's.
    pub pod: Option<Ref>,
    /// Its node.
    pub node: String,
    /// What its conditions say.
    pub state: &'static str,
    /// Whether the rules pick it, as long as others are ready.
    pub is_ready: bool,
}

/// The rings of a Service, the outermost first; empty if there is no such Service.
pub fn rings(store: &Store, key: &Ref, lang: Lang) -> Vec<Ring> {
    let Some(service) = store.get(key).and_then(|object| object.body::<Service>()) else { return Vec::new() };
    let spec = &service.spec;
    let ring = |name, addresses: Vec<String>, about: (&'static str, &'static str)| Ring {
        name,
        addresses,
        about: lang.pick(about.0, about.1),
        is_pending: false,
    };
    if spec.r#type == "ExternalName" {
        let about = (
            "another name: DNS answers with it, nothing else happens",
            "另一个名字：DNS 用它回答，除此之外什么也不发生",
        );
        return vec![ring("ExternalName", vec![spec.external_name.clone()], about)];
    }
    let mut rings = Vec::new();
    if spec.r#type == "LoadBalancer" {
        let ingress = service.status.load_balancer.ingress.iter();
        let addresses: Vec<String> =
            ingress.map(|i| if i.ip.is_empty() { &i.hostname } else { &i.ip }).cloned().collect();
        let is_pending = addresses.is_empty();
        let addresses = if is_pending { vec!["<pending>".to_owned()] } else { addresses };
        let about = match is_pending {
            true => ("nobody has given it an address", "还没有谁给它地址"),
            false => ("from anywhere, by one address", "从任何地方，用一个地址"),
        };
        rings.push(Ring { is_pending, ..ring("LoadBalancer", addresses, about) });
    }
    if !spec.external_ips.is_empty() {
        let about = ("packets that somebody routes to a node", "由别人路由到节点的数据包");
        rings.push(ring("externalIPs", spec.external_ips.clone(), about));
    }
    let node_ports: Vec<String> =
        spec.ports.iter().filter(|p| p.node_port > 0).map(|p| format!(":{}", p.node_port)).collect();
    if !node_ports.is_empty() {
        rings.push(ring("NodePort", node_ports, ("the same port on every node", "每个节点上的同一个端口")));
    }
    rings.push(match spec.cluster_ip.as_str() {
        "None" => ring(
            "headless",
            vec!["None".to_owned()],
            ("no address: DNS answers with the pods' own", "没有地址：DNS 直接回答 Pod 的地址"),
        ),
        ip => {
            let addresses = spec.ports.iter().map(|port| format!("{ip}:{}", port.port)).collect();
            ring("ClusterIP", addresses, ("from inside the cluster", "从集群内部"))
        }
    });
    rings
}

/// The endpoints of a Service, of its first port that has them, by address.
pub fn ends(store: &Store, marks: &Marks, key: &Ref, lang: Lang) -> Vec<End> {
    let mut ends = Vec::new();
    for slice in rules::slices(store, key) {
        let port = slice.ports.first().and_then(|port| port.port);
        for endpoint in &slice.endpoints {
            ends.extend(endpoint.addresses.iter().map(|address| end(store, marks, endpoint, address, port, lang)));
        }
    }
    crate::sort::by(&mut ends, |a, b| (a.mark, &a.address).cmp(&(b.mark, &b.address)));
    ends
}

fn end(store: &Store, marks: &Marks, endpoint: &Endpoint, address: &str, port: Option<i32>, lang: Lang) -> End {
    let conditions = &endpoint.conditions;
    let ready = conditions.ready.unwrap_or(true);
    let serving = conditions.serving.unwrap_or(ready);
    let ending = conditions.terminating.unwrap_or(false);
    let pod = endpoint.target_ref.as_ref().filter(|target| target.kind == "Pod");
    let pod = pod.map(|target| Ref::new(crate::object::Kind::Pod, target.namespace.as_str(), target.name.as_str()));
    // What `publishNotReadyAddresses` makes ready may be unready in truth.
    let says_ready = |pod: &Ref| store.get(pod).and_then(|o| o.body::<Pod>()).is_some_and(|pod| pod.status.is_ready());
    let state = match (ready, serving, ending) {
        (true, _, _) if pod.as_ref().is_some_and(|pod| !says_ready(pod)) => {
            lang.pick("not ready, but published", "未就绪，但仍发布")
        }
        (true, _, _) => lang.pick("ready", "就绪"),
        (false, true, true) => {
            lang.pick("ending, still serves: used if no other is ready", "正在结束，仍在服务：没有别的就绪端点时才用")
        }
        (false, _, true) => lang.pick("ending", "正在结束"),
        (false, _, false) => lang.pick("not ready: left out", "未就绪：被排除"),
    };
    End {
        mark: pod.as_ref().and_then(|pod| marks.get(pod)),
        address: port.map_or(address.to_owned(), |port| format!("{address}:{port}")),
        pod,
        node: endpoint.node_name.clone().unwrap_or_default(),
        state,
        is_ready: ready,
    }
}

/// What a Service's policies do, each with its field.
pub fn policies(service: &Service, lang: Lang) -> Vec<(&'static str, String)> {
    let spec = &service.spec;
    let mut said: Vec<(&'static str, String)> = Vec::new();
    let mut say = |field, en: &str, zh: &str| said.push((field, lang.pick(en, zh).to_owned()));
    if spec.session_affinity == "ClientIP" {
        let seconds = spec.session_affinity_config.as_ref().and_then(|c| c["clientIP"]["timeoutSeconds"].as_i64());
        let seconds = seconds.unwrap_or(10_800);
        say(
            "spec.sessionAffinity",
            &format!("Each kernel remembers a client's address for {seconds} seconds and sends it to the same pod."),
            &format!("每个内核会记住客户端地址 {seconds} 秒，并把它发给同一个 Pod。"),
        );
    }
    match spec.external_traffic_policy.as_str() {
        "Local" => say(
            "spec.externalTrafficPolicy",
            "From outside, a node uses its own pods only, so the client's address stays; a node without one drops the packet.",
            "来自外部的流量，节点只用自己的 Pod，所以客户端地址得以保留；没有 Pod 的节点会丢弃数据包。",
        ),
        "Cluster" => say(
            "spec.externalTrafficPolicy",
            "From outside, any node may use any pod; it puts its own address in place of the client's, so that the answer comes back to it.",
            "来自外部的流量，任何节点都可以用任何 Pod；节点用自己的地址替换客户端地址，好让应答回到它这里。",
        ),
        _ => {}
    }
    if spec.internal_traffic_policy == "Local" {
        say(
            "spec.internalTrafficPolicy",
            "From inside the cluster, a node uses its own pods only; a node without one drops the packet.",
            "来自集群内部的流量，节点只用自己的 Pod；没有 Pod 的节点会丢弃数据包。",
        );
    }
    match spec.traffic_distribution.as_deref() {
        Some("PreferSameNode") => say(
            "spec.trafficDistribution",
            "A node prefers its own pods, then those of its zone.",
            "节点优先用自己的 Pod，其次是同一可用区的 Pod。",
        ),
        Some(_) => say(
            "spec.trafficDistribution",
            "A node prefers pods of its own zone, as long as that has a ready one.",
            "只要本可用区有就绪的 Pod，节点就优先用它们。",
        ),
        None => {}
    }
    if spec.publish_not_ready_addresses {
        say(
            "spec.publishNotReadyAddresses",
            "Pods count as ready whatever their probes say.",
            "无论探针怎么说，Pod 都算就绪。",
        );
    }
    if !spec.load_balancer_source_ranges.is_empty() {
        let ranges = spec.load_balancer_source_ranges.join(", ");
        say(
            "spec.loadBalancerSourceRanges",
            &format!("By the balancer's address only clients in {ranges} come in; others are dropped."),
            &format!("经负载均衡器的地址，只有 {ranges} 里的客户端能进来，其余被丢弃。"),
        );
    }
    if spec.health_check_node_port > 0 {
        let port = spec.health_check_node_port;
        say(
            "spec.healthCheckNodePort",
            &format!("Balancers ask each node at port {port} whether it has a ready pod."),
            &format!("负载均衡器通过端口 {port} 询问每个节点是否有就绪的 Pod。"),
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Kind, Object};
    use crate::scene::fixture;

    #[test]
    fn types_nest_like_rings() {
        let names = |change: fn(&mut Service)| {
            let mut store = fixture::store(1, 1);
            let key = Ref::new(Kind::Service, "default", "web");
            let mut object = Object::clone(store.get(&key).expect("the Service"));
            change(object.body_mut::<Service>().expect("a Service"));
            store.put(object);
            let rings = rings(&store, &key, Lang::En);
            rings
                .iter()
                .map(|ring| format!("{} {}", ring.name, ring.addresses.join(" ")))
                .collect::<Vec<_>>()
                .join(" > ")
        };
        assert_eq!(names(|_| {}), "ClusterIP 10.97.183.23:9090");
        let balanced = |service: &mut Service| {
            service.spec.r#type = "LoadBalancer".into();
            service.spec.ports[0].node_port = 30000;
        };
        assert_eq!(names(balanced), "LoadBalancer <pending> > NodePort :30000 > ClusterIP 10.97.183.23:9090");
        assert_eq!(names(|service| service.spec.cluster_ip = "None".into()), "headless None");
    }

    #[test]
    fn endpoints_say_what_their_conditions_mean() {
        let store = fixture::store(2, 2);
        let key = Ref::new(Kind::Service, "default", "web");
        let ends = ends(&store, &Marks::of(&store), &key, Lang::En);
        let told: Vec<_> = ends.iter().map(|end| format!("{} {} {}", end.address, end.node, end.state)).collect();
        assert_eq!(told, ["10.244.0.3:9090 minikube ready", "10.244.1.3:9090 minikube-m02 ready"]);
    }
}
