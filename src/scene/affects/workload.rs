//! Fields of what makes pods, and of pods and their templates.

use super::{Ask, Member, Table, listens, names, pairs, pods};
use crate::api::Store;
use crate::object::{
    Container, DaemonSet, Deployment, IntOrString, Kind, Labels, Meta, Pod, Ref, ReplicaSet, Service, StatefulSet,
};
use crate::scene::cast;
use crate::scene::light::Light;

pub(super) const TABLE: Table = &[
    ("spec.replicas", replicas),
    ("spec.selector", selector),
    ("spec.strategy", strategy),
    ("spec.updateStrategy", strategy),
    ("spec.serviceName", service_name),
    ("spec.template", template),
    ("", whole),
];

/// Fields of a pod, from the top of the pod or of its template.
pub(super) const TEMPLATE: Table = &[
    ("metadata.labels", labels),
    ("spec.containers[*].image", image),
    ("spec.containers[*].ports[*].name", port_name),
    ("spec.containers[*].ports[*].hostPort", host_port),
    ("spec.containers[*].ports", ports),
    ("spec.containers[*].readinessProbe", readiness),
    ("spec.containers[*].livenessProbe", liveness),
    ("spec.containers[*].startupProbe", startup),
    ("spec.terminationGracePeriodSeconds", grace),
    ("spec.hostNetwork", host_network),
    ("spec.nodeSelector", node_selector),
    ("spec.nodeName", node_selector),
];

/// The pods that an object makes, or is.
pub(super) fn members<'a>(store: &'a Store, key: &Ref) -> Vec<Member<'a>> {
    let Some(object) = store.get(key) else { return Vec::new() };
    let uid = object.meta.uid.as_str();
    let member = |(meta, pod): (&'a Meta, &'a Pod)| Member {
        key: Ref::new(Kind::Pod, meta.namespace.as_str(), meta.name.as_str()),
        meta,
        pod,
    };
    match key.kind {
        Kind::Pod => store.read::<Pod>(key).map(member).into_iter().collect(),
        Kind::Deployment => {
            let sets = store.owned::<ReplicaSet>(uid);
            sets.flat_map(|(set, _)| store.owned::<Pod>(&set.uid)).map(member).collect()
        }
        _ => store.owned::<Pod>(uid).map(member).collect(),
    }
}

impl<'a> Ask<'a> {
    /// The pods that the object makes, or is.
    fn made(&self) -> Vec<Member<'a>> {
        members(self.store, self.key)
    }

    /// What the template, or the pod itself, says.
    fn template(&self) -> Option<(&'a Labels, &'a [Container])> {
        let object = self.store.get(self.key)?;
        let template = match self.key.kind {
            Kind::Pod => {
                let pod = object.body::<Pod>()?;
                return Some((&object.meta.labels, &pod.spec.containers));
            }
            Kind::Deployment => &object.body::<Deployment>()?.spec.template,
            Kind::ReplicaSet => &object.body::<ReplicaSet>()?.spec.template,
            Kind::StatefulSet => &object.body::<StatefulSet>()?.spec.template,
            _ => &object.body::<DaemonSet>()?.spec.template,
        };
        Some((&template.metadata.labels, &template.spec.containers))
    }

    fn container(&self) -> Option<&'a Container> {
        self.template()?.1.get(self.index(0))
    }

    /// The Services that select the pods of the object, by name; the first is the one to look at.
    fn selecting(&mut self, labels: &Labels) -> Vec<Ref> {
        let found: Vec<Ref> = self.store.services_selecting(&self.key.namespace, labels).cloned().collect();
        let found: Vec<Ref> = found.into_iter().filter(|key| !cast::is_addon(&key.namespace, &key.name)).collect();
        self.found.focus = found.first().cloned();
        found
    }

    fn light_doors(&mut self, members: &[Member<'_>]) {
        self.light(members.iter().map(|member| Light::Door(member.key.clone())).collect::<Vec<_>>());
    }
}

fn ready(members: &[Member<'_>]) -> usize {
    members.iter().filter(|member| member.is_ready()).count()
}

fn replicas(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let wanted = match ask.key.kind {
        Kind::Deployment => ask.store.read::<Deployment>(ask.key)?.1.spec.replicas,
        Kind::ReplicaSet => ask.store.read::<ReplicaSet>(ask.key)?.1.spec.replicas,
        Kind::StatefulSet => ask.store.read::<StatefulSet>(ask.key)?.1.spec.replicas,
        _ => None,
    }?;
    let (labels, _) = ask.template()?;
    let services = ask.selecting(labels);
    ask.light_pods(members.iter().map(|member| &member.key));
    let (kind, run, ready, lang) = (ask.key.kind.name(), members.len(), ready(&members), ask.lang);
    let behind: Vec<String> = services.iter().map(|key| format!("Service {}", key.name)).collect();
    let (en, zh) = match behind.is_empty() {
        true => (String::new(), String::new()),
        false => (
            format!(" Each ready one is an endpoint of {}.", names(&behind, lang)),
            format!("每个就绪的 Pod 都是 {} 的端点。", names(&behind, lang)),
        ),
    };
    ask.say(
        format!("The {kind} keeps {}: {run} exist now, {ready} are ready.{en}", pods(wanted.max(0) as usize, lang)),
        format!("这个 {kind} 保持 {}：现在有 {run} 个，{ready} 个就绪。{zh}", pods(wanted.max(0) as usize, lang)),
    )
}

fn selector(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light_pods(members.iter().map(|member| &member.key));
    let kind = ask.key.kind.name();
    let all = pods(members.len(), ask.lang);
    ask.say(
        format!("Pods with these labels are the {kind}'s own: {all}. A Service has a selector of its own; this one cannot be changed later."),
        format!("带有这些标签的 Pod 归这个 {kind} 管：{all}。Service 有它自己的选择算符；这里的以后不能再改。"),
    )
}

fn strategy(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light_pods(members.iter().map(|member| &member.key));
    ask.say(
        "How pods are replaced when the template changes: how many may be missing, and how many may be too many, meanwhile.",
        "模板改变时怎样替换 Pod：期间最多可以少几个、多几个。",
    )
}

fn service_name(ask: &mut Ask<'_>) -> Option<String> {
    let name = &ask.store.read::<StatefulSet>(ask.key)?.1.spec.service_name;
    if name.is_empty() {
        return None;
    }
    let members = ask.made();
    ask.light_pods(members.iter().map(|member| &member.key));
    let service = Ref::new(Kind::Service, ask.key.namespace.clone(), name.as_str());
    ask.light([Light::Service(service.clone())]);
    ask.found.focus = ask.store.get(&service).is_some().then_some(service);
    let dns = format!("{}-0.{name}.{}.svc.cluster.local", ask.key.name, ask.key.namespace);
    ask.say(
        format!("By this headless Service each pod has a DNS name of its own: {dns}."),
        format!("有了这个无头 Service，每个 Pod 都有自己的 DNS 名字：{dns}。"),
    )
}

fn template(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let (labels, _) = ask.template()?;
    ask.selecting(labels);
    ask.light_pods(members.iter().map(|member| &member.key));
    let all = pods(members.len(), ask.lang);
    ask.say(
        format!("The template that {all} are made from. A change of it replaces them, some at a time."),
        format!("{all}按这个模板生成。改动它会分批替换这些 Pod。"),
    )
}

fn whole(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let (labels, _) = ask.template()?;
    ask.selecting(labels);
    ask.light_pods(members.iter().map(|member| &member.key));
    let (kind, ready) = (ask.key.kind.name(), ready(&members));
    let all = pods(members.len(), ask.lang);
    ask.say(format!("The {kind} has {all}, {ready} ready."), format!("这个 {kind} 有 {all}，{ready} 个就绪。"))
}

/// A Service that has one of these keys in its selector, with another value: what was meant, perhaps.
fn near(ask: &Ask<'_>, labels: &Labels) -> Option<String> {
    let services = ask.store.all::<Service>().filter(|(meta, _)| *meta.namespace == *ask.key.namespace);
    let mut missed = services.filter(|(_, service)| {
        let mut pairs = service.spec.selector.iter();
        pairs.any(|(key, value)| labels.get(key).is_some_and(|own| own != value))
    });
    let (meta, service) = missed.next()?;
    let wanted = pairs(&service.spec.selector);
    Some(
        ask.lang.pick(
            format!(" Service {} asks for {wanted}.", meta.name),
            format!("Service {} 要的是 {wanted}。", meta.name),
        ),
    )
}

fn labels(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let (labels, _) = ask.template()?;
    let services = ask.selecting(labels);
    ask.light_pods(members.iter().map(|member| &member.key));
    let lights: Vec<Light> = services.iter().cloned().map(Light::Service).collect();
    ask.light(lights);
    let said: Vec<String> = services.iter().map(|key| format!("Service {}", key.name)).collect();
    if services.is_empty() {
        let near = near(ask, labels).unwrap_or_default();
        return ask.say(
            format!("No Service selects pods with these labels.{near}"),
            format!("没有 Service 选中带有这些标签的 Pod。{near}"),
        );
    }
    let (by, all) = (names(&said, ask.lang), pods(members.len(), ask.lang));
    ask.say(
        format!(
            "By these labels {by} selects the {all}. Without them a pod drops out of its rules, and goes on running."
        ),
        format!("{by} 靠这些标签选中 {all}。没有它们，Pod 会从它的规则里消失，但仍在运行。"),
    )
}

fn image(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light_doors(&members);
    let container = ask.container()?;
    let app = crate::object::App::of(container, &cast::programs(ask.store));
    let ports: Vec<String> = app.listens.iter().map(u16::to_string).collect();
    let (image, at) = (&container.image, names(&ports, ask.lang));
    match (app.stand_in, ports.is_empty()) {
        (true, _) => ask.say(
            format!("The lab does not know this image: a stand-in listens on {at}, and answers every path."),
            format!("实验室不认识这个镜像：用替身在 {at} 上监听，任何路径都应答。"),
        ),
        (false, true) => {
            ask.say(format!("The program of {image} listens on no port."), format!("{image} 里的程序不监听任何端口。"))
        }
        (false, false) => ask.say(
            format!("The program of {image} listens on {at}, whatever containerPort says."),
            format!("{image} 里的程序监听 {at}，不管 containerPort 写的是什么。"),
        ),
    }
}

fn port_name(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let port = ask.container()?.ports.get(ask.index(1)).filter(|port| !port.name.is_empty())?;
    ask.light_doors(&members);
    let name = IntOrString::String(port.name.clone());
    let services = ask.store.all::<Service>().filter(|(meta, service)| {
        *meta.namespace == *ask.key.namespace
            && service.spec.ports.iter().any(|p| p.target_port.as_ref() == Some(&name))
    });
    let services: Vec<String> = services.map(|(meta, _)| format!("Service {}", meta.name)).collect();
    let (name, number, by) = (&port.name, port.container_port, names(&services, ask.lang));
    match services.is_empty() {
        true => ask.say(
            format!("A Service may say targetPort: {name} instead of {number}; none does yet."),
            format!("Service 可以写 targetPort: {name} 代替 {number}；目前还没有这样写的。"),
        ),
        false => ask.say(
            format!("{by} says targetPort: {name}, and so follows the number here: {number}."),
            format!("{by} 写的是 targetPort: {name}，所以跟随这里的数字：{number}。"),
        ),
    }
}

fn host_port(ask: &mut Ask<'_>) -> Option<String> {
    let port = ask.container()?.ports.get(ask.index(1))?.host_port?;
    let members = ask.made();
    let nodes: Vec<Light> =
        members.iter().map(|member| Light::Node(member.pod.spec.node_name.as_str().into())).collect();
    ask.light(nodes);
    ask.light_doors(&members);
    ask.say(
        format!("Port {port} of the pod's node leads to this container, on that node alone and without a Service."),
        format!("Pod 所在节点的端口 {port} 通向这个容器：只有那个节点，不经过 Service。"),
    )
}

fn ports(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light_doors(&members);
    let container = ask.container()?;
    let app = crate::object::App::of(container, &cast::programs(ask.store));
    let declared: Vec<String> = container.ports.iter().map(|port| port.container_port.to_string()).collect();
    let listens: Vec<String> = app.listens.iter().map(u16::to_string).collect();
    let (says, does) = (names(&declared, ask.lang), names(&listens, ask.lang));
    match (app.stand_in, declared == listens) {
        (true, _) => image(ask),
        (false, true) => ask.say(
            format!("It documents that the program listens on {does}. It opens nothing and closes nothing."),
            format!("它说明程序监听 {does}。它既不打开也不关闭任何端口。"),
        ),
        (false, false) => ask.say(
            format!("It says {says}, but the program listens on {does}: containerPort is a note and changes nothing."),
            format!("它写的是 {says}，但程序监听的是 {does}：containerPort 只是说明，不改变什么。"),
        ),
    }
}

fn readiness(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let probe = ask.container()?.readiness_probe.as_ref()?;
    let (labels, _) = ask.template()?;
    ask.selecting(labels);
    ask.light_pods(members.iter().map(|member| &member.key));
    let (ready, all, lang) = (ready(&members), members.len(), ask.lang);
    let number = match (&probe.http_get, &probe.tcp_socket) {
        (Some(get), _) => Some(&get.port),
        (None, Some(socket)) => Some(&socket.port),
        (None, None) => None,
    };
    let deaf = members.iter().filter(|member| match number {
        Some(IntOrString::Int(port)) => !listens(ask.store, member.pod).iter().any(|at| i32::from(*at) == *port),
        _ => false,
    });
    let (every, but) = (probe.period_seconds.unwrap_or(10), deaf.count());
    let (en, zh) = match (but, number) {
        (1.., Some(IntOrString::Int(port))) => {
            (format!(" Nobody listens on {port}: it cannot succeed."), format!("没有程序监听 {port}：它不可能成功。"))
        }
        _ => (String::new(), String::new()),
    };
    ask.say(
        format!(
            "The kubelet asks every {every} s. Until it succeeds, Services leave the pod out: {ready} of {} ready.{en}",
            pods(all, lang)
        ),
        format!(
            "kubelet 每 {every} 秒问一次。成功之前，Service 不会选这个 Pod：{}中 {ready} 个就绪。{zh}",
            pods(all, lang)
        ),
    )
}

fn liveness(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let probe = ask.container()?.liveness_probe.as_ref()?;
    ask.light(members.iter().map(|member| Light::Pod(member.key.clone())).collect::<Vec<_>>());
    let times = probe.failure_threshold.unwrap_or(3);
    let restarts = members.iter().flat_map(|member| &member.pod.status.container_statuses);
    let restarts: i32 = restarts.map(|status| status.restart_count).sum();
    ask.say(
        format!("After {times} failures in a row the kubelet restarts the container; it does not take the pod out of Services. Restarts so far: {restarts}."),
        format!("连续失败 {times} 次后 kubelet 会重启容器；它不会把 Pod 从 Service 中移除。至今重启 {restarts} 次。"),
    )
}

fn startup(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light(members.iter().map(|member| Light::Pod(member.key.clone())).collect::<Vec<_>>());
    ask.say(
        "Until it has succeeded once, the other probes wait, and the pod is not ready.",
        "在它第一次成功之前，其他探针都在等待，Pod 也不就绪。",
    )
}

fn grace(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light(members.iter().map(|member| Light::Pod(member.key.clone())).collect::<Vec<_>>());
    ask.say(
        "How long a pod that is told to end may take before it is killed.",
        "Pod 被要求结束后，最多可以拖多久才被强行杀死。",
    )
}

fn host_network(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    ask.light(members.iter().map(|member| Light::Pod(member.key.clone())).collect::<Vec<_>>());
    ask.say(
        "The pod has no network of its own: its program listens on the node's address.",
        "Pod 没有自己的网络：它的程序监听在节点的地址上。",
    )
}

fn node_selector(ask: &mut Ask<'_>) -> Option<String> {
    let members = ask.made();
    let nodes: Vec<String> = members.iter().map(|member| member.pod.spec.node_name.clone()).collect();
    let mut nodes: Vec<String> = nodes.into_iter().filter(|node| !node.is_empty()).collect();
    crate::sort::by(&mut nodes, Ord::cmp);
    nodes.dedup();
    ask.light(nodes.iter().map(|node| Light::Node(node.as_str().into())).collect::<Vec<_>>());
    match nodes.is_empty() {
        true => ask.say("No pod of it has found a node that fits.", "它的 Pod 都没有找到合适的节点。"),
        false => {
            let at = names(&nodes, ask.lang);
            ask.say(
                format!("Only nodes that fit take its pods; they are on {at}."),
                format!("只有符合的节点才接收它的 Pod，现在在 {at} 上。"),
            )
        }
    }
}
