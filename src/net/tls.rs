//! Certificates: read from PEM, made for a learner, chosen by an ingress controller, and judged by a client.
//!
//! Stands for `internal/ingress/controller/controller.go` (`createServers`: a Secret's certificate is taken only if it is for the
//! host) and `rootfs/etc/nginx/lua/certificate.lua` (SNI) of ingress-nginx 1.15.1, and for Traefik's `pkg/tls/certificate_store.go`.
//! Of X.509 this reads names, validity and DNS names. A certificate that [`made`] gives has the form of a real one, but its
//! numbers are drawn, not computed: nothing here signs or encrypts, and a client believes what it was told to trust.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use super::Network;
use super::ingress::{Flavour, Router};
use crate::object::{Kind, Secret};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::trace::{Because, Certificate, Reason, Request};

/// What is inside one element of DER, and what follows it.
type Element<'a> = (u8, &'a [u8], &'a [u8]);

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
/// Types of names, by the end of `2.5.4.N`, as tools shorten them.
const NAMES: [(u8, &str); 6] = [(3, "CN"), (6, "C"), (7, "L"), (8, "ST"), (10, "O"), (11, "OU")];
/// `subjectAltName`
const ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];

fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (number, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (number.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((tag, inside, rest))
}

fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut all = Vec::new();
    while let Some((tag, inside, rest)) = element(bytes) {
        all.push((tag, inside));
        bytes = rest;
    }
    all
}

/// The first certificate in a PEM text.
pub(super) fn read(pem: &str) -> Option<Certificate> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (text, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = BASE64.decode(text.as_bytes()).ok()?;
    let (SEQUENCE, whole, _) = element(&der)? else { return None };
    let (SEQUENCE, signed, _) = element(whole)? else { return None };
    let mut parts = elements(signed);
    // A version stands first, but in the oldest.
    if parts.first()?.0 == 0xa0 {
        parts.remove(0);
    }
    let &[_, _, (_, issuer), (_, validity), (_, subject), ..] = &parts[..] else { return None };
    let times: Vec<Arc<str>> = elements(validity).into_iter().map(|(_, time)| moment(time)).collect();
    let [from, until] = &times[..] else { return None };
    let (subject, common) = name(subject);
    let mut names = Vec::new();
    for (_, extensions) in parts.iter().filter(|(tag, _)| *tag == 0xa3) {
        let all = elements(extensions);
        for (_, extension) in all.iter().flat_map(|(_, list)| elements(list)) {
            let fields = elements(extension);
            let is_it = fields.first().is_some_and(|(_, oid)| *oid == ALT_NAME);
            if let Some((_, value)) = fields.last().filter(|_| is_it) {
                for (_, list) in elements(value) {
                    let dns = elements(list).into_iter().filter(|(tag, _)| *tag == 0x82);
                    names.extend(dns.map(|(_, text)| String::from_utf8_lossy(text).to_ascii_lowercase().into()));
                }
            }
        }
    }
    Some(Certificate {
        subject: subject.into(),
        common: common.into(),
        issuer: name(issuer).0.into(),
        names,
        from: from.clone(),
        until: until.clone(),
        digest: HEXLOWER.encode(&Sha256::digest(&der)).into(),
    })
}

/// A name as curl prints it, `O=Acme Co; CN=shop.test`, and the common name in it.
fn name(bytes: &[u8]) -> (String, String) {
    let (mut text, mut common) = (String::new(), String::new());
    for (_, set) in elements(bytes) {
        for (_, pair) in elements(set) {
            let fields = elements(pair);
            let [(_, oid), (_, value)] = &fields[..] else { continue };
            let kind = NAMES.iter().find(|(number, _)| **oid == [0x55, 0x04, *number]).map_or("", |(_, kind)| kind);
            let value = String::from_utf8_lossy(value);
            text += &format!("{}{kind}={value}", if text.is_empty() { "" } else { "; " });
            if kind == "CN" {
                common = value.into_owned();
            }
        }
    }
    (text, common)
}

/// `261001080000Z` as `Oct  1 08:00:00 2026 GMT`.
fn moment(time: &[u8]) -> Arc<str> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = String::from_utf8_lossy(time);
    let (year, rest) = match text.len() {
        13 => (format!("20{}", text.get(..2).unwrap_or_default()), text.get(2..)),
        _ => (text.get(..4).unwrap_or_default().to_owned(), text.get(4..)),
    };
    let digits = |from: usize| rest.and_then(|rest| rest.get(from..from + 2)).unwrap_or("00");
    let month = digits(0).parse::<usize>().ok().and_then(|n| MONTHS.get(n.wrapping_sub(1))).unwrap_or(&"Jan");
    let day = digits(2).trim_start_matches('0');
    format!("{month} {day:>2} {}:{}:{} {year} GMT", digits(4), digits(6), digits(8)).into()
}

fn der(tag: u8, inside: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match inside.len() {
        n @ 0..=0x7f => out.push(n as u8),
        n @ 0x80..=0xff => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(inside);
    out
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &parts.concat())
}

fn armoured(what: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut out = format!("-----BEGIN {what}-----\n");
    for line in text.as_bytes().chunks(64) {
        out += &String::from_utf8_lossy(line);
        out.push('\n');
    }
    out + &format!("-----END {what}-----\n")
}

/// A certificate that signs itself, and its key, both as PEM: `subject` as pairs of a type and a value.
pub fn made(subject: &[(&str, &str)], names: &[&str], now: Instant, days: u32, rng: &mut Rng) -> (String, String) {
    let mut number = |length: usize| -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend((0..length).map(|_| rng.below(256) as u8));
        // A number's first bit is its sign: it stays positive, and as long as it says.
        bytes[1] |= 0x80;
        der(0x02, &bytes)
    };
    let (serial, modulus, prime) = (number(19), number(256), number(256));
    let exponent = der(0x02, &[1, 0, 1]);
    let null = || vec![0x05, 0x00];
    let algorithm = |oid| sequence(&[der(OID, oid), null()]);
    let pair = |(kind, value): &(&str, &str)| {
        let number = NAMES.iter().find(|(_, known)| known == kind).map_or(3, |(number, _)| *number);
        let tag = if *kind == "C" { 0x13 } else { 0x0c };
        der(SET, &sequence(&[der(OID, &[0x55, 0x04, number]), der(tag, value.as_bytes())]))
    };
    let name = sequence(&subject.iter().map(pair).collect::<Vec<_>>());
    let time = |at: Instant| {
        let text: String = at.rfc3339().chars().filter(char::is_ascii_digit).take(14).collect();
        // Years from 2050 on are written in full.
        match text.get(..4).is_some_and(|year| year < "2050") {
            true => der(0x17, format!("{}Z", text.get(2..).unwrap_or_default()).as_bytes()),
            false => der(0x18, format!("{text}Z").as_bytes()),
        }
    };
    let until = now + Duration::from_secs(u64::from(days) * 86_400);
    let public = sequence(&[modulus.clone(), exponent.clone()]);
    let bits = |bytes: &[u8]| der(0x03, &[&[0], bytes].concat());
    let mut parts = vec![
        der(0xa0, &der(0x02, &[2])),
        serial,
        algorithm(SHA256_RSA),
        name.clone(),
        sequence(&[time(now), time(until)]),
        name,
        sequence(&[algorithm(RSA), bits(&public)]),
    ];
    if !names.is_empty() {
        let names: Vec<Vec<u8>> = names.iter().map(|name| der(0x82, name.as_bytes())).collect();
        let extension = sequence(&[der(OID, &ALT_NAME), der(0x04, &sequence(&names))]);
        parts.push(der(0xa3, &sequence(&[extension])));
    }
    let signature = prime.get(5..).unwrap_or_default().to_vec();
    let certificate = sequence(&[sequence(&parts), algorithm(SHA256_RSA), bits(&signature)]);
    let inner = sequence(&[der(0x02, &[0]), modulus, exponent, prime]);
    let key = sequence(&[der(0x02, &[0]), algorithm(RSA), der(0x04, &inner)]);
    (armoured("CERTIFICATE", &certificate), armoured("PRIVATE KEY", &key))
}

impl Certificate {
    /// Whether it is for a host: by its DNS names, or by its common name if it has none.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let fits = |name: &str| match name.strip_prefix('*') {
            Some(rest) => name == host || host.find('.').is_some_and(|dot| dot > 0 && host.get(dot..) == Some(rest)),
            None => name == host,
        };
        match self.names.is_empty() {
            true => fits(&self.common.to_ascii_lowercase()),
            false => self.names.iter().any(|name| fits(name)),
        }
    }
}

/// The certificate that a controller makes for itself at its start.
fn fake(flavour: Flavour) -> Certificate {
    let (subject, common, name) = match flavour {
        Flavour::Nginx => (
            "O=Acme Co; CN=Kubernetes Ingress Controller Fake Certificate",
            "Kubernetes Ingress Controller Fake Certificate",
            "ingress.local",
        ),
        Flavour::Traefik => ("CN=TRAEFIK DEFAULT CERT", "TRAEFIK DEFAULT CERT", "traefik.default"),
    };
    Certificate {
        subject: subject.into(),
        common: common.into(),
        issuer: subject.into(),
        names: vec![name.into()],
        from: "Oct  1 08:00:00 2026 GMT".into(),
        until: "Oct  1 08:00:00 2027 GMT".into(),
        digest: "".into(),
    }
}

/// The certificate in a Secret, if it is of the type for that.
pub fn of_secret(secret: &Secret) -> Option<Certificate> {
    let pem = secret.value("tls.crt").filter(|_| secret.r#type == "kubernetes.io/tls")?;
    read(&String::from_utf8_lossy(&pem))
}

impl Network {
    /// The certificate with which a controller answers to a server name, and why.
    pub(super) fn certificate(&self, router: &Router, name: Option<&str>) -> (Arc<Certificate>, Arc<Because>) {
        let own = || Arc::new(fake(router.controller.flavour));
        let Some(name) = name else { return (own(), Because::plain(Reason::FakeNoName)) };
        let Some(host) = router.tls_host(name) else {
            return (own(), Because::plain(Reason::FakeNoHost(name.into())));
        };
        let because = |reason| Arc::new(Because { rule: None, reason, cause: Some(host.cause.clone()) });
        let known = |secret: &crate::object::Ref| {
            debug_assert_eq!(secret.kind, Kind::Secret, "certificates are in Secrets");
            let at = self.certificates.binary_search_by(|(key, _)| key.cmp(secret)).ok()?;
            self.certificates.get(at).map(|(_, certificate)| certificate)
        };
        let Some(secret) = &host.secret else {
            let found = host.others.iter().filter_map(|secret| Some((secret, known(secret)?)));
            return match found.into_iter().find(|(_, certificate)| certificate.is_for(&host.host)) {
                Some((secret, certificate)) => {
                    (certificate.clone(), because(Reason::CertificateOf(secret.name.clone())))
                }
                None => (own(), because(Reason::FakeNoSecret("".into()))),
            };
        };
        let told: Arc<str> = format!("{}/{}", secret.namespace, secret.name).into();
        match known(secret) {
            None => (own(), because(Reason::FakeNoSecret(told))),
            Some(certificate) if certificate.is_for(&host.host) || certificate.is_for(name) => {
                (certificate.clone(), because(Reason::CertificateOf(told)))
            }
            Some(certificate) => {
                let names = said(certificate);
                (own(), because(Reason::FakeOtherHost { secret: told, names }))
            }
        }
    }
}

fn said(certificate: &Certificate) -> Arc<str> {
    match certificate.names.is_empty() {
        true => certificate.common.clone(),
        false => certificate.names.join(", ").into(),
    }
}

/// Why a client does not go on with a certificate; none if it does.
pub(super) fn distrusts(request: &Request, host: &str, certificate: &Certificate) -> Option<Reason> {
    if request.insecure {
        return None;
    }
    let trusted = request.trusts.split_inclusive("-----END CERTIFICATE-----").filter_map(read);
    let is_it = |other: &Certificate| !certificate.digest.is_empty() && other.digest == certificate.digest;
    if !trusted.into_iter().any(|other| is_it(&other)) {
        return Some(Reason::SelfSigned(certificate.subject.clone()));
    }
    (!certificate.is_for(host)).then(|| Reason::OtherName { host: host.into(), names: said(certificate) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl req -x509 -newkey ec -subj "/C=GB/O=Shop/CN=shop.test" -addext subjectAltName=DNS:shop.test,DNS:*.shop.test`.
    const REAL: &str = include_str!("tls_test.pem");

    #[test]
    fn real_certificates_are_read() {
        let certificate = read(REAL).expect("a certificate");
        assert_eq!(&*certificate.subject, "C=GB; O=Shop; CN=shop.test");
        assert_eq!(certificate.issuer, certificate.subject);
        assert_eq!(certificate.names, ["shop.test".into(), "*.shop.test".into()]);
        assert!(certificate.is_for("Shop.test") && certificate.is_for("a.shop.test"));
        assert!(!certificate.is_for("a.b.shop.test") && !certificate.is_for("test"));
    }

    #[test]
    fn what_is_made_is_read() {
        let subject = [("CN", "shop.test"), ("O", "Shop")];
        let (pem, key) = made(&subject, &["shop.test"], Instant::ZERO, 365, &mut Rng::new(1));
        let certificate = read(&pem).expect("a certificate");
        assert_eq!(&*certificate.subject, "CN=shop.test; O=Shop");
        assert_eq!(certificate.names, ["shop.test".into()]);
        assert_eq!(&*certificate.from, "Oct  1 08:00:00 2026 GMT");
        assert_eq!(&*certificate.until, "Oct  1 08:00:00 2027 GMT");
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for text in
            ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n"]
        {
            assert_eq!(read(text), None);
        }
        // Cut anywhere, it is read as far as it goes, or not at all.
        for end in 0..REAL.len() {
            let cut = REAL.get(..end).unwrap_or_default();
            let _ = read(&format!("{cut}\n-----END CERTIFICATE-----"));
        }
    }
}
