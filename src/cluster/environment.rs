//! A Lab applied: the cluster starts anew in the environment that it describes. The clock goes on, everything else is fresh.

use std::sync::Arc;

use super::Cluster;
use crate::api;
use crate::inet::Ipv4Addr;
use crate::object::{Lab, LoadBalancerIngress, Object, Profile, Ref, Service};

impl Cluster {
    /// Writes a load balancer's address into a Service's status, or takes it away, as `minikube tunnel` does.
    pub fn set_balancer(&mut self, service: &Ref, ip: Option<Ipv4Addr>) {
        let Some(mut object) = self.store().get(service).map(|object| Object::clone(object)) else { return };
        if let Some(service) = object.body_mut::<Service>() {
            // The API server says how the address is meant where the writer does not.
            let mode = Some("VIP".to_owned());
            let ingress =
                |ip: Ipv4Addr| LoadBalancerIngress { ip: ip.to_string(), ip_mode: mode, ..Default::default() };
            service.status.load_balancer.ingress = ip.map(ingress).into_iter().collect();
        }
        self.api.put(object, self.now);
        self.wake(None);
    }

    /// Starts anew in the environment that a Lab describes, unless the cluster stands in it already or the Lab is wrong.
    ///
    /// A Lab that stands in the store stays there, so that applying this one tells what it changes.
    pub fn enter(&mut self, lab: &Object) {
        if let Some(profile) = self.environment(lab) {
            let kept = self.store().get(&lab.key()).cloned();
            self.start_anew(profile, kept);
        }
    }

    /// Sees to it that the cluster stands in the environment of a Lab in the store.
    pub(super) fn settle_in(&mut self, lab: &Ref) {
        if let Some(object) = self.store().get(lab).cloned()
            && let Some(profile) = self.environment(&object)
        {
            self.start_anew(profile, Some(object));
        }
    }

    /// The environment of a Lab that breaks no rule, if it is another than the present one.
    fn environment(&self, lab: &Object) -> Option<Profile> {
        let body = lab.body::<Lab>()?;
        let mut profile = body.profile().ok().filter(|_| api::validate(lab).is_empty())?;
        if body.spec.kube_proxy.as_ref().is_none_or(|given| given.mode.is_empty()) {
            profile.proxy_mode = self.profile.proxy_mode;
        }
        profile.lab_name = lab.meta.name.as_str().into();
        (profile != *self.profile).then_some(profile)
    }

    fn start_anew(&mut self, profile: Profile, lab: Option<Arc<Object>>) {
        let mut fresh = Self::begun(profile, self.rng.clone(), self.now);
        fresh.spawned = self.spawned;
        fresh.fabric.flows_mut().count_from(self.fabric.flows().sent());
        // Who waits for a picture, waits on.
        fresh.take_notes();
        std::mem::swap(&mut fresh.diary, &mut self.diary);
        fresh.tick();
        if let Some(lab) = lab {
            fresh.born(Object::clone(&lab));
        }
        fresh.wake(None);
        *self = fresh;
    }
}
