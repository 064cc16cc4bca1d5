use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::door::{Detour, Door, Passage, Stamp, Undecided};
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
        Plain { #[pin] answer: F },
        Stamped { #[pin] answer: F, duty: Option<Duty> },
        Refused { response: Option<Box<Response<Bytes>>> },
        Undecided { passage: Undecided, next: Option<Box<Next<S, A>>> },
        Refunding { refund: Refund, answer: Option<Box<Answer<B, E>>> },
    }
}

type Refund = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is to be done with the answer of an admitted request; usually something only where there are fields.
pub(super) struct Duty {
    stamp: Stamp,
    door: Arc<Door>,
}

/// What a request needs that goes on later. `inner` is the instance that was polled ready.
pub(super) struct Next<S, A> {
    pub(super) inner: S,
    pub(super) request: Request<A>,
    pub(super) door: Arc<Door>,
}

impl Duty {
    #[inline]
    pub(super) fn new(stamp: Stamp, door: &Arc<Door>) -> Self {
        Self { stamp, door: Arc::clone(door) }
    }
}

impl<S, A, B> ResponseFuture<S, A, B>
where
    S: Service<Request<A>>,
{
    #[inline]
    pub(super) fn plain(answer: S::Future) -> Self {
        Self { state: State::Plain { answer } }
    }

    #[inline]
    pub(super) fn stamped(answer: S::Future, duty: Duty) -> Self {
        Self { state: State::Stamped { answer, duty: Some(duty) } }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::refused(response) }
    }

    pub(super) fn undecided(passage: Undecided, next: Next<S, A>) -> Self {
        Self { state: State::Undecided { passage, next: Some(Box::new(next)) } }
    }
}

impl<S, A, B, F, E> State<S, A, B, F, E> {
    fn refused(response: Response<Bytes>) -> Self {
        Self::Refused { response: Some(Box::new(response)) }
    }
}

impl<S, A, B> Future for ResponseFuture<S, A, B>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Output = Answer<B, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().state.project() {
            StateProjection::Plain { answer } => {
                answer.poll(context).map_ok(|response| response.map(EarlyBody::inner))
            }
            _ => self.poll_other(context),
        }
    }
}

impl<S, A, B> ResponseFuture<S, A, B>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    /// A function of its own, so that an answer that stays as it is passes through a small one.
    #[inline(never)]
    fn poll_other(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<B, S::Error>> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProjection::Plain { answer } => {
                    return answer.poll(context).map_ok(|response| response.map(EarlyBody::inner));
                }
                StateProjection::Stamped { answer, duty } => {
                    let answer = ready!(answer.poll(context));
                    match finish(answer, duty.take().expect("a future is not polled after its completion")) {
                        (answer, None) => return Poll::Ready(answer),
                        (answer, Some(refund)) => State::Refunding { refund, answer: Some(Box::new(answer)) },
                    }
                }
                StateProjection::Refused { response } => {
                    let response = response.take().expect("a future is not polled after its completion");
                    return Poll::Ready(Ok((*response).map(EarlyBody::early)));
                }
                StateProjection::Undecided { passage, next } => {
                    let resumed = ready!(passage.as_mut().poll(context));
                    let next = next.take().expect("this state is left at once");
                    proceed(next.door.resume(resumed), next)
                }
                StateProjection::Refunding { refund, answer } => {
                    ready!(refund.as_mut().poll(context));
                    return Poll::Ready(*answer.take().expect("a future is not polled after its completion"));
                }
            };
            self.as_mut().project().state.set(next);
        }
    }
}

fn proceed<S, A, B>(passage: Passage, next: Box<Next<S, A>>) -> State<S, A, B, S::Future, S::Error>
where
    S: Service<Request<A>>,
{
    match passage {
        Passage::Plain => {
            let Next { mut inner, request, .. } = *next;
            State::Plain { answer: inner.call(request) }
        }
        Passage::Stamped(stamp) => {
            let Next { mut inner, request, door } = *next;
            State::Stamped { answer: inner.call(request), duty: Some(Duty { stamp, door }) }
        }
        Passage::Detour(detour) => match *detour {
            Detour::Refused(refusal) => {
                let Next { request, door, .. } = *next;
                State::refused(door.answer(refusal, &request.into_parts().0))
            }
            Detour::Undecided(passage) => State::Undecided { passage, next: Some(next) },
        },
    }
}

fn finish<B, E>(answer: Result<Response<B>, E>, duty: Duty) -> (Answer<B, E>, Option<Refund>) {
    let Duty { mut stamp, door } = duty;
    if !stamp.may_refund() {
        let answer = answer.map(|mut response| {
            door.stamp(&stamp, &mut response);
            response.map(EarlyBody::inner)
        });
        return (answer, None);
    }
    match answer {
        Ok(response) => {
            let (head, body) = response.into_parts();
            let refund = door.refund(&mut stamp, Some(&head));
            let mut response = Response::from_parts(head, EarlyBody::inner(body));
            door.stamp(&stamp, &mut response);
            (Ok(response), refund)
        }
        Err(error) => (Err(error), door.refund(&mut stamp, None)),
    }
}

impl<S, A, B> fmt::Debug for ResponseFuture<S, A, B>
where
    S: Service<Request<A>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Plain { .. } | State::Stamped { .. } => "Inner",
            State::Refused { .. } => "Refused",
            State::Undecided { .. } => "Undecided",
            State::Refunding { .. } => "Refunding",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
