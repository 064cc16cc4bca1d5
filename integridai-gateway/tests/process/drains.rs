//! SIGTERM: what is under way ends well, what does not end is cut, and nothing that was answered is missing.
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use integridai_gateway::demo::{Failure, Simulators};
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{Gateway, Start, analysis, ask, client, later, simulators, until, within};

const ANALYZE: &str = "/analyze_provider";

struct Scene {
    _folder: TempDir,
    database: PathBuf,
    simulators: Simulators,
    client: Client,
}

impl Scene {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("gateway.db");
        Self { _folder: folder, database, simulators: simulators(), client: client() }
    }

    fn start(&self) -> Start {
        Start::new(&self.database).services(&self.simulators)
    }

    /// Sends an analysis and waits until RegTech has it.
    async fn stuck_analysis(&self, gateway: &Gateway) -> JoinHandle<reqwest::Result<reqwest::Response>> {
        let request = self.client.post(gateway.url("/api/v1/gateway/execute")).json(&analysis(1));
        let answer = tokio::spawn(request.send());
        self.at_regtech().await;
        answer
    }

    async fn at_regtech(&self) {
        let regtech = self.simulators.regtech.control();
        let arrived = regtech.wait_until(|report| report.in_flight > 0 && report.total(ANALYZE) == 0);
        within("the call of RegTech", arrived).await;
    }
}

fn count(database: &Path, query: &str) -> i64 {
    rusqlite::Connection::open(database).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_request_in_flight_finishes_while_sockets_are_told_and_nobody_new_gets_in() {
    let scene = Scene::set();
    let gateway = scene.start().run().await;
    let address = gateway.address;
    let url = format!("ws://{address}/api/v1/realtime/subscribe");
    let (mut socket, _) = within("the handshake", tokio_tungstenite::connect_async(url)).await.unwrap();
    let first = within("the first event", socket.next()).await.unwrap().unwrap();
    assert!(first.to_text().unwrap().contains("metrics_update"), "{first}");
    let slow = Failure::slow(Duration::from_secs(2)).on(ANALYZE);
    scene.simulators.regtech.control().fail(slow);
    let answer = scene.stuck_analysis(&gateway).await;

    gateway.signal("TERM");
    until("the closed door", async || TcpStream::connect(address).await.is_err()).await;
    let goodbye = within("the goodbye", async {
        loop {
            match socket.next().await.expect("a goodbye before the end").expect("a frame") {
                Message::Close(frame) => break frame.expect("a reason"),
                _ => continue,
            }
        }
    })
    .await;
    assert_eq!(goodbye.code, CloseCode::Away);
    let answer = within("the answer", answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["success"], &body["dashboard_updated"]), (&true.into(), &true.into()), "{body}");
    assert_eq!(gateway.exit().await.code, Some(0));

    let calls =
        "SELECT count(*) FROM api_calls_log WHERE endpoint = '/api/v1/gateway/execute' AND status_code = 200";
    assert_eq!(count(&scene.database, calls), 1);
    let events = "SELECT count(*) FROM system_events WHERE event_type = 'analysis_complete'";
    assert_eq!(count(&scene.database, events), 1);
    let again = scene.start().run().await;
    let id = body["workflow_id"].as_str().unwrap();
    let (status, shown) = ask(scene.client.get(again.url(&format!("/api/v1/gateway/executions/{id}")))).await;
    assert_eq!((status, &shown["status"]), (200, &"succeeded".into()), "{shown}");
}

#[tokio::test]
async fn everything_that_was_answered_under_load_is_in_the_file() {
    let scene = Scene::set();
    let gateway = scene.start().logs("warn").run().await;
    let mut senders = JoinSet::new();
    for _ in 0..8 {
        let (client, url) = (scene.client.clone(), gateway.url("/api/v1/gateway/execute"));
        senders.spawn(async move {
            let mut ids = Vec::new();
            while let Ok(answer) = client.post(&url).json(&analysis(ids.len())).send().await {
                assert_eq!(answer.status(), 200);
                let Ok(body) = answer.json::<Value>().await else { break };
                ids.push(body["workflow_id"].as_str().expect("an id").to_owned());
            }
            ids
        });
    }
    let dashboard = scene.simulators.dashboard.control();
    within("some updates", dashboard.wait_until(|report| report.applied >= 200)).await;
    assert_eq!(gateway.stop().await.code, Some(0));
    let answered = within("the end of the senders", senders.join_all()).await.concat();
    assert!(answered.len() >= 190, "{}", answered.len());
    let file = rusqlite::Connection::open(&scene.database).unwrap();
    let mut known = file.prepare("SELECT 1 FROM executions WHERE id = ?1 AND state = 'succeeded'").unwrap();
    for id in &answered {
        assert!(known.exists([id]).unwrap(), "{id} was answered and is not in the file");
    }
    let calls = count(&scene.database, "SELECT count(*) FROM api_calls_log WHERE method = 'POST'");
    assert!(calls >= i64::try_from(answered.len()).unwrap(), "{calls} of {}", answered.len());
}

#[tokio::test]
async fn a_second_signal_ends_the_gateway_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM")] {
        let scene = Scene::set();
        scene.simulators.regtech.control().fail(Failure::hang().on(ANALYZE));
        let mut gateway = scene.start().set("SERVER__GRACE_SECONDS", 600).run().await;
        let answer = scene.stuck_analysis(&gateway).await;
        gateway.signal(first);
        gateway.says("draining").await;
        gateway.signal(second);
        assert_eq!(gateway.exit().await.code, Some(130));
        assert!(within("the cut", answer).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_period_is_cut_and_the_end_is_a_good_one() {
    let scene = Scene::set();
    scene.simulators.regtech.control().fail(Failure::hang().on(ANALYZE));
    let gateway = scene.start().set("SERVER__GRACE_SECONDS", 0.5).run().await;
    let answer = scene.stuck_analysis(&gateway).await;
    let exit = gateway.stop().await;
    assert_eq!(exit.code, Some(0));
    assert!(within("the cut", answer).await.unwrap().is_err());
    let last: Value = serde_json::from_str(exit.log.last().unwrap()).unwrap();
    assert_eq!((&last["message"], &last["aborted"]), (&"drained".into(), &1.into()), "{last}");
    let cut = "SELECT count(*) FROM api_calls_log WHERE endpoint = '/api/v1/gateway/execute'";
    assert_eq!(count(&scene.database, cut), 1, "a request that was cut is recorded too");
}

#[tokio::test]
async fn an_execution_that_outlives_the_grace_period_is_resumed_by_the_next_start() {
    let scene = Scene::set();
    scene.simulators.regtech.control().fail(Failure::hang().on(ANALYZE));
    let gateway = scene.start().set("SERVER__GRACE_SECONDS", 0.5).run().await;
    let url = gateway.url("/api/v1/gateway/execute");
    let (status, accepted) = ask(scene.client.post(url).json(&later(analysis(1)))).await;
    assert_eq!(status, 202, "{accepted}");
    scene.at_regtech().await;
    assert_eq!(gateway.stop().await.code, Some(0));
    assert_eq!(scene.simulators.dashboard.control().report().applied, 0);

    scene.simulators.regtech.control().heal();
    let gateway = scene.start().run().await;
    let url = gateway.url(accepted["location"].as_str().unwrap());
    let mut shown = Value::Null;
    until("the end", async || {
        shown = ask(scene.client.get(&url)).await.1;
        shown["status"] == "succeeded"
    })
    .await;
    assert_eq!((&shown["attempts"], &shown["result"]["dashboard_updated"]), (&1.into(), &true.into()));
    assert_eq!(gateway.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_signal_that_comes_while_the_gateway_starts_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (database, lock) = (folder.path().join("gateway.db"), folder.path().join("gateway.db.lock"));
    for _ in 0..5 {
        let starting = Start::new(&database).spawn();
        until("the lock", async || lock.exists()).await;
        starting.signal("TERM");
        assert_eq!(starting.exit().await.code, Some(0));
        std::fs::remove_file(&lock).unwrap();
    }
}

#[tokio::test]
async fn a_subscriber_that_takes_nothing_does_not_hold_up_the_end() {
    let scene = Scene::set();
    let gateway = scene.start().run().await;
    let url = format!("ws://{}/api/v1/realtime/subscribe", gateway.address);
    let (mut deaf, _) = within("the handshake", tokio_tungstenite::connect_async(url)).await.unwrap();
    deaf.send(Message::text("ping")).await.unwrap();
    gateway.signal("TERM");
    assert_eq!(gateway.exit().await.code, Some(0));
    drop(deaf);
}
