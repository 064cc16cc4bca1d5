//! Many rows of one table in one statement, column by column.
use deadpool_postgres::ClientWrapper;
use time::PrimitiveDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{big_integer, integer, priority, text, timestamp};
use super::{execution_statements, statements};
use crate::store::record::{Entry, Record};
use crate::store::{ApiCall, Execution, MetricSample, StoreError, SystemEvent, Table};

/// An execution, and whether it is due.
pub(super) type Placed<'a> = (&'a Execution, bool);

pub(super) type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// Inserts rows of one table; answers how many were not there yet.
pub(super) async fn insert(
    client: &ClientWrapper,
    table: Table,
    entries: &[&Entry],
) -> Result<u64, StoreError> {
    let (statement, columns) = match table {
        Table::SystemEvents => (statements::INSERT_EVENTS, event_columns(&events(entries))),
        Table::MetricsHistory => (statements::INSERT_METRICS, metric_columns(entries)),
        Table::ApiCallsLog => (statements::INSERT_API_CALLS, api_call_columns(&api_calls(entries))),
        // They have ended, and are not in any queue.
        Table::Executions => {
            (execution_statements::INSERT_EXECUTIONS, execution_columns(&executions(entries)))
        }
    };
    let prepared = client.prepare_cached(statement).await?;
    Ok(client.execute(&prepared, &values(&columns)).await?)
}

pub(super) fn values<'a>(columns: &'a [Column<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    columns.iter().map(|column| &**column as _).collect()
}

fn events<'a>(entries: &[&'a Entry]) -> Vec<&'a SystemEvent> {
    let one = |entry: &&'a Entry| match &entry.record {
        Record::Event(event) => Some(event),
        _ => None,
    };
    entries.iter().filter_map(one).collect()
}

fn metrics<'a>(entries: &[&'a Entry]) -> Vec<(Uuid, &'a MetricSample)> {
    let one = |entry: &&'a Entry| match &entry.record {
        Record::Metric(sample) => Some((entry.id, sample)),
        _ => None,
    };
    entries.iter().filter_map(one).collect()
}

fn api_calls<'a>(entries: &[&'a Entry]) -> Vec<&'a ApiCall> {
    let one = |entry: &&'a Entry| match &entry.record {
        Record::ApiCall(call) => Some(call),
        _ => None,
    };
    entries.iter().filter_map(one).collect()
}

fn executions<'a>(entries: &[&'a Entry]) -> Vec<Placed<'a>> {
    let one = |entry: &&'a Entry| match &entry.record {
        Record::Execution(execution) => Some((&**execution, true)),
        _ => None,
    };
    entries.iter().filter_map(one).collect()
}

pub(super) fn event_columns<'a>(events: &[&'a SystemEvent]) -> Vec<Column<'a>> {
    vec![
        column(events, |event| event.id),
        column(events, |event| text(&event.event_type, 50)),
        column(events, |event| text(&event.service_name, 50)),
        column(events, |event| &event.payload),
        column(events, |event| timestamp(event.timestamp)),
        column(events, |event| event.correlation_id.as_deref().map(|id| text(id, 100))),
        column(events, |event| event.user_id.as_deref().map(|id| text(id, 100))),
        column(events, |event| text(&event.service_name, 255)),
        column(events, |event| event.event_id.as_deref().map(|id| text(id, 255))),
        column(events, |event| event.owner.as_deref().map(|owner| text(owner, usize::MAX))),
        column(events, |event| text(&event.publisher, usize::MAX)),
    ]
}

fn metric_columns<'a>(entries: &[&'a Entry]) -> Vec<Column<'a>> {
    let samples = metrics(entries);
    vec![
        column(&samples, |(id, _)| id),
        column(&samples, |(_, sample)| text(&sample.metric_name, 100)),
        column(&samples, |(_, sample)| sample.metric_value),
        column(&samples, |(_, sample)| text(&sample.service, 50)),
        column(&samples, |(_, sample)| timestamp(sample.timestamp)),
        column(&samples, |(_, sample)| sample.metadata.as_ref()),
    ]
}

fn api_call_columns<'a>(calls: &[&'a ApiCall]) -> Vec<Column<'a>> {
    vec![
        column(calls, |call| call.id),
        column(calls, |call| text(&call.endpoint, 200)),
        column(calls, |call| text(&call.method, 10)),
        column(calls, |call| i32::from(call.status_code)),
        column(calls, |call| integer(call.response_time_ms)),
        column(calls, |call| call.request_size.map(integer)),
        column(calls, |call| call.response_size.map(integer)),
        column(calls, |call| timestamp(call.timestamp)),
    ]
}

pub(super) fn execution_columns<'a>(executions: &[Placed<'a>]) -> Vec<Column<'a>> {
    vec![
        column(executions, |(run, _)| run.id),
        column(executions, |(run, _)| text(&run.workflow, usize::MAX)),
        column(executions, |(run, _)| run.state.as_str()),
        column(executions, |(run, _)| priority(run.priority)),
        column(executions, |(run, _)| &run.request),
        column(executions, |(run, _)| run.correlation_id.as_deref().map(|id| text(id, 100))),
        column(executions, |(run, _)| run.user_id.as_deref().map(|id| text(id, 100))),
        column(executions, |(run, _)| big_integer(run.timeout_ms)),
        column(executions, |(run, _)| timestamp(run.created_at)),
        column(executions, |(run, _)| moment(run.started_at)),
        column(executions, |(run, _)| moment(run.finished_at)),
        column(executions, |(run, _)| i64::from(run.attempts)),
        column(executions, |(run, _)| &run.steps),
        column(executions, |(run, _)| run.result.as_ref()),
        column(executions, |(run, _)| run.error.as_ref()),
        column(executions, |(run, _)| text(&run.principal, usize::MAX)),
        column(executions, |(run, _)| timestamp(run.run_at)),
        column(executions, |(_, is_due)| is_due),
        column(executions, |(run, _)| moment(run.deadline_at)),
        column(executions, |(run, _)| big_integer(run.fence)),
        column(executions, |(run, _)| i64::from(run.interruptions)),
        column(executions, |(run, _)| run.cancel_requested),
        column(executions, |(run, _)| run.traceparent.as_deref().map(|trace| text(trace, 100))),
    ]
}

fn moment(at: Option<time::OffsetDateTime>) -> Option<PrimitiveDateTime> {
    at.map(timestamp)
}

pub(super) fn column<'a, R: Copy, V>(rows: &[R], value: impl Fn(R) -> V) -> Column<'a>
where
    V: ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(|row| value(*row)).collect::<Vec<V>>())
}
