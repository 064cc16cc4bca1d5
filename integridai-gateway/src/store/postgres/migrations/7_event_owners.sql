-- Which user of a name an event is for, with the issuer that knows it, and among whose events of a source its id is
-- unique. Of an event that was there before nobody knows: those of a user are for operators from now on.
ALTER TABLE system_events
    ADD COLUMN owner TEXT,
    ADD COLUMN publisher TEXT NOT NULL DEFAULT '';
DROP INDEX system_events_event_id;
CREATE UNIQUE INDEX system_events_event_id ON system_events (source, event_id, publisher) WHERE event_id IS NOT NULL;
