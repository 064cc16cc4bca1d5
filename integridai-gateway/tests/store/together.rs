//! What is asked for at once is done in one go, and comes to what it would have come to one after the other.
use std::collections::BTreeSet;

use futures_util::future::join_all;
use integridai_gateway::store::{Admission, Admitted, ClaimRules, Lease, NewExecution, Priority, Store};
use uuid::Uuid;

use crate::homes::Home;
use crate::samples::{new_now, success};

/// At once; no more than are asked in their order.
const CROWD: usize = 30;

/// The same numbers for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX; the low digits are worse than the high ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn execution(&mut self) -> NewExecution {
        NewExecution {
            priority: Priority::ALL[self.below(3) as usize],
            principal: format!("principal {}", self.below(5)),
            workflow: ["analysis", "training", "update"][self.below(3) as usize].to_owned(),
            ..new_now()
        }
    }
}

fn bounds() -> Admission {
    Admission { max_queued: 60, max_queued_per_principal: 15, ..Admission::UNBOUNDED }
}

fn rules() -> ClaimRules {
    let max_running = [("training".to_owned(), 4), ("update".to_owned(), 7)].into();
    ClaimRules { max_running_per_principal: 5, max_running, ..ClaimRules::new("test") }
}

async fn hand_in(store: &Store, new: NewExecution) -> Admitted {
    store.admit_execution(new, bounds(), None).await.expect("the store works")
}

async fn claim(store: &Store) -> Option<Lease> {
    let claimed = store.claim_execution(&rules()).await.expect("the store works");
    claimed.map(|execution| execution.lease())
}

fn ids(leases: &[Option<Lease>]) -> BTreeSet<Uuid> {
    leases.iter().flatten().map(|lease| lease.id).collect()
}

#[tokio::test]
async fn what_comes_at_once_is_bounded_ranked_and_claimed_as_if_one_after_the_other() {
    for seed in 1..=4 {
        let mut numbers = Numbers(seed);
        let (alone, together) = (Home::sqlite(), Home::postgres().await);
        let (alone, together) = (alone.open().await, together.open().await);
        let (mut running, mut claims, mut refusals) = (Vec::new(), 0, 0);
        for round in 0..10 {
            let newcomers: Vec<_> = (0..CROWD).map(|_| numbers.execution()).collect();
            let at_once = join_all(newcomers.iter().map(|new| hand_in(&together, new.clone()))).await;
            for (new, at_once) in newcomers.into_iter().zip(at_once) {
                refusals += usize::from(at_once != Admitted::Accepted);
                assert_eq!(hand_in(&alone, new).await, at_once, "seed {seed}, round {round}");
            }
            let count = numbers.below(CROWD as u64) as usize;
            let at_once = join_all((0..count).map(|_| claim(&together))).await;
            let mut one_by_one = Vec::new();
            for _ in 0..count {
                one_by_one.push(claim(&alone).await);
            }
            assert_eq!(ids(&at_once), ids(&one_by_one), "seed {seed}, round {round}");
            running.extend(at_once.into_iter().flatten());
            claims += ids(&one_by_one).len();
            for lease in running.drain(..running.len() / 2) {
                for store in [&alone, &together] {
                    store.finish_execution(lease, success("1"), Vec::new()).await.expect("the lease holds");
                }
            }
        }
        assert!(claims > 30 && refusals > 30, "{claims} claims and {refusals} refusals tell nothing");
    }
}
