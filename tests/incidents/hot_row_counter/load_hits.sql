BEGIN;
UPDATE hits SET n = n + 1 WHERE page = 1;
SELECT pg_sleep(0.04);
COMMIT;
