-- What is good once, for seconds: by a digest, since the ticket itself is for whoever asked for it alone.
CREATE TABLE tickets (
    digest TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    facts TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_principal ON tickets (principal, expires_at);
CREATE INDEX tickets_expires_at ON tickets (expires_at);
