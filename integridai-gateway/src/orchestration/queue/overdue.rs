//! Executions that wait beyond their deadline. A claim ends them too, but while all workers are busy nobody claims.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;

/// How long after its deadline one may still be told to wait.
const LOOK: Duration = Duration::from_secs(1);

impl Shared {
    pub(super) async fn end_overdue(self: Arc<Self>) {
        while self.stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            if let Err(error) = self.store.end_overdue().await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "what waits beyond its deadline could not be ended");
            }
        }
    }
}
