//! Two gateways behind a load balancer: a ticket that one gave is good at either, once.
use futures_util::future::join_all;
use reqwest::Client;

use crate::servers::postgres::Postgres;
use crate::support::{Gateway, PROGRAM, Start, ask, bare, client, finish};

const ISSUERS: &str =
    r#"{dev = {issuer = "dev", audience = ["gateway"], secret = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t"}}"#;

async fn token() -> String {
    let arguments = ["token", "--scope", "events:read", "ann"];
    let minted = finish(bare(PROGRAM).args(arguments).env("INTEGRIDAI_AUTH__ISSUERS", ISSUERS)).await;
    assert_eq!(minted.code, Some(0), "{}", minted.stderr);
    minted.stdout.trim().to_owned()
}

async fn ticket(client: &Client, gateway: &Gateway, token: &str) -> String {
    let url = gateway.url("/api/v1/realtime/ticket");
    let (status, answer) = ask(client.post(url).bearer_auth(token)).await;
    assert_eq!(status, 200, "{answer}");
    answer["ticket"].as_str().expect("a text").to_owned()
}

/// The status of a subscription with the ticket, which is given up at once.
async fn subscribe(client: &Client, gateway: &Gateway, ticket: &str) -> u16 {
    let url = gateway.url(&format!("/api/v1/realtime/events?ticket={ticket}"));
    client.get(url).send().await.expect("answered").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_one_gateway_is_good_once_at_any_also_when_that_one_is_gone() {
    let (server, client, token) = (Postgres::start(), client(), token().await);
    let url = server.create_database("gateway");
    let start = Start::on_server(&url).set("AUTH__DISABLED", false).set("AUTH__ISSUERS", ISSUERS);
    let (one, other) = (start.run().await, start.run().await);

    let first = ticket(&client, &one, &token).await;
    assert_eq!(subscribe(&client, &other, &first).await, 200);
    assert_eq!(subscribe(&client, &one, &first).await, 401, "it is used up, also where it came from");

    let wanted = ticket(&client, &other, &token).await;
    let attempts = (0..16).map(|number| subscribe(&client, [&one, &other][number % 2], &wanted));
    let admitted = join_all(attempts).await.into_iter().filter(|status| *status == 200).count();
    assert_eq!(admitted, 1);

    let left = ticket(&client, &one, &token).await;
    one.kill().await;
    assert_eq!(subscribe(&client, &other, &left).await, 200, "whoever gave it need not be there");
    let kept = server.query("gateway", &format!("SELECT count(*) FROM tickets WHERE digest = '{left}'"));
    assert_eq!(kept, "0", "nobody gets a ticket by reading the database");
    assert_eq!(other.stop().await.code, Some(0));
}
