//! What a request has to be before anything else is asked of it. What can only be seen in its bytes is seen by the server.

use http::header::{EXPECT, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Version, request};

use super::host::Hosts;
use crate::config::ServerConfig;
use crate::respond::Problem;

/// The rules.
#[derive(Debug, Clone)]
pub(super) struct Hygiene {
    hosts: Hosts,
    max_uri_bytes: usize,
}

impl Hygiene {
    pub(super) fn new(server: &ServerConfig) -> Self {
        Self { hosts: Hosts::new(server), max_uri_bytes: server.max_uri_bytes.get() }
    }

    /// Lets the request in, with its `Host` in one form.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub(super) fn admit(&self, request: &mut request::Parts) -> Result<(), Problem> {
        check_coding(&request.headers)?;
        check_target(request)?;
        self.check_length(request)?;
        check_expectation(&request.headers)?;
        self.hosts.admit(request)
    }

    fn check_length(&self, request: &request::Parts) -> Result<(), Problem> {
        let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.max_uri_bytes {
            return Err(Problem::new(StatusCode::URI_TOO_LONG, "the path and the query are too long"));
        }
        Ok(())
    }
}

/// Whether the connection is to end with the refusal: where the next request begins is as doubtful as this one was.
pub(super) fn ends_connection(version: Version) -> bool {
    version < Version::HTTP_2
}

/// hyper undoes `chunked`, and lets through what is below it (RFC 9112 §6.1).
fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.all(is_chunked) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "no transfer coding but chunked is understood"))
}

/// The forms of RFC 9112 §3.2, each for the methods that have it.
fn check_target(request: &request::Parts) -> Result<(), Problem> {
    let uri = &request.uri;
    let is_extended = request.extensions.get::<hyper::ext::Protocol>().is_some();
    if request.method == Method::CONNECT && uri.path().is_empty() && !is_extended {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "there are no tunnels here"));
    }
    let is_absent = uri.path().is_empty() && uri.scheme().is_none();
    let is_asterisk = uri.path() == "*" && request.method != Method::OPTIONS;
    let is_other = uri.scheme_str().is_some_and(|scheme| !["http", "https"].contains(&scheme));
    if is_absent || is_asterisk || is_other {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the target is in none of the forms of this method",
        ));
    }
    Ok(())
}

/// RFC 9110 §10.1.1.
fn check_expectation(headers: &HeaderMap) -> Result<(), Problem> {
    let is_known = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(EXPECT).iter().all(is_known) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::EXPECTATION_FAILED, "no expectation but 100-continue is met"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn status(method: &str, uri: &str, fields: &[(&str, &str)]) -> Option<u16> {
        let server = serde_json::from_str(r#"{"max_uri_bytes": 20}"#).unwrap();
        let mut request = Request::builder().method(method).uri(uri).header("host", "localhost");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        Hygiene::new(&server).admit(&mut parts).err().map(|problem| problem.status().as_u16())
    }

    #[test]
    fn a_target_has_the_form_that_its_method_takes() {
        for (method, uri, expected) in [
            ("GET", "/", None),
            ("OPTIONS", "*", None),
            ("GET", "http://localhost/a", None),
            ("GET", "http://localhost", None),
            ("GET", "*", Some(400)),
            ("GET", "localhost:80", Some(400)),
            ("GET", "ftp://localhost/", Some(400)),
            ("CONNECT", "localhost:80", Some(501)),
            ("GET", "/aaaaaaaaaaaaaaaaaaa", None),
            ("GET", "/aaaaaaaaa?aaaaaaaaaa", Some(414)),
        ] {
            assert_eq!(status(method, uri, &[]), expected, "{method} {uri}");
        }
    }

    #[test]
    fn codings_and_expectations_are_those_that_are_known() {
        for (name, value, expected) in [
            ("transfer-encoding", "chunked", None),
            ("transfer-encoding", "Chunked", None),
            ("transfer-encoding", "gzip, chunked", Some(501)),
            ("transfer-encoding", "chunked, chunked", Some(501)),
            ("expect", "100-Continue", None),
            ("expect", "200-ok", Some(417)),
            ("expect", "100-continue, x", Some(417)),
        ] {
            assert_eq!(status("POST", "/", &[(name, value)]), expected, "{name}: {value}");
        }
        assert_eq!(status("POST", "/", &[("expect", "100-continue"), ("expect", "x")]), Some(417));
    }
}
