//! The client: a name, a base URL, limits, and the Tower service that carries the calls.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{self, Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{Call, Endpoint};
use crate::ConfigError;

/// Calls one upstream service through the Tower service `S`.
///
/// A clone shares its settings; `S` is cloned for each call, as Tower clients are.
#[derive(Clone)]
#[must_use]
pub struct ServiceClient<S> {
    service: S,
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: Arc<str>,
    pub(super) base: Base,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) max_response_bytes: usize,
}

/// A base URL, taken apart once so that a call only joins paths.
#[derive(Debug, Clone)]
pub(super) struct Base {
    scheme: Scheme,
    authority: Authority,
    path: String,
}

impl<S> ServiceClient<S> {
    /// A client of the service `name` at `base_url`, such as `http://localhost:3000` or `https://host/prefix`.
    /// Calls time out after 30 s; answers are at most 4 MiB.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the URL has no scheme `http` or `https` or no host, or has user information, a query
    /// or a fragment, or a port that is not from 1 to 65535.
    pub fn new(name: &str, base_url: &str, service: S) -> Result<Self, ConfigError> {
        let settings = Settings {
            name: name.into(),
            base: Base::parse(base_url)?,
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(30),
            max_response_bytes: 4 * 1024 * 1024,
        };
        Ok(Self { service, settings: Arc::new(settings) })
    }

    /// The longest that one call may take, body included; a call's own deadline can only shorten it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.settings).timeout = timeout;
        self
    }

    /// The greatest size of an answer's body in bytes.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.settings).max_response_bytes = bytes;
        self
    }

    /// A header for every call, such as credentials. Mark secret values as
    /// [sensitive](HeaderValue::set_sensitive).
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        Arc::make_mut(&mut self.settings).headers.insert(name, value);
        self
    }

    /// The name of the service.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Prepares a call; [`Call::send`] sends it.
    pub fn call<E: Endpoint>(&self, endpoint: E) -> Call<'_, S, E> {
        Call::new(&self.service, &self.settings, endpoint)
    }
}

impl<S> fmt::Debug for ServiceClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Base {
    fn parse(url: &str) -> Result<Self, ConfigError> {
        let refuse = |reason: &'static str| ConfigError::new("base_url", reason);
        let uri: Uri = url.parse().map_err(|_| refuse("not a URL"))?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let scheme = scheme.ok_or_else(|| refuse("expected http:// or https:// and a host"))?;
        let authority = uri.authority().ok_or_else(|| refuse("expected a host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("user information does not belong into a URL; use a header"));
        }
        // `Uri` takes any digits for a port, and connects to the scheme's own when they are too many.
        let port = authority.as_str()[authority.host().len()..].strip_prefix(':').unwrap_or_default();
        if !port.is_empty() && port.parse::<NonZeroU16>().is_err() {
            return Err(refuse("expected a port from 1 to 65535"));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(refuse("a base has neither query nor fragment"));
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme: scheme.clone(), authority: authority.clone(), path })
    }

    pub(super) fn join(&self, path: &str) -> Result<Uri, http::Error> {
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = Bytes::from([&self.path, slash, path].concat());
        let mut parts = uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_maybe_shared(path)?);
        Ok(Uri::from_parts(parts)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_keeps_its_prefix() {
        let base = Base::parse("https://host:8443/regtech/").unwrap();
        assert_eq!(base.join("/health?deep=1").unwrap(), "https://host:8443/regtech/health?deep=1");
        assert_eq!(base.join("health").unwrap(), "https://host:8443/regtech/health");
    }

    #[test]
    fn a_base_url_that_cannot_work_is_refused_when_the_client_is_built() {
        for url in
            ["", "localhost:3000", "/path", "ftp://host", "http://u:p@host", "http://h/?q", "http://h/#f"]
        {
            assert!(Base::parse(url).is_err(), "{url}");
        }
        for port in ["0", "65536", "99999", "184467440737095516160"] {
            for host in ["127.0.0.1", "[::1]", "host"] {
                let error = Base::parse(&format!("http://{host}:{port}/x")).unwrap_err();
                assert!(error.to_string().contains("expected a port from 1 to 65535"), "{error}");
            }
        }
        for url in ["http://[::1]", "http://[::1]:1", "http://host:65535/x", "http://host:/x"] {
            assert!(Base::parse(url).is_ok(), "{url}");
        }
    }
}
