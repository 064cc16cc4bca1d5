//! A service that comes and goes.
use http::StatusCode;
use integridai_gateway::demo::Failure;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Start, analysis, client, figure, simulators, until, within};

const EXECUTIONS: usize = 500;
const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flapping_service_gives_answers_or_problems_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (simulators, client) = (simulators(), client());
    let start = Start::new(&folder.path().join("gateway.db")).services(&simulators);
    // Nothing is tried again and no circuit opens, so that each failure is a client's.
    let alone = start.set("SERVICES__REGTECH__RESILIENCE__ATTEMPTS", 1);
    let alone = alone.set("SERVICES__REGTECH__RESILIENCE__OPEN_AFTER_FAILURES", 1_000_000);
    let gateway = alone.logs("error").run().await;
    let flapping = Failure::error(StatusCode::INTERNAL_SERVER_ERROR).probability(0.5).on("/analyze_provider");
    simulators.regtech.control().fail(flapping);
    let mut senders = JoinSet::new();
    for first in 0..CLIENTS {
        let (client, url) = (client.clone(), gateway.url("/api/v1/gateway/execute"));
        senders.spawn(async move {
            let mut done = 0;
            for number in (first..EXECUTIONS).step_by(CLIENTS) {
                let answer = client.post(&url).json(&analysis(number)).send().await.expect("answered");
                done += usize::from(checked(answer).await);
            }
            done
        });
    }
    let done: usize = within("all answers", senders.join_all()).await.iter().sum();
    println!("{done} of {EXECUTIONS} done");
    assert!((150..=350).contains(&done), "{done}: half of them, more or less");
    let report = simulators.regtech.control().report();
    assert_eq!(report.count("/analyze_provider", "200"), done as u64);
    assert_eq!(report.count("/analyze_provider", "500"), (EXECUTIONS - done) as u64);
    assert_eq!(simulators.dashboard.control().report().applied, done as u64);
    // The one request under way is the one that asks.
    until("no request", async || figure(&client, &gateway, "http_server_active_requests").await == Some(1.0))
        .await;
    assert_eq!(gateway.stop().await.code, Some(0));
    let kept = rusqlite::Connection::open(folder.path().join("gateway.db")).unwrap();
    for (state, expected) in [("succeeded", done), ("failed", EXECUTIONS - done)] {
        let statement = "SELECT count(*) FROM executions WHERE state = ?1";
        let count: i64 = kept.query_row(statement, [state], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(count), Ok(expected), "{state}");
    }
}

/// Whether it was done.
async fn checked(answer: reqwest::Response) -> bool {
    let status = answer.status();
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    let body: Value = answer.json().await.expect("JSON");
    match status {
        StatusCode::OK => {
            assert_eq!((kind.as_str(), &body["success"]), ("application/json", &true.into()), "{body}");
            assert_eq!(body["dashboard_updated"], true, "{body}");
        }
        StatusCode::BAD_GATEWAY => {
            assert_eq!((kind.as_str(), &body["status"]), ("application/problem+json", &502.into()), "{body}");
            assert_eq!((&body["success"], &body["workflow"]), (&false.into(), &"complete_analysis".into()));
            assert!(body["workflow_id"].is_string() && body["correlation_id"].is_string(), "{body}");
        }
        other => panic!("{other}: {body}"),
    }
    status == StatusCode::OK
}
