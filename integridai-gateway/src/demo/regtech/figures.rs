//! The running figures of the `RegTech` engine, in bounded memory.
use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use time::OffsetDateTime;

use super::finding::{Finding, Level};
use crate::demo::answer::timestamp;
use crate::demo::chance::{Chance, rounded};
use crate::demo::fifo::FifoMap;

const SECTORS: [&str; 7] =
    ["tecnologia", "construccion", "servicios_financieros", "energia", "educacion", "salud", "otros"];
const OTHER_SECTORS: &str = "otros";
const MOST_SECTORS: usize = 24;
const LONGEST_TEXT: usize = 120;
const RECENT_ANALYSES: usize = 10;
const REMEMBERED_PROVIDERS: usize = 50_000;
const PROVIDERS_AT_START: u64 = 120;
const ANALYSES_AT_START: u64 = 34;

#[derive(Debug)]
pub(super) struct Figures {
    /// The last score of each provider, so that a repeated analysis replaces it. A forgotten one counts anew.
    known: FifoMap<u64, Known>,
    providers: u64,
    high_risk: u64,
    score_sum: f64,
    sectors: BTreeMap<String, Tally>,
    recent: VecDeque<RecentAnalysis>,
    day: LastDay,
}

#[derive(Debug)]
struct Known {
    score: f64,
    sector: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    providers: u64,
    score_sum: f64,
}

/// One of the last analyses.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RecentAnalysis {
    analysis_id: String,
    provider_name: String,
    cuit: String,
    sector: String,
    overall_score: f64,
    risk_level: &'static str,
    timestamp: String,
}

/// One sector's part of the whole.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SectorShare {
    sector: String,
    count: u64,
    avg_score: f64,
}

/// The figures at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) providers: u64,
    pub(super) average: f64,
    pub(super) high_risk: u64,
    pub(super) last_day: u64,
    pub(super) recent: Vec<RecentAnalysis>,
    pub(super) sectors: Vec<SectorShare>,
}

impl Figures {
    /// A service that has been in use for a while.
    pub(super) fn seeded(seed: u64, now: OffsetDateTime) -> Self {
        let mut figures = Self {
            known: FifoMap::new(REMEMBERED_PROVIDERS),
            providers: 0,
            high_risk: 0,
            score_sum: 0.0,
            sectors: BTreeMap::new(),
            recent: VecDeque::new(),
            day: LastDay::default(),
        };
        let chance = Chance::new(seed);
        for number in 1..=PROVIDERS_AT_START {
            let cuit = format!("30-{:08}-{}", 60_000_000 + chance.bits() % 10_000_000, number % 10);
            let sector = SECTORS[(chance.bits() % SECTORS.len() as u64) as usize];
            let name = format!("Proveedor {number} S.A.");
            figures.count(&Finding::of(&name, &cuit, sector, 0));
        }
        let hour = hour_of(now);
        for _ in 0..ANALYSES_AT_START {
            figures.day.count(hour.saturating_sub(chance.bits() % 20));
        }
        figures
    }

    pub(super) fn record(&mut self, finding: &Finding<'_>, analysis_id: &str, now: OffsetDateTime) {
        self.count(finding);
        self.day.count(hour_of(now));
        if self.recent.len() == RECENT_ANALYSES {
            self.recent.pop_back();
        }
        self.recent.push_front(RecentAnalysis {
            analysis_id: analysis_id.to_owned(),
            provider_name: shortened(finding.name),
            cuit: shortened(finding.cuit),
            sector: shortened(finding.sector),
            overall_score: finding.score,
            risk_level: finding.level.spanish(),
            timestamp: timestamp(now),
        });
    }

    pub(super) fn snapshot(&self, now: OffsetDateTime) -> Snapshot {
        Snapshot {
            providers: self.providers,
            average: mean(self.score_sum, self.providers),
            high_risk: self.high_risk,
            last_day: self.day.total(hour_of(now)),
            recent: self.recent.iter().cloned().collect(),
            sectors: self.sectors.iter().map(SectorShare::of).collect(),
        }
    }

    fn count(&mut self, finding: &Finding<'_>) {
        if let Some(known) = self.known.get(&finding.provider) {
            let (score, sector) = (known.score, known.sector.clone());
            self.withdraw(score, &sector);
        }
        let sector = self.sector_name(finding.sector);
        let tally = self.sectors.entry(sector.clone()).or_default();
        tally.providers += 1;
        tally.score_sum += finding.score;
        self.providers += 1;
        self.score_sum += finding.score;
        self.high_risk += u64::from(finding.level.is_high());
        // Whoever has to make room stays in the sums: only the memory of individuals is bounded.
        self.known.insert(finding.provider, Known { score: finding.score, sector });
    }

    fn withdraw(&mut self, score: f64, sector: &str) {
        self.providers -= 1;
        self.score_sum -= score;
        self.high_risk -= u64::from(Level::of(score).is_high());
        if let Some(tally) = self.sectors.get_mut(sector) {
            tally.providers -= 1;
            tally.score_sum -= score;
        }
    }

    fn sector_name(&self, sector: &str) -> String {
        let sector = shortened(sector);
        if self.sectors.contains_key(&sector) || self.sectors.len() < MOST_SECTORS {
            sector
        } else {
            OTHER_SECTORS.to_owned()
        }
    }
}

impl SectorShare {
    fn of((sector, tally): (&String, &Tally)) -> Self {
        let avg_score = mean(tally.score_sum, tally.providers);
        Self { sector: sector.clone(), count: tally.providers, avg_score }
    }
}

/// Analyses of the last 24 hours, to the hour.
#[derive(Debug, Default)]
struct LastDay {
    hours: [(u64, u64); 24],
}

impl LastDay {
    fn count(&mut self, hour: u64) {
        let slot = &mut self.hours[(hour % 24) as usize];
        if slot.0 != hour {
            *slot = (hour, 0);
        }
        slot.1 += 1;
    }

    fn total(&self, now: u64) -> u64 {
        self.hours.iter().filter(|(hour, _)| now.saturating_sub(*hour) < 24).map(|(_, count)| count).sum()
    }
}

fn hour_of(moment: OffsetDateTime) -> u64 {
    u64::try_from(moment.unix_timestamp() / 3_600).unwrap_or(0)
}

fn mean(sum: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { rounded(sum / count as f64, 2) }
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests;
