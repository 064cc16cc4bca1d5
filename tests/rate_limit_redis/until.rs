//! Waiting for what real servers do in their own time.

use std::time::Duration;

/// Asks until it holds; whether it did within ten seconds.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..1000 {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
