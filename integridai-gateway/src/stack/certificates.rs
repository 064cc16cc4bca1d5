//! Who calls, by the certificate that the connection's client has shown.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use http::{HeaderName, request};
use integridai_tower::auth::{Attempt, Authenticate, Decision, Reason};
use integridai_tower::{ConfigError, Principal, PrincipalKind};

use crate::api::{Scope, UnknownScope};
use crate::config::ClientCertificateConfig;
use crate::server::{ClientCertificate, Secured, SubjectName};

/// The callers that are known by their certificates. Whoever shows another one is somebody all the same, who may do nothing.
#[derive(Debug)]
pub(super) struct ByCertificate {
    known: HashMap<SubjectName, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    scopes: Vec<String>,
    roles: Vec<String>,
    tenant: Option<String>,
}

/// What such principals are told from those of tokens and API keys by.
const ISSUER: &str = "client-certificate";

impl ByCertificate {
    /// # Errors
    ///
    /// When a scope is unknown, or two callers have one name.
    pub(super) fn new(config: &BTreeMap<String, ClientCertificateConfig>) -> Result<Self, ConfigError> {
        let refused = |name: &str, reason: String| {
            ConfigError::new("auth.client_certificates", format!("{name}: {reason}"))
        };
        let mut known = HashMap::new();
        for (name, client) in config {
            if let Some(scope) = client.scopes.iter().find(|scope| scope.parse::<Scope>().is_err()) {
                return Err(refused(name, format!("scope `{scope}`: {UnknownScope}")));
            }
            let facts = Known {
                scopes: client.scopes.clone(),
                roles: client.roles.clone(),
                tenant: client.tenant.clone(),
            };
            for subject in subject(client) {
                if known.contains_key(&subject) {
                    return Err(refused(name, format!("another is `{subject}` already")));
                }
                known.insert(subject, facts.clone());
            }
        }
        Ok(Self { known })
    }

    fn decide(&self, request: &request::Parts) -> Decision {
        let secured = request.extensions.get::<Secured>();
        let Some(certificate) = secured.and_then(Secured::client_certificate) else { return Ok(None) };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // It was good when the connection began.
        if certificate.expires_at <= now {
            return Err(Reason::Expired);
        }
        Ok(self.principal(certificate))
    }

    /// By the first of its names that is known, or by the first of all.
    fn principal(&self, certificate: &ClientCertificate) -> Option<Principal> {
        let known = certificate.names.iter().find_map(|name| Some((name, self.known.get(name)?)));
        let subject = known.map(|(name, _)| name).or(certificate.names.first())?;
        let principal = Principal::builder(subject.as_str())
            .kind(PrincipalKind::Service)
            .issuer(ISSUER)
            .expires_at(certificate.expires_at);
        let Some((_, known)) = known else { return Some(principal.build()) };
        let principal = principal
            .scopes(known.scopes.iter().map(String::as_str))
            .roles(known.roles.iter().map(String::as_str));
        Some(match &known.tenant {
            Some(tenant) => principal.tenant(tenant.as_str()).build(),
            None => principal.build(),
        })
    }
}

impl Authenticate for ByCertificate {
    fn authenticate(&self, request: &request::Parts) -> Attempt {
        self.decide(request).into()
    }

    fn reads(&self) -> &[HeaderName] {
        &[]
    }
}

fn subject(config: &ClientCertificateConfig) -> impl Iterator<Item = SubjectName> {
    let ClientCertificateConfig { uri, dns, email, common_name, .. } = config.clone();
    let names = [
        uri.map(SubjectName::Uri),
        dns.map(SubjectName::Dns),
        email.map(SubjectName::Email),
        common_name.map(SubjectName::CommonName),
    ];
    names.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::*;

    fn decide(names: &[SubjectName], expires_at: u64) -> Decision {
        let config = r#"
            [billing]
            uri = "spiffe://corp/billing"
            scopes = ["metrics:read"]
            [ops]
            common_name = "ops@corp"
            scopes = ["admin"]
            tenant = "corp"
        "#;
        let by_certificate = ByCertificate::new(&toml::from_str(config).unwrap()).unwrap();
        let certificate =
            ClientCertificate { names: names.to_vec(), expires_at: Duration::from_secs(expires_at) };
        let mut request = Request::new(()).into_parts().0;
        request.extensions.insert(Secured::new(Some(certificate)));
        by_certificate.decide(&request)
    }

    const FAR: u64 = 40_000_000_000;

    #[test]
    fn a_caller_is_known_by_any_of_its_names_of_the_right_kind() {
        let billing = SubjectName::Uri("spiffe://corp/billing".to_owned());
        let other = SubjectName::Uri("spiffe://corp/other".to_owned());
        let principal = decide(&[other.clone(), billing.clone()], FAR).unwrap().unwrap();
        assert_eq!((principal.subject(), principal.issuer()), (billing.as_str(), Some(ISSUER)));
        assert!(principal.has_scope("metrics:read") && principal.expires_at().is_some());
        let unknown = decide(&[other, SubjectName::Email("ops@corp".to_owned())], FAR).unwrap().unwrap();
        assert_eq!((unknown.subject(), unknown.scopes().count()), ("spiffe://corp/other", 0));
        let ops = decide(&[SubjectName::CommonName("ops@corp".to_owned())], FAR).unwrap().unwrap();
        assert!(ops.has_scope("admin") && ops.tenant() == Some("corp"));
    }

    #[test]
    fn what_has_ended_since_or_names_nobody_is_of_no_use() {
        let billing = SubjectName::Uri("spiffe://corp/billing".to_owned());
        assert_eq!(decide(&[billing], 1).unwrap_err(), Reason::Expired);
        assert_eq!(decide(&[], FAR).unwrap(), None);
        let nobody = ByCertificate::new(&BTreeMap::new()).unwrap();
        assert_eq!(nobody.decide(&Request::new(()).into_parts().0).unwrap(), None);
    }

    #[test]
    fn a_configuration_that_cannot_be_meant_is_refused() {
        for config in [
            "[a]\nuri = \"x\"\nscopes = [\"everything\"]",
            "[a]\nuri = \"x\"\nscopes = []\n[b]\nuri = \"x\"\nscopes = []",
        ] {
            assert!(ByCertificate::new(&toml::from_str(config).unwrap()).is_err(), "{config}");
        }
        for config in ["[a]\nscopes = []", "[a]\nuri = \"x\"\ndns = \"x\"", "[a]\nuri = \"\""] {
            assert!(toml::from_str::<BTreeMap<String, ClientCertificateConfig>>(config).is_err(), "{config}");
        }
    }
}
