use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::arrival::{fetched, passed, streaming, told};
use super::body::CacheBody;
use super::flight::{Arrival, Ticket};
use super::pass::Pass;
use super::status::Forward;
use super::store::{Found, Lookup, Resource};
use super::trip::{Riding, Stop, Trip, stored};
use crate::BoxError;

pin_project! {
    /// The future of [`Cache`](super::Cache).
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
        Answered { response: Option<Response<CacheBody<B>>> },
        Passing { #[pin] answer: F, pass: Pass },
        Looking { found: Found, place: Place, trip: Option<Box<Trip<S, A>>> },
        Flying { flying: Option<Flying<S, A, B, E>> },
    }
}

/// Where it looks.
pub(super) enum Place {
    Near,
    /// With what there was nearer by.
    Further(Option<Arc<Resource>>),
}

/// On the way to the origin.
struct Flying<S, A, B, E> {
    ticket: Ticket<B, E>,
    riding: Riding<S, A>,
    forward: Forward,
    /// How long one waits for the answer to another.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S, A, B> ResponseFuture<S, A, B>
where
    S: Service<Request<A>>,
{
    pub(super) fn answered(response: Response<CacheBody<B>>) -> Self {
        Self { state: State::Answered { response: Some(response) } }
    }

    pub(super) fn passing(answer: S::Future, pass: Pass) -> Self {
        Self { state: State::Passing { answer, pass } }
    }

    pub(super) fn looking(found: Found, place: Place, trip: Trip<S, A>) -> Self {
        Self { state: State::Looking { found, place, trip: Some(Box::new(trip)) } }
    }

    pub(super) fn stopped(stop: Stop<S, A, B, S::Error>) -> Self {
        Self { state: after(stop) }
    }
}

impl<S, A, B> Future for ResponseFuture<S, A, B>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<CacheBody<B>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProjection::Answered { response } => {
                    return Poll::Ready(Ok(response
                        .take()
                        .expect("a future is not polled after its completion")));
                }
                StateProjection::Passing { answer, pass } => {
                    let answer = ready!(answer.poll(context));
                    return Poll::Ready(answer.map(|response| pass.finish(response, context)));
                }
                StateProjection::Looking { found, place, trip } => {
                    let found = ready!(found.as_mut().poll(context));
                    let trip = trip.take().expect("this state is left at once");
                    let resource = place.latest(found, || trip.shared.store.find(&trip.key()));
                    after(trip.proceed(resource.as_deref()))
                }
                StateProjection::Flying { flying: place } => {
                    let flying = place.as_mut().expect("this state is left with the flight");
                    let Some(arrival) = ready!(flying.poll(context)) else {
                        let flying = place.take().expect("this state is left with the flight");
                        self.as_mut().project().state.set(go_alone(flying));
                        continue;
                    };
                    let flying = place.take().expect("this state is left with the flight");
                    match arrive(flying, arrival) {
                        Ok(answer) => return Poll::Ready(answer),
                        Err(trip) => look_again(trip),
                    }
                }
            };
            self.as_mut().project().state.set(next);
        }
    }
}

impl<S, A, B, E> Flying<S, A, B, E>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Send + 'static,
{
    /// `None` when it has waited long enough for the answer to another.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Arrival<B, E>>> {
        let (_, headers) = self.riding.asked();
        if let Poll::Ready(arrival) = self.ticket.poll(headers, context) {
            return Poll::Ready(Some(arrival));
        }
        match &mut self.patience {
            Some(patience) => patience.as_mut().poll(context).map(|()| None),
            None => Poll::Pending,
        }
    }
}

impl Place {
    /// What there was nearer by.
    pub(super) fn known(self) -> Option<Arc<Resource>> {
        match self {
            Self::Near => None,
            Self::Further(known) => known,
        }
    }

    /// While it was looked for far away, an answer to another request may have come to hand.
    fn latest(
        &mut self,
        found: Option<Arc<Resource>>,
        near: impl FnOnce() -> Lookup,
    ) -> Option<Arc<Resource>> {
        let Self::Further(known) = self else { return found };
        match near() {
            Lookup::Decided(Some(resource)) => Some(resource),
            Lookup::Decided(None) | Lookup::Waiting(_) => found.or(known.take()),
        }
    }
}

fn after<S, A, B, F, E>(stop: Stop<S, A, B, E>) -> State<S, A, B, F, E> {
    match stop {
        Stop::Answered(response) => State::Answered { response: Some(response) },
        Stop::Flying { ticket, riding, forward } => {
            let patience = match &riding {
                Riding::Leader(_) => None,
                Riding::Follower(trip) => Some(Box::pin(sleep(trip.shared.patience))),
            };
            State::Flying { flying: Some(Flying { ticket, riding, forward, patience }) }
        }
    }
}

/// The answer, or a request that has to go on by itself.
type Arrived<S, A, B, E> = Result<Result<Response<CacheBody<B>>, E>, Box<Trip<S, A>>>;

fn arrive<S, A, B, E>(flying: Flying<S, A, B, E>, arrival: Arrival<B, E>) -> Arrived<S, A, B, E>
where
    S: Service<Request<A>, Response = Response<B>, Error = E>,
    S::Future: Send + 'static,
    E: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let Flying { ticket, riding, forward, .. } = flying;
    let is_collapsed = !ticket.is_leader;
    Ok(match (arrival, riding) {
        (Arrival::Own(answer), riding) => {
            answer.map(|response| passed(riding.shared(), response, forward, super::CacheOutcome::Passed))
        }
        (Arrival::Fetched(own), riding) => Ok(fetched(riding.shared(), *own, forward)),
        (Arrival::Streaming { status, headers, reader }, riding) => {
            Ok(streaming(riding.shared(), (status, headers), reader, forward))
        }
        (Arrival::Stored { entry, served }, riding) => {
            let shared = riding.shared();
            let told = told((&entry, served), forward, is_collapsed);
            Ok(stored(shared, &entry, riding.asked(), shared.now(), told))
        }
        (Arrival::Released(release), Riding::Follower(trip)) => {
            return Err(Box::new(trip.released(Some(release))));
        }
        (Arrival::Released(_), Riding::Leader(_)) => {
            unreachable!("a leader gets what it asked for, unless the inner service panicked")
        }
    })
}

fn go_alone<S, A, B, E>(flying: Flying<S, A, B, E>) -> State<S, A, B, S::Future, E>
where
    S: Service<Request<A>, Response = Response<B>, Error = E>,
    S::Future: Send + 'static,
    E: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    match flying.riding {
        Riding::Follower(trip) => look_again(Box::new(trip.released(None))),
        riding @ Riding::Leader(_) => {
            State::Flying { flying: Some(Flying { riding, patience: None, ..flying }) }
        }
    }
}

/// What is stored may be another thing by now.
fn look_again<S, A, B, E>(trip: Box<Trip<S, A>>) -> State<S, A, B, S::Future, E>
where
    S: Service<Request<A>, Response = Response<B>, Error = E>,
    S::Future: Send + 'static,
    E: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    match trip.shared.store.find(&trip.key()) {
        Lookup::Decided(resource) => after(trip.proceed(resource.as_deref())),
        Lookup::Waiting(found) => State::Looking { found, place: Place::Near, trip: Some(trip) },
    }
}

impl<S, A, B> fmt::Debug for ResponseFuture<S, A, B>
where
    S: Service<Request<A>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Answered { .. } => "Answered",
            State::Passing { .. } => "Passing",
            State::Looking { .. } => "Looking",
            State::Flying { .. } => "Flying",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
