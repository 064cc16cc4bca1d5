//! Every statement but those about executions, in one place: the start prepares them all. Columns are named one by one, so that a newer replica
//! may add some while an older one still runs.

/// The lock is that of the log ("eventlog"): taken right before the cursors are given, held until the commit. What is
/// there already, by its id or by what its source calls it, is left as it is.
pub(super) const INSERT_EVENTS: &str = "\
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(7311142570156650343))
INSERT INTO system_events
    (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner, publisher)
SELECT new.id, new.event_type, new.service_name, new.payload, new.timestamp, new.correlation_id, new.user_id,
    new.source, new.event_id, new.owner, new.publisher
FROM turn, UNNEST($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamp[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[]) WITH ORDINALITY
    AS new (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner, publisher,
        place)
ORDER BY new.place
ON CONFLICT DO NOTHING";

/// As above, but one whose id is taken is an error, and all of them fail.
pub(super) const APPEND_EVENTS: &str = "\
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(7311142570156650343))
INSERT INTO system_events
    (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner, publisher)
SELECT new.id, new.event_type, new.service_name, new.payload, new.timestamp, new.correlation_id, new.user_id,
    new.source, new.event_id, new.owner, new.publisher
FROM turn, UNNEST($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamp[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[]) WITH ORDINALITY
    AS new (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner, publisher,
        place)
ORDER BY new.place
ON CONFLICT (source, event_id, publisher) WHERE event_id IS NOT NULL DO NOTHING
RETURNING id, cursor";

pub(super) const FIND_EVENTS: &str = "\
SELECT source, event_id, publisher, id, cursor FROM system_events
WHERE event_id IS NOT NULL
    AND (source, event_id, publisher) IN (SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[]))";

pub(super) const FIND_EVENTS_BY_ID: &str = "SELECT id, cursor FROM system_events WHERE id = ANY ($1)";

pub(super) const NEWEST_EVENT: &str = "SELECT coalesce(max(cursor), 0) FROM system_events";

pub(super) const EVENT_BOUNDS: &str =
    "SELECT pruned_through, (SELECT coalesce(max(cursor), 0) FROM system_events) FROM event_log";

/// A part of the log, and how far that goes, of one moment. Conditions come between, and an order. What is too much in bytes, as
/// the table holds them, is not sent.
pub(super) const EVENTS_AFTER: &str = "\
WITH log AS MATERIALIZED (
    SELECT (SELECT min(cursor) FROM system_events WHERE cursor > $1) AS first,
        (SELECT max(cursor) FROM system_events) AS farthest, pruned_through FROM event_log)";

pub(super) const EVENTS_BEFORE: &str = "\
WITH log AS MATERIALIZED (
    SELECT (SELECT max(cursor) FROM system_events WHERE cursor < $1) AS first,
        (SELECT min(cursor) FROM system_events) AS farthest, pruned_through FROM event_log)";

pub(super) const EVENTS: &str = "
SELECT log.first, log.farthest, log.pruned_through, found.* FROM log LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT page.*, count(*) OVER () AS fitting, sum(pg_column_size(payload)) OVER so_far AS bytes
        FROM (
            SELECT cursor, id, event_type, source, event_id, payload, timestamp, correlation_id, user_id, owner,
                publisher
            FROM system_events WHERE ";

pub(super) const EVENTS_END_AFTER: &str = "
        ) AS page WINDOW so_far AS (ORDER BY cursor ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ) AS sized WHERE bytes - pg_column_size(payload) < ";

pub(super) const EVENTS_END_BEFORE: &str = "
        ) AS page WINDOW so_far AS (ORDER BY cursor DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ) AS sized WHERE bytes - pg_column_size(payload) < ";

/// Told by a trigger at every commit of events.
pub(super) const LISTEN: &str = "LISTEN integridai_events";

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

pub(super) const RECENT_EVENTS: &str = "\
SELECT id, event_type, source, event_id, payload, timestamp, correlation_id, user_id, owner, publisher
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
    EXISTS (SELECT 1 FROM api_calls_log), EXISTS (SELECT 1 FROM executions),
    EXISTS (SELECT 1 FROM event_log), EXISTS (SELECT 1 FROM idempotency_keys),
    EXISTS (SELECT 1 FROM idempotency_key_counts), EXISTS (SELECT 1 FROM tickets)";

/// A write that leaves nothing behind.
pub(super) const PROBE: &str = "\
BEGIN; UPDATE integridai_schema SET version = version; ROLLBACK";

/// Of several gateways one prunes at a time.
pub(super) const MAY_PRUNE: &str = "SELECT pg_try_advisory_xact_lock($1)";

/// By when the gateway learned of them, which their ids tell: a publisher may date an event as it likes. One that came
/// late, or from a clock that is ahead, keeps nobody but itself.
pub(super) const PRUNE_EVENTS: &str = "\
DELETE FROM system_events WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM (SELECT ctid, id, timestamp FROM system_events ORDER BY cursor LIMIT $3) AS oldest
    WHERE CASE WHEN substr(id::text, 15, 1) = '7' THEN id <= $1 ELSE timestamp <= $2 END))";

pub(super) const PRUNE: [&str; 3] = [
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

/// Unless as many of its principal are open as may be; some that have ended go. `$4`: for how many microseconds it is good.
pub(super) const INSERT_TICKET: &str = "\
WITH gone AS (
    DELETE FROM tickets WHERE digest = ANY (ARRAY(
        SELECT digest FROM tickets WHERE expires_at <= clock_timestamp() AT TIME ZONE 'UTC'
        ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)))
INSERT INTO tickets (digest, principal, facts, expires_at)
SELECT $1::text, $2::text, $3::json, clock_timestamp() AT TIME ZONE 'UTC' + $4::int8 * interval '1 microsecond'
WHERE (SELECT count(*) FROM (
    SELECT 1 FROM tickets WHERE principal = $2 AND expires_at > clock_timestamp() AT TIME ZONE 'UTC' LIMIT $5::int8
    ) AS open) < $5
ON CONFLICT (digest) DO UPDATE SET expires_at = EXCLUDED.expires_at";

pub(super) const TAKE_TICKET: &str = "\
DELETE FROM tickets WHERE digest = $1 AND expires_at > clock_timestamp() AT TIME ZONE 'UTC' RETURNING facts";

/// All that need the schema.
pub(super) const ALL: [&str; 21] = [
    INSERT_TICKET,
    TAKE_TICKET,
    INSERT_EVENTS,
    APPEND_EVENTS,
    FIND_EVENTS,
    FIND_EVENTS_BY_ID,
    NEWEST_EVENT,
    EVENT_BOUNDS,
    INSERT_METRICS,
    INSERT_API_CALLS,
    RECENT_EVENTS,
    RECENT_METRICS,
    RECENT_API_CALLS,
    PING,
    MAY_PRUNE,
    READ_VERSION,
    WRITE_VERSION,
    PRUNE_EVENTS,
    PRUNE[0],
    PRUNE[1],
    PRUNE[2],
];
