//! Which branches are asked, and how often.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::*;

/// A future that is woken from outside and counts how often it is asked.
#[derive(Clone, Default)]
struct Bell {
    polls: Rc<Cell<usize>>,
    waker: Rc<std::cell::RefCell<Option<std::task::Waker>>>,
    is_done: Rc<Cell<bool>>,
}

impl Bell {
    fn ring(&self) {
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Bell {
    type Output = Result<(), String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls.set(self.polls.get() + 1);
        *self.waker.borrow_mut() = Some(context.waker().clone());
        if self.is_done.get() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

#[tokio::test]
async fn a_branch_is_asked_only_when_it_was_woken() {
    let bells: Vec<Bell> = (0..100).map(|_| Bell::default()).collect();
    let branches = bells.iter().map(|bell| Branch::required("bell", bell.clone()));
    let mut gathering = std::pin::pin!(gather(branches.collect::<Vec<_>>()));
    let asked = || bells.iter().map(|bell| bell.polls.get()).sum::<usize>();
    // The first turn is with the task's waker, the second gives each branch one of its own.
    for expected in [100, 200] {
        assert!(futures_util::poll!(&mut gathering).is_pending());
        assert_eq!(asked(), expected);
    }
    for (turn, bell) in (1..).zip(&bells[..50]) {
        bell.ring();
        bell.ring();
        assert!(futures_util::poll!(&mut gathering).is_pending());
        assert_eq!((asked(), bell.polls.get()), (200 + turn, 3));
    }
    assert!(futures_util::poll!(&mut gathering).is_pending());
    assert_eq!(asked(), 250, "nobody was woken");
    for bell in &bells {
        bell.is_done.set(true);
        bell.ring();
    }
    assert!(futures_util::poll!(&mut gathering).is_ready());
    assert_eq!(asked(), 350);
}

#[tokio::test]
async fn a_branch_that_wakes_itself_does_not_starve_the_task() {
    let polls = Rc::new(Cell::new(0));
    let busy = {
        let polls = Rc::clone(&polls);
        std::future::poll_fn(move |context| {
            polls.set(polls.get() + 1);
            context.waker().wake_by_ref();
            Poll::<Result<(), String>>::Pending
        })
    };
    let mut gathering = std::pin::pin!(gather((Branch::required("busy", busy),)));
    for turn in 1..=10 {
        assert!(futures_util::poll!(&mut gathering).is_pending());
        assert_eq!(polls.get(), turn, "once a turn");
    }
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_never_rests_runs_out_of_time_all_the_same() {
    let busy = async {
        loop {
            tokio::task::yield_now().await;
            tokio::time::advance(ms(1)).await;
        }
        #[allow(unreachable_code, reason = "it tells the type")]
        Ok::<(), String>(())
    };
    let error = gather((Branch::required("busy", busy).timeout(ms(10)),)).await.unwrap_err();
    assert!(error.is_timeout());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wakes_from_other_threads_are_not_lost() {
    for _ in 0..200 {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..8).map(|_| tokio::sync::oneshot::channel::<usize>()).unzip();
        let sending = tokio::spawn(async move {
            for (number, sender) in senders.into_iter().enumerate() {
                tokio::task::yield_now().await;
                sender.send(number).unwrap();
            }
        });
        let branches = receivers.into_iter().map(|receiver| Branch::required("channel", receiver));
        let values = gather(branches.collect::<Vec<_>>()).await.unwrap().values;
        assert_eq!(values, (0..8).collect::<Vec<_>>());
        sending.await.unwrap();
    }
}

#[tokio::test]
async fn another_task_may_go_on_with_it() {
    let (sender, receiver) = tokio::sync::oneshot::channel::<u8>();
    let mut gathering = Box::pin(gather((
        Branch::required("moved", receiver),
        Branch::required("other", ready(Ok::<_, String>(2))),
    )));
    for _ in 0..3 {
        assert!(futures_util::poll!(&mut gathering).is_pending());
    }
    let elsewhere = tokio::spawn(gathering);
    tokio::task::yield_now().await;
    sender.send(1).unwrap();
    assert_eq!(elsewhere.await.unwrap().unwrap().values, (1, 2));
}
