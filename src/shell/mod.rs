//! The shell: [`run`] takes a cluster, where one stands, and a line; gives what a terminal would show.
//!
//! The page's terminal, the command line and the JavaScript module share it. Knows nothing of the screen.

mod words;
mod flags;
mod pattern;
mod place;
mod interpret;
mod job;
mod filter;
mod host;
mod remove;
mod lookup;
mod tables;
mod dig;
mod sockets;
mod probe;
mod curl;
mod openssl;
mod minikube;
mod follow;
mod repeat;
mod fault;
mod firewall;
mod kubectl;
mod complete;
mod conntrack;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::diag::Diagnostic;
use crate::lang::Lang;
use crate::net::{Over, Tally};
use crate::object::Ref;
use crate::text::Source;
use crate::time::Duration;
use crate::trace::{Place, Trace};

pub use complete::complete;
pub use firewall::{Firewall, Ports, exposed, firewall};
pub use follow::Requests;
pub use job::{Job, poll};
pub use place::prompt;

/// The namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Which of a program's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a line gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// What was printed, in order, as on a terminal.
    pub chunks: Vec<(Stream, String)>,
    /// Exit status.
    pub code: i32,
    /// The requests that the line sent, in order.
    pub traces: Vec<Arc<Trace>>,
    /// Whether the terminal is to be emptied (`clear`).
    pub clear: bool,
}

/// A terminal: where it stands and what it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Terminal {
    /// Where it stands: the laptop, then what was entered from it; never empty.
    pub places: Vec<Place>,
    /// The namespace of kubectl's context.
    pub namespace: String,
    /// The language of the lab's own remarks; tools' texts are always English.
    pub lang: Lang,
    /// The shell's variables; `?` is the status of the last command.
    pub variables: BTreeMap<String, String>,
    /// Pods that go when their terminal is left (`kubectl run -it --rm`), by how many places stood before.
    pub passing: Vec<(usize, Ref)>,
    /// Programs that go on after their lines.
    pub jobs: Vec<Job>,
    /// What they printed and nobody has taken yet; see [`Terminal::take_printed`].
    printed: Vec<(Stream, String)>,
}

/// The laptop's files: the editor's tabs, by name.
pub type Files = BTreeMap<String, String>;

/// Runs one line. Time passes in the cluster as the line's commands take it.
///
/// Stands for bash with the tools of a workshop's laptop, a minikube node and a pod. It never fails and never panics: what cannot be read is
/// answered on standard error.
pub fn run(cluster: &mut Cluster, terminal: &mut Terminal, files: &mut Files, line: &str) -> Output {
    let mut shell = Shell::new(cluster, terminal, files);
    let mut io = Io { tty: true, ..Io::default() };
    shell.typed = line.trim().to_owned();
    let code = if shell.interrupt(&mut io, line) {
        0
    } else if let Some(code) = shell.cut_off(&mut io) {
        code
    } else {
        shell.line(&mut io, line)
    };
    shell.poll(&mut io);
    Output { chunks: io.chunks, code, traces: shell.traces, clear: shell.clear }
}

/// What applying a file gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// What `kubectl apply -f` prints, and its exit status.
    pub output: Output,
    /// What is wrong, reading and refusals both, each at its place.
    pub diagnostics: Vec<Diagnostic>,
    /// The objects that stand in the file, refused by the server or not, and what it says of each.
    pub said: Vec<(Ref, serde_json::Value)>,
    /// Whether every document could be read.
    pub is_readable: bool,
}

/// What follows a document that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// kubectl reads no further in that file.
    UntilUnreadable,
    /// The rest is applied all the same, as an editor wants whose text is never finished.
    Whole,
}

/// Applies each document of a file in order, as `kubectl apply -f` does.
pub fn apply(cluster: &mut Cluster, source: &Source, reading: Reading, lang: Lang) -> Applied {
    if !cluster.has_control_plane() {
        let chunks = vec![(Stream::Err, kubectl::unanswered(cluster))];
        return Applied { output: Output { chunks, code: 1, ..Output::default() }, ..Applied::default() };
    }
    let file = kubectl::file(cluster, source, DEFAULT_NAMESPACE, reading);
    let mut io = Io::default();
    let code = file.tell(&mut io, source, lang);
    let output = Output { chunks: io.chunks, code, ..Output::default() };
    Applied { output, diagnostics: file.diagnostics, said: file.said, is_readable: file.is_readable }
}

/// Whether some files describe an environment: the cluster enters it, before anything is applied.
pub fn enter(cluster: &mut Cluster, sources: &[Source]) {
    kubectl::labs(sources).iter().for_each(|lab| cluster.enter(lab));
}

/// Sends requests as a traffic generator does: who gets no answer waits 2 seconds.
pub fn request(cluster: &mut Cluster, requests: &Requests, lang: Lang) -> Output {
    let (mut terminal, mut files, mut io) = (Terminal::new(lang), Files::new(), Io::default());
    let mut shell = Shell::new(cluster, &mut terminal, &mut files);
    let code = follow::send(&mut shell, &mut io, requests);
    Output { chunks: io.chunks, code, traces: shell.traces, clear: false }
}

/// Sends one of these requests now, and waits for nothing that comes of it; or says why none was sent.
pub fn send_off(cluster: &mut Cluster, requests: &Requests, lang: Lang) -> Result<Arc<Trace>, Output> {
    let (mut terminal, mut files, mut io) = (Terminal::new(lang), Files::new(), Io::default());
    let mut shell = Shell::new(cluster, &mut terminal, &mut files);
    match follow::aim(&mut shell, &mut io, requests) {
        Ok((place, request)) => {
            let over = if requests.keep_alive { Over::Kept } else { Over::New };
            Ok(Arc::new(cluster.request_over(over, &place, &request)))
        }
        Err(code) => Err(Output { chunks: io.chunks, code, ..Output::default() }),
    }
}

/// Sends requests, a new connection each and all at this moment, and keeps no trace of them: how they ended, or why none was
/// sent.
pub fn tally(cluster: &mut Cluster, requests: &Requests, lang: Lang) -> Result<Tally, Output> {
    let (mut terminal, mut files, mut io) = (Terminal::new(lang), Files::new(), Io::default());
    let mut shell = Shell::new(cluster, &mut terminal, &mut files);
    match follow::aim(&mut shell, &mut io, requests) {
        Ok((place, request)) => Ok(cluster.tally(&place, &request, requests.count)),
        Err(code) => Err(Output { chunks: io.chunks, code, ..Output::default() }),
    }
}

/// `pod/web` or `deployment.apps/web`, as kubectl names what it worked on.
pub fn named(key: &Ref) -> String {
    kubectl::named(key.kind, &key.name)
}

/// Whether a line is whole: neither a quote nor a loop is left open at its end.
pub fn is_whole(line: &str) -> bool {
    !matches!(words::parse(line), Err(words::Problem::Unfinished(_)))
}

impl Terminal {
    /// A terminal on the laptop.
    pub fn new(lang: Lang) -> Self {
        Self {
            places: vec![Place::Laptop],
            namespace: DEFAULT_NAMESPACE.into(),
            lang,
            variables: BTreeMap::new(),
            passing: Vec::new(),
            jobs: Vec::new(),
            printed: Vec::new(),
        }
    }

    /// Where it stands now.
    pub fn place(&self) -> &Place {
        self.places.last().unwrap_or(&Place::Laptop)
    }
}

impl Output {
    /// All that was printed on one stream.
    pub fn on(&self, stream: Stream) -> String {
        self.chunks.iter().filter(|(s, _)| *s == stream).map(|(_, text)| text.as_str()).collect()
    }
}

/// How many commands one line may run, and how many bytes it may print, before the lab stops it.
const MOST_STEPS: u32 = 20_000;
const MOST_BYTES: usize = 32 << 20;

/// What a program sees of the world.
struct Shell<'a> {
    cluster: &'a mut Cluster,
    terminal: &'a mut Terminal,
    files: &'a mut Files,
    traces: Vec<Arc<Trace>>,
    clear: bool,
    /// Whether another place was entered or left: the rest of the line is for the shell that was left behind.
    moved: bool,
    /// Whether a program holds the terminal: the rest of the line waits for its end.
    held: bool,
    /// Whether `sudo` stands before the program.
    is_root: bool,
    /// What `&` follows, until it says that it goes on.
    behind: Option<job::Behind>,
    /// The line, as typed.
    typed: String,
    steps: u32,
    depth: u32,
}

/// A program's input and outputs.
#[derive(Default)]
struct Io {
    input: Option<String>,
    chunks: Vec<(Stream, String)>,
    bytes: usize,
    /// Whether what is printed goes to the terminal: neither to a pipe nor into `$(…)`.
    tty: bool,
}

impl Io {
    fn print(&mut self, stream: Stream, text: impl AsRef<str>) {
        let text = text.as_ref();
        if text.is_empty() || self.bytes > MOST_BYTES {
            return;
        }
        self.bytes += text.len();
        match self.chunks.last_mut() {
            Some((last, before)) if *last == stream => before.push_str(text),
            _ => self.chunks.push((stream, text.to_owned())),
        }
    }

    /// Prints on standard output.
    fn out(&mut self, text: impl AsRef<str>) {
        self.print(Stream::Out, text);
    }

    /// Prints on standard error.
    fn err(&mut self, text: impl AsRef<str>) {
        self.print(Stream::Err, text);
    }
}

impl<'a> Shell<'a> {
    fn new(cluster: &'a mut Cluster, terminal: &'a mut Terminal, files: &'a mut Files) -> Self {
        Self {
            cluster,
            terminal,
            files,
            traces: Vec::new(),
            clear: false,
            moved: false,
            held: false,
            is_root: false,
            behind: None,
            typed: String::new(),
            steps: 0,
            depth: 0,
        }
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        let until = self.cluster.now() + time;
        self.cluster.advance(until);
    }

    /// A sentence of the lab's own, in the learner's language.
    fn say(&self, io: &mut Io, en: impl AsRef<str>, zh: impl AsRef<str>) {
        io.err(format!("kubehop: {}\n", self.terminal.lang.pick(en.as_ref(), zh.as_ref())));
    }
}

/// A program of the lab.
struct Program {
    name: &'static str,
    /// Whether it is found only on the laptop.
    laptop_only: bool,
    run: fn(&mut Shell, &mut Io, &[String]) -> i32,
    /// What it is for, for `help`; empty for what every shell has.
    help: (&'static str, &'static str),
}

const fn program(
    name: &'static str,
    run: fn(&mut Shell, &mut Io, &[String]) -> i32,
    en: &'static str,
    zh: &'static str,
) -> Program {
    Program { name, laptop_only: false, run, help: (en, zh) }
}

/// Every program, in the order of `help`.
const PROGRAMS: &[Program] = &[
    Program {
        name: "kubectl",
        laptop_only: true,
        run: kubectl::run,
        help: (
            "talk to the API server: apply, get, describe, delete, scale, exec, …",
            "与 API server 对话：apply、get、describe、delete、scale、exec……",
        ),
    },
    Program {
        name: "minikube",
        laptop_only: true,
        run: minikube::run,
        help: ("the cluster's machines: ssh, ip, status, node list", "集群的机器：ssh、ip、status、node list"),
    },
    program("curl", curl::curl, "send an HTTP request from where you stand", "从当前位置发送 HTTP 请求"),
    program("wget", curl::wget, "the same, as busybox has it (wget -qO- URL)", "同上，busybox 的写法（wget -qO- URL）"),
    program("trace", follow::run, "send requests and tell every hop with its reason", "发送请求，并说明每一跳及其原因"),
    Program {
        name: "fault",
        laptop_only: true,
        run: fault::run,
        help: (
            "break something: a pod's probes (unready, ready, ill, well, kill), a node (stop-node, start-node), a link (cut, mend)",
            "制造故障：Pod 的探针（unready、ready、ill、well、kill）、节点（stop-node、start-node）、链路（cut、mend）",
        ),
    },
    Program {
        name: "firewall",
        laptop_only: true,
        run: firewall::run,
        help: (
            "what the cloud's firewall lets in: list, open PORTS, close PORTS (a real cloud has its own tool)",
            "云防火墙放行什么：list、open 端口、close 端口（真实的云有自己的工具）",
        ),
    },
    program("nslookup", lookup::nslookup, "ask the DNS server for a name", "向 DNS 服务器查询名字"),
    program("dig", dig::dig, "the same, with all of the answer", "同上，给出完整应答"),
    program("host", lookup::host, "", ""),
    program("getent", lookup::getent, "", ""),
    program(
        "iptables-save",
        tables::iptables_save,
        "the rules that kube-proxy wrote, on a node",
        "节点上 kube-proxy 写的规则",
    ),
    program(
        "iptables",
        tables::iptables,
        "the same as a table, with counters (iptables -t nat -L -n -v)",
        "同上，以表格列出并带计数（iptables -t nat -L -n -v）",
    ),
    program(
        "nft",
        tables::nft,
        "the same as nftables has it (nft list ruleset)",
        "同上，nftables 的写法（nft list ruleset）",
    ),
    program(
        "conntrack",
        conntrack::run,
        "the connections that a node's kernel remembers (conntrack -L)",
        "节点内核记得的连接（conntrack -L）",
    ),
    program("nc", probe::nc, "knock at a port (nc -zv HOST PORT)", "探测端口（nc -zv 主机 端口）"),
    program("ping", probe::ping, "", ""),
    program(
        "ip",
        sockets::ip,
        "the addresses and routes here (ip addr, ip route)",
        "此处的地址和路由（ip addr、ip route）",
    ),
    program("ss", sockets::ss, "who listens here (ss -lntp)", "此处谁在监听（ss -lntp）"),
    program("netstat", sockets::netstat, "", ""),
    program("hostname", sockets::hostname, "where you stand", "当前位置的主机名"),
    program("ls", host::ls, "the editor's files", "编辑器里的文件"),
    program("cat", host::cat, "print a file", "打印文件"),
    program("rm", remove::rm, "", ""),
    program("mv", remove::mv, "", ""),
    program("echo", host::echo, "", ""),
    program("printf", host::printf, "", ""),
    program("seq", host::seq, "", ""),
    program("sleep", host::sleep, "let virtual time pass", "让虚拟时间流逝"),
    program("grep", filter::grep, "", ""),
    program("head", filter::head, "", ""),
    program("tail", filter::tail, "", ""),
    program("sort", filter::sort, "", ""),
    program("uniq", filter::uniq, "", ""),
    program("wc", filter::wc, "", ""),
    program("export", host::export, "", ""),
    program("jobs", job::jobs, "what goes on in the background (… &)", "后台任务（命令 &）"),
    program("fg", job::fg, "", ""),
    program("bg", job::bg, "", ""),
    program("kill", job::kill, "end a job: kill %1", "结束任务：kill %1"),
    program("wait", job::wait, "", ""),
    program(
        "watch",
        repeat::watch,
        "run a command again and again (watch -n1 COMMAND)",
        "反复运行一条命令（watch -n1 命令）",
    ),
    Program {
        name: "openssl",
        laptop_only: true,
        run: openssl::run,
        help: ("make a certificate for a host (openssl req -x509 …)", "为主机制作证书（openssl req -x509 …）"),
    },
    program("true", |_, _, _| 0, "", ""),
    program("false", |_, _, _| 1, "", ""),
    program("sudo", host::sudo, "", ""),
    program("sh", host::sh, "", ""),
    program("bash", host::sh, "", ""),
    program("exit", host::exit, "leave the node or pod", "离开节点或 Pod"),
    program("logout", host::exit, "", ""),
    program("whoami", host::whoami, "", ""),
    program("pwd", host::pwd, "", ""),
    program("date", host::date, "", ""),
    program("clear", host::clear, "empty the terminal", "清空终端"),
    program("help", host::help, "this list", "本列表"),
];

/// The name that the container runtime gives to what has this uid: 64 hexadecimal digits.
fn container_id(uid: &str) -> String {
    use sha2::{Digest, Sha256};
    data_encoding::HEXLOWER.encode(&Sha256::digest(uid))
}

/// A text in double quotes, as Go's `%q` prints it.
fn go_quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            '\r' => quoted += "\\r",
            c if c.is_control() => quoted += &format!("\\x{:02x}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
