BEGIN;
TRUNCATE best_sellers;
INSERT INTO best_sellers SELECT i, i FROM generate_series(1, 200) i;
SELECT pg_sleep(0.6);
COMMIT;
\sleep 60 ms
