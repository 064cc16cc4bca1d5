//! Which fields reach a service, and which come back.

use axum::body::Body;
use axum::response::Response;
use http::{Method, request};

use crate::proxy::{REGTECH, free, over};
use crate::support::client::Client;
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, field};
use crate::support::raw::Raw;

const PATH: &str = "/api/v1/regtech/a";

/// The status of an answer to exactly these fields.
async fn status(gateway: &Gateway, fields: &str) -> u16 {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!("GET {PATH} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n\r\n")).await;
    let head = raw.head().await;
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

/// What the service was sent beside what every request has.
fn told(head: &request::Parts) -> Vec<String> {
    let always = [
        "forwarded",
        "host",
        "traceparent",
        "via",
        "x-correlation-id",
        "x-envoy-attempt-count",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-deadline",
    ];
    let names = head.headers.keys().map(http::HeaderName::as_str).filter(|name| !always.contains(name));
    let mut told: Vec<String> = names.map(|name| format!("{name}: {}", field(head, name))).collect();
    told.sort();
    told
}

#[tokio::test]
async fn what_is_of_one_connection_goes_no_further() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    for (fields, expected) in [
        ("accept: a", &["accept: a"][..]),
        ("connection: close", &[]),
        ("connection: keep-alive\r\nkeep-alive: timeout=5", &[]),
        ("connection: x-a, X-B\r\nx-a: 1\r\nx-b: 2\r\nx-c: 3", &["x-c: 3"]),
        ("connection: x-a\r\nconnection: x-b\r\nx-a: 1\r\nX-B: 2", &[]),
        ("proxy-connection: keep-alive", &[]),
        ("te: gzip", &[]),
        ("te: gzip, trailers", &["connection: te", "te: trailers"]),
        ("upgrade: x", &[]),
        ("proxy-authorization: Basic eA==", &[]),
        ("authorization: Basic eA==\r\nx-api-key: k", &[]),
        ("x_api_key: k\r\nAUTHORIZATION: Basic eA==\r\nhttp2-settings: AA", &[]),
        ("x-http-method-override: DELETE\r\nX-Method-Override: DELETE\r\nx-http-method: DELETE", &[]),
        ("x-original-url: /b\r\nx-rewrite-url: /b\r\nx_original_url: /b", &[]),
        ("cookie: a=b\r\ncookie: c=d", &["cookie: a=b; c=d"]),
        ("expect: 100-continue", &["expect: 100-continue"]),
        ("if-none-match: \"a\"\r\nrange: bytes=0-1", &["if-none-match: \"a\"", "range: bytes=0-1"]),
        ("content-length: 0", &["content-length: 0"]),
        ("x-own: 1\r\nx-own: 2\r\nX_Other: 3", &["x-own: 1 | 2", "x_other: 3"]),
    ] {
        assert_eq!(status(&gateway, fields).await, 200, "{fields}");
        assert_eq!(told(&origin.last()), expected, "{fields}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn connection_takes_nothing_away_that_is_for_all() {
    let origin = Origin::named("regtech").await;
    let identity = ("PROXY__IDENTITY", r#"{x-user-id = "subject"}"#);
    let gateway = over(&origin, &[identity]).await;
    for name in [
        "host",
        "Host",
        "authorization",
        "x-api-key",
        "cookie",
        "forwarded",
        "X-Forwarded-For",
        "x-forwarded-proto",
        "x_forwarded_for",
        "x-real-ip",
        "via",
        "content-length",
        "content-type",
        "cache-control",
        "x-user-id",
        "x_user_id",
        "x-correlation-id",
        "traceparent",
        "expect",
        "range",
        "idempotency-key",
        "no name",
        "x(y)",
    ] {
        for fields in [format!("connection: {name}"), format!("connection: close, {name}\r\n{name}: 1")] {
            if name.contains([' ', '(']) && fields.contains('\n') {
                continue;
            }
            // An expectation that is none is refused before that.
            let expected = if fields.contains("\nexpect") { 417 } else { 400 };
            assert_eq!(status(&gateway, &fields).await, expected, "{fields}");
        }
    }
    assert!(origin.heads().is_empty());
    gateway.stop().await;
}

const FORGED: &str = "x-forwarded-for: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nforwarded: for=6.6.6.6;proto=https\r\n\
    x-forwarded-proto: https\r\nx-forwarded-host: evil.test\r\nx-forwarded-port: 1\r\nx-forwarded-prefix: /e\r\n\
    x-forwarded-server: e\r\nx-real-ip: 6.6.6.6\r\nx-client-ip: 6.6.6.6\r\ntrue-client-ip: 6.6.6.6\r\n\
    x_forwarded_for: 6.6.6.6\r\nx_real_ip: 6.6.6.6\r\nx-original-host: evil.test\r\nx-host: evil.test\r\n\
    x-cluster-client-ip: 6.6.6.6\r\ncf-connecting-ip: 6.6.6.6\r\nx-forwarded-user: root";

#[tokio::test]
async fn a_client_forges_nothing_of_where_it_is() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    for fields in [FORGED, "accept: a"] {
        assert_eq!(status(&gateway, fields).await, 200);
        let head = origin.last();
        assert_eq!(field(&head, "x-forwarded-for"), "127.0.0.1");
        assert_eq!(field(&head, "forwarded"), "for=127.0.0.1;host=\"localhost\";proto=http");
        assert_eq!(field(&head, "x-forwarded-proto"), "http");
        assert_eq!(field(&head, "x-forwarded-host"), "localhost");
        let text = format!("{:?}", head.headers);
        assert!(!text.contains("6.6.6.6") && !text.contains("evil") && !text.contains("root"), "{text}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_in_the_field_in_which_it_tells() {
    let own = "for=127.0.0.1;host=\"localhost\";proto=http";
    let both = format!("for=6.6.6.6;proto=https, {own}");
    for (forwarding, expected) in [
        ("x-forwarded-for", [own, "6.6.6.6, 7.7.7.7, 127.0.0.1", "https", "evil.test", "6.6.6.6"]),
        ("forwarded", [&both, "127.0.0.1", "http", "localhost", ""]),
    ] {
        let origin = Origin::named("regtech").await;
        let trusted = ("RATE_LIMITS__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
        let gateway = over(&origin, &[trusted, ("RATE_LIMITS__FORWARDING", forwarding)]).await;
        assert_eq!(status(&gateway, FORGED).await, 200);
        let head = origin.last();
        let names = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"];
        assert_eq!(names.map(|name| field(&head, name)), expected, "{forwarding}");
        assert_eq!(
            (field(&head, "x_forwarded_for"), field(&head, "x_real_ip")),
            (String::new(), String::new())
        );
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_service_is_told_who_asks_and_nobody_else_says_so() {
    let origin = Origin::named("regtech").await;
    let identity =
        ("PROXY__IDENTITY", r#"{x-user-id = "subject", x-user-scopes = "scopes", x-tenant = "tenant"}"#);
    let guarded = Guarded::with(&[(REGTECH, &origin.url), identity]).await;
    let client = free(&guarded.gateway);
    let request = client.request(Method::POST, PATH).bearer_auth(token("proxy:regtech events:read"));
    let forged = ["x-user-id", "X_User_Id", "x-user_id", "x-tenant", "x-user-scopes"];
    let request = forged.into_iter().fold(request, |request, name| request.header(name, "root"));
    assert_eq!(client.send(request.body("a")).await.status, 200);
    let head = origin.last();
    assert_eq!(field(&head, "x-user-id"), "ann");
    assert_eq!(field(&head, "x-user-scopes"), "events:read proxy:regtech");
    for name in ["x_user_id", "x-user_id", "x-tenant", "authorization"] {
        assert_eq!(field(&head, name), "", "{name}");
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn the_request_is_the_same_one_to_the_service() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    let client = free(&gateway);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = client.request(Method::GET, PATH).header("x-correlation-id", "one-and-the-same");
    let answer = client.send(request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))).await;
    assert_eq!(answer.header("x-correlation-id"), "one-and-the-same");
    let head = origin.last();
    assert_eq!(field(&head, "x-correlation-id"), "one-and-the-same");
    assert!(field(&head, "traceparent").starts_with(&format!("00-{trace}-")), "{head:?}");
    // One that cannot be is replaced, for the service as for the client.
    let request = client.request(Method::GET, PATH).header("x-correlation-id", "two words");
    let answer = client.send(request).await;
    assert_eq!(field(&origin.last(), "x-correlation-id"), answer.header("x-correlation-id"));
    assert_ne!(answer.header("x-correlation-id"), "two words");
    gateway.stop().await;
}

#[tokio::test]
async fn what_comes_over_http_2_goes_on_over_http_1() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    let client = Client::http2(gateway.address());
    let request =
        client.request(Method::POST, "/api/v1/regtech/a/b").header("cookie", "a=b").header("cookie", "c=d");
    let answer = client.send(request.body("content")).await;
    assert_eq!((answer.status, answer.text()), (200, "regtech"));
    let head = origin.last();
    assert_eq!((head.version, head.uri.to_string()), (http::Version::HTTP_11, "/a/b".to_owned()));
    assert_eq!(
        (field(&head, "cookie"), field(&head, "via")),
        ("a=b; c=d".into(), "2 integridai-gateway".into())
    );
    assert_eq!(field(&head, "x-forwarded-host"), gateway.address().to_string());
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_leaves_behind_what_was_of_the_services_connection() {
    let origin = Origin::start(async |_| {
        let fields = [
            ("connection", "x-secret, close"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("via", "1.0 inner"),
            ("set-cookie", "a=b"),
            ("server", "own"),
        ];
        let response = fields
            .into_iter()
            .fold(Response::builder(), |response, (name, value)| response.header(name, value));
        response.body(Body::from("a")).expect("a response")
    })
    .await;
    let gateway = over(&origin, &[]).await;
    let answer = free(&gateway).get(PATH).await;
    let gone = ["connection", "x-secret", "keep-alive", "proxy-authenticate"];
    for name in gone.into_iter().chain(["access-control-allow-origin", "access-control-allow-credentials"]) {
        assert_eq!(answer.header(name), "", "{answer:?}");
    }
    let via: Vec<_> = answer.headers.get_all("via").iter().collect();
    assert_eq!(via, ["1.0 inner", "1.1 integridai-gateway"]);
    assert_eq!((answer.header("set-cookie"), answer.header("server")), ("a=b", "own"));
    // What depends on a caller's credentials is for no cache on the way, unless the service says otherwise.
    assert_eq!(answer.header("cache-control"), "no-store");
    gateway.stop().await;
}
