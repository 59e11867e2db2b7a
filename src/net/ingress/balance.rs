//! Whose turn it is: what a controller's pod remembers between requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rng::Rng;
use crate::trace::Place;

/// The turns of all controllers' pods. Lives as long as what kernels remember.
///
/// nginx has a worker for each processor, and each its own turn; here a pod has one.
#[derive(Clone, Debug)]
pub struct Balance {
    rng: Rng,
    turns: BTreeMap<(Place, Arc<str>), u32>,
}

impl Balance {
    /// Turns that begin anywhere; `rng` is the cluster's.
    pub fn new(rng: &Rng) -> Self {
        Self { rng: rng.fork("ingress"), turns: BTreeMap::new() }
    }

    /// The next turn of a backend with `of` endpoints in a controller's pod: a number below `of`.
    pub fn turn(&mut self, pod: &Place, backend: &Arc<str>, of: usize) -> usize {
        let of = (of as u32).max(1);
        let rng = &mut self.rng;
        let turn = self.turns.entry((pod.clone(), backend.clone())).or_insert_with(|| rng.below(of));
        let now = *turn % of;
        *turn = now + 1;
        now as usize
    }

    /// A request was sent to further endpoints than the first: their turns are over, too.
    pub fn retried(&mut self, pod: &Place, backend: &Arc<str>, times: usize) {
        if let Some(turn) = self.turns.get_mut(&(pod.clone(), backend.clone())) {
            *turn = turn.wrapping_add(times as u32);
        }
    }

    /// A number below `of`, each as likely.
    pub fn chance(&mut self, of: u32) -> u32 {
        self.rng.below(of.max(1))
    }

    /// The number of a new session.
    pub fn session(&mut self) -> u32 {
        self.rng.below(999_999) + 1
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        self.rng.next_u32()
    }

    /// Forgets all turns, as pods that start anew do.
    pub fn forget(&mut self) {
        self.turns.clear();
    }
}
