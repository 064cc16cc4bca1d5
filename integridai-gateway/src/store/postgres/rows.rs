//! Rows out of the tables.
use std::fmt::Display;
use std::sync::Arc;

use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;
use tokio_postgres::row::RowIndex;

use super::columns::{priority_of, state_of};
use crate::store::{ApiCall, Execution, ExecutionSummary, MetricSample, Priority, StoreError, SystemEvent};

/// One whose `source` is too long for `service_name` has its whole name.
pub(super) fn event(row: &Row) -> Result<SystemEvent, StoreError> {
    Ok(SystemEvent {
        id: row.try_get("id")?,
        event_type: row.try_get("event_type")?,
        service_name: row.try_get("source")?,
        payload: row.try_get("payload")?,
        timestamp: moment(row, "timestamp")?,
        correlation_id: row.try_get("correlation_id")?,
        user_id: row.try_get("user_id")?,
        event_id: row.try_get("event_id")?,
        owner: row.try_get("owner")?,
        publisher: row.try_get("publisher")?,
    })
}

pub(super) fn metric(row: &Row) -> Result<MetricSample, StoreError> {
    Ok(MetricSample {
        metric_name: row.try_get("metric_name")?,
        metric_value: row.try_get("metric_value")?,
        service: row.try_get("service")?,
        timestamp: moment(row, "timestamp")?,
        metadata: row.try_get("metadata")?,
    })
}

pub(super) fn api_call(row: &Row) -> Result<ApiCall, StoreError> {
    let size = |column| row.try_get::<_, Option<i32>>(column).map(|size| size.map(unsigned));
    Ok(ApiCall {
        id: row.try_get("id")?,
        endpoint: row.try_get("endpoint")?,
        method: row.try_get("method")?,
        status_code: u16::try_from(row.try_get::<_, i32>("status_code")?).map_err(|_| unknown("status"))?,
        response_time_ms: unsigned(row.try_get("response_time_ms")?),
        request_size: size("request_size")?,
        response_size: size("response_size")?,
        timestamp: moment(row, "timestamp")?,
    })
}

pub(super) fn execution(row: &Row) -> Result<Execution, StoreError> {
    let optional = |column| row.try_get::<_, Option<PrimitiveDateTime>>(column).map(|at| at.map(utc));
    Ok(Execution {
        id: row.try_get("id")?,
        workflow: row.try_get("workflow")?,
        state: state_of(row.try_get("state")?).ok_or_else(|| unknown("state"))?,
        priority: priority(row, "priority")?,
        request: row.try_get("request")?,
        correlation_id: row.try_get("correlation_id")?,
        user_id: row.try_get("user_id")?,
        principal: row.try_get("principal")?,
        timeout_ms: row.try_get::<_, i64>("timeout_ms")?.unsigned_abs(),
        created_at: moment(row, "created_at")?,
        run_at: moment(row, "run_at")?,
        deadline_at: optional("deadline_at")?,
        started_at: optional("started_at")?,
        finished_at: optional("finished_at")?,
        attempts: count(row, "attempts")?,
        interruptions: count(row, "interruptions")?,
        fence: row.try_get::<_, i64>("fence")?.unsigned_abs(),
        cancel_requested: row.try_get("cancel_requested")?,
        traceparent: row.try_get("traceparent")?,
        steps: row.try_get("steps")?,
        result: row.try_get("result")?,
        error: row.try_get("error")?,
    })
}

pub(super) fn summary(row: &Row) -> Result<ExecutionSummary, StoreError> {
    let optional = |column| row.try_get::<_, Option<PrimitiveDateTime>>(column).map(|at| at.map(utc));
    Ok(ExecutionSummary {
        id: row.try_get("id")?,
        workflow: row.try_get("workflow")?,
        state: state_of(row.try_get("state")?).ok_or_else(|| unknown("state"))?,
        priority: priority(row, "priority")?,
        correlation_id: row.try_get("correlation_id")?,
        user_id: row.try_get("user_id")?,
        created_at: moment(row, "created_at")?,
        started_at: optional("started_at")?,
        finished_at: optional("finished_at")?,
        attempts: count(row, "attempts")?,
    })
}

pub(super) fn priority<I: RowIndex + Display>(row: &Row, column: I) -> Result<Priority, StoreError> {
    priority_of(row.try_get(column)?).ok_or_else(|| unknown("priority"))
}

fn count(row: &Row, column: &str) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.try_get::<_, i64>(column)?).unwrap_or(u32::MAX))
}

fn moment(row: &Row, column: &str) -> Result<OffsetDateTime, StoreError> {
    Ok(utc(row.try_get(column)?))
}

fn utc(moment: PrimitiveDateTime) -> OffsetDateTime {
    moment.assume_utc()
}

fn unsigned(number: i32) -> u64 {
    number.unsigned_abs().into()
}

pub(super) fn unknown(what: &'static str) -> StoreError {
    let reason = "the database holds what this program does not know";
    StoreError::Failed { reason, source: Arc::from(Box::from(what)) }
}
