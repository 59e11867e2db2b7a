//! When load balancers check nodes: on a fixed beat, as long as that can change their minds.

use super::Cluster;
use crate::api::Touch;
use crate::net::CHECK_EVERY;
use crate::object::{Kind, Object, Service};
use crate::time::Instant;

/// Whether a load balancer's address stands in a Service.
fn is_balanced(object: &Object) -> bool {
    object.body::<Service>().is_some_and(|service| !service.status.load_balancer.ingress.is_empty())
}

impl Cluster {
    /// After these changes checks may tell something new.
    pub(super) fn expect_checks(&mut self, touched: &[Touch]) {
        if self.profile.load_balancers.is_none() {
            return;
        }
        // A load balancer begins to check nodes when it is made; the others wait for their beat.
        let begins = |touch: &Touch| {
            touch.new.as_deref().is_some_and(is_balanced) && !touch.old.as_deref().is_some_and(is_balanced)
        };
        if touched.iter().any(begins) {
            self.checks = Some(self.now);
        } else if touched.iter().any(|t| matches!(t.key.kind, Kind::Service | Kind::EndpointSlice | Kind::Node)) {
            self.check_at_next_beat();
        }
    }

    /// Something changed that checks may tell of.
    pub(super) fn check_at_next_beat(&mut self) {
        if self.fabric.flows().health().is_idle() {
            return;
        }
        let beat = CHECK_EVERY.as_micros() as u64;
        let next = Instant::from_micros((self.now.as_micros() / beat + 1) * beat);
        self.checks = Some(self.checks.map_or(next, |at| at.min(next)));
    }

    /// All load balancers check all nodes.
    pub(super) fn check(&mut self) {
        self.checks = None;
        self.tick();
        if !self.fabric.check(self.api.store(), &self.profile, self.now) {
            self.check_at_next_beat();
        }
    }
}
