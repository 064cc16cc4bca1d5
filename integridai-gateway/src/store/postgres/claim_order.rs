//! Out of the queue: what is due joins it, what has expired leaves it, and the smallest ranks go to whoever claims.
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::columns::{big_integer, text, timestamp};
use super::{execution_statements as statements, rows, trip};
use crate::store::{ClaimRules, Execution, JsonText, Priority, StoreError, cost};

/// How many executions one claim puts right before it looks: nobody waits long for it.
const SWEEP: i64 = 64;
/// In seconds; a longer one would have no place in an interval.
const LONGEST_LEASE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Whether a claim could find something. Takes no lock, so that idle workers are in nobody's way.
pub(super) async fn may_find(client: &ClientWrapper) -> Result<bool, StoreError> {
    let statement = client.prepare_cached(statements::MAY_FIND).await?;
    Ok(client.query_one(&statement, &[]).await?.try_get(0)?)
}

/// All that wait beyond their deadline. Takes no lock: they leave the queue, and nobody's rank changes.
pub(super) async fn end_overdue(client: &ClientWrapper) -> Result<u64, StoreError> {
    let statement = client.prepare_cached(statements::EXPIRE_DEADLINES).await?;
    let (error, mut all) = (overdue(), 0);
    loop {
        let ended = client.execute(&statement, &[&SWEEP, &error]).await?;
        all += ended;
        if ended < SWEEP.unsigned_abs() {
            return Ok(all);
        }
    }
}

/// Why one ended that nobody had begun in time.
fn overdue() -> JsonText {
    let detail = "the deadline passed before it could be done";
    serde_json::json!({ "status": 504, "detail": detail }).into()
}

/// One for each of those who ask, for as long as there are any.
pub(super) async fn claim(
    client: &ClientWrapper,
    rules: &[ClaimRules],
) -> Result<Vec<Option<Execution>>, StoreError> {
    let mut claimed = Vec::with_capacity(rules.len());
    // Of one process all have the same.
    for alike in rules.chunk_by(|one, next| one == next) {
        let Some(rules) = alike.first() else { continue };
        let mut found = Vec::new();
        while found.len() < alike.len() {
            match claim_some(client, rules, alike.len() - found.len()).await {
                Ok((some, is_cut)) => {
                    found.extend(some);
                    if !is_cut {
                        break;
                    }
                }
                // What is claimed already has to be done by somebody.
                Err(error) if !found.is_empty() || claimed.iter().any(Option::is_some) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no more executions can be claimed"
                    );
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        claimed.extend(found.into_iter().map(Some).chain(std::iter::repeat(None)).take(alike.len()));
    }
    Ok(claimed)
}

/// In one transaction. Also answers whether there may be more: behind one that may not run beside those that are claimed with it.
async fn claim_some(
    client: &ClientWrapper,
    rules: &ClaimRules,
    count: usize,
) -> Result<(Vec<Execution>, bool), StoreError> {
    let (expire, give_up, promote, claim) = tokio::try_join!(
        client.prepare_cached(statements::EXPIRE_LEASES),
        client.prepare_cached(statements::EXPIRE_DEADLINES),
        client.prepare_cached(statements::PROMOTE),
        client.prepare_cached(statements::CLAIM_EXECUTIONS),
    )?;
    let error = overdue();
    let costs = Priority::ALL.map(cost).to_vec();
    let (ending, promoting): ([&(dyn ToSql + Sync); 2], [&(dyn ToSql + Sync); 2]) =
        ([&SWEEP, &error], [&SWEEP, &costs]);
    let (begun, expired, given_up, promoted, claimed) = tokio::join!(
        biased;
        trip::begin(client),
        change(client, &expire, &[&SWEEP]),
        change(client, &give_up, &ending),
        change(client, &promote, &promoting),
        take(client, &claim, rules, count),
    );
    let ended = trip::end(client).await;
    begun.and(expired).and(given_up).and(promoted)?;
    let claimed = claimed?;
    ended?;
    Ok(claimed)
}

async fn change(
    client: &ClientWrapper,
    statement: &Statement,
    values: &[&(dyn ToSql + Sync)],
) -> Result<(), StoreError> {
    client.execute(statement, values).await?;
    Ok(())
}

async fn take(
    client: &ClientWrapper,
    statement: &Statement,
    rules: &ClaimRules,
    count: usize,
) -> Result<(Vec<Execution>, bool), StoreError> {
    let (workflows, most): (Vec<&str>, Vec<i64>) =
        rules.max_running.iter().map(|(workflow, most)| (workflow.as_str(), big_integer(*most))).unzip();
    let values: [&(dyn ToSql + Sync); 7] = [
        // By the clock that tells its end as well.
        &timestamp(OffsetDateTime::now_utc()),
        &text(&rules.worker, 100),
        &rules.lease.min(LONGEST_LEASE).as_secs_f64(),
        &big_integer(rules.max_running_per_principal),
        &workflows,
        &most,
        &i64::try_from(count).unwrap_or(i64::MAX),
    ];
    let rows = client.query(statement, &values).await?;
    let candidates = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>("candidates"))?;
    let mut taken = rows.iter().map(in_order).collect::<Result<Vec<_>, _>>()?;
    taken.sort_by_key(|(rank, execution)| (*rank, execution.id));
    let is_cut = candidates.unsigned_abs() > taken.len() as u64;
    Ok((taken.into_iter().map(|(_, execution)| execution).collect(), is_cut))
}

fn in_order(row: &Row) -> Result<(i64, Execution), StoreError> {
    Ok((row.try_get("rank")?, rows::execution(row)?))
}
