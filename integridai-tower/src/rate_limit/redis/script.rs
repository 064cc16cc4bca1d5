//! What the scripts are told and what they answer.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{RedisResult, Script};

use crate::ConfigError;
use crate::rate_limit::pace::{MAX_DEBT, Pace, microseconds};
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

/// How many times the cost was taken, how the key stands, and what is owed now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) times: u32,
    pub(super) verdict: Verdict,
    pub(super) debts: Debts,
}

/// What Redis has charged, in ticks of these quotas.
#[derive(Debug)]
pub(super) struct Charged {
    pub(super) quotas: Arc<Quotas>,
    pub(super) ticks: Debts,
    /// How often Redis had gone before: another one was charged nothing.
    pub(super) outages: u32,
}

/// What is given back to a key, by its name in Redis.
#[derive(Debug)]
pub(super) struct Return {
    pub(super) name: Arc<str>,
    pub(super) charged: Charged,
}

const TAKE: &str = concat!(include_str!("value.lua"), include_str!("take.lua"));
const GIVE: &str = concat!(include_str!("value.lua"), include_str!("give.lua"));

/// In µs, 142 years: on top of the present, doubles hold it exactly until 2200.
const LONGEST_US: u64 = 1 << 52;

/// Whether the scripts count them exactly.
///
/// # Errors
/// Where a burst takes longer to come back than a double can tell.
pub(super) fn check(quotas: &Quotas) -> Result<(), ConfigError> {
    let is_too_long = |pace: &Pace| pace.capacity / pace.ticks_per_us >= LONGEST_US;
    match quotas.paces().iter().any(is_too_long) {
        true => Err(ConfigError::new("quota", "its burst takes more than 142 years to come back")),
        false => Ok(()),
    }
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self { take: Script::new(TAKE), give: Script::new(GIVE) }
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
            let most = MAX_DEBT.min(LONGEST_US.saturating_mul(pace.ticks_per_us));
            for ticks in [pace.price(cost), pace.interval, pace.capacity, most] {
                call.arg(ticks / pace.ticks_per_us).arg(ticks % pace.ticks_per_us);
            }
        }
        let answer: Vec<u64> = call.invoke_async(connection).await?;
        read(&answer, quotas, affordable)
    }

    /// One round trip for all of them.
    pub(super) async fn give(
        &self,
        connection: &mut ConnectionManager,
        returned: &[Return],
        now_us: Option<u64>,
    ) -> RedisResult<()> {
        let mut calls = redis::pipe();
        // Never asked twice: some might have been given back already.
        calls.cmd("SCRIPT").arg("LOAD").arg(GIVE).ignore();
        for Return { name, charged } in returned {
            calls.cmd("EVALSHA").arg(self.give.get_hash()).arg(1).arg(&**name).arg(present(now_us));
            let quotas = charged.quotas.as_slice().iter().zip(charged.quotas.paces());
            for ((quota, pace), ticks) in quotas.zip(charged.ticks) {
                calls.arg(word(quota.name())).arg(pace.ticks_per_us);
                for ticks in [pace.interval, ticks] {
                    calls.arg(ticks / pace.ticks_per_us).arg(ticks % pace.ticks_per_us);
                }
            }
            calls.ignore();
        }
        calls.exec_async(connection).await
    }
}

fn present(now_us: Option<u64>) -> String {
    now_us.map_or_else(String::new, |now| now.to_string())
}

/// A quota's name without blanks, and never nothing.
fn word(name: &str) -> String {
    if name.is_empty() { "%".to_owned() } else { name.replace('%', "%25").replace(' ', "%20") }
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
    Ok(Taken { times, verdict: Verdict::new(outcome, quotas.standing(&debts)), debts })
}

fn ticks(pace: &Pace, whole_us: u64, ticks: u64) -> u64 {
    whole_us.saturating_mul(pace.ticks_per_us).saturating_add(ticks)
}
