//! What the lab does not do as a real cluster does, said plainly where it is used.

use kubehop::lang::Lang;
use leptos::prelude::*;

const LIMITS: [(&str, &str); 11] = [
    (
        "Time is virtual. Links, programs and probes take fixed times, and a loaded machine is no slower.",
        "时间是虚拟的。链路、程序、探针的耗时都是固定的，机器忙起来也不会变慢。",
    ),
    (
        "A request is one packet each way for the eye. TCP's handshake, segments and retries are not drawn.",
        "画面上一个请求只有一去一回两个数据包，不画 TCP 的握手、分段和重传。",
    ),
    (
        "Containers run no real program. An image answers as its name says; one nobody knows gets a stand-in.",
        "容器里没有真正的程序。镜像按它的名字应答，不认识的镜像用替身代替。",
    ),
    (
        "The API server decodes, defaults, validates and allocates as 1.37 does, for the kinds listed by `kubectl api-resources`.",
        "API 服务器的解码、默认值、校验和分配与 1.37 一致，支持的类型见 `kubectl api-resources`。",
    ),
    (
        "kube-proxy writes its rules at once, in mode iptables or nftables; a real one waits up to a second.",
        "kube-proxy（iptables 或 nftables 模式）立刻写好规则；真实的 kube-proxy 最多会等一秒。",
    ),
    (
        "The cloud is one of the usual kind: a firewall before all nodes, balancers that ask each node for its health. Real ones differ in timing, limits and price.",
        "云是常见的那一种：所有节点前有一道防火墙，负载均衡器会询问每个节点是否健康。真实的云在时间、限制和价格上各不相同。",
    ),
    (
        "The stage shows the rules of one Service at a time, at most four in a kernel; the inspector has all of them.",
        "舞台一次只显示一个 Service 的规则，每个内核里最多四条；全部规则在检查面板里。",
    ),
    (
        "All nodes hang on one wire in the picture. What a cut link separates are two nodes, whatever the wire looks like.",
        "画面上所有节点共用一根线。被切断的线路分开的是两个节点，不管线画成什么样。",
    ),
    (
        "Ingress controllers are ingress-nginx 1.15.1 and Traefik. ingress-nginx was archived in 2026, that is its last release; the Ingress API is frozen, not removed, and Gateway API is its successor.",
        "Ingress 控制器有 ingress-nginx 1.15.1 和 Traefik。ingress-nginx 已于 2026 年归档，这是最后一版；Ingress API 已冻结但没有移除，后继者是 Gateway API。",
    ),
    ("Nodes do not run out of memory, disk or ports.", "节点的内存、磁盘和端口不会耗尽。"),
    ("There is IPv4 only.", "只有 IPv4。"),
];

/// The list.
pub fn list(lang: Lang) -> impl IntoView {
    let items = LIMITS.map(|(en, zh)| view! { <li>{lang.pick(en, zh)}</li> });
    view! { <ul class="limits">{items}</ul> }
}
