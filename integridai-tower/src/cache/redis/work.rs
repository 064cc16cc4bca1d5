//! What goes on beside requests: telling Redis, and hearing of others.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::time::{sleep, timeout};

use super::format::{encode, variant};
use super::log::{Change, What};
use super::queue::{self, Job};
use super::script;
use super::shared::{Lost, Shared, count, digits};

/// Keeps a [`RedisStore`](super::RedisStore) in step with the other replicas: writes what is stored and purged here, and
/// does here what others purge. To be [run](Self::run) as long as the store is used.
#[must_use = "without it a store is its memory"]
pub struct KeepInStep {
    shared: Arc<Shared>,
    client: Client,
}

/// How long Redis is waited for in the background, where it does not answer otherwise.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it has to have nothing to tell before it is asked whether it is still the same.
const BEAT: Duration = Duration::from_secs(1);

enum Ended {
    /// The store is gone, and Redis has been told of everything.
    Closed,
    Lost,
}

impl KeepInStep {
    pub(super) fn new(shared: Arc<Shared>, client: Client) -> Self {
        Self { shared, client }
    }

    /// Connects, and again whenever Redis was away. It ends once the store is dropped, with what it was given until then.
    pub async fn run(self) {
        let apart = Apart(&self.shared);
        while !self.is_finished() {
            if matches!(self.session().await, Ok(Ended::Closed)) {
                break;
            }
            apart.part();
            if self.shared.queue.is_closed() {
                break;
            }
            sleep(self.shared.link.pause()).await;
        }
    }

    fn is_finished(&self) -> bool {
        self.shared.queue.is_closed() && self.shared.queue.changes() == 0
    }

    /// As long as Redis answers.
    async fn session(&self) -> Result<Ended, Lost> {
        let options = &self.shared.options;
        let mut telling = self.connect(PATIENCE).await?;
        let hearing = self.connect(BEAT + PATIENCE).await?;
        let asking = self.connect(options.response).await?;
        let joined = self.shared.scripts.join(&mut telling, self.shared.position()).await;
        self.shared.join(joined.map_err(|_| Lost)?)?;
        self.shared.link.open(asking);
        let mut tell = pin!(self.tell(telling));
        let mut hear = pin!(self.hear(hearing));
        let mut lost = pin!(self.shared.link.lost());
        poll_fn(|context| {
            if lost.as_mut().poll(context).is_ready() || hear.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(Ended::Lost));
            }
            tell.as_mut().poll(context)
        })
        .await
    }

    async fn connect(&self, response: Duration) -> Result<MultiplexedConnection, Lost> {
        let connect = self.shared.options.connect;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config);
        // A server that accepts and says nothing.
        match timeout(connect + response, connection).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(_)) | Err(_) => Err(Lost),
        }
    }

    async fn hear(&self, mut connection: MultiplexedConnection) -> Lost {
        loop {
            if let Err(lost) = self.listen(&mut connection).await {
                return lost;
            }
        }
    }

    async fn listen(&self, connection: &mut MultiplexedConnection) -> Result<(), Lost> {
        let shared = &self.shared;
        let position = shared.position().ok_or(Lost)?;
        let beat = u64::try_from(BEAT.as_millis()).unwrap_or(u64::MAX);
        let changes = answered(shared.scripts.follow(connection, position, beat).await)?;
        if changes.is_empty() {
            // It would wait for ever for the continuation of a log that was deleted.
            let last = answered(shared.scripts.last(connection).await)?;
            return if last >= Some(position) { Ok(()) } else { Err(Lost) };
        }
        shared.hear(&changes)
    }

    async fn tell(&self, mut connection: MultiplexedConnection) -> Result<Ended, Lost> {
        while let Some(taken) = self.shared.queue.next().await {
            match taken.job() {
                Job::Put(put) => self.put(&mut connection, put).await?,
                Job::Change(change) => self.change(&mut connection, change).await?,
            }
            taken.done();
        }
        Ok(Ended::Closed)
    }

    async fn put(&self, connection: &mut MultiplexedConnection, put: &queue::Put) -> Result<(), Lost> {
        let shared = &self.shared;
        // Read before it is seen whether something was changed: what is changed later is seen by Redis.
        let position = shared.position().ok_or(Lost)?;
        if !shared.changes.is_unchanged_since(put.mark, put.digest) {
            count(&shared.counts.not_written);
            return Ok(());
        }
        let options = &shared.options;
        let text = encode(position, &put.url, &put.entry, options.compress_above);
        let fits = text.len() <= options.largest;
        let freshness = &put.entry.freshness;
        let put = script::Put {
            key: &shared.name(&put.url),
            position,
            url: &put.url,
            variant: &digits(&variant(&put.entry)),
            order: &format!("{:016x}{:016x}", freshness.date, freshness.received),
            entry: if fits { &text } else { &[] },
            ttl_ms: options.ttl_ms(&put.entry),
            most_variants: put.most_variants,
        };
        let is_written = match shared.scripts.put(connection, &put).await {
            // Redis is full, which is no reason to be apart from the others.
            Err(error) if error.code() == Some("OOM") => false,
            answer => answered(answer)? && fits,
        };
        shared.link.succeed();
        count(if is_written { &shared.counts.written } else { &shared.counts.not_written });
        Ok(())
    }

    async fn change(
        &self,
        connection: &mut MultiplexedConnection,
        change: &queue::Change,
    ) -> Result<(), Lost> {
        let queue::Change { what, is_soft, .. } = change;
        let shared = &self.shared;
        let key = if let What::Url(url) = what { shared.name(url) } else { shared.name("") };
        let told = shared.scripts.change(connection, what, *is_soft, &key).await;
        let (after, position) = answered(told)?;
        let by = shared.scripts.name().to_owned();
        shared.told(&Change { position, after, by, what: what.clone(), is_soft: *is_soft });
        Ok(())
    }
}

fn answered<T>(answer: RedisResult<T>) -> Result<T, Lost> {
    answer.map_err(|_| Lost)
}

/// Nothing is heard any longer, also when the work is dropped.
struct Apart<'a>(&'a Shared);

impl Apart<'_> {
    fn part(&self) {
        self.0.link.close();
        for _ in 0..self.0.queue.drop_puts() {
            count(&self.0.counts.not_written);
        }
    }
}

impl Drop for Apart<'_> {
    fn drop(&mut self) {
        self.part();
    }
}

impl fmt::Debug for KeepInStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepInStep").finish_non_exhaustive()
    }
}
