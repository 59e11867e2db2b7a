//! What is otherwise than before: two states of a cluster as a list of plain changes.
//!
//! Takes two stores; gives what came, went or changed that a reader of the stage would notice, each with its field and its places
//! in the picture. Like changes are one: the pods of a Deployment, the endpoints of a Service, a rule that is the same on every
//! node. Left out is what follows by itself and shows nothing of its own: ReplicaSets, mirrored Endpoints, events, statuses.

mod edge;
mod pods;
mod rules;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::light::Light;
use super::{Marks, Scene, Spot, cast, spots};
use crate::api::Store;
use crate::object::{Deployment, FieldRef, IntOrString, Kind, Object, Ref, Service, StatefulSet};

/// Whether something came, went, or is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is new.
    Came,
    /// It is gone.
    Went,
    /// It is otherwise than before.
    Other,
}

impl Sign {
    /// One character for it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Came => "+",
            Self::Went => "−",
            Self::Other => "≠",
        }
    }
}

/// What happened to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodTurn {
    /// They were made.
    Made,
    /// They became ready.
    Ready,
    /// They are no longer ready.
    Unready,
    /// Their containers were started anew.
    Restarted,
    /// They were told to end.
    Ending,
    /// They are gone.
    Gone,
}

/// What is otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An object is there that was not, or is there no longer.
    Object,
    /// A field of the object says something else: what it said, and what it says.
    Field(String, String),
    /// Something happened to pods of the object, or to the pod itself.
    Pods {
        /// What.
        turn: PodTurn,
        /// Their names.
        names: Vec<String>,
        /// How many of them are ready now.
        ready: usize,
    },
    /// Addresses of pods that came to a Service, or left it.
    Endpoints(Vec<String>),
    /// An address that the kernels did not know before, or know no longer: `10.96.0.9:80` or `:30000`.
    Address(String),
    /// Rules of a Service pick among others than before.
    Picks {
        /// The nodes where it is so; none for all of them.
        nodes: Vec<String>,
        /// Among how many they picked.
        before: usize,
        /// Among how many they pick.
        after: usize,
        /// Whether want of an endpoint on the node is, or was, silence and not a refusal.
        silent: bool,
    },
    /// An address for the outside was given, or taken.
    Outside(String),
    /// A rule of an Ingress: `shop.test/api`, and where it leads.
    Route(String, String),
    /// A node is ready or not, takes pods or does not.
    Node(&'static str),
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whether it came or went.
    pub sign: Sign,
    /// What is otherwise.
    pub what: What,
    /// The object that it is about.
    pub object: Ref,
    /// The field behind it, as near as one is known.
    pub field: FieldRef,
    /// Its places in the picture.
    pub lights: Vec<Light>,
}

impl Change {
    fn new(sign: Sign, what: What, object: Ref, path: impl Into<Arc<str>>) -> Self {
        let field = FieldRef::new(object.clone(), path);
        Self { sign, what, object, field, lights: Vec::new() }
    }

    fn lit(mut self, lights: impl IntoIterator<Item = Light>) -> Self {
        self.lights.extend(lights);
        self
    }
}

/// Kinds that show on the stage, or that people write.
const KINDS: [Kind; 12] = [
    Kind::Namespace,
    Kind::Node,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Pod,
    Kind::Service,
    Kind::EndpointSlice,
    Kind::Ingress,
    Kind::IngressClass,
    Kind::Secret,
    Kind::ConfigMap,
];

/// The objects that are not the same in both stores, with both sides.
struct Pair {
    key: Ref,
    old: Option<Arc<Object>>,
    new: Option<Arc<Object>>,
}

fn pairs(before: &Store, after: &Store) -> Vec<Pair> {
    let mut found = Vec::new();
    for kind in KINDS {
        let (mut olds, mut news) = (before.list(kind, None).peekable(), after.list(kind, None).peekable());
        loop {
            // Both sides are in the same order: whoever is behind has something that the other lacks.
            let key = |object: &Arc<Object>| (object.meta.namespace.clone(), object.meta.name.clone());
            let (old, new) = match (olds.peek(), news.peek()) {
                (None, None) => break,
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {
                    olds.next();
                    news.next();
                    continue;
                }
                (Some(old), Some(new)) => match key(old).cmp(&key(new)) {
                    std::cmp::Ordering::Less => (olds.next(), None),
                    std::cmp::Ordering::Greater => (None, news.next()),
                    std::cmp::Ordering::Equal => (olds.next(), news.next()),
                },
                (Some(_), None) => (olds.next(), None),
                (None, Some(_)) => (None, news.next()),
            };
            let Some(key) = old.or(new).map(|object| object.key()) else { break };
            found.push(Pair { key, old: old.cloned(), new: new.cloned() });
        }
    }
    found
}

/// What is otherwise in `after` than in `before`, causes before their consequences.
pub fn changes(before: &Store, after: &Store) -> Vec<Change> {
    let pairs = pairs(before, after);
    let mut found = Vec::new();
    let mut services = BTreeSet::new();
    for pair in &pairs {
        objects(pair, &mut found);
        match pair.key.kind {
            Kind::Service => drop(services.insert(pair.key.clone())),
            Kind::EndpointSlice => {
                let either = pair.new.as_ref().or(pair.old.as_ref());
                let name = either.and_then(|object| object.meta.labels.get("kubernetes.io/service-name"));
                services.extend(name.map(|name| Ref::new(Kind::Service, pair.key.namespace.clone(), name.as_str())));
            }
            _ => {}
        }
    }
    pods::changes(before, after, &pairs, &mut found);
    for service in &services {
        rules::changes(before, after, service, &mut found);
    }
    for pair in &pairs {
        edge::changes(pair, &mut found);
    }
    found
}

/// Objects that came or went, and fields that people change.
fn objects(pair: &Pair, out: &mut Vec<Change>) {
    let key = &pair.key;
    let made = |object: &Arc<Object>| object.meta.controller().is_some();
    let either = pair.old.as_ref().or(pair.new.as_ref());
    // Pods are told together; slices that a controller keeps show as endpoints.
    if key.kind == Kind::Pod || key.kind == Kind::EndpointSlice || either.is_some_and(made) {
        return;
    }
    let own = match key.kind {
        Kind::Service => Some(Light::Service(key.clone())),
        Kind::Ingress => Some(Light::Sheet(FieldRef::new(key.clone(), "metadata.name"))),
        _ => None,
    };
    let whole = |sign| Change::new(sign, What::Object, key.clone(), "metadata.name").lit(own.clone());
    let (old, new) = match (&pair.old, &pair.new) {
        (None, Some(_)) => return out.push(whole(Sign::Came)),
        (Some(_), None) => return out.push(whole(Sign::Went)),
        (Some(old), Some(new)) => (old, new),
        (None, None) => return,
    };
    let mut field = |path: String, was: String, is: String| {
        if was != is {
            let what = What::Field(was, is);
            out.push(Change::new(Sign::Other, what, key.clone(), path).lit(own.clone()));
        }
    };
    let count = |replicas: Option<i32>| replicas.unwrap_or(1).to_string();
    if let (Some(was), Some(is)) = (old.body::<Deployment>(), new.body::<Deployment>()) {
        field("spec.replicas".into(), count(was.spec.replicas), count(is.spec.replicas));
        let images =
            |d: &Deployment| d.spec.template.spec.containers.iter().map(|c| c.image.clone()).collect::<Vec<_>>();
        for (i, (was, is)) in images(was).into_iter().zip(images(is)).enumerate() {
            field(format!("spec.template.spec.containers[{i}].image"), was, is);
        }
        let labels = |d: &Deployment| words::labels(&d.spec.template.metadata.labels);
        field("spec.template.metadata.labels".into(), labels(was), labels(is));
    }
    if let (Some(was), Some(is)) = (old.body::<StatefulSet>(), new.body::<StatefulSet>()) {
        field("spec.replicas".into(), count(was.spec.replicas), count(is.spec.replicas));
    }
    if let (Some(was), Some(is)) = (old.body::<Service>(), new.body::<Service>()) {
        let (was, is) = (&was.spec, &is.spec);
        for (path, was, is) in [
            ("spec.type", &was.r#type, &is.r#type),
            ("spec.externalTrafficPolicy", &was.external_traffic_policy, &is.external_traffic_policy),
            ("spec.internalTrafficPolicy", &was.internal_traffic_policy, &is.internal_traffic_policy),
            ("spec.sessionAffinity", &was.session_affinity, &is.session_affinity),
            ("spec.externalName", &was.external_name, &is.external_name),
        ] {
            field(path.into(), was.clone(), is.clone());
        }
        field("spec.selector".into(), words::labels(&was.selector), words::labels(&is.selector));
        let target = |port: &crate::object::ServicePort| match &port.target_port {
            Some(IntOrString::Int(number)) => number.to_string(),
            Some(IntOrString::String(name)) => name.clone(),
            None => String::new(),
        };
        for (i, (was, is)) in was.ports.iter().zip(&is.ports).enumerate() {
            field(format!("spec.ports[{i}].targetPort"), target(was), target(is));
        }
    }
}

/// A place of the picture that is otherwise, with the sign of the change.
pub type Marked = (Sign, Spot);

/// The places of changes in a picture, each once: what came is told before what is otherwise.
pub fn marked(scene: &Scene, changes: &[Change]) -> Vec<Marked> {
    let mut found: Vec<Marked> = Vec::new();
    for sign in [Sign::Came, Sign::Went, Sign::Other] {
        for change in changes.iter().filter(|change| change.sign == sign) {
            for spot in spots(scene, &change.lights) {
                if found.iter().all(|(_, other)| *other != spot) {
                    found.push((sign, spot));
                }
            }
        }
    }
    found
}

/// Lines that are in one list alone, in their order: those that went, and those that came.
pub fn lines<'a>(before: &'a [String], after: &'a [String]) -> Vec<(Sign, &'a str)> {
    let (old, new): (BTreeSet<&String>, BTreeSet<&String>) = (before.iter().collect(), after.iter().collect());
    let went = before.iter().filter(|line| !new.contains(line)).map(|line| (Sign::Went, line.as_str()));
    let came = after.iter().filter(|line| !old.contains(line)).map(|line| (Sign::Came, line.as_str()));
    went.chain(came).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::lang::Lang;
    use crate::manifest;
    use crate::object::Profile;
    use crate::shell::{self, Files, Terminal};
    use crate::text::Source;
    use crate::time::Duration;

    const TUTORIAL: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: hello, image: hello:1.0, ports: [{containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 9090, nodePort: 30000}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: edge}
spec:
  ingressClassName: nginx
  rules:
    - http: {paths: [{path: /api, pathType: Prefix, backend: {service: {name: web, port: {number: 9090}}}}]}
";

    fn apply(cluster: &mut Cluster, text: &str) {
        for manifest in manifest::parse(&Source::new("app.yaml", text)).manifests {
            cluster.apply(&manifest, "default").expect("accepted");
        }
        cluster.settle(Duration::from_secs(60));
    }

    fn cluster(profile: &str, text: &str) -> Cluster {
        let mut cluster = Cluster::new(&Profile::named(profile).expect("it is built in"), 7);
        apply(&mut cluster, text);
        cluster
    }

    /// Sign and sentence of each change that a deed makes, without the parts of names that are drawn.
    fn told(cluster: &mut Cluster, deed: impl FnOnce(&mut Cluster)) -> Vec<String> {
        let before = cluster.store().clone();
        deed(cluster);
        cluster.settle(Duration::from_secs(120));
        let changes = changes(&before, cluster.store());
        for change in &changes {
            let (en, zh) = (change.say(Lang::En), change.say(Lang::Zh));
            assert!(!en.chars().any(|c| c as u32 >= 0x4E00) && zh.chars().any(|c| c as u32 >= 0x3000), "{en} {zh}");
        }
        changes.iter().map(|change| format!("{} {}", change.sign.text(), change.say(Lang::En))).collect()
    }

    fn run(cluster: &mut Cluster, line: &str) {
        shell::run(cluster, &mut Terminal::new(Lang::En), &mut Files::new(), line);
    }

    #[test]
    fn a_selector_that_no_longer_matches_takes_endpoints_and_rules() {
        let mut cluster = cluster("multinode", TUTORIAL);
        let told = told(&mut cluster, |cluster| {
            apply(cluster, &TUTORIAL.replacen("selector: {app: web}", "selector: {app: wep}", 1));
        });
        assert_eq!(told.len(), 3, "{told:#?}");
        assert_eq!(told[0], "≠ Service web: spec.selector was app=web, is app=wep.");
        assert!(told[1].starts_with("− Service web lost 3 endpoints: 10.244."), "{told:#?}");
        assert_eq!(
            told[2],
            "≠ On every node, the kernel refuses connections to Service web: there is no endpoint left."
        );
    }

    #[test]
    fn what_comes_of_a_deed_is_told_from_cause_to_consequence() {
        let mut cluster = cluster("multinode", TUTORIAL);
        let scaled = told(&mut cluster, |cluster| run(cluster, "kubectl scale deployment web --replicas=4"));
        assert_eq!(scaled.len(), 4, "{scaled:#?}");
        assert_eq!(scaled[0], "≠ Deployment web: spec.replicas was 3, is 4.");
        assert!(
            scaled[1].starts_with("+ 1 pod of Deployment web (web-") && scaled[1].ends_with("is new, ready."),
            "{scaled:#?}"
        );
        assert!(scaled[2].starts_with("+ Service web has 1 new endpoint: 10.244."), "{scaled:#?}");
        assert_eq!(scaled[3], "≠ On every node, the rules of Service web pick among 4 pods instead of 3.");
        let closed = told(&mut cluster, |cluster| {
            run(
                cluster,
                "kubectl patch service web -p '{\"spec\":{\"type\":\"ClusterIP\",\"ports\":[{\"port\":9090,\"nodePort\":null}]}}'",
            )
        });
        assert!(closed.contains(&"≠ Service web: spec.type was NodePort, is ClusterIP.".to_owned()), "{closed:#?}");
        assert!(closed.contains(&"− Port 30000 is closed on every node.".to_owned()), "{closed:#?}");
        let gone = told(&mut cluster, |cluster| run(cluster, "kubectl delete deployment web"));
        assert!(gone[0].starts_with("− Deployment web is gone."), "{gone:#?}");
        assert!(gone.iter().any(|line| line.starts_with("− 4 pods of Deployment web (")), "{gone:#?}");
        let nothing = told(&mut cluster, |cluster| run(cluster, "kubectl get pod"));
        assert_eq!(nothing, Vec::<String>::new());
    }

    #[test]
    fn local_policy_changes_only_the_nodes_without_a_pod() {
        let one = TUTORIAL.replacen("replicas: 3", "replicas: 1", 1);
        let mut cluster = cluster("multinode", &one);
        let local = one.replacen("type: NodePort", "type: NodePort\n  externalTrafficPolicy: Local", 1);
        let told = told(&mut cluster, |cluster| apply(cluster, &local));
        assert_eq!(told[0], "≠ Service web: spec.externalTrafficPolicy was Cluster, is Local.");
        assert!(told[1].starts_with("≠ On minikube") && told[1].contains("is dropped"), "{told:#?}");
        assert_eq!(told.len(), 2);
        let more = super::tests::told(&mut cluster, |cluster| {
            apply(cluster, &local.replacen("replicas: 1", "replicas: 3", 1))
        });
        let heard = more.iter().any(|line| line.starts_with("≠ On minikube") && line.contains("is no longer dropped"));
        assert!(heard && !more.iter().any(|line| line.contains("refuse")), "{more:#?}");
    }

    #[test]
    fn addresses_and_routes_that_others_give() {
        let mut cloud = cluster("cloud", TUTORIAL);
        let balanced = TUTORIAL.replacen("type: NodePort", "type: LoadBalancer", 1);
        let given = told(&mut cloud, |cluster| apply(cluster, &balanced));
        assert!(given.iter().any(|line| line.starts_with("+ Service web was given EXTERNAL-IP ")), "{given:#?}");
        let mut mini = cluster("minikube", TUTORIAL);
        let read = told(&mut mini, |cluster| run(cluster, "minikube addons enable ingress"));
        assert!(read.contains(&"+ Ingress edge was given ADDRESS 192.168.49.2.".to_owned()), "{read:#?}");
        let moved = told(&mut mini, |cluster| apply(cluster, &TUTORIAL.replacen("path: /api", "path: /app", 1)));
        let expected = [
            "+ Ingress edge has a new rule: */app (Prefix) leads to web:9090.",
            "− Ingress edge has no rule */api (Prefix) any more.",
        ];
        assert_eq!(moved, expected);
    }

    #[test]
    fn lines_are_told_apart_in_their_order() {
        let text = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let (old, new) = (text(&["a", "b", "c"]), text(&["a", "d", "c"]));
        assert_eq!(lines(&old, &new), [(Sign::Went, "b"), (Sign::Came, "d")]);
    }
}
