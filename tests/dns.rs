//! Names: what CoreDNS knows, and what pods hear of it.

mod world;

use kubehop::net::{Lookup, Record, RecordType, Zone};
use kubehop::object::{
    Container, Endpoint, EndpointConditions, EndpointPort, EndpointSlice, Object, Pod, PodSpec, PodStatus, Service,
    ServicePort, ServiceSpec,
};
use kubehop::trace::{Action, OutcomeKind, Reason};
use serde_yaml::Value;
use world::{World, cluster_ip, tutorial};

const CASES: &str = include_str!("truth/dns.yaml");

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A store with the service of a case, its endpoints as its `endpoints` or its `pod` say.
fn zone(setup: &Value) -> Zone {
    let mut world = World::named("minikube");
    let (name, namespace) = (text(setup, "service"), text(setup, "namespace"));
    let list = |value: &Value| value.as_sequence().cloned().unwrap_or_default();
    let ports: Vec<_> = list(&setup["ports"])
        .iter()
        .map(|p| (text(p, "name").to_owned(), p["port"].as_i64().unwrap() as i32, text(p, "protocol").to_owned()))
        .collect();
    let spec = ServiceSpec {
        cluster_ip: text(setup, "clusterIP").into(),
        r#type: text(setup, "type").into(),
        external_name: text(setup, "externalName").into(),
        ports: ports
            .iter()
            .cloned()
            .map(|(name, port, protocol)| ServicePort { name, port, protocol, ..ServicePort::default() })
            .collect(),
        ..ServiceSpec::default()
    };
    world.store.put(Object::new(namespace, name, Service { spec, ..Service::default() }));
    let publish = setup["publishNotReadyAddresses"].as_bool().unwrap_or(false);
    let mut endpoints = list(&setup["endpoints"]);
    endpoints.extend(setup.get("pod").cloned());
    let endpoints = endpoints.iter().map(|e| Endpoint {
        addresses: vec![text(e, "ip").into()],
        hostname: e["hostname"].as_str().map(str::to_owned),
        conditions: EndpointConditions {
            ready: Some(publish || e["ready"].as_bool().unwrap()),
            ..EndpointConditions::default()
        },
        ..Endpoint::default()
    });
    let slice_ports = ports.into_iter().map(|(name, port, protocol)| EndpointPort {
        name,
        port: Some(port),
        protocol,
        app_protocol: None,
    });
    let slice =
        EndpointSlice { address_type: "IPv4".into(), endpoints: endpoints.collect(), ports: slice_ports.collect() };
    let mut slice = Object::new(namespace, format!("{name}-abcde"), slice);
    slice.meta.labels.insert("kubernetes.io/service-name".into(), name.into());
    world.store.put(slice);
    Zone::read(&world.store)
}

#[test]
fn coredns_answers_as_the_specification_says() {
    let truth: Value = serde_yaml::from_str(CASES).unwrap();
    let (mut judged, mut left) = (0, Vec::new());
    for case in truth["cases"].as_sequence().unwrap() {
        let name = text(case, "name");
        if name.contains("AAAA") || name.contains("dnsPolicy") || name.contains("number of SRV records") {
            left.push(name);
            continue;
        }
        let zone = zone(&case["setup"]);
        for query in case["queries"].as_sequence().unwrap() {
            let kind = match text(query, "type") {
                "A" => RecordType::A,
                "CNAME" => RecordType::Cname,
                "SRV" => RecordType::Srv,
                "PTR" => RecordType::Ptr,
                "TXT" => RecordType::Txt,
                other => panic!("{name}: type {other}"),
            };
            let answer = zone.lookup(text(query, "name"), kind);
            let records = match &answer {
                Lookup::Known(records) => records.clone(),
                Lookup::Unknown | Lookup::Outside => Vec::new(),
            };
            let expect = &query["expect"];
            let ips = |value: &Value| -> Vec<Record> {
                value
                    .as_sequence()
                    .into_iter()
                    .flatten()
                    .map(|ip| Record::A(ip.as_str().unwrap().parse().unwrap()))
                    .collect()
            };
            for (key, value) in expect.as_mapping().unwrap() {
                match key.as_str().unwrap() {
                    "no_answer" => assert_eq!(records, [], "{name}"),
                    "a" | "a_any_order" => assert_eq!(records, ips(value), "{name}"),
                    "cname" => assert_eq!(records, [Record::Cname(value.as_str().unwrap().into())], "{name}"),
                    "ptr" => assert_eq!(records, [Record::Ptr(value.as_str().unwrap().into())], "{name}"),
                    "txt" => assert_eq!(records, [Record::Txt(value.as_str().unwrap().into())], "{name}"),
                    "srv_count" => assert_eq!(records.len() as u64, value.as_u64().unwrap(), "{name}"),
                    "target_suffix" => assert!(
                        records.iter().all(
                            |r| matches!(r, Record::Srv { target, .. } if target.ends_with(value.as_str().unwrap()))
                        ),
                        "{name}: {records:?}"
                    ),
                    other => panic!("{name}: expects {other}"),
                }
            }
            judged += 1;
        }
    }
    // Not judged: no IPv6 in the lab; a default of the API server's; a count over names that the case does not give.
    assert_eq!((judged, left.len()), (14, 3), "{left:?}");
}

/// The tutorial's cluster with CoreDNS behind kube-dns.
fn with_dns() -> World {
    let mut world = tutorial("multinode", &[0, 1, 1]);
    world.service("web", cluster_ip("10.96.0.7", 80, 9090));
    let mut object = Object::new(
        "kube-system",
        "coredns-0",
        Pod {
            spec: PodSpec {
                node_name: "minikube".into(),
                containers: vec![Container {
                    image: "registry.k8s.io/coredns/coredns:v1.13.1".into(),
                    ..Container::default()
                }],
                ..PodSpec::default()
            },
            status: PodStatus { phase: "Running".into(), pod_ip: "10.244.0.2".into(), ..PodStatus::default() },
        },
    );
    object.meta.labels.insert("k8s-app".into(), "kube-dns".into());
    world.store.put(object);
    let spec = ServiceSpec {
        cluster_ip: "10.96.0.10".into(),
        selector: [("k8s-app".to_owned(), "kube-dns".to_owned())].into(),
        ports: vec![ServicePort { name: "dns".into(), port: 53, protocol: "UDP".into(), ..ServicePort::default() }],
        ..ServiceSpec::default()
    };
    world.service_in("kube-system", "kube-dns", spec);
    world
}

#[test]
fn a_pod_asks_for_a_name_before_it_connects() {
    let mut world = with_dns();
    let network = world.network();
    let trace = world.get(&network, "pod/default/client", "http://web/api/hello");
    assert_eq!((trace.outcome.kind, trace.outcome.status), (OutcomeKind::Answered, 200), "{:?}", trace.outcome);
    let exchanges: Vec<_> = trace.hops.iter().map(|hop| hop.exchange).collect();
    assert!(exchanges.is_sorted());
    assert_eq!(exchanges.last(), Some(&1));
    let query = &trace.hops[0];
    assert_eq!((query.action, query.packet.dst.to_string().as_str()), (Action::Query, "10.96.0.10:53"));
    assert!(
        matches!(&query.because.reason, Reason::AsksFor { name, .. } if &**name == "web.default.svc.cluster.local")
    );
}

#[test]
fn a_short_name_of_another_namespace_is_not_found() {
    let mut world = with_dns();
    let network = world.network();
    let trace = world.get(&network, "pod/default/client", "http://kube-dns/");
    assert_eq!(trace.outcome.kind, OutcomeKind::DnsFailure);
    let asked = trace.hops.iter().filter(|hop| hop.action == Action::Query).count();
    assert_eq!(asked, 4, "three search domains, then the name itself");
    let trace = world.get(&network, "pod/default/client", "http://kube-dns.kube-system:53/");
    assert_eq!(trace.outcome.at.unwrap().to_string(), "node/minikube", "{:?}", trace.outcome.because);
    for from in ["laptop", "node/minikube"] {
        let trace = world.get(&network, from, "http://web.default.svc.cluster.local/");
        assert_eq!(trace.outcome.kind, OutcomeKind::DnsFailure);
        assert!(matches!(trace.outcome.because.unwrap().reason, Reason::ResolverOutside(_)));
    }
}

#[test]
fn without_coredns_a_name_is_refused_with_the_services_reason() {
    let mut world = tutorial("minikube", &[0]);
    let spec = ServiceSpec {
        cluster_ip: "10.96.0.10".into(),
        selector: [("k8s-app".to_owned(), "kube-dns".to_owned())].into(),
        ports: vec![ServicePort { name: "dns".into(), port: 53, protocol: "UDP".into(), ..ServicePort::default() }],
        ..ServiceSpec::default()
    };
    world.service_in("kube-system", "kube-dns", spec);
    let network = world.network();
    let trace = world.get(&network, "pod/default/client", "http://web/");
    assert_eq!(trace.outcome.kind, OutcomeKind::DnsFailure);
    assert!(matches!(trace.outcome.because.unwrap().reason, Reason::SelectsNothing { .. }));
}
