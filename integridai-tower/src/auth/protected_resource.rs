//! The metadata of a protected resource (RFC 9728).

use http::Uri;
use serde::Serialize;

use crate::ConfigError;

/// The document that tells a client where to get a token for this server (RFC 9728 §2). Serialise it to JSON and serve it
/// at [`well_known_path`](Self::well_known_path), without authentication; name its URL in
/// [`AuthenticateLayer::resource_metadata`](super::AuthenticateLayer::resource_metadata).
///
/// ```
/// use integridai_tower::auth::ProtectedResource;
///
/// let resource = ProtectedResource::new("https://api.example/v1")?
///     .authorization_servers(["https://login.example"])
///     .scopes(["metrics:read"]);
/// assert_eq!(resource.well_known_path(), "/.well-known/oauth-protected-resource/v1");
/// assert_eq!(resource.url(), "https://api.example/.well-known/oauth-protected-resource/v1");
/// assert_eq!(
///     serde_json::to_string(&resource)?,
///     r#"{"resource":"https://api.example/v1","authorization_servers":["https://login.example"],"#.to_owned()
///         + r#""scopes_supported":["metrics:read"],"bearer_methods_supported":["header"]}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtectedResource {
    resource: Box<str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<Box<str>>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<Box<str>>,
}

impl ProtectedResource {
    /// The resource of this identifier: an `https` URL, or an `http` one of this machine.
    ///
    /// # Errors
    /// Where it is no such URL, or has a query or a fragment.
    pub fn new(resource: impl Into<Box<str>>) -> Result<Self, ConfigError> {
        let resource = resource.into();
        if !resource.parse::<Uri>().is_ok_and(|url| is_identifier(&url)) || resource.contains(['?', '#']) {
            return Err(ConfigError::new("resource", "is an https URL without a query or a fragment"));
        }
        Ok(Self {
            resource,
            authorization_servers: Vec::new(),
            scopes_supported: Vec::new(),
            bearer_methods_supported: ["header"],
            resource_name: None,
            resource_documentation: None,
        })
    }

    /// Who issues tokens for it, by their issuer identifiers (RFC 8414 §2).
    #[must_use]
    pub fn authorization_servers<T: Into<Box<str>>>(mut self, issuers: impl IntoIterator<Item = T>) -> Self {
        self.authorization_servers = issuers.into_iter().map(Into::into).collect();
        self
    }

    /// The scopes that it knows.
    #[must_use]
    pub fn scopes<T: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes_supported = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What people call it.
    #[must_use]
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.resource_name = Some(name.into());
        self
    }

    /// The URL of its documentation.
    #[must_use]
    pub fn documentation(mut self, url: impl Into<Box<str>>) -> Self {
        self.resource_documentation = Some(url.into());
        self
    }

    /// The path of this document: the resource's own after the well-known one (RFC 9728 §3.1).
    #[must_use]
    pub fn well_known_path(&self) -> String {
        let (_, path) = self.split();
        format!("/.well-known/oauth-protected-resource{path}")
    }

    /// The URL of this document.
    #[must_use]
    pub fn url(&self) -> String {
        let (origin, _) = self.split();
        format!("{origin}{}", self.well_known_path())
    }

    fn split(&self) -> (&str, &str) {
        let authority = self.resource.find("://").map_or(0, |at| at + 3);
        let path = self.resource[authority..].find('/').map_or(self.resource.len(), |at| authority + at);
        let (origin, path) = self.resource.split_at(path);
        (origin, if path == "/" { "" } else { path })
    }
}

fn is_identifier(url: &Uri) -> bool {
    let is_here = || url.host().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme_str() {
        Some("https") => url.host().is_some_and(|host| !host.is_empty()),
        Some("http") => is_here(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_an_origin_lies_right_below_it() {
        for resource in ["https://api.example", "https://api.example/", "http://127.0.0.1:3002"] {
            let resource = ProtectedResource::new(resource).unwrap();
            assert_eq!(resource.well_known_path(), "/.well-known/oauth-protected-resource");
            assert!(resource.url().ends_with("/.well-known/oauth-protected-resource"), "{}", resource.url());
        }
    }

    #[test]
    fn what_is_no_identifier_is_a_config_error() {
        for resource in ["", "api", "/v1", "http://api.example", "ftp://a", "https://a/#f", "https://a/?q"] {
            assert_eq!(ProtectedResource::new(resource).unwrap_err().setting(), "resource", "{resource}");
        }
    }
}
