//! A cluster: the store, its controllers, its network, on one virtual clock. A value: a clone is a snapshot.

use crate::api::{Status, Store};
use crate::manifest::Manifest;
use crate::object::Profile;
use crate::time::{Duration, Instant};
use crate::trace::{Place, Request, Trace};

/// What `kubectl apply` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "kubectl's own words")]
pub enum Applied {
    Created,
    Configured,
    Unchanged,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {}

impl Cluster {
    /// A cluster whose control plane is ready: nodes, namespaces, the `kubernetes` Service, CoreDNS behind `kube-dns`.
    pub fn new(_profile: &Profile, _seed: u64) -> Self {
        todo!()
    }
    /// The virtual time.
    pub fn now(&self) -> Instant {
        todo!()
    }
    /// All objects.
    pub fn store(&self) -> &Store {
        todo!()
    }
    /// Applies one manifest as `kubectl apply` does (three-way merge with the last applied configuration).
    pub fn apply(&mut self, _manifest: &Manifest, _namespace: &str) -> Result<Applied, Status> {
        todo!()
    }
    /// Lets time pass until `until`, controllers working as it does.
    pub fn advance(&mut self, _until: Instant) {
        todo!()
    }
    /// When something will next happen by itself, other than periodic work that changes nothing; none if it is quiet.
    pub fn pending(&self) -> Option<Instant> {
        todo!()
    }
    /// Lets time pass until the cluster is quiet, `limit` at most.
    pub fn settle(&mut self, _limit: Duration) {
        todo!()
    }
    /// Sends one request (a new connection) from a place and follows it to its end.
    pub fn request(&mut self, _from: &Place, _request: &Request) -> Trace {
        todo!()
    }
}
