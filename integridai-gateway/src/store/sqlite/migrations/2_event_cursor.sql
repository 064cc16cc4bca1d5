-- The key is the cursor: given in the order of commits, and never twice, not even after rows were removed.
CREATE TABLE events_with_cursor (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    service_name TEXT NOT NULL,
    payload TEXT NOT NULL,
    timestamp TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    correlation_id TEXT,
    user_id TEXT,
    source TEXT NOT NULL,
    event_id TEXT
) STRICT;
INSERT INTO events_with_cursor
    (id, event_type, service_name, payload, timestamp, correlation_id, user_id, source)
    SELECT id, event_type, service_name, payload, timestamp, correlation_id, user_id, service_name
    FROM system_events ORDER BY timestamp, id;
DROP TABLE system_events;
ALTER TABLE events_with_cursor RENAME TO system_events;

-- The rowid, which is the cursor, stands at the end of each index: what is found is in order already.
CREATE UNIQUE INDEX system_events_event_id ON system_events (source, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX system_events_timestamp ON system_events (timestamp);
CREATE INDEX system_events_event_type ON system_events (event_type);
CREATE INDEX system_events_source ON system_events (source);
CREATE INDEX system_events_correlation_id ON system_events (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX system_events_user_id ON system_events (user_id) WHERE user_id IS NOT NULL;

-- How far the log has lost events, so that whoever comes with an older cursor is told.
CREATE TABLE event_log (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    pruned_through INTEGER NOT NULL
) STRICT;
INSERT INTO event_log VALUES (1, 0);
CREATE TRIGGER system_events_pruned AFTER DELETE ON system_events WHEN OLD.id <> 'probe' BEGIN
    UPDATE event_log SET pruned_through = OLD.cursor WHERE pruned_through < OLD.cursor;
END;
