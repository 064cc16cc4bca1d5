//! Hears of events that are committed, here and at other gateways.
//!
//! One connection listens, and looks how far the log goes when it is told and every second in any case: what was told
//! while there was no connection is not told again.
use std::time::Duration;

use tokio::sync::watch;

use super::connect::Connector;
use super::statements;
use crate::store::StoreError;

/// How long it looks the other way at most.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Listener {
    pub(super) connector: Connector,
    /// The cursor of the newest event that is committed.
    pub(super) committed: watch::Sender<u64>,
    /// Ends with the writer: then nothing more of this store comes.
    pub(super) ended: watch::Receiver<()>,
}

impl Listener {
    /// Listens until the store is closed.
    pub(super) async fn run(self) {
        let mut ended = self.ended.clone();
        tokio::select! {
            // The channel never carries a value: an error means that its last sender is gone.
            _ = ended.changed() => {}
            () = self.listen() => {}
        }
    }

    async fn listen(&self) {
        loop {
            if let Err(error) = self.follow().await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "the database does not tell of events");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn follow(&self) -> Result<(), StoreError> {
        let (client, mut heard) = self.connector.listen(statements::LISTEN).await?;
        loop {
            let newest = client.query_one(statements::NEWEST_EVENT, &[]).await?;
            self.announce(newest.try_get::<_, i64>(0)?.unsigned_abs());
            // Either way it looks; a connection that ended shows in the next question.
            let _ = tokio::time::timeout(LOOK, heard.recv()).await;
        }
    }

    fn announce(&self, newest: u64) {
        self.committed.send_if_modified(|committed| {
            let is_news = newest > *committed;
            *committed = newest.max(*committed);
            is_news
        });
    }
}
