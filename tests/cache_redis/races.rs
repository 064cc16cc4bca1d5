//! Requests and purges at all replicas at once.

use std::sync::Arc;

use integridai_tower::cache::Handle;
use tokio::task::JoinSet;

use crate::origin::Origin;
use crate::replica::Replica;
use crate::support::redis::Redis;

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
