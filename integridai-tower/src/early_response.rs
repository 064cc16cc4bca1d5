//! The answer of the inner service, or one that was made without it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The future of a layer that may answer by itself.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct EarlyResponse<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F> {
        Inner { #[pin] answer: F },
        Early { response: Option<Response<Bytes>> },
    }
}

impl<F> EarlyResponse<F> {
    /// What the inner service answers.
    pub(crate) fn inner(answer: F) -> Self {
        Self { state: State::Inner { answer } }
    }

    /// This answer; the inner service was not called.
    pub(crate) fn early(response: Response<Bytes>) -> Self {
        Self { state: State::Early { response: Some(response) } }
    }
}

impl<F, B, E> Future for EarlyResponse<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<EarlyBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            StateProjection::Inner { answer } => {
                ready!(answer.poll(context)).map(|response| response.map(EarlyBody::inner))
            }
            StateProjection::Early { response } => {
                let response = response.take().expect("a future is not polled after its completion");
                Ok(response.map(EarlyBody::early))
            }
        })
    }
}

pin_project! {
    /// The inner service's body, or a short one that stands in memory.
    #[derive(Debug)]
    pub struct EarlyBody<B> {
        #[pin]
        body: Either<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = EitherProjection]
    enum Either<B> {
        Inner { #[pin] body: B },
        // Of one word, so that the usual answer, which is moved through all layers, is not larger than without them.
        Early { text: Option<Box<Bytes>> },
    }
}

impl<B> EarlyBody<B> {
    pub(crate) fn inner(body: B) -> Self {
        Self { body: Either::Inner { body } }
    }

    pub(crate) fn early(text: Bytes) -> Self {
        Self { body: Either::Early { text: (!text.is_empty()).then(|| Box::new(text)) } }
    }
}

/// An empty body, which layers of other crates ask for that answer by themselves.
impl<B> Default for EarlyBody<B> {
    fn default() -> Self {
        Self::early(Bytes::new())
    }
}

impl<B: Body<Data = Bytes>> Body for EarlyBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().body.project() {
            EitherProjection::Inner { body } => body.poll_frame(context),
            EitherProjection::Early { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(*text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Inner { body } => body.is_end_stream(),
            Either::Early { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Inner { body } => body.size_hint(),
            Either::Early { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}
