//! What looks after the cluster again and again: kubelets after pods, load balancers after nodes.
//!
//! A quiet cluster plays none of it, because none of it changes anything; here it is told all the same, for whoever wants to see
//! it: each probe and each check at its true time, with what comes of it. Of what is past, each probe's last result is known.

use super::Cluster;
use crate::controller::ProbeKind;
use crate::time::{Duration, Instant};
use crate::trace::{Cloud, Place};

/// A probe or a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When.
    pub at: Instant,
    /// Who looks: a node (its kubelet), or a load balancer.
    pub from: Place,
    /// At whom: a pod, or a node.
    pub to: Place,
    /// Which of a container's probes; none for a check.
    pub probe: Option<ProbeKind>,
    /// Whether it succeeds.
    pub passes: bool,
    /// What the kubelet says of a probe that fails; empty else.
    pub said: String,
}

/// How far ahead the next beat is looked for.
const AHEAD: [u64; 4] = [2, 12, 70, 3600];

impl Cluster {
    /// The probes after `from` and until `until`, in order, if things go on as they are.
    pub fn probes(&self, from: Instant, until: Instant) -> Vec<Beat> {
        if until <= from {
            return Vec::new();
        }
        let probed = self.kubelet.probes(self.api.store(), from, until);
        let mut beats: Vec<Beat> = probed
            .into_iter()
            .map(|probed| Beat {
                at: probed.at,
                from: Place::Node(probed.node.into()),
                to: Place::Pod(probed.pod.namespace, probed.pod.name),
                probe: Some(probed.kind),
                passes: probed.failure.is_none(),
                said: probed.failure.unwrap_or_default(),
            })
            .collect();
        crate::sort::by_key(&mut beats, |beat| beat.at);
        beats
    }

    /// The load balancers' checks of nodes after `from` and until `until`, in order, if things go on as they are.
    pub fn health_checks(&self, from: Instant, until: Instant) -> Vec<Beat> {
        let health = self.fabric.flows().health();
        let times = if until > from { health.beats(from, until) } else { Vec::new() };
        let all = times.into_iter().flat_map(|at| {
            health.all().flat_map(move |(service, opinions)| {
                opinions.iter().map(move |opinion| Beat {
                    at,
                    from: Place::Cloud(Cloud::Balancer(service.namespace.clone(), service.name.clone())),
                    to: Place::Node(opinion.node.clone()),
                    probe: None,
                    passes: opinion.failures == 0,
                    said: String::new(),
                })
            })
        });
        all.collect()
    }

    /// When the next probe or check comes, an hour ahead at most.
    pub fn next_beat(&self, after: Instant, probes: bool, checks: bool) -> Option<Instant> {
        AHEAD.iter().find_map(|seconds| {
            let until = after + Duration::from_secs(*seconds);
            let next = |wanted: bool, beats: &dyn Fn() -> Vec<Beat>| wanted.then(beats)?.first().map(|beat| beat.at);
            let probe = next(probes, &|| self.probes(after, until));
            let check = next(checks, &|| self.health_checks(after, until));
            probe.into_iter().chain(check).min()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::{Kind, Object, Profile, Ref};

    fn apply(cluster: &mut Cluster, tree: serde_json::Value) {
        let kind = Kind::from_api(tree["apiVersion"].as_str().unwrap(), tree["kind"].as_str().unwrap()).unwrap();
        let object = Object::from_value(kind, tree.clone()).unwrap();
        cluster.apply_object(&object, &tree, "default").unwrap();
    }

    #[test]
    fn probes_and_checks_come_at_their_times_and_tell_what_the_model_does() {
        let mut cluster = Cluster::new(&Profile::named("cloud").unwrap(), 3);
        apply(
            &mut cluster,
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
                "spec": {"containers": [{
                    "name": "c", "image": "hello:1.0", "ports": [{"containerPort": 9090}],
                    "readinessProbe": {"httpGet": {"path": "/api/hello", "port": 9090}, "periodSeconds": 5}
                }]}
            }),
        );
        apply(
            &mut cluster,
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "externalTrafficPolicy": "Local", "ports": [{"port": 9090}]}
            }),
        );
        cluster.settle(Duration::from_secs(120));
        let quiet = cluster.clone();
        let (from, until) = (cluster.now(), cluster.now() + Duration::from_secs(40));
        let is_web = |beat: &Beat| beat.to == Place::Pod("default".into(), "web".into());
        let probes: Vec<Beat> = cluster.probes(from, until).into_iter().filter(is_web).collect();
        assert_eq!(probes.len(), 8);
        assert!(probes.iter().all(|beat| beat.passes && beat.probe == Some(ProbeKind::Readiness)));
        assert!(probes.windows(2).all(|pair| pair[1].at - pair[0].at == Duration::from_secs(5)));
        // The policy is Local: the balancer gets an answer from the pod's node alone.
        let checks = cluster.health_checks(from, until);
        assert_eq!(checks.len(), 5 * 3);
        assert_eq!(checks.iter().filter(|beat| beat.passes).count(), 5);
        assert!(checks.iter().all(|beat| beat.passes == (beat.to == probes[0].from)));
        assert_eq!(cluster.next_beat(from, false, true), checks.first().map(|beat| beat.at));

        // From the moment at which it fails, so do its probes, as events tell as well.
        cluster.fail_readiness(&Ref::new(Kind::Pod, "default", "web"), true);
        let failed: Vec<Beat> = cluster.probes(from, until).into_iter().filter(is_web).collect();
        assert!(failed.iter().all(|beat| !beat.passes));
        assert_eq!(failed[0].said, "Readiness probe failed: HTTP probe failed with statuscode: 503");
        // To tell is not to play: the cluster is as it was.
        assert_eq!(quiet.pending(), None);
        assert_eq!(quiet.probes(from, until), quiet.clone().probes(from, until));
        // What has passed is known by its last result.
        cluster.advance(until);
        let passed: Vec<Beat> =
            cluster.probes(from + Duration::from_secs(35), until).into_iter().filter(is_web).collect();
        assert_eq!(passed.len(), 1);
        assert!(!passed[0].passes);
    }
}
