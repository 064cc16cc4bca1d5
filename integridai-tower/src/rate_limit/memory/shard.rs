//! The keys of one shard: pure, `(state, request, now) → verdict`.

use std::sync::Arc;

use super::table::{Place, Table};
use crate::rate_limit::pace::{Charge, Pace, microseconds};
use crate::rate_limit::quotas::Debts;
use crate::rate_limit::{Ask, MAX_QUOTAS, Quotas, Verdict};

/// Keys that are not back to their full quota, and the time at which each will be.
#[derive(Debug)]
pub(super) struct Shard {
    table: Table,
    quotas: Arc<Quotas>,
    /// Where there is only one quota, its pace.
    sole: Option<Pace>,
    max_keys: usize,
    /// Where the ticks of the arrival times begin.
    origin_us: u64,
    /// From the origin; before that, no key is back to its full quota.
    earliest_us: u64,
    /// From the origin; beyond it the origin is moved.
    horizon_us: u64,
    /// The key that was asked for last, and how many times in a row.
    last: u64,
    in_a_row: u32,
}

/// A key that is asked for so often in a row is worth a slot.
pub(super) const IN_A_ROW: u32 = 8;

/// Instead of the arrival time of a key that is lent to a slot: beyond all others, so that it is never forgotten.
const LENT: u64 = 1 << 63;

/// A request for a key, known by its tag, which is not 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) tag: u64,
    pub(super) ask: &'a Ask<'a>,
}

impl Shard {
    pub(super) fn new(quotas: Arc<Quotas>, max_keys: usize) -> Self {
        let table = Table::new(quotas.as_slice().len());
        let horizon_us = horizon(&quotas);
        let sole = sole(&quotas);
        Self {
            table,
            quotas,
            sole,
            max_keys,
            origin_us: 0,
            earliest_us: u64::MAX,
            horizon_us,
            last: 0,
            in_a_row: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// What is lent has no room here.
    #[inline]
    pub(super) fn decide(&mut self, request: Request<'_>, now_us: u64) -> Verdict {
        let now_us = self.since_origin(now_us);
        let place = self.table.find(request.tag);
        match (&self.sole, place) {
            (Some(pace), Place::At(at)) if request.ask.patience.is_zero() => {
                let now = now_us * pace.ticks_per_us;
                let arrival = self.table.value_mut(at);
                let debt = arrival.saturating_sub(now);
                match pace.charge_at_once(debt, request.ask.cost) {
                    Some(Charge { debt, wait: 0 }) => {
                        *arrival = now + debt;
                        Verdict::admitted(pace, debt)
                    }
                    Some(Charge { wait, .. }) if *arrival != LENT => Verdict::refused(pace, debt, wait),
                    Some(_) => Verdict::without_room(),
                    None => self.decide_by_all(place, request, now_us),
                }
            }
            _ => self.decide_by_all(place, request, now_us),
        }
    }

    /// The same by any number of quotas.
    #[cold]
    pub(super) fn decide_slowly(&mut self, request: Request<'_>, now_us: u64) -> Verdict {
        let now_us = self.since_origin(now_us);
        self.decide_by_all(self.table.find(request.tag), request, now_us)
    }

    #[inline(never)]
    fn decide_by_all(&mut self, place: Place, request: Request<'_>, now_us: u64) -> Verdict {
        if self.has_lent(place) {
            return Verdict::without_room();
        }
        let mut debts = self.debts(place, now_us);
        let verdict = self.quotas.decide(&mut debts, request.ask.cost, request.ask.patience);
        if !verdict.is_admitted() || request.ask.cost == 0 {
            return verdict;
        }
        match place {
            Place::At(at) => self.write(at, &debts, now_us),
            Place::Free(_) => return self.insert(request.tag, &debts, now_us, verdict),
        }
        verdict
    }

    pub(super) fn is_lent(&self, tag: u64) -> bool {
        self.has_lent(self.table.find(tag))
    }

    fn has_lent(&self, place: Place) -> bool {
        matches!(place, Place::At(at) if self.table.values(at)[0] == LENT)
    }

    /// Gives back to a key what it took; nothing where it is not known any longer.
    pub(super) fn refund(&mut self, tag: u64, cost: u32, now_us: u64) {
        let now_us = self.since_origin(now_us);
        let place = self.table.find(tag);
        if let Place::At(at) = place {
            let mut debts = self.debts(place, now_us);
            self.quotas.refund(&mut debts, cost);
            self.write(at, &debts, now_us);
            self.earliest_us = 0;
        }
    }

    /// Gives a key its full quota.
    pub(super) fn reset(&mut self, tag: u64) {
        if let Place::At(at) = self.table.find(tag) {
            self.table.values_mut(at).fill(0);
            self.earliest_us = 0;
        }
    }

    /// Counts a request, as so many; whether with it the key has been asked for often enough in a row.
    #[inline]
    pub(super) fn is_asked_for_in_a_row(&mut self, tag: u64, counts: u32) -> bool {
        if self.last != tag {
            (self.last, self.in_a_row) = (tag, 0);
            return false;
        }
        let before = self.in_a_row;
        self.in_a_row = before.saturating_add(counts);
        before < IN_A_ROW && self.in_a_row >= IN_A_ROW
    }

    /// What a known key owes to the only quota.
    pub(super) fn owed(&mut self, tag: u64, now_us: u64) -> Option<(Pace, u64)> {
        let (pace, now_us) = (self.sole?, self.since_origin(now_us));
        match self.table.find(tag) {
            Place::At(at) => Some((pace, self.table.values(at)[0].saturating_sub(pace.ticks(now_us)))),
            Place::Free(_) => None,
        }
    }

    /// From now on, what a known key owes is known elsewhere.
    pub(super) fn lend(&mut self, tag: u64) {
        if let Place::At(at) = self.table.find(tag) {
            *self.table.value_mut(at) = LENT;
        }
    }

    /// What a key owes that was lent.
    pub(super) fn take_back(&mut self, tag: u64, debt: u64, at_us: u64) {
        let at_us = self.since_origin(at_us);
        let ticks = self.sole.map_or(0, |pace| pace.ticks(at_us));
        if let Place::At(at) = self.table.find(tag) {
            *self.table.value_mut(at) = ticks + debt;
            self.earliest_us = 0;
            self.in_a_row = 0;
        }
    }

    /// What each key has used, it has used of the new quotas.
    pub(super) fn set_quotas(&mut self, quotas: &Arc<Quotas>, now_us: u64) {
        let elapsed = now_us.saturating_sub(self.origin_us);
        self.move_origin(elapsed);
        let former = std::mem::replace(&mut self.quotas, Arc::clone(quotas));
        let keys = self.table.len() + 1;
        self.table.rebuild(quotas.as_slice().len(), keys, |arrivals| {
            let debts = quotas.convert(&former, &debts_of(&former, arrivals, 0));
            Some(arrivals_of(quotas, &debts, 0))
        });
        self.horizon_us = horizon(quotas);
        self.sole = sole(quotas);
    }

    #[inline]
    fn since_origin(&mut self, now_us: u64) -> u64 {
        let elapsed = now_us.saturating_sub(self.origin_us);
        if elapsed <= self.horizon_us {
            return elapsed;
        }
        self.move_origin(elapsed);
        0
    }

    #[cold]
    fn move_origin(&mut self, by_us: u64) {
        let quotas = Arc::clone(&self.quotas);
        self.table.update(|arrivals| {
            for (pace, arrival) in
                quotas.paces().iter().zip(arrivals).filter(|(_, arrival)| **arrival != LENT)
            {
                *arrival = arrival.saturating_sub(by_us.saturating_mul(pace.ticks_per_us));
            }
        });
        self.origin_us += by_us;
        self.earliest_us = 0;
    }

    fn debts(&self, place: Place, now_us: u64) -> Debts {
        match place {
            Place::At(at) => debts_of(&self.quotas, self.table.values(at), now_us),
            Place::Free(_) => Debts::default(),
        }
    }

    fn write(&mut self, at: usize, debts: &Debts, now_us: u64) {
        for ((pace, debt), arrival) in self.quotas.paces().iter().zip(debts).zip(self.table.values_mut(at)) {
            *arrival = pace.ticks(now_us) + debt;
        }
    }

    /// The verdict, or another where there is no room for the key.
    #[cold]
    fn insert(&mut self, tag: u64, debts: &Debts, now_us: u64, verdict: Verdict) -> Verdict {
        let is_full = self.table.len() >= self.max_keys || self.table.is_crowded();
        if is_full && self.make_room(now_us).is_none() {
            return Verdict::without_room();
        }
        let arrivals = arrivals_of(&self.quotas, debts, now_us);
        self.table.insert(tag, &arrivals[..self.quotas.as_slice().len()]);
        self.earliest_us = self.earliest_us.min(whole_at(&self.quotas, &arrivals));
        verdict
    }

    /// Forgets keys that are back to their full quota, and leaves room for a quarter more than remain: each new key pays for
    /// four or five that are moved, and no more than a fifth of the room is idle.
    fn make_room(&mut self, now_us: u64) -> Option<()> {
        if self.table.len() >= self.max_keys && now_us < self.earliest_us {
            return None;
        }
        let quotas = Arc::clone(&self.quotas);
        let owing = |arrivals: &&[u64]| whole_at(&quotas, arrivals) > now_us;
        let owing = self.table.iter().filter(owing).count();
        if owing >= self.max_keys {
            self.earliest_us = self.table.iter().map(|arrivals| whole_at(&quotas, arrivals)).min()?;
            return None;
        }
        let mut earliest = u64::MAX;
        let keys = (owing + owing / 4 + 8).min(self.max_keys);
        self.table.rebuild(quotas.as_slice().len(), keys, |arrivals| {
            let whole_at = whole_at(&quotas, arrivals);
            earliest = if whole_at > now_us { earliest.min(whole_at) } else { earliest };
            (whole_at > now_us).then(|| padded(arrivals))
        });
        self.earliest_us = earliest;
        Some(())
    }
}

fn debts_of(quotas: &Quotas, arrivals: &[u64], now_us: u64) -> Debts {
    let mut debts = Debts::default();
    for ((pace, arrival), debt) in quotas.paces().iter().zip(arrivals).zip(&mut debts) {
        *debt = arrival.saturating_sub(pace.ticks(now_us));
    }
    debts
}

fn arrivals_of(quotas: &Quotas, debts: &Debts, now_us: u64) -> Debts {
    let mut arrivals = Debts::default();
    for ((pace, debt), arrival) in quotas.paces().iter().zip(debts).zip(&mut arrivals) {
        *arrival = pace.ticks(now_us) + debt;
    }
    arrivals
}

/// When everything will have come back, from the origin.
fn whole_at(quotas: &Quotas, arrivals: &[u64]) -> u64 {
    let times = quotas.paces().iter().zip(arrivals).map(|(pace, arrival)| microseconds(pace.time(*arrival)));
    times.max().unwrap_or(0)
}

fn horizon(quotas: &Quotas) -> u64 {
    quotas.paces().iter().map(Pace::horizon).min().unwrap_or(u64::MAX)
}

fn sole(quotas: &Quotas) -> Option<Pace> {
    match quotas.paces() {
        [pace] => Some(*pace),
        _ => None,
    }
}

fn padded(arrivals: &[u64]) -> [u64; MAX_QUOTAS] {
    let mut padded = [0; MAX_QUOTAS];
    padded[..arrivals.len()].copy_from_slice(arrivals);
    padded
}
