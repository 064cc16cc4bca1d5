//! Out of the queue: what is due joins it, what has expired leaves it, and the smallest rank goes to whoever claims.
use deadpool_postgres::{ClientWrapper, Transaction};
use time::{OffsetDateTime, PrimitiveDateTime};
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

pub(super) async fn claim(
    client: &mut ClientWrapper,
    rules: &ClaimRules,
) -> Result<Option<Execution>, StoreError> {
    let (transaction, now) = admission::begin(client).await?;
    sweep(&transaction, now).await?;
    let until = now.saturating_add(rules.lease.try_into().unwrap_or(time::Duration::MAX));
    let (workflows, most): (Vec<&str>, Vec<i64>) =
        rules.max_running.iter().map(|(workflow, most)| (workflow.as_str(), big_integer(*most))).unzip();
    let statement = transaction.prepare_cached(statements::CLAIM_EXECUTION).await?;
    let row = transaction
        .query_opt(
            &statement,
            &[
                // By the clock that tells its end as well.
                &timestamp(OffsetDateTime::now_utc()),
                &text(&rules.worker, 100),
                &until,
                &big_integer(rules.max_running_per_principal),
                &workflows,
                &most,
            ],
        )
        .await?;
    let claimed = row.as_ref().map(rows::execution).transpose()?;
    transaction.commit().await?;
    Ok(claimed)
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
