//! Tab completion: what could stand where the cursor is.

use super::kubectl::{COMMON, VERBS};
use super::{Files, PROGRAMS, Terminal};
use crate::cluster::Cluster;
use crate::object::{Kind, TABLE};
use crate::trace::Place;

/// The words that could stand at the cursor (a byte offset into the line), in order; each replaces the word that is being typed.
///
/// Programs, kubectl's verbs, flags and kinds, the names of objects, and the editor's files.
pub fn complete(cluster: &Cluster, terminal: &Terminal, files: &Files, line: &str, cursor: usize) -> Vec<String> {
    let mut cursor = cursor.min(line.len());
    while !line.is_char_boundary(cursor) {
        cursor -= 1;
    }
    // Only the command being typed matters: what follows the last separator.
    let typed = &line[..cursor];
    let start = typed.rfind(['|', ';', '&', '(']).map_or(0, |at| at + 1);
    let mut words: Vec<&str> = typed[start..].split_whitespace().collect();
    let word = if typed[start..].ends_with(char::is_whitespace) { "" } else { words.pop().unwrap_or_default() };
    while matches!(words.first(), Some(&("do" | "sudo"))) {
        words.remove(0);
    }
    let mut found = candidates(cluster, terminal, files, &words, word);
    found.retain(|candidate| candidate.starts_with(word) && candidate != word);
    crate::sort::by(&mut found, Ord::cmp);
    found.dedup();
    found
}

fn candidates(cluster: &Cluster, terminal: &Terminal, files: &Files, words: &[&str], word: &str) -> Vec<String> {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let on_laptop = *terminal.place() == Place::Laptop;
    let Some((program, rest)) = words.split_first() else {
        let here = PROGRAMS.iter().filter(|program| on_laptop || !program.laptop_only);
        return here.map(|program| program.name.to_owned()).collect();
    };
    match *program {
        "kubectl" => kubectl(cluster, terminal, files, rest, word),
        "minikube" => match rest {
            [] => owned(&["ssh", "ip", "status", "service", "tunnel", "node", "start", "stop", "version"]),
            ["node"] => owned(&["list", "start", "stop"]),
            ["node", "start" | "stop"] => names(cluster, Kind::Node, ""),
            ["service", .., "-n" | "--namespace"] => names(cluster, Kind::Namespace, ""),
            ["service", ..] if word.starts_with('-') => owned(&["--url", "--https", "--namespace", "--all"]),
            ["service", rest @ ..] => {
                let at = rest.iter().position(|word| matches!(*word, "-n" | "--namespace"));
                let namespace = at.and_then(|at| rest.get(at + 1)).copied().unwrap_or("default");
                [vec!["list".to_owned()], names(cluster, Kind::Service, namespace)].concat()
            }
            [.., "-n" | "--node"] => names(cluster, Kind::Node, ""),
            ["ssh", ..] if word.starts_with('-') => owned(&["-n", "--"]),
            _ => Vec::new(),
        },
        "trace" => match rest {
            [.., "--from"] => {
                let mut places = owned(&["laptop"]);
                places.extend(names(cluster, Kind::Node, "").into_iter().map(|name| format!("node/{name}")));
                let pods = cluster.store().list(Kind::Pod, None);
                places.extend(pods.map(|pod| format!("pod/{}/{}", pod.meta.namespace, pod.meta.name)));
                places
            }
            [.., "-o"] => owned(&["text", "json"]),
            _ if word.starts_with('-') => flags(&[super::follow::TRACE]),
            _ => Vec::new(),
        },
        "fault" => match rest {
            [] => owned(&["unready", "ready", "kill"]),
            [.., "-n" | "--namespace"] => names(cluster, Kind::Namespace, ""),
            [_] => names(cluster, Kind::Pod, &terminal.namespace),
            _ => Vec::new(),
        },
        "cat" | "ls" | "rm" | "mv" | "grep" | "head" | "tail" | "wc" if on_laptop => files.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

fn flags(tables: &[&[super::flags::Flag]]) -> Vec<String> {
    tables.iter().flat_map(|table| table.iter()).map(|flag| format!("--{}", flag.long)).collect()
}

fn names(cluster: &Cluster, kind: Kind, namespace: &str) -> Vec<String> {
    let namespace = kind.is_namespaced().then_some(namespace);
    cluster.store().list(kind, namespace).map(|object| object.meta.name.clone()).collect()
}

fn kubectl(cluster: &Cluster, terminal: &Terminal, files: &Files, words: &[&str], word: &str) -> Vec<String> {
    let Some((verb, rest)) = words.split_first() else {
        return VERBS.iter().map(|verb| verb.name.to_owned()).collect();
    };
    let Some(verb) = VERBS.iter().find(|row| row.name == *verb) else { return Vec::new() };
    if word.starts_with('-') {
        return flags(&[verb.flags, COMMON]);
    }
    let mut namespace = terminal.namespace.as_str();
    let mut plain = Vec::new();
    let mut rest = rest.iter().copied().peekable();
    let mut last = "";
    while let Some(arg) = rest.next() {
        last = arg;
        let takes = verb.flags.iter().chain(COMMON).any(|flag| {
            flag.takes != super::flags::Takes::Nothing
                && (arg.strip_prefix("--") == Some(flag.long)
                    || arg.strip_prefix('-').is_some_and(|a| a.chars().eq([flag.short])))
        });
        if takes {
            if let Some(value) = rest.next() {
                if matches!(arg, "-n" | "--namespace") {
                    namespace = value;
                }
                last = "";
            }
        } else {
            last = "";
            if !arg.starts_with('-') {
                plain.push(arg);
            }
        }
    }
    match last {
        "-f" | "--filename" => return files.keys().cloned().collect(),
        "-n" | "--namespace" => return names(cluster, Kind::Namespace, ""),
        "-o" | "--output" => return ["wide", "yaml", "json", "name", "jsonpath="].map(String::from).to_vec(),
        _ => {}
    }
    let kinds = || -> Vec<String> { TABLE.iter().map(|row| row.plural.to_owned()).collect() };
    match (verb.name, plain.as_slice()) {
        ("apply" | "version" | "create" | "run", _) => Vec::new(),
        ("exec" | "logs", []) => names(cluster, Kind::Pod, namespace),
        ("port-forward", []) => {
            let of = |kind: Kind, prefix: &str| -> Vec<String> {
                names(cluster, kind, namespace).into_iter().map(|name| format!("{prefix}/{name}")).collect()
            };
            [of(Kind::Service, "svc"), of(Kind::Deployment, "deploy"), of(Kind::Pod, "pod")].concat()
        }
        ("exec" | "logs" | "port-forward", _) => Vec::new(),
        ("rollout", []) => vec!["status".into()],
        ("rollout", ["status"]) | ("scale", []) => {
            names(cluster, Kind::Deployment, namespace).into_iter().map(|name| format!("deployment/{name}")).collect()
        }
        (_, []) => match word.split_once('/') {
            Some((kind, _)) => match Kind::from_resource(kind) {
                Some(known) => {
                    names(cluster, known, namespace).into_iter().map(|name| format!("{kind}/{name}")).collect()
                }
                None => Vec::new(),
            },
            None => kinds(),
        },
        (_, [kind, ..]) => Kind::from_resource(kind).map_or_else(Vec::new, |kind| names(cluster, kind, namespace)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;
    use crate::object::Profile;

    #[test]
    fn the_word_being_typed_is_completed() {
        let cluster = Cluster::new(&Profile::named("multinode").unwrap(), 1);
        let mut terminal = Terminal::new(Lang::En);
        let files = Files::from([("svc.yaml".to_owned(), String::new()), ("deploy.yaml".to_owned(), String::new())]);
        let check = |terminal: &Terminal, line: &str, expected: &[&str]| {
            assert_eq!(complete(&cluster, terminal, &files, line, line.len()), expected, "{line}");
        };
        check(&terminal, "ku", &["kubectl"]);
        check(&terminal, "kubectl de", &["delete", "describe"]);
        check(&terminal, "kubectl get s", &["secrets", "services", "statefulsets"]);
        check(&terminal, "kubectl get svc k", &["kubernetes"]);
        check(&terminal, "kubectl get svc -n kube-system k", &["kube-dns"]);
        check(&terminal, "kubectl describe svc/k", &["svc/kubernetes"]);
        check(&terminal, "kubectl get pods -o w", &["wide"]);
        check(&terminal, "kubectl get --sh", &["--show-kind", "--show-labels"]);
        check(&terminal, "kubectl apply -f ", &["deploy.yaml", "svc.yaml"]);
        check(&terminal, "kubectl get svc -n d", &["default"]);
        check(&terminal, "cat s", &["svc.yaml"]);
        check(&terminal, "kubectl port-forward svc/k", &["svc/kubernetes"]);
        check(&terminal, "kubectl logs -f -n kube-system storage", &["storage-provisioner"]);
        check(&terminal, "minikube service k", &["kubernetes"]);
        check(&terminal, "minikube service -n kube-system k", &["kube-dns"]);
        check(&terminal, "minikube ssh -n minikube-m", &["minikube-m02", "minikube-m03"]);
        check(&terminal, "for i in 1 2; do cu", &["curl"]);
        check(&terminal, "echo 中", &[]);
        check(&terminal, "kubectl frob x ", &[]);
        terminal.places.push(Place::Node("minikube".into()));
        check(&terminal, "ku", &[]);
        check(&terminal, "cat s", &[]);
    }
}
