//! Bodies that are no JSON, not declared as JSON, too large, or never arrive.

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use serde_json::json;

use crate::proxy::over;
use crate::support::client::EXECUTE;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::raw::Raw;
use crate::support::requests::analysis;

#[tokio::test]
async fn what_is_no_json_is_400() {
    let gateway = Gateway::start().await;
    let whole = analysis().to_string();
    let deep = |open: &str, close: &str, times| format!("{}{}", open.repeat(times), close.repeat(times));
    let inside = format!(r#"{{"workflow":"metrics_update","payload":{{"x":{}}}}}"#, deep("[", "]", 10_000));
    let table = [
        String::new(),
        " \n".into(),
        "{".into(),
        whole[..whole.len() - 1].into(),
        format!("{whole}{whole}"),
        format!("{whole},"),
        "{'workflow':'metrics_update'}".into(),
        r#"{"workflow":"metrics_update",}"#.into(),
        r#"{"workflow":"metrics_update","options":{"timeout":NaN}}"#.into(),
        r#"{"workflow":"metrics_update","options":{"timeout":Infinity}}"#.into(),
        r#"{"workflow":"metrics_update","options":{"timeout":1e400}}"#.into(),
        r#"{"workflow":"metrics_update","options":{"timeout":05}}"#.into(),
        r#"{"workflow":"metrics_update" /* why not */}"#.into(),
        "{\"workflow\":\"metrics_\nupdate\"}".into(),
        r#"{"workflow":"\ud800"}"#.into(),
        "workflow=metrics_update".into(),
        "<xml/>".into(),
        format!("\u{feff}{whole}"),
        deep("[", "]", 10_000),
        deep("{\"a\":", "}", 10_000),
        "[".repeat(100_000),
        inside,
    ];
    for text in table {
        let shown: String = text.chars().take(80).collect();
        let problem = gateway.client.execute_text(text).await.failure(400, None);
        assert!(
            problem["detail"].as_str().is_some_and(|text| text.contains("not JSON")),
            "{shown}: {problem}"
        );
    }
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_not_utf_8_is_400() {
    let gateway = Gateway::start().await;
    for bytes in [&b"{\"workflow\":\"\xff\"}"[..], b"\xff\xfe{\0}\0", b"\xc3", b"{\"a\":\"\xed\xa0\x80\"}"] {
        let problem = gateway.client.execute_text(Bytes::copy_from_slice(bytes)).await.failure(400, None);
        assert_eq!(problem["detail"], "the body is not UTF-8");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn only_json_is_taken_whatever_its_parameters() {
    let gateway = Gateway::start().await;
    let send = async |content_type: Option<&str>| {
        let mut request = gateway.client.request(Method::POST, EXECUTE).body(analysis().to_string());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        gateway.client.send(request).await
    };
    for accepted in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        " application/json ",
        "application/vnd.integridai+json",
        "application/vnd.integridai.v1+json; profile=x",
        "application/ld+json",
    ] {
        assert_eq!(send(Some(accepted)).await.status, 200, "{accepted}");
    }
    for refused in [
        None,
        Some(""),
        Some("text/plain"),
        Some("text/json"),
        Some("application/jsonp"),
        Some("application/json5"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=application/json"),
        Some("text/plain; x=application/json"),
        Some("image/svg+json"),
        Some("json"),
    ] {
        send(refused).await.failure(415, None);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whether_its_length_is_declared_or_not() {
    let gateway = Gateway::with(&[("SERVER__MAX_BODY_BYTES", "10000")]).await;
    let sized = |size: usize| {
        let head = r#"{"workflow":"metrics_update","payload":{"x":""#;
        format!("{head}{}\"}}}}", "x".repeat(size - head.len() - 3))
    };
    gateway.client.execute_text(sized(10_000)).await.ok();
    let declared = gateway.client.execute_text(sized(10_001)).await;
    assert_eq!(declared.failure(413, None)["detail"], "the request's body is larger than is accepted");
    let chunked = |size: usize| {
        let chunks: Vec<_> = sized(size).into_bytes().chunks(1_000).map(Bytes::copy_from_slice).collect();
        reqwest::Body::wrap_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)))
    };
    gateway.client.execute_text(chunked(10_000)).await.ok();
    let streamed = gateway.client.execute_text(chunked(10_001)).await;
    assert_eq!(streamed.failure(413, None)["detail"], "the request's body is larger than is accepted");
    gateway.stop().await;
}

#[tokio::test]
async fn a_length_that_is_only_declared_is_refused_before_anything_is_read() {
    let gateway = Gateway::start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!(
        "POST {EXECUTE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: 99999999999\r\n\r\n"
    ))
    .await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    gateway.stop().await;
}

#[tokio::test]
async fn the_configured_limit_holds_above_the_frameworks_own() {
    let gateway = Gateway::with(&[("SERVER__MAX_BODY_BYTES", "8000000")]).await;
    let request = json!({"workflow": "metrics_update", "payload": {"x": "x".repeat(4_000_000)}});
    gateway.client.execute(&request).await.ok();
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let gateway = Gateway::with(&[
        ("SERVER__REQUEST_TIMEOUT_SECONDS", "0.3"),
        ("WORKFLOWS__MAX_TIMEOUT_SECONDS", "0.2"),
        ("WORKFLOWS__DEFAULT_TIMEOUT_SECONDS", "0.2"),
    ])
    .await;
    let never = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
    let never = futures_util::StreamExt::chain(never, stream::pending());
    let answer = gateway.client.execute_text(reqwest::Body::wrap_stream(never)).await;
    assert_eq!(answer.failure(408, None)["detail"], "the request took longer than is accepted");
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_408_and_ends_its_connection() {
    let origin = Origin::start(async |request: axum::extract::Request| {
        let read = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        axum::response::Response::new(axum::body::Body::from(format!("{:?}", read.map(|bytes| bytes.len()))))
    })
    .await;
    let first = ("SERVER__BODY_FIRST_BYTE_TIMEOUT_SECONDS", "0.3");
    let gateway = over(&origin, &[first, ("SERVER__BODY_RATE_WINDOW_SECONDS", "0.3")]).await;
    for path in [EXECUTE, "/api/v1/regtech/a"] {
        for (framing, begun) in [
            ("content-length: 100", ""),
            ("content-length: 100", "{"),
            ("transfer-encoding: chunked", "1\r\n{\r\n"),
        ] {
            let mut raw = Raw::connect(gateway.address()).await;
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
            raw.send(&format!("{head}{framing}\r\n\r\n{begun}")).await;
            let said = String::from_utf8(raw.rest().await).expect("text");
            assert!(
                said.starts_with("HTTP/1.1 408 ") && said.contains("more slowly"),
                "{path} {framing}: {said}"
            );
        }
    }
    assert_eq!(gateway.client.get("/livez").await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_harms_nobody() {
    let gateway = Gateway::start().await;
    let mut raw = Raw::connect(gateway.address()).await;
    raw.send(&format!(
        "POST {EXECUTE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{{"
    ))
    .await;
    drop(raw);
    gateway.client.execute(&analysis()).await.ok();
    gateway.stop().await;
}
