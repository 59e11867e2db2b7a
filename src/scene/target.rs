//! Where requests can be sent: the addresses of the learner's Services, as a client in some place would call them.

use crate::api::Store;
use crate::lang::Lang;
use crate::object::{App, Ingress, Kind, LabelSelector, Node, Pod, Ref, Service, ServicePort};
use crate::trace::Place;

/// An address to send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `http://192.168.49.2:30000/api/hello`
    pub url: String,
    /// Whose it is, and of which kind: `web, node port of minikube`.
    pub what: String,
}

/// The addresses of the Services, those of the Service in focus first, those that a client in that place usually calls first.
pub fn targets(store: &Store, focus: Option<&Ref>, from: &Place, lang: Lang) -> Vec<Target> {
    let mut services = super::services(store);
    crate::sort::by_key(&mut services, |key| focus != Some(key));
    let mut targets: Vec<Target> = services.iter().flat_map(|key| of(store, key, from, lang)).collect();
    if matches!(from, Place::Laptop | Place::Internet) {
        targets.extend(store.all::<Ingress>().flat_map(|(meta, ingress)| by_ingress(&meta.name, ingress)));
    }
    targets
}

/// What an Ingress that has an address serves for any host; other hosts need a header.
fn by_ingress(name: &str, ingress: &Ingress) -> Vec<Target> {
    let rules = ingress.spec.rules.iter().filter(|rule| rule.host.is_empty());
    let paths: Vec<&str> =
        rules.filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths).map(|p| &*p.path).collect();
    let at = ingress.status.load_balancer.ingress.iter().filter(|at| !at.ip.is_empty());
    let each = |ip: &str| {
        let target = |path: &&str| Target { url: format!("http://{ip}{path}"), what: format!("{name}, Ingress") };
        paths.iter().map(target).collect::<Vec<_>>()
    };
    at.flat_map(|at| each(&at.ip)).collect()
}

/// How an address is written in a URL: the port that http has anyway is left out.
fn authority(host: &str, port: i32) -> String {
    if port == 80 { host.to_owned() } else { format!("{host}:{port}") }
}

fn of(store: &Store, key: &Ref, from: &Place, lang: Lang) -> Vec<Target> {
    let Some(service) = store.get(key).and_then(|object| object.body::<Service>()) else { return Vec::new() };
    let spec = &service.spec;
    let path = path(store, key, service);
    let inside = matches!(from, Place::Pod(..));
    let own = || match from {
        Place::Pod(namespace, _) if **namespace == *key.namespace => key.name.to_string(),
        _ => format!("{}.{}", key.name, key.namespace),
    };
    let (mut outer, mut inner) = (Vec::new(), Vec::new());
    let target = |host: &str, port: i32, what: &str| Target {
        url: format!("http://{}{path}", authority(host, port)),
        what: format!("{}, {what}", key.name),
    };
    if spec.r#type == "ExternalName" {
        return if inside { vec![target(&own(), 80, &spec.external_name)] } else { Vec::new() };
    }
    for port in spec.ports.iter().filter(|port| matches!(port.protocol.as_str(), "TCP" | "")) {
        let headless = spec.cluster_ip == "None";
        if inside {
            let at = if headless { number(port) } else { port.port };
            inner.push(target(&own(), at, lang.pick("by its name", "按名字")));
        }
        if !headless && !spec.cluster_ip.is_empty() {
            inner.push(target(&spec.cluster_ip, port.port, "ClusterIP"));
        }
        for ingress in &service.status.load_balancer.ingress {
            let host = if ingress.ip.is_empty() { &ingress.hostname } else { &ingress.ip };
            outer.push(target(host, port.port, "LoadBalancer"));
        }
        outer.extend(spec.external_ips.iter().map(|ip| target(ip, port.port, "externalIP")));
        if port.node_port > 0 {
            for (meta, node) in store.all::<Node>() {
                let outside = matches!(from, Place::Laptop | Place::Internet);
                let public = node.status.address("ExternalIP").filter(|_| outside);
                let address = public.or(node.status.address("InternalIP")).unwrap_or_default();
                outer.push(target(address, port.node_port, &format!("nodePort, {}", meta.name)));
            }
        }
    }
    if matches!(from, Place::Laptop | Place::Internet) {
        outer.append(&mut inner);
        outer
    } else {
        inner.append(&mut outer);
        inner
    }
}

/// The port that a headless Service's pods listen on: nobody translates it.
fn number(port: &ServicePort) -> i32 {
    match port.target_port {
        Some(crate::object::IntOrString::Int(number)) if number > 0 => number,
        _ => port.port,
    }
}

/// A path that the Service's pods answer.
fn path(store: &Store, key: &Ref, service: &Service) -> String {
    let selector = LabelSelector { match_labels: service.spec.selector.clone(), ..LabelSelector::default() };
    let chosen = |object: &&std::sync::Arc<crate::object::Object>| {
        !service.spec.selector.is_empty() && selector.matches(&object.meta.labels)
    };
    let pod = store.list(Kind::Pod, Some(&key.namespace)).find(chosen).and_then(|object| object.body::<Pod>());
    let images = super::cast::programs(store);
    let container = pod.and_then(|pod| pod.spec.containers.first());
    let route = container.and_then(|one| App::of(one, &images).routes.first().map(|route| route.path.clone()));
    route.filter(|path| path.starts_with('/')).unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{HttpIngressPath, HttpIngressRuleValue, IngressRule, LoadBalancerIngress, Object};
    use crate::scene::fixture;

    fn urls(from: &str, change: fn(&mut Service)) -> Vec<String> {
        let mut store = fixture::store(2, 1);
        let key = Ref::new(Kind::Service, "default", "web");
        let mut object = Object::clone(store.get(&key).expect("the Service"));
        change(object.body_mut::<Service>().expect("a Service"));
        store.put(object);
        let from = Place::parse(from).expect("a place");
        targets(&store, None, &from, Lang::En).into_iter().map(|target| target.url).collect()
    }

    #[test]
    fn an_ingress_is_offered_once_it_has_an_address() {
        let path = HttpIngressPath { path: "/api".into(), ..HttpIngressPath::default() };
        let rule = IngressRule { host: String::new(), http: Some(HttpIngressRuleValue { paths: vec![path] }) };
        let named = IngressRule { host: "shop.test".into(), ..rule.clone() };
        let mut ingress = Ingress::default();
        ingress.spec.rules = vec![rule, named];
        assert_eq!(by_ingress("shop", &ingress), []);
        let address = LoadBalancerIngress { ip: "192.168.49.2".into(), ..LoadBalancerIngress::default() };
        ingress.status.load_balancer.ingress.push(address);
        let urls: Vec<_> = by_ingress("shop", &ingress).into_iter().map(|target| target.url).collect();
        assert_eq!(urls, ["http://192.168.49.2/api"]);
    }

    #[test]
    fn each_place_is_offered_what_works_there_first() {
        let node_port = |service: &mut Service| service.spec.ports[0].node_port = 30000;
        let expected = ["http://192.168.49.2:30000/", "http://192.168.49.3:30000/", "http://10.97.183.23:9090/"];
        assert_eq!(urls("laptop", node_port), expected);
        assert_eq!(urls("node/minikube", |_| {}), ["http://10.97.183.23:9090/"]);
        assert_eq!(urls("pod/default/x", |_| {}), ["http://web:9090/", "http://10.97.183.23:9090/"]);
        assert_eq!(urls("pod/other/x", |_| {})[0], "http://web.default:9090/");
        assert_eq!(urls("pod/default/x", |service| service.spec.cluster_ip = "None".into()), ["http://web:9090/"]);
    }
}
