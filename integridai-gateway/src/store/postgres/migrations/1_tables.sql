CREATE TABLE system_events (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    event_type VARCHAR(50) NOT NULL,
    service_name VARCHAR(50) NOT NULL,
    payload JSONB NOT NULL,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    correlation_id VARCHAR(100),
    user_id VARCHAR(100)
);
CREATE INDEX system_events_timestamp ON system_events (timestamp);
CREATE INDEX system_events_correlation_id ON system_events (correlation_id) WHERE correlation_id IS NOT NULL;

-- The sample_id is ours: written twice, a figure is still one row.
CREATE TABLE metrics_history (
    id SERIAL PRIMARY KEY,
    metric_name VARCHAR(100) NOT NULL,
    metric_value FLOAT NOT NULL,
    service VARCHAR(50) NOT NULL,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    metadata JSONB,
    sample_id UUID UNIQUE
);
CREATE INDEX metrics_history_timestamp ON metrics_history (timestamp);

CREATE TABLE api_calls_log (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    endpoint VARCHAR(200) NOT NULL,
    method VARCHAR(10) NOT NULL,
    status_code INTEGER NOT NULL,
    response_time_ms INTEGER NOT NULL,
    request_size INTEGER,
    response_size INTEGER,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX api_calls_log_timestamp ON api_calls_log (timestamp);

-- JSON, not JSONB: a request and a result are kept as they came, character by character.
CREATE TABLE executions (
    id UUID PRIMARY KEY,
    workflow TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    priority SMALLINT NOT NULL CHECK (priority BETWEEN 0 AND 2),
    request JSON NOT NULL,
    correlation_id VARCHAR(100),
    user_id VARCHAR(100),
    timeout_ms BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    attempts BIGINT NOT NULL DEFAULT 0,
    steps JSON NOT NULL DEFAULT '[]',
    result JSON,
    error JSON
);
CREATE INDEX executions_queue ON executions (priority DESC, created_at, id) WHERE state = 'queued';
CREATE INDEX executions_running ON executions (id) WHERE state = 'running';
CREATE INDEX executions_correlation_id ON executions (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX executions_finished_at ON executions (finished_at) WHERE finished_at IS NOT NULL;
