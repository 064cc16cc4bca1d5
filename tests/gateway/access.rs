//! Who may do what: every route asks for what its document says, and nothing is told to whoever may not.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, CONSOLIDATED, Client, EXECUTE};
use crate::support::credentials::{Guarded, claims, now, signed, token};
use crate::support::document::operations;
use crate::support::requests::{ANALYZE, analysis};

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
    let client = &guarded.gateway.client;
    let mut open = Vec::new();
    for (path, method, operation) in operations() {
        let path = path.replace("{id}", "019364e2-7f5c-7c3a-9d5a-2f1f5f1c9b1e");
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
        }
    }
    assert_eq!(open, ["/api/openapi.json", "/api/v1/health", "/livez", "/readyz"]);
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn what_is_at_no_path_is_told_to_nobody_who_may_not_come_in() {
    let guarded = Guarded::start().await;
    let client = &guarded.gateway.client;
    call(client, "GET", "/api/v1/secret", None).await.problem(401);
    call(client, "GET", "/api/v1/secret", bearer(&token(""))).await.problem(404);
    assert_eq!(call(client, "GET", "/docs/", None).await.status, 200);
    call(client, "GET", "/docs/../metrics", None).await.problem(401);
    guarded.gateway.stop().await;
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
