//! How a client that was not let through is told to come in: `WWW-Authenticate` (RFC 9110 §11.6.1).

use std::fmt::Write;

use http::{HeaderValue, Uri};

use crate::ConfigError;

/// What an answer offers: each scheme with the parameters that all of them share.
#[derive(Debug, Clone, Default)]
pub(super) struct Challenges {
    schemes: Vec<&'static str>,
    realm: Option<Box<str>>,
    resource_metadata: Option<Box<str>>,
}

/// What went wrong, in the words of RFC 6750 §3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

impl Challenges {
    /// A scheme that is offered already is not offered again: two authenticators may share one.
    pub(super) fn offer(&mut self, scheme: &'static str) {
        if !self.schemes.contains(&scheme) {
            self.schemes.push(scheme);
        }
    }

    pub(super) fn realm(&mut self, realm: &str) -> Result<(), ConfigError> {
        if !realm.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(ConfigError::new("realm", "is visible ASCII and spaces"));
        }
        self.realm = Some(realm.replace('\\', "\\\\").replace('"', "\\\"").into());
        Ok(())
    }

    pub(super) fn resource_metadata(&mut self, url: &str) -> Result<(), ConfigError> {
        let is_url = url.parse::<Uri>().is_ok_and(|url| url.scheme().is_some() && url.host().is_some());
        if !is_url || url.contains(['"', '\\', '#']) || !url.is_ascii() {
            return Err(ConfigError::new("resource_metadata", "is an absolute URL without a fragment"));
        }
        self.resource_metadata = Some(url.into());
        Ok(())
    }

    /// The values of the field, one per scheme; `fault` stands in those that `at_fault` picks.
    pub(super) fn values(
        &self,
        fault: Option<Fault>,
        at_fault: impl Fn(&str) -> bool,
        scopes: Option<&str>,
    ) -> impl Iterator<Item = HeaderValue> {
        // A 401 has a challenge at least (RFC 9110 §15.5.2).
        let schemes: &[&str] = if self.schemes.is_empty() { &["Bearer"] } else { &self.schemes };
        schemes.iter().filter_map(move |scheme| {
            let fault = fault.filter(|_| at_fault(scheme));
            HeaderValue::from_str(&self.challenge(scheme, fault, scopes)).ok()
        })
    }

    fn challenge(&self, scheme: &str, fault: Option<Fault>, scopes: Option<&str>) -> String {
        let parameters = [
            ("realm", self.realm.as_deref()),
            ("error", fault.map(|fault| fault.error)),
            ("error_description", fault.map(|fault| fault.description)),
            ("scope", scopes),
            ("resource_metadata", self.resource_metadata.as_deref()),
        ];
        let mut text = scheme.to_owned();
        let present = parameters.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        for (index, (name, value)) in present.enumerate() {
            let separator = if index == 0 { " " } else { ", " };
            // A string takes whatever is written to it.
            let _ = write!(text, "{separator}{name}=\"{value}\"");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: Fault = Fault { error: "invalid_token", description: "No." };

    fn values(challenges: &Challenges, fault: Option<Fault>, scopes: Option<&str>) -> Vec<String> {
        let values = challenges.values(fault, |scheme| scheme == "Bearer", scopes);
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn bearer_is_offered_where_nothing_is() {
        assert_eq!(values(&Challenges::default(), None, None), ["Bearer"]);
    }

    #[test]
    fn each_scheme_has_its_value_and_the_fault_stands_where_it_belongs() {
        let mut challenges = Challenges::default();
        ["Bearer", "ApiKey", "Bearer"].iter().for_each(|scheme| challenges.offer(scheme));
        challenges.realm(r#"the "a\b" api"#).unwrap();
        challenges.resource_metadata("https://a.example/m?x=1").unwrap();
        let expected = [
            r#"Bearer realm="the \"a\\b\" api", error="invalid_token", error_description="No.", scope="a b", resource_metadata="https://a.example/m?x=1""#,
            r#"ApiKey realm="the \"a\\b\" api", scope="a b", resource_metadata="https://a.example/m?x=1""#,
        ];
        assert_eq!(values(&challenges, Some(FAULT), Some("a b")), expected);
    }

    #[test]
    fn what_cannot_stand_in_the_field_is_a_config_error() {
        let mut challenges = Challenges::default();
        for realm in ["caf\u{e9}", "a\r\nb", "a\tb"] {
            assert_eq!(challenges.realm(realm).unwrap_err().setting(), "realm");
        }
        for url in ["", "/path", "https://a.example/\"", "https://a.example/#f", "not a url"] {
            assert_eq!(challenges.resource_metadata(url).unwrap_err().setting(), "resource_metadata");
        }
        assert_eq!(values(&challenges, None, None), ["Bearer"]);
    }
}
