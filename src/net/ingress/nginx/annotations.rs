//! What annotations of ingress-nginx set.

use std::sync::Arc;

use super::known::{Wrong, known, to_bool, to_int};
use crate::inet::{IpAddr, Ipv4Addr, Ipv4Net};
use crate::net::route::Pattern;
use crate::object::Labels;

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
    pub canary: Option<Arc<Canary>>,
    /// `whitelist-source-range` or `allowlist-source-range`; empty if all are allowed.
    pub allow: Vec<Ipv4Net>,
    /// Which of the two it was.
    pub allow_name: &'static str,
    /// `denylist-source-range`
    pub deny: Vec<Ipv4Net>,
    /// `affinity: cookie` and what belongs to it.
    pub affinity: Option<Arc<Affinity>>,
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
    /// `session-cookie-samesite`
    pub same_site: Arc<str>,
    /// `session-cookie-secure`
    pub secure: bool,
    /// `session-cookie-change-on-failure`
    pub change_on_failure: bool,
}

/// What annotations begin with.
pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// The settings of the controller's ConfigMap that are modelled (`--configmap`), with their defaults.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) allow_snippets: bool,
    /// `annotations-risk-level: Critical`
    pub(super) all_risks: bool,
    /// `annotation-value-word-blocklist`
    pub(super) blocked_words: String,
    pub(super) strict_path_type: bool,
    pub(super) hsts: bool,
    ssl_redirect: bool,
    force_ssl_redirect: bool,
    connect_timeout: u32,
    read_timeout: u32,
}

impl Settings {
    /// What a ConfigMap says.
    pub(super) fn of(data: Option<&Labels>) -> Self {
        let text = |key: &str| data.and_then(|data| data.get(key)).map_or("", |text| text.trim());
        let on = |key, default| to_bool(text(key)).unwrap_or(default);
        let number = |key, default| text(key).parse().unwrap_or(default);
        Self {
            allow_snippets: on("allow-snippet-annotations", false),
            all_risks: text("annotations-risk-level").eq_ignore_ascii_case("critical"),
            blocked_words: text("annotation-value-word-blocklist").to_owned(),
            strict_path_type: on("strict-validate-path-type", true),
            hsts: on("hsts", true),
            ssl_redirect: on("ssl-redirect", true),
            force_ssl_redirect: on("force-ssl-redirect", false),
            connect_timeout: number("proxy-connect-timeout", 5),
            read_timeout: number("proxy-read-timeout", 60),
        }
    }
}

/// A list of addresses and ranges; none if one cannot be read. IPv6 is passed over.
pub(super) fn ranges(value: &str) -> Option<Vec<Ipv4Net>> {
    let mut all = Vec::new();
    for part in value.split(',').map(str::trim) {
        let (address, prefix) = part.split_once('/').unwrap_or((part, ""));
        match (address.parse::<Ipv4Addr>(), address.parse::<IpAddr>()) {
            (Ok(address), _) => {
                let prefix = if part.contains('/') { prefix.parse().ok()? } else { 32 };
                all.push(Ipv4Net::new(address, prefix).ok()?.trunc());
            }
            (_, Ok(_)) if prefix.is_empty() || prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 128) => {}
            _ => return None,
        }
    }
    Some(all)
}

/// The annotations of one Ingress, as they are read.
struct Reader<'a> {
    all: &'a Labels,
}

impl<'a> Reader<'a> {
    /// A value that is there, is valid and not empty.
    fn text(&self, name: &str) -> Option<&'a str> {
        let value = self.all.get(&format!("{PREFIX}{name}"))?.trim();
        let takes = known(name).is_some_and(|known| known.takes(value));
        (takes && !value.is_empty()).then_some(value)
    }

    fn shared(&self, name: &str) -> Arc<str> {
        self.text(name).unwrap_or_default().into()
    }

    fn bool(&self, name: &str, default: bool) -> bool {
        self.text(name).and_then(to_bool).unwrap_or(default)
    }

    fn int(&self, name: &str, default: u32) -> u32 {
        self.text(name).and_then(to_int).map_or(default, |n| n.clamp(0, i64::from(u32::MAX)) as u32)
    }

    /// `whitelist-source-range` stands for the other where that is not there; a value that cannot be read denies the place.
    fn ranges(&self, names: [&str; 2], denied: &mut Option<Arc<str>>) -> Vec<Ipv4Net> {
        let value = |name: &str| self.all.get(&format!("{PREFIX}{name}")).map(|value| (name.to_owned(), value));
        let [first, second] = names;
        let found = value(first).filter(|(_, v)| !v.is_empty()).or_else(|| value(second)).or_else(|| value(first));
        let Some((name, value)) = found else { return Vec::new() };
        ranges(value).unwrap_or_else(|| {
            denied.get_or_insert_with(|| name.into());
            Vec::new()
        })
    }
}

impl Annotations {
    /// Reads the annotations of an Ingress; the controller's words, if it refuses them.
    pub(super) fn read(all: &Labels, settings: &Settings) -> Result<Self, String> {
        for (key, value) in all {
            let Some(known) = key.strip_prefix(PREFIX).and_then(known) else { continue };
            match known.wrong {
                Wrong::Risky(group) if !settings.all_risks => {
                    return Err(format!(
                        "annotation group {group} contains risky annotation based on ingress configuration"
                    ));
                }
                Wrong::Refused if !known.takes(value) => {
                    return Err(format!("annotation {key} contains invalid value"));
                }
                _ => {}
            }
        }
        Ok(Self::parse(all, settings))
    }

    fn parse(all: &Labels, settings: &Settings) -> Self {
        let from = Reader { all };
        let mut denied = None;
        let allow = from.ranges(["allowlist-source-range", "whitelist-source-range"], &mut denied);
        let deny = from.ranges(["denylist-source-range", "denylist-source-range"], &mut denied);
        Self {
            rewrite_target: from.shared("rewrite-target"),
            ssl_redirect: from.bool("ssl-redirect", settings.ssl_redirect),
            force_ssl_redirect: from.bool("force-ssl-redirect", settings.force_ssl_redirect),
            preserve_trailing_slash: from.bool("preserve-trailing-slash", false),
            use_regex: from.bool("use-regex", false),
            app_root: from.text("app-root").filter(|root| root.starts_with('/')).unwrap_or_default().into(),
            redirect: Redirect::read(&from),
            canary: from.bool("canary", false).then(|| Arc::new(Canary::read(&from))),
            allow,
            allow_name: match all.get(&format!("{PREFIX}allowlist-source-range")) {
                Some(value) if !value.is_empty() => "allowlist-source-range",
                _ => "whitelist-source-range",
            },
            deny,
            affinity: (from.text("affinity") == Some("cookie")).then(|| Arc::new(Affinity::read(&from))),
            legacy_canary: from.text("affinity-canary-behavior") == Some("legacy"),
            connect_timeout: from.int("proxy-connect-timeout", settings.connect_timeout),
            read_timeout: from.int("proxy-read-timeout", settings.read_timeout),
            next_upstream: from.text("proxy-next-upstream").unwrap_or("error timeout").into(),
            next_tries: from.int("proxy-next-upstream-tries", 3),
            backend_tls: from
                .text("backend-protocol")
                .is_some_and(|protocol| ["HTTPS", "GRPCS"].contains(&&*protocol.to_ascii_uppercase())),
            upstream_vhost: from.shared("upstream-vhost"),
            forwarded_prefix: from.shared("x-forwarded-prefix"),
            service_upstream: from.bool("service-upstream", false),
            aliases: from
                .text("server-alias")
                .unwrap_or_default()
                .split(',')
                .map(str::trim)
                .filter(|alias| !alias.is_empty())
                .map(Into::into)
                .collect(),
            denied,
        }
    }

    /// What holds where no Ingress made the place: nothing is redirected.
    pub(super) fn bare() -> Self {
        Self { ssl_redirect: false, ..Self::parse(&Labels::default(), &Settings::of(None)) }
    }

    /// Whether paths of the whole host are regular expressions because of this path's annotations.
    pub(super) fn rewrites(&self, path: &str) -> bool {
        !self.rewrite_target.is_empty() && *self.rewrite_target != *path
    }
}

impl Redirect {
    fn read(from: &Reader<'_>) -> Option<Self> {
        let kinds = [("temporal-redirect", 302, 307), ("permanent-redirect", 301, 308)];
        kinds.into_iter().find_map(|(annotation, default, most)| {
            let url = from.text(annotation).filter(|url| url.starts_with("http"))?;
            let code = from.int(&format!("{annotation}-code"), default);
            let code = if (300..=most).contains(&code) { code } else { default };
            Some(Self { annotation, url: url.into(), code: code as u16 })
        })
    }
}

impl Canary {
    fn read(from: &Reader<'_>) -> Self {
        Self {
            weight: from.int("canary-weight", 0),
            total: from.int("canary-weight-total", 100).max(100),
            header: from.shared("canary-by-header"),
            header_value: from.shared("canary-by-header-value"),
            header_pattern: from.text("canary-by-header-pattern").and_then(|text| Pattern::new(text).ok()),
            cookie: from.shared("canary-by-cookie"),
        }
    }
}

impl Affinity {
    fn read(from: &Reader<'_>) -> Self {
        let mut attributes = String::new();
        for (name, attribute) in [("session-cookie-max-age", "Max-Age"), ("session-cookie-domain", "Domain")] {
            if let Some(value) = from.text(name) {
                attributes += &format!("; {attribute}={value}");
            }
        }
        Self {
            name: from.text("session-cookie-name").unwrap_or("INGRESSCOOKIE").into(),
            path: from.shared("session-cookie-path"),
            attributes: attributes.into(),
            same_site: from.shared("session-cookie-samesite"),
            secure: from.bool("session-cookie-secure", false),
            change_on_failure: from.bool("session-cookie-change-on-failure", false),
        }
    }
}
