//! Names to offer: what the cluster holds, and what stands in the editor's files.

use std::collections::BTreeSet;

use super::place::Place;
use crate::cluster::Cluster;
use crate::lang::Lang;
use crate::manifest::{Manifest, Shape};
use crate::object::{
    DaemonSet, Deployment, IntOrString, Kind, Labels, Object, Pod, PodSpec, ReplicaSet, Service, StatefulSet,
};

/// What there is to refer to.
pub struct World<'a> {
    cluster: &'a Cluster,
    written: Vec<&'a Object>,
}

/// Something to refer to, and a word on it.
pub(super) type Name = (String, String);

/// Labels, as pairs.
type Pairs<'a> = Vec<(&'a str, &'a str)>;

impl<'a> World<'a> {
    /// A cluster, and the manifests in the editor, applied or not.
    pub fn new(cluster: &'a Cluster, written: impl Iterator<Item = &'a Manifest>) -> Self {
        Self { cluster, written: written.map(|manifest| &manifest.object).collect() }
    }

    /// The objects of a kind, those in the editor first.
    fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        let written = self.written.iter().copied().filter(move |object| object.kind() == kind);
        written.chain(self.cluster.store().list(kind, None).map(|object| &**object))
    }

    /// The objects of a kind in a namespace.
    fn of(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Object> {
        let here = move |object: &&Object| match object.meta.namespace.as_str() {
            "" => !kind.is_namespaced() || namespace == "default",
            other => other == namespace,
        };
        self.all(kind).filter(here)
    }

    fn named(&self, kind: Kind, namespace: &str, about: impl Fn(&Object) -> String) -> Vec<Name> {
        self.of(kind, namespace).map(|object| (object.meta.name.clone(), about(object))).collect()
    }

    fn service(&self, name: &str, namespace: &str) -> Option<&Service> {
        self.of(Kind::Service, namespace).find(|object| object.meta.name == name)?.body()
    }

    /// What makes pods in a namespace: labels, the pods' spec, and who.
    fn pods(&self, namespace: &str) -> Vec<(&Labels, &PodSpec, &Object)> {
        const MAKERS: [Kind; 5] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::ReplicaSet, Kind::Pod];
        let all = MAKERS.into_iter().flat_map(|kind| self.of(kind, namespace));
        all.filter(|object| object.meta.controller().is_none()).filter_map(pods_of).collect()
    }
}

fn pods_of(object: &Object) -> Option<(&Labels, &PodSpec, &Object)> {
    let template = match object.kind() {
        Kind::Deployment => &object.body::<Deployment>()?.spec.template,
        Kind::ReplicaSet => &object.body::<ReplicaSet>()?.spec.template,
        Kind::StatefulSet => &object.body::<StatefulSet>()?.spec.template,
        Kind::DaemonSet => &object.body::<DaemonSet>()?.spec.template,
        _ => return Some((&object.meta.labels, &object.body::<Pod>()?.spec, object)),
    };
    Some((&template.metadata.labels, &template.spec, object))
}

/// What a value may refer to, at a caret after `key:`, or at an item of a list.
pub(super) fn values(place: &Place<'_>, world: &World<'_>, lang: Lang) -> Vec<Name> {
    let namespace = namespace(place);
    let key = place.key.map_or("", |(key, _)| key);
    let plain = |kind: Kind| world.named(kind, namespace, |_| kind.name().to_owned());
    let Some(Shape::Struct(owner)) = place.owner else {
        return match place.field {
            // Inside of a map of labels.
            Some(_) if matches!(place.owner, Some(Shape::Map(_))) => pairs(place, world, namespace)
                .into_iter()
                .filter(|(k, _)| *k == key)
                .map(|(_, value)| other(value))
                .collect(),
            Some(("IngressTLS", "hosts")) => {
                hosts(place).into_iter().map(|host| (host.to_owned(), String::new())).collect()
            }
            Some(("LabLink", "between")) => nodes(world).chain([other("laptop"), other("internet")]).collect(),
            _ => Vec::new(),
        };
    };
    match (owner, key) {
        ("ObjectMeta", "namespace") => plain(Kind::Namespace),
        ("IngressServiceBackend", "name") => world.named(Kind::Service, namespace, |service| ports_of(service, lang)),
        ("ServiceBackendPort", "name" | "number") => {
            let service = place.around.iter().skip(1).find_map(|map| value_of(map, "name"));
            let service = service.and_then(|name| world.service(name, namespace));
            let ports = service.map(|service| service.spec.ports.as_slice()).unwrap_or_default();
            let each = ports.iter().map(|port| match key {
                "name" => (port.name.clone(), port.port.to_string()),
                _ => (port.port.to_string(), port.name.clone()),
            });
            each.filter(|(name, _)| !name.is_empty()).collect()
        }
        ("IngressSpec", "ingressClassName") => plain(Kind::IngressClass),
        ("IngressTLS", "secretName")
        | ("SecretVolumeSource", "secretName")
        | ("SecretEnvSource" | "SecretKeySelector", "name") => plain(Kind::Secret),
        ("ConfigMapVolumeSource" | "ConfigMapEnvSource" | "ConfigMapKeySelector", "name") => plain(Kind::ConfigMap),
        ("StatefulSetSpec", "serviceName") => plain(Kind::Service),
        ("PodSpec", "nodeName") => plain(Kind::Node),
        ("ServicePort", "targetPort") => target_ports(place, world, namespace),
        ("HTTPGetAction" | "TCPSocketAction", "port") => {
            let here = world.written.iter().filter_map(|object| pods_of(object));
            let specs: Vec<_> = here.filter(|(.., object)| Some(object.kind()) == place.kind).collect();
            container_ports(specs.into_iter())
        }
        ("Container", "image") => {
            let labs = world.cluster.profile().images.iter().map(|(name, _)| (name.clone(), "Lab".to_owned()));
            labs.chain(super::known::IMAGES.iter().map(|name| other(name))).collect()
        }
        _ => Vec::new(),
    }
}

/// The keys of a map that others have decided: labels and annotations.
pub(super) fn keys(place: &Place<'_>, world: &World<'_>) -> Vec<Name> {
    let namespace = namespace(place);
    match place.field {
        Some(("ObjectMeta", "annotations")) if place.kind == Some(Kind::Ingress) => {
            crate::net::ingress::nginx::annotation_names().map(|name| (name, "ingress-nginx".to_owned())).collect()
        }
        _ => pairs(place, world, namespace).into_iter().map(owned).collect(),
    }
}

/// The labels that may stand in a map, as it is used: what a selector can select, or what is selected already.
fn pairs<'w>(place: &Place<'_>, world: &'w World<'_>, namespace: &str) -> Pairs<'w> {
    let mut found = Vec::new();
    let mut add = |labels: &'w Labels| {
        for (key, value) in labels.iter().map(|(key, value)| (key.as_str(), value.as_str())) {
            if !found.contains(&(key, value)) {
                found.push((key, value));
            }
        }
    };
    match place.field {
        Some(("ServiceSpec", "selector") | ("LabelSelector", "matchLabels")) => {
            world.pods(namespace).into_iter().for_each(|(labels, ..)| add(labels));
        }
        Some(("PodSpec", "nodeSelector")) => world.all(Kind::Node).for_each(|node| add(&node.meta.labels)),
        Some(("ObjectMeta", "labels")) => {
            let services = world.of(Kind::Service, namespace).filter_map(|object| object.body::<Service>());
            services.for_each(|service| add(&service.spec.selector));
            world.pods(namespace).into_iter().for_each(|(labels, ..)| add(labels));
        }
        _ => {}
    }
    found
}

/// The ports of the pods that the Service at the caret selects; of all, if it selects none yet.
fn target_ports(place: &Place<'_>, world: &World<'_>, namespace: &str) -> Vec<Name> {
    let selector = place.lines.iter().position(|line| line.key == Some("selector"));
    let selected: Pairs<'_> = selector.map(|at| pairs_below(place, at)).unwrap_or_default();
    let pods = world.pods(namespace);
    let fits = |labels: &Labels| selected.iter().all(|(key, value)| labels.get(*key).is_some_and(|v| v == value));
    let some = !selected.is_empty() && pods.iter().any(|(labels, ..)| fits(labels));
    container_ports(pods.into_iter().filter(|(labels, ..)| !some || fits(labels)))
}

/// The keys and values under a line of the caret's document; of a map in brackets too.
fn pairs_below<'a>(place: &Place<'a>, at: usize) -> Pairs<'a> {
    let line = &place.lines[at];
    if let Some(inside) = line.value().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let pair = |pair: &'a str| pair.split_once(':').map(|(key, value)| (trim(key), trim(value)));
        return inside.split(',').filter_map(pair).collect();
    }
    let below = place.lines[at + 1..].iter().filter(|line| !line.is_empty());
    below.take_while(|below| below.column > line.column).filter_map(|below| Some((below.key?, below.value()))).collect()
}

fn trim(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

fn container_ports<'w>(pods: impl Iterator<Item = (&'w Labels, &'w PodSpec, &'w Object)>) -> Vec<Name> {
    let mut ports: Vec<Name> = Vec::new();
    for (_, spec, owner) in pods {
        let about = format!("{} {}", owner.kind().name(), owner.meta.name);
        for port in spec.containers.iter().flat_map(|container| &container.ports) {
            ports.push((port.container_port.to_string(), about.clone()));
            if !port.name.is_empty() {
                ports.push((port.name.clone(), format!("{}, {about}", port.container_port)));
            }
        }
    }
    ports
}

/// A Service in a few words: its ports.
fn ports_of(object: &Object, lang: Lang) -> String {
    let ports = object.body::<Service>().map(|service| service.spec.ports.as_slice()).unwrap_or_default();
    let one = |port: &crate::object::ServicePort| match &port.target_port {
        Some(IntOrString::Int(to)) if *to != port.port => format!("{} → {to}", port.port),
        Some(IntOrString::String(to)) => format!("{} → {to}", port.port),
        _ => port.port.to_string(),
    };
    let ports: Vec<_> = ports.iter().map(one).collect();
    lang.pick(format!("port {}", ports.join(", ")), format!("端口 {}", ports.join("、")))
}

/// The hosts of an Ingress's rules.
fn hosts<'a>(place: &Place<'a>) -> Vec<&'a str> {
    let rules = place.lines.iter().filter(|line| line.key == Some("host"));
    rules.map(|line| line.value()).filter(|host| !host.is_empty()).collect()
}

fn nodes(world: &World<'_>) -> impl Iterator<Item = Name> {
    world.all(Kind::Node).map(|node| (node.meta.name.clone(), "Node".to_owned()))
}

/// The namespace of the document.
fn namespace<'a>(place: &Place<'a>) -> &'a str {
    let line = place.lines.iter().find(|line| line.column > 0 && line.key == Some("namespace"));
    line.map(|line| line.value()).filter(|name| !name.is_empty()).unwrap_or("default")
}

fn value_of<'a>(map: &[(&str, &'a str)], key: &str) -> Option<&'a str> {
    map.iter().find(|(k, _)| *k == key).map(|(_, value)| *value)
}

fn owned((key, value): (&str, &str)) -> Name {
    (key.to_owned(), value.to_owned())
}

fn other(name: &str) -> Name {
    (name.to_owned(), String::new())
}

/// Of names that come twice, the first stays.
pub(super) fn once(mut names: Vec<Name>) -> Vec<Name> {
    let mut seen = BTreeSet::new();
    names.retain(|(name, _)| seen.insert(name.clone()));
    names
}
