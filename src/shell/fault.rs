//! `fault`: what the stage's menus break, for those who have no stage.

use super::flags::{self, Flag, Style, value};
use super::{Io, Shell};
use crate::api::Status;
use crate::object::{Kind, Ref};

const FAULT: &[Flag] = &[value("namespace", 'n', "NAME")];

const USAGE: &str = "usage: fault unready|ready|ill|well|kill [-n NAMESPACE] POD
       fault stop-node|start-node NODE
       fault cut|mend NODE NODE
";

/// `fault unready POD`: its readiness probe fails from now on; `fault ready POD` mends it. `fault ill POD` and `well` do the same to its
/// liveness probe. `fault kill POD`: its program dies with it. `fault stop-node NODE`, `start-node`: power. `fault cut A B`, `mend`: a link.
///
/// The lab's own program, like `trace`.
pub(super) fn run(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Pflag, &[FAULT], args) {
        Ok(flags) => flags,
        Err(problem) => {
            io.err(format!("fault: {}\n{USAGE}", problem.pflag()));
            return 2;
        }
    };
    let words: Vec<&str> = flags.words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [what @ ("stop-node" | "start-node"), node] => on_node(shell, what, bare(node, "node/")),
        [what @ ("cut" | "mend"), a, b] => on_link(shell, what, bare(a, "node/"), bare(b, "node/")),
        [what @ ("unready" | "ready" | "ill" | "well" | "kill"), pod] => {
            let namespace = flags.get("namespace").unwrap_or(&shell.terminal.namespace);
            let key = Ref::new(Kind::Pod, namespace, bare(pod, "pod/"));
            on_pod(shell, what, &key)
        }
        _ => {
            io.err(USAGE);
            return 2;
        }
    };
    match done {
        Ok((what, (en, zh))) => {
            io.out(format!("{what}: {}\n", shell.terminal.lang.pick(en, zh)));
            0
        }
        Err(status) => {
            io.err(status.kubectl());
            1
        }
    }
}

/// What was done to what, in both languages.
type Done = Result<(String, (&'static str, &'static str)), Status>;

fn bare<'a>(word: &'a str, prefix: &str) -> &'a str {
    word.strip_prefix(prefix).unwrap_or(word)
}

fn on_pod(shell: &mut Shell, what: &str, key: &Ref) -> Done {
    if shell.cluster.store().get(key).is_none() {
        return Err(Status::not_found(key));
    }
    let said = match what {
        "unready" => {
            shell.cluster.fail_readiness(key, true);
            ("its readiness probe fails from now on", "它的就绪探针从现在起失败")
        }
        "ready" => {
            shell.cluster.fail_readiness(key, false);
            ("its readiness probe tells the truth again", "它的就绪探针恢复如实回答")
        }
        "ill" => {
            shell.cluster.fail_liveness(key, true);
            ("its liveness probe fails from now on", "它的存活探针从现在起失败")
        }
        "well" => {
            shell.cluster.fail_liveness(key, false);
            ("its liveness probe tells the truth again", "它的存活探针恢复如实回答")
        }
        _ => {
            shell.cluster.kill_pod(key)?;
            ("its program died", "它的程序已被杀死")
        }
    };
    Ok((format!("pod/{}", key.name), said))
}

fn on_node(shell: &mut Shell, what: &str, node: &str) -> Done {
    let said = if what == "stop-node" {
        match shell.cluster.stop_node(node)? {
            true => ("it is off", "已关机"),
            false => ("it was off already", "原本就已关机"),
        }
    } else {
        match shell.cluster.start_node(node)? {
            true => ("it is on again", "已重新开机"),
            false => ("it was on already", "原本就开着"),
        }
    };
    Ok((format!("node/{node}"), said))
}

fn on_link(shell: &mut Shell, what: &str, a: &str, b: &str) -> Done {
    let said = if what == "cut" {
        match shell.cluster.cut_link(a, b)? {
            true => ("the link between them is cut", "两者之间的链路已切断"),
            false => ("there is no link to cut", "没有可切断的链路"),
        }
    } else {
        match shell.cluster.mend_link(a, b)? {
            true => ("the link between them is whole again", "两者之间的链路已恢复"),
            false => ("the link between them was whole", "两者之间的链路原本就完好"),
        }
    };
    Ok((format!("node/{a} node/{b}"), said))
}
