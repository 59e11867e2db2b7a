//! Built-in images: what the program in a container listens on, answers and does at its start and end.
//!
//! One table serves the kubelet (probes, exits) and the network (answers). An image nobody knows behaves as `hello:1.0` does,
//! on its declared ports and for every path: a stand-in, which the inspector says.

use crate::time::Duration;

use super::Container;

/// The program of a container, as the lab plays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// TCP ports that it listens on, whatever `containerPort` says.
    pub listens: Vec<u16>,
    /// TCP ports that it listens on at 127.0.0.1 alone.
    pub loopback: Vec<u16>,
    /// Those of them where it speaks TLS.
    pub tls: Vec<u16>,
    /// UDP ports that it listens on.
    pub udp: Vec<u16>,
    /// Answers by path, the first that fits; a path that none fits gets 404.
    pub routes: Vec<Route>,
    /// From the container's start until it listens.
    pub startup: Duration,
    /// When it ends by itself, and with which exit code; none if it runs until it is told to end.
    pub exit: Option<(Duration, i32)>,
    /// From SIGTERM to its end; none if it ignores SIGTERM and must be killed after the grace period.
    pub shutdown: Option<Duration>,
    /// Whether the image is unknown and this is our stand-in for it.
    pub stand_in: bool,
}

/// One row of a program's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path.
    pub path: String,
    /// Whether longer paths fit too.
    pub prefix: bool,
    /// HTTP status.
    pub status: u16,
    /// What it says.
    pub body: Body,
    /// How long it thinks.
    pub delay: Duration,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A text; `{pod}` stands for the pod's name, `{ip}` for its address.
    Text(String),
    /// The request itself, as echo servers print it.
    Echo,
    /// `netexec`'s pages: `/hostname`, `/clientip`, `/echo?msg=`.
    Netexec,
}

impl App {
    /// What answers a path (without its query).
    pub fn route(&self, path: &str) -> Option<&Route> {
        self.routes.iter().find(|route| if route.prefix { path.starts_with(&route.path) } else { path == route.path })
    }

    /// The program of a container: one of `images`, which the environment knows, or a built-in one.
    pub fn of(container: &Container, images: &[(String, Self)]) -> Self {
        let (name, tag) = split(&container.image);
        if let Some((_, app)) = images.iter().find(|(known, _)| split(known) == (name, tag)) {
            return app.clone();
        }
        let declared = |protocol: &str| -> Vec<u16> {
            let ports = container
                .ports
                .iter()
                .filter(|p| p.protocol == protocol || (p.protocol.is_empty() && protocol == "TCP"));
            ports.filter_map(|p| u16::try_from(p.container_port).ok()).collect()
        };
        let server = |port: u16, routes: Vec<Route>| Self { routes, ..Self::server(vec![port]) };
        match name {
            "hello" if tag == "1.0" => server(9090, vec![Route::exact("/api/hello", hello())]),
            "nginx" | "nginxinc/nginx-unprivileged" => {
                let port = if name == "nginx" { 80 } else { 8080 };
                server(
                    port,
                    vec![
                        Route::exact("/", Body::Text(NGINX.into())),
                        Route::exact("/index.html", Body::Text(NGINX.into())),
                    ],
                )
            }
            "httpd" => {
                server(80, vec![Route::exact("/", Body::Text("<html><body><h1>It works!</h1></body></html>\n".into()))])
            }
            "hashicorp/http-echo" => {
                let text = option(container, "text").unwrap_or("hello-world");
                let (host, port) =
                    option(container, "listen").and_then(|at| at.rsplit_once(':')).unwrap_or(("", "5678"));
                let routes = vec![Route::all(Body::Text(format!("{text}\n")))];
                let app = server(port.parse().unwrap_or(5678), routes);
                match host {
                    "127.0.0.1" | "localhost" => Self { loopback: app.listens, listens: Vec::new(), ..app },
                    _ => app,
                }
            }
            "ealen/echo-server" => server(80, vec![Route::all(Body::Echo)]),
            "registry.k8s.io/echoserver"
            | "k8s.gcr.io/echoserver"
            | "gcr.io/google_containers/echoserver"
            | "kicbase/echo-server" => server(8080, vec![Route::all(Body::Echo)]),
            "gcr.io/google-samples/hello-app" | "us-docker.pkg.dev/google-samples/containers/gke/hello-app" => {
                let version = if tag == "2.0" { "2.0.0" } else { "1.0.0" };
                let text = format!("Hello, world!\nVersion: {version}\nHostname: {{pod}}\n");
                server(8080, vec![Route::all(Body::Text(text))])
            }
            "traefik/whoami" => server(80, vec![Route::all(Body::Echo)]),
            "registry.k8s.io/e2e-test-images/agnhost" | "k8s.gcr.io/e2e-test-images/agnhost" => agnhost(container),
            "registry.k8s.io/pause" => Self { shutdown: Some(Duration::ZERO), ..Self::server(Vec::new()) },
            // The cluster's own programs: they listen on their nodes, but not for the learner.
            "registry.k8s.io/etcd"
            | "registry.k8s.io/kube-apiserver"
            | "registry.k8s.io/kube-controller-manager"
            | "registry.k8s.io/kube-scheduler"
            | "registry.k8s.io/kube-proxy"
            | "kindest/kindnetd"
            | "gcr.io/k8s-minikube/storage-provisioner" => Self::server(Vec::new()),
            "registry.k8s.io/coredns/coredns" => {
                let routes = vec![
                    Route::exact("/health", Body::Text("OK".into())),
                    Route::exact("/ready", Body::Text("OK".into())),
                ];
                Self { udp: vec![53], routes, ..Self::server(vec![53, 8080, 8181, 9153]) }
            }
            "registry.k8s.io/ingress-nginx/controller" => {
                // What else it answers is routed by the rules of Ingresses: `net::ingress`.
                let routes = vec![Route::exact("/healthz", Body::Text("ok".into()))];
                let tls = vec![443, 8443];
                Self { tls, routes, startup: Duration::from_secs(1), ..Self::server(vec![80, 443, 8443, 10_254]) }
            }
            "traefik" => {
                let routes = vec![Route::exact("/ping", Body::Text("OK".into()))];
                let (listens, tls) = entry_points(container);
                Self { tls, routes, startup: Duration::from_millis(500), ..Self::server(listens) }
            }
            "curlimages/curl"
            | "busybox"
            | "alpine"
            | "nicolaka/netshoot"
            | "ubuntu"
            | "debian"
            | "registry.k8s.io/e2e-test-images/busybox" => tool(container),
            _ => {
                let mut listens = declared("TCP");
                let udp = declared("UDP");
                if listens.is_empty() && udp.is_empty() {
                    listens.push(8080);
                }
                Self { udp, routes: vec![Route::all(hello())], stand_in: true, ..Self::server(listens) }
            }
        }
    }

    /// A program that a Lab describes.
    pub fn written(listens: Vec<u16>, udp: Vec<u16>, startup: Duration, routes: Vec<Route>) -> Self {
        Self { udp, startup, routes, ..Self::server(listens) }
    }

    /// A program that listens at once, runs until told to end, and then ends promptly.
    fn server(listens: Vec<u16>) -> Self {
        Self {
            listens,
            loopback: Vec::new(),
            tls: Vec::new(),
            udp: Vec::new(),
            routes: Vec::new(),
            startup: Duration::ZERO,
            exit: None,
            shutdown: Some(Duration::from_millis(100)),
            stand_in: false,
        }
    }
}

impl Route {
    fn exact(path: &str, body: Body) -> Self {
        Self { path: path.into(), prefix: false, status: 200, body, delay: Duration::ZERO }
    }

    fn all(body: Body) -> Self {
        Self { prefix: true, ..Self::exact("/", body) }
    }
}

const NGINX: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n";

fn hello() -> Body {
    Body::Text("{pod} say Hello!\n".into())
}

/// An image's name, without `docker.io/library/`, and its tag; `latest` if it has none.
fn split(image: &str) -> (&str, &str) {
    let image = image.split('@').next().unwrap_or_default();
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    let image = image.strip_prefix("library/").unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// The value of `-name=value`, `--name=value` or `-name value` among a container's words.
fn option<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    let words: Vec<&str> = container.command.iter().chain(&container.args).map(String::as_str).collect();
    words.iter().enumerate().find_map(|(i, word)| {
        let rest = word.strip_prefix("--").or(word.strip_prefix('-'))?.strip_prefix(name)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => words.get(i + 1).copied(),
            None => None,
        }
    })
}

/// The ports that Traefik's arguments name, as `--entryPoints.web.address=:8000/tcp`, 80 if they name none; and those of them
/// where it speaks TLS.
fn entry_points(container: &Container) -> (Vec<u16>, Vec<u16>) {
    let (mut ports, mut tls) = (Vec::new(), Vec::new());
    let words: Vec<String> =
        container.command.iter().chain(&container.args).map(|word| word.to_ascii_lowercase()).collect();
    for word in &words {
        let Some((name, address)) = word.split_once(".address=") else { continue };
        let Some(entry) = name.trim_start_matches('-').strip_prefix("entrypoints.") else { continue };
        let port = address.split('/').next().and_then(|at| at.rsplit(':').next()?.parse().ok());
        if let Some(port) = port.filter(|_| !address.ends_with("/udp")) {
            // The first is the one that it is known by.
            ports.insert(if entry == "web" { 0 } else { ports.len() }, port);
            let secure = format!("entrypoints.{entry}.http.tls");
            tls.extend(words.iter().any(|word| word.contains(&secure)).then_some(port));
        }
    }
    if ports.is_empty() {
        ports.push(80);
    }
    (ports, tls)
}

/// agnhost's subcommands that listen; `pause`, its default, does not.
fn agnhost(container: &Container) -> App {
    let word = container.args.first().map_or("pause", String::as_str);
    let port = |flag: &str, default: u16| option(container, flag).and_then(|p| p.parse().ok()).unwrap_or(default);
    match word {
        "netexec" => {
            let udp = vec![port("udp-port", 8081)];
            App { udp, routes: vec![Route::all(Body::Netexec)], ..App::server(vec![port("http-port", 8080)]) }
        }
        "serve-hostname" => {
            let routes = vec![Route::all(Body::Text("{pod}".into()))];
            App { routes, ..App::server(vec![port("port", 9376)]) }
        }
        _ => App::server(Vec::new()),
    }
}

/// An image with a shell and no server: it does what its words say, as far as that can be told; without words it ends.
fn tool(container: &Container) -> App {
    let words: Vec<&str> = container.command.iter().chain(&container.args).flat_map(|w| w.split_whitespace()).collect();
    let text = words.join(" ");
    let quiet = App { shutdown: None, ..App::server(Vec::new()) };
    // A shell that reads from a terminal waits for it (`kubectl run -it`).
    if container.rest.get("stdin").and_then(serde_json::Value::as_bool) == Some(true)
        || text.contains("sleep infinity")
        || text.contains("sleep inf")
        || text.contains("tail -f")
        || text.contains("while ")
    {
        return quiet;
    }
    let seconds = words.iter().position(|w| *w == "sleep").and_then(|i| duration(words.get(i + 1)?));
    if let Some(time) = seconds {
        return App { exit: Some((time, 0)), ..quiet };
    }
    App { exit: Some((Duration::from_millis(50), 0)), ..quiet }
}

/// `3600`, `10m`, `1h`, `1d`, as `sleep` reads them.
fn duration(word: &str) -> Option<Duration> {
    let digits = word.trim_end_matches(['s', 'm', 'h', 'd', ';', '"', '\'']);
    let unit = match word.as_bytes().get(digits.len()) {
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86_400,
        _ => 1,
    };
    Some(Duration::from_secs(digits.parse::<u32>().ok().map(u64::from)?.saturating_mul(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ContainerPort;

    fn app(image: &str, args: &[&str]) -> App {
        let args = args.iter().map(|&a| a.to_owned()).collect();
        App::of(&Container { image: image.into(), args, ..Container::default() }, &[])
    }

    #[test]
    fn known_images_listen_where_their_programs_do() {
        assert_eq!(app("hello:1.0", &[]).listens, [9090]);
        assert!(app("hello:1.0", &[]).route("/other").is_none());
        assert_eq!(app("docker.io/library/nginx:1.27", &[]).listens, [80]);
        assert_eq!(app("hashicorp/http-echo", &["-listen=:8000", "-text", "hi"]).listens, [8000]);
        let inside = app("hashicorp/http-echo", &["-listen=127.0.0.1:8000", "-text=hi"]);
        assert_eq!((inside.listens, inside.loopback), (vec![], vec![8000]));
        assert_eq!(app("registry.k8s.io/e2e-test-images/agnhost:2.53", &["netexec", "--http-port=80"]).listens, [80]);
        assert_eq!(app("busybox", &[]).exit, Some((Duration::from_millis(50), 0)));
        assert_eq!(app("busybox", &["sleep", "1h"]).exit, Some((Duration::from_secs(3600), 0)));
        assert_eq!(app("curlimages/curl:8.9.1", &["sleep", "infinity"]).exit, None);
    }

    #[test]
    fn an_unknown_image_answers_on_its_declared_ports() {
        let mut container = Container { image: "shop:9".into(), ..Container::default() };
        assert_eq!(App::of(&container, &[]).listens, [8080]);
        container.ports.push(ContainerPort { container_port: 3000, ..ContainerPort::default() });
        let app = App::of(&container, &[]);
        assert!(app.stand_in && app.listens == [3000] && app.route("/any").is_some());
    }
}
