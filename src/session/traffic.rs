//! Traffic that goes on: requests at a steady rate, until it is told to stop.
//!
//! Stands for a load generator with a client of its own for each request: one that is lost holds up no other. While a command takes
//! its time (`sleep 30` in a terminal), the traffic waits; what was due meanwhile is not sent.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::lang::Lang;
use crate::shell::{self, Output, Requests};
use crate::time::{Duration, Instant};
use crate::trace::Trace;

/// How many requests a second it sends at most.
const MOST: u32 = 20;

/// How long it goes on by itself.
const LONGEST: Duration = Duration::from_secs(600);

/// Traffic, as it goes on.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    /// Their count is that of each second.
    requests: Requests,
    begun: Instant,
    sent: u64,
}

impl Traffic {
    /// Sends the first request; why none was sent, otherwise.
    pub(super) fn start(cluster: &mut Cluster, requests: &Requests, lang: Lang) -> Result<(Self, Arc<Trace>), Output> {
        let requests = Requests { count: requests.count.clamp(1, MOST), ..requests.clone() };
        let trace = shell::send_off(cluster, &requests, lang)?;
        Ok((Self { requests, begun: cluster.now(), sent: 1 }, trace))
    }

    /// What is sent; its count is that of each second.
    pub(super) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// When the next request is due.
    pub(super) fn next(&self) -> Instant {
        self.begun + Duration::from_micros(self.sent * 1_000_000 / u64::from(self.requests.count))
    }

    /// Sends what is due. Whether it goes on: not after ten minutes, nor from a place that is no more.
    pub(super) fn poll(&mut self, cluster: &mut Cluster, traces: &mut Vec<Arc<Trace>>, lang: Lang) -> bool {
        while self.next() <= cluster.now() {
            let Ok(trace) = shell::send_off(cluster, &self.requests, lang) else { return false };
            traces.push(trace);
            self.sent += 1;
        }
        self.next().since(self.begun) < LONGEST
    }

    /// Sends so much later what is still to come.
    pub(super) fn wait(&mut self, passed: Duration) {
        self.begun = self.begun + passed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Profile;
    use crate::session::{Command, Moment, Session, history};
    use crate::text::Source;
    use crate::trace::OutcomeKind;

    /// A Service of two replicas on three nodes, and traffic to it, so many requests a second.
    fn flowing(count: u32) -> Session {
        let mut session = Session::new(Profile::named("multinode").unwrap(), 1, Lang::En);
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 9090, nodePort: 30000}]}";
        let create = "kubectl create deployment web --image=hello:1.0 --replicas=2".to_owned();
        session.run(Command::Run { terminal: 0, line: create });
        session.run(Command::Apply(Source::new("svc.yaml", text)));
        session.settle(Duration::from_secs(60));
        let url = "http://192.168.49.2:30000/api/hello".to_owned();
        let requests = Requests { from: "laptop".into(), url, count, ..Requests::default() };
        assert_eq!(session.run(Command::Start(requests)).traces.len(), 1);
        session
    }

    fn pass(session: &mut Session, millis: u64) {
        session.advance(session.cluster().now() + Duration::from_millis(millis));
    }

    fn sent(session: &Session) -> u64 {
        session.cluster().flows().sent()
    }

    #[test]
    fn it_sends_at_its_rate_until_it_is_told_to_stop() {
        let mut session = flowing(5);
        let before = sent(&session);
        pass(&mut session, 2000);
        assert_eq!(sent(&session) - before, 10);
        let gaps: Vec<_> = session.traces().windows(2).map(|two| two[1].start - two[0].start).collect();
        assert!(gaps.iter().all(|gap| *gap == Duration::from_millis(200)), "{gaps:?}");
        assert!(session.traffic().is_some());
        session.run(Command::Stop);
        pass(&mut session, 5000);
        assert_eq!(sent(&session) - before, 10);
        assert!(session.traffic().is_none());
    }

    #[test]
    fn it_ends_by_itself_and_with_its_client() {
        let mut session = flowing(1);
        let before = sent(&session);
        pass(&mut session, 3_600_000);
        assert_eq!(sent(&session) - before, 599);
        assert!(session.traffic().is_none());
        let line = "kubectl run client --image=curlimages/curl:8.16.0 --command -- sleep infinity".to_owned();
        session.run(Command::Run { terminal: 0, line });
        session.settle(Duration::from_secs(60));
        let requests =
            Requests { from: "pod/default/client".into(), url: "http://web/".into(), count: 2, ..Requests::default() };
        session.run(Command::Start(requests));
        pass(&mut session, 1000);
        assert!(session.traffic().is_some());
        session.run(Command::Run { terminal: 0, line: "kubectl delete pod client --grace-period=1".into() });
        session.settle(Duration::from_secs(60));
        pass(&mut session, 1000);
        assert!(session.traffic().is_none());
        let nowhere = Requests { from: "node/moon".into(), url: "http://web/".into(), count: 2, ..Requests::default() };
        assert_eq!(session.run(Command::Start(nowhere)).output.code, 1);
    }

    #[test]
    fn a_request_that_is_lost_holds_up_no_other() {
        let mut session = flowing(5);
        session.run(Command::Run { terminal: 0, line: "fault stop-node minikube-m02".into() });
        session.run(Command::Run { terminal: 0, line: "fault stop-node minikube-m03".into() });
        let before = session.traces().len();
        pass(&mut session, 4000);
        let lost = &session.traces()[before..];
        assert_eq!(lost.len(), 20);
        assert!(lost.iter().any(|trace| trace.outcome.kind != OutcomeKind::Answered));
    }

    #[test]
    fn it_waits_while_a_command_takes_its_time() {
        let mut session = flowing(5);
        let before = sent(&session);
        session.run(Command::Run { terminal: 0, line: "sleep 30".into() });
        assert_eq!(sent(&session), before);
        pass(&mut session, 1000);
        assert_eq!(sent(&session) - before, 5);
    }

    #[test]
    fn it_is_replayed_undone_and_looked_back_at() {
        let mut session = flowing(5);
        let begun = session.cluster().now();
        for _ in 0..7 {
            pass(&mut session, 300);
        }
        let node = session.traces().last().unwrap().outcome.responder.clone();
        assert!(node.is_some());
        session.run(Command::Run { terminal: 0, line: "fault stop-node minikube-m03".into() });
        pass(&mut session, 70_000);
        session.run(Command::Stop);
        let again = Session::from_json(&session.to_json(), Lang::En).unwrap();
        assert!(again.traces() == session.traces());
        assert_eq!(history(&again, Lang::En), history(&session, Lang::En));
        let at = begun + Duration::from_millis(1100);
        let then = session.at(Moment::At { given: 3, at });
        assert_eq!(then.traces().len(), 6);
        assert!(then.traffic().is_some());
        // Steps are short, in order, and what happened stands between those that it parts.
        let steps = history(&session, Lang::En);
        assert!(steps.windows(2).all(|two| two[0].at <= two[1].at), "{steps:#?}");
        assert!(steps.iter().all(|step| step.sent.ids.end - step.sent.ids.start <= 50));
        let lost = steps.iter().position(|step| step.label.contains("not ready")).unwrap();
        assert!(steps[..lost].iter().any(|step| step.sent.failed > 0));
        assert!(steps[lost + 1..].iter().any(|step| !step.sent.ids.is_empty() && step.sent.failed == 0));
        while session.traffic().is_none() {
            assert!(session.undo());
        }
        while session.undo() {}
        assert!(session.traffic().is_none());
    }
}
