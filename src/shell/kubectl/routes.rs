//! What kubectl shows of Ingresses and their classes, Secrets and ConfigMaps: columns and descriptions.
//!
//! Stands for `pkg/printers/internalversion/printers.go` and `k8s.io/kubectl` `pkg/describe/describe.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::describe::ready_endpoints;
use super::report::Report;
use super::table::Column;
use super::{Call, describe_sets};
use crate::object::{
    Body, Ingress, IngressBackend, IngressClassSpec, IngressServiceBackend, IngressSpec, Kind, Labels,
    LoadBalancerStatus, Object, Ref, Service, from_base64,
};

/// The columns of a kind.
pub(super) fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Ingress => {
            &[("NAME", false), ("CLASS", false), ("HOSTS", false), ("ADDRESS", false), ("PORTS", false), ("AGE", false)]
        }
        Kind::IngressClass => &[("NAME", false), ("CONTROLLER", false), ("PARAMETERS", false), ("AGE", false)],
        Kind::Secret => &[("NAME", false), ("TYPE", false), ("DATA", false), ("AGE", false)],
        Kind::ConfigMap => &[("NAME", false), ("DATA", false), ("AGE", false)],
        Kind::ValidatingWebhookConfiguration => &[("NAME", false), ("WEBHOOKS", false), ("AGE", false)],
        _ => &[],
    }
}

/// The cells of an object of one of these kinds.
pub(super) fn cells(object: &Object, wide: bool, age: String) -> Vec<String> {
    let name = object.meta.name.clone();
    match &object.body {
        Body::Ingress(Ingress { spec, status }) => {
            let ports = if spec.tls.is_empty() { "80" } else { "80, 443" };
            vec![name, class(spec).into(), hosts(spec), address(&status.load_balancer, wide), ports.into(), age]
        }
        Body::IngressClass(class) => {
            vec![name, class.spec.controller.clone(), parameters(&class.spec), age]
        }
        Body::Secret(secret) => vec![name, secret.r#type.clone(), secret.data.len().to_string(), age],
        Body::ConfigMap(map) => vec![name, (map.data.len() + map.binary_data.len()).to_string(), age],
        Body::ValidatingWebhookConfiguration(all) => vec![name, all.webhooks.len().to_string(), age],
        _ => vec![name, age],
    }
}

fn class(spec: &IngressSpec) -> &str {
    spec.ingress_class_name.as_deref().unwrap_or("<none>")
}

/// `formatHosts`: three at most, and how many rules more if any come after them.
fn hosts(spec: &IngressSpec) -> String {
    let (mut shown, mut more) = (Vec::new(), false);
    for rule in &spec.rules {
        more |= shown.len() == 3;
        if !more && !rule.host.is_empty() {
            shown.push(rule.host.as_str());
        }
    }
    match shown.join(",") {
        none if none.is_empty() => "*".into(),
        hosts if more => format!("{hosts} + {} more...", spec.rules.len() - 3),
        hosts => hosts,
    }
}

/// `ingressLoadBalancerStatusStringer`
fn address(status: &LoadBalancerStatus, wide: bool) -> String {
    let each = status.ingress.iter().map(|i| if i.ip.is_empty() { &i.hostname } else { &i.ip });
    let all: BTreeSet<&str> = each.map(String::as_str).filter(|text| !text.is_empty()).collect();
    let text = all.into_iter().collect::<Vec<_>>().join(",");
    if wide || text.len() <= 16 { text } else { text.chars().take(13).collect::<String>() + "..." }
}

fn parameters(spec: &IngressClassSpec) -> String {
    let Some(parameters) = &spec.parameters else { return "<none>".into() };
    let text = |key: &str| parameters.get(key).and_then(Value::as_str);
    let group = text("apiGroup").map_or(String::new(), |group| format!(".{group}"));
    format!("{}{group}/{}", text("kind").unwrap_or_default(), text("name").unwrap_or_default())
}

/// The description of an object of one of these kinds; none of another.
pub(super) fn describe(call: &Call, object: &Object) -> Option<String> {
    let meta = &object.meta;
    let mut report = Report::default();
    report.line(0, &format!("Name:\t{}", meta.name));
    match &object.body {
        Body::Ingress(ingress) => {
            report.labels("Labels", &meta.labels);
            report.line(0, &format!("Namespace:\t{}", meta.namespace));
            rules(call, object, ingress, &mut report);
            report.annotations("Annotations", &meta.annotations);
        }
        Body::IngressClass(class) => {
            report.labels("Labels", &meta.labels);
            report.annotations("Annotations", &meta.annotations);
            report.line(0, &format!("Controller:\t{}", class.spec.controller));
            if let Some(parameters) = &class.spec.parameters {
                report.line(0, "Parameters:");
                for (title, key) in [("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")] {
                    if let Some(text) = parameters.get(key).and_then(Value::as_str) {
                        report.line(1, &format!("{title}:\t{text}"));
                    }
                }
            }
        }
        Body::Secret(secret) => {
            about(object, &mut report);
            report.line(0, &format!("\nType:\t{}\n\nData\n====", secret.r#type));
            sizes(&secret.data, ":\t", &mut report);
            return Some(report.text());
        }
        Body::ConfigMap(map) => {
            about(object, &mut report);
            report.line(0, "\nData\n====");
            for (key, value) in &map.data {
                report.line(0, &format!("{key}:\n----\n{value}\n"));
            }
            report.line(0, "\nBinaryData\n====");
            sizes(&map.binary_data, ": ", &mut report);
            report.line(0, "");
        }
        _ => return None,
    }
    if call.flags.get("show-events") != Some("false") {
        describe_sets::events(call, object, &mut report);
    }
    Some(report.text())
}

fn about(object: &Object, report: &mut Report) {
    report.line(0, &format!("Namespace:\t{}", object.meta.namespace));
    report.labels("Labels", &object.meta.labels);
    report.annotations("Annotations", &object.meta.annotations);
}

fn sizes(data: &Labels, between: &str, report: &mut Report) {
    for (key, value) in data {
        let bytes = from_base64(value).map_or(0, |bytes| bytes.len());
        report.line(0, &format!("{key}{between}{bytes} bytes"));
    }
}

fn rules(call: &Call, object: &Object, ingress: &Ingress, report: &mut Report) {
    let spec = &ingress.spec;
    report.line(0, &format!("Address:\t{}", address(&ingress.status.load_balancer, true)));
    report.line(0, &format!("Ingress Class:\t{}", class(spec)));
    let default = spec.default_backend.as_ref().map_or("<default>".into(), |to| backend(call, object, to));
    report.line(0, &format!("Default backend:\t{default}"));
    if !spec.tls.is_empty() {
        report.line(0, "TLS:");
    }
    for tls in &spec.tls {
        let hosts = tls.hosts.join(",");
        report.line(
            1,
            &match tls.secret_name.as_str() {
                "" => format!("SNI routes {hosts}"),
                name => format!("{name} terminates {hosts}"),
            },
        );
    }
    report.line(0, "Rules:\n  Host\tPath\tBackends\n  ----\t----\t--------");
    let mut any = false;
    for rule in &spec.rules {
        let Some(http) = &rule.http else { continue };
        any = true;
        report.line(1, &format!("{}\t", if rule.host.is_empty() { "*" } else { &rule.host }));
        for path in &http.paths {
            report.line(2, &format!("\t{} \t{}", path.path, backend(call, object, &path.backend)));
        }
    }
    if !any {
        report.line(1, &format!("*\t*\t{default}"));
    }
}

/// `describeBackendV1`
fn backend(call: &Call, ingress: &Object, backend: &IngressBackend) -> String {
    if let Some(service) = &backend.service {
        return format!("{} ({})", place(service), endpoints(call, ingress, service));
    }
    let Some(resource) = &backend.resource else { return String::new() };
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    format!(
        "APIGroup: {}, Kind: {}, Name: {}",
        text("apiGroup").unwrap_or("<none>"),
        text("kind").unwrap_or_default(),
        text("name").unwrap_or_default()
    )
}

fn place(service: &IngressServiceBackend) -> String {
    match service.port.number {
        0 => format!("{}:{}", service.name, service.port.name),
        number => format!("{}:{number}", service.name),
    }
}

fn endpoints(call: &Call, ingress: &Object, to: &IngressServiceBackend) -> String {
    let key = Ref::new(Kind::Service, ingress.meta.namespace.as_str(), to.name.as_str());
    let Some(object) = call.shell.cluster.store().get(&key) else {
        return format!("<error: services {} not found>", super::go_quote(&to.name));
    };
    let ports = object.body::<Service>().map_or(&[][..], |service| &service.spec.ports);
    // The last one counts.
    let port = ports.iter().rev().find(|port| match to.port.number {
        0 => !to.port.name.is_empty() && port.name == to.port.name,
        number => port.port == number,
    });
    ready_endpoints(call, object, port.map_or("", |port| port.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::IngressRule;

    #[test]
    fn three_hosts_are_shown() {
        for (written, shown) in [
            (&["", "a"][..], "a"),
            (&["a", "b", "c"], "a,b,c"),
            (&["a", "", "b", "c"], "a,b,c"),
            (&["a", "b", "c", ""], "a,b,c + 1 more..."),
            (&[""], "*"),
        ] {
            let rule = |host: &&str| IngressRule { host: (*host).to_owned(), ..IngressRule::default() };
            let spec = IngressSpec { rules: written.iter().map(rule).collect(), ..IngressSpec::default() };
            assert_eq!(hosts(&spec), shown, "{written:?}");
        }
    }
}
