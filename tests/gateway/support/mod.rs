//! A gateway to test, its services, and whoever talks to it. Every wait is bounded.

pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod database;
pub(crate) mod document;
pub(crate) mod gateway;
pub(crate) mod grpc;
pub(crate) mod http2_frames;
pub(crate) mod origin;
pub(crate) mod queue;
pub(crate) mod raw;
pub(crate) mod requests;
pub(crate) mod schema;
pub(crate) mod stream;
pub(crate) mod stub;
pub(crate) mod subscriber;

use std::time::Duration;

/// Far longer than anything takes, even on a busy machine: only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened long ago")
}

/// Looks again and again until there is something to see.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}
