//! What holds of every cluster, whatever is done to it. Clusters and deeds come from a seed, which a failure names.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use kubehop::api::{Origin, origin};
use kubehop::cluster::Applied;
use kubehop::lang::Lang;
use kubehop::net::{self, Way};
use kubehop::object::{Endpoints, FieldRef, IntOrString, Kind, Object, Pod, ProxyMode, Ref, Service};
use kubehop::rng::Rng;
use kubehop::time::Duration;
use kubehop::trace::{self, OutcomeKind, Trace};
use world::life::Life;
use world::{generate, rows};

/// `LAWS_SEEDS=120` lives so many lives.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("LAWS_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in seeds() {
        assert!(Life::lived(seed).bytes() == Life::lived(seed).bytes(), "seed {seed}");
    }
}

#[test]
fn time_in_one_leap_or_in_many_steps_comes_to_the_same() {
    for seed in seeds() {
        let (mut leap, mut steps) = (Life::lived(seed), Life::lived(seed));
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
    for seed in seeds() {
        let mut world = Life::lived(seed);
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
    for seed in seeds() {
        let world = Life::lived(seed);
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
    for seed in seeds() {
        let mut world = Life::lived(seed);
        if !world.rests() {
            continue; // A container that keeps ending is never quiet.
        }
        let store = world.cluster.store();
        for (meta, service) in
            store.all::<Service>().filter(|(m, _)| m.namespace == "default" && m.name != "kubernetes")
        {
            let spec = &service.spec;
            if spec.selector.is_empty() || spec.r#type == "ExternalName" {
                continue;
            }
            let selected = |object: &&std::sync::Arc<Object>| {
                spec.selector.iter().all(|(k, v)| object.meta.labels.get(k) == Some(v))
            };
            // A pod that has none of the ports by name is left out.
            let has_port = |pod: &&Pod| {
                let declared = || pod.spec.containers.iter().flat_map(|c| &c.ports);
                spec.ports.iter().any(|port| match &port.target_port {
                    Some(IntOrString::String(name)) => {
                        declared().any(|p| p.name == *name && p.protocol == port.protocol)
                    }
                    _ => true,
                })
            };
            let up = |pod: &&Pod| !pod.status.pod_ip.is_empty() && pod.status.phase == "Running";
            let ready: BTreeSet<&str> = store
                .list(Kind::Pod, Some("default"))
                .filter(selected)
                .filter_map(|object| object.body::<Pod>())
                .filter(up)
                .filter(|pod| spec.publish_not_ready_addresses || pod.status.is_ready())
                .filter(has_port)
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

/// Requests between all places, while things happen.
fn traces(seed: u64) -> (Life, Vec<Trace>) {
    let mut life = Life::born(seed);
    let mut traces = Vec::new();
    for _ in 0..25 {
        life.deed();
        traces.extend((0..12).map(|_| life.request()));
    }
    (life, traces)
}

#[test]
fn the_same_seed_gives_the_same_traces() {
    for seed in seeds() {
        let text =
            |traces: &[Trace]| traces.iter().map(|t| trace::to_json(t, Lang::En).to_string()).collect::<String>();
        assert!(text(&traces(seed).1) == text(&traces(seed).1), "seed {seed}");
    }
}

#[test]
fn every_flow_ends_and_says_how() {
    let mut met = BTreeMap::new();
    for seed in seeds() {
        for trace in traces(seed).1 {
            let outcome = &trace.outcome;
            let told = trace::to_text(&trace, Lang::En);
            *met.entry(outcome.kind).or_insert(0) += 1;
            assert!(trace.hops.len() < 120, "seed {seed}: {told}");
            assert!(trace.duration() < Duration::from_secs(120), "seed {seed}: {told}");
            assert!(trace.hops.windows(2).all(|pair| pair[0].t <= pair[1].t), "seed {seed}: time runs back\n{told}");
            let answered = outcome.kind == OutcomeKind::Answered;
            assert_eq!(outcome.responder.is_some(), answered, "seed {seed}: {told}");
            assert_eq!(outcome.at.is_some() && outcome.because.is_some(), !answered, "seed {seed}: {told}");
            for pair in trace.hops.windows(2).filter(|pair| pair[0].exchange == pair[1].exchange) {
                assert!(!pair[0].reply || pair[1].reply, "seed {seed}: a request after its reply\n{told}");
            }
        }
    }
    use OutcomeKind::{Answered, DnsFailure, Refused, Timeout, Unreachable};
    for kind in [Answered, DnsFailure, Refused, Timeout, Unreachable] {
        assert!(met.get(&kind).is_some_and(|n| *n > 20), "{kind:?} is too rare: {met:?}");
    }
}

/// The value at a path, `spec.ports[0].port` or `metadata.labels[a.b/c]`.
fn value_at<'a>(tree: &'a serde_json::Value, path: &str) -> Option<&'a serde_json::Value> {
    let (mut at, mut rest) = (tree, path);
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        at = match at {
            serde_json::Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            _ => at.get(part)?,
        };
        rest = after.strip_prefix('.').unwrap_or(after);
    }
    Some(at)
}

/// What a hop blames is a field that somebody wrote, that the server filled in, or whose default the API names.
#[test]
fn every_cause_leads_to_a_field_or_a_named_default() {
    let mut kinds = BTreeMap::new();
    for seed in seeds() {
        let mut life = Life::born(seed);
        for _ in 0..25 {
            life.deed();
            for _ in 0..12 {
                let trace = life.request();
                let store = life.cluster.store();
                let causes: BTreeSet<FieldRef> = trace
                    .hops
                    .iter()
                    .filter_map(|hop| hop.because.cause.clone())
                    .chain(trace.outcome.because.iter().filter_map(|because| because.cause.clone()))
                    .collect();
                for cause in causes {
                    let told = || {
                        format!("seed {seed}: {} {}\n{}", cause.object, cause.path, trace::to_text(&trace, Lang::En))
                    };
                    let (source, found) = origin::source(store, &cause);
                    let Some(found) = found else { panic!("{}", told()) };
                    let object = store.get(&source.object).unwrap_or_else(|| panic!("{}", told()));
                    let stands = value_at(&object.to_value(), &source.path).is_some();
                    let named =
                        DEFAULTS.iter().any(|(kind, path)| *kind == source.object.kind && source.path.ends_with(path));
                    assert!(stands || named, "{}\n  source {} {}", told(), source.object, source.path);
                    let found = match found {
                        Origin::Written => "written",
                        Origin::Defaulted => "defaulted",
                        Origin::Allocated => "allocated",
                        Origin::Computed(_) => "computed",
                    };
                    *kinds.entry(found).or_insert(0) += 1;
                }
            }
        }
    }
    for origin in ["written", "defaulted", "allocated"] {
        assert!(kinds.get(origin).is_some_and(|n| *n > 20), "{kinds:?}");
    }
}

/// Fields that may be absent, and whose absence decides as the API's reference says.
const DEFAULTS: [(Kind, &str); 1] = [
    // "If empty or not present, the service is assumed to have an external process managing its endpoints".
    (Kind::Service, "spec.selector"),
];

#[test]
fn a_network_that_follows_is_the_network_made_from_nothing() {
    for seed in seeds() {
        let mut life = Life::born(seed);
        let mut rng = Rng::new(seed).fork("looks");
        for step in 0..25 {
            life.deed();
            // Not each time: several changes are followed at once, too.
            if rng.below(3) > 0 {
                let followed = life.cluster.network();
                let made = net::compile(life.cluster.store(), life.cluster.profile());
                assert!(*followed == made, "seed {seed}, step {step}");
            }
        }
    }
}

#[test]
fn indexed_and_plain_walks_agree() {
    for seed in 0..40 {
        for mode in [ProxyMode::Iptables, ProxyMode::Nftables] {
            let case = rows::build("drawn", &serde_yaml::from_str(&generate::case(seed)).unwrap(), mode);
            let (mut world, now) = (case.world, case.now);
            let network = world.network();
            let mut plain = world.flows.clone();
            for row in &case.rows {
                let Some((origin, proto, to)) = row.packet(&world, &network) else { continue };
                for _ in 0..20 {
                    let packet = network.packet(&mut world.flows, origin, proto, to);
                    assert_eq!(packet, network.packet(&mut plain, origin, proto, to));
                    let indexed = network.judge(&mut world.flows, origin, packet, now, Way::Indexed);
                    let walked = network.judge(&mut plain, origin, packet, now, Way::Plain);
                    assert_eq!(format!("{indexed:?}"), format!("{walked:?}"), "seed {seed}, {mode:?}: {}", row.text);
                }
            }
        }
    }
}
