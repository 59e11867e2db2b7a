//! A cluster: the store, its controllers, its network, on one virtual clock. A value: a clone is a snapshot.

mod admission;
mod beats;
mod boot;
mod checks;
mod diary;
mod environment;
mod firewall;
mod ingress;
mod readers;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use diary::{News, Notes, Shot, Tick, Turned};

pub use crate::api::Applied;
use crate::api::{Api, Span, Status, Store, Touch};
pub use crate::controller::ProbeKind;
use crate::controller::{self, Balancers, Change, Controller, Kubelet, Queue};
use crate::manifest::Manifest;
use crate::net::{Entry, Fabric, Flows, Lines, Network, Over, Tally};
use crate::object::{Deployment, Kind, Object, Opening, Outages, Pod, Profile, Ref, ReplicaSet, StatefulSet};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::trace::{Place, Request, Trace};
pub use beats::Beat;
pub use firewall::Unchanged;
pub use readers::Reader;

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    profile: Arc<Profile>,
    api: Api,
    kubelet: Kubelet,
    queue: Queue,
    deadlines: Queue,
    now: Instant,
    rng: Rng,
    fabric: Fabric,
    /// How many programs were started on the laptop.
    spawned: u32,
    /// The addons that minikube's own configuration says are enabled.
    addons: BTreeSet<&'static str>,
    told: ingress::Told,
    outages: Outages,
    /// What the firewall lets in now; none if there is none.
    firewall: Option<Vec<Opening>>,
    seen: Seen,
    balancers: Balancers,
    /// When load balancers will next check the nodes.
    checks: Option<Instant>,
    diary: diary::Diary,
}

/// The changes that somebody watches and has not read yet.
#[derive(Clone, Debug, Default)]
struct Seen {
    on: bool,
    /// The number of the first of them.
    first: u64,
    changes: Vec<(Instant, Touch)>,
}

/// The first pid that a program on the laptop gets.
const FIRST_PID: u32 = 4201;

impl Cluster {
    /// A cluster whose control plane is ready: nodes, namespaces, the `kubernetes` Service, CoreDNS behind `kube-dns`.
    pub fn new(profile: &Profile, seed: u64) -> Self {
        Self::begun(profile.clone(), Rng::new(seed), Instant::ZERO)
    }

    /// A cluster that begins now.
    fn begun(profile: Profile, rng: Rng, now: Instant) -> Self {
        // A control plane that the cloud runs is never off.
        let home = profile.nodes.first().filter(|_| profile.control_plane.is_none()).map_or("", |node| &*node.name);
        let outages = Outages::new(home);
        let mut cluster = Self {
            api: Api::new(profile.service_cidr, &rng),
            kubelet: Kubelet::new(&rng, profile.images.clone()),
            queue: Queue::default(),
            deadlines: Queue::default(),
            now,
            fabric: Fabric::new(&rng),
            rng,
            spawned: 0,
            addons: BTreeSet::new(),
            told: ingress::Told::new(),
            seen: Seen::default(),
            outages,
            firewall: profile.firewall.clone(),
            balancers: Balancers::new(profile.load_balancers),
            checks: None,
            diary: diary::Diary::default(),
            profile: Arc::new(profile),
        };
        cluster.boot();
        cluster
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The environment that the cluster was made from.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The generator of the cluster's seed, to be forked by purpose.
    pub fn rng(&self) -> &Rng {
        &self.rng
    }

    /// All objects.
    pub fn store(&self) -> &Store {
        self.api.store()
    }

    /// Applies one manifest as `kubectl apply` does (three-way merge with the last applied configuration).
    pub fn apply(&mut self, manifest: &Manifest, namespace: &str) -> Result<Applied, Status> {
        self.apply_object(&manifest.object, &manifest.tree, namespace)
    }

    /// Applies an object and the tree that it was read from.
    pub fn apply_object(
        &mut self,
        object: &Object,
        tree: &serde_json::Value,
        namespace: &str,
    ) -> Result<Applied, Status> {
        self.enter(object);
        let mut key = object.key();
        if key.kind.is_namespaced() && key.namespace.is_empty() {
            key.namespace = namespace.into();
        }
        self.admitted(&key, |api, now| api.apply(object, tree, namespace, now).is_ok())?;
        let applied = self.api.apply(object, tree, namespace, self.now);
        self.written(&object.key());
        applied
    }

    /// Creates an object, as `kubectl create` does; its namespace must be set.
    pub fn create(&mut self, object: Object) -> Result<Arc<Object>, Status> {
        let key = object.key();
        self.admitted(&key, |api, now| api.create(object.clone(), now).is_ok())?;
        let created = self.api.create(object, self.now);
        self.written(&key);
        created
    }

    /// Replaces an object's metadata and spec, as `kubectl edit`, `label` or `scale` do with a changed copy.
    pub fn update(&mut self, object: Object) -> Result<Arc<Object>, Status> {
        let key = object.key();
        self.admitted(&key, |api, now| api.update(object.clone(), now).is_ok())?;
        let updated = self.api.update(object, self.now);
        self.written(&key);
        updated
    }

    /// Deletes an object; `grace` is `--grace-period` in seconds, none leaves it to the object.
    pub fn delete(&mut self, key: &Ref, grace: Option<i64>) -> Result<(), Status> {
        let deleted = self.api.delete(key, grace, self.now);
        self.wake(None);
        deleted
    }

    /// Sets the number of replicas of a Deployment, a ReplicaSet or a StatefulSet, as `kubectl scale` does.
    pub fn scale(&mut self, key: &Ref, replicas: i32) -> Result<(), Status> {
        let mut object = Object::clone(self.store().get(key).ok_or_else(|| Status::not_found(key))?);
        if let Some(deployment) = object.body_mut::<Deployment>() {
            deployment.spec.replicas = Some(replicas);
        } else if let Some(set) = object.body_mut::<ReplicaSet>() {
            set.spec.replicas = Some(replicas);
        } else if let Some(set) = object.body_mut::<StatefulSet>() {
            set.spec.replicas = Some(replicas);
        } else {
            return Err(Status::not_found(key));
        }
        self.update(object).map(drop)
    }

    /// Evicts a pod, as the eviction API does: it is told to end, with the reason in its status.
    ///
    /// Disruption budgets, which the lab does not serve, could refuse it.
    pub fn evict(&mut self, pod: &Ref, grace: Option<i64>) -> Result<(), Status> {
        if let Some((meta, body)) = self.store().read::<Pod>(pod) {
            let object = controller::disrupted(meta, body, "EvictionByEvictionAPI", "Eviction API: evicting", self.now);
            self.api.put(object, self.now);
        }
        self.delete(pod, grace)
    }

    /// A pod's program dies, and its pod with it, at once.
    pub fn kill_pod(&mut self, pod: &Ref) -> Result<(), Status> {
        self.delete(pod, Some(0))
    }

    /// From now on a pod fails its readiness (`true`), or tells the truth again.
    pub fn fail_readiness(&mut self, pod: &Ref, fails: bool) {
        self.kubelet.set_unready(self.api.store(), pod, fails, self.now);
        self.queue.add(Controller::Kubelet, pod.clone(), self.now);
    }

    /// From now on a pod fails its liveness probe (`true`), or tells the truth again.
    pub fn fail_liveness(&mut self, pod: &Ref, fails: bool) {
        self.kubelet.set_ill(self.api.store(), pod, fails, self.now);
        self.queue.add(Controller::Kubelet, pod.clone(), self.now);
    }

    /// Whether a pod is made to fail its readiness.
    pub fn fails_readiness(&self, pod: &Ref) -> bool {
        self.kubelet.is_unready(pod)
    }

    /// What is broken now.
    pub fn outages(&self) -> &Outages {
        &self.outages
    }

    /// Turns a node off; false if it is off already.
    pub fn stop_node(&mut self, node: &str) -> Result<bool, Status> {
        self.break_or_mend(&[node], |outages, now| outages.stop(node, now))
    }

    /// Turns a node on; false if it is on already.
    pub fn start_node(&mut self, node: &str) -> Result<bool, Status> {
        self.break_or_mend(&[node], |outages, now| outages.start(node, now))
    }

    /// Cuts the link between two nodes; false if it is cut already.
    pub fn cut_link(&mut self, a: &str, b: &str) -> Result<bool, Status> {
        self.break_or_mend(&[a, b], |outages, now| outages.cut_link(a, b, now))
    }

    /// Mends the link between two nodes; false if it is whole.
    pub fn mend_link(&mut self, a: &str, b: &str) -> Result<bool, Status> {
        self.break_or_mend(&[a, b], |outages, now| outages.mend_link(a, b, now))
    }

    fn break_or_mend(
        &mut self,
        nodes: &[&str],
        change: impl FnOnce(&mut Outages, Instant) -> bool,
    ) -> Result<bool, Status> {
        if let Some(missing) = nodes.iter().find(|name| self.profile.nodes.iter().all(|node| node.name != ***name)) {
            return Err(Status::not_found(&Ref::new(Kind::Node, "", *missing)));
        }
        let now = self.now;
        let was = self.outages.clone();
        let changed = change(&mut self.outages, now);
        if changed {
            self.tick();
            self.fabric.suffer(&self.outages);
            let names: Vec<String> = self.profile.nodes.iter().map(|node| node.name.clone()).collect();
            for name in names {
                if self.outages.is_stopped(&name) && !was.is_stopped(&name) {
                    self.kubelet.power_off(self.api.store(), &name, now);
                }
                if was.is_stopped(&name) && !self.outages.is_stopped(&name) {
                    self.kubelet.power_on(&name, now);
                }
                let heard = [&was, &self.outages].map(|outages| outages.silent_since(&name).is_none());
                if heard[0] == heard[1] {
                    continue;
                }
                self.queue.add(Controller::Node, Ref::new(Kind::Node, "", name.as_str()), now);
                if heard[1] {
                    // Its kubelet sees what was done to its pods meanwhile, and what it is to start.
                    let pods = self.api.store().all::<Pod>().filter(|(_, pod)| pod.spec.node_name == name);
                    let pods = pods.map(|(meta, _)| Ref::new(Kind::Pod, meta.namespace.as_str(), meta.name.as_str()));
                    let keys: Vec<Ref> = pods.chain(self.kubelet.on(&name)).collect();
                    let at = now + Duration::from_secs(8);
                    keys.into_iter().for_each(|key| self.queue.add(Controller::Kubelet, key, at));
                }
            }
            self.check_at_next_beat();
        }
        Ok(changed)
    }

    /// Lets time pass until `until`, controllers working as it does.
    ///
    /// While the node of the control plane is off, nobody works: what is due waits until it is on again.
    pub fn advance(&mut self, until: Instant) {
        if let Some(at) = self.shot_before(until) {
            self.pass(at);
            self.shoot();
        }
        self.pass(until);
    }

    fn pass(&mut self, until: Instant) {
        while self.has_control_plane() {
            let work = [self.queue.next(), self.deadlines.next()].into_iter().flatten().min();
            if let Some(at) = self.checks.filter(|at| *at <= until && work.is_none_or(|work| *at < work)) {
                self.now = self.now.max(at);
                self.check();
                continue;
            }
            let deadline = self.deadlines.next().filter(|at| self.queue.next().is_none_or(|next| *at < next));
            let queue = if deadline.is_some() { &mut self.deadlines } else { &mut self.queue };
            let Some((at, controller, key)) = queue.pop(until) else { break };
            self.now = self.now.max(at);
            self.reconcile(controller, &key);
        }
        self.now = self.now.max(until);
    }

    /// When something will next happen by itself, other than periodic work that changes nothing and deadlines that only
    /// bookkeeping waits for (a rollout's ten minutes); none if it is quiet.
    ///
    /// A node that is off counts as quiet once it is known to be lost: that its pods are evicted 300 seconds later is a deadline.
    pub fn pending(&self) -> Option<Instant> {
        let next = [self.queue.next(), self.checks].into_iter().flatten().min();
        next.filter(|_| self.has_control_plane())
    }

    /// When something will next happen by itself, deadlines of bookkeeping among it; none if nothing will.
    pub fn upcoming(&self) -> Option<Instant> {
        self.queue.next().into_iter().chain(self.deadlines.next()).min().filter(|_| self.has_control_plane())
    }

    /// Whether the API server and the controllers run.
    pub fn has_control_plane(&self) -> bool {
        !self.outages.is_stopped(self.outages.home())
    }

    /// Lets time pass until the cluster is quiet, `limit` at most.
    pub fn settle(&mut self, limit: Duration) {
        let end = self.now + limit;
        while let Some(next) = self.pending().filter(|at| *at <= end) {
            self.advance(next);
        }
        if self.pending().is_some() {
            self.advance(end);
        }
    }

    /// Sends one request over a new connection from a place and follows it to its end.
    pub fn request(&mut self, from: &Place, request: &Request) -> Trace {
        self.request_over(Over::New, from, request)
    }

    /// Sends one request from a place and follows it to its end.
    pub fn request_over(&mut self, over: Over<'_>, from: &Place, request: &Request) -> Trace {
        self.expect_request();
        let network = self.network();
        self.fabric.send(&network, over, from, request, self.now)
    }

    /// Sends many requests from a place at this moment, a new connection each, and keeps no trace of them.
    pub fn tally(&mut self, from: &Place, request: &Request, count: u32) -> Tally {
        let network = self.network();
        network.tally(self.fabric.flows_mut(), from, request, count, self.now)
    }

    /// A program ends, and closes the connections that it kept open.
    pub fn hang_up(&mut self, lines: &mut Lines) {
        self.fabric.hang_up(lines, self.now);
    }

    /// The kernel of a node forgets connections, as `conntrack -D` tells it to.
    pub fn forget_connections(&mut self, machine: usize, which: impl Fn(&Entry) -> bool) {
        self.fabric.flows_mut().forget_connections(machine, which);
    }

    /// The network as it is now: topology, and every node's rules.
    pub fn network(&mut self) -> Arc<Network> {
        self.fabric.network(self.api.store(), &self.profile, self.now)
    }

    /// What the nodes' kernels remember: counters, connections.
    pub fn flows(&self) -> &Flows {
        self.fabric.flows()
    }

    /// The same, to change what listens on the laptop.
    pub fn flows_mut(&mut self) -> &mut Flows {
        self.fabric.flows_mut()
    }

    /// A pid for a program that is started on the laptop.
    pub fn spawn(&mut self) -> u32 {
        self.spawned += 1;
        FIRST_PID + self.spawned - 1
    }

    /// The addons that were enabled and not disabled since.
    pub fn addons(&self) -> &BTreeSet<&'static str> {
        &self.addons
    }

    /// The same, to change them.
    pub fn addons_mut(&mut self) -> &mut BTreeSet<&'static str> {
        &mut self.addons
    }

    fn reconcile(&mut self, controller: Controller, key: &Ref) {
        let store = self.api.store();
        let outcome = match controller {
            Controller::Balancer => self.balancers.reconcile(store, key, self.now),
            Controller::Ingress => ingress::reconcile(store, &mut self.told, &self.outages, key, self.now),
            _ => controller::reconcile(controller, &mut self.kubelet, store, &self.outages, key, self.now),
        };
        if let Some(again) = outcome.again {
            self.queue.add(controller, key.clone(), again.max(self.now));
        }
        if let Some(deadline) = outcome.deadline {
            self.deadlines.add(controller, key.clone(), deadline.max(self.now));
        }
        if outcome.changes.is_empty() {
            return;
        }
        for change in outcome.changes {
            self.change(change, Some(controller));
        }
        self.wake(Some(controller));
    }

    /// Creates what a controller wants, and has its owner told as an event.
    fn create_for_controller(&mut self, object: Object) {
        let (meta, kind) = (object.meta.clone(), object.kind());
        let created = self.api.create_trusted(object, self.now);
        if let Some(remark) = controller::created(self.api.store(), kind, &meta, &created) {
            self.api.tell(remark, Span::once(self.now), self.now);
        }
    }

    fn change(&mut self, change: Change, by: Option<Controller>) {
        // A refusal (the namespace is ending, the object is gone) leaves the controller to look again when that changes.
        match change {
            Change::Create(object) => self.create_for_controller(*object),
            Change::Put(object) => self.api.put(*object, self.now),
            Change::Delete(key) => {
                let own =
                    [Controller::ReplicaSet, Controller::StatefulSet, Controller::DaemonSet].map(Some).contains(&by);
                let meta = self.store().get(&key).filter(|_| own).map(|o| o.meta.clone());
                if self.api.delete(&key, None, self.now).is_ok()
                    && let Some(remark) = meta.and_then(|meta| controller::deleted(&key, &meta))
                {
                    self.api.tell(remark, Span::once(self.now), self.now);
                }
            }
            Change::Remove(key) => self.api.remove(&key),
            Change::Tell(remark) => self.api.tell(*remark, Span::once(self.now), self.now),
            Change::TellOf(remark, first, last, times) => {
                self.api.tell(*remark, Span { first, last, times, every: None }, self.now);
            }
            Change::GoOn(remark, every) => {
                self.api.tell(*remark, Span { times: 0, every: Some(every), ..Span::once(self.now) }, self.now);
            }
            Change::Hush(remark) => self.api.tell(*remark, Span { times: 0, ..Span::once(self.now) }, self.now),
        }
    }

    /// Something was written by somebody outside.
    fn written(&mut self, key: &Ref) {
        self.wake(None);
        if key.kind == Kind::Lab {
            self.settle_in(key);
        }
    }

    /// Tells the controllers what has changed.
    /// From now on, changes are kept for whoever watches; gives the number of the next one.
    pub fn watch(&mut self) -> u64 {
        self.seen.on = true;
        self.seen.first + self.seen.changes.len() as u64
    }

    /// The changes from a number on, each with its time; and the number of the next one.
    pub fn seen_since(&self, number: u64) -> (impl Iterator<Item = &(Instant, Touch)>, u64) {
        let skip = number.saturating_sub(self.seen.first) as usize;
        (self.seen.changes.iter().skip(skip), self.seen.first + self.seen.changes.len() as u64)
    }

    /// Everybody has read the changes so far; with `on`, further ones are kept.
    pub fn forget_seen(&mut self, on: bool) {
        self.seen.first += self.seen.changes.len() as u64;
        self.seen.changes.clear();
        self.seen.on = on;
    }

    fn wake(&mut self, by: Option<Controller>) {
        let touched = self.api.take_touched();
        if self.seen.on {
            self.seen.changes.extend(touched.iter().map(|touch| (self.now, touch.clone())));
        }
        self.note(&touched);
        self.fabric.touch(self.api.store(), &touched);
        self.expect_checks(&touched);
        self.wake_ingress_controllers(&touched);
        let Self { api, queue, now, .. } = self;
        for touch in &touched {
            controller::wake(api.store(), touch, by, |controller, key| {
                queue.add(controller, key, *now + controller.delay());
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object::{EndpointSlice, Endpoints};

    fn cluster() -> Cluster {
        Cluster::new(&Profile::named("multinode").unwrap(), 1)
    }

    fn apply(cluster: &mut Cluster, tree: Value) -> Applied {
        let kind = Kind::from_api(tree["apiVersion"].as_str().unwrap(), tree["kind"].as_str().unwrap()).unwrap();
        let object = Object::from_value(kind, tree.clone()).unwrap();
        cluster.apply_object(&object, &tree, "default").unwrap()
    }

    fn deployment(replicas: i32) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "c", "image": "hello:1.0"}]}
                }
            }
        })
    }

    fn service() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 9090}]}
        })
    }

    fn endpoints(cluster: &Cluster) -> (usize, usize) {
        let key = Ref::new(Kind::Endpoints, "default", "web");
        let (_, endpoints) = cluster.store().read::<Endpoints>(&key).unwrap();
        let count = |f: fn(&crate::object::EndpointSubset) -> usize| endpoints.subsets.iter().map(f).sum();
        (count(|s| s.addresses.len()), count(|s| s.not_ready_addresses.len()))
    }

    #[test]
    fn it_boots_quiet_with_dns_ready() {
        let cluster = cluster();
        assert_eq!(cluster.pending(), None);
        assert_eq!(cluster.now(), Instant::ZERO);
        let pods: Vec<_> = cluster.store().all::<Pod>().map(|(m, p)| (m.name.clone(), p.status.is_ready())).collect();
        assert!(pods.iter().all(|(_, ready)| *ready), "{pods:?}");
        assert_eq!(pods.len(), 12);
        let dns = Ref::new(Kind::Endpoints, "kube-system", "kube-dns");
        let (_, dns) = cluster.store().read::<Endpoints>(&dns).unwrap();
        assert_eq!(dns.subsets[0].addresses.len(), 1);
        assert_eq!(dns.subsets[0].ports.len(), 3);
    }

    #[test]
    fn replicas_become_ready_within_seconds_and_stand_behind_the_service() {
        let mut cluster = cluster();
        assert_eq!(apply(&mut cluster, deployment(3)), Applied::Created);
        assert_eq!(apply(&mut cluster, service()), Applied::Created);
        cluster.settle(Duration::from_secs(120));
        assert!((1..=4).contains(&cluster.now().since(Instant::ZERO).as_secs()), "{:?}", cluster.now());
        assert_eq!(endpoints(&cluster), (3, 0));
        let slices: Vec<_> =
            cluster.store().all::<EndpointSlice>().filter(|(m, _)| m.name.starts_with("web-")).collect();
        assert_eq!(slices.len(), 1);
        assert_eq!(slices[0].1.endpoints.len(), 3);
        let nodes: std::collections::BTreeSet<_> = slices[0].1.endpoints.iter().map(|e| e.node_name.clone()).collect();
        assert_eq!(nodes.len(), 3, "replicas spread over the nodes");
        let revision = cluster.store().revision();
        assert_eq!(apply(&mut cluster, deployment(3)), Applied::Unchanged);
        assert_eq!(apply(&mut cluster, service()), Applied::Unchanged);
        cluster.advance(cluster.now() + Duration::from_secs(3600));
        assert_eq!(cluster.store().revision(), revision, "a quiet cluster stays as it is");
    }

    #[test]
    fn scale_kill_and_a_failed_probe() {
        let mut cluster = cluster();
        apply(&mut cluster, deployment(3));
        apply(&mut cluster, service());
        cluster.settle(Duration::from_secs(120));
        cluster.scale(&Ref::new(Kind::Deployment, "default", "web"), 5).unwrap();
        cluster.settle(Duration::from_secs(120));
        assert_eq!(endpoints(&cluster), (5, 0));
        let pod = cluster.store().list(Kind::Pod, Some("default")).next().unwrap().key();
        cluster.fail_readiness(&pod, true);
        cluster.settle(Duration::from_secs(120));
        assert_eq!(endpoints(&cluster), (4, 1));
        assert_eq!(cluster.store().read::<Pod>(&pod).unwrap().1.status.phase, "Running");
        cluster.fail_readiness(&pod, false);
        cluster.settle(Duration::from_secs(120));
        assert_eq!(endpoints(&cluster), (5, 0));
        cluster.kill_pod(&pod).unwrap();
        cluster.settle(Duration::from_secs(120));
        assert_eq!(endpoints(&cluster), (5, 0));
        assert!(cluster.store().get(&pod).is_none());
        cluster.scale(&Ref::new(Kind::Deployment, "default", "web"), 1).unwrap();
        cluster.settle(Duration::from_secs(120));
        assert_eq!(endpoints(&cluster), (1, 0));
        assert_eq!(cluster.store().list(Kind::Pod, Some("default")).count(), 1);
    }

    #[test]
    fn a_new_image_rolls_out() {
        let mut cluster = cluster();
        apply(&mut cluster, deployment(4));
        apply(&mut cluster, service());
        cluster.settle(Duration::from_secs(120));
        let mut next = deployment(4);
        next["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:2".into();
        assert_eq!(apply(&mut cluster, next), Applied::Configured);
        while let Some(at) = cluster.pending() {
            cluster.advance(at);
            assert!(endpoints(&cluster).0 >= 3, "maxUnavailable holds");
        }
        assert_eq!(endpoints(&cluster), (4, 0));
        let pods = cluster.store().list(Kind::Pod, Some("default"));
        assert!(pods.filter_map(|o| o.body::<Pod>()).all(|p| p.spec.containers[0].image == "shop:2"));
        assert_eq!(cluster.store().list(Kind::ReplicaSet, Some("default")).count(), 2);
    }
}
