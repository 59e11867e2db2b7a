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
