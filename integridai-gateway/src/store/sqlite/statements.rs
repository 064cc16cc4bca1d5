//! Every statement but those about executions, in one place: a test prepares them all.

pub(super) const INSERT_EVENT: &str = "\
INSERT INTO system_events (id, event_type, service_name, payload, timestamp, correlation_id, user_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

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
    EXISTS (SELECT 1 FROM api_calls_log), EXISTS (SELECT 1 FROM executions)";

/// Of every log table together, the newest row among the oldest.
pub(super) const NEWEST_OF_OLD_LOGS: &str = "\
SELECT max(timestamp) FROM (
    SELECT * FROM (SELECT timestamp FROM system_events ORDER BY timestamp LIMIT ?1)
    UNION ALL SELECT * FROM (SELECT timestamp FROM metrics_history ORDER BY timestamp LIMIT ?1)
    UNION ALL SELECT * FROM (SELECT timestamp FROM api_calls_log ORDER BY timestamp LIMIT ?1)
    ORDER BY timestamp LIMIT ?1)";

pub(super) const NEWEST_OF_OLD_EXECUTIONS: &str = "\
SELECT max(finished_at) FROM
    (SELECT finished_at FROM executions WHERE finished_at IS NOT NULL ORDER BY finished_at LIMIT ?1)";

pub(super) const PAGES: &str = "PRAGMA page_count";

/// Pages in the file that hold nothing, and are used before it grows.
pub(super) const FREE_PAGES: &str = "PRAGMA freelist_count";

pub(super) const PRUNE: [&str; 4] = [
    "DELETE FROM system_events WHERE rowid IN
        (SELECT rowid FROM system_events WHERE timestamp <= ?1 ORDER BY timestamp LIMIT ?2)",
    "DELETE FROM metrics_history WHERE rowid IN
        (SELECT rowid FROM metrics_history WHERE timestamp <= ?1 ORDER BY timestamp LIMIT ?2)",
    "DELETE FROM api_calls_log WHERE rowid IN
        (SELECT rowid FROM api_calls_log WHERE timestamp <= ?1 ORDER BY timestamp LIMIT ?2)",
    "DELETE FROM executions WHERE rowid IN
        (SELECT rowid FROM executions WHERE finished_at <= ?1 ORDER BY finished_at LIMIT ?2)",
];

// Larger than a page, so that it needs room in the file and not only a page that is there already.
pub(super) const PROBE_WRITE: &str = "\
INSERT INTO system_events (id, event_type, service_name, payload)
VALUES ('probe', 'probe', 'gateway', '\"' || hex(zeroblob(8192)) || '\"')";

pub(super) const PROBE_ERASE: &str = "DELETE FROM system_events WHERE id = 'probe'";

#[cfg(test)]
pub(super) const ALL: [&str; 13] = [
    INSERT_EVENT,
    INSERT_METRIC,
    INSERT_API_CALL,
    RECENT_EVENTS,
    RECENT_METRICS,
    RECENT_API_CALLS,
    PING,
    NEWEST_OF_OLD_LOGS,
    NEWEST_OF_OLD_EXECUTIONS,
    PAGES,
    FREE_PAGES,
    PROBE_WRITE,
    PROBE_ERASE,
];
