//! Whether those outside a Service reach it: load balancers, source ranges, traffic policies, the cloud's firewall.

use super::desk::Desk;
use super::{Finding, Severity};
use crate::inet::{Ipv4Addr, Ipv4Net, within};
use crate::object::{FieldRef, Meta, Node, Object, Pod, Ref, Service};

/// The client that requests from the internet come from.
const INTERNET: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// Whether those outside reach it.
pub(super) fn look(desk: &mut Desk<'_>, key: &Ref, meta: &Meta, service: &Service, pods: &[&Object]) {
    let spec = &service.spec;
    let profile = desk.asked.cluster.profile();
    let field = |path: &str| FieldRef::new(key.clone(), path);
    let name = &key.name;
    let is_balancer = spec.r#type == "LoadBalancer";
    if is_balancer && service.status.load_balancer.ingress.is_empty() {
        let born = meta.creation_timestamp.map_or(0, |born| desk.asked.cluster.now().since(born).as_secs());
        if let Some(class) = &spec.load_balancer_class {
            let at = field("spec.loadBalancerClass");
            let fix = desk.drop(&at);
            let finding = desk.add(
                "balancer-class",
                at,
                format!("Service {name} asks for load balancers of class {class}, and nobody here implements that class: EXTERNAL-IP stays <pending>. Left out, the cluster's own load balancers take it, where there are any. (The field may not change once set: delete the Service first.)"),
                format!("Service {name} 要求 {class} 类的负载均衡器，而这里没有谁实现它：EXTERNAL-IP 会一直是 <pending>。不写的话，由集群自带的负载均衡器处理（如果有的话）。（该字段设置后不能修改：请先删除 Service。）"),
            );
            finding.fix = fix;
        } else if profile.load_balancers.is_none() {
            let fix = if profile.name == "cloud" { None } else { desk.line("minikube tunnel") };
            let finding = desk.add(
                "balancer-pending",
                field("spec.type"),
                format!("Nobody in this cluster implements load balancers, so that EXTERNAL-IP of Service {name} stays <pending>. Its cluster IP and its node ports work all the same; `minikube tunnel` plays the load balancer as long as it runs."),
                format!("这个集群里没有谁实现负载均衡器，所以 Service {name} 的 EXTERNAL-IP 一直是 <pending>。它的 ClusterIP 和节点端口照常可用；`minikube tunnel` 运行期间会充当负载均衡器。"),
            );
            finding.fix = fix;
        } else if born > 60 {
            desk.add(
                "balancer-pending",
                field("spec.type"),
                format!("The cloud has not given Service {name} an address: EXTERNAL-IP is <pending>. Its pool of addresses may be used up."),
                format!("云还没有给 Service {name} 分配地址：EXTERNAL-IP 是 <pending>。地址池可能已经用完。"),
            );
        }
    }
    if is_balancer {
        ranges(desk, key, service);
    }
    let external = matches!(spec.r#type.as_str(), "NodePort" | "LoadBalancer");
    if external && spec.external_traffic_policy == "Local" {
        local(desk, key, pods, Policy::External { is_balancer });
    }
    if spec.internal_traffic_policy == "Local" {
        local(desk, key, pods, Policy::Internal);
    }
    if spec.r#type == "NodePort" {
        firewall(desk, key, service);
    }
}

fn ranges(desk: &mut Desk<'_>, key: &Ref, service: &Service) {
    let all = &service.spec.load_balancer_source_ranges;
    let read: Vec<Ipv4Net> = all.iter().filter_map(|range| range.trim().parse().ok()).collect();
    let laptop = desk.asked.cluster.profile().laptop;
    if all.is_empty() || read.len() < all.len() || read.iter().any(|r| within(r, laptop) || within(r, INTERNET)) {
        return;
    }
    let fix = desk.put(&FieldRef::new(key.clone(), "spec.loadBalancerSourceRanges[0]"), &format!("{laptop}/32"));
    let (name, said) = (&key.name, all.join(", "));
    let finding = desk.add(
        "ranges-shut",
        FieldRef::new(key.clone(), "spec.loadBalancerSourceRanges"),
        format!("Only clients from {said} may use the load balancer of Service {name}. The laptop ({laptop}) and the internet's client ({INTERNET}) are in none of these: their packets are dropped (curl: (28) Connection timed out)."),
        format!("只有来自 {said} 的客户端才能使用 Service {name} 的负载均衡器。笔记本（{laptop}）和互联网上的客户端（{INTERNET}）都不在其中：它们的数据包会被丢弃（curl: (28) Connection timed out）。"),
    );
    finding.fix = fix;
}

/// Which traffic policy is Local.
enum Policy {
    External { is_balancer: bool },
    Internal,
}

fn local(desk: &mut Desk<'_>, key: &Ref, pods: &[&Object], policy: Policy) {
    let body = |pod: &&Object| pod.body::<Pod>().filter(|p| p.status.is_ready()).map(|p| p.spec.node_name.clone());
    let having: Vec<String> = pods.iter().filter_map(body).collect();
    if having.is_empty() {
        return;
    }
    let nodes: Vec<&str> = desk.store.all::<Node>().map(|(meta, _)| meta.name.as_str()).collect();
    let lacking: Vec<&str> = nodes.iter().copied().filter(|node| !having.iter().any(|own| own == node)).collect();
    if lacking.is_empty() {
        return;
    }
    let (name, said) = (&key.name, lacking.join(", "));
    match policy {
        Policy::External { is_balancer } => {
            let field = FieldRef::new(key.clone(), "spec.externalTrafficPolicy");
            let fix = desk.put(&field, "Cluster");
            let finding = desk.add(
                "local-policy",
                field,
                format!("With externalTrafficPolicy: Local a node serves only Pods of its own, and {said} has none of Service {name}: packets to its node port there are dropped (curl: (28) Connection timed out). A load balancer that checks health leaves such nodes out. Cluster would answer everywhere, and hide the client's address."),
                format!("externalTrafficPolicy: Local 让节点只把流量交给自己的 Pod，而 {said} 上没有 Service {name} 的 Pod：发到那里节点端口的数据包会被丢弃（curl: (28) Connection timed out）。带健康检查的负载均衡器会避开这些节点。改成 Cluster 则处处有应答，但会隐藏客户端地址。"),
            );
            finding.severity = if is_balancer { Severity::Note } else { Severity::Warning };
            finding.fix = fix;
        }
        Policy::Internal => {
            let field = FieldRef::new(key.clone(), "spec.internalTrafficPolicy");
            let fix = desk.put(&field, "Cluster");
            let finding: &mut Finding = desk.add(
                "local-internal",
                field,
                format!("With internalTrafficPolicy: Local a client is served only by Pods on its own node, and {said} has none of Service {name}: packets of clients there are dropped (curl: (28) Connection timed out)."),
                format!("internalTrafficPolicy: Local 让客户端只能访问自己节点上的 Pod，而 {said} 上没有 Service {name} 的 Pod：那里的客户端发出的数据包会被丢弃（curl: (28) Connection timed out）。"),
            );
            finding.fix = fix;
        }
    }
}

fn firewall(desk: &mut Desk<'_>, key: &Ref, service: &Service) {
    let profile = desk.asked.cluster.profile();
    let Some(openings) = desk.asked.cluster.firewall() else { return };
    let shut = service.spec.ports.iter().enumerate().find_map(|(i, at)| {
        let port = u16::try_from(at.node_port).ok().filter(|port| *port > 0)?;
        let opens = openings.iter().any(|opening| (opening.first..=opening.last).contains(&port));
        (!opens).then_some((i, port))
    });
    let Some((i, port)) = shut else { return };
    let fix = desk.line(format!("firewall open {port}"));
    let name = &key.name;
    let lab = profile.field("spec.firewall");
    let finding = desk.add(
        "firewall",
        FieldRef::new(key.clone(), format!("spec.ports[{i}].nodePort")),
        format!("Service {name} opens port {port} on every node, but the cloud's firewall before the nodes lets that port in from nowhere: packets from outside are dropped (curl: (28) Connection timed out). Pods and nodes reach it."),
        format!("Service {name} 在每个节点上打开端口 {port}，但节点前的云防火墙没有放行它：来自外部的数据包会被丢弃（curl: (28) Connection timed out）。Pod 和节点仍可访问。"),
    );
    finding.related.extend(lab);
    finding.fix = fix;
}
