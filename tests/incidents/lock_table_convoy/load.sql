\set s random(1, 300)
BEGIN;
LOCK TABLE numbers IN SHARE ROW EXCLUSIVE MODE;
UPDATE numbers SET next = next + 1 WHERE series = 's' || :s;
SELECT pg_sleep(0.08);
COMMIT;
