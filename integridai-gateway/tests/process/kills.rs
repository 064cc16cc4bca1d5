//! kill -9 in the middle of asynchronous executions: nothing accepted is lost, nothing is done twice.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use integridai_gateway::demo::{Failure, KeyUse, Latency, SimulatorOptions, Simulators};
use reqwest::Client;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{
    Gateway, QUIET_ADDRESS, Recorder, Seed, Start, analysis, ask, client, later, simulators, training, until,
    within,
};

const EXECUTIONS: usize = 300;
const CLIENTS: usize = 8;
const UPDATE: &str = "/api/update_metrics";

struct Scene {
    _folder: TempDir,
    database: PathBuf,
    simulators: Simulators,
    client: Client,
}

impl Scene {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let latency = Latency::Realistic { scale: 0.02 };
        let options = SimulatorOptions { latency, ..SimulatorOptions::default() };
        let simulators = Simulators::start(&options).unwrap();
        Self { database: folder.path().join("gateway.db"), _folder: folder, simulators, client: client() }
    }

    fn start(&self) -> Start {
        Start::new(&self.database).services(&self.simulators).at(QUIET_ADDRESS)
    }

    /// Waits until the Dashboard has taken so many updates.
    async fn applied(&self, count: u64) {
        let dashboard = self.simulators.dashboard.control();
        within("updates", dashboard.wait_until(|report| report.applied >= count)).await;
    }

    /// Waits for the end of everything the database knows of, and counts what went otherwise than it should.
    async fn assert_all_done_once(&self, accepted: &[String]) {
        until("the end of all executions", async || unfinished(&self.database) == 0).await;
        for id in accepted {
            assert_eq!(state(&self.database, id).as_deref(), Some("succeeded"), "{id}");
            let used = self.simulators.dashboard.control().key(&format!("{id}:dashboard"));
            assert_eq!(used.applied, 1, "{id}: {used:?}");
        }
        let report = self.simulators.dashboard.control().report();
        println!("{} accepted, {} applied, {} replayed", accepted.len(), report.applied, report.replayed);
        assert_eq!(report.applied, report.distinct_keys);
        let twice = |used: &KeyUse| used.applied != 1;
        assert!(!self.simulators.dashboard.control().keys().values().any(twice));
    }
}

fn read_only(database: &Path) -> Connection {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
}

fn unfinished(database: &Path) -> i64 {
    let statement = "SELECT count(*) FROM executions WHERE state IN ('queued', 'running')";
    read_only(database).query_row(statement, [], |row| row.get(0)).unwrap()
}

fn state(database: &Path, id: &str) -> Option<String> {
    let statement = "SELECT state FROM executions WHERE id = ?1";
    read_only(database).query_row(statement, [id], |row| row.get(0)).ok()
}

/// Sends all requests from several clients and answers the ids of those whose 202 was seen.
fn send(client: &Client, gateway: &Gateway, seen: &Arc<AtomicUsize>) -> JoinSet<Vec<String>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, url) = (client.clone(), gateway.url("/api/v1/gateway/execute"));
        let (next, seen) = (Arc::clone(&next), Arc::clone(seen));
        senders.spawn(async move {
            let mut accepted = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= EXECUTIONS {
                    return accepted;
                }
                let request = later(if number % 2 == 0 { analysis(number) } else { training(number) });
                // One that was under way when the gateway was killed may or may not have been accepted.
                let Ok(answer) = client.post(&url).json(&request).send().await else { continue };
                assert_eq!(answer.status(), 202);
                let Ok(body) = answer.json::<serde_json::Value>().await else { continue };
                accepted.push(body["workflow_id"].as_str().expect("an id").to_owned());
                seen.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    senders
}

async fn all(senders: JoinSet<Vec<String>>) -> Vec<String> {
    within("the answers", senders.join_all()).await.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_while_it_accepts_loses_nothing_and_repeats_nothing() {
    let (scene, mut seed) = (Scene::set(), Seed::of_now());
    let gateway = scene.start().run().await;
    let address = gateway.address;
    let seen = Arc::new(AtomicUsize::new(0));
    let senders = send(&scene.client, &gateway, &seen);
    let moment = seed.between(1, EXECUTIONS as u64 - 20) as usize;
    until("enough answers", async || seen.load(Ordering::SeqCst) >= moment).await;
    gateway.kill().await;
    let accepted = all(senders).await;
    assert!(accepted.len() >= moment && accepted.len() <= EXECUTIONS);

    let again = scene.start().at(address).run().await;
    assert_eq!(again.address, address);
    scene.assert_all_done_once(&accepted).await;
    let (status, shown) =
        ask(scene.client.get(again.url(&format!("/api/v1/gateway/executions/{}", accepted[0])))).await;
    assert_eq!((status, &shown["status"]), (200, &"succeeded".into()), "{shown}");
    assert_eq!(again.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_twice_in_a_row_finishes_everything_the_third_time() {
    let (scene, mut seed) = (Scene::set(), Seed::of_now());
    let gateway = scene.start().run().await;
    let address = gateway.address;
    let accepted = all(send(&scene.client, &gateway, &Arc::default())).await;
    assert_eq!(accepted.len(), EXECUTIONS);
    let first = scene.simulators.dashboard.control().report().applied;
    let first = (first + seed.between(1, 30)).min(EXECUTIONS as u64 - 60);
    scene.applied(first).await;
    gateway.kill().await;
    let again = scene.start().at(address).run().await;
    scene.applied(first + seed.between(1, 30)).await;
    again.kill().await;
    let last = scene.start().at(address).run().await;
    scene.assert_all_done_once(&accepted).await;
    assert_eq!(last.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_stopped_in_the_middle_goes_on_afterwards_without_repeating_a_single_call() {
    let (scene, mut seed) = (Scene::set(), Seed::of_now());
    let gateway = scene.start().run().await;
    let address = gateway.address;
    let accepted = all(send(&scene.client, &gateway, &Arc::default())).await;
    let applied = scene.simulators.dashboard.control().report().applied;
    scene.applied((applied + seed.between(1, 30)).min(EXECUTIONS as u64)).await;
    assert_eq!(gateway.stop().await.code, Some(0));
    let left = unfinished(&scene.database);
    println!("{left} left for the next start");
    let again = scene.start().at(address).run().await;
    scene.assert_all_done_once(&accepted).await;
    for service in [&scene.simulators.regtech, &scene.simulators.dashboard] {
        assert_eq!(service.control().report().duplicate_keys, 0, "{}", service.name());
    }
    assert_eq!(again.stop().await.code, Some(0));
}

#[tokio::test]
async fn an_answer_that_a_kill_cut_off_is_asked_for_again_with_the_same_key_and_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (simulators, recorder, client) = (simulators(), Recorder::start().await, client());
    recorder.be_silent(true);
    let start = Start::new(&folder.path().join("gateway.db"))
        .services(&simulators)
        .set("SERVICES__DASHBOARD__BASE_URL", recorder.url());
    let gateway = start.run().await;
    let by_id = serde_json::json!({"workflow": "training_sync", "payload": {"session_id": "demo-session"}});
    let requests = [analysis(1), training(1), by_id];
    for request in &requests {
        let url = gateway.url("/api/v1/gateway/execute");
        assert_eq!(ask(client.post(url).json(&later(request.clone()))).await.0, 202);
    }
    recorder.updates(requests.len()).await;
    gateway.kill().await;

    recorder.be_silent(false);
    let gateway = start.run().await;
    let updates = recorder.updates(2 * requests.len()).await;
    let (mut before, mut after) = (updates[..3].to_vec(), updates[3..].to_vec());
    before.sort_by(|one, other| one.idempotency_key.cmp(&other.idempotency_key));
    after.sort_by(|one, other| one.idempotency_key.cmp(&other.idempotency_key));
    assert_eq!(before, after);
    assert_eq!(gateway.stop().await.code, Some(0));
    assert_eq!(recorder.updates(6).await.len(), 6);
}

#[tokio::test]
async fn an_update_that_was_applied_before_the_kill_is_replayed_and_not_applied_again() {
    let scene = Scene::set();
    let dashboard = scene.simulators.dashboard.control();
    dashboard.fail(Failure::hang().after_applying().on(UPDATE));
    let gateway = scene.start().run().await;
    let mut accepted = Vec::new();
    for number in 0..10 {
        let request = later(if number % 2 == 0 { analysis(number) } else { training(number) });
        let (status, answer) =
            ask(scene.client.post(gateway.url("/api/v1/gateway/execute")).json(&request)).await;
        assert_eq!(status, 202, "{answer}");
        accepted.push(answer["workflow_id"].as_str().unwrap().to_owned());
    }
    scene.applied(10).await;
    gateway.kill().await;
    dashboard.heal();
    let gateway = scene.start().run().await;
    scene.assert_all_done_once(&accepted).await;
    let report = dashboard.report();
    assert_eq!((report.applied, report.replayed, report.duplicate_keys), (10, 10, 10));
    assert_eq!(gateway.stop().await.code, Some(0));
}

/// A reset is an answer of its own, and where no step is tried again later it is the last: the execution ends and says
/// so, and the next start does not begin it again.
#[tokio::test]
async fn an_update_whose_connection_was_reset_after_it_was_applied_is_not_applied_again() {
    let scene = Scene::set();
    let dashboard = scene.simulators.dashboard.control();
    dashboard.fail(Failure::reset().after_applying().on(UPDATE));
    let start = || scene.start().set("EXECUTIONS__MAX_TRIES", 1);
    let gateway = start().run().await;
    let (status, answer) =
        ask(scene.client.post(gateway.url("/api/v1/gateway/execute")).json(&later(analysis(1)))).await;
    assert_eq!(status, 202);
    let id = answer["workflow_id"].as_str().unwrap();
    until("the end", async || state(&scene.database, id).as_deref() == Some("succeeded")).await;
    gateway.kill().await;
    dashboard.heal();
    let gateway = start().run().await;
    let status = gateway.url(&format!("/api/v1/gateway/executions/{id}"));
    let (_, shown) = ask(scene.client.get(status)).await;
    assert_eq!(shown["result"]["dashboard_updated"], false, "{shown}");
    assert_eq!(shown["attempts"], 1, "{shown}");
    let used = dashboard.key(&format!("{id}:dashboard"));
    assert_eq!((used.requests, used.applied), (3, 1), "tried three times under one key");
    assert_eq!(gateway.stop().await.code, Some(0));
}

/// Its client has no answer, and cannot know how far it came: it sends the request again.
#[tokio::test]
async fn a_request_with_a_key_that_is_sent_again_after_a_kill_is_the_same_execution() {
    let scene = Scene::set();
    let dashboard = scene.simulators.dashboard.control();
    dashboard.fail(Failure::hang().after_applying().on(UPDATE));
    let gateway = scene.start().run().await;
    let request = |gateway: &Gateway| {
        let request = scene.client.post(gateway.url("/api/v1/gateway/execute"));
        request.header("idempotency-key", "\"order-7\"").json(&analysis(7))
    };
    let waiting = tokio::spawn(request(&gateway).send());
    scene.applied(1).await;
    gateway.kill().await;
    waiting.await.unwrap().expect_err("the answer was lost with the gateway");
    dashboard.heal();

    let gateway = scene.start().run().await;
    let mut answer = Value::Null;
    until("the answer", async || {
        let (status, body) = ask(request(&gateway)).await;
        assert!(matches!(status, 200 | 409), "{status} {body}");
        answer = body;
        status == 200
    })
    .await;
    assert_eq!(answer["dashboard_updated"], true, "{answer}");
    scene.assert_all_done_once(&[answer["workflow_id"].as_str().unwrap().to_owned()]).await;
    assert_eq!(dashboard.report().distinct_keys, 1, "one execution, however often it was asked for");
    assert_eq!(gateway.stop().await.code, Some(0));
}
