//! Pods and what makes them: whether they start, stay, and become ready.

use super::Severity;
use super::desk::{Desk, Workload, nearest, port, ports, value};
use crate::object::{App, Container, FieldRef, IntOrString, Kind, Labels, Meta, Node, Object, Pod, Probe, ReplicaSet};

/// So many pods of a workload are looked at.
const SAMPLE: usize = 16;

pub(super) fn look(desk: &mut Desk<'_>) {
    for i in 0..desk.workloads.len() {
        if desk.is_full() {
            return;
        }
        if !desk.is_own(&desk.workloads[i].key) {
            continue;
        }
        containers(desk, i);
        pods(desk, i);
        wanted(desk, i);
        rolled(desk, i);
    }
}

/// What is wrong with the programs, whatever the pods say.
fn containers(desk: &mut Desk<'_>, i: usize) {
    let spec = desk.workloads[i].spec;
    let programs = desk.programs(spec);
    for (c, (container, app)) in spec.containers.iter().zip(&programs).enumerate() {
        let at = format!("spec.containers[{c}]");
        if app.exit.is_some_and(|(after, _)| after.as_secs() < 60) && spec.restart_policy != "Never" {
            ends(desk, i, &at, container);
            continue;
        }
        if app.stand_in {
            let image = &container.image;
            let said = ports(&app.listens, desk.lang);
            let field = desk.workloads[i].field(&format!("{at}.image"));
            desk.add(
                "image-unknown",
                field,
                format!("The lab does not know the program in {image}: a stand-in answers in its place, on port {said}, to every path. Where the real one listens, the lab cannot tell."),
                format!("实验室不认识 {image} 里的程序：由一个替身代答，监听端口 {said}，任何路径都应答。真正的程序监听哪里，实验室无从得知。"),
            );
        }
        declared(desk, i, &at, container, app);
        for (kind, probe) in [
            (Asks::Readiness, &container.readiness_probe),
            (Asks::Liveness, &container.liveness_probe),
            (Asks::Startup, &container.startup_probe),
        ] {
            if let Some(probe) = probe {
                asked(desk, i, &at, container, app, kind, probe);
            }
        }
    }
}

/// A program that ends at once is started again and again.
fn ends(desk: &mut Desk<'_>, i: usize, at: &str, container: &Container) {
    let field =
        desk.workloads[i].field(&format!("{at}.{}", if container.command.is_empty() { "image" } else { "command" }));
    let command = desk.workloads[i].field(&format!("{at}.command"));
    let fix = if container.args.is_empty() { desk.put(&command, "[sleep, infinity]") } else { None };
    let (image, who) = (&container.image, desk.workloads[i].name());
    let finding = desk.add(
        "program-ends",
        field,
        format!("{image} in {who} runs no server: its program ends at once, the kubelet starts it again, and the Pod is soon in CrashLoopBackOff. To keep it for trying things out, let it sleep."),
        format!("{who} 里的 {image} 不运行服务器：程序立刻结束，kubelet 又把它启动，Pod 很快进入 CrashLoopBackOff。若只想留着它做试验，让它 sleep 即可。"),
    );
    finding.fix = fix;
}

/// containerPort is a remark; one that is wrong misleads readers.
fn declared(desk: &mut Desk<'_>, i: usize, at: &str, container: &Container, app: &App) {
    let tcp = |p: &str| p.is_empty() || p == "TCP";
    let wrong =
        container.ports.iter().enumerate().find(|(_, p)| {
            tcp(&p.protocol) && u16::try_from(p.container_port).is_ok_and(|n| !app.listens.contains(&n))
        });
    let Some((p, wrong)) = wrong.filter(|_| !app.stand_in && !app.listens.is_empty()) else { return };
    let field = desk.workloads[i].field(&format!("{at}.ports[{p}].containerPort"));
    let fix = desk.put(&field, &port(app.listens[0]));
    let (image, number, said) = (&container.image, wrong.container_port, ports(&app.listens, desk.lang));
    let finding = desk.add(
        "container-port",
        field,
        format!("containerPort says {number}, and {image} listens on {said}. containerPort opens nothing and closes nothing: it is a remark, and a name for targetPort."),
        format!("containerPort 写的是 {number}，而 {image} 监听 {said}。containerPort 既不打开也不关闭端口：它只是说明，以及供 targetPort 引用的名字。"),
    );
    finding.fix = fix;
}

/// Which probe asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Readiness,
    Liveness,
    Startup,
}

/// Whether a probe can succeed at all.
fn asked(desk: &mut Desk<'_>, i: usize, at: &str, container: &Container, app: &App, kind: Asks, probe: &Probe) {
    let name = match kind {
        Asks::Readiness => "readinessProbe",
        Asks::Liveness => "livenessProbe",
        Asks::Startup => "startupProbe",
    };
    let (target, how) = match (&probe.http_get, &probe.tcp_socket) {
        (Some(get), _) if get.host.is_empty() => (&get.port, "httpGet"),
        (None, Some(tcp)) if tcp.host.is_empty() => (&tcp.port, "tcpSocket"),
        _ => return,
    };
    let number = match target {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let named = container.ports.iter().find(|port| port.name == *name);
            named.and_then(|port| u16::try_from(port.container_port).ok())
        }
    };
    let said = match target {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    let who = desk.workloads[i].name();
    let image = &container.image;
    let answers = |status: u16| (200..400).contains(&status);
    let (field, right, why, why_zh) = if !number.is_some_and(|number| app.listens.contains(&number)) {
        let listens = ports(&app.listens, desk.lang);
        (
            format!("{at}.{name}.{how}.port"),
            app.listens.first().map(|n| port(*n)),
            format!("asks port {said}, and {image} listens on {listens}"),
            format!("询问端口 {said}，而 {image} 监听的是 {listens}"),
        )
    } else if let Some(get) = &probe.http_get {
        let path = get.path.split('?').next().unwrap_or_default();
        let route = app.route(if path.is_empty() { "/" } else { path });
        let status = route.map_or(404, |route| route.status);
        let patience = u64::try_from(probe.timeout_seconds.unwrap_or(1).max(1)).unwrap_or(1);
        let takes = route.map_or(0, |route| route.delay.as_millis());
        if !answers(status) {
            let right = app.routes.iter().find(|route| answers(route.status)).map(|route| value(&route.path));
            let path = if path.is_empty() { "/" } else { path };
            (
                format!("{at}.{name}.httpGet.path"),
                right,
                format!("asks for {path}, which {image} answers with {status}"),
                format!("询问 {path}，{image} 对它的应答是 {status}"),
            )
        } else if takes >= u128::from(patience) * 1000 {
            (
                format!("{at}.{name}.timeoutSeconds"),
                Some((takes / 1000 + 1).to_string()),
                format!("waits {patience} s for an answer, and {image} takes {takes} ms"),
                format!("最多等待 {patience} 秒，而 {image} 需要 {takes} 毫秒才能应答"),
            )
        } else {
            return early(desk, i, at, container, app, kind, probe);
        }
    } else {
        return early(desk, i, at, container, app, kind, probe);
    };
    let field = desk.workloads[i].field(&field);
    let fix = right.and_then(|right| desk.put(&field, &right));
    let (id, en, zh) = match kind {
        Asks::Readiness => (
            "readiness-fails",
            "The Pods run and never become ready (0/1): Services leave them out, and whoever asks is refused.",
            "Pod 在运行，但永远不会就绪（0/1）：Service 不会把请求交给它们，访问者会被拒绝。",
        ),
        Asks::Liveness => (
            "liveness-fails",
            "The kubelet takes the program for dead and restarts it again and again.",
            "kubelet 认为程序已死，会一次又一次地重启它。",
        ),
        Asks::Startup => (
            "startup-fails",
            "The kubelet waits for it before anything else, then kills the container and starts it again.",
            "kubelet 先等它成功，等不到就杀掉容器重新启动。",
        ),
    };
    let finding =
        desk.add(id, field, format!("The {name} of {who} {why}. {en}"), format!("{who} 的 {name} {why_zh}。{zh}"));
    finding.fix = fix;
}

/// A liveness probe that does not wait for a slow start.
fn early(desk: &mut Desk<'_>, i: usize, at: &str, container: &Container, app: &App, kind: Asks, probe: &Probe) {
    if kind != Asks::Liveness || container.startup_probe.is_some() {
        return same(desk, i, at, container, kind);
    }
    let seconds = |given: Option<i32>, usual: i32| u64::try_from(given.unwrap_or(usual).max(0)).unwrap_or(0);
    let tries = seconds(probe.failure_threshold, 3).max(1);
    let patience = seconds(probe.initial_delay_seconds, 0) + seconds(probe.period_seconds, 10) * (tries - 1);
    let start = app.startup.as_secs();
    if start <= patience {
        return same(desk, i, at, container, kind);
    }
    let field = desk.workloads[i].field(&format!("{at}.livenessProbe.initialDelaySeconds"));
    let fix = desk.put(&field, &(start + 1).to_string());
    let (who, image) = (desk.workloads[i].name(), &container.image);
    let finding = desk.add(
        "liveness-early",
        field,
        format!("{image} in {who} takes {start} s to start, and its livenessProbe gives up after {patience} s: the kubelet kills it before it ever answers. A startupProbe, or a longer initialDelaySeconds, gives it time."),
        format!("{who} 里的 {image} 启动需要 {start} 秒，而 livenessProbe 在 {patience} 秒后就放弃：kubelet 在它应答之前就把它杀掉。用 startupProbe，或把 initialDelaySeconds 调长，都能给它时间。"),
    );
    finding.fix = fix;
}

/// Both probes ask the same: what should only take a pod out of Services kills it.
fn same(desk: &mut Desk<'_>, i: usize, at: &str, container: &Container, kind: Asks) {
    let get = |probe: &Option<Probe>| {
        probe.as_ref().and_then(|p| p.http_get.as_ref()).map(|g| (g.path.clone(), g.port.clone()))
    };
    let (ready, alive) = (get(&container.readiness_probe), get(&container.liveness_probe));
    if kind != Asks::Liveness || alive.is_none() || ready != alive {
        return;
    }
    let restarts: i32 = made(desk, i)
        .iter()
        .filter_map(|pod| pod.body::<Pod>())
        .flat_map(|pod| &pod.status.container_statuses)
        .map(|s| s.restart_count)
        .sum();
    if restarts == 0 {
        return;
    }
    let probe = format!("{at}.livenessProbe.httpGet");
    let field = desk.workloads[i].field(&probe);
    let fix = desk.pen(&field.object).and_then(|pen| {
        let path = format!("{}.path", field.path);
        desk.edits(
            "Let the livenessProbe ask only whether the port is open".into(),
            "让 livenessProbe 只检查端口是否打开".into(),
            vec![pen.rename(&field.path, "tcpSocket"), pen.remove(&path)],
        )
    });
    let who = desk.workloads[i].name();
    let finding = desk.add(
        "probes-same",
        field,
        format!("livenessProbe and readinessProbe of {who} ask the same, and its containers were restarted {restarts} times. A failing readinessProbe takes a Pod out of Services until it recovers; a failing livenessProbe kills it. Let liveness ask less."),
        format!("{who} 的 livenessProbe 和 readinessProbe 询问的是同一处，它的容器已重启 {restarts} 次。readinessProbe 失败只会让 Pod 暂时退出 Service，livenessProbe 失败却会杀掉它。请让 liveness 问得少一些。"),
    );
    finding.fix = fix;
}

/// The pods of a workload, some of them.
fn made<'a>(desk: &Desk<'a>, i: usize) -> Vec<&'a Object> {
    let workload = &desk.workloads[i];
    if workload.key.kind == Kind::Pod {
        return desk.store.get(&workload.key).map(|pod| &**pod).into_iter().collect();
    }
    let (namespace, labels): (&str, &'a Labels) = (&workload.key.namespace, workload.labels);
    let all = desk.store.pods_with(namespace, labels).map(|pod| &**pod);
    all.filter(|pod| pod.meta.deletion_timestamp.is_none() && desk.maker(pod) == Some(i)).take(SAMPLE).collect()
}

/// What the pods themselves say.
fn pods(desk: &mut Desk<'_>, i: usize) {
    let pods = made(desk, i);
    let bodies: Vec<&Pod> = pods.iter().filter_map(|pod| pod.body()).collect();
    let waits = bodies.iter().find_map(|pod| {
        let scheduled = pod.status.condition("PodScheduled")?;
        (scheduled.status == "False").then(|| scheduled.message.clone())
    });
    let spec = desk.workloads[i].spec;
    let nodes: Vec<&Meta> = desk.store.all::<Node>().map(|(meta, _)| meta).collect();
    if !spec.node_name.is_empty() {
        let known = nodes.iter().any(|node| node.name == spec.node_name);
        if !known {
            let field = desk.workloads[i].field("spec.nodeName");
            let fix = desk.drop(&field);
            let (who, node) = (desk.workloads[i].name(), &spec.node_name);
            let finding = desk.add(
                "unschedulable",
                field,
                format!("nodeName puts the Pods of {who} on {node}, and there is no such node: they never start."),
                format!("nodeName 把 {who} 的 Pod 指定到 {node}，而没有这个节点：它们永远不会启动。"),
            );
            finding.fix = fix;
            return;
        }
    }
    if let Some(message) = waits {
        unscheduled(desk, i, &message, &nodes);
        return;
    }
    let crashing = bodies
        .iter()
        .flat_map(|pod| &pod.status.container_statuses)
        .find(|status| status.state.waiting.as_ref().is_some_and(|waiting| waiting.reason == "CrashLoopBackOff"));
    if let Some(status) = crashing
        && !desk.is_known(&desk.workloads[i].key)
    {
        let (container, count) = (status.name.clone(), status.restart_count);
        let (who, field) = (desk.workloads[i].name(), desk.workloads[i].field("spec.containers"));
        desk.add(
            "crash-loop",
            field,
            format!("Container {container} of {who} ends again and again ({count} restarts), so that the kubelet waits longer and longer before it starts it anew: CrashLoopBackOff. `kubectl logs --previous` shows what it said last."),
            format!("{who} 的容器 {container} 一再结束（已重启 {count} 次），kubelet 等待重启的时间越来越长：CrashLoopBackOff。用 `kubectl logs --previous` 可以看它最后说了什么。"),
        );
    }
}

/// No node takes its pods.
fn unscheduled(desk: &mut Desk<'_>, i: usize, message: &str, nodes: &[&Meta]) {
    let spec = desk.workloads[i].spec;
    let fits = |(k, v): &(&String, &String)| nodes.iter().any(|node| node.labels.get(*k) == Some(*v));
    let wrong = spec.node_selector.iter().find(|pair| !fits(pair));
    let (field, fix) = if let Some((key, wanted)) = wrong.filter(|_| message.contains("affinity/selector")) {
        let field = desk.workloads[i].field(&format!("spec.nodeSelector[{key}]"));
        let known = nodes.iter().filter_map(|node| node.labels.get(key)).map(String::as_str);
        let fix = match nearest(wanted, known) {
            Some(right) => desk.put(&field, &value(right)),
            None => desk.drop(&field),
        };
        (field, fix)
    } else if message.contains("free ports") {
        let at = spec.containers.iter().enumerate().find_map(|(c, container)| {
            let p = container.ports.iter().position(|p| p.host_port.is_some_and(|n| n != 0))?;
            Some(format!("spec.containers[{c}].ports[{p}].hostPort"))
        });
        let field = desk.workloads[i].field(at.as_deref().unwrap_or("spec.containers"));
        let fix = desk.drop(&field);
        (field, fix)
    } else {
        let cordoned =
            desk.store.all::<Node>().find(|(_, node)| node.spec.unschedulable).map(|(meta, _)| meta.name.clone());
        let fix = cordoned.and_then(|node| desk.line(format!("kubectl uncordon {node}")));
        (desk.workloads[i].field("spec"), fix)
    };
    let who = desk.workloads[i].name();
    let reason = message.split(". preemption:").next().unwrap_or(message);
    let finding = desk.add(
        "unschedulable",
        field,
        format!("No node takes Pods of {who}: they stay Pending. The scheduler says: {reason}."),
        format!("没有节点接收 {who} 的 Pod：它们停在 Pending。调度器说：{reason}。"),
    );
    finding.fix = fix;
}

/// A rollout took place, and nothing makes the pods that end wait for those who still send to them.
fn rolled(desk: &mut Desk<'_>, i: usize) {
    let workload = &desk.workloads[i];
    let uid = desk.store.get(&workload.key).map(|object| object.meta.uid.as_str()).unwrap_or_default();
    let rollouts = desk.store.owned::<ReplicaSet>(uid).take(2).count();
    let waits = |c: &Container| c.rest.get("lifecycle").is_some_and(|hooks| hooks.get("preStop").is_some());
    let asked = desk.store.services_selecting(&workload.key.namespace, workload.labels).next().cloned();
    let Some(service) = asked.filter(|_| rollouts > 1 && !workload.spec.containers.iter().any(waits)) else { return };
    let field = workload.field("spec.containers[0].lifecycle.preStop.sleep.seconds");
    let fix = desk.pen(&field.object).and_then(|pen| {
        let (en, zh) = ("Let Pods wait 5 s before they end", "让 Pod 在结束前等待 5 秒");
        desk.edits(en.into(), zh.into(), vec![pen.put(&field.path, "5")])
    });
    let (who, at, name) = (workload.name(), workload.field("spec.containers[0]"), &service.name);
    let finding = desk.add(
        "rollout-race",
        at,
        format!("When a rollout ends a Pod of {who}, SIGTERM stops its program while nodes and controllers still send to it: in a real cluster some requests to Service {name} are refused, or get 502 from an Ingress. A preStop hook that sleeps bridges that. (In this lab every node hears of the change at once.)"),
        format!("滚动更新结束 {who} 的 Pod 时，SIGTERM 让程序停下，而各节点和控制器还会向它发送一会儿：在真实集群里，发往 Service {name} 的部分请求会被拒绝，或从 Ingress 得到 502。加一个 sleep 的 preStop 钩子就能撑过这段时间。（在本实验室里，各节点会立刻得知变化。）"),
    );
    finding.related.push(FieldRef::new(service.clone(), "spec.selector"));
    finding.fix = fix;
}

/// Nothing is wanted, and no Service misses it.
fn wanted(desk: &mut Desk<'_>, i: usize) {
    let workload: &Workload<'_> = &desk.workloads[i];
    if workload.replicas != 0
        || desk.store.services_selecting(&workload.key.namespace, workload.labels).next().is_some()
    {
        return;
    }
    let (field, who) = (FieldRef::new(workload.key.clone(), "spec.replicas"), workload.name());
    let fix = desk.put(&field, "1");
    let finding = desk.add(
        "replicas-zero",
        field,
        format!("{who} wants 0 Pods: nothing of it runs."),
        format!("{who} 期望的 Pod 数为 0：什么都不会运行。"),
    );
    finding.severity = Severity::Warning;
    finding.fix = fix;
}
