//! A gateway whose store is a PostgreSQL.
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::servers::postgres::Postgres;
use crate::support::{
    Gateway, QUIET_ADDRESS, Start, analysis, ask, client, figure, health, later, simulators, training, until,
};

const EXECUTE: &str = "/api/v1/gateway/execute";
const UNFINISHED: &str = "SELECT count(*) FROM executions WHERE state IN ('queued', 'running')";

/// With a password, which a server that trusts everybody on this machine does not ask for.
fn secret(url: &str) -> String {
    url.replace("postgres@", "postgres:not-to-be-told@")
}

fn count(server: &Postgres, statement: &str) -> usize {
    server.query("gateway", statement).parse().unwrap()
}

async fn execute(gateway: &Gateway, request: &Value) -> (u16, Value) {
    ask(client().post(gateway.url(EXECUTE)).json(request)).await
}

async fn accept(gateway: &Gateway, number: usize) -> String {
    let (status, answer) = execute(gateway, &later(training(number))).await;
    assert_eq!(status, 202, "{answer}");
    answer["workflow_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_executes_now_and_later_is_killed_and_goes_on_and_its_log_is_complete() {
    let (server, simulators, client) = (Postgres::start(), simulators(), client());
    let url = secret(&server.create_database("gateway"));
    let start = Start::on_server(&url).services(&simulators).at(QUIET_ADDRESS).logs("debug");
    let gateway = start.run().await;
    let start = start.at(gateway.address);
    assert_eq!(health(&client, &gateway).await["checks"]["database"], "healthy");
    let mut accepted = Vec::new();
    for number in 0..40 {
        accepted.push(accept(&gateway, number).await);
    }
    assert!(gateway.log().iter().all(|line| !line.contains("not-to-be-told")), "{:?}", gateway.log());
    gateway.kill().await;

    let gateway = start.run().await;
    until("the end of all executions", async || count(&server, UNFINISHED) == 0).await;
    for id in &accepted {
        let url = gateway.url(&format!("/api/v1/gateway/executions/{id}"));
        let (status, shown) = ask(client.get(url)).await;
        assert_eq!((status, &shown["status"]), (200, &"succeeded".into()), "{shown}");
    }
    for number in 0..10 {
        let (status, answer) = execute(&gateway, &analysis(number)).await;
        assert_eq!((status, &answer["dashboard_updated"]), (200, &true.into()), "{answer}");
    }
    let exit = gateway.stop().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(!format!("{exit:?}").contains("not-to-be-told"));
    let executes = "SELECT count(*) FROM api_calls_log WHERE method = 'POST' AND status_code = 200";
    assert_eq!(count(&server, executes), 10);
    let looks = "SELECT count(*) FROM api_calls_log WHERE endpoint LIKE '%executions%'";
    assert_eq!(count(&server, looks), 40);
    let ended = "SELECT count(*) FROM executions WHERE state = 'succeeded'";
    assert_eq!(count(&server, ended), 50, "those that were answered at once are there too");
    assert!(count(&server, "SELECT count(*) FROM system_events") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_server_is_down_it_answers_what_needs_none_and_nothing_is_lost() {
    let (mut server, simulators, client) = (Postgres::start(), simulators(), client());
    let url = server.create_database("gateway");
    let gateway = Start::on_server(&url).services(&simulators).run().await;
    server.stop();
    for number in 0..20 {
        assert_eq!(execute(&gateway, &analysis(number)).await.0, 200);
    }
    let (status, answer) = execute(&gateway, &later(training(0))).await;
    assert_eq!((status, &answer["success"]), (503, &false.into()), "{answer}");
    let told = health(&client, &gateway).await;
    assert_eq!(told["checks"]["database"], "unhealthy");
    assert_eq!(told["reasons"]["database"], "the database cannot be reached");
    assert_eq!(ask(client.get(gateway.url("/readyz"))).await.0, 200);

    server.start_again();
    until("the recovery", async || health(&client, &gateway).await["checks"]["database"] == "healthy").await;
    until("the figure", async || figure(&client, &gateway, "integridai_store_healthy").await == Some(1.0))
        .await;
    accept(&gateway, 1).await;
    until("its end", async || count(&server, UNFINISHED) == 0).await;
    assert_eq!(gateway.stop().await.code, Some(0));
    let executes = "SELECT count(*) FROM api_calls_log WHERE method = 'POST' AND status_code = 200";
    assert_eq!(count(&server, executes), 20);
    assert_eq!(count(&server, "SELECT count(*) FROM executions WHERE state = 'succeeded'"), 21);
}

#[tokio::test]
async fn a_schema_that_it_may_not_change_is_brought_up_to_date_by_the_command() {
    let server = Postgres::start();
    let url = secret(&server.create_database("gateway"));
    let start = Start::on_server(&url).set("DATABASE__MIGRATE", false);
    let refused = start.fail().await;
    refused.assert_refused(1, &["schema version 0", "run `migrate`", "127.0.0.1"]);
    assert!(!refused.stderr.contains("not-to-be-told"), "{refused:?}");
    let migrated = start.migrate().await;
    assert_eq!((migrated.code, migrated.stderr.as_str()), (Some(0), ""), "{migrated:?}");
    assert!(migrated.stdout.contains("up to date"), "{migrated:?}");
    assert_eq!(start.run().await.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_url_that_cannot_work_is_a_fault_of_the_configuration_and_never_shown() {
    let wrong = Start::on_server("postgres://ana:not-to-be-told@db?sslmode=maybe").fail().await;
    wrong.assert_refused(78, &["the URL of the database is not valid"]);
    let nowhere = Start::on_server("postgres://ana:not-to-be-told@127.0.0.1:1/gateway");
    let unreachable = nowhere.set("DATABASE__START_TIMEOUT_SECONDS", 0.1).fail().await;
    unreachable.assert_refused(1, &["postgres://127.0.0.1:1/gateway: the database cannot be reached"]);
    for ended in [wrong, unreachable] {
        assert!(!format!("{ended:?}").contains("not-to-be-told"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_spool_an_outage_in_which_it_is_killed_loses_no_row_and_shows_what_waits() {
    let (mut server, simulators, client) = (Postgres::start(), simulators(), client());
    let folder = tempfile::tempdir().unwrap();
    let url = server.create_database("gateway");
    let start = Start::on_server(&url).services(&simulators).logs("info");
    let start = start.set("DATABASE__SPOOL__PATH", folder.path().join("spool").display());
    let gateway = start.run().await;
    server.stop();
    for number in 0..20 {
        assert_eq!(execute(&gateway, &analysis(number)).await.0, 200);
    }
    until("the spool", async || {
        let told = health(&client, &gateway).await;
        told["log_rows"]["on_disk"].as_u64() > Some(20) && told["log_rows"]["in_memory"].as_u64() < Some(5)
    })
    .await;
    until("the figure", async || {
        figure(&client, &gateway, "integridai_store_spooled_rows").await > Some(20.0)
    })
    .await;
    gateway.kill().await;

    server.start_again();
    let gateway = start.run().await;
    until("the drain", async || health(&client, &gateway).await.get("log_rows").is_none()).await;
    let executes = "SELECT count(*) FROM api_calls_log WHERE method = 'POST' AND status_code = 200";
    until("the rows", async || count(&server, executes) == 20).await;
    assert_eq!(count(&server, "SELECT count(*) FROM executions WHERE state = 'succeeded'"), 20);
    assert_eq!(gateway.stop().await.code, Some(0));
}

/// A service that answers whatever it is asked with this, until the test ends.
async fn parrot(json: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 16 << 10];
                let _ = stream.read(&mut request).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{json}", json.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_has_no_place_in_it_is_a_failure_and_keeps_no_worker() {
    let (server, simulators) = (Postgres::start(), simulators());
    let session =
        r#"{"session_id": "s-1", "user_id": "user-7", "score": 80, "progress": 100, "tiny": 1e-20000}"#;
    let start = Start::on_server(&server.create_database("gateway")).services(&simulators);
    let trainings = parrot(session).await;
    let start = start.set("SERVICES__FLAISIMULATOR__BASE_URL", &trainings).set("EXECUTIONS__WORKERS", 1);
    let gateway = start.run().await;
    for _ in 0..2 {
        let by_id = json!({"workflow": "training_sync", "payload": {"training_session": "s-1"}});
        let (status, answer) = execute(&gateway, &later(by_id)).await;
        assert_eq!(status, 202, "{answer}");
    }
    accept(&gateway, 0).await;
    until("the end of all executions", async || count(&server, UNFINISHED) == 0).await;
    let failed = "SELECT count(*) FROM executions WHERE state = 'failed' AND error->>'detail' LIKE '%cannot be stored%'";
    assert_eq!((count(&server, failed), count(&server, "SELECT count(*) FROM executions")), (2, 3));
    gateway.stop().await;
}
