//! Small programs that every machine has: files, echo, addresses, time; and the lab's own help.

use super::flags::{self, Flag, Style, switch};
use super::job::Work;
use super::{Io, PROGRAMS, Shell};
use crate::object::{Kind, Node, Pod, Ref, Service};
use crate::time::Duration;
use crate::trace::Place;

/// How many numbers `seq` counts at most.
const MOST_NUMBERS: i64 = 100_000;

impl Shell<'_> {
    /// The text of a file where one stands: the editor's tabs on the laptop, and what programs read about the network.
    pub(super) fn file(&self, name: &str) -> Option<String> {
        match name {
            "/etc/resolv.conf" => return Some(self.resolv_conf()),
            "/etc/hosts" => return Some(self.hosts_file()),
            "/etc/hostname" => return Some(format!("{}\n", self.host_name())),
            "/dev/null" => return Some(String::new()),
            _ => {}
        }
        if *self.terminal.place() != Place::Laptop {
            return None;
        }
        self.files.get(name.strip_prefix("./").unwrap_or(name)).cloned()
    }

    pub(super) fn host_name(&self) -> String {
        match self.terminal.place() {
            Place::Laptop | Place::Internet | Place::Cloud(_) => "laptop".into(),
            Place::Node(name) => name.to_string(),
            Place::Pod(_, name) => name.to_string(),
        }
    }

    /// As the kubelet writes it for a pod, by its `dnsPolicy` and `dnsConfig`, and as minikube's node has it.
    pub(super) fn resolv_conf(&self) -> String {
        let node = || format!("nameserver {}\noptions ndots:0\n", self.cluster.profile().laptop);
        let Place::Pod(namespace, name) = self.terminal.place() else {
            return match self.terminal.place() {
                Place::Node(_) => node(),
                _ => "nameserver 127.0.0.53\noptions edns0 trust-ad\n".into(),
            };
        };
        let store = self.cluster.store();
        let pod = store.get(&Ref::new(Kind::Pod, namespace.clone(), name.clone()));
        let Some(spec) = pod.and_then(|pod| pod.body::<Pod>()).map(|pod| &pod.spec) else { return node() };
        let words = |key: &str| -> Vec<String> {
            let list = spec.rest.get("dnsConfig").and_then(|config| config[key].as_array());
            list.into_iter().flatten().filter_map(|word| word.as_str().map(String::from)).collect()
        };
        let (mut servers, mut searches, mut options) = match spec.dns_policy.as_str() {
            "None" => (Vec::new(), Vec::new(), Vec::new()),
            policy if policy == "Default" || (policy == "ClusterFirst" && spec.host_network) => {
                (vec![self.cluster.profile().laptop.to_string()], Vec::new(), vec!["ndots:0".to_owned()])
            }
            _ => {
                let dns = store.get(&Ref::new(Kind::Service, "kube-system", "kube-dns"));
                let dns = dns.and_then(|dns| dns.body::<Service>()).map_or("", |dns| &dns.spec.cluster_ip);
                let searches =
                    vec![format!("{namespace}.svc.cluster.local"), "svc.cluster.local".into(), "cluster.local".into()];
                (vec![dns.to_owned()], searches, vec!["ndots:5".to_owned()])
            }
        };
        servers.extend(words("nameservers"));
        searches.extend(words("searches"));
        let own = spec.rest.get("dnsConfig").and_then(|config| config["options"].as_array());
        for option in own.into_iter().flatten() {
            let name = option["name"].as_str().unwrap_or_default();
            let text = option["value"].as_str().map_or_else(|| name.to_owned(), |value| format!("{name}:{value}"));
            options.retain(|option: &String| option.split(':').next() != Some(name));
            options.push(text);
        }
        let mut text: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
        for (key, words) in [("search", searches), ("options", options)] {
            if !words.is_empty() {
                text += &format!("{key} {}\n", words.join(" "));
            }
        }
        text
    }

    /// `/etc/hosts`, as the kubelet writes it for a pod, and as minikube's node has it.
    pub(super) fn hosts_file(&self) -> String {
        let local = "127.0.0.1\tlocalhost\n";
        match self.terminal.place() {
            Place::Pod(_, name) => {
                let address = self.address().unwrap_or_default();
                format!(
                    "# Kubernetes-managed hosts file.\n{local}::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n{address}\t{name}\n"
                )
            }
            Place::Node(name) => {
                let own = self.address().unwrap_or_default();
                let first = self.nodes().into_iter().next().map(|node| node.1).unwrap_or_default();
                let laptop = self.cluster.profile().laptop;
                format!(
                    "{local}{own}\t{name}\n{laptop}\thost.minikube.internal\n{first}\tcontrol-plane.minikube.internal\n"
                )
            }
            Place::Laptop | Place::Internet | Place::Cloud(_) => format!("{local}127.0.1.1\tlaptop\n"),
        }
    }

    /// The address of the place's first interface, if it has one.
    pub(super) fn address(&self) -> Option<String> {
        let store = self.cluster.store();
        match self.terminal.place() {
            Place::Laptop => Some(self.cluster.profile().laptop.to_string()),
            Place::Internet | Place::Cloud(_) => None,
            Place::Node(name) => {
                let node = store.get(&Ref::new(Kind::Node, "", name.clone()))?;
                node.body::<Node>()?.status.address("InternalIP").map(String::from)
            }
            Place::Pod(namespace, name) => {
                let pod = store.get(&Ref::new(Kind::Pod, namespace.clone(), name.clone()))?;
                Some(pod.body::<Pod>()?.status.pod_ip.clone())
            }
        }
    }
}

/// `ls`: the editor's tabs.
pub(super) fn ls(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let flags =
        match flags::read(Style::Getopt, &[&[switch("long", 'l'), switch("all", 'a'), switch("one", '1')]], args) {
            Ok(flags) => flags,
            Err(problem) => {
                io.err(format!("ls: {}\nTry 'ls --help' for more information.\n", problem.getopt()));
                return 2;
            }
        };
    let mut code = 0;
    for name in &flags.words {
        if shell.file(name).is_some() {
            io.out(format!("{name}\n"));
        } else if !matches!(name.as_str(), "." | "./") {
            io.err(format!("ls: cannot access '{name}': No such file or directory\n"));
            code = 2;
        }
    }
    if *shell.terminal.place() == Place::Laptop && (flags.words.is_empty() || flags.words == ["."]) {
        for name in shell.files.keys() {
            io.out(format!("{name}\n"));
        }
    }
    code
}

/// `cat`
pub(super) fn cat(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let mut code = 0;
    for name in args {
        match shell.file(name) {
            Some(text) => io.out(text),
            None if name == "-" => {
                let input = io.input.take().unwrap_or_default();
                io.out(input);
            }
            None => {
                io.err(format!("cat: {name}: No such file or directory\n"));
                code = 1;
            }
        }
    }
    if args.is_empty() {
        let input = io.input.take().unwrap_or_default();
        io.out(input);
    }
    code
}

/// `echo`
pub(super) fn echo(_: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let (mut newline, mut escapes) = (true, false);
    let mut rest = args;
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "-n" => newline = false,
            "-e" => escapes = true,
            "-ne" | "-en" => (newline, escapes) = (false, true),
            _ => break,
        }
        rest = others;
    }
    let text = rest.join(" ");
    io.out(if escapes { unescape(&text) } else { text });
    io.out(if newline { "\n" } else { "" });
    0
}

/// `printf FORMAT [ARGUMENT]…`, with `%s`, `%d` and `%%`.
pub(super) fn printf(_: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let Some((format, args)) = args.split_first() else {
        io.err("printf: usage: printf [-v var] format [arguments]\n");
        return 2;
    };
    let format = unescape(format);
    let mut args = args.iter();
    loop {
        let before = args.len();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => match chars.next() {
                    Some('s') => io.out(args.next().map_or("", String::as_str)),
                    Some('d') => io.out(args.next().and_then(|n| n.parse::<i64>().ok()).unwrap_or(0).to_string()),
                    Some('%') => io.out("%"),
                    other => {
                        io.err(format!("printf: `{}': invalid format character\n", other.unwrap_or('%')));
                        return 1;
                    }
                },
                c => io.out(c.to_string()),
            }
        }
        if args.len() == 0 || args.len() == before {
            return 0;
        }
    }
}

/// `\n` and `\t` to what they stand for.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some('\\') | None => plain.push('\\'),
                Some(c) => plain.extend(['\\', c]),
            },
            c => plain.push(c),
        }
    }
    plain
}

/// `seq [FIRST [STEP]] LAST`
pub(super) fn seq(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let mut numbers = Vec::new();
    for arg in args {
        match arg.parse::<i64>() {
            Ok(number) => numbers.push(number),
            Err(_) => {
                io.err(format!(
                    "seq: invalid floating point argument: '{arg}'\nTry 'seq --help' for more information.\n"
                ));
                return 1;
            }
        }
    }
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] => (*first, *step, *last),
        [] => {
            io.err("seq: missing operand\nTry 'seq --help' for more information.\n");
            return 1;
        }
        [.., extra] => {
            io.err(format!("seq: extra operand '{extra}'\nTry 'seq --help' for more information.\n"));
            return 1;
        }
    };
    if step == 0 {
        io.err("seq: invalid Zero increment value: '0'\nTry 'seq --help' for more information.\n");
        return 1;
    }
    let mut number = Some(first);
    let mut count = 0;
    while let Some(n) = number.filter(|n| if step > 0 { *n <= last } else { *n >= last }) {
        if count == MOST_NUMBERS {
            shell.say(io, format!("seq stops at {MOST_NUMBERS} numbers"), format!("seq 最多数 {MOST_NUMBERS} 个数"));
            return 1;
        }
        io.out(format!("{n}\n"));
        number = n.checked_add(step);
        count += 1;
    }
    0
}

/// `sleep 2`, `sleep 0.5`, `sleep 1m`: virtual time passes.
pub(super) fn sleep(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    if args.is_empty() {
        io.err("sleep: missing operand\nTry 'sleep --help' for more information.\n");
        return 1;
    }
    let mut total = Duration::ZERO;
    for arg in args {
        let (number, unit) = match arg.strip_suffix(['s', 'm', 'h']) {
            Some(number) if arg.ends_with('m') => (number, 60),
            Some(number) if arg.ends_with('h') => (number, 3600),
            Some(number) => (number, 1),
            None => (arg.as_str(), 1),
        };
        match seconds(number) {
            Some(time) => total = total.saturating_add(time.saturating_mul(unit)),
            None => {
                io.err(format!("sleep: invalid time interval '{arg}'\nTry 'sleep --help' for more information.\n"));
                return 1;
            }
        }
    }
    // A day is more than any lesson needs, and keeps a slip of the finger from simulating years.
    let total = total.min(Duration::from_secs(86_400));
    if shell.behind.as_ref().is_some_and(|behind| behind.is_alone) {
        let until = shell.cluster.now() + total;
        let pid = shell.pid();
        return shell.hold(io, pid, Work::Sleep(until));
    }
    shell.pass(total);
    0
}

/// `2` or `0.5`, as a time.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if (whole.is_empty() && part.is_empty()) || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micros: u64 = format!("{:0<6.6}", part).parse().ok()?;
    Some(Duration::from_secs(whole.min(1 << 32)) + Duration::from_micros(micros))
}

/// `sudo COMMAND`: nobody is asked for a password. Only ports below 1024 need it here.
pub(super) fn sudo(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    match args.split_first() {
        Some((name, args)) if !name.starts_with('-') => {
            let before = std::mem::replace(&mut shell.is_root, true);
            let code = shell.program(io, name, args);
            shell.is_root = before;
            code
        }
        _ => {
            io.err("usage: sudo command\n");
            1
        }
    }
}

/// `sh -c LINE`; alone, in a pod or on a node, one is in a shell already.
pub(super) fn sh(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    match args {
        [flag, line, ..] if flag == "-c" => shell.line(io, line),
        [] => match io.input.take() {
            Some(lines) => lines.lines().fold(0, |_, line| shell.line(io, line)),
            None => 0,
        },
        _ => {
            shell.say(io, "the lab has: sh -c 'LINE'", "实验室提供：sh -c '一行命令'");
            2
        }
    }
}

/// `exit [STATUS]`
pub(super) fn exit(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    let code = args.first().and_then(|code| code.parse().ok()).unwrap_or(0);
    if shell.leave() {
        shell.hang_up(io);
        super::kubectl::left(shell, io);
    } else {
        shell.say(io, "this is the laptop: there is nowhere to leave for", "这里就是你的电脑，无处可退");
    }
    code
}

/// `export NAME=VALUE`
pub(super) fn export(shell: &mut Shell, io: &mut Io, args: &[String]) -> i32 {
    for arg in args {
        let (name, value) = arg.split_once('=').unwrap_or((arg, ""));
        let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits {
            io.err(format!("{}: export: `{arg}': not a valid identifier\n", shell.shell_name()));
            return 1;
        }
        if arg.contains('=') {
            shell.terminal.variables.insert(name.to_owned(), value.to_owned());
        }
    }
    0
}

/// `whoami`
pub(super) fn whoami(shell: &mut Shell, io: &mut Io, _: &[String]) -> i32 {
    io.out(match shell.terminal.place() {
        Place::Laptop | Place::Internet | Place::Cloud(_) => "you\n",
        Place::Node(_) => "docker\n",
        Place::Pod(..) => "root\n",
    });
    0
}

/// `pwd`
pub(super) fn pwd(shell: &mut Shell, io: &mut Io, _: &[String]) -> i32 {
    io.out(match shell.terminal.place() {
        Place::Laptop | Place::Internet | Place::Cloud(_) => "/home/you\n",
        Place::Node(_) => "/home/docker\n",
        Place::Pod(..) => "/\n",
    });
    0
}

/// `date`: the cluster's calendar.
pub(super) fn date(shell: &mut Shell, io: &mut Io, _: &[String]) -> i32 {
    let text = calendar(shell);
    let (front, year) = text.rsplit_once(' ').unwrap_or((&text, ""));
    io.out(format!("{front} UTC {year}\n"));
    0
}

/// `Thu Oct  1 08:00:00 2026`
pub(super) fn calendar(shell: &Shell) -> String {
    // `Thu, 01 Oct 2026 08:00:00 +0000` in another order.
    let text = super::kubectl::calendar(shell.cluster.now());
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [weekday, day, month, year, time, _] => {
            format!("{weekday} {month} {:>2} {time} {year}", day.trim_start_matches('0'))
        }
        _ => text,
    }
}

/// `clear`
pub(super) fn clear(shell: &mut Shell, _: &mut Io, _: &[String]) -> i32 {
    shell.clear = true;
    0
}

/// `help`: what can be run here.
pub(super) fn help(shell: &mut Shell, io: &mut Io, _: &[String]) -> i32 {
    let lang = shell.terminal.lang;
    let here = *shell.terminal.place() == Place::Laptop;
    for program in PROGRAMS.iter().filter(|p| !p.help.0.is_empty() && (here || !p.laptop_only)) {
        io.out(format!("{:<14} {}\n", program.name, lang.pick(program.help.0, program.help.1)));
    }
    io.out(lang.pick(
        "Pipes go to grep, head, tail, sort, uniq and wc; loops are `for i in $(seq 1 9); do …; done`.\n",
        "管道可接 grep、head、tail、sort、uniq、wc；循环写作 `for i in $(seq 1 9); do …; done`。\n",
    ));
    0
}

/// The flags of a table, for the lab's own remarks: `-o, -A, --show-labels`.
pub(super) fn listed(tables: &[&[Flag]]) -> String {
    let names = tables.iter().flat_map(|table| table.iter());
    names
        .map(|flag| if flag.short == ' ' { format!("--{}", flag.long) } else { format!("-{}", flag.short) })
        .collect::<Vec<_>>()
        .join(", ")
}
