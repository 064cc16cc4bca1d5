//! Two gateways that share a PostgreSQL: one queue, one log of events.
use std::collections::HashSet;

use reqwest::{Client, Response};
use serde_json::Value;

use crate::servers::postgres::Postgres;
use crate::support::{
    Gateway, Recorder, Start, analysis, ask, client, later, simulators, training, until, within,
};

const EXECUTE: &str = "/api/v1/gateway/execute";
const LEASE_SECONDS: u64 = 2;

fn query(server: &Postgres, statement: &str) -> String {
    server.query("gateway", statement)
}

/// What a gateway tells its subscribers, as it comes.
struct Subscriber {
    answer: Response,
    text: String,
}

impl Subscriber {
    async fn at(client: &Client, gateway: &Gateway, query: &str) -> Self {
        let url = gateway.url(&format!("/api/v1/realtime/events{query}"));
        let answer = client.get(url).send().await.expect("answered");
        assert_eq!(answer.status(), 200);
        Self { answer, text: String::new() }
    }

    /// Reads on until so many events of the type are there; answers the data of all of them.
    async fn until(&mut self, event_type: &str, count: usize) -> Vec<Value> {
        let reading = async {
            loop {
                let events = self.events(event_type);
                if events.len() >= count {
                    return events;
                }
                let chunk = self.answer.chunk().await.expect("it goes on").expect("it does not end");
                self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
            }
        };
        within("the events", reading).await
    }

    fn events(&self, event_type: &str) -> Vec<Value> {
        let whole = self.text.rfind("\n\n").map_or("", |end| &self.text[..end]);
        let lines = whole.lines().filter_map(|line| line.strip_prefix("data:"));
        let events = lines.map(|data| serde_json::from_str::<Value>(data).expect("JSON"));
        events.filter(|event| event["type"] == event_type).collect()
    }
}

fn start(url: &str) -> Start {
    Start::on_server(url).set("EXECUTIONS__WORKERS", 2).set("EXECUTIONS__LEASE_SECONDS", LEASE_SECONDS)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_work_on_one_queue_and_when_one_is_killed_the_other_takes_over_and_tells_all_of_it() {
    let (server, simulators, recorder, client) =
        (Postgres::start(), simulators(), Recorder::start().await, client());
    let url = server.create_database("gateway");
    let start = start(&url).services(&simulators).set("SERVICES__DASHBOARD__BASE_URL", recorder.url());
    let (killed, survivor) = (start.run().await, start.run().await);
    let topics = "?topics=analysis_complete,training_progress&cursor=0";
    let mut subscriber = Subscriber::at(&client, &survivor, topics).await;
    let execute = async |request: Value| ask(client.post(killed.url(EXECUTE)).json(&request)).await;

    let (status, answer) = execute(analysis(0)).await;
    assert_eq!(status, 200, "{answer}");
    let told = subscriber.until("analysis_complete", 1).await;
    assert_eq!(told.len(), 1, "what ran at one is told at the other, once");

    recorder.be_silent(true);
    for number in 0..4 {
        assert_eq!(execute(later(training(number))).await.0, 202);
    }
    recorder.updates(1 + 4).await;
    let workers =
        "SELECT count(*) || ' by ' || count(DISTINCT worker) FROM executions WHERE state = 'running'";
    assert_eq!(query(&server, workers), "4 by 2", "each of them has as many as it has workers");
    killed.kill().await;
    recorder.be_silent(false);

    let unfinished = "SELECT count(*) FROM executions WHERE state IN ('queued', 'running')";
    until("the end of all executions", async || query(&server, unfinished) == "0").await;
    let ended = "SELECT count(*) || ' ' || sum(interruptions) FROM executions
                 WHERE state = 'succeeded' AND workflow = 'training_sync'";
    assert_eq!(query(&server, ended), "4 2", "the two of the one that was killed were cut short once");
    let keys: HashSet<String> =
        recorder.updates(1 + 4 + 2).await.into_iter().map(|update| update.idempotency_key).collect();
    assert_eq!(keys.len(), 1 + 4, "the same effect is asked for with the same key");
    let told = subscriber.until("training_progress", 4).await;
    let ids: HashSet<String> = told.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((told.len(), ids.len()), (4, 4), "each is told once");
    assert_eq!(survivor.stop().await.code, Some(0));
}
