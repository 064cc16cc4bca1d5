//! Who is in, who waits, and who has to go.

use std::collections::BTreeMap;

use crate::Priority;

/// So many at once; the others wait in line, the most urgent first, up to a bound.
///
/// Somebody waits only while it is full: whoever makes room asks for the [next](Self::next) until there is none.
#[derive(Debug)]
pub(super) struct Room<T> {
    limit: u32,
    inside: u32,
    max_queued: usize,
    lines: [BTreeMap<u64, T>; Priority::ALL.len()],
    queued: usize,
    arrivals: u64,
}

/// A place in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    priority: Priority,
    number: u64,
}

/// What became of somebody who came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival<T> {
    /// He is in; so many are in with him.
    Inside(u32),
    /// He waits, and perhaps somebody less urgent waits no longer.
    Queued(Ticket, Option<T>),
    /// There is no place for him.
    Full,
}

impl<T> Room<T> {
    pub(super) fn new(limit: u32, max_queued: usize) -> Self {
        Self { limit, inside: 0, max_queued, lines: Default::default(), queued: 0, arrivals: 0 }
    }

    /// Where the line is full, whoever is more urgent takes the place of the last of the least urgent.
    pub(super) fn enter(&mut self, priority: Priority, waiting: impl FnOnce() -> T) -> Arrival<T> {
        if self.inside < self.limit {
            self.inside += 1;
            return Arrival::Inside(self.inside);
        }
        let displaced = if self.queued < self.max_queued { None } else { self.displace(priority) };
        if self.queued >= self.max_queued {
            return Arrival::Full;
        }
        let ticket = Ticket { priority, number: self.arrivals };
        self.arrivals += 1;
        self.queued += 1;
        self.line(priority).insert(ticket.number, waiting());
        Arrival::Queued(ticket, displaced)
    }

    /// Somebody has left.
    pub(super) fn leave(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    /// Lets the next one in, where there is room; so many are in with him.
    pub(super) fn next(&mut self) -> Option<(T, u32)> {
        if self.queued == 0 || self.inside >= self.limit {
            return None;
        }
        let (_, next) = self.lines.iter_mut().rev().find_map(BTreeMap::pop_first)?;
        self.queued -= 1;
        self.inside += 1;
        Some((next, self.inside))
    }

    /// Somebody gives up his place; `false` where he has none any more.
    pub(super) fn give_up(&mut self, ticket: Ticket) -> bool {
        let waited = self.line(ticket.priority).remove(&ticket.number).is_some();
        self.queued -= usize::from(waited);
        waited
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn inside(&self) -> u32 {
        self.inside
    }

    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    pub(super) fn queued_by(&self, priority: Priority) -> usize {
        self.lines[priority as usize].len()
    }

    fn displace(&mut self, priority: Priority) -> Option<T> {
        let below = &mut self.lines[..priority as usize];
        let (_, displaced) = below.iter_mut().find_map(BTreeMap::pop_last)?;
        self.queued -= 1;
        Some(displaced)
    }

    fn line(&mut self, priority: Priority) -> &mut BTreeMap<u64, T> {
        &mut self.lines[priority as usize]
    }
}
