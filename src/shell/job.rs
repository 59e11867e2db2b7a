//! Jobs: programs that go on after their line, and bash's `jobs`, `fg`, `bg`, `kill` and `wait`.
//!
//! A program that would hold its terminal (`kubectl port-forward`, `kubectl get -w`) calls [`Shell::hold`] with its [`Work`]: what it
//! remembers, and how it goes on. Nobody waits for it: whoever lets time pass asks the jobs what they have to say ([`poll`]), and what
//! they print gathers in their terminal. So a session stays the fold of its log.
//!
//! Where bash would read no further line until the job ends, the lab runs it as in another terminal and says so once. Left out: Ctrl-Z,
//! signals other than those that end a program, input for programs that hold a terminal.

use std::sync::Arc;

use super::kubectl::{Follow, Forward, Watch};
use super::minikube::{Balancers, Tunnel};
use super::repeat::Repeat;
use super::{Files, Io, Shell, Stream, Terminal};
use crate::cluster::Cluster;
use crate::time::Instant;
use crate::trace::Trace;

/// A program that goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    number: u32,
    pid: u32,
    line: String,
    stands: Stands,
    /// How many places stood below its shell: it ends when that shell is left.
    depth: usize,
    work: Work,
}

/// Where a job stands towards its terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// It holds the terminal.
    Front,
    /// In the background, after `&`.
    Back,
    /// It holds a terminal of its own: a further line was run beside it.
    Elsewhere,
}

/// How many programs go on in a terminal at most: each has its say whenever time passes.
const MOST_JOBS: usize = 32;

/// How much is kept for a terminal that nobody looks at.
const MOST_PRINTED: usize = 10_000;

/// What `&` follows, until it says that it goes on.
pub(super) struct Behind {
    pid: u32,
    line: String,
    /// Whether it is one program, and no group or pipe.
    pub(super) is_alone: bool,
}

/// What a program that goes on remembers; a variant for each that can.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// `sleep N &`, until then.
    Sleep(Instant),
    /// `kubectl port-forward`
    Forward(Forward),
    /// `minikube service` on Docker Desktop.
    Service(Tunnel),
    /// `minikube tunnel`
    Tunnel(Balancers),
    /// `kubectl get -w`
    Watch(Box<Watch>),
    /// `kubectl logs -f`
    Logs(Follow),
    /// `watch`
    Repeat(Box<Repeat>),
}

impl Work {
    /// Prints what there is to say by now; gives the exit status once the program has ended.
    fn poll(&mut self, shell: &mut Shell, io: &mut Io) -> Option<i32> {
        match self {
            Self::Forward(forward) => forward.poll(shell, io),
            Self::Service(tunnel) => tunnel.poll(shell),
            Self::Tunnel(tunnel) => tunnel.poll(shell, io),
            Self::Watch(watch) => watch.poll(shell, io),
            Self::Logs(follow) => follow.poll(shell, io),
            Self::Repeat(repeat) => repeat.poll(shell, io),
            Self::Sleep(until) => (*until <= shell.cluster.now()).then_some(0),
        }
    }

    /// Whether it reads the cluster's changes.
    fn watches(&self) -> bool {
        matches!(self, Self::Watch(_))
    }

    /// When it wants to be asked at the latest; none if it only waits for others.
    fn next(&self) -> Option<Instant> {
        match self {
            Self::Sleep(until) => Some(*until),
            Self::Tunnel(tunnel) => tunnel.next(),
            Self::Repeat(repeat) => Some(repeat.next()),
            Self::Forward(_) | Self::Service(_) | Self::Watch(_) | Self::Logs(_) => None,
        }
    }

    /// Puts away what it holds (a listening port, a route): it was told to end. Gives its exit status after Ctrl-C.
    fn stop(&mut self, shell: &mut Shell, io: &mut Io) -> i32 {
        match self {
            Self::Forward(forward) => forward.stop(shell),
            Self::Service(tunnel) => tunnel.stop(shell, io),
            Self::Tunnel(tunnel) => tunnel.stop(shell, io),
            Self::Sleep(_) | Self::Watch(_) | Self::Logs(_) | Self::Repeat(_) => 130,
        }
    }
}

/// Lets a terminal's jobs say what has happened since they were last asked: after time passed, after anything was done to the cluster.
///
/// What they print is kept for [`Terminal::take_printed`]; the requests they sent are given.
pub fn poll(cluster: &mut Cluster, terminal: &mut Terminal, files: &mut Files) -> Vec<Arc<Trace>> {
    if terminal.jobs.is_empty() {
        return Vec::new();
    }
    let mut shell = Shell::new(cluster, terminal, files);
    shell.poll(&mut Io::default());
    shell.traces
}

impl Terminal {
    /// What jobs printed since this was last asked, in order.
    pub fn take_printed(&mut self) -> Vec<(Stream, String)> {
        std::mem::take(&mut self.printed)
    }

    /// Whether jobs have printed nothing that nobody has taken yet.
    pub fn is_silent(&self) -> bool {
        self.printed.is_empty()
    }

    /// Whether a program holds the terminal until Ctrl-C, which is the line `^C`.
    pub fn is_held(&self) -> bool {
        self.jobs.iter().any(|job| job.stands == Stands::Front)
    }

    /// Whether a job reads the cluster's changes: they are to be kept until it was asked.
    pub fn watches(&self) -> bool {
        self.jobs.iter().any(|job| job.work.watches())
    }

    /// When a job next does something by itself.
    pub fn next(&self) -> Option<Instant> {
        self.jobs.iter().filter_map(|job| job.work.next()).min()
    }
}

impl Shell<'_> {
    /// The pid of a program that may go on, for [`Shell::hold`].
    pub(super) fn pid(&mut self) -> u32 {
        match &self.behind {
            Some(behind) => behind.pid,
            None => self.cluster.spawn(),
        }
    }

    /// Lets a program go on after its line: in the background if `&` follows it, else it holds the terminal.
    ///
    /// What it printed so far stays printed. Where its output goes on to another program (a pipe, `$(…)`), nobody could wait for its end:
    /// it ends at once, and one line says so.
    pub(super) fn hold(&mut self, io: &mut Io, pid: u32, mut work: Work) -> i32 {
        if self.terminal.jobs.len() >= MOST_JOBS {
            work.stop(self, io);
            self.say(
                io,
                format!("no more than {MOST_JOBS} programs go on in one terminal"),
                format!("一个终端里最多有 {MOST_JOBS} 个持续运行的程序"),
            );
            return 1;
        }
        let (stands, line) = match self.behind.take() {
            Some(behind) => (Stands::Back, behind.line),
            None if io.tty => (Stands::Front, self.typed.clone()),
            None => {
                work.stop(self, io);
                self.say(
                    io,
                    "a program that goes on cannot be waited for here: this is what it prints at once",
                    "此处无法等待不会结束的程序：以上只是它立即输出的内容",
                );
                return 0;
            }
        };
        let depth = self.terminal.places.len();
        let number = self.terminal.jobs.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        self.terminal.jobs.push(Job { number, pid, line, stands, depth, work });
        self.held |= stands == Stands::Front;
        0
    }

    /// Starts a pipeline without waiting for it; what ends by itself at once is told as done.
    pub(super) fn behind(
        &mut self,
        io: &mut Io,
        line: &str,
        is_alone: bool,
        start: impl FnOnce(&mut Self, &mut Io) -> i32,
    ) {
        let pid = self.cluster.spawn();
        let number = self.terminal.jobs.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        io.err(format!("[{number}] {pid}\n"));
        let before = self.behind.replace(Behind { pid, line: line.to_owned(), is_alone });
        let code = start(self, io);
        if self.behind.is_some() {
            io.err(told(number, '+', &ended(code), line));
        }
        self.behind = before;
    }

    /// Lets every job here go on; what they print is printed, or kept where nothing can be printed now.
    pub(super) fn poll(&mut self, io: &mut Io) {
        let jobs = std::mem::take(&mut self.terminal.jobs);
        let mut left = Vec::new();
        for mut job in jobs {
            let mut own = Io { tty: true, ..Io::default() };
            let ended = job.work.poll(self, &mut own);
            if let Some(code) = ended {
                match job.stands {
                    Stands::Back => own.err(told(job.number, '+', &self::ended(code), &job.line)),
                    Stands::Front => drop(self.terminal.variables.insert("?".into(), code.to_string())),
                    Stands::Elsewhere => {}
                }
            }
            let direct = io.tty && job.stands != Stands::Elsewhere;
            for (stream, text) in own.chunks {
                if direct {
                    io.print(stream, text);
                } else if self.terminal.printed.len() < MOST_PRINTED {
                    self.terminal.printed.push((stream, text));
                }
            }
            if ended.is_none() {
                left.push(job);
            }
        }
        left.append(&mut self.terminal.jobs);
        self.terminal.jobs = left;
    }

    /// Before a line is run: Ctrl-C ends what holds the terminal; any other line makes it hold one of its own.
    ///
    /// Gives whether that was all that the line says.
    pub(super) fn interrupt(&mut self, io: &mut Io, line: &str) -> bool {
        if matches!(line.trim(), "^C" | "\u{3}") {
            let jobs = &self.terminal.jobs;
            let held = |stands: Stands| jobs.iter().rposition(|job| job.stands == stands);
            if let Some(i) = held(Stands::Front).or(held(Stands::Elsewhere)) {
                let mut job = self.terminal.jobs.remove(i);
                let code = job.work.stop(self, io);
                self.terminal.variables.insert("?".into(), code.to_string());
            }
            return true;
        }
        if let Some(job) = self.terminal.jobs.iter_mut().find(|job| job.stands == Stands::Front) {
            job.stands = Stands::Elsewhere;
            let held = job.line.clone();
            self.say(
                io,
                format!("`{held}` holds its terminal until ^C; this line runs in another"),
                format!("`{held}` 占用它的终端，直到 ^C；本行在另一个终端中运行"),
            );
        }
        false
    }

    /// Ends the jobs of shells that were left.
    pub(super) fn hang_up(&mut self, io: &mut Io) {
        let depth = self.terminal.places.len();
        self.end(io, |job| job.depth > depth);
    }

    /// Ends the jobs that fit, without a word.
    fn end(&mut self, io: &mut Io, fits: impl Fn(&Job) -> bool) {
        let jobs = std::mem::take(&mut self.terminal.jobs);
        for mut job in jobs {
            if fits(&job) {
                job.work.stop(self, io);
            } else {
                self.terminal.jobs.push(job);
            }
        }
    }

    /// The place of the job that a word names, among those in the background: `%1`, `%+`, `%-`, `1`, or the current one.
    fn job(&self, word: Option<&str>) -> Option<usize> {
        let jobs = &self.terminal.jobs;
        let back = |number: Option<u32>| {
            jobs.iter().rposition(|job| job.stands == Stands::Back && number.is_none_or(|n| job.number == n))
        };
        match word.map(|word| word.strip_prefix('%').unwrap_or(word)) {
            None | Some("" | "+" | "%") => back(None),
            Some("-") => {
                let current = back(None)?;
                jobs[..current].iter().rposition(|job| job.stands == Stands::Back)
            }
            Some(number) => back(Some(number.parse().ok()?)),
        }
    }
}

/// `[1]+  Running                 sleep 10 &`
fn told(number: u32, mark: char, state: &str, line: &str) -> String {
    format!("[{number}]{mark}  {state:<24}{line}\n")
}

fn ended(code: i32) -> String {
    match code {
        0 => "Done".into(),
        130 => "Interrupt".into(),
        143 => "Terminated".into(),
        code => format!("Exit {code}"),
    }
}

/// `jobs`: what runs in the background here.
pub(super) fn jobs(shell: &mut Shell, io: &mut Io, _: &[String]) -> i32 {
    let back: Vec<&Job> = shell.terminal.jobs.iter().filter(|job| job.stands == Stands::Back).collect();
    for (i, job) in back.iter().enumerate() {
        let mark = match back.len() - i {
            1 => '+',
            2 => '-',
            _ => ' ',
        };
        io.out(told(job.number, mark, "Running", &format!("{} &", job.line)));
    }
    0
}

fn no_such_job(shell: &Shell, io: &mut Io, program: &str, word: Option<&String>) -> i32 {
    let word = word.map_or("current", String::as_str);
    io.err(format!("{}: {program}: {word}: no such job\n", shell.shell_name()));
    1
}

/// `fg [%N]`: a job holds the terminal again.
pub(super) fn fg(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    match shell.job(args.first().map(String::as_str)) {
        Some(i) => {
            let job = &mut shell.terminal.jobs[i];
            job.stands = Stands::Front;
            io.out(format!("{}\n", job.line));
            shell.held = true;
            0
        }
        None => no_such_job(shell, io, "fg", args.first()),
    }
}

/// `bg [%N]`: nothing is ever stopped here, so that all jobs run already.
pub(super) fn bg(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    match shell.job(args.first().map(String::as_str)) {
        Some(i) => {
            let number = shell.terminal.jobs[i].number;
            io.err(format!("{}: bg: job {number} already in background\n", shell.shell_name()));
            0
        }
        None => no_such_job(shell, io, "bg", args.first()),
    }
}

/// `kill [-SIGNAL] %N|PID…`: every signal ends a program.
pub(super) fn kill(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let (signals, targets): (Vec<_>, Vec<_>) = args.iter().partition(|arg| arg.starts_with('-'));
    if targets.is_empty() {
        io.err("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n");
        return 2;
    }
    let killed = signals.iter().any(|signal| matches!(signal.as_str(), "-9" | "-KILL" | "-SIGKILL"));
    let interrupted = signals.iter().any(|signal| matches!(signal.as_str(), "-2" | "-INT" | "-SIGINT"));
    let mut code = 0;
    for target in targets {
        let found = if target.starts_with('%') {
            shell.job(Some(target))
        } else {
            let pid = target.parse::<u32>().ok();
            shell.terminal.jobs.iter().position(|job| Some(job.pid) == pid)
        };
        let Some(i) = found else {
            let name = shell.shell_name();
            let fault = match target.parse::<u32>() {
                Ok(pid) => format!("({pid}) - No such process"),
                Err(_) if target.starts_with('%') => format!("{target}: no such job"),
                Err(_) => format!("{target}: arguments must be process or job IDs"),
            };
            io.err(format!("{name}: kill: {fault}\n"));
            code = 1;
            continue;
        };
        let mut job = shell.terminal.jobs.remove(i);
        job.work.stop(shell, io);
        if job.stands == Stands::Back {
            let state = if killed {
                "Killed"
            } else if interrupted {
                "Interrupt"
            } else {
                "Terminated"
            };
            io.err(told(job.number, '+', state, &job.line));
        }
    }
    code
}

/// `wait`: time passes until the jobs here have ended; for those that never do, nobody waits.
pub(super) fn wait(shell: &mut Shell, io: &mut Io, _: &[String]) -> i32 {
    for _ in 0..1000 {
        let back = shell.terminal.jobs.iter().filter(|job| job.stands == Stands::Back);
        let Some(next) = back.filter_map(|job| job.work.next()).min() else { break };
        shell.cluster.advance(next);
        shell.poll(io);
    }
    if shell.terminal.jobs.iter().any(|job| job.stands == Stands::Back) {
        shell.say(io, "some jobs never end: nobody waits for them here", "有的任务不会结束，此处不再等待");
    }
    0
}

#[cfg(test)]
mod tests {
    use crate::cluster::Cluster;
    use crate::lang::Lang;
    use crate::object::Profile;
    use crate::shell::{Files, Stream, Terminal, run};
    use crate::time::{Duration, Instant};

    struct Desk(Cluster, Terminal, Files);

    impl Desk {
        fn new() -> Self {
            Self(Cluster::new(&Profile::named("minikube").unwrap(), 1), Terminal::new(Lang::En), Files::new())
        }

        fn run(&mut self, line: &str) -> String {
            let output = run(&mut self.0, &mut self.1, &mut self.2, line);
            output.on(Stream::Out) + &output.on(Stream::Err)
        }

        fn wait(&mut self, seconds: u64) -> String {
            let until = self.0.now() + Duration::from_secs(seconds);
            self.0.advance(until);
            super::poll(&mut self.0, &mut self.1, &mut self.2);
            self.1.take_printed().into_iter().map(|(_, text)| text).collect()
        }
    }

    #[test]
    fn a_job_in_the_background_takes_no_time_and_tells_its_end() {
        let mut desk = Desk::new();
        let pid: u32 = desk.run("sleep 10 &").trim_start_matches("[1] ").trim().parse().unwrap();
        assert_eq!(desk.0.now(), Instant::ZERO);
        assert_eq!(desk.run("jobs"), "[1]+  Running                 sleep 10 &\n");
        assert_eq!(desk.wait(5), "");
        assert_eq!(desk.wait(5), "[1]+  Done                    sleep 10\n");
        assert_eq!(desk.run("jobs"), "");
        assert_eq!(
            desk.run("true && false &"),
            format!("[1] {}\n[1]+  Exit 1                  true && false\n", pid + 1)
        );
        assert_eq!(
            desk.run("sleep 60 & kill %1"),
            format!("[1] {}\n[1]+  Terminated              sleep 60\n", pid + 2)
        );
        assert_eq!(
            desk.run("fg; kill %7; kill 1"),
            "bash: fg: current: no such job\nbash: kill: %7: no such job\nbash: kill: (1) - No such process\n"
        );
    }

    #[test]
    fn what_holds_the_terminal_ends_with_ctrl_c_or_gets_a_terminal_of_its_own() {
        let mut desk = Desk::new();
        desk.run("sleep 100 &");
        assert_eq!(desk.run("fg"), "sleep 100\n");
        assert!(desk.1.is_held());
        assert_eq!(desk.run("^C"), "");
        assert!(!desk.1.is_held());
        assert_eq!(desk.run("echo $?"), "130\n");
        desk.run("sleep 100 & fg");
        let said = desk.run("echo beside");
        assert!(said.starts_with("beside\nkubehop: `sleep 100` holds its terminal until ^C"), "{said}");
        assert_eq!(desk.run("echo again"), "again\n");
        desk.run("^C");
        assert_eq!(desk.1.next(), None);
    }

    #[test]
    fn the_jobs_of_a_shell_end_with_it() {
        let mut desk = Desk::new();
        desk.run("minikube ssh");
        desk.run("sleep 100 &");
        desk.run("exit");
        assert_eq!(desk.run("jobs"), "");
    }
}
