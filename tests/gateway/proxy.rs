//! What clients send to a service goes through as it comes, for those who may.

use axum::body::Body;
use axum::response::Response;
use http::{Method, StatusCode};

use crate::support::client::{Answer, Client};
use crate::support::credentials::{Guarded, token};
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, field};
use crate::support::raw::Raw;

pub(crate) const REGTECH: &str = "SERVICES__REGTECH__BASE_URL";

/// Without a look at the OpenAPI document, which knows nothing of what services answer.
pub(crate) async fn over(origin: &Origin, settings: &[(&str, &str)]) -> Gateway {
    let mut all = vec![(REGTECH, &*origin.url)];
    all.extend(settings);
    Gateway::with(&all).await
}

pub(crate) fn free(gateway: &Gateway) -> Client {
    Client::of_admin(gateway.address())
}

async fn send(client: &Client, method: &str, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    client.send(client.request(method, path)).await
}

#[tokio::test]
async fn every_method_arrives_with_path_query_and_content_to_the_letter() {
    let origin = Origin::start(async |request: axum::extract::Request| {
        let (head, body) = request.into_parts();
        let mut response = Response::new(body);
        response.headers_mut().insert("x-method", head.method.as_str().parse().expect("a token"));
        *response.status_mut() = StatusCode::MULTI_STATUS;
        response
    })
    .await;
    let gateway = over(&origin, &[("SERVICES__REGTECH__BEARER_TOKEN", "of-the-gateway")]).await;
    let client = free(&gateway);
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "x-own"] {
        let path = "/api/v1/regtech/a/b%2Fc//d;e=f?q=%41&&x=/../\\&y";
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = client.request(method.clone(), path).header("content-type", "text/own").body("content");
        let answer = client.send(request).await;
        assert_eq!(answer.status, 207, "{method} {answer:?}");
        let is_head = method == Method::HEAD;
        assert_eq!(
            (answer.header("x-method"), answer.text()),
            (method.as_str(), if is_head { "" } else { "content" })
        );
        let seen = origin.last();
        assert_eq!(seen.uri, "/a/b%2Fc//d;e=f?q=%41&&x=/../\\&y", "{method}");
        assert_eq!(field(&seen, "authorization"), "Bearer of-the-gateway");
        assert_eq!(format!("http://{}", field(&seen, "host")), origin.url);
        assert_eq!(
            (field(&seen, "content-type"), field(&seen, "content-length")),
            ("text/own".into(), "7".into())
        );
    }
    gateway.stop().await;
}

#[tokio::test]
async fn whatever_a_service_answers_comes_back_as_it_is() {
    let origin = Origin::start(async |request: axum::extract::Request| {
        let status: u16 = request.uri().path()[1..].parse().expect("a status");
        let response =
            Response::builder().status(status).header("content-type", "text/html").header("x-own", "1");
        response.body(Body::from("<p>own</p>")).expect("a response")
    })
    .await;
    let gateway = over(&origin, &[]).await;
    for status in [200, 201, 299, 301, 308, 400, 401, 403, 404, 405, 409, 418, 422, 429, 499, 500, 502, 599] {
        let answer = send(&free(&gateway), "GET", &format!("/api/v1/regtech/{status}")).await;
        let told = (answer.status, answer.text(), answer.header("x-own"), answer.header("content-type"));
        assert_eq!(told, (status, "<p>own</p>", "1", "text/html"), "{answer:?}");
        assert_eq!(answer.header("via"), "1.1 integridai-gateway");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_unknown_path_of_a_service_is_unknown_to_the_service() {
    let gateway = Gateway::start().await;
    for service in ["regtech", "flaisimulator", "dashboard"] {
        let answer = send(&free(&gateway), "GET", &format!("/api/v1/{service}/nothing/here")).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(
            answer.header("via"),
            "1.1 integridai-gateway",
            "it is the service that says so: {answer:?}"
        );
    }
    for path in ["/api/v1/regtech", "/api/v1/regtechs/a", "/api/v1/REGTECH/a"] {
        let answer = send(&free(&gateway), "GET", path).await;
        answer.problem(404);
        assert_eq!(answer.header("via"), "", "{answer:?}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn head_tells_what_get_would_and_no_length_that_nobody_knows() {
    let origin = Origin::start(async |request: axum::extract::Request| {
        let path = request.uri().path().to_owned();
        let response = Response::builder();
        let response = if path == "/known" { response.header("content-length", "1234567") } else { response };
        let status = if path == "/same" { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        response
            .status(status)
            .header("etag", "\"a\"")
            .body(Body::from_stream(futures_util::stream::empty::<Result<bytes::Bytes, std::io::Error>>()))
            .expect("a response")
    })
    .await;
    let gateway = over(&origin, &[]).await;
    for (method, path, status, length) in [
        ("HEAD", "known", "200", Some("1234567")),
        ("HEAD", "unknown", "200", None),
        ("GET", "same", "304", None),
        ("HEAD", "same", "304", None),
    ] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send(&format!(
            "{method} /api/v1/regtech/{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains("etag: \"a\""), "{head}");
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(told, length, "{method} {path}: {head}");
        assert_eq!(raw.rest().await, b"", "{method} {path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_caller_needs_the_scope_of_the_service() {
    let origin = Origin::named("regtech").await;
    let guarded = Guarded::with(&[(REGTECH, &origin.url)]).await;
    let client = free(&guarded.gateway);
    let path = "/api/v1/regtech/a";
    for (scope, status) in [
        (Some("proxy:regtech"), 200),
        (Some("metrics:read proxy:regtech"), 200),
        (Some("admin"), 200),
        (Some("proxy:dashboard"), 403),
        (Some("proxy"), 403),
        (Some("metrics:read"), 403),
        (None, 401),
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let request = client.request(method.clone(), path);
            let request =
                scope.map_or(client.request(method, path), |scope| request.bearer_auth(token(scope)));
            let answer = client.send(request).await;
            assert_eq!(answer.status, status, "{scope:?} {answer:?}");
            if status != 200 {
                answer.problem(status);
            }
        }
    }
    // A refusal comes before all that might be wrong with the request.
    client.get("/api/v1/regtech/a%5cb").await.problem(401);
    assert_eq!(origin.heads().len(), 9);
    let seen = origin.last();
    assert_eq!((field(&seen, "authorization"), field(&seen, "x-api-key")), (String::new(), String::new()));
    guarded.gateway.stop().await;
}

#[tokio::test]
async fn neither_tunnels_nor_reflections_nor_other_protocols_are_passed_on() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    for (method, fields, status) in [
        ("TRACE", "", 501),
        ("CONNECT", "", 501),
        ("GET", "connection: upgrade\r\nupgrade: websocket\r\n", 501),
        ("POST", "connection: Upgrade, close\r\nupgrade: foo/2, h2c\r\n", 501),
        ("GET", "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n", 200),
        ("GET", "upgrade: websocket\r\n", 200),
        ("GET", "via: 1.1 a, 1.0 integridai-gateway\r\n", 508),
        ("GET", "via: 1.0 Integridai-Gateway (again)\r\n", 508),
        ("GET", "via: 1.1 another\r\n", 200),
    ] {
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send(&format!("{method} /api/v1/regtech/a HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n")).await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {fields}: {head}");
        let is_problem = head.contains("content-type: application/problem+json");
        assert_eq!(is_problem, status != 200, "{head}");
    }
    for head in origin.heads() {
        assert_eq!((field(&head, "upgrade"), field(&head, "http2-settings")), (String::new(), String::new()));
    }
    assert_eq!(field(&origin.last(), "via"), "1.1 another | 1.1 integridai-gateway");
    gateway.stop().await;
}

#[tokio::test]
async fn an_options_goes_no_further_than_it_says() {
    let origin = Origin::named("regtech").await;
    let gateway = over(&origin, &[]).await;
    let client = free(&gateway);
    let options =
        |left: &str| client.request(Method::OPTIONS, "/api/v1/regtech/a").header("max-forwards", left);
    assert_eq!(client.send(options("0")).await.status, 204);
    assert!(origin.heads().is_empty());
    assert_eq!(client.send(options("3")).await.text(), "regtech");
    assert_eq!(field(&origin.last(), "max-forwards"), "2");
    gateway.stop().await;
}
