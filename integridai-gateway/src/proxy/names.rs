//! Which fields mean what to a proxy.

use http::HeaderName;

/// Of one connection (RFC 9110 §7.6.1).
pub(super) const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whose pages may read answers, which is the gateway's to say (`[cors]`): pages come to it, and not to the service.
pub(super) const OF_ORIGINS: [&str; 7] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
];

/// The gateway's own credentials, and what would have a service take another method or path than was checked here.
pub(super) const NEVER_PASSED: [&str; 8] = [
    "authorization",
    "x-api-key",
    "http2-settings",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// What says where a request comes from and what it was for, of which only a trusted proxy may tell.
const OF_PROXIES: [&str; 12] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-remote-addr",
    "x-host",
];

/// For all recipients, so that `Connection` may not name them: who asks, what for, how the content ends and what becomes of it.
const FOR_ALL: [&str; 29] = [
    "accept",
    "accept-encoding",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "host",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "set-cookie",
    "traceparent",
    "tracestate",
    "x-correlation-id",
];

const X_FORWARDED: &str = "x-forwarded-";

/// Whether only a trusted proxy may send the field.
pub(super) fn is_of_proxies(name: &str) -> bool {
    OF_PROXIES.contains(&name) || name.starts_with(X_FORWARDED)
}

/// Whether the field reaches nobody behind the gateway, whoever sends it.
pub(super) fn is_never_passed(name: &str) -> bool {
    NEVER_PASSED.contains(&name)
}

/// Whether a client that has the field removed would have said something else than it did.
pub(super) fn is_protected(name: &str) -> bool {
    FOR_ALL.contains(&name)
        || ["authorization", "proxy-authorization", "via", "x-api-key"].contains(&name)
        || is_of_proxies(name)
}

/// As servers in the manner of CGI take the name: with `-` for `_`. `None` where there is no `_`.
pub(super) fn undisguised(name: &HeaderName) -> Option<String> {
    name.as_str().contains('_').then(|| name.as_str().replace('_', "-"))
}
