//! A session looked at as it was is the session that it was, whatever was done later.

mod world;

use kubehop::cluster::Cluster;
use kubehop::lang::Lang;
use kubehop::object::{Kind, Profile, ProxyMode};
use kubehop::rng::Rng;
use kubehop::scene::{self, Marks, Needs, Scene, Width, Wish};
use kubehop::session::{Command, Fault, Moment, Requests, Session, history};
use kubehop::shell::{self, Files, Stream, Terminal};
use kubehop::text::Source;
use kubehop::time::Duration;
use kubehop::trace::{self, Place, Request};

/// What a line prints on a node of a copy of the cluster.
fn printed(cluster: &Cluster, node: &str, line: &str) -> String {
    let mut terminal = Terminal::new(Lang::En);
    terminal.places.push(Place::Node(node.into()));
    let output = shell::run(&mut cluster.clone(), &mut terminal, &mut Files::new(), line);
    output.on(Stream::Out) + &output.on(Stream::Err)
}

/// All of a session that may be seen: objects, what kernels hold and remember, what is broken, files, traces, who is picked next.
fn bytes(session: &Session) -> String {
    let cluster = session.cluster();
    let store = cluster.store();
    let objects: String =
        Kind::all().flat_map(|kind| store.list(kind, None)).map(|o| o.to_value().to_string()).collect();
    let nodes = cluster.profile().nodes.iter().map(|node| &*node.name);
    let lines = ["sudo conntrack -L", "sudo iptables-save -c", "sudo nft list ruleset"];
    let kernels: String = nodes.flat_map(|node| lines.map(|line| printed(cluster, node, line))).collect();
    let traces: Vec<String> = session.traces().iter().map(|trace| trace::to_text(trace, Lang::En)).collect();
    let request = Request { method: "GET".into(), url: "http://web.default/".into(), ..Request::default() };
    let next = cluster.clone().request(&Place::Node(cluster.profile().nodes[0].name.as_str().into()), &request);
    let next = trace::to_text(&next, Lang::En);
    format!("{:?} {objects} {kernels} {:?} {traces:?} {:?} {next}", cluster.now(), cluster.outages(), session.files())
}

fn picture(session: &Session, marks: &Marks) -> Scene {
    let cluster = session.cluster();
    let wish = Wish {
        width: Width::Wide,
        height: 506.0,
        focus: scene::services(cluster.store()).last().cloned(),
        lang: Lang::En,
        profile: session.profile().clone(),
        health: Vec::new(),
        needs: Needs::of(session.traces().iter().map(|trace| &**trace)),
        inspected: None,
        readers: Vec::new(),
        outages: cluster.outages().clone(),
        tunnels: Vec::new(),
    };
    scene::compose(cluster.store(), marks, &wish)
}

/// A session in which a good deal is done, drawn from a seed.
struct Course {
    session: Session,
    rng: Rng,
    text: [String; 2],
}

impl Course {
    fn new(seed: u64) -> Self {
        let name = ["minikube", "multinode", "cloud"][seed as usize % 3];
        let mode = if seed.is_multiple_of(2) { ProxyMode::Iptables } else { ProxyMode::Nftables };
        let profile = Profile { proxy_mode: mode, ..Profile::named(name).unwrap() };
        let session = Session::new(profile, seed, Lang::En);
        Self { session, rng: Rng::new(seed).fork("course"), text: Default::default() }
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.rng.below(choices.len() as u32) as usize].clone()
    }

    fn deed(&mut self) {
        let line = |line: &str| Command::Run { terminal: 0, line: line.to_owned() };
        let pods: Vec<_> =
            self.session.cluster().store().list(Kind::Pod, Some("default")).map(|pod| pod.key()).collect();
        let nodes: Vec<String> = self.session.cluster().profile().nodes.iter().map(|node| node.name.clone()).collect();
        let node = self.of(&nodes);
        let first = nodes[0].clone();
        let command = match self.rng.below(14) {
            0 | 1 => {
                let replicas = self.rng.below(5);
                self.text[0] = format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: web}}}}\n  \
                     template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: c, image: 'hello:1.0'}}]}}\n"
                );
                Command::Live(Source::new("deploy.yaml", self.text[0].clone()))
            }
            2 => {
                let port = self.of(&[9090, 9091]);
                self.text[1] = format!(
                    "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{type: NodePort, selector: {{app: web}}, ports: [{{port: 80, targetPort: {port}, nodePort: 30000}}]}}\n"
                );
                Command::Apply(Source::new("svc.yaml", self.text[1].clone()))
            }
            3 => Command::Live(Source::new("deploy.yaml", self.of(&["a: [", "", "kind: x"]))),
            4 | 5 => {
                let from = self.of(&["laptop".to_owned(), format!("node/{first}")]);
                let address = self.session.profile().nodes[0].address;
                let url = self.of(&[format!("http://{address}:30000/api/hello"), "http://10.96.0.99/".to_owned()]);
                let count = 1 + self.rng.below(6);
                Command::Request(Requests { from, url, count, ..Requests::default() })
            }
            6 => line(&format!(
                "for i in 1 2 3; do minikube ssh -n {first} -- curl -s -m 1 http://localhost:30000/; sleep 1; done"
            )),
            7 => line(self.of(&[
                "kubectl rollout status deploy/web --timeout=5s",
                "sleep 3",
                "kubectl get pods",
                "kubectl scale deploy web --replicas=3",
            ])),
            8 if !pods.is_empty() => Command::Fault(Fault::KillPod(self.of(&pods))),
            9 if !pods.is_empty() => {
                let fails = self.rng.below(2) == 0;
                Command::Fault(Fault::FailReadiness(self.of(&pods), fails))
            }
            10 => Command::Fault(Fault::StopNode(node)),
            11..=13 if self.session.traffic().is_some() => Command::Stop,
            12 | 13 => {
                let url = format!("http://{}:30000/api/hello", self.session.profile().nodes[0].address);
                Command::Start(Requests { from: "laptop".to_owned(), url, count: 1, ..Requests::default() })
            }
            _ => Command::Fault(Fault::StartNode(node)),
        };
        self.session.run(command);
    }

    fn pass(&mut self) {
        let until = self.session.cluster().now() + Duration::from_millis(u64::from(self.rng.below(6000)));
        self.session.advance(until);
    }

    fn moment(&self) -> Moment {
        Moment::At { given: self.session.log().len(), at: self.session.cluster().now() }
    }
}

/// What was seen at a moment.
struct Seen {
    moment: Moment,
    bytes: String,
    picture: Scene,
    length: usize,
}

fn lived(seed: u64) -> (Course, Vec<Seen>) {
    let (mut course, mut seen) = (Course::new(seed), Vec::new());
    for _ in 0..60 {
        course.deed();
        // A live application may take the place of the one before, and that one's moments with it.
        let length = course.session.log().len();
        seen.retain(|seen: &Seen| seen.length < length);
        for _ in 0..2 {
            let session = &course.session;
            let marks = Marks::of(session.cluster().store());
            seen.push(Seen {
                moment: course.moment(),
                bytes: bytes(session),
                picture: picture(session, &marks),
                length,
            });
            course.pass();
        }
    }
    (course, seen)
}

#[test]
fn what_is_looked_at_is_what_was() {
    for seed in 0..6 {
        let (course, seen) = lived(seed);
        assert!(seen.len() > 60, "seed {seed}: {}", seen.len());
        let restored = Session::from_json(&course.session.to_json(), Lang::En).unwrap();
        let mut marks = Marks::default();
        // Back and forth, in no order.
        let mut rng = Rng::new(seed).fork("looks");
        for _ in 0..40 {
            let then = &seen[rng.below(seen.len() as u32) as usize];
            let told = format!("seed {seed}, {:?}", then.moment);
            let view = course.session.at(then.moment);
            let is = bytes(&view);
            assert!(is == then.bytes, "{told}\n{}", first_difference(&is, &then.bytes));
            marks.follow(view.cluster().store());
            assert!(picture(&view, &marks) == then.picture, "{told}: the same moment draws the same picture");
            assert!(bytes(&restored.at(then.moment)) == then.bytes, "{told}, restored");
        }
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b).unwrap_or(0);
    let piece = |text: &str| text.get(at.saturating_sub(80)..(at + 80).min(text.len())).unwrap_or_default().to_owned();
    format!("is  {}\nwas {}", piece(a), piece(b))
}

#[test]
fn a_request_sent_again_before_it_was_sent_goes_the_same_way() {
    let mut count = 0;
    for seed in 0..6 {
        let (course, _) = lived(seed);
        for trace in course.session.traces().iter().step_by(3) {
            let view = course.session.at(Moment::Request(trace.id));
            assert_eq!(view.cluster().now(), trace.start, "seed {seed}, #{}", trace.id);
            assert!(view.traces().iter().all(|earlier| earlier.id < trace.id));
            let requests = course.session.log().iter().any(|(at, command)| {
                *at == trace.start
                    && matches!(command, Command::Request(requests) if requests.url == *trace.request.url)
            });
            if requests {
                let again = view.cluster().clone().request(&trace.from, &trace.request);
                assert!(again == **trace, "seed {seed}, #{}", trace.id);
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn going_on_from_a_moment_takes_back_what_came_later() {
    let (course, seen) = lived(3);
    // Some time after a command: undo lets what is due then happen.
    let pair = seen.windows(2).skip(seen.len() / 2).find(|pair| pair[0].length == pair[1].length);
    let then = &pair.unwrap()[1];
    let mut other = course.session.go_on_from(then.moment);
    assert!(bytes(&other) == then.bytes);
    other.run(Command::Run { terminal: 0, line: "kubectl create namespace other".to_owned() });
    assert!(other.undo());
    let is = bytes(&other);
    assert!(is == then.bytes, "{}", first_difference(&is, &then.bytes));
    let length = other.log().len();
    assert!(other.undo());
    assert!(other.log().len() < length);
}

#[test]
fn moments_without_a_change_between_are_of_one_epoch() {
    let (course, seen) = lived(1);
    let pictures: Vec<(usize, &Scene)> =
        seen.iter().map(|seen| (course.session.epoch(seen.moment), &seen.picture)).collect();
    let mut same = 0;
    for pair in pictures.windows(2) {
        assert!(pair[0].0 <= pair[1].0, "epochs only grow");
        if pair[0].0 == pair[1].0 {
            // Who sent packets is drawn, too, and no change.
            same += usize::from(pair[0].1.rooms == pair[1].1.rooms);
        }
    }
    assert!(same > 5, "{same}");
    assert_eq!(
        course.session.epoch(seen.last().unwrap().moment).max(course.session.now_epoch()),
        course.session.now_epoch()
    );
}

#[test]
fn the_history_tells_in_order_what_was_done_and_what_happened() {
    for seed in 0..6 {
        let (course, _) = lived(seed);
        let steps = history(&course.session, Lang::En);
        let order: Vec<_> = steps.iter().map(|step| course.session.time_of(step.after)).collect();
        assert!(order.windows(2).all(|pair| pair[0] <= pair[1]), "seed {seed}: {order:?}");
        let sent: u64 = steps.iter().map(|step| step.sent.ids.end - step.sent.ids.start).sum();
        assert_eq!(sent, course.session.cluster().flows().sent(), "seed {seed}");
        let failed = course.session.traces().iter().filter(|trace| kubehop::session::is_failure(trace)).count();
        assert_eq!(steps.iter().map(|step| step.sent.failed as usize).sum::<usize>(), failed, "seed {seed}");
        let restored = Session::from_json(&course.session.to_json(), Lang::En).unwrap();
        assert_eq!(history(&restored, Lang::En), steps, "seed {seed}");
        let zh = history(&course.session, Lang::Zh);
        assert_eq!(zh.len(), steps.len());
    }
}
