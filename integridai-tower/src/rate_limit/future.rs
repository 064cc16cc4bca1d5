use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::door::{Door, Passage, Stamp};
use crate::EarlyBody;

type Answer<B, E> = Result<Response<EarlyBody<B>>, E>;

pin_project! {
    /// The future of [`RateLimit`](super::RateLimit).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, A, B>
    where
        S: Service<Request<A>>,
    {
        #[pin]
        state: State<S, A, B, S::Future, S::Error>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, A, B, F, E> {
        Inner { #[pin] answer: F, stamp: Stamp, door: Arc<Door> },
        Refused { response: Option<Response<Bytes>> },
        Undecided { passage: Pin<Box<dyn Future<Output = Passage> + Send>>, next: Option<(S, A, Arc<Door>)> },
        Refunding { refund: Pin<Box<dyn Future<Output = ()> + Send>>, answer: Option<Answer<B, E>> },
    }
}

impl<S, A, B> ResponseFuture<S, A, B>
where
    S: Service<Request<A>>,
{
    pub(super) fn inner(answer: S::Future, stamp: Stamp, door: Arc<Door>) -> Self {
        Self { state: State::Inner { answer, stamp, door } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    /// `inner` is the instance that was polled ready.
    pub(super) fn undecided(
        passage: Pin<Box<dyn Future<Output = Passage> + Send>>,
        inner: S,
        body: A,
        door: Arc<Door>,
    ) -> Self {
        Self { state: State::Undecided { passage, next: Some((inner, body, door)) } }
    }
}

impl<S, A, B> Future for ResponseFuture<S, A, B>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Output = Answer<B, S::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProjection::Inner { answer, stamp, door } => {
                    let answer = ready!(answer.poll(context));
                    match finish(answer, stamp, door) {
                        (answer, None) => return Poll::Ready(answer),
                        (answer, Some(refund)) => State::Refunding { refund, answer: Some(answer) },
                    }
                }
                StateProjection::Refused { response } => {
                    let response = response.take().expect("a future is not polled after its completion");
                    return Poll::Ready(Ok(response.map(EarlyBody::early)));
                }
                StateProjection::Undecided { passage, next } => {
                    let passage = ready!(passage.as_mut().poll(context));
                    let (inner, body, door) = next.take().expect("this state is left at once");
                    proceed(passage, inner, body, door)
                }
                StateProjection::Refunding { refund, answer } => {
                    ready!(refund.as_mut().poll(context));
                    return Poll::Ready(answer.take().expect("a future is not polled after its completion"));
                }
            };
            self.as_mut().project().state.set(next);
        }
    }
}

fn proceed<S, A, B>(
    passage: Passage,
    mut inner: S,
    body: A,
    door: Arc<Door>,
) -> State<S, A, B, S::Future, S::Error>
where
    S: Service<Request<A>>,
{
    match passage {
        Passage::Admitted(head, stamp) => {
            State::Inner { answer: inner.call(Request::from_parts(head, body)), stamp, door }
        }
        Passage::Refused(response) => State::Refused { response: Some(response) },
        Passage::Undecided(passage) => State::Undecided { passage, next: Some((inner, body, door)) },
    }
}

type Refund = Pin<Box<dyn Future<Output = ()> + Send>>;

fn finish<B, E>(
    answer: Result<Response<B>, E>,
    stamp: &mut Stamp,
    door: &Door,
) -> (Answer<B, E>, Option<Refund>) {
    if !stamp.may_refund() {
        let answer = answer.map(|mut response| {
            door.stamp(stamp, &mut response);
            response.map(EarlyBody::inner)
        });
        return (answer, None);
    }
    match answer {
        Ok(response) => {
            let (head, body) = response.into_parts();
            let refund = door.refund(stamp, Some(&head));
            let mut response = Response::from_parts(head, EarlyBody::inner(body));
            door.stamp(stamp, &mut response);
            (Ok(response), refund)
        }
        Err(error) => (Err(error), door.refund(stamp, None)),
    }
}

impl<S, A, B> fmt::Debug for ResponseFuture<S, A, B>
where
    S: Service<Request<A>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Inner { .. } => "Inner",
            State::Refused { .. } => "Refused",
            State::Undecided { .. } => "Undecided",
            State::Refunding { .. } => "Refunding",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
