CREATE TABLE system_events (
    id TEXT NOT NULL PRIMARY KEY,
    event_type TEXT NOT NULL,
    service_name TEXT NOT NULL,
    payload TEXT NOT NULL,
    timestamp TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    correlation_id TEXT,
    user_id TEXT
) STRICT;
CREATE INDEX system_events_timestamp ON system_events (timestamp);
CREATE INDEX system_events_correlation_id ON system_events (correlation_id) WHERE correlation_id IS NOT NULL;

CREATE TABLE metrics_history (
    id INTEGER PRIMARY KEY,
    metric_name TEXT NOT NULL,
    metric_value REAL NOT NULL,
    service TEXT NOT NULL,
    timestamp TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    metadata TEXT
) STRICT;
CREATE INDEX metrics_history_timestamp ON metrics_history (timestamp);

CREATE TABLE api_calls_log (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint TEXT NOT NULL,
    method TEXT NOT NULL,
    status_code INTEGER NOT NULL,
    response_time_ms INTEGER NOT NULL,
    request_size INTEGER,
    response_size INTEGER,
    timestamp TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;
CREATE INDEX api_calls_log_timestamp ON api_calls_log (timestamp);

CREATE TABLE executions (
    id TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 2),
    request TEXT NOT NULL,
    correlation_id TEXT,
    user_id TEXT,
    timeout_ms INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    steps TEXT NOT NULL DEFAULT '[]',
    result TEXT,
    error TEXT
) STRICT;
CREATE INDEX executions_queue ON executions (priority DESC, created_at, id) WHERE state = 'queued';
CREATE INDEX executions_correlation_id ON executions (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX executions_finished_at ON executions (finished_at) WHERE finished_at IS NOT NULL;
