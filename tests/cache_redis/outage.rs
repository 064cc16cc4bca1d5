//! What becomes of requests while Redis is away, and of what was missed meanwhile.

use std::net::Ipv4Addr;
use std::time::Duration;

use integridai_tower::Clock;
use integridai_tower::cache::CacheOutcome;
use integridai_tower::cache::redis::RedisStoreOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::origin::Origin;
use crate::replica::{Replica, options, with_in_memory};
use crate::support::redis::Redis;
use crate::wire::Wire;

#[tokio::test]
async fn no_request_fails_through_an_outage_and_replicas_share_again_after_it() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let port = redis.server().port();
    let [one, two] = with_in_memory(&redis.url(), &origin, &["/a/1"]).await;
    drop(redis);
    for at in 0..200 {
        assert_eq!(one.get(&format!("/b/{at}")).await.outcome, CacheOutcome::Stored);
        assert_eq!(two.get("/a/1").await.outcome, CacheOutcome::Hit);
    }
    for replica in [&one, &two] {
        replica.until(|status| !status.is_in_step).await;
        assert_eq!(replica.status().outages, 1);
        assert!(replica.status().apart_for.is_some());
    }
    let _redis = Redis::start_on(port);
    for replica in [&one, &two] {
        replica.store.in_step().await;
        // That Redis knows of nothing that may have been purged.
        assert_eq!(replica.status().gaps, 1);
    }
    assert_eq!(two.get("/a/1").await.outcome, CacheOutcome::Confirmed);
    two.store.settled().await;
    assert_eq!(one.get("/a/1").await.outcome, CacheOutcome::Hit);
    one.get("/c/1").await;
    one.store.settled().await;
    assert_eq!(two.get("/c/1").await.outcome, CacheOutcome::Hit);
}

#[tokio::test]
async fn a_replica_that_was_cut_off_makes_up_for_what_it_missed_and_for_nothing_else() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let wire = Wire::to(redis.server().port()).await;
    let [one] = with_in_memory(&redis.url(), &origin, &["/a/1", "/b/1", "/c/1", "/d/1", "/e/1"]).await;
    let [two] = with_in_memory(&wire.url(), &origin, &["/a/1", "/b/1", "/c/1", "/d/1", "/e/1"]).await;
    wire.cut();
    two.until(|status| !status.is_in_step).await;
    let version = origin.change();
    one.handle.purge_url(&"http://a.test/a/1".parse().unwrap(), false);
    one.handle.purge_tag("b", false);
    one.handle.purge_prefix("http://a.test/c/", true);
    one.post("/d/1").await;
    one.store.settled().await;
    // For as long as it is trusted, what it holds answers.
    assert_eq!(two.get("/a/1").await.version(), 1);
    wire.mend();
    two.store.in_step().await;
    assert_eq!((two.status().heard, two.status().gaps), (4, 0));
    for path in ["/a/1", "/b/1", "/c/1", "/d/1"] {
        assert_eq!(two.get(path).await.version(), version, "{path}");
    }
    assert_eq!(two.get("/e/1").await.outcome, CacheOutcome::Hit);
}

#[tokio::test]
async fn what_is_purged_while_redis_is_away_is_purged_everywhere_once_it_is_back() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let wire = Wire::to(redis.server().port()).await;
    let [one] = with_in_memory(&wire.url(), &origin, &["/a/1", "/b/1", "/c/1"]).await;
    let [two] = with_in_memory(&redis.url(), &origin, &["/a/1", "/b/1", "/c/1"]).await;
    wire.cut();
    one.until(|status| !status.is_in_step).await;
    let version = origin.change();
    one.handle.purge_tag("a", false);
    for _ in 0..10 {
        one.post("/b/1").await;
    }
    assert_eq!(one.status().untold, 2);
    assert_eq!(one.get("/a/1").await.version(), version);
    assert_eq!(two.get("/a/1").await.version(), 1);
    wire.mend();
    two.until(|status| status.heard == 2).await;
    let late = Replica::start(&redis.url(), &origin).await;
    for replica in [&two, &late] {
        assert_eq!(replica.get("/a/1").await.version(), version);
        assert_eq!(replica.get("/b/1").await.version(), version);
        assert_eq!(replica.get("/c/1").await.outcome, CacheOutcome::Hit);
    }
}

#[tokio::test]
async fn while_redis_is_away_the_origin_confirms_what_is_no_longer_trusted() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let distrusting = options().trust_memory_for(Duration::ZERO);
    let one = Replica::with(&redis.url(), &origin, &distrusting, Clock::system());
    one.store.in_step().await;
    one.get("/a/1").await;
    assert_eq!(one.get("/a/1").await.outcome, CacheOutcome::Hit);
    drop(redis);
    one.until(|status| !status.is_in_step).await;
    assert_eq!(one.get("/a/1").await.outcome, CacheOutcome::Confirmed);
    origin.fails(true);
    assert_eq!(one.get("/a/1").await.outcome, CacheOutcome::StaleIfError);
}

/// It says so, and nothing more to anybody.
async fn pause(redis: &Redis) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.server().port())).await.unwrap();
    stream.write_all(b"CLIENT PAUSE 600000 ALL\r\n").await.unwrap();
    let mut said = [0; 5];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"+OK\r\n");
}

#[tokio::test]
async fn of_a_redis_that_hangs_one_request_finds_out_and_the_next_ones_miss_at_once() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let short = RedisStoreOptions::new().response_timeout(Duration::from_millis(100));
    let one = Replica::with(&redis.url(), &origin, &short, Clock::system());
    one.store.in_step().await;
    pause(&redis).await;
    for at in 0..200 {
        assert_eq!(one.get(&format!("/a/{at}")).await.outcome, CacheOutcome::Stored);
    }
    let status = one.status();
    assert_eq!((status.misses, status.without_redis, status.outages), (1, 199, 1), "{status:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_redis_that_accepts_and_says_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (url, origin) = (format!("redis://{}", listener.local_addr().unwrap()), Origin::default());
    let one = Replica::with(&url, &origin, &options(), Clock::system());
    for at in 0..200 {
        assert_eq!(one.get(&format!("/a/{at}")).await.outcome, CacheOutcome::Stored);
        assert_eq!(one.get(&format!("/a/{at}")).await.outcome, CacheOutcome::Hit);
    }
    assert_eq!((one.status().misses, one.status().without_redis), (0, 200));
}

#[tokio::test]
async fn a_store_whose_work_is_dropped_is_its_memory() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let [one, two] = with_in_memory(&redis.url(), &origin, &[]).await;
    one.work.abort();
    one.until(|status| !status.is_in_step).await;
    one.get("/a/1").await;
    assert_eq!(one.get("/a/1").await.outcome, CacheOutcome::Hit);
    assert_eq!(two.get("/a/1").await.outcome, CacheOutcome::Stored);
}

#[tokio::test]
async fn building_needs_neither_redis_nor_a_runtime_and_refuses_what_cannot_work() {
    use integridai_tower::cache::MemoryStore;
    let memory = || MemoryStore::new(1 << 20).unwrap();
    let error = |options: &RedisStoreOptions, url: &str, name: &str| {
        options.build(url, name, memory()).err().map(|error| error.to_string())
    };
    assert_eq!(error(&options(), "redis://127.0.0.1:1", "a"), None);
    assert!(!error(&options(), "http://user:secret@127.0.0.1", "a").unwrap().contains("secret"));
    for name in ["", "a b", "{a}"] {
        assert!(error(&options(), "redis://127.0.0.1:1", name).is_some(), "{name:?}");
        assert!(error(&options().prefix(name), "redis://127.0.0.1:1", "a").is_some(), "{name:?}");
    }
    assert!(error(&options().max_in_flight(0), "redis://127.0.0.1:1", "a").is_some());
    assert!(error(&options().response_timeout(Duration::ZERO), "redis://127.0.0.1:1", "a").is_some());
}
