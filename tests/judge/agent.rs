//! A process that stays in one network namespace: it serves, asks and runs programs there, as it is told on standard input.
//!
//! An order is a line, its answer some lines and then `.` alone:
//!
//! - `pipe N PROGRAM ARGS…`, then N lines: runs the program on them. Its output, or `!` before each line of its errors.
//! - `serve [PROTO:PORT=NAME]…`: listens there and nowhere else. Every answer is the name and the client's address.
//! - `ask PROTO ADDRESS:PORT COUNT MILLIS`: opens connections; `COUNT answered NAME CLIENT`, `COUNT refused`, `COUNT timeout`.
//!   It waits so long for each, and gives up after the first that is lost.
//! - `forget`: empties the kernel's `recent` lists.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A protocol and a port.
type At = (String, u16);
/// Who answers where.
type Names = Arc<Mutex<BTreeMap<At, String>>>;

/// The process' main function.
pub(crate) fn run() -> ! {
    let names = Names::default();
    let mut open: BTreeMap<At, Listener> = BTreeMap::new();
    let mut input = std::io::stdin().lock().lines().map_while(Result::ok);
    while let Some(line) = input.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["pipe", count, program, ref args @ ..] => {
                let text: Vec<String> = input.by_ref().take(count.parse().unwrap()).collect();
                pipe(program, args, &text)
            }
            ["serve", ref wanted @ ..] => serve(&names, &mut open, wanted),
            ["ask", proto, to, count, millis] => {
                let patience = Duration::from_millis(millis.parse().unwrap());
                ask(proto, to.parse().unwrap(), count.parse().unwrap(), patience)
            }
            ["forget"] => forget(),
            _ => format!("!what is {line:?}?\n"),
        };
        println!("{answer}.");
        let _ = std::io::stdout().flush();
    }
    std::process::exit(0)
}

fn pipe(program: &str, args: &[&str], text: &[String]) -> String {
    let child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return format!("!{program}: {error}\n"),
    };
    let mut input = child.stdin.take().unwrap();
    let text = text.join("\n") + "\n";
    // Written beside reading, so that neither side waits for the other.
    let writer = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    let mut answer = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        for line in String::from_utf8_lossy(&output.stderr).lines().chain([program]) {
            answer += &format!("!{line}\n");
        }
    }
    answer
}

/// One socket that listens, in a thread of its own.
struct Listener {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

fn serve(names: &Names, open: &mut BTreeMap<At, Listener>, wanted: &[&str]) -> String {
    let wanted: BTreeMap<At, String> = wanted
        .iter()
        .map(|word| {
            let (at, name) = word.split_once('=').unwrap();
            let (proto, port) = at.split_once(':').unwrap();
            ((proto.to_owned(), port.parse().unwrap()), name.to_owned())
        })
        .collect();
    let gone: Vec<At> = open.keys().filter(|at| !wanted.contains_key(at)).cloned().collect();
    for (at, listener) in gone.into_iter().filter_map(|at| open.remove_entry(&at)) {
        listener.stop.store(true, Ordering::SeqCst);
        // A last client wakes it.
        let here = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.1);
        if at.0 == "tcp" {
            let _ = TcpStream::connect(here);
        } else if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(b"?", here);
        }
        let _ = listener.thread.join();
    }
    names.lock().unwrap().clone_from(&wanted);
    let mut wrong = String::new();
    for at in wanted.into_keys().filter(|at| !open.contains_key(at)).collect::<Vec<_>>() {
        match listen(&at, names) {
            Ok(listener) => drop(open.insert(at, listener)),
            Err(error) => wrong += &format!("!{at:?}: {error}\n"),
        }
    }
    wrong
}

fn listen(at: &At, names: &Names) -> std::io::Result<Listener> {
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), at.1);
    let stop = Arc::new(AtomicBool::new(false));
    let (key, names, stops) = (at.clone(), names.clone(), stop.clone());
    let reply = move |peer: SocketAddr| {
        let name = names.lock().unwrap().get(&key).cloned().unwrap_or_default();
        format!("answered {name} {}", peer.ip())
    };
    let thread = if at.0 == "tcp" {
        let listener = TcpListener::bind(any)?;
        std::thread::spawn(move || {
            while let Ok((mut stream, peer)) = listener.accept() {
                if stops.load(Ordering::SeqCst) {
                    return;
                }
                let _ = stream.write_all(reply(peer).as_bytes());
            }
        })
    } else {
        let socket = UdpSocket::bind(any)?;
        std::thread::spawn(move || {
            while let Ok((_, peer)) = socket.recv_from(&mut [0; 16]) {
                if stops.load(Ordering::SeqCst) {
                    return;
                }
                let _ = socket.send_to(reply(peer).as_bytes(), peer);
            }
        })
    };
    Ok(Listener { stop, thread })
}

fn ask(proto: &str, to: SocketAddr, count: usize, patience: Duration) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..count {
        let came = if proto == "udp" { ask_udp(to, patience) } else { ask_tcp(to, patience) };
        let word = match came {
            Ok(answer) => answer,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused => "refused".to_owned(),
                ErrorKind::TimedOut | ErrorKind::WouldBlock => "timeout".to_owned(),
                kind => format!("{kind:?}"),
            },
        };
        let lost = word == "timeout";
        *counts.entry(word).or_default() += 1;
        if lost {
            break;
        }
    }
    counts.into_iter().map(|(word, count)| format!("{count} {word}\n")).collect()
}

fn ask_tcp(to: SocketAddr, patience: Duration) -> std::io::Result<String> {
    // Waits by poll(2): an ICMP error shows at once, which to connect(2) it does not.
    let mut stream = TcpStream::connect_timeout(&to, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn ask_udp(to: SocketAddr, patience: Duration) -> std::io::Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_read_timeout(Some(patience))?;
    socket.connect(to)?;
    // A rule that ends the packet before it leaves also tells the sender so, whatever becomes of the flow.
    socket.send(b"?").or_else(|error| if error.kind() == ErrorKind::PermissionDenied { Ok(0) } else { Err(error) })?;
    let mut buffer = [0; 256];
    let size = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..size]).into_owned())
}

fn forget() -> String {
    for list in std::fs::read_dir("/proc/net/xt_recent").into_iter().flatten().flatten() {
        let _ = std::fs::write(list.path(), "/\n");
    }
    String::new()
}

/// An agent in a namespace, and the pipes to it.
pub(crate) struct Agent {
    namespace: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Agent {
    /// Starts one; this very program must call [`run`] when it is given `--agent`.
    pub(crate) fn start(namespace: &str) -> Self {
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(std::env::current_exe().unwrap())
            .arg("--agent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { namespace: namespace.to_owned(), child, input, output }
    }

    /// Gives an order; its answer's lines.
    pub(crate) fn order(&mut self, order: &str) -> Result<Vec<String>, String> {
        let told = writeln!(self.input, "{order}").and_then(|()| self.input.flush());
        told.map_err(|error| format!("{}: {error}", self.namespace))?;
        let (mut lines, mut errors) = (Vec::new(), Vec::new());
        loop {
            let mut line = String::new();
            match self.output.read_line(&mut line) {
                Ok(0) | Err(_) => return Err(format!("{}: the agent ended", self.namespace)),
                Ok(_) if line == ".\n" => break,
                Ok(_) => match line.strip_prefix('!') {
                    Some(error) => errors.push(error.trim_end().to_owned()),
                    None => lines.push(line.trim_end().to_owned()),
                },
            }
        }
        if errors.is_empty() { Ok(lines) } else { Err(format!("{}: {}", self.namespace, errors.join("; "))) }
    }

    /// Runs a program there on a text.
    pub(crate) fn pipe(&mut self, command: &str, text: &str) -> Result<Vec<String>, String> {
        let text = text.trim_end_matches('\n');
        self.order(&format!("pipe {} {command}\n{text}", text.lines().count().max(1)))
            .map_err(|error| format!("{error}\n{text}"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
