SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE sales (id bigint PRIMARY KEY, shop int NOT NULL, day date NOT NULL, amount numeric NOT NULL, note text);
INSERT INTO sales
SELECT i, i % 40, '2026-01-01'::date + i % 365, i % 113, md5(i::text) FROM generate_series(1, 600000 * :scale) i;
GRANT SELECT ON sales TO app, reports;
VACUUM ANALYZE;
CHECKPOINT;
