//! All that takes part, and the play.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use integridai_gateway::demo::{Failure, Latency, SimulatorOptions, Simulators};
use tempfile::TempDir;
use tokio::task::{JoinSet, block_in_place};

use crate::balancer::Balancer;
use crate::calls;
use crate::ledger::{DATABASE, Ledger};
use crate::plan::{Deed, Plan};
use crate::proof;
use crate::replicas::Replicas;
use crate::servers::postgres::Postgres;
use crate::servers::redis::Redis;
use crate::submitters::Submitters;
use crate::subscribers::{Subscribers, Told};
use crate::support::{QUIET_ADDRESS, Seed, Start};

pub(crate) struct Scene {
    _folder: TempDir,
    simulators: Arc<Simulators>,
    balancer: Balancer,
    replicas: Replicas,
    ledger: Ledger,
    redis: Option<Redis>,
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

const LIMITS: &str =
    r#"{ execute = { by = "address", quotas = [{ limit = 1000000, period_seconds = 60 }] } }"#;

impl Scene {
    pub(crate) async fn with_servers(plan: &Plan) -> Self {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        let url = postgres.create_database(DATABASE);
        let start = Start::on_server(&url)
            .set("REDIS__URL", redis.url())
            .set("RATE_LIMITS__DISABLED", false)
            .set("RATE_LIMITS__POLICIES", LIMITS);
        Self::set(plan, tempfile::tempdir().unwrap(), &start, Ledger::Server(postgres), Some(redis)).await
    }

    pub(crate) async fn with_a_file(plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.db");
        let start = Start::new(&path);
        Self::set(plan, folder, &start, Ledger::File(path), None).await
    }

    async fn set(plan: &Plan, folder: TempDir, start: &Start, ledger: Ledger, redis: Option<Redis>) -> Self {
        let latency = Latency::Realistic { scale: 0.2 };
        let simulators = Simulators::start(&SimulatorOptions { latency, ..SimulatorOptions::default() });
        let simulators = Arc::new(simulators.expect("loopback has free ports"));
        let balancer = Balancer::start(plan.replicas).await;
        let start = start
            .clone()
            .at(QUIET_ADDRESS)
            .services(&simulators)
            .logs("warn")
            .set("EXECUTIONS__WORKERS", 4)
            .set("EXECUTIONS__LEASE_SECONDS", 2)
            .set("EXECUTIONS__BACKOFF_SECONDS", 0.2)
            .set("EXECUTIONS__MAX_BACKOFF_SECONDS", 1)
            .set("SERVICES__DASHBOARD__RESILIENCE__OPEN_AFTER_FAILURES", 1_000)
            .set("TRIGGERS__WORKFLOWS", r#"{ "training.completed" = "training_sync" }"#);
        let start = |number: usize| match &ledger {
            Ledger::Server(_) => {
                let spool = folder.path().join(format!("spool-{number}"));
                start.clone().set("DATABASE__SPOOL", format!("{{ path = {spool:?}, max_mib = 16 }}"))
            }
            Ledger::File(_) => start.clone(),
        };
        let starts = (0..plan.replicas).map(start);
        let replicas = Replicas::start(starts.collect(), balancer.targets()).await;
        Self { _folder: folder, simulators, balancer, replicas, ledger, redis }
    }

    pub(crate) async fn play(self, plan: Plan) {
        let limit = plan.limit;
        let played = tokio::time::timeout(limit, self.run(plan)).await;
        assert!(played.is_ok(), "not within {limit:?}");
    }

    async fn run(mut self, mut plan: Plan) {
        let begun = Instant::now();
        let submitters = Submitters::new(self.balancer.address, plan.executions);
        let subscribers = Subscribers::new(self.balancer.address);
        let submitting = submitters.start(plan.submitters, &self.simulators, &mut plan.seed);
        let following = subscribers.start(plan.subscribers, &mut plan.seed);
        self.misbehave(&plan.deeds, &mut plan.seed).await;
        println!("all deeds are done after {:?}", begun.elapsed());
        let mut accepted = all(submitting).await.concat();
        while self.ledger.value(proof::UNFINISHED) != "0" {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        println!("all executions have ended after {:?}", begun.elapsed());
        accepted.extend(proof::accepted_unseen(&self.ledger));
        let told = self.prove(&accepted, &subscribers, following).await;
        println!(
            "{} executions, {} requests, {} unanswered; {} interruptions; the dashboard was asked {} times and changed {}; \
             {} subscribers, {} connections, {} events; {:?}",
            accepted.len(),
            submitters.requests.load(Ordering::SeqCst),
            submitters.unanswered.load(Ordering::SeqCst),
            self.ledger.value("SELECT CAST(sum(interruptions) AS TEXT) FROM executions"),
            self.simulators.dashboard.control().report().applied
                + self.simulators.dashboard.control().report().replayed,
            self.simulators.dashboard.control().report().applied,
            told.len(),
            subscribers.connections.load(Ordering::SeqCst),
            told.iter().map(Vec::len).sum::<usize>(),
            begun.elapsed()
        );
        let answered = self.replicas.stop().await;
        let lost = calls::the_calls_are_complete(&self.ledger, &answered);
        println!("{} gateways, of whose calls those that were killed took {lost} along", answered.len());
    }

    async fn misbehave(&mut self, deeds: &[(usize, Deed)], seed: &mut Seed) {
        for &(moment, deed) in deeds {
            let dashboard = self.simulators.dashboard.control();
            dashboard.wait_until(|report| report.applied as usize >= moment).await;
            let replica = seed.between(0, self.replicas.count() as u64) as usize;
            match deed {
                Deed::Kill => self.replicas.kill(replica).await,
                Deed::Restart => self.replicas.restart(replica).await,
                Deed::LoseAnswers(count) => {
                    dashboard.fail(Failure::reset().after_applying().on("/api/update_metrics").times(count));
                }
                Deed::Pause(length) => self.replicas.pause(replica, length).await,
                Deed::StopPostgres(length, kills) => {
                    // One that still starts could not be killed before the database is back.
                    self.replicas.settle(replica).await;
                    block_in_place(|| self.ledger.server().stop());
                    if kills {
                        self.replicas.kill(replica).await;
                    }
                    tokio::time::sleep(length).await;
                    block_in_place(|| self.ledger.server().start_again());
                }
                Deed::StopRedis(length) => {
                    let redis = self.redis.as_mut().expect("there is one");
                    block_in_place(|| redis.stop());
                    tokio::time::sleep(length).await;
                    block_in_place(|| redis.start_again());
                }
            }
        }
    }

    async fn prove(
        &self,
        accepted: &[String],
        subscribers: &Subscribers,
        following: JoinSet<Told>,
    ) -> Vec<Told> {
        proof::every_event_has_had_its_effect(&self.ledger);
        proof::nothing_is_lost(&self.ledger, accepted);
        proof::nothing_is_done_twice(self.simulators.dashboard.control(), accepted);
        let log = proof::the_log_is_complete(&self.ledger, accepted);
        subscribers.end_after(log.last().expect("an event").0);
        let told = all(following).await;
        proof::everybody_was_told_everything(&log, &told);
        told
    }
}

/// What each gives; the first that panics is the report.
async fn all<T: 'static>(mut tasks: JoinSet<T>) -> Vec<T> {
    let mut given = Vec::new();
    while let Some(one) = tasks.join_next().await {
        match one {
            Ok(one) => given.push(one),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    given
}
