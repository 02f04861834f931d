\set key random(1, 10)
\set id random(1, 50)
BEGIN;
SELECT pg_advisory_xact_lock(:key);
SELECT guests FROM rooms WHERE id = :id;
COMMIT;
