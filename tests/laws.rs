//! What holds of every cluster, whatever is done to it. Clusters and deeds come from a seed, which a failure names.

use std::collections::{BTreeMap, BTreeSet};

use kubehop::cluster::{Applied, Cluster};
use kubehop::manifest::{self, Manifest};
use kubehop::object::{Endpoints, Kind, Object, Pod, Profile, Ref, Service};
use kubehop::rng::Rng;
use kubehop::text::Source;
use kubehop::time::Duration;

const SEEDS: std::ops::Range<u64> = 0..12;

/// A cluster, and what was last applied to it by name.
struct World {
    cluster: Cluster,
    applied: BTreeMap<Ref, Manifest>,
}

fn deployment(rng: &mut Rng) -> String {
    let name = ["web", "api", "db"][rng.below(3) as usize];
    let replicas = rng.below(6);
    let image = ["hello:1.0", "nginx:1.27", "shop:2", "busybox"][rng.below(4) as usize];
    let probe =
        ["", ", readinessProbe: {httpGet: {port: 9090, path: /api/hello}}", ", livenessProbe: {tcpSocket: {port: 80}}"]
            [rng.below(3) as usize];
    let strategy = ["", "\n  strategy: {type: Recreate}", "\n  minReadySeconds: 5"][rng.below(3) as usize];
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}{strategy}\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}, tier: t}}}}\n    \
         spec: {{containers: [{{name: c, image: '{image}'{probe}}}]}}\n"
    )
}

fn service(rng: &mut Rng) -> String {
    let name = ["web", "api", "db", "all"][rng.below(4) as usize];
    let selector = if name == "all" { "tier: t".to_owned() } else { format!("app: {name}") };
    let kind =
        ["type: ClusterIP", "type: NodePort", "type: LoadBalancer", "type: LoadBalancer, externalTrafficPolicy: Local"]
            [rng.below(4) as usize];
    let ports = ["[{port: 80, targetPort: 9090}]", "[{name: a, port: 80}, {name: b, port: 81, protocol: UDP}]"]
        [rng.below(2) as usize];
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{kind}, selector: {{{selector}}}, ports: {ports}}}\n"
    )
}

impl World {
    fn new(seed: u64) -> Self {
        let profile = Profile::named(Profile::NAMES[(seed % 2) as usize]).expect("a built-in profile");
        let mut world = Self { cluster: Cluster::new(&profile, seed), applied: BTreeMap::new() };
        let mut rng = Rng::new(seed).fork("deeds");
        for _ in 0..25 {
            world.deed(&mut rng);
        }
        world
    }

    fn apply(&mut self, text: &str) {
        let manifest = manifest::parse(&Source::new("f.yaml", text)).manifests.remove(0);
        // A change that the server refuses (a selector, say) is as good a deed as any.
        if self.cluster.apply(&manifest, "default").is_ok() {
            self.applied.insert(manifest.key("default"), manifest);
        }
    }

    fn deed(&mut self, rng: &mut Rng) {
        let pods: Vec<Ref> = self.cluster.store().list(Kind::Pod, Some("default")).map(|pod| pod.key()).collect();
        let pod = (!pods.is_empty()).then(|| pods[rng.below(pods.len() as u32) as usize].clone());
        match (rng.below(9), pod) {
            (0..3, _) => self.apply(&deployment(rng)),
            (3..5, _) => self.apply(&service(rng)),
            (5, Some(pod)) => self.cluster.delete(&pod, None).expect("a pod can be deleted"),
            (6, Some(pod)) => self.cluster.fail_readiness(&pod, rng.below(2) == 0),
            (7, Some(pod)) => self.cluster.kill_pod(&pod).expect("a pod can be killed"),
            (8, _) if !self.applied.is_empty() => {
                let keys: Vec<Ref> = self.applied.keys().cloned().collect();
                let key = &keys[rng.below(keys.len() as u32) as usize];
                self.applied.remove(key);
                self.cluster.delete(key, None).expect("what was applied can be deleted");
            }
            _ => {}
        }
        let until = self.cluster.now() + Duration::from_millis(u64::from(rng.below(4000)));
        self.cluster.advance(until);
    }

    /// Every object, printed.
    fn bytes(&self) -> String {
        Kind::all()
            .flat_map(|kind| self.cluster.store().list(kind, None))
            .map(|o| format!("{}\n", o.to_value()))
            .collect()
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in SEEDS {
        assert!(World::new(seed).bytes() == World::new(seed).bytes(), "seed {seed}");
    }
}

#[test]
fn time_in_one_leap_or_in_many_steps_comes_to_the_same() {
    for seed in SEEDS {
        let (mut leap, mut steps) = (World::new(seed), World::new(seed));
        let end = leap.cluster.now() + Duration::from_secs(60);
        leap.cluster.advance(end);
        while steps.cluster.now() < end {
            let until = (steps.cluster.now() + Duration::from_millis(733)).min(end);
            steps.cluster.advance(until);
        }
        assert!(leap.bytes() == steps.bytes(), "seed {seed}");
    }
}

#[test]
fn applying_twice_changes_nothing() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let revision = world.cluster.store().revision();
        for manifest in world.applied.values() {
            let applied = world.cluster.apply(manifest, "default");
            assert_eq!(applied, Ok(Applied::Unchanged), "seed {seed}: {}", manifest.tree);
        }
        assert_eq!(world.cluster.store().revision(), revision, "seed {seed}");
    }
}

#[test]
fn no_address_and_no_port_is_given_twice() {
    for seed in SEEDS {
        let world = World::new(seed);
        let store = world.cluster.store();
        let mut ips = BTreeSet::new();
        for (meta, pod) in store.all::<Pod>().filter(|(_, p)| !p.spec.host_network && !p.status.pod_ip.is_empty()) {
            assert!(ips.insert(&pod.status.pod_ip), "seed {seed}: {} of {}", pod.status.pod_ip, meta.name);
        }
        let mut ports = BTreeSet::new();
        for (meta, service) in store.all::<Service>() {
            let ip = &service.spec.cluster_ip;
            assert!(ip == "None" || ip.is_empty() || ips.insert(ip), "seed {seed}: {ip} of {}", meta.name);
            let own: BTreeSet<i32> =
                service.spec.ports.iter().map(|p| p.node_port).chain([service.spec.health_check_node_port]).collect();
            for port in own.into_iter().filter(|port| *port != 0) {
                assert!(
                    (30_000..=32_767).contains(&port) && ports.insert(port),
                    "seed {seed}: {port} of {}",
                    meta.name
                );
            }
        }
    }
}

#[test]
fn a_quiet_cluster_lists_exactly_its_ready_pods() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        world.cluster.settle(Duration::from_secs(1200));
        if world.cluster.pending().is_some() {
            continue; // A container that keeps ending is never quiet.
        }
        let store = world.cluster.store();
        for (meta, service) in
            store.all::<Service>().filter(|(m, _)| m.namespace == "default" && m.name != "kubernetes")
        {
            let selected = |object: &&std::sync::Arc<Object>| {
                service.spec.selector.iter().all(|(k, v)| object.meta.labels.get(k) == Some(v))
            };
            let ready: BTreeSet<&str> = store
                .list(Kind::Pod, Some("default"))
                .filter(selected)
                .filter_map(|object| object.body::<Pod>())
                .filter(|pod| pod.status.is_ready())
                .map(|pod| pod.status.pod_ip.as_str())
                .collect();
            let key = Ref::new(Kind::Endpoints, "default", meta.name.as_str());
            let (_, endpoints) = store.read::<Endpoints>(&key).expect("a Service has Endpoints");
            let listed: BTreeSet<&str> =
                endpoints.subsets.iter().flat_map(|s| &s.addresses).map(|address| address.ip.as_str()).collect();
            assert_eq!(listed, ready, "seed {seed}: {}", meta.name);
        }
        let revision = store.revision();
        let later = world.cluster.now() + Duration::from_secs(86_400);
        world.cluster.advance(later);
        // A rollout that gets nowhere is told off once, ten minutes later.
        let told = world.cluster.store().changes_since(revision).iter().all(|(key, _)| key.kind == Kind::Deployment);
        assert!(told, "seed {seed}: a quiet cluster stays as it is");
    }
}
