-- What is good once, for seconds: by a digest, since the ticket itself is for whoever asked for it alone. Unlogged, so that
-- none waits for a disk; a crash of the server ends them, and whoever had one asks for another.
CREATE UNLOGGED TABLE tickets (
    digest TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    facts JSON NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX tickets_principal ON tickets (principal, expires_at);
CREATE INDEX tickets_expires_at ON tickets (expires_at);
