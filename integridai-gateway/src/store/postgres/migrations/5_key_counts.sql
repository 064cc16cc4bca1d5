-- How many keys each principal has, so that a bound on them is one look however many they are. Kept by triggers, for
-- gateways of an earlier version may still write.
LOCK TABLE idempotency_keys IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE idempotency_key_counts (
    principal TEXT PRIMARY KEY,
    keys BIGINT NOT NULL
);
INSERT INTO idempotency_key_counts SELECT principal, count(*) FROM idempotency_keys GROUP BY principal;
CREATE FUNCTION integridai_keys_added() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO idempotency_key_counts AS counted (principal, keys)
    SELECT principal, count(*) FROM added GROUP BY principal ORDER BY principal
    ON CONFLICT (principal) DO UPDATE SET keys = counted.keys + EXCLUDED.keys;
    RETURN NULL;
END $$;
CREATE TRIGGER idempotency_keys_added AFTER INSERT ON idempotency_keys REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION integridai_keys_added();
CREATE FUNCTION integridai_keys_forgotten() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE idempotency_key_counts AS counted SET keys = counted.keys - gone.keys
    FROM (SELECT principal, count(*) AS keys FROM forgotten GROUP BY principal) AS gone
    WHERE counted.principal = gone.principal;
    DELETE FROM idempotency_key_counts WHERE keys <= 0 AND principal IN (SELECT principal FROM forgotten);
    RETURN NULL;
END $$;
CREATE TRIGGER idempotency_keys_forgotten AFTER DELETE ON idempotency_keys REFERENCING OLD TABLE AS forgotten
    FOR EACH STATEMENT EXECUTE FUNCTION integridai_keys_forgotten();
