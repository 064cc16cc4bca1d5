//! Replicas that are killed and paused, a PostgreSQL and a Redis that are stopped and started again, at random moments,
//! while executions are accepted and done and subscribers follow the log: whatever was accepted ends once, has one effect
//! and one event, every subscriber has every event once and in order, and every call that was answered is in the log but for the
//! last of a gateway that was killed.
//!
//! The short form is part of every run of the tests. The full form, with 2 000 executions and 50 subscribers, takes some
//! minutes. Each test prints its seed, its plan and its figures; `CHAOS_SEED=7` takes that seed, and with it the same plan.
//!
//! ```sh
//! CHAOS_FORM=full cargo test -p integridai-gateway --all-features --test chaos -- --nocapture --test-threads=1
//! ```
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
#![allow(clippy::print_stdout, reason = "seeds, plans and figures")]

mod balancer;
mod calls;
mod ledger;
mod plan;
mod proof;
mod replicas;
mod scene;
#[path = "../process/servers/mod.rs"]
mod servers;
mod stream;
mod submitters;
mod subscribers;
#[path = "../process/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests of single processes use the rest")]
mod support;

use plan::{Form, Plan};
use scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_on_a_postgresql_and_a_redis_lose_nothing_and_repeat_nothing_in_the_chaos() {
    let plan = Plan::of_servers(Form::asked_for());
    Scene::with_servers(&plan).await.play(plan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_gateway_on_a_file_loses_nothing_and_repeats_nothing_in_the_chaos() {
    let plan = Plan::of_a_file(Form::asked_for());
    Scene::with_a_file(&plan).await.play(plan).await;
}
