//! `minikube addons enable|disable|list`: ingress controllers as the objects that minikube installs.
//!
//! Stands for minikube 1.39 `cmd/minikube/cmd/config/{enable,disable,addons_list}.go`, `pkg/addons`, `pkg/minikube/assets/addons.go`
//! and `deploy/addons/ingress/ingress-deploy.yaml.tmpl`, on a terminal with colours. Left out: of `ingress` the accounts and
//! roles, and the two Jobs that make the admission webhook's certificate, with their completed pods; of `traefik`, which minikube
//! installs by its Helm chart, accounts, roles and custom resources. The chart sets `allowEmptyServices`; here Traefik keeps its own
//! default, so that a Service without endpoints is answered as Traefik itself does. The order of the images is
//! minikube's map's, which changes from run to run. The colour of enabled rows is left out.

use super::super::flags::{self, Flag, Style, switch, value};
use super::super::{Io, Shell, kubectl};
use super::told;
use crate::manifest;
use crate::object::{Kind, Pod, Ref};
use crate::shell::Reading;
use crate::text::Source;
use crate::time::Duration;

const FLAGS: &[Flag] = &[
    value("profile", 'p', "NAME"),
    value("output", 'o', "FORMAT"),
    switch("docs", 'd'),
    switch("force", ' '),
    switch("refresh", ' '),
    value("images", ' ', "IMAGES"),
    value("registries", ' ', "REGISTRIES"),
    switch("help", 'h'),
];

/// An addon that the lab has.
struct Addon {
    name: &'static str,
    manifest: &'static str,
    /// The images that minikube tells of.
    images: &'static [&'static str],
    /// Where its pods are, and the label by which minikube finds them.
    pods: (&'static str, (&'static str, &'static str)),
}

const ADDONS: &[Addon] = &[
    Addon {
        name: "ingress",
        manifest: include_str!("addons/ingress.yaml"),
        images: &[
            "registry.k8s.io/ingress-nginx/controller:v1.15.1",
            "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9",
            "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9",
        ],
        pods: ("ingress-nginx", ("app.kubernetes.io/name", "ingress-nginx")),
    },
    Addon {
        name: "traefik",
        manifest: include_str!("addons/traefik.yaml"),
        images: &[],
        pods: ("kube-system", ("app.kubernetes.io/name", "traefik")),
    },
];

/// Every addon of minikube's, with its maintainer, by name.
const KNOWN: &[(&str, &str)] = &[
    ("ambassador", "3rd party (Ambassador)"),
    ("amd-gpu-device-plugin", "3rd party (AMD)"),
    ("auto-pause", "minikube"),
    ("cloud-spanner", "Google"),
    ("csi-hostpath-driver", "Kubernetes"),
    ("dashboard", "Kubernetes"),
    ("default-storageclass", "Kubernetes"),
    ("efk", "3rd party (Elastic)"),
    ("freshpod", "Google"),
    ("gcp-auth", "Google"),
    ("gvisor", "minikube"),
    ("headlamp", "3rd party (kinvolk.io)"),
    ("inaccel", "3rd party (InAccel [info@inaccel.com])"),
    ("ingress", "Kubernetes"),
    ("ingress-dns", "minikube"),
    ("inspektor-gadget", "3rd party (inspektor-gadget.io)"),
    ("istio", "3rd party (Istio)"),
    ("istio-provisioner", "3rd party (Istio)"),
    ("kong", "3rd party (Kong HQ)"),
    ("kubeflow", "3rd party"),
    ("kubetail", "3rd party (kubetail.com)"),
    ("kubevirt", "3rd party (KubeVirt)"),
    ("logviewer", "3rd party (unknown)"),
    ("metallb", "3rd party (MetalLB)"),
    ("metrics-server", "Kubernetes"),
    ("nvidia-device-plugin", "3rd party (NVIDIA)"),
    ("nvidia-driver-installer", "3rd party (NVIDIA)"),
    ("nvidia-gpu-device-plugin", "3rd party (NVIDIA)"),
    ("olm", "3rd party (Operator Framework)"),
    ("pod-security-policy", "3rd party (unknown)"),
    ("portainer", "3rd party (Portainer.io)"),
    ("registry", "minikube"),
    ("registry-aliases", "3rd party (unknown)"),
    ("registry-creds", "3rd party (UPMC Enterprises)"),
    ("storage-provisioner", "minikube"),
    ("storage-provisioner-rancher", "3rd party (Rancher)"),
    ("traefik", "3rd party (Traefik Labs)"),
    ("volcano", "third-party (volcano)"),
    ("volumesnapshots", "Kubernetes"),
    ("yakd", "3rd party (marcnuri.com)"),
];

/// Enabled from the start.
const DEFAULTS: [&str; 2] = ["default-storageclass", "storage-provisioner"];

/// How long minikube waits for an addon's pod, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(360);
const LOOK: Duration = Duration::from_millis(500);

/// `minikube addons VERB`; none if the lab has no such verb.
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> Option<i32> {
    let flags = match flags::read(Style::Pflag, &[FLAGS], args) {
        Ok(flags) => flags,
        Err(problem) => return Some(super::unknown_flag(io, "addons ", &problem)),
    };
    let (verb, names) = flags.words.split_first()?;
    let usage = |io: &mut Io, what: &str| told::exit(io, "MK_USAGE", 14, &format!("usage: minikube addons {what}"));
    Some(match (verb.as_str(), names) {
        ("list", []) => list(shell, io),
        ("list", _) => usage(io, "list"),
        ("enable", [name]) => enable(shell, io, name),
        ("enable", _) => usage(io, "enable ADDON_NAME"),
        ("disable", [name]) => disable(shell, io, name),
        ("disable", _) => usage(io, "disable ADDON_NAME"),
        _ => return None,
    })
}

/// The addons that are enabled, as `minikube start` tells them.
pub(super) fn enabled(shell: &Shell) -> Vec<&'static str> {
    let ours = ADDONS.iter().map(|addon| addon.name).filter(|name| shell.cluster.addons().contains(*name));
    DEFAULTS.into_iter().rev().chain(ours).collect()
}

fn list(shell: &Shell, io: &mut Io) -> i32 {
    let enabled = enabled(shell);
    let row = |(name, maintainer): &(&str, &str)| {
        let status = if enabled.contains(name) { "enabled ✅" } else { "disabled    " };
        [name, "minikube", status, maintainer].map(String::from).to_vec()
    };
    let rows: Vec<Vec<String>> = KNOWN.iter().map(row).collect();
    io.out(told::table(&["ADDON NAME", "PROFILE", "STATUS", "MAINTAINER"], &rows));
    0
}

fn maintainer(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, maintainer)| *maintainer)
}

fn enable(shell: &mut Shell, io: &mut Io, name: &str) -> i32 {
    match maintainer(name) {
        Some(maintainer @ ("Google" | "Kubernetes" | "minikube")) => io.out(format!(
            "💡  {name} is an addon maintained by {maintainer}. For any concerns contact minikube on GitHub.\nYou can view the list of minikube maintainers at: https://github.com/kubernetes/minikube/blob/master/OWNERS\n"
        )),
        Some(maintainer) => {
            io.out(format!("❗  {name} is a 3rd party addon and is not maintained or verified by minikube maintainers, enable at your own risk.\n"));
            if name == "traefik" {
                io.out(format!("💡  {name} is maintained by {maintainer} for any concerns contact traefik on GitHub.\n"));
            }
        }
        None => {
            let message = format!("enable failed: run callbacks: {name} is not a valid addon");
            return told::exit_error(io, "MK_ADDON_ENABLE", 10, &message, "addons");
        }
    }
    let Some(addon) = ADDONS.iter().find(|addon| addon.name == name) else {
        if DEFAULTS.contains(&name) {
            io.out(format!("🌟  The '{name}' addon is enabled\n"));
            return 0;
        }
        shell.say(
            io,
            format!("the lab has the addons ingress and traefik, and no {name}"),
            format!("实验室有插件 ingress 和 traefik，没有 {name}"),
        );
        return 1;
    };
    addon.images.iter().for_each(|image| io.out(format!("    ▪ Using image {image}\n")));
    let source = Source::new("addon.yaml", addon.manifest);
    kubectl::file(shell.cluster, &source, super::super::DEFAULT_NAMESPACE, Reading::UntilUnreadable);
    io.out(format!("🔎  Verifying {name} addon...\n"));
    let end = shell.cluster.now() + PATIENCE;
    while !has_ready_pod(shell, addon) {
        if shell.cluster.now() >= end {
            let (_, (key, label)) = addon.pods;
            let message = format!(
                "enable failed: run callbacks: running callbacks: [waiting for {key}={label} pods: context deadline exceeded]"
            );
            return told::exit_error(io, "MK_ADDON_ENABLE", 10, &message, "addons");
        }
        shell.pass(LOOK);
    }
    shell.cluster.addons_mut().insert(addon.name);
    if name == "traefik" {
        io.out("💡  To open the Traefik dashboard:\n\n\tminikube addons open traefik\n\n    For more information see https://minikube.sigs.k8s.io/docs/handbook/addons/traefik\n\n");
    }
    io.out(format!("🌟  The '{name}' addon is enabled\n"));
    if name == "ingress" {
        shell.say(
            io,
            "ingress-nginx was archived in 2026, v1.15.1 is its last release; the Ingress API is frozen, not removed, and other controllers serve it (minikube addons enable traefik). New features go to its successor, the Gateway API",
            "ingress-nginx 已于 2026 年归档，v1.15.1 是最后一个版本；Ingress API 只是冻结，并未移除，其他控制器仍在支持（minikube addons enable traefik）。新功能由其后继者 Gateway API 提供",
        );
    }
    0
}

fn has_ready_pod(shell: &Shell, addon: &Addon) -> bool {
    let (namespace, (key, label)) = addon.pods;
    let pods = shell.cluster.store().list(Kind::Pod, Some(namespace));
    let ours = pods.filter(|object| object.meta.labels.get(key).is_some_and(|value| value == label));
    let mut pods = ours.filter_map(|object| object.body::<Pod>());
    pods.any(|pod| pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True"))
}

fn disable(shell: &mut Shell, io: &mut Io, name: &str) -> i32 {
    if maintainer(name).is_none() {
        return told::exit(io, "SVC_ADDON_UNSUPPORTED", 116, &format!("\"'{name}' is not a valid minikube addon"));
    }
    let addon = ADDONS.iter().find(|addon| addon.name == name);
    if let Some(addon) = addon.filter(|addon| shell.cluster.addons_mut().remove(addon.name)) {
        // kubectl delete --ignore-not-found, which waits for what it deleted.
        let parsed = manifest::parse(&Source::new("addon.yaml", addon.manifest));
        let keys: Vec<Ref> =
            parsed.manifests.iter().map(|manifest| manifest.key(super::super::DEFAULT_NAMESPACE)).collect();
        for key in keys.iter().rev() {
            // What is not there any more need not be deleted.
            let _ = shell.cluster.delete(key, None);
        }
        let end = shell.cluster.now() + PATIENCE;
        while keys.iter().any(|key| shell.cluster.store().get(key).is_some()) && shell.cluster.now() < end {
            shell.pass(LOOK);
        }
    }
    io.out(format!("🌑  \"The '{name}' addon is disabled\n"));
    0
}
