//! One of several caches on one Redis, in front of the same origin.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty};
use integridai_tower::Clock;
use integridai_tower::cache::redis::{RedisStatus, RedisStore, RedisStoreOptions};
use integridai_tower::cache::{Cache, CacheLayer, CacheOutcome, Handle, MemoryStore};
use tokio::task::JoinHandle;
use tower::{Layer, ServiceExt};

use crate::origin::Origin;

pub(crate) struct Replica {
    pub(crate) service: Cache<Origin>,
    pub(crate) handle: Handle,
    pub(crate) store: RedisStore,
    /// Keeps it in step.
    pub(crate) work: JoinHandle<()>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: CacheOutcome,
    pub(crate) content: Bytes,
    pub(crate) headers: HeaderMap,
}

impl Answer {
    /// Of the origin when it was asked.
    pub(crate) fn version(&self) -> usize {
        let digits = self.content.iter().take_while(|byte| byte.is_ascii_digit()).count();
        str::from_utf8(&self.content[..digits]).unwrap().parse().unwrap()
    }
}

/// With the time that a busy machine takes.
pub(crate) fn options() -> RedisStoreOptions {
    RedisStoreOptions::new().response_timeout(Duration::from_secs(10))
}

impl Replica {
    pub(crate) fn with(url: &str, origin: &Origin, options: &RedisStoreOptions, clock: Clock) -> Self {
        let memory = MemoryStore::new(64 << 20).unwrap();
        let (store, keep_in_step) = options.build(url, "test", memory).unwrap();
        let layer = CacheLayer::new(store.clone()).clock(clock);
        let work = tokio::spawn(keep_in_step.run());
        Self { service: layer.layer(origin.clone()), handle: layer.handle(), store, work }
    }

    /// One that is in step.
    pub(crate) async fn start(url: &str, origin: &Origin) -> Self {
        let replica = Self::with(url, origin, &options(), Clock::system());
        replica.store.in_step().await;
        replica
    }

    pub(crate) async fn ask(&self, path: &str, encoding: &str) -> Result<Answer, &'static str> {
        let request = Request::get(path).header("host", "a.test").header("accept-encoding", encoding);
        self.send(request.body(Empty::new()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(path, "").await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str) {
        let request = Request::builder().method(Method::POST).uri(path).header("host", "a.test");
        self.send(request.body(Empty::new()).unwrap()).await.unwrap();
    }

    async fn send(&self, request: Request<Empty<Bytes>>) -> Result<Answer, &'static str> {
        let (head, body) = self.service.clone().oneshot(request).await?.into_parts();
        let outcome = CacheOutcome::of(&head.extensions).unwrap();
        let content = body.collect().await.unwrap().to_bytes();
        Ok(Answer { outcome, content, headers: head.headers })
    }

    pub(crate) fn status(&self) -> RedisStatus {
        self.store.status()
    }

    /// Waits for what this or another replica does in its own time.
    pub(crate) async fn until(&self, holds: impl Fn(&RedisStatus) -> bool) {
        for _ in 0..2000 {
            if holds(&self.status()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{:?}", self.status());
    }
}

/// So many replicas of which each has this in its memory.
pub(crate) async fn with_in_memory<const N: usize>(
    url: &str,
    origin: &Origin,
    paths: &[&str],
) -> [Replica; N] {
    let mut replicas = Vec::new();
    for _ in 0..N {
        let replica = Replica::start(url, origin).await;
        for path in paths {
            replica.get(path).await;
            assert_eq!(replica.get(path).await.outcome, CacheOutcome::Hit);
        }
        replica.store.settled().await;
        replicas.push(replica);
    }
    replicas.try_into().unwrap_or_else(|_| unreachable!("so many were started"))
}
