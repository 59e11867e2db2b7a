//! Between the world and the nodes: firewalls, load balancers and their health checks, links, `minikube tunnel`.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubehop::inet::Ipv4Addr;
use kubehop::lang::Lang;
use kubehop::object::{Kind, Profile, Ref, Service};
use kubehop::session::{Command, Requests, Session};
use kubehop::shell::Stream;
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace::{By, OutcomeKind, Outside, Place, Reason, Trace};

const PATIENCE: Duration = Duration::from_secs(120);

struct Scene {
    session: Session,
}

impl Scene {
    fn new(profile: &str) -> Self {
        let mut session = Session::new(Profile::named(profile).unwrap(), 11, Lang::En);
        session.settle(PATIENCE);
        Self { session }
    }

    fn apply(&mut self, text: &str) -> &mut Self {
        let reply = self.session.run(Command::Apply(Source::new("a.yaml", text)));
        assert_eq!(reply.output.code, 0, "{}", reply.output.on(Stream::Err));
        self.session.settle(PATIENCE);
        self
    }

    fn run(&mut self, line: &str) -> String {
        let reply = self.session.run(Command::Run { terminal: 0, line: line.into() });
        self.session.settle(PATIENCE);
        reply.output.on(Stream::Out) + &reply.output.on(Stream::Err)
    }

    fn pass(&mut self, seconds: u64) {
        let until = self.session.cluster().now() + Duration::from_secs(seconds);
        self.session.advance(until);
    }

    fn send(&mut self, from: &str, url: &str, count: u32) -> Vec<Arc<Trace>> {
        let requests = Requests { from: from.into(), url: url.into(), count, ..Requests::default() };
        self.session.run(Command::Request(requests)).traces
    }

    fn one(&mut self, from: &str, url: &str) -> Arc<Trace> {
        self.send(from, url, 1).remove(0)
    }

    fn address(&self, name: &str) -> Option<String> {
        let (_, service) = self.session.cluster().store().read::<Service>(&Ref::new(Kind::Service, "default", name))?;
        service.status.load_balancer.ingress.first().map(|ingress| ingress.ip.clone())
    }

    /// The nodes that get traffic for a Service.
    fn healthy(&self, name: &str) -> Vec<String> {
        let health = self.session.cluster().flows().health();
        let opinions = health.of(&Ref::new(Kind::Service, "default", name)).iter();
        opinions.filter(|opinion| opinion.healthy).map(|opinion| opinion.node.to_string()).collect()
    }
}

fn app(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: c, image: \"hello:1.0\"}}]}}\n"
    )
}

fn service(spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  type: LoadBalancer\n  selector: {{app: web}}\n  ports: [{{port: 80, targetPort: 9090, nodePort: 30001}}]\n  {spec}\n"
    )
}

fn lab(spec: &str) -> String {
    format!("apiVersion: kubehop.dev/v1\nkind: Lab\nmetadata: {{name: here}}\nspec: {spec}\n---\n")
}

/// The decision of a failed request.
fn why(trace: &Trace) -> Reason {
    trace.outcome.because.as_ref().map(|because| because.reason.clone()).expect("a failure says why")
}

/// The node that a trace came in by.
fn entry(trace: &Trace) -> String {
    let place = trace.hops.iter().find_map(|hop| match &hop.at {
        Place::Node(name) => Some(name.to_string()),
        _ => None,
    });
    place.expect("it came to a node")
}

#[test]
fn only_nodes_with_a_pod_get_traffic_where_the_policy_is_local() {
    let mut scene = Scene::new("cloud");
    scene.apply(&(app(1) + &service("externalTrafficPolicy: Local")));
    let url = format!("http://{}/api/hello", scene.address("web").unwrap());
    let healthy = scene.healthy("web");
    assert_eq!(healthy.len(), 1, "{healthy:?}");
    let traces = scene.send("internet", &url, 20);
    for trace in &traces {
        assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
        assert_eq!(entry(trace), healthy[0]);
        assert_eq!(trace.outcome.seen_source, Some(Ipv4Addr::new(203, 0, 113, 7)), "the client's address stays");
    }
    // The health check port tells who has a pod, to whoever asks.
    let store = scene.session.cluster().store();
    let (_, service) = store.read::<Service>(&Ref::new(Kind::Service, "default", "web")).unwrap();
    let port = service.spec.health_check_node_port;
    assert!(port >= 30_000);
    for (node, address) in [("node-a1", "10.0.1.11"), ("node-a2", "10.0.1.12"), ("node-b1", "10.0.2.11")] {
        let trace = scene.one("node/node-a1", &format!("http://{address}:{port}/healthz"));
        let count = u16::from(node == healthy[0]);
        assert_eq!(trace.outcome.status, if count == 1 { 200 } else { 503 }, "{node}");
        assert!(trace.outcome.body.contains(&format!("\"localEndpoints\": {count}")), "{}", trace.outcome.body);
    }
    // The pod goes elsewhere, and traffic follows it.
    scene.run(&format!("kubectl cordon {}", healthy[0]));
    let pods = scene.run("kubectl get pods -o name");
    scene.run(&format!("kubectl delete {}", pods.trim()));
    scene.pass(30);
    let moved = scene.healthy("web");
    assert!(moved.len() == 1 && moved != healthy, "{moved:?}");
    assert!(scene.send("internet", &url, 9).iter().all(|trace| trace.outcome.kind == OutcomeKind::Answered));
}

#[test]
fn a_node_that_is_off_gets_traffic_until_three_checks_have_failed() {
    let mut scene = Scene::new("cloud");
    scene.apply(&(app(3) + &service("")));
    let url = format!("http://{}/api/hello", scene.address("web").unwrap());
    let start = scene.session.cluster().now();
    scene.session.run(Command::Fault(kubehop::session::Fault::StopNode("node-b1".into())));
    scene.pass(1);
    assert_eq!(scene.healthy("web").len(), 3, "nobody has noticed yet");
    let lost = |traces: &[Arc<Trace>]| traces.iter().filter(|t| matches!(&t.outcome.at, Some(Place::Cloud(_)))).count();
    let traces = scene.send("internet", &url, 12);
    assert!(lost(&traces) > 0, "some go to the node that is off");
    while scene.session.cluster().now().since(start) < Duration::from_secs(33) {
        scene.pass(1);
    }
    assert_eq!(scene.healthy("web"), ["node-a1", "node-a2"]);
    // The endpoint on that node may still be picked by the others, but the balancer no longer sends there.
    assert_eq!(lost(&scene.send("internet", &url, 30)), 0);
}

#[test]
fn labels_and_classes_and_wishes_decide_who_balances() {
    let mut scene = Scene::new("cloud");
    scene.run("kubectl label node node-a1 node.kubernetes.io/exclude-from-external-load-balancers=");
    scene.apply(&(app(3) + &service("loadBalancerIP: 198.51.100.77")));
    assert_eq!(scene.address("web").as_deref(), Some("198.51.100.77"));
    assert_eq!(scene.healthy("web"), ["node-a2", "node-b1"]);
    for node in ["node-a2", "node-b1"] {
        scene.run(&format!("kubectl label node {node} node.kubernetes.io/exclude-from-external-load-balancers="));
    }
    scene.pass(9);
    let trace = scene.one("internet", "http://198.51.100.77/api/hello");
    assert_eq!(why(&trace), Reason::Outside(Outside::BalancerNodeless("default/web".into())));

    let mut scene = Scene::new("cloud");
    scene.apply(&service("loadBalancerClass: example.com/other"));
    scene.pass(600);
    assert_eq!(scene.address("web"), None, "another controller's");
    let mut scene = Scene::new("cloud");
    scene.apply(&service("loadBalancerIP: 9.9.9.9"));
    scene.pass(60);
    assert_eq!(scene.address("web"), None);
    assert!(scene.run("kubectl get events").contains("SyncLoadBalancerFailed"), "it says why");
    let mut scene = Scene::new("minikube");
    scene.apply(&service(""));
    scene.pass(600);
    assert!(scene.run("kubectl get svc web").contains("<pending>"), "nobody gives addresses");
}

#[test]
fn the_address_goes_with_the_type_and_comes_back_to_the_pool() {
    let mut scene = Scene::new("cloud");
    scene.apply(&(app(1) + &service("")));
    let address = scene.address("web").unwrap();
    scene.apply(&service("").replace("type: LoadBalancer", "type: NodePort"));
    let key = Ref::new(Kind::Service, "default", "web");
    let object = scene.session.cluster().store().get(&key).unwrap();
    assert!(object.meta.finalizers.is_empty() && scene.address("web").is_none());
    assert!(scene.healthy("web").is_empty());
    let trace = scene.one("internet", &format!("http://{address}/api/hello"));
    assert_eq!((trace.outcome.kind, why(&trace)), (OutcomeKind::Timeout, Reason::NoSuchAddress));
    scene.apply(&service("loadBalancerIP: ").replace("loadBalancerIP: ", &format!("loadBalancerIP: {address}")));
    assert_eq!(scene.address("web"), Some(address), "it was free again");
}

#[test]
fn a_balancer_that_connects_itself_hides_the_client() {
    let spec = "{profile: cloud, loadBalancer: {pool: 198.51.100.0/24, ipMode: Proxy}}";
    let mut scene = Scene::new("cloud");
    scene.apply(&(lab(spec) + &app(3) + &service("externalTrafficPolicy: Local")));
    let address = scene.address("web").unwrap();
    let trace = scene.one("internet", &format!("http://{address}/api/hello"));
    assert_eq!(trace.outcome.kind, OutcomeKind::Answered, "{trace:?}");
    assert_eq!(trace.outcome.seen_source.map(|ip| ip.to_string()), Some(address.clone()), "the balancer's address");
    let at: Vec<_> = trace.hops.iter().filter(|hop| hop.by == By::Balancer).map(|hop| hop.reply).collect();
    assert_eq!(at, [false, true], "the answer goes back through it");
    // Nodes do not short-cut it: a pod's packet goes out to it and comes back in.
    let trace = scene.one("node/node-a1", &format!("http://{address}/api/hello"));
    assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
    assert!(trace.hops.iter().any(|hop| hop.by == By::Balancer));
    assert!(!scene.run("minikube ssh -n node-a1 -- sudo iptables-save").contains(&format!("-d {address}/32")));
}

#[test]
fn the_firewall_lets_in_what_its_rules_say() {
    let spec = "{profile: cloud, nodes: [{name: n1, address: 10.0.1.11, publicAddress: 192.0.2.11}], firewall: {inbound: [{ports: \"30001-30002\"}, {ports: 22, from: 203.0.113.20/32}, {ports: 10256}]}}";
    let node_port = "---\napiVersion: v1\nkind: Service\nmetadata: {name: shut}\nspec:\n  type: NodePort\n  selector: {app: web}\n  ports: [{port: 80, targetPort: 9090, nodePort: 30009}]\n";
    let mut scene = Scene::new("minikube");
    scene.apply(&(lab(spec) + &app(1) + &service("") + node_port));
    let dropped = |port, rules| Some(Reason::Outside(Outside::FirewallDrops { port, rules }));
    let rows = [
        ("internet", "http://192.0.2.11:30001/api/hello", OutcomeKind::Answered, None),
        ("laptop", "http://192.0.2.11:30001/api/hello", OutcomeKind::Answered, None),
        ("internet", "http://192.0.2.11:30009/api/hello", OutcomeKind::Timeout, dropped(30_009, 3)),
        ("internet", "tcp://192.0.2.11:22", OutcomeKind::Timeout, dropped(22, 3)),
        ("laptop", "tcp://192.0.2.11:22", OutcomeKind::Refused, Some(Reason::NodeListensNot)),
        ("internet", "http://192.0.2.11:10256/healthz", OutcomeKind::Answered, None),
        ("internet", "http://10.0.1.11:30001/api/hello", OutcomeKind::Timeout, Some(Reason::PrivateFromInternet)),
        ("laptop", "http://10.0.1.11:30001/api/hello", OutcomeKind::Timeout, Some(Reason::PrivateFromInternet)),
        ("node/n1", "http://10.0.1.11:30009/api/hello", OutcomeKind::Answered, None),
    ];
    for (from, url, kind, reason) in rows {
        let url = url.trim_start_matches("tcp://");
        let trace = scene.one(from, url);
        assert_eq!(trace.outcome.kind, kind, "{from} {url}");
        let because = trace.outcome.because.as_ref();
        assert_eq!(because.map(|because| because.reason.clone()), reason, "{from} {url}");
        if let Some(Reason::Outside(_)) = reason {
            let cause = because.and_then(|because| because.cause.as_ref()).expect("a field of the Lab");
            assert_eq!((cause.object.to_string(), &*cause.path), ("Lab/here".into(), "spec.firewall.inbound"));
        }
    }
}

#[test]
fn links_have_a_time_and_lose_packets() {
    let spec = |link: &str| {
        format!(
            "{{profile: multinode, nodes: [{{name: n1, address: 192.168.50.11}}, {{name: n2, address: 192.168.50.12}}], links: [{{between: [n1, n2], {link}}}]}}"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: far}\nspec: {nodeName: n2, containers: [{name: c, image: \"hello:1.0\"}, {name: d, image: registry.k8s.io/e2e-test-images/agnhost:2.40, args: [netexec, --http-port=1000, --udp-port=2000]}]}\n";
    let mut took = Vec::new();
    for link in ["latency: 300us", "latency: 40ms"] {
        let mut scene = Scene::new("minikube");
        scene.apply(&(lab(&spec(link)) + pod));
        let ip = scene.run("kubectl get pod far -o jsonpath='{.status.podIP}'");
        let trace = scene.one("node/n1", &format!("http://{}:9090/api/hello", ip.trim()));
        assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
        took.push(trace.hops.last().unwrap().t);
    }
    assert_eq!(took[1] - took[0], Duration::from_micros(2 * (40_000 - 300)), "there and back");
    let mut scene = Scene::new("minikube");
    scene.apply(&(lab(&spec("loss: 40")) + pod));
    let ip = scene.run("kubectl get pod far -o jsonpath='{.status.podIP}'");
    let traces = scene.send("node/n1", &format!("http://{}:9090/api/hello", ip.trim()), 60);
    assert!(traces.iter().all(|trace| trace.outcome.kind == OutcomeKind::Answered), "TCP sends again");
    let again = traces.iter().filter(|trace| trace.hops.last().unwrap().t >= Duration::from_secs(1)).count();
    assert!((12..40).contains(&again), "{again} of 60 were sent again");
    let times: BTreeSet<_> = traces.iter().map(|trace| trace.hops.last().unwrap().t.as_secs()).collect();
    assert!(times.contains(&0) && times.contains(&1) && times.contains(&3), "1 s, then 2 s more: {times:?}");
}

#[test]
fn a_tunnel_leads_to_every_cluster_ip_until_it_ends() {
    let mut scene = Scene::new("minikube");
    scene.apply(&(app(2) + &service("")));
    let ip = scene.run("kubectl get svc web -o jsonpath='{.spec.clusterIP}'");
    let url = format!("http://{}/api/hello", ip.trim());
    assert_eq!(why(&scene.one("laptop", &url)), Reason::ClusterIpFromOutside);
    let told = scene.run("minikube tunnel");
    assert!(told.contains("route: 10.96.0.0/12 -> 192.168.49.2") && told.contains("services: [web]"), "{told}");
    assert_eq!(scene.address("web").as_deref(), Some(ip.trim()));
    let trace = scene.one("laptop", &url);
    assert_eq!(trace.outcome.kind, OutcomeKind::Answered);
    let routed = |hop: &kubehop::trace::Hop| matches!(hop.because.reason, Reason::Outside(Outside::TunnelRoute(_)));
    assert!(trace.hops.iter().any(routed));
    // A Service that comes later gets its address, too; only the internet still has no way.
    scene.apply(&service("").replace("name: web}", "name: late}").replace("30001", "30002"));
    scene.pass(6);
    assert!(scene.address("late").is_some());
    assert_eq!(scene.one("internet", &url).outcome.kind, OutcomeKind::Timeout);
    scene.run("^C");
    assert_eq!((scene.address("web"), scene.address("late")), (None, None));
    assert_eq!(why(&scene.one("laptop", &url)), Reason::ClusterIpFromOutside);
}
