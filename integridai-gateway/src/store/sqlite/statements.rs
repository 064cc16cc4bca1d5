//! Every statement but those about executions, in one place: a test prepares them all.

pub(super) const INSERT_EVENT: &str = "\
INSERT INTO system_events
    (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner, publisher)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

pub(super) const FIND_EVENT: &str =
    "SELECT id, cursor FROM system_events WHERE source = ?1 AND event_id = ?2 AND publisher = ?3";

pub(super) const NEWEST_EVENT: &str = "SELECT coalesce(max(cursor), 0) FROM system_events";

pub(super) const EVENT_BOUNDS: &str =
    "SELECT pruned_through, (SELECT coalesce(max(cursor), 0) FROM system_events) FROM event_log";

/// How far the log goes, from the first event of a range on.
pub(super) const EXTENT_AFTER: &str = "\
SELECT (SELECT min(cursor) FROM system_events WHERE cursor > ?1), (SELECT max(cursor) FROM system_events),
    pruned_through FROM event_log";

pub(super) const EXTENT_BEFORE: &str = "\
SELECT (SELECT max(cursor) FROM system_events WHERE cursor < ?1), (SELECT min(cursor) FROM system_events),
    pruned_through FROM event_log";

/// Conditions follow, and an order.
pub(super) const EVENTS: &str = "SELECT * FROM system_events WHERE ";

pub(super) const INSERT_METRIC: &str = "\
INSERT INTO metrics_history (metric_name, metric_value, service, timestamp, metadata)
VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) const INSERT_API_CALL: &str = "\
INSERT INTO api_calls_log
    (id, endpoint, method, status_code, response_time_ms, request_size, response_size, timestamp)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(super) const RECENT_EVENTS: &str =
    "SELECT * FROM system_events ORDER BY timestamp DESC, id DESC LIMIT ?1";

pub(super) const RECENT_METRICS: &str =
    "SELECT * FROM metrics_history ORDER BY timestamp DESC, id DESC LIMIT ?1";

pub(super) const RECENT_API_CALLS: &str =
    "SELECT * FROM api_calls_log ORDER BY timestamp DESC, id DESC LIMIT ?1";

/// Touches every table, so that one that is missing shows.
pub(super) const PING: &str = "\
SELECT EXISTS (SELECT 1 FROM system_events), EXISTS (SELECT 1 FROM metrics_history),
    EXISTS (SELECT 1 FROM api_calls_log), EXISTS (SELECT 1 FROM executions),
    EXISTS (SELECT 1 FROM event_log)";

/// In the order in which they came.
pub(super) const OLDEST_EVENTS: &str = "SELECT id, timestamp FROM system_events ORDER BY cursor LIMIT ?1";

/// Of the other log tables together.
pub(super) const OLDEST_LOGS: &str = "\
SELECT * FROM (SELECT timestamp FROM metrics_history ORDER BY timestamp LIMIT ?1)
UNION ALL SELECT * FROM (SELECT timestamp FROM api_calls_log ORDER BY timestamp LIMIT ?1)";

pub(super) const NEWEST_OF_OLD_EXECUTIONS: &str = "\
SELECT max(finished_at) FROM
    (SELECT finished_at FROM executions WHERE finished_at IS NOT NULL ORDER BY finished_at LIMIT ?1)";

pub(super) const PAGES: &str = "PRAGMA page_count";

/// Pages in the file that hold nothing, and are used before it grows.
pub(super) const FREE_PAGES: &str = "PRAGMA freelist_count";

/// By when the gateway learned of them, which their ids tell: a publisher may date an event as it likes. One that came
/// late, or from a clock that is ahead, keeps nobody but itself.
pub(super) const PRUNE_EVENTS: &str = "\
DELETE FROM system_events WHERE cursor IN (
    SELECT cursor FROM (SELECT cursor, id, timestamp FROM system_events ORDER BY cursor LIMIT ?3)
    WHERE CASE WHEN substr(id, 15, 1) = '7' THEN id <= ?1 ELSE timestamp <= ?2 END)";

pub(super) const PRUNE: [&str; 3] = [
    "DELETE FROM metrics_history WHERE rowid IN
        (SELECT rowid FROM metrics_history WHERE timestamp <= ?1 ORDER BY timestamp LIMIT ?2)",
    "DELETE FROM api_calls_log WHERE rowid IN
        (SELECT rowid FROM api_calls_log WHERE timestamp <= ?1 ORDER BY timestamp LIMIT ?2)",
    "DELETE FROM executions WHERE rowid IN
        (SELECT rowid FROM executions WHERE finished_at <= ?1 ORDER BY finished_at LIMIT ?2)",
];

// Larger than a page, so that it needs room in the file and not only a page that is there already.
pub(super) const PROBE_WRITE: &str = "\
INSERT INTO system_events (id, event_type, service_name, source, payload)
VALUES ('probe', 'probe', 'gateway', 'gateway', '\"' || hex(zeroblob(8192)) || '\"')";

pub(super) const PROBE_ERASE: &str = "DELETE FROM system_events WHERE id = 'probe'";

/// Unless as many of its principal are open as may be.
pub(super) const INSERT_TICKET: &str = "\
INSERT INTO tickets (digest, principal, facts, expires_at)
SELECT ?1, ?2, ?3, ?4
WHERE (SELECT count(*) FROM (SELECT 1 FROM tickets WHERE principal = ?2 AND expires_at > ?5 LIMIT ?6)) < ?6";

pub(super) const TAKE_TICKET: &str =
    "DELETE FROM tickets WHERE digest = ?1 AND expires_at > ?2 RETURNING facts";

pub(super) const FORGET_TICKETS: &str = "\
DELETE FROM tickets WHERE digest IN
    (SELECT digest FROM tickets WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

#[cfg(test)]
pub(super) const ALL: [&str; 23] = [
    INSERT_TICKET,
    TAKE_TICKET,
    FORGET_TICKETS,
    INSERT_EVENT,
    FIND_EVENT,
    NEWEST_EVENT,
    EVENT_BOUNDS,
    EXTENT_AFTER,
    EXTENT_BEFORE,
    INSERT_METRIC,
    INSERT_API_CALL,
    RECENT_EVENTS,
    RECENT_METRICS,
    RECENT_API_CALLS,
    PING,
    OLDEST_EVENTS,
    OLDEST_LOGS,
    NEWEST_OF_OLD_EXECUTIONS,
    PAGES,
    FREE_PAGES,
    PRUNE_EVENTS,
    PROBE_WRITE,
    PROBE_ERASE,
];
