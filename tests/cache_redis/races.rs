//! Requests and purges at all replicas at once.

use std::sync::Arc;

use integridai_tower::cache::Handle;
use tokio::task::JoinSet;

use crate::origin::Origin;
use crate::replica::{Replica, with_in_memory};
use crate::support::redis::Redis;
use crate::wire::Wire;

const REPLICAS: usize = 3;
const ROUNDS: usize = 120;

fn purge(how: usize, handle: &Handle) {
    match how {
        0 => _ = handle.purge_url(&"http://a.test/a/1".parse().unwrap(), false),
        1 => _ = handle.purge_url(&"http://a.test/a/1".parse().unwrap(), true),
        2 => _ = handle.purge_tag("a", false),
        3 => _ = handle.purge_prefix("http://a.test/a/", true),
        _ => _ = handle.purge_all(false),
    }
}

/// Asks without an end, and has others from Redis and the origin each time.
async fn ask(replica: Arc<Replica>) {
    loop {
        replica.get("/a/1").await;
        replica.store.clear_memory();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn once_a_purge_is_heard_of_nobody_gets_what_is_older() {
    let (redis, origin) = (Redis::start(), Origin::slow());
    let mut replicas = Vec::new();
    let mut requests = JoinSet::new();
    for _ in 0..REPLICAS {
        let replica = Arc::new(Replica::start(&redis.url(), &origin).await);
        (0..3).for_each(|_| _ = requests.spawn(ask(Arc::clone(&replica))));
        replicas.push(replica);
    }
    let mut purges = [0; REPLICAS];
    for round in 0..ROUNDS {
        let version = origin.change();
        let at = round % REPLICAS;
        if round % 6 == 5 {
            replicas[at].post("/a/1").await;
        } else {
            purge(round % 6, &replicas[at].handle);
        }
        purges[at] += 1;
        for (replica, own) in replicas.iter().zip(purges) {
            let others = purges.iter().sum::<u64>() - own;
            replica.until(|status| status.heard == others && status.untold == 0).await;
        }
        for replica in replicas.iter().cycle().take(4 * REPLICAS) {
            let found = replica.get("/a/1").await.version();
            assert!(found >= version, "round {round}: {found} after {version}");
        }
    }
    let shared = replicas.iter().map(|replica| replica.status().hits).sum::<u64>();
    assert!(shared > 0, "nothing came out of Redis");
}

/// Asks for a path at one replica, and has another go on once the origin has been asked.
async fn late_answer(
    one: &Replica,
    path: &str,
    origin: &Origin,
    meanwhile: impl Future<Output = ()>,
) -> usize {
    origin.hold();
    let before = origin.calls();
    let meanwhile = async {
        while origin.calls() == before {
            tokio::task::yield_now().await;
        }
        meanwhile.await;
        origin.release();
    };
    let (answer, ()) = tokio::join!(one.get(path), meanwhile);
    answer.version()
}

#[tokio::test]
async fn redis_does_not_take_what_was_removed_before_its_writer_heard_of_it() {
    // More changes than Redis looks through are as good as one of the URL.
    for others in [0, 150] {
        let (redis, origin) = (Redis::start(), Origin::default());
        let wire = Wire::to(redis.server().port()).await;
        let one = Replica::start(&wire.url(), &origin).await;
        let two = Replica::start(&redis.url(), &origin).await;
        let removed = async {
            wire.deafen();
            two.post("/a/1").await;
            for at in 0..others {
                two.post(&format!("/b/{at}")).await;
            }
            two.store.settled().await;
            origin.change();
        };
        assert_eq!(late_answer(&one, "/a/1", &origin, removed).await, 1);
        one.store.settled().await;
        assert_eq!((one.status().written, one.status().not_written), (0, 1), "{others}");
        assert_eq!(two.get("/a/1").await.version(), 2, "{others}");
    }
}

#[tokio::test]
async fn what_redis_said_before_a_purge_is_not_kept_after_it() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let wire = Wire::to(redis.server().port()).await;
    let [one] = with_in_memory(&wire.url(), &origin, &["/a/1"]).await;
    one.store.clear_memory();
    let has_asked = |redis: &Redis| redis.ask("INFO commandstats", "cmdstat_").unwrap();
    redis.ask("CONFIG RESETSTAT", "OK").unwrap();
    wire.mute();
    let purged = async {
        while !has_asked(&redis).contains("cmdstat_hvals:calls=1,") {
            tokio::task::yield_now().await;
        }
        one.handle.purge_tag("a", false);
        origin.change();
        wire.mend();
    };
    tokio::join!(one.get("/a/1"), purged);
    one.store.settled().await;
    assert_eq!(one.get("/a/1").await.version(), 2);
}

#[tokio::test]
async fn a_purge_that_was_on_its_way_when_the_connection_broke_is_told_again() {
    let (redis, origin) = (Redis::start(), Origin::default());
    let wire = Wire::to(redis.server().port()).await;
    let [one] = with_in_memory(&wire.url(), &origin, &["/a/1"]).await;
    let [two] = with_in_memory(&redis.url(), &origin, &["/a/1"]).await;
    wire.hold();
    one.handle.purge_tag("a", false);
    // By then it is on its way, and not in the queue any longer.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    wire.cut();
    one.until(|status| !status.is_in_step).await;
    assert_eq!(one.status().untold, 1);
    wire.mend();
    two.until(|status| status.heard == 1).await;
    one.until(|status| status.untold == 0).await;
}
