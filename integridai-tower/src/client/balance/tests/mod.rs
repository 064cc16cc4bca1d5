mod choices;
mod outliers;

use proptest::prelude::*;

use super::ewma::PeakEwma;
use super::health::Health;

const MS: u64 = 1_000_000;

#[test]
fn a_long_call_counts_at_once_and_is_forgotten_slowly() {
    let mut ewma = PeakEwma::default();
    assert!(!ewma.is_known() && ewma.at(0, 10 * MS) == 0.0);
    ewma.add(MS, 0, 10 * MS);
    ewma.add(100 * MS, MS, 10 * MS);
    assert_eq!(ewma.at(MS, 10 * MS), 100e6);
    ewma.add(MS, 11 * MS, 10 * MS);
    let expected = 100e6 * (-1.0_f64).exp() + 1e6 * (1.0 - (-1.0_f64).exp());
    assert!((ewma.at(11 * MS, 10 * MS) - expected).abs() < 1.0);
    assert!(ewma.at(100 * MS, 10 * MS) < 10e3, "an address that was slow is tried again");
}

proptest! {
    #[test]
    fn the_mean_is_between_nothing_and_the_longest_call(
        calls in prop::collection::vec((0..1000 * MS, 0..100 * MS), 1..100),
        decay in 0..100 * MS,
    ) {
        let (mut ewma, mut now, mut longest) = (PeakEwma::default(), 0, 1.0_f64);
        for (took, pause) in calls {
            now += pause;
            let before = ewma.at(now, decay);
            longest = longest.max(took as f64);
            ewma.add(took, now, decay);
            let after = ewma.at(now, decay);
            prop_assert!(after >= before.min(took as f64) * 0.999 && after <= longest);
            prop_assert!(after >= (took as f64) * 0.999, "a peak counts whole");
        }
    }

    #[test]
    fn health_turns_after_so_many_checks_in_a_row(
        checks in prop::collection::vec(any::<bool>(), 0..200),
        (rise, fall) in (1..5_u32, 1..5_u32),
    ) {
        let mut health = Health::new();
        let mut expected = true;
        for end in 1..=checks.len() {
            let past = &checks[..end];
            let in_a_row = past.iter().rev().take_while(|check| *check == past.last().unwrap()).count();
            let needed = if past[end - 1] { rise } else { fall };
            if in_a_row >= needed as usize {
                expected = past[end - 1];
            }
            prop_assert_eq!(health.record(past[end - 1], rise, fall), expected);
        }
    }
}
