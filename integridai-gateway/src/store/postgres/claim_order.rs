//! Out of the queue: what is due joins it, what has expired leaves it, and the smallest ranks go to whoever claims.
use deadpool_postgres::{ClientWrapper, Transaction};
use futures_util::future::try_join_all;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{big_integer, text, timestamp};
use super::execution_statements as statements;
use super::{admission, rows};
use crate::store::{ClaimRules, Execution, JsonText, StoreError};

/// How many executions one claim puts right before it looks: nobody waits long for it.
const SWEEP: i64 = 64;
/// Why one ended that nobody had begun in time.
const OVERDUE: &str = "the deadline passed before it could be done";

/// Whether a claim could find something. Takes no lock, so that idle workers are in nobody's way.
pub(super) async fn may_find(client: &ClientWrapper) -> Result<bool, StoreError> {
    let statement = client.prepare_cached(statements::MAY_FIND).await?;
    Ok(client.query_one(&statement, &[]).await?.try_get(0)?)
}

/// One for each of those who ask, for as long as there are any.
pub(super) async fn claim(
    client: &mut ClientWrapper,
    rules: &[ClaimRules],
) -> Result<Vec<Option<Execution>>, StoreError> {
    let (transaction, now) = admission::begin(client).await?;
    sweep(&transaction, now).await?;
    let statement = transaction.prepare_cached(statements::CLAIM_EXECUTION).await?;
    // One after the other at the server, each seeing what the one before it has claimed, in one round trip.
    let claims = rules.iter().map(|rules| claim_one(&transaction, &statement, now, rules));
    let claimed = try_join_all(claims).await?;
    transaction.commit().await?;
    Ok(claimed)
}

async fn claim_one(
    transaction: &Transaction<'_>,
    statement: &Statement,
    now: PrimitiveDateTime,
    rules: &ClaimRules,
) -> Result<Option<Execution>, StoreError> {
    let until = now.saturating_add(rules.lease.try_into().unwrap_or(time::Duration::MAX));
    let (workflows, most): (Vec<&str>, Vec<i64>) =
        rules.max_running.iter().map(|(workflow, most)| (workflow.as_str(), big_integer(*most))).unzip();
    let values: [&(dyn ToSql + Sync); 6] = [
        // By the clock that tells its end as well.
        &timestamp(OffsetDateTime::now_utc()),
        &text(&rules.worker, 100),
        &until,
        &big_integer(rules.max_running_per_principal),
        &workflows,
        &most,
    ];
    transaction.query_opt(statement, &values).await?.as_ref().map(rows::execution).transpose()
}

async fn sweep(transaction: &Transaction<'_>, moment: PrimitiveDateTime) -> Result<(), StoreError> {
    let expire = transaction.prepare_cached(statements::EXPIRE_LEASES).await?;
    let give_up = transaction.prepare_cached(statements::EXPIRE_DEADLINES).await?;
    let due = transaction.prepare_cached(statements::DUE).await?;
    let error = JsonText::from(serde_json::json!({ "status": 504, "detail": OVERDUE }));
    let now: [&(dyn ToSql + Sync); 3] = [&moment, &SWEEP, &error];
    // One after the other at the server, in one round trip.
    let (_, _, due) = tokio::try_join!(
        transaction.execute(&expire, &now[..2]),
        transaction.execute(&give_up, &now),
        transaction.query(&due, &now[..2]),
    )?;
    for row in due {
        let rank = match row.try_get::<_, Option<i64>>(3)? {
            Some(rank) => rank,
            None => admission::rank(transaction, row.try_get(1)?, rows::priority(&row, 2)?).await?,
        };
        let promote = transaction.prepare_cached(statements::PROMOTE).await?;
        transaction.execute(&promote, &[&row.try_get::<_, Uuid>(0)?, &rank]).await?;
    }
    Ok(())
}
