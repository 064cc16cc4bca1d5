//! Lists of executions.
use deadpool_postgres::ClientWrapper;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{text, timestamp};
use super::{execution_statements as statements, rows};
use crate::store::{ExecutionFilter, ExecutionState, ExecutionSummary, StoreError};

const FIRST: OffsetDateTime = datetime!(0000-01-01 0:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59.999_999 UTC);
const LONGEST: u32 = 1_000;

pub(super) async fn executions(
    client: &ClientWrapper,
    filter: &ExecutionFilter,
    limit: u32,
) -> Result<Vec<ExecutionSummary>, StoreError> {
    let ExecutionFilter { workflow, state, principal, user_id, from, until, after } = filter;
    let from = timestamp(from.unwrap_or(FIRST));
    // Whatever is smaller than both bounds: of a moment all ids are greater than that of zeros.
    let end = (until.unwrap_or(LAST), if until.is_some() { Uuid::nil() } else { Uuid::max() });
    let (before, id) = after.map_or(end, |after| after.min(end));
    let (before, limit) = (timestamp(before), i64::from(limit.min(LONGEST)));
    let workflow = workflow.as_deref().map(|name| text(name, usize::MAX));
    let user = user_id.as_deref().map(|name| text(name, usize::MAX));
    let name = state.map(ExecutionState::as_str);
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&from, &before, &id, &workflow, &name, &limit];
    let principal = principal.as_deref().map(|name| text(name, usize::MAX));
    let statement = match (&principal, &user) {
        (None, None) => of_all(*state, workflow.as_ref()),
        (None, Some(user)) => {
            values.push(user);
            statements::LIST_EXECUTIONS_OF_USER
        }
        (Some(principal), user) => {
            values.extend([principal as &(dyn ToSql + Sync), user]);
            statements::LIST_EXECUTIONS_OF_PRINCIPAL
        }
    };
    let statement = client.prepare_cached(statement).await?;
    client.query(&statement, &values).await?.iter().map(rows::summary).collect()
}

fn of_all<W>(state: Option<ExecutionState>, workflow: Option<&W>) -> &'static str {
    match (state, workflow) {
        (Some(state), _) if state.is_finished() => statements::LIST_EXECUTIONS_ENDED,
        (Some(_), _) => statements::LIST_EXECUTIONS_OPEN,
        (None, Some(_)) => statements::LIST_EXECUTIONS_OF_WORKFLOW,
        (None, None) => statements::LIST_EXECUTIONS,
    }
}
