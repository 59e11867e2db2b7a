//! The lives of pods: probes, restarts, ends, and the controllers that count them.

use kubehop::cluster::Cluster;
use kubehop::manifest;
use kubehop::object::{EndpointSlice, Kind, Object, Pod, Profile, Ref, ReplicaSet};
use kubehop::text::Source;
use kubehop::time::{Duration, Instant};

fn cluster(text: &str) -> Cluster {
    let mut cluster = Cluster::new(&Profile::named("minikube").expect("a built-in profile"), 7);
    apply(&mut cluster, text);
    cluster
}

fn apply(cluster: &mut Cluster, text: &str) {
    for manifest in manifest::parse(&Source::new("f.yaml", text)).manifests {
        cluster.apply(&manifest, "default").expect("the manifest is good");
    }
}

/// A pod `p` of one container, with more fields of the container and of the spec.
fn pod(container: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{app: p}}}}\nspec:\n  containers:\n  - {{name: c, {container}}}\n{spec}"
    )
}

fn deployment(more: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 3\n  selector: {{matchLabels: {{app: web}}}}\n  \
         template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: c, image: '{image}'}}]}}\n{more}"
    )
}

fn seconds(s: u64) -> Instant {
    Instant::from_millis(s * 1000)
}

/// READY, STATUS and RESTARTS of pod `p` at a time, somewhat as kubectl prints them.
fn at(cluster: &mut Cluster, time: u64) -> String {
    cluster.advance(seconds(time));
    let Some((_, pod)) = cluster.store().read::<Pod>(&Ref::new(Kind::Pod, "default", "p")) else {
        return "gone".into();
    };
    let Some(status) = pod.status.container_statuses.first() else { return pod.status.phase.clone() };
    let state = &status.state;
    let reason = state.waiting.as_ref().map(|w| &w.reason).or(state.terminated.as_ref().map(|t| &t.reason));
    let ready = i32::from(status.ready);
    format!("{ready} {} {}", reason.unwrap_or(&pod.status.phase), status.restart_count)
}

#[test]
fn readiness_waits_for_its_delay() {
    let probe =
        "image: 'hello:1.0', readinessProbe: {httpGet: {path: /api/hello, port: 9090}, initialDelaySeconds: 10}";
    let mut cluster = cluster(&pod(probe, ""));
    assert_eq!(at(&mut cluster, 5), "0 Running 0");
    assert_eq!(at(&mut cluster, 13), "1 Running 0");
    assert_eq!(cluster.pending(), None);
}

#[test]
fn a_readiness_probe_at_the_wrong_path_never_succeeds_and_is_quiet() {
    let probe = "image: 'hello:1.0', readinessProbe: {httpGet: {path: /nope, port: 9090}}";
    let mut cluster = cluster(&pod(probe, ""));
    assert_eq!(at(&mut cluster, 100), "0 Running 0");
    assert_eq!(cluster.pending(), None);
}

#[test]
fn a_liveness_probe_at_the_wrong_port_restarts_the_container_ever_more_slowly() {
    let probe = "image: 'hello:1.0', livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 5, failureThreshold: 2}";
    let mut cluster = cluster(&pod(probe, ""));
    assert_eq!(at(&mut cluster, 6), "1 Running 0");
    assert_eq!(at(&mut cluster, 10), "1 Running 1");
    assert_eq!(at(&mut cluster, 17), "0 CrashLoopBackOff 1");
    let restarts = |text: String| text.rsplit(' ').next().and_then(|n| n.parse::<i32>().ok()).expect("a count");
    assert!((4..=6).contains(&restarts(at(&mut cluster, 200))));
}

#[test]
fn a_startup_probe_holds_the_others_back() {
    let probes = "image: 'hello:1.0', startupProbe: {tcpSocket: {port: 9090}, initialDelaySeconds: 20}, \
                  livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1, failureThreshold: 1}";
    let mut cluster = cluster(&pod(probes, ""));
    assert_eq!(at(&mut cluster, 15), "0 Running 0");
    assert!(at(&mut cluster, 26).ends_with(" 1"), "liveness begins once it has started");
}

#[test]
fn a_shell_without_a_command_ends_at_once() {
    let mut cluster = cluster(&pod("image: busybox", ""));
    assert_eq!(at(&mut cluster, 8), "0 CrashLoopBackOff 1");
    let mut never = self::cluster(&pod("image: busybox", "  restartPolicy: Never\n"));
    assert_eq!(at(&mut never, 8), "0 Completed 0");
    let (_, body) = never.store().read::<Pod>(&Ref::new(Kind::Pod, "default", "p")).expect("it is kept");
    assert_eq!(body.status.phase, "Succeeded");
    assert_eq!(never.pending(), None);
}

#[test]
fn a_sleeping_shell_hears_no_sigterm() {
    let mut cluster = cluster(&pod("image: busybox, command: [sleep, infinity]", ""));
    assert_eq!(at(&mut cluster, 5), "1 Running 0");
    cluster.delete(&Ref::new(Kind::Pod, "default", "p"), None).expect("it is there");
    assert_eq!(at(&mut cluster, 30), "1 Running 0");
    assert_eq!(at(&mut cluster, 36), "gone");
}

#[test]
fn a_pod_that_is_ending_still_serves_while_its_hook_sleeps() {
    let hook = "image: 'hello:1.0', lifecycle: {preStop: {exec: {command: [sh, -c, sleep 10]}}}";
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: p}, ports: [{port: 80, targetPort: 9090}]}\n";
    let mut cluster = cluster(&format!("{}{service}", pod(hook, "")));
    assert_eq!(at(&mut cluster, 5), "1 Running 0");
    cluster.delete(&Ref::new(Kind::Pod, "default", "p"), None).expect("it is there");
    cluster.advance(seconds(7));
    let endpoint = |cluster: &Cluster| {
        let slices = cluster.store().all::<EndpointSlice>().filter(|(m, _)| m.name.starts_with("s-"));
        slices.flat_map(|(_, s)| &s.endpoints).map(|e| e.conditions.clone()).next()
    };
    let conditions = endpoint(&cluster).expect("it is listed while it ends");
    assert_eq!((conditions.ready, conditions.serving, conditions.terminating), (Some(false), Some(true), Some(true)));
    assert_eq!(at(&mut cluster, 17), "gone");
    assert_eq!(endpoint(&cluster), None);
}

#[test]
fn a_pod_that_no_node_fits_waits_and_says_why() {
    let mut cluster = cluster(&pod("image: nginx", "  nodeSelector: {disk: ssd}\n"));
    cluster.settle(Duration::from_secs(60));
    let key = Ref::new(Kind::Pod, "default", "p");
    let message = |cluster: &Cluster| {
        let (_, pod) = cluster.store().read::<Pod>(&key).expect("it is there");
        pod.status.condition("PodScheduled").map(|c| c.message.clone()).unwrap_or_default()
    };
    assert!(
        message(&cluster).starts_with("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.")
    );
    let mut node = Object::clone(cluster.store().get(&Ref::new(Kind::Node, "", "minikube")).expect("a node"));
    node.meta.labels.insert("disk".into(), "ssd".into());
    cluster.update(node).expect("a label is well");
    cluster.settle(Duration::from_secs(60));
    assert_eq!(message(&cluster), "");
    let now = cluster.now().as_micros() / 1_000_000 + 1;
    assert_eq!(at(&mut cluster, now), "1 Running 0");
}

#[test]
fn a_namespace_takes_all_it_holds_along() {
    let mut cluster = cluster("apiVersion: v1\nkind: Namespace\nmetadata: {name: blue}\n");
    let text = deployment("", "nginx:1.27").replace("metadata: {name: web}", "metadata: {name: web, namespace: blue}");
    apply(&mut cluster, &text);
    cluster.settle(Duration::from_secs(60));
    assert_eq!(cluster.store().list(Kind::Pod, Some("blue")).count(), 3);
    let blue = Ref::new(Kind::Namespace, "", "blue");
    cluster.delete(&blue, None).expect("it is there");
    let refused = cluster.create(Object::new("blue", "late", Pod::default())).expect_err("it is ending");
    assert!(refused.message.ends_with("because it is being terminated"), "{}", refused.message);
    cluster.settle(Duration::from_secs(60));
    assert!(cluster.store().get(&blue).is_none());
    assert!(Kind::all().all(|kind| cluster.store().list(kind, Some("blue")).count() == 0));
}

#[test]
fn recreate_ends_the_old_before_it_starts_the_new() {
    let mut cluster = cluster(&deployment("  strategy: {type: Recreate}\n", "nginx:1.26"));
    cluster.settle(Duration::from_secs(60));
    apply(&mut cluster, &deployment("  strategy: {type: Recreate}\n", "nginx:1.27"));
    while let Some(next) = cluster.pending() {
        cluster.advance(next);
        let images: std::collections::BTreeSet<&str> = cluster
            .store()
            .all::<Pod>()
            .filter(|(m, _)| m.namespace == "default")
            .map(|(_, p)| p.spec.containers[0].image.as_str())
            .collect();
        assert!(images.len() <= 1, "{images:?}");
    }
    let ready = cluster.store().all::<Pod>().filter(|(m, p)| m.namespace == "default" && p.status.is_ready()).count();
    assert_eq!(ready, 3);
}

#[test]
fn a_pod_that_loses_its_label_is_let_go_and_replaced() {
    let mut cluster = cluster(&deployment("", "nginx:1.27"));
    cluster.settle(Duration::from_secs(60));
    let mut pod = Object::clone(cluster.store().list(Kind::Pod, Some("default")).next().expect("a pod"));
    pod.meta.labels.insert("app".into(), "debug".into());
    let key = pod.key();
    cluster.update(pod).expect("a label is well");
    cluster.settle(Duration::from_secs(60));
    let (meta, pod) = cluster.store().read::<Pod>(&key).expect("it stays");
    assert!(meta.owner_references.is_empty() && pod.status.is_ready());
    assert_eq!(cluster.store().list(Kind::Pod, Some("default")).count(), 4);
}

#[test]
fn a_deployment_takes_its_sets_and_pods_along() {
    let mut cluster = cluster(&deployment("", "nginx:1.27"));
    cluster.settle(Duration::from_secs(60));
    cluster.delete(&Ref::new(Kind::Deployment, "default", "web"), None).expect("it is there");
    cluster.settle(Duration::from_secs(60));
    assert_eq!(cluster.store().all::<ReplicaSet>().filter(|(m, _)| m.namespace == "default").count(), 0);
    assert_eq!(cluster.store().list(Kind::Pod, Some("default")).count(), 0);
}

#[test]
fn any_number_of_replicas_is_borne() {
    let mut cluster = cluster(&deployment("", "nginx:1.27").replace("replicas: 3", "replicas: 2147483647"));
    cluster.advance(Instant::from_millis(650));
    assert_eq!(cluster.store().pod_count(), 10_000);
    apply(&mut cluster, &deployment("", "nginx:1.28").replace("replicas: 3", "replicas: 2147483647"));
    cluster.advance(cluster.now() + Duration::from_millis(100));
}

#[test]
fn any_grace_and_any_sleep_is_borne() {
    let hook = "image: 'hello:1.0', lifecycle: {preStop: {exec: {command: [sleep, '18446744073709551615']}}}";
    let mut cluster = cluster(&pod(hook, "  terminationGracePeriodSeconds: 9223372036854775807\n"));
    assert_eq!(at(&mut cluster, 5), "1 Running 0");
    cluster.delete(&Ref::new(Kind::Pod, "default", "p"), None).expect("it is there");
    assert_eq!(at(&mut cluster, 500), "1 Running 0");
    cluster.kill_pod(&Ref::new(Kind::Pod, "default", "p")).expect("it is there");
    assert_eq!(at(&mut cluster, 501), "gone");
}
