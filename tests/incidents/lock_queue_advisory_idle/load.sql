\set id random(1, 1000)
BEGIN;
SELECT pg_advisory_xact_lock(42);
UPDATE jobs SET done = true WHERE id = :id;
END;
