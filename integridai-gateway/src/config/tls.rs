//! `[server.tls]`

use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{ConfigError, Count, Seconds};

/// How clients come over TLS; without certificates they do not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// The certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateConfig>,
    /// What a client gets that names no host.
    pub without_name: WithoutName,
    /// The oldest version that is spoken.
    pub minimum_version: TlsVersion,
    /// What is wanted of clients.
    pub client_certificates: ClientCertificates,
    /// The authorities whose word on clients counts, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
    /// How long a handshake may take.
    pub handshake_timeout_seconds: Seconds,
    /// Handshakes at once; further ones wait.
    pub max_handshakes: Count,
    /// How often the files are looked at.
    pub reload_seconds: Seconds,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateConfig {
    /// The certificate and those between it and its authority, in PEM.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM.
    pub key_file: PathBuf,
    /// The hosts that it is for. None: those that it names itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<HostPattern>,
}

/// What a client gets that names no host, such as one that calls an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutName {
    /// The first certificate.
    #[default]
    First,
    /// None: it is refused.
    Refuse,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

/// What is wanted of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// They are not asked for a certificate.
    #[default]
    Off,
    /// Who shows one must show a good one.
    Optional,
    /// Who shows none is refused.
    Required,
}

/// A host's name in small letters; its first label may be `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HostPattern(String);

impl HostPattern {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?.to_ascii_lowercase();
        let host = name.strip_prefix("*.").unwrap_or(&name);
        let is_label = |label: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !label.is_empty() && label.bytes().all(is_letter)
        };
        if host.split('.').all(is_label) {
            Ok(Self(name))
        } else {
            Err(D::Error::custom("expected the name of a host; its first label may be `*`"))
        }
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            without_name: WithoutName::default(),
            minimum_version: TlsVersion::default(),
            client_certificates: ClientCertificates::default(),
            client_ca_file: None,
            handshake_timeout_seconds: Seconds::new(10),
            max_handshakes: Count::new(256),
            reload_seconds: Seconds::new(10),
        }
    }
}

impl TlsConfig {
    /// Whether clients come over TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Whether clients are asked for certificates.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        self.client_certificates != ClientCertificates::Off
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let asks = self.asks_for_certificates();
        let rules = [
            (
                self.is_on() && !cfg!(feature = "tls"),
                "server.tls.certificates",
                "this build speaks http:// only; https:// needs the cargo feature `tls`",
            ),
            (
                asks && !self.is_on(),
                "server.tls.client_certificates, server.tls.certificates",
                "who asks for certificates has to show one",
            ),
            (
                asks && self.client_ca_file.is_none(),
                "server.tls.client_certificates, server.tls.client_ca_file",
                "somebody has to vouch for clients",
            ),
        ];
        match rules.into_iter().find(|(is_broken, ..)| *is_broken) {
            Some((_, keys, reason)) => Err(ConfigError::Contradiction { keys: keys.into(), reason }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;

    const CERTIFICATE: &str = "certificates = [{ certificate_file = \"c\", key_file = \"k\" }]";

    fn said(text: &str) -> String {
        load(text, &[]).map_or_else(|error| error.to_string(), |_| "well".to_owned())
    }

    #[test]
    fn what_cannot_work_says_why() {
        for (text, expected) in [
            ("[server.tls]\nclient_certificates = \"optional\"", "has to show one"),
            ("[server.tls]\nminimum_version = \"1.1\"", "1.2"),
            ("[server.redirect]\nlisten = \"127.0.0.1:80\"", "no TLS to send anybody to"),
            ("[auth.client_certificates.a]\nuri = \"b\"\nscopes = []", "are not asked"),
            ("[auth.client_certificates.a]\nscopes = []", "exactly one of uri"),
            ("[server.tls]\ncertificates = [{ certificate_file = \"c\" }]", "key_file"),
        ] {
            let said = said(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
        for name in ["*", "a.*", "a b", "", "a..b"] {
            let named = format!("names = [\"{name}\"] }}]");
            let said = said(&format!("[server.tls]\n{}", CERTIFICATE.replace(" }]", &format!(", {named}"))));
            assert!(said.contains("the name of a host"), "{name}: {said}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn a_build_without_tls_says_what_it_needs() {
        let said = said(&format!("[server.tls]\n{CERTIFICATE}"));
        assert!(said.contains("cargo feature `tls`"), "{said}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn what_is_documented_as_comments_works() {
        use super::super::tests::DOCUMENTED;

        let optional = [
            "certificates =",
            "client_ca_file =",
            "listen = \"0.0.0.0:80\"",
            "https_port =",
            "[auth.client_certificates]",
            "billing =",
        ];
        let text = optional
            .into_iter()
            .fold(DOCUMENTED.to_owned(), |text, key| text.replace(&format!("# {key}"), key))
            .replace("client_certificates = \"off\"", "client_certificates = \"optional\"");
        let open = load(&text, &[]).unwrap_err().to_string();
        assert!(open.contains("clients are sent to names that are configured"), "{open}");
        let config =
            load(&text.replace("allowed_hosts = []", "allowed_hosts = [\"gateway.example.org\"]"), &[])
                .unwrap();
        assert!(config.server.tls.is_on() && config.server.redirect.listen.is_some());
        assert!(config.auth.has_authenticator() && config.auth.client_certificates.len() == 1);
    }
}
