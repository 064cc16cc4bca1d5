//! Who may do what: every route asks for what its document says, and nothing is told to whoever may not.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED, Client, EXECUTE};
use crate::support::credentials::{Guarded, claims, now, signed, token};
use crate::support::document::operations;
use crate::support::requests::{ANALYZE, analysis};
use crate::support::stream::STREAM;

async fn call(client: &Client, method: &str, path: &str, credentials: Option<(&str, String)>) -> Answer {
    let method: Method = method.parse().expect("a method");
    let mut request = client.request(method, path);
    if let Some((field, value)) = credentials {
        request = request.header(field, value);
    }
    client.send(request).await
}

fn bearer(token: &str) -> Option<(&'static str, String)> {
    Some(("authorization", format!("Bearer {token}")))
}

/// What needs no scope.
const OPEN: [&str; 4] = ["/api/openapi.json", "/api/v1/health", "/livez", "/readyz"];

/// The scope that the document says an operation needs.
fn scope(operation: &Value) -> Option<&str> {
    operation["security"][0]["token"][0].as_str()
}

fn refused_with(answer: &Answer, status: u16, challenge: &str) {
    answer.problem(status);
    assert!(answer.header("www-authenticate").contains(challenge), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn every_route_asks_for_the_scope_that_its_document_names() {
    let guarded = Guarded::start().await;
    asks_for_scopes(&guarded.gateway.client).await;
    asks_for_scopes(&Client::http2(guarded.gateway.address())).await;
    guarded.gateway.stop().await;
}

async fn asks_for_scopes(client: &Client) {
    let mut open = Vec::new();
    for (path, method, operation) in operations() {
        let path = path.replace("{id}", "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e");
        // An answer without an end, once it is asked for as it should be.
        let path = if path == STREAM { format!("{path}?cursor=x") } else { path };
        let answer = call(client, &method, &path, None).await;
        let Some(scope) = scope(operation) else {
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            open.push(path);
            continue;
        };
        refused_with(&answer, 401, r#"Bearer realm="integridai""#);
        assert!(!answer.header("www-authenticate").contains("error"), "nothing was presented: {answer:?}");
        let answer = call(client, &method, &path, bearer(&token("other:scope metrics"))).await;
        refused_with(
            &answer,
            403,
            &format!(
                r#"error="insufficient_scope", error_description="The credentials do not suffice for this.", scope="{scope}"#
            ),
        );
        for enough in [scope, "admin", &format!("a {scope} z")] {
            let answer = call(client, &method, &path, bearer(&token(enough))).await;
            assert!(![401, 403].contains(&answer.status), "{enough}: {answer:?}");
            let kept = answer.header("cache-control");
            assert!(
                kept == "no-store" || kept.starts_with("private, "),
                "{path} in a shared cache: {answer:?}"
            );
        }
    }
    assert_eq!(open, OPEN, "a route without a scope");
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_with_the_same_words_whatever_is_wrong() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let with = |member: &str, value: Value| {
        let mut claims = claims("metrics:read");
        claims[member] = value;
        signed(&claims)
    };
    let good = token("metrics:read");
    let (head, _) = good.rsplit_once('.').expect("three parts");
    let wrong = [
        with("exp", json!(now().as_secs() - 120)),
        with("nbf", json!(now().as_secs() + 120)),
        with("aud", json!("another")),
        with("iss", json!("https://evil.test")),
        format!("{head}."),
        format!("{head}.AAAA"),
        "x".to_owned(),
    ];
    for token in &wrong {
        let answer = call(client, "GET", CONSOLIDATED, bearer(token)).await;
        refused_with(
            &answer,
            401,
            r#"error="invalid_token", error_description="The credentials are not valid.""#,
        );
        assert_eq!(answer.json()["detail"], "The credentials are not valid.");
    }
    assert_eq!(call(client, "GET", CONSOLIDATED, bearer(&good)).await.status, 200);
    // Also where nobody is asked: what is presented has to be right.
    call(client, "GET", "/api/v1/health", bearer("x")).await.problem(401);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn an_api_key_opens_what_it_is_for_and_nothing_else() {
    let guarded = Guarded::start().await;
    let (client, key) = (&guarded.gateway.client, &guarded.api_key);
    for credentials in [("x-api-key", key.clone()), ("authorization", format!("ApiKey {key}"))] {
        assert_eq!(call(client, "GET", CONSOLIDATED, Some(credentials.clone())).await.status, 200);
        let answer = call(client, "POST", EXECUTE, Some(credentials)).await;
        answer.failure(403, None);
        refused_with(&answer, 403, "workflows:execute");
    }
    let mut other = key.clone();
    other.replace_range(30..31, if other.as_bytes()[30] == b'x' { "y" } else { "x" });
    call(client, "GET", CONSOLIDATED, Some(("x-api-key", other))).await.problem(401);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn credentials_count_in_their_own_field_alone_and_no_field_says_who_somebody_is() {
    let guarded = Guarded::start().await;
    let (client, key, token) = (&guarded.gateway.client, &guarded.api_key, token("metrics:read"));
    let (bearer, other) = (format!("Bearer {token}"), format!("Bearer {}", self::token("events:read")));
    let by_key = format!("ApiKey {key}");
    for (fields, status) in [
        (&[("authorization", &*bearer)][..], 200),
        (&[("authorization", &bearer), ("authorization", &bearer)], 401),
        (&[("authorization", &bearer), ("authorization", "Basic eDp5")], 401),
        (&[("authorization", &format!("{bearer}, {bearer}"))], 401),
        (&[("x-api-key", key), ("x-api-key", key)], 401),
        (&[("x-api-key", key), ("authorization", &by_key)], 401),
        // A token is asked first, and a wrong one is not made good by a key.
        (&[("x-api-key", key), ("authorization", "Bearer x")], 401),
        (&[("x-api-key", key), ("authorization", &other)], 403),
        (&[("cookie", &format!("token={token}"))], 401),
        (&[("proxy-authorization", &bearer)], 401),
        (&[("x-user-id", "admin"), ("x-user-scopes", "admin"), ("x-forwarded-user", "admin")], 401),
        (&[("authorization", &other), ("x-user-id", "admin"), ("x-user-scopes", "admin")], 403),
        (&[("authorization", &format!("Bearer {}", "a".repeat(9_000)))], 401),
        (&[("authorization", &format!("ApiKey {}", "a".repeat(9_000)))], 401),
        (&[("x-api-key", &"a".repeat(20_000))], 401),
    ] {
        for client in [client, &Client::http2(client.address)] {
            let request = client.request(Method::GET, CONSOLIDATED);
            let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = client.send(request).await;
            let shown: Vec<_> = fields.iter().map(|(name, value)| (name, value.len())).collect();
            assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
        }
    }
    for query in [format!("access_token={token}"), format!("api_key={key}"), format!("token={token}")] {
        call(client, "GET", &format!("{CONSOLIDATED}?{query}"), None).await.problem(401);
    }
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn a_refused_execution_has_the_published_members_and_leaves_nothing() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    let answer = client.execute(&analysis()).await;
    answer.failure(401, None);
    assert_eq!(guarded.gateway.regtech().control().report().requests.get(ANALYZE), None);
    let request = client.request(Method::POST, EXECUTE).json(&analysis());
    let answer = client.send(request.bearer_auth(token("workflows:execute"))).await;
    assert_eq!(answer.ok()["dashboard_updated"], true);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn refusals_are_counted_by_reason() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    call(client, "GET", CONSOLIDATED, bearer("x")).await.problem(401);
    let metrics = call(client, "GET", "/metrics", bearer(&token("metrics:read"))).await;
    let counted = metrics.text().lines().any(|line| {
        line.starts_with("http_server_refused_requests_total{")
            && line.contains(r#"layer="auth""#)
            && line.contains(r#"reason="malformed_token""#)
    });
    assert!(counted, "{}", metrics.text());
    guarded.gateway.stop().await;
}
