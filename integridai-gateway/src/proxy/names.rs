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
const NEVER_PASSED: [&str; 12] = [
    "authorization",
    "x-api-key",
    "http2-settings",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
    // Becomes HTTP_PROXY where servers run programs in the manner of CGI.
    "proxy",
    "x-middleware-subrequest",
];

/// By which proxies in front of services tell who asks, and which request it is: those behind the gateway would believe a client.
const OF_THE_INSIDE: [&str; 26] = [
    "b3",
    "baggage",
    "cf-access-authenticated-user-email",
    "cf-access-jwt-assertion",
    "client-cert",
    "client-cert-chain",
    "correlation-id",
    "grpc-trace-bin",
    "remote-user",
    "request-id",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-client-cert",
    "x-cloud-trace-context",
    "x-correlationid",
    "x-goog-iap-jwt-assertion",
    "x-request-deadline",
    "x-request-id",
    "x-trace-id",
    "x-user",
    "x-user-email",
    "x-user-groups",
    "x-user-id",
    "x-user-name",
    "x-user-roles",
    "x-username",
];

/// The same, by how they begin.
const BEGIN_OF_THE_INSIDE: [&str; 18] = [
    "ssl-client-",
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-authenticated-",
    "x-b3-",
    "x-consumer-",
    "x-credential-",
    "x-datadog-",
    "x-envoy-",
    "x-goog-authenticated-user-",
    "x-jwt-",
    "x-ms-client-principal",
    "x-ot-",
    "x-remote-",
    "x-ssl-client-",
    "x-userinfo",
    "x-vouch-",
    "x-webauth-",
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

/// Whether the field is of one connection.
pub(super) fn is_of_one_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}

/// Whether only a trusted proxy may send the field.
pub(super) fn is_of_proxies(name: &str) -> bool {
    OF_PROXIES.contains(&name) || name.starts_with(X_FORWARDED)
}

/// Whether the field reaches nobody behind the gateway, whoever sends it.
pub(super) fn is_never_passed(name: &str) -> bool {
    NEVER_PASSED.contains(&name)
}

/// Whether the field reaches nobody behind the gateway unless it is allowed by name.
pub(super) fn is_of_the_inside(name: &str) -> bool {
    OF_THE_INSIDE.contains(&name) || BEGIN_OF_THE_INSIDE.iter().any(|begin| name.starts_with(begin))
}

/// Whether a client that has the field removed would have said something else than it did.
pub(super) fn is_protected(name: &str) -> bool {
    FOR_ALL.contains(&name)
        || ["authorization", "proxy-authorization", "via", "x-api-key"].contains(&name)
        || is_of_proxies(name)
}

/// As servers in the manner of CGI take the name: with `-` for `_` and whatever else is neither letter nor digit. `None` where it is
/// the same.
pub(super) fn undisguised(name: &HeaderName) -> Option<String> {
    let is_disguise = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
    name.as_str().contains(is_disguise).then(|| name.as_str().replace(is_disguise, "-"))
}
