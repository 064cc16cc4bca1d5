//! Lists of executions.
use rusqlite::{Connection, Row, params};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::columns::{Id, Timestamp};
use super::execution_statements as statements;
use crate::store::{ExecutionFilter, ExecutionSummary};

const FIRST: OffsetDateTime = datetime!(0000-01-01 0:00 UTC);
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59.999_999 UTC);
const LONGEST: u32 = 1_000;

pub(super) fn executions(
    connection: &Connection,
    filter: &ExecutionFilter,
    limit: u32,
) -> rusqlite::Result<Vec<ExecutionSummary>> {
    let ExecutionFilter { workflow, state, principal, user_id, from, until, after } = filter;
    let from = Timestamp(from.unwrap_or(FIRST));
    // Whatever is smaller than both bounds: of a moment all ids are greater than that of zeros.
    let end = (until.unwrap_or(LAST), if until.is_some() { Uuid::nil() } else { Uuid::max() });
    let (before, id) = after.map_or(end, |after| after.min(end));
    let (before, id, limit) = (Timestamp(before), Id(id), limit.min(LONGEST));
    let statement = match (principal, user_id, state, workflow) {
        (Some(_), ..) => statements::LIST_EXECUTIONS_OF_PRINCIPAL,
        (None, Some(_), ..) => statements::LIST_EXECUTIONS_OF_USER,
        (None, None, Some(state), _) if state.is_finished() => statements::LIST_EXECUTIONS_ENDED,
        (None, None, Some(_), _) => statements::LIST_EXECUTIONS_OPEN,
        (None, None, None, Some(_)) => statements::LIST_EXECUTIONS_OF_WORKFLOW,
        (None, None, None, None) => statements::LIST_EXECUTIONS,
    };
    connection
        .prepare_cached(statement)?
        .query_map(params![from, before, id, workflow, state, limit, user_id, principal], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ExecutionSummary> {
    Ok(ExecutionSummary {
        id: row.get::<_, Id>("id")?.0,
        workflow: row.get("workflow")?,
        state: row.get("state")?,
        priority: row.get("priority")?,
        correlation_id: row.get("correlation_id")?,
        user_id: row.get("user_id")?,
        created_at: row.get::<_, Timestamp>("created_at")?.0,
        started_at: row.get::<_, Option<Timestamp>>("started_at")?.map(|time| time.0),
        finished_at: row.get::<_, Option<Timestamp>>("finished_at")?.map(|time| time.0),
        attempts: row.get("attempts")?,
    })
}
