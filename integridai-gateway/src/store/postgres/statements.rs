//! Every statement, in one place: the start prepares them all. Columns are named one by one, so that a newer replica
//! may add some while an older one still runs.

pub(super) const INSERT_EVENTS: &str = "\
INSERT INTO system_events (id, event_type, service_name, payload, timestamp, correlation_id, user_id)
SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamp[], $6::text[], $7::text[])
ON CONFLICT (id) DO NOTHING";

pub(super) const INSERT_METRICS: &str = "\
INSERT INTO metrics_history (sample_id, metric_name, metric_value, service, timestamp, metadata)
SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::float8[], $4::text[], $5::timestamp[], $6::jsonb[])
ON CONFLICT (sample_id) DO NOTHING";

pub(super) const INSERT_API_CALLS: &str = "\
INSERT INTO api_calls_log
    (id, endpoint, method, status_code, response_time_ms, request_size, response_size, timestamp)
SELECT * FROM UNNEST
    ($1::uuid[], $2::text[], $3::text[], $4::int4[], $5::int4[], $6::int4[], $7::int4[], $8::timestamp[])
ON CONFLICT (id) DO NOTHING";

pub(super) const INSERT_EXECUTIONS: &str = "\
INSERT INTO executions
    (id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
     created_at, started_at, finished_at, attempts, steps, result, error)
SELECT * FROM UNNEST
    ($1::uuid[], $2::text[], $3::text[], $4::int2[], $5::json[], $6::text[], $7::text[], $8::int8[],
     $9::timestamp[], $10::timestamp[], $11::timestamp[], $12::int8[], $13::json[], $14::json[], $15::json[])
ON CONFLICT (id) DO NOTHING";

pub(super) const CLAIM_EXECUTION: &str = "\
UPDATE executions SET state = 'running', attempts = attempts + 1, started_at = $1
WHERE id = (
    SELECT id FROM executions WHERE state = 'queued' ORDER BY priority DESC, created_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
    created_at, started_at, finished_at, attempts, steps, result, error";

pub(super) const RELEASE_EXECUTION: &str = "\
UPDATE executions SET state = 'queued', attempts = attempts - 1, started_at = NULL
WHERE id = $1 AND state = 'running' AND attempts = $2";

pub(super) const SAVE_STEPS: &str = "UPDATE executions SET steps = $2 WHERE id = $1 AND state = 'running'";

pub(super) const FINISH_EXECUTION: &str = "\
UPDATE executions SET state = $2, result = $3, error = $4, steps = $5, finished_at = $6
WHERE id = $1 AND state = 'running'";

/// Whether an end whose answer was lost was written all the same.
pub(super) const IS_FINISHED: &str = "\
SELECT EXISTS (SELECT 1 FROM executions WHERE id = $1 AND state = $2 AND finished_at = $3)";

/// Whether an acceptance whose answer was lost was written all the same.
pub(super) const IS_ACCEPTED: &str = "\
SELECT EXISTS (SELECT 1 FROM executions WHERE id = $1 AND workflow = $2 AND created_at = $3)";

pub(super) const REQUEUE_RUNNING: &str = "UPDATE executions SET state = 'queued' WHERE state = 'running'";

pub(super) const SELECT_EXECUTION: &str = "\
SELECT id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
    created_at, started_at, finished_at, attempts, steps, result, error
FROM executions WHERE id = $1";

pub(super) const COUNT_QUEUED: &str = "SELECT count(*) FROM executions WHERE state = 'queued'";

pub(super) const RECENT_EVENTS: &str = "\
SELECT id, event_type, service_name, payload, timestamp, correlation_id, user_id
FROM system_events ORDER BY timestamp DESC, id DESC LIMIT $1";

pub(super) const RECENT_METRICS: &str = "\
SELECT metric_name, metric_value, service, timestamp, metadata
FROM metrics_history ORDER BY timestamp DESC, id DESC LIMIT $1";

pub(super) const RECENT_API_CALLS: &str = "\
SELECT id, endpoint, method, status_code, response_time_ms, request_size, response_size, timestamp
FROM api_calls_log ORDER BY timestamp DESC, id DESC LIMIT $1";

/// Touches every table, so that one that is missing shows.
pub(super) const PING: &str = "\
SELECT EXISTS (SELECT 1 FROM system_events), EXISTS (SELECT 1 FROM metrics_history),
    EXISTS (SELECT 1 FROM api_calls_log), EXISTS (SELECT 1 FROM executions)";

/// A write that leaves nothing behind.
pub(super) const PROBE: &str = "\
BEGIN; UPDATE integridai_schema SET version = version; ROLLBACK";

/// Of several gateways one prunes at a time.
pub(super) const MAY_PRUNE: &str = "SELECT pg_try_advisory_xact_lock($1)";

pub(super) const PRUNE: [&str; 4] = [
    "DELETE FROM system_events WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM system_events WHERE timestamp <= $1 ORDER BY timestamp LIMIT $2))",
    "DELETE FROM metrics_history WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM metrics_history WHERE timestamp <= $1 ORDER BY timestamp LIMIT $2))",
    "DELETE FROM api_calls_log WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM api_calls_log WHERE timestamp <= $1 ORDER BY timestamp LIMIT $2))",
    "DELETE FROM executions WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM executions WHERE finished_at <= $1 ORDER BY finished_at LIMIT $2))",
];

/// In the transaction of a migration: of several gateways that start at once one migrates, the others wait.
pub(super) const LOCK_SCHEMA: &str = "SELECT pg_advisory_xact_lock($1)";

pub(super) const HAS_SCHEMA: &str = "SELECT to_regclass('integridai_schema') IS NOT NULL";

pub(super) const MAKE_SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS integridai_schema (only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row), version INTEGER NOT NULL)";

pub(super) const READ_VERSION: &str = "SELECT version FROM integridai_schema";

pub(super) const WRITE_VERSION: &str = "\
INSERT INTO integridai_schema (version) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET version = EXCLUDED.version";

/// All that need the schema.
pub(super) const ALL: [&str; 24] = [
    INSERT_EVENTS,
    INSERT_METRICS,
    INSERT_API_CALLS,
    INSERT_EXECUTIONS,
    CLAIM_EXECUTION,
    RELEASE_EXECUTION,
    SAVE_STEPS,
    FINISH_EXECUTION,
    IS_FINISHED,
    IS_ACCEPTED,
    REQUEUE_RUNNING,
    SELECT_EXECUTION,
    COUNT_QUEUED,
    RECENT_EVENTS,
    RECENT_METRICS,
    RECENT_API_CALLS,
    PING,
    MAY_PRUNE,
    READ_VERSION,
    WRITE_VERSION,
    PRUNE[0],
    PRUNE[1],
    PRUNE[2],
    PRUNE[3],
];
