//! Services: whom they select, where their ports lead, and whether they can be reached.

use super::desk::{Desk, Workload, labels, nearest, port, ports, value};
use super::{Finding, Fix, reach};
use crate::inet::Ipv4Addr;
use crate::object::{Endpoints, FieldRef, IntOrString, Kind, Labels, Meta, Object, Pod, Ref, Service, ServicePort};

/// So many pods of a Service are looked at.
const SAMPLE: usize = 64;

pub(super) fn look(desk: &mut Desk<'_>) {
    let store = desk.store;
    for (meta, service) in store.all::<Service>() {
        if desk.is_full() {
            return;
        }
        let key = Ref::new(Kind::Service, meta.namespace.as_str(), meta.name.as_str());
        if desk.is_own(&key) {
            one(desk, &key, meta, service);
        }
    }
    for (meta, _) in store.all::<Endpoints>() {
        let key = Ref::new(Kind::Endpoints, meta.namespace.as_str(), meta.name.as_str());
        if desk.is_written(&key) {
            desk.add(
                "endpoints",
                FieldRef::new(key, ""),
                "The Endpoints API is deprecated since Kubernetes 1.33: it is mirrored into EndpointSlices, which kube-proxy reads. Write an EndpointSlice with the label kubernetes.io/service-name instead.".into(),
                "Endpoints API 自 Kubernetes 1.33 起已弃用：它会被镜像成 EndpointSlice，kube-proxy 读取的是后者。请改写带有 kubernetes.io/service-name 标签的 EndpointSlice。".into(),
            );
        }
    }
}

fn one(desk: &mut Desk<'_>, key: &Ref, meta: &Meta, service: &Service) {
    let spec = &service.spec;
    let field = |path: &str| FieldRef::new(key.clone(), path);
    if spec.r#type == "ExternalName" {
        return external_name(desk, key, service);
    }
    if !spec.external_ips.is_empty() {
        desk.add(
            "external-ips",
            field("spec.externalIPs"),
            "externalIPs is deprecated since Kubernetes 1.36: anybody who may write a Service could take any address over with it. Use a LoadBalancer, or an Ingress.".into(),
            "externalIPs 自 Kubernetes 1.36 起已弃用：凡是能写 Service 的人都能用它占据任意地址。请改用 LoadBalancer 或 Ingress。".into(),
        );
    }
    if spec.selector.is_empty() {
        no_selector(desk, key);
        return;
    }
    let pods: Vec<&Object> = desk
        .store
        .pods_with(&meta.namespace, &spec.selector)
        .map(|pod| &**pod)
        .filter(|pod| pod.meta.deletion_timestamp.is_none())
        .take(SAMPLE)
        .collect();
    let mut makers: Vec<usize> = Vec::new();
    for maker in pods.iter().filter_map(|pod| desk.maker(pod)) {
        if !makers.contains(&maker) {
            makers.push(maker);
        }
    }
    if pods.is_empty() {
        selects_nothing(desk, key, service);
    } else {
        broad(desk, key, service, &makers);
        for i in 0..spec.ports.len() {
            target(desk, key, service, i, &makers);
        }
        none_ready(desk, key, service, &pods);
    }
    reach::look(desk, key, meta, service, &pods);
}

/// What a client sees of a Service without endpoints.
fn refused(service: &Service) -> (&'static str, &'static str) {
    if service.spec.cluster_ip == "None" {
        return (
            "its name has no address (curl: (6) Could not resolve host)",
            "它的名字没有地址（curl: (6) Could not resolve host）",
        );
    }
    ("whoever asks it is refused (curl: (7) Connection refused)", "访问者会被拒绝（curl: (7) Connection refused）")
}

fn selects_nothing(desk: &mut Desk<'_>, key: &Ref, service: &Service) {
    let wanted = &service.spec.selector;
    let (namespace, name) = (&*key.namespace, &*key.name);
    let (see, see_zh) = refused(service);
    let said = labels(wanted);
    // A workload that fits, whose pods have not come: it is to blame, not the Service.
    let fits = |own: &Labels| wanted.iter().all(|(k, v)| own.get(k) == Some(v));
    if let Some(fitting) = desk.workloads.iter().position(|w| *w.key.namespace == *namespace && fits(w.labels)) {
        let workload = &desk.workloads[fitting];
        if workload.replicas == 0 {
            let (at, who) = (FieldRef::new(workload.key.clone(), "spec.replicas"), workload.name());
            let fix = desk.put(&at, "1");
            let finding = desk.add(
                "replicas-zero",
                at,
                format!("{who} wants 0 Pods, so that Service {name} has no endpoint: {see}."),
                format!("{who} 期望的 Pod 数为 0，因此 Service {name} 没有端点：{see_zh}。"),
            );
            finding.related.push(FieldRef::new(key.clone(), "spec.selector"));
            finding.severity = super::Severity::Error;
            finding.fix = fix;
        }
        return;
    }
    if let Some(elsewhere) = desk.workloads.iter().position(|w| fits(w.labels)) {
        let workload = &desk.workloads[elsewhere];
        let (who, other, at) = (workload.name(), workload.key.namespace.to_string(), workload.field("metadata.labels"));
        let fix = desk.put(&FieldRef::new(key.clone(), "metadata.namespace"), &value(&other));
        let finding = desk.add(
            "selector-elsewhere",
            FieldRef::new(key.clone(), "spec.selector"),
            format!("A Service selects Pods of its own namespace only. {who} has {said}, but its Pods are in {other}, and Service {name} is in {namespace}: {see}."),
            format!("Service 只能选择自己命名空间里的 Pod。{who} 的标签是 {said}，但它的 Pod 在 {other}，而 Service {name} 在 {namespace}：{see_zh}。"),
        );
        finding.related.push(at);
        finding.fix = fix;
        return;
    }
    // So it is where the workload stands in a file, and was refused.
    if desk.awaits(namespace, wanted) {
        return;
    }
    // The workload that was meant: most labels in common, then the smallest slip.
    let score = |own: &Labels| {
        let same = wanted.iter().filter(|(k, v)| own.get(*k) == Some(*v)).count();
        let near =
            wanted.iter().filter(|(k, v)| own.get(*k).is_some_and(|o| nearest(v, [o.as_str()].into_iter()).is_some()));
        let keys = wanted.iter().filter(|(k, v)| !own.contains_key(*k) && own.values().any(|o| o == *v)).count();
        3 * same + 2 * near.count() + 2 * keys
    };
    let listens =
        |w: &Workload<'_>| desk.programs(w.spec).iter().any(|app| !app.listens.is_empty() || !app.udp.is_empty());
    let here = desk.workloads.iter().enumerate().filter(|(_, w)| *w.key.namespace == *namespace && listens(w));
    let scored: Vec<(usize, usize)> = here.map(|(i, w)| (score(w.labels), i)).collect();
    let best = scored.iter().max_by_key(|(score, i)| (*score, usize::MAX - i)).copied();
    let meant = match best {
        Some((score, i)) if score > 0 => Some(i),
        // Nothing is alike: the only one there is, or the one of the Service's name.
        _ => {
            let named = |(_, i): &&(usize, usize)| nearest(name, [&*desk.workloads[*i].key.name].into_iter()).is_some();
            if scored.len() == 1 { Some(scored[0].1) } else { scored.iter().find(named).map(|(_, i)| *i) }
        }
    };
    let mut at = FieldRef::new(key.clone(), "spec.selector");
    let (mut en, mut zh) = (String::new(), String::new());
    let (mut fix, mut related) = (None, Vec::new());
    if let Some(workload) = meant.map(|i| &desk.workloads[i]) {
        let wrong: Vec<&String> =
            wanted.iter().filter(|(k, v)| workload.labels.get(*k) != Some(*v)).map(|(k, _)| k).collect();
        if let [only] = wrong[..] {
            at = FieldRef::new(key.clone(), format!("spec.selector[{only}]"));
        }
        related.push(workload.field("metadata.labels"));
        en = format!(" The Pods of {} have {}.", workload.name(), labels(workload.labels));
        zh = format!("{} 的 Pod 的标签是 {}。", workload.name(), labels(workload.labels));
        fix = reselect(desk, key, wanted, workload.labels, &wrong);
    }
    let finding = desk.add(
        "selector-empty",
        at,
        format!(
            "Service {name} selects {said}, and no Pod in {namespace} has that: it has no endpoint, and {see}.{en}"
        ),
        format!("Service {name} 选择 {said}，而 {namespace} 里没有这样的 Pod：它没有端点，{see_zh}。{zh}"),
    );
    finding.related = related;
    finding.fix = fix;
}

/// Makes a selector fit labels: values and keys are mended, what has no counterpart goes.
fn reselect(desk: &Desk<'_>, key: &Ref, wanted: &Labels, own: &Labels, wrong: &[&String]) -> Option<Fix> {
    let pen = desk.pen(key)?;
    let (mut edits, mut words) = (Vec::new(), Vec::new());
    for name in wrong {
        let path = format!("spec.selector[{name}]");
        let free = || own.iter().filter(|(k, _)| !wanted.contains_key(*k));
        if let Some(right) = own.get(*name) {
            edits.push(pen.put(&path, &value(right)));
            words.push(format!("{name}: {right}"));
        } else if let Some((right, _)) = free().find(|(_, v)| Some(*v) == wanted.get(*name)) {
            edits.push(pen.rename(&path, right));
            words.push(format!("{right}: {}", wanted[*name]));
        } else if wanted.len() > wrong.len() {
            edits.push(pen.remove(&path));
            words.push(desk.lang.pick(format!("no {name}"), format!("不写 {name}")));
        } else {
            let (right, with) = free().next()?;
            edits.push(pen.rename(&path, right));
            edits.push(pen.put(&path, &value(with)));
            words.push(format!("{right}: {with}"));
            break;
        }
    }
    let words = words.join(", ");
    desk.edits(format!("Select {words}"), format!("选择 {words}"), edits)
}

fn no_selector(desk: &mut Desk<'_>, key: &Ref) {
    let has = desk.store.slices_of(&key.namespace, &key.name).any(|slice| !slice.endpoints.is_empty())
        || desk.store.get(&Ref::new(Kind::Endpoints, key.namespace.clone(), key.name.clone())).is_some();
    if has {
        return;
    }
    let here: Vec<usize> =
        (0..desk.workloads.len()).filter(|i| desk.workloads[*i].key.namespace == key.namespace).collect();
    let alike = |i: &&usize| nearest(&key.name, [&*desk.workloads[**i].key.name].into_iter()).is_some();
    let meant = if here.len() == 1 { here.first() } else { here.iter().find(alike) };
    let label = meant.and_then(|i| desk.workloads[*i].labels.iter().next());
    let fix = label.and_then(|(name, with)| {
        let edit = desk.pen(key)?.put(&format!("spec.selector[{name}]"), &value(with));
        desk.edits(format!("Select {name}: {with}"), format!("选择 {name}: {with}"), vec![edit])
    });
    let name = &key.name;
    let finding = desk.add(
        "no-selector",
        FieldRef::new(key.clone(), "spec"),
        format!("Service {name} has no selector, so that nobody fills in its endpoints, and there is no EndpointSlice of its name: whoever asks it is refused (curl: (7) Connection refused)."),
        format!("Service {name} 没有选择算符，没有谁为它填写端点，也没有属于它的 EndpointSlice：访问者会被拒绝（curl: (7) Connection refused）。"),
    );
    finding.fix = fix;
}

/// Two programs behind one Service.
fn broad(desk: &mut Desk<'_>, key: &Ref, service: &Service, makers: &[usize]) {
    let program = |i: &usize| {
        let spec = desk.workloads[*i].spec;
        spec.containers.iter().map(|c| c.image.split([':', '@']).next().unwrap_or_default()).collect::<Vec<_>>()
    };
    let Some((first, other)) = makers.split_first().and_then(|(first, rest)| {
        let other = rest.iter().find(|i| program(i) != program(first))?;
        Some((*first, *other))
    }) else {
        return;
    };
    // The one that was meant has the Service's name, or listens where the Service sends.
    let fits = |i: usize| {
        let workload = &desk.workloads[i];
        let listens = |p: &ServicePort| {
            let number = match &p.target_port {
                Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
                _ => None,
            };
            number.is_some_and(|n| desk.programs(workload.spec).iter().any(|app| app.listens.contains(&n)))
        };
        let alike = nearest(&key.name, [&*workload.key.name].into_iter()).is_some();
        (alike, service.spec.ports.iter().all(listens))
    };
    let (meant, stray) = if fits(other) > fits(first) { (other, first) } else { (first, other) };
    let (meant, stray) = (&desk.workloads[meant], &desk.workloads[stray]);
    let telling = meant.labels.iter().find(|(k, v)| stray.labels.get(*k) != Some(*v));
    let fix = telling.and_then(|(name, with)| {
        let edit = desk.pen(key)?.put(&format!("spec.selector[{name}]"), &value(with));
        desk.edits(format!("Select {name}: {with}, too"), format!("再选择 {name}: {with}"), vec![edit])
    });
    let (a, b, related) =
        (meant.name(), stray.name(), vec![meant.field("metadata.labels"), stray.field("metadata.labels")]);
    let (name, said) = (&key.name, labels(&service.spec.selector));
    let finding = desk.add(
        "selector-broad",
        FieldRef::new(key.clone(), "spec.selector"),
        format!("Service {name} selects {said}, which Pods of {a} and of {b} have. A connection goes to either at random: some requests get the wrong program or are refused."),
        format!("Service {name} 选择 {said}，而 {a} 和 {b} 的 Pod 都有这个标签。连接会随机落到其中一个：部分请求会到达错误的程序，或被拒绝。"),
    );
    finding.related = related;
    finding.fix = fix;
}

/// Where a port leads.
fn target(desk: &mut Desk<'_>, key: &Ref, service: &Service, i: usize, makers: &[usize]) {
    let at = &service.spec.ports[i];
    let udp = at.protocol == "UDP";
    if at.protocol == "SCTP" {
        return;
    }
    let path = format!("spec.ports[{i}].targetPort");
    let mut field = FieldRef::new(key.clone(), path.as_str());
    for maker in makers {
        let workload = &desk.workloads[*maker];
        let programs = desk.programs(workload.spec);
        let listens: Vec<u16> =
            programs.iter().flat_map(|app| if udp { &app.udp } else { &app.listens }).copied().collect();
        let images: Vec<&str> = workload.spec.containers.iter().map(|c| c.image.as_str()).collect();
        let (who, image, said) = (workload.name(), images.join(", "), ports(&listens, desk.lang));
        let name = &key.name;
        match &at.target_port {
            Some(IntOrString::String(wanted)) => {
                let declared = || {
                    workload.spec.containers.iter().enumerate().flat_map(|(c, container)| {
                        container.ports.iter().enumerate().map(move |(p, port)| (c, p, port))
                    })
                };
                match declared().find(|(_, _, port)| port.name == *wanted) {
                    None => {
                        let names: Vec<&str> =
                            declared().map(|(.., p)| p.name.as_str()).filter(|n| !n.is_empty()).collect();
                        let right = nearest(wanted, names.iter().copied()).or(match names[..] {
                            [only] => Some(only),
                            _ => None,
                        });
                        let right = right.map(value).or_else(|| listens.first().map(|n| port(*n)));
                        let fix = right.and_then(|right| desk.put(&field, &right));
                        let related = workload.field("spec.containers[0].ports");
                        let known = if names.is_empty() {
                            desk.lang.pick("none", "没有").to_owned()
                        } else {
                            names.join(", ")
                        };
                        let finding = desk.add(
                            "target-name",
                            field,
                            format!("Service {name} sends to the port named {wanted}, and no container of {who} names one so (they name: {known}): the Service has no endpoint, and whoever asks it is refused (curl: (7) Connection refused)."),
                            format!("Service {name} 发往名为 {wanted} 的端口，而 {who} 的容器里没有端口叫这个名字（已有的名字：{known}）：它没有端点，访问者会被拒绝（curl: (7) Connection refused）。"),
                        );
                        finding.related.push(related);
                        finding.fix = fix;
                        return;
                    }
                    Some((c, p, found)) => {
                        let number = u16::try_from(found.container_port).unwrap_or_default();
                        if listens.contains(&number) {
                            continue;
                        }
                        if programs.iter().any(|app| app.loopback.contains(&number)) {
                            return inside(desk, key, field, *maker, number);
                        }
                        let at = workload.field(&format!("spec.containers[{c}].ports[{p}].containerPort"));
                        let fix = listens.first().and_then(|right| desk.put(&at, &port(*right)));
                        let finding = desk.add(
                            "target-port",
                            at,
                            format!("Service {name} sends to the port named {wanted}, which {who} says is {number}, but {image} listens on {said}: the Pod refuses every connection (curl: (7) Connection refused). containerPort opens nothing, it only gives a port its name."),
                            format!("Service {name} 发往名为 {wanted} 的端口，{who} 写明它是 {number}，但 {image} 监听的是 {said}：Pod 会拒绝所有连接（curl: (7) Connection refused）。containerPort 并不打开端口，只是给端口起名。"),
                        );
                        finding.related.push(field);
                        finding.fix = fix;
                        return;
                    }
                }
            }
            target => {
                let number = match target {
                    Some(IntOrString::Int(number)) => *number,
                    _ => at.port,
                };
                let number = u16::try_from(number).unwrap_or_default();
                if listens.contains(&number) || programs.is_empty() {
                    continue;
                }
                if programs.iter().any(|app| app.loopback.contains(&number)) {
                    return inside(desk, key, field, *maker, number);
                }
                // A program that no other port of the Service leads to, first.
                let taken =
                    |n: &u16| service.spec.ports.iter().any(|p| p.target_port == Some(IntOrString::Int(i32::from(*n))));
                let right = listens.iter().find(|n| !taken(n)).or(listens.first()).copied();
                let fix = right.and_then(|right| desk.put(&field, &port(right)));
                let written = desk.has(&field);
                if !written {
                    field = FieldRef::new(key.clone(), format!("spec.ports[{i}].port"));
                }
                let declared = workload
                    .spec
                    .containers
                    .iter()
                    .flat_map(|c| &c.ports)
                    .any(|p| p.container_port == i32::from(number));
                let paper = if declared {
                    desk.lang.pick(
                        " That containerPort names the number opens nothing.",
                        "containerPort 里写了这个端口，也不会打开它。",
                    )
                } else {
                    ""
                };
                let related = workload.field("spec.containers[0].image");
                let from = match written {
                    true => desk.lang.pick(String::new(), String::new()),
                    false => desk.lang.pick(
                        " (the same as port, since targetPort is not written)".into(),
                        "（没有写 targetPort，所以与 port 相同）".into(),
                    ),
                };
                let finding = desk.add(
                    "target-port",
                    field,
                    format!("Service {name} sends to port {number} of its Pods{from}, but {image} in {who} listens on {said}: the Pod refuses every connection (curl: (7) Connection refused).{paper}"),
                    format!("Service {name} 发往 Pod 的 {number} 端口{from}，但 {who} 里的 {image} 监听的是 {said}：Pod 会拒绝所有连接（curl: (7) Connection refused）。{paper}"),
                );
                finding.related.push(related);
                finding.fix = fix;
                return;
            }
        }
    }
    headless(desk, key, service, i);
}

/// The program listens where nobody outside its pod comes.
fn inside(desk: &mut Desk<'_>, key: &Ref, field: FieldRef, maker: usize, number: u16) {
    let workload = &desk.workloads[maker];
    let (who, name) = (workload.name(), &key.name);
    let image = workload.spec.containers.first().map(|c| c.image.as_str()).unwrap_or_default();
    let profile = desk.asked.cluster.profile();
    let row = profile.lab.as_ref().and_then(|lab| lab.spec.images.iter().position(|given| given.name == image));
    let lab = row.and_then(|i| profile.field(&format!("spec.images[{i}].loopback")));
    let fix = lab.as_ref().and_then(|lab| {
        let edit = desk.pen(&lab.object)?.rename(&lab.path, "listens");
        let (en, zh) = ("Let the program listen on all addresses", "让程序监听所有地址");
        desk.edits(en.into(), zh.into(), vec![edit])
    });
    // An argument that says so, as `-listen=127.0.0.1:5678`.
    let says = |(c, i, word): (usize, usize, &String)| {
        let open = word.replacen("127.0.0.1:", ":", 1).replacen("localhost:", ":", 1);
        (open != *word && word.contains(&number.to_string())).then(|| (format!("spec.containers[{c}].args[{i}]"), open))
    };
    let containers = workload.spec.containers.iter().enumerate();
    let mut words =
        containers.flat_map(|(c, container)| container.args.iter().enumerate().map(move |(i, w)| (c, i, w)));
    let argument = words.find_map(says).map(|(path, open)| (workload.field(&path), open));
    let fix = fix.or_else(|| argument.as_ref().and_then(|(at, open)| desk.put(at, open)));
    let finding = desk.add(
        "loopback",
        field,
        format!("The program of {who} listens on 127.0.0.1:{number}, which exists in its Pod alone. Service {name} sends to the Pod's address, where nobody listens: refused (curl: (7) Connection refused). `kubectl port-forward` goes in by the loopback, and works all the same. Let it listen on 0.0.0.0."),
        format!("{who} 的程序监听的是 127.0.0.1:{number}，这个地址只存在于它的 Pod 里面。Service {name} 发往 Pod 的地址，那里没有谁监听：被拒绝（curl: (7) Connection refused）。`kubectl port-forward` 从回环接口进入，所以照样能用。请让它监听 0.0.0.0。"),
    );
    finding.related.extend(lab.into_iter().chain(argument.map(|(at, _)| at)));
    finding.fix = fix;
}

/// A headless Service's clients get the pods' addresses, so that they must ask at the pods' ports.
fn headless(desk: &mut Desk<'_>, key: &Ref, service: &Service, i: usize) {
    let at = &service.spec.ports[i];
    let Some(IntOrString::Int(number)) = at.target_port else { return };
    if service.spec.cluster_ip != "None" || number == at.port {
        return;
    }
    let field = FieldRef::new(key.clone(), format!("spec.ports[{i}].port"));
    let fix = desk.put(&field, &number.to_string());
    let (name, port) = (&key.name, at.port);
    let finding = desk.add(
        "headless-port",
        field,
        format!("Service {name} is headless: its name gives the Pods' own addresses, and nothing translates port {port} to {number}. Whoever asks {name}:{port} is refused (curl: (7) Connection refused); {name}:{number} answers."),
        format!("Service {name} 是无头（headless）的：它的名字直接给出 Pod 的地址，没有谁把端口 {port} 转换成 {number}。访问 {name}:{port} 会被拒绝（curl: (7) Connection refused），访问 {name}:{number} 才有应答。"),
    );
    finding.fix = fix;
}

/// Pods match, but none is ready. What is wrong with them is told of them; here is what is left.
fn none_ready(desk: &mut Desk<'_>, key: &Ref, service: &Service, pods: &[&Object]) {
    let body = |pod: &&&Object| pod.body::<Pod>().cloned();
    if service.spec.publish_not_ready_addresses || pods.iter().filter_map(|p| body(&p)).any(|pod| pod.status.is_ready())
    {
        return;
    }
    // Young pods are still coming up.
    let now = desk.asked.cluster.now();
    let young = pods.iter().all(|pod| pod.meta.creation_timestamp.is_none_or(|born| now.since(born).as_secs() < 20));
    let makers: Vec<Ref> =
        pods.iter().filter_map(|pod| desk.maker(pod)).map(|maker| desk.workloads[maker].key.clone()).collect();
    if young || makers.iter().any(|maker| desk.is_blamed(maker)) || desk.is_blamed(key) {
        let blamed =
            |finding: &&mut Finding| finding.field.as_ref().is_some_and(|field| makers.contains(&field.object));
        for finding in desk.found.iter_mut().filter(blamed) {
            finding.related.push(FieldRef::new(key.clone(), "spec.selector"));
        }
        return;
    }
    let (see, see_zh) = refused(service);
    let (name, count) = (&key.name, pods.len());
    let finding = desk.add(
        "none-ready",
        FieldRef::new(key.clone(), "spec.selector"),
        format!("Service {name} selects {count} Pods, and none is ready: it has no endpoint, and {see}. `kubectl describe pod` tells why they are not."),
        format!("Service {name} 选中了 {count} 个 Pod，但没有一个就绪：它没有端点，{see_zh}。用 `kubectl describe pod` 可以看到原因。"),
    );
    finding.related = makers.into_iter().map(|maker| FieldRef::new(maker, "")).take(1).collect();
}

fn external_name(desk: &mut Desk<'_>, key: &Ref, service: &Service) {
    let spec = &service.spec;
    let (name, to) = (&key.name, &spec.external_name);
    if to.parse::<Ipv4Addr>().is_ok() {
        desk.add(
            "external-name-ip",
            FieldRef::new(key.clone(), "spec.externalName"),
            format!("externalName is a DNS name: the cluster's DNS answers for {name} with the name {to}, which looks like an address and which no DNS knows (curl: (6) Could not resolve host). For an address, write a Service without selector and an EndpointSlice."),
            format!("externalName 是 DNS 名字：集群的 DNS 会把 {name} 解析成名字 {to}，它只是看起来像地址，没有哪个 DNS 认识它（curl: (6) Could not resolve host）。要指向地址，请写一个没有选择算符的 Service 和一个 EndpointSlice。"),
        );
    }
    if !spec.selector.is_empty() {
        let field = FieldRef::new(key.clone(), "spec.selector");
        let fix = desk.drop(&field);
        let finding = desk.add(
            "external-name-selector",
            field,
            format!("Service {name} is of type ExternalName, an alias in DNS: nobody reads its selector."),
            format!("Service {name} 的类型是 ExternalName，只是 DNS 里的别名：没有谁读取它的选择算符。"),
        );
        finding.fix = fix;
    }
}
