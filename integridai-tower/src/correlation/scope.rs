use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::current::{Correlation, Entered};

pin_project! {
    /// The future of [`Correlation::scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        #[pin]
        future: Option<F>,
        // What is current while the future is polled, and what was current outside during that time.
        place: Option<Correlation>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Once it has ended, there is nothing left whose drop could ask.
            if this.future.is_some() {
                let _entered = Entered::enter(this.place);
                this.future.set(None);
            }
        }
    }
}

impl<F> Scoped<F> {
    pub(super) fn new(correlation: Correlation, future: F) -> Self {
        Self { future: Some(future), place: Some(correlation) }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = Entered::enter(this.place);
        let future = this.future.as_mut().as_pin_mut().expect("a future is not polled after its completion");
        let output = ready!(future.poll(context));
        this.future.set(None);
        Poll::Ready(output)
    }
}
