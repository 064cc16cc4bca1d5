//! Calls that come at the same time are done together: one transaction, and one flush to the disk, for all of them.
//!
//! Whoever comes while nothing is under way begins at once; who comes meanwhile waits for its end and goes with all
//! others that have come by then. Nobody waits for company longer than it takes to let those tasks run that could run at once,
//! so that a single call takes no longer than it would alone.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::store::StoreError;

/// How many are done together: others' work waits behind them.
const MOST: usize = 64;

/// Those that ask for an `A` each.
#[derive(Debug)]
pub(super) struct Together<Q, A> {
    state: Mutex<State<Q, A>>,
}

#[derive(Debug)]
struct State<Q, A> {
    waiting: Vec<(Q, oneshot::Sender<A>)>,
    is_driven: bool,
}

impl<Q: Send + 'static, A: Send + 'static> Together<Q, A> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { waiting: Vec::new(), is_driven: false }) })
    }

    /// `work` answers as many questions as it is asked, in their order. It runs in a task of its own, and to its end
    /// even if everybody who has asked goes away; an answer that nobody takes is dropped.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when the runtime ends before there is an answer.
    pub(super) async fn ask<F>(
        self: &Arc<Self>,
        runtime: &Handle,
        question: Q,
        work: impl Fn(Vec<Q>) -> F + Send + 'static,
    ) -> Result<A, StoreError>
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        if self.push(question, reply) {
            runtime.spawn(Arc::clone(self).drive(work));
        }
        answer.await.map_err(|_| StoreError::Closed)
    }

    /// Whether somebody has to see to it.
    fn push(&self, question: Q, reply: oneshot::Sender<A>) -> bool {
        let mut state = self.lock();
        state.waiting.push((question, reply));
        !std::mem::replace(&mut state.is_driven, true)
    }

    async fn drive<F>(self: Arc<Self>, work: impl Fn(Vec<Q>) -> F + Send + 'static)
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let mut driver = Driver { together: &self, is_done: false };
        while let Some((questions, replies)) = self.gather().await {
            let answers = work(questions).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Whoever asked may have gone away.
                let _ = reply.send(answer);
            }
        }
        driver.is_done = true;
    }

    /// Lets those ask that are about to: without it one that came first and all others would take turns for good.
    async fn gather(&self) -> Option<(Vec<Q>, Vec<oneshot::Sender<A>>)> {
        tokio::task::yield_now().await;
        self.take()
    }

    #[expect(clippy::type_complexity, reason = "who asks, and where the answers go")]
    fn take(&self) -> Option<(Vec<Q>, Vec<oneshot::Sender<A>>)> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            // Under the same lock, so that whoever comes next sees that nobody drives.
            state.is_driven = false;
            return None;
        }
        let count = state.waiting.len().min(MOST);
        Some(state.waiting.drain(..count).unzip())
    }

    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody waits for a driver that is gone: the runtime may end, and the work may panic.
struct Driver<'a, Q: Send + 'static, A: Send + 'static> {
    together: &'a Together<Q, A>,
    is_done: bool,
}

impl<Q: Send + 'static, A: Send + 'static> Drop for Driver<'_, Q, A> {
    fn drop(&mut self) {
        // Once it is done, whoever drives is another.
        if self.is_done {
            return;
        }
        let mut state = self.together.lock();
        state.is_driven = false;
        let orphans = std::mem::take(&mut state.waiting);
        drop(state);
        drop(orphans);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    fn doubled(numbers: Vec<u64>) -> Vec<u64> {
        numbers.into_iter().map(|number| number * 2).collect()
    }

    #[tokio::test]
    async fn who_comes_meanwhile_goes_with_all_others_and_each_gets_the_answer_to_its_own() {
        let (together, gate, batches) =
            (Together::new(), Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let ask = |number| {
            let (together, gate, batches) = (Arc::clone(&together), Arc::clone(&gate), Arc::clone(&batches));
            async move {
                let work = move |numbers| {
                    let (gate, batches) = (Arc::clone(&gate), Arc::clone(&batches));
                    async move {
                        batches.fetch_add(1, Ordering::Relaxed);
                        gate.acquire().await.expect("it stays open").forget();
                        doubled(numbers)
                    }
                };
                together.ask(&Handle::current(), number, work).await
            }
        };
        let first = tokio::spawn(ask(0));
        while batches.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let others = (1..100).map(|number| tokio::spawn(ask(number)));
        let asking: Vec<_> = std::iter::once(first).chain(others).collect();
        while together.lock().waiting.len() < 99 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(3);
        for (number, asked) in asking.into_iter().enumerate() {
            assert_eq!(asked.await.expect("it does not panic").expect("an answer"), 2 * number as u64);
        }
        assert_eq!(batches.load(Ordering::Relaxed), 3, "the first, as many as go together, and the rest");
        gate.add_permits(1);
        assert_eq!(ask(7).await.expect("an answer"), 14, "the next one begins anew");
    }

    #[tokio::test]
    async fn work_that_panics_leaves_nobody_waiting_and_the_next_begins_anew() {
        let together = Together::new();
        let fail = |_: Vec<u64>| async { panic!("a fault") };
        assert!(matches!(together.ask(&Handle::current(), 1, fail).await, Err(StoreError::Closed)));
        let work = |numbers| async { doubled(numbers) };
        assert_eq!(together.ask(&Handle::current(), 2, work).await.expect("an answer"), 4);
    }
}
