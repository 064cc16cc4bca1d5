//! A connection for the time of some work, which goes back to the pool with it; and what is to be done with one whose read
//! nobody waits for any more.
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::FutureExt;
use tokio::runtime::Handle;

use super::connect::Connector;

/// How long the server may take to break off a statement before its connection is given up.
const BREAKING_OFF: Duration = Duration::from_secs(5);
const A_MOMENT: Duration = Duration::from_millis(100);

/// A connection for the time of some work.
#[derive(Debug)]
pub(super) struct Session {
    /// There until it is dropped.
    object: Option<Object>,
    watch: Option<Watch>,
}

/// Tells a read that has ended from one that was dropped before.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    connector: Connector,
    is_polled: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, is_polled: Arc::default() }
    }
}

/// Work ends while it is polled, and then lets go of its session; whoever drops it before is outside.
pub(super) async fn watched<T>(watch: &Watch, mut work: impl Future<Output = T> + Unpin) -> T {
    poll_fn(|context| {
        watch.is_polled.store(true, Ordering::Relaxed);
        let answer = work.poll_unpin(context);
        watch.is_polled.store(false, Ordering::Relaxed);
        answer
    })
    .await
}

impl Session {
    pub(super) fn new(object: Object) -> Self {
        Self { object: Some(object), watch: None }
    }

    /// For work that is of no use once it is dropped.
    pub(super) fn watched(object: Object, watch: Watch) -> Self {
        Self { object: Some(object), watch: Some(watch) }
    }
}

const THERE: &str = "it is there until the session is dropped";

impl Deref for Session {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.object.as_ref().expect(THERE)
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Object {
        self.object.as_mut().expect(THERE)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (Some(object), Some(watch)) = (self.object.take(), self.watch.take()) else { return };
        if watch.is_polled.load(Ordering::Relaxed) {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(break_off(watch.connector, object))),
            Err(_) => drop(Object::take(object)),
        }
    }
}

/// Goes back to the pool once nothing is under way: whoever came before would wait for the old statement, or have its own
/// broken off. What is over in a moment is waited for: to break it off takes another connection to the server.
async fn break_off(connector: Connector, object: Object) {
    // Answered after the old statement. Outside of a transaction it does nothing.
    let roll_back = || object.batch_execute("ROLLBACK");
    if let Ok(Ok(())) = tokio::time::timeout(A_MOMENT, roll_back()).await {
        return;
    }
    let break_off = async {
        connector.cancel(&object).await?;
        // Answered after the wish to break it off was heard.
        roll_back().await
    };
    if !matches!(tokio::time::timeout(BREAKING_OFF, break_off).await, Ok(Ok(()))) {
        drop(Object::take(object));
    }
}
