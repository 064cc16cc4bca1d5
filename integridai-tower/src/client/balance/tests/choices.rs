use proptest::prelude::*;

use super::super::choose::{Random, choose};

proptest! {
    #[test]
    fn the_better_of_two_is_never_the_worst_of_all(
        costs in prop::collection::vec(0..1000_u32, 2..20),
        random in any::<u64>(),
    ) {
        let chosen = choose(costs.len(), random, |index| f64::from(costs[index])).unwrap();
        let is_worst = |index: usize| costs.iter().enumerate().all(|(other, cost)| other == index || *cost < costs[index]);
        prop_assert!(chosen < costs.len() && !is_worst(chosen));
    }
}

#[test]
fn none_of_none_and_the_only_one_of_one() {
    assert_eq!(choose(0, 7, |_| 0.0), None);
    assert_eq!(choose(1, u64::MAX, |_| f64::MAX), Some(0));
}

#[test]
fn each_of_equals_is_chosen_as_often_as_any_other() {
    let random = Random::new(1);
    let mut counts = [0_u32; 5];
    for _ in 0..50_000 {
        counts[choose(5, random.next(), |_| 1.0).unwrap()] += 1;
    }
    assert!(counts.iter().all(|count| count.abs_diff(10_000) < 500), "{counts:?}");
}

#[test]
fn the_share_of_each_is_that_of_its_rank_among_two() {
    let random = Random::new(2);
    let mut counts = [0_u32; 4];
    for _ in 0..60_000 {
        counts[choose(4, random.next(), |index| index as f64).unwrap()] += 1;
    }
    // Of six pairs, the best is in three, the second in two where it is the better one, and so on.
    for (count, expected) in counts.iter().zip([30_000, 20_000, 10_000, 0]) {
        assert!(count.abs_diff(expected) < 1000, "{counts:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_choices() {
    let of = |seed| {
        let random = Random::new(seed);
        std::array::from_fn::<u64, 8, _>(|_| random.next())
    };
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}
