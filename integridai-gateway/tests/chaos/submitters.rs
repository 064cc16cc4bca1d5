//! Clients that hand in executions, each under a key of its own, and again until they are answered.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use integridai_gateway::demo::Simulators;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::plan::fork;
use crate::support::{Seed, analysis, later, training};

/// Accepted but not done, at most: so that there are acceptances in all of the chaos, not only at its beginning.
const AHEAD: usize = 40;

/// The source of events of which it is not known whether they were taken.
pub(crate) const HURRIED: &str = "hurried";

/// What all of them share.
#[derive(Debug)]
pub(crate) struct Submitters {
    address: SocketAddr,
    client: Client,
    executions: usize,
    next: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// Without an answer, or told to come again.
    pub(crate) unanswered: AtomicUsize,
}

impl Submitters {
    pub(crate) fn new(address: SocketAddr, executions: usize) -> Arc<Self> {
        // A connection for each request: the balancer chooses anew. A paused replica is not waited for.
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(Duration::from_secs(3));
        let client = client.build().expect("no TLS is needed");
        let (next, requests, unanswered) = Default::default();
        Arc::new(Self { address, client, executions, next, requests, unanswered })
    }

    /// Hands in everything; each gives the ids that it was answered.
    pub(crate) fn start(
        self: &Arc<Self>,
        count: usize,
        simulators: &Arc<Simulators>,
        seed: &mut Seed,
    ) -> JoinSet<Vec<String>> {
        let mut submitters = JoinSet::new();
        for _ in 0..count {
            submitters.spawn(Arc::clone(self).hand_in(Arc::clone(simulators), fork(seed)));
        }
        submitters
    }

    async fn hand_in(self: Arc<Self>, simulators: Arc<Simulators>, mut seed: Seed) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= self.executions {
                return ids;
            }
            let dashboard = simulators.dashboard.control();
            dashboard.wait_until(|report| report.applied as usize + AHEAD > number).await;
            let id = self.until_accepted(number, &mut seed).await;
            // Now and then a client loses the answer that it had.
            if seed.between(0, 8) == 0 {
                assert_eq!(
                    self.until_accepted(number, &mut seed).await,
                    id,
                    "the same request, the same execution"
                );
            }
            self.look_at_figures().await;
            self.hurry(number, &mut seed).await;
            ids.push(id);
        }
    }

    async fn until_accepted(&self, number: usize, seed: &mut Seed) -> String {
        loop {
            self.requests.fetch_add(1, Ordering::SeqCst);
            if let Some(id) = self.ask(number).await {
                return id;
            }
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(seed.between(50, 400))).await;
        }
    }

    /// The id of the execution, if it is known to be accepted.
    async fn ask(&self, number: usize) -> Option<String> {
        let (request, id) = self.request(number);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.ok()?;
        match status {
            200 | 202 => Some(body.pointer(id).and_then(Value::as_str).expect("an id").to_owned()),
            503 => None,
            _ => panic!("{number}: {status} {body}"),
        }
    }

    /// A third of them are asked for by an event.
    fn request(&self, number: usize) -> (RequestBuilder, &'static str) {
        if number % 3 == 2 {
            return (self.event("patient", number), "/events/0/workflow_id");
        }
        let body = later(if number.is_multiple_of(3) { analysis(number) } else { training(number) });
        let request =
            self.post("/api/v1/gateway/execute").header("idempotency-key", format!("\"order-{number}\""));
        (request.json(&body), "/workflow_id")
    }

    /// An event that starts an execution, handed in once by somebody who may not wait for the answer.
    async fn hurry(&self, number: usize, seed: &mut Seed) {
        let patience = Duration::from_millis(seed.between(1, 200));
        // Nobody knows what became of it.
        let _ = timeout(patience, self.event(HURRIED, number).send()).await;
    }

    fn event(&self, source: &str, number: usize) -> RequestBuilder {
        let (id, data) = (format!("done-{number}"), training(number)["payload"].take());
        let event = json!({"type": "training.completed", "source": source, "id": id, "data": data});
        self.post("/api/v1/events").json(&event)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address))
    }

    /// Figures are kept in the Redis, and limits are counted there: without it both go on.
    async fn look_at_figures(&self) {
        let url = format!("http://{}/api/v1/metrics/consolidated", self.address);
        if let Ok(answer) = self.client.get(url).send().await {
            assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
        }
    }
}
