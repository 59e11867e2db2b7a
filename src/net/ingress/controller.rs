//! Which pods are controllers, and which Ingresses each serves.

use std::sync::Arc;

use super::{Controller, Flavour};
use crate::api::Store;
use crate::object::{Ingress, IngressClass, Kind, Meta, Pod, Ref};

/// The annotation that named a class before `spec.ingressClassName`.
const CLASS: &str = "kubernetes.io/ingress.class";

impl Flavour {
    /// The name of the program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "ingress-nginx",
            Self::Traefik => "Traefik",
        }
    }

    /// The program of an image, if it is an ingress controller that is modelled.
    pub fn of_image(image: &str) -> Option<Self> {
        let image = image.split('@').next().unwrap_or(image);
        let name = image.rsplit('/').next().unwrap_or(image);
        let name = name.split(':').next().unwrap_or(name);
        if name == "traefik" {
            return Some(Self::Traefik);
        }
        let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
        let nginx = repository.ends_with("ingress-nginx/controller") || name == "nginx-ingress-controller";
        nginx.then_some(Self::Nginx)
    }
}

/// The values of `--name=value` among arguments, whatever the case of the name; `true` for a bare `--name`.
struct Arguments<'a>(Vec<(String, &'a str)>);

impl<'a> Arguments<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> &'a str {
        self.get(name).unwrap_or_default()
    }

    fn number(&self, name: &str, default: u16) -> u16 {
        self.text(name).parse().unwrap_or(default)
    }
}

impl Controller {
    /// The controller that a pod is, if it is one.
    pub fn of(meta: &Meta, pod: &Pod) -> Option<Self> {
        let (flavour, container) = pod.spec.containers.iter().find_map(|c| Some((Flavour::of_image(&c.image)?, c)))?;
        let arguments = container.command.iter().chain(&container.args).filter_map(|argument| {
            let argument = argument.strip_prefix("--")?;
            let (name, value) = argument.split_once('=').unwrap_or((argument, "true"));
            Some((name.to_ascii_lowercase(), value))
        });
        let arguments = Arguments(arguments.collect());
        Some(match flavour {
            Flavour::Nginx => Self::nginx(&arguments, &meta.namespace),
            Flavour::Traefik => Self::traefik(&arguments),
        })
    }

    /// `pkg/flags/flags.go` of ingress-nginx.
    fn nginx(arguments: &Arguments<'_>, namespace: &str) -> Self {
        let key = |kind, name: &str| {
            let text = arguments.text(name).replace("$(POD_NAMESPACE)", namespace);
            text.split_once('/').map(|(namespace, name)| Ref::new(kind, namespace, name))
        };
        let or = |name, default: &str| arguments.get(name).unwrap_or(default).into();
        Self {
            flavour: Flavour::Nginx,
            controller: or("controller-class", "k8s.io/ingress-nginx"),
            class: or("ingress-class", "nginx"),
            without_class: arguments.get("watch-ingress-without-class") == Some("true"),
            empty_services: true,
            default_backend: key(Kind::Service, "default-backend-service"),
            config: key(Kind::ConfigMap, "configmap"),
            listens: vec![(arguments.number("http-port", 80), false), (arguments.number("https-port", 443), true)],
        }
    }

    /// `pkg/provider/kubernetes/ingress/kubernetes.go` of Traefik 3, and its entry points; one without arguments listens on 80.
    fn traefik(arguments: &Arguments<'_>) -> Self {
        let provider = |name: &str| arguments.text(&format!("providers.kubernetesingress.{name}"));
        let mut listens = Vec::new();
        for (key, address) in &arguments.0 {
            let name = key.strip_prefix("entrypoints.").and_then(|key| key.strip_suffix(".address"));
            let port = address.split('/').next().unwrap_or_default().rsplit(':').next();
            // Those two are no way in for routers.
            let Some(name) = name.filter(|name| *name != "traefik" && *name != "metrics") else { continue };
            if let Some(port) = port.and_then(|port| port.parse().ok()) {
                listens.push((port, arguments.get(&format!("entrypoints.{name}.http.tls")) == Some("true")));
            }
        }
        if listens.is_empty() {
            listens.push((80, false));
        }
        Self {
            flavour: Flavour::Traefik,
            controller: "traefik.io/ingress-controller".into(),
            class: provider("ingressclass").into(),
            without_class: provider("ingressclass").is_empty(),
            empty_services: provider("allowemptyservices") == "true",
            default_backend: None,
            config: None,
            listens,
        }
    }

    /// Whether it serves an Ingress.
    ///
    /// ingress-nginx: `GetIngressClass` of `store.go`; Traefik: `shouldProcessIngress`. The class that the API server writes
    /// into an Ingress without one is no different from one that was written by hand.
    pub fn owns(&self, store: &Store, meta: &Meta, ingress: &Ingress) -> bool {
        let annotation = meta.annotations.get(CLASS);
        match (&ingress.spec.ingress_class_name, annotation) {
            (Some(name), _) => self.class_is_own(store, name),
            (None, Some(annotation)) => match self.flavour {
                Flavour::Traefik if self.class.is_empty() => annotation.is_empty() || annotation == "traefik",
                _ => **annotation == *self.class,
            },
            (None, None) => self.without_class,
        }
    }

    /// Whether an IngressClass exists and is the controller's.
    pub fn class_is_own(&self, store: &Store, name: &str) -> bool {
        let class = store.read::<IngressClass>(&Ref::new(Kind::IngressClass, "", name));
        class.is_some_and(|(_, class)| class.spec.controller == *self.controller)
            && (self.flavour == Flavour::Nginx || self.class.is_empty() || *self.class == *name)
    }

    /// Whether it speaks TLS on one of its ports; none if it does not listen there.
    pub fn speaks_tls(&self, port: u16) -> Option<bool> {
        self.listens.iter().find(|(own, _)| *own == port).map(|(_, tls)| *tls)
    }

    /// What a cluster's controllers are, each once.
    pub fn all(store: &Store) -> Vec<Arc<Self>> {
        let mut all: Vec<Arc<Self>> = Vec::new();
        for controller in store.all::<Pod>().filter_map(|(meta, pod)| Self::of(meta, pod)) {
            if !all.iter().any(|other| **other == controller) {
                all.push(Arc::new(controller));
            }
        }
        all
    }
}
