-- Built anew, because a CHECK cannot be changed in place: two more states, and what leases and the order of claims need.
CREATE TABLE executions_next (
    id TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')),
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
    error TEXT,
    principal TEXT NOT NULL DEFAULT '',
    run_at TEXT NOT NULL,
    is_due INTEGER NOT NULL DEFAULT 1 CHECK (is_due IN (0, 1)),
    rank INTEGER,
    deadline_at TEXT,
    worker TEXT,
    leased_until TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1))
) STRICT;
INSERT INTO executions_next
    (id, workflow, state, priority, request, correlation_id, user_id, timeout_ms, created_at, started_at, finished_at,
     attempts, steps, result, error, principal, run_at, rank, fence)
SELECT id, workflow, state, priority, request, correlation_id, user_id, timeout_ms, created_at, started_at, finished_at,
     attempts, steps, result, error, coalesce(user_id, ''), created_at,
     CASE WHEN state IN ('queued', 'running') THEN row_number() OVER (ORDER BY priority DESC, created_at, id) END,
     attempts
FROM executions;
DROP TABLE executions;
ALTER TABLE executions_next RENAME TO executions;
-- In the order of claims, with all that decides whether one may be claimed.
CREATE INDEX executions_queue ON executions (rank, id, principal, workflow) WHERE state = 'queued' AND is_due = 1;
CREATE INDEX executions_flow ON executions (principal, priority, rank) WHERE state = 'queued';
CREATE INDEX executions_schedule ON executions (run_at) WHERE state = 'queued' AND is_due = 0;
CREATE INDEX executions_deadline ON executions (deadline_at) WHERE state = 'queued' AND deadline_at IS NOT NULL;
CREATE INDEX executions_lease ON executions (leased_until) WHERE state = 'running';
CREATE INDEX executions_running ON executions (principal, workflow) WHERE state = 'running';
CREATE INDEX executions_clock ON executions (rank) WHERE fence > 0;
CREATE INDEX executions_created_at ON executions (created_at, id);
CREATE INDEX executions_principal ON executions (principal, created_at, id);
CREATE INDEX executions_user_id ON executions (user_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX executions_correlation_id ON executions (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX executions_finished_at ON executions (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    answer TEXT NOT NULL CHECK (answer IN ('accepted', 'result')),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
