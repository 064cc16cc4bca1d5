use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ObservedBody;
use super::exchange::Outcome;
use super::observer::Observe;
use super::recording::Recording;

pin_project! {
    /// The inner service's answer, with the rest of the exchange still being observed.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, O: Observe> {
        #[pin]
        answer: F,
        recording: Option<Recording<O>>,
    }
}

impl<F, O: Observe> ResponseFuture<F, O> {
    pub(super) fn new(answer: F, recording: Recording<O>) -> Self {
        Self { answer, recording: Some(recording) }
    }
}

impl<F, B, E, O> Future for ResponseFuture<F, O>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    O: Observe,
{
    type Output = Result<Response<ObservedBody<B, O>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        let mut recording = this.recording.take().expect("a future is not polled after its completion");
        Poll::Ready(match answer {
            Ok(response) => Ok(observe_body(response, recording)),
            Err(error) => {
                recording.end(Outcome::ServiceFailed);
                Err(error)
            }
        })
    }
}

fn observe_body<B: Body, O: Observe>(
    response: Response<B>,
    mut recording: Recording<O>,
) -> Response<ObservedBody<B, O>> {
    let (head, body) = response.into_parts();
    recording.answered(&head, &body);
    Response::from_parts(head, ObservedBody::new(body, recording))
}
