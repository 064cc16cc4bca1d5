//! Rows into the tables, and out of them.
use rusqlite::{Connection, Row, params};

use super::columns::{Id, Timestamp, clip, integer};
use super::{execution_statements, statements};
use crate::store::record::Record;
use crate::store::{ApiCall, Execution, MetricSample, SystemEvent};

impl Record {
    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<usize> {
        match self {
            Self::Event(event) => insert_event(connection, event),
            Self::Metric(sample) => insert_metric(connection, sample),
            Self::ApiCall(call) => insert_api_call(connection, call),
            // It has ended, and is not in any queue.
            Self::Execution(execution) => insert_execution(connection, execution, true, None),
        }
    }
}

pub(super) fn insert_event(connection: &Connection, event: &SystemEvent) -> rusqlite::Result<usize> {
    connection.prepare_cached(statements::INSERT_EVENT)?.execute(params![
        Id(event.id),
        clip(&event.event_type, 50),
        clip(&event.service_name, 50),
        event.payload,
        Timestamp(event.timestamp),
        event.correlation_id.as_deref().map(|id| clip(id, 100)),
        event.user_id.as_deref().map(|id| clip(id, 100)),
        clip(&event.service_name, 255),
        event.event_id.as_deref().map(|id| clip(id, 255)),
        event.owner,
        event.publisher,
    ])
}

fn insert_metric(connection: &Connection, sample: &MetricSample) -> rusqlite::Result<usize> {
    connection.prepare_cached(statements::INSERT_METRIC)?.execute(params![
        clip(&sample.metric_name, 100),
        sample.metric_value,
        clip(&sample.service, 50),
        Timestamp(sample.timestamp),
        sample.metadata,
    ])
}

fn insert_api_call(connection: &Connection, call: &ApiCall) -> rusqlite::Result<usize> {
    connection.prepare_cached(statements::INSERT_API_CALL)?.execute(params![
        Id(call.id),
        clip(&call.endpoint, 200),
        clip(&call.method, 10),
        call.status_code,
        integer(call.response_time_ms),
        call.request_size.map(integer),
        call.response_size.map(integer),
        Timestamp(call.timestamp),
    ])
}

pub(super) fn insert_execution(
    connection: &Connection,
    execution: &Execution,
    is_due: bool,
    rank: Option<i64>,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(execution_statements::INSERT_EXECUTION)?.execute(params![
        Id(execution.id),
        execution.workflow,
        execution.state,
        execution.priority,
        execution.request,
        execution.correlation_id.as_deref().map(|id| clip(id, 100)),
        execution.user_id.as_deref().map(|id| clip(id, 100)),
        integer(execution.timeout_ms),
        Timestamp(execution.created_at),
        execution.started_at.map(Timestamp),
        execution.finished_at.map(Timestamp),
        execution.attempts,
        execution.steps,
        execution.result,
        execution.error,
        execution.principal,
        Timestamp(execution.run_at),
        is_due,
        rank,
        execution.deadline_at.map(Timestamp),
        integer(execution.fence),
        execution.interruptions,
        execution.cancel_requested,
        execution.traceparent,
    ])
}

pub(super) fn read_event(row: &Row<'_>) -> rusqlite::Result<SystemEvent> {
    Ok(SystemEvent {
        id: row.get::<_, Id>("id")?.0,
        event_type: row.get("event_type")?,
        service_name: row.get("source")?,
        payload: row.get("payload")?,
        timestamp: row.get::<_, Timestamp>("timestamp")?.0,
        correlation_id: row.get("correlation_id")?,
        user_id: row.get("user_id")?,
        event_id: row.get("event_id")?,
        owner: row.get("owner")?,
        publisher: row.get("publisher")?,
    })
}

pub(super) fn read_metric(row: &Row<'_>) -> rusqlite::Result<MetricSample> {
    Ok(MetricSample {
        metric_name: row.get("metric_name")?,
        metric_value: row.get("metric_value")?,
        service: row.get("service")?,
        timestamp: row.get::<_, Timestamp>("timestamp")?.0,
        metadata: row.get("metadata")?,
    })
}

pub(super) fn read_api_call(row: &Row<'_>) -> rusqlite::Result<ApiCall> {
    Ok(ApiCall {
        id: row.get::<_, Id>("id")?.0,
        endpoint: row.get("endpoint")?,
        method: row.get("method")?,
        status_code: row.get("status_code")?,
        response_time_ms: row.get::<_, i64>("response_time_ms")?.unsigned_abs(),
        request_size: row.get::<_, Option<i64>>("request_size")?.map(i64::unsigned_abs),
        response_size: row.get::<_, Option<i64>>("response_size")?.map(i64::unsigned_abs),
        timestamp: row.get::<_, Timestamp>("timestamp")?.0,
    })
}

pub(super) fn read_execution(row: &Row<'_>) -> rusqlite::Result<Execution> {
    Ok(Execution {
        id: row.get::<_, Id>("id")?.0,
        workflow: row.get("workflow")?,
        state: row.get("state")?,
        priority: row.get("priority")?,
        request: row.get("request")?,
        correlation_id: row.get("correlation_id")?,
        user_id: row.get("user_id")?,
        timeout_ms: row.get::<_, i64>("timeout_ms")?.unsigned_abs(),
        created_at: row.get::<_, Timestamp>("created_at")?.0,
        started_at: row.get::<_, Option<Timestamp>>("started_at")?.map(|time| time.0),
        finished_at: row.get::<_, Option<Timestamp>>("finished_at")?.map(|time| time.0),
        attempts: row.get("attempts")?,
        steps: row.get("steps")?,
        result: row.get("result")?,
        error: row.get("error")?,
        principal: row.get("principal")?,
        run_at: row.get::<_, Timestamp>("run_at")?.0,
        deadline_at: row.get::<_, Option<Timestamp>>("deadline_at")?.map(|time| time.0),
        fence: row.get::<_, i64>("fence")?.unsigned_abs(),
        interruptions: row.get("interruptions")?,
        cancel_requested: row.get("cancel_requested")?,
        traceparent: row.get("traceparent")?,
    })
}
