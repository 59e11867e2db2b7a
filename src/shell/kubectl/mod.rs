//! kubectl 1.37, verb by verb: the same words on the same streams, the same exit status.
//!
//! Stands for `k8s.io/kubectl` `pkg/cmd` and `k8s.io/cli-runtime` `pkg/resource`. A verb or flag that the lab has not is answered as kubectl
//! answers what it does not know, then one line says what the lab has.

mod table;
mod rows;
mod path;
mod field;
mod select;
mod refusal;
mod apply;
mod get;
mod make;
mod create;
mod expose;
mod delete;
mod change;
mod tag;
mod patch;
mod explain;
mod pods;
mod exec;
mod forward;
mod logs;
mod report;
mod generic;
mod describe;
mod routes;
mod describe_sets;
mod describe_node;
mod wait;
mod nodes;
mod events;
mod info;

use super::flags::{self, Flag, Flags, Problem, Style, switch, value};
use super::{Io, Shell, go_quote};
use crate::api::Status;
use crate::cluster::Cluster;
use crate::object::{Kind, Ref};

pub(super) use apply::{file, labs};
pub(super) use exec::left;
pub(super) use forward::Forward;
pub(super) use get::Watch;
pub(super) use logs::Follow;
pub(super) use report::calendar;

/// A verb's row: it serves dispatch, help and completion.
pub(super) struct Verb {
    pub(super) name: &'static str,
    style: Style,
    pub(super) flags: &'static [Flag],
    run: fn(&mut Call) -> Result<i32, Fail>,
}

const fn verb(name: &'static str, flags: &'static [Flag], run: fn(&mut Call) -> Result<i32, Fail>) -> Verb {
    Verb { name, style: Style::Pflag, flags, run }
}

/// The verbs of the lab's kubectl.
pub(super) const VERBS: &[Verb] = &[
    verb("annotate", tag::FLAGS, tag::annotate),
    verb("api-resources", info::API_RESOURCES, info::api_resources),
    verb("apply", apply::APPLY, apply::apply),
    verb("cluster-info", &[], info::cluster_info),
    verb("config", info::CONFIG, info::config),
    verb("cordon", nodes::CORDON, nodes::cordon),
    verb("create", create::CREATE, create::create),
    verb("delete", delete::FLAGS, delete::delete),
    verb("describe", describe::FLAGS, describe::describe),
    verb("drain", nodes::DRAIN, nodes::drain),
    verb("edit", patch::SET, patch::edit),
    verb("events", events::FLAGS, events::events),
    verb("exec", exec::EXEC, exec::exec),
    verb("explain", explain::FLAGS, explain::explain),
    verb("expose", expose::FLAGS, expose::expose),
    verb("get", get::FLAGS, get::get),
    verb("label", tag::FLAGS, tag::label),
    verb("logs", logs::FLAGS, logs::logs),
    verb("patch", patch::PATCH, patch::patch),
    verb("port-forward", forward::FLAGS, forward::forward),
    verb("replace", patch::REPLACE, patch::replace),
    verb("rollout", wait::ROLLOUT, wait::rollout),
    verb("run", exec::RUN, exec::run),
    verb("scale", change::SCALE, change::scale),
    verb("set", patch::SET, patch::set),
    verb("taint", nodes::TAINT, nodes::taint),
    verb("uncordon", nodes::CORDON, nodes::uncordon),
    verb("version", info::VERSION, info::version),
    verb("wait", wait::WAIT, wait::wait),
];

/// Verbs that kubectl 1.37 has, of which the lab serves some.
const KUBECTL_HAS: &[&str] = &[
    "annotate",
    "api-resources",
    "api-versions",
    "apply",
    "attach",
    "auth",
    "autoscale",
    "certificate",
    "cluster-info",
    "completion",
    "config",
    "cordon",
    "cp",
    "create",
    "debug",
    "delete",
    "describe",
    "diff",
    "drain",
    "edit",
    "events",
    "exec",
    "explain",
    "expose",
    "get",
    "help",
    "kuberc",
    "kustomize",
    "label",
    "logs",
    "options",
    "patch",
    "plugin",
    "port-forward",
    "proxy",
    "replace",
    "rollout",
    "run",
    "scale",
    "set",
    "taint",
    "top",
    "uncordon",
    "version",
    "wait",
];

/// Flags of every verb.
pub(super) const COMMON: &[Flag] =
    &[value("namespace", 'n', "NAME"), switch("help", 'h'), value("request-timeout", ' ', "TIME")];

/// What kubectl says when it is told no objects at all.
const RESOURCES_NEEDED: &str = "You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'";

/// Why a verb gave up.
enum Fail {
    /// `error: …`
    Error(String),
    /// `error: …`, then `See 'kubectl VERB -h' for help and examples`.
    Usage(String),
    /// The server refused; what kubectl was doing, such as `error when creating "svc.yaml": `, or nothing.
    Server(Box<Status>, String),
    /// A whole line of its own.
    Plain(String),
    /// All has been said.
    Said(i32),
}

impl From<Status> for Fail {
    fn from(status: Status) -> Self {
        Self::Server(Box::new(status), String::new())
    }
}

/// One call of a verb.
struct Call<'c, 's> {
    shell: &'c mut Shell<'s>,
    io: &'c mut Io,
    verb: &'static str,
    flags: Flags,
    namespace: String,
}

/// `kubectl`
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    // Flags may stand before the verb.
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| arg.starts_with('-')) {
        at += if matches!(arg.as_str(), "-n" | "--namespace" | "--request-timeout") { 2 } else { 1 };
    }
    let Some(name) = args.get(at) else {
        return help(shell, io);
    };
    if name == "help" {
        return help(shell, io);
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        if !KUBECTL_HAS.contains(&name.as_str()) {
            let mut text = format!("error: unknown command {} for \"kubectl\"", go_quote(name));
            let like: Vec<&str> = KUBECTL_HAS.iter().copied().filter(|has| is_like(name, has)).collect();
            if !like.is_empty() {
                text += "\n\nDid you mean this?";
                like.iter().for_each(|has| text += &format!("\n\t{has}"));
            }
            io.err(text + "\n");
        }
        let has = VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(", ");
        shell.say(io, format!("the lab's kubectl has {has}"), format!("实验室的 kubectl 支持 {has}"));
        return 1;
    };
    let mut rest = args[..at].to_vec();
    rest.extend_from_slice(&args[at + 1..]);
    let flags = match flags::read(verb.style, &[verb.flags, COMMON], &rest) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("error: {}\n", problem.pflag()));
            if !matches!(problem, Problem::NotBool(..)) {
                io.err(format!("See 'kubectl {} --help' for usage.\n", verb.name));
            }
            let has = super::host::listed(&[verb.flags, COMMON]);
            shell.say(
                io,
                format!("here kubectl {} has {has}", verb.name),
                format!("此处的 kubectl {} 支持 {has}", verb.name),
            );
            return 1;
        }
    };
    if flags.on("help") {
        let has = super::host::listed(&[verb.flags, COMMON]);
        shell.say(
            io,
            format!("here kubectl {} has {has}", verb.name),
            format!("此处的 kubectl {} 支持 {has}", verb.name),
        );
        return 0;
    }
    let namespace = flags.get("namespace").unwrap_or(&shell.terminal.namespace).to_owned();
    let mut call = Call { shell, io, verb: verb.name, flags, namespace };
    if !call.shell.cluster.has_control_plane() && verb.name != "config" {
        let text = unanswered(call.shell.cluster);
        call.io.err(text);
        return 1;
    }
    match (verb.run)(&mut call) {
        Ok(code) => code,
        Err(fail) => call.tell(fail),
    }
}

fn help(shell: &mut Shell, io: &mut Io) -> i32 {
    io.out("kubectl controls the Kubernetes cluster manager.\n\n Find more information at: https://kubernetes.io/docs/reference/kubectl/\n\n");
    let has = VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(", ");
    shell.say(io, format!("the lab's kubectl has {has}"), format!("实验室的 kubectl 支持 {has}"));
    0
}

/// Whether cobra would suggest `has` for `typed`: it begins so, or two changes of a letter lead there.
fn is_like(typed: &str, has: &str) -> bool {
    if has.starts_with(&typed.to_ascii_lowercase()) {
        return true;
    }
    let (a, b): (Vec<char>, Vec<char>) = (typed.to_lowercase().chars().take(64).collect(), has.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let here = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = here;
        }
    }
    row[b.len()] <= 2
}

impl Call<'_, '_> {
    /// Prints what failed; gives the exit status.
    fn tell(&mut self, fail: Fail) -> i32 {
        match fail {
            Fail::Error(text) => {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                self.io.err(format!("error: {text}{end}"));
            }
            Fail::Usage(text) => {
                self.io.err(format!("error: {text}\nSee 'kubectl {} -h' for help and examples\n", self.verb));
            }
            Fail::Server(status, doing) => self.io.err(status.kubectl_doing(&doing)),
            Fail::Plain(text) => self.io.err(text + "\n"),
            Fail::Said(code) => return code,
        }
        1
    }

    /// Refuses what needs a pod's kubelet, if that is off or cut off from the API server.
    fn reach_kubelet(&self, pod: &crate::object::Pod) -> Result<(), Fail> {
        if self.shell.cluster.outages().silent_since(&pod.spec.node_name).is_none() {
            return Ok(());
        }
        let host = &pod.status.host_ip;
        let text =
            format!("Error from server: error dialing backend: dial tcp {host}:10250: connect: no route to host");
        Err(Fail::Plain(text))
    }

    /// What names an object of a kind in this call's namespace.
    fn key(&self, kind: Kind, name: &str) -> Ref {
        Ref::new(kind, self.namespace.as_str(), name)
    }

    /// The deprecation that the server tells with every answer about Endpoints.
    fn warn_of(&mut self, kind: Kind) {
        if let Some(warning) = deprecation(kind) {
            self.io.err(format!("Warning: {warning}\n"));
        }
    }
}

/// What the server says with every answer about a kind that is on its way out.
fn deprecation(kind: Kind) -> Option<&'static str> {
    (kind == Kind::Endpoints).then_some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
}

/// What kubectl says where no API server answers: its machine is off, or `minikube stop` took the context away.
pub(super) fn unanswered(cluster: &Cluster) -> String {
    let outages = cluster.outages();
    let home = cluster.profile().nodes.first();
    if outages.stopped().count() == cluster.profile().nodes.len() {
        return "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n"
            .into();
    }
    let address = home.map_or_else(String::new, |node| node.address.to_string());
    format!("Unable to connect to the server: dial tcp {address}:8443: connect: no route to host\n")
}

/// `pod/web` or `deployment.apps/web`.
pub(super) fn named(kind: Kind, name: &str) -> String {
    let row = kind.row();
    if row.group.is_empty() {
        format!("{}/{name}", row.singular)
    } else {
        format!("{}.{}/{name}", row.singular, row.group)
    }
}

/// Reads a number for a flag, or complains as pflag does.
fn number(flags: &Flags, tables: &[Flag], long: &str) -> Result<Option<i32>, Fail> {
    let Some(text) = flags.get(long) else { return Ok(None) };
    let name = tables.iter().find(|flag| flag.long == long).map_or_else(String::new, Flag::both);
    text.parse().map(Some).map_err(|_| {
        let text = go_quote(text);
        Fail::Error(format!(
            "invalid argument {text} for \"{name}\" flag: strconv.ParseInt: parsing {text}: invalid syntax"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_one_that_kubectl_has() {
        assert!(VERBS.iter().all(|verb| KUBECTL_HAS.contains(&verb.name)));
    }

    #[test]
    fn suggests_as_cobra_does() {
        let like =
            |typed: &str| -> Vec<&str> { KUBECTL_HAS.iter().copied().filter(|has| is_like(typed, has)).collect() };
        assert_eq!(like("gett"), ["get", "set"]);
        assert_eq!(like("desc"), ["describe"]);
        assert!(like("frobnicate").is_empty());
    }
}
