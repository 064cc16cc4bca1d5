//! What the scripts are told and what they answer.

use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{RedisResult, Script};

use crate::rate_limit::pace::{Pace, microseconds};
use crate::rate_limit::quotas::Debts;
use crate::rate_limit::{Outcome, Quotas, Verdict};

/// The scripts, known to the server by their hashes after their first use.
#[derive(Debug)]
pub(super) struct Scripts {
    take: Script,
    give: Script,
}

/// A charge, in multiples of its cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Take<'a> {
    pub(super) key: &'a str,
    pub(super) cost: u32,
    pub(super) most: u32,
    pub(super) least: u32,
    pub(super) patience: Duration,
    pub(super) now_us: Option<u64>,
}

/// How many times the cost was taken, and how the key stands.
pub(super) type Taken = (u32, Verdict);

impl Scripts {
    pub(super) fn new() -> Self {
        Self { take: Script::new(include_str!("take.lua")), give: Script::new(include_str!("give.lua")) }
    }

    /// One round trip; another where the server does not know the script yet.
    pub(super) async fn take(
        &self,
        connection: &mut ConnectionManager,
        quotas: &Quotas,
        take: &Take<'_>,
    ) -> RedisResult<Taken> {
        let affordable = quotas.paces().iter().all(|pace| take.cost <= pace.burst);
        // What can never be admitted is only asked how it stands.
        let cost = if affordable { take.cost } else { 0 };
        let mut call = self.take.key(take.key);
        call.arg(present(take.now_us)).arg(microseconds(take.patience)).arg(take.most).arg(take.least);
        for (quota, pace) in quotas.as_slice().iter().zip(quotas.paces()) {
            call.arg(word(quota.name())).arg(pace.ticks_per_us);
            for ticks in [pace.price(cost), pace.interval, pace.capacity] {
                call.arg(ticks / pace.ticks_per_us).arg(ticks % pace.ticks_per_us);
            }
        }
        let answer: Vec<u64> = call.invoke_async(connection).await?;
        read(&answer, quotas, affordable)
    }

    pub(super) async fn give(
        &self,
        connection: &mut ConnectionManager,
        quotas: &Quotas,
        key: &str,
        cost: u32,
        now_us: Option<u64>,
    ) -> RedisResult<()> {
        let mut call = self.give.key(key);
        call.arg(present(now_us));
        for (quota, pace) in quotas.as_slice().iter().zip(quotas.paces()) {
            call.arg(word(quota.name())).arg(pace.ticks_per_us);
            for ticks in [pace.interval, pace.price(cost)] {
                call.arg(ticks / pace.ticks_per_us).arg(ticks % pace.ticks_per_us);
            }
        }
        call.invoke_async(connection).await
    }
}

fn present(now_us: Option<u64>) -> String {
    now_us.map_or_else(String::new, |now| now.to_string())
}

/// A quota's name without blanks.
fn word(name: &str) -> String {
    name.replace('%', "%25").replace(' ', "%20")
}

fn read(answer: &[u64], quotas: &Quotas, affordable: bool) -> RedisResult<Taken> {
    let unexpected =
        || redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "not what the script answers"));
    let [times, wait, owed @ ..] = answer else { return Err(unexpected()) };
    if owed.len() != 2 * quotas.paces().len() {
        return Err(unexpected());
    }
    let mut debts = Debts::default();
    for ((pace, owed), debt) in quotas.paces().iter().zip(owed.chunks_exact(2)).zip(&mut debts) {
        *debt = ticks(pace, owed[0], owed[1]);
    }
    let wait = Duration::from_micros(*wait);
    let outcome = match (affordable, times) {
        (false, _) => Outcome::TooCostly,
        (true, 0) => Outcome::Refused { retry_after: wait },
        (true, _) => Outcome::Admitted { wait },
    };
    let times = u32::try_from(*times).map_err(|_| unexpected())?;
    Ok((times, Verdict::new(outcome, quotas.standing(&debts))))
}

fn ticks(pace: &Pace, whole_us: u64, ticks: u64) -> u64 {
    whole_us.saturating_mul(pace.ticks_per_us).saturating_add(ticks)
}
