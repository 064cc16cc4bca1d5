//! What one replica stored answers for the others.

use std::time::Duration;

use futures_util::future::join_all;
use integridai_tower::Clock;
use integridai_tower::cache::CacheOutcome;
use integridai_tower::cache::redis::RedisStoreOptions;

use crate::origin::Origin;
use crate::replica::{Replica, options};
use crate::support::redis::Redis;

/// Of the entries of the only URL there is.
pub(crate) fn only_key(redis: &Redis) -> String {
    let keys = redis.ask("KEYS *:url:*", "url").unwrap();
    keys.lines().find(|line| line.contains(":url:")).unwrap().to_owned()
}

#[tokio::test]
async fn what_one_replica_stored_is_a_hit_of_the_others() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let one = Replica::start(&redis.url(), &origin).await;
    let two = Replica::start(&redis.url(), &origin).await;
    for path in ["/a", "/large/a"] {
        let first = one.get(path).await;
        one.store.settled().await;
        let second = two.get(path).await;
        assert_eq!((first.outcome, second.outcome), (CacheOutcome::Stored, CacheOutcome::Hit));
        assert_eq!(first.content, second.content);
        for name in ["cache-control", "etag", "cache-tag"] {
            assert_eq!(first.headers.get(name), second.headers.get(name));
        }
        assert!(second.headers.contains_key("age"));
    }
    // From then on it is in memory there.
    let looked_up = two.status().hits;
    assert_eq!(two.get("/a").await.outcome, CacheOutcome::Hit);
    assert_eq!((two.status().hits, origin.calls()), (looked_up, 2));
}

#[tokio::test]
async fn variants_that_different_replicas_stored_are_all_there() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let encodings = ["gzip", "br", "zstd"];
    let url = redis.url();
    let replicas = join_all(encodings.map(|_| Replica::start(&url, &origin))).await;
    let asked = join_all(encodings.iter().zip(&replicas).map(|(encoding, replica)| async {
        replica.ask("/vary/a", encoding).await.unwrap();
        replica.store.settled().await;
    }));
    asked.await;
    assert_eq!(origin.calls(), 3);
    for (encoding, replica) in
        encodings.iter().flat_map(|encoding| replicas.iter().map(move |one| (encoding, one)))
    {
        let answer = replica.ask("/vary/a", encoding).await.unwrap();
        assert_eq!(
            (answer.outcome, &*answer.content),
            (CacheOutcome::Hit, format!("1{encoding}").as_bytes())
        );
    }
}

#[tokio::test]
async fn requests_for_one_url_share_one_look_up() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let one = Replica::start(&redis.url(), &origin).await;
    one.get("/a").await;
    one.store.settled().await;
    let two = Replica::start(&redis.url(), &origin).await;
    redis.ask("CONFIG RESETSTAT", "OK").unwrap();
    let answers = join_all((0..200).map(|_| two.get("/a"))).await;
    assert!(answers.iter().all(|answer| answer.outcome == CacheOutcome::Hit));
    let said = redis.ask("INFO commandstats", "cmdstat_hvals").unwrap();
    assert!(said.contains("cmdstat_hvals:calls=1,"), "{said}");
    assert_eq!((two.status().hits, origin.calls()), (200, 1));
}

#[tokio::test]
async fn who_looked_in_vain_finds_what_another_was_answered_meanwhile() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let one = Replica::start(&redis.url(), &origin).await;
    // The origin answers the first one before the others are polled again.
    let answers = join_all((0..20).map(|_| one.get("/a"))).await;
    assert_eq!((one.status().misses, origin.calls()), (20, 1), "{answers:?}");
}

#[tokio::test]
async fn what_another_replica_confirmed_needs_not_be_confirmed_again() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let clock = Clock::stopped(Duration::from_secs(1_800_000_000));
    let start = || Replica::with(&redis.url(), &origin, &options(), clock.clone());
    let [one, two] = [start(), start()];
    one.store.in_step().await;
    two.store.in_step().await;
    one.get("/a").await;
    one.store.settled().await;
    assert_eq!(two.get("/a").await.outcome, CacheOutcome::Hit);
    clock.advance(Duration::from_secs(4000));
    assert_eq!(one.get("/a").await.outcome, CacheOutcome::Confirmed);
    one.store.settled().await;
    assert_eq!(two.get("/a").await.outcome, CacheOutcome::Hit);
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn what_is_too_large_stays_in_memory() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let small = || options().largest_entry(50_000);
    let start = |options: RedisStoreOptions| Replica::with(&redis.url(), &origin, &options, Clock::system());
    let [one, two] = [start(small()), start(small())];
    one.store.in_step().await;
    two.store.in_step().await;
    one.get("/large/a").await;
    one.store.settled().await;
    assert_eq!(one.get("/large/a").await.outcome, CacheOutcome::Hit);
    assert_eq!(two.get("/large/a").await.outcome, CacheOutcome::Stored);
    assert_eq!((one.status().written, one.status().not_written), (0, 1));
}

#[tokio::test]
async fn an_entry_lives_in_redis_as_long_as_it_can_be_of_use() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let kept = options().keep_stale(Duration::from_secs(600));
    let one = Replica::with(&redis.url(), &origin, &kept, Clock::system());
    one.store.in_step().await;
    one.get("/a").await;
    one.store.settled().await;
    let said = redis.ask(&format!("PTTL {}", only_key(&redis)), ":").unwrap();
    let ms: u64 = said.lines().find_map(|line| line.strip_prefix(':')).unwrap().parse().unwrap();
    // An hour of freshness and ten minutes, and what the clocks may differ by.
    assert!((4_000_000..=4_210_000).contains(&ms), "{ms}");
}

#[tokio::test]
async fn once_the_store_is_dropped_the_work_ends_with_everything_written() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let one = Replica::start(&redis.url(), &origin).await;
    for at in 0..50 {
        one.get(&format!("/a/{at}")).await;
    }
    let Replica { work, service, handle, store } = one;
    drop((service, handle, store));
    work.await.unwrap();
    let two = Replica::start(&redis.url(), &origin).await;
    for at in 0..50 {
        assert_eq!(two.get(&format!("/a/{at}")).await.outcome, CacheOutcome::Hit);
    }
}
