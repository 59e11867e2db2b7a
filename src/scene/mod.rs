//! The picture of a cluster as plain data: [`compose`] takes a snapshot and gives a [`Scene`].
//!
//! Takes the store's objects and the traces; gives positions, labels and marks in the view's terms, so that a component is a
//! loop over rows. Knows nothing of the DOM, and nothing of how a rule decides: it draws what objects and traces say. It is the
//! first place where floating point may be used, because here it only moves pixels.
//!
//! The picture's language: solid is real, dashed is virtual; colour is a decision; one accent for "this one".

pub mod marks;
pub mod line;
mod cast;
mod fold;
mod rules;
mod grid;
mod pods;
mod sheet;
mod room;
mod edge;
mod outside;
mod layout;
mod way;
pub mod errand;
mod lay;
pub mod timeline;
pub mod inspect;
pub mod light;
pub mod subject;
pub mod service;
pub mod affects;
pub mod causes;
pub mod change;
pub mod target;
pub mod traffic;
pub mod crowd;
pub mod pulse;
pub mod hand;
#[cfg(test)]
mod fixture;

use std::collections::BTreeSet;

use crate::lang::Lang;
use crate::object::{Outages, Profile, Ref};
use crate::trace::Place;

pub use affects::{Affects, affects};
pub use cast::{Needs, is_addon, services};
pub use edge::{Balancer, Check, Client, Edge};
pub use errand::{Errand, Errands};
pub use inspect::{Lit, lit};
pub use layout::compose;
pub use light::{Light, Spot, spots};
pub use line::{Line, Pt, Rect};
pub use marks::{Mark, Marks};
pub use sheet::{Route, Routed, Sheet, routed};
pub use timeline::{Motion, Timeline};
pub use way::Anchor;

/// Which of the arrangements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// The laptop at the left of the rooms; 740 units wide.
    #[default]
    Wide,
    /// The same, closer together; 540 units wide. Wished for, it stands for whichever shows most: of one node [`Width::Narrow`], of more
    /// than three [`Width::Wide`].
    Middle,
    /// The laptop above the rooms, for phones; 390 units wide.
    Narrow,
}

/// What a picture is to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The arrangement.
    pub width: Width,
    /// The height there is, in units; the picture fills it, and grows beyond it if it must.
    pub height: f32,
    /// The Service whose rules the kernels show.
    pub focus: Option<Ref>,
    /// The language of our own words.
    pub lang: Lang,
    /// The environment.
    pub profile: Profile,
    /// What the load balancer of the Service in focus thinks of each node.
    pub health: Vec<(String, bool)>,
    /// Who must be drawn because packets go there.
    pub needs: Needs,
    /// What the inspector shows: of many nodes, its own is drawn in full.
    pub inspected: Option<Ref>,
    /// Ingresses that a controller reads, each with the pod of the first that does, and the name of its program.
    pub readers: Vec<(Ref, Ref, &'static str)>,
    /// What is broken.
    pub outages: Outages,
    /// Programs that listen on the laptop and carry connections on: the port, and the pod or node that they lead to. Port 0 stands
    /// for a route to the cluster IPs by a node.
    pub tunnels: Vec<(u16, Place)>,
}

/// A text and where it begins (or ends, or has its middle: the field's comment says so).
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "a text and its place")]
pub struct Label {
    pub at: Pt,
    pub text: String,
}

/// A whole picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// The arrangement.
    pub form: Width,
    /// Width in units.
    pub width: f32,
    /// Height in units.
    pub height: f32,
    /// The learner's machine.
    pub laptop: Laptop,
    /// The wall of the virtual machine that the nodes are in, where they are in one, and what it is.
    pub glass: Option<(Rect, Label)>,
    /// The edge of the cloud that the nodes are in, if they are in one.
    pub edge: Option<Edge>,
    /// The address of the Service in focus for the outside, if it is to have one.
    pub socket: Option<Socket>,
    /// The Service in focus: an address without a machine.
    pub spine: Option<Spine>,
    /// Other Services, as quiet pills.
    pub others: Vec<Pill>,
    /// Other Services that there was no space for.
    pub hidden: Vec<Ref>,
    /// The nodes, in the order of their names, or of their zones; of more than eight, the last room stands for many.
    pub rooms: Vec<Room>,
    /// The zones that nodes are in: a region, and its name. Drawn below the rooms.
    pub zones: Vec<(Rect, Label)>,
    /// Ingresses: paper, or a controller's routing table.
    pub sheets: Vec<Sheet>,
    /// Ingresses that there was no space for.
    pub filed: Vec<Ref>,
    /// Wires, as SVG paths; drawn below all else.
    pub wires: Vec<String>,
    /// Tunnels from the laptop, as SVG paths; drawn below the wires that they run in.
    pub tunnels: Vec<String>,
    /// The x of the wire from outside, on which the first column's nodes hang.
    pub trunk: f32,
    /// The y of the wire from there to the other columns'; unused where there is one column.
    pub bridge: f32,
}

/// The learner's machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Laptop {
    /// Its box.
    pub rect: Rect,
    /// Its name, at the left.
    pub name: Label,
    /// Its address.
    pub address: Label,
    /// Where its packets leave.
    pub out: Pt,
    /// Where replies come in.
    pub back: Pt,
    /// The ports that its programs listen on, framed.
    pub doors: Vec<(Rect, String)>,
    /// Corners of the way of a packet that it has no route for.
    pub lost: Vec<Pt>,
}

/// Where a Service's address for the outside is, or is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Socket {
    /// Its box.
    pub rect: Rect,
    /// `EXTERNAL-IP`
    pub name: Label,
    /// The address, or `<pending>`.
    pub address: Label,
    /// Who gave it, or that nobody does.
    pub note: Label,
    /// Whether it waits for an address.
    pub is_pending: bool,
}

/// A Service's dashed line, past all nodes and into every kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Spine {
    /// The Service.
    pub key: Ref,
    /// Its name; ends here if the picture is wide or narrow alike.
    pub name: Label,
    /// What it is, or its address; ends at `at`.
    pub note: Label,
    /// Whether the note is an address.
    pub address: bool,
    /// The pods that its name means, where it has no address of its own.
    pub picks: Vec<Pick>,
    /// The addresses of all of those.
    pub ends: Vec<String>,
    /// The frame of the name that it stands for, which points away: the cluster has nothing of it but the name.
    pub sign: Option<Rect>,
    /// The ring at its top.
    pub ring: Pt,
    /// The dashed line, as an SVG path.
    pub path: String,
}

/// A dashed pill: an address that a Service adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pill {
    /// The Service.
    pub key: Ref,
    /// The pill.
    pub rect: Rect,
    /// Its text, in the middle.
    pub text: String,
}

/// How a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomState {
    /// Running.
    #[default]
    Running,
    /// Running, but takes no new pods.
    Cordoned,
    /// Its kubelet says nothing to the control plane.
    Silent,
    /// Turned off.
    Stopped,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Room {
    /// Node name; empty if the room stands for many.
    pub name: String,
    /// The names of the nodes that it stands for, if that is more than one.
    pub folded: Vec<String>,
    /// Its address.
    pub address: String,
    /// Its name as far as there is space.
    pub title: Label,
    /// Its address as far as there is space.
    pub place: Label,
    /// The x of the wire that it hangs on.
    pub trunk: f32,
    /// What the right end of the header says; ends at `at`.
    pub note: Label,
    /// Its walls.
    pub rect: Rect,
    /// How it is.
    pub state: RoomState,
    /// Whether the header's remark is about something broken.
    pub broken: bool,
    /// eth0: packets come in by the upper lane, leave by the lower.
    pub notch: Rect,
    /// Its kernel.
    pub kernel: Kernel,
    /// Its pods.
    pub pods: Vec<PodBox>,
    /// A program on the node itself, outside of any pod, that sends packets.
    pub host: Option<HostBox>,
    /// The cluster's own pods, folded.
    pub system: Option<SystemBox>,
}

/// A node's kernel strip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kernel {
    /// The strip.
    pub rect: Rect,
    /// `kernel`
    pub label: Label,
    /// Where a packet is judged.
    pub spot: Pt,
    /// Height of the lane in.
    pub inward: f32,
    /// Height of the lane out.
    pub outward: f32,
    /// One rule for each port of the Service in focus.
    pub rules: Vec<Rule>,
    /// What is said instead of rules: `no rule`.
    pub none: Option<Label>,
    /// The dashed reach of the Service into this kernel, as an SVG path.
    pub reach: Option<String>,
    /// The ring at its end, if no pill is there.
    pub ring: Option<Pt>,
}

/// A short rule: what matches, and who may be picked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Cluster IP and port as packets carry them; empty if the rule is for the outside alone.
    pub cluster: String,
    /// An address for the outside, with its port; empty if the rule is for none.
    pub outside: String,
    /// The node port; 0 if there is none.
    pub node_port: u16,
    /// The pill of what matches.
    pub pill: Rect,
    /// Its text, in the middle.
    pub text: String,
    /// A second pill at the right, of the cluster IP, with its text.
    pub far: Option<(Rect, String)>,
    /// Where the arrow begins.
    pub arrow: Pt,
    /// Addresses and ports of all who may be picked.
    pub ends: Vec<String>,
    /// Those of them that there is space for.
    pub picks: Vec<Pick>,
    /// The space for them and for what stands after them.
    pub space: f32,
    /// What stands after them: the odds, the one address, `reject`.
    pub after: Label,
    /// Whether the rule refuses or drops, for want of endpoints.
    pub reject: bool,
}

/// A candidate of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Pick {
    /// Its mark; none for a pod that has none.
    pub mark: Option<Mark>,
    /// Its address and port, as a rule writes it.
    pub address: String,
    /// The middle of its mark.
    pub at: Pt,
}

/// How a pod is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodState {
    /// Not running yet.
    #[default]
    Starting,
    /// Running and ready.
    Ready,
    /// Running, and its readiness probe fails.
    Unready,
    /// Being deleted.
    Ending,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodBox {
    /// Its namespace.
    pub namespace: String,
    /// Its whole name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// Its mark.
    pub mark: Option<Mark>,
    /// Its box; of a pod that is shown as a mark alone, the mark's.
    pub rect: Rect,
    /// The middle of its mark.
    pub at: Pt,
    /// The mark's size.
    pub size: f32,
    /// The end of its name; empty if the mark stands for many. In the middle if the type is `tiny`.
    pub short: Label,
    /// Its address as far as there is space; placed alike.
    pub address: Label,
    /// The size of the type below a mark that stands alone, for those who zoom in; 0 for a box.
    pub tiny: f32,
    /// Its namespace, where that is not the default one: behind the address, if there is space for enough of it.
    pub tag: Option<Label>,
    /// The port that its program listens on, framed.
    pub door: Option<(Rect, String)>,
    /// `not ready`, `starting`, `ending`.
    pub note: Option<Label>,
    /// How it is.
    pub state: PodState,
    /// Whether its node is turned off.
    pub off: bool,
    /// How many replicas the mark stands for.
    pub count: usize,
    /// The others, if that is more than one.
    pub members: Vec<Member>,
    /// Corners of the way from the kernel's spot to its door.
    pub feed: Vec<Pt>,
}

/// A pod that another's mark stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// Its namespace.
    pub namespace: String,
    /// Its whole name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// Its mark.
    pub mark: Option<Mark>,
}

impl Width {
    /// How wide a picture is, in units.
    pub fn units(self) -> f32 {
        match self {
            Self::Wide => 740.0,
            Self::Middle => 540.0,
            Self::Narrow => 390.0,
        }
    }
}

impl Wish {
    /// The wish with the arrangement that is best for so many nodes.
    fn settled(&self, nodes: usize) -> Self {
        let width = match nodes {
            0 | 1 => Width::Narrow,
            2 | 3 => Width::Middle,
            _ => Width::Wide,
        };
        let height = if width == Width::Narrow { 0.0 } else { self.height * width.units() / self.width.units() };
        Self { width, height, ..self.clone() }
    }
}

impl Room {
    /// The names of the nodes that it stands for.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        let own = (!self.name.is_empty()).then_some(&self.name);
        own.into_iter().chain(&self.folded).map(String::as_str)
    }
}

impl PodBox {
    /// The addresses of all that it shows.
    pub fn ips(&self) -> impl Iterator<Item = &str> {
        [&self.ip].into_iter().chain(self.members.iter().map(|member| &member.ip)).map(String::as_str)
    }

    /// Whether it is a mark without a box.
    pub fn is_bare(&self) -> bool {
        self.tiny > 0.0 || self.short.text.is_empty()
    }

    /// Whether it shows this pod.
    pub fn shows(&self, namespace: &str, name: &str) -> bool {
        let is = |own_namespace: &str, own: &str| own == name && own_namespace == namespace;
        is(&self.namespace, &self.name) || self.members.iter().any(|member| is(&member.namespace, &member.name))
    }
}

impl Scene {
    /// The addresses of the pods behind the Service in focus.
    pub fn behind(&self) -> BTreeSet<&str> {
        let ends = self.rooms.iter().flat_map(|room| &room.kernel.rules).flat_map(|rule| &rule.ends);
        let picked = ends.filter_map(|end| Some(end.rsplit_once(':')?.0.trim_matches(['[', ']'])));
        picked.chain(self.spine.iter().flat_map(|spine| &spine.ends).map(String::as_str)).collect()
    }

    /// The mark of the pod in the picture that has an address.
    pub fn mark_of(&self, ip: &str) -> Option<Mark> {
        self.rooms.iter().flat_map(|room| &room.pods).find_map(|pod| match pod.ip == ip {
            true => Some(pod.mark),
            false => pod.members.iter().find(|member| member.ip == ip).map(|member| member.mark),
        })?
    }
}

/// A program on a node's own network.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBox {
    /// Its box.
    pub rect: Rect,
    /// What it is.
    pub name: Label,
    /// The node's address.
    pub address: Label,
    /// Corners of the way from the kernel's spot.
    pub feed: Vec<Pt>,
}

/// The cluster's own pods on a node, folded into one box.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemBox {
    /// Its box.
    pub rect: Rect,
    /// `6 system pods`, or `kube-dns` while packets go there; in the middle.
    pub text: String,
    /// Corners of the way from the kernel's spot, while packets go there.
    pub feed: Vec<Pt>,
    /// Their names in the cluster, by namespace and name.
    pub pods: Vec<(String, String)>,
}
