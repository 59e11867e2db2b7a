//! Secret and ConfigMap, as in `k8s.io/api` `core/v1`.

use super::Labels;
use super::tree::fields;

/// `Secret`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct Secret {
    /// Values in base64, as the API shows them.
    pub data: Labels,
    pub immutable: Option<bool>,
    /// Only ever written: the server moves it into `data`.
    pub string_data: Labels,
    /// `Opaque`, `kubernetes.io/tls` or another.
    pub r#type: String,
}

fields!(Secret {
    data "data",
    immutable "immutable",
    string_data "stringData",
    r#type "type",
});

/// `ConfigMap`
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "Kubernetes' own names")]
pub struct ConfigMap {
    /// Values in base64.
    pub binary_data: Labels,
    pub data: Labels,
    pub immutable: Option<bool>,
}

fields!(ConfigMap {
    binary_data "binaryData",
    data "data",
    immutable "immutable",
});

impl Secret {
    /// A value, decoded; none if there is no such key, or it is not in base64.
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        from_base64(self.data.get(key)?)
    }
}

/// Bytes in base64, as the API shows them.
pub fn to_base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}

/// What is in a text in base64, as Go reads it: line ends do not count.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    data_encoding::BASE64.decode(text.as_bytes()).ok()
}
