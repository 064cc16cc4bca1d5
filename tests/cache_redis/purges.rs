//! A purge of one replica is one of all.

use integridai_tower::cache::{CacheOutcome, Handle};

use crate::origin::Origin;
use crate::replica::{Replica, with_in_memory};
use crate::support::redis::Redis;

type How = fn(&Handle, bool);

const HOWS: [(&str, How); 4] = [
    ("url", |handle, is_soft| assert!(handle.purge_url(&"http://a.test/a/1".parse().unwrap(), is_soft))),
    ("prefix", |handle, is_soft| assert_eq!(handle.purge_prefix("http://a.test/a/", is_soft), 1)),
    ("tag", |handle, is_soft| assert_eq!(handle.purge_tag("a", is_soft), 1)),
    ("all", |handle, is_soft| assert_eq!(handle.purge_all(is_soft), 2)),
];

async fn purged(how: How, is_soft: bool) -> ([Replica; 3], Origin, Redis) {
    let (redis, origin) = (Redis::start(), Origin::default());
    let replicas: [Replica; 3] = with_in_memory(&redis.url(), &origin, &["/a/1", "/b/1"]).await;
    assert_eq!(origin.calls(), 2);
    how(&replicas[0].handle, is_soft);
    for replica in &replicas[1..] {
        replica.until(|status| status.heard == 1).await;
    }
    (replicas, origin, redis)
}

#[tokio::test]
async fn a_hard_purge_removes_from_redis_and_from_every_memory() {
    for (name, how) in HOWS {
        let (replicas, origin, _redis) = purged(how, false).await;
        let version = origin.change();
        for (at, replica) in replicas.iter().enumerate() {
            let answer = replica.get("/a/1").await;
            let expected = if at == 0 { CacheOutcome::Stored } else { CacheOutcome::Hit };
            assert_eq!((answer.outcome, answer.version()), (expected, version), "{name}, replica {at}");
            let other = replica.get("/b/1").await;
            assert_eq!(other.version(), if name == "all" { version } else { 1 }, "{name}, replica {at}");
            replica.store.settled().await;
        }
    }
}

#[tokio::test]
async fn what_was_purged_hard_does_not_stand_in_for_an_origin_that_fails() {
    for (name, how) in HOWS {
        let (replicas, origin, _redis) = purged(how, false).await;
        origin.fails(true);
        for replica in &replicas {
            assert!(replica.ask("/a/1", "").await.is_err(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_soft_purge_has_every_replica_ask_before_the_next_use() {
    for (name, how) in HOWS {
        let (replicas, origin, redis) = purged(how, true).await;
        for (at, replica) in replicas.iter().enumerate() {
            // What the first one was told is what the others find, in place of what they hold.
            let expected = if at == 0 { CacheOutcome::Confirmed } else { CacheOutcome::Hit };
            assert_eq!(replica.get("/a/1").await.outcome, expected, "{name}, replica {at}");
            replica.store.settled().await;
        }
        assert_eq!(origin.calls(), 3, "{name}");
        let late = Replica::start(&redis.url(), &origin).await;
        assert_eq!(late.get("/a/1").await.outcome, CacheOutcome::Hit, "{name}");
    }
}

#[tokio::test]
async fn a_soft_purge_reaches_what_is_only_in_redis() {
    for (name, how) in HOWS {
        let (replicas, origin, redis) = purged(how, true).await;
        drop(replicas);
        let late = Replica::start(&redis.url(), &origin).await;
        assert_eq!(late.get("/a/1").await.outcome, CacheOutcome::Confirmed, "{name}");
    }
}

#[tokio::test]
async fn an_unsafe_method_at_one_replica_invalidates_at_all() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let [one, two, three] = with_in_memory(&redis.url(), &origin, &["/a/1", "/b/1"]).await;
    let version = origin.change();
    one.post("/a/1").await;
    for replica in [&two, &three] {
        replica.until(|status| status.heard == 1).await;
    }
    for replica in [&two, &one, &three] {
        assert_eq!(replica.get("/a/1").await.version(), version);
        assert_eq!(replica.get("/b/1").await.version(), 1);
    }
}

#[tokio::test]
async fn what_this_replica_has_purged_is_not_read_from_redis_before_redis_knows() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let [one] = with_in_memory(&redis.url(), &origin, &["/a/1"]).await;
    one.store.clear_memory();
    let version = origin.change();
    one.handle.purge_tag("a", false);
    // Nothing was polled in between that could have told Redis.
    assert_eq!(one.get("/a/1").await.version(), version);
}

#[tokio::test]
async fn an_answer_that_was_asked_for_before_a_purge_elsewhere_is_not_stored() {
    let hows: [fn(&Handle); 4] = [
        |handle| _ = handle.purge_url(&"http://a.test/c/1".parse().unwrap(), false),
        |handle| _ = handle.purge_url(&"http://a.test/c/1".parse().unwrap(), true),
        |handle| _ = handle.purge_tag("c", false),
        |handle| _ = handle.purge_prefix("http://a.test/c", true),
    ];
    for (at, how) in hows.into_iter().enumerate() {
        let (redis, origin) = (Redis::start(), Origin::default());
        let [one, two, three] = with_in_memory(&redis.url(), &origin, &[]).await;
        origin.hold();
        let purge = async {
            while origin.calls() == 0 {
                tokio::task::yield_now().await;
            }
            how(&two.handle);
            one.until(|status| status.heard == 1).await;
            origin.change();
            origin.release();
        };
        let (late, ()) = tokio::join!(one.get("/c/1"), purge);
        assert_eq!(late.version(), 1, "{at}");
        one.store.settled().await;
        for replica in [&one, &two, &three] {
            assert_eq!(replica.get("/c/1").await.version(), 2, "{at}");
        }
    }
}
