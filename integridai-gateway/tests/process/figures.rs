//! The number of series has a bound, whatever is asked: of one process, which nobody else asks.
use std::collections::BTreeSet;

use reqwest::{Client, Method, StatusCode};

use crate::support::{Gateway, Start, analysis, client, simulators, until};

struct Flood<'a> {
    client: Client,
    gateway: &'a Gateway,
}

impl Flood<'_> {
    async fn send(&self, method: Method, path: &str, number: usize, host: Option<&str>) -> StatusCode {
        let mut body = analysis(number);
        body["payload"]["user_id"] = format!("user-{number}").into();
        let mut request = self.client.request(method, self.gateway.url(path)).json(&body);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        request = request.header("x-correlation-id", format!("flood-{number}"));
        request = request.header("user-agent", format!("agent/{number}"));
        let answer = request.send().await.expect("answered");
        let status = answer.status();
        answer.bytes().await.expect("a whole body");
        status
    }

    /// Paths, users, hosts, ids, agents and methods that were never seen before.
    async fn of(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            let method = Method::from_bytes(format!("UNBOUNDED{number}").as_bytes()).expect("a token");
            let host = format!("host-{number}.example.org");
            for (method, path, host, expected) in [
                (Method::POST, "/api/v1/gateway/execute".to_owned(), None, 200),
                (Method::GET, "/livez".to_owned(), Some(host.as_str()), 421),
                (Method::GET, format!("/unbounded-{number}"), None, 404),
                (Method::GET, format!("/api/v1/regtech/unbounded-{number}"), None, 404),
                (Method::GET, format!("/api/v1/gateway/executions/unbounded-{number}"), None, 404),
                (method, "/api/v1/gateway/execute".to_owned(), None, 405),
            ] {
                let status = self.send(method, &path, number, host).await;
                assert_eq!(status, expected, "{path}");
            }
        }
    }

    async fn exposition(&self) -> String {
        let answer = self.client.get(self.gateway.url("/metrics")).send().await.expect("answered");
        answer.text().await.expect("a whole body")
    }
}

/// Lines that are figures, without the figure.
fn series(text: &str) -> BTreeSet<&str> {
    let figures = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    figures.filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series).collect()
}

/// Calls that the gateway makes by itself, whenever it is time.
fn comes_by_itself(series: &str) -> bool {
    ["call=", "branch=", "metrics_update"].iter().any(|label| series.contains(label))
}

#[tokio::test]
async fn a_flood_of_paths_users_hosts_ids_and_methods_makes_no_series() {
    let folder = tempfile::tempdir().unwrap();
    let simulators = simulators();
    let gateway = Start::new(&folder.path().join("gateway.db")).services(&simulators).run().await;
    let flood = Flood { client: client(), gateway: &gateway };
    flood.of(0..3).await;
    // Whose own exchange is a series from the second time on.
    flood.exposition().await;
    let mut before = String::new();
    // What is told every few seconds comes after the first requests.
    until("the first look", async || {
        before = flood.exposition().await;
        before.contains("integridai_executions_queue_age_seconds 0")
            && before.contains("integridai_events_total")
    })
    .await;
    flood.of(3..203).await;
    let after = flood.exposition().await;
    assert!(!after.to_lowercase().contains("unbounded") && !after.contains("host-"), "{after}");
    let (before, after) = (series(&before), series(&after));
    let made: Vec<_> = after.difference(&before).filter(|series| !comes_by_itself(series)).collect();
    assert!(made.is_empty(), "{made:#?}");
    println!("{} series after {} requests", after.len(), 203 * 6);
    assert!(after.len() < 1_500, "{} series", after.len());
    gateway.stop().await;
}
