//! Names, labels, ports and addresses: what is wrong with a word. Each function gives the server's messages, none if it is well.
//!
//! After `k8s.io/apimachinery` `pkg/api/validate/content` and `pkg/util/validation`.

use std::net::{IpAddr, Ipv6Addr};

use crate::inet::Ipv4Addr;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn regex(message: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|e| format!("'{e}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

fn too_long(bytes: usize) -> String {
    format!("must be no more than {bytes} bytes")
}

fn is_lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn is_label(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.iter().all(|b| is_lower(*b) || *b == b'-')
        && bytes.first().is_some_and(|b| is_lower(*b))
        && bytes.last().is_some_and(|b| is_lower(*b))
}

fn is_key(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// `IsDNS1123Label`
pub(super) fn dns_label(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 63 {
        errors.push(too_long(63));
    }
    if !is_label(value) {
        errors.push(if value.split('.').all(is_label) {
            "must not contain dots".to_owned()
        } else {
            let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
            regex(message, LABEL, &["my-name", "123-abc"])
        });
    }
    errors
}

/// `IsDNS1123Subdomain`
pub(super) fn dns_subdomain(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 253 {
        errors.push(too_long(253));
    }
    if !value.split('.').all(is_label) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        errors.push(regex(message, SUBDOMAIN, &["example.com"]));
    }
    errors
}

/// `IsDNS1123SubdomainWithUnderscore`
pub(super) fn search_path(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 253 {
        errors.push(too_long(253));
    }
    if !value.split('.').all(|part| is_label(&part.replace('_', "a"))) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        let part = "[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?";
        errors.push(regex(message, &format!("{part}(\\.{part})*"), &["example.com"]));
    }
    errors
}

/// `IsWildcardDNS1123Subdomain`
pub(super) fn wildcard(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 253 {
        errors.push(too_long(253));
    }
    if !value.strip_prefix("*.").is_some_and(|rest| rest.split('.').all(is_label)) {
        let message = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        errors.push(regex(message, &format!("\\*\\.{SUBDOMAIN}"), &["*.example.com"]));
    }
    errors
}

/// `IsDomainPrefixedPath`: the value that is wrong, and why.
pub(super) fn domain_path(value: &str) -> Vec<(&str, String)> {
    let Some((host, path)) = value.split_once('/').filter(|(host, path)| !host.is_empty() && !path.is_empty()) else {
        return vec![(value, "must be a domain-prefixed path (such as \"acme.io/foo\")".into())];
    };
    let mut errors: Vec<_> = dns_subdomain(host).into_iter().map(|message| (host, message)).collect();
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b)) {
        let message = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        errors.push((path, message.into()));
    }
    errors
}

/// `IsConfigMapKey`
pub(super) fn config_key(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 253 {
        errors.push(too_long(253));
    }
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        let message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        errors.push(regex(message, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    errors.extend(match value {
        "." | ".." => Some(format!("must not be '{value}'")),
        _ if value.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    });
    errors
}

/// `IsPathSegmentName`
pub(super) fn path_segment(value: &str) -> Vec<String> {
    match value {
        "." | ".." => vec![format!("may not be '{value}'")],
        _ => ["/", "%"].iter().filter(|c| value.contains(**c)).map(|c| format!("may not contain '{c}'")).collect(),
    }
}

/// `IsLabelKey`, which is also every qualified name.
pub(super) fn label_key(value: &str) -> Vec<String> {
    let message = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    let examples = &["MyName", "my.name", "123-abc"];
    let mut errors = Vec::new();
    let name = match value.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(dns_subdomain(prefix).iter().map(|e| format!("prefix part {e}")));
            }
            name
        }
        _ => {
            let all = regex(message, KEY, examples);
            return vec![format!(
                "a valid label key {all} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        errors.push(format!("name part {}", too_long(63)));
    }
    if !is_key(name) {
        errors.push(format!("name part {}", regex(message, KEY, examples)));
    }
    errors
}

/// `IsLabelValue`
pub(super) fn label_value(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 63 {
        errors.push(too_long(63));
    }
    if !value.is_empty() && !is_key(value) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
        errors.push(regex(message, &format!("({KEY})?"), &["MyValue", "my_value", "12345"]));
    }
    errors
}

/// `IsValidPortNum`
pub(super) fn port_number(port: i32) -> Option<&'static str> {
    (!(1..=65_535).contains(&port)).then_some("must be between 1 and 65535, inclusive")
}

/// `IsValidPortName`
pub(super) fn port_name(name: &str) -> Vec<String> {
    let mut errors: Vec<String> = Vec::new();
    if name.len() > 15 {
        errors.push(too_long(15));
    }
    if name.is_empty() || !name.bytes().all(|b| is_lower(b) || b == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".into());
    }
    if name.contains("--") {
        errors.push("must not contain consecutive hyphens".into());
    }
    if !name.is_empty() && (name.starts_with('-') || name.ends_with('-')) {
        errors.push("must not begin or end with a hyphen".into());
    }
    errors
}

/// An address, read as loosely as `ParseIPSloppy` does: leading zeros are allowed.
pub(in crate::api) fn address(value: &str) -> Option<IpAddr> {
    if value.contains(':') {
        return value.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let mut parts = value.split('.').map(|part| {
        let digits = !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
        if digits { part.parse::<u32>().ok().and_then(|n| u8::try_from(n).ok()) } else { None }
    });
    let address = Ipv4Addr::new(parts.next()??, parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(IpAddr::V4(address))
}

/// `IsValidIPForLegacyField`, strict as since 1.36: what is wrong with an address; none if nothing is.
pub(super) fn ip(value: &str) -> Option<&'static str> {
    match address(value) {
        None => Some("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
        Some(IpAddr::V4(_)) if value.parse::<Ipv4Addr>().is_err() => Some("must not have leading 0s"),
        Some(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => Some("must not be an IPv4-mapped IPv6 address"),
        Some(_) => None,
    }
}

/// `IsValidCIDRForLegacyField`, strict as since 1.36: what is wrong with a range; none if nothing is.
pub(super) fn range(value: &str) -> Option<&'static str> {
    let read = value.split_once('/').and_then(|(ip, length)| {
        let digits = length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit());
        let address = address(ip)?;
        let length = length.parse::<u32>().ok().filter(|n| digits && *n <= if address.is_ipv4() { 32 } else { 128 })?;
        Some((address, ip, length))
    });
    let Some((address, ip, length)) = read else {
        return Some("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    };
    let (bits, width) = match address {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    if self::ip(ip) == Some("must not have leading 0s") || !value.ends_with(&format!("/{length}")) {
        Some("must not have leading 0s in IP or prefix length")
    } else if self::ip(ip).is_some() {
        Some("must not have an IPv4-mapped IPv6 address")
    } else if bits & (1u128.checked_shl(width - length).map_or(u128::MAX, |bit| bit - 1)) != 0 {
        Some("must not have bits set beyond the prefix length")
    } else {
        None
    }
}

/// `ValidateNonSpecialIP`
pub(super) fn special(ip: IpAddr) -> Option<&'static str> {
    let (link_local, link_local_multicast) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(ip) => (ip.segments()[0] & 0xffc0 == 0xfe80, ip.segments()[0] & 0xff0f == 0xff02),
    };
    if ip.is_unspecified() {
        Some("may not be unspecified (0.0.0.0)")
    } else if ip.is_loopback() {
        Some("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    } else if link_local {
        Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    } else if link_local_multicast {
        Some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_well() {
        assert!(dns_label("1shop").is_empty() && dns_subdomain("a.b-c").is_empty());
        assert!(label_key("app.kubernetes.io/name").is_empty() && label_value("").is_empty());
        assert!(port_name("http-2").is_empty() && address("010.0.0.1").is_some() && range("10.0.0.0/8").is_none());
    }

    #[test]
    fn words_that_are_not() {
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
        assert_eq!(port_name("80"), ["must contain at least one letter (a-z)"]);
        assert!(address("1.2.3").is_none() && address("1.2.3.256").is_none() && range("10.0.0.0/33").is_some());
        assert_eq!(ip("10.0.0.05"), Some("must not have leading 0s"));
        assert_eq!(ip("::ffff:10.0.0.5"), Some("must not be an IPv4-mapped IPv6 address"));
        for (value, why) in [
            ("10.0.0.0/08", Some("must not have leading 0s in IP or prefix length")),
            ("010.0.0.0/8", Some("must not have leading 0s in IP or prefix length")),
            ("::ffff:10.0.0.0/104", Some("must not have an IPv4-mapped IPv6 address")),
            ("10.0.0.1/24", Some("must not have bits set beyond the prefix length")),
            ("10.0.0.1/32", None),
            ("0.0.0.0/0", None),
            ("::/0", None),
            ("fd00::1/64", Some("must not have bits set beyond the prefix length")),
        ] {
            assert_eq!(range(value), why, "{value}");
        }
    }
}
