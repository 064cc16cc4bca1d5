//! How much one connection may ask for.
use integridai_gateway::server::ServerOptions;

use crate::support::{Client, Running, http2, http2_request, within};

fn three_each() -> ServerOptions {
    ServerOptions { max_requests_per_connection: 3, ..ServerOptions::default() }
}

#[tokio::test]
async fn the_last_answer_of_a_connection_says_that_it_is_the_last() {
    let server = Running::start(three_each()).await;
    for _ in 0..2 {
        let mut client = Client::connect(&server).await;
        for is_last in [false, false, true] {
            client.get("/").await;
            let answer = client.read_answer().await;
            assert!(answer.starts_with("http/1.1 200"), "{answer}");
            assert_eq!(answer.contains("connection: close\r\n"), is_last, "{answer}");
        }
        assert_eq!(client.read_to_close().await, "");
    }
    assert_eq!(server.stop().await.aborted, 0);
}

#[tokio::test]
async fn an_http2_connection_that_has_had_its_share_finishes_what_it_has_begun() {
    let server = Running::start(three_each()).await;
    let mut sender = http2(&server).await;
    for _ in 0..3 {
        let response = within(sender.send_request(http2_request(&server, "/"))).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let closed = async {
        while within(sender.ready()).await.is_ok() {
            let _ = within(sender.send_request(http2_request(&server, "/"))).await;
        }
    };
    within(closed).await;
    let mut another = http2(&server).await;
    assert!(within(another.send_request(http2_request(&server, "/"))).await.is_ok());
}

#[tokio::test]
async fn who_gives_up_what_it_asks_for_is_cut() {
    let options = ServerOptions { max_abandoned_requests: 20, ..ServerOptions::default() };
    let server = Running::start(options).await;
    let mut sender = http2(&server).await;
    let flood = async {
        while sender.ready().await.is_ok() {
            let asked = sender.send_request(http2_request(&server, "/gated"));
            // Long enough to be sent, and not to be answered.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(1), asked).await;
        }
    };
    within(flood).await;
    let mut another = http2(&server).await;
    assert!(within(another.send_request(http2_request(&server, "/"))).await.is_ok());
}

#[tokio::test]
async fn a_request_that_others_may_read_otherwise_is_no_request() {
    let server = Running::start(ServerOptions::default()).await;
    for ambiguous in [
        "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: here\n\r\n",
    ] {
        let mut client = Client::connect(&server).await;
        client.get("/").await;
        client.read_answer().await;
        client.send(ambiguous).await;
        let answer = client.read_to_close().await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
    }
}
