//! A network that follows its cluster is the network that would be made from nothing, and costs what has changed.

use std::time::Instant as Clock;

use kubehop::cluster::Cluster;
use kubehop::manifest::parse;
use kubehop::net;
use kubehop::object::{Deployment, Kind, Object, Profile, ProxyMode, Ref, Service};
use kubehop::rng::Rng;
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace::{OutcomeKind, Place, Request};

fn apply(cluster: &mut Cluster, text: &str) {
    let read = parse(&Source::new("f.yaml", text));
    assert_eq!(read.diagnostics, [], "{text}");
    for manifest in read.manifests {
        let _ = cluster.apply(&manifest, "default");
    }
}

fn deed(cluster: &mut Cluster, rng: &mut Rng) {
    let name = ["a", "b", "c", "d"][rng.below(4) as usize];
    let pods: Vec<Ref> = cluster.store().list(Kind::Pod, Some("default")).map(|pod| pod.key()).collect();
    let pod = (!pods.is_empty()).then(|| pods[rng.below(pods.len() as u32) as usize].clone());
    match (rng.below(10), pod) {
        (0..2, _) => {
            let replicas = rng.below(4);
            let port = ["web", "http"][rng.below(2) as usize];
            let host = ["", ", hostPort: 8080"][rng.below(2) as usize];
            apply(
                cluster,
                &format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  \
                     selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
                     containers: [{{name: c, image: 'hello:1.0', ports: [{{name: {port}, containerPort: 9090{host}}}]}}]\n"
                ),
            );
        }
        (2..5, _) => {
            let kind =
                ["type: ClusterIP", "type: NodePort", "clusterIP: None", "type: LoadBalancer"][rng.below(4) as usize];
            let policy = match kind {
                "type: NodePort" | "type: LoadBalancer" if rng.below(2) == 0 => ", externalTrafficPolicy: Local",
                _ => "",
            };
            let near = ["", ", trafficDistribution: PreferSameNode"][rng.below(2) as usize];
            let wanted = ["a", "b", "c", "nobody"][rng.below(4) as usize];
            let port = ["9090", "web"][rng.below(2) as usize];
            apply(
                cluster,
                &format!(
                    "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{kind}{policy}{near}, selector: {{app: {wanted}}}, \
                     ports: [{{port: 80, targetPort: {port}}}]}}\n"
                ),
            );
        }
        (5, _) => drop(cluster.delete(&Ref::new(Kind::Service, "default", name), None)),
        (6, _) => drop(cluster.delete(&Ref::new(Kind::Deployment, "default", name), None)),
        (7, Some(pod)) => drop(cluster.delete(&pod, None)),
        (8, Some(pod)) => cluster.fail_readiness(&pod, rng.below(2) == 0),
        _ => {
            let nodes = &cluster.profile().nodes;
            let key = Ref::new(Kind::Node, "", nodes[rng.below(nodes.len() as u32) as usize].name.as_str());
            let mut node = Object::clone(cluster.store().get(&key).unwrap());
            let zone = ["a", "b"][rng.below(2) as usize];
            node.meta.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
            cluster.update(node).unwrap();
        }
    }
    let some_time = Duration::from_millis(u64::from(rng.below(8000)));
    cluster.advance(cluster.now() + some_time);
}

#[test]
fn law_a_network_that_follows_is_the_network_made_from_nothing() {
    for seed in 0..30 {
        let mut profile = Profile::named(["multinode", "minikube"][(seed / 2 % 2) as usize]).unwrap();
        profile.proxy_mode = [ProxyMode::Iptables, ProxyMode::Nftables][(seed % 2) as usize];
        let mut cluster = Cluster::new(&profile, seed);
        let mut rng = Rng::new(seed).fork("deeds");
        for step in 0..40 {
            deed(&mut cluster, &mut rng);
            // Not each time: several changes are followed at once, too.
            if rng.below(3) > 0 {
                let followed = cluster.network();
                let made = net::compile(cluster.store(), cluster.profile());
                for node in &cluster.profile().nodes {
                    let save = |network| net::iptables_save(network, &node.name, cluster.now());
                    assert_eq!(save(&followed), save(&made), "seed {seed}, step {step}");
                    let table = |network| net::nft_ruleset(network, &node.name);
                    assert_eq!(table(&followed), table(&made), "seed {seed}, step {step}");
                }
                assert!(*followed == made, "seed {seed}, step {step}");
            }
        }
    }
}

/// A cluster of many Services with one pod each.
fn large(services: usize) -> Cluster {
    let mut cluster = Cluster::new(&Profile::named("multinode").unwrap(), 1);
    let mut text = String::new();
    for i in 0..services {
        text += &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: s{i}}}\nspec:\n  selector: {{matchLabels: {{app: s{i}}}}}\n  \
             template:\n    metadata: {{labels: {{app: s{i}}}}}\n    spec: {{containers: [{{name: c, image: 'hello:1.0'}}]}}\n---\n\
             apiVersion: v1\nkind: Service\nmetadata: {{name: s{i}}}\nspec: {{selector: {{app: s{i}}}, ports: [{{port: 9090}}]}}\n---\n"
        );
    }
    apply(&mut cluster, &text);
    cluster.settle(Duration::from_secs(600));
    cluster
}

#[test]
fn one_change_among_thousands_shares_the_rest() {
    let mut cluster = large(200);
    let before = cluster.network();
    let key = Ref::new(Kind::Deployment, "default", "s7");
    assert!(cluster.store().read::<Deployment>(&key).is_some());
    cluster.scale(&key, 3).unwrap();
    cluster.settle(Duration::from_secs(60));
    let after = cluster.network();
    let parts = |network: &net::Network| network.topology.machines[0].rules.parts.clone();
    let (old, new) = (parts(&before), parts(&after));
    let changed: Vec<_> =
        old.iter().zip(&new).filter(|(a, b)| !std::sync::Arc::ptr_eq(a, b)).map(|(a, _)| a.name.to_string()).collect();
    assert_eq!(changed, ["default/s7"]);
    let shared = |i: usize| std::sync::Arc::ptr_eq(&new[i], &after.topology.machines[2].rules.parts[i]);
    assert!((0..new.len()).all(shared), "nodes share the rules that are the same for them");
}

#[test]
fn counters_stay_where_rules_stay() {
    let mut cluster = large(3);
    let url = |cluster: &Cluster, i: usize| {
        let service = cluster.store().read::<Service>(&Ref::new(Kind::Service, "default", format!("s{i}"))).unwrap().1;
        format!("http://{}:9090/api/hello", service.spec.cluster_ip)
    };
    let get = |cluster: &mut Cluster, url: String| {
        let request = Request { method: "GET".into(), url: url.into(), ..Request::default() };
        let trace = cluster.request(&Place::Node("minikube".into()), &request);
        assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
    };
    // Packets that the first own chain of a Service counted, those of its rule in KUBE-SERVICES, and of the kernel's chain.
    let counts = |cluster: &mut Cluster, i: usize| {
        let network = cluster.network();
        let rules = &network.topology.machines[0].rules;
        let slot = rules.place(&format!("default/s{i}")).unwrap() + 1;
        let memory = &cluster.flows().kernel(0).unwrap().memory;
        let chain = rules.parts[slot - 1].chains[0].first;
        let output = rules.base.table(net::TableName::Nat).chains[2].first;
        [(slot, chain), (slot, 0), (0, output)].map(|(slot, rule)| memory.packets(net::Spot { slot, rule }))
    };
    for i in [0, 1, 1] {
        let url = url(&cluster, i);
        get(&mut cluster, url);
    }
    assert_eq!((counts(&mut cluster, 0), counts(&mut cluster, 1)), ([1, 1, 3], [2, 2, 3]));
    cluster.scale(&Ref::new(Kind::Deployment, "default", "s0"), 2).unwrap();
    cluster.settle(Duration::from_secs(60));
    let url = url(&cluster, 2);
    get(&mut cluster, url);
    // Service 0 was written anew; of Service 1 only the rule in the chain of all Services was.
    assert_eq!((counts(&mut cluster, 0), counts(&mut cluster, 1)), ([0, 0, 4], [2, 0, 4]));
}

/// A node has the network plugin's chains for host ports while one of its pods asks for one, in both modes and by every plugin.
#[test]
fn host_ports_come_and_go_with_their_pods() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: door}\nspec: {containers: [{name: c, image: 'hello:1.0', ports: \
               [{containerPort: 9090, hostPort: 8080}, {containerPort: 53, hostPort: 53, protocol: UDP}]}]}\n";
    for (name, mode) in
        Profile::NAMES.into_iter().flat_map(|name| [ProxyMode::Iptables, ProxyMode::Nftables].map(|mode| (name, mode)))
    {
        let mut profile = Profile::named(name).unwrap();
        profile.proxy_mode = mode;
        let mut cluster = Cluster::new(&profile, 1);
        cluster.network();
        apply(&mut cluster, pod);
        cluster.settle(Duration::from_secs(60));
        let key = Ref::new(Kind::Pod, "default", "door");
        let (_, door) = cluster.store().read::<kubehop::object::Pod>(&key).unwrap();
        let (node, ip) = (door.spec.node_name.clone(), door.status.pod_ip.clone());
        let network = cluster.network();
        assert!(*network == net::compile(cluster.store(), &profile), "{name} {mode:?}");
        for machine in &network.topology.machines {
            let text = net::iptables_save(&network, &machine.name, cluster.now()).unwrap();
            let here = *machine.name == *node;
            assert_eq!(text.contains("-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT"), here, "{text}");
            let rule = format!(" -p tcp -m tcp --dport 8080 -j DNAT --to-destination {ip}:9090");
            assert_eq!(text.contains(&rule), here, "{text}");
            assert_eq!(text.contains("-m multiport --dports 53 -j CNI-DN-"), here, "{text}");
        }
        let address = network.topology.machines.iter().find(|m| *m.name == *node).unwrap().address;
        let url = format!("http://{address}:8080/api/hello");
        let request = Request { method: "GET".into(), url: url.as_str().into(), ..Request::default() };
        let trace = cluster.request(&Place::Node(node.as_str().into()), &request);
        assert_eq!(trace.outcome.responder, Some(Place::Pod("default".into(), "door".into())), "{name} {mode:?}");
        cluster.delete(&key, Some(0)).unwrap();
        cluster.settle(Duration::from_secs(60));
        let network = cluster.network();
        assert!(*network == net::compile(cluster.store(), &profile), "{name} {mode:?}");
        assert!(!net::iptables_save(&network, &node, cluster.now()).unwrap().contains("HOSTPORT"));
    }
}

/// Prints figures; `KUBEHOP_SCALE=5000 cargo test --release --test network -- --nocapture scale`.
#[test]
fn scale_of_one_change() {
    let services = std::env::var("KUBEHOP_SCALE").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let mut cluster = large(services);
    let start = Clock::now();
    let made = net::compile(cluster.store(), cluster.profile());
    let from_nothing = start.elapsed();
    assert!(*cluster.network() == made);
    let key = Ref::new(Kind::Service, "default", "s7");
    let mut spent = std::time::Duration::ZERO;
    let turns = 20;
    for i in 0..turns {
        let mut service = Object::clone(cluster.store().get(&key).unwrap());
        service.body_mut::<Service>().unwrap().spec.ports[0].port = 9000 + i;
        cluster.update(service).unwrap();
        let start = Clock::now();
        cluster.network();
        spent += start.elapsed();
    }
    println!("{services} Services: from nothing {from_nothing:?}, one change {:?}", spent / turns as u32);
}

/// What a pod's packets look like outside: kindnet's agent and the bridge hide them behind their nodes.
#[test]
fn pods_are_hidden_from_the_world_outside() {
    for profile in ["minikube", "multinode"] {
        let mut cluster = Cluster::new(&Profile::named(profile).unwrap(), 1);
        apply(
            &mut cluster,
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: 'hello:1.0'}]}}",
        );
        cluster.settle(Duration::from_secs(60));
        let from = Place::Pod("default".into(), "a".into());
        let (_, pod) = cluster.store().read::<kubehop::object::Pod>(&Ref::new(Kind::Pod, "default", "a")).unwrap();
        let (ip, node) = (pod.status.pod_ip.clone(), pod.spec.node_name.clone());
        let home = cluster.profile().nodes.iter().find(|other| other.name == node).unwrap().address;
        let sends = |cluster: &mut Cluster, to: &str| {
            let request = Request { protocol: "tcp".into(), url: to.into(), ..Request::default() };
            let trace = cluster.request(&from, &request);
            let mut hops = trace.hops.iter().filter(|hop| !hop.reply);
            hops.next_back()
                .map(|hop| (hop.packet.src.ip.to_string(), trace.hops[0].packet.src.port == hop.packet.src.port))
                .unwrap()
        };
        // To the laptop and away: the node's address, and the port stays. To the node itself and to pods: its own.
        assert_eq!(sends(&mut cluster, "192.168.49.1:80"), (home.to_string(), true), "{profile}");
        assert_eq!(sends(&mut cluster, "198.51.100.9:80"), (home.to_string(), true), "{profile}");
        assert_eq!(sends(&mut cluster, &format!("{home}:81")), (ip.clone(), true), "{profile}");
        let (_, dns) =
            cluster.store().all::<kubehop::object::Pod>().find(|(meta, _)| meta.name.starts_with("coredns")).unwrap();
        let dns = format!("{}:53", dns.status.pod_ip);
        assert_eq!(sends(&mut cluster, &dns), (ip.clone(), true), "{profile}");
        // Another node's own address is outside, too.
        if let Some(other) = cluster.profile().nodes.iter().find(|other| other.name != node) {
            let to = format!("{}:81", other.address);
            assert_eq!(sends(&mut cluster, &to), (home.to_string(), true), "{profile}");
        }
    }
}
