//! `firewall`: what the firewall before the nodes lets in, and what stands open because of it.
//!
//! The lab's own program: a real cloud has its own tool for it (`gcloud compute firewall-rules`, `aws ec2
//! authorize-security-group-ingress`, `az network nsg rule`), with names, priorities and protocols that are left out here.

use serde::{Deserialize, Serialize};

use super::flags::{self, Flag, Style, value};
use super::{Io, Output, Shell, Stream};
use crate::cluster::{Cluster, Unchanged};
use crate::lang::Lang;
use crate::net::Doors;
use crate::object::Opening;

const FIREWALL: &[Flag] = &[value("from", ' ', "CIDR")];

const USAGE: &str = "usage: firewall list
       firewall open|close PORTS [--from CIDR]
PORTS is a port or a range, as 30001 or 30001-30003; without --from, everybody may come.
";

/// A change of the firewall before the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Firewall {
    /// It lets these ports in from now on.
    Open(Ports),
    /// Its rule for these ports goes.
    Close(Ports),
}

/// What a rule of the firewall lets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// `30001`, or `30001-30003`.
    pub ports: String,
    /// Who may come: a range of addresses.
    #[serde(default = "everybody")]
    pub from: String,
}

fn everybody() -> String {
    "0.0.0.0/0".to_owned()
}

impl Ports {
    /// These ports, for everybody.
    pub fn new(ports: impl Into<String>) -> Self {
        Self { ports: ports.into(), from: everybody() }
    }
}

impl From<Opening> for Ports {
    fn from(opening: Opening) -> Self {
        Self { ports: opening.ports(), from: opening.from.to_string() }
    }
}

/// Changes the firewall; tells what was done, or why not.
pub fn firewall(cluster: &mut Cluster, change: &Firewall, lang: Lang) -> Output {
    let (ports, opens) = match change {
        Firewall::Open(ports) => (ports, true),
        Firewall::Close(ports) => (ports, false),
    };
    let fail = |code, en: String, zh: String| {
        let text = format!("firewall: {}\n", lang.pick(en, zh));
        Output { chunks: vec![(Stream::Err, text)], code, ..Output::default() }
    };
    let Some(opening) = Opening::read(&ports.ports, &ports.from) else {
        return fail(
            2,
            format!(
                "{:?} from {:?}: ports are 1 to 65535, or a range as 30001-30003; addresses a range as 0.0.0.0/0",
                ports.ports, ports.from
            ),
            format!(
                "{:?}（来自 {:?}）：端口为 1 到 65535，或 30001-30003 这样的范围；地址为 0.0.0.0/0 这样的网段",
                ports.ports, ports.from
            ),
        );
    };
    let done = if opens { cluster.open_firewall(opening) } else { cluster.close_firewall(opening) };
    let said = match (done, opens) {
        (Err(Unchanged::NoFirewall), _) => {
            return fail(
                1,
                "no firewall stands before these nodes: the profile cloud has one, or a Lab with spec.firewall".into(),
                "这些节点前面没有防火墙：cloud 环境有，或者在 Lab 里写 spec.firewall".into(),
            );
        }
        (Err(Unchanged::AsItWas), false) => {
            return fail(
                1,
                format!("no rule lets in {opening}; firewall list tells which there are"),
                format!("没有放行“{opening}”的规则；用 firewall list 查看现有规则"),
            );
        }
        (Err(Unchanged::AsItWas), true) => lang.pick("was open already", "原本就是打开的"),
        (Ok(()), true) => lang.pick("is open", "已打开"),
        (Ok(()), false) => lang.pick("is shut", "已关闭"),
    };
    Output { chunks: vec![(Stream::Out, format!("{opening}: {said}\n"))], ..Output::default() }
}

/// What stands open in words, a sentence for each sort of door.
pub fn exposed(doors: &Doors, lang: Lang) -> Vec<String> {
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let mut told = Vec::new();
    if doors.ports > 0 {
        let (ports, nodes) = (doors.ports, doors.nodes);
        let all = ports * nodes;
        told.push(lang.pick(
            format!("{ports} port{} on {nodes} node{} = {all} door{}", s(ports), s(nodes), s(all)),
            format!("{ports} 个端口 × {nodes} 个节点 = {all} 扇门"),
        ));
    }
    if !doors.balancers.is_empty() {
        let addresses = doors.balancers.len();
        let ports: usize = doors.balancers.iter().map(|(_, _, ports)| ports.len()).sum();
        told.push(lang.pick(
            format!("{addresses} load balancer{}, {ports} port{}", s(addresses), s(ports)),
            format!("{addresses} 个负载均衡器，{ports} 个端口"),
        ));
    }
    if told.is_empty() {
        told.push(lang.pick("nothing is open", "什么都没有打开").to_owned());
    }
    told
}

/// `firewall list`, `firewall open PORTS`, `firewall close PORTS`
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Pflag, &[FIREWALL], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("firewall: {}\n{USAGE}", problem.pflag()));
            return 2;
        }
    };
    let words: Vec<&str> = flags.words.iter().map(String::as_str).collect();
    let ports =
        |ports: &str| Ports { from: flags.get("from").map_or_else(everybody, str::to_owned), ..Ports::new(ports) };
    let change = match words[..] {
        ["list"] => return list(shell, io),
        ["open", given] => Firewall::Open(ports(given)),
        ["close", given] => Firewall::Close(ports(given)),
        _ => {
            io.err(USAGE);
            return 2;
        }
    };
    let output = firewall(shell.cluster, &change, shell.terminal.lang);
    output.chunks.iter().for_each(|(stream, text)| io.print(*stream, text));
    output.code
}

fn list(shell: &mut Shell, io: &mut Io) -> i32 {
    let (lang, cluster) = (shell.terminal.lang, &*shell.cluster);
    let Some(rules) = cluster.firewall() else {
        io.err(lang.pick("firewall: no firewall stands before these nodes\n", "firewall: 这些节点前面没有防火墙\n"));
        return 1;
    };
    let doors = Doors::of(cluster.store(), cluster.profile(), rules);
    io.out(format!("{:<14}{:<19}LEADS TO\n", "PORTS", "FROM"));
    for (opening, leads) in &doors.rules {
        let leads: Vec<String> = leads.iter().map(|(_, key)| format!("{}/{}", key.namespace, key.name)).collect();
        let leads = if leads.is_empty() { "<none>".to_owned() } else { leads.join(",") };
        io.out(format!("{:<14}{:<19}{leads}\n", opening.ports(), opening.from.to_string()));
    }
    for (key, address, ports) in &doors.balancers {
        let ports: Vec<String> = ports.iter().map(i32::to_string).collect();
        io.out(format!(
            "{:<14}{:<19}{}/{} {}\n",
            ports.join(","),
            "0.0.0.0/0",
            key.namespace,
            key.name,
            lang.pick(format!("(load balancer {address})"), format!("（负载均衡器 {address}）"))
        ));
    }
    for line in exposed(&doors, lang) {
        io.out(format!("{}{line}\n", lang.pick("exposed: ", "对外暴露：")));
    }
    0
}
