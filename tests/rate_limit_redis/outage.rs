//! What becomes of requests while Redis does not answer, and afterwards.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use integridai_tower::rate_limit::redis::{Outage, RedisLimiter, RedisLimiterOptions};
use integridai_tower::rate_limit::{Key, Outcome, Quota, Verdict};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::support::redis::Redis;
use crate::until::until;

const HOUR_OF_TEN: fn() -> [Quota; 1] = || [Quota::per_hour(10)];

fn limiter(url: &str, outage: Outage) -> RedisLimiter {
    let options = RedisLimiterOptions::new().response_timeout(Duration::from_secs(2)).on_outage(outage);
    options.build(url, "api", HOUR_OF_TEN()).unwrap()
}

async fn verdicts(limiter: &RedisLimiter, asks: usize) -> Vec<Verdict> {
    let key = Key::from("k");
    let mut verdicts = Vec::new();
    for _ in 0..asks {
        verdicts.push(limiter.check(&key).await);
    }
    verdicts
}

fn admitted(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| verdict.is_admitted()).count()
}

/// Four of ten are taken, Redis is killed, twenty are asked, Redis is there again, empty, and twenty are asked.
async fn through_an_outage(outage: Outage) -> (Vec<Verdict>, Vec<Verdict>, RedisLimiter) {
    let redis = Redis::start();
    let port = redis.server().port();
    let limiter = limiter(&redis.url(), outage);
    assert_eq!(admitted(&verdicts(&limiter, 4).await), 4);
    drop(redis);
    let during = verdicts(&limiter, 20).await;
    let status = limiter.status();
    assert!(status.is_down && status.down_for.is_some(), "{status:?}");
    assert_eq!((status.outages, status.without_redis), (1, 20));
    let _redis = Redis::start_on(port);
    let key = Key::from("other");
    let asked = async || {
        let _ = limiter.check(&key).await;
        !limiter.status().is_down
    };
    let is_back = until(asked).await;
    assert!(is_back, "{:?}", limiter.status());
    let after = verdicts(&limiter, 20).await;
    (during, after, limiter)
}

#[tokio::test]
async fn refusing_admits_nobody_until_redis_is_back() {
    let (during, after, _) = through_an_outage(Outage::Refuse).await;
    assert!(during.iter().all(|verdict| verdict.outcome() == Outcome::Unavailable));
    assert_eq!(admitted(&after), 10);
}

#[tokio::test]
async fn admitting_lets_everybody_in_until_redis_is_back() {
    let (during, after, _) = through_an_outage(Outage::Admit).await;
    assert_eq!((admitted(&during), admitted(&after)), (20, 10));
    assert!(during.iter().all(|verdict| verdict.standing().is_none()));
}

#[tokio::test]
async fn a_local_share_admits_its_part_until_redis_is_back() {
    let (during, after, limiter) = through_an_outage(Outage::Local { replicas: 3 }).await;
    assert_eq!((admitted(&during), admitted(&after)), (4, 10), "a third of ten, rounded up");
    limiter.set_quotas([Quota::per_hour(30)]).unwrap();
    assert!(
        RedisLimiterOptions::new()
            .on_outage(Outage::Local { replicas: 0 })
            .build("redis://127.0.0.1:1", "api", HOUR_OF_TEN())
            .is_err()
    );
}

#[tokio::test]
async fn a_refund_goes_to_whoever_was_charged() {
    let redis = Redis::start();
    let port = redis.server().port();
    let limiter = limiter(&redis.url(), Outage::Local { replicas: 3 });
    let of_the_first = verdicts(&limiter, 1).await[0];
    drop(redis);
    let during = verdicts(&limiter, 4).await;
    assert_eq!(admitted(&during), 4, "the share of ten");
    assert!(!of_the_first.is_without_store() && during.iter().all(Verdict::is_without_store));
    let redis = Redis::start_on(port);
    let is_back = async || {
        let _ = limiter.check(&Key::from("other")).await;
        !limiter.status().is_down
    };
    assert!(until(is_back).await);
    assert_eq!(admitted(&verdicts(&limiter, 5).await), 5);
    let key = Key::from("k");
    let left = async || limiter.inspect(&key).await.standing().unwrap().remaining;
    limiter.give_back(&key, 1, &of_the_first).await;
    for verdict in &during[..2] {
        limiter.give_back(&key, 1, verdict).await;
    }
    assert_eq!(left().await, 5, "this Redis has charged five, and none of those");
    let of_the_second = limiter.check(&key).await;
    limiter.give_back(&key, 1, &of_the_second).await;
    assert_eq!(left().await, 5);
    drop(redis);
    assert_eq!(admitted(&verdicts(&limiter, 20).await), 2, "two of the share have come back");
}

#[tokio::test]
async fn a_redis_that_hangs_costs_one_request_its_timeout_and_the_next_ones_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let options = RedisLimiterOptions::new()
        .connection_timeout(Duration::from_millis(100))
        .response_timeout(Duration::from_millis(100));
    let limiter = options.build(&url, "api", HOUR_OF_TEN()).unwrap();
    let first = limiter.check(&Key::from("k")).await;
    assert_eq!(first.outcome(), Outcome::Unavailable);
    let _ = verdicts(&limiter, 1000).await;
    let status = limiter.status();
    assert_eq!((status.outages, status.without_redis), (1, 1001));
    let mut tries = 0;
    while listener.accept().now_or_never().is_some() {
        tries += 1;
    }
    assert!((1..100).contains(&tries), "{tries} of 1001 tried");
}

/// A Redis that is still loading, and counts how often it was asked for a decision.
async fn loading(listener: TcpListener, decisions: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let decisions = Arc::clone(&decisions);
        tokio::spawn(async move {
            let (reader, mut writer) = stream.into_split();
            let mut lines = BufReader::new(reader).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                if line.starts_with(b"EVALSHA") {
                    decisions.fetch_add(1, Ordering::SeqCst);
                }
                if line.starts_with(b"*") {
                    writer.write_all(b"-LOADING Redis is loading\r\n").await.unwrap();
                }
            }
        });
    }
}

#[tokio::test]
async fn after_an_outage_one_request_at_a_time_tries_redis() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let limiter = limiter(&format!("redis://{}", listener.local_addr().unwrap()), Outage::Refuse);
    let tries = Arc::new(AtomicU64::new(0));
    let server = tokio::spawn(loading(listener, Arc::clone(&tries)));
    let key = Key::from("k");
    assert_eq!(limiter.check(&key).await.outcome(), Outcome::Unavailable);
    let (mut asked, mut most) = (1, 0);
    let has_tried_often = async || {
        let before = tries.load(Ordering::SeqCst);
        join_all((0..100).map(|_| limiter.check(&key))).await;
        asked += 100;
        let now = tries.load(Ordering::SeqCst);
        most = most.max(now - before);
        now >= 4
    };
    assert!(until(has_tried_often).await);
    server.abort();
    let status = limiter.status();
    assert_eq!((status.outages, status.without_redis), (1, asked), "one outage, and everybody had an answer");
    assert_eq!(most, 1, "of a hundred");
}

#[test]
fn building_needs_neither_redis_nor_a_runtime() {
    let limiter = limiter("redis://127.0.0.1:1", Outage::Refuse);
    assert!(!limiter.status().is_down);
}
