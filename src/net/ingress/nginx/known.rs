//! Every annotation that ingress-nginx 1.15.1 knows, what its value must look like, and what becomes of one that does not.
//!
//! From `internal/ingress/annotations/*/main.go` and `annotations/parser/validators.go`. The shape of values that the lab does
//! not model (CORS, ciphers, authentication) is not checked.

/// An annotation that the controller knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Its name behind the prefix.
    pub(super) name: &'static str,
    /// What its value must look like.
    shape: Shape,
    /// What becomes of a value that does not.
    pub(super) wrong: Wrong,
    /// Whether the lab does as it says.
    pub(super) modelled: bool,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Bool,
    Int,
    /// Letters, digits and these.
    Chars(&'static str),
    /// One of these; in any case, if the first letter of the list is a tilde.
    OneOf(&'static str),
    Ranges,
    Size,
    Name,
    Seconds,
    Upstream,
    Any,
}

/// What becomes of a value that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The default is taken, without a word.
    Default,
    /// The Ingress is refused.
    Refused,
    /// Every place of the Ingress answers 503.
    Denied,
    /// It is refused whatever it says: too risky. With the name of its group.
    Risky(&'static str),
}

/// `alphaNumericChars` of upstream without letters and digits; most validators drop spaces first.
const BASIC: &str = "-._~/: ";
const URL: &str = "-._~/:,?&= ";
const URL_STRICT: &str = "-._~/:,?&=";
const PATH: &str = "-._~/:$";
const REGEX: &str = "-._~/:^$[](){}*+?|&=\\";

const fn row(name: &'static str, shape: Shape, wrong: Wrong, modelled: bool) -> Known {
    Known { name, shape, wrong, modelled }
}

use Shape::{Any, Bool, Chars, Int, Name, OneOf, Ranges, Seconds, Size, Upstream};
use Wrong::{Default, Denied, Refused, Risky};

/// By name.
const KNOWN: &[Known] = &[
    row("affinity", OneOf("cookie"), Default, true),
    row("affinity-canary-behavior", OneOf("sticky legacy"), Default, true),
    row("affinity-mode", OneOf("balanced persistent"), Default, false),
    row("allowlist-source-range", Ranges, Denied, true),
    row("app-root", Chars(PATH), Default, true),
    row("auth-always-set-cookie", Any, Default, false),
    row("auth-cache-duration", Any, Default, false),
    row("auth-cache-key", Any, Default, false),
    row("auth-keepalive", Any, Default, false),
    row("auth-keepalive-requests", Any, Default, false),
    row("auth-keepalive-share-vars", Any, Default, false),
    row("auth-keepalive-timeout", Any, Default, false),
    row("auth-method", Any, Default, false),
    row("auth-proxy-set-headers", Any, Default, false),
    row("auth-realm", Any, Default, false),
    row("auth-request-redirect", Any, Default, false),
    row("auth-response-headers", Any, Default, false),
    row("auth-secret", Any, Default, false),
    row("auth-secret-type", Any, Default, false),
    row("auth-signin", Any, Default, false),
    row("auth-signin-redirect-param", Any, Default, false),
    row("auth-snippet", Any, Risky("ExternalAuth"), false),
    row("auth-tls-error-page", Any, Default, false),
    row("auth-tls-match-cn", Any, Default, false),
    row("auth-tls-pass-certificate-to-upstream", Any, Default, false),
    row("auth-tls-secret", Any, Default, false),
    row("auth-tls-verify-client", Any, Default, false),
    row("auth-tls-verify-depth", Any, Default, false),
    row("auth-type", Any, Default, false),
    row("auth-url", Any, Default, false),
    row("backend-protocol", OneOf("~auto_http http https grpc grpcs fcgi"), Default, true),
    row("canary", Bool, Default, true),
    row("canary-by-cookie", Chars(BASIC), Default, true),
    row("canary-by-header", Chars(BASIC), Default, true),
    row("canary-by-header-pattern", Chars(REGEX), Default, true),
    row("canary-by-header-value", Chars(BASIC), Default, true),
    row("canary-weight", Int, Default, true),
    row("canary-weight-total", Int, Default, true),
    row("client-body-buffer-size", Size, Refused, false),
    row("configuration-snippet", Any, Risky("ConfigurationSnippet"), false),
    row("connection-proxy-header", OneOf("close keep-alive"), Refused, false),
    row("cors-allow-credentials", Any, Default, false),
    row("cors-allow-headers", Any, Default, false),
    row("cors-allow-methods", Any, Default, false),
    row("cors-allow-origin", Any, Default, false),
    row("cors-expose-headers", Any, Default, false),
    row("cors-max-age", Any, Default, false),
    row("custom-headers", Any, Default, false),
    row("custom-http-errors", Chars(", "), Refused, false),
    row("default-backend", Name, Refused, false),
    row("denylist-source-range", Ranges, Denied, true),
    row("disable-proxy-intercept-errors", Any, Default, false),
    row("enable-access-log", Bool, Default, false),
    row("enable-cors", Any, Default, false),
    row("enable-global-auth", Any, Default, false),
    row("enable-modsecurity", Any, Default, false),
    row("enable-opentelemetry", Any, Default, false),
    row("enable-owasp-core-rules", Any, Default, false),
    row("enable-rewrite-log", Bool, Default, false),
    row("fastcgi-index", Any, Default, false),
    row("fastcgi-params-configmap", Any, Default, false),
    row("force-ssl-redirect", Bool, Default, true),
    row("from-to-www-redirect", Bool, Refused, false),
    row("http2-push-preload", Bool, Refused, false),
    row("limit-allowlist", Ranges, Refused, false),
    row("limit-burst-multiplier", Int, Default, false),
    row("limit-connections", Int, Refused, false),
    row("limit-rate", Int, Default, false),
    row("limit-rate-after", Int, Default, false),
    row("limit-rpm", Int, Refused, false),
    row("limit-rps", Int, Refused, false),
    row("limit-whitelist", Ranges, Refused, false),
    row("load-balance", OneOf("round_robin chash chashsubset sticky_balanced sticky_persistent ewma"), Refused, false),
    row("mirror-host", Any, Default, false),
    row("mirror-request-body", Any, Default, false),
    row("mirror-target", Any, Default, false),
    row("modsecurity-snippet", Any, Risky("ModSecurity"), false),
    row("modsecurity-transaction-id", Any, Default, false),
    row("opentelemetry-operation-name", Any, Default, false),
    row("opentelemetry-trust-incoming-span", Any, Default, false),
    row("permanent-redirect", Chars(URL_STRICT), Refused, true),
    row("permanent-redirect-code", Int, Refused, true),
    row("preserve-trailing-slash", Bool, Default, true),
    row("proxy-body-size", Size, Default, false),
    row("proxy-buffer-size", Size, Default, false),
    row("proxy-buffering", OneOf("on off"), Default, false),
    row("proxy-buffers-number", Int, Default, false),
    row("proxy-busy-buffers-size", Size, Default, false),
    row("proxy-connect-timeout", Int, Default, true),
    row("proxy-cookie-domain", Any, Default, false),
    row("proxy-cookie-path", Chars(URL), Default, false),
    row("proxy-http-version", OneOf("1.0 1.1"), Default, false),
    row("proxy-max-temp-file-size", Size, Default, false),
    row("proxy-next-upstream", Upstream, Default, true),
    row("proxy-next-upstream-timeout", Int, Default, false),
    row("proxy-next-upstream-tries", Int, Default, true),
    row("proxy-read-timeout", Int, Default, true),
    row("proxy-redirect-from", Chars(URL), Default, false),
    row("proxy-redirect-to", Chars(URL), Default, false),
    row("proxy-request-buffering", OneOf("on off"), Default, false),
    row("proxy-send-timeout", Int, Default, false),
    row("proxy-ssl-ciphers", Any, Default, false),
    row("proxy-ssl-name", Any, Default, false),
    row("proxy-ssl-protocols", Any, Default, false),
    row("proxy-ssl-secret", Any, Default, false),
    row("proxy-ssl-server-name", Any, Default, false),
    row("proxy-ssl-verify", Any, Default, false),
    row("proxy-ssl-verify-depth", Any, Default, false),
    row("relative-redirects", Bool, Refused, false),
    row("rewrite-target", Chars(PATH), Default, true),
    row("satisfy", OneOf("any all"), Default, false),
    row("server-alias", Chars("-._~/:^$[](){}*+?|&=\\, "), Refused, true),
    row("server-snippet", Any, Risky("ServerSnippet"), false),
    row("service-upstream", Bool, Default, true),
    row("session-cookie-change-on-failure", Bool, Default, true),
    row("session-cookie-conditional-samesite-none", Bool, Default, false),
    row("session-cookie-domain", Chars(BASIC), Default, true),
    row("session-cookie-expires", Seconds, Default, false),
    row("session-cookie-max-age", Seconds, Default, true),
    row("session-cookie-name", Chars(BASIC), Default, true),
    row("session-cookie-path", Chars(URL), Default, true),
    row("session-cookie-samesite", OneOf("~none lax strict"), Default, true),
    row("session-cookie-secure", Bool, Default, true),
    row("ssl-ciphers", Any, Default, false),
    row("ssl-passthrough", Bool, Refused, false),
    row("ssl-prefer-server-ciphers", Any, Default, false),
    row("ssl-redirect", Bool, Default, true),
    row("stream-snippet", Any, Risky("StreamSnippet"), false),
    row("temporal-redirect", Chars(URL_STRICT), Refused, true),
    row("temporal-redirect-code", Int, Refused, true),
    row("upstream-hash-by", Any, Default, false),
    row("upstream-hash-by-subset", Bool, Refused, false),
    row("upstream-hash-by-subset-size", Int, Refused, false),
    row("upstream-vhost", Chars(REGEX), Refused, true),
    row("use-port-in-redirects", Bool, Default, false),
    row("use-regex", Bool, Default, true),
    row("whitelist-source-range", Ranges, Denied, true),
    row("x-forwarded-prefix", Chars("-._~/:$ "), Refused, true),
];

/// The annotation of this name, without the prefix.
pub(super) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.binary_search_by(|row| row.name.cmp(name)).ok().and_then(|at| KNOWN.get(at))
}

/// The names of those that the lab does as they say.
pub(super) fn modelled() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter(|row| row.modelled).map(|row| row.name)
}

impl Known {
    /// Whether a value looks as it must; an empty one is not looked at.
    pub(super) fn takes(&self, value: &str) -> bool {
        value.is_empty()
            || match self.shape {
                Any => true,
                Bool => to_bool(value).is_some(),
                Int => to_int(value).is_some(),
                Chars(more) => value.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c)),
                OneOf(list) => {
                    let value = value.trim();
                    let folded = value.to_ascii_lowercase();
                    let (list, value) = list.strip_prefix('~').map_or((list, value), |list| (list, &*folded));
                    list.split(' ').any(|one| one == value)
                }
                Ranges => super::annotations::ranges(value).is_some(),
                Size => {
                    let value = value.trim_end_matches(|c: char| "bkmgBKMG".contains(c));
                    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
                }
                Name => {
                    value.len() < 64
                        && value.starts_with(|c: char| c.is_ascii_lowercase())
                        && !value.ends_with('-')
                        && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                }
                Seconds => {
                    let digits = value.trim_start_matches('-');
                    value.starts_with('0') || (!digits.starts_with('0') && digits.parse::<u32>().is_ok())
                }
                Upstream => value.split_ascii_whitespace().all(|word| {
                    const WORDS: &str = "error timeout invalid_header http_500 http_502 http_503 http_504 http_403 http_404 http_429 non_idempotent off";
                    WORDS.split(' ').any(|known| known == word)
                }),
            }
    }
}

/// As Go's `strconv.ParseBool` reads it.
pub(super) fn to_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// As Go's `strconv.Atoi` reads it.
pub(super) fn to_int(value: &str) -> Option<i64> {
    value.strip_prefix('+').unwrap_or(value).parse().ok().filter(|_| !value.starts_with("+-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(KNOWN.is_sorted_by(|a, b| a.name < b.name));
    }

    fn check(name: &str, value: &str, taken: bool) {
        assert_eq!(known(name).expect("an annotation").takes(value), taken, "{name}: {value}");
    }

    #[test]
    fn values_are_judged_as_upstream_does() {
        check("ssl-redirect", "false", true);
        check("ssl-redirect", "no", false);
        check("canary-weight", "10", true);
        check("canary-weight", "10%", false);
        check("rewrite-target", "/$2", true);
        check("rewrite-target", "/a b", false);
        check("rewrite-target", "/a;", false);
        check("backend-protocol", "HTTPS", true);
        check("backend-protocol", "TLS", false);
        check("affinity", "ip", false);
        check("whitelist-source-range", "10.0.0.0/8, 1.2.3.4", true);
        check("whitelist-source-range", "10.0.0.0/33", false);
        check("proxy-body-size", "8m", true);
        check("proxy-read-timeout", "60s", false);
        check("proxy-next-upstream", "error timeout http_502", true);
        check("proxy-next-upstream", "http_501", false);
        check("session-cookie-max-age", "172800", true);
        assert!(known("rewrite").is_none());
    }
}
