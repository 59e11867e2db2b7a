//! The pods behind a Service: every fact of `tests/truth/endpoints.yaml`, in a store of one Service, one pod and its node.

use kubehop::api::Store;
use kubehop::controller::{Change, Controller, Kubelet, Outcome, reconcile};
use kubehop::object::{EndpointSlice, Endpoints, Kind, Node, Object, Outages, Pod, Ref, Service, Tree, from_tree};
use kubehop::rng::Rng;
use kubehop::time::Instant;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Truth {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    given: Value,
    expect: Value,
}

/// The store that a row describes.
fn store(given: &Value) -> Store {
    let text = |key: &str| given.get(key).and_then(Value::as_str).map(str::to_owned);
    let flag = |key: &str| given.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mut store = Store::default();
    let namespace = text("service_namespace").or(text("namespace")).unwrap_or("default".into());

    let mut node = Object::new("", "n", Node::default());
    if let Some(labels) = given.get("node_labels") {
        node.meta.labels = serde_json::from_value(labels.clone()).expect("labels");
    }
    store.put(node);

    let mut service: Service = from_tree(json!({
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.9",
            "ports": given.get("service_ports").cloned().unwrap_or(json!([{"port": 80, "protocol": "TCP", "targetPort": 80}])),
            "publishNotReadyAddresses": flag("publishNotReadyAddresses"),
        }
    }))
    .expect("a service");
    if given.get("selector") != Some(&Value::Null) {
        service.spec.selector.insert("app".into(), "x".into());
    }
    let mut service = Object::new(&namespace, text("service").unwrap_or("s".into()), service);
    service.meta.uid = "service-uid".into();
    store.put(service);

    let ready = if given.get("pod_ready").is_none() || flag("pod_ready") { "True" } else { "False" };
    let ips: Vec<String> = match given.get("podIPs").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => vec![text("podIP").unwrap_or("10.244.1.5".into())],
    };
    let pod: Pod = from_tree(json!({
        "spec": {
            "nodeName": text("pod_node").unwrap_or("n".into()),
            "hostname": text("pod_hostname").unwrap_or_default(),
            "subdomain": text("pod_subdomain").unwrap_or_default(),
            "containers": [{"name": "c", "image": "i", "ports": given.get("container_ports").cloned().unwrap_or(json!([]))}],
        },
        "status": {
            "phase": text("phase").unwrap_or("Running".into()),
            "podIP": ips[0],
            "podIPs": ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>(),
            "conditions": [{"type": "Ready", "status": ready}],
        }
    }))
    .expect("a pod");
    let mut pod = Object::new(
        &text("pod_namespace").or(text("namespace")).unwrap_or("default".into()),
        text("pod").unwrap_or("p".into()),
        pod,
    );
    pod.meta.labels.insert("app".into(), "x".into());
    if flag("pod_terminating") || flag("terminating") {
        pod.meta.deletion_timestamp = Some(Instant::from_millis(1000));
    }
    store.put(pod);
    store
}

fn run(store: &Store, controller: Controller, service: &Ref) -> Outcome {
    reconcile(
        controller,
        &mut Kubelet::new(&Rng::new(1), [].into()),
        store,
        &Outages::default(),
        service,
        Instant::ZERO,
    )
}

fn slices(store: &Store) -> Vec<EndpointSlice> {
    let service = store.list(Kind::Service, None).next().expect("one service").key();
    let changes = run(store, Controller::EndpointSlice, &service).changes.into_iter();
    changes
        .filter_map(|change| match change {
            Change::Create(object) => object.body::<EndpointSlice>().cloned(),
            _ => None,
        })
        .collect()
}

/// What the controller says of everything that a row asks about.
fn answer(case: &Case) -> Value {
    let case_store = store(&case.given);
    // The hostname counts only where the pod may be listed: a pod of another namespace is looked at through a Service there.
    if let Some(expected) = case.expect.get("hostname")
        && expected.is_null()
        && case.given.get("pod_namespace") != case.given.get("service_namespace")
    {
        let listed = slices(&case_store).iter().map(|s| s.endpoints.len()).sum::<usize>();
        assert_eq!(listed, 0, "a Service does not select pods of another namespace");
        return json!({"hostname": null});
    }
    let slices = slices(&case_store);
    let endpoint = slices.iter().flat_map(|s| &s.endpoints).next();
    let mut answer = json!({
        "in_slice": endpoint.is_some(),
        "pod_is_member": endpoint.is_some(),
        "slices": slices.len(),
        "sync_error": false,
        "hostname": endpoint.and_then(|e| e.hostname.clone()),
        "endpoint_zone": endpoint.and_then(|e| e.zone.clone()),
        "slice_ports": slices.first().map(|s| s.ports.iter().map(Tree::write).collect::<Vec<_>>()),
    });
    if let Some(endpoint) = endpoint {
        answer["ready"] = endpoint.conditions.ready.into();
        answer["serving"] = endpoint.conditions.serving.into();
        answer["terminating"] = endpoint.conditions.terminating.into();
        answer["addresses"] = json!(endpoint.addresses);
        answer["targetRef"] = endpoint.target_ref.write();
    }
    answer
}

#[test]
fn every_fact_holds() {
    let truth: Truth = serde_yaml::from_str(include_str!("truth/endpoints.yaml")).expect("the rows are read");
    assert_eq!(truth.cases.len(), 21);
    for case in &truth.cases {
        let answer = answer(case);
        for (key, expected) in case.expect.as_object().expect("a map") {
            assert_eq!(answer.get(key), Some(expected), "{}: {key} in {answer}", case.name);
        }
    }
}

#[test]
fn a_named_port_is_looked_up_in_each_pod() {
    let mut store = store(&json!({
        "service_ports": [{"name": "web", "port": 80, "protocol": "TCP", "targetPort": "http"}],
        "container_ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
    }));
    let first = store.list(Kind::Pod, None).next().expect("one pod").as_ref().clone();
    for (name, ip, port) in [("q", "10.244.1.6", 9090), ("r", "10.244.1.7", 0)] {
        let mut other = first.clone();
        other.meta.name = name.into();
        if let Some(pod) = other.body_mut::<Pod>() {
            pod.status.pod_ip = ip.into();
            pod.spec.containers[0].ports[0].container_port = port;
            if port == 0 {
                pod.spec.containers[0].ports.clear();
            }
        }
        store.put(other);
    }
    let mut found: Vec<_> = slices(&store)
        .iter()
        .map(|s| (s.ports.first().and_then(|p| p.port), s.endpoints[0].addresses[0].clone()))
        .collect();
    found.sort();
    let expected = [(None, "10.244.1.7"), (Some(8080), "10.244.1.5"), (Some(9090), "10.244.1.6")];
    assert_eq!(found, expected.map(|(port, ip)| (port, ip.to_owned())));
    let service = store.list(Kind::Service, None).next().expect("one service").key();
    let endpoints = run(&store, Controller::Endpoints, &service).changes.into_iter().find_map(|change| match change {
        Change::Create(object) => object.body::<Endpoints>().cloned(),
        _ => None,
    });
    let subsets = endpoints.expect("an Endpoints object").subsets;
    assert_eq!(subsets.len(), 2, "a pod without the port is in no subset");
}

#[test]
fn slices_hold_a_hundred_endpoints() {
    let mut store = store(&json!({}));
    let first = store.list(Kind::Pod, None).next().expect("one pod").as_ref().clone();
    for i in 0..249 {
        let mut other = first.clone();
        other.meta.name = format!("p{i}");
        if let Some(pod) = other.body_mut::<Pod>() {
            pod.status.pod_ip = format!("10.244.2.{i}");
        }
        store.put(other);
    }
    let sizes: Vec<usize> = slices(&store).iter().map(|s| s.endpoints.len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
}
