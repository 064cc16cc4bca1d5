//! Behind a load balancer that tells whose connection it passes on (PROXY protocol).
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Gateway, Start, within};

/// What a client at this address is answered.
async fn ask(gateway: &Gateway, address: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let request = format!(
        "PROXY TCP4 {address} 198.51.100.1 4000 443\r\nGET /api/v1/regtech/echo HTTP/1.1\r\nhost: localhost\r\n\
         connection: close\r\n{fields}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn the_address_that_is_told_counts_for_limits_and_towards_services() {
    let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", service.local_addr().unwrap());
    let told = any(async |headers: HeaderMap| headers["x-forwarded-for"].to_str().unwrap().to_owned());
    tokio::spawn(async move { axum::serve(service, Router::new().fallback(told)).await });
    let folder = tempfile::tempdir().unwrap();
    let gateway = Start::new(&folder.path().join("gateway.db"))
        .set("SERVICES__REGTECH__BASE_URL", base_url)
        .set("SERVER__PROXY_PROTOCOL_FROM", "[\"127.0.0.0/8\"]")
        .set("RATE_LIMITS__DISABLED", false)
        .set(
            "RATE_LIMITS__POLICIES",
            "{each = {by = \"address\", quotas = [{limit = 1, period_seconds = 3600}]}}",
        )
        .run()
        .await;
    for address in ["192.0.2.1", "192.0.2.2"] {
        let answer = ask(&gateway, address, "x-forwarded-for: 6.6.6.6\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(address), "{answer}");
        let answer = ask(&gateway, address, "").await;
        assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    }
    assert_eq!(gateway.stop().await.code, Some(0));
}
