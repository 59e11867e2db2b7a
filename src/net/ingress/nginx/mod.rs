//! ingress-nginx 1.15.1, the last release before its archive in 2026.

mod annotations;

pub use annotations::{Affinity, Annotations, Canary, Redirect};
