//! Changes as sentences.

use super::{Change, PodTurn, Sign, What};
use crate::lang::Lang;
use crate::object::{Kind, Labels};
use crate::scene::affects::names;

pub(super) fn labels(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

impl Change {
    /// The change in one sentence.
    pub fn say(&self, lang: Lang) -> String {
        let who = format!("{} {}", self.object.kind.name(), self.object.name);
        let came = self.sign == Sign::Came;
        match &self.what {
            What::Object if came => lang.pick(format!("{who} is new."), format!("新增 {who}。")),
            What::Object => lang.pick(format!("{who} is gone."), format!("{who} 没有了。")),
            What::Field(was, is) => {
                let (was, is) = (or_none(was), or_none(is));
                let path = &self.field.path;
                lang.pick(format!("{who}: {path} was {was}, is {is}."), format!("{who}：{path} 从 {was} 变为 {is}。"))
            }
            What::Pods { turn, names, ready } => self.pods(&who, *turn, names, *ready, lang),
            What::Endpoints(all) => {
                let (n, list) = (all.len(), names(all, lang));
                match came {
                    true => lang.pick(
                        format!("{who} has {} new {}: {list}.", n, if n == 1 { "endpoint" } else { "endpoints" }),
                        format!("{who} 新增 {n} 个端点：{list}。"),
                    ),
                    false => lang.pick(
                        format!("{who} lost {} {}: {list}.", n, if n == 1 { "endpoint" } else { "endpoints" }),
                        format!("{who} 少了 {n} 个端点：{list}。"),
                    ),
                }
            }
            What::Address(address) => match (address.strip_prefix(':'), came) {
                (Some(port), true) => lang.pick(
                    format!("Port {port} is open on every node, for {who}."),
                    format!("每个节点都为 {who} 打开了端口 {port}。"),
                ),
                (Some(port), false) => {
                    lang.pick(format!("Port {port} is closed on every node."), format!("每个节点都关闭了端口 {port}。"))
                }
                (None, true) => lang.pick(
                    format!("Every kernel has a rule for {address}, an address of {who}."),
                    format!("每个内核都有了 {address} 的规则，它是 {who} 的地址。"),
                ),
                (None, false) => lang.pick(
                    format!("No kernel has a rule for {address} any more."),
                    format!("内核里不再有 {address} 的规则。"),
                ),
            },
            What::Picks { nodes, before, after, silent } => {
                let place = match nodes.is_empty() {
                    true => lang.pick("On every node", "在每个节点上").to_owned(),
                    false => lang.pick(format!("On {}", names(nodes, lang)), format!("在 {} 上", names(nodes, lang))),
                };
                let among = |n: usize| {
                    lang.pick(if n == 1 { "1 pod".to_owned() } else { format!("{n} pods") }, format!("{n} 个 Pod"))
                };
                match (*before, *after) {
                    (_, 0) if *silent => lang.pick(
                        format!("{place}, what comes for {who} is dropped: the node has no ready pod of it."),
                        format!("{place}，发给 {who} 的数据包会被丢弃：节点上没有它的就绪 Pod。"),
                    ),
                    (_, 0) => lang.pick(
                        format!("{place}, the kernel refuses connections to {who}: there is no endpoint left."),
                        format!("{place}，内核拒绝到 {who} 的连接：一个端点也没有了。"),
                    ),
                    (0, n) if *silent => lang.pick(
                        format!(
                            "{place}, what comes for {who} is no longer dropped: its rules pick among {}.",
                            among(n)
                        ),
                        format!("{place}，发给 {who} 的数据包不再被丢弃：规则在 {} 中挑选。", among(n)),
                    ),
                    (0, n) => lang.pick(
                        format!(
                            "{place}, connections to {who} are refused no longer: its rules pick among {}.",
                            among(n)
                        ),
                        format!("{place}，到 {who} 的连接不再被拒绝：规则在 {} 中挑选。", among(n)),
                    ),
                    (was, n) if was == n => lang.pick(
                        format!("{place}, the rules of {who} pick among {}, as many as before, but others.", among(n)),
                        format!("{place}，{who} 的规则仍在 {} 中挑选，但换了 Pod。", among(n)),
                    ),
                    (was, n) => lang.pick(
                        format!("{place}, the rules of {who} pick among {} instead of {was}.", among(n)),
                        format!("{place}，{who} 的规则在 {} 中挑选，之前是 {was} 个。", among(n)),
                    ),
                }
            }
            What::Outside(address) => {
                let of = if self.object.kind == Kind::Ingress { "ADDRESS" } else { "EXTERNAL-IP" };
                match came {
                    true => {
                        lang.pick(format!("{who} was given {of} {address}."), format!("{who} 得到 {of} {address}。"))
                    }
                    false => lang.pick(format!("{who} lost {of} {address}."), format!("{who} 失去 {of} {address}。")),
                }
            }
            What::Route(what, to) => match self.sign {
                Sign::Went => {
                    lang.pick(format!("{who} has no rule {what} any more."), format!("{who} 不再有规则 {what}。"))
                }
                Sign::Came => lang.pick(
                    format!("{who} has a new rule: {what} leads to {to}."),
                    format!("{who} 新增规则：{what} 通向 {to}。"),
                ),
                Sign::Other => {
                    lang.pick(format!("{who}: {what} now leads to {to}."), format!("{who}：{what} 现在通向 {to}。"))
                }
            },
            What::Node(state) => match *state {
                "SchedulingDisabled" => {
                    lang.pick(format!("{who} takes no new pods."), format!("{who} 不再接收新的 Pod。"))
                }
                "Schedulable" => lang.pick(format!("{who} takes pods again."), format!("{who} 重新接收 Pod。")),
                state => lang.pick(format!("{who} is {state}."), format!("{who} 变为 {state}。")),
            },
        }
    }

    fn pods(&self, who: &str, turn: PodTurn, all: &[String], ready: usize, lang: Lang) -> String {
        let n = all.len();
        let itself = self.object.kind == Kind::Pod;
        let list = names(all, lang);
        let (subject, sujet) = match (itself, n) {
            (true, _) => (format!("Pod {}", self.object.name), format!("Pod {}", self.object.name)),
            (false, 1) => (format!("1 pod of {who} ({list})"), format!("{who} 的 1 个 Pod（{list}）")),
            (false, n) => (format!("{n} pods of {who} ({list})"), format!("{who} 的 {n} 个 Pod（{list}）")),
        };
        let (is, are) = if n == 1 { ("is", "was") } else { ("are", "were") };
        match turn {
            PodTurn::Made => {
                let state = match (ready == n, ready) {
                    (true, _) => lang.pick("ready".to_owned(), "已就绪".to_owned()),
                    (_, 0) => lang.pick("not ready yet".to_owned(), "尚未就绪".to_owned()),
                    (_, some) => lang.pick(format!("{some} ready so far"), format!("目前 {some} 个就绪")),
                };
                lang.pick(format!("{subject} {is} new, {state}."), format!("新增 {sujet}，{state}。"))
            }
            PodTurn::Ready => lang.pick(format!("{subject} became ready."), format!("{sujet} 变为就绪。")),
            PodTurn::Unready => lang.pick(format!("{subject} {is} no longer ready."), format!("{sujet} 不再就绪。")),
            PodTurn::Restarted => lang.pick(format!("{subject} {are} restarted."), format!("{sujet} 重启了。")),
            PodTurn::Ending => lang.pick(format!("{subject} {is} ending."), format!("{sujet} 正在结束。")),
            PodTurn::Gone => lang.pick(format!("{subject} {is} gone."), format!("{sujet} 没有了。")),
        }
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}
