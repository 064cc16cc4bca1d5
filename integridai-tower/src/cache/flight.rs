//! A request on its way to the origin, for one client or several.

use std::any::Any;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, response};
use http_body::Body;

use super::assess::Draft;
use super::body::CacheBody;
use super::entry::Entry;
use super::errand::Errand;
use super::flights::Flights;
use super::stream::{Reader, Stream};
use super::wakers::{Seat, Wakers};
use crate::BoxError;

pub(super) type Call<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

/// The way of one request; driven by whichever of its passengers is polled. It ends when the last of them leaves.
pub(super) struct Flight<B, E> {
    stage: Mutex<Stage<B, E>>,
    wakers: Arc<Wakers>,
    /// Under which it can be joined.
    id: Option<(u128, Arc<Flights>)>,
    /// What had been invalidated when it began.
    pub(super) began: u64,
    has_leader: AtomicBool,
}

enum Stage<B, E> {
    Waiting,
    Calling {
        call: Call<B, E>,
        errand: Box<Errand>,
    },
    /// The inner service panicked.
    Broken,
    Landed(Box<Landing<B, E>>),
}

/// How it ended.
pub(super) enum Landing<B, E> {
    /// The answer is for the one who asked.
    Alone { answer: Option<Result<Response<B>, E>>, release: Release },
    /// The answer is stored as it comes.
    Streaming { leader: Option<Box<Own<B>>>, shared: Arc<Draft>, stream: Arc<Stream<B>> },
    /// The answer came in one piece and is stored.
    Whole { leader: Option<Box<Own<B>>>, entry: Arc<Entry> },
    /// What is stored is the answer.
    Stored { entry: Arc<Entry>, served: Served, is_shared: bool },
}

/// The answer for the one who asked: its head as the origin sent it, and its content, which others may have read before.
pub(super) struct Own<B> {
    pub(super) head: response::Parts,
    pub(super) body: CacheBody<B>,
}

/// Why those that waited have to go by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Release {
    /// The answer is not for them.
    NotShared,
    /// There was no answer: one of them may try again for the others.
    Failed,
}

/// How it came that a stored response is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    /// As it came for another.
    Shared,
    Confirmed,
    InPlaceOfError(Option<StatusCode>),
}

/// What a passenger gets.
pub(super) enum Arrival<B, E> {
    Own(Result<Response<B>, E>),
    /// As it comes, for who asked.
    Fetched(Box<Own<B>>),
    /// As it comes, for the others.
    Streaming {
        status: StatusCode,
        headers: HeaderMap,
        reader: Reader<B>,
    },
    Stored {
        entry: Arc<Entry>,
        served: Served,
    },
    Released(Release),
}

impl<B, E> Flight<B, E> {
    pub(super) fn new(id: Option<(u128, Arc<Flights>)>, began: u64) -> Arc<Self> {
        let stage = Mutex::new(Stage::Waiting);
        Arc::new(Self { stage, wakers: Arc::default(), id, began, has_leader: AtomicBool::new(true) })
    }

    pub(super) fn launch(&self, call: Call<B, E>, errand: Errand) {
        *self.lock() = Stage::Calling { call, errand: Box::new(errand) };
        self.wakers.wake_by_ref();
    }

    pub(super) fn passengers(&self) -> usize {
        self.wakers.taken()
    }

    /// Whether the answer is still to come, or comes.
    pub(super) fn is_on_its_way(&self) -> bool {
        match &*self.lock() {
            Stage::Waiting | Stage::Calling { .. } => true,
            Stage::Broken => false,
            Stage::Landed(landing) => match &**landing {
                Landing::Streaming { stream, .. } => stream.is_open(),
                Landing::Alone { .. } | Landing::Whole { .. } | Landing::Stored { .. } => false,
            },
        }
    }

    pub(super) fn ticket(self: &Arc<Self>, is_leader: bool) -> Ticket<B, E> {
        Ticket { seat: self.wakers.seat(), flight: Arc::clone(self), is_leader }
    }

    fn lock(&self) -> MutexGuard<'_, Stage<B, E>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody joins any longer.
    fn close(&self) {
        if let Some((id, flights)) = &self.id {
            flights.close(*id, std::ptr::from_ref(self).cast());
        }
    }
}

impl<B, E> Drop for Flight<B, E> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A place on a flight.
pub(super) struct Ticket<B, E> {
    flight: Arc<Flight<B, E>>,
    seat: Seat,
    pub(super) is_leader: bool,
}

impl<B, E> Drop for Ticket<B, E> {
    fn drop(&mut self) {
        if self.is_leader {
            self.flight.has_leader.store(false, Ordering::SeqCst);
            let mut stage = self.flight.lock();
            let left = match &mut *stage {
                Stage::Landed(landing) => landing.leave(),
                Stage::Calling { .. } | Stage::Broken => None,
                Stage::Waiting => {
                    // It was not even sent: the inner service panicked.
                    *stage = Stage::Broken;
                    None
                }
            };
            let is_broken = matches!(*stage, Stage::Broken);
            drop(stage);
            drop(left);
            if is_broken {
                self.flight.wakers.wake_by_ref();
            }
        }
    }
}

impl<B, E> Landing<B, E> {
    /// Gives up what is there for a leader who has left.
    fn leave(&mut self) -> Option<Left<B, E>> {
        match self {
            Self::Alone { answer, .. } => answer.take().map(Left::Alone),
            Self::Streaming { leader, .. } | Self::Whole { leader, .. } => leader.take().map(Left::Own),
            Self::Stored { .. } => None,
        }
    }
}

/// Wakes the others when the one who is polled panics.
struct TellOnPanic<'a>(&'a Waker);

impl Drop for TellOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.wake_by_ref();
        }
    }
}

/// What nobody takes any longer; to be dropped without the lock.
#[expect(dead_code, reason = "it is there to be dropped")]
enum Left<B, E> {
    Alone(Result<Response<B>, E>),
    Own(Box<Own<B>>),
}

impl<B, E> Ticket<B, E>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Send + 'static,
{
    /// `request` are the fields of the passenger's own request.
    pub(super) fn poll(&self, request: &HeaderMap, context: &mut Context<'_>) -> Poll<Arrival<B, E>> {
        let mut stage = self.flight.lock();
        // Before the call is polled, so that no wake-up comes in between.
        self.seat.wait(context.waker());
        let waker = Waker::from(Arc::clone(&self.flight.wakers));
        if !matches!(*stage, Stage::Calling { .. }) {
            return self.arrive(&mut stage, request);
        }
        // What it is for the others, should the inner service panic.
        let calling = std::mem::replace(&mut *stage, Stage::Broken);
        let Stage::Calling { mut call, errand } = calling else { return self.arrive(&mut stage, request) };
        let told = TellOnPanic(&waker);
        let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
        let Poll::Ready(answer) = polled else {
            *stage = Stage::Calling { call, errand };
            return Poll::Pending;
        };
        let mut landing = errand.settle(answer, &mut Context::from_waker(&waker));
        self.land(&landing);
        let left = if self.flight.has_leader.load(Ordering::SeqCst) { None } else { landing.leave() };
        *stage = Stage::Landed(Box::new(landing));
        let arrival = self.arrive(&mut stage, request);
        drop(stage);
        drop((left, told));
        self.seat.rest();
        waker.wake_by_ref();
        arrival
    }

    fn land(&self, landing: &Landing<B, E>) {
        if !matches!(landing, Landing::Streaming { .. }) {
            self.flight.close();
        }
    }

    fn arrive(&self, stage: &mut Stage<B, E>, request: &HeaderMap) -> Poll<Arrival<B, E>> {
        let landing = match stage {
            Stage::Landed(landing) => landing,
            Stage::Broken => return Poll::Ready(Arrival::Released(Release::Failed)),
            Stage::Waiting | Stage::Calling { .. } => return Poll::Pending,
        };
        Poll::Ready(match &mut **landing {
            Landing::Alone { answer, release } => match answer.take_if(|_| self.is_leader) {
                Some(answer) => Arrival::Own(answer),
                None => Arrival::Released(*release),
            },
            Landing::Streaming { leader, shared, stream } => {
                self.board_stream(leader, shared, stream, request)
            }
            Landing::Whole { leader, entry } => match leader.take_if(|_| self.is_leader) {
                Some(own) => Arrival::Fetched(own),
                None => self.board_stored(entry, Served::Shared, true, request),
            },
            Landing::Stored { entry, served, is_shared } => {
                self.board_stored(entry, *served, *is_shared, request)
            }
        })
    }

    fn board_stored(
        &self,
        entry: &Arc<Entry>,
        served: Served,
        is_shared: bool,
        request: &HeaderMap,
    ) -> Arrival<B, E> {
        if self.is_leader || (is_shared && entry.selecting.matches(request)) {
            Arrival::Stored { entry: Arc::clone(entry), served }
        } else {
            Arrival::Released(Release::NotShared)
        }
    }

    fn board_stream(
        &self,
        leader: &mut Option<Box<Own<B>>>,
        shared: &Draft,
        stream: &Arc<Stream<B>>,
        request: &HeaderMap,
    ) -> Arrival<B, E> {
        // The readers keep the flight in the air, so that others can join.
        let flight = Arc::clone(&self.flight) as Arc<dyn Any + Send + Sync>;
        if let Some(mut own) = leader.take_if(|_| self.is_leader) {
            own.body = std::mem::take(&mut own.body).beside(flight);
            return Arrival::Fetched(own);
        }
        let reader = if shared.selecting.matches(request) { stream.read() } else { None };
        let Some(reader) = reader else { return Arrival::Released(Release::NotShared) };
        let (status, headers) = (shared.status, shared.headers.clone());
        Arrival::Streaming { status, headers, reader: reader.beside(flight) }
    }
}
