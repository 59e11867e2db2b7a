//! Walks the tree of a line: expands words, joins stages by pipes, finds programs.

use super::words::{self, Command, Join, List, Piece, Problem, Redirect, Step, Target, What, Word};
use super::{Io, MOST_STEPS, PROGRAMS, Shell, Stream};
use crate::trace::Place;

/// How deep shells may stand in one another (`sh -c "sh -c …"`).
const DEPTH: u32 = 16;

impl Shell<'_> {
    /// Reads and runs a line; gives the status of its last command.
    pub(super) fn line(&mut self, io: &mut Io, line: &str) -> i32 {
        if self.depth >= DEPTH {
            self.say(io, "shells nested too deep", "shell 嵌套过深");
            return 2;
        }
        let code = match words::parse(line) {
            Ok(list) => {
                self.depth += 1;
                let code = self.list(io, &list);
                self.depth -= 1;
                code
            }
            Err(Problem::Unfinished(message) | Problem::Syntax(message)) => {
                io.err(format!("{}: {message}\n", self.shell_name()));
                2
            }
            Err(Problem::Unserved(what)) => {
                self.say(
                    io,
                    format!("the lab's shell has no {what}; it has pipes, ;, &&, ||, &, $(…), variables, for loops, >/dev/null and 2>&1"),
                    format!("实验室的 shell 不支持 {what}；支持管道、;、&&、||、&、$(…)、变量、for 循环、>/dev/null 和 2>&1"),
                );
                2
            }
        };
        self.terminal.variables.insert("?".into(), code.to_string());
        code
    }

    fn list(&mut self, io: &mut Io, list: &List) -> i32 {
        let mut code = 0;
        for (i, step) in list.0.iter().enumerate() {
            let wanted = match step.join {
                Join::Always => true,
                Join::IfOk => code == 0,
                Join::IfFailed => code != 0,
            };
            if !wanted {
                continue;
            }
            code = self.step(io, step);
            self.terminal.variables.insert("?".into(), code.to_string());
            if self.held && i + 1 < list.0.len() {
                self.say(io, "the rest of the line waits for it", "本行其余部分要等它结束");
            }
            if self.moved || self.held || self.stopped() {
                break;
            }
        }
        code
    }

    fn step(&mut self, io: &mut Io, step: &Step) -> i32 {
        if step.behind {
            let is_alone = matches!(step.stages.as_slice(), [Command { what: What::Simple(..), .. }]);
            self.behind(io, &step.text, is_alone, |shell, io| shell.pipeline(io, &step.stages));
            return 0;
        }
        self.pipeline(io, &step.stages)
    }

    fn stopped(&self) -> bool {
        self.steps > MOST_STEPS
    }

    /// Stages run one after another, each reading all that the one before wrote.
    fn pipeline(&mut self, io: &mut Io, stages: &[Command]) -> i32 {
        let mut input = io.input.take();
        let mut code = 0;
        for (i, stage) in stages.iter().enumerate() {
            let last = i + 1 == stages.len();
            let [out, err] = targets(&stage.redirects);
            let tty = io.tty && last && out == Target::Out;
            let mut inner = Io { input: input.take(), tty, ..Io::default() };
            code = self.command(&mut inner, &stage.what);
            let mut piped = String::new();
            for (stream, text) in inner.chunks {
                match (if stream == Stream::Out { out } else { err }, last) {
                    (Target::Null, _) => {}
                    (Target::Out, false) => piped += &text,
                    (Target::Out, true) => io.out(text),
                    (Target::Err, _) => io.err(text),
                }
            }
            input = Some(piped);
        }
        code
    }

    fn command(&mut self, io: &mut Io, what: &What) -> i32 {
        match what {
            What::Group(list) => self.list(io, list),
            What::For(name, words, body) => {
                let values = self.fields(io, words);
                let mut code = 0;
                for value in values {
                    self.terminal.variables.insert(name.clone(), value);
                    code = self.list(io, body);
                    if self.moved || self.held || self.stopped() {
                        break;
                    }
                }
                code
            }
            What::Simple(assignments, words) => {
                for (name, value) in assignments {
                    let value = self.fields_of(io, value, false).concat();
                    self.terminal.variables.insert(name.clone(), value);
                }
                let args = self.fields(io, words);
                match args.split_first() {
                    None => 0,
                    Some((program, args)) => self.program(io, program, args),
                }
            }
        }
    }

    /// Runs a program by name, as the shell here would find it.
    pub(super) fn program(&mut self, io: &mut Io, name: &str, args: &[String]) -> i32 {
        self.steps += 1;
        if self.stopped() {
            if self.steps == MOST_STEPS + 1 {
                self.say(
                    io,
                    format!("stopped: one line may run {MOST_STEPS} commands"),
                    format!("已停止：一行最多执行 {MOST_STEPS} 条命令"),
                );
            }
            return 130;
        }
        match find(name, self.terminal.place()) {
            Some(program) => (program.run)(self, io, args),
            None => {
                let not_found =
                    if matches!(self.terminal.place(), Place::Pod(..)) { "not found" } else { "command not found" };
                io.err(format!("{}: {name}: {not_found}\n", self.shell_name()));
                self.programs_here(io);
                127
            }
        }
    }

    /// Whether a program can be run here.
    pub(super) fn has(&self, name: &str) -> bool {
        find(name, self.terminal.place()).is_some()
    }

    /// One line that says what can be run here.
    pub(super) fn programs_here(&self, io: &mut Io) {
        let here: Vec<&str> = PROGRAMS
            .iter()
            .filter(|p| !p.help.0.is_empty() && (!p.laptop_only || *self.terminal.place() == Place::Laptop))
            .map(|p| p.name)
            .collect();
        let here = here.join(", ");
        self.say(io, format!("the lab has here: {here}"), format!("实验室在此处提供：{here}"));
    }

    fn fields(&mut self, io: &mut Io, words: &[Word]) -> Vec<String> {
        words.iter().flat_map(|word| self.fields_of(io, word, true)).collect()
    }

    /// Expands one word to the words it stands for; with `split`, what is not quoted is cut at blanks.
    fn fields_of(&mut self, io: &mut Io, word: &Word, split: bool) -> Vec<String> {
        if split
            && let [Piece::Text(text, false)] = word.as_slice()
            && let Some(counted) = words::braces(text)
        {
            return counted;
        }
        let mut fields = Vec::new();
        // The field being built; none between fields.
        let mut field: Option<String> = None;
        for piece in word {
            let (text, quoted) = match piece {
                Piece::Text(text, _) => (text.clone(), true),
                Piece::Variable(name, quoted) => {
                    (self.terminal.variables.get(name).cloned().unwrap_or_default(), *quoted)
                }
                Piece::Output(list, quoted) => (self.output(io, list), *quoted),
            };
            if quoted || !split {
                field.get_or_insert_default().push_str(&text);
                continue;
            }
            if text.starts_with(char::is_whitespace) {
                fields.extend(field.take());
            }
            let mut parts = text.split_whitespace().peekable();
            while let Some(part) = parts.next() {
                field.get_or_insert_default().push_str(part);
                if parts.peek().is_some() || text.ends_with(char::is_whitespace) {
                    fields.extend(field.take());
                }
            }
        }
        fields.extend(field);
        fields
    }

    /// What a list prints, without the line ends at its end; its errors go on.
    fn output(&mut self, io: &mut Io, list: &List) -> String {
        let mut inner = Io::default();
        self.list(&mut inner, list);
        let mut text = String::new();
        for (stream, chunk) in inner.chunks {
            match stream {
                Stream::Out => text += &chunk,
                Stream::Err => io.err(chunk),
            }
        }
        text.truncate(text.trim_end_matches('\n').len());
        text
    }
}

/// Where the two outputs go, after redirections in the order written.
fn targets(redirects: &[Redirect]) -> [Target; 2] {
    let mut targets = [Target::Out, Target::Err];
    for redirect in redirects {
        let to = match redirect.to {
            Target::Null => Target::Null,
            Target::Out => targets[0],
            Target::Err => targets[1],
        };
        if redirect.out {
            targets[0] = to;
        }
        if redirect.err {
            targets[1] = to;
        }
    }
    targets
}

fn find(name: &str, place: &Place) -> Option<&'static super::Program> {
    let name = name
        .strip_prefix("/bin/")
        .or(name.strip_prefix("/usr/bin/"))
        .or(name.strip_prefix("/usr/sbin/"))
        .unwrap_or(name);
    PROGRAMS.iter().find(|p| p.name == name && (!p.laptop_only || *place == Place::Laptop))
}

#[cfg(test)]
mod tests {
    use super::super::{Files, Output, Terminal, run};
    use crate::cluster::Cluster;
    use crate::lang::Lang;
    use crate::object::{Kind, Profile, Ref};
    use crate::rng::Rng;
    use crate::shell::Stream;

    fn terminal() -> (Cluster, Terminal, Files) {
        let files = Files::from([("a.yaml".to_owned(), "a: b\n".to_owned())]);
        (Cluster::new(&Profile::named("minikube").unwrap(), 1), Terminal::new(Lang::En), files)
    }

    #[test]
    fn lines_of_any_words_end_without_a_panic() {
        const WORDS: &[&str] = &[
            "kubectl",
            "get",
            "pods",
            "svc,ep",
            "-o",
            "yaml",
            "jsonpath={.items[0]}",
            "-n",
            "-A",
            "-l",
            "a=b",
            "delete",
            "--all",
            "describe",
            "exec",
            "-it",
            "--",
            "sh",
            "run",
            "x",
            "--image=busybox",
            "--rm",
            "scale",
            "--replicas=2",
            "rollout",
            "status",
            "wait",
            "--for=delete",
            "--timeout=5s",
            "create",
            "deployment",
            "expose",
            "--port=80",
            "label",
            "apply",
            "-f",
            "a.yaml",
            "-",
            ".",
            "minikube",
            "ssh",
            "node",
            "list",
            "ip",
            "curl",
            "-v",
            "-m",
            "2",
            "http://kubernetes",
            "10.96.0.1:443",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "wget",
            "-qO-",
            "trace",
            "--from",
            "node/minikube",
            "nslookup",
            "grep",
            "-c",
            "[",
            "(",
            "sort",
            "-k2",
            "uniq",
            "head",
            "-n",
            "-1",
            "|",
            "|",
            ";",
            "&&",
            "||",
            "$(",
            ")",
            "for",
            "i",
            "in",
            "1",
            "2",
            ";",
            "do",
            "done",
            "echo",
            "$i",
            "$?",
            "\"",
            "'",
            "2>&1",
            ">/dev/null",
            "exit",
            "seq",
            "9",
            "sleep",
            "1",
            "cat",
            "中文",
            "config",
            "set-context",
            "--current",
            "export",
            "IP=1",
            "{1..3}",
            "\\",
            "&",
            "#",
            "{",
            "}",
            "port-forward",
            "svc/kubernetes",
            "9091:443",
            ":53",
            "svc/kube-dns",
            "watch",
            "-n1",
            "jobs",
            "fg",
            "kill",
            "%1",
            "^C",
            "logs",
            "-f",
            "patch",
            "-p",
            "{}",
            "replace",
            "set",
            "image",
            "c=d",
            "annotate",
            "explain",
            "svc.spec",
            "edit",
            "dig",
            "@10.96.0.10",
            "+short",
            "host",
            "getent",
            "hosts",
            "ss",
            "-lnt",
            "nc",
            "-zv",
            "ping",
            "route",
            "service",
            "--url",
            "list",
            "--sort-by=.x",
            "--field-selector=a=b",
            "-w",
            "custom-columns=A:.b",
            "localhost:9091",
            "wait",
            "bg",
        ];
        let mut rng = Rng::new(7).fork("lines");
        let (mut cluster, mut terminal, mut files) = terminal();
        for _ in 0..3000 {
            let count = 1 + rng.below(12);
            let words: Vec<&str> = (0..count).map(|_| WORDS[rng.below(WORDS.len() as u32) as usize]).collect();
            let line = words.join(" ");
            run(&mut cluster, &mut terminal, &mut files, &line);
            assert!(!terminal.places.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_line_that_would_never_end_is_stopped() {
        let (mut cluster, mut terminal, mut files) = terminal();
        let line = "for a in {1..1000}; do for b in {1..1000}; do echo $a $b; done; done";
        let output = run(&mut cluster, &mut terminal, &mut files, line);
        assert!(output.on(Stream::Err).starts_with("kubehop: stopped: one line may run 20000 commands"));
        let deep = "sh -c 'sh -c \"echo deep\"'";
        assert_eq!(run(&mut cluster, &mut terminal, &mut files, deep).on(Stream::Out), "deep\n");
    }

    #[test]
    fn a_shell_ends_with_its_pod() {
        let (mut cluster, mut terminal, mut files) = terminal();
        let mut line = |line: &str| -> Output { run(&mut cluster, &mut terminal, &mut files, line) };
        line("kubectl run web --image=hello:1.0; kubectl wait --for=condition=Ready pod/web");
        line("kubectl exec -it web -- sh");
        assert_eq!(line("hostname").on(Stream::Out), "web\n");
        line("exit");
        line("kubectl exec -it web -- sh");
        // Somebody else deletes the pod.
        let pod = Ref::new(Kind::Pod, "default", "web");
        cluster.delete(&pod, Some(0)).unwrap();
        let output = run(&mut cluster, &mut terminal, &mut files, "hostname");
        assert_eq!((output.on(Stream::Err).as_str(), output.code), ("command terminated with exit code 137\n", 137));
        assert_eq!(run(&mut cluster, &mut terminal, &mut files, "hostname").on(Stream::Out), "laptop\n");
    }
}
