//! What a field of a manifest does in the cluster as it is: one sentence, and what of the picture it is about.
//!
//! Tables of paths, one for each family of kinds: the first row that fits a field speaks for it and for all below it; a row
//! without a path speaks for the whole object. Counts are the cluster's own. Of a field that only the text has so far, and
//! the cluster not, the object's state in the cluster is told.

mod edge;
mod service;
mod workload;

use crate::api::Store;
use crate::cluster::Cluster;
use crate::lang::Lang;
use crate::object::{App, FieldRef, Kind, Labels, Meta, Node, Pod, Ref, Service};

use super::cast::{self, NodeFacts};
use super::light::Light;

/// What a field does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affects {
    /// What it does here, in one sentence or two.
    pub sentence: String,
    /// What of the picture that is about.
    pub lights: Vec<Light>,
    /// The Service whose rules the kernels are to show for it.
    pub focus: Option<Ref>,
}

/// What a field does in a cluster.
pub fn affects(cluster: &Cluster, field: &FieldRef, lang: Lang) -> Affects {
    let key = &field.object;
    let store = cluster.store();
    let mut ask = Ask { cluster, store, key, path: "", at: Vec::new(), lang, found: Affects::default() };
    if store.get(key).is_none() && key.kind != Kind::Lab {
        let name = format!("{} {}", key.kind.name(), key.name);
        ask.found.sentence = lang.pick(
            format!("The cluster has no {name} yet: apply the file."),
            format!("集群里还没有 {name}：请应用这个文件。"),
        );
        return ask.found;
    }
    let path = &*field.path;
    // A pod template's fields are the pods' own.
    let of_pod = match key.kind {
        Kind::Pod => Some(path),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => {
            path.strip_prefix("spec.template").map(|rest| rest.strip_prefix('.').unwrap_or(rest))
        }
        _ => None,
    };
    let whole: Table = match key.kind {
        Kind::Service => service::TABLE,
        Kind::Endpoints | Kind::EndpointSlice => service::ENDPOINTS,
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => workload::TABLE,
        Kind::Ingress => edge::INGRESS,
        Kind::IngressClass => edge::CLASS,
        Kind::Secret => edge::SECRET,
        Kind::Node => edge::NODE,
        Kind::Lab => edge::LAB,
        _ => &[],
    };
    let of_pod = of_pod.map(|path| (workload::TEMPLATE, path));
    for (table, path) in of_pod.into_iter().chain([(whole, path)]) {
        for (pattern, rule) in table {
            let Some(at) = fits(pattern, path) else { continue };
            (ask.at, ask.path) = (at, path);
            if let Some(sentence) = rule(&mut ask) {
                ask.found.sentence = sentence;
                if key.kind == Kind::Ingress {
                    ask.light([Light::Sheet(field.clone())]);
                }
                return finish(ask.found);
            }
            ask.found = Affects::default();
        }
    }
    ask.found.sentence =
        lang.pick("The stage shows nothing of this object.".to_owned(), "舞台上没有这个对象的东西。".to_owned());
    ask.found
}

fn finish(mut found: Affects) -> Affects {
    crate::sort::by(&mut found.lights, Ord::cmp);
    found.lights.dedup();
    found
}

/// A path, and who speaks for it; who has nothing to say leaves it to the next row.
type Table = &'static [(&'static str, fn(&mut Ask<'_>) -> Option<String>)];

/// The indexes that stand for `[*]`, if a pattern is a path or the head of one.
fn fits(pattern: &str, path: &str) -> Option<Vec<usize>> {
    if pattern.is_empty() {
        return Some(Vec::new());
    }
    let (mut rest, mut at) = (path, Vec::new());
    for (i, part) in pattern.split("[*]").enumerate() {
        if i > 0 {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            at.push(index.parse().ok()?);
            rest = after;
        }
        rest = rest.strip_prefix(part)?;
    }
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(at)
}

/// A question: a field of an object in a cluster, and what has been found for an answer.
struct Ask<'a> {
    cluster: &'a Cluster,
    store: &'a Store,
    key: &'a Ref,
    path: &'a str,
    /// The indexes in the path, in their order.
    at: Vec<usize>,
    lang: Lang,
    found: Affects,
}

impl<'a> Ask<'a> {
    /// One of two sentences.
    fn say(&self, en: impl Into<String>, zh: impl Into<String>) -> Option<String> {
        Some(self.lang.pick(en.into(), zh.into()))
    }

    fn light(&mut self, lights: impl IntoIterator<Item = Light>) {
        self.found.lights.extend(lights);
    }

    fn index(&self, n: usize) -> usize {
        self.at.get(n).copied().unwrap_or_default()
    }

    /// Pods, each with its way and its door.
    fn light_pods<'p>(&mut self, pods: impl IntoIterator<Item = &'p Ref>) {
        for pod in pods {
            self.light([Light::Pod(pod.clone()), Light::Wire(pod.clone())]);
        }
    }

    fn nodes(&self) -> Vec<NodeFacts> {
        cast::nodes(self.store, self.cluster.outages())
    }

    fn service(&self, key: &Ref) -> Option<&'a Service> {
        self.store.read::<Service>(key).map(|(_, service)| service)
    }
}

/// A pod, as the sentences need it.
struct Member<'a> {
    key: Ref,
    meta: &'a Meta,
    pod: &'a Pod,
}

impl Member<'_> {
    fn is_ready(&self) -> bool {
        self.pod.status.is_ready() && self.meta.deletion_timestamp.is_none()
    }
}

/// The pods that a workload has made, and whether each is ready.
pub(super) fn made(store: &Store, key: &Ref) -> Vec<(Ref, bool)> {
    let members = workload::members(store, key);
    members.into_iter().map(|member| (member.key.clone(), member.is_ready())).collect()
}

/// The pods of a namespace that have all of these labels; none if no label is asked for.
fn selected<'a>(store: &'a Store, namespace: &str, selector: &'a Labels) -> Vec<Member<'a>> {
    let pods = store.pods_with(namespace, selector);
    pods.filter_map(|object| Some(Member { key: object.key(), meta: &object.meta, pod: object.body()? })).collect()
}

/// The TCP ports that a pod's programs listen on.
fn listens(store: &Store, pod: &Pod) -> Vec<u16> {
    let images = cast::programs(store);
    pod.spec.containers.iter().flat_map(|container| App::of(container, &images).listens).collect()
}

/// `1 pod`, `3 pods`.
fn pods(count: usize, lang: Lang) -> String {
    match count {
        1 => lang.pick("1 pod", "1 个 Pod").to_owned(),
        n => lang.pick(format!("{n} pods"), format!("{n} 个 Pod")),
    }
}

/// `on every node (3)`, or `in the node's kernel` where there is one.
fn everywhere(store: &Store, lang: Lang) -> String {
    match store.all::<Node>().count() {
        1 => lang.pick("in the node's kernel", "在这个节点的内核里").to_owned(),
        n => lang.pick(format!("in the kernels of all {n} nodes"), format!("在全部 {n} 个节点的内核里")),
    }
}

fn pairs(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// Some names, and how many more there are.
pub(super) fn names(all: &[String], lang: Lang) -> String {
    const FEW: usize = 3;
    let shown = all.iter().take(FEW).cloned().collect::<Vec<_>>().join(lang.pick(", ", "、"));
    match all.len().saturating_sub(FEW) {
        0 => shown,
        more => lang.pick(format!("{shown} and {more} more"), format!("{shown} 等 {} 个", more + FEW)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: hello
          image: hello:1.0
          ports: [{name: http, containerPort: 9090}]
          readinessProbe: {httpGet: {path: /api/hello, port: 9090}, periodSeconds: 1}
          livenessProbe: {httpGet: {path: /api/hello, port: 9090}}
---
apiVersion: v1
kind: Service
metadata: {name: inner}
spec:
  selector: {app: web}
  ports: [{name: web, port: 80, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: outer}
spec:
  type: NodePort
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  selector: {app: web}
  ports: [{port: 9090, nodePort: 30000}]
---
apiVersion: v1
kind: Service
metadata: {name: typo}
spec:
  selector: {app: wep}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: deaf}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: lonely, labels: {app: nobody}}
spec: {containers: [{name: c, image: 'nginx:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: edge, annotations: {nginx.ingress.kubernetes.io/ssl-redirect: 'false'}}
spec:
  ingressClassName: nginx
  rules:
    - host: shop.test
      http:
        paths:
          - {path: /api, pathType: Prefix, backend: {service: {name: inner, port: {number: 80}}}}
          - {path: /gone, pathType: Exact, backend: {service: {name: gone, port: {number: 80}}}}
  tls: [{hosts: [shop.test], secretName: none}]
";

    fn cluster() -> Cluster {
        let mut cluster = Cluster::new(&Profile::named("multinode").expect("it is built in"), 7);
        for manifest in manifest::parse(&Source::new("app.yaml", TUTORIAL)).manifests {
            cluster.apply(&manifest, "default").expect("accepted");
        }
        cluster.settle(Duration::from_secs(60));
        cluster
    }

    fn asked(cluster: &Cluster, kind: Kind, name: &str, path: &str) -> Affects {
        let field = FieldRef::new(Ref::new(kind, "default", name), path);
        let zh = affects(cluster, &field, Lang::Zh);
        let en = affects(cluster, &field, Lang::En);
        assert_eq!(zh.lights, en.lights, "{name} {path}");
        assert!(zh.sentence.chars().any(|c| c as u32 >= 0x4E00), "{name} {path}: {}", zh.sentence);
        assert!(!en.sentence.chars().any(|c| c as u32 >= 0x4E00), "{name} {path}: {}", en.sentence);
        en
    }

    /// How many pods, wires, doors, candidates, pills, strips, nodes and Services are lit: `2p 2w`.
    fn counted(lights: &[Light]) -> String {
        let letter = |light: &Light| match light {
            Light::Pod(_) => 'p',
            Light::Wire(_) => 'w',
            Light::Door(_) => 'd',
            Light::Pick(_) => 'k',
            Light::Pill(_) => 'l',
            Light::Kernel(_) => 'n',
            Light::Node(_) => 'r',
            Light::Service(_) => 's',
            Light::Sheet(_) => 'i',
            _ => 'o',
        };
        let letters: Vec<char> = lights.iter().map(letter).collect();
        let count = |c: &char| letters.iter().filter(|other| *other == c).count();
        let kinds = ['p', 'w', 'd', 'k', 'l', 'n', 'r', 's', 'i', 'o'];
        kinds.iter().filter(|c| count(c) > 0).map(|c| format!("{}{c}", count(c))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_field_lights_what_it_does_and_says_it() {
        let cluster = cluster();
        let (service, deployment, ingress) = (Kind::Service, Kind::Deployment, Kind::Ingress);
        for (kind, name, path, lit, said) in [
            (service, "inner", "spec.selector", "2p 2w 2k", "This selector picks 2 pods. kube-proxy writes one rule"),
            (service, "inner", "spec.selector[app]", "2p 2w 2k", "in the kernels of all 3 nodes"),
            (service, "typo", "spec.selector[app]", "", "none has the labels app=wep"),
            (service, "inner", "spec.ports[0].targetPort", "2d 2k", "port http of a pod. In 2 of 2 pods a program"),
            (service, "deaf", "spec.ports[0].targetPort", "2d 2k", "In 2 of 2 pods nobody listens there"),
            (service, "typo", "spec.ports[0].targetPort", "", "no pod is selected"),
            (service, "inner", "spec.ports[0].port", "1l 1s", "a packet carries this port until DNAT"),
            (service, "inner", "spec.ports[0].name", "1l", "DNS has an SRV record _web._tcp.inner"),
            (service, "outer", "spec.ports[0].nodePort", "1l 1n", "minikube"),
            (service, "outer", "spec.externalTrafficPolicy", "1l 1n", "what comes from outside is dropped"),
            (service, "outer", "spec.sessionAffinity", "2k 2l", "remembers a client's address"),
            (service, "outer", "spec.type", "2l 1s", "every node opens the same port"),
            (service, "inner", "spec.type", "1l 1s", "Nothing opens to the outside"),
            (service, "inner", "metadata.name", "1s", "inner.default.svc.cluster.local is answered with 10."),
            (service, "inner", "kind", "1l 1s", "A Service of type ClusterIP: 2 pods behind it, 2 ready"),
            (deployment, "web", "spec.replicas", "2p 2w", "keeps 2 pods: 2 exist now, 2 are ready"),
            (deployment, "web", "spec.selector.matchLabels[app]", "2p 2w", "the Deployment's own: 2 pods"),
            (deployment, "web", "spec.template.metadata.labels[app]", "2p 2w 3s", "Service outer selects the 2 pods"),
            (deployment, "web", "spec.template.spec.containers[0].image", "2d", "hello:1.0 listens on 9090"),
            (deployment, "web", "spec.template.spec.containers[0].ports[0].containerPort", "2d", "opens nothing"),
            (
                deployment,
                "web",
                "spec.template.spec.containers[0].ports[0].name",
                "2d",
                "Service inner says targetPort: http",
            ),
            (deployment, "web", "spec.template.spec.containers[0].readinessProbe", "2p 2w", "2 of 2 pods ready"),
            (deployment, "web", "spec.template.spec.containers[0].livenessProbe", "2p", "Restarts so far: 0"),
            (deployment, "web", "spec.template.spec.volumes", "2p 2w", "A change of it replaces them"),
            (
                Kind::Pod,
                "lonely",
                "metadata.labels[app]",
                "1p 1w",
                "No Service selects pods with these labels. Service",
            ),
            (
                Kind::Pod,
                "lonely",
                "spec.containers[0].ports[0].containerPort",
                "1d",
                "says 8080, but the program listens on 80",
            ),
            (ingress, "edge", "spec.ingressClassName", "1i", "There is no IngressClass nginx"),
            (ingress, "edge", "spec.rules[0].http.paths[0].backend.service.name", "2p 2w 1s 1i", "It is paper"),
            (ingress, "edge", "spec.rules[0].http.paths[1].backend", "1i", "There is no Service gone"),
            (Kind::Service, "moon", "spec.selector", "", "has no Service moon yet"),
        ] {
            let found = asked(&cluster, kind, name, path);
            assert!(found.sentence.contains(said), "{name} {path}: {}", found.sentence);
            assert_eq!(counted(&found.lights), lit, "{name} {path}: {:?}", found.lights);
        }
    }

    #[test]
    fn an_ingress_lights_its_controller_once_one_reads_it() {
        let mut cluster = cluster();
        let mut terminal = Terminal::new(Lang::En);
        shell::run(&mut cluster, &mut terminal, &mut Files::new(), "minikube addons enable ingress");
        cluster.settle(Duration::from_secs(120));
        for (path, lit, said) in [
            ("spec.ingressClassName", "1p 1i", "ingress-nginx reads this Ingress"),
            ("spec.rules[0].host", "3p 2w 1s 1i", "Only requests whose header says Host: shop.test"),
            ("spec.rules[0].http.paths[0].path", "3p 2w 1s 1i", "/api and what is below it (/api/…) fits"),
            (
                "spec.rules[0].http.paths[0].backend.service.port.number",
                "3p 2w 1s 1i",
                "to the 2 pods of Service inner itself",
            ),
            ("spec.rules[0].http.paths[1].pathType", "1p 1i", "Only the path /gone itself fits"),
            ("spec.tls[0].secretName", "1p 1i", "There is no Secret none"),
            ("metadata.annotations[nginx.ingress.kubernetes.io/ssl-redirect]", "1p 1i", "For ingress-nginx alone"),
            ("metadata.name", "1p 2s 1i", "to the pods of inner"),
        ] {
            let found = asked(&cluster, Kind::Ingress, "edge", path);
            assert!(found.sentence.contains(said), "{path}: {}", found.sentence);
            assert_eq!(counted(&found.lights), lit, "{path}: {:?}", found.lights);
        }
        let focus = asked(&cluster, Kind::Ingress, "edge", "spec.rules[0].host").focus;
        assert_eq!(focus, Some(Ref::new(Kind::Service, "default", "inner")));
    }

    #[test]
    fn a_pattern_is_the_head_of_a_path() {
        assert_eq!(fits("spec.ports[*].port", "spec.ports[3].port"), Some(vec![3]));
        assert_eq!(fits("spec.ports[*]", "spec.ports[3].port"), Some(vec![3]));
        assert_eq!(fits("spec.ports[*].port", "spec.ports[3].portal"), None);
        assert_eq!(fits("spec.type", "spec.types"), None);
        assert_eq!(fits("spec.selector", "spec.selector[a.b/c]"), Some(vec![]));
        assert_eq!(fits("", "anything"), Some(vec![]));
    }
}
