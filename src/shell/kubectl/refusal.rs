//! The server's answer at the fields that it names, and what would mend it: for the page, beside kubectl's own words.
//!
//! The sentences are the server's; the hints are ours. They are for the mistakes that people make most.

use crate::api::{Cause, Reason, Status, Warning};
use crate::cluster::Cluster;
use crate::diag::{Diagnostic, Hint, Severity};
use crate::manifest::Manifest;
use crate::object::{FieldRef, Kind, Object, Ref, Service};

/// A refusal at the fields that it names; what the server would only say next is told too.
pub(super) fn diagnostics(status: &Status, manifest: &Manifest, key: &Ref, cluster: &Cluster) -> Vec<Diagnostic> {
    if status.reason != Reason::Invalid || status.causes.is_empty() {
        return vec![at(Severity::Error, "metadata.name", status.message.clone(), manifest, key)];
    }
    let all = status.causes.iter().chain(&status.later);
    all.map(|cause| {
        let message = format!("{}: {}", cause.field, cause.message);
        Diagnostic { hint: hint(cause, key, cluster), ..at(Severity::Error, &cause.field, message, manifest, key) }
    })
    .collect()
}

/// Warnings at the fields that they name.
pub(super) fn warned(warnings: &[Warning], manifest: &Manifest, key: &Ref) -> Vec<Diagnostic> {
    let each = |warning: &Warning| at(Severity::Warning, &warning.field, warning.message.clone(), manifest, key);
    warnings.iter().map(each).collect()
}

fn at(severity: Severity, field: &str, message: String, manifest: &Manifest, key: &Ref) -> Diagnostic {
    // The server names a field that it filled in from another, and one with a capital letter.
    let singular = manifest.tree.pointer("/spec/clusterIPs").is_none();
    let written = match field {
        _ if singular && field.starts_with("spec.clusterIPs") => "spec.clusterIP".to_owned(),
        _ => field.replace("spec.LoadBalancerSourceRanges", "spec.loadBalancerSourceRanges"),
    };
    let span = manifest.span_of(&FieldRef::new(key.clone(), written)).map_or(manifest.span, |span| span.value);
    Diagnostic { severity, span, field: field.to_owned(), message, hint: None }
}

/// A mistake that people make: kind, field without indices, a part of the server's words, and the hint in both languages.
type Mistake = (Option<Kind>, &'static str, &'static str, &'static str, &'static str);

const SERVICE: Option<Kind> = Some(Kind::Service);
const INGRESS: Option<Kind> = Some(Kind::Ingress);

/// The first row that fits speaks.
const MISTAKES: &[Mistake] = &[
    (
        SERVICE,
        "spec.ports[].nodePort",
        "may not be used when",
        "only Services of type NodePort or LoadBalancer open a port on the nodes, and a Service without a type is a ClusterIP: write `type: NodePort` under spec, or take nodePort out",
        "只有 NodePort 和 LoadBalancer 类型的 Service 才会在节点上打开端口；不写 type 的 Service 是 ClusterIP。请在 spec 下写上 `type: NodePort`，或删去 nodePort",
    ),
    (
        SERVICE,
        "spec.ports[].nodePort",
        "not in the valid range",
        "a node port lies between 30000 and 32767: pick one of these, or leave nodePort out and a free one is picked; `port` is the Service's own and may be any",
        "节点端口必须在 30000 到 32767 之间：请选其中一个，或不写 nodePort，由集群自动分配；`port` 是 Service 自己的端口，可以任选",
    ),
    (
        SERVICE,
        "spec.ports[].nodePort",
        "Duplicate value",
        "two ports of this Service ask for the same number on the nodes: give each its own, or leave nodePort out",
        "这个 Service 的两个端口要求同一个节点端口：请分别指定，或不写 nodePort",
    ),
    (
        SERVICE,
        "spec.ports[].name",
        "Required value",
        "a Service with several ports names each of them: add `name: http` or the like",
        "有多个端口的 Service 必须给每个端口起名：请加上类似 `name: http` 的一行",
    ),
    (
        SERVICE,
        "spec.ports[].targetPort",
        "must be between",
        "targetPort is the port that the program in the container listens on, from 1 to 65535",
        "targetPort 是容器里的程序所监听的端口，取值 1 到 65535",
    ),
    (
        SERVICE,
        "spec.ports[].targetPort",
        "must",
        "targetPort is a number, or the name of a port in the Pod's containers: at most 15 of a-z, 0-9 and single hyphens, a letter among them",
        "targetPort 可以是数字，也可以是 Pod 容器端口的名字：最多 15 个字符，只能用 a-z、0-9 和不相连的连字符，并至少有一个字母",
    ),
    (
        SERVICE,
        "spec.ports[].port",
        "must be between",
        "port is the Service's own port, where its clients knock: from 1 to 65535",
        "port 是 Service 自己的端口，客户端连接的就是它：取值 1 到 65535",
    ),
    (
        SERVICE,
        "spec.ports[]",
        "Duplicate value",
        "two ports of a Service differ in number or in protocol",
        "同一个 Service 的两个端口，端口号或协议必须不同",
    ),
    (
        SERVICE,
        "spec.ports",
        "Required value",
        "a Service needs at least one port, unless it is headless or an ExternalName",
        "Service 至少要有一个端口，除非它是无头（headless）服务或 ExternalName",
    ),
    (
        SERVICE,
        "spec.clusterIPs",
        "does not match the current range",
        "the address is none of the cluster's Service addresses: leave clusterIP out, and a free one is picked",
        "这个地址不在集群的 Service 地址范围内：不写 clusterIP，集群会自动分配",
    ),
    (
        SERVICE,
        "spec.clusterIPs[]",
        "may not be set to 'None'",
        "a headless Service has no address that nodes could forward to: take `clusterIP: None` out, or the type",
        "无头服务没有可供节点转发的地址：请删去 `clusterIP: None`，或删去 type",
    ),
    (
        SERVICE,
        "spec.clusterIPs[]",
        "may not change once set",
        "a Service keeps its address for life: delete it and create it again to have another",
        "Service 的地址终生不变：要换地址，请先删除再重新创建",
    ),
    (
        SERVICE,
        "spec.ipFamilyPolicy",
        "not configured for dual-stack",
        "the lab's clusters speak IPv4 alone: PreferDualStack is accepted here and means both where there are both",
        "本实验环境的集群只有 IPv4：这里可以用 PreferDualStack，它在双栈集群上表示两者都用",
    ),
    (
        SERVICE,
        "spec.externalName",
        "",
        "externalName is a DNS name alone: no scheme, no port, no path",
        "externalName 只能是 DNS 名称：不带协议、端口和路径",
    ),
    (
        SERVICE,
        "spec.externalTrafficPolicy",
        "may only be set for",
        "this is about traffic from outside: it needs type NodePort or LoadBalancer, or externalIPs",
        "它只管来自集群外的流量：需要 NodePort 或 LoadBalancer 类型，或者写了 externalIPs",
    ),
    (
        SERVICE,
        "",
        "when `type` is 'LoadBalancer'",
        "this goes with `type: LoadBalancer` alone: change the type, or take it out",
        "它只能和 `type: LoadBalancer` 一起用：请改 type，或删去这一项",
    ),
    (
        INGRESS,
        "spec.rules[].host",
        "",
        "a host is a DNS name alone: no scheme, no port, no path; leave it out for any host",
        "host 只能是 DNS 名称：不带协议、端口和路径；不写表示任意主机",
    ),
    (
        INGRESS,
        "spec.rules[].http.paths[].pathType",
        "Required value",
        "each path says how it is matched: `pathType: Prefix` for all below it, `pathType: Exact` for itself alone",
        "每条路径都要写明匹配方式：`pathType: Prefix` 匹配其下所有路径，`pathType: Exact` 只匹配自身",
    ),
    (
        INGRESS,
        "spec.rules[].http.paths[].path",
        "must be an absolute path",
        "a path begins with a slash",
        "路径必须以斜杠开头",
    ),
    (
        INGRESS,
        "spec.rules[].http.paths[].backend",
        "port name or number is required",
        "a backend names the Service's port, the one that its clients use: `port: {number: 80}`",
        "后端要写明 Service 的端口，也就是客户端所用的那个：`port: {number: 80}`",
    ),
    (
        None,
        "spec.template.metadata.labels",
        "`selector` does not match",
        "the selector finds its own Pods by these labels: each label of spec.selector.matchLabels must stand here with the same value",
        "选择算符靠这些标签找到自己的 Pod：spec.selector.matchLabels 里的每个标签，这里都要有，且值相同",
    ),
    (
        None,
        "spec.selector",
        "field is immutable",
        "a selector stays as it was created: delete the object and create it again, or give it another name",
        "选择算符创建后不能修改：请先删除再重新创建，或换一个名字",
    ),
    (
        None,
        "metadata.name",
        "must consist of",
        "a name is made of lower-case letters, digits and hyphens: no capitals, no underscores, no blanks",
        "名字只能用小写字母、数字和连字符：不能有大写字母、下划线或空格",
    ),
];

fn hint(cause: &Cause, key: &Ref, cluster: &Cluster) -> Option<Hint> {
    if let Some(rest) = cause.message.strip_prefix("Unsupported value: \"") {
        return near(rest).map(Hint::DidYouMean);
    }
    if cause.message.ends_with("already allocated") {
        return holder(cause, key, cluster);
    }
    let field = without_indices(&cause.field);
    let fits = |(kind, at, words, ..): &&Mistake| {
        kind.is_none_or(|kind| kind == key.kind) && (at.is_empty() || *at == field) && cause.message.contains(words)
    };
    let (.., en, zh) = MISTAKES.iter().find(fits)?;
    Some(Hint::Say { en: (*en).into(), zh: (*zh).into() })
}

fn without_indices(field: &str) -> String {
    let mut inside = false;
    let keep = |c: &char| {
        let was = inside;
        inside = *c == '[' || (inside && *c != ']');
        !was || !inside
    };
    field.chars().filter(keep).collect()
}

/// The supported value that was meant, out of `VALUE": supported values: "A", "B"`.
fn near(rest: &str) -> Option<String> {
    let (value, supported) = rest.split_once("\": supported values: ")?;
    let supported = supported.split('"').skip(1).step_by(2);
    let each = supported.map(|s| (crate::manifest::distance(value, s), s));
    let (distance, nearest) = each.min()?;
    (distance <= 2.max(nearest.len() / 2)).then(|| nearest.to_owned())
}

/// Who has the address or the port that is asked for.
fn holder(cause: &Cause, key: &Ref, cluster: &Cluster) -> Option<Hint> {
    let wanted = cause.message.strip_prefix("Invalid value: ")?;
    let wanted = wanted.split_once(": ")?.0.trim_matches(['[', ']', '"']);
    let has = |object: &Object| {
        let spec = &object.body::<Service>()?.spec;
        if spec.cluster_ip == wanted {
            return Some("spec.clusterIP".to_owned());
        }
        let i = spec.ports.iter().position(|port| port.node_port.to_string() == wanted);
        i.map(|i| format!("spec.ports[{i}].nodePort"))
    };
    let all = cluster.store().list(Kind::Service, None);
    let (object, field) = all.filter(|o| o.key() != *key).find_map(|object| Some((object, has(object)?)))?;
    let holder = object.key();
    Some(Hint::Say {
        en: format!("{holder} has it ({field}): choose another, or leave it out and a free one is picked").into(),
        zh: format!("它已被 {holder} 占用（{field}）：请换一个，或不写，由集群自动分配").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supported_value_that_is_meant() {
        let supported = r#"": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort""#;
        for (typed, meant) in [
            ("NodeIP", Some("NodePort")),
            ("nodeport", Some("NodePort")),
            ("Loadbalancer", Some("LoadBalancer")),
            ("Cluster", Some("ClusterIP")),
            ("Headless", None),
        ] {
            assert_eq!(near(&format!("{typed}{supported}")).as_deref(), meant, "{typed}");
        }
    }

    #[test]
    fn indices_go_and_brackets_stay() {
        assert_eq!(without_indices("spec.ports[12].nodePort"), "spec.ports[].nodePort");
    }
}
