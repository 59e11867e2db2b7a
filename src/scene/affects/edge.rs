//! Fields of what stands around Services: Ingresses and their classes, certificates, nodes, the environment.

use super::{Ask, Table, names, pods, selected};
use crate::object::{App, Ingress, IngressBackend, IngressClass, IngressServiceBackend, Kind, Lab, Pod, Ref};
use crate::scene::light::Light;

pub(super) const INGRESS: Table = &[
    ("spec.ingressClassName", class_name),
    ("metadata.annotations", annotations),
    ("spec.rules[*].http.paths[*].backend", backend),
    ("spec.rules[*].http.paths[*].pathType", path),
    ("spec.rules[*].http.paths[*].path", path),
    ("spec.rules[*].http.paths[*]", whole_path),
    ("spec.rules[*]", host),
    ("spec.defaultBackend", default_backend),
    ("spec.tls[*]", tls),
    ("", ingress),
];

pub(super) const CLASS: Table = &[("metadata.annotations", default_class), ("", class)];
pub(super) const SECRET: Table = &[("", secret)];
pub(super) const NODE: Table = &[("metadata.labels", node_labels), ("", node)];
pub(super) const LAB: Table = &[
    ("spec.nodes[*]", lab_node),
    ("spec.serviceCIDR", service_range),
    ("spec.podCIDR", pod_range),
    ("spec.kubeProxy", proxy),
    ("spec.loadBalancer", pool),
    ("spec.firewall", firewall),
    ("spec.links[*]", link),
    ("spec.images[*]", lab_image),
    ("", lab),
];

/// The Services that an Ingress names.
pub(super) fn backends(ingress: &Ingress) -> impl Iterator<Item = &IngressServiceBackend> {
    let paths = ingress.spec.rules.iter().filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths);
    paths.map(|path| &path.backend).chain(&ingress.spec.default_backend).filter_map(|backend| backend.service.as_ref())
}

/// A rule's host and path as a reader would write them.
fn url(host: &str, path: &str) -> String {
    let host = if host.is_empty() { "*" } else { host };
    format!("{host}{path}")
}

impl<'a> Ask<'a> {
    fn own_ingress(&self) -> Option<&'a Ingress> {
        self.store.read::<Ingress>(self.key).map(|(_, ingress)| ingress)
    }

    /// Lights the controller that reads an Ingress; gives its name, or none if it is paper.
    fn light_readers(&mut self) -> Option<&'static str> {
        let readers = self.cluster.readers(self.key);
        self.light(readers.iter().filter(|reader| reader.is_ready).map(|reader| Light::Pod(reader.pod.clone())));
        readers.into_iter().find(|reader| reader.is_ready).map(|reader| reader.program)
    }

    fn paper(&self) -> Option<String> {
        self.say(
            "It is paper: no controller of its class runs, so nobody reads it.",
            "一纸空文：没有运行它这一类的控制器，没有谁读它。",
        )
    }

    /// Lights the Service behind a rule and its pods; gives what a request for `what` meets there.
    fn light_backend(&mut self, backend: &IngressBackend, what: &str) -> Option<String> {
        let Some(backend) = &backend.service else {
            return self.say(
                "The backend is no Service: ingress controllers of the lab pass it over.",
                "后端不是 Service：实验室里的控制器会忽略它。",
            );
        };
        let name = &backend.name;
        let key = Ref::new(Kind::Service, self.key.namespace.clone(), name.as_str());
        let Some(service) = self.service(&key) else {
            return self.say(
                format!("There is no Service {name} in namespace {}: {what} gets an error page.", key.namespace),
                format!("命名空间 {} 里没有 Service {name}：{what} 只能得到错误页。", key.namespace),
            );
        };
        self.found.focus = Some(key.clone());
        self.light([Light::Service(key.clone())]);
        let port = &backend.port;
        let fits = |p: &&crate::object::ServicePort| {
            if port.name.is_empty() { p.port == port.number } else { p.name == port.name }
        };
        let written = if port.name.is_empty() { port.number.to_string() } else { port.name.clone() };
        if !service.spec.ports.iter().any(|port| fits(&port)) {
            return self.say(
                format!("Service {name} has no port {written}: {what} gets an error page."),
                format!("Service {name} 没有端口 {written}：{what} 只能得到错误页。"),
            );
        }
        let members = selected(self.store, &key.namespace, &service.spec.selector);
        let ready: Vec<Ref> = members.iter().filter(|m| m.is_ready()).map(|m| m.key.clone()).collect();
        self.light_pods(&ready);
        let reader = self.light_readers();
        let (all, lang) = (pods(ready.len(), self.lang), self.lang);
        Some(match (reader, ready.len()) {
            (None, _) => self.paper()?,
            (Some(program), 0) => lang.pick(
                format!("Service {name} has no ready pod: {program} answers {what} with an error of its own."),
                format!("Service {name} 没有就绪的 Pod：{program} 自己用错误回答 {what}。"),
            ),
            (Some(program), _) => lang.pick(
                format!("{program} sends {what} to the {all} of Service {name} itself, not by its cluster IP."),
                format!("{program} 把 {what} 直接发给 Service {name} 的 {all}，不经过它的 ClusterIP。"),
            ),
        })
    }
}

fn class_name(ask: &mut Ask<'_>) -> Option<String> {
    let name = ask.own_ingress()?.spec.ingress_class_name.clone()?;
    let class = ask.store.read::<IngressClass>(&Ref::new(Kind::IngressClass, "", name.as_str()));
    let reader = ask.light_readers();
    let Some((_, class)) = class else {
        return ask.say(
            format!("There is no IngressClass {name}: no controller takes this Ingress for its own."),
            format!("没有名为 {name} 的 IngressClass：没有控制器会认领这个 Ingress。"),
        );
    };
    let wanted = &class.spec.controller;
    match reader {
        Some(program) => ask.say(
            format!("The class {name} belongs to {wanted}: {program} reads this Ingress."),
            format!("{name} 类属于 {wanted}：{program} 会读这个 Ingress。"),
        ),
        None => ask.say(
            format!("The class {name} belongs to {wanted}, of which no ready pod runs: nobody reads this Ingress."),
            format!("{name} 类属于 {wanted}，但没有就绪的控制器 Pod：没有谁读这个 Ingress。"),
        ),
    }
}

fn annotations(ask: &mut Ask<'_>) -> Option<String> {
    match ask.light_readers() {
        Some(program) => ask.say(
            format!("For {program} alone: the API server does not check annotations, and another controller may not know them."),
            format!("只给 {program} 看：API server 不检查注解，换一个控制器也许就不认识它。"),
        ),
        None => ask.paper(),
    }
}

fn backend(ask: &mut Ask<'_>) -> Option<String> {
    let rule = ask.own_ingress()?.spec.rules.get(ask.index(0))?;
    let path = rule.http.as_ref()?.paths.get(ask.index(1))?;
    ask.light_backend(&path.backend, &url(&rule.host, &path.path))
}

fn whole_path(ask: &mut Ask<'_>) -> Option<String> {
    backend(ask)
}

fn default_backend(ask: &mut Ask<'_>) -> Option<String> {
    let backend = ask.own_ingress()?.spec.default_backend.as_ref()?;
    let what = ask.lang.pick("what no rule matches", "没有规则匹配的请求");
    ask.light_backend(backend, what)
}

fn path(ask: &mut Ask<'_>) -> Option<String> {
    let rule = ask.own_ingress()?.spec.rules.get(ask.index(0))?;
    let path = rule.http.as_ref()?.paths.get(ask.index(1))?;
    // Its pods are lit; the sentence is about the match.
    ask.light_backend(&path.backend, "");
    let Some(program) = ask.light_readers() else { return ask.paper() };
    let written = &path.path;
    match path.path_type.as_deref() {
        Some("Exact") => ask.say(
            format!("Only the path {written} itself fits, to the letter."),
            format!("只有路径 {written} 本身符合，一字不差。"),
        ),
        Some("Prefix") => {
            let below = format!("{}/…", written.trim_end_matches('/'));
            ask.say(
                format!("{written} and what is below it ({below}) fits, element by element. The longest path that fits wins."),
                format!("{written} 及其下的路径（{below}）按路径段逐段匹配。匹配最长的规则胜出。"),
            )
        }
        _ => ask.say(
            format!("How {written} is matched is {program}'s own business (ImplementationSpecific)."),
            format!("{written} 怎样匹配由 {program} 自己决定（ImplementationSpecific）。"),
        ),
    }
}

fn host(ask: &mut Ask<'_>) -> Option<String> {
    let rule = ask.own_ingress()?.spec.rules.get(ask.index(0))?;
    let reader = ask.light_readers();
    for path in rule.http.iter().flat_map(|http| &http.paths) {
        ask.light_backend(&path.backend, "");
    }
    let Some(program) = reader else { return ask.paper() };
    let host = &rule.host;
    match (host.is_empty(), host.strip_prefix("*.")) {
        (true, _) => ask.say(
            format!("Without a host, {program} applies these paths to requests for any host."),
            format!("没有 host，{program} 把这些路径用于任何主机名的请求。"),
        ),
        (_, Some(rest)) => ask.say(
            format!("Requests whose Host has one more label before {rest}; {rest} itself does not fit."),
            format!("Host 比 {rest} 前面多一段的请求；{rest} 本身不符合。"),
        ),
        _ => ask.say(
            format!("Only requests whose header says Host: {host}. {program} reads it; DNS and the kernels do not."),
            format!("只用于请求头写着 Host: {host} 的请求。读它的是 {program}，不是 DNS，也不是内核。"),
        ),
    }
}

fn tls(ask: &mut Ask<'_>) -> Option<String> {
    let tls = ask.own_ingress()?.spec.tls.get(ask.index(0))?;
    let Some(program) = ask.light_readers() else { return ask.paper() };
    let secret = &tls.secret_name;
    let exists = ask.store.get(&Ref::new(Kind::Secret, ask.key.namespace.clone(), secret.as_str())).is_some();
    match exists {
        true => ask.say(
            format!("For these hosts {program} shows the certificate of Secret {secret}."),
            format!("对这些主机名，{program} 出示 Secret {secret} 里的证书。"),
        ),
        false => ask.say(
            format!(
                "There is no Secret {secret} in namespace {}: {program} shows a certificate that nobody trusts.",
                ask.key.namespace
            ),
            format!("命名空间 {} 里没有 Secret {secret}：{program} 出示的是没有谁信任的证书。", ask.key.namespace),
        ),
    }
}

fn ingress(ask: &mut Ask<'_>) -> Option<String> {
    let ingress = ask.own_ingress()?;
    let services: Vec<Ref> =
        backends(ingress).map(|b| Ref::new(Kind::Service, ask.key.namespace.clone(), b.name.as_str())).collect();
    ask.found.focus = services.iter().find(|key| ask.store.get(key).is_some()).cloned();
    ask.light(services.iter().cloned().map(Light::Service));
    let Some(program) = ask.light_readers() else { return ask.paper() };
    let mut named: Vec<String> = services.iter().map(|key| key.name.to_string()).collect();
    named.dedup();
    let to = names(&named, ask.lang);
    ask.say(
        format!("{program} reads it: it listens for these requests and sends them to the pods of {to}."),
        format!("{program} 会读它：由它接收这些请求，再发给 {to} 的 Pod。"),
    )
}

fn class(ask: &mut Ask<'_>) -> Option<String> {
    let (_, class) = ask.store.read::<IngressClass>(ask.key)?;
    let own = ask.store.all::<Ingress>().filter(|(_, i)| i.spec.ingress_class_name.as_deref() == Some(&*ask.key.name));
    let own: Vec<Ref> =
        own.map(|(meta, _)| Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str())).collect();
    let readers: Vec<Light> =
        own.iter().flat_map(|key| ask.cluster.readers(key)).map(|reader| Light::Pod(reader.pod)).collect();
    ask.light(readers);
    let (n, controller) = (own.len(), &class.spec.controller);
    ask.say(
        format!("Ingresses of this class ({n} now) are for the controller that calls itself {controller}."),
        format!("属于这一类的 Ingress（现在有 {n} 个）交给自称 {controller} 的控制器。"),
    )
}

fn default_class(ask: &mut Ask<'_>) -> Option<String> {
    let meta = &ask.store.get(ask.key)?.meta;
    let default =
        meta.annotations.get("ingressclass.kubernetes.io/is-default-class").is_some_and(|value| value == "true");
    if !default {
        return None;
    }
    ask.say(
        "An Ingress that names no class gets this one, when it is created and not later.",
        "没有写类的 Ingress 会得到这一类：在创建时，而不是以后。",
    )
}

fn secret(ask: &mut Ask<'_>) -> Option<String> {
    let users = ask.store.all::<Ingress>().filter(|(meta, ingress)| {
        *meta.namespace == *ask.key.namespace && ingress.spec.tls.iter().any(|tls| *tls.secret_name == *ask.key.name)
    });
    let users: Vec<String> = users.map(|(meta, _)| meta.name.clone()).collect();
    if users.is_empty() {
        return ask
            .say("No Ingress of its namespace uses this Secret.", "同一命名空间里没有 Ingress 使用这个 Secret。");
    }
    let by = names(&users, ask.lang);
    for name in &users {
        let key = Ref::new(Kind::Ingress, ask.key.namespace.clone(), name.as_str());
        let readers: Vec<Light> = ask.cluster.readers(&key).into_iter().map(|reader| Light::Pod(reader.pod)).collect();
        ask.light(readers);
    }
    ask.say(
        format!("The certificate that a controller shows for Ingress {by}."),
        format!("控制器为 Ingress {by} 出示的证书。"),
    )
}

fn on_node(ask: &Ask<'_>, name: &str) -> usize {
    ask.store.all::<Pod>().filter(|(_, pod)| pod.spec.node_name == name).count()
}

fn node(ask: &mut Ask<'_>) -> Option<String> {
    ask.light([Light::Node(ask.key.name.clone())]);
    let all = pods(on_node(ask, &ask.key.name), ask.lang);
    ask.say(format!("A node, with {all} on it."), format!("一个节点，上面有 {all}。"))
}

fn node_labels(ask: &mut Ask<'_>) -> Option<String> {
    ask.light([Light::Node(ask.key.name.clone())]);
    ask.say(
        "Pods choose nodes by these labels, and traffic that prefers its own zone finds it by them.",
        "Pod 靠这些标签选择节点，优先同一可用区的流量也靠它们判断。",
    )
}

impl<'a> Ask<'a> {
    fn own_lab(&self) -> Option<&'a Lab> {
        self.store.all::<Lab>().next().map(|(_, lab)| lab)
    }
}

fn lab_node(ask: &mut Ask<'_>) -> Option<String> {
    let node = ask.own_lab()?.spec.nodes.get(ask.index(0))?;
    ask.light([Light::Node(node.name.as_str().into())]);
    let all = pods(on_node(ask, &node.name), ask.lang);
    let (name, at) = (&node.name, &node.address);
    ask.say(
        format!("The node {name} at {at}, with {all}. A change makes another cluster."),
        format!("节点 {name}，地址 {at}，上面有 {all}。改动它会换成另一个集群。"),
    )
}

fn service_range(ask: &mut Ask<'_>) -> Option<String> {
    let range = ask.cluster.profile().service_cidr;
    let services: Vec<Light> = crate::scene::services(ask.store).into_iter().map(Light::Service).collect();
    ask.light(services);
    ask.say(
        format!("Cluster IPs come from {range}: no machine has any of them."),
        format!("ClusterIP 从 {range} 里分配：没有机器拥有其中任何一个。"),
    )
}

fn pod_range(ask: &mut Ask<'_>) -> Option<String> {
    let range = ask.cluster.profile().pod_cidr;
    ask.say(
        format!("Pods' addresses come from {range}, each node's from its own share of it."),
        format!("Pod 的地址从 {range} 里分配，每个节点有自己的一份。"),
    )
}

fn proxy(ask: &mut Ask<'_>) -> Option<String> {
    let kernels: Vec<Light> = ask.nodes().into_iter().map(|node| Light::Kernel(node.name.as_str().into())).collect();
    ask.light(kernels);
    ask.say("How kube-proxy writes its rules, on every node alike.", "kube-proxy 怎样写规则，每个节点都一样。")
}

fn pool(ask: &mut Ask<'_>) -> Option<String> {
    let services: Vec<Light> = crate::scene::services(ask.store).into_iter().map(Light::Outside).collect();
    ask.light(services);
    match ask.cluster.profile().load_balancers {
        Some(balancers) => ask.say(
            format!("Services of type LoadBalancer get their addresses from {}.", balancers.pool),
            format!("LoadBalancer 类型的 Service 从 {} 里得到地址。", balancers.pool),
        ),
        None => ask.say(
            "Nobody gives Services of type LoadBalancer an address.",
            "没有谁给 LoadBalancer 类型的 Service 分配地址。",
        ),
    }
}

fn firewall(ask: &mut Ask<'_>) -> Option<String> {
    ask.light([Light::Wall]);
    let openings = ask.cluster.profile().firewall.as_ref().map_or(0, Vec::len);
    ask.say(
        format!("The firewall before the nodes drops what no rule lets in; it has {openings} of them."),
        format!("节点前的防火墙会丢弃规则没有放行的一切；现在有 {openings} 条规则。"),
    )
}

fn link(ask: &mut Ask<'_>) -> Option<String> {
    let link = ask.own_lab()?.spec.links.get(ask.index(0))?;
    ask.light(
        link.between
            .iter()
            .map(|name| match name.as_str() {
                "laptop" => Light::Laptop,
                name => Light::Node(name.into()),
            })
            .collect::<Vec<_>>(),
    );
    let ends = link.between.join(ask.lang.pick(" and ", " 与 "));
    ask.say(
        format!("The way between {ends} is not like the others: packets take longer, or get lost."),
        format!("{ends} 之间的线路与别的不同：数据包更慢，或者会丢。"),
    )
}

fn lab_image(ask: &mut Ask<'_>) -> Option<String> {
    let image = ask.own_lab()?.spec.images.get(ask.index(0))?;
    let images = ask.own_lab()?.programs();
    let mut count = 0;
    let mut doors = Vec::new();
    for (meta, pod) in ask.store.all::<Pod>() {
        let runs = pod.spec.containers.iter().any(|c| c.image == image.name && !App::of(c, &images).stand_in);
        if runs {
            count += 1;
            doors.push(Light::Door(Ref::new(Kind::Pod, meta.namespace.as_str(), meta.name.as_str())));
        }
    }
    ask.light(doors);
    let ports: Vec<String> = image.listens.iter().map(i32::to_string).collect();
    let (at, all) = (names(&ports, ask.lang), pods(count, ask.lang));
    ask.say(
        format!("What runs of this image listens on {at}: {all} now."),
        format!("用这个镜像运行的程序监听 {at}：现在有 {all}。"),
    )
}

fn lab(ask: &mut Ask<'_>) -> Option<String> {
    let nodes: Vec<Light> = ask.nodes().into_iter().map(|node| Light::Node(node.name.as_str().into())).collect();
    let n = nodes.len();
    ask.light(nodes);
    ask.say(
        format!("The environment: {n} nodes. A change of it makes another cluster."),
        format!("实验环境：{n} 个节点。改动它会换成另一个集群。"),
    )
}
