use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often a future is polled again at once before it has to queue.
const LIMIT: usize = 8;

const SLEEPING: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

/// Polls a future again at once when it wakes itself while it is polled.
///
/// hyper wakes itself for every request with a body: the handler's wish for the body, and the body's arrival, are
/// wake-ups between parts of one task. Tokio would queue the task anew and wake another thread to take it over, which
/// costs more than all that is left to do.
#[derive(Debug)]
pub(super) struct Repoll<F> {
    future: Pin<Box<F>>,
    gate: Arc<Gate>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Gate {
    state: AtomicU8,
    task: AtomicWaker,
}

impl<F> Repoll<F> {
    pub(super) fn new(future: F) -> Self {
        let gate = Arc::<Gate>::default();
        Self { future: Box::pin(future), waker: Arc::clone(&gate).into(), gate }
    }
}

impl<F: Future> Future for Repoll<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, gate, waker } = &mut *self;
        gate.task.register(context.waker());
        for _ in 0..LIMIT {
            // A swap, to see all that came before a wake-up that found it woken already.
            gate.state.swap(POLLED, Ordering::AcqRel);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                return Poll::Ready(output);
            }
            let slept = gate.state.compare_exchange(POLLED, SLEEPING, Ordering::AcqRel, Ordering::Acquire);
            if slept.is_ok() {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == SLEEPING {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls once; answers the result, and how often the task was woken by then.
    fn poll_once<F: Future>(future: &mut Repoll<F>, counter: &Arc<Counter>) -> (Poll<F::Output>, usize) {
        let waker = Waker::from(Arc::clone(counter));
        let polled = Pin::new(future).poll(&mut Context::from_waker(&waker));
        (polled, counter.0.load(Ordering::SeqCst))
    }

    /// Wakes itself this many times before it is done.
    fn restless(times: usize) -> impl Future<Output = usize> {
        let mut polls = 0;
        poll_fn(move |context| {
            polls += 1;
            if polls > times {
                return Poll::Ready(polls);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn a_future_that_wakes_itself_is_polled_again_at_once() {
        let (mut future, counter) = (Repoll::new(restless(LIMIT - 1)), Arc::default());
        assert_eq!(poll_once(&mut future, &counter), (Poll::Ready(LIMIT), 0));
    }

    #[test]
    fn a_future_that_never_rests_has_to_queue() {
        let (mut future, counter) = (Repoll::new(restless(LIMIT)), Arc::default());
        assert_eq!(poll_once(&mut future, &counter), (Poll::Pending, 1));
        assert_eq!(poll_once(&mut future, &counter), (Poll::Ready(LIMIT + 1), 1));
    }

    #[test]
    fn a_wake_up_from_elsewhere_reaches_the_task() {
        let mut kept = None;
        let mut future = Repoll::new(poll_fn(|context| {
            kept = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        let counter = Arc::default();
        assert_eq!(poll_once(&mut future, &counter), (Poll::Pending, 0));
        drop(future);
        let waker = kept.expect("it was polled");
        waker.wake_by_ref();
        waker.wake();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1, "the first one tells the task, once");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_up_is_lost_between_threads() {
        for _ in 0..2_000 {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let sent = tokio::spawn(async move { sender.send(()) });
            let received = tokio::time::timeout(std::time::Duration::from_secs(20), Repoll::new(receiver));
            received.await.expect("it is woken").expect("it is sent");
            sent.await.expect("no panic").expect("it is received");
        }
    }
}
