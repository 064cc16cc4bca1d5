-- The cursor is the order of commits: whoever inserts an event takes a lock right before, and has it until the end of
-- its transaction, so that nobody sees one cursor and later a smaller one.
ALTER TABLE system_events
    ADD COLUMN source VARCHAR(255),
    ADD COLUMN event_id VARCHAR(255),
    ADD COLUMN cursor BIGINT;
UPDATE system_events SET cursor = numbered.place, source = system_events.service_name
FROM (SELECT id, row_number() OVER (ORDER BY timestamp, id) AS place FROM system_events) AS numbered
WHERE numbered.id = system_events.id;
CREATE SEQUENCE system_events_cursors AS BIGINT OWNED BY system_events.cursor;
SELECT setval('system_events_cursors', (SELECT coalesce(max(cursor), 0) FROM system_events) + 1, FALSE);
ALTER TABLE system_events
    ALTER COLUMN source SET NOT NULL,
    ALTER COLUMN cursor SET NOT NULL,
    ALTER COLUMN cursor SET DEFAULT nextval('system_events_cursors');

CREATE UNIQUE INDEX system_events_cursor ON system_events (cursor);
CREATE UNIQUE INDEX system_events_event_id ON system_events (source, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX system_events_event_type ON system_events (event_type, cursor);
CREATE INDEX system_events_source ON system_events (source, cursor);
CREATE INDEX system_events_user_id ON system_events (user_id, cursor) WHERE user_id IS NOT NULL;
DROP INDEX system_events_correlation_id;
CREATE INDEX system_events_correlation_id ON system_events (correlation_id, cursor) WHERE correlation_id IS NOT NULL;

-- How far the log has lost events, so that whoever comes with an older cursor is told.
CREATE TABLE event_log (
    only_row BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
    pruned_through BIGINT NOT NULL
);
INSERT INTO event_log (pruned_through) VALUES (0);
CREATE FUNCTION integridai_events_pruned() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE event_log SET pruned_through = gone.cursor
    FROM (SELECT max(cursor) AS cursor FROM removed) AS gone WHERE event_log.pruned_through < gone.cursor;
    RETURN NULL;
END $$;
CREATE TRIGGER system_events_pruned AFTER DELETE ON system_events REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION integridai_events_pruned();

-- Every gateway hears of it once it is committed, and looks.
CREATE FUNCTION integridai_events_written() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('integridai_events', '');
    RETURN NULL;
END $$;
CREATE TRIGGER system_events_written AFTER INSERT ON system_events
    FOR EACH STATEMENT EXECUTE FUNCTION integridai_events_written();
