//! Kept answers that gateways share, in a Redis of each test's own.

use http::Method;
use serde_json::{Value, json};

use crate::kept::{HIT, MISS, status};
use crate::servers::redis::Redis;
use crate::support::client::{CONSOLIDATED, HEALTH};
use crate::support::gateway::Gateway;
use crate::support::until;

const CACHE: &str = "/admin/v1/cache";
const PURGE: &str = "/admin/v1/cache/purge";

async fn gateway(url: &str) -> Gateway {
    let gateway = Gateway::with(&[
        ("ADMIN__LISTEN", "127.0.0.1:0"),
        ("REDIS__URL", url),
        ("REDIS__RESPONSE_TIMEOUT_SECONDS", "2"),
        ("METRICS__CACHE_SECONDS", "3600"),
    ])
    .await;
    until_in_step(&gateway, true).await;
    gateway
}

async fn shared(gateway: &Gateway) -> Value {
    gateway.admin().get(CACHE).await.ok()["redis"].clone()
}

async fn until_in_step(gateway: &Gateway, is_in_step: bool) {
    let what = format!("in step: {is_in_step}");
    until(&what, async || (shared(gateway).await["in_step"] == is_in_step).then_some(())).await;
}

async fn told(gateway: &Gateway) -> String {
    status(&gateway.client.get(CONSOLIDATED).await).to_owned()
}

/// Everything that was stored so far is in Redis.
async fn until_written(gateway: &Gateway, answers: u64) {
    until("the answer in Redis", async || {
        (shared(gateway).await["written"].as_u64() >= Some(answers)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_one_gateway_keeps_all_have_and_a_purge_at_one_is_a_purge_at_all() {
    let redis = Redis::start();
    let [one, two] = [gateway(&redis.url()).await, gateway(&redis.url()).await];
    assert!(told(&one).await.starts_with(MISS));
    until_written(&one, 1).await;
    assert!(told(&two).await.starts_with(HIT));
    let [first, second] = [one.client.get(CONSOLIDATED).await, two.client.get(CONSOLIDATED).await];
    assert_eq!(first.body, second.body);
    let purge = one.admin().request(Method::POST, PURGE).json(&json!({"path": CONSOLIDATED}));
    assert_eq!(one.admin().send(purge).await.ok(), json!({"purged": 1}));
    until("the purge at the other", async || (!told(&two).await.starts_with(HIT)).then_some(())).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn without_redis_each_keeps_its_own_and_health_says_so() {
    let redis = Redis::start();
    let port = redis.server().port();
    let gateway = gateway(&redis.url()).await;
    told(&gateway).await;
    drop(redis);
    until_in_step(&gateway, false).await;
    let health = gateway.client.get(HEALTH).await.ok();
    assert_eq!(
        (&health["status"], &health["checks"]["redis"], &health["reasons"]["redis"]),
        (&"degraded".into(), &"unhealthy".into(), &"it does not answer".into())
    );
    assert!(gateway.client.get(CONSOLIDATED).await.status == 200);
    let _redis = Redis::start_on(port);
    until_in_step(&gateway, true).await;
    until("health", async || {
        (gateway.client.get(HEALTH).await.ok()["checks"]["redis"] == "healthy").then_some(())
    })
    .await;
    gateway.stop().await;
}

#[tokio::test]
async fn answers_stay_at_home_where_that_is_wanted() {
    let redis = Redis::start();
    let settings = |url| [("ADMIN__LISTEN", "127.0.0.1:0"), ("REDIS__URL", url), ("CACHE__LOCAL", "true")];
    let url = redis.url();
    let [one, two] = [Gateway::with(&settings(&url)).await, Gateway::with(&settings(&url)).await];
    assert!(told(&one).await.starts_with(MISS) && told(&one).await.starts_with(HIT));
    assert!(told(&two).await.starts_with(MISS));
    assert_eq!(shared(&one).await, Value::Null);
    one.stop().await;
    two.stop().await;
}
