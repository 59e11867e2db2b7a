//! A decision to a sentence: the only prose about networking.

use std::fmt::Write as _;

use super::{Action, Because, By, Hop, Reason};
use crate::lang::Lang;

/// Says why, in one or two short sentences.
pub fn explain(because: &Because, lang: Lang) -> String {
    use Reason::*;
    let (en, zh) = match &because.reason {
        ClientConnects => (
            "The client opens a connection from a free port of its own.".to_owned(),
            "客户端从自己的一个空闲端口发起连接。".to_owned(),
        ),
        ClientPings => (
            "The client sends an ICMP echo request: a packet without ports.".into(),
            "客户端发出一个 ICMP 回显请求：这种数据包没有端口。".into(),
        ),
        ClientSends => (
            "The client sends one datagram from a free port of its own.".into(),
            "客户端从自己的一个空闲端口发出一个数据报。".into(),
        ),
        LeavesPod => (
            "The packet leaves the pod by its veth pair and enters the node's kernel, where kube-proxy's rules are.".into(),
            "数据包经 veth 离开 Pod，进入节点内核；kube-proxy 写的规则就在这里。".into(),
        ),
        ArrivesAtNode => (
            "The packet comes in at the node's network card and enters its kernel.".into(),
            "数据包从节点网卡进入它的内核。".into(),
        ),
        RouteToNode(node) => (
            format!("The destination is in the pod range of {node}, so the routing table sends it to that node."),
            format!("目的地址属于 {node} 的 Pod 网段，路由表把它交给该节点。"),
        ),
        RouteOut => (
            "The destination is outside the cluster, so it leaves by the node's network card.".into(),
            "目的地址在集群之外，数据包从节点网卡离开。".into(),
        ),
        DeliverToPod => (
            "The address belongs to a pod on this node: the packet crosses its veth pair and reaches the program's port.".into(),
            "该地址属于本节点上的 Pod：数据包穿过它的 veth，到达程序监听的端口。".into(),
        ),
        DeliverToNode => (
            "The address is the node's own: the packet goes to a program on the node.".into(),
            "这是节点自己的地址：数据包交给节点上的程序。".into(),
        ),
        DeliverToLaptop => ("The address is the laptop's.".into(), "这是你的电脑的地址。".into()),
        DeliverToLoopback => (
            "The connection comes to localhost inside the pod, so that a program which listens on 127.0.0.1 alone hears it too.".into(),
            "连接到达 Pod 内部的 localhost，所以只监听 127.0.0.1 的程序也能收到。".into(),
        ),
        TunnelToApi { pod, api } => (
            format!("kubectl port-forward listens here and carries the connection inside its own to the API server at {api}. Its pod was chosen at the start, {pod}: no Service, no kube-proxy, no balancing."),
            format!("kubectl port-forward 在这里监听，并在自己与 API server（{api}）的连接里转送。它启动时就选定了 Pod {pod}：不经 Service 和 kube-proxy，也没有负载均衡。"),
        ),
        TunnelToKubelet { node, pod } => (
            format!("The API server passes the connection on to the kubelet of {node}, where {pod} runs."),
            format!("API server 把连接转交给 {node} 上的 kubelet，{pod} 就运行在那里。"),
        ),
        TunnelIntoPod(pod) => (
            format!("The kubelet has the connection opened inside the network namespace of {pod}, to localhost there: it meets no rule of kube-proxy's."),
            format!("kubelet 在 {pod} 的网络命名空间里打开到 localhost 的连接：不经过 kube-proxy 的任何规则。"),
        ),
        TunnelPodGone(pod) => (
            format!("The tunnel was made for {pod}, which is gone. A tunnel does not move to another pod: kubectl must be started again."),
            format!("隧道是为 {pod} 建立的，而这个 Pod 已不存在。隧道不会换到别的 Pod：必须重新启动 kubectl。"),
        ),
        TunnelBySsh { node, to } => (
            format!("minikube's ssh tunnel listens here and hands the connection to {node}, which connects to {to} as a program of its own."),
            format!("minikube 的 ssh 隧道在这里监听，把连接交给 {node}，由该节点自己连接 {to}。"),
        ),
        ClusterIp(service) => (
            format!("No machine owns this address. It is the cluster IP of Service {service}, and this rule recognises it."),
            format!("没有任何机器拥有这个地址。它是 Service {service} 的 ClusterIP，由这条规则识别。"),
        ),
        NodePort(service) => (
            format!("This port on any node's address belongs to Service {service}."),
            format!("任一节点地址上的这个端口都属于 Service {service}。"),
        ),
        ExternalIp(service) => (
            format!("The address is an external IP of Service {service}: the node takes such packets for itself."),
            format!("该地址是 Service {service} 的 externalIP：节点会接管发往它的数据包。"),
        ),
        LoadBalancerIp(service) => (
            format!("The address is the load balancer's for Service {service}: the node short-cuts it."),
            format!("该地址是 Service {service} 的负载均衡器地址：节点直接处理，不再绕行。"),
        ),
        Picked { service, endpoint, of: 1 } => (
            format!("This node's rules for Service {service} lead to one endpoint. The kernel wrote the address of {endpoint} over the destination."),
            format!("此节点上 Service {service} 的规则只通向一个端点。内核把目的地址改写成 {endpoint} 的地址。"),
        ),
        Picked { endpoint, of, .. } => (
            format!("The kernel picked {endpoint}, one of {}, at random and wrote its address over the destination.", in_words(*of)),
            format!("内核从 {of} 个端点中随机选中 {endpoint}，并把目的地址改写成它的地址。"),
        ),
        PickedAgain { endpoint, seconds, .. } => (
            format!("This client was at {endpoint} within the last {seconds} seconds, and session affinity sends it there again."),
            format!("该客户端在最近 {seconds} 秒内访问过 {endpoint}，会话亲和性把它再次送到那里。"),
        ),
        MasqueradeNotPod => (
            "The client is not a pod, so the node puts its own address in place of the source: the answer must come back here to be translated.".into(),
            "客户端不是 Pod，节点用自己的地址替换源地址：应答必须先回到这里才能还原地址。".into(),
        ),
        MasqueradeExternal => (
            "The packet came by an address meant for the outside and may go to another node, so the node puts its own address in place of the source. The pod does not see the client's.".into(),
            "数据包经由对外的地址进入，可能被转到别的节点，因此节点用自己的地址替换源地址。Pod 看不到客户端的地址。".into(),
        ),
        MasqueradeNode => (
            "The client is the node itself, so the source becomes the address of the interface the packet leaves by.".into(),
            "客户端就是节点自己，源地址换成数据包离开时所用接口的地址。".into(),
        ),
        MasqueradeHairpin => (
            "The pod was sent back to itself. With its own address as the source it would answer itself directly, so the node hides it.".into(),
            "Pod 被送回了自己。如果源地址还是它自己，应答就不会经过节点，因此节点替换了源地址。".into(),
        ),
        MasqueradeOutbound => (
            "The destination is outside the pods' network, where nobody knows a way back to a pod. So the node puts its own address in place of the source.".into(),
            "目的地在 Pod 网络之外，那里没有谁知道回到 Pod 的路。因此节点用自己的地址替换源地址。".into(),
        ),
        MasqueradeHostPort => (
            "A pod or the node itself came by the host port, so the node puts its own address in place of the source: the answer must come back here to be translated.".into(),
            "请求来自 Pod 或节点自己，并且经由 hostPort，节点用自己的地址替换源地址：应答必须先回到这里才能还原地址。".into(),
        ),
        HostPort { pod, port } => (
            format!("Pod {pod} asks for port {port} of its node (hostPort), and the network plugin leads that port to the pod. No Service is involved."),
            format!("Pod {pod} 占用了节点的端口 {port}（hostPort），网络插件把这个端口转给它。这里没有经过 Service。"),
        ),
        SelectsNothing { service, selector } => (
            format!("Service {service} has no endpoints: its selector {selector} matches no pod. So the kernel refuses at once."),
            format!("Service {service} 没有端点：选择算符 {selector} 不匹配任何 Pod。内核立即拒绝。"),
        ),
        NoSelector(service) => (
            format!("Service {service} has no selector, and nobody wrote endpoints for it. So the kernel refuses at once."),
            format!("Service {service} 没有选择算符，也没有人为它写端点。内核立即拒绝。"),
        ),
        NoneReady { service, matching: 1 } => (
            format!("Service {service} has no endpoints: its selector matches one pod, but that pod is not ready. So the kernel refuses at once."),
            format!("Service {service} 没有可用端点：选择算符匹配一个 Pod，但它尚未就绪。内核立即拒绝。"),
        ),
        NoneReady { service, matching } => (
            format!(
                "Service {service} has no endpoints: its selector matches {} pods, but none is ready. So the kernel refuses at once.",
                in_words(*matching)
            ),
            format!("Service {service} 没有可用端点：选择算符匹配 {matching} 个 Pod，但没有一个就绪。内核立即拒绝。"),
        ),
        NoNamedPort { service, name } => (
            format!("Service {service} has no endpoints: its targetPort is the name {name}, and no container of its pods has a port of that name. So the kernel refuses at once."),
            format!("Service {service} 没有端点：targetPort 写的是名字 {name}，而它的 Pod 中没有容器声明这个名字的端口。内核立即拒绝。"),
        ),
        NoLocalEndpoint(service) => (
            format!("internalTrafficPolicy of Service {service} is Local, and none of its endpoints is on this node. The packet is dropped without a word."),
            format!("Service {service} 的 internalTrafficPolicy 为 Local，而本节点上没有它的端点。数据包被静默丢弃。"),
        ),
        NoLocalEndpointExternal(service) => (
            format!("externalTrafficPolicy of Service {service} is Local, and none of its endpoints is on this node. The packet is dropped without a word."),
            format!("Service {service} 的 externalTrafficPolicy 为 Local，而本节点上没有它的端点。数据包被静默丢弃。"),
        ),
        SourceRefused(service) => (
            format!("The client is in none of the loadBalancerSourceRanges of Service {service}. The packet is dropped without a word."),
            format!("客户端不在 Service {service} 的任何 loadBalancerSourceRanges 之内。数据包被静默丢弃。"),
        ),
        MartianLoopback => (
            "A packet for 127.0.0.0/8 must not come from another machine, so it is dropped.".into(),
            "发往 127.0.0.0/8 的数据包不应来自别的机器，因此被丢弃。".into(),
        ),
        InvalidState => (
            "The packet belongs to no connection that the kernel knows, so it is dropped.".into(),
            "数据包不属于内核已知的任何连接，因此被丢弃。".into(),
        ),
        HealthCheck(service) => (
            format!("The port is the health check of Service {service}; kube-proxy itself answers there."),
            format!("该端口是 Service {service} 的健康检查端口，由 kube-proxy 自己应答。"),
        ),
        NodeStopped(node) => (
            format!("Node {node} is turned off: no kernel there answers, and none of its programs runs."),
            format!("节点 {node} 已关机：那里没有内核应答，也没有程序在运行。"),
        ),
        LinkCut { from, to } => (
            format!("The link between {from} and {to} is cut: the packet is lost without a word."),
            format!("{from} 与 {to} 之间的链路被切断：数据包静默丢失。"),
        ),
        ClusterIpFromOutside => (
            "This is a cluster IP: no machine owns it, only the kernels of the nodes know it. From here the packet leaves by the default route, and nobody answers.".into(),
            "这是 ClusterIP：没有任何机器拥有它，只有各节点的内核认识它。从这里发出的数据包走默认路由离开，无人应答。".into(),
        ),
        PodIpFromOutside => (
            "This is a pod's address: routes to pods exist on the nodes only. From here the packet leaves by the default route, and nobody answers.".into(),
            "这是 Pod 的地址：通往 Pod 的路由只存在于节点上。从这里发出的数据包走默认路由离开，无人应答。".into(),
        ),
        NoSuchAddress => (
            "Nobody in the lab has this address, so nobody answers.".into(),
            "实验环境中没有谁拥有这个地址，无人应答。".into(),
        ),
        PrivateFromInternet => (
            "This address is on a private network, and no route leads there from the internet.".into(),
            "这是私有网络中的地址，从互联网没有路由可达。".into(),
        ),
        NoSuchClient(place) => (
            format!("There is no running {place} to send from."),
            format!("没有运行中的 {place}，无法从那里发送。"),
        ),
        NoSuchService => (
            "The address is in the range of cluster IPs, but no Service has it: no rule matches, the packet leaves by the default route, and nobody answers.".into(),
            "该地址在 ClusterIP 网段内，但不属于任何 Service：没有规则匹配，数据包走默认路由离开，无人应答。".into(),
        ),
        NoSuchPort { service, ports } => (
            format!("The address is the cluster IP of Service {service}, but that has only {ports}: no rule matches the port, and nobody answers."),
            format!("该地址是 Service {service} 的 ClusterIP，但它只有 {ports}：没有规则匹配这个端口，无人应答。"),
        ),
        PortRefused { service, ports } => (
            format!("The address is the cluster IP of Service {service}, but that has only {ports}. In its nftables mode kube-proxy refuses every other port of a cluster IP at once."),
            format!("该地址是 Service {service} 的 ClusterIP，但它只有 {ports}。在 nftables 模式下，kube-proxy 立即拒绝发往 ClusterIP 其他端口的数据包。"),
        ),
        NotAllocated => (
            "The address is in the range of cluster IPs, but no Service has it. In its nftables mode kube-proxy drops such packets without a word.".into(),
            "该地址在 ClusterIP 网段内，但不属于任何 Service。在 nftables 模式下，kube-proxy 静默丢弃这样的数据包。".into(),
        ),
        NoNeighbour => (
            "No running pod has this address. The kernel asked for its owner three times, once a second, and nobody spoke up.".into(),
            "没有运行中的 Pod 拥有这个地址。内核每秒询问一次它的主人，共三次，无人回应。".into(),
        ),
        NothingListens { pod, image, listens } => match &**listens {
            "" => (
                format!("The packet reached {pod}, but nothing in it listens on any port, so its kernel refuses."),
                format!("数据包到达了 {pod}，但其中没有程序监听任何端口，于是被它的内核拒绝。"),
            ),
            listens => (
                format!("The packet reached {pod}, but nothing listens on this port: {image} listens on {listens}. So the pod's kernel refuses."),
                format!("数据包到达了 {pod}，但没有程序监听这个端口：{image} 监听的是 {listens}。于是被 Pod 的内核拒绝。"),
            ),
        },
        NodeListensNot => (
            "The address is the node's own, but no program on it listens on this port and no rule of kube-proxy's takes it. So the kernel refuses.".into(),
            "这是节点自己的地址，但没有程序监听这个端口，也没有 kube-proxy 的规则接管它。于是被内核拒绝。".into(),
        ),
        NodePortElsewhere { service, at } => {
            let list = join(at.iter());
            (
                format!("The port is the node port of Service {service}, but on this node kube-proxy serves node ports on {list} only. No program listens here, so the kernel refuses."),
                format!("这个端口是 Service {service} 的 NodePort，但在本节点上 kube-proxy 只在 {list} 上提供 NodePort。这里没有程序监听，于是被内核拒绝。"),
            )
        }
        LaptopListensNot => (
            "Nothing on the laptop listens on this port, so its kernel refuses.".into(),
            "你的电脑上没有程序监听这个端口，于是被它的内核拒绝。".into(),
        ),
        SpeaksNoTls(by) => (
            format!("The client began with TLS, but {by} speaks plain HTTP on this port."),
            format!("客户端以 TLS 开头，但 {by} 在这个端口上只说明文 HTTP。"),
        ),
        Answers { by, status: 0 } => (format!("{by} answers."), format!("{by} 作出应答。")),
        Answers { by, status } => (format!("{by} answers with status {status}."), format!("{by} 应答，状态码 {status}。")),
        EchoReply => (
            "The address belongs to a real network interface, so a kernel answers the ping.".into(),
            "这个地址属于真实的网络接口，由那里的内核应答 ping。".into(),
        ),
        ClientReuses => (
            "The client sends over the connection that it has open already: nothing is opened, so nothing is chosen anew.".into(),
            "客户端沿用已经打开的连接：没有新建连接，也就不会重新选择。".into(),
        ),
        ClientSendsAgain => (
            "The client sends from the same port as before, so that kernels take the datagram for part of the same exchange.".into(),
            "客户端从与之前相同的端口发出，内核会把它当作同一次通信的一部分。".into(),
        ),
        ClientReconnects(server) => (
            format!("{server} closed the connection when it ended, so the client opens a new one."),
            format!("{server} 结束时关闭了连接，因此客户端新建一个。"),
        ),
        FollowsConnection => (
            "The kernel knows this connection and does as it did with its first packet. No rule is asked, so that a changed Service does not move it.".into(),
            "内核认识这个连接，照第一个数据包的办法处理。不再查询规则，所以 Service 的改动不会移走它。".into(),
        ),
        UnknownConnection(server) => (
            format!("The packet belongs to a connection that {server} never had, so its kernel resets it."),
            format!("数据包属于 {server} 从未有过的连接，于是它的内核将其重置。"),
        ),
        UndoesNat => (
            "The kernel remembers this connection and puts the original addresses back, so that the client sees an answer from the address it called.".into(),
            "内核记得这个连接，把地址还原，使客户端看到的应答来自它所访问的地址。".into(),
        ),
        ReplyGoesOn => (
            "The answer goes back the way the request came.".into(),
            "应答沿请求的来路返回。".into(),
        ),
        ReplyArrives => ("The answer reaches the client.".into(), "应答到达客户端。".into()),
        RefusalArrives => (
            "The client is told at once that nobody accepts the connection.".into(),
            "客户端立即得知没有谁接受这个连接。".into(),
        ),
        AsksFor { name, given: None } => {
            (format!("The resolver asks for {name}."), format!("解析器查询 {name}。"))
        }
        AsksFor { name, given: Some(given) } => (
            format!("{given} has fewer than five dots, so the resolver tries the search domains of /etc/resolv.conf first: {name}."),
            format!("{given} 中的点少于五个，解析器先依次尝试 /etc/resolv.conf 中的搜索域：{name}。"),
        ),
        NameFound { name, addresses } => {
            let list = join(addresses.iter());
            (format!("CoreDNS knows {name}: {list}."), format!("CoreDNS 知道 {name}：{list}。"))
        }
        NameIsAlias { name, target } => (
            format!("CoreDNS says that {name} stands for {target}."),
            format!("CoreDNS 回答：{name} 是 {target} 的别名。"),
        ),
        NameUnknown(name) => (format!("CoreDNS knows no {name}."), format!("CoreDNS 不认识 {name}。")),
        NameOutside(name) => (
            format!("{name} is no name of the cluster's. CoreDNS would ask servers on the internet, and the lab has none."),
            format!("{name} 不是集群内的名字。CoreDNS 会去询问互联网上的服务器，而实验环境没有互联网。"),
        ),
        NameNowhere(name) => (
            format!("CoreDNS knows {name} under none of the search domains. A Service of another namespace needs its namespace: NAME.NAMESPACE."),
            format!("CoreDNS 在所有搜索域下都不认识 {name}。访问其他命名空间的 Service 要写成 NAME.NAMESPACE。"),
        ),
        NameHasNoAddress(name) => (
            format!("{name} is a headless Service without a ready pod: its name has no address."),
            format!("{name} 是没有就绪 Pod 的无头 Service：它的名字没有地址。"),
        ),
        ResolverOutside(name) => (
            format!("Only pods ask the cluster's DNS. The resolver here does not know {name}."),
            format!("只有 Pod 会询问集群的 DNS。这里的解析器不认识 {name}。"),
        ),
        DnsPolicyDefault(name) => (
            format!("dnsPolicy of this pod is Default: it asks as its node does, and nobody there knows {name}."),
            format!("这个 Pod 的 dnsPolicy 是 Default：它像节点那样查询名字，而那里没有谁认识 {name}。"),
        ),
        DnsSilent(name) => (
            format!("The cluster's DNS did not answer, so {name} has no address."),
            format!("集群 DNS 没有应答，得不到 {name} 的地址。"),
        ),
        Outside(decision) => return decision.sentence(lang),
        BadUrl(url) => (format!("{url:?} is no address."), format!("{url:?} 不是有效的地址。")),
        Relays { endpoint, status } => (
            format!("{endpoint} answered {status} to the controller, which passes the answer on over the client's own connection."),
            format!("{endpoint} 回答控制器 {status}，控制器再经由客户端自己的连接转回。"),
        ),
        NextEndpoint(failed) => (
            format!("{failed} gave no answer, so the controller tries once more before it tells the client anything: with the next endpoint in turn, or the same if there is no other."),
            format!("{failed} 没有给出应答，控制器先再试一次，再回答客户端：轮到下一个端点，没有别的就还是同一个。"),
        ),
        BadGateway { endpoint, tried } => (
            format!("The controller could not get an answer from {endpoint} (attempts: {tried}): it answers 502 itself. The rule matched; what is behind it is broken."),
            format!("控制器无法从 {endpoint} 得到应答（已尝试 {tried} 次），自己回答 502。规则匹配了，坏的是后面的程序。"),
        ),
        GatewayTimeout { endpoint, tried } => (
            format!("{endpoint} did not answer the controller in time (attempts: {tried}): it answers 504 itself."),
            format!("{endpoint} 没有在时限内回答控制器（已尝试 {tried} 次），控制器自己回答 504。"),
        ),
        TooSlow { by, millis } => (
            format!("{by} takes {millis} ms to answer, longer than its client waits: the client closes the connection."),
            format!("{by} 需要 {millis} 毫秒才能应答，超过了客户端的等待时间：客户端关闭连接。"),
        ),
        PlainToTls(port) => (
            format!("The request came without TLS to port {port}, where the controller speaks TLS: it answers 400."),
            format!("请求没有使用 TLS 就来到端口 {port}，而控制器在这里使用 TLS：它回答 400。"),
        ),
        CertificateOf(secret) => (
            format!("The client names its host when TLS begins (SNI), and the controller answers with the certificate of Secret {secret}."),
            format!("TLS 开始时客户端说出主机名（SNI），控制器用 Secret {secret} 中的证书应答。"),
        ),
        FakeNoName => (
            "The client asked for an address, so that TLS names no host: the controller answers with its own fake certificate.".into(),
            "客户端请求的是 IP 地址，TLS 没有主机名：控制器用自己的假证书应答。".into(),
        ),
        FakeNoHost(host) => (
            format!("No Ingress has {host} under spec.tls, so the controller answers with its own fake certificate."),
            format!("没有 Ingress 在 spec.tls 中列出 {host}，控制器用自己的假证书应答。"),
        ),
        FakeNoSecret(secret) if secret.is_empty() => (
            "The Ingress names no Secret for the host, so the controller answers with its own fake certificate.".into(),
            "Ingress 没有为该主机指定 Secret，控制器用自己的假证书应答。".into(),
        ),
        FakeNoSecret(secret) => (
            format!("There is no certificate in Secret {secret} of type kubernetes.io/tls: the controller looks in the namespace of the Ingress, and answers with its own fake one."),
            format!("Secret {secret}（类型 kubernetes.io/tls）中没有证书：控制器只在 Ingress 的命名空间里找，于是用自己的假证书应答。"),
        ),
        FakeOtherHost { secret, names } => (
            format!("The certificate in Secret {secret} is for {names} and not for the host, so the controller answers with its own fake one."),
            format!("Secret {secret} 中的证书属于 {names}，不属于该主机，控制器用自己的假证书应答。"),
        ),
        SelfSigned(subject) => (
            format!("The certificate of {subject} is signed by itself, and the client was not told to trust it: it ends the connection. curl -k goes on all the same."),
            format!("{subject} 的证书是自签名的，客户端没有被告知要信任它，因此断开连接。curl -k 则会继续。"),
        ),
        OtherName { host, names } => (
            format!("The client trusts the certificate, but it is for {names} and not for {host}: it ends the connection."),
            format!("客户端信任该证书，但它属于 {names}，不属于 {host}，因此断开连接。"),
        ),
        Routing(routing) => return routing.explain(lang),
    };
    lang.pick(en, zh)
}

/// What a hop did, in a few words for a list: `DNAT to 10.244.1.5`.
pub fn action_label(hop: &Hop, lang: Lang) -> String {
    let (src, dst) = (hop.packet.src.ip, hop.packet.dst.ip);
    let (en, zh) = match (hop.action, hop.reply) {
        (Action::Connect, _) => ("connect", "发起连接"),
        (Action::Send, _) => ("send on", "继续发送"),
        (Action::Query, _) => ("ask for a name", "查询名字"),
        (Action::Receive, false) => ("receive", "收到"),
        (Action::Receive, true) if hop.because.reason == Reason::RefusalArrives => ("hear the refusal", "得知被拒绝"),
        (Action::Receive, true) => ("receive the answer", "收到应答"),
        (Action::Forward, _) if hop.by == By::Tunnel => ("pass on in a tunnel", "经隧道转送"),
        (Action::Forward, false) => ("route on", "按路由转发"),
        (Action::Forward, true) => ("route back", "按路由返回"),
        (Action::Match, _) => ("match a Service", "匹配 Service"),
        (Action::Route, _)
            if matches!(
                hop.because.reason,
                Reason::CertificateOf(_)
                    | Reason::FakeNoName
                    | Reason::FakeNoHost(_)
                    | Reason::FakeNoSecret(_)
                    | Reason::FakeOtherHost { .. }
            ) =>
        {
            ("show a certificate", "出示证书")
        }
        (Action::Route, _) => ("compare with the rules", "与规则比较"),
        (Action::Dnat, _) => return format!("{} {dst}", lang.pick("DNAT to", "DNAT 到")),
        (Action::Snat, _) => return format!("{} {src}", lang.pick("SNAT to", "SNAT 为")),
        (Action::Unnat, _) => ("undo NAT", "还原 NAT"),
        (Action::Deliver, _) => ("deliver", "送达"),
        (Action::Answer, _) => match &hop.because.reason {
            Reason::Answers { status, .. } if *status > 0 => {
                let mut label = lang.pick("answer ", "应答 ").to_owned();
                let _ = write!(label, "{status}");
                return label;
            }
            _ => ("answer", "应答"),
        },
        (Action::Drop, _) => ("drop", "丢弃"),
        (Action::Reject, _) => ("refuse", "拒绝"),
        (Action::Unreachable, _) => ("unreachable", "不可达"),
    };
    lang.pick(en, zh).to_owned()
}

/// Small numbers as words.
fn in_words(n: u32) -> String {
    const WORDS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(n as usize).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::inet::Ipv4Addr;

    /// Both sentences are whole, short and in their own language's marks.
    pub(in crate::trace) fn reads_well(en: &str, zh: &str) {
        assert!(en.is_ascii() && en.ends_with('.') && en.len() < 260, "{en}");
        assert!(zh.ends_with('。') && zh.chars().any(|c| c > '\u{3fff}'), "{zh}");
        assert!(!zh.contains(", ") && !zh.contains(';'), "half-width marks in {zh}");
    }

    #[test]
    fn every_reason_has_a_sentence_in_each_language() {
        use Reason::*;
        let all = [
            ClientConnects,
            ClientSends,
            ClientPings,
            LeavesPod,
            ArrivesAtNode,
            RouteToNode("x".into()),
            RouteOut,
            DeliverToPod,
            DeliverToNode,
            DeliverToLaptop,
            ClusterIp("x".into()),
            NodePort("x".into()),
            ExternalIp("x".into()),
            LoadBalancerIp("x".into()),
            Picked { service: "x".into(), endpoint: "x".into(), of: 3 },
            PickedAgain { service: "x".into(), endpoint: "x".into(), seconds: 3 },
            MasqueradeNotPod,
            MasqueradeExternal,
            MasqueradeNode,
            MasqueradeHairpin,
            MasqueradeOutbound,
            MasqueradeHostPort,
            Relays { endpoint: "x".into(), status: 200 },
            NextEndpoint("x".into()),
            BadGateway { endpoint: "x".into(), tried: 3 },
            GatewayTimeout { endpoint: "x".into(), tried: 3 },
            TooSlow { by: "x".into(), millis: 90_000 },
            PlainToTls(443),
            CertificateOf("x".into()),
            FakeNoName,
            FakeNoHost("x".into()),
            FakeNoSecret("".into()),
            FakeNoSecret("x".into()),
            FakeOtherHost { secret: "x".into(), names: "x".into() },
            SelfSigned("x".into()),
            OtherName { host: "x".into(), names: "x".into() },
            HostPort { pod: "x".into(), port: 80 },
            SelectsNothing { service: "x".into(), selector: "x".into() },
            NoSelector("x".into()),
            NoneReady { service: "x".into(), matching: 3 },
            NoNamedPort { service: "x".into(), name: "x".into() },
            NoLocalEndpoint("x".into()),
            NoLocalEndpointExternal("x".into()),
            SourceRefused("x".into()),
            DeliverToLoopback,
            TunnelToApi { pod: "x".into(), api: "x".into() },
            TunnelToKubelet { node: "x".into(), pod: "x".into() },
            TunnelIntoPod("x".into()),
            TunnelPodGone("x".into()),
            TunnelBySsh { node: "x".into(), to: "x".into() },
            MartianLoopback,
            InvalidState,
            HealthCheck("x".into()),
            NodeStopped("x".into()),
            LinkCut { from: "x".into(), to: "y".into() },
            ClusterIpFromOutside,
            PodIpFromOutside,
            PrivateFromInternet,
            NoSuchAddress,
            NoSuchClient("x".into()),
            NoSuchService,
            NoSuchPort { service: "x".into(), ports: "x".into() },
            NoNeighbour,
            NothingListens { pod: "x".into(), image: "x".into(), listens: "x".into() },
            NodeListensNot,
            LaptopListensNot,
            SpeaksNoTls("x".into()),
            Answers { by: "x".into(), status: 200 },
            EchoReply,
            ClientReuses,
            ClientSendsAgain,
            ClientReconnects("x".into()),
            FollowsConnection,
            UnknownConnection("x".into()),
            UndoesNat,
            ReplyGoesOn,
            ReplyArrives,
            RefusalArrives,
            AsksFor { name: "x".into(), given: Some("x".into()) },
            NameFound { name: "x".into(), addresses: [Ipv4Addr::LOCALHOST].into() },
            NameIsAlias { name: "x".into(), target: "x".into() },
            NameUnknown("x".into()),
            NameOutside("x".into()),
            NameNowhere("x".into()),
            NameHasNoAddress("x".into()),
            ResolverOutside("x".into()),
            DnsPolicyDefault("x".into()),
            DnsSilent("x".into()),
            BadUrl("x".into()),
        ];
        for reason in all {
            let because = Because::plain(reason);
            reads_well(&explain(&because, Lang::En), &explain(&because, Lang::Zh));
        }
    }
}
