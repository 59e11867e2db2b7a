//! Names of kube-proxy's chains, as in `pkg/proxy/iptables/proxier.go` and beside it.

use std::sync::Arc;

use data_encoding::{BASE32, HEXLOWER};
use sha2::{Digest, Sha256};

/// The sixteen characters after a chain's prefix: base32 of SHA-256 of all parts.
///
/// For a Service's chains the parts are its port's name (`default/kubernetes:https`) and the protocol (`tcp`); for an
/// endpoint's also its address (`192.168.49.2:8443`).
pub(super) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    // Ten bytes make sixteen characters, and no more are kept.
    BASE32.encode(&hasher.finalize()[..10])
}

/// So many digits to sixteen that a text gives, 64 at most.
pub(in crate::net) fn digits(of: &str, count: usize) -> String {
    let mut digits = HEXLOWER.encode(&Sha256::digest(of.as_bytes()));
    digits.truncate(count);
    digits
}

/// A chain's whole name.
pub(super) fn chain(prefix: &str, hash: &str) -> Arc<str> {
    let mut name = String::with_capacity(prefix.len() + hash.len());
    name.push_str(prefix);
    name.push_str(hash);
    name.into()
}

/// A chain's name in mode nftables after its prefix, as in `pkg/proxy/nftables/proxier.go`: it begins with a hash of itself,
/// so that long names that are cut still differ.
pub(super) fn nft(name: &str) -> String {
    // 256, the longest name, less 16 for the longest prefix.
    const LONGEST: usize = 240;
    let mut text = hash(&[name]);
    text.truncate(8);
    text.push('-');
    text.push_str(name);
    if text.len() > LONGEST {
        text.truncate(LONGEST - 3);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_real_cluster() {
        assert_eq!(&*chain("KUBE-SVC-", &hash(&["default/kubernetes:https", "tcp"])), "KUBE-SVC-NPX46M4PTMTKRN6Y");
        assert_eq!(&*chain("KUBE-SVC-", &hash(&["kube-system/kube-dns:dns", "udp"])), "KUBE-SVC-TCOU7JCQXEZGVUNU");
        assert_eq!(&*chain("KUBE-SVC-", &hash(&["kube-system/kube-dns:dns-tcp", "tcp"])), "KUBE-SVC-ERIFXISQEP7F7OF4");
    }

    #[test]
    fn names_of_mode_nftables_are_those_of_its_own_tests() {
        // `TestOverallNFTablesRules` in pkg/proxy/nftables/proxier_test.go.
        assert_eq!(nft("ns1/svc1/tcp/p80"), "ULMVA6XW-ns1/svc1/tcp/p80");
        assert_eq!(nft("ns1/svc1/tcp/p80__10.180.0.1/80"), "5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80");
        let long = nft(&"x".repeat(300));
        assert_eq!((long.len(), &long[232..]), (240, "xxxxx..."));
    }
}
