//! What a service is told of the client: `Forwarded` (RFC 7239) and its forerunners.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, request};

use super::names::{is_of_proxies, undisguised};
use crate::config::ForwardingField;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const NAME: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The client as this gateway sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Where it is.
    pub(super) peer: Option<IpAddr>,
    /// The field in which it tells of its own clients, where it is a proxy whose word counts.
    pub(super) trusted: Option<ForwardingField>,
    /// What it called the gateway.
    pub(super) host: Option<String>,
    /// Whether it came over TLS.
    pub(super) is_secured: bool,
}

impl Seen {
    fn proto(&self) -> &'static str {
        if self.is_secured { "https" } else { "http" }
    }
}

/// What the request calls the gateway: its `Host`, which the edge has brought into one form.
#[must_use]
pub(super) fn host_of(request: &request::Parts) -> Option<String> {
    match request.headers.get(HOST) {
        Some(host) => host.to_str().ok().map(str::to_owned),
        None => request.uri.authority().map(|authority| authority.as_str().to_owned()),
    }
}

/// Removes what only a trusted proxy may tell, unless it comes from one that tells it there: in other fields it passes on what its
/// clients wrote.
fn remove_untrusted(headers: &mut HeaderMap, trusted: Option<ForwardingField>) {
    let is_told = |name: &str| match trusted {
        Some(ForwardingField::Forwarded) => name == FORWARDED.as_str(),
        Some(ForwardingField::XForwardedFor) => name != FORWARDED.as_str(),
        None => false,
    };
    let is_gone = |name: &&HeaderName| match undisguised(name) {
        Some(name) => is_of_proxies(&name),
        None => is_of_proxies(name.as_str()) && !is_told(name.as_str()),
    };
    let gone: Vec<HeaderName> = headers.keys().filter(is_gone).cloned().collect();
    gone.iter().for_each(|name| drop(headers.remove(name)));
}

/// Removes all that tells of the client.
pub(super) fn remove_all(headers: &mut HeaderMap) {
    remove_untrusted(headers, None);
}

/// Tells of the client, behind what a trusted proxy has told.
pub(super) fn tell(headers: &mut HeaderMap, seen: &Seen) {
    remove_untrusted(headers, seen.trusted);
    if let Some(peer) = seen.peer {
        append(headers, &FOR, &peer.to_string());
    }
    append(headers, &FORWARDED, &element(seen));
    set_unless_told(headers, &PROTO, seen.proto());
    if let Some(host) = &seen.host {
        set_unless_told(headers, &NAME, host);
    }
}

/// One field line, since many read only the first.
fn append(headers: &mut HeaderMap, name: &HeaderName, own: &str) {
    let mut text: Vec<u8> = Vec::new();
    for told in headers.get_all(name) {
        text.extend(told.as_bytes());
        text.extend(b", ");
    }
    text.extend(own.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&text) {
        headers.insert(name, value);
    }
}

fn set_unless_told(headers: &mut HeaderMap, name: &HeaderName, own: &str) {
    if let Ok(value) = HeaderValue::from_str(own) {
        headers.entry(name).or_insert(value);
    }
}

/// RFC 7239 §4; a node of IPv6 is in brackets, and quoted.
fn element(seen: &Seen) -> String {
    let node = match seen.peer {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        None => "unknown".to_owned(),
    };
    let proto = seen.proto();
    let is_quotable = |host: &&String| !host.contains(['"', '\\']);
    match seen.host.as_ref().filter(is_quotable) {
        Some(host) => format!("for={node};host=\"{host}\";proto={proto}"),
        None => format!("for={node};proto={proto}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seen: &Seen, fields: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        tell(&mut headers, seen);
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        let mut told: Vec<_> = headers.iter().map(text).collect();
        told.sort();
        told
    }

    fn seen(peer: &str, trusted: Option<ForwardingField>) -> Seen {
        let host = Some("gate.test:81".to_owned());
        Seen { peer: Some(peer.parse().unwrap()), trusted, host, is_secured: false }
    }

    const FORGED: [(&str, &str); 9] = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-for", "7.7.7.7"),
        ("forwarded", "for=6.6.6.6"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "6.6.6.6"),
        ("x_forwarded_for", "6.6.6.6"),
        ("X_Real_IP", "6.6.6.6"),
    ];

    #[test]
    fn a_client_says_nothing_of_itself() {
        let forged =
            FORGED.map(|(name, value)| (if name == "X_Real_IP" { "x_real_ip" } else { name }, value));
        for fields in [&forged[..], &[]] {
            let told = told(&seen("192.0.2.1", None), fields);
            let expected = [
                ("forwarded", "for=192.0.2.1;host=\"gate.test:81\";proto=http"),
                ("x-forwarded-for", "192.0.2.1"),
                ("x-forwarded-host", "gate.test:81"),
                ("x-forwarded-proto", "http"),
            ];
            assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }

    #[test]
    fn a_trusted_proxy_is_believed_in_its_field_and_added_itself() {
        let fields = [
            ("x-forwarded-for", "198.51.100.7"),
            ("forwarded", "for=198.51.100.7;proto=https"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "public.test"),
            ("x_forwarded_for", "6.6.6.6"),
        ];
        let own = "for=\"[2001:db8::1]\";host=\"gate.test:81\";proto=http";
        let both = format!("for=198.51.100.7;proto=https, {own}");
        for (trusted, expected) in [
            (ForwardingField::XForwardedFor, [own, "198.51.100.7, 2001:db8::1", "public.test", "https"]),
            (ForwardingField::Forwarded, [&both, "2001:db8::1", "gate.test:81", "http"]),
        ] {
            let told = told(&seen("2001:db8::1", Some(trusted)), &fields);
            let names = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
            let expected = names.into_iter().zip(expected);
            let expected: Vec<_> =
                expected.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn over_tls_the_protocol_is_https() {
        let seen = Seen { is_secured: true, ..seen("192.0.2.1", None) };
        let told = told(&seen, &FORGED[..8]);
        let said = |name: &str| told.iter().find(|(told, _)| told == name).map(|(_, value)| value.as_str());
        assert_eq!(said("x-forwarded-proto"), Some("https"));
        assert_eq!(said("forwarded"), Some("for=192.0.2.1;host=\"gate.test:81\";proto=https"));
    }
}
