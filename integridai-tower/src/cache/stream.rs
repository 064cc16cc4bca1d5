//! A body that several readers get as it comes, and that is kept until it is whole.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::wakers::{Seat, Wakers};
use crate::BoxError;

/// What becomes of the whole content, and that the end has come.
pub(super) trait Keep: Send {
    /// All of it is here.
    fn complete(self: Box<Self>, content: Bytes, trailers: Option<HeaderMap>);

    /// It broke off, or became too large to be kept.
    fn give_up(self: Box<Self>);
}

/// The body; driven by whichever reader is polled.
pub(super) struct Stream<B> {
    flow: Mutex<Flow<B>>,
    wakers: Arc<Wakers>,
}

struct Flow<B> {
    /// `None` once it has ended.
    body: Option<Pin<Box<B>>>,
    chunks: VecDeque<Bytes>,
    /// How many chunks came before those that are held.
    dropped: usize,
    /// Bytes of the chunks that are held.
    held: usize,
    most: usize,
    /// What the fields say.
    length: Option<u64>,
    trailers: Option<HeaderMap>,
    is_broken: bool,
    error: Option<BoxError>,
    /// Where each reader is, by its seat.
    positions: Vec<Option<usize>>,
    keep: Option<Box<dyn Keep>>,
}

pub(super) type First = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// What a stream is made of.
pub(super) struct Source<B> {
    pub(super) body: Pin<Box<B>>,
    /// What it said when it was asked for the first time.
    pub(super) first: First,
    /// What of the content is there already.
    pub(super) begun: Bytes,
    /// The length of all of it, where the fields say so.
    pub(super) length: Option<u64>,
    /// How much is kept, in bytes.
    pub(super) most: usize,
    pub(super) keep: Box<dyn Keep>,
}

impl<B: Body<Data = Bytes>> Stream<B>
where
    B::Error: Into<BoxError>,
{
    pub(super) fn new(source: Source<B>) -> Arc<Self> {
        let Source { body, first, begun, length, most, keep } = source;
        let held = begun.len();
        let mut flow = Flow {
            body: Some(body),
            chunks: if begun.is_empty() { VecDeque::new() } else { VecDeque::from([begun]) },
            dropped: 0,
            held,
            most,
            length,
            trailers: None,
            is_broken: false,
            error: None,
            positions: Vec::new(),
            keep: Some(keep),
        };
        // What has no content is whole before anybody reads.
        let ended = match first {
            Poll::Ready(frame) => flow.hear(frame),
            Poll::Pending => flow.end_if_whole(),
        };
        ended.finish();
        Arc::new(Self { flow: Mutex::new(flow), wakers: Arc::default() })
    }

    /// A reader from the start, as long as nothing of it is gone.
    pub(super) fn read(self: &Arc<Self>) -> Option<Reader<B>> {
        let seat = self.wakers.seat();
        let mut flow = self.lock();
        if flow.dropped > 0 {
            return None;
        }
        flow.place(seat.number(), Some(0));
        let left = flow.length;
        drop(flow);
        Some(Reader { stream: Arc::clone(self), seat, position: 0, left, has_ended: false, companion: None })
    }

    fn poll(
        &self,
        reader: &mut Place<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut flow = self.lock();
        loop {
            if let Some(frame) = flow.next(reader) {
                let stalled = flow.trim();
                drop(flow);
                drop(stalled);
                return Poll::Ready(frame.transpose());
            }
            // Before the body is polled, so that no wake-up comes in between.
            reader.seat.wait(context.waker());
            let waker = Waker::from(Arc::clone(&self.wakers));
            let Some(ended) = flow.advance(&mut Context::from_waker(&waker)) else { return Poll::Pending };
            drop(flow);
            ended.finish();
            reader.seat.rest();
            waker.wake_by_ref();
            flow = self.lock();
        }
    }
}

impl<B> Stream<B> {
    fn lock(&self) -> MutexGuard<'_, Flow<B>> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody can still read all of it, and it is not whole yet.
    pub(super) fn is_open(&self) -> bool {
        let flow = self.lock();
        flow.keep.is_some() && flow.body.is_some()
    }

    fn leave(&self, number: usize) {
        let mut flow = self.lock();
        flow.place(number, None);
        let stalled = flow.trim();
        drop(flow);
        drop(stalled);
    }
}

/// What is to be done once the lock is given back.
#[must_use]
enum Ended {
    Not,
    Whole(Box<dyn Keep>, Bytes, Option<HeaderMap>),
    GivenUp(Box<dyn Keep>),
}

impl Ended {
    fn finish(self) {
        match self {
            Self::Not => {}
            Self::Whole(keep, content, trailers) => keep.complete(content, trailers),
            Self::GivenUp(keep) => keep.give_up(),
        }
    }
}

struct Place<'a> {
    seat: &'a Seat,
    position: &'a mut usize,
    has_ended: &'a mut bool,
}

impl<B> Flow<B> {
    /// What comes next for a reader; `None` where it has to wait for the body.
    fn next(&mut self, reader: &mut Place<'_>) -> Option<Result<Option<Frame<Bytes>>, BoxError>> {
        let Some(at) = reader.position.checked_sub(self.dropped) else {
            return Some(Err("the reader fell too far behind the others".into()));
        };
        if let Some(chunk) = self.chunks.get(at).cloned() {
            *reader.position += 1;
            self.place(reader.seat.number(), Some(*reader.position));
            return Some(Ok(Some(Frame::data(chunk))));
        }
        if self.body.is_some() {
            return None;
        }
        if self.is_broken {
            return Some(Err(self.error.take().unwrap_or_else(|| "the shared answer broke off".into())));
        }
        if *reader.has_ended {
            return Some(Ok(None));
        }
        *reader.has_ended = true;
        Some(Ok(self.trailers.clone().map(Frame::trailers)))
    }

    fn place(&mut self, seat: usize, position: Option<usize>) {
        if self.positions.len() <= seat {
            self.positions.resize(seat + 1, None);
        }
        self.positions[seat] = position;
    }

    /// Drops what all have read, unless it is kept; and what one has not, when that has become too much.
    fn trim(&mut self) -> Vec<Bytes> {
        let mut gone = Vec::new();
        if self.keep.is_some() || self.body.is_none() {
            return gone;
        }
        let read = self.positions.iter().flatten().min().copied().unwrap_or(usize::MAX);
        while self.dropped < read || self.held > self.most.saturating_mul(2) {
            let Some(chunk) = self.chunks.pop_front() else { break };
            self.dropped += 1;
            self.held -= chunk.len();
            gone.push(chunk);
        }
        gone
    }

    fn whole(&mut self) -> Ended {
        self.body = None;
        let Some(keep) = self.keep.take() else { return Ended::Not };
        if self.length.is_some_and(|length| length != self.held as u64) {
            return Ended::GivenUp(keep);
        }
        // In one piece of its own: chunks may be slices of much larger buffers.
        let mut content = BytesMut::with_capacity(self.held);
        self.chunks.iter().for_each(|chunk| content.extend_from_slice(chunk));
        Ended::Whole(keep, content.freeze(), self.trailers.clone())
    }

    fn broken(&mut self, error: BoxError) -> Ended {
        self.body = None;
        self.is_broken = true;
        self.error = Some(error);
        self.keep.take().map_or(Ended::Not, Ended::GivenUp)
    }
}

impl<B: Body<Data = Bytes>> Flow<B>
where
    B::Error: Into<BoxError>,
{
    /// Takes one frame off the body; `None` where there is none yet.
    fn advance(&mut self, context: &mut Context<'_>) -> Option<Ended> {
        let mut body = self.body.take()?;
        // What it is for the others, should the body panic.
        self.is_broken = true;
        let polled = body.as_mut().poll_frame(context);
        self.is_broken = false;
        self.body = Some(body);
        let Poll::Ready(frame) = polled else { return None };
        Some(self.hear(frame.map(|frame| frame.map_err(Into::into))))
    }

    fn hear(&mut self, frame: Option<Result<Frame<Bytes>, BoxError>>) -> Ended {
        match frame {
            None => self.whole(),
            Some(Err(error)) => self.broken(error),
            Some(Ok(frame)) => self.take(frame),
        }
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Ended {
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                self.held += data.len();
                self.chunks.push_back(data);
                if self.held > self.most
                    && let Some(keep) = self.keep.take()
                {
                    return Ended::GivenUp(keep);
                }
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
        self.end_if_whole()
    }

    /// A server that knows the length does not poll for an end behind the last byte.
    fn end_if_whole(&mut self) -> Ended {
        if self.body.as_ref().is_some_and(Body::is_end_stream) { self.whole() } else { Ended::Not }
    }
}

/// One reader of a stream.
pub(super) struct Reader<B> {
    stream: Arc<Stream<B>>,
    seat: Seat,
    position: usize,
    /// Bytes that are to come, where that is known.
    left: Option<u64>,
    has_ended: bool,
    companion: Option<Arc<dyn Any + Send + Sync>>,
}

impl<B> Reader<B> {
    /// Keeps another thing alive as long as it reads.
    pub(super) fn beside(self, companion: Arc<dyn Any + Send + Sync>) -> Self {
        let mut reader = self;
        reader.companion = Some(companion);
        reader
    }
}

impl<B: Body<Data = Bytes>> Reader<B>
where
    B::Error: Into<BoxError>,
{
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut place =
            Place { seat: &self.seat, position: &mut self.position, has_ended: &mut self.has_ended };
        let frame = self.stream.poll(&mut place, context);
        if let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&frame, &mut self.left) {
            *left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        frame
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let flow = self.stream.lock();
        let has_all = self.position == flow.dropped + flow.chunks.len();
        flow.body.is_none() && !flow.is_broken && has_all && (self.has_ended || flow.trailers.is_none())
    }
}

impl<B> Drop for Reader<B> {
    fn drop(&mut self) {
        self.stream.leave(self.seat.number());
    }
}

impl<B> fmt::Debug for Reader<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("position", &self.position)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
