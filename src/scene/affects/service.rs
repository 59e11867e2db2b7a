//! Fields of a Service, and of endpoints written by hand.

use super::{Ask, Member, Table, everywhere, listens, names, pairs, pods, selected};
use crate::lang::Lang;
use crate::object::{EndpointSlice, Endpoints, Ingress, IntOrString, Kind, Ref, Service, ServicePort};
use crate::scene::Marks;
use crate::scene::light::Light;
use crate::scene::{rules, service};

pub(super) const TABLE: Table = &[
    ("spec.selector", selector),
    ("spec.ports[*].targetPort", target),
    ("spec.ports[*].nodePort", node_port),
    ("spec.ports[*].name", port_name),
    ("spec.ports[*]", port),
    ("spec.ports", all_ports),
    ("spec.type", by_type),
    ("spec.externalTrafficPolicy", external_policy),
    ("spec.internalTrafficPolicy", internal_policy),
    ("spec.sessionAffinity", affinity),
    ("spec.sessionAffinityConfig", affinity),
    ("spec.clusterIP", cluster_ip),
    ("spec.clusterIPs", cluster_ip),
    ("spec.externalIPs", external_ips),
    ("spec.externalName", external_name),
    ("spec.loadBalancerClass", balancer),
    ("spec.allocateLoadBalancerNodePorts", balancer),
    ("spec.loadBalancerSourceRanges", policy),
    ("spec.healthCheckNodePort", policy),
    ("spec.trafficDistribution", policy),
    ("spec.publishNotReadyAddresses", policy),
    ("metadata.name", name),
    ("metadata.namespace", namespace),
    ("metadata.labels", labels),
    ("", whole),
];

pub(super) const ENDPOINTS: Table = &[("", endpoints)];

impl<'a> Ask<'a> {
    fn own(&mut self) -> Option<&'a Service> {
        self.found.focus = Some(self.key.clone());
        self.service(self.key)
    }

    /// The pods that the Service selects.
    fn members(&self, service: &'a Service) -> Vec<Member<'a>> {
        selected(self.store, &self.key.namespace, &service.spec.selector)
    }

    /// Lights the candidates of the Service's rules: all, or those of one port.
    fn light_picks(&mut self, name: Option<&str>) {
        for slice in rules::slices(self.store, self.key) {
            for port in slice.ports.iter().filter(|port| name.is_none_or(|name| port.name == name)) {
                let Some(number) = port.port else { continue };
                let addresses = slice.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
                self.found.lights.extend(addresses.map(|address| Light::Pick(format!("{address}:{number}"))));
            }
        }
    }

    /// Lights what the Service's rules for a port match.
    fn light_pills(&mut self, service: &Service, port: &ServicePort) {
        let spec = &service.spec;
        if !matches!(spec.cluster_ip.as_str(), "" | "None") {
            self.light([Light::Pill(format!("{}:{}", spec.cluster_ip, port.port))]);
        }
        if port.node_port > 0 {
            self.light([Light::Pill(format!(":{}", port.node_port))]);
        }
        let balanced = service.status.load_balancer.ingress.iter().map(|at| &at.ip);
        let outside = balanced.chain(&spec.external_ips).filter(|ip| !ip.is_empty());
        let pills: Vec<Light> = outside.map(|ip| Light::Pill(format!("{ip}:{}", port.port))).collect();
        self.light(pills);
    }
}

fn selector(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let members = ask.members(service);
    let wanted = pairs(&service.spec.selector);
    let lang = ask.lang;
    ask.light_pods(members.iter().map(|member| &member.key));
    ask.light_picks(None);
    if wanted.is_empty() {
        return ask.say(
            "Without a selector the Service picks no pods: somebody must write its EndpointSlices.",
            "没有选择算符，Service 不会挑选 Pod：EndpointSlice 要由别人来写。",
        );
    }
    if service.spec.r#type == "ExternalName" {
        return ask.say(
            "A name has no endpoints: this selector does nothing.",
            "它只是一个名字，没有端点：这个选择算符不起作用。",
        );
    }
    let ready = members.iter().filter(|member| member.is_ready() || service.spec.publish_not_ready_addresses).count();
    let all = pods(members.len(), lang);
    let out = members.len() - ready;
    let headless = service.spec.cluster_ip == "None";
    Some(match (members.len(), ready) {
        (0, _) => {
            let end = match headless {
                true => lang.pick("DNS has no address to answer with", "DNS 没有地址可答"),
                false => lang.pick("every kernel refuses its connections", "每个内核都拒绝它的连接"),
            };
            lang.pick(
                format!(
                    "This selector picks no pod: none has the labels {wanted}. So there is no endpoint, and {end}."
                ),
                format!("这个选择算符没有选中任何 Pod：没有 Pod 带有标签 {wanted}。所以没有端点，{end}。"),
            )
        }
        (_, 0) => lang.pick(
            format!("This selector picks {all}, but none is ready: no endpoint can be used."),
            format!("这个选择算符选中 {all}，但没有一个就绪：没有可用的端点。"),
        ),
        _ => {
            let but = match out {
                0 => String::new(),
                n => lang.pick(format!(", {n} of them left out until ready"), format!("，其中 {n} 个要等就绪才算")),
            };
            let place = everywhere(ask.store, lang);
            match headless {
                true => lang.pick(
                    format!(
                        "This selector picks {all}{but}. DNS answers with their own addresses; no kernel has a rule."
                    ),
                    format!("这个选择算符选中 {all}{but}。DNS 直接回答它们的地址，内核里没有规则。"),
                ),
                false => lang.pick(
                    format!("This selector picks {all}{but}. kube-proxy writes one rule for each ready one {place}."),
                    format!("这个选择算符选中 {all}{but}。kube-proxy {place}为每个就绪的 Pod 各写一条规则。"),
                ),
            }
        }
    })
}

fn target(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let port = service.spec.ports.get(ask.index(0))?;
    let members = ask.members(service);
    let lang = ask.lang;
    let number = |member: &Member<'_>| match &port.target_port {
        Some(IntOrString::Int(number)) if *number > 0 => Some(*number),
        Some(IntOrString::String(name)) => {
            let ports = member.pod.spec.containers.iter().flat_map(|container| &container.ports);
            ports.filter(|port| port.name == *name).map(|port| port.container_port).next()
        }
        _ => Some(port.port),
    };
    let udp = port.protocol == "UDP";
    let (mut open, mut shut, mut nameless) = (0, 0, 0);
    for member in &members {
        match number(member) {
            None => nameless += 1,
            Some(number) if udp || listens(ask.store, member.pod).iter().any(|at| i32::from(*at) == number) => {
                open += 1
            }
            Some(_) => shut += 1,
        }
        ask.light([Light::Door(member.key.clone())]);
    }
    ask.light_picks(Some(&port.name));
    let written = match &port.target_port {
        Some(IntOrString::Int(number)) if *number > 0 => number.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        _ => port.port.to_string(),
    };
    let from = port.port;
    let n = members.len();
    Some(match () {
        () if n == 0 => lang.pick(
            format!("Packets for port {from} would go on to port {written} of the pods, but no pod is selected."),
            format!("发往端口 {from} 的数据包本应转到 Pod 的端口 {written}，但没有选中任何 Pod。"),
        ),
        () if nameless == n => lang.pick(
            format!("No container of the {} names a port {written}: none of them becomes an endpoint.", pods(n, lang)),
            format!("选中的 {} 里没有容器把端口命名为 {written}：它们都成不了端点。", pods(n, lang)),
        ),
        () if shut > 0 => lang.pick(
            format!(
                "Packets for port {from} go on to port {written} of a pod. In {shut} of {n} pods nobody listens there: the pod refuses the connection."
            ),
            format!("发往端口 {from} 的数据包转到 Pod 的端口 {written}。{n} 个 Pod 中有 {shut} 个没有程序在那里监听：Pod 会拒绝连接。"),
        ),
        () => lang.pick(
            format!("DNAT writes it into packets for port {from}: they go on to port {written} of a pod. In {open} of {n} pods a program listens there."),
            format!("DNAT 把它写进发往端口 {from} 的数据包，转到 Pod 的端口 {written}。{n} 个 Pod 中有 {open} 个在那里监听。"),
        ),
    })
}

fn node_port(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let port = service.spec.ports.get(ask.index(0)).filter(|port| port.node_port > 0)?;
    let number = port.node_port;
    ask.light([Light::Pill(format!(":{number}"))]);
    let nodes = ask.nodes();
    let first = nodes.first().map(|node| node.address.clone()).unwrap_or_default();
    let lang = ask.lang;
    if service.spec.external_traffic_policy == "Local" {
        return external_policy(ask);
    }
    Some(match nodes.len() {
        1 => lang.pick(
            format!("The node answers at {first}:{number}, too, for clients outside of the cluster."),
            format!("节点也在 {first}:{number} 上应答，供集群外的客户端使用。"),
        ),
        n => lang.pick(
            format!("All {n} nodes answer at port {number} of their own address (the first: {first}:{number}), also those without a pod of this Service."),
            format!("全部 {n} 个节点都在自己地址的端口 {number} 上应答（第一个：{first}:{number}），没有这个 Service 的 Pod 的节点也一样。"),
        ),
    })
}

fn port_name(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let port = service.spec.ports.get(ask.index(0)).filter(|port| !port.name.is_empty())?;
    ask.light_pills(service, port);
    let (name, own) = (&port.name, &ask.key.name);
    let users = ask.store.all::<Ingress>().filter(|(meta, ingress)| {
        let mut backends = super::edge::backends(ingress);
        *meta.namespace == *ask.key.namespace && backends.any(|b| *b.name == **own && b.port.name == *name)
    });
    let users: Vec<String> = users.map(|(meta, _)| format!("Ingress {}", meta.name)).collect();
    let by = match users.is_empty() {
        true => String::new(),
        false => ask
            .lang
            .pick(format!(", as {} does", names(&users, ask.lang)), format!("，{} 就是这样", names(&users, ask.lang))),
    };
    let dns = format!("_{name}._{}.{own}.{}.svc.cluster.local", port.protocol.to_ascii_lowercase(), ask.key.namespace);
    ask.say(
        format!("An Ingress may name the port {name} instead of {}{by}; DNS has an SRV record {dns}.", port.port),
        format!("Ingress 可以用名字 {name} 代替 {}{by}；DNS 里有 SRV 记录 {dns}。", port.port),
    )
}

fn port(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let port = service.spec.ports.get(ask.index(0))?;
    ask.light_pills(service, port);
    ask.light([Light::Service(ask.key.clone())]);
    let (number, ip, lang) = (port.port, &service.spec.cluster_ip, ask.lang);
    let place = everywhere(ask.store, lang);
    if ip == "None" {
        return ask.say(
            "The Service has no address of its own: nobody translates this port. Clients must call the port that the pods listen on.",
            "这个 Service 没有自己的地址：没有谁转换这个端口。客户端必须直接访问 Pod 监听的端口。",
        );
    }
    ask.say(
        format!("Clients call {ip}:{number}. The rule for it stands {place}; a packet carries this port until DNAT rewrites it."),
        format!("客户端访问 {ip}:{number}。它的规则写{place}；数据包一直带着这个端口，直到 DNAT 改写它。"),
    )
}

fn all_ports(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    for port in &service.spec.ports {
        ask.light_pills(service, port);
    }
    let place = everywhere(ask.store, ask.lang);
    match service.spec.ports.len() {
        1 => {
            ask.at = vec![0];
            port(ask)
        }
        n => ask.say(
            format!("{n} ports, each with rules of its own {place}."),
            format!("{n} 个端口，每个都有自己的规则，写{place}。"),
        ),
    }
}

fn by_type(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    for port in &service.spec.ports {
        ask.light_pills(service, port);
    }
    ask.light([Light::Service(ask.key.clone())]);
    match service.spec.r#type.as_str() {
        "NodePort" => ask.say(
            "NodePort is a ClusterIP and more: every node opens the same port on its own address.",
            "NodePort 在 ClusterIP 之上再加一层：每个节点在自己的地址上打开同一个端口。",
        ),
        "LoadBalancer" => {
            ask.light([Light::Outside(ask.key.clone())]);
            let address = service.status.load_balancer.ingress.first();
            let address = address.map(|at| if at.ip.is_empty() { at.hostname.clone() } else { at.ip.clone() });
            match address {
                Some(address) => ask.say(
                    format!("LoadBalancer is a NodePort and more: a load balancer outside gave it {address}."),
                    format!("LoadBalancer 在 NodePort 之上再加一层：外面的负载均衡器给了它 {address}。"),
                ),
                None => ask.say(
                    "LoadBalancer is a NodePort and more: it waits for somebody outside to give it an address.",
                    "LoadBalancer 在 NodePort 之上再加一层：它在等外面有谁给它一个地址。",
                ),
            }
        }
        "ExternalName" => external_name(ask),
        _ => ask.say(
            "ClusterIP: one address inside of the cluster. Nothing opens to the outside.",
            "ClusterIP：集群内部的一个地址，不对外开放任何东西。",
        ),
    }
}

/// The nodes without an endpoint of their own, where policy Local makes that matter.
fn silent(ask: &mut Ask<'_>, inner: bool) -> Vec<String> {
    let Some(facts) = rules::rules(ask.store, &Marks::default(), ask.key) else { return Vec::new() };
    let mut silent = Vec::new();
    for node in ask.nodes() {
        let rows = facts.on(&node);
        if rows.iter().any(|row| row.silent && (row.cluster.is_empty() != inner || row.node_port > 0)) {
            ask.light([Light::Kernel(node.name.as_str().into())]);
            silent.push(node.name);
        }
    }
    silent
}

fn external_policy(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let ports = service.spec.ports.iter().filter(|port| port.node_port > 0);
    let pills: Vec<Light> = ports.map(|port| Light::Pill(format!(":{}", port.node_port))).collect();
    ask.light(pills);
    if service.spec.external_traffic_policy != "Local" {
        return policy_at(ask, "spec.externalTrafficPolicy");
    }
    let silent = silent(ask, false);
    match silent.is_empty() {
        true => ask.say(
            "From outside, a node uses its own pods only, and the client's address stays. Every node has one.",
            "来自外部的流量，节点只用自己的 Pod，客户端地址得以保留。每个节点都有 Pod。",
        ),
        false => {
            let at = names(&silent, ask.lang);
            ask.say(
                format!("From outside, a node uses its own pods only, and the client's address stays. {at}: no ready pod there, what comes from outside is dropped."),
                format!("来自外部的流量，节点只用自己的 Pod，客户端地址得以保留。{at} 上没有就绪的 Pod，从外部来的数据包会被丢弃。"),
            )
        }
    }
}

fn internal_policy(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    let ip = &service.spec.cluster_ip;
    let pills: Vec<Light> = service.spec.ports.iter().map(|port| Light::Pill(format!("{ip}:{}", port.port))).collect();
    ask.light(pills);
    if service.spec.internal_traffic_policy != "Local" {
        return ask.say(
            "From inside of the cluster, any node may use any pod of the Service.",
            "来自集群内部的流量，任何节点都可以用任何 Pod。",
        );
    }
    let silent = names(&silent(ask, true), ask.lang);
    match silent.is_empty() {
        true => policy_at(ask, "spec.internalTrafficPolicy"),
        false => ask.say(
            format!("From inside of the cluster, a node uses its own pods only. {silent}: no ready pod there, the packet is dropped."),
            format!("来自集群内部的流量，节点只用自己的 Pod。{silent} 上没有就绪的 Pod，数据包会被丢弃。"),
        ),
    }
}

fn affinity(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    for port in &service.spec.ports {
        ask.light_pills(service, port);
    }
    ask.light_picks(None);
    if service.spec.session_affinity == "ClientIP" {
        return policy_at(ask, "spec.sessionAffinity");
    }
    ask.say("Every new connection is picked for anew, at random.", "每条新连接都重新随机挑选。")
}

fn cluster_ip(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    for port in &service.spec.ports {
        ask.light_pills(service, port);
    }
    ask.light([Light::Service(ask.key.clone())]);
    let place = everywhere(ask.store, ask.lang);
    match service.spec.cluster_ip.as_str() {
        "None" => {
            let members = ask.members(service);
            ask.light_pods(members.iter().map(|member| &member.key));
            ask.say(
                "Headless: the Service has a name and no address. DNS answers with the pods' own, and no kernel has a rule.",
                "无头 Service：有名字，没有地址。DNS 直接回答 Pod 的地址，内核里没有规则。",
            )
        }
        ip => ask.say(
            format!("{ip} is an address that no machine has. It exists only in the rules {place}."),
            format!("{ip} 是一个不属于任何机器的地址，只存在于规则里：{place}。"),
        ),
    }
}

fn external_ips(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    for port in &service.spec.ports {
        ask.light_pills(service, port);
    }
    let all = names(&service.spec.external_ips, ask.lang);
    ask.say(
        format!("Packets for {all} that reach a node are taken like those for the cluster IP. Who brings them there is somebody else's business."),
        format!("到达节点、发往 {all} 的数据包会像发往 ClusterIP 的一样处理。谁把它们送到节点，Kubernetes 不管。"),
    )
}

fn external_name(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    ask.light([Light::Service(ask.key.clone())]);
    let to = &service.spec.external_name;
    ask.say(
        format!(
            "DNS answers with the name {to} (a CNAME record), and nothing else happens: no address, no rule, no port."
        ),
        format!("DNS 用名字 {to} 回答（CNAME 记录），除此之外什么也不发生：没有地址、规则或端口。"),
    )
}

fn balancer(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    ask.light([Light::Outside(ask.key.clone())]);
    match (&service.spec.load_balancer_class, service.spec.allocate_load_balancer_node_ports) {
        (Some(class), _) if ask.path.ends_with("Class") => ask.say(
            format!("Only a load balancer of the class {class} may serve it; the others leave it alone."),
            format!("只有 {class} 类的负载均衡器可以为它服务，其余的都不理它。"),
        ),
        (_, Some(false)) => ask.say(
            "No node port is opened: the load balancer must bring packets for its own address to the nodes.",
            "不打开 nodePort：负载均衡器必须把发往自己地址的数据包原样送到节点。",
        ),
        _ => ask.say(
            "The load balancer sends to a node port, which is allocated.",
            "负载均衡器发往 nodePort，它会被自动分配。",
        ),
    }
}

/// What the inspector says of a policy.
fn policy_at(ask: &mut Ask<'_>, path: &str) -> Option<String> {
    let service = ask.service(ask.key)?;
    service::policies(service, ask.lang).into_iter().find(|(at, _)| *at == path).map(|(_, sentence)| sentence)
}

fn policy(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    ask.light([Light::Outside(ask.key.clone())]);
    ask.light_picks(None);
    let path = ask.path.split('[').next().unwrap_or_default().to_owned();
    let _ = service;
    policy_at(ask, &path)
}

fn name(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    ask.light([Light::Service(ask.key.clone())]);
    let dns = format!("{}.{}.svc.cluster.local", ask.key.name, ask.key.namespace);
    let (en, zh) = match service.spec.cluster_ip.as_str() {
        "None" => ("with the pods' addresses", "Pod 的地址"),
        "" => ("with another name", "另一个名字"),
        ip => (ip, ip),
    };
    let with = if en == zh { "with " } else { "" };
    ask.say(
        format!("The name is a DNS name, too: {dns} is answered {with}{en}. The stage shows it at the dashed line."),
        format!("名字也是 DNS 名字：{dns} 得到的回答是{zh}。舞台上它写在虚线旁。"),
    )
}

fn namespace(ask: &mut Ask<'_>) -> Option<String> {
    ask.own()?;
    ask.light([Light::Service(ask.key.clone())]);
    let (name, own) = (&ask.key.name, &ask.key.namespace);
    ask.say(
        format!("Its selector looks at the pods of namespace {own} only. Pods of other namespaces must call it {name}.{own}."),
        format!("它的选择算符只看命名空间 {own} 里的 Pod。其他命名空间的 Pod 要用 {name}.{own} 访问它。"),
    )
}

fn labels(ask: &mut Ask<'_>) -> Option<String> {
    ask.own()?;
    ask.light([Light::Service(ask.key.clone())]);
    ask.say(
        "Labels of the Service itself pick no pods: its selector does.",
        "Service 自己的标签不挑选 Pod，挑选靠的是它的选择算符。",
    )
}

fn whole(ask: &mut Ask<'_>) -> Option<String> {
    let service = ask.own()?;
    ask.light([Light::Service(ask.key.clone())]);
    for port in &service.spec.ports {
        ask.light_pills(service, port);
    }
    let members = ask.members(service);
    let ready = members.iter().filter(|member| member.is_ready()).count();
    let lang: Lang = ask.lang;
    let all = pods(members.len(), lang);
    let kind = if service.spec.cluster_ip == "None" { "headless" } else { service.spec.r#type.as_str() };
    ask.say(
        format!("A Service of type {kind}: {all} behind it, {ready} ready."),
        format!("类型为 {kind} 的 Service：背后有 {all}，{ready} 个就绪。"),
    )
}

fn endpoints(ask: &mut Ask<'_>) -> Option<String> {
    let object = ask.store.get(ask.key)?;
    let of = object.meta.labels.get("kubernetes.io/service-name").cloned();
    let of = of.unwrap_or_else(|| ask.key.name.to_string());
    let service = Ref::new(Kind::Service, ask.key.namespace.clone(), of.as_str());
    let mut addresses: Vec<String> = Vec::new();
    if let Some(slice) = object.body::<EndpointSlice>() {
        for address in slice.endpoints.iter().flat_map(|endpoint| &endpoint.addresses) {
            addresses.extend(slice.ports.iter().filter_map(|port| Some(format!("{address}:{}", port.port?))));
        }
    } else if let Some(endpoints) = object.body::<Endpoints>() {
        for subset in &endpoints.subsets {
            for address in &subset.addresses {
                addresses.extend(subset.ports.iter().filter_map(|port| Some(format!("{}:{}", address.ip, port.port?))));
            }
        }
    }
    let said = names(&addresses, ask.lang);
    ask.light(addresses.into_iter().map(Light::Pick));
    ask.light([Light::Service(service.clone())]);
    let exists = ask.store.get(&service).is_some();
    ask.found.focus = exists.then_some(service);
    match exists {
        true => ask.say(
            format!("The rules of Service {of} lead to these addresses: {said}."),
            format!("Service {of} 的规则通向这些地址：{said}。"),
        ),
        false => ask.say(
            format!("There is no Service {of} to use these addresses: {said}."),
            format!("没有名为 {of} 的 Service 来使用这些地址：{said}。"),
        ),
    }
}
