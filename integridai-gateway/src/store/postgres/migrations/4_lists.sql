-- Lists by state or workflow, newest first: what matches may be rare, and the table is as large as its retention. Two
-- for states, so that whatever looks for what waits has no reason to go by either.
CREATE INDEX executions_open ON executions (created_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX executions_ended ON executions (state, created_at, id) WHERE state NOT IN ('queued', 'running');
CREATE INDEX executions_workflow ON executions (workflow, created_at, id);
