//! Reads, on two threads with connections of their own: readers never wait for the writer.
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::alive::Alive;
use crate::store::StoreError;

type Read = Box<dyn FnOnce(&Connection) + Send>;

pub(super) struct Readers {
    queue: Mutex<Option<SyncSender<Read>>>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    /// One thread per connection; at most `pending` reads wait for them.
    pub(super) fn start(
        connections: Vec<Connection>,
        pending: usize,
        alive: &Arc<Alive>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(pending.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        for connection in connections {
            let (receiver, alive) = (Arc::clone(&receiver), Arc::clone(alive));
            let thread = std::thread::Builder::new().name("store-reader".to_owned());
            let started = thread.spawn(move || {
                serve(&receiver, &connection);
                alive.close(connection);
            });
            started.map_err(|error| StoreError::Thread { source: Arc::new(error) })?;
        }
        Ok(Self { queue: Mutex::new(Some(sender)) })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.push(Box::new(move |connection| {
            if !reply.is_closed() {
                // The caller may go away while the read runs.
                let _ = reply.send(work(connection));
            }
        }))?;
        Ok(answer.await.map_err(|_| StoreError::Closed)??)
    }

    fn push(&self, read: Read) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = queue.as_ref() else { return Err(StoreError::Closed) };
        sender.try_send(read).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn serve(queue: &Mutex<Receiver<Read>>, connection: &Connection) {
    loop {
        // One thread waits in recv with the lock held, the other for the lock: the same as both waiting.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        // A read changes nothing that the next one could find half done; whoever asked for this one hears that it is gone.
        if catch_unwind(AssertUnwindSafe(|| read(connection))).is_err() {
            tracing::error!("a read of the store panicked");
        }
    }
}
