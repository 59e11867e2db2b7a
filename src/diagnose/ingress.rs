//! Ingresses: who reads them, where their rules lead, with which certificate, and what a controller passes over in silence.

use std::sync::Arc;

use super::desk::{Desk, nearest, value};
use super::{Finding, Fix, Severity};
use crate::net::ingress::{Controller, Flavour, NoteKind, Router};
use crate::net::secret_certificate;
use crate::object::{
    App, FieldRef, Ingress, IngressBackend, IngressClass, IntOrString, Kind, Meta, Pod, Ref, Secret, Service,
    ServicePort,
};

/// The prefix of ingress-nginx' annotations.
const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// Annotations of ingress-nginx that people use, and the lab plays: what a slip was meant to be.
const COMMON: [&str; 24] = [
    "affinity",
    "allowlist-source-range",
    "app-root",
    "backend-protocol",
    "canary",
    "canary-by-cookie",
    "canary-by-header",
    "canary-by-header-value",
    "canary-weight",
    "force-ssl-redirect",
    "permanent-redirect",
    "preserve-trailing-slash",
    "proxy-connect-timeout",
    "proxy-next-upstream",
    "proxy-read-timeout",
    "rewrite-target",
    "server-alias",
    "session-cookie-name",
    "ssl-redirect",
    "temporal-redirect",
    "upstream-vhost",
    "use-regex",
    "whitelist-source-range",
    "x-forwarded-prefix",
];

/// A backend: where it stands, what it is, and the path and path type of its rule if it has one.
type Led<'a> = (String, &'a IngressBackend, Option<(&'a str, &'a str)>);

/// Who reads an Ingress.
struct Reader {
    controller: Arc<Controller>,
    pod: Ref,
    ready: bool,
}

pub(super) fn look(desk: &mut Desk<'_>) {
    let store = desk.store;
    let own: Vec<(Ref, &Meta, &Ingress)> = store
        .all::<Ingress>()
        .map(|(meta, body)| (Ref::new(Kind::Ingress, meta.namespace.as_str(), meta.name.as_str()), meta, body))
        .filter(|(key, ..)| desk.is_own(key))
        .take(200)
        .collect();
    if own.is_empty() {
        return;
    }
    let readers: Vec<Reader> = store
        .all::<Pod>()
        .filter_map(|(meta, pod)| {
            let controller = Arc::new(Controller::of(meta, pod)?);
            let pod_key = Ref::new(Kind::Pod, meta.namespace.as_str(), meta.name.as_str());
            Some(Reader { controller, pod: pod_key, ready: pod.status.is_ready() && meta.deletion_timestamp.is_none() })
        })
        .collect();
    let mut archived = false;
    for (key, meta, ingress) in &own {
        if desk.is_full() {
            return;
        }
        let reader = readers.iter().find(|reader| reader.controller.owns(store, meta, ingress));
        match reader {
            None => unread(desk, key, meta, ingress, &readers),
            Some(reader) if !readers.iter().any(|r| r.ready && r.controller == reader.controller) => {
                unready(desk, key, reader)
            }
            Some(_) => {}
        }
        let flavour = reader.map(|reader| reader.controller.flavour);
        let mut backends: Vec<Led<'_>> = Vec::new();
        for (r, rule) in ingress.spec.rules.iter().enumerate() {
            for (p, path) in rule.http.iter().flat_map(|http| http.paths.iter().enumerate()) {
                let at = format!("spec.rules[{r}].http.paths[{p}]");
                let kind = path.path_type.as_deref().unwrap_or_default();
                backends.push((at, &path.backend, Some((path.path.as_str(), kind))));
            }
        }
        if let Some(default) = &ingress.spec.default_backend {
            backends.push(("spec.defaultBackend".to_owned(), default, None));
        }
        for (at, backend, path) in backends {
            leads(desk, key, meta, &at, backend, path, flavour);
        }
        secrets(desk, key, ingress);
        if flavour == Some(Flavour::Nginx) && !archived {
            archived = true;
            desk.add(
                "nginx-archived",
                FieldRef::new(key.clone(), "spec.ingressClassName"),
                "ingress-nginx, which reads this Ingress, was archived in 2026; v1.15.1 is its last release. The Ingress API is frozen, not removed; Gateway API is its successor.".into(),
                "读取这个 Ingress 的 ingress-nginx 已于 2026 年归档，v1.15.1 是最后一版。Ingress API 已冻结但没有移除，后继者是 Gateway API。".into(),
            );
        }
    }
    let mut controllers: Vec<&Arc<Controller>> = Vec::new();
    for reader in readers.iter().filter(|reader| reader.ready) {
        if !controllers.contains(&&reader.controller) {
            controllers.push(&reader.controller);
            let router = Router::of(store, &reader.controller);
            for note in router.notes.iter().filter(|note| own.iter().any(|(key, ..)| *key == note.field.object)) {
                passed_over(desk, note.kind, &note.field, reader.controller.flavour);
            }
        }
    }
}

/// Nobody reads it: paper.
fn unread(desk: &mut Desk<'_>, key: &Ref, meta: &Meta, ingress: &Ingress, readers: &[Reader]) {
    let name = &key.name;
    let annotated = meta.annotations.get("kubernetes.io/ingress.class");
    let class = ingress.spec.ingress_class_name.as_ref().or(annotated);
    let field = FieldRef::new(key.clone(), "spec.ingressClassName");
    let classes: Vec<(&str, &IngressClass)> =
        desk.store.all::<IngressClass>().map(|(meta, class)| (meta.name.as_str(), class)).collect();
    let served =
        |class: &IngressClass| readers.iter().any(|reader| *reader.controller.controller == *class.spec.controller);
    let usable: Vec<&str> = classes.iter().filter(|(_, class)| served(class)).map(|(name, _)| *name).collect();
    let see =
        "its ADDRESS stays empty, and a request finds nobody (curl: (7) Connection refused) or the controller's 404";
    let see_zh = "它的 ADDRESS 一直为空，请求找不到应答者（curl: (7) Connection refused），或得到控制器的 404";
    let known = usable.join(", ");
    if readers.is_empty() {
        let fix = if desk.asked.cluster.profile().name == "cloud" {
            None
        } else {
            desk.line("minikube addons enable ingress")
        };
        let finding = desk.add(
            "ingress-unread",
            field,
            format!("Ingress {name} is stored, and nobody reads it: no ingress controller runs in this cluster. Its rules stay paper: {see}."),
            format!("Ingress {name} 已保存，但没有谁读取它：集群里没有运行任何 Ingress 控制器。它的规则只是一纸空文：{see_zh}。"),
        );
        finding.fix = fix;
        return;
    }
    let Some(class) = class else {
        let fix = usable.first().and_then(|right| desk.put(&field, &value(right)));
        let finding = desk.add(
            "ingress-classless",
            field,
            format!("Ingress {name} names no class, no IngressClass was the default when it was made, and no controller takes Ingresses without one: {see}. Controllers here serve: {known}."),
            format!("Ingress {name} 没有写类，创建时也没有默认的 IngressClass，而控制器不接收没有类的 Ingress：{see_zh}。这里的控制器服务的类：{known}。"),
        );
        finding.fix = fix;
        return;
    };
    let exists = classes.iter().any(|(name, _)| name == class);
    let right = nearest(class, usable.iter().copied()).or(usable.first().copied()).filter(|right| right != class);
    let fix = right.and_then(|right| desk.put(&field, &value(right)));
    let (why, why_zh) = if exists {
        ("its controller does not run here", "它的控制器没有在这里运行")
    } else {
        ("there is no IngressClass of that name", "没有叫这个名字的 IngressClass")
    };
    let finding = desk.add(
        "ingress-class",
        field,
        format!(
            "Ingress {name} is of class {class}, and {why}: nobody reads it, {see}. Controllers here serve: {known}."
        ),
        format!("Ingress {name} 的类是 {class}，而{why_zh}：没有谁读取它，{see_zh}。这里的控制器服务的类：{known}。"),
    );
    finding.fix = fix;
}

fn unready(desk: &mut Desk<'_>, key: &Ref, reader: &Reader) {
    let born = desk.store.get(&reader.pod).and_then(|pod| pod.meta.creation_timestamp);
    if born.is_none_or(|born| desk.asked.cluster.now().since(born).as_secs() < 20) {
        return;
    }
    let (name, pod, program) = (&key.name, &reader.pod.name, reader.controller.flavour.name());
    let finding = desk.add(
        "ingress-unready",
        FieldRef::new(key.clone(), "spec.ingressClassName"),
        format!("{program}, which should read Ingress {name}, runs in {pod}, and that Pod is not ready: whoever asks is refused (curl: (7) Connection refused)."),
        format!("应读取 Ingress {name} 的 {program} 运行在 {pod} 里，而该 Pod 没有就绪：访问者会被拒绝（curl: (7) Connection refused）。"),
    );
    finding.related.push(FieldRef::new(reader.pod.clone(), ""));
}

/// Where one rule leads.
fn leads(
    desk: &mut Desk<'_>,
    key: &Ref,
    meta: &Meta,
    at: &str,
    backend: &IngressBackend,
    path: Option<(&str, &str)>,
    flavour: Option<Flavour>,
) {
    let Some(wanted) = &backend.service else { return };
    let at = if path.is_some() { format!("{at}.backend") } else { at.to_owned() };
    let field = |path: &str| FieldRef::new(key.clone(), format!("{at}.service.{path}"));
    let (name, service) = (&key.name, wanted.name.as_str());
    let (see, see_zh) = match flavour {
        Some(Flavour::Traefik) => ("Traefik makes no route of it: 404", "Traefik 不会为它建立路由：404"),
        _ => ("503 Service Temporarily Unavailable", "503 Service Temporarily Unavailable"),
    };
    let target = Ref::new(Kind::Service, key.namespace.clone(), service);
    let store = desk.store;
    let Some((_, found)) = store.read::<Service>(&target) else {
        let elsewhere =
            store.all::<Service>().find(|(other, _)| other.name == service).map(|(other, _)| other.namespace.clone());
        if let Some(other) = elsewhere {
            let fix = desk.put(&FieldRef::new(key.clone(), "metadata.namespace"), &value(&other));
            let namespace = &key.namespace;
            let finding = desk.add(
                "backend-elsewhere",
                field("name"),
                format!("An Ingress leads to Services of its own namespace only. Service {service} is in {other}, and Ingress {name} is in {namespace}: {see}. Move the Ingress there; several Ingresses may share one host."),
                format!("Ingress 只能指向自己命名空间里的 Service。Service {service} 在 {other}，而 Ingress {name} 在 {namespace}：{see_zh}。请把 Ingress 移过去；多个 Ingress 可以共用一个主机名。"),
            );
            finding.related.push(FieldRef::new(Ref::new(Kind::Service, other, service), "metadata.namespace"));
            finding.fix = fix;
            return;
        }
        let here: Vec<&str> = store
            .list(Kind::Service, Some(&meta.namespace))
            .map(|service| service.meta.name.as_str())
            .filter(|name| *name != "kubernetes")
            .collect();
        let right = nearest(service, here.iter().copied()).or(match here[..] {
            [only] => Some(only),
            _ => None,
        });
        let fix = right.and_then(|right| desk.put(&field("name"), &value(right)));
        let finding = desk.add(
            "backend-missing",
            field("name"),
            format!(
                "Ingress {name} leads to Service {service}, and there is no such Service in {}: {see}.",
                key.namespace
            ),
            format!("Ingress {name} 指向 Service {service}，而 {} 里没有这个 Service：{see_zh}。", key.namespace),
        );
        finding.fix = fix;
        return;
    };
    if found.spec.r#type == "ExternalName" {
        return;
    }
    let number = &wanted.port;
    let fits = |p: &&ServicePort| match number.name.as_str() {
        "" => p.port == number.number,
        name => p.name == name,
    };
    let Some(port) = found.spec.ports.iter().find(fits) else {
        let (said, at) = match number.name.as_str() {
            "" => (number.number.to_string(), "port.number"),
            name => (name.to_owned(), "port.name"),
        };
        let behind = found.spec.ports.iter().find(|p| p.target_port == Some(IntOrString::Int(number.number)));
        let right = behind.or(found.spec.ports.first());
        let fix = right.and_then(|right| match number.name.as_str() {
            "" => desk.put(&field(at), &right.port.to_string()),
            _ if right.name.is_empty() => None,
            name => {
                let names = found.spec.ports.iter().map(|p| p.name.as_str());
                desk.put(&field(at), &value(nearest(name, names).unwrap_or(&right.name)))
            }
        });
        let known: Vec<String> = found
            .spec
            .ports
            .iter()
            .map(|p| match p.name.as_str() {
                "" => p.port.to_string(),
                name => format!("{} ({name})", p.port),
            })
            .collect();
        let known = known.join(", ");
        let paper = behind.is_some();
        if paper && flavour == Some(Flavour::Nginx) {
            let finding = desk.add(
                "backend-target",
                field(at),
                format!("Ingress {name} asks for port {said} of Service {service}: that is its targetPort. ingress-nginx lets it pass; others answer 503 or 404. An Ingress names the Service's port, here {known}."),
                format!("Ingress {name} 写的是 Service {service} 的 targetPort {said}。ingress-nginx 会放行，其他控制器则应答 503 或 404。Ingress 里应写 Service 的 port，这里是 {known}。"),
            );
            finding.fix = fix;
            return;
        }
        let finding = desk.add(
            "backend-port",
            field(at),
            format!(
                "Ingress {name} asks for port {said} of Service {service}, which has {known}: {see}.{}",
                if paper { " It names the Service's port, not its targetPort." } else { "" }
            ),
            format!(
                "Ingress {name} 要访问 Service {service} 的端口 {said}，而它只有 {known}：{see_zh}。{}",
                if paper { "这里要写 Service 的 port，不是 targetPort。" } else { "" }
            ),
        );
        finding.related.push(FieldRef::new(target, "spec.ports"));
        finding.fix = fix;
        return;
    };
    // What is wrong with the Service is wrong with the Ingress: told once, with what comes of it here.
    let lang = desk.lang;
    let blamed = |f: &&mut Finding| {
        f.severity == Severity::Error && f.field.iter().chain(&f.related).any(|field| field.object == target)
    };
    let mut blamed: Vec<&mut Finding> = desk.found.iter_mut().filter(blamed).collect();
    if let Some(finding) = blamed.first_mut() {
        let status = match (finding.id, flavour) {
            ("target-port", _) => "502 Bad Gateway",
            (_, Some(Flavour::Traefik)) => "503 / 404",
            _ => "503 Service Temporarily Unavailable",
        };
        if !finding.related.iter().any(|field| field.object == *key) {
            finding.text.push_str(&lang.pick(
                format!(" Ingress {name} leads here: it answers {status}."),
                format!("Ingress {name} 指向这里：它会应答 {status}。"),
            ));
        }
        finding.related.push(FieldRef::new(key.clone(), format!("{at}.service.name")));
        return;
    }
    if let Some((path, kind)) = path {
        unserved(desk, key, meta, &at, (path, kind), found, port, flavour);
    }
}

/// Whether a program answers anything below a path.
fn serves(app: &App, path: &str, kind: &str) -> bool {
    app.routes.iter().filter(|route| (200..400).contains(&route.status)).any(|route| {
        let deeper = path.trim_end_matches('/');
        let below = route.path.strip_prefix(deeper).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match kind {
            "Exact" => route.path == path || (route.prefix && path.starts_with(&route.path)),
            _ => below || (route.prefix && path.starts_with(&route.path)),
        }
    })
}

/// The path goes to the program as it is, and the program does not know it.
#[expect(clippy::too_many_arguments, reason = "one rule, taken apart")]
fn unserved(
    desk: &mut Desk<'_>,
    key: &Ref,
    meta: &Meta,
    at: &str,
    (path, kind): (&str, &str),
    service: &Service,
    port: &ServicePort,
    flavour: Option<Flavour>,
) {
    let has = |name: &str| meta.annotations.contains_key(&format!("{PREFIX}{name}"));
    if has("rewrite-target") || has("use-regex") || has("app-root") || path.is_empty() {
        return;
    }
    let pod = desk.store.pods_with(&key.namespace, &service.spec.selector).next().cloned();
    let Some(maker) = pod.and_then(|pod| desk.maker(&pod)) else { return };
    let spec = desk.workloads[maker].spec;
    let number = match &port.target_port {
        Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
        Some(IntOrString::String(name)) => {
            let named = spec.containers.iter().flat_map(|c| &c.ports).find(|p| p.name == *name);
            named.and_then(|p| u16::try_from(p.container_port).ok())
        }
        None => u16::try_from(port.port).ok(),
    };
    let programs = desk.programs(spec);
    let Some(app) = programs.iter().find(|app| number.is_some_and(|n| app.listens.contains(&n))) else { return };
    if app.routes.is_empty() || serves(app, path, kind) {
        return;
    }
    let known: Vec<&str> = app.routes.iter().map(|route| route.path.as_str()).collect();
    let (known, who, name) = (known.join(", "), desk.workloads[maker].name(), &key.name);
    let rule = at.trim_end_matches(".backend");
    let field = FieldRef::new(key.clone(), format!("{rule}.path"));
    let bare = path.trim_end_matches('/');
    let program = desk.workloads[maker].field("spec.containers");
    let fix = desk.pen(key).filter(|_| flavour == Some(Flavour::Nginx) && !bare.is_empty()).and_then(|pen| {
        let edits = vec![
            pen.put(&format!("metadata.annotations[{PREFIX}rewrite-target]"), "/$2"),
            pen.put(&format!("{rule}.path"), &format!("{bare}(/|$)(.*)")),
            pen.put(&format!("{rule}.pathType"), "ImplementationSpecific"),
        ];
        desk.edits(format!("Take {bare} off the path"), format!("去掉路径里的 {bare}"), edits)
    });
    let finding = desk.add(
        "path-unserved",
        field,
        format!("Ingress {name} sends {path} on as it is, and the program of {who} answers {known} only: it says 404 Not Found. A controller does not take the rule's path off unless an annotation rewrites it."),
        format!("Ingress {name} 把 {path} 原样转发，而 {who} 的程序只应答 {known}：它会说 404 Not Found。除非用注解重写，控制器不会去掉规则里的路径。"),
    );
    finding.related.push(program);
    finding.fix = fix;
}

/// Lines that make a certificate for a host and its Secret, where nothing in the files would do.
fn new_secret(desk: &Desk<'_>, namespace: &str, secret: &str, host: &str) -> Option<Fix> {
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return None;
    }
    let fix = desk.line(format!(
        "openssl req -x509 -nodes -newkey rsa:2048 -keyout tls.key -out tls.crt -subj \"/CN={host}\" -addext \"subjectAltName=DNS:{host}\" && \
         kubectl create secret tls {secret} -n {namespace} --key tls.key --cert tls.crt"
    ))?;
    let label = desk.lang.pick(
        format!("Make a certificate for {host}, signed by itself, and keep it in Secret {secret}"),
        format!("为 {host} 生成自签名证书，存入 Secret {secret}"),
    );
    Some(Fix { label, ..fix })
}

/// `spec.tls`: Secrets that are not there, and hosts without a certificate.
fn secrets(desk: &mut Desk<'_>, key: &Ref, ingress: &Ingress) {
    let store = desk.store;
    let name = &key.name;
    let (see, see_zh) = (
        "the controller shows its own, which nobody vouches for (Kubernetes Ingress Controller Fake Certificate; curl: (60) SSL certificate problem)",
        "控制器会出示自己的、无人担保的证书（Kubernetes Ingress Controller Fake Certificate；curl: (60) SSL certificate problem）",
    );
    let is_tls = |secret: &Secret| secret.r#type == "kubernetes.io/tls";
    for (i, tls) in ingress.spec.tls.iter().enumerate().filter(|(_, tls)| !tls.secret_name.is_empty()) {
        let wanted = &tls.secret_name;
        let field = FieldRef::new(key.clone(), format!("spec.tls[{i}].secretName"));
        let Some((_, secret)) = store.read::<Secret>(&Ref::new(Kind::Secret, key.namespace.clone(), wanted.as_str()))
        else {
            let elsewhere = store
                .all::<Secret>()
                .find(|(other, _)| other.name == *wanted)
                .map(|(other, _)| other.namespace.clone());
            let here: Vec<&str> = store
                .list(Kind::Secret, Some(&key.namespace))
                .filter(|secret| secret.body::<Secret>().is_some_and(is_tls))
                .map(|secret| secret.meta.name.as_str())
                .collect();
            let right = nearest(wanted, here.iter().copied()).or(match here[..] {
                [only] => Some(only),
                _ => None,
            });
            let source = elsewhere.as_ref().map(|other| Ref::new(Kind::Secret, other.as_str(), wanted.as_str()));
            let fix = match (&source, right) {
                (Some(secret), _) => {
                    desk.put(&FieldRef::new(secret.clone(), "metadata.namespace"), &value(&key.namespace))
                }
                (None, Some(right)) => desk.put(&field, &value(right)),
                (None, None) => None,
            };
            let fix = fix.or_else(|| new_secret(desk, &key.namespace, wanted, tls.hosts.first()?));
            let (more, more_zh) = match &elsewhere {
                Some(other) => (
                    format!(" There is one in {other}, but an Ingress reads Secrets of its own namespace only."),
                    format!("{other} 里有一个同名的，但 Ingress 只能读取自己命名空间里的 Secret。"),
                ),
                None => (String::new(), String::new()),
            };
            let finding = desk.add(
                "tls-secret",
                field,
                format!("Ingress {name} takes its certificate from Secret {wanted}, and {} has no such Secret: {see}.{more}", key.namespace),
                format!("Ingress {name} 的证书取自 Secret {wanted}，而 {} 里没有这个 Secret：{see_zh}。{more_zh}", key.namespace),
            );
            finding.related.extend(source.map(|secret| FieldRef::new(secret, "metadata.namespace")));
            finding.fix = fix;
            continue;
        };
        let hosts = tls.hosts.iter().filter(|host| !host.is_empty());
        let certificate = secret_certificate(secret);
        let stranger =
            hosts.clone().find(|host| certificate.as_ref().is_some_and(|certificate| !certificate.is_for(host)));
        if let (Some(host), Some(certificate)) = (stranger, &certificate) {
            let names: Vec<&str> = certificate.names.iter().map(|name| &**name).collect();
            let names = names.join(", ");
            let finding = desk.add(
                "tls-host",
                field,
                format!("The certificate in Secret {wanted} is for {names}, and Ingress {name} serves {host} with it: {see}."),
                format!("Secret {wanted} 里的证书属于 {names}，而 Ingress {name} 用它服务 {host}：{see_zh}。"),
            );
            finding.related.push(FieldRef::new(Ref::new(Kind::Secret, key.namespace.clone(), wanted.as_str()), "data"));
        } else if certificate.is_none() {
            desk.add(
                "tls-secret",
                field,
                format!("Secret {wanted} holds no certificate that can be read (it must be of type kubernetes.io/tls): {see}."),
                format!("Secret {wanted} 里没有可读的证书（类型必须是 kubernetes.io/tls）：{see_zh}。"),
            );
        }
    }
    if ingress.spec.tls.is_empty() {
        return;
    }
    let covers = |host: &str| {
        ingress.spec.tls.iter().flat_map(|tls| &tls.hosts).any(|listed| {
            listed == host
                || listed
                    .strip_prefix('*')
                    .is_some_and(|rest| host.split_once('.').is_some_and(|(_, tail)| rest[1..] == *tail))
        }) || ingress.spec.tls.iter().any(|tls| tls.hosts.is_empty())
    };
    if let Some((r, rule)) =
        ingress.spec.rules.iter().enumerate().find(|(_, rule)| !rule.host.is_empty() && !covers(&rule.host))
    {
        let host = &rule.host;
        let only = ingress.spec.tls.len() == 1 && ingress.spec.tls[0].hosts.len() == 1;
        let fix = if only { desk.put(&FieldRef::new(key.clone(), "spec.tls[0].hosts[0]"), &value(host)) } else { None };
        let finding = desk.add(
            "tls-unlisted",
            FieldRef::new(key.clone(), "spec.tls"),
            format!("Ingress {name} has a rule for {host}, and spec.tls does not list that host: {see}."),
            format!("Ingress {name} 有 {host} 的规则，但 spec.tls 没有列出这个主机：{see_zh}。"),
        );
        finding.related.push(FieldRef::new(key.clone(), format!("spec.rules[{r}].host")));
        finding.fix = fix;
    }
}

/// What a controller passes over in silence.
fn passed_over(desk: &mut Desk<'_>, kind: NoteKind, field: &FieldRef, flavour: Flavour) {
    let who = flavour.name();
    let annotation = field.path.split(['[', ']']).nth(1).unwrap_or_default().to_owned();
    let (id, en, zh) = match kind {
        NoteKind::UnknownAnnotation => (
            "annotation-unknown",
            format!("{who} knows no annotation {annotation}: it ignores it without a word."),
            format!("{who} 不认识注解 {annotation}：会悄悄忽略它。"),
        ),
        NoteKind::Unmodelled => (
            "annotation-unmodelled",
            format!("{who} does as {annotation} says; this lab does not play it."),
            format!("{who} 支持 {annotation}，但本实验室没有模拟它。"),
        ),
        NoteKind::InvalidValue => (
            "annotation-invalid",
            format!("{who} cannot read the value of {annotation}: it goes on as if the annotation were not there."),
            format!("{who} 读不懂 {annotation} 的值：它会当这个注解不存在。"),
        ),
        NoteKind::OtherController => (
            "annotation-other",
            format!("{annotation} is another controller's annotation, and {who} reads this Ingress: it ignores it."),
            format!("{annotation} 是另一种控制器的注解，而读取这个 Ingress 的是 {who}：它会忽略。"),
        ),
        NoteKind::Shadowed => (
            "rule-shadowed",
            "An older Ingress says the same host and path: that one answers, and this rule is never asked.".to_owned(),
            "已有更早的 Ingress 写了同样的主机和路径：由它应答，这条规则永远用不到。".to_owned(),
        ),
        // What is missing behind a rule is told of the rule.
        NoteKind::NoService | NoteKind::NoRouter => return,
    };
    let short = annotation.strip_prefix(PREFIX).unwrap_or(&annotation);
    let meant = if kind == NoteKind::UnknownAnnotation { nearest(short, COMMON.into_iter()) } else { None };
    let fix = match (kind, meant) {
        (NoteKind::UnknownAnnotation, Some(right)) => {
            let edit = desk.pen(&field.object).and_then(|pen| pen.rename(&field.path, &format!("{PREFIX}{right}")));
            desk.edits(format!("Write {right}"), format!("写成 {right}"), vec![edit])
        }
        (NoteKind::UnknownAnnotation | NoteKind::InvalidValue | NoteKind::OtherController, _) => desk.drop(field),
        _ => None,
    };
    let finding = desk.add(id, field.clone(), en, zh);
    if meant.is_some() {
        finding.severity = Severity::Warning;
    }
    finding.fix = fix;
}
