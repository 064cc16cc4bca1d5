use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A branch: whether it is required, and how it ended, if it has.
type Branch = (bool, Option<bool>);

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::All),
        Just(Policy::Required),
        (0..8_usize).prop_map(Policy::Quorum),
        Just(Policy::FirstSuccess),
        Just(Policy::BestEffort { within: Duration::from_secs(1) }),
    ]
}

/// The documentation, word by word, over all branches each time. `failures` are in the order in which they came.
fn reference(policy: Policy, branches: &[Branch], failures: &[usize]) -> Verdict {
    let is_needed = |(is_required, _): &Branch| *is_required || policy == Policy::All;
    if let Some(index) = failures.iter().find(|index| is_needed(&branches[**index])) {
        return Verdict::Unmet(Unmet::Needed { index: *index });
    }
    let ended_as = |end| branches.iter().filter(|(_, ended)| *ended == end).count();
    let (succeeded, running) = (ended_as(Some(true)), ended_as(None));
    let all_needed_are_there =
        branches.iter().filter(|branch| is_needed(branch)).all(|branch| branch.1 == Some(true));
    let (at_least, stops) = match policy {
        Policy::All | Policy::Required => (0, false),
        Policy::Quorum(successes) => (successes.max(1), true),
        Policy::FirstSuccess => (1, true),
        Policy::BestEffort { .. } => (1, false),
    };
    if succeeded + running < at_least {
        Verdict::Unmet(Unmet::TooFew { succeeded, at_least })
    } else if running == 0 || (stops && succeeded >= at_least && all_needed_are_there) {
        Verdict::Settled
    } else {
        Verdict::Wait
    }
}

proptest! {
    #[test]
    fn verdicts_are_those_of_the_documentation(
        policy in policies(),
        required in vec(any::<bool>(), 0..10),
        ends in vec((any::<prop::sample::Index>(), any::<bool>()), 0..10),
    ) {
        let mut branches: Vec<Branch> = required.iter().map(|is_required| (*is_required, None)).collect();
        let mut tally = Tally::new(policy, required.iter().copied());
        let mut failures = Vec::new();
        prop_assert_eq!(tally.verdict(), reference(policy, &branches, &failures));
        for (index, is_success) in ends {
            let running: Vec<usize> = (0..branches.len()).filter(|index| branches[*index].1.is_none()).collect();
            if running.is_empty() {
                break;
            }
            let index = *index.get(&running);
            branches[index].1 = Some(is_success);
            if !is_success {
                failures.push(index);
            }
            tally.end(index, required[index], is_success);
            prop_assert_eq!(tally.verdict(), reference(policy, &branches, &failures));
        }
    }

    #[test]
    fn once_it_is_decided_it_stays_so(
        policy in policies(),
        required in vec(any::<bool>(), 1..10),
        successes in vec(any::<bool>(), 10),
    ) {
        let mut tally = Tally::new(policy, required.iter().copied());
        let mut first = tally.verdict();
        for (index, is_required) in required.iter().enumerate() {
            tally.end(index, *is_required, successes[index]);
            match first {
                Verdict::Wait => first = tally.verdict(),
                Verdict::Unmet(_) => prop_assert!(matches!(tally.verdict(), Verdict::Unmet(_))),
                // Nobody is asked any more: what would have been does not matter.
                Verdict::Settled => {}
            }
        }
        prop_assert_ne!(first, Verdict::Wait, "with all branches ended it is decided");
    }
}

#[test]
fn the_first_needed_branch_that_fails_is_the_one_that_is_named() {
    let mut tally = Tally::new(Policy::Quorum(1), [false, true, true].into_iter());
    tally.end(0, false, true);
    assert_eq!(tally.verdict(), Verdict::Wait, "the required ones are not there");
    tally.end(2, true, false);
    tally.end(1, true, false);
    assert_eq!(tally.verdict(), Verdict::Unmet(Unmet::Needed { index: 2 }));
}

#[test]
fn a_quorum_of_more_than_there_are_fails_before_it_begins() {
    let tally = Tally::new(Policy::Quorum(4), [false; 3].into_iter());
    assert_eq!(tally.verdict(), Verdict::Unmet(Unmet::TooFew { succeeded: 0, at_least: 4 }));
}
