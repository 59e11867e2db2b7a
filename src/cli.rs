//! The command line: arguments to a session, output to the terminal.
//!
//! `kubehop [-p PROFILE] [-s SEED] [--proxy-mode MODE] [-f FILE_OR_DIR]... [-c LINE]... [-q] [--lang LANG] [--no-settle]`, and
//! `kubehop lessons check [DIR]`: a contract, other tools rely on it. Knows nothing of Kubernetes: it forwards lines and prints what comes back.

mod lessons;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kubehop::lang::Lang;
use kubehop::object::{Profile, ProxyMode};
use kubehop::session::{Command, Reply, Session};
use kubehop::shell::{self, Output, Stream, Terminal};
use kubehop::text::Source;
use kubehop::time::Duration;

const USAGE: &str = "\
usage: kubehop [-p PROFILE] [-s SEED] [--proxy-mode iptables|nftables] [-f FILE_OR_DIR]... [-c LINE]... [-q] [--lang en|zh] [--no-settle]
       kubehop [--lang en|zh] lessons check [DIR]

  -p PROFILE      the environment: minikube (default), multinode or cloud
  -s SEED         where chance begins; the same seed gives the same output (default 1)
  --proxy-mode M  iptables (default) or nftables
  -f FILE_OR_DIR  apply manifests, in the order given; - is standard input
  -c LINE         run one line of the shell, or `diagnose`, which lists what is wrong with the files as a whole;
                  without any, lines come from standard input
  -q              print only what the last line prints
  --lang LANG     the language of the lab's own remarks: en (default) or zh
  --no-settle     do not let virtual time pass by itself around lines
  lessons check   prove the lessons and scenarios in DIR, or else those that come with kubehop: a line for each, errors
                  with file and line on standard error, status 1 if there is any
  -h, --help      this text
  -V, --version   the version
";

/// How long the cluster may take to become quiet.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the arguments ask for.
struct Options {
    profile: Profile,
    seed: u64,
    lang: Lang,
    files: Vec<PathBuf>,
    lines: Vec<String>,
    quiet: bool,
    settle: bool,
}

/// What is to be done.
enum Task {
    Play(Box<Options>),
    /// Prove the lessons of a folder, or ours.
    Lessons(Option<PathBuf>, Lang),
}

/// Runs the command line; gives the exit status.
pub(crate) fn run() -> ExitCode {
    let task = match task(lexopt::Parser::from_env()) {
        Ok(Some(task)) => task,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kubehop: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let done = match task {
        Task::Play(options) => Face::new(*options).play(),
        Task::Lessons(folder, lang) => lessons::check(folder.as_deref(), lang),
    };
    let code = match done {
        Ok(code) => code,
        // A reader that has seen enough (`kubehop … | head`) is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    };
    ExitCode::from(code.rem_euclid(256) as u8)
}

fn task(mut parser: lexopt::Parser) -> Result<Option<Task>, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut profile, mut mode) = ("minikube".to_owned(), ProxyMode::Iptables);
    let (mut seed, mut lang, mut quiet, mut settle) = (1, Lang::En, false, true);
    let (mut files, mut lines, mut words) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(arg) = parser.next()? {
        match arg {
            Short('p') | Long("profile") => profile = parser.value()?.string()?,
            Short('s') | Long("seed") => seed = parser.value()?.parse()?,
            Long("proxy-mode") => {
                mode = match parser.value()?.string()?.as_str() {
                    "iptables" => ProxyMode::Iptables,
                    "nftables" => ProxyMode::Nftables,
                    other => return Err(format!("--proxy-mode takes iptables or nftables, not {other:?}").into()),
                }
            }
            Short('f') | Long("filename") => files.push(parser.value()?.into()),
            Short('c') | Long("command") => lines.push(parser.value()?.string()?),
            Short('q') | Long("quiet") => quiet = true,
            Long("lang") => {
                let tag = parser.value()?.string()?;
                lang = Lang::from_tag(&tag).ok_or_else(|| format!("--lang takes en or zh, not {tag:?}"))?;
            }
            Long("no-settle") => settle = false,
            Short('h') | Long("help") => {
                print!("{USAGE}");
                return Ok(None);
            }
            Short('V') | Long("version") => {
                println!("kubehop {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            Value(word) if words.len() < 3 && (!words.is_empty() || word == "lessons") => words.push(word),
            _ => return Err(arg.unexpected()),
        }
    }
    if !words.is_empty() {
        if words.get(1).is_none_or(|word| word != "check") {
            return Err("lessons takes check: lessons check [DIR]".into());
        }
        return Ok(Some(Task::Lessons(words.into_iter().nth(2).map(PathBuf::from), lang)));
    }
    let names = Profile::NAMES.join(", ");
    let mut profile =
        Profile::named(&profile).ok_or_else(|| format!("there is no profile {profile:?}; there are {names}"))?;
    profile.proxy_mode = mode;
    Ok(Some(Task::Play(Box::new(Options { profile, seed, lang, files, lines, quiet, settle }))))
}

/// A run of the command line.
struct Face {
    options: Options,
    /// What the files hold that are to be applied, or why they cannot be read.
    files: Vec<io::Result<Vec<Source>>>,
    session: Session,
    /// What the last line printed, kept until the end with `-q`.
    last: Vec<(Stream, String)>,
}

impl Face {
    fn new(mut options: Options) -> Self {
        let files: Vec<_> = std::mem::take(&mut options.files).iter().map(|path| sources(path)).collect();
        // A Lab describes the environment, wherever it stands: it is there before everything else.
        let all: Vec<Source> = files.iter().flatten().flatten().cloned().collect();
        let session = Session::begin(options.profile.clone(), options.seed, options.lang, &all);
        Self { options, files, session, last: Vec::new() }
    }

    fn play(&mut self) -> io::Result<i32> {
        let mut code = 0;
        for sources in std::mem::take(&mut self.files) {
            for source in sources? {
                let reply = self.session.run(Command::Apply(source));
                code = reply.output.code;
                self.print(reply)?;
            }
            if code != 0 {
                return self.end(code);
            }
        }
        self.last.clear();
        self.settle();
        let lines = std::mem::take(&mut self.options.lines);
        if lines.is_empty() {
            return self.read();
        }
        for line in lines {
            code = self.line(line)?;
            if code != 0 {
                break;
            }
        }
        self.end(code)
    }

    /// Reads lines from standard input; at a terminal with a prompt, and a line that fails does not end the run.
    fn read(&mut self) -> io::Result<i32> {
        let stdin = io::stdin();
        let interactive = stdin.is_terminal();
        let mut code = 0;
        let mut typed = String::new();
        loop {
            if interactive {
                let prompt = self.session.terminal(0).map_or_else(String::new, shell::prompt);
                eprint!("{}", if typed.is_empty() { prompt.as_str() } else { "> " });
            }
            let mut line = String::new();
            let ended = stdin.lock().read_line(&mut line)? == 0;
            typed += &line;
            if !ended && !shell::is_whole(&typed) {
                continue;
            }
            let line = std::mem::take(&mut typed);
            let leaves = matches!(line.trim(), "exit" | "logout") && self.on_laptop();
            if (ended && line.is_empty()) || leaves {
                return self.end(code);
            }
            if !line.trim().is_empty() {
                code = self.line(line.trim_end_matches('\n').to_owned())?;
            }
            if ended || (code != 0 && !interactive) {
                return self.end(code);
            }
        }
    }

    fn on_laptop(&self) -> bool {
        self.session.terminal(0).is_none_or(|terminal: &Terminal| terminal.places.len() < 2)
    }

    fn line(&mut self, line: String) -> io::Result<i32> {
        if line.trim() == "diagnose" {
            return self.diagnose();
        }
        let reply = self.session.run(Command::Run { terminal: 0, line });
        let code = reply.output.code;
        self.print(reply)?;
        self.settle();
        self.overhear()?;
        Ok(code)
    }

    /// `diagnose`: what is wrong with the files as a whole. It changes nothing, so that the session's log does without it.
    fn diagnose(&mut self) -> io::Result<i32> {
        let findings = kubehop::diagnose::of_session(&self.session, self.options.lang);
        let (text, code) = kubehop::diagnose::to_text(&findings, self.options.lang);
        let output = Output { chunks: vec![(Stream::Out, text)], code, ..Output::default() };
        self.print(Reply { output, ..Reply::default() })?;
        Ok(code)
    }

    fn settle(&mut self) {
        if self.options.settle {
            self.session.settle(PATIENCE);
        }
    }

    /// Prints what programs that go on have printed meanwhile; not with `-q`, which asks for the last line's own output.
    fn overhear(&mut self) -> io::Result<()> {
        let printed = self.session.take_printed(0);
        if self.options.quiet {
            return Ok(());
        }
        print(&printed)
    }

    fn print(&mut self, reply: Reply) -> io::Result<()> {
        if reply.output.clear && io::stdout().is_terminal() {
            io::stdout().lock().write_all(b"\x1b[2J\x1b[H")?;
        }
        if self.options.quiet {
            self.last = reply.output.chunks;
            return Ok(());
        }
        print(&reply.output.chunks)
    }

    fn end(&mut self, code: i32) -> io::Result<i32> {
        print(&std::mem::take(&mut self.last))?;
        Ok(code)
    }
}

fn print(chunks: &[(Stream, String)]) -> io::Result<()> {
    for (stream, text) in chunks {
        match stream {
            Stream::Out => {
                // A new screen of `watch`.
                let screen = if io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "\n" };
                let text = text.replace('\u{c}', screen);
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            Stream::Err => io::stderr().lock().write_all(text.as_bytes())?,
        }
    }
    Ok(())
}

/// The manifests of a path: a file, `-` for standard input, or the files of a directory by name.
fn sources(path: &Path) -> io::Result<Vec<Source>> {
    let wrong = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        kind => io::Error::new(kind, format!("{}: {error}", path.display())),
    };
    // Bytes that are no text become signs that are no YAML: the reader says where.
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes)?;
        return Ok(vec![Source::new("STDIN", text(bytes))]);
    }
    if !path.is_dir() {
        let bytes = std::fs::read(path).map_err(|error| wrong(path, error))?;
        return Ok(vec![Source::new(name(path), text(bytes))]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| wrong(path, error))?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json"));
    paths.sort();
    paths
        .iter()
        .map(|path| Ok(Source::new(name(path), text(std::fs::read(path).map_err(|e| wrong(path, e))?))))
        .collect()
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("error: the path \"{}\" does not exist", path.display()))
}

/// A file as the lab names it: as given, which is what kubectl's messages say.
fn name(path: &Path) -> String {
    path.display().to_string()
}
