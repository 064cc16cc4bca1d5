//! What waits for the writer: durable jobs, rows in a bounded buffer, and those who wait for a flush.
//!
//! One mutex, held for the time of a push. Nobody ever waits for room: what does not fit is refused.
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::health::Counters;
use super::record::Record;
use super::{StoreError, Table};

/// Where somebody waits for an answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) buffer_rows: usize,
    pub(super) buffer_bytes: usize,
    pub(super) batch_rows: usize,
    pub(super) flush_interval: Duration,
    pub(super) pending_jobs: usize,
}

/// `J` is a job of the database behind it.
#[derive(Debug)]
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    counters: Arc<Counters>,
    bounds: Bounds,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    rows: VecDeque<Record>,
    flushes: Vec<Reply<()>>,
    oldest_row: Option<Instant>,
    /// Whether an event is among the rows: somebody may be waiting for it.
    is_urgent: bool,
    /// Rows and bytes that count against the bounds: those in `rows`, and the batch the writer has in hand.
    unwritten_rows: usize,
    unwritten_bytes: usize,
    close: Option<Close>,
}

#[derive(Debug, Clone, Copy)]
struct Close {
    deadline: Instant,
    announced: bool,
}

/// What the writer has to do next.
#[derive(Debug)]
pub(super) struct Work<J> {
    pub(super) jobs: VecDeque<J>,
    pub(super) rows: Vec<Record>,
    /// Answered when `rows` are written: nothing recorded earlier is left behind in the queue.
    pub(super) flushes: Vec<Reply<()>>,
    /// The deadline, once the store is being closed.
    pub(super) close: Option<Instant>,
    /// Whether nothing is left in the queue.
    pub(super) was_last: bool,
}

impl<J> Queue<J> {
    pub(super) fn new(bounds: Bounds, counters: Arc<Counters>) -> Self {
        let bounds = Bounds { batch_rows: bounds.batch_rows.max(1), ..bounds };
        Self { state: Mutex::new(State::new()), changed: Condvar::new(), counters, bounds }
    }

    pub(super) fn push_rows(&self, rows: impl IntoIterator<Item = Record>) {
        let mut state = self.lock();
        let (before, was_urgent) = (state.rows.len(), state.is_urgent);
        for row in rows {
            self.push_row(&mut state, row);
        }
        let (after, is_urgent) = (state.rows.len(), state.is_urgent);
        self.counters.set_buffered(state.unwritten_rows);
        drop(state);
        let first = before == 0 && after > 0;
        if first
            || (is_urgent && !was_urgent)
            || (before < self.bounds.batch_rows && after >= self.bounds.batch_rows)
        {
            self.changed.notify_one();
        }
    }

    fn push_row(&self, state: &mut State<J>, row: Record) {
        let bytes = state.unwritten_bytes.saturating_add(row.weight());
        if state.close.is_some()
            || state.unwritten_rows >= self.bounds.buffer_rows
            || bytes > self.bounds.buffer_bytes
        {
            self.counters.count_dropped(row.table());
            return;
        }
        state.unwritten_rows += 1;
        state.unwritten_bytes = bytes;
        state.oldest_row.get_or_insert_with(Instant::now);
        state.is_urgent |= row.table() == Table::SystemEvents;
        state.rows.push_back(row);
    }

    /// These rows are written, or lost for good.
    pub(super) fn settle_rows<'a>(&self, rows: impl IntoIterator<Item = &'a Record>) {
        let (count, bytes) =
            rows.into_iter().fold((0, 0), |(count, bytes), row| (count + 1, bytes + row.weight()));
        let mut state = self.lock();
        state.unwritten_rows = state.unwritten_rows.saturating_sub(count);
        state.unwritten_bytes = state.unwritten_bytes.saturating_sub(bytes);
        self.counters.set_buffered(state.unwritten_rows);
    }

    pub(super) fn push_job(&self, job: J) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.close.is_some() {
            return Err(StoreError::Closed);
        }
        if state.jobs.len() >= self.bounds.pending_jobs {
            return Err(StoreError::Busy);
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes back a claim even when the queue is full: there are never more of these than there were claims.
    pub(super) fn push_release(&self, job: J) {
        let mut state = self.lock();
        if state.close.is_none() {
            state.jobs.push_back(job);
            self.changed.notify_one();
        }
    }

    pub(super) fn push_flush(&self, reply: Reply<()>) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.close.is_some() {
            return Err(StoreError::Closed);
        }
        if state.flushes.len() >= self.bounds.pending_jobs {
            return Err(StoreError::Busy);
        }
        state.flushes.push(reply);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn put_back_flushes(&self, flushes: Vec<Reply<()>>) {
        self.lock().flushes.extend(flushes);
    }

    /// Refuses new work from now on; the first deadline holds.
    pub(super) fn close(&self, deadline: Instant) {
        self.lock().close.get_or_insert(Close { deadline, announced: false });
        self.changed.notify_one();
    }

    /// The end: nothing that still waits will be done.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.close.get_or_insert(Close { deadline: Instant::now(), announced: true });
        for row in state.rows.drain(..) {
            self.counters.count_dropped(row.table());
        }
        let orphans = (std::mem::take(&mut state.jobs), std::mem::take(&mut state.flushes));
        drop(state);
        // Outside of the lock: a claim inside a job comes back here when it is dropped.
        drop(orphans);
    }

    /// Waits until there is something to do, or until `wake`. With `rows` false no rows are handed out: the
    /// writer has a batch in hand that it could not write.
    pub(super) fn next(&self, rows: bool, wake: Instant) -> Work<J> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let until = self.next_moment(&state, rows, wake);
            if !state.jobs.is_empty()
                || !state.flushes.is_empty()
                || state.news_of_close(rows)
                || until <= now
            {
                return self.take(&mut state, rows, now);
            }
            let waited = self.changed.wait_timeout(state, until.saturating_duration_since(now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Fills a batch that failed, so that what cannot be written does not keep back what can.
    pub(super) fn top_up<R>(&self, batch: &mut Vec<R>, row: impl FnMut(Record) -> R) {
        let room = self.bounds.batch_rows.saturating_sub(batch.len());
        let rows = self.lock().take_rows(room, Instant::now());
        batch.extend(rows.into_iter().map(row));
    }

    fn next_moment(&self, state: &State<J>, rows: bool, wake: Instant) -> Instant {
        let due = match state.oldest_row {
            Some(oldest) if rows && (state.is_urgent || state.rows.len() >= self.bounds.batch_rows) => {
                Some(oldest)
            }
            Some(oldest) if rows => oldest.checked_add(self.bounds.flush_interval),
            _ => None,
        };
        let close = state.close.map(|close| close.deadline);
        due.into_iter().chain(close).fold(wake, Instant::min)
    }

    fn take(&self, state: &mut State<J>, rows: bool, now: Instant) -> Work<J> {
        let jobs = std::mem::take(&mut state.jobs);
        let mut work = Work { jobs, rows: Vec::new(), flushes: Vec::new(), close: None, was_last: false };
        let due = state.oldest_row.and_then(|oldest| oldest.checked_add(self.bounds.flush_interval));
        let flush = state.is_urgent
            || !state.flushes.is_empty()
            || state.close.is_some()
            || due.is_some_and(|due| due <= now);
        if rows && (flush || state.rows.len() >= self.bounds.batch_rows) {
            work.rows = state.take_rows(self.bounds.batch_rows, now);
        }
        if state.rows.is_empty() || !rows {
            work.flushes = std::mem::take(&mut state.flushes);
        }
        if let Some(close) = &mut state.close {
            close.announced = true;
            work.close = Some(close.deadline);
        }
        work.was_last = state.rows.is_empty();
        work
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> State<J> {
    fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            rows: VecDeque::new(),
            flushes: Vec::new(),
            oldest_row: None,
            is_urgent: false,
            unwritten_rows: 0,
            unwritten_bytes: 0,
            close: None,
        }
    }

    fn take_rows(&mut self, room: usize, now: Instant) -> Vec<Record> {
        let count = self.rows.len().min(room);
        let rows = self.rows.drain(..count).collect();
        self.oldest_row = (!self.rows.is_empty()).then_some(now);
        self.is_urgent &= !self.rows.is_empty();
        rows
    }

    /// The writer has to hear of the close once; after that only rows it may take, or time, wake it.
    fn news_of_close(&self, rows: bool) -> bool {
        self.close.is_some_and(|close| rows || !close.announced)
    }
}
