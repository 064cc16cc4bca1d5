//! Any branches under any policy, beside a simulation that goes from event to event.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

/// A branch as it is drawn: times in milliseconds, from so wide a range that two events hardly meet.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    takes: u64,
    succeeds: bool,
    is_required: bool,
    timeout: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    policy: Policy,
    concurrency: usize,
    deadline: Option<u64>,
}

fn times() -> impl Strategy<Value = u64> {
    1..1_000_000_u64
}

fn branches() -> impl Strategy<Value = Vec<Drawn>> {
    let branch = (times(), prop::bool::weighted(0.7), prop::bool::weighted(0.3), option::of(times()));
    let branch = branch.prop_map(|(takes, succeeds, is_required, timeout)| Drawn {
        takes,
        succeeds,
        is_required,
        timeout,
    });
    vec(branch, 0..8)
}

fn rules() -> impl Strategy<Value = Rules> {
    let policy = prop_oneof![
        Just(Policy::All),
        Just(Policy::Required),
        (1..5_usize).prop_map(Policy::Quorum),
        Just(Policy::FirstSuccess),
        times().prop_map(|within| Policy::BestEffort { within: ms(within) }),
    ];
    let rules = (policy, 1..10_usize, option::weighted(0.3, 1..3_000_000_u64));
    rules.prop_map(|(policy, concurrency, deadline)| Rules { policy, concurrency, deadline })
}

/// What is expected: whether there is a result, after how long, and how each branch ended.
#[derive(Debug, PartialEq)]
struct Ended {
    is_ok: bool,
    after: u64,
    ends: Vec<&'static str>,
}

/// A branch in the simulation: until when it runs if it has begun, and how it ended.
#[derive(Clone, Copy, Default)]
struct Simulated {
    until: Option<(u64, &'static str)>,
    end: Option<&'static str>,
}

struct Simulation<'a> {
    drawn: &'a [Drawn],
    rules: Rules,
    limit: u64,
    now: u64,
    branches: Vec<Simulated>,
}

impl Simulation<'_> {
    fn run(drawn: &[Drawn], rules: Rules) -> Ended {
        let within = match rules.policy {
            Policy::BestEffort { within } => u64::try_from(within.as_millis()).unwrap(),
            _ => u64::MAX,
        };
        let limit = within.min(rules.deadline.unwrap_or(u64::MAX));
        let branches = vec![Simulated::default(); drawn.len()];
        let mut simulation = Simulation { drawn, rules, limit, now: 0, branches };
        let is_ok = simulation.until_decided();
        let ends = simulation.branches.iter().map(|branch| match (branch.end, branch.until) {
            (Some(end), _) => end,
            (None, Some(_)) => "cancelled",
            (None, None) => "not_started",
        });
        Ended { is_ok, after: simulation.now, ends: ends.collect() }
    }

    fn until_decided(&mut self) -> bool {
        loop {
            if let Some(is_ok) = self.start() {
                return is_ok;
            }
            let running = |branch: &Simulated| branch.until.filter(|_| branch.end.is_none());
            let (next, _) = self.branches.iter().filter_map(running).min().expect("undecided, so one runs");
            self.now = next;
            for index in 0..self.branches.len() {
                if let Some((until, end)) = running(&self.branches[index])
                    && until == next
                {
                    self.branches[index].end = Some(end);
                    if let Some(is_ok) = self.decision() {
                        return is_ok;
                    }
                }
            }
        }
    }

    fn start(&mut self) -> Option<bool> {
        for index in 0..self.drawn.len() {
            let running =
                self.branches.iter().filter(|branch| branch.until.is_some() && branch.end.is_none());
            if self.decision().is_some() || running.count() >= self.rules.concurrency {
                break;
            }
            if self.branches[index].until.is_some() || self.branches[index].end.is_some() {
                continue;
            }
            if self.limit <= self.now {
                self.branches[index].end = Some("timed_out");
                continue;
            }
            let Drawn { takes, succeeds, timeout, .. } = self.drawn[index];
            let expiry = timeout.map_or(self.limit, |timeout| self.limit.min(self.now + timeout));
            let own = (self.now + takes, if succeeds { "ok" } else { "error" });
            self.branches[index].until = Some(if own.0 <= expiry { own } else { (expiry, "timed_out") });
        }
        self.decision()
    }

    /// The documentation of the policies, read anew each time.
    fn decision(&self) -> Option<bool> {
        let all = || self.drawn.iter().zip(&self.branches);
        let is_needed = |drawn: &Drawn| drawn.is_required || self.rules.policy == Policy::All;
        if all().any(|(drawn, branch)| is_needed(drawn) && branch.end.is_some_and(|end| end != "ok")) {
            return Some(false);
        }
        let succeeded = all().filter(|(_, branch)| branch.end == Some("ok")).count();
        let open = all().filter(|(_, branch)| branch.end.is_none()).count();
        let needed_open = all().any(|(drawn, branch)| is_needed(drawn) && branch.end.is_none());
        let (least, stops) = match self.rules.policy {
            Policy::Quorum(least) => (least, true),
            Policy::FirstSuccess => (1, true),
            Policy::BestEffort { .. } => (1, false),
            _ => (0, false),
        };
        if succeeded + open < least {
            return Some(false);
        }
        (open == 0 || (stops && succeeded >= least && !needed_open)).then_some(true)
    }
}

async fn gathered(drawn: Vec<Drawn>, rules: Rules) -> Ended {
    let start = Instant::now();
    let branch = |drawn: Drawn| async move {
        sleep(ms(drawn.takes)).await;
        if drawn.succeeds { Ok(()) } else { Err("as drawn") }
    };
    let branches = drawn.iter().map(|drawn| {
        let branch = Branch::optional("branch", branch(*drawn)).required_if(drawn.is_required);
        match drawn.timeout {
            Some(timeout) => branch.timeout(ms(timeout)),
            None => branch,
        }
    });
    let mut gathering =
        gather(branches.collect::<Vec<_>>()).policy(rules.policy).concurrency(rules.concurrency);
    if let Some(deadline) = rules.deadline {
        gathering = gathering.deadline(integridai_tower::Deadline::after(ms(deadline)));
    }
    let result = gathering.await;
    let after = u64::try_from(start.elapsed().as_millis()).unwrap();
    let is_ok = result.is_ok();
    let ends = match &result {
        Ok(gathered) => words(&gathered.outcomes),
        Err(error) => words(error.outcomes()),
    };
    Ended { is_ok, after, ends }
}

proptest! {
    #[test]
    fn branches_end_as_in_a_simulation(drawn in branches(), rules in rules()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let expected = Simulation::run(&drawn, rules);
        let seen = runtime.block_on(gathered(drawn.clone(), rules));
        prop_assert_eq!(seen, expected, "{:?} {:?}", drawn, rules);
    }
}
