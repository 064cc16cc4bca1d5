use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tower::Service;

/// An inner service that panics when an instance is called that was not polled ready, and counts what the layer
/// above it does. A clone is not ready, however ready its origin was.
pub(crate) struct Probe<A, E> {
    answer: A,
    pending: usize,
    pending_left: usize,
    refuse: Option<fn() -> E>,
    ready: bool,
    watch: Watch,
}

impl<A, E> Probe<A, E> {
    /// A probe that is ready at its first poll and answers a request with the future that `answer` makes of it.
    pub(crate) fn new<R, F, T>(answer: A) -> Self
    where
        A: Fn(R) -> F,
        F: Future<Output = Result<T, E>>,
    {
        Self { answer, pending: 0, pending_left: 0, refuse: None, ready: false, watch: Watch::default() }
    }

    /// Each instance answers its first polls with `Pending` and wakes its task at once.
    pub(crate) fn pending(mut self, polls: usize) -> Self {
        self.pending = polls;
        self.pending_left = polls;
        self
    }

    /// No instance becomes ready before `Watch::release`, which wakes the tasks that wait.
    pub(crate) fn held(self) -> Self {
        self.watch.gate().held = true;
        self
    }

    /// Readiness fails with this error.
    pub(crate) fn refusing(mut self, error: fn() -> E) -> Self {
        self.refuse = Some(error);
        self
    }

    /// The counts, shared by all clones.
    pub(crate) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    fn must_wait(&mut self, waker: &Waker) -> bool {
        if self.pending_left > 0 {
            self.pending_left -= 1;
            self.watch.wake(waker);
            return true;
        }
        self.watch.gate().wait(waker)
    }
}

impl<A: Clone, E> Clone for Probe<A, E> {
    fn clone(&self) -> Self {
        self.watch.add(Event::Clone);
        Self {
            answer: self.answer.clone(),
            pending: self.pending,
            pending_left: self.pending,
            refuse: self.refuse,
            ready: false,
            watch: self.watch.clone(),
        }
    }
}

impl<A, E> fmt::Debug for Probe<A, E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Probe")
            .field("ready", &self.ready)
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

impl<A, E, R, F, T> Service<R> for Probe<A, E>
where
    A: Fn(R) -> F,
    F: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = ProbeFuture<F>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.watch.add(Event::Poll);
        if self.must_wait(context.waker()) {
            return Poll::Pending;
        }
        if let Some(refuse) = self.refuse {
            self.ready = false;
            return Poll::Ready(Err(refuse()));
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        assert!(self.ready, "called on an instance that was not polled ready");
        self.ready = false;
        self.pending_left = self.pending;
        self.watch.add(Event::Call);
        ProbeFuture { answer: Box::pin((self.answer)(request)), done: false, watch: self.watch.clone() }
    }
}

/// The answer of a [`Probe`]; dropped before its end it counts as cancelled.
pub(crate) struct ProbeFuture<F> {
    answer: Pin<Box<F>>,
    done: bool,
    watch: Watch,
}

impl<F: Future> Future for ProbeFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let answer = self.answer.as_mut().poll(context);
        if answer.is_ready() {
            self.done = true;
            self.watch.add(Event::Finish);
        }
        answer
    }
}

impl<F> Drop for ProbeFuture<F> {
    fn drop(&mut self) {
        if !self.done {
            self.watch.add(Event::Cancel);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Clone,
    Poll,
    Call,
    Wake,
    Finish,
    Cancel,
}

/// What happened to a [`Probe`] and its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    counts: Arc<[AtomicUsize; 6]>,
    gate: Arc<Mutex<Gate>>,
}

impl Watch {
    pub(crate) fn clones(&self) -> usize {
        self.count(Event::Clone)
    }

    /// Polls of readiness.
    pub(crate) fn polls(&self) -> usize {
        self.count(Event::Poll)
    }

    pub(crate) fn calls(&self) -> usize {
        self.count(Event::Call)
    }

    /// Wake-ups that the probe sent to tasks waiting for readiness.
    pub(crate) fn wakes(&self) -> usize {
        self.count(Event::Wake)
    }

    /// Answers that ran to their end, with a response or an error.
    pub(crate) fn finished(&self) -> usize {
        self.count(Event::Finish)
    }

    /// Answers dropped before their end.
    pub(crate) fn cancelled(&self) -> usize {
        self.count(Event::Cancel)
    }

    /// Answers that are neither finished nor cancelled.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls() - self.finished() - self.cancelled()
    }

    /// Lets every instance of a held probe become ready and wakes the tasks that wait for it.
    pub(crate) fn release(&self) {
        let waiting = {
            let mut gate = self.gate();
            gate.held = false;
            std::mem::take(&mut gate.waiting)
        };
        waiting.iter().for_each(|waker| self.wake(waker));
    }

    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        self.gate.lock().expect("no test panics while it holds the gate")
    }

    fn wake(&self, waker: &Waker) {
        self.add(Event::Wake);
        waker.wake_by_ref();
    }

    fn add(&self, event: Event) {
        self.counts[event as usize].fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self, event: Event) -> usize {
        self.counts[event as usize].load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct Gate {
    held: bool,
    waiting: Vec<Waker>,
}

impl Gate {
    fn wait(&mut self, waker: &Waker) -> bool {
        if self.held && !self.waiting.iter().any(|known| known.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
        self.held
    }
}
