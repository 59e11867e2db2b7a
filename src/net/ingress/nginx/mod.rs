//! ingress-nginx 1.15.1, the last release before the project's archive in 2026: its configuration, its decisions, its
//! admission check.

mod known;
mod annotations;
mod config;
mod decide;
mod admit;

pub use admit::{Admission, admit};
pub use annotations::{Affinity, Annotations, Canary, Redirect};
pub(super) use config::{router, shown};
pub(super) use decide::decide;

/// The names of the annotations that the lab does as they say, with their prefix: what an editor offers.
pub fn annotation_names() -> impl Iterator<Item = String> {
    known::modelled().map(|name| format!("{}{name}", annotations::PREFIX))
}
