//! Probes and health checks as small marks: from the kubelet to its pod, from the load balancer to the nodes.
//!
//! They come at their own times of the cluster, not at the stage's; a picture of them is a pure function of scene, beats and that time.

use super::lay::{DOORSTEP, RECOIL, shorten};
use super::line::{Line, Pt};
use super::{Anchor, Motion, Scene};
use crate::cluster::{Beat, ProbeKind};
use crate::lang::Lang;
use crate::time::Instant;
use crate::trace::Place;

/// A probe or a check under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulse {
    /// When it was sent.
    pub at: Instant,
    /// Whether it is a load balancer's check.
    pub check: bool,
    /// Whether it succeeds.
    pub passes: bool,
    /// Of a failure, why, in a word or two.
    pub words: String,
    /// Who asks whom, in words.
    pub name: String,
    line: Line,
}

/// How it looks at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// Where it is.
    pub at: Pt,
    /// Whether it succeeded, once that is known.
    pub end: Option<bool>,
    /// Whether it is on its way back.
    pub back: bool,
    /// How much of it is still to be seen, 0 to 1.
    pub alpha: f32,
}

/// Milliseconds: on the way, looked at, on the way back; what a failure stays; and all of it where nothing moves.
const OUT: f32 = 520.0;
const HOLD: f32 = 360.0;
const BACK: f32 = 420.0;
const STAY: f32 = 1500.0;
const FADE: f32 = 200.0;
const STILL: f32 = 1200.0;

/// What can be drawn of some beats: those between places of the picture.
pub fn pulses(scene: &Scene, beats: &[Beat], lang: Lang) -> Vec<Pulse> {
    let drawn = beats.iter().filter_map(|beat| {
        let (from, to) = (scene.anchor(&beat.from)?, scene.anchor(&beat.to)?);
        let seen = matches!((from, to), (Anchor::Kernel(_), Anchor::Pod(..)) | (Anchor::Balancer, Anchor::Kernel(_)));
        let mut way = if seen { scene.way(from, to) } else { Vec::new() };
        if let Anchor::Pod(..) = to {
            shorten(&mut way, DOORSTEP);
        }
        let line = Line::rounded(&way);
        let words = if beat.passes { String::new() } else { why(&beat.said, lang) };
        let name = name(beat, lang);
        let pulse = Pulse { at: beat.at, check: beat.probe.is_none(), passes: beat.passes, words, name, line };
        (pulse.line.length() > 4.0).then_some(pulse)
    });
    drawn.collect()
}

/// Who asks whom: `readiness probe: kubelet of minikube → web-x0001`.
fn name(beat: &Beat, lang: Lang) -> String {
    let short = |place: &Place| match place {
        Place::Node(name) | Place::Pod(_, name) => name.to_string(),
        other => other.to_string(),
    };
    let (from, to) = (short(&beat.from), short(&beat.to));
    let (en, zh) = match beat.probe {
        None => {
            return lang.pick(format!("health check: load balancer → {to}"), format!("健康检查：负载均衡器 → {to}"));
        }
        Some(ProbeKind::Startup) => ("startup probe", "启动探针"),
        Some(ProbeKind::Liveness) => ("liveness probe", "存活探针"),
        Some(ProbeKind::Readiness) => ("readiness probe", "就绪探针"),
    };
    lang.pick(format!("{en}: kubelet of {from} → {to}"), format!("{zh}：{from} 的 kubelet → {to}"))
}

/// A kubelet's complaint in a word or two.
fn why(said: &str, lang: Lang) -> String {
    match said.rsplit_once("statuscode: ") {
        Some((_, status)) => status.to_owned(),
        None if said.contains("connection refused") => lang.pick("refused", "被拒绝").to_owned(),
        None if said.contains("deadline exceeded") => lang.pick("timed out", "超时").to_owned(),
        None => lang.pick("failed", "失败").to_owned(),
    }
}

impl Pulse {
    /// How long it is to be seen, in milliseconds.
    pub fn lasts(&self, motion: Motion) -> f32 {
        match motion {
            Motion::Hops => STILL,
            Motion::Smooth if self.passes => OUT + HOLD + BACK,
            Motion::Smooth => OUT + STAY,
        }
    }

    /// How it looks so many milliseconds after it was sent; none before and after.
    pub fn dot(&self, age: f32, motion: Motion) -> Option<Dot> {
        let left = self.lasts(motion) - age;
        if age < 0.0 || left <= 0.0 {
            return None;
        }
        let whole = self.line.length();
        let dot = |share: f32, end: Option<bool>| Dot { at: self.line.at(whole * share), end, back: false, alpha: 1.0 };
        let dot = match motion {
            Motion::Hops => dot(1.0, Some(self.passes)),
            Motion::Smooth if age < OUT => dot(age / OUT, None),
            Motion::Smooth if self.passes && age < OUT + HOLD => dot(1.0, Some(true)),
            Motion::Smooth if self.passes => {
                Dot { back: true, alpha: (left / FADE).min(1.0), ..dot(left / BACK, None) }
            }
            Motion::Smooth => {
                let back = ((age - OUT) / FADE).min(1.0) * RECOIL.min(whole / 2.0);
                Dot { alpha: (left / FADE).min(1.0), ..dot(1.0 - back / whole, Some(false)) }
            }
        };
        Some(dot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Width, fixture};
    use crate::trace::Cloud;

    fn beat(from: Place, to: Place, probe: Option<ProbeKind>, said: &str) -> Beat {
        Beat { at: Instant::ZERO, from, to, probe, passes: said.is_empty(), said: said.into() }
    }

    #[test]
    fn a_probe_goes_from_its_node_to_the_door_and_a_failure_bounces() {
        let scene = fixture::scene(3, 3, Width::Wide);
        let (node, pod) =
            (Place::Node("minikube-m02".into()), Place::Pod("default".into(), "web-6d8f9c7b5d-x0001".into()));
        let said = "Readiness probe failed: HTTP probe failed with statuscode: 503";
        let beats = [
            beat(node.clone(), pod.clone(), Some(ProbeKind::Readiness), ""),
            beat(node, pod, Some(ProbeKind::Readiness), said),
            // The balancer is not in this picture.
            beat(
                Place::Cloud(Cloud::Balancer("default".into(), "web".into())),
                Place::Node("minikube".into()),
                None,
                "",
            ),
        ];
        let pulses = pulses(&scene, &beats, Lang::En);
        assert_eq!(pulses.iter().map(|pulse| &*pulse.words).collect::<Vec<_>>(), ["", "503"]);
        assert_eq!(pulses[0].name, "readiness probe: kubelet of minikube-m02 → web-6d8f9c7b5d-x0001");
        let (well, ill) = (&pulses[0], &pulses[1]);
        let door = scene.rest(Anchor::Pod(1, 0));
        assert_eq!(well.dot(0.0, Motion::Smooth).map(|dot| dot.at), Some(scene.rest(Anchor::Kernel(1))));
        let there = well.dot(OUT + 1.0, Motion::Smooth).expect("it is there");
        assert!((there.at.to(door) - DOORSTEP).abs() < 0.1 && there.end == Some(true));
        assert!(well.dot(OUT + HOLD + 1.0, Motion::Smooth).is_some_and(|dot| dot.back));
        let bounced = ill.dot(OUT + FADE, Motion::Smooth).expect("it stays");
        assert!(bounced.at.to(there.at) > RECOIL * 0.6 && bounced.end == Some(false), "{bounced:?}");
        assert_eq!(ill.dot(ill.lasts(Motion::Smooth), Motion::Smooth), None);
        // With less motion it stands where it came to, with what came of it.
        for age in [0.0, STILL - 1.0] {
            assert_eq!(well.dot(age, Motion::Hops).map(|dot| (dot.at, dot.end)), Some((there.at, Some(true))));
        }
    }

    #[test]
    fn a_check_goes_from_the_balancer_to_the_nodes() {
        let scene = fixture::cloud(3, Width::Wide);
        let to = Place::Node("minikube-m02".into());
        let beats = [beat(Place::Cloud(Cloud::Balancer("default".into(), "web".into())), to, None, "")];
        let pulses = pulses(&scene, &beats, Lang::En);
        assert_eq!(pulses.len(), 1);
        assert!(pulses[0].check);
        assert_eq!(pulses[0].name, "health check: load balancer → minikube-m02");
        assert_eq!(pulses[0].dot(OUT + 1.0, Motion::Smooth).map(|dot| dot.at), Some(scene.rest(Anchor::Kernel(1))));
    }
}
