//! The command line's contract: arguments, streams, exit status. Other tools rely on it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - {name: hello, image: 'hello:1.0'}
";

const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
    - port: 9090
";

/// A folder with manifests, for one test.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

fn kubehop(folder: &PathBuf, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubehop"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Checks standard output, standard error and the exit status.
fn check(folder: &PathBuf, args: &[&str], input: &str, out: &str, err: &str, code: i32) {
    let output = kubehop(folder, args, input);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), (out, err), "{args:?}");
    assert_eq!(output.status.code(), Some(code), "{args:?}");
}

#[test]
fn manifests_are_applied_in_the_order_given_then_lines_run() {
    let folder = folder("order", &[("b.yaml", DEPLOYMENT), ("a.yaml", SERVICE)]);
    let created = "deployment.apps/web created\nservice/web created\n";
    let ready = "web   2/2   2     2     1s\n";
    let args = ["-f", "b.yaml", "-f", "a.yaml", "-c", "kubectl get deploy --no-headers"];
    check(&folder, &args, "", &format!("{created}{ready}"), "", 0);
    // A folder's files go by name.
    let args = ["-f", ".", "-c", "true"];
    check(&folder, &args, "", "service/web created\ndeployment.apps/web created\n", "", 0);
}

#[test]
fn without_lines_they_come_from_standard_input() {
    let folder = folder("stdin", &[]);
    check(&folder, &[], "echo one\n\nfor i in 1 2\ndo echo $i\ndone\nexit\necho never\n", "one\n1\n2\n", "", 0);
    check(&folder, &[], "minikube ssh\nhostname\nexit\nhostname", "minikube\nlaptop\n", "", 0);
    check(&folder, &["-f", "-"], SERVICE, "service/web created\n", "", 0);
}

#[test]
fn a_line_that_fails_stops_the_run_with_its_status() {
    let folder = folder("fails", &[]);
    let missing = "Error from server (NotFound): pods \"x\" not found\n";
    check(&folder, &["-c", "kubectl get pod x", "-c", "echo never"], "", "", missing, 1);
    check(&folder, &["-c", "kubectl get pod x || true", "-c", "echo on"], "", "on\n", missing, 0);
    check(&folder, &[], "false\necho never\n", "", "", 1);
    let refused = "curl: (7) Failed to connect to 192.168.49.2 port 9 after 0 ms: Couldn't connect to server\n";
    check(&folder, &["-c", "curl 192.168.49.2:9"], "", "", refused, 7);
}

#[test]
fn quiet_prints_the_last_line_alone() {
    let folder = folder("quiet", &[("svc.yaml", SERVICE)]);
    check(&folder, &["-q", "-f", "svc.yaml", "-c", "echo one", "-c", "echo two"], "", "two\n", "", 0);
    check(&folder, &["-q", "-f", "svc.yaml", "-c", "echo one", "-c", "frob 2>/dev/null; false"], "", "", "", 1);
}

#[test]
fn a_refused_manifest_is_told_in_kubectls_words() {
    let folder = folder("refused", &[("bad.yaml", &SERVICE.replace("9090", "0"))]);
    let output = kubehop(&folder, &["-f", "bad.yaml", "-c", "echo never"], "");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("The Service \"web\" is invalid: \n* spec.ports[0].port: Invalid value: 0: "), "{text}");
    assert_eq!((output.stdout.len(), output.status.code()), (0, Some(1)));
    check(&folder, &["-f", "gone.yaml"], "", "", "error: the path \"gone.yaml\" does not exist\n", 1);
}

#[test]
fn time_passes_by_itself_unless_told_not_to() {
    let folder = folder("settle", &[("b.yaml", DEPLOYMENT)]);
    let line = "kubectl get deploy web -o jsonpath='{.status.readyReplicas}'";
    check(&folder, &["-q", "-f", "b.yaml", "-c", line], "", "2", "", 0);
    check(&folder, &["-q", "--no-settle", "-f", "b.yaml", "-c", line], "", "", "", 0);
    check(&folder, &["-q", "--no-settle", "-f", "b.yaml", "-c", "sleep 30", "-c", line], "", "2", "", 0);
    let wait = "kubectl wait --for=condition=Available deployment/web";
    check(
        &folder,
        &["-q", "--no-settle", "-f", "b.yaml", "-c", wait],
        "",
        "deployment.apps/web condition met\n",
        "",
        0,
    );
}

#[test]
fn the_same_seed_prints_the_same_bytes() {
    let folder = folder("seed", &[("b.yaml", DEPLOYMENT), ("a.yaml", SERVICE)]);
    let line = "trace --from node/minikube -n 5 -o json http://web.default.svc.cluster.local:9090/ ; kubectl get pods";
    let run = |seed: &str| kubehop(&folder, &["-s", seed, "-p", "multinode", "-f", ".", "-c", line], "");
    assert_eq!(run("42"), run("42"));
    assert_ne!(run("42").stdout, run("43").stdout);
}

#[test]
fn a_line_after_one_that_holds_its_terminal_runs_beside_it() {
    let folder = folder("forward", &[("web.yaml", DEPLOYMENT), ("svc.yaml", SERVICE)]);
    let forward = ["-f", ".", "-c", "kubectl port-forward svc/web 9091:9090", "-c", "curl -s localhost:9091/api/hello"];
    let output = kubehop(&folder, &forward, "");
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.contains("Forwarding from 127.0.0.1:9091 -> 9090\n"), "{out}");
    assert!(out.contains(" say Hello!\n") && out.ends_with("Handling connection for 9091\n"), "{out}");
    assert!(err.contains("holds its terminal until ^C"), "{err}");
    assert_eq!(output.status.code(), Some(0));
    let quiet = kubehop(&folder, &[&["-q"], &forward[..]].concat(), "");
    let out = String::from_utf8(quiet.stdout).unwrap();
    assert!(out.starts_with("web-") && out.ends_with(" say Hello!\n") && out.lines().count() == 1, "{out}");
    // The same lines from standard input, with Ctrl-C.
    let input = "kubectl port-forward svc/web 9091:9090\n^C\ncurl -s localhost:9091\n";
    assert_eq!(kubehop(&folder, &["-f", "."], input).status.code(), Some(7));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let folder = folder("arguments", &[]);
    for (args, says) in [
        (&["-p", "moon"][..], "kubehop: there is no profile \"moon\"; there are minikube, multinode, cloud\n"),
        (&["-s", "x"], "kubehop: cannot parse argument \"x\": invalid digit found in string\n"),
        (&["--lang", "fr"], "kubehop: --lang takes en or zh, not \"fr\"\n"),
        (&["--proxy-mode", "ipvs"], "kubehop: --proxy-mode takes iptables or nftables, not \"ipvs\"\n"),
        (&["--frob"], "kubehop: invalid option '--frob'\n"),
        (&["lessons"], "kubehop: lessons takes check: lessons check [DIR]\n"),
        (&["lessons", "check", "a", "b"], "kubehop: unexpected argument \"b\"\n"),
        (&["lesson"], "kubehop: unexpected argument \"lesson\"\n"),
    ] {
        let output = kubehop(&folder, args, "");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with(says), "{args:?}: {text}");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn remarks_follow_the_language() {
    let folder = folder("lang", &[]);
    let output = kubehop(&folder, &["--lang", "zh", "-c", "frob"], "");
    assert!(String::from_utf8(output.stderr).unwrap().contains("实验室在此处提供"));
}

/// A lesson of one step, and how it may be broken.
const LESSON: &str = "\
---
title: One
profile: minikube
files:
  - name: svc.yaml
    text: |
      apiVersion: v1
      kind: Service
      metadata: {name: web}
      spec: {ports: [{port: 80}]}
---

## A Service

Prose.

### Task

Apply it.

```yaml step
check:
  - service: web
solution:
  - apply: svc.yaml
```

### Solution

So.
";

/// What is printed of a file in which one text is another: it fails, and says so at its place.
fn broken((file, text): (&str, &str), (from, to): (&str, &str), told: &str) -> String {
    assert!(text.contains(from), "{from}");
    let folder = folder(&format!("broken-{file}"), &[(file, &text.replacen(from, to, 1))]);
    let output = kubehop(&folder, &["lessons", "check", file], "");
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with(&format!("{file}:{told}")), "{to}: {err}");
    assert_eq!(output.status.code(), Some(1), "{to}");
    String::from_utf8(output.stdout).unwrap()
}

const SCENARIO: &str = "\
title: {en: T, zh: 题}
about: {en: A, zh: 简短}
look: {en: L, zh: 看看}
profile: minikube
seed: 7
files:
  - name: svc.yaml
    text: |
      apiVersion: v1
      kind: Service
      metadata: {name: web}
      spec: {ports: [{port: 80}]}
log:
  - [0, {apply: svc.yaml}]
  - [3, {send: {from: node/minikube, url: 'http://{web}/', count: 2}}]
next:
  - say: {en: N, zh: 下一步}
    do: [{run: kubectl get svc}]
expect:
  - traffic: {from: node, to: web, count: 2, outcome: refused}
";

#[test]
fn lessons_that_come_with_it_are_proved_anywhere() {
    let folder = folder("shipped", &[]);
    let output = kubehop(&folder, &["lessons", "check"], "");
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.status.code()), ("", Some(0)));
    for line in [
        "public/lessons/en/nodeport.md:75: ok: step 2, \"Any node will do\": starts unsolved (0 of 3 hold), its solution solves it\n",
        "public/lessons/zh/nodeport.md:1: ok: asks for the same as public/lessons/en/nodeport.md\n",
        "public/scenarios/status-503.yaml:1: ok: \"503: a Service with nobody behind it\": conditions that hold at its end and not before: 2; it replays; suggestions that work: 2\n",
    ] {
        assert!(out.contains(line), "{line}{out}");
    }
    assert!(out.ends_with(", all hold\n"), "{out}");
}

#[test]
fn lessons_of_a_folder_are_proved() {
    let files = [("one.md", LESSON), ("README.md", "# No lesson\n"), ("s.yaml", SCENARIO), ("svc.yaml", SERVICE)];
    let folder = folder("lessons", &files);
    let out = "\
./one.md:13: ok: step 1, \"A Service\": starts unsolved (0 of 1 hold), its solution solves it
./s.yaml:1: ok: \"T\": conditions that hold at its end and not before: 1; it replays; suggestions that work: 1
lessons: 1, scenarios: 1, all hold
";
    check(&folder, &["lessons", "check", "."], "", out, "", 0);
    let zh = "one.md:13: 通过: 步骤 1“A Service”：开始时未完成（0/1），答案能完成它\n课程 1 份，场景 0 个，全部通过\n";
    check(&folder, &["--lang", "zh", "lessons", "check", "one.md"], "", zh, "", 0);
    check(&folder, &["lessons", "check", "gone"], "", "", "error: the path \"gone\" does not exist\n", 1);
    let nothing = "error: no lesson (NAME.md) and no scenario (NAME.yaml) in svc.yaml\n";
    check(&folder, &["lessons", "check", "svc.yaml"], "", "", nothing, 1);
}

/// Each mistake is told at its line, and ends with status 1.
#[test]
fn lessons_that_do_not_hold_are_told_at_their_place() {
    let step = "step 1, \"A Service\":";
    for (from, to, told) in [
        ("title: One", "title: One: two", "2: error: mapping values are not allowed in this context"),
        (
            "title: One",
            "tittle: One",
            "2: error: unknown field `tittle`, expected one of `title`, `profile`, `seed`, `files`",
        ),
        (
            "profile: minikube",
            "profile: moon",
            "3: error: profile: there is no profile \"moon\"; there are minikube, multinode, cloud",
        ),
        ("---\ntitle", "title", "1: error: a lesson begins with front matter"),
        ("### Task", "### Tusk", "17: error: \"Tusk\" is neither Task, Hint nor Solution"),
        ("- service: web", "- servise: web", "23: error: check[0]: unknown field `servise`"),
        ("  - service: web", "  - {service: web", "24: error: did not find expected ',' or '}'"),
        ("check:\n  - service: web\n", "", "22: error: check: is empty"),
        ("- service: web", "- {service: web, doors: 0}", "23: error: check[0]: a check asks for one thing, not 2"),
        ("- service: web", "- service: kubernetes", &format!("22: error: {step} starts solved")),
        (
            "- service: web",
            "- service: shop",
            &format!("23: error: {step} the solution does not bring this: shop has a cluster IP (0 of 1)\n"),
        ),
        (
            "{port: 80}",
            "{port: 0}",
            &format!(
                "23: error: {step} the solution does not bring this: web has a cluster IP (0 of 1); solution[0]: The Service \"web\" is invalid: "
            ),
        ),
        ("apply: svc.yaml", "apply: web.yaml", "25: error: solution[0].apply: there is no file \"web.yaml\""),
        ("apply: svc.yaml", "press: 1", "25: error: solution[0].press: there is no such button"),
        (
            "apply: svc.yaml",
            "{run: 'true', apply: svc.yaml}",
            "25: error: solution[0]: a deed has one of apply, run, send, press",
        ),
        (
            "apply: svc.yaml",
            "{apply: svc.yaml, replace: [[a b, c]]}",
            "25: error: solution[0].replace[0]: svc.yaml has no such text",
        ),
        (
            "### Solution",
            "```yaml step\ncheck: [{service: web}]\n```\n### Solution",
            "28: error: a step has one block `yaml step`",
        ),
    ] {
        let out = broken(("one.md", LESSON), (from, to), told);
        assert!(out.ends_with("lessons: 1, scenarios: 0, errors: 1\n"), "{out}");
    }
}

#[test]
fn lessons_must_be_the_same_in_both_languages() {
    let zh = LESSON
        .replace("### Task", "### 任务")
        .replace("### Solution", "### 答案")
        .replace("## A Service", "## 一个 Service");
    let folder = folder("languages", &[]);
    let write = |lang: &str, text: &str| {
        fs::create_dir_all(folder.join(lang)).unwrap();
        fs::write(folder.join(lang).join("one.md"), text).unwrap();
    };
    write("en", LESSON);
    let told = || {
        let output = kubehop(&folder, &["lessons", "check", "."], "");
        (String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    assert_eq!(told(), ("./en/one.md:1: error: there is no ./zh/one.md beside it\n".into(), Some(1)));
    write("zh", &zh);
    assert_eq!(told(), (String::new(), Some(0)));
    write("zh", &zh.replace("Prose.", "Prose.\n\nMore."));
    let parts = "./zh/one.md:13: error: \"一个 Service\": 2 parts in its prose, but 1 in ./en/one.md\n";
    assert!(told().0.contains(parts), "{}", told().0);
    write("zh", &zh.replace("  - apply: svc.yaml", "  - run: kubectl create service clusterip web --tcp=80"));
    assert!(told().0.contains("./zh/one.md:24: error: solution: not that of ./en/one.md\n"), "{}", told().0);
    write("zh", &zh.replace("minikube", "cloud"));
    assert!(told().0.contains("./zh/one.md:3: error: profile: not those of ./en/one.md\n"), "{}", told().0);
}

#[test]
fn scenarios_that_do_not_hold_are_told_at_their_place() {
    for (from, to, told) in [
        ("seed: 7", "sead: 7", "5: error: unknown field `sead`"),
        ("seed: 7", "seed: 7: 8", "5: error: mapping values are not allowed in this context"),
        ("{apply: svc.yaml}", "{apply: web.yaml}", "14: error: log[0].apply: there is no file \"web.yaml\""),
        ("zh: 看看", "zh: Look", "3: error: look: is in the wrong language"),
        ("spec: {ports", "spec: {prots", "7: error: files[0]: svc.yaml:4: "),
        (
            "outcome: refused",
            "status: 200",
            "20: error: its log does not bring this: two answers from the node with status 200 (0 of 2)",
        ),
        (
            "- traffic",
            "- service: kubernetes\n  - traffic",
            "20: error: holds before the log begins: kubernetes has a cluster IP",
        ),
        ("kubectl get svc", "kubectl get pod x", "18: error: next[0].do[0]: fails: Error from server (NotFound)"),
        (
            "do: [{run: kubectl get svc}]",
            "open: other",
            "18: error: next[0].open: there is no other scenario \"other\"",
        ),
    ] {
        broken(("s.yaml", SCENARIO), (from, to), told);
    }
    let list = "- title: {en: All, zh: 全部}\n  scenarios:\n    - s\n    - t\n";
    let folder = folder("gallery", &[("s.yaml", SCENARIO), ("u.yaml", SCENARIO), ("index.yaml", list)]);
    let output = kubehop(&folder, &["lessons", "check", "."], "");
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(err, "./index.yaml:4: error: there is no t.yaml\n./index.yaml:1: error: u.yaml is not listed\n");
}
