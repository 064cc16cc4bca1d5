//! What happens when: made of a seed before anything has begun.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::Seed;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Short,
    Full,
}

impl Form {
    pub(crate) fn asked_for() -> Self {
        match variable("CHAOS_FORM").as_deref() {
            Some("full") => Self::Full,
            Some("short") | None => Self::Short,
            Some(other) => panic!("CHAOS_FORM is short or full, not {other:?}"),
        }
    }

    fn of(self, short: usize, full: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }
}

/// What is done to the gateways and to what they stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// kill -9, and a new start.
    Kill,
    /// SIGTERM, and a new start once it has drained.
    Restart,
    /// SIGSTOP for so long, then SIGCONT: it comes back with claims that may be others' by then.
    Pause(Duration),
    /// PostgreSQL is away for so long. With `true` a replica is killed meanwhile, and starts without a database.
    StopPostgres(Duration, bool),
    /// So many updates are applied by the Dashboard, and the connection breaks off before its answer.
    LoseAnswers(u64),
    /// Redis is away for so long.
    StopRedis(Duration),
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) executions: usize,
    pub(crate) replicas: usize,
    pub(crate) subscribers: usize,
    pub(crate) submitters: usize,
    /// Each once the Dashboard has taken so many updates.
    pub(crate) deeds: Vec<(usize, Deed)>,
    /// How long all of it may take.
    pub(crate) limit: Duration,
    pub(crate) seed: Seed,
}

impl Plan {
    pub(crate) fn of_servers(form: Form) -> Self {
        let mut plan = Self::of(form, 3);
        let mut deeds = vec![Deed::Kill; form.of(3, 12)];
        for number in 0..form.of(1, 4) {
            deeds.push(Deed::Pause(plan.length(1_500, 4_000)));
            deeds.push(Deed::StopPostgres(plan.length(300, 3_500), number % 2 == 0));
            deeds.push(Deed::StopRedis(plan.length(100, 2_000)));
            deeds.push(Deed::Restart);
            deeds.push(Deed::LoseAnswers(plan.seed.between(1, 20)));
        }
        plan.spread(deeds);
        plan
    }

    pub(crate) fn of_a_file(form: Form) -> Self {
        let mut plan = Self::of(form, 1);
        let mut deeds = vec![Deed::Kill; form.of(4, 16)];
        for _ in 0..form.of(1, 4) {
            deeds.push(Deed::Pause(plan.length(500, 3_500)));
            deeds.push(Deed::Restart);
            deeds.push(Deed::LoseAnswers(plan.seed.between(1, 20)));
        }
        plan.spread(deeds);
        plan
    }

    fn of(form: Form, replicas: usize) -> Self {
        let seed = seed();
        println!("seed {seed}, {replicas} replicas");
        Self {
            executions: form.of(200, 2_000),
            replicas,
            subscribers: form.of(10, 50),
            submitters: form.of(8, 16),
            deeds: Vec::new(),
            limit: Duration::from_secs(form.of(480, 1_800) as u64),
            seed: Seed::of(seed),
        }
    }

    fn length(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.seed.between(least, most))
    }

    /// In any order, at moments between the beginning and shortly before the end.
    fn spread(&mut self, mut deeds: Vec<Deed>) {
        let last = self.executions as u64 * 9 / 10;
        let mut moments: Vec<_> = deeds.iter().map(|_| self.seed.between(1, last) as usize).collect();
        moments.sort_unstable();
        for moment in moments {
            let deed = deeds.swap_remove(self.seed.between(0, deeds.len() as u64) as usize);
            self.deeds.push((moment, deed));
        }
        println!("plan {:?}", self.deeds);
    }
}

/// One of its own for somebody else, whose turn to draw is not known beforehand.
pub(crate) fn fork(seed: &mut Seed) -> Seed {
    Seed::of(seed.between(0, u64::MAX))
}

fn seed() -> u64 {
    let of_now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos().into();
    variable("CHAOS_SEED").map_or_else(of_now, |seed| seed.parse().expect("CHAOS_SEED is a number"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.into_string().expect("UTF-8"))
}
