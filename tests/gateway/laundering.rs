//! What a client says of itself, field by field, and what a service behind a route is told.

use http::request;

use crate::proxy::{free, over};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, field};
use crate::support::raw::Raw;

/// What becomes of a field that a client sends.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The service sees nothing of it.
    Gone,
    /// The service sees it as it was sent.
    Passed,
    /// The service sees what the gateway says there.
    Replaced,
    /// Nobody sees the request.
    Refused,
}

use Fate::{Gone, Passed, Refused, Replaced};

const FORGED: &str = "forged-1";

/// Who asks.
const IDENTITY: [(&str, Fate); 30] = [
    ("x-user-id", Replaced),
    ("X-User-Id", Replaced),
    ("x_user_id", Gone),
    ("X-User_ID", Gone),
    ("x.user.id", Gone),
    ("authorization", Gone),
    ("x-api-key", Gone),
    ("X_Api_Key", Gone),
    ("proxy-authorization", Gone),
    ("x-authenticated-user", Gone),
    ("x-authenticated-userid", Gone),
    ("X_Authenticated_Groups", Gone),
    ("x-auth-request-user", Gone),
    ("x-auth-request-email", Gone),
    ("remote-user", Gone),
    ("x-remote-user", Gone),
    ("x-remote-group", Gone),
    ("x-webauth-user", Gone),
    ("x-consumer-username", Gone),
    ("x-credential-identifier", Gone),
    ("x-jwt-assertion", Gone),
    ("x-goog-authenticated-user-email", Gone),
    ("x-goog-iap-jwt-assertion", Gone),
    ("x-amzn-oidc-identity", Gone),
    ("x-ms-client-principal", Gone),
    ("cf-access-jwt-assertion", Gone),
    ("client-cert", Gone),
    ("client-cert-chain", Gone),
    ("x-ssl-client-dn", Gone),
    ("ssl-client-verify", Gone),
];

/// Which request it is, and what else the gateway says of it by itself.
const CORRELATION: [(&str, Fate); 18] = [
    ("x-request-id", Gone),
    ("X-Request-ID", Gone),
    ("x_request_id", Gone),
    ("request-id", Gone),
    ("x-trace-id", Gone),
    ("x-b3-traceid", Gone),
    ("x-b3-sampled", Gone),
    ("b3", Gone),
    ("uber-trace-id", Gone),
    ("x-amzn-trace-id", Gone),
    ("x-cloud-trace-context", Gone),
    ("x-datadog-trace-id", Gone),
    ("grpc-trace-bin", Gone),
    ("baggage", Gone),
    ("x_correlation_id", Gone),
    ("traceparent", Replaced),
    ("x-request-deadline", Replaced),
    ("x-envoy-attempt-count", Replaced),
];

/// Where it comes from, and what for.
const FORWARDED: [(&str, Fate); 28] = [
    ("forwarded", Replaced),
    ("x-forwarded-for", Replaced),
    ("x-forwarded-host", Replaced),
    ("x-forwarded-proto", Replaced),
    ("x-forwarded-port", Gone),
    ("x-forwarded-prefix", Gone),
    ("x-forwarded-server", Gone),
    ("x-forwarded-user", Gone),
    ("x-forwarded-client-cert", Gone),
    ("x-forwarded-uri", Gone),
    ("X_Forwarded_For", Gone),
    ("x-forwarded_for", Gone),
    ("x-real-ip", Gone),
    ("X_REAL_IP", Gone),
    ("x-client-ip", Gone),
    ("x-cluster-client-ip", Gone),
    ("true-client-ip", Gone),
    ("cf-connecting-ip", Gone),
    ("fastly-client-ip", Gone),
    ("x-envoy-external-address", Gone),
    ("x-envoy-original-path", Gone),
    ("x-envoy-max-retries", Gone),
    ("x-original-url", Gone),
    ("x-original-uri", Gone),
    ("x-rewrite-url", Gone),
    ("x-http-method-override", Gone),
    ("x-original-host", Gone),
    ("proxy", Gone),
];

/// Of the connection, and for everybody.
const OTHERS: [(&str, Fate); 18] = [
    ("keep-alive", Gone),
    ("proxy-connection", Gone),
    ("proxy-authenticate", Gone),
    ("http2-settings", Gone),
    ("te", Gone),
    ("upgrade", Gone),
    ("transfer_encoding", Gone),
    ("content_length", Gone),
    ("Content_Type", Gone),
    ("idempotency_key", Gone),
    ("accept-language", Passed),
    ("user-agent", Passed),
    ("cookie", Passed),
    ("referer", Passed),
    ("idempotency-key", Passed),
    ("if-none-match", Passed),
    ("x-own-field", Passed),
    ("x_own_field", Passed),
];

/// Named in `Connection`, to have it removed on the way.
const NAMED: [(&str, Fate); 8] = [
    ("x-user-id", Refused),
    ("x_user_id", Refused),
    ("x-correlation-id", Refused),
    ("traceparent", Refused),
    ("x-forwarded-for", Refused),
    ("authorization", Refused),
    ("content-length", Refused),
    ("x-own-field", Gone),
];

async fn status(gateway: &Gateway, fields: &str) -> String {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!("GET /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n\r\n")).await;
    raw.head().await[9..12].to_owned()
}

fn all(head: &request::Parts) -> String {
    format!("{:?}", head.headers)
}

/// What is wrong with what became of the field, if anything.
async fn fault(
    gateway: &Gateway,
    origin: &Origin,
    fields: &str,
    (name, fate): (&str, Fate),
) -> Option<String> {
    let before = origin.heads().len();
    let status = status(gateway, fields).await;
    if matches!(fate, Refused) {
        let is_refused = status == "400" && origin.heads().len() == before;
        return (!is_refused).then(|| format!("{fields}: {status}"));
    }
    if status != "200" {
        return Some(format!("{fields}: {status}"));
    }
    let head = origin.last();
    let (seen, is_clean) = (field(&head, name), !all(&head).contains(FORGED));
    let is_right = match fate {
        Passed => seen.starts_with(FORGED),
        Replaced => !seen.is_empty() && is_clean,
        Gone | Refused => seen.is_empty() && is_clean,
    };
    (!is_right).then(|| format!("{fields}: {:?}", head.headers))
}

#[tokio::test]
async fn what_a_client_says_of_itself_reaches_no_service() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[("PROXY__IDENTITY", r#"{x-user-id = "subject"}"#)]).await;
    let mut faults = Vec::new();
    for row in [&IDENTITY[..], &CORRELATION, &FORWARDED, &OTHERS].concat() {
        let once = format!("{}: {FORGED}", row.0);
        faults.extend(fault(&gateway, &origin, &once, row).await);
        faults.extend(fault(&gateway, &origin, &format!("{once}\r\n{once}-again"), row).await);
    }
    for row in NAMED {
        let named = format!("connection: close, {0}\r\n{0}: {FORGED}", row.0);
        faults.extend(fault(&gateway, &origin, &named, row).await);
    }
    assert_eq!(faults, Vec::<String>::new());
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_allowed_by_name_is_passed_on_and_nothing_else_is() {
    let origin = Origin::named("regtech").await;
    let allowed = ("PROXY__ALLOWED_FIELDS", r#"["x-request-id", "x-remote-user"]"#);
    let gateway = over(&origin, &[allowed]).await;
    for row in [
        ("x-request-id", Passed),
        ("X-Remote-User", Passed),
        ("x_remote_user", Gone),
        ("x-remote-group", Gone),
        ("x-api-key", Gone),
    ] {
        assert_eq!(fault(&gateway, &origin, &format!("{}: {FORGED}", row.0), row).await, None);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn who_asks_is_told_by_the_gateway_alone() {
    let origin = Origin::named("regtech").await;
    let identity = ("PROXY__IDENTITY", r#"{x-authenticated-user = "subject"}"#);
    let guarded = Guarded::with(&[(crate::proxy::REGTECH, &origin.url), identity]).await;
    let client = free(&guarded.gateway);
    let request = client.request(http::Method::GET, "/api/v1/regtech/a").bearer_auth(token("proxy:regtech"));
    let request = request.header("x-authenticated-user", FORGED).header("x_authenticated_user", FORGED);
    assert_eq!(client.send(request).await.status, 200);
    let head = origin.last();
    assert_eq!(field(&head, "x-authenticated-user"), "ann");
    assert!(!all(&head).contains(FORGED), "{head:?}");
    guarded.gateway.stop().await;
}
