//! How far a case has come, so that an origin can wait for an event instead of for a time.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Requests of this step that the proxy holds or held.
    pub(crate) arrived: usize,
    /// Those of which it has let go, with their answers' bodies.
    pub(crate) finished: usize,
    /// Work beside a request that was begun, and that was ended.
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    /// Bytes of content that clients have received in this step.
    pub(crate) received: usize,
    /// Requests that came to the origin.
    pub(crate) asked: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<watch::Sender<Counts>>);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Counts::default())))
    }

    pub(crate) fn arrived(&self) {
        self.0.send_modify(|counts| counts.arrived += 1);
    }

    pub(crate) fn finished(&self) {
        self.0.send_modify(|counts| counts.finished += 1);
    }

    pub(crate) fn begun(&self) {
        self.0.send_modify(|counts| counts.begun += 1);
    }

    pub(crate) fn ended(&self) {
        self.0.send_modify(|counts| counts.ended += 1);
    }

    pub(crate) fn asked(&self) {
        self.0.send_modify(|counts| counts.asked += 1);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.0.send_modify(|counts| counts.received += bytes);
    }

    /// Nothing of the step before goes on in the proxy any longer.
    pub(crate) fn next_step(&self) {
        self.0.send_modify(|counts| {
            (counts.arrived, counts.finished, counts.received) = (0, 0, 0);
        });
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.0.borrow()
    }

    pub(crate) async fn until(&self, holds: impl FnMut(&Counts) -> bool) {
        self.0.subscribe().wait_for(holds).await.expect("this end sends");
    }

    /// Until nothing of earlier requests goes on in the proxy.
    pub(crate) async fn quiet(&self) {
        self.until(|counts| counts.arrived == counts.finished && counts.begun == counts.ended).await;
    }
}
