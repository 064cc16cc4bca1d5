//! The whole table over a Redis that replicas share, with nothing left in memory from one step to the next.

use super::layer::Store;
use super::rig::Cached;
use super::suite::{listed, report};
use super::support::redis::Redis;
use super::themes::THEMES;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_holds_over_redis() {
    let redis = Redis::start();
    let store = Store::Redis(redis.url());
    let mut all = Vec::new();
    for (theme, cases) in THEMES {
        all.extend(report(theme, &cases(), Cached::Here(&store)).await);
    }
    assert!(all.is_empty(), "{}", listed(&all));
}
