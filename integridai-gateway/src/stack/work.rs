//! What has to go on beside something for as long as that is in use.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;

/// Work that goes on, once it was started, until its last clone is dropped.
#[derive(Clone)]
pub struct Work(Arc<Shared>);

struct Shared {
    waiting: Mutex<Option<BoxFuture<'static, ()>>>,
    running: OnceLock<AbortOnDropHandle<()>>,
}

impl Work {
    /// This, which waits to be started.
    pub fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Arc::new(Shared { waiting: Mutex::new(Some(Box::pin(work))), running: OnceLock::new() }))
    }

    /// Has it go on, unless it does so already. Needs a tokio runtime.
    pub fn start(&self) {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = waiting {
            // Whoever took what waited is the only one who sets it.
            let _ = self.0.running.set(AbortOnDropHandle::new(tokio::spawn(work)));
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("is_started", &self.0.running.get().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_goes_on_until_nobody_has_it_any_more() {
        let (begun, begins) = oneshot::channel();
        let (held, ended) = oneshot::channel::<()>();
        let work = Work::new(async move {
            let _held = held;
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        let other = work.clone();
        [&work, &other].into_iter().for_each(Work::start);
        begins.await.unwrap();
        drop(work);
        tokio::task::yield_now().await;
        let mut ended = ended;
        assert!(ended.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        drop(other);
        assert!(ended.await.is_err(), "it was ended, and let go of what it held");
    }

    #[tokio::test]
    async fn what_was_never_started_never_runs() {
        let (sender, receiver) = oneshot::channel::<()>();
        drop(Work::new(async move { sender.send(()).unwrap() }));
        assert!(receiver.await.is_err());
    }
}
