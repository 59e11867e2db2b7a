//! Who reads an Ingress: the pods of controllers that serve it.

use super::Cluster;
use crate::net::ingress::Controller;
use crate::object::{Ingress, Kind, Pod, Ref};

/// A controller's pod that serves an Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The program: `ingress-nginx`.
    pub program: &'static str,
    /// Its pod.
    pub pod: Ref,
    /// Whether it runs and is ready; one that is not reads nothing.
    pub is_ready: bool,
}

impl Cluster {
    /// The controllers' pods that serve an Ingress, by namespace and name; without a ready one it is paper.
    pub fn readers(&self, ingress: &Ref) -> Vec<Reader> {
        let store = self.store();
        let Some((meta, ingress)) = store.read::<Ingress>(ingress) else { return Vec::new() };
        let reader = |(of, pod)| {
            let controller = Controller::of(of, pod).filter(|controller| controller.owns(store, meta, ingress))?;
            Some(Reader {
                program: controller.flavour.name(),
                pod: Ref::new(Kind::Pod, of.namespace.as_str(), of.name.as_str()),
                is_ready: pod.status.is_ready() && of.deletion_timestamp.is_none(),
            })
        };
        store.all::<Pod>().filter_map(reader).collect()
    }
}
