BEGIN;
SELECT id FROM jobs WHERE state = 'todo' ORDER BY id LIMIT 1 FOR UPDATE \gset
SELECT pg_sleep(0.06);
UPDATE jobs SET state = 'done' WHERE id = :id;
COMMIT;
