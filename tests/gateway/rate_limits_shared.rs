//! Rate limits that gateways count together, in a Redis of each test's own.

use serde_json::Value;

use crate::servers::redis::Redis;
use crate::support::client::{CONSOLIDATED, HEALTH};
use crate::support::gateway::Gateway;
use crate::support::until;

/// Four a day, of which a gateway of two has two.
async fn gateway(url: &str, on_outage: &str) -> Gateway {
    let policies = format!(
        r#"{{ metrics = {{ by = "address", routes = ["{CONSOLIDATED}"], quotas = [{{ limit = 4, period_seconds = 86400 }}] }} }}"#
    );
    Gateway::with(&[
        ("RATE_LIMITS__DISABLED", "false"),
        ("RATE_LIMITS__POLICIES", &policies),
        ("REDIS__URL", url),
        ("REDIS__RESPONSE_TIMEOUT_SECONDS", "2"),
        ("REDIS__ON_OUTAGE", on_outage),
        ("REDIS__REPLICAS", "2"),
    ])
    .await
}

async fn statuses(gateway: &Gateway, requests: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..requests {
        statuses.push(gateway.client.get(CONSOLIDATED).await.status);
    }
    statuses
}

async fn until_redis_is(gateway: &Gateway, outcome: &str) -> Value {
    until(&format!("redis {outcome}"), async || {
        let health = gateway.client.get(HEALTH).await.ok();
        (health["checks"]["redis"] == outcome).then_some(health)
    })
    .await
}

/// The answers while Redis is gone, after one that was counted there, and once it is back and empty.
async fn through_an_outage(on_outage: &str) -> (Vec<u16>, Vec<u16>) {
    let redis = Redis::start();
    let port = redis.server().port();
    let gateway = gateway(&redis.url(), on_outage).await;
    assert_eq!(statuses(&gateway, 1).await, [200]);
    assert_eq!(until_redis_is(&gateway, "healthy").await["status"], "healthy");
    drop(redis);
    let during = statuses(&gateway, 5).await;
    let health = until_redis_is(&gateway, "unhealthy").await;
    assert_eq!(
        (&health["status"], &health["reasons"]["redis"]),
        (&"degraded".into(), &"it does not answer".into())
    );
    let _redis = Redis::start_on(port);
    until_redis_is(&gateway, "healthy").await;
    let after = statuses(&gateway, 5).await;
    gateway.stop().await;
    (during, after)
}

const AS_EVER: [u16; 5] = [200, 200, 200, 200, 429];

#[tokio::test]
async fn two_gateways_share_one_limit() {
    let redis = Redis::start();
    let [one, two] = [gateway(&redis.url(), "refuse").await, gateway(&redis.url(), "refuse").await];
    assert_eq!(statuses(&one, 2).await, [200, 200]);
    assert_eq!(statuses(&two, 3).await, [200, 200, 429]);
    let refused = one.client.get(CONSOLIDATED).await;
    refused.problem(429);
    assert_eq!(refused.header("ratelimit-policy"), "\"metrics\";q=4;w=86400");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn without_redis_requests_are_refused_where_that_is_wanted() {
    let (during, after) = through_an_outage("refuse").await;
    assert_eq!((during, after), (vec![503; 5], AS_EVER.to_vec()));
}

#[tokio::test]
async fn without_redis_requests_pass_where_that_is_wanted() {
    let (during, after) = through_an_outage("admit").await;
    assert_eq!((during, after), (vec![200; 5], AS_EVER.to_vec()));
}

#[tokio::test]
async fn without_redis_each_gateway_admits_its_share_where_that_is_wanted() {
    let (during, after) = through_an_outage("local").await;
    assert_eq!((during, after), (vec![200, 200, 429, 429, 429], AS_EVER.to_vec()));
}

/// So many a day, of which gateways take blocks ahead.
async fn leasing_gateway(url: &str, limit: u32) -> Gateway {
    let policies = format!(
        r#"{{ metrics = {{ by = "address", leases = true, routes = ["{CONSOLIDATED}"], quotas = [{{ limit = {limit}, period_seconds = 86400 }}] }} }}"#
    );
    Gateway::with(&[
        ("RATE_LIMITS__DISABLED", "false"),
        ("RATE_LIMITS__POLICIES", &policies),
        ("REDIS__URL", url),
        ("REDIS__RESPONSE_TIMEOUT_SECONDS", "2"),
    ])
    .await
}

/// How often a script was run there.
fn questions(redis: &Redis) -> u64 {
    let answer = redis.ask("INFO commandstats", "+OK").expect("it answers");
    let line = answer.lines().find(|line| line.starts_with("cmdstat_evalsha:")).expect("some were asked");
    let calls = line.split_once("calls=").and_then(|(_, rest)| rest.split_once(','));
    calls.expect("a count").0.parse().expect("a number")
}

fn passed(statuses: &[u16]) -> usize {
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

#[tokio::test]
async fn two_gateways_with_leases_share_one_limit_to_the_last_request() {
    let redis = Redis::start();
    let [one, two] = [leasing_gateway(&redis.url(), 40).await, leasing_gateway(&redis.url(), 40).await];
    let mut total = 0;
    for _ in 0..5 {
        total += passed(&statuses(&one, 3).await) + passed(&statuses(&two, 3).await);
    }
    assert_eq!(total, 30, "there is enough for both");
    // What one holds the other gets once it has gone.
    one.stop().await;
    let rest = passed(&statuses(&two, 3).await);
    two.stop().await;
    let three = leasing_gateway(&redis.url(), 40).await;
    let last = passed(&statuses(&three, 20).await);
    three.stop().await;
    assert_eq!(total + rest + last, 40);
}

#[tokio::test]
async fn a_gateway_with_leases_gives_back_what_it_holds_when_it_stops() {
    let redis = Redis::start();
    let gateway = leasing_gateway(&redis.url(), 400).await;
    let mut used = 0;
    until("a request that costs no question", async || {
        used += passed(&statuses(&gateway, 1).await);
        let asked = questions(&redis);
        used += passed(&statuses(&gateway, 1).await);
        (questions(&redis) == asked).then_some(())
    })
    .await;
    gateway.stop().await;
    let next = leasing_gateway(&redis.url(), 400).await;
    let rest = passed(&statuses(&next, 420).await);
    assert_eq!(used + rest, 400, "nothing is lost and nothing gained");
    next.stop().await;
}
