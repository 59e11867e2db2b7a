//! The names of all findings, and how bad each is.

use super::Severity;
use crate::lang::Lang;

/// What a finding is called.
#[derive(Clone, Copy, Debug)]
pub struct Title {
    /// Its id.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    en: &'static str,
    zh: &'static str,
}

impl Title {
    /// Its name in a language.
    pub fn text(&self, lang: Lang) -> &'static str {
        lang.pick(self.en, self.zh)
    }
}

/// The row of an id.
pub(super) fn title(id: &str) -> Option<&'static Title> {
    TITLES.iter().find(|title| title.id == id)
}

const fn row(severity: Severity, id: &'static str, en: &'static str, zh: &'static str) -> Title {
    Title { id, severity, en, zh }
}

use Severity::{Error, Note, Warning};

/// Every finding that there can be.
pub const TITLES: &[Title] = &[
    // What the reader and the API server say.
    row(Error, "refused", "The API server refuses it", "API 服务器拒绝了它"),
    row(Error, "unreadable", "It cannot be read", "无法读取"),
    row(Error, "webhook", "The admission webhook does not answer", "准入 webhook 没有应答"),
    row(Warning, "told", "Accepted, but with a warning", "已接受，但有警告"),
    row(Note, "not-applied", "Not applied yet", "尚未应用"),
    // Workloads.
    row(Warning, "replicas-zero", "No Pod is wanted", "期望的 Pod 数为 0"),
    row(Error, "program-ends", "The program ends at once", "程序一启动就结束"),
    row(Error, "readiness-fails", "The readiness probe cannot succeed", "就绪探针不可能成功"),
    row(Error, "liveness-fails", "The liveness probe cannot succeed", "存活探针不可能成功"),
    row(Error, "startup-fails", "The startup probe cannot succeed", "启动探针不可能成功"),
    row(Error, "liveness-early", "The liveness probe does not wait for the start", "存活探针等不到程序启动"),
    row(Warning, "probes-same", "Liveness and readiness ask the same", "存活和就绪探针问的是同一处"),
    row(Error, "unschedulable", "No node takes the Pods", "没有节点接收这些 Pod"),
    row(Error, "crash-loop", "A container ends again and again", "容器一再结束"),
    row(Note, "container-port", "containerPort is not where the program listens", "containerPort 不是程序监听的端口"),
    row(Note, "rollout-race", "A rollout may cut requests off", "滚动更新可能切断请求"),
    row(Note, "image-unknown", "A stand-in for an unknown image", "未知镜像的替身"),
    // Services.
    row(Error, "selector-empty", "The selector matches no Pod", "选择算符没有匹配到任何 Pod"),
    row(Error, "selector-elsewhere", "The Pods are in another namespace", "Pod 在另一个命名空间里"),
    row(Warning, "selector-broad", "The selector reaches two programs", "选择算符选中了两种程序"),
    row(Error, "no-selector", "No selector and no endpoints", "既没有选择算符，也没有端点"),
    row(Error, "none-ready", "No Pod behind it is ready", "后面没有就绪的 Pod"),
    row(Error, "target-port", "Nothing listens on the target port", "目标端口上没有程序监听"),
    row(Error, "loopback", "The program listens on 127.0.0.1 alone", "程序只监听 127.0.0.1"),
    row(Error, "target-name", "No container has a port of that name", "没有容器端口叫这个名字"),
    row(Warning, "headless-port", "A headless Service translates no port", "无头 Service 不转换端口"),
    row(Warning, "external-name-ip", "externalName is an address", "externalName 写成了地址"),
    row(Note, "external-name-selector", "The selector has no effect", "选择算符不起作用"),
    row(Warning, "balancer-pending", "Nobody gives it an address", "没有谁给它分配地址"),
    row(Warning, "balancer-class", "Nobody implements that load balancer class", "没有谁实现这个负载均衡器类"),
    row(Warning, "ranges-shut", "The source ranges let nobody in", "来源范围没有放行任何客户端"),
    row(Warning, "local-policy", "Only some nodes answer", "只有部分节点会应答"),
    row(Warning, "local-internal", "Only Pods on some nodes reach it", "只有部分节点上的 Pod 能访问"),
    row(Warning, "firewall", "The firewall shuts the node port", "防火墙没有放行节点端口"),
    row(Note, "external-ips", "externalIPs is deprecated", "externalIPs 已弃用"),
    row(Note, "endpoints", "Endpoints is deprecated", "Endpoints 已弃用"),
    // Ingresses.
    row(Error, "ingress-unread", "No controller reads the Ingress", "没有控制器读取这个 Ingress"),
    row(Error, "ingress-classless", "The Ingress has no class", "Ingress 没有写类"),
    row(Error, "ingress-class", "Nobody serves the Ingress's class", "没有谁服务这个 Ingress 的类"),
    row(Error, "ingress-unready", "The ingress controller is not ready", "Ingress 控制器没有就绪"),
    row(Error, "backend-missing", "The backend's Service is missing", "后端 Service 不存在"),
    row(Error, "backend-elsewhere", "The backend is in another namespace", "后端在另一个命名空间里"),
    row(Error, "backend-port", "The Service has no such port", "Service 没有这个端口"),
    row(Note, "backend-target", "The backend's port is a targetPort", "后端端口写成了 targetPort"),
    row(Warning, "path-unserved", "The program does not know the path", "程序不认识这个路径"),
    row(Warning, "tls-secret", "No certificate to show", "没有可出示的证书"),
    row(Warning, "tls-host", "The certificate is for another host", "证书属于别的主机"),
    row(Warning, "tls-unlisted", "spec.tls does not list the host", "spec.tls 没有列出这个主机"),
    row(Warning, "rule-shadowed", "An older Ingress has the same rule", "更早的 Ingress 有同样的规则"),
    row(Warning, "annotation-invalid", "The annotation's value is invalid", "注解的值无效"),
    row(Warning, "annotation-other", "The annotation is another controller's", "这是另一种控制器的注解"),
    row(Note, "annotation-unknown", "The controller knows no such annotation", "控制器不认识这个注解"),
    row(Note, "annotation-unmodelled", "The lab does not play this annotation", "实验室没有模拟这个注解"),
    row(Note, "nginx-archived", "ingress-nginx is archived", "ingress-nginx 已归档"),
    // What requests showed.
    row(Warning, "short-name", "A short name ends at its namespace", "短名字出不了自己的命名空间"),
    row(Warning, "name-slip", "No Service has that name", "没有 Service 叫这个名字"),
    row(Warning, "name-outside", "The cluster's names are unknown outside", "集群外不认识集群内的名字"),
    row(Warning, "ping", "Nobody answers a ping to a cluster IP", "集群 IP 没有谁应答 ping"),
    row(Warning, "cluster-ip-outside", "A cluster IP ends at the nodes", "集群 IP 出不了节点"),
    row(Warning, "desktop", "The laptop has no way to the nodes", "笔记本没有通往节点的路"),
    row(Warning, "plain-to-tls", "Plain HTTP came to an HTTPS port", "明文 HTTP 发到了 HTTPS 端口"),
    row(Warning, "tls-to-plain", "TLS came to a plain HTTP port", "TLS 发到了明文 HTTP 端口"),
    row(Warning, "port-unknown", "The Service has no such port", "Service 没有这个端口"),
    row(Warning, "host-unmatched", "No rule is for that host", "没有该主机的规则"),
    row(Warning, "path-unmatched", "No rule has that path", "没有该路径的规则"),
    row(Note, "broken", "A machine or a link is broken", "机器或链路坏了"),
    row(Note, "not-found", "The program itself answers 404", "404 是程序自己的应答"),
    row(Note, "kept-alive", "One connection stays with one Pod", "一条连接只对着一个 Pod"),
];

/// What a clean cluster was looked through for.
pub const LOOKS_FOR: [(&str, &str); 6] = [
    ("selectors that match no Pod, or the wrong ones", "没有匹配到 Pod，或选错 Pod 的选择算符"),
    ("target ports on which nothing listens", "没有程序监听的目标端口"),
    ("Pods that do not start, are not ready or restart", "无法启动、未就绪或反复重启的 Pod"),
    ("Ingresses that nobody reads, or that lead nowhere", "没有谁读取，或指向不存在后端的 Ingress"),
    ("addresses and ports that cannot be reached from outside", "从外面无法到达的地址和端口"),
    ("requests that failed for one of these reasons", "因上述原因失败的请求"),
];
