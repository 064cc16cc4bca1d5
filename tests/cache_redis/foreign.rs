//! What others do to Redis, by mistake or to make room.

use integridai_tower::cache::CacheOutcome;

use crate::origin::Origin;
use crate::replica::{Replica, with_in_memory};
use crate::sharing::only_key;
use crate::support::redis::Redis;

async fn finds_nothing_and_repairs(spoil: impl Fn(&Redis, &str)) {
    let (redis, origin) = (Redis::start(), Origin::default());
    let [_one] = with_in_memory(&redis.url(), &origin, &["/a/1"]).await;
    spoil(&redis, &only_key(&redis));
    let [two, three] =
        [Replica::start(&redis.url(), &origin).await, Replica::start(&redis.url(), &origin).await];
    assert_eq!(two.get("/a/1").await.outcome, CacheOutcome::Stored);
    assert_eq!(two.status().unreadable, 1);
    two.store.settled().await;
    assert_eq!((three.get("/a/1").await.outcome, origin.calls()), (CacheOutcome::Hit, 2));
    assert!(two.status().is_in_step && two.status().outages == 0, "{:?}", two.status());
}

#[tokio::test]
async fn a_value_that_is_no_entry_is_not_there() {
    for text in ["garbage", "", "\\x01\\x00\\x00\\x00\\x00\\x00", "\\x02"] {
        finds_nothing_and_repairs(|redis, key| {
            redis.ask(&format!("DEL {key}"), ":1").unwrap();
            redis.ask(&format!("HSET {key} field \"{text}\""), ":1").unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn an_entry_that_is_damaged_is_not_there() {
    finds_nothing_and_repairs(|redis, key| {
        let damage = "local field = redis.call('HKEYS', KEYS[1])[1] local text = redis.call('HGET', KEYS[1], field) \
                      return redis.call('HSET', KEYS[1], field, string.sub(text, 1, #text - 1) .. 'x')";
        redis.ask(&format!("EVAL \"{damage}\" 1 {key}"), ":0").unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_type_is_not_there() {
    finds_nothing_and_repairs(|redis, key| {
        redis.ask(&format!("SET {key} garbage"), "OK").unwrap();
    })
    .await;
}

/// Replicas notice, use nothing of their memory as it is, and share again.
async fn comes_back_into_step(expected: CacheOutcome, spoil: impl Fn(&Redis)) {
    let (redis, origin) = (Redis::start(), Origin::default());
    let [one, two] = with_in_memory(&redis.url(), &origin, &["/a/1"]).await;
    let looked_up = two.status().hits;
    spoil(&redis);
    for replica in [&one, &two] {
        replica.until(|status| status.gaps == 1).await;
        replica.store.in_step().await;
    }
    assert_eq!(two.get("/a/1").await.outcome, expected);
    assert_eq!(two.status().hits > looked_up, expected == CacheOutcome::Hit);
    two.store.settled().await;
    assert_eq!(one.get("/a/1").await.outcome, CacheOutcome::Hit);
    one.handle.purge_tag("a", false);
    two.until(|status| status.heard == 1).await;
    let version = origin.change();
    assert_eq!(two.get("/a/1").await.version(), version);
}

#[tokio::test]
async fn a_redis_that_was_emptied_is_noticed() {
    let empty = |redis: &Redis| _ = redis.ask("FLUSHALL", "OK").unwrap();
    comes_back_into_step(CacheOutcome::Confirmed, empty).await;
}

#[tokio::test]
async fn a_log_that_was_evicted_is_noticed() {
    let evict = |redis: &Redis| _ = redis.ask("DEL cache:{test}:log", ":1").unwrap();
    comes_back_into_step(CacheOutcome::Confirmed, evict).await;
}

#[tokio::test]
async fn a_line_of_the_log_that_does_not_follow_on_the_one_before_counts_as_a_gap() {
    for line in ["a b", "after 1-1 by x kind url soft 0 what y"] {
        let write = |redis: &Redis| _ = redis.ask(&format!("XADD cache:{{test}}:log * {line}"), "-").unwrap();
        // In Redis are those entries that were not purged.
        comes_back_into_step(CacheOutcome::Hit, write).await;
    }
}

#[tokio::test]
async fn entries_from_before_a_log_that_was_lost_count_as_purged() {
    let (redis, origin) = (Redis::start(), Origin::default());
    drop(with_in_memory::<1>(&redis.url(), &origin, &["/a/1"]).await);
    redis.ask("DEL cache:{test}:log cache:{test}:bans", ":2").unwrap();
    let version = origin.change();
    let late = Replica::start(&redis.url(), &origin).await;
    assert_eq!(late.get("/a/1").await.version(), version);
}

#[tokio::test]
async fn a_redis_that_is_full_stores_nothing_and_is_not_away() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let [one] = with_in_memory(&redis.url(), &origin, &["/a/1"]).await;
    redis.ask("CONFIG SET maxmemory 1", "OK").unwrap();
    for at in 0..10 {
        assert_eq!(one.get(&format!("/b/{at}")).await.outcome, CacheOutcome::Stored);
    }
    one.store.settled().await;
    let status = one.status();
    assert_eq!((status.written, status.not_written, status.outages), (1, 10, 0), "{status:?}");
    redis.ask("CONFIG SET maxmemory 0", "OK").unwrap();
    one.get("/c/1").await;
    one.store.settled().await;
    assert_eq!(one.status().written, 2);
}
