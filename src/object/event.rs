//! Event, as in `k8s.io/api` `core/v1`.

use super::tree::fields;
use super::{Rest, TargetRef};
use crate::time::Instant;

/// `Event`
///
/// Those that controllers record are kept in short by [`crate::api::Events`], and become objects when they are looked at.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Event {
    pub count: i32,
    pub first_timestamp: Option<Instant>,
    pub involved_object: TargetRef,
    pub last_timestamp: Option<Instant>,
    pub message: String,
    pub reason: String,
    pub reporting_component: String,
    pub reporting_instance: String,
    pub source: EventSource,
    /// `Normal` or `Warning`.
    pub r#type: String,
    pub rest: Rest,
}

fields!(Event {
    count "count",
    first_timestamp "firstTimestamp",
    involved_object "involvedObject" always,
    last_timestamp "lastTimestamp",
    message "message",
    reason "reason",
    reporting_component "reportingComponent" always,
    reporting_instance "reportingInstance" always,
    source "source" always,
    r#type "type",
} rest);

/// `EventSource`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct EventSource {
    pub component: String,
    pub host: String,
}

fields!(EventSource {
    component "component",
    host "host",
});
