//! What the lab does not do as a real cluster does, said plainly where it is used.

use kubehop::lang::Lang;
use leptos::prelude::*;

const LIMITS: [(&str, &str); 7] = [
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
        "kube-proxy runs in iptables mode and writes its rules at once; a real one waits up to a second.",
        "kube-proxy 使用 iptables 模式，规则立刻写好；真实的 kube-proxy 最多会等一秒。",
    ),
    ("Nodes do not run out of memory, disk or ports.", "节点的内存、磁盘和端口不会耗尽。"),
    ("There is IPv4 only.", "只有 IPv4。"),
];

/// The list.
pub fn list(lang: Lang) -> impl IntoView {
    let items = LIMITS.map(|(en, zh)| view! { <li>{lang.pick(en, zh)}</li> });
    view! { <ul class="limits">{items}</ul> }
}
