//! What fails is told as a problem document, and only what a service does wrong counts against it.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::stream;
use http::{Method, StatusCode};
use integridai_gateway::demo::Failure;
use serde_json::Value;
use tokio::sync::watch;

use crate::proxy::{REGTECH, free, over};
use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::origin::{Origin, saying};
use crate::support::raw::Raw;
use crate::support::requests::{ANALYZE, analysis};
use crate::support::{until, within};

const PATH: &str = "/api/v1/regtech/a";
const TWO: (&str, &str) = ("SERVICES__REGTECH__RESILIENCE__OPEN_AFTER_FAILURES", "2");
const ADMIN: (&str, &str) = ("ADMIN__LISTEN", "127.0.0.1:0");

async fn state(gateway: &Gateway) -> String {
    let all = gateway.admin().get("/admin/v1/circuits").await.ok();
    let regtech = all["circuits"].as_array().expect("a list").iter().find(|one| one["service"] == "regtech");
    regtech.expect("it is there")["state"].as_str().expect("a name").to_owned()
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().expect("text")
}

#[tokio::test]
async fn a_service_that_says_nothing_that_can_be_passed_on_is_502() {
    for said in [
        &b""[..],
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nhalf",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: own\r\n\r\n",
    ] {
        let url = saying(said).await;
        let gateway = Gateway::with(&[(REGTECH, &url)]).await;
        let problem = free(&gateway).get(PATH).await.problem(502);
        assert!(detail(&problem).contains("service") || detail(&problem).contains("regtech"), "{problem}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_503() {
    // A port that was free a moment ago, and that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let gateway = Gateway::with(&[(REGTECH, &url)]).await;
    for method in [Method::GET, Method::POST] {
        let client = free(&gateway);
        let problem = client.send(client.request(method, PATH).body("content")).await.problem(503);
        assert_eq!(detail(&problem), "regtech cannot be reached");
        assert_eq!(problem["instance"], PATH);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_is_too_slow_is_504() {
    let origin = Origin::start(async |_: Request| std::future::pending::<Response>().await).await;
    let gateway = over(&origin, &[("SERVICES__REGTECH__TIMEOUT_SECONDS", "0.2")]).await;
    let problem = free(&gateway).get(PATH).await.problem(504);
    assert_eq!(detail(&problem), "regtech did not answer in time");
    gateway.stop().await;
}

#[tokio::test]
async fn a_route_has_a_time_of_its_own_and_content_that_comes_later_is_no_matter() {
    let (go_on, waits) = watch::channel(false);
    let origin = Origin::start(move |request: Request| {
        let mut waits = waits.clone();
        async move {
            if request.uri().path() == "/never" {
                std::future::pending::<()>().await;
            }
            let later = stream::once(async move {
                waits.wait_for(|goes_on| *goes_on).await.expect("the test runs");
                Ok::<_, std::io::Error>("later")
            });
            Response::new(Body::from_stream(later))
        }
    })
    .await;
    let route = r#"[{prefix = "/quick", service = "regtech", timeout_seconds = 0.3}]"#;
    let gateway = over(&origin, &[("PROXY__ROUTES", route)]).await;
    let client = free(&gateway);
    let begun = within(client.request(Method::GET, "/quick/later").send()).await.expect("a head");
    assert_eq!(begun.status(), 200);
    // What has no answer by then is over, and with it the time that the answer before had.
    client.get("/quick/never").await.problem(504);
    go_on.send(true).expect("the service waits");
    assert_eq!(within(begun.text()).await.expect("all of it"), "later");
    gateway.stop().await;
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_left_alone_and_the_workflows_know() {
    let gateway = Gateway::with(&[TWO, ADMIN]).await;
    gateway.regtech().control().fail(Failure::error(StatusCode::INTERNAL_SERVER_ERROR).on(ANALYZE));
    let client = free(&gateway);
    let ask = || client.send(client.request(Method::POST, "/api/v1/regtech/analyze_provider").body("{}"));
    let answer = until("two failures in a row", async || {
        let answer = ask().await;
        (answer.status != 500).then_some(answer)
    })
    .await;
    assert_eq!(detail(&answer.problem(503)), "regtech is left alone for a while after it failed");
    assert!(
        answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)),
        "{answer:?}"
    );
    assert_eq!(state(&gateway).await, "open");
    gateway.client.execute(&analysis()).await.failure(503, Some("complete_analysis"));
    gateway.stop().await;
}

#[tokio::test]
async fn more_content_than_a_route_takes_is_413() {
    let origin = Origin::start(async |request: Request| {
        let content = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        Response::new(Body::from(content.map_or(0, |content| content.len()).to_string()))
    })
    .await;
    let route = r#"[{prefix = "/large", service = "regtech", max_body_bytes = 3000000}]"#;
    let settings = [("SERVER__MAX_BODY_BYTES", "1000"), ("PROXY__ROUTES", route), TWO, ADMIN];
    let gateway = over(&origin, &settings).await;
    let client = free(&gateway);
    let chunked = |bytes: usize| {
        let pieces = vec![Ok::<_, std::io::Error>(vec![b'a'; bytes / 2]), Ok(vec![b'a'; bytes - bytes / 2])];
        reqwest::Body::wrap_stream(stream::iter(pieces))
    };
    for (path, bytes, status) in
        [(PATH, 1000, 200), (PATH, 1001, 413), ("/large/a", 3_000_000, 200), ("/large/a", 3_000_001, 413)]
    {
        for body in [reqwest::Body::from(vec![b'a'; bytes]), chunked(bytes)] {
            for _ in 0..2 {
                let body = body
                    .as_bytes()
                    .map_or_else(|| chunked(bytes), |bytes| reqwest::Body::from(bytes.to_vec()));
                let answer = client.send(client.request(Method::POST, path).body(body)).await;
                match status {
                    200 => assert_eq!(answer.text(), bytes.to_string(), "{answer:?}"),
                    _ => drop(answer.problem(413)),
                }
            }
        }
    }
    assert_eq!(state(&gateway).await, "closed", "a client's fault is none of the service's");
    gateway.stop().await;
}

/// Sends this much of a request to the path, and nothing more; the status of the answer.
async fn half(gateway: &Gateway, path: &str, sent: &str) -> u16 {
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{sent}"))
        .await;
    let head = raw.head().await;
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

#[tokio::test]
async fn a_client_that_sends_badly_or_too_slowly_counts_against_nobody() {
    let origin = Origin::start(async |request: Request| {
        let _ = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        Response::new(Body::from("read"))
    })
    .await;
    let route = r#"[{prefix = "/quick", service = "regtech", timeout_seconds = 0.3}]"#;
    let gateway = over(&origin, &[("PROXY__ROUTES", route), TWO, ADMIN]).await;
    for _ in 0..3 {
        assert_eq!(half(&gateway, "/quick/a", "5\r\nhal").await, 408);
        assert_eq!(half(&gateway, PATH, "5\r\nhello\r\nzz\r\n").await, 400);
        let mut raw = Raw::connect(gateway.address()).await;
        raw.send(&format!("POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhal")).await;
        drop(raw);
    }
    assert_eq!(state(&gateway).await, "closed");
    assert_eq!(free(&gateway).get(PATH).await.text(), "read");
    gateway.stop().await;
}

#[tokio::test]
async fn what_may_be_repeated_is_and_nothing_else() {
    let three = ("SERVICES__REGTECH__RESILIENCE__ATTEMPTS", "3");
    for (method, content, times) in [
        (Method::GET, "", 3),
        (Method::DELETE, "", 3),
        (Method::PUT, "content", 1),
        (Method::POST, "", 1),
        (Method::POST, "content", 1),
    ] {
        let origin = Origin::start(async |_| {
            Response::builder().status(503).body(Body::from("later")).expect("a response")
        })
        .await;
        let gateway = over(&origin, &[three]).await;
        let client: Client = free(&gateway);
        let answer = client.send(client.request(method.clone(), PATH).body(content)).await;
        assert_eq!((answer.status, answer.text()), (503, "later"), "{answer:?}");
        assert_eq!(origin.heads().len(), times, "{method} {content}");
        gateway.stop().await;
    }
}
