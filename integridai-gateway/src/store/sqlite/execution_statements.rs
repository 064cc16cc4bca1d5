//! Every statement about executions and idempotency keys, in one place: a test prepares them all.

pub(super) const INSERT_EXECUTION: &str = "\
INSERT INTO executions
    (id, workflow, state, priority, request, correlation_id, user_id, timeout_ms, created_at, started_at, finished_at,
     attempts, steps, result, error, principal, run_at, is_due, rank, deadline_at, fence, interruptions,
     cancel_requested, traceparent)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)";

/// The greatest rank that a principal has waiting at a priority.
pub(super) const FLOW_END: &str =
    "SELECT max(rank) FROM executions WHERE state = 'queued' AND principal = ?1 AND priority = ?2";

/// The greatest rank that was ever claimed.
pub(super) const CLOCK: &str = "SELECT max(rank) FROM executions WHERE fence > 0";

pub(super) const COUNT_QUEUED: &str = "SELECT count(*) FROM executions WHERE state = 'queued'";

/// Since when the one waits that was accepted first, of those that could run.
pub(super) const WAITS_SINCE: &str = "\
SELECT run_at FROM executions
WHERE state IN ('queued', 'running') AND state = 'queued' AND run_at <= ?1 ORDER BY created_at LIMIT 1";

pub(super) const COUNT_QUEUED_OF_PRINCIPAL: &str =
    "SELECT count(*) FROM executions WHERE state = 'queued' AND principal = ?1";

pub(super) const COUNT_OF_CORRELATION: &str =
    "SELECT count(*) FROM (SELECT 1 FROM executions WHERE correlation_id = ?1 LIMIT ?2)";

pub(super) const SELECT_KEY: &str = "\
SELECT fingerprint, execution_id, answer FROM idempotency_keys
WHERE principal = ?1 AND key = ?2 AND expires_at > ?3";

/// In the place of one that has expired.
pub(super) const INSERT_KEY: &str = "\
INSERT INTO idempotency_keys (principal, key, fingerprint, execution_id, answer, created_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (principal, key) DO UPDATE SET fingerprint = excluded.fingerprint, execution_id = excluded.execution_id,
    answer = excluded.answer, created_at = excluded.created_at, expires_at = excluded.expires_at";

/// Also those that have expired and were not forgotten yet.
pub(super) const COUNT_KEYS_OF_PRINCIPAL: &str =
    "SELECT coalesce(sum(keys), 0) FROM idempotency_key_counts WHERE principal = ?1";

pub(super) const FORGET_KEYS: &str = "\
DELETE FROM idempotency_keys WHERE (principal, key) IN
    (SELECT principal, key FROM idempotency_keys WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";

/// What has not been heard of for the length of its lease waits again, in its old place.
pub(super) const EXPIRE_LEASES: &str = "\
UPDATE executions
SET state = 'queued', is_due = 1, interruptions = interruptions + 1, worker = NULL, leased_until = NULL
WHERE rowid IN
    (SELECT rowid FROM executions WHERE state = 'running' AND leased_until <= ?1 ORDER BY leased_until LIMIT ?2)";

/// What waited beyond its deadline.
pub(super) const EXPIRE_DEADLINES: &str = "\
UPDATE executions SET state = 'failed', error = ?3, finished_at = ?1
WHERE rowid IN
    (SELECT rowid FROM executions WHERE state = 'queued' AND deadline_at IS NOT NULL AND deadline_at <= ?1
     ORDER BY deadline_at LIMIT ?2)";

pub(super) const DUE: &str = "\
SELECT rowid, principal, priority, rank FROM executions
WHERE state = 'queued' AND is_due = 0 AND run_at <= ?1 ORDER BY run_at LIMIT ?2";

pub(super) const PROMOTE: &str = "UPDATE executions SET is_due = 1, rank = ?2 WHERE rowid = ?1";

pub(super) const BUSY_PRINCIPALS: &str = "\
SELECT principal FROM executions WHERE state = 'running' GROUP BY principal HAVING count(*) >= ?1";

pub(super) const RUNNING_BY_WORKFLOW: &str =
    "SELECT workflow, count(*) FROM executions WHERE state = 'running' GROUP BY workflow";

/// `?4` and `?5`: the principals and workflows of which as many run as may.
pub(super) const CLAIM_EXECUTION: &str = "\
UPDATE executions
SET state = 'running', attempts = attempts + 1, fence = fence + 1, started_at = ?1, worker = ?2, leased_until = ?3
WHERE id = (
    SELECT id FROM executions
    WHERE state = 'queued' AND is_due = 1
        AND principal NOT IN (SELECT value FROM json_each(?4))
        AND workflow NOT IN (SELECT value FROM json_each(?5))
    ORDER BY rank, id LIMIT 1)
RETURNING *";

pub(super) const NEXT_DUE: &str = "\
SELECT min(moment) FROM (
    SELECT min(run_at) AS moment FROM executions WHERE state = 'queued' AND is_due = 0
    UNION ALL SELECT min(leased_until) FROM executions WHERE state = 'running')";

pub(super) const HEARTBEAT: &str = "\
UPDATE executions SET leased_until = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'
RETURNING cancel_requested";

pub(super) const RELEASE_EXECUTION: &str = "\
UPDATE executions
SET state = 'queued', attempts = attempts - 1, started_at = NULL, worker = NULL, leased_until = NULL
WHERE id = ?1 AND fence = ?2 AND state = 'running'";

pub(super) const RETRY_EXECUTION: &str = "\
UPDATE executions
SET state = 'queued', is_due = 0, run_at = ?3, steps = ?4, error = ?5, worker = NULL, leased_until = NULL
WHERE id = ?1 AND fence = ?2 AND state = 'running'";

pub(super) const SAVE_STEPS: &str =
    "UPDATE executions SET steps = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'";

pub(super) const FINISH_EXECUTION: &str = "\
UPDATE executions
SET state = ?3, result = ?4, error = ?5, steps = coalesce(?6, steps), finished_at = ?7, worker = NULL, leased_until = NULL
WHERE id = ?1 AND fence = ?2 AND state = 'running'";

/// At the start of the only process: nobody else can be at work.
pub(super) const REQUEUE_RUNNING: &str = "\
UPDATE executions
SET state = 'queued', is_due = 1, interruptions = interruptions + 1, worker = NULL, leased_until = NULL
WHERE state = 'running'";

pub(super) const SELECT_STATE: &str = "SELECT state FROM executions WHERE id = ?1";

pub(super) const CANCEL_QUEUED: &str = "\
UPDATE executions SET state = 'cancelled', error = ?2, finished_at = ?3 WHERE id = ?1 AND state = 'queued'";

pub(super) const REQUEST_CANCEL: &str =
    "UPDATE executions SET cancel_requested = 1 WHERE id = ?1 AND state = 'running'";

pub(super) const SELECT_FLOW: &str =
    "SELECT principal, priority FROM executions WHERE id = ?1 AND state = 'dead'";

pub(super) const REPLAY_EXECUTION: &str = "\
UPDATE executions
SET state = 'queued', is_due = 1, rank = ?2, run_at = ?3, deadline_at = ?4, steps = ?5, interruptions = 0,
    finished_at = NULL, error = NULL, cancel_requested = 0
WHERE id = ?1 AND state = 'dead'";

pub(super) const SELECT_EXECUTION: &str = "SELECT * FROM executions WHERE id = ?1";

/// One for each index that serves it: by moment, by state (open or ended), by workflow, by user, by principal.
pub(super) const LIST_EXECUTIONS: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE created_at >= ?1 AND (created_at, id) < (?2, ?3)
    AND (?4 IS NULL OR workflow = ?4) AND (?5 IS NULL OR state = ?5)
    AND ?7 IS NULL AND ?8 IS NULL
ORDER BY created_at DESC, id DESC LIMIT ?6";

pub(super) const LIST_EXECUTIONS_OPEN: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE state IN ('queued', 'running')
    AND state = ?5 AND created_at >= ?1 AND (created_at, id) < (?2, ?3)
    AND (?4 IS NULL OR workflow = ?4)
    AND ?7 IS NULL AND ?8 IS NULL
ORDER BY created_at DESC, id DESC LIMIT ?6";

pub(super) const LIST_EXECUTIONS_ENDED: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE state NOT IN ('queued', 'running')
    AND state = ?5 AND created_at >= ?1 AND (created_at, id) < (?2, ?3)
    AND (?4 IS NULL OR workflow = ?4)
    AND ?7 IS NULL AND ?8 IS NULL
ORDER BY created_at DESC, id DESC LIMIT ?6";

pub(super) const LIST_EXECUTIONS_OF_WORKFLOW: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE workflow = ?4 AND created_at >= ?1 AND (created_at, id) < (?2, ?3)
    AND (?5 IS NULL OR state = ?5)
    AND ?7 IS NULL AND ?8 IS NULL
ORDER BY created_at DESC, id DESC LIMIT ?6";

pub(super) const LIST_EXECUTIONS_OF_USER: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE user_id = ?7 AND created_at >= ?1 AND (created_at, id) < (?2, ?3)
    AND (?4 IS NULL OR workflow = ?4) AND (?5 IS NULL OR state = ?5)
    AND ?8 IS NULL
ORDER BY created_at DESC, id DESC LIMIT ?6";

pub(super) const LIST_EXECUTIONS_OF_PRINCIPAL: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE principal = ?8 AND created_at >= ?1 AND (created_at, id) < (?2, ?3)
    AND (?4 IS NULL OR workflow = ?4) AND (?5 IS NULL OR state = ?5)
    AND (?7 IS NULL OR user_id = ?7)
ORDER BY created_at DESC, id DESC LIMIT ?6";

/// Around what is to be done whole or not at all, beside other work in the same transaction.
pub(super) const SAVEPOINT: [&str; 3] =
    ["SAVEPOINT whole", "RELEASE whole", "ROLLBACK TO whole; RELEASE whole"];

#[cfg(test)]
pub(super) const ALL: [&str; 37] = [
    INSERT_EXECUTION,
    FLOW_END,
    CLOCK,
    COUNT_QUEUED,
    WAITS_SINCE,
    COUNT_QUEUED_OF_PRINCIPAL,
    COUNT_OF_CORRELATION,
    SELECT_KEY,
    INSERT_KEY,
    COUNT_KEYS_OF_PRINCIPAL,
    FORGET_KEYS,
    EXPIRE_LEASES,
    EXPIRE_DEADLINES,
    DUE,
    PROMOTE,
    BUSY_PRINCIPALS,
    RUNNING_BY_WORKFLOW,
    CLAIM_EXECUTION,
    NEXT_DUE,
    HEARTBEAT,
    RELEASE_EXECUTION,
    RETRY_EXECUTION,
    SAVE_STEPS,
    FINISH_EXECUTION,
    REQUEUE_RUNNING,
    SELECT_STATE,
    CANCEL_QUEUED,
    REQUEST_CANCEL,
    SELECT_FLOW,
    REPLAY_EXECUTION,
    SELECT_EXECUTION,
    LIST_EXECUTIONS,
    LIST_EXECUTIONS_OPEN,
    LIST_EXECUTIONS_ENDED,
    LIST_EXECUTIONS_OF_WORKFLOW,
    LIST_EXECUTIONS_OF_USER,
    LIST_EXECUTIONS_OF_PRINCIPAL,
];
