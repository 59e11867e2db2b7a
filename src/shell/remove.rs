//! `rm` and `mv`: the laptop's files go, or get another name. As GNU coreutils has them, for plain files in one folder; left out:
//! `-i`, `-v`, folders, `mv` of several files. What was applied from a file stays in the cluster.

use super::flags::{self, Style, switch};
use super::{Io, Place, Shell};

const RM: &[flags::Flag] = &[switch("force", 'f'), switch("recursive", 'r')];
const MV: &[flags::Flag] = &[switch("force", 'f'), switch("no-clobber", 'n')];

/// `rm [-f] FILE…`
pub(super) fn rm(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[RM], args) {
        Ok(flags) => flags,
        Err(problem) => return wrong(io, "rm", &problem.getopt()),
    };
    let force = flags.on("force");
    if flags.words.is_empty() && !force {
        return wrong(io, "rm", "missing operand");
    }
    let mut code = 0;
    for name in &flags.words {
        if take(shell, name).is_none() && !force {
            io.err(format!("rm: cannot remove '{name}': No such file or directory\n"));
            code = 1;
        }
    }
    code
}

/// `mv FILE NAME`
pub(super) fn mv(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags = match flags::read(Style::Getopt, &[MV], args) {
        Ok(flags) => flags,
        Err(problem) => return wrong(io, "mv", &problem.getopt()),
    };
    let (from, to) = match flags.words.as_slice() {
        [] => return wrong(io, "mv", "missing file operand"),
        [from] => return wrong(io, "mv", &format!("missing destination file operand after '{from}'")),
        [from, to] => (from, to),
        [.., last] => {
            io.err(format!("mv: target '{last}': No such file or directory\n"));
            return 1;
        }
    };
    let same = bare(from) == bare(to);
    if shell.file(from).is_none() {
        io.err(format!("mv: cannot stat '{from}': No such file or directory\n"));
        return 1;
    }
    if same {
        io.err(format!("mv: '{from}' and '{to}' are the same file\n"));
        return 1;
    }
    if flags.on("no-clobber") && shell.file(to).is_some() {
        return 0;
    }
    if let Some(text) = take(shell, from) {
        shell.files.insert(bare(to).to_owned(), text);
    }
    0
}

fn wrong(io: &mut Io, program: &str, what: &str) -> i32 {
    io.err(format!("{program}: {what}\nTry '{program} --help' for more information.\n"));
    1
}

fn bare(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// Takes a file of the laptop away; only where one stands on it.
fn take(shell: &mut Shell, name: &str) -> Option<String> {
    if *shell.terminal.place() != Place::Laptop {
        return None;
    }
    shell.files.remove(bare(name))
}
