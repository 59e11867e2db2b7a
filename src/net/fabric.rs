//! A network that follows its store, and what its kernels remember: the part of a cluster that carries packets.

use std::sync::Arc;

use super::compile::Stale;
use super::{Flows, Network, compile};
use crate::api::{Store, Touch};
use crate::object::{Outages, Profile};
use crate::rng::Rng;
use crate::time::Instant;
use crate::trace::{Place, Request, Trace};

/// The network of a cluster. A value: a clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Fabric {
    flows: Flows,
    compiled: Option<Compiled>,
}

/// The network as it was, and what it has missed since.
#[derive(Clone, Debug)]
struct Compiled {
    network: Arc<Network>,
    stale: Stale,
    /// The store's revision that `stale` leads to.
    revision: u64,
}

impl Fabric {
    /// A network that has carried nothing yet; `rng` is the cluster's.
    pub fn new(rng: &Rng) -> Self {
        Self { flows: Flows::new(rng), compiled: None }
    }

    /// Hears of changes, all that the store has made since it was last told.
    pub fn touch(&mut self, store: &Store, touched: &[Touch]) {
        if let Some(compiled) = &mut self.compiled {
            compiled.revision += touched.len() as u64;
            touched.iter().for_each(|touch| compiled.stale.touch(touch));
            debug_assert_eq!(compiled.revision, store.revision(), "every change is told");
        }
    }

    /// The network as the store has it now: made anew where something has changed.
    pub fn network(&mut self, store: &Store, profile: &Profile) -> Arc<Network> {
        match &mut self.compiled {
            Some(compiled) if compiled.revision == store.revision() => {
                let stale = std::mem::take(&mut compiled.stale);
                if !stale.is_empty() {
                    Arc::make_mut(&mut compiled.network).update(store, stale);
                }
                compiled.network.clone()
            }
            _ => {
                let network = Arc::new(compile(store, profile));
                let compiled = Compiled { network, stale: Stale::default(), revision: store.revision() };
                self.compiled.insert(compiled).network.clone()
            }
        }
    }

    /// From now on, these machines are off and these links are cut.
    pub fn suffer(&mut self, outages: &Outages) {
        self.flows.suffer(outages);
    }

    /// What the kernels remember.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// The same, to change what listens on the laptop.
    pub fn flows_mut(&mut self) -> &mut Flows {
        &mut self.flows
    }

    /// Sends one request over a new connection, and follows it to its end.
    pub fn send(&mut self, store: &Store, profile: &Profile, from: &Place, request: &Request, now: Instant) -> Trace {
        let network = self.network(store, profile);
        network.send(&mut self.flows, from, request, now)
    }
}
