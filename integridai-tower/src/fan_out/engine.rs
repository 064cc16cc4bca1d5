//! Starts branches, asks those that were woken, and ends those whose time is up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::list::List;
use super::policy::{Policy, Tally, Verdict};
use super::slot::Phase;
use super::wakers::{BranchWakerHandle, Woken};
use crate::BranchEnd;

/// What a gathering is to keep to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) concurrency: usize,
    pub(super) deadline: Option<Instant>,
}

/// A gathering, whether it has begun or not.
#[derive(Debug)]
pub(super) struct Engine {
    settings: Settings,
    run: Option<Run>,
}

/// Where a gathering stands.
#[derive(Debug)]
struct Run {
    tally: Tally,
    concurrency: usize,
    limit: Option<Instant>,
    started: usize,
    running: usize,
    /// The last time that was read.
    now: Instant,
    /// No branch expires before this.
    earliest: Option<Instant>,
    // What only a fan-out needs that has to wait is apart: the rest is moved before it begins, and is to be small.
    wakers: Option<Box<Wakers>>,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Wakers {
    queue: Arc<Woken>,
    each: Vec<BranchWakerHandle>,
    woken: Vec<usize>,
}

impl Engine {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, run: None }
    }

    pub(super) fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Goes on until nothing can be done or it is decided; never asks anything after that.
    pub(super) fn advance<L: List>(
        &mut self,
        mut list: Pin<&mut L>,
        context: &mut Context<'_>,
    ) -> Poll<Verdict> {
        let run = match &mut self.run {
            Some(run) => {
                run.ask_woken(list.as_mut(), context);
                run
            }
            None => self.run.insert(Run::begin(self.settings, list.as_mut())),
        };
        run.advance(list, context)
    }
}

/// Drops whatever has not ended.
pub(super) fn stop<L: List>(mut list: Pin<&mut L>) {
    for index in 0..list.len() {
        let Some(mut slot) = list.as_mut().slot(index) else { continue };
        match slot.as_mut().progress().phase {
            Phase::Ended => {}
            Phase::Running { .. } => slot.stop(BranchEnd::Cancelled, Instant::now()),
            Phase::Waiting => slot.stop(BranchEnd::NotStarted, Instant::now()),
        }
    }
}

impl Run {
    fn begin<L: List>(settings: Settings, mut list: Pin<&mut L>) -> Self {
        let now = Instant::now();
        let within = settings.policy.within().and_then(|within| now.checked_add(within));
        let branches = 0..list.len();
        let required = branches.map(|index| {
            let slot = list.as_mut().slot(index);
            slot.is_some_and(|slot| slot.progress().outcome.is_required)
        });
        Self {
            tally: Tally::new(settings.policy, required),
            concurrency: settings.concurrency,
            limit: within.into_iter().chain(settings.deadline).min(),
            started: 0,
            running: 0,
            now,
            earliest: None,
            wakers: None,
            timer: None,
        }
    }

    fn advance<L: List>(&mut self, mut list: Pin<&mut L>, context: &mut Context<'_>) -> Poll<Verdict> {
        loop {
            self.start(list.as_mut(), context);
            let verdict = self.tally.verdict();
            if verdict != Verdict::Wait {
                return Poll::Ready(verdict);
            }
            if self.is_time_up(context) {
                self.expire(list.as_mut());
            } else {
                return Poll::Pending;
            }
        }
    }

    /// At its first turn a branch is asked with the task's own waker, so that branches that are ready at once cost no wakers
    /// of their own. From then on each is asked only when it was woken.
    fn ask_woken<L: List>(&mut self, mut list: Pin<&mut L>, context: &mut Context<'_>) {
        let woken = match &mut self.wakers {
            Some(wakers) => {
                wakers.queue.take(context.waker(), &mut wakers.woken);
                std::mem::take(&mut wakers.woken)
            }
            None => {
                let (queue, each) = Woken::wakers(context.waker(), list.len());
                self.wakers = Some(Box::new(Wakers { queue, each, woken: Vec::new() }));
                (0..self.started).collect()
            }
        };
        for index in woken.iter().copied() {
            if self.tally.verdict() != Verdict::Wait {
                break;
            }
            self.ask(list.as_mut(), index, context);
        }
        // Its room serves again.
        if let Some(wakers) = &mut self.wakers {
            wakers.woken = woken;
        }
    }

    /// Starts as many as may run. What would begin after the limit of the whole is not asked at all.
    fn start<L: List>(&mut self, mut list: Pin<&mut L>, context: &mut Context<'_>) {
        while self.running < self.concurrency && self.tally.verdict() == Verdict::Wait {
            let index = self.started;
            let Some(mut slot) = list.as_mut().slot(index) else { return };
            self.started += 1;
            self.running += 1;
            let progress = slot.as_mut().progress();
            if self.limit.is_some_and(|limit| limit <= self.now) {
                let is_required = progress.outcome.is_required;
                slot.stop(BranchEnd::TimedOut, self.now);
                self.end(index, is_required, false);
                continue;
            }
            let expiry = slot.begin(self.now, self.limit);
            self.earliest = self.earliest.into_iter().chain(expiry).min();
            self.ask(list.as_mut(), index, context);
        }
    }

    fn ask<L: List>(&mut self, list: Pin<&mut L>, index: usize, context: &mut Context<'_>) {
        let Some(mut slot) = list.slot(index) else { return };
        if !matches!(slot.as_mut().progress().phase, Phase::Running { .. }) {
            return;
        }
        let polled = match self.wakers.as_ref().and_then(|wakers| wakers.each.get(index)) {
            Some(waker) => slot.as_mut().poll(&mut Context::from_waker(waker.arm())),
            None => slot.as_mut().poll(context),
        };
        if let Poll::Ready(now) = polled {
            self.now = now;
            let outcome = &slot.progress().outcome;
            let (is_required, is_success) = (outcome.is_required, outcome.is_success());
            self.end(index, is_required, is_success);
        }
    }

    fn end(&mut self, index: usize, is_required: bool, is_success: bool) {
        self.running -= 1;
        self.tally.end(index, is_required, is_success);
    }

    /// Whether the time of a branch may be up; if not, the timer wakes the task when it is.
    fn is_time_up(&mut self, context: &mut Context<'_>) -> bool {
        let Some(earliest) = self.earliest else { return false };
        self.now = Instant::now();
        if self.now >= earliest {
            return true;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(earliest)));
        if timer.deadline() != earliest {
            timer.as_mut().reset(earliest);
        }
        let is_up = timer.as_mut().poll(context).is_ready();
        if is_up {
            self.now = Instant::now().max(earliest);
        }
        is_up
    }

    /// Ends the branches whose time is up, in their order, until it is decided.
    fn expire<L: List>(&mut self, mut list: Pin<&mut L>) {
        self.earliest = None;
        for index in 0..self.started {
            let Some(mut slot) = list.as_mut().slot(index) else { return };
            let progress = slot.as_mut().progress();
            let Phase::Running { .. } = progress.phase else { continue };
            if progress.expiry.is_none_or(|expiry| expiry > self.now) {
                self.earliest = self.earliest.into_iter().chain(progress.expiry).min();
                continue;
            }
            let is_required = progress.outcome.is_required;
            slot.stop(BranchEnd::TimedOut, self.now);
            self.end(index, is_required, false);
            if self.tally.verdict() != Verdict::Wait {
                return;
            }
        }
    }
}
