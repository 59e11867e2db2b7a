//! A network that follows its store, and what its kernels remember: the part of a cluster that carries packets.

use std::sync::Arc;

use super::compile::Stale;
use super::{Flows, Lines, Network, compile};
use crate::api::{Store, Touch};
use crate::object::{Opening, Outages, Profile};
use crate::rng::Rng;
use crate::time::Instant;
use crate::trace::{Place, Request, Trace};

/// The network of a cluster. A value: a clone is a snapshot.
#[derive(Clone, Debug)]
pub struct Fabric {
    flows: Flows,
    compiled: Option<Compiled>,
    /// Whether machines went off or on, and connections have not followed yet.
    shaken: bool,
}

/// By which connection a request travels.
#[derive(Debug)]
pub enum Over<'a> {
    /// A new one, which ends with it.
    New,
    /// One that a program keeps open while it runs, or a new one that it then keeps.
    Lines(&'a mut Lines),
    /// The same of a client that stays at its place, as a browser does.
    Kept,
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
        Self { flows: Flows::new(rng), compiled: None, shaken: false }
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
    pub fn network(&mut self, store: &Store, profile: &Profile, now: Instant) -> Arc<Network> {
        let (network, changed) = match &mut self.compiled {
            Some(compiled) if compiled.revision == store.revision() => {
                let stale = std::mem::take(&mut compiled.stale);
                let changed = !stale.is_empty();
                if changed {
                    Arc::make_mut(&mut compiled.network).update(store, stale);
                }
                (compiled.network.clone(), changed)
            }
            _ => {
                let network = Arc::new(compile(store, profile));
                let compiled = Compiled { network, stale: Stale::default(), revision: store.revision() };
                (self.compiled.insert(compiled).network.clone(), true)
            }
        };
        if changed || std::mem::take(&mut self.shaken) {
            self.flows.follow(&network, now);
        }
        network
    }

    /// From now on, these machines are off and these links are cut.
    pub fn suffer(&mut self, outages: &Outages) {
        self.flows.suffer(outages);
        self.shaken = true;
    }

    /// From now on, the firewall before the nodes lets this in.
    pub fn guard(&mut self, profile: &Profile, openings: &[Opening]) {
        self.flows.guard = Some(super::cloud::rules(profile, openings).into());
    }

    /// Every load balancer checks every node once; tells whether they have made up their minds.
    pub fn check(&mut self, store: &Store, profile: &Profile, now: Instant) -> bool {
        let network = self.network(store, profile, now);
        network.check(&mut self.flows, now)
    }

    /// What the kernels remember.
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// The same, to change what listens on the laptop.
    pub fn flows_mut(&mut self) -> &mut Flows {
        &mut self.flows
    }

    /// Sends one request and follows it to its end.
    pub fn send(&mut self, network: &Network, over: Over<'_>, from: &Place, request: &Request, now: Instant) -> Trace {
        match over {
            Over::New => network.send_over(&mut self.flows, None, from, request, now),
            Over::Lines(lines) => network.send_over(&mut self.flows, Some(lines), from, request, now),
            Over::Kept => {
                let mut lines = self.flows.clients.remove(from).unwrap_or_default();
                let trace = network.send_over(&mut self.flows, Some(&mut lines), from, request, now);
                self.flows.clients.insert(from.clone(), lines);
                trace
            }
        }
    }

    /// A client ends, and closes the connections that it kept open.
    pub fn hang_up(&mut self, lines: &mut Lines, now: Instant) {
        self.flows.hang_up(lines, now);
    }
}
