//! Objects to a network, and a network that follows changes of its objects.
//!
//! What depends on one object is made anew when that object changes, and nothing else: a Service's rules, its name, a pod's
//! namespace. A network made from nothing is one in which everything has changed, so that both ways give the same.
//! kube-proxy does alike (`pkg/proxy/iptables/proxier.go`, partial syncs): it writes the chains of changed Services only.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Network;
use super::cni::{self, Plugin};
use super::dns::Entry;
use super::hostport;
use super::ingress::Router;
use super::nft;
use super::proxy::{self, Comments, Served};
use super::rule::{Base, Part, Ruleset};
use super::tls;
use super::topology::{Cabin, Topology};
use super::words::Words;
use crate::api::{Store, Touch};
use crate::object::{
    Deployment, Ingress, Kind, Object, Pod, PodTemplate, Profile, ProxyMode, Ref, ReplicaSet, Secret, Service,
};
use crate::trace::Place;

/// Services' rules, by name; none where there is no such Service any more.
type Parts = Vec<(Arc<str>, Option<Arc<Part>>)>;

/// So few are put in their places one by one.
const FEW: usize = 16;

/// What has changed since a network was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale {
    /// Services whose ports or endpoints may differ.
    services: BTreeSet<Ref>,
    /// Pods that came, changed or went.
    pods: BTreeSet<Ref>,
    /// ReplicaSets that came, went, or have another owner or template: the fields behind their pods' are others.
    sets: BTreeSet<Ref>,
    /// Deployments alike.
    deployments: BTreeSet<Ref>,
    /// Whether a node changed.
    nodes: bool,
    /// Whether something changed that ingress controllers read.
    routes: bool,
    /// Whether a Secret changed.
    secrets: bool,
}

impl Stale {
    /// Everything.
    fn all(store: &Store) -> Self {
        let keys = |kind| store.list(kind, None).map(|object| object.key());
        Self {
            services: crate::sort::gathered(keys(Kind::Service)),
            pods: crate::sort::gathered(keys(Kind::Pod)),
            sets: BTreeSet::new(),
            deployments: BTreeSet::new(),
            nodes: true,
            routes: true,
            secrets: true,
        }
    }

    /// Takes a change in.
    pub(super) fn touch(&mut self, touch: &Touch) {
        let sides = || touch.old.iter().chain(&touch.new);
        match touch.key.kind {
            Kind::Service => drop(self.services.insert(touch.key.clone())),
            Kind::EndpointSlice => self.services.extend(sides().filter_map(|object| service_of(object))),
            Kind::Pod => drop(self.pods.insert(touch.key.clone())),
            Kind::ReplicaSet if owns_otherwise(touch) => drop(self.sets.insert(touch.key.clone())),
            Kind::Deployment if owns_otherwise(touch) => drop(self.deployments.insert(touch.key.clone())),
            Kind::Node => self.nodes = true,
            Kind::Ingress => {
                // What controllers write into its status is nothing to them.
                let read = |side: &Option<Arc<Object>>| {
                    let object = side.as_ref()?;
                    Some((
                        object.meta.annotations.clone(),
                        object.body::<Ingress>().map(|ingress| ingress.spec.clone()),
                    ))
                };
                self.routes |= read(&touch.old) != read(&touch.new);
            }
            Kind::IngressClass | Kind::ConfigMap => self.routes = true,
            Kind::Secret => self.secrets = true,
            _ => {}
        }
    }

    /// Whether nothing has changed.
    pub(super) fn is_empty(&self) -> bool {
        let lists = [&self.services, &self.pods, &self.sets, &self.deployments];
        lists.iter().all(|list| list.is_empty()) && !self.nodes && !self.routes && !self.secrets
    }

    /// Adds what follows from what is there: the pods of changed owners.
    fn close(&mut self, store: &Store) {
        for deployment in &self.deployments {
            self.sets.extend(owned(store, deployment, Kind::ReplicaSet));
        }
        for set in &self.sets {
            self.pods.extend(owned(store, set, Kind::Pod));
        }
    }
}

/// Whether an owner of pods came, went, or has another owner or template.
fn owns_otherwise(touch: &Touch) -> bool {
    owning(touch.old.as_deref()) != owning(touch.new.as_deref())
}

/// An owner's owner, and its template.
fn owning(object: Option<&Object>) -> Option<(Option<&str>, Option<&PodTemplate>)> {
    let object = object?;
    let template = object.body::<Deployment>().map(|body| &body.spec.template);
    let template = template.or(object.body::<ReplicaSet>().map(|body| &body.spec.template));
    Some((object.meta.controller().map(|owner| owner.name.as_str()), template))
}

/// The objects of a kind that an owner controls, or did while it was there.
fn owned<'a>(store: &'a Store, owner: &'a Ref, kind: Kind) -> impl Iterator<Item = Ref> + 'a {
    let of = |object: &&Arc<Object>| {
        object.meta.controller().is_some_and(|o| *o.name == *owner.name && o.kind == owner.kind.name())
    };
    store.list(kind, Some(&owner.namespace)).filter(of).map(|object| object.key())
}

/// The Service that an EndpointSlice is of.
fn service_of(slice: &Object) -> Option<Ref> {
    let name = slice.meta.labels.get("kubernetes.io/service-name")?;
    Some(Ref::new(Kind::Service, slice.meta.namespace.as_str(), name.as_str()))
}

/// Turns objects into a network.
pub fn compile(store: &Store, profile: &Profile) -> Network {
    let mut topology = Topology::bare(profile, &Arc::new(Ruleset::new(Arc::new(proxy::iptables::kubelets(profile)))));
    let mut last: Option<Arc<Base>> = None;
    for machine in &mut topology.machines {
        match profile.proxy_mode {
            ProxyMode::Iptables => {
                let base = proxy::iptables::base(profile, machine);
                // Nodes share what is the same for all of them.
                let base = last.filter(|last| **last == base).unwrap_or_else(|| Arc::new(base));
                machine.rules = Arc::new(Ruleset::new(base.clone()));
                last = Some(base);
            }
            ProxyMode::Nftables => {
                let base = proxy::nftables::base(profile, machine);
                machine.nft = Some(Arc::new(nft::Ruleset::new(Arc::new(base))));
            }
        }
    }
    let words = Arc::new(Words::new(&topology));
    let mut network = Network {
        bases: topology.machines.iter().map(|machine| machine.rules.base.clone()).collect(),
        topology,
        plugin: Plugin::of(profile),
        services: Vec::new(),
        by_ip: Vec::new(),
        endpoints: 0,
        zone: Arc::default(),
        routers: Vec::new(),
        certificates: Vec::new(),
        words,
    };
    network.update(store, Stale::all(store));
    network
}

impl Network {
    /// Brings everything up to date that `stale` names.
    pub(super) fn update(&mut self, store: &Store, mut stale: Stale) {
        stale.close(store);
        let zones_moved = stale.nodes && self.topology.read_nodes(store);
        stale.routes |= self.update_pods(store, &stale);
        self.update_services(store, &mut stale, zones_moved);
        self.update_routers(store, &stale);
        if stale.secrets {
            let read = |object: &Arc<Object>| Some((object.key(), Arc::new(tls::of_secret(object.body::<Secret>()?)?)));
            self.certificates = store.list(Kind::Secret, None).filter_map(read).collect();
            crate::sort::by(&mut self.certificates, |a, b| a.0.cmp(&b.0));
        }
    }

    /// Makes anew what ingress controllers serve, if they read something that changed.
    fn update_routers(&mut self, store: &Store, stale: &Stale) {
        let reads = |router: &Arc<Router>| stale.services.iter().any(|service| router.reads(service));
        if !stale.routes && !self.routers.iter().any(reads) {
            return;
        }
        let mut routers: Vec<Arc<Router>> = Vec::new();
        for controller in self.topology.cabins.iter().filter_map(|cabin| cabin.controller.as_ref()) {
            if !routers.iter().any(|router| router.controller == *controller) {
                routers.push(Arc::new(Router::of(store, controller)));
            }
        }
        crate::sort::by(&mut routers, |a, b| a.controller.cmp(&b.controller));
        self.routers = routers;
    }

    /// Tells whether one of the pods is or was an ingress controller.
    fn update_pods(&mut self, store: &Store, stale: &Stale) -> bool {
        let read = |key: &Ref, topology: &Topology| {
            let (meta, pod) = store.read::<Pod>(key)?;
            Cabin::read(store, topology, meta, pod).map(Arc::new)
        };
        let changes: Vec<_> = stale.pods.iter().map(|key| (key.clone(), read(key, &self.topology))).collect();
        self.write_pods(&changes);
        let was = |key: &Ref| self.topology.by_place(&Place::Pod(key.namespace.clone(), key.name.clone()));
        let controls = |cabin: Option<&Arc<Cabin>>| cabin.is_some_and(|cabin| cabin.controller.is_some());
        let routes = changes.iter().any(|(key, new)| controls(new.as_ref()) || controls(was(key)));
        self.topology.change_pods(&changes);
        routes
    }

    /// Writes the rules that the network plugin has for changed pods.
    fn write_pods(&mut self, changes: &[(Ref, Option<Arc<Cabin>>)]) {
        let place = |key: &Ref| Place::Pod(key.namespace.clone(), key.name.clone());
        let asks = |cabin: &Arc<Cabin>| !cabin.host_ports.is_empty();
        let olds = changes.iter().filter_map(|(key, _)| self.topology.by_place(&place(key)));
        let asked = olds.chain(changes.iter().filter_map(|(_, new)| new.as_ref())).any(asks);
        if !asked && !self.plugin.writes_for_all() {
            return;
        }
        if asked {
            self.open_host_ports(changes);
        }
        let mut parts = vec![Parts::new(); self.topology.machines.len()];
        for (key, new) in changes {
            let old = self.topology.by_place(&place(key));
            let (plugin, pods) = (self.plugin, self.topology.pod_cidr);
            let id = |cabin: &Arc<Cabin>| {
                (cabin.node, cabin.ip, cabin.uid.clone(), cabin.host_network, cabin.host_ports.clone())
            };
            if old.map(id) == new.as_ref().map(id) {
                continue;
            }
            if let Some(old) = old.filter(|old| !old.host_network) {
                parts[old.node].push((cni::part_name(old), None));
            }
            let part = |new: &Cabin| plugin.part(new, &self.topology.machines[new.node], pods);
            if let Some((new, part)) = new.as_ref().and_then(|new| Some((new, part(new)?))) {
                let list = &mut parts[new.node];
                list.pop_if(|(name, _)| *name == part.name);
                list.push((part.name.clone(), Some(Arc::new(part))));
            }
        }
        for (machine, mut parts) in self.topology.machines.iter_mut().zip(parts) {
            crate::sort::by(&mut parts, |a, b| a.0.cmp(&b.0));
            if !parts.is_empty() {
                Arc::make_mut(&mut machine.rules).change(&parts);
            }
        }
    }

    /// Gives nodes whose pods ask for host ports the chains that these share, and takes them from the others.
    fn open_host_ports(&mut self, changes: &[(Ref, Option<Arc<Cabin>>)]) {
        let stays = |cabin: &&Arc<Cabin>| {
            let is_it = |(key, _): &(Ref, _)| Place::Pod(key.namespace.clone(), key.name.clone()) == cabin.place;
            !changes.iter().any(is_it)
        };
        let ask = self.topology.cabins.iter().filter(|cabin| !cabin.host_ports.is_empty()).filter(stays);
        let ask = ask.chain(changes.iter().filter_map(|(_, new)| new.as_ref()));
        let nodes: BTreeSet<usize> = ask.filter(|cabin| !cabin.host_ports.is_empty()).map(|cabin| cabin.node).collect();
        for (i, (machine, bare)) in self.topology.machines.iter_mut().zip(&self.bases).enumerate() {
            let wanted = nodes.contains(&i);
            if wanted != hostport::is_extended(&machine.rules.base) {
                let base = if wanted { Arc::new(hostport::extend(bare)) } else { bare.clone() };
                Arc::make_mut(&mut machine.rules).base = base;
            }
        }
    }

    fn update_services(&mut self, store: &Store, stale: &mut Stale, zones_moved: bool) {
        // Why a Service has no endpoint is told by the pods that there are.
        if !stale.pods.is_empty() {
            let namespaces: BTreeSet<&str> = stale.pods.iter().map(|pod| &*pod.namespace).collect();
            let lacking =
                self.services.iter().filter(|service| service.lacks()).map(|service| &service.ports[0].object);
            stale.services.extend(lacking.filter(|key| namespaces.contains(&*key.namespace)).cloned());
        }
        let mut changes: Vec<(Arc<str>, Option<Arc<Served>>)> = Vec::new();
        for key in &stale.services {
            let slices = store.slices_of(&key.namespace, &key.name);
            let entry = store.read::<Service>(key).and_then(|(_, service)| Entry::read(service, slices));
            if self.zone.differs(key, entry.as_ref()) {
                Arc::make_mut(&mut self.zone).change(key, entry);
            }
            let (old, new) = (self.service(&proxy::full_name(key)), Served::read(store, key));
            if old.map(|old| &**old) != new.as_ref() {
                let name = new.as_ref().map_or_else(|| proxy::full_name(key).into(), |new| new.name.clone());
                changes.push((name, new.map(Arc::new)));
            }
        }
        crate::sort::by(&mut changes, |a, b| a.0.cmp(&b.0));
        let comments = Comments::among(self.endpoints);
        self.change_services(&changes);
        let rewrites_all = Comments::among(self.endpoints) != comments;
        if rewrites_all || zones_moved {
            // The rules of Services that did not change themselves.
            for service in &self.services {
                if (rewrites_all || service.depends_on_node()) && !changes.iter().any(|(name, _)| *name == service.name)
                {
                    changes.push((service.name.clone(), Some(service.clone())));
                }
            }
            crate::sort::by(&mut changes, |a, b| a.0.cmp(&b.0));
        }
        self.write(&changes);
    }

    /// Puts Services in their places or takes them away.
    fn change_services(&mut self, changes: &[(Arc<str>, Option<Arc<Served>>)]) {
        for (name, new) in changes {
            let old = self.service(name).cloned();
            self.endpoints += new.as_ref().map_or(0, |new| new.endpoints());
            self.endpoints -= old.as_ref().map_or(0, |old| old.endpoints());
            if let Some(old) = &old
                && let Ok(at) = self.by_ip.binary_search_by(|other| by_ip(other).cmp(&by_ip(old)))
            {
                self.by_ip.remove(at);
            }
        }
        let new = changes.iter().filter_map(|(_, new)| new.as_ref());
        if changes.len() < FEW {
            for service in new {
                let at = self.by_ip.partition_point(|other| by_ip(other) < by_ip(service));
                self.by_ip.insert(at, service.clone());
            }
        } else {
            self.by_ip.extend(new.cloned());
            crate::sort::by(&mut self.by_ip, |a, b| by_ip(a).cmp(&by_ip(b)));
        }
        super::replace(&mut self.services, changes, |service| &service.name);
    }

    /// Writes the rules of changed Services on every node.
    fn write(&mut self, changes: &[(Arc<str>, Option<Arc<Served>>)]) {
        if changes.is_empty() {
            return;
        }
        let comments = Comments::among(self.endpoints);
        let pods = self.topology.pod_cidr;
        let (mut alike, mut alike_nft) = (Parts::new(), nft::Parts::new());
        for machine in &mut self.topology.machines {
            let me = &*machine;
            if me.nft.is_some() {
                let part = |service: &Served| proxy::nftables::part(&service.name, &service.ports, me, pods);
                alike_nft = parts(changes, alike_nft, part);
                machine.nft.iter_mut().for_each(|nft| Arc::make_mut(nft).change(&alike_nft));
            } else {
                let part = |service: &Served| proxy::iptables::part(&service.name, &service.ports, me, pods, comments);
                alike = parts(changes, alike, part);
                Arc::make_mut(&mut machine.rules).change(&alike);
            }
        }
    }
}

/// Changed Services' rules on one node; nodes share what is the same for all of them.
fn parts<P>(
    changes: &[(Arc<str>, Option<Arc<Served>>)],
    alike: Vec<(Arc<str>, Option<Arc<P>>)>,
    part: impl Fn(&Served) -> P,
) -> Vec<(Arc<str>, Option<Arc<P>>)> {
    let write = |(n, (name, service)): (usize, &(Arc<str>, Option<Arc<Served>>))| match (service, alike.get(n)) {
        (Some(service), Some((_, same))) if !service.depends_on_node() => (name.clone(), same.clone()),
        (service, _) => (name.clone(), service.as_ref().map(|service| Arc::new(part(service)))),
    };
    changes.iter().enumerate().map(write).collect()
}

fn by_ip(service: &Served) -> (crate::inet::Ipv4Addr, &str) {
    (service.cluster_ip(), &service.name)
}
