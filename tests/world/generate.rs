//! Clusters drawn from a seed, in the words of `tests/flows/`: one that fails can be kept there.

use kubehop::rng::Rng;

/// The clients' addresses on the internet.
const CLIENTS: [&str; 3] = ["203.0.113.2", "203.0.113.130", "198.18.0.9"];

/// A case without verdicts: one to three nodes, pods of three kinds, Services of every kind and policy, what happens to them,
/// and who asks whom.
pub(crate) fn case(seed: u64) -> String {
    let mut rng = Rng::new(seed).fork("case");
    let mut pick = Pick(&mut rng);
    let nodes = 1 + pick.below(3);
    let mut text = format!("name: drawn from seed {seed}\nnodes: {nodes}\n");
    if pick.one_in(3) {
        let zones: Vec<_> = (0..nodes).map(|_| pick.of(&["za", "zb"])).collect();
        text += &format!("zones: [{}]\n", zones.join(", "));
    }

    let count = 3 + pick.below(6);
    let mut pods = Vec::new();
    for i in 0..count {
        let app = pick.of(&["shop", "shop", "till", "blog"]);
        let tier = if pick.one_in(3) { " tier=web" } else { "" };
        let ports =
            pick.of(&["web:8080", "web:8080", "web:8080 8443 5353/UDP", "web:8443 5353/UDP", "other:8080 5353/UDP"]);
        pods.push((format!("p{i}"), 1 + pick.below(nodes), format!("app={app}{tier} {ports}")));
    }
    for node in 1..=nodes {
        pods.push((format!("client{node}"), node, String::new()));
    }
    let lines: Vec<_> =
        pods.iter().map(|(name, node, rest)| format!("{name} n{node} {rest}").trim().to_owned()).collect();
    text += &format!("pods: [{}]\n", lines.join(", "));

    let count = 2 + pick.below(4);
    let mut services = Vec::new();
    text += "services:\n";
    for i in 0..count {
        let (spec, service) = service(&mut pick, i);
        text += &format!("  s{i}: {{{spec}}}\n");
        services.push(service);
    }
    // One whose endpoints somebody wrote, with hints or without.
    if pick.one_in(2) {
        let (text_of_slice, service) = written(&mut pick, &pods, count);
        text += &text_of_slice;
        services.push(service);
    }

    let mut deeds = Vec::new();
    for (name, ..) in pods.iter().filter(|(name, ..)| name.starts_with('p')) {
        match pick.below(8) {
            0 => deeds.push(format!("unready {name}")),
            1 => deeds.push(format!("delete {name}")),
            _ => {}
        }
    }
    for (i, _) in services.iter().enumerate().filter(|(_, service)| service.balanced) {
        let mode = pick.of(&["", " VIP", " Proxy"]);
        if !pick.one_in(5) {
            deeds.push(format!("balancer s{i} 198.51.100.{}{mode}", 200 + i));
        }
    }
    text += &format!("do: [{}]\nrows: |\n", deeds.join(", "));
    for _ in 0..14 {
        text += &format!("  {} | ? | ? | ?\n", question(&mut pick, nodes, &pods, &services));
    }
    text
}

/// What questions need to know of a Service.
struct Drawn {
    name: String,
    ports: Vec<(u32, &'static str, Option<u32>)>,
    external: Option<String>,
    balanced: bool,
    has_ip: bool,
}

fn service(pick: &mut Pick<'_>, i: u32) -> (String, Drawn) {
    let kind = pick.of(&["ClusterIP", "NodePort", "NodePort", "LoadBalancer", "LoadBalancer", "None"]);
    let headless = kind == "None";
    let mut spec = if headless { "clusterIP: None".to_owned() } else { format!("type: {kind}") };
    let selector = pick.of(&[
        "app: shop",
        "app: shop",
        "app: till",
        "app: blog",
        "tier: web",
        "app: shop, tier: web",
        "app: shpo",
    ]);
    spec += &format!(", selector: {{{selector}}}");
    let (node_ports, balanced) = (kind == "NodePort" || kind == "LoadBalancer", kind == "LoadBalancer");
    if node_ports && pick.one_in(3) {
        spec += ", externalTrafficPolicy: Local";
    }
    if !headless && pick.one_in(4) {
        spec += ", internalTrafficPolicy: Local";
    }
    if !headless && pick.one_in(5) {
        spec += ", sessionAffinity: ClientIP";
    }
    if pick.one_in(6) {
        spec += ", publishNotReadyAddresses: true";
    }
    if balanced && pick.one_in(2) {
        let range = pick.of(&["203.0.113.0/25", "203.0.113.0/24, 10.244.0.0/16", "192.168.49.0/24", "0.0.0.0/0"]);
        spec += &format!(", loadBalancerSourceRanges: [{range}]");
    }
    let without = balanced && pick.one_in(5);
    if without {
        spec += ", allocateLoadBalancerNodePorts: false";
    }
    let external = (!headless && pick.one_in(4)).then(|| format!("198.51.100.{}", 20 + i));
    if let Some(ip) = &external {
        spec += &format!(", externalIPs: [{ip}]");
    }
    let mut ports = Vec::new();
    let mut texts = Vec::new();
    for j in 0..1 + pick.below(2) {
        let proto = pick.of(&["TCP", "TCP", "UDP"]);
        let target = if proto == "UDP" { "5353" } else { pick.of(&["8080", "8080", "web", "8443", "9999", "none"]) };
        let node_port = (node_ports && !without).then_some(30_000 + 10 * i + j);
        let node = node_port.map(|port| format!(", nodePort: {port}")).unwrap_or_default();
        texts.push(format!("{{name: a{j}, port: {}, targetPort: {target}, protocol: {proto}{node}}}", 80 + j));
        ports.push((80 + j, if proto == "UDP" { "/UDP" } else { "" }, node_port));
    }
    spec += &format!(", ports: [{}]", texts.join(", "));
    (spec, Drawn { name: format!("s{i}"), ports, external, balanced, has_ip: !headless })
}

/// A Service without a selector, and its slice.
fn written(pick: &mut Pick<'_>, pods: &[(String, u32, String)], i: u32) -> (String, Drawn) {
    let policy = pick.of(&["", "", "internalTrafficPolicy: Local, ", "externalTrafficPolicy: Local, "]);
    let affinity = if pick.one_in(4) { "sessionAffinity: ClientIP, " } else { "" };
    let hints = pick.of(&["", "zones", "nodes", "both"]);
    let node_port = 30_000 + 10 * i;
    let mut endpoints = Vec::new();
    for (name, node, _) in pods {
        if pick.one_in(2) {
            continue;
        }
        let condition = pick.of(&[
            "",
            "",
            "",
            ", conditions: {ready: false}",
            ", conditions: {ready: false, serving: true, terminating: true}",
        ]);
        let zones = format!("forZones: [{{name: {}}}]", pick.of(&["za", "zb"]));
        let hint = match hints {
            _ if pick.one_in(12) => String::new(),
            "zones" => format!(", hints: {{{zones}}}"),
            "nodes" => format!(", hints: {{forNodes: [{{name: n{node}}}]}}"),
            "both" => format!(", hints: {{{zones}, forNodes: [{{name: n{node}}}]}}"),
            _ => String::new(),
        };
        endpoints.push(format!("{{addresses: [${name}], nodeName: n{node}{condition}{hint}}}"));
    }
    let text = format!(
        "then: |\n  {{apiVersion: v1, kind: Service, metadata: {{name: s{i}}}, spec: {{type: NodePort, {policy}{affinity}ports: [{{port: 80, nodePort: {node_port}}}]}}}}\n  \
         ---\n  apiVersion: discovery.k8s.io/v1\n  kind: EndpointSlice\n  metadata: {{name: s{i}-1, labels: {{kubernetes.io/service-name: s{i}}}}}\n  \
         addressType: IPv4\n  ports: [{{port: 8080}}]\n  endpoints: [{}]\n",
        endpoints.join(", ")
    );
    (
        text,
        Drawn {
            name: format!("s{i}"),
            ports: vec![(80, "", Some(node_port))],
            external: None,
            balanced: false,
            has_ip: true,
        },
    )
}

/// `from | to`
fn question(pick: &mut Pick<'_>, nodes: u32, pods: &[(String, u32, String)], services: &[Drawn]) -> String {
    let node = |pick: &mut Pick<'_>| format!("n{}", 1 + pick.below(nodes));
    let service = &services[pick.below(services.len() as u32) as usize];
    let (port, proto, node_port) = service.ports[pick.below(service.ports.len() as u32) as usize];
    let here = node(pick);
    let from = match pick.below(8) {
        0..3 => format!("pod/{}", pods[pick.below(pods.len() as u32) as usize].0),
        3 => format!("node/{here}"),
        4 => "laptop".to_owned(),
        _ => format!("wire/{here}@{}", pick.of(&CLIENTS)),
    };
    let wire = from.starts_with("wire/");
    let target = if wire || from.starts_with("node/") { here } else { node(pick) };
    let number = |pick: &mut Pick<'_>, port| if pick.one_in(12) { port + 5 } else { port };
    let by_ip = |pick: &mut Pick<'_>| format!("{}:{}{proto}", service.name, number(pick, port));
    let to = match (pick.below(6), node_port, &service.external) {
        (0..2, Some(port), _) => format!("{target}:{}{proto}", number(pick, port)),
        (2, Some(port), _) if from.starts_with("node/") => format!("127.0.0.1:{port}{proto}"),
        (3, _, Some(ip)) => format!("{ip}:{}{proto}", number(pick, port)),
        (4, ..) if service.balanced => {
            format!("198.51.100.{}:{port}{proto}", 200 + service.name[1..].parse::<u32>().unwrap())
        }
        (_, Some(port), _) if from == "laptop" => format!("{target}:{port}{proto}"),
        _ if service.has_ip => by_ip(pick),
        // Nobody outside has a way to a pod.
        _ if wire => format!("{target}:8080"),
        _ => format!("pod/{}:8080", pods[pick.below(pods.len() as u32) as usize].0),
    };
    format!("{from} | {to}")
}

/// Draws.
struct Pick<'a>(&'a mut Rng);

impl Pick<'_> {
    fn below(&mut self, bound: u32) -> u32 {
        self.0.below(bound)
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.0.below(many) == 0
    }

    fn of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.0.below(choices.len() as u32) as usize]
    }
}
