use time::{Duration, OffsetDateTime};

use super::{Figures, Finding, RECENT_ANALYSES};

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

#[test]
fn a_repeated_analysis_moves_the_day_but_not_the_providers() {
    let mut figures = Figures::seeded(1, START);
    let before = figures.snapshot(START);
    let finding = Finding::of("Acme", "30-71234567-1", "tecnologia", 0);
    figures.record(&finding, "one", START);
    let once = figures.snapshot(START);
    figures.record(&finding, "two", START);
    let twice = figures.snapshot(START);
    assert_eq!((once.providers, once.last_day), (before.providers + 1, before.last_day + 1));
    assert_eq!((twice.providers, twice.last_day), (once.providers, once.last_day + 1));
    assert!((twice.average - once.average).abs() < 0.02);
    assert_eq!(twice.recent[0].analysis_id, "two");
}

#[test]
fn analyses_leave_the_last_day_after_24_hours() {
    let mut figures = Figures::seeded(1, START);
    let next_day = START + Duration::hours(24);
    figures.record(&Finding::of("Acme", "30-71234567-1", "salud", 0), "one", next_day);
    assert_eq!(figures.snapshot(next_day).last_day, 1);
}

#[test]
fn whatever_is_sent_the_lists_stay_short_and_add_up() {
    let mut figures = Figures::seeded(1, START);
    for number in 0..200 {
        let (cuit, sector) = (format!("20-{number:08}-3"), format!("sector {number}"));
        figures.record(&Finding::of("Acme", &cuit, &sector, 0), "one", START);
    }
    let snapshot = figures.snapshot(START);
    assert_eq!(snapshot.recent.len(), RECENT_ANALYSES);
    assert!(snapshot.sectors.len() <= super::MOST_SECTORS);
    let by_sector: u64 = snapshot.sectors.iter().map(|sector| sector.count).sum();
    assert_eq!(by_sector, snapshot.providers);
}
