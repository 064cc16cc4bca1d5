//! Every statement about executions and idempotency keys, in one place: the start prepares them all.

/// Of those that are not in the queue.
pub(super) const INSERT_EXECUTIONS: &str = "\
INSERT INTO executions
    (id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
     created_at, started_at, finished_at, attempts, steps, result, error, principal,
     run_at, is_due, deadline_at, fence, interruptions, cancel_requested, traceparent)
SELECT * FROM UNNEST
    ($1::uuid[], $2::text[], $3::text[], $4::int2[], $5::json[], $6::text[], $7::text[], $8::int8[],
     $9::timestamp[], $10::timestamp[], $11::timestamp[], $12::int8[], $13::json[], $14::json[], $15::json[], $16::text[],
     $17::timestamp[], $18::bool[], $19::timestamp[], $20::int8[], $21::int8[], $22::bool[], $23::text[])
ON CONFLICT (id) DO NOTHING";

/// Into the queue, as if one after the other: each is counted against the bounds of all (`$25`) and of its principal
/// (`$26`) behind those before it, and gets its rank (see `rank.rs`; `$27`: what each priority costs) if it is due. Where
/// `$24` is true, those that are there already are left out. Answers what became of each of the others.
pub(super) const ADMIT: &str = "\
WITH new AS MATERIALIZED (
    SELECT * FROM UNNEST
        ($1::uuid[], $2::text[], $3::text[], $4::int2[], $5::json[], $6::text[], $7::text[], $8::int8[],
         $9::timestamp[], $10::timestamp[], $11::timestamp[], $12::int8[], $13::json[], $14::json[], $15::json[], $16::text[],
         $17::timestamp[], $18::bool[], $19::timestamp[], $20::int8[], $21::int8[], $22::bool[], $23::text[]) WITH ORDINALITY
        AS new (id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
            created_at, started_at, finished_at, attempts, steps, result, error, principal,
            run_at, is_due, deadline_at, fence, interruptions, cancel_requested, traceparent, place)
    WHERE NOT ($24::bool AND EXISTS (SELECT 1 FROM executions
        WHERE executions.id = new.id AND executions.workflow = new.workflow AND executions.created_at = new.created_at))),
waiting AS MATERIALIZED (
    SELECT principal, count(*) AS number FROM executions
    WHERE state = 'queued' AND least($25::int8, $26::int8) < 9223372036854775807 GROUP BY principal),
before AS MATERIALIZED (
    SELECT coalesce((SELECT max(rank) FROM executions WHERE fence > 0), 0) AS clock,
        coalesce((SELECT sum(number) FROM waiting), 0)::int8 AS waiting),
flows AS MATERIALIZED (
    SELECT principal, priority, (SELECT max(rank) FROM executions
        WHERE state = 'queued' AND executions.principal = asking.principal AND executions.priority = asking.priority) AS rank
    FROM (SELECT DISTINCT principal, priority FROM new) AS asking),
counted AS (
    SELECT new.*, coalesce(waiting.number, 0) + row_number() OVER (PARTITION BY principal ORDER BY place) <= $26
        AS has_own_room
    FROM new LEFT JOIN waiting USING (principal)),
judged AS MATERIALIZED (
    SELECT counted.*, before.clock, before.waiting + count(*) FILTER (WHERE has_own_room)
            OVER (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) < $25 AS has_room
    FROM counted CROSS JOIN before),
entered AS (
    INSERT INTO executions
        (id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
         created_at, started_at, finished_at, attempts, steps, result, error, principal,
         run_at, is_due, deadline_at, fence, interruptions, cancel_requested, traceparent, rank)
    SELECT id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
        created_at, started_at, finished_at, attempts, steps, result, error, principal,
        run_at, is_due, deadline_at, fence, interruptions, cancel_requested, traceparent,
        CASE WHEN is_due AND state = 'queued' THEN greatest(flows.rank, clock) + ($27::int8[])[priority + 1]
            * row_number() OVER (PARTITION BY principal, priority, is_due AND state = 'queued' ORDER BY place) END
    FROM judged JOIN flows USING (principal, priority) WHERE has_room AND has_own_room)
SELECT id, has_room, has_own_room FROM judged";

/// In the transaction of an admission or a claim ("runqueue"): of all gateways one at a time gives ranks, counts what
/// waits and runs, and moves the clock, so that the order is exact. Before the statements that read, for each sees what
/// was committed when it began.
pub(super) const LOCK_QUEUE: &str = "SELECT pg_advisory_xact_lock(8247619726178874725)";

/// Whoever claims wants the first of the queue, in the order of its index. Without statistics a plan would rather read all
/// that wait and sort them.
pub(super) const BEGIN_WITH_QUEUE: &str = "\
BEGIN; SET LOCAL enable_bitmapscan = off; SELECT pg_advisory_xact_lock(8247619726178874725)";

pub(super) const COMMIT: &str = "COMMIT";

/// Whether the bound on a principal's keys is reached.
pub(super) const ARE_KEYS_FULL: &str =
    "SELECT coalesce((SELECT keys FROM idempotency_key_counts WHERE principal = $1), 0) >= $2::int8";

/// The greatest rank that a principal has waiting at a priority, and the greatest that was ever claimed.
pub(super) const FLOW_END_AND_CLOCK: &str = "\
SELECT (SELECT max(rank) FROM executions WHERE state = 'queued' AND principal = $1 AND priority = $2),
    (SELECT max(rank) FROM executions WHERE fence > 0)";

pub(super) const SELECT_KEY: &str = "\
SELECT fingerprint, execution_id, answer FROM idempotency_keys
WHERE principal = $1 AND key = $2 AND expires_at > $3";

/// In the place of one that has expired.
pub(super) const INSERT_KEY: &str = "\
INSERT INTO idempotency_keys (principal, key, fingerprint, execution_id, answer, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (principal, key) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, execution_id = EXCLUDED.execution_id,
    answer = EXCLUDED.answer, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at";

pub(super) const FORGET_KEYS: &str = "\
DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2))";

/// Of one principal: for the room of each is its own.
pub(super) const FORGET_KEYS_OF: &str = "\
DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_keys WHERE principal = $1 AND expires_at <= $2 LIMIT $3))";

/// What has not been heard of for the length of its lease waits again, in its old place. By the server's clock, and not by
/// those of gateways, which may differ, leases are given and end.
pub(super) const EXPIRE_LEASES: &str = "\
UPDATE executions
SET state = 'queued', is_due = TRUE, interruptions = interruptions + 1, worker = NULL, leased_until = NULL
WHERE id = ANY (ARRAY(
    SELECT id FROM executions
    WHERE state = 'running' AND leased_until <= (SELECT clock_timestamp() AT TIME ZONE 'UTC')
    ORDER BY leased_until LIMIT $1
    FOR UPDATE SKIP LOCKED))";

/// What waited beyond its deadline.
pub(super) const EXPIRE_DEADLINES: &str = "\
UPDATE executions SET state = 'failed', error = $2, finished_at = clock_timestamp() AT TIME ZONE 'UTC'
WHERE id = ANY (ARRAY(
    SELECT id FROM executions
    WHERE state = 'queued' AND deadline_at <= (SELECT clock_timestamp() AT TIME ZONE 'UTC')
    ORDER BY deadline_at LIMIT $1
    FOR UPDATE SKIP LOCKED))";

/// What is due joins the queue, as if one after the other: with the rank that it had, or at the end of its flow (`$2`: what
/// each priority costs).
pub(super) const PROMOTE: &str = "\
WITH due AS MATERIALIZED (
    SELECT id, principal, priority, rank, run_at FROM executions
    WHERE state = 'queued' AND NOT is_due AND run_at <= (SELECT clock_timestamp() AT TIME ZONE 'UTC')
    ORDER BY run_at LIMIT $1
    FOR UPDATE SKIP LOCKED),
placed AS MATERIALIZED (
    SELECT id, coalesce(rank, greatest(0,
        (SELECT max(flow.rank) FROM executions AS flow
         WHERE flow.state = 'queued' AND flow.principal = due.principal AND flow.priority = due.priority),
        (SELECT max(rank) FROM executions WHERE fence > 0))
        + ($2::int8[])[priority + 1] * row_number() OVER (PARTITION BY principal, priority, rank IS NULL ORDER BY run_at))
        AS rank
    FROM due)
UPDATE executions SET is_due = TRUE, rank = placed.rank FROM placed WHERE executions.id = placed.id";

/// Whether anything waits that is due, or has to be put right.
pub(super) const MAY_FIND: &str = "\
SELECT EXISTS (SELECT 1 FROM executions WHERE state = 'queued' AND is_due)
    OR EXISTS (SELECT 1 FROM executions WHERE state = 'queued' AND NOT is_due AND run_at <= clock_timestamp() AT TIME ZONE 'UTC')
    OR EXISTS (SELECT 1 FROM executions
        WHERE state = 'queued' AND deadline_at <= clock_timestamp() AT TIME ZONE 'UTC')
    OR EXISTS (SELECT 1 FROM executions
        WHERE state = 'running' AND leased_until <= clock_timestamp() AT TIME ZONE 'UTC')";

/// Up to `$7` of the smallest ranks, as if one after the other. `$4`: how many of a principal may run; `$5` and `$6`: the
/// workflows that are bound, and how many of each may run. Stops before the first one that may not run beside those that
/// are taken before it, and answers how many there were to choose from: behind it there may be more.
pub(super) const CLAIM_EXECUTIONS: &str = "\
WITH running AS MATERIALIZED (SELECT principal, workflow FROM executions WHERE state = 'running'),
bounds AS MATERIALIZED (
    SELECT bound.workflow, bound.most, (SELECT count(*) FROM running WHERE running.workflow = bound.workflow) AS number
    FROM UNNEST($5::text[], $6::int8[]) AS bound (workflow, most)),
candidates AS MATERIALIZED (
    SELECT id, rank, principal, workflow FROM executions
    WHERE state = 'queued' AND is_due
        AND principal NOT IN (SELECT principal FROM running GROUP BY principal HAVING count(*) >= $4::int8)
        AND workflow NOT IN (SELECT workflow FROM bounds WHERE most <= number)
    ORDER BY rank, id LIMIT $7
    FOR UPDATE SKIP LOCKED),
judged AS (
    SELECT candidates.id, candidates.rank,
        (SELECT count(*) FROM running WHERE running.principal = candidates.principal)
            + row_number() OVER (PARTITION BY principal ORDER BY rank, id) <= $4
        AND coalesce(bounds.number + row_number() OVER (PARTITION BY workflow ORDER BY rank, id) <= bounds.most, TRUE)
        AS fits
    FROM candidates LEFT JOIN bounds USING (workflow)),
taken AS (
    SELECT id FROM (SELECT id, bool_and(fits) OVER (ORDER BY rank, id) AS fits FROM judged) AS prefix WHERE fits)
UPDATE executions
SET state = 'running', attempts = attempts + 1, fence = fence + 1, started_at = $1, worker = $2,
    leased_until = clock_timestamp() AT TIME ZONE 'UTC' + make_interval(secs => $3)
FROM taken WHERE executions.id = taken.id
RETURNING executions.id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
    created_at, started_at, finished_at, attempts, steps, result, error, principal,
    run_at, deadline_at, fence, interruptions, cancel_requested, traceparent, rank, (SELECT count(*) FROM candidates) AS candidates";

/// In seconds.
pub(super) const UNTIL_DUE: &str = "\
SELECT extract(epoch FROM least((SELECT min(run_at) FROM executions WHERE state = 'queued' AND NOT is_due),
    (SELECT min(leased_until) FROM executions WHERE state = 'running'))
    - clock_timestamp() AT TIME ZONE 'UTC')::float8";

pub(super) const HEARTBEAT: &str = "\
UPDATE executions SET leased_until = clock_timestamp() AT TIME ZONE 'UTC' + make_interval(secs => $3)
WHERE id = $1 AND fence = $2 AND state = 'running'
RETURNING cancel_requested";

pub(super) const RELEASE_EXECUTION: &str = "\
UPDATE executions
SET state = 'queued', attempts = attempts - 1, started_at = NULL, worker = NULL, leased_until = NULL
WHERE id = $1 AND fence = $2 AND state = 'running'";

pub(super) const RETRY_EXECUTION: &str = "\
UPDATE executions
SET state = 'queued', is_due = FALSE, run_at = $3, steps = $4, error = $5, worker = NULL, leased_until = NULL
WHERE id = $1 AND fence = $2 AND state = 'running'";

pub(super) const SAVE_STEPS: &str =
    "UPDATE executions SET steps = $3 WHERE id = $1 AND fence = $2 AND state = 'running'";

/// The ends and the events that tell of them, whole or not at all. The lock of the log comes last, and only where there
/// are events.
pub(super) const FINISH_EXECUTIONS: &str = "\
WITH ended AS (
    UPDATE executions
    SET state = new.state, result = new.result, error = new.error, steps = coalesce(new.steps, executions.steps),
        finished_at = new.finished_at, worker = NULL, leased_until = NULL
    FROM UNNEST($13::text[], $14::json[], $15::json[], $16::json[], $17::timestamp[], $18::uuid[], $19::int8[])
        AS new (state, result, error, steps, finished_at, id, fence)
    WHERE executions.id = new.id AND executions.fence = new.fence AND executions.state = 'running'
    RETURNING executions.id),
turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(7311142570156650343) FROM (SELECT count(*) AS number FROM ended) AS counted
    WHERE number > 0 AND cardinality($1::uuid[]) > 0),
told AS (
    INSERT INTO system_events
        (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner, publisher)
    SELECT new.id, new.event_type, new.service_name, new.payload, new.timestamp, new.correlation_id, new.user_id,
        new.source, new.event_id, new.owner, new.publisher
    FROM turn, UNNEST($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamp[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[]) WITH ORDINALITY
        AS new (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source, event_id, owner,
            publisher, execution, place)
    WHERE new.execution IN (SELECT id FROM ended)
    ORDER BY new.place)
SELECT id FROM ended";

/// Whether an end whose answer was lost was written all the same.
pub(super) const IS_FINISHED: &str = "\
SELECT EXISTS (SELECT 1 FROM executions WHERE id = $1 AND fence = $2 AND state = $3 AND finished_at = $4)";

/// Whether an acceptance whose answer was lost was written all the same.
pub(super) const IS_ACCEPTED: &str = "\
SELECT EXISTS (SELECT 1 FROM executions WHERE id = $1 AND workflow = $2 AND created_at = $3)";

pub(super) const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM executions WHERE id = $1)";

/// Answers the state before.
pub(super) const CANCEL: &str = "\
WITH found AS (SELECT id, state FROM executions WHERE id = $1 FOR UPDATE),
waiting AS (
    UPDATE executions SET state = 'cancelled', error = $2, finished_at = $3
    FROM found WHERE executions.id = found.id AND found.state = 'queued'),
running AS (
    UPDATE executions SET cancel_requested = TRUE
    FROM found WHERE executions.id = found.id AND found.state = 'running')
SELECT state FROM found";

pub(super) const SELECT_FLOW: &str =
    "SELECT principal, priority FROM executions WHERE id = $1 AND state = 'dead'";

pub(super) const REPLAY_EXECUTION: &str = "\
UPDATE executions
SET state = 'queued', is_due = TRUE, rank = $2, run_at = $3, deadline_at = $4, steps = $5, interruptions = 0,
    finished_at = NULL, error = NULL, cancel_requested = FALSE
WHERE id = $1 AND state = 'dead'";

pub(super) const SELECT_EXECUTION: &str = "\
SELECT id, workflow, state, priority, request, correlation_id, user_id, timeout_ms,
    created_at, started_at, finished_at, attempts, steps, result, error, principal,
    run_at, deadline_at, fence, interruptions, cancel_requested, traceparent
FROM executions WHERE id = $1";

pub(super) const COUNT_QUEUED: &str = "SELECT count(*) FROM executions WHERE state = 'queued'";

/// How long the one waits that was accepted first, of those that could run.
pub(super) const LONGEST_WAIT: &str = "\
SELECT extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - run_at)::float8 FROM executions
WHERE state IN ('queued', 'running') AND state = 'queued' AND run_at <= clock_timestamp() AT TIME ZONE 'UTC'
ORDER BY created_at LIMIT 1";

pub(super) const COUNT_OF_CORRELATION: &str =
    "SELECT count(*) FROM (SELECT 1 FROM executions WHERE correlation_id = $1 LIMIT $2) counted";

/// One for each index that serves it: by moment, by state (open or ended), by workflow, by user, by principal.
pub(super) const LIST_EXECUTIONS: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE created_at >= $1 AND (created_at, id) < ($2, $3)
    AND ($4::text IS NULL OR workflow = $4) AND ($5::text IS NULL OR state = $5)
ORDER BY created_at DESC, id DESC LIMIT $6";

pub(super) const LIST_EXECUTIONS_OPEN: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE state IN ('queued', 'running')
    AND state = $5 AND created_at >= $1 AND (created_at, id) < ($2, $3) AND ($4::text IS NULL OR workflow = $4)
ORDER BY created_at DESC, id DESC LIMIT $6";

pub(super) const LIST_EXECUTIONS_ENDED: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE state NOT IN ('queued', 'running')
    AND state = $5 AND created_at >= $1 AND (created_at, id) < ($2, $3) AND ($4::text IS NULL OR workflow = $4)
ORDER BY created_at DESC, id DESC LIMIT $6";

pub(super) const LIST_EXECUTIONS_OF_WORKFLOW: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE workflow = $4 AND created_at >= $1 AND (created_at, id) < ($2, $3) AND ($5::text IS NULL OR state = $5)
ORDER BY created_at DESC, id DESC LIMIT $6";

pub(super) const LIST_EXECUTIONS_OF_USER: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE user_id = $7 AND created_at >= $1 AND (created_at, id) < ($2, $3)
    AND ($4::text IS NULL OR workflow = $4) AND ($5::text IS NULL OR state = $5)
ORDER BY created_at DESC, id DESC LIMIT $6";

pub(super) const LIST_EXECUTIONS_OF_PRINCIPAL: &str = "\
SELECT id, workflow, state, priority, correlation_id, user_id, created_at, started_at, finished_at, attempts
FROM executions
WHERE principal = $7 AND created_at >= $1 AND (created_at, id) < ($2, $3)
    AND ($4::text IS NULL OR workflow = $4) AND ($5::text IS NULL OR state = $5)
    AND ($8::text IS NULL OR user_id = $8)
ORDER BY created_at DESC, id DESC LIMIT $6";

/// All that need the schema.
pub(super) const ALL: [&str; 36] = [
    INSERT_EXECUTIONS,
    ADMIT,
    LOCK_QUEUE,
    ARE_KEYS_FULL,
    FLOW_END_AND_CLOCK,
    SELECT_KEY,
    INSERT_KEY,
    FORGET_KEYS,
    FORGET_KEYS_OF,
    EXPIRE_LEASES,
    EXPIRE_DEADLINES,
    PROMOTE,
    MAY_FIND,
    CLAIM_EXECUTIONS,
    UNTIL_DUE,
    HEARTBEAT,
    RELEASE_EXECUTION,
    RETRY_EXECUTION,
    SAVE_STEPS,
    FINISH_EXECUTIONS,
    IS_FINISHED,
    IS_ACCEPTED,
    IS_THERE,
    CANCEL,
    SELECT_FLOW,
    REPLAY_EXECUTION,
    SELECT_EXECUTION,
    COUNT_QUEUED,
    LONGEST_WAIT,
    LIST_EXECUTIONS,
    LIST_EXECUTIONS_OPEN,
    LIST_EXECUTIONS_ENDED,
    LIST_EXECUTIONS_OF_WORKFLOW,
    LIST_EXECUTIONS_OF_USER,
    LIST_EXECUTIONS_OF_PRINCIPAL,
    COUNT_OF_CORRELATION,
];
