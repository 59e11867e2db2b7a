//! Decisions between the world and the nodes: the cloud's edge, its load balancers, the links of a Lab; and their sentences.

use std::sync::Arc;

use crate::lang::Lang;

/// A decision between the world and the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outside {
    /// The packet goes over the internet to the cloud.
    ToCloud,
    /// A rule of the firewall lets the packet in.
    FirewallAdmits {
        /// Its port.
        port: u16,
        /// The rule, as `30001-30003 from 0.0.0.0/0`.
        rule: Arc<str>,
    },
    /// No rule of the firewall lets the packet in.
    FirewallDrops {
        /// Its port; 0 for a ping.
        port: u16,
        /// How many rules there are.
        rules: usize,
    },
    /// The cloud opened the firewall for a load balancer of its own.
    FirewallOpenedFor(Arc<str>),
    /// The cloud opened the firewall for a load balancer, but only for the Service's `loadBalancerSourceRanges`.
    FirewallSourceRefused(Arc<str>),
    /// The cloud turned a node's public address into the one that the node knows.
    PublicToPrivate(Arc<str>),
    /// The cloud turned a node's own address into its public one.
    PrivateToPublic(Arc<str>),
    /// The answer's address was turned back.
    TurnedBack,
    /// The load balancer passes the packet to a node as it is.
    BalancerPasses {
        /// Which Service.
        service: Arc<str>,
        /// Which node.
        node: Arc<str>,
        /// Out of how many healthy ones.
        of: usize,
    },
    /// The load balancer opens a connection of its own to a node's port.
    BalancerConnects {
        /// Which Service.
        service: Arc<str>,
        /// Which node.
        node: Arc<str>,
        /// Out of how many healthy ones.
        of: usize,
    },
    /// No node is healthy, so that the load balancer tries any.
    BalancerDespairs {
        /// Which Service.
        service: Arc<str>,
        /// Which node.
        node: Arc<str>,
    },
    /// The load balancer has no such port.
    BalancerPortless {
        /// Which Service.
        service: Arc<str>,
        /// The port.
        port: u16,
    },
    /// The load balancer has no node to send to: all are excluded.
    BalancerNodeless(Arc<str>),
    /// The load balancer needs a node port, and the Service has none.
    BalancerNoNodePort(Arc<str>),
    /// On Docker Desktop nobody on the laptop reaches the nodes.
    DesktopNoRoute,
    /// `minikube tunnel` added a route to the cluster IPs.
    TunnelRoute(Arc<str>),
    /// The destination is the control plane that the cloud runs.
    ControlPlane,
    /// The link lost the packet, and the sender sent it again.
    LostAndSentAgain {
        /// How often.
        times: u32,
        /// How many of a hundred the link loses.
        loss: u8,
    },
    /// The link lost the packet.
    LostOnLink {
        /// How many of a hundred it loses.
        loss: u8,
    },
}

impl Outside {
    /// Says why.
    pub(super) fn sentence(&self, lang: Lang) -> String {
        use Outside::*;
        let (en, zh) = match self {
            ToCloud => (
                "The address is in the cloud: the packet goes there over the internet.".to_owned(),
                "该地址在云上：数据包经互联网前往。".to_owned(),
            ),
            FirewallAdmits { port, rule } => (
                format!("The firewall before the nodes lets port {port} in by this rule: {rule}."),
                format!("节点前的防火墙按规则“{rule}”放行端口 {port}。"),
            ),
            FirewallDrops { port: 0, .. } => (
                "The firewall before the nodes lets ports in, and a ping has none: it is dropped without a word.".into(),
                "节点前的防火墙只按端口放行，而 ping 没有端口：被静默丢弃。".into(),
            ),
            FirewallDrops { port, rules: 0 } => (
                format!("The firewall before the nodes has no rule that lets anything in, so port {port} is dropped without a word."),
                format!("节点前的防火墙没有任何放行规则，端口 {port} 被静默丢弃。"),
            ),
            FirewallDrops { port, .. } => (
                format!("No rule of the firewall before the nodes lets port {port} in for this client, so the packet is dropped without a word."),
                format!("节点前的防火墙没有为该客户端放行端口 {port} 的规则，数据包被静默丢弃。"),
            ),
            FirewallOpenedFor(service) => (
                format!("The cloud opened its firewall for the load balancer of Service {service} when it made it."),
                format!("云在创建 Service {service} 的负载均衡器时，已为它打开防火墙。"),
            ),
            FirewallSourceRefused(service) => (
                format!("The client is in none of the loadBalancerSourceRanges of Service {service}: the cloud opened its firewall for those alone, so the packet is dropped."),
                format!("客户端不在 Service {service} 的 loadBalancerSourceRanges 之内：云只为这些网段打开防火墙，数据包被丢弃。"),
            ),
            PublicToPrivate(node) => (
                format!("The address is the public one of {node}. The node itself does not know it: the cloud puts the node's own address in its place."),
                format!("这是 {node} 的公网地址。节点自己并不知道它：云把它换成节点自己的地址。"),
            ),
            PrivateToPublic(node) => (
                format!("The packet leaves the cloud's network, so the cloud puts the public address of {node} in place of the source."),
                format!("数据包要离开云的内部网络，云把源地址换成 {node} 的公网地址。"),
            ),
            TurnedBack => (
                "The address that was changed on the way in is put back on the way out.".into(),
                "进来时改写的地址，在出去时还原。".into(),
            ),
            BalancerPasses { service, node, of } => (
                format!("The load balancer of Service {service} takes {node}, {}, and passes the packet on unchanged. The node answers the client directly (ipMode VIP).", one_of(*of)),
                format!("Service {service} 的负载均衡器从 {of} 个健康节点中选中 {node}，原样转交数据包；节点直接应答客户端（ipMode 为 VIP）。"),
            ),
            BalancerConnects { service, node, of } => (
                format!("The load balancer of Service {service} takes {node}, {}, and opens a connection of its own to the node port there: the node sees the balancer's address (ipMode Proxy).", one_of(*of)),
                format!("Service {service} 的负载均衡器从 {of} 个健康节点中选中 {node}，自己另开一条连接到该节点的 nodePort：节点看到的是负载均衡器的地址（ipMode 为 Proxy）。"),
            ),
            BalancerDespairs { service, node } => (
                format!("No node passes the health check of Service {service}. As a last resort the load balancer tries any: {node}."),
                format!("没有节点通过 Service {service} 的健康检查。负载均衡器只好任选一个：{node}。"),
            ),
            BalancerPortless { service, port } => (
                format!("The load balancer of Service {service} does not listen on port {port}: only the Service's ports are forwarded, so the packet is dropped."),
                format!("Service {service} 的负载均衡器不监听端口 {port}：只转发 Service 的端口，数据包被丢弃。"),
            ),
            BalancerNodeless(service) => (
                format!("The load balancer of Service {service} has no node to send to: every node is excluded from load balancers by its label."),
                format!("Service {service} 的负载均衡器没有可用节点：所有节点都被标签排除在负载均衡器之外。"),
            ),
            BalancerNoNodePort(service) => (
                format!("This load balancer connects to node ports, and Service {service} has none (allocateLoadBalancerNodePorts: false)."),
                format!("这种负载均衡器要连接 nodePort，而 Service {service} 没有（allocateLoadBalancerNodePorts: false）。"),
            ),
            DesktopNoRoute => (
                "On Docker Desktop the nodes are inside a virtual machine, and the laptop has no route to their network. minikube service and minikube tunnel carry connections in.".into(),
                "在 Docker Desktop 上，节点在一台虚拟机里，你的电脑没有通往其网络的路由。minikube service 和 minikube tunnel 可以把连接带进去。".into(),
            ),
            TunnelRoute(node) => (
                format!("minikube tunnel added this route to the laptop: cluster IPs lead to {node}, whose kernel has kube-proxy's rules."),
                format!("minikube tunnel 给你的电脑加了这条路由：发往 ClusterIP 的数据包交给 {node}，它的内核里有 kube-proxy 的规则。"),
            ),
            ControlPlane => (
                "The address is that of the control plane, which the cloud runs outside of the nodes.".into(),
                "这是控制平面的地址；它由云在节点之外运行。".into(),
            ),
            LostAndSentAgain { times, loss } => (
                format!("This link loses {loss} packets of 100, and this one {times} times. TCP waits a second, then twice as long each time, and sends it again."),
                format!("这条链路每 100 个数据包丢 {loss} 个，这个数据包丢了 {times} 次。TCP 先等一秒，之后每次加倍，再重发。"),
            ),
            LostOnLink { loss } => (
                format!("This link loses {loss} packets of 100: this one was lost."),
                format!("这条链路每 100 个数据包丢 {loss} 个：这一个丢了。"),
            ),
        };
        lang.pick(en, zh)
    }
}

fn one_of(healthy: usize) -> String {
    if healthy == 1 { "the only healthy node".into() } else { format!("one of {healthy} healthy nodes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_has_a_sentence_in_each_language() {
        use Outside::*;
        let x = || Arc::<str>::from("x");
        let all = [
            ToCloud,
            FirewallAdmits { port: 1, rule: x() },
            FirewallDrops { port: 0, rules: 0 },
            FirewallDrops { port: 1, rules: 0 },
            FirewallDrops { port: 1, rules: 1 },
            FirewallOpenedFor(x()),
            FirewallSourceRefused(x()),
            PublicToPrivate(x()),
            PrivateToPublic(x()),
            TurnedBack,
            BalancerPasses { service: x(), node: x(), of: 2 },
            BalancerConnects { service: x(), node: x(), of: 2 },
            BalancerDespairs { service: x(), node: x() },
            BalancerPortless { service: x(), port: 1 },
            BalancerNodeless(x()),
            BalancerNoNodePort(x()),
            DesktopNoRoute,
            TunnelRoute(x()),
            ControlPlane,
            LostAndSentAgain { times: 1, loss: 2 },
            LostOnLink { loss: 1 },
        ];
        for decision in all {
            let (en, zh) = (decision.sentence(Lang::En), decision.sentence(Lang::Zh));
            assert!(en.ends_with(['.', ')']) && zh.ends_with(['。', '）']), "{en} {zh}");
            assert!(en.is_ascii() && !zh.is_ascii(), "{en} {zh}");
        }
    }
}
