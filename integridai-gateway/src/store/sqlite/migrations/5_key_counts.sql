-- How many keys each principal has, so that a bound on them is one look however many they are.
CREATE TABLE idempotency_key_counts (
    principal TEXT NOT NULL PRIMARY KEY,
    keys INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency_key_counts SELECT principal, count(*) FROM idempotency_keys GROUP BY principal;
CREATE TRIGGER idempotency_keys_added AFTER INSERT ON idempotency_keys BEGIN
    INSERT INTO idempotency_key_counts (principal, keys) VALUES (NEW.principal, 1)
        ON CONFLICT (principal) DO UPDATE SET keys = keys + 1;
END;
CREATE TRIGGER idempotency_keys_forgotten AFTER DELETE ON idempotency_keys BEGIN
    UPDATE idempotency_key_counts SET keys = keys - 1 WHERE principal = OLD.principal;
    DELETE FROM idempotency_key_counts WHERE principal = OLD.principal AND keys <= 0;
END;
