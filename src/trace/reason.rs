//! One variant per rule that can decide.

use std::sync::Arc;

use super::{Outside, Routing};
use crate::inet::Ipv4Addr;

/// A decision, with what a sentence about it needs.
///
/// Services are named `namespace/name`, pods by their names, as kubectl prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    // The client.
    /// The client opened a socket.
    ClientConnects,
    /// The client sent a datagram.
    ClientSends,
    /// The client sent a ping.
    ClientPings,
    /// The client sent on over a connection that it has open.
    ClientReuses,
    /// The client sent from the same port as before.
    ClientSendsAgain,
    /// The server closed the connection when it ended, so the client opened another.
    ClientReconnects(Arc<str>),

    // Wires and routes.
    /// The packet left its pod by the veth pair.
    LeavesPod,
    /// The packet came in at a node's network card.
    ArrivesAtNode,
    /// The destination's pod runs on another node: the route leads there.
    RouteToNode(Arc<str>),
    /// The destination is a machine outside the cluster: the route leads there.
    RouteOut,
    /// The packet crossed the veth pair of the pod that has this address.
    DeliverToPod,
    /// The destination is an address of the node itself.
    DeliverToNode,
    /// The destination is the laptop's address.
    DeliverToLaptop,
    /// The packet came to a port on the loopback interface of its pod.
    DeliverToLoopback,

    // Tunnels.
    /// `kubectl port-forward` listens there and hands the connection to the API server.
    TunnelToApi {
        /// The pod it was made for.
        pod: Arc<str>,
        /// The API server's address and port.
        api: Arc<str>,
    },
    /// The API server hands the connection to the kubelet of the pod's node.
    TunnelToKubelet {
        /// The node.
        node: Arc<str>,
        /// The pod.
        pod: Arc<str>,
    },
    /// The kubelet has the connection opened within the pod's network namespace.
    TunnelIntoPod(Arc<str>),
    /// The pod that the tunnel was made for is gone.
    TunnelPodGone(Arc<str>),
    /// An ssh tunnel of minikube hands the connection to a node, which connects from there.
    TunnelBySsh {
        /// The node.
        node: Arc<str>,
        /// What the node connects to.
        to: Arc<str>,
    },

    // kube-proxy.
    /// The destination is a Service's cluster IP.
    ClusterIp(Arc<str>),
    /// The destination is a node's address and a Service's node port.
    NodePort(Arc<str>),
    /// The destination is one of a Service's external IPs.
    ExternalIp(Arc<str>),
    /// The destination is a Service's load balancer address.
    LoadBalancerIp(Arc<str>),
    /// One endpoint was taken at random, and its address written over the destination.
    Picked {
        /// Whose endpoints.
        service: Arc<str>,
        /// Who answers at the address: a pod's name, or the address itself.
        endpoint: Arc<str>,
        /// Out of how many.
        of: u32,
    },
    /// The endpoint that this client had before was taken again.
    PickedAgain {
        /// Whose endpoints.
        service: Arc<str>,
        /// Who answers at the address.
        endpoint: Arc<str>,
        /// How long the kernel remembers, in seconds.
        seconds: u32,
    },
    /// The source was hidden, because the client is no pod.
    MasqueradeNotPod,
    /// The source was hidden, because the packet came by an address meant for the outside.
    MasqueradeExternal,
    /// The source was hidden, because the client is the node itself.
    MasqueradeNode,
    /// The source was hidden, because a pod was sent back to itself.
    MasqueradeHairpin,
    /// The source was hidden, because the packet leaves the pods' network.
    MasqueradeOutbound,
    /// The source was hidden, because a pod or the node itself came by a host port.
    MasqueradeHostPort,
    /// The node's port is a pod's host port.
    HostPort {
        /// Whose.
        pod: Arc<str>,
        /// Which port of the node.
        port: u16,
    },
    /// The Service has no endpoint: its selector matches no pod.
    SelectsNothing {
        /// Which Service.
        service: Arc<str>,
        /// Its selector, as `app=web`.
        selector: Arc<str>,
    },
    /// The Service has no endpoint: it has no selector, and nobody wrote endpoints for it.
    NoSelector(Arc<str>),
    /// The Service has no endpoint: pods match its selector, but none is ready.
    NoneReady {
        /// Which Service.
        service: Arc<str>,
        /// How many pods match.
        matching: u32,
    },
    /// The Service has no endpoint: its `targetPort` is a name that no container of the pods has.
    NoNamedPort {
        /// Which Service.
        service: Arc<str>,
        /// The name.
        name: Arc<str>,
    },
    /// `internalTrafficPolicy: Local`, and no endpoint on this node.
    NoLocalEndpoint(Arc<str>),
    /// `externalTrafficPolicy: Local`, and no endpoint on this node.
    NoLocalEndpointExternal(Arc<str>),
    /// The client is in none of the Service's `loadBalancerSourceRanges`.
    SourceRefused(Arc<str>),
    /// A packet for a loopback address came from elsewhere.
    MartianLoopback,
    /// The packet belongs to no known connection.
    InvalidState,
    /// kube-proxy lets the packet through to its health check.
    HealthCheck(Arc<str>),

    /// Something between the world and the nodes decided.
    Outside(Outside),

    // Where ways end.
    /// The machine is off.
    NodeStopped(Arc<str>),
    /// The link between two nodes is cut.
    LinkCut {
        /// The node that sends.
        from: Arc<str>,
        /// The node that would receive.
        to: Arc<str>,
    },
    /// A cluster IP, sent from a machine without kube-proxy.
    ClusterIpFromOutside,
    /// A pod's address, sent from a machine without a route to pods.
    PodIpFromOutside,
    /// An address of a private network, sent from the internet.
    PrivateFromInternet,
    /// Nobody has the address.
    NoSuchAddress,
    /// There is no such client, or its pod does not run.
    NoSuchClient(Arc<str>),
    /// The address is in the range of cluster IPs, but belongs to no Service.
    NoSuchService,
    /// The cluster IP belongs to a Service that does not have this port.
    NoSuchPort {
        /// Whose address.
        service: Arc<str>,
        /// What it does have, as `80/TCP`.
        ports: Arc<str>,
    },
    /// The cluster IP belongs to a Service that does not have this port, and mode nftables refuses such packets.
    PortRefused {
        /// Whose address.
        service: Arc<str>,
        /// What it does have, as `80/TCP`.
        ports: Arc<str>,
    },
    /// The address is in the range of cluster IPs, but belongs to no Service, and mode nftables drops such packets.
    NotAllocated,
    /// The address was in the node's own pod range, but no running pod has it.
    NoNeighbour,
    /// Nothing in the pod listens on the port.
    NothingListens {
        /// Whose port.
        pod: Arc<str>,
        /// What it runs.
        image: Arc<str>,
        /// Where its program listens, as `9090, 9091`; empty if nowhere.
        listens: Arc<str>,
    },
    /// Nothing on the node listens on the port.
    NodeListensNot,
    /// It is a node port, but kube-proxy serves node ports on other addresses of the node alone.
    NodePortElsewhere {
        /// Whose node port.
        service: Arc<str>,
        /// Where it is served.
        at: Arc<[Ipv4Addr]>,
    },
    /// Nothing on the laptop listens on the port.
    LaptopListensNot,
    /// The client speaks TLS, and the program does not.
    SpeaksNoTls(Arc<str>),

    // The program.
    /// The program answered.
    Answers {
        /// Who.
        by: Arc<str>,
        /// HTTP status; 0 where it is not HTTP.
        status: u16,
    },

    /// The kernel of the machine or pod answered a ping.
    EchoReply,

    // The way back.
    /// The kernel knew the connection and did as with its first packet.
    FollowsConnection,
    /// The program at the address knows no such connection.
    UnknownConnection(Arc<str>),
    /// The kernel put back the addresses that it had changed.
    UndoesNat,
    /// The answer goes on towards the client.
    ReplyGoesOn,
    /// The answer reached the client.
    ReplyArrives,
    /// The refusal reached the client.
    RefusalArrives,

    // Names.
    /// The resolver asks for this name.
    AsksFor {
        /// The whole name.
        name: Arc<str>,
        /// The name as it was given, where a search domain was added.
        given: Option<Arc<str>>,
    },
    /// CoreDNS knows the name.
    NameFound {
        /// The name.
        name: Arc<str>,
        /// Its addresses.
        addresses: Arc<[Ipv4Addr]>,
    },
    /// CoreDNS says that the name stands for another.
    NameIsAlias {
        /// The name.
        name: Arc<str>,
        /// What it stands for.
        target: Arc<str>,
    },
    /// CoreDNS does not know the name.
    NameUnknown(Arc<str>),
    /// The name is none of the cluster's, and there is no internet to ask.
    NameOutside(Arc<str>),
    /// The name has no address in any search domain.
    NameNowhere(Arc<str>),
    /// The Service is headless and has no ready pod, so that its name has no address.
    NameHasNoAddress(Arc<str>),
    /// Outside pods, the resolver does not ask the cluster's DNS.
    ResolverOutside(Arc<str>),
    /// The pod's `dnsPolicy` is Default: it asks as its node does.
    DnsPolicyDefault(Arc<str>),
    /// The cluster's DNS did not answer.
    DnsSilent(Arc<str>),
    /// The request's address cannot be read.
    BadUrl(Arc<str>),

    /// A controller passes an endpoint's answer on.
    Relays {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// With which status it answered.
        status: u16,
    },
    /// An endpoint failed a controller, which asks the next.
    NextEndpoint(Arc<str>),
    /// No endpoint took the controller's connection, or spoke as it should.
    BadGateway {
        /// The last endpoint.
        endpoint: Arc<str>,
        /// How many were asked.
        tried: u32,
    },
    /// No endpoint answered in time.
    GatewayTimeout {
        /// The last endpoint.
        endpoint: Arc<str>,
        /// How many were asked.
        tried: u32,
    },
    /// A program takes longer than its client waits.
    TooSlow {
        /// Which program.
        by: Arc<str>,
        /// How long it takes.
        millis: u64,
    },
    /// A controller shows the certificate of a Secret.
    CertificateOf(Arc<str>),
    /// It shows its own: the client named no host.
    FakeNoName,
    /// It shows its own: no Ingress has the host under `spec.tls`.
    FakeNoHost(Arc<str>),
    /// It shows its own: there is no such Secret, or no certificate in it; empty if the Ingress names none.
    FakeNoSecret(Arc<str>),
    /// It shows its own: the Secret's certificate is for other hosts.
    FakeOtherHost {
        /// Which Secret.
        secret: Arc<str>,
        /// The hosts that the certificate is for.
        names: Arc<str>,
    },
    /// The client does not go on: the certificate is signed by itself, and nobody told the client to trust it.
    SelfSigned(Arc<str>),
    /// The client does not go on: the certificate is for other hosts.
    OtherName {
        /// The host that the client asked for.
        host: Arc<str>,
        /// The hosts that the certificate is for.
        names: Arc<str>,
    },
    /// A request without TLS came to a port where a controller speaks TLS.
    PlainToTls(u16),
    /// An ingress controller decided.
    Routing(Routing),
}
