//! A network that follows its store, and what its kernels remember: the part of a cluster that carries packets.

use std::sync::Arc;

use super::{Flows, Network, compile};
use crate::api::Store;
use crate::object::Profile;
use crate::rng::Rng;
use crate::time::Instant;
use crate::trace::{Place, Request, Trace};

/// The network of a cluster. A value: a clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Fabric {
    flows: Flows,
    compiled: Option<(u64, Arc<Network>)>,
}

impl Fabric {
    /// A network that has carried nothing yet; `rng` is the cluster's.
    pub fn new(rng: &Rng) -> Self {
        Self { flows: Flows::new(rng), compiled: None }
    }

    /// The network as the store has it now: compiled anew only after a change.
    pub fn network(&mut self, store: &Store, profile: &Profile) -> Arc<Network> {
        match &self.compiled {
            Some((revision, network)) if *revision == store.revision() => network.clone(),
            _ => {
                let network = Arc::new(compile(store, profile));
                self.compiled = Some((store.revision(), network.clone()));
                network
            }
        }
    }

    /// What the kernels remember.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Sends one request over a new connection, and follows it to its end.
    pub fn send(&mut self, store: &Store, profile: &Profile, from: &Place, request: &Request, now: Instant) -> Trace {
        let network = self.network(store, profile);
        network.send(&mut self.flows, from, request, now)
    }
}
