//! One thread for each listener.
use std::collections::BTreeSet;

use integridai_gateway::server::ServerOptions;

use crate::support::{Client, Running, within};

#[tokio::test]
async fn each_thread_serves_what_it_accepts_and_all_are_drained() {
    let server = Running::on_cores(ServerOptions::default(), 2);
    let mut clients = Vec::new();
    let mut threads = BTreeSet::new();
    // The kernel deals connections out by their ports.
    while threads.len() < 2 && clients.len() < 200 {
        let mut client = Client::connect(&server).await;
        client.get("/thread").await;
        let answer = client.read_answer().await;
        threads.extend(["core-0", "core-1"].into_iter().find(|name| answer.ends_with(name)));
        clients.push(client);
    }
    assert_eq!(threads.len(), 2, "after {} connections", clients.len());
    let drained = within(server.stop()).await;
    assert_eq!((drained.finished, drained.aborted), (clients.len(), 0));
}

#[tokio::test]
async fn the_room_for_connections_is_shared() {
    let server = Running::on_cores(ServerOptions { max_connections: 1, ..ServerOptions::default() }, 3);
    let mut first = Client::connect(&server).await;
    first.get("/").await;
    first.read_answer().await;
    for _ in 0..10 {
        let mut other = Client::connect(&server).await;
        other.get("/").await;
        assert!(other.read_to_close().await.starts_with("HTTP/1.1 503"));
    }
    assert_eq!(server.stop().await.refused, 10);
}
