//! A client of server-sent events, and whoever publishes what it reads.

use http::{HeaderMap, Method};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::client::Client;
use super::within;

pub(crate) const EVENTS: &str = "/api/v1/events";
pub(crate) const STREAM: &str = "/api/v1/realtime/events";

pub(crate) struct Stream {
    response: reqwest::Response,
    read: Vec<u8>,
}

/// One block: its id, and its data or its comment.
#[derive(Debug, PartialEq)]
pub(crate) enum Block {
    Event(Option<u64>, Value),
    Other(String),
}

impl Stream {
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let response = within(request.send()).await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{response:?}");
        Self { response, read: Vec::new() }
    }

    pub(crate) async fn follow(client: &Client, query: &str) -> Self {
        Self::open(client.request(Method::GET, &format!("{STREAM}{query}"))).await
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next block; none at the end.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                return Some(parse(std::str::from_utf8(&block).expect("UTF-8").trim_end()));
            }
            let more = within(self.response.chunk()).await.ok().flatten()?;
            self.read.extend_from_slice(&more);
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> (Option<u64>, Value) {
        loop {
            match self.block().await.expect("the stream goes on") {
                Block::Event(id, event) => return (id, event),
                Block::Other(_) => {}
            }
        }
    }

    /// What is said to the very end.
    pub(crate) async fn rest(mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        while let Some(block) = self.block().await {
            blocks.push(block);
        }
        blocks
    }
}

fn parse(block: &str) -> Block {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match field("data:") {
        Some(data) => {
            let id = field("id:").map(|id| id.parse().expect("a number"));
            Block::Event(id, serde_json::from_str(data).expect("JSON"))
        }
        None => Block::Other(block.to_owned()),
    }
}

/// Publishes events of this type, numbered, as one batch; their cursors.
pub(crate) async fn publish(client: &Client, kind: &str, numbers: std::ops::Range<u32>) -> Vec<u64> {
    let event = |number: u32| json!({"specversion": "1.0", "type": kind, "source": "/tests", "id": format!("{kind}-{number}"), "data": number});
    let batch: Vec<Value> = numbers.map(event).collect();
    let request = client.request(Method::POST, EVENTS);
    let request = request.header("content-type", "application/cloudevents-batch+json");
    let answer = client.send(request.json(&batch)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let published = answer.json();
    let published = published["events"].as_array().expect("a list");
    published.iter().map(|event| event["cursor"].as_u64().expect("a number")).collect()
}
