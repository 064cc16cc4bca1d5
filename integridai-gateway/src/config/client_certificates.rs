//! `[auth.client_certificates]`

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A caller that is known by its certificate: exactly one of `uri`, `dns`, `email` and `common_name` is what the certificate
/// has to name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct ClientCertificateConfig {
    /// A URI of its subject alternative names, such as a SPIFFE ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// A DNS name of its subject alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
    /// An e-mail address of its subject alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The common name of its subject, where it has none of the names above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// What the caller may do.
    pub scopes: Vec<String>,
    /// What the caller is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The customer it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

impl ClientCertificateConfig {
    fn names(&self) -> usize {
        let names = [&self.uri, &self.dns, &self.email, &self.common_name];
        names.into_iter().flatten().filter(|name| !name.is_empty()).count()
    }
}

impl<'de> Deserialize<'de> for ClientCertificateConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let client = Self::deserialize(deserializer)?;
        match client.names() {
            1 => Ok(client),
            _ => Err(D::Error::custom("expected exactly one of uri, dns, email and common_name")),
        }
    }
}

impl Serialize for ClientCertificateConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}
