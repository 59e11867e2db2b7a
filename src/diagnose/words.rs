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
    // Services.
    row(Error, "selector-empty", "The selector matches no Pod", "选择算符没有匹配到任何 Pod"),
    row(Error, "selector-elsewhere", "The Pods are in another namespace", "Pod 在另一个命名空间里"),
    row(Warning, "selector-broad", "The selector reaches two programs", "选择算符选中了两种程序"),
    row(Error, "no-selector", "No selector and no endpoints", "既没有选择算符，也没有端点"),
    row(Error, "none-ready", "No Pod behind it is ready", "后面没有就绪的 Pod"),
    row(Error, "target-port", "Nothing listens on the target port", "目标端口上没有程序监听"),
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
