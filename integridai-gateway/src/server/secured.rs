use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// That a request came over TLS, and from whom. An extension of every such request, and of no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secured {
    client: Option<Arc<ClientCertificate>>,
}

impl Secured {
    /// Over a connection whose client has shown this certificate, or none.
    #[must_use]
    pub fn new(client: Option<ClientCertificate>) -> Self {
        Self { client: client.map(Arc::new) }
    }

    /// The client's certificate, verified in the handshake; what has ended since is still there.
    #[must_use]
    pub fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.client.as_deref()
    }
}

/// What a client's certificate says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its names, in the order in which they count: URIs, then DNS names, then e-mail addresses of its subject alternative
    /// names; where it has none of these, the common name of its subject.
    pub names: Vec<SubjectName>,
    /// When it ends, as time since 1970-01-01 UTC.
    pub expires_at: Duration,
}

/// A name in a certificate, with its kind: an e-mail address that stands for a URI is none (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectName {
    /// `uniformResourceIdentifier`, such as a SPIFFE ID.
    Uri(String),
    /// `dNSName`.
    Dns(String),
    /// `rfc822Name`.
    Email(String),
    /// `commonName` of the subject.
    CommonName(String),
}

impl SubjectName {
    /// Without its kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Uri(name) | Self::Dns(name) | Self::Email(name) | Self::CommonName(name) => name,
        }
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
