-- Two more states, and what leases and the order of claims need.
ALTER TABLE executions DROP CONSTRAINT executions_state_check;
ALTER TABLE executions
    ADD CONSTRAINT executions_state_check
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')),
    ADD COLUMN principal TEXT NOT NULL DEFAULT '',
    ADD COLUMN run_at TIMESTAMP,
    ADD COLUMN is_due BOOLEAN NOT NULL DEFAULT TRUE,
    ADD COLUMN rank BIGINT,
    ADD COLUMN deadline_at TIMESTAMP,
    ADD COLUMN worker VARCHAR(100),
    ADD COLUMN leased_until TIMESTAMP,
    ADD COLUMN fence BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN cancel_requested BOOLEAN NOT NULL DEFAULT FALSE;
-- What runs now has no lease, and is taken over at once.
UPDATE executions SET
    principal = coalesce(user_id, ''), run_at = created_at, fence = attempts,
    leased_until = CASE WHEN state = 'running' THEN created_at END;
UPDATE executions SET rank = ordered.place
FROM (SELECT id, row_number() OVER (ORDER BY priority DESC, created_at, id) AS place FROM executions
      WHERE state IN ('queued', 'running')) AS ordered
WHERE ordered.id = executions.id;
ALTER TABLE executions ALTER COLUMN run_at SET NOT NULL;

DROP INDEX executions_queue;
DROP INDEX executions_running;
-- In the order of claims, with all that decides whether one may be claimed.
CREATE INDEX executions_queue ON executions (rank, id) INCLUDE (principal, workflow) WHERE state = 'queued' AND is_due;
CREATE INDEX executions_flow ON executions (principal, priority, rank) WHERE state = 'queued';
CREATE INDEX executions_schedule ON executions (run_at) WHERE state = 'queued' AND NOT is_due;
CREATE INDEX executions_deadline ON executions (deadline_at) WHERE state = 'queued' AND deadline_at IS NOT NULL;
CREATE INDEX executions_lease ON executions (leased_until) WHERE state = 'running';
CREATE INDEX executions_running ON executions (principal, workflow) WHERE state = 'running';
CREATE INDEX executions_clock ON executions (rank) WHERE fence > 0;
CREATE INDEX executions_created_at ON executions (created_at, id);
CREATE INDEX executions_principal ON executions (principal, created_at, id);
CREATE INDEX executions_user_id ON executions (user_id, created_at, id) WHERE user_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    execution_id UUID NOT NULL,
    answer TEXT NOT NULL CHECK (answer IN ('accepted', 'result')),
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
