//! Names of kube-proxy's chains, as in `pkg/proxy/iptables/proxier.go`.

use std::sync::Arc;

use data_encoding::BASE32;
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

/// A chain's whole name.
pub(super) fn chain(prefix: &str, hash: &str) -> Arc<str> {
    let mut name = String::with_capacity(prefix.len() + hash.len());
    name.push_str(prefix);
    name.push_str(hash);
    name.into()
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
}
