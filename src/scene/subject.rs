//! An object as rows: what the inspector says of a pod, a node or a Service.

use super::cast::programs;
use crate::api::Store;
use crate::lang::Lang;
use crate::object::App;
use crate::object::{Condition, Kind, Labels, Meta, Node, Object, Pod, Ref, Service};

/// One row about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What there is to say, in lines.
    pub lines: Vec<String>,
    /// Whether a machine wrote it.
    pub mono: bool,
    /// Whether it is why something fails.
    pub bad: bool,
}

impl Fact {
    fn new(name: &str, line: impl Into<String>) -> Self {
        Self { name: name.to_owned(), lines: vec![line.into()], ..Self::default() }
    }
    fn mono(name: &str, lines: Vec<String>) -> Self {
        Self { name: name.to_owned(), lines, mono: true, bad: false }
    }
    fn bad(self, bad: bool) -> Self {
        Self { bad, ..self }
    }
}

/// The rows of an object; one row that says so if it is gone.
pub fn facts(store: &Store, key: &Ref, lang: Lang) -> Vec<Fact> {
    let gone = || vec![Fact::new(lang.pick("status", "状态"), lang.pick("it is gone", "已不存在")).bad(true)];
    let Some(object) = store.get(key) else { return gone() };
    match key.kind {
        Kind::Pod => object.body::<Pod>().map(|pod| of_pod(store, object, pod, lang)),
        Kind::Node => object.body::<Node>().map(|node| of_node(store, object, node, lang)),
        Kind::Service => object.body::<Service>().map(|service| of_service(service, lang)),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => {
            Some(of_workload(store, key, lang))
        }
        _ => Some(vec![labels(&object.meta.labels, lang)].into_iter().filter(|fact| !fact.lines.is_empty()).collect()),
    }
    .unwrap_or_else(gone)
}

fn labels(labels: &Labels, lang: Lang) -> Fact {
    let lines = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Fact::mono(lang.pick("labels", "标签"), lines)
}

fn conditions(list: &[Condition], lang: Lang) -> Fact {
    let line = |c: &Condition| match c.reason.as_str() {
        "" => format!("{} {}", c.r#type, c.status),
        reason => format!("{} {} ({reason})", c.r#type, c.status),
    };
    Fact::mono(lang.pick("conditions", "状况"), list.iter().map(line).collect())
}

fn of_pod(store: &Store, object: &Object, pod: &Pod, lang: Lang) -> Vec<Fact> {
    let meta = &object.meta;
    let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
    let (status, bad) = match pod.status.phase.as_str() {
        _ if meta.deletion_timestamp.is_some() => ("Terminating".to_owned(), true),
        "Running" if ready => (lang.pick("Running, ready", "Running，已就绪").to_owned(), false),
        "Running" => (
            lang.pick("Running, not ready: Services leave it out", "Running，未就绪：Service 不会选它").to_owned(),
            true,
        ),
        phase => (phase.to_owned(), false),
    };
    let mut facts = vec![Fact::new(lang.pick("status", "状态"), status).bad(bad)];
    facts.push(Fact::mono("IP", vec![pod.status.pod_ip.clone()]));
    facts.push(Fact::mono(lang.pick("node", "节点"), vec![pod.spec.node_name.clone()]));
    let mut listens = Vec::new();
    let images = programs(store);
    for container in &pod.spec.containers {
        let app = App::of(container, &images);
        let ports = app.listens.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        listens.push(match app.stand_in {
            false => format!("{}: {ports}", container.image),
            true => format!(
                "{}: {ports} {}",
                container.image,
                lang.pick("(a stand-in: the lab does not know this image)", "（替身：实验室不认识这个镜像）")
            ),
        });
    }
    facts.push(Fact::mono(lang.pick("listens on", "监听"), listens));
    let behind: Vec<String> = selecting(store, &meta.namespace, &meta.labels)
        .map(|(name, _)| {
            let in_rules = ready && meta.deletion_timestamp.is_none();
            let said =
                if in_rules { lang.pick("an endpoint", "是端点") } else { lang.pick("left out", "被排除") };
            format!("{name}: {said}")
        })
        .collect();
    let none = || vec![lang.pick("no Service selects its labels", "没有 Service 选中它的标签").to_owned()];
    let unselected = behind.is_empty();
    let mut services = Fact::new("Service", "");
    services.lines = if unselected { none() } else { behind };
    facts.push(services);
    facts.push(labels(&meta.labels, lang));
    facts.push(conditions(&pod.status.conditions, lang));
    facts.retain(|fact| fact.lines.iter().any(|line| !line.is_empty()));
    facts
}

/// What makes pods: the pods that there are, each with its node and whether it is ready.
fn of_workload(store: &Store, key: &Ref, lang: Lang) -> Vec<Fact> {
    const FEW: usize = 12;
    let made = super::affects::made(store, key);
    let line = |(key, ready): &(Ref, bool)| match ready {
        true => format!("{} {}", key.name, lang.pick("ready", "就绪")),
        false => format!("{} {}", key.name, lang.pick("not ready", "未就绪")),
    };
    let mut lines: Vec<String> = made.iter().take(FEW).map(line).collect();
    if made.len() > FEW {
        lines.push(format!("… +{}", made.len() - FEW));
    }
    let none = || vec![lang.pick("none", "没有").to_owned()];
    let ready = made.iter().filter(|(_, ready)| *ready).count();
    let status = lang.pick(format!("{ready} of {} ready", made.len()), format!("{} 个中 {ready} 个就绪", made.len()));
    vec![
        Fact::new(lang.pick("status", "状态"), status).bad(ready < made.len()),
        Fact::mono("Pod", if lines.is_empty() { none() } else { lines }),
        labels(&store.get(key).map(|object| object.meta.labels.clone()).unwrap_or_default(), lang),
    ]
    .into_iter()
    .filter(|fact| fact.lines.iter().any(|line| !line.is_empty()))
    .collect()
}

fn of_node(store: &Store, object: &Object, node: &Node, lang: Lang) -> Vec<Fact> {
    let name = object.meta.name.as_str();
    let ready = node.status.conditions.iter().find(|c| c.r#type == "Ready").is_none_or(|c| c.status == "True");
    let mut status = if ready { "Ready".to_owned() } else { "NotReady".to_owned() };
    if node.spec.unschedulable {
        status.push_str(",SchedulingDisabled");
    }
    let pods = store.all::<Pod>().filter(|(_, pod)| pod.spec.node_name == name);
    let pods: Vec<String> = pods.map(|(meta, _)| format!("{}/{}", meta.namespace, meta.name)).collect();
    let mut facts = vec![
        Fact::mono(lang.pick("status", "状态"), vec![status]).bad(!ready),
        Fact::mono(
            lang.pick("address", "地址"),
            vec![node.status.address("InternalIP").unwrap_or_default().to_owned()],
        ),
        Fact::mono(
            lang.pick("on the internet", "公网地址"),
            vec![node.status.address("ExternalIP").unwrap_or_default().to_owned()],
        ),
        Fact::mono(lang.pick("pod range", "Pod 网段"), vec![node.spec.pod_cidr.clone()]),
        conditions(&node.status.conditions, lang),
        Fact::mono(lang.pick("pods", "Pod"), pods),
        labels(&object.meta.labels, lang),
    ];
    facts.retain(|fact| fact.lines.iter().any(|line| !line.is_empty()));
    facts
}

fn of_service(service: &Service, lang: Lang) -> Vec<Fact> {
    let spec = &service.spec;
    let ports = spec.ports.iter().map(|port| {
        let target = match &port.target_port {
            Some(crate::object::IntOrString::Int(n)) => n.to_string(),
            Some(crate::object::IntOrString::String(name)) => name.clone(),
            None => port.port.to_string(),
        };
        format!("{}/{} → {target}", port.port, port.protocol)
    });
    let selector: Vec<String> = spec.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut facts = vec![
        Fact::mono(lang.pick("ports", "端口"), ports.collect()),
        Fact::mono(lang.pick("selector", "选择算符"), selector),
    ];
    facts.retain(|fact| fact.lines.iter().any(|line| !line.is_empty()));
    facts
}

/// The Services whose selector fits a pod's labels: name, and the Service.
fn selecting<'a>(
    store: &'a Store,
    namespace: &'a str,
    labels: &'a Labels,
) -> impl Iterator<Item = (&'a str, &'a Service)> {
    store.list(Kind::Service, Some(namespace)).filter_map(move |object| {
        let service = object.body::<Service>()?;
        let selector = &service.spec.selector;
        let fits = !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        fits.then_some((object.meta.name.as_str(), service))
    })
}

/// What a Service is, for a reader who has sent nothing yet: a title, and paragraphs.
pub fn introduce(store: &Store, focus: Option<&Ref>, lang: Lang) -> (String, Vec<String>) {
    let found = focus.and_then(|key| Some((key, store.get(key)?)));
    let Some((key, service)) = found.and_then(|(key, object)| Some((key, object.body::<Service>()?))) else {
        return (
            lang.pick("No Service yet", "还没有 Service").to_owned(),
            vec![
                lang.pick(
                    "Pods have addresses of their own, and lose them when they die. A Service gives them one address that stays. Apply one to see it here.",
                    "Pod 有自己的地址，但 Pod 消失时地址也就没了。Service 给它们一个不变的地址。应用一个 Service，就会在这里看到它。",
                )
                .to_owned(),
            ],
        );
    };
    let spec = &service.spec;
    let pods = |wanted: bool| {
        store
            .all::<Pod>()
            .filter(|(meta, _)| *meta.namespace == *key.namespace && fits(meta, service))
            .filter(|(meta, pod)| {
                let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
                (ready && meta.deletion_timestamp.is_none()) == wanted
            })
            .count()
    };
    let (ready, unready) = (pods(true), pods(false));
    let selector = spec.selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(", ");
    let mut said = Vec::new();
    match spec.cluster_ip.as_str() {
        "None" => said.push(lang.pick(
            "This Service is headless: it has a name, but no address of its own. DNS answers with the pods' addresses.".to_owned(),
            "这是无头 Service：有名字，没有自己的地址。DNS 直接回答 Pod 的地址。".to_owned(),
        )),
        "" => {}
        ip => said.push(lang.pick(
            format!("{ip} is an address that no machine has. Every node's kernel holds a rule for it: the dashed pill. Who sends there is sent on to one of the replicas."),
            format!("{ip} 是一个不属于任何机器的地址。每个节点的内核里都有一条它的规则，即虚线框。发到那里的数据包会被转给其中一个副本。"),
        )),
    }
    if !selector.is_empty() {
        said.push(match (ready, unready) {
            (0, 0) => lang.pick(
                format!("Its selector {selector} matches no pod, so the rule refuses every connection."),
                format!("它的选择算符 {selector} 没有匹配到任何 Pod，所以规则会拒绝每个连接。"),
            ),
            (0, n) => lang.pick(
                format!(
                    "Its selector {selector} matches {n} pods, but none is ready, so the rule refuses every connection."
                ),
                format!("它的选择算符 {selector} 匹配到 {n} 个 Pod，但没有一个就绪，所以规则会拒绝每个连接。"),
            ),
            (n, 0) => lang.pick(
                format!("Its selector {selector} matches {n} ready pods, each as likely to be picked."),
                format!("它的选择算符 {selector} 匹配到 {n} 个就绪的 Pod，每个被选中的机会相同。"),
            ),
            (n, m) => lang.pick(
                format!(
                    "Its selector {selector} matches {} pods, of which {n} are ready: only these are picked.",
                    n + m
                ),
                format!("它的选择算符 {selector} 匹配到 {} 个 Pod，其中 {n} 个就绪：只会选它们。", n + m),
            ),
        });
    }
    (format!("Service {}", key.name), said)
}

fn fits(meta: &Meta, service: &Service) -> bool {
    let selector = &service.spec.selector;
    !selector.is_empty() && selector.iter().all(|(key, value)| meta.labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::fixture;

    #[test]
    fn a_service_introduces_itself() {
        let store = fixture::store(1, 2);
        let key = Ref::new(Kind::Service, "default", "web");
        let facts = facts(&store, &key, Lang::En);
        assert_eq!(facts[0].lines, ["9090/ → 9090"]);
        let (title, said) = introduce(&store, Some(&key), Lang::En);
        assert_eq!((title.as_str(), said.len()), ("Service web", 1));
        assert_eq!(introduce(&store, None, Lang::Zh).0, "还没有 Service");
    }

    #[test]
    fn a_pod_that_is_gone_says_so() {
        let key = Ref::new(Kind::Pod, "default", "gone");
        assert!(facts(&Store::default(), &key, Lang::En)[0].bad);
    }
}
