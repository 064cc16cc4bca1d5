//! What belongs to one connection goes no further (RFC 9110 §7.6.1).

use http::header::{CONNECTION, TE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::names::{HOP_BY_HOP, OF_ORIGINS, is_protected};

/// What a request asks for its connection, as far as it matters further on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Other protocols for this connection, in lower case; one that a server may ignore is not among them.
    pub(super) protocols: Vec<String>,
}

/// Why the request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HopsRefused {
    /// `Connection` has what is no field's name.
    #[error("Connection does not list names of fields")]
    NoName,
    /// `Connection` would have a field removed that is for all recipients.
    #[error("Connection names a field that is not of one connection")]
    Protected,
}

/// Takes off what is of the client's connection. That it takes trailers is said anew to the service.
///
/// # Errors
///
/// [`HopsRefused`], where taking off what `Connection` names would change what the request says. `is_own` tells of further
/// fields for which this holds.
pub(super) fn take_off(headers: &mut HeaderMap, is_own: impl Fn(&str) -> bool) -> Result<Asked, HopsRefused> {
    let named = named(headers)?;
    if named.iter().any(|name| is_protected(&name.as_str().replace('_', "-")) || is_own(name.as_str())) {
        return Err(HopsRefused::Protected);
    }
    let takes_trailers = has_member(headers, &TE, "trailers");
    let protocols = if named.contains(&UPGRADE) { other_than_h2c(headers) } else { Vec::new() };
    named.iter().for_each(|name| drop(headers.remove(name)));
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(*name)));
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    Ok(Asked { protocols })
}

/// Takes off what is of the service's connection, and its word on whose pages may read the answer.
pub(super) fn take_off_answer(headers: &mut HeaderMap) {
    for name in named(headers).unwrap_or_default() {
        if !is_protected(name.as_str()) {
            headers.remove(name);
        }
    }
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(*name)));
    OF_ORIGINS.iter().for_each(|name| drop(headers.remove(*name)));
}

fn named(headers: &HeaderMap) -> Result<Vec<HeaderName>, HopsRefused> {
    let values = headers.get_all(CONNECTION).iter();
    let options = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options
        .map(<[u8]>::trim_ascii)
        .filter(|option| !option.is_empty())
        .map(|option| HeaderName::from_bytes(option).map_err(|_| HopsRefused::NoName))
        .collect()
}

fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let values = headers.get_all(name).into_iter();
    values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn has_member(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    members(headers, name).any(|member| {
        let token = member.split(|byte| *byte == b';').next().unwrap_or_default();
        token.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes())
    })
}

/// `h2c` is an offer that HTTP/1.1 goes on without (RFC 9113 §3.1).
fn other_than_h2c(headers: &HeaderMap) -> Vec<String> {
    let names = members(headers, &UPGRADE).map(|member| String::from_utf8_lossy(member).to_ascii_lowercase());
    names.filter(|name| !name.is_empty() && name != "h2c").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn what_is_of_one_connection_is_taken_off() {
        for (fields, left) in [
            (&[("connection", "close")][..], &[][..]),
            (&[("connection", "x-a, X-B"), ("x-a", "1"), ("x-b", "2"), ("x-c", "3")], &["x-c"]),
            (&[("connection", "x-a"), ("connection", ",x-b,"), ("x-a", "1"), ("x-b", "2")], &[]),
            (&[("keep-alive", "timeout=5"), ("proxy-connection", "close"), ("accept", "a")], &["accept"]),
            (&[("te", "gzip"), ("transfer-encoding", "chunked"), ("upgrade", "x")], &[]),
            (&[("te", "gzip, Trailers;q=1")], &["connection", "te"]),
            (&[("connection", "te"), ("te", "trailers"), ("te", "deflate")], &["connection", "te"]),
            (&[("proxy-authorization", "Basic x"), ("proxy-authenticate", "y")], &[]),
        ] {
            let mut headers = headers(fields);
            assert_eq!(take_off(&mut headers, |_| false), Ok(Asked::default()), "{fields:?}");
            let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, left, "{fields:?}");
        }
    }

    #[test]
    fn connection_takes_nothing_away_that_is_for_all() {
        for name in [
            "host",
            "Authorization",
            "x-api-key",
            "cookie",
            "content-length",
            "forwarded",
            "x-forwarded-for",
            "X-Forwarded-Anything",
            "x_forwarded_for",
            "via",
            "x-real-ip",
            "cache-control",
            "x-user-id",
            "expect",
            "x-correlation-id",
            "idempotency-key",
            "proxy-authorization",
        ] {
            let mut headers = headers(&[("connection", name), ("connection", "close")]);
            let refused = take_off(&mut headers, |name| name == "x-user-id");
            assert_eq!(refused, Err(HopsRefused::Protected), "{name}");
        }
        let refused = take_off(&mut headers(&[("connection", "a b")]), |_| false);
        assert_eq!(refused, Err(HopsRefused::NoName));
    }

    #[test]
    fn another_protocol_is_asked_for_by_both_fields_together() {
        for (connection, upgrade, expected) in [
            ("upgrade", "websocket", &["websocket"][..]),
            ("keep-alive, Upgrade", "h2c, WebSocket,foo/2", &["websocket", "foo/2"]),
            ("close", "websocket", &[]),
            ("upgrade, http2-settings", "h2c", &[]),
            ("upgrade", "", &[]),
        ] {
            let mut headers = headers(&[("connection", connection), ("upgrade", upgrade)]);
            let asked = take_off(&mut headers, |_| false).unwrap();
            assert_eq!(
                (asked.protocols, headers.len()),
                (expected.iter().map(|name| (*name).to_owned()).collect(), 0),
                "{connection} {upgrade}"
            );
        }
    }
}
