use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use tracing::Span;

use super::current::{Correlation, Entered};
use super::echo::Echo;

pin_project! {
    /// The inner service's answer, which gets the id of its request.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        answer: Option<F>,
        // What is current while the answer is polled, and what was current outside during that time.
        place: Option<Correlation>,
        span: Span,
        echo: Option<Echo>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Once it has ended, there is nothing left whose drop could ask.
            if this.answer.is_some() {
                let _entered = Entered::enter(this.place);
                let _span = this.span.enter();
                this.answer.set(None);
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    #[inline]
    pub(super) fn new(answer: F, place: Option<Correlation>, span: Span, echo: Echo) -> Self {
        Self { answer: Some(answer), place, span, echo: Some(echo) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let _entered = Entered::enter(this.place);
        let _span = this.span.enter();
        let answer = this.answer.as_mut().as_pin_mut().expect("a future is not polled after its completion");
        let mut answer = ready!(answer.poll(context));
        this.answer.set(None);
        if let (Ok(response), Some(echo)) = (&mut answer, this.echo.take()) {
            echo.put(response.headers_mut());
        }
        Poll::Ready(answer)
    }
}
