//! The order of claims, beside a naive queue that keeps everything in a list.
use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::{admission, executions, migrations};
use crate::store::{Admission, ClaimRules, Execution, JsonText, Lease, NewExecution, Priority, cost};

#[derive(Debug, Clone, Copy)]
enum Action {
    Accept(u8, Priority),
    Claim,
    /// The oldest running one goes back.
    Release,
    /// The oldest running one ends.
    Finish,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let priority = prop::sample::select(Priority::ALL.to_vec());
    let action = prop_oneof![
        5 => (0..4_u8, priority).prop_map(|(principal, priority)| Action::Accept(principal, priority)),
        4 => Just(Action::Claim),
        1 => Just(Action::Release),
        2 => Just(Action::Finish),
    ];
    prop::collection::vec(action, 1..120)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    id: Uuid,
    principal: u8,
    priority: Priority,
    rank: i64,
    /// Newcomers that went before it.
    overtaken: i64,
    /// How many that may be.
    most: i64,
}

/// The rule as it is told, without an index: a list and a clock.
#[derive(Debug, Default)]
struct Naive {
    waiting: Vec<Waiting>,
    running: Vec<Waiting>,
    clock: i64,
}

/// Three priorities of four principals.
const FLOWS: i64 = 12;

impl Naive {
    fn accept(&mut self, id: Uuid, principal: u8, priority: Priority) {
        let own = self.waiting.iter().filter(|one| (one.principal, one.priority) == (principal, priority));
        let end = own.map(|one| one.rank).max().unwrap_or(0).max(self.clock);
        let rank = end + cost(priority);
        let most = (rank - self.clock) * FLOWS;
        self.waiting.push(Waiting { id, principal, priority, rank, overtaken: 0, most });
    }

    fn claim(&mut self) -> Option<Uuid> {
        let next = *self.waiting.iter().min_by_key(|one| (one.rank, one.id))?;
        self.waiting.retain(|one| *one != next);
        for one in self.waiting.iter_mut().filter(|one| one.id < next.id) {
            one.overtaken += 1;
            assert!(one.overtaken <= one.most, "{one:?} is starved");
        }
        self.clock = self.clock.max(next.rank);
        self.running.push(next);
        Some(next.id)
    }

    fn release(&mut self) {
        if !self.running.is_empty() {
            self.waiting.push(self.running.remove(0));
        }
    }

    fn finish(&mut self) {
        if !self.running.is_empty() {
            self.running.remove(0);
        }
    }
}

struct Real {
    connection: Connection,
    running: Vec<Lease>,
    accepted: u128,
}

impl Real {
    fn new() -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::migrate(&mut connection, Path::new("memory")).unwrap();
        Self { connection, running: Vec::new(), accepted: 0 }
    }

    fn accept(&mut self, principal: &str, priority: Priority) -> Uuid {
        self.accepted += 1;
        let id = Uuid::from_u128(self.accepted);
        accept(&self.connection, id, principal, priority, "complete_analysis");
        id
    }

    fn claim(&mut self, rules: &ClaimRules) -> Option<Execution> {
        let claimed = executions::claim(&self.connection, OffsetDateTime::now_utc(), rules).unwrap();
        self.running.extend(claimed.as_ref().map(Execution::lease));
        claimed
    }

    fn release(&mut self) {
        if !self.running.is_empty() {
            assert!(executions::release(&self.connection, self.running.remove(0)).unwrap());
        }
    }

    fn finish(&mut self) {
        if !self.running.is_empty() {
            let lease = self.running.remove(0);
            let changed = self
                .connection
                .execute("UPDATE executions SET state = 'succeeded' WHERE id = ?1", [lease.id.to_string()]);
            assert_eq!(changed.unwrap(), 1);
        }
    }
}

fn accept(connection: &Connection, id: Uuid, principal: &str, priority: Priority, workflow: &str) {
    let now = OffsetDateTime::now_utc();
    let new = NewExecution {
        id,
        workflow: workflow.to_owned(),
        priority,
        request: JsonText::empty_list(),
        correlation_id: None,
        user_id: None,
        principal: principal.to_owned(),
        timeout_ms: 3_600_000,
        created_at: now,
        run_at: now,
        traceparent: None,
    };
    admission::admit(connection, &new.into(), &Admission::UNBOUNDED, None, now).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn claims_follow_the_rule_and_nobody_is_overtaken_more_often_than_it_says(actions in actions()) {
        let (mut real, mut naive, rules) = (Real::new(), Naive::default(), ClaimRules::new("test"));
        for action in actions {
            match action {
                Action::Accept(principal, priority) => {
                    let id = real.accept(&principal.to_string(), priority);
                    naive.accept(id, principal, priority);
                }
                Action::Claim => {
                    let claimed = real.claim(&rules).map(|execution| execution.id);
                    prop_assert_eq!(claimed, naive.claim());
                }
                Action::Release => {
                    real.release();
                    naive.release();
                }
                Action::Finish => {
                    real.finish();
                    naive.finish();
                }
            }
        }
    }
}

#[test]
fn behind_a_flood_of_five_thousand_somebody_elses_is_next_or_soon() {
    let (mut real, rules) = (Real::new(), ClaimRules::new("test"));
    real.connection.execute_batch("BEGIN").unwrap();
    for _ in 0..5_000 {
        real.accept("flood", Priority::Low);
    }
    for _ in 0..100 {
        real.claim(&rules).unwrap();
    }
    let urgent = real.accept("other", Priority::High);
    assert_eq!(real.claim(&rules).unwrap().id, urgent);
    let low = real.accept("other", Priority::Low);
    let turns = (1..).find(|_| real.claim(&rules).unwrap().id == low);
    assert!(turns.is_some_and(|turns| turns <= 2), "of equals each gets its turn: {turns:?}");
}

#[test]
fn a_low_one_is_done_within_its_turns_however_many_urgent_ones_keep_coming() {
    let (mut real, rules) = (Real::new(), ClaimRules::new("test"));
    real.connection.execute_batch("BEGIN").unwrap();
    let low = real.accept("patient", Priority::Low);
    let mut claimed = HashMap::<String, u32>::new();
    loop {
        for principal in ["a", "b"] {
            real.accept(principal, Priority::High);
        }
        let next = real.claim(&rules).unwrap();
        if next.id == low {
            break;
        }
        *claimed.entry(next.principal).or_default() += 1;
        assert!(claimed.values().sum::<u32>() <= 2 * 1_024, "starved: {claimed:?}");
    }
    let spread = claimed["a"].abs_diff(claimed["b"]);
    assert!(spread <= 1, "the two who flood have the same share: {claimed:?}");
}

#[test]
fn what_runs_counts_against_the_bounds_of_its_principal_and_its_workflow() {
    let mut real = Real::new();
    let rules = ClaimRules {
        max_running_per_principal: 2,
        max_running: [("training_sync".to_owned(), 1)].into(),
        ..ClaimRules::new("test")
    };
    for (id, principal, workflow) in [
        (1, "a", "complete_analysis"),
        (2, "a", "complete_analysis"),
        (3, "a", "complete_analysis"),
        (4, "b", "training_sync"),
        (5, "c", "training_sync"),
    ] {
        accept(&real.connection, Uuid::from_u128(id), principal, Priority::Normal, workflow);
    }
    let mut claimed: Vec<u128> =
        std::iter::from_fn(|| real.claim(&rules)).map(|execution| execution.id.as_u128()).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, [1, 2, 4]);
    real.finish();
    assert_eq!(real.claim(&rules).unwrap().id.as_u128(), 3, "a place of its principal is free again");
}
