//! What annotations of ingress-nginx set.

use std::sync::Arc;

use super::super::super::route::Pattern;
use crate::inet::Ipv4Net;

/// What the annotations of one Ingress come to, with the controller's defaults
/// (`internal/ingress/controller/config/config.go`).
#[derive(Clone, Debug, PartialEq)]
pub struct Annotations {
    /// `rewrite-target`; empty if there is none.
    pub rewrite_target: Arc<str>,
    /// `ssl-redirect`
    pub ssl_redirect: bool,
    /// `force-ssl-redirect`
    pub force_ssl_redirect: bool,
    /// `preserve-trailing-slash`
    pub preserve_trailing_slash: bool,
    /// `use-regex`
    pub use_regex: bool,
    /// `app-root`; empty if there is none.
    pub app_root: Arc<str>,
    /// `temporal-redirect` or `permanent-redirect`
    pub redirect: Option<Redirect>,
    /// `canary` and its rules.
    pub canary: Option<Canary>,
    /// `whitelist-source-range` or `allowlist-source-range`; empty if all are allowed.
    pub allow: Vec<Ipv4Net>,
    /// `denylist-source-range`
    pub deny: Vec<Ipv4Net>,
    /// `affinity: cookie` and what belongs to it.
    pub affinity: Option<Affinity>,
    /// `affinity-canary-behavior: legacy`
    pub legacy_canary: bool,
    /// `proxy-connect-timeout`, in seconds.
    pub connect_timeout: u32,
    /// `proxy-read-timeout`, in seconds.
    pub read_timeout: u32,
    /// `proxy-next-upstream`, as it is written.
    pub next_upstream: Arc<str>,
    /// `proxy-next-upstream-tries`; 0 for as many as there are.
    pub next_tries: u32,
    /// Whether `backend-protocol` is HTTPS or GRPCS.
    pub backend_tls: bool,
    /// `upstream-vhost`; empty if there is none.
    pub upstream_vhost: Arc<str>,
    /// `x-forwarded-prefix`; empty if there is none.
    pub forwarded_prefix: Arc<str>,
    /// `service-upstream`: to the cluster IP, not to endpoints.
    pub service_upstream: bool,
    /// `server-alias`
    pub aliases: Vec<Arc<str>>,
    /// The annotation whose value makes nginx deny the whole place.
    pub denied: Option<Arc<str>>,
}

/// `temporal-redirect` or `permanent-redirect`
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// Which of the two.
    pub annotation: &'static str,
    /// Where to.
    pub url: Arc<str>,
    /// With which status.
    pub code: u16,
}

/// `canary: "true"` and its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// `canary-weight`
    pub weight: u32,
    /// `canary-weight-total`
    pub total: u32,
    /// `canary-by-header`
    pub header: Arc<str>,
    /// `canary-by-header-value`
    pub header_value: Arc<str>,
    /// `canary-by-header-pattern`
    pub header_pattern: Option<Pattern>,
    /// `canary-by-cookie`
    pub cookie: Arc<str>,
}

/// `affinity: cookie`
#[derive(Clone, Debug, PartialEq)]
pub struct Affinity {
    /// `session-cookie-name`
    pub name: Arc<str>,
    /// `session-cookie-path`; empty for the rule's path.
    pub path: Arc<str>,
    /// Attributes of the cookie, as `; Max-Age=60`.
    pub attributes: Arc<str>,
    /// `session-cookie-secure`
    pub secure: bool,
    /// `session-cookie-change-on-failure`
    pub change_on_failure: bool,
}
