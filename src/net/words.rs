//! Reasons that many hops share, made once for each network.

use std::sync::Arc;

use super::proxy::{Served, ServicePort};
use super::topology::{Origin, Topology};
use crate::inet::Ipv4Addr;
use crate::object::FieldRef;
use crate::trace::{Because, Outside, Packet, Reason};

/// The shared reasons.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Words {
    pub(super) connects: Arc<Because>,
    pub(super) sends: Arc<Because>,
    pub(super) pinged: Arc<Because>,
    pub(super) leaves_pod: Arc<Because>,
    pub(super) arrives: Arc<Because>,
    pub(super) routes_to: Vec<Arc<Because>>,
    pub(super) pings: Arc<Because>,
    pub(super) to_pod: Arc<Because>,
    pub(super) to_node: Arc<Because>,
    pub(super) to_laptop: Arc<Because>,
    pub(super) no_neighbour: Arc<Because>,
    pub(super) no_such_address: Arc<Because>,
    pub(super) laptop_listens_not: Arc<Because>,
    pub(super) undoes_nat: Arc<Because>,
    pub(super) follows: Arc<Because>,
    pub(super) connected: Arc<Because>,
    pub(super) bound: Arc<Because>,
    pub(super) goes_on: Arc<Because>,
    pub(super) turned_back: Arc<Because>,
    pub(super) to_control_plane: Arc<Because>,
    reply_arrives: Arc<Because>,
    refusal_arrives: Arc<Because>,
    cluster_ip_from_outside: Arc<Because>,
    pod_ip_from_outside: Arc<Because>,
    private_from_internet: Arc<Because>,
    no_such_service: Arc<Because>,
}

impl Words {
    pub(super) fn new(topology: &Topology) -> Self {
        let plain = Because::plain;
        Self {
            connects: plain(Reason::ClientConnects),
            sends: plain(Reason::ClientSends),
            pinged: plain(Reason::ClientPings),
            leaves_pod: plain(Reason::LeavesPod),
            arrives: plain(Reason::ArrivesAtNode),
            routes_to: topology
                .machines
                .iter()
                .map(|m| {
                    // As `ip route` prints it on the other nodes.
                    let rule = format!("{} via {} dev eth0", m.pod_cidr, m.address).into();
                    Arc::new(Because { rule: Some(rule), reason: Reason::RouteToNode(m.name.clone()), cause: None })
                })
                .collect(),
            pings: plain(Reason::EchoReply),
            to_pod: plain(Reason::DeliverToPod),
            to_node: plain(Reason::DeliverToNode),
            to_laptop: plain(Reason::DeliverToLaptop),
            no_neighbour: plain(Reason::NoNeighbour),
            no_such_address: plain(Reason::NoSuchAddress),
            laptop_listens_not: plain(Reason::LaptopListensNot),
            undoes_nat: plain(Reason::UndoesNat),
            follows: plain(Reason::FollowsConnection),
            connected: plain(Reason::ClientReuses),
            bound: plain(Reason::ClientSendsAgain),
            goes_on: plain(Reason::ReplyGoesOn),
            turned_back: plain(Reason::Outside(Outside::TurnedBack)),
            to_control_plane: plain(Reason::Outside(Outside::ControlPlane)),
            reply_arrives: plain(Reason::ReplyArrives),
            refusal_arrives: plain(Reason::RefusalArrives),
            cluster_ip_from_outside: plain(Reason::ClusterIpFromOutside),
            pod_ip_from_outside: plain(Reason::PodIpFromOutside),
            private_from_internet: plain(Reason::PrivateFromInternet),
            no_such_service: plain(Reason::NoSuchService),
        }
    }

    /// Why nobody answers a client outside the nodes.
    pub(super) fn outside(&self, topology: &Topology, ip: Ipv4Addr, origin: Origin) -> Arc<Because> {
        let because = if topology.service_cidr.contains(&ip) {
            &self.cluster_ip_from_outside
        } else if topology.pod_cidr.contains(&ip) {
            &self.pod_ip_from_outside
        } else if origin == Origin::Internet && ip.is_private() {
            &self.private_from_internet
        } else {
            &self.no_such_address
        };
        because.clone()
    }

    /// Why a packet left a node by the default route and nobody answered; `service` has the address.
    pub(super) fn away(
        &self,
        topology: &Topology,
        first: Ipv4Addr,
        packet: Packet,
        service: Option<&Served>,
    ) -> Arc<Because> {
        if first != packet.dst.ip || !topology.service_cidr.contains(&first) {
            return self.no_such_address.clone();
        }
        let Some((service, port)) = service.and_then(|service| Some((service, service.ports.first()?))) else {
            return self.no_such_service.clone();
        };
        let ports = service.ports.iter().map(ServicePort::served).collect::<Vec<_>>().join(", ").into();
        let reason = Reason::NoSuchPort { service: service.name.clone(), ports };
        let cause = Some(FieldRef::new(port.object.clone(), "spec.ports"));
        Arc::new(Because { rule: None, reason, cause })
    }

    /// What the client learns.
    pub(super) fn arrived(&self, reason: Reason) -> Arc<Because> {
        match reason {
            Reason::ReplyArrives => self.reply_arrives.clone(),
            Reason::RefusalArrives => self.refusal_arrives.clone(),
            other => Because::plain(other),
        }
    }
}
