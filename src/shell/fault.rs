//! `fault`: what the stage's menus break, for those who have no stage.

use super::flags::{self, Flag, Style, value};
use super::{Io, Shell};
use crate::api::Status;
use crate::object::{Kind, Ref};

const FAULT: &[Flag] = &[value("namespace", 'n', "NAME")];

const USAGE: &str = "usage: fault unready|ready|kill [-n NAMESPACE] POD\n";

/// `fault unready POD`: its readiness probe fails from now on; `fault ready POD` mends it; `fault kill POD`: its program dies with it.
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
    let [what, pod] = flags.words.as_slice() else {
        io.err(USAGE);
        return 2;
    };
    let name = pod.strip_prefix("pod/").unwrap_or(pod);
    let key = Ref::new(Kind::Pod, flags.get("namespace").unwrap_or(&shell.terminal.namespace), name);
    if shell.cluster.store().get(&key).is_none() {
        io.err(Status::not_found(&key).kubectl());
        return 1;
    }
    let (en, zh) = match what.as_str() {
        "unready" => {
            shell.cluster.fail_readiness(&key, true);
            ("its readiness probe fails from now on", "它的就绪探针从现在起失败")
        }
        "ready" => {
            shell.cluster.fail_readiness(&key, false);
            ("its readiness probe tells the truth again", "它的就绪探针恢复如实回答")
        }
        "kill" => match shell.cluster.kill_pod(&key) {
            Ok(()) => ("its program died", "它的程序已被杀死"),
            Err(status) => {
                io.err(status.kubectl());
                return 1;
            }
        },
        _ => {
            io.err(USAGE);
            return 2;
        }
    };
    io.out(format!("pod/{name}: {}\n", shell.terminal.lang.pick(en, zh)));
    0
}
