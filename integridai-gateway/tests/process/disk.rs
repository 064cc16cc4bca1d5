//! A disk that takes nothing more.
use crate::support::{Start, analysis, ask, client, figure, health, later, simulators, training, until};

const EXECUTE: &str = "/api/v1/gateway/execute";

#[tokio::test]
async fn a_full_disk_fails_no_request_that_needs_none_and_is_told_in_health_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gateway.db");
    let (simulators, client) = (simulators(), client());
    let start = Start::new(&database).services(&simulators);
    let gateway = start.clone().largest_file(512 * 1024).run().await;
    let post = |request: &serde_json::Value| client.post(gateway.url(EXECUTE)).json(request);

    until("the full disk", async || {
        for number in 0..20 {
            assert_eq!(ask(post(&analysis(number))).await.0, 200);
        }
        health(&client, &gateway).await["checks"]["database"] == "unhealthy"
    })
    .await;
    let mut accepted = Vec::new();
    until("a refusal", async || {
        let (status, answer) = ask(post(&later(training(accepted.len())))).await;
        match status {
            202 => accepted.push(answer["workflow_id"].as_str().unwrap().to_owned()),
            503 => assert_eq!(answer["success"], false, "{answer}"),
            other => panic!("{other}: {answer}"),
        }
        status == 503
    })
    .await;
    let told = health(&client, &gateway).await;
    assert_eq!((&told["status"], &told["checks"]["database"]), (&"degraded".into(), &"unhealthy".into()));
    assert_eq!(told["checks"]["api_gateway"], "healthy");
    assert_eq!(ask(client.get(gateway.url("/readyz"))).await.0, 200);
    let (status, answer) = ask(post(&analysis(1))).await;
    assert_eq!((status, &answer["dashboard_updated"]), (200, &true.into()), "{answer}");
    until("the metrics", async || {
        figure(&client, &gateway, "integridai_store_healthy").await == Some(0.0)
            && figure(&client, &gateway, "integridai_store_buffered_rows").await > Some(0.0)
    })
    .await;
    let exit = gateway.stop().await;
    assert_eq!(exit.code, Some(0));
    assert!(exit.log.iter().any(|line| line.contains("the store was not written to its end")));

    let gateway = start.run().await;
    for id in accepted {
        let url = gateway.url(&format!("/api/v1/gateway/executions/{id}"));
        until("its end", async || ask(client.get(&url)).await.1["status"] == "succeeded").await;
    }
    assert_eq!(health(&client, &gateway).await["checks"]["database"], "healthy");
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_disk_with_no_room_for_the_database_ends_the_start_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("gateway.db");
    let refused = Start::new(&database).largest_file(8 * 1024).fail().await;
    refused.assert_refused(1, &[database.to_str().unwrap()]);
    assert_eq!(Start::new(&database).run().await.stop().await.code, Some(0));
}
