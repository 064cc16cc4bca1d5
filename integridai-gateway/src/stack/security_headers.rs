//! What browsers are told of every answer.

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::SecurityHeadersConfig;

/// The fields that are added to answers.
#[derive(Debug, Clone, Default)]
pub(super) struct SecurityHeaders {
    always: Vec<(HeaderName, HeaderValue)>,
    /// In the clear it must not be said, since anybody could have said it (RFC 6797 §7.2).
    over_tls: Option<HeaderValue>,
    replaces: bool,
}

impl SecurityHeaders {
    pub(super) fn new(config: &SecurityHeadersConfig) -> Self {
        if config.disabled {
            return Self::default();
        }
        let nosniff = config.nosniff.then(|| HeaderValue::from_static("nosniff"));
        let always = [
            (X_CONTENT_TYPE_OPTIONS, nosniff),
            (REFERRER_POLICY, config.referrer_policy.value()),
            (CONTENT_SECURITY_POLICY, config.frame_ancestors.policy()),
        ];
        let always = always.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Self { always, over_tls: config.hsts(), replaces: config.replace }
    }

    /// Adds them. What a service says itself stays, unless it is to be replaced; its policy of content is never taken away,
    /// for all policies of an answer hold.
    pub(super) fn add(&self, headers: &mut HeaderMap, is_secured: bool) {
        for (name, value) in &self.always {
            if self.replaces && name == CONTENT_SECURITY_POLICY {
                headers.append(name, value.clone());
            } else {
                self.set(headers, name, value);
            }
        }
        if let Some(hsts) = self.over_tls.as_ref().filter(|_| is_secured) {
            self.set(headers, &STRICT_TRANSPORT_SECURITY, hsts);
        }
    }

    fn set(&self, headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
        if self.replaces || !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(config: &str, said: &[(&'static str, &'static str)], is_secured: bool) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(*name, HeaderValue::from_static(value));
        }
        SecurityHeaders::new(&toml::from_str(config).unwrap()).add(&mut headers, is_secured);
        let line =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = headers.iter().map(line).collect();
        lines.sort();
        lines
    }

    const USUAL: [&str; 3] = [
        "content-security-policy: frame-ancestors 'self'",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
    ];

    #[test]
    fn strict_transport_security_is_said_over_tls_alone() {
        let hsts = "hsts_max_age_seconds = 600\nhsts_include_subdomains = true";
        assert_eq!(added(hsts, &[], false), USUAL);
        assert!(
            added(hsts, &[], true)
                .contains(&"strict-transport-security: max-age=600; includeSubDomains".to_owned())
        );
        assert_eq!(added("", &[], true), USUAL);
        assert!(added("disabled = true\nhsts_max_age_seconds = 600", &[], true).is_empty());
    }

    #[test]
    fn what_a_service_says_stays_unless_it_is_to_be_replaced() {
        let said = [
            ("content-security-policy", "default-src 'none'"),
            ("referrer-policy", "origin"),
            ("x-content-type-options", "nosniff"),
        ];
        let lines = |policies: &[&str], referrer: &str| {
            let mut lines: Vec<String> =
                policies.iter().map(|p| format!("content-security-policy: {p}")).collect();
            lines.extend([
                format!("referrer-policy: {referrer}"),
                "x-content-type-options: nosniff".to_owned(),
            ]);
            lines
        };
        assert_eq!(added("", &said, false), lines(&["default-src 'none'"], "origin"));
        let both = ["default-src 'none'", "frame-ancestors 'self'"];
        assert_eq!(added("replace = true", &said, false), lines(&both, "no-referrer"));
    }

    #[test]
    fn a_policy_that_cannot_be_meant_is_refused() {
        for config in [
            "referrer_policy = \"never\"",
            "frame_ancestors = [\"'self'; script-src *\"]",
            "frame_ancestors = [\"\"]",
        ] {
            assert!(toml::from_str::<SecurityHeadersConfig>(config).is_err(), "{config}");
        }
    }
}
